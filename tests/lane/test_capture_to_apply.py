"""Capture and apply as processes of their own, killed at random while an application writes: both sides end equal."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import psycopg
from psycopg import sql

from tests.changes.kit import forward, make_migration
from tests.conftest import Database
from voyager_ops.changes.log import ChangeLog
from voyager_ops.databases.postgres import capture, guard, metadata
from voyager_ops.databases.postgres.apply import read_position
from voyager_ops.databases.postgres.database import SETTINGS
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Lane, Side
from voyager_ops.state.lanes import read_lane
from voyager_ops.testing.sample import load_sample
from voyager_ops.testing.workload import Workload, check_ledger

SCALE = 0.002
WRITING_SECONDS = 12.0
KILL_EVERY = (1.0, 2.5)
PATIENCE_SECONDS = 120.0

HEAD = """
import sys, threading
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Lane
from voyager_ops.model.results import silent
migration = Migration.load(sys.argv[1])
context = migration.lane(Lane.FORWARD)
"""
CODE = {
    "capture": HEAD + "from voyager_ops.lane.capture_loop import capture\ncapture(context, threading.Event(), None)\n",
    "apply": HEAD + "from voyager_ops.lane.apply_loop import apply\napply(context, threading.Event(), None, silent)\n",
}


class Loops:
    """One process per role, started again whenever it is killed; a process that ends by itself is a failure."""

    def __init__(self, config: Path, directory: Path) -> None:
        self._config = config
        self._directory = directory
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.kills = 0

    def start(self, role: str) -> None:
        with open(self._directory / f"{role}.log", "ab") as log:
            self._processes[role] = subprocess.Popen(
                [sys.executable, "-c", CODE[role], str(self._config)],
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
                stdout=log,
                stderr=log,
            )

    def check(self) -> None:
        for role, process in self._processes.items():
            assert process.poll() is None, f"{role} ended: " + (self._directory / f"{role}.log").read_text()[-3000:]

    def kill(self, role: str) -> None:
        self.check()
        self._processes[role].kill()
        self._processes[role].wait()
        self.kills += 1
        self.start(role)

    def end(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()


def differences(migration: Migration, source: Database, target: Database) -> list[str]:
    """Names of tables that differ."""
    options = " ".join(f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in SETTINGS.items())
    found = []
    with psycopg.connect(source.url, options=options) as left, psycopg.connect(target.url, options=options) as right:
        for table in migration.baseline(Side.SOURCE):
            columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
            query = sql.SQL("SELECT count(*), sum(hashtextextended(ROW({})::text, 0)) FROM {}{}").format(
                columns, sql.SQL("" if table.partitioned else "ONLY "), sql.Identifier(*table.name)
            )
            one, two = left.execute(query).fetchone(), right.execute(query).fetchone()
            if one != two:
                found.append(f"{table.name}: {one} {two}")
    return found


def test_killed_again_and_again_nothing_is_lost_or_doubled(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    for database in (source_db, target_db):
        load_sample(database.url, SCALE)
    migration = make_migration(tmp_path, source_db, target_db)
    context = forward(migration)
    capture.prepare(context)
    with context.apply_db.connect("test") as connection:  # both sides are equal: nothing is left to copy
        metadata.install(connection)
        connection.execute(
            "INSERT INTO voyager_ops.lane_position (migration, lane, part, position, seam_passed)"
            " VALUES ('shop', 'forward', 0, %s, true)",
            (read_lane(context.state, Lane.FORWARD).start_position,),
        )
    guard.hold_off(context.state, migration.target, migration.read_catalog(Side.TARGET), Side.TARGET)  # one trigger is ALWAYS
    config = tmp_path / "shop.yaml"
    config.write_text(
        f"name: shop\nexport_dir: {tmp_path / 'export'}\nsource: {{url: '{source_db.url}', schemas: [public]}}\n"
        f"target: {{url: '{target_db.configured}'}}\nchanges: {{disk_reserve: 1, heartbeat: 0.5, batch_changes: 500}}\n"
    )
    rng = random.Random(7)
    loops = Loops(config, tmp_path)
    try:
        loops.start("capture")
        loops.start("apply")
        with Workload(source_db.url, seed=11, threads=2, rate=300.0) as workload:
            until = time.monotonic() + WRITING_SECONDS
            while time.monotonic() < until:
                time.sleep(rng.uniform(*KILL_EVERY))
                loops.kill(rng.choice(["capture", "apply", "apply"]))
                check_ledger(target_db.url)
            written = workload.stop()
        assert not written.unexpected
        assert written.changes > 200
        with psycopg.connect(source_db.url, autocommit=True) as connection:
            marker = metadata.write_marker(connection, "shop", "marker")
        deadline = time.monotonic() + PATIENCE_SECONDS
        with psycopg.connect(target_db.url, autocommit=True) as connection:
            while (metadata.arrival(connection, "shop", "forward", "marker") or ("",))[0] != marker:
                loops.check()
                assert time.monotonic() < deadline, (tmp_path / "apply.log").read_text()[-3000:]
                time.sleep(0.1)
            applied = read_position(connection, "shop", Lane.FORWARD)
        check_ledger(target_db.url)
        assert loops.kills >= 4
        assert applied.user_changes >= written.changes  # triggers write more
        captured = ChangeLog(context.state, context.data_dir, Lane.FORWARD).totals()
        assert applied.user_changes == captured.user_changes  # what both streams show as their totals
        assert differences(migration, source_db, target_db) == []
    finally:
        loops.end()
        capture.teardown(context)
