"""Waiting, before the first chunk, for the transactions that were open when capture began."""

from __future__ import annotations

import threading

from voyager_ops.databases.engines import engine_of
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.results import ProgressSink, silent


def wait_for_old_transactions(context: LaneContext, stop: threading.Event, progress: ProgressSink = silent) -> None:
    """Wait until every transaction of the capture side that was open when first called has ended.

    Called after capture is prepared and before the first chunk: a transaction that was open then may commit without being in the
    stream nor visible to an early chunk. The horizon is recorded, so that a restart waits for the same ones.
    """
    engine_of(context.capture_db).wait_for_old_transactions(context, stop, progress)
