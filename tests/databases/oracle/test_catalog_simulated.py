"""The catalog read through the real driver from a (simulated) Oracle, as the migration user."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.databases.oracle.capture_kit import USERS
from tests.oracle_source import oracle_source
from voyager_ops.databases.engines import engine_of
from voyager_ops.databases.oracle.check_facts import read_facts
from voyager_ops.databases.oracle.database import OracleDatabase
from voyager_ops.databases.oracle.overrides import Overrides
from voyager_ops.databases.oracle.types import OracleType
from voyager_ops.errors import PreconditionError
from voyager_ops.model.tables import QName
from voyager_ops.testing.postgres import Cluster

SCHEMA = (
    "CREATE TABLE DEPT (ID NUMBER(9) GENERATED ALWAYS AS IDENTITY, NAME VARCHAR2(30 CHAR) NOT NULL,"
    " CONSTRAINT DEPT_PK PRIMARY KEY (ID), CONSTRAINT DEPT_NAME_UK UNIQUE (NAME))",
    "CREATE TABLE EMP (ID NUMBER(12) CONSTRAINT EMP_PK PRIMARY KEY, DEPT_ID NUMBER REFERENCES DEPT (ID), PAY NUMBER(8,2),"
    " YEARLY NUMBER GENERATED ALWAYS AS (PAY * 12) VIRTUAL, HIRED DATE, CV CLOB, BADGE RAW(16))",
    "CREATE UNIQUE INDEX EMP_UPPER ON EMP (RAWTOHEX(BADGE))",
    'CREATE TABLE "Mixed Case" ("Id" NUMBER(4) PRIMARY KEY, "TEXT" NVARCHAR2(10))',
    "CREATE TABLE LOGS (AT TIMESTAMP(9), MESSAGE VARCHAR2(4000)) PARTITION BY RANGE (AT)"
    " (PARTITION P1 VALUES LESS THAN (TIMESTAMP '2020-01-01 00:00:00'), PARTITION P2 VALUES LESS THAN (MAXVALUE))",
    "CREATE GLOBAL TEMPORARY TABLE SCRATCH (A NUMBER)",
    "INSERT INTO DEPT (NAME) VALUES ('A')",
)


@pytest.fixture
def database(source_cluster: Cluster) -> Iterator[OracleDatabase]:
    with oracle_source(source_cluster, USERS) as source:
        source.execute(*SCHEMA, user="HR")
        yield source.database("MIG", "m")


def test_tables(database: OracleDatabase) -> None:
    tables = {table.name.name: table for table in engine_of(database).read_tables(database, ["hr"])}
    assert set(tables) == {"dept", "emp", "Mixed Case", "logs"}
    dept, emp, mixed, logs = (tables[name] for name in ("dept", "emp", "Mixed Case", "logs"))
    assert [(column.name, column.type_sql, column.identity) for column in dept.columns] == [
        ("id", "integer", "a"),
        ("name", "character varying(30)", ""),
    ]
    assert (dept.key, [(index.name.name, index.columns) for index in dept.unique_indexes]) == (
        ("id",),
        [("dept_name_uk", ("name",))],
    )
    assert [(column.name, column.type_sql, column.generated, column.toastable) for column in emp.columns] == [
        ("id", "bigint", False, False),
        ("dept_id", "integer", False, False),  # as the key it refers to
        ("pay", "numeric(8,2)", False, False),
        ("yearly", "numeric", True, False),
        ("hired", "timestamp(0) without time zone", False, False),
        ("cv", "text", False, True),
        ("badge", "bytea", False, False),
    ]
    assert [index.columns for index in emp.unique_indexes] == [()]
    assert (mixed.key, mixed.column("Id").native_name, mixed.column("text").native) == (("Id",), "Id", "TEXT")
    assert (logs.key, logs.partitioned, [leaf.native_name for leaf in logs.leaves]) == ((), False, [QName("HR", "LOGS")])
    assert OracleType.from_json(logs.column("at").native_type).scale == 9
    assert len({table.oid for table in tables.values()} - {0}) == 4


def test_overrides_come_with_the_database(database: OracleDatabase) -> None:
    wanted = Overrides(by_type={"DATE": "date"}, by_column={"HR.EMP.CV": "skip", "HR.EMP.BADGE": "uuid"})
    other = OracleDatabase(database.side, database.migration, database.address, overrides=wanted)
    (emp,) = engine_of(other).read_tables(other, ["hr"], ["emp"])
    assert [(column.name, column.type_sql) for column in emp.columns if column.name in ("hired", "cv", "badge")] == [
        ("hired", "date"),
        ("badge", "uuid"),
    ]


def test_a_schema_that_is_not_there(database: OracleDatabase) -> None:
    with pytest.raises(PreconditionError, match="NOWHERE"):
        engine_of(database).read_tables(database, ["nowhere"])


def test_sequences_that_nobody_let_us_use_are_found_as_the_export_finds_them(source_cluster: Cluster) -> None:
    users = {"HR": USERS["HR"], "MIG": ("CREATE SESSION", "SELECT ANY DICTIONARY"), "POOR": ("CREATE SESSION",)}
    with oracle_source(source_cluster, users) as source:
        source.execute(
            "CREATE TABLE DEPT (ID NUMBER(9) GENERATED ALWAYS AS IDENTITY (START WITH 7))",
            "CREATE SEQUENCE LATE START WITH 40 INCREMENT BY -1 MAXVALUE 50 MINVALUE -9 NOCACHE",
            "GRANT SELECT ON DEPT TO POOR",
            user="HR",
        )
        database = source.database("MIG", "m")
        identity, late = sorted(engine_of(database).read_sequences(database, ["hr"]), key=lambda item: item.owner is None)
        assert identity.owner == (QName("hr", "dept"), "id")
        assert (late.name, late.increment, late.minimum, late.maximum) == (QName("hr", "late"), -1, -9, 50)
        assert (late.last_value, late.is_called) == (41, True)
        facts = {user: read_facts(source.database(user, "m"), ["HR"], mines=False) for user in ("MIG", "POOR", "HR")}
        assert {user: found.whole_dictionary for user, found in facts.items()} == {"MIG": True, "POOR": False, "HR": True}
