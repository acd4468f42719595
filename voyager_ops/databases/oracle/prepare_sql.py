"""The statements of ``prepare source`` for an Oracle database, composed. Pure: names in, statements out.

Each says what it is for and, as a query, when it is not needed (any more): running them twice does nothing. What has to be done
for every object of a schema is printed as one PL/SQL block; ``--run`` does the same statement by statement (:class:`Each`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from voyager_ops.databases.oracle.names import literal, qualified, quote

Form = Literal["cdb", "non-cdb", "rds"]
Place = Literal["root", "database"]
RoleKind = Literal["READER", "WRITER"]
ROLE_KINDS: Final[tuple[RoleKind, ...]] = ("READER", "WRITER")
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
"""Of SYS, what capture from redo reads; without the underscore they are called by their public synonyms."""
TRIGGER_VIEWS: Final = ("V_$DATABASE", "V_$TRANSACTION", "V_$SESSION")
"""Of those, what capture by triggers reads: moments, and who was at work before the triggers came."""
MINER: Final = "DBMS_LOGMNR"
"""The package of SYS that mines. The dictionary is the online one: nobody builds one with DBMS_LOGMNR_D."""


@dataclass(frozen=True)
class Query:
    """A query with its binds."""

    sql: str
    binds: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Each:
    """One statement for every row of ``query``: ``statement`` with ``{}`` for the row's name, quoted."""

    query: Query
    statement: str


@dataclass(frozen=True)
class Right:
    """What a statement gives, as preflight looks for it: a system privilege, or one on each table of the schema ``on``.

    ``to``: the user, or a role of its. ``breaks``: what does not work without it.
    """

    name: str
    to: str
    breaks: str
    on: str = ""


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
    does a block. ``run``: False when it is for people only. ``rights``: what it gives; preflight looks for each of them.
    """

    sql: str
    why: str
    place: Place = "database"
    unless: Query | None = None
    each: Each | None = None
    has_password: bool = False
    run: bool = True
    rights: tuple[Right, ...] = ()

    @property
    def terminator(self) -> str:
        """What SQL*Plus wants behind it."""
        return "\n/" if self.sql.startswith(("BEGIN", "DECLARE")) else ";"


def role_name(owner: str, kind: RoleKind) -> str:
    """The role that has a schema's rights."""
    return f"{owner}_{kind}_ROLE"


def statements(wanted: Wanted) -> Iterator[Statement]:
    """Everything the migration user needs, in the order to run it."""
    if wanted.mines:
        yield from _settings(wanted)
    yield from _user(wanted)
    yield from _system_privileges(wanted)
    if wanted.mines:
        yield miner_grant(wanted)
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
    given = "SELECT 1 FROM DBA_TS_QUOTAS WHERE USERNAME = :name AND MAX_BYTES"  # -1 is unlimited
    quota, why = QUOTA, "room for its own small tables (markers, and one that makes the server write its redo out)"
    if not wanted.mines:
        quota, why = "UNLIMITED", "room for its own tables: where changes have none, the application's statements fail"
    yield Statement(
        "BEGIN\n"  # noqa: S608 -- a quoted literal
        f"  FOR r IN (SELECT DEFAULT_TABLESPACE FROM DBA_USERS WHERE USERNAME = {literal(wanted.user)}) LOOP\n"
        f"    EXECUTE IMMEDIATE 'ALTER USER {_inside(user)} QUOTA {quota} ON \"' || r.DEFAULT_TABLESPACE || '\"';\n"
        "  END LOOP;\nEND;",
        why,
        unless=Query(f"{given} {'<> 0' if wanted.mines else '= -1'}", by_name),
        each=Each(
            Query("SELECT DEFAULT_TABLESPACE FROM DBA_USERS WHERE USERNAME = :name", by_name),
            f"ALTER USER {_braced(user)} QUOTA {quota} ON {{}}",
        ),
    )


