"""Oracle's changes as frames of ``pgoutput``: what follows (change log, fold, apply) knows one form of change only.

A keyed table has identity 'd': an old image, of the key only, when the key changed. A table without a key has identity 'f' and
whole old images. The redo holds no large values (LOBs, XML, strings beyond 4000 bytes): such a column is *dirty* in a change when
it may have changed, and gets its value afterwards (:mod:`.logminer.lobs`), or goes out as unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from struct import Struct
from typing import Final

from voyager_ops.databases.oracle.logminer.redo import UNSUPPORTED, Literal, Redo
from voyager_ops.databases.oracle.types import CHARACTERS, OracleType, reread
from voyager_ops.errors import VoyagerOpsError
from voyager_ops.model.changes import DELETE, INSERT, TRUNCATE, UNCHANGED, UPDATE, Value
from voyager_ops.model.tables import Column, QName, Table

_U16 = Struct(">H").pack
_U32 = Struct(">I").pack
_I32 = Struct(">i").pack
_SIZED: Final = tuple(b"t" + _U32(size) for size in range(1024))
_NULL, _UNCHANGED = b"n", b"u"
_COLUMN_NUMBER = re.compile(r"COL (\d+)").fullmatch
_HIDDEN = re.compile(r"SYS_[A-Z_]*\d+\$?|SYS_.*\$").fullmatch

ReadLiteral = Callable[[str], bytes | None]
"""A column's literal (never NULL) to the target's text. Raises ValueError for what is no value of the column."""


class NotAChange(ValueError):
    """A row of the redo log cannot be made a change of the table: the message says why, the caller shows the row."""


@dataclass(slots=True)
class RowChange:
    """``old`` and ``new`` are as long as the table's data columns. ``dirty``: places whose value must be read from the table.

    ``old`` of a keyed table holds the key only (of an update: only when the key changed). ``key`` and ``key_literals``: the row's
    key after the change (before it, for a delete), as values and as printed; () and {} without a key.
    """

    op: int
    old: list[Value] | None
    new: list[Value] | None
    key: tuple[Value, ...] = ()
    key_before: tuple[Value, ...] = ()
    key_literals: Mapping[str, str] = field(default_factory=dict)
    dirty: set[int] = field(default_factory=set)
    touch: bool = False
    """It says only that a large value was about to be written: without that value it is no change."""


def tuple_of(values: Sequence[Value]) -> bytes:
    """A tuple as pgoutput has it."""
    parts = [_U16(len(values))]
    for value in values:
        if value is None:
            parts.append(_NULL)
        elif value is UNCHANGED:
            parts.append(_UNCHANGED)
        else:
            size = len(value)
            parts += (_SIZED[size] if size < 1024 else b"t" + _U32(size), value)
    return b"".join(parts)


def relation_frame(oid: int, name: QName, columns: Sequence[Column], key: Sequence[str]) -> bytes:
    """Identity 'd' with the key's columns flagged, 'f' without a key."""
    parts = [b"R", _U32(oid), name.schema.encode(), b"\0", name.name.encode(), b"\0", b"d" if key else b"f", _U16(len(columns))]
    for column in columns:
        parts += (b"\1" if column.name in key else b"\0", column.name.encode(), b"\0", _U32(column.type_oid), _I32(-1))
    return b"".join(parts)


def truncate_frame(oid: int) -> bytes:
    """TRUNCATE of one table, without CASCADE."""
    return bytes([TRUNCATE]) + _U32(1) + b"\0" + _U32(oid)


