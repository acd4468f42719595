"""The part of preflight that looks at an Oracle source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from voyager_ops.migration import Migration
from voyager_ops.model.tables import Table
from voyager_ops.phases.checks.model import Check, error, ok


def check_source(migration: Migration, tables: Sequence[Table], *, fall_back: bool, quiesce: str) -> Iterator[Check]:
    """Every check of the source: what the configuration asks of it, then the database itself."""
    subject = f"source {migration.source.where}"
    yield from _configuration(subject, fall_back=fall_back, quiesce=quiesce)
    if not tables:
        yield error(
            "tables", subject, "no table to migrate", "there is nothing to do", "mend source.schemas and tables.include/exclude"
        )


def _configuration(subject: str, *, fall_back: bool, quiesce: str) -> Iterator[Check]:
    if fall_back:
        yield error(
            "fall_back",
            subject,
            "there is no fall-back to an Oracle source yet",
            "the fallback lane cannot be prepared, and the cutover refuses to begin",
            "cutover: {prepare_for_fall_back: false} in the configuration; in Airflow the Param prepare_for_fall_back too",
        )
    else:
        yield ok("fall_back", subject, "no fall-back is asked for")
    if quiesce == "enforce":
        yield error(
            "quiesce",
            subject,
            "the writers of an Oracle source cannot be stopped by us",
            "the cutover refuses to begin",
            "cutover: {quiesce: manual}, and stop the application's writes when you are told to",
        )
