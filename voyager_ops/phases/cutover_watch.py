"""While a stream runs: the thread that drives a requested cutover, and the gate before the target is open."""

from __future__ import annotations

import threading
from types import TracebackType

from voyager_ops.errors import CutoverVoid, VoyagerOpsError
from voyager_ops.migration import Migration
from voyager_ops.model.positions import TO_SIDE, Lane
from voyager_ops.model.results import Progress, ProgressSink
from voyager_ops.phases.cutover import drive
from voyager_ops.state import cutovers

POLL_SECONDS = 0.5
RETRY_SECONDS = 3.0


class CutoverWatch:
    """A context manager around a stream into one side: drives the cutovers to that side which were left to the stream.

    A cutover that is called off leaves the stream running. One that fails otherwise is tried again, for it may be past the point
    of no return; what happened is told through ``progress``. On leaving, a cutover that is under way is driven to its end unless
    ``stop`` is set. An unforeseen error ends the stream and is raised on leaving.
    """

    def __init__(self, migration: Migration, lane: Lane, *, enabled: bool, stop: threading.Event, progress: ProgressSink) -> None:
        self._migration = migration
        self._direction = TO_SIDE[lane]
        self._enabled = enabled
        self._stop = stop
        self._progress = progress
        self._leaving = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._watch, name=f"cutover to {self._direction}")

    def __enter__(self) -> CutoverWatch:
        if self._enabled:
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            self._stop.set()  # the stream failed: a cutover that waits for it must not wait for ever
        self._leaving.set()
        if self._enabled:
            self._thread.join()
        if self._failure is not None and error is None:
            raise self._failure

    def _watch(self) -> None:
        try:
            while not self._stop.is_set():
                record = cutovers.read(self._migration.state, self._direction)
                if record is not None and record.under_way and record.options.get("driver") == "stream":
                    self._drive()
                elif self._leaving.is_set():
                    return
                self._stop.wait(POLL_SECONDS)
        except BaseException as error:  # noqa: BLE001 - handed to the stream's own thread, which raises it
            self._failure = error
            self._stop.set()

    def _drive(self) -> None:
        try:
            drive(self._migration, self._direction, stop=self._stop, progress=self._progress)
        except CutoverVoid as error:
            self._tell(f"called off, the stream goes on: {error}")
        except VoyagerOpsError as error:
            self._tell(f"will be tried again: {error}")
            self._stop.wait(RETRY_SECONDS)

    def _tell(self, words: str) -> None:
        self._progress(Progress(phase="cutover", message=f"to {self._direction}: {words}"))
