"""Constraints: their rows in the dictionary and their states."""

from __future__ import annotations

from voyager_ops.testing.oracle import dictionary as dd
from voyager_ops.testing.oracle.ddl_checks import check_alike, check_condition, check_key
from voyager_ops.testing.oracle.ddl_context import Context, check_name
from voyager_ops.testing.oracle.ddl_enforce import enforce, unenforce
from voyager_ops.testing.oracle.ddl_index_rows import drop_key_index
from voyager_ops.testing.oracle.ddl_indexes import create_index
from voyager_ops.testing.oracle.ddl_model import Constraint
from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.tokens import Cursor, tokenize


def _columns(context: Context, owner: str, table: str) -> set[str]:
    return {str(r[0]) for r in dd.rows(context.connection, "TAB_COLS", "COLUMN_NAME", OWNER=owner, TABLE_NAME=table)}


def _types(context: Context, owner: str, table: str) -> dict[str, str]:
    found = dd.rows(context.connection, "TAB_COLS", "COLUMN_NAME", "DATA_TYPE", OWNER=owner, TABLE_NAME=table)
    return {str(column): str(kind) for column, kind in found}


def add_constraint(context: Context, owner: str, table: str, constraint: Constraint) -> None:
    """Record it and, when enabled, have it enforced."""
    connection = context.connection
    name = constraint.name or f"SYS_C{context.next_id():08}"
    check_name(name)
    if dd.exists(connection, "CONSTRAINTS", OWNER=owner, CONSTRAINT_NAME=name):
        raise OracleError(2264, "name already used by an existing constraint")
    known = _columns(context, owner, table)
    for column in constraint.columns:
        if column not in known:
            raise OracleError(904, f'"{column}": invalid identifier')
    types = _types(context, owner, table)
    if constraint.kind in ("P", "U"):
        check_key([types[c] for c in constraint.columns], constraint.columns)
    if constraint.kind == "C":
        check_condition(constraint.condition, constraint.columns, known)
        lone = constraint.condition.strip().strip('"').upper()
        if lone in types and types[lone] != "BOOLEAN":
            raise OracleError(920, "invalid relational operator")
    if constraint.kind == "P" and dd.exists(connection, "CONSTRAINTS", OWNER=owner, TABLE_NAME=table, CONSTRAINT_TYPE="P"):
        raise OracleError(2260, "table can have only one primary key")
    r_owner, r_name = _referenced(context, owner, table, constraint) if constraint.kind == "R" else (None, None)
    if constraint.kind not in ("C", "N"):
        _check_new(context, owner, table, constraint, r_name)
    if r_owner is not None:
        referenced = _types(context, r_owner, constraint.r_table)
        check_alike([types[c] for c in constraint.columns], [referenced[c] for c in constraint.r_columns])
    validated = constraint.validated if constraint.validated is not None else constraint.enabled
    kind = "C" if constraint.kind == "N" else constraint.kind
    condition = constraint.condition or None
    key = kind in ("P", "U")
    if key and constraint.enabled and constraint.create_index:
        text = Cursor(constraint.create_index)
        text.expect("CREATE")
        unique = text.accept("UNIQUE")
        text.expect("INDEX")
        constraint.using_index = create_index(context, text, unique=unique)[1]
    dd.insert(
        connection,
        "CONSTRAINTS",
        OWNER=owner,
        CONSTRAINT_NAME=name,
        CONSTRAINT_TYPE=kind,
        TABLE_NAME=table,
        SEARCH_CONDITION=condition,
        SEARCH_CONDITION_VC=condition,
        R_OWNER=r_owner,
        R_CONSTRAINT_NAME=r_name,
        DELETE_RULE=constraint.delete_rule if kind == "R" else None,
        STATUS="ENABLED" if constraint.enabled else "DISABLED",
        DEFERRABLE="DEFERRABLE" if constraint.deferrable else "NOT DEFERRABLE",
        DEFERRED="DEFERRED" if constraint.deferred else "IMMEDIATE",
        VALIDATED="VALIDATED" if validated else "NOT VALIDATED",
        GENERATED="USER NAME" if constraint.name else "GENERATED NAME",
        RELY="RELY" if constraint.rely else None,
        INDEX_NAME=constraint.using_index if key and constraint.enabled else None,
        ORIGIN_CON_ID=3,
    )
    connection.execute(
        'UPDATE ora."CONSTRAINTS" SET "LAST_CHANGE" = ora.sysdate() WHERE "OWNER" = %s::text AND "CONSTRAINT_NAME" = %s::text',
        (owner, name),
    )
    columns = constraint.columns or [c for c in sorted(known) if kind == "C" and _mentions(constraint.condition, c)]
    for position, column in enumerate(columns, 1):
        dd.insert(
            connection,
            "CONS_COLUMNS",
            OWNER=owner,
            CONSTRAINT_NAME=name,
            TABLE_NAME=table,
            COLUMN_NAME=column,
            POSITION=None if kind == "C" else position,
        )
    if constraint.enabled:
        enforce(context, owner, table, name)


def _check_new(context: Context, owner: str, table: str, constraint: Constraint, r_name: str | None) -> None:
    """ORA-02261/02275 when the table has such a key already."""
    foreign = constraint.kind == "R"
    for name, kind, other in dd.rows(
        context.connection,
        "CONSTRAINTS",
        "CONSTRAINT_NAME",
        "CONSTRAINT_TYPE",
        "R_CONSTRAINT_NAME",
        OWNER=owner,
        TABLE_NAME=table,
    ):
        if (str(kind) == "R") != foreign or str(kind) == "C" or (foreign and other != r_name):
            continue
        columns = dd.rows(
            context.connection, "CONS_COLUMNS", "COLUMN_NAME", order="POSITION", OWNER=owner, CONSTRAINT_NAME=str(name)
        )
        if [str(column) for (column,) in columns] == constraint.columns:
            if foreign:
                raise OracleError(2275, "such a referential constraint already exists in the table")
            raise OracleError(2261, "such unique or primary key already exists in the table")


