"""``import schema``: the stages of the schema on the target.

``base`` before the data; ``unique`` at the seam point (import data does it); ``post``, by ``--post-import-data``, once the
seam is passed: whatever of ``unique`` is missing, then indexes, foreign keys, triggers, materialized views.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Literal

from voyager_ops.databases.postgres import guard
from voyager_ops.databases.postgres.database import SETTINGS, Connection
from voyager_ops.errors import PreconditionError, RetryableError
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Lane, Side
from voyager_ops.model.results import PhaseResult, Progress, ProgressSink, silent
from voyager_ops.model.tables import QName
from voyager_ops.phases.base import finish, last_result
from voyager_ops.phases.status import seam_passed
from voyager_ops.schema import importer
from voyager_ops.schema.kinds import Kind, Stage
from voyager_ops.schema.layout import refuse_missing
from voyager_ops.state.lanes import ENDED, read_lane
from voyager_ops.state.stopped import stopped_tables

StageName = Literal["base", "unique", "post"]
PATIENCE_SECONDS = 300.0
PAUSE_SECONDS = 1.0
FIRING = frozenset({Kind.TRIGGER, Kind.RULE, Kind.EVENT_TRIGGER})
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

    Raises PreconditionError when there is no exported schema, and for ``post`` before the seam is passed;
    SchemaImportFailed naming file, line and statement.
    """
    started = time.monotonic()
    if stage == "post" and not seam_passed(migration):
        raise PreconditionError(
            "import schema --post-import-data comes after the data: the seam point of the snapshot has not been passed, and"
            " indexes, unique keys, foreign keys and triggers would reject rows that are right in the end",
            state="nothing was changed",
            next_step="voyager-ops import data to target; voyager-ops status says when the seam is passed",
        )
    if stage == "base":
        refuse_missing(migration.export_dir.schema)
    result = ImportSchemaResult(stage=stage)

    triggers = _Triggers(migration, active=stage == "post" and read_lane(migration.state, Lane.FORWARD).status != ENDED)

    def told(step: importer.Progress) -> None:
        if step.kind in FIRING and not step.finished:
            triggers.pause_apply()
        progress(
            Progress(
                phase="import_schema",
                message=f"{step.kind.value} ({step.file}, line {step.line})",
                done=step.position if step.finished else step.position - 1,
                total=step.total,
                unit="statements",
            )
        )

    with triggers:
        for part in STAGES[stage]:
            done = _patiently(
                migration,
                stop or threading.Event(),
                progress,
                partial(
                    importer.import_schema,
                    schema_dir=migration.export_dir.schema,
                    stage=part,
                    migration=migration.name,
                    continue_on_error=continue_on_error,
                    ignore_exist=ignore_exist,
                    atomic_ddl=migration.target.kind != "yugabytedb",
                    loose=_stopped(migration),
                    progress=told,
                ),
            )
            result.total += done.total
            result.executed += done.executed
            result.already_done += done.already_done
            result.existed += done.existed
            result.errors += [asdict(error) for error in done.errors]
            result.warnings += done.left_out
    result.next_step = {
        "base": "voyager-ops export data from source, and voyager-ops import data to target",
        "unique": "voyager-ops import schema --post-import-data",
        "post": "voyager-ops verify, then voyager-ops initiate cutover to target",
    }[stage]
    return finish(migration, result, started, key=f"import_schema/{stage}")


def _stopped(migration: Migration) -> frozenset[QName]:
    """The target's names of tables that the forward lane carries no further."""
    names = [QName.parse(name) for name in stopped_tables(migration.state, Lane.FORWARD)]
    return frozenset(map(migration.names.to_target, names))


class _Triggers:
    """Triggers come to life on a target that changes are applied to: apply waits from before the first of them is created
    until those that would fire even for apply (ALWAYS, REPLICA) are held off, which the cutover puts back."""

    def __init__(self, migration: Migration, *, active: bool) -> None:
        self._migration = migration
        self._active = active
        self._pause: Connection | None = None

    def pause_apply(self) -> None:
        if not self._active or self._pause is not None:
            return
        self._pause = self._migration.target.connect("import schema", autocommit=False)
        # Every apply transaction begins by changing this row.
        self._pause.execute(
            "SELECT FROM voyager_ops.lane_position WHERE migration = %s AND lane = %s AND part = 0 FOR UPDATE",
            (self._migration.name, str(Lane.FORWARD)),
        )

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_error: object) -> None:
        try:
            if self._active:
                guard.hold_off(
                    self._migration.state, self._migration.target, self._migration.read_catalog(Side.TARGET), Side.TARGET
                )
        finally:
            if self._pause is not None:
                self._pause.close()


def _patiently(
    migration: Migration,
    stop: threading.Event,
    progress: ProgressSink,
    run_stage: Callable[[Connection], importer.SchemaImport],
) -> importer.SchemaImport:
    """Apply is at work on the same tables: a deadlock or a lock that was not to be had is tried again, for a while."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with _connection(migration) as connection:
                return run_stage(connection)
        except RetryableError as error:
            if time.monotonic() >= deadline or stop.is_set():
                raise
            progress(Progress(phase="import_schema", message=f"trying again: {error.what}"))
            stop.wait(PAUSE_SECONDS)


def _connection(migration: Migration) -> Connection:
    """DDL runs with the server's own settings for what a schema may depend on; only time limits are lifted."""
    return migration.target.connect("import schema", settings={"search_path": SETTINGS["search_path"]})


def done(migration: Migration, stage: StageName) -> bool:
    """Whether the stage was run to its end."""
    return last_result(migration, f"import_schema/{stage}") is not None
