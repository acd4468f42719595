"""Conditions on keys, from canonical text to Oracle's binds. Pure."""

from __future__ import annotations

from decimal import Decimal

import pytest

from voyager_ops.databases.oracle.binds import Binds, bindable
from voyager_ops.databases.oracle.types import OracleType
from voyager_ops.model.tables import Column


def column(name: str, spelling: str) -> Column:
    return Column(name.lower(), "", 0, 0, "", True, native=name, native_type=OracleType.parse(spelling).to_json())


ID, WORD = column("ID", "NUMBER(10)"), column("WORD", "VARCHAR2(20)")


@pytest.mark.parametrize(
    ("spelling", "text", "expression", "value"),
    [
        ("NUMBER", "12345678901234567890.5", ":b0", Decimal("12345678901234567890.5")),
        ("NUMBER(1)", "t", ":b0", Decimal(1)),
        ("BINARY_DOUBLE", "-Infinity", "TO_BINARY_DOUBLE(:b0)", "-INF"),
        ("BINARY_FLOAT", "0.1", "TO_BINARY_FLOAT(:b0)", "0.1"),
        ("VARCHAR2(9)", "é'", ":b0", "é'"),
        ("CHAR(5)", "ab   ", "CAST(:b0 AS CHAR(5))", "ab"),
        ("CHAR(5 CHAR)", "     ", "CAST(:b0 AS CHAR(5 CHAR))", " "),
        ("RAW(4)", "\\x00ff", ":b0", b"\x00\xff"),
        ("RAW(16)", "00112233-4455-6677-8899-aabbccddeeff", ":b0", bytes.fromhex("00112233445566778899aabbccddeeff")),
        ("DATE", "0044-03-15 00:00:00 BC", "TO_DATE(:b0, 'SYYYY-MM-DD HH24:MI:SS')", "-0044-03-15 00:00:00"),
        ("DATE", "2020-01-02", "TO_DATE(:b0, 'SYYYY-MM-DD HH24:MI:SS')", " 2020-01-02 00:00:00"),
        (
            "TIMESTAMP(6)",
            "2020-01-02 03:04:05.06",
            "TO_TIMESTAMP(:b0, 'SYYYY-MM-DD HH24:MI:SS.FF9')",
            " 2020-01-02 03:04:05.060000",
        ),
        (
            "TIMESTAMP(3) WITH TIME ZONE",
            "2020-01-02 03:04:05+00",
            "TO_TIMESTAMP_TZ(:b0, 'SYYYY-MM-DD HH24:MI:SS.FF9 TZH:TZM')",
            " 2020-01-02 03:04:05.000000 +00:00",
        ),
    ],
)
def test_a_value_of_each_kind(spelling: str, text: str, expression: str, value: object) -> None:
    found = column("C", spelling)
    assert bindable(found)
    binds = Binds()
    assert binds.value(found, text) == expression
    assert binds.values == {"b0": value}


def test_what_cannot_be_found_by_its_text_says_so() -> None:
    assert not bindable(column("C", "INTERVAL DAY TO SECOND"))
    assert not bindable(Column("c", "bigint", 20, 20, "int8", True))


def test_a_key_of_several_columns() -> None:
    binds = Binds()
    assert binds.key((ID, WORD), ("7", "x"), "t") == 't."ID" = :b0 AND t."WORD" = :b1'
    assert binds.values == {"b0": Decimal(7), "b1": "x"}


def test_nine_digits_are_found_by_six() -> None:
    binds = Binds()
    condition = binds.key((column("AT", "TIMESTAMP(9)"),), ("2020-01-02 03:04:05.06",))
    assert condition.startswith('CAST("AT" AS TIMESTAMP(9)) BETWEEN TO_TIMESTAMP(:b0')
    assert list(binds.values.values()) == [" 2020-01-02 03:04:05.060000000", " 2020-01-02 03:04:05.060000999"]


def test_ranges_compare_tuples_column_by_column() -> None:
    binds = Binds()
    assert binds.range((ID,), ("1",), ("9",)) == '"ID" >= :b0 AND "ID" < :b1'
    assert Binds().range((ID,), None, None) == ""
    binds = Binds()
    two = binds.range((ID, WORD), ("1", "a"), None, "t")
    assert two == '(t."ID" >= :b1 AND (t."ID" > :b2 OR t."WORD" >= :b0))'
    assert binds.values == {"b0": "a", "b1": Decimal(1), "b2": Decimal(1)}
    assert Binds().range((ID, WORD), None, ("1", "a")) == '("ID" <= :b1 AND ("ID" < :b2 OR "WORD" < :b0))'
