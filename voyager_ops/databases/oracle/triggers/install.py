"""Installing the objects of capture by triggers, and removing them.

What we make is journaled (state journal ``triggers/<side>``) before it is made, and removed again by :func:`remove`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import oracledb

from voyager_ops.databases.oracle.errors import LOCKED, NAME_IN_USE, ora_code, translate
from voyager_ops.databases.oracle.metadata import object_id
from voyager_ops.databases.oracle.triggers.statements import (
    BATCHES,
    CREATE_BATCHES,
    CREATE_SEQUENCE,
    SEQUENCE,
    ChangeTable,
    drop,
)
from voyager_ops.errors import ConnectionFailed, PreconditionError, RetryableError
from voyager_ops.failpoints import hit, register
from voyager_ops.model.positions import Side
from voyager_ops.model.results import Progress, ProgressSink, silent
from voyager_ops.state.store import State

JOURNALED = register("capture.triggers.journaled")
MADE = register("capture.triggers.made")
ENABLED = register("capture.triggers.enabled")
REMOVED = register("capture.triggers.removed")

TRIES_SECONDS: Final = 120.0
_NOT_THERE: Final = frozenset({942, 2289, 4080})
"""No such table, sequence, trigger."""


@dataclass(frozen=True)
class Made:
    """One object of ours. ``kind``: TRIGGER, TABLE or SEQUENCE."""

    kind: str
    owner: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind.lower()} {self.owner}.{self.name}"

    @property
    def drop(self) -> str:
        return drop(self.kind, self.owner, self.name)


class _Busy(Exception):
    """Somebody holds a lock on the table."""


class Installer:
    """``connection``: a session of the migration user's; every statement of it is DDL."""

    def __init__(
        self,
        connection: oracledb.Connection,
        state: State,
        side: Side,
        progress: ProgressSink = silent,
        stop: threading.Event | None = None,
    ) -> None:
        self._connection = connection
        self._state = state
        self._side = side
        self._progress = progress
        self._stop = stop

    def install(self, owner: str, tables: Sequence[ChangeTable]) -> None:
        """Make everything anew; from the end of this on every change is written down.

        Raises PreconditionError (rights, another migration's objects, a trigger that does not compile), RetryableError when a
        table stays locked.
        """
        if outstanding(self._state, self._side):
            self.remove()  # of an attempt that was killed: a table may have changed since
        elif object_id(self._connection, owner, BATCHES) is not None:
            raise PreconditionError(
                f"{owner}.{BATCHES} is there already: another migration of this user captures by triggers, or has left it behind",
                state="nothing was changed",
                next_step="end that migration (voyager-ops end migration), or use another user for this one",
            )
        self._make(Made("SEQUENCE", owner, SEQUENCE), CREATE_SEQUENCE)
        self._make(Made("TABLE", owner, BATCHES), CREATE_BATCHES)
        for table in tables:
            self._make(Made("TABLE", owner, table.name), table.create_table())
        for table in tables:
            self._make(Made("TRIGGER", owner, table.trigger), table.create_trigger())
            self._refuse_invalid(table)
            self._run(table.enable_trigger(), table.trigger)
            hit(ENABLED)

    def remove(self, marker: int | None = None) -> list[str]:
        """Remove what the journal says we made, triggers first; returns what went. Idempotent.

        ``marker``: number of our marker table. A cutover holds a row of it locked: then its trigger stands, with what that writes
        to, until this is called again when the migration ends.
        """
        said = []
        trigger = f"VOYAGER_OPS_T{marker}"
        kept: set[str] = set()
        for made in reversed(outstanding(self._state, self._side)):
            if made.name in kept:
                continue
            try:
                if self._run(made.drop, str(made), passing=_NOT_THERE, patient=made.name != trigger):
                    said.append(str(made))
            except _Busy:
                kept = {f"VOYAGER_OPS_C{marker}", SEQUENCE}
                continue
            hit(REMOVED)
            self._state.log(_subject(self._side), str(made), "undo_after")
        return said

    def release(self, trigger: str) -> bool:
        """Remove this trigger of ours now; False when that must be tried again, since its table is in use. Idempotent."""
        for made in outstanding(self._state, self._side):
            if (made.kind, made.name) != ("TRIGGER", trigger):
                continue
            try:
                self._run(made.drop, str(made), passing=_NOT_THERE, patient=False)
            except (_Busy, ConnectionFailed):  # the latter also when it took too long
                return False
            hit(REMOVED)
            self._state.log(_subject(self._side), str(made), "undo_after")
        return True

    # -- inside --------------------------------------------------------------------------------------------------------
    def _make(self, made: Made, statement: str) -> None:
        self._state.log(_subject(self._side), str(made), "before", {"kind": made.kind, "owner": made.owner, "name": made.name})
        hit(JOURNALED)
        self._run(statement, str(made), passing=NAME_IN_USE)
        hit(MADE)
        self._state.log(_subject(self._side), str(made), "after")

    def _refuse_invalid(self, table: ChangeTable) -> None:
        with self._connection.cursor() as cursor:
            row = cursor.execute(
                "SELECT STATUS FROM ALL_OBJECTS WHERE OWNER = :owner AND OBJECT_NAME = :name AND OBJECT_TYPE = 'TRIGGER'",
                owner=table.owner,
                name=table.trigger,
            ).fetchone()
        if row is None or row[0] != "VALID":
            raise PreconditionError(
                f"trigger {table.owner}.{table.trigger} on {table.frames.name} does not compile",
                state="it is disabled and harms nobody; what was made is journaled",
                next_step=f"see ALL_ERRORS (NAME = '{table.trigger}'), mend it or leave the table out, and run the command again",
            )

    def _run(self, statement: str, shown: str, passing: Collection[int | None] = (), *, patient: bool = True) -> bool:
        """DDL, tried again while somebody is in the way (not ``patient``: _Busy); False when refused by one of ``passing``."""
        deadline = time.monotonic() + TRIES_SECONDS
        while True:
            try:
                with self._connection.cursor() as cursor:
                    cursor.execute(statement)
                return True
            except oracledb.Error as error:
                code = ora_code(error)
                if code in passing:
                    return False
                if code not in LOCKED:
                    raise translate(
                        error,
                        f"{shown}: {statement.partition(' (')[0].splitlines()[0]} failed",
                        "what was made before is journaled",
                        "voyager-ops prepare source --print shows the grants; run them, then this command again",
                    ) from None
            if not patient:
                raise _Busy
            self._progress(Progress(phase="capture", message=f"waiting for a moment at which {shown} is not in use"))
            if (self._stop is not None and self._stop.wait(0.5)) or time.monotonic() >= deadline:
                raise RetryableError(
                    f"{shown}: the table was in use all the time",
                    state="what was made or removed before is journaled",
                    next_step="end the long transaction on it, or wait, and run the command again",
                )
            if self._stop is None:
                time.sleep(0.5)


def all_there(connection: oracledb.Connection, tables: Sequence[ChangeTable]) -> bool:
    """Whether all that is read and written while changes stream is there. Raises oracledb.Error."""
    wanted = {BATCHES, *(table.name for table in tables)}
    with connection.cursor() as cursor:
        rows = cursor.execute(
            "SELECT OBJECT_NAME FROM ALL_OBJECTS WHERE OWNER = :owner AND OBJECT_TYPE = 'TABLE'", owner=tables[0].owner
        ).fetchall()
    return wanted <= {str(row[0]) for row in rows}


def outstanding(state: State, side: Side) -> list[Made]:
    """What we made (or were about to) and did not remove again, in the order of making."""
    result: dict[str, Made] = {}
    for entry in state.journal(_subject(side)):
        if entry.event == "before":
            result[entry.step] = Made(entry.data["kind"], entry.data["owner"], entry.data["name"])
        elif entry.event == "undo_after":
            result.pop(entry.step, None)
    return list(result.values())


def _subject(side: Side) -> str:
    return f"triggers/{side}"
