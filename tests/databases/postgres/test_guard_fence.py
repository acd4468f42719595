from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Database
from tests.databases.postgres.guard_kit import SCHEMA, open_state, owner, picture, superuser, tables_of
from voyager_ops import failpoints
from voyager_ops.databases.postgres import guard_fence, metadata
from voyager_ops.databases.postgres.database import PostgresDatabase
from voyager_ops.databases.postgres.guard import hold_off
from voyager_ops.databases.postgres.guard_sessions import writers
from voyager_ops.errors import RetryableError
from voyager_ops.failpoints import FailpointError
from voyager_ops.model.positions import Side
from voyager_ops.state.store import State

POINTS = [
    guard_fence.JOURNALED,
    guard_fence.READ_ONLY_SET,
    guard_fence.TRIGGER_MADE,
    guard_fence.FENCED,
    guard_fence.UNFENCED_ONE,
]


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    state = open_state(tmp_path)
    yield state
    state.close()


@pytest.fixture
def shop(source_db: Database) -> Database:
    with source_db.connect() as connection:
        connection.execute(SCHEMA)
        metadata.install(connection)
    return source_db


@pytest.fixture(params=["session", "tables"])
def db(request: pytest.FixtureRequest, shop: Database) -> Iterator[PostgresDatabase]:
    if request.param == "session":
        yield superuser(shop)
        return
    database = owner(shop)
    with shop.connect() as connection:
        connection.execute(f'ALTER SCHEMA voyager_ops OWNER TO "{shop.name}"')
    yield database
    with psycopg.connect(shop.cluster.dsn(), autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{shop.name}" OWNER TO postgres')


class Hammer:
    """Ordinary users who write as hard as they can, reconnect when thrown out and insist on read-write transactions."""

    def __init__(self, database: Database, count: int = 3) -> None:
        with database.connect() as connection:
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'app'").fetchone() is None:
                connection.execute("CREATE ROLE app LOGIN PASSWORD 'x'")
            connection.execute("GRANT USAGE ON SCHEMA shop TO app; GRANT ALL ON ALL TABLES IN SCHEMA shop TO app")
        self.url = database.cluster.dsn(database.name, "app", "x")
        self.database = database
        self.stop = threading.Event()
        self.committed: list[float] = []
        self.refused: list[str] = []
        self.threads = [threading.Thread(target=self._write, args=(n,)) for n in range(count)]

    def __enter__(self) -> Hammer:
        for thread in self.threads:
            thread.start()
        while len(self.committed) < 20:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()
        with self.database.connect() as connection:
            connection.execute("DROP OWNED BY app")

    def _write(self, number: int) -> None:
        key = number * 1_000_000
        while not self.stop.is_set():
            try:
                with psycopg.connect(self.url, autocommit=True) as connection:
                    while not self.stop.is_set():
                        key += 1
                        connection.execute("BEGIN READ WRITE")
                        connection.execute("INSERT INTO shop.customer VALUES (%s)", (key,))
                        time.sleep(0.002)
                        connection.execute("COMMIT")
                        self.committed.append(time.monotonic())
            except psycopg.errors.ReadOnlySqlTransaction as error:
                self.refused.append(f"{error.diag.message_primary} {error.diag.message_hint}")
                time.sleep(0.01)
            except psycopg.OperationalError:
                time.sleep(0.01)


def count(database: Database) -> int:
    with database.connect() as connection:
        row = connection.execute("SELECT count(*) FROM shop.customer").fetchone()
        assert row is not None
        return int(row[0])


def test_no_write_commits_after_the_fence_and_all_is_undone(shop: Database, db: PostgresDatabase, state: State) -> None:
    with shop.connect() as watcher:
        before = picture(watcher)
    with Hammer(shop) as hammer:
        idle = psycopg.connect(hammer.url)
        idle.execute("INSERT INTO shop.customer VALUES (-1)")
        fence = guard_fence.fence(state, db, tables_of(db), Side.SOURCE, hint="writes go to the target", seconds=20)
        after = count(shop)
        time.sleep(0.3)
        assert count(shop) == after
        assert fence.terminated >= 4
        assert "writes go to the target" in hammer.refused[-1]
        assert "shop.customer takes no writes" in hammer.refused[-1]
        with pytest.raises(psycopg.OperationalError):
            idle.execute("COMMIT")
        hold_off(state, db, tables_of(db), Side.SOURCE)
        with db.connect("apply/fallback") as apply:  # ours passes
            if fence_mode(state) == "session":
                apply.execute("SET session_replication_role = replica")
            apply.execute("INSERT INTO shop.customer VALUES (-2)")
        assert guard_fence.unfence(state, db, Side.SOURCE) == ()
        assert not guard_fence.fenced(state, Side.SOURCE)
        written = len(hammer.committed)
        deadline = time.monotonic() + 5
        while len(hammer.committed) == written and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(hammer.committed) > written
    with shop.connect() as watcher:
        settings = [row for row in before if row[0] == "setting"]
        assert [row for row in picture(watcher) if row[0] == "setting"] == settings
        assert not [row for row in picture(watcher) if row[2] == "voyager_ops_fence"]


def fence_mode(state: State) -> str:
    return str(state.get("guard/source")["mode"])  # type: ignore[index]


@pytest.mark.parametrize("point", POINTS)
def test_stopped_anywhere_it_is_taken_down(shop: Database, state: State, point: str) -> None:
    db = superuser(shop)
    with shop.connect() as watcher:
        watcher.execute(f'ALTER DATABASE "{shop.name}" SET default_transaction_read_only = off')
        before = picture(watcher)
    for nth in (1, 3, 7, 40):
        failpoints.configure(f"{point}=error@{nth}")
        try:
            guard_fence.fence(state, db, tables_of(db), Side.SOURCE)
            guard_fence.unfence(state, db, Side.SOURCE)
            break
        except FailpointError:
            pass
        finally:
            failpoints.configure()
        if nth % 2:
            guard_fence.fence(state, db, tables_of(db), Side.SOURCE)
        guard_fence.unfence(state, db, Side.SOURCE)
        with shop.connect() as watcher:
            assert picture(watcher) == before, nth
    assert nth > 1


def test_a_prepared_transaction_is_waited_for_and_named(shop: Database, state: State) -> None:
    db = superuser(shop)
    with shop.connect() as user:
        user.execute("BEGIN; INSERT INTO shop.customer VALUES (1); PREPARE TRANSACTION 'two-phase'")
    found = writers(db, tables_of(db))
    assert [item.tables for item in found.prepared] == [("shop.customer",)]
    words: list[str] = []
    with pytest.raises(RetryableError, match="two-phase"):
        guard_fence.fence(state, db, tables_of(db), Side.SOURCE, seconds=1, waiting=words.append)
    assert any("two-phase" in word for word in words)
    guard_fence.unfence(state, db, Side.SOURCE)
    done: list[guard_fence.Fence] = []
    thread = threading.Thread(target=lambda: done.append(guard_fence.fence(state, db, tables_of(db), Side.SOURCE)))
    thread.start()
    time.sleep(0.5)
    assert not done
    with psycopg.connect(shop.url, autocommit=True, options="-c default_transaction_read_only=off") as user:
        user.execute("COMMIT PREPARED 'two-phase'")
    thread.join()
    assert done
    assert count(shop) == 1
    guard_fence.unfence(state, db, Side.SOURCE)


def test_readers_do_not_keep_the_fence_closed(shop: Database, state: State) -> None:
    db = owner(shop)  # and not of the database, whose default then stays as it is
    with shop.connect() as connection:
        connection.execute(f'ALTER SCHEMA voyager_ops OWNER TO "{shop.name}"; ALTER DATABASE "{shop.name}" OWNER TO postgres')
    guard_fence.fence(state, db, tables_of(db), Side.SOURCE)
    with psycopg.connect(shop.url) as reader, shop.connect() as user:
        reader.execute("SELECT FROM shop.customer")
        guard_fence.UNFENCE_SECONDS, kept = 1.0, guard_fence.UNFENCE_SECONDS
        try:
            left = guard_fence.unfence(state, db, Side.SOURCE)
        finally:
            guard_fence.UNFENCE_SECONDS = kept
        assert left == ("trigger voyager_ops_fence of shop.customer (switched off)",)
        user.execute("INSERT INTO shop.customer VALUES (1)")
    assert guard_fence.unfence(state, db, Side.SOURCE) == ()
    assert not guard_fence.fenced(state, Side.SOURCE)


def test_a_superuser_is_not_ours_to_end_but_must_not_be_writing(shop: Database, state: State) -> None:
    db = owner(shop)
    with shop.connect() as connection:
        connection.execute(f'ALTER SCHEMA voyager_ops OWNER TO "{shop.name}"; ALTER DATABASE "{shop.name}" OWNER TO postgres')
        connection.execute(f'REVOKE pg_read_all_stats FROM "{shop.name}"')  # their sessions' begin is hidden from us, too
    with shop.connect() as dba:
        fence = guard_fence.fence(state, db, tables_of(db), Side.SOURCE, seconds=5)
        assert any("sessions of postgres are not ours to end" in remark for remark in fence.remarks)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            dba.execute("INSERT INTO shop.customer VALUES (1)")
        guard_fence.unfence(state, db, Side.SOURCE)
        dba.execute("BEGIN; INSERT INTO shop.customer VALUES (1)")
        with pytest.raises(RetryableError, match=r"shop\.customer.*sessions of postgres"):
            guard_fence.fence(state, db, tables_of(db), Side.SOURCE, seconds=1)
        dba.execute("ROLLBACK")
    guard_fence.unfence(state, db, Side.SOURCE)


def test_plans_name_what_will_be_done(shop: Database) -> None:
    db = superuser(shop)
    plan = guard_fence.plan_fence(db, tables_of(db), "to the target")
    assert plan[0].startswith("ALTER DATABASE")
    assert any('ON "shop"."event_2025_1"' in statement for statement in plan)
    undo = guard_fence.plan_unfence(db, tables_of(db))
    assert undo[0].endswith('RESET "default_transaction_read_only"')
