"""Building the SchemaModel from statements."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pglast import ast
from pglast.enums import AlterTableType, ConstrType

from voyager_ops.schema.names import of_range, of_strings, of_type, strings
from voyager_ops.schema.rules.base import ColumnInfo, KeyInfo, SchemaModel, TableInfo


def build(nodes: Iterable[Any]) -> SchemaModel:
    """The model of a schema given the parse trees of all its statements (in any order)."""
    model = SchemaModel()
    listed = list(nodes)
    for node in listed:
        if isinstance(node, ast.CreateStmt):
            _table(model, node)
        elif isinstance(node, ast.CreateDomainStmt):
            typed: Any = node.typeName
            model.domains[of_strings(node.domainname)] = (of_type(typed), bool(typed.arrayBounds))
        elif isinstance(node, (ast.CreateEnumStmt, ast.CreateRangeStmt)):
            model.user_types.add(of_strings(node.typeName))
        elif isinstance(node, ast.CompositeTypeStmt):
            model.user_types.add(of_range(node.typevar))
    for node in listed:
        if isinstance(node, ast.IndexStmt):
            _index(model, node)
        elif isinstance(node, ast.AlterTableStmt):
            _alter(model, node)
    return model


def _table(model: SchemaModel, node: Any) -> None:
    table = TableInfo(of_range(node.relation))
    model.tables[table.name] = table
    if node.partspec is not None:
        table.partition_strategy = node.partspec.strategy.value
        table.partition_columns = tuple(item.name or "" for item in node.partspec.partParams)
    if node.inhRelations:
        table.parent = of_range(node.inhRelations[0])
    for item in node.tableElts or ():
        if isinstance(item, ast.ColumnDef):
            _column(table, item)
        elif isinstance(item, ast.Constraint):
            _constraint(table, item)


def _column(table: TableInfo, node: Any) -> None:
    constraints = node.constraints or ()
    not_null = any(c.contype in {ConstrType.CONSTR_NOTNULL, ConstrType.CONSTR_PRIMARY} for c in constraints)
    if node.typeName is not None:
        table.columns[node.colname] = ColumnInfo(
            node.colname, of_type(node.typeName), bool(node.typeName.arrayBounds), not_null or bool(node.is_not_null)
        )
    for constraint in constraints:
        if constraint.contype in {ConstrType.CONSTR_PRIMARY, ConstrType.CONSTR_UNIQUE}:
            primary = constraint.contype == ConstrType.CONSTR_PRIMARY
            table.keys.append(KeyInfo(constraint.conname or "", (node.colname,), True, primary, constraint=True))


def _constraint(table: TableInfo, node: Any) -> None:
    if node.contype in {ConstrType.CONSTR_PRIMARY, ConstrType.CONSTR_UNIQUE}:
        primary = node.contype == ConstrType.CONSTR_PRIMARY
        table.keys.append(KeyInfo(node.conname or "", tuple(strings(node.keys)), True, primary, constraint=True))


def _alter(model: SchemaModel, node: Any) -> None:
    table = model.tables.get(of_range(node.relation))
    if table is None:
        return
    for command in node.cmds:
        if command.subtype == AlterTableType.AT_AddConstraint:
            _constraint(table, command.def_)
        elif command.subtype == AlterTableType.AT_AttachPartition:
            child = model.tables.get(of_range(command.def_.name))
            if child is not None:
                child.parent = table.name


def _index(model: SchemaModel, node: Any) -> None:
    table = model.tables.get(of_range(node.relation))
    if table is not None:
        columns = tuple(item.name or "" for item in node.indexParams)
        table.keys.append(
            KeyInfo(
                node.idxname or "", columns, bool(node.unique), False, node.whereClause is not None, node.accessMethod or "btree"
            )
        )
