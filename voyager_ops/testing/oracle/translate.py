"""Queries and DML from Oracle to the PostgreSQL behind the simulator: sqlglot's tree of the prepared text, rewritten.

Everything is called by its qualified name, so the session's search_path matters to operators only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import sqlglot
from sqlglot import exp
from sqlglot.dialects.oracle import Oracle
from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import SqlglotError
from sqlglot.generators.postgres import PostgresGenerator
from sqlglot.parsers.oracle import OracleParser
from sqlglot.transforms import eliminate_join_marks

from voyager_ops.testing.oracle.datatypes import CHARACTER, DataType
from voyager_ops.testing.oracle.engine import Bind, OracleError, TypeNumber
from voyager_ops.testing.oracle.rewrite import Prepared, literal

ROW_NUMBER = "ORA$RID"  # the hidden column behind ROWID

# Functions that are PostgreSQL's own under the same name.
_NATIVE = frozenset(
    [
        "COUNT",
        "SUM",
        "AVG",
        "MIN",
        "MAX",
        "ABS",
        "CEIL",
        "FLOOR",
        "SIGN",
        "EXP",
        "LN",
        "SQRT",
        "POWER",
        "SIN",
        "COS",
        "TAN",
        "ASIN",
        "ACOS",
        "ATAN",
        "SINH",
        "COSH",
        "TANH",
        "COALESCE",
        "NULLIF",
        "GREATEST",
        "LEAST",
        "ROW_NUMBER",
        "RANK",
        "DENSE_RANK",
        "PERCENT_RANK",
        "CUME_DIST",
        "NTILE",
        "LAG",
        "LEAD",
        "FIRST_VALUE",
        "LAST_VALUE",
        "NTH_VALUE",
        "STDDEV",
        "STDDEV_POP",
        "STDDEV_SAMP",
        "VARIANCE",
        "VAR_POP",
        "VAR_SAMP",
        "CORR",
        "COVAR_POP",
        "COVAR_SAMP",
        "MEDIAN",
        "STRING_AGG",
        "GROUPING",
        "EXISTS",
        "MERGE_ACTION",
    ]
)
_BIND_TYPES = {
    TypeNumber.VARCHAR2: "ora.varchar2",
    TypeNumber.CHAR: "ora.char",
    TypeNumber.LONG: "ora.clob",
    TypeNumber.CLOB: "ora.clob",
    TypeNumber.NUMBER: "numeric",
    TypeNumber.BINARY_INTEGER: "numeric",
    TypeNumber.DATE: "ora.date",
    TypeNumber.TIMESTAMP: "ora.ts",
    TypeNumber.TIMESTAMP_TZ: "ora.tstz",
    TypeNumber.TIMESTAMP_LTZ: "ora.tsltz",
    TypeNumber.RAW: "ora.raw",
    TypeNumber.LONG_RAW: "ora.blob",
    TypeNumber.BLOB: "ora.blob",
    TypeNumber.BINARY_FLOAT: "float4",
    TypeNumber.BINARY_DOUBLE: "float8",
    TypeNumber.INTERVAL_DS: "ora.ids",
    TypeNumber.INTERVAL_YM: "ora.iym",
    TypeNumber.BOOLEAN: "boolean",
    TypeNumber.ROWID: "ora.rowid",
    TypeNumber.UROWID: "ora.rowid",
    TypeNumber.JSON: "ora.json",
}
_NATIONAL_BINDS = {TypeNumber.VARCHAR2: "ora.nvarchar2", TypeNumber.CHAR: "ora.nchar", TypeNumber.CLOB: "ora.nclob"}


def bind_type(bind: Bind) -> str:
    """The PostgreSQL type of a bind's values."""
    try:
        return _NATIONAL_BINDS.get(bind.type, _BIND_TYPES[bind.type]) if bind.national else _BIND_TYPES[bind.type]
    except KeyError:
        raise OracleError(932, f"inconsistent datatypes: the simulator takes no binds of type {bind.type.name}") from None


