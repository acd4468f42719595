"""Partitions made while changes stream, below tables without a key: an UPDATE right after never fails in the application."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.changes.kit import changes_of, forward, make_migration, running
from tests.conftest import Database
from voyager_ops.databases.postgres import leaf_identity
from voyager_ops.databases.postgres.capture import prepare, teardown
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import Side
from voyager_ops.phases import preflight
from voyager_ops.phases import prepare as prepare_phase

SCHEMA = """
CREATE TABLE event (at int, what text) PARTITION BY RANGE (at);
CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (0) TO (100);
"""
NEXT = "CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM (100) TO (200)"
USER, PASSWORD = "part_mover", "carrier"


@pytest.fixture(autouse=True)
def _never_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch's first look comes before any partition is made; there is no second one."""
    monkeypatch.setattr("voyager_ops.lane.side_watch.LOOK_SECONDS", 3600.0)


@pytest.fixture
def source(source_db: Database) -> psycopg.Connection:
    connection = source_db.connect()
    connection.execute(SCHEMA)
    return connection


def identity(connection: psycopg.Connection, name: str) -> str:
    row = connection.execute("SELECT relreplident::text FROM pg_class WHERE oid = %s::regclass", (name,)).fetchone()
    assert row is not None
    return str(row[0])


def use_and_put_back(context: LaneContext, source: psycopg.Connection) -> None:
    prepare(context)
    with running(context) as loop:
        loop.caught_up(source)
        source.execute(NEXT)
        source.execute("INSERT INTO event VALUES (101, 'a'), (102, 'b')")
        source.execute("UPDATE event SET what = 'c' WHERE at = 101")
        source.execute("DELETE FROM event WHERE at = 102")
        source.execute("CREATE TABLE event_3 PARTITION OF event FOR VALUES FROM (200) TO (300) PARTITION BY LIST (what)")
        source.execute("CREATE TABLE event_3_x PARTITION OF event_3 FOR VALUES IN ('x')")
        source.execute("INSERT INTO event VALUES (201, 'x')")
        source.execute("UPDATE event SET at = 202 WHERE at = 201")
        loop.caught_up(source)
    assert changes_of(context) == [
        [("I", "event_2", None, [b"101", b"a"]), ("I", "event_2", None, [b"102", b"b"])],
        [("U", "event_2", [b"101", b"a"], [b"101", b"c"])],
        [("D", "event_2", [b"102", b"b"], None)],
        [("I", "event_3_x", None, [b"201", b"x"])],
        [("U", "event_3_x", [b"201", b"x"], [b"202", b"x"])],
    ]
    assert [identity(source, name) for name in ("event_1", "event_2", "event_3_x")] == ["f", "f", "f"]
    teardown(context)
    assert [identity(source, name) for name in ("event_1", "event_2", "event_3_x")] == ["d", "d", "d"]


def test_a_superuser_makes_the_event_trigger(
    source: psycopg.Connection, source_db: Database, target_db: Database, tmp_path: Path
) -> None:
    use_and_put_back(forward(make_migration(tmp_path, source_db, target_db)), source)


def test_one_that_the_watch_never_saw_is_put_back_too(
    source: psycopg.Connection, source_db: Database, target_db: Database, tmp_path: Path
) -> None:
    context = forward(make_migration(tmp_path, source_db, target_db))
    prepare(context)
    source.execute(NEXT)
    assert identity(source, "event_2") == "f"
    teardown(context)
    assert [identity(source, name) for name in ("event_1", "event_2")] == ["d", "d"]


def test_not_wanted_where_every_table_has_a_key(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    with source_db.connect() as connection:
        connection.execute("CREATE TABLE kept (k int PRIMARY KEY) PARTITION BY RANGE (k)")
        prepare(forward(make_migration(tmp_path, source_db, target_db)))
        assert not leaf_identity.installed(connection)


@pytest.fixture
def ordinary(source: psycopg.Connection, source_db: Database, target_db: Database) -> Iterator[str]:
    """The URL of a user who is no superuser; the tables are another's."""
    source.execute("CREATE ROLE part_owner; ALTER TABLE event OWNER TO part_owner; ALTER TABLE event_1 OWNER TO part_owner")
    yield f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{source_db.cluster.port}/{source_db.name}"
    for role in (USER, "part_owner"):
        if source.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is not None:
            user = sql.Identifier(role)
            source.execute(sql.SQL("REASSIGN OWNED BY {0} TO postgres; DROP OWNED BY {0}").format(user))
            source.execute(sql.SQL("DROP ROLE {}").format(user))


def test_prepare_makes_it_for_an_ordinary_user(
    ordinary: str, source: psycopg.Connection, source_db: Database, target_db: Database, tmp_path: Path
) -> None:
    migration = make_migration(tmp_path, source_db, target_db, source_url=ordinary)
    ran = prepare_phase.run(migration, Side.SOURCE, execute=True, privileged_url=source_db.url)
    assert any("voyager_ops_identify_leaves" in item["sql"] and item["outcome"] == "run" for item in ran.statements)
    assert leaf_identity.installed(source)
    assert not [check for check in preflight.run(migration).checks if check["id"] in {"new_partitions", "event_triggers"}]
    source.execute("SET ROLE part_owner")  # the application makes the partitions
    source.execute("RESET ROLE; GRANT CREATE ON SCHEMA public TO part_owner; SET ROLE part_owner")
    use_and_put_back(forward(migration), source)
    source.execute("RESET ROLE; REVOKE CREATE ON SCHEMA public FROM part_owner")


def test_without_the_right_it_is_said(
    ordinary: str, source: psycopg.Connection, source_db: Database, target_db: Database, tmp_path: Path
) -> None:
    migration = make_migration(tmp_path, source_db, target_db, source_url=ordinary)
    prepare_phase.run(migration, Side.SOURCE, execute=True, privileged_url=source_db.url)
    source.execute("DROP EVENT TRIGGER voyager_ops_identify_leaves")
    assert [check["id"] for check in preflight.run(migration).checks if check["id"] == "new_partitions"]
    said: list[str] = []
    prepare(forward(migration), lambda step: said.append(step.message))
    assert any("no right to create an event trigger" in message for message in said)
