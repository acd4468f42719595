"""A replication slot as a stream of whole transactions (``databases.base.ChangeStream``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from voyager_ops.changes.assembler import Assembler
from voyager_ops.changes.roots import RootMap
from voyager_ops.changes.writer import CapturedTransaction
from voyager_ops.databases.postgres import lsn
from voyager_ops.databases.postgres.database import postgres
from voyager_ops.databases.postgres.replication import ReplicationStream, check_slot
from voyager_ops.databases.postgres.watch import StreamJudge
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import Position
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
        self._stream = ReplicationStream(self._database, record.slot, record.publication, record.captured_position)
        self._assembler: Assembler | None = None

    def _check(self, captured: Position) -> None:
        with self._database.connect("capture-check") as connection:
            check_slot(connection, self._database, self._record.slot, captured)

    def begin(self, published: Position, spill: Callable[[], Path]) -> None:
        # Again: while the slot was not ours yet, another process may have published, or moved it.
        self._check(published)
        self._assembler = Assembler(self._context.migration, self._record.xid_reference, self._judge, spill)

    def transactions(self) -> Iterator[CapturedTransaction]:
        assert self._assembler is not None
        return self._assembler.transactions(self._stream.messages())

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
        self._stream.confirm(position)

    @property
    def reply_wanted(self) -> bool:
        return self._stream.reply_wanted

    @property
    def idle_position(self) -> Position | None:
        if self._assembler is None or self._assembler.inside:
            return None
        return lsn.to_position(max(self._stream.server_end, self._assembler.last_end))

    def close(self) -> None:
        if self._assembler is not None:
            self._assembler.close()
        self._stream.close()
