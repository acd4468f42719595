"""The captured tables as redo rows name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from voyager_ops.databases.oracle.frames import TableFrames
from voyager_ops.databases.oracle.logminer import ddl
from voyager_ops.databases.oracle.logminer.rows import LogRow


class CapturedTables:
    """Which table a redo row is of: by name, or by object number where LogMiner does not know the name."""

    def __init__(self, frames: Sequence[TableFrames], objects: Mapping[int, tuple[str, str]]) -> None:
        self.frames = list(frames)
        self._by_name = {tuple(each.table.native_name): number for number, each in enumerate(self.frames)}
        self._by_object = {each.oid: number for number, each in enumerate(self.frames)}
        for number, name in objects.items():
            if name in self._by_name:
                self._by_object.setdefault(number, self._by_name[name])

    @property
    def names(self) -> list[tuple[str, str]]:
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

    def of_ddl(self, row: LogRow) -> int | None:
        """As :meth:`find`, of a DDL row: by its text too, and by the object number whatever the name beside it."""
        number = self.find(row)
        if number is None and row.object:
            number = self._by_object.get(row.object)
        if number is None:
            named = (self._by_name.get(name) for name in ddl.also_named(row.sql, row.owner))
            number = next((each for each in named if each is not None), None)
        return number
