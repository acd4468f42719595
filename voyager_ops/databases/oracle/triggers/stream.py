"""The tables of changes as a stream of batches (``databases.base.ChangeStream``), each a transaction of its own.

A batch is *claimed* (:mod:`.claims`): at a moment s, what is committed as of s and belongs to no batch yet gets the next batch's
number, in one transaction with the batch's record (number, s). So it holds exactly the transactions that committed after the
batch before it, up to s, each whole. It can be read again as often as need be, and is deleted once its position is published. In
it the changes of a table stand in the order of their numbers, which for one row is the order of commits: the row's lock is held
when the number is drawn.

When a batch has been read, and before it is given, the tables' structure is looked at. What is no longer as it was changed after
the moment of the last batch that was given: there the table ends. It is written down (:mod:`voyager_ops.state.stopped`), nothing
of the table is given any more, and its trigger, which might fail every write to a table of another structure, is removed.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import oracledb

from voyager_ops.changes.writer import CapturedTransaction
from voyager_ops.databases.base import StreamCut
from voyager_ops.databases.oracle import positions
from voyager_ops.databases.oracle.database import OracleDatabase
from voyager_ops.databases.oracle.errors import (
    DEFINITION_CHANGED,
    NOT_THERE,
    SNAPSHOT_TOO_OLD,
    is_passing,
    message_of,
    ora_code,
    translate,
)
from voyager_ops.databases.oracle.logminer.session import read_incarnation
from voyager_ops.databases.oracle.logminer.stream import watermark_key
from voyager_ops.databases.oracle.notes import Notes
from voyager_ops.databases.oracle.reading import current_scn
from voyager_ops.databases.oracle.triggers import install
from voyager_ops.databases.oracle.triggers.claims import Claims, Overtaken
from voyager_ops.databases.oracle.triggers.reading import Batch, BatchReader
from voyager_ops.databases.oracle.triggers.statements import ChangeTable
from voyager_ops.databases.oracle.triggers.structure import Changed, Structure, Unseen
from voyager_ops.databases.postgres.lsn import from_position
from voyager_ops.errors import PreconditionError, SourceChanged, StreamLost, VoyagerOpsError
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import FROM_SIDE, Position
from voyager_ops.state.lanes import read_lane
from voyager_ops.state.stopped import stopped_tables

_IDLE_SECONDS: Final = (0.2, 2.0)
"""Between two looks: twice as long as the last look took, within these bounds."""
_NOTE_SECONDS: Final = 1.0
"""While there is nothing to claim that is written down no more often."""
_RELEASE_MILLISECONDS: Final = 5000
"""So long the removal of a trigger may take; writers to its table wait behind it."""
_RELEASE_AGAIN_SECONDS: Final = 15.0

R = TypeVar("R")


def later_key(context: LaneContext) -> str:
    """Key of the document {"OWNER.TABLE": {partition: [OBJECT_ID, DATA_OBJECT_ID]}}: those made since capture was prepared."""
    return f"oracle/{context.lane}/partitions"


class TriggerStream:
    """One thread; ended by :meth:`close`. ``tables``: all that are captured, our marker table among them."""

    def __init__(
        self, context: LaneContext, database: OracleDatabase, tables: Sequence[ChangeTable], structure: Structure
    ) -> None:
        self._context = context
        self._database = database
        self._tables = tables
        self._structure = structure
        self._connection = database.connect("capture")
        self._claims = Claims(self._connection)
        self._reader: BatchReader | None = None
        self._notes = Notes(context)
        self._last = 0
        """Number of the last batch that was claimed."""
        self._seen = 0
        """SCN up to which everything was claimed, or there was nothing."""
        self._whole = 0
        """The moment of the last batch that was given, at which every table that goes on was as it had been."""
        self._published = 0
        self._ends: dict[str, int] = {}
        """By name of its table of changes, the last position whose changes of a table that is stopped are captured."""
        self._hows: dict[str, str] = {}
        """By the same name, what was done to it."""
        self._bound: set[str] = set()
        """Triggers of stopped tables that are still to be removed."""
        self._release_at = 0.0
        self._waiting: deque[tuple[Batch, Sequence[ChangeTable]]] = deque()
        self._given: deque[tuple[Batch, Sequence[ChangeTable]]] = deque()
        self._giving = False
        self._noted = 0
        """SCN up to which it is written down that everything was claimed."""
        self._note_at = 0.0
        self._next_look = 0.0
        self._over = False

    def begin(self, published: Position, spill: Callable[[], Path]) -> None:
        """See ``ChangeStream``."""
        state = self._context.state
        document: dict[str, Any] = state.get(watermark_key(self._context)) or {}
        self._published = from_position(published)
        numbers = itertools.count(1)

        def path() -> Path:
            first = spill()
            return first.with_name(f"{first.name}.{next(numbers)}")

        def look() -> list[Batch]:
            with self._connection.cursor() as cursor:
                now = read_incarnation(cursor)
            if not document or (now.dbid, now.resetlogs) != (document["dbid"], document["resetlogs"]):
                raise self._lost("the database was opened with RESETLOGS, or is another one")
            if now.scn < positions.scn_of(self._published):
                raise self._lost(f"it is only at SCN {now.scn}, before what was captured: it was restored from a copy")
            return self._claims.batches()

        batches = self._run(look, "reading the batches")
        self._last = batches[-1].number if batches else 0
        done = [batch for batch in batches if batch.end <= self._published]
        for batch in batches[len(done) :]:
            pending = self._run(lambda: self._claims.pending(self._tables, batch.number), "looking for changes")  # noqa: B023
            self._waiting.append((batch, [each.table for each in pending]))
        if done:
            self._forget(done[-1].number, self._tables)
            self._whole = done[-1].scn
        else:
            self._whole = positions.scn_of(from_position(read_lane(state, self._context.lane).start_position))
        self._seen = max([positions.scn_of(self._published), *(batch.scn for batch in batches)])
        self._reader = BatchReader(self._connection, self._context.migration, path)
        stopped = stopped_tables(state, self._context.lane)
        for table in self._tables:
            if (each := stopped.get(table.frames.source or "")) is not None:
                self._ends[table.name] = from_position(each.position)
                self._hows[table.name] = each.statement
                self._bound.add(table.trigger)
        self._take_back()

    def _take_back(self) -> None:
        """Of tables that were stopped by a process before us: large values are read from the table, which is another one now."""
        if not self._waiting:
            return
        before = self._waiting[0][0].end - 1
        again = [table for table in self._tables if table.frames.large and self._ends.get(table.name, 0) > before]
        if again:
            self._stop([Changed(table, self._hows[table.name]) for table in again], before)

    def transactions(self) -> Iterator[CapturedTransaction]:
        """Batches that are claimed and were not given, or the next one. See ``ChangeStream``."""
        assert self._reader is not None
        if not self._claims.owned:
            self._seen = max(self._seen, self._run(lambda: self._claims.own(self._last), "taking over the batches"))
        if not self._waiting:
            self._end_without_tables(positions.position(self._seen + 1))
            started = time.monotonic()
            if started < self._next_look:
                return
            self._run(self._claim, "claiming changes")
            now = time.monotonic()
            self._next_look = now + min(max(2 * (now - started), _IDLE_SECONDS[0]), _IDLE_SECONDS[1])
        self._giving = bool(self._waiting)
        while self._waiting:
            batch, tables = self._waiting[0]
            transaction = self._read(self._reader, batch, tables)
            self._whole = batch.scn
            self._given.append(self._waiting.popleft())
            if transaction is not None:
                yield transaction
        self._giving = False

    def forgotten(self) -> Iterable[int]:
        """See ``ChangeStream``: nothing is described anew."""
        return ()

    def wait(self, seconds: float) -> None:
        """See ``ChangeStream``."""
        time.sleep(max(0.0, min(seconds, self._next_look - time.monotonic())))

    def confirm(self, position: Position) -> None:
        """See ``ChangeStream``: deletes the batches that are published."""
        at = from_position(position)
        self._published = max(self._published, at)
        done = 0
        tables: dict[str, ChangeTable] = {}
        for batch, used in self._given:
            if batch.end <= at:
                done = batch.number
                tables |= {table.name: table for table in used}
        if not done:
            return
        self._forget(done, list(tables.values()))
        while self._given and self._given[0][0].number <= done:
            self._given.popleft()

    @property
    def reply_wanted(self) -> bool:
        """See ``ChangeStream``."""
        return False

    @property
    def idle_position(self) -> Position | None:
        """See ``ChangeStream``."""
        if self._giving or self._waiting or self._reader is None or self._over:
            return None
        seen = max(positions.position(self._noted, positions.LAST_ORDINAL), self._published)
        return positions.text(positions.scn_of(seen), positions.ordinal_of(seen))

    def close(self) -> None:
        """See ``ChangeStream``."""
        try:
            self._connection.close()
        except oracledb.Error:
            return  # it was gone already

    # -- claiming, reading ---------------------------------------------------------------------------------------------
    def _claim(self) -> None:
        scn = current_scn(self._connection)
        if scn <= self._seen:
            return
        try:
            pending = self._claims.pending([table for table in self._tables if table.name not in self._ends], 0, scn)
        except oracledb.Error as error:
            if ora_code(error) in SNAPSHOT_TOO_OLD | DEFINITION_CHANGED:
                return  # at a later moment, then
            raise
        if pending:
            batch = Batch(self._last + 1, self._seen + 1, scn, time.time())
            self._claims.claim(batch, pending)
            self._last = batch.number
            self._waiting.append((batch, [each.table for each in pending]))
        elif time.monotonic() >= self._note_at:
            self._claims.note(scn)
        else:
            self._seen = scn
            return
        self._seen = self._noted = scn
        self._note_at = time.monotonic() + _NOTE_SECONDS

    def _read(self, reader: BatchReader, batch: Batch, tables: Sequence[ChangeTable]) -> CapturedTransaction | None:
        """The batch without what is over, once the structure of all the rest was found as it had been."""
        while True:
            self._end_without_tables(batch.end)
            going = [table for table in tables if self._ends.get(table.name, batch.end) >= batch.end]
            transaction: CapturedTransaction | None = None
            failed: Exception | None = None
            try:
                transaction = reader.read(batch, going)
            except Exception as error:  # noqa: BLE001 -- whatever it is: a table that is no longer as it was may be why
                failed = error
            if isinstance(failed, oracledb.Error) and is_passing(failed):
                raise self._translated(failed, "reading changes") from failed
            if self._stop_changed():
                for _ in transaction.blocks if transaction is not None else ():
                    pass  # it may be in a file, which goes when it has been read
                continue
            if isinstance(failed, oracledb.Error):
                raise self._translated(failed, "reading changes") from None
            if failed is not None:
                raise failed
            return transaction

    def _forget(self, number: int, tables: Sequence[ChangeTable]) -> None:
        self._run(lambda: self._claims.forget(number, tables), "deleting what is published")

    # -- tables that end -----------------------------------------------------------------------------------------------
    def _stop_changed(self) -> bool:
        """Whether tables were stopped now, since they are no longer as they were. Raises SourceChanged when it is our own."""
        try:
            found, grew = self._run(
                lambda: self._structure.check(self._connection, self._ends.keys()), "looking at the tables' structure"
            )
        except Unseen as error:
            raise PreconditionError(
                f"user {self._database.user} of the {self._database.side} {self._database.where} may no longer see {error}",
                state="nothing is lost: it goes on with what is not published",
                next_step="voyager-ops prepare source --print shows the grants; run them and start this command again",
            ) from None
        if grew:
            self._context.state.put(later_key(self._context), self._structure.later)
        if ours := next((each for each in found if each.table.frames.source is None), None):
            raise self._changed(f"our table {ours.table.native} on the {self._database.side} changed: {ours.how}")
        if found:
            self._stop(found, positions.position(self._whole, positions.LAST_ORDINAL))
        self._release()
        return bool(found)

    def _stop(self, found: Sequence[Changed], end: int) -> None:
        for each in found:
            self._ends[each.table.name] = end
            self._hows[each.table.name] = each.how
            self._bound.add(each.table.trigger)
        self._notes.stop((str(each.table.frames.source), end, each.how) for each in found)
        self._release_at = 0.0

    def _end_without_tables(self, at: int) -> None:
        """Raise SourceChanged when no table is left of which anything at ``at`` would count."""
        users = [table for table in self._tables if table.frames.source is not None]
        if all(self._ends.get(table.name, at) < at for table in users):
            self._over = True
            self._release()
            words = "; ".join(f"{table.frames.name} ({self._hows[table.name]})" for table in users[:3])
            raise self._changed(f"no table is left on the {self._database.side} that streams: {words}")

    def _release(self) -> None:
        """Remove the triggers of tables that are stopped, unless that was tried a moment ago. Never fails: what stands is said,
        and removed when the migration ends."""
        if not self._bound or time.monotonic() < self._release_at:
            return
        self._release_at = time.monotonic() + _RELEASE_AGAIN_SECONDS
        try:
            connection = self._database.connect("triggers")
            try:
                connection.call_timeout = _RELEASE_MILLISECONDS
                installer = install.Installer(connection, self._context.state, FROM_SIDE[self._context.lane])
                self._bound -= {trigger for trigger in sorted(self._bound) if installer.release(trigger)}
            finally:
                connection.close()
        except (VoyagerOpsError, oracledb.Error) as error:
            self._notes.warn(f"a trigger of ours on a table that is stopped could not be removed: {error}")

    # -- errors --------------------------------------------------------------------------------------------------------
    def _changed(self, what: str) -> SourceChanged:
        return SourceChanged(
            what,
            state="every change before it is in the change log and can be applied; nothing from it on was published",
            next_step="to go on, end this migration (voyager-ops end migration) and start it anew",
        )

    def _run(self, what: Callable[[], R], words: str) -> R:
        try:
            return what()
        except oracledb.Error as error:
            raise self._translated(error, words) from (error if is_passing(error) else None)
        except Overtaken as error:
            raise self._cut(str(error)) from None

    def _translated(self, error: oracledb.Error, words: str) -> VoyagerOpsError:
        if is_passing(error):
            return self._cut(message_of(error))
        if ora_code(error) == NOT_THERE and not install.all_there(self._connection, self._tables):
            return self._lost(f"our tables of changes are gone ({message_of(error)})")
        return translate(
            error,
            f"{words} failed on the {self._database.side} {self._database.where}",
            "nothing is lost: the tables of changes keep what was not published",
            "mend what the server says, then start the command again",
        )

    def _cut(self, why: str) -> StreamCut:
        return StreamCut(
            f"capture by triggers on the {self._database.side} {self._database.where} was cut short: {why}",
            state="nothing is lost: it begins again with what is not published",
            next_step="run the command again",
        )

    def _lost(self, why: str) -> StreamLost:
        return StreamLost(
            f"changes on the {self._database.side} {self._database.where} can no longer be read: {why}",
            state="everything captured before is intact and can be applied",
            next_step="this lane cannot go on without a gap: end this migration (voyager-ops end migration) and start it anew",
        )
