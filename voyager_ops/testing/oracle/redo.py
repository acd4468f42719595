"""The redo side of the simulated database: one ``RedoLog``, and a ``RedoSession`` for every session of the engine.

Row changes come from PostgreSQL (``row_notices``) and go to the store in the order in which they were made. What LogMiner
makes of them is in ``logminer``; the V$ views are in ``redo_views``.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import struct
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import psycopg

from voyager_ops.testing.oracle import scn_functions
from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.faults import Faults, injected
from voyager_ops.testing.oracle.flashback import Flashback
from voyager_ops.testing.oracle.recorder import RedoTable
from voyager_ops.testing.oracle.redo_logs import RedoLogs
from voyager_ops.testing.oracle.redo_rows import COLUMNS
from voyager_ops.testing.oracle.redo_session import RedoSession
from voyager_ops.testing.oracle.redo_store import RedoRecord, RedoStore
from voyager_ops.testing.oracle.redo_tables import RedoTables
from voyager_ops.testing.oracle.redo_text import INJECTED
from voyager_ops.testing.oracle.redo_views import install_views
from voyager_ops.testing.oracle.row_notices import install_functions, install_triggers
from voyager_ops.testing.oracle.scn import ScnClock


@dataclass(slots=True)
class RedoSettings:
    """How the simulated database is set up; all but the first four may be changed while it runs.

    ``threads``: redo threads (RAC instances). ``cluster``: each can be reached by a port of its own, and LAST_REDO_CHANGE# is
    that of the thread's own last record. ``log_bytes``: size of an online log. ``groups``: online logs per thread.
    ``snapshots``: how many states AS OF SCN can go back to. ``lazy_flush``: a commit's own COMMIT record can be mined only
    once another commit has flushed it. ``snapshot_commits``: which commits' states are held for AS OF SCN: of transactions
    that changed LOBs, all, none. ``unresolved_xids``: changes of transactions that began before the mined SCNs have an XID
    that ends in ffffffff. ``name_limit``: tables with longer names, or columns, are UNSUPPORTED for LogMiner (30 up to 21c).
    ``sql_undo``: fill SQL_UNDO. ``destinations``: how many copies of an archived log V$ARCHIVED_LOG lists; only the first can be
    mined. ``recovery_area``: the copies are listed as files of the recovery area.
    """

    threads: int = 1
    cluster: bool = False
    log_bytes: int = 50 << 20
    groups: int = 3
    snapshots: int = 24
    archiving: bool = True
    lazy_flush: bool = False
    snapshot_commits: Literal["lob", "all", "none"] = "lob"
    unresolved_xids: bool = False
    name_limit: int | None = None
    sql_undo: bool = False
    destinations: int = 1
    recovery_area: bool = False
    container: str = "FREEPDB1"
    database_name: str = "FREE"


@dataclass(frozen=True, slots=True)
class Context:
    """What the redo knows of the session that wrote it."""

    user: str
    session_id: int
    serial: int
    client_identifier: str


class RedoLog:
    """The recorder (see ``recorder.Recorder``). ``dsn``: of a PostgreSQL superuser in the simulator's database."""

    def __init__(self, dsn: str, settings: RedoSettings | None = None) -> None:
        self.settings = settings or RedoSettings()
        self.clock = ScnClock()
        self.logs = RedoLogs(
            self.clock,
            self.settings.threads,
            self.settings.log_bytes,
            self.settings.groups,
            archiving=self.settings.archiving,
        )
        self.store = RedoStore()
        self.tables = RedoTables()
        self.faults = Faults()
        self.flashback = Flashback(dsn, self.clock, self.settings.snapshots)
        self.supplemental: set[str] = set()
        """Database-wide: ``MIN``, ``ALL``, ``PRIMARY KEY``, ``UNIQUE``, ``FOREIGN KEY``."""
        self.contexts: list[Context] = []
        self.sessions: set[RedoSession] = set()
        self.opened = time.time()
        self._flushed = 0
        self._transactions = itertools.count()
        self._next_thread = itertools.count()
        with psycopg.connect(dsn, autocommit=True) as connection:
            install_functions(connection)
            install_views(connection)
            scn_functions.install_functions(connection)

    def close(self) -> None:
        """End the snapshots and give the redo back."""
        self.flashback.close()
        self.store.close()

    # -- Recorder -------------------------------------------------------------------------------------------------------

    def table_changed(self, connection: psycopg.Connection[Any], table: RedoTable) -> None:
        """See ``Recorder``."""
        install_triggers(connection, table)
        with self.clock.lock:
            self.tables.set(table, frozenset(self.supplemental))

    def table_dropped(self, owner: str, name: str) -> None:
        """See ``Recorder``."""
        with self.clock.lock:
            self.tables.drop(owner, name)

    def open_session(
        self, connection: psycopg.Connection[Any], *, user: str, session_id: int, serial: int, thread: int | None = None
    ) -> RedoSession:
        """See ``Recorder``."""
        number = thread or next(self._next_thread) % self.settings.threads + 1
        session = RedoSession(self, connection, user, session_id, serial, number)
        with self.clock.lock:
            self.sessions.add(session)
        return session

    def administer(self, text: str) -> bool:
        """See ``Recorder``."""
        words = " ".join(text.upper().rstrip("; \n").split())
        if words in {"ALTER SYSTEM SWITCH LOGFILE", "ALTER SYSTEM ARCHIVE LOG CURRENT"}:
            # ARCHIVE LOG CURRENT switches every thread; SWITCH LOGFILE the session's, of which nothing is known here.
            self.switch_logs()
        elif words in {"ALTER SYSTEM ARCHIVE LOG ALL", "ALTER SYSTEM CHECKPOINT"}:
            self.logs.archive()
        elif words in {"ALTER DATABASE ARCHIVELOG", "ALTER DATABASE NOARCHIVELOG"}:
            self.logs.archiving = "NOARCHIVELOG" not in words
        elif match := re.fullmatch(r"ALTER DATABASE (ADD|DROP) SUPPLEMENTAL LOG DATA(?: ?\(([A-Z ,]+)\) COLUMNS)?", words):
            names = [re.sub(r" INDEX$", "", name.strip()) for name in (match.group(2) or "MIN").split(",")]
            with self.clock.lock:
                if match.group(1) == "ADD":
                    self.supplemental |= {*names, "MIN"}
                elif names == ["MIN"] and self.supplemental > {"MIN"}:
                    raise OracleError(32589, "unable to drop minimal supplemental logging")
                else:
                    self.supplemental -= set(names)
                self.tables.set_database_logging(frozenset(self.supplemental))
        else:
            return False
        return True

    def current_scn(self) -> int:
        """See ``Recorder``."""
        with self.clock.commit_lock:
            scn = self.clock.observe()
            self.flashback.take()
        return scn

    @contextlib.contextmanager
    def as_of(self, scn: int, tables: Sequence[tuple[str, str]] = ()) -> Iterator[str]:
        """See ``Recorder``."""
        for owner, name in tables:
            if self.tables.changed_at(owner, name) > scn:
                raise OracleError(1466, "unable to read data - table definition has changed")
        with self.flashback.as_of(scn) as snapshot:
            yield snapshot

    def scn_at(self, moment: datetime) -> int:
        """See ``Recorder``."""
        return self.clock.scn_at(moment)

    def moment_of(self, scn: int) -> datetime:
        """See ``Recorder``."""
        return self.clock.moment_of(scn)

    # -- for tests --------------------------------------------------------------------------------------------------------

    def switch_logs(self, threads: Collection[int] = ()) -> None:
        """A log switch of these threads (default: all)."""
        with self.clock.commit_lock, self.clock.lock:
            for number in threads or self.logs.threads:
                self.logs.switch(number)

    def inject(self, columns: Mapping[str, Any], *, thread: int = 1) -> int:
        """Write a row of V$LOGMNR_CONTENTS as given; columns not given are as in a row without a table. Its SCN.

        Values: str, int, bytes (RAW), None. SCN, THREAD#, TIMESTAMP, RS_ID are given by the log unless ``columns`` has them.
        Raises ValueError for a column that is not there.
        """
        unknown = {name.upper() for name in columns} - set(COLUMNS)
        if unknown:
            raise ValueError(f"V$LOGMNR_CONTENTS has no columns {', '.join(sorted(unknown))}")
        record = RedoRecord(0, 0, thread, 0, INJECTED, bytes(8), -1, extra=json.dumps(injected(columns)))
        with self.clock.commit_lock, self.clock.lock:
            return self.store.get(self._append(record)).scn

    def flush(self) -> None:
        """LGWR writes what there is."""
        with self.clock.commit_lock:
            self._flushed = self.store.end

    # -- for the redo side --------------------------------------------------------------------------------------------------

    def visible(self) -> tuple[int, int]:
        """Where mining has to stop now: the ordinal, and the SCN up to which everything is there."""
        with self.clock.commit_lock, self.clock.lock:
            end, scn = self.store.end, self.clock.value - 1
            if self.settings.lazy_flush and self._flushed < end:
                return self._flushed, min(self.store.get(self._flushed).scn - 1, scn)
            return end, scn

    def new_xid(self, thread: int) -> bytes:
        """The XID of a new transaction: undo segment, slot, sequence as they stand in the RAW."""
        number = next(self._transactions)
        return struct.pack("<HHI", number % 10 + 1 + 10 * (thread - 1), number // 10 % 34, 500 + number // 340)

    def write(self, record: RedoRecord) -> int:
        """Append with the SCN, time and log of now; the ordinal."""
        with self.clock.lock:
            return self._append(record)

    def commit(self, record: RedoRecord, end: Callable[[], None], *, hold: bool) -> int:
        """Write a COMMIT whose place is taken before ``end`` commits in PostgreSQL; the commit SCN.

        ``hold``: its state will be asked for (AS OF SCN).
        """
        with self.clock.commit_lock:
            with self.clock.lock:
                sequence = self.logs.sequence_for(record.thread, record.size)
                ordinal, scn = self.store.reserve(), self.clock.commit()
            filled = record._replace(scn=scn, moment=int(time.time()), sequence=sequence)
            self.logs.threads[record.thread].last = scn
            try:
                end()
            except BaseException:
                self.store.resolve(ordinal, None)
                self.clock.withdraw(scn)
                raise
            self.store.resolve(ordinal, filled)
            self._flushed = max(self._flushed, ordinal)
            if hold:
                self.flashback.take()
            return scn

    def context(self, session: RedoSession) -> int:
        """The index of what is known of the session now."""
        context = Context(session.user, session.session_id, session.serial, session.client_identifier)
        with self.clock.lock:
            self.contexts.append(context)
            return len(self.contexts) - 1

    def _append(self, record: RedoRecord) -> int:
        sequence = self.logs.sequence_for(record.thread, record.size)
        self.logs.threads[record.thread].last = self.clock.value
        return self.store.append(record._replace(scn=self.clock.value, moment=int(time.time()), sequence=sequence))
