"""The redo logs as a stream of whole transactions (``databases.base.ChangeStream``).

Mined are windows of SCNs, one after the other. A window's rows go into the buffer; the transactions that committed in it come out
in the order of their commit SCN, and of their COMMIT rows where several share one. A transaction's position is its commit SCN and
its ordinal among *all* commits at that SCN, ours or not: so it comes out the same whenever the logs are mined again.

To resume takes two numbers: what is published (a position), and the *low watermark*: an SCN after which every transaction begins
that is not published. It is written down when a position is confirmed, always after the position itself; an older one only means
that more is mined again than need be. What is mined again and published already is dropped by its position.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import oracledb

from voyager_ops.changes.writer import CapturedTransaction
from voyager_ops.databases.oracle import positions
from voyager_ops.databases.oracle.logminer.buffer import Buffer
from voyager_ops.databases.oracle.logminer.intake import Committed, Intake
from voyager_ops.databases.oracle.logminer.lobs import Gone
from voyager_ops.databases.oracle.logminer.logs import Window
from voyager_ops.databases.oracle.logminer.problems import changed, lost, unreadable
from voyager_ops.databases.oracle.logminer.rows import LogRow, RowsCut, assemble
from voyager_ops.databases.oracle.logminer.session import Mining
from voyager_ops.databases.oracle.logminer.tables import CapturedTables
from voyager_ops.databases.oracle.logminer.transactions import Builder, Unreadable
from voyager_ops.databases.oracle.notes import Notes
from voyager_ops.databases.postgres.lsn import from_position
from voyager_ops.errors import SourceChanged
from voyager_ops.failpoints import hit, register
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import Position
from voyager_ops.state.stopped import stopped_tables

BEFORE_WATERMARK = register("capture.oracle.before_watermark")
AFTER_WATERMARK = register("capture.oracle.after_watermark")
WINDOW_READ = register("capture.oracle.window_read")

_LOGS_FROM_OLDEST: Final = 8
"""Mining begins where the oldest open transaction does, so that LogMiner knows their ids, as long as that takes so few logs."""
_BUFFER_BYTES: Final = 256 << 20
"""Of open transactions in memory."""
_IDLE_SECONDS: Final = (0.2, 2.0)
"""Between two looks when nothing is left to mine: twice as long as the last look took, within these bounds."""


def watermark_key(context: LaneContext) -> str:
    """Key of the document {position, low_scn, dbid, resetlogs}."""
    return f"oracle/{context.lane}/watermark"


def notices_key(context: LaneContext) -> str:
    """Key of the document {table: {scn, how}}: what a look at the catalog found that ends a table (by its source's name)."""
    return f"oracle/{context.lane}/notices"


class LogMinerStream:
    """One thread; ended by :meth:`close`. ``tables``: what is captured, our marker table among them."""

    def __init__(self, context: LaneContext, mining: Mining, tables: CapturedTables) -> None:
        self._context = context
        self._mining = mining
        self._tables = tables
        self.window = Window()
        self._buffer: Buffer | None = None
        self._builder: Builder | None = None
        self._published = 0
        self._read = 0
        """Everything up to this SCN is in the buffer, or was given."""
        self._giving = False
        self._waiting: deque[Committed] = deque()
        """Committed in the window, and not given yet."""
        self._given: deque[tuple[int, int]] = deque()
        """(position, SCN of its begin) of what was given and not confirmed."""
        self._saved: tuple[Position, int] | None = None
        self._next_look = 0.0
        self._stop: SourceChanged | None = None
        self._ends: dict[int, int] = {}
        """By number of a table that is stopped, the last position whose changes of it are captured."""
        self._notes = Notes(context)

    def begin(self, published: Position, spill: Callable[[], Path]) -> None:
        """See ``ChangeStream``."""
        document: dict[str, Any] = self._context.state.get(watermark_key(self._context)) or {}
        database = self._mining.database
        self._published = from_position(published)
        stopped = stopped_tables(self._context.state, self._context.lane)
        self._ends = {
            number: from_position(stopped[each.source].position)
            for number, each in enumerate(self._tables.frames)
            if each.source in stopped
        }
        if not document or Position(document["position"]) > published:
            raise lost(database, "the records do not say from where redo must be read again")
        now = self._mining.incarnation
        if (now.dbid, now.resetlogs) != (document["dbid"], document["resetlogs"]):
            raise lost(database, "the database was opened with RESETLOGS, or is another one")
        if now.scn < positions.scn_of(self._published):
            raise lost(database, f"it is only at SCN {now.scn}, before what was captured: it was restored from a copy")
        low = self._read = int(document["low_scn"])
        numbers = itertools.count(1)

        def path() -> Path:
            first = spill()
            return first.with_name(f"{first.name}.{next(numbers)}")

        self._buffer = Buffer(path, _BUFFER_BYTES)
        self._builder = Builder(self._tables.frames, self._mining.plain, self._context.migration, path)
        choice = self._mining.choose(low, low + 1)
        if choice.purged:
            raise lost(database, choice.purged)

    def transactions(self) -> Iterator[CapturedTransaction]:
        """Those of one window. See ``ChangeStream``."""
        if self._stop is not None:
            raise self._stop
        if time.monotonic() < self._next_look:
            return
        started = time.monotonic()
        available = self._mining.available()
        if self._mining.held_back:
            self._notes.warn(self._mining.held_back)
        high = self.window.end(self._read, available)
        if high <= self._read:
            self._rest(started)
            return
        committed, rows = self._mine(high)
        seconds = time.monotonic() - started
        self.window.learn(rows, seconds, whole=high < available)
        self._giving = True
        self._waiting.extend(committed)
        yield from self._give()
        if self._stop is not None:
            raise self._stop
        if rows:
            # A window without a single row (not even of our own heartbeat) proves nothing: it is read again, wider.
            self._read = high
        self._giving = False
        if high >= available:
            self._rest(started)

    def until_now(self, seconds: float) -> Iterator[CapturedTransaction]:
        """All that committed before this call; gives up after ``seconds``."""
        target = self._mining.available()
        deadline = time.monotonic() + seconds
        while self._read < target and time.monotonic() < deadline:
            yield from self.transactions()
            self.wait(0.1)

    def available(self) -> int:
        """The SCN up to which everything committed can be mined now."""
        return self._mining.available()

    def look_now(self) -> None:
        """Do not wait before the next look."""
        self._next_look = 0.0

    def _rest(self, started: float) -> None:
        now = time.monotonic()
        self._next_look = now + min(max(2 * (now - started), _IDLE_SECONDS[0]), _IDLE_SECONDS[1])

    # -- one window --------------------------------------------------------------------------------------------------
    def _mine(self, high: int) -> tuple[list[Committed], int]:
        """Take the rows of (read, high] into the buffer; what committed, and how many rows there were."""
        assert self._buffer is not None
        oldest = self._buffer.oldest()
        start = self._read if oldest is None else min(oldest - 1, self._read)
        if start < self._read:
            choice = self._mining.choose(start, high)
            if choice.purged:
                self._notes.warn(
                    f"since SCN {oldest} a transaction is open, of which {choice.purged}: a restart could not resume it"
                )
            if choice.purged or choice.missing or len(choice.files) > _LOGS_FROM_OLDEST:
                start = self._read  # what it did before is in the buffer
        self._mining.start(start, high)
        intake = Intake(
            self._mining.database,
            self._tables,
            self._buffer,
            published=self._published,
            ends=self._ends,
            offset_seconds=self._mining.offset_seconds,
            warn=self._notes.warn,
        )
        count = 0
        try:
            for row in assemble(self._mining.rows(self._read, high)):
                count += 1
                intake.take(row)
                if intake.stop is not None:
                    break
            else:
                self._take_notices(intake, high)
        except RowsCut as error:
            raise self._mining.cut(str(error)) from None
        hit(WINDOW_READ)
        if intake.stopped:  # written down before anything of this window is given
            self._record(intake.stopped)
        self._stop = intake.stop
        return intake.committed(), count

    def _take_notices(self, intake: Intake, high: int) -> None:
        """What a look at the catalog has found is as a DDL row would be, at the SCN of the look."""
        for name, notice in sorted((self._context.state.get(notices_key(self._context)) or {}).items()):
            number = next((number for number, each in enumerate(self._tables.frames) if each.source == name), None)
            if number is not None and number not in self._ends and notice["scn"] <= high and intake.stop is None:
                intake.end([number], max(int(notice["scn"]), self._read), notice["how"])

    def _record(self, stopped: Mapping[int, str]) -> None:
        """Write down that tables are stopped, and say so."""
        found = []
        for number, statement in stopped.items():
            source = self._tables.frames[number].source
            assert source is not None
            found.append((source, self._ends[number], statement))
        self._notes.stop(found)

    # -- giving ------------------------------------------------------------------------------------------------------
    def _give(self) -> Iterator[CapturedTransaction]:
        assert self._builder is not None
        scn, ordinal = -1, 0
        while self._waiting:
            each = self._waiting[0]
            ordinal = ordinal + 1 if each.scn == scn else 0
            scn = each.scn
            transaction = self._build(each, positions.position(scn, ordinal))
            if transaction is not None and each.pending is not None:
                self._given.append((transaction.head.end, each.pending.start))
            self._waiting.popleft()
            if transaction is not None:
                yield transaction

    def _build(self, each: Committed, end: int) -> CapturedTransaction | None:
        """None for what is published already, or not ours."""
        pending = each.pending
        if pending is None:
            return None
        assert self._builder is not None
        try:
            if end <= self._published or not pending.live:
                return None
            if pending.broken:
                raise unreadable(self._mining.database, pending.broken)
            while True:
                over = frozenset(number for number in pending.tables if self._ends.get(number, end) < end)
                try:
                    return self._builder.build(pending, each.scn, end, each.at, over)
                except Gone as error:
                    # DDL that is still to come in the redo: what needs the table as it was cannot be had any more.
                    if self._tables.all_gone({*self._ends, error.table}):
                        raise changed(
                            self._mining.database, self._tables.frames[error.table].name, each.scn, str(error)
                        ) from None
                    self._ends[error.table] = end - 1
                    self._record({error.table: str(error)})
                except Unreadable as error:
                    if error.event.table not in self._ends:
                        raise
                    # Of before the DDL, by a dictionary that is of after it.
                    self._ends[error.event.table] = end - 1
                    self._record({error.event.table: str(error)})
        except Unreadable as error:
            event = error.event
            owner, name = self._tables.frames[event.table].table.native_name
            row = LogRow(
                event.scn,
                event.sql,
                event.operation,
                None,
                pending.xid,
                name,
                owner,
                event.row_id,
                False,
                event.status,
                event.info,
                each.thread,
                event.object,
                "",
            )
            raise unreadable(self._mining.database, f"{error}. The row: {row.shown()}") from None
        except oracledb.Error as error:
            raise self._mining.translated(error) from None
        finally:
            pending.close()

    # -- resuming ----------------------------------------------------------------------------------------------------
    def forgotten(self) -> Iterable[int]:
        """See ``ChangeStream``: descriptions never change."""
        return ()

    def wait(self, seconds: float) -> None:
        """See ``ChangeStream``."""
        left = self._next_look - time.monotonic()
        if left > 0:
            time.sleep(min(seconds, left))

    def confirm(self, position: Position) -> None:
        """See ``ChangeStream``: writes the low watermark down."""
        at = from_position(position)
        while self._given and self._given[0][0] <= at:
            self._given.popleft()
        low = self.low_watermark(at)
        if self._saved == (position, low):
            return
        hit(BEFORE_WATERMARK)
        now = self._mining.incarnation
        self._context.state.put(
            watermark_key(self._context), {"position": position, "low_scn": low, "dbid": now.dbid, "resetlogs": now.resetlogs}
        )
        hit(AFTER_WATERMARK)
        self._saved = (position, low)
        self._published = max(self._published, at)

    def low_watermark(self, published: int) -> int:
        """The SCN after which all begins that is not published when ``published`` is."""
        assert self._buffer is not None
        starts = [start for _, start in self._given]
        starts += [each.pending.start for each in self._waiting if each.pending is not None and each.pending.count]
        oldest = self._buffer.oldest()
        if oldest is not None:
            starts.append(oldest)
        # All commits of the position's own SCN must be seen again, for their ordinals; and nothing after what was read.
        return min([start - 1 for start in starts] + [positions.scn_of(published) - 1, self._read])

    @property
    def reply_wanted(self) -> bool:
        """See ``ChangeStream``."""
        return False

    @property
    def idle_position(self) -> Position | None:
        """See ``ChangeStream``."""
        if self._giving or self._buffer is None or self._stop is not None:
            return None
        return max(positions.text(self._read, positions.LAST_ORDINAL), positions.text(*_parts(self._published)))

    def close(self) -> None:
        """See ``ChangeStream``."""
        if self._buffer is not None:
            self._buffer.close()
        self._mining.close()


def _parts(number: int) -> tuple[int, int]:
    return positions.scn_of(number), positions.ordinal_of(number)
