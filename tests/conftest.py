"""What every test may use: two running clusters for the session, fresh databases in them for each test."""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from psycopg import sql

# All before anything of ours or of Airflow is imported: it is read at import. Processes that a run starts share the directory.
if "VOYAGER_OPS_TESTS_DIRECTORY" not in os.environ:
    os.environ["VOYAGER_OPS_TESTS_DIRECTORY"] = tempfile.mkdtemp(prefix="voyager-ops-tests-")
    atexit.register(shutil.rmtree, os.environ["VOYAGER_OPS_TESTS_DIRECTORY"], ignore_errors=True)
_temporary = os.environ["VOYAGER_OPS_TESTS_DIRECTORY"]
os.environ.setdefault("AIRFLOW_HOME", os.path.join(_temporary, "airflow"))  # never in the home of whoever runs the tests
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
os.environ.setdefault("VOYAGER_OPS_FAILPOINTS_LOG", os.path.join(_temporary, "failpoints"))

from tests.failpoint_coverage import is_whole_run, never_hit  # noqa: E402
from tests.target_server import configured, target_server  # noqa: E402
from voyager_ops.testing.postgres import Cluster, system_installations  # noqa: E402


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A whole run without failures fails after all when it left a failpoint unvisited."""
    if hasattr(session.config, "workerinput") or exitstatus != 0 or not is_whole_run(session.config):
        return
    missing = never_hit()
    if missing:
        print(f"\nno test passed these failpoints: {', '.join(sorted(missing))}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@dataclass(frozen=True)
class Database:
    """A fresh, empty database: ``url`` with the superuser's password, ``name``, and the cluster it is in."""

    cluster: Cluster
    name: str

    @property
    def url(self) -> str:
        """For libpq."""
        return self.cluster.dsn(self.name)

    @property
    def configured(self) -> str:
        """As a migration's configuration names it: a YugabyteDB by its own scheme."""
        return configured(self.cluster, self.url)

    def connect(self) -> psycopg.Connection:
        """A new connection, in autocommit."""
        return psycopg.connect(self.url, autocommit=True)


def create_database(cluster: Cluster) -> Database:
    """A database of a name of its own in ``cluster``."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return Database(cluster, name)


def drop_database(database: Database) -> None:
    """Drop it whatever still uses it: its prepared transactions and replication slots first, sessions by force."""
    if not database.cluster.running:  # the test crashed it
        database.cluster.start()
    with database.connect() as connection:
        for (gid,) in connection.execute("SELECT gid FROM pg_prepared_xacts WHERE database = current_database()").fetchall():
            connection.execute(sql.SQL("ROLLBACK PREPARED {}").format(sql.Literal(gid)))
    with psycopg.connect(database.cluster.dsn(), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots"
            " WHERE database = %s AND active_pid IS NOT NULL",
            (database.name,),
        )
        connection.execute(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = %s",
            (database.name,),
        )
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database.name)))


@pytest.fixture(scope="session")
def source_cluster() -> Iterator[Cluster]:
    with Cluster("source") as cluster:
        yield cluster


@pytest.fixture(scope="session")
def target_cluster() -> Iterator[Cluster]:
    """Or the YugabyteDB that is named: tests/target_server.py."""
    with target_server("target") as cluster:
        yield cluster


@pytest.fixture(scope="session")
def system_clusters() -> Iterator[tuple[Cluster, Cluster]]:
    """Two clusters of the system's own PostgreSQL 15 (OpenSSL, ICU, XML, all of contrib); skipped without it."""
    bin_dir = system_installations().get(15)
    if bin_dir is None:
        pytest.skip("PostgreSQL 15 is not installed on this system")
    with Cluster("source15", bin_dir=bin_dir) as source, Cluster("target15", bin_dir=bin_dir) as target:
        yield source, target


@pytest.fixture
def source_db(source_cluster: Cluster) -> Iterator[Database]:
    database = create_database(source_cluster)
    yield database
    drop_database(database)


@pytest.fixture
def target_db(target_cluster: Cluster) -> Iterator[Database]:
    database = create_database(target_cluster)
    yield database
    drop_database(database)
