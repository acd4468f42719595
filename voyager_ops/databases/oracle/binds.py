"""Conditions on keys: canonical text (the target's, as everything outside this package has it) back to binds of Oracle's types.

Binds, never literals: a statement's text is the same for every range and row, so the server parses it once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from voyager_ops.databases.oracle.names import quote
from voyager_ops.databases.oracle.types import BINARY_FLOATS, NUMBERS, ROW_IDS, TSLTZ, TSTZ, OracleType
from voyager_ops.model.tables import Column

_MOMENT: Final = "SYYYY-MM-DD HH24:MI:SS"
_TEXT = re.compile(r"(\d+)-(\d\d)-(\d\d)(?: (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?)?([+-]\d\d(?::?\d\d)?)?( BC)?")
_KINDS: Final = frozenset({"VARCHAR2", "NVARCHAR2", "CHAR", "NCHAR", "RAW", "DATE", "TIMESTAMP", TSTZ, TSLTZ}) | (
    NUMBERS | BINARY_FLOATS | ROW_IDS
)
_SIX: Final = 6


def bindable(column: Column) -> bool:
    """Whether rows can be found by the column's canonical text."""
    return bool(column.native_type) and OracleType.from_json(column.native_type).name in _KINDS


class Binds:
    """Collects the binds of one statement, each under a name of its own."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def add(self, value: object) -> str:
        name = f"b{len(self.values)}"
        self.values[name] = value
        return f":{name}"

    def value(self, column: Column, text: str) -> str:
        """SQL of the value whose canonical text is ``text``, comparable with the column."""
        kind = OracleType.from_json(column.native_type)
        name = kind.name
        if name in NUMBERS:
            return self.add(Decimal({"t": "1", "f": "0"}.get(text, text)))
        if name in BINARY_FLOATS:
            return f"TO_{name}({self.add(_FLOATS.get(text, text))})"
        if name == "DATE":
            return f"TO_DATE({self.add(_moment(text, fraction=False))}, '{_MOMENT}')"
        if name in (TSTZ, TSLTZ):
            return f"TO_TIMESTAMP_TZ({self.add(_moment(text) + ' ' + _zone(text))}, '{_MOMENT}.FF9 TZH:TZM')"
        if name == "TIMESTAMP":
            return f"TO_TIMESTAMP({self.add(_moment(text))}, '{_MOMENT}.FF9')"
        if name == "RAW":
            return self.add(bytes.fromhex(text[2:] if text.startswith("\\x") else text.replace("-", "")))
        if name in ("CHAR", "NCHAR"):
            unit = " CHAR" if kind.char_used == "C" and name == "CHAR" else ""
            return f"CAST({self.add(text.rstrip(' ') or ' ')} AS {name}({kind.characters}{unit}))"
        if name in ROW_IDS:
            return f"CHARTOROWID({self.add(text)})"
        return self.add(text)

    def key(self, columns: Sequence[Column], texts: Sequence[str], alias: str = "") -> str:
        """The condition that a row has this key."""
        parts = []
        for column, text in zip(columns, texts, strict=True):
            name = _named(column, alias)
            kind = OracleType.from_json(column.native_type)
            if kind.name.startswith("TIMESTAMP") and (kind.scale or 0) > _SIX:
                parts.append(f"CAST({name} AS TIMESTAMP(9)) BETWEEN {' AND '.join(self._within(column, text))}")
            else:
                parts.append(f"{name} = {self.value(column, text)}")
        return " AND ".join(parts)

    def _within(self, column: Column, text: str) -> tuple[str, str]:
        """First and last value that the text of six digits may stand for."""
        return tuple(  # type: ignore[return-value]  # two items, two results
            f"TO_TIMESTAMP({self.add(_moment(text) + rest)}, '{_MOMENT}.FF9')" for rest in ("000", "999")
        )

    def range(self, columns: Sequence[Column], lower: Sequence[str] | None, upper: Sequence[str] | None, alias: str = "") -> str:
        """``lower <= columns < upper``, open where None; '' when open at both ends."""
        parts = []
        if lower is not None:
            parts.append(self._beside(columns, lower, alias, ">", ">="))
        if upper is not None:
            parts.append(self._beside(columns, upper, alias, "<", "<"))
        return " AND ".join(parts)

    def _beside(self, columns: Sequence[Column], texts: Sequence[str], alias: str, strict: str, last: str) -> str:
        """A comparison of tuples, which Oracle has not, taken apart. The first column stands alone too, for the index."""
        name = _named(columns[0], alias)
        if len(columns) == 1:
            return f"{name} {last} {self.value(columns[0], texts[0])}"
        rest = self._beside(columns[1:], texts[1:], alias, strict, last)
        first = f"{name} {strict}= {self.value(columns[0], texts[0])}"
        beyond = f"{name} {strict} {self.value(columns[0], texts[0])}"
        return f"({first} AND ({beyond} OR {rest}))"


_FLOATS: Final = {"NaN": "NAN", "Infinity": "INF", "-Infinity": "-INF"}


def _named(column: Column, alias: str) -> str:
    name = quote(column.native_name)
    return f"{alias}.{name}" if alias else name


def _moment(text: str, *, fraction: bool = True) -> str:
    """PostgreSQL's text of a moment in Oracle's mask, with a signed year of four digits."""
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ValueError(f"not a date or timestamp of the session's format: {text!r}")
    year, month, day, clock, digits, _, before_christ = found.groups()
    whole = f"{'-' if before_christ else ' '}{int(year):04d}-{month}-{day} {clock or '00:00:00'}"
    return f"{whole}.{(digits or '').ljust(_SIX, '0')}" if fraction else whole


def _zone(text: str) -> str:
    found = _TEXT.fullmatch(text)
    zone = found[6] if found and found[6] else "+00"
    return zone if ":" in zone else f"{zone[:3]}:{zone[3:] or '00'}"
