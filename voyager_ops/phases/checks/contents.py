"""Checks over what is in the source's schemas. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from voyager_ops.databases.postgres.leaf_identity import EVENT_TRIGGER
from voyager_ops.phases.checks.model import Check, ServerFacts, SourceContents, TableFacts, error, listed, ok, warning
from voyager_ops.schema.names import quoted

NARROW_MEMBERSHIP = 160000
"""From this version on a member need not be able to become the owner."""


def check_contents(contents: SourceContents, source: ServerFacts, *, fall_back: bool) -> Iterator[Check]:
    subject = f"source {source.where}"
    for schema in contents.missing_schemas:
        yield error("schema", subject, f"there is no schema {schema}", "nothing to migrate", "mend source.schemas")
    for schema in contents.unusable_schemas:
        yield error(
            "schema_usage",
            subject,
            f"{source.user} may not use schema {schema}",
            "its tables cannot be read",
            f"GRANT USAGE ON SCHEMA {quoted(schema)} TO {quoted(source.user)}",
        )
    if not contents.table_count:
        yield error(
            "tables", subject, "no table to migrate", "there is nothing to do", "mend source.schemas and tables.include/exclude"
        )
    else:
        yield ok("tables", subject, f"{contents.table_count} tables, {contents.bytes} bytes")
    ordinary = [table for table in contents.tables if table.kind in {"r", "p"} and table.persistence == "p"]
    yield from _rights(ordinary, source, subject, fall_back)
    yield from _kinds(contents, subject)
    protected = [table.label for table in ordinary if table.row_security]
    if protected and not (source.superuser or source.bypass_rls):
        yield error(
            "row_security",
            subject,
            f"row security is on for {listed(protected)}",
            "rows that a policy hides from us would be lost (reading them is refused)",
            f"ALTER ROLE {quoted(source.user)} BYPASSRLS",
        )
    if contents.keyless:
        yield warning(
            "primary_keys",
            subject,
            f"{len(contents.keyless)} tables have no primary key: {listed(contents.keyless)}",
            "each UPDATE and DELETE on them carries the whole row (replica identity FULL) and is applied more slowly",
            "ALTER TABLE … ADD PRIMARY KEY (…), where there is a candidate",
        )
    if contents.keyless_partitioned and not source.superuser and EVENT_TRIGGER not in source.event_triggers:
        yield warning(
            "new_partitions",
            subject,
            f"partitioned tables without a primary key: {listed(contents.keyless_partitioned)}; {source.user} may not create the "
            "event trigger that gives a new partition its replica identity at once",
            "a partition added while changes stream gets it some seconds later: an UPDATE or DELETE on it before that fails in "
            "your application",
            "voyager-ops prepare source --run with a superuser's connection creates the event trigger; or add the partitions "
            "you will need before the migration begins",
        )
    if contents.foreign_types:
        names = listed(f"{column} ({type_})" for column, type_ in contents.foreign_types)
        yield error(
            "types",
            subject,
            f"columns use types of schemas that are not migrated: {names}",
            "their tables cannot be created on the target",
            "add those schemas to source.schemas, or leave the tables out",
        )
    if contents.large_objects:
        where = (
            f" (columns that may point at them: {listed(contents.large_object_columns)})" if contents.large_object_columns else ""
        )
        yield warning(
            "large_objects",
            subject,
            f"the database holds large objects{where}",
            "large objects (pg_largeobject) are not migrated; columns keep numbers that point at nothing on the target",
            "move their contents into bytea columns",
        )


def _rights(tables: list[TableFacts], source: ServerFacts, subject: str, fall_back: bool) -> Iterator[Check]:
    unreadable = [table.label for table in tables if not table.select]
    if unreadable:
        yield error(
            "select",
            subject,
            f"{source.user} may not read {listed(unreadable)}",
            "they cannot be copied",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA … TO {quoted(source.user)} (voyager-ops prepare source --print)",
        )
    else:
        yield ok("select", subject, "all tables can be read")
    alien = [table for table in tables if not table.owned]
    if alien and not source.superuser:
        owners = sorted({table.owner for table in alien})
        option = " WITH INHERIT TRUE, SET FALSE" if source.version >= NARROW_MEMBERSHIP else ""
        yield error(
            "ownership",
            subject,
            f"{source.user} does not own {listed(table.label for table in alien)} (owners: {listed(owners)})",
            "they can be neither published nor given a replica identity",
            "; ".join(f"GRANT {quoted(owner)} TO {quoted(source.user)}{option}" for owner in owners),
        )
    else:
        yield ok("ownership", subject, "all tables can be published")
    if not source.superuser:
        yield from _superusers([table for table in tables if table.owned and table.owner_superuser], source, subject)
    unwritable = [table.label for table in tables if not table.write]
    if fall_back and unwritable:
        yield error(
            "write_back",
            subject,
            f"{source.user} may not write to {listed(unwritable)}",
            "the way back cannot apply the target's changes to the source",
            f"GRANT INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA … TO {quoted(source.user)}",
        )


def _superusers(tables: list[TableFacts], source: ServerFacts, subject: str) -> Iterator[Check]:
    """``tables``: those whose owner is a superuser that our role, no superuser itself, is a member of."""
    if not tables:
        return
    owners = sorted({table.owner for table in tables})
    how = "by SET ROLE" if any(table.can_be_owner for table in tables) else "by replacing a function of that superuser's, say"
    revoke = "; ".join(f"REVOKE {quoted(owner)} FROM {quoted(source.user)}" for owner in owners)
    yield warning(
        "superuser_owner",
        subject,
        f"{listed(table.label for table in tables)} belong to a superuser ({listed(owners)}), of which {source.user} is a member",
        f"whoever has {source.user}'s password can have a superuser's rights, {how}",
        f"ALTER TABLE … OWNER TO an ordinary role, voyager-ops prepare source --run again, then {revoke}",
    )


def _kinds(contents: SourceContents, subject: str) -> Iterator[Check]:
    unlogged = [table.label for table in contents.tables if table.persistence == "u"]
    if unlogged:
        yield error(
            "unlogged_tables",
            subject,
            f"unlogged tables: {listed(unlogged)}",
            "their changes are not in the log: after the snapshot they would be missing on the target",
            "ALTER TABLE … SET LOGGED, or leave them out with tables.exclude",
        )
    if contents.columnless:
        yield warning(
            "columnless_tables",
            subject,
            f"tables without a column of their own: {listed(contents.columnless)}",
            "they are created on the target; that they have rows, and how many, is not migrated",
            "",
        )
    foreign = [table.label for table in contents.tables if table.kind == "f"]
    if foreign:
        yield warning(
            "foreign_tables",
            subject,
            f"foreign tables: {listed(foreign)}",
            "their definition is migrated, their rows stay where they are",
            "",
        )
    inherited = [table.label for table in contents.tables if table.inherits]
    if inherited:
        yield warning(
            "inheritance",
            subject,
            f"tables inherit from others (not partitions): {listed(inherited)}",
            "each is migrated as a table of its own; YugabyteDB knows no inheritance",
            "",
        )
    ignored = [table.label for table in contents.tables if table.replica_identity == "n"]
    if ignored:
        yield warning(
            "replica_identity",
            subject,
            f"replica identity NOTHING: {listed(ignored)}",
            "updates and deletes fail once it is published; export data sets an identity, end migration puts this one back",
            "",
        )
