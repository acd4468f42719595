"""Oracle's queries as PostgreSQL's: sources resolved and qualified, (+) and ROWNUM rewritten, everything else an allow-list."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from voyager_ops.databases.oracle.names import fold, too_long
from voyager_ops.schema.oracle.aggregates import AGGREGATES
from voyager_ops.schema.oracle.dialect import Node, Refused, identifier, native, number, table
from voyager_ops.schema.oracle.expressions import Translator
from voyager_ops.schema.oracle.nulls import give_types, settled
from voyager_ops.schema.oracle.ordering import Results, order_and_limit
from voyager_ops.schema.oracle.outer_joins import conjuncts, outer_joins
from voyager_ops.schema.oracle.scope import Relation, Scope, named, target_of
from voyager_ops.schema.oracle.typed import TEXT, Kind, Typed, integer_of, refuse_collated, unify

_SELECT = {
    *("with_", "with", "hint", "distinct", "expressions", "from_", "from", "joins", "where", "group", "having", "order"),
    *("limit", "offset"),
}
_REARRANGES = ("order", "group", "distinct", "limit", "offset", "having")
"""What a query does with its rows after ROWNUM has counted them."""
_SETS: tuple[Any, ...] = (exp.Union, exp.Except, exp.Intersect)
_DUAL = {"DUAL"}


def translate(tr: Translator, node: Any, parent: Scope | None) -> tuple[exp.Query, dict[str, Kind]]:
    """The query and its columns, by Oracle's names. Raises Refused."""
    if isinstance(node, exp.Subquery):
        _only(node, {"this", "with_", "with"})
        inner, columns = translate(tr, node.this, parent)
        return exp.Subquery(this=inner), columns
    if isinstance(node, _SETS):
        return _set_operation(tr, node, parent)
    if isinstance(node, exp.Select):
        return _select(tr, node, parent)
    raise Refused(f"{type(node).__name__} is not translated")


def _only(node: exp.Expression, allowed: set[str]) -> None:
    for name, given in node.args.items():
        if name not in allowed and given not in (None, False, []):
            raise Refused(f"{_WORDS.get(name, name)} is not translated")


_WORDS = {
    "connect": "CONNECT BY",
    "pivots": "PIVOT",
    "version": "AS OF",
    "sample": "SAMPLE",
    "partition": "PARTITION of a table",
    "locks": "FOR UPDATE",
    "match": "MATCH_RECOGNIZE",
    "laterals": "LATERAL",
    "model": "MODEL",
}

# ------------------------------------------------------------------------------------------------------ set operations


def _set_operation(tr: Translator, node: Any, parent: Scope | None) -> tuple[exp.Query, dict[str, Kind]]:
    _only(node, {"with_", "with", "this", "expression", "distinct", "order", "limit", "offset"})
    scope = Scope(parent=parent)
    with_ = _ctes(tr, node, scope)
    left, columns = translate(tr, node.this, scope)
    right, others = translate(tr, node.expression, scope)
    if len(columns) != len(others):
        raise Refused("queries with different numbers of columns are put together")
    kinds = {}
    for (name, kind), other in zip(columns.items(), others.values(), strict=True):
        nothing = exp.Null()
        if {kind.base, other.base} == {"text", "char"}:
            raise Refused("a CHAR and a text of varying length become one column, and the blanks would be lost")
        kinds[name] = kind if kind == other else unify([Typed(nothing, kind), Typed(nothing, other)], "a set operation")[1]
    for side, given in ((left, columns), (right, others)):
        give_types(side, list(zip(given.values(), kinds.values(), strict=True)))
    distinct = node.args.get("distinct")
    if distinct is not False:
        refuse_collated(kinds.values(), "a set operation over")
    result: Any = type(node)(
        this=_grouped(left, type(node)), expression=_grouped(right, None), distinct=True if distinct is None else distinct
    )
    if with_ is not None:
        result.set("with_", with_)
    own = Scope({"": Relation(kinds)}, parent=parent)
    order_and_limit(tr, node, result, own, Results(list(kinds.items()), set(kinds), parent is None))
    return result, kinds


def _grouped(query: exp.Query, same: type[Any] | None) -> exp.Query:
    """Oracle works from left to right through set operations, PostgreSQL does INTERSECT first."""
    loose = isinstance(query, _SETS) and type(query) is not same
    ordered_ = any(query.args.get(name) for name in ("order", "limit", "offset"))
    return exp.Subquery(this=query) if loose or ordered_ else query


# ------------------------------------------------------------------------------------------------------------- SELECT


