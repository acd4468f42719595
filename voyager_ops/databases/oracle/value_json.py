"""JSON text to the text jsonb prints: keys by length and then bytes, the last of equal keys, numbers as numeric prints them."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

_ESCAPED = re.compile(r'["\\\x00-\x1f]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


class _Number(str):
    """A number's own digits, kept from becoming a float."""

    __slots__ = ()


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not valid in JSON")


def jsonb(text: str) -> str:
    """Raises ValueError for what is not JSON or what jsonb refuses: NUL characters and lone surrogates in strings."""
    parts: list[str] = []
    try:
        _write(json.loads(text, parse_int=_Number, parse_float=_Number, parse_constant=_refuse, strict=True), parts)
    except json.JSONDecodeError as error:
        raise ValueError(f"not valid JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
    return "".join(parts)


def _write(value: Any, parts: list[str]) -> None:
    if isinstance(value, _Number):
        parts.append(_number(value))
    elif isinstance(value, str):
        parts.append(_string(value))
    elif value is None:
        parts.append("null")
    elif isinstance(value, bool):
        parts.append("true" if value else "false")
    elif isinstance(value, list):
        parts.append("[")
        for index, item in enumerate(value):
            if index:
                parts.append(", ")
            _write(item, parts)
        parts.append("]")
    else:
        parts.append("{")
        for index, key in enumerate(sorted(value, key=_order)):
            if index:
                parts.append(", ")
            parts.append(f"{_string(key)}: ")
            _write(value[key], parts)
        parts.append("}")


def _order(key: str) -> tuple[int, bytes]:
    encoded = key.encode("utf-8", "surrogatepass")
    return len(encoded), encoded


def _number(text: str) -> str:
    plain = format(Decimal(text), "f") if "e" in text or "E" in text else text
    return plain[1:] if plain.startswith("-") and not plain.strip("-0.") else plain


def _string(text: str) -> str:
    if "\0" in text:
        raise ValueError("a string in the JSON has a NUL character, which PostgreSQL cannot hold")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("a string in the JSON has half of a surrogate pair") from None
    return '"' + _ESCAPED.sub(lambda found: _SHORT.get(found[0]) or f"\\u{ord(found[0]):04x}", text) + '"'
