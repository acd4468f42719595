"""What every operator of ours does: open the migration, run one phase, hand its result on as JSON. Nothing of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlsplit

from airflow.sdk import BaseOperator, BaseOperatorLink, Context, conf
from airflow.sdk.exceptions import AirflowFailException

from voyager_ops.errors import RetryableError, VoyagerOpsError
from voyager_ops.hooks.settings import open_migration
from voyager_ops.migration import Migration
from voyager_ops.model.results import PhaseResult, Progress

LOG_SECONDS = 10.0
"""A table's progress is logged this often at most."""

MIGRATION = "{{ params.migration }}"

AS_CONFIGURED = "as configured"
"""What a Param says that leaves it to the migration's file."""


class MigrationLink(BaseOperatorLink):
    """From a task to its migration's page."""

    name = "Migration"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        root = urlsplit(conf.get("api", "base_url", fallback="/")).path.rstrip("/")
        return f"{root}/plugin/migrations#{quote(str(getattr(operator, 'migration', '')))}"


@contextmanager
def airflow_errors() -> Iterator[None]:
    """Errors which no retry can mend fail the task at once (they must not burn the retries); the others pass as they are."""
    try:
        yield
    except VoyagerOpsError as error:
        if error.retryable:
            raise
        raise AirflowFailException(str(error)) from error


class ProgressLog:
    """A progress sink which writes to a task's log, not more often than a person reads. Threads may share it."""

    def __init__(self, info: Callable[[str], None], seconds: float = LOG_SECONDS) -> None:
        self._info = info
        self._seconds = seconds
        self._lock = threading.Lock()
        self._logged: dict[tuple[str, str], tuple[float, str, bool]] = {}

    def __call__(self, progress: Progress) -> None:
        key = (progress.phase, progress.table)
        complete = bool(progress.total) and progress.done >= progress.total
        now = time.monotonic()
        with self._lock:
            at, message, completed = self._logged.get(key, (-self._seconds, "", False))
            # A new sentence is news, and so is the end of a table; a new figure alone waits its turn.
            news = message != progress.message or (bool(progress.table) and complete and not completed)
            if not news and now - at < self._seconds:
                return
            self._logged[key] = (now, progress.message, complete)
        self._info(describe(progress))


def describe(progress: Progress) -> str:
    """One line: what, of which table, how far, with which figures."""
    parts = [progress.table, progress.message]
    if progress.total:
        parts.append(f"{progress.done:,.0f} of {progress.total:,.0f} {progress.unit} ({progress.done / progress.total:.0%})")
    elif progress.done:
        parts.append(f"{progress.done:,.0f} {progress.unit}")
    parts.append(", ".join(f"{name} {value}" for name, value in progress.figures.items() if value is not None))
    return " · ".join(part.strip() for part in parts if part.strip()) or progress.phase


class MigrationOperator(BaseOperator):
    """Runs :meth:`run_phase` of one migration and returns its result's JSON. ``migration``: the name in its file (templated)."""

    template_fields: Sequence[str] = ("migration",)
    operator_extra_links = (MigrationLink(),)
    ui_color = "#e3f2fd"

    def __init__(self, *, migration: str = MIGRATION, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.migration = migration

    def execute(self, context: Context) -> Any:
        # Made here, not in the constructor: an event can be neither copied nor serialized with the DAG.
        self._stop = threading.Event()
        with airflow_errors():
            migration = open_migration(self.migration)
            result = self.run_phase(migration, context)
            if self._stop.is_set() and not self.complete(result):
                raise RetryableError(
                    f"{self.task_id} of migration {migration.name!r} was told to stop before its end",
                    state="what was done stands",
                    next_step="nothing: the next try carries on; or clear the task",
                )
        for warning in result.warnings:
            self.log.warning("%s", warning)
        self.log.info("Done in %.1f s. Next: %s", result.seconds, result.next_step or "-")
        return self.output_of(result, context)

    def run_phase(self, migration: Migration, context: Context) -> PhaseResult:
        """Run the phase. Raises VoyagerOpsError."""
        raise NotImplementedError

    def complete(self, result: PhaseResult) -> bool:
        """Whether the phase came to its end although it was told to stop."""
        return bool(getattr(result, "completed", True))

    def output_of(self, result: PhaseResult, context: Context) -> Any:
        """What becomes the task's XCom."""
        return result.to_json()

    def on_kill(self) -> None:
        """Airflow's signal: not an exit. The phase sees it within a second, commits and returns."""
        stop = getattr(self, "_stop", None)
        if stop is not None:
            stop.set()

    @property
    def stop(self) -> threading.Event:
        return self._stop

    @property
    def progress(self) -> ProgressLog:
        return ProgressLog(self.log.info)


def as_wanted(value: object) -> bool | None:
    """A templated flag that may be left to the configuration: None then."""
    text = str(value).strip().lower()
    return None if text in {AS_CONFIGURED, "none", ""} else as_bool(value)


def as_bool(value: object) -> bool:
    """A templated flag: a bool, or what Jinja made of one."""
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in {"true", "1", "yes"}:
        return True
    if text in {"false", "0", "no", "none", ""}:
        return False
    raise AirflowFailException(f"{value!r} is neither true nor false")
