"""``export schema``: the source's schema as files of SQL, one per object type, in ``export_dir/schema``."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voyager_ops.databases.postgres.catalog import read_tables
from voyager_ops.databases.postgres.database import postgres
from voyager_ops.migration import Migration
from voyager_ops.model.results import PhaseResult, Progress, ProgressSink, silent
from voyager_ops.model.tables import QName, matches
from voyager_ops.phases.base import finish
from voyager_ops.schema.export import SchemaExport
from voyager_ops.schema.export import export_schema as export_files


@dataclass(kw_only=True)
class ExportSchemaResult(PhaseResult):
    """``counts``: statements per object type; ``findings``: what was left out or needs a look (code, object, message)."""

    phase: str = "export_schema"
    directory: str = ""
    source_version: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    findings: list[dict[str, Any]] = field(default_factory=list)


def run(
    migration: Migration,
    *,
    start_clean: bool = False,
    stop: threading.Event | None = None,
    progress: ProgressSink = silent,
) -> ExportSchemaResult:
    """Export. ``start_clean`` discards edits made to the files of an earlier export.

    Raises PreconditionError (no usable pg_dump, edited files without ``start_clean``, an Oracle's ``names:`` changed while
    capture goes by them) and SchemaError.
    """
    started = time.monotonic()
    migration.export_dir.create()
    if migration.source.kind == "oracle":
        from voyager_ops.phases import export_oracle  # with its driver and converter, only where they are used

        export_oracle.refuse_renaming(migration)
    exported = export_into(migration, migration.export_dir.schema, start_clean=start_clean, progress=progress)
    result = ExportSchemaResult(
        directory=str(exported.directory),
        source_version=exported.source_version,
        counts=dict(exported.counts),
        findings=[finding.to_json() for finding in exported.findings],
        warnings=[f"{finding.object_name}: {finding.message}" for finding in exported.findings],
        next_step="voyager-ops analyze-schema",
    )
    return finish(migration, result, started)


def export_into(
    migration: Migration, directory: Path, *, start_clean: bool, progress: ProgressSink, manifest: Path | None = None
) -> SchemaExport:
    """Export into any directory (the dry run uses a scratch one)."""

    def tell(message: str) -> None:
        progress(Progress(phase="export_schema", message=message))

    if migration.source.kind == "oracle":
        from voyager_ops.phases import export_oracle  # with its driver and converter, only where they are used

        return export_oracle.export_into(migration, directory, start_clean=start_clean, progress=tell, manifest=manifest)
    return export_files(
        postgres(migration.source).conninfo,
        directory,
        schemas=migration.config.source.schemas,
        manifest_path=manifest,
        exclude_tables=excluded_tables(migration),
        rename_to=migration.config.target.schema_name,
        start_clean=start_clean,
        progress=tell,
    )


def excluded_tables(migration: Migration) -> list[QName]:
    """Tables and partitions of the source which ``tables.include``/``exclude`` leave out."""
    chosen = migration.config.tables
    left_out: list[QName] = []
    with migration.source.connect("catalog") as connection:
        for table in read_tables(connection, migration.config.source.schemas):
            if matches(table.name, chosen.include) and not matches(table.name, chosen.exclude):
                continue
            left_out.append(table.name)
            branches = connection.execute(
                "SELECT n.nspname, c.relname FROM pg_partition_tree(%s::oid::regclass) t JOIN pg_class c ON c.oid = t.relid"
                " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE t.level > 0",
                (table.oid,),
            ).fetchall()
            left_out.extend(QName(schema, name) for schema, name in branches)
    return left_out
