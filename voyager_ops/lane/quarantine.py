"""Changes that could not be applied: seen, counted, and applied again on command.

What ``on_error: quarantine`` relaxes: the rest of a transaction is applied without its quarantined changes, so a reader of the
apply side may see it in part; and what the quarantined rows' later changes would have done is not there until they are applied
again. Later changes of the same keys, of keys they moved to and of unique values they hold wait behind them, in order. While
anything waits, verification shows differences and no cutover starts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from voyager_ops.changes.roots import RootMap
from voyager_ops.databases.postgres.apply import ApplySession
from voyager_ops.databases.postgres.apply_errors import Conflict
from voyager_ops.databases.postgres.database import Connection
from voyager_ops.databases.postgres.metadata import installed
from voyager_ops.errors import ApplyError
from voyager_ops.failpoints import hit, register
from voyager_ops.lane.collector import Collector
from voyager_ops.lane.context import LaneContext
from voyager_ops.lane.held import Held, change_from_json
from voyager_ops.model.changes import Change, Transaction
from voyager_ops.model.positions import Position

BEFORE_RETRY_COMMIT = register("quarantine.retry.before_commit")
AFTER_RETRY_COMMIT = register("quarantine.retry.after_commit")


@dataclass(frozen=True)
class QuarantineEntry:
    """One change that waits. ``table`` is the source's name; ``keys`` are texts; ``change`` is its JSON form."""

    id: int
    table: str
    keys: list[Any]
    position: Position
    error: str
    change: dict[str, Any]
    at: str


@dataclass(frozen=True)
class RetryResult:
    """``applied`` entries are gone from quarantine, ``left`` are still there; ``errors``: entry id to why."""

    applied: int
    left: int
    errors: dict[int, str]


def count(context: LaneContext) -> int:
    """How many changes of the lane wait."""
    with context.apply_db.connect("quarantine") as connection:
        if not installed(connection):
            return 0
        row = connection.execute(
            "SELECT count(*) FROM voyager_ops.quarantine WHERE migration = %s AND lane = %s",
            (context.migration, str(context.lane)),
        ).fetchone()
        return int(row[0]) if row else 0


def list_entries(context: LaneContext) -> list[QuarantineEntry]:
    """All changes of the lane that wait, in the order of the stream."""
    with context.apply_db.connect("quarantine") as connection:
        return read_entries(connection, context) if installed(connection) else []


def read_entries(connection: Connection, context: LaneContext) -> list[QuarantineEntry]:
    rows = connection.execute(
        "SELECT id, table_name, keys::text, position, error, change::text, at::text FROM voyager_ops.quarantine"
        " WHERE migration = %s AND lane = %s ORDER BY id",
        (context.migration, str(context.lane)),
    )
    return [
        QuarantineEntry(int(row[0]), row[1], json.loads(row[2]), Position(row[3]), row[4], json.loads(row[5]), row[6])
        for row in rows
    ]


def load_held(connection: Connection, context: LaneContext) -> Held:
    """What must wait behind the changes that wait."""
    held = Held()
    roots: RootMap | None = None
    for entry in read_entries(connection, context):
        roots = roots or RootMap(context.state, context.lane, context.tables)
        change = change_from_json(entry.change)
        table = roots.root(change.relation)
        if table is not None:
            held.add(table, change)
    return held


def retry(context: LaneContext, stop: Callable[[], bool] = lambda: False) -> RetryResult:
    """Apply what waits again, in order, in one transaction; what fails stays, with everything that depends on it.

    May run beside the lane's apply: it holds the position's row meanwhile. Raises ConnectionFailed, RetryableError.
    """
    session = ApplySession.open(context, Position(""), seam_passed=True, beside=True)
    try:
        entries = read_entries(session.connection, context)
        errors: dict[int, str] = {}
        held = Held()
        done: list[int] = []
        session.begin_beside()
        collector = Collector(context, session, Held(), None, context.changes.batch_changes)
        collector.begun = True
        for entry in entries:
            change = change_from_json(entry.change)
            table = collector.table_of(change)
            if stop() or held.touches(table, change):
                held.add(table, change)
                errors[entry.id] = "waits behind an earlier change" if not stop() else "not tried: stopped"
                continue
            failure = _apply_one(collector, entry, change)
            if failure is None:
                done.append(entry.id)
            else:
                held.add(table, change)
                errors[entry.id] = failure
        session.connection.execute(
            "DELETE FROM voyager_ops.quarantine WHERE migration = %s AND lane = %s AND id = ANY (%s)",
            (context.migration, str(context.lane), done),
        )
        tally = collector.take_tally()
        tally.changes = tally.user_changes = tally.transactions = 0  # they were counted when they went into quarantine
        hit(BEFORE_RETRY_COMMIT)
        session.commit(tally)
        hit(AFTER_RETRY_COMMIT)
        return RetryResult(len(done), len(errors), errors)
    finally:
        session.close()


def _apply_one(collector: Collector, entry: QuarantineEntry, change: Change) -> str | None:
    """None when it was applied, else why not."""
    for _ in range(2):
        saved = collector.save_counts()
        collector.mark_savepoint()
        transaction = Transaction(entry.position, 0, 0.0, 1, iter(()))
        try:
            collector.add_changes(transaction, [change])
            collector.spill(entry.position)
            collector.session.release_savepoint()
            return None
        except Conflict as error:
            failure = str(error)
        except ApplyError as error:
            failure = error.what
        collector.session.rollback_to_savepoint()
        collector.restore_counts(saved)
    return failure
