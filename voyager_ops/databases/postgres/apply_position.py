"""The position of a lane in the database it is applied to, and what is counted beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from voyager_ops.databases.postgres.apply_arrays import text_array
from voyager_ops.databases.postgres.apply_pipeline import Statement
from voyager_ops.databases.postgres.apply_plan import Planned
from voyager_ops.databases.postgres.database import Connection
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import START, Lane, Position
from voyager_ops.model.tables import QName


@dataclass(frozen=True, slots=True)
class AppliedPosition:
    """What a lane has applied to a database. ``changes`` counts all, ``user_changes`` those of the user's tables."""

    position: Position
    transactions: int = 0
    changes: int = 0
    user_changes: int = 0
    committed_at: float = 0.0
    seam_passed: bool = False


@dataclass(slots=True)
class Arrival:
    """A marker's arrival. ``user_changes`` is the lane's counter at that point, ``position`` its transaction's."""

    kind: str
    id: str
    written_at: float
    position: Position
    user_changes: int


@dataclass(slots=True)
class Tally:
    """What is counted beside the rows of a batch. ``tables``: source name to [inserts, updates, deletes, truncates]."""

    transactions: int = 0
    changes: int = 0
    user_changes: int = 0
    committed_at: float = 0.0
    tables: dict[QName, list[int]] = field(default_factory=dict)
    arrivals: dict[str, Arrival] = field(default_factory=dict)


_POSITION = (
    "SELECT position, transactions, changes, user_changes, committed_at, seam_passed FROM voyager_ops.lane_position"
    " WHERE migration = %s AND lane = %s AND part = 0"
)
_LOCKED_POSITION = _POSITION + " FOR UPDATE"


def read_position(connection: Connection, migration: str, lane: Lane, *, lock: bool = False) -> AppliedPosition:
    """How far ``lane`` is applied on this database; :data:`START` and zeros when it never was. ``lock`` waits for a transaction
    that is about to move it."""
    row = connection.execute(_LOCKED_POSITION if lock else _POSITION, (migration, str(lane))).fetchone()
    if row is None:
        return AppliedPosition(START)
    return AppliedPosition(Position(row[0]), int(row[1]), int(row[2]), int(row[3]), float(row[4]), bool(row[5]))


def part_positions(connection: Connection, migration: str, lane: Lane) -> dict[int, Position]:
    """Where the connections beside the first stand, by their number; empty unless changes are applied over several."""
    query = "SELECT part, position FROM voyager_ops.lane_position WHERE migration = %s AND lane = %s AND part > 0 ORDER BY part"
    return {int(row[0]): Position(row[1]) for row in connection.execute(query, (migration, str(lane)))}


def counters(context: LaneContext, applied: AppliedPosition, tally: Tally) -> Iterable[Planned]:
    """Statements that write what was counted, for the transaction that applied it to ``applied``."""
    lane = (context.migration.encode(), str(context.lane).encode())
    numbers = (tally.transactions, tally.changes, tally.user_changes, tally.committed_at)
    yield Planned(
        Statement(
            b"UPDATE voyager_ops.lane_position SET transactions = transactions + $3, changes = changes + $4,"
            b" user_changes = user_changes + $5, committed_at = greatest(committed_at, $6)"
            b" WHERE migration = $1 AND lane = $2 AND part = 0",
            [*lane, *(str(number).encode() for number in numbers)],
            [0] * 6,
        ),
        "counters",
        expect=1,
    )
    if tally.tables:
        names = [str(name).encode() for name in tally.tables]
        counts = [[str(numbers[place]).encode() for numbers in tally.tables.values()] for place in range(4)]
        yield Planned(
            Statement(
                b"INSERT INTO voyager_ops.lane_table AS t (migration, lane, table_name, inserts, updates, deletes, truncates)"
                b" SELECT $1, $2, n, i::int8, u::int8, d::int8, x::int8"
                b" FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[]) AS v (n, i, u, d, x)"
                b" ON CONFLICT (migration, lane, table_name) DO UPDATE SET inserts = t.inserts + excluded.inserts,"
                b" updates = t.updates + excluded.updates, deletes = t.deletes + excluded.deletes,"
                b" truncates = t.truncates + excluded.truncates",
                [*lane, text_array(names), *(text_array(column) for column in counts)],
                [0, 0, 1, 1, 1, 1, 1],
            ),
            "counters",
        )
    for arrival in tally.arrivals.values():
        user_changes = applied.user_changes + arrival.user_changes
        values = (arrival.kind, arrival.id, repr(arrival.written_at), arrival.position, str(user_changes))
        yield Planned(
            Statement(
                b"INSERT INTO voyager_ops.arrival AS a (migration, lane, kind, id, written_at, position, user_changes)"
                b" VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (migration, lane, kind) DO UPDATE SET id = excluded.id,"
                b" written_at = excluded.written_at, position = excluded.position, user_changes = excluded.user_changes,"
                b" arrived_at = pg_catalog.clock_timestamp()",
                [*lane, *(value.encode() for value in values)],
                [0] * 7,
            ),
            "counters",
        )
