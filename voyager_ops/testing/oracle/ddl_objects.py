"""DDL of everything but tables, constraints, users and grants."""

from __future__ import annotations

import re
from collections.abc import Callable

from voyager_ops.testing.oracle import dictionary as dd
from voyager_ops.testing.oracle.datatypes import DataType, parse_type
from voyager_ops.testing.oracle.ddl_constraints import drop_index_rows, record_index
from voyager_ops.testing.oracle.ddl_create import (
    INDEX_PREFIX,
    LARGEST,
    NO_MAXVALUE,
    Context,
    add_object,
    check_free,
    check_name,
    clamp,
    create_sequence,
    relation,
)
from voyager_ops.testing.oracle.ddl_tables import expression, parse_sequence_options, skip_physical
from voyager_ops.testing.oracle.engine import ColumnInfo, OracleError, TypeNumber
from voyager_ops.testing.oracle.rewrite import quote
from voyager_ops.testing.oracle.tokens import Cursor

Describe = Callable[[str, str], tuple[str, list[ColumnInfo]]]
"""A query's text, and the schema in which its names are looked up -> PostgreSQL's text, and its columns."""


def create_index(context: Context, cursor: Cursor, *, unique: bool = False, bitmap: bool = False) -> tuple[str, str, str]:
    """After CREATE [UNIQUE|BITMAP] INDEX; (owner, index, table)."""
    owner, name = cursor.qualified()
    owner = context.owner(owner)
    check_name(name)
    cursor.expect("ON")
    table_owner, table = cursor.qualified()
    table_owner = table_owner or owner
    if dd.exists(context.connection, "INDEXES", OWNER=owner, INDEX_NAME=name):
        raise OracleError(955, "name is already used by an existing object")
    if not dd.exists(context.connection, "TABLES", OWNER=table_owner, TABLE_NAME=table):
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
        plain = text.strip('"') if text.startswith('"') else text.upper()
        if plain in known:
            if known[plain] in ("CLOB", "BLOB", "NCLOB", "LONG", "LONG RAW"):
                raise OracleError(2327, "cannot create index on expression with datatype LOB")
            columns.append((plain, None, descend))
            keys.append(f"{quote(plain)} {descend}")
        elif re.fullmatch(r'"[^"]+"|\w+', text) and not text.isdigit() and text[0] != "'":
            raise OracleError(904, f'"{plain}": invalid identifier')
        else:
            columns.append((None, text, descend))
            keys.append(f"({context.expression(text)}) {descend}")
        if not cursor.accept(","):
            break
    cursor.expect(")")
    options = cursor.text[cursor.token.start :].upper()
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
            context.run(
                f"CREATE {'UNIQUE ' if unique else ''}INDEX {quote(INDEX_PREFIX + name)} ON {relation(table_owner, table)}"
                f" ({', '.join(keys)})"
            )
        except OracleError as error:
            context.connection.execute("ROLLBACK TO an_index")
            if unique:
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
    context.run(f"DROP INDEX IF EXISTS {relation(owner, INDEX_PREFIX + name)}")
    drop_index_rows(context, owner, name)


# -- sequences, synonyms, comments ---------------------------------------------------------------------------------------


def create_sequence_statement(context: Context, cursor: Cursor) -> None:
    owner, name = cursor.qualified()
    owner = context.owner(owner)
    check_name(name)
    check_free(context, owner, name)
    options = parse_sequence_options(cursor)
    if not cursor.done:
        raise cursor.fail(933)
    create_sequence(context, owner, name, options)
    add_object(context, owner, name, "SEQUENCE")


def alter_sequence(context: Context, cursor: Cursor) -> None:
    owner, name = cursor.qualified()
    owner = owner or context.schema
    keys = {"SEQUENCE_OWNER": owner, "SEQUENCE_NAME": name}
    if not dd.exists(context.connection, "SEQUENCES_", **keys):
        raise OracleError(2289, "sequence does not exist")
    options = parse_sequence_options(cursor)
    clauses = []
    for value, column, word, default in (
        (options.increment, "INCREMENT_BY", "INCREMENT", 1),
        (options.max_value, "MAX_VALUE", "MAXVALUE", NO_MAXVALUE),
        (options.min_value, "MIN_VALUE", "MINVALUE", 1),
    ):
        if value is not None:
            number = value if isinstance(value, int) else default
            dd.update(context.connection, "SEQUENCES_", keys, **{column: number})
            clauses.append(f"{word} {clamp(number)}")
    if options.cycle is not None:
        dd.update(context.connection, "SEQUENCES_", keys, CYCLE_FLAG="Y" if options.cycle else "N")
        clauses.append("CYCLE" if options.cycle else "NO CYCLE")
    if options.order is not None:
        dd.update(context.connection, "SEQUENCES_", keys, ORDER_FLAG="Y" if options.order else "N")
    if options.cache is not None:
        dd.update(context.connection, "SEQUENCES_", keys, CACHE_SIZE=options.cache)
    if options.start is not None or options.restart:
        ((start, minimum),) = dd.rows(context.connection, "SEQUENCES_", "START_WITH", "MIN_VALUE", **keys)
        restart = options.start if options.start is not None else int(minimum if minimum > -LARGEST else start)
        dd.update(context.connection, "SEQUENCES_", keys, START_WITH=restart)
        clauses.append(f"RESTART WITH {clamp(restart)}")
    if clauses:
        context.run(f"ALTER SEQUENCE {relation(owner, name)} {' '.join(clauses)}")


