"""What the page shows, from the migrations' own records alone: no database of a user's is touched."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from voyager_ops.config import MigrationConfig
from voyager_ops.config_file import find_configs, load_config
from voyager_ops.errors import VoyagerOpsError
from voyager_ops.model.positions import Lane
from voyager_ops.phases.base import EXPORT_ROLE, IMPORT_ROLE
from voyager_ops.state import tables
from voyager_ops.state.lanes import ENDED, NONE, read_lane
from voyager_ops.state.processes import ProcessInfo, processes
from voyager_ops.state.stopped import stopped_tables
from voyager_ops.state.store import State

STEPS = (
    ("preflight", "Preflight"),
    ("export_schema", "Schema exported"),
    ("analyze_schema", "Schema analysed"),
    ("import_schema/base", "Schema imported"),
    ("export_data_prepare/forward", "Capture started"),
    ("snapshot_plan", "Snapshot planned"),
    ("import_schema/unique", "Seam passed"),
    ("import_schema/post", "Indexes, keys, triggers"),
    ("verify", "Verified"),
    ("export_data_prepare/fallback", "Fall-back prepared"),
    ("cutover/target", "Cut over to target"),
    ("cutover/source", "Cut over to source"),
)
"""Recorded results in the order in which a migration brings them about, and their names for people."""

SPARK_SECONDS = 1800
NOTHING: dict[str, Any] = {"steps": [], "lanes": [], "runs": {}}


def overview(directory: Path) -> list[dict[str, Any]]:
    """One entry per YAML file of ``directory``; a migration that cannot be read is shown with the reason."""
    return [_entry(name, path) for name, path in sorted(find_configs(directory).items())]


def _entry(name: str, path: Path) -> dict[str, Any]:
    try:
        config = load_config(path)
        state = _open(config)
        if state is None:
            return {"name": name, "approvers": list(config.approvers), **NOTHING, "step": "Not started"}
        return {"name": name, "approvers": list(config.approvers), **_read(state)}
    except VoyagerOpsError as error:
        return {"name": name, **NOTHING, "step": "Cannot be read", "error": error.what}


def _open(config: MigrationConfig) -> State | None:
    """The records; None when there are none yet (looking must not create them)."""
    directory = config.export_dir / "metainfo"
    if config.state.url is not None:
        return State.open(config.name, url=config.state.url.get_secret_value())
    return State.open(config.name, directory=directory) if (directory / "state.db").exists() else None


def _read(state: State) -> dict[str, Any]:
    known = processes(state)
    steps = _steps(state)
    done = [step["title"] for step in steps if step["at"] is not None]
    verification = state.get("phase/verify")
    runs = {key.removeprefix("airflow/run/"): (state.get(key) or {}).get("run_id") for key in state.keys("airflow/run/")}
    return {
        "step": done[-1] if done else "Begun",
        "steps": steps,
        "lanes": [_lane(state, lane, known) for lane in Lane if read_lane(state, lane).status != NONE],
        "snapshot": _snapshot(known),
        "verification": _verification(verification),
        "issues": (state.get("phase/analyze_schema") or {}).get("issue_count"),
        "runs": runs,
    }


def _steps(state: State) -> list[dict[str, Any]]:
    steps = []
    for key, title in STEPS:
        found = state.get(f"phase/{key}")
        done = found is not None and (not key.startswith("cutover/") or found.get("status") == "COMPLETED")
        steps.append({"title": title, "at": found.get("finished_at") if found is not None and done else None})
    return steps


def _lane(state: State, lane: Lane, known: dict[str, ProcessInfo]) -> dict[str, Any]:
    record = read_lane(state, lane)
    streams = [_process(role, known.get(role)) for role in (EXPORT_ROLE[lane], IMPORT_ROLE[lane])]
    figures = streams[1]["metrics"]
    return {
        "lane": str(lane),
        "status": record.status,
        "error": record.error,
        "stopped": [each.to_json() | {"words": each.words} for each in stopped_tables(state, lane).values()],
        "ended": record.status == ENDED,
        "streams": streams,
        "remaining": figures.get("remaining"),
        "eta_seconds": figures.get("eta_seconds"),
        "captured": _series(state, f"{lane}/captured"),
        "applied": _series(state, f"{lane}/applied"),
    }


def _process(role: str, info: ProcessInfo | None) -> dict[str, Any]:
    if info is None:
        return {"role": role, "alive": False, "metrics": {}}
    return {"role": role, "alive": info.alive, "host": info.host, "pid": info.pid, "metrics": _flat(dict(info.metrics))}


def _flat(metrics: dict[str, Any]) -> dict[str, Any]:
    """Figures may be published one by one or as one group; the page wants them side by side."""
    flat: dict[str, Any] = {}
    for name, value in metrics.items():
        flat |= value if isinstance(value, dict) else {name: value}
    return flat


def _snapshot(known: dict[str, ProcessInfo]) -> dict[str, Any]:
    bins = [info for role, info in known.items() if role.startswith("snapshot/")]
    return {"bins": len(bins), "running": sum(info.alive for info in bins)}


def _verification(result: dict[str, Any] | None) -> dict[str, Any] | None:
    if result is None:
        return None
    return {
        "tables": len(result.get("tables") or []),
        "rows": sum(max(table.get("rows_source", 0), 0) for table in result.get("tables") or []),
        "verdict": result.get("verdict"),
        "equal": result.get("equal"),
        "at": result.get("finished_at"),
    }


def _series(state: State, series: str) -> list[tuple[int, float]]:
    """(unix seconds, events in all) of the last half hour."""
    table = tables.sample
    since = int(time.time()) - SPARK_SECONDS
    with state.begin() as connection:
        rows = connection.execute(
            sa.select(table.c.at, table.c.value)
            .where(table.c.migration == state.migration, table.c.series == series, table.c.at >= since)
            .order_by(table.c.at)
        )
        return [(int(row.at), float(row.value)) for row in rows]
