"""Every row of the type table at its extremes: Arrow, single values and redo literals give the text that PostgreSQL prints."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from psycopg import sql

from tests.conftest import Database
from tests.databases.oracle.value_cases import CASES, Case, f32
from voyager_ops.databases.oracle.literals import UnsupportedRedo
from voyager_ops.databases.oracle.targets import parse_target
from voyager_ops.databases.oracle.types import OracleType, target_type
from voyager_ops.databases.oracle.values import Plan, arrow_type, from_literal, literal_decoder, select_expression, text_of
from voyager_ops.databases.postgres.database import PostgresDatabase
from voyager_ops.errors import ValueRefused
from voyager_ops.model.positions import Side
from voyager_ops.model.tables import Column


def column(ddl: str, override: str = "", *, nul: str = "", name: str = "c") -> Column:
    type_ = OracleType.parse(ddl)
    if nul:
        type_ = OracleType(**{**{key: getattr(type_, key) for key in type_.__slots__}, "nul": nul})
    target = target_type(type_, override=override)
    assert target is not None
    parsed = parse_target(target)
    assert parsed is not None
    return Column(name, target, parsed.oid, parsed.oid, parsed.type_name, False, native=name.upper(), native_type=type_.to_json())


def in_arrow(columns: list[Column], rows: list[list[Any]], lengths: list[list[int | None]] | None = None) -> list[list[Any]]:
    """Rows through the plan's Arrow way, back as lists of bytes."""
    plan = Plan(columns)
    transposed: list[Any] = [list(values) for values in zip(*rows, strict=True)]
    transposed += [list(values) for values in zip(*(lengths or [[] for _ in rows]), strict=True)]
    arrays = [pa.array(values, field.type) for values, field in zip(transposed, plan.schema, strict=True)]
    texts = plan.texts(pa.RecordBatch.from_arrays(arrays, schema=plan.schema))
    assert all(text.type == pa.large_string() for text in texts)
    return [
        [None if value is None else value.encode() for value in row]
        for row in zip(*(text.to_pylist() for text in texts), strict=True)
    ]


def printed(database: Database, texts: list[tuple[str, str]]) -> list[str]:
    """What our sessions' PostgreSQL prints for (text, type)."""
    with PostgresDatabase.from_url(database.url, side=Side.TARGET, migration="m").connect("test") as connection:
        result = []
        for text, type_ in texts:
            statement = sql.SQL("SELECT {}::{}").format(sql.Literal(text), sql.SQL(type_))
            answer = connection.pgconn.exec_(statement.as_string(connection).encode())
            value = answer.get_value(0, 0)
            assert value is not None, (text, type_, answer.error_message)
            result.append(value.decode())
        return result


@pytest.mark.parametrize("case", CASES, ids=str)
def test_three_ways_one_text(case: Case) -> None:
    one = column(case.ddl, case.target)
    wanted = case.text.encode()
    assert text_of(one, case.given, case.length) == wanted
    plan = Plan([one])
    lengths: list[list[int | None]] | None = None
    if len(plan.schema) == 2:
        lengths = [[1 if case.length is None else case.length]]
    # An array of one, and beside a neighbour that is NULL.
    assert in_arrow([one], [[case.given]], lengths) == [[wanted]]
    assert in_arrow([one], [[None], [case.given]], [[None], lengths[0]] if lengths else None) == [[None], [wanted]]
    if case.literal:
        assert literal_decoder(one)(case.literal) == wanted
        assert from_literal(OracleType.parse(case.ddl), case.literal, one.type_sql) == wanted


def test_postgresql_prints_it_so(target_db: Database) -> None:
    texts = [(case.text, column(case.ddl, case.target).type_sql) for case in CASES]
    assert printed(target_db, texts) == [text for text, _ in texts]


@pytest.mark.parametrize("ddl", sorted({case.ddl for case in CASES}))
def test_null(ddl: str) -> None:
    one = column(ddl)
    decode = literal_decoder(one)
    assert decode("NULL") is None
    assert text_of(one, None, None) is None
    assert decode("''") is None
    with pytest.raises(UnsupportedRedo):
        decode("Unsupported Type")


