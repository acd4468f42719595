"""A whole Airflow in a temporary directory: api-server, scheduler, triggerer and dag-processor on SQLite, for tests and the demo.

Each component runs in a process group of its own; stopping ends every process that was started here and none other. A guard
process does the same when ours dies without a word.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from voyager_ops.errors import RetryableError, VoyagerOpsError
from voyager_ops.testing.airflow_client import AirflowClient

COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "api-server": ("api-server", "--workers", "1"),
    "scheduler": ("scheduler",),
    "triggerer": ("triggerer",),
    "dag-processor": ("dag-processor",),
}
USERS: Mapping[str, str] = {"admin": "admin", "dba": "op", "release": "op", "viewer": "viewer"}
"""Users of the simple auth manager and their roles."""

MARKER = "VOYAGER_OPS_AIRFLOW"
"""Environment variable which every process started here carries, with this Airflow's own value."""

START_SECONDS = 150.0
GUARD = r"""
import os, signal, sys, time
marker = sys.argv[1].encode()
if sys.stdin.buffer.read(1):
    sys.exit(0)
def mine():
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                with open(f"/proc/{name}/environ", "rb") as stream:
                    if marker in stream.read().split(b"\0"):
                        yield int(name)
            except OSError:
                continue
for number, pause in ((signal.SIGTERM, 5), (signal.SIGKILL, 0)):
    for pid in mine():
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
    time.sleep(pause)
"""


