"""The failpoints themselves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from voyager_ops import failpoints
from voyager_ops.errors import RetryableError

POINT = failpoints.register("test.point")


@pytest.fixture(autouse=True)
def _switched_off() -> Iterator[None]:
    yield
    failpoints.configure()


def test_nothing_happens_unless_switched() -> None:
    failpoints.hit(POINT)


def test_actions_fire_at_their_hit(tmp_path: Path) -> None:
    log = tmp_path / "log"
    failpoints.configure(f"{POINT}=error@2", log=str(log))
    failpoints.hit(POINT)
    with pytest.raises(failpoints.FailpointError, match=r"test\.point"):
        failpoints.hit(POINT)
    failpoints.hit(POINT)
    assert log.read_text() == "test.point\n"
    failpoints.configure(f"{POINT}=retryable@*")
    for _ in range(2):
        with pytest.raises(RetryableError):
            failpoints.hit(POINT)


def test_unknown_actions_and_names_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown action"):
        failpoints.configure("a=explode")
    failpoints.configure("a=error")
    with pytest.raises(ValueError, match="never registered"):
        failpoints.hit("test.other")


def test_crash_runs_no_clean_up() -> None:
    register = "from voyager_ops.failpoints import hit, register; register('x')"
    script = f"import atexit; {register}; atexit.register(print, 'cleaned'); hit('x')"
    child = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, failpoints.ENV: "x=crash"}, capture_output=True, check=False
    )
    assert (child.returncode, child.stdout) == (-signal.SIGKILL, b"")
