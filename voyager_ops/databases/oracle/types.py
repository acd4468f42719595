"""Oracle's types, and the PostgreSQL type each becomes.

The table is decided here and nowhere else; ``values.py`` knows how a value of each pair becomes text, ``targets.py`` PostgreSQL's
side. What has no place in the table is refused with a reason, never approximated.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import Final

from voyager_ops.databases.oracle.targets import Target, parse_target
from voyager_ops.errors import ConfigError

TSTZ: Final = "TIMESTAMP WITH TIME ZONE"
TSLTZ: Final = "TIMESTAMP WITH LOCAL TIME ZONE"
YEAR_TO_MONTH: Final = "INTERVAL YEAR TO MONTH"
DAY_TO_SECOND: Final = "INTERVAL DAY TO SECOND"

NUMBERS: Final = frozenset({"NUMBER", "FLOAT"})
BINARY_FLOATS: Final = frozenset({"BINARY_FLOAT", "BINARY_DOUBLE"})
CHARACTERS: Final = frozenset({"VARCHAR2", "NVARCHAR2", "CHAR", "NCHAR"})
LARGE_TEXTS: Final = frozenset({"CLOB", "NCLOB", "LONG"})
NATIONAL: Final = frozenset({"NVARCHAR2", "NCHAR", "NCLOB"})
"""Text in the database's national character set."""
LARGE_BYTES: Final = frozenset({"BLOB", "LONG RAW"})
TIMESTAMPS: Final = frozenset({"TIMESTAMP", TSTZ, TSLTZ})
ROW_IDS: Final = frozenset({"ROWID", "UROWID"})

_ARGUMENTS = re.compile(r"\(([^()]*)\)")
_NAME = re.compile(r"[^\W\d][\w$#]*(?: [\w$#]+)*")
_LEADING = re.compile(r"(?:YEAR|DAY) ?\( ?(\d+) ?\)", re.IGNORECASE)
_FRACTION = re.compile(r"SECOND ?\( ?(\d+) ?\)", re.IGNORECASE)
_SYNONYMS: Final = {
    "VARCHAR": "VARCHAR2",
    "CHARACTER": "CHAR",
    "DECIMAL": "NUMBER",
    "NUMERIC": "NUMBER",
    "DOUBLE PRECISION": "FLOAT",
    "REAL": "FLOAT",
}
_SYSTEM_OWNERS: Final = frozenset({"SYS", "PUBLIC", "XDB", "MDSYS"})
EXTENDED: Final = 4000
"""Bytes beyond which a VARCHAR2 or NVARCHAR2 is kept, and logged, as a LOB (MAX_STRING_SIZE = EXTENDED)."""
EXTENDED_RAW: Final = 2000


