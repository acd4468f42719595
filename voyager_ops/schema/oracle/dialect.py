"""sqlglot as we use it: a parser of Oracle's expressions that interprets nothing, and a generator that raises.

sqlglot's own function builders are wrong in silence where dialects differ (TRUNC, TO_DATE, SUBSTR with a negative start …), so
the parser below leaves every function as it was written, by name and arguments; ``expressions.py`` knows what each one means.
"""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar, cast

from pglast import keywords
from sqlglot import exp
from sqlglot.dialects.oracle import Oracle
from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import ErrorLevel, SqlglotError

from voyager_ops.databases.oracle.names import fold

Node = exp.Expression


class Refused(Exception):
    """Something whose translation cannot be proven; ``reason`` is a phrase for the report."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


UNEXPECTED = (AttributeError, IndexError, KeyError, StopIteration, TypeError, ValueError)
"""What a tree raises that has another shape than anyone thought of: such text is refused as well, and named; the rest goes on."""
_Base: Any = Oracle.Parser


def _parse_translate(parser: Any) -> Node:
    """``TRANSLATE(text USING NCHAR_CS)`` beside the ordinary function of three arguments."""
    first = parser._parse_disjunction()
    if parser._match_text_seq("USING"):
        parser._parse_var(any_token=True)
        return exp.Anonymous(this="TO_NCHAR", expressions=[first])
    rest = parser._parse_csv(parser._parse_disjunction) if parser._match_text_seq(",") else []
    return exp.Anonymous(this="TRANSLATE", expressions=[first, *rest])


class _Parser(_Base):  # type: ignore[misc]  # sqlglot makes its parsers at run time
    FUNCTIONS: ClassVar[Any] = {}
    FUNCTION_PARSERS: ClassVar[Any] = {
        **{name: _Base.FUNCTION_PARSERS[name] for name in ("CAST", "EXTRACT", "LISTAGG", "TRIM")},
        "TRANSLATE": _parse_translate,
    }
    NO_PAREN_FUNCTION_PARSERS: ClassVar[Any] = {name: _Base.NO_PAREN_FUNCTION_PARSERS[name] for name in ("ANY", "CASE", "PRIOR")}


class _Oracle(Oracle):
    Parser = _Parser


class _Generator(Postgres.Generator):  # type: ignore[misc,valid-type]  # sqlglot makes its generators at run time
    def generatedasidentitycolumnconstraint_sql(self, expression: exp.GeneratedAsIdentityColumnConstraint) -> str:
        """With all options of a sequence (``expression``: SequenceProperties); sqlglot's own knows no CACHE."""
        options = self.sql(expression, "expression")
        kind = "ALWAYS" if expression.this else "BY DEFAULT"
        return f"GENERATED {kind} AS IDENTITY{f' ({options})' if options else ''}"


class _Postgres(Postgres):
    Generator = _Generator


_READ = _Oracle()
_WRITE = _Postgres()


def parse_expression(text: str) -> Node:
    """Raises Refused when it does not parse as one Oracle expression or condition."""
    return _only(text, exp.Expression)


def parse_query(text: str) -> exp.Query:
    """Raises Refused when it does not parse as one Oracle query."""
    return cast(exp.Query, _only(text, exp.Query))


def _only(text: str, wanted: type[Any]) -> Node:
    try:
        parsed = [node for node in _READ.parse(text.strip().rstrip(";"), error_level=ErrorLevel.RAISE) if node is not None]
    except SqlglotError as error:
        first = error.args[0].splitlines()[0] if error.args else "no reason given"
        raise Refused(f"it is not understood: {first}") from error
    except RecursionError as error:
        raise Refused("it is nested too deeply") from error
    except UNEXPECTED as error:
        raise Refused(f"it is not understood ({type(error).__name__})") from error
    if len(parsed) != 1:
        raise Refused("it is not understood: not one expression")
    node = parsed[0]
    if not isinstance(node, (wanted, exp.Subquery)) or isinstance(node, (exp.Command, exp.Alias, exp.DDL)):
        raise Refused(f"it is not understood: {type(node).__name__}")
    return cast(Node, node)


