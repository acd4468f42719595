"""SQL_REDO as LogMiner prints it: literals per Oracle type, statements, and what follows a row for LOBs, XML and long strings.

Which columns stand in WHERE is what supplemental logging had written into the redo when the row changed. With a dictionary
that no longer matches, columns are ``COL n`` and values HEXTORAW of their stored bytes (``internal_format``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from voyager_ops.testing.oracle.oracle_text import unistr
from voyager_ops.testing.oracle.recorder import ColumnRole, RedoColumn, RedoTable
from voyager_ops.testing.oracle.redo_literals import BINARY_LOBS, KNOWN, LOBS, STANDARD_STRING, Style, quoted, raw_literal
from voyager_ops.testing.oracle.redo_literals import literal as literal_of
from voyager_ops.testing.oracle.row_notices import row_fields

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


@dataclass(frozen=True, slots=True)
class Printed:
    """One row of V$LOGMNR_CONTENTS before it is cut into rows of 4,000 bytes. ``sql`` is None for the end rows."""

    operation: int
    sql: str | None
    status: int = 0
    info: str | None = None
    own_row: bool = True
    """Whether ROW_ID is the row's; LOB, XML and long string rows have none."""


class Printer:
    """Prints the changes of rows. ``known``: whether the LogMiner dictionary has the version the redo was written by."""

    def __init__(self, version: TableVersion, style: Style, *, owner: str | None, name: str | None, known: bool) -> None:
        self._version = version
        self._style = style
        self._known = known
        self._table = f'"{owner}"."{name}"'
        self._columns = [
            (
                at,
                column,
                f'"{column.name}"' if known else f'"COL {number}"',
                literal_of(column, style) if known else raw_literal(column),
            )
            for number, (at, column) in enumerate(version.logged, 1)
        ]
        self._plain = [item for item in self._columns if _kind(item[1]) == "plain"]

    def change(self, operation: int, old: str | None, new: str | None, rowid: str, *, undo: bool) -> Iterator[Printed]:
        """The rows of one changed row. ``undo``: of a rollback; nothing follows the statement then."""
        before = row_fields(old) if old is not None else []
        after = row_fields(new) if new is not None else []
        status, info = (0, None) if self._known else (2, MISMATCH)
        if any(column.type not in KNOWN and column.type != "BFILE" for _, column, _, _ in self._columns):
            status, info = 2, UNSUPPORTED_INFO
        statement = {INSERT: self._insert, DELETE: self._delete, UPDATE: self._update}[operation](before, after, rowid, undo)
        if statement is not None:
            if (
                operation == UPDATE
                and self._known
                and any(c.type == "LONG" and before[at] != after[at] for at, c, _, _ in self._plain)
            ):
                status = 2  # without INFO: usable all the same
            yield Printed(operation, statement + (";" if self._style.semicolon else ""), status, info)
        if operation != DELETE and not undo:
            yield from self._large_values(before, after, rowid)

    # -- statements -----------------------------------------------------------------------------------------------------

    def _insert(self, before: Sequence[str | None], after: Sequence[str | None], rowid: str, undo: bool) -> str:
        names, values = [], []
        for at, column, name, literal in self._columns:
            if column.type == "BFILE" or (_kind(column) == "xml" and not undo):
                continue
            names.append(name)
            text = after[at]
            values.append("NULL" if text is None else _empty(column) if _kind(column) != "plain" else literal(text))
        return f"insert into {self._table}({','.join(names)}) values ({','.join(values)})"

    def _delete(self, before: Sequence[str | None], after: Sequence[str | None], rowid: str, undo: bool) -> str:
        if undo:  # the undo of an INSERT needs nothing but where the row is
            return f"delete from {self._table}" + self._where([], rowid)
        return f"delete from {self._table}" + self._where(self._conditions(before, None), rowid)

    def _update(self, before: Sequence[str | None], after: Sequence[str | None], rowid: str, undo: bool) -> str | None:
        changed = [item for item in self._columns if before[item[0]] != after[item[0]]]
        assigned = [
            f"{name} = "
            + ("NULL" if after[at] is None else _empty(column) if _kind(column) != "plain" else literal(after[at] or ""))
            for at, column, name, literal in changed
            if column.type != "BFILE" and not self._follows_alone(column, before[at], after[at])
        ]
        if changed and not assigned:
            return None  # nothing but what LOB and XML rows say
        if not assigned:
            at, _, name, literal = self._plain[0]
            text = after[at]
            assigned = [f"{name} = {'NULL' if text is None else literal(text)}"]
        where = [] if undo else self._conditions(before, {column.name for _, column, _, _ in changed})
        return f"update {self._table} set {', '.join(assigned)}" + self._where(where, rowid)

    def _follows_alone(self, column: RedoColumn, old: str | None, new: str | None) -> bool:
        """Whether a changed value needs no assignment: an XML document, a LOB that was only trimmed."""
        kind = _kind(column)
        return (kind == "xml" and new is not None) or (kind == "lob" and _trimmed(old, new))

    def _conditions(self, before: Sequence[str | None], changed: set[str] | None) -> list[str]:
        """``changed``: names of the changed columns; None: a DELETE, whose redo has the whole row."""
        if changed is None:
            wanted = None
        else:
            wanted = set(self._version.always | changed)
            for group in self._version.together:
                wanted |= group if group & changed else set()
        found = []
        for at, column, name, literal in self._plain:
            if (wanted is None or column.name in wanted) and column.type not in {"LONG", "LONG RAW", "BFILE"}:
                text = before[at]
                found.append(f"{name} IS NULL" if text is None else f"{name} = {literal(text)}")
        return found

    def _where(self, conditions: list[str], rowid: str) -> str:
        if self._style.rowid:
            conditions = [*conditions, f"ROWID = '{rowid}'"]
        return f" where {' and '.join(conditions)}" if conditions else ""

    # -- what follows ---------------------------------------------------------------------------------------------------

    def _large_values(self, before: Sequence[str | None], after: Sequence[str | None], rowid: str) -> Iterator[Printed]:
        for at, column, name, _ in self._columns:
            kind, text = _kind(column), after[at]
            if kind == "plain" or text is None or (before and before[at] == text):
                continue
            where = " and ".join(self._conditions_of(after)) or f"ROWID = '{rowid}'"
            if kind == "xml":
                yield from self._xml(name, str(column.decode(text)), where)
            elif kind == "string":
                yield from self._long_string(name, column, text, where)
            else:
                old = before[at] if before else None
                yield from self._lob(name, column, old, text, where)

    def _conditions_of(self, fields: Sequence[str | None]) -> list[str]:
        """How the row is found again, as it now is: its key where it has one, else what it carries always."""
        names = set(self._version.table.key) or self._version.always
        return [
            f"{name} IS NULL" if fields[at] is None else f"{name} = {literal(fields[at] or '')}"
            for at, column, name, literal in self._plain
            if column.name in names and column.type not in {"LONG", "LONG RAW", "BFILE"}
        ]

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
    """How a value gets into the redo: ``plain`` in the statement, else in rows of its own: ``lob``, ``xml``, ``string``."""
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
