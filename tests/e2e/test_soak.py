"""Random failures for a while on both lanes, under a workload, with both cutovers; then every row must be equal.

The short version runs with every test run; ``make soak`` runs the long one, for ``VOYAGER_OPS_SOAK_SECONDS`` a lane (600). The
seed is printed and can be given as ``VOYAGER_OPS_SOAK_SEED``.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Database
from tests.e2e.command_line import Cli
from voyager_ops.model.positions import Lane
from voyager_ops.phases import export_data, status
from voyager_ops.testing.postgres import Cluster
from voyager_ops.testing.sample import load_sample
from voyager_ops.testing.workload import Workload, check_ledger

pytestmark = pytest.mark.e2e

SHORT_SECONDS = 15.0


@pytest.fixture
def cli(tmp_path: Path, source_db: Database, target_db: Database) -> Iterator[Cli]:
    made = Cli(tmp_path, source_db.url, target_db.configured)
    yield made
    made.stop_all()


def cut_sessions(cluster: Cluster) -> None:
    """End every session of ours on a server, walsenders included."""
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'voyager-ops/%'")


class Chaos:
    """Something bad every second or two."""

    def __init__(self, cli: Cli, clusters: tuple[Cluster, Cluster], seed: int) -> None:
        self.cli = cli
        self.clusters = clusters
        self.random = random.Random(seed)
        self.done: Counter[str] = Counter()

    def run(self, seconds: float, streams: tuple[str, str]) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(self.random.uniform(0.5, 2.5))
            what = self.random.choices(["kill", "cut", "server"], [5, 3, 1])[0]
            self.done[what] += 1
            if what == "kill":
                words = self.random.choice(streams)
                self.cli.streams[words].kill()
                self.cli.streams[words].wait()
            elif what == "cut":
                cut_sessions(self.random.choice(self.clusters))
            else:
                self.random.choice(self.clusters).restart("immediate")
            for words in streams:  # a supervisor's work: whatever ended is started again
                if self.cli.streams[words].poll() is not None:
                    self.cli.start(words)


def until(cli: Cli, what: str, condition: Callable[[], bool], seconds: float = 120) -> None:
    """Wait for ``condition``, starting again what ended meanwhile, as Airflow's retries would."""
    deadline = time.monotonic() + seconds
    while not condition():
        for words, stream in list(cli.streams.items()):
            if stream.poll() not in {None, 0}:
                cli.start(words)
        assert time.monotonic() < deadline, f"{what} did not come true\n" + "\n".join(cli.output(words) for words in cli.streams)
        time.sleep(0.3)


FORWARD = ("export data from source", "import data to target")
BACK = ("export data from target", "import data to source")


def soak(cli: Cli, source_db: Database, target_db: Database, seconds: float) -> None:
    seed = int(os.environ.get("VOYAGER_OPS_SOAK_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
    print(f"soak: VOYAGER_OPS_SOAK_SEED={seed}")
    chaos = Chaos(cli, (source_db.cluster, target_db.cluster), seed)
    load_sample(source_db.url, 0.02)
    cli.run("export schema")
    cli.run("import schema")
    with Workload(source_db.url, seed=seed, rate=60) as workload:
        cli.start(FORWARD[0])
        migration = cli.migration
        until(cli, "the slot", lambda: export_data.prepared(migration, Lane.FORWARD))
        cli.start(FORWARD[1])
        chaos.run(seconds, FORWARD)  # over the snapshot, the seam and what follows
        until(cli, "the seam", lambda: status.seam_passed(migration))
        cli.run("import schema --post-import-data")
        chaos.run(seconds / 3, FORWARD)
        for words in BACK:
            cli.start(words)
        until(cli, "the fallback lane", lambda: all(status.alive(migration, Lane.FALLBACK)))
        chaos.run(seconds / 3, BACK)
        until(cli, "all streams", lambda: all(all(status.alive(migration, lane)) for lane in Lane))
        assert cli.run("verify")["equal"]
        workload.pause()
        assert cli.run("initiate cutover to target --prepare-for-fall-back --wait")["status"] == "COMPLETED"
        workload.retarget(target_db.url)
        workload.resume()
        chaos.run(seconds, BACK)
        until(cli, "the streams again", lambda: all(status.alive(migration, Lane.FALLBACK)))
        assert cli.run("verify")["equal"]
        workload.pause()
        assert cli.run("initiate cutover to source --wait")["status"] == "COMPLETED"
        assert cli.run("verify")["equal"]
        counts = workload.counts()
    print(f"soak: {dict(chaos.done)}, {counts.transactions} transactions, {counts.changes} changes, errors {dict(counts.errors)}")
    assert counts.unexpected == {}
    check_ledger(source_db.url)
    check_ledger(target_db.url)


def test_short(cli: Cli, source_db: Database, target_db: Database) -> None:
    soak(cli, source_db, target_db, SHORT_SECONDS)


@pytest.mark.soak
def test_long(cli: Cli, source_db: Database, target_db: Database) -> None:
    soak(cli, source_db, target_db, float(os.environ.get("VOYAGER_OPS_SOAK_SECONDS", "600")))
