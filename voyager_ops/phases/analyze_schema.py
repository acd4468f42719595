"""``analyze-schema``: what in the exported schema needs a person before it is imported."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from voyager_ops.migration import Migration
from voyager_ops.model.results import PhaseResult, ProgressSink, silent


@dataclass(kw_only=True)
class AnalyzeSchemaResult(PhaseResult):
    """``issues``: one dict per issue; ``blocking``: how many statements would not import as they are; ``reports``: files written, by format."""

    phase: str = "analyze_schema"
    issues: list[dict[str, Any]] = field(default_factory=list)
    issue_count: int = 0
    blocking: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    reports: dict[str, str] = field(default_factory=dict)


def run(
    migration: Migration,
    *,
    formats: Sequence[str] = ("json", "html", "txt"),
    stop: threading.Event | None = None,
    progress: ProgressSink = silent,
) -> AnalyzeSchemaResult:
    """Parse and analyze ``export_dir/schema`` as it is now, edits included, and write ``reports/schema_analysis_report.*``.

    Issues are a result, not an error. Raises PreconditionError when there is no exported schema.
    """
    raise NotImplementedError