class TableFrames:
    """Makes the changes of one table. ``reader_of`` gives each column's literal reader.

    ``stored``: all columns that the dictionary has, hidden ones and those left out too: number in the segment (0: not stored, a
    virtual column) and native name. Empty: the table's own are all.
    """

    def __init__(
        self,
        table: Table,
        source: str | None,
        reader_of: Callable[[Column], ReadLiteral],
        stored: Sequence[tuple[int, str]] = (),
    ) -> None:
        self.table = table
        self.source = source
        """The source's name of the table, as it is counted under; None for our own."""
        leaf = table.leaves[0] if table.leaves else None
        self.oid = leaf.oid if leaf else table.oid
        self.name = leaf.name if leaf else table.name
        self.columns = table.data_columns
        self.relation = relation_frame(self.oid, self.name, self.columns, table.key)
        self._width = len(self.columns)
        self._oid = _U32(self.oid)
        self._readers = [reader_of(column) for column in self.columns]
        self._places = {column.native_name: place for place, column in enumerate(self.columns)}
        generated = {column.native_name for column in table.columns if column.generated}
        self._ignored = generated | {name for _, name in stored if name not in self._places}
        if not stored and not generated:
            stored = [(number, column.native_name) for number, column in enumerate(self.columns, 1)]
        self._numbered = {number: self._places.get(name) for number, name in stored if number}
        self._longest = [longest(column) for column in self.columns]
        names = [column.name for column in self.columns]
        self.key = tuple(names.index(name) for name in table.key)
        self._in_key = frozenset(self.key)
        self.large = frozenset(place for place, column in enumerate(self.columns) if is_large(column))
        """Places of the columns whose values are not in the redo."""
        self._may_be_unchanged = frozenset(place for place, column in enumerate(self.columns) if column.toastable) | self.large
        self._plans: dict[tuple[str, ...], list[tuple[int, int]]] = {}

    # -- from redo to changes --------------------------------------------------------------------------------------
    def change(self, redo: Redo) -> RowChange:
        """Raises NotAChange."""
        if redo.op == INSERT:
            return self._insert(redo)
        if redo.op == UPDATE:
            return self._update(redo)
        old = self._image(redo.old_names, redo.old_values, key_only=bool(self.key))
        self._need(old, self.key or range(self._width))
        if not self.key:
            return RowChange(DELETE, old, None)
        key = tuple(old[place] for place in self.key)
        return RowChange(DELETE, self._key_only(old), None, key, key, self._literals(redo.old_names, redo.old_values))

    def _insert(self, redo: Redo) -> RowChange:
        new = self._image(redo.new_names, redo.new_values)
        dirty = {place for place in self.large if new[place] is UNCHANGED}
        for place, value in enumerate(new):
            if value is UNCHANGED:
                new[place] = self.placeholder(place) if place in self.large else None
        self._need(new, self.key, null_too=True)
        key = tuple(new[place] for place in self.key)
        return RowChange(INSERT, None, new, key, key, self._literals(redo.new_names, redo.new_values), dirty)

    def _update(self, redo: Redo) -> RowChange:
        old = self._image(redo.old_names, redo.old_values)
        if not self.key:
            self._need(old, range(self._width))
            changed = self._image(redo.new_names, redo.new_values)
            return RowChange(UPDATE, old, [b if a is UNCHANGED else a for a, b in zip(changed, old, strict=True)])
        self._need(old, self.key, null_too=True)
        for place in self.large:
            old[place] = UNCHANGED
        changed = self._image(redo.new_names, redo.new_values)
        named = self._places_of(redo.new_names)
        new = [before if value is UNCHANGED else value for value, before in zip(changed, old, strict=True)]
        dirty = {place for place in self.large if place in named and changed[place] is UNCHANGED}
        before = tuple(old[place] for place in self.key)
        after = tuple(new[place] for place in self.key)
        moved = before != after
        if moved:  # the row is written anew over there: it must be whole
            dirty |= {place for place in self.large if new[place] is UNCHANGED}
        missing = [place for place, value in enumerate(new) if value is UNCHANGED and place not in self._may_be_unchanged]
        if missing:
            raise self._incomplete(missing)
        literals = {**self._literals(redo.old_names, redo.old_values), **self._literals(redo.new_names, redo.new_values)}
        return RowChange(UPDATE, self._key_only(old) if moved else None, new, after, before, literals, dirty)

    def touched(self, column: str, names: Sequence[str], values: Sequence[Literal]) -> RowChange:
        """An update of nothing but one large column, named by the row's key. Raises NotAChange."""
        if not self.key:
            raise NotAChange("the table has no key by which its large values could be read")
        old = self._image(names, values)
        self._need(old, self.key, null_too=True)
        place = self._place(column)
        if place is None:
            raise NotAChange(f"column {column} is not captured")
        new: list[Value] = [UNCHANGED] * self._width
        for at in self.key:
            new[at] = old[at]
        dirty = {place}
        for at in range(self._width):
            if at not in self._may_be_unchanged:
                new[at] = old[at]
                if old[at] is UNCHANGED:  # only some columns of the row are named: the rest is read along
                    dirty.add(at)
        key = tuple(old[at] for at in self.key)
        return RowChange(UPDATE, None, new, key, key, self._literals(names, values), dirty, touch=True)

    def accepts(self, name: str, literal: str) -> bool:
        """Whether column ``name`` could have been printed so: decides between several readings of a statement."""
        try:
            place = self._place(name)
            if place is not None and place not in self.large and literal != UNSUPPORTED:
                value = self._readers[place](literal)
                longest = self._longest[place]
                return value is None or not longest or len(value.decode()) <= longest
        except (ValueError, VoyagerOpsError):
            return False
        return True

    def encode(self, change: RowChange) -> bytes:
        """The frame of a change."""
        kind = b"O" if not self.key else b"K"
        head = bytes([change.op]) + self._oid
        if change.op == DELETE:
            assert change.old is not None
            return head + kind + tuple_of(change.old)
        assert change.new is not None
        if change.old is None:
            return head + b"N" + tuple_of(change.new)
        return head + kind + tuple_of(change.old) + b"N" + tuple_of(change.new)

    # -- inside ----------------------------------------------------------------------------------------------------
    def _place(self, name: str) -> int | None:
        """Of a column by its native name; None for one that is not moved. Raises NotAChange for an unknown one."""
        place = self._places.get(name)
        if place is not None:
            return place
        if name in self._ignored or _HIDDEN(name):
            return None
        if (numbered := _COLUMN_NUMBER(name)) is not None:
            number = int(numbered.group(1))
            if number in self._numbered:
                return self._numbered[number]
        raise NotAChange(f"column {name} is not one the table had when capture began")

    def _plan(self, names: tuple[str, ...]) -> list[tuple[int, int]]:
        plan = self._plans.get(names)
        if plan is None:
            if len(self._plans) > 4096:  # updates name the changed columns: there may be many combinations
                self._plans.clear()
            places = [(at, self._place(name)) for at, name in enumerate(names)]
            plan = self._plans[names] = [(at, place) for at, place in places if place is not None]
        return plan

    def _places_of(self, names: tuple[str, ...]) -> set[int]:
        return {place for _, place in self._plan(names)}

    def _image(self, names: Sequence[str], values: Sequence[Literal], *, key_only: bool = False) -> list[Value]:
        """Values by place, UNCHANGED where nothing is said, or nothing that is the value."""
        image: list[Value] = [UNCHANGED] * self._width
        readers, large = self._readers, self.large
        for at, place in self._plan(tuple(names)):
            if key_only and place not in self._in_key:
                continue
            literal = values[at]
            if literal is None:
                image[place] = None
            elif place in large or literal == UNSUPPORTED:
                if place not in large:
                    raise NotAChange(f"LogMiner cannot print the value of column {self.columns[place].native_name}")
            else:
                try:
                    image[place] = readers[place](literal)
                except ValueError as error:
                    raise NotAChange(f"column {self.columns[place].native_name}: {error}") from None
                except VoyagerOpsError as error:
                    raise NotAChange(error.what) from None
        return image

    def _literals(self, names: Sequence[str], values: Sequence[Literal]) -> dict[str, str]:
        if not self.large:
            return {}
        wanted = {self.columns[place].native_name: place for place in self.key}
        return {name: value for name, value in zip(names, values, strict=True) if name in wanted and value is not None}

    def _key_only(self, image: list[Value]) -> list[Value]:
        kept: list[Value] = [None] * self._width
        for place in self.key:
            kept[place] = image[place]
        return kept

    def _need(self, image: list[Value], places: Sequence[int] | range, *, null_too: bool = False) -> None:
        missing = [place for place in places if image[place] is UNCHANGED or (null_too and image[place] is None)]
        if missing:
            raise self._incomplete(missing)

    def _incomplete(self, places: Sequence[int]) -> NotAChange:
        names = ", ".join(self.columns[place].native_name for place in places)
        return NotAChange(
            f"the redo does not say the value of {names}: supplemental logging of ALL columns was not on when the row was changed"
        )

    def placeholder(self, place: int) -> Value:
        """For a large value that is not known yet in a change which is followed by another one of the same row, or whose row
        is gone by the transaction's end: it never stays, but must be a value of the type where NULL is not allowed."""
        column = self.columns[place]
        if column.array_of:
            return b"{}"
        if column.type_name == "bytea":
            return b"\\x"
        return b"null" if column.type_name in ("json", "jsonb") else b""


def is_large(column: Column) -> bool:
    """Whether the redo does not hold the column's values."""
    return bool(column.native_type) and reread(OracleType.from_json(column.native_type))


def longest(column: Column) -> int:
    """Characters a text column holds at most; 0 for other types."""
    if not column.native_type:
        return 0
    type_ = OracleType.from_json(column.native_type)
    return type_.characters if type_.name in CHARACTERS else 0
