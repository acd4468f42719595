"""One value of Oracle's, as text, to the text PostgreSQL prints for it. Pure functions on ``str``.

What cannot be brought over without losing something is a ValueError with a reason: nothing is rounded, shortened or guessed, but
for two losses that the types themselves force and the documentation names: fractions of a second beyond six digits (the target's
digits) are cut off, never rounded, and of a moment with a zone the instant is kept, not the zone.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from decimal import Decimal
from typing import Final

import numpy as np

_PLAIN = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d*[1-9])?")


def plain_number(text: str) -> str:
    """Oracle's decimal text (``.5``, ``-1E-130``, ``007.50``) without exponent and superfluous zeros, as numeric prints it.

    ``Nan`` and ``Inf`` (of binary floats) come out as PostgreSQL spells them.
    """
    if _PLAIN.fullmatch(text) and text != "-0":
        return text
    number = _decimal(text)
    if not number.is_finite():
        return _SPECIAL[str(number).lstrip("-")] if not number.is_signed() else "-" + _SPECIAL[str(number).lstrip("-")]
    plain = format(number, "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in ("-0", "") else plain


_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?|[-+]?(?:inf(?:inity)?|nan)", re.IGNORECASE)
"""What Oracle and the driver print. Python reads more than that."""
_SPECIAL: Final = {"NaN": "NaN", "Infinity": "Infinity"}
_NAMES: Final = {"inf": "Infinity", "+inf": "Infinity", "-inf": "-Infinity", "infinity": "Infinity", "-infinity": "-Infinity"}


def _decimal(text: str) -> Decimal:
    stripped = text.strip()
    if _NUMBER.fullmatch(stripped) is None:
        raise ValueError(f"{text[:60]!r} is not a number")
    return Decimal(_NAMES.get(stripped.lower(), stripped))


def fixed_number(text: str, scale: int) -> str:
    """As :func:`plain_number`, with exactly ``scale`` decimals. ValueError when that would lose digits."""
    plain = plain_number(text)
    whole, _, fraction = plain.partition(".")
    if len(fraction) > scale:
        raise ValueError(f"{plain} has more than {scale} decimals")
    if scale == 0 or not whole.lstrip("-").isdigit():
        return whole
    return f"{whole}.{fraction.ljust(scale, '0')}"


def integer(text: str) -> str:
    """ValueError for what is not a whole number; that it fits the target's type is the target's to say."""
    plain = plain_number(text)
    if "." in plain or not plain.lstrip("-").isdigit():
        raise ValueError(f"{plain} is not a whole number")
    return plain


def boolean_of_number(text: str) -> str:
    """0 and 1 only."""
    plain = plain_number(text)
    if plain not in ("0", "1"):
        raise ValueError(f"{plain} is neither 0 nor 1")
    return "t" if plain == "1" else "f"


# ------------------------------------------------------------------------------------------------------- binary floats


def double(value: float) -> str:
    """As float8 prints: the shortest digits that give the value back, exponents from 1e15 on and below 1e-4."""
    text = repr(value)
    if "e" not in text and -1e15 < value < 1e15:
        return text.removesuffix(".0")
    return _shortest(text, 15, value, np.nextafter)


def single(value: float) -> str:
    """As float4 prints; ``value`` is that of a 32-bit float."""
    narrow = np.float32(value)
    return _shortest(str(narrow), 6, float(narrow), _next_single)


def double_of_text(text: str) -> str:
    """Decimal or special text to what float8 makes of it. ValueError when it is too large."""
    value = _float(text)
    if value in (float("inf"), float("-inf")) and not _is_infinite(text):
        raise ValueError(f"{text[:60]} is out of range for double precision")
    return double(value)


def single_of_text(text: str) -> str:
    """Decimal or special text to what float4 makes of it. ValueError when it is too large or would become zero."""
    value = _float(text)
    narrow = _nearest_single(text, value)
    if (np.isinf(narrow) and not _is_infinite(text)) or (narrow == 0 and value != 0):
        raise ValueError(f"{text[:60]} is out of range for real")
    return single(float(narrow))


def _float(text: str) -> float:
    if _NUMBER.fullmatch(text.strip()) is None:
        raise ValueError(f"{text[:60]!r} is not a number")
    return float(text)


def _is_infinite(text: str) -> bool:
    return text.strip().lower().lstrip("+-") in ("inf", "infinity")


def _nearest_single(text: str, value: float) -> np.float32:
    """Rounded once, from the decimal text. Rounding the double again is wrong only when that lies exactly between two floats."""
    with np.errstate(over="ignore", under="ignore"):
        narrow = np.float32(value)
    bits = struct.unpack(">Q", struct.pack(">d", value))[0]
    if bits & 0x1FFFFFFF != 0x10000000 or not np.isfinite(value):
        return narrow
    exact = Decimal(text.strip())
    if exact == Decimal(value):
        return narrow
    toward = np.float32(np.inf) if exact > Decimal(value) else np.float32(-np.inf)
    wrong_side = Decimal(float(narrow)) < Decimal(value) if exact > Decimal(value) else Decimal(float(narrow)) > Decimal(value)
    return np.nextafter(narrow, toward) if wrong_side else narrow


def _next_single(value: float, toward: float) -> float:
    return float(np.nextafter(np.float32(value), np.float32(toward)))


def _strictly_inside(text: str, value: float, step: Callable[[float, float], float]) -> str:
    """The digits ``text``, or more of them. Python takes digits that lie exactly between two floats where reading them gives the
    float back (round to even); PostgreSQL does not. Only whole numbers of some twenty digits can lie so."""
    exact = int(value)
    bounds = {exact + int(step(value, end)) for end in (0.0, value * 2)}  # twice the points half way to the neighbours
    places = len(Decimal(text).as_tuple().digits)
    while 2 * int(Decimal(text)) in bounds:
        text = format(value, f".{places}e")
        places += 1
    return text


def _shortest(text: str, limit: int, value: float, step: Callable[[float, float], float]) -> str:
    """The shortest digits, put the way PostgreSQL does: plain for exponents from -4 to below ``limit``."""
    low, high = (2.0**53, 1e42) if limit == 15 else (2.0**24, 1e20)  # where few digits can lie between two floats
    if low <= abs(value) < high:
        text = _strictly_inside(text, value, step)
    number = Decimal(text)
    if number.is_nan():
        return "NaN"
    sign = "-" if number.is_signed() else ""
    if number.is_infinite():
        return f"{sign}Infinity"
    if number.is_zero():
        return f"{sign}0"
    digits = "".join(map(str, number.as_tuple().digits))
    exponent = number.adjusted()
    digits = digits.rstrip("0") or "0"
    if -4 <= exponent < limit:
        if exponent < 0:
            return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
        if len(digits) <= exponent + 1:
            return f"{sign}{digits.ljust(exponent + 1, '0')}"
        return f"{sign}{digits[: exponent + 1]}.{digits[exponent + 1 :]}"
    mantissa = digits[0] + (f".{digits[1:]}" if len(digits) > 1 else "")
    return f"{sign}{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def vector(text: str, element: Callable[[str], str]) -> str:
    """``[1.0E+000,2.5]`` to an array. ValueError for a sparse vector, whose text has brackets inside."""
    inner = text.strip()
    if not (inner.startswith("[") and inner.endswith("]")) or "[" in inner[1:]:
        raise ValueError("only dense vectors can be brought over")
    inner = inner[1:-1].strip()
    return "{" + ",".join(element(item.strip()) for item in inner.split(",")) + "}" if inner else "{}"


# ------------------------------------------------------------------------------------------------------------ booleans


def boolean(text: str) -> str:
    """Of BOOLEAN's own text."""
    lowered = text.strip().lower()
    if lowered in ("true", "1", "t"):
        return "t"
    if lowered in ("false", "0", "f"):
        return "f"
    raise ValueError(f"{text[:60]!r} is not a truth value")


