"""``analyze-schema``: what in the exported schema needs a person before it is imported."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from voyager_ops.migration import Migration
from voyager_ops.model.results import PhaseResult, Progress, ProgressSink, silent
from voyager_ops.phases.base import finish
from voyager_ops.schema.analyze import analyze
from voyager_ops.schema.layout import refuse_missing
from voyager_ops.schema.report import write_reports


@dataclass(kw_only=True)
class AnalyzeSchemaResult(PhaseResult):
    """``issues``: one dict per issue, ``issue_count`` of them without the mere notes; ``blocking``: how many would not
    import as they are; ``counts``:
    statements per object type; ``reports``: files written, by format."""

    phase: str = "analyze_schema"
    issues: list[dict[str, Any]] = field(default_factory=list)
    issue_count: int = 0
    blocking: int = 0
    left_out: list[dict[str, Any]] = field(default_factory=list)
    """What the export could not bring along (code, object, message): nobody will miss it at the import."""
    counts: dict[str, int] = field(default_factory=dict)
    reports: dict[str, str] = field(default_factory=dict)


def run(
    migration: Migration,
    *,
    target_version: str | None = None,
    stop: threading.Event | None = None,
    progress: ProgressSink = silent,
) -> AnalyzeSchemaResult:
    """Parse and analyze ``export_dir/schema`` as it is now, edits included, and write ``reports/schema_analysis_report.*``.

    Issues are a result, not an error. Raises PreconditionError when there is no exported schema.
    """
    started = time.monotonic()
    refuse_missing(migration.export_dir.schema)
    result = analyze_directory(migration, migration.export_dir.schema, migration.export_dir.reports, target_version, progress)
    result.next_step = (
        "mend the statements in export_dir/schema that block, and run voyager-ops analyze-schema again"
        if result.blocking
        else "voyager-ops import schema"
    )
    return finish(migration, result, started)


def analyze_directory(
    migration: Migration,
    schema: Path,
    reports: Path,
    target_version: str | None,
    progress: ProgressSink,
    manifest: Path | None = None,
) -> AnalyzeSchemaResult:
    """As :func:`run` for any directories, recording nothing (the dry run uses scratch ones)."""
    progress(Progress(phase="analyze_schema", message="parsing and analyzing the schema"))
    report = analyze(schema, target_kind=migration.target.kind, target_version=target_version, manifest_path=manifest)
    reports.mkdir(parents=True, exist_ok=True)
    written = write_reports(report, reports)
    return AnalyzeSchemaResult(
        issues=[asdict(issue) for issue in report.issues],
        issue_count=report.counted,
        blocking=report.blocking,
        left_out=[finding.to_json() for finding in report.findings if finding.left_out],
        counts={item.kind: item.total for item in report.objects},
        reports={name: str(path) for name, path in written.items()},
    )
