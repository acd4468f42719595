"""The fence: a database made read-only for everyone but us, and the proof that no writer is left.

Three walls, each journaled (state journal ``fence/<side>``) before it is built: the database's default is read-only
transactions; a statement trigger on every migrated table refuses writes with a message that says where they go now (our apply
passes: it runs as a replica, or is known by its name and user); every other session is ended. Creating a trigger waits for all
who have written to its table, prepared transactions included: once it stands, no open transaction holds a write to the table.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from voyager_ops.databases.postgres.database import Connection, PostgresDatabase, qualified
from voyager_ops.databases.postgres.ddl import PAUSE_SECONDS, run_patiently
from voyager_ops.databases.postgres.guard import decide_mode
from voyager_ops.databases.postgres.guard_objects import FENCE_TRIGGER, relations
from voyager_ops.databases.postgres.guard_sessions import ours, writers
from voyager_ops.errors import PreconditionError, RetryableError
from voyager_ops.failpoints import hit, register
from voyager_ops.model.positions import Side
from voyager_ops.model.tables import QName, Table
from voyager_ops.state.store import State

JOURNALED = register("fence.journaled")
READ_ONLY_SET = register("fence.read_only")
TRIGGER_MADE = register("fence.trigger")
FENCED = register("fence.proven")
UNFENCED_ONE = register("unfence.step")

SETTING = "default_transaction_read_only"
FENCE_SECONDS = 60.0
UNFENCE_SECONDS = 30.0

# SQLSTATE 25006 is read_only_sql_transaction: what drivers and pools already know to mean "not here".
FUNCTION = """
CREATE OR REPLACE FUNCTION voyager_ops.fence() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $fence$
BEGIN
    -- Arguments: migration, where writes go now, the user who passes ('' for none), what that user's sessions are named.
    IF TG_ARGV[2] <> '' AND session_user = TG_ARGV[2] AND starts_with(current_setting('application_name'), TG_ARGV[3]) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION USING ERRCODE = '25006',
        MESSAGE = format('%I.%I takes no writes: migration %s has stopped them', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_ARGV[0]),
        HINT = TG_ARGV[1];