# ---------------------------------------------------------------------------------------------------------- characters


def without_nul(text: str, policy: str) -> str:
    """PostgreSQL has no character 0. ``policy``: ``refuse`` (ValueError), ``remove``, or ``replace`` (by U+2400, its symbol)."""
    if "\0" not in text:
        return text
    if policy == "remove":
        return text.replace("\0", "")
    if policy == "replace":
        return text.replace("\0", "\u2400")
    raise ValueError(
        "the text has a NUL character, which PostgreSQL cannot hold (configuration: types.nul_characters: remove or replace)"
    )


def padded(text: str, length: int) -> str:
    """As ``character(length)`` prints it. Oracle pads CHAR(n BYTE) to n bytes, PostgreSQL to n characters."""
    return text.ljust(length)


_XML_DECLARATION = re.compile(
    r"<\?xml\s+version\s*=\s*(?:\"([^\"]*)\"|'([^']*)')(?:\s+encoding\s*=\s*(?:\"[^\"]*\"|'[^']*'))?"
    r"(?:\s+standalone\s*=\s*(?:\"(yes|no)\"|'(yes|no)'))?\s*\?>"
)


def xml(text: str) -> str:
    """As type xml prints it: the declaration without its encoding, and not at all when it says nothing but version 1.0."""
    found = _XML_DECLARATION.match(text)
    if found is None:
        return text
    version, standalone = found[1] or found[2] or "", found[3] or found[4]
    rest = text[found.end() :]
    if version == "1.0" and standalone is None:
        return rest.removeprefix("\n")
    return f'<?xml version="{version}"' + (f' standalone="{standalone}"' if standalone else "") + "?>" + rest


def hex_bytes(value: bytes) -> str:
    """As bytea prints it (bytea_output = hex)."""
    return "\\x" + value.hex()


def uuid_of(value: bytes) -> str:
    """Sixteen bytes, in their order, as a uuid."""
    if len(value) != 16:
        raise ValueError(f"{len(value)} bytes are no uuid")
    text = value.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
