"""Columns of text to the bytes that COPY's text format takes, for whole batches by Arrow's kernels. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_ESCAPES: Final = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"))
"""The backslash first: the others bring more of them."""
_SPECIAL = np.zeros(256, dtype=bool)
_SPECIAL[[ord(plain) for plain, _ in _ESCAPES]] = True
_TYPE: Final = pa.large_string()
NULL: Final = b"\\N"


def copy_lines(columns: Sequence[Any]) -> bytes:
    """``large_string`` arrays of one length (null: NULL) as COPY lines."""
    escaped = [pc.fill_null(_escaped(column), NULL.decode()) for column in columns]
    lines = pc.binary_join_element_wise(*escaped, pa.scalar("\t", _TYPE))
    lines = pc.binary_join_element_wise(lines, pa.scalar("", _TYPE), pa.scalar("\n", _TYPE))
    return string_bytes(lines)


def escape(value: bytes | None) -> bytes:
    """One value, as it stands in a line."""
    if value is None:
        return NULL
    for plain, written in _ESCAPES:
        value = value.replace(plain.encode(), written.encode())
    return value


def string_bytes(array: Any) -> bytes:
    """The bytes of a ``large_string`` array's values, one behind the other."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    _, offsets, data = array.buffers()
    if data is None or len(array) == 0:
        return b""
    places = np.frombuffer(offsets, np.int64)
    return bytes(memoryview(data)[int(places[array.offset]) : int(places[array.offset + len(array)])])


def _escaped(column: Any) -> Any:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    column = column.cast(_TYPE)
    data = column.buffers()[2]
    # The whole buffer at once: it is the values and, for a slice, its neighbours, which cost a look in vain at worst.
    if data is None or not _SPECIAL[np.frombuffer(data, np.uint8)].any():
        return column
    for plain, written in _ESCAPES:
        column = pc.replace_substring(column, plain, written)
    return column
