"""Phases' pure parts: gate, arithmetics of the report, drift and estimates of the dry run."""

from __future__ import annotations

import pytest

from voyager_ops.config import CutoverConfig
from voyager_ops.model.positions import Lane, Side
from voyager_ops.model.tables import Leaf, QName, Table
from voyager_ops.phases.dry_run import COPY_BYTES_PER_SECOND, drift, estimates
from voyager_ops.phases.report_rows import HEADINGS, Counts, TableFigures, compact, row
from voyager_ops.phases.status import Lag, caught_up

GATE = CutoverConfig(lag_events=10, lag_seconds=5.0, lag_readings=2)
GOOD = Lag(10, 5.0)


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([], False),
        ([GOOD], False),
        ([GOOD, GOOD], True),
        ([Lag(11, 0.0), GOOD, GOOD], True),
        ([GOOD, GOOD, Lag(11, 0.0)], False),
        ([GOOD, Lag(0, 5.1)], False),
        ([GOOD, Lag(None, 0.0)], False),
        ([GOOD, Lag(0, None)], False),
    ],
)
def test_caught_up(readings: list[Lag], expected: bool) -> None:
    assert caught_up(readings, GATE) is expected


def test_report_row_says_where_final_rows_come_from() -> None:
    figures = TableFigures(
        table="public.t",
        target_table="shop.t",
        exported_snapshot_rows=100,
        imported_snapshot_rows=100,
        captured={Lane.FORWARD: Counts(9, 1, 1), Lane.FALLBACK: Counts(5, 0, 2)},
        applied={Lane.FORWARD: Counts(7, 1, 1)},
        started=True,
    )
    line = row(figures)
    assert compact(line) == ["public.t", "100", "100", "9/1/1", "7/1/1", "5/0/2", "0/0/0", "?", "109", "arithmetics"]
    assert len(compact(line)) == len(HEADINGS)
    assert (line["forward_exported_inserts"], line["forward_imported_inserts"]) == (9, 7)
    assert line["final_rows_from"] == "arithmetics"
    assert (line["source_final_rows"], line["target_final_rows"]) == (None, 100 + 7 - 1 + 5 - 2)
    truncated = TableFigures("t", "t", applied={Lane.FORWARD: Counts(truncates=1)}, started=True)
    assert row(truncated)["target_final_rows"] is None
    verified = TableFigures("t", "t", verified={Side.SOURCE: 3, Side.TARGET: 3}, verified_at="then", started=True)
    assert row(verified)["final_rows_from"] == "verification then"
    counted = TableFigures("t", "t", verified=verified.verified, counted={Side.SOURCE: 4, Side.TARGET: 5}, started=True)
    assert (row(counted)["source_final_rows"], row(counted)["target_final_rows"]) == (4, 5)


def test_drift() -> None:
    assert drift({"a": "1", "b": "1", "c": "1"}, {"b": "1", "c": "2", "d": "1"}) == {
        "added": ["d"],
        "removed": ["a"],
        "changed": ["c"],
    }


def test_estimates_use_the_measured_rate_where_there_is_one() -> None:
    leaf = Leaf(QName("public", "t"), 1, "d", "", 1000, 600 << 20, True)
    tables = [Table(QName("public", "t"), 1, (), (), (leaf,))]
    guessed = estimates(tables, None)
    assert guessed["snapshot_seconds"] == round((600 << 20) / COPY_BYTES_PER_SECOND, 1)
    measured = estimates(tables, {"bytes": 300 << 20, "seconds": 3.0})
    assert measured["snapshot_seconds"] == 6.0
    assert measured["rows"] == 1000
