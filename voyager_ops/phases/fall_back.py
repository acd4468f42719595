"""Ending the fall-back without using it: the target stays open for good, its changes no longer flow to the source.

Before the cutover nothing has flowed back yet: then ending it forgets the lane, so that it can be begun anew. That is the way out
when somebody wrote on the target before it was opened, which the lane must not carry to the source.
"""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import dataclass

from psycopg import sql

from voyager_ops.databases.engines import engine_of
from voyager_ops.databases.postgres import metadata
from voyager_ops.errors import PreconditionError
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Lane, Side
from voyager_ops.model.results import PhaseResult, ProgressSink, silent
from voyager_ops.phases import cutover
from voyager_ops.phases.base import EXPORT_ROLE, IMPORT_ROLE, finish, wait_until
from voyager_ops.phases.status import alive
from voyager_ops.state import tables
from voyager_ops.state.lanes import ENDED, NONE, read_lane, update_lane
from voyager_ops.state.processes import request_stop

STREAMS_END_SECONDS = 30.0


@dataclass(kw_only=True)
class FallBackEnded(PhaseResult):
    """``ended`` is False when there was no fallback lane to end; ``forgotten``: it can be begun anew."""

    phase: str = "fall_back_end"
    ended: bool = False
    forgotten: bool = False


def end(
    migration: Migration, *, by: str = "", stop: threading.Event | None = None, progress: ProgressSink = silent
) -> FallBackEnded:
    """End the fallback lane; both of its streams then finish by themselves. There is no way back to the source after this.

    Before the cutover to the target: forget the lane instead, so that starting its streams again begins it anew.
    Raises PreconditionError while a cutover is under way, after the one to the source, and when there is nothing to forget.
    """
    started = time.monotonic()
    status = cutover.status(migration)
    record = read_lane(migration.state, Lane.FALLBACK)
    forget = status.cutover_to_target != "COMPLETED"
    under_way = "INITIATED" in (status.cutover_to_target, status.cutover_to_source)
    if under_way or status.cutover_to_source == "COMPLETED" or (forget and record.status == NONE):
        raise PreconditionError(
            f"the fall-back cannot be ended now: cutover to target is {status.cutover_to_target},"
            f" cutover to source is {status.cutover_to_source}, the fallback lane is {record.status}",
            state="nothing was changed",
            next_step="voyager-ops cutover status",
        )
    again = " and ".join(f"voyager-ops {role[Lane.FALLBACK]}" for role in (EXPORT_ROLE, IMPORT_ROLE))
    result = FallBackEnded(next_step=f"{again} begin it anew" if forget else "voyager-ops end migration")
    if record.status not in {NONE, ENDED}:
        migration.state.log("fall_back", "end", "before", {"by": by, "side": str(Side.TARGET)})
        update_lane(migration.state, Lane.FALLBACK, status=ENDED)
        for role in (EXPORT_ROLE[Lane.FALLBACK], IMPORT_ROLE[Lane.FALLBACK]):
            request_stop(migration.state, role)
        wait_until(lambda: not any(alive(migration, Lane.FALLBACK)), stop=stop or threading.Event(), seconds=STREAMS_END_SECONDS)
        result.ended = True
    if record.status != NONE:
        engine_of(migration.target).teardown(
            migration.lane(Lane.FALLBACK), progress
        )  # or the slot would keep the target's WAL for ever
        if forget:
            _forget(migration)
            result.forgotten = True
    return finish(migration, result, started)


def _forget(migration: Migration) -> None:
    """Remove every record of the lane, the one that says that there is one last: a crash in between is mended by another go."""
    lane = str(Lane.FALLBACK)
    with migration.source.connect("fall-back") as connection, connection.transaction():
        if metadata.installed(connection):
            for name in ("arrival", "lane_table", "quarantine", "lane_position"):
                connection.execute(
                    sql.SQL("DELETE FROM {} WHERE migration = %s AND lane = %s").format(sql.Identifier(metadata.SCHEMA, name)),
                    (migration.name, lane),
                )
    shutil.rmtree(migration.export_dir.data / lane, ignore_errors=True)
    state = migration.state
    for key in (
        f"roots/{lane}",
        f"watch/{lane}",
        f"capture-writer/{lane}",
        f"cutover/verified/{lane}",
        f"baseline/{Side.TARGET}",
    ):
        state.delete(key)
    with state.begin() as records:
        for table in (tables.segment, tables.captured, tables.lane):
            records.execute(table.delete().where(table.c.migration == migration.name, table.c.lane == lane))
