"""Small questions to a tree of sqlglot, and nodes made for it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from voyager_ops.testing.oracle.dialects import RawCast


def call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    """A call; numbers are NUMBER (PostgreSQL would take them for int or float8)."""
    numbers = name.startswith("ora.")
    return exp.Anonymous(
        this=name,
        expressions=[
            RawCast(this=a.copy(), to="numeric") if numbers and isinstance(a, exp.Literal) and not a.is_string else a
            for a in arguments
        ],
    )


def compares_rowids(column: exp.Column, parent: exp.Expr) -> bool:
    """Whether ``parent`` compares ROWIDs, so that their numbers can be compared instead."""
    if isinstance(parent, exp.In):
        return parent.this is column and parent.args.get("query") is None
    if isinstance(parent, exp.Between):
        return parent.this is column
    return isinstance(parent, (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE))


def row_number(value: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this="ora.rowid_number", expressions=[RawCast(this=value.copy(), to="text")])


def decode(arguments: Sequence[exp.Expr]) -> exp.Expr:
    subject, *rest = arguments
    ifs = []
    while len(rest) >= 2:
        ifs.append(exp.If(this=exp.NullSafeEQ(this=subject.copy(), expression=rest[0]), true=rest[1]))
        rest = rest[2:]
    return exp.Case(ifs=ifs, default=rest[0] if rest else None)


def sources_of(select: exp.Expr) -> list[exp.Expr]:
    start = select.args.get("from_") or select.args.get("from")
    found = [start.this] if start is not None else []
    return found + [join.this for join in select.args.get("joins") or []]


def star_of_source(alias: str) -> exp.Expr:
    return exp.Column(this=exp.Star(), table=exp.to_identifier(alias, quoted=True)) if alias else exp.Star()


def shared_columns(select: exp.Expr) -> list[str]:
    """The columns of USING: an asterisk gives them once, before all others."""
    joins = select.args.get("joins") or []
    return list(dict.fromkeys(column.name for join in joins for column in join.args.get("using") or []))


def fold_ctes(tree: exp.Expr) -> None:
    """Quote the names in WITH that columns follow: so far they were taken for calls of functions."""
    for cte in tree.find_all(exp.CTE):
        name = cte.args["alias"].this
        if not name.quoted:
            name.replace(exp.to_identifier(name.name.upper(), quoted=True))


def is_cte(table: exp.Table) -> bool:
    node: exp.Expr | None = table
    while node is not None:
        with_ = node.args.get("with_") or node.args.get("with")
        if with_ is not None and any(cte.alias == table.name for cte in with_.expressions):
            return True
        node = node.parent
    return False


def source_of(column: exp.Column, tree: exp.Expr) -> str | None:
    """The alias of the table that an unqualified pseudo-column belongs to; None: it is a column of a subquery."""
    holder = column.find_ancestor(exp.Select, exp.Update, exp.Delete, exp.Merge, exp.Insert) or tree
    if isinstance(holder, (exp.Update, exp.Delete, exp.Insert)):
        target = holder.this.this if isinstance(holder.this, exp.Schema) else holder.this
        sources = [target]
    elif isinstance(holder, exp.Merge):
        sources = [holder.this, holder.args["using"]]
    else:
        sources = sources_of(holder)
    if column.table:
        for source in sources:
            if source.alias_or_name == column.table:
                return column.table if isinstance(source, exp.Table) and not is_cte(source) else None
        return column.table
    tables = [s for s in sources if isinstance(s, exp.Table) and not is_cte(s)]
    return tables[0].alias_or_name if len(tables) == 1 else None


def has_unnamed(tree: exp.Expr) -> bool:
    """Whether a column of the query is an expression without an alias."""
    query = tree
    while isinstance(query, (exp.SetOperation, exp.Subquery)):
        query = query.this
    items = query.expressions if isinstance(query, exp.Select) else []
    return any(not isinstance(item, (exp.Alias, exp.Column, exp.Star)) for item in items)


def column_names(tree: exp.Expr) -> list[str]:
    """Names of the columns as far as they are said: '' for a star or an expression without one."""
    query = tree
    while isinstance(query, (exp.SetOperation, exp.Subquery)):
        query = query.this
    names = []
    for item in query.expressions if isinstance(query, exp.Select) else []:
        if isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star)):
            names.append("")
        else:
            names.append(item.alias_or_name if isinstance(item, (exp.Alias, exp.Column)) else "")
    return names
