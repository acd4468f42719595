"""The apply loop on real databases, fed with transactions made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Database
from tests.lane.feed import Feed, make_context, run_apply
from voyager_ops.databases.postgres.apply import read_position
from voyager_ops.errors import ApplyError

TABLES = """
CREATE TABLE items (id bigint PRIMARY KEY, code text UNIQUE, note text, n integer);
CREATE TABLE nokey (a integer, b text);
"""


@pytest.fixture
def feed(source_db: Database, target_db: Database, tmp_path: Path) -> Feed:
    for database in (source_db, target_db):
        with database.connect() as connection:
            connection.execute(TABLES)
    return Feed(make_context(source_db, target_db, tmp_path))


def rows(database: Database, query: str) -> list[tuple[object, ...]]:
    with database.connect() as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


def test_inserts_updates_deletes(feed: Feed, target_db: Database) -> None:
    feed.commit(feed.insert("items", id=1, code="a", note="x", n=1), feed.insert("items", id=2, code="b"))
    feed.commit(feed.update("items", id=1, code="a", note="y", n=2), feed.insert("nokey", a=1, b="q"))
    last = feed.commit(feed.delete("items", id=2))
    run_apply(feed)
    assert rows(target_db, "SELECT * FROM items") == [(1, "a", "y", 2)]
    assert rows(target_db, "SELECT * FROM nokey") == [(1, "q")]
    with target_db.connect() as connection:
        applied = read_position(connection, "m", feed.context.lane)
    assert (applied.position, applied.transactions, applied.changes, applied.user_changes) == (last, 3, 5, 5)
    feed.commit(feed.update("items", id=1, code="z", note="y", n=3))
    feed.commit(feed.delete("items", id=1))
    run_apply(feed)
    assert rows(target_db, "SELECT * FROM items") == []


def test_a_missing_row_is_an_error_and_nothing_of_the_transaction_is_applied(feed: Feed, target_db: Database) -> None:
    feed.commit(feed.insert("items", id=1, code="a"))
    feed.commit(feed.insert("items", id=5, code="e"), feed.update("items", id=7, code="x"))
    with pytest.raises(ApplyError, match=r"UPDATE of public.items \(id=7\)"):
        run_apply(feed)
    assert rows(target_db, "SELECT id FROM items") == [(1,)]
