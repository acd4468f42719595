"""Values at the extremes of every row of the type table: as the driver gives them, as LogMiner writes them, as PostgreSQL prints.

``given``: what the driver has for the column's select expression (Arrow or not); ``literal``: the redo literal, '' where the redo
does not hold such a value; ``text``: the canonical text of the target type.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

NAN, INFINITY = float("nan"), float("inf")


@dataclass(frozen=True)
class Case:
    ddl: str
    given: Any
    literal: str
    text: str
    target: str = ""
    """An override; '' the table's own."""
    length: int | None = None

    def __str__(self) -> str:
        return f"{self.ddl}{' as ' + self.target if self.target else ''}: {self.text[:40]!r}"


def f32(value: float) -> float:
    return float(struct.unpack(">f", struct.pack(">f", value))[0])


NINES = "9" * 38
NUMBERS = [
    # NUMBER without precision arrives as TO_CHAR's TM9 text.
    Case("NUMBER", "0", "'0'", "0"),
    Case("NUMBER", ".5", "'.5'", "0.5"),
    Case("NUMBER", "-.5", "'-.5'", "-0.5"),
    Case("NUMBER", "-12345678901234567890.123", "'-12345678901234567890.123'", "-12345678901234567890.123"),
    Case("NUMBER", NINES, f"'{NINES}'", NINES),
    Case("NUMBER", "1234567890123456789012345678901234567890", "'1234567890123456789012345678901234567890'",
         "1234567890123456789012345678901234567890"),
    Case("NUMBER", "1E-130", "'1E-130'", "0." + "0" * 129 + "1"),
    Case("NUMBER", "-1E-130", "'-.0" + "0" * 128 + "1'", "-0." + "0" * 129 + "1"),
    Case("NUMBER", "9.99E+125", "'9.99E+125'", "999" + "0" * 123),
    Case("NUMBER", "-9.99E+125", "-999" + "0" * 123, "-999" + "0" * 123),
    Case("NUMBER", "100", "100", "100"),
    Case("FLOAT(126)", "3.1415926535897932384626433832795028842", "'3.1415926535897932384626433832795028842'",
         "3.1415926535897932384626433832795028842"),
    Case("NUMBER(4,0)", 9999, "'9999'", "9999"),
    Case("NUMBER(4,0)", -9999, "'-9999'", "-9999"),
    Case("NUMBER(9,0)", 999999999, "'999999999'", "999999999"),
    Case("NUMBER(18,0)", -999999999999999999, "'-999999999999999999'", "-999999999999999999"),
    Case("NUMBER(19,0)", Decimal("9999999999999999999"), "'9999999999999999999'", "9999999999999999999"),
    Case("NUMBER(38,0)", Decimal("-" + NINES), f"'-{NINES}'", f"-{NINES}"),
    Case("INTEGER", Decimal(NINES), f"'{NINES}'", NINES),
    Case("NUMBER(10,2)", Decimal("1.5"), "'1.5'", "1.50"),
    Case("NUMBER(10,2)", Decimal("-99999999.99"), "'-99999999.99'", "-99999999.99"),
    Case("NUMBER(10,2)", Decimal("0"), "'0'", "0.00"),
    Case("NUMBER(10,2)", Decimal("-0.01"), "'-.01'", "-0.01"),
    Case("NUMBER(38,10)", Decimal("9999999999999999999999999999.9999999999"), "'9999999999999999999999999999.9999999999'",
         "9999999999999999999999999999.9999999999"),
    Case("NUMBER(12,10)", Decimal("0.0000000001"), "'.0000000001'", "0.0000000001"),
    Case("NUMBER(3,5)", Decimal("0.00999"), "'.00999'", "0.00999"),
    Case("NUMBER(5,-2)", Decimal("9999900"), "'9999900'", "9999900"),
    Case("NUMBER(*,2)", Decimal("999999999999999999999999999999999999.99"), "'999999999999999999999999999999999999.99'",
         "999999999999999999999999999999999999.99"),
    Case("NUMBER(38,127)", "1E-100", "'1E-100'", "0." + "0" * 99 + "1" + "0" * 27),
    Case("NUMBER", "42", "'42'", "42", "bigint"),
    Case("NUMBER", "9223372036854775807", "'9223372036854775807'", "9223372036854775807", "bigint"),
    Case("NUMBER(8,2)", Decimal("1.5"), "'1.5'", "1.5000", "numeric(12,4)"),
    Case("NUMBER(10,4)", "1.5", "'1.5'", "1.50", "numeric(10,2)"),
    Case("NUMBER", ".1", "'.1'", "0.1", "double precision"),
    Case("NUMBER", "9.99E+125", "'9.99E+125'", "9.99e+125", "double precision"),
    Case("NUMBER", "16777217", "'16777217'", "1.6777216e+07", "real"),
    Case("NUMBER(1,0)", "1", "'1'", "t", "boolean"),
    Case("NUMBER(1,0)", "0", "'0'", "f", "boolean"),
    Case("NUMBER", "-.25", "'-.25'", "-0.25", "text"),
]  # fmt: skip

