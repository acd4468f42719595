"""DROP TABLE, TRUNCATE, RENAME."""

from __future__ import annotations

from voyager_ops.testing.oracle import ddl_triggers
from voyager_ops.testing.oracle import dictionary as dd
from voyager_ops.testing.oracle.ddl_constraints import drop_constraint
from voyager_ops.testing.oracle.ddl_context import Context, check_free, check_name, relation, touch
from voyager_ops.testing.oracle.ddl_index_rows import drop_index_rows
from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.rewrite import quote
from voyager_ops.testing.oracle.tokens import Cursor

# Family and column: where a table's rows are.
_TABLE_ROWS = (
    ("TABLES", "OWNER", "TABLE_NAME"),
    ("TAB_COLS", "OWNER", "TABLE_NAME"),
    ("TAB_IDENTITY_COLS", "OWNER", "TABLE_NAME"),
    ("CONSTRAINTS", "OWNER", "TABLE_NAME"),
    ("CONS_COLUMNS", "OWNER", "TABLE_NAME"),
    ("INDEXES", "TABLE_OWNER", "TABLE_NAME"),
    ("IND_COLUMNS", "TABLE_OWNER", "TABLE_NAME"),
    ("IND_EXPRESSIONS", "TABLE_OWNER", "TABLE_NAME"),
    ("PART_TABLES", "OWNER", "TABLE_NAME"),
    ("PART_INDEXES", "OWNER", "TABLE_NAME"),
    ("TAB_PARTITIONS", "TABLE_OWNER", "TABLE_NAME"),
    ("TAB_SUBPARTITIONS", "TABLE_OWNER", "TABLE_NAME"),
    ("SUBPARTITION_TEMPLATES", "USER_NAME", "TABLE_NAME"),
    ("PART_KEY_COLUMNS", "OWNER", "NAME"),
    ("SUBPART_KEY_COLUMNS", "OWNER", "NAME"),
    ("TAB_COMMENTS", "OWNER", "TABLE_NAME"),
    ("COL_COMMENTS", "OWNER", "TABLE_NAME"),
    ("LOG_GROUPS", "OWNER", "TABLE_NAME"),
    ("LOG_GROUP_COLUMNS", "OWNER", "TABLE_NAME"),
    ("LOBS", "OWNER", "TABLE_NAME"),
    ("XML_TAB_COLS", "OWNER", "TABLE_NAME"),
    ("EXTERNAL_TABLES", "OWNER", "TABLE_NAME"),
    ("TRIGGERS", "TABLE_OWNER", "TABLE_NAME"),
    ("TRIGGER_COLS", "TABLE_OWNER", "TABLE_NAME"),
    ("TAB_PRIVS_", "OWNER", "TABLE_NAME"),
    ("COL_PRIVS_", "OWNER", "TABLE_NAME"),
    ("OBJECT_TABLES", "OWNER", "TABLE_NAME"),
    ("XML_TABLES", "OWNER", "TABLE_NAME"),
)


def known(context: Context, owner: str, name: str) -> None:
    if not dd.exists(context.connection, "TABLES", OWNER=owner, TABLE_NAME=name):
        raise OracleError(942, "table or view does not exist")


def rename_table(context: Context, owner: str, old: str, new: str) -> None:
    check_name(new)
    check_free(context, owner, new)
    context.run(f"ALTER TABLE {relation(owner, old)} RENAME TO {quote(new)}")
    for family, owner_column, name_column in _TABLE_ROWS:
        dd.update(context.connection, family, {owner_column: owner, name_column: old}, **{name_column: new})
    dd.update(context.connection, "OBJECTS", {"OWNER": owner, "OBJECT_NAME": old, "OBJECT_TYPE": "TABLE"}, OBJECT_NAME=new)


