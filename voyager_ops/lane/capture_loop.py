"""The capture loop of one lane: from a database's stream into the change log, until stopped or until the lane has ended.

Order of effects, each of which may be the last: a segment's file, its row in state, the word to the source that it may forget.
What fences two loops off each other is the stream where it can (PostgreSQL: the server lets one session read a slot), and in any
case the claim on the change log, which is held against state in every publishing transaction.
"""

from __future__ import annotations

import threading
import time
from contextlib import closing
from typing import Any, Final

from voyager_ops.changes.log import ChangeLog
from voyager_ops.changes.roots import RootMap
from voyager_ops.changes.writer import CapturedTransaction, LogWriter
from voyager_ops.databases.base import ChangeStream, StreamCut
from voyager_ops.databases.engines import engine_of
from voyager_ops.databases.postgres import lsn
from voyager_ops.errors import ConnectionFailed, DiskFull, SourceChanged, StreamLost
from voyager_ops.failpoints import hit, register
from voyager_ops.lane.context import LaneContext
from voyager_ops.lane.metrics import StreamMetrics
from voyager_ops.lane.side_watch import SideWatch
from voyager_ops.model.results import Progress, ProgressSink, silent
from voyager_ops.state import tables
from voyager_ops.state.lanes import ENDED, FAILED, STREAMING, read_lane
from voyager_ops.state.processes import Lease

BEFORE_FEEDBACK = register("capture.feedback.before")
AFTER_FEEDBACK = register("capture.feedback.after")

RECONNECTS: Final = 6
BACKOFF_SECONDS: Final = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
DISK_WAIT_SECONDS: Final = 60.0
_TICK: Final = 0.1
_BEHIND_SECONDS: Final = 2.0
_BEHIND_AGES: Final = 2
"""While transactions come that were committed longer ago than that, each segment may grow older than the one before it, up to so
many times ``segment_age``: a stream that catches up publishes at once, then less often (each time costs two fsyncs and a
transaction of state, 12 to 30 ms); one that keeps pace publishes as it is told to. Not four times: what the last segment holds is
applied when the source and capture have nothing left to do."""
_LANE_SECONDS: Final = 0.4
_ADVANCE_SECONDS: Final = 1.0
_FEEDBACK_SECONDS: Final = 5.0
_METRICS_SECONDS: Final = 2.0


def capture(context: LaneContext, stop: threading.Event, lease: Lease | None, progress: ProgressSink = silent) -> dict[str, Any]:
    """Capture until ``stop`` (what is whole is published first; it resumes later) or until the lane has ended.

    Prepares the lane when that was not done. Returns totals. Raises StreamLost and SourceChanged (recorded in the lane, status
    ``failed``), Fenced, DiskFull when no room was made in time, RetryableError after several reconnects in vain.
    """
    if read_lane(context.state, context.lane).status != ENDED:
        engine_of(context.capture_db).prepare(context, progress, stop)
    return _Capture(context, stop, lease, progress).run()


def _set_status(context: LaneContext, status: str, error: str) -> None:
    """Unless the lane has ended meanwhile."""
    table = tables.lane
    with context.state.begin() as connection:
        connection.execute(
            table.update()
            .where(table.c.migration == context.state.migration, table.c.lane == str(context.lane), table.c.status != ENDED)
            .values(status=status, error=error)
        )


