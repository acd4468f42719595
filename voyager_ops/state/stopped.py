"""Tables that a lane carries no further: their structure changed on the side that is captured, and the others stream on.

A table's changes up to its position are in the change log, nothing of it from there on: not after a restart either, for this is
written before anything later is published. That a table is stopped is never undone; a cutover to the target is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import sqlalchemy as sa

from voyager_ops.failpoints import hit, register
from voyager_ops.model.positions import Lane, Position
from voyager_ops.state.store import State

BEFORE_STOP = register("lane.stop_table.before")
AFTER_STOP = register("lane.stop_table.after")

NEXT_STEP: Final = (
    "end this migration (voyager-ops end migration) and start it anew with the new structure, or without the table"
    " (tables.exclude): a table cannot be left out of a migration that runs"
)


@dataclass(frozen=True)
class StoppedTable:
    """``table``: the source's name. ``position``: the last one whose changes of it are captured. ``statement``: what was done to
    it. ``at``: Unix seconds at which it was found. ``incomplete``: its snapshot was not at an end (or reached beyond the
    position), so that the target's rows are of no one moment, and no change of it is applied."""

    table: str
    position: Position
    statement: str
    at: float
    incomplete: bool = False

    @property
    def words(self) -> str:
        """In one sentence, for people."""
        rows = "are of no one moment" if self.incomplete else "stay as they were then"
        return f"table {self.table} is stopped since it changed on the source ({self.statement}); its rows on the target {rows}"

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "next_step": NEXT_STEP}


def stopped_key(lane: Lane) -> str:
    """Key of the document {table: {position, statement, at, incomplete}}."""
    return f"stopped/{lane}"


def stopped_tables(state: State, lane: Lane) -> dict[str, StoppedTable]:
    """By the source's name, in its order."""
    return _parse(state.get(stopped_key(lane)) or {})


def stop_tables(state: State, lane: Lane, found: Iterable[StoppedTable]) -> None:
    """Record them durably; of a table that is stopped already the earlier position counts, with its statement."""
    hit(BEFORE_STOP)
    with state.begin() as connection:
        known = _read(state, lane, connection)
        for each in found:
            before = known.get(each.table)
            if before is None:
                known[each.table] = each
            elif each.position < before.position:
                known[each.table] = replace(before, position=each.position)
        _write(state, lane, known, connection)
    hit(AFTER_STOP)


def mark_incomplete(state: State, lane: Lane, names: Iterable[str]) -> None:
    """Of stopped tables: no change of them is applied from now on."""
    with state.begin() as connection:
        known = _read(state, lane, connection)
        known |= {name: replace(known[name], incomplete=True) for name in names}
        _write(state, lane, known, connection)


def _read(state: State, lane: Lane, connection: sa.Connection) -> dict[str, StoppedTable]:
    """Capture and apply both write, and neither forgets what the other wrote."""
    return _parse(state.locked(stopped_key(lane), connection) or {})


def _write(state: State, lane: Lane, known: Mapping[str, StoppedTable], connection: sa.Connection) -> None:
    value = {
        name: {"position": each.position, "statement": each.statement, "at": each.at, "incomplete": each.incomplete}
        for name, each in known.items()
    }
    state.put(stopped_key(lane), value, connection)


def _parse(value: Mapping[str, Any]) -> dict[str, StoppedTable]:
    return {
        name: StoppedTable(name, Position(each["position"]), each["statement"], float(each["at"]), bool(each["incomplete"]))
        for name, each in sorted(value.items())
    }
