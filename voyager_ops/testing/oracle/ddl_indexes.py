"""CREATE, ALTER and DROP INDEX."""

from __future__ import annotations

import re

from voyager_ops.testing.oracle import dictionary as dd
from voyager_ops.testing.oracle.ddl_checks import impure
from voyager_ops.testing.oracle.ddl_clauses import expression, skip_physical
from voyager_ops.testing.oracle.ddl_context import Context, check_name, relation
from voyager_ops.testing.oracle.ddl_enforce import AT_STATEMENT_END
from voyager_ops.testing.oracle.ddl_index_rows import drop_index_rows, record_index
from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.rewrite import quote
from voyager_ops.testing.oracle.tokens import Cursor
from voyager_ops.testing.oracle.translated import INDEX_PREFIX


def create_index(context: Context, cursor: Cursor, *, unique: bool = False, bitmap: bool = False) -> tuple[str, str, str]:
    """After CREATE [UNIQUE|BITMAP] INDEX; (owner, index, table)."""
    owner, name = cursor.qualified()
    owner = context.owner(owner)
    check_name(name)
    if not cursor.accept("ON"):
        raise cursor.fail(969)
    table_owner, table = cursor.qualified()
    table_owner = table_owner or owner
    if dd.exists(context.connection, "INDEXES", OWNER=owner, INDEX_NAME=name):
        raise OracleError(955, "name is already used by an existing object")
    if not dd.exists(context.connection, "TABLES", OWNER=table_owner, TABLE_NAME=table):
        if dd.exists(context.connection, "VIEWS", OWNER=table_owner, VIEW_NAME=table):
            raise OracleError(1702, "a view is not appropriate here")
        raise OracleError(942, "table or view does not exist")
    if cursor.token.is_name:
        cursor.name()  # an alias
    known = {
        str(c): str(k)
        for c, k in dd.rows(context.connection, "TAB_COLS", "COLUMN_NAME", "DATA_TYPE", OWNER=table_owner, TABLE_NAME=table)
    }
    columns: list[tuple[str | None, str | None, str]] = []
    keys: list[str] = []
    cursor.expect("(")
    while True:
        text = expression(cursor, "ASC", "DESC")
        descend = "DESC" if cursor.accept("DESC") else "ASC"
        cursor.accept("ASC")
        if not text:
            raise OracleError(936, "missing expression", cursor.token.start)
        plain = text.strip('"') if text.startswith('"') else text.upper()
        if plain in known:
            if known[plain] in ("CLOB", "BLOB", "NCLOB", "LONG", "LONG RAW"):
                raise OracleError(2327, "cannot create index on expression with datatype LOB")
            columns.append((plain, None, descend))
            if [c for c, _, _ in columns].count(plain) > 1:
                raise OracleError(957, "duplicate column name")
            keys.append(f"{quote(plain)} {descend}")
        elif not impure(text) and re.fullmatch(r'"[^"]+"|\w+', text) and not text.isdigit() and text[0] != "'":
            raise OracleError(904, f'"{plain}": invalid identifier')
        else:
            if impure(text):
                raise OracleError(1743, "only pure functions can be indexed")
            columns.append((None, text, descend))
            keys.append(f"({context.expression(text)}) {descend}")
        if not cursor.accept(","):
            break
    cursor.expect(")")
    options = cursor.text[cursor.token.start :].upper()
    joined = options.startswith("FROM ")  # a bitmap join index: its columns are those of other tables
    local = bool(re.search(r"\bLOCAL\b", options))
    partitioned = local or " PARTITION BY " in f" {options} "
    kind = (
        "BITMAP"
        if bitmap
        else "NORMAL/REV"
        if re.search(r"\bREVERSE\b", options)
        else "DOMAIN"
        if "INDEXTYPE" in options
        else "NORMAL"
    )
    if cursor.is_word("INDEXTYPE"):
        cursor.rest()
    skip_physical(cursor)
    cursor.rest()
    existing = sorted(
        str(n) for (n,) in dd.rows(context.connection, "INDEXES", "INDEX_NAME", TABLE_OWNER=table_owner, TABLE_NAME=table)
    )
    wanted = [(c, d) for c, _, d in columns]
    for other in existing:
        have = [
            (str(c), str(d))
            for c, d in dd.rows(
                context.connection,
                "IND_COLUMNS",
                "COLUMN_NAME",
                "DESCEND",
                order="COLUMN_POSITION",
                INDEX_OWNER=owner,
                INDEX_NAME=other,
            )
        ]
        if have == wanted:
            raise OracleError(1408, "such column list already indexed")
    record_index(
        context,
        owner,
        name,
        table_owner,
        table,
        columns,
        unique=unique,
        kind=kind,
        partitioned=partitioned,
        visible=not re.search(r"\bINVISIBLE\b", options),
        status="UNUSABLE" if re.search(r"\bUNUSABLE\b", options) else "VALID",
    )
    if partitioned:
        kinds = dd.rows(
            context.connection,
            "PART_TABLES",
            "PARTITIONING_TYPE",
            "SUBPARTITIONING_TYPE",
            "PARTITION_COUNT",
            OWNER=table_owner,
            TABLE_NAME=table,
        )
        if local and not kinds:
            raise OracleError(14016, "underlying table of a LOCAL partitioned index must be partitioned")
        for part, sub, count in kinds:
            dd.insert(
                context.connection,
                "PART_INDEXES",
                OWNER=owner,
                INDEX_NAME=name,
                TABLE_NAME=table,
                PARTITIONING_TYPE=str(part),
                SUBPARTITIONING_TYPE=str(sub),
                PARTITION_COUNT=str(count),
                LOCALITY="LOCAL" if local else "GLOBAL",
                ALIGNMENT="NON_PREFIXED",
            )
    if kind != "DOMAIN":
        try:
            context.connection.execute("SAVEPOINT an_index")
            # Nobody but a unique index is needed for what statements do; one that PostgreSQL cannot have is only recorded.
            if unique and all(column is not None and descend == "ASC" for column, _, descend in columns):
                # As a constraint, which looks for duplicates at the end of a statement (see ddl_enforce).
                context.run(
                    f"ALTER TABLE {relation(table_owner, table)} ADD CONSTRAINT {quote(INDEX_PREFIX + name)} UNIQUE"
                    f" ({', '.join(quote(column) for column, _, _ in columns if column is not None)}){AT_STATEMENT_END}"
                )
            else:
                context.run(
                    f"CREATE {'UNIQUE ' if unique else ''}INDEX {quote(INDEX_PREFIX + name)} ON {relation(table_owner, table)}"
                    f" ({', '.join(keys)})"
                )
        except OracleError as error:
            context.connection.execute("ROLLBACK TO an_index")
            if unique or (error.code == 904 and not joined):
                if error.code == 1:
                    raise OracleError(1452, "cannot CREATE UNIQUE INDEX; duplicate keys found") from error
                raise
        context.connection.execute("RELEASE an_index")
    return owner, name, table


