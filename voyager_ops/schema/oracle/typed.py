"""What kind of value an expression gives: Oracle's operators mean different things for different kinds, often without a word."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from sqlglot import exp

from voyager_ops.databases.oracle.targets import parse_target
from voyager_ops.schema.oracle.dialect import Node, Refused, call, cast_to, number, text


@dataclass(frozen=True)
class Kind:
    """``base``: text, char (blank padded), number, double, date (Oracle's, to the second), timestamp, instant (with time zone),
    interval, bytes, boolean, null, or other (only moved about, never reckoned with).

    ``integral``: a number without a fraction, an interval without one of a second. ``native``: one of PostgreSQL's integer types,
    whose division cuts. ``length``: of a char. ``blanks``: a text that is a CHAR to Oracle, with its blanks here: beside another
    CHAR those at its end do not count. ``sql``: the target's type where it is known.
    """

    base: str
    integral: bool = False
    native: bool = False
    length: int = 0
    blanks: bool = False
    sql: str = ""
    collation: str = ""
    """Of an ``other``: a text that Oracle compares by this, not by its bytes."""
    target: str = field(default="", compare=False)
    """Of a column: its name on the target, where that is not simply folded."""


class Typed(NamedTuple):
    node: Node
    kind: Kind


TEXT = Kind("text")
BLANKS = Kind("text", blanks=True)
NUMBER = Kind("number")
INTEGER = Kind("number", integral=True, native=True)
WHOLE = Kind("number", integral=True)
DOUBLE = Kind("double")
DATE = Kind("date")
TIMESTAMP = Kind("timestamp")
INSTANT = Kind("instant")
INTERVAL = Kind("interval")
WHOLE_INTERVAL = Kind("interval", integral=True)
BYTES = Kind("bytes")
BOOLEAN = Kind("boolean")
NULL = Kind("null")

_BASES = {
    "int2": INTEGER,
    "int4": INTEGER,
    "int8": INTEGER,
    "float4": DOUBLE,
    "float8": DOUBLE,
    "varchar": TEXT,
    "text": TEXT,
    "timestamp": TIMESTAMP,
    "timestamptz": INSTANT,
    "interval": INTERVAL,
    "bytea": BYTES,
    "bool": BOOLEAN,
}
_NUMERAL = re.compile(r"\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\s*")


def kind_of_target(sql: str, oracle: str = "") -> Kind:
    """The kind of a column of the target's type ``sql`` that was of type ``oracle`` (its bare name) on the source."""
    target = parse_target(sql)
    if target is None:
        return Kind("other", sql=sql)
    if target.kind == "numeric":
        return Kind("number", integral=target.precision is not None and not target.scale, sql=sql)
    if target.kind == "bpchar":
        return Kind("char", length=target.precision or 1, sql=sql)
    if target.kind == "timestamp" and oracle == "DATE":
        return replace(DATE, sql=sql)
    return replace(_BASES.get(target.kind, Kind("other")), sql=sql)


def refuse_collated(kinds: Iterable[Kind], what: str) -> None:
    """Raises Refused where equal means another thing to Oracle than here."""
    for kind in kinds:
        if kind.collation:
            raise Refused(f"{what} a text that {kind.collation} compares")


def is_text(kind: Kind) -> bool:
    return kind.base in ("text", "char")


def is_blank_padded(kind: Kind) -> bool:
    """Whether it is a CHAR to Oracle."""
    return kind.base == "char" or kind.blanks


def is_char(value: Typed) -> bool:
    """Whether the value is a CHAR to Oracle, as constants are: blanks at its end do not count beside another one."""
    return is_blank_padded(value.kind) or string_of(value.node) is not None


def is_number(kind: Kind) -> bool:
    return kind.base in ("number", "double")


def is_moment(kind: Kind) -> bool:
    return kind.base in ("date", "timestamp")


def bare(node: Node) -> Node:
    """What is inside of parentheses."""
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def string_of(node: Node) -> str | None:
    """The value of a string constant, else None."""
    node = bare(node)
    return str(node.this) if isinstance(node, exp.Literal) and node.is_string else None


def is_constant(node: Node) -> bool:
    """Whether it is a text that is not NULL, for ever the same."""
    node = bare(node)
    if isinstance(node, exp.DPipe):
        return is_constant(node.this) and is_constant(node.expression)
    return string_of(node) is not None or (isinstance(node, exp.Anonymous) and str(node.this) == "chr")


def integer_of(node: Node) -> int | None:
    """The value of an integer constant, else None."""
    node = bare(node)
    sign = 1
    while isinstance(node, exp.Neg):
        sign, node = -sign, bare(node.this)
    if isinstance(node, exp.Literal) and not node.is_string and str(node.this).isdigit():
        return sign * int(node.this)
    return None


def as_text(value: Typed) -> Node:
    """The value as Oracle turns it into text; a char with its blanks. Raises Refused where Oracle's form depends on settings."""
    node, kind = value
    if kind.base in ("text", "null"):
        return node
    if kind.base == "char":
        return call("rpad", cast_to(node, "text"), number(kind.length)) if kind.length > 1 else cast_to(node, "text")
    if kind.base == "number" and kind.integral:
        return cast_to(node, "text")
    if kind.base == "number" and kind.sql.startswith("numeric"):
        # Without zeros at the end, and without one before the point: .5
        written = call("regexp_replace", cast_to(call("trim_scale", node), "text"), text(r"^(-?)0\."), text(r"\1."))
        if kind.sql != "numeric":
            return written
        if isinstance(bare(node), exp.Column):  # Oracle writes no more than 40 characters, and the rest with an exponent
            short = exp.LTE(this=call("length", written), expression=number(40))
            wrong = exp.DPipe(this=text("too long a number: "), expression=written.copy(), safe=True)
            return exp.Case(ifs=[exp.If(this=short, true=written)], default=cast_to(cast_to(wrong, "numeric"), "text"))
    raise Refused(f"a {_word(kind)} is turned into text, in a form that depends on Oracle's settings")


def as_number(value: Typed) -> Typed:
    """The value as a number, text read as one. Raises Refused for other kinds."""
    if is_number(value.kind) or value.kind.base == "null":
        return value
    constant = string_of(value.node)
    if constant is not None and _NUMERAL.fullmatch(constant):
        return numeral(constant.strip())
    if is_text(value.kind) and constant is None:
        return Typed(cast_to(value.node, "numeric"), NUMBER)
    raise Refused(f"a {_word(value.kind)} is used as a number")


def numeral(digits: str) -> Typed:
    """A number's literal."""
    sign = digits.startswith("-")
    digits = digits.lstrip("+-")
    literal: Node = exp.Literal.number(digits)
    if sign:
        literal = exp.Neg(this=literal)
    whole = digits.isdigit()
    return Typed(literal, Kind("number", integral=whole, native=whole and int(digits) < 2**63))


def exact(value: Typed) -> Node:
    """A number whose arithmetic in PostgreSQL is decimal, as Oracle's is: integers are widened."""
    return cast_to(value.node, "numeric") if value.kind.native else value.node


def as_double(value: Typed, other: Typed) -> Typed:
    """A number that meets ``other``, a binary one: in Oracle it becomes as short as that, in PostgreSQL both become long."""
    short = other.kind.sql == "real" and value.kind.base == "number"
    return Typed(cast_to(value.node, "real"), other.kind) if short else value


def padded(value: Typed) -> Typed:
    """A char as the text it is in Oracle, blanks included; anything else as it is."""
    return Typed(as_text(value), TEXT) if value.kind.base == "char" else value


def unify(values: Sequence[Typed], what: str) -> tuple[list[Typed], Kind]:
    """The values brought to one kind, as the branches of CASE or the arguments of COALESCE must be."""
    kinds = [value.kind for value in values if value.kind.base != "null"]
    if not kinds:
        return list(values), NULL
    bases = {kind.base for kind in kinds}
    if bases <= {"text", "char"}:
        if len({(kind.base, kind.length, kind.blanks) for kind in kinds}) == 1:
            return list(values), kinds[0]
        return [padded(value) for value in values], TEXT
    if bases <= {"number", "double"}:
        return list(values), joined(kinds)
    if bases <= {"date", "timestamp"}:
        if len(bases) == 1 or kinds[0].base == "timestamp":
            return list(values), TIMESTAMP if "timestamp" in bases else DATE
        return [on_the_second(value) for value in values], DATE  # the first one decides
    if len(bases) == 1 and (bases != {"other"} or len({kind.sql for kind in kinds}) == 1):
        return list(values), kinds[0]
    raise Refused(f"{what} mixes {' and '.join(sorted(_word(Kind(base, integral=True)) for base in bases))}")


def on_the_second(value: Typed) -> Typed:
    """A timestamp as a date, without its fraction of a second."""
    return Typed(call("date_trunc", text("second"), value.node), DATE) if value.kind.base == "timestamp" else value


def like_the_first(values: Sequence[Typed], what: str) -> tuple[list[Typed], Kind]:
    """As :func:`unify`, for what Oracle brings to the kind of the first value; to text where that is NULL. None is a CHAR."""
    first = next((value.kind for value in values), NULL)
    others = [value.kind for value in values if value.kind.base != "null"]
    if is_text(first) or (first.base == "null" and others):
        return [Typed(as_text(value), TEXT if value.kind.base != "null" else NULL) for value in values], TEXT
    if first.base == "number":
        values = [as_number(value) for value in values]
    return unify(values, what)


def joined(kinds: Iterable[Kind]) -> Kind:
    """The kind of numbers of these kinds taken together."""
    found = list(kinds)
    if any(kind.base == "double" for kind in found):
        return DOUBLE
    return Kind("number", integral=all(k.integral for k in found), native=all(k.native for k in found))


def not_empty(node: Node) -> Node:
    """``node``, NULL when it is the empty string: Oracle knows no difference."""
    return call("nullif", node, text(""))


def _word(kind: Kind) -> str:
    return {
        "number": "number" if kind.integral else "number with a fraction",
        "instant": "timestamp with time zone",
        "boolean": "condition",
        "other": f"text that {kind.collation} compares"
        if kind.collation
        else f"value of type {kind.sql}"
        if kind.sql
        else "value of an unusual type",
        "bytes": "binary value",
        "char": "text",
        "double": "binary number",
        "null": "NULL",
    }.get(kind.base, kind.base)


def word(kind: Kind) -> str:
    """The kind in words, for the report."""
    return _word(kind)


def as_int(value: Typed) -> Node:
    """The value as an integer for PostgreSQL's functions, a fraction cut off as Oracle does."""
    given = as_number(value)
    if given.kind.native:
        return given.node
    return cast_to(given.node if given.kind.integral else call("trunc", given.node), "integer")


def concatenated(parts: list[Typed]) -> Typed:
    """Oracle's ``||``: NULL is the empty string there, and an empty result is NULL."""
    never_empty = any(isinstance(bare(part.node), exp.Literal) for part in parts)
    pieces = [
        as_text(part) if isinstance(bare(part.node), exp.Literal) else call("coalesce", as_text(part), text(""))
        for part in parts
        if part.kind.base != "null"
    ]
    if not pieces:
        return Typed(exp.Null(), NULL)
    result = pieces[0]
    for piece in pieces[1:]:
        result = exp.DPipe(this=result, expression=piece, safe=True)
    char = all(is_char(part) for part in parts)
    return Typed(result if never_empty else not_empty(result), BLANKS if char else TEXT)
