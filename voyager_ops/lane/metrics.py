"""What a stream says of itself, in the words of the reference workflow: totals, this run, rates, what remains.

Samples of the total are kept in state (one per 10 s), so that rates survive a restart and the dashboard can draw them.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from voyager_ops.state import tables
from voyager_ops.state.store import State

BUCKET_SECONDS = 10
KEPT_SECONDS = 7 * 86400
SHORT, LONG = 180.0, 600.0


@dataclass(frozen=True)
class Figures:
    """``remaining`` and ``eta_seconds`` are None where they have no meaning or are not known; rates are per second."""

    total: int
    this_run: int
    rate_3_min: float
    rate_10_min: float
    seconds: float
    remaining: int | None = None
    eta_seconds: float | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def rate(samples: list[tuple[float, float]], now: float, total: float, window: float) -> float:
    """Per second over the last ``window`` seconds, from (time, total) pairs in order of time, or since the oldest of them."""
    if not samples:
        return 0.0
    first = min(bisect_left(samples, (now - window, -1.0)), len(samples) - 1)
    at, before = samples[first]
    # An interval shorter than a second would show the first burst as a rate nobody ever sees again.
    return max(0.0, total - before) / max(now - at, 1.0)


class StreamMetrics:
    """Figures of one stream. ``series`` names its samples in state (``forward/captured``, ``forward/applied``, …).

    Call :meth:`update` as often as you like; samples are written once per bucket.
    """

    def __init__(self, state: State, series: str, total: int) -> None:
        self._state = state
        self._series = series
        self._first_total = total
        self._started = time.time()
        self._bucket = 0
        self._samples: deque[tuple[float, float]] = deque(self._recent(state, series, self._started))
        self._samples.append((self._started, float(total)))
        self.figures = Figures(total, 0, 0.0, 0.0, 0.0)

    @staticmethod
    def _recent(state: State, series: str, now: float) -> list[tuple[float, float]]:
        table = tables.sample
        with state.begin() as connection:
            rows = connection.execute(
                sa.select(table.c.at, table.c.value)
                .where(table.c.migration == state.migration, table.c.series == series, table.c.at >= now - LONG)
                .order_by(table.c.at)
            )
            return [(float(row.at), row.value) for row in rows]

    def update(self, total: int, remaining: int | None = None, *, now: float | None = None) -> Figures:
        """New figures; ``total`` counts events since the lane began, ``remaining`` those not yet done."""
        now = time.time() if now is None else now
        samples = list(self._samples)
        short, long = (rate(samples, now, total, window) for window in (SHORT, LONG))
        eta = None
        if remaining is not None:
            eta = 0.0 if remaining == 0 else (remaining / short if short > 0 else None)
        self.figures = Figures(
            total, total - self._first_total, round(short, 1), round(long, 1), round(now - self._started, 1), remaining, eta
        )
        bucket = int(now // BUCKET_SECONDS) * BUCKET_SECONDS
        if bucket != self._bucket:
            self._bucket = bucket
            self._samples.append((now, float(total)))
            while self._samples and self._samples[0][0] < now - LONG - BUCKET_SECONDS:
                self._samples.popleft()
            self._state.upsert(tables.sample, {"series": self._series, "at": bucket}, {"value": float(total)})
            if bucket % 3600 == 0:
                self._forget(now)
        return self.figures

    def _forget(self, now: float) -> None:
        table = tables.sample
        with self._state.begin() as connection:
            connection.execute(
                table.delete().where(
                    table.c.migration == self._state.migration,
                    table.c.series == self._series,
                    table.c.at < int(now - KEPT_SECONDS),
                )
            )

    def to_json(self) -> dict[str, Any]:
        """The last figures as plain JSON values."""
        return self.figures.to_json()


def export_rows(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """Labels and values of a capture's figures (:meth:`Figures.to_json`), as the reference workflow shows them."""
    return [
        ("Total Exported Events", f"{figures['total']}"),
        ("Total Exported Events (Current Run)", f"{figures['this_run']}"),
        ("Export Rate(Last 3 min)", f"{figures['rate_3_min']:.0f}/sec"),
        ("Export Rate(Last 10 min)", f"{figures['rate_10_min']:.0f}/sec"),
    ]


def import_rows(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """Labels and values of an apply's figures, as the reference workflow shows them."""
    remaining, eta = figures.get("remaining"), figures.get("eta_seconds")
    return [
        ("Total Imported events", f"{figures['total']}"),
        ("Events Imported in this Run", f"{figures['this_run']}"),
        ("Ingestion Rate (last 3 mins)", f"{figures['rate_3_min']:.0f} events/sec"),
        ("Ingestion Rate (last 10 mins)", f"{figures['rate_10_min']:.0f} events/sec"),
        ("Time taken in this Run", f"{figures['seconds'] / 60:.2f} mins"),
        ("Remaining Events", "unknown" if remaining is None else f"{remaining}"),
        ("Estimated Time to catch up", "unknown" if eta is None else duration(eta)),
    ]


def duration(seconds: float) -> str:
    """``5m42s``, ``1h02m03s``, ``0s``."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{hours}h{minutes:02d}m{left:02d}s"
    return f"{minutes}m{left:02d}s" if minutes else f"{left}s"
