"""``analyze-schema``: every statement of the schema directory parsed, and what the target will not take told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from voyager_ops.schema import layout
from voyager_ops.schema.classify import classify
from voyager_ops.schema.kinds import Stage
from voyager_ops.schema.layout import SchemaStatement
from voyager_ops.schema.report import AnalysisReport, Issue, ObjectCount
from voyager_ops.schema.rules import ALL_CHECKS
from voyager_ops.schema.rules.base import SchemaModel, Subject
from voyager_ops.schema.rules.catalog import CATALOG, fixed_for
from voyager_ops.schema.rules.model import build

TargetKind = Literal["yugabytedb", "postgresql"]
# On a PostgreSQL target only these concern the user.
_EVERYWHERE = frozenset({"POLICY_WITH_ROLES", "FOREIGN_TABLE"})


def analyze(
    schema_dir: Path,
    *,
    target_kind: TargetKind = "yugabytedb",
    target_version: str | None = None,
    manifest_path: Path | None = None,
) -> AnalysisReport:
    """Analyze the files as they are now. ``target_version``: YugabyteDB's, to leave out what it no longer has.

    Raises PreconditionError when there is no schema directory, SchemaError for a file in an unknown place; statements that do
    not parse are issues of the report, not errors.
    """
    manifest = layout.read_manifest(manifest_path or layout.default_manifest_path(schema_dir))
    items = [item for item in layout.read(schema_dir, manifest_path) if item.stage is not Stage.ADVICE]
    model = build(item.statement.node for item in items if item.statement.node is not None)
    issues: list[Issue] = []
    for item in items:
        issues += _unparsed(item) if item.statement.error is not None else _checked(model, item, target_kind, target_version)
    return AnalysisReport(
        target_kind=target_kind,
        target_version=target_version or "",
        source_version=manifest.source_version if manifest is not None else 0,
        objects=_objects(items, issues),
        issues=tuple(issues),
        findings=manifest.findings if manifest is not None else (),
    )


def _unparsed(item: SchemaStatement) -> list[Issue]:
    statement = item.statement
    return [
        Issue(
            id="DOES_NOT_PARSE",
            family="parse",
            impact=3,
            blocking=True,
            object_type=item.kind.value,
            object_name="",
            file=statement.file,
            line=statement.line,
            statement=statement.text,
            name="Does not parse",
            reason=statement.error or "",
            suggestion="Correct the statement in the file and analyze again.",
        )
    ]


def _checked(model: SchemaModel, item: SchemaStatement, target: TargetKind, version: str | None) -> list[Issue]:
    statement = item.statement
    what = classify(statement.node)
    subject = Subject(statement, item.kind, what.name, statement.node)
    found: list[Issue] = []
    for check in ALL_CHECKS:
        for hit in check(model, subject):
            kind = CATALOG[hit.issue]
            if fixed_for(kind, version) or (target == "postgresql" and hit.issue not in _EVERYWHERE):
                continue
            found.append(
                Issue(
                    id=kind.id,
                    family=kind.family,
                    impact=kind.impact,
                    blocking=False,
                    object_type=item.kind.value,
                    object_name=hit.name or what.name,
                    file=statement.file,
                    line=statement.line,
                    statement=statement.text,
                    name=kind.name,
                    reason=f"{kind.reason} ({hit.detail})" if hit.detail else kind.reason,
                    suggestion=kind.suggestion,
                    fixed_in=kind.fixed_in,
                )
            )
    return found


def _objects(items: Sequence[SchemaStatement], issues: Sequence[Issue]) -> tuple[ObjectCount, ...]:
    total = Counter(item.kind.value for item in items)
    affected: dict[str, set[tuple[str, int]]] = {}
    for issue in issues:
        if issue.family != "note":
            affected.setdefault(issue.object_type, set()).add((issue.file, issue.line))
    return tuple(ObjectCount(kind, count, len(affected.get(kind, ()))) for kind, count in sorted(total.items()))
