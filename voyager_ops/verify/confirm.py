"""The second look at rows that differed: has the change only been under way?

While changes flow, the two sides are never read at the same moment, so a row that differs once proves nothing. A row is called
different only when, twice in a row, the source held the same row before a marker was written and after the target was read behind
that marker, and the target held another. A row that equals what the source held before or after is equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Event

from voyager_ops.model.positions import Side
from voyager_ops.verify.digests import Identity, Statements
from voyager_ops.verify.sides import BothSides, Look, Reader, Row

KEYS_PER_STATEMENT = 2_000
CONFIRMATIONS = 2
Settle = Callable[[], bool]
"""Waits until apply has passed a marker written now; False when it cannot."""
State = dict[Identity, str | int]
"""What a side holds: identity to the row's md5, or to the number of such rows where there is no key. Absent: no such row."""


@dataclass
class Suspects:
    """The rows of one table that are under suspicion, and what became of them."""

    statements: Statements
    pending: set[Identity]
    streak: dict[Identity, int] = field(default_factory=dict)
    different: dict[Identity, tuple[str | int | None, str | int | None]] = field(default_factory=dict)
    """Identity to what source and target hold."""
    changing: set[Identity] = field(default_factory=set)
    """Those pending that the source changed between the last two looks at it."""

    @property
    def name(self) -> str:
        return f"table {self.statements.pair.source.name}"

    def observe(self, both: BothSides, side: Side) -> State:
        """What ``side`` holds of the pending rows now."""
        held: State = {}
        for batch, statement in self._looks():
            held |= self._state(batch, both.one(side, statement, on=self.name))
        return held

    def observe_both(self, both: BothSides) -> tuple[State, State]:
        """What both sides hold, read at the same time."""
        ours, theirs = State(), State()
        for batch, statement in self._looks():
            source, target = both.run(statement, on=self.name)
            ours |= self._state(batch, source)
            theirs |= self._state(batch, target)
        return ours, theirs

    def _looks(self) -> Iterator[tuple[list[Identity], Look]]:
        pending = list(self.pending)
        if not self.statements.pair.key:
            # Without an index each look reads the whole table: all in one.
            digests = [str(identity[0]) for identity in pending]
            yield pending, lambda reader: reader.by_digest(self.statements, digests)
            return
        for start in range(0, len(pending), KEYS_PER_STATEMENT):
            batch = pending[start : start + KEYS_PER_STATEMENT]
            yield batch, partial(_by_key, statements=self.statements, keys=batch)

    def _state(self, batch: Sequence[Identity], rows: Sequence[Row]) -> State:
        if self.statements.pair.key:
            return {batch[int(place) - 1]: digest for place, digest in rows}
        return {(digest,): count for digest, count in rows}

    def judge_once(self, both: BothSides) -> None:
        """When nothing changes: what differs now is different."""
        ours, theirs = self.observe_both(both)
        for identity in self.pending:
            if ours.get(identity) != theirs.get(identity):
                self.different[identity] = (ours.get(identity), theirs.get(identity))
        self.pending = set()

    def judge(self, before: State, target: State, after: State) -> None:
        """One round: what the source held before the marker, the target behind it, and the source after that."""
        for identity in tuple(self.pending):
            held = target.get(identity)
            first, last = before.get(identity), after.get(identity)
            self.changing.discard(identity)
            if held in (first, last):
                self.pending.discard(identity)
            elif first != last:
                self.streak.pop(identity, None)
                self.changing.add(identity)
            else:
                self.streak[identity] = self.streak.get(identity, 0) + 1
                if self.streak[identity] >= CONFIRMATIONS:
                    self.pending.discard(identity)
                    self.different[identity] = (last, held)


def _by_key(reader: Reader, statements: Statements, keys: Sequence[Identity]) -> list[Row]:
    return reader.by_key(statements, keys)


def confirm(both: BothSides, suspects: Sequence[Suspects], settle: Settle | None, rounds: int, stop: Event) -> None:
    """Decide about the pending rows of all tables; those still pending afterwards are undecided.

    They stay so when ``settle`` says that the lag cannot be passed, or on ``stop``; or because a row changes on the source each
    round (``changing``): such a row has changed after the verification's position, so it is compared again with all that changed
    since, when the writers are stopped.
    """
    if settle is None:
        for table in suspects:
            if not stop.is_set():
                table.judge_once(both)
        return
    for _ in range(rounds):
        waiting = [table for table in suspects if table.pending]
        if not waiting or stop.is_set():
            return
        before = [table.observe(both, Side.SOURCE) for table in waiting]
        if not settle():
            return
        target = [table.observe(both, Side.TARGET) for table in waiting]
        after = [table.observe(both, Side.SOURCE) for table in waiting]
        for table, first, held, last in zip(waiting, before, target, after, strict=True):
            table.judge(first, held, last)
