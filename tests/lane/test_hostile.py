"""Interleavings that are rare and were once wrong: each broke an invariant before it was mended."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Database, create_database, drop_database
from tests.lane.feed import Feed, make_context, run_apply
from tests.lane.seam import SeamLane
from tests.lane.test_apply_crash import capture_all
from voyager_ops.changes.netchange import TableFold
from voyager_ops.config import ChangesConfig
from voyager_ops.databases.postgres import apply, metadata
from voyager_ops.databases.postgres.catalog import read_tables
from voyager_ops.errors import PreconditionError, RetryableError
from voyager_ops.lane import apply_loop, collector, quarantine
from voyager_ops.lane.collector import SPILL_BYTES, Collector
from voyager_ops.model.changes import Row, Transaction
from voyager_ops.model.positions import Lane, Position
from voyager_ops.model.results import silent
from voyager_ops.state.store import State
from voyager_ops.testing.postgres import Cluster

BIG = """
CREATE TABLE big (id int PRIMARY KEY, filler text, large text);
ALTER TABLE big ALTER large SET STORAGE EXTERNAL;
INSERT INTO big SELECT i, repeat('f', 200), CASE WHEN i % 200 = 0 THEN repeat(chr(97 + i % 26), 9000) END
FROM generate_series(1, 2000) i;
"""


@pytest.fixture
def big(source_db: Database, target_db: Database, tmp_path: Path) -> SeamLane:
    lane = SeamLane(source_db, target_db, tmp_path, BIG, "", chunk_size=32 << 10)
    lane.prepare()
    return lane


def test_a_truncate_spares_a_row_that_was_fetched_after_it(big: SeamLane) -> None:
    chunks = big.plan()
    big.copy(chunks[:1])
    big.source("UPDATE big SET id = -id WHERE id = 2000")  # fetched again when it is applied, that is after all of this
    big.source("TRUNCATE big")
    big.source("INSERT INTO big VALUES (-2000, 'new', 'small')")
    big.copy(chunks[1:])
    with big.streaming():
        pass
    assert big.differences() == {}


def test_a_fetched_row_that_is_rolled_back_is_fetched_again(big: SeamLane) -> None:
    big.context = replace(big.context, changes=ChangesConfig(heartbeat=0.2, on_error="quarantine"))
    with big.target_db.connect() as connection:
        connection.execute("ALTER TABLE big ADD CHECK (filler <> 'poison')")
    chunks = big.plan()
    big.copy(chunks[:1])
    big.source(
        "UPDATE big SET id = -id WHERE id = 2000",
        "INSERT INTO big VALUES (-5, 'poison', NULL)",
    )
    big.copy(chunks[1:])
    with big.streaming():
        pass
    assert quarantine.count(big.context) == 1
    only_source, only_target = big.differences()["big"]
    assert only_target == []
    assert [row[:4] for row in only_source] == ["(-5,"]


def test_truncated_together_with_a_table_that_is_held(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    ddl = "CREATE TABLE a (id int PRIMARY KEY, n int); CREATE TABLE b (id int PRIMARY KEY, n int)"
    for order in (("a", "b"), ("b", "a")):
        for database in (source_db, target_db):
            with database.connect() as connection:
                connection.execute("DROP TABLE IF EXISTS a, b; DROP SCHEMA IF EXISTS voyager_ops CASCADE; " + ddl)
        with target_db.connect() as connection:
            connection.execute("ALTER TABLE a ADD CHECK (n < 100)")
        directory = tmp_path / order[0]
        directory.mkdir()
        feed = Feed(make_context(source_db, target_db, directory, changes=ChangesConfig(on_error="quarantine")))
        feed.commit(feed.insert("a", id=1, n=1), feed.insert("b", id=1, n=1))
        feed.commit(feed.insert("a", id=2, n=500), feed.marker("marker", "ends the batch"))  # put aside
        feed.commit(*feed.truncate(*((name, name) for name in order)))
        feed.commit(feed.insert("b", id=1, n=2))
        run_apply(feed)
        with target_db.connect() as connection:
            assert connection.execute("SELECT * FROM a").fetchall() == [(1, 1)]  # waits behind what was put aside
            assert connection.execute("SELECT * FROM b").fetchall() == [(1, 2)]
        assert quarantine.count(feed.context) == 2
        with target_db.connect() as connection:
            connection.execute("ALTER TABLE a DROP CONSTRAINT a_n_check")
        assert quarantine.retry(feed.context).left == 0
        with target_db.connect() as connection:
            assert connection.execute("SELECT * FROM a").fetchall() == []
            assert connection.execute("SELECT * FROM b").fetchall() == [(1, 2)]


def test_before_the_seam_a_large_transaction_is_applied_in_pieces(
    source_db: Database, target_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = "CREATE TABLE wide (id int PRIMARY KEY, v text); CREATE TABLE zero (id int PRIMARY KEY)"
    lane = SeamLane(source_db, target_db, tmp_path, setup, "", chunk_size=32 << 10)
    lane.prepare()
    lane.plan()
    lane.copy(lane.of("wide"))
    lane.source("INSERT INTO wide SELECT i, repeat(md5(i::text), 1000) FROM generate_series(1, 2500) i")  # 80 MB
    lane.copy(lane.of("zero"))
    sizes: list[int] = []
    insert = TableFold.insert

    def measured(self: TableFold, row: Row) -> None:
        insert(self, row)
        sizes.append(self.size)

    monkeypatch.setattr(TableFold, "insert", measured)
    with lane.streaming():
        pass
    assert lane.differences() == {}
    assert max(sizes) < SPILL_BYTES + (1 << 20)


def test_before_the_seam_all_tables_together_end_a_batch(
    source_db: Database, target_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"part{number}" for number in range(6)]
    setup = "; ".join(f"CREATE TABLE {name} (id int PRIMARY KEY, v text)" for name in names)
    lane = SeamLane(source_db, target_db, tmp_path, setup + "; CREATE TABLE zero (id int PRIMARY KEY)", "", chunk_size=32 << 10)
    lane.prepare()
    lane.plan()
    for name in names:
        lane.copy(lane.of(name))
    for name in names:
        lane.source(f"INSERT INTO {name} SELECT i, repeat('v', 1000) FROM generate_series(1, 100) i")
    lane.copy(lane.of("zero"))
    monkeypatch.setattr(collector, "SPILL_BYTES", 200_000)
    sizes: list[int] = []
    add = Collector.add

    def measured(self: Collector, transaction: Transaction) -> None:
        add(self, transaction)
        sizes.append(sum(fold.size for fold in self._folds.values()))

    monkeypatch.setattr(Collector, "add", measured)
    with lane.streaming():
        pass
    assert lane.differences() == {}
    assert 200_000 < max(sizes) < 400_000  # a transaction more at most; all six would be 780,000


def test_a_generated_key(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    setup = """
    CREATE TABLE gen (a int, id int GENERATED ALWAYS AS (a * 2) STORED PRIMARY KEY, v text);
    INSERT INTO gen (a, v) SELECT i, 'x' FROM generate_series(1, 100) i;
    """
    lane = SeamLane(source_db, target_db, tmp_path, setup, "", chunk_size=32 << 10)
    lane.prepare()
    lane.copy(lane.plan())
    with lane.streaming():
        lane.source("UPDATE gen SET v = 'y' WHERE a = 5", "UPDATE gen SET a = 500 WHERE a = 6", "DELETE FROM gen WHERE a = 7")
    assert lane.differences() == {}


def test_a_transaction_held_at_the_gate_is_looked_at_once(
    source_db: Database, target_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be held for days: looking at it again and again must leave nothing behind."""
    monkeypatch.setattr(apply_loop, "GATE_SECONDS", 0.01)
    for database in (source_db, target_db):
        with database.connect() as connection:
            connection.execute("CREATE TABLE items (id int PRIMARY KEY)")
    feed = Feed(make_context(source_db, target_db, tmp_path, lane=Lane.FALLBACK))
    feed.commit(feed.marker("heartbeat", "1"), feed.insert("items", id=1))
    held: list[object] = []
    stop = threading.Event()
    feed.on_empty = stop.set
    loop = apply_loop.ApplyLoop(feed.context, stop, None, silent, feed.reader, gate=lambda: len(held) > 20)
    peek = loop._peek

    def watched(timeout: float) -> Transaction | None:
        transaction = peek(timeout)
        held.append(transaction and transaction.changes)
        return transaction

    monkeypatch.setattr(loop, "_peek", watched)
    loop.run()
    assert len({id(changes) for changes in held[1:20]}) == 1
    with source_db.connect() as connection:
        assert connection.execute("SELECT id FROM items").fetchall() == [(1,)]


