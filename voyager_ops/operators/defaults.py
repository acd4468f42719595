"""What all our DAGs have in common."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperator, Context, Param

from voyager_ops.hooks.settings import config_dir, migration_names, retry_delay
from voyager_ops.operators.base import AS_CONFIGURED

TAGS = ["voyager-ops"]

LONG_RUNS: dict[str, Any] = {
    "schedule": None,
    "catchup": False,
    "dagrun_timeout": None,
    # Several migrations run side by side; a second run for the same one is refused by its first task.
    "max_active_runs": 64,
    "max_active_tasks": 1100,
    "tags": TAGS,
}
"""Arguments of a DAG whose runs last as long as a migration does."""


def default_args() -> dict[str, Any]:
    """For every task: no time limit, and retries that outlive an outage. Errors which no retry mends fail at once anyway."""
    delay = retry_delay()
    return {
        "owner": "voyager-ops",
        "depends_on_past": False,
        "execution_timeout": None,
        "retries": 5,
        "retry_delay": delay,
        "retry_exponential_backoff": True,
        "max_retry_delay": max(delay, timedelta(minutes=10)) if delay >= timedelta(minutes=1) else delay,
    }


def migration_param() -> Param:
    """The migration's name, chosen from the files found when the DAG was read."""
    names = migration_names()
    described = f"Which migration: the `name` of a YAML file in `{config_dir()}`."
    if not names:
        return Param(type="string", title="Migration", description_md=described + " **There is none there yet.**")
    schema: dict[str, Any] = {"type": "string", "enum": names, "title": "Migration", "description_md": described}
    return Param(names[0], **schema) if len(names) == 1 else Param(**schema)


def flag(default: bool, title: str, description: str) -> Param:
    """A yes or no."""
    return Param(default, type="boolean", title=title, description_md=description)


def choice(title: str, description: str) -> Param:
    """A yes or no that is the configuration's unless a person says otherwise. Who triggers through the API may give a boolean."""
    return Param(
        AS_CONFIGURED,
        type=["string", "boolean"],
        enum=[AS_CONFIGURED, "yes", "no", True, False],
        values_display={"true": "true (the same as yes)", "false": "false (the same as no)"},
        title=title,
        description_md=description,
    )


def text(title: str, description: str) -> Param:
    """Text that may be left empty."""
    return Param(None, type=["null", "string"], title=title, description_md=description)


class FindMigrationsOperator(BaseOperator):
    """The names of all configured migrations, to expand over."""

    def execute(self, context: Context) -> list[str]:
        names = migration_names()
        self.log.info("%d migration(s) in %s: %s", len(names), config_dir(), ", ".join(names) or "-")
        return names
