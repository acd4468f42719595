"""The simulator's SQL engine: an ``Engine`` on an embedded PostgreSQL database of its own.

One PostgreSQL database is one Oracle database: every Oracle user is a schema (in upper case), ``SYS`` holds the dictionary
views, ``ora`` the types, functions and dictionary tables (``sql/*.sql``). A session is one PostgreSQL connection.
"""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import psycopg
from psycopg import sql

from voyager_ops.testing.oracle import ddl_users, dictionary
from voyager_ops.testing.oracle.catalog import Catalog
from voyager_ops.testing.oracle.cursors import OPEN_CURSORS
from voyager_ops.testing.oracle.ddl_context import Context
from voyager_ops.testing.oracle.ddl_privileges import ROLES
from voyager_ops.testing.oracle.engine import Login, OracleError
from voyager_ops.testing.oracle.rds import furnish
from voyager_ops.testing.oracle.redo import RedoLog, RedoSettings
from voyager_ops.testing.oracle.sql_session import SqlSession
from voyager_ops.testing.oracle.translated import Translated

VERSIONS: Mapping[str, tuple[tuple[int, int, int, int, int], str]] = {
    "19c": ((19, 24, 0, 0, 0), "Oracle Database 19c Enterprise Edition Release 19.0.0.0.0 - Production"),
    "23ai": ((23, 9, 0, 25, 7), "Oracle Database 23ai Free Release 23.0.0.0.0 - Develop, Learn, and Run for Free"),
}
_PARAMETERS: Mapping[str, tuple[str, int]] = {
    "compatible": ("19.0.0", 2),
    "undo_retention": ("86400", 3),
    "undo_management": ("AUTO", 2),
    "undo_tablespace": ("UNDOTBS1", 2),
    "enable_goldengate_replication": ("FALSE", 1),
    "db_recovery_file_dest": ("/opt/oracle/fra", 2),
    "db_recovery_file_dest_size": ("53687091200", 6),
    "log_archive_dest_1": ("", 2),
    "log_archive_format": ("%t_%s_%r.dbf", 2),
    "processes": ("300", 3),
    "sessions": ("472", 3),
    "open_cursors": (str(OPEN_CURSORS), 3),
    "max_string_size": ("STANDARD", 2),
    "nls_length_semantics": ("BYTE", 2),
    "db_name": ("FREE", 2),
    "cluster_database": ("FALSE", 1),
    "db_block_size": ("8192", 3),
    "streams_pool_size": ("0", 6),
    "sga_target": ("1610612736", 6),
    "pga_aggregate_target": ("536870912", 6),
    "service_names": ("FREEPDB1", 2),
    "open_links": ("4", 3),
    "job_queue_processes": ("80", 3),
    "recyclebin": ("on", 2),
    "archive_lag_target": ("0", 3),
    "remote_login_passwordfile": ("EXCLUSIVE", 2),
}
CACHED_STATEMENTS = 2000


