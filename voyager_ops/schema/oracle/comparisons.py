"""Comparisons: what Oracle would convert in passing is converted in the open, or refused."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from voyager_ops.schema.oracle.dialect import Node, Refused, cast_to, collated
from voyager_ops.schema.oracle.typed import Typed, as_double, as_number, is_char, is_number, is_text, padded, string_of, word

_ORDERED = (exp.LT, exp.LTE, exp.GT, exp.GTE)


def compared(operator: type[Any], left: Typed, right: Typed, *, strict: bool = False) -> Node:
    """``left operator right``. ``strict``: the sides may not be converted (they are columns of a sub-query). Raises Refused."""
    a, b = left.kind.base, right.kind.base
    if "null" in (a, b):
        return _built(operator, left.node, right.node)
    if is_text(left.kind) and is_text(right.kind):
        if strict and a != b:
            raise Refused("a CHAR is looked for among texts of varying length, or the other way round")
        if strict and right.kind.blanks and (left.kind.blanks or string_of(left.node) is not None):
            raise Refused("a CHAR is looked for among others that have been reckoned")
        return _texts(operator, left, right)
    if is_number(left.kind) or is_number(right.kind):
        if strict and not (is_number(left.kind) and is_number(right.kind)):
            raise Refused(f"a {word(left.kind)} is looked for among values of another kind")
        left, right = as_number(left), as_number(right)
        return _built(operator, as_double(left, right).node, as_double(right, left).node)
    moments = {"date", "timestamp", "instant"}
    if (a in moments and b in moments) or (a == b and a in ("interval", "bytes", "boolean")):
        return _built(operator, left.node, right.node)
    if a == b == "other" and left.kind.sql == right.kind.sql and not left.kind.collation:
        return _built(operator, left.node, right.node)
    raise Refused(f"a {word(left.kind)} is compared with a {word(right.kind)}, which depends on Oracle's settings")


def _texts(operator: type[Any], left: Typed, right: Typed) -> Node:
    if is_char(left) and is_char(right):
        left, right = _blanks_aside(left), _blanks_aside(right)
    elif left.kind.base != right.kind.base:  # a char and a varchar2: blanks count
        left, right = padded(left), padded(right)
    node = left.node
    if operator in _ORDERED:
        node = collated(node, "C")  # binary order, as Oracle's is
    return _built(operator, node, right.node)


def _blanks_aside(value: Typed) -> Typed:
    """One of two CHARs, so that PostgreSQL compares them without the blanks at their ends, as it does its own."""
    return Typed(cast_to(value.node, "bpchar"), value.kind) if value.kind.blanks else value


def _built(operator: type[Any], left: Node, right: Node) -> Node:
    built: Node = operator(this=_operand(left), expression=_operand(right))
    return built


def _operand(node: Node) -> Node:
    loose = (exp.Connector, exp.Not, exp.Is, exp.In, exp.Between, exp.Like, exp.EQ, exp.NEQ, *_ORDERED)
    return exp.Paren(this=node) if isinstance(node, loose) else node
