"""Oracle's expressions as PostgreSQL's, by an allow-list: a kind of node has a translation here, or the expression is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sqlglot import exp

from voyager_ops.databases.oracle.names import fold
from voyager_ops.databases.oracle.types import OracleType, target_type, why_not
from voyager_ops.schema.oracle import dates
from voyager_ops.schema.oracle.arithmetic import arithmetic
from voyager_ops.schema.oracle.comparisons import compared
from voyager_ops.schema.oracle.dialect import Node, Refused, call, cast_to, generate, identifier, native, paren, text
from voyager_ops.schema.oracle.scope import Names, Scope
from voyager_ops.schema.oracle.typed import (
    BOOLEAN,
    DATE,
    INSTANT,
    INTERVAL,
    NULL,
    NUMBER,
    TEXT,
    TIMESTAMP,
    Kind,
    Typed,
    as_number,
    as_text,
    bare,
    integer_of,
    is_moment,
    kind_of_target,
    not_empty,
    numeral,
    padded,
    string_of,
    unify,
    word,
)

_ANYTHING = ("*",)
"""For queries, which queries.py looks through itself."""
_CASTS = {"DECIMAL", "INT", "SMALLINT", "VARCHAR", "NVARCHAR", "CHAR", "NCHAR", "DATE", "TIMESTAMP", "TEXT"}
_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div)
_PARTS = {"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"}
_INTERVAL_UNITS = {"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"}


class Translator:
    """Translates expressions and conditions. ``lasting``: only what gives the same value for ever (index, generated column).

    ``owner`` is the schema in which names without one are looked up.
    """

    def __init__(self, names: Names, owner: str = "", *, lasting: bool = False) -> None:
        self.names = names
        self.owner = owner
        self.lasting = lasting

    def value(self, node: Any, scope: Scope) -> Typed:
        """The translated node and its kind. Raises Refused."""
        for kinds, translate, arguments in _HANDLERS:
            if isinstance(node, kinds):
                if arguments is not _ANYTHING:
                    _args(node, *arguments)
                return translate(self, node, scope)
        raise Refused(f"{_shown(node)} is not translated")

    def condition(self, node: Any, scope: Scope) -> Node:
        """A condition. Raises Refused for anything that is none."""
        result, kind = self.value(node, scope)
        if kind.base != "boolean":
            raise Refused(f"{_shown(node)} is not a condition")
        return result

    def query(self, node: Any, scope: Scope | None) -> tuple[exp.Query, dict[str, Kind]]:
        """A query inside of ``scope``, and its columns."""
        from voyager_ops.schema.oracle.queries import translate  # the two need each other

        return translate(self, node, scope)

    def unstable(self, what: str) -> None:
        """Called by whatever may give another value another time."""
        if self.lasting:
            raise Refused(f"{what} does not give the same value for ever, which an index or generated column needs")


def _shown(node: Any) -> str:
    try:
        written = str(node.sql("oracle"))
    except Exception:  # noqa: BLE001 (only for the report: whatever sqlglot cannot print is named by its class)
        written = type(node).__name__
    return written if len(written) < 80 else written[:77] + "…"


def _args(node: exp.Expression, *allowed: str) -> None:
    """Raises Refused when the node carries something beyond ``allowed``."""
    for name, given in node.args.items():
        if name not in allowed and given not in (None, False, []):
            raise Refused(f"{_shown(node)} is not translated ({name})")


# ------------------------------------------------------------------------------------------------------------ constants


def _literal(tr: Translator, node: exp.Literal, scope: Scope) -> Typed:
    if not node.is_string:
        return numeral(str(node.this))
    return Typed(text(str(node.this)), TEXT) if node.this else Typed(exp.Null(), NULL)


def _other_string(tr: Translator, node: exp.Expression, scope: Scope) -> Typed:
    return Typed(text(str(node.this)), TEXT) if node.this else Typed(exp.Null(), NULL)


def _null(tr: Translator, node: exp.Null, scope: Scope) -> Typed:
    return Typed(exp.Null(), NULL)


def _boolean(tr: Translator, node: exp.Boolean, scope: Scope) -> Typed:
    return Typed(exp.Boolean(this=bool(node.this)), BOOLEAN)


def _date_literal(tr: Translator, node: exp.Expression, scope: Scope) -> Typed:
    written = string_of(node.this)
    if written is None:
        raise Refused(f"{_shown(node)} is not translated")
    return Typed(timestamp_constant(dates.constant(written, "SYYYY-MM-DD")), DATE)


def _timestamp_literal(tr: Translator, node: exp.Expression, scope: Scope) -> Typed:
    written = string_of(node.this)
    zone = re.fullmatch(r"(.*\d)\s*([+-]\d{1,2}:\d\d)", written or "")
    if written is None:
        raise Refused(f"{_shown(node)} is not translated")
    mask = "SYYYY-MM-DD HH24:MI:SS.FF" if "." in written else "SYYYY-MM-DD HH24:MI:SS"
    if zone is None:
        return Typed(timestamp_constant(dates.constant(written, mask)), TIMESTAMP)
    hours, _, minutes = zone[2][1:].partition(":")
    read = dates.constant(zone[1], mask) + f"{zone[2][0]}{int(hours):02}:{minutes}"
    return Typed(cast_to(text(read), "timestamp with time zone"), INSTANT)


def timestamp_constant(written: str) -> Node:
    return cast_to(text(written), "timestamp without time zone")


def _interval(tr: Translator, node: exp.Interval, scope: Scope) -> Typed:
    written, unit = string_of(node.this), node.args.get("unit")
    if written is None or unit is None:
        raise Refused(f"{_shown(node)} is not translated")
    span = [str(part.this).upper() for part in ([unit.this, unit.expression] if isinstance(unit, exp.IntervalSpan) else [unit])]
    if not set(span) <= _INTERVAL_UNITS:
        raise Refused(f"{_shown(node)} is not translated")
    if len(span) == 1:
        return Typed(exp.Interval(this=text(f"{written.strip()} {span[0].lower()}")), INTERVAL)
    if not re.fullmatch(r"[+-]?[\d:. -]+", written):
        raise Refused(f"{_shown(node)} is not translated")
    # The sign stands before the first field only, and is of the whole.
    negative, digits = written.strip().startswith("-"), written.strip().lstrip("+-")
    if span == ["YEAR", "MONTH"]:
        years, _, months = digits.partition("-")
        amount: Node = exp.Interval(this=text(f"{int(years)} years {int(months or 0)} months"))
    elif span[0] == "DAY":
        days, _, time = digits.partition(" ")
        amount = exp.Interval(this=text(f"{int(days)} days {_time(time, span[1])}".strip()))
    else:
        raise Refused(f"{_shown(node)} is not translated")
    return Typed(exp.Neg(this=amount) if negative else amount, INTERVAL)


def _time(written: str, to: str) -> str:
    fields = {"HOUR": 1, "MINUTE": 2, "SECOND": 3}.get(to)
    parts = [part for part in written.split(":") if part]
    if fields is None or len(parts) != fields:
        raise Refused(f"the interval {written!r} is not understood")
    return ":".join([*parts, *["00"] * (3 - fields)])


# ------------------------------------------------------------------------------------------------------- names


def _column(tr: Translator, node: exp.Column, scope: Scope) -> Typed:
    if node.args.get("join_mark"):
        raise Refused("(+) stands where it is not understood")
    name, alias = native(node.this), native(node.args.get("table"))
    if name in ("NEXTVAL", "CURRVAL") and alias:
        return _sequence(tr, name, native(node.args.get("db")), alias)
    found = scope.find(alias, name)
    if found is None:
        return _pseudo(tr, name, alias, scope)
    holder, kind = found
    table = identifier(fold(holder)) if alias else None
    return Typed(exp.Column(this=identifier(fold(name)), table=table), kind)


def _sequence(tr: Translator, what: str, owner: str, name: str) -> Typed:
    tr.unstable(f"{name}.{what}")
    schema, folded = tr.names.sequence(owner, name)
    written = generate(exp.Column(this=identifier(folded), table=identifier(schema)))
    return Typed(call(what.lower(), cast_to(text(written), "regclass")), Kind("number", integral=True, native=True))


def now(seconds: bool) -> Node:
    """The moment the statement began, as Oracle's SYSDATE is; in the session's time zone."""
    started = call("statement_timestamp")
    return cast_to(call("date_trunc", text("second"), started) if seconds else started, "timestamp without time zone")


def _pseudo(tr: Translator, name: str, alias: str, scope: Scope) -> Typed:
    if alias:
        raise Refused(f"{alias}.{name} is not known")
    if name in ("SYSDATE", "CURRENT_DATE"):
        tr.unstable(name)
        return Typed(now(seconds=True), DATE)
    if name == "USER":
        tr.unstable(name)
        return Typed(call("upper", cast_to(exp.Var(this="session_user"), "text")), TEXT)
    reason = {
        "ROWNUM": "ROWNUM is used other than to limit the rows",
        "ROWID": "ROWID is used",
        "LEVEL": "LEVEL is used",
    }.get(name, f"the column {name} is not known, or not converted")
    raise Refused(reason)


def _current(tr: Translator, node: exp.Expression, scope: Scope) -> Typed:
    tr.unstable(_shown(node))
    if node.args.get("this") is not None:
        raise Refused(f"{_shown(node)} is not translated")
    if isinstance(node, exp.CurrentDate):
        return Typed(now(seconds=True), DATE)
    if isinstance(node, exp.Localtimestamp):
        return Typed(now(seconds=False), TIMESTAMP)
    return Typed(call("statement_timestamp"), INSTANT)


# ------------------------------------------------------------------------------------------------------- operators


def _paren(tr: Translator, node: exp.Paren, scope: Scope) -> Typed:
    inner, kind = tr.value(node.this, scope)
    return Typed(paren(inner), kind)


def _neg(tr: Translator, node: exp.Neg, scope: Scope) -> Typed:
    inner = tr.value(node.this, scope)
    operand = inner if inner.kind.base == "interval" else as_number(inner)
    return Typed(exp.Neg(this=paren(operand.node)), operand.kind)


def _arithmetic(tr: Translator, node: exp.Binary, scope: Scope) -> Typed:
    left, right = tr.value(node.this, scope), tr.value(node.expression, scope)
    if "interval" in (left.kind.base, right.kind.base) and "instant" in (left.kind.base, right.kind.base):
        tr.unstable("a timestamp with time zone plus an interval")
    return arithmetic(type(node), left, right)


def concatenated(parts: list[Typed]) -> Typed:
    """Oracle's ``||``: NULL is the empty string there, and an empty result is NULL."""
    never_empty = any(isinstance(bare(part.node), exp.Literal) for part in parts)
    pieces = [
        as_text(part) if isinstance(bare(part.node), exp.Literal) else call("coalesce", as_text(part), text(""))
        for part in parts
        if part.kind.base != "null"
    ]
    if not pieces:
        return Typed(exp.Null(), NULL)
    result = pieces[0]
    for piece in pieces[1:]:
        result = exp.DPipe(this=result, expression=piece, safe=True)
    return Typed(result if never_empty else not_empty(result), TEXT)


