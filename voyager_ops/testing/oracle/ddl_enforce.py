"""PostgreSQL's constraints for those of Oracle that are enabled."""

from __future__ import annotations

from voyager_ops.testing.oracle import dictionary as dd
from voyager_ops.testing.oracle.ddl_context import Context, relation
from voyager_ops.testing.oracle.ddl_index_rows import record_index
from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.rewrite import quote
from voyager_ops.testing.oracle.translated import KEY_PREFIX

AT_STATEMENT_END = " DEFERRABLE INITIALLY IMMEDIATE"


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
        # Oracle looks for duplicates when a statement has changed all its rows; of PostgreSQL's, those that could be deferred do.
        later = later or AT_STATEMENT_END
        _check_state(context, target, columns, kind == "P", f"{owner}.{name}")
        context.run(
            f"ALTER TABLE {target} ADD CONSTRAINT {quote(KEY_PREFIX + name)} {'PRIMARY KEY' if kind == 'P' else 'UNIQUE'}"
            f" ({names}){later}"
        )
        if kind == "P":
            for column in columns:
                dd.update(connection, "TAB_COLS", {"OWNER": owner, "TABLE_NAME": table, "COLUMN_NAME": column}, NULLABLE="N")
        found = usable_index(context, owner, table, columns, named=str(index or ""), deferrable=deferrable == "DEFERRABLE")
        if found is None:
            if dd.exists(connection, "INDEXES", OWNER=owner, INDEX_NAME=name):
                raise OracleError(955, "name is already used by an existing object")
            found = (owner, name)
            record_index(
                context,
                owner,
                name,
                owner,
                table,
                [(c, None, "ASC") for c in columns],
                unique=deferrable != "DEFERRABLE",
                generated=name.startswith("SYS_C"),
                constraint=True,
            )
        of = {"OWNER": owner, "CONSTRAINT_NAME": name}
        dd.update(connection, "CONSTRAINTS", of, INDEX_OWNER=found[0], INDEX_NAME=found[1])
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
        _checked_by_row(context, str(r_owner), str(r_table), str(r_name), r_columns)
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
    not_null = _is_not_null(kind, columns, condition)
    if not_null and deferred == "DEFERRED":
        raise OracleError(3001, "unimplemented feature (simulator: NOT NULL that is looked at by COMMIT)")
    if not_null and not late and not later:
        try:
            context.run(f"ALTER TABLE {target} ALTER {quote(columns[0])} SET NOT NULL")
        except OracleError as error:
            raise OracleError(2296, f"cannot enable ({owner}.{name}) - null values found") from error
        dd.update(connection, "TAB_COLS", {"OWNER": owner, "TABLE_NAME": table, "COLUMN_NAME": columns[0]}, NULLABLE="N")
        return
    try:
        context.run(f"ALTER TABLE {target} ADD CONSTRAINT {quote(name)} CHECK ({context.expression(str(condition))}){late}")
    except OracleError as error:
        if error.code == 2290 and not_null:
            raise OracleError(2296, f"cannot enable ({owner}.{name}) - null values found") from error
        if error.code == 2290:
            raise OracleError(2293, f"cannot validate ({owner}.{name}) - check constraint violated") from error
        raise


def _is_not_null(kind: object, columns: list[str], condition: object) -> bool:
    return kind == "C" and len(columns) == 1 and str(condition) == f'"{columns[0]}" IS NOT NULL'


