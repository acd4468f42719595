"""What a step is."""

from __future__ import annotations

from typing import Any

from voyager_ops.cutover.context import CutoverContext, Finding, Run


class Step:
    """One step. ``check``, ``plan`` and ``estimate`` only read; ``do`` and ``undo`` are idempotent and may be killed anywhere.

    ``repeat``: done anew when a cutover is resumed, for what it proved may have changed meanwhile.
    """

    name: str = ""
    repeat: bool = False

    def check(self, context: CutoverContext) -> list[Finding]:
        """What speaks against it now."""
        return []

    def plan(self, context: CutoverContext) -> list[str]:
        """The exact SQL it will run, or what it will wait for, in words."""
        return []

    def estimate(self, context: CutoverContext) -> float | None:
        """Seconds it will take; None when nothing is known."""
        return 0.0

    def do(self, run: Run) -> dict[str, Any]:
        """Do it; returns the facts that are journaled. Raises CutoverVoid to have the attempt undone."""
        raise NotImplementedError

    def undo(self, run: Run) -> dict[str, Any]:
        """Put back what it did, also when it was interrupted half-way."""
        return {}
