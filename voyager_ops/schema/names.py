"""Names in parsed statements: which relation, function or type a node speaks of, and how a name is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pglast import ast
from psycopg import sql

Name = tuple[str, str]
"""(schema, name); schema is "" when the statement does not say it."""


def quoted(*parts: str) -> str:
    """``parts`` as a quoted, dotted SQL identifier; empty parts (an unknown schema) are left out."""
    return sql.Identifier(*[part for part in parts if part]).as_string(None)


def shown(name: Name) -> str:
    """A name for people: schema.name without quotes."""
    return ".".join(part for part in name if part)


def of_range(node: Any) -> Name:
    return (node.schemaname or "", node.relname)


def strings(nodes: Any) -> list[str]:
    """The texts of a list of String nodes (how most qualified names come out of the parser)."""
    return [str(node.sval) for node in nodes or () if isinstance(node, ast.String)]


def of_strings(nodes: Any) -> Name:
    parts = strings(nodes)
    if not parts:
        return ("", "")
    return (parts[-2] if len(parts) > 1 else "", parts[-1])


def of_type(node: Any) -> Name:
    return of_strings(node.names)


def walk(node: Any) -> Iterator[Any]:
    """Every node below and including ``node``, parents first."""
    stack = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, (tuple, list)):
            stack.extend(reversed(current))
        elif isinstance(current, ast.Node):
            yield current
            stack.extend(
                value
                for slot in reversed(list(type(current).__slots__))  # type: ignore[attr-defined]
                if isinstance(value := getattr(current, slot, None), (ast.Node, tuple, list))
            )


def split_dotted(text: str) -> list[str] | None:
    """The parts of a dotted identifier as SQL reads it (``a."B.c"`` is ``["a", "B.c"]``); None when it is not one."""
    parts: list[str] = []
    at = 0
    while at < len(text):
        if text[at] == '"':
            value, at = _quoted_part(text, at + 1)
            if value is None:
                return None
        else:
            end = at
            while end < len(text) and (text[end].isalnum() or text[end] in "_$"):
                end += 1
            if end == at:
                return None
            value, at = text[at:end].lower(), end
        parts.append(value)
        if at == len(text):
            return parts
        if text[at] != ".":
            return None
        at += 1
    return None


def _quoted_part(text: str, at: int) -> tuple[str | None, int]:
    value = ""
    while at < len(text):
        if text[at] != '"':
            value += text[at]
            at += 1
        elif text[at + 1 : at + 2] == '"':
            value += '"'
            at += 2
        else:
            return value, at + 1
    return None, at
