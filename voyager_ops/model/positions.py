"""Positions in a stream of changes, and the names of lanes.

A position is opaque outside its database package. It is kept as text of fixed width whose lexical order is the stream's order
(16 hex digits; PostgreSQL: the LSN; Oracle: the commit SCN and an ordinal), so that every store can compare it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NewType

Position = NewType("Position", str)

START: Position = Position("")
"""Before every position."""


class Lane(StrEnum):
    """One direction of change flow."""

    FORWARD = "forward"
    FALLBACK = "fallback"


class Side(StrEnum):
    """One of the two databases of a migration."""

    SOURCE = "source"
    TARGET = "target"


FROM_SIDE = {Lane.FORWARD: Side.SOURCE, Lane.FALLBACK: Side.TARGET}
"""The side a lane captures on."""
TO_SIDE = {Lane.FORWARD: Side.TARGET, Lane.FALLBACK: Side.SOURCE}
"""The side a lane applies to."""