@dataclass(frozen=True, slots=True)
class Relation:
    """What a name in FROM stands for. ``schema`` None: found by name alone (V$ views). ``columns``: what ``*`` gives."""

    owner: str
    name: str
    schema: str | None
    columns: tuple[str, ...]
    kind: str
    insertable: tuple[str, ...] = ()
    always: tuple[str, ...] = ()
    """Identity columns GENERATED ALWAYS."""


class RawCast(exp.Expression):
    """``(this)::to``, ``to`` as text."""

    arg_types: ClassVar[dict[str, bool]] = {"this": True, "to": True}


class RawText(exp.Expression):
    """PostgreSQL as it is."""

    arg_types: ClassVar[dict[str, bool]] = {"this": True}


class OracleSide(Oracle):
    """Oracle with every function left as it is written."""

    class Parser(OracleParser):
        FUNCTIONS: ClassVar[dict[str, Any]] = {}
        NO_PAREN_FUNCTIONS: ClassVar[dict[Any, Any]] = {}
        FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
            name: parser for name, parser in OracleParser.FUNCTION_PARSERS.items() if name in ("TRIM", "LISTAGG", "STRING_AGG")
        }


class PostgresSide(Postgres):
    class Generator(PostgresGenerator):
        TRANSFORMS: ClassVar[dict[Any, Any]] = {
            **PostgresGenerator.TRANSFORMS,
            RawCast: lambda self, e: f"({self.sql(e, 'this')})::{e.args['to']}",
            RawText: lambda self, e: e.args["this"],
            exp.Select: lambda self, e: self.select_sql(e),
        }


@dataclass(slots=True)
class Translated:
    """``sql`` with ``$n`` for the binds ``parameters`` (indexes from 0, in order of ``$n``). ``names`` of a query's columns.

    ``relations``: the tables read; ``target``: the table written. ``as_of``: a query giving the SCN, its ``$n``
    are ``as_of_parameters``.
    ``wait``: seconds that FOR UPDATE waits for locks; -1: no limit.
    """

    sql: str
    parameters: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    target: Relation | None = None
    as_of: str | None = None
    as_of_parameters: list[int] = field(default_factory=list)
    as_of_timestamp: bool = False
    wait: float = -1
    locks: bool = False
    kind: str = "SELECT"


