"""With everything running: how late a change is on the target, and how long a cutover stops the writers."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator

from benchmarks import workloads
from benchmarks.bench_changes import scale
from benchmarks.data import differing
from benchmarks.engine import Worker, configuration, run_once
from benchmarks.lanes import END_TABLE, BenchLane
from benchmarks.peers import wait_for
from benchmarks.report import Row, below, shown_only
from benchmarks.stage import Database, Stage

PROBE_SECONDS = 0.05
WARM_UP_SECONDS = 2.0
LINES = [("lag",), ("cutover",)]


def run(stage: Stage, wanted: Callable[[str], bool]) -> Iterator[Row]:
    if wanted("lag"):
        yield from lag(stage)
    if wanted("cutover"):
        yield from cutover(stage)


def sides(stage: Stage) -> Callable[[Database, Database], None]:
    tpcb = workloads.tpcb_sides(scale(stage))

    def make(source: Database, target: Database) -> None:
        tpcb(source, target)
        for database in (source, target):
            database.run("CREATE TABLE probe (id int PRIMARY KEY)")

    return make


class Probe:
    """Commits numbered rows on the source, and notes when each is first seen on the target, by this process's clock."""

    def __init__(self, source: Database, target: Database) -> None:
        self._source, self._target = source, target
        self._committed: dict[int, float] = {}
        self._seen: dict[int, float] = {}
        self._done = threading.Event()
        self._threads = [threading.Thread(target=part) for part in (self._write, self._watch)]

    def _write(self) -> None:
        number = 0
        with self._source.connect() as connection:
            while not self._done.wait(PROBE_SECONDS):
                number += 1
                connection.execute("INSERT INTO probe VALUES (%s)", (number,))
                self._committed[number] = time.monotonic()

    def _watch(self) -> None:
        last = 0
        deadline = float("inf")
        with self._target.connect() as connection:
            while last < len(self._committed) or not self._done.is_set():
                if self._done.is_set():
                    deadline = min(deadline, time.monotonic() + 60)
                    if time.monotonic() > deadline:
                        return
                row = connection.execute("SELECT coalesce(max(id), 0) FROM probe").fetchone()
                assert row is not None
                now = time.monotonic()
                for number in range(last + 1, row[0] + 1):
                    self._seen[number] = now
                last = row[0]
                time.sleep(0.005)

    def run(self, seconds: float) -> list[float]:
        """Seconds from commit to sight of every row written after the warm-up. Raises when some were never seen."""
        began = time.monotonic()
        for thread in self._threads:
            thread.start()
        time.sleep(WARM_UP_SECONDS + seconds)
        self._done.set()
        for thread in self._threads:
            thread.join()
        if set(self._committed) - set(self._seen):
            raise RuntimeError("rows of the probe did not arrive")
        return [self._seen[number] - at for number, at in self._committed.items() if at > began + min(WARM_UP_SECONDS, seconds)]


def lag(stage: Stage) -> Iterator[Row]:
    lane = BenchLane(stage, "lag", sides(stage))
    means, tails, rates = [], [], []
    seconds = stage.sizes.lag_seconds
    for _ in range(stage.sizes.rounds):
        lane.reset()
        stage.settle()
        config = lane.config(lane.round)
        with Worker("capture", config) as capturing, Worker("apply", config) as applying:
            capturing.go()
            applying.go()
            # An earlier round's rows are part of the slot's history: they are deleted, and that is waited for.
            lane.source.run("DELETE FROM probe")
            lane.source.run(f"DELETE FROM {END_TABLE}")
            lane.mark_end()
            lane.await_end([capturing, applying])
            before = lane.captured()[1]
            began = time.monotonic()
            load = workloads.paced(lane.source, stage.sizes.lag_rate, WARM_UP_SECONDS + seconds)
            found = sorted(Probe(lane.source, lane.round).run(seconds))
            load.wait()
            rates.append((lane.captured()[1] - before) / (time.monotonic() - began))
            for worker in (applying, capturing):
                worker.stop()
                worker.result()
        means.append(statistics.mean(found))
        tails.append(found[int(len(found) * 0.99)])
        stage.say(f"  lag: mean {means[-1]:.3f} s, p99 {tails[-1]:.3f} s at {rates[-1]:,.0f} changes/s")
    yield below("lag.mean", "s", statistics.median(means), 0.5)
    yield below("lag.p99", "s", statistics.median(tails), 1.5)
    yield shown_only("lag.rate", "changes/s", statistics.median(rates), stage.sizes.lag_rate)


def cutover(stage: Stage) -> Iterator[Row]:
    """A whole migration by its phases; the application is fenced off by the cutover itself, and both sides hold the same rows
    afterwards."""
    stops: list[float] = []
    steps: dict[str, list[float]] = {}
    for number in range(stage.sizes.rounds):
        source, target = stage.create(stage.source(f"cutover_{number}")), stage.create(stage.target(f"cutover_{number}"))
        workloads.pgbench_tables(source, scale(stage), "dtgvp")
        application = source.as_user(f"app_{source.name}")
        config = {
            **configuration(stage, source, target, stage.fresh_directory("export")),
            "cutover": {"quiesce": "enforce", "lag_readings": 2, "lag_events": 2000, "prepare_for_fall_back": False},
        }
        run_once("schema", config)
        with Worker("export", config) as exporting, Worker("import", config) as importing:
            exporting.go()
            importing.go()
            wait_for(target, "SELECT bool_or(seam_passed) FROM voyager_ops.lane_position", seconds=120, alive=importing.check)
            run_once("schema_post", config)
            run_once("verify_phase", config)
            load = workloads.paced(application, stage.sizes.cutover_rate, 600)
            time.sleep(0.5 if stage.quick else 10.0)
            result = run_once("cutover", config)
            load.terminate()
            load.wait()
            importing.result()
            exporting.result()
        stops.append(float(result["write_stop"]))
        for name, seconds in result["steps"].items():
            steps.setdefault(name, []).append(seconds)
        each = ", ".join(f"{name} {taken:.2f}" for name, taken in result["steps"].items())
        stage.say(f"  write-stop {stops[-1]:.2f} s: {each}")
        unequal = differing(source, target, workloads.PGBENCH_TABLES)
        if unequal:
            raise RuntimeError(f"after the cutover these tables differ: {', '.join(unequal)}")
        stage.drop(source)
        stage.drop(target)
    yield below("cutover.write_stop", "s", statistics.median(stops), 3.0)
    for name, taken in steps.items():
        yield shown_only(f"cutover.step.{name.replace(' ', '_')}", "s", statistics.median(taken))
