"""From a committed transaction's rows to the change log's form of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import oracledb

from voyager_ops.changes.writer import CapturedTransaction
from voyager_ops.databases.oracle.frames import NotAChange, RowChange, TableFrames, truncate_frame
from voyager_ops.databases.oracle.gathering import Gatherer
from voyager_ops.databases.oracle.logminer.buffer import Event, Pending
from voyager_ops.databases.oracle.logminer.lobs import LargeValues, Reader
from voyager_ops.databases.oracle.logminer.redo import RedoError, parse, parse_locator
from voyager_ops.databases.oracle.logminer.rows import CHANGES, DDL, INTERNAL, LOCATORS

_MISMATCH: Final = "Dictionary Version Mismatch"
"""The redo is of before a DDL: columns come by number, values in their internal form."""
_TEMPORARY: Final = "/* No SQL_REDO for temporary tables"


class Unreadable(ValueError):
    """A row cannot be made a change; ``event`` is the row."""

    def __init__(self, why: str, event: Event) -> None:
        self.event = event
        super().__init__(why)


class Builder:
    """Makes transactions. ``tables``: by the number events carry. ``mine``: whether a marker row is this migration's."""

    def __init__(
        self, tables: Sequence[TableFrames], connection: oracledb.Connection, migration: str, path: Callable[[], Path]
    ) -> None:
        self._tables = tables
        self._connection = connection
        self._migration = migration.encode()
        self._gatherer = Gatherer(tables, path)

    def build(
        self, pending: Pending, scn: int, end: int, committed_at: float, over: frozenset[int] = frozenset()
    ) -> CapturedTransaction | None:
        """The transaction that committed at ``scn``, without its changes of the tables ``over``; None when it holds nothing of
        ours.

        Raises Unreadable, Gone and oracledb.Error (of reading large values), OSError and DiskFull (of the file of a large
        transaction).
        """
        large = None
        if any(self._tables[number].large for number in pending.tables - over):
            large = self._large(pending, scn, over)
        changes = self._frames(pending, over, large)
        return self._gatherer.transaction(changes, scn=scn, end=end, committed_at=committed_at)

    def _frames(self, pending: Pending, over: frozenset[int], large: Reader | None) -> Iterator[tuple[int, bytes]]:
        """(number of the table, frame) of the changes that count."""
        for index, event in enumerate(pending.read()):
            if event.table not in over and (frame := self._frame(index, event, large)) is not None:
                yield event.table, frame

    def _large(self, pending: Pending, scn: int, over: frozenset[int]) -> Reader:
        """The reader of the transaction's large values."""
        seen = LargeValues()
        for index, event in enumerate(pending.read()):
            frames = self._tables[event.table]
            if not frames.large or event.table in over:
                continue
            if event.operation == DDL:
                seen.truncated(event.table)
            elif (change := self._change(event, frames)) is not None:
                seen.note(index, event.table, change)
        wanted = seen.wanted()
        return Reader(self._connection, self._tables, scn, wanted)

    def _change(self, event: Event, frames: TableFrames) -> RowChange | None:
        """None for a row that says nothing (temporary tables). Raises Unreadable."""
        if event.operation == INTERNAL or event.sql.startswith(_TEMPORARY):
            return None
        if event.status == 2 and event.info and event.operation in CHANGES and event.info != _MISMATCH:
            # LONG columns have STATUS 2 without a reason, and are right.
            raise Unreadable("LogMiner says that its statement is not valid", event)
        try:
            if event.operation in CHANGES:
                return frames.change(parse(event.sql, frames.accepts))
            if event.operation in LOCATORS:
                locator = parse_locator(event.sql)
                return frames.touched(locator.column, locator.names, locator.values)
        except (RedoError, NotAChange) as error:
            raise Unreadable(str(error), event) from None
        raise Unreadable("LogMiner does not support the change", event)

    def _frame(self, index: int, event: Event, large: Reader | None) -> bytes | None:
        frames = self._tables[event.table]
        if event.operation == DDL:
            return truncate_frame(frames.oid)
        change = self._change(event, frames)
        if change is None:
            return None
        if frames.source is None and not self._mine(change):
            return None
        if frames.large and large is not None:
            try:
                if not large.fill(index, change):
                    return None
            except NotAChange as error:
                raise Unreadable(str(error), event) from None
        return frames.encode(change)

    def _mine(self, change: RowChange) -> bool:
        row = change.new or change.old
        return row is not None and row[0] == self._migration
