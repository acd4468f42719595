"""Rehearses every configured migration, by schedule: preflight, schema, drift since the last time, estimates. Touches nothing."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import DAG

from voyager_ops.hooks.settings import dry_run_schedule
from voyager_ops.operators.defaults import TAGS, FindMigrationsOperator, default_args
from voyager_ops.operators.phases import DryRunOperator

with DAG(
    "dry_run",
    description="What each configured migration would meet now",
    doc_md=__doc__,
    default_args=default_args() | {"retries": 1},
    schedule=dry_run_schedule(),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=TAGS,
):
    find = FindMigrationsOperator(task_id="find_migrations")
    DryRunOperator.partial(task_id="dry_run", map_index_template="{{ task.migration }}").expand(migration=find.output)
