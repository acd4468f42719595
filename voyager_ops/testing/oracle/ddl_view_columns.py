"""Columns of views whose query the simulator cannot describe: by their names, or by the attributes of the view's type."""

from __future__ import annotations

from voyager_ops.testing.oracle import dictionary as dd
from voyager_ops.testing.oracle.datatypes import DataType
from voyager_ops.testing.oracle.ddl_context import Context
from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.tokens import Cursor

UNKNOWN = DataType("VARCHAR2", length=4000)


def listed_columns(query: str) -> list[str]:
    """The names of the columns of a query's first select list. Empty where one has none that can be told from its words."""
    cursor = Cursor(query)
    while not cursor.accept("SELECT"):
        if cursor.done:
            return []
        if cursor.is_word("("):
            cursor.parenthesised()
        else:
            cursor.at += 1
    cursor.accept("DISTINCT") or cursor.accept("UNIQUE") or cursor.accept("ALL")
    names: list[str] = []
    while True:
        last = ""
        depth = 0
        while not (depth == 0 and (cursor.is_word(",") or cursor.is_word("FROM"))):
            if cursor.done:
                return []
            if cursor.is_word("("):
                cursor.parenthesised()
                last = ""
                continue
            depth += cursor.is_word("CASE") - cursor.is_word("END")
            last = cursor.token.value if cursor.token.is_name and not cursor.is_word("END") else ""
            cursor.at += 1
        if not last:
            return []
        names.append(last)
        if not cursor.accept(","):
            return names


def type_columns(context: Context, owner: str, name: str) -> list[tuple[str, DataType]]:
    """What a view of objects of a type has for columns: its attributes."""
    found = dd.rows(
        context.connection,
        "TYPE_ATTRS",
        "ATTR_NAME",
        "ATTR_TYPE_OWNER",
        "ATTR_TYPE_NAME",
        "LENGTH",
        "PRECISION",
        "SCALE",
        order="ATTR_NO",
        OWNER=owner,
        TYPE_NAME=name,
    )
    if not found:
        raise OracleError(902, "invalid datatype")
    return [
        (
            str(column),
            DataType(
                str(kind),
                length=int(length or 0),
                precision=None if precision is None else int(precision),
                scale=None if scale is None else int(scale),
                owner="" if kind_owner is None else str(kind_owner),
            ),
        )
        for column, kind_owner, kind, length, precision, scale in found
    ]
