"""Frames of a stream as they arrived, many in one buffer, and whole small transactions of them as a segment's records.

Nothing is done in Python for each frame but to cut it out, once, with its length before it: what it is, which table it is of, and
all that is known of a transaction are found by arithmetic on arrays (figures in docs/performance.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from voyager_ops.changes.cells import Places
from voyager_ops.changes.segment import RECORD_HEAD, TransactionHead, record_heads
from voyager_ops.databases.postgres import pgoutput

_SIZE: Final = 4
_PADDING: Final = 8


class Arrived:
    """``at`` and ``ends``: where each frame begins and ends in ``data``, which holds four bytes of no use before each of them.

    ``codes`` are the frames' first five bytes (operation and relation) as numbers.
    """

    __slots__ = ("_data", "_eights", "_from", "_to", "at", "codes", "operations", "sizes")

    def __init__(self, data: bytes, at: Places, ends: Places) -> None:
        work = np.zeros(len(data) + _PADDING, np.uint8)
        work[: len(data)] = np.frombuffer(data, np.uint8)
        self.at = at
        self.sizes = ends - at + _SIZE
        """Bytes of each frame and of its length before it."""
        lengths = (ends - at).astype(">u4").view(np.uint8).reshape(-1, _SIZE)
        work[(at - _SIZE)[:, None] + np.arange(_SIZE)] = lengths
        self.operations: npt.NDArray[np.uint8] = work[at]
        self._data = work.tobytes()
        # Eight bytes at any offset as one number: the elements of this view overlap.
        self._eights: npt.NDArray[Any] = np.ndarray((len(self._data) - 7,), ">u8", self._data, strides=(1,))
        self.codes: Places = (self._eights[at] >> np.uint64(24)).astype(np.int64)
        self._from, self._to = (at - _SIZE).tolist(), ends.tolist()

    @classmethod
    def of(cls, frames: Iterable[bytes]) -> Arrived:
        """Frames which are objects of their own."""
        padded = [bytes(_SIZE) + frame for frame in frames]
        ends = np.array(list(accumulate(map(len, padded))), np.int64)
        sizes = np.array(list(map(len, padded)), np.int64)
        return cls(b"".join(padded), ends - sizes + _SIZE, ends)

    def __len__(self) -> int:
        return len(self.at)

    def __iter__(self) -> Iterator[bytes]:
        return map(self.frame, range(len(self)))

    def frame(self, place: int) -> bytes:
        return self._data[self._from[place] + _SIZE : self._to[place]]

    def records(self, first: int, end: int) -> list[bytes]:
        """The frames from ``first`` to before ``end``, each with its length before it."""
        data = self._data
        return [data[start:stop] for start, stop in zip(self._from[first:end], self._to[first:end], strict=True)]

    def numbers(self, places: Places, offset: int) -> Places:
        """The eight bytes at ``offset`` of each of the frames ``places``."""
        return self._eights[self.at[places] + offset].astype(np.int64)


@dataclass(slots=True)
class Run:
    """Whole small transactions in a row. ``last_end`` is where the last of them ends, ``xid`` its widened id; all else is of
    those with changes, and means nothing when ``transactions`` is 0."""

    last_end: int
    xid: int
    transactions: int
    head: TransactionHead
    """The last one's, with the changes and bytes of all."""
    first: int
    """Where the first one ends."""
    last_commit: int
    """Where the last one's commit record begins."""
    records: list[bytes]
    """As they will stand in the segment, heads and frames."""
    codes: dict[int, int]
    """How many changes there are of each code."""


def run(arrived: Arrived, begins: Places, commits: Places, xid: int) -> Run:
    """The transactions between the places ``begins`` and ``commits`` in ``arrived``, which come by turns, with row changes only
    between a Begin and its Commit. ``xid``: the widened id of a transaction shortly before."""
    first, end = int(begins[0]), int(commits[-1]) + 1
    counts = commits - begins - 1
    ends = arrived.numbers(commits, pgoutput.COMMIT_END_AT)
    moments = pgoutput.POSTGRES_EPOCH + arrived.numbers(begins, pgoutput.BEGIN_MOMENT_AT) / 1e6
    low = arrived.numbers(begins, pgoutput.BEGIN_XID_AT - 4) & 0xFFFFFFFF
    xids = xid + ((low - xid + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
    until = np.cumsum(arrived.sizes)
    lengths = until[commits - 1] - until[begins]
    records = arrived.records(first, end)
    for place in (commits - first).tolist():
        records[place] = b""
    for place, head, count in zip(
        (begins - first).tolist(), record_heads(counts, ends, xids, moments, lengths), counts.tolist(), strict=True
    ):
        records[place] = head if count else b""
    codes = arrived.codes[first:end].copy()
    codes[begins - first] = codes[commits - first] = -1
    found, numbers = np.unique(codes[codes >= 0], return_counts=True)
    kept = np.flatnonzero(counts)
    last = int(kept[-1]) if len(kept) else 0
    return Run(
        last_end=int(ends[-1]),
        xid=int(xids[-1]),
        transactions=len(kept),
        head=TransactionHead(
            0,
            int(counts.sum()),
            int(ends[last]),
            int(xids[last]),
            float(moments[last]),
            int(lengths.sum()) + RECORD_HEAD * len(kept),
        ),
        first=int(ends[kept[0]]) if len(kept) else 0,
        last_commit=int(arrived.numbers(begins[last : last + 1], pgoutput.BEGIN_LSN_AT)[0]),
        records=records,
        codes=dict(zip(found.tolist(), numbers.tolist(), strict=True)),
    )
