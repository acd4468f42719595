"""Values in the bytes that Oracle stores in its blocks: what LogMiner prints as HEXTORAW when it has no dictionary."""

from __future__ import annotations

import math
import struct
from datetime import datetime, timedelta
from decimal import Decimal

from voyager_ops.testing.oracle.engine import DayInterval, MonthInterval, Timestamp, Value

_SIGN = 1 << 31


def internal_bytes(value: Value, type_name: str) -> bytes:
    """The stored bytes of a value that is not NULL, in a column of ``type_name`` (without numbers)."""
    match value:
        case bool():
            return b"\x01" if value else b"\x00"
        case Decimal():
            return number_bytes(value)
        case float():
            return float_bytes(value, single=type_name == "BINARY_FLOAT")
        case str():
            return value.encode("utf-16-be" if type_name in {"NCHAR", "NVARCHAR2", "NCLOB"} else "utf-8")
        case bytes():
            return value
        case Timestamp():
            return _timestamp_bytes(value, type_name)
        case DayInterval():
            hours, rest = divmod(abs(value.seconds), 3600)
            sign = -1 if min(value.days, value.seconds, value.nanoseconds) < 0 else 1
            small = (sign * hours + 60, sign * (rest // 60) + 60, sign * (rest % 60) + 60)
            return struct.pack(">I3BI", value.days + _SIGN, *small, value.nanoseconds + _SIGN)
        case MonthInterval():
            years, months = divmod(abs(value.months), 12)
            sign = -1 if value.months < 0 else 1
            return struct.pack(">IB", sign * years + _SIGN, sign * months + 60)
        case _:
            raise TypeError(f"no internal format for {type(value).__name__}")


def number_bytes(value: Decimal) -> bytes:
    """A NUMBER: a byte of exponent to the base of 100, then its digits; complemented when it is negative."""
    if not value:
        return b"\x80"
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits)).lstrip("0")
    if exponent % 2:
        text, exponent = text + "0", exponent - 1
    if len(text) % 2:
        text = "0" + text
    pairs = [int(text[at : at + 2]) for at in range(0, len(text), 2)]
    power = exponent // 2 + len(pairs) - 1
    while pairs[-1] == 0:
        pairs.pop()
    if not sign:
        return bytes([power + 193, *(pair + 1 for pair in pairs)])
    return bytes([62 - power, *(101 - pair for pair in pairs)]) + (b"\x66" if len(pairs) < 20 else b"")


def float_bytes(value: float, *, single: bool) -> bytes:
    """A BINARY_FLOAT or BINARY_DOUBLE: IEEE, so turned that the bytes sort as the numbers do."""
    raw = struct.pack(">f" if single else ">d", math.nan if math.isnan(value) else value)
    if raw[0] & 0x80:
        return bytes(byte ^ 0xFF for byte in raw)
    return bytes([raw[0] | 0x80]) + raw[1:]


def _timestamp_bytes(value: Timestamp, type_name: str) -> bytes:
    zoned = type_name.endswith("TIME ZONE")
    if zoned and value.offset_minutes and value.year > 0:
        moment = datetime(value.year, value.month, value.day, value.hour, value.minute, value.second)
        moment -= timedelta(minutes=value.offset_minutes)
    else:
        moment = None
    year, month, day = (moment.year, moment.month, moment.day) if moment else (value.year, value.month, value.day)
    time = (moment.hour, moment.minute, moment.second) if moment else (value.hour, value.minute, value.second)
    century, rest = divmod(abs(year), 100)
    sign = -1 if year < 0 else 1
    data = bytes([100 + sign * century, 100 + sign * rest, month, day, *(part + 1 for part in time)])
    if type_name == "DATE":
        return data
    if value.nanoseconds or type_name == "TIMESTAMP WITH TIME ZONE":
        data += struct.pack(">I", value.nanoseconds)
    if type_name == "TIMESTAMP WITH TIME ZONE":
        hours, minutes = divmod(abs(value.offset_minutes or 0), 60)
        turn = -1 if (value.offset_minutes or 0) < 0 else 1
        data += bytes([20 + turn * hours, 60 + turn * minutes])
    return data
