"""Reading what preflight judges of an Oracle source. Reads only, as the migration user; what may not be read is a fact itself."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

import oracledb

from voyager_ops.databases.oracle.database import CONTAINER, OracleDatabase
from voyager_ops.databases.oracle.dictionary import sees_everything
from voyager_ops.databases.oracle.errors import MINING_ENDED, PRIVILEGE, ora_code
from voyager_ops.databases.oracle.prepare_sql import CATALOG_VIEWS, ROLE_KINDS, TRIGGER_VIEWS, Form, Wanted, role_name
from voyager_ops.databases.oracle.supplemental import logged
from voyager_ops.databases.oracle.unmined import long_named, unmined
from voyager_ops.errors import PreconditionError

Name = tuple[str, str]
"""(owner, table), as Oracle spells them."""

END_MINING: Final = "BEGIN SYS.DBMS_LOGMNR.END_LOGMNR(); END;"
"""Without a mining session ORA-01307; without the right to call it another error: so it tells whether we may."""


_QUOTA: Final = (
    "SELECT 1 FROM DBA_TS_QUOTAS WHERE USERNAME = SYS_CONTEXT('USERENV', 'SESSION_USER') AND MAX_BYTES <> 0"  # -1 is unlimited
)


@dataclass(frozen=True)
class Plan:
    """What the migration will ask of the source. ``parallelism``: chunks read at once; ``chunk_bytes``: of a table cut by its
    key, read at one moment; ``mines``: by LogMiner, else by triggers."""

    mines: bool
    fall_back: bool
    parallelism: int
    chunk_bytes: int


@dataclass(frozen=True)
class RedoFacts:
    """The redo logs. Sizes in bytes. ``kept_seconds``: age of the oldest archived log that is there (0: all have been deleted),
    None when none has ever been deleted: then nothing is known of how long they are kept. ``switches_per_hour`` (of the busiest
    thread) and ``bytes_per_hour`` (of all threads, each log counted once however many copies it has): of the last day, None
    when unknown. ``area``: size of the recovery area, None when there is none or archived redo does not go there. ``open``: how
    many threads an instance has open now; ``named``: how many instances the source's URL names. ``groups``: of the online
    logs, (thread, group, size)."""

    groups: tuple[tuple[int, int, int], ...] = ()
    kept_seconds: float | None = None
    switches_per_hour: float | None = None
    bytes_per_hour: float | None = None
    area: int | None = None
    open: int = 1
    named: int = 0

    @property
    def smallest(self) -> int | None:
        """None when unknown."""
        return min((size for _, _, size in self.groups), default=None)

    @property
    def threads(self) -> int:
        return len({thread for thread, _, _ in self.groups}) or 1


@dataclass(frozen=True)
class OracleFacts:
    """One Oracle source as the migration user sees it. Names as Oracle spells them."""

    where: str
    user: str
    version: tuple[int, ...]
    container: str | None = None
    """The pluggable database; None outside of a container database."""
    mines_in_root: bool = False
    root_refused: str = ""
    """Why there is no session in CDB$ROOT; '' when it is not needed or there is one."""
    state_known: bool = True
    """V$DATABASE, which the next six are from, may be read."""
    log_mode: str = ""
    supplemental: str = "NO"
    """SUPPLEMENTAL_LOG_DATA_MIN."""
    supplemental_all: bool = False
    """Every table of the database logs all columns."""
    open_mode: str = ""
    role: str = ""
    force_logging: bool = False
    privileges: frozenset[str] = frozenset()
    """System privileges of the session, those of its roles included."""
    mining_privileges: frozenset[str] = frozenset()
    """The same where mining runs."""
    object_privileges: Mapping[Name, frozenset[str]] = field(default_factory=dict)
    roles: frozenset[str] = frozenset()
    """Of the session."""
    other_roles: Mapping[str, frozenset[tuple[str, Name]]] = field(default_factory=dict)
    """Roles that the session has not, with what they may on which table (privilege, name): where the DBA_ views may be read."""
    whole_dictionary: bool = True
    """Every object of the schemas is to be seen: the DBA_ views may be read, or the only schema is our own."""
    unreadable_views: tuple[str, ...] = ()
    may_mine: bool = True
    """DBMS_LOGMNR may be called."""
    quota: bool = True
    """Our own schema has room for a table."""
    logged: frozenset[Name] = frozenset()
    """Tables that log all their columns."""
    unmined: Mapping[Name, tuple[str, ...]] = field(default_factory=dict)
    """Columns for whose sake LogMiner does not write out their tables' changes."""
    long_named: Mapping[Name, tuple[str, ...]] = field(default_factory=dict)
    """Columns with names that are too long for LogMiner."""
    nologging: frozenset[Name] = frozenset()
    hidden_rows: frozenset[Name] = frozenset()
    """Tables with a row-level security policy that is enabled."""
    redacted: frozenset[Name] = frozenset()
    redo: RedoFacts = RedoFacts()
    undo_seconds: int | None = None
    """What the server keeps undo for at present (tuned), else the parameter undo_retention."""
    characterset: str = ""
    national_characterset: str = ""
    thin: bool = True
    """The driver speaks to the server by itself, without Oracle's client libraries."""
    rds: bool = False
    """Amazon's RDS: what SYSDBA does is done by its own procedures."""
    default_tablespace: str = ""
    """Of our user; '' when unknown."""
    clock_offset: float = 0.0
    """Seconds, the server's clock minus this machine's."""
    long_transactions: tuple[tuple[str, float], ...] = ()
    """(who, seconds) of transactions open for longer than a minute."""

    @property
    def form(self) -> Form:
        if self.rds:
            return "rds"
        return "cdb" if self.mines_in_root or self.user.upper().startswith("C##") else "non-cdb"

    def wanted(self, owners: Collection[str], *, mines: bool, fall_back: bool) -> Wanted:
        """What ``prepare source`` writes for this database and user."""
        return Wanted(self.form, self.user, tuple(sorted(owners)), fall_back, mines)


