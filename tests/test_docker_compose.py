"""docker-compose.yaml holds together. It is not run: no Docker engine is assumed, and none was at hand when it was written."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from airflow.sdk import Connection

from voyager_ops.config import MigrationConfig
from voyager_ops.config_file import parse_config
from voyager_ops.databases.oracle.address import parse_url
from voyager_ops.databases.oracle.database import OracleDatabase
from voyager_ops.hooks.connection import to_url
from voyager_ops.model.positions import Side

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docker-compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, Any] = COMPOSE["services"]
LONG_LIVED = sorted(set(SERVICES) - {"init"})
AIRFLOW = ("api-server", "scheduler", "dag-processor", "triggerer", "worker", "stream-worker")
EXAMPLE = dict(
    line.split("=", 1) for line in (ROOT / "docker/env.example").read_text().splitlines() if line and not line.startswith("#")
)
MIGRATIONS = {"shop.yaml": ("shop_source", "shop_target"), "oracle.yaml": ("oracle_source", "shop_target")}


def test_the_parts_are_there() -> None:
    assert set(SERVICES) >= {*AIRFLOW, "init", "source", "target", "oracle", "metadata", "redis"}
    assert SERVICES["worker"]["environment"]["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert "yugabyte" in SERVICES["target"]["image"]
    assert "wal_level=logical" in SERVICES["source"]["command"]


@pytest.mark.parametrize("name", LONG_LIVED)
def test_every_service_says_when_it_is_healthy(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert check.keys() >= {"interval", "timeout", "retries", "start_period"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_what_a_service_waits_for_exists_and_can_come_true(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        assert other in SERVICES
        condition = how["condition"]
        if condition == "service_healthy":
            assert "healthcheck" in SERVICES[other]
        else:
            assert (condition, other) == ("service_completed_successfully", "init")


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_volumes_exist(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        source = volume.split(":")[0]
        if source.startswith("."):
            assert (ROOT / source).is_dir(), source
        else:
            assert source in COMPOSE["volumes"], source
    assert set(COMPOSE["volumes"]) == {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if not volume.startswith(".")
    }


@pytest.mark.parametrize("name", AIRFLOW)
def test_long_streams_survive_an_outage_of_the_api_server(name: str) -> None:
    environment = SERVICES[name]["environment"]
    assert int(environment["AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS"]) >= 60
    assert int(environment["AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT"]) >= 900
    assert int(environment["AIRFLOW__VOYAGER_OPS__STREAM_RETRIES"]) >= 20
    assert float(environment["AIRFLOW__VOYAGER_OPS__RETRY_DELAY"]) >= 60
    assert int(environment["AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT"]) > 30 * 86_400


def test_streams_have_workers_of_their_own() -> None:
    queue = SERVICES["worker"]["environment"]["AIRFLOW__VOYAGER_OPS__STREAM_QUEUE"]
    assert queue in SERVICES["stream-worker"]["command"]
    assert queue not in SERVICES["worker"]["command"]


def test_every_variable_is_in_the_example_and_no_secret_in_the_file() -> None:
    wanted = set(re.findall(r"\$\{(\w+):\?", TEXT))
    assert wanted == set(EXAMPLE)
    for line in TEXT.splitlines():
        if re.search(r"(PASSWORD|SECRET|_KEY):", line):
            assert "${" in line, line


def wired(name: str) -> tuple[MigrationConfig, dict[str, str]]:
    """The configuration of that name, and the workers' environment."""
    path = ROOT / "docker/migrations" / name
    config = parse_config(path.read_text(encoding="utf-8"), environment={"STATE_DB_PASSWORD": "x"})
    return config, SERVICES["worker"]["environment"]


def connection(environment: dict[str, str], conn_id: str | None) -> str:
    """As a connection's URL, from the variable that Airflow reads it from; what Compose puts in is put in."""
    text = re.sub(r"\$\{(\w+):\?[^}]*\}", lambda found: EXAMPLE[found[1]], environment[f"AIRFLOW_CONN_{str(conn_id).upper()}"])
    if text.startswith("{"):
        return to_url(str(conn_id), Connection.from_json(text, conn_id=conn_id))
    return to_url(str(conn_id), Connection.from_uri(text, conn_id=str(conn_id)))


@pytest.mark.parametrize(("name", "conn_ids"), MIGRATIONS.items())
def test_the_migrations_it_wires_are_valid_and_their_connections_lead_to_its_databases(
    name: str, conn_ids: tuple[str, str]
) -> None:
    config, environment = wired(name)
    assert (config.source.conn_id, config.target.conn_id) == conn_ids
    for conn_id in conn_ids:
        address = urlsplit(connection(environment, conn_id))
        assert address.hostname in SERVICES
        assert address.password in EXAMPLE.values()
    mounted = [volume for volume in SERVICES["worker"]["volumes"] if volume.startswith("export:")]
    assert str(config.export_dir).startswith(mounted[0].split(":")[1])
    assert "STATE_DB_PASSWORD" in environment


def test_every_migration_is_wired() -> None:
    assert set(MIGRATIONS) == {path.name for path in (ROOT / "docker/migrations").iterdir()}
    names = [wired(name)[0].name for name in MIGRATIONS]
    assert len(names) == len(set(names))


def test_oracle_is_there_only_when_it_is_asked_for() -> None:
    oracle = SERVICES["oracle"]
    assert oracle["profiles"] == ["oracle", "test"]
    assert "profiles" not in SERVICES["target"]  # YugabyteDB stands beside it
    assert not any("oracle" in service.get("depends_on", {}) for service in SERVICES.values())
    assert all(port.startswith("127.0.0.1:") for port in oracle["ports"])


