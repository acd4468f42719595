"""ALTER TABLE: its clauses but for those that change columns."""

from __future__ import annotations

from voyager_ops.testing.oracle import ddl_triggers
from voyager_ops.testing.oracle import dictionary as dd
from voyager_ops.testing.oracle.ddl_alter_columns import add_column, drop_column, modify_column, rename_column
from voyager_ops.testing.oracle.ddl_clauses import (
    check_column_name,
    parse_column,
    parse_constraint,
    parse_constraint_state,
    parse_log_group,
)
from voyager_ops.testing.oracle.ddl_constraints import add_constraint, drop_constraint, set_state
from voyager_ops.testing.oracle.ddl_context import Context, relation, touch
from voyager_ops.testing.oracle.ddl_create import record_log_group
from voyager_ops.testing.oracle.ddl_drop import known, rename_table
from voyager_ops.testing.oracle.ddl_model import Constraint
from voyager_ops.testing.oracle.ddl_partitioning import parse_partition
from voyager_ops.testing.oracle.ddl_partitions import check_partition, record_partition
from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.rewrite import quote
from voyager_ops.testing.oracle.tokens import Cursor
from voyager_ops.testing.oracle.translated import KEY_PREFIX

_OF_PARTITIONS = {"TRUNCATE", "EXCHANGE", "SPLIT", "MERGE", "RENAME", "COALESCE"}
# How and where a table is stored: taken and forgotten.
_STORED = {
    *("ALLOCATE", "ANNOTATIONS", "CACHE", "CLUSTERING", "COMPRESS", "DEALLOCATE", "DEFAULT", "FLASHBACK", "FOR", "FORCE", "ILM"),
    *("INDEXING", "INITRANS", "INMEMORY", "INSTANTIATE", "LOGGING", "MAPPING", "MAXTRANS", "MEMOPTIMIZE", "MINIMIZE"),
    *("MONITORING", "MOVE", "NO", "NOCACHE", "NOCOMPRESS", "NOFLASHBACK", "NOLOGGING", "NOMAPPING", "NOMEMOPTIMIZE"),
    *("NOMINIMIZE", "NOMONITORING", "NOPARALLEL", "NOROWDEPENDENCIES", "OVERFLOW", "PARALLEL", "PCTFREE", "PCTTHRESHOLD"),
    *("PCTUSED", "RECORDS_PER_BLOCK", "RESULT_CACHE", "ROW", "ROWDEPENDENCIES", "SEGMENT", "SET", "SHRINK", "STORAGE"),
    *("STORE", "TABLESPACE", "UPGRADE"),
}


def alter_table(context: Context, cursor: Cursor, semantics: str = "BYTE") -> tuple[str, str]:
    """After ALTER TABLE; (owner, table) as it is called afterwards."""
    owner, name = cursor.qualified()
    owner = owner or context.schema
    known(context, owner, name)
    while not cursor.done:
        name = _clause(context, cursor, owner, name, semantics)
    touch(context, owner, name)
    return owner, name


