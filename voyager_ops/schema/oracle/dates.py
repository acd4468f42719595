"""Dates as Oracle writes and reads them: format masks, literals, and rounding down."""

from __future__ import annotations

import re
from datetime import datetime

from voyager_ops.schema.oracle.dialect import Refused

_TOKEN = re.compile(
    r'"[^"]*"|SYYYY|YYYY|RRRR|YYY|YY|RR|MONTH|MON|MM|DDD|DD|DAY|DY|HH24|HH12|HH|MI|SSSSS|SS|FF[1-9]?|AM|PM|A\.M\.|P\.M\.|'
    r"IYYY|IW|WW|Q|D|J|[-/,.;: ]|FM|FX|TZH|TZM|TZR|TZD|.",
    re.IGNORECASE,
)
# What a mask may hold to mean the same in to_char of both.
_WRITABLE = {
    *("YYYY", "YYY", "YY", "MM", "MON", "MONTH", "DD", "DDD", "DY", "DAY", "HH24", "HH12", "HH", "MI", "SS", "SSSSS"),
    *("AM", "PM", "A.M.", "P.M.", "IYYY", "IW", "WW", "Q"),
    *("-", "/", ",", ".", ";", ":", " "),
}
_NAMED = {"MON", "MONTH", "DY", "DAY"}
_HALVES = {"AM", "PM", "A.M.", "P.M."}
_UNITS = {
    **dict.fromkeys(("SYYYY", "YYYY", "YEAR", "SYEAR", "YYY", "YY", "Y"), "year"),
    **dict.fromkeys(("MONTH", "MON", "MM", "RM"), "month"),
    **dict.fromkeys(("DDD", "DD", "J"), "day"),
    **dict.fromkeys(("HH", "HH12", "HH24"), "hour"),
    "Q": "quarter",
    "IW": "week",
    "MI": "minute",
}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_LONG_MONTHS = (
    *("JANUARY", "FEBRUARY", "MARCH", "APRIL", "MAY", "JUNE", "JULY"),
    *("AUGUST", "SEPTEMBER", "OCTOBER", "NOVEMBER", "DECEMBER"),
)


def trunc_unit(mask: str) -> str:
    """The unit of date_trunc for TRUNC's mask. Raises Refused where PostgreSQL has none (weeks from the first of a month …)."""
    unit = _UNITS.get(mask.strip().upper().removeprefix("FM"))  # as the dictionary has it of indexes
    if unit is None:
        raise Refused(f"dates are rounded down by {mask!r}, which the target cannot do")
    return unit


def tokens(mask: str) -> list[str]:
    """The elements of a mask, and what stands between them."""
    return _TOKEN.findall(mask)


def char_mask(mask: str) -> str:
    """The mask for to_char. Raises Refused for what would come out differently.

    Oracle's FM holds up to the next one, PostgreSQL's for one element. Only names of days and months, and halves of a day, are
    written in the case of their element; PostgreSQL knows no other element in mixed case.
    """
    fill = False
    out: list[str] = []
    for token in tokens(mask):
        upper = token.upper()
        if upper == "FM":
            fill = not fill
            continue
        named = upper in _NAMED
        fraction = re.fullmatch(r"FF[1-6]", upper) is not None
        literal = token.startswith('"') and "\\" not in token
        if (
            not (upper in _WRITABLE or literal or fraction)
            or (named and token not in (upper, token.lower(), token.capitalize()))
            or (upper in _HALVES and token not in (upper, token.lower()))
            or (fraction and fill)
        ):
            raise Refused(f"a date is written as {mask!r}, which the target would write differently")
        plain = token if named or upper in _HALVES or literal else upper
        out.append(f"FM{plain}" if fill and upper in _WRITABLE - _HALVES and upper.isalnum() else plain)
    return "".join(out)


_DIGITS = {
    "YYYY": ("YEAR", 4),
    "MM": ("MONTH", 2),
    "DD": ("DAY", 2),
    "HH24": ("HOUR", 2),
    "MI": ("MINUTE", 2),
    "SS": ("SECOND", 2),
}


