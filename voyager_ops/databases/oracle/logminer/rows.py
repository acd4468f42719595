"""Rows of V$LOGMNR_CONTENTS, put together where one was cut into several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

INTERNAL = 0
INSERT, DELETE, UPDATE, DDL, START, COMMIT, LOB_LOCATOR, MARKER, MISSING_SCN, ROLLBACK = 1, 2, 3, 5, 6, 7, 9, 27, 34, 36
XML_BEGIN, LONG_STRING_BEGIN, UNSUPPORTED = 68, 91, 255
CHANGES: Final = frozenset((INSERT, DELETE, UPDATE))
LOCATORS: Final = frozenset((LOB_LOCATOR, XML_BEGIN, LONG_STRING_BEGIN))
"""Operations which name the row and the column whose large value is written next. What is written (LOB_WRITE 10, LOB_TRIM 11,
LOB_ERASE 29, XML 70 and 71, 32K strings 92 and 93) is not asked for: the value is read from the table."""

# INTERNAL rows end a change of large values where no statement does; they are asked for of tables that have such values.
OPERATIONS: Final = (INSERT, DELETE, UPDATE, UNSUPPORTED, LOB_LOCATOR, XML_BEGIN, LONG_STRING_BEGIN)
"""Those of a table; the others belong to transactions."""
COLUMNS: Final = (
    "SCN, SQL_REDO, OPERATION_CODE, TIMESTAMP, XID, CSF, TABLE_NAME, SEG_OWNER, ROW_ID, ROLLBACK, STATUS, INFO, SSN, THREAD#,"
    " DATA_OBJ#, RS_ID"
)


class LogRow(NamedTuple):
    """``xid``: 16 hex digits, upper case. ``timestamp``: the driver's naive datetime, in the database host's zone.
    ``undo``: the row takes back one before it (ROLLBACK = 1)."""

    scn: int
    sql: str
    operation: int
    timestamp: Any
    xid: str
    table: str
    owner: str
    row_id: str
    undo: bool
    status: int
    info: str
    thread: int
    object: int
    rs_id: str

    def shown(self) -> str:
        """For messages: what a person can look up in V$LOGMNR_CONTENTS. The statement is cut, for it may be megabytes."""
        sql = self.sql if len(self.sql) <= 500 else f"{self.sql[:500]}… ({len(self.sql)} characters)"
        return (
            f"SCN {self.scn}, transaction {self.xid}, operation {self.operation}, {self.owner or '?'}.{self.table or '?'} (object"
            f" {self.object}), ROW_ID {self.row_id or '-'}, STATUS {self.status}, INFO {self.info or '-'}, SQL_REDO {sql or '-'}"
        )


class RowsCut(ValueError):
    """A row whose SQL goes on (CSF = 1) is not followed by the rest of it."""


def assemble(fetched: Iterable[tuple[Any, ...]]) -> Iterator[LogRow]:
    """Tuples in the order of :data:`COLUMNS` to rows: the SQL of a row with CSF = 1 goes on in the next. Raises RowsCut."""
    pieces: list[str] = []
    first: tuple[Any, ...] | None = None
    for item in fetched:
        if first is not None:
            if (item[4], item[2]) != (first[4], first[2]):
                raise RowsCut(f"the row at SCN {first[0]} of transaction {_hex(first[4])} is followed by another's")
            pieces.append(item[1] or "")
            if item[5]:
                continue
            yield _row(first, "".join(pieces))
            first = None
            pieces = []
        elif item[5]:
            first = item
            pieces.append(item[1] or "")
        else:
            yield _row(item, item[1] or "")
    if first is not None:
        raise RowsCut(f"the row at SCN {first[0]} of transaction {_hex(first[4])} is not whole")


def _hex(xid: Any) -> str:
    if isinstance(xid, (bytes, bytearray)):
        return xid.hex().upper()
    return str(xid or "").upper()


def _row(item: tuple[Any, ...], sql: str) -> LogRow:
    return LogRow(
        int(item[0] or 0),
        sql,
        int(item[2]),
        item[3],
        _hex(item[4]),
        item[6] or "",
        item[7] or "",
        item[8] or "",
        bool(item[9]),
        int(item[10] or 0),
        item[11] or "",
        int(item[13] or 0),
        int(item[14] or 0),
        str(item[15] or ""),
    )
