"""Primary keys of the target that are set aside while a table's rows are copied, and built once they are there.

Building an index over rows that are there takes less than half of what keeping it up row by row takes, and writes less to the
log. A key is set aside only from an empty table that is large in the plan, and only where nothing needs it meanwhile; every
other key stays where it is, which is slower and nothing else. Correctness never hangs on it: chunks commit with their own done
rows whether there is a key or not, and what is set aside stands in ``voyager_ops.key_aside`` on the target, written in the
transaction that drops the constraint and deleted in the one that makes it again. Until then the snapshot is not complete, so
that nothing is applied or compared without the key.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection
from dataclasses import dataclass, field
from importlib.resources import files

import asyncpg
import psycopg
from psycopg import sql

from voyager_ops.databases.postgres.catalog import is_yugabytedb
from voyager_ops.databases.postgres.copying import AsyncConnection, as_retryable, open_session
from voyager_ops.databases.postgres.database import Connection, PostgresDatabase, Row, qualified
from voyager_ops.errors import PreconditionError, RetryableError
from voyager_ops.failpoints import hit, register
from voyager_ops.model.tables import QName

BEFORE_ASIDE = register("snapshot.keys.before_aside")
BEFORE_ASIDE_COMMIT = register("snapshot.keys.before_aside_commit")
AFTER_ASIDE = register("snapshot.keys.after_aside")
BEFORE_BUILD = register("snapshot.keys.before_build")
BEFORE_BUILD_COMMIT = register("snapshot.keys.before_build_commit")
AFTER_BUILD = register("snapshot.keys.after_build")

LOCK_TIMEOUT = "5s"
"""Whoever uses the table for longer keeps it, and it its key."""
BUILD_MEMORY_KB = 256 << 10
"""``maintenance_work_mem`` of a build, where the server's is less and this is not over a quarter of ``shared_buffers``."""

CLIENT_GONE_SECONDS = 2
"""So soon the server notices that whoever let it build is gone: it would build to the end, and hold its lock, for nobody."""
LOCK_SECONDS_AT_END = 60
"""``end migration`` waits no longer for readers of a table, who would wait behind it for theirs."""

_NEEDED = (
    psycopg.errors.DependentObjectsStillExist,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.DeadlockDetected,
)


@dataclass
class Aside:
    """Target tables whose key is aside now, by whichever process; ``refused``: those whose key the server did not let us drop,
    with its words."""

    tables: set[QName] = field(default_factory=set)
    refused: dict[QName, str] = field(default_factory=dict)

    @property
    def words(self) -> list[str]:
        if not self.refused:
            return []
        (first, reason), *others = self.refused.items()
        shown = f"{first} and {len(others)} more" if others else str(first)
        return [f"primary keys stay in place while rows are copied, which is slower: {shown} on the target ({reason})"]


def kept_aside(connection: Connection, migration: str) -> dict[QName, str]:
    """The target's tables whose primary key is aside, each with the statement that makes it."""
    there = connection.execute("SELECT to_regclass('voyager_ops.key_aside') IS NOT NULL").fetchone()
    if there != (True,):  # its records are of a version that set no key aside
        return {}
    rows = connection.execute(
        "SELECT table_schema, table_name, constraint_name, definition FROM voyager_ops.key_aside WHERE migration = %s"
        " ORDER BY 1, 2",
        (migration,),
    ).fetchall()
    return {QName(schema, name): _statement(QName(schema, name), key, definition) for schema, name, key, definition in rows}


def set_aside(database: PostgresDatabase, migration: str, tables: Collection[QName]) -> Aside:
    """Set the keys of those of ``tables`` (the target's names) aside that are empty, and whose key nothing needs.

    Harmless when repeated, and when several processes do it: who comes second finds the key gone, or waits no longer than
    ``LOCK_TIMEOUT`` and leaves it. Raises ConnectionFailed; RetryableError when the session is cut.
    """
    aside = Aside()
    with database.connect("snapshot keys") as connection:
        try:
            if tables and not is_yugabytedb(connection):  # there the key is how the table is stored
                for table in sorted(tables):
                    try:
                        _set_aside(connection, migration, table)
                    except _NEEDED:
                        continue
                    except psycopg.OperationalError:
                        raise
                    except psycopg.Error as error:
                        aside.refused[table] = error.diag.message_primary or str(error)
            aside.tables = set(kept_aside(connection, migration))
        except psycopg.OperationalError as error:
            raise RetryableError(
                f"setting primary keys aside was interrupted: {error}",
                state="each is in its place, or recorded in voyager_ops.key_aside on the target",
                next_step="run the same command again",
            ) from error
    return aside


