"""What Amazon's RDS changes: a master user where SYS is out of reach, and the package RDSADMIN.RDSADMIN_UTIL.

As far as Amazon's user guide and others' scripts tell: the master user has the role DBA without six of its privileges
(Limitations for Oracle DBA privileges), all the rest with ADMIN OPTION; SYS and SYSTEM cannot be used; objects of SYS are granted
by ``grant_sys_object`` only, names as they stand in the dictionary; ``set_configuration`` writes RDSADMIN.RDS_CONFIGURATION and
does not commit. Which errors RDSADMIN_UTIL raises is not known here: they are ORA-20199 with a text of the simulator's.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING

import psycopg

from voyager_ops.testing.oracle import dictionary as dd
from voyager_ops.testing.oracle.ddl_privileges import RDS_OWNER
from voyager_ops.testing.oracle.engine import BindValue, Login, OracleError
from voyager_ops.testing.oracle.recorder import VIEWS
from voyager_ops.testing.oracle.rewrite import quote
from voyager_ops.testing.oracle.statements import parse

if TYPE_CHECKING:
    from voyager_ops.testing.oracle.backend import PgEngine
    from voyager_ops.testing.oracle.sql_session import SqlSession

MASTER = "ADMIN"
PACKAGE = f"{RDS_OWNER}.RDSADMIN_UTIL."
_GIVEN = ("CONNECT", "RESOURCE", "DBA", "GRANT ANY OBJECT PRIVILEGE", "RESTRICTED SESSION", "UNLIMITED TABLESPACE")
_WITHHELD = (
    "ALTER DATABASE",
    "ALTER SYSTEM",
    "CREATE ANY DIRECTORY",
    "DROP ANY DIRECTORY",
    "GRANT ANY PRIVILEGE",
    "GRANT ANY ROLE",
)
_CONFIGURATION = {"archivelog retention hours": "0", "tracefile retention": "10080"}
_LOGGED = ("", "ALL", "FOREIGN KEY", "PRIMARY KEY", "UNIQUE")


def furnish(engine: PgEngine, password: str) -> None:
    """Make a database that was just made RDS's; ``password``: of the master user."""
    with psycopg.connect(engine.dsn, autocommit=True) as connection:
        for privilege in _WITHHELD:
            dd.delete(connection, "SYS_PRIVS_", GRANTEE="DBA", PRIVILEGE=privilege)
        dd.update(connection, "SYS_PRIVS_", {"GRANTEE": "DBA"}, ADMIN_OPTION="YES")
        for user in ("SYS", "SYSTEM"):
            dd.update(connection, "USERS", {"USERNAME": user}, PASSWORD=secrets.token_urlsafe(24))
    engine.add_user(RDS_OWNER, secrets.token_urlsafe(24), "RESOURCE", "UNLIMITED TABLESPACE")
    engine.add_user(MASTER, password, *_GIVEN)
    session = engine.open_session(Login(RDS_OWNER, engine.service))
    try:
        session.ddl("CREATE TABLE RDS_CONFIGURATION (NAME VARCHAR2(100), VALUE VARCHAR2(100), DESCRIPTION VARCHAR2(1000))")
        for name, value in _CONFIGURATION.items():
            text = f"INSERT INTO RDS_CONFIGURATION (NAME, VALUE) VALUES ('{name}', '{value}')"
            session.execute(parse(text), [], [[]])
        session.commit()
    finally:
        session.close()


def call(session: SqlSession, procedure: str, arguments: Mapping[int | str, BindValue]) -> None:
    """A procedure of RDSADMIN_UTIL. PLS-00201 for whom the package is not granted to, PLS-00302 for one that is not here."""
    catalog = session.engine.catalog
    if "DBA" not in catalog.roles(session.user):
        raise OracleError(6550, "line 2, column 3:\nPLS-00201: identifier 'RDSADMIN.RDSADMIN_UTIL' must be declared")

    def given(position: int, name: str) -> str:
        value = arguments.get(name, arguments.get(position))
        return "" if value is None else str(value)

    match procedure:
        case "SET_CONFIGURATION":
            _configure(session, given(0, "NAME"), given(1, "VALUE"))
        case "ALTER_SUPPLEMENTAL_LOGGING":
            _log(session, given(0, "P_ACTION").upper(), given(1, "P_TYPE").upper())
        case "GRANT_SYS_OBJECT":
            _grant(session, given(0, "P_OBJ_NAME"), given(1, "P_GRANTEE"), given(2, "P_PRIVILEGE") or "SELECT")
        case _:
            raise OracleError(
                6550,
                f"line 2, column 3:\nPLS-00302: component '{procedure}' must be declared (simulator: not among those it has)",
            )


def _configure(session: SqlSession, name: str, value: str) -> None:
    if name not in _CONFIGURATION or not value.isdigit():
        raise _error("set_configuration", f"{name} = {value}")
    text = f"UPDATE RDSADMIN.RDS_CONFIGURATION SET VALUE = '{value}' WHERE NAME = '{name}'"
    session.execute(parse(text), [], [[]])


def _log(session: SqlSession, action: str, kind: str) -> None:
    if action not in ("ADD", "DROP") or kind not in _LOGGED:
        raise _error("alter_supplemental_logging", f"{action} {kind}")
    session.commit()
    session.engine.recorder.administer(f"ALTER DATABASE {action} SUPPLEMENTAL LOG DATA{f' ({kind}) COLUMNS' if kind else ''}")


def _grant(session: SqlSession, name: str, grantee: str, privilege: str) -> None:
    catalog = session.engine.catalog
    there = name.startswith(("DBMS_", "UTL_")) or name.replace("V_$", "V$") in VIEWS or catalog.relation("SYS", name) is not None
    if not there or privilege not in ("SELECT", "READ", "EXECUTE"):
        raise _error("grant_sys_object", f"{privilege} on {name}")
    session.commit()
    owner = session.engine.open_session(Login("SYS", session.engine.service))
    try:
        owner.ddl(f"GRANT {privilege} ON SYS.{quote(name)} TO {quote(grantee)}")
    finally:
        owner.close()


def _error(procedure: str, what: str) -> OracleError:
    return OracleError(20199, f"Error in rdsadmin_util.{procedure} (simulator: {what})")
