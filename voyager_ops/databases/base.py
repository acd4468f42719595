"""What every engine's package offers, whichever engine it is: the protocols of its rooms.

A lane is given two :class:`Database` and asks ``databases.engines.engine_of`` for the rooms of each. PostgreSQL captures, applies
and is read; Oracle, so far, is captured and read. Positions are opaque here (``model/positions.py``), names are the model's
(for Oracle folded to the target's spelling), and values the target's canonical text.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from voyager_ops.errors import RetryableError
from voyager_ops.model.positions import Position, Side
from voyager_ops.model.results import ProgressSink
from voyager_ops.model.tables import Column, Leaf, QName, Table
from voyager_ops.model.tables import Sequence as SequenceFacts

if TYPE_CHECKING:
    from voyager_ops.changes.roots import RootMap
    from voyager_ops.changes.writer import CapturedTransaction
    from voyager_ops.lane.context import LaneContext


class Database(Protocol):
    """How to reach one database. Cheap; opens nothing until :meth:`connect`. ``repr`` shows no secret."""

    @property
    def side(self) -> Side: ...

    @property
    def migration(self) -> str: ...

    @property
    def kind(self) -> str:
        """``postgresql``, ``yugabytedb`` or ``oracle``."""
        ...

    @property
    def where(self) -> str:
        """host:port/name, for messages; no user, no secret."""
        ...

    @property
    def user(self) -> str: ...

    def connect(self, role: str) -> Any:
        """A session of the engine's own driver, which only that engine's rooms know how to use.

        ``role`` is a short word for what it is for. Raises ConnectionFailed (retryable).
        """
        ...


class StreamCut(RetryableError):
    """The connection that changes are read through ended; reading again from the last published position resumes it."""


class WatchFailed(RetryableError):
    """The session beside the stream cannot do its work, and trying again by itself will not help."""


class ChangeStream(Protocol):
    """Whole transactions of one database, in commit order. One thread; ended by :meth:`close`.

    Opened from the lane's record (``captured_position``); the capture loop then takes the change log over and calls
    :meth:`begin` with what is published by then. What was published already may come again: the loop drops it by its position.
    A transaction of our own apply or snapshot (echo) is never given; our markers are, as relation ``voyager_ops.marker``.
    After an exception the stream is closed and a new one opened.
    """

    def begin(self, published: Position, spill: Callable[[], Path]) -> None:
        """The change log is ours, and holds everything before ``published``. ``spill`` names a file for a transaction that does
        not fit into memory (it raises DiskFull). Raises StreamLost when the database no longer holds what follows."""
        ...

    def transactions(self) -> Iterator[CapturedTransaction]:
        """Those that can be had now; ends when the next would have to be waited for. ``head.end`` is the transaction's own
        position. Raises StreamCut, StreamLost, and SourceChanged for a change of structure that must not be captured past."""
        ...

    def forgotten(self) -> Iterable[int]:
        """Relations which were described anew by something that was dropped since the last call: they must be described again."""
        ...

    def wait(self, seconds: float) -> None:
        """Wait until more may be there, so long at most. Raises StreamCut."""
        ...

    def confirm(self, position: Position) -> None:
        """Everything before ``position`` is durable: the database may forget it, and what must be known to resume after it may
        be written down. Raises StreamCut."""
        ...

    @property
    def reply_wanted(self) -> bool:
        """The database asks for a :meth:`confirm` now."""
        ...

    @property
    def idle_position(self) -> Position | None:
        """Everything that commits before it has been given or is of no concern; None while a transaction is being given."""
        ...

    def close(self) -> None: ...


class Watch(Protocol):
    """What capture does beside the stream, on an ordinary session that is opened when wanted. One thread.

    Methods raise RetryableError (or ConnectionFailed) for what passes, WatchFailed for what does not, SourceChanged.
    """

    def beat(self) -> None:
        """Write the heartbeat marker."""
        ...

    def look(self) -> list[str]:
        """Compare the catalog with the frozen tables; returns new warnings. Raises SourceChanged."""
        ...

    def figures(self) -> dict[str, Any]:
        """How far capture is behind, as the database tells it; {} when it does not."""
        ...

    def reset(self) -> None:
        """Let go of the session; the next call opens another."""
        ...


class CapturedSide(Protocol):
    """An ordinary session on a side that is captured: markers, its writers, the cutover's intent. A context manager."""

    def lock(self, *purpose: str) -> bool:
        """Take a lock of that name, without waiting, until the session ends; True when we have it (also when we had it)."""
        ...

    def write_marker(self, kind: str, marker_id: str | None = None) -> str:
        """Write (or overwrite) the migration's marker of ``kind`` in a transaction of its own; returns its id."""
        ...

    def writing(self, tables: Iterable[Table]) -> list[str]:
        """In words: other people's transactions that have written (to ``tables``, where that can be told) and are open."""
        ...

    def obstacles(self, tables: Iterable[Table], seconds: float) -> list[tuple[str, str]]:
        """What a cutover will have to wait for (transactions older than ``seconds``, prepared ones) or cannot stop, and what
        mends it."""
        ...

    def write_intent(self, direction: Side, attempt: int) -> None: ...

    def mark_opened(self, direction: Side, attempt: int) -> None: ...

    def intent_stands(self, direction: Side, attempt: int | None = None) -> bool:
        """Whether this database says that ``direction`` is to be opened (by ``attempt``, or any)."""
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...


