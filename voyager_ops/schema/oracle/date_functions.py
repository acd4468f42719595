"""Functions of dates and intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from voyager_ops.schema.oracle import dates
from voyager_ops.schema.oracle.arithmetic import built
from voyager_ops.schema.oracle.constants import timestamp_constant
from voyager_ops.schema.oracle.date_reading import read_as_date
from voyager_ops.schema.oracle.dialect import Node, Refused, call, number, text
from voyager_ops.schema.oracle.function_table import Args, Function, Table
from voyager_ops.schema.oracle.typed import (
    DATE,
    INTERVAL,
    NULL,
    NUMBER,
    TIMESTAMP,
    WHOLE_INTERVAL,
    Kind,
    Typed,
    as_int,
    as_number,
    as_text,
    integer_of,
    is_moment,
    is_text,
    string_of,
    word,
)

if TYPE_CHECKING:
    from voyager_ops.schema.oracle.expressions import Translator


def _to_date(kind: Kind) -> Function:
    def translate(tr: Translator, args: Args) -> Typed:
        value, mask = string_of(args[0].node), string_of(args[1].node)
        if args[0].kind.base == "null":
            return Typed(exp.Null(), NULL)
        if mask is None:
            raise Refused("a date is read by a mask that is not a constant")
        if len(args) > 2 and "GREGORIAN" not in (string_of(args[2].node) or "").upper():
            raise Refused("a date is read with settings of its own")
        if value is not None:
            return Typed(timestamp_constant(dates.constant(value, mask)), kind)
        whole = args[0].kind.base == "number" and args[0].kind.integral  # 20201231
        if not (is_text(args[0].kind) or whole):
            raise Refused(f"a {word(args[0].kind)} is read as a date, which depends on Oracle's settings")
        tr.unstable("text read as a date")
        return Typed(read_as_date(as_text(args[0]), mask), kind)

    return translate


def _month_end(day: Node, months: Node | None) -> Node:
    """The last day of the month of ``day`` (some months later), at the same time of day."""
    first: Node = call("date_trunc", text("month"), day)
    if months is not None:
        first = built(exp.Add, first, months)
    last = built(exp.Sub, built(exp.Add, first, exp.Interval(this=text("1 month"))), exp.Interval(this=text("1 day")))
    return built(exp.Add, last, built(exp.Sub, day, call("date_trunc", text("day"), day)))


def _add_months(tr: Translator, args: Args) -> Typed:
    if not is_moment(args[0].kind):
        raise Refused(f"ADD_MONTHS of a {word(args[0].kind)}")
    day = args[0].node if args[0].kind.base == "date" else call("date_trunc", text("second"), args[0].node)
    constant = integer_of(args[1].node)
    months: Node
    if constant is not None:
        months = exp.Interval(this=text(f"{constant} months"))
    else:
        months = built(exp.Mul, as_int(args[1]), exp.Interval(this=text("1 month")))
    # The last day of a month stays the last day.
    is_last = exp.EQ(this=_month_end(day, None), expression=day)
    branch = exp.If(this=is_last, true=_month_end(day, months))
    return Typed(exp.Case(ifs=[branch], default=built(exp.Add, day, months)), DATE)


def _months_between(tr: Translator, args: Args) -> Typed:
    """Whole months between equal days and between last days of months; else days count as parts of a month of 31."""
    if not all(is_moment(value.kind) for value in args):
        raise Refused("MONTHS_BETWEEN of what are no dates")
    one, other = (value.node for value in args)

    def part(name: str, node: Node) -> Node:
        return exp.Extract(this=exp.Var(this=name), expression=node)

    years = exp.Paren(this=built(exp.Sub, part("YEAR", one), part("YEAR", other)))
    months = built(exp.Add, built(exp.Mul, years, number(12)), built(exp.Sub, part("MONTH", one), part("MONTH", other)))
    same_day = exp.EQ(this=part("DAY", one), expression=part("DAY", other))
    last_days = exp.And(
        this=exp.EQ(this=_month_end(one, None), expression=one.copy()),
        expression=exp.EQ(this=_month_end(other, None), expression=other.copy()),
    )
    since = [exp.Paren(this=built(exp.Sub, node, call("date_trunc", text("month"), node))) for node in (one, other)]
    seconds = part("EPOCH", built(exp.Sub, since[0], since[1]))
    days = built(exp.Div, seconds, number(86400 * 31))
    whole = exp.If(this=exp.Or(this=same_day, expression=exp.Paren(this=last_days)), true=months)
    return Typed(exp.Case(ifs=[whole], default=built(exp.Add, months.copy(), days)), NUMBER)


def _in_utc(tr: Translator, args: Args) -> Typed:
    if args[0].kind.base != "instant":
        raise Refused(f"SYS_EXTRACT_UTC of a {word(args[0].kind)}")
    return Typed(call("timezone", text("UTC"), args[0].node), TIMESTAMP)


def _last_day(tr: Translator, args: Args) -> Typed:
    if args[0].kind.base != "date":
        raise Refused(f"LAST_DAY of a {word(args[0].kind)}")
    return Typed(_month_end(args[0].node, None), DATE)


def _to_interval(units: dict[str, str]) -> Function:
    def translate(tr: Translator, args: Args) -> Typed:
        unit = units.get((string_of(args[1].node) or "").strip().upper())
        value = as_number(args[0])
        if unit is None:
            raise Refused("an interval is made of a unit that is not a constant")
        if unit in {"1 month", "1 year"} and not value.kind.integral:
            raise Refused("an interval is made of fractions of a month")
        constant = integer_of(value.node)
        if constant is not None:
            return Typed(exp.Interval(this=text(f"{constant} {unit[2:]}{'' if abs(constant) == 1 else 's'}")), WHOLE_INTERVAL)
        kind = WHOLE_INTERVAL if value.kind.integral else INTERVAL
        return Typed(exp.Paren(this=built(exp.Mul, value.node, exp.Interval(this=text(unit)))), kind)

    return translate


_DAY_UNITS = {name: f"1 {name.lower()}" for name in ("DAY", "HOUR", "MINUTE", "SECOND")}


_MONTH_UNITS = {name: f"1 {name.lower()}" for name in ("YEAR", "MONTH")}


DATE_FUNCTIONS: Table = {
    "TO_DATE": (_to_date(DATE), 2, 3),
    "TO_TIMESTAMP": (_to_date(TIMESTAMP), 2, 3),
    "ADD_MONTHS": (_add_months, 2, 2),
    "SYS_EXTRACT_UTC": (_in_utc, 1, 1),
    "LAST_DAY": (_last_day, 1, 1),
    "MONTHS_BETWEEN": (_months_between, 2, 2),
    "NUMTODSINTERVAL": (_to_interval(_DAY_UNITS), 2, 2),
    "NUMTOYMINTERVAL": (_to_interval(_MONTH_UNITS), 2, 2),
}
