"""Planning the snapshot: which chunks, in which bins.

Planned once, after the capture's slot exists, and kept in state. A chunk of kind ``key`` is a key range of one physical table
and is copied at a moment of its own. Where ranges cannot be cut over the key, the physical table is one *group*: one snapshot,
copied as a ``whole`` or, when large, in ``ctid`` pieces inside that one snapshot.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import sqlalchemy as sa

from voyager_ops.config import SnapshotConfig
from voyager_ops.databases.base import Splitter
from voyager_ops.databases.engines import engine_of
from voyager_ops.databases.postgres.ranges import range_columns
from voyager_ops.failpoints import hit, register
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.tables import Leaf, QName, Table
from voyager_ops.state import tables
from voyager_ops.state.store import State

BEFORE_PLAN = register("snapshot.plan.before")
AFTER_PLAN = register("snapshot.plan.after")

Kind = Literal["key", "whole", "ctid"]
PAGE = 8192
"""What a chunk costs beside its bytes, when bins are filled."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of one physical table. ``lower`` (inclusive) and ``upper`` (exclusive) are text values of the range columns for
    ``key``, places (block numbers, Oracle's row ids) for ``ctid``; None is open. ``rows`` and ``bytes`` are estimates."""

    chunk_id: int
    bin: int
    table: QName
    physical: QName
    kind: Kind
    lower: tuple[str, ...] | None
    upper: tuple[str, ...] | None
    group_id: int
    rows: int
    bytes: int


def plan_chunks(context: LaneContext, snapshot: SnapshotConfig) -> list[Chunk]:
    """Plan and record the chunks of all tables of the lane, or return the plan that is there.

    Every physical table has at least one chunk, and the ranges of a table are open at both ends.
    """
    planned = load_plan(context.state)
    if planned:
        return planned
    chunks: list[Chunk] = []
    with engine_of(context.capture_db).splitter(context.capture_db) as splitter:
        for table in context.tables:
            for leaf in table.leaves:
                chunks.extend(_chunks_of(splitter, table, leaf, snapshot.chunk_size, len(chunks)))
    chunks = assign_bins(chunks, snapshot.bins)
    hit(BEFORE_PLAN)
    with context.state.begin() as connection_:
        if not connection_.execute(
            sa.select(sa.func.count()).select_from(tables.chunk).where(tables.chunk.c.migration == context.migration)
        ).scalar_one():
            connection_.execute(
                tables.chunk.insert(),
                [
                    {
                        "migration": context.migration,
                        "chunk_id": chunk.chunk_id,
                        "bin": chunk.bin,
                        "table_name": str(chunk.table),
                        "physical": [*chunk.physical],
                        "root": [*chunk.table],
                        "kind": chunk.kind,
                        "lower": chunk.lower,
                        "upper": chunk.upper,
                        "group_id": chunk.group_id,
                        "rows": chunk.rows,
                        "bytes": chunk.bytes,
                    }
                    for chunk in chunks
                ],
            )
    hit(AFTER_PLAN)
    return load_plan(context.state)


def _chunks_of(splitter: Splitter, table: Table, leaf: Leaf, chunk_size: int, first: int) -> Iterable[Chunk]:
    columns = range_columns(table)
    pieces = max(1, math.ceil(leaf.bytes / chunk_size))
    rows = max(leaf.rows, 0)
    plain = Chunk(first, 0, table.name, leaf.name, "key", None, None, first, rows, leaf.bytes)
    if columns:
        return _between(plain, _distinct(splitter.key_points(leaf, columns, pieces)))
    if pieces == 1 or leaf.name != table.name:
        # A failed group is emptied and copied again; only a table that this group alone fills can be emptied cheaply.
        return [replace(plain, kind="whole")]
    return _between(replace(plain, kind="ctid"), _distinct(splitter.place_points(leaf, pieces)))


def _distinct(points: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return [point for index, point in enumerate(points) if index == 0 or point != points[index - 1]]


def _between(plain: Chunk, points: Sequence[tuple[str, ...]]) -> list[Chunk]:
    count = len(points) + 1
    bounds: list[tuple[str, ...] | None] = [None, *points, None]
    return [
        replace(
            plain,
            chunk_id=plain.chunk_id + index,
            group_id=plain.group_id if plain.kind == "ctid" else plain.chunk_id + index,
            lower=bounds[index],
            upper=bounds[index + 1],
            rows=plain.rows // count,
            bytes=plain.bytes // count,
        )
        for index in range(count)
    ]


def assign_bins(chunks: Sequence[Chunk], bins: int) -> list[Chunk]:
    """Spread the groups over at most ``bins`` bins of similar size, largest first (longest processing time rule)."""
    groups: dict[int, list[Chunk]] = {}
    for chunk in chunks:
        groups.setdefault(chunk.group_id, []).append(chunk)
    heap = [(0, number) for number in range(max(1, min(bins, len(groups))))]
    result: list[Chunk] = []
    for group in sorted(groups.values(), key=lambda members: -sum(member.bytes for member in members)):
        load, number = heapq.heappop(heap)
        result.extend(replace(chunk, bin=number) for chunk in group)
        heapq.heappush(heap, (load + sum(chunk.bytes for chunk in group) + PAGE, number))
    return sorted(result, key=lambda chunk: chunk.chunk_id)


def load_plan(state: State) -> list[Chunk]:
    """The recorded plan, in chunk order; empty when nothing is planned yet."""
    table = tables.chunk
    with state.begin() as connection:
        rows = connection.execute(sa.select(table).where(table.c.migration == state.migration).order_by(table.c.chunk_id)).all()
    return [
        Chunk(
            row.chunk_id,
            row.bin,
            QName(*row.root),
            QName(*row.physical),
            row.kind,
            tuple(row.lower) if row.lower is not None else None,
            tuple(row.upper) if row.upper is not None else None,
            row.group_id,
            row.rows,
            row.bytes,
        )
        for row in rows
    ]
