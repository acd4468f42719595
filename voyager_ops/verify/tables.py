"""Verification of whole tables, row by row, on both databases at once."""

from __future__ import annotations

import queue
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Event

from voyager_ops.databases.base import Database
from voyager_ops.databases.postgres.hashing import Method, common_method
from voyager_ops.errors import RetryableError
from voyager_ops.model.positions import Side
from voyager_ops.model.results import Progress, ProgressSink, silent
from voyager_ops.model.tables import NameMap, QName, Table
from voyager_ops.verify.confirm import Settle, Suspects, confirm
from voyager_ops.verify.digests import Condition, Identity, Statements
from voyager_ops.verify.findings import Detail, add_findings
from voyager_ops.verify.pairing import Pair, pair_tables
from voyager_ops.verify.postgres_reader import PostgresReader
from voyager_ops.verify.report import TableVerification, VerificationReport
from voyager_ops.verify.scan import TableScan, plan_ranges, scan_range
from voyager_ops.verify.sides import BothSides

MAX_DIFFERENCES = 20_000
"""Differing rows looked for per table; whoever has more does not read them one by one."""
ALL_DIFFERENCES = 200_000
"""The same for all tables together (at least a hundred each): some 120 MB when everything differs everywhere."""
ROUNDS = 6
"""Second looks at rows that differ while changes flow."""


def verify_tables(
    source: Database,
    target: Database,
    tables: Sequence[Table],
    names: NameMap,
    *,
    parallelism: int = 2,
    settle: Settle | None = None,
    stop: Event | None = None,
    progress: ProgressSink = silent,
    detail: Detail | None = None,
    max_differences: int = MAX_DIFFERENCES,
    position: str = "",
) -> VerificationReport:
    """Compare every row of ``tables`` (the source's) with the target's; only reads, with ``2 * parallelism`` sessions.

    ``settle`` is given while changes flow: it waits until apply has passed a marker written now (False: it cannot), and rows that
    differ are looked at again behind it. Without it what differs is different. ``stop`` ends it early: tables that are not done
    then say so and are not equal. Raises RetryableError when a session is lost, PreconditionError when a table may not be read.
    """
    return verify_selected(
        source,
        target,
        tables,
        names,
        {},
        parallelism=parallelism,
        settle=settle,
        stop=stop,
        progress=progress,
        detail=detail,
        max_differences=max_differences,
        position=position,
    )


