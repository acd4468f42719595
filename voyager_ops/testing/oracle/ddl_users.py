"""Users and roles."""

from __future__ import annotations

from typing import Final

from voyager_ops.testing.oracle import dictionary as dd
from voyager_ops.testing.oracle.ddl_context import Context, check_name
from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.rewrite import quote
from voyager_ops.testing.oracle.tokens import Cursor

_NAMED: Final = (
    ("TEMPORARY", "TABLESPACE"),
    ("LOCAL", "TEMPORARY", "TABLESPACE"),
    ("DEFAULT", "COLLATION"),
    ("PROFILE",),
    ("CONTAINER",),
)
"""Clauses with a name that are taken and forgotten."""


def add_user(context: Context, name: str, password: str, *, maintained: bool = False) -> None:
    """A user and its schema. ORA-01920."""
    check_name(name)
    if dd.exists(context.connection, "USERS", USERNAME=name) or dd.exists(context.connection, "ROLES", ROLE=name):
        raise OracleError(1920, f"user name '{name}' conflicts with another user or role name")
    dd.insert(
        context.connection,
        "USERS",
        USERNAME=name,
        USER_ID=context.next_id(),
        PASSWORD=password,
        ACCOUNT_STATUS="OPEN",
        DEFAULT_TABLESPACE="USERS",
        TEMPORARY_TABLESPACE="TEMP",
        PROFILE="DEFAULT",
        COMMON="YES" if name.startswith("C##") or maintained else "NO",
        ORACLE_MAINTAINED="Y" if maintained else "N",
        AUTHENTICATION_TYPE="PASSWORD",
        INHERITED="NO",
    )
    context.connection.execute('UPDATE ora."USERS" SET "CREATED" = ora.sysdate() WHERE "USERNAME" = %s::text', (name,))
    context.run(f"CREATE SCHEMA IF NOT EXISTS {quote(name)}")


def create_user(context: Context, cursor: Cursor) -> None:
    """After CREATE USER."""
    name = cursor.name()
    password = ""
    if cursor.accept("IDENTIFIED", "BY"):
        token = cursor.token
        cursor.at += 1
        # Passwords are case-sensitive, quoted or not.
        password = cursor.text[token.start : token.end].strip('"') if token.kind == "word" else token.value
    elif cursor.accept("NO", "AUTHENTICATION") or cursor.accept("IDENTIFIED"):
        pass
    add_user(context, name, password)
    while not cursor.done:
        _option(context, cursor, name)


def _option(context: Context, cursor: Cursor, name: str) -> None:
    """One clause of CREATE USER or ALTER USER. Raises ORA-00922."""
    status = ""
    if cursor.accept("ACCOUNT", "LOCK"):
        status = "LOCKED"
    elif cursor.accept("ACCOUNT", "UNLOCK"):
        status = "OPEN"
    elif cursor.accept("PASSWORD", "EXPIRE"):
        status = "EXPIRED"
    elif cursor.accept("DEFAULT", "TABLESPACE"):
        dd.update(context.connection, "USERS", {"USERNAME": name}, DEFAULT_TABLESPACE=cursor.name())
    elif cursor.accept("QUOTA"):
        _quota(context, cursor, name)
    elif any(cursor.accept(*words) for words in _NAMED):
        cursor.accept("=")
        cursor.name()
    elif cursor.accept("DEFAULT", "ROLE") or cursor.accept("SET", "CONTAINER_DATA"):
        cursor.rest()
    elif not cursor.accept("ENABLE", "EDITIONS"):
        raise OracleError(922, "missing or invalid option")
    if status:
        dd.update(context.connection, "USERS", {"USERNAME": name}, ACCOUNT_STATUS=status)


