"""Reading a PostgreSQL side for verification: the servers hash, only digests leave them (``sides.Reader``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from voyager_ops.databases.base import Database
from voyager_ops.databases.postgres.database import postgres, qualified
from voyager_ops.databases.postgres.hashing import SETTINGS, Method
from voyager_ops.databases.postgres.ranges import split_points
from voyager_ops.errors import PreconditionError, RetryableError
from voyager_ops.model.positions import Side
from voyager_ops.model.tables import QName, Table
from voyager_ops.verify.digests import EVERYTHING, Buckets, Condition, Identity, Statements

Row = tuple[Any, ...]
BY_INDEX = "SET enable_seqscan = off"
"""Ranges are read through the key. Rows that several chunks loaded at once lie in another order than their keys, and a scan of
the whole table then looked cheaper for each range: 4.6 for 2.8 s of the target's CPU a million rows, at 1.8 million rows."""
AS_IT_LIKES = "RESET enable_seqscan"
"""A whole table is scanned anyhow, but while scans are off servers before 18 do it without parallel workers: 0.42 for 0.19 s
(200,000 rows, two cores)."""


class PostgresReader:
    def __init__(self, database: Database, side: Side) -> None:
        self.side = side
        self.connection = postgres(database).connect("verify", settings=SETTINGS)
        self.connection.prepare_threshold = None  # each statement holds its range's bounds: no two are alike
        self._way = AS_IT_LIKES

    def _run(self, statement: sql.Composed, condition: Condition | None = None) -> list[Row]:
        """``condition``: of the rows that are read, where they are not those of some keys."""
        way = BY_INDEX if condition is None or condition.bounded else AS_IT_LIKES
        if way != self._way:
            self.connection.execute(way)
            self._way = way
        return self.connection.execute(statement).fetchall()

    def digest(self, statements: Statements, condition: Condition, method: Method) -> list[Row]:
        return self._run(statements.digest(self.side, condition, method), condition)

    def bucket_digests(self, statements: Statements, condition: Condition, buckets: Buckets) -> list[Row]:
        return self._run(statements.bucket_digests(self.side, condition, buckets), condition)

    def rows(self, statements: Statements, condition: Condition) -> list[Row]:
        return self._run(statements.rows(self.side, condition), condition)

    def by_digest(self, statements: Statements, digests: Sequence[str]) -> list[Row]:
        return self._run(statements.by_digest(self.side, digests), EVERYTHING)

    def by_key(self, statements: Statements, keys: Sequence[Identity]) -> list[Row]:
        return self._run(statements.by_key(self.side, keys))

    def column_digests(self, statements: Statements, keys: Sequence[Identity]) -> list[Row]:
        return self._run(statements.column_digests(self.side, keys))

    def values(self, statements: Statements, keys: Sequence[Identity], limit: int) -> list[Row]:
        return self._run(statements.values(self.side, keys, limit))

    def points(self, table: Table, columns: Sequence[str], rows_per_range: int) -> list[list[str]]:
        found: list[list[str]] = []
        for leaf, rows in self._rows_now(table).items():
            found += split_points(self.connection, leaf, columns, -(-rows // rows_per_range))
        return found

    def _rows_now(self, table: Table) -> dict[QName, int]:
        """Estimated rows of each physical table as it is now: the list of tables may be as old as the migration.

        Where nothing was ever analyzed, at 100 bytes a row, which is on the small side: the ranges come out small.
        """
        names = [qualified(leaf.name).as_string(self.connection) for leaf in table.leaves]
        sizes = self.connection.execute(
            "SELECT n.place, c.reltuples::float8, c.relpages, pg_relation_size(c.oid), current_setting('block_size')::int8"
            " FROM unnest(%s::text[]) WITH ORDINALITY n (name, place) JOIN pg_class c ON c.oid = to_regclass(n.name)",
            (names,),
        )
        return {
            table.leaves[place - 1].name: int(tuples / pages * (size / block) if pages > 0 and tuples > 0 else size / 100)
            for place, tuples, pages, size, block in sizes
        }

    def explained(self, error: Exception) -> tuple[type[PreconditionError] | type[RetryableError], str] | None:
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            return PreconditionError, str(error.diag.message_primary)
        if isinstance(error, psycopg.OperationalError):
            return RetryableError, error.diag.message_primary or "connection closed"
        return None

    def cancel(self) -> None:
        self.connection.cancel_safe(timeout=5)

    def close(self) -> None:
        self.connection.close()
