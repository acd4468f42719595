"""Connections to one PostgreSQL (or YugabyteDB) database.

Every session of ours has the same settings, so that a value's text form is the same wherever it is read, and a name that says who
it is (``voyager-ops/<migration>/<role>``), so that quiescing can tell our sessions from the application's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from voyager_ops.databases.base import Database
from voyager_ops.databases.postgres.address import libpq_url, parse_url
from voyager_ops.errors import ConnectionFailed
from voyager_ops.model.positions import Side

SETTINGS: Mapping[str, str] = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "xmlbinary": "base64",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "default_transaction_read_only": "off",
    "default_transaction_isolation": "read committed",
    "search_path": "pg_catalog",
    "row_security": "off",
    "standard_conforming_strings": "on",
}
"""Session settings on which the text form of values and our statements' meaning depend.

``row_security = off`` makes a policy that would hide rows an error instead of a silent gap. ``search_path = pg_catalog`` makes
every printed name qualified.
"""

Row = tuple[Any, ...]
Connection = psycopg.Connection[Row]


@dataclass(frozen=True)
class PostgresDatabase:
    """How to reach one database. Cheap; opens nothing until :meth:`connect`. ``repr`` shows no secret."""

    side: Side
    migration: str
    conninfo: str = field(repr=False)
    kind: Literal["postgresql", "yugabytedb"] = "postgresql"

    @classmethod
    def from_url(cls, url: str, *, side: Side, migration: str) -> PostgresDatabase:
        """Accepts ``postgresql://`` and ``yugabytedb://`` URLs with libpq parameters. Raises ConfigError, never echoes it."""
        parse_url(url, key=f"{side}.url")
        return cls(side, migration, libpq_url(url), "yugabytedb" if url.startswith("yugabytedb:") else "postgresql")

    @property
    def where(self) -> str:
        """host:port/database, for messages; no user, no secret."""
        parts = conninfo_to_dict(self.conninfo)
        host, port = parts.get("host") or parts.get("hostaddr") or "local socket", parts.get("port") or 5432
        return f"{host}:{port}/{parts.get('dbname') or parts.get('user') or ''}"

    @property
    def truncates(self) -> bool:
        """Whether TRUNCATE is taken back with the transaction that it is in: YugabyteDB's may not be."""
        return self.kind != "yugabytedb"

    @property
    def row_place(self) -> str:
        """The system column that tells the rows of one physical table apart: YugabyteDB's have no ctid."""
        return "ybctid" if self.kind == "yugabytedb" else "ctid"

    @property
    def user(self) -> str:
        return str(conninfo_to_dict(self.conninfo).get("user") or "")

    def parameters(self, role: str, *, settings: Mapping[str, str] | None = None, replication: bool = False) -> dict[str, Any]:
        """libpq parameters of a session of ours (they hold the password: never print them)."""
        parts: dict[str, Any] = dict(conninfo_to_dict(self.conninfo))
        merged = {**SETTINGS, **(settings or {})}
        flags = " ".join(f"-c {name}={_escape(value)}" for name, value in merged.items())
        parts["options"] = f"{parts.get('options') or ''} {flags}".strip()
        parts["application_name"] = f"voyager-ops/{self.migration}/{role}"[:63]
        parts["client_encoding"] = "UTF8"
        parts.setdefault("connect_timeout", "15")
        for name, value in (("keepalives_idle", "30"), ("keepalives_interval", "10"), ("keepalives_count", "6")):
            parts.setdefault(name, value)
        if replication:
            parts["replication"] = "database"
        return parts

    def connect(
        self,
        role: str,
        *,
        autocommit: bool = True,
        settings: Mapping[str, str] | None = None,
        replication: bool = False,
    ) -> Connection:
        """A new session. ``role`` is a short word for what it is for (``apply``, ``verify``, …).

        Raises ConnectionFailed (retryable) with the server's words when it cannot be had.
        """
        try:
            return psycopg.connect(
                make_conninfo(**self.parameters(role, settings=settings, replication=replication)),
                autocommit=autocommit,
            )
        except psycopg.OperationalError as error:
            raise ConnectionFailed(
                f"cannot connect to the {self.side} database {self.where}: {_without_secrets(str(error), self.conninfo)}",
                state="nothing was changed",
                next_step="check that the server is up, and host, port, user and password in the configuration",
            ) from None


def postgres(database: Database) -> PostgresDatabase:
    """``database`` as what it is known to be: for the rooms of this package, which are given nothing else."""
    assert isinstance(database, PostgresDatabase), database.kind
    return database


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace(" ", "\\ ")


def _without_secrets(message: str, conninfo: str) -> str:
    password = conninfo_to_dict(conninfo).get("password")
    text = message.replace(str(password), "***") if password else message
    return " ".join(text.split())


def qualified(name: tuple[str, str]) -> sql.Identifier:
    """``"schema"."table"`` for composition."""
    return sql.Identifier(*name)


def advisory_key(*parts: str) -> str:
    """Text whose ``hashtextextended(…, 0)`` is the advisory lock's key: one per purpose and migration."""
    return "voyager-ops/" + "/".join(parts)


def unlock(connection: Connection, *parts: str) -> None:
    """Let go of what :func:`try_lock` took."""
    connection.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (advisory_key(*parts),))


def try_lock(connection: Connection, *parts: str) -> bool:
    """Take a session advisory lock without waiting; held until the session ends. True when we have it."""
    row = connection.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (advisory_key(*parts),)).fetchone()
    return bool(row and row[0])
