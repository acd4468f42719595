"""Queries and DML from Oracle to the PostgreSQL behind the simulator: sqlglot's tree of the prepared text, rewritten.

Everything is called by its qualified name, so the session's search_path matters to operators only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.transforms import eliminate_join_marks

from voyager_ops.testing.oracle.datatypes import CHARACTER, DataType
from voyager_ops.testing.oracle.dialects import OracleSide, RawCast, RawText, postgres_sql
from voyager_ops.testing.oracle.engine import Bind, OracleError
from voyager_ops.testing.oracle.rewrite import Prepared, literal
from voyager_ops.testing.oracle.rownum import connect_by, rownum
from voyager_ops.testing.oracle.sql_checks import check_arguments, check_tree
from voyager_ops.testing.oracle.sql_syntax import not_parsed
from voyager_ops.testing.oracle.sql_tree import (
    call,
    column_names,
    compares_rowids,
    decode,
    fold_ctes,
    has_unnamed,
    is_cte,
    row_number,
    shared_columns,
    source_of,
    sources_of,
    star_of_source,
)
from voyager_ops.testing.oracle.translated import ROW_NUMBER, Relation, Translated, bind_type

# Functions that are PostgreSQL's own under the same name.
_NATIVE = frozenset(
    [
        *("COUNT", "SUM", "AVG", "MIN", "MAX", "ABS", "CEIL", "FLOOR", "SIGN", "EXP", "LN", "SQRT", "POWER", "SIN", "COS"),
        *("TAN", "ASIN", "ACOS", "ATAN", "SINH", "COSH", "TANH", "COALESCE", "NULLIF", "GREATEST", "LEAST", "ROW_NUMBER"),
        *("RANK", "DENSE_RANK", "PERCENT_RANK", "CUME_DIST", "NTILE", "LAG", "LEAD", "FIRST_VALUE", "LAST_VALUE"),
        *("NTH_VALUE", "STDDEV", "STDDEV_POP", "STDDEV_SAMP", "VARIANCE", "VAR_POP", "VAR_SAMP", "CORR", "COVAR_POP"),
        *("COVAR_SAMP", "MEDIAN", "STRING_AGG", "GROUPING", "EXISTS", "MERGE_ACTION"),
    ]
)


class Translator:
    """One translation. ``resolve(owner, name)`` gives a relation or raises ORA-00942; ``sequence`` a qualified quoted name.

    ``functions``: of each how few and how many arguments it takes. ``booleans``: see ``check_tree``.
    """

    def __init__(
        self,
        prepared: Prepared,
        binds: Sequence[Bind],
        resolve: Callable[[str | None, str], Relation],
        sequence: Callable[[str], str],
        functions: Mapping[str, tuple[int, int]],
        *,
        booleans: bool = False,
    ) -> None:
        self.booleans = booleans
        self.prepared = prepared
        self.binds = binds
        self.resolve = resolve
        self.sequence = sequence
        self.functions = functions
        self.out = Translated("")

    def translate(self, returning: str = "") -> Translated:
        tree = self._parse(self.prepared.text)
        check_tree(tree, booleans=self.booleans)
        written = isinstance(tree, (exp.Insert, exp.Update, exp.Delete, exp.Merge))
        self.out.kind = kind = tree.key.upper() if written else "SELECT"
        if any(j.args.get("join_mark") for j in tree.find_all(exp.Column)):
            tree = eliminate_join_marks(tree)
        tree = connect_by(tree, self._late)
        if kind == "SELECT":
            self.out.names, self.out.unnamed = column_names(tree), has_unnamed(tree)
        if returning:
            self._returning(tree, returning)
        if isinstance(tree, exp.Insert):
            self._insert(tree)
        self._tables(tree)
        rownum(tree)
        tree = self._rewrite(tree)
        self._strings(tree)
        self._targets(tree)
        self._locks(tree)
        self.out.sql = postgres_sql(tree)
        if self.prepared.as_of is not None:
            used, self.out.parameters = self.out.parameters, []
            value = self._rewrite(self._parse(f"SELECT {self.prepared.as_of} AS X"))
            self.out.as_of_parameters, self.out.parameters = self.out.parameters, used
            self.out.as_of = postgres_sql(value)
            self.out.as_of_timestamp = self.prepared.as_of_timestamp
        return self.out

    def expression(self) -> str:
        """The prepared text as one expression, of the columns of a single table: for defaults, checks and index keys."""
        tree = self._rewrite(self._parse(f"SELECT {self.prepared.text}"))
        self._strings(tree)
        return postgres_sql(tree.expressions[0])

    def _parse(self, text: str) -> exp.Expr:
        try:
            tree = sqlglot.parse_one(text, read=OracleSide)
        except (SqlglotError, RecursionError) as error:
            raise not_parsed(text, error) from error
        if isinstance(tree, exp.Command) or tree is None:
            raise OracleError(900, "invalid SQL statement (simulator: not understood)")
        if any(not select.expressions for select in tree.find_all(exp.Select)):
            raise OracleError(936, "missing expression")
        return tree

    # -- tables and their columns ---------------------------------------------------------------------------------------

    def _tables(self, tree: exp.Expr) -> None:
        target = tree.this if isinstance(tree, (exp.Insert, exp.Update, exp.Delete, exp.Merge)) else None
        if isinstance(target, exp.Schema):
            target = target.this
        owners: dict[int, Relation] = {}
        fold_ctes(tree)
        for table in list(tree.find_all(exp.Table)):
            if not isinstance(table.this, exp.Identifier) or (not table.db and is_cte(table)):
                continue
            relation = self.resolve(table.db or None, table.name)
            self.out.relations.append(relation)
            if table is target:
                self.out.target = relation
            if not table.alias and not (table is target and isinstance(tree, exp.Insert)):
                table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name, quoted=True)))
            table.set("this", exp.to_identifier(relation.name, quoted=True))
            table.set("db", exp.to_identifier(relation.schema, quoted=True) if relation.schema else None)
            table.set("catalog", None)
            if table.args.get("partition") is not None:
                raise OracleError(3001, "unimplemented feature (simulator: a table's partitions are not stored apart)")
            owners[id(table)] = relation
        for column in tree.find_all(exp.Column):
            if column.args.get("db"):
                column.set("db", None)
        for select in list(tree.find_all(exp.Select)):
            self._star(select, owners)
        self._rowid(tree)

    def _star(self, select: exp.Select, owners: dict[int, Relation]) -> None:
        sources = list(sources_of(select))
        expanded: list[exp.Expr] = []
        changed = False
        for item in select.expressions:
            star_of = item.table if isinstance(item, exp.Column) and isinstance(item.this, exp.Star) else None
            if not isinstance(item, exp.Star) and star_of is None:
                expanded.append(item)
                continue
            changed = True
            once = [] if star_of else shared_columns(select)
            expanded += [exp.column(exp.to_identifier(c, quoted=True)) for c in once]
            for source in sources:
                alias = source.alias_or_name
                if star_of and alias != star_of:
                    continue
                relation = owners.get(id(source))
                if relation is None:
                    expanded.append(star_of_source(alias))
                else:
                    expanded += [
                        exp.column(exp.to_identifier(c, quoted=True), exp.to_identifier(alias, quoted=True))
                        for c in relation.columns
                        if c not in once
                    ]
            if star_of and not any(s.alias_or_name == star_of for s in sources):
                expanded.append(item)
        if changed:
            select.set("expressions", expanded)

    def _rowid(self, tree: exp.Expr) -> None:
        for column in list(tree.find_all(exp.Column)):
            if column.name != "ROWID":
                continue
            source = source_of(column, tree)
            if source is None:
                continue
            number = exp.column(exp.to_identifier(ROW_NUMBER, quoted=True), exp.to_identifier(source, quoted=True))
            parent = column.parent
            if parent is not None and compares_rowids(column, parent):
                for key in ("this", "expression", "low", "high"):
                    other = parent.args.get(key)
                    if isinstance(other, exp.Expr) and not (
                        isinstance(other, exp.Column) and other.name in ("ROWID", ROW_NUMBER)
                    ):
                        parent.set(key, row_number(other))
                if isinstance(parent, exp.In):
                    parent.set("expressions", [row_number(e) for e in parent.expressions])
                column.replace(number)
                continue
            if isinstance(parent, exp.Ordered):  # by where rows lie: their text sorts otherwise
                column.replace(number)
                continue
            object_id = exp.column("tableoid", exp.to_identifier(source, quoted=True))
            value: exp.Expr = exp.Anonymous(this="ora.rowid_text", expressions=[object_id, number])
            if isinstance(parent, exp.Select) and column.arg_key == "expressions":
                value = exp.alias_(value, "ROWID", quoted=True)
            column.replace(value)

    # -- DML ------------------------------------------------------------------------------------------------------------

    def _insert(self, tree: exp.Insert) -> None:
        target = tree.this
        if isinstance(target, exp.Schema):
            names = list(target.expressions)
            for name in names:
                if isinstance(name, exp.Column):
                    name.replace(name.this)
            self._generated(tree, target)
            return
        if isinstance(target, exp.Table):
            relation = self.resolve(target.db or None, target.name)
            if relation.insertable:
                columns = [exp.to_identifier(c, quoted=True) for c in relation.insertable]
                tree.set("this", exp.Schema(this=target, expressions=columns))

    def _generated(self, tree: exp.Insert, target: exp.Schema) -> None:
        """ORA-32795 for a value given to a column GENERATED ALWAYS AS IDENTITY."""
        always = self.resolve(target.this.db or None, target.this.name).always
        for number, column in enumerate(target.expressions if always else []):
            if column.name not in always:
                continue
            source = tree.expression
            values = source.expressions if isinstance(source, exp.Values) else []
            given = [v.expressions[number] for v in values if isinstance(v, exp.Tuple) and number < len(v.expressions)]
            if not given or any(g.sql().upper().strip('"') != "DEFAULT" for g in given):
                raise OracleError(32795, "cannot insert into a generated always identity column")

    def _returning(self, tree: exp.Expr, text: str) -> None:
        items = self._parse(f"SELECT {text}").expressions
        tree.set("returning", exp.Returning(expressions=items))

    def _targets(self, tree: exp.Expr) -> None:
        """SET takes no qualified names in PostgreSQL. ORA-32796 for a column GENERATED ALWAYS AS IDENTITY."""
        always = self.out.target.always if self.out.target is not None else ()
        for update in list(tree.find_all(exp.Update)):
            for assignment in update.expressions:
                left = assignment.this
                for column in [left] if isinstance(left, exp.Column) else left.find_all(exp.Column):
                    if column.name in always:
                        raise OracleError(32796, "cannot update a generated always identity column")
                    column.set("table", None)
        for when in tree.find_all(exp.When):
            then = when.args.get("then")
            if isinstance(then, exp.Insert) and isinstance(then.this, exp.Tuple):
                for column in then.this.find_all(exp.Column):
                    column.set("table", None)

    def _locks(self, tree: exp.Expr) -> None:
        for lock in tree.find_all(exp.Lock):
            self.out.locks = True
            wait = lock.args.get("wait")
            if isinstance(wait, exp.Literal):
                self.out.wait = float(wait.this)
                lock.set("wait", None)
            elif wait is True:
                self.out.wait = 0
            tables = {e.table for e in lock.expressions if isinstance(e, exp.Column) and e.table}
            lock.set("expressions", [exp.to_identifier(t, quoted=True) for t in sorted(tables)] or None)

    # -- expressions ----------------------------------------------------------------------------------------------------

    def _rewrite(self, tree: exp.Expr) -> exp.Expr:
        """Every node rewritten, the innermost first."""
        for node in reversed(list(tree.bfs())):
            new = self._node(node)
            if new is not node:
                node.replace(new)
        return tree

    def _node(self, node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Placeholder):
            return self._bind(node)
        if isinstance(node, exp.Literal) and node.is_string and node.this == "":
            return exp.null()
        if isinstance(node, exp.DPipe):
            return call("ora.concat", *[self._as_string(e) for e in (node.this, node.expression)])
        if isinstance(node, exp.Div):
            return call("ora.div", node.this, node.expression)
        if isinstance(node, exp.Is) and isinstance(node.expression, exp.JSON):
            node.set("this", call("ora.json_text", node.this))
            return node
        if isinstance(node, exp.AtTimeZone):
            return call("ora.at_time_zone", node.this, node.args["zone"])
        if isinstance(node, exp.Decode) or (isinstance(node, exp.Anonymous) and node.name.upper() == "DECODE"):
            return decode(node.expressions)
        if isinstance(node, exp.Anonymous):
            return node if isinstance(node.parent, exp.Dot) and node.arg_key == "expression" else self._function(node)
        if isinstance(node, exp.Trim):
            return self._trim(node)
        if isinstance(node, exp.Fetch):
            count = node.args.get("count")
            return exp.Limit(expression=RawCast(this=count, to="bigint") if count is not None else exp.Literal.number(1))
        if isinstance(node, exp.Offset):
            node.set("expression", RawCast(this=node.expression, to="bigint"))
            return node
        if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Anonymous):  # x.getClobVal()
            name = node.expression.name.lower()
            if name in ("getclobval", "getstringval"):
                return call(f"ora.{name}", node.this)
        if isinstance(node, exp.GroupConcat):
            node.set("this", self._listed(node.this))
            return node
        return node

    def _late(self, node: exp.Expr) -> str:
        return postgres_sql(self._rewrite(exp.Paren(this=node.copy())))

    def _bind(self, node: exp.Placeholder) -> exp.Expr:
        index = int(node.name[1:]) - 1
        if index >= len(self.binds):
            raise OracleError(1008, "not all variables bound")
        self.out.parameters.append(index)
        bind = self.binds[index]
        return RawText(this=f"${len(self.out.parameters)}::{bind_type(bind)}")

    def _listed(self, node: exp.Expr) -> exp.Expr:
        """What LISTAGG lists, as a string; an ORDER BY stands around it."""
        if isinstance(node, exp.Order):
            node.set("this", self._as_string(node.this))
            return node
        return self._as_string(node)

    @staticmethod
    def _as_string(node: exp.Expr) -> exp.Expr:
        if isinstance(node, (exp.Null, exp.Literal)) and (isinstance(node, exp.Null) or node.is_string):
            return RawCast(this=node, to="text")
        if isinstance(node, exp.Anonymous) and node.this == "ora.concat":
            return node
        return call("ora.str", node)

    def _function(self, node: exp.Anonymous) -> exp.Expr:
        name = str(node.this).upper()
        arguments = list(node.expressions)
        if name.startswith("ORA."):
            return node
        if name.startswith("ORA_") and name != "ORA_HASH":
            name = name[4:]
            if name == "CAST":
                return self._cast(arguments[0], self.prepared.casts[int(arguments[1].this)])
            if name in ("NEXTVAL", "CURRVAL"):
                sequence = self.sequence(arguments[0].this)
                return RawText(this=f"{name.lower()}({literal(sequence)})::numeric")
        if name in ("NVL", "NVL2", "TO_CHAR", "TO_NCHAR", "TO_DATE", "TO_TIMESTAMP", "TO_TIMESTAMP_TZ", "TO_NUMBER"):
            if name == "NVL":
                return exp.Coalesce(this=arguments[0], expressions=arguments[1:])
            if name == "NVL2":
                return exp.Case(
                    ifs=[exp.If(this=exp.Not(this=exp.Is(this=arguments[0], expression=exp.null())), true=arguments[1])],
                    default=arguments[2],
                )
            arguments = arguments[:2]
        if name in _NATIVE:
            return node
        if name.startswith(("DBMS_LOB__", "UTL_RAW__", "DBMS_ROWID__")) or name.lower() in self.functions:
            if name.lower() not in self.functions:
                raise OracleError(904, f'"{name.replace("__", ".")}": invalid identifier')
            check_arguments(len(arguments), *self.functions[name.lower()])
            return call(f"ora.{name.lower()}", *arguments)
        raise OracleError(904, f'"{name}": invalid identifier')

    def _cast(self, value: exp.Expr, to: DataType) -> exp.Expr:
        if to.name in CHARACTER:
            cut = call("left", call("ora.str", value), exp.Literal.number(to.length))
            size = f"({to.length})"
            return RawCast(
                this=cut,
                to={"VARCHAR2": "ora.varchar2", "NVARCHAR2": "ora.nvarchar2", "CHAR": "ora.char", "NCHAR": "ora.nchar"}[to.name]
                + size,
            )
        if to.name == "RAW":
            return RawCast(this=value, to="ora.raw")
        return RawCast(this=value, to=to.postgres)

    def _trim(self, node: exp.Trim) -> exp.Expr:
        function = {"LEADING": "ora.ltrim", "TRAILING": "ora.rtrim"}.get(str(node.args.get("position") or "").upper())
        chars = node.args.get("expression")
        if function is None:
            if chars is None:
                return call("ora.trim", node.this)
            return call("ora.ltrim", call("ora.rtrim", node.this, chars), chars.copy())
        return call(function, node.this, *([chars] if chars is not None else []))

    def _strings(self, tree: exp.Expr) -> None:
        """Literals are CHAR where their type shows: everywhere but among a function's arguments."""
        for node in list(tree.find_all(exp.Literal)):
            if not node.is_string or node.parent is None:
                continue
            if isinstance(node.parent, (exp.Anonymous, RawCast, exp.Like, exp.Escape, exp.GroupConcat, exp.Interval, exp.Cast)):
                continue
            node.replace(RawCast(this=node.copy(), to=f"ora.char({len(node.this)})"))
