"""Who wrote to the old side after the marker, by table: for the message that voids a cutover, and the loud one after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from voyager_ops.changes.log import ChangeLog
from voyager_ops.databases.postgres import lsn, pgoutput
from voyager_ops.databases.postgres.metadata import CHUNK_TABLE, POSITION_TABLE, SCHEMA
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import Position
from voyager_ops.model.tables import QName
from voyager_ops.state.lanes import read_lane

MOST = 100_000
"""Changes looked at in the slot; whoever wrote more is named all the same."""


def written_after(lane: LaneContext, position: Position, *, slot: bool) -> dict[str, int]:
    """Users' changes per table (the source's name) captured after ``position``, and with ``slot`` those nobody captured any more.

    ``slot`` wants the capture loop to have ended.
    """
    roots = {leaf.name: lane.source_name(table.name) for table in lane.tables for leaf in table.leaves}
    roots |= {table.name: lane.source_name(table.name) for table in lane.tables}
    counts: Counter[str] = Counter()
    names = _captured(lane, position)
    for name in names:
        counts[str(roots.get(name, name))] += 1
    if slot:
        for name in _left_in_slot(lane):
            counts[str(roots.get(name, name))] += 1
    return dict(counts)


def words(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} ({count} changes)" for name, count in sorted(counts.items()))


def _captured(lane: LaneContext, position: Position) -> Iterator[QName]:
    log = ChangeLog(lane.state, lane.data_dir, lane.lane)
    end = log.captured_position()
    reader = log.reader(position)
    try:
        for transaction in reader.read(0.0):
            for change in transaction.changes:
                if change.relation.name.schema != SCHEMA:
                    yield change.relation.name
            if transaction.position >= end:
                return
    finally:
        reader.close()


def _left_in_slot(lane: LaneContext) -> Iterator[QName]:
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
