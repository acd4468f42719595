"""Threads that keep writing to a database, on whichever it is: steering, counting, surviving what a cutover does to writers.

What there is to do, and how a database is spoken to, is a subclass's: ``workload.Workload`` (the sample schema on PostgreSQL),
``twin.workload.TwinWorkload`` (its Oracle twin, and what became of it on PostgreSQL).
"""

from __future__ import annotations

import random
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Generic, Self, TypeVar

from voyager_ops.errors import VoyagerOpsError

BACKOFF = (0.05, 0.5)  # seconds to wait after the first error in a row, and at most
PATIENCE = 30.0  # seconds that a transaction under way gets to end, when stopping, before it is cancelled

# Shares of the shapes a transaction takes around its actions, per thousand; the rest is one action, committed.
ROLLED_BACK, SAVEPOINT, LONG, MIXED = 50, 40, 2, 150

C = TypeVar("C")
"""A subclass's connection."""


@dataclass(frozen=True)
class Counts:
    """What a workload has done so far. ``changes`` are rows as its committed statements reported them."""

    transactions: int = 0
    changes: int = 0
    rolled_back: int = 0
    actions: Mapping[str, int] = field(default_factory=dict)
    errors: Mapping[str, int] = field(default_factory=dict)
    """By the database's code."""
    unexpected: Mapping[str, str] = field(default_factory=dict)
    """Code to the first message, for errors that no cutover explains (a duplicate key, say). Best empty."""


class LedgerTorn(VoyagerOpsError):
    """The ledger does not add up: a transaction is visible in part."""


