"""Every type at its extremes, from the driver to the engine and from the engine to the driver."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import oracledb
import pyarrow as pa
import pytest

from tests.testing.oracle.scripted import ScriptedEngine
from voyager_ops.testing.oracle.engine import ColumnInfo, DayInterval, MonthInterval, Timestamp, TypeNumber, Value

D = Decimal
DB = oracledb
NUMBERS = [D(0), D(1), D(-1), D("9" * 38), D("-" + "9" * 38), D("1E-130"), D("-1E-130"), D("9.99E125"), D("0.1"), D("-123.45")]
NUMBERS += [D("1234567890123456789012345678.9012345678"), D(10) ** 125, D(100), D("0.001"), D(2) ** 64]
STRINGS = ["a", "héllo", "𝄞🎼", "x" * 252, "x" * 253, "x" * 4000, "é" * 2000, "'", "\x00\x01", " padded  "]
RAWS = [b"\x00", b"\xff" * 252, bytes(range(256)) * 7, b"\xfe"]
SECOND = Timestamp(2024, 2, 29, 23, 59, 59)
MOMENTS = [Timestamp(1, 1, 1), Timestamp(9999, 12, 31, 23, 59, 59, 999_999_000), Timestamp(2000, 1, 1, 0, 0, 0, 1000)]


def bound(connection: oracledb.Connection, engine: ScriptedEngine, kind: Any, value: object) -> object:
    """Bind ``value`` as ``kind``: what the engine got; and that the driver gets it back."""
    cursor = connection.cursor()
    cursor.setinputsizes(kind)
    cursor.execute("select :1 from echo", [value])
    (got,) = cursor.fetchone()
    if isinstance(got, oracledb.LOB):
        got = got.read()
    assert type(got) is type(value)
    assert repr(got) == repr(value)
    return engine.sessions[-1].executed[-1][2][0][0]


@pytest.mark.parametrize("value", NUMBERS, ids=str)
def test_numbers(
    connection: oracledb.Connection, engine: ScriptedEngine, value: Decimal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oracledb.defaults, "fetch_decimals", True)
    cursor = connection.cursor()
    cursor.execute("select :1 from echo", [value])
    assert cursor.fetchone() == (value,)
    assert engine.sessions[-1].executed[-1][2] == [[value]]


@pytest.mark.parametrize("value", STRINGS, ids=lambda value: f"{len(value)}-{value[:1]!r}")
@pytest.mark.parametrize("kind", [DB.DB_TYPE_VARCHAR, DB.DB_TYPE_NVARCHAR, DB.DB_TYPE_CHAR, DB.DB_TYPE_NCHAR, DB.DB_TYPE_LONG])
def test_strings(connection: oracledb.Connection, engine: ScriptedEngine, kind: Any, value: str) -> None:
    assert bound(connection, engine, kind, value) == value


@pytest.mark.parametrize("size", [32766, 32767, 32768, 65535, 1_000_000])
@pytest.mark.parametrize("kind", [DB.DB_TYPE_CLOB, DB.DB_TYPE_NCLOB, DB.DB_TYPE_LONG])
def test_large_strings(connection: oracledb.Connection, engine: ScriptedEngine, kind: Any, size: int) -> None:
    value = ("é𝄞x" * (size // 3 + 1))[:size]
    assert bound(connection, engine, kind, value) == value


@pytest.mark.parametrize("value", RAWS, ids=len)
@pytest.mark.parametrize("kind", [DB.DB_TYPE_RAW, DB.DB_TYPE_LONG_RAW, DB.DB_TYPE_BLOB])
def test_bytes(connection: oracledb.Connection, engine: ScriptedEngine, kind: Any, value: bytes) -> None:
    assert bound(connection, engine, kind, value) == value


def test_ten_megabytes(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    value = bytes(range(256)) * 40_000
    assert bound(connection, engine, DB.DB_TYPE_BLOB, value) == value


@pytest.mark.parametrize("kind", [DB.DB_TYPE_BINARY_DOUBLE, DB.DB_TYPE_BINARY_FLOAT])
@pytest.mark.parametrize("value", [0.0, -0.0, 1.5, -1.5, math.inf, -math.inf, math.nan, 2.0**-126])
def test_floats(connection: oracledb.Connection, engine: ScriptedEngine, kind: Any, value: float) -> None:
    assert repr(bound(connection, engine, kind, value)) == repr(value)


def test_extreme_doubles(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    for value in (1.7976931348623157e308, 5e-324, -1e-300):
        assert bound(connection, engine, DB.DB_TYPE_BINARY_DOUBLE, value) == value


@pytest.mark.parametrize("year", [1, 1582, 1970, 9999])
@pytest.mark.parametrize("kind", [DB.DB_TYPE_DATE, DB.DB_TYPE_TIMESTAMP, DB.DB_TYPE_TIMESTAMP_LTZ, DB.DB_TYPE_TIMESTAMP_TZ])
def test_dates(connection: oracledb.Connection, engine: ScriptedEngine, kind: Any, year: int) -> None:
    got = bound(connection, engine, kind, dt.datetime(year, 12, 31, 23, 59, 58))
    assert isinstance(got, Timestamp)
    assert (got.year, got.month, got.day, got.hour, got.minute, got.second) == (year, 12, 31, 23, 59, 58)
    assert got.offset_minutes == (0 if kind is DB.DB_TYPE_TIMESTAMP_TZ else None)


def test_fractions(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    for kind in (DB.DB_TYPE_TIMESTAMP, DB.DB_TYPE_TIMESTAMP_LTZ):
        got = bound(connection, engine, kind, dt.datetime(2024, 1, 1, 0, 0, 0, 999_999))
        assert got == Timestamp(2024, 1, 1, 0, 0, 0, 999_999_000)


@pytest.mark.parametrize(
    "value", [dt.timedelta(), dt.timedelta(days=-3, microseconds=7), dt.timedelta(999_999_999, 86399, 999_999)]
)
def test_day_intervals(connection: oracledb.Connection, engine: ScriptedEngine, value: dt.timedelta) -> None:
    got = bound(connection, engine, DB.DB_TYPE_INTERVAL_DS, value)
    assert isinstance(got, DayInterval)
    assert dt.timedelta(got.days, got.seconds, got.nanoseconds / 1000) == value


@pytest.mark.parametrize("value", [oracledb.IntervalYM(0, 0), oracledb.IntervalYM(999_999_999, 11), oracledb.IntervalYM(-9, -3)])
def test_month_intervals(connection: oracledb.Connection, engine: ScriptedEngine, value: oracledb.IntervalYM) -> None:
    assert bound(connection, engine, DB.DB_TYPE_INTERVAL_YM, value) == MonthInterval(value.years * 12 + value.months)


@pytest.mark.parametrize("value", [True, False])
def test_booleans(connection: oracledb.Connection, engine: ScriptedEngine, value: bool) -> None:
    assert bound(connection, engine, DB.DB_TYPE_BOOLEAN, value) is value


NULLABLE = [DB.DB_TYPE_NUMBER, DB.DB_TYPE_VARCHAR, DB.DB_TYPE_RAW, DB.DB_TYPE_DATE, DB.DB_TYPE_TIMESTAMP_TZ, DB.DB_TYPE_CLOB]
NULLABLE += [DB.DB_TYPE_BLOB, DB.DB_TYPE_BOOLEAN, DB.DB_TYPE_INTERVAL_DS, DB.DB_TYPE_BINARY_DOUBLE, DB.DB_TYPE_LONG]


@pytest.mark.parametrize("kind", NULLABLE, ids=str)
def test_nulls(connection: oracledb.Connection, engine: ScriptedEngine, kind: Any) -> None:
    assert bound(connection, engine, kind, None) is None


def test_the_empty_string_is_null(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    assert connection.cursor().execute("select :1 from echo", [""]).fetchone() == (None,)
    assert engine.sessions[-1].executed[-1][2] == [[None]]


def fetched(connection: oracledb.Connection, engine: ScriptedEngine, column: ColumnInfo, *values: Value) -> list[Any]:
    engine.table("fetch", [column], [(value,) for value in values])
    engine.scripts["select x from t"] = engine.scripts.pop("fetch")
    return [value for (value,) in connection.cursor().execute("select x from t")]


def test_moments_of_any_precision(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    found = fetched(connection, engine, ColumnInfo("X", TypeNumber.TIMESTAMP, scale=9), *MOMENTS)
    expected = [dt.datetime(m.year, m.month, m.day, m.hour, m.minute, m.second, m.nanoseconds // 1000) for m in MOMENTS]
    assert found == expected


def test_zones_are_dropped_by_the_driver(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    """The driver gives the local time and not its zone: why the product reads such columns as text."""
    value = Timestamp(2024, 1, 1, 0, 30, offset_minutes=-330)
    (found,) = fetched(connection, engine, ColumnInfo("X", TypeNumber.TIMESTAMP_TZ, scale=6), value)
    assert found == dt.datetime(2024, 1, 1, 0, 30)


def test_zones_by_name_are_refused_by_the_driver(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    value = Timestamp(2024, 1, 1, offset_minutes=60, region="Europe/Berlin")
    with pytest.raises(oracledb.NotSupportedError, match="DPY-3022"):
        fetched(connection, engine, ColumnInfo("X", TypeNumber.TIMESTAMP_TZ), value)


def test_years_before_christ_are_refused_by_the_driver(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    with pytest.raises(ValueError, match="year"):
        fetched(connection, engine, ColumnInfo("X", TypeNumber.DATE), Timestamp(-4712, 1, 1))


def test_row_ids(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    for kind in (TypeNumber.ROWID, TypeNumber.UROWID):
        found = fetched(connection, engine, ColumnInfo("X", kind), "AAAR3sAAEAAAACXAAA", None, "AAAAAAAAAAAAAAAAAB")
        assert found == ["AAAR3sAAEAAAACXAAA", None, "AAAAAAAAAAAAAAAAAB"]


def test_description(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    columns = [
        ColumnInfo("ID", TypeNumber.NUMBER, precision=10, nullable=False),
        ColumnInfo("F", TypeNumber.NUMBER, precision=126, scale=-127),
        ColumnInfo("NEGATIVE", TypeNumber.NUMBER, precision=5, scale=-2),
        ColumnInfo("V", TypeNumber.VARCHAR2, size=160, char_size=40),
        ColumnInfo("NV", TypeNumber.VARCHAR2, size=40, national=True),
        ColumnInfo("R", TypeNumber.RAW, size=16),
        ColumnInfo("TS", TypeNumber.TIMESTAMP, scale=9),
        ColumnInfo("C", TypeNumber.CLOB),
        ColumnInfo("NC", TypeNumber.CLOB, national=True),
        ColumnInfo("lower case", TypeNumber.INTERVAL_DS, precision=2, scale=6),
    ]
    engine.table("select * from t", columns, [])
    cursor = connection.cursor().execute("select * from t")
    assert cursor.fetchall() == []
    found = {d.name: (d.type_code, d.precision, d.scale, d.internal_size, d.null_ok) for d in cursor.description}
    assert found["ID"] == (DB.DB_TYPE_NUMBER, 10, 0, None, False)
    assert found["F"][1:3] == (126, -127)
    assert found["NEGATIVE"][1:3] == (5, -2)
    assert found["V"] == (DB.DB_TYPE_VARCHAR, None, None, 160, True)
    assert found["NV"][0] is DB.DB_TYPE_NVARCHAR
    assert found["R"] == (DB.DB_TYPE_RAW, None, None, 16, True)
    assert found["TS"][0:3:2] == (DB.DB_TYPE_TIMESTAMP, 9)
    assert (found["C"][0], found["NC"][0]) == (DB.DB_TYPE_CLOB, DB.DB_TYPE_NCLOB)
    assert found["lower case"][0] is DB.DB_TYPE_INTERVAL_DS
    cursor.parse("select * from t")
    assert len(cursor.description) == len(columns)


ARROW_ROWS: list[tuple[Value, ...]] = [
    (D(n), f"name {n % 3}", None if n % 5 == 0 else D(n) / 4, Timestamp(2024, 1, 1 + n % 28), n * 1.5, "c" * (n % 3), b"\x01\x02")
    for n in range(2500)
]
ARROW_COLUMNS = [
    ColumnInfo("ID", TypeNumber.NUMBER, precision=10, nullable=False),
    ColumnInfo("NAME", TypeNumber.VARCHAR2, size=30),
    ColumnInfo("AMOUNT", TypeNumber.NUMBER, precision=12, scale=2),
    ColumnInfo("AT", TypeNumber.DATE),
    ColumnInfo("D", TypeNumber.BINARY_DOUBLE),
    ColumnInfo("T", TypeNumber.CLOB),
    ColumnInfo("R", TypeNumber.RAW, size=2),
]


def test_arrow(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    engine.table("select * from big", ARROW_COLUMNS, ARROW_ROWS)
    fields = {"id": pa.int64(), "name": pa.string(), "amount": pa.decimal128(12, 2), "at": pa.timestamp("us")}
    fields |= {"d": pa.float64(), "t": pa.large_string(), "r": pa.binary()}
    schema = pa.schema(list(fields.items()))
    tables = [
        pa.table(batch)
        for batch in connection.fetch_df_batches("select * from big", size=400, requested_schema=schema, fetch_decimals=True)
    ]
    rows = pa.concat_tables(tables).to_pylist()
    assert len(rows) == len(ARROW_ROWS)
    for row, expected in zip(rows, ARROW_ROWS, strict=True):
        number, name, amount, at, double, text, raw = expected
        assert isinstance(at, Timestamp)
        moment = dt.datetime(at.year, at.month, at.day)
        # An empty CLOB fetched as a string is NULL to the driver, as every string of no bytes is.
        assert list(row.values()) == [number, name, amount, moment, double, text or None, raw]
