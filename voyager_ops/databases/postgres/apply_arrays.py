"""Binary array parameters made by joining slices: a column of a batch becomes one text[] without escaping a byte.

Element: int32 length and the bytes, or -1 for NULL.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

from voyager_ops.model.changes import Value

TEXT_OID = 25
INT4_OID = 23
_HEADER = Struct(">iiIii").pack
_LENGTH = Struct(">i").pack
_SHORT = tuple(_LENGTH(length) for length in range(2048))
_SHORT_OF = _SHORT.__getitem__
_NULL = _LENGTH(-1)


def text_array(values: Sequence[Value]) -> bytes:
    """A one-dimensional text[] in binary format. No value may be UNCHANGED."""
    count = len(values)
    parts: list[Value] = [b""] * (2 * count)
    try:
        parts[::2] = map(_SHORT_OF, map(len, values))  # type: ignore[arg-type]
        parts[1::2] = values
    except (TypeError, IndexError):  # a NULL, or a long value
        parts[::2] = [_NULL if value is None else _LENGTH(len(value)) for value in values]  # type: ignore[arg-type]
        parts[1::2] = [value or b"" for value in values]
    return _HEADER(1, 1, TEXT_OID, count, 1) + b"".join(parts)  # type: ignore[arg-type]


def int_array(values: Sequence[int]) -> bytes:
    """A one-dimensional int4[] in binary format."""
    return _HEADER(1, 0, INT4_OID, len(values), 1) + b"".join(_LENGTH(4) + _LENGTH(value) for value in values)
