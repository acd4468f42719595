"""Running DDL on a database that is in use: short lock waits, again and again, so that we never queue its users up behind us."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import psycopg
from psycopg import sql

from voyager_ops.databases.postgres.database import Connection
from voyager_ops.errors import RetryableError

LOCK_WAIT_SECONDS = 2.0
"""One try: everyone who wants the table waits behind us for that long at most."""
PAUSE_SECONDS = 0.2

Blocked = Callable[[Connection], None]


def run_patiently(
    connection: Connection, statements: Sequence[str], *, seconds: float = 60.0, on_blocked: Blocked | None = None
) -> None:
    """Execute ``statements`` in one transaction, trying for ``seconds`` while others hold the locks.

    ``on_blocked`` is called (on this connection, outside of any transaction) after each try that got no lock.
    ``connection`` is in autocommit. Raises RetryableError when the locks were not to be had; nothing is changed then.
    """
    deadline = time.monotonic() + seconds
    while True:
        wait = max(min(LOCK_WAIT_SECONDS, deadline - time.monotonic()), 0.05)
        try:
            with connection.transaction():
                connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(f"{int(wait * 1000)}ms")))
                for statement in statements:
                    connection.execute(statement.encode())
            return
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
            if on_blocked is not None:
                on_blocked(connection)
            if time.monotonic() >= deadline:
                raise RetryableError(
                    f"no lock within {seconds:g} s for: {'; '.join(statements)}\n{error.diag.message_primary}",
                    state="this statement changed nothing",
                    next_step="let the transactions that hold the table end, and run the command again",
                ) from error
        time.sleep(PAUSE_SECONDS)
