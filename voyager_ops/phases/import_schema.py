"""``import schema``: the stages of the schema on the target.

``base`` before the data; ``unique`` at the seam point (import data does it); ``post``, by ``--post-import-data``, once the seam is
passed: whatever of ``unique`` is missing, then indexes, foreign keys, triggers, materialized views.
"""

from __future__ import annotations

import threading
import time
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from voyager_ops.databases.postgres.database import SETTINGS, Connection
from voyager_ops.errors import PreconditionError
from voyager_ops.migration import Migration
from voyager_ops.model.results import PhaseResult, Progress, ProgressSink, silent
from voyager_ops.phases.base import finish, last_result
from voyager_ops.phases.status import seam_passed
from voyager_ops.schema import importer
from voyager_ops.schema.kinds import Stage

StageName = Literal["base", "unique", "post"]
STAGES: dict[StageName, tuple[Stage, ...]] = {
    "base": (Stage.BASE,),
    "unique": (Stage.UNIQUE,),
    "post": (Stage.UNIQUE, Stage.POST),
}


@dataclass(kw_only=True)
class ImportSchemaResult(PhaseResult):
    """Counts of statements over the stages run; ``errors`` is empty when the phase returns (it raises otherwise)."""

    phase: str = "import_schema"
    stage: str = "base"
    total: int = 0
    executed: int = 0
    already_done: int = 0
    existed: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)


def run(
    migration: Migration,
    stage: StageName = "base",
    *,
    ignore_exist: bool = False,
    continue_on_error: bool = False,
    stop: threading.Event | None = None,
    progress: ProgressSink = silent,
) -> ImportSchemaResult:
    """Run the statements of ``stage`` that have not been run yet; recorded as ``phase/import_schema/<stage>``.

    Raises PreconditionError for ``post`` before the seam is passed, SchemaImportFailed naming file, line and statement.
    """
    started = time.monotonic()
    if stage == "post" and not seam_passed(migration):
        raise PreconditionError(
            "import schema --post-import-data comes after the data: the seam point of the snapshot has not been passed, and indexes,"
            " unique keys, foreign keys and triggers would reject rows that are right in the end",
            state="nothing was changed",
            next_step="voyager-ops import data to target; it says when the seam is passed (voyager-ops cutover status shows it too)",
        )
    result = ImportSchemaResult(stage=stage)

    def told(step: importer.Progress) -> None:
        progress(
            Progress(
                phase="import_schema",
                message=f"{step.kind.value} ({step.file}, line {step.line})",
                done=step.position if step.finished else step.position - 1,
                total=step.total,
                unit="statements",
            )
        )

    with _connection(migration) as connection:
        for part in STAGES[stage]:
            done = importer.import_schema(
                connection,
                migration.export_dir.schema,
                part,
                migration=migration.name,
                continue_on_error=continue_on_error,
                ignore_exist=ignore_exist,
                atomic_ddl=migration.target.kind != "yugabytedb",
                progress=told,
            )
            result.total += done.total
            result.executed += done.executed
            result.already_done += done.already_done
            result.existed += done.existed
            result.errors += [asdict(error) for error in done.errors]
    result.next_step = {
        "base": "voyager-ops export data from source, and voyager-ops import data to target",
        "unique": "voyager-ops import schema --post-import-data",
        "post": "voyager-ops verify, then voyager-ops initiate cutover to target",
    }[stage]
    return finish(migration, result, started, key=f"import_schema/{stage}")


def _connection(migration: Migration) -> Connection:
    """DDL runs with the server's own settings for what a schema may depend on; only time limits are lifted."""
    return migration.target.connect("import schema", settings={"search_path": SETTINGS["search_path"]})


def done(migration: Migration, stage: StageName) -> bool:
    """Whether the stage was run to its end."""
    return last_result(migration, f"import_schema/{stage}") is not None
