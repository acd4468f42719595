"""A whole migration with fall-back through a real Airflow, under a workload that keeps writing: the demo, smaller."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import psycopg
import pytest

from voyager_ops.testing.airflow_client import ANSWER_AFTER, FINISHED
from voyager_ops.testing.demo_stage import NAME, Stage
from voyager_ops.testing.demo_story import Story

ROOT = Path(__file__).parents[2]


def end_migration(stage: Stage) -> None:
    """The last DAG: approved by an approver, it leaves nothing of ours behind."""
    backup = stage.directory / "backup"
    with stage.airflow.client("admin") as admin, stage.airflow.client("dba") as dba:
        run_id = admin.trigger("end_migration", {"migration": NAME, "backup_dir": str(backup)})
        admin.wait(lambda: bool(admin.questions()), 120, "the approval to end the migration")
        time.sleep(ANSWER_AFTER)
        (question,) = admin.questions()
        dba.answer(question, "Approve")
        admin.wait(lambda: admin.run_state("end_migration", run_id) in FINISHED, 120, "the end of the migration")
        states = {task.task_id: task.state for task in admin.tasks("end_migration", run_id)}
        assert states == {"approve_end": "success", "end_migration": "success"}
    for url in (stage.admin_urls.source, stage.admin_urls.target):
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT to_regnamespace('voyager_ops') IS NULL").fetchone() == (True,)
            assert connection.execute("SELECT count(*) FROM pg_replication_slots").fetchone() == (0,)
            assert connection.execute("SELECT count(*) FROM pg_publication").fetchone() == (0,)
    assert any(backup.rglob("*.sql"))


@pytest.mark.airflow
@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_there_and_back_again() -> None:
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        print(line)

    with Stage(tell, scale=0.02, repository=ROOT) as stage:
        address = f"{stage.airflow.base_url}/voyager-ops"
        for path in ("/", "/api/migrations"):
            assert httpx.get(address + path, trust_env=False).status_code == 401, path
        outcome = Story(stage, tell, rate=20).run()
        with stage.airflow.client("viewer") as viewer:
            assert "<title>Migrations</title>" in viewer.get("/voyager-ops/")
            page = viewer.get("/voyager-ops/api/migrations")
        end_migration(stage)
        server = stage.airflow
        processes = server.pids()
        secrets = [url.split(":")[2].split("@")[0] for url in (stage.admin_urls.source, stage.admin_urls.target)]
        logs = "".join(path.read_text(errors="replace") for path in server.home.rglob("*.log"))
    assert f'"name":"{NAME}"' in page
    assert '"step":"Cut over to source"' in page
    assert outcome.differences == 0
    assert outcome.refused == 2, "both cutovers were tried by somebody who is no approver"
    assert min(outcome.events.values()) > 0
    assert len(outcome.after_target) == len(outcome.after_source) > 12
    assert processes
    assert server.pids() == []
    assert not stage.directory.exists()
    for secret in secrets:
        assert secret not in page
        assert secret not in logs
        assert not any(secret in line for line in told)