_PRIVILEGES: Final = {
    "CREATE SESSION": ("connects", "nobody can connect"),
    "CREATE TABLE": ("makes its own small tables", "our own small tables (markers) cannot be made"),
    "SELECT ANY DICTIONARY": (
        "reads the definitions of what is migrated, and the views of the running server",
        "neither what there is can be seen, nor the state of the server",
    ),
    "FLASHBACK ANY TABLE": (
        "copies every part of a table as of one moment (AS OF SCN)",
        "tables cannot be copied as of one moment (AS OF SCN)",
    ),
}
_MINING: Final = {
    "SET CONTAINER": ("reads the tables in their container, mines in the root", "a common user mines in the root"),
    "LOGMINING": (
        "reads changes from redo",
        "nobody reads changes from redo: no change after the snapshot would reach the target",
    ),
    "SELECT ANY TRANSACTION": (
        "reads changes of all users' transactions",
        "nobody reads changes of all users' transactions: no change after the snapshot would reach the target",
    ),
}
_TRIGGERS: Final = {
    "CREATE SEQUENCE": ("capture by triggers: numbers the changes", "changes cannot be captured by triggers"),
    "CREATE ANY TRIGGER": (
        "capture by triggers: one on each table, in our own schema (so no right is needed to drop it)",
        "changes cannot be captured by triggers",
    ),
}
_SEQUENCES: Final = ("CREATE ANY SEQUENCE", "SELECT ANY SEQUENCE", "ALTER ANY SEQUENCE")
"""Of the way back."""


def _system_privileges(wanted: Wanted) -> Iterator[Statement]:
    for privilege, (why, breaks) in (_PRIVILEGES | (_MINING if wanted.mines else _TRIGGERS)).items():
        if privilege != "SET CONTAINER" or wanted.form == "cdb":
            yield system_grant(wanted, privilege, why, breaks)


def system_grant(wanted: Wanted, privilege: str, why: str = "", breaks: str = "") -> Statement:
    """A system privilege for the user."""
    return Statement(
        f"GRANT {privilege} TO {quote(wanted.user)}{_everywhere(wanted)}",
        why,
        place=_system_place(wanted),
        unless=Query(
            "SELECT 1 FROM DBA_SYS_PRIVS WHERE GRANTEE = :name AND PRIVILEGE = :privilege",
            {"name": wanted.user, "privilege": privilege},
        ),
        rights=(Right(privilege, wanted.user, breaks),) if breaks else (),
    )


def role_grant(wanted: Wanted, role: str, why: str = "") -> Statement:
    """A schema's role for the user, where the tables are."""
    return Statement(
        f"GRANT {quote(role)} TO {quote(wanted.user)}",
        why,
        unless=Query(
            "SELECT 1 FROM DBA_ROLE_PRIVS WHERE GRANTEE = :name AND GRANTED_ROLE = :role", {"name": wanted.user, "role": role}
        ),
    )


def miner_grant(wanted: Wanted) -> Statement:
    """The right to call LogMiner's package, of SYS."""
    call = f"grant_sys_object({literal(MINER)}, {literal(wanted.user)}, 'EXECUTE')"
    return Statement(
        _rds(call) if wanted.form == "rds" else f"GRANT EXECUTE ON SYS.{MINER} TO {quote(wanted.user)}{_everywhere(wanted)}",
        "starts and ends mining",
        place=_system_place(wanted),
        unless=Query(
            "SELECT 1 FROM DBA_TAB_PRIVS WHERE GRANTEE = :name AND OWNER = 'SYS' AND TABLE_NAME = :object"
            " AND PRIVILEGE = 'EXECUTE'",
            {"name": wanted.user, "object": MINER},
        ),
    )


_TABLES: Final = (
    "SELECT OBJECT_NAME FROM DBA_OBJECTS WHERE OWNER = {owner} AND OBJECT_TYPE = 'TABLE' AND TEMPORARY = 'N'"
    " AND SECONDARY = 'N'"  # not what text and spatial indexes store
    " AND OBJECT_NAME NOT LIKE 'BIN$%' AND OBJECT_NAME NOT LIKE 'MLOG$%'"
    " AND OBJECT_NAME NOT LIKE 'SYS_IOT_OVER_%' AND OBJECT_NAME NOT LIKE 'SYS_IOT_MAP_%'"
    " AND OBJECT_NAME NOT IN (SELECT TABLE_NAME FROM DBA_NESTED_TABLES WHERE OWNER = {owner})"
    " AND OBJECT_NAME NOT IN (SELECT MVIEW_NAME FROM DBA_MVIEWS WHERE OWNER = {owner})"
)


