"""Oracle's functions, one by one: what is not in this table is refused by name."""

from __future__ import annotations

from sqlglot import exp

from voyager_ops.schema.oracle import dates, patterns
from voyager_ops.schema.oracle.aggregates import AGGREGATES, aggregate
from voyager_ops.schema.oracle.comparisons import compared
from voyager_ops.schema.oracle.date_functions import DATE_FUNCTIONS
from voyager_ops.schema.oracle.dialect import Node, Refused, call, cast_to, number, paren, text
from voyager_ops.schema.oracle.expressions import Translator, case
from voyager_ops.schema.oracle.function_table import Args, Function, Table
from voyager_ops.schema.oracle.number_functions import NUMBER_FUNCTIONS
from voyager_ops.schema.oracle.scope import Scope
from voyager_ops.schema.oracle.text_functions import TEXT_FUNCTIONS
from voyager_ops.schema.oracle.typed import (
    BOOLEAN,
    BYTES,
    NULL,
    TEXT,
    Typed,
    as_number,
    as_text,
    exact,
    is_moment,
    is_number,
    is_text,
    like_the_first,
    padded,
    string_of,
    unify,
    word,
)


def call_of(tr: Translator, node: exp.Anonymous, scope: Scope) -> Typed:
    """The translation of a call. Raises Refused for functions that are not known, or not known to mean the same."""
    name = str(node.this).upper()
    if name in AGGREGATES:
        return aggregate(tr, name, node, scope)
    if name == "NVL2":
        return _nvl2(tr, node, scope)
    if name == "LNNVL" and len(node.expressions) == 1:
        condition = exp.Paren(this=tr.condition(node.expressions[0], scope))
        return Typed(exp.Is(this=condition, expression=exp.Not(this=exp.Boolean(this=True))), BOOLEAN)
    found = _FUNCTIONS.get(name)
    if found is None:
        raise Refused(f"the function {name} is not known here")
    function, low, high = found
    if not low <= len(node.expressions) <= high:
        raise Refused(f"{name} is called with {len(node.expressions)} arguments")
    args = [tr.value(argument, scope) for argument in node.expressions]
    if name in _STRICT and any(value.kind.base == "null" for value in args):
        return Typed(exp.Null(), NULL)
    return function(tr, args)


def _nvl(tr: Translator, args: Args) -> Typed:
    if args[0].kind.base == "null":
        return padded(args[1])
    unified, kind = like_the_first(args, "NVL")
    return Typed(call("coalesce", *(value.node for value in unified)), kind)


def _coalesce(tr: Translator, args: Args) -> Typed:
    unified, kind = unify([padded(value) for value in args], "COALESCE")
    return Typed(call("coalesce", *(value.node for value in unified)), kind)


def _nvl2(tr: Translator, node: exp.Anonymous, scope: Scope) -> Typed:
    if len(node.expressions) != 3:
        raise Refused(f"NVL2 is called with {len(node.expressions)} arguments")
    subject, given, absent = (tr.value(argument, scope) for argument in node.expressions)
    test = exp.Not(this=exp.Is(this=paren(subject.node), expression=exp.Null()))
    if given.kind.base != "null":
        (given, absent), _ = like_the_first([given, absent], "NVL2")
    return case([test], [given, absent], has_default=True)


def _nullif(tr: Translator, args: Args) -> Typed:
    test = compared(exp.EQ, *args)
    if test.this != args[0].node:  # compared as something else than what it is
        return Typed(exp.Case(ifs=[exp.If(this=test, true=exp.Null())], default=args[0].node.copy()), args[0].kind)
    return Typed(call("nullif", test.this, test.expression), args[0].kind)


def _decode(tr: Translator, args: Args) -> Typed:
    # Texts are compared with their blanks, and the result is no CHAR, whatever it is given.
    pairs, default = (args[1:-1], args[-1:]) if len(args) % 2 == 0 else (args[1:], [])
    subject, *searched = _searched([args[0], *pairs[::2]])
    results, _ = like_the_first([*pairs[1::2], *default], "DECODE")
    tests: list[Node] = []
    for wanted in searched:
        if wanted.kind.base == "null":
            tests.append(exp.Is(this=paren(subject.node), expression=exp.Null()))
        elif isinstance(wanted.node, (exp.Literal, exp.Neg)):
            tests.append(compared(exp.EQ, subject, wanted))
        else:  # to DECODE two NULLs are the same
            equal = compared(exp.EQ, subject, wanted)
            tests.append(exp.Not(this=exp.NullSafeNEQ(this=paren(equal.this), expression=paren(equal.expression))))
    return case(tests, results, has_default=bool(default))


def _searched(values: Args) -> Args:
    """What DECODE looks for, and among what: all of the kind of the first among those; texts are compared with their blanks."""
    first = values[1].kind
    others = [value.kind for value in values[2:] if value.kind.base != "null"]
    if first.base == "null":
        same = is_text if is_text(values[0].kind) else is_number
        if others and not all(same(kind) for kind in [values[0].kind, *others]):
            raise Refused("DECODE compares by the text of what is none")
    elif is_text(first):
        return [Typed(as_text(value), TEXT if value.kind.base != "null" else NULL) for value in values]
    elif first.base == "number":
        return [as_number(value) for value in values]
    elif others and any(kind.base != first.base for kind in others):
        raise Refused("DECODE compares values of different kinds")
    return [padded(value) for value in values]