SHAPES = [
    "'0'", "'-0'", "'1'", "-1", "'007'", "'1.50'", "'.5'", "'-.5'", "'0.5'", "'-0.5'", "'1.'", "'.'", "''", "'-'", "'1E5'",
    "'+1'",    "12", "12.5", "'\u0661'", "'1.123456'", "NULL", "'a'", "'a''b'", "'a'b'", "'\\'", "' '", "'a\0'",
    "'NULL'", "TRUE", "'Nan'",
    "TO_DATE('2020-01-01 10:00:00', 'YYYY-MM-DD HH24:MI:SS')", "TO_DATE(' 2020-01-01 10:00:00', 'SYYYY-MM-DD HH24:MI:SS')",
    "TO_DATE('-2020-01-01 10:00:00', 'SYYYY-MM-DD HH24:MI:SS')", "TO_DATE('0000-01-01 10:00:00', 'YYYY-MM-DD HH24:MI:SS')",
    "TO_DATE('2020-00-01 10:00:00', 'YYYY-MM-DD HH24:MI:SS')", "TO_TIMESTAMP('2020-01-01 10:00:00.')",
    "TO_TIMESTAMP('2020-01-01 10:00:00')", "TO_TIMESTAMP(' 2020-01-01 10:00:00.120000000')",
    "TO_TIMESTAMP('2020-01-01 10:00:00.123456789')", "TO_TIMESTAMP_TZ('2020-01-01 10:00:00.120000000 +00:00')",
    "TO_TIMESTAMP_TZ('2020-01-01 10:00:00.12 -00:00')", "TO_TIMESTAMP_TZ('2020-01-01 10:00:00.12 +05:30')",
    "HEXTORAW('')", "HEXTORAW('0aFF')", "HEXTORAW('0')", "HEXTORAW('zz')", "EMPTY_CLOB()", "UNISTR('a')", "'a' || 'b'",
    "gibberish",
]  # fmt: skip


@pytest.mark.parametrize("target", ["", "timestamp(0)", "timestamptz", "date"])
def test_a_date_has_no_fraction_of_a_second(target: str) -> None:
    decode = literal_decoder(column("DATE", target))
    wanted = {"date": b"2020-01-01", "timestamptz": b"2020-01-01 00:00:00+00"}.get(target, b"2020-01-01 00:00:00")
    for fraction in ("", ".", ".000000000"):
        assert decode(f"TO_TIMESTAMP('2020-01-01 00:00:00{fraction}')") == wanted
    for moment in ("2020-01-01 00:00:00.5", "2020-01-01 00:00:00.000000001", "01-JAN-20 12.00.00.5 AM"):
        with pytest.raises(ValueRefused):
            decode(f"TO_TIMESTAMP('{moment}')")


@pytest.mark.parametrize("ddl", sorted({case.ddl for case in CASES} - {"VECTOR"}))
def test_the_fast_way_is_the_proper_way(ddl: str) -> None:
    """Whatever shape a literal has, the column's decoder gives what taking it apart gives, or refuses it as that does."""
    one = column(ddl)
    decode = literal_decoder(one)
    for literal in [*SHAPES, *(case.literal for case in CASES if case.literal)]:
        proper: object
        try:
            proper = from_literal(OracleType.parse(ddl), literal, one.type_sql)
        except ValueError:
            proper = ValueError
        got: object
        try:
            got = decode(literal)
        except ValueRefused:
            got = ValueError
        assert got == proper, literal


def test_columns_of_one_batch_do_not_meet() -> None:
    by_type = defaultdict(list)
    for case in CASES:
        by_type[case.ddl, case.target].append(case)
    columns = [column(ddl, target, name=f"c{index}") for index, (ddl, target) in enumerate(by_type)]
    depth = max(len(cases) for cases in by_type.values())
    plan = Plan(columns)
    measured = [index for index, one in enumerate(columns) if one.native_type and "LOB" in one.native_type]
    rows, lengths, wanted = [], [], []
    for at in range(depth):
        chosen = [cases[at % len(cases)] for cases in by_type.values()]
        rows.append([case.given for case in chosen])
        lengths.append([1 if chosen[index].length is None else chosen[index].length for index in measured])
        wanted.append([case.text.encode() for case in chosen])
    assert len(plan.expressions) == len(columns) + len(measured)
    assert in_arrow(columns, rows, lengths) == wanted
    assert [plan.row([*row, *length]) for row, length in zip(rows, lengths, strict=True)] == wanted


