"""The command line: words, exit status, one JSON document, one clear error, no secrets."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from tests.conftest import Database
from voyager_ops.cli import main
from voyager_ops.cli_output import PlainSink, line, metric_rows
from voyager_ops.cli_runtime import CONFIG_ENV, Secrets
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Side
from voyager_ops.model.results import Progress
from voyager_ops.state import cutovers
from voyager_ops.testing.sample import load_sample

SECRET = "s3cr3t-Pa55"


def write_config(directory: Path, source: str, target: str, more: str = "") -> Path:
    path = directory / "shop.yaml"
    path.write_text(
        f"name: shop\nexport_dir: {directory}/shop\nsource: {{url: '{source}', schemas: [public]}}\n"
        f"target: {{url: '{target}'}}\n{more}",
        encoding="utf-8",
    )
    return path


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def leaves(command: click.Command, words: str = "") -> list[str]:
    if isinstance(command, click.Group):
        return [leaf for name, child in command.commands.items() for leaf in leaves(child, f"{words} {name}".strip())]
    return [words]


def test_the_workflow_words_are_there() -> None:
    assert {
        "prepare source",
        "prepare target",
        "preflight",
        "export schema",
        "analyze-schema",
        "import schema",
        "export data from source",
        "import data to target",
        "get data-migration-report",
        "verify",
        "archive changes",
        "initiate cutover to target",
        "cutover status",
        "export data from target",
        "import data to source",
        "initiate cutover to source",
        "end migration",
    } <= set(leaves(main))


@pytest.mark.parametrize("words", sorted(leaves(main)))
def test_every_command_explains_itself(words: str) -> None:
    result = invoke(*words.split(), "--help")
    assert result.exit_code == 0
    assert "--json" in result.output


def test_without_a_configuration_it_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CONFIG_ENV, raising=False)
    result = invoke("preflight")
    assert result.exit_code == 2
    assert "--config" in result.output


def test_configuration_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONFIG_ENV, str(tmp_path / "none.yaml"))
    result = invoke("preflight")
    assert result.exit_code == 1
    assert "none.yaml" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("snapshots: {}\n", "line 5, key 'snapshots': unknown key"),
        ("snapshot: {bins: 0}\n", "line 5, key 'snapshot.bins'"),
        ("approvers: ['${NOBODY_SET_THIS}']\n", "NOBODY_SET_THIS is not set"),
    ],
)
def test_a_broken_configuration_names_key_and_line_and_touches_nothing(tmp_path: Path, more: str, expected: str) -> None:
    path = write_config(tmp_path, "postgresql://u@127.0.0.1:1/a", "postgresql://u@127.0.0.1:1/b", more)
    result = invoke("--config", str(path), "preflight", "--json")
    assert result.exit_code == 1
    assert expected in json.loads(result.stdout)["error"]["message"]
    assert not (tmp_path / "shop").exists()


def test_a_broken_configuration_is_told_once_and_without_a_traceback(tmp_path: Path) -> None:
    """As a process of its own: what logging does without a handler shows only there."""
    path = write_config(tmp_path, "postgresql://u@127.0.0.1:1/a", "postgresql://u@127.0.0.1:1/b", "snapshots: {}\n")
    command = [sys.executable, "-m", "voyager_ops.cli", "--config", str(path), "preflight"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.count("unknown key") == 1
    assert "Traceback" not in result.stderr


def test_an_export_directory_that_cannot_be_used_names_key_and_line(tmp_path: Path) -> None:
    (tmp_path / "shop").write_text("not a directory")
    path = write_config(tmp_path, "postgresql://u@127.0.0.1:1/a", "postgresql://u@127.0.0.1:1/b")
    result = invoke("--config", str(path), "preflight")
    assert result.exit_code == 1
    assert f"{path}, line 2, key 'export_dir': the directory {tmp_path}/shop cannot be used" in result.stderr


def test_a_database_that_is_away_is_one_clear_error_without_the_password(tmp_path: Path) -> None:
    url = f"postgresql://u:{SECRET}@127.0.0.1:1"
    path = write_config(tmp_path, f"{url}/a", f"{url}/b")
    result = invoke("--config", str(path), "--debug", "preflight")
    assert result.exit_code == 1
    assert "cannot connect to the source database 127.0.0.1:1/a" in result.stderr
    assert "Next:" in result.stderr
    logs = "".join(file.read_text() for file in (tmp_path / "shop" / "logs").iterdir())
    assert "cannot connect" in logs
    assert "Traceback" in logs
    for text in (result.output, logs):
        assert SECRET not in text


def test_conn_id_without_such_a_connection_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(
        f"name: shop\nexport_dir: {tmp_path}/shop\nsource: {{conn_id: nowhere, schemas: [public]}}\ntarget: {{conn_id: other}}\n"
    )
    result = invoke("--config", str(path), "preflight", "--json")
    assert result.exit_code == 1
    failure = json.loads(result.stdout)["error"]
    assert failure["type"] == "ConfigError"
    assert "line 3, key 'source.conn_id'" in failure["message"]
    assert "nowhere" in failure["message"]


def test_secrets_are_taken_out_of_log_records() -> None:
    secrets = Secrets()
    secrets.learn("postgresql://u:p%40ss-w0rd@host/db")
    secrets.learn("oracle://u:p%40ss-w0rd@host/db?wallet_location=/w&wallet_password=wall%2Fet")
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(secrets)
    logger = logging.getLogger("voyager_ops.test_secrets")
    logger.propagate = False
    logger.addHandler(handler)
    try:
        raise ValueError("wrong password p@ss-w0rd")
    except ValueError:
        logger.exception("with %s, %s and wall/et", "p%40ss-w0rd", "postgresql://x:another-one@h/d")
    logger.removeHandler(handler)
    text = stream.getvalue()
    assert "Traceback" in text
    for secret in ("p@ss-w0rd", "p%40ss-w0rd", "another-one", "wall/et"):
        assert secret not in text


def figures(**more: Any) -> dict[str, Any]:
    return {"total": 7, "this_run": 3, "rate_3_min": 2.0, "rate_10_min": 1.0, "seconds": 60.0, **more}


def test_metrics_have_the_words_of_the_reference() -> None:
    exported = Progress(phase="capture", figures=figures(remaining=None, eta_seconds=None))
    assert [label for label, _ in metric_rows(exported)][:2] == ["Total Exported Events", "Total Exported Events (Current Run)"]
    imported = Progress(phase="import_data", figures=figures(remaining=0, eta_seconds=0.0))
    assert "Remaining Events: 0" in line(imported)
    assert metric_rows(Progress(phase="verify", figures={"rows": 3})) == []


def test_plain_progress_is_not_a_flood() -> None:
    stream = io.StringIO()
    sink = PlainSink(stream)
    for done in range(1000):
        sink(Progress(phase="snapshot", table="public.t", done=done, total=1000, unit="chunks"))
    sink(Progress(phase="snapshot", table="public.t", done=1000, total=1000, unit="chunks"))
    sink(Progress(phase="snapshot", message="said"))
    for done in range(100):
        sink(Progress(phase="import_data", done=done, total=done, figures=figures(remaining=0, eta_seconds=0.0)))
    *lines, streamed = stream.getvalue().splitlines()
    assert "Remaining Events: 0" in streamed
    assert lines == [
        "snapshot: public.t: 0/1000 chunks",
        "snapshot: public.t: 1000/1000 chunks",
        "snapshot: said",
    ]


def test_json_is_one_document_on_stdout(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    load_sample(source_db.url, 0.001)
    path = write_config(tmp_path, source_db.url, target_db.configured)
    checked = invoke("--config", str(path), "--json", "preflight")
    assert checked.exit_code == 0
    assert json.loads(checked.stdout)["errors"] == 0
    assert invoke("--config", str(path), "cutover", "status", "--json").exit_code == 0
    words = json.loads(invoke("--config", str(path), "cutover", "status", "--json").stdout)
    assert words["cutover_to_target"] == words["cutover_to_source"] == "NOT_INITIATED"
    assert json.loads(invoke("--config", str(path), "export", "schema", "--json").stdout)["counts"]["table"] > 12
    text = invoke("--config", str(path), "analyze-schema")
    assert text.exit_code == 0
    assert "schema_analysis_report.html" in text.stdout
    assert "nothing to archive" in invoke("--config", str(path), "archive", "changes", "--delete").stdout
    report = json.loads(invoke("--config", str(path), "get", "data-migration-report", "--json").stdout)
    assert isinstance(report, list)
    assert {line["table"] for line in report} >= {"public.orders", "public.Product Category"}
    printed = invoke("--config", str(path), "prepare", "source")
    assert printed.exit_code == 0
    assert "GRANT SET ON PARAMETER session_replication_role" in printed.stdout
    assert "\\prompt" in printed.stdout  # psql is told where the password comes from, and nobody has to write it down
    for output in (printed.output, checked.output):
        assert source_db.cluster._passwords["postgres"] not in output


def test_of_nothing_nothing_is_a_success(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    """No exported schema, no table: refused, where "0 issues" or "no differences" would pass for evidence."""
    path = write_config(tmp_path, source_db.url, target_db.configured)
    for words, says in {
        "analyze-schema": "there is no exported schema",
        "import schema": "there is no exported schema",
        "verify": "no table to compare",
    }.items():
        result = invoke("--config", str(path), "--json", *words.split())
        assert result.exit_code == 1, words
        assert says in json.loads(result.stdout)["error"]["message"]
    assert Migration.load(path).state.get("phase/verify") is None


def test_a_stopped_stream_says_how_to_resume_and_is_no_success(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    with source_db.connect() as connection:
        connection.execute("CREATE TABLE t (id int PRIMARY KEY)")
    path = write_config(tmp_path, source_db.url, target_db.configured)
    stream = subprocess.Popen(
        [sys.executable, "-m", "voyager_ops.cli", "--config", str(path), "--json", "export", "data", "from", "source"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    log = tmp_path / "shop" / "logs" / "voyager-ops-export-data-from-source.log"
    deadline = time.monotonic() + 60
    while not (log.exists() and "capture begins" in log.read_text()):
        assert time.monotonic() < deadline
        assert stream.poll() is None, stream.communicate()
        time.sleep(0.2)
    second = invoke("--config", str(path), "export", "data", "from", "source", "--json")
    assert second.exit_code == 1
    assert json.loads(second.stdout)["error"]["type"] == "Fenced"
    stream.send_signal(signal.SIGTERM)
    out, err = stream.communicate(timeout=60)
    assert stream.returncode == 128 + signal.SIGTERM, err
    assert json.loads(out)["completed"] is False
    assert "run the same command to resume" in err
    assert threading.main_thread().is_alive()


def test_a_cutover_that_nobody_drives_yet_is_called_off(tmp_path: Path) -> None:
    path = write_config(tmp_path, "postgresql://u@127.0.0.1:1/a", "postgresql://u@127.0.0.1:1/b")
    refused = invoke("--config", str(path), "cutover", "abort", "--json")
    assert refused.exit_code == 1
    assert "not asked for" in json.loads(refused.stdout)["error"]["message"]
    cutovers.request(Migration.load(path).state, Side.TARGET, "dba")
    assert json.loads(invoke("--config", str(path), "cutover", "status", "--json").stdout)["cutover_to_target"] == "INITIATED"
    refused = invoke("--config", str(path), "archive", "changes", "--delete", "--json")
    assert "a cutover to target is under way" in json.loads(refused.stdout)["error"]["message"]
    aborted = json.loads(invoke("--config", str(path), "cutover", "abort", "--by", "release", "--json").stdout)
    assert (aborted["direction"], aborted["status"]) == ("target", "NOT_INITIATED")
    assert json.loads(invoke("--config", str(path), "cutover", "status", "--json").stdout)["cutover_to_target"] == "NOT_INITIATED"
