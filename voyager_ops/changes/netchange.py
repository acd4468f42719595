"""Folding a run of changes of one table into its net change per key. Pure: no I/O, no catalog.

Rows are in the table's canonical column order. A key is known by the text of its values: two texts that the database calls equal
(1.0 and 1.00) are two keys here, which is right, because the stream names a row by the text it has at that moment, and apply
deletes before it inserts.

A row that a key update moves may hold UNCHANGED values: they stand in the row which lies on the apply side under the *base key*,
the key the row had before the run. It is carried through chains (k1→k2→k3).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from voyager_ops.model.changes import UNCHANGED, Row, Value

Key = tuple[Value, ...]
Present = tuple[int, ...]
"""Indexes of the columns a row has values for, ascending."""

ROW_OVERHEAD = 200
VALUE_OVERHEAD = 56
"""Bytes a row is taken to need by itself, and for each of its values however short (CPython 3.11, of 40,000 rows: 655 a row of 8
columns, 917 of 12, 5,900 of 100)."""


class FoldError(Exception):
    """Changes that contradict each other: a row inserted twice, or changed after it was deleted."""

    def __init__(self, what: str, key: Key) -> None:
        super().__init__(what)
        self.key = key


@dataclass(slots=True)
class Carried:
    """A row that lies under another key (or is new under its own) and takes its UNCHANGED values from the base key's row."""

    row: Row
    base: Key
    existed: bool
    """A row with this row's own key is on the apply side now."""


@dataclass(slots=True)
class NetChange:
    """What must be done to one table, in the order: truncate, deletes, updates, inserts."""

    truncate: bool = False
    deletes: Sequence[Key | Row] = field(default_factory=list)
    """Keys of rows that are there now and must go."""
    updates: Sequence[Row] = field(default_factory=list)
    """Complete rows whose key is there now."""
    partial: dict[Present, Sequence[Row]] = field(default_factory=dict)
    """Rows whose key is there now, with UNCHANGED values that stay as they are, by the columns they have values for."""
    carried: list[Carried] = field(default_factory=list)
    inserts: Sequence[Row] = field(default_factory=list)
    """Complete rows whose key is not there now."""
    removed: list[tuple[Row, int]] = field(default_factory=list)
    """Key-less tables: whole rows, and how many of each must go."""
    added: list[tuple[Row, int]] = field(default_factory=list)
    """Key-less tables: whole rows, and how many of each must come."""


def key_getter(indexes: Sequence[int]) -> Callable[[Row], Key]:
    """A function from a row to the tuple of its values at ``indexes``."""
    if len(indexes) == 1:
        index = indexes[0]
        return lambda row: (row[index],)
    return itemgetter(*indexes)


