"""Memory of every process, and what a row or a change costs, as the data grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks import workloads
from benchmarks.bench_changes import tpcb
from benchmarks.bench_snapshot import forget
from benchmarks.data import WIDE, add_key, fill
from benchmarks.engine import configuration, run_once
from benchmarks.lanes import BenchLane
from benchmarks.report import Row, below
from benchmarks.stage import Stage

MOST_MEGABYTES = 300.0
WITHIN = 0.9
STEPS = (1, 4, 16)
BYTES_PER_ROW = 600
"""Of the wide table, on disk."""
TABLES = ("growth.snapshot", "growth.verify", "memory.snapshot", "memory.verify")
LINES = [TABLES, ("growth.changes",), ("memory.transaction",)]


def run(stage: Stage, wanted: Callable[[str], bool]) -> Iterator[Row]:
    if any(map(wanted, TABLES)):
        yield from (row for row in tables(stage) if wanted(_line(row.name)))
    if wanted("growth.changes"):
        yield changes(stage)
    if wanted("memory.transaction"):
        yield from large_transaction(stage)


def _line(name: str) -> str:
    return ".".join(name.split(".")[:2])


def tables(stage: Stage) -> Iterator[Row]:
    """One wide table that grows to the largest size; snapshot and verification at each step."""
    largest = int(max(stage.sizes.memory_gigabytes) * 2**30 / BYTES_PER_ROW)
    source, target = stage.create(stage.source("grown")), stage.create(stage.target("grown"))
    for database in (source, target):
        database.run(WIDE)
    add_key(source, "wide")
    rates: dict[str, list[float]] = {"snapshot": [], "verify": []}
    rows = 0
    for step in STEPS:
        wanted = largest * step // STEPS[-1]
        fill(source, "wide", wanted - rows, rows + 1)
        rows = wanted
        source.run("VACUUM ANALYZE wide")
        target.run("DROP TABLE wide", WIDE)
        for kind in ("snapshot", "verify"):
            best = 0.0
            for _ in range(min(2, stage.sizes.rounds)):  # the better of two: a ratio of neighbours, not of a machine's moods
                if kind == "snapshot":
                    forget(target, ("wide",))
                stage.settle()
                result = run_once(kind, configuration(stage, source, target, stage.fresh_directory("export")))
                best = max(best, rows / result["seconds"])
            if kind == "snapshot":
                add_key(target, "wide")
            rates[kind].append(best)
            stage.say(f"  {rows:,} rows: {kind} {best:,.0f} rows/s, {result['peak_megabytes']:.0f} MB")
            size = int(source.value("SELECT pg_total_relation_size('wide')")) / 2**30
            if step != STEPS[0]:
                yield below(f"memory.{kind}.{size:.2g}GB", "MB", result["peak_megabytes"], MOST_MEGABYTES)
    for kind, found in rates.items():
        yield linear(f"growth.{kind}", "rows/s", found)
    stage.drop(source)
    stage.drop(target)


def linear(name: str, unit: str, rates: list[float]) -> Row:
    """The rate at the largest size against the best at a smaller one."""
    peer = max(rates[:-1])
    ratio = rates[-1] / peer
    return Row(name, rates[-1], unit, peer, ratio, f">= {WITHIN:g}x", ratio >= WITHIN)


def changes(stage: Stage) -> Row:
    """Rates between the end rows at a sixteenth, a quarter and the whole of one backlog."""
    lane = tpcb(stage)
    whole = stage.sizes.changes
    best = [0.0, 0.0]
    for _ in range(stage.sizes.rounds):
        lane.reset()
        stage.settle()
        result = lane.catch_up(markers=(1, 2))
        sixteenth, quarter = result["arrivals"]
        best[0] = max(best[0], whole * (1 / 4 - 1 / 16) / max(quarter - sixteenth, 0.05))
        best[1] = max(best[1], whole * 3 / 4 / max(result["seconds"] - quarter, 0.05))
    return linear("growth.changes", "changes/s", best)


def large_transaction(stage: Stage) -> Iterator[Row]:
    lane = BenchLane(stage, "large", workloads.simple_sides(1, 100))
    workloads.one_large_transaction(lane.source, stage.sizes.large_transaction)
    lane.mark_end()
    lane.reset()
    result = lane.catch_up()
    for process in ("capture", "apply"):
        yield below(f"memory.transaction.{process}", "MB", result[process]["peak_megabytes"], MOST_MEGABYTES)
