"""Where redo records are kept: one file of blocks in the order of writing, the youngest records in memory.

A record is a tuple of numbers, strings and bytes (``RedoRecord``); its ordinal is its place in the order of writing, and
SCNs never fall along it.
"""

from __future__ import annotations

import marshal
import os
import tempfile
import threading
from bisect import bisect_right
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TypeAlias

BLOCK_RECORDS = 512
BLOCK_BYTES = 4 << 20  # rows with large LOBs

Extra: TypeAlias = str | int | None


class RedoRecord(NamedTuple):
    """One redo record. ``kind``: LogMiner's OPERATION_CODE.

    ``moment``: seconds since 1970. ``sequence``: of the log of ``thread`` it stands in. ``context``: index of what is known
    of the session. ``version``: index of the table's definition, -1 without one. ``rollback``: 1 for an undo row.
    ``old``/``new``: PostgreSQL's text of the whole row. ``extra``: a DDL statement's particulars, or the columns of an
    injected row, as JSON; the SCN of a transaction's start with its COMMIT or ROLLBACK.
    """

    scn: int
    moment: int
    thread: int
    sequence: int
    kind: int
    xid: bytes
    context: int
    version: int = -1
    rollback: int = 0
    old: str | None = None
    new: str | None = None
    extra: Extra = None

    @property
    def size(self) -> int:
        """About the bytes that Oracle would write, for log switches by size."""
        return 120 + len(self.old or "") + len(self.new or "") + (len(self.extra) if isinstance(self.extra, str) else 0)


class _Block(NamedTuple):
    first_ordinal: int
    last_scn: int
    offset: int
    length: int


class RedoStore:
    """Append, read by SCN, read by ordinal. Safe for many threads."""

    def __init__(self, directory: Path | None = None) -> None:
        descriptor, name = tempfile.mkstemp(prefix="redo-", suffix=".log", dir=directory)
        os.unlink(name)  # gone with the process, however it ends
        self._descriptor = descriptor
        self._lock = threading.RLock()
        self._size = 0
        self._blocks: list[_Block] = []
        self._tail: list[RedoRecord | None] = []
        self._tail_ordinal = 0
        self._tail_bytes = 0
        self._reserved = 0
        self._cached: tuple[int, list[RedoRecord | None]] = (-1, [])

    def close(self) -> None:
        """Give the file back. Nothing can be read afterwards."""
        os.close(self._descriptor)

    @property
    def end(self) -> int:
        """The ordinal of the next record."""
        with self._lock:
            return self._tail_ordinal + len(self._tail)

    def append(self, record: RedoRecord) -> int:
        """Write a record; its ordinal."""
        with self._lock:
            self._tail.append(record)
            self._tail_bytes += record.size
            ordinal = self._tail_ordinal + len(self._tail) - 1
            if (len(self._tail) >= BLOCK_RECORDS or self._tail_bytes >= BLOCK_BYTES) and not self._reserved:
                self._spill()
            return ordinal

    def reserve(self) -> int:
        """A place for a record that ``resolve`` brings, or does not."""
        with self._lock:
            self._reserved += 1
            self._tail.append(None)
            return self._tail_ordinal + len(self._tail) - 1

    def resolve(self, ordinal: int, record: RedoRecord | None) -> None:
        """Fill a reserved place; None leaves it empty for good."""
        with self._lock:
            self._tail[ordinal - self._tail_ordinal] = record
            self._reserved -= 1

    def get(self, ordinal: int) -> RedoRecord:
        """The record of that ordinal; quick when its neighbours were read just before."""
        with self._lock:
            if ordinal >= self._tail_ordinal:
                record = self._tail[ordinal - self._tail_ordinal]
            else:
                at = bisect_right(self._blocks, ordinal, key=lambda block: block.first_ordinal) - 1
                record = self._load(at)[ordinal - self._blocks[at].first_ordinal]
        assert record is not None
        return record

    def read(self, first_scn: int, last_scn: int, end: int) -> Iterator[tuple[int, RedoRecord]]:
        """Ordinals and records with SCNs in [first, last] and ordinals below ``end``, in the order of writing."""
        with self._lock:
            blocks = list(self._blocks)
            tail, tail_ordinal = list(self._tail), self._tail_ordinal
        at = bisect_right(blocks, first_scn - 1, key=lambda block: block.last_scn)
        chunks = (
            (blocks[index].first_ordinal, self._load(index, cache=False))
            for index in range(at, len(blocks))
            if blocks[index].first_ordinal < end
        )
        for base, records in chain(chunks, [(tail_ordinal, tail)]):
            for offset, record in enumerate(records):
                if record is None or base + offset >= end or record.scn < first_scn:
                    continue
                if record.scn > last_scn:
                    return
                yield base + offset, record

    def _spill(self) -> None:
        data = marshal.dumps([record and tuple(record) for record in self._tail])
        os.pwrite(self._descriptor, data, self._size)
        last = max(
            (record.scn for record in self._tail if record is not None), default=self._blocks[-1].last_scn if self._blocks else 0
        )
        self._blocks.append(_Block(self._tail_ordinal, last, self._size, len(data)))
        self._size += len(data)
        self._tail_ordinal += len(self._tail)
        self._tail = []
        self._tail_bytes = 0

    def _load(self, index: int, *, cache: bool = True) -> list[RedoRecord | None]:
        if cache and self._cached[0] == index:
            return self._cached[1]
        block = self._blocks[index]
        values = marshal.loads(os.pread(self._descriptor, block.length, block.offset))  # noqa: S302 - our own file
        records = [value and RedoRecord._make(value) for value in values]
        if cache:
            self._cached = (index, records)
        return records
