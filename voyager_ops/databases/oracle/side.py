"""An ordinary session on an Oracle side (``base.CapturedSide``), and what capture does beside its stream (``base.Watch``)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, Final, Self, TypeVar

import oracledb

from voyager_ops.databases.base import Database
from voyager_ops.databases.oracle import metadata
from voyager_ops.databases.oracle.database import oracle
from voyager_ops.databases.oracle.errors import LOCKED, UNIQUE_VIOLATED, is_passing, message_of, ora_code, translate
from voyager_ops.databases.oracle.keys import key_difference, read_keys
from voyager_ops.databases.oracle.logminer.stream import notices_key
from voyager_ops.databases.oracle.notes import warnings_key
from voyager_ops.databases.oracle.reading import current_scn
from voyager_ops.databases.oracle.transactions import open_transactions, writing
from voyager_ops.databases.postgres.metadata import INTENDED, OPENED
from voyager_ops.errors import Fenced, RetryableError
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import Side
from voyager_ops.model.tables import Table

RELOCK_SECONDS: Final = 5.0
KEYS_SECONDS: Final = 20.0
"""Between two looks at the primary keys, which are in dictionary views that are slow where there are many constraints."""

R = TypeVar("R")


class OracleSide:
    """Locks are row locks on rows of our marker table, held by an open transaction of a session of their own."""

    def __init__(self, database: Database, role: str) -> None:
        self.database = oracle(database)
        self._role = role
        self.connection = self.database.connect(role)
        self._locks: dict[str, oracledb.Connection] = {}

    def lock(self, *purpose: str) -> bool:
        name = f"lock/{'/'.join(purpose)}"
        if name in self._locks:
            return True
        connection = self.database.connect(self._role)
        try:
            self._run(lambda: self._make_row(connection, name))
            if not self._run(lambda: _lock_row(connection, self.database.migration, name)):
                connection.close()
                return False
        except BaseException:
            connection.close()
            raise
        self._locks[name] = connection
        return True

    def _make_row(self, connection: oracledb.Connection, name: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_FIND, [self.database.migration, name])
            if cursor.fetchone() is None:
                _insert(cursor, self.database.migration, name, "-")
                connection.commit()

    def write_marker(self, kind: str, marker_id: str | None = None) -> str:
        return self._run(lambda: metadata.write_marker(self.connection, self.database.migration, kind, marker_id))

    def writing(self, tables: Iterable[Table]) -> list[str]:
        return self._run(lambda: writing(self.database, self.connection, list(tables)))

    def obstacles(self, tables: Iterable[Table], seconds: float) -> list[tuple[str, str]]:
        old = self._run(lambda: open_transactions(self.database, self.connection))
        return [
            (
                f"{session} has had a transaction open on the {self.database.side} for {age:.0f} s",
                f"end it (ALTER SYSTEM KILL SESSION '{session.sid},{session.serial}')" if session.sid is not None else "end it",
            )
            for session, _, age in old
            if age > seconds
        ]

    def write_intent(self, direction: Side, attempt: int) -> None:
        self._set_intent(direction, attempt, INTENDED)

    def mark_opened(self, direction: Side, attempt: int) -> None:
        self._set_intent(direction, attempt, OPENED)

    def _set_intent(self, direction: Side, attempt: int, state: str) -> None:
        """In the very transaction that holds the lock, where there is one: a driver that lost it cannot write this."""
        name, held = next(iter(self._locks.items()), ("", None))
        connection = held or self.connection
        kind = _intent(direction, attempt)

        def write() -> None:
            with connection.cursor() as cursor:
                found = cursor.execute(_FIND, [self.database.migration, kind]).fetchone()
                if found is None:
                    _insert(cursor, self.database.migration, kind, state)
                elif found[0] != OPENED:
                    cursor.execute(_UPDATE, [state, f"{time.time():.6f}", self.database.migration, kind])
            connection.commit()

        self._run(write)
        if held is None:
            return
        deadline = time.monotonic() + RELOCK_SECONDS  # the commit let go of the lock
        while not self._run(lambda: _lock_row(held, self.database.migration, name)):
            if time.monotonic() >= deadline:
                raise Fenced(
                    f"another driver took the cutover of migration {self.database.migration!r} on the {self.database.side}",
                    state=f"the intent to open the {direction} stands",
                    next_step="let it finish; voyager-ops cutover status",
                )
            time.sleep(0.1)

    def intent_stands(self, direction: Side, attempt: int | None = None) -> bool:
        kind = _intent(direction, attempt) if attempt is not None else f"intent/{direction}/%"

        def find() -> bool:
            with self.connection.cursor() as cursor:
                statement = f"SELECT COUNT(*) FROM {metadata.MARKER} WHERE MIGRATION = :1 AND KIND LIKE :2"  # noqa: S608 -- quoted names and binds
                return bool(cursor.execute(statement, [self.database.migration, kind]).fetchone()[0])

        return self._run(find)

    def close(self) -> None:
        for connection in (*self._locks.values(), self.connection):
            try:
                connection.close()
            except oracledb.Error:
                continue  # it was gone already
        self._locks.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _run(self, what: Callable[[], R]) -> R:
        try:
            return what()
        except oracledb.Error as error:
            raise translate(
                error,
                f"the {self.database.side} {self.database.where} refused",
                "nothing is lost",
                "mend what the server says, then run the command again",
            ) from error


_FIND: Final = f"SELECT ID FROM {metadata.MARKER} WHERE MIGRATION = :1 AND KIND = :2"  # noqa: S608 -- a constant
_UPDATE: Final = f"UPDATE {metadata.MARKER} SET ID = :1, WRITTEN_AT = TO_NUMBER(:2) WHERE MIGRATION = :3 AND KIND = :4"  # noqa: S608 -- quoted names and binds
_INSERT: Final = f"INSERT INTO {metadata.MARKER} (MIGRATION, KIND, ID, WRITTEN_AT) VALUES (:1, :2, :3, TO_NUMBER(:4))"  # noqa: S608 -- quoted names and binds


def _intent(direction: Side, attempt: int) -> str:
    return f"intent/{direction}/{attempt}"


def _insert(cursor: oracledb.Cursor, migration: str, kind: str, value: str) -> None:
    try:
        cursor.execute(_INSERT, [migration, kind, value, f"{time.time():.6f}"])
    except oracledb.Error as error:
        if ora_code(error) != UNIQUE_VIOLATED:
            raise  # somebody else was first, with the same row


def _lock_row(connection: oracledb.Connection, migration: str, name: str) -> bool:
    with connection.cursor() as cursor:
        try:
            cursor.execute(f"{_FIND} FOR UPDATE NOWAIT", [migration, name])
            return cursor.fetchone() is not None
        except oracledb.Error as error:
            if ora_code(error) in LOCKED:
                return False
            raise


def marker_sql(migration: str, kind: str) -> str:
    """The statement that writes a marker, for people."""
    kind, migration = kind.replace("'", "''"), migration.replace("'", "''")
    return f"UPDATE {metadata.MARKER} SET ID = …, WRITTEN_AT = … WHERE MIGRATION = '{migration}' AND KIND = '{kind}'"  # noqa: S608 -- quoted names and binds


class OracleWatch:
    """Heartbeats, and looks at what has changed in the dictionary. Structure changes are in the redo, where capture stops the
    table; that a table has lost its primary key may have been said there by a name that is not known."""

    def __init__(self, context: LaneContext) -> None:
        self._context = context
        self._database = oracle(context.capture_db)
        self._connection: oracledb.Connection | None = None
        self._known: set[str] | None = None
        self._told: set[str] = set()
        self._next_keys = 0.0

    def beat(self) -> None:
        self._with(lambda connection: metadata.write_marker(connection, self._context.migration, "heartbeat"))

    def look(self) -> list[str]:
        found = self._with(self._look)
        document = self._context.state.get(warnings_key(self._context)) or {}
        found += [text for text in document.get("texts", ()) if text not in self._told]
        self._told.update(found)
        return found

    def _look(self, connection: oracledb.Connection) -> list[str]:
        owners = sorted({table.native_name.schema for table in self._context.tables})
        names: set[str] = set()
        with connection.cursor() as cursor:
            for owner in owners:
                rows = cursor.execute(
                    "SELECT TABLE_NAME FROM ALL_TABLES WHERE OWNER = :1 AND TEMPORARY = 'N'", [owner]
                ).fetchall()
                names |= {f"{owner}.{row[0]}" for row in rows}
        if time.monotonic() >= self._next_keys:
            self._look_at_keys(connection, owners, names)
            self._next_keys = time.monotonic() + KEYS_SECONDS
        before, self._known = self._known, names
        if before is None:
            return []
        ours = {str(table.native_name) for table in self._context.tables} | {metadata.MARKER, metadata.FLUSH}
        new = sorted(name for name in names - before - ours if not name.partition(".")[2].startswith(("BIN$", "VOYAGER_OPS_")))
        return [f"table {name} is new; it is not part of this migration and is not captured" for name in new]

    def _look_at_keys(self, connection: oracledb.Connection, owners: list[str], visible: set[str]) -> None:
        """The stream stops the tables that are noted here once it has come to where we are. One that is not ``visible`` may only
        have lost a right of ours; when it was dropped the redo says so."""
        keys = read_keys(connection, owners)
        state, key = self._context.state, notices_key(self._context)
        known: dict[str, Any] = state.get(key) or {}
        new: dict[str, Any] = {}
        for table in self._context.tables:
            how = key_difference(table, keys.get((table.native_name.schema, table.native_name.name)))
            name = str(self._context.source_name(table.name))
            if how and name not in known and str(table.native_name) in visible:
                new[name] = {"scn": current_scn(connection), "how": how}
        if new:
            state.put(key, {**known, **new})

    def figures(self) -> dict[str, Any]:
        return {}

    def _with(self, what: Callable[[oracledb.Connection], R]) -> R:
        if self._connection is None:
            self._connection = self._database.connect("watch")
        try:
            return what(self._connection)
        except oracledb.Error as error:
            if is_passing(error):
                raise RetryableError(message_of(error)) from error
            raise translate(
                error,
                f"the watch on the {self._database.side} failed",
                "nothing is lost: the redo logs keep what was not captured",
                "mend what the server says, then start the command again",
            ) from None

    def reset(self) -> None:
        if self._connection is not None:
            try:
                self._connection.close()
            except oracledb.Error:
                self._connection = None  # it was gone already
                return
            self._connection = None