@dataclass(frozen=True, slots=True)
class OracleType:
    """A type as the dictionary describes it. ``name`` has no numbers in it (``TIMESTAMP WITH TIME ZONE``).

    ``length``: bytes. ``char_length``: characters, for character types. ``char_used``: 'B' or 'C', '' for others. ``precision``:
    decimal digits of NUMBER, binary digits of FLOAT, leading digits of an interval. ``scale``: of NUMBER (may be negative);
    fractional digits of seconds for TIMESTAMP and INTERVAL. ``owner``: of a user-defined or supplied object type, else ''.
    ``nul``: not Oracle's but ours: what becomes of NUL characters (:func:`value_text.without_nul`); '' refuses them.
    """

    name: str
    length: int = 0
    char_length: int = 0
    char_used: str = ""
    precision: int | None = None
    scale: int | None = None
    owner: str = ""
    nul: str = ""

    @classmethod
    def from_dictionary(
        cls,
        data_type: str,
        data_length: int | None = 0,
        data_precision: int | None = None,
        data_scale: int | None = None,
        char_length: int | None = 0,
        char_used: str | None = "",
        owner: str | None = "",
    ) -> OracleType:
        """From a row of ALL_TAB_COLS (``owner`` is DATA_TYPE_OWNER)."""
        if owner and owner not in _SYSTEM_OWNERS:
            return cls(data_type, data_length or 0, owner=owner)
        name, arguments = _split(data_type)
        precision, scale = data_precision, data_scale
        if name in TIMESTAMPS:
            precision, scale = None, _first(arguments, data_scale, 6)
        elif name in (YEAR_TO_MONTH, DAY_TO_SECOND):
            precision = _first(_LEADING.findall(data_type), data_precision, 2)
            scale = _first(_FRACTION.findall(data_type), data_scale, 6) if name == DAY_TO_SECOND else None
        return cls(name, data_length or 0, char_length or 0, (char_used or "").strip(), precision, scale, owner or "")

    @classmethod
    def parse(cls, text: str) -> OracleType:
        """From DDL's spelling, e.g. ``NUMBER(10,2)`` or ``timestamp(3) with time zone``: what ``types.by_type`` is keyed by.

        Raises ValueError for what is not a type's spelling.
        """
        name, arguments = _split(text)
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"{text!r} is not the name of an Oracle type")
        name = _SYNONYMS.get(name, name)
        if name in ("INTEGER", "INT", "SMALLINT"):
            return cls("NUMBER", 22, scale=0)
        if name in TIMESTAMPS or name in (YEAR_TO_MONTH, DAY_TO_SECOND):
            return cls.from_dictionary(" ".join(text.upper().split()))
        numbers = [_number(item, text) for item in arguments]
        if name == "NUMBER":
            precision = numbers[0] if numbers else None
            scale = numbers[1] if len(numbers) > 1 else (0 if numbers else None)
            return cls("NUMBER", 22, precision=precision, scale=scale)
        if name == "FLOAT":
            return cls("FLOAT", 22, precision=numbers[0] if numbers else 126)
        if name in CHARACTERS or name in ("RAW", "UROWID"):
            length = (numbers[0] if numbers else 0) or 0
            used = "C" if arguments and arguments[0].endswith("CHAR") else "B" if name in ("VARCHAR2", "CHAR") else ""
            return cls(name, length, length if name in CHARACTERS else 0, used)
        return cls(name)

    @property
    def sql(self) -> str:
        """As DDL writes it."""
        name, scale = self.name, self.scale
        if name == "NUMBER":
            if self.precision is None:
                return "NUMBER" if scale is None else f"NUMBER(*,{scale})" if scale else "INTEGER"
            return f"NUMBER({self.precision},{scale or 0})"
        if name == "FLOAT":
            return f"FLOAT({self.precision})" if self.precision is not None else "FLOAT"
        if name in CHARACTERS:
            return f"{name}({self.char_length or self.length}{' CHAR' if self.char_used == 'C' and name[0] != 'N' else ''})"
        if name == "RAW":
            return f"RAW({self.length})"
        if name in TIMESTAMPS:
            return name.replace("TIMESTAMP", f"TIMESTAMP({scale})", 1)
        if name == YEAR_TO_MONTH:
            return f"INTERVAL YEAR({self.precision}) TO MONTH"
        if name == DAY_TO_SECOND:
            return f"INTERVAL DAY({self.precision}) TO SECOND({scale})"
        return f"{self.owner}.{name}" if self.owner and self.owner not in _SYSTEM_OWNERS else name

    @property
    def characters(self) -> int:
        """Length in characters of a character type."""
        return self.char_length or self.length

    def to_json(self) -> str:
        """Text for ``Column.native_type``; only what differs from the default."""
        return json.dumps({key: value for key, value in asdict(self).items() if value not in (None, "", 0) or key == "scale"})

    @classmethod
    def from_json(cls, text: str) -> OracleType:
        """Inverse of :meth:`to_json`."""
        return cls(**json.loads(text))


def _split(text: str) -> tuple[str, list[str]]:
    """The name without its numbers, and what stands in the (first) parentheses."""
    found = _ARGUMENTS.search(text)
    arguments = [item.strip().upper() for item in found[1].split(",")] if found else []
    return " ".join(_ARGUMENTS.sub(" ", text).upper().split()), [item for item in arguments if item]


def _first(written: list[str], given: int | None, default: int) -> int:
    return int(written[0]) if written else default if given is None else given


def _number(text: str, whole: str) -> int | None:
    text = text.strip().removesuffix("CHAR").removesuffix("BYTE").strip()
    if text == "*":
        return None
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{whole!r} is not the name of an Oracle type") from None


def target_type(type_: OracleType, *, override: str = "", identity: bool = False) -> str | None:
    """PostgreSQL's type for it, as its ``format_type`` spells it; None when there is none (see :func:`why_not`).

    ``override``: what the configuration wants instead. ``identity``: the column is one (PostgreSQL allows only integers there).
    Raises ConfigError for an override that is no type we know, or into which no value of the type can be brought.
    """
    if override:
        return _overridden(type_, override).sql
    if why_not(type_):
        return None
    return _default(type_, identity)


def _default(type_: OracleType, identity: bool) -> str:
    name = type_.name
    if name == "NUMBER":
        return _number_type(type_.precision, type_.scale, identity)
    if name in ("VARCHAR2", "NVARCHAR2"):
        return f"character varying({type_.characters})"
    if name in ("CHAR", "NCHAR"):
        return f"character({type_.characters})"
    if name == "TIMESTAMP":
        return f"timestamp({_digits(type_)}) without time zone"
    if name in TIMESTAMPS:
        return f"timestamp({_digits(type_)}) with time zone"
    return _FIXED[name]


_FIXED: Final = {
    "FLOAT": "numeric",
    "BINARY_FLOAT": "real",
    "BINARY_DOUBLE": "double precision",
    "CLOB": "text",
    "NCLOB": "text",
    "LONG": "text",
    "RAW": "bytea",
    "LONG RAW": "bytea",
    "BLOB": "bytea",
    "DATE": "timestamp(0) without time zone",
    YEAR_TO_MONTH: "interval",
    DAY_TO_SECOND: "interval",
    "XMLTYPE": "text",
    "JSON": "jsonb",
    "BOOLEAN": "boolean",
    "VECTOR": "double precision[]",
    "ROWID": "text",
    "UROWID": "text",
    "SDO_GEOMETRY": "text",
}
MIGRATED: Final = frozenset(_FIXED) | CHARACTERS | TIMESTAMPS | NUMBERS
"""Names of all types that have a counterpart."""


