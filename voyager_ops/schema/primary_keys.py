"""Primary keys into CREATE TABLE: a partitioned table of YugabyteDB cannot be given one later, and a snapshot needs them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pglast import ast
from pglast.enums import AlterTableType, ObjectType

from voyager_ops.schema.classify import primary_key
from voyager_ops.schema.names import Name, of_range
from voyager_ops.schema.statements import Statement, parse, tokens

_OPEN, _CLOSE = "ASCII_40", "ASCII_41"


def merge_primary_keys(statements: Sequence[Statement]) -> list[Statement]:
    """The statements with each ``ALTER TABLE … ADD PRIMARY KEY`` moved into its CREATE TABLE.

    ``ALTER INDEX … ATTACH PARTITION`` between two merged keys is dropped: attaching the tables attaches the keys. A key whose
    table cannot take it (no column list) stays where it was.
    """
    tables = {of_range(s.node.relation): n for n, s in enumerate(statements) if isinstance(s.node, ast.CreateStmt)}
    result: list[Statement | None] = list(statements)
    merged: set[Name] = set()
    for position, statement in enumerate(statements):
        constraint = primary_key(statement.node)
        if constraint is None:
            continue
        at = tables.get(of_range(statement.node.relation))
        table = result[at] if at is not None else None
        combined = _combined(table, constraint_text(statement.text)) if table is not None else None
        if at is None or combined is None:
            continue
        result[at], result[position] = combined, None
        if constraint.conname:
            merged.add((statement.node.relation.schemaname or "", constraint.conname))
    return [s for s in result if s is not None and not _attaches(s.node, merged)]


def constraint_text(text: str) -> str:
    """What follows ADD in ``ALTER TABLE … ADD CONSTRAINT …``."""
    add = next(token for token in tokens(text) if token.name == "ADD_P")
    return text[add.end :].strip()


def _combined(table: Statement, constraint: str) -> Statement | None:
    """``table`` with ``constraint`` as the last item of its column list; None when there is no list."""
    depth = 0
    opened: int | None = None
    empty = True
    for token in tokens(table.text):
        if token.name == _OPEN:
            depth += 1
            if opened is None:
                opened = token.end
                continue
        elif token.name == _CLOSE:
            depth -= 1
            if depth == 0 and opened is not None:
                head = table.text[: token.start].rstrip()
                separator = "" if empty else ","
                text = f"{head}{separator}\n    {constraint}\n{table.text[token.start :]}"
                return _checked(table, text)
        elif opened is None and token.name in {"INHERITS", "PARTITION", "WITH"}:
            return None
        if opened is not None:
            empty = False
    return None


def _checked(table: Statement, text: str) -> Statement | None:
    parsed = parse(text)
    if len(parsed) != 1 or parsed[0].error is not None:
        return None
    return replace(table, text=text, node=parsed[0].node)


def _attaches(node: Any, merged: set[Name]) -> bool:
    if not isinstance(node, ast.AlterTableStmt) or node.objtype != ObjectType.OBJECT_INDEX:
        return False
    command: Any = (node.cmds or (None,))[0]
    if command.subtype != AlterTableType.AT_AttachPartition:
        return False
    return of_range(node.relation) in merged and of_range(command.def_.name) in merged
