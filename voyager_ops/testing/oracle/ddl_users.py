"""Users, roles and grants: state that statements change and other statements check."""

from __future__ import annotations

from voyager_ops.testing.oracle import dictionary as dd
from voyager_ops.testing.oracle.ddl_create import Context, check_name
from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.rewrite import quote
from voyager_ops.testing.oracle.tokens import Cursor

OBJECT_PRIVILEGES = {
    "SELECT",
    "READ",
    "INSERT",
    "UPDATE",
    "DELETE",
    "ALTER",
    "REFERENCES",
    "INDEX",
    "EXECUTE",
    "FLASHBACK",
    "ON COMMIT REFRESH",
    "QUERY REWRITE",
    "DEBUG",
    "UNDER",
    "WRITE",
}
EVERYTHING = (
    "CREATE SESSION",
    "ALTER SESSION",
    "SET CONTAINER",
    "CREATE TABLE",
    "CREATE ANY TABLE",
    "ALTER ANY TABLE",
    "DROP ANY TABLE",
    "SELECT ANY TABLE",
    "READ ANY TABLE",
    "INSERT ANY TABLE",
    "UPDATE ANY TABLE",
    "DELETE ANY TABLE",
    "LOCK ANY TABLE",
    "COMMENT ANY TABLE",
    "FLASHBACK ANY TABLE",
    "SELECT ANY DICTIONARY",
    "SELECT ANY TRANSACTION",
    "CREATE VIEW",
    "CREATE ANY VIEW",
    "DROP ANY VIEW",
    "CREATE SEQUENCE",
    "CREATE ANY SEQUENCE",
    "ALTER ANY SEQUENCE",
    "DROP ANY SEQUENCE",
    "SELECT ANY SEQUENCE",
    "CREATE SYNONYM",
    "CREATE ANY SYNONYM",
    "CREATE PUBLIC SYNONYM",
    "DROP PUBLIC SYNONYM",
    "CREATE PROCEDURE",
    "CREATE ANY PROCEDURE",
    "EXECUTE ANY PROCEDURE",
    "CREATE TRIGGER",
    "CREATE ANY TRIGGER",
    "ALTER ANY TRIGGER",
    "CREATE TYPE",
    "CREATE ANY TYPE",
    "CREATE MATERIALIZED VIEW",
    "CREATE ANY INDEX",
    "ALTER ANY INDEX",
    "DROP ANY INDEX",
    "CREATE USER",
    "ALTER USER",
    "DROP USER",
    "CREATE ROLE",
    "GRANT ANY ROLE",
    "GRANT ANY PRIVILEGE",
    "GRANT ANY OBJECT PRIVILEGE",
    "ALTER SYSTEM",
    "ALTER DATABASE",
    "LOGMINING",
    "UNLIMITED TABLESPACE",
    "CREATE TABLESPACE",
    "RESTRICTED SESSION",
    "CREATE DATABASE LINK",
    "AUDIT ANY",
    "BECOME USER",
    "CREATE ANY MATERIALIZED VIEW",
    "DROP ANY MATERIALIZED VIEW",
    "DROP ANY SYNONYM",
    "DROP ANY PROCEDURE",
    "DROP ANY TYPE",
    "DROP ANY TRIGGER",
    "CREATE ANY DIRECTORY",
    "ADMINISTER DATABASE TRIGGER",
)
ROLES = {
    "DBA": EVERYTHING,
    "CONNECT": ("CREATE SESSION", "SET CONTAINER"),
    "PDB_DBA": (),
    "SELECT_CATALOG_ROLE": (),
    "EXECUTE_CATALOG_ROLE": (),
    "LOGSTDBY_ADMINISTRATOR": (),
    "RESOURCE": (
        "CREATE TABLE",
        "CREATE SEQUENCE",
        "CREATE PROCEDURE",
        "CREATE TRIGGER",
        "CREATE TYPE",
        "CREATE CLUSTER",
        "CREATE OPERATOR",
        "CREATE INDEXTYPE",
    ),
    "EXP_FULL_DATABASE": ("SELECT ANY TABLE",),
    "IMP_FULL_DATABASE": (),
    "DATAPUMP_EXP_FULL_DATABASE": ("SELECT ANY TABLE",),
    "GATHER_SYSTEM_STATISTICS": (),
    "AQ_ADMINISTRATOR_ROLE": (),
}


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
        if cursor.accept("ACCOUNT", "LOCK"):
            dd.update(context.connection, "USERS", {"USERNAME": name}, ACCOUNT_STATUS="LOCKED")
        elif cursor.accept("DEFAULT", "TABLESPACE"):
            dd.update(context.connection, "USERS", {"USERNAME": name}, DEFAULT_TABLESPACE=cursor.name())
        elif cursor.accept("QUOTA"):
            _quota(context, cursor, name)
        else:
            cursor.at += 1


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
        elif cursor.accept("ACCOUNT", "LOCK"):
            dd.update(context.connection, "USERS", {"USERNAME": name}, ACCOUNT_STATUS="LOCKED")
        elif cursor.accept("ACCOUNT", "UNLOCK"):
            dd.update(context.connection, "USERS", {"USERNAME": name}, ACCOUNT_STATUS="OPEN")
        elif cursor.accept("QUOTA"):
            _quota(context, cursor, name)
        else:
            cursor.at += 1


