"""What an approver reads: the figures, and plain words where something is missing."""

from __future__ import annotations

import time
from typing import Any

from voyager_ops.operators import evidence

VERIFIED: dict[str, Any] = {
    "equal": True,
    "verdict": "2 tables, 30 rows: no differences",
    "tables": [
        {"table": "public.a|b", "rows_source": 10, "rows_target": 10},
        {"table": "public.c", "rows_source": 20, "rows_target": 19, "missing_on_target": 1},
    ],
}


def body(**changes: Any) -> str:
    given: dict[str, Any] = {
        "verification": VERIFIED | {"finished_at": time.time() - 300},
        "lag": {"events": 3, "seconds": 0.5},
        "preflight": {"checks": []},
        "fall_back_wanted": True,
        "fall_back_alive": (True, True),
        "quiesce": "enforce",
    }
    return evidence.cutover_to_target("shop", **(given | changes))


def test_cutover() -> None:
    text = body()
    for words in ("2 tables, 30 rows: no differences, 5 min ago", "3 events, 0.5 s", "no warnings", "both streams", "enforced"):
        assert words in text
    assert "| public.a\\|b | 10 | 10 | 0 |" in text, "a name cannot break the table"
    assert "| public.c | 20 | 19 | 1 |" in text


def test_what_is_missing_is_said_in_words() -> None:
    assert "There is none" in body(fall_back_wanted=False)
    assert "not alive**: its import stream" in body(fall_back_alive=(True, False))
    assert "**unknown**" in body(lag={"events": None, "seconds": 1.0})
    assert "**never**" in body(verification=None)
    assert "**1 rows differ**" in body(verification={"equal": False, "verdict": "1 rows differ"})
    assert "stop the application on the source" in body(quiesce="manual")
    without = {"equal": True, "verdict": "1 tables", "left_out": ["table a|b is left out since 2026"]}
    assert "| **Left out** | table a\\|b is left out since 2026 |" in body(verification=without)
    assert "disk is small" in body(preflight={"checks": [{"severity": "warning", "message": "disk is small"}]})


def test_fall_back_choice_names_what_cannot_be_undone() -> None:
    text = evidence.fall_back_choice("shop", verification=None, lag={}, lag_of_source="both alive", quiesce="enforce")
    assert "no way back" in text
    for option in ("Cut over to source", "End fall-back", "Keep waiting"):
        assert option in text


def test_schema_issues_worst_first_and_cut_off() -> None:
    issues = [
        {"name": f"issue {n}", "impact": n % 3 + 1, "object_name": "t", "file": "tables.sql", "line": n, "reason": "x"}
        for n in range(150)
    ]
    analysis = {"issues": issues, "issue_count": 150, "reports": {"html": "/r.html"}, "finished_at": 0.0}
    text = evidence.schema_issues("shop", analysis, "/schema")
    rows = [line for line in text.splitlines() if line.startswith("| issue")]
    assert len(rows) == evidence.MOST_ROWS
    assert rows[0].startswith("| issue 2 ")
    assert "50 more issues" in text
    assert "/r.html" in text
    assert "1970-01-01 00:00:00 UTC" in text, "the text stays when the question is asked again: its time is no age"


def test_what_the_export_left_out_is_shown() -> None:
    finding = {"code": "VIEW_LEFT_OUT", "object_type": "view", "object_name": "hr.v", "message": "it | reads CONNECT BY"}
    text = evidence.schema_issues("hr", {"issue_count": 0, "left_out": [finding] * 101, "finished_at": 0.0}, "/schema")
    assert "**101 objects or parts of them were left out**" in text
    assert "hr.v" in text
    assert "1 more of them" in text
    assert "left out" not in evidence.schema_issues("hr", {"issue_count": 1, "finished_at": 0.0}, "/schema")


def test_ending() -> None:
    options = {"backup_schema_files": True, "backup_data_files": False, "backup_dir": "/backup", "drop_user": True}
    text = evidence.end_migration("shop", statuses={"cutover_to_target": "COMPLETED"}, options=options, streams=["cutover"])
    assert "schema files → `/backup`" in text
    assert "**dropped**" in text
    assert "COMPLETED" in text
    assert "**nothing**" in evidence.end_migration("shop", statuses={}, options={}, streams=[])
