"""Capture by triggers killed (SIGKILL) around every durable effect, and two processes at once: nothing lost, nothing twice."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.databases.oracle.capture_kit import (
    Capture,
    Oracle,
    actual,
    capturing,
    killed,
    replayed,
    transactions,
    wait_for_marker,
)
from tests.databases.oracle.test_trigger_capture import D, T, left, triggers
from voyager_ops.changes.roots import RootMap
from voyager_ops.changes.writer import CapturedTransaction
from voyager_ops.databases.base import StreamCut
from voyager_ops.databases.engines import engine_of
from voyager_ops.databases.oracle import trigger_capture
from voyager_ops.databases.oracle.triggers import claims, install, reading
from voyager_ops.databases.oracle.triggers.stream import TriggerStream
from voyager_ops.databases.postgres.lsn import to_position
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import Side
from voyager_ops.model.results import silent
from voyager_ops.state.lanes import PREPARED, read_lane

CAPTURE_POINTS = (
    claims.OWNED,
    claims.BEFORE_CLAIM,
    claims.MARKED,
    claims.CLAIMED,
    reading.BEFORE_LARGE,
    "changes.publish.fsynced",
    "changes.publish.published",
    claims.BEFORE_FORGET,
    claims.FORGOTTEN,
)


def test_killed_around_every_effect_of_capture(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    oracle.many(T, D)
    context = triggers(oracle, target_db, tmp_path)
    trigger_capture.prepare(context)
    for number, point in enumerate(CAPTURE_POINTS):
        base = number * 100
        oracle.execute(f"INSERT INTO T (ID, NAME) VALUES ({base}, 'long {number}')", session="long")
        oracle.many(
            f"INSERT INTO T (ID) VALUES ({base + 1})",
            f"UPDATE T SET ID = {base + 2} WHERE ID = {base + 1}",
            f"INSERT INTO D (ID, BODY) VALUES ({base}, 'text {number}')",
        )
        oracle.many(f"UPDATE D SET BODY = 'again' WHERE ID = {base}")
        killed(oracle, target_db, tmp_path, point, "capture", capture="triggers")
        if number % 3 == 2:
            oracle.commit("long")
    oracle.commit("long")
    with capturing(context) as running:
        wait_for_marker(context, running)
    positions = [position for position, _, _ in transactions(context)]
    assert positions == sorted(set(positions))
    assert replayed(context, "t") == actual(context, "t")
    assert replayed(context, "d") == actual(context, "d")
    assert len(replayed(context, "t")) == 2 * len(CAPTURE_POINTS)
    assert list(engine_of(context.capture_db).left_behind(context)) == []


PREPARE_POINTS = (
    install.JOURNALED,
    install.MADE,
    f"{install.MADE}@3",
    install.ENABLED,
    trigger_capture.INSTALLED,
    trigger_capture.STARTING,
    trigger_capture.RECORDED,
)


def test_killed_around_preparing_and_teardown(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    oracle.many(T, D)
    for point in PREPARE_POINTS:
        killed(oracle, target_db, tmp_path, point, "prepare", capture="triggers")
        oracle.many("UPDATE T SET NAME = 'x'")  # whatever stands, it harms nobody
    context = triggers(oracle, target_db, tmp_path)
    assert read_lane(context.state, context.lane).status == PREPARED
    oracle.many("INSERT INTO T (ID) VALUES (1)")
    with capturing(context) as running:
        wait_for_marker(context, running)
    assert replayed(context, "t") == actual(context, "t")
    engine = engine_of(context.capture_db)
    assert len(engine.plan_teardown(context)) == len(install.outstanding(context.state, Side.SOURCE)) == 8
    for point in (install.REMOVED, f"{install.REMOVED}@3"):
        killed(oracle, target_db, tmp_path, point, "teardown", capture="triggers")
        oracle.many("UPDATE T SET NAME = 'y'")
    engine.teardown(context, silent)
    assert engine.teardown(context, silent) == []
    assert left(oracle) == []
    assert list(engine.left_behind(context)) == []


# -- two at once -----------------------------------------------------------------------------------------------------------
def opened(context: LaneContext, directory: Path) -> TriggerStream:
    """As a capture process opens it, without the claim on the change log."""
    found = trigger_capture.open_stream(context, RootMap(context.state, context.lane, context.tables))
    found.begin(read_lane(context.state, context.lane).captured_position, lambda: directory / "spill")
    return found


def given(stream: TriggerStream, seconds: float = 30.0) -> list[CapturedTransaction]:
    """What it gives, once it gives something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := list(stream.transactions()):
            return found
        stream.wait(0.2)
    raise AssertionError("nothing comes")


def test_the_newer_of_two_claims(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    """What the older one would claim, it would at a moment that is past already: it would be taken for published, and deleted."""
    oracle.many(T)
    context = triggers(oracle, target_db, tmp_path)
    trigger_capture.prepare(context)
    older, newer = opened(context, tmp_path), opened(context, tmp_path)
    assert list(older.transactions()) == []
    assert list(newer.transactions()) == []
    oracle.many("INSERT INTO T (ID) VALUES (1)")
    with pytest.raises(StreamCut, match="another process captures now"):
        given(older)
    older.close()
    (one,) = given(newer)
    assert sum(count for _, _, count in one.counts) == 1
    newer.close()
    with capturing(context) as running:
        wait_for_marker(context, running)
    assert set(replayed(context, "t")) == {(b"1",)}


def test_who_takes_over_goes_on_where_the_other_had_looked(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    """Also when it was opened before, and its own knowledge is old."""
    oracle.many(T)
    context = triggers(oracle, target_db, tmp_path)
    trigger_capture.prepare(context)
    first, second = opened(context, tmp_path), opened(context, tmp_path)
    before = first.idle_position
    deadline = time.monotonic() + 30
    while first.idle_position == before and time.monotonic() < deadline:
        assert list(first.transactions()) == []
        first.wait(0.2)
    looked = first.idle_position
    assert looked is not None
    assert before is not None
    assert looked > before
    oracle.many("INSERT INTO T (ID) VALUES (1)")
    (one,) = given(second)
    assert to_position(one.head.end) > looked
    with pytest.raises(StreamCut, match="another process captures now"):
        given(first)
    first.close()
    second.close()
    third = opened(context, tmp_path)
    assert given(third)[0].head.end == one.head.end
    third.close()


def test_two_captures_lose_nothing(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    oracle.many(T)
    context = triggers(oracle, target_db, tmp_path)
    with capturing(context) as first:
        oracle.many("INSERT INTO T (ID) VALUES (1)")
        wait_for_marker(context, first)
        second = Capture(context)
        second.start()
        for number in range(2, 40):
            oracle.many(f"INSERT INTO T (ID) VALUES ({number})")
            time.sleep(0.05)
        alive = [each for each in (first, second) if each.is_alive()]
        assert alive
        wait_for_marker(context)
        second.stop()
        first.stop()
        first.error = None  # one of them had to give way
    with capturing(context) as running:
        wait_for_marker(context, running)
    assert replayed(context, "t") == actual(context, "t")
    assert len(replayed(context, "t")) == 39
