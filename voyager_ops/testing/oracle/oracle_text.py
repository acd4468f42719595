"""Values as Oracle prints them: numbers, dates and times by format masks, intervals, UNISTR.

The masks are those that NLS_DATE_FORMAT and its kin can hold; elements that print nothing of a date are not known.
"""

from __future__ import annotations

import re
import struct
from decimal import Decimal
from functools import lru_cache

from voyager_ops.testing.oracle.engine import DayInterval, MonthInterval, OracleError, Timestamp

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
MONTH_NAMES = (
    "JANUARY", "FEBRUARY", "MARCH", "APRIL", "MAY", "JUNE", "JULY", "AUGUST", "SEPTEMBER", "OCTOBER", "NOVEMBER", "DECEMBER",
)  # fmt: skip
PLAIN_NUMBER = 64  # longer ones are printed in scientific notation, as TO_CHAR's TM9 does
UNISTR_PIECE = 1000  # characters of a literal before it is continued behind ||
_ELEMENT = re.compile(
    r'"([^"]*)"|(SYYYY|YYYY|RRRR|RR|YY|MONTH|MON|MM|DDD|DD|HH24|HH12|HH|MI|SSSSS|SS|FF[1-9]?|AM|PM|A\.M\.|P\.M\.|TZH|TZM|TZR|TZD'
    r"|BC|AD|B\.C\.|A\.D\.|X)|(.)",
    re.IGNORECASE | re.DOTALL,
)


def number_text(value: Decimal, decimal_point: str = ".") -> str:
    """A NUMBER without loss: ``.5``, ``-12``, ``1E+100``."""
    if not value:
        return "0"
    text = str(value)
    if len(text) <= PLAIN_NUMBER and "E" not in text:
        if "." in text:
            text = text.rstrip("0").rstrip(".")
            if text.startswith("0."):
                text = text[1:]
            elif text.startswith("-0."):
                text = "-" + text[2:]
        return text if decimal_point == "." else text.replace(".", decimal_point)
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits)).lstrip("0")
    stripped = text.rstrip("0")
    exponent += len(text) - len(stripped)
    text = stripped
    minus = "-" if sign else ""
    point = len(text) + exponent
    if max(len(text), point, len(text) - point) > PLAIN_NUMBER:
        mantissa = text[0] + (decimal_point + text[1:] if len(text) > 1 else "")
        return f"{minus}{mantissa}E{'+' if point > 0 else '-'}{abs(point - 1):02}"
    if exponent >= 0:
        return minus + text + "0" * exponent
    if point <= 0:
        return f"{minus}{decimal_point}{'0' * -point}{text}"
    return f"{minus}{text[:point]}{decimal_point}{text[point:]}"


def float_text(value: float, *, single: bool) -> str:
    """A BINARY_FLOAT (``single``) or BINARY_DOUBLE: ``1.5E+000``, ``Nan``, ``Inf``, ``-Inf``, ``0``."""
    if value != value:
        return "Nan"
    if value in (float("inf"), float("-inf")):
        return "Inf" if value > 0 else "-Inf"
    if value == 0:
        return "-0" if struct.pack(">d", value)[0] & 0x80 else "0"
    mantissa, _, exponent = f"{value:.{8 if single else 16}E}".partition("E")
    mantissa = mantissa.rstrip("0")
    return f"{mantissa}{'0' if mantissa.endswith('.') else ''}E{exponent[0]}{int(exponent[1:]):03}"


@lru_cache(maxsize=64)
def _elements(mask: str) -> tuple[tuple[str, str], ...]:
    """Pairs of an element (upper case; '' for text) and the text as it was written."""
    found = []
    for quoted, element, other in _ELEMENT.findall(mask):
        if element:
            found.append((element.upper(), element))
        elif other and other.isalnum():
            raise OracleError(1821, "date format not recognized")
        else:
            found.append(("", quoted or other))
    return tuple(found)


