"""Preparing capture: refusals that say what mends them, waiting for open transactions, kills between any two effects."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.changes.kit import Running, changes_of, forward, log_of, make_migration, run_in_process, running
from tests.conftest import Database
from voyager_ops.databases.postgres.capture import object_name, prepare, teardown
from voyager_ops.databases.postgres.copy_both import LibpqCopy
from voyager_ops.databases.postgres.database import postgres
from voyager_ops.databases.postgres.replication import READ_SECONDS, ReplicationStream
from voyager_ops.errors import Fenced, PreconditionError, RetryableError
from voyager_ops.lane.context import LaneContext
from voyager_ops.migration import Migration
from voyager_ops.model.changes import INSERT
from voyager_ops.model.positions import START
from voyager_ops.state.lanes import read_lane
from voyager_ops.testing.postgres import Cluster

SCHEMA = """
CREATE TABLE item (id int PRIMARY KEY, v text);
CREATE TABLE nokey (a int);
CREATE TABLE late (a int PRIMARY KEY DEFERRABLE);
CREATE TABLE indexed (a int PRIMARY KEY, b int NOT NULL UNIQUE);
ALTER TABLE indexed REPLICA IDENTITY USING INDEX indexed_b_key;
"""
IDENTITIES = "SELECT relname, relreplident FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1"
BEFORE = [("indexed", "i"), ("item", "d"), ("late", "d"), ("nokey", "d")]
WANTED = [("indexed", "d"), ("item", "d"), ("late", "f"), ("nokey", "f")]


@pytest.fixture
def source(source_db: Database) -> psycopg.Connection:
    connection = source_db.connect()
    connection.execute(SCHEMA)
    return connection


@pytest.fixture
def migration(tmp_path: Path, source: psycopg.Connection, source_db: Database, target_db: Database) -> Migration:
    return make_migration(tmp_path, source_db, target_db)


@pytest.fixture
def context(migration: Migration) -> LaneContext:
    return forward(migration)


@pytest.fixture
def config(migration: Migration, tmp_path: Path, source_db: Database, target_db: Database) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_text(
        f"name: shop\nexport_dir: {migration.config.export_dir}\nsource: {{url: '{source_db.url}', schemas: [public]}}\n"
        f"target: {{url: '{target_db.configured}'}}\nchanges: {{disk_reserve: 1, heartbeat: 0.2}}\n"
    )
    return path


PREPARE_POINTS = [
    "capture.prepare.metadata_installed",
    "capture.replica_identity.journaled@2",
    "capture.replica_identity.altered@1",
    "capture.prepare.published",
    "capture.prepare.slot_created",
    "capture.prepare.recorded",
]


def armed(points: list[str], action: str) -> list[str]:
    return [f"{point.partition('@')[0]}={action}@{point.partition('@')[2] or 1}" for point in points]


def test_killed_while_preparing_it_is_made_whole(source: psycopg.Connection, context: LaneContext, config: Path) -> None:
    for point in armed(PREPARE_POINTS, "crash"):
        assert run_in_process(config, "prepare(context)", point).returncode == -9, point
    prepare(context)
    assert source.execute(IDENTITIES).fetchall() == WANTED
    record = read_lane(context.state, context.lane)
    assert record.status == "prepared"
    assert record.start_position == record.captured_position != ""
    assert record.xid_reference > 0
    assert source.execute("SELECT slot_name FROM pg_replication_slots WHERE database = current_database()").fetchall() == [
        (record.slot,)
    ]
    prepare(context)
    assert read_lane(context.state, context.lane) == record
    for point in armed(
        ["capture.teardown.slot_dropped", "capture.teardown.publication_dropped", "capture.replica_identity.restored@2"], "crash"
    ):
        assert run_in_process(config, "teardown(context)", point).returncode == -9, point
    teardown(context)
    assert source.execute(IDENTITIES).fetchall() == BEFORE
    assert source.execute("SELECT count(*) FROM pg_publication").fetchone() == (0,)


def test_killed_while_streaming_nothing_is_lost_or_doubled(
    source: psycopg.Connection, context: LaneContext, config: Path
) -> None:
    prepare(context)
    number = 0
    for point in [
        "changes.publish.before_fsync",
        "changes.publish.fsynced",
        "changes.publish.renamed",
        "changes.publish.published",
        "capture.feedback.before",
        "capture.feedback.after",
    ]:
        for _ in range(20):
            source.execute("INSERT INTO item VALUES (%s, 'x')", (number,))
            number += 1
        result = run_in_process(config, "capture(context, threading.Event(), None)", f"{point}=crash@2")
        assert result.returncode == -9, result.stderr
    with running(context) as loop:
        loop.caught_up(source)
    assert [int(change[3][0]) for one in changes_of(context) for change in one] == list(range(number))
    assert log_of(context).totals().tables["public.item"].inserts == number


@pytest.mark.parametrize("libpq", [False, True])
def test_a_stream_is_read_in_portions(
    context: LaneContext, source: psycopg.Connection, source_db: Database, monkeypatch: pytest.MonkeyPatch, libpq: bool
) -> None:
    """Two reads are never nearer to each other than said: the server sends a reader that takes every change as it comes a packet
    for each of them. From the socket itself, and through libpq as where the session is encrypted."""
    if libpq:
        monkeypatch.setattr("voyager_ops.databases.postgres.replication.copy_both", LibpqCopy)
    prepare(context)
    record = read_lane(context.state, context.lane)

    def write() -> None:
        with source_db.connect() as connection:
            for number in range(300):
                connection.execute("INSERT INTO item VALUES (%s, 'v')", (number,))

    writer = threading.Thread(target=write)
    with ReplicationStream(postgres(context.capture_db), record.slot, record.publication, START) as stream:
        writer.start()
        found: list[int] = []
        started = time.monotonic()
        while sum(found) < 300:
            stream.wait(1.0)
            arrived = stream.arrived()
            found.append(0 if arrived is None else sum(frame[0] == INSERT for frame in arrived))
        elapsed = time.monotonic() - started
        stream.confirm(START)
        assert sum(found) == 300
    writer.join()
    assert (sum(each > 0 for each in found) - 1) * READ_SECONDS <= elapsed


def test_only_one_capture_runs(context: LaneContext, source: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voyager_ops.databases.postgres.replication.SLOT_WAIT_SECONDS", 0.5)
    with running(context) as first:
        second = Running(context)
        second._thread.start()
        assert isinstance(second.failure(), Fenced)
        source.execute("INSERT INTO item VALUES (1, 'x')")
        first.caught_up(source)
    assert len(changes_of(context)) == 1


def test_the_slot_waits_for_open_transactions_and_says_so(
    context: LaneContext, source: psycopg.Connection, source_db: Database
) -> None:
    with source_db.connect() as other:
        other.execute("BEGIN")
        other.execute("INSERT INTO item VALUES (1, 'open')")
        said: list[str] = []
        stop = threading.Event()
        failure: list[BaseException] = []

        def run() -> None:
            try:
                prepare(context, lambda step: said.append(step.message), stop)
            except RetryableError as error:
                failure.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        deadline = time.monotonic() + 15
        while not any(f"pid {other.info.backend_pid} " in text for text in said):
            assert time.monotonic() < deadline, said
            time.sleep(0.05)
        with pytest.raises(Fenced, match="is preparing"):
            prepare(context)
        stop.set()
        thread.join(20)
        assert "stopped" in str(failure[0])
        assert source.execute("SELECT count(*) FROM pg_replication_slots WHERE database = current_database()").fetchone() == (0,)
        other.execute("COMMIT")
    prepare(context)
    assert read_lane(context.state, context.lane).status == "prepared"


def test_a_slot_of_another_run_is_never_taken(context: LaneContext, source: psycopg.Connection) -> None:
    name = object_name(context)[:-8] + "deadbeef"
    source.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (name,))
    with pytest.raises(PreconditionError, match="belongs to another run") as caught:
        prepare(context)
    assert f"SELECT pg_drop_replication_slot('{name}')" in str(caught.value)


def test_an_ordinary_user_with_the_rights_and_without(
    source_cluster: Cluster, source: psycopg.Connection, source_db: Database, target_db: Database, tmp_path: Path
) -> None:
    user = f"mover_{source_db.name}"
    source_cluster.create_user(user)
    role, database = sql.Identifier(user), sql.Identifier(source_db.name)
    try:
        source.execute(sql.SQL("GRANT USAGE, CREATE ON SCHEMA public TO {}").format(role))
        context = forward(make_migration(tmp_path, source_db, target_db, source_cluster.dsn(source_db.name, user)))
        with pytest.raises(PreconditionError) as caught:
            prepare(context)
        message = str(caught.value)
        for mend in (f"ALTER ROLE {user} REPLICATION", f"GRANT CREATE ON DATABASE {source_db.name}", f"OWNER TO {user}"):
            assert mend in message
        assert source.execute(IDENTITIES).fetchall() == BEFORE
        source.execute(sql.SQL("ALTER ROLE {} REPLICATION").format(role))
        source.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(database, role))
        for (table,) in source.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
            source.execute(sql.SQL("ALTER TABLE {} OWNER TO {}").format(sql.Identifier(table), role))
        with running(context) as loop:
            source.execute("INSERT INTO nokey VALUES (1)")
            source.execute("UPDATE nokey SET a = 2")
            source.execute("INSERT INTO late VALUES (1)")
            source.execute("UPDATE late SET a = 2")
            loop.caught_up(source)
        assert len(changes_of(context)) == 4
        teardown(context)
        assert source.execute(IDENTITIES).fetchall() == BEFORE
    finally:
        source.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(role))
        source.execute(sql.SQL("DROP ROLE {}").format(role))


def test_identities_changed_by_others_are_left_alone(context: LaneContext, source: psycopg.Connection) -> None:
    prepare(context)
    source.execute("ALTER TABLE indexed REPLICA IDENTITY FULL")
    said: list[str] = []
    teardown(context, lambda step: said.append(step.message))
    assert ("indexed", "f") in source.execute(IDENTITIES).fetchall()
    assert any("someone else" in text for text in said)
