"""The dry run: what a migration would meet now. Touches nothing on either database."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from voyager_ops.migration import Migration
from voyager_ops.model.results import PhaseResult, ProgressSink, silent


@dataclass(kw_only=True)
class DryRunResult(PhaseResult):
    """``drift``: objects ``added``, ``removed``, ``changed`` since the last dry run; ``estimates``: bytes, rows, seconds."""

    phase: str = "dry_run"
    preflight: dict[str, Any] = field(default_factory=dict)
    schema_counts: dict[str, int] = field(default_factory=dict)
    issue_count: int = 0
    drift: dict[str, list[str]] = field(default_factory=dict)
    estimates: dict[str, Any] = field(default_factory=dict)
    errors: int = 0


def run(migration: Migration, *, stop: threading.Event | None = None, progress: ProgressSink = silent) -> DryRunResult:
    """Preflight, schema export and analysis into a scratch directory, drift against the last dry run, size and time estimates."""
    raise NotImplementedError
