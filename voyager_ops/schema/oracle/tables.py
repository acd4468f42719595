"""Tables with what belongs into CREATE TABLE: columns, the primary key, valid checks; and their partitions."""

from __future__ import annotations

from sqlglot import exp

from voyager_ops.databases.oracle import dictionary_rows as rows
from voyager_ops.databases.oracle.names import shortened
from voyager_ops.schema.kinds import Kind as FileKind
from voyager_ops.schema.oracle import partitions
from voyager_ops.schema.oracle.columns import TableColumns, checked_at_once, table_columns
from voyager_ops.schema.oracle.dialect import Node, Refused, generate, identifier, table
from voyager_ops.schema.oracle.gate import translate_condition
from voyager_ops.schema.oracle.output import Output
from voyager_ops.schema.oracle.scope import Relation, target_of
from voyager_ops.schema.oracle.source import Source, not_null_column


def convert_tables(source: Source, output: Output) -> dict[tuple[str, str], TableColumns]:
    """Every table of the dictionary: created, or named in a finding. Returns the columns of those that are created."""
    made: dict[tuple[str, str], TableColumns] = {}
    for (owner, name), row in sorted(source.tables.items()):
        output.account("TABLE", owner, name)
        reason = _not_a_table(source, row)
        if reason:
            output.find("TABLE_LEFT_OUT", "table", owner, name, reason)
            source.refused[(owner, name)] = reason
        elif row.temporary == "Y":
            _temporary(source, output, row)
        else:
            columns = _table(source, output, row)
            if columns is not None:
                made[(owner, name)] = columns
    for owner, name in sorted(source.object_tables - source.tables.keys()):
        output.account("TABLE", owner, name)
        output.find("TABLE_LEFT_OUT", "table", owner, name, _OF_OBJECTS)
        source.refused[(owner, name)] = _OF_OBJECTS
    return made


_OF_OBJECTS = "a table of objects or of XML documents is not migrated"


def _not_a_table(source: Source, row: rows.TableRow) -> str:
    place = (row.owner, row.table_name)
    if place in source.external:
        return "an external table reads files of the database server: its rows are not migrated"
    if place in source.queues:
        return "the table of a queue (advanced queuing) is not migrated"
    if place in source.object_tables:
        return _OF_OBJECTS
    return ""


def _primary_key(source: Source, owner: str, name: str) -> rows.ConstraintRow | None:
    return next((row for row in source.constraints.get((owner, name), ()) if source.is_key(row)), None)


def _table(source: Source, output: Output, row: rows.TableRow) -> TableColumns | None:
    owner, name = row.owner, row.table_name
    primary = _primary_key(source, owner, name)
    key = source.constraint_columns(owner, primary.constraint_name) if primary is not None else []
    columns = table_columns(source, output, owner, name, frozenset(key))
    if not columns.definitions:
        reason = "none of its columns has a counterpart on the target"
        output.find("TABLE_LEFT_OUT", "table", owner, name, reason)
        source.refused[(owner, name)] = reason
        return None
    source.relations[(owner, name)] = Relation(columns.kinds, *source.names.at(owner, name))
    found = partitions.plan(source, output, owner, name, columns)
    if found is not None:
        found = _create(source, output, row, columns, primary, key, found)
    else:
        _create(source, output, row, columns, primary, key, None)
    _remarks(source, output, row)
    if found is None:
        for part in source.partitions(owner, name):
            output.account("TABLE PARTITION", owner, f"{name}.{part.partition_name}")
    return columns


def _create(
    source: Source,
    output: Output,
    row: rows.TableRow,
    columns: TableColumns,
    primary: rows.ConstraintRow | None,
    key: list[str],
    plan: partitions.Plan | None,
) -> partitions.Plan | None:
    owner, name = row.owner, row.table_name
    items = [*columns.definitions]
    if primary is not None:
        items += _key(output, primary, key, columns)
    items += _checks(source, output, owner, name, columns)
    statement = exp.Create(kind="TABLE", this=exp.Schema(this=table(*source.names.at(owner, name)), expressions=items))
    if plan is None:
        output.add(statement, pretty=True)
        return None
    # Where a bound is not understood there are no partitions at all: try them aside.
    aside = Output(names=output.names, mapped=output.mapped, _names=output._names)
    try:
        partitions.children(source, aside, owner, name, plan)
    except Refused as refused:
        message = f"the table has no partitions on the target, all its rows are in one: {refused.reason}"
        output.find("NOT_PARTITIONED", "table", owner, name, message)
        output.add(statement, pretty=True)
        return None
    by = partitions.partition_by(plan.top, columns)
    statement.set("properties", exp.Properties(expressions=[by]))
    output.add(statement, pretty=True)
    output.statements += aside.statements
    output.findings += aside.findings
    output.accounted |= aside.accounted
    return plan


