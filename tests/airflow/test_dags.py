"""The DAGs can be read by Airflow, and are what they are said to be."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import ParamValidationError

from voyager_ops.operators.base import as_wanted
from voyager_ops.provider_info import get_provider_info

ROOT = Path(__file__).parents[2]
CONFIG = """
name: {name}
export_dir: /tmp/{name}
source: {{conn_id: a, schemas: [public]}}
target: {{conn_id: b}}
"""


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagBag]:
    directory = tmp_path_factory.mktemp("migrations")
    for name in ("shop", "bank"):
        (directory / f"{name}.yaml").write_text(CONFIG.format(name=name), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VOYAGER_OPS_CONFIG_DIR", str(directory))
        yield DagBag(dag_folder=str(ROOT / "dags"))


def before(bag: DagBag, dag_id: str, first: str, second: str) -> bool:
    """Whether ``second`` depends on ``first``, however far."""
    return first in bag.dags[dag_id].get_task(second).get_flat_relative_ids(upstream=True)


def test_all_are_read_without_error(bag: DagBag) -> None:
    assert bag.import_errors == {}
    assert set(bag.dags) == {"live_migration", "fall_back", "end_migration", "dry_run"}


@pytest.mark.parametrize("dag_id", ["live_migration", "fall_back", "end_migration"])
def test_the_migration_is_chosen_from_the_files(bag: DagBag, dag_id: str) -> None:
    dag = bag.dags[dag_id]
    assert dag.params.get_param("migration").schema["enum"] == ["bank", "shop"]
    assert dag.max_active_runs > 1, "several migrations run side by side"
    assert not dag.timetable.can_be_scheduled
    assert dag.doc_md


def test_a_way_back_is_the_configurations_to_decide_unless_a_run_says_otherwise(bag: DagBag) -> None:
    param = bag.dags["live_migration"].params.get_param("prepare_for_fall_back")
    assert as_wanted(param.resolve()) is None
    assert [as_wanted(answer) for answer in param.schema["enum"]] == [None, True, False, True, False]
    for answer in (True, False, "yes"):  # as the API gives them
        assert param.resolve(answer) is answer
    with pytest.raises(ParamValidationError, match="as configured"):
        param.resolve("perhaps")


ORDER = [
    "begin",
    "preflight",
    "export_schema",
    "analyze_schema",
    "approve_schema",
    "import_schema",
    "start_capture",
    "plan_snapshot",
    "snapshot",
    "wait_for_seam",
    "import_schema_post_data",
    "verify",
    "start_fall_back",
    "wait_for_fall_back",
    "wait_until_caught_up",
    "approve_cutover",
    "cutover_to_target",
    "verify_after_cutover",
]


def test_order_of_the_live_migration(bag: DagBag) -> None:
    for first, second in pairwise(ORDER):
        assert before(bag, "live_migration", first, second), (first, second)
    assert before(bag, "live_migration", "start_capture", "export_data_from_source")
    assert not before(bag, "live_migration", "export_data_from_source", "snapshot"), "capture runs beside the snapshot"
    assert before(bag, "live_migration", "snapshot", "import_data_to_target")
    assert not bag.dags["live_migration"].get_task("import_data_to_target").downstream_task_ids, (
        "nothing waits for a stream's end"
    )


def test_the_snapshot_is_mapped_over_bins(bag: DagBag) -> None:
    assert bag.dags["live_migration"].get_task("snapshot").is_mapped
    assert bag.dags["dry_run"].get_task("dry_run").is_mapped


def test_the_cutover_waits_for_a_lane_that_may_be_skipped(bag: DagBag) -> None:
    task = bag.dags["live_migration"].get_task("wait_until_caught_up")
    assert task.upstream_task_ids == {"verify", "wait_for_fall_back"}
    assert task.trigger_rule == "none_failed_min_one_success"


def test_fall_back_lets_a_human_choose(bag: DagBag) -> None:
    dag = bag.dags["fall_back"]
    assert dag.get_task("decide").downstream_task_ids == {"cutover_to_source", "end_fall_back"}
    assert dag.get_task("start_capture").downstream_task_ids == {
        "export_data_from_target",
        "import_data_to_source",
        "wait_for_cutover_to_target",
    }


def test_no_approval_has_a_default_answer_or_a_time_limit(bag: DagBag) -> None:
    asked = [task for dag in bag.dags.values() for task in dag.tasks if hasattr(task, "hitl_summary_extra")]
    assert {task.task_id for task in asked} == {"approve_schema", "approve_cutover", "decide", "approve_end"}
    for task in asked:
        approval: Any = task
        assert approval.defaults is None
        assert approval.response_timeout is None


@pytest.mark.parametrize(
    ("dag_id", "task_id"),
    [
        ("live_migration", "export_data_from_source"),
        ("live_migration", "import_data_to_target"),
        ("fall_back", "export_data_from_target"),
        ("fall_back", "import_data_to_source"),
    ],
)
def test_streams_outlive_outages(bag: DagBag, dag_id: str, task_id: str) -> None:
    task = bag.dags[dag_id].get_task(task_id)
    assert (task.retries or 0) >= 20
    assert task.retry_delay.total_seconds() >= 60
    assert task.execution_timeout is None


def test_the_provider_names_what_exists() -> None:
    from airflow._shared.module_loading import import_string

    info = get_provider_info()
    for path in [*info["extra-links"], *(plugin["plugin-class"] for plugin in info["plugins"])]:
        assert import_string(path) is not None
