"""Capture and its preparation killed (SIGKILL) around every durable effect and started again: nothing lost, nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Database
from tests.databases.oracle.capture_kit import (
    MIGRATION,
    Oracle,
    actual,
    capturing,
    context_of,
    killed,
    replayed,
    transactions,
    wait_for_marker,
)
from voyager_ops.databases.oracle import capture as capture_module
from voyager_ops.databases.oracle import supplemental
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import Side
from voyager_ops.state.lanes import PREPARED, read_lane

TABLES = (
    "CREATE TABLE T (ID NUMBER(10) PRIMARY KEY, NAME VARCHAR2(50))",
    "CREATE TABLE D (ID NUMBER(10) PRIMARY KEY, BODY CLOB)",
)


def _write(oracle: Oracle, number: int) -> None:
    """One transaction that is open across, one with a large value, one of several changes."""
    base = number * 100
    oracle.execute(f"INSERT INTO T (ID, NAME) VALUES ({base}, 'long {number}')", session="long")
    oracle.many(
        f"INSERT INTO T (ID) VALUES ({base + 1})",
        f"UPDATE T SET NAME = 'x' WHERE ID = {base + 1}",
        f"UPDATE T SET ID = {base + 2} WHERE ID = {base + 1}",
        f"INSERT INTO D (ID, BODY) VALUES ({base}, 'text {number}')",
    )
    oracle.many(f"UPDATE D SET BODY = 'again' WHERE ID = {base}")


def _finish(oracle: Oracle, context: LaneContext) -> None:
    oracle.commit("long")
    with capturing(context) as running:
        wait_for_marker(context, running)
    positions = [position for position, _, _ in transactions(context)]
    assert positions == sorted(set(positions))
    assert replayed(context, "t") == actual(context, "t")
    assert replayed(context, "d") == actual(context, "d")


CAPTURE_POINTS = (
    "capture.oracle.mining_started",
    "capture.oracle.window_read@2",
    "capture.oracle.before_large_values",
    "capture.oracle.before_watermark",
    "capture.oracle.after_watermark",
    "changes.publish.fsynced",
    "changes.publish.renamed",
    "changes.publish.published",
    "capture.feedback.before",
    "capture.feedback.after",
)


def test_killed_around_every_effect_of_capture(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    oracle.many(*TABLES)
    context = context_of(oracle, target_db, tmp_path)
    capture_module.prepare(context)
    for number, point in enumerate(CAPTURE_POINTS):
        _write(oracle, number)
        killed(oracle, target_db, tmp_path, point, "capture")
        if number % 3 == 2:
            oracle.commit("long")
            oracle.switch_logs()
    _finish(oracle, context)
    assert len(replayed(context, "t")) == 2 * len(CAPTURE_POINTS)


PREPARE_POINTS = (
    capture_module.INSTALLED,
    supplemental.JOURNALED,
    f"{supplemental.JOURNALED}@2",
    supplemental.ADDED,
    capture_module.LOGGING,
    capture_module.STARTING,
    capture_module.RECORDED,
)


def test_killed_around_every_effect_of_preparing_and_of_teardown(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    oracle.many(*TABLES, *(f"CREATE TABLE X{number} (ID NUMBER PRIMARY KEY)" for number in range(4)))
    for point in PREPARE_POINTS:
        killed(oracle, target_db, tmp_path, point, "prepare")
    context = context_of(oracle, target_db, tmp_path)
    assert read_lane(context.state, context.lane).status == PREPARED
    _write(oracle, 1)
    _finish(oracle, context)
    for point in (supplemental.REMOVED, f"{supplemental.REMOVED}@2"):
        killed(oracle, target_db, tmp_path, point, "teardown")
    capture_module.teardown(context)
    assert supplemental.outstanding(context.state, Side.SOURCE) == []
    connection = context.capture_db.connect("test")
    assert supplemental.logged(connection, ("HR",)) == set()
    connection.close()


@pytest.mark.parametrize("point", ["metadata.oracle.marker.before", "metadata.oracle.marker.after"])
def test_killed_around_a_marker(oracle: Oracle, target_db: Database, tmp_path: Path, point: str) -> None:
    oracle.many(*TABLES)
    context = context_of(oracle, target_db, tmp_path)
    killed(oracle, target_db, tmp_path, point, "capture")  # by the heartbeat
    _write(oracle, 1)
    _finish(oracle, context)
    assert context.migration == MIGRATION
