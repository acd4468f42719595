"""The known kinds of issues: id, weight, words, and the YugabyteDB versions that no longer have them (``issues.tsv``)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True)
class IssueType:
    """``family``: ddl, dml, perf or note. ``impact``: see report.IMPACTS. ``fixed_in``: the first fixed of each series."""

    id: str
    family: str
    impact: int
    name: str
    reason: str
    suggestion: str
    fixed_in: tuple[str, ...] = ()


def _read() -> dict[str, IssueType]:
    text = resources.files(__package__).joinpath("issues.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return {
        row["id"]: IssueType(
            id=row["id"],
            family=row["family"],
            impact=int(row["impact"]),
            name=row["name"],
            reason=row["reason"],
            suggestion=row["suggestion"],
            fixed_in=tuple(filter(None, row["fixed_in"].split(","))),
        )
        for row in rows
    }


CATALOG: dict[str, IssueType] = _read()


def fixed_for(issue: IssueType, version: str | None) -> bool:
    """Whether a YugabyteDB of ``version`` (such as 2025.1.2.0) no longer has the issue. Unknown version: it has."""
    if version is None:
        return False
    wanted = _numbers(version)
    fixed = [_numbers(item) for item in issue.fixed_in]
    same_series = [item for item in fixed if item[:2] == wanted[:2]]
    if same_series:
        return any(wanted >= item for item in same_series)
    return bool(fixed) and wanted[:2] > max(fixed)[:2]


def _numbers(version: str) -> tuple[int, ...]:
    """The dotted number before any build tag."""
    return tuple(int(part) for part in version.split("-")[0].split(".") if part.isdigit())
