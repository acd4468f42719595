"""The application of the twin: keeps writing to the Oracle schema, and goes on at the PostgreSQL one after the cutover."""

from __future__ import annotations

from collections.abc import Mapping

import oracledb
import psycopg

from voyager_ops.testing.twin.actions import WEIGHTS, Action
from voyager_ops.testing.twin.sessions import Session, open_session
from voyager_ops.testing.workload import Workload
from voyager_ops.testing.writers import LedgerTorn, Writers

LOST = "lost"
"""Counted for a connection that was refused or broke."""
ORACLE_EXPECTED = frozenset({LOST, "ORA-00028", "ORA-00060", "ORA-00054", "ORA-01012", "ORA-01013", "ORA-08177"})
_BROKEN = ("DPY-4011", "DPY-6005", "DPY-1001", "DPY-6000")


class TwinWorkload(Writers[Session]):
    """Writes to the twin schema at ``url`` (``oracle://`` or ``postgresql://``), in SQL that both understand."""

    failures = (oracledb.Error, psycopg.Error)
    expected = Workload.expected | ORACLE_EXPECTED

    def __init__(
        self,
        url: str,
        seed: int = 0,
        threads: int = 2,
        rate: float | None = None,
        weights: Mapping[Action, int] | None = None,
    ) -> None:
        super().__init__(url, {**WEIGHTS, **(weights or {})}, seed, threads, rate)

    def connect(self, url: str) -> Session:
        return open_session(url)

    def usable(self, connection: Session) -> bool:
        return connection.usable()

    def close(self, connection: Session) -> None:
        connection.close()

    def cancel(self, connection: Session) -> None:
        connection.cancel()

    def code(self, error: Exception) -> str:
        if isinstance(error, psycopg.Error):
            return error.sqlstate or LOST
        code = getattr(error.args[0], "full_code", "") if error.args else ""
        return LOST if not code or code in _BROKEN else str(code)

    def run(self, connection: Session, statement: str) -> None:
        connection.execute(statement)

    def commit(self, connection: Session) -> None:
        connection.commit()

    def rollback(self, connection: Session) -> None:
        connection.rollback()


def check_twin_ledger(url: str) -> None:
    """Raise LedgerTorn unless the ledger at ``url`` adds up in one statement: no transfer is visible in part."""
    session = open_session(url)
    try:
        row = session.row(
            "SELECT SUM(A.BALANCE) - SUM(A.OPENING), COUNT(*), SUM(CASE WHEN A.BALANCE <> A.OPENING + COALESCE(C.GOT, 0)"
            " - COALESCE(D.GAVE, 0) THEN 1 ELSE 0 END) FROM ACCOUNTS A"
            " LEFT JOIN (SELECT CREDIT, SUM(AMOUNT) AS GOT FROM JOURNAL GROUP BY CREDIT) C ON C.CREDIT = A.ACCOUNT_NO"
            " LEFT JOIN (SELECT DEBIT, SUM(AMOUNT) AS GAVE FROM JOURNAL GROUP BY DEBIT) D ON D.DEBIT = A.ACCOUNT_NO"
        )
    finally:
        session.close()
    assert row is not None
    surplus, accounts, wrong = row
    if surplus or wrong or not accounts:
        raise LedgerTorn(
            f"the twin's ledger does not add up: {wrong} of {accounts} accounts disagree with the journal, all balances together"
            f" are off by {surplus}",
            state="transactions were lost, doubled or applied in part",
            next_step="keep both databases and the change log as they are and compare accounts and journal",
        )
