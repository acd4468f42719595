from __future__ import annotations

import json
from pathlib import Path

import pytest

from voyager_ops.schema.analyze import analyze
from voyager_ops.schema.report import write_reports
from voyager_ops.schema.rules.catalog import CATALOG, fixed_for
from voyager_ops.schema.rules.datatypes import LIVE, UNSUPPORTED
from voyager_ops.schema.rules.indexes import NOT_INDEXABLE


def _cases() -> list[tuple[list[str], str]]:
    blocks = Path(__file__).with_name("issues.sql").read_text(encoding="utf-8").split("-- ids:")[1:]
    cases = []
    for block in blocks:
        head, _, text = block.partition("\n")
        cases.append((sorted(filter(None, (item.strip() for item in head.split(",")))), text.strip()))
    return cases


CASES = _cases()
GENERATED = [
    *((f"UNSUPPORTED_DATATYPE_{word}", f"CREATE TABLE t (a int PRIMARY KEY, b {name});") for name, word in UNSUPPORTED.items()),
    *((f"UNSUPPORTED_DATATYPE_LIVE_MIGRATION_{name.upper()}", f"CREATE TABLE t (a int PRIMARY KEY, b {name});") for name in LIVE),
    *((f"PK_UK_ON_{word}_DATATYPE", f"CREATE TABLE t (b {name} PRIMARY KEY);") for name, word in NOT_INDEXABLE.items()),
    *(
        (f"INDEX_ON_{word}_DATATYPE", f"CREATE TABLE t (a int PRIMARY KEY, b {name}); CREATE INDEX i ON t (b);")
        for name, word in NOT_INDEXABLE.items()
    ),
]


def _schema(directory: Path, text: str) -> Path:
    path = directory / "schema" / "tables" / "table.sql"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return directory / "schema"


@pytest.mark.parametrize(("expected", "text"), CASES, ids=[text[:60] for _, text in CASES])
def test_issues_of_a_statement(tmp_path: Path, expected: list[str], text: str) -> None:
    report = analyze(_schema(tmp_path, text))
    assert sorted({issue.id for issue in report.issues}) == expected


@pytest.mark.parametrize(("expected", "text"), GENERATED)
def test_issues_of_types(tmp_path: Path, expected: str, text: str) -> None:
    assert expected in {issue.id for issue in analyze(_schema(tmp_path, text)).issues}


def test_every_known_issue_has_a_case() -> None:
    tested = {item for expected, _ in CASES for item in expected} | {item for item, _ in GENERATED}
    assert tested == set(CATALOG) | {"DOES_NOT_PARSE"}


def test_where_an_issue_stands(tmp_path: Path) -> None:
    report = analyze(
        _schema(tmp_path, "CREATE TABLE ok (a int PRIMARY KEY);\n\nCREATE UNLOGGED TABLE s.t (a int PRIMARY KEY);\n")
    )
    (issue,) = report.issues
    assert (issue.file, issue.line, issue.object_name, issue.impact) == ("tables/table.sql", 3, "s.t", 1)
    assert issue.statement == "CREATE UNLOGGED TABLE s.t (a int PRIMARY KEY)"
    assert "2025.1.0.0" in issue.fixed_in
    assert [(item.kind, item.total, item.with_issues) for item in report.objects] == [("table", 2, 1)]


def test_a_postgresql_target_takes_what_yugabytedb_does_not(tmp_path: Path) -> None:
    schema = _schema(tmp_path, "CREATE UNLOGGED TABLE t (a xml); CREATE POLICY p ON t TO joe; CREATE TABL x;")
    report = analyze(schema, target_kind="postgresql")
    assert [issue.id for issue in report.issues] == ["POLICY_WITH_ROLES", "DOES_NOT_PARSE"]
    assert (report.blocking, report.counted) == (1, 2)


@pytest.mark.parametrize(
    ("version", "fixed"),
    [
        (None, False),
        ("2024.1.9.0", False),
        ("2024.2.0.0-b10", True),
        ("2.25.1.0", True),
        ("2026.3.0.0", True),
        ("2.20.0.0", False),
    ],
)
def test_versions(version: str | None, fixed: bool) -> None:
    assert fixed_for(CATALOG["UNLOGGED_TABLES"], version) is fixed
    assert fixed_for(CATALOG["INHERITANCE"], version) is False


def test_issues_that_a_version_no_longer_has_are_left_out(tmp_path: Path) -> None:
    schema = _schema(tmp_path, "CREATE UNLOGGED TABLE t (a int PRIMARY KEY);")
    assert analyze(schema, target_version="2025.2.1.0").issues == ()
    assert len(analyze(schema, target_version="2024.1.0.0").issues) == 1


def test_reports_hold_the_same_and_are_escaped(tmp_path: Path) -> None:
    text = "CREATE UNLOGGED TABLE \"<script>alert('x')</script>\" (a int PRIMARY KEY);\nCREATE TABL <b>;"
    report = analyze(_schema(tmp_path, text))
    paths = write_reports(report, tmp_path / "reports")
    data = json.loads(paths["json"].read_text(encoding="utf-8"))
    assert data["summary"] == {
        "issues": 2,
        "blocking": 1,
        "by_impact": {"1": 1, "3": 1},
        "by_id": {"DOES_NOT_PARSE": 1, "UNLOGGED_TABLES": 1},
        "left_out": 0,
        "findings_by_code": {},
    }
    html = paths["html"].read_text(encoding="utf-8")
    assert "<script" not in html
    assert "&lt;script&gt;alert(&#x27;x&#x27;)" in html
    assert "http" not in html
    plain = paths["txt"].read_text(encoding="utf-8")
    assert "UNLOGGED_TABLES" in plain
    assert "tables/table.sql, line 2" in plain
    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == sorted(path.name for path in paths.values())
