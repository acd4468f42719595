"""Column types that YugabyteDB lacks, or that a live migration to it cannot carry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pglast import ast

from voyager_ops.schema.names import of_type
from voyager_ops.schema.rules.base import Check, ColumnInfo, Hit, SchemaModel, Subject

UNSUPPORTED = {
    "xml": "XML",
    "xid": "XID",
    "geometry": "GEOMETRY",
    "geography": "GEOGRAPHY",
    "box2d": "BOX2D",
    "box3d": "BOX3D",
    "topogeometry": "TOPOGEOMETRY",
    "lo": "LARGE_OBJECT",
    "raster": "RASTER",
    "pg_lsn": "PG_LSN",
    "txid_snapshot": "TXID_SNAPSHOT",
    **{f"{kind}multirange": f"{kind.upper()}MULTIRANGE" for kind in ("int4", "int8", "num", "ts", "tstz", "date")},
}
LIVE = ("point", "line", "lseg", "box", "path", "polygon", "circle", "vector", "timetz")


def _columns(node: Any) -> Iterator[Any]:
    if isinstance(node, ast.CreateStmt):
        yield from (item for item in node.tableElts or () if isinstance(item, ast.ColumnDef) and item.typeName is not None)


def check_columns(model: SchemaModel, subject: Subject) -> Iterator[Hit]:
    for column in _columns(subject.node):
        typed: Any = column.typeName
        name, array = model.resolve(ColumnInfo(column.colname, of_type(typed), bool(typed.arrayBounds), False))
        detail = f"column {column.colname}"
        if name[1] in UNSUPPORTED and name not in model.user_types:
            yield Hit(f"UNSUPPORTED_DATATYPE_{UNSUPPORTED[name[1]]}", detail)
        elif name[1] in LIVE and name not in model.user_types:
            yield Hit(f"UNSUPPORTED_DATATYPE_LIVE_MIGRATION_{name[1].upper()}", detail)
        elif name[1] == "tsquery":
            yield Hit("UNSUPPORTED_DATATYPE_LIVE_MIGRATION_WITH_FF_FB_TSQUERY", detail)
        elif name in model.user_types and array:
            yield Hit("UNSUPPORTED_DATATYPE_LIVE_MIGRATION_WITH_FF_FB_USER_DEFINED", f"{detail}, an array of it")


CHECKS: tuple[Check, ...] = (check_columns,)
