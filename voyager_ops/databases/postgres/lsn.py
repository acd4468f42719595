"""Log sequence numbers: as integers, as the server writes them (``16/B374D848``), and as positions (16 hex digits)."""

from __future__ import annotations

from voyager_ops.model.positions import Position


def to_position(lsn: int) -> Position:
    """Text of fixed width whose lexical order is the stream's."""
    return Position(f"{lsn:016X}")


def from_position(position: Position) -> int:
    """Inverse of :func:`to_position`; the start of everything is 0."""
    return int(position, 16) if position else 0


def parse(text: str) -> int:
    """From the server's text form."""
    high, _, low = text.partition("/")
    return int(high, 16) << 32 | int(low, 16)


def parse_position(text: str) -> Position:
    """From the server's text form to a position."""
    return to_position(parse(text))


def to_text(lsn: int) -> str:
    """The server's text form."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"
