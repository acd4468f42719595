"""Which changes a chunk already holds.

A change of transaction X to key k is skipped if and only if X was visible to the snapshot of the chunk that holds k.
Visibility is PostgreSQL's own rule on top-level transaction ids (``xmin:xmax:xip``), never a comparison of positions: commit
order in the log and visibility order differ. Snapshots are read from the target's rows only: they commit with the rows they
speak of.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from psycopg import sql

from voyager_ops.databases.base import KeyFetcher
from voyager_ops.databases.postgres.database import Connection, qualified
from voyager_ops.databases.postgres.ranges import SortKey, range_columns, sort_key
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.changes import Relation
from voyager_ops.model.positions import START, Position
from voyager_ops.model.tables import Column, QName, Table


@dataclass(frozen=True, slots=True)
class Snapshot:
    """``pg_current_snapshot()``: ids below ``xmin`` are visible, from ``xmax`` on not, between unless in ``xip``."""

    xmin: int
    xmax: int
    xip: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> Snapshot:
        xmin, xmax, xip = text.split(":")
        return cls(int(xmin), int(xmax), frozenset(int(item) for item in xip.split(",") if item))

    def sees(self, xid: int) -> bool:
        return xid < self.xmin or (xid < self.xmax and xid not in self.xip)


@dataclass(frozen=True)
class KeyRange:
    """``lower <= columns < upper`` in text values; None is open."""

    columns: tuple[Column, ...]
    lower: tuple[str, ...] | None
    upper: tuple[str, ...] | None


@dataclass(frozen=True)
class TruncateAction:
    """What a TRUNCATE of one physical table still has to empty on the target: nothing, all of it, or these ranges."""

    what: Literal["nothing", "all", "ranges"]
    ranges: tuple[KeyRange, ...] = ()


@dataclass
class _Physical:
    columns: tuple[Column, ...]
    ranges: list[KeyRange]
    lowers: list[SortKey]
    """Sort keys of the lower bounds of all ranges but the first."""
    snapshots: list[Snapshot]


class SnapshotFilter:
    """The filter of one lane before its seam point. Not shared between threads."""

    def __init__(self, context: LaneContext) -> None:
        self._context = context
        self._tables: dict[QName, Table] = {leaf.name: table for table in context.tables for leaf in table.leaves}
        self._physical: dict[QName, _Physical] = {}
        self._single: dict[tuple[QName, tuple[bytes, ...]], Snapshot] = {}
        self._sorters = {table.name: sort_key(range_columns(table)) for table in context.tables if range_columns(table)}
        self._all_seen_below = 0
        self._none_seen_from = 0
        self.seam_position: Position = START
        """Once apply has passed this, no change can be in a chunk any more."""

    @classmethod
    def load(cls, connection: Connection, context: LaneContext) -> SnapshotFilter:
        """Read the done rows of the target. Call it when the snapshot is complete."""
        result = cls(context)
        rows: dict[QName, list[tuple[KeyRange, Snapshot]]] = defaultdict(list)
        snapshots = []
        for physical, root, kind, lower, upper, text, position in connection.execute(
            "SELECT physical, table_name, kind, lower, upper, snapshot, wal_position FROM voyager_ops.chunk"
            " WHERE migration = %s AND kind <> 'group' ORDER BY chunk_id",
            (context.migration,),
        ):
            snapshot = Snapshot.parse(text)
            snapshots.append(snapshot)
            result.seam_position = max(result.seam_position, Position(position))
            name = QName(*physical)
            if kind == "one":
                key = tuple(str(value).encode() for value in lower)
                result._single[(name, key)] = snapshot
                continue
            table = result._tables.get(name)
            if table is None:
                raise ValueError(f"a chunk of {root} speaks of {name}, which is not in the lane's tables")
            columns = range_columns(table) if kind == "key" else ()
            bounds = KeyRange(columns, tuple(lower) if lower else None, tuple(upper) if upper else None)
            if kind != "key" and any(held == snapshot for _, held in rows[name]):
                continue  # another piece of the same group
            rows[name].append((bounds, snapshot))
        result._all_seen_below = min((snapshot.xmin for snapshot in snapshots), default=0)
        result._none_seen_from = max((snapshot.xmax for snapshot in snapshots), default=0)
        for name, items in rows.items():
            result._physical[name] = result._index(name, items)
        return result

    def _index(self, name: QName, items: list[tuple[KeyRange, Snapshot]]) -> _Physical:
        table = self._tables[name]
        columns = items[0][0].columns
        if not columns:
            return _Physical((), [items[0][0]], [], [items[0][1]])
        sorter = self._sorters[table.name]

        def lower_key(item: tuple[KeyRange, Snapshot]) -> Any:
            lower = item[0].lower
            return (0,) if lower is None else (1, sorter([value.encode() for value in lower]))

        items = sorted(items, key=lower_key)
        lowers = [sorter([value.encode() for value in item[0].lower]) for item in items[1:] if item[0].lower is not None]
        return _Physical(columns, [item[0] for item in items], lowers, [item[1] for item in items])

    def sees(self, relation: Relation, key: Sequence[bytes | None], xid: int) -> bool:
        """Whether transaction ``xid`` was visible to the chunk of ``relation`` (a physical table) that holds ``key``.

        ``key`` is in the order of ``Table.key``; ``()`` for key-less tables. A physical table made after the plan has no chunk:
        nothing of it was copied, so nothing is seen.
        """
        if self._single and key:
            table = self._tables.get(relation.name)
            root = table.name if table else relation.name
            single = self._single.get((root, tuple(value or b"" for value in key)))
            if single is not None:
                return single.sees(xid)
        if xid >= self._none_seen_from:
            return False
        physical = self._physical.get(relation.name)
        if physical is None:
            return False
        if xid < self._all_seen_below:
            return True
        if not physical.lowers:
            return physical.snapshots[0].sees(xid)
        width = len(physical.columns)
        place = self._sorters[self._tables[relation.name].name]([value or b"" for value in key[:width]])
        return physical.snapshots[bisect_right(physical.lowers, place)].sees(xid)

    def truncated(self, relation: Relation, xid: int) -> TruncateAction:
        """What a TRUNCATE of ``relation`` by ``xid`` must still empty: the ranges whose snapshot did not see it."""
        physical = self._physical.get(relation.name)
        if physical is None:
            return TruncateAction("all")
        unseen = [bounds for bounds, held in zip(physical.ranges, physical.snapshots, strict=True) if not held.sees(xid)]
        if not unseen:
            return TruncateAction("nothing")
        if len(unseen) == len(physical.ranges):
            return TruncateAction("all")
        return TruncateAction("ranges", tuple(unseen))

    def fetched_after(self, table: Table, xid: int) -> list[tuple[bytes, ...]]:
        """Keys of ``table`` whose one-key chunk saw ``xid``: a TRUNCATE by it must leave them as they are."""
        return [key for (root, key), held in self._single.items() if root == table.name and held.sees(xid)]

    def fetch_key(self, source: KeyFetcher, target: Connection, table: Table, key: Sequence[bytes]) -> bool:
        """Copy one key again as a chunk of its own: its row (or absence) as of now on the source replaces what the target has.

        Runs inside the caller's transaction on ``target``. From then on changes that this moment saw are skipped for the key.
        True when the source has the row.
        """
        snapshot_text, position, row = source.fetch(table, key)
        columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.data_columns)
        condition = sql.SQL(" AND ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder()) for name in table.key
        )
        values = [value.decode() for value in key]
        name = self._context.to_apply(table.name)
        root = target.execute(
            "SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass(%s)", (qualified(name).as_string(target),)
        ).fetchone()
        only = sql.SQL("" if root and root[0] else "ONLY ")  # inheritance children are tables of their own
        target.execute(sql.SQL("DELETE FROM {}{} WHERE {}").format(only, qualified(name), condition), values)
        if row is not None:
            target.execute(
                sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({})").format(
                    qualified(name),
                    columns,
                    sql.SQL(", ").join(sql.Placeholder() for _ in table.data_columns),
                ),
                list(row),
            )
        target.execute(
            "INSERT INTO voyager_ops.chunk (migration, chunk_id, table_name, physical, kind, lower, group_id, snapshot,"
            " wal_position, rows, bytes, seconds)"
            " SELECT %(migration)s, greatest(max(chunk_id), 1000000000) + 1, %(table)s, to_jsonb(%(root)s::text[]), 'one',"
            " to_jsonb(%(key)s::text[]), -1, %(snapshot)s, %(position)s, 0, 0, 0"
            " FROM voyager_ops.chunk WHERE migration = %(migration)s",
            {
                "migration": self._context.migration,
                "table": str(table.name),
                "root": list(table.name),
                "key": values,
                "snapshot": snapshot_text,
                "position": position,
            },
        )
        snapshot = Snapshot.parse(snapshot_text)
        self._single[(table.name, tuple(key))] = snapshot
        self.seam_position = max(self.seam_position, position)
        self._all_seen_below = min(self._all_seen_below, snapshot.xmin)
        self._none_seen_from = max(self._none_seen_from, snapshot.xmax)
        return row is not None
