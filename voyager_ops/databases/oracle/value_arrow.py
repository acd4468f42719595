"""Whole Arrow columns to text. Each function has a fast form for values of the usual shape, by Arrow's own kernels, and gives the
rest to the function for one value: so both give the same text, and only the second has to know every case.

All results are ``large_string`` arrays, null where the value is NULL.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Scalar = Callable[[Any], str]
Array = Any
"""pa.Array or pa.ChunkedArray: pyarrow ships no types."""

TEXT: Final = pa.large_string()
_LAST_MICROSECOND: Final = 253402300799999999
"""Of the year 9999, beyond which Arrow prints no years."""


def each(values: Array, scalar: Scalar) -> Array:
    """One by one."""
    return pa.array([None if value is None else scalar(value) for value in values.to_pylist()], TEXT)


def patched(values: Array, fast: Array, usual: Array, scalar: Scalar) -> Array:
    """``fast`` where ``usual`` is true (or the value null), else ``scalar`` of the value."""
    fast = fast.cast(TEXT)
    odd = pc.fill_null(pc.invert(usual), False)
    if not pc.any(odd).as_py():
        return fast
    replaced = [scalar(value) for value in values.filter(odd).to_pylist()]
    return pc.replace_with_mask(fast, odd, pa.array(replaced, TEXT))


# ------------------------------------------------------------------------------------------------------------- numbers


def integers(values: Array) -> Array:
    """int64."""
    return values.cast(TEXT)


def decimals(values: Array, scalar: Scalar) -> Array:
    """decimal128 with the target's own scale. Arrow writes numbers with six zeros behind the point as ``1E-7``."""
    text = values.cast(TEXT)
    return patched(values, text, pc.invert(pc.match_substring(text, "E")), scalar)


def number_texts(values: Array, scalar: Scalar, pattern: str = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?$") -> Array:
    """TO_CHAR's text. ``pattern``: what is the target's text already, once a 0 stands before a leading point."""
    fast = pc.replace_substring_regex(values, r"^(-?)\.", r"\10.")
    usual = pc.and_(pc.match_substring_regex(fast, pattern), pc.not_equal(fast, "-0"))
    return patched(values, fast, usual, scalar)


def floats(values: Array, scalar: Scalar, limit: float) -> Array:
    """float32 and float64. ``limit``: from there on PostgreSQL writes an exponent."""
    size = pc.abs(values)
    usual = pc.or_(pc.and_(pc.greater_equal(size, 1e-4), pc.less(size, limit)), pc.equal(size, 0))
    text = values.cast(TEXT)
    usual = pc.and_(usual, pc.invert(pc.match_substring(text, "e")))
    return patched(values, text, usual, scalar)


# ------------------------------------------------------------------------------------------------- characters and bytes


def texts(values: Array, scalar: Scalar) -> Array:
    """Text that stays as it is, but for NUL characters, which ``scalar`` sees to."""
    values = values.cast(TEXT)
    if not _has_nul(values):
        return values
    return patched(values, values, pc.invert(pc.match_substring(values, "\0")), scalar)


def _has_nul(values: Array) -> bool:
    """Whether the bytes of any value have a zero; looks at the whole buffer at once, so a slice may answer for its neighbours."""
    data = values.buffers()[2]
    return data is not None and bool((np.frombuffer(data, np.uint8) == 0).any())


def padded_texts(values: Array, scalar: Scalar, length: int) -> Array:
    """As :func:`texts`, with blanks up to ``length`` characters."""
    values = values.cast(TEXT)
    if _has_nul(values):
        return each(values, scalar)
    return pc.utf8_rpad(values, length, " ")


def _hex(values: Array) -> Array:
    """Two hexadecimal digits for each byte."""
    values = values.cast(pa.large_binary())
    _, offsets, data = values.buffers()
    places = np.frombuffer(offsets, np.int64)[values.offset : values.offset + len(values) + 1]
    begin, end = (int(places[0]), int(places[-1])) if len(places) else (0, 0)
    digits = memoryview(data)[begin:end].hex().encode() if data is not None else b""
    buffers = [pa.py_buffer(((places - begin) * 2).tobytes()), pa.py_buffer(digits)]
    hexed = pa.Array.from_buffers(TEXT, len(values), [None, *buffers])
    return pc.if_else(pc.is_valid(values), hexed, pa.scalar(None, TEXT)) if values.null_count else hexed


def hexed(values: Array) -> Array:
    """bytea in hexadecimal."""
    return pc.binary_join_element_wise(pa.scalar("\\x", TEXT), _hex(values), pa.scalar("", TEXT))


def uuids(values: Array, scalar: Scalar) -> Array:
    """Sixteen bytes each."""
    digits = _hex(values)
    parts = [pc.utf8_slice_codeunits(digits, at, to) for at, to in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))]
    fast = pc.binary_join_element_wise(*parts, pa.scalar("-", TEXT))
    return patched(values, fast, pc.equal(pc.utf8_length(digits), 32), scalar)


