"""Eyes of the demo: what the migration's own records and databases say, in lines for a terminal; and a comparison of its own."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import sql

from voyager_ops.databases.postgres import metadata
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Lane, Side
from voyager_ops.phases import status
from voyager_ops.snapshot.plan import load_plan
from voyager_ops.state import cutovers
from voyager_ops.state.lanes import ENDED, NONE, read_lane

SHOWN = 4
"""Tables named in one line of progress."""


@dataclass(frozen=True)
class Digest:
    """A table's rows and the sum of their hashes: equal contents have equal digests, in whatever order they lie."""

    rows: int
    hashes: int


def snapshot_line(migration: Migration) -> str:
    """How far the snapshot is, per table; '' before it is planned."""
    plan = load_plan(migration.state)
    if not plan:
        return ""
    with migration.target.connect("demo") as connection:
        done: dict[int, int] = {}
        if metadata.installed(connection):
            rows = connection.execute(
                "SELECT chunk_id, rows FROM voyager_ops.chunk WHERE migration = %s AND chunk_id >= 0", (migration.name,)
            )
            done = {int(chunk_id): int(count) for chunk_id, count in rows}
    tables: dict[str, list[int]] = {}
    for chunk in plan:
        figures = tables.setdefault(str(chunk.table), [0, 0, 0])
        figures[0] += 1
        figures[1] += chunk.chunk_id in done
        figures[2] += done.get(chunk.chunk_id, 0)
    loaded = sum(figures[0] == figures[1] for figures in tables.values())
    under_way = [f"{name} {rows:,} rows" for name, (chunks, copied, rows) in tables.items() if 0 < copied < chunks]
    line = f"snapshot: {loaded} of {len(tables)} tables, {sum(figures[2] for figures in tables.values()):,} rows"
    return line + (f"; under way: {', '.join(under_way[:SHOWN])}" if under_way else "")


def lane_line(migration: Migration, lane: Lane) -> str:
    """How far a lane is; '' when it has not begun or is over."""
    record = read_lane(migration.state, lane)
    if record.status in {NONE, ENDED}:
        return ""
    lag = status.lag(migration, lane)
    captured = events(migration, lane)
    if lag.events is None:
        behind = "nothing applied yet"
    else:
        behind = f"lag {lag.events:,} events" + (f", {lag.seconds:.1f} s" if lag.seconds is not None else "")
    way = "source → target" if lane is Lane.FORWARD else "target → source"
    return f"{way}: {captured:,} events captured, {behind}"


def events(migration: Migration, lane: Lane) -> int:
    """Changes captured in the lane so far."""
    return int(status.run(migration).lanes.get(str(lane), {}).get("captured_changes", 0))


def cutover_word(migration: Migration, side: Side) -> str:
    """The last attempt's status, or ''."""
    record = cutovers.read(migration.state, side)
    return record.status if record is not None else ""


def digests(url: str) -> dict[str, Digest]:
    """Every table of schema public, in one snapshot. Independent of the product's own verification on purpose."""
    with psycopg.connect(url, options="-c timezone=UTC -c extra_float_digits=3") as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        names = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
            " AND NOT relispartition ORDER BY relname"
        ).fetchall()
        result = {}
        for (name,) in names:
            statement = sql.SQL("SELECT count(*), COALESCE(sum(hashtextextended(t::text, 0)::numeric), 0) FROM public.{} AS t")
            row = connection.execute(statement.format(sql.Identifier(name))).fetchone()
            assert row is not None
            result[name] = Digest(int(row[0]), int(row[1]))
        return result