def _select(tr: Translator, node: exp.Select, parent: Scope | None) -> tuple[exp.Query, dict[str, Kind]]:
    _only(node, _SELECT)
    scope = Scope(parent=parent)
    with_ = _ctes(tr, node, scope)
    result = exp.Select()
    if with_ is not None:
        result.set("with_", with_)
    tables, joins, conditions = _sources(tr, node, scope)
    conditions, limit = _row_limit(node, conditions, scope)
    if tables is not None:
        result.set("from_", exp.From(this=tables))
        result.set("joins", joins)
    if conditions:
        where = exp.and_(*[_condition(tr, item, scope) for item in conditions], copy=False)
        result.set("where", exp.Where(this=where))
    reckons = any(_reckons_over_rows(item) for item in node.expressions)
    scope.numbered = not reckons and not any(node.args.get(name) for name in _REARRANGES)
    columns = _projections(tr, node, scope, result)
    scope.numbered = False
    if node.args.get("distinct") is not None:
        if node.args["distinct"].args.get("on"):
            raise Refused("DISTINCT ON is not translated")
        refuse_collated(columns.values(), "DISTINCT of")
        result.set("distinct", exp.Distinct())
    _group(tr, node, scope, result)
    aliases = {native(item.args["alias"]) for item in node.expressions if isinstance(item, exp.Alias)}
    order_and_limit(tr, node, result, scope, Results(list(columns.items()), aliases, parent is None))
    if limit is not None:
        if any(node.args.get(name) for name in _REARRANGES):
            raise Refused("ROWNUM limits the rows of a query that also sorts or groups them")
        if reckons:
            raise Refused("ROWNUM limits the rows that are counted or added up")
        result.set("limit", exp.Limit(expression=number(limit)))
    return result, columns


def _condition(tr: Translator, node: Any, scope: Scope) -> Node:
    translated = tr.condition(node, scope)
    return exp.Paren(this=translated) if isinstance(translated, exp.Or) else translated


def _ctes(tr: Translator, node: Any, scope: Scope) -> exp.With | None:
    given = node.args.get("with_") or node.args.get("with")
    if given is None:
        return None
    _only(given, {"expressions", "recursive"})
    translated: list[Node] = []
    for cte in given.expressions:
        _only(cte, {"this", "alias"})
        alias = cte.args["alias"]
        name = native(alias.this)
        if any(native(item.this) == name and not item.args.get("db") for item in cte.this.find_all(exp.Table)):
            raise Refused(f"WITH {name} is recursive")
        query, columns = translate(tr, cte.this, scope)
        given_names = [native(column) for column in alias.args.get("columns") or ()]
        if given_names and len(given_names) != len(columns):
            raise Refused(f"WITH {name} names another number of columns than it has")
        columns = named(settled(dict(zip(given_names or columns, columns.values(), strict=True))))
        if too_long(fold(name)) or any(fold(name) == fold(other) for other in scope.queries):
            raise Refused(f"WITH {name} cannot be called {fold(name)} on the target")
        scope.queries[name] = Relation(columns)
        target = exp.TableAlias(
            this=identifier(fold(name)), columns=[identifier(target_of(columns, column)) for column in columns]
        )
        translated.append(exp.CTE(this=query, alias=target))
    return exp.With(expressions=translated)


def _sources(tr: Translator, node: exp.Select, scope: Scope) -> tuple[Node | None, list[Node], list[Any]]:
    """FROM, its joins, and what is left of WHERE; the scope learns of every source."""
    source = node.args.get("from_") or node.args.get("from")
    joins: list[exp.Join] = list(node.args.get("joins") or ())
    where = node.args.get("where")
    conditions = conjuncts(where.this) if where is not None else []
    if source is None:
        raise Refused("a query without FROM")
    if not joins and _is_dual(source.this):
        return None, [], conditions
    first = _source(tr, source.this, scope)
    tables: list[tuple[Node, exp.Join | None]] = [(first, None)]
    for join in joins:
        _only(join, {"this", "side", "kind", "on", "using", "method"})
        tables.append((_source(tr, join.this, scope), join))
    if any(column.args.get("join_mark") for condition in conditions for column in condition.find_all(exp.Column)):
        if any(join is not None and (join.args.get("on") or join.side or join.args.get("using")) for _, join in tables):
            raise Refused("(+) and JOIN are mixed")
        return _marked(tr, [item for item, _ in tables], conditions, scope)
    commas = False
    for join in joins:
        commas = commas or not (join.kind or join.side or join.args.get("on") or join.args.get("using"))
        if commas and str(join.side or "").upper() in ("RIGHT", "FULL"):
            raise Refused("commas and outer joins are mixed")  # the comma binds less tightly, which would be lost
    return first, [_join(tr, join, item, scope) for item, join in tables if join is not None], conditions


def _is_dual(node: Any) -> bool:
    return isinstance(node, exp.Table) and native(node.this) in _DUAL and not node.args.get("alias")


