"""Capture from a cluster of two instances, of which nobody uses one for a while."""

from __future__ import annotations

import threading
from pathlib import Path

import oracledb
import pytest

from tests.conftest import Database
from tests.databases.oracle.capture_kit import (
    Oracle,
    actual,
    capturing,
    context_from,
    replayed,
    wait_for_marker,
)
from voyager_ops.databases.oracle import metadata
from voyager_ops.databases.oracle.check_facts import read_facts
from voyager_ops.databases.oracle.database import OracleDatabase
from voyager_ops.databases.oracle.logminer import instances, session
from voyager_ops.databases.oracle.logminer.session import Mining
from voyager_ops.databases.oracle.reading import current_scn
from voyager_ops.model.positions import Side
from voyager_ops.testing.oracle.redo import RedoSettings
from voyager_ops.testing.oracle.server import HOST, Server

T = "CREATE TABLE T (ID NUMBER(10) PRIMARY KEY, NAME VARCHAR2(50))"
CLUSTER = RedoSettings(threads=2, cluster=True)
pytestmark = pytest.mark.parametrize("oracle", [CLUSTER], indirect=True, ids=["cluster"])


def url(oracle: Oracle, *named: Server) -> str:
    """Of the first instance, which names ``named``."""
    first = oracle.simulator.instances[0]
    found = oracle.url.replace(f":{oracle.simulator.port}/", f":{first.port}/")
    return found + (f"?instances={','.join(f'{HOST}:{each.port}' for each in named)}" if named else "")


def on(oracle: Oracle, instance: int) -> oracledb.Connection:
    """A session of HR's on the instance of that number."""
    server = oracle.simulator.instances[instance - 1]
    return oracledb.connect(user="HR", password=oracle.source.passwords["HR"], dsn=server.dsn("FREEPDB1"))


@pytest.fixture
def quiet(oracle: Oracle) -> OracleDatabase:
    """All that was written so far is on the first instance."""
    with on(oracle, 1) as connection:
        connection.cursor().execute(T)
    database = OracleDatabase.from_url(url(oracle), side=Side.SOURCE, migration="ora")
    with database.connect("test") as connection:
        metadata.install(connection)
    return database


def now(database: OracleDatabase) -> int:
    """The SCN on the first instance."""
    with database.connect("test") as connection:
        return current_scn(connection)


def mining(oracle: Oracle, *named: Server) -> Mining:
    database = OracleDatabase.from_url(url(oracle, *named), side=Side.SOURCE, migration="ora")
    return Mining(database, [("HR", "T")], flush=True)


def test_an_instance_that_nobody_uses_holds_back_and_is_named(
    oracle: Oracle, quiet: OracleDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "HELD_SECONDS", 0.0)
    found = mining(oracle)
    before = found.available()
    with on(oracle, 1) as connection:
        connection.cursor().execute("INSERT INTO T VALUES (1, 'one')")
        connection.commit()
    after = now(quiet)
    assert found.available() == before < after
    assert found.available() == before
    assert "redo thread 2 has written no redo" in found.held_back
    with on(oracle, 2) as connection:
        connection.cursor().execute("INSERT INTO T VALUES (2, 'two')")
        connection.commit()
    assert found.available() >= after
    assert found.held_back == ""
    found.close()


def test_an_instance_that_is_named_writes_at_every_look(oracle: Oracle, quiet: OracleDatabase) -> None:
    source = OracleDatabase.from_url(url(oracle, *oracle.simulator.instances), side=Side.SOURCE, migration="ora")
    redo = read_facts(source, ["HR"], mines=True).redo
    assert (redo.threads, redo.open, redo.named) == (2, 2, 2)
    found = mining(oracle, *oracle.simulator.instances)
    with on(oracle, 1) as connection:
        connection.cursor().execute("INSERT INTO T VALUES (1, 'one')")
        connection.commit()
    after = now(quiet)
    assert found.available() >= after
    found.close()


def test_an_instance_that_is_down_is_tried_again(oracle: Oracle, quiet: OracleDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """Meanwhile its thread counts as far as it says itself; and once it is recovered, and closed, not at all."""
    monkeypatch.setattr(instances, "AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(session, "HELD_SECONDS", 0.0)
    second = oracle.simulator.instances[1]
    found = mining(oracle, second)
    before = found.available()
    second.close()
    with on(oracle, 1) as connection:
        connection.cursor().execute("INSERT INTO T VALUES (1, 'one')")
        connection.commit()
    after = now(quiet)
    held = found.available()
    assert before <= held < after
    assert found.available() == held
    assert f"{HOST}:{second.port}: " in found.held_back
    oracle.redo.logs.threads[2].open = False
    assert found.available() >= after
    oracle.redo.logs.threads[2].open = True
    assert found.available() == held
    again = Server(oracle.simulator.engine, profile="19c", port=second.port, instance=2)
    with again:
        assert found.available() >= after
        assert found.held_back == ""
        found.close()


def test_an_instance_that_hangs_before_its_commit_holds_no_lock_that_others_want(
    oracle: Oracle, quiet: OracleDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = mining(oracle, *oracle.simulator.instances)
    before = found.available()
    address = f"{HOST}:{oracle.simulator.instances[1].port}"
    with OracleDatabase.from_url(url(oracle), side=Side.SOURCE, migration="ora").connect("test", instance=address) as hung:

        def hang(_: oracledb.Connection) -> None:
            raise oracledb.OperationalError("it hangs")

        monkeypatch.setattr(type(hung), "commit", hang)
        with pytest.raises(oracledb.OperationalError):
            instances.write_beside(hung)
        monkeypatch.undo()
        with on(oracle, 1) as connection:
            connection.cursor().execute("INSERT INTO T VALUES (1, 'one')")
            connection.commit()
        after = now(quiet)
        seen: list[int] = []
        looking = threading.Thread(target=lambda: seen.append(found.available()), daemon=True)
        looking.start()
        looking.join(30)
        assert seen
        assert seen[0] >= after > before
        hung.rollback()
    found.close()


def test_the_lane_goes_on_and_what_the_idle_instance_writes_once_it_wakes_is_captured(
    oracle: Oracle, quiet: OracleDatabase, target_db: Database, tmp_path: Path
) -> None:
    context = context_from(url(oracle, *oracle.simulator.instances), target_db.url, tmp_path)
    with on(oracle, 1) as one, on(oracle, 2) as two, capturing(context) as running:
        one.cursor().execute("INSERT INTO T VALUES (1, 'one')")
        one.commit()
        wait_for_marker(context, running)
        assert set(replayed(context, "t")) == {(b"1",)}
        two.cursor().execute("INSERT INTO T VALUES (2, 'two')")
        one.cursor().execute("INSERT INTO T VALUES (3, 'three')")
        one.commit()
        wait_for_marker(context, running)
        two.commit()
        failed: list[BaseException] = []

        def write(connection: oracledb.Connection, first: int) -> None:
            try:
                for number in range(first, first + 40):
                    connection.cursor().execute("INSERT INTO T VALUES (:1, 'x')", [number])
                    connection.cursor().execute("UPDATE T SET NAME = NAME || 'y' WHERE ID = :1", [number])
                    connection.commit()
            except oracledb.Error as error:
                failed.append(error)

        writers = [threading.Thread(target=write, args=pair) for pair in ((one, 100), (two, 200))]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert not failed
        wait_for_marker(context, running)
    assert replayed(context, "t") == actual(context, "t")
    assert len(replayed(context, "t")) == 83
