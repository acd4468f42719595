"""From the frames of a replication stream to whole transactions, in commit order, doing almost nothing per change.

Per change: one slice of five bytes (operation and relation) is counted, and the frame is kept. What the transaction touched,
whether it is an echo of our own apply, and what it counts for which table, all follow from those counts at its commit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from struct import Struct
from typing import BinaryIO, Final

from voyager_ops.changes.segment import DESCRIBES_RELATIONS, FRAME, RECORD_HEAD, TransactionHead, record_head
from voyager_ops.changes.writer import CapturedTransaction
from voyager_ops.databases.postgres import pgoutput
from voyager_ops.databases.postgres.metadata import CHUNK_TABLE, MARKER_TABLE, POSITION_TABLE, SCHEMA
from voyager_ops.model.changes import DELETE, INSERT, TRUNCATE, UPDATE, Relation

_OID = Struct(">I").unpack_from
_SIZE = FRAME.pack
_BLOCK: Final = 1 << 20
_ROW_OPERATIONS: Final = frozenset((INSERT, UPDATE, DELETE))
_SIZES: Final = tuple(_SIZE(size) for size in range(4096))
"""Packing a size takes 80 ns, looking one up 25."""

Judge = Callable[[Relation], tuple[str, frozenset[str]]]
"""Holds a relation against what was expected; returns the source name of its root and the columns whose values are not wanted.
Raises SourceChanged."""


class Assembler:
    """Give it every frame in order; it returns a transaction at each commit that leaves something to publish.

    ``memory``: bytes of one transaction kept in memory before it goes to ``spill()``'s file. ``judge`` is asked once for every
    description of a user's relation. ``runs_after``: what ends before it is given one by one (it may be captured already). After
    an exception the stream must begin anew with a new assembler.
    """

    def __init__(
        self,
        migration: str,
        xid_reference: int,
        judge: Judge,
        spill: Callable[[], Path],
        memory: int = 8 << 20,
        runs_after: int = 0,
    ) -> None:
        self._migration = migration.encode()
        self._xid = xid_reference
        self._judge = judge
        self._spill_path = spill
        self._memory = memory
        self._runs_after = runs_after
        self._sent: dict[int, bytes] = {}
        self._frames_of: dict[int, bytes] = {}
        """As sent, but with the columns marked that are left out."""
        self._roots: dict[int, str | None] = {}
        self._ours: dict[int, str] = {}
        self._plain: dict[bytes, tuple[int, str | None, int]] = {}
        """First five bytes of a user's row change (operation and relation) to relation, source name of its root, operation."""
        self.inside = False
        """Between a Begin and its Commit."""
        self.last_end = 0
        """Commit end of the last transaction seen whole, kept or dropped."""
        self.last_kept = (0, 0)
        """Of the last one that was kept: where its commit record begins, and ends."""
        self.dropped_redescriptions: list[int] = []
        """Relations described anew in transactions that were dropped: the segment does not have them. The caller empties it."""
        self._reset()

    def _reset(self) -> None:
        self._begin: pgoutput.Begin | None = None
        self._parts: list[bytes] = []
        self._bytes = 0
        self._spilled = 0
        self._file: BinaryIO | None = None
        self._path: Path | None = None
        self._counts: dict[bytes, int] = {}
        self._truncates: list[int] = []
        self._before: dict[int, bytes] = {}
        self._echo = False

    def close(self) -> None:
        """Let go of a transaction that is not whole."""
        if self._file is not None:
            self._file.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        self._reset()

    def transactions(self, frames: Iterable[bytes]) -> Iterator[CapturedTransaction]:
        """As :meth:`feed` for each of the frames, but small transactions in a row are given as runs. The caller takes all of what
        it yields, or closes the assembler.

        What most transactions consist of (Begin, changes of users' tables, Commit) is dealt with here and nearly nothing is done
        for each; anything else goes through :meth:`feed`, and a transaction that has it is given by itself.
        """
        plain, most = self._plain, self._memory
        run = _Run()
        records, changes = run.records, run.changes
        under_way = False  # a transaction is in the run that has not ended yet
        held = 0
        begin = pgoutput.Begin(0, 0.0, 0)
        for frame in frames:
            counted = frame[:5]
            if counted in plain:
                size = len(frame)
                if under_way:
                    changes.append(counted)
                    records += (_SIZES[size] if size < 4096 else _SIZE(size), frame)
                    held += size + 4
                    if held < most:
                        continue
                    self._set_apart(run, begin, held)
                    under_way = False
                else:
                    self._counts[counted] = self._counts.get(counted, 0) + 1
                    self._parts += (_SIZES[size] if size < 4096 else _SIZE(size), frame)
                    self._bytes += size + 4
                if self._bytes >= most:
                    self._spill()
                continue
            kind = frame[0]
            if kind == pgoutput.BEGIN and self.last_end >= self._runs_after:
                begin = pgoutput.begin(frame)
                self._xid = pgoutput.widen(begin.xid, self._xid)
                run.open()
                under_way, held = True, 0
                continue
            if kind == pgoutput.COMMIT and under_way:
                under_way = False
                self.last_end = pgoutput.commit_end(frame)
                if run.close(self.last_end, self._xid, begin, held):
                    self.last_kept = (begin.commit_lsn, self.last_end)
                    if run.bytes >= _BLOCK:
                        yield run.captured(plain, self._frames_of)
                        run = _Run()
                        records, changes = run.records, run.changes
                continue
            if under_way:
                self._set_apart(run, begin, held)
                under_way = False
            if run.transactions:
                yield run.captured(plain, self._frames_of)
                run = _Run()
                records, changes = run.records, run.changes
            transaction = self.feed(frame)
            if transaction is not None:
                yield transaction
        if under_way:
            self._set_apart(run, begin, held)
        if run.transactions:
            yield run.captured(plain, self._frames_of)

    def _set_apart(self, run: _Run, begin: pgoutput.Begin, held: int) -> None:
        """The transaction under way is not one of the run after all, or not yet: go on as :meth:`feed` does."""
        self._begin = begin
        self.inside = True
        self._parts, counted = run.give_back()
        self._counts = dict(Counter(counted))
        self._bytes = held

    def feed(self, frame: bytes) -> CapturedTransaction | None:
        kind = frame[0]
        if kind in _ROW_OPERATIONS:
            oid = _OID(frame, 1)[0]
            name = self._ours.get(oid)
            if name is None:
                self._plain[frame[:5]] = (oid, self._roots[oid], kind)
            elif not self._keep_own(name, frame):
                return None
            self._counts[frame[:5]] = self._counts.get(frame[:5], 0) + 1
            self._keep(frame)
            return None
        if kind == pgoutput.BEGIN:
            self._begin = pgoutput.begin(frame)
            self._xid = pgoutput.widen(self._begin.xid, self._xid)
            self.inside = True
        elif kind == pgoutput.COMMIT:
            return self._commit(pgoutput.commit_end(frame))
        elif kind == pgoutput.RELATION:
            self._describe(frame)
        elif kind == TRUNCATE:
            self._truncate(frame)
        # Type frames say nothing the catalog does not; origins and logical messages are not changes.
        return None

    def _keep(self, frame: bytes) -> None:
        self._parts += (_SIZE(len(frame)), frame)
        self._bytes += len(frame) + 4
        if self._bytes >= self._memory:
            self._spill()

    def _spill(self) -> None:
        if self._file is None:
            self._path = self._spill_path()
            self._file = open(self._path, "w+b")  # noqa: SIM115 -- closed when the transaction ends, or by close()
        elif self._spilled % (64 << 20) < self._bytes:
            self._spill_path()  # asks again whether there is room
        self._file.write(b"".join(self._parts))
        self._spilled += self._bytes
        self._parts.clear()
        self._bytes = 0

    def _keep_own(self, name: str, frame: bytes) -> bool:
        """Whether a change of one of our own tables belongs into the change log."""
        mine = pgoutput.first_value(frame) == self._migration
        if name == MARKER_TABLE.name:
            return mine
        if mine:
            self._echo = True  # our own apply or snapshot wrote this transaction
        return False

    def _describe(self, frame: bytes) -> None:
        relation = pgoutput.relation(frame)
        oid = relation.oid
        if self._sent.get(oid) == frame:
            return
        self._sent[oid] = frame
        self._plain.clear()
        known = self._frames_of.get(oid)
        if relation.name.schema == SCHEMA and relation.name.name in {POSITION_TABLE.name, CHUNK_TABLE.name, MARKER_TABLE.name}:
            self._ours[oid] = relation.name.name
            self._roots[oid] = None
        else:
            self._roots[oid], unwanted = self._judge(relation)
            frame = pgoutput.leave_out(frame, unwanted)
        if known is not None:
            self._before.setdefault(oid, known)
            self._keep(frame)
        self._frames_of[oid] = frame

    def _truncate(self, frame: bytes) -> None:
        oids = tuple(oid for oid in pgoutput.truncated(frame) if oid not in self._ours)
        if oids:
            self._truncates.extend(oids)
            self._keep(frame[:1] + len(oids).to_bytes(4, "big") + frame[5:6] + b"".join(oid.to_bytes(4, "big") for oid in oids))

    def _commit(self, end: int) -> CapturedTransaction | None:
        begin = self._begin
        assert begin is not None
        self.inside = False
        self.last_end = end
        count = sum(self._counts.values()) + len(self._truncates)
        if self._echo or count == 0:
            self.dropped_redescriptions.extend(self._before)
            self.close()
            return None
        self.last_kept = (begin.commit_lsn, end)
        counts: list[tuple[str, int, int]] = []
        used: set[int] = set(self._truncates)
        for key, number in self._counts.items():
            known = self._plain.get(key)  # not when it is of a table of ours, or one was described in between
            if known is None:
                oid = _OID(key, 1)[0]
                known = (oid, self._roots[oid], key[0])
            oid, root, operation = known
            used.add(oid)
            if root is not None:
                counts.append((root, operation, number))
        for oid in self._truncates:
            if (root := self._roots[oid]) is not None:
                counts.append((root, TRUNCATE, 1))
        head = TransactionHead(
            DESCRIBES_RELATIONS if self._before else 0,
            count,
            end,
            self._xid,
            begin.committed_at,
            self._spilled + self._bytes,
        )
        transaction = CapturedTransaction(
            head,
            self._parts if self._file is None else _blocks(self._file, self._path, self._parts),
            used,
            {**self._frames_of, **self._before} if self._before else self._frames_of,
            tuple(self._before),
            counts,
        )
        self._path, self._file = None, None  # the blocks delete the file once they are read
        self._reset()
        return transaction


