"""What triggers do not see: TRUNCATE and other DDL, and a trigger that was off for a while. Told by the dictionary.

Looked at after a batch's moment and before it is given, so nothing of a table from a change of its structure on is published.
TRUNCATE gives a segment that has held rows another DATA_OBJECT_ID (one that has not is as it was), and so do MOVE and EXCHANGE;
an index-organized table's segment is its index. A partition that is made later has its own: it is known from when it is first
seen, and one whose DATA_OBJECT_ID is no longer its OBJECT_ID then was emptied before. Who may read a table is shown neither its
partitions nor its index in ALL_OBJECTS: those are looked up in the DBA_ views.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import oracledb

from voyager_ops.databases.oracle.dictionary import sees_everything
from voyager_ops.databases.oracle.keys import key_difference, read_keys
from voyager_ops.databases.oracle.overrides import Overrides
from voyager_ops.databases.oracle.prepared import changed_shapes
from voyager_ops.databases.oracle.triggers.statements import ChangeTable

YOUNG_SECONDS: Final = 3.0
"""LAST_DDL_TIME is in whole seconds: what changed so lately may change once more without its moving."""
AT_ONCE: Final = 200
Segments = dict[str, dict[str, Any]]
"""By the captured table's name "OWNER.NAME": ``object`` OBJECT_ID (None: not to be seen), ``segments`` {part or '': [OBJECT_ID,
DATA_OBJECT_ID]}, ``ddl`` LAST_DDL_TIME, ``young``, and ``trigger`` [LAST_DDL_TIME, STATUS] of ours on it, None when it is not
there."""

_OBJECTS: Final = (
    "SELECT OBJECT_NAME, SUBOBJECT_NAME, OBJECT_ID, DATA_OBJECT_ID, TO_CHAR(LAST_DDL_TIME, 'YYYY-MM-DD HH24:MI:SS'),"
    " (SYSDATE - LAST_DDL_TIME) * 86400 FROM ALL_OBJECTS WHERE OWNER = :1 AND OBJECT_TYPE = 'TABLE' AND OBJECT_NAME IN"
)
_PARTITIONS: Final = (
    "SELECT OBJECT_NAME, SUBOBJECT_NAME, OBJECT_ID, DATA_OBJECT_ID FROM {views}_OBJECTS WHERE OWNER = :1"
    " AND OBJECT_TYPE IN ('TABLE PARTITION', 'TABLE SUBPARTITION') AND OBJECT_NAME IN"
)
_INDEX_ORGANIZED: Final = (
    "SELECT I.TABLE_NAME, O.SUBOBJECT_NAME, O.OBJECT_ID, O.DATA_OBJECT_ID FROM ALL_INDEXES I"
    " JOIN {views}_OBJECTS O ON O.OWNER = I.OWNER AND O.OBJECT_NAME = I.INDEX_NAME"
    " AND O.OBJECT_TYPE IN ('INDEX', 'INDEX PARTITION')"
    " WHERE I.INDEX_TYPE = 'IOT - TOP' AND I.TABLE_OWNER = :1 AND I.TABLE_NAME IN"
)
_TRIGGERS: Final = (
    "SELECT O.OBJECT_NAME, TO_CHAR(O.LAST_DDL_TIME, 'YYYY-MM-DD HH24:MI:SS'), T.STATUS FROM ALL_OBJECTS O"
    " LEFT JOIN ALL_TRIGGERS T ON T.OWNER = O.OWNER AND T.TRIGGER_NAME = O.OBJECT_NAME"
    " WHERE O.OWNER = :1 AND O.OBJECT_TYPE = 'TRIGGER' AND O.OBJECT_NAME IN"
)
"""Ours is in ALL_OBJECTS in any case; its status may be hidden with its table."""
_COLUMNS: Final = (
    "SELECT TABLE_NAME, COLUMN_NAME, SEGMENT_COLUMN_ID, INTERNAL_COLUMN_ID FROM ALL_TAB_COLS WHERE OWNER = :1 AND TABLE_NAME IN"
)
_ANYWHERE: Final = "SELECT OWNER, OBJECT_NAME FROM DBA_OBJECTS WHERE OBJECT_ID = :1"

_ANEW: Final = "our trigger on it was disabled for a while, or compiled anew"


@dataclass(frozen=True)
class Changed:
    """A table is no longer as it was; ``how``, in words."""

    table: ChangeTable
    how: str


class Unseen(Exception):
    """A table, or what its rows are in, is there and we may not see it; the message says which."""


def read(connection: oracledb.Connection, tables: Sequence[ChangeTable]) -> Segments:
    """How the tables' segments and our triggers are now. Raises oracledb.Error."""
    found: Segments = {
        str(table.frames.table.native_name): {"object": None, "segments": {}, "ddl": "", "young": False, "trigger": None}
        for table in tables
    }
    by_owner: dict[str, list[str]] = {}
    for table in tables:
        owner, name = table.frames.table.native_name
        by_owner.setdefault(owner, []).append(name)
    views = ""
    for owner, names in by_owner.items():
        for row in _some(connection, _OBJECTS, owner, names):
            one = found[f"{owner}.{row[0]}"]
            if row[3] is not None:
                one["segments"][str(row[1] or "")] = [int(row[2]), int(row[3])]
            one["object"] = int(row[2])
            one["ddl"] = str(row[4])
            one["young"] = float(row[5]) < YOUNG_SECONDS
        if bare := [name for name in names if not found[f"{owner}.{name}"]["segments"]]:
            views = views or ("DBA" if sees_everything(connection) else "ALL")
            for select in (_PARTITIONS, _INDEX_ORGANIZED):
                for row in _some(connection, select.format(views=views), owner, bare):
                    if row[3] is not None:
                        found[f"{owner}.{row[0]}"]["segments"][str(row[1] or "")] = [int(row[2]), int(row[3])]
    by_trigger = {table.trigger: found[str(table.frames.table.native_name)] for table in tables}
    if tables:
        for row in _some(connection, _TRIGGERS, tables[0].owner, list(by_trigger)):
            by_trigger[str(row[0])]["trigger"] = [str(row[1]), str(row[2])]
    return found


