"""ALTER TABLE, DROP TABLE, TRUNCATE, RENAME."""

from __future__ import annotations

from voyager_ops.testing.oracle import dictionary as dd
from voyager_ops.testing.oracle.datatypes import DataType
from voyager_ops.testing.oracle.ddl_constraints import add_constraint, drop_constraint, drop_index_rows, set_state
from voyager_ops.testing.oracle.ddl_create import (
    Context,
    add_object,
    add_postgres_column,
    add_virtual_column,
    check_free,
    check_name,
    check_type,
    length_check,
    make_identity,
    on_null_trigger,
    record_column,
    record_log_group,
    record_partition,
    relation,
    touch,
)
from voyager_ops.testing.oracle.ddl_tables import (
    Column,
    Constraint,
    parse_column,
    parse_constraint,
    parse_constraint_state,
    parse_log_group,
    parse_partition,
)
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


def _known(context: Context, owner: str, name: str) -> None:
    if not dd.exists(context.connection, "TABLES", OWNER=owner, TABLE_NAME=name):
        raise OracleError(942, "table or view does not exist")


def alter_table(context: Context, cursor: Cursor, semantics: str = "BYTE") -> tuple[str, str]:
    """After ALTER TABLE; (owner, table) as it is called afterwards."""
    owner, name = cursor.qualified()
    owner = owner or context.schema
    _known(context, owner, name)
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
        record_partition(context, owner, name, parse_partition(cursor), position, composite=str(kinds[0][0]) != "NONE")
        dd.update(connection, "PART_TABLES", {"OWNER": owner, "TABLE_NAME": name}, PARTITION_COUNT=position)
    elif cursor.accept("DROP", "PARTITION"):
        partition = cursor.name()
        if not dd.delete(connection, "TAB_PARTITIONS", TABLE_OWNER=owner, TABLE_NAME=name, PARTITION_NAME=partition):
            raise OracleError(2149, "Specified partition does not exist")
        dd.delete(connection, "TAB_SUBPARTITIONS", TABLE_OWNER=owner, TABLE_NAME=name, PARTITION_NAME=partition)
        dd.delete(connection, "OBJECTS", OWNER=owner, OBJECT_NAME=name, SUBOBJECT_NAME=partition)
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
        _rename_column(context, owner, name, old, cursor.name())
    elif cursor.accept("RENAME", "CONSTRAINT"):
        old = cursor.name()
        cursor.expect("TO")
        new = cursor.name()
        if not dd.exists(connection, "CONSTRAINTS", OWNER=owner, TABLE_NAME=name, CONSTRAINT_NAME=old):
            raise OracleError(23292, "The constraint does not exist")
        for family in ("CONSTRAINTS", "CONS_COLUMNS"):
            dd.update(connection, family, {"OWNER": owner, "CONSTRAINT_NAME": old}, CONSTRAINT_NAME=new)
        for prefix in ("", "I$"):
            if connection.execute(
                "SELECT FROM pg_constraint WHERE conname = %s AND conrelid = %s", (prefix + old, context.oid(owner, name))
            ).fetchone():
                context.run(
                    f"ALTER TABLE {relation(owner, name)} RENAME CONSTRAINT {quote(prefix + old)} TO {quote(prefix + new)}"
                )
    elif cursor.is_word("ENABLE") or cursor.is_word("DISABLE"):
        _enable(context, cursor, owner, name)
    elif cursor.accept("READ", "ONLY"):
        dd.update(connection, "TABLES", {"OWNER": owner, "TABLE_NAME": name}, READ_ONLY="YES")
    elif cursor.accept("READ", "WRITE"):
        dd.update(connection, "TABLES", {"OWNER": owner, "TABLE_NAME": name}, READ_ONLY="NO")
    elif cursor.accept("TRUNCATE", "PARTITION") or cursor.accept("TRUNCATE", "SUBPARTITION") or cursor.accept("EXCHANGE"):
        raise OracleError(3001, "unimplemented feature (simulator: a table's partitions are not stored apart)")
    else:
        cursor.rest()  # how and where it is stored
    return name


def _columns_of(context: Context, owner: str, name: str) -> dict[str, tuple[int | None, int]]:
    found = dd.rows(
        context.connection, "TAB_COLS", "COLUMN_NAME", "COLUMN_ID", "INTERNAL_COLUMN_ID", OWNER=owner, TABLE_NAME=name
    )
    return {str(c): (None if i is None else int(i), int(k or 0)) for c, i, k in found}


