"""The simulator's SQL engine: expressions and their types, values at their extremes as columns hold them."""

from __future__ import annotations

import hashlib
import math
from decimal import Decimal

import pytest

from tests.testing.oracle.engine_kit import Session
from voyager_ops.testing.oracle.engine import DayInterval, MonthInterval, Timestamp, TypeNumber

# -- expressions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("SYSTIMESTAMP - SYSTIMESTAMP", DayInterval(0, 0, 0)),
        ("1/3", Decimal("0.3333333333333333333333333333333333333333")),
        ("2/3*1000000", Decimal("666666." + "6" * 33 + "7")),
        ("0.1+0.2", Decimal("0.3")),
        ("'a' || NULL || 'b'", "ab"),
        ("'' || ''", None),
        ("LENGTH('')", None),
        ("1 || 'x'", "1x"),
        ("NVL(NULL, 5)", Decimal(5)),
        ("NVL2(NULL, 'a', 'b')", "b"),
        ("DECODE(NULL, NULL, 'same', 'other')", "same"),
        ("DECODE(3, 1, 'a', 2, 'b')", None),
        ("SUBSTR('hello', -3, 2)", "ll"),
        ("SUBSTR('hello', 0, 2)", "he"),
        ("SUBSTR('hello', 9)", None),
        ("INSTR('banana', 'a', 1, 3)", Decimal(6)),
        ("INSTR('banana', 'a', -1)", Decimal(6)),
        ("LPAD('7', 3, '0')", "007"),
        ("TRIM('  x ')", "x"),
        ("REPLACE('aXbX', 'X')", "ab"),
        ("LENGTHB('é')", Decimal(2)),
        ("ASCII('A') + 1", Decimal(66)),
        ("MOD(-7, 3)", Decimal(-1)),
        ("ROUND(2.5)", Decimal(3)),
        ("ROUND(-2.567, 2)", Decimal("-2.57")),
        ("TO_CHAR(0.5)", ".5"),
        ("TO_CHAR(-1234.50)", "-1234.5"),
        ("TO_CHAR(1E125, 'TM9')", "1E+125"),
        ("TO_CHAR(1E-130, 'TM9')", "1E-130"),
        ("TO_CHAR(12345678901234567890.123, 'TM9')", "12345678901234567890.123"),
        ("TO_CHAR(255, 'FMXX')", "FF"),
        ("TO_CHAR(12, 'FM000')", "012"),
        ("TO_NUMBER('1e3')", Decimal(1000)),
        ("RAWTOHEX(HEXTORAW('0aF'))", "00AF"),
        ("UNISTR('\\00e4\\d83d\\de00')", "ä😀"),
        ("TO_CHAR(DATE '2020-02-29', 'DD.MM.YYYY')", "29.02.2020"),
        ("TO_CHAR(TO_DATE('-4712-01-01', 'SYYYY-MM-DD'), 'SYYYY-MM-DD')", "-4712-01-01"),
        ("TO_CHAR(TO_DATE('2020-02-01 13:14', 'YYYY-MM-DD HH24:MI:SS'), 'YYYY-MM-DD HH24:MI:SS')", "2020-02-01 13:14:00"),
        ("TO_CHAR(TO_DATE('1-FEB-99', 'DD-MON-RR'), 'YYYY')", "1999"),
        ("TO_CHAR(TIMESTAMP '2020-01-02 03:04:05.123456789', 'YYYY-MM-DD HH24:MI:SS.FF9')", "2020-01-02 03:04:05.123456789"),
        ("TO_CHAR(TIMESTAMP '2020-01-02 03:04:05.123456789', 'SS.FF3')", "05.123"),
        ("TO_CHAR(TIMESTAMP '2020-01-02 03:04:05 -11:30', 'HH24:MI TZH:TZM')", "03:04 -11:30"),
        ("TO_CHAR(CAST(TIMESTAMP '2020-01-02 03:04:05.6789' AS TIMESTAMP(2)), 'FF9')", "680000000"),
        ("TO_CHAR(SYS_EXTRACT_UTC(TIMESTAMP '2020-01-02 03:04:05 +01:00'), 'HH24')", "02"),
        ("TIMESTAMP '2020-01-02 00:00:00' - TIMESTAMP '2020-01-01 23:59:59.5'", DayInterval(0, 0, 500_000_000)),
        ("DATE '2020-03-01' - DATE '2020-02-01'", Decimal(29)),
        ("TO_CHAR(DATE '2020-02-28' + 1.5, 'YYYY-MM-DD HH24')", "2020-02-29 12"),
        ("TO_CHAR(ADD_MONTHS(DATE '2020-01-31', 1), 'YYYY-MM-DD')", "2020-02-29"),
        ("EXTRACT(SECOND FROM TIMESTAMP '2020-01-02 03:04:05.25')", Decimal("5.25")),
        ("INTERVAL '-1 02:03:04.5' DAY TO SECOND", DayInterval(-1, -7384, -500_000_000)),
        ("INTERVAL '1-3' YEAR TO MONTH", MonthInterval(15)),
        ("NUMTODSINTERVAL(90, 'MINUTE')", DayInterval(0, 5400)),
        ("CAST('abc' AS VARCHAR2(2))", "ab"),
        ("CAST('x' AS CHAR(3))", "x  "),
        ("CAST(12.345 AS NUMBER(4,1))", Decimal("12.3")),
        ("STANDARD_HASH('a', 'MD5')", bytes.fromhex("0cc175b9c0f1b6a831c399e269772661")),
        ("SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA')", "APP"),
        ("SYS_CONTEXT('USERENV', 'CON_NAME')", "FREEPDB1"),
        ("USER", "APP"),
        ("q'[it's]'", "it's"),
        ("CASE WHEN 1 = 1 THEN 'yes' END", "yes"),
        ("BINARY_DOUBLE_INFINITY", math.inf),
        ("GREATEST(1, 3, 2)", Decimal(3)),
    ],
)
def test_expressions(app: Session, expression: str, value: object) -> None:
    assert app.one(f"SELECT {expression} FROM DUAL") == value


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("1/0", 1476),
        ("TO_NUMBER('x')", 1722),
        ("TO_DATE('2020-13-01', 'YYYY-MM-DD')", 1843),
        ("TO_DATE('2021-02-29', 'YYYY-MM-DD')", 1839),
        ("TO_DATE('2021-02-32', 'YYYY-MM-DD')", 1847),
        ("TO_DATE('2021-02-01 x', 'YYYY-MM-DD')", 1830),
        ("TO_DATE('0000-01-01', 'YYYY-MM-DD')", 1841),
        ("TO_DATE('hello', 'YYYY-MM-DD')", 1858),
        ("TO_DATE('2020-01-01 25', 'YYYY-MM-DD HH24')", 1850),
        ("HEXTORAW('xy')", 1465),
        ("NOSUCH(1)", 904),
        ("NOSUCH", 904),
        ("'open", 1756),
    ],
)
def test_errors_of_expressions(app: Session, expression: str, code: int) -> None:
    assert app.error(f"SELECT {expression} FROM DUAL")[0] == code