def _some(connection: oracledb.Connection, select: str, owner: str, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        for start in range(0, len(names), AT_ONCE):
            part = names[start : start + AT_ONCE]
            binds = ", ".join(f":{number}" for number in range(2, len(part) + 2))
            yield from cursor.execute(f"{select} ({binds})", [owner, *part]).fetchall()


class Structure:
    """``known``: what :func:`read` gave when the lane was prepared. ``columns``: of each table then, [number, name]. ``later``:
    segments of partitions that were made since, as ``known`` has them, by the table's name."""

    def __init__(
        self,
        tables: Sequence[ChangeTable],
        known: Segments,
        columns: dict[str, list[list[Any]]],
        later: dict[str, dict[str, list[int]]],
        overrides: Overrides,
    ) -> None:
        self._tables = tables
        self._known = known
        self._columns = columns
        self._seen: dict[str, str] = {}
        """LAST_DDL_TIME at which columns and key were last found as they were."""
        self.later = later
        self._overrides = overrides

    def check(self, connection: oracledb.Connection, stopped: Collection[str]) -> tuple[list[Changed], bool]:
        """What is no longer as it was, of tables whose (table of changes') name is not among ``stopped``; and whether
        :attr:`later` grew. Raises oracledb.Error, Unseen."""
        tables = [table for table in self._tables if table.name not in stopped]
        now = read(connection, tables)
        found: list[Changed] = []
        anew: list[ChangeTable] = []
        close: list[ChangeTable] = []
        for table in tables:
            name = str(table.frames.table.native_name)
            if how := self._difference(connection, table, now[name]):
                found.append(Changed(table, how))
                continue
            if now[name]["trigger"][0] != self._known[name]["trigger"][0]:
                anew.append(table)
            if name in self._columns and (table in anew or now[name]["young"] or self._seen.get(name) != now[name]["ddl"]):
                close.append(table)
        found += self._look_closely(connection, close)
        # DDL on the table may be why its trigger was compiled anew: that says more.
        said = {each.table.name for each in found}
        found += [Changed(table, _ANEW) for table in anew if table.name not in said]
        other = {each.table.name for each in found}
        grew = False
        for table in tables:
            if table.name in other:
                continue
            name = str(table.frames.table.native_name)
            self._seen[name] = now[name]["ddl"]
            known = self._segments(name)
            new = {part: ids for part, ids in now[name]["segments"].items() if part not in known}
            if new:
                self.later[name] = {**self.later.get(name, {}), **new}
                grew = True
        return found, grew

    def _segments(self, name: str) -> dict[str, list[int]]:
        return {**self._known[name]["segments"], **self.later.get(name, {})}

    def _difference(self, connection: oracledb.Connection, table: ChangeTable, now: dict[str, Any]) -> str:
        name = str(table.frames.table.native_name)
        known = self._segments(name)
        if now["object"] is not None and known and not now["segments"]:
            now = read(connection, [table])[name]  # dropped between two looks, it may be
            if now["object"] is not None and not now["segments"]:
                raise Unseen(f"the partitions, or the index, of {name}")
        if now["object"] is None:
            return _whereabouts(connection, table, name, watched=now["trigger"] is not None)
        if now["object"] != table.frames.oid:
            return "it is another table of that name now"
        if now["trigger"] is None:
            return "our trigger on it is gone"
        if now["trigger"][1] != "ENABLED":
            return "our trigger on it is disabled"
        for part, ids in known.items():
            if now["segments"].get(part) != ids:
                return f"{_place(part)} was truncated, moved, exchanged or dropped"
        for part, (number, data) in now["segments"].items():
            if part not in known and number != data:
                return f"{_place(part)} was truncated, moved or exchanged since it was made"
        return ""

    def _look_closely(self, connection: oracledb.Connection, tables: Sequence[ChangeTable]) -> list[Changed]:
        """At columns, types and keys, which takes longer."""
        if not tables:
            return []
        owners = sorted({table.frames.table.native_name.schema for table in tables})
        columns: dict[str, list[list[Any]]] = {}
        for owner in owners:
            names = [table.frames.table.native_name.name for table in tables if table.frames.table.native_name.schema == owner]
            for name, column, number, _ in sorted(_some(connection, _COLUMNS, owner, names), key=lambda row: (row[0], row[3])):
                columns.setdefault(f"{owner}.{name}", []).append([int(number or 0), str(column)])
        keys = read_keys(connection, owners)
        reshaped = set(changed_shapes(connection, [table.frames.table for table in tables], self._overrides))
        found: list[Changed] = []
        for table in tables:
            native = table.frames.table.native_name
            how = key_difference(table.frames.table, keys.get((native.schema, native.name)))
            if columns.get(str(native)) != [list(each) for each in self._columns[str(native)]]:
                how = "its columns changed"
            elif not how and table.frames.table.name in reshaped:
                how = "the types of its columns changed"
            if how:
                found.append(Changed(table, how))
        return found


def _place(part: str) -> str:
    return f"its partition {part}" if part else "it"


def _whereabouts(connection: oracledb.Connection, table: ChangeTable, name: str, *, watched: bool) -> str:
    """Of a table that is not to be seen by its name; ``watched``: our trigger on it is there. Raises Unseen."""
    if not sees_everything(connection):
        if watched:
            raise Unseen(name)
        return "it was dropped"  # with its triggers
    with connection.cursor() as cursor:
        row = cursor.execute(_ANYWHERE, [table.frames.oid]).fetchone()
    if row is None or str(row[1]).startswith("BIN$"):
        return "it was dropped"
    if f"{row[0]}.{row[1]}" == name:
        raise Unseen(name)
    return f"it was renamed to {row[0]}.{row[1]}"
