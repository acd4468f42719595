"""What the SQL engine tells the redo side, and asks of it: tables, statements, savepoints, commits, SCNs, V$ views.

``redo.RedoLog`` is the ``Recorder``. How an engine uses it:

* At its start: ``RedoLog(dsn, ...)`` (a PostgreSQL superuser's DSN); it creates schema ``sim_redo`` and the V$ views in
  schema ``SYS``.
* Per session: ``open_session``, once, on the session's own PostgreSQL connection (in autocommit, ``client_min_messages`` no
  higher than ``notice``), and ``close`` at its end.
* Around every statement that may change rows: ``with session.statement(): ...``, the error leaving the block (an
  OracleError raised from PostgreSQL's error will do), PostgreSQL's own savepoint outside of it. Array DML: a block per row
  of binds, as each is a statement that may fail. Rows arrive by themselves (triggers, notices).
* ``SAVEPOINT``/``ROLLBACK TO``: ``savepoint``/``rollback_to``. End of transaction: ``commit(end)``/``rollback(end)``, where
  ``end`` ends PostgreSQL's transaction; nobody else may end it.
* DDL: commit what is open; run the statement in a PostgreSQL transaction; ``table_changed``/``table_dropped``;
  ``session.ddl(...)``; ``session.commit(end)``. A statement that cannot have its lock at once is ORA-00054: the engine
  must never wait for a table lock inside ``commit``.
* Before every query that names one of ``VIEWS`` (folded, ``V_$X`` and ``GV$X`` taken as ``V$X``): ``before_query``. The
  translated statement then reads ``"V$X"`` *without* a schema: most are views in ``SYS`` over what the session was told,
  ``V$LOGMNR_CONTENTS`` is a temporary table of the session.
* PL/SQL that names ``DBMS_LOGMNR``: ``run_block``. ``ALTER SYSTEM/DATABASE``: ``administer``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Protocol

import psycopg

from voyager_ops.testing.oracle.engine import BindValue, Value

VIEWS = frozenset(
    {
        "V$DATABASE",
        "V$THREAD",
        "V$LOG",
        "V$LOGFILE",
        "V$ARCHIVED_LOG",
        "V$LOG_HISTORY",
        "V$ARCHIVE_DEST_STATUS",
        "V$TRANSACTION",
        "V$LOGMNR_LOGS",
        "V$LOGMNR_PARAMETERS",
        "V$LOGMNR_CONTENTS",
    }
)


class ColumnRole(Enum):
    """What a column of the PostgreSQL table is for the redo."""

    LOGGED = "logged"
    ROWID = "rowid"
    """Not a column in Oracle: a number (bigint) that stays with the row from insert to delete; becomes ROW_ID."""
    SILENT = "silent"
    """Not in the redo: virtual columns, and helpers of the engine."""


@dataclass(frozen=True, slots=True)
class RedoColumn:
    """A column of the PostgreSQL table that stands for an Oracle table.

    ``type``: Oracle's type without numbers (``NUMBER``, ``TIMESTAMP WITH TIME ZONE``, …), ``scale`` of TIMESTAMP and
    INTERVAL the fractional digits, ``precision`` of INTERVAL the leading digits, ``length`` of CHAR the blank-padded
    characters, or bytes where ``in_bytes``. ``decode``: PostgreSQL's text output of the column -> the value (never called for
    NULL).
    """

    name: str
    type: str
    decode: Callable[[str], Value]
    length: int = 0
    precision: int | None = None
    scale: int | None = None
    role: ColumnRole = ColumnRole.LOGGED
    in_bytes: bool = False

    def padded(self, text: str) -> str:
        """A value of CHAR or NCHAR as it is stored; of other types as it is."""
        if self.type not in ("CHAR", "NCHAR"):
            return text
        return text + " " * (self.length - len(text.encode() if self.in_bytes else text))

    @property
    def national(self) -> bool:
        """NCHAR, NVARCHAR2, NCLOB."""
        return self.type in {"NCHAR", "NVARCHAR2", "NCLOB"}


@dataclass(frozen=True, slots=True)
class RedoTable:
    """An Oracle table as it is now.

    ``columns``: exactly the columns of the PostgreSQL table ``relation`` (schema, name), in its order.
    ``key``: columns of the primary key; ``unique``/``foreign``: of each unique/foreign key. ``supplemental``: of ``ALL``,
    ``PRIMARY KEY``, ``UNIQUE``, ``FOREIGN KEY``; ``log_groups``: columns of each log group that is ALWAYS.
    ``temporary``: a global temporary table. Partitions of ``relation`` need no registration of their own.
    """

    owner: str
    name: str
    object_id: int
    data_object_id: int
    relation: tuple[str, str]
    columns: tuple[RedoColumn, ...]
    key: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    foreign: tuple[tuple[str, ...], ...] = ()
    supplemental: frozenset[str] = frozenset()
    log_groups: tuple[tuple[str, ...], ...] = ()
    temporary: bool = False


@dataclass(frozen=True, slots=True)
class Nls:
    """The session settings that redo literals are printed by. ``offset_minutes``: the session's TIME_ZONE."""

    date_format: str = "DD-MON-RR"
    timestamp_format: str = "DD-MON-RR HH.MI.SSXFF AM"
    timestamp_tz_format: str = "DD-MON-RR HH.MI.SSXFF AM TZR"
    numeric_characters: str = ".,"
    offset_minutes: int = 0


