"""Constructs inside views, rules, policies and the bodies of functions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pglast import ast, parser
from pglast.enums import CTEMaterialize, LimitOption, TransactionStmtKind

from voyager_ops.schema.names import of_strings, walk
from voyager_ops.schema.rules.base import Check, Hit, SchemaModel, Subject
from voyager_ops.schema.statements import parse, tokens

_SYSTEM_COLUMNS = {name: f"SYSTEM_COLUMN_{name.upper()}" for name in ("xmin", "xmax", "cmin", "cmax", "ctid")}
_FUNCTIONS = {
    **dict.fromkeys(
        (
            *("pg_advisory_lock", "pg_advisory_lock_shared", "pg_advisory_unlock", "pg_advisory_unlock_all"),
            *("pg_advisory_unlock_shared", "pg_advisory_xact_lock", "pg_advisory_xact_lock_shared"),
            *("pg_try_advisory_lock", "pg_try_advisory_lock_shared", "pg_try_advisory_xact_lock"),
            "pg_try_advisory_xact_lock_shared",
        ),
        "ADVISORY_LOCKS",
    ),
    **dict.fromkeys(
        (
            *("cursor_to_xml", "cursor_to_xmlschema", "database_to_xml", "database_to_xml_and_xmlschema"),
            *("query_to_xml", "query_to_xml_and_xmlschema", "query_to_xmlschema", "schema_to_xml", "table_to_xml"),
            *("table_to_xmlschema", "xml", "xml_is_well_formed", "xmlagg", "xmlcomment", "xmltext", "xpath"),
            *("xpath_exists", "xmlvalidate", "xml_is_well_formed_content", "xml_is_well_formed_document"),
        ),
        "XML_FUNCTIONS",
    ),
    **dict.fromkeys(("regexp_count", "regexp_instr", "regexp_like", "regexp_substr"), "REGEX_FUNCTIONS"),
    "any_value": "ANY_VALUE_AGGREGATE_FUNCTION",
    **dict.fromkeys(("range_agg", "range_intersect_agg"), "RANGE_AGGREGATE_FUNCTION"),
    **dict.fromkeys(("json_array", "json_object_agg_unique", "jsonb_object_agg_unique"), "JSON_CONSTRUCTOR_FUNCTION"),
    **dict.fromkeys(
        (
            *("lo_create", "lo_creat", "lo_unlink", "lo_import", "lo_export", "lo_open", "lo_close", "lo_from_bytea"),
            *("lo_get", "lo_put", "loread", "lowrite", "lo_lseek", "lo_tell", "lo_truncate", "lo_manage"),
        ),
        "LARGE_OBJECT_FUNCTIONS",
    ),
    "pg_notify": "LISTEN_NOTIFY",
}
_NODES = {
    **dict.fromkeys(("XmlExpr", "XmlSerialize"), "XML_FUNCTIONS"),
    **dict.fromkeys(
        (
            *("JsonObjectConstructor", "JsonArrayConstructor", "JsonArrayQueryConstructor", "JsonObjectAgg"),
            *("JsonArrayAgg", "JsonParseExpr", "JsonScalarExpr", "JsonSerializeExpr"),
        ),
        "JSON_CONSTRUCTOR_FUNCTION",
    ),
    **dict.fromkeys(("JsonFuncExpr", "JsonTable"), "JSON_QUERY_FUNCTION"),
    "JsonIsPredicate": "JSON_TYPE_PREDICATE",
    "MergeStmt": "MERGE_STATEMENT",
    **dict.fromkeys(("NotifyStmt", "ListenStmt", "UnlistenStmt"), "LISTEN_NOTIFY"),
}
# Values of libpg_query's parseMode: a whole statement; from here on an assignment (in between: an expression).
_PLAIN = 0
_ASSIGNMENT = 3
_TWO_PHASE = {
    TransactionStmtKind.TRANS_STMT_PREPARE,
    TransactionStmtKind.TRANS_STMT_COMMIT_PREPARED,
    TransactionStmtKind.TRANS_STMT_ROLLBACK_PREPARED,
}


def _in_node(node: Any) -> Iterator[Hit]:
    """Hits of one node, its children not looked at."""
    name = type(node).__name__
    if name in _NODES:
        yield Hit(_NODES[name])
    if isinstance(node, ast.FuncCall):
        function = of_strings(node.funcname)[1]
        if function in _FUNCTIONS:
            yield Hit(_FUNCTIONS[function], function)
    elif isinstance(node, ast.ColumnRef):
        column = of_strings(node.fields)[1]
        if column in _SYSTEM_COLUMNS:
            yield Hit(_SYSTEM_COLUMNS[column])
    elif isinstance(node, ast.SelectStmt) and node.limitOption == LimitOption.LIMIT_OPTION_WITH_TIES:
        yield Hit("FETCH_WITH_TIES")
    elif isinstance(node, ast.CommonTableExpr) and node.ctematerialized not in {None, CTEMaterialize.CTEMaterializeDefault}:
        yield Hit("CTE_WITH_MATERIALIZED_CLAUSE", str(node.ctename))
    elif isinstance(node, ast.TransactionStmt):
        if node.kind in _TWO_PHASE:
            yield Hit("TWO_PHASE_COMMIT")
        elif node.kind == TransactionStmtKind.TRANS_STMT_SAVEPOINT:
            yield Hit("SAVEPOINT_USAGE")
    elif isinstance(node, ast.CopyStmt):
        if node.whereClause is not None:
            yield Hit("COPY FROM ... WHERE")
        if any(option.defname == "on_error" for option in node.options or ()):
            yield Hit("COPY ... ON_ERROR")


def _bodies(subject: Subject) -> Iterator[Any]:
    """The parse trees inside the body of a function. What only exists as text at run time (EXECUTE) cannot be seen."""
    node = subject.node
    if not isinstance(node, ast.CreateFunctionStmt):
        return
    options = {option.defname: option.arg for option in node.options or ()}
    language: Any = options.get("language")
    source: Any = options.get("as")
    if language is None or source is None:
        return
    if language.sval == "sql":
        yield from (statement.node for statement in parse(source[0].sval) if statement.node is not None)
    elif language.sval == "plpgsql":
        for query in plpgsql_queries(subject.statement.text):
            yield from (statement.node for statement in parse(query) if statement.node is not None)


def plpgsql_queries(function: str) -> list[str]:
    """The SQL inside a PL/pgSQL function; expressions come as ``SELECT expression``. Empty when its body does not parse."""
    try:
        parsed = json.loads(parser.parse_plpgsql_json(function))
    except parser.ParseError:
        return []  # check_body reports it
    found: list[str] = []
    stack: list[Any] = [parsed]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, dict):
            expression = item.get("PLpgSQL_expr")
            if isinstance(expression, dict) and isinstance(expression.get("query"), str):
                found.append(_as_query(expression["query"], expression.get("parseMode", _PLAIN)))
            stack.extend(item.values())
    return found


def _as_query(text: str, mode: int) -> str:
    """The text of a PL/pgSQL expression as a query: an expression gets SELECT before it, an assignment loses its left side."""
    if mode == _PLAIN:
        return text
    if mode >= _ASSIGNMENT:
        sign = next((t for t in tokens(text) if t.name in {"COLON_EQUALS", "ASCII_61"}), None)
        text = text[sign.end :] if sign is not None else text
    return f"SELECT {text}"


def check_body(model: SchemaModel, subject: Subject) -> Iterator[Hit]:
    node = subject.node
    if isinstance(node, ast.CreateFunctionStmt) and any(
        option.defname == "language" and option.arg.sval == "plpgsql" for option in node.options or ()
    ):
        try:
            parser.parse_plpgsql_json(subject.statement.text)
        except parser.ParseError as error:
            yield Hit("PLPGSQL_BODY_NOT_ANALYZED", str(error.args[0]))


def check_queries(model: SchemaModel, subject: Subject) -> Iterator[Hit]:
    seen: set[Hit] = set()
    for tree in (subject.node, *_bodies(subject)):
        for node in walk(tree):
            for hit in _in_node(node):
                if hit not in seen:
                    seen.add(hit)
                    yield hit


def check_literals(model: SchemaModel, subject: Subject) -> Iterator[Hit]:
    text = subject.statement.text
    for token in tokens(text):
        if token.name in {"ICONST", "FCONST"} and text[token.start : token.start + 2].lower() in {"0x", "0o", "0b"}:
            yield Hit("NON_DECIMAL_INTEGER_LITERAL", text[token.start : token.end])
            return


CHECKS: tuple[Check, ...] = (check_queries, check_literals, check_body)
