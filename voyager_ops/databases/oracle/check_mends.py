"""What mends preflight's findings, as statements for the database that it is: a plain one, one with containers, or RDS. Pure.

RDS gives nobody SYSDBA or ALTER SYSTEM: its package ``rdsadmin.rdsadmin_util`` and parameter groups stand in for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil
from typing import Protocol

from voyager_ops.databases.oracle.check_facts import OracleFacts
from voyager_ops.databases.oracle.names import literal, quote
from voyager_ops.databases.oracle.prepare_sql import PACKAGES, QUOTA

LOG_BYTES = 1 << 30
"""Of the redo logs that are advised."""
_SPARE = 1.2
"""The recovery area holds other things too."""


class Place(Protocol):
    """What of a database decides who may change its settings, and where."""

    @property
    def rds(self) -> bool: ...
    @property
    def container(self) -> str | None: ...


def grant(facts: OracleFacts, what: str) -> str:
    """A system privilege, a role, or a right on an object."""
    everywhere = " CONTAINER = ALL" if facts.mines_in_root else ""
    return f"GRANT {what} TO {quote(facts.user)}{everywhere}"


def _rds(calls: Iterable[str]) -> str:
    return f"BEGIN {' '.join(f'rdsadmin.rdsadmin_util.{call};' for call in calls)} END;"


def _grant_sys(facts: OracleFacts, names: Iterable[str], privilege: str) -> str:
    return _rds(f"grant_sys_object({literal(name)}, {literal(facts.user)}, {literal(privilege)})" for name in names)


def mining_packages(facts: OracleFacts) -> str:
    if facts.rds:
        return _grant_sys(facts, PACKAGES, "EXECUTE")
    return "; ".join(grant(facts, f"EXECUTE ON SYS.{package}") for package in PACKAGES)


def readable_views(facts: OracleFacts) -> str:
    """The right to read the views of the running server."""
    if facts.rds:
        views = _grant_sys(facts, (view.replace("V$", "V_$") for view in facts.unreadable_views), "SELECT")
        return f"{grant(facts, 'SELECT_CATALOG_ROLE')}; {views}"
    return grant(facts, "SELECT_CATALOG_ROLE")


def room(facts: OracleFacts, *, mines: bool) -> str:
    tablespace = quote(facts.default_tablespace) if facts.default_tablespace else "(its default tablespace)"
    return f"ALTER USER {quote(facts.user)} QUOTA {QUOTA if mines else 'UNLIMITED'} ON {tablespace}"


def _in_root(facts: Place) -> str:
    return "" if facts.container in (None, "CDB$ROOT") else "in CDB$ROOT: "


def keep_redo(facts: OracleFacts, hours: int) -> str:
    """Archived redo of that many hours."""
    wanted = f"keep it for at least {hours} h: "
    if facts.rds:
        return wanted + _rds([f"set_configuration('archivelog retention hours', {hours})"])
    statements = [f"RMAN deletes none that is younger (DELETE ARCHIVELOG ALL COMPLETED BEFORE 'SYSDATE - {ceil(hours / 24)}')"]
    rate, area = facts.redo.bytes_per_hour, facts.redo.area
    size = ceil(_SPARE * rate * hours / (1 << 30)) if rate is not None else 0
    if area is not None and size << 30 > area:
        statements.insert(0, f"{_in_root(facts)}ALTER SYSTEM SET db_recovery_file_dest_size = {size}G SCOPE = BOTH")
    elif area is None:
        statements.append(f"see to {f'{size} GB of ' if size else ''}room where log_archive_dest_n point to")
    return wanted + "; ".join(statements)


def larger_logs(facts: OracleFacts) -> str:
    if facts.rds:
        add, drop = _rds([f"add_logfile(bytes => {LOG_BYTES})"]), _rds(["drop_logfile(grp => …)"])
        return f"{add} for each new group, then {drop} of the old ones"
    return (
        f"{_in_root(facts)}ALTER DATABASE ADD LOGFILE GROUP … SIZE {LOG_BYTES >> 30}G for new groups,"
        " then ALTER DATABASE DROP LOGFILE GROUP … of the old ones"
    )


def know_undo(facts: OracleFacts) -> str:
    if facts.rds:
        return f"{grant(facts, 'SELECT_CATALOG_ROLE')}; {_grant_sys(facts, ('V_$UNDOSTAT', 'V_$PARAMETER'), 'SELECT')}"
    return grant(facts, "SELECT_CATALOG_ROLE")


def longer_undo(facts: OracleFacts, seconds: int) -> str:
    room_for_it = "and an undo tablespace large enough; or a smaller snapshot.chunk_size"
    if facts.rds:
        return f"undo_retention = {seconds} in the DB parameter group of the instance, {room_for_it}"
    return f"ALTER SYSTEM SET undo_retention = {seconds}, {room_for_it}"


def forced_logging(facts: OracleFacts) -> str:
    whole = _rds(["force_logging(p_enable => true)"]) if facts.rds else f"{_in_root(facts)}ALTER DATABASE FORCE LOGGING"
    return f"{whole}; or ALTER TABLE … LOGGING"


def archiving(facts: Place) -> str:
    if facts.rds:
        return "switch on automated backups of the instance (a retention period of at least a day): they switch archiving on"
    return f"{_in_root(facts)}SHUTDOWN IMMEDIATE; STARTUP MOUNT; ALTER DATABASE ARCHIVELOG; ALTER DATABASE OPEN"


def minimal_logging(facts: Place) -> str:
    if facts.rds:
        return _rds(["alter_supplemental_logging('ADD')"])
    return f"{_in_root(facts)}ALTER DATABASE ADD SUPPLEMENTAL LOG DATA"
