"""The two dialects of sqlglot that statements are translated between."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.oracle import Oracle
from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import ErrorLevel, UnsupportedError
from sqlglot.generators.postgres import PostgresGenerator
from sqlglot.parsers.oracle import OracleParser

from voyager_ops.testing.oracle.engine import OracleError


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


def postgres_sql(tree: exp.Expr) -> str:
    """The tree as PostgreSQL's SQL. ORA-03001 for what sqlglot would leave out of it."""
    try:
        return str(tree.sql(dialect=PostgresSide, normalize_functions=False, comments=False, unsupported_level=ErrorLevel.RAISE))
    except UnsupportedError as error:
        raise OracleError(3001, f"unimplemented feature (simulator: {error})") from error
