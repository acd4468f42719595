"""``preflight``: everything that would stop the migration later, found before anything is touched."""

from __future__ import annotations

import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voyager_ops.databases.postgres.database import PostgresDatabase
from voyager_ops.errors import PreconditionError
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Lane, Side
from voyager_ops.model.results import PhaseResult, Progress, ProgressSink, silent
from voyager_ops.phases.base import finish
from voyager_ops.phases.checks.contents import check_contents
from voyager_ops.phases.checks.facts import filled, read_contents, read_server, unusable_schemas, xml_refusal
from voyager_ops.phases.checks.model import Check, PairFacts, Severity
from voyager_ops.phases.checks.pair import check_local, check_pair, check_target, check_xml
from voyager_ops.phases.checks.server import check_server
from voyager_ops.snapshot.key_builder import BUILDS_AT_ONCE
from voyager_ops.state.lanes import NONE, read_lane

XML = 142
"""The OID of type xml."""

SESSIONS_BESIDE = 8
"""Two of a verification, one of a cutover, two a stream, one of preflight, of ``status`` and of the page in Airflow."""


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
    started = time.monotonic()
    migration.export_dir.create()
    checks = gather(migration, migration.wants_fall_back(fall_back), progress)
    errors = [check for check in checks if check.severity is Severity.ERROR]
    result = PreflightResult(
        checks=[check.to_json() for check in checks],
        errors=len(errors),
        ok=not errors,
        warnings=[f"{check.subject}: {check.message}" for check in checks if check.severity is Severity.WARNING],
        next_step="voyager-ops export schema" if not errors else "mend the errors and run voyager-ops preflight again",
    )
    finish(migration, result, started)
    if errors and fail:
        raise PreconditionError(
            f"preflight found {len(errors)} errors:\n" + "\n".join(_line(check) for check in errors),
            state="nothing was changed on either database",
            next_step="mend them (voyager-ops prepare source|target shows the statements) and run voyager-ops preflight again",
        )
    return result


def most_sessions(migration: Migration) -> int:
    """Sessions on a side: the snapshot's, all bins at once as Airflow runs them, the builds of keys with them, those of apply, of
    a verification and of a cutover beside it, and those with which streams and commands look after themselves. While tables are
    read as one the snapshot may have up to three times as many (docs/performance.md): that is not counted on."""
    snapshot = migration.config.snapshot
    each = snapshot.parallelism + 1 + BUILDS_AT_ONCE
    return snapshot.bins * each + migration.config.changes.apply_parallelism + SESSIONS_BESIDE


def _line(check: Check) -> str:
    return f"  [{check.id}] {check.subject}: {check.message}. Otherwise: {check.breaks}. Mend: {check.mend}"


def gather(migration: Migration, fall_back: bool, progress: ProgressSink) -> list[Check]:
    """All checks' outcomes, errors first."""
    state = migration.state
    owned = {
        Side.SOURCE: read_lane(state, Lane.FORWARD).status != NONE,
        Side.TARGET: read_lane(state, Lane.FALLBACK).status != NONE,
    }
    progress(Progress(phase="preflight", message="reading the source"))
    checks: list[Check] = []
    if isinstance(migration.source, PostgresDatabase):
        tables = migration.read_catalog(Side.SOURCE)
        with migration.source.connect("preflight") as connection:
            source = read_server(connection, migration.source)
            contents = read_contents(
                connection,
                migration.config.source.schemas,
                tables,
                migration.config.tables.include,
                migration.config.tables.exclude,
            )
    else:
        from voyager_ops.phases import preflight_oracle  # with Oracle's driver, only where one is used

        tables, checks = preflight_oracle.look(migration, fall_back=fall_back)
    progress(Progress(phase="preflight", message="reading the target"))
    with migration.target.connect("preflight") as connection:
        target = read_server(connection, migration.target)
        pair = PairFacts(
            fall_back=fall_back,
            started=owned[Side.SOURCE],
            target_filled=() if owned[Side.SOURCE] else filled(connection, [migration.names.to_target(t.name) for t in tables]),
            target_unusable_schemas=unusable_schemas(connection, migration.target_schemas),
            approvers=migration.config.approvers,
            export_dir=str(migration.export_dir.path),
            export_free=_free(migration.export_dir.path),
            disk_reserve=migration.config.changes.disk_reserve,
        )
        xml = [f"{t.native_name}.{c.native_name}" for t in tables for c in t.columns if XML in (c.base_oid, c.array_of)]
        refusal = xml_refusal(connection) if xml else ""
    most = most_sessions(migration)
    checks += check_server(target, captures=fall_back, applies=True, slot_owned=owned[Side.TARGET], sessions=most)
    if isinstance(migration.source, PostgresDatabase):
        checks += check_server(source, captures=True, applies=fall_back, slot_owned=owned[Side.SOURCE], sessions=most)
        checks += check_contents(contents, source, fall_back=fall_back)
        checks += check_pair(source, target, contents, pair)
        checks += check_xml(target, xml, refusal, "leave the tables out (tables.exclude)")
    else:
        checks += preflight_oracle.check_encoding(target)
        checks += check_target(target, pair)
        checks += check_xml(
            target, xml, refusal, f"let them become text (types: {{by_column: {{{xml[0]}: text}}}})" if xml else ""
        )
        checks += check_local(sum(table.bytes for table in tables), pair)
    order = [Severity.ERROR, Severity.WARNING, Severity.OK]
    return sorted(checks, key=lambda check: order.index(check.severity))


def summary(checks: Iterable[Check]) -> dict[str, int]:
    """How many checks came out ok, warning and error."""
    counted = Counter(str(check.severity) for check in checks)
    return {str(severity): counted[str(severity)] for severity in Severity}


def _free(path: Path) -> int:
    return shutil.disk_usage(path).free
