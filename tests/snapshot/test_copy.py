"""The snapshot's chunks, on two real databases."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import Database
from voyager_ops.config import ChangesConfig, SnapshotConfig
from voyager_ops.databases.postgres import metadata
from voyager_ops.databases.postgres.catalog import read_tables
from voyager_ops.databases.postgres.database import PostgresDatabase
from voyager_ops.databases.postgres.splitting import PostgresKeyFetcher
from voyager_ops.errors import PreconditionError
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.changes import Relation
from voyager_ops.model.positions import Lane, Side
from voyager_ops.model.results import Progress
from voyager_ops.model.tables import NameMap, QName
from voyager_ops.snapshot.copy import copy_chunks
from voyager_ops.snapshot.done import snapshot_complete
from voyager_ops.snapshot.filter import SnapshotFilter
from voyager_ops.snapshot.old_transactions import wait_for_old_transactions
from voyager_ops.snapshot.plan import load_plan, plan_chunks
from voyager_ops.snapshot.reading import Pair, PieceReader
from voyager_ops.state.store import State

SCHEMA = """
CREATE TYPE mood AS ENUM ('calm', 'angry');
CREATE DOMAIN positive AS numeric(12,3) CHECK (value > 0);
CREATE TABLE narrow (id bigint PRIMARY KEY, v text, n positive, twice bigint GENERATED ALWAYS AS (id * 2) STORED);
CREATE TABLE moods (id uuid PRIMARY KEY, m mood, tags text[], j jsonb, b bytea, t timestamptz, i interval);
CREATE TABLE keyless (a int, b text);
CREATE TABLE worded (word text, at date, PRIMARY KEY (word, at));
CREATE TABLE "Odd Name" ("select" int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "Mixed" text);
CREATE TABLE empty (id int PRIMARY KEY);
CREATE TABLE parts (id int, at date, v text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE parts_old PARTITION OF parts FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
CREATE TABLE parts_new PARTITION OF parts FOR VALUES FROM ('2020-01-01') TO (MAXVALUE);
"""
DATA = """
INSERT INTO narrow SELECT i, 'value ' || i, i FROM generate_series(1, 20000) i;
INSERT INTO moods SELECT gen_random_uuid(), 'calm', '{a,"b,c",NULL}', '{"a": 1.0}', '\\x00ff', now(), '1 day'
FROM generate_series(1, 500);
INSERT INTO keyless SELECT i % 7, CASE WHEN i % 3 > 0 THEN 'same' END FROM generate_series(1, 20000) i;
INSERT INTO worded SELECT 'wörd ' || i, '2020-01-01' FROM generate_series(1, 300) i;
INSERT INTO "Odd Name" ("Mixed") SELECT 'x' FROM generate_series(1, 50);
INSERT INTO parts SELECT i, date '2019-01-01' + i, 'v' FROM generate_series(1, 1000) i;
ANALYZE;
"""
SMALL = SnapshotConfig(parallelism=3, bins=3, chunk_size=64 << 10, build_keys_from=1)


def make_context(source_db: Database, target_db: Database, tmp_path: Path, schema: str = SCHEMA, data: str = DATA) -> LaneContext:
    with source_db.connect() as connection:
        connection.execute(schema)
        connection.execute(data)
    with target_db.connect() as connection:
        connection.execute(schema)
    source = PostgresDatabase.from_url(source_db.url, side=Side.SOURCE, migration="snap")
    target = PostgresDatabase.from_url(target_db.configured, side=Side.TARGET, migration="snap")
    with target.connect("test") as connection:
        metadata.install(connection)
    with source.connect("test") as connection:
        tables = tuple(read_tables(connection, ["public"]))
    state = State.open("snap", directory=tmp_path)
    return LaneContext("snap", Lane.FORWARD, source, target, tables, NameMap(), state, tmp_path, ChangesConfig())


def contents(database: Database, table: str) -> list[str]:
    with database.connect() as connection:
        connection.execute("SET timezone = 'UTC'")
        return sorted(str(row[0]) for row in connection.execute(f"SELECT t::text FROM {table} t"))


TABLES = ["narrow", "moods", "keyless", "worded", '"Odd Name"', "empty", "parts", "parts_old"]


@pytest.mark.parametrize("form", ["auto", "text"])
def test_everything_arrives_whole(source_db: Database, target_db: Database, tmp_path: Path, form: str) -> None:
    context = make_context(source_db, target_db, tmp_path)
    config = SMALL.model_copy(update={"format": form})
    plan = plan_chunks(context, config)
    assert plan == plan_chunks(context, config) == load_plan(context.state)
    kinds = {chunk.physical.name: chunk.kind for chunk in plan}
    assert kinds["narrow"] == kinds["moods"] == kinds["parts_old"] == "key"
    assert kinds["keyless"] == "ctid"
    assert sum(chunk.physical.name == "narrow" for chunk in plan) > 5
    assert {chunk.bin for chunk in plan} == {0, 1, 2}
    wait_for_old_transactions(context, threading.Event())
    assert not snapshot_complete(context)
    counts = [copy_chunks(context, config, bin=number) for number in range(3)]
    assert all(count.complete for count in counts)
    assert snapshot_complete(context)
    assert sum(count.rows for count in counts) == 20000 + 500 + 20000 + 300 + 50 + 1000
    for table in TABLES:
        assert contents(source_db, table) == contents(target_db, table)
    again = copy_chunks(context, config)
    assert (again.chunks_copied, again.complete) == (0, True)


def test_a_table_that_the_target_lacks_is_refused_before_anything(
    source_db: Database, target_db: Database, tmp_path: Path
) -> None:
    context = make_context(source_db, target_db, tmp_path)
    with target_db.connect() as connection:
        connection.execute("DROP TABLE worded")
    plan_chunks(context, SMALL)
    with pytest.raises(PreconditionError, match=r"no table public\.worded"):
        copy_chunks(context, SMALL)
    assert contents(target_db, "narrow") == []


def test_stop_leaves_whole_chunks_and_the_rest_follows(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    context = make_context(source_db, target_db, tmp_path)
    plan_chunks(context, SMALL)
    stop = threading.Event()
    copy_chunks(context, SMALL.model_copy(update={"parallelism": 1}), stop=stop, progress=lambda _: stop.set())
    assert not snapshot_complete(context)
    assert copy_chunks(context, SMALL).complete
    for table in TABLES:
        assert contents(source_db, table) == contents(target_db, table)


def test_tables_that_are_read_as_one_share_the_sessions(
    source_db: Database, target_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"keyless{number}" for number in range(5)]
    schema = "; ".join(f"CREATE TABLE {name} (a int, b text)" for name in names)
    data = "; ".join(f"INSERT INTO {name} SELECT i, 'text ' || i FROM generate_series(1, 10000) i" for name in names)
    context = make_context(source_db, target_db, tmp_path, schema, data + "; ANALYZE")
    plan = plan_chunks(context, SMALL)
    assert min(sum(chunk.table.name == name for chunk in plan) for name in names) > 4
    there: set[Pair] = set()
    most = 0
    sessions, close = Pair.sessions, Pair.close

    async def opened(self: Pair) -> tuple[PieceReader, Any]:
        nonlocal most
        there.add(self)
        most = max(most, len(there))
        return await sessions(self)

    async def closed(self: Pair) -> None:
        there.discard(self)
        await close(self)

    monkeypatch.setattr(Pair, "sessions", opened)
    monkeypatch.setattr(Pair, "close", closed)
    assert copy_chunks(context, SMALL).complete
    assert most <= 2 * (SMALL.parallelism + 1)  # each table's own, and those of all pieces; 20 when each table had its own
    for name in names:
        assert contents(source_db, name) == contents(target_db, name)


def test_cut_sessions_are_copied_again(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    context = make_context(source_db, target_db, tmp_path)
    plan_chunks(context, SMALL)
    done = threading.Event()
    cuts = 0

    def cut() -> None:
        nonlocal cuts
        while not done.wait(0.1) and cuts < 4:
            for database in (source_db, target_db):
                with database.connect() as connection:
                    row = connection.execute(
                        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                        " WHERE application_name = 'voyager-ops/snap/snapshot' AND datname = current_database()"
                    ).fetchone()
                    cuts += bool(row and row[0])

    thread = threading.Thread(target=cut)
    thread.start()
    try:
        counts = copy_chunks(context, SMALL)
    finally:
        done.set()
        thread.join()
    assert counts.complete
    assert cuts
    for table in TABLES:
        assert contents(source_db, table) == contents(target_db, table)


def test_a_table_read_as_one_is_loaded_when_its_session_is_cut_behind_the_last_piece(
    source_db: Database, target_db: Database, tmp_path: Path
) -> None:
    schema = "CREATE TABLE keyless (a int, b text)"
    context = make_context(
        source_db, target_db, tmp_path, schema, "INSERT INTO keyless SELECT i, 'v' FROM generate_series(1, 20000) i"
    )
    assert {chunk.kind for chunk in plan_chunks(context, SMALL)} == {"ctid"}
    cut: list[int] = []

    def cut_at_the_end(step: Progress) -> None:
        if step.done == step.total:
            with source_db.connect() as connection:
                found = connection.execute(
                    "SELECT pg_terminate_backend(pid, 5000)::int FROM pg_stat_activity"
                    " WHERE application_name = 'voyager-ops/snap/snapshot' AND datname = current_database()"
                    " AND state = 'idle in transaction'"
                )
                cut.extend(row[0] for row in found)

    counts = copy_chunks(context, SMALL, progress=cut_at_the_end)
    assert cut
    assert (counts.complete, snapshot_complete(context)) == (True, True)
    assert contents(source_db, "keyless") == contents(target_db, "keyless")


def test_the_first_chunk_waits_for_transactions_that_were_open(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    context = make_context(source_db, target_db, tmp_path)
    said: list[str] = []
    stop = threading.Event()
    with psycopg.connect(source_db.url) as writer:
        writer.execute("INSERT INTO empty VALUES (1)")
        thread = threading.Thread(target=wait_for_old_transactions, args=(context, stop, lambda item: said.append(item.message)))
        thread.start()
        thread.join(1.5)
        assert thread.is_alive()
        writer.commit()
    thread.join(10)
    assert not thread.is_alive()
    assert "1 transaction(s)" in said[0]


def test_the_filter_decides_by_visibility(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    """A transaction that was open while the chunk was read is not seen, whatever the order of the ids."""
    context = make_context(source_db, target_db, tmp_path)
    plan_chunks(context, SMALL)

    def xid(connection: psycopg.Connection) -> int:
        row = connection.execute("SELECT pg_current_xact_id()::text").fetchone()
        assert row
        return int(row[0])

    with psycopg.connect(source_db.url) as early, psycopg.connect(source_db.url) as between:
        open_id = xid(early)
        ended_id = xid(between)
        between.commit()
        assert copy_chunks(context, SMALL).complete
        early.commit()
        late_id = xid(between)
    with context.apply_db.connect("test") as connection:
        chosen = SnapshotFilter.load(connection, context)
    leaf = Relation(0, QName("public", "narrow"), ("id",), (True,), (20,), False)
    for key in (b"-5", b"1", b"10000", b"999999"):
        assert open_id < ended_id < late_id
        assert [chosen.sees(leaf, (key,), number) for number in (open_id, ended_id, late_id)] == [False, True, False]
    keyless = replace(leaf, name=QName("public", "keyless"))
    assert [chosen.sees(keyless, (), number) for number in (open_id, ended_id)] == [False, True]
    newer = replace(leaf, name=QName("public", "parts_of_later"))
    assert not chosen.sees(newer, (b"1",), ended_id)
    assert chosen.truncated(leaf, ended_id).what == "nothing"
    assert chosen.truncated(leaf, open_id).what == "all"
    assert chosen.seam_position > ""


def test_one_key_again(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    context = make_context(source_db, target_db, tmp_path)
    plan_chunks(context, SMALL)
    assert copy_chunks(context, SMALL).complete
    with source_db.connect() as connection:
        connection.execute("UPDATE narrow SET v = 'later' WHERE id = 7; DELETE FROM narrow WHERE id = 8")
        row = connection.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text").fetchone()
        assert row
    table = next(item for item in context.tables if item.name.name == "narrow")
    leaf = Relation(0, QName("public", "narrow"), ("id",), (True,), (20,), False)
    seen = int(row[0]) - 1
    source = PostgresKeyFetcher(context.capture_db)
    with context.apply_db.connect("test") as target:
        chosen = SnapshotFilter.load(target, context)
        before = chosen.seam_position
        assert not chosen.sees(leaf, (b"7",), seen)
        with target.transaction():
            assert chosen.fetch_key(source, target, table, [b"7"])
            assert not chosen.fetch_key(source, target, table, [b"8"])
        assert chosen.seam_position > before
        for known in (chosen, SnapshotFilter.load(target, context)):
            assert known.sees(leaf, (b"7",), seen)
            assert known.sees(leaf, (b"8",), seen)
            assert not known.sees(leaf, (b"9",), seen)
    source.close()
    assert contents(source_db, "narrow") == contents(target_db, "narrow")


@pytest.mark.parametrize("statement", ["ALTER TABLE narrow ALTER v TYPE text USING v || ''", "TRUNCATE narrow"])
def test_a_rewrite_under_way_is_waited_for_before_the_moment_is_taken(
    source_db: Database, target_db: Database, tmp_path: Path, statement: str
) -> None:
    """A snapshot older than the rewrite would read the rewritten table as empty."""
    context = make_context(source_db, target_db, tmp_path)
    plan_chunks(context, SMALL)
    with psycopg.connect(source_db.url) as rewriting:
        rewriting.execute(statement)
        rewriting.execute("INSERT INTO narrow VALUES (900000, 'written after the rewrite', 1)")
        copying = threading.Thread(target=copy_chunks, args=(context, SMALL))
        copying.start()
        copying.join(1.5)
        assert copying.is_alive()  # it waits for its lock, and has no snapshot yet
        rewriting.commit()
    copying.join(60)
    assert snapshot_complete(context)
    rows = contents(source_db, "narrow")
    assert rows
    assert rows == contents(target_db, "narrow")
