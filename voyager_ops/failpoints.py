"""Named points around every durable effect, at which a test makes the process crash or fail.

A module registers its points when it is imported (``POINT = register("lane.apply.before_commit")``) and calls ``hit(POINT)`` at
the place. Points are switched by the environment variable ``VOYAGER_OPS_FAILPOINTS``: entries ``name=action[@n]`` separated by
``;`` where action is ``crash`` (SIGKILL to ourselves: no clean-up runs), ``error`` (a plain error), ``retryable`` (an error which
says that a retry helps) or ``sleep:SECONDS``; ``@n`` fires at the n-th hit only (default 1; ``@*`` at every hit).
``VOYAGER_OPS_FAILPOINTS_LOG`` names a file that gets a line per first hit of a point: the coverage test reads it.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass

from voyager_ops.errors import RetryableError, VoyagerOpsError

ENV = "VOYAGER_OPS_FAILPOINTS"
LOG_ENV = "VOYAGER_OPS_FAILPOINTS_LOG"

_registered: set[str] = set()
_hits: dict[str, int] = {}
_lock = threading.Lock()


class FailpointError(VoyagerOpsError):
    """Raised by a failpoint with action ``error``."""


@dataclass(frozen=True)
class _Action:
    kind: str
    argument: float
    nth: int | None


def register(*names: str) -> str:
    """Make names known (the coverage test lists them); returns the first."""
    _registered.update(names)
    return names[0]


def registered() -> frozenset[str]:
    return frozenset(_registered)


def _parse(text: str) -> dict[str, _Action]:
    actions: dict[str, _Action] = {}
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        name, _, spec = entry.partition("=")
        spec, _, nth = spec.partition("@")
        kind, _, argument = spec.partition(":")
        if kind not in {"crash", "error", "retryable", "sleep"}:
            raise ValueError(f"{ENV}: unknown action {kind!r} for failpoint {name!r}")
        actions[name] = _Action(kind, float(argument or 0), None if nth == "*" else int(nth or 1))
    return actions


_text = os.environ.get(ENV, "")
_log = os.environ.get(LOG_ENV, "")
_actions = _parse(_text)
_armed = bool(_text or _log)


def configure(text: str = "", log: str | None = None) -> None:
    """Switch points in this process (tests); replaces what the environment said and forgets earlier hits.

    ``log`` None keeps the environment's log.
    """
    global _actions, _armed, _log
    with _lock:
        _actions = _parse(text)
        _log = os.environ.get(LOG_ENV, "") if log is None else log
        _armed = bool(text or _log)
        _hits.clear()


def hit(name: str) -> None:
    """Pass the point ``name``. Costs one truth test when nothing is switched."""
    if not _armed:
        return
    if name not in _registered:
        raise ValueError(f"failpoint {name!r} was hit but never registered")
    with _lock:
        count = _hits[name] = _hits.get(name, 0) + 1
    if count == 1 and _log:
        with open(_log, "a", encoding="utf-8") as stream:
            stream.write(name + "\n")
    action = _actions.get(name)
    if action is None or (action.nth is not None and action.nth != count):
        return
    if action.kind == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action.kind == "sleep":
        time.sleep(action.argument)
    elif action.kind == "retryable":
        raise RetryableError(f"failpoint {name}", state="as the failpoint left it", next_step="run the command again")
    else:
        raise FailpointError(f"failpoint {name}", state="as the failpoint left it", next_step="run the command again")
