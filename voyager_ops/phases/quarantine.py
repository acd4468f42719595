"""What waits in quarantine: listing it, applying it again."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from voyager_ops.lane import quarantine
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Lane
from voyager_ops.model.results import PhaseResult, Progress, ProgressSink, silent
from voyager_ops.phases.base import finish
from voyager_ops.state.lanes import NONE, read_lane


@dataclass(kw_only=True)
class QuarantineResult(PhaseResult):
    """``count`` changes wait now, ``applied`` were applied by this call; ``entries``: one dict each, oldest first."""

    phase: str = "quarantine"
    lane: str = ""
    count: int = 0
    applied: int = 0
    entries: list[dict[str, Any]] = field(default_factory=list)


def run(
    migration: Migration,
    lane: Lane = Lane.FORWARD,
    *,
    retry: bool = False,
    stop: threading.Event | None = None,
    progress: ProgressSink = silent,
) -> QuarantineResult:
    """List what waits; with ``retry`` apply it first (what fails stays, and its entry says why)."""
    started = time.monotonic()
    lane = Lane(lane)
    result = QuarantineResult(lane=str(lane), next_step="voyager-ops verify")
    if read_lane(migration.state, lane).status != NONE:
        context = migration.lane(lane)
        if retry:
            done = quarantine.retry(context, (stop or threading.Event()).is_set)
            result.applied = done.applied
            progress(Progress(phase="quarantine", message=f"{done.applied} applied, {done.left} left"))
        result.entries = [asdict(entry) for entry in quarantine.list_entries(context)]
        result.count = len(result.entries)
        if result.count:
            result.next_step = f"mend what the errors name, then voyager-ops quarantine retry --lane {lane}"
    return finish(migration, result, started, key=f"quarantine/{lane}")
