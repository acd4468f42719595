"""DDL on the capture side: seen in the stream before a transaction is published, and in the catalog every few seconds.

What cannot corrupt goes on: a partition made by ``CREATE TABLE … PARTITION OF`` (its changes were published from its first row
on), a new table of no concern to us (a warning). Everything else stops the lane with SourceChanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from voyager_ops.changes.roots import RootMap
from voyager_ops.databases.postgres import leaf_identity, publication, replica_identity
from voyager_ops.databases.postgres.catalog import read_tables
from voyager_ops.databases.postgres.database import Connection
from voyager_ops.errors import RetryableError, SourceChanged
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.changes import Relation
from voyager_ops.model.positions import FROM_SIDE
from voyager_ops.model.tables import Column, QName, Table

_SHOWN: Final = 5


def changed(context: LaneContext, name: QName | str, difference: str) -> SourceChanged:
    return SourceChanged(
        f"table {name} on the {context.capture_db.side} changed while its changes are streamed: {difference}",
        state="every transaction before this one is in the change log and can be applied; nothing from it on was published, the "
        "slot keeps it",
        next_step="if nothing was written to the table since, and the change can be undone without loss of rows, undo it and "
        "start the same command again: streaming goes on where it stopped. Otherwise "
        "end this migration (voyager-ops end migration) and start it anew with the new structure",
    )


@dataclass(frozen=True)
class _Branch:
    """One relation below a partition root, as the catalog has it."""

    root: int
    oid: int
    name: QName
    leaf: bool
    made_as_partition: bool


def _tree(connection: Connection, roots: list[int]) -> list[_Branch]:
    if not roots:
        return []
    query = files(__package__).joinpath("queries", "tree.sql").read_text(encoding="utf-8")
    return [
        _Branch(root, oid, QName(schema, name), leaf, made)
        for root, oid, schema, name, leaf, made in connection.execute(query, (roots,))
    ]


def remember_relations(connection: Connection, context: LaneContext) -> None:
    """Record which relations exist when capture begins, and which of them are in the trees of partitioned tables of ours."""
    known = [
        [oid, schema, name]
        for oid, schema, name in connection.execute(
            "SELECT c.oid::int8, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND c.oid >= 16384"
        )
    ]
    trees = [branch.oid for branch in _tree(connection, [table.oid for table in context.tables if table.partitioned])]
    context.state.put(f"watch/{context.lane}", {"relations": known, "trees": trees})


def refuse_changed(connection: Connection, context: LaneContext) -> None:
    """Raise RetryableError when a table is no longer as it was read: the slot may have waited long, and rows of a partition made
    meanwhile would be neither in the stream nor in a chunk."""
    now = {table.oid: _shape(table) for table in read_tables(connection, sorted({table.name.schema for table in context.tables}))}
    moved = [str(table.name) for table in context.tables if now.get(table.oid) != _shape(table)]
    if moved:
        raise RetryableError(
            f"{', '.join(moved[:_SHOWN])} changed on the {context.capture_db.side} while capture was being prepared",
            state="nothing is captured yet; publication and replica identities stand and are journaled",
            next_step="run the command again: it reads the tables anew",
        )


def _shape(table: Table) -> tuple[object, ...]:
    return table.name, table.columns, table.key, frozenset((leaf.oid, leaf.name) for leaf in table.leaves)


def column_difference(
    table: Table, columns: Mapping[str, str | int], order: tuple[str, ...], types: Mapping[str, str | int]
) -> str:
    """How ``columns`` (name to type, in ``order``) differ from the frozen ``types``; '' when they do not.

    A partition may have its columns in another order than its root.
    """
    parts = []
    if added := [name for name in order if name not in types]:
        parts.append(f"new column {', '.join(added)}")
    if gone := [name for name in types if name not in columns]:
        parts.append(f"no longer a column {', '.join(gone)}")
    if other := [name for name in order if name in types and columns[name] != types[name]]:
        parts.append(f"another type of column {', '.join(f'{name} (was {types[name]}, is {columns[name]})' for name in other)}")
    if not parts and not table.partitioned and tuple(types) != order:
        parts.append(f"another order of columns ({', '.join(order)})")
    return "; ".join(parts)


class StreamJudge:
    """Holds every relation the stream describes against the frozen tables. Called from the capture loop's own thread."""

    def __init__(self, context: LaneContext, roots: RootMap) -> None:
        self._context = context
        self._roots = roots

    def __call__(self, relation: Relation) -> tuple[str, frozenset[str]]:
        """The source name of the relation's root, and its generated columns outside the key. Raises SourceChanged."""
        context = self._context
        table = self._roots.by_oid(relation.oid)
        if table is None:
            with context.capture_db.connect("watch") as connection:
                accept_new_partitions(connection, context, self._roots)
            table = self._roots.by_oid(relation.oid)
            if table is None:
                raise changed(
                    context, relation.name, "it is no table of this migration, or no longer there, yet its changes are published"
                )
        if self._roots.names[relation.oid] != relation.name:
            raise changed(context, self._roots.names[relation.oid], f"it was renamed to {relation.name}")
        generated = {column.name for column in table.columns if column.generated}
        order = tuple(name for name in relation.columns if name not in generated)
        oids = dict(zip(relation.columns, relation.type_oids, strict=True))
        frozen: dict[str, str | int] = {column.name: column.type_oid for column in table.data_columns}
        if difference := column_difference(table, oids, order, frozen):
            raise changed(context, relation.name, difference)
        if not relation.full:
            key = {name for name, part in zip(relation.columns, relation.key, strict=True) if part}
            # Without any identity the server refuses updates and deletes: only inserts come, which need none.
            if key and key != set(table.key):
                raise changed(
                    context,
                    relation.name,
                    f"its replica identity is now ({', '.join(sorted(key))}), its key was ({', '.join(table.key)})",
                )
        return str(context.source_name(table.name)), frozenset(generated.difference(table.key))


