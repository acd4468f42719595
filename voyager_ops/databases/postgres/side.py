"""An ordinary session on a captured side (``base.CapturedSide``), and what capture does beside its stream (``base.Watch``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, Self, TypeVar

import psycopg
from psycopg import sql

from voyager_ops.changes.roots import RootMap
from voyager_ops.databases.base import Database, WatchFailed
from voyager_ops.databases.postgres import lsn, metadata
from voyager_ops.databases.postgres.database import Connection, postgres, try_lock
from voyager_ops.databases.postgres.guard_sessions import writers
from voyager_ops.databases.postgres.watch import CatalogWatch
from voyager_ops.errors import RetryableError
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import Side
from voyager_ops.model.tables import Table
from voyager_ops.state.lanes import read_lane

_SETTINGS: Final = {"statement_timeout": "30s", "lock_timeout": "5s"}

R = TypeVar("R")


class PostgresSide:
    """Statements go through ``connection``, which is in autocommit."""

    def __init__(self, database: Database, role: str) -> None:
        self.database = postgres(database)
        self.connection = self.database.connect(role)

    def lock(self, *purpose: str) -> bool:
        return try_lock(self.connection, *purpose)

    def write_marker(self, kind: str, marker_id: str | None = None) -> str:
        return metadata.write_marker(self.connection, self.database.migration, kind, marker_id)

    def writing(self, tables: Iterable[Table]) -> list[str]:
        return writers(self.database, tables, self.connection).writing

    def obstacles(self, tables: Iterable[Table], seconds: float) -> list[tuple[str, str]]:
        found = writers(self.database, tables, self.connection)
        where = self.database.side
        result = [
            (f"{p} is open on the {where}: it will be waited for", "COMMIT or ROLLBACK PREPARED it") for p in found.prepared
        ]
        result += [
            (f"{session} has a long transaction open on the {where}", "end it")
            for session in found.sessions
            if (session.transaction_seconds or 0) > seconds and session.writing
        ]
        result += [
            (f"subscription {name} writes to the {where}; no fence stops it", f"ALTER SUBSCRIPTION {name} DISABLE")
            for name in found.subscriptions
        ]
        return result

    def write_intent(self, direction: Side, attempt: int) -> None:
        metadata.write_intent(self.connection, self.database.migration, direction, attempt)

    def mark_opened(self, direction: Side, attempt: int) -> None:
        metadata.mark_opened(self.connection, self.database.migration, direction, attempt)

    def intent_stands(self, direction: Side, attempt: int | None = None) -> bool:
        return metadata.intent_stands(self.connection, self.database.migration, direction, attempt)

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def marker_sql(migration: str, kind: str) -> str:
    """The statement that writes a marker, for people."""
    statement = sql.SQL(
        "INSERT INTO voyager_ops.marker (migration, kind, id, written_at) VALUES ({}, {}, …, …) ON CONFLICT … DO UPDATE"
    )
    return statement.format(sql.Literal(migration), sql.Literal(kind)).as_string()


class PostgresWatch:
    """Heartbeats, the catalog, the slot's health."""

    def __init__(self, context: LaneContext, roots: RootMap) -> None:
        self._context = context
        self._database = postgres(context.capture_db)
        self._slot = read_lane(context.state, context.lane).slot
        self._catalog = CatalogWatch(context, roots, self._slot)
        self._connection: Connection | None = None

    def beat(self) -> None:
        self._with(lambda connection: metadata.write_marker(connection, self._context.migration, "heartbeat"))

    def look(self) -> list[str]:
        return self._with(self._catalog.look)

    def figures(self) -> dict[str, Any]:
        if self._database.kind != "postgresql":
            return {}
        return self._with(self._figures)

    def _figures(self, connection: Connection) -> dict[str, Any]:
        captured = read_lane(self._context.state, self._context.lane).captured_position
        row = connection.execute(
            "SELECT greatest(0, pg_wal_lsn_diff(pg_current_wal_lsn(), %s::pg_lsn))::int8,"
            " pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::int8, wal_status"
            " FROM pg_replication_slots WHERE slot_name = %s",
            (lsn.to_text(lsn.from_position(captured)), self._slot),
        ).fetchone()
        return {} if row is None else {"behind_bytes": row[0], "retained_bytes": row[1], "wal_status": row[2]}

    def _with(self, what: Callable[[Connection], R]) -> R:
        if self._connection is None or self._connection.closed:
            self._connection = self._database.connect("watch", settings=_SETTINGS)
        try:
            return what(self._connection)
        except psycopg.OperationalError as error:
            raise RetryableError(" ".join(str(error).split())) from error
        except psycopg.Error as error:
            raise WatchFailed(
                f"the watch on the {self._database.side} failed: {' '.join(str(error).split())}",
                state="nothing is lost: the slot keeps what was not captured",
                next_step="mend what the server says, then start the command again",
            ) from None

    def reset(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
