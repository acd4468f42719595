"""The capture loop against a real server: every kind of change, resuming, cuts, and what is dropped."""

from __future__ import annotations

import resource
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest

from tests.changes.kit import Running, changes_of, forward, log_of, make_migration, running
from tests.conftest import Database
from voyager_ops.databases.postgres import metadata
from voyager_ops.databases.postgres.capture import teardown
from voyager_ops.errors import StreamLost
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.changes import UNCHANGED
from voyager_ops.model.positions import START
from voyager_ops.state.lanes import read_lane, update_lane

SCHEMA = """
CREATE TABLE item (id int PRIMARY KEY, name text, big text, twice int GENERATED ALWAYS AS (id * 2) STORED);
CREATE TABLE "Odd Name" (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v numeric, t timestamptz, b bytea, a int[]);
CREATE TABLE nokey (a int, b text, twice int GENERATED ALWAYS AS (a * 2) STORED);
CREATE TABLE part (k int, region text, v text, PRIMARY KEY (k, region)) PARTITION BY LIST (region);
CREATE TABLE part_n PARTITION OF part FOR VALUES IN ('n');
CREATE TABLE part_s PARTITION OF part FOR VALUES IN ('s');
CREATE TABLE loose (a int) PARTITION BY RANGE (a);
CREATE TABLE loose_1 PARTITION OF loose FOR VALUES FROM (0) TO (10);
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent);
"""


@pytest.fixture
def source(source_db: Database) -> psycopg.Connection:
    connection = source_db.connect()
    connection.execute(SCHEMA)
    return connection


@pytest.fixture
def context(tmp_path: Path, source: psycopg.Connection, source_db: Database, target_db: Database) -> LaneContext:
    return forward(make_migration(tmp_path, source_db, target_db))


def test_every_kind_of_change(context: LaneContext, source: psycopg.Connection) -> None:
    with running(context) as loop:
        source.execute("INSERT INTO item VALUES (1, 'one', repeat(md5('x'), 1000)), (2, NULL, 'small')")
        source.execute("ALTER TABLE item ALTER big SET STORAGE EXTERNAL")
        source.execute("INSERT INTO item VALUES (3, 'three', repeat('y', 20000))")
        source.execute("UPDATE item SET name = 'drei' WHERE id = 3")
        source.execute("UPDATE item SET id = 4 WHERE id = 2")
        source.execute("DELETE FROM item WHERE id = 1")
        source.execute("""INSERT INTO "Odd Name" (v, t, b, a) VALUES (1.50, '2024-01-01 12:00+02', '\\x00ff', '{1,NULL,3}')""")
        source.execute("INSERT INTO nokey VALUES (1, 'a'), (1, 'a')")
        source.execute("UPDATE nokey SET b = NULL WHERE ctid = '(0,1)'")
        source.execute("DELETE FROM nokey WHERE b = 'a'")
        source.execute("TRUNCATE parent, item, child")
        loop.caught_up(source)
    seen = changes_of(context)
    big = b"y" * 20000
    assert seen[0][1] == ("I", "item", None, [b"2", None, b"small"])
    assert seen[1] == [("I", "item", None, [b"3", b"three", big])]
    assert seen[2] == [("U", "item", None, [b"3", b"drei", UNCHANGED])]
    assert seen[3] == [("U", "item", [b"2", None, None], [b"4", None, b"small"])]
    assert seen[4] == [("D", "item", [b"1", None, None], None)]
    assert seen[5] == [("I", "Odd Name", None, [b"1", b"1.50", b"2024-01-01 10:00:00+00", b"\\x00ff", b"{1,NULL,3}"])]
    kinds = [[(change[0], change[2] and change[2][:2], change[3] and change[3][:2]) for change in one] for one in seen[6:9]]
    assert kinds == [
        [("I", None, [b"1", b"a"])] * 2,
        [("U", [b"1", b"a"], [b"1", None])],
        [("D", [b"1", b"a"], None)],
    ]
    assert sorted(change[1] for change in seen[9]) == ["child", "item", "parent"]
    totals = log_of(context).totals()
    assert (totals.tables["public.item"].inserts, totals.tables["public.item"].updates) == (3, 2)
    assert (totals.tables["public.item"].deletes, totals.tables["public.item"].truncates) == (1, 1)
    assert totals.tables["public.nokey"].total == 4
    assert "voyager_ops.marker" not in totals.tables
    assert totals.changes > totals.user_changes == 14


