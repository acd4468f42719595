"""Primary keys that are set aside while rows are copied: back as they were, and away from no table that needs its own."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Database
from tests.snapshot.test_copy import SMALL, contents, make_context
from voyager_ops import failpoints
from voyager_ops.databases.postgres.database import PostgresDatabase
from voyager_ops.errors import PreconditionError, RetryableError
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import Position, Side
from voyager_ops.model.results import Progress
from voyager_ops.model.tables import QName
from voyager_ops.snapshot import keys
from voyager_ops.snapshot.copy import copy_chunks
from voyager_ops.snapshot.done import snapshot_complete
from voyager_ops.snapshot.keys import build_all, kept_aside, set_aside
from voyager_ops.snapshot.plan import plan_chunks
from voyager_ops.state.stopped import StoppedTable, stop_tables

MANY = "SELECT i, 'value ' || i, i FROM generate_series(1, 20000) i"
ONE = "CREATE TABLE t (id bigint PRIMARY KEY, v text, n int)"


def keys_of(database: Database) -> list[tuple[Any, ...]]:
    """Every primary key as the catalog describes it, its comments, and the columns it makes NOT NULL."""
    with database.connect() as connection:
        return connection.execute(
            "SELECT con.conrelid::regclass::text, con.conname, pg_get_constraintdef(con.oid), con.condeferrable,"
            " con.condeferred, pg_get_indexdef(con.conindid), obj_description(con.oid, 'pg_constraint'),"
            " obj_description(con.conindid, 'pg_class'),"
            " array(SELECT attname::text FROM pg_attribute WHERE attrelid = con.conrelid AND attnotnull ORDER BY 1)"
            " FROM pg_constraint con WHERE con.contype = 'p' AND con.connamespace = 'public'::regnamespace ORDER BY 1"
        ).fetchall()


def builders(database: Database) -> list[int]:
    """The server's processes that build keys, or wait to."""
    with database.connect() as connection:
        found = connection.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE application_name = 'voyager-ops/snap/snapshot keys' AND datname = current_database()"
        )
        return [int(row[0]) for row in found]


