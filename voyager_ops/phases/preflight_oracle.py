"""The part of preflight that looks at an Oracle source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from voyager_ops.config import MigrationConfig
from voyager_ops.databases.oracle import checks
from voyager_ops.databases.oracle.check_facts import read_facts
from voyager_ops.databases.oracle.checks import Plan
from voyager_ops.databases.oracle.database import oracle
from voyager_ops.databases.oracle.names import owner_names
from voyager_ops.databases.oracle.overrides import SKIP, Overrides
from voyager_ops.migration import Migration
from voyager_ops.model.checks import Check, error, ok
from voyager_ops.model.tables import Table
from voyager_ops.phases.checks.model import ServerFacts


def check_source(
    migration: Migration, tables: Sequence[Table], target: ServerFacts, *, fall_back: bool, quiesce: str
) -> Iterator[Check]:
    """Every check of the source: what the configuration asks of it, then the database itself, and how the target fits it."""
    subject = f"source {migration.source.where}"
    config = migration.config
    yield from _configuration(subject, fall_back=fall_back, quiesce=quiesce)
    owners = owner_names(config.source.schemas).values()
    mines = config.changes.capture == "logminer"
    facts = read_facts(oracle(migration.source), tuple(owners), mines=mines)
    plan = Plan(mines, fall_back, config.snapshot.parallelism, config.snapshot.chunk_size)
    yield from checks.check_source(facts, tables, plan)
    yield from _overrides(config, tables)
    if target.encoding != "UTF8":
        yield error(
            "encoding",
            f"target {target.where}",
            f"the target is in {target.encoding}",
            "text comes from Oracle in UTF-8; what the target cannot hold stops the migration",
            "CREATE DATABASE … ENCODING 'UTF8' on the target",
        )
    if not tables:
        yield error(
            "tables", subject, "no table to migrate", "there is nothing to do", "mend source.schemas and tables.include/exclude"
        )


def _overrides(config: MigrationConfig, tables: Sequence[Table]) -> Iterator[Check]:
    """Columns that types.by_column names and that no migrated table has. Those left out are not there to be seen."""
    columns = {(*table.native_name, column.native_name) for table in tables for column in table.columns}
    wanted = {key: value for key, value in config.types.by_column.items() if value != SKIP}
    for key in Overrides(by_column=wanted).unknown(columns):
        yield error(
            "types_by_column",
            "configuration",
            f"types.by_column names {key}, which is no column of a migrated table",
            "the type that was meant for a column is not used",
            "mend the name: OWNER.TABLE.COLUMN, as Oracle spells it",
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
