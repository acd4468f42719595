"""A logical replication stream on a connection of libpq's: psycopg has no interface for it, but its connection does all it takes.

Measured on PostgreSQL 18.6 (2 vCPU, 100k transactions of TPC-B kind): reading and discarding in this shape runs at 1.0 times
``pg_recvlogical`` to /dev/null; the limit is the server's walsender, one core per slot.
"""

from __future__ import annotations

import select
import time
from struct import Struct
from typing import Final

import numpy as np
import psycopg
from psycopg import sql

from voyager_ops.changes.arrived import Arrived
from voyager_ops.databases.base import StreamCut
from voyager_ops.databases.postgres import lsn
from voyager_ops.databases.postgres.copy_both import Ended, copy_both
from voyager_ops.databases.postgres.database import Connection, PostgresDatabase
from voyager_ops.errors import Fenced, RetryableError, StreamLost
from voyager_ops.model.positions import Position

_DATA: Final = 119  # 'w'
_KEEPALIVE: Final = 107  # 'k'
_HEADER: Final = 25
_KEEPALIVE_FIELDS = Struct(">QqB").unpack_from
_STATUS = Struct(">cQQQqB")
_POSTGRES_EPOCH: Final = 946_684_800
READ_SECONDS: Final = 0.01
"""The least time from one read to the next. The server sends every change by itself: to a reader that takes each as it comes as a
packet of its own, to a slower one many at a time. 600,000 messages took the walsender 3.6 s of CPU when they were read at once,
3.1 every 2 ms, 1.4 to 1.9 every 5 ms, 1.3 every 10 to 40 ms, and the reader 2.0, 0.5, 0.45, 0.3 s (PostgreSQL 15, TCP on one
machine)."""
SLOT_WAIT_SECONDS: Final = 15.0
"""How long a slot may stay active for another session before we give way: the server notices a killed client only when it writes
to it, or after wal_sender_timeout."""


class ReplicationStream:
    """Reads one slot from a position. One thread; close it, or use it as a context manager."""

    def __init__(self, database: PostgresDatabase, slot: str, publication: str, start: Position) -> None:
        """From ``start``, or where the slot was confirmed to if that is later (START: just there).

        Raises ConnectionFailed, Fenced (the slot has another reader), StreamLost (it is gone).
        """
        self._database = database
        self._slot = slot
        self.server_end = 0
        """Everything before it has been sent to us, as of the last keepalive."""
        self._flushed = lsn.from_position(start)
        self._connection = database.connect("capture", replication=True)
        self._copy = copy_both(self._connection.pgconn)
        try:
            self._start(publication, start)
        except BaseException:
            self.close()
            raise
        self._reply_wanted = False
        self._read_at = 0.0
        self._poll = select.poll()
        self._poll.register(self._connection.pgconn.socket, select.POLLIN)

    def _start(self, publication: str, start: Position) -> None:
        statement = sql.SQL("START_REPLICATION SLOT {} LOGICAL {} (proto_version '1', publication_names {})").format(
            sql.Identifier(self._slot),
            sql.SQL(lsn.to_text(lsn.from_position(start))),  # digits and a slash, made by us
            # the value is itself a list of quoted identifiers
            sql.Literal(sql.Identifier(publication).as_string(self._connection)),
        )
        deadline = time.monotonic() + SLOT_WAIT_SECONDS
        while True:
            try:
                refused = self._copy.start(statement.as_bytes(self._connection))
            except Ended as error:
                raise self._cut(error) from None
            if refused is None:
                return
            state, message = refused
            if state != "55006":
                break
            if time.monotonic() >= deadline:
                raise Fenced(
                    f"another process reads the slot {self._slot} on the {self._database.side} {self._database.where}: {message}",
                    state="untouched by this process",
                    next_step="let the other one run, or stop it; if it died, the server frees the slot within its "
                    "wal_sender_timeout: start this command again then",
                )
            time.sleep(0.25)
        if state == "42704":
            raise lost(self._database, self._slot, "it no longer exists")
        if state == "58P01":
            raise lost(self._database, self._slot, message)
        raise RetryableError(
            f"the stream of slot {self._slot} on the {self._database.side} {self._database.where} cannot be started: {message}",
            state="nothing is lost: the slot keeps what was not captured",
            next_step="mend what the server says, then start the command again",
        )

    def arrived(self) -> Arrived | None:
        """The plugin's frames that have arrived; None when one would have to wait. Raises StreamCut."""
        try:
            payloads = self._copy.payloads()
        except Ended as error:
            raise self._cut(error) from None
        if payloads is None:
            return None
        data, at, ends = payloads
        kinds = np.frombuffer(data, np.uint8)[at]
        frames = kinds == _DATA
        if not frames.all():
            for place in at[kinds == _KEEPALIVE].tolist():
                self.server_end, _, reply = _KEEPALIVE_FIELDS(data, place + 1)
                self._reply_wanted = self._reply_wanted or bool(reply)
            at, ends = at[frames], ends[frames]
        return Arrived(data, at + _HEADER, ends)

    def wait(self, seconds: float) -> None:
        """Wait for more bytes, so long at most, and take them in; never sooner than :data:`READ_SECONDS` after the last time.
        Raises StreamCut."""
        if self._poll.poll(max(0, int(seconds * 1000))):
            time.sleep(max(0.0, self._read_at + READ_SECONDS - time.monotonic()))
            self._read_at = time.monotonic()
        try:
            self._copy.fill()
        except Ended as error:
            raise self._cut(error) from None

    @property
    def reply_wanted(self) -> bool:
        return self._reply_wanted

    def confirm(self, position: Position) -> None:
        """Tell the server that it may forget everything before ``position``. Raises StreamCut."""
        self._flushed = max(self._flushed, lsn.from_position(position))
        now = int((time.time() - _POSTGRES_EPOCH) * 1e6)
        status = _STATUS.pack(b"r", self._flushed, self._flushed, self._flushed, now, 0)
        try:
            self._copy.send(status)
        except Ended as error:
            raise self._cut(error) from None
        self._reply_wanted = False

    def _cut(self, error: Ended) -> StreamCut:
        return _cut(self._database, str(error))

    def close(self) -> None:
        self._copy.close()
        self._connection.close()

    def __enter__(self) -> ReplicationStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _cut(database: PostgresDatabase, message: str) -> StreamCut:
    return StreamCut(
        f"the replication connection to the {database.side} {database.where} ended: {' '.join(message.split())}",
        state="nothing is lost: the slot keeps what was not published",
        next_step="run the command again",
    )


