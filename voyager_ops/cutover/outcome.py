"""What a cutover comes to: one typed, JSON-able record, finished or not."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from voyager_ops.cutover.context import Finding
from voyager_ops.cutover.journal import Journal
from voyager_ops.cutover.steps.base import Step
from voyager_ops.state.cutovers import CutoverRecord


@dataclass(frozen=True)
class StepOutcome:
    """``seconds`` from its first begin to its (last) end, None when it did not end; ``facts``: what it reported."""

    name: str
    status: str
    seconds: float | None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CutoverOutcome:
    """``write_stop_seconds``: from asking the writers to stop until the new side was open (or until it was undone).

    ``late_writes``: users' changes per table on the old side after it was closed, which are not on the new side.
    """

    direction: str
    attempt: int
    status: str
    requested_by: str
    steps: tuple[StepOutcome, ...]
    write_stop_seconds: float | None
    verification: str
    sequences_moved: int
    late_writes: dict[str, int]
    warnings: tuple[str, ...]
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class StepForecast:
    """What a dry run says of one step. ``seconds`` None: not known."""

    name: str
    findings: tuple[Finding, ...]
    plan: tuple[str, ...]
    seconds: float | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def summarize(
    record: CutoverRecord, journal: Journal, steps: tuple[Step, ...], status: str, warnings: list[str], reason: str = ""
) -> CutoverOutcome:
    """From the journal, so that an attempt finished by its third driver reports as one finished by its first."""
    outcomes = tuple(_step(step.name, journal) for step in steps if journal.begun(step.name))
    started = journal.started_at("quiesce")
    ended = journal.ended_at("open") or journal.undone_at("quiesce")
    checked = [text for text in (journal.facts("verify").get("verdict"),) if text]
    return CutoverOutcome(
        direction=str(record.direction),
        attempt=record.attempt,
        status=status,
        requested_by=record.requested_by,
        steps=outcomes,
        write_stop_seconds=round(ended - started, 3) if started is not None and ended is not None else None,
        verification=checked[0] if checked else "",
        sequences_moved=int(journal.facts("sequences").get("moved", 0)),
        late_writes=dict(journal.facts("end lane").get("late_writes", {})),
        warnings=tuple(dict.fromkeys([*record.result.get("warnings", []), *warnings])),
        reason=reason,
    )


def _step(name: str, journal: Journal) -> StepOutcome:
    begun, ended = journal.started_at(name), journal.ended_at(name)
    status = "undone" if journal.undone(name) else "done" if ended is not None else "begun"
    seconds = round(ended - begun, 3) if begun is not None and ended is not None else None
    return StepOutcome(name, status, seconds, journal.facts(name))
