"""The ``voyager_ops`` schema in a migrated database: installing it, writing markers, dropping it."""

from __future__ import annotations

import time
import uuid
from importlib.resources import files

import psycopg

from voyager_ops.databases.postgres.database import Connection
from voyager_ops.errors import PreconditionError
from voyager_ops.failpoints import hit, register
from voyager_ops.model.positions import Side
from voyager_ops.model.tables import QName

SCHEMA = "voyager_ops"
POSITION_TABLE = QName(SCHEMA, "lane_position")
CHUNK_TABLE = QName(SCHEMA, "chunk")
MARKER_TABLE = QName(SCHEMA, "marker")

BEFORE_MARKER = register("metadata.marker.before")
AFTER_MARKER = register("metadata.marker.after")


def install(connection: Connection) -> None:
    """Create what is missing; harmless when repeated or run at once by several processes.

    Raises PreconditionError when the user may not create the schema.
    """
    script = files(__package__).joinpath("metadata.sql").read_text(encoding="utf-8")
    try:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('voyager-ops/metadata', 0))")
            connection.execute(script)  # no parameters: the simple protocol takes the whole script
    except psycopg.errors.InsufficientPrivilege as error:
        raise PreconditionError(
            f"no right to create the schema {SCHEMA}: {error.diag.message_primary}",
            state="nothing was changed",
            next_step="grant CREATE on the database to the migration user (voyager-ops prepare … --print shows the statement)",
        ) from None


def installed(connection: Connection) -> bool:
    row = connection.execute("SELECT to_regclass('voyager_ops.lane_position') IS NOT NULL").fetchone()
    return bool(row and row[0])


def write_marker(connection: Connection, migration: str, kind: str, marker_id: str | None = None) -> str:
    """Write (or overwrite) the marker of ``kind`` in its own transaction; returns its id, to wait for on the other side."""
    marker_id = marker_id or uuid.uuid4().hex
    hit(BEFORE_MARKER)
    with connection.transaction():
        connection.execute(
            "INSERT INTO voyager_ops.marker (migration, kind, id, written_at) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (migration, kind) DO UPDATE SET id = excluded.id, written_at = excluded.written_at",
            (migration, kind, marker_id, time.time()),
        )
    hit(AFTER_MARKER)
    return marker_id


def arrival(connection: Connection, migration: str, lane: str, kind: str) -> tuple[str, str, int] | None:
    """(id, position, user_changes) of the last marker of ``kind`` applied here by ``lane``, or None."""
    row = connection.execute(
        "SELECT id, position, user_changes FROM voyager_ops.arrival WHERE migration = %s AND lane = %s AND kind = %s",
        (migration, lane, kind),
    ).fetchone()
    return (str(row[0]), str(row[1]), int(row[2])) if row else None


INTENDED, OPENED = "intended", "opened"


def write_intent(connection: Connection, migration: str, direction: Side, attempt: int) -> None:
    connection.execute(
        "INSERT INTO voyager_ops.intent (migration, direction, attempt, state) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (migration, str(direction), attempt, INTENDED),
    )


def mark_opened(connection: Connection, migration: str, direction: Side, attempt: int) -> None:
    connection.execute(
        "UPDATE voyager_ops.intent SET state = %s, at = clock_timestamp()"
        " WHERE migration = %s AND direction = %s AND attempt = %s AND state <> %s",
        (OPENED, migration, str(direction), attempt, OPENED),
    )


def intent_stands(connection: Connection, migration: str, direction: Side, attempt: int | None = None) -> bool:
    """Whether this database says that ``direction`` is to be opened (by ``attempt``, or any)."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM voyager_ops.intent"
        " WHERE migration = %s AND direction = %s AND (%s::int IS NULL OR attempt = %s))",
        (migration, str(direction), attempt, attempt),
    ).fetchone()
    return bool(row and row[0])


def drop(connection: Connection, migration: str) -> bool:
    """Remove a migration's rows, and the whole schema when no other migration has any; True when the schema went."""
    with connection.transaction():
        if connection.execute("SELECT to_regnamespace('voyager_ops')").fetchone() == (None,):
            return True
        tables = [
            str(row[0])
            for row in connection.execute(
                "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'migration'"
                " WHERE c.relnamespace = 'voyager_ops'::regnamespace AND c.relkind = 'r'"
            )
        ]
        others = 0
        for name in tables:
            identifier = psycopg.sql.Identifier(SCHEMA, name)
            connection.execute(psycopg.sql.SQL("DELETE FROM {} WHERE migration = %s").format(identifier), (migration,))
            row = connection.execute(
                psycopg.sql.SQL("SELECT count(*) FROM (SELECT 1 FROM {} LIMIT 1) s").format(identifier)
            ).fetchone()
            others += int(row[0]) if row else 0
        if others:
            return False
        connection.execute("DROP SCHEMA voyager_ops CASCADE")
        return True
