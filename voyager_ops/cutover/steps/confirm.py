"""The last look before the point of no return: has anybody written to the old side since the marker?"""

from __future__ import annotations

from typing import Any

from voyager_ops.cutover import late
from voyager_ops.cutover.context import CutoverContext, Run
from voyager_ops.cutover.steps.base import Step
from voyager_ops.cutover.steps.marker import send
from voyager_ops.cutover.steps.verify import refuse_stopped
from voyager_ops.errors import CutoverVoid
from voyager_ops.failpoints import hit, register
from voyager_ops.model.positions import Position

CONFIRMED = register("cutover.confirm.arrived")


class Confirm(Step):
    name = "confirm"
    repeat = True

    def plan(self, context: CutoverContext) -> list[str]:
        return [
            f"a second marker (kind 'confirm') from the {context.old_side} to the {context.new_side};"
            " a user's change between the two voids the cutover"
        ]

    def estimate(self, context: CutoverContext) -> float | None:
        return 0.5

    def do(self, run: Run) -> dict[str, Any]:
        facts = send(run, "confirm")
        marker = run.facts("marker")
        hit(CONFIRMED)
        refuse_stopped(run.context)
        if facts["user_changes"] != marker["user_changes"]:
            found = late.words(late.written_after(run.context.lane, Position(marker["position"]), left_behind=False))
            raise CutoverVoid(
                f"the {run.context.old_side} was written to after its writers were said to be stopped:"
                f" {facts['user_changes'] - marker['user_changes']} changes, in {found or 'tables unknown'}",
            )
        return facts
