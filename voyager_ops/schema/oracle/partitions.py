"""Partitions: range, list, hash, interval and composite ones as PostgreSQL's declarative partitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import exp

from voyager_ops.databases.oracle import dictionary_rows as rows
from voyager_ops.databases.oracle.names import fold
from voyager_ops.schema.oracle.columns import TableColumns
from voyager_ops.schema.oracle.dialect import Node, Refused, collated, data_type, identifier, number, table, text
from voyager_ops.schema.oracle.gate import translate_expression
from voyager_ops.schema.oracle.output import Output
from voyager_ops.schema.oracle.scope import target_of
from voyager_ops.schema.oracle.source import Source
from voyager_ops.schema.oracle.typed import Kind, is_moment, is_text

_STRATEGIES = {"RANGE": "RANGE", "LIST": "LIST", "HASH": "HASH"}


@dataclass(frozen=True)
class Level:
    """One level of partitioning. ``keys``: Oracle's names."""

    strategy: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """How a table is partitioned on the target."""

    top: Level
    sub: Level | None
    columns: TableColumns

    @property
    def levels(self) -> list[Level]:
        return [self.top] if self.sub is None else [self.top, self.sub]

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(key for level in self.levels for key in level.keys)

    @property
    def in_binary_order(self) -> frozenset[str]:
        """The texts among the keys of ranges."""
        ranges = [key for level in self.levels if level.strategy == "RANGE" for key in level.keys]
        return frozenset(key for key in ranges if is_text(self.columns.kinds[key]))


def plan(source: Source, output: Output, owner: str, name: str, columns: TableColumns) -> Plan | None:
    """The plan for a partitioned table; None for one that is not, or cannot be on the target (then a finding says why)."""
    row = source.partitioned.get((owner, name))
    if row is None:
        return None
    place = (row.owner, row.table_name)
    try:
        top = _level(row.partitioning_type, source.partition_keys.get(place, []), columns)
        _refuse_unkeyed(source, owner, name, Plan(top, None, columns))
    except Refused as refused:
        message = f"the table has no partitions on the target, all its rows are in one: {refused.reason}"
        output.find("NOT_PARTITIONED", "table", owner, name, message)
        return None
    if row.subpartitioning_type in ("", "NONE"):
        return Plan(top, None, columns)
    try:
        found = Plan(top, _level(row.subpartitioning_type, source.subpartition_keys.get(place, []), columns), columns)
        _refuse_unkeyed(source, owner, name, found)
    except Refused as refused:
        message = f"its partitions have no sub-partitions on the target: {refused.reason}"
        output.find("NOT_SUBPARTITIONED", "table", owner, name, message)
        return Plan(top, None, columns)
    return found


def _level(kind: str, keys: Sequence[rows.PartitionKeyRow], columns: TableColumns) -> Level:
    strategy = _STRATEGIES.get(kind)
    if strategy is None:
        raise Refused(f"PARTITION BY {kind} has no counterpart")
    own = [key for key in keys if key.object_type.strip() in ("TABLE", "")]
    names = tuple(key.column_name for key in sorted(own, key=lambda key: key.column_position or 0))
    if not names:
        raise Refused("its partition key is not known")
    missing = [name for name in names if name not in columns.kinds or name in columns.virtual]
    if missing:
        raise Refused(f"its partition key {', '.join(missing)} is no stored column there")
    if strategy == "LIST" and len(names) > 1:
        raise Refused("a list of several columns is no partition key there")
    if strategy == "HASH" and any(columns.kinds[name].base in ("double", "other") for name in names):
        raise Refused(f"its partition key {', '.join(names)} cannot be hashed alike")
    return Level(strategy, names)