def _digits(type_: OracleType) -> int:
    return min(6 if type_.scale is None else type_.scale, 6)


def _number_type(precision: int | None, scale: int | None, identity: bool) -> str:
    if precision is None and scale is None:
        return "bigint" if identity else "numeric"
    precision, scale = 38 if precision is None else precision, scale or 0
    if scale == 0:
        for digits, integer in ((4, "smallint"), (9, "integer"), (18, "bigint")):
            if precision <= digits:
                return integer
        return "bigint" if identity else f"numeric({precision},0)"
    if scale < 0:
        return f"numeric({precision - scale},0)"  # wide enough for its zeros; a negative scale is not known everywhere
    return f"numeric({precision},{scale})"


def _family(type_: OracleType) -> str:
    name = type_.name
    for family, names in _FAMILIES.items():
        if name in names:
            return family
    return name


_FAMILIES: Final = {
    "number": NUMBERS | BINARY_FLOATS,
    "text": CHARACTERS | LARGE_TEXTS | ROW_IDS | {"SDO_GEOMETRY"},
    "bytes": LARGE_BYTES | {"RAW"},
    "moment": frozenset({"DATE", "TIMESTAMP"}),
    "instant": frozenset({TSTZ, TSLTZ}),
    "interval": frozenset({YEAR_TO_MONTH, DAY_TO_SECOND}),
}
_TEXT_KINDS: Final = frozenset({"text", "varchar", "bpchar"})
_KINDS: Final = {
    "number": frozenset({"int2", "int4", "int8", "numeric", "float4", "float8", "bool"}) | _TEXT_KINDS,
    "text": _TEXT_KINDS | {"json", "jsonb", "xml"},
    "bytes": frozenset({"bytea", "uuid"}),
    "moment": frozenset({"timestamp", "timestamptz", "date"}),
    "instant": frozenset({"timestamptz"}),
    "interval": frozenset({"interval"}),
    "XMLTYPE": frozenset({"xml", "text"}),
    "JSON": frozenset({"json", "jsonb", "text"}),
    "BOOLEAN": frozenset({"bool", "int2", "int4", "int8"}),
    "VECTOR": frozenset({"float8[]", "float4[]"}),
}
"""PostgreSQL's types, by family, into which a value can be brought; a value that does not fit is an error when it comes."""


def _overridden(type_: OracleType, override: str) -> Target:
    if (reason := why_not(type_)) != "":
        raise ConfigError(f"{type_.sql} cannot be migrated as {override}: {reason}", key="types")
    target = parse_target(override)
    allowed = _KINDS[_family(type_)]
    if target is None or target.kind not in allowed:
        raise ConfigError(
            f"{type_.sql} cannot become {override!r}",
            key="types",
            next_step=f"choose one of: {', '.join(sorted(parse_name(kind) for kind in allowed))}",
        )
    if target.kind == "uuid" and (type_.name, type_.length) != ("RAW", 16):
        raise ConfigError(f"{type_.sql} cannot become uuid: only RAW(16) has as many bytes", key="types")
    return target


def parse_name(kind: str) -> str:
    """SQL's name of one of our kinds."""
    target = parse_target(kind)
    return target.sql if target else kind


def why_not(type_: OracleType) -> str:
    """Why there is no target type; '' when there is one."""
    name = type_.name
    if type_.owner and type_.owner not in _SYSTEM_OWNERS:
        return "values of object types, nested tables and arrays do not appear in the redo log in a readable form"
    if name == "BFILE":
        return (
            "a BFILE is a file of the database server: only its name is in the table, and changes of it are not logged readably"
        )
    if name in MIGRATED:
        return ""
    return "the type has no counterpart on the target"


def streamable(type_: OracleType, *, mined: bool) -> bool:
    """Whether changes of such a column can be captured (from the redo itself, or by reading the row again: :func:`reread`)."""
    return not why_not_streamable(type_, mined=mined)


def why_not_streamable(type_: OracleType, *, mined: bool) -> str:
    """Why changes of such a column cannot be captured; '' when they can. ``mined``: by LogMiner, else by triggers."""
    if (reason := why_not(type_)) != "":
        return reason
    if mined and type_.name == "SDO_GEOMETRY":
        return "LogMiner writes 'Unsupported Type' for it: its changes cannot be captured from redo; by triggers they can"
    return ""


def reread(type_: OracleType) -> bool:
    """Whether the redo does not hold the value itself, so that capture reads it again by the row's key."""
    name = type_.name
    if name in ("VARCHAR2", "NVARCHAR2"):
        return type_.length > EXTENDED
    if name == "RAW":
        return type_.length > EXTENDED_RAW
    return name in LARGE_TEXTS or name in LARGE_BYTES or name in ("XMLTYPE", "JSON", "VECTOR", "SDO_GEOMETRY")
