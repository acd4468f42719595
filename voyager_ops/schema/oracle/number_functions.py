"""Functions of numbers, and rounding, which dates share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from voyager_ops.schema.oracle import dates
from voyager_ops.schema.oracle.dialect import Refused, call, cast_to, number, paren, text
from voyager_ops.schema.oracle.function_table import Args, Function, Table
from voyager_ops.schema.oracle.typed import (
    DATE,
    DOUBLE,
    INTEGER,
    NUMBER,
    WHOLE,
    Kind,
    Typed,
    as_int,
    as_number,
    exact,
    integer_of,
    is_moment,
    is_number,
    is_text,
    joined,
    string_of,
    word,
)

if TYPE_CHECKING:
    from voyager_ops.schema.oracle.expressions import Translator


def _numeric(name: str, *, integral: bool = False) -> Function:
    def translate(tr: Translator, args: Args) -> Typed:
        values = [as_number(value) for value in args]
        kind = joined(value.kind for value in values)
        nodes = [exact(value) if kind.base != "double" else value.node for value in values]
        result = Kind("number", integral=True) if integral else NUMBER
        return Typed(call(name, *nodes), DOUBLE if kind.base == "double" else result)

    return translate


def _abs(tr: Translator, args: Args) -> Typed:
    value = as_number(args[0])
    return Typed(call("abs", value.node), value.kind)


def _mod(tr: Translator, args: Args) -> Typed:
    left, right = as_number(args[0]), as_number(args[1])
    kind = joined([left.kind, right.kind])
    if kind.base == "double":
        raise Refused("MOD of binary numbers")
    result = call("mod", left.node, right.node)
    if integer_of(right.node) not in (None, 0):
        return Typed(result, kind)
    zero = exp.EQ(this=paren(right.node), expression=number(0))  # Oracle gives back the number itself
    return Typed(exp.Case(ifs=[exp.If(this=zero, true=left.node)], default=result), kind)


def _rounded(name: str) -> Function:
    def translate(tr: Translator, args: Args) -> Typed:
        first = args[0]
        if is_moment(first.kind):
            return _rounded_date(name, args)
        mask = string_of(args[1].node) if len(args) > 1 else None
        if mask is not None or not (is_number(first.kind) or is_text(first.kind) or first.kind.base == "null"):
            raise Refused(f"{name.upper()} of a {word(first.kind)}")
        value = as_number(first)
        if value.kind.base == "double":
            raise Refused(f"{name.upper()} of a binary number, which the target rounds differently")
        if len(args) == 1:
            return value if value.kind.integral else Typed(call(name, value.node), WHOLE)
        return Typed(call(name, exact(value), as_int(args[1])), NUMBER)

    return translate


def _rounded_date(name: str, args: Args) -> Typed:
    if name != "trunc":
        raise Refused("ROUND of a date")
    mask = "DD"
    if len(args) > 1:
        given = string_of(args[1].node)
        if given is None:
            raise Refused("TRUNC of a date by a unit that is not a constant")
        mask = given
    return Typed(call("date_trunc", text(dates.trunc_unit(mask)), args[0].node), DATE)


def _bitand(tr: Translator, args: Args) -> Typed:
    values = [as_number(value) for value in args]
    if not all(value.kind.integral for value in values):
        raise Refused("BITAND of numbers with fractions")
    left, right = (value.node if value.kind.native else cast_to(value.node, "bigint") for value in values)
    return Typed(exp.Paren(this=exp.BitwiseAnd(this=paren(left), expression=paren(right))), INTEGER)


def _to_number(tr: Translator, args: Args) -> Typed:
    return as_number(args[0])


NUMBER_FUNCTIONS: Table = {
    "ABS": (_abs, 1, 1),
    "CEIL": (_numeric("ceil", integral=True), 1, 1),
    "FLOOR": (_numeric("floor", integral=True), 1, 1),
    "POWER": (_numeric("power"), 2, 2),
    "SQRT": (_numeric("sqrt"), 1, 1),
    "EXP": (_numeric("exp"), 1, 1),
    "LN": (_numeric("ln"), 1, 1),
    "LOG": (_numeric("log"), 2, 2),
    "SIGN": (_numeric("sign", integral=True), 1, 1),
    "MOD": (_mod, 2, 2),
    "ROUND": (_rounded("round"), 1, 2),
    "TRUNC": (_rounded("trunc"), 1, 2),
    "BITAND": (_bitand, 2, 2),
    "TO_NUMBER": (_to_number, 1, 1),
}
