"""``(+)``: Oracle's old notation of outer joins as LEFT JOIN."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from voyager_ops.schema.oracle.dialect import Refused, native
from voyager_ops.schema.oracle.scope import Scope


def conjuncts(node: Any) -> list[Any]:
    """The conditions that AND puts together."""
    if isinstance(node, exp.And):
        return [*conjuncts(node.this), *conjuncts(node.expression)]
    if isinstance(node, exp.Paren) and isinstance(node.this, exp.And):
        return conjuncts(node.this)
    return [node]


def outer_joins(aliases: list[str], conditions: list[Any], scope: Scope) -> tuple[list[tuple[str, list[Any]]], list[Any]]:
    """The sources in an order in which they can be joined, each with its join conditions (none: a plain source), and the other
    conditions, which stay in WHERE.

    A condition with (+) belongs to the join of the table it marks. Raises Refused when it marks several, or when tables mark each
    other in a circle.
    """
    tests: dict[str, list[Any]] = {}
    needs: dict[str, set[str]] = {}
    rest: list[Any] = []
    for condition in conditions:
        columns = list(condition.find_all(exp.Column))
        marked = {_holder(column, scope) for column in columns if column.args.get("join_mark")}
        if not marked:
            rest.append(condition)
            continue
        if len(marked) > 1 or condition.find(exp.Query) is not None or condition.find(exp.Or) is not None:
            raise Refused("(+) stands where it is not understood")
        alias = marked.pop()
        if any(_holder(c, scope) == alias and not c.args.get("join_mark") for c in columns):
            raise Refused("(+) is missing at a column of the same table")
        clean = condition.copy()
        for column in clean.find_all(exp.Column):
            column.set("join_mark", None)
        tests.setdefault(alias, []).append(clean)
        needs.setdefault(alias, set()).update(_holder(c, scope) for c in columns)
        needs[alias].discard(alias)
    lonely = [alias for alias, needed in needs.items() if not needed - {""}]
    if lonely:
        raise Refused(f"{lonely[0]} is outer joined to nothing")
    plan: list[tuple[str, list[Any]]] = [(alias, []) for alias in aliases if alias not in tests]
    waiting = [alias for alias in aliases if alias in tests]
    while waiting:
        placed = {alias for alias, _ in plan}
        ready = next((alias for alias in waiting if needs[alias] & set(aliases) <= placed), None)
        if ready is None or not plan:
            raise Refused("tables are outer joined to each other in a circle")
        plan.append((ready, tests[ready]))
        waiting.remove(ready)
    return plan, rest


def _holder(column: exp.Column, scope: Scope) -> str:
    found = scope.find(native(column.args.get("table")), native(column.this))
    return found[0] if found is not None else ""
