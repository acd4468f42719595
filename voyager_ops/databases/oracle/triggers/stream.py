"""The tables of changes as a stream of batches (``databases.base.ChangeStream``), each a transaction of its own.

A batch is *claimed*: at a moment s, what is committed as of s and belongs to no batch yet gets the next batch's number, in one
transaction with the batch's record (number, s). So it holds exactly the transactions that committed after the batch before it, up
to s, each whole. It can be read again as often as need be, and is deleted once its position is published. In it changes stand in
the order of their numbers, which for one row is the order of commits: the row's lock is held when the number is drawn.

Whoever streams writes a token into the record number 0 first, and says up to where there is nothing more to claim only by finding
its own there: a process that was thought dead claims nothing any more (it would at a position that is past, and what is claimed
there passes for published).
"""

from __future__ import annotations

import itertools
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
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
    UNIQUE_VIOLATED,
    is_passing,
    message_of,
    ora_code,
    translate,
)
from voyager_ops.databases.oracle.logminer.session import read_incarnation
from voyager_ops.databases.oracle.logminer.stream import watermark_key
from voyager_ops.databases.oracle.reading import current_scn
from voyager_ops.databases.oracle.triggers.reading import Batch, BatchReader
from voyager_ops.databases.oracle.triggers.statements import BATCHES, ChangeTable
from voyager_ops.databases.oracle.triggers.structure import Changed, Structure
from voyager_ops.databases.postgres.lsn import from_position
from voyager_ops.errors import SourceChanged, StreamLost
from voyager_ops.failpoints import hit, register
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import Position

OWNED = register("capture.triggers.owned")
BEFORE_CLAIM = register("capture.triggers.before_claim")
MARKED = register("capture.triggers.marked")
CLAIMED = register("capture.triggers.claimed")
BEFORE_FORGET = register("capture.triggers.before_forget")
FORGOTTEN = register("capture.triggers.forgotten")

AT_ONCE: Final = 50
"""Tables looked at in one statement."""
MARKED_AT_ONCE: Final = 10_000
"""Changes marked one by one with one statement."""
_IDLE_SECONDS: Final = (0.2, 2.0)
"""Between two looks: twice as long as the last look took, within these bounds."""
_NOTE_SECONDS: Final = 1.0
"""While there is nothing to claim that is written down no more often."""

R = TypeVar("R")


