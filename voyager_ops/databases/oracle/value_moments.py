"""Dates, timestamps and intervals: Oracle's text to PostgreSQL's. Pure functions on ``str``.

Years before Christ carry a minus in Oracle (``SYYYY``) and the suffix BC in PostgreSQL; neither has a year 0.
"""

from __future__ import annotations

import re
from typing import Final

from voyager_ops.databases.oracle.date_masks import MONTHS

_ISO = re.compile(
    r"\s*([-+]?)(\d{4,})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d)(?:[.,](\d*))?)?\s*(?:([-+])(\d\d):?(\d\d)|(Z|UTC|GMT))?\s*"
)
_ORACLE = re.compile(
    r"\s*(\d\d)-([A-Za-z]{3})-(\d\d|\d{4})(?: (\d\d)[.:](\d\d)[.:](\d\d)(?:[.,](\d*))?(?: ([AP])M)?)?\s*"
    r"(?:([-+])(\d\d):?(\d\d)|(Z|UTC|GMT))?\s*"
)
"""The form under NLS settings of a session that set none (American): DD-MON-RR HH.MI.SSXFF AM TZR."""
_MONTHS: Final = {name: f"{number:02d}" for name, number in MONTHS.items()}
_PLACES: Final = 6


def timestamp(text: str, digits: int = _PLACES, *, whole: bool = False) -> str:
    """``timestamp(digits)``. ValueError for what is no moment, or one with a zone. ``whole``: of Oracle's DATE, which has whole
    seconds only; others are a ValueError."""
    year, rest, fraction, offset = _parsed(text)
    _check_whole(text, fraction, whole)
    if offset is not None:
        raise ValueError(f"{text[:60]!r} has a time zone")
    return _written(year, rest, fraction[:digits], "")


def timestamptz(text: str, digits: int = _PLACES, *, whole: bool = False) -> str:
    """``timestamptz(digits)`` in UTC. Text without a zone is in UTC already. ``whole`` as in :func:`timestamp`."""
    year, rest, fraction, offset = _parsed(text)
    _check_whole(text, fraction, whole)
    if offset:
        year, rest = _shifted(year, rest, -offset)
    return _written(year, rest, fraction[:digits], "+00")


def date(text: str) -> str:
    """``date``. ValueError when there is a time of day to lose."""
    year, rest, fraction, _ = _parsed(text)
    if rest[6:] != "00:00:00" or fraction.strip("0"):
        raise ValueError(f"{text.strip()[:60]} has a time of day, which a date cannot hold")
    return _dated(year, rest[:5]) + (" BC" if year < 0 else "")


def _check_whole(text: str, fraction: str, whole: bool) -> None:
    if whole and fraction.strip("0"):
        raise ValueError(f"{text.strip()[:60]} has a fraction of a second, which a DATE cannot have")


def _parsed(text: str) -> tuple[int, str, str, int | None]:
    """(year, negative before Christ; ``MM-DD HH:MI:SS``; fraction's digits; minutes east of UTC or None)."""
    found = _ISO.fullmatch(text)
    if found is not None:
        sign, year, month, day, hour, minute, second, fraction, east, hours, minutes, utc = found.groups()
        number = -int(year) if sign == "-" else int(year)
    else:
        number, month, day, hour, minute, second, fraction, east, hours, minutes, utc = _parsed_american(text)
    if number == 0 or not "01" <= month <= "12" or not "01" <= day <= "31":
        raise ValueError(f"{text.strip()[:60]} is no day of the calendar")
    rest = f"{month}-{day} {hour or '00'}:{minute or '00'}:{second or '00'}"
    if rest[6:8] > "23" or rest[9:11] > "59" or rest[12:] > "59":
        raise ValueError(f"{text.strip()[:60]} has no time of the day")
    offset = 0 if utc else None
    if east:
        offset = (int(hours) * 60 + int(minutes)) * (-1 if east == "-" else 1)
    return number, rest, fraction or "", offset


