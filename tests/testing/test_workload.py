"""The workload does what it says, survives what a cutover does to it, and tells a defect from a cutover."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.conftest import Database
from voyager_ops.errors import VoyagerOpsError
from voyager_ops.testing.actions import WEIGHTS, Action, transfer
from voyager_ops.testing.postgres import Cluster
from voyager_ops.testing.sample import load_sample
from voyager_ops.testing.workload import Counts, LedgerTorn, Workload, check_ledger

ONLY_TRANSFERS = {action: int(action is transfer) for action in WEIGHTS}


@pytest.fixture
def shop(source_db: Database) -> Database:
    load_sample(source_db.url, 0.01)
    return source_db


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


def scalar(database: Database, statement: str) -> Any:
    with database.connect() as connection:
        row = connection.execute(statement.encode()).fetchone()
        assert row is not None
        return row[0]


def progress(workload: Workload, transactions: int = 20) -> None:
    """Wait for that many more commits."""
    goal = workload.counts().transactions + transactions
    until(lambda: workload.counts().transactions >= goal)


def test_every_action_changes_rows(shop: Database) -> None:
    idle: dict[Action, int] = dict.fromkeys(WEIGHTS, 0)
    rng = random.Random(7)
    with shop.connect() as connection:
        for action in [*WEIGHTS, *WEIGHTS]:  # some need what others leave behind
            for _ in range(40):
                with connection.transaction():
                    idle[action] += action(connection, rng)
    assert [action.__name__ for action, changed in idle.items() if not changed] == []
    check_ledger(shop.url)


def test_mixed_load_is_clean_and_counted(shop: Database) -> None:
    before = scalar(shop, "SELECT count(*) FROM journal")
    with Workload(shop.url, seed=3, threads=3) as workload:
        progress(workload, 300)
        check_ledger(shop.url)
    counts = workload.counts()
    assert counts.unexpected == {}
    assert counts.changes > counts.transactions
    assert counts.rolled_back > 0
    assert scalar(shop, "SELECT count(*) FROM journal") == before + counts.actions["transfer"]


def test_rate_is_kept(shop: Database) -> None:
    with Workload(shop.url, threads=2, rate=40, weights=ONLY_TRANSFERS) as workload:
        time.sleep(2)
    counts = workload.counts()
    assert 40 <= counts.transactions + counts.rolled_back <= 100


def test_same_seed_same_actions(shop: Database, target_db: Database) -> None:
    load_sample(target_db.url, 0.01)
    orders = []
    for database in (shop, target_db):
        with Workload(database.url, seed=4, threads=1, weights=ONLY_TRANSFERS) as workload:
            progress(workload, 30)
        with database.connect() as connection:
            rows = connection.execute("SELECT debit, credit, amount FROM journal WHERE id > 100 ORDER BY id LIMIT 30")
            orders.append(rows.fetchall())
    assert len(orders[0]) == 30
    assert orders[0] == orders[1]


def test_retarget_leaves_nothing_behind(shop: Database, target_db: Database) -> None:
    load_sample(target_db.url, 0.01)
    with Workload(shop.url, threads=3, weights=ONLY_TRANSFERS) as workload:
        progress(workload)
        workload.retarget(target_db.url)
        at_source = scalar(shop, "SELECT count(*) FROM journal")
        progress(workload)
        assert scalar(shop, "SELECT count(*) FROM journal") == at_source
        workload.pause()
        at_target = scalar(target_db, "SELECT count(*) FROM journal")
        time.sleep(0.3)
        assert scalar(target_db, "SELECT count(*) FROM journal") == at_target
        workload.resume()
        progress(workload)
    committed = workload.counts().transactions
    initial = 2 * 100
    assert scalar(shop, "SELECT count(*) FROM journal") + scalar(target_db, "SELECT count(*) FROM journal") > initial
    assert committed > 0
    for database in (shop, target_db):
        check_ledger(database.url)
    assert workload.counts().unexpected == {}


def test_survives_read_only_and_terminated_sessions(shop: Database) -> None:
    name = sql.Identifier(shop.name)
    cut_off = b"""SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                  WHERE application_name = 'voyager-ops-workload' AND datname = current_database()"""
    with Workload(shop.url, threads=2) as workload, shop.connect() as connection:
        progress(workload)
        connection.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
        connection.execute(cut_off)
        until(lambda: "25006" in workload.counts().errors)
        quiet = workload.counts().changes
        time.sleep(0.3)
        # Transactions that change nothing still commit.
        assert workload.counts().changes == quiet
        connection.execute(sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(name))
        connection.execute(cut_off)
        progress(workload)
    counts = workload.counts()
    assert counts.unexpected == {}
    assert {"25006", "57P01"} <= counts.errors.keys()
    check_ledger(shop.url)


def test_survives_a_crash_of_the_server() -> None:
    with Cluster("workload") as cluster:
        load_sample(cluster.dsn(), 0.01)
        with Workload(cluster.dsn(), threads=2) as workload:
            progress(workload)
            cluster.stop("immediate")
            until(lambda: workload.counts().errors.get("08006", 0) > 2)
            cluster.start()
            progress(workload)
        assert workload.counts().unexpected == {}
        check_ledger(cluster.dsn())


def test_a_sequence_that_went_backwards_is_unexpected(shop: Database) -> None:
    with shop.connect() as connection:
        connection.execute("SELECT setval('invoice_numbers', 100000, false)")
    with Workload(shop.url, threads=1) as workload:
        until(lambda: "23505" in workload.counts().errors)
    assert list(workload.counts().unexpected) == ["23505"]


def test_pause_cancels_what_does_not_end(shop: Database) -> None:
    with shop.connect() as blocker, Workload(shop.url, threads=1, weights=ONLY_TRANSFERS) as workload:
        progress(workload, 3)
        blocker.execute("BEGIN; LOCK accounts")
        until(lambda: scalar(shop, "SELECT count(*) FROM pg_locks WHERE NOT granted"))
        began = time.monotonic()
        workload.pause(timeout=0.5)
        assert time.monotonic() - began < 5
        assert workload.counts().errors == {"57014": 1}


def test_a_thread_that_dies_is_told(shop: Database) -> None:
    def broken(_connection: object, _rng: object) -> int:
        raise LookupError("broken action")

    workload = Workload(shop.url, threads=1, weights={**dict.fromkeys(WEIGHTS, 0), broken: 1})
    workload.start()
    time.sleep(0.2)
    with pytest.raises(LookupError, match="broken action"):
        workload.stop()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE accounts SET balance = balance + 1 WHERE account_no = 1",
        "DELETE FROM journal WHERE id = 5",
        "UPDATE accounts SET balance = balance + CASE account_no WHEN 1 THEN 5 ELSE -5 END WHERE account_no IN (1, 2)",
        "INSERT INTO journal (debit, credit, amount) VALUES (1, 2, 1)",
        "TRUNCATE accounts, journal",
    ],
)
def test_ledger_shows_damage(shop: Database, damage: str) -> None:
    check_ledger(shop.url)
    with shop.connect() as connection:
        connection.execute(damage.encode())
    with pytest.raises(LedgerTorn, match="does not add up") as caught:
        check_ledger(shop.url)
    assert isinstance(caught.value, VoyagerOpsError)
    assert shop.cluster.dsn().split(":")[2].split("@")[0] not in str(caught.value)


def run_program(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "voyager_ops.testing.workload", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_as_a_program(shop: Database) -> None:
    result = run_program("--url-env", "SHOP_URL", "--seconds", "1", "--seed", "5", "--only-transfers", SHOP_URL=shop.url)
    assert result.returncode == 0, result.stderr
    counts = Counts(**json.loads(result.stdout))
    assert counts.transactions > 0
    assert set(counts.actions) == {"transfer"}
    check_ledger(shop.url)


def test_as_a_program_without_its_variable() -> None:
    result = run_program("--url-env", "NOT_SET_ANYWHERE")
    assert result.returncode == 2
    assert "NOT_SET_ANYWHERE is not set" in result.stderr


def test_wrong_password_is_an_error_not_an_end(shop: Database) -> None:
    with Workload(shop.cluster.dsn(shop.name, password="wrong"), threads=1) as workload:
        until(lambda: workload.counts().errors)
        workload.retarget(shop.url)
        progress(workload, 3)
    with psycopg.connect(shop.url) as connection:
        assert connection.execute("SELECT count(*) > 0 FROM journal").fetchone() == (True,)
