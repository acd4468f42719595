"""Operators run the real phases on real databases; only Airflow's own machinery around them is absent."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from tests.conftest import Database
from voyager_ops.config_file import load_config
from voyager_ops.migration import Migration
from voyager_ops.operators.approvals import ApproveSchemaOperator, AskAgain
from voyager_ops.operators.cutover import CutoverOperator
from voyager_ops.operators.phases import (
    AnalyzeSchemaOperator,
    ExportSchemaOperator,
    ImportSchemaOperator,
    PlanSnapshotOperator,
    PreflightOperator,
    PrepareCaptureOperator,
    SnapshotOperator,
)
from voyager_ops.operators.streams import ExportDataOperator
from voyager_ops.schema.findings import Finding
from voyager_ops.state.processes import Lease, is_alive, processes, request_stop

CONFIG = """
name: tiny
export_dir: {directory}/export
source: {{url: "{source}", schemas: [public]}}
target: {{url: "{target}"}}
"""


class Instance:
    """The little of a task instance which our operators use; it keeps what is pushed."""

    def __init__(self) -> None:
        self.dag_id, self.run_id, self.task_id = "live_migration", "run", "task"
        self.pushed: dict[str, Any] = {}
        self.under_way = 0
        self.answer: Any = None

    def xcom_pull(self, task_ids: str) -> Any:
        return self.answer

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value

    def get_dr_count(self, **_: Any) -> int:
        return self.under_way


@pytest.fixture
def instance() -> Instance:
    return Instance()


@pytest.fixture
def context(instance: Instance) -> Context:
    return cast("Context", {"ti": instance, "task_instance": instance, "params": {}})


@pytest.fixture
def tiny(source_db: Database, target_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Migration:
    with source_db.connect() as connection:
        connection.execute(
            "CREATE TABLE item (id int PRIMARY KEY, name text); INSERT INTO item SELECT i, 'x' FROM generate_series(1, 50) i"
        )
    path = tmp_path / "tiny.yaml"
    path.write_text(CONFIG.format(directory=tmp_path, source=source_db.url, target=target_db.configured), encoding="utf-8")
    monkeypatch.setenv("VOYAGER_OPS_CONFIG_DIR", str(tmp_path))
    return Migration(load_config(path))


def run(operator: Any, context: Context) -> Any:
    return operator.execute(context)


def until_alive(migration: Migration, role: str) -> None:
    for _ in range(200):
        if is_alive(migration.state, role):
            return
        threading.Event().wait(0.05)
    raise AssertionError(f"{role} did not come alive: {processes(migration.state)}")


def test_what_the_export_left_out_is_asked_about_again(tiny: Migration, context: Context) -> None:
    """Another analysis finds no issue, but what was left out still is: nobody has agreed to that."""
    run(ExportSchemaOperator(task_id="b", migration="tiny"), context)
    manifest = tiny.export_dir.metainfo / "schema_manifest.json"
    record = json.loads(manifest.read_text(encoding="utf-8"))
    record["findings"].append(Finding("CHECK_LEFT_OUT", "constraint", "public.positive", "it could not be converted").to_json())
    manifest.write_text(json.dumps(record), encoding="utf-8")
    assert run(AnalyzeSchemaOperator(task_id="c", migration="tiny"), context)["issue_count"] == 0
    question = ApproveSchemaOperator(task_id="d", migration="tiny")
    assert question.ask(tiny, context) is not None
    answer: dict[str, Any] = {"params_input": {}, "responded_at": datetime.now(UTC), "responded_by_user": None}
    with pytest.raises(AskAgain, match=r"constraint public\.positive"):
        question.execute_complete(context, answer | {"chosen_options": [question.AGAIN]})
    question.execute_complete(context, answer | {"chosen_options": [question.IMPORT]})


def test_from_preflight_to_the_snapshot(tiny: Migration, target_db: Database, context: Context, instance: Instance) -> None:
    given: dict[str, Any] = {"migration": "tiny"}
    assert run(PreflightOperator(task_id="a", **given), context)["ok"] is True
    assert run(ExportSchemaOperator(task_id="b", **given), context)["phase"] == "export_schema"
    assert run(AnalyzeSchemaOperator(task_id="c", **given), context)["blocking"] == 0
    assert run(ImportSchemaOperator(task_id="d", **given), context)["stage"] == "base"
    kept = run(ExportSchemaOperator(task_id="b", **given), context)
    assert kept["warnings"] == ["not exported again: the schema was imported before"]
    run(PrepareCaptureOperator(task_id="e", **given), context)
    bins = run(PlanSnapshotOperator(task_id="f", **given), context)
    assert bins == instance.pushed["plan"]["bins"]
    for number in bins:
        run(SnapshotOperator(task_id="g", bin=number, **given), context)
    with target_db.connect() as connection:
        assert connection.execute("SELECT count(*) FROM public.item").fetchone() == (50,)


def test_edited_schema_files_are_kept_unless_asked(tiny: Migration, context: Context) -> None:
    run(ExportSchemaOperator(task_id="b", migration="tiny"), context)
    edited = sorted(tiny.export_dir.schema.rglob("*able*.sql"))[0]
    exported = edited.read_text(encoding="utf-8")
    edited.write_text(exported + "-- mine\n", encoding="utf-8")
    kept = run(ExportSchemaOperator(task_id="b", migration="tiny"), context)
    assert "were edited" in kept["warnings"][0]
    assert edited.read_text(encoding="utf-8").endswith("-- mine\n")
    run(ExportSchemaOperator(task_id="b", migration="tiny", start_clean="True"), context)
    assert edited.read_text(encoding="utf-8") == exported


def test_an_unknown_migration_fails_without_retries(tiny: Migration, context: Context) -> None:
    with pytest.raises(AirflowFailException, match="there are: tiny"):
        run(PreflightOperator(task_id="a", migration="other"), context)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {"chosen_options": ["Reject"], "responded_by_user": {"id": "dba", "name": "dba"}},
        {"chosen_options": ["Approve"], "responded_by_user": None},
    ],
)
def test_a_cutover_cleared_alone_needs_its_approval(tiny: Migration, context: Context, instance: Instance, answer: Any) -> None:
    instance.answer = answer
    operator = CutoverOperator(
        task_id="c", migration="tiny", direction="target", approval_task_id="approve_cutover", approval="Approve"
    )
    with pytest.raises(AirflowFailException, match="was not answered with 'Approve'"):
        run(operator, context)


def test_a_second_stream_is_refused(tiny: Migration, context: Context) -> None:
    with Lease(tiny.state, "export data from source"), pytest.raises(AirflowFailException, match="already running"):
        run(ExportDataOperator(task_id="s", migration="tiny"), context)


def test_a_stream_stops_on_request_and_resumes(tiny: Migration, context: Context) -> None:
    outcome: list[BaseException] = []

    def stream() -> None:
        try:
            run(ExportDataOperator(task_id="s", migration="tiny"), context)
        except AirflowSkipException as skipped:
            outcome.append(skipped)

    for _ in range(2):
        thread = threading.Thread(target=stream)
        thread.start()
        until_alive(tiny, "export data from source")
        request_stop(tiny.state, "export data from source")
        thread.join(20)
        assert not thread.is_alive()
    assert len(outcome) == 2
