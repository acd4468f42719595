"""Whole cutovers on real databases, with both lanes running and users who write."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import Database
from tests.cutover.kit import Shop, Users, make_driver, until
from tests.databases.postgres.guard_kit import picture
from voyager_ops.model.positions import Lane, Side
from voyager_ops.state import cutovers

MakeShop = Callable[..., Shop]


@pytest.fixture
def make_shop(source_db: Database, target_db: Database, tmp_path: Path) -> Iterator[MakeShop]:
    shops: list[Shop] = []

    def make(**cutover: Any) -> Shop:
        shops.append(Shop(source_db, target_db, tmp_path, **cutover))
        return shops[-1]

    yield make
    for shop in shops:
        shop.close()


def test_to_the_target_and_back(make_shop: MakeShop, source_db: Database, target_db: Database) -> None:
    shop = make_shop()
    with source_db.connect() as connection:
        before = picture(connection)
    shop.request(Side.TARGET)
    assert cutovers.public_status(shop.state, Side.TARGET) == "INITIATED"
    with Users(source_db) as users:
        forecast = {item.name: item for item in make_driver(shop.migration, Side.TARGET, shop.said).dry_run()}
        outcome = shop.drive(Side.TARGET)
        refused = users.refused
        time.sleep(0.3)
        assert users.refused > refused, "the source takes no more writes"
    assert cutovers.public_status(shop.state, Side.TARGET) == "COMPLETED"
    assert outcome.status == "completed"
    assert outcome.late_writes == {}
    assert outcome.write_stop_seconds is not None
    assert 0 < outcome.write_stop_seconds < 15
    assert shop.rows(Side.SOURCE) == shop.rows(Side.TARGET)
    with Users(target_db) as users:
        until(lambda: users.committed > 20)
    shop.flows(Lane.FALLBACK)
    shop.request(Side.SOURCE)
    with Users(target_db):
        back = shop.drive(Side.SOURCE)
    assert back.status == "completed"
    assert shop.rows(Side.SOURCE) == shop.rows(Side.TARGET)
    with source_db.connect() as connection:
        assert [row for row in picture(connection) if row[1] in ("orders", "audit", "customer")] == [
            row for row in before if row[1] in ("orders", "audit", "customer")
        ]
    with Users(source_db) as users:
        until(lambda: users.committed > 5)
    with target_db.connect() as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.execute("INSERT INTO customer (name) VALUES ('late')")
    assert forecast["quiesce"].plan
