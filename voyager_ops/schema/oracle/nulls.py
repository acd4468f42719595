"""Columns of a query that hold nothing but NULL: which type they have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlglot import exp

from voyager_ops.schema.oracle.dialect import Node, cast_to
from voyager_ops.schema.oracle.typed import TEXT, Kind

_TYPES = {
    "text": "text",
    "char": "text",
    "number": "numeric",
    "double": "double precision",
    "date": "timestamp without time zone",
    "timestamp": "timestamp without time zone",
    "instant": "timestamp with time zone",
    "interval": "interval",
    "bytes": "bytea",
    "boolean": "boolean",
}


def settled(columns: Mapping[str, Kind]) -> dict[str, Kind]:
    """The columns as a query around them, or a view, has them: nothing but NULL is text, to both databases."""
    return {name: TEXT if kind.base == "null" else kind for name, kind in columns.items()}


def give_types(query: Any, kinds: list[tuple[Kind, Kind]]) -> None:
    """Cast the NULLs of ``query``, one side of a UNION, where (its kind, the kind of the result) differ so.

    PostgreSQL settles the type of two sides before it looks at a third one.
    """
    for position, (own, wanted) in enumerate(kinds):
        sql = "bigint" if wanted.native else _TYPES.get(wanted.base, wanted.sql)
        if own.base == "null" and wanted.base != "null" and sql:
            _cast(query, position, sql)


def _cast(query: Any, position: int, sql: str) -> None:
    if isinstance(query, exp.Select):
        given = query.expressions[position]
        inner: Node = given.this if isinstance(given, exp.Alias) else given
        typed = cast_to(inner.copy(), sql)
        query.expressions[position] = exp.Alias(this=typed, alias=given.args["alias"]) if isinstance(given, exp.Alias) else typed
        query.set("expressions", query.expressions)
    else:
        _cast(query.this, position, sql)
        if isinstance(query, exp.SetOperation):
            _cast(query.expression, position, sql)
