"""ROWNUM and CONNECT BY LEVEL in sqlglot's tree of a statement: limits, numbers and series of PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from voyager_ops.testing.oracle.dialects import RawCast, RawText
from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.sql_tree import sources_of


def connect_by(tree: exp.Expr, late: Callable[[exp.Expr], str]) -> exp.Expr:
    """CONNECT BY LEVEL <= n on DUAL as a series; ``late``: an expression in PostgreSQL's SQL. ORA-00900 for any other."""
    for select in list(tree.find_all(exp.Select)):
        connect = select.args.get("connect")
        if connect is None:
            continue
        condition = connect.args["connect"]
        source = sources_of(select)
        if not (
            isinstance(condition, (exp.LTE, exp.LT))
            and isinstance(condition.this, exp.Column)
            and condition.this.name in ("LEVEL", "ROWNUM")
            and len(source) == 1
            and source[0].name == "DUAL"
        ):
            raise OracleError(900, "invalid SQL statement (simulator: of CONNECT BY only LEVEL <= n FROM DUAL is known)")
        upper = condition.expression.copy()
        if isinstance(condition, exp.LT):
            upper = exp.Sub(this=upper, expression=exp.Literal.number(1))
        numbers = f"generate_series(1, ({late(upper)})::bigint) AS g"
        text = f'(SELECT g::numeric AS "LEVEL", \'X\'::ora.varchar2 AS "DUMMY" FROM {numbers}) AS "DUAL"'
        select.set("connect", None)
        select.args["from_" if "from_" in select.args else "from"].set("this", RawText(this=text))
        for column in select.find_all(exp.Column):
            if column.name == "ROWNUM":
                column.set("this", exp.to_identifier("LEVEL", quoted=True))
    return tree


def rownum(tree: exp.Expr) -> None:
    """Conditions on ROWNUM as limits, ROWNUM as the number of the row."""
    for scope in [tree] if not isinstance(tree, exp.Query) else []:
        where = scope.args.get("where")
        if where is not None and any(c.name == "ROWNUM" for c in where.find_all(exp.Column)):
            _rownum_dml(scope)
    for select in list(tree.find_all(exp.Select)):
        _rownum_select(select)


def _take_limit(holder: exp.Expr) -> exp.Expr | None:
    """The limit that conditions on ROWNUM in the WHERE of ``holder`` make, taken out of it."""
    where = holder.args.get("where")
    if where is None:
        return None
    kept: list[exp.Expr] = []
    limit: exp.Expr | None = None
    for part in where.this.flatten() if isinstance(where.this, exp.And) else [where.this]:
        inner = part.unnest() if isinstance(part, exp.Paren) else part
        if isinstance(inner, (exp.LTE, exp.LT, exp.EQ)) and isinstance(inner.this, exp.Column) and inner.this.name == "ROWNUM":
            bound = inner.expression.copy()
            limit = exp.Sub(this=exp.Paren(this=bound), expression=exp.Literal.number(1)) if isinstance(inner, exp.LT) else bound
            if isinstance(inner, exp.LT) and isinstance(bound, exp.Literal):
                limit = exp.Literal.number(int(bound.this) - 1)
        else:
            kept.append(part)
    if limit is None:
        return None
    holder.set("where", exp.Where(this=exp.and_(*kept, copy=False)) if kept else None)
    return RawCast(this=limit, to="bigint")


def _rownum_select(select: exp.Select) -> None:
    limit = _take_limit(select)
    if limit is not None:
        blocking = (
            select.args.get("order")
            or select.args.get("group")
            or select.args.get("distinct")
            or any(
                isinstance(a, exp.Anonymous) and a.name.upper() in ("COUNT", "SUM", "MIN", "MAX", "AVG", "LISTAGG")
                for e in select.expressions
                for a in e.find_all(exp.Anonymous)
            )
        )
        if not blocking:
            select.set("limit", exp.Limit(expression=limit))
        else:
            sources = sources_of(select)
            if len(sources) != 1:
                raise OracleError(900, "invalid SQL statement (simulator: ROWNUM over a join that is sorted or grouped)")
            source = sources[0]
            alias = source.alias_or_name
            plain = source.copy()
            inner = exp.Select(expressions=[exp.Column(this=exp.Star(), table=exp.to_identifier(alias, quoted=True))])
            if isinstance(plain, exp.Table):
                inner = exp.Select(expressions=[exp.Star(), exp.column("tableoid")])
            inner.set("from_", exp.From(this=plain))
            inner.set("where", select.args.get("where"))
            inner.set("limit", exp.Limit(expression=limit))
            select.set("where", None)
            source.replace(exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True))))
    for column in list(select.find_all(exp.Column)):
        if column.name == "ROWNUM" and column.find_ancestor(exp.Select) is select:
            number = RawText(this="(row_number() OVER ())::numeric")
            at_top = column.parent is select and column.arg_key == "expressions"
            column.replace(exp.alias_(number, "ROWNUM", quoted=True) if at_top else number)


def _rownum_dml(statement: exp.Expr) -> None:
    limit = _take_limit(statement)
    if limit is None or not isinstance(statement, (exp.Update, exp.Delete)):
        raise OracleError(900, "invalid SQL statement (simulator: ROWNUM here)")
    table = statement.this
    alias = exp.to_identifier(table.alias_or_name, quoted=True)
    inner = exp.Select(expressions=[exp.column("ctid", alias.copy())])
    inner.set("from_", exp.From(this=table.copy()))
    inner.set("where", statement.args.get("where"))
    inner.set("limit", exp.Limit(expression=limit))
    statement.set("where", exp.Where(this=exp.In(this=exp.column("ctid", alias), query=exp.Subquery(this=inner))))
