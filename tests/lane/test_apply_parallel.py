"""A batch over several connections: equal contents, exactly once, whatever is killed between which commits."""

from __future__ import annotations

import os
import pickle
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Database
from tests.lane.feed import START, Feed, make_context, run_apply
from tests.lane.seam import SeamLane
from tests.lane.test_apply_crash import CHILD, capture_all
from voyager_ops import failpoints
from voyager_ops.changes.log import ChangeLog
from voyager_ops.config import ChangesConfig
from voyager_ops.databases.postgres import apply_parallel, metadata
from voyager_ops.databases.postgres.apply import ApplySession
from voyager_ops.databases.postgres.apply_parting import Parting, undivided
from voyager_ops.errors import ApplyError
from voyager_ops.lane import collector
from voyager_ops.model.changes import UNCHANGED

DDL = """
CREATE TABLE items (id int PRIMARY KEY, code text, big text);
CREATE TABLE pairs (a int, b text, v int, PRIMARY KEY (b, a));
CREATE TABLE coded (id int PRIMARY KEY, code text UNIQUE);
CREATE TABLE priced (price numeric PRIMARY KEY, v int);
CREATE TABLE bag (a int, b text);
CREATE TABLE numbered (id int PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY, big text);
"""
SETUP = """
CREATE TABLE items (id int PRIMARY KEY, n int NOT NULL DEFAULT 0);
INSERT INTO items SELECT i FROM generate_series(1, 2000) i;
CREATE TABLE coded (id int PRIMARY KEY, code text UNIQUE);
INSERT INTO coded SELECT i, 'c' || i FROM generate_series(1, 200) i;
CREATE TABLE bag (a int, b text);
"""
POINTS = ("apply.part.before_commit", "apply.part.after_commit", "apply.parts_committed")
PARALLEL_CHILD = CHILD.replace(
    "stop = threading.Event()",
    "from voyager_ops.databases.postgres import apply_parallel\napply_parallel.FEWEST_ROWS = 1\nstop = threading.Event()",
)


