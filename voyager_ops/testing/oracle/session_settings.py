"""What a session sets: NLS, time zone, schema, container; and statements that are neither queries, DML, DDL nor PL/SQL."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import psycopg

from voyager_ops.testing.oracle.engine import OracleError, Result
from voyager_ops.testing.oracle.ora_errors import oracle_error
from voyager_ops.testing.oracle.recorder import Nls
from voyager_ops.testing.oracle.rewrite import quote
from voyager_ops.testing.oracle.tokens import Cursor
from voyager_ops.testing.oracle.translated import KEY_PREFIX

if TYPE_CHECKING:
    from voyager_ops.testing.oracle.sql_session import SqlSession


@dataclass(frozen=True, slots=True)
class Settings:
    """A session's settings; ``offset``: TIME_ZONE in minutes. ``context``: module, action and so on."""

    schema: str
    date_format: str = "DD-MON-RR"
    timestamp_format: str = "DD-MON-RR HH.MI.SSXFF AM"
    timestamp_tz_format: str = "DD-MON-RR HH.MI.SSXFF AM TZR"
    numeric_characters: str = ".,"
    offset: int = 0
    length_semantics: str = "BYTE"
    context: dict[str, str] = field(default_factory=dict)

    def nls(self) -> Nls:
        return Nls(self.date_format, self.timestamp_format, self.timestamp_tz_format, self.numeric_characters, self.offset)


def postgres_settings(session: SqlSession) -> dict[str, str]:
    """PostgreSQL's ``ora.…`` settings, which the functions of ``sql/functions.sql`` read."""
    settings, login, engine = session.settings, session.login, session.engine
    userenv = {
        "sid": str(session.session_id),
        "sessionid": str(session.session_id),
        "instance": "1",
        "instance_name": engine.database_name,
        "db_name": engine.service if session.container != "CDB$ROOT" else engine.database_name,
        "db_unique_name": engine.database_name,
        "service_name": login.service,
        "con_name": session.container if engine.containers else engine.database_name,
        "con_id": "0" if not engine.containers else "1" if session.container == "CDB$ROOT" else "3",
        "cdb_name": engine.database_name if engine.containers else "",
        "host": login.machine,
        "os_user": login.os_user,
        "terminal": login.terminal,
        "server_host": "simulator",
        "isdba": "TRUE" if login.sysdba else "FALSE",
        "module": settings.context.get("module", ""),
        "action": settings.context.get("action", ""),
        "client_identifier": settings.context.get("client_identifier", ""),
        "client_info": settings.context.get("client_info", ""),
        "authentication_method": "PASSWORD",
        "database_role": "PRIMARY",
        "ip_address": login.address[0],
        "current_edition_name": "ORA$BASE",
    }
    found = engine.catalog.query('SELECT "USER_ID" FROM ora."USERS" WHERE "USERNAME" = %s::text', session.user)
    return {
        "ora.user": session.user,
        "ora.schema": settings.schema,
        "ora.uid": str(found[0][0]) if found else "0",
        "ora.nls_date_format": settings.date_format,
        "ora.nls_timestamp_format": settings.timestamp_format,
        "ora.nls_timestamp_tz_format": settings.timestamp_tz_format,
        "ora.offset": str(settings.offset),
        **{f"ora.userenv_{k}": v for k, v in userenv.items()},
    }


_ASSIGNMENT = re.compile(r"""([\w$#]+)\s*=\s*('(?:[^']|'')*'|"[^"]*"|[-+:\w$#.]+)""")


