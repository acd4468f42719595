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
from voyager_ops.testing.oracle.codec import decode_number, rowid_parts
from voyager_ops.testing.oracle.engine import DayInterval, MonthInterval, OracleError, Timestamp, Value
from voyager_ops.testing.oracle.internal_format import internal_bytes
from voyager_ops.testing.oracle.oracle_text import datetime_text, float_text, number_text, unistr
from voyager_ops.testing.oracle.recorder import Nls, RedoColumn
from voyager_ops.testing.oracle.redo_literals import Style, literal
from voyager_ops.testing.oracle.redo_text import DELETE, INSERT, UPDATE, Printer, table_version
from voyager_ops.testing.oracle.row_notices import row_fields
from voyager_ops.testing.oracle.rowid import FILE, NO_ROWID, rowid_text

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
        (column("CHAR", decode_text, length=5), "é", "'é    '"),
        (replace(column("CHAR", decode_text, length=5), in_bytes=True), "é", "'é   '"),
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
    assert rowid_parts(text) == (data_object, FILE, *divmod(number, 100))


# -- large values -----------------------------------------------------------------------------------------------------------

CLOB = RedoColumn("C", "CLOB", decode_text)
BLOB = RedoColumn("B", "BLOB", decode_bytes)
XML = RedoColumn("X", "XMLTYPE", decode_text)
WIDE = RedoColumn("W", "VARCHAR2", decode_text, length=32767)
LONG = RedoColumn("L", "LONG", decode_text)
STRING = RedoColumn("S", "VARCHAR2", decode_text, length=50)
OWN = "AAAR32AAHAAAAFcAAA"
XML_TEXT = '<a b="1">it\'s</a>'
AWAY = "x" * 1983  # one character more than lies in the row
Row = list[str | None]


def printer(*columns: RedoColumn, known: bool = True) -> Printer:
    version = table_version(table("T", (NUMBER, *columns)), 1, 1, frozenset({"PRIMARY KEY"}))
    return Printer(version, STYLE, owner="HR", name="T", known=known)


def printed(made: Printer, operation: int, old: Row, new: Row, *, undo: bool = False) -> list[tuple[int, str | None]]:
    return [(row.operation, row.sql) for row in made.change(operation, old, new, OWN, undo=undo)]


def shape(made: Printer, operation: int, old: Row, new: Row) -> list[tuple[int, bool, int]]:
    """Operation, whether it has the row's ROW_ID, and which rows share their RS_ID."""
    return [(row.operation, row.own_row, row.record) for row in made.change(operation, old, new, OWN, undo=False)]


def test_an_insert_of_large_values_is_many_rows_and_only_the_last_has_the_rowid() -> None:
    """The orders here are those that were seen on Oracle 26ai."""
    one = printer(CLOB)
    assert shape(one, INSERT, [], ["1", "", "5"]) == [(1, False, 0), (0, True, 1)]
    assert shape(one, INSERT, [], ["1", "in the row", "5"]) == [(1, False, 0), (3, True, 1)]
    assert shape(one, INSERT, [], ["1", None, "5"]) == [(1, False, 0), (3, True, 1)]
    assert shape(one, INSERT, [], ["1", AWAY, "5"]) == [(1, False, 0), (9, False, 0), (10, False, 1), (0, True, 2)]
    three = printer(XML, CLOB, WIDE)
    long = "w" * 4000
    assert shape(three, INSERT, [], ["1", XML_TEXT, AWAY, long, "5"]) == [
        (1, False, 0),
        (9, False, 0),
        (10, False, 1),
        (91, False, 0),
        (92, False, 2),
        (93, False, 2),
        (68, False, 3),
        (70, False, 3),
        (71, False, 3),
        (0, True, 4),
    ]
    assert shape(three, INSERT, [], ["1", XML_TEXT, "in", long, "5"])[-1] == (3, True, 3)
    assert shape(printer(XML), INSERT, [], ["1", XML_TEXT, "5"]) == [
        (1, False, 0),
        (68, False, 1),
        (70, False, 1),
        (71, False, 1),
        (0, True, 2),
    ]


