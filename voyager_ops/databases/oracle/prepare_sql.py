"""The statements of ``prepare source`` for an Oracle database, composed. Pure: names in, statements out.

Each says what it is for and, as a query, when it is not needed (any more): running them twice does nothing. What has to be done
for every object of a schema is printed as one PL/SQL block; ``--run`` does the same statement by statement (:class:`Each`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from voyager_ops.databases.oracle.names import literal, qualified, quote

Form = Literal["cdb", "non-cdb", "rds"]
Place = Literal["root", "database"]
PLACEHOLDER: Final = '"&&password"'
"""SQL*Plus asks for it once."""
QUOTA: Final = "100M"
ARCHIVE_HOURS: Final = 72
MOST_COLUMNS: Final = 1000
"""Of a table of Oracle's."""

CATALOG_VIEWS: Final = (
    "V_$DATABASE", "V_$INSTANCE", "V_$PARAMETER", "V_$THREAD", "V_$LOG", "V_$LOGFILE", "V_$LOG_HISTORY", "V_$ARCHIVED_LOG",
    "V_$ARCHIVE_DEST_STATUS", "V_$LOGMNR_LOGS", "V_$LOGMNR_CONTENTS", "V_$LOGMNR_PARAMETERS", "V_$TRANSACTION", "V_$SESSION",
    "V_$LOCKED_OBJECT", "V_$UNDOSTAT", "V_$MYSTAT", "V_$STATNAME", "GV_$TRANSACTION", "GV_$SESSION", "GV_$LOCKED_OBJECT",
)  # fmt: skip
"""Of SYS; without the underscore they are called by their public synonyms."""
TRIGGER_VIEWS: Final = ("V_$DATABASE", "V_$TRANSACTION", "V_$SESSION")
"""Of those, what capture by triggers reads: moments, and who was at work before the triggers came."""
PACKAGES: Final = ("DBMS_LOGMNR", "DBMS_LOGMNR_D")


@dataclass(frozen=True)
class Query:
    """A query with its binds."""

    sql: str
    binds: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Each:
    """One statement for every row of ``query``: ``statement`` with ``{}`` for the row's names, quoted, and ``what`` by its type
    (the row's last column), where the query has one."""

    query: Query
    statement: str
    what: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Wanted:
    """What to prepare, in Oracle's names. ``mines``: by LogMiner, else by triggers."""

    form: Form
    user: str
    owners: tuple[str, ...]
    fall_back: bool
    mines: bool = True


@dataclass(frozen=True)
class Statement:
    """``sql`` as a driver takes it: a block with its last semicolon, all else without; the password as :data:`PLACEHOLDER`.

    ``place``: in CDB$ROOT, or where the tables are. ``unless``: a query with a row when it is not needed. ``each``: how ``--run``
    does a block. ``run``: False when it is for people only.
    """

    sql: str
    why: str
    place: Place = "database"
    unless: Query | None = None
    each: Each | None = None
    has_password: bool = False
    run: bool = True

    @property
    def terminator(self) -> str:
        """What SQL*Plus wants behind it."""
        return "\n/" if self.sql.startswith(("BEGIN", "DECLARE")) else ";"


def role_name(owner: str, kind: Literal["READER", "WRITER"]) -> str:
    """The role that has a schema's rights."""
    return f"{owner}_{kind}_ROLE"


def statements(wanted: Wanted) -> Iterator[Statement]:
    """Everything the migration user needs, in the order to run it."""
    if wanted.mines:
        yield from _settings(wanted)
    yield from _user(wanted)
    yield from _system_privileges(wanted)
    if wanted.mines:
        yield from _mining(wanted)
    for owner in wanted.owners:
        yield from _reader(wanted, owner)
        yield from _logging(wanted, owner)
        if wanted.fall_back:
            yield from _writer(wanted, owner)


def _system_place(wanted: Wanted) -> Place:
    return "root" if wanted.form == "cdb" else "database"


def _everywhere(wanted: Wanted) -> str:
    return " CONTAINER = ALL" if wanted.form == "cdb" else ""


