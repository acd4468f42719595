"""Reading the published transactions of a lane in order, from any position, while more are being published."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from voyager_ops.changes.segment import DESCRIBES_RELATIONS, SegmentBody, TransactionHead, frames, verify
from voyager_ops.databases.postgres import lsn
from voyager_ops.databases.postgres.pgoutput import Decoder
from voyager_ops.errors import ChangeLogDamaged
from voyager_ops.model.changes import Change, Transaction
from voyager_ops.model.positions import Lane, Position
from voyager_ops.state import tables
from voyager_ops.state.store import State

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
                follows = body.at + head.length
                if head.end <= after:
                    if head.flags & DESCRIBES_RELATIONS:
                        for _ in decoder.changes(body.read, head.length, redescribes=True):
                            pass
                else:
                    yield from self._transaction(head, body, decoder)
                body.skip_to(follows)

    def _transaction(self, head: TransactionHead, body: SegmentBody, decoder: Decoder) -> Iterator[Transaction]:
        changes: Iterator[Change]
        redescribes = bool(head.flags & DESCRIBES_RELATIONS)
        if head.length <= WHOLE:
            changes = decoder.changes_of(body.read(head.length), redescribes=redescribes)
            if redescribes:
                changes = iter(list(changes))
            live = None
        else:
            live = _Live(decoder.changes(body.read, head.length, redescribes=redescribes))
            changes = live
        yield Transaction(lsn.to_position(head.end), head.xid, head.committed_at, head.count, changes)
        if live is not None:
            live.leave(drain=redescribes)


class _Live:
    """Changes of a large transaction, read from the file as they are asked for; refuses once the reader has moved on."""

    def __init__(self, changes: Iterator[Change]) -> None:
        self._changes = changes
        self._left = False

    def __iter__(self) -> Iterator[Change]:
        return self

    def __next__(self) -> Change:
        if self._left:
            raise RuntimeError("changes of a large transaction must be read before the next transaction is asked for")
        return next(self._changes)

    def leave(self, *, drain: bool) -> None:
        if drain:
            for _ in self._changes:
                pass
        self._left = True
