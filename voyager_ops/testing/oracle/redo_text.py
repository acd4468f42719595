"""SQL_REDO as LogMiner prints it: literals per Oracle type, statements, and what follows a row for LOBs, XML and long strings.

Which columns stand in WHERE is what supplemental logging had written into the redo when the row changed. With a dictionary
that no longer matches, columns are ``COL n`` and values HEXTORAW of their stored bytes (``internal_format``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeAlias

from voyager_ops.testing.oracle.oracle_text import unistr
from voyager_ops.testing.oracle.recorder import ColumnRole, RedoColumn, RedoTable
from voyager_ops.testing.oracle.redo_literals import BINARY_LOBS, KNOWN, LOBS, STANDARD_STRING, Style, quoted, raw_literal
from voyager_ops.testing.oracle.redo_literals import literal as literal_of

INSERT, DELETE, UPDATE = 1, 2, 3
DDL, START, COMMIT, ROLLBACK = 5, 6, 7, 36
INJECTED = 0  # a row that a test gave
SELECT_LOB_LOCATOR, LOB_WRITE, LOB_TRIM, LOB_ERASE = 9, 10, 11, 29
XML_BEGIN, XML_WRITE, XML_END = 68, 70, 71
LONG_STRING_BEGIN, LONG_STRING_WRITE, LONG_STRING_END = 91, 92, 93
UNSUPPORTED = 255
NOT_EXECUTABLE = "XML sql_redo not re-executable"
MISMATCH = "Dictionary Version Mismatch"
UNSUPPORTED_INFO = "Object or Data type Unsupported"

PIECE = 4000  # bytes of a LOB per LOB_WRITE row


Fields: TypeAlias = Sequence[str | None]
"""A row as PostgreSQL's text of each field."""


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
        return tuple(at for at, column in self.logged if _kind(column) != "plain")


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


class Printed(NamedTuple):
    """One row of V$LOGMNR_CONTENTS before it is cut into rows of 4,000 bytes. ``sql`` is None for the end rows.

    ``own_row``: whether ROW_ID is the row's; LOB, XML and long string rows have none.
    """

    operation: int
    sql: str | None
    status: int = 0
    info: str | None = None
    own_row: bool = True