def _rds(call: str) -> str:
    return f"BEGIN\n  rdsadmin.rdsadmin_util.{call};\nEND;"


def _settings(wanted: Wanted) -> Iterator[Statement]:
    archiving = Query("SELECT 1 FROM V$DATABASE WHERE LOG_MODE = 'ARCHIVELOG'")
    if wanted.form == "rds":
        yield Statement(
            _rds(f"set_configuration('archivelog retention hours', {ARCHIVE_HOURS});\n  COMMIT"),
            "archived redo stays on the server until it is mined (automated backups must be on: they switch archiving on)",
            unless=Query(
                "SELECT 1 FROM RDSADMIN.RDS_CONFIGURATION WHERE CASE WHEN NAME = 'archivelog retention hours'"  # noqa: S608 -- a number of ours
                f" THEN TO_NUMBER(VALUE) END >= {ARCHIVE_HOURS}"
            ),
        )
    else:
        yield Statement(
            "ALTER SYSTEM SET db_recovery_file_dest_size = 100G SCOPE = BOTH;\n"
            "ALTER SYSTEM SET db_recovery_file_dest = '/where/there/is/room' SCOPE = BOTH;\n"
            "SHUTDOWN IMMEDIATE;\nSTARTUP MOUNT;\nALTER DATABASE ARCHIVELOG;\nALTER DATABASE OPEN",
            "changes are mined from archived redo (not needed where archiving is on); the database is closed for it: in SQL*Plus,"
            " as SYSDBA. Keep archived logs for longer than capture may ever be down",
            place=_system_place(wanted),
            unless=archiving,
            run=False,
        )
    yield Statement(
        _rds("alter_supplemental_logging('ADD')") if wanted.form == "rds" else "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA",
        "redo says which row a change belongs to",
        place=_system_place(wanted),
        unless=Query("SELECT 1 FROM V$DATABASE WHERE SUPPLEMENTAL_LOG_DATA_MIN <> 'NO'"),
    )


def _user(wanted: Wanted) -> Iterator[Statement]:
    user = quote(wanted.user)
    by_name = {"name": wanted.user}
    yield Statement(
        f"CREATE USER {user} IDENTIFIED BY {PLACEHOLDER}{_everywhere(wanted)}",
        "the migration's own user" + (", common to all containers: mining runs in the root" if wanted.form == "cdb" else ""),
        place=_system_place(wanted),
        unless=Query("SELECT 1 FROM DBA_USERS WHERE USERNAME = :name", by_name),
        has_password=True,
    )
    places: tuple[Place, ...] = ("root", "database") if wanted.form == "cdb" else ("database",)
    given = "SELECT 1 FROM DBA_TS_QUOTAS WHERE USERNAME = :name AND MAX_BYTES"  # -1 is unlimited
    quota, why = QUOTA, "room for its own small tables (markers, and one that makes the server write its redo out)"
    if not wanted.mines:
        quota, why = "UNLIMITED", "room for its own tables: where changes have none, the application's statements fail"
    for place in places:
        yield Statement(
            "BEGIN\n"  # noqa: S608 -- a quoted literal
            f"  FOR r IN (SELECT DEFAULT_TABLESPACE FROM DBA_USERS WHERE USERNAME = {literal(wanted.user)}) LOOP\n"
            f"    EXECUTE IMMEDIATE 'ALTER USER {_inside(user)} QUOTA {quota} ON \"' || r.DEFAULT_TABLESPACE || '\"';\n"
            "  END LOOP;\nEND;",
            why,
            place=place,
            unless=Query(f"{given} {'<> 0' if wanted.mines else '= -1'}", by_name),
            each=Each(
                Query("SELECT DEFAULT_TABLESPACE FROM DBA_USERS WHERE USERNAME = :name", by_name),
                f"ALTER USER {_braced(user)} QUOTA {quota} ON {{}}",
            ),
        )


