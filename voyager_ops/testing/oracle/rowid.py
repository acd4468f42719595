"""Oracle's extended ROWIDs: 18 characters of base 64 for data object, relative file, block and row."""

from __future__ import annotations

from functools import lru_cache

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
NO_ROWID = "A" * 18
"""What LogMiner shows for rows that have none of their own: START, COMMIT, LOB and XML rows."""
FILE = 4
ROWS_PER_BLOCK = 100


def rowid_text(data_object_id: int, number: int) -> str:
    """The ROWID of the row that the simulator numbers ``number`` (from 0) in the segment ``data_object_id``."""
    block, row = divmod(number, ROWS_PER_BLOCK)
    return _block_text(data_object_id, block) + _ROWS[row]


def block_of(number: int) -> int:
    """The block that row ``number`` lies in."""
    return number // ROWS_PER_BLOCK


@lru_cache(maxsize=256)
def _block_text(data_object_id: int, block: int) -> str:
    return _digits(data_object_id, 6) + _digits(FILE, 3) + _digits(block, 6)


def _digits(value: int, count: int) -> str:
    return "".join(DIGITS[value >> shift & 63] for shift in range(6 * (count - 1), -1, -6))


_ROWS = tuple(_digits(row, 3) for row in range(ROWS_PER_BLOCK))