def usable_index(
    context: Context, owner: str, table: str, columns: list[str], *, named: str = "", deferrable: bool = False
) -> tuple[str, str] | None:
    """The index that is there and that Oracle takes for a key (owner, name): a unique one of just its columns, or another that
    begins with them, both in any order; of a deferrable key no unique one. ``named``: the one of USING INDEX, which has to do."""
    found = []
    for index_owner, index, kind, unique in dd.rows(
        context.connection,
        "INDEXES",
        "OWNER",
        "INDEX_NAME",
        "INDEX_TYPE",
        "UNIQUENESS",
        TABLE_OWNER=owner,
        TABLE_NAME=table,
        STATUS="VALID",
    ):
        have = [
            str(c)
            for (c,) in dd.rows(
                context.connection,
                "IND_COLUMNS",
                "COLUMN_NAME",
                order="COLUMN_POSITION",
                INDEX_OWNER=str(index_owner),
                INDEX_NAME=str(index),
            )
        ]
        first = have if unique == "UNIQUE" else have[: len(columns)]
        does = str(kind).startswith("NORMAL") and sorted(first) == sorted(columns) and not (deferrable and unique == "UNIQUE")
        if does and named in ("", str(index)):
            found.append((unique != "UNIQUE", str(index_owner), str(index)))
    if named and not found:
        if not dd.exists(context.connection, "INDEXES", OWNER=owner, INDEX_NAME=named):
            raise OracleError(1418, "specified index does not exist")
        raise OracleError(14196, "Specified index cannot be used to enforce the constraint.")
    return min(found)[1:] if found else None


def _checked_by_row(context: Context, owner: str, table: str, name: str, columns: list[str]) -> None:
    """PostgreSQL's foreign keys need a key that looks for duplicates row by row: one that does not is made anew as such."""
    constraint = KEY_PREFIX + name
    late = context.connection.execute(
        'SELECT c.contype = \'p\' FROM pg_constraint c JOIN ora."CONSTRAINTS" k ON k."OWNER" = %s::text'
        ' AND k."CONSTRAINT_NAME" = %s::text AND k."DEFERRABLE"::text = \'NOT DEFERRABLE\''
        " WHERE c.conrelid = %s AND c.conname = %s AND c.condeferrable",
        (owner, name, context.oid(owner, table), constraint),
    ).fetchone()
    if late is None:
        return
    target, names = relation(owner, table), ", ".join(quote(c) for c in columns)
    context.run(f"ALTER TABLE {target} DROP CONSTRAINT {quote(constraint)}")
    kind = "PRIMARY KEY" if late[0] else "UNIQUE"
    context.run(f"ALTER TABLE {target} ADD CONSTRAINT {quote(constraint)} {kind} ({names})")


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


def unenforce(context: Context, owner: str, table: str, name: str) -> None:
    """Take PostgreSQL's constraint away."""
    connection = context.connection
    ((kind, condition, validated, deferrable),) = dd.rows(
        connection,
        "CONSTRAINTS",
        "CONSTRAINT_TYPE",
        "SEARCH_CONDITION",
        "VALIDATED",
        "DEFERRABLE",
        OWNER=owner,
        CONSTRAINT_NAME=name,
    )
    columns = [str(r[0]) for r in dd.rows(connection, "CONS_COLUMNS", "COLUMN_NAME", OWNER=owner, CONSTRAINT_NAME=name)]
    target = relation(owner, table)
    if _is_not_null(kind, columns, condition) and validated == "VALIDATED" and deferrable == "NOT DEFERRABLE":
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
    context.run(f"ALTER TABLE {target} DROP CONSTRAINT {quote((KEY_PREFIX if kind in ('P', 'U') else '') + name)}")
    if kind == "P":
        for column in columns:
            named = connection.execute(
                'SELECT FROM ora."CONSTRAINTS" k JOIN ora."CONS_COLUMNS" c USING ("OWNER", "CONSTRAINT_NAME") WHERE k."OWNER"'
                ' = %s::text AND k."TABLE_NAME" = %s::text'
                ' AND k."CONSTRAINT_TYPE"::text = \'C\' AND k."STATUS"::text = \'ENABLED\' AND k."SEARCH_CONDITION"::text = %s'
                " AND k.\"VALIDATED\"::text = 'VALIDATED' AND k.\"DEFERRABLE\"::text = 'NOT DEFERRABLE'"
                ' AND c."COLUMN_NAME" = %s::text',
                (owner, table, f'"{column}" IS NOT NULL', column),
            ).fetchone()
            if named is None:
                context.run(f"ALTER TABLE {target} ALTER {quote(column)} DROP NOT NULL")
                dd.update(connection, "TAB_COLS", {"OWNER": owner, "TABLE_NAME": table, "COLUMN_NAME": column}, NULLABLE="Y")