def _system_privileges(wanted: Wanted) -> Iterator[Statement]:
    for privilege, why in _PRIVILEGES.items():
        if privilege == "SET CONTAINER" and wanted.form != "cdb":
            continue
        yield _grant_system(wanted, privilege, why)
    yield _grant_role(wanted, "SELECT_CATALOG_ROLE", "reads the views of the dictionary and of the running server")
    if not wanted.mines:
        for privilege, why in TRIGGER_PRIVILEGES.items():
            yield _grant_system(wanted, privilege, why)


_PRIVILEGES: Final = {
    "CREATE SESSION": "connects",
    "SET CONTAINER": "reads the tables in their container, mines in the root",
    "CREATE TABLE": "makes its own small tables",
    "SELECT ANY DICTIONARY": "reads the definitions of what is migrated",
    "FLASHBACK ANY TABLE": "copies every part of a table as of one moment (AS OF SCN)",
}
MINING_PRIVILEGES: Final = {
    "LOGMINING": "reads changes from redo",
    "SELECT ANY TRANSACTION": "reads changes of all users' transactions",
}


TRIGGER_PRIVILEGES: Final = {
    "CREATE SEQUENCE": "capture by triggers: numbers the changes",
    "CREATE ANY TRIGGER": "capture by triggers: one on each table, in our own schema (so no right is needed to drop it)",
}


SEQUENCE_PRIVILEGES: Final = ("CREATE ANY SEQUENCE", "SELECT ANY SEQUENCE", "ALTER ANY SEQUENCE")
"""Of the way back."""


def _grant_system(wanted: Wanted, privilege: str, why: str) -> Statement:
    return Statement(
        f"GRANT {privilege} TO {quote(wanted.user)}{_everywhere(wanted)}",
        why,
        place=_system_place(wanted),
        unless=Query(
            "SELECT 1 FROM DBA_SYS_PRIVS WHERE GRANTEE = :name AND PRIVILEGE = :privilege",
            {"name": wanted.user, "privilege": privilege},
        ),
    )


def _grant_role(wanted: Wanted, role: str, why: str) -> Statement:
    system = role.endswith("CATALOG_ROLE")
    return Statement(
        f"GRANT {role if system else quote(role)} TO {quote(wanted.user)}{_everywhere(wanted) if system else ''}",
        why,
        place=_system_place(wanted) if system else "database",
        unless=Query(
            "SELECT 1 FROM DBA_ROLE_PRIVS WHERE GRANTEE = :name AND GRANTED_ROLE = :role", {"name": wanted.user, "role": role}
        ),
    )


def _mining(wanted: Wanted) -> Iterator[Statement]:
    for privilege, why in MINING_PRIVILEGES.items():
        yield _grant_system(wanted, privilege, why)
    yield _grant_role(wanted, "EXECUTE_CATALOG_ROLE", "starts and ends mining")
    for package in PACKAGES:
        yield _grant_sys(wanted, package, "EXECUTE", "starts and ends mining")
    for view in CATALOG_VIEWS:
        yield _grant_sys(wanted, view, "SELECT", f"reads {view.replace('V_$', 'V$')}")


def _grant_sys(wanted: Wanted, name: str, privilege: str, why: str) -> Statement:
    call = f"grant_sys_object({literal(name)}, {literal(wanted.user)}, {literal(privilege)})"
    return Statement(
        _rds(call) if wanted.form == "rds" else f"GRANT {privilege} ON SYS.{name} TO {quote(wanted.user)}{_everywhere(wanted)}",
        why,
        place=_system_place(wanted),
        unless=Query(
            "SELECT 1 FROM DBA_TAB_PRIVS WHERE GRANTEE = :name AND OWNER = 'SYS' AND TABLE_NAME = :object"
            " AND PRIVILEGE = :privilege",
            {"name": wanted.user, "object": name, "privilege": privilege},
        ),
    )


_OBJECTS: Final = (
    "SELECT OBJECT_NAME, OBJECT_TYPE FROM DBA_OBJECTS WHERE OWNER = {owner} AND OBJECT_TYPE IN ({types})"
    " AND OBJECT_NAME NOT LIKE 'BIN$%' AND OBJECT_NAME NOT LIKE 'SYS_IOT_OVER_%'"
    " AND OBJECT_NAME NOT IN (SELECT TABLE_NAME FROM DBA_NESTED_TABLES WHERE OWNER = {owner})"
)