def _parsed_american(text: str) -> tuple[int, str, str, str, str, str, str, str, str, str, str]:
    found = _ORACLE.fullmatch(text)
    if found is None or found[2].upper() not in _MONTHS:
        raise ValueError(f"{text[:60]!r} is not a date or time in a form that is known")
    day, month, year, hour, minute, second, fraction, half, east, hours, minutes, utc = found.groups()
    number = int(year)
    if len(year) == 2:
        number += 2000 if number < 50 else 1900  # the mask RR, as it counts in the first half of a century
    if half and hour:
        hour = f"{int(hour) % 12 + (12 if half.upper() == 'P' else 0):02d}"
    return number, _MONTHS[month.upper()], day, hour, minute, second, fraction, east, hours, minutes, utc


def _dated(year: int, month_day: str) -> str:
    return f"{abs(year):04d}-{month_day}"


def _written(year: int, rest: str, fraction: str, zone: str) -> str:
    fraction = fraction.rstrip("0")
    return f"{_dated(year, rest)}{'.' if fraction else ''}{fraction}{zone}{' BC' if year < 0 else ''}"


def _shifted(year: int, rest: str, minutes: int) -> tuple[int, str]:
    """The moment ``minutes`` later, in PostgreSQL's calendar (Gregorian throughout)."""
    astronomical = year + 1 if year < 0 else year
    total = int(rest[6:8]) * 60 + int(rest[9:11]) + minutes
    days, total = divmod(total, 1440)
    day_number = _days(astronomical, int(rest[:2]), int(rest[3:5]))
    if _civil(day_number) != (astronomical, int(rest[:2]), int(rest[3:5])):
        # Oracle counts by the Julian calendar before 1582-10-15, and has leap days there that PostgreSQL does not know.
        raise ValueError(f"{_dated(year, rest[:5])} is no day of the calendar that PostgreSQL counts by")
    astronomical, month, day = _civil(day_number + days)
    clock = f"{total // 60:02d}:{total % 60:02d}:{rest[12:14]}"
    return (astronomical if astronomical > 0 else astronomical - 1), f"{month:02d}-{day:02d} {clock}"


def _days(year: int, month: int, day: int) -> int:
    """Days since 0000-03-01 of the proleptic Gregorian calendar, whose years begin in March here: leap days come last."""
    year -= month <= 2
    era, of_era = divmod(year, 400)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year


def _civil(days: int) -> tuple[int, int, int]:
    era, of_era = divmod(days, 146097)
    years = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * years + years // 4 - years // 100)
    shifted = (5 * of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    return years + era * 400 + (month <= 2), month, of_year - (153 * shifted + 2) // 5 + 1


# ----------------------------------------------------------------------------------------------------------- intervals

_YEAR_TO_MONTH = re.compile(r"\s*([-+]?)(\d+)-(\d+)\s*")
_DAY_TO_SECOND = re.compile(r"\s*([-+]?)(\d+) (\d+):(\d+):(\d+)(?:[.,](\d*))?\s*")


def year_to_month(text: str) -> str:
    """``-03-06`` to ``-3 years -6 mons``."""
    found = _YEAR_TO_MONTH.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:60]!r} is not an interval of years and months")
    sign = -1 if found[1] == "-" else 1
    parts = [_part(sign * int(found[2]), "year"), _part(sign * int(found[3]), "mon")]
    return " ".join(part for part in parts if part) or "00:00:00"


def day_to_second(text: str, digits: int = _PLACES) -> str:
    """``-001 02:03:04.560000`` to ``-1 days -02:03:04.56``. Digits of the second beyond ``digits`` are cut off."""
    found = _DAY_TO_SECOND.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:60]!r} is not an interval of days and seconds")
    negative = found[1] == "-"
    days = _part(-int(found[2]) if negative else int(found[2]), "day")
    fraction = (found[6] or "")[:digits].rstrip("0")
    clock = f"{int(found[3]):02d}:{int(found[4]):02d}:{int(found[5]):02d}{'.' if fraction else ''}{fraction}"
    if clock == "00:00:00":
        return days or clock
    return f"{days}{' ' if days else ''}{'-' if negative else ''}{clock}"


def _part(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'}" if number else ""
