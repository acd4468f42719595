"""Indexes and keys: access methods, GIN limits, and column types that cannot be keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pglast import ast
from pglast.enums import AlterTableType, ConstrType, SortByDir

from voyager_ops.schema.names import Name, of_range, strings
from voyager_ops.schema.rules.base import Check, Hit, SchemaModel, Subject

_METHODS = {"gist": "GIST", "brin": "BRIN", "spgist": "SPGIST"}
# Types whose columns can be neither key nor ordinary (LSM) index of YugabyteDB; the ids end in these words.
NOT_INDEXABLE = {
    **{
        name: name.upper()
        for name in (
            *("citext", "tsvector", "tsquery", "jsonb", "inet", "json", "macaddr", "macaddr8", "cidr", "bit", "varbit"),
            *("daterange", "tsrange", "tstzrange", "numrange", "int4range", "int8range", "interval"),
            *("circle", "box", "line", "lseg", "point", "pg_lsn", "path", "polygon", "txid_snapshot"),
        )
    },
}


def _type_word(model: SchemaModel, table: Name, column: str) -> str | None:
    """The last part of the id for a column that cannot be indexed; None when it can."""
    info = model.column(table, column)
    if info is None:
        return None
    name, array = model.resolve(info)
    if array:
        return "ARRAY"
    if name in model.user_types:
        return "USER_DEFINED"
    return NOT_INDEXABLE.get(name[1])


def _keys_of(node: Any) -> Iterator[tuple[Name, str, list[str]]]:
    """(table, constraint, columns) of each primary and unique constraint that a statement declares."""
    wanted = {ConstrType.CONSTR_PRIMARY, ConstrType.CONSTR_UNIQUE}
    if isinstance(node, ast.CreateStmt):
        table = of_range(node.relation)
        for item in node.tableElts or ():
            if isinstance(item, ast.Constraint) and item.contype in wanted:
                yield table, item.conname or "", strings(item.keys)
            elif isinstance(item, ast.ColumnDef):
                inline = (c for c in item.constraints or () if c.contype in wanted)
                yield from ((table, c.conname or "", [str(item.colname)]) for c in inline)
    elif isinstance(node, ast.AlterTableStmt):
        for command in node.cmds or ():
            added: Any = command.def_
            if command.subtype == AlterTableType.AT_AddConstraint and added.contype in wanted:
                yield of_range(node.relation), added.conname or "", strings(added.keys)


def check_keys(model: SchemaModel, subject: Subject) -> Iterator[Hit]:
    for table, name, columns in _keys_of(subject.node):
        for column in columns:
            word = _type_word(model, table, column)
            if word is not None:
                yield Hit(f"PK_UK_ON_{word}_DATATYPE", f"column {column} of {name or 'the key'}")


def check_index(model: SchemaModel, subject: Subject) -> Iterator[Hit]:
    node = subject.node
    if not isinstance(node, ast.IndexStmt):
        return
    method = node.accessMethod or "btree"
    items: Any = node.indexParams or ()
    if method in _METHODS:
        yield Hit(f"UNSUPPORTED_{_METHODS[method]}_INDEX_METHOD")
    if node.options:
        yield Hit("STORAGE_PARAMETERS", ", ".join(str(option.defname) for option in node.options))
    if node.unique and node.nulls_not_distinct:
        yield Hit("UNIQUE_NULLS_NOT_DISTINCT")
    if method == "gin":
        if len(items) > 1:
            yield Hit("MULTI_COLUMN_GIN_INDEX")
        elif items and items[0].ordering not in {None, SortByDir.SORTBY_DEFAULT}:
            yield Hit("ORDERED_GIN_INDEX")
    if method not in {"btree", "hash"}:
        return
    for item in items:
        word = _type_word(model, of_range(node.relation), item.name) if item.name else _cast_word(model, item.expr)
        if word is not None:
            yield Hit(f"INDEX_ON_{word}_DATATYPE", f"column {item.name}" if item.name else "an expression")


def _cast_word(model: SchemaModel, expression: Any) -> str | None:
    """For an index on ``(expression::type)``."""
    if not isinstance(expression, ast.TypeCast):
        return None
    typed: Any = expression.typeName
    name = strings(typed.names)
    if typed.arrayBounds:
        return "ARRAY"
    if (name[-2] if len(name) > 1 else "", name[-1]) in model.user_types:
        return "USER_DEFINED"
    return NOT_INDEXABLE.get(name[-1])


CHECKS: tuple[Check, ...] = (check_keys, check_index)
