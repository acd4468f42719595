"""One operator per phase that comes to its end by itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from voyager_ops.errors import PreconditionError
from voyager_ops.hooks.connection import resolve
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Lane
from voyager_ops.model.results import PhaseResult
from voyager_ops.operators.base import MigrationOperator, as_bool, as_wanted
from voyager_ops.phases import (
    analyze_schema,
    archive,
    dry_run,
    end_migration,
    export_data,
    export_schema,
    fall_back,
    import_schema,
    preflight,
    report,
    snapshot,
    verify,
)
from voyager_ops.phases.import_schema import StageName
from voyager_ops.schema import layout


class PreflightOperator(MigrationOperator):
    """Everything that would stop the migration later.

    ``fall_back``: also what the way back needs (templated; None: as configured).
    """

    template_fields: Sequence[str] = (*MigrationOperator.template_fields, "fall_back")

    def __init__(self, *, fall_back: bool | str | None = None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.fall_back = fall_back

    def run_phase(self, migration: Migration, context: Context) -> PhaseResult:
        return preflight.run(migration, fall_back=as_wanted(self.fall_back), stop=self.stop, progress=self.progress)


class ExportSchemaOperator(MigrationOperator):
    """The source's schema as files. Files that were edited or imported stay as they are (``start_clean`` discards edits)."""

    template_fields: Sequence[str] = (*MigrationOperator.template_fields, "start_clean")

    def __init__(self, *, start_clean: bool | str = False, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.start_clean = start_clean

    def run_phase(self, migration: Migration, context: Context) -> PhaseResult:
        start_clean = as_bool(self.start_clean)
        kept = self._why_kept(migration, start_clean)
        if kept:
            return PhaseResult(phase="export_schema", warnings=[kept], next_step="voyager-ops analyze-schema")
        return export_schema.run(migration, start_clean=start_clean, stop=self.stop, progress=self.progress)

    @staticmethod
    def _why_kept(migration: Migration, start_clean: bool) -> str:
        if import_schema.done(migration, "base"):
            return "not exported again: the schema was imported before"
        directory = migration.export_dir.schema
        edited = layout.edited_files(directory, layout.default_manifest_path(directory))
        if edited and not start_clean:
            return f"not exported again: these files were edited: {', '.join(edited)} (the Param start_clean discards the edits)"
        return ""


class AnalyzeSchemaOperator(MigrationOperator):
    """What in the exported files needs a person."""

    def run_phase(self, migration: Migration, context: Context) -> PhaseResult:
        return analyze_schema.run(migration, stop=self.stop, progress=self.progress)


class ImportSchemaOperator(MigrationOperator):
    """One stage of the schema on the target: ``base`` before the data, ``post`` once the seam is passed."""

    def __init__(self, *, stage: StageName = "base", **arguments: Any) -> None:
        super().__init__(**arguments)
        self.stage = stage

    def run_phase(self, migration: Migration, context: Context) -> PhaseResult:
        return import_schema.run(migration, self.stage, stop=self.stop, progress=self.progress)


class PrepareCaptureOperator(MigrationOperator):
    """Publication, replica identities and replication slot of a lane: from here on nothing is lost."""

    def __init__(self, *, lane: Lane | str = Lane.FORWARD, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.lane = str(lane)

    def run_phase(self, migration: Migration, context: Context) -> PhaseResult:
        return export_data.prepare(migration, Lane(self.lane), stop=self.stop, progress=self.progress)


class PlanSnapshotOperator(MigrationOperator):
    """Cuts the tables into chunks, once. The XCom is the list of bins to expand over; the plan is beside it, under ``plan``."""

    def run_phase(self, migration: Migration, context: Context) -> PhaseResult:
        return snapshot.plan(migration, stop=self.stop, progress=self.progress)

    def output_of(self, result: PhaseResult, context: Context) -> Any:
        assert isinstance(result, snapshot.SnapshotPlan)
        context["ti"].xcom_push(key="plan", value=result.to_json())
        return result.bins


class SnapshotOperator(MigrationOperator):
    """Copies the chunks of one ``bin`` that are not done yet (None: all)."""

    def __init__(self, *, bin: int | None = None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.bin = bin

    def run_phase(self, migration: Migration, context: Context) -> PhaseResult:
        return snapshot.run(migration, self.bin, stop=self.stop, progress=self.progress)


class VerifyOperator(MigrationOperator):
    """Compares every table row by row; rows that differ fail the task, and the report names them.

    ``after_cutover``: where no lane keeps the two sides in step any more they are a warning: the side that was opened is in use.
    """

    def __init__(self, *, parallelism: int = 2, after_cutover: bool = False, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.parallelism = parallelism
        self.after_cutover = after_cutover

    def run_phase(self, migration: Migration, context: Context) -> PhaseResult:
        return verify.run(
            migration,
            parallelism=self.parallelism,
            after_cutover=self.after_cutover,
            stop=self.stop,
            progress=self.progress,
        )


class ReportOperator(MigrationOperator):
    """The data migration report, saved as JSON and CSV in the export directory."""

    def run_phase(self, migration: Migration, context: Context) -> PhaseResult:
        return report.run(migration, exact=True, stop=self.stop, progress=self.progress)


class ArchiveChangesOperator(MigrationOperator):
    """Moves (``move_to``) or deletes (``delete``) the segments every reader has applied."""

    template_fields: Sequence[str] = (*MigrationOperator.template_fields, "move_to")

    def __init__(self, *, move_to: str | None = None, delete: bool = False, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.move_to = move_to
        self.delete = delete

    def run_phase(self, migration: Migration, context: Context) -> PhaseResult:
        place = Path(self.move_to) if self.move_to else None
        return archive.run(migration, move_to=place, delete=self.delete, stop=self.stop, progress=self.progress)


class EndFallBackOperator(MigrationOperator):
    """Stays on the target for good: the fallback lane ends, and both of its streams with it.

    Only when ``approval_task_id`` was answered with ``approval``.
    """

    def __init__(self, *, approval_task_id: str, approval: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.approval_task_id = approval_task_id
        self.approval = approval

    def run_phase(self, migration: Migration, context: Context) -> PhaseResult:
        by = answered_by(context, self.approval_task_id, self.approval)
        return fall_back.end(migration, by=by, stop=self.stop, progress=self.progress)


class EndMigrationOperator(MigrationOperator):
    """Takes every trace of the migration off both databases. ``options``: the Params of the DAG (templated)."""

    template_fields: Sequence[str] = (*MigrationOperator.template_fields, "options")

    def __init__(self, *, options: dict[str, Any], approval_task_id: str, approval: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.options = options
        self.approval_task_id = approval_task_id
        self.approval = approval

    def run_phase(self, migration: Migration, context: Context) -> PhaseResult:
        self.log.info("Approved by %s", answered_by(context, self.approval_task_id, self.approval))
        options = self.options
        text = {name: str(options.get(name) or "").strip() for name in ("backup_dir", "reassign_to")}
        return end_migration.run(
            migration,
            backup_schema_files=as_bool(options["backup_schema_files"]),
            backup_data_files=as_bool(options["backup_data_files"]),
            save_migration_reports=as_bool(options["save_migration_reports"]),
            backup_log_files=as_bool(options["backup_log_files"]),
            backup_dir=Path(text["backup_dir"]) if text["backup_dir"] not in {"", "None"} else None,
            reassign_to=text["reassign_to"] if text["reassign_to"] not in {"", "None"} else None,
            drop_user=as_bool(options.get("drop_user", False)),
            source_privileged_url=self._url("source_privileged_conn_id"),
            target_privileged_url=self._url("target_privileged_conn_id"),
            stop=self.stop,
            progress=self.progress,
        )

    def _url(self, option: str) -> str | None:
        conn_id = str(self.options.get(option) or "").strip()
        return resolve(conn_id) if conn_id not in {"", "None"} else None


class DryRunOperator(MigrationOperator):
    """Preflight, schema and estimates of one migration; touches nothing. Findings that would stop the migration fail the task."""

    def run_phase(self, migration: Migration, context: Context) -> PhaseResult:
        return dry_run.run(migration, stop=self.stop, progress=self.progress)

    def output_of(self, result: PhaseResult, context: Context) -> Any:
        assert isinstance(result, dry_run.DryRunResult)
        if result.errors:
            context["ti"].xcom_push(key="return_value", value=result.to_json())
            raise AirflowFailException(f"the dry run of {self.migration!r} found {result.errors} error(s): see the task's XCom")
        return result.to_json()


def answered_by(context: Context, task_id: str, option: str) -> str:
    """The name of the user who answered ``option`` to the question ``task_id`` of this run. Raises PreconditionError else.

    Asked again here because a task may be cleared alone, behind a question that was answered otherwise.
    """
    found = context["ti"].xcom_pull(task_ids=task_id)
    answer: dict[str, Any] = found if isinstance(found, dict) else {}
    user = answer.get("responded_by_user") or {}
    name = str(user.get("name") or user.get("id") or "")
    if not name or answer.get("chosen_options") != [option]:
        said = ", ".join(answer.get("chosen_options") or []) or "nothing"
        raise PreconditionError(
            f"{task_id!r} was not answered with {option!r} in this run, but with {said}",
            state="nothing was changed",
            next_step=f"clear {task_id!r}, and answer it",
        )
    return name