def _extreme(name: str) -> Function:
    def translate(tr: Translator, args: Args) -> Typed:
        unified, kind = unify(args, name.upper())
        nodes = [value.node for value in unified]
        if is_text(kind):
            raise Refused(f"{name.upper()} compares texts, in an order that depends on the target's collation")
        # NULL if any is NULL; PostgreSQL leaves NULLs out.
        unknown = [exp.Is(this=paren(node), expression=exp.Null()) for node in nodes if not isinstance(node, exp.Literal)]
        result: Node = call(name, *nodes)
        if unknown:
            result = exp.Case(ifs=[exp.If(this=exp.Not(this=exp.Paren(this=exp.or_(*unknown, copy=False))), true=result)])
        return Typed(result, kind)

    return translate


def _in_digits(moment: Node, parts: list[tuple[str, int] | str]) -> Node:
    """A date as text that depends on no setting, which to_char's does as PostgreSQL sees it."""
    pieces: list[Node] = []
    for part in parts:
        if isinstance(part, str):
            pieces.append(text(part))
        else:
            digits = call("abs", call("trunc", exp.Extract(this=exp.Var(this=part[0]), expression=moment.copy())))
            pieces.append(call("lpad", cast_to(digits, "text"), number(part[1]), text("0")))
    result = pieces[0]
    for piece in pieces[1:]:
        result = exp.DPipe(this=result, expression=piece, safe=True)
    return result


def _to_char(tr: Translator, args: Args) -> Typed:
    value = args[0]
    if len(args) == 1:
        return Typed(as_text(value), TEXT)
    mask = string_of(args[1].node)
    if mask is None:
        raise Refused("TO_CHAR is given a mask that is not a constant")
    if is_moment(value.kind):
        parts = dates.written_in_digits(mask) if tr.generated else None
        if parts is not None:
            return Typed(_in_digits(value.node, parts), TEXT)
        tr.unstable("TO_CHAR of a date")
        return Typed(call("to_char", value.node, text(dates.char_mask(mask))), TEXT)
    if value.kind.base == "number":
        tr.unstable("TO_CHAR of a number")
        return Typed(call("to_char", exact(value), text(patterns.number_mask(mask))), TEXT)
    raise Refused(f"TO_CHAR of a {word(value.kind)}")


def _sys_context(tr: Translator, args: Args) -> Typed:
    what = tuple((string_of(value.node) or "").upper() for value in args)
    if what != ("USERENV", "SESSION_USER"):
        raise Refused(f"SYS_CONTEXT{what} has no counterpart")
    tr.unstable("SYS_CONTEXT")
    return Typed(call("upper", cast_to(exp.Var(this="session_user"), "text")), TEXT)


def _sys_guid(tr: Translator, args: Args) -> Typed:
    tr.unstable("SYS_GUID")
    plain = call("replace", cast_to(call("gen_random_uuid"), "text"), text("-"), text(""))
    return Typed(call("decode", plain, text("hex")), BYTES)


def _hex(tr: Translator, args: Args) -> Typed:
    return Typed(call("upper", call("encode", args[0].node, text("hex"))), TEXT)


def _rawtohex(tr: Translator, args: Args) -> Typed:
    if args[0].kind.base != "bytes":
        raise Refused(f"RAWTOHEX of a {word(args[0].kind)}")
    return _hex(tr, args)


def _hextoraw(tr: Translator, args: Args) -> Typed:
    digits = string_of(args[0].node)
    if digits is None or len(digits) % 2 or set(digits.upper()) - set("0123456789ABCDEF"):
        raise Refused("HEXTORAW of what is not a constant")
    return Typed(cast_to(text("\\x" + digits.lower()), "bytea"), BYTES)


def _empty_clob(tr: Translator, args: Args) -> Typed:
    return Typed(cast_to(text(""), "text"), TEXT)


def _empty_blob(tr: Translator, args: Args) -> Typed:
    return Typed(cast_to(text(""), "bytea"), BYTES)


def _same(tr: Translator, args: Args) -> Typed:
    """TO_CLOB and its like: the value is text already."""
    return Typed(as_text(args[0]), TEXT)


_STRICT = {*NUMBER_FUNCTIONS, *DATE_FUNCTIONS, "UPPER", "LOWER", "INITCAP", "LENGTH", "SUBSTR", "INSTR", "RAWTOHEX", "HEXTORAW"}
"""NULL of NULL; PostgreSQL would not know the type of it."""
_FUNCTIONS: Table = {
    **TEXT_FUNCTIONS,
    **NUMBER_FUNCTIONS,
    **DATE_FUNCTIONS,
    "NVL": (_nvl, 2, 2),
    "COALESCE": (_coalesce, 2, 99),
    "NULLIF": (_nullif, 2, 2),
    "DECODE": (_decode, 3, 999),
    "GREATEST": (_extreme("greatest"), 1, 99),
    "LEAST": (_extreme("least"), 1, 99),
    "TO_CHAR": (_to_char, 1, 2),
    "SYS_CONTEXT": (_sys_context, 2, 2),
    "SYS_GUID": (_sys_guid, 0, 0),
    "RAWTOHEX": (_rawtohex, 1, 1),
    "HEXTORAW": (_hextoraw, 1, 1),
    "EMPTY_CLOB": (_empty_clob, 0, 0),
    "EMPTY_BLOB": (_empty_blob, 0, 0),
    "TO_CLOB": (_same, 1, 1),
    "TO_NCLOB": (_same, 1, 1),
    "TO_NCHAR": (_same, 1, 1),
}
