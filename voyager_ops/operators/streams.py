"""The tasks that run for weeks: one process captures a side's changes, another applies them to the other side."""

from __future__ import annotations

import os
import socket
from abc import abstractmethod
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from voyager_ops.hooks.settings import stream_queue, stream_retries
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Lane
from voyager_ops.model.results import PhaseResult
from voyager_ops.operators.base import MigrationOperator
from voyager_ops.operators.runs import run_is_under_way
from voyager_ops.phases import export_data, import_data
from voyager_ops.phases.base import EXPORT_ROLE, IMPORT_ROLE, wait_until
from voyager_ops.phases.export_data import StreamResult
from voyager_ops.state.processes import ProcessInfo, processes, request_stop

TAKE_OVER_SECONDS = 60.0
"""How long a new try waits for the process of the try before it (a process of another host counts as gone after 20 s)."""


class StreamOperator(MigrationOperator):
    """Streams until its lane ends. A new try asks what is left of an earlier one to stop, waits until it is gone, and resumes."""

    ui_color = "#e8f5e9"

    def __init__(self, *, lane: Lane | str = Lane.FORWARD, **arguments: Any) -> None:
        arguments.setdefault("retries", stream_retries())
        if stream_queue():
            arguments.setdefault("queue", stream_queue())
        super().__init__(**arguments)
        self.lane = str(lane)

    @property
    @abstractmethod
    def role(self) -> str: ...

    @abstractmethod
    def stream(self, migration: Migration) -> StreamResult: ...

    def run_phase(self, migration: Migration, context: Context) -> PhaseResult:
        self._wait_for_predecessor(migration, context)
        migration.state.put(self._owner_key, self._identity(context))
        result = self.stream(migration)
        if not result.completed and not self.stopped_by_airflow:
            raise AirflowSkipException(
                f"{self.role!r} was stopped on request. Its position is kept: clear this task, or start the DAG again, to resume."
            )
        return result

    def execute(self, context: Context) -> Any:
        self.stopped_by_airflow = False
        return super().execute(context)

    def on_kill(self) -> None:
        self.stopped_by_airflow = True
        super().on_kill()

    @property
    def _owner_key(self) -> str:
        return f"airflow/stream/{self.role}"

    def _identity(self, context: Context) -> dict[str, Any]:
        ti = context["ti"]
        return {
            "dag_id": ti.dag_id,
            "run_id": ti.run_id,
            "task_id": ti.task_id,
            "host": socket.gethostname(),
            "pid": os.getpid(),
        }

    def _wait_for_predecessor(self, migration: Migration, context: Context) -> None:
        """Only what Airflow itself has left behind is asked to go: an earlier try of this task, or a run that is over.

        Anything else (a person's own command line, a run that is under way) keeps the stream; we are then refused by its lease.
        """
        info = self._running(migration)
        if info is None or not self._left_behind(info, migration.state.get(self._owner_key), context):
            return
        self.log.warning("An earlier process (pid %s on %s) still streams: asking it to stop.", info.pid, info.host)
        request_stop(migration.state, self.role)
        wait_until(lambda: self._running(migration) is None, stop=self.stop, seconds=TAKE_OVER_SECONDS)

    def _running(self, migration: Migration) -> ProcessInfo | None:
        info = processes(migration.state).get(self.role)
        return info if info is not None and info.alive else None

    def _left_behind(self, info: ProcessInfo, owner: dict[str, Any] | None, context: Context) -> bool:
        if owner is None or (owner["host"], owner["pid"]) != (info.host, info.pid):
            return False
        ti = context["ti"]
        if (owner["dag_id"], owner["run_id"], owner["task_id"]) == (ti.dag_id, ti.run_id, ti.task_id):
            return True
        return not run_is_under_way(context, owner["dag_id"], owner["run_id"])


class ExportDataOperator(StreamOperator):
    """``export data from source`` (forward lane) or ``from target`` (fallback)."""

    @property
    def role(self) -> str:
        return EXPORT_ROLE[Lane(self.lane)]

    def stream(self, migration: Migration) -> StreamResult:
        return export_data.run(migration, Lane(self.lane), stop=self.stop, progress=self.progress)


class ImportDataOperator(StreamOperator):
    """``import data to target`` (forward lane; the snapshot is copied by its own tasks) or ``to source`` (fallback)."""

    @property
    def role(self) -> str:
        return IMPORT_ROLE[Lane(self.lane)]

    def stream(self, migration: Migration) -> StreamResult:
        return import_data.run(
            migration,
            Lane(self.lane),
            with_snapshot=False,
            drive_cutover=False,
            stop=self.stop,
            progress=self.progress,
        )
