"""``verify``: every table of both sides compared, row by row through hashes computed by the servers."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from voyager_ops.migration import Migration
from voyager_ops.model.results import PhaseResult, ProgressSink, silent


@dataclass(kw_only=True)
class VerifyResult(PhaseResult):
    """``tables``: one dict per table (table, source_rows, target_rows, differences, …); ``differences``: rows in all; ``report``: file
    that names them. ``settled``: no row was left undecided because changes were still flowing."""

    phase: str = "verify"
    equal: bool = False
    rows: int = 0
    differences: int = 0
    tables: list[dict[str, Any]] = field(default_factory=list)
    settled: bool = True
    report: str = ""


def run(
    migration: Migration,
    *,
    parallelism: int = 2,
    fail: bool = True,
    stop: threading.Event | None = None,
    progress: ProgressSink = silent,
) -> VerifyResult:
    """Compare all migrated tables; writes ``reports/verification.json``. Rows that differ while changes flow are looked at again
    after the lag has passed them. Raises VerificationFailed when rows differ, unless ``fail`` is False."""
    raise NotImplementedError
