"""The task that opens the other side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from voyager_ops.migration import Migration
from voyager_ops.model.positions import Side
from voyager_ops.model.results import PhaseResult
from voyager_ops.operators.base import MigrationOperator, as_wanted
from voyager_ops.operators.phases import answered_by
from voyager_ops.phases import cutover


class CutoverOperator(MigrationOperator):
    """Cuts over to ``direction`` in the name of who answered ``approval_task_id`` with ``approval``.

    A crash is resumed by the next try.

    One that was called off and undone (a writer was seen, the deadline passed) fails the task: clear the approval to ask again.
    """

    template_fields: Sequence[str] = (*MigrationOperator.template_fields, "fall_back")
    ui_color = "#fce4ec"

    def __init__(
        self,
        *,
        direction: Side | str,
        approval_task_id: str,
        approval: str,
        fall_back: bool | str | None = None,
        **arguments: Any,
    ) -> None:
        super().__init__(**arguments)
        self.direction = str(direction)
        self.approval_task_id = approval_task_id
        self.approval = approval
        self.fall_back = fall_back

    def run_phase(self, migration: Migration, context: Context) -> PhaseResult:
        direction = Side(self.direction)
        if getattr(cutover.status(migration), f"cutover_to_{direction}") == "COMPLETED":
            return cutover.run(migration, direction, stop=self.stop, progress=self.progress)
        return cutover.run(
            migration,
            direction,
            prepare_for_fall_back=as_wanted(self.fall_back),
            by=answered_by(context, self.approval_task_id, self.approval),
            stop=self.stop,
            progress=self.progress,
        )
