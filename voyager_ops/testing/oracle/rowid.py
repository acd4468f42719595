"""Oracle's extended ROWIDs: 18 characters of base 64 for data object, relative file, block and row."""

from __future__ import annotations

from functools import lru_cache

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
NO_ROWID = "A" * 18
"""What LogMiner shows for rows that have none of their own: START, COMMIT, LOB and XML rows."""
FILE = 4
FIRST_BLOCK = 0
ROWS_PER_BLOCK = 100
_VALUE = {digit: value for value, digit in enumerate(DIGITS)}


def rowid_text(data_object_id: int, number: int) -> str:
    """The ROWID of the row that the simulator numbers ``number`` (from 0) in the segment ``data_object_id``."""
    block, row = divmod(number, ROWS_PER_BLOCK)
    return _block_text(data_object_id, block) + _ROWS[row]


def parse_rowid(text: str) -> tuple[int, int] | None:
    """The data object id and the row's number of a ROWID of ours, None for anything else."""
    if len(text) != 18 or any(digit not in _VALUE for digit in text):
        return None
    data_object_id, file, block, row = (_number(text[low:high]) for low, high in ((0, 6), (6, 9), (9, 15), (15, 18)))
    if file != FILE or block < FIRST_BLOCK or row >= ROWS_PER_BLOCK:
        return None
    return data_object_id, (block - FIRST_BLOCK) * ROWS_PER_BLOCK + row


def block_of(number: int) -> int:
    """The block that row ``number`` lies in."""
    return number // ROWS_PER_BLOCK + FIRST_BLOCK


@lru_cache(maxsize=256)
def _block_text(data_object_id: int, block: int) -> str:
    return _digits(data_object_id, 6) + _digits(FILE, 3) + _digits(block + FIRST_BLOCK, 6)


def _digits(value: int, count: int) -> str:
    return "".join(DIGITS[value >> shift & 63] for shift in range(6 * (count - 1), -1, -6))


def _number(text: str) -> int:
    value = 0
    for digit in text:
        value = value << 6 | _VALUE[digit]
    return value


_ROWS = tuple(_digits(row, 3) for row in range(ROWS_PER_BLOCK))
