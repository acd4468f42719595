"""From physical tables to the tables of the migration: a partition's changes belong to its root."""

from __future__ import annotations

from collections.abc import Iterable

from voyager_ops.model.changes import Relation
from voyager_ops.model.positions import Lane
from voyager_ops.model.tables import QName, Table
from voyager_ops.state.store import State


class RootMap:
    """Leaves of the frozen tables, and partitions made since (recorded in state before anything of them is published).

    ``tables``: :attr:`LaneContext.tables`, named as on the capture side. Reading side: an unknown leaf makes it look into state
    again, so one map serves for the life of a reader.
    """

    def __init__(self, state: State, lane: Lane, tables: Iterable[Table]) -> None:
        self._state = state
        self._key = f"roots/{lane}"
        self._tables = {table.oid: table for table in tables}
        self._by_oid: dict[int, Table] = {}
        self._by_name: dict[QName, Table] = {}
        self.names: dict[int, QName] = {}
        """Name of every known leaf by its OID."""
        for table in self._tables.values():
            for leaf in table.leaves:
                self._know(leaf.oid, leaf.name, table)
        self.refresh()

    def _know(self, oid: int, name: QName, table: Table) -> None:
        self._by_oid[oid] = table
        self._by_name[name] = table
        self.names[oid] = name

    def refresh(self) -> None:
        """Take in partitions recorded since."""
        for oid, schema, name, root in self._state.get(self._key) or []:
            if oid not in self._by_oid and root in self._tables:
                self._know(oid, QName(schema, name), self._tables[root])

    def root(self, relation: Relation) -> Table | None:
        """The migrated table a change belongs to; None for tables of our own (markers)."""
        found = self._by_oid.get(relation.oid)
        if found is None and relation.name.schema != "voyager_ops":
            self.refresh()
            found = self._by_oid.get(relation.oid)
        return found

    def by_oid(self, oid: int) -> Table | None:
        return self._by_oid.get(oid)

    def by_name(self, name: QName) -> Table | None:
        """The table to which the leaf called ``name`` (on the capture side) belongs."""
        found = self._by_name.get(name)
        if found is None:
            self.refresh()
            found = self._by_name.get(name)
        return found

    def add(self, oid: int, name: QName, root: Table) -> None:
        """Record a partition made since the tables were frozen; at once durable, harmless when repeated or raced."""
        with self._state.begin() as connection:
            entries = [entry for entry in self._state.locked(self._key, connection) or [] if entry[0] != oid]
            entries.append([oid, name.schema, name.name, root.oid])
            self._state.put(self._key, entries, connection)
        self._know(oid, name, root)

    def leaves(self, table: Table) -> list[QName]:
        """All known physical tables of ``table``, partitions made since included."""
        return [name for oid, name in self.names.items() if self._by_oid[oid].oid == table.oid]
