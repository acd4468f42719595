"""The primary keys that the database enforces now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import oracledb

from voyager_ops.model.tables import Table

_KEYS: Final = (
    "SELECT C.TABLE_NAME, C.CONSTRAINT_NAME, K.COLUMN_NAME FROM ALL_CONSTRAINTS C"
    " JOIN ALL_CONS_COLUMNS K ON K.OWNER = C.OWNER AND K.CONSTRAINT_NAME = C.CONSTRAINT_NAME"
    " WHERE C.OWNER = :owner AND C.CONSTRAINT_TYPE = 'P' AND C.STATUS = 'ENABLED' ORDER BY C.TABLE_NAME, K.POSITION"
)


@dataclass(frozen=True)
class Key:
    """``constraint`` and ``columns``: native names, the columns in the key's order."""

    constraint: str
    columns: tuple[str, ...]


def read_keys(connection: oracledb.Connection, owners: Iterable[str]) -> dict[tuple[str, str], Key]:
    """By (owner, table) of ``owners``, native names. Raises oracledb.Error."""
    found: dict[tuple[str, str], Key] = {}
    with connection.cursor() as cursor:
        for owner in sorted(set(owners)):
            for table, constraint, column in cursor.execute(_KEYS, owner=owner).fetchall():
                before = found.get((owner, str(table)))
                columns = before.columns if before is not None else ()
                found[owner, str(table)] = Key(str(constraint), (*columns, str(column)))
    return found


def key_difference(table: Table, now: Key | None) -> str:
    """How the key differs from the one by which the table's rows are known since capture began; '' when it does not, or when
    there was none: a key that is added harms nobody."""
    before = tuple(table.column(name).native_name for name in table.key)
    after = now.columns if now is not None else ()
    if not before or before == after:
        return ""
    is_now = f"({', '.join(after)})" if after else "dropped or disabled"
    return f"its primary key was ({', '.join(before)}), is {is_now}"
