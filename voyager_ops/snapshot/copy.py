"""Copying the chunks of the snapshot, several at once, each at its own moment.

A chunk takes ACCESS SHARE on its physical table before its snapshot (a TRUNCATE or rewriting ALTER in between would read as
empty), reads only that table, and its rows commit on the target together with the row that says it is done. What failed is
copied again at a new moment.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Literal

from psycopg import sql

from voyager_ops.config import SnapshotConfig
from voyager_ops.databases.postgres.catalog import read_tables
from voyager_ops.databases.postgres.copying import (
    AsyncConnection,
    as_retryable,
    binary_safe,
    hold_off_triggers,
    open_session,
    pipe,
)
from voyager_ops.databases.postgres.database import Connection, advisory_key, qualified
from voyager_ops.databases.postgres.lsn import parse_position
from voyager_ops.databases.postgres.ranges import range_columns, range_condition
from voyager_ops.errors import Fenced, PreconditionError, RetryableError
from voyager_ops.failpoints import hit, register
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.results import Progress, ProgressSink, silent
from voyager_ops.model.tables import Column, QName, Table
from voyager_ops.snapshot.plan import Chunk, load_plan

BEFORE_LOAD = register("snapshot.chunk.before_load")
BEFORE_DONE = register("snapshot.chunk.before_done")
BEFORE_COMMIT = register("snapshot.chunk.before_commit")
AFTER_COMMIT = register("snapshot.chunk.after_commit")
BEFORE_GROUP = register("snapshot.group.before_reset")
AFTER_GROUP = register("snapshot.group.after_reset")

TRIES = 5
BACKOFF_SECONDS = 0.5

BEGIN_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = '10s'"
"""A DDL that holds the table for longer makes the chunk fail and be tried again, so that a stop is seen meanwhile."""


@dataclass
class SnapshotCounts:
    """What one call copied, and where the whole snapshot stands."""

    chunks_copied: int = 0
    rows: int = 0
    bytes: int = 0
    seconds: float = 0.0
    tables: dict[str, int] = field(default_factory=dict)
    """Rows copied by this call per source table."""
    complete: bool = False
    """All chunks of the call's bins are done."""


@dataclass(frozen=True)
class _Job:
    table: Table
    target: QName
    columns: tuple[Column, ...]
    form: Literal["binary", "text"]


class _Stopped(Exception):
    """The stop event was seen between two chunks."""


def done_chunks(context: LaneContext, connection: Connection) -> set[int]:
    """Ids of the planned chunks that are loaded, from the target's rows."""
    return {
        int(row[0])
        for row in connection.execute(
            "SELECT chunk_id FROM voyager_ops.chunk WHERE migration = %s AND kind NOT IN ('group', 'one')", (context.migration,)
        )
    }


def snapshot_complete(context: LaneContext) -> bool:
    """Whether there is a plan and every chunk of it is done."""
    plan = load_plan(context.state)
    if not plan:
        return False
    with context.apply_db.connect("snapshot") as connection:
        return {chunk.chunk_id for chunk in plan} <= done_chunks(context, connection)


def wait_for_old_transactions(context: LaneContext, stop: threading.Event, progress: ProgressSink = silent) -> None:
    """Wait until every transaction of this database that was open when first called has ended.

    Called after the slot exists and before the first chunk: a transaction that was open then may commit without being in the
    stream nor visible to an early chunk. The horizon is recorded, so that a restart waits for the same ones.
    """
    key = "snapshot/waiting"
    with context.capture_db.connect("snapshot") as connection:
        horizon = context.state.get(key)
        if horizon is None:
            # An id of our own: every transaction that has one by now has a smaller one, and once ours has ended a snapshot lists
            # all of those that are still open.
            row = connection.execute("SELECT pg_current_xact_id()::text").fetchone()
            horizon = int(row[0]) if row else 0
            context.state.put(key, horizon)
        while not stop.is_set():
            open_now = [int(row[0]) for row in connection.execute("SELECT x::text FROM pg_snapshot_xip(pg_current_snapshot()) x")]
            elsewhere = {
                int(row[0])
                for row in connection.execute(
                    "SELECT backend_xid::text FROM pg_stat_activity"
                    " WHERE backend_xid IS NOT NULL AND datname IS DISTINCT FROM current_database()"
                    " UNION ALL SELECT transaction::text FROM pg_prepared_xacts WHERE database <> current_database()"
                )
            }
            waiting = [xid for xid in open_now if xid < horizon and xid & 0xFFFFFFFF not in elsewhere]
            if not waiting:
                break
            progress(
                Progress(
                    phase="snapshot",
                    message=f"waiting for {len(waiting)} transaction(s) that were open when capture began: "
                    + _who(connection, waiting),
                )
            )
            stop.wait(1.0)


