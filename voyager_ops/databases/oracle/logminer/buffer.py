"""Transactions that are not committed yet: their rows by transaction id, in memory, and on disk once they are many.

A statement or savepoint that is rolled back leaves its rows and, after them, a row for each that takes it back (ROLLBACK = 1), in
reverse order: it strikes out the last row of the same table row. Struck-out rows are skipped when the transaction is read.

A change of large values is a group of rows: only its last one carries the table row's ROW_ID, and one row takes it back whole.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from voyager_ops.databases.oracle.logminer.rows import CHANGES, DELETE, INSERT, UPDATE, LogRow

UNRESOLVED: Final = "FFFFFFFF"
"""End of a transaction id whose sequence number LogMiner does not know, for it did not read the transaction's beginning."""
_OVERHEAD: Final = 400
"""Bytes a row's objects take beside its statement (CPython 3.11)."""
_INVERSE: Final = {INSERT: DELETE, DELETE: INSERT, UPDATE: UPDATE}
_NOWHERE: Final = frozenset(("", "AAAAAAAAAAAAAAAAAA"))
"""ROW_IDs that name no row (index-organized tables)."""


class Event(NamedTuple):
    """A row as it is kept. ``table`` is the caller's number for the table."""

    operation: int
    table: int
    scn: int
    row_id: str
    sql: str
    object: int
    status: int
    info: str


class CannotUndo(ValueError):
    """A row takes back one that was never seen."""


class AmbiguousTransaction(ValueError):
    """A row belongs to one of several transactions, and it cannot be told to which."""


