"""What mends preflight's findings, as statements for the database that it is: a plain one, one with containers, or RDS. Pure.

RDS gives nobody SYSDBA or ALTER SYSTEM: its package ``rdsadmin.rdsadmin_util`` and parameter groups stand in for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil
from typing import Protocol

from voyager_ops.databases.oracle.check_facts import OracleFacts
from voyager_ops.databases.oracle.names import quote
from voyager_ops.databases.oracle.prepare_sql import QUOTA, miner_grant, system_grant

LOG_BYTES = 1 << 30
"""Of the redo logs that are advised, at the least."""
_UTIL = "rdsadmin.rdsadmin_util."
_GROUPS = 3
"""As many are advised where those that there are are not known."""
_SPARE = 1.2
"""The recovery area holds other things too."""


class Place(Protocol):
    """What of a database decides who may change its settings, and where."""

    @property
    def rds(self) -> bool: ...
    @property
    def container(self) -> str | None: ...


def grant(facts: OracleFacts, privilege: str) -> str:
    """A system privilege, as ``prepare source`` gives it."""
    return system_grant(facts.wanted((), mines=True, fall_back=False), privilege).sql


def may_mine(facts: OracleFacts) -> str:
    return miner_grant(facts.wanted((), mines=True, fall_back=False)).sql


def _rds(calls: Iterable[str]) -> str:
    return f"BEGIN {' '.join(f'{_UTIL}{call};' for call in calls)} END;"


def room(facts: OracleFacts, *, mines: bool) -> str:
    tablespace = quote(facts.default_tablespace) if facts.default_tablespace else "(its default tablespace)"
    return f"ALTER USER {quote(facts.user)} QUOTA {QUOTA if mines else 'UNLIMITED'} ON {tablespace}"


def _in_root(facts: Place) -> str:
    return "" if facts.container in (None, "CDB$ROOT") else "in CDB$ROOT: "


def keep_redo(facts: OracleFacts, hours: int) -> str:
    """Archived redo of that many hours. RMAN's deletion policies know backups and standbys, no age: its DELETE does."""
    if facts.rds:
        return f"BEGIN {_UTIL}set_configuration('archivelog retention hours', {hours}); COMMIT; END;"
    delete = f"DELETE ARCHIVELOG ALL COMPLETED BEFORE 'SYSDATE - {ceil(hours / 24)}'"
    rman = f"in RMAN, instead of what deletes it now: {delete}"
    rate, area = facts.redo.bytes_per_hour, facts.redo.area
    size = ceil(_SPARE * rate * hours / (1 << 30)) if rate is not None else 0
    if area is not None and size << 30 > area:
        return f"{_in_root(facts)}ALTER SYSTEM SET db_recovery_file_dest_size = {size}G SCOPE = BOTH; {rman}"
    if area is None:
        return f"{rman} -- and see to {f'{size} GB of ' if size else ''}room where log_archive_dest_n point to"
    return rman


def larger_logs(facts: OracleFacts, size: int) -> str:
    """For every group that is smaller than ``size`` (bytes) one of that size, of the same thread; then the old ones go."""
    old = [(thread, group) for thread, group, bytes_ in facts.redo.groups if bytes_ < size]
    threads = [thread for thread, _ in old] or [1] * _GROUPS
    if facts.rds:
        adds = [_rds([f"add_logfile(bytes => {size})"] * len(threads))]
        drops = [_rds([f"drop_logfile(grp => {group})"]) for _, group in old]
        another = f"{_UTIL}switch_logfile and {_UTIL}checkpoint"
    else:
        each = [f" THREAD {thread}" if facts.redo.threads > 1 else "" for thread in threads]
        adds = [f"ALTER DATABASE ADD LOGFILE{of} SIZE {size >> 20}M" for of in each]
        drops = [f"ALTER DATABASE DROP LOGFILE GROUP {group}" for _, group in old]
        another = "ALTER SYSTEM SWITCH LOGFILE and ALTER SYSTEM CHECKPOINT"
    place = "" if facts.rds else _in_root(facts)
    statements = (" " if facts.rds else "; ").join([*adds, *drops])
    named = "" if facts.rds else "; without db_create_file_dest and db_recovery_file_dest, name the file before SIZE"
    return f"{place}{statements} -- a group that is in use cannot be dropped: {another} first{named}"


def longer_undo(facts: OracleFacts, seconds: int) -> str:
    room_for_it = "the undo tablespace has to have room for it; or choose a smaller snapshot.chunk_size"
    if facts.rds:
        return f"set undo_retention = {seconds} in the DB parameter group of the instance; {room_for_it}"
    return f"ALTER SYSTEM SET undo_retention = {seconds} -- {room_for_it}"


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