def test_a_large_transaction_held_at_the_gate_is_applied_whole(
    source_db: Database, target_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file was read from to see what is in it; what is applied later begins at its beginning all the same."""
    monkeypatch.setattr(apply_loop, "GATE_SECONDS", 0.01)
    lane = SeamLane(source_db, target_db, tmp_path, "CREATE TABLE wide (id int PRIMARY KEY, v text)", "", chunk_size=32 << 10)
    lane.prepare()
    lane.copy(lane.plan())
    with lane.streaming():
        pass
    lane.source("INSERT INTO wide SELECT i, repeat(md5(i::text), 30) FROM generate_series(1, 8000) i")  # 8 MB
    lane.source("DELETE FROM wide WHERE id = 1")
    capture_all(lane)
    asked: list[Position] = []
    stop = threading.Event()

    def gate() -> bool:
        with lane.context.apply_db.connect("test") as connection:
            asked.append(apply.read_position(connection, "seam", Lane.FORWARD).position)
        return asked.count(asked[-1]) > 3  # what is let through before it holds only markers

    loop = threading.Thread(target=apply_loop.apply, args=(lane.context, stop, None, silent), kwargs={"gate": gate})
    loop.start()
    deadline = time.monotonic() + 30
    while lane.differences() and loop.is_alive() and time.monotonic() < deadline:
        time.sleep(0.1)
    stop.set()
    loop.join()
    assert asked.count(asked[-1]) > 3
    assert lane.differences() == {}


PARTS = """
CREATE TABLE parts (id int, day int, v text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
INSERT INTO parts SELECT i, i % 10, 'x' FROM generate_series(1, 50) i;
"""


def test_a_partition_made_before_the_slot_is_not_forgotten(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    """The tables are read, the slot waits for an open transaction, somebody makes a partition and fills it meanwhile."""
    lane = SeamLane(source_db, target_db, tmp_path, PARTS, "", chunk_size=32 << 10)
    made = "CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20)"
    lane.source(made, "INSERT INTO parts SELECT i, 10 + i % 10, 'y' FROM generate_series(1, 50) i")
    with lane.target_db.connect() as connection:
        connection.execute(made)
    with pytest.raises(RetryableError, match=r"public\.parts"):
        lane.prepare()
    with lane.context.capture_db.connect("test") as connection:
        lane.context = replace(lane.context, tables=tuple(read_tables(connection, ["public"])))
    lane.prepare()
    lane.copy(lane.plan())
    with lane.streaming():
        lane.source("UPDATE parts SET v = 'z' WHERE id = 7")
    assert lane.differences() == {}


def test_the_remains_of_a_run_whose_records_are_lost_are_not_taken_for_ours(
    source_db: Database, target_db: Database, tmp_path: Path
) -> None:
    setup = "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 50)"
    (tmp_path / "lost").mkdir()
    first = SeamLane(source_db, target_db, tmp_path / "lost", setup, "", chunk_size=32 << 10)
    first.prepare()
    first.copy(first.plan())
    with first.streaming():
        pass
    with source_db.connect() as connection:
        connection.execute(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()"
        )
    with target_db.connect() as connection:
        connection.execute("TRUNCATE t")
    again = replace(first.context, state=State.open("seam", directory=tmp_path), data_dir=tmp_path)
    first.context = again
    with pytest.raises(PreconditionError, match="end migration"):
        first.prepare()
    for database in (source_db, target_db):
        with database.connect() as connection:
            metadata.drop(connection, "seam")
    first.prepare()
    first.copy(first.plan())
    with first.streaming():
        first.source("DELETE FROM t WHERE id < 5")
    assert first.differences() == {}


def test_a_batch_that_takes_longer_than_the_memory_of_moved_values(
    source_db: Database, target_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unique values change places at the end of a very long transaction: it is not begun anew for ever."""
    monkeypatch.setattr(apply, "REWRITE_SECONDS", 0.0)
    for database in (source_db, target_db):
        with database.connect() as connection:
            connection.execute("CREATE TABLE items (id int PRIMARY KEY, code text UNIQUE)")
    feed = Feed(make_context(source_db, target_db, tmp_path))
    feed.commit(feed.insert("items", id=1, code="a"), feed.insert("items", id=2, code="b"), feed.marker("marker", "ends"))
    last = feed.commit(
        feed.update("items", id=1, code="c"), feed.update("items", id=2, code="a"), feed.update("items", id=1, code="b")
    )
    stop = threading.Event()

    def empty() -> None:
        with target_db.connect() as connection:
            if apply.read_position(connection, "m", Lane.FORWARD).position == last:
                stop.set()

    feed.on_empty = empty
    loop = apply_loop.ApplyLoop(feed.context, stop, None, silent, feed.reader)
    running = threading.Thread(target=loop.run)
    running.start()
    running.join(20)
    stop.set()
    running.join(10)
    with target_db.connect() as connection:
        assert connection.execute("SELECT id, code FROM items ORDER BY 1").fetchall() == [(1, "b"), (2, "a")]


def test_a_truncate_between_chunks_where_the_target_sorts_text_otherwise(
    system_clusters: tuple[Cluster, Cluster], tmp_path: Path
) -> None:
    setup = """
    CREATE TABLE words (id text COLLATE "C" PRIMARY KEY, v text);
    INSERT INTO words SELECT (CASE i % 2 WHEN 0 THEN 'a' ELSE 'B' END) || lpad(i::text, 5, '0'), repeat('x', 40)
    FROM generate_series(1, 3000) i;
    """
    source, target = (create_database(cluster) for cluster in system_clusters)
    try:
        lane = SeamLane(source, target, tmp_path, setup, "", chunk_size=32 << 10)
        with target.connect() as connection:
            connection.execute('ALTER TABLE words ALTER id TYPE text COLLATE "en-x-icu"')
        lane.prepare()
        chunks = lane.plan()
        assert len(chunks) > 4
        lane.copy(chunks[:2])
        lane.source(
            "TRUNCATE words", "INSERT INTO words SELECT 'a' || lpad(i::text, 5, '0'), 'new' FROM generate_series(1, 3000, 7) i"
        )
        lane.copy(chunks[2:])
        with lane.streaming():
            pass
        assert lane.differences() == {}
    finally:
        for database in (source, target):
            drop_database(database)


INHERITANCE = """
CREATE TABLE parent (id int, v text);
CREATE TABLE child () INHERITS (parent);
INSERT INTO parent SELECT i, repeat('p', 40) FROM generate_series(1, 2000) i;
INSERT INTO child SELECT i, repeat('c', 40) FROM generate_series(1, 9000) i;
CREATE TABLE elder (id int PRIMARY KEY, filler text, large text);
ALTER TABLE elder ALTER large SET STORAGE EXTERNAL;
CREATE TABLE younger (PRIMARY KEY (id)) INHERITS (elder);
INSERT INTO elder SELECT i, repeat('f', 200), CASE WHEN i % 200 = 0 THEN repeat('e', 9000) END FROM generate_series(1, 2000) i;
INSERT INTO younger VALUES (-2000, 'a row of its own', 'y');
"""


def test_inheritance_children_are_tables_of_their_own(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    lane = SeamLane(source_db, target_db, tmp_path, INHERITANCE, "", chunk_size=32 << 10)
    lane.prepare()
    lane.plan()
    assert lane.of("parent")[0].kind == "ctid"
    lane.copy(lane.of("child"))
    lane.copy(lane.of("parent"))
    lane.copy(lane.of("younger"))
    elder = lane.of("elder")
    lane.copy(elder[:1])
    lane.source("UPDATE ONLY elder SET id = -id WHERE id = 2000")
    lane.copy(elder[1:])
    with lane.streaming():
        lane.source("UPDATE ONLY parent SET v = 'q' WHERE id < 10", "DELETE FROM ONLY parent WHERE id > 1990")
    assert lane.differences() == {}


def test_keys_where_the_servers_encoding_sorts_otherwise(source_cluster: Cluster, target_db: Database, tmp_path: Path) -> None:
    """In WIN1252 the euro sign comes before accented letters, in UTF-8 after them."""
    setup = """
    CREATE TABLE words (id text COLLATE "C" PRIMARY KEY, v text);
    INSERT INTO words SELECT (CASE i % 2 WHEN 0 THEN '€' ELSE 'é' END) || lpad(i::text, 5, '0'), repeat('x', 40)
    FROM generate_series(1, 3000) i;
    """
    source = Database(source_cluster, f"win1252_{secrets.token_hex(4)}")
    with psycopg.connect(source_cluster.dsn(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {source.name} TEMPLATE template0 ENCODING 'WIN1252' LOCALE 'C'")
    try:
        lane = SeamLane(source, target_db, tmp_path, setup, "", chunk_size=32 << 10)
        lane.prepare()
        chunks = lane.plan()
        lane.copy(chunks[:1])
        lane.source("UPDATE words SET v = 'changed' WHERE id LIKE '%0002'")
        lane.copy(chunks[1:])
        with lane.streaming():
            pass
        assert lane.differences() == {}
    finally:
        drop_database(source)
