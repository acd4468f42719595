"""Which Oracle type a column has: from its row of the dictionary, or, in a result, from PostgreSQL's type alone."""

from __future__ import annotations

from collections.abc import Mapping

from voyager_ops.testing.oracle.datatypes import NATIONAL, SUPPLIED, DataType
from voyager_ops.testing.oracle.engine import ColumnInfo


def number(value: object) -> int | None:
    return None if value is None else int(str(value))


def data_type(
    kind: str, length: object, precision: object, scale: object, chars: object, used: str | None, owner: str | None = None
) -> DataType:
    """From a row of TAB_COLS."""
    if kind.startswith("TIMESTAMP"):
        return DataType(kind.replace(f"({number(scale)})", "").strip(), scale=number(scale))
    if kind.startswith("INTERVAL"):
        return DataType(
            "INTERVAL DAY TO SECOND" if kind.startswith("INTERVAL DAY") else "INTERVAL YEAR TO MONTH",
            precision=number(precision),
            scale=number(scale),
        )
    if owner is not None and kind not in SUPPLIED:
        return DataType(kind, owner=owner)
    if used is not None:
        return DataType(kind, length=int(str(chars or 0)), chars=used == "C" or kind in NATIONAL)
    return DataType(
        kind, length=int(str(length)) if kind in ("RAW", "UROWID") else 0, precision=number(precision), scale=number(scale)
    )


def system_column(name: str, oid: int, modifier: int, type_names: Mapping[int, str]) -> ColumnInfo:
    """A result's column from PostgreSQL's type alone."""
    kind = type_names.get(oid, "")
    if kind == "numeric":
        if modifier < 0:
            return DataType("NUMBER").info(name)
        scale = (modifier - 4) & 0x7FF
        return DataType("NUMBER", precision=(modifier - 4) >> 16, scale=scale - 0x800 if scale > 0x3FF else scale).info(name)
    digits = ((modifier - 4) >> 16) - 1 if modifier >= 0 else 9
    simple = {
        "ora.date": DataType("DATE"),
        "ora.ts": DataType("TIMESTAMP", scale=digits),
        "ora.tstz": DataType("TIMESTAMP WITH TIME ZONE", scale=digits),
        "ora.tsltz": DataType("TIMESTAMP WITH LOCAL TIME ZONE", scale=digits),
        "ora.iym": DataType("INTERVAL YEAR TO MONTH", precision=9),
        "ora.ids": DataType("INTERVAL DAY TO SECOND", precision=9, scale=9),
        "ora.clob": DataType("CLOB"),
        "ora.nclob": DataType("NCLOB"),
        "ora.blob": DataType("BLOB"),
        "ora.long": DataType("LONG"),
        "ora.long_raw": DataType("LONG RAW"),
        "ora.xmltype": DataType("XMLTYPE"),
        "ora.json": DataType("JSON"),
        "ora.sdo_geometry": DataType("SDO_GEOMETRY"),
        "ora.rowid": DataType("ROWID"),
        "ora.bfile": DataType("BFILE"),
        "boolean": DataType("BOOLEAN"),
        "float4": DataType("BINARY_FLOAT"),
        "float8": DataType("BINARY_DOUBLE"),
        "int2": DataType("NUMBER"),
        "int4": DataType("NUMBER"),
        "int8": DataType("NUMBER"),
        "oid": DataType("NUMBER"),
        "timestamp": DataType("DATE"),
    }
    if kind in simple:
        return simple[kind].info(name)
    size = modifier - 4 if modifier > 4 else 4000
    if kind == "ora.raw" or kind == "bytea":
        return DataType("RAW", length=min(size, 2000)).info(name)
    if kind in ("ora.char", "ora.nchar", "bpchar"):
        return DataType(
            "NCHAR" if kind == "ora.nchar" else "CHAR", length=min(size % 1_000_000, 2000) or 1, chars=kind == "ora.nchar"
        ).info(name)
    if kind == "ora.nvarchar2":
        return DataType("NVARCHAR2", length=min(size, 2000), chars=True).info(name)
    return DataType("VARCHAR2", length=size).info(name)
