"""Values in the bytes that Oracle stores in its blocks: what LogMiner prints as HEXTORAW when it has no dictionary."""

from __future__ import annotations

from decimal import Decimal

from voyager_ops.testing.oracle.codec import (
    encode_date,
    encode_day_interval,
    encode_double,
    encode_float,
    encode_month_interval,
    encode_number,
    encode_timestamp,
    encode_timestamp_tz,
)
from voyager_ops.testing.oracle.engine import DayInterval, MonthInterval, Timestamp, Value


def internal_bytes(value: Value, type_name: str) -> bytes:
    """The stored bytes of a value that is not NULL, in a column of ``type_name`` (without numbers)."""
    match value:
        case bool():
            return b"\x01" if value else b"\x00"
        case Decimal():
            return encode_number(value)
        case float():
            return encode_float(value) if type_name == "BINARY_FLOAT" else encode_double(value)
        case str():
            return value.encode("utf-16-be" if type_name in {"NCHAR", "NVARCHAR2", "NCLOB"} else "utf-8")
        case bytes():
            return value
        case Timestamp() if type_name == "DATE":
            return encode_date(value)
        case Timestamp() if type_name == "TIMESTAMP WITH TIME ZONE":
            return encode_timestamp_tz(value)
        case Timestamp():
            return encode_timestamp(value)
        case DayInterval():
            return encode_day_interval(value)
        case MonthInterval():
            return encode_month_interval(value)
        case _:
            raise TypeError(f"no stored form of {type(value).__name__}")
