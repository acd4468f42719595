"""The snapshot: planned once, copied chunk by chunk in as many processes as wanted."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from voyager_ops.errors import PreconditionError
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Lane
from voyager_ops.model.results import PhaseResult, ProgressSink, silent
from voyager_ops.phases.base import finish
from voyager_ops.snapshot import copy
from voyager_ops.snapshot.done import snapshot_complete
from voyager_ops.snapshot.old_transactions import wait_for_old_transactions
from voyager_ops.snapshot.plan import plan_chunks
from voyager_ops.state.lanes import NONE, read_lane
from voyager_ops.state.processes import Lease


@dataclass(kw_only=True)
class SnapshotPlan(PhaseResult):
    """``bins``: the numbers to call :func:`run` with, one task each; ``bytes``: of the tables on disk."""

    phase: str = "snapshot_plan"
    bins: list[int] = field(default_factory=list)
    chunks: int = 0
    tables: int = 0
    rows: int = 0
    bytes: int = 0


@dataclass(kw_only=True)
class SnapshotResult(PhaseResult):
    """What this call copied (``rows``, ``bytes``, ``chunks``), and whether the whole snapshot is ``complete`` now."""

    phase: str = "snapshot"
    bin: int | None = None
    chunks: int = 0
    rows: int = 0
    bytes: int = 0
    complete: bool = False


def plan(migration: Migration, *, stop: threading.Event | None = None, progress: ProgressSink = silent) -> SnapshotPlan:
    """Cut the tables into chunks, once (a later call returns the same plan). The forward lane must be prepared."""
    started = time.monotonic()
    if read_lane(migration.state, Lane.FORWARD).status == NONE:
        raise PreconditionError(
            "the snapshot cannot be planned before capture on the source is prepared: changes in between would be lost",
            state="nothing was copied",
            next_step="voyager-ops export data from source",
        )
    chunks = plan_chunks(migration.lane(Lane.FORWARD), migration.config.snapshot)
    result = SnapshotPlan(
        bins=sorted({chunk.bin for chunk in chunks}),
        chunks=len(chunks),
        tables=len({chunk.table for chunk in chunks}),
        rows=sum(max(chunk.rows, 0) for chunk in chunks),
        bytes=sum(chunk.bytes for chunk in chunks),
        next_step="voyager-ops import data to target",
    )
    return finish(migration, result, started)


def run(
    migration: Migration,
    bin: int | None = None,
    *,
    stop: threading.Event | None = None,
    progress: ProgressSink = silent,
) -> SnapshotResult:
    """Copy the chunks of one bin (None: all) that are not done yet. Stopped early, it carries on when called again."""
    stop = stop or threading.Event()
    with Lease(migration.state, f"snapshot/{'all' if bin is None else bin}", stop=stop):
        return copy_bin(migration, bin, stop=stop, progress=progress)


def copy_bin(migration: Migration, bin: int | None, *, stop: threading.Event, progress: ProgressSink) -> SnapshotResult:
    """As :func:`run`, for a caller that holds a role of its own."""
    started = time.monotonic()
    context = migration.lane(Lane.FORWARD)
    wait_for_old_transactions(context, stop, progress)
    counts = copy.copy_chunks(context, migration.config.snapshot, bin=bin, stop=stop, progress=progress)
    result = SnapshotResult(
        bin=bin,
        chunks=counts.chunks_copied,
        rows=counts.rows,
        bytes=counts.bytes,
        complete=snapshot_complete(context),
        next_step="voyager-ops import data to target",
        warnings=counts.warnings,
    )
    return finish(migration, result, started, key="snapshot" if bin is None else f"snapshot/{bin}")
