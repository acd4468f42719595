"""Preparing an Oracle database for capture, and putting everything back: our tables, supplemental logging, the start.

The order matters: supplemental logging before the start (redo from before it does not name all columns), the start before any
plan of a snapshot. Nothing holds the redo logs for us: how long archived logs are kept is the database's to say.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

import oracledb

from voyager_ops.changes.roots import RootMap
from voyager_ops.databases.oracle import metadata, positions, supplemental
from voyager_ops.databases.oracle.database import OracleDatabase
from voyager_ops.databases.oracle.errors import translate
from voyager_ops.databases.oracle.frames import TableFrames
from voyager_ops.databases.oracle.logminer.session import Mining
from voyager_ops.databases.oracle.logminer.stream import LogMinerStream, watermark_key
from voyager_ops.databases.oracle.starting import Start, find_start
from voyager_ops.databases.oracle.types import OracleType, why_not_streamable
from voyager_ops.databases.oracle.values import literal_decoder
from voyager_ops.databases.postgres import metadata as target_metadata
from voyager_ops.databases.postgres.capture import refuse_remains
from voyager_ops.errors import PreconditionError, RetryableError, SourceChanged
from voyager_ops.failpoints import hit, register
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import FROM_SIDE, Position
from voyager_ops.model.results import Progress, ProgressSink, silent
from voyager_ops.model.tables import QName
from voyager_ops.state import tables
from voyager_ops.state.lanes import ENDED, FAILED, NONE, PREPARED, read_lane, update_lane

INSTALLED = register("capture.oracle.prepare.installed")
LOGGING = register("capture.oracle.prepare.logging")
STARTING = register("capture.oracle.prepare.before_start")
RECORDED = register("capture.oracle.prepare.recorded")
TORN_DOWN = register("capture.oracle.teardown.logging_restored")

_STATE: Final = "SELECT LOG_MODE, SUPPLEMENTAL_LOG_DATA_MIN, SUPPLEMENTAL_LOG_DATA_ALL, OPEN_MODE FROM V$DATABASE"
_LEFT_BEHIND_SECONDS: Final = 120.0
_LEFT_BEHIND_MOST: Final = 100_000


def oracle(database: object) -> OracleDatabase:
    """The same object, whose rooms these are."""
    assert isinstance(database, OracleDatabase)
    return database


def objects_key(context: LaneContext) -> str:
    """Key of the document {owner, marker, flush, objects, columns}: our schema, the marker table's object number, whether there
    is a flush table, [number, owner, name] of the captured tables and their partitions, and by "owner.name" of each captured
    table its stored columns as [number in the segment, name]."""
    return f"oracle/{context.lane}/objects"


def prepare(context: LaneContext, progress: ProgressSink = silent, stop: threading.Event | None = None) -> None:
    """Make the lane's capture side ready; from the end of this on no change is missed. Idempotent, may be killed anywhere.

    Raises PreconditionError with the statement that mends it, StreamLost when redo of a lane that was prepared is gone,
    RetryableError when stopped or when the database is busy.
    """
    record = read_lane(context.state, context.lane)
    if record.status == ENDED:
        raise PreconditionError(
            f"lane {context.lane} of migration {context.migration!r} has ended",
            state="its changes are complete; nothing was changed",
            next_step="nothing to prepare; see voyager-ops cutover status",
        )
    database = oracle(context.capture_db)
    connection = database.connect("prepare")
    try:
        if record.status == NONE:
            flush, every_table = _check(connection, context)
            refuse_remains(context.apply_db, context)
        with context.apply_db.connect("prepare") as target:
            target_metadata.install(target)
        if record.status != NONE:
            if record.status != FAILED:
                _check_lane(context, database)
            return
        owner = metadata.install(connection, flush=flush)
        hit(INSTALLED)
        if not every_table:
            _say(progress, "supplemental logging of all columns, where it is missing")
            supplemental.establish(
                connection, context.state, FROM_SIDE[context.lane], context.tables, progress=progress, stop=stop
            )
        hit(LOGGING)
        objects = read_objects(connection, context, owner, flush)
        context.state.put(objects_key(context), objects)
        refuse_changed(context)
        start = _start(context, database, objects, progress)
        hit(STARTING)
        if record_start(context, start):
            hit(RECORDED)
            _say(progress, f"capture begins after SCN {start.scn}")
    except oracledb.Error as error:
        raise translate(
            error,
            f"the {database.side} {database.where} could not be prepared for capture",
            "what was changed is journaled",
            "mend what the server says (voyager-ops prepare source --print shows the grants), and run the command again",
        ) from None
    finally:
        connection.close()


def teardown(context: LaneContext, progress: ProgressSink = silent) -> list[str]:
    """Take supplemental logging away where we added it; the lane is recorded as ended. Idempotent. Returns in words what went."""
    if read_lane(context.state, context.lane).status != NONE:
        update_lane(context.state, context.lane, status=ENDED)
    database = oracle(context.capture_db)
    side = FROM_SIDE[context.lane]
    if not supplemental.outstanding(context.state, side):
        return []
    connection = database.connect("teardown")
    try:
        said = supplemental.restore(connection, context.state, side, progress=progress)
    finally:
        connection.close()
    hit(TORN_DOWN)
    return said


def plan_teardown(context: LaneContext) -> list[str]:
    """What :func:`teardown` will run, for people."""
    return [supplemental.statement(name, add=False) for name in supplemental.outstanding(context.state, FROM_SIDE[context.lane])]


def open_stream(context: LaneContext, roots: RootMap) -> LogMinerStream:
    """Raises ConnectionFailed, StreamLost, PreconditionError (rights)."""
    objects = context.state.get(objects_key(context))
    if objects is None:
        raise RetryableError(
            f"lane {context.lane} of migration {context.migration!r} is not prepared",
            state="nothing was changed",
            next_step="run the command again: it prepares the lane",
        )
    return _stream(context, oracle(context.capture_db), objects)


def left_behind(context: LaneContext) -> Iterator[QName]:
    """Of each user's change after the lane's captured position, the table's name; looked at when the capture loop has ended."""
    objects = context.state.get(objects_key(context))
    if objects is None:
        return
    stream = _stream(context, oracle(context.capture_db), objects)
    names = {str(context.source_name(table.name)): table.leaves[0].name for table in context.tables}
    with tempfile.TemporaryDirectory() as directory:
        try:
            stream.begin(read_lane(context.state, context.lane).captured_position, lambda: Path(directory) / "spill")
            seen = 0
            for transaction in stream.until_now(_LEFT_BEHIND_SECONDS):
                for name, _, count in transaction.counts:
                    for _ in range(min(count, _LEFT_BEHIND_MOST - seen)):
                        yield names[name]
                    seen += count
                if seen >= _LEFT_BEHIND_MOST:
                    return
        except SourceChanged:
            return  # the lane is over: its tables may be altered, and lose our supplemental logging; what was before is told
        finally:
            stream.close()


