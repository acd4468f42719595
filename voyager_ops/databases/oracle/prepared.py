"""What preparing a lane finds and records, whichever way its changes are captured."""

from __future__ import annotations

import glob
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import oracledb

from voyager_ops.databases.base import ChangeStream
from voyager_ops.databases.oracle import catalog, metadata, positions
from voyager_ops.databases.oracle.database import OracleDatabase, oracle
from voyager_ops.databases.oracle.dictionary import sees_everything
from voyager_ops.databases.oracle.errors import translate
from voyager_ops.databases.oracle.frames import is_large
from voyager_ops.databases.oracle.keys import read_keys
from voyager_ops.databases.oracle.logminer.stream import watermark_key
from voyager_ops.databases.oracle.overrides import Overrides
from voyager_ops.databases.oracle.starting import Start
from voyager_ops.databases.oracle.types import OracleType, why_not_streamable
from voyager_ops.errors import PreconditionError, RetryableError, VoyagerOpsError
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import Position
from voyager_ops.model.results import Progress, ProgressSink
from voyager_ops.model.tables import QName, Table
from voyager_ops.state import tables as state_tables
from voyager_ops.state.lanes import ENDED, NONE, PREPARED, LaneRecord, read_lane, update_lane

LEFT_BEHIND_MOST: Final = 100_000
"""Changes that nobody captured, which are counted one by one."""
_SHOWN: Final = 20
Problem = tuple[str, str]
"""What is wrong, and what mends it."""


def objects_key(context: LaneContext) -> str:
    """Key of the document {owner, marker, flush, charsets, objects, columns, keys, clusters}: our schema, the marker table's
    object number, whether there is a flush table, the names of the database's character set and of its national one, [number,
    owner, name] of the captured tables and their partitions, and by "owner.name" of each captured table its stored columns as
    [number in the segment, name], the name of its primary key's constraint, and [owner, name] of the cluster that it lies in; the
    last two only where there is one."""
    return f"oracle/{context.lane}/objects"


def prepared_objects(context: LaneContext) -> dict[str, Any]:
    """The document. Raises RetryableError when the lane is not prepared."""
    objects: dict[str, Any] | None = context.state.get(objects_key(context))
    if objects is None:
        raise RetryableError(
            f"lane {context.lane} of migration {context.migration!r} is not prepared",
            state="nothing was changed",
            next_step="run the command again: it prepares the lane",
        )
    return objects


def read_unless_ended(context: LaneContext) -> LaneRecord:
    """The lane's record. Raises PreconditionError when it has ended."""
    record = read_lane(context.state, context.lane)
    if record.status == ENDED:
        raise PreconditionError(
            f"lane {context.lane} of migration {context.migration!r} has ended",
            state="its changes are complete; nothing was changed",
            next_step="nothing to prepare; see voyager-ops cutover status",
        )
    return record


def read_objects(connection: oracledb.Connection, context: LaneContext, owner: str, flush: bool) -> dict[str, Any]:
    """See :func:`objects_key`."""
    names = {tuple(table.native_name) for table in context.tables}
    owners = sorted({schema for schema, _ in names})
    objects: list[list[Any]] = []
    columns: dict[str, list[list[Any]]] = {}
    clusters: dict[str, list[str]] = {}
    views = "DBA" if sees_everything(connection) else "ALL"  # who may read a table is not shown its partitions in ALL_OBJECTS
    with connection.cursor() as cursor:
        for each in owners:
            rows = cursor.execute(
                f"SELECT OBJECT_ID, OBJECT_NAME FROM {views}_OBJECTS"  # noqa: S608 -- one of two
                " WHERE OWNER = :owner AND OBJECT_TYPE IN ('TABLE', 'TABLE PARTITION', 'TABLE SUBPARTITION')",
                owner=each,
            ).fetchall()
            objects += [[int(number), each, name] for number, name in rows if (each, name) in names]
            rows = cursor.execute(
                f"SELECT TABLE_NAME, COLUMN_NAME, SEGMENT_COLUMN_ID FROM {views}_TAB_COLS WHERE OWNER = :owner"  # noqa: S608 -- one of two
                " ORDER BY TABLE_NAME, INTERNAL_COLUMN_ID",
                owner=each,
            ).fetchall()
            for name, column, number in rows:
                if (each, name) in names:
                    columns.setdefault(str(QName(each, name)), []).append([int(number or 0), column])
            rows = cursor.execute(
                f"SELECT TABLE_NAME, CLUSTER_OWNER, CLUSTER_NAME FROM {views}_TABLES"  # noqa: S608 -- one of two
                " WHERE OWNER = :owner AND CLUSTER_NAME IS NOT NULL",
                owner=each,
            ).fetchall()
            clusters |= {str(QName(each, name)): [of, cluster] for name, of, cluster in rows if (each, name) in names}
        parameters = dict(cursor.execute("SELECT PARAMETER, VALUE FROM NLS_DATABASE_PARAMETERS").fetchall())
    keys = {str(QName(*name)): key.constraint for name, key in read_keys(connection, owners).items() if name in names}
    marker = metadata.object_id(connection, owner, metadata.MARKER)
    if marker is None:
        raise PreconditionError(
            f"our table {owner}.{metadata.MARKER} is not to be seen in ALL_OBJECTS",
            state="nothing is captured yet",
            next_step="run the command again; if it stays so, look at the rights of the migration user",
        )
    return {
        "owner": owner,
        "marker": marker,
        "flush": flush,
        "charsets": [parameters.get("NLS_CHARACTERSET", ""), parameters.get("NLS_NCHAR_CHARACTERSET", "")],
        "objects": objects,
        "columns": columns,
        "keys": keys,
        "clusters": clusters,
    }


