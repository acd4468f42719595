"""The tables that redo is written for: every version of each that redo in the store may have been written by."""

from __future__ import annotations

from collections.abc import Iterable

from voyager_ops.testing.oracle.recorder import ColumnRole, RedoTable
from voyager_ops.testing.oracle.redo_text import TableVersion, table_version


class RedoTables:
    """Versions by index, and which is the current one. Callers hold the redo log's lock to change anything."""

    def __init__(self) -> None:
        self.versions: list[TableVersion] = []
        self._current: dict[int, int] = {}
        self._ids: dict[tuple[str, str], int] = {}
        self._changed: dict[tuple[str, str], int] = {}

    def set(self, table: RedoTable, database: frozenset[str]) -> None:
        """``table`` is as given from now on; ``database``: supplemental logging of the whole database."""
        previous = self._current.get(table.object_id)
        number = generation = 1
        if previous is not None:
            old = self.versions[previous]
            same = _shape(old.table) == _shape(table)
            number, generation = (old.number, old.generation) if same else (old.number + 1, old.generation + 1)
            self._ids.pop((old.table.owner, old.table.name), None)
        self.versions.append(table_version(table, number, generation, database))
        self._current[table.object_id] = len(self.versions) - 1
        self._ids[table.owner, table.name] = table.object_id

    def drop(self, owner: str, name: str) -> None:
        """The table is gone; its redo comes back as OBJ# n from now on."""
        object_id = self._ids.pop((owner, name), None)
        if object_id is not None:
            del self._current[object_id]

    def set_database_logging(self, database: frozenset[str]) -> None:
        """Supplemental logging of the whole database changed."""
        for object_id, index in list(self._current.items()):
            old = self.versions[index]
            self.versions.append(table_version(old.table, old.number, old.generation, database))
            self._current[object_id] = len(self.versions) - 1

    def current(self, object_id: int) -> tuple[int, TableVersion]:
        """Index and version of the table as it is. KeyError when it was never registered."""
        index = self._current[object_id]
        return index, self.versions[index]

    def now(self, object_id: int) -> TableVersion | None:
        """The table as it is, None when it was dropped."""
        index = self._current.get(object_id)
        return None if index is None else self.versions[index]

    def object_id(self, owner: str, name: str) -> int:
        """The OBJECT_ID of a table, 0 when there is none."""
        return self._ids.get((owner, name), 0)

    def mark_changed(self, tables: Iterable[tuple[str, str]], scn: int) -> None:
        """A DDL on these tables was committed at ``scn``."""
        for table in tables:
            self._changed[table] = scn

    def changed_at(self, owner: str, name: str) -> int:
        """The SCN of the last DDL on a table, 0 when there was none."""
        return self._changed.get((owner, name), 0)


def _shape(table: RedoTable) -> tuple[tuple[str, str, int, int | None, int | None], ...]:
    """What a LogMiner dictionary has to know of a table's columns."""
    return tuple(
        (column.name, column.type, column.length, column.precision, column.scale)
        for column in table.columns
        if column.role is ColumnRole.LOGGED
    )