END
$fence$
"""

Waiting = Callable[[str], None]


@dataclass(frozen=True)
class Fence:
    """What fencing did: tables behind the fence, sessions ended, and what is no part of the proof (``remarks``)."""

    tables: int
    terminated: int
    seconds: float
    remarks: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class _Progress:
    terminated: int = 0
    refused: dict[int, str] = field(default_factory=dict)


def fenced(state: State, side: Side) -> bool:
    """Whether anything of a fence stands (or may stand) on ``side``."""
    return bool(_outstanding(state, side))


def plan_fence(db: PostgresDatabase, tables: Sequence[Table], hint: str) -> list[str]:
    """The exact SQL :func:`fence` would run now."""
    with db.connect("guard") as connection:
        names = relations(connection, (table.name for table in tables)).values()
        create = [_create(db, name, hint, _passing_user(connection)) for name in names]
        setting = [_set_read_only(connection)] if _may_set(connection) else []
    return [
        *setting,
        " ".join(FUNCTION.split()),
        *create,
        "SELECT pg_terminate_backend(…) -- all other sessions of the database",
    ]


def plan_unfence(db: PostgresDatabase, tables: Sequence[Table]) -> list[str]:
    """The exact SQL :func:`unfence` would run after a fence put up now."""
    with db.connect("guard") as connection:
        names = list(relations(connection, (table.name for table in tables)).values())
        setting = [_reset(connection, _setting(connection))] if _may_set(connection) else []
    return [*setting, *(_disable(name) for name in names), *(_drop(name) for name in names)]


def fence(
    state: State,
    db: PostgresDatabase,
    tables: Sequence[Table],
    side: Side,
    *,
    hint: str = "",
    seconds: float = FENCE_SECONDS,
    waiting: Waiting | None = None,
) -> Fence:
    """Stop all writes to ``tables`` on ``db`` but ours, and prove it. Idempotent; :func:`unfence` takes it down after any crash.

    ``hint`` tells refused writers where to go. ``waiting`` is told in words whom we wait for. Raises RetryableError when writers
    (a prepared transaction, say) are still there after ``seconds``; PreconditionError when the user lacks a right.
    """
    started = time.monotonic()
    deadline = started + seconds
    progress = _Progress()
    remarks: list[str] = []
    with db.connect("guard") as connection:
        try:
            names = relations(connection, (table.name for table in tables))
            if _may_set(connection):
                _stop_by_default(state, connection, side)
            else:
                remarks.append("the database's default stays read-write: only its owner may change that")
            connection.execute(FUNCTION)
            user = _passing_user(connection)
            _terminate(connection, _others(connection, db, "-infinity"), progress)
            for name in names.values():
                _put_up(state, connection, db, side, name, hint, user, deadline, progress, waiting, tables)
            _prove(connection, db, tables, deadline, progress, waiting)
        except psycopg.errors.InsufficientPrivilege as error:
            raise PreconditionError(
                f"no right to stop the writers of the {side}: {error.diag.message_primary}",
                state="what was put up of the fence is journaled and will be taken down",
                next_step="make the migration user owner of the tables and a member of pg_signal_backend and pg_read_all_stats;"
                " or use cutover.quiesce: manual",
            ) from None
        remarks += _limits(db)
        if progress.refused:
            users = ", ".join(sorted(set(progress.refused.values())))
            remarks.append(f"sessions of {users} are not ours to end; the triggers refuse their writes")
        hit(FENCED)
    return Fence(len(names), progress.terminated, time.monotonic() - started, tuple(remarks))


def unfence(state: State, db: PostgresDatabase, side: Side) -> tuple[str, ...]:
    """Take down whatever stands of the fence on ``side``; users can write as soon as this returns. Idempotent.

    Sessions begun while the database's default was read-only are ended, for theirs would stay so.
    Returns in words what could not be removed yet because readers hold the table (its trigger is switched off; the next call
    removes it). Raises RetryableError when even switching off got no lock.
    """
    waiting = _outstanding(state, side)
    left: list[str] = []
    if not waiting:
        return ()
    with db.connect("guard") as connection:
        if SETTING in waiting:
            data = waiting[SETTING]
            connection.execute(_reset(connection, data["previous"]).encode())
            # Sessions begun while the fence stood took the default for as long as they live: pools would stay read-only.
            begun = [other for other in _others(connection, db, data["since"]) if other.begun_after is not False]
            _terminate(connection, begun, _Progress())
            state.log(_subject(side), SETTING, "restored", {"previous": data["previous"]})
            hit(UNFENCED_ONE)
        standing = [(key, QName(*data["table"])) for key, data in waiting.items() if key != SETTING]
        present = [(key, name) for key, name in standing if _has_fence(connection, name)]
        for _key, name in present:  # this lock lets readers be
            run_patiently(connection, [_disable(name)], seconds=UNFENCE_SECONDS)
        deadline = time.monotonic() + UNFENCE_SECONDS
        for key, name in standing:
            if (key, name) in present:
                try:
                    run_patiently(connection, [_drop(name)], seconds=max(deadline - time.monotonic(), 0.5))
                except RetryableError:
                    left.append(f"trigger {FENCE_TRIGGER} of {name} (switched off)")
                    continue
            state.log(_subject(side), key, "restored", {"table": list(name)})
            hit(UNFENCED_ONE)
    return tuple(left)


# -- the walls -----------------------------------------------------------------------------------------------------------


def _stop_by_default(state: State, connection: Connection, side: Side) -> None:
    if SETTING not in _outstanding(state, side):
        state.log(_subject(side), SETTING, "before", {"previous": _setting(connection), "since": _now(connection)})
        hit(JOURNALED)
    connection.execute(_set_read_only(connection).encode())
    hit(READ_ONLY_SET)


def _put_up(
    state: State,
    connection: Connection,
    db: PostgresDatabase,
    side: Side,
    name: QName,
    hint: str,
    user: str,
    deadline: float,
    progress: _Progress,
    waiting: Waiting | None,
    tables: Sequence[Table],
) -> None:
    key = f"trigger on {name}"
    if key not in _outstanding(state, side):
        state.log(_subject(side), key, "before", {"table": list(name)})
        hit(JOURNALED)
    statements = [_drop(name)] if _has_fence(connection, name) else []

    def blocked(blocked_connection: Connection) -> None:
        _terminate(blocked_connection, _others(blocked_connection, db, "-infinity"), progress)
        if waiting is not None:
            for words in writers(db, tables, blocked_connection).writing:
                waiting(words)

    statements.append(_create(db, name, hint, user))
    try:
        run_patiently(connection, statements, seconds=max(deadline - time.monotonic(), 0.5), on_blocked=blocked)
    except RetryableError:
        raise _still_there(writers(db, tables, connection).writing, progress) from None
    hit(TRIGGER_MADE)


_OTHERS = """
SELECT a.pid, coalesce(a.usename, ''), a.backend_start >= {since}, a.backend_xid IS NOT NULL
FROM pg_stat_activity a
WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
  AND (a.backend_type IS NULL OR a.backend_type IN ('client backend', 'yb-conn-mgr worker connection'))
  AND NOT (starts_with(a.application_name, %(ours)s) AND a.usename = current_user)
"""


@dataclass(frozen=True)
class _Other:
    """Somebody else's session. ``begun_after`` the time asked about; None: we may not know."""

    pid: int
    user: str
    begun_after: bool | None
    writes: bool


def _others(connection: Connection, db: PostgresDatabase, since: str) -> list[_Other]:
    query = sql.SQL(_OTHERS).format(since=sql.Literal(since) + sql.SQL("::timestamptz"))
    return [_Other(*row) for row in connection.execute(query, {"ours": ours(db)})]


def _terminate(connection: Connection, whom: Sequence[_Other], progress: _Progress) -> None:
    """Ask these sessions to end."""
    for other in whom:
        try:
            row = connection.execute("SELECT pg_terminate_backend(%s)", (other.pid,)).fetchone()
            progress.terminated += bool(row and row[0])
        except psycopg.errors.InsufficientPrivilege:
            progress.refused[other.pid] = other.user