def refuse_changed(connection: oracledb.Connection, context: LaneContext) -> None:
    """Raise RetryableError when a table is no longer as it was read."""
    database = oracle(context.capture_db)
    moved = [str(name) for name in changed_shapes(connection, context.tables, database.overrides)]
    if moved:
        raise RetryableError(
            f"{', '.join(moved[:5])} changed on the {database.side} while capture was being prepared",
            state="nothing is captured yet; what was changed on the tables is journaled",
            next_step="run the command again: it reads the tables anew",
        )


def changed_shapes(connection: oracledb.Connection, tables: Sequence[Table], overrides: Overrides) -> list[QName]:
    """Those of ``tables`` that are no longer as they were read: gone, or with other columns, types or another key."""
    owners = sorted({table.native_name.schema for table in tables})
    names = [glob.escape(str(table.native_name)) for table in tables]
    now = {table.oid: table for table in catalog.read_tables(connection, owners, names, (), overrides)}
    return [table.name for table in tables if table.oid not in now or _shape(now[table.oid]) != _shape(table)]


def _shape(table: Table) -> tuple[object, ...]:
    return table.name, [(column.name, column.native_type, column.generated) for column in table.columns], table.key


def record_start(context: LaneContext, start: Start) -> bool:
    """Record the start, unless another process has recorded one: False then."""
    state = context.state
    position: Position = positions.text(start.scn, positions.LAST_ORDINAL)
    lane, document = state_tables.lane, state_tables.document
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


def try_out(context: LaneContext, stream: ChangeStream) -> None:
    """Raise StreamLost when what follows the captured position is gone; closes the stream."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            stream.begin(read_lane(context.state, context.lane).captured_position, lambda: Path(directory) / "spill")
        finally:
            stream.close()


def unstreamable(table: Table, *, mined: bool) -> list[Problem]:
    """Columns whose changes cannot be captured. ``mined``: by LogMiner, else by triggers."""
    leave = leave_out(table)
    found: list[Problem] = []
    for column in table.data_columns:
        reason = why_not_streamable(OracleType.from_json(column.native_type), mined=mined) if column.native_type else ""
        if not reason and column.name in table.key and is_large(column):
            reason = "it is of the primary key, and too long for its values to be captured"
        if reason:
            found.append((f"{table.name}.{column.name}: {reason}", leave))
    return found


def leave_out(table: Table) -> str:
    """What always mends a table's problem."""
    return f"leave the table out (tables.exclude: [{table.name}])"


def refuse(database: OracleDatabase, what: str, problems: list[Problem]) -> None:
    """Raise PreconditionError when there are problems. ``what``: that it is not ready for."""
    if problems:
        raise PreconditionError(
            f"the {database.side} {database.where} is not ready for {what}: " + "; ".join(text for text, _ in problems[:_SHOWN]),
            state="nothing was changed",
            next_step=" -- ".join(dict.fromkeys(mend for _, mend in problems[:_SHOWN])) + " -- and run the command again",
        )


def not_prepared(database: OracleDatabase, error: oracledb.Error) -> VoyagerOpsError:
    """Our error when preparing failed on the server."""
    return translate(
        error,
        f"the {database.side} {database.where} could not be prepared for capture",
        "what was changed is journaled",
        "mend what the server says (voyager-ops prepare source --print shows the grants), and run the command again",
    )


def say(progress: ProgressSink, message: str) -> None:
    progress(Progress(phase="capture", message=message))