def drop_sequence(context: Context, cursor: Cursor) -> None:
    owner, name = cursor.qualified()
    owner = owner or context.schema
    if not dd.delete(context.connection, "SEQUENCES_", SEQUENCE_OWNER=owner, SEQUENCE_NAME=name):
        raise OracleError(2289, "sequence does not exist")
    dd.delete(context.connection, "OBJECTS", OWNER=owner, OBJECT_NAME=name, OBJECT_TYPE="SEQUENCE")
    context.run(f"DROP SEQUENCE {relation(owner, name)} CASCADE")


def create_synonym(context: Context, cursor: Cursor, *, public: bool, replace: bool) -> None:
    owner, name = cursor.qualified()
    owner = "PUBLIC" if public else context.owner(owner)
    cursor.expect("FOR")
    t_owner, t_name = cursor.qualified()
    link = None
    if cursor.accept("@"):
        link = cursor.name()
        while cursor.accept("."):
            link += "." + cursor.name()
    if dd.exists(context.connection, "SYNONYMS", OWNER=owner, SYNONYM_NAME=name):
        if not replace:
            raise OracleError(955, "name is already used by an existing object")
        dd.delete(context.connection, "SYNONYMS", OWNER=owner, SYNONYM_NAME=name)
        dd.delete(context.connection, "OBJECTS", OWNER=owner, OBJECT_NAME=name, OBJECT_TYPE="SYNONYM")
    elif not public:
        check_free(context, owner, name)
    dd.insert(
        context.connection,
        "SYNONYMS",
        OWNER=owner,
        SYNONYM_NAME=name,
        TABLE_OWNER=t_owner or (None if link else context.schema),
        TABLE_NAME=t_name,
        DB_LINK=link,
    )
    add_object(context, owner, name, "SYNONYM")


def drop_synonym(context: Context, cursor: Cursor, *, public: bool) -> None:
    owner, name = cursor.qualified()
    owner = "PUBLIC" if public else owner or context.schema
    if not dd.delete(context.connection, "SYNONYMS", OWNER=owner, SYNONYM_NAME=name):
        raise OracleError(1432 if public else 1434, f"{'public' if public else 'private'} synonym to be dropped does not exist")
    dd.delete(context.connection, "OBJECTS", OWNER=owner, OBJECT_NAME=name, OBJECT_TYPE="SYNONYM")


def comment(context: Context, cursor: Cursor) -> None:
    """After COMMENT ON."""
    if cursor.accept("TABLE") or cursor.accept("MATERIALIZED", "VIEW"):
        owner, name = cursor.qualified()
        cursor.expect("IS")
        text = cursor.string() or None
        if not dd.update(
            context.connection, "TAB_COMMENTS", {"OWNER": owner or context.schema, "TABLE_NAME": name}, COMMENTS=text
        ):
            raise OracleError(942, "table or view does not exist")
        return
    cursor.expect("COLUMN")
    parts = [cursor.name()]
    while cursor.accept("."):
        parts.append(cursor.name())
    cursor.expect("IS")
    text = cursor.string() or None
    owner = parts[0] if len(parts) == 3 else context.schema
    if not dd.exists(context.connection, "TAB_COMMENTS", OWNER=owner, TABLE_NAME=parts[-2]):
        raise OracleError(942, "table or view does not exist")
    if not dd.update(
        context.connection, "COL_COMMENTS", {"OWNER": owner, "TABLE_NAME": parts[-2], "COLUMN_NAME": parts[-1]}, COMMENTS=text
    ):
        raise OracleError(904, f'"{parts[-1]}": invalid identifier')


# -- views ---------------------------------------------------------------------------------------------------------------