def _prove(
    connection: Connection,
    db: PostgresDatabase,
    tables: Sequence[Table],
    deadline: float,
    progress: _Progress,
    waiting: Waiting | None,
) -> None:
    """Until no other session predates the fence or holds a transaction id, and nothing open has written to a table of ours.

    A session we may not end (a superuser's) counts while it writes: what it begins anew the triggers refuse.
    """
    since = _now(connection)
    unknown = {other.pid for other in _others(connection, db, since) if other.begun_after is None}
    while True:
        old = [
            other
            for other in _others(connection, db, since)
            if other.writes or other.begun_after is False or (other.begun_after is None and other.pid in unknown)
        ]
        _terminate(connection, old, progress)
        left = [other for other in old if other.writes or other.pid not in progress.refused]
        writing = writers(db, tables, connection).writing
        if not left and not writing:
            return
        if time.monotonic() >= deadline:
            raise _still_there(writing or [f"pid {other.pid} of {other.user}" for other in left], progress)
        if waiting is not None:
            for words in writing:
                waiting(words)
        time.sleep(PAUSE_SECONDS)


def _still_there(whom: Sequence[str], progress: _Progress) -> RetryableError:
    users = ", ".join(sorted(set(progress.refused.values())))
    return RetryableError(
        f"writers are still there: {'; '.join(whom)}" + (f"; not ours to end: sessions of {users}" if users else ""),
        state="what was put up of the fence is journaled and will be taken down",
        next_step="end them (COMMIT PREPARED or ROLLBACK PREPARED, pg_terminate_backend), then start the cutover again",
    )


def _limits(db: PostgresDatabase) -> list[str]:
    """What an engine cannot prove."""
    if db.kind == "yugabytedb":
        return ["a YugabyteDB node lists its own sessions only: sessions of other nodes are stopped by the triggers, not ended"]
    return []


# -- statements ----------------------------------------------------------------------------------------------------------


def _subject(side: Side) -> str:
    return f"fence/{side}"


def _outstanding(state: State, side: Side) -> dict[str, Any]:
    items: dict[str, Any] = {}
    for entry in state.journal(_subject(side)):
        if entry.event == "before":
            items[entry.step] = entry.data
        else:
            items.pop(entry.step, None)
    return items


def _passing_user(connection: Connection) -> str:
    """'' when our apply runs as a replica and needs no exception."""
    if decide_mode(connection) == "session":
        return ""
    row = connection.execute("SELECT session_user").fetchone()
    return str(row[0]) if row else ""


def _create(db: PostgresDatabase, name: QName, hint: str, user: str) -> str:
    arguments = sql.SQL(", ").join(sql.Literal(text) for text in (db.migration, hint, user, ours(db)))
    return (
        sql.SQL(
            "CREATE TRIGGER {} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {} FOR EACH STATEMENT"
            " EXECUTE FUNCTION voyager_ops.fence({})"
        )
        .format(sql.Identifier(FENCE_TRIGGER), qualified(name), arguments)
        .as_string()
    )


def _disable(name: QName) -> str:
    return sql.SQL("ALTER TABLE ONLY {} DISABLE TRIGGER {}").format(qualified(name), sql.Identifier(FENCE_TRIGGER)).as_string()


def _drop(name: QName) -> str:
    return sql.SQL("DROP TRIGGER IF EXISTS {} ON {}").format(sql.Identifier(FENCE_TRIGGER), qualified(name)).as_string()


def _has_fence(connection: Connection, name: QName) -> bool:
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass(%s) AND tgname = %s)",
        (qualified(name).as_string(connection), FENCE_TRIGGER),
    ).fetchone()
    return bool(row and row[0])


def _now(connection: Connection) -> str:
    row = connection.execute("SELECT clock_timestamp()::text").fetchone()
    return str(row[0]) if row else "-infinity"


def _may_set(connection: Connection) -> bool:
    row = connection.execute("SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()").fetchone()
    return bool(row and row[0])


def _setting(connection: Connection) -> str | None:
    """The database's own value of the setting, None when it has none."""
    row = connection.execute(
        "SELECT split_part(entry, '=', 2) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase,"
        " unnest(s.setconfig) AS entry WHERE s.setrole = 0 AND d.datname = current_database() AND entry LIKE %s",
        (f"{SETTING}=%",),
    ).fetchone()
    return str(row[0]) if row else None


def _set_read_only(connection: Connection) -> str:
    return _alter(connection, sql.SQL("SET {} = on").format(sql.Identifier(SETTING)))


def _reset(connection: Connection, previous: str | None) -> str:
    if previous is None:
        return _alter(connection, sql.SQL("RESET {}").format(sql.Identifier(SETTING)))
    return _alter(connection, sql.SQL("SET {} = {}").format(sql.Identifier(SETTING), sql.Literal(previous)))


def _alter(connection: Connection, what: sql.Composed) -> str:
    return sql.SQL("ALTER DATABASE {} {}").format(sql.Identifier(connection.info.dbname), what).as_string(connection)
