"""Opening the state, and the few operations every room of the house needs."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.pool import NullPool

from voyager_ops.errors import PreconditionError, RetryableError
from voyager_ops.state import tables

Json = Any


class State:
    """The records of one migration. Safe to share between threads; each call is its own short transaction.

    Raises :class:`RetryableError` when the store is busy or away; nothing is half-written then.
    """

    def __init__(self, engine: sa.Engine, migration: str) -> None:
        self.engine = engine
        self.migration = migration

    @classmethod
    def open(cls, migration: str, *, directory: Path | None = None, url: str | None = None) -> State:
        """SQLite in ``directory`` unless a PostgreSQL ``url`` is given. Creates or upgrades the tables.

        Raises PreconditionError when a newer version of the package wrote them.
        """
        if url is not None:
            address = sa.make_url(url).set(drivername="postgresql+psycopg")
            engine = sa.create_engine(address, pool_pre_ping=True, pool_size=2, max_overflow=8)
        else:
            if directory is None:
                raise ValueError("a directory or a url is wanted")
            engine = sa.create_engine(f"sqlite:///{directory / 'state.db'}", poolclass=NullPool, connect_args={"timeout": 60})
            sa.event.listen(engine, "connect", _sqlite_settings)
            sa.event.listen(engine, "begin", _sqlite_begin)
        state = cls(engine, migration)
        state._install()
        return state

    def _install(self) -> None:
        with self.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('voyager_ops state'))"))
            tables.metadata.create_all(connection)
            row = connection.execute(
                sa.select(tables.meta.c.version).where(tables.meta.c.migration == self.migration)
            ).one_or_none()
            if row is None:
                connection.execute(
                    tables.meta.insert().values(
                        migration=self.migration, version=tables.VERSION, uuid=str(uuid.uuid4()), created_at=time.time()
                    )
                )
            elif row.version > tables.VERSION:
                raise PreconditionError(
                    f"the state of migration {self.migration!r} was written by a newer version of voyager-ops",
                    state="untouched",
                    next_step="use that version",
                )

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """A transaction (SQLite: takes the write lock at once, so that read-then-write never deadlocks)."""
        try:
            with self.engine.begin() as connection:
                yield connection
        except sa.exc.OperationalError as error:
            raise RetryableError(
                f"the migration's state is busy or away: {str(error.orig).strip()}",
                state="nothing was written by this step",
                next_step="run the command again",
            ) from error

    @property
    def uuid(self) -> str:
        with self.begin() as connection:
            return str(
                connection.execute(sa.select(tables.meta.c.uuid).where(tables.meta.c.migration == self.migration)).scalar_one()
            )

    # -- documents -------------------------------------------------------------------------------------------------
    def get(self, key: str) -> Json | None:
        """The document ``key``, or None."""
        table = tables.document
        with self.begin() as connection:
            return connection.execute(
                sa.select(table.c.value).where(table.c.migration == self.migration, table.c.key == key)
            ).scalar_one_or_none()

    def locked(self, key: str, connection: sa.Connection) -> Json | None:
        """The document ``key``, or None, as nobody else changes it until the transaction ends: to be written anew in it."""
        table = tables.document
        return connection.execute(
            sa.select(table.c.value).where(table.c.migration == self.migration, table.c.key == key).with_for_update()
        ).scalar_one_or_none()

    def put(self, key: str, value: Json, connection: sa.Connection | None = None) -> None:
        """Write the document ``key`` (JSON-able), in the transaction that ``connection`` is in or in one of its own."""
        self.upsert(tables.document, {"key": key}, {"value": value, "updated_at": time.time()}, connection)

    def delete(self, key: str) -> None:
        table = tables.document
        with self.begin() as connection:
            connection.execute(table.delete().where(table.c.migration == self.migration, table.c.key == key))

    def keys(self, prefix: str) -> list[str]:
        """Keys of documents that begin with ``prefix``, sorted."""
        table = tables.document
        with self.begin() as connection:
            rows = connection.execute(
                sa.select(table.c.key).where(table.c.migration == self.migration, table.c.key.startswith(prefix, autoescape=True))
            )
            return sorted(row.key for row in rows)

    def upsert(
        self,
        table: sa.Table,
        key: Mapping[str, Any],
        values: Mapping[str, Any],
        connection: sa.Connection | None = None,
    ) -> None:
        """Insert or update one row of ``table``; ``key`` without the migration's name."""
        if connection is None:
            with self.begin() as own:
                return self.upsert(table, key, values, own)
        insert = insert_for(connection)(table).values(migration=self.migration, **key, **values)
        connection.execute(insert.on_conflict_do_update(index_elements=["migration", *key], set_=dict(values)))
        return None

    # -- journal ---------------------------------------------------------------------------------------------------
    def log(self, subject: str, step: str, event: str, data: Json | None = None) -> int:
        """Append to the journal; returns the entry's id."""
        with self.begin() as connection:
            result = connection.execute(
                tables.journal.insert().values(
                    migration=self.migration, subject=subject, step=step, event=event, at=time.time(), data=data or {}
                )
            )
            key = result.inserted_primary_key
            return int(key[0]) if key else 0

    def journal(self, subject: str) -> list[sa.Row[Any]]:
        """All entries of a subject, oldest first: rows with id, step, event, at, data."""
        table = tables.journal
        with self.begin() as connection:
            return list(
                connection.execute(
                    sa.select(table).where(table.c.migration == self.migration, table.c.subject == subject).order_by(table.c.id)
                )
            )

    def close(self) -> None:
        self.engine.dispose()


def insert_for(connection: sa.Connection) -> Any:
    """The dialect's ``insert``, which has ``on_conflict_…`` (both stores have it; SQLAlchemy's common one has not)."""
    return postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert


def _sqlite_settings(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _sqlite_begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