def create_role(context: Context, cursor: Cursor) -> None:
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
    cursor.rest()


def _grantees(context: Context, cursor: Cursor) -> list[str]:
    names = [cursor.name()]
    while cursor.accept(","):
        names.append(cursor.name())
    for name in names:
        if (
            name != "PUBLIC"
            and not dd.exists(context.connection, "USERS", USERNAME=name)
            and not dd.exists(context.connection, "ROLES", ROLE=name)
        ):
            raise OracleError(1917, f"user or role '{name}' does not exist")
    return names


def _privileges(cursor: Cursor) -> list[tuple[str, list[str]]]:
    """``SELECT, INSERT (a, b), CREATE ANY TABLE``: each with its columns."""
    result = []
    while True:
        words = []
        while cursor.token.is_name and not cursor.is_word("ON") and not cursor.is_word("TO") and not cursor.is_word("FROM"):
            words.append(cursor.name())
        if words == ["ON"] or not words:
            raise cursor.fail(990)
        if cursor.is_word("ON", "COMMIT"):
            cursor.expect("ON", "COMMIT", "REFRESH")
            words = ["ON COMMIT REFRESH"]
        columns = cursor.names() if cursor.is_word("(") else []
        result.append((" ".join(words), columns))
        if not cursor.accept(","):
            return result


def _object(context: Context, cursor: Cursor) -> tuple[str, str, str]:
    """After ON: (owner, name, type)."""
    if cursor.accept("DIRECTORY"):
        return "SYS", cursor.name(), "DIRECTORY"
    if cursor.accept("TYPE"):
        pass
    owner, name = cursor.qualified()
    if owner == "SYS" or (owner is None and name.startswith(("V_$", "GV_$", "V$", "DBMS_", "UTL_", "DBA_"))):
        return "SYS", name, "PACKAGE" if name.startswith(("DBMS_", "UTL_")) else "VIEW"
    found = dd.rows(context.connection, "OBJECTS", "OBJECT_TYPE", OWNER=owner or context.schema, OBJECT_NAME=name)
    kinds = [
        str(k)
        for (k,) in found
        if str(k) not in ("INDEX", "TRIGGER", "LOB", "PACKAGE BODY", "TYPE BODY", "TABLE PARTITION", "TABLE SUBPARTITION")
    ]
    if not kinds:
        for u_owner, u_name in dd.rows(
            context.connection, "SYNONYMS", "TABLE_OWNER", "TABLE_NAME", OWNER=owner or context.schema, SYNONYM_NAME=name
        ):
            return str(u_owner), str(u_name), "TABLE"
        raise OracleError(942, "table or view does not exist")
    return owner or context.schema, name, kinds[0]


def _may_grant(context: Context, owner: str, name: str) -> None:
    if owner == context.user:
        return
    powerful = context.connection.execute(
        "SELECT FROM ora.sys_privileges(%s::text) p WHERE p IN ('GRANT ANY OBJECT PRIVILEGE')", (context.user,)
    ).fetchone()
    optioned = dd.exists(context.connection, "TAB_PRIVS_", GRANTEE=context.user, OWNER=owner, TABLE_NAME=name, GRANTABLE="YES")
    if powerful is None and not optioned:
        raise OracleError(1031, "insufficient privileges")


def _need(context: Context, *privileges: str) -> None:
    found = context.connection.execute(
        "SELECT FROM ora.sys_privileges(%s::text) p WHERE p = ANY (%s)", (context.user, list(privileges))
    ).fetchone()
    if found is None:
        raise OracleError(1031, "insufficient privileges")


