"""Triggers, rules and foreign keys of the side that is applied to: held off while it is, then put back exactly as they were.

What was there is journaled (state journal ``guard/<side>``) before it is touched; folding that journal tells at any time,
after any crash, what is still to be put back. The document ``guard/<side>`` says in which mode apply's sessions run:

* ``session``: they set ``session_replication_role = replica``; only what fires even then (ALWAYS, REPLICA) is switched off;
* ``tables``: they may not; every trigger that would fire is switched off, foreign keys are dropped and later added again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import psycopg

from voyager_ops.databases.postgres.database import Connection, PostgresDatabase
from voyager_ops.databases.postgres.ddl import run_patiently
from voyager_ops.databases.postgres.guard_objects import Held, Mode, current, in_the_way, relations, table_exists
from voyager_ops.errors import CutoverError, PreconditionError
from voyager_ops.failpoints import hit, register
from voyager_ops.model.positions import Side
from voyager_ops.model.tables import QName, Table
from voyager_ops.state.store import State

JOURNALED = register("guard.hold_off.journaled")
HELD_OFF = register("guard.hold_off.done")
BEFORE_RESTORE = register("guard.restore.before")
RESTORED = register("guard.restore.done")

LOCK_SECONDS = 60.0


@dataclass(frozen=True)
class HoldOff:
    """What was found in the way this time and is now held off."""

    mode: Mode
    items: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Restored:
    """What was put back; ``gone``: objects that somebody dropped, or changed, while they were held off (left as they are)."""

    items: tuple[str, ...]
    gone: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def decide_mode(connection: Connection) -> Mode:
    """``session`` when this user may set session_replication_role, found out by setting it."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute("SET LOCAL session_replication_role = replica")
    except psycopg.errors.InsufficientPrivilege:
        return "tables"
    return "session"


def read_mode(state: State, side: Side) -> Mode | None:
    """The mode recorded for ``side``; None before the first hold-off."""
    saved = state.get(_subject(side))
    return None if saved is None else ("session" if saved["mode"] == "session" else "tables")


def record_mode(state: State, db: PostgresDatabase, side: Side) -> Mode:
    """Say how sessions will apply to ``side`` without holding anything off yet: for a lane that waits behind the gate."""
    with db.connect("guard") as connection:
        mode = decide_mode(connection)
    state.put(_subject(side), {"mode": mode})
    return mode


def outstanding(state: State, side: Side) -> list[Held]:
    """What is to be put back on ``side``, in the order in which it was taken away."""
    items: dict[tuple[str, QName, str], Held] = {}
    for entry in state.journal(_subject(side)):
        held = Held.from_json(entry.data["item"])
        items.pop(held.identity, None)
        if entry.event == "before":
            items[held.identity] = held
    return list(items.values())


def plan_hold_off(db: PostgresDatabase, tables: Sequence[Table]) -> list[str]:
    """The exact SQL :func:`hold_off` would run now."""
    with db.connect("guard") as connection:
        found = in_the_way(connection, list(relations(connection, (table.name for table in tables))), decide_mode(connection))
    return [statement for held in found for statement in held.hold_off_sql()]


def hold_off(state: State, db: PostgresDatabase, tables: Sequence[Table], side: Side) -> HoldOff:
    """Hold off what is in the way of applying to ``tables`` (named as on ``side``). Idempotent: finds what was added since.

    Raises PreconditionError when the user does not own what must be switched off, RetryableError when locks are not to be had.
    """
    with db.connect("guard") as connection:
        mode = decide_mode(connection)
        found = in_the_way(connection, list(relations(connection, (table.name for table in tables))), mode)
        state.put(_subject(side), {"mode": mode})
        for held in found:
            statements = held.hold_off_sql()
            state.log(_subject(side), str(held), "before", {"item": held.to_json(), "sql": statements})
            hit(JOURNALED)
            _run(connection, statements, held)
            hit(HELD_OFF)
    return HoldOff(mode, tuple(str(held) for held in found))


def plan_restore(state: State, side: Side) -> list[str]:
    """The exact SQL :func:`restore` would run now."""
    return [statement for held in outstanding(state, side) for group in held.restore_sql() for statement in group]


def plan_restore_after(db: PostgresDatabase, tables: Sequence[Table]) -> list[str]:
    """The exact SQL that would put back what :func:`hold_off` would take away now (for a dry run)."""
    with db.connect("guard") as connection:
        found = in_the_way(connection, list(relations(connection, (table.name for table in tables))), decide_mode(connection))
    return [statement for held in found for group in held.restore_sql() for statement in group]


def restore(state: State, db: PostgresDatabase, side: Side) -> Restored:
    """Put back what the journal says was taken away, and prove it by reading the catalog again. Idempotent.

    Raises CutoverError when the catalog does not show it afterwards or a foreign key does not hold (it stands NOT VALID then).
    """
    back: list[str] = []
    gone: list[str] = []
    waiting = outstanding(state, side)
    if not waiting:
        return Restored((), ())
    with db.connect("guard") as connection:
        for held in waiting:
            hit(BEFORE_RESTORE)
            missing = _put_back(connection, held)
            state.log(_subject(side), str(held), "gone" if missing else "restored", {"item": held.to_json()})
            (gone if missing else back).append(str(held))
            hit(RESTORED)
        wrong = [str(held) for held in waiting if str(held) in back and current(connection, held) != held]
    if wrong:
        raise CutoverError(
            f"after putting them back on the {side}, the catalog shows them otherwise: {', '.join(wrong)}",
            state="somebody else changes these objects at the same time",
            next_step="stop that, and run the command again",
        )
    return Restored(tuple(back), tuple(gone))


def _put_back(connection: Connection, held: Held) -> bool:
    """True when there is nothing to put back: the trigger, rule or table was dropped meanwhile."""
    now = current(connection, held)
    if now == held:
        return False
    if not table_exists(connection, held.table) or (now is None and held.kind != "foreign key"):
        return True
    groups = held.restore_sql()
    if held.kind == "foreign key" and now is not None:
        if now.validated or not held.validated:
            return True  # somebody made another key of that name
        groups = groups[1:]  # a crash came between adding and validating it
    for group in groups:
        _run(connection, group, held)
    return False


def _run(connection: Connection, statements: Sequence[str], held: Held) -> None:
    try:
        run_patiently(connection, statements, seconds=LOCK_SECONDS)
    except psycopg.errors.InsufficientPrivilege as error:
        raise PreconditionError(
            f"no right to run {'; '.join(statements)}: {error.diag.message_primary}",
            state=f"{held} is as it was; what was journaled before it can be put back",
            next_step=f"make the migration user a member of the owner of {held.table}, and run the command again",
        ) from None
    except psycopg.errors.ForeignKeyViolation as error:
        raise CutoverError(
            f"{held} does not hold: {error.diag.message_primary} {error.diag.message_detail or ''}".rstrip(),
            state="it stands again, for new rows only (NOT VALID)",
            next_step="mend the rows and run the command again",
        ) from None


def _subject(side: Side) -> str:
    return f"guard/{side}"
