"""Large values, which the redo does not hold in a usable form: read from the table by the row's key, as of the commit's SCN.

A row's large columns get their value in the last change of the row in the transaction; what comes before goes out as unchanged.
When the server has no longer the undo for that moment, the value of now is taken: its own change is in the redo still to come,
and so is the row's end or its new key, where the row is no longer found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import oracledb

from voyager_ops.databases.oracle import values
from voyager_ops.databases.oracle.errors import DEFINITION_CHANGED, NOT_THERE, OTHER_TABLE, SNAPSHOT_TOO_OLD, message_of, ora_code
from voyager_ops.databases.oracle.frames import NotAChange, RowChange, TableFrames
from voyager_ops.databases.oracle.names import qualified, quote
from voyager_ops.databases.oracle.types import BINARY_FLOATS, OracleType
from voyager_ops.failpoints import hit, register
from voyager_ops.model.changes import DELETE, INSERT, UNCHANGED, Value

BEFORE_READ = register("capture.oracle.before_large_values")

_FIND: Final = "SELECT COUNT(*) FROM DBA_OBJECTS WHERE OWNER = :1 AND OBJECT_NAME = :2 AND OBJECT_TYPE = 'TABLE'"
AT_ONCE: Final = 16
"""Rows read with one statement: their large values are in memory together. Only rows of up to ``TOGETHER`` are."""
TOGETHER: Final = 1 << 20
"""Characters and bytes of a row's large values; a row with more of them is read by itself, when its turn comes."""


class Gone(Exception):
    """Large values of table number ``table`` cannot be read: it is no longer as it was, or not there. The server's words."""

    def __init__(self, table: int, words: str) -> None:
        self.table = table
        super().__init__(words)


@dataclass(slots=True)
class _Row:
    last: int
    changed: bool = False
    """The transaction changed it; else it only said that a large value was about to be written, and may have taken that back."""
    dirty: set[int] = field(default_factory=set)
    literals: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Wanted:
    """The row of the change number ``index`` of its transaction: which columns to read, by which key."""

    index: int
    table: int
    columns: tuple[int, ...]
    key: tuple[Value, ...]
    literals: dict[str, str]
    must_be_there: bool


class LargeValues:
    """Finds out, in a first reading of a transaction, which change must carry which large values."""

    def __init__(self) -> None:
        self._rows: dict[tuple[int, tuple[Value, ...]], _Row] = {}

    def note(self, index: int, table: int, change: RowChange) -> None:
        """The change number ``index``, of the table that the caller calls ``table``."""
        row = self._rows.pop((table, change.key_before), None)
        if change.op == DELETE or change.new is None:
            return
        if row is None or change.op == INSERT:
            row = _Row(index)
        row.last = index
        row.changed = row.changed or not change.touch
        # A value that is said (NULL) replaces one that was written before.
        row.dirty = {place for place in row.dirty if change.new[place] is UNCHANGED} | change.dirty
        row.literals = dict(change.key_literals)
        self._rows[(table, change.key)] = row

    def truncated(self, table: int) -> None:
        """All rows of the table are gone."""
        for key in [key for key in self._rows if key[0] == table]:
            del self._rows[key]

    def wanted(self) -> list[Wanted]:
        """What must be read, in the order of the changes that carry it."""
        found = [
            Wanted(row.last, table, tuple(sorted(row.dirty)), key, row.literals, row.changed)
            for (table, key), row in self._rows.items()
            if row.dirty
        ]
        return sorted(found, key=lambda item: item.index)


