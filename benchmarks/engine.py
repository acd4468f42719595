"""Running the engine's processes from a line."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.stage import Database, Stage

ROOT = Path(__file__).resolve().parent.parent


def configuration(stage: Stage, source: Database, target: Database, directory: Path, **parts: Any) -> dict[str, Any]:
    """A migration's configuration as its YAML file would hold it; ``parts`` are its sections."""
    snapshot = {**({"chunk_size": stage.sizes.chunk_size} if stage.sizes.chunk_size else {}), **parts.pop("snapshot", {})}
    return {
        "name": "bench",
        "export_dir": str(directory),
        "source": {"url": source.url, "schemas": ["public"]},
        "target": {"url": target.url},
        "snapshot": snapshot,
        **parts,
    }


class Worker:
    """One process of the engine. ``go`` starts the work; ``result`` waits for its end; ``stop`` asks a loop to end."""

    def __init__(self, kind: str, config: dict[str, Any], profile: Path | None = None) -> None:
        self.kind = kind
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 -- closed by close()
        command = [sys.executable, "-m", "benchmarks.worker"]
        if profile is not None:
            command[1:1] = ["-m", "cProfile", "-o", str(profile)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True
        )
        self._tell(json.dumps({"kind": kind, "config": config}))
        self._expect("ready")

    def go(self) -> Self:
        self._tell("go")
        return self

    def stop(self) -> None:
        self._tell("stop")

    def result(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._failed()
        self._process.wait(60)
        found: dict[str, Any] = json.loads(line)
        return found

    def check(self) -> None:
        """Raise when the process has died."""
        if self._process.poll() not in (None, 0):
            raise self._failed()

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._errors.close()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._failed() from None

    def _expect(self, word: str) -> None:
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != word:
            raise self._failed()

    def _failed(self) -> RuntimeError:
        self._process.wait(10)
        self._errors.seek(0)
        return RuntimeError(f"the {self.kind} process failed with {self._process.returncode}:\n{self._errors.read()[-4000:]}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def run_once(kind: str, config: dict[str, Any], profile: Path | None = None) -> dict[str, Any]:
    """Start it, let it do its work and return what it says; its seconds do not hold its start."""
    with Worker(kind, config, profile) as worker:
        return worker.go().result()