def generate(node: Any, *, pretty: bool = False) -> str:
    """The PostgreSQL text. Raises Refused when sqlglot knows that it cannot say it there."""
    try:
        return str(
            _WRITE.generate(
                node, copy=True, pretty=pretty, unsupported_level=ErrorLevel.RAISE, normalize_functions=False, comments=False
            )
        )
    except SqlglotError as error:
        raise Refused(f"the target has no way to say it: {error}") from error
    except UNEXPECTED as error:
        raise Refused(f"the target has no way to say it ({type(error).__name__})") from error
    except RecursionError as error:
        raise Refused("it is nested too deeply") from error


# ----------------------------------------------------------------------------------------------------------- names


@cache
def needs_quotes(name: str) -> bool:
    """Whether PostgreSQL reads ``name`` as itself only in quotes; any keyword that is not free everywhere counts."""
    if name in _KEYWORDS:
        return True
    head, rest = name[:1], name[1:]
    plain = "abcdefghijklmnopqrstuvwxyz_"
    return not head or head not in plain or any(letter not in plain + "0123456789" for letter in rest)


_KEYWORDS = frozenset(keywords.RESERVED_KEYWORDS) | keywords.TYPE_FUNC_NAME_KEYWORDS | keywords.COL_NAME_KEYWORDS


def identifier(name: str) -> exp.Identifier:
    """The target's ``name`` as a node, quoted where PostgreSQL needs it."""
    return exp.Identifier(this=name, quoted=needs_quotes(name))


def table(schema: str, name: str) -> exp.Table:
    return exp.Table(this=identifier(name), db=identifier(schema)) if schema else exp.Table(this=identifier(name))


def native(node: Any) -> str:
    """Oracle's name of an identifier as parsed: upper case unless it was quoted."""
    if isinstance(node, exp.Identifier):
        return str(node.this) if node.quoted else str(node.this).upper()
    return str(node).upper() if node else ""


def folded(node: Any) -> exp.Identifier:
    """The identifier under its name on the target."""
    return identifier(fold(native(node)))


# ---------------------------------------------------------------------------------------------------------- builders


def call(name: str, *arguments: Node) -> Node:
    """A call of one of PostgreSQL's functions."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def text(value: str) -> Node:
    return exp.Literal.string(value)


def number(value: int) -> Node:
    return exp.Neg(this=exp.Literal.number(-value)) if value < 0 else exp.Literal.number(value)


def data_type(sql: str) -> exp.DataType:
    """A type as PostgreSQL spells it."""
    return exp.DataType(this=exp.DataType.Type.USERDEFINED, kind=sql)


def cast_to(node: Node, sql: str) -> Node:
    return exp.Cast(this=node, to=data_type(sql))


def paren(node: Node) -> Node:
    """Parentheses where an operator or condition would otherwise bind wrongly; none around what stands for itself."""
    standalone = (exp.Literal, exp.Column, exp.Anonymous, exp.Cast, exp.Paren, exp.Case, exp.Null, exp.Subquery, exp.Func)
    if isinstance(node, standalone) and not isinstance(node, (exp.And, exp.Or, exp.Binary)):
        return node
    return exp.Paren(this=node)


def collated(node: Node, collation: str) -> Node:
    return exp.Collate(this=paren(node), expression=exp.Identifier(this=collation, quoted=True))


def interval(amount: str) -> Node:
    return exp.Interval(this=exp.Literal.string(amount))


# -------------------------------------------------------------------------------------------------- looking at nodes


def shown(node: Any) -> str:
    """The Oracle text of a node for the report, not too long."""
    try:
        written = str(node.sql("oracle"))
    except Exception:  # noqa: BLE001 (only for the report: whatever sqlglot cannot print is named by its class)
        written = type(node).__name__
    return written if len(written) < 80 else written[:77] + "…"


def only_arguments(node: exp.Expression, *allowed: str) -> None:
    """Raises Refused when the node carries something beyond ``allowed``."""
    for name, given in node.args.items():
        if name not in allowed and given not in (None, False, []):
            raise Refused(f"{shown(node)} is not translated ({name})")
