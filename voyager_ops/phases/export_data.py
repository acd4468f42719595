"""``export data from source`` / ``from target``: capturing one side's changes into the change log."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from voyager_ops.databases.engines import engine_of
from voyager_ops.errors import PreconditionError
from voyager_ops.lane.capture_loop import capture
from voyager_ops.migration import Migration
from voyager_ops.model.positions import FROM_SIDE, Lane
from voyager_ops.model.results import PhaseResult, ProgressSink, silent
from voyager_ops.phases import import_schema
from voyager_ops.phases.base import EXPORT_ROLE, finish, refuse_ending
from voyager_ops.phases.status import seam_passed
from voyager_ops.state.lanes import ENDED, NONE, read_lane
from voyager_ops.state.processes import Lease


@dataclass(kw_only=True)
class StreamResult(PhaseResult):
    """A stream that ended. ``completed``: its lane has ended for good (after a cutover); False: stopped, it resumes when
    started again."""

    phase: str = "export_data"
    lane: str = ""
    completed: bool = False
    totals: dict[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True)
class PrepareLaneResult(PhaseResult):
    """``tables`` captured, and the names of what was created on the capture side."""

    phase: str = "export_data_prepare"
    lane: str = ""
    tables: int = 0
    slot: str = ""
    publication: str = ""
    start_position: str = ""


def prepare(
    migration: Migration,
    lane: Lane = Lane.FORWARD,
    *,
    stop: threading.Event | None = None,
    progress: ProgressSink = silent,
) -> PrepareLaneResult:
    """Freeze the list of tables, set replica identities (journaled), create publication and slot. Harmless when repeated.

    Raises PreconditionError before anything is touched when the fallback lane is asked for and the target is not loaded yet.
    """
    started = time.monotonic()
    refuse_ending(migration)
    lane = Lane(lane)
    if lane is Lane.FALLBACK:
        migration.refuse_fall_back()
    if lane is Lane.FALLBACK and not seam_passed(migration):
        raise PreconditionError(
            "changes of the target cannot be captured before its data has been loaded and brought up to date (the seam point)",
            state="nothing was changed",
            next_step="voyager-ops import data to target; then this command, before the cutover",
        )
    if lane is Lane.FALLBACK and import_schema.done(migration, "base") and not import_schema.done(migration, "post"):
        raise PreconditionError(
            "changes of the target cannot be captured before its schema is complete (indexes, foreign keys, triggers)",
            state="nothing was changed",
            next_step="voyager-ops import schema --post-import-data, then this command again",
        )
    migration.freeze_baseline(FROM_SIDE[lane], anew=not prepared(migration, lane))
    context = migration.lane(lane)
    engine_of(context.capture_db).prepare(context, progress, stop)
    record = read_lane(migration.state, lane)
    result = PrepareLaneResult(
        lane=str(lane),
        tables=len(context.tables),
        slot=record.slot,
        publication=record.publication,
        start_position=record.start_position,
        next_step="voyager-ops " + EXPORT_ROLE[lane],
    )
    return finish(migration, result, started, key=f"export_data_prepare/{lane}")


def run(
    migration: Migration,
    lane: Lane = Lane.FORWARD,
    *,
    stop: threading.Event | None = None,
    progress: ProgressSink = silent,
) -> StreamResult:
    """Stream until the lane ends or ``stop`` is set; prepares the lane first where that was not done.

    Raises Fenced when another process streams already, StreamLost, SourceChanged, DiskFull, ConnectionFailed.
    """
    started = time.monotonic()
    lane = Lane(lane)
    stop = stop or threading.Event()
    refuse_ending(migration)
    with Lease(migration.state, EXPORT_ROLE[lane], stop=stop) as lease:
        if read_lane(migration.state, lane).status != ENDED:
            prepare(migration, lane, stop=stop, progress=progress)
        totals = {} if stop.is_set() else capture(migration.lane(lane), stop, lease, progress)
        lease.check()
    return stream_result(migration, lane, "export_data", EXPORT_ROLE[lane], totals, started)


def stream_result(
    migration: Migration, lane: Lane, phase: str, role: str, totals: dict[str, Any], started: float
) -> StreamResult:
    """The recorded result of a stream that came to its end."""
    completed = read_lane(migration.state, lane).status == ENDED
    result = StreamResult(
        phase=phase,
        lane=str(lane),
        completed=completed,
        totals=totals,
        next_step="voyager-ops cutover status" if completed else f"voyager-ops {role} (resumes where it was)",
    )
    return finish(migration, result, started, key=f"{phase}/{lane}")


def prepared(migration: Migration, lane: Lane) -> bool:
    """Whether the lane's slot exists, so that nothing after this moment is lost."""
    return read_lane(migration.state, lane).status != NONE
