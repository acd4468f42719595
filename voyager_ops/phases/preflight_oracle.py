"""The part of preflight that looks at an Oracle source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from voyager_ops.config import MigrationConfig
from voyager_ops.databases.oracle import checks
from voyager_ops.databases.oracle.check_facts import Plan, read_facts
from voyager_ops.databases.oracle.database import oracle
from voyager_ops.databases.oracle.names import owner_names
from voyager_ops.databases.oracle.overrides import SKIP, Overrides
from voyager_ops.databases.oracle.types import OracleType
from voyager_ops.errors import PreconditionError
from voyager_ops.migration import Migration
from voyager_ops.model.checks import Check, error, ok
from voyager_ops.model.positions import Side
from voyager_ops.model.tables import Table
from voyager_ops.phases.checks.model import ServerFacts


def look(migration: Migration, *, fall_back: bool) -> tuple[tuple[Table, ...], list[Check]]:
    """The tables, and every check of the source: what the configuration asks of it, then the database itself.

    Tables that cannot be read are a finding like any other. Raises ConnectionFailed, and PreconditionError when user or
    password are refused.
    """
    config, source = migration.config, oracle(migration.source)
    subject = f"source {source.where}"
    mines = config.changes.capture == "logminer"
    facts = read_facts(source, tuple(owner_names(config.source.schemas).values()), mines=mines)
    found = list(_configuration(subject, fall_back=fall_back, quiesce=config.cutover.quiesce))
    tables: tuple[Table, ...] = ()
    try:
        tables = migration.read_catalog(Side.SOURCE)
    except PreconditionError as refused:
        breaks = "there is nothing to migrate, or it cannot be seen"
        found.append(error("catalog", subject, refused.what, breaks, refused.next_step))
    else:
        found += _names(migration, tables)
        found += _columns_named(config, tables)
        found += _tables_named(config, tables)
        if not tables:
            mend = "mend source.schemas and tables.include/exclude"
            found.append(error("tables", subject, "no table to migrate", "there is nothing to do", mend))
    plan = Plan(mines, fall_back, config.snapshot.parallelism, config.snapshot.chunk_size)
    return tables, found + list(checks.check_source(facts, tables, plan))


def _names(migration: Migration, tables: Sequence[Table]) -> Iterator[Check]:
    """Whether the map of names is of these tables, once there is one."""
    if not migration.export_dir.names.exists():
        return
    try:
        migration.refuse_other_names(tables)
    except PreconditionError as refused:
        breaks = "the tables would not be found on the target: capture cannot be prepared"
        yield error("names_map", "configuration", refused.what, breaks, refused.next_step)
    else:
        yield ok("names_map", "configuration", "the map of names is of the tables that there are")


def check_encoding(target: ServerFacts) -> Iterator[Check]:
    """Whether the target can hold every text."""
    if target.encoding != "UTF8":
        yield error(
            "encoding",
            f"target {target.where}",
            f"the target is in {target.encoding}",
            "text comes from Oracle in UTF-8; what the target cannot hold stops the migration",
            "CREATE DATABASE … ENCODING 'UTF8' on the target",
        )


def _columns_named(config: MigrationConfig, tables: Sequence[Table]) -> Iterator[Check]:
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


def _tables_named(config: MigrationConfig, tables: Sequence[Table]) -> Iterator[Check]:
    """Tables that types.by_table names and that are not migrated, and types that no column of theirs has."""
    columns = ((*table.native_name, OracleType.from_json(column.native_type)) for table in tables for column in table.columns)
    for table, type_ in config.types.overrides().unknown_of_tables(columns):
        what = f"{type_} for {table}, of which no migrated column has that type" if type_ else f"{table}, which is not migrated"
        yield error(
            "types_by_table",
            "configuration",
            f"types.by_table names {what}",
            "the type that was meant for its columns is not used",
            "mend the type, or take the line out" if type_ else "mend the name: OWNER.TABLE, as Oracle spells it",
        )


def _configuration(subject: str, *, fall_back: bool, quiesce: str) -> Iterator[Check]:
    if fall_back:
        yield error(
            "fall_back",
            subject,
            "there is no fall-back to an Oracle source yet",
            "the fallback lane cannot be prepared, and the cutover refuses to begin",
            "cutover: {prepare_for_fall_back: false} in the configuration; in Airflow leave the Param at 'as configured'",
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
