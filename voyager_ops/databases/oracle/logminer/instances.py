"""The instances of a cluster, each with a redo thread of its own, whose log writers are made to write.

A commit on an instance makes its log writer write everything before it. So the SCN that the instance was at before our commit is
the one up to which its thread is on disk: whatever it commits later, it does behind that SCN. It must be its own: another
instance may be further on by then, and this one may still commit something before that. Of an instance that we have no session
on, LAST_REDO_CHANGE# says how far its thread has been written; of one that nobody uses that may stand still.
"""

from __future__ import annotations

import time
from typing import Final

import oracledb

from voyager_ops.databases.oracle.database import OracleDatabase
from voyager_ops.databases.oracle.errors import message_of
from voyager_ops.databases.oracle.reading import current_scn
from voyager_ops.errors import VoyagerOpsError

FLUSH_TABLE: Final = "VOYAGER_OPS_FLUSH"
AGAIN_SECONDS: Final = 30.0
"""Between two tries to reach an instance."""
CALL_MILLISECONDS: Final = 10_000
"""So long a commit may take on another instance than the one that we mine on."""
_THREAD: Final = "SELECT THREAD# FROM V$INSTANCE"


def read_own_thread(connection: oracledb.Connection) -> int | None:
    """The redo thread of the instance that the session is on."""
    with connection.cursor() as cursor:
        row = cursor.execute(_THREAD).fetchone()
    return int(row[0]) if row else None


def write_flush(connection: oracledb.Connection) -> int:
    """Make the session's instance write; the SCN up to which its thread is on disk then. Raises oracledb.Error."""
    scn = current_scn(connection)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {FLUSH_TABLE} SET LAST_SCN = :scn", scn=scn)  # noqa: S608 -- a constant
        if cursor.rowcount == 0:
            cursor.execute(f"INSERT INTO {FLUSH_TABLE} (LAST_SCN) VALUES (:scn)", scn=scn)  # noqa: S608 -- a constant
    connection.commit()
    return scn


def write_beside(connection: oracledb.Connection) -> int:
    """As :func:`write_flush`, with a row of the session's own that is gone with the commit: should the instance hang before it,
    or we lose sight of it, nobody waits for the row's lock."""
    scn = current_scn(connection)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {FLUSH_TABLE} (LAST_SCN) VALUES (:scn)", scn=-scn)  # noqa: S608 -- a constant
        cursor.execute(f"DELETE FROM {FLUSH_TABLE} WHERE LAST_SCN = :scn", scn=-scn)  # noqa: S608 -- a constant
    connection.commit()
    return scn


class Instances:
    """Sessions on those that the source's URL names. None of them has to be there: what fails is tried again later."""

    def __init__(self, database: OracleDatabase) -> None:
        self._database = database
        self._sessions: dict[str, tuple[oracledb.Connection, int]] = {}
        """By address, with the redo thread."""
        self._again: dict[str, float] = {}
        self.failures: dict[str, str] = {}
        """By address, why there is no session."""

    def write(self) -> dict[int, int]:
        """By redo thread, the SCN up to which it is on disk."""
        done: dict[int, int] = {}
        for address in self._database.address.instances:
            session = self._sessions.get(address) or self._open(address)
            if session is None:
                continue
            connection, thread = session
            try:
                done[thread] = write_beside(connection)
            except oracledb.Error as error:
                self._fail(address, message_of(error))
        return done

    def close(self) -> None:
        for address in list(self._sessions):
            self._drop(address)

    def _open(self, address: str) -> tuple[oracledb.Connection, int] | None:
        if time.monotonic() < self._again.get(address, 0.0):
            return None
        try:
            connection = self._database.connect("capture", instance=address)
        except VoyagerOpsError as error:
            self._fail(address, error.what)
            return None
        try:
            connection.call_timeout = CALL_MILLISECONDS
            thread = read_own_thread(connection)
        except oracledb.Error as error:
            connection.close()
            self._fail(address, message_of(error))
            return None
        if thread is None:
            connection.close()
            self._fail(address, "V$INSTANCE is empty")
            return None
        self.failures.pop(address, None)
        self._sessions[address] = connection, thread
        return self._sessions[address]

    def _fail(self, address: str, why: str) -> None:
        self.failures[address] = why
        self._again[address] = time.monotonic() + AGAIN_SECONDS
        self._drop(address)

    def _drop(self, address: str) -> None:
        connection, _ = self._sessions.pop(address, (None, 0))
        if connection is None:
            return
        try:
            connection.close()
        except oracledb.Error:
            return  # it was gone already
