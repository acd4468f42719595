"""One way to speak to Oracle and to PostgreSQL, as an application does that must run on either: named binds, counts, commits."""

from __future__ import annotations

import contextlib
import json
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any, LiteralString, cast
from urllib.parse import unquote, urlsplit

import oracledb
import psycopg

SCHEMA = "SHOP"
LARGE = 1000
"""Texts and bytes longer than this are bound as LOBs on Oracle."""
_BIND = re.compile(r"(?<![:\w]):(\w+)")


_MOMENT = "SYYYY-MM-DD HH24:MI:SS"
_EXPRESSIONS = {
    "DATE": f"TO_DATE({{}}, '{_MOMENT}')",
    "TIMESTAMP": f"TO_TIMESTAMP({{}}, '{_MOMENT}.FF9')",
    "TIMESTAMP WITH TIME ZONE": f"TO_TIMESTAMP_TZ({{}}, '{_MOMENT}.FF9TZH:TZM')",
    "TIMESTAMP WITH LOCAL TIME ZONE": f"TO_TIMESTAMP({{}}, '{_MOMENT}.FF9')",
    "INTERVAL YEAR TO MONTH": "TO_YMINTERVAL({})",
    "INTERVAL DAY TO SECOND": "TO_DSINTERVAL({})",
    "XMLTYPE": "XMLTYPE({})",
    "ROWID": "CHARTOROWID({})",
    "UROWID": "CHARTOROWID({})",
}
_KINDS: dict[str, Any] = {
    "BINARY_FLOAT": oracledb.DB_TYPE_BINARY_FLOAT,
    "BINARY_DOUBLE": oracledb.DB_TYPE_BINARY_DOUBLE,
    "NVARCHAR2": oracledb.DB_TYPE_NVARCHAR,
    "NCHAR": oracledb.DB_TYPE_NCHAR,
    "CLOB": oracledb.DB_TYPE_CLOB,
    "NCLOB": oracledb.DB_TYPE_NCLOB,
    "LONG": oracledb.DB_TYPE_LONG,
    "RAW": oracledb.DB_TYPE_RAW,
    "LONG RAW": oracledb.DB_TYPE_LONG_RAW,
    "BLOB": oracledb.DB_TYPE_BLOB,
    "XMLTYPE": oracledb.DB_TYPE_CLOB,
    "BOOLEAN": oracledb.DB_TYPE_BOOLEAN,
}
_ERA = re.compile(r"-(\d{4}-.*)", re.DOTALL)
_DIGITS = re.compile(r"(\.\d{6})\d+")


@dataclass(frozen=True)
class Typed:
    """A bind for a column of the Oracle type ``type``, where the value alone does not tell how it is to be bound.

    Text of moments is ``SYYYY-MM-DD HH24:MI:SS`` with nine digits of the second and an offset, where the type has them; that of
    intervals, documents, vectors and row ids is Oracle's own.
    """

    type: str
    value: object

    @property
    def for_postgres(self) -> object:
        """The value that PostgreSQL takes for what has become of the column."""
        if self.value is None or not isinstance(self.value, str):
            return self.value
        if self.type == "VECTOR":
            return [float(number) for number in json.loads(self.value)]
        if self.type == "DATE" or self.type.startswith("TIMESTAMP"):
            return _ERA.sub(r"\1 BC", _DIGITS.sub(r"\1", self.value))
        return self.value


class Session(ABC):
    """One connection of the application; a transaction begins with the first statement."""

    @abstractmethod
    def execute(self, statement: str, **values: object) -> int:
        """Run it with its ``:name`` binds; returns how many rows it changed."""

    @abstractmethod
    def row(self, statement: str, **values: object) -> tuple[Any, ...] | None:
        """The first row of a query."""

    @abstractmethod
    def has(self, table: str) -> bool:
        """Whether there is a table of this (unquoted) name."""

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
        forms = {
            name: _EXPRESSIONS[value.type]
            for name, value in values.items()
            if isinstance(value, Typed) and value.value is not None and value.type in _EXPRESSIONS
        }
        if forms:
            statement = _BIND.sub(lambda bind: forms.get(bind[1], "{}").format(bind[0]), statement)
        with self.connection.cursor() as cursor:
            cursor.setinputsizes(**{name: kind for name, value in values.items() if (kind := _kind(value)) is not None})
            cursor.execute(
                statement, {name: value.value if isinstance(value, Typed) else value for name, value in values.items()}
            )
            return int(cursor.rowcount)

    def has(self, table: str) -> bool:
        return table in self._tables

    @cached_property
    def _tables(self) -> frozenset[str]:
        with self.connection.cursor() as cursor:
            return frozenset(name for (name,) in cursor.execute("SELECT TABLE_NAME FROM USER_TABLES"))

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
    if isinstance(value, Typed):
        return _KINDS.get(value.type)
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
            options=f"-c search_path={SCHEMA.lower()} -c lock_timeout=10s -c statement_timeout=60s -c timezone=UTC"
            " -c intervalstyle=sql_standard",  # a sign is that of all fields, as Oracle has it
            application_name="voyager-ops-workload",
        )

    def execute(self, statement: str, **values: object) -> int:
        plain = {name: value.for_postgres if isinstance(value, Typed) else value for name, value in values.items()}
        return self.connection.execute(_pyformat(statement), plain).rowcount

    def has(self, table: str) -> bool:
        return table in self._tables

    @cached_property
    def _tables(self) -> frozenset[str]:
        found = self.connection.execute("SELECT upper(tablename) FROM pg_tables WHERE schemaname = %s", [SCHEMA.lower()])
        return frozenset(name for (name,) in found)

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