def lost(database: PostgresDatabase, slot: str, why: str) -> StreamLost:
    return StreamLost(
        f"the replication slot {slot} on the {database.side} {database.where} cannot be continued: {why}",
        state="changes after the last captured position are no longer held by the database; everything captured before is intact",
        next_step="this lane cannot go on without a gap. End this migration (voyager-ops end migration) and start it anew with a "
        "fresh snapshot; to keep slots alive see max_slot_wal_keep_size and idle_replication_slot_timeout on that server",
    )


def check_slot(connection: Connection, database: PostgresDatabase, slot: str, captured: Position) -> int:
    """Where the slot was confirmed to. Raises StreamLost when it is missing, invalidated, was moved past what we captured, or the
    server went back; StreamCut when the connection ended."""
    try:
        return _check_slot(connection, database, slot, captured)
    except psycopg.OperationalError as error:
        raise _cut(database, str(error)) from None


def _check_slot(connection: Connection, database: PostgresDatabase, slot: str, captured: Position) -> int:
    row = connection.execute(
        "SELECT confirmed_flush_lsn::text, wal_status, to_jsonb(s) ->> 'invalidation_reason'"
        " FROM pg_replication_slots s WHERE slot_name = %s AND database = current_database()",
        (slot,),
    ).fetchone()
    if row is None:
        raise lost(database, slot, "it no longer exists")
    confirmed, wal_status, reason = row
    if wal_status == "lost" or reason:
        raise lost(database, slot, f"the server invalidated it ({reason or 'its WAL was removed'})")
    if confirmed is not None and lsn.parse_position(confirmed) > captured:
        raise lost(database, slot, f"someone else moved it to {confirmed}, past what was captured")
    if database.kind == "postgresql":  # YugabyteDB numbers its changes per slot: it has no position of the whole server
        now = connection.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone()
        if now is not None and lsn.parse_position(now[0]) < captured:
            raise lost(database, slot, f"the server is only at {now[0]}, before what was captured: it was restored from a copy")
    return lsn.parse(confirmed) if confirmed is not None else 0
