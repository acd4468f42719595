"""Literals: numbers, texts, dates and intervals."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot import exp

from voyager_ops.schema.oracle import dates
from voyager_ops.schema.oracle.dialect import Node, Refused, cast_to, shown, text
from voyager_ops.schema.oracle.scope import Scope
from voyager_ops.schema.oracle.typed import (
    BOOLEAN,
    DATE,
    INSTANT,
    INTERVAL,
    NULL,
    TEXT,
    TIMESTAMP,
    WHOLE_INTERVAL,
    Typed,
    numeral,
    string_of,
)

if TYPE_CHECKING:
    from voyager_ops.schema.oracle.expressions import Translator


_INTERVAL_UNITS = {"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"}


def literal(tr: Translator, node: exp.Literal, scope: Scope) -> Typed:
    if not node.is_string:
        return numeral(str(node.this))
    return Typed(text(str(node.this)), TEXT) if node.this else Typed(exp.Null(), NULL)


def other_string(tr: Translator, node: exp.Expression, scope: Scope) -> Typed:
    return Typed(text(str(node.this)), TEXT) if node.this else Typed(exp.Null(), NULL)


def null(tr: Translator, node: exp.Null, scope: Scope) -> Typed:
    return Typed(exp.Null(), NULL)


def boolean(tr: Translator, node: exp.Boolean, scope: Scope) -> Typed:
    return Typed(exp.Boolean(this=bool(node.this)), BOOLEAN)


def date_literal(tr: Translator, node: exp.Expression, scope: Scope) -> Typed:
    written = string_of(node.this)
    if written is None:
        raise Refused(f"{shown(node)} is not translated")
    return Typed(timestamp_constant(dates.constant(written, "SYYYY-MM-DD")), DATE)


def timestamp_literal(tr: Translator, node: exp.Expression, scope: Scope) -> Typed:
    written = string_of(node.this)
    zone = re.fullmatch(r"(.*\d)\s*([+-]\d{1,2}:\d\d)", written or "")
    if written is None:
        raise Refused(f"{shown(node)} is not translated")
    mask = "SYYYY-MM-DD HH24:MI:SS.FF" if "." in written else "SYYYY-MM-DD HH24:MI:SS"
    if zone is None:
        return Typed(timestamp_constant(dates.constant(written, mask)), TIMESTAMP)
    hours, _, minutes = zone[2][1:].partition(":")
    read = dates.constant(zone[1], mask) + f"{zone[2][0]}{int(hours):02}:{minutes}"
    return Typed(cast_to(text(read), "timestamp with time zone"), INSTANT)


def timestamp_constant(written: str) -> Node:
    return cast_to(text(written), "timestamp without time zone")


def interval(tr: Translator, node: exp.Interval, scope: Scope) -> Typed:
    written, unit = string_of(node.this), node.args.get("unit")
    if written is None or unit is None:
        raise Refused(f"{shown(node)} is not translated")
    span = [str(part.this).upper() for part in ([unit.this, unit.expression] if isinstance(unit, exp.IntervalSpan) else [unit])]
    if not set(span) <= _INTERVAL_UNITS:
        raise Refused(f"{shown(node)} is not translated")
    if len(span) == 1:
        return Typed(
            exp.Interval(this=text(f"{written.strip()} {span[0].lower()}")), INTERVAL if "." in written else WHOLE_INTERVAL
        )
    if not re.fullmatch(r"[+-]?[\d:. -]+", written):
        raise Refused(f"{shown(node)} is not translated")
    # The sign stands before the first field only, and is of the whole.
    negative, digits = written.strip().startswith("-"), written.strip().lstrip("+-")
    if span == ["YEAR", "MONTH"]:
        years, _, months = digits.partition("-")
        amount: Node = exp.Interval(this=text(f"{int(years)} years {int(months or 0)} months"))
    elif span[0] == "DAY":
        days, _, time = digits.partition(" ")
        amount = exp.Interval(this=text(f"{int(days)} days {_time(time, span[1])}".strip()))
    else:
        raise Refused(f"{shown(node)} is not translated")
    return Typed(exp.Neg(this=amount) if negative else amount, INTERVAL if "." in written else WHOLE_INTERVAL)


def _time(written: str, to: str) -> str:
    fields = {"HOUR": 1, "MINUTE": 2, "SECOND": 3}.get(to)
    parts = [part for part in written.split(":") if part]
    if fields is None or len(parts) != fields:
        raise Refused(f"the interval {written!r} is not understood")
    return ":".join([*parts, *["00"] * (3 - fields)])
