"""Capture next to pg_recvlogical; capture, change log and apply catching up next to a native subscription; unusual backlogs."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator

from benchmarks import peers, workloads
from benchmarks.lanes import BenchLane
from benchmarks.report import Row, against_peer, equal_contents, shown_only
from benchmarks.stage import Stage, rounds

FIFTY = 50
PARALLEL = (1, 2, 4)
LINES = [
    ("capture",),
    ("capture.mix",),
    ("catchup.tpcb",),
    ("catchup.mix",),
    ("parallel.tpcb",),
    ("parallel.fifty_tables",),
    ("backlog.hot_row",),
    ("backlog.fifty_tables",),
    ("backlog.swaps",),
]


def run(stage: Stage, wanted: Callable[[str], bool]) -> Iterator[Row]:
    if wanted("capture"):
        yield from capture(stage, "capture", tpcb(stage))
    if wanted("capture.mix"):
        yield from capture(stage, "capture.mix", mix(stage))
    if wanted("catchup.tpcb"):
        yield from catch_up(stage, "catchup.tpcb", tpcb(stage), 1.3)
    if wanted("catchup.mix"):
        yield from catch_up(stage, "catchup.mix", mix(stage), 1.1)
    if wanted("parallel.tpcb"):
        yield from parallel(stage, "parallel.tpcb", tpcb(stage))
    if wanted("parallel.fifty_tables"):
        yield from parallel(stage, "parallel.fifty_tables", fifty_tables(stage, unique=False))
    if wanted("backlog.hot_row"):
        yield from unusual(stage, "backlog.hot_row", hot_row(stage), tpcb(stage))
    if wanted("backlog.fifty_tables"):
        yield from unusual(stage, "backlog.fifty_tables", fifty_tables(stage), tpcb(stage))
    if wanted("backlog.swaps"):
        yield from unusual(stage, "backlog.swaps", swaps(stage, swap=True), swaps(stage, swap=False))


def scale(stage: Stage) -> int:
    """pgbench's scale: ten branches at full size, a hot spot without lock contention at generation."""
    return 10 if stage.sizes.changes > 50_000 else 1


# -- backlogs ----------------------------------------------------------------------------------------------------------
def tpcb(stage: Stage) -> BenchLane:
    def make() -> BenchLane:
        lane = BenchLane(stage, "tpcb", workloads.tpcb_sides(scale(stage)))
        done = 0
        for part in (16, 4, 1):  # end rows on the way, for how cost grows
            transactions = stage.sizes.changes // workloads.TPCB_CHANGES // part
            workloads.pgbench(lane.source, transactions - done)
            done = transactions
            lane.mark_end()
        return lane

    made: BenchLane = stage.once("tpcb backlog", make)
    return made


def mix(stage: Stage) -> BenchLane:
    def make() -> BenchLane:
        lane = BenchLane(stage, "mix", workloads.mix_sides(stage))
        workloads.pgbench(lane.source, stage.sizes.changes // workloads.MIX_CHANGES + 1, workloads.mix_script(stage))
        lane.mark_end()
        return lane

    made: BenchLane = stage.once("mix backlog", make)
    return made


def hot_row(stage: Stage) -> BenchLane:
    def make() -> BenchLane:
        lane = BenchLane(stage, "hot", workloads.simple_sides(1, 1000))
        workloads.hot_row(lane.source, stage.sizes.hot_changes)
        lane.mark_end()
        return lane

    made: BenchLane = stage.once("hot row backlog", make)
    return made


def fifty_tables(stage: Stage, *, unique: bool = True) -> BenchLane:
    """``unique``: with a unique code beside the key, which keeps a table's rows on one connection."""
    rows = max(10, stage.sizes.changes // FIFTY)
    name = "fifty" if unique else "fifty_keys"

    def make() -> BenchLane:
        lane = BenchLane(stage, name, workloads.simple_sides(FIFTY, rows, unique=unique))
        workloads.each_another_row(lane.source, FIFTY, rows)
        lane.mark_end()
        return lane

    made: BenchLane = stage.once(f"{name} backlog", make)
    return made


def swaps(stage: Stage, *, swap: bool) -> BenchLane:
    name = "swaps" if swap else "pairs"

    def make() -> BenchLane:
        lane = BenchLane(stage, name, workloads.simple_sides(1, 2 * stage.sizes.swaps))
        workloads.pairs(lane.source, stage.sizes.swaps, swap=swap)
        lane.mark_end()
        return lane

    made: BenchLane = stage.once(f"{name} backlog", make)
    return made


# -- lines -------------------------------------------------------------------------------------------------------------
def capture(stage: Stage, name: str, lane: BenchLane) -> Iterator[Row]:
    seconds = rounds(
        stage,
        {
            "pg_recvlogical": lambda: peers.recvlogical(lane.source, lane.slot, lane.publication, lane.end),
            "ours": lambda: float(lane.capture_seconds()["seconds"]),
        },
        lane.reset,
    )
    rates = {name: [lane.captured_changes / each for each in values] for name, values in seconds.items()}
    yield against_peer(name, "changes/s", rates["ours"], rates["pg_recvlogical"], 0.85)


def catch_up(stage: Stage, name: str, lane: BenchLane, at_least: float) -> Iterator[Row]:
    unequal: list[str] = []

    def check(variant: str) -> None:
        if variant == "ours":
            unequal.extend(lane.unequal())

    seconds = rounds(
        stage,
        {
            "native text": lambda: lane.native_seconds(binary=False),
            "ours": lambda: float(lane.catch_up()["seconds"]),
            "native binary": lambda: lane.native_seconds(binary=True),
        },
        lane.reset,
        check,
    )
    native = [min(pair) for pair in zip(seconds["native text"], seconds["native binary"], strict=True)]
    changes = lane.captured_changes
    yield against_peer(
        name, "changes/s", [changes / each for each in seconds["ours"]], [changes / each for each in native], at_least
    )
    yield equal_contents(name, len(lane.tables) - len(unequal), len(lane.tables))


def parallel(stage: Stage, name: str, lane: BenchLane) -> Iterator[Row]:
    """The same backlog over one connection, two and four: what more of them give depends on the cores, so nothing is demanded."""
    unequal: list[str] = []

    def over(connections: int) -> Callable[[], float]:
        return lambda: float(lane.catch_up(apply_parallelism=connections)["seconds"])

    seconds = rounds(
        stage,
        {str(connections): over(connections) for connections in PARALLEL},
        lane.reset,
        lambda _variant: unequal.extend(lane.unequal()),
    )
    rates = {name: [lane.captured_changes / each for each in values] for name, values in seconds.items()}
    one = statistics.median(rates["1"])
    for connections in PARALLEL:
        yield shown_only(f"{name}.{connections}", "changes/s", statistics.median(rates[str(connections)]), one)
    yield equal_contents(name, len(lane.tables) - len(set(unequal)), len(lane.tables))


def unusual(stage: Stage, name: str, lane: BenchLane, ordinary: BenchLane) -> Iterator[Row]:
    unequal: list[str] = []

    def rate(of: BenchLane) -> Callable[[], float]:
        def measure() -> float:
            of.reset()
            stage.settle()
            seconds = of.catch_up()["seconds"]
            return float(of.captured_changes / seconds)

        return measure

    def check(variant: str) -> None:
        if variant == "unusual":
            unequal.extend(lane.unequal())

    found = rounds(stage, {"ordinary": rate(ordinary), "unusual": rate(lane)}, None, check)
    yield against_peer(name, "changes/s", found["unusual"], found["ordinary"], 0.5)
    yield equal_contents(name, len(lane.tables) - len(unequal), len(lane.tables))