def truths(values: Array, true: str, false: str) -> Array:
    """bool."""
    return pc.if_else(values, pa.scalar(true, TEXT), pa.scalar(false, TEXT))


def empty_where_measured(values: Array, lengths: Array, empty: Any) -> Array:
    """A LOB fetched as a value is null when it is empty, too: where its length is 0 it is ``empty``."""
    return pc.if_else(pc.fill_null(pc.equal(lengths, 0), False), pa.scalar(empty, values.type), values)


# ------------------------------------------------------------------------------------------------------------- moments


def moments(values: Array, scalar: Scalar, digits: int, zone: str) -> Array:
    """Text of ``SYYYY-MM-DD HH24:MI:SS`` and perhaps nine digits more. ``zone`` is written behind."""
    values = values.cast(TEXT)
    length = pc.utf8_length(values)
    fractional = pc.equal(length, 30)
    usual = pc.and_(pc.starts_with(values, " "), pc.invert(pc.starts_with(values, " 0000")))
    usual = pc.and_(usual, pc.or_(fractional, pc.equal(length, 20)))
    whole = pc.utf8_slice_codeunits(values, 1, 20)
    fast = whole
    if digits and pc.any(fractional).as_py():
        fast = pc.if_else(fractional, _without_zeros(pc.utf8_slice_codeunits(values, 1, 21 + digits)), whole)
    if zone:
        fast = pc.binary_join_element_wise(fast, pa.scalar(zone, TEXT), pa.scalar("", TEXT))
    return patched(values, fast, usual, scalar)


def _without_zeros(values: Array) -> Array:
    """The fraction's zeros and then the point itself taken away; there is a point in every value."""
    return pc.utf8_rtrim(pc.utf8_rtrim(values, characters="0"), characters=".")


def dates(values: Array, scalar: Scalar) -> Array:
    """As :func:`moments`, of which only the day is kept: ``scalar`` refuses a time of day."""
    values = values.cast(TEXT)
    usual = pc.and_(pc.starts_with(values, " "), pc.invert(pc.starts_with(values, " 0000")))
    usual = pc.and_(usual, pc.equal(pc.utf8_rtrim(pc.utf8_slice_codeunits(values, 11, 30), characters="0."), " 00:00:"))
    return patched(values, pc.utf8_slice_codeunits(values, 1, 11), usual, scalar)


def zoned_moments(values: Array, scalar: Scalar, digits: int) -> Array:
    """Text of ``SYYYY-MM-DD HH24:MI:SS.FF9TZH:TZM`` to UTC."""
    values = values.cast(TEXT)
    usual = pc.and_(pc.equal(pc.utf8_length(values), 36), pc.starts_with(values, " "))
    usual = pc.and_(usual, pc.invert(pc.starts_with(values, " 0000")))
    if not pc.all(pc.fill_null(usual, True)).as_py():
        return each(values, scalar)
    try:
        local = pc.utf8_slice_codeunits(values, 1, 27).cast(pa.timestamp("us")).cast(pa.int64())
        hours = pc.utf8_slice_codeunits(values, 31, 33).cast(pa.int64())
        minutes = pc.utf8_slice_codeunits(values, 34, 36).cast(pa.int64())
    except pa.ArrowInvalid:  # a date that Arrow's calendar does not have: one by one, to say which
        return each(values, scalar)
    offset = pc.multiply(pc.add(pc.multiply(hours, 60), minutes), 60_000_000)
    east = pc.equal(pc.utf8_slice_codeunits(values, 30, 31), "+")
    instant = pc.subtract(local, pc.if_else(east, offset, pc.negate(offset)))
    bounds = pc.min_max(instant).as_py()
    if bounds["max"] is not None and (bounds["max"] > _LAST_MICROSECOND or bounds["min"] < _FIRST_MICROSECOND):
        return each(values, scalar)
    text = instant.cast(pa.timestamp("us")).cast(TEXT)
    text = _without_zeros(pc.utf8_slice_codeunits(text, 0, 20 + digits)) if digits else pc.utf8_slice_codeunits(text, 0, 19)
    return pc.binary_join_element_wise(text, pa.scalar("+00", TEXT), pa.scalar("", TEXT))


_FIRST_MICROSECOND: Final = -62135596800000000
"""Of the year 1."""
