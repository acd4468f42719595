"""Differential verification: only the rows that changed between two positions of a lane, read from its change log.

This is what runs inside a cutover's write-stop: a full verification is fresh, and only what happened since must be looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Final

import sqlalchemy as sa

from voyager_ops.changes.log import ChangeLog
from voyager_ops.databases.base import Database
from voyager_ops.databases.postgres.metadata import SCHEMA
from voyager_ops.errors import PreconditionError
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.changes import TRUNCATE, Change, Relation, Row, Transaction, Unchanged
from voyager_ops.model.positions import START, Lane, Position
from voyager_ops.model.results import ProgressSink, silent
from voyager_ops.model.tables import QName, Table
from voyager_ops.state import tables as state_tables
from voyager_ops.state.stopped import left_out
from voyager_ops.state.store import State
from voyager_ops.verify.confirm import Settle
from voyager_ops.verify.digests import Identity
from voyager_ops.verify.findings import Detail
from voyager_ops.verify.pairing import find_tables
from voyager_ops.verify.report import TableVerification, VerificationReport
from voyager_ops.verify.tables import verify_selected

KEYS_PER_TABLE: Final = 100_000
"""Distinct changed keys kept per table (some 20 MB); a table with more is verified whole, which then costs about as much."""


@dataclass
class ChangedKeys:
    """What changed. Names are the source's roots."""

    after: Position
    upto: Position
    keys: dict[QName, set[Identity]] = field(default_factory=dict)
    whole: dict[QName, str] = field(default_factory=dict)
    """Tables to be verified whole, with the reason."""
    unknown: set[QName] = field(default_factory=set)
    """Relations with changes that belong to none of the lane's tables."""
    transactions: int = 0
    changes: int = 0


def changed_keys(context: LaneContext, after: Position, upto: Position | None = None, limit: int = KEYS_PER_TABLE) -> ChangedKeys:
    """The keys, old and new ones, of every change after ``after`` up to and with ``upto`` (default: all that is captured now).

    When segments of that stretch were archived, every table is to be verified whole. Raises PreconditionError when ``upto`` is
    not captured yet, ChangeLogDamaged when a segment cannot be read.
    """
    log = ChangeLog(context.state, context.data_dir, context.lane)
    captured = log.captured_position()
    if upto is None:
        upto = captured
    elif captured < upto:
        raise PreconditionError(
            f"lane {context.lane} has captured up to {captured or 'nothing'}, not yet up to {upto}: what changed is not known",
            state="nothing was changed; verification only reads",
            next_step="wait until capture has passed that position, and verify again",
        )
    collector = KeyCollector(context, limit, ChangedKeys(after, upto))
    if _archived(context.state, context.lane, after):
        for table in context.tables:
            collector.found.whole[context.source_name(table.name)] = "changes since the last verification were archived"
        return _without_left_out(context, collector.found)
    reader = log.reader(after)
    try:
        for transaction in reader.read(0):
            if transaction.position > upto:
                break
            collector.add(transaction)
    finally:
        reader.close()
    return _without_left_out(context, collector.found)


def _without_left_out(context: LaneContext, found: ChangedKeys) -> ChangedKeys:
    for name in left_out(context.state, context.lane):
        found.keys.pop(QName.parse(name), None)
        found.whole.pop(QName.parse(name), None)
    return found


def _archived(state: State, lane: Lane, after: Position) -> bool:
    segment = state_tables.segment
    with state.begin() as connection:
        gone = sa.select(sa.func.count()).where(
            segment.c.migration == state.migration,
            segment.c.lane == str(lane),
            segment.c.removed_at.is_not(None),
            segment.c.last_position > after,
        )
        return bool(connection.execute(gone).scalar_one())


