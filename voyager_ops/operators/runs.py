"""Which DAG run a migration belongs to: a second run continues the migration, or is refused with the reason."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from voyager_ops.errors import PreconditionError
from voyager_ops.hooks.settings import open_migration
from voyager_ops.migration import Migration
from voyager_ops.operators.base import MIGRATION, airflow_errors, as_wanted
from voyager_ops.phases import cutover
from voyager_ops.state.processes import request_stop
from voyager_ops.triggers.migration import REJECTED

UNDER_WAY = ("queued", "running", "restarting")
LIVE_MIGRATION, FALL_BACK, END_MIGRATION = "live_migration", "fall_back", "end_migration"


def run_key(dag_id: str) -> str:
    """The document that names the run of ``dag_id`` which the migration belongs to."""
    return f"airflow/run/{dag_id}"


def run_is_under_way(context: Context, dag_id: str, run_id: str) -> bool:
    """Whether Airflow has that run queued or running."""
    return context["ti"].get_dr_count(dag_id=dag_id, run_ids=[run_id], states=list(UNDER_WAY)) > 0


def request_stops(migration: Migration, roles: Sequence[str]) -> None:
    """Ask streams to stop at their next heartbeat; they can be resumed."""
    for role in roles:
        request_stop(migration.state, role)


class BeginOperator(BaseOperator):
    """Makes this run the migration's own, or refuses because another one is under way or the migration is past this DAG."""

    template_fields: Sequence[str] = ("migration",)

    def __init__(self, *, migration: str = MIGRATION, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.migration = migration

    def execute(self, context: Context) -> dict[str, Any]:
        ti = context["ti"]
        with airflow_errors():
            migration = open_migration(self.migration)
            mine = {"run_id": ti.run_id, "at": time.time()}
            known = migration.state.get(run_key(ti.dag_id))
            if known is not None and known["run_id"] != ti.run_id:
                self._refuse_or_continue(migration, context, known["run_id"])
            migration.state.put(run_key(ti.dag_id), mine)
            if ti.dag_id == LIVE_MIGRATION:
                migration.state.delete(REJECTED)
        return {"migration": migration.name, **mine}

    def _refuse_or_continue(self, migration: Migration, context: Context, other: str) -> None:
        dag_id = context["ti"].dag_id
        if run_is_under_way(context, dag_id, other):
            raise PreconditionError(
                f"migration {migration.name!r} is under way in run {other!r} of {dag_id!r}",
                state="untouched by this run",
                next_step=f"watch run {other!r}; clear its failed tasks to go on, or fail it and start {dag_id!r} again",
            )
        status = cutover.status(migration)
        over = status.cutover_to_target if dag_id == LIVE_MIGRATION else status.cutover_to_source
        if over == "COMPLETED":
            raise PreconditionError(
                f"migration {migration.name!r} has cut over already: there is nothing left for {dag_id!r} to do",
                state="untouched by this run",
                next_step="the DAG end_migration when the migration is to be ended",
            )
        self.log.info("Run %r of %s is over: this run continues migration %r where it stands.", other, dag_id, migration.name)


class TriggerFallBackOperator(TriggerDagRunOperator):
    """Starts the DAG ``fall_back`` for this migration unless its run is under way; skipped when no way back is wanted."""

    template_fields: Sequence[str] = (*TriggerDagRunOperator.template_fields, "migration", "wanted")

    def __init__(self, *, wanted: bool | str, migration: str = MIGRATION, **arguments: Any) -> None:
        super().__init__(trigger_dag_id=FALL_BACK, fail_when_dag_is_paused=True, **arguments)
        self.wanted = wanted
        self.migration = migration

    def execute(self, context: Context) -> Any:
        ti: Any = context["ti"]
        with airflow_errors():
            migration = open_migration(self.migration)
            if not migration.wants_fall_back(as_wanted(self.wanted)):
                raise AirflowSkipException("No fall-back is wanted: after the cutover there is no way back.")
            known = migration.state.get(run_key(FALL_BACK))
            if known is not None and run_is_under_way(context, FALL_BACK, known["run_id"]):
                self.log.info("The fall-back of %r is under way in run %r.", migration.name, known["run_id"])
                return known["run_id"]
            run_id = base = f"{migration.name}__{ti.run_id}"
            attempt = 1
            while ti.get_dr_count(dag_id=FALL_BACK, run_ids=[run_id]):
                attempt += 1
                run_id = f"{base}__{attempt}"
            # Before the run exists: whoever comes next must find it.
            migration.state.put(run_key(FALL_BACK), {"run_id": run_id, "at": time.time()})
        self.trigger_run_id = run_id
        self.conf = {"migration": migration.name, "live_run": ti.run_id}
        return super().execute(context)