class Writers(ABC, Generic[C]):
    """Writes to the database at ``url`` until stopped. A context manager: starts on entry, stops on exit.

    ``actions``: bodies of transactions with their shares; each returns how many rows its statements changed. ``seed`` and the
    number of ``threads`` fix what is tried in which order; ``rate`` is the transactions per second of all threads together
    (None: as fast as they go).
    """

    failures: ClassVar[tuple[type[Exception], ...]]
    """What the database may answer; anything else ends the workload."""
    expected: ClassVar[Collection[str]]
    """Codes of what a cutover, a failover or other writers may do to any writer."""

    def __init__(
        self,
        url: str,
        actions: Mapping[Callable[[C, random.Random], int], int],
        seed: int = 0,
        threads: int = 2,
        rate: float | None = None,
    ) -> None:
        self._url = url
        self._actions, self._weights = list(actions), list(actions.values())
        self._seed = seed
        self._interval = threads / rate if rate else 0.0
        self._threads = [
            threading.Thread(target=self._work, args=(number,), name=f"workload-{number}", daemon=True)
            for number in range(threads)
        ]
        self._state = threading.Condition()
        self._running = self._open = False
        self._busy: set[int] = set()
        self._connections: dict[int, C] = {}
        self._failure: BaseException | None = None
        self._transactions = self._changes = self._rolled_back = 0
        self._done: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._examples: dict[str, str] = {}

    # -- what a subclass says -----------------------------------------------------------------------------------------
    @abstractmethod
    def connect(self, url: str) -> C: ...

    @abstractmethod
    def usable(self, connection: C) -> bool: ...

    @abstractmethod
    def close(self, connection: C) -> None: ...

    @abstractmethod
    def cancel(self, connection: C) -> None:
        """End what it does, from another thread; a database that is gone has ended it already."""

    @abstractmethod
    def run(self, connection: C, statement: str) -> None:
        """Execute a statement without values: savepoints, and what begins and ends transactions where statements do."""

    def begin(self, connection: C) -> None:
        """Where the first statement begins a transaction there is nothing to do."""

    @abstractmethod
    def commit(self, connection: C) -> None: ...

    @abstractmethod
    def rollback(self, connection: C) -> None: ...

    @abstractmethod
    def code(self, error: Exception) -> str: ...

    # -- steering -----------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Begin to write. A workload starts once."""
        with self._state:
            self._running = self._open = True
        for thread in self._threads:
            thread.start()

    def pause(self, timeout: float = PATIENCE) -> None:
        """Begin no more transactions; returns when none is under way. One that outlasts ``timeout`` is cancelled."""
        with self._state:
            self._open = False
            self._state.notify_all()
            if self._state.wait_for(lambda: not self._busy, timeout):
                return
            late = [self._connections[number] for number in self._busy if number in self._connections]
        for connection in late:
            self.cancel(connection)
        with self._state:
            if not self._state.wait_for(lambda: not self._busy, timeout):
                raise VoyagerOpsError(
                    f"{len(self._busy)} transactions of the workload did not end within {2 * timeout:.0f} s",
                    state="they may still commit",
                    next_step="look for what blocks them on the server",
                )

    def resume(self) -> None:
        """Write again after ``pause``."""
        with self._state:
            self._open = True
            self._state.notify_all()

    def retarget(self, url: str, timeout: float = PATIENCE) -> None:
        """Go on at another database: transactions under way end where they are, the next one is there."""
        self.pause(timeout)
        with self._state:
            self._url = url
        self.resume()

    def stop(self) -> Counts:
        """End the transactions under way and all threads; returns the counts. Raises what a thread died of, if any did."""
        with self._state:
            self._running = False
            self._state.notify_all()
        self.pause()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(PATIENCE)
        if self._failure is not None:
            raise self._failure
        return self.counts()

    def counts(self) -> Counts:
        """A snapshot of the counters."""
        with self._state:
            unexpected = {code: text for code, text in self._examples.items() if code not in self.expected}
            return Counts(self._transactions, self._changes, self._rolled_back, dict(self._done), dict(self._errors), unexpected)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # -- the threads --------------------------------------------------------------------------------------------------
    def _work(self, number: int) -> None:
        rng = random.Random(f"{self._seed}/{number}")
        due, failures = time.monotonic(), 0
        url, connection = "", None
        try:
            while self._enter(number):
                try:
                    if connection is None or not self.usable(connection) or url != self._url:
                        if connection is not None:
                            self.close(connection)
                            connection = None
                        url = self._url
                        connection = self.connect(url)
                        with self._state:
                            self._connections[number] = connection
                    self._transaction(connection, rng)
                    failures = 0
                except self.failures as error:
                    failures += 1
                    self._count_error(error)
                finally:
                    self._leave(number)
                due = max(due + self._interval, time.monotonic() - 1)
                backoff = min(BACKOFF[0] * 2**failures, BACKOFF[1]) if failures else 0.0
                self._sleep(max(due - time.monotonic(), backoff))
        except BaseException as error:  # noqa: BLE001 - raised again by stop(), in the caller's thread
            with self._state:
                self._failure = error
        finally:
            if connection is not None:
                self.close(connection)

    def _enter(self, number: int) -> bool:
        with self._state:
            self._state.wait_for(lambda: self._open or not self._running)
            if self._running:
                self._busy.add(number)
            return self._running

    def _leave(self, number: int) -> None:
        with self._state:
            self._busy.discard(number)
            self._state.notify_all()

    def _sleep(self, seconds: float) -> None:
        """Inside or between transactions; ends early when stopping."""
        if seconds > 0:
            with self._state:
                self._state.wait_for(lambda: not self._running, seconds)

    # -- one transaction ----------------------------------------------------------------------------------------------
    def _transaction(self, connection: C, rng: random.Random) -> None:
        """Of a random shape, counted when its commit has been acknowledged."""
        shape = rng.randrange(1000)
        done: Counter[str] = Counter()
        self.begin(connection)
        try:
            if shape < ROLLED_BACK:
                self._act(connection, rng, rng.randint(1, 3), Counter())
                self.rollback(connection)
                with self._state:
                    self._rolled_back += 1
                return
            changes = self._body(connection, rng, shape - ROLLED_BACK, done)
            self.commit(connection)
        except BaseException:
            if self.usable(connection):
                self.rollback(connection)
            raise
        with self._state:
            self._transactions += 1
            self._changes += changes
            self._done.update(done)

    def _body(self, connection: C, rng: random.Random, shape: int, done: Counter[str]) -> int:
        if shape < SAVEPOINT:
            changes = self._act(connection, rng, 1, done)
            self.run(connection, "SAVEPOINT attempt")
            self._act(connection, rng, rng.randint(1, 2), Counter())
            self.run(connection, "ROLLBACK TO SAVEPOINT attempt")
            return changes + self._act(connection, rng, 1, done)
        if shape < SAVEPOINT + LONG:
            changes = 0
            for _ in range(rng.randint(2, 5)):
                changes += self._act(connection, rng, 1, done)
                self._sleep(rng.random())
            return changes
        return self._act(connection, rng, rng.randint(2, 8) if shape < SAVEPOINT + LONG + MIXED else 1, done)

    def _act(self, connection: C, rng: random.Random, times: int, done: Counter[str]) -> int:
        changes = 0
        for action in rng.choices(self._actions, self._weights, k=times):
            changes += action(connection, rng)
            done[action.__name__] += 1
        return changes

    def _count_error(self, error: Exception) -> None:
        code = self.code(error)
        with self._state:
            self._errors[code] += 1
            self._examples.setdefault(code, str(error).strip())
