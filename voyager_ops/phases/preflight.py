"""``preflight``: everything that would stop the migration later, found before anything is touched."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from voyager_ops.migration import Migration
from voyager_ops.model.results import PhaseResult, ProgressSink, silent


@dataclass(kw_only=True)
class PreflightResult(PhaseResult):
    """``checks``: one dict per check (id, severity ok | warning | error, subject, message, breaks, mend)."""

    phase: str = "preflight"
    checks: list[dict[str, Any]] = field(default_factory=list)
    errors: int = 0
    ok: bool = True


def run(
    migration: Migration,
    *,
    fall_back: bool | None = None,
    fail: bool = True,
    stop: threading.Event | None = None,
    progress: ProgressSink = silent,
) -> PreflightResult:
    """Run every check; reads only. ``fall_back``: also what the way back needs (None: as the configuration says).

    Raises PreconditionError listing the errors with what mends them, unless ``fail`` is False.
    """
    raise NotImplementedError
