"""Views and materialized views: kept as text, and as PostgreSQL's where they can be translated."""

from __future__ import annotations

import re
from collections.abc import Callable

from voyager_ops.testing.oracle import dictionary as dd
from voyager_ops.testing.oracle.datatypes import DataType
from voyager_ops.testing.oracle.ddl_columns import record_column
from voyager_ops.testing.oracle.ddl_context import Context, add_object, check_free, check_name, relation
from voyager_ops.testing.oracle.ddl_model import Column
from voyager_ops.testing.oracle.ddl_view_columns import UNKNOWN, listed_columns, type_columns
from voyager_ops.testing.oracle.engine import ColumnInfo, OracleError, TypeNumber
from voyager_ops.testing.oracle.rewrite import quote
from voyager_ops.testing.oracle.tokens import Cursor

Describe = Callable[[str, str], tuple[str, list[ColumnInfo]]]

"""A query's text, and the schema in which its names are looked up -> PostgreSQL's text, and its columns (without names where
an expression has none)."""


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


def named(infos: list[ColumnInfo]) -> list[str]:
    """Their names. ORA-00998 where an expression has none."""
    if any(not info.name for info in infos):
        raise OracleError(998, "must name this expression with a column alias")
    return [info.name for info in infos]


def create_view(
    context: Context, cursor: Cursor, describe: Describe, *, replace: bool, force: bool, materialized: bool = False
) -> bool:
    """After CREATE … VIEW; whether it is VALID. What cannot be translated is valid, but cannot be queried here."""

    owner, name = cursor.qualified()
    owner = context.owner(owner)
    check_name(name)
    names = []
    of_type = super_view = None
    if not materialized and cursor.accept("OF"):
        type_owner, type_name = cursor.qualified()
        of_type = (type_owner or owner, type_name)
        super_view = cursor.qualified()[1] if cursor.accept("UNDER") else None
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
    if not text:
        raise OracleError(928, "missing SELECT keyword")
    read_only = bool(re.search(r"\bWITH\s+READ\s+ONLY\s*$", text, re.I))
    check = bool(re.search(r"\bWITH\s+CHECK\s+OPTION\b", text, re.I))
    body = re.sub(r"\bWITH\s+(READ\s+ONLY|CHECK\s+OPTION)(\s+CONSTRAINT\s+\w+)?\s*$", "", text, flags=re.I)
    kind = "MATERIALIZED VIEW" if materialized else "VIEW"
    prebuilt = materialized and bool(re.search(r"\bON\s+PREBUILT\s+TABLE\b", options))
    if prebuilt:
        _prebuilt(context, owner, name)
    if replace and dd.exists(context.connection, "OBJECTS", OWNER=owner, OBJECT_NAME=name, OBJECT_TYPE=kind):
        drop_view_rows(context, owner, name, kind)
    if not prebuilt:
        check_free(context, owner, name)
    valid = queryable = True
    infos: list[ColumnInfo] = []
    context.connection.execute("SAVEPOINT a_view")
    typed = type_columns(context, *of_type) if of_type is not None else []
    try:
        if typed:
            raise OracleError(3001, "unimplemented feature (simulator: views of objects cannot be queried)")
        postgres, infos = describe(body, owner)
        listed = names or named(infos)
        if len(listed) != len(infos):
            raise OracleError(1730, "invalid number of column names specified")
        columns = ", ".join(quote(n) for n in listed)
        if prebuilt:
            pass
        elif materialized:
            context.run(f"CREATE TABLE {relation(owner, name)} ({columns}) AS {postgres}")
            context.run(f'ALTER TABLE {relation(owner, name)} ADD "ORA$RID" bigint GENERATED BY DEFAULT AS IDENTITY')
        else:
            context.run(f"CREATE VIEW {relation(owner, name)} ({columns}) AS {postgres}")
            if check:
                _check_option(context, owner, name)
    except OracleError as error:
        context.connection.execute("ROLLBACK TO a_view")
        # What the simulator cannot translate is kept as text and is no error of whoever wrote it.
        unknown = error.code in (900, 932, 3001) or "simulator" in error.message or _calls_a_program(context, owner, error)
        if not force and not unknown:
            raise
        queryable, valid = False, unknown
    context.connection.execute("RELEASE a_view")
    object_id = context.oid(owner, name) if queryable and not prebuilt else None
    add_object(context, owner, name, kind, object_id, status="VALID" if valid else "INVALID")
    if not prebuilt:
        known = (
            column_types(infos)
            if queryable
            else typed or [(n, UNKNOWN) for n in names or (listed_columns(body) if valid else ())]
        )
        _record_columns(context, owner, name, known, names, materialized=materialized)
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
            UNKNOWN_PREBUILT="Y" if prebuilt else "N",
        )
        if prebuilt:
            dd.update(context.connection, "MVIEWS", {"OWNER": owner, "MVIEW_NAME": name}, BUILD_MODE="PREBUILT")
            record_dependencies(context, owner, name, kind, body)
            return valid
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
            VIEW_TYPE_OWNER=of_type[0] if of_type else None,
            VIEW_TYPE=of_type[1] if of_type else None,
            SUPERVIEW_NAME=super_view,
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


def _check_option(context: Context, owner: str, name: str) -> None:
    """ORA-01402 for rows that the view would not show; PostgreSQL has it for views of one table only."""
    context.connection.execute("SAVEPOINT a_check")
    try:
        context.run(f"ALTER VIEW {relation(owner, name)} SET (check_option = cascaded)")
    except OracleError:
        context.connection.execute("ROLLBACK TO a_check")
    context.connection.execute("RELEASE a_check")


def _calls_a_program(context: Context, owner: str, error: OracleError) -> bool:
    """Whether what was not found as a column is a function of somebody's own, a package or a type: it is not run here."""
    found = re.match(r'"([^"]+)": invalid identifier', error.message)
    if error.code != 904 or found is None:
        return False
    return any(
        dd.exists(context.connection, "OBJECTS", OWNER=owner, OBJECT_NAME=found[1], OBJECT_TYPE=kind)
        for kind in ("FUNCTION", "PACKAGE", "TYPE")
    )


def _prebuilt(context: Context, owner: str, name: str) -> None:
    """ORA-12059, ORA-12006 unless a table of that name waits to become the materialized view's."""
    if not dd.exists(context.connection, "TABLES", OWNER=owner, TABLE_NAME=name):
        raise OracleError(12059, f'prebuilt table "{owner}"."{name}" does not exist')
    if dd.exists(context.connection, "MVIEWS", OWNER=owner, MVIEW_NAME=name):
        raise OracleError(12006, f'a materialized view with the same user.name already exists "{owner}"."{name}"')


def _record_columns(
    context: Context, owner: str, name: str, known: list[tuple[str, DataType]], names: list[str], *, materialized: bool
) -> None:
    for number, (column_name, data_type) in enumerate(known, 1):
        shown = names[number - 1] if names else column_name
        record_column(context, owner, name, Column(shown, data_type), number, number)
        dd.insert(context.connection, "COL_COMMENTS", OWNER=owner, TABLE_NAME=name, COLUMN_NAME=shown)
    dd.insert(context.connection, "TAB_COMMENTS", OWNER=owner, TABLE_NAME=name, TABLE_TYPE="TABLE" if materialized else "VIEW")


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
