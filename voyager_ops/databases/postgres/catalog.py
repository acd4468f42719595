"""Reading tables, keys, indexes, partitions and sequences from PostgreSQL's catalog into the model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from importlib.resources import files

from voyager_ops.databases.postgres.database import Connection
from voyager_ops.model.tables import Column, Leaf, QName, Sequence, Table, UniqueIndex, matches


def _sql(name: str) -> str:
    return files(__package__).joinpath("queries", name).read_text(encoding="utf-8")


def read_tables(
    connection: Connection,
    schemas: Collection[str],
    include: Iterable[str] = ("*",),
    exclude: Iterable[str] = (),
) -> list[Table]:
    """Plain tables and partition roots (each with its leaves) of ``schemas``, sorted by name.

    ``include``/``exclude`` are globs (see :func:`voyager_ops.model.tables.matches`) held against the root's name. Foreign and
    temporary tables, tables of extensions and tables without a column to move are left out (preflight names the first and the
    last). Inheritance children that are not partitions are tables of their own, as is their parent (both read with ONLY).
    """
    include, exclude = tuple(include), tuple(exclude)
    names = list(schemas)
    columns: dict[int, list[Column]] = defaultdict(list)
    for row in connection.execute(_sql("columns.sql"), (names,)):
        columns[row[0]].append(Column(*row[1:]))
    keys: dict[int, tuple[str, ...]] = {}
    unique: dict[int, list[UniqueIndex]] = defaultdict(list)
    for oid, schema, name, primary, index_columns, partial, exclusion, deferrable in connection.execute(
        _sql("indexes.sql"), (names,)
    ):
        if primary:
            # Values of generated columns are not moved: a key over one identifies no row on the way, only the whole row does.
            generated = {column.name for column in columns[oid] if column.generated}
            keys[oid] = () if generated.intersection(index_columns) else tuple(index_columns)
        else:
            unique[oid].append(UniqueIndex(QName(schema, name), tuple(index_columns), partial, exclusion, deferrable))
    leaves: dict[int, list[Leaf]] = defaultdict(list)
    for root, oid, schema, name, identity, identity_index, rows, size, has_key in connection.execute(
        _sql("leaves.sql"), (names,)
    ):
        leaves[root].append(Leaf(QName(schema, name), oid, identity, identity_index or "", int(rows), int(size), has_key))
    result = []
    for oid, schema, name, partitioned in connection.execute(_sql("tables.sql"), (names,)):
        qname = QName(schema, name)
        if not matches(qname, include) or matches(qname, exclude):
            continue
        if all(column.generated for column in columns[oid]):
            continue
        result.append(
            Table(
                qname,
                oid,
                tuple(columns[oid]),
                keys.get(oid, ()),
                tuple(leaves[oid]),
                tuple(unique[oid]),
                partitioned,
            )
        )
    return sorted(result, key=lambda table: table.name)


def read_sequences(connection: Connection, schemas: Collection[str]) -> list[Sequence]:
    """All sequences of ``schemas`` (those of extensions left out), sorted by name, with their present values."""
    result = []
    for row in connection.execute(_sql("sequences.sql"), (list(schemas),)):
        schema, name, owner_schema, owner_table, owner_column, *numbers = row
        owner = (QName(owner_schema, owner_table), str(owner_column)) if owner_table else None
        result.append(Sequence(QName(schema, name), owner, *numbers))
    return sorted(result, key=lambda sequence: sequence.name)


def server_version(connection: Connection) -> int:
    """``server_version_num``, e.g. 150020."""
    return connection.info.server_version


def is_yugabytedb(connection: Connection) -> bool:
    row = connection.execute("SELECT version() LIKE '%-YB-%'").fetchone()
    return bool(row and row[0])
