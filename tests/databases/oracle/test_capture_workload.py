"""A random workload in several sessions while capture is stopped, started and cut off: it must make the same tables."""

from __future__ import annotations

import contextlib
import random
import time
from pathlib import Path
from typing import Any

import oracledb
import pytest

from tests.conftest import Database
from tests.databases.oracle.capture_kit import (
    Capture,
    Oracle,
    actual,
    actual_bag,
    context_of,
    replayed,
    replayed_bag,
    transactions,
    wait_for_marker,
    wait_until_streaming,
)
from voyager_ops.lane.context import LaneContext
from voyager_ops.testing.oracle.redo import RedoSettings

TABLES = (
    "CREATE TABLE T (ID NUMBER(10) PRIMARY KEY, NAME VARCHAR2(50), NATIONAL NVARCHAR2(50), CODE CHAR(5), AMOUNT NUMBER, PRICE"
    " NUMBER(12,2), AT DATE, MOMENT TIMESTAMP(9), ZONED TIMESTAMP(6) WITH TIME ZONE, DATA RAW(20), RATIO BINARY_DOUBLE)",
    "CREATE TABLE D (A NUMBER(10), B VARCHAR2(10), NAME VARCHAR2(20), BODY CLOB, PICTURE BLOB, PRIMARY KEY (A, B))",
    "CREATE TABLE BAG (N NUMBER(5), WORD VARCHAR2(20))",
)
TEXTS = ("it's", "a, b", "', '", " and ", "Käse", "Ω𝄞", "(", "x || y", "null", "NULL", "line\nbreak", "\\", '"Q"')


class Writer:
    """One session's random statements. Several write to disjoint keys, so that none waits for another's lock."""

    def __init__(self, oracle: Oracle, number: int, chance: random.Random) -> None:
        self.oracle, self.name, self.number, self.chance = oracle, f"w{number}", number, chance
        self.saved = False

    def _key(self) -> int:
        return self.chance.randrange(8) * 10 + self.number

    def step(self) -> None:
        kind = self.chance.choices(("t", "d", "bag", "savepoint", "rollback to", "commit", "rollback"), (6, 4, 3, 1, 1, 4, 1))[0]
        if kind in ("commit", "rollback"):
            getattr(self.oracle, kind)(self.name)
            self.saved = False
        elif kind == "savepoint":
            self._run("SAVEPOINT S")
            self.saved = True
        elif kind == "rollback to":
            if self.saved:
                self._run("ROLLBACK TO S")
        else:
            getattr(self, f"_{kind}")()

    def _run(self, statement: str, *binds: Any) -> None:
        with contextlib.suppress(oracledb.IntegrityError):  # a key that is there already: the statement alone is undone
            self.oracle.execute(statement, binds, session=self.name)

    def _text(self) -> str | None:
        return self.chance.choice((*TEXTS, None))

    def _t(self) -> None:
        kind = self.chance.randrange(4)
        if kind == 0:
            choices: tuple[tuple[Any, ...], ...] = (
                ("ab", None),
                (0, -5, 1234567890123, None),
                (1.5, -0.25, None),
                ("2024-02-29 23:59:59", None),
                ("2024-01-01 00:00:00.123456789", None),
                ("2024-01-01 00:00:00.5 +05:30", None),
                (b"\0\xff", None),
                (1.25, -3e100, None),
            )
            self._run(
                "INSERT INTO T (ID, NAME, NATIONAL, CODE, AMOUNT, PRICE, AT, MOMENT, ZONED, DATA, RATIO)"
                " VALUES (:1, :2, :3, :4, :5, :6, TO_DATE(:7, 'YYYY-MM-DD HH24:MI:SS'),"
                " TO_TIMESTAMP(:8, 'YYYY-MM-DD HH24:MI:SS.FF9'), TO_TIMESTAMP_TZ(:9, 'YYYY-MM-DD HH24:MI:SS.FF6 TZH:TZM'),"
                " :10, :11)",
                self._key(),
                self._text(),
                self._text(),
                *(self.chance.choice(each) for each in choices),
            )
        elif kind == 1:
            self._run("UPDATE T SET NAME = :1, PRICE = PRICE + 1 WHERE ID = :2", self._text(), self._key())
        elif kind == 2:
            self._run("UPDATE T SET ID = :1 WHERE ID = :2", self._key(), self._key())
        else:
            self._run("DELETE FROM T WHERE ID = :1", self._key())

    def _d(self) -> None:
        key, part = self._key(), self.chance.choice("xy")
        body = self.chance.choice(("short", "ä" * 5000, "z" * 300, None))
        kind = self.chance.randrange(5)
        if kind == 0:
            self._run("INSERT INTO D (A, B, NAME, BODY, PICTURE) VALUES (:1, :2, :3, :4, :5)", key, part, "n", body, b"p" * 5000)
        elif kind == 1:
            self._run("UPDATE D SET BODY = :1 WHERE A = :2 AND B = :3", body, key, part)
        elif kind == 2:
            self._run("UPDATE D SET NAME = :1, PICTURE = :2 WHERE A = :3", self.chance.choice(("m", "o")), b"\1\2", key)
        elif kind == 3:
            self._run("UPDATE D SET B = :1, NAME = 'moved' WHERE A = :2 AND B = :3", self.chance.choice("xyz"), key, part)
        else:
            self._run("DELETE FROM D WHERE A = :1", key)

    def _bag(self) -> None:
        kind = self.chance.randrange(3)
        number = self._key()
        if kind == 0:
            self._run("INSERT INTO BAG VALUES (:1, :2)", number, self._text())
        elif kind == 1:
            self._run("UPDATE BAG SET WORD = :1 WHERE N = :2", self._text(), number)
        else:
            self._run("DELETE FROM BAG WHERE N = :1", number)


