"""The page's figures come from the migration's own records; what cannot be read is shown with the reason."""

from __future__ import annotations

from pathlib import Path

from voyager_ops.config_file import load_config
from voyager_ops.dashboard.overview import overview
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Lane, Position
from voyager_ops.state.lanes import update_lane
from voyager_ops.state.processes import Lease
from voyager_ops.state.stopped import NEXT_STEP, StoppedTable, stop_tables

CONFIG = """
name: {name}
export_dir: {directory}/{name}
source: {{url: "postgresql://a:hidden@one/db", schemas: [public]}}
target: {{url: "postgresql://a:hidden@two/db"}}
approvers: [dba]
"""


def write(directory: Path, name: str) -> Migration:
    path = directory / f"{name}.yaml"
    path.write_text(CONFIG.format(name=name, directory=directory), encoding="utf-8")
    return Migration(load_config(path))


def test_a_migration_under_way_and_one_not_begun(tmp_path: Path) -> None:
    shop = write(tmp_path, "shop")
    write(tmp_path, "idle")
    shop.state.put("phase/preflight", {"finished_at": 1.0})
    shop.state.put("phase/cutover/target", {"finished_at": 2.0, "status": "INITIATED"})
    shop.state.put("airflow/run/live_migration", {"run_id": "run-1"})
    update_lane(shop.state, Lane.FORWARD, status="streaming")
    stopped = StoppedTable("hr.jobs", Position("5"), "ALTER TABLE JOBS ADD (X NUMBER)", 3.0)
    stop_tables(shop.state, Lane.FORWARD, [stopped])
    with Lease(shop.state, "export data from source") as lease:
        lease.publish(total=7)
        lease._heartbeat()
        idle, found = overview(tmp_path)
    assert (idle["name"], idle["step"]) == ("idle", "Not started")
    assert not (tmp_path / "idle").exists(), "looking creates nothing"
    assert found["step"] == "Preflight", "a cutover that is only under way is not done"
    assert found["runs"] == {"live_migration": "run-1"}
    (lane,) = found["lanes"]
    assert lane["streams"][0]["alive"]
    assert lane["streams"][0]["metrics"]["total"] == 7
    assert not lane["streams"][1]["alive"]
    assert [(each["words"], each["next_step"]) for each in lane["stopped"]] == [(stopped.words, NEXT_STEP)]
    assert "hidden" not in str(found)


def test_a_broken_file_does_not_hide_the_others(tmp_path: Path) -> None:
    write(tmp_path, "shop")
    (tmp_path / "bad.yaml").write_text("name: bad\nexport_dir: /x\nsurprise: 1\n", encoding="utf-8")
    bad, shop = overview(tmp_path)
    assert (bad["step"], shop["step"]) == ("Cannot be read", "Not started")
    assert "surprise" in bad["error"]