def _add(context: Context, cursor: Cursor, owner: str, name: str, semantics: str) -> None:
    grouped = cursor.accept("(")
    cursor.accept("COLUMN")
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
            _add_column(context, owner, name, parse_column(cursor, semantics))
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


def _add_column(context: Context, owner: str, name: str, column: Column) -> None:
    known = _columns_of(context, owner, name)
    if column.name in known:
        raise OracleError(1430, "column being added already exists in table")
    check_name(column.name)
    if column.type is None:
        column.type = DataType("NUMBER")
    check_type(context, column)
    internal = max((k for _, k in known.values()), default=0) + 1
    if column.identity:
        make_identity(context, owner, name, context.oid(owner, name), column)
        column.nullable = False
    if column.on_null:
        column.nullable = False
    if column.nullable is False and column.default is None and column.virtual is None:
        row = context.connection.execute(f"SELECT FROM {relation(owner, name)} LIMIT 1".encode()).fetchone()
        if row is not None:
            raise OracleError(1758, "table must be empty to add mandatory (NOT NULL) column")
    if column.virtual is not None:
        add_virtual_column(context, owner, name, column)
    else:
        context.run(f"ALTER TABLE {relation(owner, name)} ADD {add_postgres_column(context, owner, name, column)}")
    column_id = None if column.invisible else max((i for i, _ in known.values() if i is not None), default=0) + 1
    record_column(context, owner, name, column, column_id, internal, nullable=column.nullable is not False)
    dd.insert(context.connection, "COL_COMMENTS", OWNER=owner, TABLE_NAME=name, COLUMN_NAME=column.name)
    if column.on_null:
        on_null_trigger(context, owner, name)
    constraints = list(column.constraints)
    if column.nullable is False and not any(k.kind == "N" for k in constraints):
        constraints.append(Constraint("N", None, [column.name], condition=f'"{column.name}" IS NOT NULL'))
    for constraint in constraints:
        add_constraint(context, owner, name, constraint)


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
        _modify_column(context, owner, name, parse_column(cursor, semantics, altering=True))
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