def _concatenation(tr: Translator, node: exp.DPipe, scope: Scope) -> Typed:
    parts: list[Typed] = []
    current: Any = node
    while isinstance(current, exp.DPipe):
        parts.append(tr.value(current.expression, scope))
        current = current.this
    parts.append(tr.value(current, scope))
    return concatenated(parts[::-1])


def _comparison(tr: Translator, node: exp.Binary, scope: Scope) -> Typed:
    right = node.expression
    if isinstance(right, (exp.Any, exp.All)):
        left = tr.value(node.this, scope)
        inner = right.this.this if isinstance(right.this, exp.Subquery) else right.this
        if not isinstance(inner, exp.Query):
            raise Refused(f"{_shown(node)} is not translated")
        query, columns = tr.query(inner, scope)
        first = Typed(left.node, next(iter(columns.values())))
        compared(type(node), left, first, strict=True)
        matched: Any = type(node)(this=left.node, expression=type(right)(this=query))
        return Typed(matched, BOOLEAN)
    if isinstance(node.this, exp.Tuple) or isinstance(right, exp.Tuple):
        return _tuples(tr, node, scope)
    values = tr.value(node.this, scope), tr.value(right, scope)
    if "instant" in {value.kind.base for value in values} and any(is_moment(value.kind) for value in values):
        tr.unstable("a comparison of timestamps with and without time zone")
    return Typed(compared(type(node), *values), BOOLEAN)


