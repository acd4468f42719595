"""Verification of a simulated Oracle against PostgreSQL: every type, keys and multisets, LOBs, rows that change meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Database
from tests.oracle_kit import OWNER, ShopOracle, shop_oracle
from voyager_ops.config import ChangesConfig, SnapshotConfig
from voyager_ops.databases.engines import engine_of
from voyager_ops.databases.oracle import reading
from voyager_ops.databases.postgres import metadata
from voyager_ops.databases.postgres.database import PostgresDatabase
from voyager_ops.errors import PreconditionError
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import Lane, Side
from voyager_ops.model.tables import NameMap, Table
from voyager_ops.snapshot.copy import copy_chunks
from voyager_ops.snapshot.plan import plan_chunks
from voyager_ops.state.store import State
from voyager_ops.testing.postgres import Cluster
from voyager_ops.verify import scan
from voyager_ops.verify.findings import Detail
from voyager_ops.verify.keys import verify_keys
from voyager_ops.verify.report import Kind, TableVerification, VerificationReport
from voyager_ops.verify.tables import verify_tables

SOURCE = (
    "CREATE TABLE WIDE (ID NUMBER(12) PRIMARY KEY, N NUMBER, M NUMBER(12,2), F BINARY_DOUBLE, V VARCHAR2(100), C CHAR(6), D DATE,"
    " T TIMESTAMP(6), Z TIMESTAMP(3) WITH TIME ZONE, R RAW(20), B CLOB, X BLOB)",
    "CREATE TABLE NUMBERED (ID NUMBER(12) PRIMARY KEY, V VARCHAR2(40))",
    "CREATE TABLE WORDED (WORD CHAR(12), AT DATE, V VARCHAR2(40), PRIMARY KEY (WORD, AT))",
    "CREATE TABLE PLAIN (A NUMBER(6), B VARCHAR2(40))",
    "CREATE TABLE DOCS (ID NUMBER(6) PRIMARY KEY, BODY CLOB, DATA BLOB)",
    "CREATE TABLE NOTES (N NUMBER(6), BODY CLOB, DATA BLOB)",
)
TARGET = """
CREATE SCHEMA shop;
CREATE TABLE shop.wide (id bigint PRIMARY KEY, n numeric, m numeric(12,2), f double precision, v varchar(100), c char(6),
    d timestamp(0), t timestamp(6), z timestamptz(3), r bytea, b text, x bytea);
