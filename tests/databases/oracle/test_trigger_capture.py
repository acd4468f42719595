"""Capture by triggers on a simulated Oracle: every change once, whole states only, and nothing left behind."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import oracledb
import pytest

from tests.conftest import Database
from tests.databases.oracle.capture_kit import (
    Oracle,
    actual,
    capturing,
    context_of,
    replayed,
    transactions,
    wait_for_marker,
)
from voyager_ops.databases.engines import engine_of
from voyager_ops.databases.oracle import gathering, trigger_capture
from voyager_ops.databases.oracle.triggers import claims, reading
from voyager_ops.errors import PreconditionError
from voyager_ops.failpoints import hit
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.changes import DELETE, INSERT, UPDATE

T = "CREATE TABLE T (ID NUMBER(10) PRIMARY KEY, NAME VARCHAR2(50), C CHAR(5), AT TIMESTAMP(6))"
D = "CREATE TABLE D (ID NUMBER(10) PRIMARY KEY, BODY CLOB, DATA BLOB, N NUMBER)"
TYPES = (
    "CREATE TABLE V (A VARCHAR2(20), B NUMBER(5), NU NUMBER, FL FLOAT, BF BINARY_FLOAT, BD BINARY_DOUBLE, NV NVARCHAR2(20),"
    " NC NCHAR(4), RA RAW(20), DA DATE, TZ TIMESTAMP(6) WITH TIME ZONE, LT TIMESTAMP(3) WITH LOCAL TIME ZONE,"
    " YM INTERVAL YEAR(3) TO MONTH, DS INTERVAL DAY(3) TO SECOND(6), PRIMARY KEY (A, B))"
)


def triggers(oracle: Oracle, target: Database, directory: Path) -> LaneContext:
    return context_of(oracle, target, directory, capture="triggers")


def left(oracle: Oracle) -> list[tuple[object, ...]]:
    """What of ours is there for capture by triggers."""
    return oracle.rows(
        "SELECT OBJECT_TYPE, OBJECT_NAME FROM ALL_OBJECTS WHERE OBJECT_NAME LIKE 'VOYAGER_OPS_%'"
        " AND OBJECT_NAME NOT LIKE 'VOYAGER_OPS_MARKER%' AND OBJECT_NAME <> 'VOYAGER_OPS_FLUSH'"
    )


def test_every_kind_of_change(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    oracle.many(T, D, TYPES)
    context = triggers(oracle, target_db, tmp_path)
    with capturing(context) as running:
        oracle.many(
            "INSERT INTO T VALUES (1, 'é€', 'ab', TIMESTAMP '2020-02-29 10:00:00.123456')",
            "INSERT INTO T VALUES (2, NULL, NULL, NULL)",
            "UPDATE T SET NAME = 'two' WHERE ID = 2",
            "UPDATE T SET ID = ID + 10",
            "INSERT INTO T VALUES (3, 'gone', 'x', NULL)",
            "DELETE FROM T WHERE ID = 3",
        )
        oracle.many(
            "INSERT INTO D VALUES (1, 'text', HEXTORAW('00FF'), 1)",
            "INSERT INTO D VALUES (2, EMPTY_CLOB(), NULL, 2)",
            "INSERT INTO D VALUES (3, 'three', NULL, 3)",
        )
        oracle.many(
            "UPDATE D SET N = 7 WHERE ID = 1", "UPDATE D SET BODY = NULL, ID = 4 WHERE ID = 3", "DELETE FROM D WHERE ID = 2"
        )
        oracle.many(
            "INSERT INTO V VALUES ('k', 1, 12345678901234567890.5, 1.5, 1.5, 2.25, 'nv', 'nc', HEXTORAW('AB'),"
            " DATE '1970-01-02', TIMESTAMP '2020-01-01 00:00:00.5 +02:00', TIMESTAMP '2020-01-01 00:00:00 +01:00',"
            " INTERVAL '1-2' YEAR TO MONTH, INTERVAL '1 02:03:04.5' DAY TO SECOND)",
            "INSERT INTO V (A, B) VALUES ('k', 2)",
            "UPDATE V SET B = 3, NU = -0.001 WHERE B = 2",
        )
        wait_for_marker(context, running)
    for name in ("t", "d", "v"):
        assert replayed(context, name) == actual(context, name)
    assert len(replayed(context, "t")) == 2


def test_what_is_rolled_back_is_not_there(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    oracle.many(T)
    context = triggers(oracle, target_db, tmp_path)
    with capturing(context) as running:
        oracle.execute("INSERT INTO T (ID) VALUES (1)")
        oracle.execute("SAVEPOINT S")
        oracle.execute("INSERT INTO T (ID) VALUES (2)")
        oracle.execute("UPDATE T SET NAME = 'no' WHERE ID = 1")
        oracle.execute("ROLLBACK TO S")
        oracle.execute("UPDATE T SET NAME = 'yes' WHERE ID = 1")
        oracle.commit()
        oracle.execute("INSERT INTO T (ID) VALUES (3)")
        oracle.rollback()
        with pytest.raises(oracledb.DatabaseError, match="ORA-00001"):
            oracle.execute("INSERT INTO T (ID) VALUES (1)")
        oracle.commit()
        wait_for_marker(context, running)
    changes = [change for _, _, changes in transactions(context) for change in changes]
    assert [change.op for change in changes] == [INSERT, UPDATE]
    assert replayed(context, "t") == actual(context, "t")


def test_an_open_transaction_waits_and_comes_whole(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    """Also when its numbers are among those of a batch that is claimed meanwhile."""
    oracle.many(T)
    context = triggers(oracle, target_db, tmp_path)
    with capturing(context) as running:
        oracle.many("INSERT INTO T (ID) VALUES (1)")
        oracle.execute("INSERT INTO T (ID) VALUES (100)", session="long")
        oracle.many("INSERT INTO T (ID) VALUES (2)")
        wait_for_marker(context, running)
        assert set(replayed(context, "t")) == {(b"1",), (b"2",)}
        oracle.execute("UPDATE T SET ID = 101 WHERE ID = 100", session="long")
        oracle.commit("long")
        wait_for_marker(context, running)
    assert replayed(context, "t") == actual(context, "t")
    last = transactions(context)[-1]
    assert [change.op for change in last[2]] == [INSERT, UPDATE]


def test_every_prefix_is_a_state_the_source_had(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    """Writers move amounts between rows: the sum never changes, in no state that a reader of the target can see."""
    oracle.many("CREATE TABLE A (ID NUMBER(6) PRIMARY KEY, N NUMBER(10))")
    context = triggers(oracle, target_db, tmp_path)
    with capturing(context) as running:
        oracle.many(*(f"INSERT INTO A VALUES ({i}, 100)" for i in range(10)))
        wait_for_marker(context, running)

        enough = threading.Event()
        failed: list[BaseException] = []

        def write(seed: int) -> None:
            try:
                moves(random.Random(seed), seed)
            except oracledb.Error as error:
                failed.append(error)

        def moves(chance: random.Random, seed: int) -> None:
            while not enough.is_set():
                one, other = sorted(chance.sample(range(10), 2))
                oracle.execute(f"UPDATE A SET N = N - 7 WHERE ID = {one}", session=f"w{seed}")
                oracle.execute(f"UPDATE A SET N = N + 7 WHERE ID = {other}", session=f"w{seed}")
                time.sleep(0.02)
                oracle.rollback(f"w{seed}") if chance.random() < 0.2 else oracle.commit(f"w{seed}")

        for seed in range(3):
            oracle.session(f"w{seed}")
        writers = [threading.Thread(target=write, args=(seed,)) for seed in range(3)]
        for writer in writers:
            writer.start()
        # Until there is something to look at, however slow the machine is; each look at the source makes one state of it.
        deadline = time.monotonic() + 120
        while len(transactions(context)) < 6 and not failed and time.monotonic() < deadline:
            time.sleep(0.1)
        enough.set()
        for writer in writers:
            writer.join()
        assert not failed
        wait_for_marker(context, running, 120)
    rows: dict[bytes, int] = {}
    states = 0
    for _, _, changes in transactions(context):
        for change in changes:
            assert change.op != DELETE
            rows[change.new[0]] = int(change.new[1])
        states += 1
        assert sum(rows.values()) == 1000
    assert states > 5
    assert replayed(context, "a") == actual(context, "a")


def test_what_nobody_captured_is_left_behind(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    oracle.many(T)
    context = triggers(oracle, target_db, tmp_path)
    with capturing(context) as running:
        oracle.many("INSERT INTO T (ID) VALUES (1)")
        wait_for_marker(context, running)
    oracle.many("INSERT INTO T (ID) VALUES (2)", "INSERT INTO T (ID) VALUES (3)")
    assert [str(name) for name in engine_of(context.capture_db).left_behind(context)] == ["hr.t", "hr.t"]


# -- undo that is gone, batches that are large ---------------------------------------------------------------------------------
def test_large_values_whose_moment_is_gone(
    oracle: Oracle, target_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of now are taken (ORA-01555): what they say is still to come as a change of its own."""
    redo = oracle.redo
    oracle.many(D)
    context = triggers(oracle, target_db, tmp_path)
    lost: list[str] = []

    def too_old(point: str) -> None:
        if point == reading.BEFORE_LARGE and not lost:
            lost.append(point)
            oracle.many(
                "UPDATE D SET BODY = 'later' WHERE ID = 1", "DELETE FROM D WHERE ID = 2", "UPDATE D SET ID = 30 WHERE ID = 3"
            )
            redo.flashback.drop()
        hit(point)

    monkeypatch.setattr(reading, "hit", too_old)
    with capturing(context) as running:
        oracle.many(
            *(
                f"INSERT INTO D (ID, BODY, DATA) VALUES ({number}, 'text {number}', HEXTORAW('0{number}'))"
                for number in range(1, 5)
            )
        )
        wait_for_marker(context, running)
        assert lost
        wait_for_marker(context, running)
    assert replayed(context, "d") == actual(context, "d")
    assert set(replayed(context, "d")) == {(b"1",), (b"30",), (b"4",)}


