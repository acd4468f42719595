"""Columns for whose sake LogMiner writes nothing of their tables out: refused, or captured by triggers, geometries included."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.oracle_kit import USER, ShopOracle, migrations, shop_oracle
from tests.phases.test_whole import streaming, wait
from voyager_ops.errors import PreconditionError
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Lane
from voyager_ops.phases import export_data, export_schema, import_schema, preflight, status, verify
from voyager_ops.testing.postgres import Cluster

CONFIG = "changes: {{heartbeat: 300ms, capture: {capture}}}\ncutover: {{prepare_for_fall_back: false}}\n"
SKIP = "types: {by_column: {SHOP.PLACES.FILE_: skip, SHOP.PLACES.OWNER_: skip}}\n"
GEOMETRIES = "CREATE TABLE SHAPES (ID NUMBER(10) PRIMARY KEY, NAME VARCHAR2(20), SHAPE SDO_GEOMETRY, OTHER MDSYS.SDO_GEOMETRY)"
LEFT_OUT = (
    "CREATE TYPE PERSON_T AS OBJECT (NAME VARCHAR2(30))",
    "CREATE TABLE PLACES (ID NUMBER(10) PRIMARY KEY, NAME VARCHAR2(20), FILE_ BFILE, OWNER_ PERSON_T)",
)


@pytest.fixture
def oracle(source_cluster: Cluster) -> Iterator[ShopOracle]:
    with shop_oracle(source_cluster) as made:
        made.admin(f"GRANT CREATE SEQUENCE, CREATE ANY TRIGGER TO {USER}", "GRANT CREATE TYPE TO SHOP")
        yield made


@pytest.fixture
def make(oracle: ShopOracle, target_db: Database, tmp_path: Path) -> Iterator[Callable[..., Migration]]:
    with migrations(oracle, target_db, tmp_path) as build:
        yield lambda capture="triggers", more="": build(CONFIG.format(capture=capture) + more)


def errors(migration: Migration) -> dict[str, dict[str, str]]:
    return {check["id"]: check for check in preflight.run(migration, fail=False).checks if check["severity"] == "error"}


def prepared(migration: Migration) -> None:
    export_schema.run(migration)
    import_schema.run(migration, "base")
    export_data.prepare(migration)


def rows(database: Database, query: str) -> list[tuple[object, ...]]:
    with database.connect() as connection:
        return list(connection.execute(query.encode()).fetchall())


def test_geometries_by_triggers(oracle: ShopOracle, make: Callable[..., Migration], target_db: Database) -> None:
    oracle.run(GEOMETRIES)
    large = f"LINESTRING ({', '.join(f'{number} {number}' for number in range(5000))})"
    with oracle.session() as cursor:
        insert = "INSERT INTO SHAPES VALUES (:id, 'a', SDO_UTIL.FROM_WKTGEOMETRY(:shape), SDO_GEOMETRY('POINT (1 2)', 4326))"
        cursor.execute(insert, id=1, shape="POLYGON ((0 0, 1 0, 1 1, 0 0))")
        cursor.execute(insert, id=2, shape=large)
        cursor.execute("INSERT INTO SHAPES VALUES (3, NULL, NULL, NULL)")
    migration = make()
    checks = preflight.run(migration).checks
    assert any(check["id"] == "geometries" and "SHOP.SHAPES.SHAPE" in check["message"] for check in checks)
    prepared(migration)
    with streaming(make) as streams:
        streams.start(Lane.FORWARD)
        wait("the seam", lambda: status.seam_passed(migration) or bool(streams.results))
        assert rows(target_db, "SELECT id, name, shape, other FROM shop.shapes ORDER BY id") == [
            (1, "a", "POLYGON ((0 0, 1 0, 1 1, 0 0))", "POINT (1 2)"),
            (2, "a", large, "POINT (1 2)"),
            (3, None, None, None),
        ]
        with oracle.session() as cursor:
            cursor.execute(insert, id=4, shape="POINT (9 9)")
            cursor.execute("UPDATE SHAPES SET SHAPE = NULL, NAME = 'b' WHERE ID = 1")
            cursor.execute("UPDATE SHAPES SET OTHER = NULL WHERE ID = 2")
            cursor.execute("UPDATE SHAPES SET SHAPE = SDO_GEOMETRY(:shape) WHERE ID = 3", shape=large[:3000])
        assert verify.run(migration).equal
        assert not streams.results
    assert rows(target_db, "SELECT id, name, shape, other FROM shop.shapes ORDER BY id") == [
        (1, "b", None, "POINT (1 2)"),
        (2, "a", large, None),
        (3, None, large[:3000], None),
        (4, "a", "POINT (9 9)", "POINT (1 2)"),
    ]


def test_geometries_are_not_mined(oracle: ShopOracle, make: Callable[..., Migration]) -> None:
    oracle.run(GEOMETRIES)
    migration = make("logminer")
    found = errors(migration)
    assert set(found) == {"types_streamed"}
    assert "SHOP.SHAPES.SHAPE" in found["types_streamed"]["message"]
    assert "changes: {capture: triggers}" in found["types_streamed"]["mend"]
    # To leave the columns out is not enough: the redo of such rows is not written out.
    skipped = make("logminer", "types: {by_column: {SHOP.SHAPES.SHAPE: skip, SHOP.SHAPES.OTHER: skip}}\n")
    assert set(errors(skipped)) == {"types_left_out"}
    assert errors(make("triggers")) == {}


def test_columns_left_out_are_not_mined(oracle: ShopOracle, make: Callable[..., Migration]) -> None:
    oracle.run(*LEFT_OUT)
    found = errors(make("logminer"))
    assert set(found) == {"types"}
    assert "changes: {capture: triggers}) with the column left out" in found["types"]["mend"]
    migration = make("logminer", SKIP)
    found = errors(migration)
    assert set(found) == {"types_left_out"}
    assert "SHOP.PLACES (FILE_, OWNER_)" in found["types_left_out"]["message"]
    export_schema.run(migration)
    import_schema.run(migration, "base")
    with pytest.raises(PreconditionError, match=r"none of its changes out because of FILE_, OWNER_"):
        export_data.prepare(migration)
    assert errors(make("logminer", "tables: {exclude: [shop.places]}\n")).keys() <= {"tables"}


LONG = "N" * 31


@pytest.mark.parametrize("more", ["", f"types: {{by_column: {{SHOP.NOTED.{LONG}: skip}}}}\n"])
def test_names_too_long_for_logminer_are_not_mined_either(oracle: ShopOracle, make: Callable[..., Migration], more: str) -> None:
    """Also for whoever has not run preflight: nothing would be missed, for nothing would come."""
    oracle.run(f"CREATE TABLE NOTED (ID NUMBER(10) PRIMARY KEY, NAME VARCHAR2(20), {LONG} NUMBER)")
    migration = make("logminer", more)
    assert set(errors(migration)) == {"names"}
    export_schema.run(migration)
    import_schema.run(migration, "base")
    with pytest.raises(PreconditionError, match=rf"shop\.noted: LogMiner writes none of its changes out, .*{LONG}"):
        export_data.prepare(migration)
    assert errors(make("triggers")) == {}


def test_columns_left_out_by_triggers(oracle: ShopOracle, make: Callable[..., Migration], target_db: Database) -> None:
    oracle.run(*LEFT_OUT, "INSERT INTO PLACES (ID, NAME) VALUES (1, 'a')")
    migration = make("triggers", SKIP)
    assert errors(migration) == {}
    prepared(migration)
    with streaming(lambda: make("triggers", SKIP)) as streams:
        streams.start(Lane.FORWARD)
        wait("the seam", lambda: status.seam_passed(migration) or bool(streams.results))
        oracle.run("INSERT INTO PLACES (ID, NAME) VALUES (2, 'b')", "UPDATE PLACES SET NAME = 'c' WHERE ID = 1")
        assert verify.run(migration).equal
        assert not streams.results
    assert rows(target_db, "SELECT id, name FROM shop.places ORDER BY id") == [(1, "c"), (2, "b")]
