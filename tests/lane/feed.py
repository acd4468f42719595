"""Transactions made by hand, fed to apply in place of the change log, and lanes between two databases of a test."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from struct import pack

from tests.conftest import Database
from voyager_ops.config import ChangesConfig
from voyager_ops.databases.postgres import metadata
from voyager_ops.databases.postgres.catalog import read_tables
from voyager_ops.databases.postgres.database import PostgresDatabase
from voyager_ops.databases.postgres.pgoutput import decode
from voyager_ops.lane.apply_loop import ApplyLoop
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.changes import (
    DELETE,
    INSERT,
    TRUNCATE,
    UNCHANGED,
    UPDATE,
    Change,
    RawChanges,
    Relation,
    Row,
    Transaction,
    Value,
)
from voyager_ops.model.positions import FROM_SIDE, TO_SIDE, Lane, Position
from voyager_ops.model.results import silent
from voyager_ops.model.tables import NameMap, QName, Table
from voyager_ops.state.lanes import PREPARED, update_lane
from voyager_ops.state.store import State

START = Position(f"{16:016X}")
MARKER = Relation(
    1,
    QName("voyager_ops", "marker"),
    ("migration", "kind", "id", "written_at"),
    (True, True, False, False),
    (25, 25, 25, 701),
    False,
)


@dataclass
class Feed:
    """Whole transactions in order; grows while it is read."""

    context: LaneContext
    transactions: list[tuple[Position, list[Change]]] = field(default_factory=list)
    on_empty: Callable[[], None] = lambda: None
    reads: int = 0
    raw: bool = True
    """Hand the changes out as frames, too, as the change log does."""
    together: int = 2
    """Transactions of a run, at most."""

    def commit(self, *changes: Change) -> Position:
        position = Position(f"{16 + 16 * (len(self.transactions) + 1):016X}")
        self.transactions.append((position, list(changes)))
        return position

    def reader(self, after: Position) -> FeedReader:
        return FeedReader(self, after)

    # -- changes of a table, values as text ----------------------------------------------------------------------------
    def table(self, name: str) -> Table:
        return next(table for table in self.context.tables if table.name.name == name)

    def relation(self, name: str, leaf: str | None = None, full: bool = False) -> Relation:
        table = self.table(name)
        columns = table.data_columns
        physical = next(item for item in table.leaves if item.name.name == (leaf or name))
        return Relation(
            physical.oid,
            physical.name,
            tuple(column.name for column in columns),
            tuple(full or not table.key or column.name in table.key for column in columns),
            tuple(column.type_oid for column in columns),
            full or not table.key,
        )

    def insert(self, name: str, leaf: str | None = None, **values: object) -> Change:
        relation = self.relation(name, leaf)
        return Change(INSERT, relation, None, row(relation, values))

    def update(self, name: str, old: Mapping[str, object] | None = None, leaf: str | None = None, **values: object) -> Change:
        relation = self.relation(name, leaf)
        return Change(UPDATE, relation, None if old is None else row(relation, old), row(relation, values))

    def delete(self, name: str, leaf: str | None = None, **values: object) -> Change:
        relation = self.relation(name, leaf)
        return Change(DELETE, relation, row(relation, values), None)

    def truncate(self, *names: tuple[str, str]) -> list[Change]:
        """(table, leaf) pairs of one statement."""
        relations = tuple(self.relation(name, leaf) for name, leaf in names)
        return [Change(TRUNCATE, relation, None, None, relations) for relation in relations]

    def marker(self, kind: str, marker_id: str, migration: str = "m") -> Change:
        values: list[Value] = [migration.encode(), kind.encode(), marker_id.encode(), b"1700000000.5"]
        return Change(INSERT, MARKER, None, values)


def row(relation: Relation, values: Mapping[str, object]) -> Row:
    unknown = set(values) - set(relation.columns)
    assert not unknown, unknown
    return [text(values.get(name)) for name in relation.columns]


def text(value: object) -> Value:
    if value is None or value is UNCHANGED:
        return value
    if isinstance(value, bytes):
        return value
    if isinstance(value, bool):
        return b"t" if value else b"f"
    return str(value).encode()


def raw_changes(changes: Sequence[Change]) -> RawChanges:
    """The changes as pgoutput frames."""
    frames = []
    for place, change in enumerate(changes):
        if change.op == TRUNCATE:
            together = change.truncated_with or (change.relation,)
            if change.relation is together[0] or place == 0 or changes[place - 1].truncated_with != together:
                frames.append(b"T" + pack(">IB", len(together), 0) + b"".join(pack(">I", each.oid) for each in together))
            continue
        frame = bytes((change.op,)) + pack(">I", change.relation.oid)
        if change.old is not None:
            frame += (b"O" if change.relation.full else b"K") + tuple_of(change.old)
        if change.new is not None:
            frame += b"N" + tuple_of(change.new)
        frames.append(frame)
    relations = {each.oid: each for change in changes for each in (change.relation, *change.truncated_with)}
    return RawChanges(b"".join(pack(">I", len(frame)) + frame for frame in frames), relations, len(changes))


def tuple_of(row: Row) -> bytes:
    """A row as pgoutput writes it."""
    parts = [pack(">H", len(row))]
    for value in row:
        if isinstance(value, bytes):
            parts.append(b"t" + pack(">I", len(value)) + value)
        else:
            parts.append(b"n" if value is None else b"u")
    return b"".join(parts)


@dataclass
class FeedReader:
    feed: Feed
    after: Position
    run_changes: int = 0

    def read(self, timeout: float) -> Iterator[Transaction]:
        number = bisect_right(self.feed.transactions, self.after, key=lambda item: item[0])
        while number < len(self.feed.transactions):
            run = [self._one(number)]
            number += 1
            if self.feed.raw and self.run_changes:
                while (
                    number < len(self.feed.transactions) and len(run) < self.feed.together and _alike(run[0], self._one(number))
                ):
                    run.append(self._one(number))
                    number += 1
            self.after = run[-1].position
            yield run[0] if len(run) == 1 else _run(run)
        if timeout:
            self.feed.on_empty()

    def _one(self, number: int) -> Transaction:
        position, changes = self.feed.transactions[number]
        raw = (raw_changes(changes),) if self.feed.raw else None
        return Transaction(position, 1000 + number, 1_700_000_000.0, len(changes), iter(changes), raw)

    def close(self) -> None:
        self.feed.reads += 1


def _raw(transaction: Transaction) -> RawChanges:
    assert transaction.raw is not None
    (raw,) = transaction.raw
    return raw


def _alike(one: Transaction, other: Transaction) -> bool:
    """Whether no relation is described in two ways."""
    mine, its = _raw(one).relations, _raw(other).relations
    return all(mine.get(oid, relation) == relation for oid, relation in its.items())


def _run(some: list[Transaction]) -> Transaction:
    last = some[-1]
    raws = [_raw(one) for one in some]
    relations = {oid: relation for raw in raws for oid, relation in raw.relations.items()}
    count = sum(one.count for one in some)
    whole = RawChanges(b"".join(raw.data for raw in raws), relations, count)
    changes = iter([change for one in some for change in one.changes])
    return Transaction(
        last.position, last.xid, last.committed_at, count, changes, (whole,), len(some), lambda: iter(_again(some))
    )


def _again(some: list[Transaction]) -> list[Transaction]:
    """Their changes were read into the run."""
    return [replace(one, changes=decode(_raw(one))) for one in some]


def make_context(
    source: Database,
    target: Database,
    directory: Path,
    *,
    lane: Lane = Lane.FORWARD,
    changes: ChangesConfig | None = None,
    schemas: tuple[str, ...] = ("public",),
    names: Mapping[str, str] | None = None,
    apply_url: str | None = None,
    seam_passed: bool = True,
) -> LaneContext:
    """A prepared lane between two databases that have their tables already; past its seam unless told otherwise."""
    capture, to = (source, target) if lane is Lane.FORWARD else (target, source)
    state = State.open("m", directory=directory)
    capture_db = PostgresDatabase.from_url(capture.configured, side=FROM_SIDE[lane], migration="m")
    apply_db = PostgresDatabase.from_url(apply_url or to.configured, side=TO_SIDE[lane], migration="m")
    with capture_db.connect("test") as connection:
        tables = tuple(read_tables(connection, schemas))
    with PostgresDatabase.from_url(to.configured, side=TO_SIDE[lane], migration="m").connect("test") as connection:
        metadata.install(connection)
        if seam_passed:
            connection.execute(
                "INSERT INTO voyager_ops.lane_position (migration, lane, part, position, seam_passed)"
                " VALUES ('m', %s, 0, %s, true) ON CONFLICT DO NOTHING",
                (str(lane), START),
            )
    update_lane(state, lane, status=PREPARED, start_position=START)
    return LaneContext(
        "m", lane, capture_db, apply_db, tables, NameMap(dict(names or {})), state, directory, changes or ChangesConfig()
    )


def run_apply(feed: Feed, *, gate: Callable[[], bool] | None = None, at_seam: Callable[[], None] | None = None) -> None:
    """Apply everything the feed has, then stop."""
    stop = threading.Event()
    feed.on_empty = stop.set
    ApplyLoop(feed.context, stop, None, silent, feed.reader, at_seam=at_seam, gate=gate).run()
