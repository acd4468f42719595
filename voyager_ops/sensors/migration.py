"""Sensors: they look for a few seconds, then wait in the triggerer, where waiting for days costs nothing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, ClassVar

from airflow.sdk import BaseSensorOperator, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from voyager_ops.errors import RetryableError
from voyager_ops.hooks.settings import config_path, open_migration, poll_interval, stream_retries
from voyager_ops.model.positions import Lane
from voyager_ops.operators.base import MIGRATION, MigrationLink, airflow_errors
from voyager_ops.triggers.conditions import condition
from voyager_ops.triggers.migration import MigrationTrigger

PATIENCE_SECONDS = 10.0
"""A wait that is over this soon is not worth the way through triggerer and scheduler, which takes as long."""

NEVER = 10 * 365 * 86_400.0
"""Seconds a sensor waits at most: a migration takes as long as it takes."""


class MigrationSensor(BaseSensorOperator):
    """Waits for ``condition`` of one lane of a migration. Its XCom is the last reading's figures."""

    template_fields: Sequence[str] = ("migration",)
    operator_extra_links = (MigrationLink(),)
    condition: ClassVar[str]
    ui_color = "#ede7f6"

    def __init__(
        self,
        *,
        migration: str = MIGRATION,
        lane: Lane | str = Lane.FORWARD,
        poke_interval: float | None = None,
        deferrable: bool = True,
        **arguments: Any,
    ) -> None:
        arguments.setdefault("timeout", NEVER)
        arguments.setdefault("retries", stream_retries())
        super().__init__(poke_interval=poke_interval if poke_interval is not None else poll_interval(), **arguments)
        self.migration = migration
        self.lane = str(lane)
        self.deferrable = deferrable

    def rejected_run(self, context: Context) -> str:
        """The run of ``live_migration`` whose rejection ends the waiting; '' when that does not matter."""
        return ""

    def execute(self, context: Context) -> Any:  # noqa: RET503 - defer() never returns
        if not self.deferrable:
            return super().execute(context)
        with airflow_errors():
            migration = open_migration(self.migration)
            path = str(config_path(self.migration))
            waiting = condition(self.condition, self.lane)
            deadline = time.monotonic() + PATIENCE_SECONDS
            reading = waiting.read(migration)
            while not reading.holds and time.monotonic() < deadline:
                time.sleep(min(self.poke_interval, PATIENCE_SECONDS / 5))
                reading = waiting.read(migration)
        if reading.holds:
            self.log.info("%s", reading.words)
            return reading.figures
        self.log.info("Waiting in the triggerer: %s", reading.words)
        self.defer(
            trigger=MigrationTrigger(path, self.condition, self.lane, self.poke_interval, self.rejected_run(context)),
            method_name="execute_complete",
        )

    def poke(self, context: Context) -> bool:
        """For ``deferrable=False``. The condition object is kept between pokes of one process."""
        if not hasattr(self, "_condition"):
            self._condition = condition(self.condition, self.lane)
        with airflow_errors():
            reading = self._condition.read(open_migration(self.migration))
        self.log.info("%s", reading.words)
        return reading.holds

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        if event.get("rejected"):
            raise AirflowSkipException("The cutover was rejected: there is nothing to wait for in this run.")
        if "error" in event:
            if event["retryable"]:
                raise RetryableError(event["error"])
            raise AirflowFailException(event["error"])
        self.log.info("%s", event["words"])
        return event["figures"]


class SeamSensor(MigrationSensor):
    """Until the target shows whole transactions."""

    condition = "seam_passed"


class LaneAliveSensor(MigrationSensor):
    """Until both streams of a lane run."""

    condition = "lane_alive"


class CaughtUpSensor(MigrationSensor):
    """Until the lag has been below the configuration's gate often enough."""

    condition = "caught_up"


class TargetOpenSensor(MigrationSensor):
    """Until the target is open; gives up (skipped) when the cutover of the run that started us was rejected."""

    condition = "target_open"

    def rejected_run(self, context: Context) -> str:
        return str(context["params"].get("live_run") or "")