def read_facts(database: OracleDatabase, owners: Collection[str], *, mines: bool) -> OracleFacts:
    """Raises ConnectionFailed, and PreconditionError when user or password are refused."""
    connection = database.connect("preflight")
    try:
        root: oracledb.Connection | None = None
        refused = ""
        with connection.cursor() as cursor:
            row = cursor.execute(CONTAINER).fetchone() or (None, None)
        container = str(row[1]) if row[0] is not None else None
        wants_root = mines and container not in (None, "CDB$ROOT") and _mines_in_root(database)
        if wants_root:
            try:
                root = database.connect("preflight", root=True)
            except PreconditionError as error:
                refused = error.what
        try:
            return _read(database, connection, root or connection, owners, mines, container, wants_root, refused)
        finally:
            if root is not None:
                root.close()
    finally:
        connection.close()


def _mines_in_root(database: OracleDatabase) -> bool:
    address = database.address
    return bool(address.root_service) or address.root == "switch" or (address.root == "auto" and database.common_user)


def _read(
    database: OracleDatabase,
    connection: oracledb.Connection,
    mining: oracledb.Connection,
    owners: Collection[str],
    mines: bool,
    container: str | None,
    mines_in_root: bool,
    refused: str,
) -> OracleFacts:
    state = _rows(
        mining,
        "SELECT LOG_MODE, SUPPLEMENTAL_LOG_DATA_MIN, SUPPLEMENTAL_LOG_DATA_ALL, OPEN_MODE, DATABASE_ROLE, FORCE_LOGGING"
        " FROM V$DATABASE",
    )
    log_mode, minimal, everything, open_mode, role, force_logging = (str(item) for item in (state or [("",) * 6])[0])
    parameters = dict(_rows(connection, "SELECT PARAMETER, VALUE FROM NLS_DATABASE_PARAMETERS"))
    names = _names(owners)
    user = str((_rows(connection, "SELECT SYS_CONTEXT('USERENV', 'SESSION_USER') FROM DUAL") or [("",)])[0][0])
    return OracleFacts(
        where=database.where,
        user=user,
        version=tuple(int(part) for part in connection.version.split(".")),
        container=container,
        mines_in_root=mines_in_root,
        root_refused=refused,
        state_known=bool(state),
        log_mode=log_mode,
        supplemental=minimal,
        supplemental_all=everything == "YES",
        open_mode=open_mode,
        role=role,
        force_logging=force_logging == "YES",
        privileges=_words(connection, "SELECT PRIVILEGE FROM SESSION_PRIVS"),
        mining_privileges=_words(mining, "SELECT PRIVILEGE FROM SESSION_PRIVS"),
        object_privileges=_object_privileges(connection, names),
        roles=_words(connection, "SELECT ROLE FROM SESSION_ROLES"),
        other_roles=_other_roles(connection, owners),
        whole_dictionary=set(owners) == {user} or sees_everything(connection),
        unreadable_views=_unreadable(mining, CATALOG_VIEWS if mines else TRIGGER_VIEWS),
        may_mine=_may_mine(mining) if mines else True,
        quota=bool(_rows(connection, _QUOTA) or _rows(connection, "SELECT 1 FROM USER_TS_QUOTAS WHERE MAX_BYTES <> 0")),
        logged=frozenset(logged(connection, owners)),
        unmined=unmined(connection, owners) if mines else {},
        long_named=long_named(connection, owners) if mines else {},
        nologging=_tables(
            connection, "SELECT OWNER, TABLE_NAME FROM ALL_TABLES WHERE LOGGING = 'NO' AND TEMPORARY = 'N' AND OWNER", names
        ),
        hidden_rows=_tables(
            connection, "SELECT OBJECT_OWNER, OBJECT_NAME FROM ALL_POLICIES WHERE ENABLE = 'YES' AND OBJECT_OWNER", names
        ),
        redacted=_tables(
            connection,
            "SELECT OBJECT_OWNER, OBJECT_NAME FROM REDACTION_POLICIES WHERE ENABLE LIKE 'YES%' AND OBJECT_OWNER",
            names,
        ),
        redo=replace(_redo(mining), named=len(database.address.instances)) if mines else RedoFacts(),
        undo_seconds=_undo(connection),
        characterset=str(parameters.get("NLS_CHARACTERSET", "")),
        national_characterset=str(parameters.get("NLS_NCHAR_CHARACTERSET", "")),
        thin=connection.thin,
        rds=is_rds(connection),
        default_tablespace=str((_rows(connection, "SELECT DEFAULT_TABLESPACE FROM USER_USERS") or [("",)])[0][0] or ""),
        clock_offset=_clock(connection),
        long_transactions=_long_transactions(mining),
    )