@pytest.mark.parametrize("text", ["", "a", "ä" * 30, "x" * 55, "x" * 56, "x" * 64, "x" * 200])
def test_standard_hash_is_sha1_by_default(app: Session, text: str) -> None:
    assert app.one("SELECT STANDARD_HASH(:1) FROM DUAL", text) == hashlib.sha1(text.encode(), usedforsecurity=False).digest()


def test_names_and_types_of_columns(app: Session) -> None:
    app.sql('CREATE TABLE T (N NUMBER(5,2), F FLOAT, I INTEGER, V VARCHAR2(10 CHAR), C CHAR(3), TS TIMESTAMP(9), "q" DATE)')
    described = app.columns("SELECT N, F, I, V, C, TS, \"q\", COUNT(*) OVER (), v || 'x', 1 one, SYSDATE FROM T")
    assert [(c.name, c.type, c.precision, c.scale, c.size) for c in described] == [
        ("N", TypeNumber.NUMBER, 5, 2, 0),
        ("F", TypeNumber.NUMBER, 126, -127, 0),
        ("I", TypeNumber.NUMBER, 38, 0, 0),
        ("V", TypeNumber.VARCHAR2, 0, 0, 40),
        ("C", TypeNumber.CHAR, 0, 0, 3),
        ("TS", TypeNumber.TIMESTAMP, 0, 9, 0),
        ("q", TypeNumber.DATE, 0, 0, 0),
        ("COUNT(*)OVER()", TypeNumber.NUMBER, 0, -127, 0),
        ("V||'x'", TypeNumber.VARCHAR2, 0, 0, 4000),
        ("ONE", TypeNumber.NUMBER, 0, -127, 0),
        ("SYSDATE", TypeNumber.DATE, 0, 0, 0),
    ]


