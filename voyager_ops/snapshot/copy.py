"""Copying the chunks of the snapshot, several at once, each at its own moment.

A chunk reads exactly one physical table, and its rows commit on the target together with the row that says it is done. What
failed is copied again at a new moment.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Literal

from voyager_ops.config import SnapshotConfig
from voyager_ops.databases.postgres.catalog import read_tables
from voyager_ops.databases.postgres.copying import AsyncConnection, as_retryable, binary_safe
from voyager_ops.databases.postgres.database import Connection, advisory_key, postgres, qualified
from voyager_ops.errors import Fenced, PreconditionError, RetryableError
from voyager_ops.failpoints import hit, register
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.results import ProgressSink, silent
from voyager_ops.model.tables import QName
from voyager_ops.snapshot.done import done_chunks, going_on
from voyager_ops.snapshot.key_builder import KeyBuilder
from voyager_ops.snapshot.keys import Aside, kept_aside, set_aside
from voyager_ops.snapshot.meter import Meter, SnapshotCounts
from voyager_ops.snapshot.order import in_order
from voyager_ops.snapshot.plan import Chunk, load_plan
from voyager_ops.snapshot.reading import Job, Moment, Pair, PieceReader

BEFORE_LOAD = register("snapshot.chunk.before_load")
BEFORE_DONE = register("snapshot.chunk.before_done")
BEFORE_COMMIT = register("snapshot.chunk.before_commit")
AFTER_COMMIT = register("snapshot.chunk.after_commit")
BEFORE_GROUP = register("snapshot.group.before_reset")
AFTER_GROUP = register("snapshot.group.after_reset")

TRIES = 5
BACKOFF_SECONDS = 0.5


class _Stopped(Exception):
    """The stop event was seen between two chunks."""


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
    whole = going_on(context, load_plan(context.state))
    plan = [chunk for chunk in whole if bin is None or chunk.bin == bin]
    groups: dict[int, list[Chunk]] = defaultdict(list)
    for chunk in plan:
        groups[chunk.group_id].append(chunk)
    sizes: dict[QName, int] = defaultdict(int)
    for chunk in whole:
        sizes[context.to_apply(chunk.table)] += chunk.bytes
    with context.apply_db.connect("snapshot") as connection:
        done = done_chunks(context, connection)
        jobs = _jobs(context, snapshot, connection, {chunk.table for chunk in whole})
        aside = Aside(set(kept_aside(connection, context.migration)))
    pending = [members for members in groups.values() if any(chunk.chunk_id not in done for chunk in members)]
    coming = [jobs[name] for name in {members[0].table for members in pending}]
    large = [job.target for job in coming if job.target_keyed and sizes[job.target] >= snapshot.build_keys_from]
    if large:
        aside = set_aside(context.apply_db, context.migration, large)
    meter = Meter(progress, plan, done)
    meter.counts.warnings += aside.words
    runner = _Runner(context, snapshot, jobs, stop, meter)
    keys = KeyBuilder(
        context,
        aside.tables,
        large,
        [chunk for group in pending for chunk in group],
        sizes,
        stop,
        progress,
        tries=TRIES,
        backoff=BACKOFF_SECONDS,
    )
    asyncio.run(runner.run(in_order(pending, whole), keys))
    counts = meter.counts
    counts.seconds = time.monotonic() - started
    counts.complete = runner.remaining == 0 and runner.keys_built
    return counts


def _jobs(context: LaneContext, snapshot: SnapshotConfig, connection: Connection, going: Collection[QName]) -> dict[QName, Job]:
    """Of the tables that are ``going`` on: others may not be on the target any more."""
    schemas = {context.to_apply(table.name).schema for table in context.tables}
    targets = {table.name: table for table in read_tables(connection, sorted(schemas))}
    jobs: dict[QName, Job] = {}
    for table in context.tables:
        if table.name not in going:
            continue
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
        exact = context.capture_db.kind != "oracle" and all(
            binary_safe(column, present[column.name]) for column in table.data_columns
        )
        if snapshot.format == "binary" and not exact:
            raise PreconditionError(
                f"snapshot.format is binary, but the two servers' binary forms of {name}'s columns may differ",
                state="nothing was written",
                next_step="set snapshot.format to auto",
            )
        form: Literal["binary", "text"] = "binary" if exact and snapshot.format != "text" else "text"
        jobs[table.name] = Job(table, name, table.data_columns, form, target.partitioned, bool(target.key))
    return jobs


class _Turn:
    """A right to copy that is given back once: early, or at the end of the block."""

    def __init__(self, rights: asyncio.Semaphore) -> None:
        self._rights = rights
        self._held = False

    async def __aenter__(self) -> _Turn:
        await self._rights.acquire()
        self._held = True
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.give_back()

    def give_back(self) -> None:
        if self._held:
            self._held = False
            self._rights.release()


class _Runner:
    """Copies ``parallelism`` pieces at once. There is a worker more than that, each with a session on either side: it begins to
    copy when another's piece is read and what is left of it is being written and committed, when the source has nothing to do
    (docs/performance.md)."""

    def __init__(
        self, context: LaneContext, snapshot: SnapshotConfig, jobs: dict[QName, Job], stop: threading.Event, meter: Meter
    ) -> None:
        self.context = context
        self.jobs = jobs
        self.stop = stop
        self.meter = meter
        self.workers = snapshot.parallelism + 1
        self.copying = asyncio.Semaphore(snapshot.parallelism)
        self.seats = asyncio.Semaphore(self.workers)
        self.remaining = 0
        self.keys_built = False

    async def run(self, groups: list[Sequence[Chunk]], keys: KeyBuilder) -> None:
        self.keys = keys
        queue: asyncio.Queue[Sequence[Chunk]] = asyncio.Queue()
        for group in groups:
            queue.put_nowait(group)
        self.remaining = len(groups)
        workers = [asyncio.create_task(self._worker(queue)) for _ in range(min(self.workers, len(groups)))]
        try:
            await asyncio.gather(*workers)
            self.keys_built = await self.keys.finish()
        except _Stopped:
            pass  # `remaining` says that not all was copied
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            await self.keys.cancel()

    async def _worker(self, queue: asyncio.Queue[Sequence[Chunk]]) -> None:
        pair = Pair(self.context)
        try:
            while not queue.empty():
                group = queue.get_nowait()
                await self._with_tries(pair, group)
                self.remaining -= 1
        finally:
            await pair.close()

    async def _with_tries(self, pair: Pair, group: Sequence[Chunk]) -> None:
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
                if await self._is_stopped(group[0]):
                    return
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

    async def _is_stopped(self, chunk: Chunk) -> bool:
        """Whether capture has stopped the table meanwhile, so that nothing more of it is copied."""
        return not await asyncio.to_thread(going_on, self.context, [chunk])

    # -- one chunk at its own moment -------------------------------------------------------------------------------
    async def _copy_chunk(self, pair: Pair, chunk: Chunk) -> None:
        reader, writer = await pair.sessions()
        async with _Turn(self.copying) as turn:
            started = time.monotonic()
            moment = await reader.begin(self.jobs[chunk.table], chunk.physical)
            await writer.execute("BEGIN")
            await writer.fetchval(
                "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
                advisory_key(self.context.migration, "chunk", str(chunk.chunk_id)),
            )
            # By an overlapping try of the same task it may be done.
            loaded = None if await self._is_done(writer, chunk) else await self._load(reader, writer, chunk, turn)
            await reader.end()
        if loaded is None:
            await writer.execute("ROLLBACK")
        else:
            await self._commit(writer, chunk, moment, loaded, started)

    async def _load(self, reader: PieceReader, writer: AsyncConnection, chunk: Chunk, turn: _Turn) -> tuple[int, int]:
        """Copy it; how many rows and bytes there were."""
        hit(BEFORE_LOAD)
        moved = 0

        def on_bytes(count: int) -> None:
            nonlocal moved
            moved += count
            self.meter.on_bytes(count)
            if self.stop.is_set():
                raise _Stopped

        rows = await reader.copy(chunk, self.jobs[chunk.table], writer, on_bytes, turn.give_back)
        return rows, moved

    async def _commit(
        self, writer: AsyncConnection, chunk: Chunk, moment: Moment, loaded: tuple[int, int], started: float
    ) -> None:
        """With the record that it is done, in the chunk's own transaction."""
        rows, moved = loaded
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
            moment.snapshot,
            moment.position,
            rows,
            moved,
            time.monotonic() - started,
        )
        hit(BEFORE_COMMIT)
        await writer.execute("COMMIT")
        hit(AFTER_COMMIT)
        self.meter.on_chunk(chunk, rows)
        self.keys.on_chunk(chunk)

    async def _is_done(self, writer: AsyncConnection, chunk: Chunk) -> bool:
        return bool(
            await writer.fetchval(
                "SELECT EXISTS (SELECT FROM voyager_ops.chunk WHERE migration = $1 AND chunk_id = $2)",
                self.context.migration,
                chunk.chunk_id,
            )
        )

    # -- a whole physical table in one snapshot, in pieces ----------------------------------------------------------
    async def _copy_group(self, group: Sequence[Chunk]) -> None:
        """All pieces from one exported snapshot. What an earlier try loaded is emptied first: it came from another snapshot."""
        leader = Pair(self.context)
        pieces: list[asyncio.Task[None]] = []
        try:
            reader, writer = await leader.sessions()
            moment = await reader.begin(self.jobs[group[0].table], group[0].physical, shared=True)
            if not await self._reset_group(writer, group, moment):
                return
            queue: asyncio.Queue[Chunk] = asyncio.Queue()
            for chunk in group:
                queue.put_nowait(chunk)
            pieces = [asyncio.create_task(self._copy_pieces(queue, moment)) for _ in range(min(self.workers, len(group)))]
            await asyncio.gather(*pieces)
            await reader.end()
        finally:
            for piece in pieces:
                piece.cancel()
            await asyncio.gather(*pieces, return_exceptions=True)
            await leader.close()

    async def _reset_group(self, writer: AsyncConnection, group: Sequence[Chunk], moment: Moment) -> bool:
        """False when all of it is loaded: by another process, or by a try whose session was cut behind the last piece."""
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
            return False
        job = self.jobs[first.table]
        only = "" if job.target_partitioned else "ONLY "  # inheritance children are other tables
        empty = "TRUNCATE" if postgres(self.context.apply_db).truncates else "DELETE FROM"
        await writer.execute(f"{empty} {only}{qualified(job.target).as_string()}")
        await writer.execute("DELETE FROM voyager_ops.chunk WHERE migration = $1 AND group_id = $2", migration, first.group_id)
        await writer.execute(
            "INSERT INTO voyager_ops.chunk (migration, chunk_id, table_name, physical, kind, group_id, snapshot, wal_position,"
            " rows, bytes, seconds) VALUES ($1, $2, $3, to_jsonb($4::text[]), 'group', $5, $6, $7, 0, 0, 0)",
            migration,
            -1 - first.group_id,
            str(first.table),
            list(first.physical),
            first.group_id,
            moment.snapshot,
            moment.position,
        )
        await writer.execute("COMMIT")
        hit(AFTER_GROUP)
        return True

    async def _copy_pieces(self, queue: asyncio.Queue[Chunk], moment: Moment) -> None:
        async with self._seat() as pair:
            while not queue.empty():
                chunk = queue.get_nowait()
                reader, writer = await pair.sessions()
                async with _Turn(self.copying) as turn:
                    started = time.monotonic()
                    await reader.join(moment)
                    await writer.execute("BEGIN")
                    await writer.fetchval("SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0))", self._group_lock(chunk))
                    await self._refuse_replaced(writer, chunk, moment)
                    loaded = await self._load(reader, writer, chunk, turn)
                    await reader.end()
                await self._commit(writer, chunk, moment, loaded, started)

    @asynccontextmanager
    async def _seat(self) -> AsyncIterator[Pair]:
        """Sessions for pieces: all groups together have as many as there are workers, not each of them."""
        async with self.seats:
            pair = Pair(self.context)
            try:
                yield pair
            finally:
                await pair.close()

    async def _refuse_replaced(self, writer: AsyncConnection, chunk: Chunk, moment: Moment) -> None:
        """Raises Fenced when another process has begun the group anew."""
        current = await writer.fetchval(
            "SELECT snapshot FROM voyager_ops.chunk WHERE migration = $1 AND chunk_id = $2",
            self.context.migration,
            -1 - chunk.group_id,
        )
        if current != moment.snapshot:
            raise Fenced(
                f"another process copies {chunk.physical} at a later moment",
                state="what this process had loaded of the table was replaced",
                next_step="nothing: the other process carries on",
            )

    def _group_lock(self, chunk: Chunk) -> str:
        return advisory_key(self.context.migration, "group", str(chunk.group_id))
