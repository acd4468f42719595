"""A whole Airflow in a temporary directory: api-server, scheduler, triggerer and dag-processor on SQLite, for tests and the demo.

All of it lives below one process of ``process_tree.py``: stopping ends every process that was started here and none other, also
when ours dies without a word.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from voyager_ops.errors import RetryableError, VoyagerOpsError
from voyager_ops.testing.airflow_client import AirflowClient
from voyager_ops.testing.process_tree import descendants

COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "api-server": ("api-server", "--workers", "1"),
    "scheduler": ("scheduler",),
    "triggerer": ("triggerer",),
    "dag-processor": ("dag-processor",),
}
USERS: Mapping[str, str] = {"admin": "admin", "dba": "op", "release": "op", "viewer": "viewer"}
"""Users of the simple auth manager and their roles."""

START_SECONDS = 240.0
STOP_SECONDS = 30.0


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
        self._tree: subprocess.Popen[str] | None = None
        self._ended: dict[str, int] = {}
        self.environment = self._inherited() | {
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
            # Reading a DAG costs two seconds of one core, which the tasks need: new migrations show within a minute.
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
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
        atexit.register(self.stop)
        secret = self.home / "passwords.json"
        secret.touch(mode=0o600)
        secret.write_text(json.dumps(self.passwords), encoding="utf-8")
        self._logs.mkdir(exist_ok=True)
        self._tree = subprocess.Popen(
            [sys.executable, "-S", str(Path(__file__).with_name("process_tree.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=self.home,
            env=self.environment,
            start_new_session=True,
            text=True,
        )
        threading.Thread(target=self._listen, args=(self._tree,), name="airflow processes", daemon=True).start()
        deadline = time.monotonic() + START_SECONDS
        self._spawn("db-migrate", ("db", "migrate"))
        while "db-migrate" not in self._ended:
            self._check_time(deadline)
        if self._ended["db-migrate"] != 0:
            raise self._died("db-migrate")
        for name, arguments in COMPONENTS.items():
            self._spawn(name, arguments)
        while self.health() != {"metadatabase", "scheduler", "triggerer", "dag_processor"}:
            for name in COMPONENTS:
                if name in self._ended:
                    raise self._died(name)
            self._check_time(deadline)
        return self

    def _spawn(self, name: str, arguments: tuple[str, ...]) -> None:
        assert self._tree is not None
        assert self._tree.stdin is not None
        program = str(Path(sys.executable).parent / "airflow")
        order = {"name": name, "argv": [program, *arguments], "log": str(self._logs / f"{name}.log"), "cwd": str(self.home)}
        self._tree.stdin.write(json.dumps(order) + "\n")
        self._tree.stdin.flush()

    def _listen(self, tree: subprocess.Popen[str]) -> None:
        """Note which programs ended."""
        assert tree.stdout is not None
        for line in tree.stdout:
            said = json.loads(line)
            if "status" in said:
                self._ended[said["name"]] = said["status"]

    def _check_time(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            healthy = ", ".join(sorted(self.health())) or "nothing"
            raise RetryableError(
                f"Airflow was not healthy within {START_SECONDS:.0f} s (healthy: {healthy})",
                state="it was stopped again",
                next_step="start it again on a machine with less to do",
            )
        time.sleep(0.3)

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
        tree, self._tree = self._tree, None
        if tree is not None:
            assert tree.stdin is not None
            with contextlib.suppress(BrokenPipeError):  # it is gone already
                tree.stdin.close()
            tree.wait(STOP_SECONDS)
        if self._own_home:
            shutil.rmtree(self.home, ignore_errors=True)

    def pids(self) -> list[int]:
        """Living processes of this Airflow, the tasks' too."""
        return descendants(self._tree.pid) if self._tree is not None else []

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


def _free_ports(count: int) -> list[int]:
    """Different ports nobody listens on now (held together, so that none is given twice)."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