# -- inside ------------------------------------------------------------------------------------------------------------
def _say(progress: ProgressSink, message: str) -> None:
    progress(Progress(phase="capture", message=message))


def _stream(context: LaneContext, database: OracleDatabase, objects: Mapping[str, Any]) -> LogMinerStream:
    stored = {name: [(int(number), str(column)) for number, column in columns] for name, columns in objects["columns"].items()}
    frames = [
        TableFrames(table, str(context.source_name(table.name)), literal_decoder, stored.get(str(table.native_name), ()))
        for table in context.tables
    ]
    frames.append(TableFrames(metadata.marker_table(objects["owner"], objects["marker"]), None, literal_decoder))
    numbers = {int(number): (str(owner), str(name)) for number, owner, name in objects["objects"]}
    names = [(each.table.native_name.schema, each.table.native_name.name) for each in frames]
    large = [name for name, each in zip(names, frames, strict=True) if each.large]
    mining = Mining(database, names, large, flush=objects["flush"])
    return LogMinerStream(context, mining, frames, numbers)


def _check(connection: oracledb.Connection, context: LaneContext) -> tuple[bool, bool]:
    """Whether we may write to the database, and whether every table logs all columns already. Raises PreconditionError."""
    with connection.cursor() as cursor:
        row = cursor.execute(_STATE).fetchone()
    log_mode, minimal, everything, open_mode = row
    database = context.capture_db
    problems: list[tuple[str, str]] = []
    if log_mode != "ARCHIVELOG":
        problems.append(
            (
                f"its log mode is {log_mode}: redo is overwritten before it is read",
                "SHUTDOWN IMMEDIATE; STARTUP MOUNT; ALTER DATABASE ARCHIVELOG; ALTER DATABASE OPEN",
            )
        )
    if minimal == "NO":
        problems.append(
            (
                "minimal supplemental logging is off: rows cannot be told from redo",
                "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (RDS: rdsadmin.rdsadmin_util.alter_supplemental_logging('ADD'))",
            )
        )
    for table in context.tables:
        large = [
            column.native_name for column in table.data_columns if column.toastable and column.native_type and _large(column)
        ]
        if large and not table.key:
            problems.append(
                (
                    f"{table.name} has no primary key, and large columns ({', '.join(large)}), whose changes are read by one",
                    f"give it a primary key, or leave it out (tables.exclude: [{table.name}])",
                )
            )
        for column in table.data_columns:
            reason = why_not_streamable(OracleType.from_json(column.native_type)) if column.native_type else ""
            if reason:
                problems.append(
                    (f"{table.name}.{column.name}: {reason}", f"leave the table out (tables.exclude: [{table.name}])")
                )
    if problems:
        raise PreconditionError(
            f"the {database.side} {database.where} is not ready for capture: " + "; ".join(what for what, _ in problems[:20]),
            state="nothing was changed",
            next_step=" -- ".join(dict.fromkeys(mend for _, mend in problems[:20])) + " -- and run the command again",
        )
    return open_mode == "READ WRITE", everything == "YES"


def _large(column: Any) -> bool:
    from voyager_ops.databases.oracle.frames import is_large

    return is_large(column)


