"""Who runs which long-lived role: one at a time, seen by its heartbeat.

The record is for people, reports and polite refusal; it is not the fence. What makes two overlapping runs harmless stands in the
databases: the replication slot has one reader, and the applied position is a compare-and-set under a lock.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import sqlalchemy as sa

from voyager_ops.errors import Fenced, RetryableError
from voyager_ops.state import tables
from voyager_ops.state.store import State

HEARTBEAT_SECONDS = 1.0
STALE_SECONDS = 20.0
"""Without a heartbeat for this long a process counts as gone (a process of this host whose pid is gone, at once)."""


@dataclass(frozen=True)
class ProcessInfo:
    """One role as last recorded. ``metrics`` is what the process last said of itself."""

    role: str
    token: str
    host: str
    pid: int
    started_at: float
    heartbeat_at: float
    ended_at: float | None
    stop_requested: bool
    metrics: Mapping[str, Any]

    @property
    def alive(self) -> bool:
        if self.ended_at is not None or time.time() - self.heartbeat_at > STALE_SECONDS:
            return False
        return self.host != socket.gethostname() or _pid_exists(self.pid)


def _pid_exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stream:
            return stream.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return True


def processes(state: State) -> dict[str, ProcessInfo]:
    """The last record of every role."""
    table = tables.process
    with state.begin() as connection:
        rows = connection.execute(sa.select(table).where(table.c.migration == state.migration))
        return {
            row.role: ProcessInfo(
                row.role,
                row.token,
                row.host,
                row.pid,
                row.started_at,
                row.heartbeat_at,
                row.ended_at,
                row.stop_requested,
                row.metrics,
            )
            for row in rows
        }


def is_alive(state: State, role: str) -> bool:
    info = processes(state).get(role)
    return info is not None and info.alive


def request_stop(state: State, role: str) -> None:
    """Ask the process that runs ``role`` to stop at its next heartbeat (it may be started again)."""
    table = tables.process
    with state.begin() as connection:
        connection.execute(
            table.update().where(table.c.migration == state.migration, table.c.role == role).values(stop_requested=True)
        )


class Lease:
    """Holds a role while in use as a context manager: refuses when another process is alive in it, heartbeats from a thread,
    carries metrics, and sets :attr:`stop` when asked to stop or when another process took the role.

    Raises :class:`Fenced` on entry when the role is taken, and from :meth:`check` when it was lost.
    """

    def __init__(self, state: State, role: str, *, stop: threading.Event | None = None, wait_seconds: float = 0.0) -> None:
        self.state = state
        self.role = role
        self.stop = stop or threading.Event()
        self._token = uuid.uuid4().hex
        self._metrics: dict[str, Any] = {}
        self._metrics_lock = threading.Lock()
        self._done = threading.Event()
        self._lost = False
        self._wait = wait_seconds
        self._thread = threading.Thread(target=self._beat, name=f"lease {role}", daemon=True)

    def __enter__(self) -> Lease:
        deadline = time.monotonic() + self._wait
        while not self._acquire():
            if time.monotonic() >= deadline:
                info = processes(self.state)[self.role]
                raise Fenced(
                    f"{self.role!r} of migration {self.state.migration!r} is already running (pid {info.pid} on {info.host})",
                    state="untouched by this process",
                    next_step="let it run; or stop it, and start this command again",
                )
            time.sleep(0.5)
        self._thread.start()
        return self

    def _acquire(self) -> bool:
        table = tables.process
        with self.state.begin() as connection:
            row = connection.execute(
                sa.select(table).where(table.c.migration == self.state.migration, table.c.role == self.role).with_for_update()
            ).one_or_none()
            if row is not None:
                info = ProcessInfo(
                    row.role,
                    row.token,
                    row.host,
                    row.pid,
                    row.started_at,
                    row.heartbeat_at,
                    row.ended_at,
                    False,
                    row.metrics,
                )
                if info.alive:
                    return False
            now = time.time()
            self.state.upsert(
                table,
                {"role": self.role},
                {
                    "token": self._token,
                    "host": socket.gethostname(),
                    "pid": os.getpid(),
                    "started_at": now,
                    "heartbeat_at": now,
                    "ended_at": None,
                    "stop_requested": False,
                    "metrics": {},
                },
                connection,
            )
        return True

    def publish(self, **metrics: Any) -> None:
        """Merge JSON-able figures into what the next heartbeat records."""
        with self._metrics_lock:
            self._metrics.update(metrics)

    def check(self) -> None:
        """Raise Fenced when another process has taken the role."""
        if self._lost:
            raise Fenced(
                f"{self.role!r} of migration {self.state.migration!r} was taken over by another process",
                state="what this process had committed stands; it wrote nothing since",
                next_step="nothing: the other process carries on",
            )

    def _beat(self) -> None:
        while not self._done.wait(HEARTBEAT_SECONDS):
            try:
                self._heartbeat()
            except RetryableError:
                continue  # the store is busy or away for a moment; the fence is in the databases, not here

    def _heartbeat(self, ended: bool = False) -> None:
        table = tables.process
        with self._metrics_lock:
            metrics = dict(self._metrics)
        mine = [table.c.migration == self.state.migration, table.c.role == self.role, table.c.token == self._token]
        now = time.time()
        with self.state.begin() as connection:
            count = connection.execute(
                table.update().where(*mine).values(heartbeat_at=now, metrics=metrics, ended_at=now if ended else None)
            ).rowcount
            stop = connection.execute(sa.select(table.c.stop_requested).where(*mine)).scalar_one_or_none()
        if not count:
            self._lost = True
            self.stop.set()
        elif stop:
            self.stop.set()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._done.set()
        self._thread.join()
        if not self._lost:
            self._heartbeat(ended=True)