def verify_selected(
    source: Database,
    target: Database,
    tables: Sequence[Table],
    names: NameMap,
    only: Mapping[QName, Set[Identity]],
    *,
    parallelism: int = 2,
    settle: Settle | None = None,
    stop: Event | None = None,
    progress: ProgressSink = silent,
    detail: Detail | None = None,
    max_differences: int = MAX_DIFFERENCES,
    position: str = "",
) -> VerificationReport:
    """As :func:`verify_tables`; of the tables named in ``only`` (the source's names) just the rows with those keys."""
    started, clock = time.time(), time.monotonic()
    stop = stop or Event()
    whole = sum(table.name not in only for table in tables)
    with Sessions(source, target, max(1, min(parallelism, whole))) as sessions:
        if settle is not None and whole and not stop.is_set():
            settle()  # so that the lag as it is now does not make every range differ; whether it was passed shows below
        with sessions.one() as both:
            method = _common_method(both)
            pairs = pair_tables(target, tables, names)
        seed = secrets.randbelow(2**62)
        limit = min(max_differences, max(100, ALL_DIFFERENCES // max(1, len(tables))))
        results = [TableVerification(table=str(table.name), target_table=str(names.to_target(table.name))) for table in tables]
        jobs: list[_Job] = []
        for item, result in zip(pairs, results, strict=True):
            if isinstance(item, str):
                result.problems.append(item)
            else:
                keys = only.get(item.source.name) if item.key else None
                jobs.append(_Job(item, result, method, seed, limit, settle is None, keys))
        with sessions.cancelled_by(stop):
            _scan_all(sessions, [job for job in jobs if job.keys is None], stop, progress)
            with sessions.one() as both, _ended_by(stop):
                confirm(both, [job.suspects for job in jobs], settle, ROUNDS, stop)
        with sessions.one() as both:
            for job in jobs:
                job.finish(both, detail or Detail())
    return VerificationReport(
        tables=results,
        started_at=started,
        finished_at=time.time(),
        seconds=time.monotonic() - clock,
        position=position,
        method=method.value,
    )


def _common_method(both: BothSides) -> Method:
    """The fastest that gives the same number on both sides; with rows that are digested here, the one that needs no server."""
    source, target = both[Side.SOURCE], both[Side.TARGET]
    if isinstance(source, PostgresReader) and isinstance(target, PostgresReader):
        return common_method(source.connection, target.connection)
    return Method.MD5


class Sessions:
    """A pool of sessions, a pair of them per worker. A context manager."""

    def __init__(self, source: Database, target: Database, count: int) -> None:
        self.count = count
        self._free: queue.SimpleQueue[BothSides] = queue.SimpleQueue()
        self._all: list[BothSides] = []
        with ExitStack() as stack:
            for _ in range(count):
                self._all.append(stack.enter_context(BothSides(source, target)))
                self._free.put(self._all[-1])
            self._stack = stack.pop_all()

    @contextmanager
    def one(self) -> Iterator[BothSides]:
        """A pair of sessions nobody else uses meanwhile."""
        both = self._free.get()
        try:
            yield both
        finally:
            self._free.put(both)

    @contextmanager
    def cancelled_by(self, stop: Event) -> Iterator[None]:
        """Inside, ``stop`` cancels the statements that run: one may take long, or wait for a lock."""
        over = Event()

        def watch() -> None:
            while not over.wait(0.02):
                if stop.is_set():
                    for both in self._all:
                        both.cancel()
                    return

        watcher = threading.Thread(target=watch, name="verify-stop")
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()

    def __enter__(self) -> Sessions:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()


@contextmanager
def _ended_by(stop: Event) -> Iterator[None]:
    """A statement that ``stop`` cancelled ends the block; what it was for is reported as not finished or undecided."""
    try:
        yield
    except RetryableError:
        if not stop.is_set():
            raise


class _Job:
    """One table from its plan to its findings."""

    def __init__(
        self,
        pair: Pair,
        result: TableVerification,
        method: Method,
        seed: int,
        limit: int,
        exact: bool,
        keys: Set[Identity] | None,
    ) -> None:
        self.pair = pair
        self.keys = keys
        self.result = result
        result.problems.extend(pair.problems)
        result.compared = "keys" if keys is not None else "ranges" if pair.ranged else "whole"
        statements = Statements(pair, Method.TEXT if method is Method.BINARY else method, seed)
        self.scan = TableScan(statements, method, limit, exact)
        self.suspects = Suspects(statements, self.scan.suspects if keys is None else set(keys))
        self.conditions: list[Condition] = []
        self.clock = 0.0

    def plan(self, both: BothSides) -> None:
        self.conditions = plan_ranges(both, self.scan)

    def look(self, both: BothSides, condition: Condition) -> None:
        clock = time.monotonic()
        scan_range(both, self.scan, condition)
        with self.scan.lock:
            self.clock += time.monotonic() - clock

    def finish(self, both: BothSides, detail: Detail) -> None:
        result, scan = self.result, self.scan
        add_findings(both, self.suspects, result, detail)
        if self.keys is not None:
            result.keys = len(self.keys)
            return
        result.rows_source, result.rows_target = scan.rows[Side.SOURCE], scan.rows[Side.TARGET]
        result.ranges, result.ranges_differing = scan.ranges, scan.ranges_differing
        result.more = scan.more
        result.finished = bool(self.conditions) and scan.ranges == len(self.conditions)
        result.seconds = self.clock


def _scan_all(sessions: Sessions, jobs: Sequence[_Job], stop: Event, progress: ProgressSink) -> None:
    """Every range of every table, as many at once as there are sessions. The first error ends it all."""
    total = sum(job.pair.source.rows for job in jobs)
    broken = Event()
    reporting = threading.Lock()

    def plan(job: _Job) -> None:
        if not stop.is_set() and not broken.is_set():
            with sessions.one() as both, _ended_by(stop):
                job.plan(both)

    def look(job: _Job, condition: Condition) -> None:
        if stop.is_set() or broken.is_set():
            return
        with sessions.one() as both, _ended_by(stop):
            job.look(both, condition)
        with reporting:
            done = sum(each.scan.rows[Side.SOURCE] for each in jobs)
            figures = {"rows": job.scan.rows[Side.SOURCE], "ranges": job.scan.ranges, "of": len(job.conditions)}
            table = job.result.table
            progress(Progress(phase="verify", table=table, done=done, total=max(total, done), unit="rows", figures=figures))

    with ThreadPoolExecutor(sessions.count, "verify") as workers:
        _wait([workers.submit(plan, job) for job in jobs], broken)
        _wait([workers.submit(look, job, condition) for job in jobs for condition in job.conditions], broken)


def _wait(futures: Sequence[Future[None]], broken: Event) -> None:
    errors = []
    for future in futures:
        error = future.exception()
        if error is not None:
            broken.set()
            errors.append(error)
    if errors:
        raise errors[0]