def _rows(connection: oracledb.Connection, statement: str, binds: Mapping[str, Any] | None = None) -> list[Any]:
    """The rows; none where the object may not be read (which to us looks as if it were not there)."""
    with connection.cursor() as cursor:
        try:
            return list(cursor.execute(statement, dict(binds or {})).fetchall())
        except oracledb.DatabaseError as error:
            if ora_code(error) in PRIVILEGE:
                return []
            raise


def _words(connection: oracledb.Connection, statement: str, binds: Mapping[str, Any] | None = None) -> frozenset[str]:
    return frozenset(str(row[0]) for row in _rows(connection, statement, binds))


def _names(owners: Collection[str]) -> dict[str, str]:
    return {f"o{index}": owner for index, owner in enumerate(sorted(owners))}


def _tables(connection: oracledb.Connection, statement: str, names: Mapping[str, str]) -> frozenset[Name]:
    """``statement`` ends in the column that is the owner."""
    wanted = ", ".join(f":{name}" for name in names)
    return frozenset((str(row[0]), str(row[1])) for row in _rows(connection, f"{statement} IN ({wanted})", names))


def _object_privileges(connection: oracledb.Connection, names: Mapping[str, str]) -> dict[Name, frozenset[str]]:
    """Granted to us, to a role of ours or to PUBLIC; everything on our own tables."""
    wanted = ", ".join(f":{name}" for name in names)
    statement = "SELECT TABLE_SCHEMA, TABLE_NAME, PRIVILEGE FROM ALL_TAB_PRIVS WHERE TABLE_SCHEMA"
    found: dict[Name, set[str]] = {}
    for owner, table, privilege in _rows(connection, f"{statement} IN ({wanted})", names):
        found.setdefault((str(owner), str(table)), set()).add(str(privilege))
    return {name: frozenset(privileges) for name, privileges in found.items()}


def _other_roles(connection: oracledb.Connection, owners: Collection[str]) -> dict[str, frozenset[tuple[str, Name]]]:
    """The roles that ``prepare source`` makes, of those that the session has not."""
    names = _names([role_name(owner, kind) for owner in owners for kind in ROLE_KINDS])
    wanted = ", ".join(f":{name}" for name in names)
    there = _words(connection, f"SELECT ROLE FROM DBA_ROLES WHERE ROLE IN ({wanted})", names)  # noqa: S608 -- binds
    found: dict[str, set[tuple[str, Name]]] = {role: set() for role in there}
    if found:
        statement = "SELECT GRANTEE, PRIVILEGE, OWNER, TABLE_NAME FROM DBA_TAB_PRIVS WHERE GRANTEE IN"
        for role, privilege, owner, table in _rows(connection, f"{statement} ({wanted})", names):
            if str(role) in found:
                found[str(role)].add((str(privilege), (str(owner), str(table))))
    roles = _words(connection, "SELECT ROLE FROM SESSION_ROLES")
    return {role: frozenset(may) for role, may in found.items() if role not in roles}


def _unreadable(mining: oracledb.Connection, views: Collection[str]) -> tuple[str, ...]:
    missing = []
    with mining.cursor() as cursor:
        for view in views:
            name = view.replace("V_$", "V$")
            try:
                cursor.execute(f"SELECT 1 FROM {name} WHERE ROWNUM = 0").fetchall()  # noqa: S608 -- of a closed list
            except oracledb.DatabaseError as error:
                # V$LOGMNR_CONTENTS answers ORA-01306 when no mining session is there: to whom may not read it, ORA-00942.
                if ora_code(error) in PRIVILEGE:
                    missing.append(name)
    return tuple(missing)


