"""The demo: triggers the migration, tells what happens, answers the approvals, moves the application, and judges the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import psycopg

from voyager_ops.errors import RetryableError, VoyagerOpsError
from voyager_ops.model.positions import Lane, Side
from voyager_ops.phases import cutover
from voyager_ops.state.cutovers import COMPLETED
from voyager_ops.testing.airflow_client import ANSWER_AFTER, FINISHED, AirflowApiError, Question, TaskState
from voyager_ops.testing.demo_stage import DAGS, NAME, Stage
from voyager_ops.testing.demo_watch import Digest, cutover_word, digests, events, lane_line, snapshot_line
from voyager_ops.testing.workload import Workload, check_ledger
from voyager_ops.testing.writers import Counts, Writers

ANSWERS = {
    "approve_schema": ("dba", "Import as it is"),
    "approve_cutover": ("release", "Approve"),
    "decide": ("dba", "Cut over to source"),
}
"""Task to who answers and what."""

FORBIDDEN = 403
LOOK_SECONDS = 1.0
LINE_SECONDS = 5.0
ON_TARGET_SECONDS = 15.0
"""How long the application writes on the target before it goes back."""
ON_SOURCE_SECONDS = 3.0
LIMIT_SECONDS = 900.0


class DemoFailed(VoyagerOpsError):
    """The demo did not end as it must; the sentence says why."""


@dataclass
class Outcome:
    """What the closing table shows. Comparisons are (source, target) digests per table, taken while nothing wrote."""

    after_target: dict[str, tuple[Digest, Digest]] = field(default_factory=dict)
    after_source: dict[str, tuple[Digest, Digest]] = field(default_factory=dict)
    verified: dict[str, int] = field(default_factory=dict)
    """Rows the product's own verification compared after each cutover, by DAG."""
    write_stop: dict[str, float] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)
    workload: Counts = field(default_factory=Counts)
    killed: int = 0
    """Processes of streams that were killed on the way."""
    refused: int = 0
    """Answers by somebody who is no approver, all of which Airflow must refuse."""

    @property
    def differences(self) -> int:
        compared = [*self.after_target.values(), *self.after_source.values()]
        return sum(source != target for source, target in compared)