def _modify_column(context: Context, owner: str, name: str, column: Column) -> None:
    keys = {"OWNER": owner, "TABLE_NAME": name, "COLUMN_NAME": column.name}
    if not dd.exists(context.connection, "TAB_COLS", **keys):
        raise OracleError(904, f'"{column.name}": invalid identifier')
    target = f"ALTER TABLE {relation(owner, name)}"
    if column.type is not None:
        check_type(context, column)
        context.run(f"{target} DROP CONSTRAINT IF EXISTS {quote('L$' + column.name[:50])}")
        check = length_check(owner, name, column.name, column.type)
        try:
            context.run(
                f"{target} ALTER {quote(column.name)} TYPE {column.type.postgres} USING"
                f" {quote(column.name)}::{column.type.postgres}"
            )
            if check is not None:
                context.run(f"{target} ADD CONSTRAINT {quote('L$' + column.name[:50])} CHECK ({check})")
        except OracleError as error:
            if error.code == 12899:
                raise OracleError(1441, "cannot decrease column length because some value is too big") from error
            if error.code == 1438:
                raise OracleError(1440, "column to be modified must be empty to decrease precision or scale") from error
            raise
        kind = column.type
        character = kind.name in ("VARCHAR2", "NVARCHAR2", "CHAR", "NCHAR")
        dd.update(
            context.connection,
            "TAB_COLS",
            keys,
            DATA_TYPE=kind.dictionary_name,
            DATA_LENGTH=kind.dictionary_length,
            DATA_PRECISION=kind.precision if not kind.name.startswith("TIMESTAMP") else None,
            DATA_SCALE=kind.scale,
            CHAR_LENGTH=kind.length if character else 0,
            CHAR_USED=("C" if kind.chars else "B") if character else None,
            CHAR_COL_DECL_LENGTH=kind.bytes if character else None,
        )
    if column.default is not None:
        if column.default.strip().upper() == "NULL":
            context.run(f"{target} ALTER {quote(column.name)} DROP DEFAULT")
        else:
            context.run(f"{target} ALTER {quote(column.name)} SET DEFAULT {context.expression(column.default)}")
        dd.update(
            context.connection,
            "TAB_COLS",
            keys,
            DATA_DEFAULT=column.default,
            DEFAULT_LENGTH=len(column.default),
            DEFAULT_ON_NULL="YES" if column.on_null else "NO",
        )
        on_null_trigger(context, owner, name)
    if column.identity == "DROP":
        _drop_identity(context, owner, name, column.name)
    elif column.identity and dd.exists(context.connection, "TAB_IDENTITY_COLS", **keys):
        dd.update(context.connection, "TAB_IDENTITY_COLS", keys, GENERATION_TYPE=column.identity)
        if column.sequence is not None and column.sequence.start is not None:
            ((sequence,),) = dd.rows(context.connection, "TAB_IDENTITY_COLS", "SEQUENCE_NAME", **keys)
            context.run(f"ALTER SEQUENCE {relation(owner, str(sequence))} RESTART WITH {column.sequence.start}")
            dd.update(
                context.connection,
                "SEQUENCES_",
                {"SEQUENCE_OWNER": owner, "SEQUENCE_NAME": str(sequence)},
                START_WITH=column.sequence.start,
            )
        elif column.sequence is not None and column.sequence.start_limit:
            _start_limit(context, owner, name, column.name)
    if column.invisible is not None:
        dd.update(context.connection, "TAB_COLS", keys, HIDDEN_COLUMN="YES" if column.invisible else "NO", COLUMN_ID=None)
        _renumber(context, owner, name)
    if column.nullable is True:
        for (constraint,) in dd.rows(
            context.connection,
            "CONSTRAINTS",
            "CONSTRAINT_NAME",
            OWNER=owner,
            TABLE_NAME=name,
            SEARCH_CONDITION_VC=f'"{column.name}" IS NOT NULL',
        ):
            drop_constraint(context, owner, name, str(constraint))
            break
        else:
            raise OracleError(1451, "column to be modified to NULL cannot be modified to NULL")
    for constraint in column.constraints:
        if constraint.kind == "N" and dd.exists(
            context.connection,
            "CONSTRAINTS",
            OWNER=owner,
            TABLE_NAME=name,
            SEARCH_CONDITION_VC=constraint.condition,
            STATUS="ENABLED",
        ):
            raise OracleError(1442, "column to be modified to NOT NULL is already NOT NULL")
        add_constraint(context, owner, name, constraint)


def _start_limit(context: Context, owner: str, name: str, column: str) -> None:
    ((sequence,),) = dd.rows(
        context.connection, "TAB_IDENTITY_COLS", "SEQUENCE_NAME", OWNER=owner, TABLE_NAME=name, COLUMN_NAME=column
    )
    row = context.connection.execute(
        f"SELECT coalesce(max({quote(column)}), 0) + 1 FROM {relation(owner, name)}".encode()
    ).fetchone()
    assert row is not None
    context.run(f"ALTER SEQUENCE {relation(owner, str(sequence))} RESTART WITH {int(row[0])}")
    dd.update(context.connection, "SEQUENCES_", {"SEQUENCE_OWNER": owner, "SEQUENCE_NAME": str(sequence)}, START_WITH=int(row[0]))


def _drop_identity(context: Context, owner: str, name: str, column: str) -> None:
    keys = {"OWNER": owner, "TABLE_NAME": name, "COLUMN_NAME": column}
    for (sequence,) in dd.rows(context.connection, "TAB_IDENTITY_COLS", "SEQUENCE_NAME", **keys):
        context.run(f"ALTER TABLE {relation(owner, name)} ALTER {quote(column)} DROP DEFAULT")
        context.run(f"DROP SEQUENCE {relation(owner, str(sequence))}")
        dd.delete(context.connection, "SEQUENCES_", SEQUENCE_OWNER=owner, SEQUENCE_NAME=str(sequence))
        dd.delete(context.connection, "OBJECTS", OWNER=owner, OBJECT_NAME=str(sequence))
    dd.delete(context.connection, "TAB_IDENTITY_COLS", **keys)
    dd.update(context.connection, "TAB_COLS", keys, IDENTITY_COLUMN="NO", DATA_DEFAULT=None, DEFAULT_LENGTH=None)