def _type_of(info: ColumnInfo) -> DataType:
    names = {
        TypeNumber.VARCHAR2: "NVARCHAR2" if info.national else "VARCHAR2",
        TypeNumber.CHAR: "NCHAR" if info.national else "CHAR",
        TypeNumber.NUMBER: "NUMBER",
        TypeNumber.DATE: "DATE",
        TypeNumber.RAW: "RAW",
        TypeNumber.CLOB: "NCLOB" if info.national else "CLOB",
        TypeNumber.BLOB: "BLOB",
        TypeNumber.TIMESTAMP: "TIMESTAMP",
        TypeNumber.TIMESTAMP_TZ: "TIMESTAMP WITH TIME ZONE",
        TypeNumber.TIMESTAMP_LTZ: "TIMESTAMP WITH LOCAL TIME ZONE",
        TypeNumber.INTERVAL_DS: "INTERVAL DAY TO SECOND",
        TypeNumber.INTERVAL_YM: "INTERVAL YEAR TO MONTH",
        TypeNumber.BINARY_FLOAT: "BINARY_FLOAT",
        TypeNumber.BINARY_DOUBLE: "BINARY_DOUBLE",
        TypeNumber.LONG: "LONG",
        TypeNumber.ROWID: "ROWID",
        TypeNumber.UROWID: "UROWID",
        TypeNumber.BOOLEAN: "BOOLEAN",
        TypeNumber.LONG_RAW: "LONG RAW",
    }
    name = names.get(info.type, "VARCHAR2")
    if name in ("VARCHAR2", "CHAR", "RAW", "NVARCHAR2", "NCHAR"):
        return DataType(
            name,
            length=max(
                1, min(info.size or 4000, 2000 if "CHAR" in name and "VAR" not in name else 4000) // (2 if info.national else 1)
            ),
            chars=info.national,
        )
    if name == "NUMBER":
        if info.scale == -127:
            return DataType("FLOAT", precision=info.precision) if info.precision else DataType(name)
        return DataType(name, precision=info.precision or None, scale=info.scale)
    if name.startswith(("TIMESTAMP", "INTERVAL")):
        return DataType(name, precision=info.precision or None, scale=info.scale)
    return DataType(name)


def column_types(infos: list[ColumnInfo]) -> list[tuple[str, DataType]]:
    """Names and types of columns made from a query (CREATE TABLE AS, views)."""
    return [(info.name, _type_of(info)) for info in infos]


