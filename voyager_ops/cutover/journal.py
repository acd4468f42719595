"""The journal of one attempt: what each step was about to do, did, and undid."""

from __future__ import annotations

from typing import Any

from voyager_ops.failpoints import hit, register
from voyager_ops.state.cutovers import CutoverRecord
from voyager_ops.state.store import State

BEFORE_ENTRY = register("cutover.journal.before")
AFTER_ENTRY = register("cutover.journal.after")


class Journal:
    """Reads the attempt's entries once, then keeps them in step. Only the driver that holds the attempt's locks writes."""

    def __init__(self, state: State, record: CutoverRecord) -> None:
        self._state = state
        self.subject = f"cutover/{record.direction}/{record.attempt}"
        self._entries: dict[tuple[str, str], tuple[float, dict[str, Any]]] = {}
        for entry in state.journal(self.subject):
            self._remember(entry.step, entry.event, entry.at, entry.data)

    def _remember(self, step: str, event: str, at: float, data: dict[str, Any]) -> None:
        key = (step, event)
        if event == "before" and key in self._entries:
            return  # the first begin counts: the clock runs from there
        self._entries[key] = (at, data)

    def write(self, step: str, event: str, data: dict[str, Any] | None = None) -> None:
        hit(BEFORE_ENTRY)
        self._state.log(self.subject, step, event, data)
        for entry in self._state.journal(self.subject)[-1:]:
            self._remember(entry.step, entry.event, entry.at, entry.data)
        hit(AFTER_ENTRY)

    def begun(self, step: str) -> bool:
        return (step, "before") in self._entries

    def done(self, step: str) -> bool:
        return (step, "after") in self._entries

    def undone(self, step: str) -> bool:
        return (step, "undo_after") in self._entries

    def started_at(self, step: str) -> float | None:
        """Unix time of the step's first begin."""
        found = self._entries.get((step, "before"))
        return None if found is None else found[0]

    def ended_at(self, step: str) -> float | None:
        """Unix time at which it was done."""
        found = self._entries.get((step, "after"))
        return None if found is None else found[0]

    def undone_at(self, step: str) -> float | None:
        """Unix time at which it was undone."""
        found = self._entries.get((step, "undo_after"))
        return None if found is None else found[0]

    def facts(self, step: str) -> dict[str, Any]:
        return dict(self._entries.get((step, "after"), (0.0, {}))[1])