def test_truncated_together_names_all_tables(context: LaneContext, source: psycopg.Connection) -> None:
    with running(context) as loop:
        source.execute("TRUNCATE parent CASCADE")
        source.execute("INSERT INTO part VALUES (1, 'n', 'x')")
        source.execute("TRUNCATE part")
        loop.caught_up(source)
    truncates = [
        [(change.relation.name.name, {relation.name.name for relation in change.truncated_with}) for change in one.changes]
        for one in log_of(context).reader(START).read(0.0)
    ]
    truncates = [one for one in truncates if one and one[0][1]]
    assert {name for name, _ in truncates[0]} == {"parent", "child"}
    assert truncates[0][0][1] == {"parent", "child"}
    assert {name for name, _ in truncates[1]} == {"part_n", "part_s"}


def test_partitions_moves_and_new_ones(context: LaneContext, source: psycopg.Connection) -> None:
    with running(context) as loop:
        source.execute("INSERT INTO part VALUES (1, 'n', 'x')")
        source.execute("UPDATE part SET region = 's'")
        source.execute("CREATE TABLE part_w PARTITION OF part FOR VALUES IN ('w')")
        source.execute("INSERT INTO part VALUES (2, 'w', 'new')")
        source.execute("UPDATE part SET v = 'newer' WHERE k = 2")
        source.execute("CREATE TABLE loose_2 PARTITION OF loose FOR VALUES FROM (10) TO (20)")
        source.execute("INSERT INTO loose VALUES (11)")
        loop.wait(
            lambda: source.execute("SELECT relreplident = 'f' FROM pg_class WHERE relname = 'loose_2'").fetchone() == (True,)
        )
        source.execute("UPDATE loose SET a = 12 WHERE a = 11")
        loop.caught_up(source)
        loop.wait(lambda: any("part_w" in text for text in loop.said) or log_of(context).totals().user_changes == 7)
    assert changes_of(context) == [
        [("I", "part_n", None, [b"1", b"n", b"x"])],
        [("D", "part_n", [b"1", b"n", None], None), ("I", "part_s", None, [b"1", b"s", b"x"])],
        [("I", "part_w", None, [b"2", b"w", b"new"])],
        [("U", "part_w", None, [b"2", b"w", b"newer"])],
        [("I", "loose_2", None, [b"11"])],
        [("U", "loose_2", [b"11"], [b"12"])],
    ]
    assert log_of(context).totals().tables["public.part"].total == 5


def test_rollbacks_savepoints_and_prepared_transactions(context: LaneContext, source: psycopg.Connection) -> None:
    with running(context) as loop:
        with source.transaction():
            source.execute("INSERT INTO item VALUES (1, 'kept')")
            with pytest.raises(psycopg.errors.UniqueViolation), source.transaction():
                source.execute("INSERT INTO item VALUES (2, 'undone'), (1, 'twice')")
            with source.transaction():
                source.execute("INSERT INTO item VALUES (3, 'kept too')")
        source.execute("BEGIN; INSERT INTO item VALUES (9); ROLLBACK")
        source.execute("BEGIN; INSERT INTO item VALUES (5, 'prepared'); PREPARE TRANSACTION 'p1'")
        source.execute("BEGIN; INSERT INTO item VALUES (6, 'prepared'); PREPARE TRANSACTION 'p2'")
        loop.caught_up(source)
        assert [len(one) for one in changes_of(context)] == [2]
        source.execute("COMMIT PREPARED 'p1'")
        source.execute("ROLLBACK PREPARED 'p2'")
        loop.caught_up(source)
    assert [change[3][:2] for one in changes_of(context) for change in one] == [
        [b"1", b"kept"],
        [b"3", b"kept too"],
        [b"5", b"prepared"],
    ]


