"""An Oracle database with a target beside it, and capture run against them without a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import oracledb

from tests.conftest import Database
from tests.oracle_source import OracleSource
from voyager_ops.changes.log import ChangeLog
from voyager_ops.config import ChangesConfig
from voyager_ops.databases.engines import engine_of
from voyager_ops.databases.oracle import values
from voyager_ops.databases.oracle.database import OracleDatabase
from voyager_ops.databases.oracle.names import qualified
from voyager_ops.databases.postgres.database import PostgresDatabase
from voyager_ops.lane.capture_loop import capture
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.changes import DELETE, INSERT, TRUNCATE, UNCHANGED, UPDATE, Value
from voyager_ops.model.positions import Lane, Position, Side
from voyager_ops.model.results import Progress
from voyager_ops.model.tables import NameMap, QName
from voyager_ops.state.lanes import STREAMING, read_lane
from voyager_ops.state.store import State
from voyager_ops.testing.oracle.redo import RedoLog
from voyager_ops.testing.oracle.simulator import PRIVILEGES, Simulator

MIGRATION = "ora"
USERS = {"HR": PRIVILEGES, "MIG": (*PRIVILEGES, "DBA")}
Rows = dict[tuple[Value, ...], dict[str, Value]]


class Oracle:
    """``execute`` runs as the owner of the tables, in the session that is named; ``commit`` ends that one's transaction."""

    def __init__(self, source: OracleSource) -> None:
        self.source = source
        self._sessions: dict[str, oracledb.Connection] = {}

    @property
    def simulated(self) -> bool:
        return self.source.simulated

    @property
    def simulator(self) -> Simulator:
        """A test that takes it is skipped on a real Oracle."""
        return self.source.simulator

    @property
    def redo(self) -> RedoLog:
        """Of the simulator: faults, injected rows, purged logs. A test that takes it is skipped on a real Oracle."""
        return self.simulator.redo

    def switch_logs(self) -> None:
        self.source.switch_logs()

    def session(self, name: str = "a") -> oracledb.Connection:
        if name not in self._sessions:
            self._sessions[name] = self.source.connect("HR")
        return self._sessions[name]

    def execute(self, statement: str, binds: Sequence[Any] | Mapping[str, Any] = (), session: str = "a") -> None:
        with self.session(session).cursor() as cursor:
            cursor.execute(statement, binds)

    def many(self, *statements: str, session: str = "a") -> None:
        """Run them and commit."""
        for statement in statements:
            self.execute(statement, session=session)
        self.commit(session)

    def commit(self, session: str = "a") -> None:
        self.session(session).commit()

    def rollback(self, session: str = "a") -> None:
        self.session(session).rollback()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.session("reader").cursor() as cursor:
            return list(cursor.execute(query).fetchall())

    @property
    def url(self) -> str:
        return self.source.url("MIG")

    def close(self) -> None:
        for session in self._sessions.values():
            with contextlib.suppress(oracledb.Error):
                session.close()


def context_of(oracle: Oracle, target: Database, directory: Path, **changes: Any) -> LaneContext:
    """Of all tables in HR as they are now."""
    return context_from(oracle.url, target.configured, directory, **changes)


def context_from(oracle: str, target: str, directory: Path, *, schema: str = "hr", **changes: Any) -> LaneContext:
    """As :func:`context_of`, from URLs."""
    source = OracleDatabase.from_url(oracle, side=Side.SOURCE, migration=MIGRATION)
    apply_db = PostgresDatabase.from_url(target, side=Side.TARGET, migration=MIGRATION)
    directory.mkdir(exist_ok=True)
    state = State.open(MIGRATION, directory=directory)
    tables = engine_of(source).read_tables(source, (schema,))
    config = ChangesConfig(**{"segment_age": 0.05, "heartbeat": 0.5, "disk_reserve": 1 << 20, **changes})
    return LaneContext(MIGRATION, Lane.FORWARD, source, apply_db, tuple(tables), NameMap({}), state, directory / "data", config)


class Capture(threading.Thread):
    """The capture loop in a thread. ``stop`` it; :attr:`error` is what it ended with."""

    def __init__(self, context: LaneContext) -> None:
        super().__init__(daemon=True)
        self.context = context
        self.halt = threading.Event()
        self.error: BaseException | None = None
        self.said: list[str] = []

    def run(self) -> None:
        try:
            capture(self.context, self.halt, None, self._hear)
        except BaseException as error:  # noqa: BLE001 -- looked at by the test
            self.error = error

    def _hear(self, progress: Progress) -> None:
        if progress.message:
            self.said.append(progress.message)

    def stop(self) -> None:
        self.halt.set()
        self.join(30.0)
        assert not self.is_alive()


@contextlib.contextmanager
def capturing(context: LaneContext) -> Iterator[Capture]:
    """Captures until the block ends; what it ended with is raised."""
    thread = Capture(context)
    thread.start()
    try:
        wait_until_streaming(context, thread)
        yield thread
    finally:
        thread.stop()
    if thread.error is not None:
        raise thread.error


def ended(context: LaneContext, action: Callable[[], None], seconds: float = 60.0) -> BaseException:
    """What capture ends with when ``action`` is done while it runs."""
    thread = Capture(context)
    thread.start()
    try:
        try:
            wait_until_streaming(context, thread)
            action()
        except Exception as error:
            if error is not thread.error:  # it may end before it is seen to stream
                raise
        thread.join(seconds)
    finally:
        thread.stop()
    assert thread.error is not None, "capture goes on"
    return thread.error


