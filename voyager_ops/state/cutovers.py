"""Requests for cutovers and what became of them: one row per direction and attempt; the last attempt counts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from voyager_ops.errors import PreconditionError
from voyager_ops.model.positions import Side
from voyager_ops.state import tables
from voyager_ops.state.store import State

REQUESTED, RUNNING, OPENED, COMPLETED, UNDOING, UNDONE = "requested", "running", "opened", "completed", "undoing", "undone"
UNDER_WAY = frozenset({REQUESTED, RUNNING, OPENED, UNDOING})

PublicStatus = Literal["NOT_INITIATED", "INITIATED", "COMPLETED"]


@dataclass(frozen=True)
class CutoverRecord:
    """One attempt. ``result`` grows while it runs; ``finished_at`` in Unix seconds, None while under way."""

    direction: Side
    attempt: int
    status: str
    requested_by: str
    requested_at: float
    finished_at: float | None
    options: Mapping[str, Any]
    result: Mapping[str, Any]

    @property
    def under_way(self) -> bool:
        return self.status in UNDER_WAY


def history(state: State, direction: Side) -> list[CutoverRecord]:
    """All attempts in ``direction``, the oldest first."""
    table = tables.cutover
    with state.begin() as connection:
        rows = connection.execute(
            sa.select(table)
            .where(table.c.migration == state.migration, table.c.direction == str(direction))
            .order_by(table.c.attempt)
        )
        return [
            CutoverRecord(
                direction, row.attempt, row.status, row.requested_by, row.requested_at, row.finished_at, row.options, row.result
            )
            for row in rows
        ]


def read(state: State, direction: Side) -> CutoverRecord | None:
    """The last attempt in ``direction``, None when there was none."""
    attempts = history(state, direction)
    return attempts[-1] if attempts else None


def public_status(state: State, direction: Side) -> PublicStatus:
    """The reference workflow's words. An attempt that was undone leaves no trace but in :func:`history`."""
    record = read(state, direction)
    if record is None or record.status == UNDONE:
        return "NOT_INITIATED"
    return "COMPLETED" if record.status == COMPLETED else "INITIATED"


def request(state: State, direction: Side, by: str, options: Mapping[str, Any] | None = None) -> CutoverRecord:
    """Record that ``by`` asks for a cutover to ``direction``; a driver picks it up.

    ``options``: ``prepare_for_fall_back`` (bool), ``evidence`` (what the approver was shown), and whatever the caller wants kept.
    Raises PreconditionError when one is under way in either direction, was completed, or comes before its time.
    """
    other = Side.SOURCE if direction is Side.TARGET else Side.TARGET
    for side in (direction, other):
        record = read(state, side)
        if record is not None and record.under_way:
            raise PreconditionError(
                f"a cutover to {side} is under way: attempt {record.attempt}, {record.status}, by {record.requested_by}",
                state="nothing was changed",
                next_step="voyager-ops cutover status",
            )
    if public_status(state, direction) == "COMPLETED":
        raise PreconditionError(
            f"the cutover to {direction} has been completed", state="nothing was changed", next_step="voyager-ops cutover status"
        )
    if direction is Side.SOURCE and public_status(state, Side.TARGET) != "COMPLETED":
        raise PreconditionError(
            "the source is open: there has been no cutover to the target to come back from",
            state="nothing was changed",
            next_step="voyager-ops cutover status",
        )
    table = tables.cutover
    last = read(state, direction)
    try:
        with state.begin() as connection:
            connection.execute(
                table.insert().values(
                    migration=state.migration,
                    direction=str(direction),
                    attempt=(last.attempt if last else 0) + 1,
                    status=REQUESTED,
                    requested_by=by,
                    requested_at=time.time(),
                    options=dict(options or {}),
                    result={},
                )
            )
    except sa.exc.IntegrityError:
        raise PreconditionError(
            f"somebody else asked for a cutover to {direction} at the same moment",
            state="that request stands",
            next_step="voyager-ops cutover status",
        ) from None
    record = read(state, direction)
    assert record is not None
    return record


def move(
    state: State,
    record: CutoverRecord,
    status: str,
    result: Mapping[str, Any] | None = None,
    *,
    only_from: str | None = None,
) -> bool:
    """Set an attempt's status and merge ``result`` into its result; False when ``only_from`` is not what it was."""
    table = tables.cutover
    where = [
        table.c.migration == state.migration,
        table.c.direction == str(record.direction),
        table.c.attempt == record.attempt,
    ]
    with state.begin() as connection:
        row = connection.execute(sa.select(table.c.status, table.c.result).where(*where).with_for_update()).one()
        if only_from is not None and row.status != only_from:
            return False
        finished = time.time() if status in {COMPLETED, UNDONE} else None
        connection.execute(
            table.update().where(*where).values(status=status, finished_at=finished, result={**row.result, **(result or {})})
        )
    return True


def keep_warnings(state: State, record: CutoverRecord, warnings: list[str]) -> None:
    """Record what the driver has warned of so far, for the driver that may carry on after it."""
    current = read(state, record.direction)
    if current is not None and current.attempt == record.attempt:
        move(state, record, current.status, {"warnings": list(dict.fromkeys(warnings))})


def abort(state: State, direction: Side, by: str) -> CutoverRecord:
    """Ask that the cutover under way be undone. One that no driver has begun is off at once; else the driver undoes it.

    Raises PreconditionError when none is under way, or when it has opened (there is the fall-back then).
    """
    record = read(state, direction)
    if record is None or not record.under_way or record.status == OPENED:
        raise PreconditionError(
            f"no cutover to {direction} that could be called off: it is {record.status if record else 'not asked for'}",
            state="nothing was changed",
            next_step="voyager-ops cutover status",
        )
    reason = f"called off by {by}"
    if not move(state, record, UNDONE, {"reason": reason}, only_from=REQUESTED):
        state.put(_abort_key(record), {"by": by, "at": time.time()})
    after = read(state, direction)
    assert after is not None
    return after


def abort_requested(state: State, record: CutoverRecord) -> str:
    """Who asked to call ``record`` off, or ''."""
    found = state.get(_abort_key(record))
    return "" if found is None else str(found["by"])


def _abort_key(record: CutoverRecord) -> str:
    return f"cutover/{record.direction}/{record.attempt}/abort"
