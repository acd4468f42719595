"""Embedded PostgreSQL clusters: real servers on loopback, started in about half a second and gone with the process.

A cluster lives in one directory below the temporary directory: ``data`` (the data directory), ``log``, the Unix socket
and ``cluster.json``, which says who owns it. A cluster outlives its process only when asked to (``keep=True``); any
other is stopped at exit, by a guard process when we are killed, and by the next start of any cluster at the latest.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import random
import secrets
import shutil
import socket
import subprocess
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from voyager_ops.errors import PreconditionError, VoyagerOpsError
from voyager_ops.testing.installations import (
    embedded_installation,
    server_user,
    system_installations,
    temporary_root,
    usable,
)

__all__ = ["Cluster", "StopMode", "embedded_installation", "reap_stale_clusters", "system_installations"]

StopMode = Literal["smart", "fast", "immediate"]
PREFIX = "voyager-ops-pg-"
SUPERUSER = "postgres"
HOST = "127.0.0.1"
# Below the range from which Linux takes ports for outgoing connections (32768 up): a port stays free over a restart.
PORTS = range(20000, 32000)
START_TRIES = 5
MAX_SOCKET_PATH = 107  # sun_path, less the closing zero

SETTINGS: Mapping[str, str] = {
    "wal_level": "logical",
    "max_wal_senders": "20",
    "max_replication_slots": "20",
    "max_prepared_transactions": "10",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "max_wal_size": "4GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
}
# Not synchronous_commit: without it the death of the server loses transactions that were reported as committed.
UNSAFE_BUT_FAST: Mapping[str, str] = {"fsync": "off", "full_page_writes": "off"}


class Cluster:
    """One PostgreSQL server with its own data directory. Use as a context manager, or call ``start`` and ``destroy``.

    ``bin_dir``: directory of PostgreSQL's programs; default: the embedded wheel's. ``fsync=False`` is for tests: fast,
    and safe against the death of processes though not of the machine. ``settings`` go to postgresql.conf.
    ``keep=True``: the cluster outlives this process; open it again with ``Cluster.open(directory)``.
    """

    def __init__(
        self,
        name: str = "postgres",
        *,
        bin_dir: Path | None = None,
        fsync: bool = False,
        settings: Mapping[str, str] | None = None,
        keep: bool = False,
    ) -> None:
        self._user = server_user()
        reap_stale_clusters()
        self.name = name
        self.bin_dir = usable(bin_dir or embedded_installation(), self._user)
        self.settings = dict(SETTINGS) | ({} if fsync else dict(UNSAFE_BUT_FAST)) | dict(settings or {})
        self.keep = keep
        self.port = 0
        self.directory = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{name}-", dir=temporary_root(self._user)))
        self._user.give(self.directory)
        self._passwords = {SUPERUSER: secrets.token_urlsafe(18)}
        self._guard: subprocess.Popen[bytes] | None = None
        self._save()
        if not keep:
            # Through a weak reference: a cluster that was destroyed long ago is not held until the exit.
            atexit.register(_destroy_if_alive, weakref.ref(self), os.getpid())

    @classmethod
    def open(cls, directory: Path) -> Self:
        """The kept cluster in ``directory``, running or not. Raises PreconditionError when there is none."""
        try:
            record: dict[str, Any] = json.loads((directory / "cluster.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise PreconditionError(f"there is no cluster in {directory}", next_step="start a new one") from None
        cluster = cls.__new__(cls)
        cluster._user = server_user()
        cluster._guard = None
        cluster.directory = directory
        cluster.name = record["name"]
        cluster.bin_dir = Path(record["bin_dir"])
        cluster.settings = record["settings"]
        cluster.keep = record["keep"]
        cluster.port = record["port"]
        cluster._passwords = record["passwords"]
        return cluster

    # -- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Start the server, creating its data directory the first time; returns when it takes connections."""
        if not (self.data / "PG_VERSION").exists():
            self._initialize()
        fixed_port = self.port != 0
        for _ in range(1 if fixed_port else START_TRIES):
            if not fixed_port:
                self.port = _free_port()
                self._save()
            self._configure()
            result = self._pg_ctl("start", "-l", str(self.log_path))
            if result.returncode == 0:
                self._watch()
                return self
            if "could not bind" not in self.log_tail():
                break
        tail = self.log_tail()
        if not fixed_port:
            self.port = 0
        raise VoyagerOpsError(
            f"cluster {self.name!r} did not start: {(result.stdout + result.stderr).strip()}\n{tail}",
            state=f"its data directory {self.data} is as it was",
            next_step="read the server's log above; free the port or memory it asks for and start again",
        )

    def stop(self, mode: StopMode = "fast") -> None:
        """Stop the server. ``immediate`` is a crash: the next start recovers. Does nothing when it is not running."""
        self._unwatch()
        if not self.running:
            return
        result = self._pg_ctl("stop", "-m", mode)
        if result.returncode != 0 and self.running:
            raise VoyagerOpsError(
                f"cluster {self.name!r} did not stop: {(result.stdout + result.stderr).strip()}",
                state=f"it is still running on port {self.port}",
                next_step="close its sessions, or stop it with mode 'immediate'",
            )

    def restart(self, mode: StopMode = "fast") -> None:
        """Stop and start again on the same port, with the settings as they are now."""
        self.stop(mode)
        self.start()

    def destroy(self) -> None:
        """Stop the server at once and delete its directory. May be called again."""
        if self.directory.exists():
            self.stop("immediate")
            shutil.rmtree(self.directory)

    @property
    def running(self) -> bool:
        """Whether the server's process lives."""
        return (self.data / "postmaster.pid").exists() and self._pg_ctl("status").returncode == 0

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.destroy()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.destroy()

    # -- where it is --------------------------------------------------------------------------------------------------

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def log_path(self) -> Path:
        return self.directory / "log"

    @property
    def major(self) -> int:
        """The server's major version."""
        return int((self.data / "PG_VERSION").read_text(encoding="ascii"))

    @property
    def pid(self) -> int | None:
        """The process id of the running server (its postmaster), else None."""
        return int((self.data / "postmaster.pid").read_text().split("\n", 1)[0]) if self.running else None

    def dsn(self, dbname: str = "postgres", user: str = SUPERUSER, password: str | None = None) -> str:
        """``postgresql://user:password@127.0.0.1:port/dbname``; ``create_user``'s passwords are known."""
        secret = password if password is not None else self._passwords.get(user)
        credentials = quote(user, safe="") + (f":{quote(secret, safe='')}" if secret is not None else "")
        return f"postgresql://{credentials}@{HOST}:{self.port}/{quote(dbname, safe='')}"

    def create_user(self, name: str, *, replication: bool = False, superuser: bool = False) -> str:
        """Create a login role with a random password, which ``dsn`` then knows; returns its URL."""
        secret = secrets.token_urlsafe(18)
        attributes = [word for word, wanted in (("REPLICATION", replication), ("SUPERUSER", superuser)) if wanted]
        statement = sql.SQL("CREATE ROLE {} LOGIN {} PASSWORD {}").format(
            sql.Identifier(name), sql.SQL(" ").join(sql.SQL(word) for word in attributes), sql.Literal(secret)
        )
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(statement)
        self._passwords[name] = secret
        self._save()
        return self.dsn(user=name)

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of the server's log."""
        if not self.log_path.exists():
            return ""
        return "\n".join(self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    # -- inside -------------------------------------------------------------------------------------------------------

    def _initialize(self) -> None:
        secret = self.directory / "initial-password"
        secret.touch(mode=0o600)
        self._user.give(secret)
        secret.write_text(self._passwords[SUPERUSER] + "\n", encoding="ascii")
        command: list[str | Path] = [self.bin_dir / "initdb", "-D", self.data, "-U", SUPERUSER, "--no-sync"]
        command += ["-A", "scram-sha-256", "--pwfile", secret, "-E", "UTF8", "--locale=C.UTF-8"]
        try:
            self._user.run(command, cwd=self.directory)
        except subprocess.CalledProcessError as error:
            shutil.rmtree(self.data, ignore_errors=True)
            raise VoyagerOpsError(
                f"initdb failed for cluster {self.name!r}: {error.stderr.strip()}", state="nothing was created"
            ) from error
        finally:
            secret.unlink()
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as stream:
            stream.write("include 'voyager-ops.conf'\n")

    def _configure(self) -> None:
        socket_path = f"{self.directory}/.s.PGSQL.{self.port}.lock"
        own = {
            "listen_addresses": HOST,
            "port": str(self.port),
            "unix_socket_directories": str(self.directory) if len(socket_path) <= MAX_SOCKET_PATH else "",
        }
        settings = self.settings | own
        lines = [f"{key} = '{value.replace(chr(39), chr(39) * 2)}'\n" for key, value in settings.items()]
        path = self.data / "voyager-ops.conf"
        path.write_text("".join(lines), encoding="utf-8")
        self._user.give(path)

    def _pg_ctl(self, action: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        wait = [] if action == "status" else ["-w", "-t", "120"]
        command: list[str | Path] = [self.bin_dir / "pg_ctl", "-D", self.data, *wait, *arguments, action]
        return self._user.run(command, cwd=self.directory, check=False)

    def _save(self) -> None:
        record = {
            "name": self.name,
            "bin_dir": str(self.bin_dir),
            "settings": self.settings,
            "keep": self.keep,
            "port": self.port,
            # Only a cluster that is opened again needs them on disk; nobody but its owner can read the file.
            "passwords": self._passwords if self.keep else {},
            "owner": {"pid": os.getpid(), "started": _process_start(os.getpid())},
        }
        aside = self.directory / "cluster.json.new"
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(record, stream)
        aside.rename(self.directory / "cluster.json")

    def _watch(self) -> None:
        """A guard that stops the server when our end of its pipe closes without a word, which is when we die."""
        if self.keep or self._guard is not None:
            return
        script = 'read -r word || exec "$0" -D "$1" -m immediate stop >/dev/null 2>&1'
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", script, str(self.bin_dir / "pg_ctl"), str(self.data)],
            stdin=subprocess.PIPE,
            cwd=self.directory,
            start_new_session=True,
            **self._user.popen_arguments(),
        )

    def _unwatch(self) -> None:
        guard, self._guard = self._guard, None
        if guard is not None:
            with contextlib.suppress(BrokenPipeError):  # the guard was killed: nothing left to call off
                guard.communicate(b"stopped\n")


def reap_stale_clusters() -> list[Path]:
    """Stop and delete clusters whose owning process is gone (never kept ones); returns their directories."""
    reaped = []
    for record_path in temporary_root(server_user()).glob(f"{PREFIX}*/cluster.json"):
        try:
            if record_path.lstat().st_uid != os.geteuid():
                continue
            record = json.loads(record_path.read_text(encoding="utf-8"))
        except FileNotFoundError:  # its owner, or another reaper, has just removed it
            continue
        owner = record["owner"]
        if record["keep"] or _process_start(owner["pid"]) == owner["started"]:
            continue
        directory = record_path.parent
        cluster = Cluster.open(directory)
        with contextlib.suppress(FileNotFoundError):  # two reapers at once: one wins the rename, the other leaves it
            record_path.rename(directory / "reaped")
            cluster.destroy()
            reaped.append(directory)
    return reaped


def _destroy_if_alive(reference: weakref.ref[Cluster], owner: int) -> None:
    cluster = reference()
    if cluster is not None and os.getpid() == owner:  # a forked child runs its parent's exit handlers too
        cluster.destroy()


def _process_start(pid: int) -> str | None:
    """What tells a process from a later one of the same id: its start in clock ticks since boot; None: gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[19]
    except (FileNotFoundError, ProcessLookupError):
        return None


def _free_port() -> int:
    """A port nobody listens on now."""
    for _ in range(200):
        port = random.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise PreconditionError(f"no free port between {PORTS.start} and {PORTS.stop} on {HOST}")
