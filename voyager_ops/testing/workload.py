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
import signal
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from types import FrameType

import psycopg

from voyager_ops.testing.actions import WEIGHTS, Action, Connection, transfer
from voyager_ops.testing.writers import Counts, LedgerTorn, Writers

__all__ = ["Counts", "LedgerTorn", "Workload", "check_ledger"]

LOST = "08006"  # the SQLSTATE counted for a connection that was refused or broke without one of its own
SESSION_OPTIONS = "-c lock_timeout=10s -c statement_timeout=60s -c timezone=UTC"


class Workload(Writers[Connection]):
    """Writes to the sample schema at ``url``. ``weights`` replaces the shares of ``actions.WEIGHTS`` for the actions it names."""

    failures = (psycopg.Error,)
    expected = frozenset(
        {LOST, "25006", "40001", "40P01", "42501", "53300", "55000", "55P03", "57014", "57P01", "57P02", "57P03"}
    )

    def __init__(
        self,
        url: str,
        seed: int = 0,
        threads: int = 2,
        rate: float | None = None,
        weights: Mapping[Action, int] | None = None,
    ) -> None:
        super().__init__(url, {**WEIGHTS, **(weights or {})}, seed, threads, rate)

    def connect(self, url: str) -> Connection:
        return psycopg.connect(
            url, autocommit=True, connect_timeout=5, options=SESSION_OPTIONS, application_name="voyager-ops-workload"
        )

    def usable(self, connection: Connection) -> bool:
        return not connection.closed

    def close(self, connection: Connection) -> None:
        connection.close()

    def cancel(self, connection: Connection) -> None:
        with contextlib.suppress(psycopg.OperationalError):  # the server is gone: its transactions are too, or we raise
            connection.cancel_safe(timeout=5)

    def code(self, error: Exception) -> str:
        return getattr(error, "sqlstate", None) or LOST

    def run(self, connection: Connection, statement: str) -> None:
        connection.execute(statement.encode())

    def begin(self, connection: Connection) -> None:
        self.run(connection, "BEGIN")

    def commit(self, connection: Connection) -> None:
        self.run(connection, "COMMIT")

    def rollback(self, connection: Connection) -> None:
        self.run(connection, "ROLLBACK")


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