def wait_for(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30.0
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def aside(context: LaneContext) -> set[str]:
    with context.apply_db.connect("test") as connection:
        return {table.name for table in kept_aside(connection, context.migration)}


@pytest.mark.parametrize(
    "schema",
    [
        ONE,
        'CREATE TABLE t (id bigint, v text, n int, CONSTRAINT "The {Key}" PRIMARY KEY (n, id) INCLUDE (v))',
        'CREATE TABLE t (id bigint, v text COLLATE "C", n int, PRIMARY KEY (v, id) DEFERRABLE INITIALLY DEFERRED)',
        ONE + "; COMMENT ON CONSTRAINT t_pkey ON t IS 'it''s \\ a {key}'; COMMENT ON INDEX t_pkey IS 'and %s its index'",
    ],
)
def test_a_key_is_away_while_rows_are_copied_and_back_as_it_was(
    source_db: Database, target_db: Database, tmp_path: Path, schema: str
) -> None:
    context = make_context(source_db, target_db, tmp_path, schema, f"INSERT INTO t {MANY}; ANALYZE")
    before = keys_of(target_db)
    assert len(plan_chunks(context, SMALL)) > 2
    seen: list[set[str]] = []
    complete: list[bool] = []

    def look(step: Progress) -> None:
        seen.append(aside(context))
        complete.append(snapshot_complete(context))
        if "t" in seen[-1]:
            assert keys_of(target_db) == []

    counts = copy_chunks(context, SMALL, progress=look)
    assert {"t"} in seen
    assert not any(complete)
    assert (counts.complete, counts.warnings, aside(context)) == (True, [], set())
    assert snapshot_complete(context)
    assert keys_of(target_db) == before
    assert contents(source_db, "t") == contents(target_db, "t")


STAYS = {
    "it has rows": "INSERT INTO t VALUES (-1, 'here before', 0)",
    "a foreign key refers to it": "CREATE TABLE child (t bigint REFERENCES t)",
    "a view groups by it": "CREATE VIEW grouped AS SELECT id, v FROM t GROUP BY id",
    "it is the replica identity": "ALTER TABLE t REPLICA IDENTITY USING INDEX t_pkey",
    "it orders the table": "ALTER TABLE t CLUSTER ON t_pkey",
    "its index has options": "ALTER INDEX t_pkey SET (fillfactor = 70)",
    "it is published": "CREATE PUBLICATION theirs FOR TABLE t",
}


@pytest.mark.parametrize("why", STAYS)
def test_a_key_stays_where_it_is_needed(source_db: Database, target_db: Database, tmp_path: Path, why: str) -> None:
    context = make_context(source_db, target_db, tmp_path, ONE, f"INSERT INTO t {MANY}; ANALYZE")
    with target_db.connect() as connection:
        connection.execute(STAYS[why].encode())
    before = keys_of(target_db)
    assert not set_aside(context.apply_db, context.migration, [QName("public", "t")]).tables
    assert keys_of(target_db) == before
    plan_chunks(context, SMALL)
    assert copy_chunks(context, SMALL).complete


def test_partitions_keep_their_keys(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    schema = """CREATE TABLE t (id bigint PRIMARY KEY, v text, n int) PARTITION BY RANGE (id);
    CREATE TABLE low PARTITION OF t FOR VALUES FROM (MINVALUE) TO (1000);
    CREATE TABLE high PARTITION OF t FOR VALUES FROM (1000) TO (MAXVALUE)"""
    context = make_context(source_db, target_db, tmp_path, schema, f"INSERT INTO t {MANY}; ANALYZE")
    names = [QName("public", name) for name in ("t", "low", "high")]
    assert not set_aside(context.apply_db, context.migration, names).tables


def test_a_table_that_is_somebody_elses_keeps_its_key_and_that_is_said_once(
    source_db: Database, target_db: Database, tmp_path: Path
) -> None:
    schema = ONE + "; CREATE TABLE other (id bigint PRIMARY KEY)"
    context = make_context(source_db, target_db, tmp_path, schema, f"INSERT INTO t {MANY}; INSERT INTO other SELECT 1; ANALYZE")
    user = f"other_{secrets.token_hex(4)}"
    target_db.cluster.create_user(user)
    with target_db.connect() as connection:
        connection.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public, voyager_ops TO {user}".encode())
        connection.execute(f"GRANT ALL ON SCHEMA public, voyager_ops TO {user}".encode())
    url = target_db.cluster.dsn(target_db.name, user)
    database = PostgresDatabase.from_url(url, side=Side.TARGET, migration="snap")
    found = set_aside(database, context.migration, [QName("public", "t"), QName("public", "other")])
    assert not found.tables
    assert len(found.words) == 1
    assert found.words[0].endswith("public.other and 1 more on the target (must be owner of table other)")
    assert len(keys_of(target_db)) == 2


def test_small_tables_keep_their_keys(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    context = make_context(source_db, target_db, tmp_path, ONE, f"INSERT INTO t {MANY}; ANALYZE")
    config = SMALL.model_copy(update={"build_keys_from": 1 << 30})
    plan_chunks(context, config)
    seen: list[set[str]] = []
    assert copy_chunks(context, config, progress=lambda _: seen.append(aside(context))).complete
    assert seen
    assert not any(seen)


def test_whoever_copies_the_last_chunk_builds(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    context = make_context(source_db, target_db, tmp_path, ONE, f"INSERT INTO t {MANY}; ANALYZE")
    before = keys_of(target_db)
    bins = {chunk.bin for chunk in plan_chunks(context, SMALL)}
    assert len(bins) == 3
    for number in sorted(bins):
        assert copy_chunks(context, SMALL, bin=number).complete
        assert (aside(context) == set()) == (number == 2)
    assert keys_of(target_db) == before


def test_rows_of_another_hand_are_refused_and_the_rest_follows(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    context = make_context(source_db, target_db, tmp_path, ONE, f"INSERT INTO t {MANY}; ANALYZE")
    before = keys_of(target_db)
    plan_chunks(context, SMALL)
    copy_chunks(context, SMALL, bin=0)
    with target_db.connect() as connection:
        connection.execute("INSERT INTO t SELECT id, 'twice', n FROM t LIMIT 1")
    copy_chunks(context, SMALL, bin=1)
    with pytest.raises(PreconditionError, match=r"primary key of public\.t .* cannot be built: .*duplicated") as found:
        copy_chunks(context, SMALL, bin=2)
    assert "its rows are there" in str(found.value)
    assert not snapshot_complete(context)
    with target_db.connect() as connection:
        connection.execute("DELETE FROM t WHERE v = 'twice'")
    assert copy_chunks(context, SMALL).complete
    assert snapshot_complete(context)
    assert keys_of(target_db) == before


def test_a_stop_while_a_key_is_built_leaves_it_for_the_next_call(
    source_db: Database, target_db: Database, tmp_path: Path
) -> None:
    context = make_context(source_db, target_db, tmp_path, ONE, f"INSERT INTO t {MANY}; ANALYZE")
    before = keys_of(target_db)
    plan_chunks(context, SMALL)
    stop = threading.Event()
    with target_db.connect() as reader:

        def hold(step: Progress) -> None:
            if "building" in step.message:
                reader.execute("BEGIN; LOCK TABLE t IN ACCESS SHARE MODE")
                stop.set()

        assert not copy_chunks(context, SMALL, stop=stop, progress=hold).complete
        assert wait_for(lambda: not builders(target_db)), "the server still waits to build it, and everybody else behind it"
    assert aside(context) == {"t"}
    assert not snapshot_complete(context)
    assert copy_chunks(context, SMALL).complete
    assert keys_of(target_db) == before


def test_a_key_that_was_made_by_hand_is_taken(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    context = make_context(source_db, target_db, tmp_path, ONE, f"INSERT INTO t {MANY}; ANALYZE")
    plan_chunks(context, SMALL)
    copy_chunks(context, SMALL, bin=0)
    assert aside(context) == {"t"}
    with target_db.connect() as connection:
        connection.execute("ALTER TABLE t ADD CONSTRAINT mine PRIMARY KEY (id)")
    assert copy_chunks(context, SMALL).complete
    assert snapshot_complete(context)
    assert [key[1] for key in keys_of(target_db)] == ["mine"]


def test_a_table_that_is_stopped_gets_its_key_back(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    context = make_context(source_db, target_db, tmp_path, ONE, f"INSERT INTO t {MANY}; ANALYZE")
    before = keys_of(target_db)
    plan_chunks(context, SMALL)
    copy_chunks(context, SMALL, bin=0)
    stop_tables(context.state, context.lane, [StoppedTable("public.t", Position("0" * 16), "ALTER TABLE t", 0.0)])
    assert copy_chunks(context, SMALL).complete
    assert keys_of(target_db) == before
    assert len(contents(target_db, "t")) < 20000


def test_an_abandoned_snapshot_leaves_the_keys_or_says_how(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    schema = ONE + "; CREATE TABLE other (id bigint PRIMARY KEY, v text, n int)"
    data = f"INSERT INTO t {MANY}; INSERT INTO other {MANY}; ANALYZE"
    context = make_context(source_db, target_db, tmp_path, schema, data)
    before = keys_of(target_db)
    plan_chunks(context, SMALL)
    copy_chunks(context, SMALL, bin=0)
    assert aside(context) == {"t", "other"}
    with target_db.connect() as connection:
        connection.execute("INSERT INTO other SELECT id, 'twice', n FROM other LIMIT 1")
    (failed,) = build_all(context.apply_db, context.migration)
    assert failed.endswith('ALTER TABLE ONLY "public"."other" ADD CONSTRAINT "other_pkey" PRIMARY KEY (id)')
    assert [key[0] for key in keys_of(target_db)] == ["t"]
    with target_db.connect() as connection:
        connection.execute("DELETE FROM other WHERE v = 'twice'")
    assert build_all(context.apply_db, context.migration) == []
    assert keys_of(target_db) == before


def test_a_session_that_is_cut_while_it_builds_is_tried_again(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    context = make_context(source_db, target_db, tmp_path, ONE, f"INSERT INTO t {MANY}; ANALYZE")
    before = keys_of(target_db)
    plan_chunks(context, SMALL)
    cut: list[int] = []

    def cut_soon(step: Progress) -> None:
        if "building" in step.message:
            threading.Timer(0.5, cut_now).start()

    def cut_now() -> None:
        with target_db.connect() as connection:
            found = connection.execute(
                "SELECT pg_terminate_backend(pid, 5000)::int FROM pg_stat_activity"
                " WHERE application_name = 'voyager-ops/snap/snapshot keys' AND datname = current_database()"
            )
            cut.extend(row[0] for row in found)

    failpoints.configure(f"{keys.BEFORE_BUILD_COMMIT}=sleep:2")
    try:
        assert copy_chunks(context, SMALL, progress=cut_soon).complete
    finally:
        failpoints.configure()
    assert cut == [1]
    assert keys_of(target_db) == before


def test_a_key_that_the_server_refuses_to_build_is_said_with_its_words(
    source_db: Database, target_db: Database, tmp_path: Path
) -> None:
    context = make_context(source_db, target_db, tmp_path, ONE, f"INSERT INTO t {MANY}; ANALYZE")
    before = keys_of(target_db)
    plan_chunks(context, SMALL)
    copy_chunks(context, SMALL, bin=0)
    with target_db.connect() as connection:
        connection.execute("CREATE TABLE t_pkey ()")
    (failed,) = build_all(context.apply_db, context.migration)
    assert 'relation "t_pkey" already exists; once that is mended: ALTER TABLE ONLY "public"."t"' in failed
    with pytest.raises(PreconditionError, match='cannot be built: relation "t_pkey" already exists'):
        copy_chunks(context, SMALL)
    with target_db.connect() as connection:
        connection.execute("DROP TABLE t_pkey")
    assert copy_chunks(context, SMALL).complete
    assert keys_of(target_db) == before


def test_an_abandoned_key_of_a_table_that_was_renamed_is_named(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    context = make_context(source_db, target_db, tmp_path, ONE, f"INSERT INTO t {MANY}; ANALYZE")
    plan_chunks(context, SMALL)
    copy_chunks(context, SMALL, bin=0)
    with target_db.connect() as connection:
        connection.execute("ALTER TABLE t RENAME TO u")
    (failed,) = build_all(context.apply_db, context.migration)
    assert failed.startswith("the table public.t is no longer on the target")
    assert failed.endswith('ALTER TABLE ONLY "public"."t" ADD CONSTRAINT "t_pkey" PRIMARY KEY (id)')


def test_an_end_does_not_wait_for_ever_for_a_reader(
    source_db: Database, target_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "LOCK_SECONDS_AT_END", 1)
    context = make_context(source_db, target_db, tmp_path, ONE, f"INSERT INTO t {MANY}; ANALYZE")
    before = keys_of(target_db)
    plan_chunks(context, SMALL)
    copy_chunks(context, SMALL, bin=0)
    with target_db.connect() as reader:
        reader.execute("BEGIN; LOCK TABLE t IN ACCESS SHARE MODE")
        with pytest.raises(RetryableError, match=r"building the primary key of public\.t failed: .*lock timeout"):
            build_all(context.apply_db, context.migration)
    assert build_all(context.apply_db, context.migration) == []
    assert keys_of(target_db) == before


def test_a_key_that_another_process_sets_aside_late_is_built(
    source_db: Database, target_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may as long as the chunks that are loaded had no row."""
    monkeypatch.setattr(keys, "LOCK_TIMEOUT", "100ms")
    context = make_context(source_db, target_db, tmp_path, ONE, f"INSERT INTO t {MANY}; ANALYZE")
    before = keys_of(target_db)
    plan_chunks(context, SMALL)
    with source_db.connect() as connection:
        connection.execute("DELETE FROM t")
    late: list[set[QName]] = []
    with target_db.connect() as reader:
        reader.execute("BEGIN; LOCK TABLE t IN ACCESS SHARE MODE")

        def look(_: Progress) -> None:
            if not late:
                assert aside(context) == set()
                reader.execute("COMMIT")
                monkeypatch.setattr(keys, "LOCK_TIMEOUT", "5s")
                late.append(set_aside(context.apply_db, context.migration, [QName("public", "t")]).tables)

        one_by_one = SMALL.model_copy(update={"parallelism": 1})
        assert copy_chunks(context, one_by_one, progress=look).complete
    assert late == [{QName("public", "t")}]
    assert snapshot_complete(context)
    assert keys_of(target_db) == before


def test_a_table_that_was_made_anew_gives_up_its_new_key(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    context = make_context(source_db, target_db, tmp_path, ONE, f"INSERT INTO t {MANY}; ANALYZE")
    tables = [QName("public", "t")]
    assert set_aside(context.apply_db, context.migration, tables).tables
    with target_db.connect() as connection:
        connection.execute("DROP TABLE t; CREATE TABLE t (id bigint CONSTRAINT other PRIMARY KEY, v text, n int)")
    before = keys_of(target_db)
    found = set_aside(context.apply_db, context.migration, tables)
    assert (found.words, keys_of(target_db)) == ([], [])
    plan_chunks(context, SMALL)
    assert copy_chunks(context, SMALL).complete
    assert keys_of(target_db) == before


def test_records_of_an_earlier_version_know_of_no_keys(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    context = make_context(source_db, target_db, tmp_path, ONE, f"INSERT INTO t {MANY}; ANALYZE")
    with target_db.connect() as connection:
        connection.execute("DROP TABLE voyager_ops.key_aside")
    before = keys_of(target_db)
    plan_chunks(context, SMALL)
    counts = copy_chunks(context, SMALL)
    assert counts.complete
    assert "primary keys stay in place" in counts.warnings[0]
    assert snapshot_complete(context)
    assert build_all(context.apply_db, context.migration) == []
    assert keys_of(target_db) == before
