from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Database
from tests.databases.postgres.guard_kit import SCHEMA, open_state, owner, picture, superuser, tables_of
from voyager_ops import failpoints
from voyager_ops.databases.postgres import guard
from voyager_ops.databases.postgres.database import PostgresDatabase
from voyager_ops.databases.postgres.guard_grants import writer_grants
from voyager_ops.errors import CutoverError
from voyager_ops.failpoints import FailpointError
from voyager_ops.model.positions import Side
from voyager_ops.state.store import State

POINTS = [guard.JOURNALED, guard.HELD_OFF, guard.BEFORE_RESTORE, guard.RESTORED]


@pytest.fixture
def shop(source_db: Database) -> Database:
    with source_db.connect() as connection:
        connection.execute(SCHEMA)
    return source_db


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    state = open_state(tmp_path)
    yield state
    state.close()


@pytest.fixture(params=["session", "tables"])
def db(request: pytest.FixtureRequest, shop: Database) -> Iterator[PostgresDatabase]:
    if request.param == "session":
        yield superuser(shop)
        return
    yield owner(shop)
    with psycopg.connect(shop.cluster.dsn(), autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{shop.name}" OWNER TO postgres')


def insert(connection: psycopg.Connection, mode: str) -> int:
    """What apply does: an order whose customer comes later. Returns how many triggers touched it."""
    if mode == "session":
        connection.execute("SET session_replication_role = replica")
    connection.execute('INSERT INTO shop."Order" (id, customer) VALUES (1, 12345)')
    connection.execute("INSERT INTO shop.event VALUES (1, '2024-03-03', 12345)")
    row = connection.execute('SELECT touched FROM shop."Order"').fetchone()
    assert row is not None
    connection.execute('DELETE FROM shop."Order"')
    connection.execute("DELETE FROM shop.event")
    return int(row[0])


def test_what_was_there_is_put_back_exactly(shop: Database, db: PostgresDatabase, state: State) -> None:
    with shop.connect() as watcher, db.connect("apply") as apply:
        before = picture(watcher)
        plan = guard.plan_hold_off(db, tables_of(db))
        back = guard.plan_restore_after(db, tables_of(db))
        held = guard.hold_off(state, db, tables_of(db), Side.SOURCE)
        assert guard.read_mode(state, Side.SOURCE) == held.mode
        assert insert(apply, held.mode) == 0
        assert guard.plan_restore(state, Side.SOURCE) == back
        assert picture(watcher) != before
        assert guard.plan_hold_off(db, tables_of(db)) == []
        journaled = [statement for entry in state.journal("guard/source") for statement in entry.data["sql"]]
        assert journaled == plan
        restored = guard.restore(state, db, Side.SOURCE)
        assert sorted(restored.items) == sorted(held.items)
        assert restored.gone == ()
        assert picture(watcher) == before
        assert guard.restore(state, db, Side.SOURCE).items == ()


def test_modes_touch_only_what_fires(shop: Database, db: PostgresDatabase, state: State) -> None:
    held = guard.hold_off(state, db, tables_of(db), Side.SOURCE)
    always = {"trigger Always of shop.Order", "trigger on_event of shop.event_2024", "rule also of shop.line"}
    assert always <= set(held.items)
    if held.mode == "session":
        assert set(held.items) == {*always, "trigger replica of shop.Order"}
    else:
        assert "foreign key note_customer of elsewhere.note" in held.items
        assert "trigger replica of shop.Order" not in held.items
    assert "trigger off of shop.Order" not in held.items


@pytest.mark.parametrize("point", POINTS)
def test_stopped_anywhere_it_is_put_back(shop: Database, db: PostgresDatabase, state: State, point: str) -> None:
    """At the first, second, fifth passing of every point: an error, then a fresh start."""
    with shop.connect() as watcher:
        before = picture(watcher)
        for nth in (1, 2, 5, 50):
            failpoints.configure(f"{point}=error@{nth}")
            try:
                guard.hold_off(state, db, tables_of(db), Side.SOURCE)
                guard.restore(state, db, Side.SOURCE)
                break
            except FailpointError:
                pass
            finally:
                failpoints.configure()
            if nth % 2:
                guard.hold_off(state, db, tables_of(db), Side.SOURCE)
            guard.restore(state, db, Side.SOURCE)
            assert picture(watcher) == before, nth
        assert nth == 50 or (nth == 5 and guard.read_mode(state, Side.SOURCE) == "session")
        assert picture(watcher) == before


def test_added_later_is_held_off_too_and_dropped_meanwhile_is_left(shop: Database, db: PostgresDatabase, state: State) -> None:
    guard.hold_off(state, db, tables_of(db), Side.SOURCE)
    with shop.connect() as user:
        user.execute("CREATE TRIGGER later AFTER INSERT ON shop.customer FOR EACH ROW EXECUTE FUNCTION shop.noop()")
        user.execute("ALTER TABLE shop.customer ENABLE ALWAYS TRIGGER later")
        user.execute('DROP TRIGGER "Always" ON shop."Order"')
    assert guard.hold_off(state, db, tables_of(db), Side.SOURCE).items == ("trigger later of shop.customer",)
    restored = guard.restore(state, db, Side.SOURCE)
    assert restored.gone == ("trigger Always of shop.Order",)
    assert "trigger later of shop.customer" in restored.items


def test_a_foreign_key_that_no_longer_holds_is_said(shop: Database, state: State) -> None:
    db = owner(shop)
    guard.hold_off(state, db, tables_of(db), Side.SOURCE)
    with shop.connect() as user:
        user.execute('INSERT INTO shop."Order" (id, customer) VALUES (7, 12345)')
    with pytest.raises(CutoverError, match=r"Order's customer of shop\.Order does not hold"):
        guard.restore(state, db, Side.SOURCE)
    with shop.connect() as user:
        user.execute('DELETE FROM shop."Order"')
    guard.restore(state, db, Side.SOURCE)
    assert guard.outstanding(state, Side.SOURCE) == []
    with shop.connect() as user:
        user.execute(f'ALTER DATABASE "{shop.name}" OWNER TO postgres')


def test_missing_grants_are_named_and_mended_by_their_statements(shop: Database) -> None:
    tables = tables_of(superuser(shop))
    assert writer_grants(superuser(shop), tables, owner=True) == []
    name = f"{shop.name}_writer"
    shop.cluster.create_user(name)
    db = PostgresDatabase.from_url(shop.cluster.dsn(shop.name, name), side=Side.SOURCE, migration="shop")
    with shop.connect() as connection:
        connection.execute(f'GRANT USAGE ON SCHEMA shop TO "{name}"; GRANT SELECT, INSERT ON shop."Order" TO "{name}"')
        missing = writer_grants(db, tables)
        rights = {item.right for item in missing if item.object.name == "Order"}
        assert rights == {"UPDATE", "DELETE", "TRUNCATE", "OWNERSHIP"}
        for item in missing:
            connection.execute(item.statement.encode())
        assert writer_grants(db, tables) == []
        connection.execute(f'DROP OWNED BY "{name}"')