def test_our_own_transactions_are_dropped_wherever_they_say_so(context: LaneContext, source: psycopg.Connection) -> None:
    def position(migration: str) -> None:
        source.execute(
            "INSERT INTO voyager_ops.lane_position (migration, lane, position) VALUES (%s, 'fallback', 'x')"
            " ON CONFLICT (migration, lane, part) DO UPDATE SET position = 'y'",
            (migration,),
        )

    with running(context) as loop:
        with source.transaction():
            position("shop")
            source.execute("INSERT INTO item VALUES (1, 'echo')")
        with source.transaction():
            source.execute("INSERT INTO item VALUES (2, 'echo')")
            position("shop")
            source.execute("INSERT INTO item VALUES (3, 'echo')")
        with source.transaction():
            position("another migration")
            source.execute("INSERT INTO item VALUES (4, 'of another migration')")
        source.execute("DELETE FROM item WHERE id = 1")
        end = loop.caught_up(source)
        metadata.write_marker(source, "shop", "marker", "m1")
        metadata.write_marker(source, "other", "marker", "m2")
        loop.caught_up(source)
        assert end
    kept = [[change[0] + (change[3] or change[2])[0].decode() for change in one] for one in changes_of(context)]
    assert kept == [["I4"], ["D1"]]
    markers = [
        change.new
        for one in log_of(context).reader(START).read(0.0)
        for change in one.changes
        if change.relation.name.name == "marker" and change.new
    ]
    assert b"m1" in [row[2] for row in markers]
    assert {row[0] for row in markers} == {b"shop"}


def test_stops_and_resumes_where_it_was(context: LaneContext, source: psycopg.Connection) -> None:
    for number in range(4):
        with running(context) as loop:
            source.execute("INSERT INTO item VALUES (%s)", (number * 2,))
            loop.caught_up(source)
        source.execute("INSERT INTO item VALUES (%s)", (number * 2 + 1,))
    with running(context) as loop:
        loop.caught_up(source)
        update_lane(context.state, context.lane, status="ended")
        loop.wait(lambda: not loop._thread.is_alive(), 5)
        assert loop.result["ended"] is True
        assert loop.result["total"] == 8
    assert [change[3][0] for one in changes_of(context) for change in one] == [b"%d" % number for number in range(8)]


def test_an_idle_stream_moves_and_lets_the_source_forget(context: LaneContext, source: psycopg.Connection) -> None:
    with running(context) as loop:
        source.execute("CREATE TABLE elsewhere (a int)")
        source.execute("INSERT INTO elsewhere SELECT generate_series(1, 1000)")
        here = loop.caught_up(source, 5)
        loop.wait(
            lambda: (
                source.execute(
                    "SELECT confirmed_flush_lsn >= %s::pg_lsn FROM pg_replication_slots WHERE slot_name = %s",
                    (f"{int(here, 16) >> 32:X}/{int(here, 16) & 0xFFFFFFFF:X}", read_lane(context.state, context.lane).slot),
                ).fetchone()
                == (True,)
            )
        )
        loop.wait(lambda: any("elsewhere is new" in text for text in loop.said))


def test_cut_connections_lose_and_double_nothing(context: LaneContext, source: psycopg.Connection, source_db: Database) -> None:
    done = threading.Event()

    def cut() -> None:
        with source_db.connect() as other:
            while not done.wait(0.7):
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE backend_type = 'walsender' AND datname = current_database()"
                )

    with running(context) as loop:
        cutter = threading.Thread(target=cut)
        cutter.start()
        began = time.monotonic()
        number = 0
        while time.monotonic() - began < 4:
            source.execute("INSERT INTO item SELECT g FROM generate_series(%s::int, %s::int) g", (number, number + 9))
            number += 10
        done.set()
        cutter.join()
        loop.caught_up(source)
        assert any("connecting again" in text for text in loop.said)
    assert [int(change[3][0]) for one in changes_of(context) for change in one] == list(range(number))
    assert log_of(context).totals().user_changes == number


