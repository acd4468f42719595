"""Pairs of Oracle's text and its translation, or why there is none; and what translated expressions give on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Database
from voyager_ops.schema.oracle.gate import Refused, translate_default, translate_expression, translate_query
from voyager_ops.schema.oracle.scope import Relation
from voyager_ops.schema.oracle.typed import BYTES, DATE, INSTANT, INTEGER, NUMBER, TEXT, TIMESTAMP, Kind, kind_of_target

FIXTURES = Path(__file__).parent / "fixtures"
COLUMNS = {
    "A": INTEGER,
    "N": NUMBER,
    "S": TEXT,
    "D": DATE,
    "TS": TIMESTAMP,
    "C3": Kind("char", length=3),
    "TZ": INSTANT,
    "B": BYTES,
    "ORDER": TEXT,
}
EMPLOYEES = {
    "EMPLOYEE_ID": INTEGER,
    "FIRST_NAME": TEXT,
    "LAST_NAME": TEXT,
    "SALARY": NUMBER,
    "DEPARTMENT_ID": INTEGER,
    "HIRE_DATE": DATE,
    "MANAGER_ID": INTEGER,
}
DEPARTMENTS = {"DEPARTMENT_ID": INTEGER, "DEPARTMENT_NAME": TEXT, "LOCATION_ID": INTEGER}


class Names:
    """Two tables and any sequence of schema HR."""

    def relation(self, owner: str, name: str) -> Relation:
        if name == "EMPLOYEES":
            return Relation(EMPLOYEES, "hr", "employees")
        if name == "DEPARTMENTS":
            return Relation(DEPARTMENTS, "hr", "departments")
        raise Refused(f"the table {name} is not known")

    def sequence(self, owner: str, name: str) -> tuple[str, str]:
        return "hr", name.lower()


def _pairs(name: str) -> Iterator[tuple[str, str]]:
    lines = [line for line in (FIXTURES / name).read_text(encoding="utf-8").splitlines() if line and not line.startswith("-- ")]
    assert len(lines) % 2 == 0
    yield from zip(lines[::2], lines[1::2], strict=True)


def _expression(given: str) -> str:
    return translate_expression(given, columns=COLUMNS).sql


def _query(given: str) -> str:
    return " ".join(translate_query(given, names=Names(), owner="HR").sql.split())


@pytest.mark.parametrize(
    ("translate", "given", "wanted"),
    [(_expression, *pair) for pair in _pairs("expressions.txt")] + [(_query, *pair) for pair in _pairs("queries.txt")],
)
def test_translations(translate: Callable[[str], str], given: str, wanted: str) -> None:
    try:
        found = f"=> {translate(given)}"
    except Refused as refused:
        found = f"=! {refused.reason}"
    assert found == wanted


def test_every_translated_query_is_accepted(target_db: Database) -> None:
    with target_db.connect() as connection:
        connection.execute(
            "CREATE SCHEMA hr; CREATE SEQUENCE hr.employees_seq;"
            "CREATE TABLE hr.employees (employee_id int, first_name varchar(20), last_name varchar(25), salary numeric(8,2),"
            " department_id smallint, hire_date timestamp(0), manager_id int);"
            "CREATE TABLE hr.departments (department_id smallint, department_name varchar(30), location_id int);"
            "CREATE TABLE t (a int, n numeric, s varchar(20), d timestamp(0), ts timestamp, c3 char(3), tz timestamptz, b bytea,"
            ' "order" text);'
            "SET search_path = ''"
        )
        for given, wanted in _pairs("queries.txt"):
            if wanted.startswith("=> "):
                connection.execute(wanted.removeprefix("=> ").encode())
            assert given
        for _, wanted in _pairs("expressions.txt"):
            if wanted.startswith("=> "):
                connection.execute(f"SELECT {wanted.removeprefix('=> ')} FROM public.t".encode())


# What Oracle gives, by its documentation.
VALUES = [
    ("7/2", Decimal("3.5")),
    ("1/4*4", Decimal(1)),
    ("SUBSTR('hello', -3, 2)", "ll"),
    ("SUBSTR('hello', 0, 2)", "he"),
    ("SUBSTR('hello', -9)", None),
    ("SUBSTR('hello', 9)", None),
    ("SUBSTR('hello', 2, 0)", None),
    ("SUBSTR('a@b', INSTR('a@b', '@') + 1)", "b"),
    ("SUBSTR('hello', LENGTH('ab') - 4, 2)", "lo"),
    ("'a' || NULL", "a"),
    ("'' || NULL", None),
    ("NVL('', 'x')", "x"),
    ("CASE WHEN '' IS NULL THEN 1 ELSE 0 END", 1),
    ("LENGTH('')", None),
    ("TRIM('  ')", None),
    ("REPLACE('aaa', 'a')", None),
    ("REPLACE('abc', 'b', '')", "ac"),
    ("DECODE(NULL, NULL, 1, 2)", 1),
    ("DECODE(3, 1, 'a', 2, 'b')", None),
    ("GREATEST(1, NULL)", None),
    ("GREATEST(1, 2)", 2),
    ("MOD(7, 0)", 7),
    ("MOD(-7, 3)", -1),
    ("ROUND(2.5)", Decimal(3)),
    ("ROUND(-2.5)", Decimal(-3)),
    ("ROUND(1234, -2)", Decimal(1200)),
    ("TRUNC(-2.7)", Decimal(-2)),
    ("TRUNC(2.789, 2)", Decimal("2.78")),
    ("CEIL(-1.5)", Decimal(-1)),
    ("BITAND(6, 3)", 2),
    ("INITCAP('the sOAP')", "The Soap"),
    ("LPAD('7', 3, '0')", "007"),
    ("INSTR('corporate', 'or')", 2),
    ("TRANSLATE('SQL*Plus', ' */''', '___')", "SQL_Plus"),
    ("TO_CHAR(12)", "12"),
    ("TO_CHAR(1234.5, 'FM9,999.00')", "1,234.50"),
    ("TO_DATE('2004-02-29', 'YYYY-MM-DD') + 1", datetime(2004, 3, 1)),
    ("TO_DATE('2004-02-29', 'YYYY-MM-DD') + 1/24", datetime(2004, 2, 29, 1)),
    ("TO_DATE('2004-03-01', 'YYYY-MM-DD') - TO_DATE('2004-02-01', 'YYYY-MM-DD')", Decimal(29)),
    ("ADD_MONTHS(DATE '2001-02-28', 1)", datetime(2001, 3, 31)),
    ("ADD_MONTHS(DATE '2001-01-31', 1)", datetime(2001, 2, 28)),
    ("ADD_MONTHS(DATE '2001-01-15', -1)", datetime(2000, 12, 15)),
    ("ROUND(MONTHS_BETWEEN(DATE '1995-02-02', DATE '1995-01-01'), 8)", Decimal("1.03225806")),
    ("MONTHS_BETWEEN(DATE '2001-03-31', DATE '2001-02-28')", Decimal(1)),
    ("MONTHS_BETWEEN(DATE '2001-03-15', DATE '2000-12-15')", Decimal(3)),
    ("ROUND(MONTHS_BETWEEN(DATE '2001-01-01', DATE '2001-01-31'), 9)", Decimal("-0.967741935")),
    ("LAST_DAY(DATE '2000-02-10')", datetime(2000, 2, 29)),
    ("TRUNC(TO_DATE('2001-08-19 13:14:15', 'YYYY-MM-DD HH24:MI:SS'), 'Q')", datetime(2001, 7, 1)),
    ("TRUNC(TO_DATE('2001-08-19 13:14:15', 'YYYY-MM-DD HH24:MI:SS'))", datetime(2001, 8, 19)),
    ("TRUNC(TO_DATE('2001-08-19 13:14:15', 'YYYY-MM-DD HH24:MI:SS'), 'IW')", datetime(2001, 8, 13)),
    ("TO_DATE('12:30 PM 3-JAN-99', 'HH12:MI AM DD-MON-RR')", datetime(1999, 1, 3, 12, 30)),
    ("TO_CHAR(DATE '2020-03-05', 'DD-MON-YYYY')", "05-MAR-2020"),
    ("EXTRACT(YEAR FROM DATE '1998-03-07')", Decimal(1998)),
    ("TIMESTAMP '2000-01-01 00:00:02' - TIMESTAMP '2000-01-01 00:00:00'", timedelta(seconds=2)),
    ("NUMTODSINTERVAL(36, 'HOUR')", timedelta(hours=36)),
    ("EXTRACT(DAY FROM NUMTODSINTERVAL(30, 'HOUR'))", Decimal(1)),
    ("EXTRACT(HOUR FROM INTERVAL '1 18:00:00' DAY TO SECOND * 2)", Decimal(12)),
    ("NVL(TO_NUMBER('5'), '7')", Decimal(5)),
    ("NVL('a', 5)", "a"),
    ("NVL(DATE '2020-01-01', TIMESTAMP '2020-01-01 10:00:00.9') - DATE '2019-12-31'", Decimal(1)),
    ("NVL2(1, 'x', 5)", "x"),
    ("DECODE(1, 1, NULL, 5)", None),
    ("DECODE(2, 1, NULL, 5)", "5"),
    ("DECODE(1, 2, 'x', 5)", "5"),
    ("DECODE(1, 2, 5, '7')", 7),
    ("DECODE(1, '01', 'a', '1', 'b')", "b"),
    ("DECODE('abc', 'x', 1, 5, 2, 3)", 3),
    ("REPLACE('a' || CHR(10) || 'b', CHR(10), ' ')", "a b"),
    ("LEAST(DATE '2020-01-01', TIMESTAMP '2020-01-01 00:00:00.5')", datetime(2020, 1, 1)),
    ("CAST(TO_TIMESTAMP('2020-01-01 10:00:00', 'YYYY-MM-DD HH24:MI:SS') AS DATE)", datetime(2020, 1, 1, 10)),
    ("CAST(TIMESTAMP '2020-06-01 10:00:00 +05:00' AT TIME ZONE 'UTC' AS DATE)", datetime(2020, 6, 1, 5)),
    ("CAST(TIMESTAMP '2020-06-01 10:00:00 +05:00' AT TIME ZONE 'Europe/Zurich' AS TIMESTAMP)", datetime(2020, 6, 1, 7)),
    ("SYS_EXTRACT_UTC(TIMESTAMP '2020-06-01 10:00:00 +05:00')", datetime(2020, 6, 1, 5)),
    ("CASE WHEN REGEXP_LIKE('aab', '^a{2}b?$') THEN 1 ELSE 0 END", 1),
    ("INTERVAL '-1 02:00:00' DAY TO SECOND", timedelta(days=-1, hours=-2)),
    ("CASE WHEN REGEXP_LIKE('a' || CHR(10) || 'b', 'a.b') THEN 1 ELSE 0 END", 0),
    ("CASE WHEN REGEXP_LIKE('a' || CHR(10) || 'b', 'a.b', 'n') THEN 1 ELSE 0 END", 1),
    ("CASE WHEN REGEXP_LIKE('Straße9', '^[[:alpha:]]+\\d$') THEN 1 ELSE 0 END", 1),
    ("CASE WHEN REGEXP_LIKE('a\\b', '[\\]') THEN 1 ELSE 0 END", 1),
    ("CASE WHEN REGEXP_LIKE('ABC', 'b', 'i') THEN 1 ELSE 0 END", 1),
    ("CASE WHEN 'a\\b' LIKE 'a\\%' THEN 1 ELSE 0 END", 1),
    ("CASE WHEN 'a_b' LIKE 'a!_b' ESCAPE '!' THEN 1 ELSE 0 END", 1),
    ("CASE WHEN 'axb' NOT LIKE 'a!_b' ESCAPE '!' THEN 1 ELSE 0 END", 1),
    ("CASE WHEN 'a' < 'B' THEN 1 ELSE 0 END", 0),
    ("CASE WHEN 'Z' BETWEEN 'A' AND 'a' THEN 1 ELSE 0 END", 1),
    ("CASE WHEN NULL <> 'x' THEN 1 ELSE 0 END", 0),
    ("CASE WHEN LNNVL(NULL > 1) THEN 1 ELSE 0 END", 1),
    ("CASE WHEN (1, 'a') IN ((1, 'a'), (2, 'b')) THEN 1 ELSE 0 END", 1),
    ("2 - (3 - 4)", 3),
    ("-(-3)", 3),
    ("2 * (3 + 4) / 7", Decimal(2)),
    ("q'[it's]'", "it's"),
    ("HEXTORAW('00FF')", b"\x00\xff"),
    ("RAWTOHEX(HEXTORAW('00ff'))", "00FF"),
]


@pytest.mark.parametrize(("given", "wanted"), VALUES, ids=[given for given, _ in VALUES])
def test_values(given: str, wanted: object, values_db: Database) -> None:
    with values_db.connect() as connection:
        found = connection.execute(f"SELECT {translate_expression(given).sql}".encode()).fetchone()
    assert found == (wanted,)


@pytest.fixture(scope="module")
def values_db(target_cluster: object) -> Iterator[Database]:
    from tests.conftest import create_database, drop_database

    database = create_database(target_cluster)  # type: ignore[arg-type]
    yield database
    drop_database(database)


# What is read, None where Oracle raises an error: so does the target.
READ = [
    ("2020-02-29", "YYYY-MM-DD", datetime(2020, 2, 29)),
    ("2020/2/9", "YYYY-MM-DD", datetime(2020, 2, 9)),
    ("2020-02-30", "YYYY-MM-DD", None),
    ("2020-02-03 04", "YYYY-MM-DD", None),
    ("now", "YYYY-MM-DD", None),
    ("infinity", "YYYY-MM-DD", None),
    ("0000-01-01", "YYYY-MM-DD", None),
    ("31.12.1999", "DD.MM.YYYY", datetime(1999, 12, 31)),
    ("12.31.1999", "DD.MM.YYYY", None),
    ("01/02/03", "DD/MM/RR", datetime(2003, 2, 1)),
    ("01/02/50", "DD/MM/RR", datetime(1950, 2, 1)),
    ("01/02/49", "DD/MM/RR", datetime(2049, 2, 1)),
    ("01/02/99", "DD/MM/YY", datetime(2099, 2, 1)),
    ("01/02/1999", "DD/MM/YY", datetime(1999, 2, 1)),
    ("99-01-02", "RRRR-MM-DD", datetime(1999, 1, 2)),
    ("991231", "RRMMDD", datetime(1999, 12, 31)),
    ("20201231", "YYYYMMDD", datetime(2020, 12, 31)),
    ("2020123", "YYYYMMDD", None),
    ("20201231235958", "YYYYMMDDHH24MISS", datetime(2020, 12, 31, 23, 59, 58)),
    ("2020-01-02 3:4", "YYYY-MM-DD HH24:MI:SS", datetime(2020, 1, 2, 3, 4)),
    ("2020-01-02 24:00:00", "YYYY-MM-DD HH24:MI:SS", None),
    ("2020-01-02 23:59:60", "YYYY-MM-DD HH24:MI:SS", None),
    ("2020-01-02T03:04:05.67", 'YYYY-MM-DD"T"HH24:MI:SS.FF3', datetime(2020, 1, 2, 3, 4, 5, 670000)),
    ("2020-01-02", 'YYYY-MM-DD"T"HH24:MI:SS.FF', datetime(2020, 1, 2)),
]


@pytest.mark.parametrize("style", ["ISO, MDY", "German, DMY", "SQL, YMD"])
def test_text_is_read_as_a_date_as_the_mask_says(style: str, values_db: Database) -> None:
    with values_db.connect() as connection:
        connection.execute(f"SET datestyle = '{style}'")
        for given, mask, wanted in READ:
            sql = translate_expression(f"TO_TIMESTAMP(S, '{mask}')", columns=COLUMNS).sql
            query = f"SELECT to_char({sql}, 'YYYY-MM-DD HH24:MI:SS.US') FROM (SELECT '{given}'::text AS s) t".encode()
            if wanted is None:
                with pytest.raises((psycopg.errors.InvalidDatetimeFormat, psycopg.errors.DatetimeFieldOverflow)):
                    connection.execute(query)
            else:
                assert connection.execute(query).fetchone() == (f"{wanted:%Y-%m-%d %H:%M:%S.%f}",), (given, mask)
        sql = translate_expression("TO_DATE(A, 'YYYYMMDD')", columns=COLUMNS).sql
        whole = connection.execute(f"SELECT {sql} = '2020-12-31' FROM (VALUES (20201231), (NULL)) t (a)".encode()).fetchall()
        assert whole == [(True,), (None,)]


def test_char_keeps_its_blanks(target_db: Database) -> None:
    columns = {"C": Kind("char", length=5), "V": TEXT}
    with target_db.connect() as connection:
        connection.execute("CREATE TABLE t (c char(5), v varchar(9)); INSERT INTO t VALUES ('ab', 'ab')")
        for given, wanted in [
            ("C || 'x'", "ab   x"),
            ("LENGTH(C)", 5),
            ("CASE WHEN C = 'ab' THEN 1 ELSE 0 END", 1),
            ("CASE WHEN C = V THEN 1 ELSE 0 END", 0),
            ("CASE WHEN UPPER(C) = 'AB' THEN 1 ELSE 0 END", 1),
            ("CASE WHEN UPPER(C) = UPPER(V) THEN 1 ELSE 0 END", 0),
            ("CASE WHEN C || 'x ' = 'ab   x' THEN 1 ELSE 0 END", 1),
            ("CASE WHEN NVL(C, 'x') = 'ab' THEN 1 ELSE 0 END", 0),
            ("DECODE(C, 'ab', 1, 'ab   ', 2)", 2),
            ("LENGTH(NULLIF(UPPER(C), 'x'))", 5),
            ("NULLIF(UPPER(C), 'AB')", None),
            ("NULLIF(V, C) || '!'", "ab!"),
        ]:
            sql = translate_expression(given, columns=columns).sql
            assert connection.execute(f"SELECT {sql} FROM t".encode()).fetchone() == (wanted,)


def test_numbers_are_written_as_oracle_writes_them(target_db: Database) -> None:
    columns = {"P": kind_of_target("numeric(9,3)"), "N": NUMBER}
    with target_db.connect() as connection:
        for given, wanted in [
            ("0.5", ".5"),
            ("-0.25", "-.25"),
            ("1.500", "1.5"),
            ("10", "10"),
            ("0", "0"),
            ("100.250", "100.25"),
        ]:
            sql = translate_expression("TO_CHAR(P) || '!'", columns=columns).sql
            found = connection.execute(f"SELECT {sql} FROM (SELECT {given}::numeric(9,3) AS p) t".encode()).fetchone()
            assert found == (f"{wanted}!",)
        columns = {"B": kind_of_target("numeric")}
        for given, wanted in [("0.50", ".5"), ("123456789.10", "123456789.1"), ("1e20", "1" + "0" * 20)]:
            sql = translate_expression("'<' || B", columns=columns).sql
            found = connection.execute(f"SELECT {sql} FROM (SELECT {given}::numeric AS b) t".encode()).fetchone()
            assert found == (f"<{wanted}",)
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            connection.execute(f"SELECT {sql} FROM (SELECT 1e-50::numeric AS b) t".encode())
    with pytest.raises(Refused, match="turned into text"):
        translate_expression("TO_CHAR(B / 3)", columns=columns)


def test_a_short_binary_number_is_compared_as_one(target_db: Database) -> None:
    columns = {"F": kind_of_target("real"), "N": NUMBER}
    with target_db.connect() as connection:
        for given, wanted in [
            ("CASE WHEN F = 1.1 THEN 1 ELSE 0 END", 1),
            ("CASE WHEN F IN (1, N) THEN 1 ELSE 0 END", 1),
            ("CASE WHEN F + N = 2.2 THEN 1 ELSE 0 END", 1),
        ]:
            sql = translate_expression(given, columns=columns).sql
            assert connection.execute(f"SELECT {sql} FROM (SELECT 1.1::real AS f, 1.1 AS n) t".encode()).fetchone() == (wanted,)


def test_what_may_change_is_refused_in_indexes_and_generated_columns() -> None:
    for given in ("SYSDATE", "TO_CHAR(D, 'YYYY')", "USER", "SYS_GUID()", "SYSTIMESTAMP", "TO_DATE(S, 'YYYY-MM-DD')"):
        assert translate_expression(given, columns=COLUMNS)
        with pytest.raises(Refused, match="does not give the same value for ever"):
            translate_expression(given, columns=COLUMNS, lasting=True)


def test_defaults_are_not_converted_by_settings() -> None:
    assert translate_default("'Y'", TEXT).sql == "'Y'"
    assert translate_default("'5'", NUMBER).sql == "5"
    assert translate_default("SYSDATE", DATE).kind == DATE
    assert translate_default("0", TEXT).sql == "0"
    in_utc = "SYSTIMESTAMP AT TIME ZONE 'UTC'"
    assert translate_default(in_utc, TIMESTAMP).sql == "timezone('UTC', statement_timestamp())"
    assert translate_default(in_utc, INSTANT).sql == "statement_timestamp()"
    assert translate_default("SYSTIMESTAMP", DATE).sql == "date_trunc('second', statement_timestamp())"
    for text, column in [("'01-JAN-99'", DATE), ("SYSDATE", TEXT), ("'x'", NUMBER), ("'AB'", BYTES), ("1", DATE)]:
        with pytest.raises(Refused):
            translate_default(text, column)
