"""SQL_REDO as LogMiner prints it: literals per Oracle type, statements, and what follows a row for LOBs, XML and long strings.

Which columns stand in WHERE is what supplemental logging had written into the redo when the row changed. With a dictionary
that no longer matches, columns are ``COL n`` and values HEXTORAW of their stored bytes (``internal_format``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from voyager_ops.testing.oracle.recorder import ColumnRole, RedoColumn, RedoTable
from voyager_ops.testing.oracle.redo_large import (
    Field,
    Fields,
    Printed,
    document,
    empty_value,
    is_trimmed,
    kind_of,
    trim,
    written_away,
)
from voyager_ops.testing.oracle.redo_literals import KNOWN, Style, raw_literal
from voyager_ops.testing.oracle.redo_literals import literal as literal_of

INSERT, DELETE, UPDATE = 1, 2, 3
DDL, START, COMMIT, ROLLBACK = 5, 6, 7, 36
INJECTED = 0  # a record that a test gave
INTERNAL = 0  # what LogMiner shows for the end of a change of large values
UNSUPPORTED = 255
MISMATCH = "Dictionary Version Mismatch"
UNSUPPORTED_INFO = "Object or Data type Unsupported"


@dataclass(frozen=True)
class TableVersion:
    """A table's definition and what supplemental logging adds, as of when redo was written. ``number``: its OBJV#.

    ``always``: columns that every UPDATE's redo carries. ``together``: groups of which every column is carried when one of
    them changes. ``generation``: rises with every change of the table's columns.
    """

    table: RedoTable
    number: int
    generation: int
    always: frozenset[str]
    together: tuple[frozenset[str], ...]

    @cached_property
    def logged(self) -> tuple[tuple[int, RedoColumn], ...]:
        """Index among the fields of a row, and column."""
        return tuple((at, column) for at, column in enumerate(self.table.columns) if column.role is ColumnRole.LOGGED)

    @cached_property
    def rowid_field(self) -> int | None:
        """Index of the field with the row's number."""
        return next((at for at, column in enumerate(self.table.columns) if column.role is ColumnRole.ROWID), None)

    @cached_property
    def lob_fields(self) -> tuple[int, ...]:
        """Indexes of the fields whose values travel in rows of their own."""
        return tuple(at for at, column in self.logged if kind_of(column) != "plain")


def table_version(table: RedoTable, number: int, generation: int, database: frozenset[str]) -> TableVersion:
    """The version with the database's supplemental logging (``ALL``, ``PRIMARY KEY``, …) counted in."""
    levels = table.supplemental | database
    columns = frozenset(column.name for column in table.columns if column.role is ColumnRole.LOGGED)
    always = {name for group in table.log_groups for name in group}
    if "ALL" in levels or ("PRIMARY KEY" in levels and not table.key):
        always |= columns
    if "PRIMARY KEY" in levels:
        always |= set(table.key)
    together = [
        key for level, keys in (("UNIQUE", table.unique), ("FOREIGN KEY", table.foreign)) if level in levels for key in keys
    ]
    return TableVersion(table, number, generation, frozenset(always), tuple(frozenset(group) for group in together))