# What can be set in a session besides, as far as tools do it: taken and forgotten.
_PREFIXES = (
    "NLS_",
    "OPTIMIZER_",
    "PARALLEL_",
    "PLSQL_",
    "PLSCOPE_",
    "QUERY_REWRITE_",
    "RESULT_CACHE_",
    "INMEMORY_",
    "APPROX_",
    "_",
)
_PARAMETERS = frozenset(
    [
        *("ASM_POWER_LIMIT", "COMMIT_LOGGING", "COMMIT_WAIT", "COMMIT_WRITE", "CONSTRAINT", "CONSTRAINTS"),
        *("CURSOR_SHARING", "DB_FILE_MULTIBLOCK_READ_COUNT", "DB_SECUREFILE", "DDL_LOCK_TIMEOUT", "DEFAULT_COLLATION"),
        *("DEFERRED_SEGMENT_CREATION", "EDITION", "ENABLE_DDL_LOGGING", "ERROR_ON_OVERLAP_TIME", "EVENTS", "FLAGGER"),
        *("GLOBAL_NAMES", "HASH_AREA_SIZE", "HEAT_MAP", "INSTANCE", "LOG_ARCHIVE_MIN_SUCCEED_DEST", "MAX_DUMP_FILE_SIZE"),
        *("OBJECT_CACHE_OPTIMAL_SIZE", "OLAP_PAGE_POOL_SIZE", "PLSQL_CCFLAGS", "RECYCLEBIN", "ROW"),
        *("SESSION_CACHED_CURSORS", "SKIP_UNUSABLE_INDEXES", "SORT_AREA_SIZE", "SQL_TRACE"),
        *("STAR_TRANSFORMATION_ENABLED", "STATISTICS_LEVEL", "SYNC_WITH_PRIMARY", "TIMED_STATISTICS"),
        *("TRACEFILE_IDENTIFIER", "USE_STORED_OUTLINES", "VISIBILITY", "WORKAREA_SIZE_POLICY", "XML_DB_EVENTS"),
    ]
)


def _moments(session: SqlSession, model: str) -> str:
    """``model``. ORA-01821 when it is no format of moments in and out."""
    try:
        session.engine.catalog.query("SELECT ora.mask(%s), ora.parser(%s)", model, model)
    except psycopg.Error as error:
        raise oracle_error(error) from error
    return model


def alter_session(session: SqlSession, text: str) -> Result:
    """ALTER SESSION SET a = b c = d …; what the simulator has no use for is accepted."""
    if re.match(r"(?is)\s*ALTER\s+SESSION\s+(ENABLE|DISABLE|FORCE|ADVISE|CLOSE|SYNC|SET\s+EVENTS\s*=?\s*')", text):
        return Result()
    body = re.sub(r"(?is)^\s*ALTER\s+SESSION\s+SET\s+", "", text)
    settings = session.settings
    assignments = _ASSIGNMENT.findall(body)
    if not assignments:
        raise OracleError(2248, "invalid option for ALTER SESSION")
    for name, given in assignments:
        value = given[1:-1].replace("''", "'") if given[:1] in "'\"" else given
        match name.upper():
            case "NLS_DATE_FORMAT":
                settings = replace(settings, date_format=_moments(session, value))
            case "NLS_TIMESTAMP_FORMAT":
                settings = replace(settings, timestamp_format=_moments(session, value))
            case "NLS_TIMESTAMP_TZ_FORMAT":
                settings = replace(settings, timestamp_tz_format=_moments(session, value))
            case "NLS_NUMERIC_CHARACTERS":
                if len(value) != 2 or value[0] == value[1] or any(c.isalnum() or c in "+-<>" for c in value):
                    raise OracleError(12705, "Cannot access NLS data files or invalid environment specified")
                settings = replace(settings, numeric_characters=value)
            case "NLS_LENGTH_SEMANTICS":
                if value.upper() not in ("BYTE", "CHAR"):
                    raise OracleError(12705, "Cannot access NLS data files or invalid environment specified")
                settings = replace(settings, length_semantics=value.upper())
            case "TIME_ZONE":
                settings = replace(settings, offset=_offset(value))
            case "CURRENT_SCHEMA":
                folded = value if given.startswith('"') else value.upper()
                if not session.engine.catalog.query('SELECT FROM ora."USERS" WHERE "USERNAME" = %s::text', folded):
                    raise OracleError(1435, "user does not exist")
                settings = replace(settings, schema=folded)
            case "CONTAINER":
                if not session.engine.containers:
                    raise OracleError(65090, "operation only allowed in a container database")
                container = value.upper()
                if container not in ("CDB$ROOT", session.engine.service):
                    raise OracleError(65011, f"Pluggable database {container} does not exist.")
                if "SET CONTAINER" not in session.engine.catalog.privileges(session.user) or (
                    container == "CDB$ROOT" and not session.user.startswith(("C##", "SYS"))
                ):
                    raise OracleError(1031, "insufficient privileges")
                if session.open:
                    raise OracleError(65023, "active transaction exists in container")
                session.container = container
            case "ISOLATION_LEVEL":
                raise OracleError(3001, "unimplemented feature (simulator: use SET TRANSACTION ISOLATION LEVEL)")
            case other if not other.startswith(_PREFIXES) and other not in _PARAMETERS:
                raise OracleError(2248, "invalid option for ALTER SESSION")
            case _:
                pass
    session.settings = settings
    session.apply_settings()
    return Result()


