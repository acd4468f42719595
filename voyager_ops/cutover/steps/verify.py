"""What changed since the last verification is compared row by row: once before the writers stop, and once after."""

from __future__ import annotations

import time
from typing import Any

from voyager_ops.cutover.context import CutoverContext, Run
from voyager_ops.cutover.steps.base import Step
from voyager_ops.cutover.verified import remember_verified, verified_position
from voyager_ops.databases.postgres import metadata
from voyager_ops.errors import CutoverVoid
from voyager_ops.failpoints import hit, register
from voyager_ops.model.positions import Position
from voyager_ops.state.stopped import NEXT_STEP, barring
from voyager_ops.verify.changed import changed_keys, verify_changed
from voyager_ops.verify.report import VerificationReport

COMPARED_AHEAD = register("cutover.verify_ahead.compared")
COMPARED = register("cutover.verify.compared")

SETTLE_SECONDS = 30.0
KEYS_PER_SECOND = 5000.0
"""Rows compared by key on both sides, loopback, 2 vCPU: for the estimate only."""


class VerifyAhead(Step):
    """Before the clock starts: so that little is left to compare while the writers are stopped."""

    name = "verify ahead"

    def plan(self, context: CutoverContext) -> list[str]:
        return [f"compare what changed since position {verified_position(context.state, context.lane.lane) or 'the beginning'}"]

    def estimate(self, context: CutoverContext) -> float | None:
        found = changed_keys(context.lane, verified_position(context.state, context.lane.lane))
        if found.whole:
            return None  # whole tables: as long as a verification of them takes
        return 0.5 + sum(map(len, found.keys.values())) / KEYS_PER_SECOND

    def do(self, run: Run) -> dict[str, Any]:
        context = run.context
        after = verified_position(context.state, context.lane.lane)

        def settle() -> bool:
            marker = run.old.write_marker("settle")

            def arrived() -> bool:
                found = metadata.arrival(run.new, context.migration, str(context.lane.lane), "settle")
                return found is not None and found[0] == marker

            return run.wait_for(arrived, lambda: "waiting for the lag to pass the rows being compared", seconds=SETTLE_SECONDS)

        settle()
        refuse_stopped(context)
        report = verify_changed(context.lane, after, settle=settle, stop=context.stop, progress=context.progress)
        hit(COMPARED_AHEAD)
        # What is undecided now is compared when the writers are stopped.
        _refuse_differences(report, unsettled_too=False)
        if report.equal:
            remember_verified(context.state, context.lane.lane, Position(report.position))
        return _facts(report)


class VerifyChanges(Step):
    name = "verify"

    def plan(self, context: CutoverContext) -> list[str]:
        return ["compare what changed from there to the marker; any difference calls the cutover off"]

    def estimate(self, context: CutoverContext) -> float | None:
        return 1.0

    def do(self, run: Run) -> dict[str, Any]:
        context = run.context
        started = time.monotonic()
        after = verified_position(context.state, context.lane.lane)
        upto = Position(run.facts("marker")["position"])
        refuse_stopped(context)
        report = verify_changed(context.lane, min(after, upto), upto, stop=context.stop, progress=context.progress)
        hit(COMPARED)
        run.check_going_on()
        _refuse_differences(report, unsettled_too=True)
        remember_verified(context.state, context.lane.lane, upto)
        return {**_facts(report), "wall_seconds": round(time.monotonic() - started, 3)}


def refuse_stopped(context: CutoverContext) -> None:
    """What is done to a table before the marker is known by now: it is recorded before anything later is captured."""
    stopped = barring(context.state, context.lane.lane)
    if stopped:
        raise CutoverVoid("; ".join(each.words for each in stopped.values()), next_step=NEXT_STEP)


def _refuse_differences(report: VerificationReport, *, unsettled_too: bool) -> None:
    differ = report.rows_differing or any(table.problems for table in report.tables)
    if differ or (unsettled_too and (report.changing or not report.equal)):
        raise CutoverVoid(
            f"the two databases differ: {report.verdict}",
            next_step="voyager-ops verify names the rows; mend them (or start over), then ask for the cutover again",
        )


def _facts(report: VerificationReport) -> dict[str, Any]:
    return {
        "tables": len(report.tables),
        "position": report.position,
        "verdict": report.verdict,
        "equal": report.equal,
        "seconds": round(report.seconds, 3),
    }
