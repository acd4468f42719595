"""Values between the engine's PostgreSQL and the simulator's protocol: text on one side, ``engine.Value`` on the other."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Context, Decimal

from voyager_ops.testing.oracle.engine import DayInterval, MonthInterval, Timestamp, TypeNumber, Value

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
OFFSETS = 4096  # of TIMESTAMP WITH TIME ZONE: instant * OFFSETS + offset in minutes + OFFSETS / 2


def civil(days: int) -> tuple[int, int, int]:
    """Year (0 is 1 BC), month, day of a day counted from 1970-01-01, in the proleptic Gregorian calendar."""
    days += 719_468
    era, rest = divmod(days, 146_097)
    year_of_era = (rest - rest // 1460 + rest // 36_524 - rest // 146_096) // 365
    day_of_year = rest - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year_of_era + era * 400 + (month <= 2), month, day_of_year - (153 * shifted + 2) // 5 + 1


def days_from(year: int, month: int, day: int) -> int:
    """The inverse of ``civil``."""
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468


def _moment(ns: int, offset: int | None = None) -> Timestamp:
    days, rest = divmod(ns, DAY)
    year, month, day = civil(days)
    seconds, fraction = divmod(rest, SECOND)
    return Timestamp(
        year if year > 0 else year - 1, month, day, seconds // 3600, seconds // 60 % 60, seconds % 60, fraction, offset
    )


def nanoseconds(value: Timestamp) -> int:
    """Since 1970-01-01 00:00:00 of the fields as they stand."""
    days = days_from(value.year if value.year > 0 else value.year + 1, value.month, value.day)
    return days * DAY + (value.hour * 3600 + value.minute * 60 + value.second) * SECOND + value.nanoseconds


def timestamp(text: str) -> Timestamp:
    return _moment(int(text))


def timestamp_tz(text: str) -> Timestamp:
    instant, offset = divmod(int(text), OFFSETS)
    minutes = offset - OFFSETS // 2
    return _moment(instant + minutes * 60 * SECOND, minutes)


def timestamp_ltz(session_offset: int) -> Callable[[str], Timestamp]:
    return lambda text: _moment(int(text) + session_offset * 60 * SECOND, session_offset)


def date(text: str) -> Timestamp:
    """``2020-02-01 10:11:12`` or ``0044-03-15 00:00:00 BC``."""
    before = text.endswith(" BC")
    day, _, clock = text.removesuffix(" BC").partition(" ")
    year, month, number = day.split("-")
    hour, minute, second = clock[:8].split(":")
    return Timestamp(-int(year) if before else int(year), int(month), int(number), int(hour), int(minute), int(second))


def raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def day_interval(text: str) -> DayInterval:
    ns = int(text)
    sign = -1 if ns < 0 else 1
    days, rest = divmod(abs(ns), DAY)
    seconds, fraction = divmod(rest, SECOND)
    return DayInterval(sign * days, sign * seconds, sign * fraction)


def month_interval(text: str) -> MonthInterval:
    return MonthInterval(int(text))


def boolean(text: str) -> bool:
    return text in ("t", "true")


# What NUMBER holds; PostgreSQL's numeric goes on where Oracle's arithmetic has rounded.
DIGITS = Context(prec=40)


def number(text: str) -> Decimal:
    return DIGITS.create_decimal(text)


def text(text: str) -> str:
    return text


DECODERS: dict[TypeNumber, Callable[[str], Value]] = {
    TypeNumber.NUMBER: number,
    TypeNumber.BINARY_FLOAT: float,
    TypeNumber.BINARY_DOUBLE: float,
    TypeNumber.DATE: date,
    TypeNumber.TIMESTAMP: timestamp,
    TypeNumber.TIMESTAMP_TZ: timestamp_tz,
    TypeNumber.TIMESTAMP_LTZ: timestamp_ltz(0),
    TypeNumber.RAW: raw,
    TypeNumber.LONG_RAW: raw,
    TypeNumber.BLOB: raw,
    TypeNumber.INTERVAL_DS: day_interval,
    TypeNumber.INTERVAL_YM: month_interval,
    TypeNumber.BOOLEAN: boolean,
}


def decoder(kind: TypeNumber, session_offset: int = 0) -> Callable[[str], Value]:
    """From PostgreSQL's text of a value of this type to the value."""
    if kind is TypeNumber.TIMESTAMP_LTZ:
        return timestamp_ltz(session_offset)
    return DECODERS.get(kind, text)


def encode(value: Value, kind: TypeNumber, session_offset: int) -> str | None:
    """A bind's value as PostgreSQL's text for the type that binds of ``kind`` are cast to; '' is NULL but for LOBs."""
    if value is None:
        return None
    if isinstance(value, str):
        return value if value or kind is TypeNumber.CLOB else None
    if isinstance(value, bytes):
        return "\\x" + value.hex() if value or kind is TypeNumber.BLOB else None
    if isinstance(value, bool):
        return "1" if value and kind is TypeNumber.NUMBER else "0" if kind is TypeNumber.NUMBER else str(value).lower()
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    if isinstance(value, Timestamp):
        return _encode_moment(value, kind, session_offset)
    if isinstance(value, DayInterval):
        return str((value.days * 86_400 + value.seconds) * SECOND + value.nanoseconds)
    if isinstance(value, MonthInterval):
        return str(value.months)
    return str(value)


def _encode_moment(value: Timestamp, kind: TypeNumber, session_offset: int) -> str:
    if kind is TypeNumber.DATE:
        clock = f"{value.month:02}-{value.day:02} {value.hour:02}:{value.minute:02}:{value.second:02}"
        return f"{abs(value.year):04}-{clock}{' BC' if value.year < 0 else ''}"
    local = nanoseconds(value)
    if kind is TypeNumber.TIMESTAMP:
        return str(local)
    offset = value.offset_minutes if value.offset_minutes is not None else session_offset
    instant = local - offset * 60 * SECOND
    return str(instant) if kind is TypeNumber.TIMESTAMP_LTZ else str(instant * OFFSETS + offset + OFFSETS // 2)