def written_in_digits(mask: str) -> list[tuple[str, int] | str] | None:
    """The mask as (part of EXTRACT, digits) and what stands between them; None when there is more to it than digits."""
    found = [_DIGITS.get(token.upper()) or token for token in tokens(mask)]
    plain = all(isinstance(part, tuple) or part in {"-", "/", ",", ".", ";", ":", " "} for part in found)
    return found if plain and any(isinstance(part, tuple) for part in found) else None


def constant(value: str, mask: str) -> str:
    """``value`` read by ``mask``, as PostgreSQL writes a timestamp. Raises Refused when it depends on settings or is no date.

    Parts that Oracle fills from today's date (a year, a month) must be there.
    """
    parts: dict[str, int] = {}
    rest = value.strip()
    fraction = ""
    for token in tokens(mask.strip()):
        upper = token.upper()
        if upper in {"FX", "FM"}:
            continue
        if upper in {"-", "/", ",", ".", ";", ":", " "}:
            rest = re.sub(r"^[-/,.;: ]*", "", rest)
            continue
        rest = rest.lstrip()
        found = _read(upper, rest)
        if found is None:
            raise Refused(f"{value!r} is not read as a date by {mask!r}, or depends on settings")
        name, number, length = found
        if name == "fraction":
            fraction = rest[:length]
        else:
            parts[name] = number
        rest = rest[length:]
    if rest.strip() or not {"year", "month", "day"} <= parts.keys():
        raise Refused(f"{value!r} read by {mask!r} depends on today's date")
    return _iso(value, parts, fraction)


def _iso(value: str, parts: dict[str, int], fraction: str) -> str:
    half = parts.pop("half", None)
    if half is not None:
        parts["hour"] = parts.get("hour", 12) % 12 + 12 * half
    if len(fraction) > 6 and fraction[6:].strip("0"):
        raise Refused(f"{value!r} has more digits of a second than the target keeps")
    year = parts.pop("year")
    try:
        moment = datetime(year=2000 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 2001, **parts)  # type: ignore[arg-type]
    except (ValueError, TypeError) as error:
        raise Refused(f"{value!r} is not a date") from error
    if year == 0 or not -4712 <= year <= 9999:
        raise Refused(f"{value!r} is not a date")
    digits = f".{fraction[:6]}" if fraction.strip("0") else ""
    before = " BC" if year < 0 else ""
    return f"{abs(year):04}-{moment:%m-%d %H:%M:%S}{digits}{before}"


def _read(mask: str, text: str) -> tuple[str, int, int] | None:
    """(part, value, characters read) of what ``mask``, one element, reads at the beginning of ``text``."""
    numbers = {"YYYY": ("year", 4), "MM": ("month", 2), "DD": ("day", 2), "HH24": ("hour", 2), "HH12": ("hour", 2)}
    numbers |= {"HH": ("hour", 2), "MI": ("minute", 2), "SS": ("second", 2)}
    if mask in numbers:
        name, width = numbers[mask]
        found = re.match(rf"\d{{1,{width}}}", text)
        return (name, int(found[0]), len(found[0])) if found else None
    if mask in {"SYYYY", "RRRR"}:
        found = re.match(r"-?\d{1,4}" if mask == "SYYYY" else r"\d{4}", text)
        return ("year", int(found[0]), len(found[0])) if found else None
    if mask == "RR":
        return _two_digit_year(text)
    if mask in {"MON", "MONTH"}:
        for names in (_LONG_MONTHS, _MONTHS):
            for number, name in enumerate(names, 1):
                if text.upper().startswith(name):
                    return ("month", number, len(name))
        return None
    if mask.startswith("FF"):
        found = re.match(r"\d{1,9}", text)
        return ("fraction", 0, len(found[0])) if found else None
    if mask in {"AM", "PM"} and text[:2].upper() in {"AM", "PM"}:
        return ("half", int(text[:2].upper() == "PM"), 2)
    return None


def _two_digit_year(text: str) -> tuple[str, int, int] | None:
    """RR: 00-49 is 20xx and 50-99 is 19xx, until the year 2049."""
    found = re.match(r"\d{4}|\d{2}", text)
    if found is None:
        return None
    year = int(found[0])
    if len(found[0]) == 2:
        year += 2000 if year < 50 else 1900
    return ("year", year, len(found[0]))
