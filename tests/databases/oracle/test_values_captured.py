"""The type table's extremes end to end: by the snapshot into PostgreSQL, and by capture, from redo and by triggers, where they
are inserted and then changed into one another."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import oracledb
import pytest
from psycopg import sql

from tests.conftest import Database
from tests.databases.oracle.capture_kit import Oracle, actual, capturing, context_of, replayed, wait_for_marker
from tests.databases.oracle.test_values_simulated import EXPRESSIONS, KINDS, SINCE_23AI
from tests.databases.oracle.value_cases import CASES, Case
from voyager_ops.config import SnapshotConfig
from voyager_ops.databases.oracle.types import OracleType
from voyager_ops.databases.postgres import metadata
from voyager_ops.snapshot.copy import copy_chunks
from voyager_ops.snapshot.plan import plan_chunks

CAPTURES = pytest.mark.parametrize("capture", ["logminer", "triggers"])
PROFILES = pytest.mark.parametrize("oracle_profile", ["19c", "23ai"])
ON_23AI = SINCE_23AI | {"NUMBER", "VARCHAR2", "NVARCHAR2", "CLOB", "BLOB", "XMLTYPE", "DATE", "TIMESTAMP WITH TIME ZONE"}
"""Of a simulated 23ai: what is new in it, and some of what goes over its wire in another way than over 19c's."""


def by_type(oracle: Oracle) -> dict[str, list[Case]]:
    """Those that come to the column's own target type."""
    since_23ai = int(oracle.session().version.partition(".")[0]) >= 23
    found: dict[str, list[Case]] = {}
    for case in CASES:
        name = OracleType.parse(case.ddl).name
        if case.target or (name in SINCE_23AI and not since_23ai) or (oracle.simulated and since_23ai and name not in ON_23AI):
            continue
        found.setdefault(case.ddl, []).append(case)
    return found


def write(cursor: oracledb.Cursor, statement: str, number: int, case: Case) -> None:
    """``statement``: with ``{}`` for the value and ``:id``."""
    name = OracleType.parse(case.ddl).name
    value: Any = str(case.given) if name in ("NUMBER", "FLOAT") else case.given
    if case.length == 0:
        cursor.setinputsizes()
        cursor.execute(statement.format(f"EMPTY_{name.removeprefix('N')}()"), id=number)
        return
    cursor.setinputsizes(**({"v": KINDS[name]} if name in KINDS else {}))
    cursor.execute(statement.format(EXPRESSIONS.get(name, ":v")), id=number, v=value)


@PROFILES
@CAPTURES
def test_every_row_of_the_type_table(oracle: Oracle, target_db: Database, tmp_path: Path, capture: str) -> None:
    session = oracle.session()
    cases = by_type(oracle)
    names = {ddl: f"T{place}" for place, ddl in enumerate(cases)}
    for ddl, name in names.items():
        oracle.execute(f"CREATE TABLE {name} (ID NUMBER(5) PRIMARY KEY, C {ddl})")
    oracle.execute("ALTER SESSION SET TIME_ZONE = '00:00'")
    context = context_of(oracle, target_db, tmp_path, capture=capture)
    wrong: list[str] = []

    def compare(step: int) -> None:
        for ddl, name in names.items():
            some = cases[ddl]
            wanted: dict[Any, Any] = {
                (str(number).encode(),): some[(number + step) % len(some)].text.encode() for number in range(len(some))
            }
            wanted[(b"-1",)] = None if not step else some[0].text.encode()
            got = {key: row["c"] for key, row in replayed(context, name.lower()).items()}
            wrong.extend(
                f"{ddl}: {got.get(key, 'nothing')!r} is not {wanted.get(key, 'nothing')!r}"
                for key in wanted.keys() | got.keys()
                if got.get(key, "") != wanted.get(key, "")
            )
            assert replayed(context, name.lower()) == actual(context, name.lower()), ddl

    with capturing(context) as running, session.cursor() as cursor:
        for ddl, name in names.items():
            for number, case in enumerate(cases[ddl]):
                write(cursor, f"INSERT INTO {name} (ID, C) VALUES (:id, {{}})", number, case)
            cursor.execute(f"INSERT INTO {name} (ID) VALUES (-1)")
        session.commit()
        wait_for_marker(context, running, 120)
        compare(0)
        for ddl, name in names.items():
            some = cases[ddl]
            for number in range(len(some)):
                write(cursor, f"UPDATE {name} SET C = {{}} WHERE ID = :id", number, some[(number + 1) % len(some)])
            write(cursor, f"UPDATE {name} SET C = {{}} WHERE ID = :id", -1, some[0])
        session.commit()
        wait_for_marker(context, running, 120)
        compare(1)
    assert wrong == [], "\n".join(wrong)


