"""Which objects of a dictionary Oracle (or we) made for itself: they are not migrated as objects of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# The column that says whose row it is, where it is not ``owner``.
OWNER_FIELDS = {
    "indexes": "table_owner",
    "ind_columns": "table_owner",
    "ind_expressions": "table_owner",
    "tab_partitions": "table_owner",
    "tab_subpartitions": "table_owner",
    "subpartition_templates": "user_name",
    "sequences": "sequence_owner",
    "mview_logs": "log_owner",
    "policies": "object_owner",
    "nls_database_parameters": "",
}
# The column with the name of the object that a row hangs on: rows of internal objects are left out by it.
_NAME_FIELDS = {
    "objects": "object_name",
    "sequences": "sequence_name",
    "part_key_columns": "name",
    "subpart_key_columns": "name",
    "mview_logs": "",
    "nested_tables": "",
    "queue_tables": "queue_table",
    "policies": "object_name",
    "segments": "segment_name",
}


def owner_of(view: str, row: Any) -> str:
    name = OWNER_FIELDS.get(view, "owner")
    return str(getattr(row, name)) if name else ""


def name_of(view: str, row: Any) -> str:
    if view in _NAME_FIELDS:
        return str(getattr(row, _NAME_FIELDS[view])) if _NAME_FIELDS[view] else ""
    if view == "triggers":
        return str(row.trigger_name)
    return str(getattr(row, "table_name", ""))


_INTERNAL_NAMES = (
    (re.compile(r"DR#?\$"), "storage of an Oracle Text index"),
    (re.compile(r"AQ\$"), "part of an advanced queue"),
    (re.compile(r"MLOG\$|RUPD\$|I_SNAP\$_|I_MLOG\$_"), "log of materialized views"),
    (re.compile(r"BIN\$"), "dropped: it is in the recycle bin"),
    (re.compile(r"SYS_IOT_(OVER|MAP)_"), "overflow of an index-organized table"),
    (re.compile(r"MD(RT|XT|RS)_[0-9A-F]+\$"), "storage of a spatial index"),
    (re.compile(r"VECTOR\$.+\d+_\d+_\d+\$"), "storage of a vector index"),
    (re.compile(r"SYS_FBA_(HIST|TCRV|DDL_COLMAP)_\d+"), "history of a table (flashback archive)"),
    (re.compile(r"SYS_JOURNAL_\d+"), "journal of an index that is being built"),
    (re.compile(r"SYS_RESERVJRNL_\d+"), "journal of columns that are reserved without locks"),
    (re.compile(r"VOYAGER_OPS_"), "of this migration itself"),
)


def internal(read: Mapping[str, Sequence[Any]]) -> dict[tuple[str, str], str]:
    """(owner, name) to the reason why it is none of the user's own."""
    reasons: dict[tuple[str, str], str] = {}
    for view in ("objects", "tables", "sequences", "indexes", "triggers"):
        for row in read.get(view, ()):
            name = name_of(view, row) if view != "indexes" else row.index_name
            for pattern, reason in _INTERNAL_NAMES:
                if pattern.match(name):
                    reasons[(owner_of(view, row), name)] = reason
    for place in _brought_back(read):
        reasons.pop(place, None)
    for table in read.get("tables", ()):
        if table.nested == "YES":
            reasons[(table.owner, table.table_name)] = "storage of a nested table"
        elif table.iot_type in {"IOT_OVERFLOW", "IOT_MAPPING"}:
            reasons[(table.owner, table.table_name)] = f"overflow of the index-organized table {table.iot_name}"
        elif table.secondary == "Y":
            reasons[(table.owner, table.table_name)] = "storage of a domain index"
    for nested in read.get("nested_tables", ()):
        reasons[(nested.owner, nested.table_name)] = f"storage of the nested table {nested.parent_table_name}"
    for log in read.get("mview_logs", ()):
        reasons[(log.log_owner, log.log_table)] = f"log of materialized views over {log.master}"
    return reasons


def _brought_back(read: Mapping[str, Sequence[Any]]) -> Iterator[tuple[str, str]]:
    """Indexes and triggers that keep the recycle bin's names after FLASHBACK TABLE has brought their table back."""
    for view in ("indexes", "triggers"):
        for row in read.get(view, ()):
            name = row.index_name if view == "indexes" else row.trigger_name
            if name.startswith("BIN$") and not row.table_name.startswith("BIN$"):
                yield row.owner, name