def _marked(tr: Translator, tables: list[Node], conditions: list[Any], scope: Scope) -> tuple[Node, list[Node], list[Any]]:
    plan, rest = outer_joins(list(scope.sources), conditions, scope)
    by_alias = dict(zip(scope.sources, tables, strict=True))
    first, *others = plan
    joins: list[Node] = []
    for alias, tests in others:
        if tests:
            on = exp.and_(*[_condition(tr, test, scope) for test in tests], copy=False)
            joins.append(exp.Join(this=by_alias[alias], side="LEFT", on=on))
        else:
            joins.append(exp.Join(this=by_alias[alias], kind="CROSS"))
    return by_alias[first[0]], joins, rest


def _join(tr: Translator, join: exp.Join, item: Node, scope: Scope) -> Node:
    side, kind = str(join.side or "").upper(), str(join.kind or "").upper()
    if (
        str(join.args.get("method") or "")
        or side not in ("", "LEFT", "RIGHT", "FULL")
        or kind not in ("", "INNER", "OUTER", "CROSS")
    ):
        words = [str(join.args.get("method") or ""), side, kind, "JOIN"]
        raise Refused(f"{' '.join(word for word in words if word)} is not translated")
    if join.args.get("using"):
        names = [native(getattr(column, "this", column)) for column in join.args["using"]]
        for name in names:
            refuse_collated([kind.columns[name] for kind in scope.sources.values() if name in kind.columns], "USING")
            kinds = {kind.columns[name].base for kind in scope.sources.values() if name in kind.columns}
            if len(kinds) > 1 and not kinds <= {"number", "double"} and not kinds <= {"date", "timestamp"}:
                raise Refused(f"USING {name} compares columns of different kinds")
            if len({target_of(kind.columns, name) for kind in scope.sources.values() if name in kind.columns}) > 1:
                raise Refused(f"USING {name}: the columns have different names on the target")
        scope.merged.update(names)
        targets = [next(target_of(one.columns, name) for one in scope.sources.values() if name in one.columns) for name in names]
        return exp.Join(this=item, side=side or None, using=[identifier(target) for target in targets])
    if join.args.get("on") is None:
        return exp.Join(this=item, kind="CROSS")
    return exp.Join(this=item, side=side or None, on=tr.condition(join.args["on"], scope))


def _source(tr: Translator, node: Any, scope: Scope) -> Node:
    if isinstance(node, exp.Subquery):
        _only(node, {"this", "alias"})
        if not isinstance(node.this, exp.Query):
            raise Refused("joins in parentheses are not translated")
        query, columns = translate(tr, node.this, scope.parent_of_sources())
        alias = (
            native(node.alias_or_name and node.args["alias"].this) if node.args.get("alias") else f"q{len(scope.sources) + 1}_"
        )
        scope.add(alias, Relation(settled(columns)))
        names = [identifier(target_of(columns, name)) for name in columns]
        return exp.Subquery(this=query, alias=exp.TableAlias(this=identifier(fold(alias)), columns=names))
    if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Identifier):
        raise Refused("a source of rows other than tables, views and queries")
    _only(node, {"this", "db", "alias"})
    name, owner = native(node.this), native(node.args.get("db"))
    if "@" in name:
        raise Refused(f"{name} is behind a database link")
    alias = native(node.args["alias"].this) if node.args.get("alias") else name
    named = scope.query(name) if not owner else None
    if named is not None:
        scope.add(alias, named)
        return exp.Table(this=identifier(fold(name)), alias=_aliased(alias, name))
    if name in _DUAL:
        scope.add(alias, Relation({"DUMMY": TEXT}))
        one = exp.Select(expressions=[exp.alias_(exp.Literal.string("X"), identifier("dummy"))])
        return exp.Subquery(this=one, alias=exp.TableAlias(this=identifier(fold(alias))))
    relation = tr.names.relation(owner, name)
    scope.add(alias, relation)
    found = table(relation.schema, relation.name)
    if fold(alias) != relation.name:
        found.set("alias", exp.TableAlias(this=identifier(fold(alias))))
    return found


def _aliased(alias: str, name: str) -> exp.TableAlias | None:
    return exp.TableAlias(this=identifier(fold(alias))) if alias != name else None


def _row_limit(node: exp.Select, conditions: list[Any], scope: Scope) -> tuple[list[Any], int | None]:
    """``ROWNUM <= n`` among the conditions becomes a limit; ROWNUM anywhere else is refused where it stands."""
    kept: list[Any] = []
    limit: int | None = None
    for condition in conditions:
        bound = _rownum_bound(condition, scope)
        if bound is None:
            kept.append(condition)
        else:
            limit = bound if limit is None else min(limit, bound)
    return kept, limit


