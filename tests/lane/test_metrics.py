"""Figures of a stream: rates over their windows, and surviving a restart."""

from __future__ import annotations

import time
from pathlib import Path

from voyager_ops.lane.metrics import StreamMetrics, duration, export_rows, import_rows, rate
from voyager_ops.state.store import State


def test_rates_look_back_over_their_window_only() -> None:
    samples = [(0.0, 0.0), (100.0, 1000.0), (500.0, 1000.0)]
    assert rate(samples, 600.0, 2000.0, 600.0) == 2000 / 600
    assert rate(samples, 600.0, 2000.0, 180.0) == 1000 / 100
    assert rate([], 600.0, 2000.0, 180.0) == 0.0
    assert rate([(600.0, 0.0)], 600.1, 500.0, 180.0) == 500.0
    assert rate(samples, 600.0, 0.0, 600.0) == 0.0


def test_samples_survive_a_restart_and_the_run_begins_anew(tmp_path: Path) -> None:
    state = State.open("m", directory=tmp_path)
    now = time.time()
    first = StreamMetrics(state, "forward/captured", 0)
    for step in range(0, 60, 10):
        first.update(step * 100, now=now - 60 + step)
    second = StreamMetrics(state, "forward/captured", 5000)
    figures = second.update(6000, 500, now=now)
    assert (figures.total, figures.this_run, figures.remaining) == (6000, 1000, 500)
    assert 80 < figures.rate_3_min < 130
    assert figures.eta_seconds is not None
    assert 3 < figures.eta_seconds < 7
    other = StreamMetrics(state, "fallback/captured", 0).update(0, 5)
    assert (other.rate_3_min, other.eta_seconds) == (0.0, None)


def test_the_reference_words() -> None:
    figures = {
        "total": 272572,
        "this_run": 272572,
        "rate_3_min": 14542.3,
        "rate_10_min": 14542.0,
        "seconds": 50.0,
        "remaining": 4727427,
        "eta_seconds": 342.0,
    }
    assert ("Export Rate(Last 3 min)", "14542/sec") in export_rows(figures)
    rows = dict(import_rows(figures))
    assert rows["Estimated Time to catch up"] == "5m42s"
    assert rows["Time taken in this Run"] == "0.83 mins"
    assert rows["Remaining Events"] == "4727427"
    assert (duration(0), duration(3723)) == ("0s", "1h02m03s")
