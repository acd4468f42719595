"""The command line as its user has it: processes, killed and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from voyager_ops.config_file import load_config
from voyager_ops.failpoints import ENV
from voyager_ops.migration import Migration

CONFIG = """
name: shop
export_dir: {directory}/shop
source: {{url: "${{SHOP_SOURCE}}", schemas: [public]}}
target: {{url: "${{SHOP_TARGET}}"}}
approvers: [dba]
snapshot: {{parallelism: 2, chunk_size: 64kB, build_keys_from: 1B}}
changes: {{heartbeat: 500ms, batch_changes: 500}}
cutover: {{deadline: 60s}}
"""


class Cli:
    """The command line as a user has it: processes, their output in files.

    The URLs ``source`` and ``target`` stand in the environment, as SHOP_SOURCE and SHOP_TARGET; ``config`` names those.
    ``printed``: what each command that was run to its end put out.
    """

    def __init__(self, directory: Path, source: str, target: str, config: str = CONFIG) -> None:
        self.directory = directory
        self.configure(config)
        self.environment = {**os.environ, "SHOP_SOURCE": source, "SHOP_TARGET": target}
        self.streams: dict[str, subprocess.Popen[bytes]] = {}
        self.runs = 0
        self.printed: list[str] = []

    def configure(self, config: str) -> None:
        """Write the one file there is; processes that run have read theirs already."""
        (self.directory / "shop.yaml").write_text(config.format(directory=self.directory), encoding="utf-8")

    def _command(self, words: str, *more: str) -> list[str]:
        program = [sys.executable, "-m", "voyager_ops.cli", "--config", str(self.directory / "shop.yaml")]
        return [*program, *words.split(), *more]

    def run(self, words: str, *more: str, expect: int = 0) -> Any:
        """Run to the end with ``--json``; the document it printed."""
        return json.loads(self.text(words, *more, "--json", expect=expect))

    def text(self, words: str, *more: str, expect: int = 0) -> str:
        """Run to the end; what it printed for people."""
        done = subprocess.run(
            self._command(words, *more), env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )
        self.printed += [done.stdout, done.stderr]
        assert done.returncode == expect, f"{words}: exit status {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    @property
    def migration(self) -> Migration:
        """The same migration in this process, to look at how far it is without starting a process for each look."""
        config = load_config(self.directory / "shop.yaml", self.environment)
        return Migration(config)

    def start(self, words: str, failpoints: str = "") -> None:
        """``failpoints``: switched in that process (see :mod:`voyager_ops.failpoints`)."""
        self.runs += 1
        environment = self.environment | ({ENV: failpoints} if failpoints else {})
        path = self.directory / f"{words.replace(' ', '-')}.{self.runs}.txt"
        with path.open("wb") as output:
            self.streams[words] = subprocess.Popen(
                self._command(words), env=environment, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
            )

    def kill(self, words: str) -> None:
        """kill -9, which must find it alive."""
        stream = self.streams[words]
        assert stream.poll() is None, f"{words} ended by itself: {self.output(words)}"
        stream.kill()
        assert stream.wait() == -signal.SIGKILL

    def restart(self, words: str) -> None:
        self.kill(words)
        self.start(words)

    def ends(self, words: str, expected: int = 0, seconds: float = 60) -> None:
        assert self.streams[words].wait(seconds) == expected, self.output(words)

    def output(self, words: str) -> str:
        files = sorted(self.directory.glob(f"{words.replace(' ', '-')}.*.txt"), key=lambda path: path.stat().st_mtime)
        return files[-1].read_text(encoding="utf-8", errors="replace")[-4000:]

    def wait(self, what: str, condition: Callable[[], bool], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            for words, stream in self.streams.items():
                assert stream.poll() in {None, 0, -signal.SIGKILL}, f"{words} ended: {self.output(words)}"
            assert time.monotonic() < deadline, f"{what} did not come true\n" + "\n".join(
                f"--- {words}\n{self.output(words)}" for words in self.streams
            )
            time.sleep(0.3)

    def stop_all(self) -> None:
        for stream in self.streams.values():
            if stream.poll() is None:
                stream.kill()
                stream.wait()