def create_view(
    context: Context, cursor: Cursor, describe: Describe, *, replace: bool, force: bool, materialized: bool = False
) -> bool:
    """After CREATE … VIEW; whether it is VALID. What cannot be translated is valid, but cannot be queried here."""
    from voyager_ops.testing.oracle.ddl_create import record_column
    from voyager_ops.testing.oracle.ddl_tables import Column

    owner, name = cursor.qualified()
    owner = context.owner(owner)
    check_name(name)
    names = []
    if cursor.is_word("("):
        cursor.expect("(")
        depth = 0
        fresh = True
        while not (depth == 0 and cursor.is_word(")")):
            if (
                fresh
                and depth == 0
                and cursor.token.is_name
                and cursor.token.value not in ("CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN")
            ):
                names.append(cursor.token.value)
            fresh = depth == 0 and cursor.is_word(",")
            depth += 1 if cursor.is_word("(") else -1 if cursor.is_word(")") else 0
            cursor.at += 1
        cursor.expect(")")
    options = cursor.text[cursor.token.start :]
    while not cursor.is_word("AS") and not cursor.done:
        if cursor.is_word("("):
            cursor.parenthesised()
        else:
            cursor.at += 1
    options = options[: max(0, cursor.token.start - (len(cursor.text) - len(options)))].upper()
    cursor.expect("AS")
    text = cursor.rest()
    read_only = bool(re.search(r"\bWITH\s+READ\s+ONLY\s*$", text, re.I))
    check = bool(re.search(r"\bWITH\s+CHECK\s+OPTION\b", text, re.I))
    body = re.sub(r"\bWITH\s+(READ\s+ONLY|CHECK\s+OPTION)(\s+CONSTRAINT\s+\w+)?\s*$", "", text, flags=re.I)
    kind = "MATERIALIZED VIEW" if materialized else "VIEW"
    if replace and dd.exists(context.connection, "OBJECTS", OWNER=owner, OBJECT_NAME=name, OBJECT_TYPE=kind):
        drop_view_rows(context, owner, name, kind)
    check_free(context, owner, name)
    valid = queryable = True
    infos: list[ColumnInfo] = []
    context.connection.execute("SAVEPOINT a_view")
    try:
        postgres, infos = describe(body, owner)
        listed = names or [i.name for i in infos]
        if len(listed) != len(infos):
            raise OracleError(1730, "invalid number of column names specified")
        columns = ", ".join(quote(n) for n in listed)
        if materialized:
            context.run(f"CREATE TABLE {relation(owner, name)} ({columns}) AS {postgres}")
            context.run(f'ALTER TABLE {relation(owner, name)} ADD "ORA$RID" bigint GENERATED BY DEFAULT AS IDENTITY')
        else:
            context.run(f"CREATE VIEW {relation(owner, name)} ({columns}) AS {postgres}")
    except OracleError as error:
        context.connection.execute("ROLLBACK TO a_view")
        # What the simulator cannot translate is kept as text and is no error of whoever wrote it.
        unknown = error.code in (900, 932, 3001) or "simulator" in error.message
        if not force and not unknown:
            raise
        queryable, valid = False, unknown
    context.connection.execute("RELEASE a_view")
    object_id = context.oid(owner, name) if queryable else None
    add_object(context, owner, name, kind, object_id, status="VALID" if valid else "INVALID")
    for number, (column_name, data_type) in enumerate(
        column_types(infos) if queryable else [(n, DataType("VARCHAR2", length=4000)) for n in names], 1
    ):
        shown = names[number - 1] if names else column_name
        record_column(context, owner, name, Column(shown, data_type), number, number)
        dd.insert(context.connection, "COL_COMMENTS", OWNER=owner, TABLE_NAME=name, COLUMN_NAME=shown)
    dd.insert(context.connection, "TAB_COMMENTS", OWNER=owner, TABLE_NAME=name, TABLE_TYPE="TABLE" if materialized else "VIEW")
    if materialized:
        fast = (
            "FAST"
            if re.search(r"REFRESH\s+FAST", options)
            else "COMPLETE"
            if re.search(r"REFRESH\s+COMPLETE", options)
            else "FORCE"
        )
        mode = "COMMIT" if re.search(r"ON\s+COMMIT", options) else "DEMAND"
        dd.insert(
            context.connection,
            "MVIEWS",
            OWNER=owner,
            MVIEW_NAME=name,
            CONTAINER_NAME=name,
            QUERY=text,
            QUERY_LEN=len(text),
            UPDATABLE="N",
            REWRITE_ENABLED="Y" if "ENABLE QUERY REWRITE" in options else "N",
            REWRITE_CAPABILITY="GENERAL",
            REFRESH_MODE=mode,
            REFRESH_METHOD=fast,
            BUILD_MODE="DEFERRED" if "BUILD DEFERRED" in options else "IMMEDIATE",
            FAST_REFRESHABLE="NO",
            LAST_REFRESH_TYPE="COMPLETE",
            STALENESS="FRESH",
            COMPILE_STATE="VALID",
            USE_NO_INDEX="N",
            UNKNOWN_PREBUILT="N",
        )
        dd.insert(
            context.connection,
            "TABLES",
            OWNER=owner,
            TABLE_NAME=name,
            TABLESPACE_NAME="USERS",
            STATUS="VALID",
            TEMPORARY="N",
            PARTITIONED="NO",
            NESTED="NO",
            SECONDARY="N",
            DROPPED="NO",
            EXTERNAL="NO",
            HAS_IDENTITY="NO",
            READ_ONLY="NO",
        )
        add_object(context, owner, name, "TABLE")
    else:
        dd.insert(
            context.connection,
            "VIEWS",
            OWNER=owner,
            VIEW_NAME=name,
            TEXT_LENGTH=len(text),
            TEXT=text,
            TEXT_VC=text[:4000],
            EDITIONING_VIEW="N",
            READ_ONLY="Y" if read_only else "N",
            CONTAINER_DATA="N",
            BEQUEATH="DEFINER",
        )
        if read_only or check:
            constraint = f"SYS_C{context.next_id():08}"
            dd.insert(
                context.connection,
                "CONSTRAINTS",
                OWNER=owner,
                CONSTRAINT_NAME=constraint,
                CONSTRAINT_TYPE="O" if read_only else "V",
                TABLE_NAME=name,
                STATUS="ENABLED",
                DEFERRABLE="NOT DEFERRABLE",
                DEFERRED="IMMEDIATE",
                VALIDATED="NOT VALIDATED",
                GENERATED="GENERATED NAME",
            )
    record_dependencies(context, owner, name, kind, body)
    return valid