def test_a_dropped_slot_is_a_lost_stream(context: LaneContext, source: psycopg.Connection) -> None:
    with running(context) as loop:
        loop.caught_up(source)
    slot = read_lane(context.state, context.lane).slot
    source.execute("SELECT pg_drop_replication_slot(%s)", (slot,))
    with pytest.raises(StreamLost, match="no longer exists"), running(context):
        time.sleep(3)


def test_a_slot_moved_by_someone_else_is_a_lost_stream(context: LaneContext, source: psycopg.Connection) -> None:
    with running(context) as loop:
        loop.caught_up(source)
    source.execute("INSERT INTO item VALUES (1)")
    source.execute("CREATE TABLE filler AS SELECT 1 AS a")
    source.execute("SELECT pg_replication_slot_advance(%s, pg_current_wal_lsn())", (read_lane(context.state, context.lane).slot,))
    loop = Running(context)
    loop._thread.start()
    error = loop.failure()
    assert isinstance(error, StreamLost)
    assert "moved" in str(error)
    record = read_lane(context.state, context.lane)
    assert record.status == "failed" or "moved" in str(error)


def test_a_large_transaction_is_streamed_through(
    tmp_path: Path, source: psycopg.Connection, source_db: Database, target_db: Database
) -> None:
    context = forward(make_migration(tmp_path, source_db, target_db, segment_size="1MB", compression="zstd"))
    with running(context) as loop:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        source.execute("INSERT INTO item SELECT g, repeat('n', 400), 'b' FROM generate_series(1, 200000) g")
        loop.caught_up(source, 60)
    (large,) = [one for one in log_of(context).reader(START).read(0.0) if one.count == 200000]
    with pytest.raises(RuntimeError, match="before the next"):
        next(large.changes)
    for one in log_of(context).reader(START).read(0.0):
        if one.count == 200000:
            keys = [change.new[0] for change in one.changes if change.new]
            assert keys == [b"%d" % number for number in range(1, 200001)]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"maximum resident size grew by {grown >> 10} MB for 100 MB of changes")
    assert grown < 60 << 10


def test_waits_for_room_on_a_full_disk(context: LaneContext, source: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(context) as loop:
        loop.caught_up(source)
        with monkeypatch.context() as patch:
            patch.setattr("voyager_ops.changes.writer.shutil.disk_usage", lambda _: SimpleNamespace(free=0))
            source.execute("INSERT INTO item VALUES (1)")
            loop.wait(lambda: any("no room" in text for text in loop.said))
            assert "must stay free" in read_lane(context.state, context.lane).error
            source.execute("INSERT INTO item VALUES (2)")
            assert not any(change[3][0] == b"2" for one in changes_of(context) for change in one)
        loop.caught_up(source)
        assert read_lane(context.state, context.lane).error == ""
    assert [change[3][0] for one in changes_of(context) for change in one] == [b"1", b"2"]


def test_teardown_puts_everything_back(context: LaneContext, source: psycopg.Connection) -> None:
    query = "SELECT relname, relreplident FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
    source.execute("ALTER TABLE parent REPLICA IDENTITY FULL")
    source.execute("ALTER TABLE child REPLICA IDENTITY NOTHING")
    before = source.execute(query).fetchall()
    with running(context) as loop:
        loop.caught_up(source)
        during: dict[str, str] = dict(source.execute(query).fetchall())
        assert (during["nokey"], during["parent"], during["child"], during["item"]) == ("f", "f", "d", "d")
    for _ in range(2):
        teardown(context)
        assert source.execute(query).fetchall() == before
        for catalog in ("pg_publication", "pg_replication_slots WHERE database = current_database()"):
            assert source.execute(f"SELECT count(*) FROM {catalog}").fetchone() == (0,)
