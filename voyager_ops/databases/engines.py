"""From a database to the rooms of its engine."""

from __future__ import annotations

from voyager_ops.databases.base import Database, Engine


def engine_of(database: Database) -> Engine:
    """The rooms of ``database``'s engine. An engine's package, and its driver, is imported when it is first asked for."""
    from voyager_ops.databases.postgres.engine import PostgresEngine

    return PostgresEngine()
