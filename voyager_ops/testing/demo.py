"""``voyager-ops-demo``: a whole live migration with fall-back on this machine, nothing prepared.

``run`` plays it to the end and exits with 0 only when both sides were equal after both cutovers; ``up`` starts the same and
leaves the approvals to you; ``down`` stops what ``up`` started.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

import click
from rich.console import Console
from rich.table import Table

from voyager_ops.errors import VoyagerOpsError
from voyager_ops.testing.airflow import USERS
from voyager_ops.testing.demo_oracle import ORACLE_RATE, OracleStage, OracleStory
from voyager_ops.testing.demo_stage import Stage
from voyager_ops.testing.demo_story import Outcome, Story

PLACE = Path(".voyager-ops")
RECORD = PLACE / "demo.json"
LOG = PLACE / "demo.log"
UP_SECONDS = 300.0
DOWN_SECONDS = 60.0


class Teller:
    """Prints a line with the seconds since the beginning."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, line: str) -> None:
        print(f"{time.monotonic() - self._started:6.1f}  {line}", flush=True)


@click.group(help=__doc__)
def main() -> None:
    # Whoever ends us with SIGTERM wants what Ctrl-C does: everything stopped and cleaned up.
    signal.signal(signal.SIGTERM, _end)


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@main.command()
@click.option("--scale", default=1.0, show_default=True, help="Size of the sample shop; 1.0 is about 1.1 million rows.")
@click.option("--rate", default=60.0, show_default=True, help="Transactions per second of the application.")
@click.option(
    "--source",
    type=click.Choice(["postgresql", "oracle"]),
    default="postgresql",
    show_default=True,
    help="oracle: a simulated Oracle with the shop's twin (a tenth of the rows), forward only, streams killed on the way.",
)
def run(scale: float, rate: float, source: str) -> None:
    """Play the whole migration and answer the approvals. Exit status 0 only when nothing differs."""
    tell = Teller()
    try:
        if source == "oracle":
            with OracleStage(tell, scale=scale) as stage:
                outcome = OracleStory(stage, tell, rate=min(rate, ORACLE_RATE)).run()
        else:
            with Stage(tell, scale=scale) as stage:
                outcome = Story(stage, tell, rate=rate).run()
        show(outcome)
        tell("Everything is stopped")
    except VoyagerOpsError as error:
        tell(f"FAILED: {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        tell("Interrupted: everything was stopped and cleaned up")
        sys.exit(130)
    tell("Done: 0 differences")


def show(outcome: Outcome) -> None:
    """The closing table."""
    ways = [("target", outcome.after_target), *([("source", outcome.after_source)] if outcome.after_source else [])]
    table = Table(title="Rows compared on both sides, while nothing wrote")
    table.add_column("table")
    for side, _ in ways:
        table.add_column(f"after cutover to {side}", justify="right")
        table.add_column("differences", justify="right")
    totals = [0] * (2 * len(ways))
    for name in sorted(outcome.after_target):
        cells = []
        for _, compared in ways:
            source, target = compared[name]
            cells += [source.rows, abs(source.rows - target.rows) or int(source != target)]
        totals = [total + cell for total, cell in zip(totals, cells, strict=True)]
        table.add_row(name, *(f"{cell:,}" for cell in cells))
    table.add_section()
    table.add_row("all", *(f"{total:,}" for total in totals))
    console = Console(width=110)
    console.print(table)
    counts = outcome.workload
    stops = ", ".join(f"{seconds:.1f} s at the cutover to the {side}" for side, seconds in outcome.write_stop.items())
    arrows = {"forward": "source → target", "fallback": "target → source"}
    words = {"live_migration": "on the way there", "fall_back": "on the way back"}
    for line in (
        f"write-stop: {stops}",
        "events: " + ", ".join(f"{count:,} {arrows[lane]}" for lane, count in outcome.events.items()),
        "verified by the DAGs' own tasks: "
        + ", ".join(f"{rows:,} rows {words[dag_id]}" for dag_id, rows in outcome.verified.items()),
        f"application: {counts.transactions:,} transactions, {counts.changes:,} changes; the ledger adds up on both sides",
        f"approvals: {outcome.refused} answers of an administrator who is no approver were refused",
        *([f"killed on the way: {outcome.killed} processes of the two streams"] if outcome.killed else []),
        f"{outcome.differences} differences",
    ):
        console.print(line, highlight=False)


@main.command()
@click.option("--scale", default=1.0, show_default=True, help="Size of the sample shop; 1.0 is about 1.1 million rows.")
def up(scale: float) -> None:
    """Start the same in the background and leave the approvals to you."""
    PLACE.mkdir(exist_ok=True)
    if _running() is not None:
        print("It is up already; `voyager-ops-demo down` stops it.")
        print(_greeting(json.loads(RECORD.read_text(encoding="utf-8"))))
        return
    RECORD.unlink(missing_ok=True)
    with LOG.open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "voyager_ops.testing.demo", "serve", "--scale", str(scale)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + UP_SECONDS
    try:
        while not RECORD.exists():
            if process.poll() is not None:
                print(LOG.read_text(encoding="utf-8"))
                sys.exit(1)
            if time.monotonic() > deadline:
                raise click.ClickException(f"not up within {UP_SECONDS:.0f} s: see {LOG}")
            time.sleep(0.5)
    except BaseException:
        if process.poll() is None:
            process.terminate()
            process.wait()
        raise
    print(_greeting(json.loads(RECORD.read_text(encoding="utf-8"))))


@main.command(hidden=True)
@click.option("--scale", default=1.0)
def serve(scale: float) -> None:
    """What ``up`` leaves running."""
    tell = Teller()
    try:
        with Stage(tell, scale=scale) as stage:
            airflow = stage.airflow
            record = {
                "pid": os.getpid(),
                "started": _started(os.getpid()),
                "url": airflow.base_url,
                "passwords": airflow.passwords,
            }
            aside = RECORD.with_suffix(".new")
            aside.touch(mode=0o600)
            aside.write_text(json.dumps(record), encoding="utf-8")
            aside.rename(RECORD)
            show(Story(stage, tell, answer=False).run())
            tell("The migration is over; Airflow stays up until `voyager-ops-demo down`")
            signal.pause()
    except VoyagerOpsError as error:
        tell(f"FAILED: {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        tell("Stopped and cleaned up")
    finally:
        RECORD.unlink(missing_ok=True)


@main.command()
def down() -> None:
    """Stop what ``up`` started."""
    pid = _running()
    if pid is None:
        print("Nothing is up.")
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + DOWN_SECONDS
    while _running() is not None:
        if time.monotonic() > deadline:
            raise click.ClickException(f"process {pid} did not stop within {DOWN_SECONDS:.0f} s: see {LOG}")
        time.sleep(0.2)
    print("Stopped and cleaned up.")


def _greeting(record: dict[str, object]) -> str:
    passwords = record["passwords"]
    assert isinstance(passwords, dict)
    logins = [f"    {user:<8} {passwords[user]}   ({role})" for user, role in USERS.items()]
    return "\n".join(
        [
            f"Airflow is at {record['url']}",
            *logins,
            "live_migration runs for 'shop'. It asks dba and release: Browse → Required Actions.",
            f"What happens is written to {LOG}. `make down` (voyager-ops-demo down) stops it all.",
        ]
    )


def _running() -> int | None:
    """The process that ``up`` left, if it still lives (told from a later one of the same id by its start)."""
    try:
        record = json.loads(RECORD.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    pid = int(record["pid"])
    return pid if _started(pid) == record["started"] else None


def _started(pid: int) -> str | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[19]
    except (FileNotFoundError, ProcessLookupError):
        return None


if __name__ == "__main__":
    main()