@pytest.fixture(autouse=True)
def spread_anything(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(apply_parallel, "FEWEST_ROWS", 1)
    yield
    failpoints.configure()


@pytest.fixture
def feed(source_db: Database, target_db: Database, tmp_path: Path) -> Feed:
    for database in (source_db, target_db):
        with database.connect() as connection:
            connection.execute(DDL)
    return Feed(make_context(source_db, target_db, tmp_path, changes=ChangesConfig(apply_parallelism=3, batch_changes=60)))


def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        return connection.execute(query.encode()).fetchall()


def positions(database: Database) -> list[str]:
    return [row[0] for row in rows(database, "SELECT position FROM voyager_ops.lane_position ORDER BY part")]


def fill(feed: Feed, rng: random.Random, transactions: int, model: dict[str, dict[Any, tuple[Any, ...]]]) -> None:
    """Transactions of all kinds; ``model`` becomes what the tables hold afterwards."""
    for _ in range(transactions):
        changes = []
        for _ in range(rng.randint(1, 6)):
            what = rng.random()
            items, pairs, coded, priced, bag = (model[name] for name in ("items", "pairs", "coded", "priced", "bag"))
            number = rng.randint(1, 400)
            if what < 0.45:
                value = str(rng.randint(0, 999))
                if number in items and rng.random() < 0.3:
                    changes.append(feed.delete("items", id=number))
                    del items[number]
                elif number in items:
                    changes.append(feed.update("items", id=number, code=value, big="b"))
                    items[number] = (number, value, "b")
                else:
                    changes.append(feed.insert("items", id=number, code=value))
                    items[number] = (number, value, None)
            elif what < 0.6:
                key = (number % 7, f"k{number % 40}")
                act = feed.update if key in pairs else feed.insert
                changes.append(act("pairs", a=key[0], b=key[1], v=number))
                pairs[key] = (*key, number)
            elif what < 0.7 and number not in coded:
                changes.append(feed.insert("coded", id=number, code=f"c{number}"))
                coded[number] = (number, f"c{number}")
            elif what < 0.75 and len(coded) > 1:
                one, other = rng.sample(sorted(coded), 2)
                codes = coded[one][1], coded[other][1]
                for key_, code in ((one, "aside"), (other, codes[0]), (one, codes[1])):
                    changes.append(feed.update("coded", id=key_, code=code))
                    coded[key_] = (key_, code)
            elif what < 0.85:
                act = feed.update if number in priced else feed.insert
                changes.append(act("priced", price=number, v=number + 1))
                priced[number] = (number, number + 1)
            elif what < 0.87 and items:
                old = rng.choice(sorted(items))
                new = max(items) + 1000
                changes.append(feed.update("items", old={"id": old}, id=new, code="moved", big="m"))
                del items[old]
                items[new] = (new, "moved", "m")
            elif what < 0.872:
                changes += feed.truncate(("pairs", "pairs"))
                pairs.clear()
            else:
                changes.append(feed.insert("bag", a=number, b="x"))
                bag[len(bag)] = (number, "x")
        if rng.random() < 0.05:
            changes.append(feed.marker("heartbeat", str(len(feed.transactions))))
        feed.commit(*changes)


def assert_equal(database: Database, model: dict[str, dict[Any, tuple[Any, ...]]]) -> None:
    for name, columns in (("items", "id, code, big"), ("pairs", "a, b, v"), ("coded", "id, code"), ("priced", "price, v")):
        assert sorted(rows(database, f"SELECT {columns} FROM {name}")) == sorted(model[name].values()), name
    assert sorted(rows(database, "SELECT a, b FROM bag")) == sorted(model["bag"].values())


def empty() -> dict[str, dict[Any, tuple[Any, ...]]]:
    return {name: {} for name in ("items", "pairs", "coded", "priced", "bag")}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_contents_are_equal_and_the_number_of_parts_may_change(feed: Feed, target_db: Database, seed: int) -> None:
    rng, model = random.Random(seed), empty()
    for parts in (3, 2, 4, 1, 3):
        feed.context = replace(feed.context, changes=ChangesConfig(apply_parallelism=parts, batch_changes=60))
        fill(feed, rng, 60, model)
        run_apply(feed)
        assert_equal(target_db, model)
        assert positions(target_db) == [feed.transactions[-1][0]] * parts
    changes = sum(len(found) for _, found in feed.transactions)
    assert rows(target_db, "SELECT changes FROM voyager_ops.lane_position WHERE part = 0") == [(changes,)]


@pytest.mark.parametrize("raw", [False, True])
def test_a_transaction_larger_than_a_batch_stays_one_transaction(feed: Feed, target_db: Database, raw: bool) -> None:
    """What is sent before it is whole cannot be spread any more."""
    feed.raw = raw
    feed.commit(*(feed.insert("items", id=number, code="x") for number in range(300)))
    feed.commit(*(feed.update("items", id=number, code="y", big="b") for number in range(300)))
    run_apply(feed)
    assert rows(target_db, "SELECT code, big, count(*) FROM items GROUP BY 1, 2") == [("y", "b", 300)]
    assert positions(target_db) == [feed.transactions[-1][0]] * 3


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("nth", [1, 2, 5])
def test_cut_short_between_the_commits_of_parts(feed: Feed, target_db: Database, point: str, nth: int) -> None:
    """The loop goes on by itself: what some parts have applied is applied by the others before anything else."""
    model = empty()
    fill(feed, random.Random(nth), 120, model)
    failpoints.configure(f"{point}=error@{nth}")
    run_apply(feed)
    assert_equal(target_db, model)
    assert positions(target_db) == [feed.transactions[-1][0]] * 3
    changes = sum(len(found) for _, found in feed.transactions)
    assert rows(target_db, "SELECT changes FROM voyager_ops.lane_position WHERE part = 0") == [(changes,)]


def test_a_batch_whose_last_run_took_it_past_the_limit_is_mended_as_a_whole(
    feed: Feed, target_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was one run of transactions comes one by one then, and passes the limit earlier."""
    monkeypatch.setattr(collector, "BULK_BYTES", 1000)
    feed.together = 3
    for first in (0, 40, 80):
        feed.commit(*(feed.insert("items", id=first + number, code="x") for number in range(40)))
    failpoints.configure("apply.parts_committed=error")
    run_apply(feed)
    assert rows(target_db, "SELECT code, count(*) FROM items GROUP BY 1") == [("x", 120)]
    assert positions(target_db) == [feed.transactions[-1][0]] * 3
    assert rows(target_db, "SELECT transactions, changes FROM voyager_ops.lane_position WHERE part = 0") == [(3, 120)]


def test_rows_that_take_values_from_those_on_the_target(feed: Feed, target_db: Database) -> None:
    """They are deleted and inserted, as their identity may not be set: what they keep is read before."""
    feed.commit(*(feed.insert("numbered", id=number, n=number, big=f"b{number}") for number in range(30)))
    run_apply(feed)
    feed.commit(*(feed.update("numbered", id=number, n=number + 100, big=UNCHANGED) for number in range(30)))
    run_apply(feed)
    assert rows(target_db, "SELECT id, n, big FROM numbered ORDER BY 1") == [(i, i + 100, f"b{i}") for i in range(30)]
    assert positions(target_db) == [feed.transactions[-1][0]] * 3


def test_an_error_in_one_part_leaves_nothing_of_the_batch(feed: Feed, target_db: Database) -> None:
    feed.commit(*(feed.insert("items", id=number, code="x") for number in range(20)))
    run_apply(feed)
    with target_db.connect() as connection:
        connection.execute("ALTER TABLE items ADD CHECK (code <> 'poison')")
    before = positions(target_db)
    feed.commit(*(feed.update("items", id=number, code="y" if number != 7 else "poison") for number in range(20)))
    with pytest.raises(ApplyError, match=r"\(id=7\)"):
        run_apply(feed)
    assert positions(target_db) == before
    assert rows(target_db, "SELECT DISTINCT code FROM items") == [("x",)]


def test_a_missing_row_is_named_though_another_connection_missed_it(feed: Feed) -> None:
    feed.commit(*(feed.insert("items", id=number) for number in range(20)))
    feed.commit(*(feed.update("items", id=number + 1, code="y") for number in range(20)))
    with pytest.raises(ApplyError, match=r"UPDATE of public.items \(id=20\)"):
        run_apply(feed)


def test_rows_bound_by_more_than_their_key_stay_together(feed: Feed) -> None:
    session = ApplySession.open(feed.context, START, seam_passed=True)
    try:
        parting = Parting(3, undivided(feed.context, session.connection))
        whole = {name.name: parting.whole(table) for name, table in session.tables.items()}
    finally:
        session.close()
    assert {name for name, part in whole.items() if part is None} == {"items", "pairs", "numbered"}


def killed(lane: SeamLane, tmp_path: Path, point: str) -> None:
    payload = (replace(lane.context, state=None), str(tmp_path), lane.target_db.url, "SELECT 1", "apply")  # type: ignore[arg-type]
    child = subprocess.run(
        [sys.executable, "-c", PARALLEL_CHILD],
        input=pickle.dumps(payload),
        env={**os.environ, "VOYAGER_OPS_FAILPOINTS": point},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()[-2000:]


def test_an_index_made_between_a_crash_and_its_mending(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    """What one part has applied is not the rows of another because the table is not spread any more."""
    lane = SeamLane(source_db, target_db, tmp_path, SETUP, "", chunk_size=32 << 10)
    lane.context = replace(lane.context, changes=ChangesConfig(heartbeat=0.2, batch_changes=2000, apply_parallelism=3))
    lane.prepare()
    lane.copy(lane.plan())
    with source_db.connect() as connection:
        metadata.write_marker(connection, "seam", "heartbeat")
    lane.source("UPDATE items SET n = n + 1 WHERE id % 2 = 0", "DELETE FROM items WHERE id % 9 = 1")
    capture_all(lane)
    killed(lane, tmp_path, "apply.parts_committed=crash")
    with target_db.connect() as connection:
        connection.execute("CREATE UNIQUE INDEX ON items (n, id)")
    with lane.streaming():
        lane.source("UPDATE items SET n = n + 1 WHERE id % 3 = 0")
    assert lane.differences() == {}


@pytest.mark.parametrize(
    ("points", "parts"),
    [
        (["apply.part.before_commit=crash"], 3),
        (["apply.part.after_commit=crash"], 1),
        (["apply.part.after_commit=crash@4"], 2),
        (["apply.parts_committed=crash"], 4),
        (["apply.parts_committed=crash@2", "apply.before_mended=crash", "apply.before_commit=crash"], 1),
        (["apply.parts_changed=crash"], 3),
    ],
)
def test_killed_between_the_commits_of_parts(
    source_db: Database, target_db: Database, tmp_path: Path, points: list[str], parts: int
) -> None:
    """``parts``: how many the next process is told to use."""
    lane = SeamLane(source_db, target_db, tmp_path, SETUP, "", chunk_size=32 << 10)
    lane.context = replace(lane.context, changes=ChangesConfig(heartbeat=0.2, batch_changes=200, apply_parallelism=3))
    lane.prepare()
    lane.copy(lane.plan())
    with source_db.connect() as connection:  # past every chunk's position: what follows is after the seam
        metadata.write_marker(connection, "seam", "heartbeat")
    for number in range(6):
        lane.source("UPDATE items SET n = n + 1 WHERE id % 7 = 0", "INSERT INTO bag VALUES (1, 'x')")
        lane.source("UPDATE items SET id = id + 10000 WHERE id % 500 = 3", f"DELETE FROM items WHERE id % 99 = {number}")
        lane.source("UPDATE coded SET code = 'swap' || id WHERE id < 50", f"INSERT INTO bag VALUES ({number}, 'y')")
    capture_all(lane)
    for point in points:
        killed(lane, tmp_path, point)
    found = positions(target_db)
    if "parts_committed" in points[-1]:  # a reader of the positions can tell
        assert len(found) == 3
        assert found[0] < found[1] == found[2]
    assert all(each >= found[0] for each in found)
    lane.context = replace(lane.context, changes=lane.context.changes.model_copy(update={"apply_parallelism": parts}))
    with lane.streaming():
        lane.source("UPDATE items SET n = n + 1 WHERE id % 3 = 0")
    assert lane.differences() == {}
    assert len(set(positions(target_db))) == 1
    assert len(positions(target_db)) == parts
    exported = ChangeLog(lane.context.state, lane.context.data_dir, lane.context.lane).totals()
    applied = rows(target_db, "SELECT changes, user_changes FROM voyager_ops.lane_position WHERE part = 0")[0]
    assert applied[0] <= exported.changes  # no transaction was counted twice
    assert applied[1] <= exported.user_changes
