"""An approval is worth as much as what it rested on: when that has changed, it is void."""

from __future__ import annotations

from typing import Any

from voyager_ops.cutover import evidence
from voyager_ops.cutover.context import CutoverContext, Run
from voyager_ops.cutover.steps.base import Step
from voyager_ops.errors import CutoverVoid


class EvidenceStands(Step):
    name = "evidence"

    def plan(self, context: CutoverContext) -> list[str]:
        return ["compare verification, lanes, quarantine and settings with what the approver was shown"]

    def do(self, run: Run) -> dict[str, Any]:
        now = evidence.collect(run.context)
        recorded = run.record.options.get("evidence")
        if recorded is None:
            return {"compared": False, "evidence": now}
        stale = evidence.changed(dict(recorded), now)
        if stale:
            raise CutoverVoid(
                f"the approval is stale: {', '.join(stale)} changed after it was given",
                state="nothing was changed; the migration is streaming",
                next_step="look at the evidence again and approve again",
            )
        return {"compared": True, "evidence": now}
