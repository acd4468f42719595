"""The captured tables as redo rows name them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from voyager_ops.databases.oracle.frames import TableFrames
from voyager_ops.databases.oracle.logminer import ddl
from voyager_ops.databases.oracle.logminer.rows import LogRow

Name = tuple[str, str]
"""(owner, name), as Oracle spells them."""


class CapturedTables:
    """Which table a redo row is of: by name, or by object number where LogMiner does not know the name.

    ``frames``: of all that are captured, our marker table among them. ``objects``: further object numbers (partitions) to native
    names. By "owner.name" of a table: ``keys``, the constraint of its primary key, and ``clusters``, the cluster that it lies in.
    """

    def __init__(
        self,
        frames: Sequence[TableFrames],
        objects: Mapping[int, Name] = MappingProxyType({}),
        keys: Mapping[str, str] = MappingProxyType({}),
        clusters: Mapping[str, Name] = MappingProxyType({}),
    ) -> None:
        self.frames = list(frames)
        self._by_name = {name: number for number, name in enumerate(self.names)}
        self._by_object = {each.oid: number for number, each in enumerate(self.frames)}
        for object_number, name in objects.items():
            if name in self._by_name:
                self._by_object.setdefault(object_number, self._by_name[name])
        natives = [str(each.table.native_name) for each in self.frames]
        self._keys = [keys.get(name, "") for name in natives]
        self._clusters = [clusters.get(name) for name in natives]

    @property
    def names(self) -> list[Name]:
        return [(each.table.native_name.schema, each.table.native_name.name) for each in self.frames]

    def find(self, row: LogRow) -> int | None:
        """The table's number; None for one that is not ours."""
        number = self._by_name.get((row.owner, row.table))
        if number is not None:
            return number
        if row.table.startswith("OBJ# "):
            digits = row.table[5:].strip()
            if digits.isdigit() and (number := self._by_object.get(int(digits))) is not None:
                return number
        elif not (row.table.startswith("BIN$") or row.owner in ("", "UNKNOWN")):
            return None
        return self._by_object.get(row.object)

    def key_constraint(self, number: int) -> str:
        """Name of the constraint by which the table has its key; '' without one, or where it was not recorded."""
        return self._keys[number]

    def of_ddl(self, row: LogRow) -> list[int]:
        """All tables that a DDL row is of: as :meth:`find`, by its text too, and by the object number whatever the name beside
        it."""
        found = {self.find(row), self._by_object.get(row.object) if row.object else None}
        found |= {self._by_name.get(name) for name in ddl.also_named(row.sql, row.owner)}
        if user := ddl.dropped_user(row.sql):
            found |= {number for number, (owner, _) in enumerate(self.names) if owner == user}
        if (cluster := ddl.emptied_cluster(row.sql)) is not None:
            owner = cluster[0] or row.owner
            lying = [(number, of) for number, of in enumerate(self._clusters) if of is not None and of[1] == cluster[1]]
            found |= {number for number, of in lying if owner in ("", of[0])}
        return sorted(number for number in found if number is not None)

    def all_gone(self, numbers: Collection[int]) -> bool:
        """Whether without these tables nothing is left to capture: all of the users', or our own."""
        return all(number in numbers for number, each in enumerate(self.frames) if each.source is not None) or any(
            self.frames[number].source is None for number in numbers
        )