def is_rds(connection: oracledb.Connection) -> bool:
    """Whether it is Amazon's RDS. Raises oracledb.Error."""
    return bool(_rows(connection, "SELECT 1 FROM ALL_USERS WHERE USERNAME = 'RDSADMIN'"))


def _may_mine(mining: oracledb.Connection) -> bool:
    with mining.cursor() as cursor:
        try:
            cursor.execute(END_MINING)
        except oracledb.DatabaseError as error:
            return ora_code(error) == MINING_ENDED
    return True


def _redo(mining: oracledb.Connection) -> RedoFacts:
    groups = _rows(mining, "SELECT THREAD#, GROUP#, BYTES FROM V$LOG ORDER BY THREAD#, GROUP#")
    # A log has a row for each destination it went to, and one more for each copy that was restored.
    archived = _rows(
        mining,
        "SELECT THREAD#, MAX(BLOCKS * BLOCK_SIZE), MAX(IS_RECOVERY_DEST_FILE) FROM V$ARCHIVED_LOG"
        " WHERE COMPLETION_TIME > SYSDATE - 1 AND STANDBY_DEST = 'NO' GROUP BY THREAD#, SEQUENCE#, RESETLOGS_CHANGE#",
    )
    kept = _rows(
        mining,
        "SELECT (SYSDATE - MIN(FIRST_TIME)) * 86400 FROM V$ARCHIVED_LOG"
        " WHERE STATUS = 'A' AND NAME IS NOT NULL AND STANDBY_DEST = 'NO'",
    )
    deleted = _rows(mining, "SELECT COUNT(*) FROM V$ARCHIVED_LOG WHERE STATUS = 'D' AND STANDBY_DEST = 'NO'")
    running = _rows(mining, "SELECT COUNT(*) FROM V$THREAD WHERE STATUS = 'OPEN'")
    known, any_deleted = bool(deleted), bool(deleted and deleted[0][0])
    switches = Counter(int(thread) for thread, _, _ in archived)
    elsewhere = bool(archived) and all(in_area != "YES" for _, _, in_area in archived)
    return RedoFacts(
        groups=tuple((int(thread), int(group), int(size)) for thread, group, size in groups),
        kept_seconds=float(kept[0][0] or 0) if any_deleted and kept else None,
        switches_per_hour=max(switches.values(), default=0) / 24 if known else None,
        bytes_per_hour=sum(int(size or 0) for _, size, _ in archived) / 24 if known else None,
        area=None if elsewhere else _recovery_area(mining),
        open=int(running[0][0]) if running else 1,
    )


def _recovery_area(mining: oracledb.Connection) -> int | None:
    """Its size; None where none is set up (a size without a place is none) or that may not be seen."""
    set_ = dict(
        _rows(mining, "SELECT NAME, VALUE FROM V$PARAMETER WHERE NAME IN ('db_recovery_file_dest', 'db_recovery_file_dest_size')")
    )
    size = int(set_.get("db_recovery_file_dest_size") or 0)
    return size if size > 0 and set_.get("db_recovery_file_dest") else None


def _undo(connection: oracledb.Connection) -> int | None:
    tuned = _rows(connection, "SELECT MIN(TUNED_UNDORETENTION) FROM V$UNDOSTAT WHERE BEGIN_TIME > SYSDATE - 1")
    if tuned and tuned[0][0] is not None:
        return int(tuned[0][0])
    found = _rows(connection, "SELECT VALUE FROM V$PARAMETER WHERE NAME = 'undo_retention'")
    return int(found[0][0]) if found and found[0][0] is not None else None


_NOW: Final = "SELECT TO_CHAR(SYS_EXTRACT_UTC(SYSTIMESTAMP), 'YYYY-MM-DD HH24:MI:SS.FF6') FROM DUAL"


def _clock(connection: oracledb.Connection) -> float:
    offsets = []
    for _ in range(3):
        before = time.time()
        rows = _rows(connection, _NOW)
        after = time.time()
        if rows:
            server = datetime.strptime(str(rows[0][0]).strip(), "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC).timestamp()
            offsets.append((after - before, server - (before + after) / 2))
    return round(min(offsets)[1], 3) if offsets else 0.0


def _long_transactions(mining: oracledb.Connection) -> tuple[tuple[str, float], ...]:
    rows = _rows(
        mining,
        "SELECT S.USERNAME, S.PROGRAM, (SYSDATE - T.START_DATE) * 86400"
        " FROM V$TRANSACTION T LEFT JOIN V$SESSION S ON S.SADDR = T.SES_ADDR WHERE T.START_DATE < SYSDATE - 1 / 1440",
    )
    return tuple((f"{user or '?'} ({program or '?'})", float(seconds)) for user, program, seconds in rows)