FLOATS = [
    Case("BINARY_DOUBLE", NAN, "'Nan'", "NaN"),
    Case("BINARY_DOUBLE", INFINITY, "'Inf'", "Infinity"),
    Case("BINARY_DOUBLE", -INFINITY, "'-Inf'", "-Infinity"),
    Case("BINARY_DOUBLE", -0.0, "'-0'", "-0"),
    Case("BINARY_DOUBLE", 5e-324, "'4.9406564584124654E-324'", "5e-324"),
    Case("BINARY_DOUBLE", 1.7976931348623157e308, "'1.7976931348623157E+308'", "1.7976931348623157e+308"),
    Case("BINARY_DOUBLE", 0.1, "'1.0000000000000001E-001'", "0.1"),
    Case("BINARY_DOUBLE", 1e15, "'1.0E+015'", "1e+15"),
    Case("BINARY_DOUBLE", 123456789012345.0, "'1.23456789012345E+014'", "123456789012345"),
    Case("BINARY_DOUBLE", 0.0001, "'1.0E-004'", "0.0001"),
    Case("BINARY_DOUBLE", -0.00001234, "'-1.234E-005'", "-1.234e-05"),
    Case("BINARY_DOUBLE", 1.5, "HEXTORAW('bff8000000000000')", "1.5"),
    Case("BINARY_DOUBLE", -1.5, "HEXTORAW('4007ffffffffffff')", "-1.5"),
    Case("BINARY_DOUBLE", 1.5, "'1.5E+000'", "1.5", "numeric"),
    Case("BINARY_FLOAT", NAN, "'Nan'", "NaN"),
    Case("BINARY_FLOAT", -INFINITY, "'-Inf'", "-Infinity"),
    Case("BINARY_FLOAT", f32(3.4028235e38), "'3.40282347E+038'", "3.4028235e+38"),
    Case("BINARY_FLOAT", f32(1e-45), "'1.40129846E-045'", "1e-45"),
    Case("BINARY_FLOAT", f32(0.1), "'1.00000001E-001'", "0.1"),
    Case("BINARY_FLOAT", 1000000.0, "'1.0E+006'", "1e+06"),
    Case("BINARY_FLOAT", 123456.0, "'1.23456E+005'", "123456"),
    Case("BINARY_FLOAT", -0.0, "'-0'", "-0"),
    Case("BINARY_FLOAT", f32(0.1), "'1.00000001E-001'", "0.10000000149011612", "double precision"),
    Case("BOOLEAN", True, "TRUE", "t"),
    Case("BOOLEAN", False, "FALSE", "f"),
    Case("BOOLEAN", True, "TRUE", "1", "integer"),
    Case("VECTOR", "[1.0E+000,-2.5E+000,1.0E-010]", "", "{1,-2.5,1e-10}"),
]

