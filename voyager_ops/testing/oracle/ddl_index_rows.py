"""The rows of an index in the dictionary."""

from __future__ import annotations

from voyager_ops.testing.oracle import dictionary as dd
from voyager_ops.testing.oracle.ddl_context import Context, add_object
from voyager_ops.testing.oracle.rewrite import quote


def record_index(
    context: Context,
    owner: str,
    name: str,
    table_owner: str,
    table: str,
    columns: list[tuple[str | None, str | None, str]],
    *,
    unique: bool,
    generated: bool = False,
    constraint: bool = False,
    kind: str = "NORMAL",
    status: str = "VALID",
    visible: bool = True,
    partitioned: bool = False,
) -> None:
    """INDEXES, IND_COLUMNS, IND_EXPRESSIONS. ``columns``: (column, expression, ASC or DESC), one of the first two."""
    connection = context.connection
    functional = any(e is not None or d == "DESC" for _, e, d in columns)
    index_type = f"FUNCTION-BASED {kind}" if functional else kind
    temporary = dd.rows(connection, "TABLES", "TEMPORARY", OWNER=table_owner, TABLE_NAME=table)
    dd.insert(
        connection,
        "INDEXES",
        OWNER=owner,
        INDEX_NAME=name,
        INDEX_TYPE=index_type,
        TABLE_OWNER=table_owner,
        TABLE_NAME=table,
        TABLE_TYPE="TABLE",
        UNIQUENESS="UNIQUE" if unique else "NONUNIQUE",
        COMPRESSION="DISABLED",
        TABLESPACE_NAME="USERS",
        INI_TRANS=2,
        MAX_TRANS=255,
        PCT_FREE=10,
        LOGGING="YES",
        STATUS="N/A" if partitioned else status,
        DEGREE="1",
        INSTANCES="1",
        PARTITIONED="YES" if partitioned else "NO",
        TEMPORARY=str(temporary[0][0]) if temporary else "N",
        GENERATED="Y" if generated else "N",
        SECONDARY="N",
        BUFFER_POOL="DEFAULT",
        USER_STATS="NO",
        GLOBAL_STATS="NO",
        FUNCIDX_STATUS="ENABLED" if functional else None,
        JOIN_INDEX="NO",
        IOT_REDUNDANT_PKEY_ELIM="NO",
        DROPPED="NO",
        VISIBILITY="VISIBLE" if visible else "INVISIBLE",
        SEGMENT_CREATED="YES",
        INDEXING="FULL",
        CONSTRAINT_INDEX="YES" if constraint else "NO",
    )
    lengths = {
        str(c): (int(n or 0), int(k or 0))
        for c, n, k in dd.rows(
            connection, "TAB_COLS", "COLUMN_NAME", "DATA_LENGTH", "CHAR_LENGTH", OWNER=table_owner, TABLE_NAME=table
        )
    }
    object_id = add_object(context, owner, name, "INDEX", generated=generated)
    hidden = 0
    for position, (column, expression, descend) in enumerate(columns, 1):
        shown = column
        if expression is not None or descend == "DESC":
            hidden += 1
            shown = f"SYS_NC{object_id % 100000:05}{hidden}$"
            dd.insert(
                connection,
                "IND_EXPRESSIONS",
                INDEX_OWNER=owner,
                INDEX_NAME=name,
                TABLE_OWNER=table_owner,
                TABLE_NAME=table,
                COLUMN_EXPRESSION=expression if expression is not None else quote(column or ""),
                COLUMN_POSITION=position,
            )
        size, chars = lengths.get(column or "", (0, 0))
        dd.insert(
            connection,
            "IND_COLUMNS",
            INDEX_OWNER=owner,
            INDEX_NAME=name,
            TABLE_OWNER=table_owner,
            TABLE_NAME=table,
            COLUMN_NAME=shown,
            COLUMN_POSITION=position,
            COLUMN_LENGTH=size,
            CHAR_LENGTH=chars,
            DESCEND=descend,
        )


def drop_key_index(context: Context, owner: str, name: str) -> None:
    """The rows of a key's index that was made with the key; one that was there before stays."""
    if dd.exists(context.connection, "INDEXES", OWNER=owner, INDEX_NAME=name, CONSTRAINT_INDEX="YES"):
        drop_index_rows(context, owner, name)


def drop_index_rows(context: Context, owner: str, name: str) -> None:
    for family, key in (
        ("INDEXES", "OWNER"),
        ("IND_COLUMNS", "INDEX_OWNER"),
        ("IND_EXPRESSIONS", "INDEX_OWNER"),
        ("IND_PARTITIONS", "INDEX_OWNER"),
        ("PART_INDEXES", "OWNER"),
    ):
        dd.delete(context.connection, family, **{key: owner, "INDEX_NAME": name})
    dd.delete(context.connection, "OBJECTS", OWNER=owner, OBJECT_NAME=name, OBJECT_TYPE="INDEX")
