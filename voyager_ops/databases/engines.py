"""From a database to the rooms of its engine, and from a URL to a database."""

from __future__ import annotations

from voyager_ops.databases.base import Database, Engine
from voyager_ops.databases.postgres.database import PostgresDatabase
from voyager_ops.model.positions import Side


def engine_of(database: Database) -> Engine:
    """The rooms of ``database``'s engine. Imported when first asked for, with its driver: a migration uses one or two of them."""
    if database.kind == "oracle":
        from voyager_ops.databases.oracle.engine import OracleEngine

        return OracleEngine()
    from voyager_ops.databases.postgres.engine import PostgresEngine

    return PostgresEngine()


def database_from_url(url: str, *, side: Side, migration: str) -> Database:
    """The database that a URL's scheme says. Raises ConfigError, which never echoes the URL."""
    if url.startswith("oracle:"):
        from voyager_ops.databases.oracle.database import OracleDatabase

        return OracleDatabase.from_url(url, side=side, migration=migration)
    return PostgresDatabase.from_url(url, side=side, migration=migration)