def alter_index(context: Context, cursor: Cursor) -> None:
    owner, name = cursor.qualified()
    owner = owner or context.schema
    keys = {"OWNER": owner, "INDEX_NAME": name}
    if not dd.exists(context.connection, "INDEXES", **keys):
        raise OracleError(1418, "specified index does not exist")
    if cursor.accept("UNUSABLE"):
        dd.update(context.connection, "INDEXES", keys, STATUS="UNUSABLE")
    elif cursor.accept("REBUILD"):
        dd.update(context.connection, "INDEXES", keys, STATUS="VALID")
    elif cursor.accept("INVISIBLE") or cursor.accept("VISIBLE"):
        dd.update(context.connection, "INDEXES", keys, VISIBILITY=cursor.tokens[cursor.at - 1].value)
    elif cursor.accept("RENAME", "TO"):
        new = cursor.name()
        context.connection.execute(
            f"ALTER INDEX IF EXISTS {relation(owner, INDEX_PREFIX + name)} RENAME TO {quote(INDEX_PREFIX + new)}".encode()
        )
        for family, column in (("INDEXES", "OWNER"), ("IND_COLUMNS", "INDEX_OWNER"), ("IND_EXPRESSIONS", "INDEX_OWNER")):
            dd.update(context.connection, family, {column: owner, "INDEX_NAME": name}, INDEX_NAME=new)
        dd.update(context.connection, "OBJECTS", {"OWNER": owner, "OBJECT_NAME": name, "OBJECT_TYPE": "INDEX"}, OBJECT_NAME=new)
    cursor.rest()


def drop_index(context: Context, cursor: Cursor) -> None:
    owner, name = cursor.qualified()
    owner = owner or context.schema
    if not dd.exists(context.connection, "INDEXES", OWNER=owner, INDEX_NAME=name):
        raise OracleError(1418, "specified index does not exist")
    if dd.exists(context.connection, "CONSTRAINTS", OWNER=owner, INDEX_NAME=name, STATUS="ENABLED"):
        raise OracleError(2429, "cannot drop index used for enforcement of unique/primary key")
    ((table_owner, table),) = dd.rows(context.connection, "INDEXES", "TABLE_OWNER", "TABLE_NAME", OWNER=owner, INDEX_NAME=name)
    target = relation(str(table_owner), str(table))
    context.run(f"ALTER TABLE {target} DROP CONSTRAINT IF EXISTS {quote(INDEX_PREFIX + name)}")
    context.run(f"DROP INDEX IF EXISTS {relation(owner, INDEX_PREFIX + name)}")
    drop_index_rows(context, owner, name)
