"""DDL on the source while it is captured: what goes on, and what stops the lane before it can corrupt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.changes.kit import Running, changes_of, forward, make_migration, running
from tests.conftest import Database, create_database, drop_database
from voyager_ops.changes.roots import RootMap
from voyager_ops.databases.postgres.capture import prepare
from voyager_ops.databases.postgres.watch import CatalogWatch
from voyager_ops.errors import SourceChanged
from voyager_ops.lane.context import LaneContext
from voyager_ops.state.lanes import read_lane
from voyager_ops.testing.postgres import Cluster

SCHEMA = """
CREATE TABLE item (id int PRIMARY KEY, name varchar(20), price numeric(8,2));
CREATE UNIQUE INDEX item_name ON item (name);
ALTER TABLE item ALTER name SET NOT NULL;
CREATE TABLE nokey (a int);
CREATE TABLE apart (k int, region text, PRIMARY KEY (k, region));
CREATE TABLE branch (k int, region text, PRIMARY KEY (k, region)) PARTITION BY LIST (region);
CREATE TABLE part (k int, region text, PRIMARY KEY (k, region)) PARTITION BY LIST (region);
CREATE TABLE part_n PARTITION OF part FOR VALUES IN ('n');
CREATE TABLE part_s PARTITION OF part FOR VALUES IN ('s') PARTITION BY LIST (k);
CREATE TABLE part_s_1 PARTITION OF part_s FOR VALUES IN (1);
"""
INSERT = "INSERT INTO item (id, name) VALUES (2, 'after')"

STREAM_CASES = {
    "new column": ("ALTER TABLE item ADD extra int", INSERT, "new column extra"),
    "dropped column": ("ALTER TABLE item DROP price", INSERT, "no longer a column price"),
    "renamed column": ("ALTER TABLE item RENAME price TO cost", "UPDATE item SET name = 'x'", "new column cost"),
    "another type": ("ALTER TABLE item ALTER price TYPE text", INSERT, "another type of column price"),
    "renamed table": (
        "ALTER TABLE item RENAME TO thing",
        "INSERT INTO thing (id, name) VALUES (2, 'x')",
        "renamed to public.thing",
    ),
    "another key": ("ALTER TABLE item REPLICA IDENTITY USING INDEX item_name", "DELETE FROM item", "replica identity"),
    "in the same transaction": ("ALTER TABLE item ADD extra int; " + INSERT, "SELECT 1", "new column extra"),
}
CATALOG_CASES = {
    "dropped table": ("DROP TABLE nokey", "it was dropped"),
    "wider type": ("ALTER TABLE item ALTER name TYPE varchar(30)", "another type of column name"),
    "dropped key": ("ALTER TABLE apart DROP CONSTRAINT apart_pkey", "its primary key was"),
    "key for a table without": ("ALTER TABLE nokey ADD PRIMARY KEY (a)", "its primary key was"),
    "identity": ("ALTER TABLE item REPLICA IDENTITY NOTHING", "replica identity was set to 'n'"),
    "attached, known before": ("ALTER TABLE part ATTACH PARTITION apart FOR VALUES IN ('a')", "attached to another table"),
    "attached with its partitions": (
        "CREATE TABLE branch_1 PARTITION OF branch FOR VALUES IN ('b');"
        " ALTER TABLE part ATTACH PARTITION branch FOR VALUES IN ('b')",
        "attached to it as a partition",
    ),
    "made and attached": (
        "CREATE TABLE fresh (k int, region text NOT NULL, PRIMARY KEY (k, region)); INSERT INTO fresh VALUES (1, 'f');"
        " ALTER TABLE part ATTACH PARTITION fresh FOR VALUES IN ('f')",
        "attached to it as a partition; rows it had",
    ),
    "made like and attached": (
        "CREATE TABLE fresh (LIKE part INCLUDING ALL); ALTER TABLE part ATTACH PARTITION fresh FOR VALUES IN ('f')",
        "attached to it as a partition; rows it had",
    ),
    "detached": ("ALTER TABLE part DETACH PARTITION part_n", "dropped or detached"),
    "dropped partition": ("DROP TABLE part_s", "dropped or detached"),
    "renamed partition": ("ALTER TABLE part_n RENAME TO part_north", "renamed to public.part_north"),
    "publication": ("ALTER PUBLICATION {publication} DROP TABLE item", "no longer publishes public.item"),
    "publication options": ("ALTER PUBLICATION {publication} SET (publish = 'insert')", "options of publication"),
}


@pytest.fixture(autouse=True)
def _looking_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voyager_ops.lane.side_watch.LOOK_SECONDS", 0.3)


@pytest.fixture
def source(source_db: Database) -> psycopg.Connection:
    connection = source_db.connect()
    connection.execute(SCHEMA)
    return connection


@pytest.fixture
def context(tmp_path: Path, source: psycopg.Connection, source_db: Database, target_db: Database) -> LaneContext:
    return forward(make_migration(tmp_path, source_db, target_db))


@pytest.mark.parametrize("case", STREAM_CASES)
def test_the_stream_stops_before_the_changed_transaction(context: LaneContext, source: psycopg.Connection, case: str) -> None:
    ddl, change, message = STREAM_CASES[case]
    with running(context) as loop:
        source.execute("INSERT INTO item VALUES (1, 'before', 1)")
        loop.caught_up(source)
    before = changes_of(context)
    source.execute(ddl)
    source.execute(change)
    loop = Running(context)
    loop._thread.start()
    error = loop.failure()
    assert isinstance(error, SourceChanged)
    assert message in str(error)
    assert changes_of(context) == before
    record = read_lane(context.state, context.lane)
    assert record.status == "failed"
    assert message in record.error


@pytest.mark.parametrize("case", CATALOG_CASES)
def test_a_look_at_the_catalog_stops_the_lane(context: LaneContext, source: psycopg.Connection, case: str) -> None:
    ddl, message = CATALOG_CASES[case]
    prepare(context)
    publication = read_lane(context.state, context.lane).publication
    watch = CatalogWatch(context, RootMap(context.state, context.lane, context.tables), publication)
    assert watch.look(source) == []
    source.execute(ddl.format(publication=publication))
    with pytest.raises(SourceChanged, match=re.escape(message)):
        watch.look(source)


def test_the_loop_stops_when_the_watch_says_so(context: LaneContext, source: psycopg.Connection) -> None:
    loop = Running(context).start()
    source.execute("INSERT INTO item VALUES (1, 'before', 1)")
    source.execute("ALTER TABLE part DETACH PARTITION part_n")
    assert isinstance(loop.failure(), SourceChanged)
    assert [change[1] for one in changes_of(context) for change in one] == ["item"]
    assert "part_n was dropped or detached" in read_lane(context.state, context.lane).error


def test_undone_ddl_lets_the_lane_go_on(context: LaneContext, source: psycopg.Connection) -> None:
    with running(context) as loop:
        loop.caught_up(source)
    source.execute("ALTER TABLE part_n RENAME TO other")
    loop = Running(context)
    loop._thread.start()
    assert isinstance(loop.failure(), SourceChanged)
    source.execute("ALTER TABLE other RENAME TO part_n")
    source.execute("INSERT INTO part VALUES (1, 'n')")
    with running(context) as loop:
        loop.caught_up(source)
    assert changes_of(context) == [[("I", "part_n", None, [b"1", b"n"])]]
    assert read_lane(context.state, context.lane).error == ""


@pytest.fixture
def databases_15(system_clusters: tuple[Cluster, Cluster]) -> Iterator[tuple[Database, Database]]:
    source, target = (create_database(cluster) for cluster in system_clusters)
    yield source, target
    drop_database(source)
    drop_database(target)


def test_partitions_made_while_streaming_on_15(databases_15: tuple[Database, Database], tmp_path: Path) -> None:
    source_db, target_db = databases_15
    with source_db.connect() as source:
        source.execute(SCHEMA)
        context = forward(make_migration(tmp_path, source_db, target_db))
        with running(context) as loop:
            source.execute("CREATE TABLE part_w PARTITION OF part FOR VALUES IN ('w')")
            source.execute("INSERT INTO part VALUES (1, 'w')")
            source.execute("CREATE TABLE part_s_2 PARTITION OF part_s FOR VALUES IN (2)")
            source.execute("INSERT INTO part VALUES (2, 's')")
            source.execute("UPDATE part SET k = 1 WHERE k = 2")
            loop.caught_up(source)
            loop.wait(lambda: any("part_w" in text for text in loop.said) or len(changes_of(context)) == 3)
        assert changes_of(context) == [
            [("I", "part_w", None, [b"1", b"w"])],
            [("I", "part_s_2", None, [b"2", b"s"])],
            [("D", "part_s_2", [b"2", b"s"], None), ("I", "part_s_1", None, [b"1", b"s"])],
        ]
        loop = Running(context).start()
        source.execute("CREATE TABLE late (LIKE part INCLUDING ALL)")
        source.execute("ALTER TABLE part ATTACH PARTITION late FOR VALUES IN ('l')")
        assert isinstance(loop.failure(), SourceChanged)
