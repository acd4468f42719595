"""A whole migration with fall-back through the command line alone, under a workload, every stream killed on the way."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from tests.conftest import Database
from tests.e2e.command_line import Cli
from voyager_ops.model.positions import Lane
from voyager_ops.phases import export_data, status
from voyager_ops.testing.sample import load_sample
from voyager_ops.testing.workload import Workload, check_ledger

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture
def cli(tmp_path: Path, source_db: Database, target_db: Database) -> Iterator[Cli]:
    made = Cli(tmp_path, source_db.url, target_db.configured)
    yield made
    made.stop_all()


def traces(database: Database) -> dict[str, Any]:
    """Everything of a database that a migration might leave behind or leave changed."""
    queries = {
        "slots": "SELECT slot_name FROM pg_replication_slots WHERE database = current_database()",
        "publications": "SELECT pubname FROM pg_publication",
        "schemas": "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1",
        "identities": "SELECT c.oid::regclass::text, relreplident::text FROM pg_class c WHERE relkind IN ('r', 'p')"
        " AND relnamespace = 'public'::regnamespace ORDER BY 1",
        "triggers": "SELECT tgrelid::regclass::text, tgname, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal"
        " ORDER BY 1, 2",
        "rules": "SELECT ev_class::regclass::text, rulename, ev_enabled::text FROM pg_rewrite"
        " WHERE ev_class >= 16384 AND rulename <> '_RETURN' ORDER BY 1, 2",
        "constraints": "SELECT conrelid::regclass::text, conname, contype::text, convalidated FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace AND conrelid <> 0 ORDER BY 1, 2",
        "functions": "SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE nspname = 'public'",
        "settings": "SELECT setconfig FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase"
        " WHERE d.datname = current_database()",
        "event triggers": "SELECT evtname FROM pg_event_trigger",
        "prepared": "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()",
    }
    with database.connect() as connection:
        connection.execute("SET search_path = public")
        return {name: connection.execute(query).fetchall() for name, query in queries.items()}


def count(database: Database, table: str) -> int:
    with database.connect() as connection:
        row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
    return row[0] if row else 0


def test_migration_with_fall_back(cli: Cli, source_db: Database, target_db: Database, tmp_path: Path) -> None:
    load_sample(source_db.url, 0.02)
    before = traces(source_db)
    before_target = traces(target_db)

    assert cli.run("preflight")["errors"] == 0
    assert cli.run("export schema")["counts"]["table"] > 12
    assert cli.run("analyze-schema")["blocking"] == 0
    imported = cli.run("import schema")
    assert imported["errors"] == []
    assert imported["executed"] + imported["existed"] == imported["total"]
    assert "post-import-data" in cli.run("import schema --post-import-data", expect=1)["error"]["message"]

    with Workload(source_db.url, seed=5, rate=60) as workload:
        # -- the forward lane, each stream killed on the way ---------------------------------------------------------------
        cli.start("export data from source")
        migration = cli.migration
        cli.wait("the slot", lambda: export_data.prepared(migration, Lane.FORWARD))
        cli.start("import data to target")
        cli.wait("chunks loaded", lambda: count(target_db, "customers") > 0)
        cli.restart("import data to target")
        cli.restart("export data from source")
        cli.wait("the seam", lambda: status.seam_passed(migration))
        assert cli.run("import schema --post-import-data")["errors"] == []
        cli.kill("import data to target")
        cli.start("import data to target", failpoints="cutover.guards.restored=crash")
        assert cli.run("verify")["equal"]

        # -- the way back ----------------------------------------------------------------------------------------------------
        refusal = cli.run("initiate cutover to target --prepare-for-fall-back", expect=1)["error"]["message"]
        assert "export data from target" in refusal
        assert "import data to source" in refusal
        cli.start("export data from target")
        cli.start("import data to source")
        cli.wait("the fallback lane", lambda: export_data.prepared(migration, Lane.FALLBACK))
        cli.wait("its streams", lambda: all(status.alive(migration, Lane.FALLBACK)))
        cli.restart("export data from target")
        cli.restart("import data to source")
        cli.wait("all streams", lambda: all(all(status.alive(migration, lane)) for lane in Lane))
        assert set(cli.run("status")["lanes"]) == {"forward", "fallback"}

        # -- to the target ---------------------------------------------------------------------------------------------------
        assert cli.run("cutover status")["cutover_to_target"] == "NOT_INITIATED"
        workload.pause()
        assert cli.run("initiate cutover to target --prepare-for-fall-back")["status"] == "INITIATED"  # returns at once
        cli.wait("a crash inside the cutover", lambda: cli.streams["import data to target"].poll() == -signal.SIGKILL)
        assert cli.run("cutover status")["cutover_to_target"] == "INITIATED"
        cli.start("import data to target")
        done = cli.run("initiate cutover to target --prepare-for-fall-back --wait")  # asked again: only waits
        assert (done["status"], done["attempt"]) == ("COMPLETED", 1)
        assert done["write_stop_seconds"] is not None
        workload.retarget(target_db.url)
        cli.ends("export data from source")
        cli.ends("import data to target")
        words = cli.run("cutover status")
        assert (words["cutover_to_target"], words["cutover_to_source"]) == ("COMPLETED", "NOT_INITIATED")
        cli.restart("export data from target")
        cli.restart("import data to source")
        cli.wait("the streams again", lambda: all(status.alive(migration, Lane.FALLBACK)))
        assert cli.run("verify")["equal"]

        # -- and back to the source --------------------------------------------------------------------------------------------
        workload.pause()
        assert cli.run("initiate cutover to source --wait")["status"] == "COMPLETED"
        cli.ends("export data from target")
        cli.ends("import data to source")
        assert cli.run("verify")["equal"]
        counts = workload.counts()
    assert counts.unexpected == {}
    check_ledger(source_db.url)
    check_ledger(target_db.url)

    report = {line["table"]: line for line in cli.run("get data-migration-report --exact")}
    assert report["public.orders"]["source_final_rows"] == count(source_db, "orders") == count(target_db, "orders")
    assert report["public.orders"]["fallback_imported_inserts"] > 0
    assert sum(line["forward_imported_inserts"] for line in report.values()) > 0

    # -- no trace left ---------------------------------------------------------------------------------------------------------
    ended = cli.run(
        "end migration --backup-schema-files true --backup-data-files false --save-migration-reports true",
        "--backup-log-files",
        "true",
        "--backup-dir",
        str(tmp_path / "backup"),
    )
    assert ended["removed"]["source"]
    assert traces(source_db) == before
    after = traces(target_db)
    for name in ("triggers", "rules", "constraints", "identities"):
        assert after[name] == before[name], name
    for name in ("slots", "publications", "schemas", "settings", "event triggers", "prepared"):
        assert after[name] == before_target[name], name
    assert list((tmp_path / "shop").iterdir()) == []
    assert (tmp_path / "backup" / "shop" / "schema" / "tables").is_dir()
    assert (tmp_path / "backup" / "shop" / "reports" / "data-migration-report.csv").is_file()
    assert cli.run(  # again: there is nothing left to do
        "end migration --backup-schema-files false --backup-data-files false --save-migration-reports false"
        " --backup-log-files false"
    )["removed"]