def _on_tables(owner: str, rights: Mapping[str, str], grantee: str, why: str, also: Sequence[str] = ()) -> Statement:
    """Privileges on every table of a schema, with what each breaks; ``also``: what the user has by another role, too."""
    privileges = ", ".join((*also, *rights))
    on = f"' ON {_inside(quote(owner))}.\"' || r.OBJECT_NAME || '\" TO {_inside(quote(grantee))}'"
    loop = _TABLES.format(owner=literal(owner))
    return Statement(
        f"BEGIN\n  FOR r IN ({loop}) LOOP\n    EXECUTE IMMEDIATE 'GRANT {privileges}' || {on};\n  END LOOP;\nEND;",
        why,
        each=Each(
            Query(_TABLES.format(owner=":owner"), {"owner": owner}),
            f"GRANT {privileges} ON {_braced(quote(owner))}.{{}} TO {_braced(quote(grantee))}",
        ),
        rights=tuple(Right(right, grantee, breaks, owner) for right, breaks in rights.items()),
    )


def _role(owner: str, kind: RoleKind, why: str) -> Statement:
    role = role_name(owner, kind)
    return Statement(
        f"CREATE ROLE {quote(role)}", why, unless=Query("SELECT 1 FROM DBA_ROLES WHERE ROLE = :role", {"role": role})
    )


def _reader(wanted: Wanted, owner: str) -> Iterator[Statement]:
    role = role_name(owner, "READER")
    yield _role(owner, "READER", f"reads the schema {owner}")
    yield _on_tables(owner, {"SELECT": "it cannot be copied"}, role, "copies the tables")
    yield role_grant(wanted, role, f"the migration user reads the schema {owner}")


def _logging(wanted: Wanted, owner: str) -> Iterator[Statement]:
    if wanted.mines and not wanted.fall_back:  # the writer's role has it too
        yield _on_tables(
            owner,
            {"ALTER": "the redo of a change names only the columns it changed: rows would be applied with holes"},
            wanted.user,
            "capture has all columns of each migrated table logged (ALTER TABLE … ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS) and"
            " puts that back at the end; not needed where you run that statement for every table yourself",
        )


_WRITING: Final = {
    **dict.fromkeys(("INSERT", "UPDATE", "DELETE"), "the way back cannot apply the target's changes to the source"),
    "ALTER": "the way back cannot hold their triggers and foreign keys off",
}


def _writer(wanted: Wanted, owner: str) -> Iterator[Statement]:
    role = role_name(owner, "WRITER")
    yield _role(owner, "WRITER", f"fall-back writes the target's changes into the schema {owner}")
    logs = "; has all their columns logged for capture" if wanted.mines else ""
    yield _on_tables(
        owner,
        _WRITING,
        role,
        f"writes the target's changes back; holds triggers and foreign keys off meanwhile{logs}",
        also=("SELECT",),  # without it no UPDATE or DELETE may have a condition (sql92_security)
    )
    for privilege in _SEQUENCES:
        yield Statement(
            f"GRANT {privilege} TO {quote(role)}",
            "carries sequences over when the source is opened again",
            unless=Query(
                "SELECT 1 FROM DBA_SYS_PRIVS WHERE GRANTEE = :role AND PRIVILEGE = :privilege",
                {"role": role, "privilege": privilege},
            ),
            rights=(Right(privilege, role, "sequences cannot be carried back when the source is opened again"),),
        )
    yield role_grant(wanted, role, f"the migration user writes the schema {owner}")


def table_grant(right: Right, table: str, to: str) -> str:
    """One privilege on one table of the schema ``right.on``."""
    return f"GRANT {right.name} ON {qualified(right.on, table)} TO {quote(to)}"


def supplemental_logging(owner: str, table: str) -> str:
    """All columns of a table into the redo of its changes."""
    return f"ALTER TABLE {qualified(owner, table)} ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS"


def _inside(text: str) -> str:
    """As part of a string literal."""
    return text.replace("'", "''")


def _braced(text: str) -> str:
    """As part of a text for ``str.format``."""
    return text.replace("{", "{{").replace("}", "}}")