def drop_table(context: Context, cursor: Cursor) -> tuple[str, str] | None:
    """After DROP TABLE; (owner, table), None when IF EXISTS met nothing."""
    quiet = cursor.accept("IF", "EXISTS")
    owner, name = cursor.qualified()
    owner = owner or context.schema
    cascade = cursor.accept("CASCADE", "CONSTRAINTS")
    cursor.accept("PURGE")
    if quiet and not dd.exists(context.connection, "TABLES", OWNER=owner, TABLE_NAME=name):
        return None
    known(context, owner, name)
    for (constraint,) in dd.rows(context.connection, "CONSTRAINTS", "CONSTRAINT_NAME", OWNER=owner, TABLE_NAME=name):
        for r_owner, r_table, r_name in dd.rows(
            context.connection,
            "CONSTRAINTS",
            "OWNER",
            "TABLE_NAME",
            "CONSTRAINT_NAME",
            R_OWNER=owner,
            R_CONSTRAINT_NAME=str(constraint),
        ):
            if (str(r_owner), str(r_table)) == (owner, name):
                continue
            if not cascade:
                raise OracleError(2449, "unique/primary keys in table referenced by foreign keys")
            drop_constraint(context, str(r_owner), str(r_table), str(r_name))
    for (sequence,) in dd.rows(context.connection, "TAB_IDENTITY_COLS", "SEQUENCE_NAME", OWNER=owner, TABLE_NAME=name):
        context.run(f"DROP SEQUENCE {relation(owner, str(sequence))} CASCADE")
        dd.delete(context.connection, "SEQUENCES_", SEQUENCE_OWNER=owner, SEQUENCE_NAME=str(sequence))
        dd.delete(context.connection, "OBJECTS", OWNER=owner, OBJECT_NAME=str(sequence))
    for (nested,) in dd.rows(context.connection, "NESTED_TABLES", "TABLE_NAME", OWNER=owner, PARENT_TABLE_NAME=name):
        dd.delete(context.connection, "TABLES", OWNER=owner, TABLE_NAME=str(nested))
        dd.delete(context.connection, "OBJECTS", OWNER=owner, OBJECT_NAME=str(nested))
    dd.delete(context.connection, "NESTED_TABLES", OWNER=owner, PARENT_TABLE_NAME=name)
    for index_owner, index in dd.rows(context.connection, "INDEXES", "OWNER", "INDEX_NAME", TABLE_OWNER=owner, TABLE_NAME=name):
        drop_index_rows(context, str(index_owner), str(index))
    for trigger_owner, trigger in dd.rows(
        context.connection, "TRIGGERS", "OWNER", "TRIGGER_NAME", TABLE_OWNER=owner, TABLE_NAME=name
    ):
        dd.delete(context.connection, "OBJECTS", OWNER=str(trigger_owner), OBJECT_NAME=str(trigger), OBJECT_TYPE="TRIGGER")
        dd.delete(context.connection, "SOURCE", OWNER=str(trigger_owner), NAME=str(trigger), TYPE="TRIGGER")
        ddl_triggers.remove(context, str(trigger_owner), str(trigger))
    for family, owner_column, name_column in _TABLE_ROWS:
        dd.delete(context.connection, family, **{owner_column: owner, name_column: name})
    for kind in ("TABLE", "TABLE PARTITION", "TABLE SUBPARTITION"):
        dd.delete(context.connection, "OBJECTS", OWNER=owner, OBJECT_NAME=name, OBJECT_TYPE=kind)
    context.connection.execute(
        'UPDATE ora."OBJECTS" SET "STATUS" = \'INVALID\' WHERE ("OWNER"::text, "OBJECT_NAME"::text) IN'
        ' (SELECT "OWNER"::text, "NAME"::text FROM ora."DEPENDENCIES" WHERE "REFERENCED_OWNER" = %s::text AND'
        ' "REFERENCED_NAME" = %s::text)',
        (owner, name),
    )
    context.run(f"DROP TABLE {relation(owner, name)} CASCADE")
    return owner, name


def truncate(context: Context, cursor: Cursor) -> tuple[str, str]:
    """After TRUNCATE TABLE."""
    owner, name = cursor.qualified()
    owner = owner or context.schema
    known(context, owner, name)
    cascade = "CASCADE" in cursor.rest().upper()
    for (constraint,) in dd.rows(context.connection, "CONSTRAINTS", "CONSTRAINT_NAME", OWNER=owner, TABLE_NAME=name):
        for r_owner, r_table in dd.rows(
            context.connection,
            "CONSTRAINTS",
            "OWNER",
            "TABLE_NAME",
            R_OWNER=owner,
            R_CONSTRAINT_NAME=str(constraint),
            STATUS="ENABLED",
        ):
            if (str(r_owner), str(r_table)) != (owner, name) and not cascade:
                raise OracleError(2266, "unique/primary keys in table referenced by enabled foreign keys")
    for emptied in sorted(_with_children(context, (owner, name)) if cascade else {(owner, name)}):
        _new_segments(context, *emptied)
    context.run(f"TRUNCATE {relation(owner, name)}{' CASCADE' if cascade else ''}")
    return owner, name


def _with_children(context: Context, table: tuple[str, str]) -> set[tuple[str, str]]:
    """A table, and all that refer to it by foreign keys, directly or not."""
    found, ahead = {table}, [table]
    while ahead:
        owner, name = ahead.pop()
        for (constraint,) in dd.rows(context.connection, "CONSTRAINTS", "CONSTRAINT_NAME", OWNER=owner, TABLE_NAME=name):
            for r_owner, r_table in dd.rows(
                context.connection, "CONSTRAINTS", "OWNER", "TABLE_NAME", R_OWNER=owner, R_CONSTRAINT_NAME=str(constraint)
            ):
                child = (str(r_owner), str(r_table))
                if child not in found:
                    found.add(child)
                    ahead.append(child)
    return found


def _new_segments(context: Context, owner: str, name: str) -> None:
    """Of a table that is about to be emptied: one that holds no row keeps its segments as they are."""
    touch(context, owner, name)
    if context.connection.execute(f"SELECT FROM {relation(owner, name)} LIMIT 1").fetchone() is None:
        return
    for kind, row in (
        ("TABLE", name),
        ("TABLE PARTITION", name),
        ("TABLE SUBPARTITION", name),
        *_index_of_rows(context, owner, name),
    ):
        objects = dd.rows(
            context.connection, "OBJECTS", "OBJECT_ID", "DATA_OBJECT_ID", OWNER=owner, OBJECT_NAME=row, OBJECT_TYPE=kind
        )
        for number, data in objects:
            if data is not None:
                dd.update(context.connection, "OBJECTS", {"OBJECT_ID": number}, DATA_OBJECT_ID=context.next_id())


def _index_of_rows(context: Context, owner: str, name: str) -> list[tuple[str, str]]:
    rows = dd.rows(context.connection, "INDEXES", "INDEX_NAME", TABLE_OWNER=owner, TABLE_NAME=name, INDEX_TYPE="IOT - TOP")
    return [("INDEX", str(index)) for (index,) in rows]