def datetime_text(value: Timestamp, mask: str, scale: int) -> str:
    """A DATE or TIMESTAMP by a format mask; ``scale``: the column's fractional digits, which FF without a number prints."""
    parts = []
    for element, written in _elements(mask):
        match element:
            case "":
                parts.append(written)
            case "YYYY" | "RRRR":
                parts.append(f"{abs(value.year):04}")
            case "SYYYY":
                parts.append(f"{'-' if value.year < 0 else ' '}{abs(value.year):04}")
            case "RR" | "YY":
                parts.append(f"{abs(value.year) % 100:02}")
            case "MM":
                parts.append(f"{value.month:02}")
            case "MON":
                parts.append(_cased(MONTHS[value.month - 1], written))
            case "MONTH":
                parts.append(_cased(MONTH_NAMES[value.month - 1].ljust(9), written))
            case "DD":
                parts.append(f"{value.day:02}")
            case "HH24":
                parts.append(f"{value.hour:02}")
            case "HH" | "HH12":
                parts.append(f"{value.hour % 12 or 12:02}")
            case "MI":
                parts.append(f"{value.minute:02}")
            case "SS":
                parts.append(f"{value.second:02}")
            case "AM" | "PM" | "A.M." | "P.M.":
                half = "A" if value.hour < 12 else "P"
                parts.append(f"{half}.M." if "." in element else f"{half}M")
            case "BC" | "AD" | "B.C." | "A.D.":
                era = "BC" if value.year < 0 else "AD"
                parts.append(f"{era[0]}.{era[1]}." if "." in element else era)
            case "X":
                parts.append(".")
            case "TZH":
                offset = value.offset_minutes or 0
                parts.append(f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02}")
            case "TZM":
                parts.append(f"{abs(value.offset_minutes or 0) % 60:02}")
            case "TZR":
                offset = value.offset_minutes or 0
                parts.append(value.region or f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02}:{abs(offset) % 60:02}")
            case _ if element.startswith("FF"):
                digits = int(element[2:]) if element[2:] else scale
                parts.append(f"{value.nanoseconds:09}"[:digits])
            case _:
                raise OracleError(1821, "date format not recognized")
    return "".join(parts)


def months_text(value: MonthInterval, leading: int) -> str:
    """An INTERVAL YEAR TO MONTH: ``+01-02``."""
    years, months = divmod(abs(value.months), 12)
    return f"{'-' if value.months < 0 else '+'}{years:0{leading}}-{months:02}"


def days_text(value: DayInterval, leading: int, scale: int) -> str:
    """An INTERVAL DAY TO SECOND: ``-001 02:03:04.56``."""
    negative = min(value.days, value.seconds, value.nanoseconds) < 0
    hours, rest = divmod(abs(value.seconds), 3600)
    minutes, seconds = divmod(rest, 60)
    fraction = f".{abs(value.nanoseconds):09}"[: scale + 1] if scale else ""
    return f"{'-' if negative else '+'}{abs(value.days):0{leading}} {hours:02}:{minutes:02}:{seconds:02}{fraction}"


def unistr(text: str) -> str:
    """``UNISTR('...')`` of text, all but printable ASCII as ``\\XXXX`` of UTF-16; long text in several joined by ``||``."""
    units = []
    for character in text:
        if " " <= character <= "~" and character not in "\\":
            units.append("''" if character == "'" else character)
        else:
            code = character.encode("utf-16-be", "surrogatepass").hex().upper()
            units.append("".join(f"\\{code[at : at + 4]}" for at in range(0, len(code), 4)))
    pieces = [units[at : at + UNISTR_PIECE] for at in range(0, len(units), UNISTR_PIECE)]
    return " || ".join(f"UNISTR('{''.join(piece)}')" for piece in pieces)


def _cased(name: str, written: str) -> str:
    if written.isupper():
        return name
    return name.lower() if written.islower() else name.capitalize()
