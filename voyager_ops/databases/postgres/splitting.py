"""Where PostgreSQL's tables are cut for the snapshot, and single rows read again for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Self

import psycopg
from psycopg import sql

from voyager_ops.databases.base import Database
from voyager_ops.databases.postgres.database import Connection, postgres, qualified
from voyager_ops.databases.postgres.lsn import parse_position
from voyager_ops.databases.postgres.ranges import split_points
from voyager_ops.model.positions import Position
from voyager_ops.model.tables import Column, Leaf, Table

_PAGE: Final = 8192

BLOCKS_A_CHUNK = 64
"""Sampled: the spread of a chunk's rows is 1/sqrt(64) then, an eighth. With 64 for all ten chunks of a table, they held from
16,000 to 1.8 million rows, and one worker was still copying when the others had nothing left to do."""


class PostgresSplitter:
    """See ``databases.base.Splitter``. A place is a block's number."""

    def __init__(self, database: Database) -> None:
        self._connection = postgres(database).connect("plan")

    def key_points(self, leaf: Leaf, columns: Sequence[Column], pieces: int) -> list[tuple[str, ...]]:
        names = [column.name for column in columns]
        points = split_points(self._connection, leaf.name, names, pieces, blocks=BLOCKS_A_CHUNK)
        return [tuple(point) for point in points]

    def place_points(self, leaf: Leaf, pieces: int) -> list[tuple[str, ...]]:
        blocks = math.ceil(leaf.bytes / _PAGE)
        step = math.ceil(blocks / pieces)
        return [(str(block),) for block in range(step, blocks, step)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()


class PostgresKeyFetcher:
    """See ``databases.base.KeyFetcher``. Errors are psycopg's."""

    def __init__(self, database: Database) -> None:
        self._database = postgres(database)
        self._connection: Connection | None = None

    def fetch(self, table: Table, key: Sequence[bytes]) -> tuple[str, Position, tuple[str | None, ...] | None]:
        if self._connection is None or self._connection.closed:
            self._connection = self._database.connect("apply")
        source = self._connection
        texts = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(column.name)) for column in table.data_columns)
        condition = sql.SQL(" AND ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder()) for name in table.key
        )
        only = sql.SQL("" if table.partitioned else "ONLY ")  # inheritance children are tables of their own
        with source.transaction():
            source.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            source.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(qualified(table.name)))
            moment = source.execute("SELECT pg_current_snapshot()::text").fetchone()
            lsn = source.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()
            row = source.execute(
                sql.SQL("SELECT {} FROM {}{} WHERE {}").format(texts, only, qualified(table.name), condition),
                [value.decode() for value in key],
            ).fetchone()
        if moment is None or lsn is None:
            raise psycopg.DataError("the source did not tell its snapshot")
        return str(moment[0]), parse_position(str(lsn[0])), row

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
