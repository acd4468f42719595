"""Apply killed at each of its failpoints and started again: equal databases, each change once."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.lane.seam import SeamLane
from voyager_ops.changes.log import ChangeLog
from voyager_ops.databases.postgres import apply as apply_module
from voyager_ops.databases.postgres import metadata
from voyager_ops.lane import apply_loop, quarantine
from voyager_ops.lane.capture_loop import capture as run_capture
from voyager_ops.model.results import silent
from voyager_ops.state.lanes import read_lane

SETUP = """
CREATE TABLE items (id int PRIMARY KEY, code text, n int NOT NULL DEFAULT 0);
INSERT INTO items SELECT i, 'c' || i FROM generate_series(1, 2000) i;
CREATE TABLE bag (a int, b text);
"""
UNIQUE = "CREATE UNIQUE INDEX IF NOT EXISTS items_code ON items (code)"

CHILD = """
import pickle, sys, threading
from dataclasses import replace
from pathlib import Path
import psycopg
from voyager_ops.lane import quarantine
from voyager_ops.lane.apply_loop import apply
from voyager_ops.model.results import silent
from voyager_ops.state.store import State
context, directory, target, unique, what = pickle.load(sys.stdin.buffer)
context = replace(context, state=State.open("seam", directory=Path(directory)))

def build():
    with psycopg.connect(target, autocommit=True) as connection:
        connection.execute(unique)

stop = threading.Event()
threading.Timer(40, stop.set).start()
if what == "retry":
    quarantine.retry(context)
else:
    apply(context, stop, None, silent, at_seam=build)
"""


def killed(lane: SeamLane, tmp_path: Path, point: str, what: str = "apply") -> None:
    """Run apply (or a retry of the quarantine) in a process of its own until the failpoint kills it."""
    payload = (replace(lane.context, state=None), str(tmp_path), lane.target_db.url, UNIQUE, what)  # type: ignore[arg-type]
    child = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=pickle.dumps(payload),
        env={**os.environ, "VOYAGER_OPS_FAILPOINTS": point},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()[-2000:]


def capture_all(lane: SeamLane) -> None:
    """Run capture until what is committed on the source by now is in the change log."""
    stop = threading.Event()
    thread = threading.Thread(target=run_capture, args=(lane.context, stop, None, silent))
    thread.start()
    with lane.source_db.connect() as connection:
        row = connection.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone()
    deadline = time.monotonic() + 30
    while row and int(read_lane(lane.context.state, lane.context.lane).captured_position or "0", 16) < int(row[0]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    stop.set()
    thread.join()


def with_changes(source_db: Database, target_db: Database, tmp_path: Path, on_error: str = "stop") -> SeamLane:
    lane = SeamLane(source_db, target_db, tmp_path, SETUP, UNIQUE, chunk_size=32 << 10)
    changes = lane.context.changes.model_copy(update={"batch_changes": 200, "on_error": on_error})
    lane.context = replace(lane.context, changes=changes)
    lane.prepare()
    chunks = lane.plan()
    lane.copy(chunks[:1])
    lane.source("UPDATE items SET n = n + 1 WHERE id % 10 = 0", "INSERT INTO bag SELECT i % 3, 'x' FROM generate_series(1, 30) i")
    lane.copy(chunks[1:])
    for _ in range(4):
        lane.source("UPDATE items SET n = n + 1 WHERE id % 7 = 0", "INSERT INTO bag VALUES (1, 'x')")
        lane.source("UPDATE items SET id = id + 10000 WHERE id % 500 = 3", "DELETE FROM items WHERE id % 99 = 5")
    with source_db.connect() as connection:  # past every chunk's position, so that the child reaches the seam
        metadata.write_marker(connection, "seam", "heartbeat")
    lane.source("UPDATE items SET n = n + 1 WHERE id % 7 = 0")
    return lane


@pytest.mark.parametrize(
    "point",
    [
        f"{apply_module.BEFORE_COMMIT}=crash",
        f"{apply_module.BEFORE_COMMIT}=crash@3",
        f"{apply_module.AFTER_COMMIT}=crash",
        f"{apply_module.AFTER_COMMIT}=crash@3",
        f"{apply_loop.BEFORE_AT_SEAM}=crash",
        f"{apply_loop.AFTER_AT_SEAM}=crash",
        f"{apply_module.BEFORE_SEAM_FLAG}=crash",
        f"{apply_module.AFTER_SEAM_FLAG}=crash",
    ],
)
def test_killed_and_started_again(source_db: Database, target_db: Database, tmp_path: Path, point: str) -> None:
    lane = with_changes(source_db, target_db, tmp_path)
    capture_all(lane)
    killed(lane, tmp_path, point)
    with lane.streaming():
        lane.source("UPDATE items SET n = n + 1 WHERE id % 3 = 0")
    assert lane.differences() == {}
    exported = ChangeLog(lane.context.state, lane.context.data_dir, lane.context.lane).totals()
    with lane.context.apply_db.connect("test") as connection:
        row = connection.execute("SELECT changes, user_changes FROM voyager_ops.lane_position").fetchone()
    assert row is not None
    assert row[0] <= exported.changes  # no transaction was counted twice
    assert row[1] <= exported.user_changes


@pytest.mark.parametrize("name", [apply_loop.BEFORE_QUARANTINE, apply_loop.AFTER_QUARANTINE])
def test_killed_around_a_change_put_aside(source_db: Database, target_db: Database, tmp_path: Path, name: str) -> None:
    lane = with_changes(source_db, target_db, tmp_path, "quarantine")
    with lane.streaming():
        pass
    with target_db.connect() as connection:
        connection.execute("ALTER TABLE items ADD CONSTRAINT poison CHECK (code <> 'poison')")
    lane.source("UPDATE items SET code = 'poison' WHERE id = 20")
    lane.source("UPDATE items SET n = n + 1 WHERE id IN (20, 21, 22)")
    capture_all(lane)
    killed(lane, tmp_path, f"{name}=crash")
    with lane.streaming():
        pass
    assert quarantine.count(lane.context) == 2  # the poisonous change, and the later one of its key
    assert set(lane.differences()) == {"items"}
    with target_db.connect() as connection:
        connection.execute("ALTER TABLE items DROP CONSTRAINT poison")
    killed(lane, tmp_path, f"{quarantine.BEFORE_RETRY_COMMIT}=crash", "retry")
    assert quarantine.count(lane.context) == 2
    killed(lane, tmp_path, f"{quarantine.AFTER_RETRY_COMMIT}=crash", "retry")
    quarantine.retry(lane.context)
    assert quarantine.count(lane.context) == 0
    assert lane.differences() == {}
