"""The snapshot of a simulated Oracle: chunks as of their own SCN, one SCN for what cannot be cut, LOBs, and undo that is gone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import oracledb
import pytest

from tests.conftest import Database
from tests.oracle_kit import OWNER, ShopOracle, shop_oracle
from voyager_ops import failpoints
from voyager_ops.config import ChangesConfig, SnapshotConfig
from voyager_ops.databases.engines import engine_of
from voyager_ops.databases.oracle import reading
from voyager_ops.databases.postgres import metadata
from voyager_ops.databases.postgres.database import PostgresDatabase
from voyager_ops.errors import RetryableError, VoyagerOpsError
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import Lane, Side
from voyager_ops.model.results import silent
from voyager_ops.model.tables import NameMap
from voyager_ops.snapshot.copy import copy_chunks
from voyager_ops.snapshot.done import snapshot_complete
from voyager_ops.snapshot.filter import SnapshotFilter
from voyager_ops.snapshot.plan import load_plan, plan_chunks
from voyager_ops.state.store import State
from voyager_ops.testing.oracle.wire_faults import CallKind
from voyager_ops.testing.postgres import Cluster

SOURCE = (
    "CREATE TABLE NUMBERED (ID NUMBER(12) PRIMARY KEY, V VARCHAR2(60), N NUMBER, D DATE, T TIMESTAMP(9), R RAW(20),"
    " F BINARY_DOUBLE)",
    "CREATE TABLE PAIRED (A NUMBER(6) NOT NULL, B DATE NOT NULL, V VARCHAR2(20), PRIMARY KEY (A, B))",
    "CREATE TABLE WORDED (WORD VARCHAR2(40) PRIMARY KEY, C CHAR(8))",
    "CREATE TABLE PLAIN (A NUMBER(6), B VARCHAR2(40))",
    "CREATE TABLE DOCS (ID NUMBER(10) PRIMARY KEY, BODY CLOB, DATA BLOB)",
    "CREATE TABLE NOTES (N NUMBER(6), BODY CLOB, DATA BLOB)",
    "CREATE TABLE NOTHING (ID NUMBER(10) PRIMARY KEY)",
)
TARGET = """
CREATE SCHEMA shop;
CREATE TABLE shop.numbered (
    id bigint PRIMARY KEY, v varchar(60), n numeric, d timestamp(0), t timestamp(6), r bytea, f double precision
);
CREATE TABLE shop.paired (a integer NOT NULL, b timestamp(0) NOT NULL, v varchar(20), PRIMARY KEY (a, b));
CREATE TABLE shop.worded (word varchar(40) PRIMARY KEY, c char(8));
CREATE TABLE shop.plain (a integer, b varchar(40));
CREATE TABLE shop.docs (id bigint PRIMARY KEY, body text, data bytea);
CREATE TABLE shop.notes (n integer, body text, data bytea);
CREATE TABLE shop.nothing (id bigint PRIMARY KEY);
"""
ROWS = 3000
NOTES = 200
SMALL = SnapshotConfig(parallelism=3, bins=3, chunk_size=16 << 10)


def note(number: int) -> tuple[str | None, bytes | None]:
    """The LOBs of a row: NULL, empty, and from a few characters to some thousand."""
    if number % 10 == 3:
        return "", b""
    body = None if number % 10 == 4 else f"nöte \U0001f600 {number}\t\\" * (number % 20 * 5)
    return body or None, b"\x00\\\n" * (number % 7) or None


@pytest.fixture
def oracle(source_cluster: Cluster) -> Iterator[ShopOracle]:
    with shop_oracle(source_cluster) as made:
        made.run(*SOURCE)
        with made.session() as cursor:
            cursor.executemany(
                "INSERT INTO NUMBERED VALUES (:1, :2, TO_NUMBER(:3), TO_DATE('2020-02-29', 'YYYY-MM-DD') + :4,"
                " TO_TIMESTAMP('2020-01-01 00:00:00.123456789', 'YYYY-MM-DD HH24:MI:SS.FF9'), :5, :6)",
                [(i, f"välue\t{i}\\n", f"{i}.5", i, b"\x00\xff", 0.1 * i) for i in range(1, ROWS + 1)],
            )
            cursor.executemany(
                "INSERT INTO PAIRED VALUES (:1, TO_DATE('1999-12-31', 'YYYY-MM-DD') + :2, 'x')",
                [(i // 50, i) for i in range(500)],
            )
            cursor.executemany("INSERT INTO WORDED VALUES (:1, 'ab')", [(f"word {i}",) for i in range(300)])
            cursor.executemany("INSERT INTO PLAIN VALUES (:1, :2)", [(i % 7, "same" if i % 3 else None) for i in range(1000)])
            cursor.executemany(
                "INSERT INTO DOCS VALUES (:1, :2, :3)", [(i, f"bödy {i}\n\t\\ " * i, b"\x00\\\xff" * i) for i in range(1, 31)]
            )
            cursor.execute("INSERT INTO DOCS VALUES (0, NULL, NULL)")
            cursor.executemany("INSERT INTO NOTES VALUES (:1, :2, :3)", [(i, *note(i)) for i in range(NOTES)])
            cursor.execute("UPDATE NOTES SET BODY = EMPTY_CLOB(), DATA = EMPTY_BLOB() WHERE MOD(N, 10) = 3")
        yield made


@pytest.fixture
def context(oracle: ShopOracle, target_db: Database, tmp_path: Path) -> LaneContext:
    with target_db.connect() as connection:
        connection.execute(TARGET)
    target = PostgresDatabase.from_url(target_db.configured, side=Side.TARGET, migration="snap")
    with target.connect("test") as connection:
        metadata.install(connection)
    source = oracle.database("snap")
    tables = tuple(engine_of(source).read_tables(source, [OWNER.lower()]))
    state = State.open("snap", directory=tmp_path)
    return LaneContext("snap", Lane.FORWARD, source, target, tables, NameMap(), state, tmp_path, ChangesConfig())


def count(database: Database, table: str) -> int:
    with database.connect() as connection:
        row = connection.execute(f"SELECT count(*) FROM shop.{table}").fetchone()
    assert row is not None
    return int(row[0])


COUNTS = {"numbered": ROWS, "paired": 500, "worded": 300, "plain": 1000, "docs": 31, "notes": NOTES, "nothing": 0}


def test_everything_arrives_whole(context: LaneContext, target_db: Database) -> None:
    plan = plan_chunks(context, SMALL)
    kinds = {chunk.table.name: {other.kind for other in plan if other.table == chunk.table} for chunk in plan}
    assert kinds["numbered"] == kinds["paired"] == kinds["docs"] == kinds["nothing"] == {"key"}
    assert kinds["worded"] <= {"whole", "ctid"}
    assert kinds["plain"] <= {"whole", "ctid"}
    assert copy_chunks(context, SMALL).complete
    assert snapshot_complete(context)
    assert {name: count(target_db, name) for name in COUNTS} == COUNTS
    with target_db.connect() as connection:
        row = connection.execute("SELECT v, n::text, d::text, t::text, r, f FROM shop.numbered WHERE id = 7").fetchone()
        assert row == ("välue\t7\\n", "7.5", "2020-03-07 00:00:00", "2020-01-01 00:00:00.123456", b"\x00\xff", 0.1 * 7)
        assert connection.execute("SELECT body, data FROM shop.docs WHERE id = 30").fetchone() == (
            "bödy 30\n\t\\ " * 30,
            b"\x00\\\xff" * 30,
        )
        assert connection.execute("SELECT body, data FROM shop.docs WHERE id = 0").fetchone() == (None, None)
        snapshots = connection.execute("SELECT table_name, snapshot, wal_position FROM voyager_ops.chunk WHERE kind <> 'group'")
        for table, snapshot, position in snapshots.fetchall():
            seen = int(snapshot.partition(":")[0])
            assert snapshot == f"{seen}:{seen}:"
            assert int(position, 16) == ((seen - (table in ("shop.plain", "shop.notes"))) << 16) + 0xFFFF


def test_an_index_organized_table_is_not_cut_by_row_ids(oracle: ShopOracle, context: LaneContext) -> None:
    """Its row ids hold the key and a guess: Oracle knows no range of them."""
    oracle.run("CREATE TABLE INDEXED (WORD VARCHAR2(40) PRIMARY KEY, V VARCHAR2(40)) ORGANIZATION INDEX")
    with oracle.session() as cursor:
        cursor.executemany("INSERT INTO INDEXED VALUES (:1, 'x')", [(f"word {i}",) for i in range(300)])
    source = context.capture_db
    leaves = {t.name.name: t.leaves[0] for t in engine_of(source).read_tables(source, [OWNER.lower()])}
    with engine_of(source).splitter(source) as splitter:
        assert splitter.place_points(leaves["indexed"], 4) == []
        assert any(splitter.place_points(leaves["worded"], 4) for _ in range(20))  # a sample of few blocks may be of none


def test_what_is_written_meanwhile_is_seen_by_the_chunks_that_come_after(
    oracle: ShopOracle, context: LaneContext, target_db: Database
) -> None:
    plan = plan_chunks(context, SMALL)
    assert copy_chunks(context, SMALL, bin=plan[0].bin).complete
    before = count(target_db, "paired") + count(target_db, "numbered")
    oracle.run("UPDATE NUMBERED SET V = 'later'", "UPDATE PAIRED SET V = 'later'")
    assert copy_chunks(context, SMALL).complete
    with target_db.connect() as connection:
        later = connection.execute(
            "SELECT (SELECT count(*) FROM shop.numbered WHERE v = 'later') + (SELECT count(*) FROM shop.paired WHERE v = 'later')"
        ).fetchone()
    assert later is not None
    assert later[0] == ROWS + 500 - before


def test_a_group_is_of_one_moment_whatever_is_written(oracle: ShopOracle, context: LaneContext, target_db: Database) -> None:
    plan_chunks(context, SnapshotConfig(parallelism=1, bins=1, chunk_size=4 << 10))
    groups = {chunk.group_id for chunk in load_plan(context.state) if chunk.kind == "ctid"}
    assert groups, "no table was cut by row ids"
    over = threading.Event()

    def write() -> None:
        with oracle.session() as cursor:
            number = 0
            while not over.is_set():
                number += 1
                cursor.execute("UPDATE PLAIN SET B = :1 WHERE A = :2", [f"round {number}", number % 7])
                cursor.connection.commit()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert copy_chunks(context, SMALL).complete
    finally:
        over.set()
        writer.join()
    assert count(target_db, "plain") == 1000
    with target_db.connect() as connection:
        rows = connection.execute(
            "SELECT count(DISTINCT snapshot) FROM voyager_ops.chunk WHERE table_name = 'shop.plain'"
        ).fetchone()
        torn = connection.execute(
            "SELECT a, count(DISTINCT b) FROM shop.plain WHERE b LIKE 'round%' GROUP BY a HAVING count(DISTINCT b) > 1"
        )
        assert rows == (1,)
        assert torn.fetchall() == []


@pytest.mark.parametrize("code", [1555, 8180, 1466])
def test_what_fails_amid_a_table_is_copied_again_at_a_later_moment(
    oracle: ShopOracle, context: LaneContext, target_db: Database, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """When some of its rows have been read: a piece by key, a table in pieces of one moment, and rows whose LOBs are large."""
    faults = oracle.source.simulator.wire_faults
    monkeypatch.setattr("voyager_ops.snapshot.copy.BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr(reading, "BATCH_ROWS", (10, 10))
    monkeypatch.setattr(reading, "LOB_ROWS", 10)
    monkeypatch.setattr(reading, "INLINE_LOBS", 1)
    columns = {"NUMBERED": "V", "PLAIN": "B", "NOTES": "BODY"}
    orders = [
        faults.raise_error(code, matching=rf'FROM "SHOP"."{name}" AS OF SCN {rest}', kinds=[CallKind.FETCH], at_call=2)
        for name, rest in zip(columns, ("", "", ".* > 1"), strict=True)
    ]
    later: dict[str, int] = {}
    failed = reading.failed

    def written_meanwhile(error: oracledb.Error, what: str) -> VoyagerOpsError:
        name = what.split()[1].rpartition(".")[2].upper()
        with oracle.session() as cursor:
            cursor.execute(f"UPDATE {name} SET {columns[name]} = 'later'")
            cursor.connection.commit()
        later[name] = int(oracle.ours("SELECT CURRENT_SCN FROM V$DATABASE")[0][0])
        made = failed(error, what)
        assert isinstance(made, RetryableError), made
        return made

    monkeypatch.setattr(reading, "failed", written_meanwhile)
    plan_chunks(context, SMALL)
    assert copy_chunks(context, SMALL).complete
    assert [order.fired for order in orders] == [1, 1, 1]
    assert later.keys() == columns.keys()
    assert {name: count(target_db, name) for name in COUNTS} == COUNTS
    for name, scn in later.items():
        table, column = name.lower(), columns[name].lower()
        with target_db.connect() as connection:
            ((seen,),) = connection.execute(f"SELECT count(*) FROM shop.{table} WHERE {column} = 'later'").fetchall()
            chunks = connection.execute(
                "SELECT rows, wal_position FROM voyager_ops.chunk WHERE table_name = %s AND kind <> 'group'", (f"shop.{table}",)
            ).fetchall()
        assert seen == sum(rows for rows, position in chunks if int(position, 16) >> 16 >= scn) > 0


def test_the_server_itself_says_that_undo_is_gone(
    oracle: ShopOracle, context: LaneContext, target_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the moment and the reading somebody commits, and the server lets go of the moment."""
    redo = oracle.source.simulator.redo
    monkeypatch.setattr("voyager_ops.snapshot.copy.BACKOFF_SECONDS", 0.01)
    plan_chunks(context, SMALL)
    real, moments = reading.current_scn, iter(range(2))

    def and_gone(connection: oracledb.Connection) -> int:
        scn = real(connection)
        if next(moments, None) is not None:
            oracle.run("UPDATE PAIRED SET V = V || '!'")
            redo.flashback.drop()
        return scn

    said: list[str] = []
    failed = reading.failed

    def noted(error: oracledb.Error, what: str) -> Exception:
        said.append(str(error))
        return failed(error, what)

    monkeypatch.setattr(reading, "current_scn", and_gone)
    monkeypatch.setattr(reading, "failed", noted)
    assert copy_chunks(context, SMALL).complete
    assert {name: count(target_db, name) for name in COUNTS} == COUNTS
    assert any("ORA-01555" in text for text in said)


