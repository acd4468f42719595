"""Ends a migration for good, once a human has approved: backs up what is asked for and takes every trace off both databases."""

from __future__ import annotations

from airflow.sdk import DAG

from voyager_ops.operators.approvals import ApproveEndOperator
from voyager_ops.operators.defaults import LONG_RUNS, default_args, flag, migration_param, text
from voyager_ops.operators.phases import EndMigrationOperator

BACKUPS = {
    "backup_schema_files": flag(True, "Back up the schema files", "The exported and edited SQL."),
    "backup_data_files": flag(False, "Back up the data files", "The change log's segments."),
    "save_migration_reports": flag(True, "Save the migration reports", "Analysis, verification and the data migration report."),
    "backup_log_files": flag(True, "Back up the log files", "What the commands logged."),
    "backup_dir": text("Backup directory", "Wanted as soon as anything is backed up: a directory outside the export directory."),
}
HAND_OVER = {
    "reassign_to": text("New owner", "A role of the target that is to own the migrated objects."),
    "drop_user": flag(False, "Drop the migration user", "On both sides; needs the two privileged connections below."),
    "source_privileged_conn_id": text("Privileged connection, source", "A role that may drop the user."),
    "target_privileged_conn_id": text(
        "Privileged connection, target", "Airflow connection of a role that may hand over and drop."
    ),
}
OPTIONS = {name: f"{{{{ params.{name} }}}}" for name in (*BACKUPS, *HAND_OVER)}

with DAG(
    "end_migration",
    description="Back up, clean both databases and the export directory: the end of a migration",
    doc_md=__doc__,
    default_args=default_args(),
    params={"migration": migration_param(), **BACKUPS, **HAND_OVER},
    **LONG_RUNS,
):
    approve = ApproveEndOperator(task_id="approve_end", end_options=OPTIONS)
    end = EndMigrationOperator(
        task_id="end_migration", options=OPTIONS, approval_task_id="approve_end", approval=ApproveEndOperator.APPROVE
    )

    approve >> end
