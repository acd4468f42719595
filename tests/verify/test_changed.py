"""Differential verification: the changed rows come from a real change log, captured from a real server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.verify.conftest import Two
from voyager_ops.changes.log import ChangeLog
from voyager_ops.config import ChangesConfig
from voyager_ops.databases.postgres.capture import prepare, teardown
from voyager_ops.databases.postgres.catalog import read_tables
from voyager_ops.databases.postgres.metadata import write_marker
from voyager_ops.errors import PreconditionError
from voyager_ops.lane.capture_loop import capture
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import START, Lane, Position
from voyager_ops.model.results import silent
from voyager_ops.state.store import State
from voyager_ops.verify.changed import ChangedKeys, changed_keys, verify_changed, verify_found
from voyager_ops.verify.keys import verify_keys

SCHEMA = """
CREATE TABLE t (id int PRIMARY KEY, v text);
CREATE TABLE "Two keys" (a text, "B%" timestamptz, v int, PRIMARY KEY (a, "B%"));
CREATE TABLE keyless (v int);
CREATE TABLE emptied (id int PRIMARY KEY);
CREATE TABLE parted (id int PRIMARY KEY, v int) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (100) TO (200);
CREATE TABLE idle (id int PRIMARY KEY);
INSERT INTO t SELECT i, 'v' FROM generate_series(1, 2000) i;
INSERT INTO keyless SELECT 1 FROM generate_series(1, 10);
INSERT INTO idle VALUES (1);
INSERT INTO emptied VALUES (1);
"""


@contextmanager
def capturing(context: LaneContext) -> Iterator[Callable[[], Position]]:
    """A capture at work; yields a function that waits until all that was committed before is captured, and says up to where."""
    stop = threading.Event()
    prepare(context, silent, stop)
    thread = threading.Thread(target=capture, args=(context, stop, None, silent))
    thread.start()
    log = ChangeLog(context.state, context.data_dir, context.lane)

    def wait() -> Position:
        with context.capture_db.connect("test") as connection:
            row = connection.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()
            assert row is not None
            high, low = str(row[0]).split("/")
            wanted = f"{(int(high, 16) << 32) + int(low, 16):016X}"
            write_marker(connection, context.migration, "test")
        deadline = time.monotonic() + 20
        while log.captured_position() < wanted:
            assert time.monotonic() < deadline, "capture does not come along"
            time.sleep(0.02)
        return log.captured_position()

    try:
        yield wait
    finally:
        stop.set()
        thread.join()
        teardown(context)


@pytest.fixture
def lane(two: Two, tmp_path: Path) -> LaneContext:
    two.both(SCHEMA)
    state = State.open("m", directory=tmp_path)
    tables = tuple(two.tables())
    return LaneContext("m", Lane.FORWARD, two.source_side, two.target_side, tables, two.names, state, tmp_path, ChangesConfig())


def test_only_what_changed_is_compared(two: Two, lane: LaneContext) -> None:
    two.on_target("DELETE FROM idle; UPDATE t SET v = 'wrong' WHERE id = 1500")  # differences that no change points at
    with capturing(lane) as caught_up:
        start = caught_up()
        changes = (
            "UPDATE t SET v = 'w' WHERE id <= 3; UPDATE t SET id = 5000 WHERE id = 4; DELETE FROM t WHERE id = 5;"
            """INSERT INTO "Two keys" VALUES ('it''s', '2024-01-01 00:00+00', 1), ('b', '2024-01-01 00:00+00', 2);"""
            "INSERT INTO keyless VALUES (7); TRUNCATE emptied; INSERT INTO parted SELECT i, i FROM generate_series(98, 102) i;"
            "UPDATE parted SET id = 150 WHERE id = 99; INSERT INTO t VALUES (-1, NULL); DELETE FROM t WHERE id = -1"
        )
        two.both(changes)
        first = caught_up()
        found = changed_keys(lane, start, first)
        names = {str(name).removeprefix("public."): keys for name, keys in found.keys.items()}
        assert names["t"] == {(str(i),) for i in (1, 2, 3, 4, 5000, 5, -1)}
        assert names["Two keys"] == {("it's", "2024-01-01 00:00:00+00"), ("b", "2024-01-01 00:00:00+00")}
        assert names["parted"] == {(str(i),) for i in (98, 99, 100, 101, 102, 150)}
        assert {str(name): why for name, why in found.whole.items()} == {
            "public.keyless": "it has no key",
            "public.emptied": "it was truncated",
        }
        assert not found.unknown
        report = verify_found(lane, found)
        assert report.equal, report.to_text()
        assert {table.table: table.compared for table in report.tables} == {
            "public.Two keys": "keys",
            "public.emptied": "ranges",
            "public.keyless": "whole",
            "public.parted": "keys",
            "public.t": "keys",
        }
        assert report.position == first

        two.on_source("UPDATE t SET v = 'lost' WHERE id = 2; UPDATE t SET id = 6000 WHERE id = 6; DELETE FROM t WHERE id = 7")
        second = caught_up()
        report = verify_changed(lane, first, second)
        (table,) = report.tables
        assert {(row.key["id"], str(row.kind)) for row in table.differences} == {
            ("2", "different"), ("6", "missing_on_source"), ("6000", "missing_on_target"), ("7", "missing_on_source")
        }  # fmt: skip
        assert verify_changed(lane, second).equal

        two.both("UPDATE t SET v = 'many' WHERE id > 1000")
        third = caught_up()
        found = changed_keys(lane, second, third, limit=500)
        assert list(found.whole.values()) == ["more than 500 keys changed"]
        (table,) = verify_found(lane, found).tables
        assert (table.compared, table.rows_source) == ("ranges", 1998)
        with pytest.raises(PreconditionError, match="not yet up to"):
            changed_keys(lane, third, Position("F" * 16))
        ChangeLog(lane.state, lane.data_dir, lane.lane).archive(third, None)
        found = changed_keys(lane, start, third)
        assert len(found.whole) == 6
        assert not found.keys


def test_the_way_back_under_another_schema(two: Two, tmp_path: Path) -> None:
    two.on_source("CREATE SCHEMA app; CREATE TABLE app.t (id int PRIMARY KEY, v int)")
    two.on_target("CREATE SCHEMA shop; CREATE TABLE shop.t (id int PRIMARY KEY, v int)")
    two = replace(two, names=type(two.names)({"app": "shop"}))
    with two.target_side.connect("test") as connection:
        tables = tuple(read_tables(connection, ["shop"]))
    state = State.open("m", directory=tmp_path)
    back = LaneContext("m", Lane.FALLBACK, two.target_side, two.source_side, tables, two.names, state, tmp_path, ChangesConfig())
    with capturing(back) as caught_up:
        start = caught_up()
        two.on_target("INSERT INTO shop.t VALUES (1, 1), (2, 2)")
        two.on_source("INSERT INTO app.t VALUES (1, 1)")
        report = verify_changed(back, start, caught_up())
    (table,) = report.tables
    assert (table.table, table.target_table, table.missing_on_source) == ("app.t", "shop.t", 1)


def test_given_keys(two: Two) -> None:
    two.both(SCHEMA)
    two.on_target("DELETE FROM t WHERE id = 10; UPDATE t SET v = 'x' WHERE id = 11")
    table = verify_keys(
        two.source_side, two.target_side, two.table("t"), two.names, [(str(i).encode(),) for i in (9, 10, 11, 99999)]
    )
    assert (table.keys, table.missing_on_target, table.different, table.missing_on_source) == (4, 1, 1, 0)


def test_a_few_thousand_keys_take_a_moment(two: Two, lane: LaneContext) -> None:
    keys = {(str(i),) for i in range(1, 1501)}
    found = ChangedKeys(START, START, {table.name: set(keys) for table in lane.tables if table.key == ("id",)})
    verify_found(lane, found)
    started = time.monotonic()
    assert verify_found(lane, found).equal
    assert time.monotonic() - started < 5  # 6,000 keys: 0.1 s alone on two cores; the bound only catches a look-up without index
