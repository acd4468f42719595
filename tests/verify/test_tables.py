"""Verification of whole tables: every kind of difference, wherever it is, on every kind of table."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import pytest

from tests.verify.conftest import Two
from voyager_ops.databases.postgres import ranges
from voyager_ops.databases.postgres.hashing import Method
from voyager_ops.errors import PreconditionError
from voyager_ops.model.results import Progress
from voyager_ops.model.tables import NameMap
from voyager_ops.testing.postgres import Cluster
from voyager_ops.verify import scan
from voyager_ops.verify.digests import Condition, Statements
from voyager_ops.verify.findings import Detail
from voyager_ops.verify.pairing import Pair, pair_tables
from voyager_ops.verify.postgres_reader import PostgresReader
from voyager_ops.verify.report import Kind, TableVerification, write_reports
from voyager_ops.verify.tables import verify_tables


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes at which a few thousand rows take every path: many ranges, several levels of buckets, several groups."""
    for name, value in {"ROWS_PER_RANGE": 500, "PULL_ROWS": 40, "REFINE_ROWS": 200, "ROWS_PER_BUCKET": 4, "MAX_BITS": 3}.items():
        monkeypatch.setattr(scan, name, value)
    monkeypatch.setattr(ranges, "ROWS_PER_POINT", 10_000)  # sample all blocks: a few of few may well be none


def found(table: TableVerification) -> set[tuple[str, ...]]:
    return {(str(row.kind), *(str(value) for value in row.key.values())) for row in table.differences}


KEYS = {
    "bigint": ("id bigint PRIMARY KEY", "{}", "ranges"),
    "negative": ("id int PRIMARY KEY", "{} - 2500", "ranges"),
    "uuid": ("id uuid PRIMARY KEY", "md5(({})::text)::uuid", "ranges"),
    "timestamptz": ("id timestamptz PRIMARY KEY", "'1999-12-31 23:59:59.5+00'::timestamptz + ({}) * interval '1 h'", "ranges"),
    "date": ("id date PRIMARY KEY", "date '0005-01-01 BC' + ({})", "ranges"),
    "bytea": ("id bytea PRIMARY KEY", "decode(md5(({})::text), 'hex')", "ranges"),
    "text C": ('id text COLLATE "C" PRIMARY KEY', "'a%' || ({}) || '\"\\é'", "ranges"),
    "text": ("id text PRIMARY KEY", "'key ' || ({})", "whole"),
    "numeric": ("id numeric PRIMARY KEY", "({}) / 8.0", "ranges"),
    "char": ("id char(9) PRIMARY KEY", "'k' || ({})", "whole"),
    "enum-like domain": ("id positive PRIMARY KEY", "{}", "ranges"),
}


