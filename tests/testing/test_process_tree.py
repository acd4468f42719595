"""Nothing that was started below the tree outlives it, whatever it did to hide, and however its owner dies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from voyager_ops.testing import process_tree

PROGRAM = Path(process_tree.__file__)
# Forks twice into a session of its own, so that its parent is gone, ignores SIGTERM, and writes down who it is.
HIDES = """
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        open(sys.argv[1], "w").write(str(os.getpid()))
        time.sleep(600)
    os._exit(0)
time.sleep(600)
"""
OWNER = """
import subprocess, sys, time
tree = subprocess.Popen([sys.executable, "-S", sys.argv[1]], stdin=subprocess.PIPE, start_new_session=True)
tree.stdin.write(sys.argv[2].encode() + b"\\n")
tree.stdin.flush()
time.sleep(600)
"""


def order(directory: Path) -> str:
    argv = [sys.executable, "-c", HIDES, str(directory / "pid")]
    return json.dumps({"name": "hides", "argv": argv, "log": str(directory / "log"), "cwd": str(directory)})


def hidden(directory: Path) -> int:
    path = directory / "pid"
    for _ in range(200):
        if path.exists() and path.read_text():
            return int(path.read_text())
        time.sleep(0.05)
    raise AssertionError((directory / "log").read_text())


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_closing_its_input_ends_all(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-S", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as tree:
        assert tree.stdin is not None
        assert tree.stdout is not None
        tree.stdin.write(order(tmp_path) + "\n")
        tree.stdin.flush()
        assert json.loads(tree.stdout.readline())["name"] == "hides"
        pid = hidden(tmp_path)
        assert pid in process_tree.descendants(tree.pid)
        tree.stdin.close()
        assert tree.wait(20) == 0
    assert gone(pid)


@pytest.mark.parametrize("signal_number", [9, 15])
def test_so_does_the_death_of_its_owner(tmp_path: Path, signal_number: int) -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER, str(PROGRAM), order(tmp_path)], stdout=subprocess.DEVNULL) as owner:
        pid = hidden(tmp_path)
        owner.send_signal(signal_number)
    assert gone(pid)


def test_an_end_is_told(tmp_path: Path) -> None:
    quick = {
        "name": "quick",
        "argv": [sys.executable, "-c", "raise SystemExit(3)"],
        "log": str(tmp_path / "log"),
        "cwd": str(tmp_path),
    }
    with subprocess.Popen([sys.executable, "-S", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as tree:
        output, _ = tree.communicate(json.dumps(quick) + "\n" + order(tmp_path) + "\n")
    assert {"name": "quick", "status": 3} in [json.loads(line) for line in output.splitlines()]