class KeyCollector:
    """Folds transactions into :class:`ChangedKeys`, at most ``limit`` keys a table."""

    def __init__(self, context: LaneContext, limit: int, found: ChangedKeys) -> None:
        self.found = found
        self._context = context
        self._limit = limit
        self._roots = _by_physical_name(context.tables)
        self._looked_again = False
        self._known: dict[Relation, tuple[QName, tuple[int, ...] | None] | None] = {}

    def add(self, transaction: Transaction) -> None:
        self.found.transactions += 1
        for change in transaction.changes:
            relation = change.relation
            if relation not in self._known:
                self._known[relation] = self._place(relation)
            place = self._known[relation]
            if place is None:
                continue
            self.found.changes += 1
            name, columns = place
            if name in self.found.whole:
                continue
            if change.op == TRUNCATE:
                self._whole(name, "it was truncated")
            elif columns is None:
                self._whole(name, "it has no key")
            else:
                self._add(name, change, columns)

    def _add(self, name: QName, change: Change, columns: tuple[int, ...]) -> None:
        keys = self.found.keys.setdefault(name, set())
        for row in (change.old, change.new):
            if row is None:
                continue
            key = _key(row, change.old, columns)
            if key is None:
                self._whole(name, "a key was too large to be in the stream")
                return
            keys.add(key)
        if len(keys) > self._limit:
            self._whole(name, f"more than {self._limit} keys changed")

    def _whole(self, name: QName, why: str) -> None:
        self.found.keys.pop(name, None)
        self.found.whole[name] = why

    def _place(self, relation: Relation) -> tuple[QName, tuple[int, ...] | None] | None:
        if relation.name.schema == SCHEMA:
            return None
        table = self._roots.get(relation.name)
        if table is None and not self._looked_again:
            # A partition that was made or attached since the list of tables was frozen.
            self._looked_again = True
            now = find_tables(self._context.capture_db, [table.name for table in self._context.tables])
            self._roots = _by_physical_name(now.values()) | self._roots
            table = self._roots.get(relation.name)
        if table is None:
            self.found.unknown.add(relation.name)
            return None
        name = self._context.source_name(table.name)
        if not table.key or any(column not in relation.columns for column in table.key):
            return name, None
        return name, tuple(relation.columns.index(column) for column in table.key)


def _by_physical_name(tables: Iterable[Table]) -> dict[QName, Table]:
    return {leaf.name: table for table in tables for leaf in table.leaves}


def _key(row: Row, old: Row | None, columns: Sequence[int]) -> Identity | None:
    """The key in ``row``; a value the stream left out because the update kept it is the old one's. None: not to be had."""
    key: list[str] = []
    for column in columns:
        value = row[column]
        if isinstance(value, Unchanged) and old is not None:
            value = old[column]
        if value is None or isinstance(value, Unchanged):
            return None
        key.append(bytes(value).decode())
    return tuple(key)


def verify_changed(
    context: LaneContext,
    after: Position,
    upto: Position | None = None,
    *,
    limit: int = KEYS_PER_TABLE,
    parallelism: int = 2,
    settle: Settle | None = None,
    stop: Event | None = None,
    progress: ProgressSink = silent,
    detail: Detail | None = None,
) -> VerificationReport:
    """Compare, on both sides, the rows that changed in ``context``'s lane after ``after`` up to ``upto``.

    Meant for a lane whose apply has passed ``upto``; while changes flow give ``settle`` (see ``verify_tables``). The report has
    only the tables that changed, and its position is ``upto``: the next differential verification starts there. Names and sides
    are the migration's source and target whichever way the lane runs.
    """
    found = changed_keys(context, after, upto, limit)
    return verify_found(context, found, parallelism=parallelism, settle=settle, stop=stop, progress=progress, detail=detail)


def verify_found(
    context: LaneContext,
    found: ChangedKeys,
    *,
    parallelism: int = 2,
    settle: Settle | None = None,
    stop: Event | None = None,
    progress: ProgressSink = silent,
    detail: Detail | None = None,
) -> VerificationReport:
    """As :func:`verify_changed`, for keys that were collected before (a cutover does that before the clock starts)."""
    wanted = found.keys.keys() | found.whole.keys()
    source: Database
    target: Database
    if context.lane is Lane.FORWARD:
        source, target = context.capture_db, context.apply_db
        tables = [table for table in context.tables if table.name in wanted]
    else:
        source, target = context.apply_db, context.capture_db
        there = find_tables(source, wanted)
        tables = [there[name] for name in sorted(there)]
    report = verify_selected(
        source,
        target,
        tables,
        context.names,
        found.keys,
        parallelism=parallelism,
        settle=settle,
        stop=stop,
        progress=progress,
        detail=detail,
        position=found.upto or START,
    )
    absent = wanted - {table.name for table in tables}
    reasons = dict.fromkeys(absent, "it is missing on the source")
    reasons |= dict.fromkeys(found.unknown, "changes of it were captured, but it belongs to no migrated table")
    for name in sorted(reasons):
        report.tables.append(
            TableVerification(table=str(name), target_table=str(context.names.to_target(name)), problems=[reasons[name]])
        )
    return report
