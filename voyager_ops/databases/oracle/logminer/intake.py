"""The rows of one window of redo: into the buffer, out of it what committed, and what a DDL statement means for the lane."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from voyager_ops.databases.oracle import positions
from voyager_ops.databases.oracle.database import OracleDatabase
from voyager_ops.databases.oracle.logminer import ddl
from voyager_ops.databases.oracle.logminer.buffer import AmbiguousTransaction, Buffer, CannotUndo, Event, Pending
from voyager_ops.databases.oracle.logminer.problems import changed, unreadable
from voyager_ops.databases.oracle.logminer.rows import (
    CHANGES,
    COMMIT,
    DDL,
    INTERNAL,
    MARKER,
    MISSING_SCN,
    ROLLBACK,
    START,
    LogRow,
)
from voyager_ops.databases.oracle.logminer.tables import CapturedTables
from voyager_ops.errors import SourceChanged


@dataclass(slots=True)
class Committed:
    """``thread`` and ``order`` place it among the commits of its SCN; ``pending`` is None when nothing of it is ours."""

    scn: int
    thread: int
    order: int
    at: float
    pending: Pending | None


class Intake:
    """Takes the rows in their order. ``published``: the position up to which everything is; a DDL statement from before it was
    met already. ``ends``: by number of a stopped table, the last position whose changes of it count; those of tables that stop
    now are added. ``offset_seconds``: of the redo's times, to be taken away."""

    def __init__(
        self,
        database: OracleDatabase,
        tables: CapturedTables,
        buffer: Buffer,
        *,
        published: int,
        ends: dict[int, int],
        offset_seconds: int,
        warn: Callable[[str], None],
    ) -> None:
        self._database = database
        self._tables = tables
        self._buffer = buffer
        self._published = published
        self._ends = ends
        self._offset_seconds = offset_seconds
        self._warn = warn
        self._committed: list[Committed] = []
        self.stopped: dict[int, str] = {}
        """Tables that stopped in this window, with the statement."""
        self.stop: SourceChanged | None = None
        """Ends the lane: nothing after the row that it is of may be taken."""

    def committed(self) -> list[Committed]:
        """What committed, in the order to give it."""
        return sorted(self._committed, key=lambda each: (each.scn, each.thread, each.order))

    def take(self, row: LogRow) -> None:
        buffer = self._buffer
        try:
            if row.operation == START:
                buffer.start(row.xid)
            elif row.operation == COMMIT:
                # A commit of thread 0 is not an instance's: it stands last among those of its SCN.
                self._commit(row, row.thread or 1 << 16, buffer.end(row.xid))
            elif row.operation == ROLLBACK:
                buffer.forget(row.xid)
            elif row.operation == MARKER:
                pass  # GoldenGate's: its transaction may never end; having no row of ours, it is not kept
            elif row.operation == MISSING_SCN:
                self._warn(f"LogMiner reports redo that it does not have around SCN {row.scn} ({row.info or 'no more is said'})")
            elif row.operation == DDL:
                self._take_ddl(row)
            else:
                number = self._tables.find(row)
                if number is not None and not self._is_over(number, row.scn):
                    self._take_change(row, number)
        except AmbiguousTransaction as error:
            self.stop = unreadable(self._database, f"{error}. The row: {row.shown()}")

    def _commit(self, row: LogRow, thread: int, pending: Pending | None) -> None:
        self._committed.append(Committed(row.scn, thread, len(self._committed), self._moment(row), pending))

    def _take_change(self, row: LogRow, number: int) -> None:
        buffer = self._buffer
        if row.undo:
            if row.operation not in CHANGES:
                return  # what was said of a large value is read from the table anyway
            pending = buffer.take(row.xid)
            try:
                pending.strike(row)
            except CannotUndo as error:
                # Where mining began in the middle of a transaction that was rolled back, or is published: of no concern.
                pending.broken = f"{error}. The row: {row.shown()}"
            return
        large = bool(self._tables.frames[number].large)
        if row.operation == INTERNAL:
            found = buffer.find(row.xid)
            if found is None or not found.in_group(row.object):
                return  # not the end of a change of large values
        event = Event(row.operation, number, row.scn, row.row_id, row.sql, row.object, row.status, row.info)
        buffer.add(row.xid, event, large=large)

    def _take_ddl(self, row: LogRow) -> None:
        buffer = self._buffer
        changing = []
        for number in self._tables.of_ddl(row):
            if self._is_over(number, row.scn):
                continue
            meaning = ddl.meaning(row.sql, self._tables.key_constraint(number))
            if meaning == "truncate":
                event = Event(DDL, number, row.scn, "", row.sql, row.object, 0, "")
                if buffer.find(row.xid) is not None:
                    buffer.add(row.xid, event)
                else:  # LogMiner showed no beginning of it: DDL commits by itself
                    pending = Pending(row.xid)
                    pending.add(event)
                    self._commit(row, 1 << 17, pending)
            elif meaning == "change" and positions.position(row.scn, positions.LAST_ORDINAL) > self._published:
                changing.append(number)
        if changing:
            self.end(changing, row.scn, row.sql)

    def end(self, numbers: Sequence[int], scn: int, statement: str) -> None:
        """Of these tables nothing counts that commits after ``scn``. (What committed before had the table before the statement.)
        Stops everything when nothing would be left."""
        if self._tables.all_gone({*self._ends, *numbers}):
            self.stop = changed(self._database, self._tables.frames[numbers[0]].name, scn, statement)
            return
        for number in numbers:
            self._ends[number] = positions.position(scn, positions.LAST_ORDINAL)
            self.stopped[number] = statement

    def _is_over(self, number: int, scn: int) -> bool:
        """Whether the table is stopped, and the row of after that: no transaction that has it can count. (Of those that commit at
        the SCN of the end some may: their positions tell, when they are given.)"""
        return number in self._ends and positions.position(scn) > self._ends[number]

    def _moment(self, row: LogRow) -> float:
        """Unix seconds of a row."""
        if not isinstance(row.timestamp, datetime):
            return time.time()
        return row.timestamp.replace(tzinfo=UTC).timestamp() + self._offset_seconds
