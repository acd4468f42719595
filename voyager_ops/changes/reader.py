"""Reading the published transactions of a lane in order, from any position, while more are being published."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from voyager_ops.changes.segment import DESCRIBES_RELATIONS, SegmentBody, TransactionHead, frames, verify
from voyager_ops.databases.postgres import lsn
from voyager_ops.databases.postgres.pgoutput import Decoder, decode
from voyager_ops.databases.postgres.pgoutput_bulk import blocks
from voyager_ops.errors import ChangeLogDamaged
from voyager_ops.model.changes import RawChanges, Relation, Transaction
from voyager_ops.model.positions import Lane, Position
from voyager_ops.state import tables
from voyager_ops.state.store import State

T = TypeVar("T")
POLL_SECONDS: Final = 0.05
"""How often state is asked for new segments while there is none."""
WHOLE: Final = 4 << 20
"""A transaction up to so many bytes is held in memory, and its changes may be read at any time later. A larger one is read from
the file, block by block, and only before the next transaction is asked for."""


class Reader:
    """Yields transactions with :attr:`position` after the one it was opened at. One thread; :meth:`close` when done with it."""

    def __init__(self, state: State, data_dir: Path, lane: Lane, after: Position) -> None:
        self.position = after
        """Of the last transaction yielded."""
        self.run_changes = 0
        """Small transactions may be handed out several at once, about so many changes in all; may be set at any time."""
        self._state = state
        self._data_dir = data_dir
        self._lane = lane
        self._sequence = -1
        self._transactions: Iterator[Transaction] | None = None

    def read(self, timeout: float) -> Iterator[Transaction]:
        """The transactions published now, in order; ends when there has been none for ``timeout`` seconds. Call again for more.

        Changes of a transaction may be left unread. Raises ChangeLogDamaged naming the file and what to do.
        """
        deadline = time.monotonic() + timeout
        while True:
            if self._transactions is None:
                rows = self._published()
                if not rows:
                    left = deadline - time.monotonic()
                    if left <= 0:
                        return
                    time.sleep(min(POLL_SECONDS, left))
                    continue
                self._transactions = self._through(rows)
            for transaction in self._transactions:
                self.position = transaction.position
                yield transaction
                deadline = time.monotonic() + timeout
            self._transactions = None

    def close(self) -> None:
        """Close the file that is open, if any; reading may go on afterwards with a new reader."""
        close = getattr(self._transactions, "close", None)
        if close is not None:
            close()
        self._transactions = None

    def _published(self) -> list[sa.Row[Any]]:
        segment = tables.segment
        query = sa.select(segment).where(
            segment.c.migration == self._state.migration,
            segment.c.lane == str(self._lane),
            segment.c.sequence > self._sequence,
            segment.c.last_position > self.position,
        )
        with self._state.begin() as connection:
            return list(connection.execute(query.order_by(segment.c.sequence).limit(64)))

    def _through(self, rows: list[sa.Row[Any]]) -> Iterator[Transaction]:
        for row in rows:
            if row.removed_at is not None:
                where = f"moved to {row.archived_to}" if row.archived_to else "deleted"
                raise ChangeLogDamaged(
                    f"segment {row.file} of lane {self._lane} was {where} by `archive changes`, but is wanted: "
                    f"the apply side says it has everything up to {self.position or 'nothing'} only",
                    state="nothing after that position was applied",
                    next_step=(
                        f"if the apply side was restored from an older backup, copy {row.archived_to} back to "
                        f"{self._data_dir / row.file}; otherwise end this migration and start it anew"
                        if row.archived_to
                        else "if the apply side was restored from an older backup, end this migration and start it anew"
                    ),
                )
            yield from self._segment(self._data_dir / row.file, row)
            self._sequence = row.sequence

    def _segment(self, path: Path, row: sa.Row[Any]) -> Iterator[Transaction]:
        start, end, header = verify(path, row.bytes, row.checksum)
        decoder = Decoder()
        after = lsn.from_position(self.position)
        with SegmentBody(path, start, end, header) as body:
            while (head := body.next_head()) is not None:
                if isinstance(head, bytes):
                    for frame in frames(head):
                        decoder.describe(frame)
                    continue
                if self.run_changes and head.end > after and not head.flags and head.length <= WHOLE and decoder.plain:
                    yield _run(*body.run(head, self.run_changes), decoder.relations)
                    continue
                follows = body.at + head.length
                if head.end <= after:
                    if head.flags & DESCRIBES_RELATIONS:
                        for _ in decoder.changes(body.read, head.length, redescribes=True):
                            pass
                else:
                    yield from self._transaction(head, body, decoder)
                body.skip_to(follows)

    def _transaction(self, head: TransactionHead, body: SegmentBody, decoder: Decoder) -> Iterator[Transaction]:
        """One transaction; what follows when the next is asked for closes the door on a large one."""
        redescribes = bool(head.flags & DESCRIBES_RELATIONS)
        position = lsn.to_position(head.end)
        if head.length <= WHOLE:
            data = body.read(head.length)
            if redescribes:
                changes = iter(list(decoder.changes_of(data, redescribes=True)))
                yield Transaction(position, head.xid, head.committed_at, head.count, changes)
            elif decoder.plain:
                whole = RawChanges(data, decoder.relations, head.count)
                yield Transaction(position, head.xid, head.committed_at, head.count, decode(whole), (whole,))
            else:
                yield Transaction(position, head.xid, head.committed_at, head.count, decoder.changes_of(data))
            return
        live = _Live(decoder.changes(body.read, head.length, redescribes=redescribes))
        raw = None if redescribes or not decoder.plain else _Live(blocks(body.read, head.length, decoder.relations))
        yield Transaction(position, head.xid, head.committed_at, head.count, live, raw)
        if raw is not None:
            raw.leave(drain=False)
        live.leave(drain=redescribes)


def _run(heads: list[TransactionHead], data: list[bytes], relations: Mapping[int, Relation]) -> Transaction:
    """Transactions in a row as one; each by itself when there is but one, or its parts are asked for."""

    def each() -> Iterator[Transaction]:
        for head, frames_of_it in zip(heads, data, strict=True):
            own = RawChanges(frames_of_it, relations, head.count)
            yield Transaction(lsn.to_position(head.end), head.xid, head.committed_at, head.count, decode(own), (own,))

    if len(heads) == 1:
        return next(each())
    last = heads[-1]
    whole = RawChanges(b"".join(data), relations, sum(head.count for head in heads))
    position = lsn.to_position(last.end)
    return Transaction(position, last.xid, last.committed_at, whole.count, decode(whole), (whole,), len(heads), each)


class _Live(Iterator[T]):
    """Changes of a large transaction, read from the file as they are asked for; refuses once the reader has moved on."""

    def __init__(self, changes: Iterator[T]) -> None:
        self._changes = changes
        self._left = False

    def __next__(self) -> T:
        if self._left:
            raise RuntimeError("changes of a large transaction must be read before the next transaction is asked for")
        return next(self._changes)

    def leave(self, *, drain: bool) -> None:
        if drain:
            for _ in self._changes:
                pass
        self._left = True
