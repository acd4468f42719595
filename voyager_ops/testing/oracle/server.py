"""The server: accepts connections on loopback, one thread each, and watches over the calls that run long."""

from __future__ import annotations

import logging
import socket
import threading
import time
from types import TracebackType
from typing import Self

from voyager_ops.testing.oracle.engine import Engine
from voyager_ops.testing.oracle.negotiation import PROFILES, Profile
from voyager_ops.testing.oracle.session import Session
from voyager_ops.testing.oracle.wire_faults import WireFaults

log = logging.getLogger(__name__)
HOST = "127.0.0.1"
BACKLOG = 128
PATIENCE = 0.05
CLOSING_TIMEOUT = 10.0


class Server:
    """Serves ``engine`` to Oracle clients on 127.0.0.1, in the wire profile "19c" or "23ai".

    ``compress``: repeated values of a column within a fetch are sent once, as a real server does it. Use as a context
    manager, or call ``start`` and ``close``. ``instance``: of a cluster, the one whose sessions these are; 0: dealt out in turn.
    ``faults``: what goes wrong on order.
    """

    def __init__(self, engine: Engine, *, profile: str = "23ai", port: int = 0, compress: bool = True, instance: int = 0) -> None:
        self.engine = engine
        self.instance = instance
        self.profile: Profile = PROFILES[profile]
        self.compress = compress
        self.faults = WireFaults()
        self.port = port
        self._listener: socket.socket | None = None
        self._lock = threading.Lock()
        self._sessions: dict[Session, threading.Thread] = {}
        self._threads: list[threading.Thread] = []
        self._closing = threading.Event()

    def start(self) -> Self:
        """Listen; returns when clients can connect."""
        self._listener = socket.create_server((HOST, self.port), backlog=BACKLOG)
        self.port = self._listener.getsockname()[1]
        self._threads = [
            threading.Thread(target=self._listen, args=(self._listener,), name=f"oracle-{self.port}-listener", daemon=True),
            threading.Thread(target=self._watch, name=f"oracle-{self.port}-watcher", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        return self

    def close(self) -> None:
        """Stop listening and break every connection off; returns when all threads have ended. May be called again."""
        self._closing.set()
        self.faults.clear()
        if self._listener is not None:
            try:
                self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept(), which closing does not
            finally:
                self._listener.close()
                self._listener = None
        with self._lock:
            sessions = dict(self._sessions)
        for session in sessions:
            session.shut()
        deadline = time.monotonic() + CLOSING_TIMEOUT
        for thread in [*sessions.values(), *self._threads]:
            thread.join(max(0.1, deadline - time.monotonic()))
            if thread.is_alive():
                log.error("thread %s has not ended", thread.name)
        self._threads = []

    def drop_connections(self, user: str | None = None) -> int:
        """Break off every connection (of ``user``) now, as a crash of the server does; how many there were."""
        with self._lock:
            sessions = [one for one in self._sessions if user is None or one.user.upper() == user.upper()]
        for session in sessions:
            session.shut()
        return len(sessions)

    @property
    def connections(self) -> int:
        """How many connections are being served."""
        with self._lock:
            return len(self._sessions)

    def dsn(self, service: str | None = None) -> str:
        """``127.0.0.1:port/service`` for python-oracledb; default: the engine's first service."""
        return f"{HOST}:{self.port}/{service if service is not None else min(self.engine.services)}"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # -- threads ------------------------------------------------------------------------------------------------------

    def _listen(self, listener: socket.socket) -> None:
        while not self._closing.is_set():
            try:
                sock, address = listener.accept()
            except OSError:  # the listener was closed
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = Session(self, sock, address)
            thread = threading.Thread(target=self._serve, args=(session,), name=f"oracle-{self.port}-{address[1]}", daemon=True)
            with self._lock:
                self._sessions[session] = thread
            thread.start()

    def _serve(self, session: Session) -> None:
        try:
            session.run()
        finally:
            with self._lock:
                self._sessions.pop(session, None)

    def _watch(self) -> None:
        while not self._closing.wait(PATIENCE):
            with self._lock:
                sessions = list(self._sessions)
            for session in sessions:
                session.watch(PATIENCE)