CREATE TABLE shop.numbered (id bigint PRIMARY KEY, v varchar(40));
CREATE TABLE shop.worded (word char(12), at timestamp(0), v varchar(40), PRIMARY KEY (word, at));
CREATE TABLE shop.plain (a integer, b varchar(40));
CREATE TABLE shop.docs (id integer PRIMARY KEY, body text, data bytea);
CREATE TABLE shop.notes (n integer, body text, data bytea);
"""
SMALL = SnapshotConfig(parallelism=2, bins=1, chunk_size=64 << 10)
ROWS = 1500


def fill(oracle: ShopOracle) -> None:
    mask, fine = "'YYYY-MM-DD HH24:MI:SS'", "'YYYY-MM-DD HH24:MI:SS.FF6'"
    with oracle.session() as cursor:
        cursor.executemany(
            f"INSERT INTO WIDE VALUES (:1, TO_NUMBER(:2), :3, :4, :5, :6, TO_DATE(:7, {mask}), TO_TIMESTAMP(:8, {fine}),"
            " TO_TIMESTAMP_TZ(:9, 'YYYY-MM-DD HH24:MI:SS.FF3 TZH:TZM'), :10, :11, :12)",
            [
                (1, "1.50", 7, 0.1, 'a "quoted", (text)\\', "ab", "2020-02-29 23:59:59", "2020-01-01 00:00:00.1",
                 "2020-01-01 00:30:00.5 +05:30", b"\x00\xff", "large\n\ttext", b"\x00\x01"),
                (2, "-0.001", -1.5, -1e-100, "ünï 日本 \U0001f600", "x", "1969-12-31 00:00:00", "9999-12-31 23:59:59.999999",
                 "1970-01-01 00:00:00.0 -08:00", b"", "", b""),
                (3, None, None, None, None, None, None, None, None, None, None, None),
            ],
        )  # fmt: skip
        cursor.executemany("INSERT INTO NUMBERED VALUES (:1, :2)", [(i, f"value {i}") for i in range(ROWS)])
        cursor.executemany(
            "INSERT INTO WORDED VALUES (:1, TO_DATE('2020-01-01', 'YYYY-MM-DD') + :2, 'x')",
            [(f"w {i % 40}", i) for i in range(200)],
        )
        cursor.executemany("INSERT INTO PLAIN VALUES (:1, :2)", [(i % 5, "same" if i % 3 else None) for i in range(300)])
        for table in ("DOCS", "NOTES"):
            cursor.executemany(
                f"INSERT INTO {table} VALUES (:1, :2, :3)",
                [(i, "\U0001f600é, " * (i % 40) or None, b"\x00\xff" * (i % 5) or None) for i in range(120)],
            )
            number = "ID" if table == "DOCS" else "N"
            cursor.execute(f"UPDATE {table} SET BODY = EMPTY_CLOB(), DATA = EMPTY_BLOB() WHERE MOD({number}, 10) = 3")


class Two:
    """Both databases, equal to begin with."""

    def __init__(self, oracle: ShopOracle, target_db: Database, directory: Path) -> None:
        self.oracle, self.target_db = oracle, target_db
        with target_db.connect() as connection:
            connection.execute(TARGET)
        self.target = PostgresDatabase.from_url(target_db.configured, side=Side.TARGET, migration="same")
        with self.target.connect("test") as connection:
            metadata.install(connection)
        self.source = oracle.database("same")
        self.tables = tuple(engine_of(self.source).read_tables(self.source, [OWNER.lower()]))
        context = LaneContext(
            "same", Lane.FORWARD, self.source, self.target, self.tables, NameMap(), State.open("same", directory=directory),
            directory, ChangesConfig(),
        )  # fmt: skip
        plan_chunks(context, SMALL)
        assert copy_chunks(context, SMALL).complete

    def table(self, name: str) -> Table:
        return next(table for table in self.tables if table.name.name == name)

    def on_target(self, *statements: str) -> None:
        with self.target_db.connect() as connection:
            for statement in statements:
                connection.execute(statement)

    def verify(self, **options: Any) -> VerificationReport:
        return verify_tables(self.source, self.target, self.tables, NameMap(), **options)

    def one(self, name: str, **options: Any) -> TableVerification:
        report = verify_tables(self.source, self.target, [self.table(name)], NameMap(), **options)
        return report.tables[0]


@pytest.fixture
def two(source_cluster: Cluster, target_db: Database, tmp_path: Path) -> Iterator[Two]:
    with shop_oracle(source_cluster) as oracle:
        oracle.run(*SOURCE)
        fill(oracle)
        yield Two(oracle, target_db, tmp_path)


def test_equal_databases_are_equal_and_what_differs_is_named(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "ROWS_PER_RANGE", 200)
    report = two.verify()
    assert report.equal, report.verdict
    assert report.method == "md5"
    by_name = {table.table: table for table in report.tables}
    assert by_name["shop.numbered"].compared == "ranges"
    assert by_name["shop.worded"].compared == by_name["shop.plain"].compared == "whole"
    assert by_name["shop.numbered"].rows_source == by_name["shop.numbered"].rows_target == ROWS
    two.on_target(
        "UPDATE shop.wide SET n = 1.500 WHERE id = 1",  # numeric keeps its scale: other text
        "DELETE FROM shop.numbered WHERE id = 0",
        f"UPDATE shop.numbered SET v = v || ' ' WHERE id = {ROWS - 1}",
        "INSERT INTO shop.numbered VALUES (100000, 'extra')",
        "UPDATE shop.worded SET v = NULL WHERE word = 'w 7'",
        "INSERT INTO shop.plain VALUES (1, 'same'), (9, NULL)",
        "DELETE FROM shop.plain WHERE ctid IN (SELECT min(ctid) FROM shop.plain WHERE b IS NULL)",
    )
    found = {table.table: table for table in two.verify(detail=Detail(values=True)).tables}
    wide = found["shop.wide"].differences
    assert [(row.key, row.columns, row.source, row.target) for row in wide] == [
        ({"id": "1"}, ["n"], {"n": "1.5"}, {"n": "1.500"})
    ]
    assert {(row.kind, row.key["id"]) for row in found["shop.numbered"].differences} == {
        (Kind.MISSING_ON_TARGET, "0"),
        (Kind.MISSING_ON_SOURCE, "100000"),
        (Kind.DIFFERENT, str(ROWS - 1)),
    }
    assert found["shop.worded"].different == 5
    plain = found["shop.plain"]
    assert (plain.missing_on_source, plain.missing_on_target) == (2, 1)


COLUMNS = {
    "n": "n + 0.0001", "m": "m + 0.01", "f": "f + 1e-9", "v": "v || '!'", "c": "'other'", "d": "d + interval '1 s'",
    "t": "t - interval '1 us'", "z": "z + interval '1 ms'", "r": "r || '\\x00'", "b": "b || ' '", "x": "x || '\\x00'",
}  # fmt: skip


def test_the_smallest_change_of_every_type_is_seen(two: Two) -> None:
    for column, expression in COLUMNS.items():
        with two.target_db.connect() as connection, connection.transaction(force_rollback=False):
            connection.execute(f"UPDATE shop.wide SET {column} = {expression} WHERE id = 1")
        table = two.one("wide")
        assert [(row.kind, row.columns) for row in table.differences] == [(Kind.DIFFERENT, [column])], column
        two.on_target("DELETE FROM shop.wide WHERE id = 1")
        assert two.one("wide").missing_on_target == 1
        break_and_mend(two)
    two.on_target("UPDATE shop.wide SET v = '' WHERE id = 3")  # NULL is not ''
    assert two.one("wide").different == 1


def break_and_mend(two: Two) -> None:
    """The row copied again, as one key."""
    fetcher = engine_of(two.source).key_fetcher(two.source)
    _, _, row = fetcher.fetch(two.table("wide"), [b"1"])
    fetcher.close()
    assert row is not None
    with two.target_db.connect() as connection:
        connection.execute(f"INSERT INTO shop.wide VALUES ({', '.join(['%s'] * len(row))})", list(row))
    assert two.one("wide").equal


def test_given_keys_only(two: Two) -> None:
    two.on_target("UPDATE shop.worded SET v = 'y' WHERE at < '2020-01-03'", "DELETE FROM shop.numbered WHERE id = 5")
    keys = [
        (b"w 0         ", b"2020-01-01 00:00:00"),
        (b"w 5         ", b"2020-01-06 00:00:00"),
        (b"nowhere", b"2020-01-01 00:00:00"),
    ]
    table = verify_keys(two.source, two.target, two.table("worded"), NameMap(), keys)
    assert (table.different, table.missing_on_target, table.missing_on_source) == (1, 0, 0)
    table = verify_keys(two.source, two.target, two.table("numbered"), NameMap(), [(str(i).encode(),) for i in range(250)])
    assert (table.different, table.missing_on_target) == (0, 1)


def test_a_row_that_changes_meanwhile_is_looked_at_again(two: Two) -> None:
    two.oracle.run("UPDATE NUMBERED SET V = 'later' WHERE ID IN (3, 4)")
    settled = threading.Event()

    def settle() -> bool:
        """The lag passes: one of the two changes arrives."""
        two.on_target("UPDATE shop.numbered SET v = 'later' WHERE id = 3")
        settled.set()
        return True

    table = two.one("numbered", settle=settle)
    assert settled.is_set()
    assert [row.key["id"] for row in table.differences] == ["4"]


@pytest.mark.parametrize("limit", [50, reading.INLINE_LOBS])
def test_small_and_large_lobs_in_one_table(two: Two, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    monkeypatch.setattr(reading, "INLINE_LOBS", limit)
    for name, key in (("docs", "id"), ("notes", "n")):
        table = two.one(name)
        assert table.equal
        assert table.rows_source == table.rows_target == 120
        two.on_target(
            f"UPDATE shop.{name} SET body = NULL WHERE {key} = 3",  # was empty
            f"UPDATE shop.{name} SET data = '' WHERE {key} = 0",  # was NULL
            f"UPDATE shop.{name} SET body = body || '.' WHERE {key} IN (2, 39)",  # a short one, a long one
            f"UPDATE shop.{name} SET data = data || '\\x00' WHERE {key} = 38",
        )
        table = two.one(name)
        if name == "docs":
            assert {(row.key["id"], *row.columns) for row in table.differences} == {
                ("3", "body"), ("0", "data"), ("2", "body"), ("39", "body"), ("38", "data"),
            }  # fmt: skip
        else:
            assert (table.missing_on_source, table.missing_on_target) == (5, 5)
    keys = [(str(number).encode(),) for number in range(120)]
    assert verify_keys(two.source, two.target, two.table("docs"), NameMap(), keys).different == 5


def test_many_differences_stay_within_bounds(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "PULL_ROWS", 50)
    monkeypatch.setattr(scan, "ROWS_PER_BUCKET", 4)
    two.on_target("UPDATE shop.numbered SET v = v || '?' WHERE id % 2 = 0")
    table = two.one("numbered", max_differences=200)
    assert table.more
    assert table.different == 200


def test_a_table_that_may_not_be_read_says_so(two: Two) -> None:
    two.oracle.admin("REVOKE SELECT ANY TABLE FROM MOVER")
    with pytest.raises(PreconditionError, match=r"may not read table shop\.plain on the source"):
        two.one("plain")
