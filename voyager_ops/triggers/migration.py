"""Waiting without a worker: a condition of a migration, read every few seconds in a thread of the triggerer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import psycopg
from airflow.triggers.base import BaseTrigger, TriggerEvent

from voyager_ops.config_file import load_config
from voyager_ops.errors import VoyagerOpsError
from voyager_ops.hooks.connection import resolve_async
from voyager_ops.hooks.settings import mask_passwords
from voyager_ops.migration import Migration
from voyager_ops.triggers.conditions import Condition, Reading, condition

LOG_SECONDS = 30.0
QUIET_SECONDS = 6.0
"""No event sooner than this after the task has left its worker: Airflow 3.3's scheduler fails a try whose task is queued again
before it has booked the end of the first part (seen at 4 s on a busy machine)."""
REJECTED = "airflow/rejected"
"""State document: which run of ``live_migration`` had its cutover rejected, and by whom."""


class MigrationTrigger(BaseTrigger):
    """Fires when ``condition`` holds, or with an error when waiting is of no use. Airflow stores its arguments: no secrets."""

    def __init__(self, config_path: str, condition: str, lane: str, poll_interval: float, rejected_run: str = "") -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.config_path = config_path
        self.condition = condition
        self.lane = lane
        self.poll_interval = poll_interval
        self.rejected_run = rejected_run

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "voyager_ops.triggers.migration.MigrationTrigger",
            {
                "config_path": self.config_path,
                "condition": self.condition,
                "lane": self.lane,
                "poll_interval": self.poll_interval,
                "rejected_run": self.rejected_run,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        try:
            migration = await self._open()
            waiting = condition(self.condition, self.lane)
            logged, started = 0.0, time.monotonic()
            while True:
                reading = await asyncio.to_thread(self._read, migration, waiting)
                if reading is not None and reading.holds:
                    await asyncio.sleep(max(QUIET_SECONDS - (time.monotonic() - started), 0.0))
                    yield _event({"words": reading.words, "figures": reading.figures})
                    return
                if await asyncio.to_thread(self._rejected, migration):
                    yield _event({"rejected": True})
                    return
                if reading is not None and time.monotonic() - logged >= LOG_SECONDS:
                    logged = time.monotonic()
                    self.log.info("%s: %s", migration.name, reading.words)
                await asyncio.sleep(self.poll_interval)
        except VoyagerOpsError as error:
            yield _event({"error": str(error), "retryable": error.retryable})

    async def _open(self) -> Migration:
        config = await asyncio.to_thread(load_config, self.config_path)
        mask_passwords(config)
        ids = [database.conn_id for database in (config.source, config.target) if database.conn_id is not None]
        urls = {conn_id: await resolve_async(conn_id) for conn_id in ids}
        return Migration(config, urls.__getitem__)

    def _rejected(self, migration: Migration) -> bool:
        """Whether the cutover of the run we wait for was rejected."""
        found = migration.state.get(REJECTED) if self.rejected_run else None
        return found is not None and found["run_id"] == self.rejected_run

    def _read(self, migration: Migration, waiting: Condition) -> Reading | None:
        """One reading; None when a database is away for the moment (waiting goes on)."""
        try:
            return waiting.read(migration)
        except VoyagerOpsError as error:
            if not error.retryable:
                raise
            self.log.warning("%s", error.what)
            return None
        except psycopg.OperationalError as error:
            self.log.warning("A connection was lost while looking (%s); looking again.", type(error).__name__)
            return None


def _event(payload: dict[str, Any]) -> TriggerEvent:
    return TriggerEvent(payload)  # type: ignore[no-untyped-call]
