"""A workload that keeps writing to the sample schema, on whichever database it is pointed at.

``Workload`` runs transactions from several threads, survives whatever a cutover does to it (read-only databases, revoked
grants, terminated sessions, servers that are down) and counts what it committed. ``check_ledger`` looks whether a database
shows a torn transaction. As a program: ``python -m voyager_ops.testing.workload --url-env NAME``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import FrameType

import psycopg

from voyager_ops.errors import VoyagerOpsError
from voyager_ops.testing.actions import WEIGHTS, Action, Connection, transfer

LOST = "08006"  # the SQLSTATE counted for a connection that was refused or broke without one of its own
# What a cutover, a failover or other writers may do to any writer. Everything else points at a defect.
EXPECTED = frozenset({LOST, "25006", "40001", "40P01", "42501", "53300", "55000", "55P03", "57014", "57P01", "57P02", "57P03"})
SESSION_OPTIONS = "-c lock_timeout=10s -c statement_timeout=60s -c timezone=UTC"
BACKOFF = (0.05, 0.5)  # seconds to wait after the first error in a row, and at most
PATIENCE = 30.0  # seconds that a transaction under way gets to end, when stopping, before it is cancelled

# Shares of the shapes a transaction takes around its actions, per thousand; the rest is one action, committed.
ROLLED_BACK, SAVEPOINT, LONG, MIXED = 50, 40, 2, 150


class LedgerTorn(VoyagerOpsError):
    """The ledger does not add up: a transaction is visible in part."""


@dataclass(frozen=True)
class Counts:
    """What a workload has done so far. ``changes`` are rows as its committed statements reported them."""

    transactions: int = 0
    changes: int = 0
    rolled_back: int = 0
    actions: Mapping[str, int] = field(default_factory=dict)
    errors: Mapping[str, int] = field(default_factory=dict)
    examples: Mapping[str, str] = field(default_factory=dict)

    @property
    def unexpected(self) -> dict[str, str]:
        """SQLSTATE to the first message, for errors that no cutover explains (a duplicate key, say). Best empty."""
        return {state: text for state, text in self.examples.items() if state not in EXPECTED}


class Workload:
    """Writes to the sample schema at ``url`` until stopped. A context manager: starts on entry, stops on exit.

    ``seed`` and the number of ``threads`` fix which actions are tried in which order; ``rate`` is the transactions per
    second of all threads together (None: as fast as they go); ``weights`` replaces the shares of ``actions.WEIGHTS`` for the
    actions it names.
    """

    def __init__(
        self,
        url: str,
        seed: int = 0,
        threads: int = 2,
        rate: float | None = None,
        weights: Mapping[Action, int] | None = None,
    ) -> None:
        self._url = url
        self._seed = seed
        self._interval = threads / rate if rate else 0.0
        shares = {**WEIGHTS, **(weights or {})}
        self._actions, self._weights = list(shares), list(shares.values())
        self._threads = [
            threading.Thread(target=self._work, args=(number,), name=f"workload-{number}", daemon=True)
            for number in range(threads)
        ]
        self._state = threading.Condition()
        self._running = self._open = False
        self._busy: set[int] = set()
        self._connections: dict[int, Connection] = {}
        self._failure: BaseException | None = None
        self._transactions = self._changes = self._rolled_back = 0
        self._done: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._examples: dict[str, str] = {}

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
            with contextlib.suppress(psycopg.OperationalError):  # the server is gone: its transactions are too, or we raise
                connection.cancel_safe(timeout=5)
        with self._state:
            if not self._state.wait_for(lambda: not self._busy, timeout):
                raise VoyagerOpsError(
                    f"{len(self._busy)} transactions of the workload did not end within {2 * timeout:.0f} s",
                    state="they may still commit",
                    next_step="look for what blocks them in pg_stat_activity",
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
            return Counts(
                self._transactions,
                self._changes,
                self._rolled_back,
                dict(self._done),
                dict(self._errors),
                dict(self._examples),
            )

    def __enter__(self) -> Workload:
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
                    if connection is None or connection.closed or url != self._url:
                        if connection is not None:
                            connection.close()
                        url = self._url
                        connection = psycopg.connect(
                            url,
                            autocommit=True,
                            connect_timeout=5,
                            options=SESSION_OPTIONS,
                            application_name="voyager-ops-workload",
                        )
                        with self._state:
                            self._connections[number] = connection
                    self._transaction(connection, rng)
                    failures = 0
                except psycopg.Error as error:
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
                connection.close()

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
        if seconds > 0:
            with self._state:
                self._state.wait_for(lambda: not self._running, seconds)

    def _transaction(self, connection: Connection, rng: random.Random) -> None:
        """One transaction of a random shape, counted when its commit has been acknowledged."""
        shape = rng.randrange(1000)
        done: Counter[str] = Counter()
        changes = 0
        with connection.transaction() as transaction:
            if shape < ROLLED_BACK:
                self._act(connection, rng, rng.randint(1, 3), done)
                done.clear()
                with self._state:
                    self._rolled_back += 1
                raise psycopg.Rollback(transaction)
            if shape < ROLLED_BACK + SAVEPOINT:
                changes += self._act(connection, rng, 1, done)
                connection.execute("SAVEPOINT attempt")
                self._act(connection, rng, rng.randint(1, 2), Counter())
                connection.execute("ROLLBACK TO SAVEPOINT attempt")
                changes += self._act(connection, rng, 1, done)
            elif shape < ROLLED_BACK + SAVEPOINT + LONG:
                for _ in range(rng.randint(2, 5)):
                    changes += self._act(connection, rng, 1, done)
                    self._sleep(rng.random())
            elif shape < ROLLED_BACK + SAVEPOINT + LONG + MIXED:
                changes += self._act(connection, rng, rng.randint(2, 8), done)
            else:
                changes += self._act(connection, rng, 1, done)
        if done:
            with self._state:
                self._transactions += 1
                self._changes += changes
                self._done.update(done)

    def _act(self, connection: Connection, rng: random.Random, times: int, done: Counter[str]) -> int:
        changes = 0
        for action in rng.choices(self._actions, self._weights, k=times):
            changes += action(connection, rng)
            done[action.__name__] += 1
        return changes

    def _count_error(self, error: psycopg.Error) -> None:
        state = error.sqlstate or LOST
        with self._state:
            self._errors[state] += 1
            self._examples.setdefault(state, str(error).strip())


def check_ledger(url: str) -> None:
    """Raise LedgerTorn unless the database's ledger adds up in one snapshot: no transfer is visible in part.

    Holds at every moment on the source, and on the target from the seam point on.
    """
    statement = """
        SELECT (SELECT sum(balance) - sum(opening) FROM accounts),
               (SELECT count(*) FROM accounts AS a
                 WHERE balance <> opening + (SELECT COALESCE(sum(amount), 0) FROM journal WHERE credit = a.account_no)
                                          - (SELECT COALESCE(sum(amount), 0) FROM journal WHERE debit = a.account_no)),
               (SELECT count(*) FROM accounts)
    """
    with psycopg.connect(url) as connection:
        row = connection.execute(statement).fetchone()
        database = connection.info.dbname
    assert row is not None
    surplus, wrong, accounts = row
    if surplus or wrong or not accounts:
        raise LedgerTorn(
            f"the ledger of database {database!r} does not add up: {wrong} of {accounts} accounts disagree with the journal,"
            f" all balances together are off by {surplus}",
            state="transactions were lost, doubled or applied in part",
            next_step="keep both databases and the change log as they are and compare accounts and journal",
        )


def main(arguments: list[str] | None = None) -> int:
    """The program; prints its counts as one line of JSON at the end. Exit status 1 when there were unexpected errors."""
    parser = argparse.ArgumentParser(prog="voyager_ops.testing.workload", description=main.__doc__)
    parser.add_argument("--url-env", required=True, metavar="NAME", help="environment variable with the database's URL")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rate", type=float, help="transactions per second; default: as fast as possible")
    parser.add_argument("--seconds", type=float, help="how long; default: until SIGINT or SIGTERM")
    parser.add_argument("--only-transfers", action="store_true", help="nothing but the ledger")
    given = parser.parse_args(arguments)
    url = os.environ.get(given.url_env)
    if not url:
        parser.error(f"the environment variable {given.url_env} is not set")
    weights = {action: int(action is transfer) for action in WEIGHTS} if given.only_transfers else None
    ended = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ended.set()

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    workload = Workload(url, given.seed, given.threads, given.rate, weights)
    workload.start()
    ended.wait(given.seconds)
    counts = workload.stop()
    print(json.dumps(asdict(counts)))
    return 1 if counts.unexpected else 0


if __name__ == "__main__":
    sys.exit(main())
