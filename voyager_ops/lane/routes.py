"""Where the changes of each physical table go: its root table, the fold of that, the order of its columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from voyager_ops.changes.netchange import TableFold
from voyager_ops.changes.roots import RootMap
from voyager_ops.databases.postgres.apply_catalog import ApplyTable
from voyager_ops.databases.postgres.metadata import SCHEMA
from voyager_ops.errors import ApplyError
from voyager_ops.model.changes import Relation, Row
from voyager_ops.model.tables import QName, Table

MOST_RELATIONS = 1000
"""Descriptions known by identity; each segment of the log brings its own."""


@dataclass(slots=True, eq=False)
class Route:
    """Where changes of one physical table go. ``order`` brings their rows into canonical order (None: they are)."""

    relation: Relation
    table: Table
    target: ApplyTable
    fold: TableFold
    counts: list[int]
    order: Callable[[Row], Row] | None
    places: tuple[int, ...]
    """Of the canonical columns in the relation's rows."""
    key: tuple[int, ...]
    """Indexes of Table.key in the relation's rows, for the snapshot filter."""


class Routes:
    """Routes made as relations are met. ``folds`` are by the root's name on the capture side, ``counts`` (inserts, updates,
    deletes, truncates) by the source's name. Changes of ``torn`` tables (the source's names) go nowhere."""

    def __init__(self, roots: RootMap, tables: Mapping[QName, ApplyTable], torn: frozenset[str] = frozenset()) -> None:
        self._roots = roots
        self._tables = tables
        self._torn = torn
        self.folds: dict[QName, TableFold] = {}
        self.counts: dict[QName, list[int]] = {}
        self._known: dict[int, Route | None] = {}
        self._by_value: dict[Relation, Route | None] = {}
        self._relations: list[Relation] = []

    def route(self, relation: Relation, *, lenient: bool) -> Route | None:
        """The route of a physical table, None for our own tables, torn ones and those that are left out and gone. ``lenient``:
        for a table that is met for the first time.

        Raises ApplyError when the table is not one of the lane's, or not as it was when the lane was prepared.
        """
        try:
            return self._known[id(relation)]
        except KeyError:
            pass
        if len(self._relations) > MOST_RELATIONS:
            self._relations.clear()
            self._known.clear()
        if relation not in self._by_value:
            self._by_value[relation] = self._new(relation, lenient)
        self._relations.append(relation)  # kept, so that its id stays its own
        route = self._known[id(relation)] = self._by_value[relation]
        return route

    def _new(self, relation: Relation, lenient: bool) -> Route | None:
        if relation.name.schema == SCHEMA:
            return None
        table = self._roots.root(relation)
        if table is None:
            raise ApplyError(
                f"the stream has changes of {relation.name}, which is not one of the lane's tables",
                state="nothing of this batch was written; every transaction before it is applied",
                next_step="exclude the table, or start the migration anew with it",
            )
        target = self._tables.get(table.name)
        if target is None or str(target.source) in self._torn:
            return None  # the first: it is left out, and no longer on the apply side as it was
        wanted = [column.name for column in target.columns]
        missing = [name for name in wanted if name not in relation.columns]
        extra = [name for name in relation.columns if name not in wanted and name not in _generated(table)]
        keyless_key = [name for name, flag in zip(relation.columns, relation.key, strict=True) if flag]
        identity_short = not relation.full and not set(table.key) <= set(keyless_key)
        if missing or extra or identity_short or (not target.key and not relation.full):
            what = (
                f"columns missing: {', '.join(missing)}"
                if missing
                else f"unknown columns: {', '.join(extra)}"
                if extra
                else "its replica identity does not hold the primary key (or, without one, the whole row)"
            )
            raise ApplyError(
                f"{relation.name} in the stream is not as it was when the lane was prepared: {what}",
                state="nothing of this batch was written; every transaction before it is applied",
                next_step="put the table's structure back on both sides, or start the migration anew",
            )
        places = [relation.columns.index(name) for name in wanted]
        key = tuple(relation.columns.index(name) for name in table.key)
        fold = self.folds.get(table.name)
        if fold is None:
            fold = TableFold(len(wanted), target.key, target.toastable, lenient=lenient)
            self.folds[table.name] = fold
        counts = self.counts.setdefault(target.source, [0, 0, 0, 0])
        return Route(relation, table, target, fold, counts, _order(places, len(relation.columns)), tuple(places), key)


def _generated(table: Table) -> frozenset[str]:
    return frozenset(column.name for column in table.columns if column.generated)


def _order(places: Sequence[int], width: int) -> Callable[[Row], Row] | None:
    if list(places) == list(range(width)):
        return None
    return lambda row: tuple(row[place] for place in places)
