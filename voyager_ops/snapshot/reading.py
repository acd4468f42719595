"""What copying asks of the side that is captured: a session that reads one piece of a table at a time, each at a moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from voyager_ops.databases.base import Database
from voyager_ops.databases.postgres.copying import AsyncConnection, hold_off_triggers, open_session
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import Position
from voyager_ops.model.tables import Column, QName, Table
from voyager_ops.snapshot.plan import Chunk

Writer = Any
"""The target's session (asyncpg), inside a transaction of the caller's."""


@dataclass(frozen=True)
class Job:
    """How a table is copied. ``target`` may be the root of partitions (``target_partitioned``), and may have a key now."""

    table: Table
    target: QName
    columns: tuple[Column, ...]
    form: Literal["binary", "text"]
    target_partitioned: bool = False
    target_keyed: bool = False


@dataclass(frozen=True)
class Moment:
    """When a piece is read. ``snapshot``: the done row's text (``docs/internals.md``, Seam); everything it sees has committed
    before ``position``. ``token``: by what another session reads at the same moment."""

    snapshot: str
    position: Position
    token: str = ""


class PieceReader(Protocol):
    """One session; used by one task at a time. Errors that pass are RetryableError, or what ``copying.as_retryable`` knows."""

    async def begin(self, job: Job, physical: QName, *, shared: bool = False) -> Moment:
        """A new moment for reading ``physical``; ``shared``: other sessions may join it until :meth:`end`."""
        ...

    async def join(self, moment: Moment) -> None:
        """Read at a moment that another session has begun."""
        ...

    async def copy(
        self, chunk: Chunk, job: Job, writer: Writer, on_bytes: Callable[[int], None], on_read: Callable[[], None]
    ) -> int:
        """Copy the chunk's rows as of the moment into the target; returns how many. ``on_bytes`` may raise to stop it;
        ``on_read``: the source has given its last row."""
        ...

    async def end(self) -> None:
        """Let go of the moment."""
        ...

    def terminate(self) -> None:
        """Close the session, whatever state it is in."""
        ...


class Pair:
    """A session on either side, opened when first wanted."""

    def __init__(self, context: LaneContext) -> None:
        self._context = context
        self._open: tuple[PieceReader, AsyncConnection] | None = None

    async def sessions(self) -> tuple[PieceReader, AsyncConnection]:
        if self._open is None:
            reader = await open_reader(self._context.capture_db)
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
            reader, writer = self._open
            reader.terminate()
            writer.terminate()
            self._open = None


async def open_reader(database: Database) -> PieceReader:
    """Raises ConnectionFailed."""
    if database.kind == "oracle":
        from voyager_ops.databases.oracle.reading import OracleReader

        return await OracleReader.open(database)
    from voyager_ops.databases.postgres.reading import PostgresReader

    return await PostgresReader.open(database)
