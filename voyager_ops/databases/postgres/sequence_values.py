"""Where a sequence of the side that opens must stand. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from voyager_ops.model.tables import Sequence


@dataclass(frozen=True)
class Standing:
    """What ``setval(sequence, last, called)`` sets: the next value is ``last``, or one increment behind it when ``called``."""

    last: int
    called: bool

    def next(self, increment: int) -> int:
        return self.last + increment if self.called else self.last


@dataclass(frozen=True)
class Decision:
    """``standing`` is None when the sequence already stands far enough. ``note`` says what is worth knowing, ``problem`` why it
    cannot be carried over."""

    standing: Standing | None
    note: str = ""
    problem: str = ""


def decide(origin: Sequence, opened: Sequence, extreme: int | None, headroom: int) -> Decision:
    """Where ``opened`` must stand so that no value used on the side of ``origin``, or in the owning column, comes again.

    ``extreme`` is the owning column's greatest value (least, for a descending sequence), None when there is none. The result is
    ``origin``'s last value and ``headroom`` increments more, or what the column needs, whichever is further; never further back
    than ``opened`` stands. So deciding again after the move decides on no move. A cached value counts as used: ``last_value`` of
    a sequence with CACHE is the last one handed to any session's cache. A sequence that cycles has no further and further
    back: it is set to exactly where ``origin`` stands.
    """
    if (origin.increment > 0) != (opened.increment > 0):
        return Decision(None, problem=f"it counts by {origin.increment} there and by {opened.increment} here")
    now = Standing(opened.last_value, opened.is_called)
    if not opened.minimum <= origin.last_value <= opened.maximum:
        return Decision(None, problem=f"its value {origin.last_value} is outside {opened.minimum} to {opened.maximum}")
    there = Standing(origin.last_value, origin.is_called)
    if origin.cycle or opened.cycle:
        return Decision(None if there == now else there, "it cycles: set without headroom")
    step = opened.increment
    note = ""
    wanted = there
    if origin.is_called:
        left = _steps_left(origin.last_value, opened, step)
        steps = min(headroom, left // 2)  # never use up what is left
        wanted = Standing(origin.last_value + steps * step, True)
        if steps < headroom:
            note = f"only {left} values are left: headroom cut to {steps}"
    if extreme is not None and _further(extreme, wanted.next(step), step) >= 0:
        # On the sequence's own grid: others may count by the same increment from another start.
        steps = -(-abs(extreme - origin.last_value) // abs(step))
        reached = origin.last_value + steps * step
        if opened.minimum <= reached <= opened.maximum and _steps_left(reached, opened, step) > headroom:
            wanted = Standing(reached, True)
            note = f"its column already holds {extreme}"
        else:
            # A sentinel at the end of the range, say. Behind it the sequence would be used up, which its origin is not.
            note = f"its column already holds {extreme}, behind which too few values are left: not taken into account"
    if _further(wanted.next(step), now.next(step), step) <= 0:
        return Decision(None, "; ".join(filter(None, ("it stands there or further already", note))))
    return Decision(wanted, note)


def _further(a: int, b: int, step: int) -> int:
    """Positive when ``a`` lies further in the direction of ``step`` than ``b``."""
    return a - b if step > 0 else b - a


def _steps_left(last: int, sequence: Sequence, step: int) -> int:
    return (sequence.maximum - last) // step if step > 0 else (last - sequence.minimum) // -step
