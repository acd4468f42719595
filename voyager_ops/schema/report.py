"""The report of an analysis, as data, JSON, text and one self-contained HTML page."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Any

from voyager_ops.schema.findings import Finding

REPORT_NAME = "schema_analysis_report"
REPORT_VERSION = 1
IMPACTS = {
    0: "for information",
    1: "the DDL has to change",
    2: "the application may have to change",
    3: "no simple way around",
}


@dataclass(frozen=True)
class Issue:
    """``family``: parse, ddl, dml, perf or note. ``impact``: see IMPACTS. ``file`` is relative to the schema directory."""

    id: str
    family: str
    impact: int
    blocking: bool
    object_type: str
    object_name: str
    file: str
    line: int
    statement: str
    name: str
    reason: str
    suggestion: str
    fixed_in: tuple[str, ...] = ()


@dataclass(frozen=True)
class ObjectCount:
    """Statements of one kind, and how many of them have an issue."""

    kind: str
    total: int
    with_issues: int


@dataclass(frozen=True)
class AnalysisReport:
    """``findings`` are the export's own: what it left out, what needs a look."""

    target_kind: str
    target_version: str
    source_version: int
    objects: tuple[ObjectCount, ...]
    issues: tuple[Issue, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def blocking(self) -> int:
        """How many statements do not parse: an import would stop at them."""
        return sum(issue.blocking for issue in self.issues)

    @property
    def counted(self) -> int:
        """How many issues there are, notes left out: what an approval is asked for."""
        return sum(issue.family != "note" for issue in self.issues)

    @property
    def left_out(self) -> int:
        """How many objects, or parts of them, the export left out: an import of what is there will not bring them."""
        return sum(finding.left_out for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        return {
            "version": REPORT_VERSION,
            "target": {"kind": self.target_kind, "version": self.target_version},
            "source_version": self.source_version,
            "summary": {
                "issues": self.counted,
                "blocking": self.blocking,
                "by_impact": {str(k): v for k, v in sorted(Counter(i.impact for i in self.issues).items())},
                "by_id": dict(sorted(Counter(i.id for i in self.issues).items())),
                "left_out": self.left_out,
                "findings_by_code": dict(sorted(Counter(f.code for f in self.findings).items())),
            },
            "objects": [asdict(item) for item in self.objects],
            "issues": [asdict(item) for item in self.issues],
            "findings": [finding.to_json() for finding in self.findings],
        }


def write_reports(report: AnalysisReport, reports_dir: Path) -> dict[str, Path]:
    """Write ``schema_analysis_report.{json,html,txt}`` into ``reports_dir``; returns format to path."""
    reports_dir.mkdir(parents=True, exist_ok=True)
    texts = {
        "json": json.dumps(report.to_json(), indent=2, ensure_ascii=False) + "\n",
        "html": as_html(report),
        "txt": as_text(report),
    }
    paths: dict[str, Path] = {}
    for extension, text in texts.items():
        path = reports_dir / f"{REPORT_NAME}.{extension}"
        aside = path.with_name(path.name + ".part")
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
        paths[extension] = path
    return paths


def _target(report: AnalysisReport) -> str:
    name = {"yugabytedb": "YugabyteDB", "postgresql": "PostgreSQL"}.get(report.target_kind, report.target_kind)
    return f"{name} {report.target_version}".strip()


def _sorted(report: AnalysisReport) -> list[Issue]:
    return sorted(report.issues, key=lambda i: (not i.blocking, -i.impact, i.id, i.file, i.line))


def _verdict(report: AnalysisReport) -> str:
    if not report.left_out:
        return _of_statements(report)
    return f"{_of_statements(report)} The export left out {report.left_out} objects or parts of them: see what it says of them."


def _of_statements(report: AnalysisReport) -> str:
    if report.blocking:
        return f"{report.blocking} statements do not parse and must be corrected before the import."
    if report.counted:
        return f"{report.counted} issues to look at; every statement parses."
    return "No issues; every statement parses."


def as_text(report: AnalysisReport) -> str:
    lines = [f"Schema analysis for {_target(report)}", _verdict(report), "", "Objects"]
    lines += [f"  {item.kind:<28}{item.total:>7}  with issues: {item.with_issues}" for item in report.objects]
    lines += ["", "Issues"] if report.issues else []
    for issue in _sorted(report):
        lines.append(f"  {issue.id} [impact {issue.impact}: {IMPACTS[issue.impact]}]")
        lines.append(f"    {issue.object_type} {issue.object_name}  {issue.file}, line {issue.line}")
        lines.append(f"    {issue.reason} {issue.suggestion}")
        if issue.fixed_in:
            lines.append(f"    Not an issue from: {', '.join(issue.fixed_in)}")
        lines += [f"    | {line}" for line in issue.statement.splitlines()]
        lines.append("")
    lines += ["From the export"] if report.findings else []
    lines += [f"  {f.code}: {f.object_type} {f.object_name}: {f.message}" for f in report.findings]
    return "\n".join(lines).rstrip() + "\n"


_STYLE = """
:root{color-scheme:light dark;
--fg:#1c2330;--mute:#667085;--bg:#f6f7f9;--card:#fff;--line:#e3e6ea;--0:#667085;--1:#b7791f;--2:#c2560c;--3:#b42318}
@media(prefers-color-scheme:dark){:root{
--fg:#e6e9ef;--mute:#98a2b3;--bg:#12151b;--card:#1a1f28;--line:#2b323d;--1:#e3b341;--2:#f0883e;--3:#ff7b72}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif}
main{max-width:68rem;margin:0 auto;padding:2rem 1.25rem}h1{font-size:1.6rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .75rem}
.verdict{color:var(--mute);margin:.25rem 0 1.5rem}.tiles{display:flex;gap:.75rem;flex-wrap:wrap}
.tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:.75rem 1rem;min-width:9rem}
.tile b{display:block;font-size:1.5rem}.tile span{color:var(--mute);font-size:.85rem}
table{border-collapse:collapse;width:100%;background:var(--card);border:1px solid var(--line);border-radius:10px;overflow:hidden}
th,td{text-align:left;padding:.45rem .8rem;border-bottom:1px solid var(--line)}
th{color:var(--mute);font-weight:600;font-size:.85rem}
td.n{text-align:right;font-variant-numeric:tabular-nums}tr:last-child td{border:0}
details{background:var(--card);border:1px solid var(--line);border-left:4px solid var(--c);
border-radius:8px;margin:.5rem 0;padding:.6rem .9rem}
summary{cursor:pointer}summary code{color:var(--mute)}.i0{--c:var(--0)}.i1{--c:var(--1)}.i2{--c:var(--2)}.i3{--c:var(--3)}
.tag{color:var(--c);font-weight:600;font-size:.8rem;margin-right:.5rem}
pre{background:var(--bg);padding:.75rem;border-radius:6px;overflow:auto;font-size:13px}
p{margin:.5rem 0}
"""


def as_html(report: AnalysisReport) -> str:
    """One page with no outside references; everything that comes from the schema is escaped."""
    impacts = Counter(issue.impact for issue in report.issues)
    tiles = [(str(report.counted), "issues"), (str(report.blocking), "do not parse")]
    tiles += [(str(impacts[level]), IMPACTS[level]) for level in (3, 2, 1)]
    tiles_html = "".join(f"<div class=tile><b>{value}</b><span>{escape(label)}</span></div>" for value, label in tiles)
    rows = "".join(
        f"<tr><td>{escape(item.kind.replace('_', ' '))}<td class=n>{item.total}<td class=n>{item.with_issues or ''}"
        for item in report.objects
    )
    issues = "".join(_issue_html(issue) for issue in _sorted(report)) or "<p>None.</p>"
    findings = "".join(
        f"<tr><td><code>{escape(f.code)}</code><td>{escape(f.object_type)} {escape(f.object_name)}<td>{escape(f.message)}"
        for f in report.findings
    )
    from_export = f"<h2>From the export</h2><table><tr><th>Code<th>Object<th>What was done{findings}</table>" if findings else ""
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Schema analysis</title><style>{_STYLE}</style><main><h1>Schema analysis for {escape(_target(report))}</h1>"
        f"<p class=verdict>{escape(_verdict(report))}</p><div class=tiles>{tiles_html}</div>"
        f"<h2>Issues</h2>{issues}{from_export}"
        f"<h2>Objects</h2><table><tr><th>Kind<th>Statements<th>With issues{rows}</table></main></html>\n"
    )


def _issue_html(issue: Issue) -> str:
    fixed = f"<p>Not an issue from: {escape(', '.join(issue.fixed_in))}</p>" if issue.fixed_in else ""
    opened = " open" if issue.blocking else ""
    return (
        f"<details class=i{issue.impact}{opened}><summary><span class=tag>{escape(issue.id)}</span>"
        f"{escape(issue.name)}: {escape(issue.object_name)} <code>{escape(issue.file)}:{issue.line}</code></summary>"
        f"<p>{escape(issue.reason)} {escape(issue.suggestion)}</p>{fixed}<pre>{escape(issue.statement)}</pre></details>"
    )