def read_objects(connection: oracledb.Connection, context: LaneContext, owner: str, flush: bool) -> dict[str, Any]:
    """See :func:`objects_key`."""
    names = {tuple(table.native_name) for table in context.tables}
    objects: list[list[Any]] = []
    columns: dict[str, list[list[Any]]] = {}
    with connection.cursor() as cursor:
        for each in sorted({schema for schema, _ in names}):
            rows = cursor.execute(
                "SELECT OBJECT_ID, OBJECT_NAME FROM ALL_OBJECTS"
                " WHERE OWNER = :owner AND OBJECT_TYPE IN ('TABLE', 'TABLE PARTITION', 'TABLE SUBPARTITION')",
                owner=each,
            ).fetchall()
            objects += [[int(number), each, name] for number, name in rows if (each, name) in names]
            rows = cursor.execute(
                "SELECT TABLE_NAME, COLUMN_NAME, SEGMENT_COLUMN_ID FROM ALL_TAB_COLS WHERE OWNER = :owner"
                " ORDER BY TABLE_NAME, INTERNAL_COLUMN_ID",
                owner=each,
            ).fetchall()
            for name, column, number in rows:
                if (each, name) in names:
                    columns.setdefault(str(QName(each, name)), []).append([int(number or 0), column])
    marker = metadata.object_id(connection, owner, metadata.MARKER)
    if marker is None:
        raise PreconditionError(
            f"our table {owner}.{metadata.MARKER} is not to be seen in ALL_OBJECTS",
            state="nothing is captured yet",
            next_step="run the command again; if it stays so, look at the rights of the migration user",
        )
    return {"owner": owner, "marker": marker, "flush": flush, "objects": objects, "columns": columns}


def refuse_changed(context: LaneContext) -> None:
    """Raise RetryableError when a table is no longer as it was read."""
    from voyager_ops.databases.engines import engine_of

    database = context.capture_db
    schemas = sorted({table.name.schema for table in context.tables})
    now = {table.oid: table for table in engine_of(database).read_tables(database, schemas)}

    def shape(table: Any) -> tuple[object, ...]:
        return table.name, [(column.name, column.native_type, column.generated) for column in table.columns], table.key

    moved = [str(table.name) for table in context.tables if table.oid not in now or shape(now[table.oid]) != shape(table)]
    if moved:
        raise RetryableError(
            f"{', '.join(moved[:5])} changed on the {database.side} while capture was being prepared",
            state="nothing is captured yet; supplemental logging stands and is journaled",
            next_step="run the command again: it reads the tables anew",
        )


def _start(context: LaneContext, database: OracleDatabase, objects: Mapping[str, Any], progress: ProgressSink) -> Start:
    """Where capture begins; tried out, so that missing rights and logs are found now. Raises PreconditionError."""
    names = [(table.native_name.schema, table.native_name.name) for table in context.tables]
    mining = Mining(database, names, flush=objects["flush"])
    try:
        start = find_start(mining.plain, lambda text: _say(progress, text))
        deadline = time.monotonic() + 30.0
        while mining.available() < start.scn and time.monotonic() < deadline:
            time.sleep(0.1)
        choice = mining.choose(start.low, start.scn)
        if choice.purged:
            raise PreconditionError(
                f"{start.waited_for or 'capture'} needs redo that is gone: {choice.purged}",
                state="nothing is captured yet; supplemental logging stands and is journaled",
                next_step="wait for that transaction to end (or end it), and run the command again",
            )
        mining.start(start.scn - 1, start.scn)
        for _ in mining.rows(start.scn - 1, start.scn):
            break
        if start.waited_for:
            _say(progress, f"{start.waited_for}, is open: redo is read from there")
        return start
    finally:
        mining.close()


def record_start(context: LaneContext, start: Start) -> bool:
    """Record the start, unless another process has recorded one: False then."""
    state = context.state
    position: Position = positions.text(start.scn, positions.LAST_ORDINAL)
    lane, document = tables.lane, tables.document
    with state.begin() as connection:
        update_lane(state, context.lane, connection, error="")
        taken = connection.execute(
            lane.update()
            .where(lane.c.migration == state.migration, lane.c.lane == str(context.lane), lane.c.status == NONE)
            .values(
                status=PREPARED,
                slot="",
                publication="",
                start_position=position,
                captured_position=position,
                xid_reference=start.scn,
            )
        ).rowcount
        if taken:
            value = {"position": position, "low_scn": start.low, "dbid": start.dbid, "resetlogs": start.resetlogs}
            state.upsert(document, {"key": watermark_key(context)}, {"value": value, "updated_at": time.time()}, connection)
    return bool(taken)


def _check_lane(context: LaneContext, database: OracleDatabase) -> None:
    """Raise StreamLost when what follows the captured position is gone."""
    stream = open_stream(context, cast("RootMap", None))
    with tempfile.TemporaryDirectory() as directory:
        try:
            stream.begin(read_lane(context.state, context.lane).captured_position, lambda: Path(directory) / "spill")
        finally:
            stream.close()
