"""A LogMiner session: what the server is asked, and how it answers. The decisions are in :mod:`.logs` and :mod:`.stream`.

Mining runs in its own session, in CDB$ROOT where the tables are in a pluggable database and our user is a common one. A second,
ordinary one makes the log writer write (a commit of our flush table), and reads large values.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import oracledb

from voyager_ops.databases.base import StreamCut
from voyager_ops.databases.oracle.database import SIGNED_YEARS, OracleDatabase, container_of
from voyager_ops.databases.oracle.errors import MINING_ENDED, is_disconnect, message_of, ora_code
from voyager_ops.databases.oracle.logminer.instances import Instances, read_own_thread, write_flush
from voyager_ops.databases.oracle.logminer.logs import ENDLESS, Choice, Gone, LogFile, Thread, available, choose
from voyager_ops.databases.oracle.logminer.problems import lost
from voyager_ops.databases.oracle.logminer.rows import (
    COLUMNS,
    COMMIT,
    DDL,
    INTERNAL,
    MARKER,
    MISSING_SCN,
    OPERATIONS,
    ROLLBACK,
    START,
)
from voyager_ops.databases.oracle.names import literal
from voyager_ops.errors import PreconditionError, VoyagerOpsError
from voyager_ops.failpoints import hit, register

STARTED = register("capture.oracle.mining_started")

STALE: Final = frozenset({308, 310, 334, 1284, 1289, 1291, 1292, 1306, 1354})
"""The list of logs is no longer right, or a log is not readable yet (or no more): list them anew."""
HELD_SECONDS: Final = 30.0
"""So long nothing may become available, for want of another instance's redo, before that is said."""
TRIES: Final = 5
"""Of beginning to mine; the capture loop then connects anew, and tries again."""
IN_LIST: Final = 1000
"""Oracle takes no more items in one IN list."""
_OPTIONS: Final = "DBMS_LOGMNR.DICT_FROM_ONLINE_CATALOG + DBMS_LOGMNR.NO_ROWID_IN_STMT"

_DATABASE: Final = "SELECT DBID, CURRENT_SCN, RESETLOGS_CHANGE# FROM V$DATABASE"
_THREADS: Final = "SELECT THREAD#, STATUS, LAST_REDO_CHANGE# FROM V$THREAD"
_ONLINE: Final = (
    "SELECT L.THREAD#, L.SEQUENCE#, L.FIRST_CHANGE#, L.NEXT_CHANGE#, L.BYTES, L.STATUS, F.MEMBER"
    " FROM V$LOG L JOIN V$LOGFILE F ON F.GROUP# = L.GROUP# ORDER BY L.THREAD#, L.SEQUENCE#, F.MEMBER"
)
_ARCHIVED: Final = (
    "SELECT THREAD#, SEQUENCE#, FIRST_CHANGE#, NEXT_CHANGE#, BLOCKS * BLOCK_SIZE, STATUS, NAME, ARCHIVED, DEST_ID"
    " FROM V$ARCHIVED_LOG WHERE NEXT_CHANGE# > :low AND RESETLOGS_CHANGE# = :resetlogs ORDER BY THREAD#, SEQUENCE#, DEST_ID"
)
_DESTINATIONS: Final = "SELECT DEST_ID FROM V$ARCHIVE_DEST_STATUS WHERE STATUS = 'VALID' AND TYPE = 'LOCAL'"
_ZONE: Final = "SELECT TO_CHAR(SYSTIMESTAMP, 'TZH:TZM') FROM DUAL"


@dataclass(frozen=True)
class Incarnation:
    """Which database it is, and which life of it."""

    dbid: int
    resetlogs: int
    scn: int


def read_incarnation(cursor: oracledb.Cursor) -> Incarnation:
    row = cursor.execute(_DATABASE).fetchone()
    return Incarnation(int(row[0]), int(row[2]), int(row[1]))