def record_dependencies(context: Context, owner: str, name: str, kind: str, text: str) -> None:
    """DEPENDENCIES on every object of the database that the text names."""
    cursor = Cursor(text)
    seen: set[tuple[str, str]] = set()
    for at, token in enumerate(cursor.tokens):
        if not token.is_name or (at and cursor.tokens[at - 1].value == "."):
            continue
        pair = (
            (token.value, cursor.tokens[at + 2].value)
            if cursor.tokens[at + 1].value == "." and cursor.tokens[at + 2].is_name
            else (owner, token.value)
        )
        for r_owner, r_name in {pair, (owner, token.value)}:
            if (r_owner, r_name) in seen or (r_owner, r_name) == (owner, name):
                continue
            for (r_kind,) in dd.rows(context.connection, "OBJECTS", "OBJECT_TYPE", OWNER=r_owner, OBJECT_NAME=r_name):
                if str(r_kind) in (
                    "TABLE",
                    "VIEW",
                    "MATERIALIZED VIEW",
                    "SEQUENCE",
                    "SYNONYM",
                    "FUNCTION",
                    "PROCEDURE",
                    "PACKAGE",
                    "TYPE",
                ):
                    seen.add((r_owner, r_name))
                    dd.insert(
                        context.connection,
                        "DEPENDENCIES",
                        OWNER=owner,
                        NAME=name,
                        TYPE=kind,
                        REFERENCED_OWNER=r_owner,
                        REFERENCED_NAME=r_name,
                        REFERENCED_TYPE=str(r_kind),
                        DEPENDENCY_TYPE="HARD",
                    )


def drop_view_rows(context: Context, owner: str, name: str, kind: str) -> None:
    if kind == "MATERIALIZED VIEW":
        context.run(f"DROP TABLE IF EXISTS {relation(owner, name)} CASCADE")
        dd.delete(context.connection, "TABLES", OWNER=owner, TABLE_NAME=name)
        dd.delete(context.connection, "OBJECTS", OWNER=owner, OBJECT_NAME=name, OBJECT_TYPE="TABLE")
    else:
        context.run(f"DROP VIEW IF EXISTS {relation(owner, name)} CASCADE")
    dd.delete(context.connection, "OBJECTS", OWNER=owner, OBJECT_NAME=name, OBJECT_TYPE=kind)
    for family, column in (
        ("TAB_COLS", "TABLE_NAME"),
        ("COL_COMMENTS", "TABLE_NAME"),
        ("TAB_COMMENTS", "TABLE_NAME"),
        ("VIEWS", "VIEW_NAME"),
        ("MVIEWS", "MVIEW_NAME"),
        ("CONSTRAINTS", "TABLE_NAME"),
        ("DEPENDENCIES", "NAME"),
    ):
        dd.delete(context.connection, family, **{"OWNER": owner, column: name})


def drop_view(context: Context, cursor: Cursor, *, materialized: bool = False) -> None:
    owner, name = cursor.qualified()
    owner = owner or context.schema
    kind = "MATERIALIZED VIEW" if materialized else "VIEW"
    if not dd.exists(context.connection, "OBJECTS", OWNER=owner, OBJECT_NAME=name, OBJECT_TYPE=kind):
        raise (
            OracleError(12003, f'materialized view "{owner}"."{name}" does not exist')
            if materialized
            else OracleError(942, "table or view does not exist")
        )
    drop_view_rows(context, owner, name, kind)


# -- PL/SQL: kept as text ------------------------------------------------------------------------------------------------