@dataclass(frozen=True)
class Pending:
    """Changes of one table: how many, the first and the last number."""

    table: ChangeTable
    count: int
    first: int
    last: int


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
        self._reader: BatchReader | None = None
        self._last = 0
        """Number of the last batch that was claimed."""
        self._seen = 0
        """SCN up to which everything was claimed, or there was nothing."""
        self._published = 0
        self._waiting: deque[tuple[Batch, Sequence[ChangeTable]]] = deque()
        self._given: deque[tuple[Batch, Sequence[ChangeTable]]] = deque()
        self._giving = False
        self._token = 0
        """Ours in the record number 0, once it is there."""
        self._noted = 0
        """SCN up to which that record says that everything was claimed."""
        self._note_at = 0.0
        self._next_look = 0.0
        self._stop: SourceChanged | None = None

    def begin(self, published: Position, spill: Callable[[], Path]) -> None:
        """See ``ChangeStream``."""
        document: dict[str, Any] = self._context.state.get(watermark_key(self._context)) or {}
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
                return _batches(cursor)

        batches = self._run(look, "reading the batches")
        self._last = batches[-1].number if batches else 0
        done = [batch for batch in batches if batch.end <= self._published]
        for batch in batches[len(done) :]:
            tables = [each.table for each in self._run(partial(self._pending, batch.number), "looking for changes")]
            self._waiting.append((batch, tables))
        if done:
            self._forget(done[-1].number, self._tables)
        self._seen = max([positions.scn_of(self._published), *(batch.scn for batch in batches)])
        self._reader = BatchReader(self._connection, self._context.migration, path)

    def transactions(self) -> Iterator[CapturedTransaction]:
        """Batches that are claimed and were not given, or the next one. See ``ChangeStream``."""
        assert self._reader is not None
        if self._stop is not None:
            raise self._stop
        if not self._token:
            self._run(self._own, "taking over the batches")
        if not self._waiting:
            started = time.monotonic()
            if started < self._next_look:
                return
            self._run(self._claim, "claiming changes")
            now = time.monotonic()
            self._next_look = now + min(max(2 * (now - started), _IDLE_SECONDS[0]), _IDLE_SECONDS[1])
        self._giving = bool(self._waiting)
        while self._waiting:
            self._check_structure()
            batch, tables = self._waiting[0]
            transaction = self._run(partial(self._reader.read, batch, tables), "reading changes")
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
        if self._giving or self._waiting or self._reader is None or self._stop is not None:
            return None
        seen = max(positions.position(self._noted, positions.LAST_ORDINAL), self._published)
        return positions.text(positions.scn_of(seen), positions.ordinal_of(seen))

    def close(self) -> None:
        """See ``ChangeStream``."""
        try:
            self._connection.close()
        except oracledb.Error:
            return  # it was gone already

    # -- claiming ------------------------------------------------------------------------------------------------------
    def _own(self) -> None:
        """From here on nobody else claims."""
        token = secrets.randbelow(10**18) + 1
        with self._connection.cursor() as cursor:
            cursor.execute(f"UPDATE {BATCHES} SET FROM_SCN = :token WHERE N = 0", token=token)  # noqa: S608 -- a constant
            if not cursor.rowcount:
                try:
                    cursor.execute(
                        f"INSERT INTO {BATCHES} (N, FROM_SCN, SCN, CLAIMED_AT) VALUES (0, :token, 0, 0)",  # noqa: S608
                        token=token,
                    )
                except oracledb.Error as error:
                    if ora_code(error) == UNIQUE_VIOLATED:
                        raise self._cut("another process begins to capture too") from None
                    raise
            self._connection.commit()
            hit(OWNED)
            batches = _batches(cursor)
            self._seen = max(self._seen, int(cursor.execute(f"SELECT SCN FROM {BATCHES} WHERE N = 0").fetchone()[0]))  # noqa: S608
        if (batches[-1].number if batches else 0) != self._last:
            raise self._cut("another process claimed changes meanwhile")
        self._token = token

    def _claim(self) -> None:
        scn = current_scn(self._connection)
        if scn <= self._seen:
            return
        try:
            pending = self._pending(0, scn)
        except oracledb.Error as error:
            if ora_code(error) in SNAPSHOT_TOO_OLD | DEFINITION_CHANGED:
                return  # at a later moment, then
            raise
        if pending:
            self._mark(scn, pending)
        elif time.monotonic() >= self._note_at:
            with self._connection.cursor() as cursor:
                self._note(cursor, scn)
            self._connection.commit()
        self._seen = scn

    def _note(self, cursor: oracledb.Cursor, scn: int) -> None:
        """Say that everything up to ``scn`` is claimed, in the transaction that claims it. Raises StreamCut: it is not for us."""
        cursor.execute(
            f"UPDATE {BATCHES} SET SCN = :scn WHERE N = 0 AND FROM_SCN = :token",  # noqa: S608 -- a constant
            scn=scn,
            token=self._token,
        )
        if cursor.rowcount != 1:
            raise self._cut("another process captures now")
        self._noted = scn
        self._note_at = time.monotonic() + _NOTE_SECONDS

    def _mark(self, scn: int, pending: Sequence[Pending]) -> None:
        batch = Batch(self._last + 1, self._seen + 1, scn, time.time())
        hit(BEFORE_CLAIM)
        with self._connection.cursor() as cursor:
            self._note(cursor, scn)
            cursor.execute(
                f"INSERT INTO {BATCHES} (N, FROM_SCN, SCN, CLAIMED_AT) VALUES (:n, :first, :scn, TO_NUMBER(:at))",  # noqa: S608
                n=batch.number,
                first=batch.first,
                scn=scn,
                at=f"{batch.claimed_at:.6f}",
            )
            for each in pending:
                self._mark_table(cursor, batch, each)
        hit(MARKED)
        self._connection.commit()
        hit(CLAIMED)
        self._last = batch.number
        self._waiting.append((batch, [each.table for each in pending]))

    def _mark_table(self, cursor: oracledb.Cursor, batch: Batch, pending: Pending) -> None:
        """Those committed as of the batch's moment: all between the first and the last, unless some committed since."""
        shown = pending.table.shown
        cursor.execute("SAVEPOINT VOYAGER_OPS_CLAIM")
        cursor.execute(
            f"UPDATE {shown} SET BATCH = :n WHERE BATCH = 0 AND SEQ BETWEEN :low AND :high",  # noqa: S608 -- quoted names
            n=batch.number,
            low=pending.first,
            high=pending.last,
        )
        if cursor.rowcount == pending.count:
            return
        cursor.execute("ROLLBACK TO SAVEPOINT VOYAGER_OPS_CLAIM")
        last = pending.first - 1
        for _ in range(0, pending.count, MARKED_AT_ONCE):
            cursor.execute(
                f"SELECT SEQ FROM {shown} AS OF SCN {batch.scn} WHERE BATCH = 0 AND SEQ > :last ORDER BY SEQ"  # noqa: S608 -- quoted names
                f" FETCH FIRST {MARKED_AT_ONCE} ROWS ONLY",
                last=last,
                fetch_decimals=True,
            )
            rows = [(batch.number, row[0]) for row in cursor.fetchall()]
            last = int(rows[-1][1])
            cursor.executemany(f"UPDATE {shown} SET BATCH = :1 WHERE BATCH = 0 AND SEQ = :2", rows)  # noqa: S608 -- quoted names
            if cursor.rowcount != len(rows):
                raise self._cut("changes were claimed by another process")

    def _pending(self, batch: int, scn: int | None = None) -> list[Pending]:
        """The changes of ``batch`` (0: of none yet), now or as of ``scn``."""
        moment = "" if scn is None else f" AS OF SCN {scn}"
        found: list[Pending] = []
        with self._connection.cursor() as cursor:
            for start in range(0, len(self._tables), AT_ONCE):
                part = self._tables[start : start + AT_ONCE]
                statement = " UNION ALL ".join(
                    f"SELECT {place} AS T, COUNT(*) AS HOW_MANY, MIN(SEQ) AS LOW, MAX(SEQ) AS HIGH FROM {table.shown}{moment}"  # noqa: S608 -- quoted names
                    f" WHERE BATCH = {batch}"
                    for place, table in enumerate(part)
                )
                cursor.execute(statement, fetch_decimals=True)
                found += [
                    Pending(part[int(place)], int(count), int(low), int(high))
                    for place, count, low, high in cursor.fetchall()
                    if count
                ]
        return found

    def _forget(self, number: int, tables: Sequence[ChangeTable]) -> None:
        """Delete the batches up to ``number``; the last one's record stays, for the next one's number."""

        def delete() -> None:
            with self._connection.cursor() as cursor:
                for table in tables:
                    cursor.execute(f"DELETE FROM {table.shown} WHERE BATCH BETWEEN 1 AND :n", n=number)  # noqa: S608 -- quoted names
                cursor.execute(f"DELETE FROM {BATCHES} WHERE N > 0 AND N < :n", n=number)  # noqa: S608 -- a constant
            hit(BEFORE_FORGET)
            self._connection.commit()
            hit(FORGOTTEN)

        self._run(delete, "deleting what is published")

    # -- errors --------------------------------------------------------------------------------------------------------
    def _check_structure(self) -> None:
        try:
            self._run(lambda: self._structure.check(self._connection), "looking at the tables' structure")
        except Changed as found:
            name, side = found.table.frames.name, self._database.side
            self._stop = SourceChanged(
                f"table {name} on the {side} changed in a way that capture by triggers does not see: {found.how}",
                state="every change before it is in the change log and can be applied; nothing from it on was published",
                next_step="to go on, end this migration (voyager-ops end migration) and start it anew",
            )
            raise self._stop from None

    def _run(self, what: Callable[[], R], words: str) -> R:
        try:
            return what()
        except oracledb.Error as error:
            if ora_code(error) == NOT_THERE:
                raise self._lost(f"our tables of changes are gone ({message_of(error)})") from None
            if is_passing(error):
                raise self._cut(message_of(error)) from error
            raise translate(
                error,
                f"{words} failed on the {self._database.side} {self._database.where}",
                "nothing is lost: the tables of changes keep what was not published",
                "mend what the server says, then start the command again",
            ) from None

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


def _batches(cursor: oracledb.Cursor) -> list[Batch]:
    statement = f"SELECT N, FROM_SCN, SCN, CLAIMED_AT FROM {BATCHES} WHERE N > 0 ORDER BY N"  # noqa: S608 -- a constant
    rows = cursor.execute(statement, fetch_decimals=True).fetchall()
    return [Batch(int(number), int(first), int(scn), float(at)) for number, first, scn, at in rows]