def test_the_profile_for_tests_is_an_oracle_and_a_yugabytedb_of_its_own() -> None:
    assert {name for name, service in SERVICES.items() if "test" in service.get("profiles", [])} == {"oracle", "yugabytedb"}
    theirs, ours = SERVICES["target"], SERVICES["yugabytedb"]
    assert (ours["image"], ours["environment"], ours["healthcheck"]) == (
        theirs["image"],
        theirs["environment"],
        theirs["healthcheck"],
    )
    assert not set(ours["volumes"]) & set(theirs["volumes"])
    assert all(port.startswith("127.0.0.1:") for port in ours["ports"])


def test_one_command_starts_them_waits_and_names_them_to_the_tests(tmp_path: Path) -> None:
    for name, line in (("docker", 'echo "$@" >> docker.txt'), ("python", 'env > env.txt; echo "$@" > python.txt')):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)
    command = ["sh", str(ROOT / "scripts/test_real.sh"), str(tmp_path / "python"), "-k", "one"]
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    refused = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "docker/env.example" in refused.stderr
    shutil.copy(ROOT / "docker/env.example", tmp_path / ".env")
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    started = (tmp_path / "docker.txt").read_text().split()
    assert started[:6] == ["compose", "--profile", "test", "up", "--detach", "--wait"]
    assert {"oracle", "yugabytedb"} == set(started) & set(SERVICES)
    given = dict(line.split("=", 1) for line in (tmp_path / "env.txt").read_text().splitlines() if "=" in line)
    oracle = parse_url(f"oracle://nobody@{given['VOYAGER_OPS_TEST_ORACLE_DSN']}")
    sysdba = parse_url(given["VOYAGER_OPS_TEST_ORACLE_SYSDBA_DSN"])
    target = urlsplit(given["VOYAGER_OPS_TEST_YUGABYTE_DSN"])
    assert f"127.0.0.1:{oracle.port}:1521" in SERVICES["oracle"]["ports"]
    assert (sysdba.host, sysdba.port, sysdba.service) == (oracle.host, oracle.port, oracle.service)
    assert (sysdba.user, sysdba.password) == ("SYS", EXAMPLE["ORACLE_DB_PASSWORD"])
    assert f"127.0.0.1:{target.port}:5433" in SERVICES["yugabytedb"]["ports"]
    made = SERVICES["yugabytedb"]["environment"]
    assert (target.scheme, target.username, target.path) == ("yugabytedb", made["YSQL_USER"], f"/{made['YSQL_DB']}")
    assert target.password == EXAMPLE["TARGET_DB_PASSWORD"]
    words = (tmp_path / "python.txt").read_text().split()
    assert words[:2] + words[-2:] == ["-m", "pytest", "-k", "one"]
    assert all((ROOT / path).exists() for path in words[2:-2])
    # Named databases are taken as they are; nothing is started.
    (tmp_path / "docker.txt").unlink()
    named = {"VOYAGER_OPS_TEST_YUGABYTE_DSN": "yugabytedb://me@elsewhere/x"}
    subprocess.run(command, cwd=tmp_path, env=environment | named, check=True)
    assert not (tmp_path / "docker.txt").exists()
    assert "VOYAGER_OPS_TEST_ORACLE_DSN" not in (tmp_path / "env.txt").read_text()


def test_the_migration_from_oracle_names_its_user_schema_and_service() -> None:
    config, environment = wired("oracle.yaml")
    database = OracleDatabase.from_url(connection(environment, config.source.conn_id), side=Side.SOURCE, migration=config.name)
    assert (database.kind, database.user, database.address.service) == ("oracle", "C##VOYAGER", "FREEPDB1")
    assert config.source.schemas == (SERVICES["oracle"]["environment"]["APP_USER"],)
    assert not config.cutover.prepare_for_fall_back


def test_oracle_archives_and_logs_what_capture_needs_before_anyone_connects() -> None:
    (mounted,) = [volume for volume in SERVICES["oracle"]["volumes"] if volume.endswith(":/container-entrypoint-initdb.d:ro")]
    scripts = sorted((ROOT / mounted.split(":")[0]).iterdir())
    text = "\n".join(script.read_text(encoding="utf-8") for script in scripts)
    statements = re.findall(r"^(?:SHUTDOWN|STARTUP|ALTER DATABASE) .*?;?$", text, re.MULTILINE)
    assert statements == [
        "SHUTDOWN IMMEDIATE",
        "STARTUP MOUNT",
        "ALTER DATABASE ARCHIVELOG;",
        "ALTER DATABASE OPEN;",
        "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA;",
    ]


def test_the_image_pins_celery_below_what_breaks_its_provider() -> None:
    requirements = (ROOT / "docker/requirements.txt").read_text(encoding="utf-8")
    assert re.search(r"^celery\S*<5\.7$", requirements, re.MULTILINE)
    assert "lock-3.12.txt" in (ROOT / "docker/Dockerfile").read_text(encoding="utf-8")
    assert (ROOT / "requirements/lock-3.12.txt").exists()


def test_docker_itself_accepts_it() -> None:
    version = [shutil.which("docker") or "", "compose", "version"]
    if not version[0] or subprocess.run(version, capture_output=True, check=False).returncode != 0:
        pytest.skip("no docker client with compose here: `docker compose config` was not run")
    command = [
        "docker",
        "compose",
        "--profile",
        "oracle",
        "--profile",
        "test",
        "--env-file",
        str(ROOT / "docker/env.example"),
        "--file",
        str(ROOT / "docker-compose.yaml"),
    ]
    result = subprocess.run([*command, "config", "--quiet"], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
