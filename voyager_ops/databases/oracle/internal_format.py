"""Oracle's own bytes of a value to its text: LogMiner writes them as HEXTORAW where its dictionary does not fit the redo."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from voyager_ops.databases.oracle.types import DAY_TO_SECOND, NATIONAL, TSTZ, YEAR_TO_MONTH, OracleType


def number(data: bytes) -> str:
    """Base 100, the exponent first, in an order that sorts as bytes. ValueError for what is no number."""
    if data == b"\x80":
        return "0"
    if data == b"\xff\x65" or data == b"\x00":
        raise ValueError("the number is infinite")
    if len(data) < 2:
        raise ValueError("not the bytes of a NUMBER")
    positive = data[0] >= 0x80
    if positive:
        exponent, pairs = data[0] - 0xC1, [byte - 1 for byte in data[1:]]
    else:
        body = data[1:-1] if data[-1] == 102 else data[1:]
        exponent, pairs = 0x3E - data[0], [101 - byte for byte in body]
    if not pairs or any(not 0 <= pair <= 99 for pair in pairs):
        raise ValueError("not the bytes of a NUMBER")
    digits = "".join(f"{pair:02d}" for pair in pairs)
    return f"{'' if positive else '-'}{digits}E{(exponent - len(pairs) + 1) * 2}"


def moment(data: bytes) -> str:
    """DATE (7 bytes) and TIMESTAMP (7 or 11: with nanoseconds) to ``SYYYY-MM-DD HH24:MI:SS.FF9``."""
    if len(data) not in (7, 11, 13):
        raise ValueError("not the bytes of a date or timestamp")
    year = (data[0] - 100) * 100 + (data[1] - 100)
    text = f"{'-' if year < 0 else ' '}{abs(year):04d}-{data[2]:02d}-{data[3]:02d}"
    text += f" {data[4] - 1:02d}:{data[5] - 1:02d}:{data[6] - 1:02d}"
    return f"{text}.{int.from_bytes(data[7:11], 'big'):09d}" if len(data) > 7 else text


def zoned_moment(data: bytes) -> str:
    """TIMESTAMP WITH TIME ZONE (13 bytes): kept in UTC, so that the zone beside it does not matter for the instant."""
    if len(data) != 13:
        raise ValueError("not the bytes of a timestamp with time zone")
    return moment(data) + " +00:00"


def year_to_month(data: bytes) -> str:
    """Five bytes to ``-YY-MM``."""
    if len(data) != 5:
        raise ValueError("not the bytes of an interval")
    months = (int.from_bytes(data[:4], "big") - (1 << 31)) * 12 + data[4] - 60
    return f"{'-' if months < 0 else '+'}{abs(months) // 12}-{abs(months) % 12:02d}"


def day_to_second(data: bytes) -> str:
    """Eleven bytes to ``-DD HH:MI:SS.FF9``."""
    if len(data) != 11:
        raise ValueError("not the bytes of an interval")
    days = int.from_bytes(data[:4], "big") - (1 << 31)
    hours, minutes, seconds = (byte - 60 for byte in data[4:7])
    nanoseconds = int.from_bytes(data[7:], "big") - (1 << 31)
    negative = min(days, hours, minutes, seconds, nanoseconds) < 0
    return f"{'-' if negative else '+'}{abs(days)} {abs(hours):02d}:{abs(minutes):02d}:{abs(seconds):02d}.{abs(nanoseconds):09d}"


def _ieee(data: bytes) -> bytes:
    """Back from the form that sorts as bytes: positive numbers have the sign bit set, negative ones every bit turned."""
    if data[0] & 0x80:
        return bytes([data[0] & 0x7F]) + data[1:]
    return bytes(byte ^ 0xFF for byte in data)


def binary_float(data: bytes) -> str:
    """Four bytes; the text is exact."""
    if len(data) != 4:
        raise ValueError("not the bytes of a BINARY_FLOAT")
    return repr(struct.unpack(">f", _ieee(data))[0])


def binary_double(data: bytes) -> str:
    """Eight bytes; the text is exact."""
    if len(data) != 8:
        raise ValueError("not the bytes of a BINARY_DOUBLE")
    return repr(struct.unpack(">d", _ieee(data))[0])


_DECODERS: Final[dict[str, Callable[[bytes], str]]] = {
    "NUMBER": number,
    "FLOAT": number,
    "BINARY_FLOAT": binary_float,
    "BINARY_DOUBLE": binary_double,
    "DATE": moment,
    "TIMESTAMP": moment,
    TSTZ: zoned_moment,
    YEAR_TO_MONTH: year_to_month,
    DAY_TO_SECOND: day_to_second,
}


Charsets = tuple[str, str]
"""Oracle's names of the database's character set and of its national one."""
UNICODE: Final[Charsets] = ("AL32UTF8", "AL16UTF16")
_CODECS: Final = {
    "AL32UTF8": "utf-8",
    "AL16UTF16": "utf-16-be",
    "US7ASCII": "ascii",
    "WE8ISO8859P1": "iso8859-1",
    "EE8ISO8859P2": "iso8859-2",
    "WE8ISO8859P15": "iso8859-15",
    "EE8MSWIN1250": "cp1250",
    "CL8MSWIN1251": "cp1251",
    "WE8MSWIN1252": "cp1252",
}


def readable(charset: str) -> bool:
    """Whether :func:`characters` reads more than ASCII of the character set."""
    return charset == "UTF8" or charset in _CODECS


def characters(data: bytes, charset: str) -> str:
    """Text of a character set. ValueError for what is none, and beyond ASCII for sets that are not known here."""
    unreadable = f"the bytes {data[:20].hex()} cannot be read as text of the character set {charset or 'of the database'}"
    if "EBCDIC" in charset:
        raise ValueError(unreadable)
    try:
        if charset == "UTF8":  # characters beyond the first plane are pairs of surrogates in it
            return data.decode("utf-8", "surrogatepass").encode("utf-16-be", "surrogatepass").decode("utf-16-be")
        return data.decode(_CODECS.get(charset, "ascii"))
    except UnicodeError:
        raise ValueError(unreadable) from None


def to_text(type_: OracleType, data: bytes, charsets: Charsets = UNICODE) -> str:
    """The value's text as Oracle's own TO_CHAR would have it. ValueError where the bytes alone do not say."""
    name = type_.name
    if name in NATIONAL:
        return characters(data, charsets[1])
    if name in ("CHAR", "VARCHAR2", "CLOB", "LONG"):
        return characters(data, charsets[0])
    if name not in _DECODERS:
        raise ValueError(f"the internal form of {name} does not say its value")
    return _DECODERS[name](data)
