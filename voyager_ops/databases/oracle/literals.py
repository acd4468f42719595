"""The literals of SQL_REDO taken apart: what is inside, not yet what it means for a column's type."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from voyager_ops.databases.oracle import date_masks

_CALL = re.compile(r"(?:SYS\.)?([A-Z_]+)\s*\(\s*(.*)\)\s*", re.DOTALL | re.IGNORECASE)
_TEXT = re.compile(r"'(?:[^']|'')*'")
_COMMENT = re.compile(r"/\*.*?\*/\s*", re.DOTALL)
_UNICODE = re.compile(r"\\([0-9A-Fa-f]{4})|\\(\\)?")
_MASK = re.compile(r"\s*,\s*('(?:[^']|'')*')")
_ANSI = re.compile(r"(?:TIMESTAMP|DATE) ?('[^']*')", re.IGNORECASE)
_PIECE = re.compile(
    r"\s*(?:\|\|)?\s*(?:(?P<call>UNISTR|CHR|TO_CHAR|TO_NCHAR|TO_CLOB|TO_NCLOB)\s*\(\s*)?N?(?P<text>'(?:[^']|'')*'|\d+)\s*\)?\s*",
    re.IGNORECASE,
)

Kind = Literal["null", "text", "word", "bytes", "empty"]
_MOMENTS: Final = frozenset({"TO_DATE", "TO_TIMESTAMP", "TO_TIMESTAMP_TZ", "TO_YMINTERVAL", "TO_DSINTERVAL"})


class UnsupportedRedo(ValueError):
    """LogMiner does not write this value out (``Unsupported Type``)."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """``text``: a string's content, or what stands inside TO_DATE and its kin; ``word``: a bare number or TRUE; ``bytes``:
    HEXTORAW's; ``empty``: EMPTY_CLOB() and EMPTY_BLOB()."""

    kind: Kind
    text: str = ""
    data: bytes = b""


NULL: Final = Parsed("null")


def unquote(literal: str) -> str:
    """The content of ``'…'``: doubled quotes are one; one that Oracle forgot to double stays."""
    return literal[1:-1].replace("''", "'")


def parse(literal: str) -> Parsed:
    """Take one literal apart. Raises ValueError for what is none of the known forms, UnsupportedRedo for ``Unsupported Type``."""
    text = literal.strip()
    if text.startswith("'") and text.endswith("'") and len(text) > 1 and "'||" not in text and "' ||" not in text:
        return Parsed("text", unquote(text))
    if text.startswith("/*"):
        text = _COMMENT.sub("", text, count=1).strip()
    upper = text[:20].upper()
    if upper == "NULL":
        return NULL
    if upper.startswith("UNSUPPORTED TYPE"):
        raise UnsupportedRedo("LogMiner does not write this value out (Unsupported Type)")
    if upper.startswith(("EMPTY_CLOB", "EMPTY_BLOB")):
        return Parsed("empty")
    if upper.startswith("HEXTORAW"):
        return Parsed("bytes", data=_bytes(text))
    found = _CALL.fullmatch(text)
    if found is not None and found[1].upper() in _MOMENTS:
        inside = _TEXT.match(found[2])
        if inside is None:
            raise ValueError(f"{text[:60]!r} is no literal of the redo log's")
        moment, mask = unquote(inside[0]), _MASK.match(found[2], inside.end())
        return Parsed("text", date_masks.standard(moment, unquote(mask[1])) if mask is not None else moment)
    if (found := _ANSI.fullmatch(text)) is not None:
        return Parsed("text", unquote(found[1]))
    if "'" in text or upper.startswith("CHR("):
        return Parsed("text", _concatenated(text))
    if text and "(" not in text:
        return Parsed("word", text)
    raise ValueError(f"{text[:60]!r} is no literal of the redo log's")


def _bytes(text: str) -> bytes:
    found = _CALL.fullmatch(text)
    inside = _TEXT.fullmatch(found[2].strip()) if found is not None else None
    if inside is None:
        raise ValueError(f"{text[:60]!r} is no literal of the redo log's")
    try:
        return bytes.fromhex(unquote(inside[0]))
    except ValueError:
        raise ValueError(f"{text[:60]!r} does not hold hexadecimal digits") from None


def _concatenated(text: str) -> str:
    """``UNISTR('..')||UNISTR('..')``, mixed with plain strings and CHR(n)."""
    parts: list[str] = []
    at = 0
    while at < len(text):
        found = _PIECE.match(text, at)
        if found is None or found.end() == at:
            # A single string with quotes in it that Oracle forgot to double.
            if text.startswith("'") and text.endswith("'"):
                return unquote(text)
            raise ValueError(f"{text[:60]!r} is no literal of the redo log's")
        call, inside = (found["call"] or "").upper(), found["text"]
        if call == "CHR":
            parts.append(_character(inside))
        elif call == "UNISTR":
            parts.append(_units(unquote(inside)))
        else:
            parts.append(unquote(inside))
        at = found.end()
    return _joined("".join(parts))


def _character(number: str) -> str:
    """CHR(n): n holds the bytes of a character of the database's, which is taken for UTF-8. Raises ValueError."""
    code = int(number) if number.isdecimal() else -1
    try:
        return code.to_bytes(max(1, (code.bit_length() + 7) // 8), "big").decode()
    except (OverflowError, UnicodeDecodeError):
        raise ValueError(f"CHR({number}) is no character of the database's Unicode character set") from None


def unistr(text: str) -> str:
    """``\\0412`` to the character of that UTF-16 code unit, ``\\\\`` to a backslash. ValueError for half of a surrogate pair."""
    return _joined(_units(text))


def _units(text: str) -> str:
    """As :func:`unistr`, halves of pairs left standing: the other half may be in the next piece."""
    return _UNICODE.sub(_unit, text) if "\\" in text else text


def _unit(found: re.Match[str]) -> str:
    if found[1]:
        return chr(int(found[1], 16))
    if found[2] is None:
        raise ValueError("a backslash of UNISTR is followed by neither four digits nor another backslash")
    return "\\"


def _joined(text: str) -> str:
    """Surrogate pairs made one character; ValueError for half of one."""
    if not any("\ud800" <= character <= "\udfff" for character in text):
        return text
    try:
        return text.encode("utf-16-be", "surrogatepass").decode("utf-16-be")
    except UnicodeDecodeError:
        raise ValueError("the text has half of a surrogate pair") from None
