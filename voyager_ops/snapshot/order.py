"""In which order the pieces of the snapshot are copied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from voyager_ops.model.tables import QName
from voyager_ops.snapshot.plan import Chunk


def in_order(groups: Iterable[Sequence[Chunk]], plan: Iterable[Chunk]) -> list[Sequence[Chunk]]:
    """``groups``, table by table, the one with the most rows first: its key takes longest to build, and is built while others are
    still copied (docs/performance.md). ``plan``: all chunks of these tables, also those that are loaded. A table whose rows
    nobody has counted has one for each 100 bytes."""
    rows: Counter[QName] = Counter()
    size: Counter[QName] = Counter()
    for chunk in plan:
        rows[chunk.table] += chunk.rows or chunk.bytes // 100
        size[chunk.table] += chunk.bytes

    def place(group: Sequence[Chunk]) -> tuple[int, int, QName, int]:
        table = group[0].table
        return -rows[table], -size[table], table, -sum(chunk.bytes for chunk in group)

    return sorted(groups, key=place)
