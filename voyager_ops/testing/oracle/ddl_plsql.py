"""Triggers, procedures, functions and packages: kept as text, but for what ``ddl_triggers`` can run."""

from __future__ import annotations

import re

from voyager_ops.testing.oracle import ddl_triggers
from voyager_ops.testing.oracle import dictionary as dd
from voyager_ops.testing.oracle.ddl_context import Context, add_object, check_free
from voyager_ops.testing.oracle.ddl_views import record_dependencies
from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.tokens import Cursor


def create_trigger(context: Context, cursor: Cursor, *, replace: bool) -> None:
    """After CREATE [OR REPLACE] TRIGGER."""
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
    if cursor.accept("NESTED", "TABLE"):
        cursor.name()
        cursor.expect("OF")
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
    record_source(context, owner, name, "TRIGGER", "TRIGGER " + cursor.text[start:].strip().rstrip("/").rstrip())
    record_dependencies(context, owner, name, "TRIGGER", body if "'" not in body or body.count("'") % 2 == 0 else "")
    ddl_triggers.install(context, owner, name)


def drop_trigger_rows(context: Context, owner: str, name: str) -> None:
    dd.delete(context.connection, "TRIGGERS", OWNER=owner, TRIGGER_NAME=name)
    dd.delete(context.connection, "TRIGGER_COLS", TRIGGER_OWNER=owner, TRIGGER_NAME=name)
    dd.delete(context.connection, "OBJECTS", OWNER=owner, OBJECT_NAME=name, OBJECT_TYPE="TRIGGER")
    dd.delete(context.connection, "SOURCE", OWNER=owner, NAME=name, TYPE="TRIGGER")
    dd.delete(context.connection, "DEPENDENCIES", OWNER=owner, NAME=name, TYPE="TRIGGER")


def record_source(context: Context, owner: str, name: str, kind: str, text: str) -> None:
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
    record_source(context, owner, name, kind, body)
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
