"""Reading pieces of PostgreSQL's tables for the snapshot (``snapshot.reading.PieceReader``)."""

from __future__ import annotations

from collections.abc import Callable

from psycopg import sql

from voyager_ops.databases.base import Database
from voyager_ops.databases.postgres.copying import AsyncConnection, open_session, pipe
from voyager_ops.databases.postgres.database import postgres, qualified
from voyager_ops.databases.postgres.lsn import parse_position
from voyager_ops.databases.postgres.ranges import range_columns, range_condition
from voyager_ops.model.tables import QName
from voyager_ops.snapshot.plan import Chunk
from voyager_ops.snapshot.reading import Job, Moment

BEGIN_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = '10s'"
"""A DDL that holds the table for longer makes the chunk fail and be tried again, so that a stop is seen meanwhile."""


class PostgresReader:
    """A moment is a REPEATABLE READ transaction; others join it by its exported snapshot."""

    def __init__(self, session: AsyncConnection) -> None:
        self._session = session

    @classmethod
    async def open(cls, database: Database) -> PostgresReader:
        return cls(await open_session(postgres(database), "snapshot"))

    async def begin(self, job: Job, physical: QName, *, shared: bool = False) -> Moment:
        await self._session.execute(BEGIN_READ)
        # Before the snapshot: a TRUNCATE or rewriting ALTER in between would read as empty.
        await self._session.execute(f"LOCK TABLE ONLY {quoted(physical)} IN ACCESS SHARE MODE")
        snapshot = str(await self._session.fetchval("SELECT pg_current_snapshot()::text"))
        lsn = str(await self._session.fetchval("SELECT pg_current_wal_insert_lsn()::text"))
        token = str(await self._session.fetchval("SELECT pg_export_snapshot()")) if shared else ""
        return Moment(snapshot, parse_position(lsn), token)

    async def join(self, moment: Moment) -> None:
        await self._session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        await self._session.execute(f"SET TRANSACTION SNAPSHOT {sql.Literal(moment.token).as_string()}")

    async def copy(
        self, chunk: Chunk, job: Job, writer: AsyncConnection, on_bytes: Callable[[int], None], on_read: Callable[[], None]
    ) -> int:
        columns = [column.name for column in job.columns]
        return await pipe(self._session, select(chunk, job), writer, job.target, columns, job.form, on_bytes, on_read)

    async def end(self) -> None:
        await self._session.execute("ROLLBACK")

    def terminate(self) -> None:
        self._session.terminate()


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
