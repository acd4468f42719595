"""Constraints: their rows in the dictionary, and PostgreSQL's constraints for those that are enabled."""

from __future__ import annotations

from voyager_ops.testing.oracle import dictionary as dd
from voyager_ops.testing.oracle.ddl_create import INDEX_PREFIX, Context, add_object, check_name, relation
from voyager_ops.testing.oracle.ddl_tables import Constraint
from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.rewrite import quote


def _columns(context: Context, owner: str, table: str) -> set[str]:
    return {str(r[0]) for r in dd.rows(context.connection, "TAB_COLS", "COLUMN_NAME", OWNER=owner, TABLE_NAME=table)}


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
    if constraint.kind == "P" and dd.exists(connection, "CONSTRAINTS", OWNER=owner, TABLE_NAME=table, CONSTRAINT_TYPE="P"):
        raise OracleError(2260, "table can have only one primary key")
    r_owner, r_name = _referenced(context, owner, table, constraint) if constraint.kind == "R" else (None, None)
    validated = constraint.validated if constraint.validated is not None else constraint.enabled
    kind = "C" if constraint.kind == "N" else constraint.kind
    condition = constraint.condition or None
    key = kind in ("P", "U")
    index = constraint.using_index or name
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
        INDEX_OWNER=owner if key and constraint.enabled else None,
        INDEX_NAME=index if key and constraint.enabled else None,
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


def _mentions(condition: str, column: str) -> bool:
    from voyager_ops.testing.oracle.tokens import tokenize

    return any(t.is_name and t.value == column for t in tokenize(condition))


def _referenced(context: Context, owner: str, table: str, constraint: Constraint) -> tuple[str, str]:
    r_owner = constraint.r_owner or owner
    keys = dd.rows(
        context.connection, "CONSTRAINTS", "CONSTRAINT_NAME", "CONSTRAINT_TYPE", OWNER=r_owner, TABLE_NAME=constraint.r_table
    )
    if not dd.exists(context.connection, "TABLES", OWNER=r_owner, TABLE_NAME=constraint.r_table):
        raise OracleError(942, "table or view does not exist")
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


def enforce(context: Context, owner: str, table: str, name: str) -> None:
    """Create PostgreSQL's constraint for an enabled one."""
    connection = context.connection
    ((kind, condition, r_owner, r_name, rule, deferrable, deferred, validated, index),) = dd.rows(
        connection,
        "CONSTRAINTS",
        "CONSTRAINT_TYPE",
        "SEARCH_CONDITION",
        "R_OWNER",
        "R_CONSTRAINT_NAME",
        "DELETE_RULE",
        "DEFERRABLE",
        "DEFERRED",
        "VALIDATED",
        "INDEX_NAME",
        OWNER=owner,
        CONSTRAINT_NAME=name,
    )
    columns = [
        str(r[0]) for r in dd.rows(connection, "CONS_COLUMNS", "COLUMN_NAME", order="POSITION", OWNER=owner, CONSTRAINT_NAME=name)
    ]
    names = ", ".join(quote(c) for c in columns)
    later = (" DEFERRABLE" + (" INITIALLY DEFERRED" if deferred == "DEFERRED" else "")) if deferrable == "DEFERRABLE" else ""
    target = relation(owner, table)
    if kind in ("P", "U"):
        _check_state(context, target, columns, kind == "P", f"{owner}.{name}")
        context.run(
            f"ALTER TABLE {target} ADD CONSTRAINT {quote(INDEX_PREFIX + name)} {'PRIMARY KEY' if kind == 'P' else 'UNIQUE'}"
            f" ({names}){later}"
        )
        if kind == "P":
            for column in columns:
                dd.update(connection, "TAB_COLS", {"OWNER": owner, "TABLE_NAME": table, "COLUMN_NAME": column}, NULLABLE="N")
        if not dd.exists(connection, "INDEXES", OWNER=owner, INDEX_NAME=str(index or name)):
            record_index(
                context,
                owner,
                str(index or name),
                owner,
                table,
                [(c, None, "ASC") for c in columns],
                unique=True,
                generated=name.startswith("SYS_C"),
                constraint=True,
            )
            dd.update(
                connection,
                "CONSTRAINTS",
                {"OWNER": owner, "CONSTRAINT_NAME": name},
                INDEX_OWNER=owner,
                INDEX_NAME=str(index or name),
            )
        return
    late = "" if validated == "VALIDATED" else " NOT VALID"
    if kind == "R":
        ((r_table,),) = dd.rows(connection, "CONSTRAINTS", "TABLE_NAME", OWNER=str(r_owner), CONSTRAINT_NAME=str(r_name))
        r_columns = [
            str(r[0])
            for r in dd.rows(
                connection, "CONS_COLUMNS", "COLUMN_NAME", order="POSITION", OWNER=str(r_owner), CONSTRAINT_NAME=str(r_name)
            )
        ]
        on_delete = "" if rule == "NO ACTION" else f" ON DELETE {rule}"
        try:
            context.run(
                f"ALTER TABLE {target} ADD CONSTRAINT {quote(name)} FOREIGN KEY ({names})"
                f" REFERENCES {relation(str(r_owner), str(r_table))}"
                f" ({', '.join(quote(c) for c in r_columns)}){on_delete}{later}{late}"
            )
        except OracleError as error:
            if error.code == 2291:
                raise OracleError(2298, f"cannot validate ({owner}.{name}) - parent keys not found") from error
            if error.code == 3001 and "no unique constraint" in error.message:
                raise OracleError(2270, "no matching unique or primary key for this column-list") from error
            raise
        return
    if len(columns) == 1 and str(condition) == f'"{columns[0]}" IS NOT NULL':
        if late:
            context.run(f"ALTER TABLE {target} ADD CONSTRAINT {quote(name)} NOT NULL {quote(columns[0])} NOT VALID")
        else:
            try:
                context.run(f"ALTER TABLE {target} ALTER {quote(columns[0])} SET NOT NULL")
            except OracleError as error:
                raise OracleError(2296, f"cannot enable ({owner}.{name}) - null values found") from error
            dd.update(connection, "TAB_COLS", {"OWNER": owner, "TABLE_NAME": table, "COLUMN_NAME": columns[0]}, NULLABLE="N")
        return
    try:
        context.run(f"ALTER TABLE {target} ADD CONSTRAINT {quote(name)} CHECK ({context.expression(str(condition))}){late}")
    except OracleError as error:
        if error.code == 2290:
            raise OracleError(2293, f"cannot validate ({owner}.{name}) - check constraint violated") from error
        raise