def _set_aside(connection: Connection, migration: str, table: QName) -> None:
    if _key_of_empty(connection, table) is None:
        return
    hit(BEFORE_ASIDE)
    with connection.transaction():
        connection.execute("SELECT set_config('lock_timeout', %s, true)", (LOCK_TIMEOUT,))
        connection.execute(sql.SQL("LOCK TABLE ONLY {} IN ACCESS EXCLUSIVE MODE").format(qualified(table)))
        key = _key_of_empty(connection, table)  # behind the lock: another process may have begun to load it
        if key is None:
            return
        connection.execute(
            "INSERT INTO voyager_ops.key_aside (migration, table_schema, table_name, constraint_name, definition,"
            " constraint_comment, index_comment) VALUES (%s, %s, %s, %s, %s, %s, %s)"
            # a record of a table that was made anew meanwhile is of a key that is no more
            " ON CONFLICT (migration, table_schema, table_name) DO UPDATE SET constraint_name = excluded.constraint_name,"
            " definition = excluded.definition, constraint_comment = excluded.constraint_comment,"
            " index_comment = excluded.index_comment, at = excluded.at",
            (migration, *table, *key),
        )
        connection.execute(
            sql.SQL("ALTER TABLE ONLY {} DROP CONSTRAINT {}").format(qualified(table), sql.Identifier(str(key[0])))
        )
        hit(BEFORE_ASIDE_COMMIT)
    hit(AFTER_ASIDE)


def _key_of_empty(connection: Connection, table: QName) -> Row | None:
    """Name, definition and two comments of its primary key, if that may be set aside and the table has no row."""
    query = files("voyager_ops.databases.postgres").joinpath("queries", "key_to_set_aside.sql").read_text(encoding="utf-8")
    key = connection.execute(query, tuple(table)).fetchone()
    if key is None:
        return None
    rows = connection.execute(sql.SQL("SELECT EXISTS (SELECT FROM ONLY {})").format(qualified(table))).fetchone()
    return None if rows is None or rows[0] else key


async def build(
    database: PostgresDatabase,
    migration: str,
    table: QName,
    stop: threading.Event,
    *,
    lock_seconds: int = 0,
    alone: bool = False,
) -> bool:
    """Make the key of ``table`` (the target's name) again, when it is aside; returns whether it is in its place now.

    ``stop`` cancels it: the key stays aside then, and False is returned. ``lock_seconds``: how long the table's lock is waited
    for (0: as long as it takes). ``alone``: without parallel workers of the server. Raises PreconditionError when the rows are
    not unique over the key or the server refuses to build it, RetryableError on passing faults.
    """
    session = await open_session(database, "snapshot keys")
    work = asyncio.create_task(_build(session, migration, table, lock_seconds, alone))
    try:
        while not work.done():
            await asyncio.wait({work}, timeout=0.5)
            if stop.is_set() and not work.done():
                return False
        await work
        return True
    except (asyncpg.UniqueViolationError, asyncpg.NotNullViolationError) as error:
        raise PreconditionError(
            f"the primary key of {table} on the target cannot be built: {' '.join(str(error).split())}",
            state="the snapshot brings every key once, so somebody else has written to the table while it was being loaded;"
            " its rows are there, its key is not (voyager_ops.key_aside on the target has the definition)",
            next_step="remove the rows that are not the source's, then run the same command again",
        ) from error
    except Exception as error:
        retryable = as_retryable(error)
        if retryable is None:
            if not isinstance(error, asyncpg.PostgresError):
                raise
            raise PreconditionError(
                f"the primary key of {table} on the target cannot be built: {' '.join(str(error).split())}",
                state="its rows are there, its key is not (voyager_ops.key_aside on the target has the definition)",
                next_step="mend what the server says, then run the same command again",
            ) from error
        raise RetryableError(
            f"building the primary key of {table} failed: {retryable}",
            state="the rows are there; the key is not yet",
            next_step="run the same command again: it builds what is missing",
        ) from error
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        session.terminate()


