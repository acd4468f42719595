"""Many pgoutput frames at once: where they begin, what they are, and where the values of many tuples are.

Row operations all begin alike: operation (1 byte), relation (4), the kind of the first tuple (1), its number of columns (2), then
its columns. So everything about them is found by gathering at fixed offsets; only finding the frames themselves is a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from struct import Struct
from typing import Final

import numpy as np
import numpy.typing as npt

from voyager_ops.changes.cells import Buffer, Cells, Places
from voyager_ops.databases.postgres.pgoutput import BLOCK
from voyager_ops.errors import ChangeLogDamaged
from voyager_ops.model.changes import TRUNCATE, RawChanges, Relation

NEW: Final = ord("N")
KEY: Final = ord("K")
OLD: Final = ord("O")
_TEXT, _NULL, _UNCHANGED = 116, 110, 117
_SIZE = Struct(">I").unpack_from
_COLUMNS: Final = 8
"""From a frame's first byte to its first tuple's first column."""


class Frames:
    """The frames (each after its u32 length) in a buffer: where each begins, its operation, its relation, its tuple's kind."""

    __slots__ = ("at", "buffer", "kinds", "operations", "relations")

    def __init__(self, buffer: Buffer) -> None:
        """Raises ChangeLogDamaged when the buffer ends inside a frame."""
        data, end, at = buffer.data, buffer.size, 0
        found: list[int] = []
        append = found.append
        while at < end:
            append(at)
            at += _SIZE(data, at)[0] + 4
        if at != end:
            raise damaged("ends in the middle of a frame")
        self.buffer = buffer
        self.at: Places = np.array(found, np.int64) + 4
        self.operations: npt.NDArray[np.uint8] = buffer.bytes[self.at]
        self.relations: npt.NDArray[np.int64] = buffer.lengths[self.at + 1].astype(np.int64)
        self.kinds: npt.NDArray[np.uint8] = buffer.bytes[self.at + 5]

    def __len__(self) -> int:
        return len(self.at)


def blocks(read: Callable[[int], bytes], length: int, relations: Mapping[int, Relation]) -> Iterator[RawChanges]:
    """``length`` bytes of frames which ``read(n)`` hands out, n bytes at most a call, in blocks of whole frames of a megabyte or
    one frame. Raises ChangeLogDamaged when they end too soon."""
    rest = b""
    wanted = BLOCK
    while length:
        chunk = read(min(length, wanted))
        if not chunk:
            break
        length -= len(chunk)
        data = rest + chunk
        at, count, wanted = 0, 0, BLOCK
        while at + 4 <= len(data):
            after: int = at + 4 + _SIZE(data, at)[0]
            if after > len(data):
                wanted = max(BLOCK, after - len(data))
                break
            count += 1 if data[at + 4] != TRUNCATE else _SIZE(data, at + 5)[0]
            at = after
        rest = data[at:]
        if count:
            yield RawChanges(data[:at], relations, count)
    if length or rest:
        raise damaged("ends in the middle of a frame")


def cells(buffer: Buffer, at: Places, width: int, columns: int | None = None) -> Cells | None:
    """The values of the first tuples of the frames that begin at ``at``: all ``width`` columns, or the first ``columns`` of them.

    None when a tuple does not have ``width`` columns. Raises ChangeLogDamaged for a value of unknown kind.
    """
    counts = buffer.bytes[at + 6].astype(np.int64) << 8 | buffer.bytes[at + 7]
    if not (counts == width).all():
        return None
    starts: list[Places] = []
    ends: list[Places] = []
    place = at + _COLUMNS
    for _ in range(width if columns is None else columns):
        kinds = buffer.bytes[place]
        text = kinds == _TEXT
        if text.all():
            start = place + 1
            place = start + 4 + buffer.lengths[start].astype(np.int64)
            starts.append(start)
            ends.append(place)
            continue
        null = kinds == _NULL
        if not (text | null | (kinds == _UNCHANGED)).all():
            raise damaged("holds a value of unknown kind")
        # Behind a value of one byte there may be fewer than four: the buffer's padding makes reading them harmless.
        length = np.where(text, buffer.lengths[place + 1], 0).astype(np.int64)
        starts.append(np.where(text, place + 1, np.where(null, buffer.null, -1)))
        ends.append(np.where(text, place + 5 + length, np.where(null, buffer.null + 4, -1)))
        place = np.where(text, place + 5 + length, place + 1)
    return Cells(buffer, starts, ends)


def damaged(what: str) -> ChangeLogDamaged:
    return ChangeLogDamaged(
        f"a transaction in the change log {what}",
        state="nothing of it was applied",
        next_step="restore the segment's file from a copy; see the error of the segment's checksum",
    )
