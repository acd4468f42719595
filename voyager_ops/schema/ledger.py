"""Which statements have been run on a target: a row per statement, written in the transaction of the statement itself."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import tuple_row

from voyager_ops.schema.kinds import Stage

Key = tuple[str, int]
"""(sha256 of the statement's text, how many equal statements came before it)."""

CREATED_MEANWHILE = (
    psycopg.errors.UniqueViolation,
    psycopg.errors.DuplicateSchema,
    psycopg.errors.DuplicateTable,
)

_CREATE = """
CREATE TABLE IF NOT EXISTS voyager_ops.schema_statement (
    migration  text        NOT NULL,
    stage      text        NOT NULL,
    sha256     text        NOT NULL,
    occurrence integer     NOT NULL,
    file       text        NOT NULL,
    line       integer     NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at    timestamptz,
    PRIMARY KEY (migration, stage, sha256, occurrence)
)
"""


class Ledger:
    """The rows of one migration on one target. Every method expects to be called inside the caller's transaction."""

    def __init__(self, connection: psycopg.Connection[Any], migration: str) -> None:
        self._connection = connection
        # The caller's connection may hand out rows of any shape.
        self._rows = connection.cursor(row_factory=tuple_row)
        self._migration = migration

    def create(self) -> None:
        """Create the schema and the table of the ledger where they are missing.

        Raises one of ``CREATED_MEANWHILE`` when another import does so at this moment: then call it again, in a new transaction.
        (No advisory lock: not every YugabyteDB has them.)
        """
        exists = self._rows.execute("SELECT pg_catalog.to_regclass('voyager_ops.schema_statement') IS NOT NULL").fetchone()
        if exists and exists[0]:
            return
        has_schema = self._rows.execute(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'voyager_ops')"
        ).fetchone()
        if not (has_schema and has_schema[0]):
            self._connection.execute("CREATE SCHEMA voyager_ops")
        self._connection.execute(_CREATE)

    def done(self, stage: Stage) -> set[Key]:
        rows = self._rows.execute(
            "SELECT sha256, occurrence FROM voyager_ops.schema_statement"
            " WHERE migration = %s AND stage = %s AND done_at IS NOT NULL",
            [self._migration, stage.value],
        ).fetchall()
        return {(row[0], row[1]) for row in rows}

    def started(self, stage: Stage) -> set[Key]:
        """Begun and never finished: only possible where DDL commits by itself."""
        rows = self._rows.execute(
            "SELECT sha256, occurrence FROM voyager_ops.schema_statement WHERE migration = %s AND stage = %s AND done_at IS NULL",
            [self._migration, stage.value],
        ).fetchall()
        return {(row[0], row[1]) for row in rows}

    def begin(self, stage: Stage, key: Key, file: str, line: int) -> None:
        self._connection.execute(
            "INSERT INTO voyager_ops.schema_statement (migration, stage, sha256, occurrence, file, line)"
            " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (migration, stage, sha256, occurrence) DO NOTHING",
            [self._migration, stage.value, *key, file, line],
        )

    def finish(self, stage: Stage, key: Key, file: str, line: int) -> None:
        self._connection.execute(
            "INSERT INTO voyager_ops.schema_statement (migration, stage, sha256, occurrence, file, line, done_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, clock_timestamp())"
            " ON CONFLICT (migration, stage, sha256, occurrence) DO UPDATE SET done_at = EXCLUDED.done_at",
            [self._migration, stage.value, *key, file, line],
        )

    def forget(self) -> None:
        """Remove the migration's rows (start clean, end of the migration)."""
        self._connection.execute("DELETE FROM voyager_ops.schema_statement WHERE migration = %s", [self._migration])
