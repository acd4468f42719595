"""Which part a row belongs to when changes are applied over several connections, and what is remembered of that."""

from __future__ import annotations

import zlib
from collections.abc import Container, Sequence
from importlib.resources import files
from typing import Any, TypeVar

import numpy as np

from voyager_ops.changes.cells import Cells
from voyager_ops.changes.netchange import Key, NetChange
from voyager_ops.databases.postgres.apply_catalog import ApplyTable
from voyager_ops.databases.postgres.database import Connection
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.changes import Row
from voyager_ops.model.tables import QName

SPREAD_TYPES = frozenset({"int2", "int4", "int8", "uuid", "text", "varchar", "bytea", "date", "timestamp", "timestamptz"})
"""Types of which two texts are never the same key. Of others (1.0 and 1.00) two parts might meet in one row."""

R = TypeVar("R", bound=Row | Key)


def _remembered(context: LaneContext) -> str:
    return f"apply-undivided/{context.lane}"


def remember(context: LaneContext, undivided: frozenset[QName]) -> None:
    """Before anything is spread: after a crash rows must go to the parts they went to, also when an index was made meanwhile."""
    context.state.put(_remembered(context), {"tables": sorted(list(name) for name in undivided)})


def as_it_was(context: LaneContext, connection: Connection) -> frozenset[QName]:
    record = context.state.get(_remembered(context))
    return undivided(context, connection) if record is None else frozenset(QName(*name) for name in record["tables"])


def undivided(context: LaneContext, connection: Connection) -> frozenset[QName]:
    """Tables with unique values besides the key on either side, or with keys that the apply side may call equal though their
    texts are not (a collation that is not deterministic)."""
    tables = {context.to_apply(table.name): table.name for table in context.tables}
    query = files(__package__).joinpath("queries", "apply_undivided.sql").read_text(encoding="utf-8")
    rows = connection.execute(query, ([name.schema for name in tables], [name.name for name in tables])).fetchall()
    there = {tables[QName(schema, name)] for schema, name in rows}
    return frozenset(there | {table.name for table in context.tables if table.unique_indexes})


class Parting:
    """Which part a table's rows belong to: the same in every process, whatever the batch."""

    def __init__(self, parts: int, undivided: Container[QName]) -> None:
        """``undivided``: tables (by their names on the capture side) whose rows are bound to each other by more than the key."""
        self.parts = parts
        self._undivided = undivided

    def whole(self, table: ApplyTable) -> int | None:
        """The part all rows of a table belong to, None when they are spread by key."""
        spread = bool(table.key) and table.root not in self._undivided
        if spread and all(table.columns[index].type.name in SPREAD_TYPES for index in table.key):
            return None
        return zlib.crc32(str(table.root).encode()) % self.parts

    def split(self, table: ApplyTable, net: NetChange) -> list[NetChange]:
        """The net change of each part; together they are ``net``, which carries nothing from one row to another."""
        result = [NetChange() for _ in range(self.parts)]
        whole = self.whole(table)
        if whole is not None:
            result[whole] = net
            return result
        for part, rows in enumerate(self._split(net.deletes, range(len(table.key)))):
            result[part].deletes = rows
        for part, rows in enumerate(self._split(net.updates, table.key)):
            result[part].updates = rows
        for part, rows in enumerate(self._split(net.inserts, table.key)):
            result[part].inserts = rows
        for present, some in net.partial.items():
            for part, rows in enumerate(self._split(some, table.key)):
                if len(rows):
                    result[part].partial[present] = rows
        return result

    def _split(self, rows: Sequence[R], key: Sequence[int]) -> list[Sequence[R]]:
        if not len(rows):
            return [[] for _ in range(self.parts)]
        if isinstance(rows, Cells):
            columns = [rows.values(index) for index in key]
            numbers = np.array([self._part(values) for values in zip(*columns, strict=True)], np.int64)
            cells: list[Any] = [rows.take(numbers == part) for part in range(self.parts)]
            return cells
        result: list[list[R]] = [[] for _ in range(self.parts)]
        for row in rows:
            result[self._part([row[index] for index in key])].append(row)
        return list(result)

    def _part(self, values: Sequence[object]) -> int:
        number = 0
        for value in values:
            assert isinstance(value, bytes)
            number = zlib.crc32(value, zlib.crc32(b"%d:" % len(value), number))
        return number % self.parts