def _who(connection: Connection, xids: list[int]) -> str:
    rows = connection.execute(
        "SELECT format('pid %%s (%%s) since %%s', pid, usename, date_trunc('second', xact_start)) FROM pg_stat_activity"
        " WHERE backend_xid::text::int8 = ANY (%s)"
        " UNION ALL SELECT format('prepared transaction %%L since %%s', gid, date_trunc('second', prepared))"
        " FROM pg_prepared_xacts"
        " WHERE transaction::text::int8 = ANY (%s)",
        ([xid & 0xFFFFFFFF for xid in xids],) * 2,
    ).fetchall()
    return "; ".join(str(row[0]) for row in rows) or "ending"


def copy_chunks(
    context: LaneContext,
    snapshot: SnapshotConfig,
    *,
    bin: int | None = None,
    stop: threading.Event | None = None,
    progress: ProgressSink = silent,
) -> SnapshotCounts:
    """Copy what is not done yet of the plan (of one bin, or of all).

    Returns when all is done, or early when ``stop`` is set (``complete`` tells). Raises RetryableError when a chunk kept failing
    on passing faults, PreconditionError when the target has no such table or column; what was loaded stays loaded.
    """
    stop = stop or threading.Event()
    started = time.monotonic()
    plan = [chunk for chunk in load_plan(context.state) if bin is None or chunk.bin == bin]
    with context.apply_db.connect("snapshot") as connection:
        done = done_chunks(context, connection)
        jobs = _jobs(context, snapshot, connection)
    groups: dict[int, list[Chunk]] = defaultdict(list)
    for chunk in plan:
        groups[chunk.group_id].append(chunk)
    pending = [members for members in groups.values() if any(chunk.chunk_id not in done for chunk in members)]
    pending.sort(key=lambda members: -sum(chunk.bytes for chunk in members))
    meter = _Meter(progress, plan, done)
    runner = _Runner(context, snapshot, jobs, stop, meter)
    asyncio.run(runner.run(pending))
    counts = meter.counts
    counts.seconds = time.monotonic() - started
    counts.complete = runner.remaining == 0
    return counts


def _jobs(context: LaneContext, snapshot: SnapshotConfig, connection: Connection) -> dict[QName, _Job]:
    schemas = {context.to_apply(table.name).schema for table in context.tables}
    targets = {table.name: table for table in read_tables(connection, sorted(schemas))}
    jobs: dict[QName, _Job] = {}
    for table in context.tables:
        name = context.to_apply(table.name)
        target = targets.get(name)
        present = {column.name: column for column in target.data_columns} if target else {}
        missing = [column.name for column in table.data_columns if column.name not in present]
        if target is None or missing:
            raise PreconditionError(
                f"the target has no table {name}"
                if target is None
                else f"{name} on the target lacks column(s) {', '.join(missing)}",
                state="the chunks loaded so far stay loaded; nothing else was written",
                next_step="import the schema (voyager-ops import schema), then run the command again",
            )
        exact = all(binary_safe(column, present[column.name]) for column in table.data_columns)
        if snapshot.format == "binary" and not exact:
            raise PreconditionError(
                f"snapshot.format is binary, but the two servers' binary forms of {name}'s columns may differ",
                state="nothing was written",
                next_step="set snapshot.format to auto",
            )
        form: Literal["binary", "text"] = "binary" if exact and snapshot.format != "text" else "text"
        jobs[table.name] = _Job(table, name, table.data_columns, form)
    return jobs


class _Meter:
    """Counts, and tells progress at most four times a second."""

    def __init__(self, progress: ProgressSink, plan: list[Chunk], done: set[int]) -> None:
        self.counts = SnapshotCounts()
        self._progress = progress
        self._last = 0.0
        self._total: dict[QName, int] = defaultdict(int)
        self._finished: dict[QName, int] = defaultdict(int)
        for chunk in plan:
            self._total[chunk.table] += 1
            self._finished[chunk.table] += chunk.chunk_id in done

    def on_bytes(self, count: int) -> None:
        self.counts.bytes += count

    def on_chunk(self, chunk: Chunk, rows: int) -> None:
        counts = self.counts
        counts.chunks_copied += 1
        counts.rows += rows
        counts.tables[str(chunk.table)] = counts.tables.get(str(chunk.table), 0) + rows
        self._finished[chunk.table] += 1
        finished = self._finished[chunk.table] >= self._total[chunk.table]
        if finished or time.monotonic() - self._last > 0.25:
            self._last = time.monotonic()
            self._progress(
                Progress(
                    phase="snapshot",
                    table=str(chunk.table),
                    done=self._finished[chunk.table],
                    total=self._total[chunk.table],
                    unit="chunks",
                    figures={"rows": counts.rows, "bytes": counts.bytes, "table_rows": counts.tables[str(chunk.table)]},
                )
            )