def _tuples(tr: Translator, node: exp.Binary, scope: Scope) -> Typed:
    if not isinstance(node, exp.EQ):
        raise Refused(f"{_shown(node)} is not translated")
    return Typed(_tuple_equal(tr, bare(node.this), bare(node.expression), scope), BOOLEAN)


def _tuple_equal(tr: Translator, left: Any, right: Any, scope: Scope) -> Node:
    if not isinstance(left, exp.Tuple) or not isinstance(right, exp.Tuple):
        raise Refused("a list is compared with what is none")
    pairs = list(zip(left.expressions, right.expressions, strict=False))
    if len(left.expressions) != len(right.expressions):
        raise Refused("lists of different lengths are compared")
    tests = [compared(exp.EQ, tr.value(a, scope), tr.value(b, scope)) for a, b in pairs]
    return exp.Paren(this=exp.and_(*tests, copy=False))


def _both(tr: Translator, node: exp.Connector, scope: Scope) -> Typed:
    both: Any = type(node)(this=tr.condition(node.this, scope), expression=tr.condition(node.expression, scope))
    return Typed(both, BOOLEAN)


def _not(tr: Translator, node: exp.Not, scope: Scope) -> Typed:
    return Typed(exp.Not(this=tr.condition(node.this, scope)), BOOLEAN)


