"""Rows as PostgreSQL prints a record of texts (``ROW(a::text, b::text)::text``), and their digests: what verification compares.

The other side computes the same on its server (``databases.postgres.hashing``), so both must give the same bytes. Pure.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_TEXT: Final = pa.large_string()
_QUOTED: Final = '["\\\\(),\\t\\n\\x0b\\f\\r ]'
"""What record_out puts into quotes; an empty value too."""
_PLAIN_BYTES = np.zeros(256, dtype=bool)
_PLAIN_BYTES[[ord(character) for character in '"\\(),\t\n\x0b\f\r ']] = True
_WORD: Final = 32


def as_text(values: Any, type_name: str) -> Any:
    """Values in their type's own form, as ``::text`` has them: of char(n) without the padding, of boolean in words."""
    if type_name == "bpchar":
        return pc.utf8_rtrim(values, " ")
    if type_name == "bool":
        words = pc.if_else(pc.equal(values, "t"), pa.scalar("true", _TEXT), pa.scalar("false", _TEXT))
        return pc.if_else(pc.is_valid(values), words, pa.scalar(None, _TEXT))
    return values


def word_as_text(value: str, type_name: str) -> str:
    """As :func:`as_text`, of one value in either form."""
    if type_name == "bpchar":
        return value.rstrip(" ")
    return _WORDS.get(value, value) if type_name == "bool" else value


_WORDS: Final = {"t": "true", "f": "false"}


def row_texts(columns: Sequence[Any]) -> Any:
    """``large_string`` arrays of one length to the records' texts."""
    fields = [pc.fill_null(_quoted(column), "") for column in columns]
    inside = pc.binary_join_element_wise(*fields, pa.scalar(",", _TEXT))
    return pc.binary_join_element_wise(pa.scalar("(", _TEXT), inside, pa.scalar(")", _TEXT), pa.scalar("", _TEXT))


def _quoted(column: Any) -> Any:
    needed = pc.or_(pc.equal(column, ""), pc.match_substring_regex(column, _QUOTED))
    if not pc.any(needed).as_py():
        return column
    doubled = pc.replace_substring(pc.replace_substring(column, "\\", "\\\\"), '"', '""')
    quoted = pc.binary_join_element_wise(pa.scalar('"', _TEXT), doubled, pa.scalar('"', _TEXT), pa.scalar("", _TEXT))
    return pc.if_else(pc.fill_null(needed, False), quoted, column)


def digests(texts: Any) -> list[bytes]:
    """md5 of each text, none of which is null."""
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    if len(texts) == 0:
        return []
    _, offsets, data = texts.buffers()
    places = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1].tolist()
    held = memoryview(data) if data is not None else memoryview(b"")
    md5 = hashlib.md5
    return [md5(held[start:end], usedforsecurity=False).digest() for start, end in pairwise(places)]


def numbers(md5s: Sequence[bytes]) -> Any:
    """``('x' || left(md5, 16))::bit(64)::int8`` of each: an int64 array."""
    joined = np.frombuffer(b"".join(md5s), dtype=">i8")
    return joined[::2].astype(np.int64)


def total(values: Any) -> int:
    """The exact sum of an int64 array, which may not fit into 64 bits."""
    return (int((values >> _WORD).sum()) << _WORD) + int((values & 0xFFFFFFFF).sum())


class BucketSums:
    """Count and exact sum per bucket, batch by batch."""

    def __init__(self) -> None:
        self._found: dict[int, list[int]] = defaultdict(lambda: [0, 0])

    def add(self, buckets: Any, values: Any) -> None:
        """Two int64 arrays of one length, of at most a few million rows (the sums of halves are exact in doubles up to there)."""
        if len(buckets) == 0:
            return
        present, places = np.unique(buckets, return_inverse=True)
        counts = np.bincount(places)
        high = np.bincount(places, weights=(values >> _WORD).astype(np.float64))
        low = np.bincount(places, weights=(values & 0xFFFFFFFF).astype(np.float64))
        for bucket, count, upper, lower in zip(present.tolist(), counts.tolist(), high.tolist(), low.tolist(), strict=True):
            held = self._found[bucket]
            held[0] += count
            held[1] += (int(upper) << _WORD) + int(lower)

    def rows(self) -> Iterable[tuple[int, int, str]]:
        """(bucket, count, sum as text)."""
        return ((bucket, count, str(value)) for bucket, (count, value) in self._found.items())
