"""Stopping the writers of the old side, and waiting out what they had open. The clock starts here."""

from __future__ import annotations

import time
from typing import Any

from voyager_ops.changes.log import ChangeLog
from voyager_ops.cutover.context import CutoverContext, Run
from voyager_ops.cutover.steps.base import Step
from voyager_ops.databases.engines import engine_of
from voyager_ops.databases.postgres import guard_fence
from voyager_ops.databases.postgres.database import postgres
from voyager_ops.failpoints import hit, register

QUIESCED = register("cutover.quiesce.done")
UNQUIESCED = register("cutover.quiesce.undone")
WAITED_OUT = register("cutover.wait_out.done")

QUIET_SECONDS = 2.0
"""``manual``: so long without a captured change counts as stopped. A writer who comes back later voids the cutover."""
FENCE_MILLISECONDS_PER_TABLE = 5


class Quiesce(Step):
    name = "quiesce"
    repeat = True

    def plan(self, context: CutoverContext) -> list[str]:
        if context.config.quiesce == "manual":
            return [
                f"you stop the application's writes to the {context.old_side}; we wait for {QUIET_SECONDS:g} s without a change"
            ]
        return guard_fence.plan_fence(postgres(context.old_db), context.old_tables, context.hint)

    def estimate(self, context: CutoverContext) -> float | None:
        if context.config.quiesce == "manual":
            return QUIET_SECONDS
        return 0.5 + len(context.old_tables) * FENCE_MILLISECONDS_PER_TABLE / 1000

    def do(self, run: Run) -> dict[str, Any]:
        context = run.context
        if context.config.quiesce == "manual":
            run.tell(f"STOP THE APPLICATION'S WRITES TO THE {str(context.old_side).upper()} NOW ({context.old_db.where})")
            return {"how": "manual", **_wait_for_quiet(run)}
        run.tell(f"stopping the writers of the {context.old_side}")

        def waiting(whom: str) -> None:
            run.waiting = lambda: f"waiting for {whom}"
            run.check_going_on()
            run.tell(run.waiting())

        left = context.config.deadline - (time.time() - (run.clock_started or time.time()))
        fence = guard_fence.fence(
            context.state,
            postgres(context.old_db),
            context.old_tables,
            context.old_side,
            hint=context.hint,
            seconds=max(left, 1.0),
            waiting=waiting,
        )
        run.waiting = str
        hit(QUIESCED)
        for remark in fence.remarks:
            run.warn(remark)
        return {"how": "enforce", **fence.to_json()}

    def undo(self, run: Run) -> dict[str, Any]:
        context = run.context
        left: tuple[str, ...] = ()
        if guard_fence.fenced(context.state, context.old_side):
            left = guard_fence.unfence(context.state, postgres(context.old_db), context.old_side)
        for words in left:
            run.warn(f"readers still hold it, it will be removed later: {words}")
        hit(UNQUIESCED)
        return {"left": list(left)}


def _wait_for_quiet(run: Run) -> dict[str, Any]:
    context = run.context
    log = ChangeLog(context.state, context.lane.data_dir, context.lane.lane)
    last, since = log.totals().user_changes, time.monotonic()
    words = ""

    def quiet() -> bool:
        nonlocal last, since, words
        now = log.totals().user_changes
        open_ones = run.old.writing(context.old_tables)
        if now != last or open_ones:
            last, since = now, time.monotonic()
        words = "; ".join(open_ones) or f"{now} changes so far"
        return time.monotonic() - since >= QUIET_SECONDS

    run.wait_for(quiet, lambda: f"waiting for the writers of the {context.old_side} to stop: {words}")
    return {"changes": last}


class WaitOut(Step):
    name = "wait out"

    def plan(self, context: CutoverContext) -> list[str]:
        return [
            f"wait until no transaction that has written to the {context.old_side} is open, prepared ones too",
            *self._open(context),
        ]

    def _open(self, context: CutoverContext) -> list[str]:
        with engine_of(context.old_db).side(context.old_db, "cutover check") as session:
            return [f"open now: {words}" for words in session.writing(context.old_tables)]

    def estimate(self, context: CutoverContext) -> float | None:
        return None if self._open(context) else 0.0

    def do(self, run: Run) -> dict[str, Any]:
        context = run.context
        waited: set[str] = set()
        left: list[str] = []

        def none_left() -> bool:
            nonlocal left
            left = run.old.writing(context.old_tables)
            waited.update(words.split(",")[0] for words in left)
            return not left

        run.wait_for(none_left, lambda: f"waiting for {'; '.join(left)}")
        hit(WAITED_OUT)
        return {"waited_for": sorted(waited)}
