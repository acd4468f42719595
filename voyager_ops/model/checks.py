"""A check's outcome: what preflight finds. Pure data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

SHOWN = 8


class Severity(StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Check:
    """One outcome. ``id`` is stable; ``breaks``: what would go wrong later; ``mend``: the statement or setting that mends it."""

    id: str
    severity: Severity
    subject: str
    message: str
    breaks: str = ""
    mend: str = ""

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "severity": str(self.severity)}


def ok(id_: str, subject: str, message: str) -> Check:
    return Check(id_, Severity.OK, subject, message)


def warning(id_: str, subject: str, message: str, breaks: str, mend: str = "") -> Check:
    return Check(id_, Severity.WARNING, subject, message, breaks, mend)


def error(id_: str, subject: str, message: str, breaks: str, mend: str) -> Check:
    return Check(id_, Severity.ERROR, subject, message, breaks, mend)


def listed(names: Iterable[str]) -> str:
    """The first few names and how many more there are."""
    all_names = list(names)
    more = f" and {len(all_names) - SHOWN} more" if len(all_names) > SHOWN else ""
    return ", ".join(all_names[:SHOWN]) + more
