"""A parent for programs that must not outlive us: ends all it started, and whatever those started, when its input ends.

Run as a program of its own (``python process_tree.py``): its standard input closes when we die, however we die. It is made the
*subreaper* of its descendants (Linux), so that an orphan becomes its child instead of escaping, whatever session, group or
title it gave itself. Reads a JSON object per line (``name``, ``argv``, ``log``, ``cwd``) and starts it with its own environment;
writes a JSON object per line: ``{"name", "pid"}`` for a start, ``{"name", "status"}`` for an end (of those it started itself).
Imports nothing of ours, so that it starts at once.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
POLL_SECONDS = 0.2
POLITE_SECONDS = 4.0
"""Between SIGTERM to those we started, and SIGKILL to all that is left."""


def descendants(root: int) -> list[int]:
    """All living processes below ``root``."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as stream:
                state, parent = stream.read().rpartition(")")[2].split()[:2]
                if state != "Z":
                    children.setdefault(int(parent), []).append(int(name))
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def say(**message: object) -> None:
    """A line for our parent; it may be gone."""
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps(message), flush=True)


def start(order: dict[str, object]) -> int:
    """Start one program; returns its process id."""
    with open(str(order["log"]), "ab") as log:
        argv = order["argv"]
        assert isinstance(argv, list)
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=str(order["cwd"]), start_new_session=True
        )
    process.returncode = 0  # reaped by us below, not by its destructor
    return process.pid


def reap(started: dict[int, str]) -> None:
    """Collect children that ended, orphans too."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            if pid in started:
                say(name=started.pop(pid), status=os.waitstatus_to_exitcode(status))


def end_all(started: dict[int, str]) -> None:
    """SIGTERM to those we started, then SIGKILL to every descendant until there is none."""
    signals(list(started), signal.SIGTERM)
    deadline = time.monotonic() + POLITE_SECONDS
    while started and time.monotonic() < deadline:
        reap(started)
        time.sleep(0.05)
    # Tasks that still run are told once, so that they give up their locks and records in order.
    signals(descendants(os.getpid()), signal.SIGTERM)
    deadline = time.monotonic() + POLITE_SECONDS / 2
    while descendants(os.getpid()):
        reap(started)
        if time.monotonic() > deadline:
            signals(descendants(os.getpid()), signal.SIGKILL)
        time.sleep(0.05)


def signals(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the terminal's Ctrl-C is our parent's to act on
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
    started: dict[int, str] = {}
    buffer = b""
    while True:
        ready, _, _ = select.select([0], [], [], POLL_SECONDS)
        if ready:
            data = os.read(0, 65536)
            if not data:
                break
            buffer += data
            *lines, buffer = buffer.split(b"\n")
            for line in lines:
                order = json.loads(line)
                pid = start(order)
                started[pid] = str(order["name"])
                say(name=order["name"], pid=pid)
        reap(started)
    end_all(started)
    sys.exit(0)


if __name__ == "__main__":
    main()
