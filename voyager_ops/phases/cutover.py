"""``initiate cutover to …``, ``cutover status``, and driving a requested cutover."""

from __future__ import annotations

import getpass
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from voyager_ops.cutover import evidence
from voyager_ops.cutover.context import CutoverContext
from voyager_ops.cutover.driver import CutoverDriver
from voyager_ops.cutover.steps.preflight import Preflight
from voyager_ops.errors import CutoverVoid, PreconditionError
from voyager_ops.migration import Migration
from voyager_ops.model.positions import FROM_SIDE, Lane, Side
from voyager_ops.model.results import PhaseResult, Progress, ProgressSink, silent
from voyager_ops.phases.base import CUTOVER_ROLE, EXPORT_ROLE, IMPORT_ROLE, finish, refuse_ending
from voyager_ops.phases.status import alive, lag
from voyager_ops.state import cutovers
from voyager_ops.state.processes import processes

Driver = Literal["stream", "caller"]
POLL_SECONDS = 0.5
ENDING_LANE = {Side.TARGET: Lane.FORWARD, Side.SOURCE: Lane.FALLBACK}
"""The lane that flows into the side which a cutover opens, and ends with it."""


@dataclass(kw_only=True)
class CutoverResult(PhaseResult):
    """``status``: NOT_INITIATED, INITIATED or COMPLETED; ``record``: the attempt as recorded (write-stop seconds, steps, why
    it was undone)."""

    phase: str = "cutover"
    direction: str = ""
    status: str = "NOT_INITIATED"
    attempt: int = 0
    write_stop_seconds: float | None = None
    record: dict[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True)
class CutoverStatusResult(PhaseResult):
    """The reference's three words for each direction; ``details`` has one dict per direction that was requested."""

    phase: str = "cutover_status"
    cutover_to_target: str = "NOT_INITIATED"
    cutover_to_source: str = "NOT_INITIATED"
    details: dict[str, dict[str, Any]] = field(default_factory=dict)


def initiate(
    migration: Migration,
    direction: Side | str,
    *,
    prepare_for_fall_back: bool | None = None,
    by: str = "",
    wait: bool = False,
    driver: Driver = "stream",
    stop: threading.Event | None = None,
    progress: ProgressSink = silent,
) -> CutoverResult:
    """Record the request and return at once; ``wait`` stays until it is done or undone.

    ``prepare_for_fall_back``: None takes the configuration's. ``driver``: ``stream`` leaves it to the process that imports
    into the side to open, ``caller`` to a later :func:`run`. Asking again while it is under way changes nothing.
    Raises PreconditionError naming the commands that are not running; with ``wait`` CutoverError when it was undone.
    """
    started = time.monotonic()
    stop = stop or threading.Event()
    direction = Side(direction)
    refuse_ending(migration)
    fall_back = migration.wants_fall_back(prepare_for_fall_back)
    if cutovers.public_status(migration.state, direction) == "NOT_INITIATED":
        if fall_back or direction is Side.SOURCE:
            migration.refuse_fall_back()
        _refuse_unready(migration, direction, fall_back and direction is Side.TARGET)
        shown = migration.state.get(_evidence_key(direction)) if driver == "caller" else None
        options = {
            "prepare_for_fall_back": fall_back and direction is Side.TARGET,
            "driver": driver,
            # Who asks for it themselves has what there is now in view; who approves, what the approval showed.
            "evidence": shown or _evidence(migration, direction, fall_back and direction is Side.TARGET),
        }
        cutovers.request(migration.state, direction, by or getpass.getuser(), options)
    if wait:
        _wait(migration, direction, stop, progress)
    return finish(migration, _result(migration, direction), started, key=f"cutover/{direction}")


def run(
    migration: Migration,
    direction: Side | str,
    *,
    prepare_for_fall_back: bool | None = None,
    by: str = "",
    stop: threading.Event | None = None,
    progress: ProgressSink = silent,
) -> CutoverResult:
    """Request the cutover unless it is under way, and drive it to its end (one that a crash interrupted is resumed).

    Raises CutoverVoid when it was called off and undone, CutoverError when it must be resumed, Fenced when another process
    drives it.
    """
    started = time.monotonic()
    stop = stop or threading.Event()
    direction = Side(direction)
    initiate(migration, direction, prepare_for_fall_back=prepare_for_fall_back, by=by, driver="caller")
    if cutovers.public_status(migration.state, direction) == "INITIATED":
        drive(migration, direction, stop=stop, progress=progress)
        raise_if_undone(migration, direction)
    return finish(migration, _result(migration, direction), started, key=f"cutover/{direction}")


def abort(migration: Migration, *, by: str = "") -> CutoverResult:
    """Ask that the cutover under way be undone; the process that drives it does so before the point of no return.

    Raises PreconditionError when none is under way, or when it has opened its side.
    """
    started = time.monotonic()
    under_way = [side for side in Side if cutovers.public_status(migration.state, side) == "INITIATED"]
    direction = under_way[0] if under_way else Side.TARGET
    cutovers.abort(migration.state, direction, by or getpass.getuser())
    return finish(migration, _result(migration, direction), started, key=f"cutover/{direction}")