def _clause(context: Context, cursor: Cursor, owner: str, name: str, semantics: str) -> str:
    connection = context.connection
    if cursor.accept("ADD", "SUPPLEMENTAL", "LOG"):
        while True:
            record_log_group(context, owner, name, *parse_log_group(cursor))
            if not cursor.accept(","):
                break
            cursor.accept("SUPPLEMENTAL", "LOG")
    elif cursor.accept("DROP", "SUPPLEMENTAL", "LOG"):
        _drop_log_group(context, cursor, owner, name)
    elif cursor.accept("ADD", "PARTITION"):
        position = len(dd.rows(connection, "TAB_PARTITIONS", "PARTITION_NAME", TABLE_OWNER=owner, TABLE_NAME=name)) + 1
        kinds = dd.rows(connection, "PART_TABLES", "SUBPARTITIONING_TYPE", OWNER=owner, TABLE_NAME=name)
        if not kinds:
            raise OracleError(14501, "object is not partitioned")
        partition = parse_partition(cursor)
        check_partition(context, owner, name, partition)
        record_partition(context, owner, name, partition, position, composite=str(kinds[0][0]) != "NONE")
        dd.update(connection, "PART_TABLES", {"OWNER": owner, "TABLE_NAME": name}, PARTITION_COUNT=position)
    elif cursor.accept("DROP", "PARTITION"):
        dropped = cursor.name()
        if not dd.exists(connection, "PART_TABLES", OWNER=owner, TABLE_NAME=name):
            raise OracleError(14501, "object is not partitioned")
        if not dd.delete(connection, "TAB_PARTITIONS", TABLE_OWNER=owner, TABLE_NAME=name, PARTITION_NAME=dropped):
            raise OracleError(2149, "Specified partition does not exist")
        dd.delete(connection, "TAB_SUBPARTITIONS", TABLE_OWNER=owner, TABLE_NAME=name, PARTITION_NAME=dropped)
        dd.delete(connection, "OBJECTS", OWNER=owner, OBJECT_NAME=name, SUBOBJECT_NAME=dropped)
        cursor.rest()
    elif cursor.accept("ADD"):
        _add(context, cursor, owner, name, semantics)
    elif cursor.accept("MODIFY"):
        _modify(context, cursor, owner, name, semantics)
    elif cursor.accept("DROP"):
        _drop(context, cursor, owner, name)
    elif cursor.accept("SET", "UNUSED"):
        cursor.accept("COLUMN")
        for column in cursor.names() if cursor.is_word("(") else [cursor.name()]:
            drop_column(context, owner, name, column)
        cursor.rest()
    elif cursor.accept("RENAME", "TO"):
        new = cursor.name()
        rename_table(context, owner, name, new)
        return new
    elif cursor.accept("RENAME", "COLUMN"):
        old = cursor.name()
        cursor.expect("TO")
        rename_column(context, owner, name, old, cursor.name())
    elif cursor.accept("RENAME", "CONSTRAINT"):
        old = cursor.name()
        cursor.expect("TO")
        new = cursor.name()
        if not dd.exists(connection, "CONSTRAINTS", OWNER=owner, TABLE_NAME=name, CONSTRAINT_NAME=old):
            raise OracleError(23292, "The constraint does not exist")
        if dd.exists(connection, "CONSTRAINTS", OWNER=owner, CONSTRAINT_NAME=new):
            raise OracleError(2264, "name already used by an existing constraint")
        for family in ("CONSTRAINTS", "CONS_COLUMNS"):
            dd.update(connection, family, {"OWNER": owner, "CONSTRAINT_NAME": old}, CONSTRAINT_NAME=new)
        for prefix in ("", KEY_PREFIX):
            there = connection.execute(
                "SELECT FROM pg_constraint WHERE conname = %s AND conrelid = %s", (prefix + old, context.oid(owner, name))
            ).fetchone()
            if there is not None:  # a row of no columns
                context.run(
                    f"ALTER TABLE {relation(owner, name)} RENAME CONSTRAINT {quote(prefix + old)} TO {quote(prefix + new)}"
                )
    elif cursor.is_word("ENABLE") or cursor.is_word("DISABLE"):
        _enable(context, cursor, owner, name)
    elif cursor.accept("READ", "ONLY"):
        dd.update(connection, "TABLES", {"OWNER": owner, "TABLE_NAME": name}, READ_ONLY="YES")
    elif cursor.accept("READ", "WRITE"):
        dd.update(connection, "TABLES", {"OWNER": owner, "TABLE_NAME": name}, READ_ONLY="NO")
    elif cursor.token.value in _OF_PARTITIONS:
        raise OracleError(3001, "unimplemented feature (simulator: a table's partitions are not stored apart)")
    elif cursor.token.value in _STORED:
        cursor.rest()
    else:
        raise OracleError(1735, "invalid ALTER TABLE option")
    return name


