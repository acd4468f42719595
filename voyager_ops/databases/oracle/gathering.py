"""Changes as one transaction of the change log: in memory, and through a file where they are many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from voyager_ops.changes.segment import FRAME, TransactionHead
from voyager_ops.changes.writer import CapturedTransaction
from voyager_ops.databases.oracle.frames import TableFrames

MEMORY: Final = 8 << 20
_BLOCK: Final = 1 << 20


class Gatherer:
    """``tables``: by the number that changes carry. ``path``: names a file for a transaction that does not fit into memory."""

    def __init__(self, tables: Sequence[TableFrames], path: Callable[[], Path]) -> None:
        self._tables = tables
        self._path = path
        self._relations = {frames.oid: frames.relation for frames in tables}

    def transaction(
        self, changes: Iterable[tuple[int, bytes]], *, scn: int, end: int, committed_at: float
    ) -> CapturedTransaction | None:
        """Of ``changes`` (number of the table, frame), in their order; None when there are none. Raises OSError and DiskFull (of
        the file), and what ``changes`` raise."""
        counts: dict[tuple[int, int], int] = {}
        parts: list[bytes] = []
        held = length = 0
        file: BinaryIO | None = None
        path: Path | None = None
        try:
            for number, frame in changes:
                counts[number, frame[0]] = counts.get((number, frame[0]), 0) + 1
                parts += (FRAME.pack(len(frame)), frame)
                held += len(frame) + FRAME.size
                if held >= MEMORY:
                    if file is None:
                        path = self._path()
                        file = open(path, "w+b")  # noqa: SIM115 -- closed when it has been read, or below
                    file.write(b"".join(parts))
                    parts.clear()
                    length += held
                    held = 0
        except BaseException:
            if file is not None and path is not None:
                file.close()
                path.unlink(missing_ok=True)
            raise
        if not counts:
            return None
        head = TransactionHead(0, sum(counts.values()), end, scn, committed_at, length + held)
        blocks = parts if file is None or path is None else spilled_blocks(file, path, parts)
        used = {self._tables[number].oid for number, _ in counts}
        named = [
            (source, operation, count)
            for (number, operation), count in counts.items()
            if (source := self._tables[number].source) is not None
        ]
        return CapturedTransaction(head, blocks, used, self._relations, (), named)


def spilled_blocks(file: BinaryIO, path: Path, parts: list[bytes]) -> Iterator[bytes]:
    """What was written to the file, then what was still in memory; the file goes once it is read."""
    with file:
        file.flush()
        file.seek(0)
        while block := file.read(_BLOCK):
            yield block
    path.unlink(missing_ok=True)
    yield b"".join(parts)