def test_a_claim_whose_moment_is_gone_is_tried_again(
    oracle: Oracle, target_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changes that committed since stand among those of the batch, which must be named one by one as of its moment."""
    redo = oracle.redo
    oracle.many(T)
    context = triggers(oracle, target_db, tmp_path)
    oracle.session("long")
    lost: list[str] = []

    def too_old(point: str) -> None:
        if point == claims.BEFORE_CLAIM and not lost and oracle.rows("SELECT 1 FROM T WHERE ID = 3"):
            lost.append(point)
            oracle.commit("long")
            redo.flashback.drop()
        hit(point)

    monkeypatch.setattr(claims, "hit", too_old)
    with capturing(context) as running:
        oracle.execute("INSERT INTO T (ID) VALUES (1)", session="b")
        oracle.execute("INSERT INTO T (ID) VALUES (2)", session="long")
        oracle.execute("INSERT INTO T (ID) VALUES (3)", session="b")
        oracle.commit("b")
        wait_for_marker(context, running, 60)
        wait_for_marker(context, running, 60)  # one that is younger than the other transaction's commit
    assert lost
    assert replayed(context, "t") == actual(context, "t")
    assert len(replayed(context, "t")) == 3


def test_a_large_batch_goes_through_a_file(
    oracle: Oracle, target_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is marked in pieces where another transaction's changes stand among its own."""
    oracle.many("CREATE TABLE W (ID NUMBER(10) PRIMARY KEY, NAME VARCHAR2(2000))")
    context = triggers(oracle, target_db, tmp_path)
    memory = 64 << 10
    files: list[tuple[Path, int, int]] = []
    marked: list[str] = []
    monkeypatch.setattr(gathering, "MEMORY", memory)
    monkeypatch.setattr(claims, "MARKED_AT_ONCE", 300)

    spilled_blocks = gathering.spilled_blocks

    def blocks(file: BinaryIO, path: Path, parts: list[bytes]) -> Iterator[bytes]:
        files.append((path, path.stat().st_size, sum(map(len, parts))))
        return spilled_blocks(file, path, parts)

    def seen(point: str) -> None:
        if point == claims.BEFORE_CLAIM and not marked and oracle.rows("SELECT 1 FROM W WHERE ID = 999"):
            marked.append(point)
            oracle.commit("long")
        hit(point)

    monkeypatch.setattr(gathering, "spilled_blocks", blocks)
    monkeypatch.setattr(claims, "hit", seen)
    with capturing(context) as running:
        with oracle.session("b").cursor() as cursor:
            cursor.executemany("INSERT INTO W VALUES (:1, :2)", [(number, f"{number}" * 200) for number in range(500)])
            oracle.execute("INSERT INTO W VALUES (5000, 'long')", session="long")
            cursor.executemany("INSERT INTO W VALUES (:1, :2)", [(number, f"{number}" * 200) for number in range(500, 1000)])
        oracle.commit("b")
        wait_for_marker(context, running, 60)
        wait_for_marker(context, running, 60)  # one that is younger than the other transaction's commit
    assert marked
    (path, size, rest), *_ = files
    assert size > 4 * memory > 4 * rest
    assert not path.exists()
    assert replayed(context, "w") == actual(context, "w")
    assert len(replayed(context, "w")) == 1001


def test_what_cannot_be_captured_is_refused(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    oracle.many("CREATE TABLE K (A NUMBER)")
    with pytest.raises(PreconditionError, match=r"hr\.k has no primary key"):
        trigger_capture.prepare(triggers(oracle, target_db, tmp_path))
    assert left(oracle) == []
    oracle.many("DROP TABLE K", T)
    trigger_capture.prepare(triggers(oracle, target_db, tmp_path / "one"))
    with pytest.raises(PreconditionError, match="VOYAGER_OPS_BATCH is there already"):
        trigger_capture.prepare(triggers(oracle, target_db, tmp_path / "two"))