def _rownum_bound(condition: Any, scope: Scope) -> int | None:
    operators = {exp.LT: -1, exp.LTE: 0}
    left, right = (condition.this, condition.expression) if isinstance(condition, exp.Binary) else (None, None)
    if isinstance(condition, (exp.GT, exp.GTE)):
        operators, left, right = {exp.GT: -1, exp.GTE: 0}, right, left
    if not isinstance(left, exp.Column) or left.args.get("table") or native(left.this) != "ROWNUM":
        return None
    value = integer_of(right) if right is not None else None
    if value is None or scope.find("", "ROWNUM") is not None:
        return None
    if type(condition) in operators:
        return max(0, value + operators[type(condition)])
    return 1 if isinstance(condition, exp.EQ) and value == 1 else None


def _projections(tr: Translator, node: exp.Select, scope: Scope, result: exp.Select) -> dict[str, Kind]:
    columns: dict[str, Kind] = {}
    found: list[tuple[Node, str, bool]] = []
    for item in node.expressions:
        for alias, typed in _projected(tr, item, scope):
            name = alias or _name_of(item, len(columns))
            if name in columns:
                name = f"{name}${len(columns)}"  # two columns of one name: nobody can speak of the second
            columns[name] = typed.kind
            found.append((typed.node, name, bool(alias)))
    columns = named(columns)
    projections: list[Node] = []
    for value, name, has_alias in found:
        target = target_of(columns, name)
        plain = isinstance(value, exp.Column) and str(value.this.this) == target
        projections.append(value if plain or not has_alias else exp.Alias(this=value, alias=identifier(target)))
    result.set("expressions", projections)
    return columns


def _projected(tr: Translator, item: Any, scope: Scope) -> list[tuple[str, Typed]]:
    star = item if isinstance(item, exp.Star) else None
    table_ = ""
    if isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
        star, table_ = item.this, native(item.args.get("table"))
    if star is not None:
        return _starred(star, table_, scope)
    if isinstance(item, exp.Alias):
        return [(native(item.args["alias"]), tr.value(item.this, scope))]
    name = native(item.this) if isinstance(item, exp.Column) else ""
    return [(name, tr.value(item, scope))]


def _starred(star: exp.Star, wanted: str, scope: Scope) -> list[tuple[str, Typed]]:
    if star.args.get("except_") or star.args.get("except") or star.args.get("replace") or (scope.merged and not wanted):
        raise Refused("* is not translated here")
    found: list[tuple[str, Typed]] = []
    for alias, relation in scope.sources.items():
        if wanted in ("", alias):
            for name, kind in relation.columns.items():
                column = exp.Column(this=identifier(kind.target or fold(name)), table=identifier(fold(alias)))
                found.append((name, Typed(column, kind)))
    if not found:
        raise Refused(f"{wanted}.* is not known")
    return found


def _reckons_over_rows(node: Any) -> bool:
    """Whether an aggregate or window function is in it, sub-queries aside: they see the rows after ROWNUM has cut them."""
    if isinstance(node, exp.Query):
        return False
    if isinstance(node, (exp.Window, exp.GroupConcat)) or (
        isinstance(node, exp.Anonymous) and str(node.this).upper() in AGGREGATES
    ):
        return True
    return any(_reckons_over_rows(child) for child in node.iter_expressions())


def _name_of(item: Any, position: int) -> str:
    """The name Oracle gives to an expression without an alias is its text; here any will do, as long as nobody can mean it."""
    return native(item.this) if isinstance(item, exp.Column) else f"{type(item).__name__.upper()}${position}"


def _group(tr: Translator, node: exp.Select, scope: Scope, result: exp.Select) -> None:
    group = node.args.get("group")
    if group is not None:
        _only(group, {"expressions"})
        result.set("group", exp.Group(expressions=[_grouping(tr, item, scope) for item in group.expressions]))
    having = node.args.get("having")
    if having is not None:
        result.set("having", exp.Having(this=tr.condition(having.this, scope)))


def _grouping(tr: Translator, item: Any, scope: Scope) -> Node:
    if isinstance(item, (exp.Rollup, exp.Cube, exp.GroupingSets)):
        _only(item, {"expressions"})
        return type(item)(expressions=[_grouping(tr, inner, scope) for inner in item.expressions])
    if isinstance(item, exp.Tuple):
        return exp.Tuple(expressions=[_grouping(tr, inner, scope) for inner in item.expressions])
    if isinstance(item, exp.Paren):
        return exp.Paren(this=_grouping(tr, item.this, scope))
    if isinstance(item, exp.Literal):
        raise Refused("GROUP BY a constant")  # PostgreSQL would take it for a position
    value = tr.value(item, scope)
    refuse_collated([value.kind], "GROUP BY")
    return value.node