class _Runner:
    """Runs groups on ``parallelism`` workers, each with a session on either side."""

    def __init__(
        self, context: LaneContext, snapshot: SnapshotConfig, jobs: dict[QName, _Job], stop: threading.Event, meter: _Meter
    ) -> None:
        self.context = context
        self.jobs = jobs
        self.stop = stop
        self.meter = meter
        self.parallelism = snapshot.parallelism
        self.remaining = 0

    async def run(self, groups: list[list[Chunk]]) -> None:
        queue: asyncio.Queue[list[Chunk]] = asyncio.Queue()
        for group in groups:
            queue.put_nowait(group)
        self.remaining = len(groups)
        workers = [asyncio.create_task(self._worker(queue)) for _ in range(min(self.parallelism, len(groups)))]
        try:
            await asyncio.gather(*workers)
        except _Stopped:
            pass  # `remaining` says that not all was copied
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _worker(self, queue: asyncio.Queue[list[Chunk]]) -> None:
        pair = _Pair(self.context)
        try:
            while not queue.empty():
                group = queue.get_nowait()
                await self._with_tries(pair, group)
                self.remaining -= 1
        finally:
            await pair.close()

    async def _with_tries(self, pair: _Pair, group: list[Chunk]) -> None:
        for attempt in range(1, TRIES + 1):
            if self.stop.is_set():
                raise _Stopped
            try:
                if group[0].kind == "ctid":
                    await self._copy_group(group)
                else:
                    for chunk in group:
                        await self._copy_chunk(pair, chunk)
                return
            except Exception as error:
                await pair.close()
                retryable = as_retryable(error)
                if retryable is None:
                    raise
                if attempt == TRIES:
                    raise RetryableError(
                        f"copying {group[0].physical} failed {TRIES} times, last with: {retryable}",
                        state="the chunks loaded before stay loaded; this one is not",
                        next_step="run the same command again: it copies what is missing",
                    ) from error
                await asyncio.sleep(BACKOFF_SECONDS * 2**attempt)

    # -- one chunk at its own moment -------------------------------------------------------------------------------
    async def _copy_chunk(self, pair: _Pair, chunk: Chunk) -> None:
        reader, writer = await pair.sessions()
        job = self.jobs[chunk.table]
        started = time.monotonic()
        await reader.execute(BEGIN_READ)
        await reader.execute(f"LOCK TABLE ONLY {_quoted(chunk.physical)} IN ACCESS SHARE MODE")
        snapshot, position = await _moment(reader)
        await writer.execute("BEGIN")
        await writer.fetchval(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
            advisory_key(self.context.migration, "chunk", str(chunk.chunk_id)),
        )
        if await self._is_done(writer, chunk):  # by an overlapping try of the same task
            await writer.execute("ROLLBACK")
        else:
            await self._load(reader, writer, chunk, job, snapshot, position, started)
        await reader.execute("ROLLBACK")

    async def _load(
        self,
        reader: AsyncConnection,
        writer: AsyncConnection,
        chunk: Chunk,
        job: _Job,
        snapshot: str,
        position: str,
        started: float,
    ) -> None:
        hit(BEFORE_LOAD)
        moved = 0

        def on_bytes(count: int) -> None:
            nonlocal moved
            moved += count
            self.meter.on_bytes(count)
            if self.stop.is_set():
                raise _Stopped

        columns = [column.name for column in job.columns]
        rows = await pipe(reader, _select(chunk, job), writer, job.target, columns, job.form, on_bytes)
        hit(BEFORE_DONE)
        await writer.execute(
            "INSERT INTO voyager_ops.chunk (migration, chunk_id, table_name, physical, kind, lower, upper, group_id,"
            " snapshot, wal_position, rows, bytes, seconds)"
            " VALUES ($1, $2, $3, to_jsonb($4::text[]), $5, to_jsonb($6::text[]), to_jsonb($7::text[]), $8,"
            " $9, $10, $11, $12, $13)",
            self.context.migration,
            chunk.chunk_id,
            str(chunk.table),
            list(chunk.physical),
            chunk.kind,
            list(chunk.lower) if chunk.lower is not None else None,
            list(chunk.upper) if chunk.upper is not None else None,
            chunk.group_id,
            snapshot,
            position,
            rows,
            moved,
            time.monotonic() - started,
        )
        hit(BEFORE_COMMIT)
        await writer.execute("COMMIT")
        hit(AFTER_COMMIT)
        self.meter.on_chunk(chunk, rows)

    async def _is_done(self, writer: AsyncConnection, chunk: Chunk) -> bool:
        return bool(
            await writer.fetchval(
                "SELECT EXISTS (SELECT FROM voyager_ops.chunk WHERE migration = $1 AND chunk_id = $2)",
                self.context.migration,
                chunk.chunk_id,
            )
        )

    # -- a whole physical table in one snapshot, in pieces ----------------------------------------------------------
    async def _copy_group(self, group: list[Chunk]) -> None:
        """All pieces from one exported snapshot. What an earlier try loaded is emptied first: it came from another snapshot."""
        leader = _Pair(self.context)
        pieces: list[asyncio.Task[None]] = []
        try:
            reader, writer = await leader.sessions()
            await reader.execute(BEGIN_READ)
            await reader.execute(f"LOCK TABLE ONLY {_quoted(group[0].physical)} IN ACCESS SHARE MODE")
            snapshot, position = await _moment(reader)
            exported = str(await reader.fetchval("SELECT pg_export_snapshot()"))
            await self._reset_group(writer, group, snapshot, position)
            queue: asyncio.Queue[Chunk] = asyncio.Queue()
            for chunk in group:
                queue.put_nowait(chunk)
            pieces = [
                asyncio.create_task(self._copy_pieces(queue, exported, snapshot, position))
                for _ in range(min(self.parallelism, len(group)))
            ]
            await asyncio.gather(*pieces)
            await reader.execute("ROLLBACK")
        finally:
            for piece in pieces:
                piece.cancel()
            await asyncio.gather(*pieces, return_exceptions=True)
            await leader.close()

    async def _reset_group(self, writer: AsyncConnection, group: list[Chunk], snapshot: str, position: str) -> None:
        first = group[0]
        migration = self.context.migration
        hit(BEFORE_GROUP)
        await writer.execute("BEGIN")
        await writer.fetchval("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", self._group_lock(first))
        done = await writer.fetchval(
            "SELECT count(*) FROM voyager_ops.chunk WHERE migration = $1 AND group_id = $2 AND kind = 'ctid'",
            migration,
            first.group_id,
        )
        if done == len(group):
            await writer.execute("ROLLBACK")
            raise RetryableError("another process has copied this table meanwhile")
        await writer.execute(f"TRUNCATE ONLY {_quoted(self.jobs[first.table].target)}")  # inheritance children are other tables
        await writer.execute("DELETE FROM voyager_ops.chunk WHERE migration = $1 AND group_id = $2", migration, first.group_id)
        await writer.execute(
            "INSERT INTO voyager_ops.chunk (migration, chunk_id, table_name, physical, kind, group_id, snapshot, wal_position,"
            " rows, bytes, seconds) VALUES ($1, $2, $3, to_jsonb($4::text[]), 'group', $5, $6, $7, 0, 0, 0)",
            migration,
            -1 - first.group_id,
            str(first.table),
            list(first.physical),
            first.group_id,
            snapshot,
            position,
        )
        await writer.execute("COMMIT")
        hit(AFTER_GROUP)

    async def _copy_pieces(self, queue: asyncio.Queue[Chunk], exported: str, snapshot: str, position: str) -> None:
        pair = _Pair(self.context)
        try:
            while not queue.empty():
                chunk = queue.get_nowait()
                reader, writer = await pair.sessions()
                started = time.monotonic()
                await reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                await reader.execute(f"SET TRANSACTION SNAPSHOT {sql.Literal(exported).as_string()}")
                await writer.execute("BEGIN")
                await writer.fetchval("SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0))", self._group_lock(chunk))
                current = await writer.fetchval(
                    "SELECT snapshot FROM voyager_ops.chunk WHERE migration = $1 AND chunk_id = $2",
                    self.context.migration,
                    -1 - chunk.group_id,
                )
                if current != snapshot:
                    raise Fenced(
                        f"another process copies {chunk.physical} at a later moment",
                        state="what this process had loaded of the table was replaced",
                        next_step="nothing: the other process carries on",
                    )
                await self._load(reader, writer, chunk, self.jobs[chunk.table], snapshot, position, started)
                await reader.execute("ROLLBACK")
        finally:
            await pair.close()

    def _group_lock(self, chunk: Chunk) -> str:
        return advisory_key(self.context.migration, "group", str(chunk.group_id))


class _Pair:
    """A session on either side, opened when first wanted."""

    def __init__(self, context: LaneContext) -> None:
        self._context = context
        self._open: tuple[AsyncConnection, AsyncConnection] | None = None

    async def sessions(self) -> tuple[AsyncConnection, AsyncConnection]:
        if self._open is None:
            reader = await open_session(self._context.capture_db, "snapshot")
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


async def _moment(reader: AsyncConnection) -> tuple[str, str]:
    """The transaction's snapshot, and a position after it (see ``docs/internals.md``, Seam)."""
    snapshot = str(await reader.fetchval("SELECT pg_current_snapshot()::text"))
    lsn = str(await reader.fetchval("SELECT pg_current_wal_insert_lsn()::text"))
    return snapshot, parse_position(lsn)


def _quoted(name: QName) -> str:
    return qualified(name).as_string()


def _select(chunk: Chunk, job: _Job) -> str:
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
