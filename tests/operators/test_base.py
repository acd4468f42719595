"""What all operators share: errors that must not be tried again, logs a person can read, flags that passed through Jinja."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowFailException

from voyager_ops.errors import ConfigError, Fenced, PreconditionError, RetryableError, VoyagerOpsError
from voyager_ops.model.results import Progress
from voyager_ops.operators.base import ProgressLog, airflow_errors, as_bool, as_wanted, describe


@pytest.mark.parametrize("error", [Fenced("taken"), ConfigError("wrong"), PreconditionError("missing", next_step="grant it")])
def test_what_no_retry_mends_fails_at_once(error: VoyagerOpsError) -> None:
    with pytest.raises(AirflowFailException, match=str(error).split("\n")[0]), airflow_errors():
        raise error


def test_a_passing_fault_is_tried_again() -> None:
    with pytest.raises(RetryableError), airflow_errors():
        raise RetryableError("connection lost")


def test_progress_is_logged_when_it_is_news() -> None:
    lines: list[str] = []
    log = ProgressLog(lines.append, seconds=3600)
    for done in range(1, 101):
        log(Progress(phase="snapshot", table="public.a", message="copying", done=done, total=100, unit="rows"))
    assert len(lines) == 2, "the first, and the table's end"
    assert lines[1] == "public.a · copying · 100 of 100 rows (100%)"
    log(Progress(phase="snapshot", table="public.b", message="copying"))
    log(Progress(phase="snapshot", table="public.b", message="waiting for a lock"))
    assert lines[2:] == ["public.b · copying", "public.b · waiting for a lock"]


def test_a_stream_that_keeps_up_does_not_fill_the_log() -> None:
    lines: list[str] = []
    log = ProgressLog(lines.append, seconds=3600)
    for total in range(1, 101):
        log(Progress(phase="import_data", done=total, total=total, unit="events"))
    assert len(lines) == 1


def test_figures_are_shown() -> None:
    shown = describe(Progress(phase="import_data", done=5, unit="events", figures={"lag": "2 s", "eta": None}))
    assert shown == "5 events · lag 2 s"


@pytest.mark.parametrize(("text", "value"), [("True", True), ("false", False), ("None", False), (True, True), (" yes ", True)])
def test_flags(text: object, value: bool) -> None:
    assert as_bool(text) is value


@pytest.mark.parametrize(("text", "value"), [("as configured", None), (None, None), ("yes", True), ("no", False), (False, False)])
def test_flags_that_may_be_left_to_the_configuration(text: object, value: bool | None) -> None:
    assert as_wanted(text) is value


def test_a_flag_that_is_none() -> None:
    with pytest.raises(AirflowFailException, match="maybe"):
        as_bool("maybe")