class Story:
    """One whole migration with fall-back. ``answer``: whether approvals are answered here, or left to a person."""

    dags: ClassVar[tuple[str, ...]] = ("live_migration", "fall_back")
    """Whose runs must end well."""

    def __init__(self, stage: Stage, tell: Callable[[str], None], *, rate: float = 60.0, answer: bool = True) -> None:
        self.stage = stage
        self.tell = tell
        self.answer = answer
        self.outcome = Outcome()
        self.workload = self.make_workload(rate)
        self._migration = stage.migration()
        self._runs: dict[str, str] = {}
        self._past: set[str] = set()
        self._states: dict[tuple[str, str], str | None] = {}
        self._asked: dict[tuple[str, str, int], float] = {}
        self._next_line = 0.0
        self._last_line = ""
        self._target_since: float | None = None
        self._home = False

    def make_workload(self, rate: float) -> Writers[Any]:
        """The application, at the source."""
        return Workload(self.stage.urls.source, seed=7, threads=2, rate=rate)

    def run(self) -> Outcome:
        """Play it to the end. Raises DemoFailed with the reason when anything goes otherwise than it must."""
        with ExitStack() as stack:
            self._clients = {user: stack.enter_context(self.stage.airflow.client(user)) for user in ("admin", "dba", "release")}
            self._admin = self._clients["admin"]
            self._get_ready()
            stack.enter_context(self.workload)
            self.tell("The application writes to the source")
            self._trigger()
            deadline = time.monotonic() + (LIMIT_SECONDS if self.answer else float("inf"))
            while not self._over():
                if time.monotonic() > deadline:
                    raise DemoFailed(f"it was not over after {LIMIT_SECONDS:.0f} s; last: {self._last_line}")
                self._step()
                time.sleep(LOOK_SECONDS)
            self._compare_at_home()
            self.outcome.workload = self.workload.stop()
        self._judge()
        return self.outcome

    def _trigger(self) -> None:
        """Start ``live_migration``; what earlier runs said is past."""
        self._past |= set(self._runs.values())
        self._runs = {"live_migration": self._admin.trigger("live_migration", {"migration": NAME})}
        self._states.clear()
        self.tell(f"Triggered live_migration for {NAME!r}")

    def _get_ready(self) -> None:
        found: set[str] = set()

        def parsed() -> bool:
            found.update(dag["dag_id"] for dag in self._admin.request("GET", "/dags?limit=100")["dags"])
            return found >= set(DAGS)

        try:
            self._admin.wait(parsed, 90, "reading the DAGs")
        except RetryableError:
            errors = self._admin.request("GET", "/importErrors")["import_errors"]
            reasons = [error["stack_trace"].strip().splitlines()[-1] for error in errors]
            missing = sorted(set(DAGS) - found)
            raise DemoFailed(f"Airflow did not read the DAGs {missing}: {'; '.join(reasons) or 'no error reported'}") from None
        for dag_id in DAGS:
            self._admin.unpause(dag_id)

    # -- one look around ----------------------------------------------------------------------------------------------
    def _step(self) -> None:
        try:
            self._show_tasks()
            self._answer_questions()
        except RetryableError as error:
            self.tell(f"(Airflow is busy: {error.what})")
        with _patient(self.tell):
            self._move_application()
            self._show_progress()

    def _over(self) -> bool:
        return self._home and all(self._states.get((dag_id, "")) in FINISHED for dag_id in self.dags)

    def _show_tasks(self) -> None:
        if "fall_back" in self.dags and "fall_back" not in self._runs:
            found = [run_id for run_id in self._admin.runs("fall_back") if run_id not in self._past]
            if found:
                self._runs["fall_back"] = found[0]
        for dag_id, run_id in self._runs.items():
            for task in self._admin.tasks(dag_id, run_id):
                self._show_task(task)
            state = self._admin.run_state(dag_id, run_id)
            if self._states.get((dag_id, "")) != state:
                self._states[dag_id, ""] = state
                self.tell(f"{dag_id}: {state}")

    def _show_task(self, task: TaskState) -> None:
        key = (task.dag_id, task.label)
        if self._states.get(key) == task.state or task.state in {None, "scheduled", "queued"}:
            return
        self._states[key] = task.state
        self.tell(f"{task.dag_id}.{task.label}: {task.state}" + (f" (try {task.try_number})" if task.try_number > 1 else ""))
        if task.state == "up_for_retry":
            self.tell("    " + "\n    ".join(self._admin.log(task)[-3:]))
        if task.state == "failed":
            why = f"the task {task.dag_id}.{task.label} failed:\n    " + "\n    ".join(self._admin.log(task)[-25:])
            if self.answer:
                raise DemoFailed(why)
            self.tell(why)  # whoever answers the approvals also clears what failed

    def _answer_questions(self) -> None:
        for question in self._admin.questions():
            key = (question.task.run_id, question.task.label, question.task.try_number)
            if key not in self._asked:
                self._asked[key] = time.monotonic()
                who = " or ".join(question.assigned) or "anyone"
                self.tell(f"{question.task.dag_id} asks {who}: {question.subject}")
                if not self.answer:
                    self.tell(f"    answer it at {self.stage.airflow.base_url}/required_actions")
            elif self.answer and self._may_answer(question, time.monotonic() - self._asked[key]):
                self._asked[key] = float("inf")
                user, option = self._answer_to(question)
                self._try_outsider(question, option)
                self._clients[user].answer(question, option)
                self.tell(f"{user} answers through Airflow's API: {option}")

    def _answer_to(self, question: Question) -> tuple[str, str]:
        """Who answers, and what."""
        return ANSWERS[question.task.task_id]

    def _try_outsider(self, question: Question, option: str) -> None:
        """Even an administrator who is not among the approvers must be refused."""
        try:
            self._admin.answer(question, option)
        except AirflowApiError as error:
            if error.status != FORBIDDEN:
                raise
            self.outcome.refused += 1
            return
        raise DemoFailed(f"admin could answer {question.task.label}, though only {', '.join(question.assigned)} may")

    def _may_answer(self, question: Question, waited: float) -> bool:
        if waited < ANSWER_AFTER:
            return False
        if question.task.task_id != "decide":
            return True
        on_target = self._target_since is not None and time.monotonic() - self._target_since >= ON_TARGET_SECONDS
        return on_target and self._states.get(("live_migration", "")) == "success"

    # -- the application ----------------------------------------------------------------------------------------------
    def _move_application(self) -> None:
        if self._target_since is None:
            if cutover_word(self._migration, Side.TARGET) == COMPLETED:
                self.workload.pause()
                self._note_cutover("target")
                self.tell("The target is open; the application is still: both sides are compared")
                self.outcome.after_target = self._compare(Lane.FALLBACK)
                self.workload.retarget(self.stage.urls.target)
                self._target_since = time.monotonic()
                self.tell("The application writes to the target")
        elif not self._home and cutover_word(self._migration, Side.SOURCE) == COMPLETED:
            self.workload.pause()
            self._home = True
            self._note_cutover("source")
            self.tell("The source is open again; the application is still until both sides are compared")

    def _note_cutover(self, side: str) -> None:
        stopped = cutover.status(self._migration).details[side].get("write_stop_seconds")
        if stopped is None:
            raise DemoFailed(f"the cutover to {side} does not say how long the writers were stopped")
        self.outcome.write_stop[side] = float(stopped)

    def _compare(self, lane: Lane | None) -> dict[str, tuple[Digest, Digest]]:
        """Digests of both sides, once ``lane`` (None: nothing flows any more) has brought them together."""
        deadline = time.monotonic() + 60
        while True:
            source, target = digests(self.stage.urls.source), digests(self.stage.urls.target)
            if source == target or lane is None or time.monotonic() > deadline:
                names = sorted(source.keys() | target.keys())
                missing = Digest(-1, 0)
                return {name: (source.get(name, missing), target.get(name, missing)) for name in names}
            time.sleep(1)

    def _compare_at_home(self) -> None:
        self.outcome.after_source = self._compare(None)
        self.outcome.events = {str(lane): events(self._migration, lane) for lane in Lane}
        for dag_id, run_id in self._runs.items():
            result = self._admin.xcom(dag_id, run_id, "verify_after_cutover")
            self.outcome.verified[dag_id] = sum(max(table["rows_source"], 0) for table in result["tables"])
        for side, url in (("source", self.stage.urls.source), ("target", self.stage.urls.target)):
            check_ledger(url)
            self.tell(f"The ledger of the {side} adds up")
        self.workload.retarget(self.stage.urls.source)
        before = self.workload.counts().transactions
        time.sleep(ON_SOURCE_SECONDS)
        if self.workload.counts().transactions == before:
            raise DemoFailed("the application cannot write to the source after the fall-back")
        self.tell("The application writes to the source again")

    def compared(self) -> bool:
        """Whether every comparison that belongs to the story was made."""
        return bool(self.outcome.after_target and self.outcome.after_source)

    # -- the end ------------------------------------------------------------------------------------------------------
    def _show_progress(self) -> None:
        if time.monotonic() < self._next_line:
            return
        self._next_line = time.monotonic() + LINE_SECONDS
        streaming = self._states.get(("live_migration", "import_data_to_target"))
        lines = [] if streaming else [snapshot_line(self._migration)]
        lines += [lane_line(self._migration, lane) for lane in Lane]
        for line in filter(None, lines):
            self._last_line = line
            self.tell(line)

    def _judge(self) -> None:
        states = {dag_id: self._states.get((dag_id, "")) for dag_id in self._runs}
        bad = [f"{dag_id} is {state}" for dag_id, state in states.items() if state != "success"]
        if self.outcome.differences:
            compared = [*self.outcome.after_target.items(), *self.outcome.after_source.items()]
            names = sorted({name for name, (source, target) in compared if source != target})
            bad.append(f"{len(names)} table(s) differ: {', '.join(names)}")
        if self.outcome.workload.unexpected:
            bad.append(f"the application met errors no cutover explains: {self.outcome.workload.unexpected}")
        if not self.compared():
            bad.append("a comparison is missing")
        if bad:
            raise DemoFailed("; ".join(bad))


@contextmanager
def _patient(tell: Callable[[str], None]) -> Iterator[None]:
    """A look that failed because a server was busy is looked again next time."""
    try:
        yield
    except RetryableError as error:
        tell(f"(busy: {error.what})")
    except psycopg.OperationalError as error:
        tell(f"(a database is busy: {type(error).__name__})")
