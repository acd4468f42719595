"""What the operators take from Airflow's own configuration, section ``[voyager_ops]``, and how they open a migration."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from airflow.sdk import conf
from airflow.sdk.log import mask_secret

from voyager_ops.config import MigrationConfig
from voyager_ops.config_file import find_configs, load_config
from voyager_ops.databases.secrets import passwords_in
from voyager_ops.errors import ConfigError
from voyager_ops.hooks.connection import resolve
from voyager_ops.migration import Migration

SECTION = "voyager_ops"
CONFIG_DIR_ENV = "VOYAGER_OPS_CONFIG_DIR"

STREAM_RETRIES = 30
RETRY_DELAY = 60.0
"""Thirty tries at least a minute apart: an outage of half an hour must not burn them all."""
POLL_INTERVAL = 10.0


def config_dir() -> Path:
    """The YAML files' directory: VOYAGER_OPS_CONFIG_DIR, else ``[voyager_ops] config_dir``, else ``$AIRFLOW_HOME/migrations``."""
    named = os.environ.get(CONFIG_DIR_ENV) or conf.get(SECTION, "config_dir", fallback="")
    if named:
        return Path(named).expanduser()
    return Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "migrations"


def stream_retries() -> int:
    return conf.getint(SECTION, "stream_retries", fallback=STREAM_RETRIES)


def stream_queue() -> str:
    """Celery's queue of the streaming tasks; empty: the default one."""
    return conf.get(SECTION, "stream_queue", fallback="")


def retry_delay() -> timedelta:
    return timedelta(seconds=conf.getfloat(SECTION, "retry_delay", fallback=RETRY_DELAY))


def poll_interval() -> float:
    """Seconds between two looks of a sensor."""
    return conf.getfloat(SECTION, "poll_interval", fallback=POLL_INTERVAL)


def dry_run_schedule() -> str | None:
    """Cron line of the ``dry_run`` DAG; empty: only by hand."""
    return conf.get(SECTION, "dry_run_schedule", fallback="0 4 * * *") or None


def migration_names() -> list[str]:
    """Names of the migrations which have a file in the configured directory."""
    return sorted(find_configs(config_dir()))


def config_path(name: str) -> Path:
    """The file of the migration ``name``. Raises ConfigError naming what there is."""
    directory = config_dir()
    found = find_configs(directory)
    if name not in found:
        have = ", ".join(sorted(found)) or "none"
        raise ConfigError(
            f"no file here has 'name: {name}' (there are: {have})",
            file=str(directory),
            next_step=f"write {directory / (name + '.yaml')}, or choose one of the names above",
        )
    return found[name]


def open_migration(name: str) -> Migration:
    """The migration ``name``, with Airflow's connections. Its passwords are masked in logs from here on. Raises ConfigError."""
    config = load_config(config_path(name))
    mask_passwords(config)
    return Migration(config, resolve)


def mask_passwords(config: MigrationConfig) -> None:
    """Tell Airflow's log masker the passwords in the file's URLs (those of Airflow connections it knows by itself)."""
    for url in (config.state.url, config.source.url, config.target.url):
        for password in passwords_in(url.get_secret_value()) if url is not None else ():
            mask_secret(password)
