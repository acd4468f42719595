"""Aggregates and window functions."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from voyager_ops.schema.oracle.dialect import Node, Refused, call, collated, shown, text
from voyager_ops.schema.oracle.expressions import Translator
from voyager_ops.schema.oracle.scope import Scope
from voyager_ops.schema.oracle.typed import (
    DOUBLE,
    INTEGER,
    NULL,
    NUMBER,
    TEXT,
    Kind,
    Typed,
    as_number,
    as_text,
    exact,
    is_text,
    refuse_collated,
    string_of,
)

AGGREGATES = frozenset(
    {"COUNT", "SUM", "AVG", "MIN", "MAX", "STDDEV_SAMP", "STDDEV_POP", "VAR_SAMP", "VAR_POP", "GROUPING", "GROUPING_ID"}
)
_RANKS = {"ROW_NUMBER": INTEGER, "RANK": INTEGER, "DENSE_RANK": INTEGER, "NTILE": INTEGER}
_RATIOS = {"PERCENT_RANK": DOUBLE, "CUME_DIST": DOUBLE}
_VALUES = {"LAG", "LEAD", "FIRST_VALUE", "LAST_VALUE"}


def is_aggregate(node: exp.Anonymous) -> bool:
    """Whether it is a call, on either side, that reckons over rows."""
    return str(node.this).upper() in AGGREGATES | {"STRING_AGG"}


def aggregate(tr: Translator, name: str, node: exp.Anonymous, scope: Scope) -> Typed:
    """A call of an aggregate (not of a window)."""
    if name == "GROUPING_ID" or (name == "GROUPING" and len(node.expressions) == 1):
        return Typed(call("grouping", *(tr.value(argument, scope).node for argument in node.expressions)), INTEGER)
    if len(node.expressions) != 1:
        raise Refused(f"{name} is called with {len(node.expressions)} arguments")
    argument = node.expressions[0]
    if isinstance(argument, exp.Star) and name == "COUNT":
        return Typed(call("count", exp.Star()), INTEGER)
    distinct = isinstance(argument, exp.Distinct)
    if distinct and len(argument.expressions) != 1:
        raise Refused(f"{name} of several distinct values")
    value = tr.value(argument.expressions[0] if distinct else argument, scope)
    if distinct:
        refuse_collated([value.kind], "DISTINCT of")
    node_, kind = _of(name, value)
    result = call(name.lower(), exp.Distinct(expressions=[node_]) if distinct else node_)
    return Typed(collated(result, "default") if isinstance(node_, exp.Collate) else result, kind)


def _of(name: str, value: Typed) -> tuple[Node, Kind]:
    if name == "COUNT":
        return value.node, INTEGER
    if name in ("MIN", "MAX"):
        if value.kind.base in ("text", "char"):
            # The greatest in binary order, whatever the collation of the target.
            return collated(as_text(value), "C"), TEXT
        if value.kind.base in ("boolean", "other", "bytes"):
            raise Refused(f"{name} of a value that the target does not order")
        return value.node, value.kind
    if name in ("SUM", "AVG") and value.kind.base == "interval":
        return value.node, value.kind
    given = as_number(value)
    if given.kind.base == "null":
        raise Refused(f"{name} of NULL")
    if given.kind.base == "double":
        return given.node, DOUBLE
    if name == "SUM":  # of PostgreSQL's integers it is one, whose division cuts, up to bigint's
        return given.node, Kind("number", integral=given.kind.integral, native=given.kind.native)
    return given.node if name == "AVG" else exact(given), NUMBER


def joined_texts(tr: Translator, node: exp.GroupConcat, scope: Scope) -> Typed:
    """``LISTAGG(…) WITHIN GROUP (ORDER BY …)``."""
    if node.args.get("on_overflow"):
        overflow = node.args["on_overflow"].sql().upper()
        if "ERROR" not in overflow:
            raise Refused("LISTAGG … ON OVERFLOW TRUNCATE cuts long texts, which the target does not")
    argument, order = node.this, None
    if isinstance(argument, exp.Order):
        argument, order = argument.this, argument
    if isinstance(argument, exp.Distinct):
        raise Refused("LISTAGG of distinct values")
    value = as_text(tr.value(argument, scope))
    separator = node.args.get("separator")
    between = tr.value(separator, scope) if separator is not None else Typed(exp.Null(), NULL)
    constant = string_of(between.node) if between.kind.base != "null" else ""
    if constant is None:
        raise Refused("LISTAGG separates by what is not a constant")
    last: Node = text(constant)
    if order is not None:
        last = exp.Order(this=last, expressions=[ordered(tr, item, scope) for item in order.expressions])
    return Typed(call("string_agg", value, last), TEXT)


def ordered(tr: Translator, item: exp.Expression, scope: Scope) -> Node:
    """One item of an ORDER BY; in both databases NULLs come last ascending and first descending, unless it says otherwise."""
    inner = item.this if isinstance(item, exp.Ordered) else item
    return rebuilt(item, by_bytes(tr.value(inner, scope)))


def by_bytes(value: Typed) -> Node:
    """What to sort by: text in binary order, as Oracle sorts it unless a session wants otherwise."""
    refuse_collated([value.kind], "ORDER BY")
    is_constant = isinstance(value.node, exp.Literal)
    return collated(value.node, "C") if is_text(value.kind) and not is_constant else value.node


def rebuilt(item: exp.Expression, node: Node) -> Node:
    """The item with its direction, over the translated ``node``."""
    if not isinstance(item, exp.Ordered):
        return node
    if item.args.get("with_fill"):
        raise Refused("an order is not understood")
    descending = bool(item.args.get("desc"))
    first = item.args.get("nulls_first")
    return exp.Ordered(this=node, desc=descending, nulls_first=bool(first) if first is not None else descending)


def window(tr: Translator, node: exp.Window, scope: Scope) -> Typed:
    """A window function over a partition, in an order, within a frame of rows or of a whole range."""
    if str(node.args.get("over") or "OVER").upper() != "OVER" or node.args.get("alias"):
        raise Refused("KEEP (DENSE_RANK …) is not translated")
    if not isinstance(node.this, exp.Anonymous):
        raise Refused(f"{shown(node.this)} over a window is not translated")
    inner, kind = _windowed(tr, node.this, scope)
    partition = [tr.value(item, scope) for item in node.args.get("partition_by") or ()]
    refuse_collated((value.kind for value in partition), "PARTITION BY")
    order = node.args.get("order")
    translated = exp.Order(expressions=[ordered(tr, item, scope) for item in order.expressions]) if order is not None else None
    spec = node.args.get("spec")
    return Typed(
        exp.Window(
            this=inner, partition_by=[value.node for value in partition], order=translated, spec=_frame(spec), over="OVER"
        ),
        kind,
    )


def _frame(spec: Any) -> Any:
    """ROWS with constant bounds, RANGE without any."""
    if spec is None:
        return None
    known = {"kind", "start", "start_side", "end", "end_side"}
    if any(given not in (None, False, []) and name not in known for name, given in spec.args.items()):
        raise Refused("a window excludes rows")
    bounds = [spec.args.get(name) for name in ("start", "end")]
    if str(spec.args.get("kind")).upper() == "RANGE" and not all(isinstance(b, str) or b is None for b in bounds):
        raise Refused("a window ranges over a distance of values")
    for bound in bounds:
        if not (bound is None or isinstance(bound, (str, exp.Literal))):
            raise Refused("a window has a bound that is not a constant")
    return spec.copy()


def _windowed(tr: Translator, node: exp.Anonymous, scope: Scope) -> Typed:
    name = str(node.this).upper()
    if name in AGGREGATES:
        return aggregate(tr, name, node, scope)
    if name in _RANKS or name in _RATIOS:
        nodes = [tr.value(argument, scope).node for argument in node.expressions]
        return Typed(call(name.lower(), *nodes), {**_RANKS, **_RATIOS}[name])
    if name in _VALUES and node.expressions:
        arguments = [tr.value(argument, scope) for argument in node.expressions]
        return Typed(call(name.lower(), *(value.node for value in arguments)), arguments[0].kind)
    raise Refused(f"the function {name} is not known here")