def test_an_update_of_large_values_has_a_statement_first_where_other_columns_changed_or_all_lie_in_the_row() -> None:
    made = printer(STRING, XML, CLOB, WIDE)
    old: Row = ["1", "s", XML_TEXT, "c", "w", "5"]
    assert shape(made, UPDATE, old, ["1", "t", XML_TEXT, "c", "w", "5"]) == [(3, True, 0)]
    assert shape(made, UPDATE, old, ["1", "s", XML_TEXT, "", "w", "5"]) == [(3, False, 0), (0, True, 1)]
    assert shape(made, UPDATE, old, ["1", "s", XML_TEXT, "d", "w", "5"]) == [(3, False, 0), (3, True, 1)]
    assert [row[0] for row in shape(made, UPDATE, old, ["1", "s", "<b/>", AWAY, "w", "5"])] == [9, 10, 68, 70, 71, 0]
    assert [row[0] for row in shape(made, UPDATE, old, ["1", "t", "<b/>", AWAY, "w", "5"])] == [3, 9, 10, 68, 70, 71, 0]
    assert [row[0] for row in shape(made, UPDATE, old, ["1", "s", "<b/>", AWAY, "v", "5"])] == [9, 10, 68, 70, 71, 3]
    assert [row[0] for row in shape(made, UPDATE, old, ["1", "s", "<b/>", "c", "w", "5"])] == [68, 70, 71, 0]
    assert [row[0] for row in shape(made, UPDATE, old, ["1", "s", None, "c", "w", "5"])] == [3, 3]
    assert shape(made, DELETE, old, []) == [(2, True, 0)]
    assert [row.own_row for row in made.change(UPDATE, old, ["1", "t", "<b/>", AWAY, "v", "5"], OWN, undo=True)] == [True]
    assert [row.own_row for row in made.change(INSERT, [], old, OWN, undo=True)] == [True]


def test_a_clob_is_written_in_pieces() -> None:
    text = "it's" + "x" * 8000
    rows = printed(printer(CLOB), INSERT, [], ["1", text, "5"])
    assert [operation for operation, _ in rows] == [1, 9, 10, 10, 10, 0]
    assert rows[0][1] == 'insert into "HR"."T"("ID","C") values (\'1\',EMPTY_CLOB());'
    assert str(rows[1][1]).endswith(' select "C" into loc_c from "HR"."T" where "ID" = \'1\' for update;\n')
    assert rows[2][1] == "\n buf_c := 'it''s" + "x" * 3996 + "'; \n  dbms_lob.write(loc_c, 4000, 1, buf_c);\n"
    assert rows[4][1] == "\n buf_c := 'xxxx'; \n  dbms_lob.write(loc_c, 4, 8001, buf_c);\n"
    assert rows[5][1] is None
    wide = printed(printer(CLOB), INSERT, [], ["1", "😀" * 2001, "5"])
    assert [str(sql).split("dbms_lob")[1] for operation, sql in wide if operation == 10] == [
        ".write(loc_c, 1000, 1, buf_c);\n",
        ".write(loc_c, 1000, 1001, buf_c);\n",
        ".write(loc_c, 1, 2001, buf_c);\n",
    ]
    assert printed(printer(CLOB), INSERT, [], ["1", text, "5"], undo=True) == rows[:1]


def test_values_in_the_row_are_set_by_the_last_update() -> None:
    made = printer(CLOB, BLOB, RedoColumn("N", "NCLOB", decode_text))
    assert printed(made, INSERT, [], ["1", "it's", "\\x0a0b", "é", "5"]) == [
        (1, 'insert into "HR"."T"("ID","C","B","N") values (\'1\',EMPTY_CLOB(),EMPTY_BLOB(),EMPTY_CLOB());'),
        (
            3,
            'update "HR"."T" set "C" = \'it\'\'s\', "B" = HEXTORAW(\'0a0b\'), "N" = UNISTR(\'\\00E9\') where "ID" = \'1\';',
        ),
    ]
    old: Row = ["1", "c", "\\x", "n", "5"]
    assert printed(made, UPDATE, old, ["2", "c", None, "n", "5"]) == [
        (3, 'update "HR"."T" set "ID" = \'2\', "B" = NULL where "ID" = \'1\';'),
        (3, 'update "HR"."T" set "B" = NULL where "ID" = \'2\';'),
    ]
    assert printed(made, UPDATE, old, ["2", "c", "\\x", "n", "5"]) == [
        (3, 'update "HR"."T" set "ID" = \'2\' where "ID" = \'1\';')
    ]
    national = printed(printer(RedoColumn("N", "NCLOB", decode_text)), INSERT, [], ["1", "é" * 2000, "5"])
    assert str(national[2][1]).startswith("\n buf_nc := UNISTR('\\00E9\\00E9")
    assert "into loc_nc from" in str(national[1][1])


