"""The mask of TO_DATE and its kin decides what the digits mean; what does not tell the moment is refused."""

from __future__ import annotations

import pytest

from tests.databases.oracle.test_values import column
from voyager_ops.databases.oracle.values import literal_decoder
from voyager_ops.errors import ValueRefused


@pytest.mark.parametrize(
    ("text", "mask", "wanted"),
    [
        ("2020-01-02", "YYYY-MM-DD", "2020-01-02 00:00:00"),
        ("2020-01-02", "YYYY-DD-MM", "2020-02-01 00:00:00"),
        ("20200229", "YYYYMMDD", "2020-02-29 00:00:00"),
        ("02/29/2020 22:11:12", "MM/DD/YYYY HH24:MI:SS", "2020-02-29 22:11:12"),
        ("29.02.2020", "DD.MM.YYYY", "2020-02-29 00:00:00"),
        ("2020-02-29T22:11:12", 'YYYY-MM-DD"T"HH24:MI:SS', "2020-02-29 22:11:12"),
        ("29-FEB-20", "DD-MON-RR", "2020-02-29 00:00:00"),
        ("28-feb-99 12.00.01 AM", "DD-MON-RR HH.MI.SS AM", "1999-02-28 00:00:01"),
        ("28-FEB-2020 01:02:03 PM", "dd-mon-yyyy hh12:mi:ss am", "2020-02-28 13:02:03"),
        ("01 SEPTEMBER 2020", "DD MONTH YYYY", "2020-09-01 00:00:00"),
        ("0044-03-15 12:00:00 BC", "YYYY-MM-DD HH24:MI:SS BC", "0044-03-15 12:00:00 BC"),
        ("-4712-01-01", "SYYYY-MM-DD", "4712-01-01 00:00:00 BC"),
        (" 2020-01-02 03:04:05", "SYYYY-MM-DD HH24:MI:SS", "2020-01-02 03:04:05"),
        # What leaves open which moment it is, or is none.
        ("20-JAN-01", "YY-MON-DD", ""),
        ("2020-02-29 02:11:12", "YYYY-MM-DD HH:MI:SS", ""),
        ("2020-02", "YYYY-MM", ""),
        ("2459000", "J", ""),
        ("2020-29-02", "YYYY-MM-DD", ""),
        ("2020-01-01 25:00:00", "YYYY-MM-DD HH24:MI:SS", ""),
        ("2020-01-01 13:00:00 PM", "YYYY-MM-DD HH:MI:SS PM", ""),
        ("01-XYZ-2020", "DD-MON-YYYY", ""),
        ("2020-01-02", "DD-MM-YYYY", ""),
        ("2020-01-02 2020", "YYYY-MM-DD YYYY", ""),
        ("TUE 2020-01-02", "DY YYYY-MM-DD", ""),
    ],
)
def test_to_date(text: str, mask: str, wanted: str) -> None:
    decode = literal_decoder(column("TIMESTAMP(6)"))
    for literal in (f"TO_DATE('{text}', '{mask}')", f"TO_TIMESTAMP('{text}','{mask}', 'NLS_DATE_LANGUAGE=AMERICAN')"):
        if wanted:
            assert decode(literal) == wanted.encode()
        else:
            with pytest.raises(ValueRefused):
                decode(literal)


@pytest.mark.parametrize(
    ("ddl", "literal", "wanted"),
    [
        ("TIMESTAMP(6)", "TO_TIMESTAMP('2020-02-01 22:11:12,5', 'YYYY-DD-MM HH24:MI:SSXFF')", "2020-01-02 22:11:12.5"),
        ("TIMESTAMP(9)", "TO_TIMESTAMP('01.02.2020 22:11:12.123456789', 'DD.MM.YYYY HH24:MI:SS.FF9')",
         "2020-02-01 22:11:12.123456"),
        ("TIMESTAMP(6) WITH TIME ZONE", "TO_TIMESTAMP_TZ('2020-02-01 22:11:12 -05:30', 'YYYY-DD-MM HH24:MI:SS TZH:TZM')",
         "2020-01-03 03:41:12+00"),
        ("TIMESTAMP(6)", "TIMESTAMP ' 2020-02-29 22:11:12.5'", "2020-02-29 22:11:12.5"),
        ("DATE", "DATE '2020-02-29'", "2020-02-29 00:00:00"),
    ],
)  # fmt: skip
def test_fractions_zones_and_ansi_literals(ddl: str, literal: str, wanted: str) -> None:
    assert literal_decoder(column(ddl))(literal) == wanted.encode()


@pytest.mark.parametrize(
    "literal", ["TO_TIMESTAMP_TZ('1500-02-29 12:00:00 +01:00')", "TO_TIMESTAMP_TZ('2020-02-30 12:00:00 +01:00')"]
)
def test_a_day_that_postgresql_does_not_know_is_not_shifted(literal: str) -> None:
    """1500-02-29 is a day in Oracle, whose calendar is the Julian one until 1582."""
    with pytest.raises(ValueRefused, match="no day of the calendar that PostgreSQL counts by"):
        literal_decoder(column("TIMESTAMP(6) WITH TIME ZONE"))(literal)


@pytest.mark.parametrize("literal", ["'sNaN'", "'NaN12'", "'1_000'", "'\u0661'", "'1E99999999'", "'0x10'", "1.5D", "'~'"])
@pytest.mark.parametrize("ddl", ["NUMBER", "NUMBER(10,2)", "NUMBER(9,0)", "BINARY_DOUBLE", "BINARY_FLOAT"])
def test_what_python_would_take_for_a_number_and_oracle_does_not(ddl: str, literal: str) -> None:
    with pytest.raises(ValueRefused):
        literal_decoder(column(ddl))(literal)
