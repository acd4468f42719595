"""Folding transactions into a batch: every change to its table, markers to arrivals, what a chunk already holds left out.

One module: changes kept for folding at once and changes folded one by one are the same batch, and must stay in its order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import psycopg

from voyager_ops.changes import bulkfold
from voyager_ops.changes.cells import Places
from voyager_ops.changes.netchange import FoldError, TableFold
from voyager_ops.changes.roots import RootMap
from voyager_ops.databases.base import KeyFetcher
from voyager_ops.databases.engines import engine_of
from voyager_ops.databases.postgres.apply import ApplySession, Arrival, Tally
from voyager_ops.databases.postgres.apply_errors import fold_error, is_passing, passing
from voyager_ops.databases.postgres.metadata import MARKER_TABLE, SCHEMA
from voyager_ops.databases.postgres.pgoutput import decode
from voyager_ops.errors import ApplyError
from voyager_ops.lane.context import LaneContext
from voyager_ops.lane.held import Held, change_to_json, marks
from voyager_ops.lane.pending import BULK_BYTES, Batch, Pending
from voyager_ops.lane.routes import Route, Routes
from voyager_ops.model.changes import DELETE, INSERT, TRUNCATE, UNCHANGED, UPDATE, Change, RawChanges, Relation, Row, Transaction
from voyager_ops.model.positions import START, Position
from voyager_ops.model.tables import QName, Table
from voyager_ops.snapshot.filter import SnapshotFilter
from voyager_ops.state.stopped import stopped_tables

SPILL_BYTES = 32 << 20
"""So many folded bytes are sent, or end a batch."""
SUM_EVERY = 1000
"""After so many changes of a transaction all tables' bytes are added up, not only looked at by themselves."""
ENDING_KINDS = frozenset({"marker", "confirm", "canary"})
"""A batch ends right after a transaction that carries one of these."""