class Translator:
    """One translation. ``resolve(owner, name)`` gives a relation or raises ORA-00942; ``sequence`` a qualified quoted name."""

    def __init__(
        self,
        prepared: Prepared,
        binds: Sequence[Bind],
        resolve: Callable[[str | None, str], Relation],
        sequence: Callable[[str], str],
        functions: frozenset[str],
    ) -> None:
        self.prepared = prepared
        self.binds = binds
        self.resolve = resolve
        self.sequence = sequence
        self.functions = functions
        self.out = Translated("")

    def translate(self, returning: str = "") -> Translated:
        tree = self._parse(self.prepared.text)
        kind = tree.key.upper() if isinstance(tree, (exp.Insert, exp.Update, exp.Delete, exp.Merge)) else "SELECT"
        self.out.kind = kind
        if any(j.args.get("join_mark") for j in tree.find_all(exp.Column)):
            tree = eliminate_join_marks(tree)
        tree = self._connect_by(tree)
        if kind == "SELECT":
            self.out.names = _names(tree)
        if returning:
            self._returning(tree, returning)
        if isinstance(tree, exp.Insert):
            self._insert(tree)
        self._tables(tree)
        self._rownum(tree)
        tree = self._rewrite(tree)
        self._strings(tree)
        self._targets(tree)
        self._locks(tree)
        self.out.sql = tree.sql(dialect=PostgresSide, normalize_functions=False, comments=False)
        if self.prepared.as_of is not None:
            used, self.out.parameters = self.out.parameters, []
            value = self._rewrite(self._parse(f"SELECT {self.prepared.as_of} AS X"))
            self.out.as_of_parameters, self.out.parameters = self.out.parameters, used
            self.out.as_of = value.sql(dialect=PostgresSide, normalize_functions=False)
            self.out.as_of_timestamp = self.prepared.as_of_timestamp
        return self.out

    def expression(self) -> str:
        """The prepared text as one expression, of the columns of a single table: for defaults, checks and index keys."""
        tree = self._rewrite(self._parse(f"SELECT {self.prepared.text}"))
        self._strings(tree)
        return str(tree.expressions[0].sql(dialect=PostgresSide, normalize_functions=False))

    def _parse(self, text: str) -> exp.Expr:
        try:
            tree = sqlglot.parse_one(text, read=OracleSide)
        except (SqlglotError, RecursionError) as error:
            reason = str(error).split("\n", 1)[0].replace("\x1b[4m", "").replace("\x1b[0m", "")
            raise OracleError(900, f"invalid SQL statement (simulator: not understood: {reason})") from error
        if isinstance(tree, exp.Command) or tree is None:
            raise OracleError(900, "invalid SQL statement (simulator: not understood)")
        return tree

    # -- tables and their columns ---------------------------------------------------------------------------------------

    def _tables(self, tree: exp.Expr) -> None:
        target = tree.this if isinstance(tree, (exp.Insert, exp.Update, exp.Delete, exp.Merge)) else None
        if isinstance(target, exp.Schema):
            target = target.this
        owners: dict[int, Relation] = {}
        for table in list(tree.find_all(exp.Table)):
            if not isinstance(table.this, exp.Identifier) or (not table.db and _is_cte(table)):
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
        sources = list(_sources(select))
        expanded: list[exp.Expr] = []
        changed = False
        for item in select.expressions:
            star_of = item.table if isinstance(item, exp.Column) and isinstance(item.this, exp.Star) else None
            if not isinstance(item, exp.Star) and star_of is None:
                expanded.append(item)
                continue
            changed = True
            for source in sources:
                alias = source.alias_or_name
                if star_of and alias != star_of:
                    continue
                relation = owners.get(id(source))
                if relation is None:
                    expanded.append(
                        exp.Column(this=exp.Star(), table=exp.to_identifier(alias, quoted=True)) if alias else exp.Star()
                    )
                else:
                    expanded += [
                        exp.column(exp.to_identifier(c, quoted=True), exp.to_identifier(alias, quoted=True))
                        for c in relation.columns
                    ]
            if star_of and not any(s.alias_or_name == star_of for s in sources):
                expanded.append(item)
        if changed:
            select.set("expressions", expanded)

    def _rowid(self, tree: exp.Expr) -> None:
        for column in list(tree.find_all(exp.Column)):
            if column.name != "ROWID":
                continue
            source = _source_of(column, tree)
            if source is None:
                continue
            number = exp.column(exp.to_identifier(ROW_NUMBER, quoted=True), exp.to_identifier(source, quoted=True))
            parent = column.parent
            if parent is not None and _compares_rowids(column, parent):
                for key in ("this", "expression", "low", "high"):
                    other = parent.args.get(key)
                    if isinstance(other, exp.Expr) and not (
                        isinstance(other, exp.Column) and other.name in ("ROWID", ROW_NUMBER)
                    ):
                        parent.set(key, _row_number(other))
                if isinstance(parent, exp.In):
                    parent.set("expressions", [_row_number(e) for e in parent.expressions])
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

    # -- ROWNUM, CONNECT BY LEVEL ---------------------------------------------------------------------------------------

    def _connect_by(self, tree: exp.Expr) -> exp.Expr:
        for select in list(tree.find_all(exp.Select)):
            connect = select.args.get("connect")
            if connect is None:
                continue
            condition = connect.args["connect"]
            source = _sources(select)
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
            numbers = f"generate_series(1, ({self._late(upper)})::bigint) AS g"
            text = f'(SELECT g::numeric AS "LEVEL", \'X\'::ora.varchar2 AS "DUMMY" FROM {numbers}) AS "DUAL"'
            select.set("connect", None)
            select.args["from_" if "from_" in select.args else "from"].set("this", RawText(this=text))
            for column in select.find_all(exp.Column):
                if column.name == "ROWNUM":
                    column.set("this", exp.to_identifier("LEVEL", quoted=True))
        return tree

    def _late(self, node: exp.Expr) -> str:
        return str(self._rewrite(exp.Paren(this=node.copy())).sql(dialect=PostgresSide, normalize_functions=False))

    def _rownum(self, tree: exp.Expr) -> None:
        for scope in [tree] if not isinstance(tree, exp.Query) else []:
            where = scope.args.get("where")
            if where is not None and any(c.name == "ROWNUM" for c in where.find_all(exp.Column)):
                self._rownum_dml(scope)
        for select in list(tree.find_all(exp.Select)):
            self._rownum_select(select)

    def _take_limit(self, holder: exp.Expr) -> exp.Expr | None:
        """The limit that conditions on ROWNUM in the WHERE of ``holder`` make, taken out of it."""
        where = holder.args.get("where")
        if where is None:
            return None
        kept: list[exp.Expr] = []
        limit: exp.Expr | None = None
        for part in where.this.flatten() if isinstance(where.this, exp.And) else [where.this]:
            inner = part.unnest() if isinstance(part, exp.Paren) else part
            if (
                isinstance(inner, (exp.LTE, exp.LT, exp.EQ))
                and isinstance(inner.this, exp.Column)
                and inner.this.name == "ROWNUM"
            ):
                bound = inner.expression.copy()
                limit = (
                    exp.Sub(this=exp.Paren(this=bound), expression=exp.Literal.number(1)) if isinstance(inner, exp.LT) else bound
                )
                if isinstance(inner, exp.LT) and isinstance(bound, exp.Literal):
                    limit = exp.Literal.number(int(bound.this) - 1)
            else:
                kept.append(part)
        if limit is None:
            return None
        holder.set("where", exp.Where(this=exp.and_(*kept, copy=False)) if kept else None)
        return RawCast(this=limit, to="bigint")

    def _rownum_select(self, select: exp.Select) -> None:
        limit = self._take_limit(select)
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
                sources = _sources(select)
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

    def _rownum_dml(self, statement: exp.Expr) -> None:
        limit = self._take_limit(statement)
        if limit is None or not isinstance(statement, (exp.Update, exp.Delete)):
            raise OracleError(900, "invalid SQL statement (simulator: ROWNUM here)")
        table = statement.this
        alias = exp.to_identifier(table.alias_or_name, quoted=True)
        inner = exp.Select(expressions=[exp.column("ctid", alias.copy())])
        inner.set("from_", exp.From(this=table.copy()))
        inner.set("where", statement.args.get("where"))
        inner.set("limit", exp.Limit(expression=limit))
        statement.set("where", exp.Where(this=exp.In(this=exp.column("ctid", alias), query=exp.Subquery(this=inner))))

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
        """SET takes no qualified names in PostgreSQL."""
        for update in list(tree.find_all(exp.Update)):
            for assignment in update.expressions:
                left = assignment.this
                for column in [left] if isinstance(left, exp.Column) else left.find_all(exp.Column):
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
            return _call("ora.concat", *[self._as_string(e) for e in (node.this, node.expression)])
        if isinstance(node, exp.Div):
            return _call("ora.div", node.this, node.expression)
        if isinstance(node, exp.Is) and isinstance(node.expression, exp.JSON):
            node.set("this", _call("ora.json_text", node.this))
            return node
        if isinstance(node, exp.AtTimeZone):
            return _call("ora.at_time_zone", node.this, node.args["zone"])
        if isinstance(node, exp.Decode) or (isinstance(node, exp.Anonymous) and node.name.upper() == "DECODE"):
            return _decode(node.expressions)
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
                return _call(f"ora.{name}", node.this)
        if isinstance(node, exp.GroupConcat):
            node.set("this", self._listed(node.this))
            return node
        return node

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
        return _call("ora.str", node)

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
            return _call(f"ora.{name.lower()}", *arguments)
        raise OracleError(904, f'"{name}": invalid identifier')

    def _cast(self, value: exp.Expr, to: DataType) -> exp.Expr:
        if to.name in CHARACTER:
            cut = _call("left", _call("ora.str", value), exp.Literal.number(to.length))
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
                return _call("ora.trim", node.this)
            return _call("ora.ltrim", _call("ora.rtrim", node.this, chars), chars.copy())
        return _call(function, node.this, *([chars] if chars is not None else []))

    def _strings(self, tree: exp.Expr) -> None:
        """Literals are CHAR where their type shows: everywhere but among a function's arguments."""
        for node in list(tree.find_all(exp.Literal)):
            if not node.is_string or node.parent is None:
                continue
            if isinstance(node.parent, (exp.Anonymous, RawCast, exp.Like, exp.Escape, exp.GroupConcat, exp.Interval, exp.Cast)):
                continue
            node.replace(RawCast(this=node.copy(), to=f"ora.char({len(node.this)})"))


