"""What Airflow is told of this package: its configuration section, plugin and links."""

from __future__ import annotations

from typing import Any

from voyager_ops import __version__


def get_provider_info() -> dict[str, Any]:
    """The provider's metadata (entry point ``apache_airflow_provider``). Imports nothing of Airflow."""
    return {
        "package-name": "voyager-ops",
        "name": "Voyager Ops",
        "description": "Live database migration with fall-back: Oracle or PostgreSQL to YugabyteDB or PostgreSQL.",
        "versions": [__version__],
        "extra-links": ["voyager_ops.operators.base.MigrationLink"],
        "plugins": [{"name": "voyager_ops", "plugin-class": "voyager_ops.dashboard.plugin.VoyagerOpsPlugin"}],
        "config": {
            "voyager_ops": {
                "description": "Settings of Voyager Ops.",
                "options": {
                    "config_dir": _option(
                        "Directory of the migrations' YAML files, the same on every component. VOYAGER_OPS_CONFIG_DIR "
                        "goes first; empty: $AIRFLOW_HOME/migrations.",
                        "string",
                        "",
                    ),
                    "stream_retries": _option("Retries of the tasks that stream changes.", "integer", "30"),
                    "stream_queue": _option("Celery queue of the tasks that stream; empty: the default one.", "string", ""),
                    "retry_delay": _option(
                        "Seconds before the first retry of a task; doubles, up to ten minutes.", "float", "60"
                    ),
                    "poll_interval": _option("Seconds between two looks of a sensor.", "float", "10"),
                    "dry_run_schedule": _option("Cron line of the DAG dry_run; empty: only by hand.", "string", "0 4 * * *"),
                },
            }
        },
    }


def _option(description: str, kind: str, default: str) -> dict[str, Any]:
    return {"description": description, "version_added": "0.1.0", "type": kind, "example": None, "default": default}