def test_random_numbers(target_db: Database) -> None:
    random.seed(1)
    unlimited, money, whole = column("NUMBER"), column("NUMBER(20,5)"), column("NUMBER(38,0)")
    texts = []
    for _ in range(300):
        digits = str(random.randrange(10 ** random.randrange(1, 39)))
        exponent = random.randrange(-130, 86)
        number = Decimal(f"{random.choice(['', '-'])}{digits}E{exponent}")
        oracle = f"{number:f}" if len(f"{number:f}") < 64 else f"{number:E}"
        oracle = oracle.replace("0.", ".", 1) if oracle.lstrip("-").startswith("0.") else oracle
        texts.append(oracle)
    got = [row[0].decode() for row in in_arrow([unlimited], [[text] for text in texts])]
    assert got == [(text_of(unlimited, text) or b"").decode() for text in texts]
    assert printed(target_db, [(text, "numeric") for text in got]) == got
    assert [Decimal(text) for text in got] == [Decimal(text) for text in texts]
    rows = []
    for _ in range(300):
        rows.append([Decimal(random.randrange(-(10**20), 10**20)).scaleb(-5), Decimal(random.randrange(-(10**38), 10**38))])
    got_rows = in_arrow([money, whole], rows)
    assert got_rows == [[text_of(money, row[0]), text_of(whole, row[1])] for row in rows]
    flat = [(value.decode(), one.type_sql) for row in got_rows for value, one in zip(row, (money, whole), strict=True)]
    assert printed(target_db, flat) == [text for text, _ in flat]


def test_random_floats(target_db: Database) -> None:
    random.seed(2)
    double, single = column("BINARY_DOUBLE"), column("BINARY_FLOAT")
    rows: list[list[float]] = []
    for _ in range(400):
        value = math.ldexp(random.random() - 0.5, random.randrange(-1070, 1020))
        rows.append([value, f32(math.ldexp(random.random() - 0.5, random.randrange(-140, 127)))])
    rows += [[float(f"{mantissa}e{exponent}"), f32(float(f"{mantissa}e{exponent}"))] for mantissa in (1, 1.5, 123456, 9.999999)
             for exponent in range(-8, 20)]  # fmt: skip
    got = in_arrow([double, single], rows)
    assert got == [[text_of(double, row[0]), text_of(single, row[1])] for row in rows]
    flat = [(value.decode(), one.type_sql) for row in got for value, one in zip(row, (double, single), strict=True)]
    assert printed(target_db, flat) == [text for text, _ in flat]
    assert [float(row[0]) for row in got] == [row[0] for row in rows]
    assert [f32(float(row[1])) for row in got] == [row[1] for row in rows]


def test_random_moments(target_db: Database) -> None:
    random.seed(3)
    zoned, plain = column("TIMESTAMP(9) WITH TIME ZONE"), column("TIMESTAMP(9)")
    rows, wanted = [], []
    for _ in range(300):
        year = random.choice([random.randrange(1, 10000), random.randrange(1900, 2100), -random.randrange(1, 4713)])
        moment = (
            f"{'-' if year < 0 else ' '}{abs(year):04d}-{random.randrange(1, 13):02d}-{random.randrange(1, 29):02d}"
            f" {random.randrange(24):02d}:{random.randrange(60):02d}:{random.randrange(60):02d}.{random.randrange(10**9):09d}"
        )
        zone = f"{random.choice('+-')}{random.randrange(14):02d}:{random.choice(['00', '30', '45'])}"
        rows.append([moment + zone, moment])
        cut = moment[1:27] + zone + (" BC" if year < 0 else "")
        wanted.append((cut, "timestamptz"))
        wanted.append((moment[1:27] + (" BC" if year < 0 else ""), "timestamp"))
    for chosen in (rows, [row for row in rows if row[0][0] == " "], rows[:1]):
        got = in_arrow([zoned, plain], [list(row) for row in chosen])
        assert got == [[text_of(zoned, row[0]), text_of(plain, row[1])] for row in chosen]
    flat = [value.decode() for row in in_arrow([zoned, plain], [list(row) for row in rows]) for value in row]
    assert printed(target_db, wanted) == flat