def test_only_ranges_are_kept_from_scanning_the_table(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers before 18 scan a whole table without parallel workers while scans are off."""
    two.both("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 2000); CREATE TABLE u AS TABLE t")
    two.both("ANALYZE")
    monkeypatch.setattr(scan, "ROWS_PER_RANGE", 500)
    seen: dict[str, set[str]] = {"t": set(), "u": set()}
    digest = PostgresReader.digest

    def looked_at(reader: PostgresReader, statements: Statements, condition: Condition, method: Method) -> list[Any]:
        rows = digest(reader, statements, condition, method)
        (way,) = reader.connection.execute("SHOW enable_seqscan").fetchone() or ("",)
        seen[statements.pair.source.name.name].add(way)
        return rows

    monkeypatch.setattr(PostgresReader, "digest", looked_at)
    assert two.verify().equal
    assert seen == {"t": {"off"}, "u": {"on"}}


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("kind", KEYS)
def test_each_kind_of_difference_at_the_edges(two: Two, kind: str) -> None:
    declaration, key, compared = KEYS[kind]
    expression = key.format("i")
    two.both(f"CREATE DOMAIN positive AS int CHECK (value > 0); CREATE TABLE t ({declaration}, v text)")
    two.both(f"INSERT INTO t SELECT {expression}, 'v' || i FROM generate_series(1, 5000) i; ANALYZE t")
    assert two.verify_one().equal
    places = {"first": 1, "second": 2, "middle": 2500, "last": 5000}
    keys = {name: key.format(place) for name, place in places.items()}
    two.on_source(f"DELETE FROM t WHERE id = {keys['first']}")
    two.on_target(f"UPDATE t SET v = NULL WHERE id = {keys['second']}; DELETE FROM t WHERE id = {keys['middle']}")
    two.on_target(f"UPDATE t SET v = v || ' ' WHERE id = {keys['last']}")
    table = two.verify_one()
    assert table.compared == compared
    assert (table.ranges > 5) is (compared == "ranges")
    assert (table.rows_source, table.rows_target) == (4999, 4999)
    assert (table.missing_on_source, table.missing_on_target, table.different) == (1, 1, 2)
    with two.source_side.connect("test") as connection:
        type_name = declaration.split()[1].replace("positive", "int")
        texts = {
            name: connection.execute(f"SELECT ({expression})::{type_name}::text".encode()).fetchone()
            for name, expression in keys.items()
        }
    expected = {"first": "missing_on_source", "second": "different", "middle": "missing_on_target", "last": "different"}
    assert found(table) == {(expected[name], str(row[0]) if row else "") for name, row in texts.items()}


@pytest.mark.usefixtures("small")
def test_composite_keys_partitions_and_quoted_names(two: Two) -> None:
    two.both(
        'CREATE TABLE "Order" ("Group" int, "select" text, "a%b" text, "x""y" int, PRIMARY KEY ("Group", "select"));'
        "INSERT INTO \"Order\" SELECT i % 7, 's' || i, '%s', i FROM generate_series(1, 3000) i;"
        "CREATE TABLE parted (id int, at date, v text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);"
        "CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (MINVALUE) TO ('2024-02-01');"
    )
    two.on_source("CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM ('2024-02-01') TO (MAXVALUE)")
    two.on_target("CREATE TABLE other_leaf PARTITION OF parted DEFAULT")
    two.both(
        "INSERT INTO parted SELECT i, '2024-01-01'::date + i % 60, 'v' FROM generate_series(1, 3000) i;"
        "CREATE TABLE parent (id int PRIMARY KEY, v text); CREATE TABLE child () INHERITS (parent); ANALYZE;"
        "INSERT INTO parent VALUES (1, 'p'); INSERT INTO child VALUES (1, 'c')"
    )
    report = two.verify()
    assert report.equal, report.to_text()
    assert [(table.table, table.rows_source) for table in report.tables] == [
        ("public.Order", 3000), ("public.child", 1), ("public.parent", 1), ("public.parted", 3000)
    ]  # fmt: skip
    two.on_target("""UPDATE "Order" SET "a%b" = '%', "x""y" = 0 WHERE "select" = 's77'""")
    two.on_target("DELETE FROM parted WHERE id = 3000; UPDATE child SET v = 'd'")
    report = two.verify(detail=Detail(values=True))
    order, child, parent, parted = report.tables
    assert found(order) == {("different", "0", "s77")}
    assert order.differences[0].columns == ["a%b", 'x"y']
    assert order.differences[0].source == {"a%b": "%s", 'x"y': "77"}
    assert order.differences[0].target == {"a%b": "%", 'x"y': "0"}
    assert (child.compared, child.missing_on_source, child.missing_on_target) == ("whole", 1, 1)
    assert parent.equal
    assert found(parted) == {("missing_on_target", "3000", "2024-01-01")}


@pytest.mark.usefixtures("small")
def test_tables_without_a_key_are_multisets(two: Two) -> None:
    two.both("CREATE TABLE t (a int, b text)")
    two.both("INSERT INTO t SELECT i % 50, NULLIF('b' || i % 5, 'b0') FROM generate_series(1, 2000) i")
    assert two.verify_one().equal
    two.on_source("INSERT INTO t VALUES (7, 'b2'), (7, 'b2'), (7, 'b2'), (NULL, NULL)")
    two.on_target("INSERT INTO t VALUES (999, 'new'); DELETE FROM t WHERE ctid = (SELECT min(ctid) FROM t WHERE a = 11)")
    table = two.verify_one()
    assert (table.missing_on_target, table.missing_on_source, table.different) == (5, 1, 0)
    assert sorted((str(row.kind), row.count) for row in table.differences) == [
        ("missing_on_source", 1), ("missing_on_target", 1), ("missing_on_target", 1), ("missing_on_target", 3)
    ]  # fmt: skip


def test_missing_tables_and_columns(two: Two) -> None:
    two.on_source("CREATE TABLE a (id int PRIMARY KEY, v int, w int)")
    two.on_source("CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE nothing ()")
    two.on_target("CREATE TABLE a (id int PRIMARY KEY, x int, v int); CREATE TABLE nothing ()")
    two.on_source("INSERT INTO a VALUES (1, 2, 3)")
    two.on_target("INSERT INTO a VALUES (1, 5, 2)")
    report = two.verify()
    a, b = report.tables  # one without columns is left out
    assert a.problems == ["the column w of public.a is missing on the target", "the column x of public.a is on the target only"]
    assert not a.differences
    assert b.problems == ["the table public.b is missing on the target"]
    assert not a.equal
    assert not b.equal
    assert "3 differences of structure" in report.verdict


def test_a_renamed_schema(two: Two) -> None:
    for run, schema in ((two.on_source, "app"), (two.on_target, "shop")):
        run(f"CREATE SCHEMA {schema}; CREATE TYPE {schema}.mood AS ENUM ('ok', 'sad')")
        run(f"CREATE TABLE {schema}.t (m {schema}.mood PRIMARY KEY, v int)")
    two.on_source("INSERT INTO app.t VALUES ('ok', 1), ('sad', 2)")
    two.on_target("INSERT INTO shop.t VALUES ('ok', 1), ('sad', 3)")
    (table,) = Two(two.source, two.target, NameMap({"app": "shop"})).verify("app").tables
    assert (table.table, table.target_table) == ("app.t", "shop.t")
    assert found(table) == {("different", "sad")}


@pytest.mark.usefixtures("small")
def test_everything_different_is_bounded(two: Two) -> None:
    two.both("CREATE TABLE t (id text PRIMARY KEY, v int)")
    two.on_source("INSERT INTO t SELECT i, i FROM generate_series(1, 3000) i")
    two.on_target("INSERT INTO t SELECT i, i + 1 FROM generate_series(1, 3000) i")
    table = two.verify_one(max_differences=100)
    assert (table.different, table.more, table.equal) == (100, True, False)
    table = two.verify_one()
    assert (table.different, table.more) == (3000, False)


def test_an_empty_target_and_generated_columns(two: Two) -> None:
    two.both("CREATE TABLE t (id int PRIMARY KEY, v int, g int GENERATED ALWAYS AS (v * 2) STORED)")
    two.on_source("INSERT INTO t SELECT i, i FROM generate_series(1, 30) i")
    table = two.verify_one()
    assert (table.rows_source, table.rows_target, table.missing_on_target) == (30, 0, 30)
    two.on_target("DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, v int, g int GENERATED ALWAYS AS (v * 3) STORED)")
    two.on_target("INSERT INTO t SELECT i, i FROM generate_series(1, 30) i")
    table = two.verify_one()
    assert table.different == 30
    assert table.differences[0].columns == ["g"]


def test_versions_that_hash_alike_or_not(
    system_clusters: tuple[Cluster, Cluster],
    source_cluster: Cluster,
    make_two: Callable[[Cluster, Cluster], Two],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    two = make_two(system_clusters[0], source_cluster)
    two.both("CREATE TABLE t (id int PRIMARY KEY, v numeric, k text)")
    two.both("INSERT INTO t SELECT i, i / 3.0, 'k' FROM generate_series(1, 999) i")
    two.on_target("UPDATE t SET v = (v::text || '0')::numeric WHERE id IN (5, 999)")
    for method in Method:
        monkeypatch.setattr("voyager_ops.verify.tables.common_method", lambda _source, _target, method=method: method)
        report = two.verify()
        assert report.method == method.value
        assert found(report.tables[0]) == {("different", "5"), ("different", "999")}


@pytest.mark.usefixtures("small")
def test_stop_and_progress(two: Two) -> None:
    two.both("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, i FROM generate_series(1, 5000) i; ANALYZE t")
    stop, seen = Event(), list[Progress]()

    def progress(step: Progress) -> None:
        seen.append(step)
        if len(seen) == 3:
            stop.set()

    table = two.verify_one(stop=stop, progress=progress, parallelism=1)
    assert (table.finished, table.equal) == (False, False)
    assert 0 < table.rows_source < 5000
    assert [step.done for step in seen] == sorted(step.done for step in seen)
    assert seen[0].total == 5000


def test_stop_while_a_statement_waits(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    two.both("CREATE TABLE t (id int PRIMARY KEY, v int); CREATE TABLE u (id int); INSERT INTO t VALUES (1, 1)")
    stop = Event()
    with two.target.connect() as connection, connection.transaction():

        def then_lock(*arguments: Any) -> list[Pair | str]:
            pairs = pair_tables(*arguments)
            connection.execute("LOCK TABLE t")
            threading.Timer(1, stop.set).start()
            return pairs

        monkeypatch.setattr("voyager_ops.verify.tables.pair_tables", then_lock)
        (first, second) = two.verify(stop=stop).tables
    assert (first.finished, first.equal) == (False, False)
    assert second.equal


def test_a_table_that_grew_since_the_list_was_made(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    two.both("CREATE TABLE t (id int PRIMARY KEY, v int)")
    tables = two.tables()
    two.both("INSERT INTO t SELECT i, i FROM generate_series(1, 5000) i")
    monkeypatch.setattr(scan, "ROWS_PER_RANGE", 500)
    monkeypatch.setattr(ranges, "ROWS_PER_POINT", 10_000)
    (table,) = verify_tables(two.source_side, two.target_side, tables, NameMap()).tables
    assert table.equal
    assert table.ranges > 2


def test_how_much_of_a_table_is_sampled_for_its_ranges() -> None:
    block = 8192
    assert ranges.sampled_percent(2, 0, 9 * block) == 100
    assert ranges.sampled_percent(2, 1e6, 6400 * block) == 1
    assert ranges.sampled_percent(100, 64_000, 6400 * block) == 10
    assert ranges.sampled_percent(4, 1e6, 6400 * block, 32) == 2
    assert ranges.sampled_percent(10_000, 1e12, 6_400_000 * block, 64) == pytest.approx(100 * 20_000 / 6_400_000)
    assert ranges.sampled_percent(4, 1e9, 0) == 0.001  # not all of it where the server knows no size


def test_a_table_that_may_not_be_read(two: Two, source_cluster: Cluster) -> None:
    two.both("CREATE TABLE t (id int PRIMARY KEY)")
    url = source_cluster.create_user("reader_without_rights")
    with psycopg.connect(source_cluster.dsn(), autocommit=True) as connection:
        try:
            limited = Two(two.source, two.target)
            side = type(limited.source_side).from_url(
                url.rsplit("/", 1)[0] + "/" + two.source.name, side=limited.source_side.side, migration="m"
            )
            with pytest.raises(PreconditionError, match=r"may not read table public\.t on the source"):
                verify_tables(side, two.target_side, two.tables(), NameMap())
        finally:
            connection.execute("DROP ROLE reader_without_rights")


def test_reports(two: Two, tmp_path: Path) -> None:
    two.both("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, 'private' FROM generate_series(1, 30) i")
    two.on_target("UPDATE t SET v = 'secret'")
    report = two.verify(position="00AB")
    files = write_reports(report, tmp_path)
    assert [file.suffix for file in files] == [".json", ".txt", ".csv"]
    texts = [file.read_text(encoding="utf-8") for file in files]
    assert not any(word in text for text in texts for word in ("private", "secret"))
    data = json.loads(texts[0])
    assert (data["equal"], data["rows_differing"], data["position"]) == (False, 30, "00AB")
    assert len(data["tables"][0]["differences"]) == 20
    rows = list(csv.DictReader(texts[2].splitlines()))
    assert len(rows) == 30
    assert [rows[0][name] for name in ("table", "kind", "key", "columns")] == ["public.t", "different", '{"id": "1"}', "v"]
    shown = two.verify(detail=Detail(values=True, samples=1)).tables[0].differences[0]
    assert (shown.source, shown.target) == ({"v": "private"}, {"v": "secret"})


class Apply:
    """Stands in for a lane: at each settle, brings over what the source held when it was called."""

    def __init__(self, two: Two, after: str = "") -> None:
        self.two = two
        self.after = after
        self.calls = 0
        self.can = True

    def __call__(self) -> bool:
        self.calls += 1
        if self.calls == 1 or not self.can:
            return self.can  # the one before the first look
        with self.two.source.connect() as source, self.two.target.connect() as target:
            rows = source.execute("SELECT id, v FROM t WHERE id < 100").fetchall()
            for row in rows:
                target.execute("INSERT INTO t VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET v = excluded.v", row)
            target.execute("DELETE FROM t WHERE id < 100 AND id <> ALL (%s)", ([row[0] for row in rows],))
            if self.after:
                source.execute(self.after.encode())
        return True


def test_changes_under_way_are_not_differences(two: Two) -> None:
    two.both("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, i FROM generate_series(1, 200) i")
    two.on_source("UPDATE t SET v = 0 WHERE id < 10; DELETE FROM t WHERE id = 20; INSERT INTO t VALUES (0, 0)")
    two.on_target("UPDATE t SET v = -1 WHERE id = 150; DELETE FROM t WHERE id = 151")
    apply = Apply(two)
    table = two.verify_one(settle=apply)
    assert found(table) == {("different", "150"), ("missing_on_target", "151")}
    assert table.unsettled == 0
    assert apply.calls == 3
    assert table.ranges_differing == 1


def test_a_row_that_never_rests_is_settled_by_what_it_was(two: Two) -> None:
    two.both("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, i FROM generate_series(1, 200) i")
    two.on_source("UPDATE t SET v = 1000 WHERE id = 5")
    assert two.verify_one(settle=Apply(two, "UPDATE t SET v = v + 1 WHERE id = 5")).equal


def test_a_wrong_row_that_never_rests_has_its_turn_when_writers_are_stopped(two: Two) -> None:
    two.both("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, i FROM generate_series(1, 200) i")
    two.on_target("UPDATE t SET v = -1 WHERE id = 150")
    table = two.verify_one(settle=Apply(two, "UPDATE t SET v = v + 1 WHERE id = 150"))
    assert (table.changing, table.unsettled, table.rows_differing, table.equal) == (1, 0, 0, True)
    assert table.differences[0].kind is Kind.CHANGING


def test_a_lag_that_cannot_be_passed_leaves_rows_undecided(two: Two) -> None:
    two.both("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, i FROM generate_series(1, 200) i")
    two.on_source("DELETE FROM t WHERE id = 7")
    apply = Apply(two)
    apply.can = False
    table = two.verify_one(settle=apply)
    assert (table.unsettled, table.equal) == (1, False)


def test_keyless_rows_under_way(two: Two) -> None:
    two.both("CREATE TABLE t (id int, v int); INSERT INTO t SELECT i % 40, 1 FROM generate_series(1, 200) i")
    two.on_source("INSERT INTO t VALUES (1, 1), (2, 2)")
    two.on_target("INSERT INTO t VALUES (3, 1)")
    calls = 0

    def settle() -> bool:
        nonlocal calls
        calls += 1
        if calls == 2:
            two.on_target("INSERT INTO t VALUES (1, 1), (2, 2)")
        return True

    table = two.verify_one(settle=settle)
    assert (table.missing_on_source, table.missing_on_target, table.unsettled) == (1, 0, 0)


@pytest.mark.usefixtures("small")
def test_under_a_running_workload(two: Two) -> None:
    """Writers on the source, a lane of triggers' making that brings their changes over, and one real difference."""
    two.both("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, 0 FROM generate_series(1, 3000) i; ANALYZE t")
    two.on_target("UPDATE t SET v = -1 WHERE id = 2999")
    done, queue_lock, pending = Event(), threading.Lock(), list[tuple[int, int]]()

    def work() -> None:
        with two.source.connect() as connection:
            value = 0
            while not done.is_set():
                value += 1
                key = value * 7919 % 2900 + 1
                with queue_lock:
                    connection.execute("UPDATE t SET v = %s WHERE id = %s", (value, key))
                    pending.append((value, key))

    def drain() -> None:
        with queue_lock:
            changes, pending[:] = list(pending), []
        with two.target.connect() as connection, connection.cursor() as cursor:
            cursor.executemany("UPDATE t SET v = %s WHERE id = %s", changes)

    def lane() -> None:
        while not done.wait(0.02):
            with lane_lock:
                drain()

    def settle() -> bool:
        with lane_lock:
            drain()
        return True

    lane_lock = threading.Lock()
    threads = [threading.Thread(target=run) for run in (work, lane)]
    for thread in threads:
        thread.start()
    try:
        table = two.verify_one(settle=settle)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert found(table) == {("different", "2999")}
