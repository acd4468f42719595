"""``archive changes``: delete or move away the segments every reader has applied."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voyager_ops.changes.log import ChangeLog
from voyager_ops.databases.postgres.apply import read_position
from voyager_ops.errors import PreconditionError
from voyager_ops.migration import Migration
from voyager_ops.model.positions import TO_SIDE, Lane, Side
from voyager_ops.model.results import PhaseResult, Progress, ProgressSink, silent
from voyager_ops.phases.base import finish
from voyager_ops.state import cutovers
from voyager_ops.state.lanes import NONE, read_lane


@dataclass(kw_only=True)
class ArchiveChangesResult(PhaseResult):
    """Per lane: ``segments`` and ``bytes`` that left the export directory; ``moved_to`` is '' when they were deleted."""

    phase: str = "archive"
    lanes: dict[str, dict[str, Any]] = field(default_factory=dict)
    moved_to: str = ""


def run(
    migration: Migration,
    *,
    move_to: Path | None = None,
    delete: bool = False,
    stop: threading.Event | None = None,
    progress: ProgressSink = silent,
) -> ArchiveChangesResult:
    """Once over both lanes. ``move_to`` defaults to ``changes.archive_to`` of the configuration; without either ``delete``
    must be True. Raises PreconditionError while a cutover is under way."""
    started = time.monotonic()
    move_to = None if delete else move_to or migration.config.changes.archive_to
    if not delete and move_to is None:
        raise PreconditionError(
            "archive changes needs to know where the segments go",
            state="nothing was moved or deleted",
            next_step="give --move-to DIRECTORY or --delete, or set changes.archive_to in the configuration",
        )
    for direction in Side:
        if cutovers.public_status(migration.state, direction) == "INITIATED":
            raise PreconditionError(
                f"a cutover to {direction} is under way, and compares what changed by the change log",
                state="nothing was moved or deleted",
                next_step="archive changes again when voyager-ops cutover status no longer says INITIATED",
            )
    result = ArchiveChangesResult(moved_to=str(move_to or ""))
    for lane in Lane:
        if read_lane(migration.state, lane).status == NONE:
            continue
        with migration.database(TO_SIDE[lane]).connect("archive") as connection:
            applied = read_position(connection, migration.name, lane).position
        archived = ChangeLog(migration.state, migration.export_dir.data, lane).archive(applied, move_to)
        result.lanes[str(lane)] = {"segments": archived.segments, "bytes": archived.bytes}
        progress(Progress(phase="archive", message=f"{lane}: {archived.segments} segments, {archived.bytes} bytes"))
    return finish(migration, result, started)
