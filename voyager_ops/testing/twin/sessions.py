"""One way to speak to Oracle and to PostgreSQL, as an application does that must run on either: named binds, counts, commits."""

from __future__ import annotations

import contextlib
import re
from abc import ABC, abstractmethod
from datetime import datetime
from functools import lru_cache
from typing import Any, LiteralString, cast
from urllib.parse import unquote, urlsplit

import oracledb
import psycopg

SCHEMA = "SHOP"
LARGE = 1000
"""Texts and bytes longer than this are bound as LOBs on Oracle."""
_BIND = re.compile(r"(?<![:\w]):(\w+)")


class Session(ABC):
    """One connection of the application; a transaction begins with the first statement."""

    @abstractmethod
    def execute(self, statement: str, **values: object) -> int:
        """Run it with its ``:name`` binds; returns how many rows it changed."""

    @abstractmethod
    def row(self, statement: str, **values: object) -> tuple[Any, ...] | None:
        """The first row of a query."""

    @abstractmethod
    def commit(self) -> None: ...

    @abstractmethod
    def rollback(self) -> None: ...

    @abstractmethod
    def usable(self) -> bool: ...

    @abstractmethod
    def cancel(self) -> None: ...

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    def name(self, oracle_name: str) -> str:
        """How a quoted name of the Oracle schema that is all upper case is written here (it was folded on its way)."""


class OracleSession(Session):
    def __init__(self, url: str) -> None:
        self.connection = connect_oracle(url)

    def execute(self, statement: str, **values: object) -> int:
        with self.connection.cursor() as cursor:
            cursor.setinputsizes(**{name: kind for name, value in values.items() if (kind := _kind(value)) is not None})
            cursor.execute(statement, values)
            return int(cursor.rowcount)

    def row(self, statement: str, **values: object) -> tuple[Any, ...] | None:
        with self.connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cast("tuple[Any, ...] | None", cursor.fetchone())

    def commit(self) -> None:
        self.connection.commit()

    def rollback(self) -> None:
        self.connection.rollback()

    def usable(self) -> bool:
        return self.connection.is_healthy()

    def cancel(self) -> None:
        with contextlib.suppress(oracledb.Error):  # the server is gone: its transactions are too
            self.connection.cancel()

    def close(self) -> None:
        with contextlib.suppress(oracledb.Error):
            self.connection.close()

    def name(self, oracle_name: str) -> str:
        return f'"{oracle_name}"'


def connect_oracle(url: str) -> oracledb.Connection:
    """A plain session of the application's, in UTC."""
    parts = urlsplit(url)
    connection = oracledb.connect(
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        dsn=f"{parts.hostname}:{parts.port}{parts.path}",
    )
    with connection.cursor() as cursor:
        cursor.execute("ALTER SESSION SET TIME_ZONE = '00:00'")
    return connection


def _kind(value: object) -> Any:
    """What the driver would guess wrongly."""
    if isinstance(value, str) and len(value) > LARGE:
        return oracledb.DB_TYPE_CLOB
    if isinstance(value, bytes) and len(value) > LARGE:
        return oracledb.DB_TYPE_BLOB
    if isinstance(value, float):
        return oracledb.DB_TYPE_BINARY_DOUBLE
    if isinstance(value, datetime) and value.microsecond:
        return oracledb.DB_TYPE_TIMESTAMP
    return None


class PostgresSession(Session):
    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(
            url,
            connect_timeout=5,
            options=f"-c search_path={SCHEMA.lower()} -c lock_timeout=10s -c statement_timeout=60s -c timezone=UTC",
            application_name="voyager-ops-workload",
        )

    def execute(self, statement: str, **values: object) -> int:
        return self.connection.execute(_pyformat(statement), values).rowcount

    def row(self, statement: str, **values: object) -> tuple[Any, ...] | None:
        return self.connection.execute(_pyformat(statement), values).fetchone()

    def commit(self) -> None:
        self.connection.commit()

    def rollback(self) -> None:
        self.connection.rollback()

    def usable(self) -> bool:
        return not self.connection.closed

    def cancel(self) -> None:
        with contextlib.suppress(psycopg.OperationalError):  # as above
            self.connection.cancel_safe(timeout=5)

    def close(self) -> None:
        self.connection.close()

    def name(self, oracle_name: str) -> str:
        return f'"{oracle_name.lower()}"'


@lru_cache(maxsize=256)
def _pyformat(statement: str) -> LiteralString:
    return _BIND.sub(r"%(\1)s", statement.replace("%", "%%"))


def open_session(url: str) -> Session:
    """By the URL's scheme."""
    return OracleSession(url) if url.startswith("oracle:") else PostgresSession(url)