def create_trigger(context: Context, cursor: Cursor, *, replace: bool) -> None:
    """After CREATE [OR REPLACE] TRIGGER: text and state only."""
    start = cursor.token.start
    owner, name = cursor.qualified()
    owner = context.owner(owner)
    if dd.exists(context.connection, "TRIGGERS", OWNER=owner, TRIGGER_NAME=name):
        if not replace:
            raise OracleError(4081, f"trigger '{name}' already exists")
        drop_trigger_rows(context, owner, name)
    timing = ""
    for words in (("BEFORE",), ("AFTER",), ("INSTEAD", "OF"), ("FOR",)):
        if cursor.accept(*words):
            timing = " ".join(words)
    events = []
    columns: list[str] = []
    while not cursor.is_word("ON") and not cursor.done:
        if cursor.accept("OF"):
            columns.append(cursor.name())
            while cursor.accept(","):
                columns.append(cursor.name())
        elif not cursor.accept("OR"):
            events.append(cursor.name())
    cursor.expect("ON")
    t_owner, table = cursor.qualified()
    base = "SCHEMA" if table == "SCHEMA" else "DATABASE" if table == "DATABASE" else "TABLE"
    t_owner = t_owner or owner
    if base == "TABLE" and dd.exists(context.connection, "VIEWS", OWNER=t_owner, VIEW_NAME=table):
        base = "VIEW"
    elif base == "TABLE" and not dd.exists(context.connection, "TABLES", OWNER=t_owner, TABLE_NAME=table):
        raise OracleError(942, "table or view does not exist")
    referencing = "REFERENCING NEW AS NEW OLD AS OLD"
    enabled, each_row, when = True, False, None
    while not cursor.done and not any(cursor.is_word(w) for w in ("BEGIN", "DECLARE", "CALL", "COMPOUND")):
        if cursor.accept("REFERENCING"):
            begin = cursor.tokens[cursor.at - 1].start
            while (
                cursor.is_word("NEW")
                or cursor.is_word("OLD")
                or cursor.is_word("AS")
                or cursor.tokens[cursor.at - 1].value in ("AS", "NEW", "OLD")
            ):
                cursor.at += 1
            referencing = cursor.text[begin : cursor.token.start].strip()
        elif cursor.accept("FOR", "EACH", "ROW"):
            each_row = True
        elif cursor.accept("DISABLE"):
            enabled = False
        elif cursor.accept("WHEN"):
            when = cursor.parenthesised()
        else:
            cursor.at += 1
    description = cursor.text[start : cursor.token.start].strip() + "\n"
    body = cursor.text[cursor.token.start :].strip().rstrip("/").rstrip()
    compound = cursor.is_word("COMPOUND")
    kind = (
        "COMPOUND"
        if compound
        else "INSTEAD OF"
        if timing == "INSTEAD OF"
        else f"{timing} {'EACH ROW' if each_row else 'STATEMENT' if base == 'TABLE' else 'EVENT'}"
    )
    dd.insert(
        context.connection,
        "TRIGGERS",
        OWNER=owner,
        TRIGGER_NAME=name,
        TRIGGER_TYPE=kind,
        TRIGGERING_EVENT=" OR ".join(events),
        TABLE_OWNER=t_owner if base in ("TABLE", "VIEW") else None,
        BASE_OBJECT_TYPE=base,
        TABLE_NAME=table if base in ("TABLE", "VIEW") else None,
        REFERENCING_NAMES=referencing,
        WHEN_CLAUSE=when,
        STATUS="ENABLED" if enabled else "DISABLED",
        DESCRIPTION=description,
        ACTION_TYPE="CALL" if cursor.is_word("CALL") else "PL/SQL",
        TRIGGER_BODY=body,
        CROSSEDITION="NO",
        BEFORE_STATEMENT="NO",
        BEFORE_ROW="NO",
        AFTER_ROW="NO",
        AFTER_STATEMENT="NO",
        INSTEAD_OF_ROW="NO",
        FIRE_ONCE="YES",
        APPLY_SERVER_ONLY="NO",
    )
    for column in columns:
        dd.insert(
            context.connection,
            "TRIGGER_COLS",
            TRIGGER_OWNER=owner,
            TRIGGER_NAME=name,
            TABLE_OWNER=t_owner,
            TABLE_NAME=table,
            COLUMN_NAME=column,
            COLUMN_LIST="YES",
        )
    add_object(context, owner, name, "TRIGGER")
    _source(context, owner, name, "TRIGGER", "TRIGGER " + cursor.text[start:].strip().rstrip("/").rstrip())
    record_dependencies(context, owner, name, "TRIGGER", body if "'" not in body or body.count("'") % 2 == 0 else "")


def drop_trigger_rows(context: Context, owner: str, name: str) -> None:
    dd.delete(context.connection, "TRIGGERS", OWNER=owner, TRIGGER_NAME=name)
    dd.delete(context.connection, "TRIGGER_COLS", TRIGGER_OWNER=owner, TRIGGER_NAME=name)
    dd.delete(context.connection, "OBJECTS", OWNER=owner, OBJECT_NAME=name, OBJECT_TYPE="TRIGGER")
    dd.delete(context.connection, "SOURCE", OWNER=owner, NAME=name, TYPE="TRIGGER")
    dd.delete(context.connection, "DEPENDENCIES", OWNER=owner, NAME=name, TYPE="TRIGGER")


def _source(context: Context, owner: str, name: str, kind: str, text: str) -> None:
    dd.delete(context.connection, "SOURCE", OWNER=owner, NAME=name, TYPE=kind)
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        dd.insert(context.connection, "SOURCE", OWNER=owner, NAME=name, TYPE=kind, LINE=number, TEXT=line, ORIGIN_CON_ID=3)


