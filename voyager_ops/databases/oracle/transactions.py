"""Other people's transactions on an Oracle database: who has one open, and to which tables it has written."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import oracledb

from voyager_ops.databases.oracle.database import OracleDatabase, oracle
from voyager_ops.databases.oracle.errors import PRIVILEGE, ora_code, translate
from voyager_ops.databases.oracle.reading import current_scn
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.results import Progress, ProgressSink
from voyager_ops.model.tables import Table

_SESSION: Final = "S.SID, S.SERIAL#, S.USERNAME, S.PROGRAM, S.MACHINE, S.MODULE"
_OPEN: Final = (
    f"SELECT {_SESSION}, T.START_SCN, T.START_DATE, SYSDATE"  # noqa: S608 -- quoted names and binds
    " FROM GV$TRANSACTION T LEFT JOIN GV$SESSION S ON S.SADDR = T.SES_ADDR AND S.INST_ID = T.INST_ID ORDER BY T.START_SCN",
    f"SELECT {_SESSION}, T.START_SCN, T.START_DATE, SYSDATE"  # noqa: S608 -- quoted names and binds
    " FROM V$TRANSACTION T LEFT JOIN V$SESSION S ON S.SADDR = T.SES_ADDR ORDER BY T.START_SCN",
)
"""Of every instance of a cluster, or, where only that may be read, of ours."""
_LOCKED: Final = (
    f"SELECT {_SESSION}, L.OBJECT_ID"  # noqa: S608 -- quoted names and binds
    " FROM GV$LOCKED_OBJECT L JOIN GV$SESSION S ON S.SID = L.SESSION_ID AND S.INST_ID = L.INST_ID WHERE L.LOCKED_MODE >= 3",
    f"SELECT {_SESSION}, L.OBJECT_ID FROM V$LOCKED_OBJECT L JOIN V$SESSION S ON S.SID = L.SESSION_ID WHERE L.LOCKED_MODE >= 3",  # noqa: S608 -- quoted names and binds
)
"""Row exclusive and stronger: sessions that have written. Row share (2) is what SELECT FOR UPDATE has."""
_NO_SUCH_COLUMN: Final = 904
"""The cluster's form of a view without its INST_ID: not to be had, as without rights on it."""
_IN_DOUBT: Final = ("SELECT LOCAL_TRAN_ID FROM DBA_2PC_PENDING WHERE STATE = 'prepared'",)


@dataclass(frozen=True)
class Session:
    """A client's session as V$SESSION shows it."""

    sid: int | None
    serial: int
    user: str
    program: str
    machine: str
    module: str

    @classmethod
    def of(cls, row: Sequence[Any]) -> Session:
        sid, serial, *names = row[:6]
        return cls(None if sid is None else int(sid), int(serial or 0), *(str(name or "") for name in names))

    def __str__(self) -> str:
        if self.sid is None:
            return "a transaction without a session"
        return f"session {self.sid},{self.serial} ({self.user}, {self.module or self.program or 'no program'}, {self.machine})"


def ours(database: OracleDatabase, session: Session) -> bool:
    """Whether the session is one of this migration's."""
    user = database.user.strip('"').upper()
    return session.module.startswith(f"voyager-ops/{database.migration}"[:48]) and session.user.upper() == user


def writing(database: OracleDatabase, connection: oracledb.Connection, tables: Iterable[Table]) -> list[str]:
    """In words: other people's transactions that have written to ``tables`` and are open, those prepared by two phases too.

    Where V$LOCKED_OBJECT may not be read nobody can tell which tables: every open transaction counts then.
    """
    tables = list(tables)
    known = {leaf.oid: str(table.name) for table in tables for leaf in table.leaves}
    known |= {table.oid: str(table.name) for table in tables}
    rows = _either(connection, _LOCKED)
    if rows is None:
        return [str(session) for session, _, _ in open_transactions(database, connection)]
    found: dict[Session, set[str]] = {}
    for row in rows:
        session, number = Session.of(row), int(row[6])
        if number in known and not ours(database, session):
            found.setdefault(session, set()).add(known[number])
    result = [f"{session}, has written to {', '.join(sorted(names))}" for session, names in found.items()]
    result += [f"transaction {row[0]}, prepared and in doubt" for row in _either(connection, _IN_DOUBT) or ()]
    return result


def open_transactions(database: OracleDatabase, connection: oracledb.Connection) -> list[tuple[Session, int, float]]:
    """Other people's open transactions, the oldest first: session, START_SCN (0: not known), age in seconds."""
    found = []
    for row in _either(connection, _OPEN) or ():
        session = Session.of(row)
        if not ours(database, session):
            found.append((session, int(row[6] or 0), (row[8] - row[7]).total_seconds() if row[7] else 0.0))
    return found


def _either(connection: oracledb.Connection, statements: Sequence[str]) -> list[tuple[Any, ...]] | None:
    """The rows of the first statement that we may run; None when there is none. Raises oracledb.Error for other failures."""
    for statement in statements:
        try:
            with connection.cursor() as cursor:
                return list(cursor.execute(statement).fetchall())
        except oracledb.Error as error:
            if ora_code(error) not in PRIVILEGE | {_NO_SUCH_COLUMN}:
                raise
    return None


def wait_for_old_transactions(context: LaneContext, stop: threading.Event, progress: ProgressSink) -> None:
    """See :func:`voyager_ops.snapshot.old_transactions.wait_for_old_transactions`.

    Capture mines from before the oldest of them, so nothing of theirs is missed; what they wrote before supplemental logging was
    switched on is in every chunk, since the first begins when they have ended.
    """
    key = "snapshot/waiting"
    database = oracle(context.capture_db)
    connection = database.connect("snapshot")
    try:
        horizon = context.state.get(key)
        if horizon is None:
            horizon = current_scn(connection)
            context.state.put(key, horizon)
        while not stop.is_set():
            waiting = [session for session, start, _ in open_transactions(database, connection) if 0 < start <= horizon]
            if not waiting:
                return
            progress(
                Progress(
                    phase="snapshot",
                    message=f"waiting for {len(waiting)} transaction(s) that were open when capture began: "
                    + "; ".join(map(str, waiting[:10])),
                )
            )
            stop.wait(1.0)
    except oracledb.Error as error:
        raise translate(
            error,
            f"open transactions of the {database.side} {database.where} could not be read",
            "nothing was copied",
            "voyager-ops prepare source --print shows the grants; run them, and the command again",
        ) from error
    finally:
        connection.close()
