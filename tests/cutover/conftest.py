"""A shop under migration for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Database
from tests.cutover.kit import MakeShop, Shop


@pytest.fixture
def make_shop(source_db: Database, target_db: Database, tmp_path: Path) -> Iterator[MakeShop]:
    shops: list[Shop] = []

    def make(**cutover: Any) -> Shop:
        shops.append(Shop(source_db, target_db, tmp_path, **cutover))
        return shops[-1]

    yield make
    for shop in shops:
        shop.close()
