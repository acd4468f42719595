"""Every rule of the seam, each against the interleaving that it guards against."""

from __future__ import annotations

import threading
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Database
from tests.lane.seam import SeamLane

ITEMS = """
CREATE TABLE items (id int PRIMARY KEY, code text, v text);
INSERT INTO items SELECT i, 'c' || i, repeat('x', 40) FROM generate_series(1, 3000) i;
"""
UNIQUE = "CREATE UNIQUE INDEX items_code ON items (code)"


def lane_of(source_db: Database, target_db: Database, tmp_path: Path, setup: str, later: str = "") -> SeamLane:
    lane = SeamLane(source_db, target_db, tmp_path, setup, later, chunk_size=32 << 10)
    lane.prepare()
    return lane


def test_a_transaction_over_copied_and_uncopied_chunks(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    lane = lane_of(source_db, target_db, tmp_path, ITEMS)
    chunks = lane.plan()
    assert len(chunks) > 4
    lane.copy(chunks[:2])
    lane.source(
        "UPDATE items SET v = 'changed' WHERE id % 100 = 0",
        "DELETE FROM items WHERE id % 100 = 1",
        "INSERT INTO items VALUES (-1, 'first', ''), (900000, 'last', '')",
    )
    lane.copy(chunks[2:])
    lane.source("UPDATE items SET v = 'again' WHERE id % 100 = 0")
    with lane.streaming():
        lane.source("UPDATE items SET v = 'after the seam' WHERE id % 50 = 0", "DELETE FROM items WHERE id % 77 = 0")
    assert lane.differences() == {}


def test_a_key_moves_between_chunks(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    lane = lane_of(source_db, target_db, tmp_path, ITEMS)
    chunks = lane.plan()
    lane.source("INSERT INTO items VALUES (5000, 'x', 'moves to the front')")
    lane.copy(chunks[:1])
    lane.source("UPDATE items SET id = -7 WHERE id = 5000")  # from an uncopied chunk into a copied one
    lane.source("UPDATE items SET id = 6000 WHERE id = 3")  # from a copied chunk into an uncopied one
    lane.source("UPDATE items SET id = 6001 WHERE id = 4", "UPDATE items SET id = 4 WHERE id = 6001")
    lane.copy(chunks[1:])
    lane.source("UPDATE items SET id = 7000 WHERE id = -7", "UPDATE items SET id = 3 WHERE id = 6000")
    with lane.streaming():
        lane.source("UPDATE items SET id = id + 100000 WHERE id % 100 = 5")
    assert lane.differences() == {}


def test_a_large_value_left_alone_by_a_key_move(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    """The moved row's value was never sent, and the row it came from was never copied: it is fetched as a one-key chunk."""
    setup = """
    CREATE TABLE big (id int PRIMARY KEY, filler text, large text);
    ALTER TABLE big ALTER large SET STORAGE EXTERNAL;
    INSERT INTO big SELECT i, repeat('f', 200), CASE WHEN i % 200 = 0 THEN repeat(chr(97 + i % 26), 9000) END
    FROM generate_series(1, 2000) i;
    """
    lane = lane_of(source_db, target_db, tmp_path, setup)
    chunks = lane.plan()
    assert len(chunks) > 3
    lane.copy(chunks[:1])
    lane.source("UPDATE big SET id = -id WHERE id = 2000")  # into the copied chunk; the uncopied one never sees it
    lane.source("UPDATE big SET filler = 'then changed' WHERE id = -2000")
    lane.source("UPDATE big SET id = -id WHERE id = 1800")
    lane.source("DELETE FROM big WHERE id = -1800")  # moved, and gone before it could be fetched
    lane.copy(chunks[1:])
    lane.source("UPDATE big SET id = -id WHERE id = 1600")
    with lane.streaming():
        lane.source("UPDATE big SET id = -id, filler = 'post' WHERE id IN (1400, -2000)")
    assert lane.differences() == {}


def test_open_while_its_chunk_was_read(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    """A transaction that began before another one that a chunk saw, and committed after the chunk was read."""
    lane = lane_of(source_db, target_db, tmp_path, ITEMS)
    chunks = lane.plan()
    with psycopg.connect(source_db.url) as early:
        early.execute("UPDATE items SET v = 'early' WHERE id IN (1, 2, 2999)")
        early.execute("SAVEPOINT s; DELETE FROM items WHERE id = 10; ROLLBACK TO s; SAVEPOINT s")
        early.execute("INSERT INTO items VALUES (0, 'sub', 'in a subtransaction')")
        lane.source("UPDATE items SET v = 'late but seen' WHERE id IN (5, 2990)")
        lane.copy(chunks[:-1])
        early.commit()
    lane.copy(chunks[-1:])
    with lane.streaming():
        pass
    assert lane.differences() == {}


def test_prepared_before_its_chunk_was_read(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    lane = lane_of(source_db, target_db, tmp_path, ITEMS)
    chunks = lane.plan()
    gid = f"seam-{source_db.name}"
    with source_db.connect() as connection:
        connection.execute("BEGIN")
        connection.execute("UPDATE items SET v = 'two-phase' WHERE id IN (1, 2999)")
        connection.execute(f"PREPARE TRANSACTION '{gid}'")
    lane.copy(chunks)
    with lane.streaming(), source_db.connect() as connection:
        connection.execute(f"COMMIT PREPARED '{gid}'")
    assert lane.differences() == {}


def test_open_when_the_slot_was_made(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    lane = SeamLane(source_db, target_db, tmp_path, ITEMS, "", chunk_size=32 << 10)
    with psycopg.connect(source_db.url) as old:
        old.execute("UPDATE items SET v = 'older than the slot' WHERE id IN (1, 2999)")

        def copy_everything() -> None:
            lane.prepare()
            lane.copy(lane.plan())

        copied = threading.Thread(target=copy_everything)
        copied.start()
        copied.join(2)
        assert copied.is_alive()
        old.commit()
    copied.join(30)
    with lane.streaming():
        lane.source("UPDATE items SET v = 'new' WHERE id = 2")
    assert lane.differences() == {}


@pytest.mark.parametrize("restored", [False, True])
def test_truncate_between_chunks(source_db: Database, target_db: Database, tmp_path: Path, restored: bool) -> None:
    lane = lane_of(source_db, target_db, tmp_path, ITEMS)
    chunks = lane.plan()
    lane.copy(chunks[:2])
    lane.source("TRUNCATE items", "INSERT INTO items SELECT i, 'n' || i, 'new' FROM generate_series(1, 3000, 7) i")
    lane.copy(chunks[2:])
    if restored:
        lane.source("TRUNCATE items")
        lane.source("INSERT INTO items VALUES (1, 'a', 'only')")
    with lane.streaming():
        lane.source("INSERT INTO items VALUES (2, 'b', 'later')")
    assert lane.differences() == {}


def test_a_unique_value_moves_between_chunks(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    """Both rows are copied with the same value, at different moments: the unique index is built at the seam point only."""
    lane = lane_of(source_db, target_db, tmp_path, ITEMS, UNIQUE)
    chunks = lane.plan()
    lane.copy(chunks[:1])
    lane.source("UPDATE items SET code = 'parked' WHERE id = 1", "UPDATE items SET code = 'c1' WHERE id = 2999")
    lane.copy(chunks[1:])
    with lane.streaming():
        lane.source(
            "UPDATE items SET code = 'tmp' WHERE id = 10",
            "UPDATE items SET code = 'c10' WHERE id = 2000",
            "UPDATE items SET code = 'c2000' WHERE id = 10",
        )
    assert lane.differences() == {}
    with target_db.connect() as connection:
        assert connection.execute("SELECT to_regclass('items_code') IS NOT NULL").fetchone() == (True,)


def test_deleted_and_inserted_again(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    lane = lane_of(source_db, target_db, tmp_path, ITEMS)
    chunks = lane.plan()
    lane.copy(chunks[:1])
    for key in (1, 2999):
        lane.source(f"DELETE FROM items WHERE id = {key}")
        lane.source(f"INSERT INTO items VALUES ({key}, 'again', 'reborn')")
    lane.copy(chunks[1:])
    lane.source("DELETE FROM items WHERE id = 2999")
    with lane.streaming():
        lane.source("INSERT INTO items VALUES (2999, 'third', 'life')")
    assert lane.differences() == {}


def test_rows_move_between_partitions(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    setup = """
    CREATE TABLE parts (id int, at int, v text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    CREATE TABLE parts_a PARTITION OF parts FOR VALUES FROM (0) TO (100);
    CREATE TABLE parts_b PARTITION OF parts FOR VALUES FROM (100) TO (200);
    INSERT INTO parts SELECT i, i % 200, 'v' FROM generate_series(1, 2000) i;
    CREATE TABLE log (at int, line text) PARTITION BY LIST (at);
    CREATE TABLE log_a PARTITION OF log FOR VALUES IN (1);
    CREATE TABLE log_b PARTITION OF log FOR VALUES IN (2);
    INSERT INTO log SELECT 1 + i % 2, 'line ' || i % 5 FROM generate_series(1, 100) i;
    """
    lane = lane_of(source_db, target_db, tmp_path, setup)
    lane.plan()
    lane.copy(lane.of("parts_a") + lane.of("log_b"))
    lane.source("UPDATE parts SET at = 150 WHERE id = 1", "UPDATE parts SET at = 50 WHERE id = 150")
    lane.source("UPDATE log SET at = 2 WHERE ctid = (SELECT min(ctid) FROM log WHERE at = 1)")
    lane.source("UPDATE log SET at = 1 WHERE line = 'line 3' AND at = 2")
    lane.copy(lane.of("parts_b") + lane.of("log_a"))
    with lane.streaming():
        lane.source(
            "UPDATE parts SET at = 199 - at WHERE id % 10 = 0", "TRUNCATE log_a", "INSERT INTO log VALUES (1, 'x'), (1, 'x')"
        )
    assert lane.differences() == {}


def test_rows_without_a_key_are_a_multiset(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    setup = """
    CREATE TABLE bag (a int, b text, j json);
    INSERT INTO bag SELECT i % 5, CASE WHEN i % 3 > 0 THEN 'same' END, '{"k": 1}' FROM generate_series(1, 3000) i;
    CREATE TABLE other (id int PRIMARY KEY);
    """
    lane = lane_of(source_db, target_db, tmp_path, setup)
    lane.plan()
    one = "ctid = (SELECT min(ctid) FROM bag WHERE a = {})"
    lane.source(f"DELETE FROM bag WHERE {one.format(1)}")
    lane.copy(lane.of("bag"))
    lane.source(f"DELETE FROM bag WHERE {one.format(1)}", f"UPDATE bag SET b = NULL WHERE {one.format(2)}")
    lane.source("INSERT INTO bag SELECT 9, 'nine', NULL FROM generate_series(1, 3)", f"DELETE FROM bag WHERE {one.format(9)}")
    lane.copy(lane.of("other"))
    with lane.streaming():
        lane.source(
            f"UPDATE bag SET a = 9 WHERE {one.format(9)}", "INSERT INTO bag VALUES (NULL, NULL, NULL), (NULL, NULL, NULL)"
        )
        lane.source(f"DELETE FROM bag WHERE {one.format(9)}")
    assert lane.differences() == {}


def test_an_idle_source_reaches_its_seam(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    lane = lane_of(source_db, target_db, tmp_path, ITEMS + "CREATE TABLE nothing (id int PRIMARY KEY);")
    lane.copy(lane.plan())
    with lane.streaming():
        lane.source("INSERT INTO nothing VALUES (1)")
    assert lane.differences() == {}
