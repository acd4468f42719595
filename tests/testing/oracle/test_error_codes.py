"""The codes of Oracle's errors, and its messages where they are fixed: plausible mistakes of a tool, its user or its driver.

One database for all of them: a statement that fails leaves nothing behind. ``FIRST`` are statements that are carried out.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.conftest import create_database, drop_database
from tests.testing.oracle.engine_kit import Session
from tests.testing.oracle.error_messages import MESSAGES
from tests.testing.oracle.error_probes import FIRST, STATEMENTS
from tests.testing.oracle.error_probes_ddl import DEFINITIONS, SEQUENCES
from tests.testing.oracle.error_probes_others import OTHERS
from voyager_ops.testing.oracle.backend import PgEngine
from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.postgres import Cluster

PROBES = [*STATEMENTS, *DEFINITIONS, *OTHERS]


@pytest.fixture(scope="module")
def sessions(source_cluster: Cluster) -> Iterator[dict[str, Session]]:
    """APP is a DBA, HR has a schema, READER may only read APP.P."""
    database = create_database(source_cluster)
    with PgEngine(database.url, users={"HR": "hr"}) as engine:
        engine.add_user("APP", "app", "DBA")
        app = Session(engine, "APP")
        for statement in FIRST:
            app.sql(statement)
        app.commit()
        users = {"APP": app, "HR": Session(engine, "HR"), "READER": Session(engine, "READER")}
        yield users
        for session in users.values():
            session.close()
    drop_database(database)


def _check(found: tuple[int, str], code: int) -> None:
    assert found[0] == code, found[1]
    if code in MESSAGES:
        assert found[1].startswith(MESSAGES[code])


@pytest.mark.parametrize(("code", "statement"), PROBES, ids=[f"{c:05}-{s[:60]}" for c, s in PROBES])
def test_errors(sessions: dict[str, Session], code: int, statement: str) -> None:
    """``USER: statement`` is another user's than APP."""
    who, _, rest = statement.partition(": ")
    session, text = (sessions[who], rest) if who in sessions else (sessions["APP"], statement)
    try:
        _check(session.error(text), code)
    except AssertionError:
        _forget(sessions["APP"])
        raise
    finally:
        session.rollback()


def _forget(app: Session) -> None:
    """What a statement has created that should have failed: the others are not to fail on it."""
    for kind in ("TABLE", "VIEW", "SEQUENCE", "INDEX"):
        with contextlib.suppress(OracleError):
            app.sql(f"DROP {kind} X")


@pytest.mark.parametrize(("statements", "code"), SEQUENCES, ids=[f"{c:05}-{s[-1][:60]}" for s, c in SEQUENCES])
def test_errors_after_other_statements(sessions: dict[str, Session], statements: list[str], code: int) -> None:
    """The last one fails; what the others have created is dropped."""
    app = sessions["APP"]
    *before, last = statements
    try:
        for statement in before:
            app.sql(statement)
        if last == "COMMIT":
            with pytest.raises(OracleError) as raised:
                app.commit()
            _check((raised.value.code, raised.value.message), code)
        else:
            _check(app.error(last), code)
    finally:
        app.rollback()
        with contextlib.suppress(OracleError):  # not each of them has made it
            app.sql("DROP TABLE X1 CASCADE CONSTRAINTS")
