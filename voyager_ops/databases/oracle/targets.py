"""PostgreSQL's side of a type: its kind, OID and lengths, from its spelling in SQL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_SPELLING = re.compile(
    r"\s*(?:pg_catalog\.)?([a-z0-9_ ]*?[a-z0-9])\s*(?:\(\s*(\d+)\s*(?:,\s*(-?\d+)\s*)?\))?"
    r"\s*((?:with|without) time zone)?\s*(\[\])?\s*"
)

_KINDS: Final[dict[str, tuple[int, str, bool]]] = {
    "bool": (16, "boolean", False),
    "bytea": (17, "bytea", True),
    "int8": (20, "bigint", False),
    "int2": (21, "smallint", False),
    "int4": (23, "integer", False),
    "text": (25, "text", True),
    "json": (114, "json", True),
    "xml": (142, "xml", True),
    "float4": (700, "real", False),
    "float8": (701, "double precision", False),
    "float4[]": (1021, "real[]", True),
    "float8[]": (1022, "double precision[]", True),
    "bpchar": (1042, "character", True),
    "varchar": (1043, "character varying", True),
    "date": (1082, "date", False),
    "timestamp": (1114, "timestamp without time zone", False),
    "timestamptz": (1184, "timestamp with time zone", False),
    "interval": (1186, "interval", False),
    "numeric": (1700, "numeric", True),
    "uuid": (2950, "uuid", False),
    "jsonb": (3802, "jsonb", True),
}
"""Kind (pg_type.typname, arrays with brackets): OID, SQL's name, whether values may be stored out of line."""

_NAMES: Final = {
    "boolean": "bool",
    "bigint": "int8",
    "smallint": "int2",
    "int": "int4",
    "integer": "int4",
    "real": "float4",
    "double precision": "float8",
    "character": "bpchar",
    "char": "bpchar",
    "character varying": "varchar",
    "decimal": "numeric",
}


@dataclass(frozen=True, slots=True)
class Target:
    """``kind`` is pg_type.typname (arrays: the element's with ``[]``); ``precision``: digits of numeric, fractional digits of a
    timestamp, length of a character type, None when not given; ``scale`` of a numeric."""

    kind: str
    precision: int | None = None
    scale: int | None = None

    @property
    def oid(self) -> int:
        return _KINDS[self.kind][0]

    @property
    def toastable(self) -> bool:
        return _KINDS[self.kind][2]

    @property
    def element_oid(self) -> int:
        """OID of an array's elements, else 0."""
        return _KINDS[self.kind[:-2]][0] if self.kind.endswith("[]") else 0

    @property
    def type_name(self) -> str:
        """pg_type.typname."""
        return "_" + self.kind[:-2] if self.kind.endswith("[]") else self.kind

    @property
    def sql(self) -> str:
        """As ``format_type`` spells it."""
        name = _KINDS[self.kind][1]
        if self.precision is None:
            return name
        if self.kind == "numeric":
            return f"numeric({self.precision},{self.scale or 0})"
        head, _, tail = name.partition(" ") if self.kind in ("timestamp", "timestamptz") else (name, "", "")
        return f"{head}({self.precision}){' ' + tail if tail else ''}"


def parse_target(text: str) -> Target | None:
    """The target of a type's spelling in any of SQL's ways; None for a type we bring no Oracle value into."""
    found = _SPELLING.fullmatch(text.lower())
    if found is None:
        return None
    name, first, second, zone, array = found.groups()
    name = " ".join(name.split())
    if zone:
        if name != "timestamp":
            return None
        name = "timestamptz" if zone.startswith("with ") else "timestamp"
    kind = _NAMES.get(name, name) + (array or "")
    if kind not in _KINDS:
        return None
    precision = int(first) if first is not None else None
    scale = int(second) if second is not None else None
    if precision is not None and kind not in ("numeric", "varchar", "bpchar", "timestamp", "timestamptz", "interval"):
        return None
    if scale is not None and kind != "numeric":
        return None
    if kind == "bpchar" and precision is None:
        precision = 1
    if kind in ("timestamp", "timestamptz", "interval") and precision is not None and precision > 6:
        return None
    if kind == "numeric" and precision is not None:
        scale = scale or 0
    return Target(kind, precision, scale)
