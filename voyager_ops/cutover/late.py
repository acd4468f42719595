"""Who wrote to the old side after the marker, by table: for the message that voids a cutover, and the loud one after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from voyager_ops.changes.log import ChangeLog
from voyager_ops.databases.engines import engine_of
from voyager_ops.databases.postgres.metadata import SCHEMA
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import Position
from voyager_ops.model.tables import QName


def written_after(lane: LaneContext, position: Position, *, left_behind: bool) -> dict[str, int]:
    """Users' changes per table (the source's name) captured after ``position``, and with ``left_behind`` those nobody captured
    any more. That wants the capture loop to have ended.
    """
    roots = {leaf.name: lane.source_name(table.name) for table in lane.tables for leaf in table.leaves}
    roots |= {table.name: lane.source_name(table.name) for table in lane.tables}
    counts: Counter[str] = Counter()
    names = _captured(lane, position)
    for name in names:
        counts[str(roots.get(name, name))] += 1
    if left_behind:
        for name in engine_of(lane.capture_db).left_behind(lane):
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