def _add(context: Context, cursor: Cursor, owner: str, name: str, semantics: str) -> None:
    grouped = cursor.accept("(")
    while True:
        if cursor.accept("SUPPLEMENTAL", "LOG"):
            record_log_group(context, owner, name, *parse_log_group(cursor))
        elif cursor.token.kind == "word" and (
            cursor.token.value in ("CONSTRAINT",)
            or (cursor.token.value in ("PRIMARY", "FOREIGN") and cursor.peek().value == "KEY")
            or (cursor.token.value in ("UNIQUE", "CHECK") and cursor.peek().value == "(")
        ):
            constraint = parse_constraint(cursor)
            assert constraint is not None
            add_constraint(context, owner, name, constraint)
        else:
            check_column_name(cursor)
            add_column(context, owner, name, parse_column(cursor, semantics))
        if grouped and cursor.accept(","):
            continue
        if grouped:
            cursor.expect(")")
        if (
            cursor.is_word("CONSTRAINT")
            or cursor.is_word("PRIMARY")
            or cursor.is_word("FOREIGN")
            or cursor.is_word("UNIQUE")
            or cursor.is_word("CHECK")
        ):
            grouped = False
            continue
        return


def _modify(context: Context, cursor: Cursor, owner: str, name: str, semantics: str) -> None:
    if cursor.accept("CONSTRAINT"):
        constraint = cursor.name()
        _modify_constraint(context, cursor, owner, name, constraint)
        return
    if cursor.accept("PRIMARY", "KEY"):
        ((constraint,),) = dd.rows(
            context.connection, "CONSTRAINTS", "CONSTRAINT_NAME", OWNER=owner, TABLE_NAME=name, CONSTRAINT_TYPE="P"
        )
        _modify_constraint(context, cursor, owner, name, str(constraint))
        return
    if cursor.is_word("DEFAULT") or cursor.is_word("LOB") or cursor.is_word("NESTED") or cursor.is_word("PARTITION"):
        cursor.rest()
        return
    grouped = cursor.accept("(")
    while True:
        modify_column(context, owner, name, parse_column(cursor, semantics, altering=True))
        if grouped and cursor.accept(","):
            continue
        if grouped:
            cursor.expect(")")
        return


def _modify_constraint(context: Context, cursor: Cursor, owner: str, name: str, constraint: str) -> None:
    state = Constraint("C", enabled=True)
    begin = cursor.at
    parse_constraint_state(cursor, state)
    words = {t.value for t in cursor.tokens[begin : cursor.at]}
    set_state(
        context,
        owner,
        name,
        constraint,
        enable=state.enabled if words & {"ENABLE", "DISABLE"} else None,
        validate=state.validated,
    )
    if "RELY" in words or "NORELY" in words:
        dd.update(
            context.connection,
            "CONSTRAINTS",
            {"OWNER": owner, "CONSTRAINT_NAME": constraint},
            RELY="RELY" if "RELY" in words else None,
        )


def _drop(context: Context, cursor: Cursor, owner: str, name: str) -> None:
    connection = context.connection
    if cursor.accept("CONSTRAINT"):
        constraint = cursor.name()
    elif cursor.accept("PRIMARY", "KEY"):
        found = dd.rows(connection, "CONSTRAINTS", "CONSTRAINT_NAME", OWNER=owner, TABLE_NAME=name, CONSTRAINT_TYPE="P")
        if not found:
            raise OracleError(2441, "Cannot drop nonexistent primary key")
        constraint = str(found[0][0])
    elif cursor.accept("UNIQUE"):
        columns = cursor.names()
        for (candidate,) in dd.rows(
            connection, "CONSTRAINTS", "CONSTRAINT_NAME", OWNER=owner, TABLE_NAME=name, CONSTRAINT_TYPE="U"
        ):
            have = [
                str(c)
                for (c,) in dd.rows(
                    connection, "CONS_COLUMNS", "COLUMN_NAME", order="POSITION", OWNER=owner, CONSTRAINT_NAME=str(candidate)
                )
            ]
            if have == columns:
                constraint = str(candidate)
                break
        else:
            raise OracleError(2442, "Cannot drop nonexistent unique key")
    elif cursor.accept("UNUSED"):
        cursor.rest()
        return
    else:
        cursor.accept("COLUMN")
        columns = cursor.names() if cursor.is_word("(") else [cursor.name()]
        cascade = cursor.accept("CASCADE", "CONSTRAINTS")
        for column in columns:
            drop_column(context, owner, name, column, cascade=cascade)
        return
    cascade = cursor.accept("CASCADE")
    keep = cursor.accept("KEEP", "INDEX")
    cursor.accept("DROP", "INDEX")
    drop_constraint(context, owner, name, constraint, cascade=cascade, keep_index=keep)


