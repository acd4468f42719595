"""Capture by triggers: preparing it, putting everything back, opening its stream (as ``capture`` does for LogMiner).

The order matters: triggers before the start, the start before any plan of a snapshot. What a transaction had written before the
triggers came is in every chunk: the first one waits for all transactions that were open then.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import oracledb

from voyager_ops.changes.roots import RootMap
from voyager_ops.databases.oracle import metadata, positions
from voyager_ops.databases.oracle.database import OracleDatabase, oracle
from voyager_ops.databases.oracle.errors import LOCKED, NOT_THERE, ora_code, translate
from voyager_ops.databases.oracle.frames import TableFrames
from voyager_ops.databases.oracle.logminer.session import read_incarnation
from voyager_ops.databases.oracle.prepare_sql import MOST_COLUMNS
from voyager_ops.databases.oracle.prepared import (
    LEFT_BEHIND_MOST,
    Problem,
    leave_out,
    not_prepared,
    objects_key,
    prepared_objects,
    read_objects,
    read_unless_ended,
    record_start,
    refuse,
    refuse_changed,
    say,
    try_out,
    unstreamable,
)
from voyager_ops.databases.oracle.starting import Start
from voyager_ops.databases.oracle.triggers import install, structure
from voyager_ops.databases.oracle.triggers.statements import BATCHES, ChangeTable, change_table_width
from voyager_ops.databases.oracle.triggers.stream import TriggerStream, later_key
from voyager_ops.databases.oracle.values import literal_decoder
from voyager_ops.databases.postgres import metadata as target_metadata
from voyager_ops.databases.postgres.capture import refuse_remains
from voyager_ops.databases.postgres.lsn import from_position
from voyager_ops.errors import RetryableError
from voyager_ops.failpoints import hit, register
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import FROM_SIDE
from voyager_ops.model.results import ProgressSink, silent
from voyager_ops.model.tables import QName
from voyager_ops.state.lanes import ENDED, FAILED, NONE, read_lane, update_lane
from voyager_ops.state.stopped import stopped_tables

INSTALLED = register("capture.triggers.prepare.installed")
STARTING = register("capture.triggers.prepare.before_start")
RECORDED = register("capture.triggers.prepare.recorded")

TRIGGERS: Final = "triggers"


def chosen(context: LaneContext) -> bool:
    """Whether the lane captures by triggers: as it was prepared, before that as configured."""
    objects = context.state.get(objects_key(context))
    if objects is not None and read_lane(context.state, context.lane).status != NONE:
        return bool(objects.get("capture") == TRIGGERS)
    return context.changes.capture == TRIGGERS or bool(install.outstanding(context.state, FROM_SIDE[context.lane]))


def prepare(context: LaneContext, progress: ProgressSink = silent, stop: threading.Event | None = None) -> None:
    """Make the lane's capture side ready; from the end of this on no change is missed. Idempotent, may be killed anywhere.

    Raises PreconditionError with what mends it, StreamLost when our tables of a lane that was prepared are gone, RetryableError
    when stopped or when the database is busy.
    """
    record = read_unless_ended(context)
    database = oracle(context.capture_db)
    if record.status == NONE:
        _check(context)
        refuse_remains(context.apply_db, context)
    with context.apply_db.connect("prepare") as target:
        target_metadata.install(target)
    if record.status != NONE:
        if record.status != FAILED:
            try_out(context, _stream(context, prepared_objects(context)))
        return
    connection = database.connect("prepare")
    try:
        owner = metadata.install(connection)
        with _alone(database):
            if read_lane(context.state, context.lane).status == NONE:  # nobody was first
                _install(context, connection, owner, progress, stop)
    except oracledb.Error as error:
        raise not_prepared(database, error) from None
    finally:
        connection.close()


@contextmanager
def _alone(database: OracleDatabase) -> Iterator[None]:
    """No other process prepares meanwhile: it would take the objects away that we make. By a lock on a table of ours on which no
    trigger is made."""
    connection = database.connect("prepare lock")
    try:
        with connection.cursor() as cursor:
            try:
                cursor.execute(f"LOCK TABLE {metadata.FLUSH} IN EXCLUSIVE MODE NOWAIT")
            except oracledb.Error as error:
                if ora_code(error) not in LOCKED:
                    raise
                raise RetryableError(
                    f"another process prepares capture on the {database.side}",
                    state="nothing was changed",
                    next_step="run the command again",
                ) from None
        yield
    finally:
        connection.close()


def _install(
    context: LaneContext,
    connection: oracledb.Connection,
    owner: str,
    progress: ProgressSink,
    stop: threading.Event | None,
) -> None:
    with connection.cursor() as cursor:  # without it nobody could wait for the transactions that are open now
        cursor.execute("SELECT 1 FROM V$TRANSACTION T JOIN V$SESSION S ON S.SADDR = T.SES_ADDR WHERE ROWNUM = 0").fetchall()
    objects = {**read_objects(connection, context, owner, False), "capture": TRIGGERS}
    tables = _tables(context, objects)
    unseen = [name for name, one in structure.read(connection, tables).items() if not one["segments"]]
    what = "neither partitions nor index of {} are to be seen: that they were truncated would not show"
    mend = "grant SELECT ANY DICTIONARY, as voyager-ops prepare source --print says"
    refuse(oracle(context.capture_db), "capture by triggers", [(what.format(name), mend) for name in unseen])
    say(progress, f"a trigger on each of {len(context.tables)} tables")
    install.Installer(connection, context.state, FROM_SIDE[context.lane], progress, stop).install(owner, tables)
    hit(INSTALLED)
    objects["structure"] = structure.read(connection, tables)
    context.state.put(objects_key(context), objects)
    refuse_changed(connection, context)
    with connection.cursor() as cursor:
        now = read_incarnation(cursor)
    hit(STARTING)
    if record_start(context, Start(now.scn, now.scn - 1, now.dbid, now.resetlogs, "")):
        hit(RECORDED)
        say(progress, f"capture begins after SCN {now.scn}")


def teardown(context: LaneContext, progress: ProgressSink = silent) -> list[str]:
    """Remove triggers and tables of changes; the lane is recorded as ended. Idempotent. Returns in words what went."""
    if read_lane(context.state, context.lane).status != NONE:
        update_lane(context.state, context.lane, status=ENDED)
    side = FROM_SIDE[context.lane]
    if not install.outstanding(context.state, side):
        return []
    connection = oracle(context.capture_db).connect("teardown")
    try:
        objects = context.state.get(objects_key(context)) or {}
        return install.Installer(connection, context.state, side, progress).remove(objects.get("marker"))
    finally:
        connection.close()


def plan_teardown(context: LaneContext) -> list[str]:
    """What :func:`teardown` will run, for people."""
    return [made.drop for made in reversed(install.outstanding(context.state, FROM_SIDE[context.lane]))]


def open_stream(context: LaneContext, roots: RootMap) -> TriggerStream:
    """Raises ConnectionFailed, StreamLost, PreconditionError (rights)."""
    return _stream(context, prepared_objects(context))


def left_behind(context: LaneContext) -> Iterator[QName]:
    """Of each user's change after the lane's captured position, the table's name; looked at when the capture loop has ended."""
    objects = context.state.get(objects_key(context))
    if objects is None:
        return
    captured = from_position(read_lane(context.state, context.lane).captured_position)
    stopped = stopped_tables(context.state, context.lane)
    database = oracle(context.capture_db)
    connection = database.connect("left behind")
    seen = 0
    try:
        with connection.cursor() as cursor:
            for table in _tables(context, objects):
                if table.frames.source is None or table.frames.source in stopped:
                    continue
                rows = cursor.execute(
                    f"SELECT x.BATCH, COUNT(*), MAX(b.FROM_SCN) FROM {table.shown} x LEFT JOIN {BATCHES} b ON b.N = x.BATCH"  # noqa: S608 -- quoted names
                    " GROUP BY x.BATCH"
                ).fetchall()
                for number, count, first in rows:
                    if number and first is not None and positions.position(int(first)) <= captured:
                        continue  # published, and not deleted yet
                    for _ in range(min(int(count), LEFT_BEHIND_MOST - seen)):
                        yield table.frames.name
                    seen += int(count)
    except oracledb.Error as error:
        if ora_code(error) == NOT_THERE:
            return  # the lane is over and torn down
        raise translate(
            error,
            f"what was left behind on the {database.side} {database.where} could not be read",
            "nothing was changed",
            "mend what the server says, then run the command again",
        ) from None
    finally:
        connection.close()