_CHILD = """
import sys, threading
from pathlib import Path
from tests.databases.oracle.capture_kit import context_from
from voyager_ops.databases.engines import engine_of
from voyager_ops.lane.capture_loop import capture
from voyager_ops.model.results import silent
context = context_from(sys.argv[1], sys.argv[2], Path(sys.argv[3]), capture=sys.argv[5])
engine = engine_of(context.capture_db)
if sys.argv[4] == "prepare":
    engine.prepare(context, silent, None)
elif sys.argv[4] == "teardown":
    engine.teardown(context, silent)
else:
    stop = threading.Event()
    threading.Timer(60, stop.set).start()
    capture(context, stop, None)
"""


def killed(oracle: Oracle, target: Database, directory: Path, point: str, what: str, *, capture: str = "logminer") -> None:
    """Run ``what`` (prepare, capture, teardown) in a process of its own until the failpoint kills it. ``point``: its name, or
    ``name@n`` for the n-th time that it is passed."""
    name, _, nth = point.partition("@")
    child = subprocess.run(
        [sys.executable, "-c", _CHILD, oracle.url, target.configured, str(directory), what, capture],
        env={**os.environ, "VOYAGER_OPS_FAILPOINTS": f"{name}=crash{'@' + nth if nth else ''}"},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()[-2000:]


def wait_until_streaming(context: LaneContext, thread: Capture, seconds: float = 60.0) -> None:
    """Until the lane is prepared and its stream is open."""
    deadline = time.monotonic() + seconds
    while read_lane(context.state, context.lane).status != STREAMING:
        if thread.error is not None:
            raise thread.error
        assert time.monotonic() < deadline, thread.said
        time.sleep(0.05)


def wait_for_marker(context: LaneContext, thread: Capture | None = None, seconds: float = 30.0) -> None:
    """Until a marker that is written now is in the change log."""
    with engine_of(context.capture_db).side(context.capture_db, "test") as side:
        marker = side.write_marker("probe").encode()
    deadline = time.monotonic() + seconds
    position = Position("")
    while time.monotonic() < deadline:
        if thread is not None and thread.error is not None:
            raise thread.error
        for transaction in ChangeLog(context.state, context.data_dir, context.lane).reader(position).read(0.2):
            position = transaction.position
            for change in transaction.changes:
                if change.relation.name.name == "marker" and change.new is not None and marker in change.new:
                    return
    raise AssertionError("the marker does not come")


def transactions(context: LaneContext) -> list[tuple[Position, int, list[Any]]]:
    """(position, SCN, changes of users' tables) of what was captured and has such changes."""
    result = []
    for transaction in ChangeLog(context.state, context.data_dir, context.lane).reader(Position("")).read(0.0):
        changes = [change for change in transaction.changes if change.relation.name.schema != "voyager_ops"]
        if changes:
            result.append((transaction.position, transaction.xid, changes))
    return result


def actual(context: LaneContext, name: str) -> Rows:
    """The rows of table ``hr.name`` as the database holds them, by key, as text of the target."""
    table = next(table for table in context.tables if table.name == QName("hr", name))
    plan = values.Plan(table.data_columns)
    columns = [column.name for column in table.data_columns]
    connection = context.capture_db.connect("test")
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {plan.select_list} FROM {qualified(*table.native_name)}", fetch_lobs=False, fetch_decimals=True
            )
            rows: list[dict[str, Value]] = [dict(zip(columns, plan.row(row), strict=True)) for row in cursor]
    finally:
        connection.close()
    return {tuple(row[part] for part in table.key): row for row in rows}


def actual_bag(context: LaneContext, name: str) -> Counter[tuple[Value, ...]]:
    """The rows of a table without a key, counted."""
    table = next(table for table in context.tables if table.name == QName("hr", name))
    plan = values.Plan(table.data_columns)
    connection = context.capture_db.connect("test")
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {plan.select_list} FROM {qualified(*table.native_name)}", fetch_decimals=True)
            return Counter(tuple(plan.row(row)) for row in cursor)
    finally:
        connection.close()


def replayed_bag(context: LaneContext, name: str) -> Counter[tuple[Value, ...]]:
    """What the changes of a table without a key make of an empty one."""
    bag: Counter[tuple[Value, ...]] = Counter()
    for _, _, changes in transactions(context):
        for change in changes:
            if change.relation.name == QName("hr", name):
                if change.old is not None:
                    bag[tuple(change.old)] -= 1
                    assert bag[tuple(change.old)] >= 0
                if change.new is not None:
                    bag[tuple(change.new)] += 1
    return +bag


def replayed(context: LaneContext, name: str) -> Rows:
    """What the changes of table ``hr.name`` make of an empty table: rows by key. Fails for changes that contradict each other."""
    rows: Rows = {}
    table = next(table for table in context.tables if table.name == QName("hr", name))
    for _, _, changes in transactions(context):
        for change in changes:
            if change.relation.name != table.name:
                continue
            columns = change.relation.columns

            def key(row: Sequence[Value], columns: tuple[str, ...] = columns) -> tuple[Value, ...]:
                return tuple(row[columns.index(part)] for part in table.key)

            if change.op == TRUNCATE:
                rows.clear()
            elif change.op == INSERT:
                assert key(change.new) not in rows, f"{key(change.new)} is inserted twice"
                rows[key(change.new)] = dict(zip(columns, change.new, strict=True))
            elif change.op == DELETE:
                del rows[key(change.old)]
            elif change.op == UPDATE:
                before = rows.pop(key(change.old) if change.old is not None else key(change.new))
                rows[key(change.new)] = {
                    column: before[column] if value is UNCHANGED else value
                    for column, value in zip(columns, change.new, strict=True)
                }
    return rows