# -- values --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("NUMBER", Decimal("99999999999999999999999999999999999999")),
        ("NUMBER", Decimal("-0.00000000000000000000000000000000000001234567890123456789012345678901234567")),
        ("NUMBER", Decimal("9.99E125")),
        ("NUMBER", Decimal("1E-130")),
        ("NUMBER(38)", Decimal("-99999999999999999999999999999999999999")),
        ("BINARY_DOUBLE", -0.0),
        ("BINARY_DOUBLE", math.inf),
        ("BINARY_DOUBLE", 5e-324),
        ("BINARY_FLOAT", 1.5),
        ("VARCHAR2(4 BYTE)", "😀"),
        ("NVARCHAR2(3)", "äöü"),
        ("CLOB", "x" * 1_000_000),
        ("RAW(3)", b"\x00\xff\x10"),
        ("BLOB", bytes(range(256)) * 1000),
        ("TIMESTAMP(9)", Timestamp(9999, 12, 31, 23, 59, 59, 999_999_999)),
        ("TIMESTAMP(9)", Timestamp(-4712, 1, 1, 0, 0, 0, 1)),
        ("TIMESTAMP(9) WITH TIME ZONE", Timestamp(2020, 1, 1, 13, 14, 15, 123_456_789, -690)),
        ("INTERVAL DAY(9) TO SECOND(9)", DayInterval(-999_999_999, -86_399, -999_999_999)),
        ("INTERVAL YEAR(9) TO MONTH", MonthInterval(-11_999_999_999)),
        ("CHAR(5)", "ab   "),
    ],
)
def test_a_value_comes_back_as_it_was(app: Session, kind: str, value: object) -> None:
    app.sql(f"CREATE TABLE T (V {kind})")
    app.sql("INSERT INTO T VALUES (:1)", value)
    found = app.one("SELECT V FROM T")
    assert found == value
    assert not isinstance(value, float) or math.copysign(1, value) == math.copysign(1, float(str(found)))


def test_nan(app: Session) -> None:
    app.sql("CREATE TABLE T (V BINARY_DOUBLE)")
    app.sql("INSERT INTO T VALUES (:1)", math.nan)
    assert math.isnan(float(str(app.one("SELECT V FROM T"))))


def test_dates_before_christ(app: Session) -> None:
    app.sql("CREATE TABLE T (D DATE)")
    app.sql("INSERT INTO T VALUES (:1)", Timestamp(-4712, 1, 1, 1, 2, 3))
    assert app.one("SELECT D FROM T") == Timestamp(-4712, 1, 1, 1, 2, 3)
    assert app.one("SELECT TO_CHAR(D, 'SYYYY-MM-DD HH24:MI:SS') FROM T") == "-4712-01-01 01:02:03"


def test_the_empty_string_is_null_but_an_empty_clob_is_not(app: Session) -> None:
    app.sql("CREATE TABLE T (V VARCHAR2(5), C CLOB, B BLOB)")
    app.sql("INSERT INTO T VALUES ('', EMPTY_CLOB(), EMPTY_BLOB())")
    app.sql("INSERT INTO T (V) VALUES (:1)", "")
    assert app.sql("SELECT V, C, B FROM T ORDER BY DBMS_LOB.GETLENGTH(C) NULLS LAST") == [(None, "", b""), (None, None, None)]
    assert app.one("SELECT COUNT(*) FROM T WHERE DBMS_LOB.GETLENGTH(C) = 0") == 1