def test_a_lob_that_was_cut_short_is_trimmed() -> None:
    rows = list(printer(BLOB).change(UPDATE, ["1", "\\x0102", "5"], ["1", "\\x01", "5"], OWN, undo=False))
    assert [(row.operation, row.own_row) for row in rows] == [(9, True), (11, False), (0, True)]
    assert rows[1].sql == "\n  dbms_lob.trim(loc_b, 1);\n"


def test_xml_documents() -> None:
    rows = list(printer(XML).change(INSERT, [], ["3", XML_TEXT, "5"], OWN, undo=False))
    assert [(row.operation, row.status) for row in rows] == [(1, 0), (68, 2), (70, 2), (71, 0), (0, 0)]
    assert [row.sql for row in rows] == [
        'insert into "HR"."T"("ID") values (\'3\');',
        'XML DOC BEGIN:  select "X" from "HR"."T" where "ID" = \'3\'',
        f"XML_REDO := '{XML_TEXT}'\n amount: {len(XML_TEXT)}",
        None,
        None,
    ]
    assert rows[1].info == "XML sql_redo not re-executable"
    long = "<a>" + "é" * 3000 + "</a>"
    write = list(printer(XML).change(UPDATE, ["3", XML_TEXT, "5"], ["3", long, "5"], OWN, undo=False))[1]
    assert write.sql == f"XML_REDO := HEXTORAW('{long.encode().hex()}')\n amount: {len(long.encode())}"


def test_long_strings_of_32k() -> None:
    rows = printed(printer(WIDE), INSERT, [], ["1", "it's" + "w" * 4000, "5"])
    assert [operation for operation, _ in rows] == [1, 91, 92, 93, 0]
    assert str(rows[1][1]).endswith('Stmt := \'update "HR"."T" set "W" = :1 where "ID" = \'\'1\'\'\';\n')
    written = "\n buf_c := 'it''s" + "w" * 4000 + "'; \n execute immediate Stmt using buf_c;\n"
    assert rows[2][1] == written
    raw = RedoColumn("R", "RAW", decode_bytes, length=8000)
    rows = printed(printer(raw), INSERT, [], ["1", "\\x" + "00" * 3965, "5"])
    assert str(rows[2][1]).startswith(f"\n buf_c := HEXTORAW('{'00' * 3965}');")


def test_long_and_unknown_types_say_what_they_are() -> None:
    row = next(printer(LONG).change(UPDATE, ["1", "a", "5"], ["1", "b", "5"], NO_ROWID, undo=False))
    assert (row.sql, row.status, row.info) == ('update "HR"."T" set "L" = \'b\' where "ID" = \'1\';', 2, None)
    odd = printer(RedoColumn("G", "SDO_GEOMETRY", decode_text), RedoColumn("F", "BFILE", decode_text))
    row = next(odd.change(INSERT, [], ["1", "x", "y", "5"], NO_ROWID, undo=False))
    assert row.sql == 'insert into "HR"."T"("ID","G") values (\'1\',Unsupported Type);'
    assert (row.status, row.info) == (2, "Object or Data type Unsupported")
    json = printer(RedoColumn("J", "JSON", decode_text))
    assert printed(json, INSERT, [], ["1", "{}", "5"]) == [
        (1, 'insert into "HR"."T"("ID","J") values (\'1\',/* JSON */ EMPTY_BLOB());'),
        (3, 'update "HR"."T" set "J" = HEXTORAW(\'7b7d\') where "ID" = \'1\';'),
    ]
