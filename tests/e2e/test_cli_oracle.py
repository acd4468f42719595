"""A whole migration from an Oracle (simulated, or real: tests/oracle_source.py) through the command line alone, under a workload,
both streams killed on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from tests.conftest import Database
from tests.e2e.command_line import Cli
from tests.oracle_source import OracleSource, oracle_source
from voyager_ops.model.positions import Lane
from voyager_ops.phases import export_data, status
from voyager_ops.testing.oracle.simulator import PRIVILEGES
from voyager_ops.testing.twin import SCHEMA, load_twin
from voyager_ops.testing.twin.compare import twin_digests
from voyager_ops.testing.twin.workload import TwinWorkload, check_twin_ledger

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SCALE = 0.02
USER, PASSWORD = "C##MOVER", "o'Racle/pass w0rd"
TARGET_USER, TARGET_PASSWORD = "cli_oracle_mover", "p0stgres@pass:word"
LOCAL_DBA, DBA_PASSWORD = "BOSS", "d8a-secret"
CONFIG = """
name: shop
export_dir: {directory}/shop
source: {{url: "${{SHOP_SOURCE}}", schemas: [SHOP]}}
target: {{url: "${{SHOP_TARGET}}"}}
approvers: [dba]
snapshot: {{parallelism: 2, chunk_size: 64kB, build_keys_from: 1B}}
changes: {{heartbeat: 500ms, batch_changes: 500}}
cutover: {{deadline: 60s, quiesce: manual, prepare_for_fall_back: false}}
"""
TYPES = ("shop.type_samples", "shop.type_large", "shop.type_long", "shop.type_long_raw")
NO_BACKUPS = "--backup-schema-files false --backup-data-files false --save-migration-reports false --backup-log-files false"


@dataclass
class Site:
    oracle: OracleSource
    cli: Cli
    target: Database
    secrets: tuple[str, ...]


@pytest.fixture
def site(tmp_path: Path, target_db: Database) -> Iterator[Site]:
    """An Oracle with the shop's twin, an empty target, and a migration user of each that does not exist yet."""
    parts = psycopg.conninfo.conninfo_to_dict(target_db.url)
    scheme = target_db.configured.partition(":")[0]
    users = {SCHEMA: PRIVILEGES, LOCAL_DBA: ("DBA",)}
    with oracle_source(None, users, passwords={LOCAL_DBA: DBA_PASSWORD}, makes=(USER,)) as oracle:
        load_twin(oracle.url(SCHEMA), SCALE)
        # Somebody else wants all columns of this one in the redo, also when we are gone.
        oracle.execute("ALTER TABLE COUPONS ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS", user=SCHEMA)
        cli = Cli(
            tmp_path,
            oracle.url(USER, PASSWORD),
            f"{scheme}://{TARGET_USER}:{quote(TARGET_PASSWORD, safe='')}@{parts['host']}:{parts['port']}/{target_db.name}",
            CONFIG,
        )
        cli.environment |= {
            "LOCAL_DBA": oracle.url(LOCAL_DBA),
            "ORACLE_DBA": oracle.privileged_url,
            "POSTGRES_DBA": target_db.url,
        }
        written = (PASSWORD, TARGET_PASSWORD, DBA_PASSWORD, oracle.passwords[SCHEMA], str(parts["password"]))
        try:
            yield Site(oracle, cli, target_db, (*written, *(quote(secret, safe="") for secret in written)))
        finally:
            cli.stop_all()
    with psycopg.connect(target_db.cluster.dsn(target_db.name), autocommit=True) as connection:
        role = sql.Identifier(TARGET_USER)
        if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (TARGET_USER,)).fetchone() is not None:
            connection.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(role))
            connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO CURRENT_USER").format(sql.Identifier(target_db.name)))
            connection.execute(sql.SQL("DROP ROLE {}").format(role))


