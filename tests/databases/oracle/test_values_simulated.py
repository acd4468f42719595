"""The same extremes through the real driver: stored in a (simulated) Oracle, read as the snapshot reads, mined from redo.

Where a real Oracle is named (tests/oracle_source.py) they run on that one, with a user of their own.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import oracledb
import pyarrow as pa
import pytest

from tests.databases.oracle.test_values import column
from tests.databases.oracle.value_cases import CASES, Case
from tests.oracle_source import oracle_source
from voyager_ops.databases.oracle.database import OracleDatabase
from voyager_ops.databases.oracle.logminer.redo import parse
from voyager_ops.databases.oracle.types import OracleType, reread
from voyager_ops.databases.oracle.values import Plan, literal_decoder
from voyager_ops.testing.oracle.simulator import PRIVILEGES
from voyager_ops.testing.postgres import Cluster

SINCE_23AI = {"BOOLEAN", "JSON", "VECTOR"}

_TEXTS = {"VARCHAR2", "CHAR", "LONG", "XMLTYPE", "JSON", "ROWID"}
KINDS: dict[str, Any] = {
    "BINARY_DOUBLE": oracledb.DB_TYPE_BINARY_DOUBLE,
    "BINARY_FLOAT": oracledb.DB_TYPE_BINARY_FLOAT,
    "NVARCHAR2": oracledb.DB_TYPE_NVARCHAR,
    "NCHAR": oracledb.DB_TYPE_NCHAR,
    "CLOB": oracledb.DB_TYPE_CLOB,
    "NCLOB": oracledb.DB_TYPE_NCLOB,
    "BLOB": oracledb.DB_TYPE_BLOB,
    "LONG": oracledb.DB_TYPE_LONG,
    "LONG RAW": oracledb.DB_TYPE_RAW,
    "RAW": oracledb.DB_TYPE_RAW,
}
EXPRESSIONS = {
    "DATE": "TO_DATE(:v, 'SYYYY-MM-DD HH24:MI:SS')",
    "TIMESTAMP": "TO_TIMESTAMP(:v, 'SYYYY-MM-DD HH24:MI:SS.FF9')",
    "TIMESTAMP WITH TIME ZONE": "TO_TIMESTAMP_TZ(:v, 'SYYYY-MM-DD HH24:MI:SS.FF9TZH:TZM')",
    "TIMESTAMP WITH LOCAL TIME ZONE": "TO_TIMESTAMP(:v, 'SYYYY-MM-DD HH24:MI:SS.FF9')",
    "INTERVAL YEAR TO MONTH": "TO_YMINTERVAL(:v)",
    "INTERVAL DAY TO SECOND": "TO_DSINTERVAL(:v)",
    "XMLTYPE": "XMLTYPE(:v)",
    "ROWID": "CHARTOROWID(:v)",
    "UROWID": "CHARTOROWID(:v)",
    "NUMBER": "TO_NUMBER(:v)",
    "FLOAT": "TO_NUMBER(:v)",
}


@pytest.fixture(params=["19c", "23ai"])
def database(source_cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[OracleDatabase]:
    with oracle_source(source_cluster, {"VO_VALUES": (*PRIVILEGES, "DBA")}, profile=request.param) as source:
        if not source.simulated and request.param != "19c":
            pytest.skip("a real Oracle has one form: once is enough")
        yield source.database("VO_VALUES", "m")


def stored(cursor: oracledb.Cursor, table: str, number: int, case: Case) -> None:
    """Insert the case's value, whatever it takes."""
    name = OracleType.parse(case.ddl).name
    value: Any = case.given
    if case.length == 0:
        cursor.execute(f"INSERT INTO {table} VALUES (:id, EMPTY_{name.removeprefix('N')}())", id=number)
        return
    if name in ("NUMBER", "FLOAT"):
        value = str(value)
    if name in KINDS:
        cursor.setinputsizes(v=KINDS[name])
    cursor.execute(f"INSERT INTO {table} VALUES (:id, {EXPRESSIONS.get(name, ':v')})", id=number, v=value)


def chosen(version: str) -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = {}
    for case in CASES:
        name = OracleType.parse(case.ddl).name
        if int(version.partition(".")[0]) >= 23 or name not in SINCE_23AI:
            found.setdefault(case.ddl, []).append(case)
    return found


def test_snapshot_and_redo_give_the_text(database: OracleDatabase) -> None:
    wanted: dict[tuple[str, int], Case] = {}
    names: dict[str, str] = {}
    connection = database.connect("test")
    with connection.cursor() as cursor:
        start = scn(cursor)
        for place, (ddl, cases) in enumerate(chosen(connection.version).items()):
            table = names[ddl] = f"VO_TEST_{place}"
            cursor.execute(f"CREATE TABLE {table} (ID NUMBER(5) PRIMARY KEY, C {ddl})")
            cursor.execute(f"ALTER TABLE {table} ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS")
            for number, case in enumerate(cases):
                stored(cursor, table, number, case)
                wanted[ddl, number] = case
            cursor.execute(f"INSERT INTO {table} VALUES (-1, NULL)")
        connection.commit()
    failures: list[str] = []
    for ddl, table in names.items():
        for target in {case.target for key, case in wanted.items() if key[0] == ddl}:
            failures += read(connection, ddl, table, target, wanted)
    connection.close()
    failures += mined(database, start, names, wanted)
    assert failures == [], "\n".join(failures)


