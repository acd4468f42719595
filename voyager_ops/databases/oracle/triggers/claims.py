"""What is asked of the tables of changes: who claims, what a batch holds, what is deleted again.

Whoever streams writes a token into the record number 0 first, and says up to where there is nothing more to claim only by finding
its own there: a process that was thought dead claims nothing any more (it would at a position that is past, and what is claimed
there passes for published).
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import oracledb

from voyager_ops.databases.oracle.errors import UNIQUE_VIOLATED, ora_code
from voyager_ops.databases.oracle.triggers.reading import Batch
from voyager_ops.databases.oracle.triggers.statements import BATCHES, ChangeTable
from voyager_ops.failpoints import hit, register

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


class Overtaken(Exception):
    """Another process claims; the message says how it shows."""


@dataclass(frozen=True)
class Pending:
    """Changes of one table: how many, the first and the last number."""

    table: ChangeTable
    count: int
    first: int
    last: int


class Claims:
    """On one session, each method in a transaction of its own. Raises oracledb.Error and Overtaken."""

    def __init__(self, connection: oracledb.Connection) -> None:
        self._connection = connection
        self._token = 0

    @property
    def owned(self) -> bool:
        """Whether our token is, or was, in the record number 0."""
        return bool(self._token)

    def batches(self) -> list[Batch]:
        """Those that are claimed and not deleted; the last one's record stays."""
        statement = f"SELECT N, FROM_SCN, SCN, CLAIMED_AT FROM {BATCHES} WHERE N > 0 ORDER BY N"  # noqa: S608 -- a constant
        with self._connection.cursor() as cursor:
            rows = cursor.execute(statement, fetch_decimals=True).fetchall()
        return [Batch(int(number), int(first), int(scn), float(at)) for number, first, scn, at in rows]

    def own(self, last: int) -> int:
        """From here on nobody else claims. ``last``: the last batch that we know of. Returns the SCN up to which everything was
        claimed, or there was nothing."""
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
                        raise Overtaken("another process begins to capture too") from None
                    raise
            self._connection.commit()
            hit(OWNED)
            batches = self.batches()
            seen = int(cursor.execute(f"SELECT SCN FROM {BATCHES} WHERE N = 0").fetchone()[0])  # noqa: S608 -- a constant
        if (batches[-1].number if batches else 0) != last:
            raise Overtaken("another process claimed changes meanwhile")
        self._token = token
        return seen

    def pending(self, tables: Sequence[ChangeTable], batch: int, scn: int | None = None) -> list[Pending]:
        """The changes of ``batch`` (0: of none yet), now or as of ``scn``."""
        moment = "" if scn is None else f" AS OF SCN {scn}"
        found: list[Pending] = []
        with self._connection.cursor() as cursor:
            for start in range(0, len(tables), AT_ONCE):
                part = tables[start : start + AT_ONCE]
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

    def claim(self, batch: Batch, pending: Sequence[Pending]) -> None:
        """Make ``pending``, found as of the batch's moment, the batch."""
        hit(BEFORE_CLAIM)
        with self._connection.cursor() as cursor:
            self._note(cursor, batch.scn)
            cursor.execute(
                f"INSERT INTO {BATCHES} (N, FROM_SCN, SCN, CLAIMED_AT) VALUES (:n, :first, :scn, TO_NUMBER(:at))",  # noqa: S608
                n=batch.number,
                first=batch.first,
                scn=batch.scn,
                at=f"{batch.claimed_at:.6f}",
            )
            for each in pending:
                self._mark(cursor, batch, each)
        hit(MARKED)
        self._connection.commit()
        hit(CLAIMED)

    def note(self, scn: int) -> None:
        """Say that there is nothing to claim up to ``scn``."""
        with self._connection.cursor() as cursor:
            self._note(cursor, scn)
        self._connection.commit()

    def forget(self, number: int, tables: Sequence[ChangeTable]) -> None:
        """Delete the batches up to ``number``; the last one's record stays, for the next one's number."""
        with self._connection.cursor() as cursor:
            for table in tables:
                cursor.execute(f"DELETE FROM {table.shown} WHERE BATCH BETWEEN 1 AND :n", n=number)  # noqa: S608 -- quoted names
            cursor.execute(f"DELETE FROM {BATCHES} WHERE N > 0 AND N < :n", n=number)  # noqa: S608 -- a constant
        hit(BEFORE_FORGET)
        self._connection.commit()
        hit(FORGOTTEN)

    # -- inside --------------------------------------------------------------------------------------------------------
    def _note(self, cursor: oracledb.Cursor, scn: int) -> None:
        """In the transaction that claims."""
        cursor.execute(
            f"UPDATE {BATCHES} SET SCN = :scn WHERE N = 0 AND FROM_SCN = :token",  # noqa: S608 -- a constant
            scn=scn,
            token=self._token,
        )
        if cursor.rowcount != 1:
            raise Overtaken("another process captures now")

    def _mark(self, cursor: oracledb.Cursor, batch: Batch, pending: Pending) -> None:
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
                raise Overtaken("changes were claimed by another process")
