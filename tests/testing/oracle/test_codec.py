"""Oracle's forms of numbers and dates against values known from outside, and both ways."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voyager_ops.testing.oracle import codec
from voyager_ops.testing.oracle.engine import DayInterval, MonthInterval, OracleError, Timestamp


@pytest.mark.parametrize(
    ("value", "form"),
    [  # the forms DUMP() shows, as Oracle documents them
        ("0", "80"),
        ("1", "c102"),
        ("-1", "3e6466"),
        ("100", "c202"),
        ("123.45", "c202182e"),
        ("-123.45", "3d644e3866"),
        ("1E-130", "8002"),
        ("9.9E125", "ff64"),
    ],
)
def test_number_forms(value: str, form: str) -> None:
    assert codec.encode_number(Decimal(value)).hex() == form
    assert codec.decode_number(bytes.fromhex(form)) == Decimal(value)


@given(st.integers(-(10**38) + 1, 10**38 - 1), st.integers(-92, 87))
def test_numbers_both_ways(digits: int, exponent: int) -> None:
    value = Decimal(digits).scaleb(exponent)
    assert codec.decode_number(codec.encode_number(value)) == value


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=Decimal("-1E38"), max_value=Decimal("1E38"), places=20))
def test_long_numbers_are_rounded_to_forty_digits(value: Decimal) -> None:
    found = codec.decode_number(codec.encode_number(value))
    assert abs(found - value) <= abs(value) * Decimal("1E-38")


def test_numbers_out_of_range() -> None:
    assert codec.encode_number(Decimal("1E-131")) == b"\x80"
    for value in ("1E126", "-1E126", "NaN", "Infinity"):
        with pytest.raises(OracleError) as error:
            codec.encode_number(Decimal(value))
        assert error.value.code == 1426


@given(st.sampled_from([-4712, -1, 1, 1582, 1970, 9999]), st.integers(0, 999_999_999), st.integers(0, 23))
def test_timestamps_both_ways(year: int, nanoseconds: int, hour: int) -> None:
    value = Timestamp(year, 2, 28, hour, 59, 58, nanoseconds)
    assert codec.decode_timestamp(codec.encode_timestamp(value)) == value
    assert codec.decode_timestamp(codec.encode_date(value)) == Timestamp(year, 2, 28, hour, 59, 58)


def test_date_form() -> None:
    assert codec.encode_date(Timestamp(2024, 2, 29, 13, 14, 15)).hex() == "787c021d0e0f10"
    assert codec.encode_date(Timestamp(-4712, 1, 1))[:4] == bytes((53, 88, 1, 1))


@given(st.integers(-15 * 60 + 1, 15 * 60 - 1), st.integers(0, 23))
def test_zones_both_ways(offset: int, hour: int) -> None:
    value = Timestamp(2023, 12, 31, hour, 30, 1, 5, offset_minutes=offset)
    assert codec.decode_timestamp(codec.encode_timestamp_tz(value)) == value


@given(st.integers(-999_999_999, 999_999_999), st.integers(0, 86399), st.integers(0, 999_999_999))
def test_day_intervals_both_ways(days: int, seconds: int, nanoseconds: int) -> None:
    sign = -1 if days < 0 else 1
    value = DayInterval(days, sign * seconds, sign * nanoseconds)
    assert codec.decode_day_interval(codec.encode_day_interval(value)) == value


@given(st.integers(-11_999_999_999, 11_999_999_999))
def test_month_intervals_both_ways(months: int) -> None:
    assert codec.decode_month_interval(codec.encode_month_interval(MonthInterval(months))) == MonthInterval(months)


@given(st.floats(allow_nan=False))
def test_doubles_both_ways_and_in_order(value: float) -> None:
    assert repr(codec.decode_float(codec.encode_double(value))) == repr(value)
    assert (codec.encode_double(value) < codec.encode_double(0.0)) == (repr(value).startswith("-"))


@given(st.floats(allow_nan=False, width=32))
def test_floats_both_ways(value: float) -> None:
    assert codec.decode_float(codec.encode_float(value)) == value


def test_rowids() -> None:
    assert codec.rowid_parts("AAAAAAAAAAAAAAAAAB") == (0, 0, 0, 1)
    assert codec.rowid_parts("AAAR3sAAEAAAACXAAA") == (73196, 4, 151, 0)
    with pytest.raises(OracleError, match="ORA-01410"):
        codec.rowid_parts("nonsense")
