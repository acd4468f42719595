"""Partitions, which are recorded only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from voyager_ops.testing.oracle import dictionary as dd
from voyager_ops.testing.oracle.ddl_checks import check_ascending
from voyager_ops.testing.oracle.ddl_context import Context, add_object
from voyager_ops.testing.oracle.ddl_model import Partition, Partitioning
from voyager_ops.testing.oracle.engine import OracleError


def record_partitions(context: Context, owner: str, table: str, spec: Partitioning) -> None:
    """PART_TABLES, key columns, partitions and subpartitions."""
    connection = context.connection
    for column in (*spec.columns, *spec.sub_columns):
        if not dd.exists(connection, "TAB_COLS", OWNER=owner, TABLE_NAME=table, COLUMN_NAME=column):
            raise OracleError(904, f'"{column}": invalid identifier')
    given = [p.name for p in spec.partitions if p.name is not None]
    if len(set(given)) < len(given):
        raise OracleError(14013, "duplicate partition name")
    if spec.kind == "RANGE":
        check_ascending([(p.name or "", _canonical_bound(p.high_value)) for p in spec.partitions])
    dd.insert(
        connection,
        "PART_TABLES",
        OWNER=owner,
        TABLE_NAME=table,
        PARTITIONING_TYPE=spec.kind,
        SUBPARTITIONING_TYPE=spec.sub_kind,
        PARTITION_COUNT=1048575 if spec.interval else len(spec.partitions),
        DEF_SUBPARTITION_COUNT=len(spec.template),
        PARTITIONING_KEY_COUNT=len(spec.columns),
        SUBPARTITIONING_KEY_COUNT=len(spec.sub_columns),
        STATUS="VALID",
        DEF_TABLESPACE_NAME="USERS",
        REF_PTN_CONSTRAINT_NAME=spec.reference,
        INTERVAL=spec.interval,
        AUTOLIST="YES" if spec.autolist else "NO",
        IS_NESTED="NO",
    )
    for position, column in enumerate(spec.columns, 1):
        dd.insert(
            connection,
            "PART_KEY_COLUMNS",
            OWNER=owner,
            NAME=table,
            OBJECT_TYPE="TABLE",
            COLUMN_NAME=column,
            COLUMN_POSITION=position,
        )
    for position, column in enumerate(spec.sub_columns, 1):
        dd.insert(
            connection,
            "SUBPART_KEY_COLUMNS",
            OWNER=owner,
            NAME=table,
            OBJECT_TYPE="TABLE",
            COLUMN_NAME=column,
            COLUMN_POSITION=position,
        )
    for position, template in enumerate(spec.template, 1):
        if template.name is not None:
            dd.insert(
                connection,
                "SUBPARTITION_TEMPLATES",
                USER_NAME=owner,
                TABLE_NAME=table,
                SUBPARTITION_NAME=template.name,
                SUBPARTITION_POSITION=position,
                HIGH_BOUND=template.high_value,
            )
    dd.update(connection, "OBJECTS", {"OWNER": owner, "OBJECT_NAME": table, "OBJECT_TYPE": "TABLE"}, DATA_OBJECT_ID=None)
    for position, partition in enumerate(spec.partitions, 1):
        record_partition(context, owner, table, partition, position, composite=spec.sub_kind != "NONE", template=spec.template)


def check_partition(context: Context, owner: str, table: str, partition: Partition) -> None:
    """ORA-14013, ORA-14074 for a partition that is added."""
    keys = {"TABLE_OWNER": owner, "TABLE_NAME": table}
    found = dd.rows(context.connection, "TAB_PARTITIONS", "PARTITION_NAME", "HIGH_VALUE", order="PARTITION_POSITION", **keys)
    if partition.name in [str(name) for name, _ in found]:
        raise OracleError(14013, "duplicate partition name")
    kinds = dd.rows(context.connection, "PART_TABLES", "PARTITIONING_TYPE", OWNER=owner, TABLE_NAME=table)
    if found and kinds and str(kinds[0][0]) == "RANGE":
        last = (str(found[-1][0]), str(found[-1][1]))
        check_ascending([last, (partition.name or "", _canonical_bound(partition.high_value))], added=True)


def record_partition(
    context: Context,
    owner: str,
    table: str,
    partition: Partition,
    position: int,
    *,
    composite: bool,
    template: Sequence[Partition] = (),
) -> None:
    connection = context.connection
    name = partition.name or f"SYS_P{context.next_id()}"
    children = partition.children or (list(template) or [Partition(None)] if composite else [])
    high = _canonical_bound(partition.high_value)
    dd.insert(
        connection,
        "TAB_PARTITIONS",
        TABLE_OWNER=owner,
        TABLE_NAME=table,
        COMPOSITE="YES" if composite else "NO",
        PARTITION_NAME=name,
        SUBPARTITION_COUNT=len(children),
        HIGH_VALUE=high,
        HIGH_VALUE_LENGTH=len(high),
        PARTITION_POSITION=position,
        TABLESPACE_NAME="USERS",
        INTERVAL="NO",
        SEGMENT_CREATED="YES",
    )
    number = add_object(context, owner, table, "TABLE PARTITION", sub=name)
    if composite:  # its subpartitions have the segments
        dd.update(connection, "OBJECTS", {"OBJECT_ID": number}, DATA_OBJECT_ID=None)
    for number, child in enumerate(children, 1):
        child_name = (
            f"{name}_{child.name}" if child.name and not partition.children else child.name or f"SYS_SUBP{context.next_id()}"
        )
        bound = _canonical_bound(child.high_value)
        dd.insert(
            connection,
            "TAB_SUBPARTITIONS",
            TABLE_OWNER=owner,
            TABLE_NAME=table,
            PARTITION_NAME=name,
            SUBPARTITION_NAME=child_name,
            HIGH_VALUE=bound,
            HIGH_VALUE_LENGTH=len(bound),
            PARTITION_POSITION=position,
            SUBPARTITION_POSITION=number,
            TABLESPACE_NAME="USERS",
            INTERVAL="NO",
        )
        add_object(context, owner, table, "TABLE SUBPARTITION", sub=child_name)


_MASKS = {
    "YYYY-MM-DD": "%Y-%m-%d",
    "YYYY-MM-DD HH24:MI:SS": "%Y-%m-%d %H:%M:%S",
    "YYYY/MM/DD": "%Y/%m/%d",
    "YYYYMMDD": "%Y%m%d",
    "DD/MM/YYYY": "%d/%m/%Y",
    "MM/DD/YYYY": "%m/%d/%Y",
    "DD-MM-YYYY": "%d-%m-%Y",
    "DD-MON-YYYY": "%d-%b-%Y",
    "DD-MON-RR": "%d-%b-%y",
    "DD.MM.YYYY": "%d.%m.%Y",
}


def _canonical_bound(text: str) -> str:
    """A partition's bound as HIGH_VALUE has it: dates as TO_DATE calls with the calendar."""

    def date(match: re.Match[str]) -> str:
        year, month, day = match[2].split("-")
        moment = f" {int(year):04}-{int(month):02}-{int(day):02} 00:00:00"
        return f"TO_DATE('{moment}', 'SYYYY-MM-DD HH24:MI:SS', 'NLS_CALENDAR=GREGORIAN')"

    def call(match: re.Match[str]) -> str:
        # Oracle has read the date and prints it anew, whatever mask and language it was given with.
        try:
            read = datetime.strptime(match[1].strip(), _MASKS[re.sub(r"\s+", " ", match[2].upper().strip().lstrip("S"))])
        except (KeyError, ValueError):
            return match[0]
        return f"TO_DATE(' {read:%Y-%m-%d %H:%M:%S}', 'SYYYY-MM-DD HH24:MI:SS', 'NLS_CALENDAR=GREGORIAN')"

    text = re.sub(r"(?i)\b(DATE\s*)'(\d+-\d+-\d+)'", date, text)
    text = re.sub(r"(?i)\bTO_DATE\s*\(\s*'([^']+)'\s*,\s*'([^']+)'\s*(?:,\s*'[^']+'\s*)?\)", call, text)
    text = re.sub(r"(?i)\b(TIMESTAMP\s*)'(\d+-\d+-\d+) (\d+:\d+:\d+)'", lambda m: f"TIMESTAMP' {m[2]} {m[3]}'", text)
    if text.upper() in ("MAXVALUE", "DEFAULT"):
        return text.upper()
    return text
