"""Measures folding and applying: ``python tests/lane/measure.py [fold|tpcb|mix]`` prints changes per second.

Not a test: figures in comments come from here. Transactions are made in memory; the target is an embedded cluster.
"""

from __future__ import annotations

import random
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.conftest import create_database
from tests.lane.feed import Feed, FeedReader, make_context
from voyager_ops.changes.netchange import TableFold
from voyager_ops.lane.apply_loop import ApplyLoop
from voyager_ops.model.changes import DELETE, INSERT, UPDATE, Change, Relation, Row
from voyager_ops.model.positions import Position
from voyager_ops.model.results import silent
from voyager_ops.testing.postgres import Cluster

TPCB = """
CREATE TABLE branches (bid int PRIMARY KEY, bbalance int, filler char(88));
CREATE TABLE tellers (tid int PRIMARY KEY, bid int, tbalance int, filler char(84));
CREATE TABLE accounts (aid int PRIMARY KEY, bid int, abalance int, filler char(84));
CREATE TABLE history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));
"""
TPCB_DATA = """
INSERT INTO branches SELECT i, 0, '' FROM generate_series(1, 10) i;
INSERT INTO tellers SELECT i, i / 10 + 1, 0, '' FROM generate_series(1, 100) i;
INSERT INTO accounts SELECT i, 1, 0, '' FROM generate_series(1, 200000) i;
"""
MIX = "CREATE TABLE kv (id bigint PRIMARY KEY, a int, b text, c numeric, d timestamptz, e jsonb, f text, g boolean);"
MIX_DATA = (
    "INSERT INTO kv SELECT i, i, md5(i::text), i / 7.0, now(), jsonb_build_object('k', i, 'v', md5(i::text)),"
    " repeat('x', 40), true"
    " FROM generate_series(1, 200000) i;"
)


def tpcb_transactions(feed: Feed, count: int) -> None:
    branches, tellers, accounts, history = map(feed.relation, ("branches", "tellers", "accounts", "history"))
    rng = random.Random(1)
    for _ in range(count):
        a, t, b, d = (str(rng.randint(1, most)).encode() for most in (200_000, 100, 10, 5000))
        feed.commit(
            Change(UPDATE, accounts, None, [a, b"1", d, b"".ljust(84)]),
            Change(UPDATE, tellers, None, [t, b"1", d, b"".ljust(84)]),
            Change(UPDATE, branches, None, [b, d, b"".ljust(88)]),
            Change(INSERT, history, None, [t, b, a, d, b"2026-01-01 10:11:12.123456", None]),
        )


def mix_transactions(feed: Feed, count: int) -> None:
    kv: Relation = feed.relation("kv")
    rng = random.Random(1)
    free = 200_001
    gone: set[int] = set()
    for _ in range(count):
        changes = []
        for _ in range(2):
            changes.append(Change(INSERT, kv, None, _kv(free, rng)))
            free += 1
        for _ in range(2):
            number = rng.randint(1, 200_000)
            if number not in gone:
                changes.append(Change(UPDATE, kv, None, _kv(number, rng)))
        number = rng.randint(1, 200_000)
        if number not in gone:
            gone.add(number)
            changes.append(Change(DELETE, kv, [str(number).encode(), *[None] * 7], None))
        feed.commit(*changes)


def _kv(number: int, rng: random.Random) -> Row:
    a = rng.randint(1, 1 << 30)
    return [
        str(number).encode(),
        str(a).encode(),
        b"%032x" % a,
        b"%d.%03d" % (a, a % 1000),
        b"2026-01-01 10:11:12.123456+00",
        b'{"k": %d, "v": "%032x"}' % (a, a),
        b"x" * 40,
        b"t",
    ]


def fold() -> None:
    rng = random.Random(1)
    rows = [_kv(rng.randint(1, 5000), rng) for _ in range(200_000)]
    fold = TableFold(8, [0], [2, 3, 5, 6])
    started = time.process_time()
    for row in rows:
        fold.update(None, row, False)
    fold.net()
    print(f"fold: {(time.process_time() - started) / len(rows) * 1e6:.2f} us/change")


def run(ddl: str, data: str, make: object, count: int) -> None:
    with Cluster("source") as a, Cluster("target") as b, tempfile.TemporaryDirectory() as directory:
        source, target = create_database(a), create_database(b)
        with source.connect() as connection:
            connection.execute(ddl.encode())
        with target.connect() as connection:
            connection.execute((ddl + data).encode())
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")
        feed = Feed(make_context(source, target, Path(directory)))
        make(feed, count)  # type: ignore[operator]
        stop = threading.Event()
        feed.on_empty = stop.set
        total = sum(len(changes) for _, changes in feed.transactions)
        positions = [position for position, _ in feed.transactions]

        def reader(after: Position) -> FeedReader:
            return FeedReader(feed, after)

        loop = ApplyLoop(feed.context, stop, None, silent, reader)
        cpu, started = time.process_time(), time.perf_counter()
        loop.run()
        seconds, used = time.perf_counter() - started, time.process_time() - cpu
        print(f"{make.__name__}: {total} changes, {total / seconds:,.0f}/s, {seconds:.2f} s, python cpu {used:.2f} s")  # type: ignore[attr-defined]
        assert positions


if __name__ == "__main__":
    chosen = sys.argv[1:] or ["fold", "tpcb", "mix"]
    if "fold" in chosen:
        fold()
    if "tpcb" in chosen:
        run(TPCB, TPCB_DATA, tpcb_transactions, 20_000)
    if "mix" in chosen:
        run(MIX, MIX_DATA, mix_transactions, 12_000)
