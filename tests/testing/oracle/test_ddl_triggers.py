"""Triggers of the kind that runs: what they write belongs to the transaction and to the redo, and follows the trigger's state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import oracledb
import pytest

from voyager_ops.testing.oracle.simulator import PRIVILEGES, Simulator
from voyager_ops.testing.postgres import Cluster

BODY = (
    "BEGIN IF DELETING THEN INSERT INTO CH (SEQ, OP, K_1) VALUES (S.NEXTVAL, 'D', :OLD.ID);"
    " ELSIF INSERTING OR UPDATING THEN"
    ' INSERT INTO HR.CH (SEQ, OP, K_1, "C_1") VALUES (HR.S.NEXTVAL, \'P\', :OLD.ID, :NEW."ID");'
    " ELSE NULL; END IF; END CHANGES;"
)
TRIGGER = f"CREATE OR REPLACE TRIGGER CHANGES AFTER INSERT OR UPDATE OR DELETE ON T FOR EACH ROW {BODY}"


@pytest.fixture
def session(source_cluster: Cluster) -> Iterator[oracledb.Connection]:
    with Simulator({"HR": "hr_pw"}, cluster=source_cluster, privileges=(*PRIVILEGES, "DBA")) as simulator:
        connection = oracledb.connect(user="HR", password="hr_pw", dsn=simulator.server.dsn("FREEPDB1"))
        run(
            connection,
            "CREATE TABLE T (ID NUMBER PRIMARY KEY, NAME VARCHAR2(10))",
            "CREATE TABLE CH (SEQ NUMBER, OP CHAR(1), K_1 NUMBER, C_1 NUMBER)",
            "CREATE SEQUENCE S",
        )
        yield connection
        connection.close()


def run(connection: oracledb.Connection, *statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def told(connection: oracledb.Connection) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        return list(cursor.execute("SELECT OP, K_1, C_1 FROM CH ORDER BY SEQ").fetchall())


def test_it_writes_in_the_users_transaction(session: oracledb.Connection) -> None:
    run(session, TRIGGER, "INSERT INTO T VALUES (1, 'a')", "UPDATE T SET ID = 2", "SAVEPOINT HERE", "DELETE FROM T")
    assert told(session) == [("P", None, 1), ("P", 1, 2), ("D", 2, None)]
    run(session, "ROLLBACK TO HERE")
    assert told(session) == [("P", None, 1), ("P", 1, 2)]
    session.rollback()
    assert told(session) == []


def test_it_follows_its_state(session: oracledb.Connection) -> None:
    run(session, TRIGGER.replace("ROW BEGIN", "ROW DISABLE BEGIN"), "INSERT INTO T (ID) VALUES (1)")
    assert told(session) == []
    run(session, "ALTER TRIGGER CHANGES ENABLE", "INSERT INTO T (ID) VALUES (2)")
    assert told(session) == [("P", None, 2)]
    run(session, "ALTER TABLE T DISABLE ALL TRIGGERS", "INSERT INTO T (ID) VALUES (3)")
    run(session, "ALTER TABLE T ENABLE ALL TRIGGERS", "INSERT INTO T (ID) VALUES (4)")
    run(session, "DROP TRIGGER CHANGES", "INSERT INTO T (ID) VALUES (5)")
    assert told(session) == [("P", None, 2), ("P", None, 4)]


def test_what_it_cannot_write_fails_the_statement(session: oracledb.Connection) -> None:
    run(session, TRIGGER, "ALTER TABLE CH ADD CONSTRAINT SMALL CHECK (C_1 < 10)")
    with pytest.raises(oracledb.DatabaseError, match="ORA-02290"):
        run(session, "INSERT INTO T (ID) VALUES (10)")
    with session.cursor() as cursor:
        assert cursor.execute("SELECT COUNT(*) FROM T").fetchone() == (0,)


def test_other_bodies_are_kept_as_text(session: oracledb.Connection) -> None:
    for body in ("BEGIN :NEW.NAME := 'x'; END;", "BEGIN DELETE FROM CH; END;", "BEGIN INSERT INTO CH (SEQ) VALUES (1 + 1); END;"):
        run(session, f"CREATE OR REPLACE TRIGGER CHANGES AFTER INSERT ON T FOR EACH ROW {body}")
        run(session, "INSERT INTO CH (SEQ) VALUES (7)", "INSERT INTO T (ID) VALUES (1)")
        with session.cursor() as cursor:
            assert cursor.execute("SELECT TRIGGER_BODY FROM USER_TRIGGERS").fetchall() == [(body,)]
            assert cursor.execute("SELECT SEQ, NAME FROM CH, T").fetchall() == [(7, None)]
        session.rollback()
    run(session, f"CREATE OR REPLACE TRIGGER CHANGES BEFORE INSERT ON T FOR EACH ROW {BODY}", "INSERT INTO T (ID) VALUES (1)")
    assert told(session) == []
