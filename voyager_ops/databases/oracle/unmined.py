"""Columns for whose sake LogMiner does not write out the changes of their table: also where the migration leaves the column out.

Oracle's documentation (Utilities, LogMiner, unsupported data types) says of BFILE, of collections and of objects with such in
them that the whole table is ignored; users of other tools report rows of operation UNSUPPORTED, without any of the values. What
is written for other objects (STATUS 2) is no statement to rely on. Names of more than 30 bytes, the table's or
any column's, have it ignored too (before 23ai).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

import oracledb

from voyager_ops.databases.oracle.types import OracleType, why_not_streamable
from voyager_ops.model.tables import Table

LOGMINER_NAME: Final = 30
"""Bytes: of tables and columns with longer names LogMiner writes no changes (before :data:`LONG_NAMES_SINCE`)."""
LONG_NAMES_SINCE: Final = 23
Name = tuple[str, str]
"""(owner, table), as Oracle spells them."""

# The columns that Oracle makes for an object's attributes are its own: the object is named.
_COLUMNS: Final = (
    "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, DATA_TYPE_OWNER, DATA_TYPE_MOD FROM ALL_TAB_COLS WHERE OWNER = :owner"
    " AND VIRTUAL_COLUMN = 'NO' AND COLUMN_NAME NOT LIKE 'SYS\\_NC%' ESCAPE '\\'"
    " AND (DATA_TYPE_OWNER IS NOT NULL OR DATA_TYPE = 'BFILE') ORDER BY TABLE_NAME, COLUMN_NAME"
)

_LONG: Final = (
    "SELECT TABLE_NAME, COLUMN_NAME FROM ALL_TAB_COLS WHERE OWNER = :owner AND LENGTHB(COLUMN_NAME) > :most"
    " AND (HIDDEN_COLUMN = 'NO' OR VIRTUAL_COLUMN = 'NO') ORDER BY TABLE_NAME, COLUMN_NAME"
)


def unmined(connection: oracledb.Connection, owners: Iterable[str]) -> dict[Name, tuple[str, ...]]:
    """Such columns by table."""
    found: dict[Name, list[str]] = defaultdict(list)
    with connection.cursor() as cursor:
        for owner in sorted(set(owners)):
            for table, column, data_type, type_owner, modifier in cursor.execute(_COLUMNS, owner=owner).fetchall():
                name = f"REF {data_type}" if modifier == "REF" else str(data_type)
                if why_not_streamable(OracleType.from_dictionary(name, owner=type_owner), mined=True):
                    found[owner, str(table)].append(str(column))
    return {table: tuple(columns) for table, columns in found.items()}


def long_named(connection: oracledb.Connection, owners: Iterable[str]) -> dict[Name, tuple[str, ...]]:
    """By table the columns with names that are too long for LogMiner. Oracle's own (of indexes, of statistics) do not count."""
    found: dict[Name, list[str]] = defaultdict(list)
    with connection.cursor() as cursor:
        for owner in sorted(set(owners)):
            for table, column in cursor.execute(_LONG, owner=owner, most=LOGMINER_NAME).fetchall():
                found[owner, str(table)].append(str(column))
    return {table: tuple(columns) for table, columns in found.items()}


def too_long(tables: Iterable[Table], columns: Mapping[Name, tuple[str, ...]]) -> list[tuple[Table, str]]:
    """What is too long for LogMiner: a table ('') or a column of it. ``columns``: of :func:`long_named`; those that are left out
    count too, for they are there, and their table is ignored."""
    found: list[tuple[Table, str]] = []
    for table in tables:
        if any(len(part.encode()) > LOGMINER_NAME for part in table.native_name):
            found.append((table, ""))
        migrated = (column.native_name for column in table.columns)
        found += [(table, name) for name in migrated if len(name.encode()) > LOGMINER_NAME]
        found += [(table, name) for name in left_out(table, columns)]
    return found


def left_out(table: Table, found: Mapping[Name, tuple[str, ...]]) -> tuple[str, ...]:
    """Those of a table that the migration leaves out; the others are columns of the table, which are looked at themselves."""
    known = {column.native_name for column in table.columns}
    columns = found.get((table.native_name.schema, table.native_name.name), ())
    return tuple(column for column in columns if column not in known)
