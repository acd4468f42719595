"""Where Oracle's tables are cut for the snapshot and for verification, and single rows read again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Self

import oracledb

from voyager_ops.databases.base import Database
from voyager_ops.databases.oracle import values
from voyager_ops.databases.oracle.binds import Binds
from voyager_ops.databases.oracle.database import oracle
from voyager_ops.databases.oracle.errors import is_disconnect, translate
from voyager_ops.databases.oracle.names import qualified, quote
from voyager_ops.databases.oracle.reading import current_scn, failed, moment_at
from voyager_ops.model.positions import Position
from voyager_ops.model.tables import Column, Leaf, Table

ROWS_PER_POINT: Final = 64
"""Sampled rows per wanted point: the spread of a range cut from a uniform sample is 1/sqrt(64) of its size, an eighth."""


class OracleSplitter:
    """See ``databases.base.Splitter``. A place is a row id."""

    def __init__(self, database: Database) -> None:
        self._where = database.where
        self._connection = oracle(database).connect("plan")

    def key_points(self, leaf: Leaf, columns: Sequence[Column], pieces: int) -> list[tuple[str, ...]]:
        if pieces < 2:
            return []
        plan = values.Plan(columns, "t")
        order = ", ".join(f"t.{quote(column.native_name)}" for column in columns)
        rows = self._sample(leaf, plan.select_list, order, pieces)
        keys = [[value or b"" for value in plan.row(row)] for row in rows]
        return [tuple(value.decode() for value in key) for key in _cuts(keys, pieces)]

    def place_points(self, leaf: Leaf, pieces: int) -> list[tuple[str, ...]]:
        if pieces < 2 or self._index_organized(leaf):
            return []
        rows = self._sample(leaf, "ROWIDTOCHAR(t.ROWID)", "t.ROWID", pieces)
        return [(str(row[0]),) for row in _cuts(rows, pieces)]

    def _index_organized(self, leaf: Leaf) -> bool:
        """Row ids of such a table are made of its key and of a guess where the row lies: no place, and in no useful order."""
        owner, name = leaf.native_name
        try:
            with self._connection.cursor() as cursor:
                row = cursor.execute(
                    "SELECT IOT_TYPE FROM ALL_TABLES WHERE OWNER = :owner AND TABLE_NAME = :name", owner=owner, name=name
                ).fetchone()
        except oracledb.Error as error:
            raise translate(
                error,
                f"how {leaf.name} on {self._where} is stored could not be read",
                "nothing was copied",
                "mend what the server says, then run the command again",
            ) from error
        return row is not None and row[0] == "IOT"

    def _sample(self, leaf: Leaf, what: str, order: str, pieces: int) -> list[tuple[Any, ...]]:
        """Rows of a sample of blocks, in order. A table that has never been analyzed is taken to be as its size says."""
        rows = leaf.rows if leaf.rows > 0 else max(leaf.bytes / 100.0, 1.0)
        percent = 100.0 * pieces * ROWS_PER_POINT / rows
        sample = f" SAMPLE BLOCK ({max(percent, 0.000001):.6f})" if percent < 99.0 else ""  # Oracle wants less than 100
        statement = f"SELECT {what} FROM {qualified(*leaf.native_name)}{sample} t ORDER BY {order}"  # noqa: S608 -- quoted names and binds
        try:
            with self._connection.cursor() as cursor:
                return list(cursor.execute(statement, fetch_decimals=True, fetch_lobs=False).fetchall())
        except oracledb.Error as error:
            raise translate(
                error,
                f"{leaf.name} on {self._where} could not be sampled",
                "nothing was copied",
                "mend what the server says, then run the command again",
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()


def _cuts(rows: Sequence[Any], pieces: int) -> list[Any]:
    """``pieces - 1`` rows that cut the sorted ``rows`` into parts of equal size; fewer when there are not so many."""
    places = sorted({len(rows) * number // pieces for number in range(1, pieces)} - {0})
    return [rows[place] for place in places if place < len(rows)]


class OracleKeyFetcher:
    """See ``databases.base.KeyFetcher``."""

    def __init__(self, database: Database) -> None:
        self._database = oracle(database)
        self._connection: oracledb.Connection | None = None

    def fetch(self, table: Table, key: Sequence[bytes]) -> tuple[str, Position, tuple[str | None, ...] | None]:
        try:
            if self._connection is None:
                self._connection = self._database.connect("apply")
            scn = current_scn(self._connection)
            moment = moment_at(scn, keyed=True)
            plan, binds = values.Plan(table.data_columns, "t"), Binds()
            source = f"{qualified(*table.native_name)} AS OF SCN {binds.add(scn)} t"
            columns = [table.column(name) for name in table.key]
            condition = binds.key(columns, [value.decode() for value in key], "t")
            with self._connection.cursor() as cursor:
                cursor.execute(
                    f"SELECT {plan.select_list} FROM {source} WHERE {condition}",  # noqa: S608 -- quoted names and binds
                    binds.values,
                    fetch_decimals=True,
                    fetch_lobs=False,
                )
                row = cursor.fetchone()
        except oracledb.Error as error:
            if is_disconnect(error):
                self.close()
            raise failed(error, f"row {[value.decode(errors='replace') for value in key]} of {table.name}") from error
        texts = None if row is None else tuple(None if value is None else value.decode() for value in plan.row(row))
        return moment.snapshot, moment.position, texts

    def close(self) -> None:
        if self._connection is not None:
            try:
                self._connection.close()
            except oracledb.Error:
                self._connection = None  # it was gone already
                return
            self._connection = None
