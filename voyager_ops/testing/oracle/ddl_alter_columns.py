"""ALTER TABLE ADD, MODIFY, DROP and RENAME of columns."""

from __future__ import annotations

from voyager_ops.testing.oracle import dictionary as dd
from voyager_ops.testing.oracle.column_types import data_type
from voyager_ops.testing.oracle.datatypes import LOBS, DataType
from voyager_ops.testing.oracle.ddl_columns import (
    add_postgres_column,
    add_virtual_column,
    check_identity,
    check_type,
    derived_type,
    length_check,
    make_identity,
    on_null_trigger,
    record_column,
)
from voyager_ops.testing.oracle.ddl_constraints import add_constraint, drop_constraint
from voyager_ops.testing.oracle.ddl_context import Context, check_name, relation
from voyager_ops.testing.oracle.ddl_dependents import invalidate_views, without_views
from voyager_ops.testing.oracle.ddl_index_rows import drop_index_rows
from voyager_ops.testing.oracle.ddl_model import Column, Constraint
from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.rewrite import quote
from voyager_ops.testing.oracle.translated import INDEX_PREFIX

# Types that become each other with the values they have.
ALIKE = (
    {"CHAR", "VARCHAR2"},
    {"NCHAR", "NVARCHAR2"},
    {"NUMBER", "FLOAT"},
    {"DATE", "TIMESTAMP"},
    {"DATE", "TIMESTAMP WITH LOCAL TIME ZONE"},
    {"TIMESTAMP", "TIMESTAMP WITH LOCAL TIME ZONE"},
    {"LONG", "CLOB"},
    {"LONG", "NCLOB"},
    {"LONG RAW", "BLOB"},
)


def _columns_of(context: Context, owner: str, name: str) -> dict[str, tuple[int | None, int]]:
    found = dd.rows(
        context.connection, "TAB_COLS", "COLUMN_NAME", "COLUMN_ID", "INTERNAL_COLUMN_ID", OWNER=owner, TABLE_NAME=name
    )
    return {str(c): (None if i is None else int(i), int(k or 0)) for c, i, k in found}


def _types_of(context: Context, owner: str, name: str) -> dict[str, DataType]:
    found = dd.rows(
        context.connection,
        "TAB_COLS",
        "COLUMN_NAME",
        "DATA_TYPE",
        "DATA_LENGTH",
        "DATA_PRECISION",
        "DATA_SCALE",
        "CHAR_LENGTH",
        "CHAR_USED",
        OWNER=owner,
        TABLE_NAME=name,
    )
    return {
        str(column): data_type(str(kind), length, precision, scale, chars, None if used is None else str(used))
        for column, kind, length, precision, scale, chars, used in found
    }


def add_column(context: Context, owner: str, name: str, column: Column) -> None:
    known = _columns_of(context, owner, name)
    if column.name in known:
        raise OracleError(1430, "column being added already exists in table")
    check_name(column.name)
    if column.type is None and column.virtual is not None:
        column.type = derived_type(context, owner, name, column.virtual, _types_of(context, owner, name))
    check_type(context, column)
    check_identity(column)
    if column.identity and dd.exists(context.connection, "TAB_IDENTITY_COLS", OWNER=owner, TABLE_NAME=name):
        raise OracleError(30669, "table can have only one identity column")
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


def modify_column(context: Context, owner: str, name: str, column: Column) -> None:
    keys = {"OWNER": owner, "TABLE_NAME": name, "COLUMN_NAME": column.name}
    if not dd.exists(context.connection, "TAB_COLS", **keys):
        raise OracleError(904, f'"{column.name}": invalid identifier')
    target = f"ALTER TABLE {relation(owner, name)}"
    if column.type is not None:
        check_type(context, column)
        _check_alterable(_types_of(context, owner, name)[column.name], column.type)
        _check_empty(context, owner, name, column.name, column.type)
        context.run(f"{target} DROP CONSTRAINT IF EXISTS {quote('L$' + column.name[:50])}")
        check = length_check(owner, name, column.name, column.type)
        try:
            with without_views(context, owner, name):
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
    elif column.identity and not dd.exists(context.connection, "TAB_IDENTITY_COLS", **keys):
        raise OracleError(30673, "column to be modified is not an identity column")
    elif column.identity:
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
            STATUS="ENABLED",
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


