"""Positions in Oracle's stream of changes: ``(commit SCN << 16) | ordinal of the commit among those of the same SCN``.

As a number it fits the change log's 64 bits (an SCN has 48, the ordinal 16), as text it is a Position like PostgreSQL's. SCNs of
servers with the larger, 64-bit SCN format stay far below 2^48 in any plausible life of a database; one that does not is refused.
"""

from __future__ import annotations

from voyager_ops.databases.postgres.lsn import from_position, to_position
from voyager_ops.model.positions import Position

LAST_ORDINAL = 0xFFFF
"""Of a position that stands behind every commit of its SCN."""
LAST_SCN = (1 << 48) - 1


def position(scn: int, ordinal: int = 0) -> int:
    """The position as a number. Raises ValueError for an SCN or an ordinal out of range."""
    if not 0 <= scn <= LAST_SCN:
        raise ValueError(f"SCN {scn} does not fit into 48 bits")
    if not 0 <= ordinal <= LAST_ORDINAL:
        raise ValueError(f"more than {LAST_ORDINAL + 1} commits at SCN {scn}")
    return scn << 16 | ordinal


def scn_of(number: int) -> int:
    """The commit SCN of a position's number."""
    return number >> 16


def ordinal_of(number: int) -> int:
    """The ordinal among commits of the same SCN of a position's number."""
    return number & LAST_ORDINAL


def text(scn: int, ordinal: int = 0) -> Position:
    """The position as text of fixed width."""
    return to_position(position(scn, ordinal))


def scn_of_text(at: Position) -> int:
    """The commit SCN of a position; 0 for the start of everything."""
    return scn_of(from_position(at))