def create_unit(context: Context, cursor: Cursor, kind: str, *, replace: bool) -> None:
    """Procedures, functions, packages, type bodies: after the words that say the kind."""
    owner, name = cursor.qualified()
    owner = context.owner(owner)
    if dd.exists(context.connection, "OBJECTS", OWNER=owner, OBJECT_NAME=name, OBJECT_TYPE=kind):
        if not replace:
            raise OracleError(955, "name is already used by an existing object")
        dd.delete(context.connection, "OBJECTS", OWNER=owner, OBJECT_NAME=name, OBJECT_TYPE=kind)
        dd.delete(context.connection, "DEPENDENCIES", OWNER=owner, NAME=name, TYPE=kind)
    elif not kind.endswith("BODY"):
        check_free(context, owner, name)
    object_id = add_object(context, owner, name, kind)
    text = cursor.text.strip().rstrip("/").rstrip()
    match = re.search(rf"(?i)\b{kind.replace(' ', chr(92) + 's+')}\b", text)
    body = text[match.start() :] if match else text
    _source(context, owner, name, kind, body)
    if kind in ("PROCEDURE", "FUNCTION", "PACKAGE"):
        dd.insert(
            context.connection,
            "PROCEDURES",
            OWNER=owner,
            OBJECT_NAME=name,
            OBJECT_ID=object_id,
            SUBPROGRAM_ID=1,
            OBJECT_TYPE=kind,
            AGGREGATE="NO",
            PIPELINED="NO",
            PARALLEL="NO",
            INTERFACE="NO",
            DETERMINISTIC="NO",
            AUTHID="DEFINER",
        )
    record_dependencies(context, owner, name, kind, body)
    cursor.rest()


def drop_unit(context: Context, cursor: Cursor, kind: str) -> None:
    owner, name = cursor.qualified()
    owner = owner or context.schema
    if not dd.exists(context.connection, "OBJECTS", OWNER=owner, OBJECT_NAME=name, OBJECT_TYPE=kind):
        raise OracleError(4043, f"object {name} does not exist")
    for one in {kind, f"{kind} BODY"} if kind in ("PACKAGE", "TYPE") else {kind}:
        dd.delete(context.connection, "OBJECTS", OWNER=owner, OBJECT_NAME=name, OBJECT_TYPE=one)
        dd.delete(context.connection, "SOURCE", OWNER=owner, NAME=name, TYPE=one)
        dd.delete(context.connection, "DEPENDENCIES", OWNER=owner, NAME=name, TYPE=one)
    dd.delete(context.connection, "PROCEDURES", OWNER=owner, OBJECT_NAME=name)
    if kind == "TYPE":
        for family in ("TYPES", "TYPE_ATTRS", "COLL_TYPES", "TYPE_METHODS"):
            dd.delete(context.connection, family, OWNER=owner, TYPE_NAME=name)
    cursor.rest()


def create_type(context: Context, cursor: Cursor, *, replace: bool, semantics: str = "BYTE") -> None:
    """After CREATE [OR REPLACE] TYPE."""
    owner, name = cursor.qualified()
    owner = context.owner(owner)
    if dd.exists(context.connection, "OBJECTS", OWNER=owner, OBJECT_NAME=name, OBJECT_TYPE="TYPE"):
        incomplete = dd.exists(context.connection, "TYPES", OWNER=owner, TYPE_NAME=name, INCOMPLETE="YES")
        if not replace and not incomplete:
            raise OracleError(955, "name is already used by an existing object")
        drop_unit(context, Cursor(f'"{owner}"."{name}"'), "TYPE")
    check_free(context, owner, name)
    if cursor.accept("OID"):
        cursor.string()
    if cursor.accept("FORCE"):
        pass
    supertype: tuple[str, str] | None = None
    add_object(context, owner, name, "TYPE")
    source = cursor.text.strip().rstrip("/").rstrip()
    match = re.search(r"(?i)\btype\b", source)
    _source(context, owner, name, "TYPE", source[match.start() :] if match else source)
    if cursor.done:
        dd.insert(
            context.connection,
            "TYPES",
            OWNER=owner,
            TYPE_NAME=name,
            TYPECODE="OBJECT",
            ATTRIBUTES=0,
            METHODS=0,
            PREDEFINED="NO",
            INCOMPLETE="YES",
            FINAL="YES",
            INSTANTIABLE="YES",
        )
        return
    if cursor.accept("UNDER"):
        s_owner, s_name = cursor.qualified()
        supertype = (s_owner or owner, s_name)
    else:
        if not cursor.accept("AS"):
            cursor.expect("IS")
        if cursor.accept("TABLE", "OF") or cursor.is_word("VARRAY") or cursor.is_word("VARYING"):
            _collection(context, cursor, owner, name, semantics)
            return
        cursor.expect("OBJECT")
    attributes, methods = _attributes(context, cursor, owner, name, semantics)
    final = not re.search(r"(?i)\bNOT\s+FINAL\b", cursor.text)
    dd.insert(
        context.connection,
        "TYPES",
        OWNER=owner,
        TYPE_NAME=name,
        TYPECODE="OBJECT",
        ATTRIBUTES=attributes,
        METHODS=methods,
        PREDEFINED="NO",
        INCOMPLETE="NO",
        FINAL="YES" if final else "NO",
        INSTANTIABLE="YES",
        SUPERTYPE_OWNER=supertype[0] if supertype else None,
        SUPERTYPE_NAME=supertype[1] if supertype else None,
        LOCAL_ATTRIBUTES=attributes if supertype else None,
    )


