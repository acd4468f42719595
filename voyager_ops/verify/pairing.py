"""Which table and columns of the target stand against which of the source, and what is missing there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from psycopg import sql

from voyager_ops.databases.base import Database
from voyager_ops.databases.engines import engine_of
from voyager_ops.databases.postgres.database import qualified
from voyager_ops.databases.postgres.hashing import HashedColumn, hashed_column
from voyager_ops.databases.postgres.ranges import range_columns
from voyager_ops.model.positions import Side
from voyager_ops.model.tables import Column, NameMap, QName, Table


@dataclass(frozen=True)
class Pair:
    """A table on both sides. ``columns`` are on both, in the source's order; ``key`` is the source's key, () without one."""

    source: Table
    target: Table
    columns: tuple[HashedColumn, ...]
    key: tuple[str, ...]
    ranged: tuple[Column, ...]
    """The key's longest prefix whose order is the same on both sides; () when there is none."""
    problems: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def table(self, side: Side) -> Table:
        return self.source if side is Side.SOURCE else self.target

    def from_(self, side: Side) -> sql.Composed:
        """What follows FROM. A plain table without its inheritance children, which are tables of their own."""
        table = self.table(side)
        return sql.SQL("{}{}").format(sql.SQL("" if table.partitioned else "ONLY "), qualified(table.name))

    def key_texts(self) -> sql.Composed:
        return sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in self.key)


def pair_tables(target: Database, tables: Sequence[Table], names: NameMap) -> list[Pair | str]:
    """For each of ``tables`` (the source's) its pair, or a sentence that says it is missing on the target."""
    found = find_tables(target, {names.to_target(table.name) for table in tables})
    result: list[Pair | str] = []
    for table in tables:
        name = names.to_target(table.name)
        other = found.get(name)
        result.append(pair(table, other) if other is not None else f"the table {name} is missing on the target")
    return result


def find_tables(database: Database, names: Iterable[QName]) -> dict[QName, Table]:
    """Those of ``names`` that are tables there, as its catalog has them now."""
    wanted = set(names)
    schemas = sorted({name.schema for name in wanted})
    return {table.name: table for table in _tables(database, schemas) if table.name in wanted} if wanted else {}


def _tables(database: Database, schemas: list[str]) -> list[Table]:
    return engine_of(database).read_tables(database, schemas)


def pair(source: Table, target: Table) -> Pair:
    """Put two tables side by side."""
    others = {column.name: column for column in target.columns}
    problems = [f"the column {c.name} of {source.name} is missing on the target" for c in source.columns if c.name not in others]
    known = {column.name for column in source.columns}
    problems += [f"the column {c.name} of {target.name} is on the target only" for c in target.columns if c.name not in known]
    columns = tuple(hashed_column(column, others[column.name]) for column in source.columns if column.name in others)
    key = source.key if all(name in others for name in source.key) else ()
    return Pair(source, target, columns, key, _ranged(source, others) if key else (), tuple(problems))


def _ranged(source: Table, others: dict[str, Column]) -> tuple[Column, ...]:
    prefix: list[Column] = []
    for column in range_columns(source):
        other = others[column.name]
        alike = other.base_oid == column.base_oid and other.collation_exact and other.not_null and column.not_null
        if not alike:
            break
        prefix.append(column)
    return tuple(prefix)