def _driver_error(code: int) -> Exception:
    class Details:
        full_code = f"ORA-{code:05d}"
        message = f"ORA-{code:05d}: snapshot too old"

    return oracledb.DatabaseError(Details())


def test_a_chunk_that_keeps_failing_says_what_helps(context: LaneContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voyager_ops.snapshot.copy.BACKOFF_SECONDS", 0.0)
    plan_chunks(context, SMALL)

    def gone(_connection: object) -> int:
        raise _driver_error(1555)

    monkeypatch.setattr(reading, "current_scn", gone)
    with pytest.raises(RetryableError, match="UNDO_RETENTION"):
        copy_chunks(context, SMALL)


def test_a_large_lob_goes_through_in_pieces(
    oracle: ShopOracle, context: LaneContext, target_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "INLINE_LOBS", 1000)
    monkeypatch.setattr(reading, "LOB_PIECE", 1000)
    monkeypatch.setattr(reading, "OUT_BYTES", 4096)
    text = "aé\U0001f600\\\t\n" * 3001
    oracle.run("DELETE FROM DOCS")
    with oracle.session() as cursor:
        cursor.execute("INSERT INTO DOCS VALUES (1, :1, :2)", [text, b"\x00\\\n\xff" * 2500])
        cursor.execute("INSERT INTO DOCS VALUES (2, EMPTY_CLOB(), EMPTY_BLOB())")
    plan_chunks(context, SMALL)
    assert copy_chunks(context, SMALL).complete
    with target_db.connect() as connection:
        assert connection.execute("SELECT body, data FROM shop.docs ORDER BY id").fetchall() == [
            (text, b"\x00\\\n\xff" * 2500),
            ("", b""),
        ]


@pytest.mark.parametrize("limit", [100, reading.INLINE_LOBS])
def test_rows_with_small_and_large_lobs_arrive_whole(
    context: LaneContext, target_db: Database, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """Without a key, in pieces by row ids: of rows by value and of rows by locators."""
    monkeypatch.setattr(reading, "INLINE_LOBS", limit)
    plan_chunks(context, SnapshotConfig(parallelism=1, bins=1, chunk_size=4 << 10))
    assert sum(chunk.table.name == "notes" and chunk.kind == "ctid" for chunk in load_plan(context.state)) > 1
    assert copy_chunks(context, SMALL).complete
    with target_db.connect() as connection:
        rows = connection.execute("SELECT n, body, data FROM shop.notes ORDER BY n").fetchall()
        (moments,) = connection.execute(
            "SELECT count(DISTINCT snapshot) FROM voyager_ops.chunk WHERE table_name = 'shop.notes'"
        ).fetchall()
    assert rows == [(number, *note(number)) for number in range(NOTES)]
    assert moments == (1,)


def test_one_key_is_fetched_again(oracle: ShopOracle, context: LaneContext, target_db: Database) -> None:
    plan_chunks(context, SMALL)
    assert copy_chunks(context, SMALL).complete
    oracle.run("UPDATE DOCS SET BODY = 'later' WHERE ID = 7", "DELETE FROM DOCS WHERE ID = 8")
    table = next(table for table in context.tables if table.name.name == "docs")
    fetcher = engine_of(context.capture_db).key_fetcher(context.capture_db)
    with context.apply_db.connect("test") as target:
        chosen = SnapshotFilter.load(target, context)
        with target.transaction():
            assert chosen.fetch_key(fetcher, target, table, [b"7"])
            assert not chosen.fetch_key(fetcher, target, table, [b"8"])
    fetcher.close()
    with target_db.connect() as connection:
        assert connection.execute("SELECT body FROM shop.docs WHERE id IN (7, 8)").fetchall() == [("later",)]


def test_a_crash_between_load_and_commit_is_copied_again(context: LaneContext, target_db: Database) -> None:
    plan_chunks(context, SMALL)
    failpoints.configure("snapshot.chunk.before_commit=error")
    try:
        with pytest.raises(failpoints.FailpointError):
            copy_chunks(context, SMALL)
    finally:
        failpoints.configure("")
    assert not snapshot_complete(context)
    assert copy_chunks(context, SMALL).complete
    assert {name: count(target_db, name) for name in COUNTS} == COUNTS


def test_the_first_chunk_waits_for_transactions_that_were_open(oracle: ShopOracle, context: LaneContext) -> None:
    connection = oracle.connect()
    connection.cursor().execute("UPDATE PLAIN SET B = 'open' WHERE A = 1")
    said: list[str] = []
    done = threading.Event()

    def wait() -> None:
        engine_of(context.capture_db).wait_for_old_transactions(
            context, threading.Event(), lambda progress: said.append(progress.message)
        )
        done.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert not done.wait(1.5)
    assert said
    assert "1 transaction(s)" in said[0]
    connection.rollback()
    connection.close()
    assert done.wait(10)
    waiting.join()
    engine_of(context.capture_db).wait_for_old_transactions(context, threading.Event(), silent)
