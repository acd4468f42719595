"""Literals as LogMiner prints them, per Oracle type and by the settings of the mining session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from voyager_ops.testing.oracle.engine import DayInterval, MonthInterval, Timestamp, Value
from voyager_ops.testing.oracle.internal_format import internal_bytes
from voyager_ops.testing.oracle.oracle_text import datetime_text, days_text, float_text, months_text, number_text, unistr
from voyager_ops.testing.oracle.recorder import Nls, RedoColumn

LOBS = frozenset({"CLOB", "NCLOB", "BLOB", "JSON", "VECTOR"})
BINARY_LOBS = frozenset({"BLOB", "JSON", "VECTOR"})
STANDARD_STRING = 4000  # a VARCHAR2 or RAW declared longer is stored as a LOB
KNOWN = LOBS | {
    "NUMBER", "FLOAT", "BINARY_FLOAT", "BINARY_DOUBLE", "VARCHAR2", "NVARCHAR2", "CHAR", "NCHAR", "LONG", "RAW", "LONG RAW",
    "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP WITH LOCAL TIME ZONE", "INTERVAL YEAR TO MONTH",
    "INTERVAL DAY TO SECOND", "XMLTYPE", "BOOLEAN", "ROWID", "UROWID",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Style:
    """How a LogMiner session prints. ``rowid``: a ROWID clause; ``semicolon``: at the end of statements."""

    nls: Nls = field(default_factory=Nls)
    rowid: bool = True
    semicolon: bool = True


def quoted(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("'", "''") + "'"


def raw_literal(column: RedoColumn) -> Callable[[str], str]:
    """The printer of a column's literals for a dictionary that does not know it."""

    def stored(text: str) -> bytes:
        value = column.decode(text)
        return internal_bytes(column.padded(value) if isinstance(value, str) else value, column.type)

    return lambda text: f"HEXTORAW('{stored(text).hex()}')"


def literal(column: RedoColumn, style: Style) -> Callable[[str], str]:
    """The printer of a column's literals from PostgreSQL's text."""
    decode, nls, type_name = column.decode, style.nls, column.type
    if type_name in {"VARCHAR2", "CHAR", "LONG", "ROWID", "UROWID"}:
        return lambda text: quoted(column.padded(str(decode(text))))
    if type_name in {"NVARCHAR2", "NCHAR"}:
        return lambda text: _national(column.padded(str(decode(text))))
    if type_name in {"NUMBER", "FLOAT"}:
        point = nls.numeric_characters[0]
        return lambda text: f"'{_number(decode(text), point)}'"
    if type_name not in KNOWN:
        return lambda text: "Unsupported Type"
    return lambda text: _other_literal(decode(text), column, nls)


def _number(value: Value, point: str) -> str:
    return number_text(value if isinstance(value, Decimal) else Decimal(str(value)), point)


def _national(text: str) -> str:
    return quoted(text) if text.isascii() else unistr(text)


def _other_literal(value: Value, column: RedoColumn, nls: Nls) -> str:
    match value:
        case bool():
            return "TRUE" if value else "FALSE"
        case float():
            return f"'{float_text(value, single=column.type == 'BINARY_FLOAT')}'"
        case Decimal():
            return f"'{number_text(value, nls.numeric_characters[0])}'"
        case bytes():
            return f"HEXTORAW('{value.hex()}')"
        case MonthInterval():
            return f"TO_YMINTERVAL('{months_text(value, 2 if column.precision is None else column.precision)}')"
        case DayInterval():
            leading = 2 if column.precision is None else column.precision
            return f"TO_DSINTERVAL('{days_text(value, leading, 6 if column.scale is None else column.scale)}')"
        case Timestamp():
            return _moment_literal(value, column, nls)
        case _:
            return "NULL" if value is None else quoted(str(value))


def _moment_literal(value: Timestamp, column: RedoColumn, nls: Nls) -> str:
    scale = 6 if column.scale is None else column.scale
    if column.type == "DATE":
        return f"TO_DATE('{datetime_text(value, nls.date_format, 0)}', '{nls.date_format}')"
    if column.type == "TIMESTAMP WITH TIME ZONE":
        return f"TO_TIMESTAMP_TZ('{datetime_text(value, nls.timestamp_tz_format, scale)}')"
    if column.type == "TIMESTAMP WITH LOCAL TIME ZONE":
        value = _in_zone(value, nls.offset_minutes)
    return f"TO_TIMESTAMP('{datetime_text(value, nls.timestamp_format, scale)}')"


def _in_zone(value: Timestamp, offset_minutes: int) -> Timestamp:
    """The local fields of a moment in the session's zone; ``value`` without an offset is UTC."""
    shift = offset_minutes - (value.offset_minutes or 0)
    if not shift:
        return value
    minutes = value.hour * 60 + value.minute + shift
    days, minutes = divmod(minutes, 1440)
    year, month, day = _add_days(value.year, value.month, value.day, days)
    return replace(value, year=year, month=month, day=day, hour=minutes // 60, minute=minutes % 60, offset_minutes=offset_minutes)


def _add_days(year: int, month: int, day: int, days: int) -> tuple[int, int, int]:
    """A date some days (at most one month) on, in the calendar of the date's own year."""
    length = (31, 29 if _leap(year) else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    day += days
    if day < 1:
        month -= 1
        day += length[month - 1]
    elif day > length[month - 1]:
        day -= length[month - 1]
        month += 1
    if month == 0:
        return (year - 1 if year != 1 else -1), 12, day
    if month == 13:
        return (year + 1 if year != -1 else 1), 1, day
    return year, month, day


def _leap(year: int) -> bool:
    astronomical = year if year > 0 else year + 1
    if year < 1583:
        return astronomical % 4 == 0
    return astronomical % 4 == 0 and (astronomical % 100 != 0 or astronomical % 400 == 0)