def _renumber(context: Context, owner: str, name: str) -> None:
    context.connection.execute(
        'UPDATE ora."TAB_COLS" t SET "COLUMN_ID" = n.n, "INTERNAL_COLUMN_ID" = n.n FROM (SELECT "COLUMN_NAME" AS c,'
        ' row_number() OVER (ORDER BY "COLUMN_ID" NULLS LAST, "INTERNAL_COLUMN_ID") AS n'
        ' FROM ora."TAB_COLS" WHERE "OWNER" = %(o)s::text AND "TABLE_NAME" = %(t)s::text AND "HIDDEN_COLUMN"::text = \'NO\') n'
        ' WHERE t."OWNER" = %(o)s::text AND t."TABLE_NAME" = %(t)s::text AND t."COLUMN_NAME"::text = n.c::text',
        {"o": owner, "t": name},
    )


def drop_column(context: Context, owner: str, name: str, column: str, *, cascade: bool = False) -> None:
    connection = context.connection
    if column not in _columns_of(context, owner, name):
        raise OracleError(904, f'"{column}": invalid identifier')
    for (constraint,) in dd.rows(connection, "CONS_COLUMNS", "CONSTRAINT_NAME", OWNER=owner, TABLE_NAME=name, COLUMN_NAME=column):
        among = dd.rows(connection, "CONS_COLUMNS", "COLUMN_NAME", OWNER=owner, CONSTRAINT_NAME=str(constraint))
        if len(among) > 1 and not cascade:
            raise OracleError(12991, "column is referenced in a multi-column constraint")
        drop_constraint(context, owner, name, str(constraint), cascade=cascade)
    for index_owner, index in dd.rows(
        connection, "IND_COLUMNS", "INDEX_OWNER", "INDEX_NAME", TABLE_OWNER=owner, TABLE_NAME=name, COLUMN_NAME=column
    ):
        context.run(f"DROP INDEX IF EXISTS {relation(str(index_owner), 'I$' + str(index))}")
        drop_index_rows(context, str(index_owner), str(index))
    _drop_identity(context, owner, name, column)
    context.run(f"ALTER TABLE {relation(owner, name)} DROP COLUMN {quote(column)} CASCADE")
    for family in ("TAB_COLS", "COL_COMMENTS", "LOBS", "LOG_GROUP_COLUMNS", "XML_TAB_COLS"):
        dd.delete(connection, family, OWNER=owner, TABLE_NAME=name, COLUMN_NAME=column)
    _renumber(context, owner, name)


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


def _rename_column(context: Context, owner: str, name: str, old: str, new: str) -> None:
    known = _columns_of(context, owner, name)
    if old not in known:
        raise OracleError(904, f'"{old}": invalid identifier')
    if new in known:
        raise OracleError(957, "duplicate column name")
    check_name(new)
    context.run(f"ALTER TABLE {relation(owner, name)} RENAME COLUMN {quote(old)} TO {quote(new)}")
    for family, column in (
        ("TAB_COLS", "OWNER"),
        ("CONS_COLUMNS", "OWNER"),
        ("COL_COMMENTS", "OWNER"),
        ("LOBS", "OWNER"),
        ("IND_COLUMNS", "TABLE_OWNER"),
        ("TAB_IDENTITY_COLS", "OWNER"),
        ("LOG_GROUP_COLUMNS", "OWNER"),
    ):
        dd.update(context.connection, family, {column: owner, "TABLE_NAME": name, "COLUMN_NAME": old}, COLUMN_NAME=new)
    for family in ("PART_KEY_COLUMNS", "SUBPART_KEY_COLUMNS"):
        dd.update(context.connection, family, {"OWNER": owner, "NAME": name, "COLUMN_NAME": old}, COLUMN_NAME=new)
    dd.update(
        context.connection,
        "CONSTRAINTS",
        {"OWNER": owner, "TABLE_NAME": name, "SEARCH_CONDITION_VC": f'"{old}" IS NOT NULL'},
        SEARCH_CONDITION=f'"{new}" IS NOT NULL',
        SEARCH_CONDITION_VC=f'"{new}" IS NOT NULL',
    )


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
    _known(context, owner, name)
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
    _known(context, owner, name)
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
    context.run(f"TRUNCATE {relation(owner, name)}{' CASCADE' if cascade else ''}")
    return owner, name


__all__ = ["add_object", "alter_table", "drop_table", "rename_table", "truncate"]