def _call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    """A call; numbers are NUMBER (PostgreSQL would take them for int or float8)."""
    numbers = name.startswith("ora.")
    return exp.Anonymous(
        this=name,
        expressions=[
            RawCast(this=a.copy(), to="numeric") if numbers and isinstance(a, exp.Literal) and not a.is_string else a
            for a in arguments
        ],
    )


def _compares_rowids(column: exp.Column, parent: exp.Expr) -> bool:
    """Whether ``parent`` compares ROWIDs, so that their numbers can be compared instead."""
    if isinstance(parent, exp.In):
        return parent.this is column and parent.args.get("query") is None
    if isinstance(parent, exp.Between):
        return parent.this is column
    return isinstance(parent, (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE))


def _row_number(value: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this="ora.rowid_number", expressions=[RawCast(this=value.copy(), to="text")])


def _decode(arguments: Sequence[exp.Expr]) -> exp.Expr:
    subject, *rest = arguments
    ifs = []
    while len(rest) >= 2:
        ifs.append(exp.If(this=exp.NullSafeEQ(this=subject.copy(), expression=rest[0]), true=rest[1]))
        rest = rest[2:]
    return exp.Case(ifs=ifs, default=rest[0] if rest else None)


def _sources(select: exp.Expr) -> list[exp.Expr]:
    start = select.args.get("from_") or select.args.get("from")
    found = [start.this] if start is not None else []
    return found + [join.this for join in select.args.get("joins") or []]


