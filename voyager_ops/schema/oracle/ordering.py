"""ORDER BY and how many rows are wanted: where the order decides which rows there are, text is in binary order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from voyager_ops.databases.oracle.names import fold
from voyager_ops.schema.oracle.aggregates import by_bytes, rebuilt
from voyager_ops.schema.oracle.dialect import Node, Refused, identifier, native, number, only_arguments
from voyager_ops.schema.oracle.scope import Scope
from voyager_ops.schema.oracle.typed import Kind, Typed, integer_of, is_text, refuse_collated

if TYPE_CHECKING:
    from voyager_ops.schema.oracle.expressions import Translator


@dataclass(frozen=True)
class Results:
    """The columns of a query as its ORDER BY may name them: by position, or by one of ``aliases``. ``outermost``: of a view."""

    columns: list[tuple[str, Kind]]
    aliases: set[str]
    outermost: bool


def order_and_limit(tr: Translator, node: Any, result: Any, scope: Scope, results: Results) -> None:
    offset = node.args.get("offset")
    if offset is not None:
        result.set("offset", exp.Offset(expression=_constant(offset.expression)))
    limit = node.args.get("limit")
    if limit is not None:
        result.set("limit", _fetch(limit))
    order = node.args.get("order")
    if order is None:
        return
    only_arguments(order, "expressions", "siblings")
    if order.args.get("siblings"):
        raise Refused("ORDER SIBLINGS BY is not translated")
    items = [_sorted(tr, item, result, scope, results) for item in order.expressions]
    result.set("order", exp.Order(expressions=[item for item, _ in items]))
    if any(loose for _, loose in items) and (limit is not None or offset is not None or not results.outermost):
        raise Refused("the order of a text decides which rows there are, and cannot be the binary one here")


def _sorted(tr: Translator, item: Any, result: Any, scope: Scope, results: Results) -> tuple[Node, bool]:
    """The item, and whether it sorts text by the target's collation: by a result's name there is no binary order, Oracle's."""
    inner = item.this if isinstance(item, exp.Ordered) else item
    distinct = bool(result.args.get("distinct")) or not isinstance(result, exp.Select)
    place = integer_of(inner) if isinstance(inner, exp.Literal) and not inner.is_string else None
    if place is None and isinstance(inner, exp.Column) and not inner.args.get("table") and native(inner.this) in results.aliases:
        place = next((n for n, (name, _) in enumerate(results.columns, 1) if name == native(inner.this)), None)
    if place is not None:
        if not 1 <= place <= len(results.columns):
            raise Refused(f"there is no column {place} to sort by")
        kind = results.columns[place - 1][1]
        refuse_collated([kind], "ORDER BY")
        if is_text(kind) and not distinct:
            projection = result.expressions[place - 1]
            node = (projection.this if isinstance(projection, exp.Alias) else projection).copy()
            return rebuilt(item, by_bytes(Typed(node, kind))), False
        named: Node = (
            inner.copy()
            if isinstance(inner, exp.Literal)
            else exp.Column(this=identifier(kind.target or fold(native(inner.this))))
        )
        return rebuilt(item, named), is_text(kind)
    clashes = {native(c.this) for c in inner.find_all(exp.Column) if not c.args.get("table")} & results.aliases
    if clashes:
        raise Refused(f"ORDER BY reckons with the name {', '.join(sorted(clashes))} of a result")
    value = tr.value(inner, scope)
    if distinct and is_text(value.kind):
        return rebuilt(item, value.node), True
    return rebuilt(item, by_bytes(value)), False


def _constant(node: Any) -> Node:
    value = integer_of(node)
    if value is None:
        raise Refused("the number of rows is not a constant")
    return number(value)


def _fetch(limit: Any) -> Node:
    options = limit.args.get("limit_options")
    if options is not None and options.args.get("percent"):
        raise Refused("FETCH … PERCENT is not translated")
    count = limit.args.get("count") if isinstance(limit, exp.Fetch) else limit.expression
    if options is not None and options.args.get("with_ties"):
        return exp.Fetch(
            direction="FIRST", count=_constant(count), limit_options=exp.LimitOptions(rows=True, with_ties=True, percent=False)
        )
    return exp.Limit(expression=_constant(count if count is not None else exp.Literal.number(1)))