@PROFILES
def test_every_row_of_the_type_table_by_the_snapshot(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    session = oracle.session()
    cases = by_type(oracle)
    names = {ddl: f"T{place}" for place, ddl in enumerate(cases)}
    oracle.execute("ALTER SESSION SET TIME_ZONE = '00:00'")
    with session.cursor() as cursor:
        for ddl, name in names.items():
            cursor.execute(f"CREATE TABLE {name} (ID NUMBER(5) PRIMARY KEY, C {ddl})")
            for number, case in enumerate(cases[ddl]):
                write(cursor, f"INSERT INTO {name} (ID, C) VALUES (:id, {{}})", number, case)
            cursor.execute(f"INSERT INTO {name} (ID) VALUES (-1)")
        session.commit()
    context = context_of(oracle, target_db, tmp_path)
    wrong: list[str] = []
    with context.apply_db.connect("test") as connection:
        metadata.install(connection)
        connection.execute("CREATE SCHEMA hr")
        for table in context.tables:
            columns = ", ".join(f"{column.name} {column.type_sql}" for column in table.columns)
            connection.execute(sql.SQL(f"CREATE TABLE hr.{table.name.name} ({columns}, PRIMARY KEY (id))"))
        connection.commit()
        plan_chunks(context, SnapshotConfig())
        assert copy_chunks(context, SnapshotConfig()).complete
        for ddl, name in names.items():
            answer = connection.pgconn.exec_(f"SELECT id, c FROM hr.{name.lower()}".encode())
            got = {int(answer.get_value(row, 0) or b""): answer.get_value(row, 1) for row in range(answer.ntuples)}
            wanted: dict[int, bytes | None] = {number: case.text.encode() for number, case in enumerate(cases[ddl])}
            wanted[-1] = None
            wrong += [
                f"{ddl}: {got.get(key, 'nothing')!r} is not {wanted[key]!r}" for key in wanted if got.get(key) != wanted[key]
            ]
            assert len(got) == len(wanted)
    assert wrong == [], "\n".join(wrong)


@CAPTURES
def test_ten_megabytes(oracle: Oracle, target_db: Database, tmp_path: Path, capture: str) -> None:
    size = 10 << 20
    text, data = "é\U0001f600x" * (size // 7), random.Random(4).randbytes(size)
    oracle.many("CREATE TABLE D (ID NUMBER(5) PRIMARY KEY, C CLOB, B BLOB)")
    context = context_of(oracle, target_db, tmp_path, capture=capture)
    with capturing(context) as running, oracle.session().cursor() as cursor:
        cursor.setinputsizes(None, oracledb.DB_TYPE_CLOB, oracledb.DB_TYPE_BLOB)
        cursor.execute("INSERT INTO D VALUES (:1, :2, :3)", [1, text, data])
        cursor.execute("INSERT INTO D VALUES (2, EMPTY_CLOB(), EMPTY_BLOB())")
        cursor.execute("INSERT INTO D VALUES (3, NULL, NULL)")
        oracle.commit()
        wait_for_marker(context, running, 120)
        cursor.setinputsizes(oracledb.DB_TYPE_CLOB)
        cursor.execute("UPDATE D SET C = :1 WHERE ID = 3", [text[::-1]])
        oracle.commit()
        wait_for_marker(context, running, 120)
    rows = replayed(context, "d")
    assert rows[(b"1",)] == {"id": b"1", "c": text.encode(), "b": b"\\x" + data.hex().encode()}
    assert rows[(b"2",)] == {"id": b"2", "c": b"", "b": b"\\x"}
    assert rows[(b"3",)] == {"id": b"3", "c": text[::-1].encode(), "b": None}