@pytest.mark.parametrize(
    ("oracle", "seed"),
    [
        (None, 1),
        (RedoSettings(threads=2, log_bytes=30_000, lazy_flush=True, unresolved_xids=True, snapshots=200), 2),
        (RedoSettings(log_bytes=15_000, groups=2, lazy_flush=True, unresolved_xids=True), 3),
    ],
    indirect=["oracle"],
    ids=["plain", "two threads, small logs, unresolved ids", "tiny logs"],
)
def test_what_is_captured_makes_the_same_tables(oracle: Oracle, target_db: Database, tmp_path: Path, seed: int) -> None:
    oracle.many(*TABLES)
    context = context_of(oracle, target_db, tmp_path)
    chance = random.Random(seed)
    writers = [Writer(oracle, number, chance) for number in range(3)]
    running = _begin(context)
    try:
        for step in range(1200):
            chance.choice(writers).step()
            if step % 157 == 156:
                oracle.switch_logs()
            if step % 300 == 199:
                running.stop()
                assert running.error is None
                running = _begin(context)
            if step % 300 == 60 and oracle.simulated:
                oracle.redo.faults.fail("V$LOGMNR_CONTENTS", 3113, "end-of-file on communication channel")
            if step % 20 == 0:
                time.sleep(0.05)
        for writer in writers:
            oracle.commit(writer.name)
        wait_for_marker(context, running)
    finally:
        running.stop()
    if running.error is not None:
        raise running.error
    positions = [position for position, _, _ in transactions(context)]
    assert positions == sorted(set(positions))
    assert len(positions) > 50, len(positions)
    assert min(len(replayed(context, "t")), len(replayed(context, "d")), len(replayed_bag(context, "bag"))) > 3
    assert replayed(context, "t") == actual(context, "t")
    assert replayed(context, "d") == actual(context, "d")
    assert replayed_bag(context, "bag") == actual_bag(context, "bag")


def _begin(context: LaneContext) -> Capture:
    running = Capture(context)
    running.start()
    wait_until_streaming(context, running)
    return running
