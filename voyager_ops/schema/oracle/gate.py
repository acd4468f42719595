"""The gate that every expression and query of an Oracle schema passes: translated and parsed again, or refused with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pglast import parser
from sqlglot import exp

from voyager_ops.schema.oracle.dialect import Node, Refused, call, generate, parse_expression, parse_query
from voyager_ops.schema.oracle.dialect import text as literal
from voyager_ops.schema.oracle.expressions import Translator, moved_to_zone
from voyager_ops.schema.oracle.scope import Names, Nothing, Scope, of_table
from voyager_ops.schema.oracle.typed import Kind, Typed, as_number, bare, is_moment, is_number, is_text, word


@dataclass(frozen=True)
class Translated:
    """``sql`` for PostgreSQL, and what it gives."""

    sql: str
    kind: Kind
    node: Node


@dataclass(frozen=True)
class TranslatedQuery:
    sql: str
    columns: dict[str, Kind]


def translate_expression(
    text: str,
    *,
    columns: Mapping[str, Kind] | None = None,
    names: Names | None = None,
    owner: str = "",
    lasting: bool = False,
) -> Translated:
    """An expression over the ``columns`` (Oracle's names) of one table. ``lasting``: it goes into an index or generated column.

    Raises Refused with the reason when its translation cannot be proven.
    """
    value = _value(text, columns, names, owner, lasting)
    return _proven(value)


def translate_condition(text: str, *, columns: Mapping[str, Kind], names: Names | None = None, owner: str = "") -> Translated:
    """As :func:`translate_expression`, for a CHECK."""
    found = _value(text, columns, names, owner, lasting=False)
    if found.kind.base != "boolean":
        raise Refused("it is not a condition")
    return _proven(found)


def translate_default(text: str, column: Kind, *, names: Names | None = None, owner: str = "") -> Translated:
    """The default of a column of kind ``column``. Raises Refused also where Oracle would convert it by its settings."""
    translator, node = Translator(names or Nothing(), owner), bare(parse_expression(text))
    if isinstance(node, exp.AtTimeZone):
        value = moved_to_zone(translator, node, Scope())
        if column.base == "instant":  # the moment is the same in any zone
            value = translator.value(node.this, Scope())
    else:
        value = translator.value(node, Scope())
    if is_number(column) and is_text(value.kind):
        value = as_number(value)
    _fitting(value.kind, column)
    if column.base == "date" and value.kind.base in ("timestamp", "instant"):
        value = Typed(call("date_trunc", literal("second"), value.node), value.kind)
    return _proven(value)


def translate_generated(text: str, column: Kind, columns: Mapping[str, Kind], *, owner: str = "") -> Translated:
    """The expression of a virtual column of kind ``column``. Raises Refused as the others do."""
    translator = Translator(Nothing(), owner, lasting=True, generated=True)
    value = translator.value(parse_expression(text), of_table(columns))
    _fitting(value.kind, column)
    return _proven(value)


def _fitting(given: Kind, column: Kind) -> None:
    """Raises Refused when the database would convert the value into the column by rules that differ."""
    moments = is_moment(given) or given.base == "instant"
    fits = (
        given.base in ("null", column.base)
        or (is_text(given) and is_text(column))
        or (is_number(given) and is_number(column))
        or (moments and (is_moment(column) or column.base == "instant"))
        or (is_number(given) and given.integral and is_text(column))
    )
    if not fits:
        raise Refused(f"a {word(given)} becomes a {word(column)}, in a way that depends on Oracle's settings")


def translate_query(text: str, *, names: Names, owner: str = "") -> TranslatedQuery:
    """A query as views have them; names without a schema are those of ``owner``. Raises Refused."""
    node, columns = Translator(names, owner).query(parse_query(text), None)
    return TranslatedQuery(accepted(node), columns)


def accepted(query: exp.Query) -> str:
    """The text of a translated query. Raises Refused when PostgreSQL does not parse it."""
    sql = generate(query, pretty=True)
    _accepted(sql)
    return sql


def _value(text: str, columns: Mapping[str, Kind] | None, names: Names | None, owner: str, lasting: bool) -> Typed:
    scope = of_table(columns) if columns is not None else Scope()
    return Translator(names or Nothing(), owner, lasting=lasting).value(parse_expression(text), scope)


def _proven(value: Typed) -> Translated:
    sql = generate(value.node)
    _accepted(f"SELECT {sql}")
    return Translated(sql, value.kind, value.node)


def _accepted(sql: str) -> None:
    """PostgreSQL's own parser has the last word."""
    try:
        parsed = parser.parse_sql(sql)
    except parser.ParseError as error:
        raise Refused(f"its translation does not parse: {error.args[0] if error.args else sql}") from error
    if len(parsed) != 1:
        raise Refused("its translation is not one statement")


__all__ = [
    "Refused",
    "Translated",
    "TranslatedQuery",
    "accepted",
    "translate_condition",
    "translate_default",
    "translate_expression",
    "translate_generated",
    "translate_query",
]
