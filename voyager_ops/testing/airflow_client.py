"""A small client of Airflow's public REST API: trigger, watch, answer what is asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from voyager_ops.errors import RetryableError, VoyagerOpsError

ANSWER_AFTER = 6.0
"""Seconds an answer waits after the question was seen: Airflow 3.3's scheduler fails a task that is answered before it has booked
the wait (9 of 16 tasks at 0 s, 0 of 16 at 3 s, measured on two cores)."""

FINISHED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})

BUSY_SECONDS = (0.5, 1.0, 2.0, 4.0)
"""Waited between the tries of a call that Airflow's database refuses."""


class AirflowApiError(VoyagerOpsError):
    """The API refused; ``status`` is HTTP's."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(what)
        self.status = status


@dataclass(frozen=True)
class TaskState:
    """One task instance. ``map_index`` is -1 for a task that is not mapped; ``state`` None: not scheduled yet."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    state: str | None
    try_number: int

    @property
    def label(self) -> str:
        return self.task_id if self.map_index < 0 else f"{self.task_id}[{self.map_index}]"


@dataclass(frozen=True)
class Question:
    """One thing a human is asked. ``assigned`` are the ids of those who may answer; empty: anyone."""

    task: TaskState
    subject: str
    body: str
    options: tuple[str, ...]
    assigned: tuple[str, ...]


class AirflowClient:
    """Speaks as ``user``. Use as a context manager.

    Raises AirflowApiError when refused, RetryableError when the server is away.
    """

    def __init__(self, base_url: str, user: str, password: str) -> None:
        self.user = user
        self._password = password
        self._http = httpx.Client(base_url=base_url, timeout=30.0, trust_env=False)
        self._token = ""

    def __enter__(self) -> AirflowClient:
        return self

    def __exit__(self, *_error: object) -> None:
        self._http.close()

    def request(self, method: str, path: str, **arguments: Any) -> Any:
        """One call below ``/api/v2``; logs in first, and again when the token has run out. Returns the JSON answer."""
        response = self._send(method, f"/api/v2{path}", **arguments)
        return response.json() if response.content else None

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        try:
            if not self._token:
                self._login()
            response = self._http.request(method, path, headers=self._headers(), **arguments)
            if response.status_code == httpx.codes.UNAUTHORIZED:
                self._login()
                response = self._http.request(method, path, headers=self._headers(), **arguments)
            for seconds in BUSY_SECONDS:
                if not _busy(response):
                    break
                time.sleep(seconds)
                response = self._http.request(method, path, headers=self._headers(), **arguments)
        except httpx.TransportError as error:
            raise RetryableError(f"Airflow's API does not answer: {type(error).__name__}") from error
        if response.is_error:
            raise AirflowApiError(response.status_code, f"{method} {path}: {response.status_code} {response.text[:500]}")
        return response

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def _login(self) -> None:
        response = self._http.post("/auth/token", json={"username": self.user, "password": self._password})
        if response.is_error:
            raise AirflowApiError(response.status_code, f"login of {self.user} was refused: {response.status_code}")
        self._token = response.json()["access_token"]

    def get(self, path: str) -> Any:
        """Any path of the server (a plugin's page, say), as text."""
        return self._send("GET", path).text

    # -- runs ---------------------------------------------------------------------------------------------------------
    def unpause(self, dag_id: str) -> None:
        self.request("PATCH", f"/dags/{dag_id}", json={"is_paused": False})

    def trigger(self, dag_id: str, conf: Mapping[str, Any]) -> str:
        """Start a run; returns its id."""
        answer = self.request("POST", f"/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": dict(conf)})
        return str(answer["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        return str(self.request("GET", f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}")["state"])

    def runs(self, dag_id: str) -> dict[str, str]:
        """Run ids to states, newest first."""
        answer = self.request("GET", f"/dags/{dag_id}/dagRuns?order_by=-run_after&limit=50")
        return {run["dag_run_id"]: run["state"] for run in answer["dag_runs"]}

    def tasks(self, dag_id: str, run_id: str) -> list[TaskState]:
        answer = self.request("GET", f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}/taskInstances?limit=500")
        return [_task(item) for item in answer["task_instances"]]

    def xcom(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> Any:
        """A task's result."""
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}/taskInstances/{task_id}/xcomEntries/return_value"
        return self.request("GET", f"{path}?map_index={map_index}&deserialize=true")["value"]

    def log(self, task: TaskState) -> list[str]:
        """The lines of a task's last try."""
        path = f"/dags/{task.dag_id}/dagRuns/{quote(task.run_id, safe='')}/taskInstances/{task.task_id}/logs/{task.try_number}"
        content = self.request("GET", f"{path}?map_index={task.map_index}")["content"]
        return [_line(item) for item in content]

    def clear(self, dag_id: str, run_id: str, task_ids: list[str]) -> None:
        """Clear tasks, so that they run again."""
        self.request(
            "POST",
            f"/dags/{dag_id}/clearTaskInstances",
            json={"dry_run": False, "dag_run_id": run_id, "task_ids": task_ids, "only_failed": False, "reset_dag_runs": True},
        )

    def fail(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Mark one task failed, as a person does in the UI; what runs is ended."""
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}/taskInstances/{task_id}"
        self.request("PATCH", path, json={"new_state": "failed"})

    # -- questions ----------------------------------------------------------------------------------------------------
    def questions(self) -> list[Question]:
        """What waits for a human now."""
        answer = self.request("GET", "/dags/~/dagRuns/~/hitlDetails?response_received=false&state=awaiting_input")
        return [
            Question(
                _task(item["task_instance"]),
                item["subject"],
                item.get("body") or "",
                tuple(item["options"]),
                tuple(user["id"] for user in item.get("assigned_users") or ()),
            )
            for item in answer["hitl_details"]
        ]

    def answer(self, question: Question, option: str, inputs: Mapping[str, Any] | None = None) -> None:
        """Answer it. Raises AirflowApiError with status 403 when this user is not asked, 409 when somebody was faster."""
        task = question.task
        run = f"/dags/{task.dag_id}/dagRuns/{quote(task.run_id, safe='')}"
        self.request(
            "PATCH",
            f"{run}/taskInstances/{task.task_id}/{task.map_index}/hitlDetails",
            json={"chosen_options": [option], "params_input": dict(inputs or {})},
        )

    # -- waiting ------------------------------------------------------------------------------------------------------
    def wait(self, condition: Callable[[], bool], seconds: float, what: str, interval: float = 1.0) -> None:
        """Until ``condition()``; calls which the server does not answer count as not yet. Raises RetryableError in the end."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                if condition():
                    return
            except RetryableError:
                if time.monotonic() >= deadline:
                    raise
            if time.monotonic() >= deadline:
                raise RetryableError(f"{what}: not within {seconds:.0f} s")
            time.sleep(interval)


def _busy(response: httpx.Response) -> bool:
    """Airflow's database (SQLite: one writer at a time) refused and nothing was changed: the call may be sent again."""
    return response.status_code == httpx.codes.INTERNAL_SERVER_ERROR and "Database error" in response.text


def _task(item: Mapping[str, Any]) -> TaskState:
    return TaskState(
        item["dag_id"], item["dag_run_id"], item["task_id"], item["map_index"], item["state"], item.get("try_number") or 1
    )


def _line(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)
    error = item.get("error_detail") or []
    causes = [f"{cause.get('exc_type')}: {cause.get('exc_value')}" for cause in error if isinstance(cause, dict)]
    return " ".join([str(item.get("timestamp") or ""), str(item.get("event") or ""), *causes]).strip()
