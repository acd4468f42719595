"""Redo literals of the usual shape straight to the target's bytes: nearly all of them, at a fraction of the cost.

Each function answers None for anything but the one shape it knows, and then ``values`` takes the literal apart properly; what
both know comes out the same (held against each other in the tests). Measured on one core at 2.3 GHz: 0.4 to 1.2 µs a literal,
against 1.4 to 7.5 µs the proper way.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from voyager_ops.databases.oracle.targets import Target
from voyager_ops.databases.oracle.types import CHARACTERS, NUMBERS, ROW_IDS, TIMESTAMPS, TSTZ, OracleType

Fast = Callable[[str], bytes | None]

_DAY: Final = r"(?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]) (?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d"
_DATE = re.compile(rf"TO_DATE\(' ?({_DAY})', ?'S?YYYY-MM-DD HH24:MI:SS'\)")
_TIMESTAMP = re.compile(rf"TO_TIMESTAMP\(' ?({_DAY})(?:\.(\d*))?'\)")
_ZONED = re.compile(rf"TO_TIMESTAMP_TZ\(' ?({_DAY})(?:\.(\d*))? [+-]00:00'\)")
_HEX = re.compile(r"HEXTORAW\('((?:[0-9A-Fa-f][0-9A-Fa-f])+)'\)")
_NUMBER = re.compile(r"'?(-?)(0|[1-9]\d*|)(?:\.(\d*[1-9]))?'?")


def whole_number(literal: str) -> bytes | None:
    """``'123'`` for integers and numeric(p,0)."""
    text = literal[1:-1] if literal[:1] == "'" else literal
    digits = text[1:] if text[:1] == "-" else text
    if digits.isdecimal() and digits.isascii() and (digits[0] != "0" or text == "0"):
        return text.encode()
    return None


def plain_number(literal: str) -> bytes | None:
    """``'-.5'`` for numeric."""
    found = _NUMBER.fullmatch(literal)
    if found is None:
        return None
    sign, whole, fraction = found.groups()
    if fraction is not None:
        return f"{sign}{whole or '0'}.{fraction}".encode()
    if not whole or (sign and whole == "0"):
        return None
    return f"{sign}{whole}".encode()


def fixed_number(scale: int) -> Fast:
    """``'12.5'`` for numeric(p,scale)."""
    zeros = "0" * scale

    def convert(literal: str) -> bytes | None:
        found = _NUMBER.fullmatch(literal)
        if found is None:
            return None
        sign, whole, fraction = found.groups()
        if fraction is None:
            return None if not whole or (sign and whole == "0") else f"{sign}{whole}.{zeros}".encode()
        return None if len(fraction) > scale else f"{sign}{whole or '0'}.{fraction.ljust(scale, '0')}".encode()

    return convert


def text(literal: str) -> bytes | None:
    """``'abc'`` without quotes inside."""
    inner = literal[1:-1]
    if literal[:1] != "'" or literal[-1:] != "'" or not inner or "'" in inner or "\0" in inner:
        return None
    return inner.encode()


def padded_text(length: int) -> Fast:
    """As :func:`text`, with blanks up to ``length`` characters."""

    def convert(literal: str) -> bytes | None:
        inner = literal[1:-1]
        if literal[:1] != "'" or literal[-1:] != "'" or not inner or "'" in inner or "\0" in inner:
            return None
        return inner.ljust(length).encode()

    return convert


def date(zone: str) -> Fast:
    """``TO_DATE('…', '…')`` for timestamp; ``zone`` is written behind."""

    def convert(literal: str) -> bytes | None:
        found = _DATE.fullmatch(literal)
        return (found[1] + zone).encode() if found is not None else None

    return convert


def moment(digits: int, zone: str) -> Fast:
    """``TO_DATE('…', '…')`` and ``TO_TIMESTAMP('…')`` for timestamp(digits); ``zone`` is written behind."""

    def convert(literal: str) -> bytes | None:
        found = _DATE.fullmatch(literal)
        if found is not None:
            return (found[1] + zone).encode()
        found = _TIMESTAMP.fullmatch(literal)
        return _written(found, digits, zone) if found is not None else None

    return convert


def zoned_moment(digits: int) -> Fast:
    """``TO_TIMESTAMP_TZ('… +00:00')``."""

    def convert(literal: str) -> bytes | None:
        found = _ZONED.fullmatch(literal)
        return _written(found, digits, "+00") if found is not None else None

    return convert


def _written(found: re.Match[str], digits: int, zone: str) -> bytes:
    fraction = (found[2] or "")[:digits].rstrip("0")
    return f"{found[1]}.{fraction}{zone}".encode() if fraction else (found[1] + zone).encode()


def hex_bytes(literal: str) -> bytes | None:
    """``HEXTORAW('0AFF')`` for bytea."""
    found = _HEX.fullmatch(literal)
    return b"\\x" + found[1].lower().encode() if found is not None else None


def fast_of(type_: OracleType, target: Target) -> Fast | None:
    """The function for a pair of types; None where there is no usual shape."""
    name, kind = type_.name, target.kind
    digits = min(6 if target.precision is None else target.precision, 6)
    if name in NUMBERS:
        if kind in ("int2", "int4", "int8") or (kind == "numeric" and target.precision is not None and not target.scale):
            return whole_number
        if kind == "numeric" and target.precision is not None:
            return fixed_number(target.scale or 0)
        return plain_number if kind in ("numeric", "text", "varchar") else None
    if name in CHARACTERS or name in ROW_IDS:
        return padded_text(target.precision or 1) if kind == "bpchar" else text if kind in ("text", "varchar", "json") else None
    if name == TSTZ:
        return zoned_moment(digits)
    if name == "DATE":
        return {"timestamp": date(""), "timestamptz": date("+00")}.get(kind)
    if name in TIMESTAMPS:
        return {"timestamp": moment(digits, ""), "timestamptz": moment(digits, "+00")}.get(kind)
    return hex_bytes if name == "RAW" and kind == "bytea" else None
