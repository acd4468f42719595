"""Moving COPY bytes from one PostgreSQL session to another without looking at them.

asyncpg hands over whole read buffers where libpq hands over rows: 1.03 times the speed of ``psql | psql`` on a narrow table
against 0.68 for psycopg (docs/performance.md), and many pairs of sessions run in one process.
"""

from __future__ import annotations

import asyncio
import ssl as ssl_module
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal

import asyncpg

from voyager_ops.databases.postgres.database import SETTINGS, PostgresDatabase
from voyager_ops.errors import ConnectionFailed, RetryableError
from voyager_ops.model.tables import Column, QName

AsyncConnection = Any
"""asyncpg has no complete types of its own."""

QUEUE_BUFFERS = 32
"""Buffers between reader and writer, each a socket read of at most 256 KiB: bounds memory at about 8 MiB a pair."""

_NOT_PORTABLE = frozenset(
    {24, 2202, 2203, 2204, 2205, 2206, 4096, 4089, 4191, 3734, 3769}  # reg*: OIDs of this server
    | {1008, 2207, 2208, 2209, 2210, 2211, 4097, 4090, 4192, 3735, 3770}  # arrays of them
    | {194, 1033, 1034, 32, 790, 791}  # pg_node_tree, aclitem, pg_ddl_command, money (scale depends on the locale)
)


def binary_safe(source: Column, target: Column) -> bool:
    """Whether both servers agree on the column's binary form: the same built-in type, whose form names no object by OID."""
    return (
        source.base_oid == target.base_oid
        and source.base_oid < 10000
        and source.base_oid not in _NOT_PORTABLE
        and source.type_sql.rpartition(".")[2] == target.type_sql.rpartition(".")[2]
    )


async def open_session(database: PostgresDatabase, role: str) -> AsyncConnection:
    """An asyncpg session with our settings, to the host and with the security that libpq resolved for the same database.

    Raises ConnectionFailed.
    """
    with await asyncio.to_thread(database.connect, role) as probe:
        info = probe.info
        parameters = info.get_parameters()
        host: str | None = info.host or None
        arguments: dict[str, Any] = {
            "host": host,
            "port": info.port,
            "user": info.user,
            "password": info.password or None,
            "database": info.dbname,
            "ssl": _ssl(parameters) if probe.pgconn.ssl_in_use else False,
        }
    try:
        return await asyncpg.connect(
            **arguments,
            timeout=30,
            statement_cache_size=0,
            server_settings={**SETTINGS, "application_name": f"voyager-ops/{database.migration}/{role}"[:63]},
        )
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
        raise ConnectionFailed(
            f"cannot connect to the {database.side} database {database.where}: {type(error).__name__}: {error}",
            state="nothing was changed",
            next_step="check that the server is up, then run the command again",
        ) from None


def _ssl(parameters: dict[str, str]) -> ssl_module.SSLContext:
    """The TLS settings that libpq was given, as a context."""
    mode = parameters.get("sslmode", "prefer")
    root = parameters.get("sslrootcert")
    verify = mode in {"verify-ca", "verify-full"} or (root is not None and mode == "require")
    context = ssl_module.create_default_context(cafile=root if verify and root != "system" else None)
    context.check_hostname = mode == "verify-full"
    if not verify:
        context.verify_mode = ssl_module.CERT_NONE
    if certificate := parameters.get("sslcert"):
        context.load_cert_chain(certificate, parameters.get("sslkey"), parameters.get("sslpassword"))
    return context


async def hold_off_triggers(session: AsyncConnection) -> None:
    """Keep triggers and foreign keys from firing in this session where the user may; elsewhere there are none yet to fire."""
    try:
        await session.execute("SET session_replication_role = replica")
    except asyncpg.InsufficientPrivilegeError:
        return


async def pipe(
    reader: AsyncConnection,
    query: str,
    writer: AsyncConnection,
    table: QName,
    columns: list[str],
    form: Literal["binary", "text"],
    on_bytes: Callable[[int], None],
    on_read: Callable[[], None],
) -> int:
    """COPY what ``query`` reads into ``table``; returns the rows. Both sessions are inside transactions of the caller's.
    ``on_read``: the last row is read, and up to ``QUEUE_BUFFERS`` are still to be written.

    When one side fails the other is made to fail too, and the first cause is raised.
    """
    queue: asyncio.Queue[bytearray | None] = asyncio.Queue(QUEUE_BUFFERS)

    async def put(data: bytearray) -> None:
        on_bytes(len(data))
        await queue.put(data)  # a new one each time: nobody writes to it any more

    async def read() -> None:
        await reader.copy_from_query(query, output=put, format=form)
        on_read()
        await queue.put(None)

    async def take() -> AsyncIterator[bytearray]:
        while (data := await queue.get()) is not None:
            yield data

    reading = asyncio.create_task(read())
    writing = asyncio.create_task(
        writer.copy_to_table(table.name, schema_name=table.schema, columns=columns, source=take(), format=form)
    )
    try:
        done, _ = await asyncio.wait({reading, writing}, return_when=asyncio.FIRST_EXCEPTION)
        for task in (reading, writing):
            if task in done and task.exception() is not None:
                task.result()
        await reading
        return int(str(await writing).rpartition(" ")[2])
    finally:
        for task in (reading, writing):
            if not task.done():
                task.cancel()
        await asyncio.gather(reading, writing, return_exceptions=True)


def as_retryable(error: BaseException) -> RetryableError | None:
    """The error as a RetryableError when another try may go through, else None."""
    passing = (
        asyncpg.PostgresConnectionError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,  # how asyncpg puts a session that was terminated while idle
        asyncpg.TransactionRollbackError,
        asyncpg.LockNotAvailableError,
        asyncpg.AdminShutdownError,
        asyncpg.CrashShutdownError,
        asyncpg.CannotConnectNowError,
        asyncpg.TooManyConnectionsError,
        asyncpg.UndefinedObjectError,  # an exported snapshot that went with its session
        OSError,
        TimeoutError,
    )
    if isinstance(error, RetryableError | ConnectionFailed):
        return RetryableError(str(error))
    if isinstance(error, passing):
        return RetryableError(f"{type(error).__name__}: {error}")
    return None
