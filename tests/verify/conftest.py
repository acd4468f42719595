"""Two databases with the same tables in them, and the short way to verify them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.conftest import Database, create_database, drop_database
from voyager_ops.databases.postgres.catalog import read_tables
from voyager_ops.databases.postgres.database import PostgresDatabase
from voyager_ops.model.positions import Side
from voyager_ops.model.tables import NameMap, Table
from voyager_ops.testing.postgres import Cluster
from voyager_ops.verify.report import TableVerification, VerificationReport
from voyager_ops.verify.tables import verify_tables


@dataclass(frozen=True)
class Two:
    """A source and a target database."""

    source: Database
    target: Database
    names: NameMap = field(default_factory=NameMap)

    @property
    def source_side(self) -> PostgresDatabase:
        return PostgresDatabase.from_url(self.source.url, side=Side.SOURCE, migration="m")

    @property
    def target_side(self) -> PostgresDatabase:
        return PostgresDatabase.from_url(self.target.configured, side=Side.TARGET, migration="m")

    def both(self, statements: str) -> None:
        self.on_source(statements)
        self.on_target(statements)

    def on_source(self, statements: str) -> None:
        with self.source.connect() as connection:
            connection.execute(statements.encode())

    def on_target(self, statements: str) -> None:
        with self.target.connect() as connection:
            connection.execute(statements.encode())

    def tables(self, schema: str = "public") -> list[Table]:
        with self.source_side.connect("test") as connection:
            return read_tables(connection, [schema])

    def table(self, name: str, schema: str = "public") -> Table:
        return next(table for table in self.tables(schema) if table.name.name == name)

    def verify(self, schema: str = "public", **options: Any) -> VerificationReport:
        return verify_tables(self.source_side, self.target_side, self.tables(schema), self.names, **options)

    def verify_one(self, **options: Any) -> TableVerification:
        """The verification of the only table there is."""
        (table,) = self.verify(**options).tables
        return table


@pytest.fixture
def two(source_db: Database, target_db: Database) -> Two:
    return Two(source_db, target_db)


@pytest.fixture
def make_two() -> Iterator[Callable[[Cluster, Cluster], Two]]:
    """For clusters of other versions."""
    made: list[Database] = []

    def make(source: Cluster, target: Cluster) -> Two:
        made.extend((create_database(source), create_database(target)))
        return Two(made[-2], made[-1])

    yield make
    for database in made:
        drop_database(database)