def grant(context: Context, cursor: Cursor) -> None:
    """After GRANT."""
    privileges = _privileges(cursor)
    connection = context.connection
    if cursor.accept("ON"):
        owner, name, kind = _object(context, cursor)
        _may_grant(context, owner, name)
        cursor.expect("TO")
        grantees = _grantees(context, cursor)
        option = "YES" if cursor.accept("WITH", "GRANT", "OPTION") else "NO"
        for privilege, columns in privileges:
            words = (
                ["SELECT", "INSERT", "UPDATE", "DELETE", "ALTER", "INDEX", "REFERENCES", "FLASHBACK", "DEBUG", "READ"]
                if privilege in ("ALL", "ALL PRIVILEGES")
                else [privilege]
            )
            for grantee in grantees:
                for word in words:
                    if word not in OBJECT_PRIVILEGES:
                        raise OracleError(990, "missing or invalid privilege")
                    for column in columns:
                        dd.insert(
                            connection,
                            "COL_PRIVS_",
                            GRANTEE=grantee,
                            OWNER=owner,
                            TABLE_NAME=name,
                            COLUMN_NAME=column,
                            GRANTOR=context.user,
                            PRIVILEGE=word,
                            GRANTABLE=option,
                        )
                    if not columns:
                        dd.delete(connection, "TAB_PRIVS_", GRANTEE=grantee, OWNER=owner, TABLE_NAME=name, PRIVILEGE=word)
                        dd.insert(
                            connection,
                            "TAB_PRIVS_",
                            GRANTEE=grantee,
                            OWNER=owner,
                            TABLE_NAME=name,
                            GRANTOR=owner,
                            PRIVILEGE=word,
                            GRANTABLE=option,
                            HIERARCHY="NO",
                            COMMON="NO",
                            TYPE=kind,
                            INHERITED="NO",
                        )
        return
    cursor.expect("TO")
    grantees = _grantees(context, cursor)
    option = "YES" if cursor.accept("WITH", "ADMIN", "OPTION") else "NO"
    for privilege, _ in privileges:
        role = dd.exists(connection, "ROLES", ROLE=privilege)
        if (
            not role
            and privilege not in EVERYTHING
            and privilege not in ("ALL PRIVILEGES", "ALL", "SYSDBA", "SYSBACKUP")
            and " " not in privilege
        ):
            raise OracleError(1919, f"role '{privilege}' does not exist")
        _need(context, "GRANT ANY ROLE" if role else "GRANT ANY PRIVILEGE")
        for grantee in grantees:
            if role:
                dd.delete(connection, "ROLE_PRIVS_", GRANTEE=grantee, GRANTED_ROLE=privilege)
                dd.insert(
                    connection,
                    "ROLE_PRIVS_",
                    GRANTEE=grantee,
                    GRANTED_ROLE=privilege,
                    ADMIN_OPTION=option,
                    DELEGATE_OPTION="NO",
                    DEFAULT_ROLE="YES",
                    COMMON="NO",
                    INHERITED="NO",
                )
            else:
                for one in EVERYTHING if privilege in ("ALL PRIVILEGES", "ALL") else [privilege]:
                    dd.delete(connection, "SYS_PRIVS_", GRANTEE=grantee, PRIVILEGE=one)
                    dd.insert(
                        connection, "SYS_PRIVS_", GRANTEE=grantee, PRIVILEGE=one, ADMIN_OPTION=option, COMMON="NO", INHERITED="NO"
                    )


def revoke(context: Context, cursor: Cursor) -> None:
    """After REVOKE."""
    privileges = _privileges(cursor)
    connection = context.connection
    if cursor.accept("ON"):
        owner, name, _ = _object(context, cursor)
        _may_grant(context, owner, name)
        cursor.expect("FROM")
        for grantee in _grantees(context, cursor):
            for privilege, _ in privileges:
                if privilege in ("ALL", "ALL PRIVILEGES"):
                    removed = dd.delete(connection, "TAB_PRIVS_", GRANTEE=grantee, OWNER=owner, TABLE_NAME=name)
                else:
                    removed = dd.delete(
                        connection, "TAB_PRIVS_", GRANTEE=grantee, OWNER=owner, TABLE_NAME=name, PRIVILEGE=privilege
                    )
                    removed += dd.delete(
                        connection, "COL_PRIVS_", GRANTEE=grantee, OWNER=owner, TABLE_NAME=name, PRIVILEGE=privilege
                    )
                if not removed:
                    raise OracleError(1927, "cannot REVOKE privileges you did not grant")
        return
    cursor.expect("FROM")
    for grantee in _grantees(context, cursor):
        for privilege, _ in privileges:
            role = dd.exists(connection, "ROLES", ROLE=privilege)
            _need(context, "GRANT ANY ROLE" if role else "GRANT ANY PRIVILEGE")
            if role and not dd.delete(connection, "ROLE_PRIVS_", GRANTEE=grantee, GRANTED_ROLE=privilege):
                raise OracleError(1951, f"ROLE '{privilege}' not granted to '{grantee}'")
            if not role and not dd.delete(connection, "SYS_PRIVS_", GRANTEE=grantee, PRIVILEGE=privilege):
                raise OracleError(1952, f"system privileges not granted to '{grantee}'")


def drop_user(context: Context, cursor: Cursor) -> list[str]:
    """After DROP USER; the tables that went with it."""
    name = cursor.name()
    cascade = cursor.accept("CASCADE")
    connection = context.connection
    if not dd.exists(connection, "USERS", USERNAME=name):
        raise OracleError(1918, f"user '{name}' does not exist")
    if connection.execute("SELECT FROM ora.sessions WHERE username = %s", (name,)).fetchone() is not None:
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
