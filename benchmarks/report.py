"""Rows of figures, as a table and as JSON."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

Direction = Literal[">=", "<=", "<", "="]


@dataclass(frozen=True)
class Row:
    """One line: ``value`` and ``peer`` are medians in ``unit``, ``ratio`` the median of the rounds' own ratios of ours to the
    peer's (of rates: above 1 is faster than the peer). ``holds`` is None where there was nothing to compare with."""

    name: str
    value: float
    unit: str
    peer: float | None
    ratio: float | None
    must: str
    holds: bool | None


def against_peer(name: str, unit: str, ours: Sequence[float], peer: Sequence[float], at_least: float) -> Row:
    """A row of rates (more is better), round by round against the peer's."""
    ratio = statistics.median(mine / its for mine, its in zip(ours, peer, strict=True))
    return Row(name, statistics.median(ours), unit, statistics.median(peer), ratio, f">= {at_least:g}x", ratio >= at_least)


def without_peer(name: str, unit: str, ours: Sequence[float], why: str) -> Row:
    """A row whose peer is not installed."""
    return Row(name, statistics.median(ours), unit, None, None, why, None)


def below(name: str, unit: str, value: float, limit: float) -> Row:
    return Row(name, value, unit, None, None, f"< {limit:g} {unit}", value < limit)


def shown_only(name: str, unit: str, value: float, peer: float | None = None) -> Row:
    """A figure nothing is demanded of."""
    return Row(name, value, unit, peer, value / peer if peer else None, "-", None)


def equal_contents(name: str, equal: int, compared: int) -> Row:
    """How many tables had the same rows on both sides after a line's last round."""
    return Row(f"{name}.content", equal, "tables equal", compared, equal / compared, "= 1x", equal == compared)


def machine() -> str:
    """Processor, cores and memory."""
    cpu = platform.machine()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}"


def write_json(path: Path, rows: Sequence[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "machine": machine(),
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "rows": [asdict(row) for row in rows],
    }
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def as_table(rows: Sequence[Row]) -> str:
    """The rows as GitHub's kind of table, which also reads well on a terminal."""
    cells = [("line", "ours", "peer", "unit", "ratio", "must", "holds")]
    for row in rows:
        cells.append(
            (
                row.name,
                _number(row.value),
                _number(row.peer),
                row.unit,
                "" if row.ratio is None else f"{row.ratio:.2f}",
                row.must,
                "" if row.holds is None else ("yes" if row.holds else "NO"),
            )
        )
    widths = [max(len(line[column]) for line in cells) for column in range(7)]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