FACE = "\U0001f600"
TEXTS = [
    Case("VARCHAR2(20 CHAR)", "it's", "'it''s'", "it's"),
    Case("VARCHAR2(20 CHAR)", f"é€{FACE}", f"'é€{FACE}'", f"é€{FACE}"),
    Case("VARCHAR2(20)", " blanks ", "' blanks '", " blanks "),
    Case("VARCHAR2(20)", "a\\b\tc\nd\re", "'a\\b\tc\nd\re'", "a\\b\tc\nd\re"),
    Case("VARCHAR2(40)", "', \"C\" = NULL --", "''', \"C\" = NULL --'", "', \"C\" = NULL --"),
    Case("VARCHAR2(40)", "a || 'b' || c", "'a || ''b'' || c'", "a || 'b' || c"),
    Case("VARCHAR2(40)", "UNISTR('x')", "'UNISTR(''x'')'", "UNISTR('x')"),
    Case("VARCHAR2(40)", "NULL", "'NULL'", "NULL"),
    Case("NVARCHAR2(20)", "Ж\\z", r"UNISTR('\0416\\z')", "Ж\\z"),
    Case("NVARCHAR2(20)", FACE, r"UNISTR('\D83D\DE00')", FACE),
    Case("NVARCHAR2(20)", FACE + "x", r"UNISTR('\D83D') || UNISTR('\DE00x')", FACE + "x"),
    Case("NVARCHAR2(20)", "it's é", r"UNISTR('it''s \00E9')", "it's é"),
    Case("VARCHAR2(32767)", "é" * 16000, "", "é" * 16000),
    Case("VARCHAR2(4000)", FACE * 1000, f"'{FACE * 1000}'", FACE * 1000),
    Case("CHAR(5)", "ab   ", "'ab   '", "ab   "),
    Case("CHAR(5)", "é   ", "'é   '", "é    "),  # five bytes on Oracle, five characters here
    Case("NCHAR(3)", "Ж  ", r"UNISTR('\0416  ')", "Ж  "),
    Case("CHAR(5)", "ab   ", "'ab   '", "ab   ", "text"),
    Case("VARCHAR2(5)", "ab", "'ab'", "ab   ", "char(5)"),
    Case("CLOB", "x" * 10, "", "x" * 10),
    Case("CLOB", None, "EMPTY_CLOB()", "", length=0),
    Case("NCLOB", f"{FACE}", "", FACE),
    Case("LONG", "long text", "'long text'", "long text"),
    Case("UROWID(100)", "AAAR3sAAEAAAACXAAB", "'AAAR3sAAEAAAACXAAB'", "AAAR3sAAEAAAACXAAB"),
    Case("ROWID", "AAAR3sAAEAAAACXAAA", "'AAAR3sAAEAAAACXAAA'", "AAAR3sAAEAAAACXAAA"),
    Case("XMLTYPE", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a>é</a>", "",
         "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a>é</a>"),
    Case("JSON", '{"bb":1.50,"a":[1E5,null,true,{}],"a":"\\u00e9\\n/","c":-0.0}', "", '{"a": "é\\n/", "c": 0.0, "bb": 1.50}'),
    Case("JSON", '{"b":1,"a":1}', "", '{"b":1,"a":1}', "json"),
    Case("VARCHAR2(200)", '[1e-3, 1.20e1, "\\"\\\\\\b\\u0001\x7f"]', '\'[1e-3, 1.20e1, "\\"\\\\\\b\\u0001\x7f"]\'',
         '[0.001, 12.0, "\\"\\\\\\b\\u0001\x7f"]', "jsonb"),
    Case("RAW(16)", bytes(range(16)), "HEXTORAW('000102030405060708090A0B0C0D0E0F')", "\\x000102030405060708090a0b0c0d0e0f"),
    Case("RAW(16)", bytes(range(16)), "HEXTORAW('000102030405060708090a0b0c0d0e0f')",
         "00010203-0405-0607-0809-0a0b0c0d0e0f", "uuid"),
    Case("RAW(2000)", b"\x00\xff" * 1000, f"HEXTORAW('{'00FF' * 1000}')", "\\x" + "00ff" * 1000),
    Case("BLOB", b"\x00\xff", "", "\\x00ff"),
    Case("BLOB", None, "EMPTY_BLOB()", "\\x", length=0),
    Case("LONG RAW", b"\x01", "HEXTORAW('01')", "\\x01"),
]  # fmt: skip

