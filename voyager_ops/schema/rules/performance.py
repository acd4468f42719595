"""What works and will be slow on a distributed database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pglast import ast
from pglast.enums import AlterTableType, ConstrType

from voyager_ops.schema.names import Name, of_range, shown, strings
from voyager_ops.schema.rules.base import Check, Hit, KeyInfo, SchemaModel, Subject, TableInfo

_TIMESTAMPS = {"timestamp", "timestamptz"}


def _word(model: SchemaModel, table: Name, column: str) -> str | None:
    info = model.column(table, column) if column else None
    if info is None:
        return None
    name, array = model.resolve(info)
    if array:
        return None
    return "DATE" if name[1] == "date" else "TIMESTAMP" if name[1] in _TIMESTAMPS else None


def check_hotspots(model: SchemaModel, subject: Subject) -> Iterator[Hit]:
    node: Any = subject.node
    if isinstance(node, ast.IndexStmt):
        items: Any = node.indexParams
        word = _word(model, of_range(node.relation), items[0].name or "")
        if word and (node.accessMethod or "btree") == "btree":
            yield Hit(f"HOTSPOTS_ON_{word}_INDEX", f"column {items[0].name}")
        return
    for key in _declared(model, node):
        word = _word(model, of_range(node.relation), key.columns[0]) if key.columns else None
        if word:
            yield Hit(f"HOTSPOTS_ON_{word}_PK_UK", f"column {key.columns[0]} of {key.name or 'the key'}")


def _declared(model: SchemaModel, node: Any) -> list[KeyInfo]:
    """The keys that this statement declares as constraints."""
    if isinstance(node, ast.CreateStmt):
        table = model.tables.get(of_range(node.relation))
        names = {item.conname for item in node.tableElts or () if isinstance(item, ast.Constraint)} | {""}
        return [key for key in table.keys if key.constraint and key.name in names] if table is not None else []
    if isinstance(node, ast.AlterTableStmt):
        table = model.tables.get(of_range(node.relation))
        added = {c.def_.conname for c in node.cmds or () if c.subtype == AlterTableType.AT_AddConstraint}
        return [key for key in table.keys if key.constraint and key.name in added] if table is not None else []
    return []


def check_redundant(model: SchemaModel, subject: Subject) -> Iterator[Hit]:
    node = subject.node
    if not isinstance(node, ast.IndexStmt) or node.unique:
        return
    table = model.tables.get(of_range(node.relation))
    own = next((key for key in table.keys if key.name == node.idxname), None) if table is not None else None
    if table is None or own is None or "" in own.columns or own.partial or own.method != "btree" or node.indexIncludingParams:
        return
    for other in table.keys:
        longer = len(other.columns) > len(own.columns) or (
            len(other.columns) == len(own.columns) and (other.unique or other.name < own.name)
        )
        usable = other.name != own.name and not other.partial and other.method == "btree"
        if usable and longer and other.columns[: len(own.columns)] == own.columns:
            yield Hit("REDUNDANT_INDEXES", f"{other.name or 'the primary key'} begins with the same columns")
            return


def _foreign_keys(node: Any) -> Iterator[Any]:
    if isinstance(node, ast.AlterTableStmt):
        for command in node.cmds or ():
            added: Any = command.def_
            if command.subtype == AlterTableType.AT_AddConstraint and added.contype == ConstrType.CONSTR_FOREIGN:
                yield added


def check_foreign_key(model: SchemaModel, subject: Subject) -> Iterator[Hit]:
    for constraint in _foreign_keys(subject.node):
        table = model.tables.get(of_range(subject.node.relation))
        referenced = model.tables.get(of_range(constraint.pktable))
        columns = tuple(strings(constraint.fk_attrs))
        if table is None:
            continue
        if not _has_index(table, columns):
            yield Hit("MISSING_FOREIGN_KEY_INDEX", ", ".join(columns))
        if referenced is None:
            continue
        key = referenced.primary_key
        targets = tuple(strings(constraint.pk_attrs)) or (key.columns if key is not None else ())
        for own, other in zip(columns, targets, strict=False):
            here, there = model.column(table.name, own), model.column(referenced.name, other)
            if here is not None and there is not None and model.resolve(here) != model.resolve(there):
                yield Hit("FOREIGN_KEY_DATATYPE_MISMATCH", f"{own} is {shown(here.type)}, {other} is {shown(there.type)}")


def _has_index(table: TableInfo, columns: tuple[str, ...]) -> bool:
    wanted = set(columns)
    return any(set(key.columns[: len(columns)]) == wanted and not key.partial for key in table.keys)


def check_missing_primary_key(model: SchemaModel, subject: Subject) -> Iterator[Hit]:
    node = subject.node
    table = model.tables.get(of_range(node.relation)) if isinstance(node, ast.CreateStmt) else None
    if table is None or table.primary_key is not None or table.parent is not None:
        return
    for key in table.keys:
        infos = [model.column(table.name, column) for column in key.columns]
        if key.unique and not key.partial and infos and all(info is not None and info.not_null for info in infos):
            yield Hit("MISSING_PRIMARY_KEY_WHEN_UNIQUE_NOT_NULL", ", ".join(key.columns))
            return


CHECKS: tuple[Check, ...] = (check_hotspots, check_redundant, check_foreign_key, check_missing_primary_key)
