"""What capture does beside the stream, on an ordinary session of its own: heartbeats, looks at the catalog, its own health."""

from __future__ import annotations

import threading
import time
from typing import Any, Final

from voyager_ops.changes.roots import RootMap
from voyager_ops.databases.base import Watch, WatchFailed
from voyager_ops.databases.engines import engine_of
from voyager_ops.errors import RetryableError, VoyagerOpsError
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.results import Progress, ProgressSink

LOOK_SECONDS: Final = 3.0


class SideWatch(threading.Thread):
    """A thread that lives as long as the capture loop; the loop asks :meth:`check` and reads :attr:`figures`."""

    def __init__(self, context: LaneContext, roots: RootMap, progress: ProgressSink) -> None:
        super().__init__(name=f"watch {context.lane}", daemon=True)
        self._context = context
        self._watch: Watch = engine_of(context.capture_db).watch(context, roots)
        self._progress = progress
        self._over = threading.Event()
        self._problem: BaseException | None = None
        self.figures: dict[str, Any] = {}
        """``behind_bytes``: written on that server and not yet captured; ``retained_bytes``: what the stream holds back there."""
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
            self._rounds()
        except BaseException as error:  # noqa: BLE001 -- raised again in the loop's thread, by check()
            self._problem = error
        finally:
            self._watch.reset()

    def _rounds(self) -> None:
        next_beat = next_look = 0.0
        while not self._over.is_set():
            try:
                now = time.monotonic()
                if now >= next_beat:
                    self._watch.beat()
                    next_beat = now + self._context.changes.heartbeat
                if now >= next_look:
                    self._look()
                    next_look = now + LOOK_SECONDS
            except WatchFailed:
                raise
            except RetryableError as error:
                # Said and tried again: the stream itself finds out when the database is really away.
                self._say(f"the watch on the {self._context.capture_db.side} is held up: {' '.join(error.what.split())}")
                self._watch.reset()
                self._over.wait(1.0)
            except VoyagerOpsError as error:
                if not error.retryable:
                    raise
                self._watch.reset()
                self._over.wait(1.0)
            self._over.wait(0.2)

    def _look(self) -> None:
        for warning in self._watch.look():
            self.warnings.append(warning)
            self._say(warning)
        self.figures = self._watch.figures() or self.figures

    def _say(self, message: str) -> None:
        self._progress(Progress(phase="capture", message=message))