def _is(tr: Translator, node: exp.Is, scope: Scope) -> Typed:
    if not isinstance(node.expression, exp.Null):
        raise Refused(f"{_shown(node)} is not translated")
    return Typed(exp.Is(this=paren(tr.value(node.this, scope).node), expression=exp.Null()), BOOLEAN)


def _between(tr: Translator, node: exp.Between, scope: Scope) -> Typed:
    value, low, high = (tr.value(node.args[name], scope) for name in ("this", "low", "high"))
    lower = compared(exp.GTE, value, low)
    upper = compared(exp.LTE, value, high)
    if lower.this == upper.this:
        return Typed(exp.Between(this=lower.this, low=lower.expression, high=upper.expression), BOOLEAN)
    return Typed(exp.Paren(this=exp.And(this=lower, expression=upper)), BOOLEAN)


def _in(tr: Translator, node: exp.In, scope: Scope) -> Typed:
    query = node.args.get("query")
    if query is not None:
        return _in_query(tr, node, query, scope)
    if isinstance(bare(node.this), exp.Tuple):
        equal = [_tuple_equal(tr, bare(node.this), bare(item), scope) for item in node.expressions]
        return Typed(exp.Paren(this=exp.or_(*equal, copy=False)), BOOLEAN)
    value = tr.value(node.this, scope)
    tests = [compared(exp.EQ, value, tr.value(item, scope)) for item in node.expressions]
    plain = all(isinstance(test, exp.EQ) and test.this == tests[0].this for test in tests)
    if plain:
        return Typed(exp.In(this=tests[0].this, expressions=[test.expression for test in tests]), BOOLEAN)
    return Typed(exp.Paren(this=exp.or_(*tests, copy=False)), BOOLEAN)


def _in_query(tr: Translator, node: exp.In, query: Any, scope: Scope) -> Typed:
    inner = query.this if isinstance(query, exp.Subquery) else query
    translated, columns = tr.query(inner, scope)
    left = bare(node.this)
    items = left.expressions if isinstance(left, exp.Tuple) else [left]
    values = [tr.value(item, scope) for item in items]
    if len(values) != len(columns):
        raise Refused("a list is looked for in a query with another number of columns")
    for value, kind in zip(values, columns.values(), strict=True):
        compared(exp.EQ, value, Typed(value.node, kind), strict=True)
    this: Node = exp.Tuple(expressions=[v.node for v in values]) if len(values) > 1 else values[0].node
    return Typed(exp.In(this=this, query=exp.Subquery(this=translated)), BOOLEAN)