class SessionRecorder(Protocol):
    """The redo side of one session. Called from the session's thread only."""

    nls: Nls
    """The engine replaces it upon ALTER SESSION SET NLS_…/TIME_ZONE."""
    client_identifier: str

    @property
    def in_transaction(self) -> bool:
        """Whether the session's transaction has written redo (it then stands in V$TRANSACTION)."""
        ...

    def statement(self) -> AbstractContextManager[None]:
        """Around one statement. Leaving with an error: what it wrote is undone in the redo (ROLLBACK=1 rows)."""
        ...

    def savepoint(self, name: str) -> None: ...

    def rollback_to(self, name: str) -> None:
        """Before PostgreSQL's ROLLBACK TO. Raises OracleError ORA-01086 for a name that was never established."""
        ...

    def commit(self, end: Callable[[], None]) -> None:
        """Commit under the lock that gives the commit SCN; ``end`` must commit in PostgreSQL.

        When ``end`` raises, the transaction is recorded as rolled back and the error passes on.
        """
        ...

    def rollback(self, end: Callable[[], None]) -> None:
        """Roll back; the redo gets the undo rows and the ROLLBACK row."""
        ...

    def ddl(self, text: str, owner: str, name: str, kind: str = "TABLE", *, internal: bool = False) -> None:
        """A DDL statement in the running PostgreSQL transaction, before its ``commit``.

        ``kind``: TABLE, INDEX, USER, … ``internal``: INFO starts with ``INTERNAL DDL``.
        """
        ...

    def run_block(self, text: str, binds: Mapping[str, BindValue]) -> bool:
        """Execute a PL/SQL block of calls of DBMS_LOGMNR and DBMS_LOGMNR_D; False: it is none of ours.

        ``binds`` by name, upper case without the colon.
        """
        ...

    def before_query(self, names: Collection[str]) -> None:
        """Put the contents of those of ``names`` that are in ``VIEWS`` (or ``scn_functions.FUNCTIONS``) before its eyes.

        Raises OracleError, e.g. ORA-01306 when V$LOGMNR_CONTENTS is asked for without a LogMiner session.
        """
        ...

    def close(self) -> None:
        """End of the session; an open transaction counts as rolled back (PostgreSQL's must have ended)."""
        ...


class Recorder(Protocol):
    """The redo side of the database. Called from many threads."""

    def table_changed(self, connection: psycopg.Connection[Any], table: RedoTable) -> None:
        """A table was created or altered, its constraints or its supplemental logging included.

        Installs the triggers on ``connection`` (in its transaction). Redo written before and mined later is then printed
        as LogMiner prints what its dictionary no longer matches, if the columns changed.
        """
        ...

    def table_dropped(self, owner: str, name: str) -> None: ...

    def open_session(
        self, connection: psycopg.Connection[Any], *, user: str, session_id: int, serial: int, thread: int | None = None
    ) -> SessionRecorder:
        """``thread``: the redo thread (instance) that the session writes to; default: dealt out in turn."""
        ...

    def administer(self, text: str) -> bool:
        """Execute an ALTER SYSTEM or ALTER DATABASE statement of ours; False: it is none of ours.

        Ours: SWITCH LOGFILE, ARCHIVE LOG CURRENT/ALL, CHECKPOINT, [NO]ARCHIVELOG, ADD/DROP SUPPLEMENTAL LOG DATA.
        """
        ...

    def current_scn(self) -> int:
        """A new SCN: every commit that had returned is at or below it, every later one above; flashback to it works."""
        ...

    def as_of(self, scn: int, tables: Sequence[tuple[str, str]] = ()) -> AbstractContextManager[str]:
        """Within the block: the id of a PostgreSQL snapshot that sees the commits up to ``scn``, to be imported there.

        Raises OracleError: ORA-01555 when the snapshot is gone, ORA-08181 for an SCN that is not there yet, ORA-01466
        when one of ``tables`` (owner, name) changed after ``scn``.
        """
        ...

    def scn_at(self, moment: datetime) -> int:
        """TIMESTAMP_TO_SCN of a moment in UTC (naive). ORA-08180 outside of what is remembered."""
        ...

    def moment_of(self, scn: int) -> datetime:
        """SCN_TO_TIMESTAMP, in UTC (naive). ORA-08181 outside of what is remembered."""
        ...
