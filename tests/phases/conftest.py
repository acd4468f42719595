"""A migration between two fresh databases, as the phases are given it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Database
from voyager_ops.config_file import parse_config
from voyager_ops.migration import Migration

MigrationFactory = Callable[..., Migration]


@pytest.fixture
def make_migration(tmp_path: Path, source_db: Database, target_db: Database) -> Iterator[MigrationFactory]:
    made: list[Migration] = []

    def make(more: str = "", source: str = "", target: str = "", name: str = "shop", schemas: str = "[public]") -> Migration:
        text = (
            f"name: {name}\nexport_dir: {tmp_path}/{name}\n"
            f"source: {{url: '{source or source_db.url}', schemas: {schemas}}}\n"
            f"target: {{url: '{target or target_db.configured}'}}\n"
        )
        migration = Migration(parse_config(text + more))
        made.append(migration)
        return migration

    yield make
    for migration in made:
        if "state" in vars(migration):
            migration.state.close()
