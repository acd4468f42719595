"""What waits in quarantine: listing it, applying it again."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from voyager_ops.lane import quarantine
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Lane
from voyager_ops.model.results import PhaseResult, ProgressSink, silent
from voyager_ops.phases.base import finish


@dataclass(kw_only=True)
class QuarantineResult(PhaseResult):
    """``count`` changes wait now; ``entries``: one dict each, oldest first."""

    phase: str = "quarantine"
    lane: str = ""
    count: int = 0
    entries: list[dict[str, Any]] = field(default_factory=list)


def run(
    migration: Migration,
    lane: Lane = Lane.FORWARD,
    *,
    retry: bool = False,
    stop: threading.Event | None = None,
    progress: ProgressSink = silent,
) -> QuarantineResult:
    """List what waits; with ``retry`` apply it first. Raises ApplyError when it still cannot be applied."""
    raise NotImplementedError
