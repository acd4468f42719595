"""The driver is killed everywhere, and steps fail everywhere: it ends open, or as if nothing had happened."""

from __future__ import annotations

import pytest

from tests.conftest import Database
from tests.cutover.kit import MakeShop, Users, rules, until
from voyager_ops.errors import CutoverError
from voyager_ops.model.positions import Lane, Side
from voyager_ops.state import cutovers

KILLED, COMPLETED, UNDONE = -9, 0, 3

# In the order in which a cutover to the target passes them; each driver dies at one and the next carries on.
FORWARD = [
    "cutover.driver.started",
    "cutover.journal.before",
    "cutover.journal.after",
    "cutover.preflight.checked",
    "cutover.preflight.canary",
    "cutover.verify_ahead.compared",
    "fence.journaled",
    "fence.read_only",
    "fence.trigger",
    "fence.proven",
    "cutover.quiesce.done",
    "cutover.wait_out.done",
    "metadata.marker.before",
    "metadata.marker.after",
    "cutover.marker.arrived",
    "cutover.verify.compared",
    "sequences.moves.before",
    "sequences.moves.after",
    "cutover.sequences.carried",
    "guard.hold_off.journaled",
    "guard.hold_off.done",
    "cutover.guards.held_off",
    "guard.restore.before",
    "guard.restore.done",
    "cutover.guards.restored",
    "cutover.confirm.arrived",
    "cutover.intent.before",
    "cutover.intent.old",
    "cutover.intent.new",
    "cutover.close.ended",
    "cutover.close.apply_gone",
    "cutover.open.unfenced",
    "cutover.open.marked",
    "cutover.end.late",
    "capture.teardown.slot_dropped",
    "capture.teardown.publication_dropped",
    "cutover.end.torn_down",
]
BACK = [
    "cutover.guards.restored",
    "cutover.intent.old",
    "cutover.close.ended",
    "unfence.step",
    "cutover.open.unfenced",
    "cutover.end.late",
]

FAILING = [
    "fence.trigger",
    "cutover.quiesce.done",
    "cutover.marker.arrived",
    "cutover.guards.restored",
    "cutover.confirm.arrived",
    "cutover.intent.before",
    "cutover.journal.before@9",
]
WHILE_UNDOING = [
    "cutover.driver.undoing",
    "cutover.guards.undo.held_off",
    "cutover.guards.undone",
    "unfence.step",
    "cutover.quiesce.undone",
]


def test_killed_everywhere_it_ends_open(make_shop: MakeShop, source_db: Database, target_db: Database) -> None:
    shop = make_shop()
    before = rules(source_db)
    shop.request(Side.TARGET)
    with Users(source_db, count=1):
        for point in FORWARD:
            assert shop.drive_elsewhere(Side.TARGET, f"{point}=crash") == KILLED, point
        assert shop.drive_elsewhere(Side.TARGET) == COMPLETED
    record = cutovers.read(shop.state, Side.TARGET)
    assert record is not None
    assert record.result["late_writes"] == {}
    assert shop.rows(Side.SOURCE) == shop.rows(Side.TARGET)
    with Users(target_db, count=1) as users:
        until(lambda: users.committed > 10)
    shop.flows(Lane.FALLBACK)
    shop.request(Side.SOURCE)
    for point in BACK:
        assert shop.drive_elsewhere(Side.SOURCE, f"{point}=crash") == KILLED, point
    assert shop.drive_elsewhere(Side.SOURCE) == COMPLETED
    assert shop.rows(Side.SOURCE) == shop.rows(Side.TARGET)
    assert rules(source_db) == before


def test_failing_everywhere_nothing_has_happened(make_shop: MakeShop, source_db: Database, target_db: Database) -> None:
    shop = make_shop()
    before = rules(source_db), rules(target_db)
    with Users(source_db, count=1) as users:
        for point in FAILING:
            name, _, nth = point.partition("@")
            shop.request(Side.TARGET)
            assert shop.drive_elsewhere(Side.TARGET, f"{name}=error@{nth or 1}") == UNDONE, point
            assert (rules(source_db), rules(target_db)) == before, point
            committed = users.committed
            until(lambda: users.committed > committed + 2)  # noqa: B023 - called at once
        for point in WHILE_UNDOING:
            shop.request(Side.TARGET)
            assert shop.drive_elsewhere(Side.TARGET, f"cutover.guards.restored=error;{point}=crash") == KILLED, point
            assert cutovers.public_status(shop.state, Side.TARGET) == "INITIATED"
            assert shop.drive_elsewhere(Side.TARGET) == UNDONE, point
            assert (rules(source_db), rules(target_db)) == before, point
    shop.flows(Lane.FORWARD)
    shop.request(Side.TARGET)
    assert shop.drive(Side.TARGET).attempt == len(FAILING) + len(WHILE_UNDOING) + 1


@pytest.mark.parametrize("point", ["cutover.intent.old", "cutover.intent.new", "cutover.close.ended"])
def test_after_the_intent_there_is_only_forward(make_shop: MakeShop, point: str) -> None:
    """An error (not a crash) once the intent may stand: nothing is undone, and the next run opens."""
    shop = make_shop(deadline=30)
    shop.request(Side.TARGET)
    code = shop.drive_elsewhere(Side.TARGET, f"{point}=error")
    assert code not in (COMPLETED, UNDONE, KILLED)
    assert cutovers.public_status(shop.state, Side.TARGET) == "INITIATED"
    assert shop.drive_elsewhere(Side.TARGET) == COMPLETED


def test_it_does_not_open_while_a_batch_is_applied_in_part(make_shop: MakeShop, target_db: Database) -> None:
    """Several connections apply: one of them stands where the others do not."""
    shop = make_shop(deadline=30)
    with target_db.connect() as connection:
        connection.execute(
            "INSERT INTO voyager_ops.lane_position (migration, lane, part, position, seam_passed)"
            " SELECT migration, lane, 1, position, seam_passed FROM voyager_ops.lane_position WHERE lane = 'forward'"
        )
    shop.request(Side.TARGET)
    with pytest.raises(CutoverError, match="a batch is applied to the target in part"):
        shop.drive(Side.TARGET)
    assert cutovers.public_status(shop.state, Side.TARGET) == "INITIATED"
    with target_db.connect() as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(
            "UPDATE voyager_ops.lane_position p SET position = o.position FROM voyager_ops.lane_position o"
            " WHERE p.lane = o.lane AND p.lane = 'forward' AND p.part = 1 AND o.part = 0"
        )
    assert shop.drive_elsewhere(Side.TARGET) == COMPLETED
