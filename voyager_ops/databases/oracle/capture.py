"""Preparing an Oracle database for capture, and putting everything back: our tables, supplemental logging, the start.

The order matters: supplemental logging before the start (redo from before it does not name all columns), the start before any
plan of a snapshot. Nothing holds the redo logs for us: how long archived logs are kept is the database's to say.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import oracledb

from voyager_ops.changes.roots import RootMap
from voyager_ops.databases.oracle import check_mends, metadata, supplemental
from voyager_ops.databases.oracle.check_facts import is_rds
from voyager_ops.databases.oracle.database import OracleDatabase, container_of, oracle
from voyager_ops.databases.oracle.frames import TableFrames, is_large
from voyager_ops.databases.oracle.logminer.session import Mining
from voyager_ops.databases.oracle.logminer.stream import LogMinerStream
from voyager_ops.databases.oracle.logminer.tables import CapturedTables
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
from voyager_ops.databases.oracle.starting import Start, find_start
from voyager_ops.databases.oracle.unmined import LOGMINER_NAME, LONG_NAMES_SINCE, left_out, long_named, too_long, unmined
from voyager_ops.databases.oracle.values import literal_decoder
from voyager_ops.databases.postgres import metadata as target_metadata
from voyager_ops.databases.postgres.capture import refuse_remains
from voyager_ops.errors import PreconditionError, SourceChanged
from voyager_ops.failpoints import hit, register
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import FROM_SIDE
from voyager_ops.model.results import ProgressSink, silent
from voyager_ops.model.tables import QName
from voyager_ops.state.lanes import ENDED, FAILED, NONE, read_lane, update_lane

INSTALLED = register("capture.oracle.prepare.installed")
LOGGING = register("capture.oracle.prepare.logging")
STARTING = register("capture.oracle.prepare.before_start")
RECORDED = register("capture.oracle.prepare.recorded")
TORN_DOWN = register("capture.oracle.teardown.logging_restored")

_STATE: Final = "SELECT LOG_MODE, SUPPLEMENTAL_LOG_DATA_MIN, SUPPLEMENTAL_LOG_DATA_ALL, OPEN_MODE FROM V$DATABASE"
_LEFT_BEHIND_SECONDS: Final = 120.0


@dataclass(frozen=True)
class _Place:
    """See ``check_mends.Place``."""

    rds: bool
    container: str | None


def prepare(context: LaneContext, progress: ProgressSink = silent, stop: threading.Event | None = None) -> None:
    """Make the lane's capture side ready; from the end of this on no change is missed. Idempotent, may be killed anywhere.

    Raises PreconditionError with the statement that mends it, StreamLost when redo of a lane that was prepared is gone,
    RetryableError when stopped or when the database is busy.
    """
    record = read_unless_ended(context)
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
                try_out(context, _stream(context, database, prepared_objects(context)))
            return
        owner = metadata.install(connection, flush=flush)
        hit(INSTALLED)
        if not every_table:
            say(progress, "supplemental logging of all columns, where it is missing")
            supplemental.establish(
                connection, context.state, FROM_SIDE[context.lane], context.tables, progress=progress, stop=stop
            )
        hit(LOGGING)
        objects = read_objects(connection, context, owner, flush)
        context.state.put(objects_key(context), objects)
        refuse_changed(connection, context)
        start = _start(context, database, objects, progress)
        hit(STARTING)
        if record_start(context, start):
            hit(RECORDED)
            say(progress, f"capture begins after SCN {start.scn}")
    except oracledb.Error as error:
        raise not_prepared(database, error) from None
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
    return _stream(context, oracle(context.capture_db), prepared_objects(context))


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
                    for _ in range(min(count, LEFT_BEHIND_MOST - seen)):
                        yield names[name]
                    seen += count
                if seen >= LEFT_BEHIND_MOST:
                    return
        except SourceChanged:
            return  # the lane is over: its tables may be altered, and lose our supplemental logging; what was before is told
        finally:
            stream.close()


# -- inside ------------------------------------------------------------------------------------------------------------
def _stream(context: LaneContext, database: OracleDatabase, objects: Mapping[str, Any]) -> LogMinerStream:
    stored = {name: [(int(number), str(column)) for number, column in columns] for name, columns in objects["columns"].items()}
    own, national = objects.get("charsets", ("", ""))
    reader_of = partial(literal_decoder, charsets=(str(own), str(national)))
    frames = [
        TableFrames(table, str(context.source_name(table.name)), reader_of, stored.get(str(table.native_name), ()))
        for table in context.tables
    ]
    frames.append(TableFrames(metadata.marker_table(objects["owner"], objects["marker"]), None, reader_of))
    captured = CapturedTables(
        frames,
        {int(number): (str(owner), str(name)) for number, owner, name in objects["objects"]},
        objects.get("keys", {}),
        {table: (str(owner), str(name)) for table, (owner, name) in objects.get("clusters", {}).items()},
    )
    large = [name for name, each in zip(captured.names, frames, strict=True) if each.large]
    return LogMinerStream(context, Mining(database, captured.names, large, flush=objects["flush"]), captured)


def _check(connection: oracledb.Connection, context: LaneContext) -> tuple[bool, bool]:
    """Whether we may write to the database, and whether every table logs all columns already. Raises PreconditionError."""
    with connection.cursor() as cursor:
        row = cursor.execute(_STATE).fetchone()
    log_mode, minimal, everything, open_mode = row
    problems: list[Problem] = []
    place = _Place(is_rds(connection), container_of(connection))
    if log_mode != "ARCHIVELOG":
        problems.append((f"its log mode is {log_mode}: redo is overwritten before it is read", check_mends.archiving(place)))
    if minimal == "NO":
        problems.append(
            ("minimal supplemental logging is off: rows cannot be told from redo", check_mends.minimal_logging(place))
        )
    owners = {table.native_name.schema for table in context.tables}
    if int(connection.version.partition(".")[0]) < LONG_NAMES_SINCE:
        for table, column in too_long(context.tables, long_named(connection, owners)):
            what = f"the name of its column {column}" if column else "its name"
            problems.append(
                (
                    f"{table.name}: LogMiner writes none of its changes out, for {what} is longer than {LOGMINER_NAME} bytes",
                    f"rename it, capture by triggers (changes: {{capture: triggers}}), or {leave_out(table)}",
                )
            )
    found = unmined(connection, owners)
    for table in context.tables:
        large = [column.native_name for column in table.data_columns if is_large(column)]
        if large and not table.key:
            problems.append(
                (
                    f"{table.name} has no primary key, and large columns ({', '.join(large)}), whose changes are read by one",
                    f"give it a primary key, or {leave_out(table)}",
                )
            )
        if columns := left_out(table, found):
            what = f"{table.name}: LogMiner writes none of its changes out because of {', '.join(columns)}, left out or not"
            problems.append((what, f"capture by triggers (changes: {{capture: triggers}}), or {leave_out(table)}"))
        problems += unstreamable(table, mined=True)
    refuse(oracle(context.capture_db), "capture", problems)
    return open_mode == "READ WRITE", everything == "YES"


def _start(context: LaneContext, database: OracleDatabase, objects: Mapping[str, Any], progress: ProgressSink) -> Start:
    """Where capture begins; tried out, so that missing rights and logs are found now. Raises PreconditionError."""
    names = [(table.native_name.schema, table.native_name.name) for table in context.tables]
    mining = Mining(database, names, flush=objects["flush"])
    try:
        start = find_start(mining.plain, lambda text: say(progress, text))
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
            say(progress, f"{start.waited_for}, is open: redo is read from there")
        return start
    finally:
        mining.close()
