"""Arithmetic: Oracle's is decimal, and dates count in days."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from voyager_ops.schema.oracle.dialect import Node, Refused, call, cast_to, number, paren, text
from voyager_ops.schema.oracle.typed import (
    DATE,
    DOUBLE,
    INTERVAL,
    NULL,
    NUMBER,
    WHOLE_INTERVAL,
    Kind,
    Typed,
    as_double,
    as_number,
    exact,
    integer_of,
    is_moment,
    joined,
    word,
)

_DAY = "1 day"


def arithmetic(operator: type[Any], left: Typed, right: Typed) -> Typed:
    """``left operator right`` for + - * and /. Raises Refused for combinations that are not known to mean the same."""
    a, b = left.kind.base, right.kind.base
    if "null" in (a, b):
        return Typed(exp.Null(), NULL)
    if is_moment(left.kind) or is_moment(right.kind):
        return _dates(operator, left, right)
    if a == "instant" or b == "instant":
        return _instants(operator, left, right)
    if "interval" in (a, b):
        return _intervals(operator, left, right)
    return _numbers(operator, as_number(left), as_number(right))


def built(operator: type[Any], left: Node, right: Node) -> Node:
    """The operation with parentheses where precedence would otherwise be lost."""
    extra = {"typed": True, "safe": False} if operator is exp.Div else {}
    node: Node = operator(this=_side(operator, left, False), expression=_side(operator, right, True), **extra)
    return node


def _side(operator: type[Any], node: Node, right: bool) -> Node:
    if not isinstance(node, exp.Binary):
        return paren(node) if isinstance(node, (exp.Neg, exp.Not)) and right else node
    tighter = operator in (exp.Add, exp.Sub) and isinstance(node, (exp.Mul, exp.Div))
    same = not right and type(node) is operator
    added = not right and operator in (exp.Add, exp.Sub) and isinstance(node, (exp.Add, exp.Sub))
    return node if tighter or same or added else exp.Paren(this=node)


def _numbers(operator: type[Any], left: Typed, right: Typed) -> Typed:
    left, right = as_double(left, right), as_double(right, left)
    kind = joined([left.kind, right.kind])
    if left.kind.sql == right.kind.sql == "real":
        return Typed(built(operator, left.node, right.node), left.kind)
    if operator is exp.Div:
        result = DOUBLE if kind.base == "double" else NUMBER
        return Typed(built(operator, exact(left) if kind.native else left.node, right.node), result)
    chained = isinstance(left.node, (exp.Add, exp.Sub, exp.Mul)) or isinstance(right.node, (exp.Add, exp.Sub, exp.Mul, exp.Paren))
    constant = integer_of(left.node) is not None or integer_of(right.node) is not None
    if kind.native and (operator is exp.Mul or chained) and not (constant and operator is not exp.Mul):
        # PostgreSQL's integers overflow where Oracle's numbers do not.
        return Typed(built(operator, exact(left), right.node), Kind("number", integral=True))
    return Typed(built(operator, left.node, right.node), kind)


def _dates(operator: type[Any], left: Typed, right: Typed) -> Typed:
    a, b = left.kind.base, right.kind.base
    if operator is exp.Sub and is_moment(left.kind) and is_moment(right.kind):
        difference = built(exp.Sub, left.node, right.node)
        if a == b == "date":
            seconds = exp.Extract(this=exp.Var(this="EPOCH"), expression=difference)
            return Typed(built(exp.Div, seconds, number(86400)), NUMBER)
        return Typed(difference, INTERVAL)
    if operator is exp.Add and is_moment(right.kind):
        left, right = right, left
        a, b = b, a
    if operator not in (exp.Add, exp.Sub) or not is_moment(left.kind):
        raise Refused(f"a {word(left.kind)} and a {word(right.kind)} are reckoned with in a way the target does not know")
    if b == "interval":
        if a == "date" and not right.kind.integral:
            raise Refused("an interval that may have fractions of a second is added to a date")
        return Typed(built(operator, left.node, right.node), left.kind)
    # A timestamp becomes a date when days are added to it: the fraction of its second goes.
    start = left.node if a == "date" else call("date_trunc", text("second"), left.node)
    return Typed(_moved(operator, start, as_number(right)), DATE)


def _moved(operator: type[Any], start: Node, days: Typed) -> Node:
    constant = integer_of(days.node)
    if constant is not None:
        return built(operator, start, exp.Interval(this=text(f"{constant} day" if abs(constant) == 1 else f"{constant} days")))
    result = built(operator, start, built(exp.Mul, days.node, exp.Interval(this=text(_DAY))))
    return result if days.kind.integral else cast_to(result, "timestamp(0) without time zone")


def _instants(operator: type[Any], left: Typed, right: Typed) -> Typed:
    a, b = left.kind.base, right.kind.base
    if operator is exp.Sub and a == b == "instant":
        return Typed(built(operator, left.node, right.node), INTERVAL)
    if a == "instant" and b == "interval" and operator in (exp.Add, exp.Sub):
        return Typed(built(operator, left.node, right.node), left.kind)
    raise Refused(f"a {word(left.kind)} and a {word(right.kind)} are reckoned with, which depends on Oracle's settings")


def _intervals(operator: type[Any], left: Typed, right: Typed) -> Typed:
    a, b = left.kind.base, right.kind.base
    if operator in (exp.Add, exp.Sub) and a == b == "interval":
        return Typed(
            built(operator, left.node, right.node), Kind("interval", integral=left.kind.integral and right.kind.integral)
        )
    if operator is exp.Mul and {a, b} == {"interval", "number"} and left.kind.integral and right.kind.integral:
        return Typed(built(operator, left.node, right.node), WHOLE_INTERVAL)
    if (operator is exp.Mul and {a, b} == {"interval", "number"}) or (operator is exp.Div and b == "number"):
        return Typed(built(operator, left.node, right.node), INTERVAL)
    raise Refused(f"a {word(left.kind)} and a {word(right.kind)} are reckoned with in a way the target does not know")