def _check_state(context: Context, target: str, columns: list[str], primary: bool, name: str) -> None:
    """ORA-02437/02299 before PostgreSQL says it in its own words."""
    names = ", ".join(quote(c) for c in columns)
    filled = " AND ".join(f"{quote(c)} IS NOT NULL" for c in columns)
    if (
        primary
        and context.connection.execute(f"SELECT FROM {target} WHERE NOT ({filled}) LIMIT 1".encode()).fetchone() is not None
    ):
        raise OracleError(1449, "column contains NULL values; cannot alter to NOT NULL")
    found = context.connection.execute(
        f"SELECT FROM {target} WHERE {filled} GROUP BY {names} HAVING count(*) > 1 LIMIT 1".encode()
    ).fetchone()
    if found is not None:
        raise OracleError(
            2437 if primary else 2299,
            f"cannot validate ({name}) - {'primary key violated' if primary else 'duplicate keys found'}",
        )


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
        drop_index_rows(context, owner, str(index or name))
        dd.update(connection, "CONSTRAINTS", keys, INDEX_OWNER=None, INDEX_NAME=None)
    if now_enabled:
        enforce(context, owner, table, name)


def unenforce(context: Context, owner: str, table: str, name: str) -> None:
    """Take PostgreSQL's constraint away."""
    connection = context.connection
    ((kind, condition),) = dd.rows(
        connection, "CONSTRAINTS", "CONSTRAINT_TYPE", "SEARCH_CONDITION", OWNER=owner, CONSTRAINT_NAME=name
    )
    columns = [str(r[0]) for r in dd.rows(connection, "CONS_COLUMNS", "COLUMN_NAME", OWNER=owner, CONSTRAINT_NAME=name)]
    target = relation(owner, table)
    if kind == "C" and len(columns) == 1 and str(condition) == f'"{columns[0]}" IS NOT NULL':
        in_key = connection.execute(
            'SELECT FROM ora."CONS_COLUMNS" c JOIN ora."CONSTRAINTS" k USING ("OWNER", "CONSTRAINT_NAME") WHERE k."OWNER" ='
            ' %s::text AND k."TABLE_NAME" = %s::text'
            ' AND k."CONSTRAINT_TYPE"::text = \'P\' AND k."STATUS"::text = \'ENABLED\' AND c."COLUMN_NAME" = %s::text',
            (owner, table, columns[0]),
        ).fetchone()
        if in_key is None:
            context.run(f"ALTER TABLE {target} ALTER {quote(columns[0])} DROP NOT NULL")
            dd.update(connection, "TAB_COLS", {"OWNER": owner, "TABLE_NAME": table, "COLUMN_NAME": columns[0]}, NULLABLE="Y")
        return
    context.run(f"ALTER TABLE {target} DROP CONSTRAINT {quote((INDEX_PREFIX if kind in ('P', 'U') else '') + name)}")
    if kind == "P":
        for column in columns:
            named = connection.execute(
                'SELECT FROM ora."CONSTRAINTS" k JOIN ora."CONS_COLUMNS" c USING ("OWNER", "CONSTRAINT_NAME") WHERE k."OWNER"'
                ' = %s::text AND k."TABLE_NAME" = %s::text'
                ' AND k."CONSTRAINT_TYPE"::text = \'C\' AND k."STATUS"::text = \'ENABLED\' AND k."SEARCH_CONDITION"::text = %s'
                ' AND c."COLUMN_NAME" = %s::text',
                (owner, table, f'"{column}" IS NOT NULL', column),
            ).fetchone()
            if named is None:
                context.run(f"ALTER TABLE {target} ALTER {quote(column)} DROP NOT NULL")
                dd.update(connection, "TAB_COLS", {"OWNER": owner, "TABLE_NAME": table, "COLUMN_NAME": column}, NULLABLE="Y")


def drop_constraint(
    context: Context, owner: str, table: str, name: str, *, cascade: bool = False, keep_index: bool = False
) -> None:
    connection = context.connection
    found = dd.rows(
        connection, "CONSTRAINTS", "CONSTRAINT_TYPE", "STATUS", "INDEX_NAME", OWNER=owner, TABLE_NAME=table, CONSTRAINT_NAME=name
    )
    if not found:
        raise OracleError(2443, "Cannot drop constraint - nonexistent constraint")
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
        drop_index_rows(context, owner, str(index))
    dd.delete(connection, "CONSTRAINTS", OWNER=owner, CONSTRAINT_NAME=name)
    dd.delete(connection, "CONS_COLUMNS", OWNER=owner, CONSTRAINT_NAME=name)


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
