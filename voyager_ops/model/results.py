"""What a phase returns: one typed, JSON-able result, which is the operator's XCom, the CLI's ``--json`` and a record in state."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(kw_only=True)
class PhaseResult:
    """Base of every phase's result. ``seconds`` is how long the phase took; ``next_step`` the command that comes next, in words."""

    phase: str
    seconds: float = 0.0
    next_step: str = ""
    warnings: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """A dict of plain JSON values."""
        return asdict(self)
