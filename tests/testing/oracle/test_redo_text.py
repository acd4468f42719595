"""SQL_REDO in LogMiner's forms: literals of every type, and the rows of LOBs, XML and long strings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.testing.oracle.redo_database import (
    DEBEZIUM_NLS,
    NUMBER,
    decode_months,
    decode_seconds,
    decode_text,
    decode_timestamp,
    table,
)
from voyager_ops.testing.oracle.codec import decode_number
from voyager_ops.testing.oracle.engine import DayInterval, MonthInterval, OracleError, Timestamp, Value
from voyager_ops.testing.oracle.internal_format import internal_bytes
from voyager_ops.testing.oracle.oracle_text import datetime_text, float_text, number_text, unistr
from voyager_ops.testing.oracle.recorder import Nls, RedoColumn
from voyager_ops.testing.oracle.redo_literals import Style, literal
from voyager_ops.testing.oracle.redo_text import DELETE, INSERT, UPDATE, Printer, table_version
from voyager_ops.testing.oracle.row_notices import row_fields
from voyager_ops.testing.oracle.rowid import NO_ROWID, parse_rowid, rowid_text

STYLE = Style(DEBEZIUM_NLS, rowid=False)


def decode_bytes(text: str) -> Value:
    return bytes.fromhex(text.removeprefix("\\x"))


def decode_boolean(text: str) -> Value:
    return text == "t"


def column(
    type_name: str, decode: Callable[[str], Value], length: int = 0, precision: int | None = None, scale: int | None = None
) -> RedoColumn:
    return RedoColumn("C", type_name, decode, length, precision, scale)


@pytest.mark.parametrize(
    ("described", "text", "expected"),
    [
        (column("NUMBER", Decimal), "123.4500", "'123.45'"),
        (column("NUMBER", Decimal), "-0.50", "'-.5'"),
        (column("NUMBER", Decimal), "0.00", "'0'"),
        (column("NUMBER", Decimal), "1200", "'1200'"),
        (column("NUMBER", Decimal), "9" * 38 + "00", "'" + "9" * 38 + "00'"),
        (column("NUMBER", Decimal), "1" + "0" * 125, "'1E+125'"),
        (column("NUMBER", Decimal), "-0." + "0" * 129 + "12", "'-1.2E-130'"),
        (column("FLOAT", Decimal), "2.5", "'2.5'"),
        (column("BINARY_DOUBLE", float), "1.5", "'1.5E+000'"),
        (column("BINARY_DOUBLE", float), "-1e300", "'-1.0000000000000001E+300'"),
        (column("BINARY_FLOAT", float), "2", "'2.0E+000'"),
        (column("BINARY_FLOAT", float), "NaN", "'Nan'"),
        (column("BINARY_DOUBLE", float), "-Infinity", "'-Inf'"),
        (column("BINARY_DOUBLE", float), "-0", "'-0'"),
        (column("VARCHAR2", decode_text), "it's, é", "'it''s, é'"),
        (column("CHAR", decode_text, length=5), "ab", "'ab   '"),
        (column("NVARCHAR2", decode_text), "plain", "'plain'"),
        (column("NVARCHAR2", decode_text), "é'\\😀", "UNISTR('\\00E9''\\005C\\D83D\\DE00')"),
        (column("NCHAR", decode_text, length=3), "é", "UNISTR('\\00E9  ')"),
        (column("LONG", decode_text), "long", "'long'"),
        (column("RAW", decode_bytes, length=16), "\\x00ff", "HEXTORAW('00ff')"),
        (column("DATE", decode_timestamp), "2024-02-29 13:14:15", "TO_DATE('2024-02-29 13:14:15', 'YYYY-MM-DD HH24:MI:SS')"),
        (column("TIMESTAMP", decode_timestamp), "2024-02-29 13:14:15.120000", "TO_TIMESTAMP('2024-02-29 13:14:15.120000000')"),
        (
            column("TIMESTAMP WITH TIME ZONE", decode_timestamp),
            "2024-02-29 13:14:15-03",
            "TO_TIMESTAMP_TZ('2024-02-29 13:14:15.000000000 -03:00')",
        ),
        (
            column("TIMESTAMP WITH LOCAL TIME ZONE", decode_timestamp),
            "2024-02-29 23:14:15-03",
            "TO_TIMESTAMP('2024-03-01 02:14:15.000000000')",
        ),
        (column("INTERVAL YEAR TO MONTH", decode_months, precision=2), "14", "TO_YMINTERVAL('+01-02')"),
        (column("INTERVAL YEAR TO MONTH", decode_months, precision=4), "-42", "TO_YMINTERVAL('-0003-06')"),
        (column("INTERVAL DAY TO SECOND", decode_seconds), "93784.5", "TO_DSINTERVAL('+01 02:03:04.500000')"),
        (
            column("INTERVAL DAY TO SECOND", decode_seconds, precision=3, scale=2),
            "-93784.56",
            "TO_DSINTERVAL('-001 02:03:04.56')",
        ),
        (column("INTERVAL DAY TO SECOND", decode_seconds, precision=0, scale=0), "5", "TO_DSINTERVAL('+0 00:00:05')"),
        (column("BOOLEAN", decode_boolean), "t", "TRUE"),
        (column("UROWID", decode_text), "AAAR32AAHAAAAFcAAA", "'AAAR32AAHAAAAFcAAA'"),
        (column("SDO_GEOMETRY", decode_text), "x", "Unsupported Type"),
    ],
)
def test_literals(described: RedoColumn, text: str, expected: str) -> None:
    assert literal(described, STYLE)(text) == expected


def test_other_settings_of_the_mining_session() -> None:
    moment = Timestamp(-44, 3, 5, 15, 4, 5, 120_000_000)
    assert datetime_text(moment, "SYYYY-MM-DD", 6) == "-0044-03-05"
    assert datetime_text(moment, "YYYY-MM-DD BC", 6) == "0044-03-05 BC"  # without BC or S the era is lost, as in Oracle
    assert datetime_text(moment, "DD-MON-RR HH.MI.SSXFF AM", 6) == "05-MAR-44 03.04.05.120000 PM"
    assert datetime_text(moment, 'DD-Mon-YYYY"T"HH24:MI:SS.FF', 0) == "05-Mar-0044T15:04:05."
    assert datetime_text(replace(moment, offset_minutes=-90, region="Europe/Oslo"), "TZH:TZM TZR", 0) == "-01:30 Europe/Oslo"
    with pytest.raises(OracleError, match="ORA-01821"):
        datetime_text(moment, "YYYY-QQ", 0)
    comma = Style(Nls(numeric_characters=",."))
    assert literal(column("NUMBER", Decimal), comma)("-0.5") == "'-,5'"
    east = Style(replace(DEBEZIUM_NLS, offset_minutes=330))
    ltz = column("TIMESTAMP WITH LOCAL TIME ZONE", decode_timestamp)
    assert literal(ltz, east)("2024-12-31 20:00:00+00") == "TO_TIMESTAMP('2025-01-01 01:30:00.000000000')"
    west = Style(replace(DEBEZIUM_NLS, offset_minutes=-480))
    assert literal(ltz, west)("2024-01-01 00:00:00+00") == "TO_TIMESTAMP('2023-12-31 16:00:00.000000000')"


@given(st.decimals(allow_nan=False, allow_infinity=False, places=10))
def test_a_number_is_printed_without_loss_and_stored_as_on_the_wire(value: Decimal) -> None:
    assert Decimal(number_text(value)) == value
    if len(value.normalize().as_tuple().digits) <= 38:
        assert decode_number(internal_bytes(value, "NUMBER")) == value


def test_a_float_is_printed_without_loss() -> None:
    for value in (0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -2.5):
        assert float(float_text(value, single=False)) == value


def test_internal_formats() -> None:
    assert internal_bytes(Timestamp(2024, 2, 29, 13, 14, 15), "DATE").hex() == "787c021d0e0f10"
    assert internal_bytes(Timestamp(-4712, 1, 1), "DATE").hex() == "35580101010101"
    assert internal_bytes(Timestamp(2024, 2, 29, 13, 14, 15, 5), "TIMESTAMP").hex() == "787c021d0e0f1000000005"
    zoned = Timestamp(2024, 2, 29, 1, 14, 15, 0, 330)
    assert internal_bytes(zoned, "TIMESTAMP WITH TIME ZONE").hex() == "787c021c142d1000000000" + "195a"
    assert internal_bytes(DayInterval(-1, -7384, -560_000_000), "INTERVAL DAY TO SECOND").hex() == "7fffffff3a39385e9f1400"
    assert internal_bytes(MonthInterval(-42), "INTERVAL YEAR TO MONTH").hex() == "7ffffffd36"
    assert internal_bytes("é", "NVARCHAR2").hex() == "00e9"
    assert internal_bytes(-1.5, "BINARY_FLOAT").hex() == "403fffff"
    assert internal_bytes(1.5, "BINARY_DOUBLE").hex() == "bff8000000000000"


@given(st.lists(st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=2))
def test_rows_are_read_as_postgresql_writes_them(fields: list[str | None]) -> None:
    def written(field: str | None) -> str:
        if field is None:
            return ""
        if field and not set(field) & set('"\\(), \t\n\r\v\f'):
            return field
        return '"' + field.replace("\\", "\\\\").replace('"', '""') + '"'

    assert row_fields("(" + ",".join(map(written, fields)) + ")") == fields


def test_unistr_is_continued() -> None:
    pieces = unistr("é" * 2500).split(" || ")
    assert [piece.count("\\00E9") for piece in pieces] == [1000, 1000, 500]


@given(st.integers(1, 1 << 30), st.integers(0, 1 << 30))
def test_rowids(data_object: int, number: int) -> None:
    text = rowid_text(data_object, number)
    assert len(text) == 18
    assert parse_rowid(text) == (data_object, number)


def test_what_is_no_rowid_of_ours() -> None:
    assert parse_rowid("short") is None
    assert parse_rowid("*" * 18) is None
    assert parse_rowid(NO_ROWID) is None


# -- rows that follow a statement -------------------------------------------------------------------------------------------

CLOB = RedoColumn("C", "CLOB", decode_text)
BLOB = RedoColumn("B", "BLOB", decode_bytes)
XML = RedoColumn("X", "XMLTYPE", decode_text)
WIDE = RedoColumn("W", "VARCHAR2", decode_text, length=32767)
LONG = RedoColumn("L", "LONG", decode_text)


def printer(*columns: RedoColumn, known: bool = True) -> Printer:
    version = table_version(table("T", (NUMBER, *columns), supplemental=frozenset({"ALL"})), 1, 1, frozenset())
    return Printer(version, STYLE, owner="HR", name="T", known=known)


Row = list[str | None]


def printed(made: Printer, operation: int, old: Row, new: Row, *, undo: bool = False) -> list[tuple[int, str | None]]:
    return [(row.operation, row.sql) for row in made.change(operation, old, new, "AAAR32AAHAAAAFcAAA", undo=undo)]


def test_a_clob_is_written_in_pieces() -> None:
    text = "it's" + "x" * 8000
    rows = printed(printer(CLOB), INSERT, [], ["1", text, "5"])
    assert [operation for operation, _ in rows] == [1, 9, 10, 10, 10]
    assert rows[0][1] == 'insert into "HR"."T"("ID","C") values (\'1\',EMPTY_CLOB());'
    assert rows[1][1] is not None
    assert rows[1][1].endswith(' select "C" into loc_c from "HR"."T" where "ID" = \'1\' for update;\n')
    assert rows[2][1] == "\n buf_c := 'it''s" + "x" * 3996 + "'; \n  dbms_lob.write(loc_c, 4000, 1, buf_c);\n"
    assert rows[4][1] == "\n buf_c := 'xxxx'; \n  dbms_lob.write(loc_c, 4, 8001, buf_c);\n"
    wide = printed(printer(CLOB), INSERT, [], ["1", "😀" * 1001, "5"])
    assert [str(sql).split("dbms_lob")[1] for operation, sql in wide if operation == 10] == [
        ".write(loc_c, 1000, 1, buf_c);\n",
        ".write(loc_c, 1, 1001, buf_c);\n",
    ]
    assert printed(printer(CLOB), INSERT, [], ["1", "", "5"]) == [(1, rows[0][1])]
    assert printed(printer(CLOB), INSERT, [], ["1", None, "5"])[0][1] == 'insert into "HR"."T"("ID","C") values (\'1\',NULL);'
    assert printed(printer(CLOB), INSERT, [], ["1", text, "5"], undo=True) == rows[:1]


def test_lobs_are_changed() -> None:
    made = printer(BLOB)
    old: list[str | None] = ["1", "\\x0102", "5"]
    assert printed(made, UPDATE, old, ["2", "\\x0102", "5"]) == [(3, 'update "HR"."T" set "ID" = \'2\' where "ID" = \'1\';')]
    rows = printed(made, UPDATE, old, ["1", "\\x0a", "5"])
    assert [operation for operation, _ in rows] == [3, 9, 10]
    assert rows[0][1] == 'update "HR"."T" set "B" = EMPTY_BLOB() where "ID" = \'1\';'
    assert rows[2][1] == "\n buf_b := HEXTORAW('0a'); \n  dbms_lob.write(loc_b, 1, 1, buf_b);\n"
    rows = printed(made, UPDATE, old, ["1", "\\x01", "5"])
    assert [(operation, sql) for operation, sql in rows if operation != 9] == [(11, "\n  dbms_lob.trim(loc_b, 1);\n")]
    assert printed(made, UPDATE, old, ["1", None, "5"]) == [(3, 'update "HR"."T" set "B" = NULL where "ID" = \'1\';')]
    assert printed(made, DELETE, old, []) == [(2, 'delete from "HR"."T" where "ID" = \'1\';')]
    national = printer(RedoColumn("C", "NCLOB", decode_text))
    assert printed(national, INSERT, [], ["1", "é", "5"])[2][1] == (
        "\n buf_nc := UNISTR('\\00E9'); \n  dbms_lob.write(loc_nc, 1, 1, buf_nc);\n"
    )


def test_xml_documents() -> None:
    document = '<a b="1">it\'s</a>'
    rows = list(printer(XML).change(INSERT, [], ["3", document, "5"], NO_ROWID, undo=False))
    assert [(row.operation, row.status) for row in rows] == [(1, 0), (68, 2), (70, 2), (71, 0)]
    assert [row.sql for row in rows] == [
        'insert into "HR"."T"("ID") values (\'3\');',
        'XML DOC BEGIN:  select "X" from "HR"."T" where "ID" = \'3\'',
        f"XML_REDO := '{document}'\n amount: {len(document)}",
        None,
    ]
    assert rows[1].info == "XML sql_redo not re-executable"
    long = "<a>" + "é" * 3000 + "</a>"
    write = list(printer(XML).change(UPDATE, ["3", document, "5"], ["3", long, "5"], NO_ROWID, undo=False))[1]
    assert write.sql == f"XML_REDO := HEXTORAW('{long.encode().hex()}')\n amount: {len(long.encode())}"
    assert printed(printer(XML), UPDATE, ["3", document, "5"], ["3", None, "5"])[0][1] == (
        'update "HR"."T" set "X" = NULL where "ID" = \'3\';'
    )


def test_long_strings_of_32k() -> None:
    rows = printed(printer(WIDE), INSERT, [], ["1", "it's", "5"])
    assert [operation for operation, _ in rows] == [1, 91, 92, 93]
    assert str(rows[1][1]).endswith('Stmt := \'update "HR"."T" set "W" = :1 where "ID" = \'\'1\'\'\';\n')
    assert rows[2][1] == " BinVar := 'it''s';\n"


def test_long_and_unknown_types_say_what_they_are() -> None:
    row = next(printer(LONG).change(UPDATE, ["1", "a", "5"], ["1", "b", "5"], NO_ROWID, undo=False))
    assert (row.sql, row.status, row.info) == ('update "HR"."T" set "L" = \'b\' where "ID" = \'1\';', 2, None)
    odd = printer(RedoColumn("G", "SDO_GEOMETRY", decode_text), RedoColumn("F", "BFILE", decode_text))
    row = next(odd.change(INSERT, [], ["1", "x", "y", "5"], NO_ROWID, undo=False))
    assert row.sql == 'insert into "HR"."T"("ID","G") values (\'1\',Unsupported Type);'
    assert (row.status, row.info) == (2, "Object or Data type Unsupported")
    json = printer(RedoColumn("J", "JSON", decode_text))
    assert [sql for _, sql in printed(json, INSERT, [], ["1", "{}", "5"])][::2] == [
        'insert into "HR"."T"("ID","J") values (\'1\',/* JSON */ EMPTY_BLOB());',
        "\n buf_b := HEXTORAW('7b7d'); \n  dbms_lob.write(loc_b, 2, 1, buf_b);\n",
    ]