class _Capture:
    def __init__(self, context: LaneContext, stop: threading.Event, lease: Lease | None, progress: ProgressSink) -> None:
        self._context = context
        self._stop = stop
        self._lease = lease
        self._progress = progress
        self._log = ChangeLog(context.state, context.data_dir, context.lane)
        self._base = self._log.totals()
        self._added = 0
        self._transactions = 0
        self._metrics = StreamMetrics(context.state, f"{context.lane}/captured", self._base.user_changes)
        self._roots = RootMap(context.state, context.lane, context.tables)
        self._failures = 0
        self._last_commit_at = 0.0
        self._ages = 1

    def run(self) -> dict[str, Any]:
        record = read_lane(self._context.state, self._context.lane)
        ended = record.status == ENDED
        side = SideWatch(self._context, self._roots, self._progress)
        if not ended:
            side.start()
        try:
            while not self._stopping() and not ended:
                try:
                    ended = self._session(side)
                except (StreamCut, ConnectionFailed) as error:
                    self._again(error)
                except DiskFull as error:
                    self._wait_for_room(error)
        except (StreamLost, SourceChanged) as error:
            _set_status(self._context, FAILED, str(error))
            raise
        finally:
            if not ended or side.is_alive():
                side.finish()
        return {**self._figures(side), "ended": ended}

    def _stopping(self) -> bool:
        return self._stop.is_set() or (self._lease is not None and self._lease.stop.is_set())

    def _again(self, error: StreamCut | ConnectionFailed) -> None:
        self._failures += 1
        if self._failures > RECONNECTS:
            raise error
        seconds = BACKOFF_SECONDS[min(self._failures, len(BACKOFF_SECONDS)) - 1]
        self._say(f"{error.what}; connecting again in {seconds} s ({self._failures} of {RECONNECTS})")
        self._stop.wait(seconds)

    def _wait_for_room(self, error: DiskFull) -> None:
        """The database keeps what is not published; wait a while for room before giving up."""
        _set_status(self._context, STREAMING, str(error))
        deadline = time.monotonic() + DISK_WAIT_SECONDS
        self._say(error.what)
        writer = LogWriter(self._context.state, self._context.data_dir, self._context.lane, self._context.changes)
        while not self._stop.wait(1.0):
            try:
                writer.check_room()
                return
            except DiskFull:
                if time.monotonic() >= deadline:
                    raise

    def _session(self, side: SideWatch) -> bool:
        """One connection's life; True when the lane has ended, False when stopped."""
        context = self._context
        record = read_lane(context.state, context.lane)
        if record.status == ENDED:
            return True
        stream = engine_of(context.capture_db).open_stream(context, self._roots)
        with closing(stream):
            # From here on the stream is ours, so nobody else publishes; what another process published before counts.
            writer = LogWriter(context.state, context.data_dir, context.lane, context.changes)
            stream.begin(writer.published, writer.spill_path)
            _set_status(context, STREAMING, "")
            try:
                return self._stream(stream, writer, side)
            except SourceChanged:
                self._publish(stream, writer)  # whole transactions before the change
                raise
            except OSError as error:
                raise writer.translate(error) from error
            finally:
                writer.discard()
                self._added += writer.published_user_changes
                self._transactions += writer.published_transactions

    def _stream(self, stream: ChangeStream, writer: LogWriter, side: SideWatch) -> bool:
        have = lsn.from_position(writer.published)
        now = time.monotonic()
        next_tick = next_lane = next_advance = next_metrics = now
        next_feedback = now + _FEEDBACK_SECONDS
        while True:
            for transaction in stream.transactions():
                self._take(transaction, stream, writer, have)
                if self._due(writer, time.monotonic()):
                    self._publish(stream, writer)
            now = time.monotonic()
            if self._due(writer, now):
                self._publish(stream, writer)
            if now >= next_tick:
                next_tick = now + _TICK
                side.check()
                if self._lease is not None:
                    self._lease.check()
                if self._stopping():
                    self._publish(stream, writer)
                    return False
                if now >= next_lane:
                    next_lane = now + _LANE_SECONDS
                    if read_lane(self._context.state, self._context.lane).status == ENDED:
                        self._publish(stream, writer)
                        return True
                if now >= next_advance:
                    next_advance = now + _ADVANCE_SECONDS
                    self._advance(stream, writer)
                if now >= next_feedback or stream.reply_wanted:
                    next_feedback = now + _FEEDBACK_SECONDS
                    stream.confirm(writer.published)
                if now >= next_metrics:
                    next_metrics = now + _METRICS_SECONDS
                    self._measure(writer, side)
            stream.wait(min(_TICK, self._context.changes.segment_age) if writer.open else _TICK)

    def _take(self, transaction: CapturedTransaction, stream: ChangeStream, writer: LogWriter, have: int) -> None:
        for relation in stream.forgotten():
            writer.forget_description(relation)
        if transaction.head.end <= have:  # sent again after a crash between publishing and telling the source
            for relation in transaction.redescribed:
                writer.forget_description(relation)
            for _ in transaction.blocks:
                pass
            return
        writer.append(transaction)
        self._last_commit_at = transaction.head.committed_at

    def _due(self, writer: LogWriter, now: float) -> bool:
        if time.time() - self._last_commit_at <= _BEHIND_SECONDS:
            self._ages = 1
        return writer.due(now, self._ages)

    def _publish(self, stream: ChangeStream, writer: LogWriter) -> None:
        if not writer.open:
            return
        position = writer.publish()
        self._ages = min(self._ages + 1, _BEHIND_AGES)
        hit(BEFORE_FEEDBACK)
        stream.confirm(position)
        hit(AFTER_FEEDBACK)
        self._failures = 0

    def _advance(self, stream: ChangeStream, writer: LogWriter) -> None:
        """On an idle stream, or one that brings only what we drop, the position moves without a segment."""
        if writer.open:
            return
        position = stream.idle_position
        if position is not None and position > writer.published:
            writer.advance(position)
            stream.confirm(position)
            self._failures = 0

    # -- figures ---------------------------------------------------------------------------------------------------
    def _measure(self, writer: LogWriter, side: SideWatch) -> None:
        self._metrics.update(self._base.user_changes + self._added + writer.published_user_changes)
        figures = self._figures(side, writer)
        if self._lease is not None:
            self._lease.publish(**figures)
        self._progress(Progress(phase="capture", done=float(figures["total"]), unit="changes", figures=figures))

    def _figures(self, side: SideWatch, writer: LogWriter | None = None) -> dict[str, Any]:
        total = self._base.user_changes + self._added + (writer.published_user_changes if writer else 0)
        transactions = self._transactions + (writer.published_transactions if writer else 0)
        self._metrics.update(total)
        return {
            **self._metrics.to_json(),
            "transactions": self._base.transactions + transactions,
            "captured_position": writer.published if writer else self._log.captured_position(),
            "last_commit_at": self._last_commit_at or None,
            **side.figures,
            "warnings": list(side.warnings),
        }

    def _say(self, message: str) -> None:
        self._progress(Progress(phase="capture", message=message))