class _Run:
    """Small transactions in a row, as their records will stand in the segment."""

    __slots__ = ("_at", "_before", "_last", "bytes", "changes", "first", "records", "transactions")

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self.changes: list[bytes] = []
        """The first five bytes of every change."""
        self.transactions = 0
        self.bytes = 0
        self.first = 0
        self._last = (0, 0, 0.0)
        self._at = self._before = 0

    def open(self) -> None:
        self._at, self._before = len(self.records), len(self.changes)
        self.records.append(b"")  # its head, once it is known

    def close(self, end: int, xid: int, begin: pgoutput.Begin, length: int) -> bool:
        """The transaction under way has ended; False when there was nothing in it."""
        count = len(self.changes) - self._before
        if not count:
            self.records.pop()
            return False
        self.records[self._at] = record_head(count, end, xid, begin.committed_at, length)
        self.transactions += 1
        self.bytes += length + RECORD_HEAD
        self.first = self.first or end
        self._last = (end, xid, begin.committed_at)
        return True

    def give_back(self) -> tuple[list[bytes], list[bytes]]:
        """Frames with their lengths, and first bytes, of the transaction under way, which is none of the run's any more."""
        parts, counted = self.records[self._at + 1 :], self.changes[self._before :]
        del self.records[self._at :], self.changes[self._before :]
        return parts, counted

    def captured(self, plain: Mapping[bytes, tuple[int, str | None, int]], described: Mapping[int, bytes]) -> CapturedTransaction:
        counts = []
        used = set()
        for key, number in Counter(self.changes).items():
            oid, root, operation = plain[key]
            used.add(oid)
            if root is not None:
                counts.append((root, operation, number))
        head = TransactionHead(0, len(self.changes), *self._last, self.bytes)
        return CapturedTransaction(
            head, self.records, used, described, (), counts, transactions=self.transactions, first=self.first, run=True
        )


def _blocks(file: BinaryIO, path: Path | None, parts: list[bytes]) -> Iterator[bytes]:
    """What was spilled, then what was still in memory; the file goes once it is read."""
    with file:
        file.flush()
        file.seek(0)
        while block := file.read(_BLOCK):
            yield block
    if path is not None:
        path.unlink(missing_ok=True)
    yield b"".join(parts)
