"""Supplemental logging of ALL columns, per captured table: without it the redo names changed columns only.

What we add is journaled (state journal ``supplemental/<side>``) before it is added, and taken away again by :func:`restore`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Final

import oracledb

from voyager_ops.databases.oracle.errors import LOCKED, PRIVILEGE, message_of, ora_code, translate
from voyager_ops.databases.oracle.names import qualified
from voyager_ops.errors import PreconditionError, RetryableError
from voyager_ops.failpoints import hit, register
from voyager_ops.model.positions import Side
from voyager_ops.model.results import Progress, ProgressSink, silent
from voyager_ops.model.tables import Table
from voyager_ops.state.store import State

JOURNALED = register("capture.supplemental.journaled")
ADDED = register("capture.supplemental.added")
REMOVED = register("capture.supplemental.removed")

TRIES_SECONDS: Final = 120.0
_ALREADY: Final = 32588
"""The supplemental logging attribute exists."""
_NOT_THERE: Final = frozenset({32587, 942})
"""It does not exist; nor does the table."""
Name = tuple[str, str]


def logged(connection: oracledb.Connection, owners: Iterable[str]) -> set[Name]:
    """Tables (owner, name) that log all their columns."""
    found: set[Name] = set()
    with connection.cursor() as cursor:
        for owner in sorted(set(owners)):
            rows = cursor.execute(
                "SELECT TABLE_NAME FROM ALL_LOG_GROUPS WHERE OWNER = :owner AND LOG_GROUP_TYPE = 'ALL COLUMN LOGGING'",
                owner=owner,
            ).fetchall()
            found.update((owner, str(row[0])) for row in rows)
    return found


def statement(name: Name, *, add: bool) -> str:
    """The DDL that adds it, or takes it away."""
    return f"ALTER TABLE {qualified(*name)} {'ADD' if add else 'DROP'} SUPPLEMENTAL LOG DATA (ALL) COLUMNS"


def establish(
    connection: oracledb.Connection,
    state: State,
    side: Side,
    tables: Iterable[Table],
    *,
    progress: ProgressSink = silent,
    stop: threading.Event | None = None,
) -> int:
    """Have every table log all its columns; returns how many had to be altered. Idempotent.

    Raises PreconditionError with the statements when the user may not, RetryableError when a table stays locked.
    """
    names = [(table.native_name.schema, table.native_name.name) for table in tables]
    there = logged(connection, (owner for owner, _ in names))
    missing = [name for name in names if name not in there]
    for place, name in enumerate(missing):
        state.log(_subject(side), ".".join(name), "before", {"owner": name[0], "name": name[1]})
        hit(JOURNALED)
        try:
            _alter(connection, name, add=True, progress=progress, stop=stop)
        except oracledb.Error as error:
            if ora_code(error) in PRIVILEGE:
                # Nothing was added: nothing is to be taken away.
                state.log(_subject(side), ".".join(name), "undo_after")
                rest = missing[place:]
                raise PreconditionError(
                    f"the migration user may not alter {len(rest)} table(s) which do not log all columns: {message_of(error)}",
                    state="what was added to other tables is journaled",
                    next_step="have their owner run: "
                    + "; ".join(statement(item, add=True) for item in rest[:10])
                    + (" (and so on; voyager-ops prepare source --print shows all)" if len(rest) > 10 else ""),
                ) from None
            raise translate(error, f"supplemental logging of {'.'.join(name)} could not be added") from None
        hit(ADDED)
        state.log(_subject(side), ".".join(name), "after")
    return len(missing)


def restore(connection: oracledb.Connection, state: State, side: Side, *, progress: ProgressSink = silent) -> list[str]:
    """Take away what the journal says we added; returns what was taken away, and what could not be and why. Idempotent."""
    said: list[str] = []
    for name in outstanding(state, side):
        shown = ".".join(name)
        try:
            _alter(connection, name, add=False, progress=progress)
            said.append(f"supplemental logging of {shown}")
        except oracledb.Error as error:
            if ora_code(error) not in _NOT_THERE:
                raise translate(
                    error,
                    f"supplemental logging of {shown} could not be taken away",
                    "what was taken away from other tables is journaled",
                    f"run the command again (by hand: {statement(name, add=False)})",
                ) from None
        hit(REMOVED)
        state.log(_subject(side), shown, "undo_after")
    return said


def outstanding(state: State, side: Side) -> list[Name]:
    """Tables to which we added it (or were about to) and did not take it away again."""
    result: dict[str, Name] = {}
    for entry in state.journal(_subject(side)):
        if entry.event == "before":
            result[entry.step] = (entry.data["owner"], entry.data["name"])
        elif entry.event == "undo_after":
            result.pop(entry.step, None)
    return list(result.values())


def _subject(side: Side) -> str:
    return f"supplemental/{side}"


def _alter(
    connection: oracledb.Connection,
    name: Name,
    *,
    add: bool,
    progress: ProgressSink,
    stop: threading.Event | None = None,
) -> None:
    """The DDL, tried again while the table is in use: it takes the table's lock for a moment."""
    text = statement(name, add=add)
    deadline = time.monotonic() + TRIES_SECONDS
    shown = ".".join(name)
    while True:
        try:
            with connection.cursor() as cursor:
                cursor.execute(text)
            return
        except oracledb.Error as error:
            code = ora_code(error)
            if add and code == _ALREADY:
                return
            if code not in LOCKED:
                raise
        progress(Progress(phase="capture", message=f"waiting for a moment at which {shown} is not in use", table=shown))
        if (stop is not None and stop.wait(0.5)) or time.monotonic() >= deadline:
            raise RetryableError(
                f"table {shown} was in use all the time; could not run: {text}",
                state="nothing was changed on it; what was changed on other tables is journaled",
                next_step="end the long transaction on it, or wait, and run the command again",
            )
        if stop is None:
            time.sleep(0.5)
