"""Which redo logs a window of SCNs needs, and how wide the next window is. Pure: rows in, a choice out.

A log of a thread holds the SCNs from FIRST_CHANGE# up to, not including, NEXT_CHANGE#. For each thread its logs must follow one
another without a gap from the one that holds the window's begin to the one that holds its end. Of a log that is both online and
archived the archived copy is taken: it cannot be written over while it is read (and both would be refused: ORA-01289).
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

ENDLESS: Final = 1 << 63
"""NEXT_CHANGE# of the log that is being written is as large as a number can be."""


@dataclass(frozen=True, slots=True)
class LogFile:
    """A log that can be had. ``next`` is at least :data:`ENDLESS` while the log is being written."""

    thread: int
    sequence: int
    first: int
    next: int
    name: str
    online: bool
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Gone:
    """A log that the control file remembers and that is not there any more."""

    thread: int
    sequence: int
    first: int
    next: int


@dataclass(frozen=True, slots=True)
class Thread:
    """A redo thread (an instance). ``last``: the SCN up to which it has written redo to disk, 0 unknown."""

    number: int
    open: bool
    last: int


@dataclass(frozen=True)
class Choice:
    """``files`` in the order of threads and sequences. ``purged``: words for logs that are gone for good; ``missing``: words for
    logs that are not listed (yet)."""

    files: tuple[LogFile, ...] = ()
    purged: str = ""
    missing: str = ""


def choose(low: int, end: int, files: Iterable[LogFile], gone: Iterable[Gone], threads: Mapping[int, Thread]) -> Choice:
    """The logs that hold every SCN in (low, end] of every thread."""
    by_thread: dict[int, dict[int, LogFile]] = defaultdict(dict)
    for file in files:
        held = by_thread[file.thread].get(file.sequence)
        if held is None or (held.online and not file.online):
            by_thread[file.thread][file.sequence] = file
    deleted: dict[int, dict[int, Gone]] = defaultdict(dict)
    for item in gone:
        if item.sequence not in by_thread.get(item.thread, {}):
            deleted[item.thread][item.sequence] = item
    chosen: list[LogFile] = []
    for number in sorted({*by_thread, *deleted, *(number for number, thread in threads.items() if thread.open)}):
        thread = threads.get(number)
        logs = by_thread.get(number, {})
        for lost in sorted(deleted.get(number, {}).values(), key=lambda item: item.sequence):
            if lost.next > low + 1 and lost.first <= end:
                return Choice(purged=f"redo log {lost.sequence} of thread {number} (SCN {lost.first} to {lost.next}) is deleted")
        wanted = [log for log in sorted(logs.values(), key=lambda log: log.sequence) if log.next > low + 1 and log.first <= end]
        if not wanted:
            if thread is not None and thread.open:
                return Choice(missing=f"no redo log of thread {number} holds SCN {low + 1}")
            continue  # an instance that is down, and has been since
        if wanted[0].first > low + 1 and wanted[0].sequence > 1:
            before = f"redo log {wanted[0].sequence - 1} of thread {number}, which holds SCN {low + 1}, is"
            # The control file forgets old logs; one that was just switched away from may not be listed for a moment.
            oldest = min(logs)
            return (
                Choice(purged=f"{before} no longer known")
                if wanted[0].sequence == oldest
                else Choice(missing=f"{before} not listed")
            )
        for earlier, later in itertools.pairwise(wanted):
            if later.sequence != earlier.sequence + 1:
                return Choice(missing=f"redo log {earlier.sequence + 1} of thread {number} is not listed")
        if thread is not None and thread.open and wanted[-1].next <= end:
            return Choice(missing=f"redo log {wanted[-1].sequence + 1} of thread {number} is not listed")
        chosen += wanted
    return Choice(tuple(chosen))


class Window:
    """How many SCNs are mined at once: grows while windows come back fast, shrinks when one brought much or took long.

    ``size`` is in SCNs, which a database spends at very different rates: rows and seconds decide.
    """

    SMALLEST: Final = 100
    LARGEST: Final = 1 << 32
    ROWS: Final = 100_000
    """Rows of a window after which the next one is smaller."""
    SECONDS: Final = 5.0

    def __init__(self, size: int = 20_000) -> None:
        self.size = size

    def end(self, after: int, available: int) -> int:
        """The last SCN of the window that begins after ``after``; at most ``available``."""
        return min(after + self.size, available)

    def learn(self, rows: int, seconds: float, *, whole: bool) -> None:
        """Take in how the window was. ``whole``: it was as wide as it was allowed to be."""
        if rows > self.ROWS or seconds > self.SECONDS:
            self.size = max(self.SMALLEST, self.size // 2)
        elif whole and rows < self.ROWS // 4 and seconds < self.SECONDS / 4:
            self.size = min(self.LARGEST, self.size * 2)


def available(current: int, threads: Iterable[Thread], written: Mapping[int, int]) -> tuple[int, int | None]:
    """Up to which SCN everything is on disk; and the thread that holds that back, None when it is none whose log writer was not
    made to write. ``written``: by number of a thread whose log writer was, the SCN up to which it has.

    The SCN a thread is at is not finished: whatever it writes next may still carry it.
    """
    far = [(current, None), *((scn, None) for scn in written.values())]
    slow = [(thread.last, thread.number) for thread in threads if thread.open and thread.number not in written and thread.last]
    scn, number = min([*far, *slow], key=lambda each: each[0])
    return scn - 1, number
