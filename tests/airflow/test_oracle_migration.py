"""A whole migration from an Oracle (simulated, or real: tests/oracle_source.py) through a real Airflow: a writing application,
streams that are killed, a cutover."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.oracle_source import oracle_source
from voyager_ops.testing.demo_oracle import KILLS, MIGRATION_USER, PROFILE, OracleStage, OracleStory, OracleUrls
from voyager_ops.testing.oracle.simulator import PRIVILEGES
from voyager_ops.testing.twin import SCHEMA

ROOT = Path(__file__).parents[2]


@pytest.mark.airflow
@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_there() -> None:
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        print(line)

    with oracle_source(None, dict.fromkeys((SCHEMA, MIGRATION_USER), PRIVILEGES), profile=PROFILE) as oracle:
        urls = OracleUrls(oracle.url(SCHEMA), oracle.url(MIGRATION_USER), oracle.privileged_url)
        secrets = list(oracle.passwords.values())
        with OracleStage(tell, scale=0.02, repository=ROOT, oracle=urls) as stage:
            outcome = OracleStory(stage, tell, rate=10).run()
            server = stage.airflow
            logs = "".join(path.read_text(errors="replace") for path in server.home.rglob("*.log"))
    assert outcome.differences == 0
    assert len(outcome.after_target) == 18, "every table of the twin"
    assert outcome.killed == 2 * KILLS
    assert outcome.refused == 2, "what the export left out, and the cutover, were tried by somebody who is no approver"
    assert outcome.events["forward"] > 0
    assert outcome.verified["live_migration"] > 1000
    assert outcome.workload.transactions > 0
    assert server.pids() == []
    for secret in secrets:
        if secret != "oracle":  # the simulator's fixed one of SYS: an ordinary word
            assert secret not in logs
            assert not any(secret in line for line in told)
