"""The trigger: what Airflow stores of it holds no secret; it fires when the condition holds, and gives up with a reason."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Database
from voyager_ops.config_file import load_config
from voyager_ops.migration import Migration
from voyager_ops.state.processes import Lease
from voyager_ops.triggers.migration import REJECTED, MigrationTrigger


@pytest.fixture
def path(source_db: Database, target_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIRFLOW_CONN_TINY_SOURCE", source_db.url)
    monkeypatch.setenv("AIRFLOW_CONN_TINY_TARGET", target_db.configured)
    config = tmp_path / "tiny.yaml"
    config.write_text(
        f"name: tiny\nexport_dir: {tmp_path}/export\n"
        "source: {conn_id: tiny_source, schemas: [public]}\ntarget: {conn_id: tiny_target}\n",
        encoding="utf-8",
    )
    return config


def fire(trigger: MigrationTrigger, seconds: float = 20.0) -> dict[str, Any]:
    async def first() -> dict[str, Any]:
        async for event in trigger.run():
            assert isinstance(event.payload, dict)
            return event.payload
        raise AssertionError("the trigger ended without an event")

    return asyncio.run(asyncio.wait_for(first(), seconds))


def test_what_is_stored_can_be_restored_and_holds_no_secret(path: Path, source_db: Database) -> None:
    name, arguments = MigrationTrigger(str(path), "seam_passed", "forward", 1.0).serialize()
    assert name == f"{MigrationTrigger.__module__}.MigrationTrigger"
    assert MigrationTrigger(**arguments).serialize() == (name, arguments)
    assert source_db.url.split("@")[0] not in json.dumps(arguments)


def test_it_fires_when_the_condition_comes_true(path: Path) -> None:
    migration = Migration(load_config(path))

    async def both() -> dict[str, Any]:
        trigger = MigrationTrigger(str(path), "lane_alive", "fallback", 0.1)
        stream = trigger.run()
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(1.0)
        assert not waiting.done()
        with Lease(migration.state, "export data from target"), Lease(migration.state, "import data to source"):
            event = await asyncio.wait_for(waiting, 10)
        assert isinstance(event.payload, dict)
        return event.payload

    assert asyncio.run(both())["words"] == "both streams are alive"


def test_a_rejected_cutover_ends_the_waiting(path: Path) -> None:
    Migration(load_config(path)).state.put(REJECTED, {"run_id": "live-1", "by": None})
    assert fire(MigrationTrigger(str(path), "target_open", "fallback", 0.1, "live-1")) == {"rejected": True}


def test_an_error_that_stays_is_an_event(path: Path) -> None:
    path.write_text("name: tiny\nexport_dir: /nowhere\n", encoding="utf-8")
    event = fire(MigrationTrigger(str(path), "seam_passed", "forward", 0.1))
    assert event["retryable"] is False
    assert "missing" in event["error"]