def _key(output: Output, primary: rows.ConstraintRow, key: list[str], columns: TableColumns) -> list[Node]:
    owner, name = primary.owner, primary.table_name
    missing = [column for column in key if column not in columns.kinds]
    if missing or not key:
        message = f"the primary key is left out: its columns {', '.join(missing)} are not on the target"
        output.find("KEY_LEFT_OUT", "constraint", owner, f"{name}.{primary.constraint_name}", message)
        return []
    if primary.deferrable == "DEFERRABLE":
        message = "the primary key is checked at once on the target: rows are known by it, and foreign keys refer to it"
        output.find("KEY_IMMEDIATE", "constraint", owner, f"{name}.{primary.constraint_name}", message)
    node: Node = exp.PrimaryKey(expressions=[identifier(target_of(columns.kinds, column)) for column in key])
    if primary.generated == "GENERATED NAME":
        output.claim(owner, shortened(f"{output.names.at(owner, name)[1]}_pkey"))  # as PostgreSQL calls it
        return [node]
    constraint = output.free_name("constraint", owner, primary.constraint_name, suffix="key")
    return [exp.Constraint(this=identifier(constraint), expressions=[node])]


def _checks(source: Source, output: Output, owner: str, name: str, columns: TableColumns) -> list[Node]:
    """The valid checks; others are constraints.py's, which names those that cannot be."""
    nodes: list[Node] = []
    for row in source.constraints.get((owner, name), ()):
        if row.constraint_type != "C" or not_null_column(row) or row.status != "ENABLED" or row.validated != "VALIDATED":
            continue
        try:
            condition = translate_condition(row.search_condition, columns=columns.kinds, owner=owner)
        except Refused as refused:
            message = f"the check {row.search_condition.strip()!r} is left out: {refused.reason}"
            output.find("CHECK_LEFT_OUT", "constraint", owner, f"{name}.{row.constraint_name}", message)
            continue
        checked_at_once(output, row)
        check: Node = exp.CheckColumnConstraint(this=condition.node)
        if row.generated != "GENERATED NAME":
            check = exp.Constraint(this=identifier(output.constraint_name(row)), expressions=[check])
        nodes.append(check)
    return nodes


def _remarks(source: Source, output: Output, row: rows.TableRow) -> None:
    owner, name = row.owner, row.table_name
    if any(column.column_name == "ORA_ARCHIVE_STATE" for column in source.columns.get((owner, name), ())):
        message = (
            "ROW ARCHIVAL: rows that are archived (ORA_ARCHIVE_STATE) are migrated with the others, and the target shows them to"
            " everybody; delete them there, or write a policy, if it should not"
        )
        output.find("ROW_ARCHIVAL", "table", owner, name, message)
    if row.cluster_name:
        output.find(
            "CLUSTERED_TABLE", "table", owner, name, f"it is in the cluster {row.cluster_name} and an ordinary table here"
        )
    if row.read_only == "YES":
        message = "READ ONLY: PostgreSQL has no such tables; grant no right to write on it"
        output.find("TABLE_READ_ONLY", "table", owner, name, message)
    if row.iot_type == "IOT":
        message = "index-organized on the source, an ordinary table with a primary key on the target"
        output.find("INDEX_ORGANIZED", "table", owner, name, message)


def _temporary(source: Source, output: Output, row: rows.TableRow) -> None:
    """PostgreSQL's temporary tables live in one session: the application has to create them. Its statement is kept as advice."""
    owner, name = row.owner, row.table_name
    columns = table_columns(source, Output(names=source.names), owner, name, frozenset())
    commit = "PRESERVE" if "SESSION" in row.duration else "DELETE"
    reason = "a global temporary table: PostgreSQL has none"
    source.refused[(owner, name)] = reason
    if columns.definitions:
        statement = exp.Create(
            kind="TABLE", this=exp.Schema(this=table("", source.names.at(owner, name)[1]), expressions=columns.definitions)
        )
        text = generate(statement, pretty=True).replace("CREATE TABLE", "CREATE TEMPORARY TABLE", 1)
        output.keep(FileKind.OMITTED, f"{text}\nON COMMIT {commit} ROWS")
    message = f"{reason}. Each session has to create its own; the statement is in advice/omitted.sql"
    if source.constraints.get((owner, name)) or source.indexes.get((owner, name)):
        message += ", without the constraints (but NOT NULL) and indexes that it has on the source"
    output.find("TEMPORARY_TABLE", "table", owner, name, message)