class Printer:
    """Prints the changes of rows. ``known``: whether the LogMiner dictionary has the version the redo was written by."""

    def __init__(self, version: TableVersion, style: Style, *, owner: str | None, name: str | None, known: bool) -> None:
        self._version = version
        self._style = style
        self._end = ";" if style.semicolon else ""
        self._table = f'"{owner}"."{name}"'
        self._fields = [
            Field(
                at,
                column,
                f'"{column.name}"' if known else f'"COL {number}"',
                literal_of(column, style) if known else raw_literal(column),
                kind_of(column),
                kind_of(column) == "plain" and column.type not in {"LONG", "LONG RAW"},
                empty_value(column),
            )
            for number, (at, column) in enumerate(version.logged, 1)
            if column.type != "BFILE"  # never logged
        ]
        self._tested = [field for field in self._fields if field.tested]
        self._large = [field for field in self._fields if field.kind != "plain"]
        self._longs = [field.at for field in self._fields if known and field.column.type in {"LONG", "LONG RAW"}]
        self._status: tuple[int, str | None] = (0, None) if known else (2, MISMATCH)
        if any(field.column.type not in KNOWN for field in self._fields):
            self._status = (2, UNSUPPORTED_INFO)
        self._wanted: dict[frozenset[str], list[Field]] = {}

    def change(self, operation: int, before: Fields, after: Fields, rowid: str, *, undo: bool) -> Iterator[Printed]:
        """The rows of one changed row. ``undo``: of a rollback, whose row is one."""
        status, info = self._status
        if operation == DELETE:
            tested = [] if undo else self._tested  # the undo of an INSERT needs nothing but where the row is
            yield Printed(operation, f"delete from {self._table}{self._where(tested, before, rowid)}{self._end}", status, info)
            return
        large = [] if undo else [field for field in self._large if not before or before[field.at] != after[field.at]]
        if self._large and (large or operation == INSERT) and not undo:
            yield from self._with_large(operation, before, after, rowid, large)
        elif operation == INSERT:
            yield Printed(operation, self._insert(after) + self._end, status, info)
        else:
            changed = [field for field in self._fields if before[field.at] != after[field.at]]
            if status == 0 and any(before[at] != after[at] for at in self._longs):
                status = 2  # without INFO: usable all the same
            statement = self._update(changed, after, [] if undo else before, rowid)
            yield Printed(operation, statement + self._end, status, info)

    def _with_large(self, operation: int, before: Fields, after: Fields, rowid: str, large: list[Field]) -> Iterator[Printed]:
        """A change of large values, as Oracle logs it: see ``redo_large``."""
        status, info = self._status
        share = 0
        trimmed = [field for field in large if field.kind == "lob" and before and is_trimmed(before[field.at], after[field.at])]
        if trimmed and trimmed == [field for field in self._fields if before[field.at] != after[field.at]]:
            where = self._place(after, rowid)  # as DBMS_LOB.TRIM does it
            for field in trimmed:
                yield from trim(field, after, self._table, where)
            yield Printed(INTERNAL, None, record=2)
            return
        inline = [field for field in large if field.is_inline(after[field.at])]
        if operation == INSERT:
            inline = [field for field in inline if field.kind != "xml"]
        away = [field for field in large if field.kind != "xml" and field.is_away(after[field.at])]
        documents = [field for field in large if field.kind == "xml" and after[field.at] is not None]
        if operation == INSERT:
            yield Printed(operation, self._insert(after) + self._end, status, info, own_row=False)
        else:
            changed = [field for field in self._fields if before[field.at] != after[field.at]]
            scalars = [field for field in changed if field.kind == "plain"]
            empty = [field for field in large if field.kind != "xml" and field not in inline and field not in away]
            if scalars or empty or not (away or documents):
                assigned = scalars + [field for field in large if field.kind != "xml" and field not in away]
                statement = self._update(assigned or changed, after, before, rowid)
                yield Printed(operation, statement + self._end, status, info, own_row=False)
        where = self._place(after, rowid)
        for number, field in enumerate(away, 1):
            share = number
            yield from written_away(field, after, self._table, where, record=number)
        for field in documents:
            share += 1
            yield from document(field, after, self._table, where, record=share)
        if inline:
            values = ", ".join(f"{field.name} = {field.inline(after[field.at])}" for field in inline)
            end = f"update {self._table} set {values} where {where}{self._end}"
            yield Printed(UPDATE, end, status, info, record=share + 1)
        else:
            yield Printed(INTERNAL, None, record=share + 1)

    def _place(self, after: Fields, rowid: str) -> str:
        """How the row is found again, as it now is: by its key and by what its redo carries always."""
        names = self._version.always.union(self._version.table.key)
        conditions = self._conditions((field for field in self._tested if field.column.name in names), after)
        return " and ".join(conditions) or f"ROWID = '{rowid}'"

    # -- statements -----------------------------------------------------------------------------------------------------

    def _insert(self, after: Fields) -> str:
        names, values = [], []
        for field in self._fields:
            if field.kind == "xml":
                continue
            names.append(field.name)
            text = after[field.at]
            values.append("NULL" if text is None else field.literal(text) if field.kind == "plain" else field.empty)
        return f"insert into {self._table}({','.join(names)}) values ({','.join(values)})"

    def _update(self, changed: list[Field], after: Fields, tested: Fields, rowid: str) -> str:
        """``tested``: the values that stand in WHERE; none of an undo row."""
        assigned = []
        for field in changed:
            text = after[field.at]
            value = "NULL" if text is None else field.literal(text) if field.kind == "plain" else field.empty
            assigned.append(f"{field.name} = {value}")
        if not assigned:  # nothing has another value; what was assigned is not known here
            text = after[self._tested[0].at]
            assigned = [f"{self._tested[0].name} = {'NULL' if text is None else self._tested[0].literal(text)}"]
        carried = self._carried(frozenset(field.column.name for field in changed)) if tested else []
        return f"update {self._table} set {', '.join(assigned)}{self._where(carried, tested, rowid)}"

    def _carried(self, changed: frozenset[str]) -> list[Field]:
        """The fields whose old values an UPDATE of the ``changed`` columns carries."""
        fields = self._wanted.get(changed)
        if fields is None:
            names = self._version.always | changed
            names = names.union(*(group for group in self._version.together if group & changed))
            fields = self._wanted[changed] = [field for field in self._tested if field.column.name in names]
        return fields

    def _where(self, fields: Iterable[Field], values: Fields, rowid: str) -> str:
        conditions = self._conditions(fields, values)
        if self._style.rowid:
            conditions.append(f"ROWID = '{rowid}'")
        return f" where {' and '.join(conditions)}" if conditions else ""

    def _conditions(self, fields: Iterable[Field], values: Fields) -> list[str]:
        return [
            f"{field.name} IS NULL" if (text := values[field.at]) is None else f"{field.name} = {field.literal(text)}"
            for field in fields
        ]
