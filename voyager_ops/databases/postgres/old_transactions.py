"""The transactions of a PostgreSQL database that were open when capture began."""

from __future__ import annotations

import threading

from voyager_ops.databases.postgres.database import Connection
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.results import Progress, ProgressSink, silent


def wait_for_old_transactions(context: LaneContext, stop: threading.Event, progress: ProgressSink = silent) -> None:
    """See :func:`voyager_ops.snapshot.old_transactions.wait_for_old_transactions`."""
    key = "snapshot/waiting"
    with context.capture_db.connect("snapshot") as connection:
        horizon = context.state.get(key)
        if horizon is None:
            # An id of our own: every transaction that has one by now has a smaller one, and once ours has ended a snapshot lists
            # all of those that are still open.
            row = connection.execute("SELECT pg_current_xact_id()::text").fetchone()
            horizon = int(row[0]) if row else 0
            context.state.put(key, horizon)
        while not stop.is_set():
            open_now = [int(row[0]) for row in connection.execute("SELECT x::text FROM pg_snapshot_xip(pg_current_snapshot()) x")]
            elsewhere = {
                int(row[0])
                for row in connection.execute(
                    "SELECT backend_xid::text FROM pg_stat_activity"
                    " WHERE backend_xid IS NOT NULL AND datname IS DISTINCT FROM current_database()"
                    " UNION ALL SELECT transaction::text FROM pg_prepared_xacts WHERE database <> current_database()"
                )
            }
            waiting = [xid for xid in open_now if xid < horizon and xid & 0xFFFFFFFF not in elsewhere]
            if not waiting:
                break
            progress(
                Progress(
                    phase="snapshot",
                    message=f"waiting for {len(waiting)} transaction(s) that were open when capture began: "
                    + _who(connection, waiting),
                )
            )
            stop.wait(1.0)


def _who(connection: Connection, xids: list[int]) -> str:
    rows = connection.execute(
        "SELECT format('pid %%s (%%s) since %%s', pid, usename, date_trunc('second', xact_start)) FROM pg_stat_activity"
        " WHERE backend_xid::text::int8 = ANY (%s)"
        " UNION ALL SELECT format('prepared transaction %%L since %%s', gid, date_trunc('second', prepared))"
        " FROM pg_prepared_xacts"
        " WHERE transaction::text::int8 = ANY (%s)",
        ([xid & 0xFFFFFFFF for xid in xids],) * 2,
    ).fetchall()
    return "; ".join(str(row[0]) for row in rows) or "ending"
