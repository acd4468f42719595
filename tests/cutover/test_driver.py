"""Whole cutovers on real databases, with both lanes running and users who write."""

from __future__ import annotations

import threading
import time

import psycopg
import pytest

from tests.conftest import Database
from tests.cutover.kit import MakeShop, Users, application, make_driver, rules, until
from voyager_ops.cutover import context, evidence
from voyager_ops.databases.postgres import apply_parallel
from voyager_ops.errors import CutoverVoid, PreconditionError
from voyager_ops.model.positions import Lane, Side
from voyager_ops.phases import fall_back
from voyager_ops.state import cutovers


@pytest.mark.parametrize(("ordinary", "connections"), [(False, 1), (True, 3)], ids=["superuser", "ordinary owner"])
def test_to_the_target_and_back(
    make_shop: MakeShop,
    source_db: Database,
    target_db: Database,
    monkeypatch: pytest.MonkeyPatch,
    ordinary: bool,
    connections: int,
) -> None:
    """``connections``: of apply, in both directions."""
    monkeypatch.setattr(apply_parallel, "FEWEST_ROWS", 1)
    shop = make_shop(ordinary=ordinary, connections=connections)
    before = rules(source_db)
    shop.request(Side.TARGET)
    assert cutovers.public_status(shop.state, Side.TARGET) == "INITIATED"
    with Users(source_db) as users:
        forecast = {item.name: item for item in make_driver(shop.migration, Side.TARGET, shop.said).dry_run()}
        began = time.monotonic()
        outcome = shop.drive(Side.TARGET)
        took = time.monotonic() - began
        refused = users.refused
        until(lambda: users.refused > refused, words=lambda: "the source takes no more writes")
    assert cutovers.public_status(shop.state, Side.TARGET) == "COMPLETED"
    assert outcome.status == "completed"
    assert outcome.late_writes == {}
    assert outcome.write_stop_seconds is not None
    assert 0 < outcome.write_stop_seconds < took
    assert shop.rows(Side.SOURCE) == shop.rows(Side.TARGET)
    with Users(target_db) as users:
        until(lambda: users.committed > 20)
    shop.flows(Lane.FALLBACK)
    on_target = rules(target_db)
    shop.request(Side.SOURCE)
    shop.when["step confirm"] = lambda: cutovers.abort(shop.state, Side.SOURCE, "dba")
    with pytest.raises(CutoverVoid, match="called off by dba"):
        shop.drive(Side.SOURCE)
    assert rules(target_db) == on_target
    with psycopg.connect(application(source_db)) as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.execute("INSERT INTO customer (name) VALUES ('too early')")
    shop.request(Side.SOURCE)
    with Users(target_db):
        back = shop.drive(Side.SOURCE)
    assert back.status == "completed"
    assert shop.rows(Side.SOURCE) == shop.rows(Side.TARGET)
    assert rules(source_db) == before
    with Users(source_db) as users:
        until(lambda: users.committed > 5)
    with psycopg.connect(application(target_db)) as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.execute("INSERT INTO customer (name) VALUES ('late')")
    assert forecast["quiesce"].plan


def slots(database: Database) -> list[tuple[object, ...]]:
    with database.connect() as connection:
        return connection.execute("SELECT slot_name FROM pg_replication_slots WHERE database = current_database()").fetchall()


def write(database: Database, statement: str) -> None:
    with database.connect() as connection:
        connection.execute(statement)


def test_a_writer_after_the_marker_voids_it_and_one_after_the_opening_is_reported(
    make_shop: MakeShop, source_db: Database, target_db: Database
) -> None:
    shop = make_shop(quiesce="manual")
    before = rules(source_db), rules(target_db)
    shop.request(Side.TARGET)
    users = Users(source_db)
    with users:
        shop.when["STOP THE APPLICATION"] = users.stop
        shop.when["step sequences"] = lambda: write(source_db, "INSERT INTO customer (name) VALUES ('stray')")
        with pytest.raises(CutoverVoid, match=r"public\.customer \(1 changes\)"):
            shop.drive(Side.TARGET)
    assert cutovers.public_status(shop.state, Side.TARGET) == "NOT_INITIATED"
    assert (rules(source_db), rules(target_db)) == before
    record = cutovers.read(shop.state, Side.TARGET)
    assert record is not None
    assert "was written to" in record.result["reason"]
    with Users(source_db):
        pass
    shop.flows(Lane.FORWARD)
    shop.request(Side.TARGET)
    shop.when["THE TARGET IS OPEN"] = lambda: write(source_db, "INSERT INTO customer (name) VALUES ('late')")
    outcome = shop.drive(Side.TARGET)
    assert outcome.attempt == 2
    assert outcome.late_writes == {"public.customer": 1}
    assert any("WRITTEN TO THE SOURCE" in warning for warning in outcome.warnings)
    assert fall_back.end(shop.migration, by="dba").ended
    assert slots(target_db) == []


