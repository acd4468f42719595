"""From which SCN a lane captures, so that no transaction is missed, and from which one redo must be read for that."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import oracledb

from voyager_ops.databases.oracle.logminer.session import read_incarnation, read_threads

_UNKNOWN: Final = 1
"""START_SCN of a transaction that has only just begun, 0 or 1: not known yet."""
_PATIENCE: Final = 10.0


@dataclass(frozen=True)
class Start:
    """``scn``: everything that commits after it is captured. ``low``: all of that begins after this one."""

    scn: int
    low: int
    dbid: int
    resetlogs: int
    waited_for: str
    """The transaction that ``low`` goes back to, in words; '' when there is none."""


def find_start(connection: oracledb.Connection, say: Callable[[str], None]) -> Start:
    """The current SCN, and how far the transactions go back that are open at it.

    The two cannot be asked for in one consistent look (V$ views are not read consistently), so an SCN is taken before the open
    transactions are listed and another one afterwards. What is open at the second was listed, or began after the first.
    """
    deadline = time.monotonic() + _PATIENCE
    with connection.cursor() as cursor:
        several = sum(thread.open for thread in read_threads(cursor).values()) > 1
        view = "GV$TRANSACTION" if several else "V$TRANSACTION"
        while True:
            before = read_incarnation(cursor)
            rows = cursor.execute(f"SELECT XIDUSN, XIDSLOT, XIDSQN, START_SCN FROM {view}").fetchall()  # noqa: S608 -- of two names
            unknown = [row for row in rows if int(row[3] or 0) <= _UNKNOWN]
            if not unknown or time.monotonic() >= deadline:
                break
            time.sleep(0.1)
        after = read_incarnation(cursor)
    for usn, slot, sequence, _ in unknown:
        say(f"transaction {usn}.{slot}.{sequence} does not tell when it began; it is taken to hold no changes of before now")
    known = sorted((int(row[3]), f"{row[0]}.{row[1]}.{row[2]}") for row in rows if int(row[3] or 0) > _UNKNOWN)
    low, words = before.scn, ""
    if known and known[0][0] < low:
        low, words = known[0][0], f"transaction {known[0][1]}, open since SCN {known[0][0]}"
    return Start(after.scn, low - 1, after.dbid, after.resetlogs, words)
