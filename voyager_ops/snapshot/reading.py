"""One piece of a table, read at its own moment: the sessions, the snapshot they read in, and the statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from psycopg import sql

from voyager_ops.databases.postgres.copying import AsyncConnection, hold_off_triggers, open_session
from voyager_ops.databases.postgres.database import postgres, qualified
from voyager_ops.databases.postgres.lsn import parse_position
from voyager_ops.databases.postgres.ranges import range_columns, range_condition
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.tables import Column, QName, Table
from voyager_ops.snapshot.plan import Chunk

BEGIN_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = '10s'"
"""A DDL that holds the table for longer makes the chunk fail and be tried again, so that a stop is seen meanwhile."""


@dataclass(frozen=True)
class Job:
    table: Table
    target: QName
    columns: tuple[Column, ...]
    form: Literal["binary", "text"]


class Pair:
    """A session on either side, opened when first wanted."""

    def __init__(self, context: LaneContext) -> None:
        self._context = context
        self._open: tuple[AsyncConnection, AsyncConnection] | None = None

    async def sessions(self) -> tuple[AsyncConnection, AsyncConnection]:
        if self._open is None:
            reader = await open_session(postgres(self._context.capture_db), "snapshot")
            try:
                writer = await open_session(self._context.apply_db, "snapshot")
                await hold_off_triggers(writer)
            except BaseException:
                reader.terminate()
                raise
            self._open = (reader, writer)
        return self._open

    async def close(self) -> None:
        if self._open is not None:
            for session in self._open:
                session.terminate()
            self._open = None


async def moment(reader: AsyncConnection) -> tuple[str, str]:
    """The transaction's snapshot, and a position after it (see ``docs/internals.md``, Seam)."""
    snapshot = str(await reader.fetchval("SELECT pg_current_snapshot()::text"))
    lsn = str(await reader.fetchval("SELECT pg_current_wal_insert_lsn()::text"))
    return snapshot, parse_position(lsn)


def quoted(name: QName) -> str:
    return qualified(name).as_string()


def select(chunk: Chunk, job: Job) -> str:
    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in job.columns)
    condition: sql.Composable = sql.SQL("true")
    if chunk.kind == "key":
        condition = range_condition(range_columns(job.table), chunk.lower, chunk.upper)
    elif chunk.kind == "ctid":
        parts: list[sql.Composable] = []
        if chunk.lower is not None:
            parts.append(sql.SQL("ctid >= {}::tid").format(sql.Literal(f"({int(chunk.lower[0])},0)")))
        if chunk.upper is not None:
            parts.append(sql.SQL("ctid < {}::tid").format(sql.Literal(f"({int(chunk.upper[0])},0)")))
        condition = sql.SQL(" AND ").join(parts) if parts else condition
    statement = sql.SQL("SELECT {} FROM ONLY {} WHERE {}").format(columns, qualified(chunk.physical), condition)
    return statement.as_string()
