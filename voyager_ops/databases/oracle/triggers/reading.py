"""A batch of changes as the change log has them: rows of the tables of changes, each table's in the order of their numbers.

That is the order of what was done to a row. Between tables there is none that would matter: a batch is one transaction, in which
no foreign key is looked at.

Large values are not in those tables: they are read from the captured table by the row's key, as of the batch's moment. Every
change of a row carries the value that the row had in the end; of a row that was gone by then, a placeholder, which goes with it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import oracledb

from voyager_ops.changes.writer import CapturedTransaction
from voyager_ops.databases.oracle import positions, values
from voyager_ops.databases.oracle.errors import DEFINITION_CHANGED, SNAPSHOT_TOO_OLD, ora_code
from voyager_ops.databases.oracle.frames import RowChange
from voyager_ops.databases.oracle.gathering import Gatherer
from voyager_ops.databases.oracle.names import quote
from voyager_ops.databases.oracle.triggers.statements import ChangeTable, row_column
from voyager_ops.failpoints import hit, register
from voyager_ops.model.changes import DELETE, INSERT, UPDATE, Value

BEFORE_LARGE = register("capture.triggers.before_large_values")

_LARGE_AT_ONCE: Final = 16
"""Rows whose large values are in memory together. Only rows of up to ``TOGETHER`` are."""
TOGETHER: Final = 1 << 20
"""Characters and bytes of a row's large values; rows with more of them are read one by one."""
_OPERATIONS: Final = {"I": INSERT, "U": UPDATE, "D": DELETE}


@dataclass(frozen=True)
class Batch:
    """What committed from ``first`` up to ``scn``. ``claimed_at``: Unix seconds, our clock."""

    number: int
    first: int
    scn: int
    claimed_at: float

    @property
    def end(self) -> int:
        """Its position, as a number: where it *begins*. A chunk as of a moment within the batch holds a part of it; so the batch
        is not behind that chunk's position, and is applied before the seam, where rows that are there already do no harm."""
        return positions.position(self.first)


class BatchReader:
    """``path``: names a file for a batch that does not fit into memory."""

    def __init__(self, connection: oracledb.Connection, migration: str, path: Callable[[], Path]) -> None:
        self._connection = connection
        self._migration = migration.encode()
        self._path = path

    def read(self, batch: Batch, tables: Sequence[ChangeTable]) -> CapturedTransaction | None:
        """As one transaction; None when it holds nothing of ours. Raises oracledb.Error, ValueRefused, OSError, DiskFull."""
        # Table after table: a cursor of each, all open at once, would be more than a session may have.
        changes = (change for place, table in enumerate(tables) for change in self._changes(place, table, batch))
        gatherer = Gatherer([table.frames for table in tables], self._path)
        return gatherer.transaction(changes, scn=batch.scn, end=batch.end, committed_at=batch.claimed_at)

    def _changes(self, place: int, table: ChangeTable, batch: Batch) -> Iterator[tuple[int, bytes]]:
        """(place, frame) of the batch's changes of one table, in the order of their numbers."""
        frames = table.frames
        plan = values.Plan([*table.key_columns, *table.row_columns], "x")
        statement = f"SELECT x.SEQ, x.OP, {plan.select_list} FROM {table.shown} x WHERE x.BATCH = :n ORDER BY x.SEQ"  # noqa: S608 -- quoted names
        large = self._large(table, batch) if frames.large else iter(())
        ahead = next(large, None)
        keys = len(frames.key)
        with self._connection.cursor() as cursor:
            cursor.execute(statement, n=batch.number, fetch_lobs=False, fetch_decimals=True)
            for row in cursor:
                number, op = int(row[0]), _OPERATIONS[str(row[1])]
                texts = plan.row(row[2:])
                while ahead is not None and ahead[0] < number:
                    ahead = next(large, None)
                found = ahead[1] if ahead is not None and ahead[0] == number else None
                change = _change(table, op, texts[:keys], texts[keys:], found)
                if frames.source is None and not self._mine(change):
                    continue
                yield place, frames.encode(change)

    def _mine(self, change: RowChange) -> bool:
        """Of a marker: whether it is this migration's."""
        row = change.new or change.old
        return row is not None and row[0] == self._migration

    # -- large values ------------------------------------------------------------------------------------------------------
    def _large(self, table: ChangeTable, batch: Batch) -> Iterator[tuple[int, list[bytes | None]]]:
        """(number of the change, the row's large values) in order, of rows that are there as of the batch's moment."""
        hit(BEFORE_LARGE)
        last = -1
        try:
            # As of that moment the batch is what is not claimed.
            for number, found in self._joined(table, f"AS OF SCN {batch.scn}", 0, -1):
                last = number
                yield number, found
        except oracledb.Error as error:
            if ora_code(error) not in SNAPSHOT_TOO_OLD | DEFINITION_CHANGED:
                raise
            # The values of now: their own changes are still to come.
            yield from self._joined(table, "", batch.number, last)

    def _joined(self, table: ChangeTable, moment: str, number: int, after: int) -> Iterator[tuple[int, list[bytes | None]]]:
        frames = table.frames
        columns = [frames.columns[place] for place in sorted(frames.large)]
        plan = values.Plan(columns, "t")
        same = " AND ".join(
            f"t.{quote(frames.columns[place].native_name)} = x.{quote(row_column(place))}" for place in frames.key
        )
        statement = (
            f"SELECT x.SEQ, {plan.select_list} FROM {table.shown} {moment} x JOIN {table.native} {moment} t ON {same}"  # noqa: S608 -- quoted names
            " WHERE x.BATCH = :n AND x.SEQ > :after AND x.OP <> 'D'"
        )

        def rows(condition: str, at_once: int) -> Iterator[tuple[int, list[bytes | None]]]:
            with self._connection.cursor() as cursor:
                cursor.arraysize = cursor.prefetchrows = at_once
                cursor.execute(
                    f"{statement}{condition} ORDER BY x.SEQ", n=number, after=after, fetch_lobs=False, fetch_decimals=True
                )
                for row in cursor:
                    yield int(row[0]), plan.row(row[1:])

        size = plan.lob_size
        if not size:
            return rows("", _LARGE_AT_ONCE)
        small, large = rows(f" AND {size} <= {TOGETHER}", _LARGE_AT_ONCE), rows(f" AND {size} > {TOGETHER}", 1)
        return heapq.merge(small, large, key=lambda found: found[0])


def _change(
    table: ChangeTable, op: int, key: list[bytes | None], row: list[bytes | None], large: list[bytes | None] | None
) -> RowChange:
    frames = table.frames
    old: list[Value] = [None] * len(frames.columns)
    for place, value in zip(frames.key, key, strict=True):
        old[place] = value
    if op == DELETE:
        return RowChange(DELETE, old, None)
    new: list[Value] = [None] * len(frames.columns)
    for place, value in zip(table.kept, row, strict=True):
        new[place] = value
    for number, place in enumerate(sorted(frames.large)):
        # Rows are always whole. A batch that is applied before the seam point may meet a chunk from amid it, where a row that
        # the batch moves lies under another key already: a value that is left unchanged would be looked for in vain.
        new[place] = frames.placeholder(place) if large is None else large[number]
    moved = op == UPDATE and any(new[place] != old[place] for place in frames.key)
    return RowChange(op, old if moved else None, new)