def _like(tr: Translator, node: exp.Expression, scope: Scope) -> Typed:
    escape: Any = None
    like: Any = node
    if isinstance(node, exp.Escape):
        escape, like = string_of(node.expression), node.this
        if escape is None or len(escape) != 1:
            raise Refused(f"{_shown(node)} is not translated")
    if not isinstance(like, exp.Like):
        raise Refused(f"{_shown(node)} is not translated")
    _args(like, "this", "expression", "negate")
    value, pattern = tr.value(like.this, scope), tr.value(like.expression, scope)
    written = string_of(pattern.node)
    result: Node = exp.Like(this=paren(as_text(value)), expression=paren(as_text(pattern)))
    # Oracle has no escape character unless one is given; PostgreSQL has the backslash.
    if escape is not None:
        result = exp.Escape(this=result, expression=text(escape))
    elif written is None or "\\" in written:
        result = exp.Escape(this=result, expression=text(""))
    return Typed(exp.Not(this=result) if like.args.get("negate") else result, BOOLEAN)


def _exists(tr: Translator, node: exp.Exists, scope: Scope) -> Typed:
    inner = node.this.this if isinstance(node.this, exp.Subquery) else node.this
    return Typed(exp.Exists(this=tr.query(inner, scope)[0]), BOOLEAN)


def _subquery(tr: Translator, node: exp.Expression, scope: Scope) -> Typed:
    inner: Any = node
    if isinstance(node, exp.Subquery):
        inner = node.this
    query, columns = tr.query(inner, scope)
    if len(columns) != 1:
        raise Refused("a query with several columns is used as a value")
    return Typed(exp.Subquery(this=query), next(iter(columns.values())))


def _case(tr: Translator, node: exp.Case, scope: Scope) -> Typed:
    subject = tr.value(node.this, scope) if node.this is not None else None
    tests: list[Node] = []
    results: list[Typed] = []
    for branch in node.args["ifs"]:
        _args(branch, "this", "true")
        if subject is None:
            tests.append(tr.condition(branch.this, scope))
        else:
            tests.append(compared(exp.EQ, subject, tr.value(branch.this, scope)))
        results.append(tr.value(branch.args["true"], scope))
    default = node.args.get("default")
    if default is not None:
        results.append(tr.value(default, scope))
    return case(tests, results, has_default=default is not None)


def case(tests: list[Node], results: list[Typed], *, has_default: bool) -> Typed:
    """CASE over conditions; the last result is the default when there is one."""
    unified, kind = unify(results, "CASE")
    branches = [exp.If(this=test, true=result.node) for test, result in zip(tests, unified, strict=False)]
    return Typed(exp.Case(ifs=branches, default=unified[-1].node if has_default else None), kind)


def _cast(tr: Translator, node: exp.Cast, scope: Scope) -> Typed:
    if getattr(node.to.this, "value", "") not in _CASTS:
        raise Refused(f"{_shown(node)} is not translated")
    try:
        wanted = OracleType.parse(node.to.sql("oracle"))
    except ValueError as error:
        raise Refused(f"{_shown(node)} is not translated") from error
    value = tr.value(node.this, scope)
    sql = target_type(wanted)
    if sql is None:
        raise Refused(f"{_shown(node)}: {why_not(wanted)}")
    kind = kind_of_target(sql, wanted.name)
    return Typed(cast_to(_castable(value, kind, sql), sql), kind)


def _castable(value: Typed, kind: Kind, sql: str) -> Node:
    """The value as something PostgreSQL casts the way Oracle does."""
    base = value.kind.base
    if base == "null" or base == kind.base == "interval":
        return value.node
    if kind.base in ("text", "char"):
        return as_text(value)
    if kind.base == "number" and base in ("number", "text", "char"):
        return as_number(value).node
    if kind.base == "double" and base in ("number", "double"):
        return value.node
    if kind.base == "date" and is_moment(value.kind):
        return value.node if base == "date" else call("date_trunc", text("second"), value.node)
    if kind.base == "timestamp" and is_moment(value.kind) and not (base == "timestamp" and kind.sql.startswith("timestamp(0)")):
        return value.node
    raise Refused(f"a {word(value.kind)} is cast to {sql}")