def _collection(context: Context, cursor: Cursor, owner: str, name: str, semantics: str) -> None:
    bound = None
    if cursor.accept("VARRAY") or cursor.accept("VARYING", "ARRAY"):
        cursor.expect("(")
        bound = cursor.integer()
        cursor.expect(")", "OF")
    kind = parse_type(cursor, semantics)
    dd.insert(
        context.connection,
        "TYPES",
        OWNER=owner,
        TYPE_NAME=name,
        TYPECODE="COLLECTION",
        ATTRIBUTES=0,
        METHODS=0,
        PREDEFINED="NO",
        INCOMPLETE="NO",
        FINAL="YES",
        INSTANTIABLE="YES",
    )
    dd.insert(
        context.connection,
        "COLL_TYPES",
        OWNER=owner,
        TYPE_NAME=name,
        COLL_TYPE="VARYING ARRAY" if bound is not None else "TABLE",
        UPPER_BOUND=bound,
        ELEM_TYPE_OWNER=(owner if kind.owner == "?" else kind.owner) if kind.owner else None,
        ELEM_TYPE_NAME=kind.name,
        LENGTH=kind.length or None,
        PRECISION=kind.precision,
        SCALE=kind.scale,
        CHARACTER_SET_NAME="CHAR_CS" if kind.length and kind.name != "RAW" else None,
        NULLS_STORED="YES",
        CHAR_USED=("C" if kind.chars else "B") if kind.length else None,
    )
    cursor.rest()


def _attributes(context: Context, cursor: Cursor, owner: str, name: str, semantics: str) -> tuple[int, int]:
    attributes = methods = 0
    if not cursor.accept("("):
        return 0, 0
    while True:
        if any(
            cursor.is_word(w)
            for w in ("MEMBER", "STATIC", "CONSTRUCTOR", "MAP", "ORDER", "FINAL", "NOT", "OVERRIDING", "INSTANTIABLE", "PRAGMA")
        ):
            method = ""
            depth = 0
            while not (depth == 0 and (cursor.is_word(",") or cursor.is_word(")"))):
                if cursor.token.value in ("FUNCTION", "PROCEDURE") and not method:
                    method = cursor.peek().value
                depth += 1 if cursor.is_word("(") else -1 if cursor.is_word(")") else 0
                cursor.at += 1
            methods += 1
            dd.insert(
                context.connection,
                "TYPE_METHODS",
                OWNER=owner,
                TYPE_NAME=name,
                METHOD_NAME=method,
                METHOD_NO=methods,
                METHOD_TYPE="PUBLIC",
            )
        else:
            attributes += 1
            attribute = cursor.name()
            reference = cursor.accept("REF")
            kind = parse_type(cursor, semantics)
            dd.insert(
                context.connection,
                "TYPE_ATTRS",
                OWNER=owner,
                TYPE_NAME=name,
                ATTR_NAME=attribute,
                ATTR_TYPE_MOD="REF" if reference else None,
                ATTR_TYPE_OWNER=(owner if kind.owner == "?" else kind.owner) if kind.owner else None,
                ATTR_TYPE_NAME=kind.name if kind.owner else kind.dictionary_name,
                LENGTH=kind.length or None,
                PRECISION=kind.precision,
                SCALE=kind.scale,
                CHARACTER_SET_NAME="CHAR_CS" if kind.length and kind.name != "RAW" else None,
                ATTR_NO=attributes,
                INHERITED="NO",
                CHAR_USED=("C" if kind.chars else "B") if kind.length else None,
            )
        if cursor.accept(","):
            continue
        cursor.expect(")")
        cursor.rest()
        return attributes, methods