def status(migration: Migration) -> CutoverStatusResult:
    """Where both cutovers stand. Reads only; not recorded."""
    result = CutoverStatusResult()
    for direction in Side:
        word = cutovers.public_status(migration.state, direction)
        setattr(result, f"cutover_to_{direction}", word)
        if word != "NOT_INITIATED" or cutovers.read(migration.state, direction) is not None:
            result.details[str(direction)] = _result(migration, direction).to_json()
    return result


def drive(migration: Migration, direction: Side, *, stop: threading.Event, progress: ProgressSink = silent) -> None:
    """Drive the cutover that is under way to its end; see CutoverDriver.run for what it raises."""
    record = cutovers.read(migration.state, direction)
    fall_back = bool(record and record.options.get("prepare_for_fall_back"))
    CutoverDriver(_context(migration, direction, fall_back, stop, progress)).run()


def record_evidence(migration: Migration, direction: Side | str, *, prepare_for_fall_back: bool) -> None:
    """Called when an approval is shown: the cutover that follows is void when any of this has changed by the time it begins."""
    direction = Side(direction)
    fall_back = prepare_for_fall_back and direction is Side.TARGET
    migration.state.put(_evidence_key(direction), _evidence(migration, direction, fall_back))


def _evidence(migration: Migration, direction: Side, fall_back: bool) -> dict[str, Any]:
    return evidence.collect(_context(migration, direction, fall_back, threading.Event(), silent))


def _evidence_key(direction: Side) -> str:
    return f"cutover/{direction}/evidence"


def _context(
    migration: Migration, direction: Side, fall_back: bool, stop: threading.Event, progress: ProgressSink
) -> CutoverContext:
    return CutoverContext(
        migration=migration.name,
        direction=direction,
        forward=migration.lane(Lane.FORWARD),
        fallback=migration.lane(Lane.FALLBACK) if migration.can_fall_back else None,
        target_tables=migration.baseline(Side.TARGET),
        state=migration.state,
        config=migration.config.cutover,
        schemas=migration.source_schemas,
        lag=lambda: _reading(migration, ENDING_LANE[direction]),
        fall_back=fall_back,
        progress=progress,
        stop=stop,
    )


def _reading(migration: Migration, lane: Lane) -> tuple[int | None, float | None]:
    found = lag(migration, lane)
    return found.events, found.seconds


def _refuse_unready(migration: Migration, direction: Side, fall_back: bool) -> None:
    missing = _not_running(migration, ENDING_LANE[direction])
    if fall_back:
        missing += _not_running(migration, Lane.FALLBACK)
    if missing:
        commands = " and ".join(f"`voyager-ops {role}`" for role in missing)
        way_back = fall_back and any(role in missing for role in (EXPORT_ROLE[Lane.FALLBACK], IMPORT_ROLE[Lane.FALLBACK]))
        without = ", or give --no-prepare-for-fall-back (there is no way back then)" if way_back else ""
        raise PreconditionError(
            f"the cutover to {direction} cannot begin: {commands} must be running",
            state="nothing was changed",
            next_step=f"start {commands} and leave running, then this command again{without}",
        )
    findings = Preflight().check(_context(migration, direction, fall_back, threading.Event(), silent))
    errors = [str(finding) for finding in findings if finding.severity == "error"]
    if errors:
        raise PreconditionError(
            f"the cutover to {direction} cannot begin:\n" + "\n".join(f"  * {error}" for error in errors),
            state="nothing was changed",
            next_step="mend these, then this command again",
        )


def _not_running(migration: Migration, lane: Lane) -> list[str]:
    running = alive(migration, lane)
    return [role for role, lives in zip((EXPORT_ROLE[lane], IMPORT_ROLE[lane]), running, strict=True) if not lives]


def _wait(migration: Migration, direction: Side, stop: threading.Event, progress: ProgressSink) -> None:
    told = ""
    while not stop.is_set():
        record = cutovers.read(migration.state, direction)
        if record is None or not record.under_way:
            break
        driver = processes(migration.state).get(CUTOVER_ROLE)
        step = driver.metrics.get("step") if driver is not None and driver.alive else None
        said = str(step or record.status)
        if said != told:
            progress(Progress(phase="cutover", message=f"to {direction}: {said}"))
            told = said
        stop.wait(POLL_SECONDS)
    raise_if_undone(migration, direction)


def raise_if_undone(migration: Migration, direction: Side) -> None:
    """Raise CutoverVoid when the last attempt was undone."""
    record = cutovers.read(migration.state, direction)
    if record is not None and record.status == cutovers.UNDONE:
        raise CutoverVoid(
            f"the cutover to {direction} was called off: {record.result.get('reason') or 'no reason recorded'}",
            state=f"what it had done was undone; the {FROM_SIDE[ENDING_LANE[direction]]} is in use as before",
            next_step=f"mend the reason, then voyager-ops initiate cutover to {direction}",
        )


def _result(migration: Migration, direction: Side) -> CutoverResult:
    record = cutovers.read(migration.state, direction)
    word = cutovers.public_status(migration.state, direction)
    result = CutoverResult(direction=str(direction), status=word)
    if record is not None:
        result.attempt = record.attempt
        result.write_stop_seconds = record.result.get("write_stop_seconds")
        result.record = {
            "status": record.status,
            "requested_by": record.requested_by,
            "requested_at": record.requested_at,
            "finished_at": record.finished_at,
            "options": dict(record.options),
            "result": dict(record.result),
        }
    result.next_step = "voyager-ops verify" if word == "COMPLETED" else "voyager-ops cutover status"
    return result
