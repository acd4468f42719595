"""What all phases share: recording results, the roles of the streams, waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from voyager_ops.cutover.roles import CUTOVER_ROLE, EXPORT_ROLE, IMPORT_ROLE
from voyager_ops.errors import PreconditionError
from voyager_ops.migration import Migration
from voyager_ops.model.results import PhaseResult

__all__ = [
    "CUTOVER_ROLE",
    "ENDING",
    "EXPORT_ROLE",
    "IMPORT_ROLE",
    "finish",
    "last_result",
    "refuse_ending",
    "wait_until",
]

R = TypeVar("R", bound=PhaseResult)

ENDING = "ending"
"""The document that says that ``end migration`` has begun."""


def finish(migration: Migration, result: R, started: float, *, key: str = "") -> R:
    """Set the result's seconds (``started``: time.monotonic() at the beginning) and record it as ``phase/<key or phase>``."""
    result.seconds = round(time.monotonic() - started, 3)
    migration.state.put(f"phase/{key or result.phase}", {**result.to_json(), "finished_at": time.time()})
    return result


def last_result(migration: Migration, key: str) -> dict[str, Any] | None:
    """What the phase recorded last, with ``finished_at`` in Unix seconds; None when it never finished."""
    found: dict[str, Any] | None = migration.state.get(f"phase/{key}")
    return found


def wait_until(condition: Callable[[], bool], *, stop: threading.Event, seconds: float | None = None, poll: float = 0.5) -> bool:
    """Poll until the condition holds (True), ``stop`` is set or ``seconds`` have passed (False)."""
    deadline = None if seconds is None else time.monotonic() + seconds
    while not condition():
        if deadline is not None and time.monotonic() >= deadline:
            return False
        if stop.wait(poll):
            return False
    return True


def refuse_ending(migration: Migration) -> None:
    """Raise PreconditionError when the migration is being ended: there is no carrying on then."""
    if migration.state.get(ENDING) is not None:
        raise PreconditionError(
            f"migration {migration.name!r} is being ended",
            state="parts of it are removed already",
            next_step="voyager-ops end migration, which carries on where it was",
        )
