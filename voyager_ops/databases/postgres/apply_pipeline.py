"""Running a list of statements in libpq's pipeline mode: one round trip for all of them, each prepared once per session."""

from __future__ import annotations

import select
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result

from voyager_ops.databases.postgres.database import Connection

_OK = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)


@dataclass(slots=True)
class Statement:
    """One statement with binary parameters. ``prepare``: keep its plan for the session."""

    text: bytes
    params: Sequence[bytes | None] = ()
    formats: Sequence[int] | None = None
    """Per parameter 0 text or 1 binary; None: all binary."""
    prepare: bool = True


class StatementError(Exception):
    """The statement ``index`` of a run failed with ``error``; those after it did not run."""

    def __init__(self, index: int, error: psycopg.Error) -> None:
        super().__init__(str(error))
        self.index = index
        self.error = error


class Pipeline:
    """Sends statements on a psycopg connection below psycopg, which stays usable between runs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        # After a ROLLBACK psycopg sends DEALLOCATE ALL when it has prepared anything itself: ours would be gone with its own.
        connection.prepare_threshold = None
        self._pgconn = connection.pgconn
        self._prepared: dict[bytes, bytes] = {}

    def run(self, statements: Sequence[Statement]) -> list[pq.abc.PGresult]:
        """Run all; one result each. Outside a transaction block they are one transaction.

        Raises StatementError for the first that fails, psycopg.OperationalError when the connection is lost.
        """
        pgconn = self._pgconn
        pgconn.enter_pipeline_mode()
        pgconn.nonblocking = 1
        results: list[pq.abc.PGresult] = []
        failed: tuple[int, pq.abc.PGresult] | None = None
        try:
            for index, text, name in self._send(statements):
                result = self._next()
                if text and result.status in _OK:
                    self._prepared[text] = name
                elif not text:
                    results.append(result)
                if failed is None and result.status not in _OK:
                    failed = (index, result)
            self._next()  # the sync point
        finally:
            if pgconn.status == pq.ConnStatus.OK:
                pgconn.nonblocking = 0
        pgconn.exit_pipeline_mode()
        if failed is not None:
            raise StatementError(failed[0], error_from_result(failed[1], "utf-8"))
        return results

    def _send(self, statements: Sequence[Statement]) -> list[tuple[int, bytes, bytes]]:
        """Queue everything. Returns per expected result: statement index, and text and name for a preparation."""
        pgconn = self._pgconn
        sent: list[tuple[int, bytes, bytes]] = []
        names: dict[bytes, bytes] = {}
        for index, statement in enumerate(statements):
            formats = [1] * len(statement.params) if statement.formats is None else statement.formats
            if not statement.prepare:
                pgconn.send_query_params(statement.text, statement.params, param_formats=formats)
                sent.append((index, b"", b""))
                continue
            name = self._prepared.get(statement.text) or names.get(statement.text)
            if name is None:
                name = b"voyager_ops_%d" % (len(self._prepared) + len(names))
                names[statement.text] = name
                pgconn.send_prepare(name, statement.text)
                sent.append((index, statement.text, name))
            pgconn.send_query_prepared(name, statement.params, param_formats=formats)
            sent.append((index, b"", b""))
        pgconn.pipeline_sync()
        return sent

    def _next(self) -> pq.abc.PGresult:
        """The next statement's result, or the sync point's. Waits without holding the interpreter."""
        pgconn = self._pgconn
        result: pq.abc.PGresult | None = None
        while True:
            while pgconn.is_busy():
                self._wait()
            got = pgconn.get_result()
            if got is None:
                if result is not None:
                    return result
                if pgconn.status != pq.ConnStatus.OK:
                    raise psycopg.OperationalError("the connection was lost")
            elif got.status == pq.ExecStatus.PIPELINE_SYNC:
                return got
            else:
                result = got

    def _wait(self) -> None:
        pgconn = self._pgconn
        pending = pgconn.flush()
        poll = select.poll()
        poll.register(pgconn.socket, select.POLLIN | (select.POLLOUT if pending else 0))
        for _, event in poll.poll():
            if event & (select.POLLIN | select.POLLHUP | select.POLLERR):
                pgconn.consume_input()