def test_char_is_compared_blank_padded_with_literals_only(app: Session) -> None:
    app.sql("CREATE TABLE T (C CHAR(5), V VARCHAR2(5))")
    app.sql("INSERT INTO T VALUES ('ab', 'ab')")
    assert app.one("SELECT COUNT(*) FROM T WHERE C = 'ab'") == 1
    assert app.one("SELECT COUNT(*) FROM T WHERE C = :1", "ab") == 0
    assert app.one("SELECT COUNT(*) FROM T WHERE C = :1", "ab   ") == 1
    assert app.one("SELECT COUNT(*) FROM T WHERE C = V") == 0
    assert app.one("SELECT LENGTH(C) || '|' || C FROM T") == "5|ab   "


def test_lengths_in_bytes_and_in_characters(app: Session) -> None:
    app.sql("CREATE TABLE T (B VARCHAR2(3 BYTE), C VARCHAR2(3 CHAR), P CHAR(3), R RAW(2))")
    app.sql("INSERT INTO T (C, P) VALUES ('äöü', 'ä')")
    assert app.one("SELECT LENGTHB(P) FROM T") == 3
    assert app.error("INSERT INTO T (B) VALUES ('äö')") == (
        12899,
        'value too large for column "APP"."T"."B" (actual: 4, maximum: 3)',
    )
    assert app.error("INSERT INTO T (C) VALUES (:1)", "äöüx")[0] == 12899
    assert app.error("INSERT INTO T (R) VALUES (HEXTORAW('010203'))")[0] == 12899


def test_numbers_are_rounded_to_their_scale(app: Session) -> None:
    app.sql("CREATE TABLE T (A NUMBER(5,-2), B NUMBER(3,5), C NUMBER(*,2), D TIMESTAMP(3))")
    app.sql("INSERT INTO T VALUES (12350, 0.001234, 1.005, TIMESTAMP '2020-01-01 00:00:00.0005')")
    assert app.sql("SELECT A, B, C, TO_CHAR(D, 'FF9') FROM T") == [
        (Decimal(12400), Decimal("0.00123"), Decimal("1.01"), "001000000")
    ]
    assert app.error("INSERT INTO T (B) VALUES (0.01)")[0] == 1438


@pytest.mark.parametrize(
    ("kind", "given", "held"),
    [
        ("FLOAT(5)", "12.79", "13"),  # these four are Oracle's own examples
        ("FLOAT(5)", "123.45", "120"),
        ("FLOAT(5)", "7.89", "7.9"),
        ("FLOAT(5)", "1.23", "1.2"),
        ("FLOAT(5)", "-0.00996", "-0.01"),
        ("FLOAT", "1.2345678901234567890123456789012345678901", "1.2345678901234567890123456789012345679"),
        ("REAL", "0", "0"),
        ("NUMBER", "12" + "3" * 38 + "5", "12" + "3" * 37 + "00"),  # an odd number of digits: the first of 20 pairs is one
        ("NUMBER", "0.0" + "7" * 40, "0.0" + "7" * 38 + "8"),
        ("NUMBER", "0.00" + "7" * 41, "0.00" + "7" * 39 + "8"),
        ("NUMBER", "1" + "7" * 39, "1" + "7" * 39),
        ("NUMBER", "4" + "0" * 125, "4" + "0" * 125),
        ("NUMBER", "0." + "0" * 130 + "1", "0"),
        ("NUMBER(*,2)", "1.234", "1.23"),
    ],
)
def test_numbers_are_rounded_to_what_their_column_holds(app: Session, kind: str, given: str, held: str) -> None:
    app.sql(f"CREATE TABLE T (ID NUMBER(9), N {kind}, V NUMBER GENERATED ALWAYS AS (ID * 2))")
    app.sql(f"INSERT INTO T (ID, N) VALUES (1, {given})")
    app.sql(f"INSERT INTO T (ID, N) SELECT 2, {given} FROM DUAL")
    app.sql("INSERT INTO T (ID) VALUES (3)")
    app.sql(f"UPDATE T SET N = {given} WHERE ID = 3")
    assert {value for (value,) in app.sql("SELECT N FROM T")} == {Decimal(held)}
    app.sql("ALTER TABLE T RENAME COLUMN N TO M")
    app.sql(f"INSERT INTO T (ID, M) VALUES (4, {given})")
    assert app.one("SELECT M FROM T WHERE ID = 4") == Decimal(held)


