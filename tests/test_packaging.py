"""The lock files agree with each other and with pyproject.toml, and name no hosts; the wheel runs without its repository."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Set as AbstractSet
from importlib.metadata import entry_points
from pathlib import Path

import oracledb
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TOP = Path(__file__).parent.parent
LOCKS = sorted((TOP / "requirements").glob("lock-*.txt"))
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def read(path: Path) -> list[Requirement]:
    return [Requirement(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def environment(version: str) -> dict[str, str | AbstractSet[str]]:
    return {
        "python_version": version,
        "python_full_version": f"{version}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "os_name": "posix",
    }


def test_one_lock_for_every_supported_python() -> None:
    supported = {classifier.rsplit(" ", 1)[1] for classifier in PROJECT["classifiers"] if re.search(r"Python :: 3\.", classifier)}
    assert {path.stem.removeprefix("lock-") for path in LOCKS} == supported == {"3.11", "3.12", "3.13"}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_lock_is_what_requirements_installs_on_that_python(lock: Path) -> None:
    here = environment(lock.stem.removeprefix("lock-"))
    universal = {
        canonicalize_name(item.name): str(item.specifier)
        for item in read(TOP / "requirements.txt")
        if item.marker is None or item.marker.evaluate(here)
    }
    assert universal == {canonicalize_name(item.name): str(item.specifier) for item in read(lock)}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_lock_pins_every_declared_dependency_within_its_range(lock: Path) -> None:
    pinned = {canonicalize_name(item.name): item.specifier for item in read(lock)}
    for line in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]:
        wanted = Requirement(line)
        (pin,) = pinned[canonicalize_name(wanted.name)]
        assert pin.operator == "=="
        assert wanted.specifier.contains(pin.version), f"{line}: make lock"


def test_no_host_is_named() -> None:
    for path in (TOP / "requirements.txt", *LOCKS, TOP / "pyproject.toml", TOP / "Makefile", TOP / "scripts" / "venv.sh"):
        assert "://" not in path.read_text(encoding="utf-8"), path


def test_entry_points_are_installed() -> None:
    ours = {
        (point.group, point.name, point.value)
        for group in ("console_scripts", "apache_airflow_provider")
        for point in entry_points(group=group)
        if point.value.startswith("voyager_ops")
    }
    assert ours == {
        ("console_scripts", "voyager-ops", "voyager_ops.cli:main"),
        ("console_scripts", "voyager-ops-demo", "voyager_ops.testing.demo:main"),
        ("console_scripts", "voyager-ops-testing", "voyager_ops.testing.cli:main"),
        ("apache_airflow_provider", "provider_info", "voyager_ops.provider_info:get_provider_info"),
    }


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's files, apart from the repository."""
    directory = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(directory / "dist")]
    result = subprocess.run(build, cwd=TOP, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    (wheel,) = (directory / "dist").iterdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(directory / "site")
    return directory / "site"


def started(unpacked: Path, module: str, *arguments: str) -> subprocess.Popen[str]:
    code = f"import sys, {module} as it; assert it.__file__.startswith({str(unpacked)!r}), it.__file__; it.main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=unpacked,
        env={**os.environ, "PYTHONPATH": str(unpacked), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_wheel_has_every_file_of_the_package(unpacked: Path) -> None:
    def files(directory: Path) -> set[str]:
        found = (path.relative_to(directory) for path in (directory / "voyager_ops").rglob("*") if path.is_file())
        return {str(path) for path in found if "__pycache__" not in path.parts}

    assert files(unpacked) == files(TOP)


def test_the_command_line_runs_from_the_wheel(unpacked: Path) -> None:
    with started(unpacked, "voyager_ops.cli", "--help") as process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert "preflight" in output


def test_a_simulated_oracle_runs_from_the_wheel(unpacked: Path) -> None:
    with started(unpacked, "voyager_ops.testing.cli", "oracle", "--user", "HR:pw") as process:
        assert process.stdout is not None
        lines: list[str] = []
        try:
            for line in process.stdout:
                lines.append(line)
                if line.startswith("DSN"):
                    dsn = line.split()[1]
                if "Ctrl-C" in line:
                    break
            with oracledb.connect(user="HR", password="pw", dsn=dsn) as connection, connection.cursor() as cursor:
                cursor.execute("CREATE TABLE T (ID NUMBER(5) PRIMARY KEY)")
                cursor.execute("INSERT INTO T VALUES (1)")
                assert cursor.execute("SELECT TABLE_NAME, COUNT(*) FROM USER_TABLES, T GROUP BY TABLE_NAME").fetchall() == [
                    ("T", 1)
                ]
        finally:
            process.send_signal(signal.SIGTERM)
            rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0, [*lines, rest]