class Splitter(Protocol):
    """Finds where to cut a physical table; one session. A context manager."""

    def key_points(self, leaf: Leaf, columns: Sequence[Column], pieces: int) -> list[tuple[str, ...]]:
        """At most ``pieces - 1`` ascending key tuples (the target's text) that cut it into ranges of similar size.

        ``columns`` are a prefix of the key whose order is the same everywhere. Reads a sample only."""
        ...

    def place_points(self, leaf: Leaf, pieces: int) -> list[tuple[str, ...]]:
        """As :meth:`key_points`, for cutting by where rows lie (block numbers, row ids): only inside one snapshot."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...


class KeyFetcher(Protocol):
    """Reads single rows by their keys, on a session that is opened when wanted."""

    def fetch(self, table: Table, key: Sequence[bytes]) -> tuple[str, Position, tuple[str | None, ...] | None]:
        """The moment (as a done row's snapshot text, and a position after it) and the row as of it: texts of the data columns,
        None when there is no such row. ``key`` is in the order of ``Table.key``. Raises RetryableError for what passes."""
        ...

    def close(self) -> None: ...


class Engine(Protocol):
    """The rooms of one engine. Stateless."""

    # -- catalog ---------------------------------------------------------------------------------------------------
    def schema_names(self, schemas: Collection[str]) -> tuple[str, ...]:
        """The model's names of schemas as the configuration writes them."""
        ...

    def read_tables(
        self,
        database: Database,
        schemas: Collection[str],
        include: Iterable[str] = ("*",),
        exclude: Iterable[str] = (),
    ) -> list[Table]:
        """Tables of ``schemas`` (the model's names), sorted by name; globs are held against the model's names."""
        ...

    def read_sequences(self, database: Database, schemas: Collection[str]) -> list[SequenceFacts]:
        """Sequences and identities of ``schemas`` with where they stand: ``last_value`` is one that may have been handed out."""
        ...

    # -- capture ---------------------------------------------------------------------------------------------------
    def prepare(self, context: LaneContext, progress: ProgressSink, stop: threading.Event | None) -> None:
        """Make the capture side (and our own tables on both) ready and record the lane as ``prepared`` with its start position:
        from then on no change is missed. Idempotent, may be killed anywhere; journals what teardown puts back."""
        ...

    def teardown(self, context: LaneContext, progress: ProgressSink) -> list[str]:
        """Take down what :meth:`prepare` set up, put back what it changed; the lane is recorded as ended. Idempotent.

        Returns in words what went."""
        ...

    def plan_teardown(self, context: LaneContext) -> list[str]:
        """What :meth:`teardown` will run, for people."""
        ...

    def open_stream(self, context: LaneContext, roots: RootMap) -> ChangeStream:
        """Raises ConnectionFailed, Fenced, StreamLost."""
        ...

    def watch(self, context: LaneContext, roots: RootMap) -> Watch: ...

    def left_behind(self, context: LaneContext) -> Iterator[QName]:
        """Of each user's change that is after the lane's captured position now, the table's name (physical, on the capture
        side): looked at when the capture loop has ended. At most some 100,000."""
        ...

    # -- the snapshot ----------------------------------------------------------------------------------------------
    def splitter(self, database: Database) -> Splitter: ...

    def key_fetcher(self, database: Database) -> KeyFetcher: ...

    def wait_for_old_transactions(self, context: LaneContext, stop: threading.Event, progress: ProgressSink) -> None:
        """Wait until every transaction that was open when first called, after capture was prepared, has ended."""
        ...

    # -- ordinary sessions -----------------------------------------------------------------------------------------
    def side(self, database: Database, role: str) -> CapturedSide:
        """Raises ConnectionFailed."""
        ...

    def marker_sql(self, database: Database, kind: str) -> str:
        """The statement that writes a marker, for people."""
        ...

    def installed(self, database: Database) -> bool:
        """Whether our own tables are there. Raises ConnectionFailed."""
        ...

    def remove_records(self, database: Database) -> list[str]:
        """Remove our own tables (of this migration) from the database; says what went. Idempotent."""
        ...

    def count_rows(self, database: Database, tables: Sequence[Table]) -> Mapping[QName, int]:
        """Rows of those of ``tables`` that are there, now."""
        ...
