"""``end migration``."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

import click

from voyager_ops.cli_common import command, ending, secret_from
from voyager_ops.cli_cutover import end_fall_back
from voyager_ops.cli_runtime import App, execute
from voyager_ops.phases import end_migration


@click.group("end")
def end_group() -> None:
    """End the migration, or the fall-back."""


end_group.add_command(end_fall_back)


@command(end_group, "migration")
@click.option("--backup-schema-files", type=bool, required=True, help="Keep a copy of the schema files.")
@click.option("--backup-data-files", type=bool, required=True, help="Keep a copy of the change log.")
@click.option("--save-migration-reports", type=bool, required=True, help="Keep the reports.")
@click.option("--backup-log-files", type=bool, required=True, help="Keep the log files.")
@click.option("--backup-dir", type=click.Path(path_type=Path, file_okay=False), default=None, help="Where the copies go.")
@click.option("--force", is_flag=True, help="Though streams run or a cutover is under way: they are asked to stop first.")
@click.option("--reassign-to", default=None, metavar="ROLE", help="Hand the migrated objects of the target over to this role.")
@click.option("--drop-user", is_flag=True, help="Then drop the migration user (needs the privileged URLs).")
@click.option("--source-privileged-url-env", metavar="NAME", help="Environment variable with a superuser's URL of the source.")
@click.option("--target-privileged-url-env", metavar="NAME", help="Environment variable with a superuser's URL of the target.")
def end(
    app: App,
    backup_schema_files: bool,
    backup_data_files: bool,
    save_migration_reports: bool,
    backup_log_files: bool,
    backup_dir: Path | None,
    force: bool,
    reassign_to: str | None,
    drop_user: bool,
    source_privileged_url_env: str | None,
    target_privileged_url_env: str | None,
) -> None:
    """Take every trace of the migration off both databases; it cannot be continued after this."""
    execute(
        app,
        "end migration",
        lambda migration, progress: end_migration.run(
            migration,
            backup_schema_files=backup_schema_files,
            backup_data_files=backup_data_files,
            save_migration_reports=save_migration_reports,
            backup_log_files=backup_log_files,
            backup_dir=backup_dir,
            force=force,
            reassign_to=reassign_to,
            drop_user=drop_user,
            source_privileged_url=secret_from(app, source_privileged_url_env),
            target_privileged_url=secret_from(app, target_privileged_url_env),
            stop=app.stop,
            progress=progress,
        ),
        show=_show,
    )


def _show(result: end_migration.EndMigrationResult, out: TextIO) -> None:
    for side, things in result.removed.items():
        for thing in things:
            out.write(f"{side}: {thing}\n")
    for path in result.backups:
        out.write(f"backup: {path}\n")
    ending(result, out)
