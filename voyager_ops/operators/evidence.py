"""What an approver is shown, as Markdown: the words and figures on which a decision rests. Pure: from results to text."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from voyager_ops.schema.report import IMPACTS

Json = Mapping[str, Any]

MOST_ROWS = 100
"""Tables and issues listed in one approval; the reports name the rest."""


def schema_issues(name: str, analysis: Json, directory: str) -> str:
    """The issues found in the exported schema."""
    issues: Sequence[Json] = sorted(analysis.get("issues") or [], key=lambda issue: -issue.get("impact", 0))
    lines = [
        f"The schema of **{_text(name)}** has **{analysis.get('issue_count', 0)} issue(s)**"
        + (f", of which **{analysis['blocking']} would not import as they are**" if analysis.get("blocking") else "")
        + f". Analysed at {_at(analysis)}; after another analysis this text stays, but the reports named below are new.",
        "",
        f"* **Analyse again** after editing the files in `{directory}`: goes on by itself once nothing is left.",
        "* **Import as it is**: the statements are imported as they stand now.",
        "* **Stop**: ends this run; nothing was imported.",
        "",
        "| Issue | Impact | Object | What | Suggestion |",
        "|---|---|---|---|---|",
    ]
    for issue in issues[:MOST_ROWS]:
        impact = "does not import" if issue.get("blocking") else IMPACTS.get(issue.get("impact", 0), "")
        place = f"{issue.get('object_name', '')} ({issue.get('file', '')}:{issue.get('line', '')})"
        cells = (issue.get("name"), impact, place, issue.get("reason"), issue.get("suggestion"))
        lines.append(f"| {' | '.join(_text(cell or '') for cell in cells)} |")
    lines += _more(len(issues), "issues", analysis.get("reports"))
    left_out: Sequence[Json] = analysis.get("left_out") or []
    if left_out:
        lines += ["", f"**{len(left_out)} objects or parts of them were left out** by the export: the target will not have them."]
        lines += ["", "| Left out | Object | Why |", "|---|---|---|"]
        for finding in left_out[:MOST_ROWS]:
            told = [finding.get(key) or "" for key in ("object_type", "object_name", "message")]
            lines.append(f"| {' | '.join(_text(cell) for cell in told)} |")
        lines += _more(len(left_out), "of them", None)
    return "\n".join(lines)


def cutover_to_target(
    name: str,
    *,
    verification: Json | None,
    lag: Json,
    preflight: Json | None,
    fall_back_wanted: bool,
    fall_back_alive: tuple[bool, bool],
    quiesce: str,
) -> str:
    """What speaks for and against opening the target now. ``fall_back_alive``: export and import stream of the way back."""
    rows = [
        ("Rows compared", _verification(verification)),
        *(("**Left out**", _text(words)) for words in (verification or {}).get("left_out") or []),
        ("Lag", _lag(lag)),
        ("Preflight", _preflight(preflight)),
        ("Way back", _way_back(fall_back_wanted, fall_back_alive)),
        ("Stopping the writers", _quiesce(quiesce, "source")),
    ]
    return "\n".join(
        [
            f"Opens the **target** of **{_text(name)}** to the application, and closes the source. Figures of {_now()}.",
            "",
            *_table(rows),
            "",
            "**Approve** starts the cutover at once: writers stop, what is under way is drained and verified, sequences move, "
            "the target opens. Until it opens any failure is undone and the migration streams on; the evidence is checked again "
            "after your click. **Reject** ends this run without cutting over: the streams stop, and resume when the DAG is "
            "started again.",
            *_tables(verification),
        ]
    )


def fall_back_choice(name: str, *, verification: Json | None, lag: Json, lag_of_source: str, quiesce: str) -> str:
    """The three ways on from an open target."""
    rows = [
        ("Source behind the target", _lag(lag)),
        ("Last comparison", _verification(verification)),
        ("Streams of the way back", lag_of_source),
        ("Stopping the writers", _quiesce(quiesce, "target")),
    ]
    return "\n".join(
        [
            f"**{_text(name)}** runs on the **target**; its changes flow back to the source. Figures of {_now()}.",
            "",
            *_table(rows),
            "",
            "* **Cut over to source**: the application goes back to the source, with everything that was written on the target.",
            "* **End fall-back**: the target stays for good, the source is left behind: **there is no way back after this.**",
            "* **Keep waiting**: nothing changes; this question is asked again.",
        ]
    )


def end_migration(name: str, *, statuses: Json, options: Json, streams: Sequence[str]) -> str:
    """What ending takes away."""
    backups = [key.removeprefix("backup_").replace("_", " ") for key in options if _kept(key, options)]
    rows = [
        ("Cutover to target", str(statuses.get("cutover_to_target"))),
        ("Cutover to source", str(statuses.get("cutover_to_source"))),
        ("Streams that run", ", ".join(streams) or "none"),
        ("Backed up", (", ".join(backups) + f" → `{options.get('backup_dir')}`") if backups else "**nothing**"),
        ("Ownership", f"handed to `{options['reassign_to']}`" if options.get("reassign_to") else "stays as it is"),
        ("Migration user", "**dropped**" if options.get("drop_user") else "stays"),
    ]
    return "\n".join(
        [
            f"Removes every trace of **{_text(name)}**: slots, publications, replica identities as they were, our schema in both "
            "databases, and the export directory with the migration's records. **It cannot be continued afterwards.**",
            "",
            *_table(rows),
        ]
    )


def _kept(key: str, options: Json) -> bool:
    return key.startswith(("backup_", "save_")) and key != "backup_dir" and bool(options[key])


def _verification(result: Json | None) -> str:
    if result is None:
        return "**never**"
    return (
        f"{_text(result.get('verdict', ''))}, {_ago(result)}"
        if result.get("equal")
        else f"**{_text(result.get('verdict', ''))}**"
    )


def _tables(result: Json | None) -> list[str]:
    tables = list((result or {}).get("tables") or [])
    if not tables:
        return []
    lines = ["", "| Table | Source rows | Target rows | Differences |", "|---|--:|--:|--:|"]
    for table in tables[:MOST_ROWS]:
        differing = sum(table.get(kind, 0) for kind in ("missing_on_target", "missing_on_source", "different"))
        figures = [table.get("rows_source"), table.get("rows_target"), differing]
        lines.append(f"| {_text(table.get('table', ''))} | " + " | ".join(_number(figure) for figure in figures) + " |")
    return lines + _more(len(tables), "tables", None)


def _lag(lag: Json) -> str:
    events, seconds = lag.get("events"), lag.get("seconds")
    if events is None or seconds is None:
        return "**unknown**"
    return f"{events:,} events, {seconds:.1f} s"


def _preflight(result: Json | None) -> str:
    if result is None:
        return "**not run**"
    warnings = [str(check.get("message")) for check in result.get("checks") or [] if check.get("severity") == "warning"]
    return "no warnings" if not warnings else "; ".join(_text(warning) for warning in warnings)


def _way_back(wanted: bool, alive: tuple[bool, bool]) -> str:
    if not wanted:
        return "**There is none.** No fall-back was prepared: once the target is open, its changes never reach the source."
    if all(alive):
        return "prepared: both streams of the fallback lane are alive"
    return "**asked for, but not alive**: " + ", ".join(
        word for word, living in zip(("its export stream", "its import stream"), alive, strict=True) if not living
    )


def _quiesce(how: str, side: str) -> str:
    if how == "enforce":
        return f"enforced: the {side} becomes read-only for everyone but us, and its sessions are ended"
    return f"manual: **stop the application on the {side}** when the cutover says so"


def _table(rows: Sequence[tuple[str, str]]) -> list[str]:
    return ["| | |", "|---|---|", *(f"| {title} | {words} |" for title, words in rows)]


def _more(count: int, what: str, reports: object) -> list[str]:
    lines = [f"\n… and {count - MOST_ROWS:,} more {what}."] if count > MOST_ROWS else []
    if isinstance(reports, Mapping) and reports:
        lines.append("\nReports: " + ", ".join(f"`{path}`" for path in reports.values()))
    return lines


def _text(value: object) -> str:
    """One line that cannot end a table's cell."""
    return " ".join(str(value).split()).replace("|", "\\|")


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else _text(value if value is not None else "?")


def _ago(result: Json) -> str:
    at = result.get("finished_at")
    if not isinstance(at, int | float):
        return "at an unknown time"
    seconds = max(time.time() - at, 0.0)
    return (
        f"{seconds:.0f} s ago"
        if seconds < 120
        else f"{seconds / 60:.0f} min ago"
        if seconds < 7200
        else f"{seconds / 3600:.0f} h ago"
    )


def _at(result: Json) -> str:
    at = result.get("finished_at")
    return _utc(at) if isinstance(at, int | float) else "an unknown time"


def _now() -> str:
    return _utc(time.time())


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
