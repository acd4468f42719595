"""``get data-migration-report``: per table what was copied, captured and applied in each lane, and the rows there now."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from voyager_ops.migration import Migration
from voyager_ops.model.results import PhaseResult, ProgressSink, silent


@dataclass(kw_only=True)
class DataMigrationReport(PhaseResult):
    """``tables``: one flat dict per table; ``files``: the saved report, by format."""

    phase: str = "report"
    tables: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)


def run(
    migration: Migration,
    *,
    exact: bool = False,
    save: bool = True,
    stop: threading.Event | None = None,
    progress: ProgressSink = silent,
) -> DataMigrationReport:
    """Gather the report; ``exact`` counts the rows of every table on both sides now. ``save`` writes JSON and CSV into reports/."""
    raise NotImplementedError
