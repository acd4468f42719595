"""What triggers do not see: TRUNCATE and other DDL, and a trigger that was off for a while. Told by the dictionary.

Looked at after a batch's moment and before it is given, so nothing from a change of structure on is published.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import oracledb

from voyager_ops.databases.oracle.triggers.statements import ChangeTable

YOUNG_SECONDS: Final = 3.0
"""LAST_DDL_TIME is in whole seconds: what changed so lately may change once more without its moving."""
AT_ONCE: Final = 200
Segments = dict[str, dict[str, Any]]
"""By the captured table's name "OWNER.NAME": ``segments`` {part or '': [OBJECT_ID, DATA_OBJECT_ID]}, ``ddl`` LAST_DDL_TIME,
``young``, and ``trigger`` [LAST_DDL_TIME, STATUS] of ours on it, None when it is not there."""


class Changed(Exception):
    """A table is no longer as it was; the message says how."""

    def __init__(self, table: ChangeTable, how: str) -> None:
        self.table = table
        self.how = how
        super().__init__(how)


def read(connection: oracledb.Connection, tables: Sequence[ChangeTable]) -> Segments:
    """How the tables' segments and our triggers are now."""
    found: Segments = {
        str(table.frames.table.native_name): {"segments": {}, "ddl": "", "young": False, "trigger": None} for table in tables
    }
    by_owner: dict[str, list[str]] = {}
    for table in tables:
        owner, name = table.frames.table.native_name
        by_owner.setdefault(owner, []).append(name)
    select = (
        "SELECT OBJECT_NAME, SUBOBJECT_NAME, OBJECT_ID, DATA_OBJECT_ID, TO_CHAR(LAST_DDL_TIME, 'YYYY-MM-DD HH24:MI:SS'),"
        " (SYSDATE - LAST_DDL_TIME) * 86400, OBJECT_TYPE FROM ALL_OBJECTS WHERE OWNER = :1"
        " AND OBJECT_TYPE IN ('TABLE', 'TABLE PARTITION', 'TABLE SUBPARTITION') AND OBJECT_NAME IN"
    )
    for owner, names in by_owner.items():
        for row in _some(connection, select, owner, names):
            one = found[f"{owner}.{row[0]}"]
            if row[3] is not None:
                one["segments"][str(row[1] or "")] = [int(row[2]), int(row[3])]
            if row[6] == "TABLE":
                one["ddl"] = str(row[4])
                one["young"] = float(row[5]) < YOUNG_SECONDS
    by_trigger = {table.trigger: found[str(table.frames.table.native_name)] for table in tables}
    select = (
        "SELECT O.OBJECT_NAME, TO_CHAR(O.LAST_DDL_TIME, 'YYYY-MM-DD HH24:MI:SS'), T.STATUS FROM ALL_OBJECTS O"
        " JOIN ALL_TRIGGERS T ON T.OWNER = O.OWNER AND T.TRIGGER_NAME = O.OBJECT_NAME"
        " WHERE O.OWNER = :1 AND O.OBJECT_TYPE = 'TRIGGER' AND O.OBJECT_NAME IN"
    )
    if tables:
        for row in _some(connection, select, tables[0].owner, list(by_trigger)):
            by_trigger[str(row[0])]["trigger"] = [str(row[1]), str(row[2])]
    return found


def _some(connection: oracledb.Connection, select: str, owner: str, names: Sequence[str]) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    with connection.cursor() as cursor:
        for start in range(0, len(names), AT_ONCE):
            part = names[start : start + AT_ONCE]
            binds = ", ".join(f":{number}" for number in range(2, len(part) + 2))
            rows += cursor.execute(f"{select} ({binds})", [owner, *part]).fetchall()
    return rows


class Structure:
    """``known``: what :func:`read` gave when the lane was prepared. ``columns``: of each table then, [number, name]."""

    def __init__(self, tables: Sequence[ChangeTable], known: Segments, columns: dict[str, list[list[Any]]]) -> None:
        self._tables = tables
        self._known = known
        self._columns = columns
        self._seen: dict[str, str] = {}
        """LAST_DDL_TIME at which the columns were last found as they were."""

    def check(self, connection: oracledb.Connection) -> None:
        """Raises Changed, oracledb.Error."""
        now = read(connection, self._tables)
        for table in self._tables:
            name = str(table.frames.table.native_name)
            before, after = self._known[name], now[name]
            if after["trigger"] is None:
                raise Changed(table, "our trigger on it is gone")
            if after["trigger"][1] != "ENABLED":
                raise Changed(table, "our trigger on it is disabled")
            if after["trigger"][0] != before["trigger"][0]:
                raise Changed(table, "our trigger on it was disabled for a while, or compiled anew")
            for part, ids in before["segments"].items():
                if after["segments"].get(part) != ids:
                    where = f"its partition {part}" if part else "it"
                    raise Changed(table, f"{where} was truncated, moved, exchanged or dropped")
            if after["young"] or self._seen.get(name) != after["ddl"]:
                self._check_columns(connection, table, name)
                self._seen[name] = after["ddl"]

    def _check_columns(self, connection: oracledb.Connection, table: ChangeTable, name: str) -> None:
        if name not in self._columns:
            return  # our own
        with connection.cursor() as cursor:
            rows = cursor.execute(
                "SELECT COLUMN_NAME, SEGMENT_COLUMN_ID FROM ALL_TAB_COLS WHERE OWNER = :owner AND TABLE_NAME = :name"
                " ORDER BY INTERNAL_COLUMN_ID",
                owner=table.frames.table.native_name.schema,
                name=table.frames.table.native_name.name,
            ).fetchall()
        if [[int(number or 0), str(column)] for column, number in rows] != [list(each) for each in self._columns[name]]:
            raise Changed(table, "its columns changed")
