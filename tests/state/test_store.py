"""The migration's records, in SQLite and in PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.conftest import Database
from voyager_ops.errors import Fenced, PreconditionError
from voyager_ops.model.positions import Lane, Position
from voyager_ops.state import stopped, tables
from voyager_ops.state.lanes import read_lane, update_lane
from voyager_ops.state.processes import Lease, is_alive, processes, request_stop
from voyager_ops.state.stopped import StoppedTable, barring, leave_out, left_out, mark_incomplete, stop_tables, stopped_tables
from voyager_ops.state.store import State


@pytest.fixture(params=["sqlite", "postgresql"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    if request.param == "sqlite":
        opened = State.open("shop", directory=tmp_path)
    else:
        database: Database = request.getfixturevalue("source_db")
        opened = State.open("shop", url=database.url)
    yield opened
    opened.close()


def test_documents_lanes_and_journal(state: State) -> None:
    assert state.get("a") is None
    state.put("a/1", {"x": [1, None]})
    state.put("a/1", {"x": 2})
    state.put("a/2", None)
    assert state.get("a/1") == {"x": 2}
    assert state.keys("a/") == ["a/1", "a/2"]
    state.delete("a/1")
    assert state.keys("a/") == ["a/2"]
    first = state.log("guard/source", "trigger", "before", {"sql": "x"})
    assert state.log("guard/source", "trigger", "after") > first
    assert [(row.event, row.data) for row in state.journal("guard/source")] == [("before", {"sql": "x"}), ("after", {})]
    assert read_lane(state, Lane.FORWARD).status == "none"
    update_lane(state, Lane.FORWARD, status="prepared", slot="s")
    update_lane(state, Lane.FORWARD, status="streaming")
    assert (read_lane(state, Lane.FORWARD).status, read_lane(state, Lane.FORWARD).slot) == ("streaming", "s")


def test_two_migrations_share_a_store_without_seeing_each_other(state: State) -> None:
    other = State(state.engine, "other")
    other._install()
    state.put("k", 1)
    assert other.get("k") is None
    assert other.uuid != state.uuid


def test_a_newer_store_is_refused(state: State) -> None:
    with state.begin() as connection:
        connection.execute(tables.meta.update().values(version=tables.VERSION + 1))
    with pytest.raises(PreconditionError, match="newer version"):
        state._install()


def test_many_writers_lose_nothing(state: State) -> None:
    state.put("count", 0)

    def add() -> None:
        for _ in range(20):
            with state.begin() as connection:
                if connection.dialect.name == "postgresql":
                    connection.execute(sa.text("SELECT pg_advisory_xact_lock(1)"))
                table = tables.document
                value = connection.execute(sa.select(table.c.value).where(table.c.key == "count")).scalar_one()
                connection.execute(table.update().where(table.c.key == "count").values(value=value + 1))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert state.get("count") == 80


def test_a_role_has_one_holder(state: State) -> None:
    with Lease(state, "import data to target") as lease:
        lease.publish(total=5)
        assert is_alive(state, "import data to target")
        with pytest.raises(Fenced, match="already running"), Lease(state, "import data to target"):
            pass
        time.sleep(1.3)
        assert processes(state)["import data to target"].metrics == {"total": 5}
        request_stop(state, "import data to target")
        assert lease.stop.wait(3)
    assert not is_alive(state, "import data to target")
    with Lease(state, "import data to target") as again:
        assert not again.stop.is_set()


def test_the_role_of_a_killed_process_is_free_at_once(state: State) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    with Lease(state, "export"), state.begin() as connection:
        connection.execute(tables.process.update().values(pid=child.pid, token="other"))
    assert is_alive(state, "export")
    child.kill()
    child.wait()
    with Lease(state, "export"):
        pass


def test_a_holder_that_was_replaced_notices(state: State) -> None:
    with Lease(state, "export") as lease:
        with state.begin() as connection:
            connection.execute(tables.process.update().values(token="other"))
        assert lease.stop.wait(3)
        with pytest.raises(Fenced, match="taken over"):
            lease.check()


def test_a_table_that_is_stopped_while_another_is_marked_is_not_forgotten(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """Capture stops tables, apply marks them: two processes write the same record."""
    first, second = (StoppedTable(name, Position("5"), "ALTER TABLE", 1.0) for name in ("hr.a", "hr.b"))
    stop_tables(state, Lane.FORWARD, [first])
    capture = threading.Thread(target=stop_tables, args=(state, Lane.FORWARD, [second]))
    write = stopped._write

    def interrupted(*arguments: Any) -> None:
        monkeypatch.setattr(stopped, "_write", write)
        capture.start()
        capture.join(0.5)
        write(*arguments)

    monkeypatch.setattr(stopped, "_write", interrupted)
    mark_incomplete(state, Lane.FORWARD, ["hr.a"])
    capture.join()
    leave_out(state, Lane.FORWARD, ["hr.a", "hr.c"])
    (one,) = left_out(state, Lane.FORWARD).values()
    leave_out(state, Lane.FORWARD, ["hr.a"])
    stop_tables(state, Lane.FORWARD, [replace(first, position=Position("4"))])
    assert left_out(state, Lane.FORWARD) == {"hr.a": replace(one, position=Position("4"))}
    assert list(barring(state, Lane.FORWARD)) == ["hr.b"]
    assert {name: each.incomplete for name, each in stopped_tables(state, Lane.FORWARD).items()} == {"hr.a": True, "hr.b": False}
