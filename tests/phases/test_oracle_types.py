"""Target types that the configuration chooses for an Oracle source: preflight, snapshot, changes and verification."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Database
from tests.oracle_kit import ShopOracle, migrations, shop_oracle
from tests.phases.test_whole import streaming, wait
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Lane
from voyager_ops.phases import export_data, export_schema, import_schema, preflight, status, verify
from voyager_ops.testing.postgres import Cluster

TABLES = (
    "CREATE TABLE EVENTS (ID NUMBER(10) PRIMARY KEY, N NUMBER(10), AT DATE, DAY DATE, V VARCHAR2(20), GONE DATE)",
    "CREATE TABLE OTHERS (ID NUMBER(10) PRIMARY KEY, N NUMBER(10), DAY DATE, V VARCHAR2(20))",
    "CREATE TABLE DOCS (ID NUMBER(10) PRIMARY KEY, DOC XMLTYPE)",
)
TYPES = """\
types:
  by_type: {"NUMBER(10,0)": "numeric(12,0)", DATE: date, VARCHAR2(20): varchar(30)}
  by_table: {SHOP.EVENTS: {"NUMBER(10,0)": integer, DATE: timestamp(3), VARCHAR2: text}}
  by_column: {SHOP.EVENTS.N: bigint, SHOP.EVENTS.DAY: date, SHOP.EVENTS.GONE: skip}
"""
CONFIG = "changes: {heartbeat: 300ms}\ncutover: {prepare_for_fall_back: false}\n"
ON_TARGET = {
    "events": {"id": "integer", "n": "bigint", "at": "timestamp(3) without time zone", "day": "date", "v": "text"},
    "others": {"id": "numeric(12,0)", "n": "numeric(12,0)", "day": "date", "v": "character varying(30)"},
}
Rows = list[tuple[Any, ...]]


@pytest.fixture
def oracle(source_cluster: Cluster) -> Iterator[ShopOracle]:
    with shop_oracle(source_cluster) as made:
        made.run(*TABLES)
        yield made


@pytest.fixture
def make(oracle: ShopOracle, target_db: Database, tmp_path: Path) -> Iterator[Callable[..., Migration]]:
    with migrations(oracle, target_db, tmp_path) as build:
        yield lambda types=TYPES: build(CONFIG + types)


def write(oracle: ShopOracle, *numbers: int) -> None:
    moment = "TO_DATE('2020-02-29 23:59:58', 'YYYY-MM-DD HH24:MI:SS')"
    for number in numbers:
        oracle.run(
            f"INSERT INTO EVENTS VALUES ({number}, 9999999999, {moment}, DATE '2020-02-29', 'é', DATE '2020-01-01')",
            f"INSERT INTO OTHERS VALUES ({number}, -9999999999, DATE '1969-12-31', 'x')",
        )


def rows(database: Database) -> tuple[Rows, Rows]:
    with database.connect() as connection:
        return (
            connection.execute("SELECT id::text, n::text, at::text, day::text, v FROM shop.events ORDER BY id").fetchall(),
            connection.execute("SELECT id::text, n::text, day::text, v FROM shop.others ORDER BY id").fetchall(),
        )


def errors(migration: Migration) -> list[dict[str, Any]]:
    return [check for check in preflight.run(migration, fail=False).checks if check["severity"] == "error"]


def test_by_type_by_table_and_by_column(oracle: ShopOracle, make: Callable[..., Migration], target_db: Database) -> None:
    write(oracle, 1, 2)
    migration = make()
    assert preflight.run(migration).errors == 0
    export_schema.run(migration)
    import_schema.run(migration, "base")
    with target_db.connect() as connection:
        for table, types in ON_TARGET.items():
            found = connection.execute(
                "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
                " WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum",
                [f"shop.{table}"],
            )
            assert dict(found.fetchall()) == types
    event, other = ("9999999999", "2020-02-29 23:59:58", "2020-02-29", "é"), ("-9999999999", "1969-12-31", "x")
    export_data.prepare(migration)
    with streaming(make) as streams:
        streams.start(Lane.FORWARD)
        wait("the seam", lambda: status.seam_passed(migration) or bool(streams.results))
        assert rows(target_db) == ([("1", *event), ("2", *event)], [("1", *other), ("2", *other)])
        write(oracle, 3, 4)
        oracle.run(
            "UPDATE EVENTS SET N = 5, AT = AT + 1/86400, DAY = DAY + 1, GONE = NULL WHERE ID IN (1, 3)",
            "UPDATE OTHERS SET DAY = DAY + 1, N = NULL WHERE ID IN (1, 3)",
            "DELETE FROM EVENTS WHERE ID = 2",
            "DELETE FROM OTHERS WHERE ID = 2",
        )
        assert verify.run(migration).equal
        assert not streams.results
    changed = ("5", "2020-02-29 23:59:59", "2020-03-01", "é")
    assert rows(target_db) == (
        [("1", *changed), ("3", *changed), ("4", *event)],
        [("1", None, "1970-01-01", "x"), ("3", None, "1970-01-01", "x"), ("4", *other)],
    )


def test_keys_that_mean_nothing_are_named(make: Callable[..., Migration]) -> None:
    found = errors(make('types: {by_table: {SHOP.EVENT: {DATE: date}, SHOP.OTHERS: {DATE: date, "NUMBER(9,0)": bigint}}}\n'))
    assert [(check["id"], check["message"]) for check in found] == [
        ("types_by_table", "types.by_table names SHOP.EVENT, which is not migrated"),
        ("types_by_table", "types.by_table names NUMBER(9,0) for SHOP.OTHERS, of which no migrated column has that type"),
    ]


@pytest.mark.parametrize("types", ["by_type: {XMLTYPE", "by_table: {SHOP.DOCS: {XMLTYPE", "by_column: {SHOP.DOCS.DOC"])
def test_xml_on_a_target_that_is_built_without_it(make: Callable[..., Migration], types: str) -> None:
    wanted = f"types: {{{types}: xml{'}' * (types.count('{') + 1)}\n"
    (found,) = errors(make(wanted))
    assert found["id"] == "xml"
    assert "SHOP.DOCS.DOC" in found["message"]
    assert "types: {by_column: {SHOP.DOCS.DOC: text}}" in found["mend"]
    # What it says mends it.
    assert errors(make("types: {by_type: {XMLTYPE: xml}, by_column: {SHOP.DOCS.DOC: text}}\n")) == []