def _refuse_unkeyed(source: Source, owner: str, name: str, found: Plan) -> None:
    """PostgreSQL takes no unique key of a partitioned table without the partition key in it.

    The key is what rows are known by and what the application relies on; the partitions are not: they go.
    """
    for row in source.constraints.get((owner, name), ()):
        if row.constraint_type in ("P", "U") and row.status == "ENABLED":
            if found.in_binary_order:
                raise Refused("it has a key, and is partitioned by a text in binary order: PostgreSQL cannot have both")
            missing = found.keys - set(source.constraint_columns(row.owner, row.constraint_name))
            if missing:
                kind = "primary key" if row.constraint_type == "P" else "unique constraint"
                raise Refused(
                    f"its {kind} {row.constraint_name} lacks the partition key ({', '.join(sorted(missing))}), which PostgreSQL"
                    " does not allow. To keep the partitions, add the column to the key on the source first"
                )
    for index in source.indexes.get((owner, name), ()):
        if index.uniqueness == "UNIQUE" and index.index_type != "LOB":
            columns = {column.column_name for column in source.index_columns(index.owner, index.index_name)}
            missing = found.keys - columns
            if missing and columns:
                raise Refused(
                    f"its unique index {index.index_name} lacks the partition key ({', '.join(sorted(missing))}), which"
                    " PostgreSQL does not allow"
                )


def partition_by(level: Level, columns: TableColumns) -> Node:
    """``PARTITION BY`` of a table. Text is kept in binary order, as Oracle compares it with its bounds."""
    keys: list[Node] = []
    for name in level.keys:
        column: Node = exp.Column(this=identifier(target_of(columns.kinds, name)))
        keys.append(collated(column, "C") if level.strategy == "RANGE" and is_text(columns.kinds[name]) else column)
    return exp.PartitionedByProperty(this=exp.Schema(this=level.strategy, expressions=keys))


def children(source: Source, output: Output, owner: str, name: str, found: Plan) -> None:
    """The statements of every partition and sub-partition. Raises Refused for a bound that is not understood."""
    parts = source.partitions(owner, name)
    if not parts:
        raise Refused("none of its partitions is known")
    row = source.partitioned[(owner, name)]
    bounds = _bounds(found.top, [part.high_value for part in parts], found.columns)
    # All bounds first: a table with half of its partitions would be worse than one without.
    subs = {part.partition_name: _sub_parts(source, part, found) for part in parts}
    parent = table(*output.names.at(owner, name))
    for part, bound in zip(parts, bounds, strict=True):
        child = _child_name(output, owner, name, part.partition_name)
        sub = subs[part.partition_name]
        under = partition_by(found.sub, found.columns) if found.sub is not None and sub else None
        _create(output, owner, child, parent, bound, under)
        output.account("TABLE PARTITION", owner, f"{name}.{part.partition_name}")
        for sub_name, sub_bound in sub:
            leaf = _child_name(output, owner, name, sub_name)
            _create(output, owner, leaf, table(fold(owner), child), sub_bound, None)
            output.account("TABLE SUBPARTITION", owner, f"{name}.{sub_name}")
    _catch_all(output, owner, name, row, found, bounds)


def _sub_parts(source: Source, part: rows.PartitionRow, found: Plan) -> list[tuple[str, Node]]:
    if found.sub is None:
        return []
    own = source.subpartitions(part.table_owner, part.table_name, part.partition_name)
    bounds = _bounds(found.sub, [row.high_value for row in own], found.columns)
    return [(row.subpartition_name, bound) for row, bound in zip(own, bounds, strict=True)]


def _child_name(output: Output, owner: str, parent: str, part: str) -> str:
    native = f"{parent}.{part}"
    return output.free_name("partition", owner, native, wanted=f"{output.names.at(owner, parent)[1]}_{fold(part)}", suffix="p")


def _create(output: Output, owner: str, name: str, parent: exp.Table, bound: Node, under: Node | None) -> None:
    properties: list[Node] = [exp.PartitionedOfProperty(this=parent.copy(), expression=bound)]
    if under is not None:
        properties.append(under)
    output.add(
        exp.Create(this=table(fold(owner), name), kind="TABLE", properties=exp.Properties(expressions=properties)),
    )


