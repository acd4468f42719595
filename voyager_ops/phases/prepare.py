"""``prepare source`` / ``prepare target``: the exact SQL of users, rights, database and settings; printed or run."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from voyager_ops.migration import Migration
from voyager_ops.model.positions import Side
from voyager_ops.model.results import PhaseResult, ProgressSink, silent

Form = Literal["superuser", "non-superuser", "yb_superuser"]


@dataclass(kw_only=True)
class PrepareResult(PhaseResult):
    """``statements``: dicts of ``sql`` (secrets as placeholders), ``why``, ``database`` (where it is run), ``run`` (whether it was)."""

    phase: str = "prepare"
    side: str = ""
    form: str = ""
    statements: list[dict[str, Any]] = field(default_factory=list)
    restart_needed: bool = False


def run(
    migration: Migration,
    side: Side | str,
    *,
    form: Form | None = None,
    user: str | None = None,
    fall_back: bool = True,
    execute: bool = False,
    privileged_url: str | None = None,
    password: str | None = None,
    stop: threading.Event | None = None,
    progress: ProgressSink = silent,
) -> PrepareResult:
    """Compose the statements; with ``execute`` run them as ``privileged_url``'s user. Defaults come from the configuration's URL."""
    raise NotImplementedError
