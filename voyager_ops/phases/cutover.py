"""``initiate cutover to …``, ``cutover status``, and driving a requested cutover."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal

from voyager_ops.migration import Migration
from voyager_ops.model.positions import Lane, Side
from voyager_ops.model.results import PhaseResult, ProgressSink, silent

Driver = Literal["stream", "caller"]


@dataclass(kw_only=True)
class CutoverResult(PhaseResult):
    """``status``: NOT_INITIATED, INITIATED or COMPLETED; ``record``: the attempt as recorded (write-stop seconds, steps, why it was undone)."""

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

    ``prepare_for_fall_back``: None takes the configuration's. ``driver``: ``stream`` leaves it to the process that imports into the
    side to open, ``caller`` to a later :func:`run`. Asking again while it is under way changes nothing.
    Raises PreconditionError naming the commands that are not running; with ``wait`` CutoverError when it was undone.
    """
    started = time.monotonic()
    stop = stop or threading.Event()
    direction = Side(direction)
    fall_back = migration.config.cutover.prepare_for_fall_back if prepare_for_fall_back is None else prepare_for_fall_back
    if cutovers.public_status(migration.state, direction) == "NOT_INITIATED":
        _refuse_unready(migration, direction, fall_back and direction is Side.TARGET, driver)
        options = {"prepare_for_fall_back": fall_back and direction is Side.TARGET, "driver": driver}
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

    Raises CutoverVoid when it was called off and undone, CutoverError when it must be resumed, Fenced when another process drives it.
    """
    started = time.monotonic()
    stop = stop or threading.Event()
    direction = Side(direction)
    initiate(migration, direction, prepare_for_fall_back=prepare_for_fall_back, by=by, driver="caller")
    if cutovers.public_status(migration.state, direction) == "INITIATED":
        drive(migration, direction, stop=stop, progress=progress)
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
