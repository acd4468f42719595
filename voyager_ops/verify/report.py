"""What a verification found: typed, JSON-able, and as CSV for the rows that differ."""

from __future__ import annotations

import csv
import json
import time
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from voyager_ops.model.results import PhaseResult


class Kind(StrEnum):
    """What is wrong with a row."""

    MISSING_ON_TARGET = "missing_on_target"
    MISSING_ON_SOURCE = "missing_on_source"
    DIFFERENT = "different"
    UNSETTLED = "unsettled"
    """It differed when it was looked at, but the lag could not be passed, so that it could not be looked at again."""
    CHANGING = "changing"
    """It changed on the source between any two looks: it is compared again with what changed since, when the writers are
    stopped. No difference for a verification while changes flow."""


@dataclass
class RowDifference:
    """One row. ``key`` is column to text; for a table without key it holds ``md5 of the row`` only. ``count``: such rows."""

    key: dict[str, str | None]
    kind: Kind
    columns: list[str] = field(default_factory=list)
    """Names of the columns that differ; only for the first of a table's differences."""
    source: dict[str, str | None] | None = None
    """Values, when they were asked for."""
    target: dict[str, str | None] | None = None
    count: int = 1


@dataclass(kw_only=True)
class TableVerification:
    """One table. Row counts are as read range after range, so they may be off by what changed meanwhile; -1: not counted."""

    table: str
    target_table: str
    rows_source: int = -1
    rows_target: int = -1
    compared: str = ""
    """'ranges' of the key, 'whole' table at once, or 'keys' given beforehand."""
    keys: int = 0
    """How many, when they were given."""
    ranges: int = 0
    ranges_differing: int = 0
    """Ranges that differed at the first look, whatever the second look said."""
    missing_on_target: int = 0
    missing_on_source: int = 0
    different: int = 0
    unsettled: int = 0
    changing: int = 0
    more: bool = False
    """There are more differences than were looked for: the counts are lower bounds."""
    finished: bool = True
    """False when the verification was stopped before this table was done."""
    problems: list[str] = field(default_factory=list)
    """Differences of structure: a table or column that is missing."""
    stopped: str = ""
    """Why it was not compared: its changes are no longer carried over. Such a table is never equal."""
    differences: list[RowDifference] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def rows_differing(self) -> int:
        return self.missing_on_target + self.missing_on_source + self.different

    @property
    def equal(self) -> bool:
        """Finished, and nothing differs, not even undecidedly; rows that change all the time have their turn later."""
        return self.finished and not (self.rows_differing or self.unsettled or self.problems or self.more or self.stopped)


@dataclass(kw_only=True)
class VerificationReport(PhaseResult):
    """All tables of one verification. ``position``: the captured position the caller gave, '' when none."""

    phase: str = "verify"
    tables: list[TableVerification] = field(default_factory=list)
    started_at: float = 0.0
    """Unix seconds."""
    finished_at: float = 0.0
    position: str = ""
    method: str = ""
    left_out: list[str] = field(default_factory=list)
    """Tables that the migration goes on without, each in words; they are not compared."""

    @property
    def equal(self) -> bool:
        return all(table.equal for table in self.tables)

    @property
    def rows_differing(self) -> int:
        return sum(table.rows_differing for table in self.tables)

    @property
    def changing(self) -> int:
        return sum(table.changing for table in self.tables)

    @property
    def verdict(self) -> str:
        """One sentence."""
        problems = sum(len(table.problems) for table in self.tables)
        unsettled = sum(table.unsettled for table in self.tables)
        if self.equal:
            rows = sum(table.keys if table.compared == "keys" else max(table.rows_source, 0) for table in self.tables)
            later = f" ({self.changing} rows kept changing: compared when the writers are stopped)" if self.changing else ""
            without = f"; {len(self.left_out)} left out" if self.left_out else ""
            return f"{len(self.tables)} tables, {rows} rows: no differences{later}{without}"
        parts = [f"{self.rows_differing} rows differ"]
        if any(table.more for table in self.tables):
            parts[0] = "at least " + parts[0]
        if problems:
            parts.append(f"{problems} differences of structure")
        if unsettled:
            parts.append(f"{unsettled} rows are undecided: the lag could not be passed")
        if stopped := sum(bool(table.stopped) for table in self.tables):
            parts.append(f"{stopped} {'tables are' if stopped > 1 else 'table is'} stopped and cannot be compared")
        if not all(table.finished for table in self.tables):
            parts.append("stopped before the end")
        bad = ", ".join(table.table for table in self.tables if not table.equal)
        return f"{'; '.join(parts)} (tables {bad})"

    def to_json(self, samples: int = 20) -> dict[str, Any]:
        """With at most ``samples`` differing rows a table; :func:`write_reports` writes them all."""
        data = super().to_json()
        data |= {"equal": self.equal, "rows_differing": self.rows_differing, "verdict": self.verdict}
        for table, item in zip(self.tables, data["tables"], strict=True):
            item["equal"] = table.equal
            item["differences"] = item["differences"][:samples]
        return data

    def to_text(self) -> str:
        """A table for the terminal."""
        head = (
            "table",
            "rows source",
            "rows target",
            "missing on target",
            "missing on source",
            "different",
            "undecided",
            "changing",
            "",
        )
        lines: list[tuple[str, ...]] = [head]
        for table in self.tables:
            note = "; ".join(table.problems) or table.stopped or ("" if table.finished else "stopped")
            numbers = (table.missing_on_target, table.missing_on_source, table.different, table.unsettled, table.changing)
            counts = tuple("?" if count < 0 else str(count) for count in (table.rows_source, table.rows_target))
            lines.append((table.table, *counts, *(f"{number}{'+' if table.more and number else ''}" for number in numbers), note))
        widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
        rows = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
        return "\n".join([*rows, self.verdict])


def write_reports(report: VerificationReport, directory: Path, stem: str = "") -> list[Path]:
    """Write ``STEM.json``, ``STEM.txt`` and, when rows differ, ``STEM-rows.csv`` into ``directory``; returns the files written.

    ``stem`` defaults to ``verification-`` and the time it started, UTC.
    """
    stem = stem or time.strftime("verification-%Y%m%dT%H%M%SZ", time.gmtime(report.started_at))
    directory.mkdir(parents=True, exist_ok=True)
    files = [directory / f"{stem}.json", directory / f"{stem}.txt"]
    files[0].write_text(json.dumps(report.to_json(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    files[1].write_text(report.to_text() + "\n", encoding="utf-8")
    if any(table.differences for table in report.tables):
        files.append(directory / f"{stem}-rows.csv")
        with files[2].open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["table", "kind", "key", "columns", "count", "source", "target"])
            for table in report.tables:
                for row in table.differences:
                    values = [json.dumps(side, ensure_ascii=False) if side else "" for side in (row.source, row.target)]
                    key = json.dumps(row.key, ensure_ascii=False)
                    writer.writerow([table.table, str(row.kind), key, " ".join(row.columns), row.count, *values])
    return files