@pytest.mark.parametrize(
    ("ddl", "target", "given", "reason"),
    [
        ("NUMBER", "bigint", "1.5", "1.5 is not a whole number"),
        ("NUMBER", "numeric(10,2)", "1.005", "more than 2 decimals"),
        ("NUMBER(1,0)", "boolean", "2", "neither 0 nor 1"),
        ("NUMBER", "real", "1E+100", "out of range for real"),
        ("NUMBER", "real", "1E-100", "out of range for real"),
        ("DATE", "", " 0000-00-00 00:00:00", "no day of the calendar"),
        ("DATE", "date", " 2020-01-01 00:00:01", "time of day"),
        ("VARCHAR2(10)", "", "a\0b", "NUL character"),
        ("CHAR(10)", "", "a\0b       ", "NUL character"),
        ("CLOB", "", "\0", "NUL character"),
        ("VARCHAR2(10)", "jsonb", "{", "not valid JSON"),
        ("VARCHAR2(10)", "jsonb", '"\\u0000"', "NUL character"),
        ("VARCHAR2(10)", "jsonb", '"\\ud83d"', "surrogate"),
        ("VECTOR", "", "[3,[1],[2]]", "dense"),
    ],
)  # fmt: skip
def test_what_would_be_lost_is_refused(ddl: str, target: str, given: Any, reason: str) -> None:
    one = column(ddl, target)
    with pytest.raises(ValueRefused, match=reason) as raised:
        text_of(one, given)
    assert "column c" in str(raised.value)
    lengths: list[list[int | None]] | None = [[1]] if len(Plan([one]).schema) == 2 else None
    with pytest.raises(ValueRefused, match=reason):
        in_arrow([one], [[given]], lengths)


@pytest.mark.parametrize(("policy", "wanted"), [("remove", b"ab"), ("replace", "a\u2400b".encode())])
def test_nul_characters(policy: str, wanted: bytes) -> None:
    one = column("VARCHAR2(10)", nul=policy)
    assert text_of(one, "a\0b") == wanted
    assert in_arrow([one], [["a\0b"], ["plain"]]) == [[wanted], [b"plain"]]
    assert literal_decoder(one)("'a\0b'") == wanted
    assert literal_decoder(one)("'a' || CHR(0) || 'b'") == wanted


@pytest.mark.parametrize(
    ("ddl", "literal", "text"),
    [
        ("NUMBER", "HEXTORAW('80')", "0"),
        ("NUMBER", "HEXTORAW('c102')", "1"),
        ("NUMBER", "HEXTORAW('c20233')", "150"),
        ("NUMBER", "HEXTORAW('c033')", "0.5"),
        ("NUMBER", "HEXTORAW('3e6466')", "-1"),
        ("NUMBER(10,2)", "HEXTORAW('c2020333')", "102.50"),
        ("DATE", "HEXTORAW('7878021d183c3c')", "2020-02-29 23:59:59"),
        ("DATE", "HEXTORAW('3558010101 0101')".replace(" ", ""), "4712-01-01 00:00:00 BC"),
        ("TIMESTAMP(6)", "HEXTORAW('78780101010101075bca00')", "2020-01-01 00:00:00.123456"),
        ("TIMESTAMP(6) WITH TIME ZONE", "HEXTORAW('787801010e0f10000000001 95a')".replace(" ", ""), "2020-01-01 13:14:15+00"),
        ("INTERVAL YEAR(2) TO MONTH", "HEXTORAW('800000023f')", "2 years 3 mons"),
        ("INTERVAL DAY(2) TO SECOND(6)", "HEXTORAW('800000013e3f4080000000')", "1 day 02:03:04"),
        ("VARCHAR2(10)", "HEXTORAW('c3a9')", "é"),
        ("NVARCHAR2(10)", "HEXTORAW('0416')", "Ж"),
    ],
)
def test_internal_form(ddl: str, literal: str, text: str) -> None:
    assert literal_decoder(column(ddl))(literal) == text.encode()