@dataclass
class Pending:
    """One open transaction. ``start``: the SCN of its first row that is of a table of ours."""

    xid: str
    start: int = 0
    events: list[Event] = field(default_factory=list)
    bytes: int = 0
    tables: set[int] = field(default_factory=set)
    """Tables of its rows."""
    broken: str = ""
    """Why it cannot be captured, with the row; of no concern when it is rolled back, or was published before."""
    count: int = 0
    """Rows in all, those on disk and those struck out included."""
    _file: BinaryIO | None = None
    _path: Path | None = None
    _hashes: array[int] = field(default_factory=lambda: array("q"))
    _objects: array[int] = field(default_factory=lambda: array("q"))
    _joined: bytearray = field(default_factory=bytearray)
    """The row goes on in the next one of its table: it is of a group, and not the last of it."""
    _groups: bool = False
    _last: dict[int, int] = field(default_factory=dict)
    """Number of the last row of each object."""
    _operations: bytearray = field(default_factory=bytearray)
    _struck: bytearray = field(default_factory=bytearray)
    _top: int = 0
    """Rows from here on are struck out."""

    @property
    def live(self) -> int:
        """Rows that are not struck out."""
        return self.count - self._struck.count(1)

    def add(self, event: Event, *, large: bool = False) -> None:
        """``large``: the table has large columns, so that a row without ROW_ID goes on in the next."""
        joined = large and event.row_id in _NOWHERE
        if self.count == 0:
            self.start = event.scn
        self.events.append(event)
        self.tables.add(event.table)
        self.bytes += len(event.sql) + _OVERHEAD
        self._hashes.append(_place(event.object, event.row_id))
        self._last[event.object] = self.count
        self._objects.append(event.object)
        self._joined.append(joined)
        self._groups = self._groups or joined
        self._operations.append(event.operation)
        self._struck.append(0)
        self.count += 1
        self._top = self.count

    def strike(self, row: LogRow) -> None:
        """Take back what ``row`` undoes. Raises CannotUndo."""
        wanted = _INVERSE[row.operation]
        nameless = row.row_id in _NOWHERE
        place = _place(row.object, row.row_id)
        hashes, objects, struck = self._hashes, self._objects, self._struck
        gone: list[int] = []
        last_of_table = True
        at = self._top - 1
        while at >= 0:
            if struck[at] or objects[at] != row.object:
                at -= 1
                continue
            group = self._group(at)
            # A group whose last row is not there (yet) can only be the last of its table: undoing goes backwards.
            if hashes[at] == place or (self._joined[at] and (last_of_table or nameless)):
                operation = next((self._operations[index] for index in group if self._operations[index] in CHANGES), UPDATE)
                if operation == wanted:
                    break
                if wanted == INSERT:
                    gone += group  # the row itself goes: what was done to it since goes with it
            last_of_table = False
            at = group[0] - 1
        else:
            raise CannotUndo("it takes back a change that is not among those seen of its transaction")
        for index in (*gone, *group):
            struck[index] = 1
        while self._top and struck[self._top - 1]:
            self._top -= 1

    def _group(self, last: int) -> list[int]:
        """The rows of the group that ends with row number ``last``, in order."""
        if not self._groups:
            return [last]
        group = [last]
        number = self._objects[last]
        for at in range(last - 1, -1, -1):
            if self._objects[at] == number and not self._struck[at]:
                if not self._joined[at]:
                    break
                group.append(at)
        return group[::-1]

    def in_group(self, number: int) -> bool:
        """Whether the last row of object ``number`` goes on in the next of its table."""
        last = self._last.get(number)
        return last is not None and bool(self._joined[last]) and not self._struck[last]

    def spill(self, path: Callable[[], Path]) -> None:
        """Move the rows in memory to the transaction's file."""
        if self._file is None:
            self._path = path()
            self._file = open(self._path, "w+b")  # noqa: SIM115 -- closed by close()
        self._file.write(b"".join(json.dumps(event).encode() + b"\n" for event in self.events))
        self.events.clear()
        self.bytes = 0

    def read(self) -> Iterator[Event]:
        """The rows that were not struck out, in order. May be called again; not while another reading is under way."""
        index = 0
        struck = self._struck
        if self._file is not None:
            self._file.flush()
            self._file.seek(0)
            for line in self._file:
                if not struck[index]:
                    yield Event(*json.loads(line))
                index += 1
            self._file.seek(0, 2)
        for event in self.events:
            if not struck[index]:
                yield event
            index += 1

    def close(self) -> None:
        """Let go of it, and of its file."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._path = None
        self.events.clear()


def _place(number: int, row_id: str) -> int:
    return hash((number, "" if row_id in _NOWHERE else row_id))


class Buffer:
    """The open transactions. ``path`` names a new file for each that is moved to disk; ``memory``: bytes held in all."""

    def __init__(self, path: Callable[[], Path], memory: int = 256 << 20) -> None:
        self._path = path
        self._memory = memory
        self._open: dict[str, Pending] = {}
        self._held = 0

    def __len__(self) -> int:
        return len(self._open)

    def find(self, xid: str) -> Pending | None:
        """The open transaction called so. An id without its sequence number is that of the one which has its undo slot (only one
        can), and one that was known without it gets it now. Raises AmbiguousTransaction."""
        found = self._open.get(xid)
        if found is not None:
            return found
        slot = xid[:8]
        if xid.endswith(UNRESOLVED):
            same = [pending for key, pending in self._open.items() if key[:8] == slot]
            if len(same) > 1:
                raise AmbiguousTransaction(f"transaction {xid} may be any of {', '.join(pending.xid for pending in same)}")
            return same[0] if same else None
        found = self._open.pop(slot + UNRESOLVED, None)
        if found is not None:
            found.xid = xid
            self._open[xid] = found
        return found

    def start(self, xid: str) -> None:
        """A transaction begins: one that had its undo slot is over. It is only kept once it has a row (most have none)."""
        for key in [key for key in self._open if key[:8] == xid[:8] and key != xid]:
            self._release(self._open.pop(key))

    def add(self, xid: str, event: Event, *, large: bool = False) -> None:
        """A row of ``xid``, which begins with it when it was not seen before. ``large``: see :meth:`Pending.add`."""
        pending = self.take(xid)
        before = pending.bytes
        pending.add(event, large=large)
        self._held += pending.bytes - before
        if self._held > self._memory:
            self._make_room()

    def take(self, xid: str) -> Pending:
        """As :meth:`find`; begins one when there is none."""
        pending = self.find(xid)
        if pending is None:
            pending = self._open[xid] = Pending(xid)
        return pending

    def _make_room(self) -> None:
        for pending in sorted(self._open.values(), key=lambda each: -each.bytes):
            if self._held <= self._memory // 2 or pending.bytes == 0:
                break
            self._held -= pending.bytes
            pending.spill(self._path)

    def end(self, xid: str) -> Pending | None:
        """Take the transaction out (committed); the caller closes it. None when nothing of it was seen."""
        pending = self.find(xid)
        if pending is None:
            return None
        del self._open[pending.xid]
        self._held -= pending.bytes
        return pending

    def forget(self, xid: str) -> None:
        """The transaction was rolled back."""
        pending = self.end(xid)
        if pending is not None:
            pending.close()

    def _release(self, pending: Pending) -> None:
        self._held -= pending.bytes
        pending.close()

    def oldest(self) -> int | None:
        """SCN of the first row of all open transactions; None when there is none."""
        return min((pending.start for pending in self._open.values() if pending.count), default=None)

    def close(self) -> None:
        for pending in self._open.values():
            pending.close()
        self._open.clear()
        self._held = 0
