"""The lock files agree with each other and with pyproject.toml, and name no hosts."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Set as AbstractSet
from importlib.metadata import entry_points
from pathlib import Path

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