@pytest.mark.parametrize(
    ("ddl", "charsets", "literal", "text"),
    [
        ("VARCHAR2(10)", ("WE8MSWIN1252", "AL16UTF16"), "HEXTORAW('c3a980')", "Ã©€"),
        ("VARCHAR2(10)", ("CL8MSWIN1251", "AL16UTF16"), "HEXTORAW('c6')", "Ж"),
        ("VARCHAR2(10)", ("UTF8", "UTF8"), "HEXTORAW('eda0bdedb880')", "\U0001f600"),
        ("NVARCHAR2(10)", ("UTF8", "UTF8"), "HEXTORAW('6162')", "ab"),
        ("NVARCHAR2(10)", ("AL32UTF8", "AL16UTF16"), "HEXTORAW('6162')", "慢"),
        ("CHAR(4)", ("JA16SJIS", "AL16UTF16"), "HEXTORAW('6162')", "ab  "),
        ("VARCHAR2(10)", ("JA16SJIS", "AL16UTF16"), "HEXTORAW('93fa')", ""),
        ("VARCHAR2(10)", ("WE8MSWIN1252", "AL16UTF16"), "HEXTORAW('81')", ""),
        ("VARCHAR2(10)", ("WE8EBCDIC37", "AL16UTF16"), "HEXTORAW('61')", ""),
        ("VARCHAR2(10)", ("US7ASCII", "AL16UTF16"), "HEXTORAW('e9')", ""),
        ("VARCHAR2(10)", ("AL32UTF8", "AL16UTF16"), "HEXTORAW('eda0bd')", ""),
        ("NVARCHAR2(10)", ("AL32UTF8", "AL16UTF16"), "HEXTORAW('d83d')", ""),
        ("VARCHAR2(10)", ("", ""), "HEXTORAW('c3a9')", ""),
    ],
)
def test_internal_form_of_text_is_of_the_database_s_character_set(
    ddl: str, charsets: tuple[str, str], literal: str, text: str
) -> None:
    decode = literal_decoder(column(ddl), charsets)
    if text:
        assert decode(literal) == text.encode()
    else:
        with pytest.raises(ValueRefused, match="cannot be read as text of the character set"):
            decode(literal)


def test_ten_megabytes() -> None:
    size = 10 << 20
    clob, blob = column("CLOB", name="c"), column("BLOB", name="b")
    text, data = "é\U0001f600x" * (size // 7), random.Random(4).randbytes(size)
    got = in_arrow([clob, blob], [[text, data], [None, None]], [[size, size], [None, 0]])
    assert got == [[text.encode(), b"\\x" + data.hex().encode()], [None, b"\\x"]]


@pytest.mark.parametrize("size", [0, 3])
def test_batches_of_nothing(size: int) -> None:
    columns = [
        column(ddl, target, name=f"c{place}")
        for place, (ddl, target) in enumerate(dict.fromkeys((case.ddl, case.target) for case in CASES))
    ]
    plan = Plan(columns)
    batch = pa.RecordBatch.from_arrays([pa.array([None] * size, field.type) for field in plan.schema], schema=plan.schema)
    for given in (batch, pa.Table.from_batches([batch]), pa.Table.from_batches([], schema=plan.schema) if not size else batch):
        assert [array.to_pylist() for array in plan.texts(given)] == [[None] * size] * len(columns)


def test_select_expressions() -> None:
    assert select_expression(column("NUMBER"), "t") == "TO_CHAR(t.\"C\", 'TM9')"
    assert select_expression(column("NUMBER(10,0)")) == '"C"'
    assert select_expression(column("DATE")) == "TO_CHAR(\"C\", 'SYYYY-MM-DD HH24:MI:SS')"
    plan = Plan([column("CLOB")], "t")
    assert plan.select_list == 't."C" AS "c0", DBMS_LOB.GETLENGTH(t."C") AS "c1"'
    assert plan.has_lobs
    assert arrow_type(column("NUMBER(10,2)")) == pa.decimal128(38, 2)


def test_slices_of_arrow_arrays() -> None:
    """A batch may be a window on a larger one."""
    columns = [column("RAW(4)"), column("VARCHAR2(10)"), column("BLOB")]
    plan = Plan(columns)
    values: list[list[Any]] = [[b"\1\2", None, b"\3", b"\4"], ["a", "b", None, "d\0"], [b"x", b"", None, b"y"], [1, 0, None, 1]]
    batch = pa.RecordBatch.from_arrays(
        [pa.array(items, field.type) for items, field in zip(values, plan.schema, strict=True)], schema=plan.schema
    )
    assert [array.to_pylist() for array in plan.texts(batch.slice(1, 2))] == [[None, "\\x03"], ["b", None], ["\\x", None]]
