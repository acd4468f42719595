"""What Oracle refuses in a statement that is well-formed: looked for in sqlglot's tree, before it is rewritten."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp

from voyager_ops.testing.oracle.engine import OracleError

_SEQUENCE = frozenset({"ORA_NEXTVAL", "ORA_CURRVAL"})
_RANKING = frozenset({"ROW_NUMBER", "NTILE", "LAG", "LEAD"})
_NO_SEQUENCE = (exp.Where, exp.Group, exp.Having, exp.Order, exp.SetOperation)
# Of functions that are PostgreSQL's own, or syntax there: fewest and most arguments.
_ARGUMENTS: Mapping[str, tuple[int, int]] = {
    **dict.fromkeys(("ABS", "CEIL", "FLOOR", "SIGN", "EXP", "LN", "SQRT", "SIN", "COS", "TAN", "ASIN", "ACOS", "ATAN"), (1, 1)),
    **dict.fromkeys(("SUM", "AVG", "MIN", "MAX", "STDDEV", "VARIANCE", "MEDIAN", "COUNT"), (1, 1)),
    **dict.fromkeys(("POWER", "NULLIF", "NVL"), (2, 2)),
    **dict.fromkeys(("TO_CHAR", "TO_NCHAR", "TO_DATE", "TO_TIMESTAMP", "TO_TIMESTAMP_TZ", "TO_NUMBER"), (1, 3)),
    **dict.fromkeys(("COALESCE", "GREATEST", "LEAST"), (1, 65535)),
    "NVL2": (3, 3),
    "DECODE": (3, 255),
}


def check_tree(tree: exp.Expr, *, booleans: bool) -> None:
    """Raise what Oracle raises. ``booleans``: a column can be a condition, and a query needs no FROM (23ai)."""
    if not booleans:
        for select in tree.find_all(exp.Select):
            if not (select.args.get("from_") or select.args.get("from")):
                raise OracleError(923, "FROM keyword not found where expected")
        for condition in _conditions(tree):
            _check_condition(condition)
    for node in tree.find_all(exp.Anonymous):
        name = str(node.this).upper()
        if name in _RANKING and not isinstance(node.parent, exp.Window):
            raise OracleError(30484, "missing window specification for this function")
        if name in _SEQUENCE and _misplaced(node):
            raise OracleError(2287, "sequence number not allowed here")
        if name in _ARGUMENTS:
            check_arguments(len(node.expressions), *_ARGUMENTS[name])
    for window in tree.find_all(exp.Window):
        if str(window.this.this).upper() in _RANKING and not window.args.get("order"):
            raise OracleError(30485, "missing ORDER BY expression in the window specification")
    for column in tree.find_all(exp.Column):
        if column.args.get("join_mark"):
            _check_mark(column)
    if isinstance(tree, exp.Insert):
        _check_values(tree)
    if isinstance(tree, exp.Merge):
        _check_merge(tree)


def check_arguments(given: int, fewest: int, most: int) -> None:
    """ORA-00909; of functions that take fewer and more, ORA-00938 and ORA-00939."""
    if fewest == most != given:
        raise OracleError(909, "invalid number of arguments")
    if given < fewest:
        raise OracleError(938, "not enough arguments for function")
    if given > most:
        raise OracleError(939, "too many arguments for function")


def _conditions(tree: exp.Expr) -> Iterator[exp.Expr]:
    for node in tree.walk():
        if isinstance(node, (exp.Where, exp.Having)):
            yield node.this
        elif isinstance(node, (exp.Join, exp.Merge)) and isinstance(node.args.get("on"), exp.Expr):
            yield node.args["on"]
        elif isinstance(node, exp.Connector):
            yield from (node.this, node.expression)
        elif isinstance(node, exp.Not) or (
            isinstance(node, exp.If) and isinstance(node.parent, exp.Case) and node.parent.this is None
        ):
            yield node.this


def _check_condition(node: exp.Expr) -> None:
    while isinstance(node, exp.Paren):
        node = node.this
    values = (exp.Column, exp.Literal, exp.Null, exp.Placeholder, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.DPipe, exp.Subquery)
    if isinstance(node, values):
        raise OracleError(920, "invalid relational operator")


def _misplaced(sequence: exp.Expr) -> bool:
    """Whether NEXTVAL or CURRVAL stands where none may."""
    holder = sequence.find_ancestor(exp.Select, *_NO_SEQUENCE)
    if holder is None or isinstance(holder, _NO_SEQUENCE):
        return holder is not None
    return bool(holder.args.get("distinct")) or isinstance(holder.parent, (exp.SetOperation, exp.In))


def _check_mark(column: exp.Column) -> None:
    """ORA-01719, ORA-01799, ORA-25156 for a column with ``(+)``."""
    if isinstance(column.find_ancestor(exp.Or, exp.In, exp.Select), (exp.Or, exp.In)):
        raise OracleError(1719, "outer join operator (+) not allowed in operand of OR or IN")
    holder = column.find_ancestor(exp.Select)
    if holder is not None and any(join.args.get("on") or join.args.get("using") for join in holder.args.get("joins") or []):
        raise OracleError(25156, "old style outer join (+) cannot be used with ANSI joins")
    if column.parent is not None and any(isinstance(v, exp.Subquery) for v in column.parent.args.values()):
        raise OracleError(1799, "a column may not be outer-joined to a subquery")


def _check_values(tree: exp.Insert) -> None:
    """ORA-00984 for a column among VALUES."""
    if not isinstance(tree.expression, exp.Values):
        return
    for column in tree.expression.find_all(exp.Column):
        name = column.this
        if isinstance(name, exp.Identifier) and name.quoted and column.find_ancestor(exp.Select) is None:
            if name.name in ("ROWNUM", "LEVEL"):
                raise OracleError(976, f"Specified pseudocolumn or operator not allowed here ({name.name})")
            raise OracleError(984, "column not allowed here")


def _check_merge(tree: exp.Merge) -> None:
    """ORA-38104 for a column that is compared in ON and assigned."""
    target = tree.this.alias_or_name
    on = tree.args.get("on")
    if not isinstance(on, exp.Expr):
        raise OracleError(969, "missing ON keyword")
    compared = {c.name for c in on.find_all(exp.Column) if c.table in ("", target)}
    for update in tree.find_all(exp.Update):
        for assignment in update.expressions:
            left = assignment.this
            if isinstance(left, exp.Column) and left.name in compared:
                raise OracleError(38104, f'Columns referenced in the ON Clause cannot be updated: "{target}"."{left.name}"')
