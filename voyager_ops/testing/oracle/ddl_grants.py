"""GRANT and REVOKE: state that other statements check."""

from __future__ import annotations

from voyager_ops.testing.oracle import dictionary as dd
from voyager_ops.testing.oracle.ddl_context import Context
from voyager_ops.testing.oracle.ddl_privileges import EVERYTHING, OBJECT_PRIVILEGES, RDS_OWNER, SYSTEM_VERBS
from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.tokens import Cursor


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
    optioned = dd.exists(context.connection, "TAB_PRIVS_", GRANTEE=context.user, OWNER=owner, TABLE_NAME=name, GRANTABLE="YES")
    if owner == "SYS" and not optioned and dd.exists(context.connection, "USERS", USERNAME=RDS_OWNER):
        raise OracleError(1031, "insufficient privileges")
    powerful = context.connection.execute(
        "SELECT FROM ora.sys_privileges(%s::text) p WHERE p IN ('GRANT ANY OBJECT PRIVILEGE')", (context.user,)
    ).fetchone()
    if powerful is None and not optioned:
        seen = context.connection.execute("SELECT ora.sees(%s, %s)", (owner, name)).fetchone()
        if seen is None or not seen[0]:
            raise OracleError(942, "table or view does not exist")
        raise OracleError(1031, "insufficient privileges")


def _check_grantees(context: Context, owner: str, grantees: list[str]) -> None:
    if owner == context.user and context.user in grantees:
        raise OracleError(1749, "you may not GRANT/REVOKE privileges to/from yourself")


def _check_kind(privilege: str, kind: str) -> None:
    """ORA-02224, ORA-02225, ORA-02205 for a privilege that objects of this type do not have."""
    if privilege in ("ALL", "ALL PRIVILEGES") or privilege not in OBJECT_PRIVILEGES:
        return
    if kind in ("TABLE", "VIEW", "MATERIALIZED VIEW") and privilege == "EXECUTE":
        raise OracleError(2224, "EXECUTE privilege not allowed for tables")
    if kind in ("PROCEDURE", "FUNCTION", "PACKAGE") and privilege not in ("EXECUTE", "DEBUG"):
        raise OracleError(2225, "only EXECUTE and DEBUG privileges are valid for procedures")
    if kind == "SEQUENCE" and privilege not in ("SELECT", "ALTER", "KEEP SEQUENCE"):
        raise OracleError(2205, "only SELECT and ALTER privileges are valid for sequences")


def _may_give(context: Context, what: str, *, role: bool) -> None:
    """ORA-01031 unless the user may grant and revoke the role or the system privilege: any, or this one by its ADMIN OPTION."""
    whatever = "GRANT ANY ROLE" if role else "GRANT ANY PRIVILEGE"
    family, column = ("ROLE_PRIVS_", "GRANTED_ROLE") if role else ("SYS_PRIVS_", "PRIVILEGE")
    found = context.connection.execute(
        f'SELECT FROM ora.sys_privileges(%s::text) p WHERE p = %s UNION ALL SELECT FROM ora."{family}" WHERE'
        f' "{column}"::text = %s AND "ADMIN_OPTION"::text = \'YES\' AND "GRANTEE"::text IN (SELECT ora.roles_of(%s::text))',
        (context.user, whatever, what, context.user),
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
        _check_grantees(context, owner, grantees)
        for privilege, _ in privileges:
            _check_kind(privilege, kind)
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
        if not role and privilege not in EVERYTHING and privilege not in ("ALL PRIVILEGES", "ALL", "SYSDBA", "SYSBACKUP"):
            if " " not in privilege:
                raise OracleError(1919, f"role '{privilege}' does not exist")
            if privilege.split()[0] not in SYSTEM_VERBS:
                raise OracleError(990, "missing or invalid privilege")
        _may_give(context, privilege, role=role)
        for grantee in grantees:
            if role:
                has = context.connection.execute("SELECT r FROM ora.roles_of(%s) r", (privilege,)).fetchall()
                if (grantee,) in has:
                    raise OracleError(1934, "circular role grant detected")
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
        grantees = _grantees(context, cursor)
        _check_grantees(context, owner, grantees)
        for grantee in grantees:
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
            _may_give(context, privilege, role=role)
            if role and not dd.delete(connection, "ROLE_PRIVS_", GRANTEE=grantee, GRANTED_ROLE=privilege):
                raise OracleError(1951, f"ROLE '{privilege}' not granted to '{grantee}'")
            if not role and not dd.delete(connection, "SYS_PRIVS_", GRANTEE=grantee, PRIVILEGE=privilege):
                raise OracleError(1952, f"system privileges not granted to '{grantee}'")
