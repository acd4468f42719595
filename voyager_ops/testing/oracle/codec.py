"""Oracle's forms of numbers, dates, intervals, floats and row ids on the wire, both ways. Pure."""

from __future__ import annotations

import struct
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal

from voyager_ops.testing.oracle.engine import DayInterval, MonthInterval, OracleError, Timestamp
from voyager_ops.testing.oracle.rowid import DIGITS as ROWID_DIGITS

NUMBER_PAIRS = 20  # a NUMBER holds 20 digits to the base 100
EXPONENT_BIAS = 193
DURATION_BIAS = 0x80000000
DURATION_OFFSET = 60
ZONE_HOUR_OFFSET = 20
ZONE_MINUTE_OFFSET = 60
REGION_FLAG = 0x80
_FORTY = Context(prec=40, rounding=ROUND_HALF_UP, Emax=999, Emin=-999)


# -- NUMBER -----------------------------------------------------------------------------------------------------------


def encode_number(value: Decimal) -> bytes:
    """``value`` rounded to what a NUMBER holds. ORA-01426 when its magnitude is 1E+126 or more; below 1E-130 it is 0."""
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise OracleError(1426, "numeric overflow")
    if len(digits) > 2 * NUMBER_PAIRS:
        sign, digits, exponent = _FORTY.plus(value).as_tuple()
        assert isinstance(exponent, int)
    text = "".join(map(str, digits)).lstrip("0")
    if not text:
        return b"\x80"
    if exponent % 2:  # a pair of digits begins at an even power of ten
        text += "0"
        exponent -= 1
    if len(text) % 2:
        text = "0" + text
    pairs = [int(text[i : i + 2]) for i in range(0, len(text), 2)]
    power = exponent // 2 + len(pairs) - 1
    if power > 62:
        raise OracleError(1426, "numeric overflow")
    if power < -65:
        return b"\x80"
    del pairs[NUMBER_PAIRS:]
    while pairs[-1] == 0:
        pairs.pop()
    if not sign:
        return bytes([power + EXPONENT_BIAS, *[pair + 1 for pair in pairs]])
    end = [102] if len(pairs) < NUMBER_PAIRS else []
    return bytes([~(power + EXPONENT_BIAS) & 0xFF, *[101 - pair for pair in pairs], *end])


def decode_number(data: bytes) -> Decimal:
    """The exact value, without trailing zeros after the decimal point and never in an exponent's form."""
    if data == b"\x80":
        return Decimal(0)
    if data[0] & 0x80:
        power = data[0] - EXPONENT_BIAS
        pairs = [byte - 1 for byte in data[1:]]
        sign = ""
    else:
        power = (~data[0] & 0xFF) - EXPONENT_BIAS
        body = data[1:-1] if data[-1] == 102 else data[1:]
        pairs = [101 - byte for byte in body]
        sign = "-"
    exponent = 2 * (power - len(pairs) + 1)
    text = "".join(f"{pair:02}" for pair in pairs)
    if exponent >= 0:
        return Decimal(sign + text + "0" * exponent)
    if text.endswith("0"):
        text, exponent = text[:-1], exponent + 1
    return Decimal(f"{sign}{text}E{exponent}")


# -- dates ------------------------------------------------------------------------------------------------------------


def encode_date(value: Timestamp) -> bytes:
    century, year = divmod(abs(value.year), 100)
    if value.year < 0:
        century, year = -century, -year
    return bytes((century + 100, year + 100, value.month, value.day, value.hour + 1, value.minute + 1, value.second + 1))


def encode_timestamp(value: Timestamp) -> bytes:
    """TIMESTAMP and TIMESTAMP WITH LOCAL TIME ZONE: 11 bytes, or 7 when there is no fraction of a second."""
    date = encode_date(value)
    return date + struct.pack(">I", value.nanoseconds) if value.nanoseconds else date


