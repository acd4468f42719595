"""One session of the redo side: its transaction, its savepoints, and the rows that PostgreSQL tells it of."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import psycopg

from voyager_ops.testing.oracle.engine import BindValue, OracleError
from voyager_ops.testing.oracle.logminer import LogMinerSession
from voyager_ops.testing.oracle.recorder import Nls
from voyager_ops.testing.oracle.redo_store import Extra, RedoRecord
from voyager_ops.testing.oracle.redo_text import COMMIT, DDL, DELETE, INSERT, ROLLBACK, START, UPDATE, TableVersion
from voyager_ops.testing.oracle.redo_views import show_views
from voyager_ops.testing.oracle.row_notices import RowNotice, row_fields, row_notice
from voyager_ops.testing.oracle.scn_functions import FUNCTIONS, tell

if TYPE_CHECKING:
    from voyager_ops.testing.oracle.redo import RedoLog

INVERSE = {INSERT: DELETE, DELETE: INSERT, UPDATE: UPDATE}
LONG_ROW = 100_000  # characters of a row that is not looked at for whether it changes a LOB: it does
UNIQUE_VIOLATION = "23505"


class RedoSession:
    """The redo side of one session (see ``recorder.SessionRecorder``)."""

    def __init__(
        self, log: RedoLog, connection: psycopg.Connection[Any], user: str, session_id: int, serial: int, thread: int
    ) -> None:
        self.nls = Nls()
        self.client_identifier = ""
        self.user = user
        self.session_id = session_id
        self.serial = serial
        self.thread = thread
        self.xid: bytes | None = None
        self.start_scn = 0
        self.started = 0.0
        self._log = log
        self._connection = connection
        self._context = -1
        self._changes: list[int] = []
        self._savepoints: dict[str, int] = {}
        self._attempts: list[RowNotice] = []
        self._changed_tables: list[tuple[str, str]] = []
        self._large = False
        self._broken: Exception | None = None
        self._miner = LogMinerSession(log, self)
        connection.add_notice_handler(self._notice)

    @property
    def in_transaction(self) -> bool:
        """See ``SessionRecorder``."""
        return self.xid is not None

    @contextlib.contextmanager
    def statement(self) -> Iterator[None]:
        """See ``SessionRecorder``."""
        self._attempts.clear()
        mark = len(self._changes)
        try:
            yield
            self._check()
        except BaseException as error:
            # Rows that were told as done are not told again as attempts (a deferrable constraint fails after them).
            if _sqlstate(error) == UNIQUE_VIOLATION and len(self._changes) == mark:
                for attempt in self._attempts:
                    self._change(attempt)
            self._undo(mark)
            raise
        finally:
            self._attempts.clear()

    def savepoint(self, name: str) -> None:
        """See ``SessionRecorder``."""
        self._savepoints.pop(name, None)
        self._savepoints[name] = len(self._changes)

    def rollback_to(self, name: str) -> None:
        """See ``SessionRecorder``."""
        if name not in self._savepoints:
            raise OracleError(1086, f"savepoint '{name}' never established in this session or is invalid")
        self._undo(self._savepoints[name])
        for later in list(self._savepoints)[list(self._savepoints).index(name) + 1 :]:
            del self._savepoints[later]

    def commit(self, end: Callable[[], None]) -> None:
        """See ``SessionRecorder``."""
        if self.xid is None:
            end()
            self._forget()
            return
        try:
            # Before the lock is taken: what deferred constraints have to wait for may need it.
            self._connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
            self._check()
            every = self._log.settings.snapshot_commits
            hold = every == "all" or (every == "lob" and self._large)
            scn = self._log.commit(self._record(COMMIT, extra=self.start_scn), end, hold=hold)
        except BaseException:
            self._rolled_back()
            raise
        self._log.tables.mark_changed(self._changed_tables, scn)
        self._forget()

    def rollback(self, end: Callable[[], None]) -> None:
        """See ``SessionRecorder``."""
        self._rolled_back()
        self._miner.forget_rows()
        end()

    def ddl(self, text: str, owner: str, name: str, kind: str = "TABLE", *, internal: bool = False) -> None:
        """See ``SessionRecorder``."""
        info = "INTERNAL DDL (PlSql=0 RecDep=1)" if internal else "USER DDL (PlSql=0 RecDep=0)"
        object_id = self._log.tables.object_id(owner, name)
        particulars = {"text": text, "owner": owner, "name": name, "kind": kind, "info": info, "object": object_id}
        self._begin()
        self._log.write(self._record(DDL, extra=json.dumps(particulars)))
        if kind == "TABLE":
            self._changed_tables.append((owner, name))

    def run_block(self, text: str, binds: Mapping[str, BindValue]) -> bool:
        """See ``SessionRecorder``."""
        return self._miner.run_block(text, binds)

    def before_query(self, names: Collection[str]) -> None:
        """See ``SessionRecorder``."""
        for name in names:
            self._log.faults.pass_point(name)
        if not FUNCTIONS.isdisjoint(names):
            tell(self._connection, self._log.clock)
        show_views(self._log, self._miner, self._connection, names)
        if "V$LOGMNR_CONTENTS" in names:
            self._miner.show_contents(self._connection)

    def close(self) -> None:
        """See ``SessionRecorder``."""
        self._rolled_back()
        with self._log.clock.lock:
            self._log.sessions.discard(self)

    # -- inside -----------------------------------------------------------------------------------------------------------

    def _notice(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        try:
            notice = row_notice(diagnostic)
            if notice is None:
                return
            if notice.attempt:
                self._attempts.append(notice)
            else:
                self._change(notice)
        except Exception as error:  # noqa: BLE001 - psycopg would only log it; it is raised at the end of the statement
            self._broken = error

    def _check(self) -> None:
        broken, self._broken = self._broken, None
        if broken is not None:
            raise broken

    def _change(self, notice: RowNotice) -> None:
        index, version = self._log.tables.current(notice.object_id)
        self._begin()
        record = self._record(notice.operation, version=index, old=notice.old, new=notice.new)
        self._changes.append(self._log.write(record))
        if version.lob_fields and not self._large and notice.new is not None:
            self._large = len(notice.new) > LONG_ROW or _changes_large(version, notice.old, notice.new)

    def _begin(self) -> None:
        if self.xid is not None:
            return
        if self._context < 0 or self._log.contexts[self._context].client_identifier != self.client_identifier:
            self._context = self._log.context(self)
        with self._log.clock.lock:
            self.xid = self._log.new_xid(self.thread)
            self.start_scn = self._log.store.get(self._log.write(self._record(START))).scn
            self.started = time.time()

    def _undo(self, mark: int) -> None:
        """Write the undo of the transaction's changes from ``mark`` on, last first."""
        while len(self._changes) > mark:
            done = self._log.store.get(self._changes.pop())
            self._log.write(done._replace(kind=INVERSE[done.kind], rollback=1, old=done.new, new=done.old))

    def _rolled_back(self) -> None:
        if self.xid is not None:
            self._undo(0)
            self._log.write(self._record(ROLLBACK, extra=self.start_scn))
        self._forget()

    def _forget(self) -> None:
        self.xid = None
        self.start_scn = 0
        self._changes.clear()
        self._savepoints.clear()
        self._attempts.clear()
        self._changed_tables.clear()
        self._large = False

    def _record(
        self, kind: int, *, version: int = -1, old: str | None = None, new: str | None = None, extra: Extra = None
    ) -> RedoRecord:
        assert self.xid is not None
        return RedoRecord(0, 0, self.thread, 0, kind, self.xid, self._context, version, 0, old, new, extra)


def _changes_large(version: TableVersion, old: str | None, new: str) -> bool:
    after = row_fields(new)
    before = row_fields(old) if old is not None else [None] * len(after)
    return any(after[at] != before[at] for at in version.lob_fields)


def _sqlstate(error: BaseException) -> str | None:
    """PostgreSQL's SQLSTATE of an error, or of the one it was made from."""
    if isinstance(error, psycopg.Error):
        return error.sqlstate
    if isinstance(error, OracleError) and error.code == 1:
        return UNIQUE_VIOLATION
    return _sqlstate(error.__cause__) if error.__cause__ is not None else None
