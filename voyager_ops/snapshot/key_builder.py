"""Building the primary keys that are aside: each as soon as its table is loaded, while others are still being copied."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping

from voyager_ops.errors import RetryableError
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.results import Progress, ProgressSink
from voyager_ops.model.tables import QName
from voyager_ops.snapshot.done import done_chunks, going_on
from voyager_ops.snapshot.keys import build, kept_aside
from voyager_ops.snapshot.plan import Chunk, load_plan

BUILDS_AT_ONCE = 2
"""Each may have parallel workers besides (``max_parallel_maintenance_workers`` of the server), but while there is still more to
copy than its table: with workers a build takes more of the cores that copying wants, a quarter more CPU in all."""


class KeyBuilder:
    """``aside``: the target's names of the tables whose key is aside; ``large``: of those whose key another process may still
    set aside, as long as they are empty; ``pending``: the chunks that this call copies; ``sizes``: bytes of every table, by the
    target's name. The last chunk of a table may be another process's: whoever finds all of them loaded builds, and who comes
    second finds it built."""

    def __init__(
        self,
        context: LaneContext,
        aside: Iterable[QName],
        large: Iterable[QName],
        pending: Iterable[Chunk],
        sizes: Mapping[QName, int],
        stop: threading.Event,
        progress: ProgressSink,
        *,
        tries: int,
        backoff: float,
    ) -> None:
        self._context = context
        self._aside = frozenset(aside)
        self._watched = self._aside.union(large)
        self._left: dict[QName, set[int]] = defaultdict(set)
        self._sizes = sizes
        self._bytes_left = 0
        for chunk in pending:
            self._left[context.to_apply(chunk.table)].add(chunk.chunk_id)
            self._bytes_left += chunk.bytes
        self._stop = stop
        self._progress = progress
        self._tries = tries
        self._backoff = backoff
        self._seats = asyncio.Semaphore(BUILDS_AT_ONCE)
        self._builds: dict[QName, asyncio.Task[bool]] = {}

    def on_chunk(self, chunk: Chunk) -> None:
        """This one is loaded."""
        table = self._context.to_apply(chunk.table)
        self._left[table].discard(chunk.chunk_id)
        self._bytes_left -= chunk.bytes
        if table in self._aside and not self._left[table]:
            self._begin(table)

    async def finish(self) -> bool:
        """Wait for what was begun, build what else may be; whether no key is left aside for want of time."""
        await asyncio.gather(*self._builds.values())
        still = await asyncio.to_thread(self._still_aside) if self._watched else set()
        for table in sorted(self._watched & still):
            self._begin(table)  # of a table that was stopped meanwhile, what an earlier call left, what others set aside since
        return all(await asyncio.gather(*self._builds.values()))

    async def cancel(self) -> None:
        for task in self._builds.values():
            task.cancel()
        await asyncio.gather(*self._builds.values(), return_exceptions=True)

    def _begin(self, table: QName) -> None:
        self._builds[table] = asyncio.create_task(self._build(table))

    async def _build(self, table: QName) -> bool:
        if not await asyncio.to_thread(self._loaded, table):
            return True  # another process copies the rest of it, and builds
        async with self._seats:
            self._progress(Progress(phase="snapshot", table=str(table), message=f"building the primary key of {table}"))
            for attempt in range(1, self._tries + 1):
                try:
                    return await build(
                        self._context.apply_db, self._context.migration, table, self._stop, alone=self._has_time(table)
                    )
                except RetryableError:
                    if attempt == self._tries:
                        raise
                await asyncio.sleep(self._backoff * 2**attempt)
        raise AssertionError("unreachable: the last try returns or raises")

    def _has_time(self, table: QName) -> bool:
        """Whether copying what is left takes longer than building this key, which takes less than copying its rows did."""
        return self._bytes_left >= self._sizes[table]

    def _loaded(self, table: QName) -> bool:
        wanted = {
            chunk.chunk_id
            for chunk in going_on(self._context, load_plan(self._context.state))
            if self._context.to_apply(chunk.table) == table
        }
        with self._context.apply_db.connect("snapshot keys") as connection:
            return wanted <= done_chunks(self._context, connection).keys()

    def _still_aside(self) -> set[QName]:
        with self._context.apply_db.connect("snapshot keys") as connection:
            return set(kept_aside(connection, self._context.migration))
