"""The two servers every line runs on, sizes, and the programs of the servers' own installation."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from voyager_ops.testing.postgres import Cluster, system_installations

SETTINGS = {
    "shared_buffers": "1GB",
    "max_wal_size": "16GB",
    "jit": "off",
    "autovacuum": "off",  # it would hit one of the interleaved runs and not the other
    "wal_retrieve_retry_interval": "100ms",  # a subscription's worker starts at once: in favour of the peer
    "max_worker_processes": "24",
    "max_logical_replication_workers": "12",
}
QUICK_SETTINGS = {"shared_buffers": "128MB", "max_wal_size": "2GB", "jit": "off", "wal_retrieve_retry_interval": "100ms"}


@dataclass(frozen=True)
class Sizes:
    """Rows and changes of one run."""

    narrow: int = 5_000_000
    wide: int = 2_000_000
    small_tables: int = 200
    small_rows: int = 5_000
    changes: int = 400_000
    hot_changes: int = 1_000_000
    swaps: int = 100_000
    large_transaction: int = 200_000
    lag_seconds: float = 20.0
    lag_rate: int = 5_000
    cutover_rate: int = 2_000
    memory_gigabytes: tuple[float, ...] = (1.0, 4.0)
    rounds: int = 3
    chunk_size: int | None = None
    """None: the package's default."""

    def scaled(self, by: float) -> Sizes:
        """As many rows and changes times ``by``; durations and rates as they are."""
        return replace(
            self,
            narrow=int(self.narrow * by),
            wide=int(self.wide * by),
            small_rows=max(10, int(self.small_rows * by)),
            changes=int(self.changes * by),
            hot_changes=int(self.hot_changes * by),
            swaps=int(self.swaps * by),
            memory_gigabytes=tuple(each * by for each in self.memory_gigabytes),
        )

    def with_rounds(self, count: int) -> Sizes:
        return replace(self, rounds=count)


QUICK = Sizes(
    narrow=30_000,
    wide=6_000,
    small_tables=8,
    small_rows=50,
    changes=8_000,
    hot_changes=4_000,
    swaps=2_000,
    large_transaction=5_000,
    lag_seconds=2.0,
    lag_rate=500,
    cutover_rate=200,
    memory_gigabytes=(0.01, 0.04),
    rounds=1,
    chunk_size=1 << 20,
)


class Database:
    """A database of one of the two servers."""

    def __init__(self, cluster: Cluster, name: str, user: str = "postgres") -> None:
        self.cluster = cluster
        self.name = name
        self.user = user

    @property
    def url(self) -> str:
        return self.cluster.dsn(self.name, self.user)

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(self.url, autocommit=True)

    def run(self, *statements: str) -> None:
        """Each in a transaction of its own."""
        with self.connect() as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def value(self, query: str) -> Any:
        """The first column of the first row."""
        with self.connect() as connection:
            row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]

    def as_user(self, user: str) -> Database:
        """As a new user who may read and write all its tables sees it."""
        self.cluster.create_user(user)
        self.run(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {user}")
        return Database(self.cluster, self.name, user)

    @property
    def environment(self) -> dict[str, str]:
        """What libpq's programs need to reach it, without a secret among their arguments."""
        parts = conninfo_to_dict(self.url)
        names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
        return {**os.environ, **{variable: str(parts[key]) for key, variable in names.items()}}

    def program(self, name: str) -> str:
        """The path of one of the programs of this server's installation."""
        return str(self.cluster.bin_dir / name)


class Stage:
    """Two servers, started with the run and gone with it."""

    def __init__(self, sizes: Sizes, *, quick: bool, say: Callable[[str], None]) -> None:
        self.sizes = sizes
        self.quick = quick
        self.say = say
        self._stack = ExitStack()
        self._made: dict[str, Any] = {}

    def __enter__(self) -> Self:
        bin_dir = system_installations().get(15)
        settings = QUICK_SETTINGS if self.quick else SETTINGS
        self.directory = Path(tempfile.mkdtemp(prefix="voyager-ops-bench-"))
        self._stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
        try:
            self.source_cluster, self.target_cluster = (
                self._stack.enter_context(Cluster(name, bin_dir=bin_dir, fsync=not self.quick, settings=settings))
                for name in ("bench-source", "bench-target")
            )
        except BaseException:
            self._stack.close()
            raise
        self.say(f"PostgreSQL {self.source_cluster.major} on both sides; {self.sizes}")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    # -- databases -------------------------------------------------------------------------------------------------
    def source(self, name: str) -> Database:
        return Database(self.source_cluster, name)

    def target(self, name: str) -> Database:
        return Database(self.target_cluster, name)

    def create(self, database: Database, template: Database | None = None) -> Database:
        """Create it anew, as a copy of ``template`` where given."""
        self.drop(database)
        with psycopg.connect(database.cluster.dsn(), autocommit=True) as connection:
            statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database.name))
            if template is not None:
                statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template.name))
            connection.execute(statement)
        return database

    def drop(self, database: Database) -> None:
        """Drop it with its slots, whoever uses them."""
        with psycopg.connect(database.cluster.dsn(), autocommit=True) as connection:
            slots = connection.execute(
                "SELECT slot_name, active_pid FROM pg_replication_slots WHERE database = %s", (database.name,)
            ).fetchall()
            for slot, pid in slots:
                if pid is not None:
                    connection.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
                connection.execute("SELECT pg_drop_replication_slot(%s)", (slot,))
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database.name)))

    def settle(self) -> None:
        """Write out what earlier runs left, on both servers, so that no run pays for the one before it."""
        for cluster in (self.source_cluster, self.target_cluster):
            with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
                connection.execute("CHECKPOINT")
        if not self.quick:
            os.sync()

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What ``make`` returned the first time it was called under ``name``."""
        if name not in self._made:
            started = time.monotonic()
            self._made[name] = make()
            self.say(f"made {name} in {time.monotonic() - started:.1f} s")
        return self._made[name]

    def fresh_directory(self, name: str) -> Path:
        """An empty directory."""
        path = self.directory / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        return path


def rounds(
    stage: Stage,
    variants: dict[str, Callable[[], float]],
    between: Callable[[], None] | None = None,
    after_last: Callable[[str], None] | None = None,
) -> dict[str, list[float]]:
    """Every variant once a round, the order turned about in every other one; each returns its figure.

    ``between`` runs before each; ``after_last`` is given a variant's name right after it has run for the last time.
    """
    found: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(stage.sizes.rounds):
        order = list(variants)
        for name in order if number % 2 == 0 else reversed(order):
            if between is not None:
                between()
            stage.settle()
            figure = variants[name]()
            found[name].append(figure)
            stage.say(f"  round {number + 1}: {name}: {figure:,.6g}")
            if after_last is not None and number == stage.sizes.rounds - 1:
                after_last(name)
    return found


def run_program(arguments: Sequence[str], environment: dict[str, str], *, check: bool = True) -> str:
    """Run to its end and return its output. Raises with its last words when it fails."""
    result = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
    if check and result.returncode != 0:
        raise RuntimeError(f"{arguments[0]} failed with {result.returncode}: {result.stderr[-2000:]}")
    return result.stdout


@contextmanager
def stopwatch() -> Iterator[list[float]]:
    """Yields a list that holds the seconds afterwards."""
    seconds: list[float] = []
    started = time.monotonic()
    yield seconds
    seconds.append(time.monotonic() - started)