def _quota(context: Context, cursor: Cursor, name: str) -> None:
    maximum = -1
    if not cursor.accept("UNLIMITED"):
        text = cursor.text[cursor.token.start : cursor.token.end]
        cursor.at += 1
        if cursor.token.value in ("K", "M", "G"):
            text += cursor.name()
        maximum = int("".join(c for c in text if c.isdigit())) * {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}.get(
            text[-1].upper(), 1
        )
    cursor.expect("ON")
    tablespace = cursor.name()
    dd.delete(context.connection, "TS_QUOTAS", USERNAME=name, TABLESPACE_NAME=tablespace)
    dd.insert(
        context.connection,
        "TS_QUOTAS",
        USERNAME=name,
        TABLESPACE_NAME=tablespace,
        BYTES=0,
        MAX_BYTES=maximum,
        BLOCKS=0,
        MAX_BLOCKS=-1,
        DROPPED="NO",
    )


def alter_user(context: Context, cursor: Cursor) -> None:
    name = cursor.name()
    if not dd.exists(context.connection, "USERS", USERNAME=name):
        raise OracleError(1918, f"user '{name}' does not exist")
    while not cursor.done:
        if cursor.accept("IDENTIFIED", "BY"):
            token = cursor.token
            cursor.at += 1
            dd.update(context.connection, "USERS", {"USERNAME": name}, PASSWORD=cursor.text[token.start : token.end].strip('"'))
            dd.update(context.connection, "USERS", {"USERNAME": name, "ACCOUNT_STATUS": "EXPIRED"}, ACCOUNT_STATUS="OPEN")
        else:
            _option(context, cursor, name)


def create_role(context: Context, cursor: Cursor) -> None:
    """After CREATE ROLE. Whoever creates it may grant it."""
    name = cursor.name()
    if dd.exists(context.connection, "USERS", USERNAME=name) or dd.exists(context.connection, "ROLES", ROLE=name):
        raise OracleError(1921, f"role name '{name}' conflicts with another user or role name")
    dd.insert(
        context.connection,
        "ROLES",
        ROLE=name,
        ROLE_ID=context.next_id(),
        PASSWORD_REQUIRED="NO",  # noqa: S106 - a column of the dictionary
        AUTHENTICATION_TYPE="NONE",
        COMMON="NO",
        ORACLE_MAINTAINED="N",
        INHERITED="NO",
    )
    dd.insert(
        context.connection,
        "ROLE_PRIVS_",
        GRANTEE=context.user,
        GRANTED_ROLE=name,
        ADMIN_OPTION="YES",
        DELEGATE_OPTION="NO",
        DEFAULT_ROLE="YES",
        COMMON="NO",
        INHERITED="NO",
    )
    cursor.rest()


def drop_user(context: Context, cursor: Cursor) -> list[str]:
    """After DROP USER; the tables that went with it."""
    name = cursor.name()
    cascade = cursor.accept("CASCADE")
    connection = context.connection
    if not dd.exists(connection, "USERS", USERNAME=name):
        raise OracleError(1918, f"user '{name}' does not exist")
    # A session that was killed stays in the list until its client asks for something.
    alive = "SELECT FROM ora.sessions JOIN pg_stat_activity USING (pid) WHERE username = %s"
    if connection.execute(alive, (name,)).fetchone() is not None:
        raise OracleError(1940, "cannot drop a user that is currently connected")
    if dd.exists(connection, "OBJECTS", OWNER=name) and not cascade:
        raise OracleError(1922, f"CASCADE must be specified to drop '{name}'")
    tables = [str(t) for (t,) in dd.rows(connection, "TABLES", "TABLE_NAME", OWNER=name)]
    context.run(f"DROP SCHEMA IF EXISTS {quote(name)} CASCADE")
    for family in dd.FAMILIES.values():
        for column in {
            family.owner,
            "OWNER" if "OWNER" in family.columns else None,
            "TABLE_OWNER" if "TABLE_OWNER" in family.columns else None,
            "GRANTEE" if "GRANTEE" in family.columns else None,
        }:
            if column is not None:
                dd.delete(connection, family.name, **{column: name})
    return tables
