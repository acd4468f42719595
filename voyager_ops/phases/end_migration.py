"""``end migration``: back up what is asked for, take every trace of ours off both databases, empty the export directory.

The migration's records go last: a crash at any point before leaves them, and the same command carries on.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from voyager_ops.databases.engines import engine_of
from voyager_ops.databases.postgres import guard, guard_fence
from voyager_ops.databases.postgres.database import PostgresDatabase
from voyager_ops.errors import PreconditionError
from voyager_ops.failpoints import hit, register
from voyager_ops.migration import Migration
from voyager_ops.model.positions import FROM_SIDE, Lane, Side
from voyager_ops.model.results import PhaseResult, Progress, ProgressSink, silent
from voyager_ops.phases import end_files, report
from voyager_ops.phases.base import ENDING, wait_until
from voyager_ops.phases.end_ownership import drop_migration_user, hand_over, refuse_unfit
from voyager_ops.snapshot import keys
from voyager_ops.state import cutovers
from voyager_ops.state.lanes import NONE, read_lane
from voyager_ops.state.processes import processes, request_stop

BETWEEN_STEPS = register("end_migration.between_steps")
BEFORE_RECORDS = register("end_migration.before_records")
STOP_SECONDS = 60.0


@dataclass(kw_only=True)
class EndMigrationResult(PhaseResult):
    """``removed``: what was taken away, by side (and ``export_dir``); ``backups``: directories written below ``backup_dir``;
    ``reassigned``: what was handed over or dropped at the end."""

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
    the migration user's objects on the target to that role; ``drop_user`` then drops the user on both sides.
    Raises PreconditionError naming what still runs or is missing, before anything is touched.
    """
    started = time.monotonic()
    stop = stop or threading.Event()
    wanted = end_files.wanted(
        schema=backup_schema_files, data=backup_data_files, reports=save_migration_reports, logs=backup_log_files
    )
    end_files.refuse_unusable(migration, wanted, backup_dir)
    privileged = {Side.SOURCE: source_privileged_url, Side.TARGET: target_privileged_url}
    refuse_unfit(migration, reassign_to, drop_user, privileged)
    _refuse_busy(migration, force, stop)
    result = EndMigrationResult(next_step="nothing: the migration is ended")

    def tell(message: str) -> None:
        progress(Progress(phase="end_migration", message=message))

    if migration.state.get(ENDING) is None:
        if save_migration_reports:
            tell("gathering the last report")
            report.run(migration, exact=False, stop=stop, progress=progress)
        migration.state.put(ENDING, {"at": time.time(), "backups": sorted(wanted)})
    if backup_dir is not None:
        tell(f"backing up to {backup_dir}")
        result.backups = end_files.back_up(migration, wanted, backup_dir)
    hit(BETWEEN_STEPS)
    for lane in migration.lanes:
        tell(f"taking down the {lane} lane")
        result.removed.setdefault(str(FROM_SIDE[lane]), []).extend(_take_down(migration, lane, progress))
        hit(BETWEEN_STEPS)
    for side in Side:
        tell(f"putting back what was held off on the {side}")
        result.removed.setdefault(str(side), []).extend(_put_back(migration, side, result.warnings))
        hit(BETWEEN_STEPS)
    for side in Side:
        tell(f"removing our records from the {side}")
        database = migration.database(side)
        result.removed.setdefault(str(side), []).extend(engine_of(database).remove_records(database))
        hit(BETWEEN_STEPS)
    if reassign_to is not None:
        result.reassigned += hand_over(migration, reassign_to, privileged[Side.TARGET] or "")
        hit(BETWEEN_STEPS)
    if drop_user:
        for side in Side:
            result.reassigned += drop_migration_user(migration, side, privileged[side] or "")
            hit(BETWEEN_STEPS)
    hit(BEFORE_RECORDS)
    tell("emptying the export directory")
    result.removed["export_dir"] = end_files.empty(migration)
    result.seconds = round(time.monotonic() - started, 3)
    return result


def _refuse_busy(migration: Migration, force: bool, stop: threading.Event) -> None:
    running = [role for role, info in processes(migration.state).items() if info.alive]
    under_way = [side for side in Side if (record := cutovers.read(migration.state, side)) is not None and record.under_way]
    if not force and (running or under_way):
        what = [f"`voyager-ops {role}` is running" for role in running]
        what += [f"the cutover to {side} is under way" for side in under_way]
        raise PreconditionError(
            f"the migration cannot be ended: {'; '.join(what)}",
            state="nothing was changed",
            next_step="wait for the cutover and stop the commands (Ctrl-C); or give --force, which asks them to stop",
        )
    for role in running:
        request_stop(migration.state, role)
    if running and not wait_until(
        lambda: not any(info.alive for info in processes(migration.state).values()), stop=stop, seconds=STOP_SECONDS
    ):
        raise PreconditionError(
            f"still running after {STOP_SECONDS:.0f} s: {', '.join(running)}",
            state="they were asked to stop; nothing was removed",
            next_step="end those processes, then this command again",
        )


def _take_down(migration: Migration, lane: Lane, progress: ProgressSink) -> list[str]:
    record = read_lane(migration.state, lane)
    context = migration.lane(lane)
    removed = engine_of(context.capture_db).teardown(context, progress)
    return removed if record.status != NONE else []


def _put_back(migration: Migration, side: Side, warnings: list[str]) -> list[str]:
    database = migration.database(side)
    if not isinstance(database, PostgresDatabase):
        return []  # nothing is ever held off or fenced there
    fenced = guard_fence.fenced(migration.state, side)
    left = guard_fence.unfence(migration.state, database, side)
    if left:
        raise PreconditionError(
            f"readers of the {side} keep us from removing {', '.join(left)}",
            state="writes are allowed again; everything done so far stays done",
            next_step="voyager-ops end migration again when the readers are gone",
        )
    warnings += keys.build_all(database, migration.name) if side is Side.TARGET else []  # before foreign keys to them
    restored = guard.restore(migration.state, database, side)
    warnings += [f"{side}: {item} was dropped or changed by somebody else; left as it is" for item in restored.gone]
    return [*(["the fence against writers"] if fenced else []), *(f"put back: {item}" for item in restored.items)]
