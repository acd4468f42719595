"""The phases in order with a simulated Oracle source: up to the cutover, verified, and the end that leaves nothing behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Database
from tests.oracle_kit import OWNER, SimulatedOracle, simulated_oracle
from tests.phases.test_whole import NO_BACKUP, streaming, wait
from voyager_ops.config import parse_config
from voyager_ops.errors import PreconditionError, VerificationFailed
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Lane, Side
from voyager_ops.phases import (
    cutover,
    dry_run,
    end_migration,
    export_data,
    export_schema,
    import_schema,
    preflight,
    report,
    status,
    verify,
)
from voyager_ops.testing.postgres import Cluster

SCHEMA = (
    "CREATE TABLE PARENT (ID NUMBER(10) PRIMARY KEY, EMAIL VARCHAR2(60) UNIQUE, BORN DATE, SEEN TIMESTAMP(6))",
    "CREATE TABLE CHILD (PARENT_ID NUMBER(10) NOT NULL REFERENCES PARENT, NR NUMBER(6) NOT NULL, NOTE VARCHAR2(200),"
    " AMOUNT NUMBER(12,2), PRIMARY KEY (PARENT_ID, NR))",
    "CREATE TABLE WORDED (WORD VARCHAR2(40) PRIMARY KEY, N NUMBER)",
    "CREATE TABLE PLAIN (A NUMBER(6), B VARCHAR2(40))",
    "CREATE TABLE DOCS (ID NUMBER(10) PRIMARY KEY, BODY CLOB, DATA BLOB)",
    "CREATE SEQUENCE TICKET START WITH 100 CACHE 20",
)
CONFIG = "changes: {heartbeat: 300ms}\ncutover: {deadline: 60s, prepare_for_fall_back: false}\nsnapshot: {chunk_size: 64KB}\n"


@pytest.fixture
def oracle(source_cluster: Cluster) -> Iterator[SimulatedOracle]:
    with simulated_oracle(source_cluster) as made:
        made.run(*SCHEMA)
        fill(made)
        yield made


def fill(oracle: SimulatedOracle) -> None:
    with oracle.session() as cursor:
        cursor.executemany(
            "INSERT INTO PARENT (ID, EMAIL, BORN, SEEN) VALUES (:1, :2, TO_DATE(:3, 'YYYY-MM-DD HH24:MI:SS'),"
            " TO_TIMESTAMP(:4, 'YYYY-MM-DD HH24:MI:SS.FF6'))",
            [(i, f"p{i}@é.example", "1970-01-02 03:04:05", f"2020-02-29 10:00:00.{i:06d}") for i in range(1, 201)],
        )
        cursor.executemany("INSERT INTO CHILD VALUES (:1, :2, :3, :4)", [(1 + i % 200, i, f"note {i}", i) for i in range(600)])
        cursor.executemany("INSERT INTO WORDED VALUES (:1, :2)", [(f"word {i}", i) for i in range(100)])
        cursor.executemany("INSERT INTO PLAIN VALUES (:1, :2)", [(i % 7, "same" if i % 3 else None) for i in range(300)])
        cursor.executemany(
            "INSERT INTO DOCS VALUES (:1, :2, :3)", [(i, f"body {i}\n\t\\ " * i, b"\x00\xff" * i) for i in range(1, 21)]
        )


@pytest.fixture
def make(oracle: SimulatedOracle, target_db: Database, tmp_path: Path) -> Iterator[Callable[..., Migration]]:
    made: list[Migration] = []

    def build(more: str = CONFIG) -> Migration:
        text = (
            f"name: shop\nexport_dir: {tmp_path}/shop\nsource: {{url: '{oracle.url}', schemas: [{OWNER}]}}\n"
            f"target: {{url: '{target_db.url}'}}\n"
        )
        migration = Migration(parse_config(text + more))
        made.append(migration)
        return migration

    yield build
    for migration in made:
        if "state" in vars(migration):
            migration.state.close()


class Writer(threading.Thread):
    """Writes to the source until told to stop; small transactions, some of them rolled back."""

    def __init__(self, oracle: SimulatedOracle) -> None:
        super().__init__(name="writer")
        self._oracle = oracle
        self._over = threading.Event()
        self.problem: Exception | None = None
        self.rounds = 0

    def run(self) -> None:
        try:
            connection = self._oracle.connect()
            with connection.cursor() as cursor:
                while not self._over.wait(0.01):
                    self._round(cursor, self.rounds)
                    connection.rollback() if self.rounds % 5 == 4 else connection.commit()
                    self.rounds += 1
            connection.close()
        except Exception as error:  # noqa: BLE001 - raised by stop()
            self.problem = error

    def _round(self, cursor: Any, i: int) -> None:
        new = 1000 + i
        cursor.execute("INSERT INTO PARENT (ID, EMAIL) VALUES (:1, :2)", [new, f"new {new}"])
        cursor.execute("INSERT INTO CHILD VALUES (:1, 1, 'x', 1.5)", [new])
        cursor.execute("UPDATE PARENT SET EMAIL = :1 WHERE ID = :2", [f"again {i}", 1 + i % 200])
        cursor.execute("DELETE FROM CHILD WHERE NR = :1", [i % 600])
        cursor.execute("UPDATE WORDED SET WORD = :1 WHERE WORD = :2", [f"moved {i}", f"word {i}"])
        cursor.execute("INSERT INTO PLAIN VALUES (:1, 'written')", [i % 3])
        cursor.execute("DELETE FROM PLAIN WHERE A = 6 AND ROWNUM = 1")
        cursor.execute("UPDATE DOCS SET BODY = :1 WHERE ID = :2", [f"changed {i}", 1 + i % 20])

    def stop(self) -> None:
        self._over.set()
        self.join(30)
        if self.problem is not None:
            raise self.problem


def test_a_whole_migration_under_writes(oracle: SimulatedOracle, make: Callable[..., Migration], target_db: Database) -> None:
    migration = make()
    assert preflight.run(migration).errors == 0
    export_schema.run(migration)
    import_schema.run(migration, "base")
    export_data.prepare(migration)
    writer = Writer(oracle)
    writer.start()
    try:
        with streaming(make) as streams:
            streams.start(Lane.FORWARD)
            wait("the seam", lambda: status.seam_passed(make()))
            import_schema.run(migration, "post")
            rounds = writer.rounds
            wait("writes", lambda: writer.rounds > rounds + 20)
            found = verify.run(migration)
            assert found.equal
            writer.stop()
            assert writer.rounds > 20
            wait("a caught up stream", lambda: status.lag(migration).events == 0)
            done = cutover.run(migration, Side.TARGET, by="test")
            assert done.status == "COMPLETED"
            assert not any(isinstance(result, Exception) for result in streams.results.values()), streams.results
    finally:
        writer.stop()
    assert verify.run(migration).equal
    lines = {line["table"]: line for line in report.run(migration, exact=True).tables}
    assert set(lines) == {"shop.parent", "shop.child", "shop.worded", "shop.plain", "shop.docs"}
    with target_db.connect() as connection:
        highest = oracle.query("SELECT MAX(ID) FROM PARENT")[0][0]
        assert connection.execute("INSERT INTO shop.parent (email) VALUES ('after') RETURNING id").fetchone()[0] > highest  # type: ignore[index]
        assert connection.execute("SELECT nextval('shop.ticket')").fetchone()[0] >= 100  # type: ignore[index]
    end_migration.run(migration, **NO_BACKUP)
    assert not oracle.query("SELECT TABLE_NAME FROM ALL_TABLES WHERE TABLE_NAME LIKE 'VOYAGER%'")
    assert not oracle.query("SELECT TABLE_NAME FROM ALL_LOG_GROUPS WHERE OWNER = :1", [OWNER])


def test_what_cannot_be_is_refused_before_anything(make: Callable[..., Migration]) -> None:
    migration = make("cutover: {quiesce: enforce}\n")
    with pytest.raises(PreconditionError, match=r"prepare_for_fall_back(.|\n)*quiesce: manual"):
        preflight.run(migration)
    with pytest.raises(PreconditionError, match="no fall-back to an Oracle source"):
        export_data.prepare(migration, Lane.FALLBACK)
    with pytest.raises(PreconditionError, match="no fall-back to an Oracle source"):
        cutover.run(migration, Side.TARGET, prepare_for_fall_back=True)


def test_a_dry_run_touches_nothing(oracle: SimulatedOracle, make: Callable[..., Migration]) -> None:
    migration = make()
    before = oracle.query("SELECT OWNER, OBJECT_NAME FROM ALL_OBJECTS ORDER BY 1, 2")
    found = dry_run.run(migration)
    assert found.errors == 0
    assert found.estimates["tables"] == 5
    assert oracle.query("SELECT OWNER, OBJECT_NAME FROM ALL_OBJECTS ORDER BY 1, 2") == before


def test_a_row_that_differs_is_found(oracle: SimulatedOracle, make: Callable[..., Migration], target_db: Database) -> None:
    migration = make()
    export_schema.run(migration)
    import_schema.run(migration, "base")
    export_data.prepare(migration)
    with streaming(make) as streams:
        streams.start(Lane.FORWARD)
        wait("the seam", lambda: status.seam_passed(make()))
        assert verify.run(migration).equal
        with target_db.connect() as connection:
            connection.execute(
                "UPDATE shop.child SET note = 'other' WHERE nr = 17; DELETE FROM shop.worded WHERE word = 'word 5'"
            )
            connection.execute(
                "INSERT INTO shop.plain VALUES (99, 'extra'); UPDATE shop.docs SET body = body || '!' WHERE id = 3"
            )
        with pytest.raises(VerificationFailed, match="4 rows differ"):
            verify.run(migration)