def source_traces(oracle: OracleSource) -> dict[str, list[tuple[object, ...]]]:
    """Everything of the source that a migration might leave behind or leave changed."""
    queries = {
        "tables": "SELECT OWNER, TABLE_NAME FROM DBA_TABLES WHERE OWNER IN (:1, :2) ORDER BY 1, 2",
        "log groups": "SELECT OWNER, TABLE_NAME, LOG_GROUP_TYPE FROM DBA_LOG_GROUPS WHERE OWNER IN (:1, :2) ORDER BY 1, 2",
        "triggers": "SELECT OWNER, TRIGGER_NAME, STATUS FROM DBA_TRIGGERS WHERE OWNER IN (:1, :2) ORDER BY 1, 2",
        "constraints": "SELECT OWNER, CONSTRAINT_NAME, STATUS FROM DBA_CONSTRAINTS WHERE OWNER IN (:1, :2) ORDER BY 1, 2",
        "sequences": "SELECT SEQUENCE_OWNER, SEQUENCE_NAME FROM DBA_SEQUENCES WHERE SEQUENCE_OWNER IN (:1, :2) ORDER BY 1, 2",
    }
    with oracle.administered() as cursor:
        return {name: cursor.execute(query, [SCHEMA, USER]).fetchall() for name, query in queries.items()}


def count(database: Database, query: str) -> int:
    with database.connect() as connection:
        row = connection.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0


def chunks(database: Database) -> int:
    if not count(database, "SELECT count(*) FROM pg_namespace WHERE nspname = 'voyager_ops'"):
        return 0
    return count(database, "SELECT count(*) FROM voyager_ops.chunk")


