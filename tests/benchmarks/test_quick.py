"""The benchmarks run from end to end at small sizes: every line has its row, and all contents that are compared are equal."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import benchmarks.__main__ as benchmarks
from benchmarks.report import Row, shown_only
from benchmarks.stage import QUICK, Stage

ROOT = Path(__file__).resolve().parents[2]
KEYS = {"name", "value", "unit", "peer", "ratio", "must", "holds"}
LINES = ("snapshot.narrow.binary", "snapshot.many", "verify.narrow", "capture", "catchup.tpcb", "backlog.swaps")


@pytest.mark.timeout(280)
def test_the_quick_run_has_its_rows_and_equal_contents(tmp_path: Path) -> None:
    """No figure is asserted: sizes are so small that starting the processes is most of what is measured."""
    path = tmp_path / "bench.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--json", str(path), *LINES]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=270, check=False)
    assert result.returncode == 0, result.stderr[-4000:]
    report = json.loads(path.read_text(encoding="utf-8"))
    assert set(report) == {"machine", "date", "rows"}
    rows = report["rows"]
    assert all(set(row) == KEYS for row in rows)
    names = [row["name"] for row in rows]
    assert len(names) == len(set(names))
    assert set(LINES) <= set(names)
    assert all(row["value"] > 0 for row in rows)
    contents = [row for row in rows if row["name"].endswith(".content")]
    assert len(contents) >= 4
    assert all(row["value"] == row["peer"] and row["holds"] is True for row in contents)


def test_a_line_that_fails_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lines(_stage: Stage, wanted: Callable[[str], bool]) -> Iterator[Row]:
        yield shown_only("one", "s", 1.0)
        if wanted("two"):
            raise RuntimeError("it failed")

    path = tmp_path / "bench.json"
    monkeypatch.setattr(benchmarks, "MODULES", (SimpleNamespace(LINES=[("two",), ("one",)], run=lines),))
    rows, failed = benchmarks.run(QUICK, (), quick=True, json=path)
    assert failed == ["two"]
    assert [row.name for row in rows] == ["one", "one"]
    assert len(json.loads(path.read_text(encoding="utf-8"))["rows"]) == 2


def test_a_line_that_does_not_exist_is_refused() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks", "no.such.line"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 2
    assert "no line begins with no.such.line" in result.stderr
