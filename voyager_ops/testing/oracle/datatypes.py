"""Oracle's data types: parsed from DDL, as columns of PostgreSQL, as the dictionary shows them, as results describe them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from voyager_ops.testing.oracle.engine import ColumnInfo, OracleError, TypeNumber
from voyager_ops.testing.oracle.tokens import Cursor

_SYNONYMS = {
    "VARCHAR": "VARCHAR2",
    "CHARACTER": "CHAR",
    "NUMERIC": "NUMBER",
    "DECIMAL": "NUMBER",
    "DEC": "NUMBER",
    "STRING": "VARCHAR2",
    "BOOL": "BOOLEAN",
}
_INTEGERS = {"INTEGER", "INT", "SMALLINT"}
_KNOWN = {
    "NUMBER",
    "FLOAT",
    "BINARY_FLOAT",
    "BINARY_DOUBLE",
    "VARCHAR2",
    "NVARCHAR2",
    "CHAR",
    "NCHAR",
    "CLOB",
    "NCLOB",
    "LONG",
    "RAW",
    "LONG RAW",
    "BLOB",
    "BFILE",
    "DATE",
    "TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE",
    "TIMESTAMP WITH LOCAL TIME ZONE",
    "INTERVAL YEAR TO MONTH",
    "INTERVAL DAY TO SECOND",
    "XMLTYPE",
    "JSON",
    "BOOLEAN",
    "ROWID",
    "UROWID",
    "VECTOR",
    "SDO_GEOMETRY",
}
CHARACTER = {"VARCHAR2", "NVARCHAR2", "CHAR", "NCHAR"}
NATIONAL = {"NVARCHAR2", "NCHAR", "NCLOB"}
BLANKS = {"CHAR", "NCHAR"}
SUPPLIED = {"XMLTYPE": "SYS", "SDO_GEOMETRY": "MDSYS"}
"""Object types that are simulated as types of their own, and their owners in the dictionary."""
LOBS = {"CLOB", "NCLOB", "BLOB"}
BYTES = 1_000_000  # in a modifier of ora.char: the length is one of bytes

_POSTGRES = {
    "VARCHAR2": "ora.varchar2",
    "NVARCHAR2": "ora.nvarchar2",
    "CHAR": "ora.char",
    "NCHAR": "ora.nchar",
    "CLOB": "ora.clob",
    "NCLOB": "ora.nclob",
    "LONG": "ora.long",
    "RAW": "ora.raw",
    "LONG RAW": "ora.long_raw",
    "BLOB": "ora.blob",
    "BFILE": "ora.bfile",
    "DATE": "ora.date",
    "TIMESTAMP": "ora.ts",
    "TIMESTAMP WITH TIME ZONE": "ora.tstz",
    "TIMESTAMP WITH LOCAL TIME ZONE": "ora.tsltz",
    "INTERVAL YEAR TO MONTH": "ora.iym",
    "INTERVAL DAY TO SECOND": "ora.ids",
    "XMLTYPE": "ora.xmltype",
    "JSON": "ora.json",
    "BOOLEAN": "boolean",
    "ROWID": "ora.rowid",
    "UROWID": "ora.rowid",
    "BINARY_FLOAT": "float4",
    "BINARY_DOUBLE": "float8",
    "FLOAT": "numeric",
    "VECTOR": "ora.clob",
    "SDO_GEOMETRY": "ora.sdo_geometry",
}

_NUMBERS = {
    "VARCHAR2": TypeNumber.VARCHAR2,
    "NVARCHAR2": TypeNumber.VARCHAR2,
    "CHAR": TypeNumber.CHAR,
    "NCHAR": TypeNumber.CHAR,
    "CLOB": TypeNumber.CLOB,
    "NCLOB": TypeNumber.CLOB,
    "LONG": TypeNumber.LONG,
    "RAW": TypeNumber.RAW,
    "LONG RAW": TypeNumber.LONG_RAW,
    "BLOB": TypeNumber.BLOB,
    "DATE": TypeNumber.DATE,
    "TIMESTAMP": TypeNumber.TIMESTAMP,
    "TIMESTAMP WITH TIME ZONE": TypeNumber.TIMESTAMP_TZ,
    "TIMESTAMP WITH LOCAL TIME ZONE": TypeNumber.TIMESTAMP_LTZ,
    "INTERVAL YEAR TO MONTH": TypeNumber.INTERVAL_YM,
    "INTERVAL DAY TO SECOND": TypeNumber.INTERVAL_DS,
    "BOOLEAN": TypeNumber.BOOLEAN,
    "ROWID": TypeNumber.ROWID,
    "UROWID": TypeNumber.UROWID,
    "BINARY_FLOAT": TypeNumber.BINARY_FLOAT,
    "BINARY_DOUBLE": TypeNumber.BINARY_DOUBLE,
    "NUMBER": TypeNumber.NUMBER,
    "FLOAT": TypeNumber.NUMBER,
    "JSON": TypeNumber.CLOB,
    "XMLTYPE": TypeNumber.CLOB,
    "BFILE": TypeNumber.VARCHAR2,
    "VECTOR": TypeNumber.CLOB,
    "SDO_GEOMETRY": TypeNumber.OBJECT,
}


@dataclass(frozen=True, slots=True)
class DataType:
    """``name`` without numbers; ``owner`` only of user-defined types. ``length``: as declared, in characters if ``chars``.

    ``precision``/``scale``: NUMBER; FLOAT: binary precision; TIMESTAMP: scale digits of the fraction; INTERVAL: precision
    leading digits, scale digits of the fraction.
    """

    name: str
    length: int = 0
    chars: bool = False
    precision: int | None = None
    scale: int | None = None
    owner: str = ""

    @property
    def bytes(self) -> int:
        """Declared length in bytes: AL32UTF8 has up to four per character, the national character set two."""
        if self.name in NATIONAL:
            return self.length * 2
        return min(self.length * 4, 32767 if self.length > 4000 else 4000) if self.chars else self.length

    @property
    def postgres(self) -> str:
        """The type of the PostgreSQL column that holds it."""
        if self.owner:
            return "ora.clob"
        if self.name == "NUMBER":
            if self.precision is None:
                return "numeric" if self.scale is None else f"numeric(38,{self.scale})"
            return f"numeric({self.precision},{self.scale or 0})"
        base = _POSTGRES[self.name]
        if self.name in BLANKS:
            return f"{base}({self.length + (0 if self.chars else BYTES)})"
        if self.name.startswith("TIMESTAMP"):
            return f"{base}({(6 if self.scale is None else self.scale) + 1})"
        if self.name == "INTERVAL DAY TO SECOND":
            return f"{base}({(6 if self.scale is None else self.scale) + 1},{2 if self.precision is None else self.precision})"
        if self.name == "INTERVAL YEAR TO MONTH":
            return f"{base}({2 if self.precision is None else max(self.precision, 1)})"
        return base

    @property
    def dictionary_name(self) -> str:
        """DATA_TYPE of ALL_TAB_COLS."""
        if self.name.startswith("TIMESTAMP"):
            return self.name.replace("TIMESTAMP", f"TIMESTAMP({6 if self.scale is None else self.scale})")
        if self.name == "INTERVAL DAY TO SECOND":
            leading, fraction = (2 if self.precision is None else self.precision), (6 if self.scale is None else self.scale)
            return f"INTERVAL DAY({leading}) TO SECOND({fraction})"
        if self.name == "INTERVAL YEAR TO MONTH":
            return f"INTERVAL YEAR({2 if self.precision is None else self.precision}) TO MONTH"
        return self.name

    @property
    def dictionary_length(self) -> int:
        """DATA_LENGTH of ALL_TAB_COLS."""
        if self.name in CHARACTER or self.name in ("RAW", "UROWID"):
            return self.bytes
        if self.name.startswith("TIMESTAMP"):
            digits = 6 if self.scale is None else self.scale
            return 13 if self.name == "TIMESTAMP WITH TIME ZONE" else 7 if digits == 0 else 11
        return {
            "DATE": 7,
            "NUMBER": 22,
            "FLOAT": 22,
            "BINARY_FLOAT": 4,
            "BINARY_DOUBLE": 8,
            "INTERVAL DAY TO SECOND": 11,
            "INTERVAL YEAR TO MONTH": 5,
            "CLOB": 4000,
            "NCLOB": 4000,
            "BLOB": 4000,
            "BFILE": 530,
            "ROWID": 10,
            "XMLTYPE": 2000,
            "JSON": 8200,
            "BOOLEAN": 1,
            "SDO_GEOMETRY": 1,
        }.get(self.name, 0)

    def info(self, name: str, nullable: bool = True) -> ColumnInfo:
        """How a result describes a column of this type."""
        if self.owner:
            return ColumnInfo(name, TypeNumber.CLOB, nullable=nullable)
        info = ColumnInfo(name, _NUMBERS[self.name], national=self.name in NATIONAL, nullable=nullable)
        if self.name == "NUMBER":
            if self.precision is None and self.scale is None:
                return replace(info, scale=-127)
            return replace(info, precision=38 if self.precision is None else self.precision, scale=self.scale or 0)
        if self.name == "FLOAT":
            return replace(info, precision=126 if self.precision is None else self.precision, scale=-127)
        if self.name.startswith("TIMESTAMP"):
            return replace(info, scale=6 if self.scale is None else self.scale)
        if self.name.startswith("INTERVAL"):
            return replace(
                info, precision=2 if self.precision is None else self.precision, scale=(6 if self.scale is None else self.scale)
            )
        if self.name in CHARACTER or self.name == "RAW":
            return replace(info, size=self.bytes or 4000)
        if self.name in ("UROWID", "ROWID", "BFILE"):
            return replace(info, size=self.length or (18 if self.name == "ROWID" else 4000))
        return info


def parse_type(cursor: Cursor, length_semantics: str = "BYTE") -> DataType:
    """The type that comes next. An unknown name is a user-defined type, its owner ``?`` when not given. ORA-00907, 00902."""
    owner, name = cursor.qualified()
    if owner is not None:
        return DataType(name) if name in SUPPLIED else DataType(name, owner=owner)
    name = _SYNONYMS.get(name, name)
    if name == "NATIONAL":
        if not cursor.accept("CHARACTER"):
            cursor.expect("CHAR")
        name = "NVARCHAR2" if cursor.accept("VARYING") else "NCHAR"
    elif name in ("CHAR", "NCHAR") and cursor.accept("VARYING"):
        name = {"CHAR": "VARCHAR2", "NCHAR": "NVARCHAR2"}[name]
    if name in _INTEGERS:
        return DataType("NUMBER", scale=0)
    if name == "REAL":
        return DataType("FLOAT", precision=63)
    if name == "DOUBLE":
        cursor.expect("PRECISION")
        return DataType("FLOAT", precision=126)
    if name == "LONG":
        return DataType("LONG RAW" if cursor.accept("RAW") else "LONG")
    if name == "INTERVAL":
        return _interval(cursor)
    if name == "TIMESTAMP":
        return _timestamp(cursor)
    if name not in _KNOWN:
        return DataType(name, owner="?")
    if name in CHARACTER:
        return _characters(cursor, name, length_semantics)
    if name == "NUMBER":
        return _number(cursor)
    numbers: list[int] = []
    if cursor.accept("("):
        while not cursor.accept(")"):
            if cursor.token.kind == "number":
                numbers.append(cursor.integer())
            else:
                cursor.at += 1
    if name == "FLOAT":
        return DataType(name, precision=numbers[0] if numbers else 126)
    if name == "RAW":
        if not numbers:
            raise cursor.fail(906)
        return DataType(name, length=numbers[0])
    return DataType(name, length=(numbers[0] if numbers else 4000) if name == "UROWID" else 0)


def _characters(cursor: Cursor, name: str, semantics: str) -> DataType:
    chars = semantics == "CHAR"
    length = 1
    if cursor.accept("("):
        length = cursor.integer()
        if cursor.accept("CHAR"):
            chars = True
        elif cursor.accept("BYTE"):
            chars = False
        cursor.expect(")")
    elif name in ("VARCHAR2", "NVARCHAR2"):
        raise OracleError(906, "missing left parenthesis", cursor.token.start)
    if length < 1:
        raise OracleError(1723, "zero-length columns are not allowed")
    if length > (2000 if name in BLANKS else 32767):
        raise OracleError(910, "specified length too long for its datatype", cursor.token.start)
    return DataType(name, length=length, chars=chars or name in NATIONAL)


def _number(cursor: Cursor) -> DataType:
    if not cursor.accept("("):
        return DataType("NUMBER")
    precision = None if cursor.accept("*") else cursor.integer()
    scale = cursor.integer() if cursor.accept(",") else (0 if precision is not None else None)
    cursor.expect(")")
    if precision is not None and not 1 <= precision <= 38:
        raise OracleError(1727, "numeric precision specifier is out of range (1 to 38)", cursor.token.start)
    if scale is not None and not -84 <= scale <= 127:
        raise OracleError(1728, "numeric scale specifier is out of range (-84 to 127)", cursor.token.start)
    return DataType("NUMBER", precision=precision, scale=scale)


def _digits(cursor: Cursor) -> int | None:
    if not cursor.accept("("):
        return None
    number = cursor.integer()
    cursor.expect(")")
    if not 0 <= number <= 9:
        raise OracleError(30088, "datetime/interval precision is out of range")
    return number


def _timestamp(cursor: Cursor) -> DataType:
    digits = _digits(cursor)
    scale = 6 if digits is None else digits
    if cursor.accept("WITH", "TIME", "ZONE"):
        return DataType("TIMESTAMP WITH TIME ZONE", scale=scale)
    if cursor.accept("WITH", "LOCAL", "TIME", "ZONE"):
        return DataType("TIMESTAMP WITH LOCAL TIME ZONE", scale=scale)
    return DataType("TIMESTAMP", scale=scale)


def _interval(cursor: Cursor) -> DataType:
    if cursor.accept("YEAR"):
        digits = _digits(cursor)
        cursor.expect("TO", "MONTH")
        return DataType("INTERVAL YEAR TO MONTH", precision=2 if digits is None else digits, scale=0)
    cursor.expect("DAY")
    leading = _digits(cursor)
    cursor.expect("TO", "SECOND")
    fraction = _digits(cursor)
    return DataType(
        "INTERVAL DAY TO SECOND", precision=2 if leading is None else leading, scale=6 if fraction is None else fraction
    )
