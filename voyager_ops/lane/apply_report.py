"""What a running apply says of itself: figures for the lease, samples for rates, progress for whoever watches."""

from __future__ import annotations

import time
from typing import Any

from voyager_ops.changes.log import ChangeLog
from voyager_ops.databases.postgres.apply import AppliedPosition
from voyager_ops.lane.context import LaneContext
from voyager_ops.lane.metrics import StreamMetrics
from voyager_ops.model.results import Progress, ProgressSink
from voyager_ops.state.processes import Lease

EVERY_SECONDS = 1.0


class ApplyReport:
    """``total`` and ``remaining`` count the users' changes, as the capture's total does: markers and heartbeats are ours.
    ``lag_seconds``: how long ago the last applied transaction was committed, 0 when nothing is left to apply."""

    def __init__(self, context: LaneContext, lease: Lease | None, progress: ProgressSink) -> None:
        self._context = context
        self._lease = lease
        self._progress = progress
        self._log = ChangeLog(context.state, context.data_dir, context.lane)
        self._metrics: StreamMetrics | None = None
        self._applied: AppliedPosition | None = None
        self._at = 0.0

    @property
    def started(self) -> bool:
        """Whether the position was ever read in this run."""
        return self._applied is not None

    def resumed(self, applied: AppliedPosition) -> None:
        """The position as read from the database."""
        if self._metrics is None:
            self._metrics = StreamMetrics(self._context.state, f"{self._context.lane}/applied", applied.user_changes)
        self._applied = applied
        self._publish(applied)

    def update(self, applied: AppliedPosition) -> None:
        """Cheap; publishes once a second."""
        self._applied = applied
        if time.monotonic() - self._at >= EVERY_SECONDS:
            self._publish(applied)

    def waiting(self, why: str) -> None:
        """Say what is waited for."""
        if self._lease is not None:
            self._lease.publish(waiting=why)
        self._progress(Progress(phase="import_data", message=why))

    def totals(self) -> dict[str, Any]:
        """Figures at the end; empty when nothing was ever read."""
        return {} if self._applied is None else self._figures(self._applied)

    def _figures(self, applied: AppliedPosition) -> dict[str, Any]:
        assert self._metrics is not None
        captured = self._log.totals()
        figures = self._metrics.update(applied.user_changes, max(0, captured.user_changes - applied.user_changes)).to_json()
        behind = captured.changes > applied.changes and applied.committed_at
        lag = max(0.0, time.time() - applied.committed_at) if behind else 0.0
        return {
            **figures,
            "transactions": applied.transactions,
            "position": applied.position,
            "seam_passed": applied.seam_passed,
            "lag_seconds": round(lag, 3),
        }

    def _publish(self, applied: AppliedPosition) -> None:
        self._at = time.monotonic()
        figures = self._figures(applied)
        if self._lease is not None:
            self._lease.publish(**figures, waiting="")
        done, remaining = float(applied.user_changes), float(figures["remaining"] or 0)
        self._progress(Progress(phase="import_data", done=done, total=done + remaining, unit="events", figures=figures))