def _extract(tr: Translator, node: exp.Extract, scope: Scope) -> Typed:
    part = str(node.this.this if isinstance(node.this, exp.Expression) else node.this).upper()
    value = tr.value(node.expression, scope)
    if part not in _PARTS or value.kind.base not in ("date", "timestamp", "interval"):
        raise Refused(f"{_shown(node)} is not translated")
    kind = NUMBER if part == "SECOND" else Kind("number", integral=True)
    return Typed(exp.Extract(this=exp.Var(this=part), expression=value.node), kind)


def _trim(tr: Translator, node: exp.Trim, scope: Scope) -> Typed:
    position = str(node.args.get("position") or "BOTH").upper()
    name = {"BOTH": "btrim", "LEADING": "ltrim", "TRAILING": "rtrim"}[position]
    what = [as_text(tr.value(node.expression, scope))] if node.expression else []
    return Typed(not_empty(call(name, as_text(tr.value(node.this, scope)), *what)), TEXT)


def _function(tr: Translator, node: exp.Anonymous, scope: Scope) -> Typed:
    from voyager_ops.schema.oracle.functions import call_of  # the two need each other

    return call_of(tr, node, scope)


def _dotted(tr: Translator, node: exp.Dot, scope: Scope) -> Typed:
    raise Refused(f"{_shown(node)} is a function of a package or a method of an object")


def _window(tr: Translator, node: exp.Window, scope: Scope) -> Typed:
    from voyager_ops.schema.oracle.aggregates import window

    return window(tr, node, scope)


def _listagg(tr: Translator, node: exp.GroupConcat, scope: Scope) -> Typed:
    from voyager_ops.schema.oracle.aggregates import joined_texts

    return joined_texts(tr, node, scope)


# Every kind of node with the arguments that its translation takes account of; a node with any other is refused.
_PAIR = ("this", "expression")
_HANDLERS: list[tuple[Any, Callable[[Translator, Any, Scope], Typed], tuple[str, ...]]] = [
    (exp.Literal, _literal, ("this", "is_string")),
    ((exp.National, exp.RawString), _other_string, ("this",)),
    (exp.Null, _null, ()),
    (exp.Boolean, _boolean, ("this",)),
    (exp.DateStrToDate, _date_literal, ("this",)),
    (exp.StrToTime, _timestamp_literal, ("this", "format")),
    (exp.Interval, _interval, ("this", "unit")),
    (exp.Column, _column, ("this", "table", "db", "join_mark")),
    ((exp.CurrentTimestamp, exp.CurrentDate, exp.Localtimestamp, exp.Systimestamp), _current, ()),
    (exp.Paren, _paren, ("this",)),
    (exp.Neg, _neg, ("this",)),
    (exp.DPipe, _concatenation, (*_PAIR, "safe")),
    (_COMPARISONS, _comparison, _PAIR),
    (_ARITHMETIC, _arithmetic, (*_PAIR, "typed", "safe")),
    ((exp.And, exp.Or), _both, _PAIR),
    (exp.Not, _not, ("this",)),
    (exp.Is, _is, _PAIR),
    (exp.Between, _between, ("this", "low", "high")),
    (exp.In, _in, ("this", "expressions", "query")),
    (exp.Escape, _like, _PAIR),
    (exp.Like, _like, (*_PAIR, "negate")),
    (exp.Exists, _exists, ("this",)),
    (exp.Subquery, _subquery, ("this",)),
    (exp.Query, _subquery, _ANYTHING),
    (exp.Case, _case, ("this", "ifs", "default")),
    (exp.Cast, _cast, ("this", "to")),
    (exp.Extract, _extract, _PAIR),
    (exp.Trim, _trim, ("this", "position", "expression")),
    (exp.Anonymous, _function, ("this", "expressions")),
    (exp.Dot, _dotted, _PAIR),
    (exp.Window, _window, ("this", "partition_by", "order", "spec", "over", "alias", "first")),
    (exp.GroupConcat, _listagg, ("this", "separator", "on_overflow")),
]

__all__ = ["Translator", "case", "concatenated", "integer_of", "now", "padded", "timestamp_constant"]
