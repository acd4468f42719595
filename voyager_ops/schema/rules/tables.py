"""Tables and their constraints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pglast import ast
from pglast.enums import AlterTableType as At
from pglast.enums import ConstrType

from voyager_ops.schema.names import of_range, shown, strings
from voyager_ops.schema.rules.base import Check, Hit, SchemaModel, Subject

_STATE_NAMES = {At.AT_DisableRule: "ALTER_TABLE_DISABLE_RULE", At.AT_ClusterOn: "ALTER_TABLE_CLUSTER_ON"}


def _constraints(node: Any) -> Iterator[tuple[str, Any]]:
    """Every constraint that a statement declares, with the column it stands at ("" for the table's own)."""
    if isinstance(node, ast.CreateStmt):
        for item in node.tableElts or ():
            if isinstance(item, ast.ColumnDef):
                for constraint in item.constraints or ():
                    yield str(item.colname), constraint
            elif isinstance(item, ast.Constraint):
                yield "", item
    elif isinstance(node, ast.AlterTableStmt):
        for command in node.cmds or ():
            if command.subtype == At.AT_AddConstraint:
                yield "", command.def_


def check_table(model: SchemaModel, subject: Subject) -> Iterator[Hit]:
    node = subject.node
    if not isinstance(node, ast.CreateStmt):
        return
    relation: Any = node.relation
    if relation.relpersistence == "u":
        yield Hit("UNLOGGED_TABLES")
    if node.options:
        yield Hit("STORAGE_PARAMETERS", ", ".join(option.defname for option in node.options))
    if node.inhRelations and not node.partbound:
        yield Hit("INHERITANCE", "from " + ", ".join(shown(of_range(parent)) for parent in node.inhRelations))
    for item in node.tableElts or ():
        if isinstance(item, ast.ColumnDef) and item.compression:
            yield Hit("COMPRESSION_CLAUSE_IN_TABLE", f"column {item.colname}")
    yield from _partitioning(model, node)


def _partitioning(model: SchemaModel, node: Any) -> Iterator[Hit]:
    table = model.tables.get(of_range(node.relation))
    if table is None or not table.partition_strategy:
        return
    expressions = "" in table.partition_columns
    if expressions and any(key.constraint for key in table.keys):
        yield Hit("EXPRESSION_PARTITION_WITH_PK_UK")
    if table.partition_strategy == "l" and len(table.partition_columns) > 1:
        yield Hit("MULTI_COLUMN_LIST_PARTITION", ", ".join(table.partition_columns))
    key = table.primary_key
    missing = [column for column in table.partition_columns if key is not None and column and column not in key.columns]
    if missing:
        yield Hit("INSUFFICIENT_COLUMNS_IN_PK_FOR_PARTITION", ", ".join(missing))


def check_constraints(model: SchemaModel, subject: Subject) -> Iterator[Hit]:
    for column, constraint in _constraints(subject.node):
        label = constraint.conname or column
        if constraint.contype == ConstrType.CONSTR_GENERATED and (constraint.generated_kind or "s") == "s":
            yield Hit("STORED_GENERATED_COLUMNS", f"column {column}")
        if constraint.contype == ConstrType.CONSTR_EXCLUSION:
            yield Hit("EXCLUSION_CONSTRAINTS", label)
        deferrable = constraint.deferrable or constraint.contype == ConstrType.CONSTR_ATTR_DEFERRABLE
        if deferrable and constraint.contype != ConstrType.CONSTR_FOREIGN:
            yield Hit("DEFERRABLE_CONSTRAINTS", label)
        if constraint.contype == ConstrType.CONSTR_UNIQUE and constraint.nulls_not_distinct:
            yield Hit("UNIQUE_NULLS_NOT_DISTINCT", label)
        if constraint.options:
            yield Hit("STORAGE_PARAMETERS", f"constraint {label}")
        if constraint.contype == ConstrType.CONSTR_FOREIGN:
            referenced = model.tables.get(of_range(constraint.pktable))
            if referenced is not None and referenced.partition_strategy:
                yield Hit("FOREIGN_KEY_REFERENCED_PARTITIONED_TABLE", f"{label} references {shown(referenced.name)}")


def check_alter(model: SchemaModel, subject: Subject) -> Iterator[Hit]:
    node = subject.node
    if not isinstance(node, ast.AlterTableStmt):
        return
    for command in node.cmds or ():
        if command.subtype in _STATE_NAMES:
            yield Hit(_STATE_NAMES[command.subtype], str(command.name or ""))
        elif command.subtype in {At.AT_SetOptions, At.AT_ResetOptions}:
            yield Hit("ALTER_TABLE_SET_COLUMN_ATTRIBUTE", f"column {command.name}")
        elif command.subtype == At.AT_SetCompression:
            yield Hit("COMPRESSION_CLAUSE_IN_TABLE", f"column {command.name}")
        elif command.subtype == At.AT_SetRelOptions:
            yield Hit("STORAGE_PARAMETERS")
        elif command.subtype == At.AT_AddInherit:
            yield Hit("INHERITANCE")
        elif command.subtype == At.AT_AddConstraint:
            constraint: Any = command.def_
            table = model.tables.get(of_range(node.relation))
            if constraint.contype == ConstrType.CONSTR_PRIMARY and table is not None and table.partition_strategy:
                yield Hit("ALTER_TABLE_ADD_PK_ON_PARTITIONED_TABLE", ", ".join(strings(constraint.keys)))


def check_foreign_table(model: SchemaModel, subject: Subject) -> Iterator[Hit]:
    if isinstance(subject.node, ast.CreateForeignTableStmt):
        yield Hit("FOREIGN_TABLE")


def check_view(model: SchemaModel, subject: Subject) -> Iterator[Hit]:
    node = subject.node
    if not isinstance(node, ast.ViewStmt):
        return
    if any(option.defname == "security_invoker" for option in node.options or ()):
        yield Hit("SECURITY_INVOKER_VIEWS")


CHECKS: tuple[Check, ...] = (check_table, check_constraints, check_alter, check_foreign_table, check_view)