def encode_timestamp_tz(value: Timestamp) -> bytes:
    """13 bytes: the moment in UTC, then the offset (or, stored by name, the flag and a region's number)."""
    minutes = value.offset_minutes or 0
    utc = _shift(value, -minutes)
    hour_part, minute_part = (abs(minutes) // 60, abs(minutes) % 60)
    if minutes < 0:
        hour_part, minute_part = -hour_part, -minute_part
    if value.region:
        zone = bytes((REGION_FLAG | 1, 4))
    else:
        zone = bytes((hour_part + ZONE_HOUR_OFFSET, minute_part + ZONE_MINUTE_OFFSET))
    return encode_date(utc) + struct.pack(">I", value.nanoseconds) + zone


def decode_timestamp(data: bytes) -> Timestamp:
    """A DATE or TIMESTAMP of 7, 11 or 13 bytes; with a zone, the fields are local ones of that zone."""
    year = (data[0] - 100) * 100 + data[1] - 100
    nanoseconds = struct.unpack(">I", data[7:11])[0] if len(data) >= 11 else 0
    value = Timestamp(year, data[2], data[3], data[4] - 1, data[5] - 1, data[6] - 1, nanoseconds)
    if len(data) < 13 or not data[11] or not data[12]:
        return value
    minutes = (data[11] - ZONE_HOUR_OFFSET) * 60 + data[12] - ZONE_MINUTE_OFFSET
    local = _shift(value, minutes)
    return Timestamp(
        local.year, local.month, local.day, local.hour, local.minute, local.second, local.nanoseconds, offset_minutes=minutes
    )


def _shift(value: Timestamp, minutes: int) -> Timestamp:
    """``value`` moved by ``minutes``; outside of Python's years only the fields' border to another day is refused."""
    if minutes == 0:
        return value
    try:
        moved = datetime(value.year, value.month, value.day, value.hour, value.minute) + timedelta(minutes=minutes)
    except (ValueError, OverflowError):
        total = value.hour * 60 + value.minute + minutes
        if not 0 <= total < 24 * 60:
            raise OracleError(1841, "(full) year must be between -4713 and +9999, and not be 0") from None
        return Timestamp(value.year, value.month, value.day, total // 60, total % 60, value.second, value.nanoseconds)
    return Timestamp(moved.year, moved.month, moved.day, moved.hour, moved.minute, value.second, value.nanoseconds)


# -- intervals --------------------------------------------------------------------------------------------------------


def encode_day_interval(value: DayInterval) -> bytes:
    sign = -1 if value.days < 0 or value.seconds < 0 or value.nanoseconds < 0 else 1
    minutes, second = divmod(abs(value.seconds), 60)
    hour, minute = divmod(minutes, 60)
    clock = bytes(sign * part + DURATION_OFFSET for part in (hour, minute, second))
    return struct.pack(">I", value.days + DURATION_BIAS) + clock + struct.pack(">I", value.nanoseconds + DURATION_BIAS)


def decode_day_interval(data: bytes) -> DayInterval:
    days, hour, minute, second, nanoseconds = struct.unpack(">IBBBI", data[:11])
    seconds = (hour - DURATION_OFFSET) * 3600 + (minute - DURATION_OFFSET) * 60 + second - DURATION_OFFSET
    return DayInterval(days - DURATION_BIAS, seconds, nanoseconds - DURATION_BIAS)


def encode_month_interval(value: MonthInterval) -> bytes:
    sign = -1 if value.months < 0 else 1
    years, months = divmod(abs(value.months), 12)
    return struct.pack(">IB", sign * years + DURATION_BIAS, sign * months + DURATION_OFFSET)


def decode_month_interval(data: bytes) -> MonthInterval:
    years, months = struct.unpack(">IB", data[:5])
    return MonthInterval((years - DURATION_BIAS) * 12 + months - DURATION_OFFSET)


# -- floats -----------------------------------------------------------------------------------------------------------


def encode_double(value: float) -> bytes:
    return _sortable(struct.pack(">d", value))


def encode_float(value: float) -> bytes:
    try:
        return _sortable(struct.pack(">f", value))
    except OverflowError:
        return _sortable(struct.pack(">f", float("inf") if value > 0 else float("-inf")))


def decode_float(data: bytes) -> float:
    """BINARY_DOUBLE (8 bytes) or BINARY_FLOAT (4)."""
    positive = data[0] & 0x80
    plain = bytes((data[0] & 0x7F,)) + data[1:] if positive else bytes(~byte & 0xFF for byte in data)
    return float(struct.unpack(">d" if len(plain) == 8 else ">f", plain)[0])


def _sortable(data: bytes) -> bytes:
    """Oracle's order-preserving form: the sign bit set for positive ones, all bits turned for negative ones."""
    if data[0] & 0x80:
        return bytes(~byte & 0xFF for byte in data)
    return bytes((data[0] | 0x80,)) + data[1:]


# -- row ids ----------------------------------------------------------------------------------------------------------


def rowid_parts(rowid: str) -> tuple[int, int, int, int]:
    """Object, file, block and slot of an extended ROWID of 18 characters. ORA-01410 for anything else."""
    if len(rowid) != 18 or any(char not in ROWID_DIGITS for char in rowid):
        raise OracleError(1410, "invalid ROWID")
    parts = []
    for start, length in ((0, 6), (6, 3), (9, 6), (15, 3)):
        number = 0
        for char in rowid[start : start + length]:
            number = number * 64 + ROWID_DIGITS.index(char)
        parts.append(number)
    return parts[0], parts[1], parts[2], parts[3]