def _check_empty(context: Context, owner: str, name: str, column: str, kind: DataType) -> None:
    """ORA-01439 when a column that has values is to have another type."""
    was = _types_of(context, owner, name)[column]
    narrower = was.name == kind.name == "NUMBER" and _narrower(was, kind)
    if not narrower and (was.name == kind.name or {was.name, kind.name} in ALIKE):
        return
    row = context.connection.execute(
        f"SELECT FROM {relation(owner, name)} WHERE {quote(column)} IS NOT NULL LIMIT 1".encode()
    ).fetchone()
    if row is not None and narrower:
        raise OracleError(1440, "column to be modified must be empty to decrease precision or scale")
    if row is not None:
        raise OracleError(1439, "column to be modified must be empty to change datatype")


def _narrower(was: DataType, kind: DataType) -> bool:
    """Whether a NUMBER loses digits before or behind the point."""
    if kind.precision is None:
        return False
    if was.precision is None:
        return True
    return (kind.scale or 0) < (was.scale or 0) or kind.precision - (kind.scale or 0) < was.precision - (was.scale or 0)


def _check_alterable(was: DataType, kind: DataType) -> None:
    """ORA-22858, ORA-22859: to and from LOBs no type is changed, whether the column is empty or not."""
    if was.name != kind.name and kind.name in LOBS and not was.name.startswith("LONG"):
        raise OracleError(22858, "invalid alteration of datatype")
    if was.name != kind.name and was.name in LOBS:
        raise OracleError(22859, "invalid modification of columns")


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
    if len(_columns_of(context, owner, name)) == 1:
        raise OracleError(12983, "cannot drop all columns in a table")
    for (constraint,) in dd.rows(connection, "CONS_COLUMNS", "CONSTRAINT_NAME", OWNER=owner, TABLE_NAME=name, COLUMN_NAME=column):
        among = dd.rows(connection, "CONS_COLUMNS", "COLUMN_NAME", OWNER=owner, CONSTRAINT_NAME=str(constraint))
        if len(among) > 1 and not cascade:
            raise OracleError(12991, "column is referenced in a multi-column constraint")
        try:
            drop_constraint(context, owner, name, str(constraint), cascade=cascade)
        except OracleError as error:
            if error.code != 2273:
                raise
            raise OracleError(12992, "cannot drop parent key column") from error
    for index_owner, index in dd.rows(
        connection, "IND_COLUMNS", "INDEX_OWNER", "INDEX_NAME", TABLE_OWNER=owner, TABLE_NAME=name, COLUMN_NAME=column
    ):
        postgres = INDEX_PREFIX + str(index)
        context.run(f"ALTER TABLE {relation(owner, name)} DROP CONSTRAINT IF EXISTS {quote(postgres)}")
        context.run(f"DROP INDEX IF EXISTS {relation(str(index_owner), postgres)}")
        drop_index_rows(context, str(index_owner), str(index))
    _drop_identity(context, owner, name, column)
    invalidate_views(context, owner, name, column)
    context.run(f"ALTER TABLE {relation(owner, name)} DROP COLUMN {quote(column)} CASCADE")
    for family in ("TAB_COLS", "COL_COMMENTS", "LOBS", "LOG_GROUP_COLUMNS", "XML_TAB_COLS"):
        dd.delete(connection, family, OWNER=owner, TABLE_NAME=name, COLUMN_NAME=column)
    _renumber(context, owner, name)


def rename_column(context: Context, owner: str, name: str, old: str, new: str) -> None:
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
