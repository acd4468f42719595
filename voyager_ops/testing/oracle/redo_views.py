"""The V$ views of redo, archiving and LogMiner: views in schema SYS over what the session was told just before its query.

The rows of each view are JSON in a setting of the session (``sim_redo.…``), so that they are right within transactions of any
kind, read-only ones included, and cost nothing when nobody asks.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
from psycopg import sql

from voyager_ops.testing.oracle.faults import ViewRow
from voyager_ops.testing.oracle.redo_logs import BLOCK_SIZE, MAX_SCN, RESETLOGS_CHANGE, RESETLOGS_ID, Log
from voyager_ops.testing.oracle.redo_rows import COLUMNS, xid_columns

if TYPE_CHECKING:
    from voyager_ops.testing.oracle.logminer import LogMinerSession
    from voyager_ops.testing.oracle.redo import RedoLog

DBID = 1_465_389_401
SCHEMA = "SYS"
CONTENTS_FORM = sql.Identifier(SCHEMA, "V$LOGMNR_CONTENTS")
_DATE, _NUMBER = "timestamp(0)", "numeric"
VIEW_COLUMNS: Mapping[str, Mapping[str, LiteralString]] = {
    "V$DATABASE": {
        "DBID": _NUMBER, "NAME": "varchar(9)", "CREATED": _DATE, "RESETLOGS_CHANGE#": _NUMBER, "RESETLOGS_TIME": _DATE,
        "LOG_MODE": "varchar(12)", "CHECKPOINT_CHANGE#": _NUMBER, "ARCHIVE_CHANGE#": _NUMBER, "OPEN_MODE": "varchar(20)",
        "PROTECTION_MODE": "varchar(20)", "DATABASE_ROLE": "varchar(16)", "SUPPLEMENTAL_LOG_DATA_MIN": "varchar(8)",
        "SUPPLEMENTAL_LOG_DATA_PK": "varchar(3)", "SUPPLEMENTAL_LOG_DATA_UI": "varchar(3)", "FORCE_LOGGING": "varchar(39)",
        "PLATFORM_NAME": "varchar(101)", "CURRENT_SCN": _NUMBER, "FLASHBACK_ON": "varchar(18)",
        "SUPPLEMENTAL_LOG_DATA_FK": "varchar(3)", "SUPPLEMENTAL_LOG_DATA_ALL": "varchar(3)", "DB_UNIQUE_NAME": "varchar(30)",
        "SUPPLEMENTAL_LOG_DATA_PL": "varchar(3)", "CDB": "varchar(3)", "CON_ID": _NUMBER,
    },
    "V$THREAD": {
        "THREAD#": _NUMBER, "STATUS": "varchar(6)", "ENABLED": "varchar(8)", "GROUPS": _NUMBER, "INSTANCE": "varchar(80)",
        "OPEN_TIME": _DATE, "CURRENT_GROUP#": _NUMBER, "SEQUENCE#": _NUMBER, "CHECKPOINT_CHANGE#": _NUMBER,
        "CHECKPOINT_TIME": _DATE, "LAST_REDO_SEQUENCE#": _NUMBER, "LAST_REDO_BLOCK": _NUMBER, "LAST_REDO_CHANGE#": _NUMBER,
        "LAST_REDO_TIME": _DATE, "CON_ID": _NUMBER,
    },
    "V$LOG": {
        "GROUP#": _NUMBER, "THREAD#": _NUMBER, "SEQUENCE#": _NUMBER, "BYTES": _NUMBER, "BLOCKSIZE": _NUMBER, "MEMBERS": _NUMBER,
        "ARCHIVED": "varchar(3)", "STATUS": "varchar(16)", "FIRST_CHANGE#": _NUMBER, "FIRST_TIME": _DATE,
        "NEXT_CHANGE#": _NUMBER, "NEXT_TIME": _DATE, "CON_ID": _NUMBER,
    },
    "V$LOGFILE": {
        "GROUP#": _NUMBER, "STATUS": "varchar(7)", "TYPE": "varchar(7)", "MEMBER": "varchar(513)",
        "IS_RECOVERY_DEST_FILE": "varchar(3)", "CON_ID": _NUMBER,
    },
    "V$ARCHIVED_LOG": {
        "RECID": _NUMBER, "STAMP": _NUMBER, "NAME": "varchar(513)", "DEST_ID": _NUMBER, "THREAD#": _NUMBER,
        "SEQUENCE#": _NUMBER, "RESETLOGS_CHANGE#": _NUMBER, "RESETLOGS_TIME": _DATE, "RESETLOGS_ID": _NUMBER,
        "FIRST_CHANGE#": _NUMBER, "FIRST_TIME": _DATE, "NEXT_CHANGE#": _NUMBER, "NEXT_TIME": _DATE, "BLOCKS": _NUMBER,
        "BLOCK_SIZE": _NUMBER, "CREATOR": "varchar(7)", "REGISTRAR": "varchar(7)", "STANDBY_DEST": "varchar(3)",
        "ARCHIVED": "varchar(3)", "APPLIED": "varchar(9)", "DELETED": "varchar(3)", "STATUS": "varchar(1)",
        "COMPLETION_TIME": _DATE, "DICTIONARY_BEGIN": "varchar(3)", "DICTIONARY_END": "varchar(3)",
        "END_OF_REDO": "varchar(3)", "IS_RECOVERY_DEST_FILE": "varchar(3)", "COMPRESSED": "varchar(3)", "CON_ID": _NUMBER,
    },
    "V$LOG_HISTORY": {
        "RECID": _NUMBER, "STAMP": _NUMBER, "THREAD#": _NUMBER, "SEQUENCE#": _NUMBER, "FIRST_CHANGE#": _NUMBER,
        "FIRST_TIME": _DATE, "NEXT_CHANGE#": _NUMBER, "RESETLOGS_CHANGE#": _NUMBER, "RESETLOGS_TIME": _DATE,
        "CON_ID": _NUMBER,
    },
    "V$ARCHIVE_DEST_STATUS": {
        "DEST_ID": _NUMBER, "DEST_NAME": "varchar(256)", "STATUS": "varchar(9)", "TYPE": "varchar(16)",
        "DATABASE_MODE": "varchar(15)", "RECOVERY_MODE": "varchar(34)", "PROTECTION_MODE": "varchar(20)",
        "DESTINATION": "varchar(256)", "ARCHIVED_THREAD#": _NUMBER, "ARCHIVED_SEQ#": _NUMBER, "ERROR": "varchar(256)",
        "CON_ID": _NUMBER,
    },
    "V$TRANSACTION": {
        "ADDR": "bytea", "XIDUSN": _NUMBER, "XIDSLOT": _NUMBER, "XIDSQN": _NUMBER, "STATUS": "varchar(16)",
        "START_TIME": "varchar(20)", "START_SCNB": _NUMBER, "START_SCNW": _NUMBER, "SES_ADDR": "bytea", "FLAG": _NUMBER,
        "SPACE": "varchar(3)", "RECURSIVE": "varchar(3)", "USED_UBLK": _NUMBER, "USED_UREC": _NUMBER, "NAME": "varchar(256)",
        "START_DATE": _DATE, "START_SCN": _NUMBER, "XID": "bytea", "CON_ID": _NUMBER, "INST_ID": _NUMBER,
    },
    "V$LOGMNR_LOGS": {
        "LOG_ID": _NUMBER, "FILENAME": "varchar(512)", "LOW_TIME": _DATE, "HIGH_TIME": _DATE, "DB_ID": _NUMBER,
        "DB_NAME": "varchar(8)", "RESET_SCN": _NUMBER, "RESET_SCN_TIME": _DATE, "THREAD_ID": _NUMBER, "THREAD_SQN": _NUMBER,
        "LOW_SCN": _NUMBER, "NEXT_SCN": _NUMBER, "DICTIONARY_BEGIN": "varchar(3)", "DICTIONARY_END": "varchar(3)",
        "TYPE": "varchar(7)", "BLOCKSIZE": _NUMBER, "FILESIZE": _NUMBER, "INFO": "varchar(32)", "STATUS": _NUMBER,
        "CON_ID": _NUMBER,
    },
    "V$LOGMNR_PARAMETERS": {
        "START_DATE": _DATE, "REQUIRED_START_DATE": _DATE, "END_DATE": _DATE, "START_SCN": _NUMBER,
        "REQUIRED_START_SCN": _NUMBER, "END_SCN": _NUMBER, "OPTIONS": _NUMBER, "INFO": "varchar(32)", "STATUS": _NUMBER,
        "CON_ID": _NUMBER,
    },
}  # fmt: skip


def install_views(connection: psycopg.Connection[Any]) -> None:
    """The views in schema SYS; that of V$LOGMNR_CONTENTS is empty, as every session that mines has a temporary table for it.

    Their columns are of the engine's types where it has them already (``ora.varchar2``, …), else of PostgreSQL's own.
    """
    connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA)))
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO PUBLIC").format(sql.Identifier(SCHEMA)))
    types = column_types(connection)
    for name, columns in VIEW_COLUMNS.items():
        body = sql.SQL("SELECT * FROM jsonb_to_recordset(coalesce(nullif(current_setting({}, true), ''), '[]')::jsonb) AS t({})")
        listed = sql.SQL(", ").join(sql.SQL("{} {}").format(sql.Identifier(at), types(kind)) for at, kind in columns.items())
        _create(connection, name, body.format(sql.Literal(_setting(name)), listed))
    nothing = sql.SQL(", ").join(
        sql.SQL("NULL::{} AS {}").format(types(kind), sql.Identifier(at)) for at, kind in COLUMNS.items()
    )
    _create(connection, "V$LOGMNR_CONTENTS", sql.SQL("SELECT {} WHERE false").format(nothing))


def column_types(connection: psycopg.Connection[Any]) -> Callable[[LiteralString], sql.SQL]:
    """From PostgreSQL's types of the columns here to those that the database has for them."""
    row = connection.execute("SELECT pg_catalog.to_regtype('ora.varchar2') IS NOT NULL").fetchone()
    if row is None or not row[0]:
        return sql.SQL
    own: Mapping[str, LiteralString] = {"timestamp(0)": "ora.date", "bytea": "ora.raw", "numeric": "numeric"}
    return lambda kind: sql.SQL(own.get(kind, "ora.varchar2"))