def _offset(value: str) -> int:
    if value.lower() in ("local", "dbtimezone", "utc", "gmt"):
        return 0
    match = re.fullmatch(r"\s*([+-]?)(\d{1,2}):(\d{2})\s*", value)
    if match is None:
        raise OracleError(1882, "timezone region not found (simulator: offsets only)")
    minutes = int(match[2]) * 60 + int(match[3])
    if minutes > 15 * 60:
        raise OracleError(1874, "time zone hour must be between -15 and 15")
    return -minutes if match[1] == "-" else minutes


_SYSTEM = frozenset(
    [
        *("ARCHIVE", "CANCEL", "CHECK", "CHECKPOINT", "DISABLE", "DISCONNECT", "DUMP", "ENABLE", "FLUSH", "KILL"),
        *("QUIESCE", "REGISTER", "RESET", "RESUME", "SET", "SUSPEND", "SWITCH", "UNQUIESCE"),
    ]
)
_SYSTEM_PREFIXES = (*_PREFIXES, "LOG_", "DB_", "DG_", "UNDO_", "PGA_", "SGA_", "MEMORY_", "FAL_", "STANDBY_", "AUDIT_", "SHARED_")


def alter_system(session: SqlSession, text: str) -> Result:
    """ALTER SYSTEM and ALTER DATABASE: the recorder's, or parameters."""
    words = text.upper().split()
    privilege = f"ALTER {words[1]}"
    if session.user != "SYS" and privilege not in session.engine.catalog.privileges(session.user):
        raise OracleError(1031, "insufficient privileges")
    session.commit()
    if session.engine.recorder.administer(text):
        return Result()
    if words[:3] == ["ALTER", "SYSTEM", "KILL"]:
        match = re.search(r"'(\d+)\s*,\s*(\d+)", text)
        if match is None:
            raise OracleError(26, "missing or invalid session ID")
        found = session.engine.catalog.query(
            "SELECT pg_terminate_backend(pid) FROM ora.sessions WHERE sid = %s AND serial = %s", match[1], match[2]
        )
        if not found:
            raise OracleError(30, "User session ID does not exist.")
        return Result()
    if words[1] == "SYSTEM" and (len(words) < 3 or words[2] not in _SYSTEM):
        raise OracleError(2065, "illegal option for ALTER SYSTEM")
    if words[:3] == ["ALTER", "SYSTEM", "SET"]:
        for name, given in _ASSIGNMENT.findall(re.sub(r"(?is)^\s*ALTER\s+SYSTEM\s+SET\s+", "", text)):
            if name.upper() in ("SCOPE", "SID", "COMMENT", "CONTAINER"):
                continue
            known = session.engine.catalog.query("SELECT FROM ora.parameters WHERE name = %s", name.lower())
            if not known and not name.upper().startswith(_SYSTEM_PREFIXES) and name.upper() not in _PARAMETERS:
                raise OracleError(2065, "illegal option for ALTER SYSTEM")
            session.engine.catalog.query(
                "INSERT INTO ora.parameters VALUES (%s, %s, 2) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
                " RETURNING 1",
                name.lower(),
                given.strip("'"),
            )
    return Result()


_LOCK_MODES = {
    "ROW SHARE": "ROW SHARE",
    "SHARE UPDATE": "ROW SHARE",
    "ROW EXCLUSIVE": "ROW EXCLUSIVE",
    "SHARE": "SHARE",
    "SHARE ROW EXCLUSIVE": "SHARE ROW EXCLUSIVE",
    "EXCLUSIVE": "EXCLUSIVE",
}


def other(session: SqlSession, text: str) -> Result:
    """COMMIT, ROLLBACK, SAVEPOINT, LOCK TABLE, SET TRANSACTION/ROLE/CONSTRAINTS, ALTER SESSION, EXPLAIN."""
    cursor = Cursor(text)
    if cursor.accept("COMMIT"):
        if not (cursor.done or any(cursor.is_word(word) for word in ("WORK", "COMMENT", "WRITE", "FORCE"))):
            raise OracleError(2185, "a token other than WORK follows COMMIT", cursor.token.start)
        session.commit()
    elif cursor.accept("ROLLBACK"):
        cursor.accept("WORK")
        if not (cursor.done or cursor.is_word("TO") or cursor.is_word("FORCE")):
            raise OracleError(2181, "invalid option to ROLLBACK WORK", cursor.token.start)
        if cursor.accept("TO"):
            cursor.accept("SAVEPOINT")
            rollback_to(session, cursor.name())
        else:
            session.rollback()
    elif cursor.accept("SAVEPOINT"):
        savepoint(session, cursor.name())
    elif cursor.accept("LOCK", "TABLE"):
        _lock(session, cursor)
    elif cursor.accept("SET", "TRANSACTION"):
        _set_transaction(session, cursor.rest().upper())
    elif cursor.accept("SET", "CONSTRAINTS") or cursor.accept("SET", "CONSTRAINT"):
        _set_constraints(session, cursor.rest().upper())
    elif cursor.accept("ALTER", "SESSION"):
        return alter_session(session, text)
    elif cursor.accept("SET", "ROLE"):
        return Result()
    elif cursor.is_word("RENAME"):
        return session.ddl(text)
    else:
        raise OracleError(900, "invalid SQL statement")
    return Result()