def _catch_all(output: Output, owner: str, name: str, row: rows.PartitionedTableRow, found: Plan, bounds: list[Node]) -> None:
    """INTERVAL and AUTOMATIC make partitions as rows come; here a default partition takes those rows."""
    automatic = row.interval or row.autolist == "YES"
    if not automatic or any(_is_default(bound) for bound in bounds):
        return
    child = _child_name(output, owner, name, "REST")
    under = None
    if found.sub is not None:
        under = partition_by(found.sub, found.columns)
    _create(output, owner, child, table(*output.names.at(owner, name)), exp.Var(this="DEFAULT"), under)
    if found.sub is not None:
        leaf = _child_name(output, owner, name, "REST_REST")
        rest = _hash_bound(0, 1) if found.sub.strategy == "HASH" else exp.Var(this="DEFAULT")
        _create(output, owner, leaf, table(fold(owner), child), rest, None)
    what = f"INTERVAL {row.interval}" if row.interval else "AUTOMATIC"
    message = f"{what}: PostgreSQL makes no partitions by itself: rows beyond the present ones go to {child}. Add some in time"
    output.find("PARTITIONS_ON_DEMAND", "table", owner, name, message)


def _is_default(bound: Node) -> bool:
    return isinstance(bound, exp.Var)


# -------------------------------------------------------------------------------------------------------------- bounds


def _bounds(level: Level, highs: Sequence[str], columns: TableColumns) -> list[Node]:
    kinds = [columns.kinds[name] for name in level.keys]
    if level.strategy == "HASH":
        return [_hash_bound(position, len(highs)) for position in range(len(highs))]
    if level.strategy == "LIST":
        return [_list_bound(high, kinds[0]) for high in highs]
    nullable = any(name not in columns.not_null for name in level.keys)
    result: list[Node] = []
    before: list[Node] = [exp.Var(this="MINVALUE") for _ in kinds]
    for high in highs:
        after = [_limit(item, kind) for item, kind in zip(_split(high, len(kinds)), kinds, strict=True)]
        unbounded = all(isinstance(item, exp.Var) for item in after)
        # Oracle puts NULL above everything, PostgreSQL into the default partition only.
        result.append(exp.Var(this="DEFAULT") if unbounded and nullable else _range_bound(before, after))
        before = after
    return result


def _hash_bound(remainder: int, modulus: int) -> Node:
    return exp.PartitionBoundSpec(this=number(modulus), expression=number(remainder))


def _range_bound(low: list[Node], high: list[Node]) -> Node:
    return exp.PartitionBoundSpec(from_expressions=[item.copy() for item in low], to_expressions=[item.copy() for item in high])


def _list_bound(high: str, kind: Kind) -> Node:
    if high.strip().upper() == "DEFAULT":
        return exp.Var(this="DEFAULT")
    return exp.PartitionBoundSpec(this=[_constant(item, kind) for item in _split(high, None)])


def _limit(item: str, kind: Kind) -> Node:
    return exp.Var(this="MAXVALUE") if item.upper() == "MAXVALUE" else _constant(item, kind)


def _constant(item: str, kind: Kind) -> Node:
    """A bound as a plain literal: PostgreSQL reads it by the type of the column."""
    try:
        given = translate_expression(item)
    except Refused as refused:
        raise Refused(f"the bound {item!r} is not understood: {refused.reason}") from refused
    node = given.node
    fits = given.kind.base == kind.base or (is_moment(given.kind) and is_moment(kind)) or (is_text(given.kind) and is_text(kind))
    if given.kind.base == "null":
        return exp.Null()
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal):
        node = text(str(node.this.this))
    if not fits or not isinstance(node, (exp.Literal, exp.Neg)):
        raise Refused(f"the bound {item!r} is not a constant of the type of its column")
    return node


def _split(high: str, wanted: int | None) -> list[str]:
    """The items of a list of bounds, by its commas outside of quotes and parentheses."""
    items: list[str] = []
    depth, quoted, start = 0, False, 0
    for position, letter in enumerate(high):
        if letter == "'":
            quoted = not quoted
        elif not quoted and letter in "()":
            depth += 1 if letter == "(" else -1
        elif letter == "," and not quoted and depth == 0:
            items.append(high[start:position].strip())
            start = position + 1
    items.append(high[start:].strip())
    if wanted is not None and len(items) != wanted:
        raise Refused(f"the bound {high!r} is not understood")
    return items


__all__ = ["Plan", "children", "data_type", "partition_by", "plan"]
