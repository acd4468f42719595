"""Indexes: created, covered by a constraint, or named."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlglot import exp

from voyager_ops.databases.oracle import dictionary_rows as rows
from voyager_ops.schema.oracle.constraints import NULLS_DIFFER
from voyager_ops.schema.oracle.dialect import Node, Refused, identifier, table
from voyager_ops.schema.oracle.gate import translate_expression
from voyager_ops.schema.oracle.output import Output
from voyager_ops.schema.oracle.scope import target_of
from voyager_ops.schema.oracle.source import Source
from voyager_ops.schema.oracle.typed import Kind

_SILENT = {"LOB", "IOT - TOP", "IOT - NESTED"}
_AS_BTREE = {
    "NORMAL/REV": "a reverse key index",
    "BITMAP": "a bitmap index",
    "FUNCTION-BASED BITMAP": "a bitmap index",
    "FUNCTION-BASED NORMAL/REV": "a reverse key index",
}
_KNOWN = {"NORMAL", "FUNCTION-BASED NORMAL", *_AS_BTREE}


def convert_indexes(source: Source, output: Output, columns: Mapping[tuple[str, str], Mapping[str, Kind]]) -> None:
    """Every index on the relations in ``columns`` (Oracle's names of tables and materialized views, with their columns)."""
    for index in source.dictionary.indexes:
        output.account("INDEX", index.owner, index.index_name)
        place = (index.table_owner, index.table_name)
        if index.index_type in _SILENT or place not in columns:
            continue  # part of a LOB or of the table itself; or of a table that is named as left out
        if place in source.tables and _of_constraint(source, index):
            continue
        try:
            _index(source, output, index, columns[place])
        except Refused as refused:
            message = f"the index is left out: {refused.reason}"
            output.find("INDEX_LEFT_OUT", "index", index.owner, f"{index.table_name}.{index.index_name}", message)


def _of_constraint(source: Source, index: rows.IndexRow) -> bool:
    """Whether an enabled key of the table makes the same index by itself: with the key's columns, in their order."""
    names = [column.column_name for column in source.index_columns(index.owner, index.index_name)]
    for row in source.constraints.get((index.table_owner, index.table_name), ()):
        if row.constraint_type not in ("P", "U") or row.status != "ENABLED":
            continue
        own = (row.index_owner or row.owner, row.index_name or row.constraint_name) == (index.owner, index.index_name)
        if own and (not names or names == source.constraint_columns(row.owner, row.constraint_name)):
            return True
    return False


def _index(source: Source, output: Output, index: rows.IndexRow, columns: Mapping[str, Kind]) -> None:
    if index.join_index == "YES":
        raise Refused("a bitmap join index has no counterpart on the target")
    if index.index_type not in _KNOWN:
        kind = (
            f"{index.ityp_owner}.{index.ityp_name} (domain index)".removeprefix(". ")
            if index.index_type == "DOMAIN"
            else index.index_type
        )
        raise Refused(f"an index of type {kind} has no counterpart on the target")
    if index.status == "UNUSABLE":
        raise Refused("it is unusable on the source")
    if index.funcidx_status == "DISABLED":
        raise Refused("it is disabled on the source: the function that it is made of has changed or gone")
    keys: list[Node] = []
    plain: list[str] = []
    for column in source.index_columns(index.owner, index.index_name):
        node, name = _key(source, index, column, columns)
        keys.append(exp.Ordered(this=node, desc=True, nulls_first=True) if column.descend == "DESC" else node)
        plain.append(name)
    if not keys:
        raise Refused("its columns are not known")
    place = f"{index.table_name}.{index.index_name}"
    if index.index_type in _AS_BTREE:
        message = f"{_AS_BTREE[index.index_type]} on the source, an ordinary one on the target"
        output.find("INDEX_TYPE", "index", index.owner, place, message)
    partitioning = source.partitioned_indexes.get((index.owner, index.index_name))
    if partitioning is not None and partitioning.locality != "LOCAL":
        message = (
            f"it has partitions of its own on the source (GLOBAL, {partitioning.partitioning_type}); on the target an index is"
            " partitioned as its table is, or not at all"
        )
        output.find("INDEX_PARTITIONS", "index", index.owner, place, message)
    if index.visibility == "INVISIBLE":
        message = "invisible on the source, whose optimizer does not use it; the target has no such indexes: there it is used"
        output.find("INDEX_INVISIBLE", "index", index.owner, place, message)
    unique = index.uniqueness == "UNIQUE"
    filled = {row.column_name for row in source.columns[(index.table_owner, index.table_name)] if row.nullable == "N"}
    if unique and len(keys) > 1 and not set(plain) <= filled:
        output.find("UNIQUE_WITH_NULL", "index", index.owner, place, NULLS_DIFFER)
    name = output.free_name("index", index.table_owner, index.index_name, suffix="idx")
    target = table(*source.names.at(index.table_owner, index.table_name))
    parameters = exp.IndexParameters(columns=keys)
    output.add(exp.Create(kind="INDEX", unique=unique, this=exp.Index(this=identifier(name), table=target, params=parameters)))


def in_utc(text: str, columns: Mapping[str, Kind]) -> bool:
    """Whether it is how Oracle indexes a plain column with a time zone. PostgreSQL compares those by the moment itself."""
    found = re.fullmatch(r'\s*SYS_EXTRACT_UTC\("([^"]+)"\)\s*', text)
    return found is not None and columns.get(found[1]) is not None and columns[found[1]].base == "instant"


def _key(source: Source, index: rows.IndexRow, column: rows.IndexColumnRow, columns: Mapping[str, Kind]) -> tuple[Node, str]:
    text = source.index_expressions.get((index.owner, index.index_name, column.column_position))
    if text is None:
        if column.column_name not in columns:
            raise Refused(f"its column {column.column_name} is not on the target")
        return exp.Column(this=identifier(target_of(columns, column.column_name))), column.column_name
    translated = translate_expression(text, columns=columns, owner=index.table_owner, lasting=True)
    if translated.kind.base == "null":
        raise Refused("it indexes a constant")
    if in_utc(text, columns):
        node = translated.node.expressions[1]
        return node, next((native for native in columns if target_of(columns, native) == node.name), "")
    if isinstance(translated.node, exp.Column):
        return translated.node, next((native for native in columns if target_of(columns, native) == translated.node.name), "")
    return exp.Paren(this=translated.node), ""
