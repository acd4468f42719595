"""Oracle's expressions as PostgreSQL's, by an allow-list: a kind of node has a translation here, or the expression is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sqlglot import exp

from voyager_ops.databases.oracle.names import fold
from voyager_ops.databases.oracle.types import OracleType, target_type, why_not
from voyager_ops.schema.oracle import conditions, constants
from voyager_ops.schema.oracle.arithmetic import arithmetic
from voyager_ops.schema.oracle.comparisons import compared
from voyager_ops.schema.oracle.dialect import (
    UNEXPECTED,
    Node,
    Refused,
    call,
    cast_to,
    generate,
    identifier,
    native,
    only_arguments,
    paren,
    shown,
    text,
)
from voyager_ops.schema.oracle.nulls import settled
from voyager_ops.schema.oracle.scope import Names, Scope
from voyager_ops.schema.oracle.typed import (
    DATE,
    INSTANT,
    INTEGER,
    NUMBER,
    TEXT,
    TIMESTAMP,
    Kind,
    Typed,
    as_number,
    as_text,
    bare,
    concatenated,
    is_moment,
    kind_of_target,
    not_empty,
    on_the_second,
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


class Translator:
    """Translates expressions and conditions. ``lasting``: only what gives the same value for ever (index, generated column).

    ``owner`` is the schema in which names without one are looked up. ``generated``: for a generated column, of which the value
    counts; an index is of use only if queries have the same expression.
    """

    def __init__(self, names: Names, owner: str = "", *, lasting: bool = False, generated: bool = False) -> None:
        self.names = names
        self.owner = owner
        self.lasting = lasting
        self.generated = generated

    def value(self, node: Any, scope: Scope) -> Typed:
        """The translated node and its kind. Raises Refused."""
        for kinds, translate, arguments in _HANDLERS:
            if isinstance(node, kinds):
                if arguments is not _ANYTHING:
                    only_arguments(node, *arguments)
                try:
                    return translate(self, node, scope)
                except UNEXPECTED as error:
                    raise Refused(f"{shown(node)} is not understood ({type(error).__name__})") from error
        raise Refused(f"{shown(node)} is not translated")

    def condition(self, node: Any, scope: Scope) -> Node:
        """A condition. Raises Refused for anything that is none."""
        result, kind = self.value(node, scope)
        if kind.base != "boolean":
            raise Refused(f"{shown(node)} is not a condition")
        return result

    def query(self, node: Any, scope: Scope | None) -> tuple[exp.Query, dict[str, Kind]]:
        """A query inside of ``scope``, and its columns."""
        from voyager_ops.schema.oracle.queries import translate  # the two need each other

        try:
            return translate(self, node, scope)
        except UNEXPECTED as error:
            raise Refused(f"it is not understood ({type(error).__name__})") from error

    def unstable(self, what: str) -> None:
        """Called by whatever may give another value another time."""
        if self.lasting:
            raise Refused(f"{what} does not give the same value for ever, which an index or generated column needs")


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
    return Typed(exp.Column(this=identifier(kind.target or fold(name)), table=table), kind)


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
    if name == "ROWNUM" and scope.numbered:
        return Typed(exp.Window(this=call("row_number"), over="OVER"), INTEGER)
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
    tr.unstable(shown(node))
    if node.args.get("this") is not None:
        raise Refused(f"{shown(node)} is not translated")
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


def _concatenation(tr: Translator, node: exp.DPipe, scope: Scope) -> Typed:
    parts: list[Typed] = []
    current: Any = node
    while isinstance(current, exp.DPipe):
        parts.append(tr.value(current.expression, scope))
        current = current.this
    parts.append(tr.value(current, scope))
    return concatenated(parts[::-1])


def _subquery(tr: Translator, node: exp.Expression, scope: Scope) -> Typed:
    inner: Any = node
    if isinstance(node, exp.Subquery):
        inner = node.this
    query, columns = tr.query(inner, scope)
    if len(columns) != 1:
        raise Refused("a query with several columns is used as a value")
    return Typed(exp.Subquery(this=query), next(iter(settled(columns).values())))


def _case(tr: Translator, node: exp.Case, scope: Scope) -> Typed:
    subject = tr.value(node.this, scope) if node.this is not None else None
    tests: list[Node] = []
    results: list[Typed] = []
    for branch in node.args["ifs"]:
        only_arguments(branch, "this", "true")
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
        raise Refused(f"{shown(node)} is not translated")
    try:
        wanted = OracleType.parse(node.to.sql("oracle"))
    except ValueError as error:
        raise Refused(f"{shown(node)} is not translated") from error
    inner = bare(node.this)
    value = moved_to_zone(tr, inner, scope) if isinstance(inner, exp.AtTimeZone) else tr.value(node.this, scope)
    sql = target_type(wanted)
    if sql is None:
        raise Refused(f"{shown(node)}: {why_not(wanted)}")
    kind = kind_of_target(sql, wanted.name)
    if sql == "numeric":  # any number of digits, the target's own
        kind = NUMBER
    return Typed(cast_to(_castable(value, kind, sql), sql), kind)


_ZONE = re.compile(r"UTC|GMT|[A-Za-z_]+/[A-Za-z_]+(?:/[A-Za-z_]+)?")
"""Names of time zones that mean the same to both; PostgreSQL takes +02:00 for what is two hours west."""


def moved_to_zone(tr: Translator, node: exp.AtTimeZone, scope: Scope) -> Typed:
    """``… AT TIME ZONE 'UTC'`` as the clocks there show it, which is all that a date or timestamp keeps of it."""
    only_arguments(node, "this", "zone")
    zone, moment = string_of(node.args["zone"]), tr.value(node.this, scope)
    if zone is None or not _ZONE.fullmatch(zone) or moment.kind.base != "instant":
        raise Refused(f"{shown(node)} is not translated")
    return Typed(call("timezone", text(zone), moment.node), TIMESTAMP)


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
        return on_the_second(value).node
    if kind.base == "timestamp" and is_moment(value.kind) and not (base == "timestamp" and kind.sql.startswith("timestamp(0)")):
        return value.node
    raise Refused(f"a {word(value.kind)} is cast to {sql}")


def _extract(tr: Translator, node: exp.Extract, scope: Scope) -> Typed:
    part = str(node.this.this if isinstance(node.this, exp.Expression) else node.this).upper()
    value = tr.value(node.expression, scope)
    if part not in _PARTS or value.kind.base not in ("date", "timestamp", "interval"):
        raise Refused(f"{shown(node)} is not translated")
    kind = NUMBER if part == "SECOND" else Kind("number", integral=True)
    # PostgreSQL's intervals may have more than 24 hours beside their days.
    source = call("justify_hours", value.node) if value.kind.base == "interval" else value.node
    return Typed(exp.Extract(this=exp.Var(this=part), expression=source), kind)


def _trim(tr: Translator, node: exp.Trim, scope: Scope) -> Typed:
    position = str(node.args.get("position") or "BOTH").upper()
    name = {"BOTH": "btrim", "LEADING": "ltrim", "TRAILING": "rtrim"}[position]
    what = [as_text(tr.value(node.expression, scope))] if node.expression else []
    return Typed(not_empty(call(name, as_text(tr.value(node.this, scope)), *what)), TEXT)


def _function(tr: Translator, node: exp.Anonymous, scope: Scope) -> Typed:
    from voyager_ops.schema.oracle.functions import call_of  # the two need each other

    return call_of(tr, node, scope)


def _dotted(tr: Translator, node: exp.Dot, scope: Scope) -> Typed:
    raise Refused(f"{shown(node)} is a function of a package or a method of an object")


def _window(tr: Translator, node: exp.Window, scope: Scope) -> Typed:
    from voyager_ops.schema.oracle.aggregates import window

    return window(tr, node, scope)


def _listagg(tr: Translator, node: exp.GroupConcat, scope: Scope) -> Typed:
    from voyager_ops.schema.oracle.aggregates import joined_texts

    return joined_texts(tr, node, scope)


# Every kind of node with the arguments that its translation takes account of; a node with any other is refused.
_PAIR = ("this", "expression")
_HANDLERS: list[tuple[Any, Callable[[Translator, Any, Scope], Typed], tuple[str, ...]]] = [
    (exp.Literal, constants.literal, ("this", "is_string")),
    ((exp.National, exp.RawString), constants.other_string, ("this",)),
    (exp.Null, constants.null, ()),
    (exp.Boolean, constants.boolean, ("this",)),
    (exp.DateStrToDate, constants.date_literal, ("this",)),
    (exp.StrToTime, constants.timestamp_literal, ("this", "format")),
    (exp.Interval, constants.interval, ("this", "unit")),
    (exp.Column, _column, ("this", "table", "db", "join_mark")),
    ((exp.CurrentTimestamp, exp.CurrentDate, exp.Localtimestamp, exp.Systimestamp), _current, ()),
    (exp.Paren, _paren, ("this",)),
    (exp.Neg, _neg, ("this",)),
    (exp.DPipe, _concatenation, (*_PAIR, "safe")),
    (_COMPARISONS, conditions.comparison, _PAIR),
    (_ARITHMETIC, _arithmetic, (*_PAIR, "typed", "safe")),
    ((exp.And, exp.Or), conditions.both, _PAIR),
    (exp.Not, conditions.negation, ("this",)),
    (exp.Is, conditions.is_null, _PAIR),
    (exp.Between, conditions.between, ("this", "low", "high")),
    (exp.In, conditions.membership, ("this", "expressions", "query")),
    (exp.Escape, conditions.like, _PAIR),
    (exp.Like, conditions.like, (*_PAIR, "negate")),
    (exp.Exists, conditions.exists, ("this",)),
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