def accept_new_partitions(connection: Connection, context: LaneContext, roots: RootMap) -> list[QName]:
    """Take in partitions made since, setting their replica identity; returns them. Raises SourceChanged for tables attached."""
    record = context.state.get(f"watch/{context.lane}") or {"relations": [], "trees": []}
    known_before = {entry[0] for entry in record["relations"]}
    original = set(record["trees"])
    tables = {table.oid: table for table in context.tables if table.partitioned}
    branches = _tree(connection, list(tables))
    leaf_identity.adopt(connection, context.state, FROM_SIDE[context.lane], context.tables)
    accepted: list[QName] = []
    for branch in branches:
        if branch.oid in original or roots.by_oid(branch.oid) is not None:
            continue
        root = tables[branch.root]
        if branch.oid in known_before:
            raise changed(context, root.name, f"table {branch.name}, which existed before, was attached to it as a partition")
        if not branch.made_as_partition:
            raise changed(
                context,
                root.name,
                f"table {branch.name} was attached to it as a partition; rows it had before that were not published "
                "(CREATE TABLE … PARTITION OF is safe)",
            )
        if branch.leaf:
            replica_identity.establish_leaf(connection, context.state, FROM_SIDE[context.lane], root, branch.oid, branch.name)
            roots.add(branch.oid, branch.name, root)
            accepted.append(branch.name)
    return accepted


class CatalogWatch:
    """Compares the catalog with the frozen tables."""

    def __init__(self, context: LaneContext, roots: RootMap, publication_name: str) -> None:
        self._context = context
        self._roots = roots
        self._publication = publication_name
        self._schemas = sorted({table.name.schema for table in context.tables})
        record: dict[str, Any] = context.state.get(f"watch/{context.lane}") or {"relations": []}
        self._known = {entry[0] for entry in record["relations"]}
        self._warned: set[int] = set()

    def look(self, connection: Connection) -> list[str]:
        """One look; returns new warnings. Raises SourceChanged."""
        context = self._context
        accepted = accept_new_partitions(connection, context, self._roots)
        warnings = [f"partition {name} was made and is captured" for name in accepted]
        now = {table.oid: table for table in read_tables(connection, self._schemas)}
        for table in context.tables:
            current = now.get(table.oid)
            if current is None:
                raise changed(context, table.name, self._fate(connection, table))
            if difference := self._difference(table, current):
                raise changed(context, table.name, difference)
            for leaf in current.leaves:
                identity = replica_identity.read_identity(connection, leaf.oid)
                if identity is not None and replica_identity.wanted_kind(table, identity) != identity.kind:
                    raise changed(context, leaf.name, f"its replica identity was set to {identity.kind!r}")
        if difference := publication.difference(connection, context, self._publication):
            raise changed(context, ", ".join(str(table.name) for table in context.tables[:_SHOWN]), difference)
        mine = {table.oid for table in context.tables}
        for oid, table in now.items():
            if oid not in mine and oid not in self._known and oid not in self._warned:
                self._warned.add(oid)
                warnings.append(f"table {table.name} is new; it is not part of this migration and is not captured")
        return warnings

    def _fate(self, connection: Connection, table: Table) -> str:
        row = connection.execute(
            "SELECT n.nspname, c.relname, c.relispartition FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.oid = %s",
            (table.oid,),
        ).fetchone()
        if row is None:
            return "it was dropped"
        return "it was attached to another table as a partition" if row[2] else f"it was moved to {row[0]}.{row[1]}"

    def _difference(self, table: Table, current: Table) -> str:
        if current.name != table.name:
            return f"it was renamed to {current.name}"
        frozen: dict[str, str | int] = {column.name: _type(column) for column in table.columns}
        columns: dict[str, str | int] = {column.name: _type(column) for column in current.columns}
        if difference := column_difference(table, columns, tuple(columns), frozen):
            return difference
        if current.key != table.key:
            return f"its primary key was ({', '.join(table.key) or 'none'}), is ({', '.join(current.key) or 'none'})"
        present = {leaf.oid: leaf.name for leaf in current.leaves}
        for oid, name in list(self._roots.names.items()):  # the loop's thread adds to it
            if self._roots.by_oid(oid) is not table:
                continue
            if oid not in present:
                return f"its partition {name} was dropped or detached (that leaves no trace of the rows in the stream)"
            if present[oid] != name:
                return f"its partition {name} was renamed to {present[oid]}"
        return ""


def _type(column: Column) -> str:
    return column.type_sql + (" generated" if column.generated else "")