@dataclass
class Collector:
    """The batch under way. ``spill`` is called when memory or the wanted number of changes is reached: it must send and clear
    what is folded, inside the transaction that ends at the position it is given."""

    context: LaneContext
    session: ApplySession
    held: Held
    filter: SnapshotFilter | None
    batch_changes: int
    settle: Callable[[], None] = lambda: None
    """Called before a transaction is begun: the batch before may still be under way."""
    transactions: int = 0
    ends: bool = False
    begun: bool = False
    last: Position = START
    _tally: Tally = field(default_factory=Tally)
    _capture: KeyFetcher | None = None
    _pending: Pending = field(default_factory=Pending)

    def __post_init__(self) -> None:
        self._roots = RootMap(self.context.state, self.context.lane, self.context.tables)
        stopped = stopped_tables(self.context.state, self.context.lane).values()
        torn = frozenset(each.table for each in stopped if each.incomplete)
        self._routes = Routes(self._roots, self.session.tables, torn)
        self._folds, self._counts = self._routes.folds, self._routes.counts

    @property
    def strict(self) -> bool:
        return self.filter is None

    @property
    def changes(self) -> int:
        return self._tally.changes

    def add(self, transaction: Transaction) -> None:
        """Fold a whole transaction, or a run of them that :meth:`takes_whole`. Raises ApplyError and what the session raises."""
        self.last = transaction.position
        self.transactions += transaction.transactions
        self._tally.transactions += transaction.transactions
        self._tally.committed_at = transaction.committed_at
        if transaction.raw is None or self.filter is not None or self.held:
            self.add_changes(transaction, transaction.changes)
            if self._folded > SPILL_BYTES:
                self.ends = True
            return
        for raw in transaction.raw:
            if self._too_much:
                self.spill(self.last)
            if not self._pending.fits(raw):
                self._one_by_one()
                self._pending.fits(raw)
            self._take(transaction, raw)
        if self._too_much:
            self.ends = True

    @property
    def _too_much(self) -> bool:
        """What is pending must be sent. Never before a barrier: what other parts have applied was no more than this when it came
        in runs, of which the last one may have taken it past the limit; now it comes transaction by transaction."""
        return self._pending.size > BULK_BYTES and self.session.barrier is None

    @property
    def _folded(self) -> int:
        return sum(fold.size for fold in self._folds.values())

    def _is_full(self, fold: TableFold, seen: int) -> bool:
        """Whether what is folded must be sent in the middle of a transaction, of which so many changes were seen."""
        if fold.size > SPILL_BYTES or seen % self.batch_changes == 0:
            return True
        return seen % SUM_EVERY == 0 and self._folded > SPILL_BYTES

    def takes_whole(self, run: Transaction) -> bool:
        """Whether a run of transactions may be added as it is: none of them needs to be looked at by itself."""
        if self.filter is not None or self.held or run.raw is None:
            return False
        return all(self._pending.fits(raw) and not self._pending.marked(raw) for raw in run.raw)

    def _take(self, transaction: Transaction, raw: RawChanges) -> None:
        """Count a block of changes, and keep it as it is. Markers in it arrive now: they may end the batch."""
        tally = self._tally
        tally.changes += raw.count
        if self._pending.marked(raw):
            for change in decode(raw):
                if change.relation.name.schema == SCHEMA:
                    self._ours(change, transaction)
                else:
                    tally.user_changes += 1
        else:
            tally.user_changes += raw.count
        self._pending.take(transaction, raw)

    def add_changes(self, transaction: Transaction, changes: Iterable[Change]) -> None:
        """Fold some changes of a transaction."""
        self._one_by_one()
        self._add_changes(transaction, changes)

    def _add_changes(self, transaction: Transaction, changes: Iterable[Change]) -> None:
        relation: Relation | None = None
        route: Route | None = None
        simple = self.filter is None and not self.held
        tally = self._tally
        seen = 0
        for change in changes:
            seen += 1
            if change.relation is not relation:
                relation = change.relation
                route = self._route(relation)
            if route is None:
                self._ours(change, transaction)
                continue
            tally.user_changes += 1
            op = change.op
            try:
                if not simple or op == TRUNCATE:
                    self._carefully(route, change, transaction)
                    simple = self.filter is None and not self.held
                    if self._is_full(route.fold, seen):
                        self.spill(self.last)
                    continue
                old, new, order = change.old, change.new, route.order
                if op == UPDATE:
                    assert new is not None
                    if order is None:
                        route.fold.update(old, new, route.relation.full)
                    else:
                        route.fold.update(None if old is None else order(old), order(new), route.relation.full)
                    route.counts[1] += 1
                elif op == INSERT:
                    assert new is not None
                    route.fold.insert(new if order is None else order(new))
                    route.counts[0] += 1
                else:
                    assert old is not None
                    route.fold.delete(old if order is None else order(old))
                    route.counts[2] += 1
            except FoldError as error:
                raise self._contradiction(route, error, transaction) from error
            if self._is_full(route.fold, seen):
                self.spill(self.last)
        tally.changes += seen

    def fold_pending(self) -> None:
        """Fold what was only kept, and make its parameters: what can be done before the batch before this one is committed."""
        if not self._pending:
            return
        batch = Batch(self._pending)
        if not batch.rows_only:
            self._one_by_one()
            return
        self._pending.clear()
        frames = batch.frames
        routes: dict[QName, list[tuple[Route, Places]]] = {}
        for relation, places in batch.by_relation():
            route = self._route(relation)
            if route is not None:
                routes.setdefault(route.table.name, []).append((route, places))
        for parts in routes.values():
            route = parts[0][0]
            for each, places in parts:
                operations = frames.operations[places]
                for place, operation in enumerate((INSERT, UPDATE, DELETE)):
                    each.counts[place] += int(np.count_nonzero(operations == operation))
            which = parts[0][1] if len(parts) == 1 else np.sort(np.concatenate([places for _, places in parts]))
            net = None
            alike = {(each.places, len(each.relation.columns)) for each, _ in parts}
            if len(alike) == 1 and not route.fold:
                net = bulkfold.fold(
                    frames.buffer,
                    frames.at[which],
                    frames.operations[which],
                    frames.kinds[which],
                    route.places,
                    len(route.relation.columns),
                    route.target.key,
                )
            if net is None:
                self._fold_frames(batch, which)
                continue
            route.fold.bulk = net
        self.session.prepare(self._folds)

    def _fold_frames(self, batch: Batch, which: Places) -> None:
        """Fold frames of one table one by one; they are counted already."""
        for frame in which.tolist():
            for change in decode(batch.one(frame)):
                route = self._route(change.relation)
                assert route is not None
                try:
                    self._fold(route, change.op, change.old, change.new, count=0)
                except FoldError as error:
                    raise self._contradiction(route, error, batch.owner(frame)) from error

    def _one_by_one(self) -> None:
        """Fold what was only kept as any other changes, in order: what comes next cannot wait for it. It is counted already."""
        if not self._pending:
            return
        tally = self._tally
        counted = tally.changes, tally.user_changes, dict(tally.arrivals)
        for transaction, raw in self._pending.taken():
            self._add_changes(transaction, decode(raw))
        tally.changes, tally.user_changes, tally.arrivals = counted

    def _contradiction(self, route: Route, error: FoldError, transaction: Transaction) -> ApplyError:
        return fold_error(self.context, route.target, error.key, str(error), transaction.position)

    def spill(self, upto: Position) -> None:
        """Send what is folded, inside the target transaction that will end at ``upto``; the batch must end there."""
        self.fold_pending()
        self._begin(upto)
        self.session.flush(self._folds, strict=self.strict, more=True)
        self.session.send()

    def commit(self) -> None:
        """Send the rest, write the counters and commit; the collector is empty then."""
        self.start_commit()
        self.session.settle()

    def start_commit(self) -> None:
        """As :meth:`commit`, in the background: the next batch may be folded meanwhile."""
        self.fold_pending()
        self._begin(self.last)
        self.session.flush(self._folds, strict=self.strict)
        self.session.start_commit(self.take_tally())
        self.reset()

    def reset(self) -> None:
        """Forget the batch."""
        self._pending.clear()
        for fold in self._folds.values():
            fold.clear()
        for counts in self._counts.values():
            counts[:] = [0, 0, 0, 0]
        self._tally = Tally()
        self.transactions = 0
        self.ends = self.begun = False

    def close(self) -> None:
        if self._capture is not None:
            self._capture.close()

    def pass_seam(self) -> None:
        """From here on nothing is filtered and everything is strict."""
        self.filter = None
        for fold in self._folds.values():
            fold.lenient = False

    def reload_filter(self) -> None:
        """After a rollback: the filter may have learnt of a row whose copy is not there now."""
        if self.filter is not None:
            self.filter = SnapshotFilter.load(self.session.connection, self.context)

    def save_counts(self) -> tuple[Tally, dict[QName, list[int]]]:
        """What is counted now, for :meth:`restore_counts`."""
        tally = self._tally
        copy = Tally(tally.transactions, tally.changes, tally.user_changes, tally.committed_at, {}, dict(tally.arrivals))
        return copy, {name: list(counts) for name, counts in self._counts.items()}

    def restore_counts(self, saved: tuple[Tally, dict[QName, list[int]]]) -> None:
        """Take back what was folded and counted since."""
        self._tally = saved[0]
        for name, counts in self._counts.items():
            counts[:] = saved[1].get(name, [0, 0, 0, 0])
        for fold in self._folds.values():
            fold.clear()

    def mark_savepoint(self) -> None:
        """Begin the target transaction if need be, and set a savepoint in it."""
        self._begin(self.last)
        self.session.savepoint()
        self.session.send()

    def table_of(self, change: Change) -> Table:
        """The root a user's change belongs to."""
        return self._table(change.relation)

    def _table(self, relation: Relation) -> Table:
        table = self._roots.root(relation)
        assert table is not None
        return table

    def put_aside(self, transaction: Transaction, change: Change, error: str) -> None:
        """Queue a change for the quarantine, and hold what depends on it."""
        route = self._route(change.relation)
        assert route is not None
        keys = {tuple(map(_text, values)): None for _, kind, values in marks(route.table, change) if kind == "key"}
        self._begin(transaction.position)
        self.session.put_aside(
            route.target.source,
            json.dumps(list(keys)).encode(),
            transaction.position,
            error,
            json.dumps(change_to_json(change)).encode(),
        )
        self.held.add(route.table, change)

    # -- inside ----------------------------------------------------------------------------------------------------
    def _begin(self, upto: Position) -> None:
        if not self.begun:
            self.settle()
            self.session.begin(upto)
            self.begun = self.ends = True

    def take_tally(self) -> Tally:
        """What was counted, with the tables' counts in it."""
        self._tally.tables = {name: list(counts) for name, counts in self._counts.items() if any(counts)}
        return self._tally

    def _route(self, relation: Relation) -> Route | None:
        return self._routes.route(relation, lenient=self.filter is not None)

    def _ours(self, change: Change, transaction: Transaction) -> None:
        """A change of one of our own tables: a marker of this migration becomes an arrival."""
        if change.relation.name != MARKER_TABLE or change.new is None:
            return
        values = {
            name: value.decode() if isinstance(value, bytes) else ""
            for name, value in zip(change.relation.columns, change.new, strict=True)
        }
        if values["migration"] != self.context.migration:
            return
        kind = values["kind"]
        self._tally.arrivals[kind] = Arrival(
            kind, values["id"], float(values["written_at"]), transaction.position, self._tally.user_changes
        )
        if kind in ENDING_KINDS:
            self.ends = True

    def _carefully(self, route: Route, change: Change, transaction: Transaction) -> None:
        """A change while some are held, or before the seam point; and every TRUNCATE."""
        if self.held and self.held.touches(route.table, change):
            self.put_aside(transaction, change, "depends on a change that is in quarantine")
        elif change.op == TRUNCATE:
            self._truncate(route, change, transaction)
        elif self.filter is None:
            self._fold(route, change.op, change.old, change.new)
        else:
            self._filtered(self.filter, route, change, transaction)

    def _fold(self, route: Route, op: int, old: Row | None, new: Row | None, count: int = 1) -> None:
        order = route.order
        if order is not None:
            old, new = None if old is None else order(old), None if new is None else order(new)
        if op == INSERT and new is not None:
            route.fold.insert(new)
            route.counts[0] += count
        elif op == UPDATE and new is not None:
            route.fold.update(old, new, route.relation.full)
            route.counts[1] += count
        elif op == DELETE and old is not None:
            route.fold.delete(old)
            route.counts[2] += count

    def _filtered(self, chunks: SnapshotFilter, route: Route, change: Change, transaction: Transaction) -> None:
        relation, xid = route.relation, transaction.xid
        old, new = change.old, change.new
        if change.op != UPDATE or old is None or new is None or not route.key:
            row = new if new is not None else old
            assert row is not None
            if not chunks.sees(relation, _key(route, row), xid):
                self._fold(route, change.op, old, new)
            return
        filled = [
            before if value is UNCHANGED and (relation.full or relation.key[place]) else value
            for place, (value, before) in enumerate(zip(new, old, strict=True))
        ]
        before, after = _key(route, old), _key(route, filled)
        seen = chunks.sees(relation, before, xid)
        if before == after:
            if not seen:
                self._fold(route, UPDATE, old, filled)
            return
        arrived = chunks.sees(relation, after, xid)
        if seen and not arrived:
            if any(value is UNCHANGED for value in filled):
                self._fetch_key(chunks, route, after, transaction)
            else:
                self._fold(route, INSERT, None, filled)
        elif arrived and not seen:
            self._fold(route, DELETE, old, None)
        elif not seen:
            self._fold(route, UPDATE, old, filled)

    def _fetch_key(self, chunks: SnapshotFilter, route: Route, key: Sequence[bytes | None], transaction: Transaction) -> None:
        """The row's large value was never on the target: copy the row anew, as a chunk of its own."""
        self.spill(self.last)
        try:
            if self._capture is None:
                self._capture = engine_of(self.context.capture_db).key_fetcher(self.context.capture_db)
            chunks.fetch_key(self._capture, self.session.connection, route.table, [value or b"" for value in key])
        except psycopg.Error as error:
            if is_passing(error):
                raise passing(self.context, error) from error
            raise ApplyError(
                f"row {key!r} of {route.table.name} could not be copied again: {error.diag.message_primary or error}",
                state="the target transaction was rolled back; every transaction before it is applied",
                next_step="mend the cause and start this command again",
            ) from error

    def _truncate(self, route: Route, change: Change, transaction: Transaction) -> None:
        route.counts[3] += 1
        if self.filter is not None:
            action = self.filter.truncated(change.relation, transaction.xid)
            if action.what == "nothing":
                return
            self.spill(self.last)
            if action.what == "all":
                self.session.truncate_leaf(route.target, change.relation.name)
            for item in action.ranges:
                columns = [column.name for column in item.columns]
                self.session.truncate_range(route.target, change.relation.name, columns, item.lower, item.upper)
            for key in self.filter.fetched_after(route.table, transaction.xid):
                self._fetch_key(self.filter, route, key, transaction)
            return
        together = change.truncated_with or (change.relation,)
        if self.held:  # those wait in quarantine, each with a change of its own
            together = tuple(each for each in together if not self.held.touches(self._table(each), change))
        if change.relation.oid != together[0].oid:
            return  # done with the first table of the statement
        names = {relation.name for relation in together}
        routes = {each.table.name: each for each in map(self._route, together) if each is not None}
        whole = [each for each in routes.values() if names >= set(self._roots.leaves(each.table))]
        partial = [each for each in routes.values() if each not in whole]
        if partial:
            self.spill(self.last)
        for each in whole:
            each.fold.truncate()
        for each in partial:
            for leaf in self._roots.leaves(each.table):
                if leaf in names:
                    self.session.truncate_leaf(each.target, leaf)


def _key(route: Route, row: Row) -> tuple[bytes | None, ...]:
    values = []
    for place in route.key:
        value = row[place]
        assert value is not UNCHANGED  # a long key value is in the old image, and was taken from there
        values.append(value)
    return tuple(values)


def _text(value: object) -> str | None:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else None
