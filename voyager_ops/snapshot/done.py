"""What of the snapshot is loaded: the target's own rows say it."""

from __future__ import annotations

from voyager_ops.databases.postgres.database import Connection
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import Position
from voyager_ops.snapshot.keys import kept_aside
from voyager_ops.snapshot.plan import Chunk, load_plan
from voyager_ops.state.stopped import mark_incomplete, stopped_tables


def done_chunks(context: LaneContext, connection: Connection) -> dict[int, Position]:
    """Ids of the planned chunks that are loaded, each with its moment's position, from the target's rows."""
    return {
        int(number): Position(position)
        for number, position in connection.execute(
            "SELECT chunk_id, wal_position FROM voyager_ops.chunk WHERE migration = %s AND kind NOT IN ('group', 'one')",
            (context.migration,),
        )
    }


def snapshot_complete(context: LaneContext) -> bool:
    """Whether there is a plan, every chunk of it is done, but for those of tables that are stopped, and every primary key is in
    its place."""
    plan = load_plan(context.state)
    if not plan:
        return False
    wanted = {chunk.chunk_id for chunk in going_on(context, plan)}
    with context.apply_db.connect("snapshot") as connection:
        return wanted <= done_chunks(context, connection).keys() and not kept_aside(connection, context.migration)


def mark_torn(context: LaneContext, connection: Connection) -> None:
    """Record as incomplete the stopped tables of which chunks are missing, or hold more than was captured."""
    stopped = stopped_tables(context.state, context.lane)
    if not stopped:
        return
    done = done_chunks(context, connection)
    torn: set[str] = set()
    for chunk in load_plan(context.state):
        each = stopped.get(str(context.source_name(chunk.table)))
        if each is not None and (chunk.chunk_id not in done or done[chunk.chunk_id] > each.position):
            torn.add(each.table)
    if torn:
        mark_incomplete(context.state, context.lane, torn)


def going_on(context: LaneContext, plan: list[Chunk]) -> list[Chunk]:
    """Without the chunks of tables that are stopped: nothing more is copied of them."""
    stopped = stopped_tables(context.state, context.lane)
    return [chunk for chunk in plan if str(context.source_name(chunk.table)) not in stopped]
