"""What a cutover is given, and the run of one attempt: its journal, clock and waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from voyager_ops.config import CutoverConfig
from voyager_ops.cutover.journal import Journal
from voyager_ops.databases.base import CapturedSide, Database
from voyager_ops.databases.postgres.database import Connection, PostgresDatabase
from voyager_ops.errors import CutoverVoid, RetryableError
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import FROM_SIDE, TO_SIDE, Lane, Side
from voyager_ops.model.results import Progress, ProgressSink, silent
from voyager_ops.model.tables import Table
from voyager_ops.state import cutovers
from voyager_ops.state.cutovers import CutoverRecord
from voyager_ops.state.store import State

POLL_SECONDS = 0.1
TELL_SECONDS = 2.0

Reading = tuple[int | None, float | None]
"""Lag in events and in seconds; None: unknown."""


@dataclass(frozen=True)
class Finding:
    """Something a check found. An ``error`` forbids the cutover; ``mend`` is the command or statement that mends it."""

    severity: Literal["error", "warning"]
    message: str
    mend: str = ""

    def __str__(self) -> str:
        return self.message + (f" (mend: {self.mend})" if self.mend else "")


@dataclass(frozen=True)
class CutoverContext:
    """Everything of a migration that a cutover to ``direction`` needs. ``lag`` reads the lag of the lane that ends.

    ``fall_back``: whether the fallback lane carries on after a cutover to the target. ``schemas`` are the source's.
    """

    migration: str
    direction: Side
    forward: LaneContext
    fallback: LaneContext | None
    """None where there can be none."""
    target_tables: tuple[Table, ...]
    state: State
    config: CutoverConfig
    schemas: tuple[str, ...]
    lag: Callable[[], Reading]
    fall_back: bool = True
    progress: ProgressSink = silent
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def lane(self) -> LaneContext:
        """The lane that ends: it flows from the old side to the side that opens."""
        if self.direction is Side.TARGET:
            return self.forward
        assert self.fallback is not None
        return self.fallback

    @property
    def reverse(self) -> LaneContext | None:
        """The lane that goes on after the cutover, None when there is none."""
        return self.fallback if self.direction is Side.TARGET and self.fall_back else None

    @property
    def old_side(self) -> Side:
        return FROM_SIDE[self.lane.lane]

    @property
    def new_side(self) -> Side:
        return TO_SIDE[self.lane.lane]

    @property
    def old_db(self) -> Database:
        return self.lane.capture_db

    @property
    def new_db(self) -> PostgresDatabase:
        return self.lane.apply_db

    @property
    def old_tables(self) -> tuple[Table, ...]:
        return self.lane.tables

    @property
    def new_tables(self) -> tuple[Table, ...]:
        return self.target_tables if self.lane.lane is Lane.FORWARD else self.forward.tables

    @property
    def hint(self) -> str:
        """What a writer who is refused on the old side is told."""
        return f"The application's writes go to the {self.new_side} database now, or will when the cutover is done."


class Run:
    """One attempt in the hands of one driver. ``old`` and ``new`` are the sessions that hold the attempt's locks."""

    def __init__(
        self, context: CutoverContext, record: CutoverRecord, journal: Journal, old: CapturedSide, new: Connection
    ) -> None:
        self.context = context
        self.record = record
        self.journal = journal
        self.old = old
        self.new = new
        self.warnings: list[str] = []
        self.waiting: Callable[[], str] = str
        """In words: what is being waited for; '' when nothing is."""
        self.undoable = True
        """False once the intent to open may stand: from there the only way is forward."""

    def facts(self, step: str) -> dict[str, Any]:
        """What the step reported when it was done; empty when it was not."""
        return self.journal.facts(step)

    @property
    def clock_started(self) -> float | None:
        """Unix time at which the writers were (to be) stopped."""
        return self.journal.started_at("quiesce")

    def tell(self, message: str, **figures: Any) -> None:
        self.context.progress(Progress(phase="cutover", message=message, figures=figures))

    def warn(self, message: str) -> None:
        self.warnings.append(message)
        self.tell(message)

    def check_going_on(self) -> None:
        """Raise CutoverVoid when the attempt is to be undone: called off, over its deadline, told to stop with writers stopped.

        Raises RetryableError when told to stop before that. Does nothing after the point of no return.
        """
        if not self.undoable:
            return
        by = cutovers.abort_requested(self.context.state, self.record)
        if by:
            raise CutoverVoid(f"the cutover to {self.context.direction} was called off by {by}")
        started = self.clock_started
        if started is not None and time.time() - started > self.context.config.deadline:
            raise CutoverVoid(
                f"writers have been stopped for {time.time() - started:.0f} s, longer than cutover.deadline"
                f" ({self.context.config.deadline:.0f} s), and the {self.context.new_side} was not ready to open"
                + (f"; {self.waiting()}" if self.waiting() else "")
            )
        if self.context.stop.is_set():
            if started is not None:
                raise CutoverVoid("the process was told to stop while the writers were stopped")
            raise RetryableError(
                "the cutover was told to stop before it had stopped anything",
                state="the migration is streaming; the request stands",
                next_step="run the command again to carry on",
            )

    def wait_for(self, what: Callable[[], bool], words: Callable[[], str], *, seconds: float | None = None) -> bool:
        """Poll until ``what`` holds (True) or ``seconds`` have passed (False), saying ``words()`` now and then."""
        end = None if seconds is None else time.monotonic() + seconds
        told = time.monotonic()
        self.waiting = words
        while not what():
            self.check_going_on()
            now = time.monotonic()
            if end is not None and now >= end:
                return False
            if now - told >= TELL_SECONDS:
                told = now
                self.tell(words())
            time.sleep(POLL_SECONDS)
        self.waiting = str
        return True
