"""What a write costs the application with and without capture by triggers: ``python -m benchmarks.micro_triggers [rows]``.

On a simulated Oracle, whose triggers, sequence and storage are PostgreSQL's, it says little about a real one; where
``VOYAGER_OPS_TEST_ORACLE_DSN`` and ``…_SYSDBA_DSN`` name that, it is measured there. Wall clock, the best of some rounds.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import oracledb

from tests.oracle_source import oracle_source
from voyager_ops.config import ChangesConfig
from voyager_ops.databases.engines import engine_of
from voyager_ops.databases.oracle import trigger_capture
from voyager_ops.databases.postgres.database import PostgresDatabase
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import Lane, Side
from voyager_ops.model.results import silent
from voyager_ops.model.tables import NameMap
from voyager_ops.state.store import State
from voyager_ops.testing.oracle.simulator import PRIVILEGES
from voyager_ops.testing.postgres import Cluster

ROUNDS = 4
TABLE = "CREATE TABLE T (ID NUMBER(10) PRIMARY KEY, {})".format(
    ", ".join(f"C{number} {kind}" for number, kind in enumerate(["VARCHAR2(40)", "NUMBER(12,2)", "DATE", "TIMESTAMP(6)"] * 3))
)


def writes(connection: oracledb.Connection, rows: int) -> dict[str, Callable[[], None]]:
    """One row a statement, and many rows a statement; each commits once."""

    def one_by_one(statement: str) -> Callable[[], None]:
        def run() -> None:
            with connection.cursor() as cursor:
                for number in range(rows):
                    cursor.execute(statement, [number])
            connection.commit()

        return run

    def at_once(statement: str) -> Callable[[], None]:
        def run() -> None:
            with connection.cursor() as cursor:
                cursor.execute(statement)
            connection.commit()

        return run

    return {
        "insert, row by row": one_by_one("INSERT INTO T (ID, C0, C1, C2) VALUES (:1, 'some text of a row', 12.5, SYSDATE)"),
        "update, row by row": one_by_one("UPDATE T SET C1 = C1 + 1 WHERE ID = :1"),
        "update, one statement": at_once("UPDATE T SET C1 = C1 + 1"),
        "delete, one statement": at_once("DELETE FROM T"),
    }


def measure(connection: oracledb.Connection, rows: int, best: dict[str, float]) -> None:
    """Rows a second, where they are better than ``best``."""
    for name, run in writes(connection, rows).items():
        start = time.perf_counter()
        run()
        best[name] = max(best.get(name, 0.0), rows / (time.perf_counter() - start))


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with (
        tempfile.TemporaryDirectory() as directory,
        Cluster("cost") as cluster,
        oracle_source(cluster, {"HR": PRIVILEGES, "MIG": (*PRIVILEGES, "DBA")}) as source,
    ):
        connection = source.connect("HR")
        with connection.cursor() as cursor:
            cursor.execute(TABLE)
        database = source.database("MIG", "cost")
        target = PostgresDatabase.from_url(cluster.dsn(), side=Side.TARGET, migration="cost")
        state = State.open("cost", directory=Path(directory))
        tables = tuple(engine_of(database).read_tables(database, ("hr",)))
        config = ChangesConfig(capture="triggers")
        context = LaneContext("cost", Lane.FORWARD, database, target, tables, NameMap(), state, Path(directory), config)
        trigger_capture.prepare(context)  # nobody reads what the trigger writes
        without: dict[str, float] = {}
        beside: dict[str, float] = {}
        try:
            for _ in range(ROUNDS):  # in turn: the machine does not stay as fast as it is
                for action, best in (("DISABLE", without), ("ENABLE", beside)):
                    source.execute(f"ALTER TRIGGER VOYAGER_OPS_T{tables[0].oid} {action}", user="MIG")
                    measure(connection, rows, best)
        finally:
            engine_of(database).teardown(context, silent)
            state.close()
        print(f"{'simulated' if source.simulated else 'real'} Oracle, {rows} rows of 13 columns, rows per second")
        for name, rate in without.items():
            print(f"{name}: {rate:,.0f} without, {beside[name]:,.0f} with triggers ({rate / beside[name]:.1f} times as long)")


if __name__ == "__main__":
    main()
