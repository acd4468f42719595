"""Large values in capture: read by their row's key, and how much of them is in memory together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import oracledb
import pytest

from tests.conftest import Database
from tests.databases.oracle.capture_kit import Oracle, actual, capturing, context_of, replayed, wait_for_marker
from voyager_ops.databases.oracle import values
from voyager_ops.databases.oracle.frames import TableFrames
from voyager_ops.databases.oracle.logminer import lobs
from voyager_ops.databases.oracle.triggers import reading

LARGE = "CREATE TABLE D (ID NUMBER(10) PRIMARY KEY, NAME VARCHAR2(20), BODY CLOB, PICTURE BLOB, NATIONAL NCLOB, DOC XMLTYPE)"


def test_large_values_are_read_by_key(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    oracle.many(LARGE)
    context = context_of(oracle, target_db, tmp_path)
    long = "".join(chr(0x400 + number % 50) for number in range(20_000))
    with capturing(context) as running:
        oracle.execute("INSERT INTO D (ID, NAME, BODY) VALUES (1, 'small', 'a small one')")
        oracle.execute("INSERT INTO D (ID, NAME, BODY, PICTURE) VALUES (2, 'large', :1, :2)", [long, bytes(range(256)) * 40])
        oracle.execute("INSERT INTO D (ID, NAME) VALUES (3, 'none')")
        oracle.execute("INSERT INTO D (ID, BODY, NATIONAL) VALUES (4, EMPTY_CLOB(), 'ÄÖ')")
        oracle.commit()
        oracle.execute("UPDATE D SET NAME = 'renamed' WHERE ID = 2")  # large values as they were
        oracle.execute("UPDATE D SET BODY = :1 WHERE ID = 1", [long[::-1]])
        oracle.execute("UPDATE D SET BODY = NULL, PICTURE = :1 WHERE ID = 2", [b"\0\1"])
        oracle.commit()
        oracle.execute("UPDATE D SET ID = 5 WHERE ID = 1")
        oracle.execute("UPDATE D SET BODY = 'again' WHERE ID = 3")
        oracle.execute("DELETE FROM D WHERE ID = 4")
        oracle.commit()
        oracle.execute("INSERT INTO D (ID, BODY) VALUES (7, :1)", [long])
        oracle.execute("SAVEPOINT S")
        oracle.execute("INSERT INTO D (ID, BODY) VALUES (8, :1)", [long])
        oracle.execute("UPDATE D SET BODY = 'not this' WHERE ID = 7")
        oracle.execute("ROLLBACK TO S")
        oracle.commit()
        wait_for_marker(context, running)
    assert replayed(context, "d") == actual(context, "d")
    assert set(replayed(context, "d")) == {(b"2",), (b"3",), (b"5",), (b"7",)}
    assert replayed(context, "d")[(b"5",)]["body"] == long[::-1].encode()


def test_large_values_are_read_by_keys_of_every_kind(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    keys = {
        "TIMESTAMP(6)": (
            "TO_TIMESTAMP('-4712-01-01 00:00:00.000001', 'SYYYY-MM-DD HH24:MI:SS.FF6')",
            "TIMESTAMP '2020-01-01 00:00:00.123456'",
        ),
        "DATE": ("TO_DATE('-0044-03-15 12:00:00', 'SYYYY-MM-DD HH24:MI:SS')", "DATE '9999-12-31'"),
        "TIMESTAMP(3) WITH LOCAL TIME ZONE": ("TIMESTAMP '2020-01-01 00:00:00.123'",),
        "BINARY_DOUBLE": ("BINARY_DOUBLE_NAN", "-BINARY_DOUBLE_INFINITY", "0.1D", "4.9406564584124654E-324D"),
        "BINARY_FLOAT": ("BINARY_FLOAT_NAN", "0.1F", "3.40282347E38F"),
        "NUMBER": ("1E-130", "9.99E125", "-0.5", "99999999999999999999999999999999999999"),
        "RAW(8)": ("HEXTORAW('00')", "HEXTORAW('0000')", "HEXTORAW('FF27')"),
        "CHAR(6)": ("'a'", "'é'", "'it''s'"),
        "NVARCHAR2(10)": (r"UNISTR('\D83D\DE00')", "N'it''s'", "N' '"),
        "INTERVAL DAY(5) TO SECOND(3)": ("INTERVAL '-99999 23:59:59.999' DAY(5) TO SECOND(3)",),
        "INTERVAL YEAR(5) TO MONTH": ("INTERVAL '-99999-11' YEAR(5) TO MONTH",),
    }
    for number, kind in enumerate(keys):
        oracle.many(f"CREATE TABLE D{number} (K {kind} PRIMARY KEY, BODY CLOB)")
    context = context_of(oracle, target_db, tmp_path)
    with capturing(context) as running:
        for number, values in enumerate(keys.values()):
            for value in values:
                oracle.execute(f"INSERT INTO D{number} VALUES ({value}, :1)", [value * 300])
            oracle.commit()
            oracle.many(f"UPDATE D{number} SET BODY = BODY || 'more'")
        wait_for_marker(context, running)
    for number, values in enumerate(keys.values()):
        found = actual(context, f"d{number}")
        assert len(found) == len(values)
        assert replayed(context, f"d{number}") == found


def test_xml_is_read_by_key(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    oracle.many(LARGE)
    context = context_of(oracle, target_db, tmp_path)
    with capturing(context) as running:
        oracle.execute("INSERT INTO D (ID, DOC) VALUES (1, XMLTYPE('<a>1</a>'))")
        oracle.commit()
        oracle.execute("UPDATE D SET DOC = XMLTYPE('<b/>') WHERE ID = 1")
        oracle.commit()
        wait_for_marker(context, running)
    assert replayed(context, "d") == actual(context, "d")
    assert replayed(context, "d")[(b"1",)]["doc"] == b"<b/>"


def test_long_strings_are_read_by_key(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    oracle.many("CREATE TABLE D (ID NUMBER(10) PRIMARY KEY, LONG_ONE VARCHAR2(32000), SHORT_ONE VARCHAR2(20))")
    context = context_of(oracle, target_db, tmp_path)
    with capturing(context) as running:
        for number, text in enumerate(("short", "x" * 20_000, "it's" * 2000, None)):
            oracle.execute("INSERT INTO D VALUES (:1, :2, 's')", [number, text])
        oracle.commit()
        oracle.execute("UPDATE D SET LONG_ONE = :1 WHERE ID = 0", ["y" * 5000])
        oracle.execute("UPDATE D SET SHORT_ONE = 't' WHERE ID = 1")
        oracle.execute("UPDATE D SET LONG_ONE = NULL WHERE ID = 2")
        oracle.execute("UPDATE D SET LONG_ONE = 'z' WHERE ID = 3")
        oracle.commit()
        wait_for_marker(context, running)
    assert replayed(context, "d") == actual(context, "d")


def test_when_the_undo_is_gone_large_values_are_those_of_now(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    redo = oracle.redo
    oracle.many(LARGE)
    context = context_of(oracle, target_db, tmp_path)
    with capturing(context) as running:
        wait_for_marker(context, running)
    oracle.execute("INSERT INTO D (ID, BODY) VALUES (1, 'first')")
    oracle.commit()
    oracle.execute("UPDATE D SET BODY = 'second' WHERE ID = 1")
    oracle.commit()
    oracle.execute("INSERT INTO D (ID, BODY) VALUES (2, 'gone soon')")
    oracle.commit()
    oracle.execute("DELETE FROM D WHERE ID = 2")
    oracle.execute("UPDATE D SET ID = 3 WHERE ID = 1")
    oracle.commit()
    redo.flashback.drop()
    with capturing(context) as running:
        wait_for_marker(context, running)
    assert replayed(context, "d") == actual(context, "d")


@pytest.mark.parametrize("capture", ["logminer", "triggers"])
def test_rows_with_many_large_values_are_read_one_by_one(
    oracle: Oracle, target_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capture: str
) -> None:
    """Among small ones, one that is longer by one of its two LOBs, and some that are gone in the end."""
    together = 1000
    monkeypatch.setattr(lobs, "TOGETHER", together)
    monkeypatch.setattr(reading, "TOGETHER", together)
    oracle.many("CREATE TABLE D (ID NUMBER(5) PRIMARY KEY, C CLOB, B BLOB)")
    context = context_of(oracle, target_db, tmp_path, capture=capture)
    given = [
        (number, "é" * (together + 1) if number % 5 == 2 else f"text {number}", b"\x00" * (999 if number % 7 == 3 else 3))
        for number in range(60)
    ]
    fetched: list[list[int]] = []
    of_row = values.Plan.row

    def noted(plan: values.Plan, row: Sequence[Any]) -> list[bytes | None]:
        found = of_row(plan, row)
        if [column.name for column in plan.columns][-2:] == ["c", "b"] and found[-2] is not None:
            sizes.append(len(found[-2].decode()) + len(found[-1] or b"") // 2 - 1)
        return found

    sizes: list[int] = []
    rows_of = lobs.Reader._rows

    def counted(reader: lobs.Reader, frames: TableFrames, batch: list[lobs.Wanted]) -> Any:
        before = len(sizes)
        result = rows_of(reader, frames, batch)
        fetched.append(sizes[before:])
        return result

    with capturing(context) as running:
        monkeypatch.setattr(values.Plan, "row", noted)
        monkeypatch.setattr(lobs.Reader, "_rows", counted)
        with oracle.session().cursor() as cursor:
            cursor.setinputsizes(None, oracledb.DB_TYPE_CLOB, oracledb.DB_TYPE_BLOB)
            cursor.executemany("INSERT INTO D VALUES (:1, :2, :3)", given)
            cursor.execute("DELETE FROM D WHERE ID IN (1, 2, 30)")
        oracle.commit()
        wait_for_marker(context, running, 60)
    monkeypatch.undo()
    assert replayed(context, "d") == actual(context, "d")
    assert len(actual(context, "d")) == 57
    assert sum(size > together for size in sizes) == sum(
        len(text) + len(data) > together for number, text, data in given if number not in (1, 2, 30)
    )
    if capture == "logminer":
        assert all(len(some) == 1 for some in fetched if some and max(some) > together)
        assert any(len(some) > 1 for some in fetched)
