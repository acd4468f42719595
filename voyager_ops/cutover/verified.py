"""Up to where a lane's changes have been compared and found equal: a cutover compares only what came after."""

from __future__ import annotations

import time

from voyager_ops.model.positions import START, Lane, Position
from voyager_ops.state.store import State


def verified_position(state: State, lane: Lane) -> Position:
    """START when nothing of the lane was ever found equal."""
    found = state.get(_key(lane))
    return START if found is None else Position(found["position"])


def remember_verified(state: State, lane: Lane, position: Position) -> None:
    """Whoever finds both sides equal, at a moment when apply had passed ``position``, says so here."""
    if position > verified_position(state, lane):
        state.put(_key(lane), {"position": position, "at": time.time()})


def _key(lane: Lane) -> str:
    return f"cutover/verified/{lane}"
