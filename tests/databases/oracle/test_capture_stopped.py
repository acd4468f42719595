"""DDL on one captured table while the lane runs: that one stops, the others stream on, whenever capture is killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Database
from tests.databases.oracle.capture_kit import (
    Oracle,
    actual,
    capturing,
    context_of,
    ended,
    killed,
    replayed,
    transactions,
    wait_for_marker,
)
from voyager_ops.databases.oracle import capture as capture_module
from voyager_ops.databases.oracle import side
from voyager_ops.databases.oracle.notes import warnings_key
from voyager_ops.databases.oracle.prepared import objects_key
from voyager_ops.errors import SourceChanged
from voyager_ops.state.lanes import STREAMING, read_lane
from voyager_ops.state.stopped import AFTER_STOP, BEFORE_STOP, stopped_tables

TABLES = (
    "CREATE TABLE A (ID NUMBER(10) CONSTRAINT A_PK PRIMARY KEY, NAME VARCHAR2(50))",
    "CREATE TABLE B (ID NUMBER(10) PRIMARY KEY, BODY CLOB)",
    "CREATE TABLE C (ID NUMBER(10) PRIMARY KEY, NAME VARCHAR2(50))",
)
RIGHTS = (
    "LOGMINING",
    "SELECT ANY TRANSACTION",
    "SELECT_CATALOG_ROLE",
    "EXECUTE_CATALOG_ROLE",
    "ALTER ANY TABLE",
    "LOCK ANY TABLE",
)
RIGHTS_ON_B = ("SELECT ON HR.B {} MIG", "FLASHBACK ON HR.B {} MIG")
POINTS = (
    BEFORE_STOP,
    AFTER_STOP,
    "changes.publish.fsynced",
    "changes.publish.published",
    "capture.feedback.before",
    "capture.oracle.before_watermark",
    "capture.oracle.after_watermark",
)


@pytest.mark.parametrize("point", POINTS)
def test_killed_around_the_stop_the_others_are_whole_and_the_one_ends_where_it_changed(
    oracle: Oracle, target_db: Database, tmp_path: Path, point: str
) -> None:
    oracle.many(*TABLES)
    context = context_of(oracle, target_db, tmp_path)
    capture_module.prepare(context)
    oracle.execute("INSERT INTO B (ID, BODY) VALUES (1, 'open across')", session="long")
    oracle.many(*(f"INSERT INTO {name} (ID) VALUES (10)" for name in "ABC"))
    oracle.many("ALTER TABLE A ADD (NICK VARCHAR2(10))", "INSERT INTO A VALUES (11, 'x', 'y')", "INSERT INTO C (ID) VALUES (11)")
    killed(oracle, target_db, tmp_path, point, "capture")
    oracle.many("UPDATE A SET NICK = 'z'", "DELETE FROM A WHERE ID = 10", "UPDATE C SET NAME = 'on' WHERE ID = 10")
    oracle.commit("long")
    oracle.many("ALTER TABLE A DROP COLUMN NICK", "TRUNCATE TABLE A")
    with capturing(context) as running:
        wait_for_marker(context, running)
    positions = [position for position, _, _ in transactions(context)]
    assert positions == sorted(set(positions))
    assert replayed(context, "b") == actual(context, "b")
    assert replayed(context, "c") == actual(context, "c")
    assert set(replayed(context, "a")) == {(b"10",)}
    assert list(stopped_tables(context.state, context.lane)) == ["hr.a"]
    found = stopped_tables(context.state, context.lane)["hr.a"]
    assert "ADD (NICK" in found.statement.upper()
    assert positions[0] <= found.position < positions[-1]
    assert read_lane(context.state, context.lane).status == STREAMING


def test_a_table_that_is_dropped_before_its_large_values_were_read_ends_before_that(
    oracle: Oracle, target_db: Database, tmp_path: Path
) -> None:
    oracle.many(*TABLES)
    context = context_of(oracle, target_db, tmp_path)
    with capturing(context) as running:
        oracle.many("INSERT INTO B VALUES (1, 'read')")
        wait_for_marker(context, running)
    oracle.many("INSERT INTO B VALUES (2, 'not read')", "INSERT INTO C (ID) VALUES (2)")
    oracle.many("DROP TABLE B PURGE")
    oracle.many("INSERT INTO C (ID) VALUES (3)")
    with capturing(context) as running:
        wait_for_marker(context, running)
        oracle.many("CREATE TABLE B (ID NUMBER(10) PRIMARY KEY, BODY CLOB)", "INSERT INTO B VALUES (9, 'of another table')")
        wait_for_marker(context, running)
    assert set(replayed(context, "b")) == {(b"1",)}
    assert replayed(context, "c") == actual(context, "c")
    assert list(stopped_tables(context.state, context.lane)) == ["hr.b"]
    assert "table hr.b is stopped" in str(context.state.get(warnings_key(context)))


def test_a_key_that_the_catalog_no_longer_has_is_as_ddl_is_and_with_the_last_table_the_lane_ends(
    oracle: Oracle, target_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side, "KEYS_SECONDS", 0.0)
    oracle.many(*TABLES)
    context = context_of(oracle, target_db, tmp_path)
    capture_module.prepare(context)
    objects = context.state.get(objects_key(context))
    assert objects is not None
    context.state.put(objects_key(context), {**objects, "keys": {}})  # as if it had been renamed since
    with capturing(context) as running:
        oracle.many("INSERT INTO A (ID) VALUES (1)")
        wait_for_marker(context, running)
        oracle.many("ALTER TABLE A DISABLE CONSTRAINT A_PK")
        while not stopped_tables(context.state, context.lane):
            wait_for_marker(context, running)
        oracle.many("INSERT INTO A (ID) VALUES (1)", "INSERT INTO C (ID) VALUES (1)")
        wait_for_marker(context, running)
    found = stopped_tables(context.state, context.lane)["hr.a"]
    assert "its primary key was (ID), is dropped or disabled" in found.statement
    assert set(replayed(context, "a")) == {(b"1",)}
    assert replayed(context, "c") == actual(context, "c")

    def change() -> None:
        oracle.many("ALTER TABLE B ADD (X NUMBER)", "INSERT INTO C (ID) VALUES (2)")
        wait_for_marker(context)
        oracle.many("INSERT INTO C (ID) VALUES (3)")
        oracle.many("ALTER TABLE C ADD (X NUMBER)")

    error = ended(context, change)
    assert isinstance(error, SourceChanged)
    assert "table hr.c on the source changed" in error.what
    assert set(replayed(context, "c")) == {(b"1",), (b"2",), (b"3",)}
    again = ended(context, lambda: None)
    assert isinstance(again, SourceChanged)
    assert "table hr.c on the source changed" in again.what


def test_a_right_that_was_taken_away_stops_no_table(
    oracle: Oracle, target_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large values cannot be read for the time being: the lane ends with the server's words then goes on when it is back."""
    monkeypatch.setattr(side, "KEYS_SECONDS", 0.0)
    oracle.many(*TABLES)
    rights = [f"{right} ON HR.{name} {{}} MIG" for name in "AC" for right in ("SELECT", "FLASHBACK")]
    oracle.source.administer("REVOKE DBA FROM MIG", *(f"GRANT {one.format('TO')}" for one in (*rights, *RIGHTS_ON_B)))
    oracle.source.administer(*(f"GRANT {right} TO MIG" for right in RIGHTS))
    context = context_of(oracle, target_db, tmp_path)
    with capturing(context) as running:
        oracle.many("INSERT INTO B VALUES (1, 'read')")
        wait_for_marker(context, running)

    def taken_away() -> None:
        oracle.source.administer(*(f"REVOKE {one.format('FROM')}" for one in RIGHTS_ON_B))
        oracle.many("INSERT INTO B VALUES (2, 'not yet')", "INSERT INTO A (ID) VALUES (2)")

    error = ended(context, taken_away)
    assert "ORA-00942" in str(error)
    assert not stopped_tables(context.state, context.lane)
    oracle.source.administer(*(f"GRANT {one.format('TO')}" for one in RIGHTS_ON_B))
    with capturing(context) as running:
        wait_for_marker(context, running)
        assert not stopped_tables(context.state, context.lane)
    for name in "abc":
        assert replayed(context, name) == actual(context, name)