MOMENTS = [
    Case("DATE", " 2020-02-29 23:59:59", "TO_DATE('2020-02-29 23:59:59', 'YYYY-MM-DD HH24:MI:SS')", "2020-02-29 23:59:59"),
    Case("DATE", " 9999-12-31 00:00:00", "TO_DATE(' 9999-12-31 00:00:00', 'SYYYY-MM-DD HH24:MI:SS')", "9999-12-31 00:00:00"),
    Case("DATE", "-4712-01-01 00:00:00", "TO_DATE('-4712-01-01 00:00:00', 'SYYYY-MM-DD HH24:MI:SS')",
         "4712-01-01 00:00:00 BC"),
    Case("DATE", "-0044-03-15 12:00:00", "TO_DATE('-0044-03-15 12:00:00', 'SYYYY-MM-DD HH24:MI:SS')",
         "0044-03-15 12:00:00 BC"),
    Case("DATE", " 0001-01-01 00:00:00", "TO_DATE('0001-01-01 00:00:00', 'YYYY-MM-DD HH24:MI:SS')", "0001-01-01 00:00:00"),
    Case("DATE", " 2020-02-29 00:00:00", "TO_DATE('2020-02-29 00:00:00', 'YYYY-MM-DD HH24:MI:SS')", "2020-02-29", "date"),
    Case("DATE", "-0044-03-15 00:00:00", "TO_DATE('-0044-03-15 00:00:00', 'SYYYY-MM-DD HH24:MI:SS')", "0044-03-15 BC", "date"),
    Case("DATE", " 2020-02-29 12:00:00", "TO_DATE('2020-02-29 12:00:00', 'YYYY-MM-DD HH24:MI:SS')", "2020-02-29 12:00:00+00",
         "timestamptz"),
    Case("TIMESTAMP(0)", " 2020-01-01 00:00:00.000000000", "TO_TIMESTAMP('2020-01-01 00:00:00.')", "2020-01-01 00:00:00"),
    Case("TIMESTAMP(6)", " 2020-01-01 00:00:00.123456000", "TO_TIMESTAMP('2020-01-01 00:00:00.123456')",
         "2020-01-01 00:00:00.123456"),
    Case("TIMESTAMP(6)", " 2020-01-01 10:20:30.500000000", "TO_TIMESTAMP('2020-01-01 10:20:30.500000000')",
         "2020-01-01 10:20:30.5"),
    Case("TIMESTAMP(9)", " 2020-01-01 00:00:00.123456789", "TO_TIMESTAMP('2020-01-01 00:00:00.123456789')",
         "2020-01-01 00:00:00.123456"),
    Case("TIMESTAMP(9)", " 9999-12-31 23:59:59.999999999", "TO_TIMESTAMP('9999-12-31 23:59:59.999999999')",
         "9999-12-31 23:59:59.999999"),
    Case("TIMESTAMP(9)", "-0001-12-31 23:59:59.000000001", "TO_TIMESTAMP('-0001-12-31 23:59:59.000000001')",
         "0001-12-31 23:59:59 BC"),
    Case("TIMESTAMP(6)", " 2020-01-01 10:20:30.120000000", "TO_TIMESTAMP('01-JAN-20 10.20.30.120000 AM')",
         "2020-01-01 10:20:30.12"),
    Case("TIMESTAMP(6)", " 1999-06-15 12:00:00.000000000", "TO_TIMESTAMP('15-JUN-99 12.00.00 PM')", "1999-06-15 12:00:00"),
    Case("TIMESTAMP(9)", " 2020-01-01 00:00:00.129999999", "TO_TIMESTAMP('2020-01-01 00:00:00.129999999')",
         "2020-01-01 00:00:00.12", "timestamp(2)"),
    Case("TIMESTAMP(6) WITH TIME ZONE", " 2020-01-01 13:14:15.000000000+05:30",
         "TO_TIMESTAMP_TZ('2020-01-01 13:14:15.000000000 +05:30')", "2020-01-01 07:44:15+00"),
    Case("TIMESTAMP(6) WITH TIME ZONE", " 2020-01-01 00:30:00.100000000+14:00",
         "TO_TIMESTAMP_TZ('2020-01-01 00:30:00.1 +14:00')", "2019-12-31 10:30:00.1+00"),
    Case("TIMESTAMP(9) WITH TIME ZONE", " 2020-02-28 20:00:00.999999999-12:00",
         "TO_TIMESTAMP_TZ('2020-02-28 20:00:00.999999999 -12:00')", "2020-02-29 08:00:00.999999+00"),
    Case("TIMESTAMP(6) WITH TIME ZONE", " 9999-12-31 23:00:00.000000000-05:00",
         "TO_TIMESTAMP_TZ('9999-12-31 23:00:00 -05:00')", "10000-01-01 04:00:00+00"),
    Case("TIMESTAMP(6) WITH TIME ZONE", " 0001-01-01 00:00:00.000000000+01:00",
         "TO_TIMESTAMP_TZ('0001-01-01 00:00:00 +01:00')", "0001-12-31 23:00:00+00 BC"),
    Case("TIMESTAMP(6) WITH TIME ZONE", "-0044-03-01 00:30:00.000000000+01:00",
         "TO_TIMESTAMP_TZ('-0044-03-01 00:30:00 +01:00')", "0044-02-28 23:30:00+00 BC"),
    Case("TIMESTAMP(3) WITH LOCAL TIME ZONE", " 2020-01-01 00:00:00.120000000", "TO_TIMESTAMP('2020-01-01 00:00:00.120')",
         "2020-01-01 00:00:00.12+00"),
    Case("INTERVAL YEAR(2) TO MONTH", "+02-03", "TO_YMINTERVAL('+02-03')", "2 years 3 mons"),
    Case("INTERVAL YEAR(9) TO MONTH", "-178000000-11", "TO_YMINTERVAL('-178000000-11')", "-178000000 years -11 mons"),
    Case("INTERVAL YEAR(2) TO MONTH", "+01-00", "TO_YMINTERVAL('+01-00')", "1 year"),
    Case("INTERVAL YEAR(2) TO MONTH", "-00-01", "TO_YMINTERVAL('-00-01')", "-1 mons"),
    Case("INTERVAL YEAR(2) TO MONTH", "+00-00", "TO_YMINTERVAL('+00-00')", "00:00:00"),
    Case("INTERVAL DAY(2) TO SECOND(6)", "+01 02:03:04.560000", "TO_DSINTERVAL('+01 02:03:04.560000')", "1 day 02:03:04.56"),
    Case("INTERVAL DAY(3) TO SECOND(2)", "-001 02:03:04.56", "TO_DSINTERVAL('-001 02:03:04.56')", "-1 days -02:03:04.56"),
    Case("INTERVAL DAY(9) TO SECOND(9)", "+999999999 23:59:59.999999999", "TO_DSINTERVAL('+999999999 23:59:59.999999999')",
         "999999999 days 23:59:59.999999"),
    Case("INTERVAL DAY(2) TO SECOND(0)", "-00 00:00:01", "TO_DSINTERVAL('-00 00:00:01')", "-00:00:01"),
    Case("INTERVAL DAY(2) TO SECOND(6)", "+00 00:00:00.000000", "TO_DSINTERVAL('+00 00:00:00.000000')", "00:00:00"),
    Case("INTERVAL DAY(2) TO SECOND(6)", "-02 00:00:00.000000", "TO_DSINTERVAL('-02 00:00:00.000000')", "-2 days"),
]  # fmt: skip

CASES = [*NUMBERS, *FLOATS, *TEXTS, *MOMENTS]
