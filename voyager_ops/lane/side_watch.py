"""What capture does beside the stream, on an ordinary session of its own: heartbeats, looks at the catalog, the slot's health."""

from __future__ import annotations

import threading
import time
from typing import Any, Final

import psycopg

from voyager_ops.changes.roots import RootMap
from voyager_ops.databases.postgres import metadata
from voyager_ops.databases.postgres.database import Connection
from voyager_ops.databases.postgres.watch import CatalogWatch
from voyager_ops.errors import RetryableError, VoyagerOpsError
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.results import Progress, ProgressSink

LOOK_SECONDS: Final = 3.0
_SETTINGS: Final = {"statement_timeout": "30s", "lock_timeout": "5s"}


class SideWatch(threading.Thread):
    """A thread that lives as long as the capture loop; the loop asks :meth:`check` and reads :attr:`figures`."""

    def __init__(self, context: LaneContext, roots: RootMap, slot: str, progress: ProgressSink) -> None:
        super().__init__(name=f"watch {context.lane}", daemon=True)
        self._context = context
        self._slot = slot
        self._catalog = CatalogWatch(context, roots, slot)
        self._progress = progress
        self._over = threading.Event()
        self._problem: BaseException | None = None
        self.figures: dict[str, Any] = {}
        """``behind_bytes``: WAL written and not yet captured; ``retained_bytes``: WAL the slot holds back on that server."""
        self.warnings: list[str] = []

    def check(self) -> None:
        """Raise what the watch has found."""
        if self._problem is not None:
            raise self._problem

    def finish(self) -> None:
        self._over.set()
        self.join(10.0)

    def run(self) -> None:
        try:
            self._watch()
        except BaseException as error:  # noqa: BLE001 -- raised again in the loop's thread, by check()
            self._problem = error

    def _watch(self) -> None:
        connection: Connection | None = None
        next_beat = next_look = 0.0
        while not self._over.is_set():
            try:
                if connection is None or connection.closed:
                    connection = self._context.capture_db.connect("watch", settings=_SETTINGS)
                now = time.monotonic()
                if now >= next_beat:
                    metadata.write_marker(connection, self._context.migration, "heartbeat")
                    next_beat = now + self._context.changes.heartbeat
                if now >= next_look:
                    self._look(connection)
                    next_look = now + LOOK_SECONDS
            except (RetryableError, psycopg.OperationalError) as error:
                # Said and tried again: the stream itself finds out when the database is really away.
                self._say(f"the watch on the {self._context.capture_db.side} is held up: {' '.join(str(error).split())}")
                if connection is not None:
                    connection.close()
                self._over.wait(1.0)
            except VoyagerOpsError as error:
                if not error.retryable:
                    raise
                self._over.wait(1.0)
            except psycopg.Error as error:
                raise RetryableError(
                    f"the watch on the {self._context.capture_db.side} failed: {' '.join(str(error).split())}",
                    state="nothing is lost: the slot keeps what was not captured",
                    next_step="mend what the server says, then start the command again",
                ) from None
            self._over.wait(0.2)
        if connection is not None:
            connection.close()

    def _look(self, connection: Connection) -> None:
        for warning in self._catalog.look(connection):
            self.warnings.append(warning)
            self._say(warning)
        if self._context.capture_db.kind != "postgresql":
            return
        row = connection.execute(
            "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::int8,"
            " pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::int8, wal_status"
            " FROM pg_replication_slots WHERE slot_name = %s",
            (self._slot,),
        ).fetchone()
        if row is not None:
            self.figures = {"behind_bytes": row[0], "retained_bytes": row[1], "wal_status": row[2]}

    def _say(self, message: str) -> None:
        self._progress(Progress(phase="capture", message=message))