async def _build(session: AsyncConnection, migration: str, table: QName, lock_seconds: int, alone: bool) -> None:
    hit(BEFORE_BUILD)
    await _notice_when_we_are_gone(session)
    await session.execute("BEGIN")
    await session.execute(f"SET LOCAL lock_timeout = '{lock_seconds}s'")
    # Behind the lock of the row: another process may have built it meanwhile, and deleted the row.
    key = await session.fetchrow(
        "SELECT constraint_name, definition, constraint_comment, index_comment FROM voyager_ops.key_aside"
        " WHERE migration = $1 AND table_schema = $2 AND table_name = $3 FOR UPDATE",
        migration,
        *table,
    )
    if key is None:
        await session.execute("ROLLBACK")
        return
    if await _wanting(session, table):
        await _set_for_building(session, alone)
        name, definition, *comments = key
        for statement in (_statement(table, name, definition), *_comments(table, name, *comments)):
            await session.execute(statement)
    await session.execute(
        "DELETE FROM voyager_ops.key_aside WHERE migration = $1 AND table_schema = $2 AND table_name = $3", migration, *table
    )
    hit(BEFORE_BUILD_COMMIT)
    await session.execute("COMMIT")
    hit(AFTER_BUILD)


async def _wanting(session: AsyncConnection, table: QName) -> bool:
    """Whether the table is there and has no primary key: somebody may have made it by hand, or dropped the table."""
    return bool(
        await session.fetchval(
            "SELECT EXISTS (SELECT FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace"
            " WHERE n.nspname = $1 AND t.relname = $2 AND t.relkind = 'r' AND NOT EXISTS ("
            "SELECT FROM pg_constraint con WHERE con.conrelid = t.oid AND con.contype = 'p'))",
            *table,
        )
    )


async def _notice_when_we_are_gone(session: AsyncConnection) -> None:
    try:
        await session.execute(f"SET client_connection_check_interval = '{CLIENT_GONE_SECONDS}s'")
    except asyncpg.InvalidParameterValueError:
        return  # not on every operating system


async def _set_for_building(session: AsyncConnection, alone: bool) -> None:
    """Until the transaction ends: memory to sort in, and the index where it was (a key that lies elsewhere is not set aside)."""
    await session.execute("SET LOCAL default_tablespace = ''")
    if alone:
        await session.execute("SET LOCAL max_parallel_maintenance_workers = 0")
    await session.execute(
        "SELECT set_config('maintenance_work_mem',"
        " greatest(m.setting::bigint, least($1::bigint, b.setting::bigint * 2))::text || 'kB', true)"  # blocks of 8 kB
        " FROM pg_settings m, pg_settings b WHERE m.name = 'maintenance_work_mem' AND b.name = 'shared_buffers'",
        BUILD_MEMORY_KB,
    )


def _statement(table: QName, name: str, definition: str) -> str:
    """``definition`` as pg_get_constraintdef printed it, its names quoted where they must be."""
    return f"ALTER TABLE ONLY {qualified(table).as_string()} ADD CONSTRAINT {sql.Identifier(name).as_string()} {definition}"


def _comments(table: QName, name: str, on_constraint: str | None, on_index: str | None) -> list[str]:
    statements: list[sql.Composed] = []
    if on_constraint is not None:
        statement = sql.SQL("COMMENT ON CONSTRAINT {} ON {} IS {}")
        statements.append(statement.format(sql.Identifier(name), qualified(table), sql.Literal(on_constraint)))
    if on_index is not None:
        index = qualified(QName(table.schema, name))
        statements.append(sql.SQL("COMMENT ON INDEX {} IS {}").format(index, sql.Literal(on_index)))
    return [statement.as_string() for statement in statements]


def build_all(database: PostgresDatabase, migration: str) -> list[str]:
    """Make every key again that is aside, whatever rows there are; returns in words those that cannot be made.

    For a migration that is ended before its snapshot was complete. Raises RetryableError when a table's lock is not to be had.
    """
    with database.connect("snapshot keys") as connection:
        aside = kept_aside(connection, migration)
        there = {table for table in aside if _is_there(connection, table)}
    failed: list[str] = []
    for table, statement in aside.items():
        if table not in there:
            failed.append(
                f"the table {table} is no longer on the target, and its primary key was set aside: if it has another name now,"
                f" {statement}"
            )
            continue
        try:
            asyncio.run(build(database, migration, table, threading.Event(), lock_seconds=LOCK_SECONDS_AT_END))
        except PreconditionError as error:
            failed.append(f"{error.what}; once that is mended: {statement}")
    return failed


def _is_there(connection: Connection, table: QName) -> bool:
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace"
        " WHERE n.nspname = %s AND t.relname = %s AND t.relkind = 'r')",
        tuple(table),
    ).fetchone()
    return row == (True,)