class PgEngine:
    """An Oracle database that is simulated. ``dsn``: an empty PostgreSQL 18 database, as superuser. Close it in the end.

    ``users``: name -> password of the users to begin with (SYS and SYSTEM, passwords ``oracle``, are there anyway).
    ``rds``: the password of the master user, where it is Amazon's RDS, not a container database (see ``rds``).
    ``service``: of the pluggable database; sessions reach ``CDB$ROOT`` through the service of the database's name too.
    """

    def __init__(
        self,
        dsn: str,
        *,
        profile: str = "19c",
        service: str = "FREEPDB1",
        max_string_size: int = 4000,
        users: Mapping[str, str] | None = None,
        redo: RedoSettings | None = None,
        rds: str = "",
    ) -> None:
        self.version, self.banner = VERSIONS[profile]
        self.dsn = dsn
        settings = redo or RedoSettings(container=service)
        self.rds = bool(rds)
        self.containers = not rds
        if rds:
            settings = replace(settings, container="")
        self.service = service.upper()
        self.database_name = settings.database_name
        self.services = frozenset({self.service, self.database_name.upper()} if self.containers else {self.service})
        self.max_string_size = max_string_size
        self._sids = itertools.count(101)
        self._serials = itertools.count(4001, 7)
        self.statements: OrderedDict[Any, Translated] = OrderedDict()
        self.statements_lock = threading.Lock()
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("SET client_min_messages = warning")
            dictionary.create(connection)
            self._furnish(connection)
        self.recorder = RedoLog(dsn, settings)
        self.catalog = Catalog(dsn)
        self.type_names = {
            int(oid): str(name)
            for oid, name in self.catalog.query(
                "SELECT t.oid, CASE WHEN nspname = 'ora' THEN 'ora.' ELSE '' END || CASE typname WHEN 'bool' THEN 'boolean'"
                " ELSE typname END"
                " FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace WHERE nspname IN ('ora', 'pg_catalog')"
            )
        }
        for name, password in (users or {}).items():
            self.add_user(name, password)
        if rds:
            furnish(self, rds)

    def _furnish(self, connection: psycopg.Connection[Any]) -> None:
        context = Context(connection, "SYS", "SYS", str)
        for tablespace, contents in (
            ("SYSTEM", "PERMANENT"),
            ("SYSAUX", "PERMANENT"),
            ("USERS", "PERMANENT"),
            ("TEMP", "TEMPORARY"),
            ("UNDOTBS1", "UNDO"),
        ):
            dictionary.insert(
                connection,
                "TABLESPACES",
                TABLESPACE_NAME=tablespace,
                BLOCK_SIZE=8192,
                STATUS="ONLINE",
                CONTENTS=contents,
                LOGGING="LOGGING",
                RETENTION="NOGUARANTEE" if contents == "UNDO" else "NOT APPLY",
            )
            dictionary.insert(
                connection,
                "DATA_FILES",
                FILE_NAME=f"/opt/oracle/oradata/{tablespace.lower()}01.dbf",
                FILE_ID=context.next_id() % 1000,
                TABLESPACE_NAME=tablespace,
                BYTES=1 << 30,
                BLOCKS=1 << 17,
                STATUS="AVAILABLE",
                RELATIVE_FNO=4,
                AUTOEXTENSIBLE="YES",
            )
        for role, privileges in ROLES.items():
            dictionary.insert(
                connection,
                "ROLES",
                ROLE=role,
                ROLE_ID=context.next_id(),
                PASSWORD_REQUIRED="NO",  # noqa: S106 - a column of the dictionary
                AUTHENTICATION_TYPE="NONE",
                COMMON="YES",
                ORACLE_MAINTAINED="Y",
                INHERITED="YES",
            )
            for privilege in privileges:
                dictionary.insert(
                    connection, "SYS_PRIVS_", GRANTEE=role, PRIVILEGE=privilege, ADMIN_OPTION="NO", COMMON="YES", INHERITED="YES"
                )
        for inherited in ("SELECT_CATALOG_ROLE", "EXECUTE_CATALOG_ROLE"):
            dictionary.insert(
                connection,
                "ROLE_PRIVS_",
                GRANTEE="DBA",
                GRANTED_ROLE=inherited,
                ADMIN_OPTION="YES",
                DEFAULT_ROLE="YES",
                COMMON="YES",
                INHERITED="YES",
            )
        for user in ("SYS", "SYSTEM"):
            ddl_users.add_user(context, user, "oracle", maintained=True)
            dictionary.insert(
                connection,
                "ROLE_PRIVS_",
                GRANTEE=user,
                GRANTED_ROLE="DBA",
                ADMIN_OPTION="YES",
                DEFAULT_ROLE="YES",
                COMMON="YES",
                INHERITED="YES",
            )
        for name, (value, kind) in _PARAMETERS.items():
            if name == "max_string_size" and self.max_string_size > 4000:
                value = "EXTENDED"
            connection.execute("INSERT INTO ora.parameters VALUES (%s, %s, %s)", (name, value, kind))
        number = ".".join(str(n) for n in self.version)
        for view, body in {
            "V$VERSION": sql.SQL(
                'SELECT {b}::ora.varchar2(80) AS "BANNER", {f}::ora.varchar2(160) AS "BANNER_FULL", {b}::ora.varchar2(80) AS'
                ' "BANNER_LEGACY", 0::numeric AS "CON_ID"'
            ),
            "PRODUCT_COMPONENT_VERSION": sql.SQL(
                'SELECT {p}::ora.varchar2(80) AS "PRODUCT", {v}::ora.varchar2(80) AS "VERSION", {v}::ora.varchar2(80) AS'
                ' "VERSION_FULL", {s}::ora.varchar2(80) AS "STATUS"'
            ),
            "V$INSTANCE": sql.SQL(
                "WITH me AS (SELECT coalesce((SELECT thread FROM ora.sessions WHERE pid = pg_backend_pid()), 1)::numeric AS n)"
                ' SELECT n AS "INSTANCE_NUMBER", {i}::ora.varchar2(16) AS "INSTANCE_NAME", {h}::ora.varchar2(64) AS'
                ' "HOST_NAME", {v}::ora.varchar2(17) AS "VERSION", {v}::ora.varchar2(17) AS "VERSION_FULL",'
                ' ora.sysdate() AS "STARTUP_TIME", {o}::ora.varchar2(12) AS "STATUS", {no}::ora.varchar2(3) AS "PARALLEL",'
                ' n AS "THREAD#", {a}::ora.varchar2(7) AS "ARCHIVER",'
                ' {d}::ora.varchar2(17) AS "DATABASE_STATUS", {r}::ora.varchar2(18) AS "INSTANCE_ROLE", {e}::ora.varchar2(7)'
                ' AS "EDITION", 0::numeric AS "CON_ID" FROM me'
            ),
            "V$CONTAINERS": sql.SQL(
                'SELECT c::numeric AS "CON_ID", 1465389401::numeric AS "DBID", n::ora.varchar2(128) AS "NAME",'
                ' m::ora.varchar2(10) AS "OPEN_MODE", {no}::ora.varchar2(3) AS "RESTRICTED" FROM (VALUES (1, {root}, {rw}),'
                " (2, {seed}, {ro}), (3, {pdb}, {rw})) x(c, n, m)"
            ),
            "V$PDBS": sql.SQL(
                'SELECT 3::numeric AS "CON_ID", 1465389402::numeric AS "DBID", {pdb}::ora.varchar2(128) AS "NAME",'
                ' {rw}::ora.varchar2(10) AS "OPEN_MODE", {no}::ora.varchar2(3) AS "RESTRICTED"'
            ),
            "DBA_PDBS": sql.SQL(
                'SELECT 3::numeric AS "PDB_ID", {pdb}::ora.varchar2(128) AS "PDB_NAME", 1465389402::numeric AS "DBID",'
                ' {n}::ora.varchar2(10) AS "STATUS", 3::numeric AS "CON_ID"'
            ),
        }.items():
            values = {
                "b": self.banner,
                "f": f"{self.banner}\nVersion {number}",
                "v": number,
                "p": self.banner.split(" Release")[0] + " ",
                "s": "Production",
                "i": self.database_name,
                "h": "simulator",
                "o": "OPEN",
                "no": "NO",
                "a": "STARTED",
                "d": "ACTIVE",
                "r": "PRIMARY_INSTANCE",
                "e": "EE",
                "root": "CDB$ROOT",
                "seed": "PDB$SEED",
                "pdb": self.service,
                "rw": "READ WRITE",
                "ro": "READ ONLY",
                "n": "NORMAL",
            }
            text = body.format(**{k: sql.Literal(v) for k, v in values.items()})
            connection.execute(sql.SQL("CREATE VIEW {} AS {}").format(sql.Identifier("SYS", view), text))

    def add_user(self, name: str, password: str, *privileges: str) -> None:
        """A user with CREATE SESSION and the roles and privileges given (for tests; grants are otherwise SQL)."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            ddl_users.add_user(Context(connection, "SYS", "SYS", str), name.upper(), password)
            for privilege in ("CREATE SESSION", *privileges):
                if privilege in ROLES:
                    dictionary.insert(
                        connection,
                        "ROLE_PRIVS_",
                        GRANTEE=name.upper(),
                        GRANTED_ROLE=privilege,
                        ADMIN_OPTION="NO",
                        DEFAULT_ROLE="YES",
                        COMMON="NO",
                        INHERITED="NO",
                    )
                else:
                    dictionary.insert(
                        connection,
                        "SYS_PRIVS_",
                        GRANTEE=name.upper(),
                        PRIVILEGE=privilege,
                        ADMIN_OPTION="NO",
                        COMMON="NO",
                        INHERITED="NO",
                    )
        self.catalog.changed()

    def close(self) -> None:
        """Let go of the database; sessions are closed by their owners."""
        self.recorder.close()
        self.catalog.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def password_of(self, user: str) -> str | None:
        """See ``Engine``."""
        found = self.catalog.query(
            'SELECT "PASSWORD"::text, "ACCOUNT_STATUS"::text FROM ora."USERS" WHERE "USERNAME" = %s::text', user
        )
        if not found:
            return None
        if "LOCKED" in found[0][1]:
            raise OracleError(28000, "The account is locked.")
        return str(found[0][0] or "")

    def open_session(self, login: Login) -> SqlSession:
        """See ``Engine``."""
        if login.sysdba and self.rds:
            raise OracleError(1031, "insufficient privileges")
        user = "SYS" if login.sysdba else login.user
        if "CREATE SESSION" not in self.catalog.privileges(user):
            raise OracleError(1045, f"user {user} lacks CREATE SESSION privilege; logon denied")
        expired = 'SELECT FROM ora."USERS" WHERE "USERNAME" = %s::text AND "ACCOUNT_STATUS"::text = \'EXPIRED\''
        if self.catalog.query(expired, user):
            raise OracleError(28001, "the password has expired")
        return SqlSession(self, login, user, next(self._sids), next(self._serials))

    def remember(self, key: Any, make: Any) -> Translated:
        """The translation under ``key``, made when it is not there."""
        with self.statements_lock:
            found = self.statements.get(key)
            if found is not None:
                self.statements.move_to_end(key)
                return found
        made: Translated = make()
        with self.statements_lock:
            self.statements[key] = made
            while len(self.statements) > CACHED_STATEMENTS:
                self.statements.popitem(last=False)
        return made