def _drop_log_group(context: Context, cursor: Cursor, owner: str, name: str) -> None:
    if cursor.accept("GROUP"):
        group = cursor.name()
        if not dd.delete(context.connection, "LOG_GROUPS", OWNER=owner, TABLE_NAME=name, LOG_GROUP_NAME=group):
            raise OracleError(32587, "Cannot drop nonexistent  supplemental logging")
        dd.delete(context.connection, "LOG_GROUP_COLUMNS", OWNER=owner, TABLE_NAME=name, LOG_GROUP_NAME=group)
        return
    kinds, _, _ = parse_log_group(cursor)
    names = {
        "ALL": "ALL COLUMN LOGGING",
        "PRIMARY KEY": "PRIMARY KEY LOGGING",
        "UNIQUE": "UNIQUE KEY LOGGING",
        "FOREIGN KEY": "FOREIGN KEY LOGGING",
    }
    for kind in kinds.split(","):
        if not dd.delete(context.connection, "LOG_GROUPS", OWNER=owner, TABLE_NAME=name, LOG_GROUP_TYPE=names[kind]):
            raise OracleError(32587, f"Cannot drop nonexistent {kind.lower()} column supplemental logging")


def _enable(context: Context, cursor: Cursor, owner: str, name: str) -> None:
    enable = cursor.accept("ENABLE")
    if not enable:
        cursor.expect("DISABLE")
    validate: bool | None = None
    if cursor.accept("VALIDATE"):
        validate = True
    elif cursor.accept("NOVALIDATE"):
        validate = False
    if cursor.accept("ALL", "TRIGGERS"):
        dd.update(
            context.connection, "TRIGGERS", {"TABLE_OWNER": owner, "TABLE_NAME": name}, STATUS="ENABLED" if enable else "DISABLED"
        )
        for t_owner, trigger in dd.rows(
            context.connection, "TRIGGERS", "OWNER", "TRIGGER_NAME", TABLE_OWNER=owner, TABLE_NAME=name
        ):
            ddl_triggers.install(context, str(t_owner), str(trigger))
            touch(context, str(t_owner), str(trigger))
        return
    if cursor.accept("CONSTRAINT"):
        constraint = cursor.name()
    elif cursor.accept("PRIMARY", "KEY"):
        found = dd.rows(context.connection, "CONSTRAINTS", "CONSTRAINT_NAME", OWNER=owner, TABLE_NAME=name, CONSTRAINT_TYPE="P")
        if not found:
            raise OracleError(2433, "cannot disable primary key - primary key not defined for table")
        constraint = str(found[0][0])
    elif cursor.accept("ROW", "MOVEMENT"):
        dd.update(
            context.connection, "TABLES", {"OWNER": owner, "TABLE_NAME": name}, ROW_MOVEMENT="ENABLED" if enable else "DISABLED"
        )
        return
    else:
        cursor.rest()
        return
    cascade = cursor.accept("CASCADE")
    if not enable and validate is None:
        validate = False
    set_state(context, owner, name, constraint, enable=enable, validate=validate, cascade=cascade)
    cursor.rest()
