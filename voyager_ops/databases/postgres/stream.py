"""A replication slot as a stream of whole transactions (``databases.base.ChangeStream``).

A server that was put back to an earlier state, slot and all, looks like the one that was captured as soon as its log has passed
our position; what it lost is in the change log, and what it wrote instead lies before that position. So the slot is never
confirmed past the *beginning* of the last published transaction: that one comes again first, and must be the very one (end, id,
moment of commit) that was published. If anything later comes without it, the lane stops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from voyager_ops.changes.assembler import Assembler
from voyager_ops.changes.roots import RootMap
from voyager_ops.changes.writer import CapturedTransaction
from voyager_ops.databases.postgres import lsn
from voyager_ops.databases.postgres.database import postgres
from voyager_ops.databases.postgres.replication import ReplicationStream, check_slot, lost
from voyager_ops.databases.postgres.watch import StreamJudge
from voyager_ops.errors import StreamLost
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import START, Position
from voyager_ops.state.lanes import read_lane


class SlotStream:
    """The one fence of capture is the slot: the server lets one session read it."""

    def __init__(self, context: LaneContext, roots: RootMap) -> None:
        """Raises ConnectionFailed, Fenced (the slot has another reader), StreamLost."""
        self._context = context
        self._database = postgres(context.capture_db)
        self._record = record = read_lane(context.state, context.lane)
        self._judge = StreamJudge(context, roots)
        self._check(record.captured_position)
        witnessed = self._database.kind == "postgresql"  # YugabyteDB says nothing of where a commit begins
        self._stream = ReplicationStream(
            self._database, record.slot, record.publication, START if witnessed else record.captured_position
        )
        self._witnessed = witnessed
        self._witness: tuple[int, int, float] | None = None
        """What must come before anything later; None: it has come, or nothing can be told."""
        self._held = 0
        """How far the slot may be confirmed."""
        self._assembler: Assembler | None = None

    def _check(self, captured: Position) -> int:
        with self._database.connect("capture-check") as connection:
            return check_slot(connection, self._database, self._record.slot, captured)

    def begin(self, published: Position, spill: Callable[[], Path]) -> None:
        # Again: while the slot was not ours yet, another process may have published, or moved it.
        self._record = read_lane(self._context.state, self._context.lane)
        confirmed = self._check(published)
        have = lsn.from_position(published)
        self._assembler = Assembler(self._context.migration, self._record.xid_reference, self._judge, spill, runs_after=have)
        witness = self._record.info.get("witness")
        self._held = confirmed if witness else lsn.from_position(published)
        if self._witnessed and witness and confirmed < witness[0]:
            self._witness = (int(witness[0]), int(witness[1]), float(witness[2]))

    def transactions(self) -> Iterator[CapturedTransaction]:
        assert self._assembler is not None
        transactions = self._arrived(self._assembler)
        return transactions if self._witness is None else self._witnessing(transactions)

    def _arrived(self, assembler: Assembler) -> Iterator[CapturedTransaction]:
        while (arrived := self._stream.arrived()) is not None:
            yield from assembler.transactions(arrived)

    def _witnessing(self, transactions: Iterator[CapturedTransaction]) -> Iterator[CapturedTransaction]:
        for transaction in transactions:
            head = transaction.head
            if self._witness is not None and head.end >= self._witness[0]:
                if (head.end, head.xid, head.committed_at) != self._witness:
                    raise self._another_history()
                self._witness = None
            yield transaction

    def _another_history(self) -> StreamLost:
        assert self._witness is not None
        return lost(
            self._database,
            self._record.slot,
            f"the last transaction captured from it (up to {lsn.to_text(self._witness[0])}) is not in the server's log: "
            "the server was put back to an earlier state, and went on from there",
        )

    def forgotten(self) -> Iterable[int]:
        assert self._assembler is not None
        dropped = self._assembler.dropped_redescriptions
        if not dropped:
            return ()
        self._assembler.dropped_redescriptions = []
        return dropped

    def wait(self, seconds: float) -> None:
        self._stream.wait(seconds)

    def confirm(self, position: Position) -> None:
        if not self._witnessed:
            self._stream.confirm(position)
            return
        assert self._assembler is not None
        begin, end = self._assembler.last_kept
        if end and lsn.from_position(position) >= end:
            self._held = max(self._held, begin)
        elif not self._record.info and not end:
            self._held = max(self._held, lsn.from_position(position))  # nothing was ever published: nothing to see again
        self._stream.confirm(lsn.to_position(self._held))

    @property
    def reply_wanted(self) -> bool:
        return self._stream.reply_wanted

    @property
    def idle_position(self) -> Position | None:
        """Raises StreamLost when the server is past the witness, and has not sent it.

        To be asked only when all that was read is taken: a keepalive tells the server's end ahead of the frames beside it.
        """
        if self._assembler is None or self._assembler.inside:
            return None
        end = max(self._stream.server_end, self._assembler.last_end)
        if self._witness is not None:
            if end > self._witness[0]:
                raise self._another_history()
            return None
        return lsn.to_position(end)

    def close(self) -> None:
        if self._assembler is not None:
            self._assembler.close()
        self._stream.close()
