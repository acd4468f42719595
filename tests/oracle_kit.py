"""A shop in an Oracle database (simulated, or real: tests/oracle_source.py), and what tests do with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import oracledb

from tests.conftest import Database
from tests.oracle_source import OracleSource, oracle_source
from voyager_ops.config_file import parse_config
from voyager_ops.databases.oracle.database import OracleDatabase
from voyager_ops.migration import Migration
from voyager_ops.testing.oracle.backend import PgEngine
from voyager_ops.testing.postgres import Cluster

OWNER, USER = "SHOP", "MOVER"
_USERS = {
    OWNER: ("RESOURCE", "CREATE TABLE", "CREATE SEQUENCE", "UNLIMITED TABLESPACE"),
    USER: (
        "CREATE TABLE", "UNLIMITED TABLESPACE", "SELECT ANY TABLE", "FLASHBACK ANY TABLE", "SELECT ANY TRANSACTION",
        "LOGMINING", "SELECT ANY DICTIONARY", "SELECT_CATALOG_ROLE", "EXECUTE_CATALOG_ROLE", "LOCK ANY TABLE", "ALTER ANY TABLE",
        "SELECT ANY SEQUENCE",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class ShopOracle:
    """A database with one schema of an application (``OWNER``) and a migration user (``USER``)."""

    source: OracleSource

    @property
    def url(self) -> str:
        return self.source.url(USER)

    @property
    def engine(self) -> PgEngine:
        """The simulator's: a test that takes it is skipped on a real Oracle, so take it first."""
        return self.source.simulator.engine

    def database(self, migration: str) -> OracleDatabase:
        return self.source.database(USER, migration)

    def connect(self, user: str = OWNER) -> oracledb.Connection:
        return self.source.connect(user)

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
        self.source.execute(*statements, user=OWNER)

    def admin(self, *statements: str) -> None:
        self.source.administer(*statements)

    def ours(self, statement: str) -> list[tuple[Any, ...]]:
        """A query as the migration user."""
        connection = self.connect(USER)
        try:
            with connection.cursor() as cursor:
                return list(cursor.execute(statement).fetchall())
        finally:
            connection.close()

    def query(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self.session() as cursor:
            return list(cursor.execute(statement, list(parameters), fetch_decimals=True, fetch_lobs=False).fetchall())


@contextmanager
def shop_oracle(cluster: Cluster, profile: str = "19c") -> Iterator[ShopOracle]:
    """Made anew; see :func:`tests.oracle_source.oracle_source`."""
    with oracle_source(cluster, _USERS, profile=profile) as source:
        yield ShopOracle(source)


@contextmanager
def migrations(oracle: ShopOracle, target: Database, directory: Path) -> Iterator[Callable[[str], Migration]]:
    """Makes the migration ``shop``, given the rest of its configuration, anew for each process that a test plays."""
    made: list[Migration] = []

    def make(more: str) -> Migration:
        text = (
            f"name: shop\nexport_dir: {directory}/shop\nsource: {{url: '{oracle.url}', schemas: [{OWNER}]}}\n"
            f"target: {{url: '{target.configured}'}}\n"
        )
        made.append(Migration(parse_config(text + more)))
        return made[-1]

    try:
        yield make
    finally:
        for migration in made:
            if "state" in vars(migration):
                migration.state.close()