class AirflowServer:
    """Airflow with its own home, ports, users and random passwords. Use as a context manager, or call ``start`` and ``stop``.

    ``connections``: Airflow connection ids to URLs or JSON; they reach Airflow through its environment, never through arguments.
    ``environment``: further variables of every component.
    """

    def __init__(
        self,
        *,
        dags: Path,
        plugins: Path | None = None,
        connections: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        parallelism: int = 10,
        home: Path | None = None,
    ) -> None:
        self._own_home = home is None
        self.home = home or Path(tempfile.mkdtemp(prefix="voyager-ops-airflow-"))
        self.home.chmod(0o700)
        self.passwords = {user: secrets.token_urlsafe(9) for user in USERS}
        self.port, log_port, trigger_port = _free_ports(3)
        self.base_url = f"http://127.0.0.1:{self.port}"
        self._marker = secrets.token_hex(8)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._guard: subprocess.Popen[bytes] | None = None
        self.environment = self._inherited() | {
            MARKER: self._marker,
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(plugins or self.home / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": str(parallelism),
            "AIRFLOW__CORE__FERNET_KEY": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.base_url}/execution/",
            "AIRFLOW__CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{user}:{role}" for user, role in USERS.items()),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.home / "passwords.json"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home / 'airflow.db'}",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.base_url,
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.home / "logs"),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(log_port),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(trigger_port),
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "15",
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "15",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "300",
            "AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS": "60",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": "ignore",
            # Airflow's commands start others by name.
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            **{f"AIRFLOW_CONN_{name.upper()}": value for name, value in (connections or {}).items()},
            **(environment or {}),
        }

    @staticmethod
    def _inherited() -> dict[str, str]:
        """Our environment without whatever another Airflow has put there."""
        return {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))}

    # -- life ---------------------------------------------------------------------------------------------------------
    def start(self) -> Self:
        """Returns when all four components say they are healthy. Raises VoyagerOpsError with the log's end when one died."""
        self._watch()
        atexit.register(self.stop)
        secret = self.home / "passwords.json"
        secret.touch(mode=0o600)
        secret.write_text(json.dumps(self.passwords), encoding="utf-8")
        self._logs.mkdir(exist_ok=True)
        migrate = self._spawn("db-migrate", ("db", "migrate"))
        if migrate.wait(START_SECONDS) != 0:
            raise self._died("db-migrate")
        del self._processes["db-migrate"]
        for name, arguments in COMPONENTS.items():
            self._spawn(name, arguments)
        self._wait_until_healthy()
        return self

    def _spawn(self, name: str, arguments: tuple[str, ...]) -> subprocess.Popen[bytes]:
        with (self._logs / f"{name}.log").open("ab") as stream:
            process = subprocess.Popen(
                [str(Path(sys.executable).parent / "airflow"), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                cwd=self.home,
                env=self.environment,
                start_new_session=True,
            )
        self._processes[name] = process
        return process

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            for name in COMPONENTS:
                if self._processes[name].poll() is not None:
                    raise self._died(name)
            if self.health() == {"metadatabase", "scheduler", "triggerer", "dag_processor"}:
                return
            time.sleep(0.5)
        raise RetryableError(
            f"Airflow was not healthy within {START_SECONDS:.0f} s (healthy: {', '.join(sorted(self.health())) or 'nothing'})",
            state="it was stopped again",
            next_step="start it again on a machine with less to do",
        )

    def health(self) -> set[str]:
        """Components which the API server calls healthy; empty while it does not answer."""
        try:
            answer = httpx.get(f"{self.base_url}/api/v2/monitor/health", timeout=10.0, trust_env=False).json()
        except (httpx.TransportError, json.JSONDecodeError):
            return set()
        return {name for name, part in answer.items() if isinstance(part, dict) and part.get("status") == "healthy"}

    def _died(self, name: str) -> VoyagerOpsError:
        return VoyagerOpsError(
            f"Airflow's {name} ended by itself:\n{self.log_tail(name)}",
            state="the other components were stopped",
            next_step=f"read its log above (the whole of it: {self._logs / name}.log)",
        )

    def stop(self) -> None:
        """End every process started here, and delete the home if it is our own. May be called again."""
        atexit.unregister(self.stop)
        # The scheduler first and politely: its tasks then hear of it through it. Nobody waits for long: streams resume anyway.
        for process in self._processes.values():
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + 3.0
        while time.monotonic() < deadline and any(process.poll() is None for process in self._processes.values()):
            time.sleep(0.1)
        for number, pause in ((signal.SIGTERM, 2.0), (signal.SIGKILL, 5.0)):
            self._signal_all(number, pause)
        for process in self._processes.values():
            process.wait()
        self._processes.clear()
        self._unwatch()
        if self._own_home:
            shutil.rmtree(self.home, ignore_errors=True)

    def _signal_all(self, number: signal.Signals, pause: float) -> None:
        """Signal what carries our marker, and wait until it is gone, ``pause`` seconds at most."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):  # gone meanwhile
                os.kill(pid, number)
        deadline = time.monotonic() + pause
        while self.pids() and time.monotonic() < deadline:
            for process in self._processes.values():
                process.poll()
            time.sleep(0.1)

    def pids(self) -> list[int]:
        """Living processes of this Airflow, the tasks' too (they are told by a variable in their environment)."""
        wanted = f"{MARKER}={self._marker}".encode()
        found = []
        for directory in Path("/proc").iterdir():
            if directory.name.isdigit():
                with contextlib.suppress(OSError):  # gone meanwhile, or not ours
                    if wanted in (directory / "environ").read_bytes().split(b"\0"):
                        found.append(int(directory.name))
        return found

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def client(self, user: str = "admin") -> AirflowClient:
        """A client that speaks as one of USERS."""
        return AirflowClient(self.base_url, user, self.passwords[user])

    # -- inside -------------------------------------------------------------------------------------------------------
    @property
    def _logs(self) -> Path:
        return self.home / "component-logs"

    def log_tail(self, name: str, lines: int = 30) -> str:
        path = self._logs / f"{name}.log"
        return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def _watch(self) -> None:
        """A guard that ends our processes when our end of its pipe closes without a word, which is when we die."""
        self._guard = subprocess.Popen(
            [sys.executable, "-S", "-c", GUARD, f"{MARKER}={self._marker}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", "")},
            start_new_session=True,
        )

    def _unwatch(self) -> None:
        guard, self._guard = self._guard, None
        if guard is not None:
            with contextlib.suppress(BrokenPipeError):  # the guard was killed: nothing left to call off
                guard.communicate(b"stopped\n")


def _free_ports(count: int) -> list[int]:
    """Different ports nobody listens on now (held together, so that none is given twice)."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
