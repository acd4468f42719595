"""What a snapshot has copied, counted and told."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Container
from dataclasses import dataclass, field

from voyager_ops.model.results import Progress, ProgressSink
from voyager_ops.model.tables import QName
from voyager_ops.snapshot.plan import Chunk


@dataclass
class SnapshotCounts:
    """What one call copied, and where the whole snapshot stands."""

    chunks_copied: int = 0
    rows: int = 0
    bytes: int = 0
    seconds: float = 0.0
    tables: dict[str, int] = field(default_factory=dict)
    """Rows copied by this call per source table."""
    complete: bool = False
    """All chunks of the call's bins are done, and the keys that this call had to build are built."""
    warnings: list[str] = field(default_factory=list)


class Meter:
    """Counts, and tells progress at most four times a second."""

    def __init__(self, progress: ProgressSink, plan: list[Chunk], done: Container[int]) -> None:
        self.counts = SnapshotCounts()
        self._progress = progress
        self._last = 0.0
        self._total: dict[QName, int] = defaultdict(int)
        self._finished: dict[QName, int] = defaultdict(int)
        for chunk in plan:
            self._total[chunk.table] += 1
            self._finished[chunk.table] += chunk.chunk_id in done

    def on_bytes(self, count: int) -> None:
        self.counts.bytes += count

    def on_chunk(self, chunk: Chunk, rows: int) -> None:
        counts = self.counts
        counts.chunks_copied += 1
        counts.rows += rows
        counts.tables[str(chunk.table)] = counts.tables.get(str(chunk.table), 0) + rows
        self._finished[chunk.table] += 1
        finished = self._finished[chunk.table] >= self._total[chunk.table]
        if finished or time.monotonic() - self._last > 0.25:
            self._last = time.monotonic()
            self._progress(
                Progress(
                    phase="snapshot",
                    table=str(chunk.table),
                    done=self._finished[chunk.table],
                    total=self._total[chunk.table],
                    unit="chunks",
                    figures={"rows": counts.rows, "bytes": counts.bytes, "table_rows": counts.tables[str(chunk.table)]},
                )
            )
