"""The rows of the V$ views of redo, archiving and LogMiner, as of now; their columns are in ``redo_views``."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from voyager_ops.testing.oracle.faults import ViewRow
from voyager_ops.testing.oracle.redo_logs import BLOCK_SIZE, MAX_SCN, RESETLOGS_CHANGE, RESETLOGS_ID, Log
from voyager_ops.testing.oracle.redo_rows import xid_columns

if TYPE_CHECKING:
    from voyager_ops.testing.oracle.logminer import LogMinerSession
    from voyager_ops.testing.oracle.redo import RedoLog

DBID = 1_465_389_401


def _time(stamp: float | None) -> str | None:
    return None if stamp is None else datetime.fromtimestamp(stamp, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _yes(fact: bool) -> str:
    return "YES" if fact else "NO"


# -- rows -----------------------------------------------------------------------------------------------------------------


def _database(log: RedoLog) -> list[ViewRow]:
    logging = log.supplemental
    minimal = "NO" if not logging else "YES" if "MIN" in logging else "IMPLICIT"
    return [
        {
            "DBID": DBID,
            "NAME": log.settings.database_name,
            "CREATED": _time(RESETLOGS_ID + 500_000_000),
            "RESETLOGS_CHANGE#": RESETLOGS_CHANGE,
            "RESETLOGS_TIME": _time(RESETLOGS_ID + 500_000_000),
            "LOG_MODE": "ARCHIVELOG" if log.logs.archiving else "NOARCHIVELOG",
            "CHECKPOINT_CHANGE#": min(at.first_scn for _, at in log.logs.online() if at.current),
            "ARCHIVE_CHANGE#": max((at.next_scn or 0 for at in log.logs.all() if at.archived), default=0),
            "OPEN_MODE": "READ WRITE",
            "PROTECTION_MODE": "MAXIMUM PERFORMANCE",
            "DATABASE_ROLE": "PRIMARY",
            "SUPPLEMENTAL_LOG_DATA_MIN": minimal,
            "SUPPLEMENTAL_LOG_DATA_PK": _yes("PRIMARY KEY" in logging),
            "SUPPLEMENTAL_LOG_DATA_UI": _yes("UNIQUE" in logging),
            "FORCE_LOGGING": "NO",
            "PLATFORM_NAME": "Linux x86 64-bit",
            "CURRENT_SCN": log.current_scn(),
            "FLASHBACK_ON": "NO",
            "SUPPLEMENTAL_LOG_DATA_FK": _yes("FOREIGN KEY" in logging),
            "SUPPLEMENTAL_LOG_DATA_ALL": _yes("ALL" in logging),
            "DB_UNIQUE_NAME": log.settings.database_name,
            "SUPPLEMENTAL_LOG_DATA_PL": "NO",
            "CDB": _yes(bool(log.settings.container)),
            "CON_ID": 0,
        }
    ]


def _thread(log: RedoLog) -> list[ViewRow]:
    _, visible = log.visible()
    rows: list[ViewRow] = []
    for thread in log.logs.threads.values():
        current = thread.logs[-1]
        last = max(thread.last, current.first_scn) if log.settings.cluster else visible
        rows.append(
            {
                "THREAD#": thread.number,
                "STATUS": "OPEN" if thread.open else "CLOSED",
                "ENABLED": "PUBLIC",
                "GROUPS": log.logs.groups,
                "INSTANCE": f"sim{thread.number}",
                "OPEN_TIME": _time(log.opened),
                "CURRENT_GROUP#": log.logs.group_of(current),
                "SEQUENCE#": current.sequence,
                "CHECKPOINT_CHANGE#": current.first_scn,
                "CHECKPOINT_TIME": _time(current.first_time),
                "LAST_REDO_SEQUENCE#": current.sequence,
                "LAST_REDO_BLOCK": current.size // BLOCK_SIZE,
                "LAST_REDO_CHANGE#": last if thread.frozen is None else min(last, thread.frozen),
                "LAST_REDO_TIME": _time(datetime.now(UTC).timestamp()),
                "CON_ID": 0,
            }
        )
    return rows


def _log(log: RedoLog) -> list[ViewRow]:
    return [
        {
            "GROUP#": group,
            "THREAD#": at.thread,
            "SEQUENCE#": at.sequence,
            "BYTES": log.logs.log_bytes,
            "BLOCKSIZE": BLOCK_SIZE,
            "MEMBERS": 1,
            "ARCHIVED": _yes(at.archived),
            "STATUS": "CURRENT" if at.current else "INACTIVE" if at.archived or not log.logs.archiving else "ACTIVE",
            "FIRST_CHANGE#": at.first_scn,
            "FIRST_TIME": _time(at.first_time),
            "NEXT_CHANGE#": MAX_SCN if at.next_scn is None else at.next_scn,
            "NEXT_TIME": _time(at.next_time),
            "CON_ID": 0,
        }
        for group, at in sorted(log.logs.online(), key=lambda item: item[0])
    ]


def _logfile(log: RedoLog) -> list[ViewRow]:
    return [
        {
            "GROUP#": group,
            "STATUS": None,
            "TYPE": "ONLINE",
            "MEMBER": log.logs.member(group),
            "IS_RECOVERY_DEST_FILE": "NO",
            "CON_ID": 0,
        }
        for group, _ in sorted(log.logs.online(), key=lambda item: item[0])
    ]


def _archived(log: RedoLog) -> list[ViewRow]:
    archived = sorted((at for at in log.logs.all() if at.archived), key=lambda at: (at.next_scn or 0, at.thread))
    return [
        _history_of(at, number)
        | {
            "NAME": None if at.deleted else at.archive_name if destination == 1 else f"{at.archive_name}.{destination}",
            "DEST_ID": destination,
            "RESETLOGS_ID": RESETLOGS_ID,
            "NEXT_TIME": _time(at.next_time),
            "BLOCKS": math.ceil(at.size / BLOCK_SIZE) + 1,
            "BLOCK_SIZE": BLOCK_SIZE,
            "CREATOR": "ARCH",
            "REGISTRAR": "ARCH",
            "STANDBY_DEST": "NO",
            "ARCHIVED": "YES",
            "APPLIED": "NO",
            "DELETED": _yes(at.deleted),
            "STATUS": "D" if at.deleted else "A",
            "COMPLETION_TIME": _time(at.next_time),
            "DICTIONARY_BEGIN": _yes(at.dictionary),
            "DICTIONARY_END": _yes(at.dictionary),
            "END_OF_REDO": "NO",
            "IS_RECOVERY_DEST_FILE": _yes(log.settings.recovery_area),
            "COMPRESSED": "NO",
        }
        for number, at in enumerate(archived, 1)
        for destination in range(1, log.settings.destinations + 1)
    ]


def _history(log: RedoLog) -> list[ViewRow]:
    ended = sorted((at for at in log.logs.all() if not at.current), key=lambda at: (at.next_scn or 0, at.thread))
    return [_history_of(at, number) for number, at in enumerate(ended, 1)]


def _history_of(at: Log, number: int) -> ViewRow:
    return {
        "RECID": number,
        "STAMP": RESETLOGS_ID + number,
        "THREAD#": at.thread,
        "SEQUENCE#": at.sequence,
        "FIRST_CHANGE#": at.first_scn,
        "FIRST_TIME": _time(at.first_time),
        "NEXT_CHANGE#": at.next_scn,
        "RESETLOGS_CHANGE#": RESETLOGS_CHANGE,
        "RESETLOGS_TIME": _time(RESETLOGS_ID + 500_000_000),
        "CON_ID": 0,
    }


def _destinations(log: RedoLog) -> list[ViewRow]:
    last = [at for at in log.logs.all() if at.archived]
    return [
        {
            "DEST_ID": number,
            "DEST_NAME": f"LOG_ARCHIVE_DEST_{number}",
            "STATUS": "VALID" if number == 1 else "INACTIVE",
            "TYPE": "LOCAL",
            "DATABASE_MODE": "OPEN" if number == 1 else "UNKNOWN",
            "RECOVERY_MODE": "IDLE",
            "PROTECTION_MODE": "MAXIMUM PERFORMANCE",
            "DESTINATION": "/u01/archive/SIM" if number == 1 else None,
            "ARCHIVED_THREAD#": last[-1].thread if last and number == 1 else 0,
            "ARCHIVED_SEQ#": last[-1].sequence if last and number == 1 else 0,
            "ERROR": None,
            "CON_ID": 0,
        }
        for number in (1, 2)
    ]


def _transactions(log: RedoLog) -> list[ViewRow]:
    rows: list[ViewRow] = []
    for session in sorted(log.sessions, key=lambda session: session.start_scn):
        xid = session.xid
        if xid is None:
            continue
        columns = xid_columns(xid)
        rows.append(
            {
                "ADDR": session.session_id.to_bytes(8, "big"),
                "XIDUSN": columns["XIDUSN"],
                "XIDSLOT": columns["XIDSLT"],
                "XIDSQN": columns["XIDSQN"],
                "STATUS": "ACTIVE",
                "START_TIME": datetime.fromtimestamp(session.started, UTC).strftime("%m/%d/%y %H:%M:%S"),
                "START_SCNB": session.start_scn & 0xFFFFFFFF,
                "START_SCNW": session.start_scn >> 32,
                "SES_ADDR": session.session_id.to_bytes(8, "big"),
                "FLAG": 3587,
                "SPACE": "NO",
                "RECURSIVE": "NO",
                "USED_UBLK": 1,
                "USED_UREC": 1,
                "NAME": None,
                "START_DATE": _time(session.started),
                "START_SCN": session.start_scn,
                "XID": xid,
                "CON_ID": 3,
                "INST_ID": 1,
            }
        )
    return rows


def _mined_logs(log: RedoLog, miner: LogMinerSession) -> list[ViewRow]:
    return [
        {
            "LOG_ID": at.sequence,
            "FILENAME": file.name,
            "LOW_TIME": _time(at.first_time),
            "HIGH_TIME": _time(at.next_time),
            "DB_ID": DBID,
            "DB_NAME": log.settings.database_name[:8],
            "RESET_SCN": RESETLOGS_CHANGE,
            "RESET_SCN_TIME": _time(RESETLOGS_ID + 500_000_000),
            "THREAD_ID": at.thread,
            "THREAD_SQN": at.sequence,
            "LOW_SCN": at.first_scn,
            "NEXT_SCN": MAX_SCN if at.next_scn is None else at.next_scn,
            "DICTIONARY_BEGIN": _yes(at.dictionary),
            "DICTIONARY_END": _yes(at.dictionary),
            "TYPE": "ONLINE" if file.name != at.archive_name else "ARCHIVED",
            "BLOCKSIZE": BLOCK_SIZE,
            "FILESIZE": max(at.size, BLOCK_SIZE),
            "INFO": None,
            "STATUS": 0,
            "CON_ID": 0,
        }
        for file, at in miner.files
    ]


def _parameters(log: RedoLog, miner: LogMinerSession) -> list[ViewRow]:
    return [] if miner.parameters is None else [miner.parameters | {"CON_ID": 0}]


ROWS: Mapping[str, Callable[[RedoLog], list[ViewRow]]] = {
    "V$DATABASE": _database,
    "V$THREAD": _thread,
    "V$LOG": _log,
    "V$LOGFILE": _logfile,
    "V$ARCHIVED_LOG": _archived,
    "V$LOG_HISTORY": _history,
    "V$ARCHIVE_DEST_STATUS": _destinations,
    "V$TRANSACTION": _transactions,
}
MINER_ROWS: Mapping[str, Callable[[RedoLog, LogMinerSession], list[ViewRow]]] = {
    "V$LOGMNR_LOGS": _mined_logs,
    "V$LOGMNR_PARAMETERS": _parameters,
}
