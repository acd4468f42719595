"""Keys, names and values that are awkward, from a simulated Oracle: snapshot, changes and verification of the same rows agree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import oracledb
import pytest

from tests.conftest import Database
from tests.oracle_kit import ShopOracle, migrations, shop_oracle
from tests.phases.test_whole import streaming, wait
from voyager_ops.model.positions import Lane
from voyager_ops.phases import export_data, export_schema, import_schema, preflight, status, verify
from voyager_ops.testing.postgres import Cluster

CONFIG = "changes: {heartbeat: 300ms}\ncutover: {prepare_for_fall_back: false}\nsnapshot: {chunk_size: 64KB}\n"
BEFORE_CHRIST = "TO_DATE('-0044-03-15 12:00:00', 'SYYYY-MM-DD HH24:MI:SS')"
TABLES: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    # columns; rows, of which every other one is there before the snapshot; statements on them while changes are streamed
    "CHARKEY": (
        "K CHAR(5) PRIMARY KEY, V CHAR(4 CHAR), N NCHAR(3)",
        ("'ab', 'é', N'Ж'", "'é', '', NULL", "'it''s', 'x', N'y'", "'z', 'x', N'y'"),
        ("UPDATE {t} SET K = 'moved' WHERE K = 'ab'", "UPDATE {t} SET V = N", "DELETE FROM {t} WHERE K = 'é'"),
    ),
    "DATEKEY": (
        "D DATE, C CHAR(3), N NUMBER(6,3), V VARCHAR2(10), PRIMARY KEY (D, C, N)",
        (f"{BEFORE_CHRIST}, 'a', 0.001, 'x'", "DATE '9999-12-31', 'a', -999.999, 'x'", f"{BEFORE_CHRIST}, 'a', 1, NULL"),
        ("UPDATE {t} SET D = D + 1/86400 WHERE N > 0", "UPDATE {t} SET N = N + 0.001", "DELETE FROM {t} WHERE N = 1.001"),
    ),
    "FRACTIONS": (
        "K NUMBER PRIMARY KEY, V VARCHAR2(5)",
        ("0.1, 'a'", "1E-130, 'a'", "9.99E125, 'a'", "-0.5, 'a'", "99999999999999999999999999999999999999, 'a'"),
        ("UPDATE {t} SET K = K + 0.25 WHERE K BETWEEN -1 AND -0.1", "UPDATE {t} SET V = 'u'", "DELETE FROM {t} WHERE K = 0.1"),
    ),
    "WORDS": (
        "K VARCHAR2(10) PRIMARY KEY, V NVARCHAR2(10)",
        ("'a', N'x'", "'a ', N'\\N'", r"'a  ', UNISTR('\D83D\DE00')", "'\\N', N'\\.'", "''', ''b', N''','''"),
        ("UPDATE {t} SET V = K", "UPDATE {t} SET K = K || '!' WHERE K = 'a '", "DELETE FROM {t} WHERE K = 'a'"),
    ),
    "FLOATS": (
        "K BINARY_DOUBLE PRIMARY KEY, V BINARY_FLOAT",
        ("BINARY_DOUBLE_NAN, 0.1F", "-BINARY_DOUBLE_INFINITY, BINARY_FLOAT_NAN", "0.1D, 3.40282347E38F", "1E15D, -0.0F"),
        ("UPDATE {t} SET V = 1.5F WHERE K = BINARY_DOUBLE_NAN", "DELETE FROM {t} WHERE K = 0.1D"),
    ),
    "LARGE": (
        "D DATE, C CHAR(3), B CLOB, PRIMARY KEY (D, C)",
        (f"{BEFORE_CHRIST}, 'a', RPAD('é', 3000, 'x')", "DATE '2020-01-01', 'b', EMPTY_CLOB()", "DATE '2020-01-01', 'c', NULL"),
        (
            "UPDATE {t} SET B = B || RPAD('y', 3000, 'y')", "UPDATE {t} SET C = 'm' WHERE C = 'a'",
            "UPDATE {t} SET B = 'gone' WHERE C = 'b'", "DELETE FROM {t} WHERE C = 'b'",
        ),
    ),
    '"Order"': (
        '"select" NUMBER(5) PRIMARY KEY, "It\'s" VARCHAR2(20), "a.b" VARCHAR2(20), "x %s :1" DATE, "USER" NUMBER(3)',
        ("1, 'a', 'b', DATE '2020-01-01', 1", "2, '\", \"a.b\" = ', NULL, NULL, 2"),
        ('UPDATE {t} SET "It\'s" = \'"a.b" = \'\'x\'\'\'', 'UPDATE {t} SET "select" = "select" + 7'),
    ),
    "NOKEY": (
        "A NUMBER, B VARCHAR2(20), C BINARY_DOUBLE, D DATE, E CHAR(4), T TIMESTAMP(9)",
        (
            *(f"1.50, 'dup', BINARY_DOUBLE_NAN, {BEFORE_CHRIST}, 'é', TIMESTAMP '2020-01-01 00:00:00.123456789'",) * 4,
            *("NULL, NULL, NULL, NULL, NULL, NULL",) * 4, "1E-130, ' ', -0.0D, NULL, NULL, NULL",
        ),
        ("DELETE FROM {t} WHERE B = 'dup' AND ROWNUM = 1", "UPDATE {t} SET B = 'one' WHERE B IS NULL AND ROWNUM = 1"),
    ),
    "WIDE": (
        f"ID NUMBER(5) PRIMARY KEY, {', '.join(f'C{number} VARCHAR2(20) DEFAULT {number}' for number in range(200))}",
        (", ".join(["1", *(["'v'"] * 200)]), ", ".join(["2", *(["NULL"] * 200)])),
        ("UPDATE {t} SET C1 = 'x', C199 = NULL", "UPDATE {t} SET ID = ID + 9"),
    ),
}  # fmt: skip


@pytest.fixture
def oracle(source_cluster: Cluster) -> Iterator[ShopOracle]:
    with shop_oracle(source_cluster) as made:
        made.run(*(f"CREATE TABLE {name} ({columns})" for name, (columns, _, _) in TABLES.items()))
        yield made


def _rows(oracle: ShopOracle, first: int) -> None:
    with oracle.session() as cursor:
        for name, (_, rows, _) in TABLES.items():
            for row in rows[first::2]:
                cursor.execute(f"INSERT INTO {name} VALUES ({row})")


def _statements(oracle: ShopOracle) -> None:
    """Each is rolled back to a savepoint first; a transaction for every three."""
    connection = oracle.connect()
    with connection.cursor() as cursor:
        everything = [statement.format(t=name) for name, (_, _, statements) in TABLES.items() for statement in statements]
        for number, statement in enumerate(everything):
            cursor.execute("SAVEPOINT BEFORE_IT")
            cursor.execute(statement)
            cursor.execute("ROLLBACK TO BEFORE_IT")
            cursor.execute(statement)
            if number % 3 == 0:
                connection.commit()
    connection.commit()
    connection.close()


def test_awkward_keys_names_and_values(oracle: ShopOracle, target_db: Database, tmp_path: Path) -> None:
    _rows(oracle, 0)
    with migrations(oracle, target_db, tmp_path) as make:
        migration = make(CONFIG)
        assert preflight.run(migration).errors == 0
        export_schema.run(migration)
        import_schema.run(migration, "base")
        export_data.prepare(migration)
        late: oracledb.Connection = oracle.connect()
        late.cursor().execute("INSERT INTO FRACTIONS VALUES (77.5, 'open')")  # open while capture and snapshot begin
        with streaming(lambda: make(CONFIG)) as streams:
            streams.start(Lane.FORWARD)
            wait("a stream", lambda: all(status.alive(migration, Lane.FORWARD)) or bool(streams.results))
            late.commit()
            late.close()
            wait("the seam", lambda: status.seam_passed(migration) or bool(streams.results))
            assert verify.run(migration).equal
            _rows(oracle, 1)
            assert verify.run(migration).equal
            _statements(oracle)
            assert verify.run(migration).equal
            assert not streams.results
    with target_db.connect() as connection:
        assert connection.execute("SELECT v FROM shop.fractions WHERE k = 77.5").fetchall() == [("u",)]
        assert connection.execute('SELECT "select", "It\'s" FROM shop."Order" ORDER BY 1').fetchall() == [
            (8, "\"a.b\" = 'x'"),
            (9, "\"a.b\" = 'x'"),
        ]
