"""The dry run: what a migration would meet now. Touches nothing on either database, and nothing of the migration's files."""

from __future__ import annotations

import hashlib
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voyager_ops.migration import Migration
from voyager_ops.model.positions import Side
from voyager_ops.model.results import PhaseResult, ProgressSink, silent
from voyager_ops.model.tables import Table
from voyager_ops.phases import preflight
from voyager_ops.phases.analyze_schema import analyze_directory
from voyager_ops.phases.base import finish, last_result
from voyager_ops.phases.export_schema import export_into
from voyager_ops.schema import layout

COPY_BYTES_PER_SECOND = 60 << 20
"""COPY from one embedded cluster into another on two cores (reference/performance.md); used until a snapshot has been
measured here."""


@dataclass(kw_only=True)
class DryRunResult(PhaseResult):
    """``drift``: statements ``added``, ``removed``, ``changed`` since the last dry run (None: there was none);
    ``estimates``: bytes, rows, snapshot_seconds and what the rate rests on; ``objects``: the fingerprint of every statement."""

    phase: str = "dry_run"
    preflight: dict[str, Any] = field(default_factory=dict)
    schema_counts: dict[str, int] = field(default_factory=dict)
    issue_count: int = 0
    blocking: int = 0
    drift: dict[str, list[str]] | None = None
    estimates: dict[str, Any] = field(default_factory=dict)
    objects: dict[str, str] = field(default_factory=dict)
    errors: int = 0


def run(migration: Migration, *, stop: threading.Event | None = None, progress: ProgressSink = silent) -> DryRunResult:
    """Preflight, schema export and analysis into a scratch directory, drift against the last dry run, size and time estimates."""
    started = time.monotonic()
    migration.export_dir.create()
    previous = last_result(migration, "dry_run")
    measured = last_result(migration, "snapshot")
    checks = preflight.gather(migration, migration.wants_fall_back(), progress)
    counts = preflight.summary(checks)
    with tempfile.TemporaryDirectory(prefix="dry-run-", dir=migration.export_dir.temp) as scratch:
        schema, manifest = Path(scratch) / "schema", Path(scratch) / "manifest.json"
        exported = export_into(migration, schema, start_clean=True, progress=progress, manifest=manifest)
        analysis = analyze_directory(migration, schema, Path(scratch) / "reports", None, progress, manifest)
        objects = fingerprints(layout.read(schema, manifest))
    result = DryRunResult(
        preflight={"counts": counts, "checks": [check.to_json() for check in checks]},
        schema_counts=dict(exported.counts),
        issue_count=analysis.issue_count,
        blocking=analysis.blocking,
        drift=drift(previous["objects"], objects) if previous else None,
        estimates=estimates(migration.read_catalog(Side.SOURCE), measured),
        objects=objects,
        errors=counts["error"],
    )
    result.next_step = "voyager-ops preflight shows what mends the errors" if result.errors else "voyager-ops export schema"
    return finish(migration, result, started)


def fingerprints(statements: Iterable[layout.SchemaStatement]) -> dict[str, str]:
    """Fingerprint of each statement by ``kind: beginning of its text (#n of equal beginnings)``."""
    found: dict[str, str] = {}
    for item in statements:
        words = " ".join(item.statement.text.split())
        label = base = f"{item.kind.value}: {words[:100]}"
        number = 1
        while label in found:
            number += 1
            label = f"{base} (#{number})"
        found[label] = hashlib.sha256(words.encode()).hexdigest()[:16]
    return found


def drift(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, list[str]]:
    """What was added, removed or changed between two fingerprints. Pure."""
    return {
        "added": sorted(now.keys() - before.keys()),
        "removed": sorted(before.keys() - now.keys()),
        "changed": sorted(label for label in now.keys() & before.keys() if now[label] != before[label]),
    }


def estimates(tables: Iterable[Table], measured: Mapping[str, Any] | None) -> dict[str, Any]:
    """Size from the planner's statistics; time from the last snapshot's rate where there is one. Pure."""
    tables = list(tables)
    size, rows = sum(table.bytes for table in tables), sum(table.rows for table in tables)
    usable = measured is not None and measured["bytes"] > 0 and measured["seconds"] > 0
    rate = measured["bytes"] / measured["seconds"] if usable and measured is not None else COPY_BYTES_PER_SECOND
    return {
        "tables": len(tables),
        "bytes": size,
        "rows": rows,
        "snapshot_seconds": round(size / rate, 1),
        "bytes_per_second": round(rate),
        "rate_from": "the last snapshot of this migration" if usable else "measurement on two cores with embedded clusters",
        "largest": [
            {"table": str(table.name), "bytes": table.bytes, "rows": table.rows}
            for table in sorted(tables, key=lambda table: -table.bytes)[:10]
        ],
    }