class Clock:
    """The driver's clock, which a test puts forward instead of waiting."""

    monotonic, sleep = staticmethod(time.monotonic), staticmethod(time.sleep)

    def __init__(self) -> None:
        self.ahead = 0.0

    def time(self) -> float:
        return time.time() + self.ahead

    def put_forward(self) -> None:
        self.ahead = 2 * DEADLINE


DEADLINE = 600.0


def test_whoever_is_waited_for_too_long_calls_it_off(
    make_shop: MakeShop, source_db: Database, target_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, clock = make_shop(deadline=DEADLINE), Clock()
    monkeypatch.setattr(context, "time", clock)
    before = rules(source_db), rules(target_db)
    with source_db.connect() as connection:
        connection.execute("BEGIN; INSERT INTO customer (name) VALUES ('two'); PREPARE TRANSACTION 'phase'")
    shop.request(Side.TARGET)
    shop.when["waiting for prepared"] = clock.put_forward
    with pytest.raises(CutoverVoid, match=r"longer than cutover\.deadline.*prepared transaction 'phase'"):
        shop.drive(Side.TARGET)
    clock.ahead = 0.0
    assert (rules(source_db), rules(target_db)) == before
    record = cutovers.read(shop.state, Side.TARGET)
    assert record is not None
    assert record.result["write_stop_seconds"] > 0
    # Called off by a person meanwhile:
    shop.request(Side.TARGET)
    with pytest.raises(PreconditionError, match="under way"):
        shop.request(Side.TARGET)
    shop.when["waiting for prepared"] = lambda: cutovers.abort(shop.state, Side.TARGET, "release")
    with pytest.raises(CutoverVoid, match="called off by release"):
        shop.drive(Side.TARGET)
    # Before any driver took it up:
    shop.request(Side.TARGET)
    assert cutovers.abort(shop.state, Side.TARGET, "release").status == "undone"
    # Approved on evidence that is no more:
    shown = evidence.collect(make_driver(shop.migration, Side.TARGET, shop.said).context)
    shop.state.put("phase/verify", {"equal": True, "finished_at": time.time()})
    shop.request(Side.TARGET, prepare_for_fall_back=False, evidence=shown)
    with pytest.raises(CutoverVoid, match="approval is stale: whether there is a way back, the lane that goes on changed"):
        shop.drive(Side.TARGET)
    worse = shown | {"verification": [time.time(), False]}
    assert evidence.changed(shown, worse) == ["the verification"]
    # The way back that had not begun to stream yet when the approval was shown, and does now:
    assert evidence.changed(shown | {"reverse": "prepared"}, shown | {"reverse": "streaming"}) == []
    assert evidence.changed(shown | {"reverse": "streaming"}, shown | {"reverse": "failed"}) == ["the lane that goes on"]
    with source_db.connect() as connection:
        connection.execute("ROLLBACK PREPARED 'phase'")
    with Users(source_db) as users:
        until(lambda: users.committed > 10)
    shop.flows(Lane.FORWARD)
    assert len(cutovers.history(shop.state, Side.TARGET)) == 4
    assert (rules(source_db), rules(target_db)) == before


def test_it_is_refused_while_something_is_missing(make_shop: MakeShop, target_db: Database) -> None:
    shop = make_shop()
    shop.state.delete("phase/import_schema/post")
    shop.state.put("phase/verify", {"equal": False, "finished_at": time.time()})
    shop.request(Side.TARGET)
    with pytest.raises(CutoverVoid) as caught:
        shop.drive(Side.TARGET)
    assert "import schema --post-import-data" in caught.value.what
    assert "the last verification found differences" in caught.value.what
    shop.state.put("phase/import_schema/post", {})
    shop.state.put("phase/verify", {"equal": True, "finished_at": time.time()})
    with pytest.raises(PreconditionError, match="no cutover to the target to come back from"):
        shop.request(Side.SOURCE)
    # Without a way back: the fallback lane that was prepared goes too.
    shop.request(Side.TARGET, prepare_for_fall_back=False)
    outcome = shop.drive(Side.TARGET)
    assert any("no way back" in warning for warning in outcome.warnings)
    assert slots(target_db) == []


def test_one_driver_at_a_time(make_shop: MakeShop) -> None:
    shop = make_shop()
    shop.request(Side.TARGET)
    results: list[object] = []

    def drive() -> None:
        try:
            results.append(shop.drive(Side.TARGET).status)
        except Exception as error:  # noqa: BLE001 - which one is what the test is about
            results.append(type(error).__name__)

    threads = [threading.Thread(target=drive) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(map(str, results)) == ["Fenced", "Fenced", "completed"]
