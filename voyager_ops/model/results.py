"""What a phase returns: one typed, JSON-able result, which is the operator's XCom, the CLI's ``--json`` and a record in state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(kw_only=True)
class PhaseResult:
    """Base of every phase's result: ``seconds`` it took, ``next_step`` the command that comes next, in words."""

    phase: str
    seconds: float = 0.0
    next_step: str = ""
    warnings: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """A dict of plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One step of progress of a running phase. ``done``/``total`` are in ``unit`` (total 0: unknown)."""

    phase: str
    message: str = ""
    table: str = ""
    done: float = 0.0
    total: float = 0.0
    unit: str = ""
    figures: dict[str, Any] = field(default_factory=dict)


ProgressSink = Callable[[Progress], None]


def silent(_progress: Progress) -> None:
    """The sink for callers who do not watch."""
