"""How far the migration is: seam, lag, streams, cutovers. Reads only."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import psycopg

from voyager_ops.changes.log import ChangeLog
from voyager_ops.config import CutoverConfig
from voyager_ops.databases.postgres import metadata
from voyager_ops.databases.postgres.apply import read_position
from voyager_ops.errors import ConnectionFailed
from voyager_ops.migration import Migration
from voyager_ops.model.positions import TO_SIDE, Lane
from voyager_ops.model.results import PhaseResult, ProgressSink, silent
from voyager_ops.phases.base import EXPORT_ROLE, IMPORT_ROLE
from voyager_ops.state.lanes import NONE, read_lane
from voyager_ops.state.processes import processes
from voyager_ops.state.stopped import NEXT_STEP, stopped_tables


@dataclass(frozen=True)
class Lag:
    """How far apply is behind capture's side. ``events``: captured and not applied; ``seconds``: age of the newest heartbeat
    row of the capture side that has been applied (an upper bound). None: unknown, which is never "caught up"."""

    events: int | None
    seconds: float | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(kw_only=True)
class StatusResult(PhaseResult):
    """One dict per lane (status, lag, totals, seam, tables that are stopped) and per role (alive, host, pid, metrics)."""

    phase: str = "status"
    name: str = ""
    lanes: dict[str, dict[str, Any]] = field(default_factory=dict)
    processes: dict[str, dict[str, Any]] = field(default_factory=dict)
    seam_passed: bool = False


def seam_passed(migration: Migration, lane: Lane = Lane.FORWARD) -> bool:
    """Whether apply has passed every chunk's snapshot: from here on the target shows whole transactions."""
    with migration.database(TO_SIDE[lane]).connect("status") as connection:
        if not metadata.installed(connection):
            return False
        return read_position(connection, migration.name, lane).seam_passed


def lag(migration: Migration, lane: Lane = Lane.FORWARD) -> Lag:
    """The lane's lag now. A database that cannot be reached makes it unknown, not an error."""
    if read_lane(migration.state, lane).status == NONE:
        return Lag(None, None)
    try:
        with migration.database(TO_SIDE[lane]).connect("status") as connection:
            if not metadata.installed(connection):
                return Lag(None, None)
            applied = read_position(connection, migration.name, lane).changes
            row = connection.execute(
                "SELECT written_at FROM voyager_ops.arrival WHERE migration = %s AND lane = %s AND kind = 'heartbeat'",
                (migration.name, str(lane)),
            ).fetchone()
    except (ConnectionFailed, psycopg.OperationalError):
        return Lag(None, None)
    captured = ChangeLog(migration.state, migration.export_dir.data, lane).totals().changes
    return Lag(max(captured - applied, 0), max(round(time.time() - row[0], 3), 0.0) if row else None)


def caught_up(readings: Sequence[Lag], gate: CutoverConfig) -> bool:
    """Whether the last ``gate.lag_readings`` readings were all known and at or below both of the gate's figures. Pure."""
    recent = list(readings)[-gate.lag_readings :]
    return len(recent) == gate.lag_readings and all(
        reading.events is not None
        and reading.seconds is not None
        and reading.events <= gate.lag_events
        and reading.seconds <= gate.lag_seconds
        for reading in recent
    )


def run(migration: Migration, *, stop: threading.Event | None = None, progress: ProgressSink = silent) -> StatusResult:
    """Everything a dashboard shows. Never recorded in state: it is a reading."""
    result = StatusResult(name=migration.name)
    for lane in Lane:
        record = read_lane(migration.state, lane)
        if record.status == NONE:
            continue
        totals = ChangeLog(migration.state, migration.export_dir.data, lane).totals()
        stopped = stopped_tables(migration.state, lane)
        result.lanes[str(lane)] = {
            "status": record.status,
            "error": record.error,
            "lag": lag(migration, lane).to_json(),
            "segments": totals.segments,
            "bytes_on_disk": totals.bytes_on_disk,
            "captured_transactions": totals.transactions,
            "captured_changes": totals.changes,
            "stopped_tables": [each.to_json() for each in stopped.values()],
        }
        if stopped:
            result.warnings += [each.words for each in stopped.values()]
        if not all(each.left_out_at for each in stopped.values()):
            result.next_step = NEXT_STEP
    for role, info in processes(migration.state).items():
        result.processes[role] = {
            "alive": info.alive,
            "host": info.host,
            "pid": info.pid,
            "started_at": info.started_at,
            "heartbeat_at": info.heartbeat_at,
            "ended_at": info.ended_at,
            "metrics": dict(info.metrics),
        }
    result.seam_passed = seam_passed(migration)
    return result


def alive(migration: Migration, lane: Lane) -> tuple[bool, bool]:
    """(export alive, import alive) of a lane."""
    known = processes(migration.state)
    export, apply = known.get(EXPORT_ROLE[lane]), known.get(IMPORT_ROLE[lane])
    return bool(export and export.alive), bool(apply and apply.alive)