def _is_cte(table: exp.Table) -> bool:
    node: exp.Expr | None = table
    while node is not None:
        with_ = node.args.get("with_") or node.args.get("with")
        if with_ is not None and any(cte.alias == table.name for cte in with_.expressions):
            return True
        node = node.parent
    return False


def _source_of(column: exp.Column, tree: exp.Expr) -> str | None:
    """The alias of the table that an unqualified pseudo-column belongs to; None: it is a column of a subquery."""
    holder = column.find_ancestor(exp.Select, exp.Update, exp.Delete, exp.Merge, exp.Insert) or tree
    if isinstance(holder, (exp.Update, exp.Delete, exp.Insert)):
        target = holder.this.this if isinstance(holder.this, exp.Schema) else holder.this
        sources = [target]
    elif isinstance(holder, exp.Merge):
        sources = [holder.this, holder.args["using"]]
    else:
        sources = _sources(holder)
    if column.table:
        for source in sources:
            if source.alias_or_name == column.table:
                return column.table if isinstance(source, exp.Table) and not _is_cte(source) else None
        return column.table
    tables = [s for s in sources if isinstance(s, exp.Table) and not _is_cte(s)]
    return tables[0].alias_or_name if len(tables) == 1 else None


def _names(tree: exp.Expr) -> list[str]:
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