def _for_objects(owner: str, grants: Mapping[str, str], grantee: str, why: str) -> Statement:
    """A grant on every object of a schema: ``grants`` is object type to privileges."""
    types = ", ".join(literal(type_) for type_ in grants)
    on = f"' ON {_inside(quote(owner))}.\"' || r.OBJECT_NAME || '\" TO {_inside(quote(grantee))}'"
    if len(set(grants.values())) == 1:
        what = f"GRANT {next(iter(grants.values()))}'"
    else:
        cases = " ".join(f"WHEN {literal(type_)} THEN {literal(privileges)}" for type_, privileges in grants.items())
        what = f"GRANT ' || CASE r.OBJECT_TYPE {cases} END"
    loop = _OBJECTS.format(owner=literal(owner), types=types)
    return Statement(
        f"BEGIN\n  FOR r IN ({loop}) LOOP\n    EXECUTE IMMEDIATE '{what} || {on};\n  END LOOP;\nEND;",
        why,
        each=Each(
            Query(_OBJECTS.format(owner=":owner", types=types), {"owner": owner}),
            f"GRANT {{what}} ON {_braced(quote(owner))}.{{}} TO {_braced(quote(grantee))}",
            grants,
        ),
    )


def _role(owner: str, kind: Literal["READER", "WRITER"], why: str) -> Statement:
    role = role_name(owner, kind)
    return Statement(
        f"CREATE ROLE {quote(role)}", why, unless=Query("SELECT 1 FROM DBA_ROLES WHERE ROLE = :role", {"role": role})
    )


def _reader(wanted: Wanted, owner: str) -> Iterator[Statement]:
    role = role_name(owner, "READER")
    yield _role(owner, "READER", f"reads the schema {owner}")
    grants = dict.fromkeys(("TABLE", "VIEW", "MATERIALIZED VIEW", "SEQUENCE"), "SELECT") | {"TYPE": "EXECUTE"}
    yield _for_objects(owner, grants, role, "copies the tables; sees sequences, views and types")
    yield _grant_role(wanted, role, f"the migration user reads the schema {owner}")


def _logging(wanted: Wanted, owner: str) -> Iterator[Statement]:
    if not wanted.mines:
        return
    yield _for_objects(
        owner,
        {"TABLE": "ALTER"},
        wanted.user,
        "capture has all columns of each migrated table logged (ALTER TABLE … ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS) and"
        " puts that back at the end; not needed where you run that statement for every table yourself",
    )


def _writer(wanted: Wanted, owner: str) -> Iterator[Statement]:
    role = role_name(owner, "WRITER")
    yield _role(owner, "WRITER", f"fall-back writes the target's changes into the schema {owner}")
    yield _for_objects(
        owner,
        {"TABLE": "SELECT, INSERT, UPDATE, DELETE, ALTER"},
        role,
        "writes the target's changes back; holds triggers and foreign keys off meanwhile",
    )
    yield Statement(
        f"GRANT {', '.join(SEQUENCE_PRIVILEGES)} TO {quote(role)}",
        "carries sequences over when the source is opened again",
        unless=Query("SELECT 1 FROM DBA_SYS_PRIVS WHERE GRANTEE = :role AND PRIVILEGE = 'ALTER ANY SEQUENCE'", {"role": role}),
    )
    yield _grant_role(wanted, role, f"the migration user writes the schema {owner}")


def supplemental_logging(owner: str, table: str) -> str:
    """All columns of a table into the redo of its changes."""
    return f"ALTER TABLE {qualified(owner, table)} ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS"


def _inside(text: str) -> str:
    """As part of a string literal."""
    return text.replace("'", "''")


def _braced(text: str) -> str:
    """As part of a text for ``str.format``."""
    return text.replace("{", "{{").replace("}", "}}")