def test_a_zero_beside_a_number_that_is_rounded_stays_one(app: Session) -> None:
    app.sql("CREATE TABLE T (N NUMBER, M NUMBER, F FLOAT(10), E NUMBER)")
    app.sql(f"INSERT INTO T VALUES ({'7' * 41}, 0, 0, NULL)")
    assert app.sql("SELECT N, M, F, E FROM T") == [(Decimal("7" * 38 + "800"), 0, 0, None)]


def test_a_number_that_is_too_large(app: Session) -> None:
    app.sql("CREATE TABLE T (N NUMBER, M NUMBER)")
    assert app.error(f"INSERT INTO T (N) VALUES (1{'0' * 126})") == (1426, "numeric overflow")
    app.sql("ALTER TABLE T DROP COLUMN N")
    app.sql("ALTER TABLE T MODIFY M FLOAT(10)")
    app.sql("INSERT INTO T VALUES (12345)")
    assert app.one("SELECT M FROM T") == 12350  # four digits: 10 bits are worth 3.01


def test_large_and_national_values_are_counted_in_units_of_utf_16(app: Session) -> None:
    app.sql("CREATE TABLE T (C CLOB, N NCLOB, V NVARCHAR2(4), W VARCHAR2(4 CHAR))")
    app.sql("INSERT INTO T VALUES (:1, :1, :1, :1)", *["a\U0001f600\u00e9"] * 4)
    assert app.sql("SELECT LENGTH(C), LENGTH(N), LENGTH(V), LENGTH(W), LENGTHB(V) FROM T") == [(4, 4, 4, 3, 8)]
    assert app.sql("SELECT DBMS_LOB.GETLENGTH(C), DBMS_LOB.GETLENGTH(N) FROM T") == [(4, 4)]
    parts = "DBMS_LOB.SUBSTR(C, 3, 1), DBMS_LOB.SUBSTR(C, 1, 4), DBMS_LOB.SUBSTR(C, 2, 1), DBMS_LOB.SUBSTR(C, 9, 3)"
    assert app.sql(f"SELECT {parts} FROM T") == [("a\U0001f600", "\u00e9", "a\ufffd", "\ufffd\u00e9")]
    message = 'value too large for column "APP"."T"."V" (actual: 5, maximum: 4)'
    assert app.error("INSERT INTO T (V) VALUES (:1)", "\U0001f600\U0001f600x") == (12899, message)
    app.sql("INSERT INTO T (W) VALUES (:1)", "\U0001f600" * 4)


def test_a_geometry_is_seen_as_its_text_only(app: Session) -> None:
    app.sql("CREATE TABLE G (ID NUMBER PRIMARY KEY, S SDO_GEOMETRY, T MDSYS.SDO_GEOMETRY)")
    app.sql("INSERT INTO G VALUES (1, SDO_GEOMETRY('POINT (1 2)', 4326), MDSYS.SDO_UTIL.FROM_WKTGEOMETRY('POINT (3 4)'))")
    app.sql("INSERT INTO G VALUES (2, NULL, MDSYS.SDO_GEOMETRY('POINT (5 6)'))")
    text = "CASE WHEN S IS NOT NULL THEN SDO_UTIL.TO_WKTGEOMETRY(S) END"
    assert app.sql(f"SELECT {text}, SDO_UTIL.TO_WKTGEOMETRY(T) FROM G ORDER BY ID") == [
        ("POINT (1 2)", "POINT (3 4)"),
        (None, "POINT (5 6)"),
    ]
    described = "SELECT DATA_TYPE, DATA_TYPE_OWNER FROM USER_TAB_COLS WHERE TABLE_NAME = 'G' AND COLUMN_NAME <> 'ID'"
    assert app.sql(described) == [("SDO_GEOMETRY", "MDSYS")] * 2
    assert app.error("SELECT SDO_UTIL.TO_WKTGEOMETRY(S) FROM G")[0] == 29532
    assert app.error("SELECT TO_CHAR(S) FROM G")[0] == 932
