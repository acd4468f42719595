"""Columns of tables: types, defaults, identities, virtual columns."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from voyager_ops.databases.oracle import dictionary_rows as rows
from voyager_ops.schema.oracle.dialect import Node, Refused, data_type, identifier, number
from voyager_ops.schema.oracle.gate import translate_default, translate_generated
from voyager_ops.schema.oracle.output import Output
from voyager_ops.schema.oracle.source import ColumnType, NamesOf, Source, not_null_column
from voyager_ops.schema.oracle.typed import Kind, kind_of_target

BIGINT = 2**63 - 1


@dataclass(frozen=True)
class TableColumns:
    """The columns that a table has on the target. ``kinds``: by Oracle's name; ``definitions``: their part of CREATE TABLE."""

    kinds: dict[str, Kind]
    definitions: list[Node]
    not_null: frozenset[str]
    virtual: frozenset[str]


def table_columns(source: Source, output: Output, owner: str, table: str, key: frozenset[str]) -> TableColumns:
    """The columns; ``key``: those of the primary key. What has to be left out is named in a finding."""
    plain: list[ColumnType] = []
    virtual: list[ColumnType] = []
    for row in source.visible(owner, table):
        column = source.typed(row)
        reason = column.why if column.sql is None else ""
        if reason:
            message = f"the column is not created on the target and its values are not migrated: {reason}"
            output.find("COLUMN_LEFT_OUT", "column", owner, f"{table}.{row.column_name}", message)
        elif row.virtual_column == "YES":
            virtual.append(column)
        else:
            plain.append(column)
        if not reason:
            _remark(output, column)
    not_null = _not_null(source, output, owner, table) | key
    base = {column.row.column_name: column.kind for column in plain}
    kinds: dict[str, Kind] = {}
    definitions: list[Node] = []
    made: set[str] = set()
    generated = {column.row.column_name for column in virtual}
    for row in source.visible(owner, table):
        match = next((column for column in (*plain, *virtual) if column.row is row), None)
        if match is None:
            continue
        constraint = _generated(output, match, base) if row.column_name in generated else _value(source, output, match)
        if row.column_name in generated:
            if constraint is None:
                continue
            made.add(row.column_name)
        kinds[row.column_name] = match.kind
        definitions.append(_definition(match, constraint, row.column_name in not_null))
    return TableColumns(kinds, definitions, not_null, frozenset(made))


def _not_null(source: Source, output: Output, owner: str, table: str) -> frozenset[str]:
    """The columns that hold no NULL: those the dictionary says so of, and those of valid checks, deferrable or written so."""
    found = {row.column_name for row in source.visible(owner, table) if row.nullable == "N"}
    for row in source.constraints.get((owner, table), ()):
        column = not_null_column(row)
        if column and row.status == "ENABLED" and row.validated == "VALIDATED" and column not in found:
            found.add(column)
            checked_at_once(output, row)
    return frozenset(found)


def checked_at_once(output: Output, row: rows.ConstraintRow) -> None:
    """A finding when the source may leave the check, or NOT NULL, to the end of a transaction."""
    if row.deferrable != "DEFERRABLE":
        return
    message = "the check is made at once on the target: PostgreSQL does not defer checks"
    if not_null_column(row):
        message = "NOT NULL is checked at once on the target: PostgreSQL does not defer it"
    output.find("CHECK_IMMEDIATE", "constraint", row.owner, f"{row.table_name}.{row.constraint_name}", message)


def _definition(column: ColumnType, constraint: Node | None, not_null: bool) -> Node:
    constraints = [constraint] if constraint is not None else []
    if not_null:
        constraints.append(exp.NotNullColumnConstraint())
    assert column.sql is not None
    return exp.ColumnDef(
        this=identifier(column.name),
        kind=data_type(column.sql),
        constraints=[exp.ColumnConstraint(kind=item) for item in constraints],
    )


def _remark(output: Output, column: ColumnType) -> None:
    """What a user of the column has to know."""
    row = column.row
    place = f"{row.table_name}.{row.column_name}"
    if row.column_id is None:
        message = "it is invisible on the source and an ordinary column, the last one, on the target: SELECT * shows it"
        output.find("INVISIBLE_COLUMN", "column", row.owner, place, message)
    if column.kind.collation:
        message = f"{column.kind.collation} compares it on the source, its bytes on the target: keys, queries and sorting differ"
        output.find("COLLATION", "column", row.owner, place, message)
    name = column.oracle.name
    message = _CHANGED.get(name, "")
    if name.startswith(("TIMESTAMP", "INTERVAL DAY")) and (column.oracle.scale or 0) > 6:
        message = "the target keeps six digits of a second, the source nine: the last three are lost"
    if message:
        output.find("TYPE_CHANGED", "column", row.owner, place, f"{column.oracle.sql} becomes {column.sql}: {message}")


_CHANGED = {
    "TIMESTAMP WITH TIME ZONE": "the moment is kept, the time zone it was written in is not",
    "ROWID": "rows have other addresses on the target: such values point nowhere",
    "UROWID": "rows have other addresses on the target: such values point nowhere",
    "SDO_GEOMETRY": "its text form (WKT); PostGIS is another way, by hand",
    "XMLTYPE": "its text; XML functions of the source do not work on it",
    "JSON": "its keys are in another order",
    "VECTOR": "an array of numbers; pgvector is another way, by hand",
}


