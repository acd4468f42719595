"""One table's line in the data migration report. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from voyager_ops.model.positions import Lane, Side

HEADINGS = (
    "table",
    "snapshot rows exported",
    "imported",
    "forward exported (ins/upd/del)",
    "imported",
    "fall-back exported",
    "imported",
    "final rows source",
    "target",
    "known by",
)
"""Headings of :func:`compact`'s cells."""

OPERATIONS = ("inserts", "updates", "deletes", "truncates")


@dataclass(frozen=True)
class Counts:
    """Changes of one table in one lane on one side."""

    inserts: int = 0
    updates: int = 0
    deletes: int = 0
    truncates: int = 0


@dataclass(frozen=True)
class TableFigures:
    """What is known of one table. Row counts per side are None where unknown; ``counted`` by counting, ``verified`` by the last
    verification (``verified_at`` in words), else arithmetics over what was copied and applied."""

    table: str
    target_table: str
    exported_snapshot_rows: int = 0
    imported_snapshot_rows: int = 0
    captured: Mapping[Lane, Counts] = field(default_factory=dict)
    applied: Mapping[Lane, Counts] = field(default_factory=dict)
    counted: Mapping[Side, int] | None = None
    verified: Mapping[Side, int] | None = None
    verified_at: str = ""
    started: bool = False
    stopped: str = ""
    """In words, when the lane carries the table no further."""


def row(figures: TableFigures) -> dict[str, Any]:
    """The flat dict of one table, as JSON and CSV have it."""
    result: dict[str, Any] = {
        "table": figures.table,
        "target_table": figures.target_table,
        "exported_snapshot_rows": figures.exported_snapshot_rows,
        "imported_snapshot_rows": figures.imported_snapshot_rows,
    }
    for lane in Lane:
        for word, counts in (("exported", figures.captured), ("imported", figures.applied)):
            for operation in OPERATIONS:
                result[f"{lane}_{word}_{operation}"] = getattr(counts.get(lane, Counts()), operation)
    source, target, origin = final_rows(figures)
    return {
        **result,
        "source_final_rows": source,
        "target_final_rows": target,
        "final_rows_from": origin,
        "stopped": figures.stopped,
    }


def final_rows(figures: TableFigures) -> tuple[int | None, int | None, str]:
    """(rows on the source, rows on the target, how that is known)."""
    if figures.counted is not None:
        return figures.counted.get(Side.SOURCE), figures.counted.get(Side.TARGET), "counted"
    if figures.verified is not None:
        return figures.verified.get(Side.SOURCE), figures.verified.get(Side.TARGET), f"verification {figures.verified_at}"
    return None, arithmetic(figures), "arithmetics"


def arithmetic(figures: TableFigures) -> int | None:
    """Rows the target must hold: copied, plus and minus what was applied there and what its own users did. None after a
    TRUNCATE."""
    if not figures.started:
        return None
    forward, own = figures.applied.get(Lane.FORWARD, Counts()), figures.captured.get(Lane.FALLBACK, Counts())
    if forward.truncates or own.truncates:
        return None
    return figures.imported_snapshot_rows + forward.inserts - forward.deletes + own.inserts - own.deletes


def compact(line: Mapping[str, Any]) -> list[str]:
    """A table's dict (:func:`row`) as few cells, for people: one for the three kinds of change of a lane's side."""
    changes = [
        "/".join(str(line[f"{lane}_{word}_{operation}"]) for operation in OPERATIONS[:3])
        for lane in Lane
        for word in ("exported", "imported")
    ]
    rows = ["?" if line[f"{side}_final_rows"] is None else str(line[f"{side}_final_rows"]) for side in Side]
    snapshot = [str(line["exported_snapshot_rows"]), str(line["imported_snapshot_rows"])]
    return [line["table"], *snapshot, *changes, *rows, line["final_rows_from"]]