class Reader:
    """Reads the values that :class:`LargeValues` wants, in order, a few rows at a time."""

    def __init__(self, connection: oracledb.Connection, tables: Sequence[TableFrames], scn: int, wanted: list[Wanted]) -> None:
        self._connection = connection
        self._tables = tables
        self._scn = scn
        self._wanted = wanted
        self._next = 0
        self._by_index = {item.index for item in wanted}
        self._held: dict[int, dict[int, Value] | None] = {}
        self._alone: dict[int, Wanted] = {}

    def fill(self, index: int, change: RowChange) -> bool:
        """Give change number ``index`` its large values; False when it says nothing without them (and can be left out).

        Raises NotAChange when the row is not there although it must be, Gone, oracledb.Error.
        """
        if index not in self._by_index:
            return not change.touch
        while index not in self._held and index not in self._alone:
            self._read_next()
        if index in self._alone:
            self._read([self._alone.pop(index)])
        found = self._held.pop(index)
        if found is None:
            return not change.touch
        assert change.new is not None
        for place, value in found.items():
            change.new[place] = value
        return True

    def _read_next(self) -> None:
        first = self._wanted[self._next]
        batch: list[Wanted] = []
        for item in self._wanted[self._next : self._next + AT_ONCE]:
            if (item.table, item.columns) != (first.table, first.columns):
                break
            batch.append(item)
        self._next += len(batch)
        self._read(batch)

    def _read(self, batch: list[Wanted]) -> None:
        """Of several rows the large ones are put off, and so are those that are not there."""
        frames = self._tables[batch[0].table]
        hit(BEFORE_READ)
        try:
            rows, exact = self._rows(frames, batch)
        except oracledb.Error as error:
            if ora_code(error) in OTHER_TABLE and self._is_other(frames, ora_code(error)):
                raise Gone(batch[0].table, message_of(error)) from error
            raise
        for item in batch:
            found = rows.get(item.key)
            if found is None and len(batch) > 1:
                self._alone[item.index] = item
                continue
            if found is None and exact and item.must_be_there:
                shown = ", ".join(f"{name} = {value}" for name, value in item.literals.items())
                raise NotAChange(f"its large values cannot be read: no row with {shown} as of SCN {self._scn}")
            self._held[item.index] = None if found is None else dict(zip(item.columns, found, strict=True))

    def _is_other(self, frames: TableFrames, code: int | None) -> bool:
        """Whether the table has lost a column or was dropped; a right that was taken away, and may be given back, looks alike."""
        if code != NOT_THERE:
            return True
        owner, name = frames.table.native_name
        try:
            with self._connection.cursor() as cursor:
                row = cursor.execute(_FIND, [owner, name]).fetchone()
        except oracledb.Error:
            return False  # it cannot be told: the error speaks for itself
        return int(row[0]) == 0

    def _rows(self, frames: TableFrames, batch: list[Wanted]) -> tuple[dict[tuple[Value, ...], list[Any]], bool]:
        """Values by key, and whether they are of the commit's moment."""
        try:
            return dict(self._select(frames, batch, f" AS OF SCN {self._scn}")), True
        except oracledb.Error as error:
            if ora_code(error) not in SNAPSHOT_TOO_OLD | DEFINITION_CHANGED:
                raise
        return dict(self._select(frames, batch, "")), False

    def _select(self, frames: TableFrames, batch: list[Wanted], moment: str) -> Iterator[tuple[tuple[Value, ...], list[Any]]]:
        columns = [frames.columns[place] for place in (*frames.key, *batch[0].columns)]
        plan = values.Plan(columns, "t")
        kinds = {column.native_name: OracleType.from_json(column.native_type).name for column in columns}
        where = " OR ".join(
            "(" + " AND ".join(f"{quote(name)} = {_typed(kinds[name], value)}" for name, value in item.literals.items()) + ")"
            for item in batch
        )
        size = plan.lob_size if len(batch) > 1 else ""
        if size:
            where = f"({where}) AND {size} <= {TOGETHER}"
        owner, name = frames.table.native_name
        # Names are quoted, and the literals are those that the database itself printed into its redo.
        statement = f"SELECT {plan.select_list} FROM {qualified(owner, name)}{moment} t WHERE {where}"  # noqa: S608
        width = len(frames.key)
        with self._connection.cursor() as cursor:
            cursor.execute(statement, fetch_lobs=False, fetch_decimals=True)
            for row in cursor:
                texts = plan.row(row)
                yield tuple(texts[:width]), texts[width:]


def _typed(kind: str, literal: str) -> str:
    """The literal comparable with a column of that kind: floats are printed as text."""
    return f"TO_{kind}({literal})" if kind in BINARY_FLOATS else literal
