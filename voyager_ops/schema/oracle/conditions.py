"""Conditions: comparisons, IN, LIKE, EXISTS and what joins them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from voyager_ops.schema.oracle.comparisons import compared
from voyager_ops.schema.oracle.dialect import Node, Refused, only_arguments, paren, shown, text
from voyager_ops.schema.oracle.scope import Scope
from voyager_ops.schema.oracle.typed import BOOLEAN, Typed, as_text, bare, is_moment, string_of

if TYPE_CHECKING:
    from voyager_ops.schema.oracle.expressions import Translator


def comparison(tr: Translator, node: exp.Binary, scope: Scope) -> Typed:
    right = node.expression
    if isinstance(right, (exp.Any, exp.All)):
        left = tr.value(node.this, scope)
        inner = right.this.this if isinstance(right.this, exp.Subquery) else right.this
        if not isinstance(inner, exp.Query):
            raise Refused(f"{shown(node)} is not translated")
        query, columns = tr.query(inner, scope)
        first = Typed(left.node, next(iter(columns.values())))
        compared(type(node), left, first, strict=True)
        matched: Any = type(node)(this=left.node, expression=type(right)(this=query))
        return Typed(matched, BOOLEAN)
    if isinstance(node.this, exp.Tuple) or isinstance(right, exp.Tuple):
        return _tuples(tr, node, scope)
    values = tr.value(node.this, scope), tr.value(right, scope)
    if "instant" in {value.kind.base for value in values} and any(is_moment(value.kind) for value in values):
        tr.unstable("a comparison of timestamps with and without time zone")
    return Typed(compared(type(node), *values), BOOLEAN)


def _tuples(tr: Translator, node: exp.Binary, scope: Scope) -> Typed:
    if not isinstance(node, exp.EQ):
        raise Refused(f"{shown(node)} is not translated")
    return Typed(_tuple_equal(tr, bare(node.this), bare(node.expression), scope), BOOLEAN)


def _tuple_equal(tr: Translator, left: Any, right: Any, scope: Scope) -> Node:
    if not isinstance(left, exp.Tuple) or not isinstance(right, exp.Tuple):
        raise Refused("a list is compared with what is none")
    pairs = list(zip(left.expressions, right.expressions, strict=False))
    if len(left.expressions) != len(right.expressions):
        raise Refused("lists of different lengths are compared")
    tests = [compared(exp.EQ, tr.value(a, scope), tr.value(b, scope)) for a, b in pairs]
    return exp.Paren(this=exp.and_(*tests, copy=False))


def both(tr: Translator, node: exp.Connector, scope: Scope) -> Typed:
    both: Any = type(node)(this=tr.condition(node.this, scope), expression=tr.condition(node.expression, scope))
    return Typed(both, BOOLEAN)


def negation(tr: Translator, node: exp.Not, scope: Scope) -> Typed:
    return Typed(exp.Not(this=tr.condition(node.this, scope)), BOOLEAN)


def is_null(tr: Translator, node: exp.Is, scope: Scope) -> Typed:
    if not isinstance(node.expression, exp.Null):
        raise Refused(f"{shown(node)} is not translated")
    return Typed(exp.Is(this=paren(tr.value(node.this, scope).node), expression=exp.Null()), BOOLEAN)


def between(tr: Translator, node: exp.Between, scope: Scope) -> Typed:
    value, low, high = (tr.value(node.args[name], scope) for name in ("this", "low", "high"))
    lower = compared(exp.GTE, value, low)
    upper = compared(exp.LTE, value, high)
    if lower.this == upper.this:
        return Typed(exp.Between(this=lower.this, low=lower.expression, high=upper.expression), BOOLEAN)
    return Typed(exp.Paren(this=exp.And(this=lower, expression=upper)), BOOLEAN)


def membership(tr: Translator, node: exp.In, scope: Scope) -> Typed:
    query = node.args.get("query")
    if query is not None:
        return _in_query(tr, node, query, scope)
    if isinstance(bare(node.this), exp.Tuple):
        equal = [_tuple_equal(tr, bare(node.this), bare(item), scope) for item in node.expressions]
        return Typed(exp.Paren(this=exp.or_(*equal, copy=False)), BOOLEAN)
    value = tr.value(node.this, scope)
    tests = [compared(exp.EQ, value, tr.value(item, scope)) for item in node.expressions]
    plain = all(isinstance(test, exp.EQ) and test.this == tests[0].this for test in tests)
    if plain:
        return Typed(exp.In(this=tests[0].this, expressions=[test.expression for test in tests]), BOOLEAN)
    return Typed(exp.Paren(this=exp.or_(*tests, copy=False)), BOOLEAN)


def _in_query(tr: Translator, node: exp.In, query: Any, scope: Scope) -> Typed:
    inner = query.this if isinstance(query, exp.Subquery) else query
    translated, columns = tr.query(inner, scope)
    left = bare(node.this)
    items = left.expressions if isinstance(left, exp.Tuple) else [left]
    values = [tr.value(item, scope) for item in items]
    if len(values) != len(columns):
        raise Refused("a list is looked for in a query with another number of columns")
    for value, kind in zip(values, columns.values(), strict=True):
        compared(exp.EQ, value, Typed(value.node, kind), strict=True)
    this: Node = exp.Tuple(expressions=[v.node for v in values]) if len(values) > 1 else values[0].node
    return Typed(exp.In(this=this, query=exp.Subquery(this=translated)), BOOLEAN)


def like(tr: Translator, node: exp.Expression, scope: Scope) -> Typed:
    escape: Any = None
    like: Any = node
    if isinstance(node, exp.Escape):
        escape, like = string_of(node.expression), node.this
        if escape is None or len(escape) != 1:
            raise Refused(f"{shown(node)} is not translated")
    if not isinstance(like, exp.Like):
        raise Refused(f"{shown(node)} is not translated")
    only_arguments(like, "this", "expression", "negate")
    value, pattern = tr.value(like.this, scope), tr.value(like.expression, scope)
    written = string_of(pattern.node)
    result: Node = exp.Like(this=paren(as_text(value)), expression=paren(as_text(pattern)))
    # Oracle has no escape character unless one is given; PostgreSQL has the backslash.
    if escape is not None:
        result = exp.Escape(this=result, expression=text(escape))
    elif written is None or "\\" in written:
        result = exp.Escape(this=result, expression=text(""))
    return Typed(exp.Not(this=result) if like.args.get("negate") else result, BOOLEAN)


def exists(tr: Translator, node: exp.Exists, scope: Scope) -> Typed:
    inner = node.this.this if isinstance(node.this, exp.Subquery) else node.this
    return Typed(exp.Exists(this=tr.query(inner, scope)[0]), BOOLEAN)
