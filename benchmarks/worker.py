"""A process of the engine: says ``ready``, waits for ``go``, does one thing, prints what it took as JSON.

The first line on standard input is the specification, as JSON (it holds passwords, which are no process's arguments).
``stop`` on standard input sets the stop event of a loop.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from voyager_ops.config import MigrationConfig
from voyager_ops.databases.postgres.database import postgres
from voyager_ops.lane.apply_loop import apply
from voyager_ops.lane.capture_loop import capture
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Lane, Side
from voyager_ops.model.results import silent
from voyager_ops.phases import cutover as phase_cutover
from voyager_ops.phases import export_data, export_schema, import_data, import_schema
from voyager_ops.phases import snapshot as phase_snapshot
from voyager_ops.phases import verify as phase_verify
from voyager_ops.snapshot.copy import copy_chunks
from voyager_ops.snapshot.plan import plan_chunks
from voyager_ops.verify.tables import verify_tables


def peak_megabytes() -> float:
    """The most memory this process has held."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1]) / 1024


def snapshot(migration: Migration, stop: threading.Event) -> dict[str, Any]:
    context = migration.lane(Lane.FORWARD)
    plan = plan_chunks(context, migration.config.snapshot)
    counts = copy_chunks(context, migration.config.snapshot, stop=stop)
    return {"rows": counts.rows, "chunks": len(plan), "complete": counts.complete}


def capture_loop(migration: Migration, stop: threading.Event) -> dict[str, Any]:
    return {"totals": capture(migration.lane(Lane.FORWARD), stop, None, silent)}


def apply_loop(migration: Migration, stop: threading.Event) -> dict[str, Any]:
    return {"totals": apply(migration.lane(Lane.FORWARD), stop, None, silent, at_seam=None, gate=None)}


def verify(migration: Migration, stop: threading.Event) -> dict[str, Any]:
    tables = migration.lane(Lane.FORWARD).tables
    report = verify_tables(postgres(migration.source), postgres(migration.target), tables, migration.names, stop=stop)
    return {
        "equal": all(table.equal for table in report.tables),
        "rows": sum(table.rows_source for table in report.tables),
        "method": report.method,
    }


def snapshot_phase(migration: Migration, stop: threading.Event) -> dict[str, Any]:
    export_data.prepare(migration)
    phase_snapshot.plan(migration, stop=stop)
    return {"complete": phase_snapshot.run(migration, stop=stop).complete}


def schema(migration: Migration, stop: threading.Event) -> dict[str, Any]:
    export_schema.run(migration, stop=stop)
    executed = import_schema.run(migration, "base", stop=stop).executed
    export_data.prepare(migration, stop=stop)
    return {"executed": executed}


def schema_post(migration: Migration, stop: threading.Event) -> dict[str, Any]:
    return {"executed": import_schema.run(migration, "post", stop=stop).executed}


def export_phase(migration: Migration, stop: threading.Event) -> dict[str, Any]:
    return {"completed": export_data.run(migration, stop=stop).completed}


def import_phase(migration: Migration, stop: threading.Event) -> dict[str, Any]:
    return {"completed": import_data.run(migration, stop=stop, drive_cutover=False).completed}


def verify_phase(migration: Migration, stop: threading.Event) -> dict[str, Any]:
    return {"equal": phase_verify.run(migration, stop=stop).equal}


def cutover(migration: Migration, stop: threading.Event) -> dict[str, Any]:
    result = phase_cutover.run(migration, Side.TARGET, stop=stop)
    steps = {step["name"]: step["seconds"] for step in result.record["result"]["steps"] if step["seconds"] is not None}
    return {"write_stop": result.write_stop_seconds, "steps": steps}


KINDS: dict[str, Callable[[Migration, threading.Event], dict[str, Any]]] = {
    "snapshot": snapshot,
    "capture": capture_loop,
    "apply": apply_loop,
    "verify": verify,
    "snapshot_phase": snapshot_phase,
    "schema": schema,
    "schema_post": schema_post,
    "export": export_phase,
    "import": import_phase,
    "verify_phase": verify_phase,
    "cutover": cutover,
}


def main() -> None:
    specification = json.loads(sys.stdin.readline())
    migration = Migration(MigrationConfig.model_validate(specification["config"]))
    _ = migration.state
    stop = threading.Event()
    print("ready", flush=True)
    assert sys.stdin.readline().strip() == "go"

    def watch() -> None:
        for _line in sys.stdin:
            break
        stop.set()  # told to, or the parent is gone

    threading.Thread(target=watch, daemon=True).start()
    started, cpu = time.monotonic(), time.process_time()
    result = KINDS[specification["kind"]](migration, stop)
    result |= {"seconds": time.monotonic() - started, "cpu": time.process_time() - cpu, "peak_megabytes": peak_megabytes()}
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
