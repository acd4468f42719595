"""What the command line shows: progress on stderr (bars and tables on a terminal, plain lines elsewhere), results on stdout."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table

from voyager_ops.lane.metrics import export_rows, import_rows
from voyager_ops.model.results import Progress

LOG = logging.getLogger("voyager_ops.cli")
PLAIN_SECONDS = 5.0
"""Between two lines about the same thing where there is no terminal."""
MAX_BARS = 12


def metric_rows(progress: Progress) -> list[tuple[str, str]]:
    """The reference's metrics of a stream, [] for progress that is not a stream's."""
    if "rate_3_min" not in progress.figures:
        return []
    importing = "remaining" in progress.figures and progress.phase not in {"capture", "export_data"}
    return import_rows(progress.figures) if importing else export_rows(progress.figures)


def line(progress: Progress) -> str:
    """One line of text for one step."""
    parts = [progress.phase.replace("_", " ")]
    if progress.table:
        parts.append(progress.table)
    if progress.message:
        parts.append(progress.message)
    if progress.total:
        parts.append(f"{progress.done:.0f}/{progress.total:.0f} {progress.unit}".rstrip())
    rows = metric_rows(progress)
    if rows:
        parts.append(", ".join(f"{label}: {value}" for label, value in rows))
    return ": ".join(parts)


class PlainSink:
    """Lines to ``stream``: every message, and figures about one thing at most every few seconds."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def __call__(self, progress: Progress) -> None:
        with self._lock:
            if not progress.message or progress.total:
                key, now = (progress.phase, progress.table), time.monotonic()
                finished = progress.total and progress.done >= progress.total and not metric_rows(progress)
                if not finished and now - self._last.get(key, -PLAIN_SECONDS) < PLAIN_SECONDS:
                    return
                self._last[key] = now
            text = line(progress)
            self._stream.write(text + "\n")
            self._stream.flush()
        LOG.info("%s", text)

    def __enter__(self) -> PlainSink:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class RichSink:
    """Bars and the reference's metrics table on a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeRemainingColumn(),
            console=console,
        )
        self._tasks: dict[tuple[str, str], TaskID] = {}
        self._metrics: list[tuple[str, str]] = []
        self._live = Live(self._view(), console=console, refresh_per_second=4)
        self._lock = threading.Lock()
        self._logged: dict[tuple[str, str], float] = {}

    def __call__(self, progress: Progress) -> None:
        with self._lock:
            self._log(progress)
            if progress.message and not progress.total:
                self._console.print(f"{progress.phase.replace('_', ' ')}: {progress.message}", markup=False)
            rows = metric_rows(progress)
            if rows:  # the table says it all, and the snapshot's finished bars are history
                self._metrics = rows
                self._forget_finished(keep=0)
            elif progress.total:
                self._bar(progress)
            self._live.update(self._view())

    def _log(self, progress: Progress) -> None:
        key, now = (progress.phase, progress.table), time.monotonic()
        if progress.message or now - self._logged.get(key, -PLAIN_SECONDS) >= PLAIN_SECONDS:
            self._logged[key] = now
            LOG.info("%s", line(progress))

    def _bar(self, progress: Progress) -> None:
        key = (progress.phase, progress.table)
        label = progress.table or progress.phase.replace("_", " ")
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(label, total=progress.total, unit=progress.unit)
        self._bars.update(self._tasks[key], completed=progress.done, total=progress.total)
        self._forget_finished(keep=MAX_BARS)

    def _forget_finished(self, keep: int) -> None:
        """Take finished bars off until ``keep`` bars are left."""
        finished = [key for key, task in self._tasks.items() if self._bars.tasks[self._bars.task_ids.index(task)].finished]
        for key in finished[: max(0, len(self._tasks) - keep)]:
            self._bars.remove_task(self._tasks.pop(key))

    def _view(self) -> Group:
        if not self._metrics:
            return Group(self._bars)
        table = Table("Metric", "Value")
        table.columns[1].justify = "right"
        for label, value in self._metrics:
            table.add_row(label, value)
        return Group(self._bars, table)

    def __enter__(self) -> RichSink:
        self._live.__enter__()
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._live.__exit__(kind, error, trace)


Sink = PlainSink | RichSink


def make_sink(stream: TextIO) -> Sink:
    """Bars where ``stream`` is a terminal, lines elsewhere."""
    return RichSink(Console(file=stream)) if stream.isatty() else PlainSink(stream)


def print_table(stream: TextIO, headers: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """A table; as wide as it needs to be where ``stream`` is no terminal."""
    terminal = stream.isatty()
    table = Table(*headers, title=title or None)
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    Console(file=stream, markup=False, width=None if terminal else 250, soft_wrap=not terminal).print(table)


def print_json(stream: TextIO, document: Any) -> None:
    """Exactly one JSON document."""
    json.dump(document, stream, indent=2, default=str, ensure_ascii=False)
    stream.write("\n")


Show = Callable[[Any, TextIO], None]
