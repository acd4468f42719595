"""What the demo plays on: two embedded clusters, the sample shop, a migration's file, and an Airflow that knows them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from voyager_ops.errors import PreconditionError
from voyager_ops.migration import Migration
from voyager_ops.testing.airflow import AirflowServer
from voyager_ops.testing.postgres import Cluster
from voyager_ops.testing.sample import load_sample

NAME = "shop"
APPROVERS = ("dba", "release")
DATABASE = "shop"
APPLICATION = "shop_app"
"""The application's own role on both sides: no superuser, or no cutover could keep it out."""
DAGS = ("live_migration", "fall_back", "end_migration", "dry_run")

CONFIG = """\
# Written by the demo. Your own looks the same: see README.md.
name: {name}
export_dir: {export_dir}
source: {{conn_id: shop_source, schemas: [public]}}
target: {{conn_id: shop_target}}
approvers: [{approvers}]
snapshot: {{bins: 2, parallelism: 1}}
changes: {{heartbeat: 1s}}
cutover: {{quiesce: enforce, lag_seconds: 5s}}
"""

ENVIRONMENT = {
    # A demo waits for nobody: what takes a minute in production takes seconds here.
    "AIRFLOW__VOYAGER_OPS__RETRY_DELAY": "3",
    "AIRFLOW__VOYAGER_OPS__POLL_INTERVAL": "1",
    "AIRFLOW__VOYAGER_OPS__DRY_RUN_SCHEDULE": "",
}

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Urls:
    """Of the two databases. They hold passwords: never print them."""

    source: str
    target: str


class Stage:
    """Sets all of it up, and takes all of it down again on exit. ``scale`` 1.0 is about 1.1 million rows."""

    def __init__(self, tell: Tell, *, scale: float = 1.0, repository: Path | None = None) -> None:
        self.tell = tell
        self.scale = scale
        self.repository = repository or Path(__file__).resolve().parents[2]
        self.directory = Path(tempfile.mkdtemp(prefix="voyager-ops-demo-"))
        self.directory.chmod(0o700)
        self.rows = 0
        self._stack = ExitStack()
        if not (self.repository / "dags").is_dir():
            raise PreconditionError(
                f"there is no dags/ in {self.repository}",
                state="nothing was started",
                next_step="run the demo from a checkout of the project",
            )

    def __enter__(self) -> Self:
        try:
            self._stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
            self._set_up()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def _set_up(self) -> None:
        self.set_up_databases()
        configs = self.directory / "migrations"
        configs.mkdir()
        self.config_path = configs / f"{NAME}.yaml"
        self.config_path.write_text(self.config(", ".join(APPROVERS)), encoding="utf-8")
        self.airflow = AirflowServer(
            dags=self.repository / "dags",
            plugins=self.repository / "plugins",
            connections={"shop_source": self.admin_urls.source, "shop_target": self.admin_urls.target},
            environment=ENVIRONMENT | {"VOYAGER_OPS_CONFIG_DIR": str(configs)},
        )
        self.tell(f"Starting Airflow at {self.airflow.base_url} while the sample shop is filled")
        with ThreadPoolExecutor(1) as pool:
            loading = pool.submit(self.load)
            self._stack.callback(self.airflow.stop)
            self.airflow.start()
            self.rows = loading.result()
        self.tell(f"The source has {self.rows:,} rows. Airflow is healthy.")

    def set_up_databases(self) -> None:
        """Both databases, running; ``urls`` (the application's) and ``admin_urls`` (the migration's) of them."""
        self.tell("Starting two PostgreSQL clusters, the source and the target, from a wheel")
        # One connection per stream, chunk and comparison, and the workload's besides.
        self.source_cluster = self._stack.enter_context(Cluster("demo-source"))
        self.target_cluster = self._stack.enter_context(Cluster("demo-target"))
        self.urls = Urls(*(application_database(cluster) for cluster in (self.source_cluster, self.target_cluster)))
        self.admin_urls = Urls(self.source_cluster.dsn(DATABASE), self.target_cluster.dsn(DATABASE))
        with psycopg.connect(self.admin_urls.target, autocommit=True) as connection:
            # What the migration creates on the target belongs to its own user: the application is let in beforehand.
            for kind in ("TABLES", "SEQUENCES", "FUNCTIONS"):
                connection.execute(
                    sql.SQL("ALTER DEFAULT PRIVILEGES GRANT ALL ON {} TO {}").format(sql.SQL(kind), sql.Identifier(APPLICATION))
                )

    def config(self, approvers: str) -> str:
        """The migration's YAML."""
        return CONFIG.format(name=NAME, export_dir=self.directory / "export", approvers=approvers)

    def load(self) -> int:
        """Fill the source; returns its rows. Runs beside the start of Airflow."""
        return load_sample(self.urls.source, self.scale)

    def migration(self) -> Migration:
        """The migration, opened by the demo itself to look at its records."""
        urls = {"shop_source": self.admin_urls.source, "shop_target": self.admin_urls.target}
        return Migration.load(self.config_path, urls.__getitem__)


def application_database(cluster: Cluster) -> str:
    """An empty database owned by the application's role; its URL as that role."""
    cluster.create_user(APPLICATION)
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        names = {"name": sql.Identifier(DATABASE), "owner": sql.Identifier(APPLICATION)}
        connection.execute(sql.SQL("CREATE DATABASE {name} OWNER {owner}").format(**names))
    return cluster.dsn(DATABASE, APPLICATION)
