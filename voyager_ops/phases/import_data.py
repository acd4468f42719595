"""``import data to target`` / ``to source``: the snapshot and the stream of changes into one side.

The process that runs it also drives a cutover that was requested with ``initiate`` (``import data to target`` the one to the
target, ``import data to source`` the one to the source), and resumes one that a crash interrupted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from voyager_ops.cutover.gate import open_gate
from voyager_ops.databases.postgres import guard
from voyager_ops.databases.postgres.database import postgres
from voyager_ops.errors import PreconditionError
from voyager_ops.lane.apply_loop import apply
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Lane, Side
from voyager_ops.model.results import Progress, ProgressSink, silent
from voyager_ops.phases import import_schema, snapshot
from voyager_ops.phases.base import EXPORT_ROLE, IMPORT_ROLE, refuse_ending, wait_until
from voyager_ops.phases.cutover_watch import CutoverWatch
from voyager_ops.phases.export_data import StreamResult, prepared, stream_result
from voyager_ops.snapshot.done import snapshot_complete
from voyager_ops.state.lanes import ENDED, read_lane
from voyager_ops.state.processes import Lease

LANE_WAIT_SECONDS = 60.0


def run(
    migration: Migration,
    lane: Lane = Lane.FORWARD,
    *,
    with_snapshot: bool = True,
    drive_cutover: bool = True,
    stop: threading.Event | None = None,
    progress: ProgressSink = silent,
) -> StreamResult:
    """Load the snapshot (forward lane; ``with_snapshot=False`` when other processes do) and apply changes until the lane ends.

    ``drive_cutover=False`` leaves requested cutovers to whoever requested them (Airflow does). ``stop`` ends it early; it
    resumes.
    Raises Fenced, PreconditionError, ApplyError, ConnectionFailed.
    """
    started = time.monotonic()
    lane = Lane(lane)
    stop = stop or threading.Event()
    refuse_ending(migration)
    if lane is Lane.FALLBACK:
        migration.refuse_fall_back()
    role = IMPORT_ROLE[lane]
    totals: dict[str, Any] = {}
    with Lease(migration.state, role, stop=stop) as lease:
        _wait_for_capture(migration, lane, stop, progress)
        if lane is Lane.FORWARD and not stop.is_set() and read_lane(migration.state, lane).status != ENDED:
            _load(migration, with_snapshot, stop, progress)
        if not stop.is_set():
            _hold_off_triggers(migration, lane)
            with CutoverWatch(migration, lane, enabled=drive_cutover, stop=stop, progress=progress):
                totals = apply(
                    migration.lane(lane),
                    stop,
                    lease,
                    progress,
                    at_seam=_unique_keys(migration, stop, progress) if lane is Lane.FORWARD else None,
                    gate=(lambda: open_gate(migration.lane(lane))) if lane is Lane.FALLBACK else None,
                )
        lease.check()
    return stream_result(migration, lane, "import_data", role, totals, started)


def _hold_off_triggers(migration: Migration, lane: Lane) -> None:
    """What would fire on the rows we apply. On the source the cutover does it; until then the gate lets no row through."""
    if read_lane(migration.state, lane).status == ENDED:
        return
    if lane is Lane.FORWARD:
        guard.hold_off(migration.state, migration.target, migration.read_catalog(Side.TARGET), Side.TARGET)
    else:
        guard.record_mode(migration.state, postgres(migration.source), Side.SOURCE)


def _wait_for_capture(migration: Migration, lane: Lane, stop: threading.Event, progress: ProgressSink) -> None:
    if prepared(migration, lane):
        return
    progress(Progress(phase="import_data", message=f"waiting for `voyager-ops {EXPORT_ROLE[lane]}` to prepare its stream"))
    if not wait_until(lambda: prepared(migration, lane), stop=stop, seconds=LANE_WAIT_SECONDS) and not stop.is_set():
        raise PreconditionError(
            f"there is nothing to import: `voyager-ops {EXPORT_ROLE[lane]}` has not prepared its stream",
            state="nothing was changed",
            next_step=f"start voyager-ops {EXPORT_ROLE[lane]} in another terminal, then this command again",
        )


def _load(migration: Migration, with_snapshot: bool, stop: threading.Event, progress: ProgressSink) -> None:
    if with_snapshot:
        snapshot.plan(migration, stop=stop, progress=progress)
        snapshot.copy_bin(migration, None, stop=stop, progress=progress)
    elif not snapshot_complete(migration.lane(Lane.FORWARD)):
        raise PreconditionError(
            "the snapshot is not complete: no change of a table may be applied before all its chunks are loaded",
            state="chunks that are loaded stay loaded; changes wait in the change log",
            next_step="run the remaining bins of the snapshot, then this again",
        )


def _unique_keys(migration: Migration, stop: threading.Event, progress: ProgressSink) -> Callable[[], None]:
    def build() -> None:
        import_schema.run(migration, "unique", stop=stop, progress=progress)
        words = "the seam is passed: from here on the target shows whole transactions"
        after = "" if import_schema.done(migration, "post") else "; next: voyager-ops import schema --post-import-data"
        progress(Progress(phase="import_data", message=words + after))

    return build
