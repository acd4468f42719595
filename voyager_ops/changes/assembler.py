"""From the frames of a replication stream to whole transactions, in commit order, doing almost nothing per change.

Per change: its operation and relation, as one number, is counted, and the frame is kept. What the transaction touched, whether it
is an echo of our own apply, and what it counts for which table, all follow from those counts at its commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from struct import Struct
from typing import BinaryIO, Final

import numpy as np

from voyager_ops.changes.arrived import Arrived, Run, run
from voyager_ops.changes.cells import Places
from voyager_ops.changes.segment import DESCRIBES_RELATIONS, FRAME, TransactionHead
from voyager_ops.changes.writer import CapturedTransaction
from voyager_ops.databases.postgres import pgoutput
from voyager_ops.databases.postgres.metadata import CHUNK_TABLE, MARKER_TABLE, POSITION_TABLE, SCHEMA
from voyager_ops.model.changes import DELETE, INSERT, TRUNCATE, UPDATE, Relation

_OID = Struct(">I").unpack_from
_SIZE = FRAME.pack
_BLOCK: Final = 1 << 20
_ROW_OPERATIONS: Final = frozenset((INSERT, UPDATE, DELETE))
_FEW: Final = 16
"""Changes fewer than that are dealt with one by one."""
_AGAIN: Final = 256
"""So many frames are dealt with one by one at least before it is looked again which ones are known."""

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
        self._plain: dict[int, tuple[int, str | None, int]] = {}
        """Operation and relation of a user's row change, as one number (``Arrived.codes``), to relation, source name of its root,
        operation."""
        self._version = 0
        """Another one whenever that changes."""
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
        self._counts: dict[int, int] = {}
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

    def transactions(self, arrived: Arrived) -> Iterator[CapturedTransaction]:
        """As :meth:`feed` for each of the frames, but small transactions in a row are given as runs. The caller takes all of what
        it yields, or closes the assembler.

        What most transactions consist of (Begin, changes of users' tables, Commit) is dealt with many at a time; anything else
        goes through :meth:`feed`, and a transaction that has it, or that is not whole yet, is given by itself.
        """
        begins = np.flatnonzero(arrived.operations == pgoutput.BEGIN)
        commits = np.flatnonzero(arrived.operations == pgoutput.COMMIT)
        stops, odd, version = *self._strange(arrived), self._version
        place, again = 0, _AGAIN
        while place < len(arrived):
            if version != self._version and place >= again:
                stops, odd, version = *self._strange(arrived), self._version
                again = place + _AGAIN
            if version != self._version:
                pass
            elif self.inside:
                stop = _next(stops, place, len(arrived))
                if stop - place >= _FEW:
                    self._take(arrived, place, stop)
                    place = stop
                    continue
            elif self.last_end >= self._runs_after:
                whole = commits[np.searchsorted(commits, place) : np.searchsorted(commits, _next(odd, place, len(arrived)))]
                started = begins[np.searchsorted(begins, place) :][: len(whole)]
                follow = len(started) == len(whole) > 0 and started[0] == place and (started[1:] == whole[:-1] + 1).all()
                if follow:
                    place = int(whole[-1]) + 1
                    transaction = self._took(run(arrived, started, whole, self._xid))
                    if transaction is not None:
                        yield transaction
                    continue
            transaction = self.feed(arrived.frame(place))
            place += 1
            if transaction is not None:
                yield transaction

    def _strange(self, arrived: Arrived) -> tuple[Places, Places]:
        """Places of all frames but known changes of users' tables; and of those that are no Begin and no Commit either."""
        stops = np.flatnonzero(~np.isin(arrived.codes, list(self._plain)))
        operations = arrived.operations[stops]
        return stops, stops[(operations != pgoutput.BEGIN) & (operations != pgoutput.COMMIT)]

    def _take(self, arrived: Arrived, first: int, end: int) -> None:
        """Keep known changes of the transaction under way."""
        for code, count in zip(*(each.tolist() for each in np.unique(arrived.codes[first:end], return_counts=True)), strict=True):
            self._counts[code] = self._counts.get(code, 0) + count
        self._parts += arrived.records(first, end)
        self._bytes += int(arrived.sizes[first:end].sum())
        if self._bytes >= self._memory:
            self._spill()

    def _took(self, found: Run) -> CapturedTransaction | None:
        """The run as it is given to the caller; None when there is no change in it."""
        self.last_end, self._xid = found.last_end, found.xid
        if not found.transactions:
            return None
        self.last_kept = (found.last_commit, found.head.end)
        counts = [(self._plain[code], number) for code, number in found.codes.items()]
        return CapturedTransaction(
            found.head,
            found.records,
            {oid for (oid, _, _), _ in counts},
            self._frames_of,
            (),
            [(root, operation, number) for (_, root, operation), number in counts if root is not None],
            transactions=found.transactions,
            first=found.first,
            run=True,
        )

    def feed(self, frame: bytes) -> CapturedTransaction | None:
        kind = frame[0]
        if kind in _ROW_OPERATIONS:
            oid = _OID(frame, 1)[0]
            name = self._ours.get(oid)
            code = kind << 32 | oid
            if name is None:
                if code not in self._plain:
                    self._plain[code] = (oid, self._roots[oid], kind)
                    self._version += 1
            elif not self._keep_own(name, frame):
                return None
            self._counts[code] = self._counts.get(code, 0) + 1
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
        self._version += 1
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
        for code, number in self._counts.items():
            known = self._plain.get(code)  # not when it is of a table of ours, or one was described in between
            if known is None:
                oid = code & 0xFFFFFFFF
                known = (oid, self._roots[oid], code >> 32)
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


def _next(places: Places, place: int, otherwise: int) -> int:
    """The first of ``places``, which ascend, from ``place`` on."""
    at = int(np.searchsorted(places, place))
    return int(places[at]) if at < len(places) else otherwise


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
