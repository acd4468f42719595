"""Records of the two lanes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from voyager_ops.model.positions import Lane, Position
from voyager_ops.state import tables
from voyager_ops.state.store import State, insert_for

NONE, PREPARED, STREAMING, ENDED, FAILED = "none", "prepared", "streaming", "ended", "failed"


@dataclass(frozen=True)
class LaneRecord:
    """A lane as recorded. ``captured_position``: everything before it is in published segments (or touched no table of ours).
    ``xid_reference``: a 64-bit transaction id near the captured position (it moves along), from which 32-bit ids are widened.
    ``info``: ``witness`` is [end, xid, committed_at] of the last transaction published (:class:`~voyager_ops.changes.segment.
    TransactionHead`): a database that no longer has it is not the one that was captured."""

    lane: Lane
    status: str
    slot: str
    publication: str
    start_position: Position
    captured_position: Position
    xid_reference: int
    info: Mapping[str, Any]
    error: str


def read_lane(state: State, lane: Lane) -> LaneRecord:
    """The record of ``lane``; status ``none`` when there is none yet."""
    table = tables.lane
    with state.begin() as connection:
        row = connection.execute(
            sa.select(table).where(table.c.migration == state.migration, table.c.lane == str(lane))
        ).one_or_none()
    if row is None:
        return LaneRecord(lane, NONE, "", "", Position(""), Position(""), 0, {}, "")
    return LaneRecord(
        lane,
        row.status,
        row.slot,
        row.publication,
        Position(row.start_position),
        Position(row.captured_position),
        row.xid_reference,
        row.info,
        row.error,
    )


def update_lane(state: State, lane: Lane, connection: sa.Connection | None = None, **values: Any) -> None:
    """Set columns of a lane's record, creating it with status ``none`` first."""
    if connection is None:
        with state.begin() as own:
            return update_lane(state, lane, own, **values)
    table = tables.lane
    where = (table.c.migration == state.migration, table.c.lane == str(lane))
    row = insert_for(connection)(table).values(migration=state.migration, lane=str(lane), status=NONE, info={})
    connection.execute(row.on_conflict_do_nothing())
    connection.execute(table.update().where(*where).values(**values))
    return None
