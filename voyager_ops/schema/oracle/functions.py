"""Oracle's functions, one by one: what is not in this table is refused by name."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from voyager_ops.schema.oracle import dates, patterns
from voyager_ops.schema.oracle.aggregates import AGGREGATES, aggregate
from voyager_ops.schema.oracle.arithmetic import built
from voyager_ops.schema.oracle.comparisons import compared
from voyager_ops.schema.oracle.dialect import Node, Refused, call, cast_to, number, paren, text
from voyager_ops.schema.oracle.expressions import Translator, case, concatenated, timestamp_constant
from voyager_ops.schema.oracle.scope import Scope
from voyager_ops.schema.oracle.typed import (
    BOOLEAN,
    BYTES,
    DATE,
    DOUBLE,
    INTEGER,
    INTERVAL,
    NULL,
    NUMBER,
    TEXT,
    TIMESTAMP,
    WHOLE,
    Kind,
    Typed,
    as_number,
    as_text,
    exact,
    integer_of,
    is_moment,
    is_number,
    is_text,
    joined,
    not_empty,
    string_of,
    unify,
    word,
)

Args = list[Typed]
_Function = Callable[[Translator, Args], Typed]


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
    return function(tr, [tr.value(argument, scope) for argument in node.expressions])


# ------------------------------------------------------------------------------------------------------------ NULL


def _coalesce(tr: Translator, args: Args) -> Typed:
    unified, kind = unify(args, "NVL")
    return Typed(call("coalesce", *(value.node for value in unified)), kind)


def _nvl2(tr: Translator, node: exp.Anonymous, scope: Scope) -> Typed:
    if len(node.expressions) != 3:
        raise Refused(f"NVL2 is called with {len(node.expressions)} arguments")
    subject, given, absent = (tr.value(argument, scope) for argument in node.expressions)
    test = exp.Not(this=exp.Is(this=paren(subject.node), expression=exp.Null()))
    return case([test], [given, absent], has_default=True)


def _nullif(tr: Translator, args: Args) -> Typed:
    test = compared(exp.EQ, *args)
    return Typed(call("nullif", test.this, test.expression), args[0].kind)


def _decode(tr: Translator, args: Args) -> Typed:
    subject, rest = args[0], args[1:]
    pairs, default = (rest[:-1], rest[-1:]) if len(rest) % 2 else (rest, [])
    tests: list[Node] = []
    for wanted in pairs[::2]:
        if wanted.kind.base == "null":
            tests.append(exp.Is(this=paren(subject.node), expression=exp.Null()))
        elif isinstance(wanted.node, (exp.Literal, exp.Neg)):
            tests.append(compared(exp.EQ, subject, wanted))
        else:  # to DECODE two NULLs are the same
            equal = compared(exp.EQ, subject, wanted)
            tests.append(exp.Not(this=exp.NullSafeNEQ(this=paren(equal.this), expression=paren(equal.expression))))
    return case(tests, [*pairs[1::2], *default], has_default=bool(default))


def _extreme(name: str) -> _Function:
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


# ------------------------------------------------------------------------------------------------------------ text


def _letters(name: str) -> _Function:
    return lambda tr, args: Typed(call(name, as_text(args[0])), TEXT)


def _concat(tr: Translator, args: Args) -> Typed:
    return concatenated(args)


def _length(tr: Translator, args: Args) -> Typed:
    return Typed(call("length", as_text(args[0])), INTEGER)


def _substr(tr: Translator, args: Args) -> Typed:
    source = as_text(args[0])
    start = integer_of(args[1].node)
    count = args[2] if len(args) > 2 else None
    if start is None:
        return _substr_anywhere(source, args[1], count)
    if start >= 0:
        return Typed(not_empty(_piece(source, number(max(start, 1)), count)), TEXT)
    # From the end: nothing at all where the text is shorter than that.
    long_enough = exp.GTE(this=call("length", source), expression=number(-start))
    begin = built(exp.Sub, call("length", source), number(-start - 1))
    piece = call("right", source, number(-start)) if count is None else _piece(source, begin, count)
    return Typed(exp.Case(ifs=[exp.If(this=long_enough, true=not_empty(piece))]), TEXT)


def _substr_anywhere(source: Node, start: Typed, count: Typed | None) -> Typed:
    begin = _as_int(start)
    ahead = exp.GTE(this=begin, expression=number(0))
    behind = exp.GTE(this=call("length", source), expression=exp.Neg(this=paren(begin)))
    backwards = built(exp.Add, built(exp.Add, call("length", source), begin), number(1))
    branches = [
        exp.If(this=ahead, true=not_empty(_piece(source, call("greatest", begin, number(1)), count))),
        exp.If(this=behind, true=not_empty(_piece(source, backwards, count))),
    ]
    return Typed(exp.Case(ifs=branches), TEXT)


def _piece(source: Node, begin: Node, count: Typed | None) -> Node:
    if count is None:
        return call("substr", source, begin)
    constant = integer_of(count.node)
    if constant is not None:
        return call("substr", source, begin, number(constant)) if constant > 0 else exp.Null()
    return call("substr", source, begin, call("greatest", _as_int(count), number(0)))


def _as_int(value: Typed) -> Node:
    given = as_number(value)
    if given.kind.native:
        return given.node
    return cast_to(given.node if given.kind.integral else call("trunc", given.node), "integer")


def _instr(tr: Translator, args: Args) -> Typed:
    if any(integer_of(value.node) != 1 for value in args[2:]):
        raise Refused("INSTR looks for other than the first occurrence from the beginning")
    return Typed(call("strpos", as_text(args[0]), as_text(args[1])), INTEGER)


def _replace(tr: Translator, args: Args) -> Typed:
    if string_of(args[1].node) is None:
        raise Refused("REPLACE looks for what is not a constant, and may be NULL")
    by = args[2] if len(args) > 2 else Typed(exp.Null(), NULL)
    with_: Node = text("") if by.kind.base == "null" else as_text(by)
    if by.kind.base != "null" and string_of(by.node) is None:
        with_ = call("coalesce", with_, text(""))
    return Typed(not_empty(call("replace", as_text(args[0]), as_text(args[1]), with_)), TEXT)


def _translate(tr: Translator, args: Args) -> Typed:
    if not all(string_of(value.node) for value in args[1:]):
        raise Refused("TRANSLATE is given letters that are not constants")
    return Typed(not_empty(call("translate", *map(as_text, args))), TEXT)


def _pad(name: str) -> _Function:
    def translate(tr: Translator, args: Args) -> Typed:
        fill = [as_text(args[2])] if len(args) > 2 else []
        if fill and not string_of(args[2].node):
            raise Refused(f"{name.upper()} fills up with what is not a constant")
        return Typed(not_empty(call(name, as_text(args[0]), _as_int(args[1]), *fill)), TEXT)

    return translate


def _strip(name: str) -> _Function:
    def translate(tr: Translator, args: Args) -> Typed:
        if len(args) > 1 and not string_of(args[1].node):
            raise Refused(f"{name.upper()} takes away what is not a constant")
        return Typed(not_empty(call(name, *map(as_text, args))), TEXT)

    return translate


def _chr(tr: Translator, args: Args) -> Typed:
    code = integer_of(args[0].node)
    if code is None or not 0 < code < 128:
        raise Refused("CHR depends on the character set of the database")
    return Typed(call("chr", number(code)), TEXT)


def _regexp_like(tr: Translator, args: Args) -> Typed:
    pattern = string_of(args[1].node)
    flags = string_of(args[2].node) if len(args) > 2 else ""
    if pattern is None or flags is None:
        raise Refused("a regular expression is not a constant")
    written, ignore_case = patterns.advanced(pattern, flags)
    operator = exp.RegexpILike if ignore_case else exp.RegexpLike
    return Typed(operator(this=paren(as_text(args[0])), expression=text(written)), BOOLEAN)


# --------------------------------------------------------------------------------------------------------- numbers


def _numeric(name: str, *, integral: bool = False) -> _Function:
    def translate(tr: Translator, args: Args) -> Typed:
        values = [as_number(value) for value in args]
        kind = joined(value.kind for value in values)
        nodes = [exact(value) if kind.base != "double" else value.node for value in values]
        result = Kind("number", integral=True) if integral else NUMBER
        return Typed(call(name, *nodes), DOUBLE if kind.base == "double" else result)

    return translate


def _abs(tr: Translator, args: Args) -> Typed:
    value = as_number(args[0])
    return Typed(call("abs", value.node), value.kind)


def _mod(tr: Translator, args: Args) -> Typed:
    left, right = as_number(args[0]), as_number(args[1])
    kind = joined([left.kind, right.kind])
    if kind.base == "double":
        raise Refused("MOD of binary numbers")
    result = call("mod", left.node, right.node)
    if integer_of(right.node) not in (None, 0):
        return Typed(result, kind)
    zero = exp.EQ(this=paren(right.node), expression=number(0))  # Oracle gives back the number itself
    return Typed(exp.Case(ifs=[exp.If(this=zero, true=left.node)], default=result), kind)


def _rounded(name: str) -> _Function:
    def translate(tr: Translator, args: Args) -> Typed:
        first = args[0]
        if is_moment(first.kind):
            return _rounded_date(name, args)
        mask = string_of(args[1].node) if len(args) > 1 else None
        if mask is not None or not (is_number(first.kind) or is_text(first.kind) or first.kind.base == "null"):
            raise Refused(f"{name.upper()} of a {word(first.kind)}")
        value = as_number(first)
        if value.kind.base == "double":
            raise Refused(f"{name.upper()} of a binary number, which the target rounds differently")
        if len(args) == 1:
            return value if value.kind.integral else Typed(call(name, value.node), WHOLE)
        return Typed(call(name, exact(value), _as_int(args[1])), NUMBER)

    return translate


def _rounded_date(name: str, args: Args) -> Typed:
    if name != "trunc":
        raise Refused("ROUND of a date")
    mask = "DD"
    if len(args) > 1:
        given = string_of(args[1].node)
        if given is None:
            raise Refused("TRUNC of a date by a unit that is not a constant")
        mask = given
    return Typed(call("date_trunc", text(dates.trunc_unit(mask)), args[0].node), DATE)


def _bitand(tr: Translator, args: Args) -> Typed:
    values = [as_number(value) for value in args]
    if not all(value.kind.integral for value in values):
        raise Refused("BITAND of numbers with fractions")
    left, right = (value.node if value.kind.native else cast_to(value.node, "bigint") for value in values)
    return Typed(exp.Paren(this=exp.BitwiseAnd(this=paren(left), expression=paren(right))), INTEGER)


def _to_number(tr: Translator, args: Args) -> Typed:
    return as_number(args[0])


# ----------------------------------------------------------------------------------------------------------- dates


def _to_date(kind: Kind) -> _Function:
    def translate(tr: Translator, args: Args) -> Typed:
        value, mask = string_of(args[0].node), string_of(args[1].node)
        if args[0].kind.base == "null":
            return Typed(exp.Null(), NULL)
        if mask is None:
            raise Refused("a date is read by a mask that is not a constant")
        if len(args) > 2 and "GREGORIAN" not in (string_of(args[2].node) or "").upper():
            raise Refused("a date is read with settings of its own")
        if value is not None:
            return Typed(timestamp_constant(dates.constant(value, mask)), kind)
        if not is_text(args[0].kind) or not dates.is_iso_mask(mask):
            raise Refused(f"text is read as a date by {mask!r}, which the target may read differently")
        tr.unstable("text read as a date")
        return Typed(cast_to(as_text(args[0]), "timestamp(0) without time zone"), kind)

    return translate


def _to_char(tr: Translator, args: Args) -> Typed:
    value = args[0]
    if len(args) == 1:
        return Typed(as_text(value), TEXT)
    mask = string_of(args[1].node)
    if mask is None:
        raise Refused("TO_CHAR is given a mask that is not a constant")
    if is_moment(value.kind):
        tr.unstable("TO_CHAR of a date")
        return Typed(call("to_char", value.node, text(dates.char_mask(mask))), TEXT)
    if value.kind.base == "number":
        tr.unstable("TO_CHAR of a number")
        return Typed(call("to_char", exact(value), text(patterns.number_mask(mask))), TEXT)
    raise Refused(f"TO_CHAR of a {word(value.kind)}")


def _month_end(day: Node, months: Node | None) -> Node:
    """The last day of the month of ``day`` (some months later), at the same time of day."""
    first: Node = call("date_trunc", text("month"), day)
    if months is not None:
        first = built(exp.Add, first, months)
    last = built(exp.Sub, built(exp.Add, first, exp.Interval(this=text("1 month"))), exp.Interval(this=text("1 day")))
    return built(exp.Add, last, built(exp.Sub, day, call("date_trunc", text("day"), day)))


def _add_months(tr: Translator, args: Args) -> Typed:
    if not is_moment(args[0].kind):
        raise Refused(f"ADD_MONTHS of a {word(args[0].kind)}")
    day = args[0].node if args[0].kind.base == "date" else call("date_trunc", text("second"), args[0].node)
    constant = integer_of(args[1].node)
    months: Node
    if constant is not None:
        months = exp.Interval(this=text(f"{constant} months"))
    else:
        months = built(exp.Mul, _as_int(args[1]), exp.Interval(this=text("1 month")))
    # The last day of a month stays the last day.
    is_last = exp.EQ(this=_month_end(day, None), expression=day)
    branch = exp.If(this=is_last, true=_month_end(day, months))
    return Typed(exp.Case(ifs=[branch], default=built(exp.Add, day, months)), DATE)


def _months_between(tr: Translator, args: Args) -> Typed:
    """Whole months between equal days and between last days of months; else days count as parts of a month of 31."""
    if not all(is_moment(value.kind) for value in args):
        raise Refused("MONTHS_BETWEEN of what are no dates")
    one, other = (value.node for value in args)

    def part(name: str, node: Node) -> Node:
        return exp.Extract(this=exp.Var(this=name), expression=node)

    years = exp.Paren(this=built(exp.Sub, part("YEAR", one), part("YEAR", other)))
    months = built(exp.Add, built(exp.Mul, years, number(12)), built(exp.Sub, part("MONTH", one), part("MONTH", other)))
    same_day = exp.EQ(this=part("DAY", one), expression=part("DAY", other))
    last_days = exp.And(
        this=exp.EQ(this=_month_end(one, None), expression=one.copy()),
        expression=exp.EQ(this=_month_end(other, None), expression=other.copy()),
    )
    since = [exp.Paren(this=built(exp.Sub, node, call("date_trunc", text("month"), node))) for node in (one, other)]
    seconds = part("EPOCH", built(exp.Sub, since[0], since[1]))
    days = built(exp.Div, seconds, number(86400 * 31))
    whole = exp.If(this=exp.Or(this=same_day, expression=exp.Paren(this=last_days)), true=months)
    return Typed(exp.Case(ifs=[whole], default=built(exp.Add, months.copy(), days)), NUMBER)


def _sys_context(tr: Translator, args: Args) -> Typed:
    what = tuple((string_of(value.node) or "").upper() for value in args)
    if what != ("USERENV", "SESSION_USER"):
        raise Refused(f"SYS_CONTEXT{what} has no counterpart")
    tr.unstable("SYS_CONTEXT")
    return Typed(call("upper", cast_to(exp.Var(this="session_user"), "text")), TEXT)


def _last_day(tr: Translator, args: Args) -> Typed:
    if args[0].kind.base != "date":
        raise Refused(f"LAST_DAY of a {word(args[0].kind)}")
    return Typed(_month_end(args[0].node, None), DATE)


def _to_interval(units: dict[str, str]) -> _Function:
    def translate(tr: Translator, args: Args) -> Typed:
        unit = units.get((string_of(args[1].node) or "").strip().upper())
        value = as_number(args[0])
        if unit is None:
            raise Refused("an interval is made of a unit that is not a constant")
        if unit in {"1 month", "1 year"} and not value.kind.integral:
            raise Refused("an interval is made of fractions of a month")
        constant = integer_of(value.node)
        if constant is not None:
            return Typed(exp.Interval(this=text(f"{constant} {unit[2:]}{'' if abs(constant) == 1 else 's'}")), INTERVAL)
        return Typed(exp.Paren(this=built(exp.Mul, value.node, exp.Interval(this=text(unit)))), INTERVAL)

    return translate


_DAY_UNITS = {name: f"1 {name.lower()}" for name in ("DAY", "HOUR", "MINUTE", "SECOND")}
_MONTH_UNITS = {name: f"1 {name.lower()}" for name in ("YEAR", "MONTH")}

# ----------------------------------------------------------------------------------------------------------- others


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


_FUNCTIONS: dict[str, tuple[_Function, int, int]] = {
    "NVL": (_coalesce, 2, 2),
    "COALESCE": (_coalesce, 2, 99),
    "NULLIF": (_nullif, 2, 2),
    "DECODE": (_decode, 3, 999),
    "GREATEST": (_extreme("greatest"), 1, 99),
    "LEAST": (_extreme("least"), 1, 99),
    "UPPER": (_letters("upper"), 1, 1),
    "LOWER": (_letters("lower"), 1, 1),
    "INITCAP": (_letters("initcap"), 1, 1),
    "CONCAT": (_concat, 2, 99),
    "LENGTH": (_length, 1, 1),
    "SUBSTR": (_substr, 2, 3),
    "INSTR": (_instr, 2, 4),
    "REPLACE": (_replace, 2, 3),
    "TRANSLATE": (_translate, 3, 3),
    "LPAD": (_pad("lpad"), 2, 3),
    "RPAD": (_pad("rpad"), 2, 3),
    "LTRIM": (_strip("ltrim"), 1, 2),
    "RTRIM": (_strip("rtrim"), 1, 2),
    "CHR": (_chr, 1, 1),
    "REGEXP_LIKE": (_regexp_like, 2, 3),
    "ABS": (_abs, 1, 1),
    "CEIL": (_numeric("ceil", integral=True), 1, 1),
    "FLOOR": (_numeric("floor", integral=True), 1, 1),
    "POWER": (_numeric("power"), 2, 2),
    "SQRT": (_numeric("sqrt"), 1, 1),
    "EXP": (_numeric("exp"), 1, 1),
    "LN": (_numeric("ln"), 1, 1),
    "LOG": (_numeric("log"), 2, 2),
    "SIGN": (_numeric("sign", integral=True), 1, 1),
    "MOD": (_mod, 2, 2),
    "ROUND": (_rounded("round"), 1, 2),
    "TRUNC": (_rounded("trunc"), 1, 2),
    "BITAND": (_bitand, 2, 2),
    "TO_NUMBER": (_to_number, 1, 1),
    "TO_DATE": (_to_date(DATE), 2, 3),
    "TO_TIMESTAMP": (_to_date(TIMESTAMP), 2, 3),
    "TO_CHAR": (_to_char, 1, 2),
    "ADD_MONTHS": (_add_months, 2, 2),
    "LAST_DAY": (_last_day, 1, 1),
    "MONTHS_BETWEEN": (_months_between, 2, 2),
    "SYS_CONTEXT": (_sys_context, 2, 2),
    "NUMTODSINTERVAL": (_to_interval(_DAY_UNITS), 2, 2),
    "NUMTOYMINTERVAL": (_to_interval(_MONTH_UNITS), 2, 2),
    "SYS_GUID": (_sys_guid, 0, 0),
    "RAWTOHEX": (_rawtohex, 1, 1),
    "HEXTORAW": (_hextoraw, 1, 1),
    "EMPTY_CLOB": (_empty_clob, 0, 0),
    "EMPTY_BLOB": (_empty_blob, 0, 0),
    "TO_CLOB": (_same, 1, 1),
    "TO_NCLOB": (_same, 1, 1),
    "TO_NCHAR": (_same, 1, 1),
}
