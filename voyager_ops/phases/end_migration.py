"""``end migration``: back up what is asked for, take every trace of ours off both databases, empty the export directory."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voyager_ops.migration import Migration
from voyager_ops.model.results import PhaseResult, ProgressSink, silent


@dataclass(kw_only=True)
class EndMigrationResult(PhaseResult):
    """``removed``: what was taken away, by side; ``backups``: directories written below ``backup_dir``."""

    phase: str = "end_migration"
    removed: dict[str, list[str]] = field(default_factory=dict)
    backups: list[str] = field(default_factory=list)
    reassigned: list[str] = field(default_factory=list)


def run(
    migration: Migration,
    *,
    backup_schema_files: bool,
    backup_data_files: bool,
    save_migration_reports: bool,
    backup_log_files: bool,
    backup_dir: Path | None = None,
    force: bool = False,
    reassign_to: str | None = None,
    drop_user: bool = False,
    source_privileged_url: str | None = None,
    target_privileged_url: str | None = None,
    stop: threading.Event | None = None,
    progress: ProgressSink = silent,
) -> EndMigrationResult:
    """End the migration; may be repeated after a crash at any point. ``backup_dir`` is wanted as soon as anything is backed up.

    ``force`` ends it though streams run or a cutover is under way (the streams are asked to stop first). ``reassign_to`` hands
    the migrated objects of the target to that role; ``drop_user`` then drops the migration user (needs ``target_privileged_url``,
    and ``source_privileged_url`` for the source's).
    Raises PreconditionError naming what still runs.
    """
    raise NotImplementedError
