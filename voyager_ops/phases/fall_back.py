"""Ending the fall-back without using it: the target stays open for good, its changes no longer flow to the source."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from voyager_ops.databases.postgres import capture
from voyager_ops.errors import PreconditionError
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Lane, Side
from voyager_ops.model.results import PhaseResult, ProgressSink, silent
from voyager_ops.phases import cutover
from voyager_ops.phases.base import EXPORT_ROLE, IMPORT_ROLE, finish, wait_until
from voyager_ops.phases.status import alive
from voyager_ops.state.lanes import ENDED, NONE, read_lane, update_lane
from voyager_ops.state.processes import request_stop

STREAMS_END_SECONDS = 30.0


@dataclass(kw_only=True)
class FallBackEnded(PhaseResult):
    """``ended`` is False when there was no fallback lane to end."""

    phase: str = "fall_back_end"
    ended: bool = False


def end(
    migration: Migration, *, by: str = "", stop: threading.Event | None = None, progress: ProgressSink = silent
) -> FallBackEnded:
    """End the fallback lane; both of its streams then finish by themselves. There is no way back to the source after this.

    Raises PreconditionError before the cutover to the target has completed, and while a cutover to the source is under way.
    """
    started = time.monotonic()
    status = cutover.status(migration)
    if status.cutover_to_target != "COMPLETED" or status.cutover_to_source == "INITIATED":
        raise PreconditionError(
            f"the fall-back cannot be ended now: cutover to target is {status.cutover_to_target},"
            f" cutover to source is {status.cutover_to_source}",
            state="nothing was changed",
            next_step="voyager-ops cutover status",
        )
    record = read_lane(migration.state, Lane.FALLBACK)
    result = FallBackEnded(next_step="voyager-ops end migration")
    if record.status not in {NONE, ENDED}:
        migration.state.log("fall_back", "end", "before", {"by": by, "side": str(Side.TARGET)})
        update_lane(migration.state, Lane.FALLBACK, status=ENDED)
        for role in (EXPORT_ROLE[Lane.FALLBACK], IMPORT_ROLE[Lane.FALLBACK]):
            request_stop(migration.state, role)
        wait_until(lambda: not any(alive(migration, Lane.FALLBACK)), stop=stop or threading.Event(), seconds=STREAMS_END_SECONDS)
        result.ended = True
    if record.status != NONE:
        capture.teardown(migration.lane(Lane.FALLBACK), progress)  # or the slot would keep the target's WAL for ever
    return finish(migration, result, started)