def read(connection: oracledb.Connection, ddl: str, table: str, target: str, wanted: dict[tuple[str, int], Case]) -> list[str]:
    """By Arrow and row by row."""
    key, value = column("NUMBER(5,0)", name="id"), column(ddl, target)
    plan = Plan([key, value], "t")
    query = f"SELECT {plan.select_list} FROM {table} t ORDER BY t.ID"
    usable = [(-1, None)] + [
        (number, case.text.encode()) for (each, number), case in wanted.items() if each == ddl and case.target == target
    ]
    query = query.replace(" ORDER BY", f" WHERE t.ID IN ({', '.join(str(number) for number, _ in usable)}) ORDER BY")
    fetched = pa.table(connection.fetch_df_all(query, requested_schema=plan.schema))
    assert fetched.schema.types == plan.schema.types
    ids, texts = (array.to_pylist() for array in plan.texts(fetched))
    by_arrow = [(int(number), None if text is None else text.encode()) for number, text in zip(ids, texts, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(query, fetch_decimals=True, fetch_lobs=False)
        rows = [plan.row(row) for row in cursor]
    by_row = [(int(row[0] or b""), row[1]) for row in rows]
    return [
        f"{way} {ddl} {target}: {pair[0]!r} is not {pair[1]!r}"
        for way, got in (("arrow", by_arrow), ("row", by_row))
        for pair in zip(got, usable, strict=True)
        if pair[0] != pair[1]
    ]


def test_ten_megabytes(database: OracleDatabase) -> None:
    size = 10 << 20
    text, data = "é\U0001f600x" * (size // 7), random.Random(4).randbytes(size)
    columns = [column("NUMBER(5,0)", name="id"), column("CLOB", name="c"), column("BLOB", name="b")]
    plan = Plan(columns)
    with database.connect("test") as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE VO_TEST_LARGE (ID NUMBER(5) PRIMARY KEY, C CLOB, B BLOB)")
        cursor.setinputsizes(None, oracledb.DB_TYPE_CLOB, oracledb.DB_TYPE_BLOB)
        cursor.execute("INSERT INTO VO_TEST_LARGE VALUES (:1, :2, :3)", [1, text, data])
        cursor.execute("INSERT INTO VO_TEST_LARGE VALUES (2, EMPTY_CLOB(), EMPTY_BLOB())")
        cursor.execute("INSERT INTO VO_TEST_LARGE VALUES (3, NULL, NULL)")
        connection.commit()
        query = f"SELECT {plan.select_list} FROM VO_TEST_LARGE ORDER BY ID"
        fetched = plan.texts(pa.table(connection.fetch_df_all(query, requested_schema=plan.schema)))
        cursor.execute(query, fetch_decimals=True, fetch_lobs=False)
        rows = [plan.row(row) for row in cursor]
    wanted = [[b"1", text.encode(), b"\\x" + data.hex().encode()], [b"2", b"", b"\\x"], [b"3", None, None]]
    assert rows == wanted
    arrays = [[None if value is None else value.encode() for value in array.to_pylist()] for array in fetched]
    assert [list(row) for row in zip(*arrays, strict=True)] == wanted


def scn(cursor: oracledb.Cursor) -> int:
    row = cursor.execute("SELECT CURRENT_SCN FROM V$DATABASE").fetchone()
    assert row is not None
    return int(row[0])


def mined(database: OracleDatabase, start: int, names: dict[str, str], wanted: dict[tuple[str, int], Case]) -> list[str]:
    """Out of the redo of the inserts."""
    failures = []
    ddls = {table: ddl for ddl, table in names.items()}
    miner = database.connect("mining", root=True)
    with miner.cursor() as cursor:
        end = scn(cursor)
        logs = "SELECT MEMBER FROM V$LOGFILE F JOIN V$LOG L ON L.GROUP# = F.GROUP# WHERE L.STATUS = 'CURRENT'"
        for (name,) in cursor.execute(logs).fetchall():
            add = "BEGIN SYS.DBMS_LOGMNR.ADD_LOGFILE(LOGFILENAME => :name, OPTIONS => DBMS_LOGMNR.ADDFILE); END;"
            cursor.execute(add, name=name)
        cursor.execute(
            "BEGIN SYS.DBMS_LOGMNR.START_LOGMNR(STARTSCN => :low, ENDSCN => :high,"
            " OPTIONS => DBMS_LOGMNR.DICT_FROM_ONLINE_CATALOG + DBMS_LOGMNR.NO_ROWID_IN_STMT); END;",
            low=start, high=end,
        )  # fmt: skip
        rows = cursor.execute(
            "SELECT SQL_REDO, CSF FROM V$LOGMNR_CONTENTS WHERE OPERATION_CODE = 1 AND TABLE_NAME LIKE 'VO_TEST_%'"
        ).fetchall()
    miner.close()
    seen, text = set(), ""
    for redo, more in rows:
        text += redo
        if more:
            continue
        change, text = parse(text), ""
        ddl = ddls.get(change.table)
        if ddl is None:
            continue
        values = dict(zip(change.new_names, change.new_values, strict=True))
        number = int(literal_decoder(column("NUMBER(5,0)"))(values["ID"] or "NULL") or b"")
        case = wanted.get((ddl, number))
        seen.add((ddl, number))
        if reread(OracleType.parse(ddl)):
            continue  # read again by key, which the reading above has shown
        one = column(ddl, case.target if case else "")
        got = literal_decoder(one)(values["C"] or "NULL")
        expected = case.text.encode() if case else None
        if got != expected:
            failures.append(f"redo {ddl} {one.type_sql}: {values['C']!r} gave {got!r}, not {expected!r}")
    missing = [str(key) for key in wanted if key not in seen]
    return failures + ([f"not in the redo: {missing}"] if missing else [])
