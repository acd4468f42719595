"""AS OF SCN on real snapshots: PostgreSQL transactions that hold one each, a bounded number of them.

A snapshot belongs to a number of commits: two SCNs between which nothing was committed share it. One that is taken now is
right for every SCN since the last commit; an SCN further back is served as long as its snapshot is held, else ORA-01555.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import IsolationLevel

from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.scn import ScnClock

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Held:
    connection: psycopg.Connection[Any]
    snapshot: str
    users: int = 0


class Flashback:
    """The snapshots. ``limit``: how many are held at most, each costing one PostgreSQL session."""

    def __init__(self, dsn: str, clock: ScnClock, limit: int = 24) -> None:
        self._dsn = dsn
        self._clock = clock
        self._limit = limit
        self._lock = threading.RLock()
        self._held: OrderedDict[int, _Held] = OrderedDict()
        self._idle: list[psycopg.Connection[Any]] = []

    def close(self) -> None:
        """End all sessions."""
        with self._lock:
            for connection in (*(held.connection for held in self._held.values()), *self._idle):
                connection.close()
            self._held.clear()
            self._idle.clear()

    def take(self) -> None:
        """Hold the state of now. The caller has the commit lock, so that nobody commits meanwhile.

        When PostgreSQL has no session left for it, it is not held: going back to it is then ORA-01555.
        """
        commits = self._clock.commits_up_to(self._clock.value)
        with self._lock:
            if commits in self._held:
                self._held.move_to_end(commits)
                return
            self._drop(self._limit - 1)
            connection = None
            try:
                connection = self._idle.pop() if self._idle else self._open()
                row = connection.execute("SELECT pg_catalog.pg_export_snapshot()").fetchone()
            except psycopg.OperationalError as error:
                log.warning("no snapshot of SCN %d is held: %s", self._clock.value, error)
                if connection is not None:
                    connection.close()
                return
            assert row is not None
            self._held[commits] = _Held(connection, row[0])

    @contextlib.contextmanager
    def as_of(self, scn: int) -> Iterator[str]:
        """The id of a snapshot that sees the commits up to ``scn``; to be imported within the block.

        Raises OracleError: ORA-08181 for an SCN of the future, ORA-01555 when the snapshot is not held any more.
        """
        if scn > self._clock.value:
            raise OracleError(8181, "specified number is not a valid system change number")
        commits = self._clock.commits_up_to(scn)  # not under our lock: who asks for an SCN has the clock's before it
        with self._lock:
            held = self._held.get(commits)
            if held is not None:
                held.users += 1
        if held is None:
            held = self._newest(scn)
        try:
            yield held.snapshot
        finally:
            with self._lock:
                held.users -= 1

    def drop(self) -> None:
        """Forget all snapshots that are not just being imported: SCNs before the last commit become ORA-01555."""
        with self._lock:
            self._drop(0)

    def _newest(self, scn: int) -> _Held:
        with self._clock.commit_lock:  # nobody commits meanwhile
            commits = self._clock.commits_up_to(scn)
            if commits == self._clock.commits_up_to(self._clock.value):
                self.take()
            with self._lock:
                held = self._held.get(commits)
                if held is None:
                    raise OracleError(1555, 'snapshot too old: rollback segment number 7 with name "_SYSSMU7_1" too small')
                held.users += 1
                return held

    def _open(self) -> psycopg.Connection[Any]:
        connection = psycopg.connect(self._dsn, application_name="sim flashback")
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        return connection

    def _drop(self, keep: int) -> None:
        for commits in list(self._held):
            if len(self._held) <= keep:
                return
            if not self._held[commits].users:
                connection = self._held.pop(commits).connection
                connection.rollback()
                self._idle.append(connection)
