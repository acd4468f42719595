"""The launcher of embedded clusters: what it starts, who may connect, and that nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Database, create_database, drop_database
from voyager_ops.errors import PreconditionError, VoyagerOpsError
from voyager_ops.testing.installations import ServerUser, embedded_installation, server_environment, usable
from voyager_ops.testing.postgres import Cluster, reap_stale_clusters, system_installations


def value(url: str, statement: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(statement.encode()).fetchone()
        assert row is not None
        return row[0]


def test_settings_for_logical_replication(source_cluster: Cluster) -> None:
    expected = {
        "wal_level": "logical",
        "max_replication_slots": "20",
        "max_wal_senders": "20",
        "max_prepared_transactions": "10",
        "fsync": "off",
        "listen_addresses": "127.0.0.1",
        "server_encoding": "UTF8",
    }
    seen = {name: value(source_cluster.dsn(), f"SELECT current_setting('{name}')") for name in expected}
    assert seen == expected


def test_wrong_or_no_password_is_refused(source_cluster: Cluster) -> None:
    for dsn in (source_cluster.dsn(password="wrong"), source_cluster.dsn(password="")):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(dsn)
    assert value(source_cluster.dsn(), "SHOW password_encryption") == "scram-sha-256"


def test_two_clusters_are_apart(source_cluster: Cluster, target_cluster: Cluster) -> None:
    statement = "SELECT system_identifier::text FROM pg_control_system()"
    assert source_cluster.port != target_cluster.port
    assert value(source_cluster.dsn(), statement) != value(target_cluster.dsn(), statement)


def test_user_with_awkward_name_can_connect(source_cluster: Cluster) -> None:
    url = source_cluster.create_user("o'neil %@/x", replication=True)
    try:
        assert value(url, "SELECT current_user") == "o'neil %@/x"
        assert value(url, "SELECT rolreplication AND NOT rolsuper FROM pg_roles WHERE rolname = current_user") is True
    finally:
        with psycopg.connect(source_cluster.dsn(), autocommit=True) as connection:
            connection.execute('DROP ROLE "o\'neil %@/x"')


def test_crash_restart_keeps_port_and_committed_rows_and_no_secret_is_in_arguments() -> None:
    with Cluster("crash", settings={"application_name": "it's"}) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        secret = cluster.dsn().split(":")[2].split("@")[0]
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                assert secret.encode() not in process.read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
        port = cluster.port
        cluster.restart("immediate")
        assert cluster.port == port
        assert value(cluster.dsn(), "SELECT answer FROM kept") == 42
        assert value(cluster.dsn(), "SHOW application_name") == "it's"
        cluster.stop()
        assert not cluster.running
        cluster.stop()  # harmless
        directory = cluster.directory
    assert not directory.exists()


def test_bad_setting_fails_with_the_servers_own_words() -> None:
    cluster = Cluster("bad", settings={"shared_buffers": "nonsense"})
    with pytest.raises(VoyagerOpsError, match='invalid value for parameter "shared_buffers"'), cluster:
        pass
    assert not cluster.directory.exists()


OWNER = """
import sys, time
from voyager_ops.testing.postgres import Cluster
cluster = Cluster("orphan", keep=sys.argv[1] == "keep").start()
print(cluster.directory, cluster.pid, flush=True)
if sys.argv[1] == "die":
    time.sleep(60)
"""


def start_owner(mode: str) -> tuple[subprocess.Popen[str], Path, int]:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, mode], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    directory, pid = owner.stdout.readline().split()
    return owner, Path(directory), int(pid)


def gone(pid: int, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while Path(f"/proc/{pid}").exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_a_killed_owner_takes_its_server_along_and_the_directory_is_reaped() -> None:
    owner, directory, pid = start_owner("die")
    with owner:
        os.kill(owner.pid, signal.SIGKILL)
    assert gone(pid)
    reap_stale_clusters()  # another process's start may have been faster
    assert not directory.exists()


def test_an_owner_that_ends_cleans_up() -> None:
    owner, directory, pid = start_owner("end")
    with owner:
        owner.wait(20)
    assert gone(pid)
    assert not directory.exists()


def test_a_kept_cluster_outlives_its_process_and_is_opened_again() -> None:
    owner, directory, _ = start_owner("keep")
    with owner:
        owner.wait(20)
    reap_stale_clusters()
    cluster = Cluster.open(directory)
    try:
        assert cluster.running
        assert value(cluster.dsn(), "SELECT 1") == 1
        assert (directory / "cluster.json").stat().st_mode & 0o077 == 0
    finally:
        cluster.destroy()
    with pytest.raises(PreconditionError):
        Cluster.open(directory)


def test_a_database_with_slots_sessions_and_prepared_transactions_can_be_dropped(source_cluster: Cluster) -> None:
    database = create_database(source_cluster)
    with database.connect() as connection:
        connection.execute("SELECT pg_create_logical_replication_slot('doomed', 'pgoutput')")
        connection.execute("CREATE TABLE t (i int)")
        connection.execute("BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'doomed'")
        drop_database(database)
    names = value(source_cluster.dsn(), f"SELECT count(*) FROM pg_database WHERE datname = '{database.name}'")
    assert names == 0
    assert value(source_cluster.dsn(), "SELECT count(*) FROM pg_replication_slots") == 0


def test_every_test_gets_databases_of_its_own(source_db: Database, target_db: Database) -> None:
    for database in (source_db, target_db):
        with database.connect() as connection:
            assert connection.execute("SELECT count(*) FROM pg_class WHERE relname = 't'").fetchone() == (0,)
            connection.execute("CREATE TABLE t ()")


def test_environment_carries_no_secret_and_no_client_setting() -> None:
    seen = server_environment({"PGPASSWORD": "x", "PGDATA": "/y", "TOKEN": "z", "PATH": "/bin"})
    assert seen == {"PATH": "/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def test_system_installations_by_version(tmp_path: Path) -> None:
    for version in ("9", "15"):
        programs = tmp_path / "usr/lib/postgresql" / version / "bin"
        programs.mkdir(parents=True)
    (programs / "postgres").touch()
    assert system_installations(tmp_path) == {15: programs}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another user")
def test_an_installation_nobody_can_reach_is_copied_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    private = tmp_path / "home"
    private.mkdir(mode=0o700)
    shutil.copytree(embedded_installation().parent, private / "pginstall", symlinks=True)
    (private / "pginstall" / "bin" / "postgres").chmod(0o700)
    user = ServerUser(65534, 65534)
    bin_dir = usable(private / "pginstall" / "bin", user)
    copy = bin_dir.parent
    try:
        assert private not in copy.parents
        assert usable(private / "pginstall" / "bin", user) == bin_dir
        assert "PostgreSQL" in user.run([bin_dir / "postgres", "--version"], cwd=Path("/")).stdout
        copy.chmod(0o777)  # as if somebody else could have written it
        with pytest.raises(PreconditionError, match="not a directory of our own"):
            usable(private / "pginstall" / "bin", user)
    finally:
        shutil.rmtree(copy)


def test_system_postgresql_15(system_clusters: tuple[Cluster, Cluster]) -> None:
    assert [cluster.major for cluster in system_clusters] == [15, 15]
    for cluster in system_clusters:
        assert str(value(cluster.dsn(), "SHOW server_version")).startswith("15.")
        assert value(cluster.dsn(), "SHOW wal_level") == "logical"
