"""One table's line in the data migration report. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from voyager_ops.model.positions import Lane, Side

COLUMNS = (
    ("Table", "table"),
    ("Exported Snapshot Rows", "exported_snapshot_rows"),
    ("Imported Snapshot Rows", "imported_snapshot_rows"),
    ("Exported Inserts", "forward_exported_inserts"),
    ("Exported Updates", "forward_exported_updates"),
    ("Exported Deletes", "forward_exported_deletes"),
    ("Imported Inserts", "forward_imported_inserts"),
    ("Imported Updates", "forward_imported_updates"),
    ("Imported Deletes", "forward_imported_deletes"),
    ("Exported Inserts (fall-back)", "fallback_exported_inserts"),
    ("Exported Updates (fall-back)", "fallback_exported_updates"),
    ("Exported Deletes (fall-back)", "fallback_exported_deletes"),
    ("Imported Inserts (fall-back)", "fallback_imported_inserts"),
    ("Imported Updates (fall-back)", "fallback_imported_updates"),
    ("Imported Deletes (fall-back)", "fallback_imported_deletes"),
    ("Final Rows (source)", "source_final_rows"),
    ("Final Rows (target)", "target_final_rows"),
    ("Final Rows From", "final_rows_from"),
)
"""Headings of the table, with the key of each value."""

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


def row(figures: TableFigures) -> dict[str, Any]:
    """The flat dict of one table, in the order of :data:`COLUMNS` (and truncates, which the table leaves out)."""
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
    return {**result, "source_final_rows": source, "target_final_rows": target, "final_rows_from": origin}


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
