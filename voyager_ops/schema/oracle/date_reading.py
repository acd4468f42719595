r"""Text of a column read as a date by a mask, exactly: what Oracle would read otherwise, or not at all, is an error there too.

PostgreSQL's own readers guess: a cast takes ``99-01-01`` for 1999 or refuses it by a setting, ``to_timestamp`` ignores what is
too much. So a regular expression per century takes the text apart, and a cast puts it together in ISO's order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlglot import exp

from voyager_ops.schema.oracle.dates import tokens
from voyager_ops.schema.oracle.dialect import Node, Refused, call, cast_to, paren, text

_SEPARATOR = "[-/,.;: ]"
"""What Oracle takes for any of these in a mask."""
# (with a separator on either side, without)
_DIGITS = {
    "MM": (r"\d{1,2}", r"\d{2}"),
    "DD": (r"\d{1,2}", r"\d{2}"),
    "HH24": (r"[01]?\d|2[0-3]", r"[01]\d|2[0-3]"),
    "MI": (r"[0-5]?\d", r"[0-5]\d"),
    "SS": (r"[0-5]?\d", r"[0-5]\d"),
}
# Pattern of the year and what stands before it. RR: 00-49 is 20xx and 50-99 is 19xx, until the year 2049.
_PIVOT = [(r"[0-4]\d", "20"), (r"[5-9]\d", "19")]
_FULL = [(r"\d{4}", "")]
_YEARS = {"YYYY": _FULL, "RRRR": [*_FULL, *_PIVOT], "RR": _PIVOT, "YY": [(r"\d{2}", "20")]}


@dataclass
class _Mask:
    """The parts of a mask in order, separators and quoted letters between them."""

    parts: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    """Pattern of what stands before each part."""

    def delimited(self, at: int) -> bool:
        """Whether the text shows where the part ends and begins."""
        last = at + 1 == len(self.parts)
        return (at == 0 or self.before[at] != "") and (last or self.before[at + 1] != "")


def read_as_date(source: Node, mask: str) -> Node:
    """``source`` (text) as a timestamp. Raises Refused for masks that depend on settings or leave out part of a date."""
    parsed = _parsed(mask)
    branches = [
        exp.If(
            this=exp.RegexpLike(this=paren(source), expression=text(pattern)),
            true=cast_to(call("regexp_replace", source.copy(), text(pattern), text(replacement)), "timestamp without time zone"),
        )
        for pattern, replacement in _readings(parsed)
    ]
    nothing = exp.DPipe(this=text("no date: "), expression=paren(source.copy()), safe=True)
    return exp.Case(ifs=branches, default=cast_to(nothing, "timestamp without time zone"))


def _parsed(mask: str) -> _Mask:
    found, before = _Mask(), ""
    for token in tokens(mask.strip()):
        upper = token.upper()
        if upper in _DIGITS or upper in _YEARS or upper.startswith("FF"):
            found.parts.append(upper)
            found.before.append(before)
            before = ""
        elif re.fullmatch(_SEPARATOR, token):
            before += _SEPARATOR
        elif re.fullmatch(r'"[A-Za-z]+"', token):
            before += token[1:-1]
        else:
            before = "?"
            break
    kinds = ["YEAR" if part in _YEARS else "FF" if part.startswith("FF") else part for part in found.parts]
    date, time = set(kinds[:3]), kinds[3:]
    if before or date != {"YEAR", "MM", "DD"} or time != ["HH24", "MI", "SS", "FF"][: len(time)]:
        raise Refused(f"text is read as a date by {mask!r}, which the target may read differently")
    return found


def _readings(mask: _Mask) -> Iterator[tuple[str, str]]:
    """(pattern, replacement) for every way to read the year."""
    year = next(n for n, part in enumerate(mask.parts) if part in _YEARS)
    ways = _YEARS[mask.parts[year]]
    if mask.delimited(year):
        ways = list(dict.fromkeys([*_FULL, *ways]))
    elif mask.parts[year] == "RRRR":
        ways = _FULL
    for pattern, century in ways:
        yield _pattern(mask, year, pattern), _iso(mask, year, century)


def _pattern(mask: _Mask, year: int, of_year: str) -> str:
    out = "^"
    for at, part in enumerate(mask.parts):
        if at == year:
            digits = of_year
        elif part.startswith("FF"):
            digits = rf"\d{{1,{min(int(part[2:] or 6), 6)}}}"
        else:
            digits = _DIGITS[part][0 if mask.delimited(at) else 1]
        # The time, or its end, may be missing.
        out += f"(?:{mask.before[at]}({digits})" if at > 2 else f"{mask.before[at]}({digits})"
    return out + ")?" * max(0, len(mask.parts) - 3) + "$"


def _iso(mask: _Mask, year: int, century: str) -> str:
    place = {part: f"\\{at}" for at, part in enumerate(mask.parts, 1)}
    day = f"{century}\\{year + 1}-{place['MM']}-{place['DD']}"
    if len(mask.parts) == 3:
        return day
    # A part that is missing is nothing at all: a zero before it makes it one, and does no harm to the others.
    time = ":".join(f"0{place.get(part, '')}" for part in ("HH24", "MI", "SS"))
    return f"{day} {time}.\\7" + "0" if len(mask.parts) > 6 else f"{day} {time}"