class Field(NamedTuple):
    """A column as a printer knows it. ``at``: index among a row's fields. ``name``: quoted.

    ``kind``: how a value gets into the redo: ``plain`` in the statement, else in rows of its own: ``lob``, ``xml``, ``string``.
    ``tested``: may stand in WHERE. ``empty``: what stands in the statement for a value that follows in rows of its own.
    """

    at: int
    column: RedoColumn
    name: str
    literal: Callable[[str], str]
    kind: str
    tested: bool
    empty: str


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
                _kind(column),
                _kind(column) == "plain" and column.type not in {"LONG", "LONG RAW"},
                _empty(column),
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
        """The rows of one changed row. ``undo``: of a rollback; nothing follows the statement then."""
        status, info = self._status
        if operation == INSERT:
            yield Printed(operation, self._insert(after, undo) + self._end, status, info)
        elif operation == DELETE:
            tested = [] if undo else self._tested  # the undo of an INSERT needs nothing but where the row is
            yield Printed(operation, f"delete from {self._table}{self._where(tested, before, rowid)}{self._end}", status, info)
        else:
            statement = self._update(before, after, rowid, undo)
            if status == 0 and any(before[at] != after[at] for at in self._longs):
                status = 2  # without INFO: usable all the same
            if statement is not None:
                yield Printed(operation, statement + self._end, status, info)
        if self._large and operation != DELETE and not undo:
            yield from self._large_values(before, after, rowid)

    # -- statements -----------------------------------------------------------------------------------------------------

    def _insert(self, after: Fields, undo: bool) -> str:
        names, values = [], []
        for field in self._fields:
            if field.kind == "xml" and not undo:
                continue
            names.append(field.name)
            text = after[field.at]
            values.append("NULL" if text is None else field.literal(text) if field.kind == "plain" else field.empty)
        return f"insert into {self._table}({','.join(names)}) values ({','.join(values)})"

    def _update(self, before: Fields, after: Fields, rowid: str, undo: bool) -> str | None:
        changed = [field for field in self._fields if before[field.at] != after[field.at]]
        assigned = []
        for field in changed:
            text = after[field.at]
            if text is None:
                assigned.append(f"{field.name} = NULL")
            elif field.kind == "plain":
                assigned.append(f"{field.name} = {field.literal(text)}")
            elif field.kind != "xml" and not (field.kind == "lob" and _trimmed(before[field.at], text)):
                assigned.append(f"{field.name} = {field.empty}")
        if changed and not assigned:
            return None  # an XML document, a LOB that was only trimmed: the rows that follow say it all
        if not assigned:  # nothing has another value; what was assigned is not known here
            field = self._tested[0]
            text = after[field.at]
            assigned = [f"{field.name} = {'NULL' if text is None else field.literal(text)}"]
        tested = [] if undo else self._carried(frozenset(field.column.name for field in changed))
        return f"update {self._table} set {', '.join(assigned)}{self._where(tested, before, rowid)}"

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

    # -- what follows ---------------------------------------------------------------------------------------------------

    def _large_values(self, before: Fields, after: Fields, rowid: str) -> Iterator[Printed]:
        for field in self._large:
            text = after[field.at]
            if text is None or (before and before[field.at] == text):
                continue
            # How the row is found again, as it now is: by its key where it has one, else by what it carries always.
            names = set(self._version.table.key) or self._version.always
            where = " and ".join(self._conditions((each for each in self._tested if each.column.name in names), after))
            where = where or f"ROWID = '{rowid}'"
            if field.kind == "xml":
                yield from self._xml(field.name, str(field.column.decode(text)), where)
            elif field.kind == "string":
                yield from self._long_string(field.name, field.column, text, where)
            else:
                yield from self._lob(field.name, field.column, before[field.at] if before else None, text, where)

    def _lob(self, name: str, column: RedoColumn, old: str | None, text: str, where: str) -> Iterator[Printed]:
        value = column.decode(text)
        if isinstance(value, str) and column.type in BINARY_LOBS:
            value = value.encode()
        if not isinstance(value, str | bytes) or not value:
            return
        locator = "loc_b" if column.type in BINARY_LOBS else "loc_nc" if column.national else "loc_c"
        buffer = "buf" + locator[3:]
        yield Printed(
            SELECT_LOB_LOCATOR,
            f"{_DECLARE} select {name} into {locator} from {self._table} where {where} for update;\n",
            own_row=False,
        )
        if _trimmed(old, text):
            yield Printed(LOB_TRIM, f"\n  dbms_lob.trim({locator}, {len(value)});\n", own_row=False)
            return
        offset = 1
        for piece in _pieces(value):
            if isinstance(piece, bytes):
                literal = f"HEXTORAW('{piece.hex()}')"
            else:
                literal = unistr(piece) if column.national and not piece.isascii() else quoted(piece)
            write = f"\n {buffer} := {literal}; \n  dbms_lob.write({locator}, {len(piece)}, {offset}, {buffer});\n"
            yield Printed(LOB_WRITE, write, own_row=False)
            offset += len(piece)

    def _xml(self, name: str, document: str, where: str) -> Iterator[Printed]:
        preamble = f"XML DOC BEGIN:  select {name} from {self._table} where {where}"
        yield Printed(XML_BEGIN, preamble, 2, NOT_EXECUTABLE, own_row=False)
        size = len(document.encode())
        written = _quoted_raw(document) if size <= PIECE else f"HEXTORAW('{document.encode().hex()}')"
        yield Printed(XML_WRITE, f"XML_REDO := {written}\n amount: {size}", 2, NOT_EXECUTABLE, own_row=False)
        yield Printed(XML_END, None, own_row=False)

    def _long_string(self, name: str, column: RedoColumn, text: str, where: str) -> Iterator[Printed]:
        value = column.decode(text)
        assert isinstance(value, str | bytes)
        if not value:
            return
        update = f"update {self._table} set {name} = :1 where {where}".replace("'", "''")
        declare = "DECLARE \n Stmt varchar2(4000);\n BinVar varchar2(32767);\nBEGIN\n"
        yield Printed(LONG_STRING_BEGIN, f"{declare} Stmt := '{update}';\n", own_row=False)
        for piece in _pieces(value):
            literal = f"HEXTORAW('{piece.hex()}')" if isinstance(piece, bytes) else quoted(piece)
            yield Printed(LONG_STRING_WRITE, f" BinVar := {literal};\n", own_row=False)
        yield Printed(LONG_STRING_END, "\n EXECUTE IMMEDIATE Stmt USING BinVar;\nEND;\n", own_row=False)


_DECLARE = (
    "DECLARE \n loc_c CLOB; \n buf_c VARCHAR2(6174); \n loc_b BLOB; \n buf_b RAW(6174); \n loc_nc NCLOB; \n"
    " buf_nc NVARCHAR2(6174); \nBEGIN\n"
)


def _kind(column: RedoColumn) -> str:
    if column.type in LOBS:
        return "lob"
    if column.type == "XMLTYPE":
        return "xml"
    return "string" if column.type in {"VARCHAR2", "NVARCHAR2", "RAW"} and column.length > STANDARD_STRING else "plain"


def _empty(column: RedoColumn) -> str:
    if column.type == "JSON":
        return "/* JSON */ EMPTY_BLOB()"
    return "EMPTY_BLOB()" if column.type in BINARY_LOBS or column.type == "RAW" else "EMPTY_CLOB()"


def _trimmed(old: str | None, new: str | None) -> bool:
    return bool(old and new and len(new) < len(old) and old.startswith(new) and new != "\\x")


def _quoted_raw(text: str) -> str:
    return f"'{text}'"


def _pieces(value: str | bytes) -> Iterator[str | bytes]:
    """Of at most ``PIECE`` bytes; text is cut between characters."""
    if isinstance(value, bytes) or value.isascii():
        for at in range(0, len(value), PIECE):
            yield value[at : at + PIECE]
        return
    for at in range(0, len(value), PIECE // 4):
        yield value[at : at + PIECE // 4]
