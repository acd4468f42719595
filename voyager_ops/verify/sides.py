"""Both databases at once: one session on each, statements that run at the same time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from voyager_ops.databases.postgres.database import Connection, PostgresDatabase, Row
from voyager_ops.databases.postgres.hashing import SETTINGS
from voyager_ops.errors import PreconditionError, RetryableError
from voyager_ops.model.positions import Side

Statement = Callable[[Side], sql.Composed]
"""The statement for a side."""


class BothSides:
    """A session on each database. Not to be shared between threads. A context manager."""

    def __init__(self, source: PostgresDatabase, target: PostgresDatabase) -> None:
        self._databases = {Side.SOURCE: source, Side.TARGET: target}
        self._other = ThreadPoolExecutor(1, "verify-target")
        self._open: dict[Side, Connection] = {}
        try:
            other = self._other.submit(self._connect, Side.TARGET)
            try:
                self._open[Side.SOURCE] = self._connect(Side.SOURCE)
            finally:
                self._open[Side.TARGET] = other.result()
        except BaseException:
            self.close()
            raise

    def _connect(self, side: Side) -> Connection:
        connection = self._databases[side].connect("verify", settings=SETTINGS)
        connection.prepare_threshold = None  # each statement holds its range's bounds: no two are alike
        return connection

    def __getitem__(self, side: Side) -> Connection:
        return self._open[side]

    def run(self, statement: Statement, *, on: str) -> tuple[list[Row], list[Row]]:
        """The rows of both sides; ``on`` is what is being read, for messages. The statements run at the same time."""
        other = self._other.submit(self.one, Side.TARGET, statement, on=on)
        try:
            first = self.one(Side.SOURCE, statement, on=on)
        finally:
            # Also when the source failed: the session must be idle before it is used or closed.
            other.exception()
        return first, other.result()

    def one(self, side: Side, statement: Statement, *, on: str) -> list[Row]:
        """The rows of one side.

        Raises RetryableError when the session was lost or its statement cancelled, PreconditionError when it may not read.
        """
        where = f"the {side} database {self._databases[side].where}"
        try:
            return self._open[side].execute(statement(side)).fetchall()
        except psycopg.errors.InsufficientPrivilege as error:
            raise PreconditionError(
                f"verification may not read {on} on {where}: {error.diag.message_primary}",
                state="nothing was changed; verification only reads",
                next_step="grant SELECT on it (and BYPASSRLS where it has row security) to the migration user",
            ) from error
        except psycopg.OperationalError as error:
            raise RetryableError(
                f"verification of {on} was cut short on {where}: {error.diag.message_primary or 'connection closed'}",
                state="nothing was changed; verification only reads",
                next_step="run verify again",
            ) from error

    def cancel(self) -> None:
        """Cancel the statements that run, from another thread: their callers get RetryableError."""
        for connection in self._open.values():
            connection.cancel_safe(timeout=5)

    def close(self) -> None:
        for connection in self._open.values():
            connection.close()
        self._other.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
