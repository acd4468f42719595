"""TRUNCATE on the apply side: whole tables in one statement, single leaves, and ranges of keys before the seam point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString

from psycopg import sql

from voyager_ops.databases.postgres.apply_catalog import ApplyTable
from voyager_ops.databases.postgres.database import Connection, qualified
from voyager_ops.errors import ApplyError
from voyager_ops.model.tables import QName

_OBSTACLES = """
WITH member AS (
    SELECT t.relid FROM unnest(%s::text[], %s::text[]) AS x (schema, name)
    JOIN pg_namespace n ON n.nspname = x.schema
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = x.name
    CROSS JOIN LATERAL (SELECT c.oid AS relid UNION SELECT p.relid FROM pg_partition_tree(c.oid) p) t
)
SELECT EXISTS (
    SELECT FROM pg_constraint k
    WHERE k.contype = 'f' AND k.confrelid IN (SELECT relid FROM member) AND k.conrelid NOT IN (SELECT relid FROM member)
) OR EXISTS (SELECT FROM member WHERE NOT has_table_privilege(relid, 'TRUNCATE'))
"""

_COLLATED = """
SELECT a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND a.attcollation <> 0
"""


def empty_tables(connection: Connection, tables: Sequence[ApplyTable], *, truncates: bool) -> list[sql.Composed]:
    """Statements that empty whole tables: one TRUNCATE, or DELETEs where a foreign key or a missing right forbids it, or where it
    would not be taken back with its transaction (``truncates`` is False)."""
    names = [table.name for table in tables]
    if truncates and not _obstacle(connection, names):
        targets = sql.SQL(", ").join(
            sql.SQL("{}{}").format(sql.SQL("" if table.partitioned else "ONLY "), qualified(table.name)) for table in tables
        )
        return [sql.SQL("TRUNCATE {}").format(targets)]
    return [
        sql.SQL("DELETE FROM {}{}").format(sql.SQL("" if table.partitioned else "ONLY "), qualified(table.name))
        for table in tables
    ]


def _obstacle(connection: Connection, names: Sequence[QName]) -> bool:
    row = connection.execute(_OBSTACLES, ([name.schema for name in names], [name.name for name in names])).fetchone()
    return bool(row and row[0])


def _leaf(connection: Connection, table: ApplyTable, name: QName) -> bool:
    """Whether ``name`` is a leaf of the table on the apply side."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_class r JOIN pg_namespace rn ON rn.oid = r.relnamespace,"
        " LATERAL pg_partition_tree(r.oid) p JOIN pg_class c ON c.oid = p.relid JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE rn.nspname = %s AND r.relname = %s AND p.isleaf AND n.nspname = %s AND c.relname = %s)",
        (table.name.schema, table.name.name, name.schema, name.name),
    ).fetchone()
    return bool(row and row[0])


def empty_leaf(
    connection: Connection, capture: Connection | None, table: ApplyTable, captured: QName, name: QName, *, truncates: bool
) -> sql.Composed:
    """Empties one leaf of a partitioned table: the leaf of the same ``name`` on the apply side, or the rows that fit the
    leaf's bounds on the capture side. Raises ApplyError when neither can be told."""
    if _leaf(connection, table, name):
        if not truncates or _obstacle(connection, [name]):
            return sql.SQL("DELETE FROM {}").format(qualified(name))
        return sql.SQL("TRUNCATE {}").format(qualified(name))
    bounds = None
    if capture is not None:
        row = capture.execute(
            "SELECT pg_get_partition_constraintdef(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = %s AND c.relname = %s",
            tuple(captured),
        ).fetchone()
        bounds = str(row[0]) if row and row[0] else None
    if bounds is None or "satisfies_hash_partition" in bounds:
        raise ApplyError(
            f"{captured} was truncated, which has no counterpart on the apply side: {table.name} has no leaf {name},"
            " and the leaf's bounds cannot be told there",
            state="the transaction was rolled back; everything before it is applied",
            next_step=f"give {table.name} the same partitions on both sides, then start this command again",
        )
    # The server itself wrote the bounds, with every name qualified (search_path is pg_catalog).
    return sql.SQL("DELETE FROM {} WHERE {}").format(qualified(table.name), sql.SQL(bounds))


def empty_range(
    connection: Connection,
    table: ApplyTable,
    name: QName,
    columns: Sequence[str],
    lower: Sequence[str] | None,
    upper: Sequence[str] | None,
) -> sql.Composed:
    """Deletes the rows of one physical table with ``lower <= columns < upper`` (text values; None is open), in the order in which
    the range was cut: that of the bytes, however this side sorts text."""
    place = name if table.partitioned and _leaf(connection, table, name) else table.name
    types = {column.name: column.type for column in table.columns}
    collated = {str(row[0]) for row in connection.execute(_COLLATED, tuple(place))}

    def side(values: Sequence[str], operator: LiteralString) -> sql.Composed:
        return sql.SQL("ROW({}) {} ROW({})").format(
            sql.SQL(", ").join(
                sql.SQL('{} COLLATE pg_catalog."C"' if column in collated else "{}").format(sql.Identifier(column))
                for column in columns[: len(values)]
            ),
            sql.SQL(operator),
            sql.SQL(", ").join(
                sql.SQL("{}::{}").format(sql.Literal(value), sql.Identifier(*types[column]))
                for column, value in zip(columns, values, strict=False)
            ),
        )

    conditions: list[sql.Composable] = [sql.SQL("true")]
    if lower is not None:
        conditions.append(side(lower, ">="))
    if upper is not None:
        conditions.append(side(upper, "<"))
    only = sql.SQL("" if table.partitioned else "ONLY ")
    return sql.SQL("DELETE FROM {}{} WHERE {}").format(only, qualified(place), sql.SQL(" AND ").join(conditions))