def read_threads(cursor: oracledb.Cursor) -> dict[int, Thread]:
    """Redo threads by number."""
    return {
        int(number): Thread(int(number), status == "OPEN", int(last or 0))
        for number, status, last in cursor.execute(_THREADS).fetchall()
    }


def read_logs(cursor: oracledb.Cursor, low: int, resetlogs: int) -> tuple[list[LogFile], list[Gone]]:
    """Logs with SCNs after ``low`` that can be mined, and those known to be deleted."""
    files: list[LogFile] = []
    for thread, sequence, first, following, size, status, member in cursor.execute(_ONLINE).fetchall():
        if status != "UNUSED":
            end = ENDLESS if status == "CURRENT" or following is None else int(following)
            files.append(LogFile(int(thread), int(sequence), int(first), end, str(member), True, int(size or 0)))
    destinations = {row[0] for row in cursor.execute(_DESTINATIONS).fetchall()}
    gone: list[Gone] = []
    for thread, sequence, first, following, size, status, name, archived, destination in cursor.execute(
        _ARCHIVED, low=low, resetlogs=resetlogs
    ).fetchall():
        if status == "A" and name and archived == "YES" and destination in destinations:
            files.append(LogFile(int(thread), int(sequence), int(first), int(following), str(name), False, int(size or 0)))
        elif status in ("D", "X") or (status == "A" and not name):
            gone.append(Gone(int(thread), int(sequence), int(first), int(following)))
    kept = {(file.thread, file.sequence) for file in files}
    return files, [item for item in gone if (item.thread, item.sequence) not in kept]


def _named(tables: Iterable[tuple[str, str]]) -> list[str]:
    by_owner: dict[str, list[str]] = {}
    for owner, name in tables:
        by_owner.setdefault(owner, []).append(name)
    return [
        f"(SEG_OWNER = {literal(owner)} AND TABLE_NAME IN ({', '.join(literal(name) for name in names[at : at + IN_LIST])}))"
        for owner, names in sorted(by_owner.items())
        for at in range(0, len(names), IN_LIST)
    ]


def conditions(tables: Iterable[tuple[str, str]], large: Iterable[tuple[str, str]], container: str | None) -> str:
    """The WHERE clause beside the SCNs: what belongs to transactions, to ``tables`` (owner, name; ``large``: those of them that
    have large values), and DDL.

    Rows whose table LogMiner cannot name, and those of dropped tables, come too: the caller knows them by object number.
    """
    named = _named(tables)
    ends = _named(large)
    named += ["SEG_OWNER IS NULL", "SEG_OWNER = 'UNKNOWN'", "TABLE_NAME LIKE 'OBJ#%'", "TABLE_NAME LIKE 'BIN$%'"]
    of_transactions = ", ".join(str(code) for code in (START, COMMIT, ROLLBACK, MARKER, MISSING_SCN))
    of_tables = ", ".join(map(str, OPERATIONS))
    parts = [
        f"OPERATION_CODE IN ({of_transactions})",
        f"(OPERATION_CODE IN ({of_tables}) AND ({' OR '.join(named)}))",
        f"(OPERATION_CODE = {DDL} AND (INFO IS NULL OR INFO NOT LIKE 'INTERNAL DDL%'))",
    ]
    if ends:
        parts.append(f"(OPERATION_CODE = {INTERNAL} AND ({' OR '.join(ends)}))")
    where = f"({' OR '.join(parts)})"
    return f"SRC_CON_NAME = {literal(container)} AND {where}" if container else where


