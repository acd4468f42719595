"""The end of the old lane: no more is applied to the side that opens, then slot and publication go; late writes are reported."""

from __future__ import annotations

from typing import Any

from voyager_ops.cutover import late
from voyager_ops.cutover.context import CutoverContext, Run
from voyager_ops.cutover.roles import EXPORT_ROLE, IMPORT_ROLE
from voyager_ops.cutover.steps.base import Step
from voyager_ops.databases.engines import engine_of
from voyager_ops.databases.postgres.apply import lock_name, part_positions, read_position
from voyager_ops.databases.postgres.database import Connection, advisory_key, try_lock
from voyager_ops.errors import RetryableError
from voyager_ops.failpoints import hit, register
from voyager_ops.model.positions import Position, Side
from voyager_ops.state.lanes import ENDED, NONE, read_lane, update_lane
from voyager_ops.state.processes import is_alive, request_stop

LANE_ENDED = register("cutover.close.ended")
APPLY_GONE = register("cutover.close.apply_gone")
LATE_LOOKED = register("cutover.end.late")
TORN_DOWN = register("cutover.end.torn_down")

APPLY_SECONDS = 15.0
CAPTURE_SECONDS = 30.0


class CloseOldLane(Step):
    """Before opening: a straggler's write on the old side must not be applied on top of the new side's own."""

    name = "close lane"

    def plan(self, context: CutoverContext) -> list[str]:
        return [f"the {context.lane.lane} lane is recorded as ended; wait until `{IMPORT_ROLE[context.lane.lane]}` has finished"]

    def estimate(self, context: CutoverContext) -> float | None:
        return 1.0

    def do(self, run: Run) -> dict[str, Any]:
        context = run.context
        update_lane(context.state, context.lane.lane, status=ENDED)
        hit(LANE_ENDED)
        self._lock(run, *lock_name(context.lane))
        # Nothing begins any more; connections beside the first may still be at their last transaction.
        position = read_position(run.new, context.migration, context.lane.lane).position
        for part in part_positions(run.new, context.migration, context.lane.lane):
            self._lock(run, *lock_name(context.lane, part))
        for part, reached in part_positions(run.new, context.migration, context.lane.lane).items():
            if reached != position:
                raise RetryableError(
                    f"a batch is applied to the {context.new_side} in part: up to {reached} by connection {part}, by others up to"
                    f" {position}",
                    state=f"the {context.new_side} is about to open; nothing is lost",
                    next_step=f"run `{IMPORT_ROLE[context.lane.lane]}`, which applies the rest of it, then this command again",
                )
        hit(APPLY_GONE)
        return {"applied": position}

    def _lock(self, run: Run, *name: str) -> None:
        context = run.context
        held = run.wait_for(
            lambda: try_lock(run.new, *name),
            lambda: f"waiting for `{IMPORT_ROLE[context.lane.lane]}` to finish",
            seconds=APPLY_SECONDS,
        )
        if not held:
            _end_holders(run.new, *name)
            held = run.wait_for(lambda: try_lock(run.new, *name), lambda: "waiting for its session to end", seconds=APPLY_SECONDS)
        if not held:
            raise RetryableError(
                f"`{IMPORT_ROLE[context.lane.lane]}` still applies to the {context.new_side}",
                state=f"the {context.new_side} is about to open; nothing is lost",
                next_step="end that process and run the command again: it goes on from here",
            )


def _end_holders(connection: Connection, *name: str) -> None:
    """End the sessions that hold an advisory lock of ours (a process that hangs, or whose host is gone)."""
    connection.execute(
        "SELECT pg_terminate_backend(l.pid) FROM pg_locks l, (SELECT hashtextextended(%s, 0) AS key) k"
        " WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.pid <> pg_backend_pid()"
        " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND l.classid::int8 = ((k.key >> 32) & 4294967295) AND l.objid::int8 = (k.key & 4294967295)",
        (advisory_key(*name),),
    )


class EndOldLane(Step):
    name = "end lane"

    def plan(self, context: CutoverContext) -> list[str]:
        words = [
            f"report whatever was written to the {context.old_side} after the last marker",
            *(f"on the {context.old_side}: {words}" for words in engine_of(context.old_db).plan_teardown(context.lane)),
        ]
        if context.direction is Side.TARGET and context.reverse is None:
            words.append("no fallback lane: the source gets no changes of the target, there is no way back")
        return words

    def estimate(self, context: CutoverContext) -> float | None:
        return 2.0

    def do(self, run: Run) -> dict[str, Any]:
        context = run.context
        role = EXPORT_ROLE[context.lane.lane]
        finished = run.wait_for(
            lambda: not is_alive(context.state, role), lambda: f"waiting for `{role}` to finish", seconds=CAPTURE_SECONDS
        )
        if not finished:
            request_stop(context.state, role)
        after = max(run.facts("confirm")["position"], run.facts("close lane")["applied"])
        counts = late.written_after(context.lane, Position(after), left_behind=finished)
        if counts:
            run.warn(
                f"WRITTEN TO THE {str(context.old_side).upper()} AFTER IT WAS CLOSED, AND NOT ON THE"
                f" {str(context.new_side).upper()}: {late.words(counts)}. Stop that writer and carry these rows over by hand"
            )
        hit(LATE_LOOKED)
        engine_of(context.old_db).teardown(context.lane, context.progress)
        if context.direction is Side.TARGET and context.reverse is None:
            self._without_fall_back(run)
        hit(TORN_DOWN)
        return {"late_writes": counts}

    def _without_fall_back(self, run: Run) -> None:
        """A fallback lane that was prepared and is not wanted must not hold the target's WAL for ever."""
        fallback = run.context.fallback
        if fallback is None or read_lane(run.context.state, fallback.lane).status == NONE:
            return
        update_lane(run.context.state, fallback.lane, status=ENDED)
        role = EXPORT_ROLE[fallback.lane]  # it is to end by itself, not to find its slot gone
        run.wait_for(
            lambda: not is_alive(run.context.state, role), lambda: f"waiting for `{role}` to finish", seconds=CAPTURE_SECONDS
        )
        engine_of(fallback.capture_db).teardown(fallback, run.context.progress)