def _generated(output: Output, column: ColumnType, base: dict[str, Kind]) -> Node | None:
    row = column.row
    try:
        translated = translate_generated(row.data_default, column.kind, base, owner=row.owner)
    except Refused as refused:
        message = f"the virtual column {row.data_default.strip()!r} is left out: {refused.reason}. Add it to the table by hand"
        output.find("VIRTUAL_COLUMN", "column", row.owner, f"{row.table_name}.{row.column_name}", message)
        return None
    message = "the virtual column is stored on the target: PostgreSQL computes generated columns when a row is written"
    output.find("VIRTUAL_STORED", "column", row.owner, f"{row.table_name}.{row.column_name}", message)
    node = translated.node
    if column.sql == "numeric":
        # Oracle's NUMBER has no trailing zeros; PostgreSQL's numeric keeps those that multiplying and dividing leave.
        node = exp.Anonymous(this="trim_scale", expressions=[exp.cast(node, "numeric", dialect="postgres")])
    return exp.ComputedColumnConstraint(this=node, persisted=True)


def _value(source: Source, output: Output, column: ColumnType) -> Node | None:
    row = column.row
    identity = source.identities.get((row.owner, row.table_name, row.column_name))
    if identity is not None or row.identity_column == "YES":
        return _identity(source, output, column, identity)
    text = row.data_default.strip()
    if not text or text.upper() == "NULL":
        return None
    place = f"{row.table_name}.{row.column_name}"
    try:
        translated = translate_default(
            text, kind_of_target(column.sql or "", column.oracle.name), names=NamesOf(source, row.owner), owner=row.owner
        )
    except Refused as refused:
        message = f"the default {text!r} is left out: {refused.reason}"
        output.find("DEFAULT_LEFT_OUT", "column", row.owner, place, message)
        return None
    if row.default_on_null == "YES":
        message = "DEFAULT ON NULL: on the target the default is for rows that do not name the column; NULL is not replaced"
        output.find("DEFAULT_ON_NULL", "column", row.owner, place, message)
    if "USER" in text.upper() and "session_user" in translated.sql:
        output.find("DEFAULT_USER", "column", row.owner, place, "the default is the name of the target's user, in upper case")
    return None if translated.kind.base == "null" else exp.DefaultColumnConstraint(this=translated.node)


def _identity(source: Source, output: Output, column: ColumnType, identity: rows.IdentityRow | None) -> Node:
    row = column.row
    always = identity is not None and identity.generation_type.upper() == "ALWAYS"
    place = f"{row.table_name}.{row.column_name}"
    if row.default_on_null == "YES" and not always:
        message = "BY DEFAULT ON NULL: on the target a row that gives NULL is refused, one that leaves the column out is not"
        output.find("IDENTITY_ON_NULL", "column", row.owner, place, message)
    sequence = source.sequences.get((row.owner, identity.sequence_name)) if identity is not None else None
    node = exp.GeneratedAsIdentityColumnConstraint(this=always)
    if sequence is None:
        return node
    output.account("SEQUENCE", sequence.sequence_owner, sequence.sequence_name)
    reach = {"smallint": 2**15 - 1, "integer": 2**31 - 1}.get(column.sql or "", BIGINT)
    try:
        bounds = sequence_bounds(sequence)
        if abs(bounds.start) > reach:
            raise Refused(f"it has reached {bounds.start}, which is no {column.sql}")
    except Refused as refused:
        output.find("IDENTITY_EXHAUSTED", "column", row.owner, place, f"its values begin anew on the target: {refused.reason}")
        return node
    if bounds.exhausted:
        output.find("IDENTITY_EXHAUSTED", "column", row.owner, place, "it has no values left on the source")
    node.set("expression", sequence_properties(bounds, reach))
    return node


@dataclass(frozen=True)
class Bounds:
    """A sequence in the range of bigint; None for a bound that is PostgreSQL's own default."""

    start: int
    increment: int
    minimum: int | None
    maximum: int | None
    cycle: bool
    cache: int
    exhausted: bool = False


def sequence_bounds(row: rows.SequenceRow) -> Bounds:
    """Raises Refused when the sequence has already left the range of bigint."""
    increment = row.increment_by or 1
    low = row.min_value if row.min_value is not None and row.min_value > -BIGINT else None
    high = row.max_value if row.max_value is not None and row.max_value < BIGINT else None
    ascending = increment > 0
    floor = low if low is not None else (1 if ascending and row.min_value is None else -BIGINT)
    ceiling = high if high is not None else BIGINT
    first = floor if ascending else ceiling
    start = row.last_number if row.last_number is not None else first
    exhausted = not floor <= start <= ceiling
    if exhausted and (row.max_value is None or abs(start) > BIGINT):
        raise Refused(f"it has reached {start}, which is no bigint")
    if exhausted:
        start = first if row.cycle_flag == "Y" else ceiling if ascending else floor
    # PostgreSQL's own are 1 and the greatest bigint for ascending sequences, the least and -1 for descending ones.
    minimum = None if floor == (1 if ascending else -BIGINT) else floor
    maximum = None if ceiling == (BIGINT if ascending else -1) else ceiling
    # Every session of PostgreSQL has a cache of its own: with one, values are not in the order in which they were asked for.
    cache = 1 if row.order_flag == "Y" else max(1, row.cache_size or 1)
    return Bounds(start, increment, minimum, maximum, row.cycle_flag == "Y", cache, exhausted)


def sequence_properties(bounds: Bounds, reach: int = BIGINT) -> exp.SequenceProperties:
    """What stands behind CREATE SEQUENCE, and within an identity's parentheses. ``reach``: the greatest value of the column's
    type; a bound beyond it is left to the type."""
    properties = exp.SequenceProperties(
        start=number(bounds.start), increment=number(bounds.increment), cache=number(bounds.cache)
    )
    if bounds.minimum is not None and bounds.minimum >= -reach:
        properties.set("minvalue", number(bounds.minimum))
    if bounds.maximum is not None and bounds.maximum <= reach:
        properties.set("maxvalue", number(bounds.maximum))
    if bounds.cycle:
        properties.set("options", [exp.Var(this="CYCLE")])
    return properties
