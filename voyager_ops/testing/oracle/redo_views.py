"""The V$ views of redo, archiving and LogMiner: views in schema SYS over what the session was told just before its query.

The rows of each view are JSON in a setting of the session (``sim_redo.…``), so that they are right within transactions of any
kind, read-only ones included, and cost nothing when nobody asks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
from psycopg import sql

from voyager_ops.testing.oracle.faults import ViewRow
from voyager_ops.testing.oracle.redo_rows import COLUMNS
from voyager_ops.testing.oracle.redo_view_rows import MINER_ROWS, ROWS

if TYPE_CHECKING:
    from voyager_ops.testing.oracle.logminer import LogMinerSession
    from voyager_ops.testing.oracle.redo import RedoLog

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
            rows[name] = ROWS[name](log) if name in ROWS else MINER_ROWS[name](log, miner)
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
