"""Functions of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from voyager_ops.schema.oracle import patterns
from voyager_ops.schema.oracle.arithmetic import built
from voyager_ops.schema.oracle.dialect import Node, Refused, call, number, paren, text
from voyager_ops.schema.oracle.function_table import Args, Function, Table
from voyager_ops.schema.oracle.typed import (
    BLANKS,
    BOOLEAN,
    INTEGER,
    NULL,
    TEXT,
    Typed,
    as_int,
    as_text,
    concatenated,
    integer_of,
    is_blank_padded,
    is_constant,
    not_empty,
    string_of,
)

if TYPE_CHECKING:
    from voyager_ops.schema.oracle.expressions import Translator


def _letters(name: str) -> Function:
    """A function that gives back the type it is given: of a CHAR a CHAR."""
    return lambda tr, args: Typed(call(name, as_text(args[0])), BLANKS if is_blank_padded(args[0].kind) else TEXT)


def _concat(tr: Translator, args: Args) -> Typed:
    return concatenated(args)


def _length(tr: Translator, args: Args) -> Typed:
    return Typed(call("length", as_text(args[0])), INTEGER)


def _substr(tr: Translator, args: Args) -> Typed:
    source = as_text(args[0])
    start = integer_of(args[1].node)
    count = args[2] if len(args) > 2 else None
    if start is None:
        return _substr_anywhere(source, args[1], count)
    if start >= 0:
        return Typed(not_empty(_piece(source, number(max(start, 1)), count)), TEXT)
    # From the end: nothing at all where the text is shorter than that.
    long_enough = exp.GTE(this=call("length", source), expression=number(-start))
    begin = built(exp.Sub, call("length", source), number(-start - 1))
    piece = call("right", source, number(-start)) if count is None else _piece(source, begin, count)
    return Typed(exp.Case(ifs=[exp.If(this=long_enough, true=not_empty(piece))]), TEXT)


def _substr_anywhere(source: Node, start: Typed, count: Typed | None) -> Typed:
    begin = as_int(start)
    ahead = exp.GTE(this=begin, expression=number(0))
    behind = exp.GTE(this=call("length", source), expression=exp.Neg(this=paren(begin)))
    backwards = built(exp.Add, built(exp.Add, call("length", source), begin), number(1))
    branches = [
        exp.If(this=ahead, true=not_empty(_piece(source, call("greatest", begin, number(1)), count))),
        exp.If(this=behind, true=not_empty(_piece(source, backwards, count))),
    ]
    return Typed(exp.Case(ifs=branches), TEXT)


def _piece(source: Node, begin: Node, count: Typed | None) -> Node:
    if count is None:
        return call("substr", source, begin)
    constant = integer_of(count.node)
    if constant is not None:
        return call("substr", source, begin, number(constant)) if constant > 0 else exp.Null()
    return call("substr", source, begin, call("greatest", as_int(count), number(0)))


def _instr(tr: Translator, args: Args) -> Typed:
    if any(integer_of(value.node) != 1 for value in args[2:]):
        raise Refused("INSTR looks for other than the first occurrence from the beginning")
    return Typed(call("strpos", as_text(args[0]), as_text(args[1])), INTEGER)


def _replace(tr: Translator, args: Args) -> Typed:
    if not is_constant(args[1].node):
        raise Refused("REPLACE looks for what is not a constant, and may be NULL")
    by = args[2] if len(args) > 2 else Typed(exp.Null(), NULL)
    with_: Node = text("") if by.kind.base == "null" else as_text(by)
    if by.kind.base != "null" and not is_constant(by.node):
        with_ = call("coalesce", with_, text(""))
    return Typed(not_empty(call("replace", as_text(args[0]), as_text(args[1]), with_)), TEXT)


def _translate(tr: Translator, args: Args) -> Typed:
    if not all(string_of(value.node) for value in args[1:]):
        raise Refused("TRANSLATE is given letters that are not constants")
    return Typed(not_empty(call("translate", *map(as_text, args))), TEXT)


def _pad(name: str) -> Function:
    def translate(tr: Translator, args: Args) -> Typed:
        fill = [as_text(args[2])] if len(args) > 2 else []
        if fill and not string_of(args[2].node):
            raise Refused(f"{name.upper()} fills up with what is not a constant")
        return Typed(not_empty(call(name, as_text(args[0]), as_int(args[1]), *fill)), TEXT)

    return translate


def _strip(name: str) -> Function:
    def translate(tr: Translator, args: Args) -> Typed:
        if len(args) > 1 and not string_of(args[1].node):
            raise Refused(f"{name.upper()} takes away what is not a constant")
        return Typed(not_empty(call(name, *map(as_text, args))), TEXT)

    return translate


def _chr(tr: Translator, args: Args) -> Typed:
    code = integer_of(args[0].node)
    if code is None or not 0 < code < 128:
        raise Refused("CHR depends on the character set of the database")
    return Typed(call("chr", number(code)), TEXT)


def _regexp_like(tr: Translator, args: Args) -> Typed:
    pattern = string_of(args[1].node)
    flags = string_of(args[2].node) if len(args) > 2 else ""
    if pattern is None or flags is None:
        raise Refused("a regular expression is not a constant")
    written, ignore_case = patterns.advanced(pattern, flags)
    operator = exp.RegexpILike if ignore_case else exp.RegexpLike
    return Typed(operator(this=paren(as_text(args[0])), expression=text(written)), BOOLEAN)


TEXT_FUNCTIONS: Table = {
    "UPPER": (_letters("upper"), 1, 1),
    "LOWER": (_letters("lower"), 1, 1),
    "INITCAP": (_letters("initcap"), 1, 1),
    "CONCAT": (_concat, 2, 99),
    "LENGTH": (_length, 1, 1),
    "SUBSTR": (_substr, 2, 3),
    "INSTR": (_instr, 2, 4),
    "REPLACE": (_replace, 2, 3),
    "TRANSLATE": (_translate, 3, 3),
    "LPAD": (_pad("lpad"), 2, 3),
    "RPAD": (_pad("rpad"), 2, 3),
    "LTRIM": (_strip("ltrim"), 1, 2),
    "RTRIM": (_strip("rtrim"), 1, 2),
    "CHR": (_chr, 1, 1),
    "REGEXP_LIKE": (_regexp_like, 2, 3),
}
