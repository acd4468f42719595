"""What is in a slot that nobody reads any more: users' changes after the captured position."""

from __future__ import annotations

from collections.abc import Iterator

from voyager_ops.databases.postgres import lsn, pgoutput
from voyager_ops.databases.postgres.metadata import CHUNK_TABLE, POSITION_TABLE, SCHEMA
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.tables import QName
from voyager_ops.state.lanes import read_lane

MOST = 100_000
"""Changes looked at; whoever wrote more is named all the same."""


def left_in_slot(lane: LaneContext) -> Iterator[QName]:
    """The physical table of each of them, by peeking; none when the slot is gone or has a reader."""
    record = read_lane(lane.state, lane.lane)
    if not record.slot or not record.publication:
        return
    with lane.capture_db.connect("cutover") as connection:
        if (
            connection.execute(
                "SELECT 1 FROM pg_replication_slots WHERE slot_name = %s AND NOT active", (record.slot,)
            ).fetchone()
            is None
        ):
            return
        rows = connection.execute(
            "SELECT data FROM pg_logical_slot_peek_binary_changes(%s, NULL, %s, 'proto_version', '1', 'publication_names', %s)",
            (record.slot, MOST, record.publication),
        )
        names: dict[int, QName] = {}
        pending: list[QName] = []
        for (data,) in rows:
            frame = bytes(data)
            kind = frame[:1]
            if kind == b"B":
                pending = []
            elif kind == b"R":
                relation = pgoutput.relation(frame)
                names[relation.oid] = relation.name
            elif kind in b"IUD":
                pending.append(names[int.from_bytes(frame[1:5], "big")])
            elif kind == b"T":
                pending.extend(names[oid] for oid in pgoutput.truncated(frame))
            elif kind == b"C":
                captured = lsn.to_position(pgoutput.commit_end(frame)) <= record.captured_position
                if not captured and POSITION_TABLE not in pending and CHUNK_TABLE not in pending:  # not our own apply's
                    yield from (name for name in pending if name.schema != SCHEMA)
