"""A forward lane past its seam point, with a backlog on its source, that can be put back to where it was for every round."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from typing import Any

from psycopg import sql

from benchmarks.data import differing
from benchmarks.engine import Worker, configuration, run_once
from benchmarks.peers import Subscription, wait_for
from benchmarks.stage import Database, Stage
from voyager_ops.config import MigrationConfig
from voyager_ops.databases.postgres import capture, lsn
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Lane, Side
from voyager_ops.state.lanes import read_lane

END_TABLE = "bench_end"
PATIENCE_SECONDS = 900.0


class BenchLane:
    """Tables of ``schema`` (made by ``prepare_sides``, which fills the source only) under a lane that is caught up."""

    def __init__(self, stage: Stage, name: str, prepare_sides: Callable[[Database, Database], None], **changes: Any) -> None:
        self.stage = stage
        self.name = name
        self.source = stage.create(stage.source(name))
        self.base = stage.create(stage.target(f"{name}_base"))
        self.round = stage.target(f"{name}_round")
        prepare_sides(self.source, self.base)
        for database in (self.source, self.base):
            database.run(f"CREATE TABLE {END_TABLE} (id int PRIMARY KEY)")
        self.source.run("CREATE PUBLICATION bench FOR ALL TABLES", "VACUUM ANALYZE")
        self.directory = stage.fresh_directory(f"{name}-base")
        self.changes = changes
        self.captured_changes = 0
        self.end = ""
        self._markers = 0
        migration = self._migration(self.base)
        migration.freeze_baseline(Side.SOURCE)
        capture.prepare(migration.lane(Lane.FORWARD))
        record = read_lane(migration.state, Lane.FORWARD)
        self.slot, self.publication = record.slot, record.publication
        self._to_the_seam()
        migration.state.close()
        self.tables = [table.name.name for table in migration.baseline(Side.SOURCE)]
        self.base.run("VACUUM ANALYZE")
        with self.source.connect() as connection:
            connection.execute("SELECT pg_copy_logical_replication_slot(%s, %s)", (self.slot, f"base_{name}"))

    def config(self, target: Database, **changes: Any) -> dict[str, Any]:
        directory = self.directory if target is self.base else self.stage.directory / "round"
        return configuration(self.stage, self.source, target, directory, changes={**self.changes, **changes})

    def _migration(self, target: Database) -> Migration:
        return Migration(MigrationConfig.model_validate(self.config(target)))

    def _to_the_seam(self) -> None:
        config = self.config(self.base)
        run_once("snapshot", config)
        with Worker("capture", config) as capturing, Worker("apply", config) as applying:
            capturing.go()
            applying.go()
            wait_for(self.base, "SELECT seam_passed FROM voyager_ops.lane_position", seconds=60)
            for worker in (applying, capturing):
                worker.stop()
                worker.result()

    # -- a backlog -------------------------------------------------------------------------------------------------
    def mark_end(self) -> int:
        """Write the next end row, by whose arrival a reader has everything before it."""
        self._markers += 1
        self.source.run(f"INSERT INTO {END_TABLE} VALUES ({self._markers})")
        self.end = str(self.source.value("SELECT pg_current_wal_flush_lsn()"))
        return self._markers

    # -- rounds ----------------------------------------------------------------------------------------------------
    def reset(self) -> None:
        """Slots, change log, state and target as they were before any of the backlog was captured."""
        with self.source.connect() as connection:
            for slot, pid in connection.execute(
                "SELECT slot_name, active_pid FROM pg_replication_slots WHERE database = %s AND slot_name <> %s",
                (self.source.name, f"base_{self.name}"),
            ).fetchall():
                if pid is not None:
                    connection.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
                connection.execute("SELECT pg_drop_replication_slot(%s)", (slot,))
            connection.execute("SELECT pg_copy_logical_replication_slot(%s, %s)", (f"base_{self.name}", self.slot))
        shutil.rmtree(self.stage.directory / "round", ignore_errors=True)
        shutil.copytree(self.directory, self.stage.directory / "round")
        self.stage.drop(self.round)
        with self.stage.target("postgres").connect() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                    sql.Identifier(self.round.name), sql.Identifier(self.base.name)
                )
            )

    def captured(self) -> tuple[str, int]:
        """Captured position, and changes in the log, of the round; read beside the writer without a lock."""
        path = self.stage.directory / "round" / "metainfo" / "state.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            position = connection.execute("SELECT captured_position FROM lane").fetchone()
            changes = connection.execute("SELECT coalesce(sum(changes), 0) FROM segment").fetchone()
        return str(position[0]), int(changes[0])

    def capture_seconds(self) -> dict[str, Any]:
        """From the start of capture until everything is in published segments; what the process said."""
        wanted = lsn.to_position(lsn.parse(self.end))
        before = self.captured()[1]
        with Worker("capture", self.config(self.round)) as worker:
            started = time.monotonic()
            worker.go()
            while self.captured()[0] < wanted:
                worker.check()
                time.sleep(0.01)
            seconds = time.monotonic() - started
            worker.stop()
            result = worker.result()
        self.captured_changes = self.captured()[1] - before
        return {**result, "seconds": seconds}

    def catch_up(self, markers: Sequence[int] = (), **changes: Any) -> dict[str, Any]:
        """Capture and apply together, from their start until the last end row is on the target. ``arrivals`` are seconds at
        which each of ``markers`` was there; ``capture`` and ``apply`` what the processes said. ``changes``: settings of that
        section."""
        before = self.captured()[1]
        config = self.config(self.round, **changes)
        with ExitStack() as stack:
            workers = [stack.enter_context(Worker(kind, config)) for kind in ("capture", "apply")]
            started = time.monotonic()
            for worker in workers:
                worker.go()
            arrivals = []
            for marker in [*markers, self._markers]:
                self._await(marker, workers)
                arrivals.append(time.monotonic() - started)
            for worker in reversed(workers):
                worker.stop()
            said = [worker.result() for worker in workers]
        self.captured_changes = self.captured()[1] - before
        return {"seconds": arrivals[-1], "arrivals": arrivals[:-1], "capture": said[0], "apply": said[1]}

    def await_end(self, workers: list[Worker]) -> None:
        """Until the last end row is on the round's target."""
        self._await(self._markers, workers)

    def _await(self, marker: int, workers: list[Worker]) -> None:
        def alive() -> None:
            for worker in workers:
                worker.check()

        query = f"SELECT EXISTS (SELECT FROM {END_TABLE} WHERE id = {marker})"
        wait_for(self.round, query, seconds=PATIENCE_SECONDS, alive=alive)

    def native_seconds(self, *, binary: bool) -> float:
        """A subscription instead, from its creation until the last end row is on the target."""
        started = time.monotonic()
        subscription = Subscription(self.source, self.round, self.slot, "bench", binary=binary)
        try:
            wait_for(self.round, f"SELECT EXISTS (SELECT FROM {END_TABLE} WHERE id = {self._markers})", seconds=PATIENCE_SECONDS)
            return time.monotonic() - started
        finally:
            subscription.drop()

    def unequal(self) -> list[str]:
        """Tables that differ between the source and the round's target."""
        return differing(self.source, self.round, self.tables)