def command_lines() -> str:
    """Arguments of all processes, as ps shows them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue  # it has ended
    return "\n".join(found)


def refused(cli: Cli, words: str, *wanted: str) -> None:
    """The command fails with an error that says these, and that nothing was changed; no traceback."""
    error = cli.run(words, expect=1)["error"]
    for text in wanted:
        assert text in error["message"], error
    assert error["state"] == "nothing was changed", error
    assert error["next_step"], error
    assert error["type"] == "PreconditionError", error


def inserted(cli: Cli) -> set[str]:
    """The tables of which the report counts inserts that were captured and applied."""
    return {line["table"] for line in cli.run("get data-migration-report") if line["forward_imported_inserts"] > 0}


def no_secrets(site: Site) -> None:
    """In nothing that was printed, and in no file that we made."""
    texts = {f"output {number}": text for number, text in enumerate(site.cli.printed)}
    for path in site.cli.directory.rglob("*"):
        if path.is_file():
            texts[str(path)] = path.read_bytes().decode(errors="replace")
    texts["ps"] = command_lines()
    for where, text in texts.items():
        for secret in site.secrets:
            assert secret not in text, where


def streams_alive(cli: Cli) -> Callable[[], bool]:
    migration = cli.migration
    return lambda: all(status.alive(migration, Lane.FORWARD))


def test_migration_from_oracle(site: Site) -> None:
    oracle, cli, target = site.oracle, site.cli, site.target

    # -- before the data -----------------------------------------------------------------------------------------------------
    printed = cli.text("prepare source --print --no-fall-back")
    assert "CREATE USER" in printed
    assert "LOGMINING" in printed
    refused(cli, "prepare source --run --no-fall-back", "privileged connection")
    local = "prepare source --run --no-fall-back --privileged-url-env LOCAL_DBA"
    refused(cli, local, "privileged user was refused", "common user")
    ran = cli.run("prepare source --run --no-fall-back --privileged-url-env ORACLE_DBA")
    assert {item["outcome"] for item in ran["statements"]} <= {"run", "not needed"}
    cli.run("prepare target --run --no-fall-back --privileged-url-env POSTGRES_DBA")
    before = source_traces(oracle)

    found = cli.run("preflight")
    assert found["errors"] == 0
    assert found["checks"]
    assert cli.run("export schema")["counts"]["table"] > 10
    assert cli.run("analyze-schema")["blocking"] == 0
    imported = cli.run("import schema")
    assert imported["errors"] == []
    assert imported["executed"] + imported["existed"] == imported["total"]
    assert "post-import-data" in cli.run("import schema --post-import-data", expect=1)["error"]["message"]

    with TwinWorkload(oracle.url(SCHEMA), seed=11, threads=2, rate=20) as workload:
        # -- both streams, killed during the snapshot and after the seam -------------------------------------------------------
        cli.start("export data from source")
        migration = cli.migration
        cli.wait("the lane", lambda: export_data.prepared(migration, Lane.FORWARD))
        cli.start("import data to target", failpoints="snapshot.chunk.before_commit=sleep:0.5@*")
        cli.wait("chunks loaded", lambda: chunks(target) > 0)
        cli.restart("import data to target")
        assert not status.seam_passed(migration)
        cli.restart("export data from source")
        no_secrets(site)
        cli.wait("the seam", lambda: status.seam_passed(migration))
        cli.wait("both streams", streams_alive(cli))
        cli.restart("export data from source")
        cli.restart("import data to target")
        assert cli.run("import schema --post-import-data")["errors"] == []
        cli.wait("both streams again", streams_alive(cli))
        assert cli.run("verify")["equal"]
        assert cli.run("status")["seam_passed"] is True
        cli.wait("rows of every type that were captured", lambda: inserted(cli) >= {"shop.orders", *TYPES})
        assert cli.text("get data-migration-report")

        # -- what there is not, refused before anything changes ----------------------------------------------------------------
        streaming = source_traces(oracle)
        refused(cli, "initiate cutover to target --prepare-for-fall-back", "no fall-back to an Oracle source yet")
        refused(cli, "initiate cutover to source", "no fall-back to an Oracle source yet")
        refused(cli, "export data from target", "no fall-back to an Oracle source yet")
        refused(cli, "import data to source", "no fall-back to an Oracle source yet")
        cli.configure(CONFIG.replace("quiesce: manual", "quiesce: enforce"))
        refused(cli, "initiate cutover to target --no-prepare-for-fall-back", "quiesce: enforce", "manual")
        checks = cli.run("preflight", expect=1)["checks"]
        assert [check["id"] for check in checks if check["severity"] == "error"] == ["quiesce"]
        cli.configure(CONFIG)
        assert cli.run("cutover status")["cutover_to_target"] == "NOT_INITIATED"
        assert streams_alive(cli)()
        assert source_traces(oracle) == streaming
        assert count(target, "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()") == 0

        # -- the cutover -------------------------------------------------------------------------------------------------------
        assert cli.run("initiate cutover to target --no-prepare-for-fall-back")["status"] == "INITIATED"
        cli.wait("that we are asked to stop writing", lambda: "STOP THE APPLICATION" in cli.output("import data to target"))
        words = cli.run("cutover status")
        assert (words["cutover_to_target"], words["cutover_to_source"]) == ("INITIATED", "NOT_INITIATED")
        workload.pause()
        done = cli.run("initiate cutover to target --no-prepare-for-fall-back --wait")
        assert done["status"] == "COMPLETED"
        assert done["write_stop_seconds"] is not None
        cli.ends("export data from source")
        cli.ends("import data to target")
        assert cli.run("cutover status")["cutover_to_target"] == "COMPLETED"
        digests = twin_digests(oracle.url(SCHEMA), target.url)
        assert {table: pair for table, pair in digests.items() if pair[0] != pair[1]} == {}
        assert sum(pair[0].rows for pair in digests.values()) > 2000
        assert cli.run("verify")["equal"]
        check_twin_ledger(oracle.url(SCHEMA))
        check_twin_ledger(target.url)
        workload.retarget(target.url)
        on_source = workload.counts().transactions
        cli.wait("the application on the target", lambda: workload.counts().transactions > on_source + 10)
    counts = workload.counts()
    assert counts.unexpected == {}
    check_twin_ledger(target.url)

    # -- no trace left ---------------------------------------------------------------------------------------------------------
    assert cli.run("archive changes --delete")["lanes"]["forward"]["segments"] > 0
    no_secrets(site)
    removed = cli.run(f"end migration {NO_BACKUPS}")["removed"]
    assert any("VOYAGER_OPS_MARKER" in item for item in removed["source"])
    assert source_traces(oracle) == before
    assert count(target, "SELECT count(*) FROM pg_namespace WHERE nspname = 'voyager_ops'") == 0
    assert list((cli.directory / "shop").iterdir()) == []
    assert cli.run(f"end migration {NO_BACKUPS}")["removed"] is not None  # again: there is nothing left to do
    no_secrets(site)
