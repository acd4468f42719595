"""Replica identities of captured tables: an UPDATE on a published table without one fails in the user's application.

What was there is journaled (state journal ``replica_identity/<side>``) before it is altered, and put back by :func:`restore`,
unless somebody else has altered it since.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql

from voyager_ops.databases.postgres.database import Connection, qualified
from voyager_ops.errors import PreconditionError, RetryableError
from voyager_ops.failpoints import hit, register
from voyager_ops.model.positions import Side
from voyager_ops.model.results import Progress, ProgressSink, silent
from voyager_ops.model.tables import QName, Table
from voyager_ops.state.store import State

JOURNALED = register("capture.replica_identity.journaled")
ALTERED = register("capture.replica_identity.altered")
RESTORED = register("capture.replica_identity.restored")

LOCK_TIMEOUT: Final = "2s"
"""ALTER TABLE waits for every reader of the table, and whoever comes after waits behind it: give way soon, and try again."""
TRIES_SECONDS: Final = 120.0


@dataclass(frozen=True)
class Identity:
    """relreplident with its index (``''`` unless ``i``), and whether the server finds an index for ``d``."""

    kind: str
    index: str
    usable_key: bool


def read_identity(connection: Connection, oid: int) -> Identity | None:
    """Of the table with this OID; None when it is gone."""
    row = connection.execute(
        "SELECT c.relreplident::text,"
        " (SELECT ic.relname FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid"
        "  WHERE i.indrelid = c.oid AND i.indisreplident),"
        # a deferrable primary key identifies nothing: the server does not use it
        " EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate AND i.indisvalid)"
        " FROM pg_class c WHERE c.oid = %s",
        (oid,),
    ).fetchone()
    return Identity(row[0], row[1] or "", row[2]) if row else None


def wanted_kind(table: Table, identity: Identity) -> str:
    """``d`` where the primary key identifies rows, else ``f``; a table that has FULL keeps it."""
    if identity.kind == "f":
        return "f"
    return "d" if table.key and identity.usable_key else "f"


def establish(
    connection: Connection,
    state: State,
    side: Side,
    tables: Iterable[Table],
    *,
    progress: ProgressSink = silent,
    stop: threading.Event | None = None,
) -> int:
    """Give every leaf of ``tables`` the identity capture needs; returns how many were altered. Idempotent.

    Raises PreconditionError when a table is not ours to alter, RetryableError when it stays locked.
    """
    return sum(
        establish_leaf(connection, state, side, table, leaf.oid, leaf.name, progress=progress, stop=stop)
        for table in tables
        for leaf in table.leaves
    )


def establish_leaf(
    connection: Connection,
    state: State,
    side: Side,
    table: Table,
    oid: int,
    name: QName,
    *,
    progress: ProgressSink = silent,
    stop: threading.Event | None = None,
) -> bool:
    """As :func:`establish`, for one physical table; True when it was altered."""
    identity = read_identity(connection, oid)
    if identity is None:
        return False
    kind = wanted_kind(table, identity)
    if kind == identity.kind:
        return False
    journal_before(state, side, oid, name, identity.kind, identity.index, kind)
    hit(JOURNALED)
    alter(connection, name, _clause(kind, ""), progress=progress, stop=stop)
    hit(ALTERED)
    state.log(_subject(side), str(oid), "after")
    return True


def journal_before(state: State, side: Side, oid: int, name: QName, old: str, index: str, new: str) -> None:
    """Record that the identity of the table ``oid`` is about to become (or has just become) ``new``, and what it was."""
    state.log(
        _subject(side), str(oid), "before", {"schema": name.schema, "name": name.name, "old": old, "index": index, "new": new}
    )


def restore(connection: Connection, state: State, side: Side, *, progress: ProgressSink = silent) -> list[str]:
    """Put back what the journal says was there; returns what was left alone and why. Idempotent."""
    left: list[str] = []
    for oid, data in outstanding(state, side).items():
        name = QName(data["schema"], data["name"])
        identity = read_identity(connection, oid)
        current = _name_of(connection, oid)
        if identity is None or current is None:
            left.append(f"{name}: the table is gone")
        elif identity.kind == data["old"] and identity.index == data["index"]:
            pass  # it was journaled and never altered, or put back by a run that was cut short
        elif identity.kind != data["new"]:
            left.append(f"{name}: someone else set its replica identity to {identity.kind!r}; left as it is")
        elif data["old"] == "i" and not _index_exists(connection, oid, data["index"]):
            left.append(f"{name}: its former replica identity index {data['index']} is gone; left as it is")
        else:
            alter(connection, current, _clause(data["old"], data["index"]), progress=progress)
        hit(RESTORED)
        state.log(_subject(side), str(oid), "undo_after")
    return left


def outstanding(state: State, side: Side) -> dict[int, dict[str, Any]]:
    """OID to the first journaled record that was not put back since."""
    result: dict[int, dict[str, Any]] = {}
    for entry in state.journal(_subject(side)):
        if entry.event == "before":
            first = result.get(int(entry.step))
            result[int(entry.step)] = dict(entry.data) if first is None else {**first, "new": entry.data["new"]}
        elif entry.event == "undo_after":
            result.pop(int(entry.step), None)
    return result


def _subject(side: Side) -> str:
    return f"replica_identity/{side}"


def _clause(kind: str, index: str) -> sql.Composable:
    if kind == "i":
        return sql.SQL("REPLICA IDENTITY USING INDEX {}").format(sql.Identifier(index))
    return sql.SQL({"d": "REPLICA IDENTITY DEFAULT", "f": "REPLICA IDENTITY FULL", "n": "REPLICA IDENTITY NOTHING"}[kind])


def _name_of(connection: Connection, oid: int) -> QName | None:
    row = connection.execute(
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = %s", (oid,)
    ).fetchone()
    return QName(row[0], row[1]) if row else None


def _index_exists(connection: Connection, oid: int, index: str) -> bool:
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = %s AND c.relname = %s)",
        (oid, index),
    ).fetchone()
    return bool(row and row[0])


def alter(
    connection: Connection,
    name: QName,
    clause: sql.Composable,
    *,
    progress: ProgressSink = silent,
    stop: threading.Event | None = None,
) -> None:
    """``ALTER TABLE ONLY name clause``, giving way to the application while the table is busy."""
    statement = sql.SQL("ALTER TABLE ONLY {} {}").format(qualified(name), clause)
    text = statement.as_string(connection)
    deadline = time.monotonic() + TRIES_SECONDS
    while True:
        try:
            with connection.transaction():
                connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(LOCK_TIMEOUT)))
                connection.execute(statement)
            return
        except psycopg.errors.LockNotAvailable:
            progress(Progress(phase="capture", message=f"waiting for a moment at which {name} is not in use", table=str(name)))
            if (stop is not None and stop.wait(1.0)) or time.monotonic() >= deadline:
                raise RetryableError(
                    f"table {name} was in use all the time; could not run: {text}",
                    state="nothing was changed on it; what was changed on other tables is journaled",
                    next_step="end the long transaction on it, or wait, and run the command again",
                ) from None
        except psycopg.errors.InsufficientPrivilege as error:
            raise PreconditionError(
                f"the migration user may not alter table {name}: {error.diag.message_primary}",
                state="nothing was changed on it; what was changed on other tables is journaled",
                next_step=f"make the migration user its owner (ALTER TABLE … OWNER TO …), or have the owner run: {text}",
            ) from None