def _mentions(condition: str, column: str) -> bool:
    return any(t.is_name and t.value == column for t in tokenize(condition))


def _referenced(context: Context, owner: str, table: str, constraint: Constraint) -> tuple[str, str]:
    r_owner = constraint.r_owner or owner
    keys = dd.rows(
        context.connection, "CONSTRAINTS", "CONSTRAINT_NAME", "CONSTRAINT_TYPE", OWNER=r_owner, TABLE_NAME=constraint.r_table
    )
    if not dd.exists(context.connection, "TABLES", OWNER=r_owner, TABLE_NAME=constraint.r_table):
        raise OracleError(942, "table or view does not exist")
    there = _columns(context, r_owner, constraint.r_table)
    for column in constraint.r_columns:
        if column not in there:
            raise OracleError(904, f'"{column}": invalid identifier')
    for name, kind in keys:
        if str(kind) not in ("P", "U"):
            continue
        columns = [
            str(r[0])
            for r in dd.rows(
                context.connection, "CONS_COLUMNS", "COLUMN_NAME", order="POSITION", OWNER=r_owner, CONSTRAINT_NAME=str(name)
            )
        ]
        if (not constraint.r_columns and str(kind) == "P") or (
            constraint.r_columns and sorted(columns) == sorted(constraint.r_columns)
        ):
            if not constraint.r_columns:
                constraint.r_columns = columns
            if len(constraint.r_columns) != len(constraint.columns):
                raise OracleError(2256, "number of referencing columns must match referenced columns")
            return r_owner, str(name)
    if constraint.r_columns:
        raise OracleError(2270, "no matching unique or primary key for this column-list")
    raise OracleError(2268, "referenced table does not have a primary key")


def set_state(
    context: Context,
    owner: str,
    table: str,
    name: str,
    *,
    enable: bool | None = None,
    validate: bool | None = None,
    cascade: bool = False,
) -> None:
    """ENABLE/DISABLE, VALIDATE/NOVALIDATE of one constraint."""
    connection = context.connection
    found = dd.rows(
        connection,
        "CONSTRAINTS",
        "CONSTRAINT_TYPE",
        "STATUS",
        "VALIDATED",
        "INDEX_NAME",
        OWNER=owner,
        TABLE_NAME=table,
        CONSTRAINT_NAME=name,
    )
    if not found:
        raise OracleError(
            2430 if enable else 2431, f"cannot {'enable' if enable else 'disable'} constraint ({name}) - no such constraint"
        )
    ((kind, status, was_validated, index),) = found
    now_enabled = enable if enable is not None else status == "ENABLED"
    validated = validate if validate is not None else (now_enabled if enable is not None else was_validated == "VALIDATED")
    keys = {"OWNER": owner, "CONSTRAINT_NAME": name}
    if not now_enabled and kind in ("P", "U"):
        users = dd.rows(
            connection,
            "CONSTRAINTS",
            "OWNER",
            "TABLE_NAME",
            "CONSTRAINT_NAME",
            R_OWNER=owner,
            R_CONSTRAINT_NAME=name,
            STATUS="ENABLED",
        )
        if users and not cascade:
            raise OracleError(2297, f"cannot disable constraint ({owner}.{name}) - dependencies exist")
        for u_owner, u_table, u_name in users:
            set_state(context, str(u_owner), str(u_table), str(u_name), enable=False)
    if status == "ENABLED":
        unenforce(context, owner, table, name)
    dd.update(
        connection,
        "CONSTRAINTS",
        keys,
        STATUS="ENABLED" if now_enabled else "DISABLED",
        VALIDATED="VALIDATED" if validated else "NOT VALIDATED",
    )
    if kind in ("P", "U") and not now_enabled:
        drop_key_index(context, owner, str(index or name))
        dd.update(connection, "CONSTRAINTS", keys, INDEX_OWNER=None, INDEX_NAME=None)
    if now_enabled:
        enforce(context, owner, table, name)


def drop_constraint(
    context: Context, owner: str, table: str, name: str, *, cascade: bool = False, keep_index: bool = False
) -> None:
    connection = context.connection
    found = dd.rows(
        connection, "CONSTRAINTS", "CONSTRAINT_TYPE", "STATUS", "INDEX_NAME", OWNER=owner, TABLE_NAME=table, CONSTRAINT_NAME=name
    )
    if not found:
        raise OracleError(2443, "Cannot drop constraint  - nonexistent constraint")
    ((kind, status, index),) = found
    users = (
        dd.rows(connection, "CONSTRAINTS", "OWNER", "TABLE_NAME", "CONSTRAINT_NAME", R_OWNER=owner, R_CONSTRAINT_NAME=name)
        if kind in ("P", "U")
        else []
    )
    if users and not cascade:
        raise OracleError(2273, "this unique/primary key is referenced by some foreign keys")
    for u_owner, u_table, u_name in users:
        drop_constraint(context, str(u_owner), str(u_table), str(u_name))
    if status == "ENABLED":
        unenforce(context, owner, table, name)
    if index is not None and not keep_index:
        drop_key_index(context, owner, str(index))
    dd.delete(connection, "CONSTRAINTS", OWNER=owner, CONSTRAINT_NAME=name)
    dd.delete(connection, "CONS_COLUMNS", OWNER=owner, CONSTRAINT_NAME=name)
