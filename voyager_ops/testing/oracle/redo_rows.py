"""Rows of V$LOGMNR_CONTENTS: their columns, and the lines of COPY that put them into a session's table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, LiteralString, TypeAlias

from voyager_ops.testing.oracle.rowid import FILE, NO_ROWID, block_of

# A row: values by column name, in the order of ``COLUMNS``. str, int, bytes (RAW), None.
ContentsRow: TypeAlias = dict[str, Any]
# Oracle 19c's, in its order.
COLUMNS: Mapping[str, LiteralString] = {
    "SCN": "numeric",
    "START_SCN": "numeric",
    "COMMIT_SCN": "numeric",
    "TIMESTAMP": "timestamp(0)",
    "START_TIMESTAMP": "timestamp(0)",
    "COMMIT_TIMESTAMP": "timestamp(0)",
    "XIDUSN": "numeric",
    "XIDSLT": "numeric",
    "XIDSQN": "numeric",
    "XID": "bytea",
    "PXIDUSN": "numeric",
    "PXIDSLT": "numeric",
    "PXIDSQN": "numeric",
    "PXID": "bytea",
    "TX_NAME": "varchar(256)",
    "OPERATION": "varchar(32)",
    "OPERATION_CODE": "numeric",
    "ROLLBACK": "numeric",
    "SEG_OWNER": "varchar(386)",
    "SEG_NAME": "varchar(386)",
    "TABLE_NAME": "varchar(386)",
    "SEG_TYPE": "numeric",
    "SEG_TYPE_NAME": "varchar(386)",
    "TABLE_SPACE": "varchar(32)",
    "ROW_ID": "varchar(18)",
    "USERNAME": "varchar(384)",
    "OS_USERNAME": "varchar(4000)",
    "MACHINE_NAME": "varchar(4000)",
    "AUDIT_SESSIONID": "numeric",
    "SESSION#": "numeric",
    "SERIAL#": "numeric",
    "SESSION_INFO": "varchar(4000)",
    "THREAD#": "numeric",
    "SEQUENCE#": "numeric",
    "RBASQN": "numeric",
    "RBABLK": "numeric",
    "RBABYTE": "numeric",
    "UBAFIL": "numeric",
    "UBABLK": "numeric",
    "UBAREC": "numeric",
    "UBASQN": "numeric",
    "ABS_FILE#": "numeric",
    "REL_FILE#": "numeric",
    "DATA_BLK#": "numeric",
    "DATA_OBJ#": "numeric",
    "DATA_OBJV#": "numeric",
    "DATA_OBJD#": "numeric",
    "SQL_REDO": "varchar(4000)",
    "SQL_UNDO": "varchar(4000)",
    "RS_ID": "varchar(32)",
    "SSN": "numeric",
    "CSF": "numeric",
    "INFO": "varchar(64)",
    "STATUS": "numeric",
    "REDO_VALUE": "numeric",
    "UNDO_VALUE": "numeric",
    "SAFE_RESUME_SCN": "numeric",
    "CSCN": "numeric",
    "OBJECT_ID": "bytea",
    "EDITION_NAME": "varchar(30)",
    "CLIENT_ID": "varchar(64)",
    "SRC_CON_NAME": "varchar(30)",
    "SRC_CON_ID": "numeric",
    "SRC_CON_UID": "numeric",
    "SRC_CON_DBID": "numeric",
    "SRC_CON_GUID": "bytea",
    "CON_ID": "numeric",
}
OPERATIONS: Mapping[int, str] = {
    0: "INTERNAL",
    1: "INSERT",
    2: "DELETE",
    3: "UPDATE",
    5: "DDL",
    6: "START",
    7: "COMMIT",
    9: "SEL_LOB_LOCATOR",
    10: "LOB_WRITE",
    11: "LOB_TRIM",
    27: "REPLICATION MARKER",
    29: "LOB_ERASE",
    34: "MISSING_SCN",
    36: "ROLLBACK",
    68: "XML DOC BEGIN",
    70: "XML DOC WRITE",
    71: "XML DOC END",
    91: "32K BEGIN",
    92: "32K WRITE",
    93: "32K END",
    255: "UNSUPPORTED",
}
PIECE = 4000  # bytes of SQL_REDO per row
# fmt: off
_ZERO = (
    "ROLLBACK", "SEG_TYPE", "UBAFIL", "UBABLK", "UBAREC", "UBASQN", "ABS_FILE#", "REL_FILE#", "DATA_BLK#", "DATA_OBJ#",
    "DATA_OBJV#", "DATA_OBJD#", "SSN", "CSF", "STATUS", "SAFE_RESUME_SCN", "SRC_CON_DBID", "CON_ID",
)
# fmt: on
EMPTY_ROW: Mapping[str, Any] = {**dict.fromkeys(COLUMNS), **dict.fromkeys(_ZERO, 0), "ROW_ID": NO_ROWID}
"""A row without a table."""


def xid_columns(xid: bytes) -> ContentsRow:
    """The columns that an XID fills."""
    usn, slot, sequence = (int.from_bytes(xid[low:high], "little") for low, high in ((0, 2), (2, 4), (4, 8)))
    return {
        "XIDUSN": usn,
        "XIDSLT": slot,
        "XIDSQN": sequence,
        "XID": xid,
        "PXIDUSN": usn,
        "PXIDSLT": slot,
        "PXIDSQN": sequence,
        "PXID": xid,
    }


def place_columns(thread: int, sequence: int, ordinal: int, record: int = 0) -> ContentsRow:
    """The columns that say where in the redo a row stands. ``record``: of the records of one change."""
    block, byte = ordinal + 2, 16 + record % 0xFF00
    return {
        "THREAD#": thread,
        "RBASQN": sequence,
        "RBABLK": block,
        "RBABYTE": byte,
        "RS_ID": f" 0x{sequence:06x}.{block:08x}.{byte:04x} ",
    }


def segment_columns(owner: str, name: str, kind: str, object_id: int, data_object_id: int, version: int) -> ContentsRow:
    """The columns that name a table."""
    return {
        "SEG_OWNER": owner,
        "SEG_NAME": name,
        "TABLE_NAME": name,
        "SEG_TYPE": 2 if kind == "TABLE" else 1 if kind == "INDEX" else 0,
        "SEG_TYPE_NAME": kind,
        "TABLE_SPACE": "USERS",
        "DATA_OBJ#": object_id,
        "DATA_OBJV#": version,
        "DATA_OBJD#": data_object_id,
    }


def row_columns(rowid: str, number: int) -> ContentsRow:
    """The columns that say which row of a table it is."""
    return {"ROW_ID": rowid, "ABS_FILE#": FILE, "REL_FILE#": FILE, "DATA_BLK#": block_of(number)}


@lru_cache(maxsize=256)
def timestamp_text(moment: int) -> str:
    """Seconds since 1970 as a DATE in UTC."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S")


def pieces(statement: str) -> list[str]:
    """A statement in rows of at most 4,000 bytes, cut between characters."""
    if statement.isascii():
        return [statement[at : at + PIECE] for at in range(0, len(statement), PIECE)] or [""]
    data, found, at = statement.encode("utf-8", "surrogatepass"), [], 0
    while at < len(data):
        end = min(at + PIECE, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        found.append(data[at:end].decode("utf-8", "surrogatepass"))
        at = end
    return found or [""]


def copy_line(row: ContentsRow) -> str:
    """One line of COPY's text format."""
    values = row.values()
    if _SPECIAL.search("".join([value for value in values if type(value) is str])):
        texts = [_SPECIAL.sub(_escaped, value) if type(value) is str else value for value in values]
    else:
        texts = list(values)
    return (
        "\t".join(
            [
                "\\N" if value is None else value if type(value) is str else str(value) if type(value) is int else _hex(value)
                for value in texts
            ]
        )
        + "\n"
    )


_SPECIAL = re.compile(r"[\\\n\r\t]")
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escaped(match: re.Match[str]) -> str:
    return _ESCAPES[match.group()]


def _hex(value: Any) -> str:
    return f"\\\\x{value.hex()}"
