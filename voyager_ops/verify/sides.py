"""Both databases at once: one session on each, reads that run at the same time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Protocol, Self

from voyager_ops.databases.base import Database
from voyager_ops.databases.postgres.hashing import Method
from voyager_ops.errors import PreconditionError, RetryableError
from voyager_ops.model.positions import Side
from voyager_ops.model.tables import Table
from voyager_ops.verify.digests import Buckets, Condition, Identity, Statements
from voyager_ops.verify.postgres_reader import PostgresReader

Row = tuple[Any, ...]


class Reader(Protocol):
    """A session on one side. The rows each read gives are those of the method of the same name of ``Statements``, whatever the
    engine: a digest is the same number wherever it is computed."""

    def digest(self, statements: Statements, condition: Condition, method: Method) -> list[Row]: ...

    def bucket_digests(self, statements: Statements, condition: Condition, buckets: Buckets) -> list[Row]: ...

    def rows(self, statements: Statements, condition: Condition) -> list[Row]: ...

    def by_digest(self, statements: Statements, digests: Sequence[str]) -> list[Row]: ...

    def by_key(self, statements: Statements, keys: Sequence[Identity]) -> list[Row]: ...

    def column_digests(self, statements: Statements, keys: Sequence[Identity]) -> list[Row]: ...

    def values(self, statements: Statements, keys: Sequence[Identity], limit: int) -> list[Row]: ...

    def points(self, table: Table, columns: Sequence[str], rows_per_range: int) -> list[list[str]]:
        """Key tuples that cut every physical table of ``table`` into ranges of about so many rows, in no order."""
        ...

    def explained(self, error: Exception) -> tuple[type[PreconditionError] | type[RetryableError], str] | None:
        """Which of the two an error of the driver's is, with the server's words; None for neither."""
        ...

    def cancel(self) -> None:
        """Cancel the read that runs, from another thread."""
        ...

    def close(self) -> None: ...


Look = Callable[[Reader], list[Row]]
"""A read, of either side."""


class BothSides:
    """A session on each database. Not to be shared between threads. A context manager."""

    def __init__(self, source: Database, target: Database) -> None:
        self._databases = {Side.SOURCE: source, Side.TARGET: target}
        self._other = ThreadPoolExecutor(1, "verify-target")
        self._open: dict[Side, Reader] = {}
        try:
            other = self._other.submit(open_reader, target, Side.TARGET)
            try:
                self._open[Side.SOURCE] = open_reader(source, Side.SOURCE)
            finally:
                self._open[Side.TARGET] = other.result()
        except BaseException:
            self.close()
            raise

    def __getitem__(self, side: Side) -> Reader:
        return self._open[side]

    def run(self, look: Look, *, on: str) -> tuple[list[Row], list[Row]]:
        """The rows of both sides; ``on`` is what is being read, for messages. The reads run at the same time."""
        other = self._other.submit(self.one, Side.TARGET, look, on=on)
        try:
            first = self.one(Side.SOURCE, look, on=on)
        finally:
            # Also when the source failed: the session must be idle before it is used or closed.
            other.exception()
        return first, other.result()

    def one(self, side: Side, look: Look, *, on: str) -> list[Row]:
        """The rows of one side.

        Raises RetryableError when the session was lost or its statement cancelled, PreconditionError when it may not read.
        """
        where = f"the {side} database {self._databases[side].where}"
        reader = self._open[side]
        try:
            return look(reader)
        except Exception as error:
            found = reader.explained(error)
            if found is None:
                raise
            kind, words = found
            if kind is PreconditionError:
                raise PreconditionError(
                    f"verification may not read {on} on {where}: {words}",
                    state="nothing was changed; verification only reads",
                    next_step="grant SELECT on it (and BYPASSRLS where it has row security) to the migration user",
                ) from error
            raise RetryableError(
                f"verification of {on} was cut short on {where}: {words}",
                state="nothing was changed; verification only reads",
                next_step="run verify again",
            ) from error

    def cancel(self) -> None:
        """Cancel the statements that run, from another thread: their callers get RetryableError."""
        for reader in self._open.values():
            reader.cancel()

    def close(self) -> None:
        for reader in self._open.values():
            reader.close()
        self._other.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def open_reader(database: Database, side: Side) -> Reader:
    """Raises ConnectionFailed."""
    if database.kind == "oracle":
        from voyager_ops.databases.oracle.comparing import OracleReader

        return OracleReader(database)
    return PostgresReader(database, side)
