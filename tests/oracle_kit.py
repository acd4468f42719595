"""A simulated Oracle database for tests, and what tests do with it. What is shown with it is shown of "simulated Oracle"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import oracledb

from tests.conftest import create_database, drop_database
from voyager_ops.databases.oracle.database import OracleDatabase
from voyager_ops.model.positions import Side
from voyager_ops.testing.oracle.backend import PgEngine
from voyager_ops.testing.oracle.server import Server
from voyager_ops.testing.postgres import Cluster

OWNER, PASSWORD = "SHOP", "shop"
USER, USER_PASSWORD = "MOVER", "mover"
_GRANTS = (
    "CREATE SESSION", "CREATE TABLE", "UNLIMITED TABLESPACE", "SELECT ANY TABLE", "FLASHBACK ANY TABLE", "SELECT ANY TRANSACTION",
    "LOGMINING", "SELECT ANY DICTIONARY", "SELECT_CATALOG_ROLE", "EXECUTE_CATALOG_ROLE", "LOCK ANY TABLE", "ALTER ANY TABLE",
    "SELECT ANY SEQUENCE",
)  # fmt: skip


@dataclass(frozen=True)
class SimulatedOracle:
    """A server with one schema of an application (``OWNER``) and a migration user (``USER``)."""

    engine: PgEngine
    server: Server

    @property
    def url(self) -> str:
        return f"oracle://{USER}:{USER_PASSWORD}@{self.server.dsn(self.engine.service)}"

    def database(self, migration: str) -> OracleDatabase:
        return OracleDatabase.from_url(self.url, side=Side.SOURCE, migration=migration)

    def connect(self, user: str = OWNER, password: str = PASSWORD) -> oracledb.Connection:
        return oracledb.connect(user=user, password=password, dsn=self.server.dsn(self.engine.service))

    @contextmanager
    def session(self) -> Iterator[oracledb.Cursor]:
        """As the application: commits in the end."""
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                yield cursor
            connection.commit()
        finally:
            connection.close()

    def run(self, *statements: str) -> None:
        """As the application, in one transaction."""
        with self.session() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def admin(self, *statements: str) -> None:
        connection = oracledb.connect(user="SYSTEM", password="oracle", dsn=self.server.dsn(self.engine.service))
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
        finally:
            connection.close()

    def ours(self, statement: str) -> list[tuple[Any, ...]]:
        """A query as the migration user."""
        connection = self.connect(USER, USER_PASSWORD)
        try:
            with connection.cursor() as cursor:
                return list(cursor.execute(statement).fetchall())
        finally:
            connection.close()

    def query(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self.session() as cursor:
            return list(cursor.execute(statement, list(parameters), fetch_decimals=True, fetch_lobs=False).fetchall())


@contextmanager
def simulated_oracle(cluster: Cluster, profile: str = "19c") -> Iterator[SimulatedOracle]:
    """Made anew in a database of ``cluster``, in ARCHIVELOG mode and with minimal supplemental logging."""
    database = create_database(cluster)
    try:
        with PgEngine(database.url, profile=profile) as engine:
            engine.add_user(
                OWNER, PASSWORD, "CREATE SESSION", "RESOURCE", "CREATE TABLE", "CREATE SEQUENCE", "UNLIMITED TABLESPACE"
            )
            engine.add_user(USER, USER_PASSWORD, *_GRANTS)
            with Server(engine, profile=profile) as server:
                oracle = SimulatedOracle(engine, server)
                oracle.admin("ALTER DATABASE ADD SUPPLEMENTAL LOG DATA")
                yield oracle
    finally:
        drop_database(database)
