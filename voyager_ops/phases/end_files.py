"""Backing up and emptying the export directory, and forgetting the migration's records."""

from __future__ import annotations

import shutil
from pathlib import Path

from voyager_ops.errors import PreconditionError
from voyager_ops.migration import DIRECTORIES, Migration
from voyager_ops.state import tables

PARTS = ("schema", "data", "reports", "logs")


def wanted(*, schema: bool, data: bool, reports: bool, logs: bool) -> set[str]:
    """The names of the directories to back up."""
    return {name for name, flag in zip(PARTS, (schema, data, reports, logs), strict=True) if flag}


def refuse_unusable(migration: Migration, parts: set[str], backup_dir: Path | None) -> None:
    """Raises PreconditionError when a backup is wanted and there is no place for it, or the place is inside what is emptied."""
    if not parts:
        return
    if backup_dir is None:
        raise PreconditionError(
            f"a backup of {', '.join(sorted(parts))} is wanted, and there is no directory for it",
            state="nothing was changed",
            next_step="give --backup-dir DIRECTORY, or say false to all backups",
        )
    inside = backup_dir.resolve().is_relative_to(migration.export_dir.path.resolve())
    try:
        if not inside:
            backup_dir.mkdir(parents=True, exist_ok=True)
            probe = backup_dir / ".voyager-ops"
            probe.touch()
            probe.unlink()
    except OSError as error:
        raise PreconditionError(
            f"the backup directory {backup_dir} cannot be written: {error.strerror}",
            state="nothing was changed",
            next_step="give another --backup-dir",
        ) from None
    if inside:
        raise PreconditionError(
            f"the backup directory {backup_dir} lies in the export directory, which is emptied",
            state="nothing was changed",
            next_step="give another --backup-dir",
        )


def back_up(migration: Migration, parts: set[str], backup_dir: Path) -> list[str]:
    """Copy the parts to ``backup_dir/<migration>/<part>``; what an earlier try copied is copied again."""
    written = []
    for name in sorted(parts):
        place = backup_dir / migration.name / name
        shutil.copytree(migration.export_dir.path / name, place, dirs_exist_ok=True)
        written.append(str(place))
    return written


def empty(migration: Migration) -> list[str]:
    """Delete our directories below the export directory, records last; what else lies there stays."""
    removed = []
    for name in DIRECTORIES:
        if name != "metainfo":
            shutil.rmtree(migration.export_dir.path / name, ignore_errors=False)
            removed.append(name)
    state = migration.state
    with state.begin() as connection:
        for table in reversed(tables.metadata.sorted_tables):
            connection.execute(table.delete().where(table.c.migration == state.migration))
    state.close()
    shutil.rmtree(migration.export_dir.metainfo)
    vars(migration).pop("state", None)
    return [*removed, "metainfo"]