def show_views(log: RedoLog, miner: LogMinerSession, connection: psycopg.Connection[Any], names: Collection[str]) -> None:
    """Tell the session the rows of those of ``names`` that are here; as of one moment all of them."""
    wanted = [name for name in VIEW_COLUMNS if name in names]
    if not wanted:
        return
    rows: dict[str, list[ViewRow]] = {}
    with log.clock.commit_lock, log.clock.lock:
        for name in wanted:  # V$DATABASE comes first: its SCN is a new one, the rest as of then
            rows[name] = _ROWS[name](log) if name in _ROWS else _MINER_ROWS[name](log, miner)
    for name in wanted:
        value = json.dumps(log.faults.view(name, rows[name]), default=_json)
        connection.execute("SELECT pg_catalog.set_config(%s, %s, false)", (_setting(name), value))


def _create(connection: psycopg.Connection[Any], name: str, body: sql.Composed) -> None:
    view = sql.Identifier(SCHEMA, name)
    connection.execute(sql.SQL("CREATE OR REPLACE VIEW {} AS {}").format(view, body))
    connection.execute(sql.SQL("GRANT SELECT ON {} TO PUBLIC").format(view))


def _setting(name: str) -> str:
    return f"sim_redo.{name.lower().replace('$', '_')}"


def _json(value: object) -> str:
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    raise TypeError(f"{type(value).__name__} in a view")


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
            "CDB": "YES",
            "CON_ID": 0,
        }
    ]


def _thread(log: RedoLog) -> list[ViewRow]:
    _, visible = log.visible()
    rows: list[ViewRow] = []
    for thread in log.logs.threads.values():
        current = thread.logs[-1]
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
                "LAST_REDO_CHANGE#": visible if thread.frozen is None else min(visible, thread.frozen),
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
            "NAME": None if at.deleted else at.archive_name,
            "DEST_ID": 1,
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
            "IS_RECOVERY_DEST_FILE": "NO",
            "COMPRESSED": "NO",
        }
        for number, at in enumerate(archived, 1)
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


_ROWS: Mapping[str, Callable[[RedoLog], list[ViewRow]]] = {
    "V$DATABASE": _database,
    "V$THREAD": _thread,
    "V$LOG": _log,
    "V$LOGFILE": _logfile,
    "V$ARCHIVED_LOG": _archived,
    "V$LOG_HISTORY": _history,
    "V$ARCHIVE_DEST_STATUS": _destinations,
    "V$TRANSACTION": _transactions,
}
_MINER_ROWS: Mapping[str, Callable[[RedoLog, LogMinerSession], list[ViewRow]]] = {
    "V$LOGMNR_LOGS": _mined_logs,
    "V$LOGMNR_PARAMETERS": _parameters,
}
