"""The intent to open a side, as it stands in the databases; and the gate that holds the fallback lane until then."""

from __future__ import annotations

from voyager_ops.databases.postgres import metadata
from voyager_ops.databases.postgres.database import Connection
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import Side
from voyager_ops.state.cutovers import CutoverRecord

INTENDED, OPENED = "intended", "opened"


def write_intent(connection: Connection, record: CutoverRecord, migration: str) -> None:
    connection.execute(
        "INSERT INTO voyager_ops.intent (migration, direction, attempt, state) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (migration, str(record.direction), record.attempt, INTENDED),
    )


def mark_opened(connection: Connection, record: CutoverRecord, migration: str) -> None:
    connection.execute(
        "UPDATE voyager_ops.intent SET state = %s, at = clock_timestamp()"
        " WHERE migration = %s AND direction = %s AND attempt = %s AND state <> %s",
        (OPENED, migration, str(record.direction), record.attempt, OPENED),
    )


def intent_stands(connection: Connection, migration: str, direction: Side, attempt: int | None = None) -> bool:
    """Whether this database says that ``direction`` is to be opened (by ``attempt``, or any)."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM voyager_ops.intent"
        " WHERE migration = %s AND direction = %s AND (%s::int IS NULL OR attempt = %s))",
        (migration, str(direction), attempt, attempt),
    ).fetchone()
    return bool(row and row[0])


def open_gate(context: LaneContext) -> bool:
    """Whether users' changes of the target may flow to the source: the intent to open the target stands on the apply side."""
    with context.apply_db.connect("gate") as connection:
        return metadata.installed(connection) and intent_stands(connection, context.migration, Side.TARGET)
