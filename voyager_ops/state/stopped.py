"""Tables that a lane carries no further: their structure changed on the side that is captured, and the others stream on.

A table's changes up to its position are in the change log, nothing of it from there on: not after a restart either, for this is
written before anything later is published. That a table is stopped is never undone; a cutover to the target is refused until it
is *left out*, which is recorded here too and not undone either: the migration then goes on without it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import sqlalchemy as sa

from voyager_ops.failpoints import hit, register
from voyager_ops.model.positions import Lane, Position
from voyager_ops.state.store import State

BEFORE_STOP = register("lane.stop_table.before")
AFTER_STOP = register("lane.stop_table.after")
BEFORE_LEAVE_OUT = register("lane.leave_out.before")
AFTER_LEAVE_OUT = register("lane.leave_out.after")

NEXT_STEP: Final = (
    "end this migration (voyager-ops end migration) and start it anew with the new structure; or go on without the table: add it"
    " to tables.exclude in the configuration, then voyager-ops verify leaves it out for good"
)
LEFT_OUT_STEP: Final = "bring its rows over by hand, while the writers are stopped or after the cutover; or drop it on the target"


@dataclass(frozen=True)
class StoppedTable:
    """``table``: the source's name. ``position``: the last one whose changes of it are captured. ``statement``: what was done to
    it. ``at``: Unix seconds at which it was found. ``incomplete``: its snapshot was not at an end (or reached beyond the
    position), so that the target's rows are of no one moment, and no change of it is applied. ``left_out_at``: Unix seconds from
    when on the migration does without it, 0 while it does not."""

    table: str
    position: Position
    statement: str
    at: float
    incomplete: bool = False
    left_out_at: float = 0.0

    @property
    def words(self) -> str:
        """In one sentence, for people."""
        rows = "are of no one moment" if self.incomplete else "stay as they were then"
        if self.left_out_at:
            since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.left_out_at))
            what = f"it changed on the source ({self.statement})"
            return f"table {self.table} is left out since {since}: {what}; its rows on the target {rows}"
        return f"table {self.table} is stopped since it changed on the source ({self.statement}); its rows on the target {rows}"

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "next_step": LEFT_OUT_STEP if self.left_out_at else NEXT_STEP}


def stopped_key(lane: Lane) -> str:
    """Key of the document {table: {position, statement, at, incomplete, left_out_at}}."""
    return f"stopped/{lane}"


def stopped_tables(state: State, lane: Lane) -> dict[str, StoppedTable]:
    """By the source's name, in its order."""
    return _parse(state.get(stopped_key(lane)) or {})


def barring(state: State, lane: Lane) -> dict[str, StoppedTable]:
    """Those that are not left out: while there is one, the two sides are not equal and a cutover to the target is refused."""
    return {name: each for name, each in stopped_tables(state, lane).items() if not each.left_out_at}


def left_out(state: State, lane: Lane) -> dict[str, StoppedTable]:
    """Those that the migration goes on without."""
    return {name: each for name, each in stopped_tables(state, lane).items() if each.left_out_at}


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


def leave_out(state: State, lane: Lane, names: Iterable[str]) -> None:
    """Record durably that the migration goes on without these stopped tables; of others nothing is changed."""
    hit(BEFORE_LEAVE_OUT)
    with state.begin() as connection:
        known = _read(state, lane, connection)
        now = time.time()
        for name in names:
            if name in known and not known[name].left_out_at:
                known[name] = replace(known[name], left_out_at=now)
        _write(state, lane, known, connection)
    hit(AFTER_LEAVE_OUT)


def _read(state: State, lane: Lane, connection: sa.Connection) -> dict[str, StoppedTable]:
    """Capture and apply both write, and neither forgets what the other wrote."""
    return _parse(state.locked(stopped_key(lane), connection) or {})


def _write(state: State, lane: Lane, known: Mapping[str, StoppedTable], connection: sa.Connection) -> None:
    value = {
        name: {
            "position": each.position,
            "statement": each.statement,
            "at": each.at,
            "incomplete": each.incomplete,
            "left_out_at": each.left_out_at,
        }
        for name, each in known.items()
    }
    state.put(stopped_key(lane), value, connection)


def _parse(value: Mapping[str, Any]) -> dict[str, StoppedTable]:
    return {
        name: StoppedTable(
            name,
            Position(each["position"]),
            each["statement"],
            float(each["at"]),
            bool(each["incomplete"]),
            float(each.get("left_out_at", 0.0)),
        )
        for name, each in sorted(value.items())
    }
