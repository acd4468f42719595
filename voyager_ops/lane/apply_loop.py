"""The apply loop of one lane: from the change log to the other database, until told to stop or the lane has ended.

One module: gate, seam point, and the halving of a batch that fails all decide what the next transaction is, over the same state.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any, Protocol

import psycopg

from voyager_ops.changes.log import ChangeLog
from voyager_ops.databases.postgres.apply import ApplySession
from voyager_ops.databases.postgres.apply_errors import Conflict, is_passing, passing
from voyager_ops.databases.postgres.apply_parallel import open_session
from voyager_ops.databases.postgres.metadata import SCHEMA, install, installed
from voyager_ops.errors import ApplyError, ConnectionFailed, PreconditionError, RetryableError
from voyager_ops.failpoints import hit, register
from voyager_ops.lane.apply_report import ApplyReport
from voyager_ops.lane.collector import Collector
from voyager_ops.lane.context import LaneContext
from voyager_ops.lane.isolate import apply_isolated, described
from voyager_ops.lane.quarantine import load_held
from voyager_ops.model.changes import Change, Transaction
from voyager_ops.model.positions import Lane, Position
from voyager_ops.model.results import ProgressSink
from voyager_ops.snapshot.done import mark_torn, snapshot_complete
from voyager_ops.snapshot.filter import SnapshotFilter
from voyager_ops.state.lanes import ENDED, NONE, read_lane, update_lane
from voyager_ops.state.processes import Lease

BEFORE_AT_SEAM = register("apply.before_at_seam")
AFTER_AT_SEAM = register("apply.after_at_seam")
BEFORE_QUARANTINE = register("apply.before_quarantine")
AFTER_QUARANTINE = register("apply.after_quarantine")

WAIT_SECONDS = 0.2
"""How long the log is asked for the first transaction of a batch before other things are looked after."""
GATE_SECONDS = 0.5
EVERYTHING = 1 << 62
COLLECTION_OBJECTS = 50_000
BACKOFF = (0.2, 5.0)
GIVE_UP_SECONDS = 600.0
"""Faults that pass are retried for so long without a single success in between."""
GIVE_UP_AT_FIRST_SECONDS = 20.0
"""The same, while nothing has succeeded in this run yet: a wrong password or host shows soon."""


@contextmanager
def fewer_collections() -> Iterator[None]:
    """Let the interpreter look for reference cycles less often: rows are lists without any, and there are thousands at a time.

    Measured on 390,000 changes of ten columns: folding them takes 12 % less, 18 % less without any collection.
    """
    before = gc.get_threshold()
    if before[0]:  # zero: somebody has switched it off
        gc.set_threshold(max(before[0], COLLECTION_OBJECTS), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


class LogReader(Protocol):
    """What the loop reads from (:class:`voyager_ops.changes.reader.Reader`)."""

    run_changes: int

    def read(self, timeout: float) -> Iterator[Transaction]: ...

    def close(self) -> None: ...


def apply(
    context: LaneContext,
    stop: threading.Event,
    lease: Lease | None,
    progress: ProgressSink,
    *,
    at_seam: Callable[[], None] | None = None,
    gate: Callable[[], bool] | None = None,
) -> dict[str, Any]:
    """Apply the lane's changes until ``stop`` is set, or the lane has ended and everything captured is applied.

    ``at_seam`` is called once the seam point is reached, before anything after it is applied. While ``gate`` says False, no
    transaction with a user's change is applied. Returns totals. Raises ApplyError, Fenced, PreconditionError, and RetryableError
    after ten minutes of faults that should have passed.
    """
    log = ChangeLog(context.state, context.data_dir, context.lane)
    return ApplyLoop(context, stop, lease, progress, log.reader, at_seam=at_seam, gate=gate).run()


class ApplyLoop:
    """See :func:`apply`; ``reader`` gives the transactions after a position."""

    def __init__(
        self,
        context: LaneContext,
        stop: threading.Event,
        lease: Lease | None,
        progress: ProgressSink,
        reader: Callable[[Position], LogReader],
        *,
        at_seam: Callable[[], None] | None = None,
        gate: Callable[[], bool] | None = None,
    ) -> None:
        self._context = context
        self._stop = stop
        self._lease = lease
        self._open_reader = reader
        self._at_seam = at_seam
        self._gate = gate
        self._gate_asked = 0.0
        self._holding = False
        self._held_at: Position | None = None
        self._report = ApplyReport(context, lease, progress)
        self._next: Transaction | None = None
        self._ready: Iterator[Transaction] | None = None
        self._parts: Iterator[Transaction] | None = None
        """The rest of a run whose transactions are taken one by one."""
        self._limit: tuple[int, Position] | None = None
        """After a failure: so many transactions at once, until this position is applied."""
        self._succeeded_at = time.monotonic()
        self._ended_asked = 0.0
        self._under_way: tuple[int, Position] | None = None
        """The batch that is being committed while the next one is folded: its transactions, and the position of the last."""
        self._session: ApplySession
        self._collector: Collector
        self._reader: LogReader

    def run(self) -> dict[str, Any]:
        with fewer_collections():
            return self._run()

    def _run(self) -> dict[str, Any]:
        failures = 0
        while not self._stop.is_set():
            started = time.monotonic()
            try:
                if self._attempt():
                    break
            except (RetryableError, ConnectionFailed, psycopg.OperationalError) as error:
                if isinstance(error, psycopg.Error):
                    if not is_passing(error):
                        raise
                    error = passing(self._context, error)
                if self._lease is not None:
                    self._lease.check()
                patience = GIVE_UP_SECONDS if self._report.started else GIVE_UP_AT_FIRST_SECONDS
                if time.monotonic() - self._succeeded_at > patience:
                    raise error from None
                failures = 0 if self._succeeded_at > started else failures + 1
                self._report.waiting(str(error))
                self._stop.wait(min(BACKOFF[0] * 2**failures, BACKOFF[1]))
        return self._report.totals()

    # -- one connection's life -------------------------------------------------------------------------------------
    def _attempt(self) -> bool:
        """Apply until stopped (True), the lane has ended (True), or what had to come first is done (False: begin anew). Every
        exception leaves the databases consistent."""
        context = self._context
        record = read_lane(context.state, context.lane)
        if record.status == NONE:
            raise PreconditionError(
                f"lane {context.lane} is not prepared", state="nothing was applied", next_step="start the lane's export first"
            )
        with context.apply_db.connect("apply") as connection:
            if not installed(connection):
                install(connection)
        with_seam = context.lane is Lane.FORWARD
        self._session = session = open_session(context, record.start_position, seam_passed=not with_seam)
        try:
            chunks = self._filter(session)
            held = load_held(session.connection, context)
            self._under_way = None
            most = context.changes.batch_changes if session.barrier is None else EVERYTHING
            self._collector = Collector(context, session, held, chunks, most, self._settle)
            try:
                self._reader = self._open_reader(session.applied.position)
                self._next = self._ready = self._parts = None
                self._report.resumed(session.applied)
                return self._batches()
            finally:
                self._reader.close()
                self._collector.close()
        finally:
            session.close()

    def _filter(self, session: ApplySession) -> SnapshotFilter | None:
        if session.applied.seam_passed:
            return None
        if not snapshot_complete(self._context):
            raise PreconditionError(
                "the snapshot is not complete: no change of a table may be applied before all its chunks are loaded",
                state="chunks that are loaded stay loaded; changes wait in the change log",
                next_step="voyager-ops import data to target loads the rest",
            )
        mark_torn(self._context, session.connection)
        return SnapshotFilter.load(session.connection, self._context)

    def _batches(self) -> bool:
        while not self._stop.is_set():
            if self._lease is not None:
                self._lease.check()
            collector = self._collector
            try:
                try:
                    self._fill()
                    if self._session.barrier is None:  # else only once it is whole
                        collector.fold_pending()
                except ApplyError:
                    self._settle()  # the batch before it comes first
                    raise
                self._settle()
                if self._session.barrier is not None:
                    if collector.last < self._session.barrier:
                        continue
                    collector.commit()
                    self._report.update(self._session.applied)
                    return False
                if collector.transactions:
                    self._commit()
                elif self._done():
                    return True
                else:
                    self._succeeded_at = time.monotonic()  # nothing to do is not a failure
            except Conflict:
                self._again()
            except ApplyError as error:
                self._failed(error)
            self._report.update(self._session.applied)
        try:
            self._settle()
        except Conflict:
            self._session.rollback()  # whoever goes on does this batch again
        self._report.update(self._session.applied)
        return True

    def _commit(self) -> None:
        """Commit the batch: beside the folding of the next one, unless what the next one does depends on how it ends."""
        collector = self._collector
        held = bool(collector.held)
        beside = collector.filter is None and not held and self._limit is None
        batch = (collector.transactions, collector.last)
        collector.start_commit()
        self._under_way = batch
        if beside and not collector.held:
            return
        self._settle()
        if held or collector.held:
            collector.held = load_held(self._session.connection, self._context)

    def _settle(self) -> None:
        """Wait until the batch that is being committed is; raises what went wrong with it."""
        if self._under_way is None:
            return
        self._session.settle()
        self._under_way = None
        self._succeeded_at = time.monotonic()
        if self._limit is not None and self._session.applied.position >= self._limit[1]:
            self._limit = None

    def _again(self) -> None:
        """Start over from the committed position, on the same connection."""
        self._under_way = None
        self._session.rollback()
        self._collector.reset()
        self._collector.last = self._session.applied.position
        if self._collector.filter is not None:  # it may have learnt of a key that was rolled back
            self._collector.filter = SnapshotFilter.load(self._session.connection, self._context)
        if self._collector.held:
            self._collector.held = load_held(self._session.connection, self._context)
        self._reader.close()
        self._reader = self._open_reader(self._session.applied.position)
        self._next = self._ready = self._parts = None

    def _fill(self) -> None:
        """Fold transactions until the batch is full or must end, or nothing more is there now."""
        collector = self._collector
        most = self._limit[0] if self._limit is not None else 0
        barrier = self._session.barrier
        while not self._stop.is_set() and (barrier or (not collector.ends and collector.changes < collector.batch_changes)):
            if (most and collector.transactions >= most) or (barrier and collector.last >= barrier):
                return
            # No waiting for more while there is something to commit, or to learn how a commit ended.
            transaction = self._peek(0.0 if collector.transactions or self._under_way else WAIT_SECONDS)
            chunks = collector.filter
            if chunks is not None:
                applied = self._session.applied.position
                beyond = transaction is not None and transaction.position > chunks.seam_position
                if beyond and collector.transactions:
                    return
                if beyond or (not collector.transactions and applied >= chunks.seam_position):
                    self._pass_seam()
            if transaction is None or (self._gate is not None and not self._let_through(transaction)):
                return
            self._next = None
            collector.add(transaction)

    def _peek(self, timeout: float, *, alone: bool = False) -> Transaction | None:
        """The next transaction, waited for at most ``timeout`` seconds; or a run of small ones, unless it must be ``alone``."""
        collector = self._collector
        alone = alone or self._limit is not None or self._gate is not None or collector.filter is not None
        alone = alone or bool(collector.held) or self._session.barrier is not None
        if self._next is None and self._parts is not None:
            self._next = next(self._parts, None)
        if self._next is None:
            self._parts = None
            self._reader.run_changes = 0 if alone else max(1, collector.batch_changes - collector.changes)
            if self._ready is not None:
                self._next = next(self._ready, None)
            if self._next is None:
                self._ready = None
                self._next = next(self._reader.read(timeout), None)
                if self._next is not None:
                    self._ready = self._reader.read(0.0)  # what else is there already, without waiting for more
        if self._next is not None and self._next.parts is not None and (alone or not collector.takes_whole(self._next)):
            self._parts = self._next.parts()
            self._next = next(self._parts)
        return self._next

    def _pass_seam(self) -> None:
        """Everything that a chunk could have seen is applied: build what had to wait for it; strict from here on."""
        hit(BEFORE_AT_SEAM)
        if self._at_seam is not None:
            self._report.waiting("the seam point is reached: unique indexes are being built")
            self._at_seam()
        hit(AFTER_AT_SEAM)
        mark_torn(self._context, self._session.connection)
        self._session.pass_seam()
        self._collector.pass_seam()
        self._succeeded_at = time.monotonic()

    def _done(self) -> bool:
        """Whether the lane has ended and nothing of it is left. Called when the log had nothing more."""
        if self._next is not None or time.monotonic() - self._ended_asked < GATE_SECONDS:
            return False
        self._ended_asked = time.monotonic()
        # The status first: whatever was captured before the lane ended is in the log by then.
        return read_lane(self._context.state, self._context.lane).status == ENDED and self._peek(0.0) is None

    # -- the gate ----------------------------------------------------------------------------------------------------
    def _let_through(self, transaction: Transaction) -> bool:
        """Whether the transaction may be applied: the gate is open, or it holds nothing but markers."""
        assert self._gate is not None
        if self._holding:
            self._stop.wait(max(0.0, self._gate_asked + GATE_SECONDS - time.monotonic()))
        if self._gate():
            self._gate = None
            if self._holding:
                self._holding = False
                update_lane(self._context.state, self._context.lane, error="")
            return True
        self._gate_asked = time.monotonic()
        if transaction.position == self._held_at:
            return False  # its changes were looked at when it came
        read: list[Change] = []
        found: Change | None = None
        for change in transaction.changes:
            read.append(change)
            if change.relation.name.schema != SCHEMA:
                found = change
                break
        transaction.changes = chain(read, transaction.changes)
        transaction.raw = None  # of a large one it is the same file, which has been read from
        if found is None:
            return True
        self._held_at = transaction.position
        if not self._holding:
            self._holding = True
            side = self._context.capture_db.side
            message = f"rows were written on the {side} before it was opened: tables {self._collector.table_of(found).name}"
            update_lane(self._context.state, self._context.lane, error=message)
            self._report.waiting(message)
        return False

    # -- changes that cannot be applied --------------------------------------------------------------------------------
    def _failed(self, error: ApplyError) -> None:
        """Halve the batch until one transaction is left, then find its change. Raises ApplyError unless it is put aside."""
        if self._session.barrier is not None:
            raise error  # it was applied by the other parts: only as a whole can these follow
        count, last = self._under_way or (self._collector.transactions, self._collector.last)
        self._again()
        if count > 1:
            self._limit = (max(1, count // 2), last if self._limit is None else max(last, self._limit[1]))
            return
        transaction = self._peek(WAIT_SECONDS, alone=True)
        chunks = self._collector.filter
        if transaction is None or (chunks is not None and transaction.position > chunks.seam_position):
            raise error
        self._next = None
        quarantine = self._context.changes.on_error == "quarantine"

        def poisoned(change: Change, cause: ApplyError) -> None:
            if not quarantine:
                raise described(self._collector, transaction, change, cause) from cause
            hit(BEFORE_QUARANTINE)
            self._collector.put_aside(transaction, change, cause.what)
            hit(AFTER_QUARANTINE)

        try:
            apply_isolated(self._collector, transaction, poisoned)
        except ApplyError:
            self._session.rollback()
            raise
        self._succeeded_at = time.monotonic()
