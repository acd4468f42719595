"""What tests of capture share: a migration between two databases, and a capture loop in a thread."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.conftest import Database
from voyager_ops.changes.log import ChangeLog
from voyager_ops.config import MigrationConfig
from voyager_ops.databases.postgres import lsn
from voyager_ops.lane.capture_loop import capture
from voyager_ops.lane.context import LaneContext
from voyager_ops.migration import Migration
from voyager_ops.model.changes import DELETE, INSERT, TRUNCATE, UPDATE
from voyager_ops.model.positions import START, Lane, Position, Side
from voyager_ops.state.lanes import read_lane

LETTERS = {INSERT: "I", UPDATE: "U", DELETE: "D", TRUNCATE: "T"}


def make_migration(directory: Path, source: Database, target: Database, source_url: str = "", **changes: Any) -> Migration:
    return Migration(
        MigrationConfig.model_validate(
            {
                "name": "shop",
                "export_dir": str(directory / "export"),
                "source": {"url": source_url or source.url, "schemas": ["public"]},
                "target": {"url": target.configured},
                "changes": {"disk_reserve": 1, "heartbeat": 0.5, **changes},
            }
        )
    )


def forward(migration: Migration) -> LaneContext:
    migration.freeze_baseline(Side.SOURCE)
    return migration.lane(Lane.FORWARD)


class Running:
    """A capture loop in a thread; leaving the context stops it and raises what it raised."""

    def __init__(self, context: LaneContext) -> None:
        self.context = context
        self.stop = threading.Event()
        self.error: BaseException | None = None
        self.result: dict[str, Any] = {}
        self.said: list[str] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self.result = capture(self.context, self.stop, None, lambda step: self.said.append(step.message))
        except BaseException as error:  # noqa: BLE001 -- handed to the test's thread
            self.error = error

    def start(self) -> Running:
        self._thread.start()
        self.wait(lambda: read_lane(self.context.state, self.context.lane).status == "streaming")
        return self

    def wait(self, condition: Any, seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if self.error is not None:
                raise self.error
            assert time.monotonic() < deadline, f"waited in vain; capture said {self.said[-5:]}"
            time.sleep(0.02)

    def caught_up(self, connection: psycopg.Connection, seconds: float = 30.0) -> Position:
        """Wait until all that is in the WAL now is captured."""
        row = connection.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()
        assert row is not None
        here = lsn.parse_position(row[0])
        self.wait(lambda: read_lane(self.context.state, self.context.lane).captured_position >= here, seconds)
        return here

    def failure(self, seconds: float = 20.0) -> BaseException:
        """Wait until the loop has failed by itself."""
        self._thread.join(seconds)
        assert self.error is not None, f"no failure; capture said {self.said[-5:]}"
        return self.error

    def finish(self) -> dict[str, Any]:
        self.stop.set()
        self._thread.join(30.0)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error
        return self.result


@contextmanager
def running(context: LaneContext) -> Iterator[Running]:
    loop = Running(context).start()
    try:
        yield loop
    finally:
        loop.stop.set()
        loop._thread.join(30.0)
    if loop.error is not None:
        raise loop.error


def log_of(context: LaneContext) -> ChangeLog:
    return ChangeLog(context.state, context.data_dir, context.lane)


def changes_of(context: LaneContext, after: Position = START) -> list[list[tuple[str, str, Any, Any]]]:
    """Every published transaction as a list of (operation, table, old, new); markers left out, and what is empty then."""
    result = []
    for transaction in log_of(context).reader(after).read(0.0):
        changes = [
            (LETTERS[change.op], change.relation.name.name, change.old, change.new)
            for change in transaction.changes
            if change.relation.name.schema != "voyager_ops"
        ]
        if changes:
            result.append(changes)
    return result


def run_in_process(config: Path, code: str, failpoints: str = "", timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a new interpreter with ``migration`` and ``context`` (the forward lane) at hand."""
    head = (
        "import sys, threading\n"
        "from voyager_ops.migration import Migration\n"
        "from voyager_ops.model.positions import Lane, Side\n"
        "from voyager_ops.databases.postgres.capture import prepare, teardown\n"
        "from voyager_ops.lane.capture_loop import capture\n"
        "migration = Migration.load(sys.argv[1])\n"
        "migration.freeze_baseline(Side.SOURCE)\n"
        "context = migration.lane(Lane.FORWARD)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", head + code, str(config)],
        env={**os.environ, "VOYAGER_OPS_FAILPOINTS": failpoints, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