class TableFold:
    """The changes of one table since the last flush, folded as they come.

    ``width`` counts the columns, ``key`` gives the indexes of the key's columns in key order (empty: rows are a multiset),
    ``toastable`` those of columns that may be UNCHANGED. ``lenient`` (before the seam point) lets a row be inserted over
    another, and deletes a row that came and went within the run. ``size`` estimates the bytes held.
    """

    __slots__ = (
        "_entries",
        "_incomplete",
        "_key_of",
        "_row_overhead",
        "_rows",
        "_toastable",
        "bulk",
        "key",
        "lenient",
        "size",
        "truncated",
        "width",
    )

    def __init__(self, width: int, key: Sequence[int], toastable: Sequence[int], lenient: bool = False) -> None:
        self.width = width
        self.key = tuple(key)
        self.lenient = lenient
        self.size = 0
        self.truncated = False
        self.bulk: NetChange | None = None
        """The net change when it was folded all at once: nothing else may be folded until :meth:`clear`."""
        self._toastable = tuple(toastable)
        self._row_overhead = ROW_OVERHEAD + VALUE_OVERHEAD * width
        self._key_of = key_getter(self.key) if self.key else None
        # key -> (a row with this key is on the apply side, the row now or None, the base key of its UNCHANGED values)
        self._entries: dict[Key, tuple[bool, Row | None, Key]] = {}
        self._incomplete: set[Key] = set()
        self._rows: dict[Row, int] = {}

    def __bool__(self) -> bool:
        return bool(self._entries or self._rows or self.truncated or self.bulk is not None)

    def __len__(self) -> int:
        return len(self._entries) + len(self._rows)

    def insert(self, row: Row) -> None:
        """A new row, complete."""
        size = self._row_overhead
        for index in self._toastable:
            value = row[index]
            if value is not None:
                size += len(value)  # type: ignore[arg-type]  # an insert has no UNCHANGED values
        self.size += size
        key_of = self._key_of
        if key_of is None:
            self._count(tuple(row), 1)
            return
        key = key_of(row)
        entry = self._entries.get(key)
        if entry is None:
            self._entries[key] = (False, row, key)
            return
        if entry[1] is not None and not self.lenient:
            raise FoldError("a row with the same key is there already", key)
        self._entries[key] = (entry[0], row, key)
        self._incomplete.discard(key)

    def update(self, old: Row | None, new: Row, full: bool) -> None:
        """A changed row. ``old`` is its old image or None; ``full`` says that the image holds all columns, not the key's only."""
        size = self._row_overhead
        hole = False
        for index in self._toastable:
            value = new[index]
            if value is UNCHANGED:
                hole = True
            elif value is not None:
                size += len(value)
        self.size += size
        if hole and old is not None:
            new, hole = self._fill(new, old, full)
        key_of = self._key_of
        if key_of is None:
            if old is None or hole:
                raise FoldError("an update of a table without a key carries no whole old row", ())
            self._count(tuple(old), -1)
            self._count(tuple(new), 1)
            return
        key = key_of(new)
        if old is not None:
            old_key = key_of(old)
            if old_key != key:
                self._move(old_key, key, new, hole)
                return
        entry = self._entries.get(key)
        if entry is None:
            self._entries[key] = (True, new, key)
        else:
            existed, row, base = entry
            if row is None:
                if not self.lenient:
                    raise FoldError("a row was changed after it had been deleted", key)
                base = key
            elif hole:
                new, hole = _merge(new, row)
            self._entries[key] = (existed, new, base)
        if hole:
            self._incomplete.add(key)
        elif self._incomplete:
            self._incomplete.discard(key)

    def delete(self, old: Row) -> None:
        """A row that is gone; ``old`` holds its key's values, or the whole row for a key-less table."""
        self.size += ROW_OVERHEAD
        key_of = self._key_of
        if key_of is None:
            self._count(tuple(old), -1)
        else:
            self._remove(key_of(old))

    def truncate(self) -> None:
        """All rows are gone: whatever came before counts no more."""
        self._entries.clear()
        self._incomplete.clear()
        self._rows.clear()
        self.size = 0
        self.truncated = True

    def net(self) -> NetChange:
        """The net change of all that was folded."""
        if self.bulk is not None:
            return self.bulk
        result = NetChange(truncate=self.truncated)
        incomplete = self._incomplete
        deletes: list[Key | Row] = []
        updates: list[Row] = []
        inserts: list[Row] = []
        partial: dict[Present, list[Row]] = {}
        for key, (existed, row, base) in self._entries.items():
            # After a TRUNCATE nothing is there: what looks like a row that was there before cannot be.
            if row is None:
                deletes.append(key)
            elif incomplete and key in incomplete:
                if existed and base == key:
                    present = tuple(index for index, value in enumerate(row) if value is not UNCHANGED)
                    partial.setdefault(present, []).append(row)
                else:
                    result.carried.append(Carried(row, base, existed))
            elif existed:
                updates.append(row)
            else:
                inserts.append(row)
        result.deletes, result.updates, result.inserts = deletes, updates, inserts
        result.partial.update(partial)
        for row, count in self._rows.items():
            if count > 0:
                result.added.append((row, count))
            elif count < 0:
                result.removed.append((row, -count))
        return result

    def clear(self) -> None:
        """Forget everything: it has been applied."""
        self.bulk = None
        self.truncate()
        self.truncated = False

    # -- inside ----------------------------------------------------------------------------------------------------
    def _count(self, row: Row, by: int) -> None:
        count = self._rows.get(row, 0) + by
        if count:
            self._rows[row] = count
        else:
            del self._rows[row]

    def _fill(self, new: Row, old: Row, full: bool) -> tuple[Row, bool]:
        """UNCHANGED values that the old image holds (a long key column is UNCHANGED, and in the old image)."""
        known = range(self.width) if full else self.key
        filled = list(new)
        for index in known:
            if filled[index] is UNCHANGED:
                filled[index] = old[index]
        return filled, any(filled[index] is UNCHANGED for index in self._toastable)

    def _remove(self, key: Key) -> None:
        entry = self._entries.get(key)
        if entry is None:
            self._entries[key] = (True, None, key)
            return
        existed, row, _base = entry
        if row is None and not self.lenient:
            raise FoldError("a row was deleted after it had been deleted", key)
        if existed or self.lenient:
            # Before the seam point a chunk may hold the very row that this run inserted: it must go all the same.
            self._entries[key] = (True, None, key)
        else:
            del self._entries[key]
        if self._incomplete:
            self._incomplete.discard(key)

    def _move(self, old_key: Key, key: Key, new: Row, hole: bool) -> None:
        base = old_key
        entry = self._entries.get(old_key)
        if entry is not None:
            if entry[1] is None:
                if not self.lenient:
                    raise FoldError("a row was changed after it had been deleted", old_key)
            else:
                base = entry[2]
                if hole:
                    new, hole = _merge(new, entry[1])
        self._remove(old_key)
        entry = self._entries.get(key)
        if entry is not None and entry[1] is not None and not self.lenient:
            raise FoldError("a row with the same key is there already", key)
        self._entries[key] = (entry[0] if entry else False, new, base)
        if hole:
            self._incomplete.add(key)
        elif self._incomplete:
            self._incomplete.discard(key)


def _merge(new: Row, earlier: Row) -> tuple[Row, bool]:
    """``new`` with UNCHANGED values taken from ``earlier``; whether some are UNCHANGED still."""
    merged = [before if value is UNCHANGED else value for value, before in zip(new, earlier, strict=True)]
    return merged, any(value is UNCHANGED for value in merged)
