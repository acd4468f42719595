"""The marker: written on the old side after the last write, and waited for on the new one. Everything before it is there then."""

from __future__ import annotations

from typing import Any

from voyager_ops.cutover.context import CutoverContext, Run
from voyager_ops.cutover.steps.base import Step
from voyager_ops.databases.engines import engine_of
from voyager_ops.databases.postgres import metadata
from voyager_ops.failpoints import hit, register

ARRIVED = register("cutover.marker.arrived")


class Marker(Step):
    name = "marker"

    def plan(self, context: CutoverContext) -> list[str]:
        return [
            f"on the {context.old_side}: {engine_of(context.old_db).marker_sql(context.old_db, 'marker')}",
            f"wait until that very marker has been applied on the {context.new_side}",
        ]

    def estimate(self, context: CutoverContext) -> float | None:
        seconds = context.lag()[1]
        return None if seconds is None else min(seconds, 1.0) + 0.5

    def do(self, run: Run) -> dict[str, Any]:
        facts = send(run, "marker")
        hit(ARRIVED)
        return facts


def send(run: Run, kind: str) -> dict[str, Any]:
    """Write a marker on the old side and wait for that very one on the new; its id, position and the lane's counter there."""
    context = run.context
    marker = run.old.write_marker(kind)
    found: tuple[str, str, int] | None = None

    def arrived() -> bool:
        nonlocal found
        found = metadata.arrival(run.new, context.migration, str(context.lane.lane), kind)
        return found is not None and found[0] == marker

    run.wait_for(arrived, lambda: f"waiting for the {kind} to arrive on the {context.new_side}")
    assert found is not None
    return {"id": marker, "position": found[1], "user_changes": found[2]}