def _set_constraints(session: SqlSession, rest: str) -> None:
    """Of those that are deferrable in Oracle: PostgreSQL's of every unique key are, or nearly (see ddl_enforce)."""
    session.begin()
    if not rest.endswith("DEFERRED"):
        names = ["ALL"]
    else:
        names = [
            f"{quote(owner)}.{quote((KEY_PREFIX if kind in ('P', 'U') else '') + name)}"
            for owner, name, kind in session.engine.catalog.query(
                'SELECT "OWNER"::text, "CONSTRAINT_NAME"::text, "CONSTRAINT_TYPE"::text FROM ora."CONSTRAINTS" WHERE'
                " \"DEFERRABLE\"::text = 'DEFERRABLE' AND \"STATUS\"::text = 'ENABLED'"
                " AND \"CONSTRAINT_TYPE\"::text IN ('P', 'U', 'R')"
            )
        ]
    if names:
        with session.guarded():
            session.connection.execute(f"SET CONSTRAINTS {', '.join(names)} {rest.split()[-1]}".encode())


def savepoint(session: SqlSession, name: str) -> None:
    session.begin()
    session.connection.execute(f"SAVEPOINT {quote('u_' + name)}".encode())
    session.recorder.savepoint(name)


def rollback_to(session: SqlSession, name: str) -> None:
    if not session.open:
        raise OracleError(1086, f"savepoint '{name}' never established in this session or is invalid")
    try:
        with session.guarded_none():
            session.connection.execute(f"ROLLBACK TO {quote('u_' + name)}".encode())
    except psycopg.Error as error:
        raise OracleError(1086, f"savepoint '{name}' never established in this session or is invalid") from error
    session.recorder.rollback_to(name)


def _lock(session: SqlSession, cursor: Cursor) -> None:
    tables = [cursor.qualified()]
    while cursor.accept(","):
        tables.append(cursor.qualified())
    cursor.expect("IN")
    words = []
    while not cursor.accept("MODE"):
        words.append(cursor.name())
    mode = _LOCK_MODES.get(" ".join(words))
    if mode is None:
        raise cursor.fail(1737)
    nowait = cursor.accept("NOWAIT")
    wait = cursor.integer() if cursor.accept("WAIT") else -1
    found = [session.resolve(*table) for table in tables]
    for relation in found:
        granted = session.engine.catalog.granted(session.user, relation.owner, relation.name)
        if (
            relation.owner != session.user
            and not granted & {"SELECT", "INSERT", "UPDATE", "DELETE"}
            and "LOCK ANY TABLE" not in session.engine.catalog.privileges(session.user)
        ):
            raise OracleError(1031, "insufficient privileges")
    session.begin()
    names = ", ".join(f"{quote(r.owner)}.{quote(r.name)}" for r in found)
    try:
        with session.patience(wait), session.guarded():
            session.connection.execute(f"LOCK TABLE {names} IN {mode} MODE{' NOWAIT' if nowait else ''}".encode())
    except psycopg.Error as error:
        raise oracle_error(error) from error


def _set_transaction(session: SqlSession, rest: str) -> None:
    if session.open and session.recorder.in_transaction:
        raise OracleError(1453, "SET TRANSACTION must be first statement of transaction")
    if session.open:
        session.rollback()
    if "READ ONLY" in rest:
        session.isolation = "ISOLATION LEVEL REPEATABLE READ READ ONLY"
    elif "SERIALIZABLE" in rest:
        session.isolation = "ISOLATION LEVEL REPEATABLE READ"
    else:
        session.isolation = ""
    if session.isolation:
        session.begin()