# -- inside ------------------------------------------------------------------------------------------------------------
def _stream(context: LaneContext, objects: Mapping[str, Any]) -> TriggerStream:
    tables = _tables(context, objects)
    database = oracle(context.capture_db)
    later = context.state.get(later_key(context)) or {}
    found = structure.Structure(tables, objects["structure"], objects["columns"], later, database.overrides)
    return TriggerStream(context, database, tables, found)


def _tables(context: LaneContext, objects: Mapping[str, Any]) -> list[ChangeTable]:
    """All that are captured, our marker table last."""
    owner = str(objects["owner"])
    frames = [TableFrames(table, str(context.source_name(table.name)), literal_decoder) for table in context.tables]
    frames.append(TableFrames(metadata.marker_table(owner, objects["marker"]), None, literal_decoder))
    return [ChangeTable(each, owner) for each in frames]


def _check(context: LaneContext) -> None:
    """Raises PreconditionError for tables that cannot be captured by triggers."""
    problems: list[Problem] = []
    for table in context.tables:
        if not table.key:
            what = f"{table.name} has no primary key, by which a batch can be applied twice"
            problems.append((what, f"give it one, or {leave_out(table)}"))
            continue
        problems += unstreamable(table, mined=False)
        if (width := change_table_width(table)) > MOST_COLUMNS:
            what = f"{table.name} has so many columns that its table of changes would have {width}"
            problems.append((what, leave_out(table)))
    refuse(oracle(context.capture_db), "capture by triggers", problems)