class Mining:
    """Two sessions on the database, and the LogMiner in one of them. One thread; :meth:`close` when done.

    ``flush``: whether our flush table may be written (a database that is open read-only has none).
    """

    FETCH: Final = 1000

    def __init__(
        self,
        database: OracleDatabase,
        tables: Sequence[tuple[str, str]],
        large: Sequence[tuple[str, str]] = (),
        *,
        flush: bool,
    ) -> None:
        """Raises ConnectionFailed, PreconditionError."""
        self.database = database
        self._flush = flush
        self._instances = Instances(database)
        self._horizon, self._since = 0, time.monotonic()
        self.held_back = ""
        """That the log writer of another instance keeps us from going on, in words; '' when none does."""
        # The miner's settings, for it reads rows again by the literals of their keys.
        self.plain = database.connect("capture", settings=SIGNED_YEARS)
        try:
            self._miner = database.connect("mining", root=True)
        except BaseException:
            self.plain.close()
            raise
        try:
            self._set_up(tables, large)
        except oracledb.Error as error:
            self.close()
            raise self.translated(error) from None
        except BaseException:
            self.close()
            raise

    def _set_up(self, tables: Sequence[tuple[str, str]], large: Sequence[tuple[str, str]]) -> None:
        own, mining = container_of(self.plain), container_of(self._miner)
        elsewhere = own is not None and mining is not None and own != mining
        self._select = (
            f"SELECT {COLUMNS} FROM V$LOGMNR_CONTENTS WHERE SCN > :low AND SCN <= :high AND "  # noqa: S608 -- names quoted
            + conditions(tables, large, own if elsewhere else None)
        )
        with self._miner.cursor() as cursor:
            self.incarnation = read_incarnation(cursor)
            threads = read_threads(cursor)
            self._own_thread: int | None = next((number for number, thread in threads.items() if thread.open), None)
            if sum(thread.open for thread in threads.values()) > 1:
                self._own_thread = read_own_thread(self.plain)
            self._zone = cursor.execute(_ZONE).fetchone()[0]
        self._files: tuple[LogFile, ...] = ()

    @property
    def offset_seconds(self) -> int:
        """What to take from a redo row's time to have UTC."""
        sign, hours, minutes = self._zone[0], self._zone[1:3], self._zone[4:6]
        return (int(hours) * 3600 + int(minutes) * 60) * (-1 if sign == "-" else 1)

    # -- how far -----------------------------------------------------------------------------------------------------
    def available(self) -> int:
        """The SCN up to which everything committed is in the log files. Raises StreamCut, StreamLost (another incarnation).

        Also sets :attr:`held_back`."""
        try:
            with self._miner.cursor() as cursor:
                now = read_incarnation(cursor)
                written: dict[int, int] = {}
                if self._flush:
                    written = self._instances.write()
                    scn = write_flush(self.plain)
                    if self._own_thread is not None:
                        written[self._own_thread] = scn
                threads = read_threads(cursor)
        except oracledb.Error as error:
            raise self.translated(error) from None
        if (now.dbid, now.resetlogs) != (self.incarnation.dbid, self.incarnation.resetlogs):
            raise lost(self.database, "the database was opened with RESETLOGS, or is another one")
        horizon, slow = available(now.scn, threads.values(), written)
        self._look_who_waits(horizon, slow)
        return horizon

    def _look_who_waits(self, horizon: int, slow: int | None) -> None:
        if slow is None or horizon > self._horizon:
            self._horizon, self._since, self.held_back = horizon, time.monotonic(), ""
        elif time.monotonic() - self._since > HELD_SECONDS:
            unreached = [f"{address}: {why}" for address, why in sorted(self._instances.failures.items())]
            self.held_back = (
                f"redo thread {slow} has written no redo for a while, and what the other instances commit waits for it: name"
                " every instance of the cluster in the URL of the source (instances=host:port,host:port)"
                + "".join(f"; {each}" for each in unreached)
            )

    # -- logs --------------------------------------------------------------------------------------------------------
    def choose(self, start: int, end: int) -> Choice:
        """The logs that hold (start, end]. Raises StreamCut."""
        try:
            return self._choose(start, end)
        except oracledb.Error as error:
            raise self.translated(error) from None

    def _choose(self, start: int, end: int) -> Choice:
        with self._miner.cursor() as cursor:
            files, gone = read_logs(cursor, start, self.incarnation.resetlogs)
            threads = read_threads(cursor)
        return choose(start, end, files, gone, threads)

    def start(self, start: int, end: int) -> None:
        """Begin mining (start, end]. Raises StreamLost when a log of it is gone, StreamCut when it stays unreadable."""
        why = ""
        for tries in range(1, TRIES + 1):
            try:
                choice = self._choose(start, end)
                if choice.purged:
                    raise lost(self.database, choice.purged)
                if not choice.missing:
                    self._begin(choice.files, start, end)
                    hit(STARTED)
                    return
                why = choice.missing
            except oracledb.Error as error:
                if is_disconnect(error) or ora_code(error) not in STALE:
                    raise self.translated(error) from None
                self._files, why = (), message_of(error)
            time.sleep(0.2 * tries)
        raise self.cut(why)

    def _begin(self, files: tuple[LogFile, ...], start: int, end: int) -> None:
        names = tuple(file.name for file in files)
        with self._miner.cursor() as cursor:
            if files != self._files:
                self._end(cursor)
                for name in names:
                    cursor.execute(
                        "BEGIN SYS.DBMS_LOGMNR.ADD_LOGFILE(LOGFILENAME => :name, OPTIONS => DBMS_LOGMNR.ADDFILE); END;", name=name
                    )
            cursor.execute(
                f"BEGIN SYS.DBMS_LOGMNR.START_LOGMNR(STARTSCN => :low, ENDSCN => :high, OPTIONS => {_OPTIONS}); END;",
                low=start + 1,
                high=end,
            )
        self._files = files

    def _end(self, cursor: oracledb.Cursor) -> None:
        """Also when nothing was begun: logs may have been added before an error."""
        self._files = ()
        try:
            cursor.execute("BEGIN SYS.DBMS_LOGMNR.END_LOGMNR(); END;")
        except oracledb.Error as error:
            if ora_code(error) != MINING_ENDED:
                raise

    def rows(self, low: int, high: int) -> Iterator[tuple[Any, ...]]:
        """The raw rows of (low, high]. Raises what :meth:`translated` gives."""
        try:
            with self._miner.cursor() as cursor:
                cursor.arraysize = self.FETCH
                cursor.prefetchrows = self.FETCH
                cursor.execute(self._select, low=low, high=high)
                while batch := cursor.fetchmany():
                    yield from batch
            self._still_there()
        except oracledb.Error as error:
            raise self.translated(error) from None

    def _still_there(self) -> None:
        """Online logs that were read must not have been written over meanwhile. Raises StreamCut."""
        with self._miner.cursor() as cursor:
            now = {(int(row[0]), int(row[1])) for row in cursor.execute(_ONLINE).fetchall()}
        for file in self._files:
            if file.online and (file.thread, file.sequence) not in now:
                raise self.cut(f"redo log {file.sequence} of thread {file.thread} was written over while it was read")

    # -- errors ------------------------------------------------------------------------------------------------------
    def cut(self, why: str) -> StreamCut:
        return StreamCut(
            f"mining on the {self.database.side} {self.database.where} was cut short: {why}",
            state="nothing is lost: it begins again with what is not published",
            next_step="run the command again",
        )

    def translated(self, error: oracledb.Error) -> VoyagerOpsError:
        """Our error for the server's: a cut for what passes, PreconditionError for missing rights."""
        code = ora_code(error)
        if code in (942, 1031, 6550, 1045):
            return PreconditionError(
                f"user {self.database.user} of the {self.database.side} {self.database.where} lacks a right that capture needs: "
                + message_of(error),
                state="nothing is lost: it goes on with what is not published",
                next_step="voyager-ops prepare source --print shows the grants; run them and start this command again",
            )
        return self.cut(message_of(error))

    def close(self) -> None:
        """End mining and both sessions; a session that is broken already is let go of."""
        self._instances.close()
        for connection in (getattr(self, "_miner", None), self.plain):
            if connection is None:
                continue
            try:
                connection.close()
            except oracledb.Error:
                continue  # it was gone already: the server frees what it held
