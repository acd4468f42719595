"""The one driver: both directions, and the dry run.

It goes through the steps, journaling before and after each. Until the intent to open stands in a database, a failure, the
deadline, or somebody's word undoes what was done, in reverse, and the migration streams on; from then on there is only forward.
Killed anywhere, the next driver carries on where this one was.
"""

from __future__ import annotations

import time
from contextlib import ExitStack

import psycopg

from voyager_ops.cutover.context import CutoverContext, Run
from voyager_ops.cutover.journal import Journal
from voyager_ops.cutover.outcome import CutoverOutcome, StepForecast, summarize
from voyager_ops.cutover.roles import CUTOVER_ROLE
from voyager_ops.cutover.steps import STEPS
from voyager_ops.cutover.steps.base import Step
from voyager_ops.databases.base import CapturedSide, Database
from voyager_ops.databases.engines import engine_of
from voyager_ops.databases.postgres import metadata
from voyager_ops.databases.postgres.side import PostgresSide
from voyager_ops.errors import (
    CutoverError,
    CutoverVoid,
    Fenced,
    PreconditionError,
    RetryableError,
    VoyagerOpsError,
)
from voyager_ops.failpoints import hit, register
from voyager_ops.state import cutovers
from voyager_ops.state.processes import Lease

STARTED = register("cutover.driver.started")
UNDOING = register("cutover.driver.undoing")
FINISHED = register("cutover.driver.finished")

LOCK_SECONDS = 20.0
"""A driver that was killed keeps its sessions until the server notices."""
UNDO_TRIES = 5
UNDO_PAUSE_SECONDS = 1.0
INTENT = "intent"


class CutoverDriver:
    """Drives the last requested cutover of ``context.direction``. ``run`` may be called again after any error or crash."""

    def __init__(self, context: CutoverContext, steps: tuple[Step, ...] = STEPS) -> None:
        self.context = context
        self.steps = steps

    def dry_run(self) -> list[StepForecast]:
        """What every step finds, would do and would take, without doing anything."""
        return [
            StepForecast(
                step.name,
                tuple(step.check(self.context)),
                tuple(step.plan(self.context)),
                step.estimate(self.context),
            )
            for step in self.steps
        ]

    def run(self) -> CutoverOutcome:
        """Carry the attempt to its end.

        Raises CutoverVoid when it was undone (the migration streams on), CutoverError or a retryable error when this command must
        be run again to carry it on, Fenced when another driver has it, PreconditionError when nothing was asked for.
        """
        context = self.context
        with ExitStack() as stack:
            lease = stack.enter_context(Lease(context.state, CUTOVER_ROLE, stop=context.stop))
            old = stack.enter_context(engine_of(context.old_db).side(context.old_db, "cutover"))
            _lock(old, context.old_db, context.migration)
            new = stack.enter_context(PostgresSide(context.new_db, "cutover"))
            _lock(new, context.new_db, context.migration)
            record = cutovers.read(context.state, context.direction)
            if record is None or not record.under_way:
                raise PreconditionError(
                    f"no cutover to {context.direction} was asked for",
                    state="nothing was changed",
                    next_step=f"voyager-ops initiate cutover to {context.direction}",
                )
            run = Run(context, record, Journal(context.state, record), old, new.connection)
            run.warnings += record.result.get("warnings", [])
            lease.publish(direction=str(context.direction), attempt=record.attempt)
            return self._drive(run, lease)

    # -- forward -----------------------------------------------------------------------------------------------------------
    def _drive(self, run: Run, lease: Lease) -> CutoverOutcome:
        record = run.record
        if record.status == cutovers.UNDOING:
            reason = str(record.result.get("reason", "it was interrupted while it was being undone"))
            raise self._undo(run, CutoverVoid(reason))
        run.undoable = not self._intent_stands(run)
        if record.status == cutovers.REQUESTED and not cutovers.move(
            run.context.state, record, cutovers.RUNNING, only_from=cutovers.REQUESTED
        ):
            raise PreconditionError(
                f"the cutover to {record.direction} was called off just now",
                state="nothing was changed",
                next_step="voyager-ops cutover status",
            )
        hit(STARTED)
        for step in self.steps:
            if run.journal.done(step.name) and not (step.repeat and run.undoable):
                continue
            lease.publish(step=step.name)
            try:
                self._do(run, step)
            except (VoyagerOpsError, psycopg.Error) as error:
                self._failed(run, step, error)
            if step.name == INTENT:
                run.undoable = False
                cutovers.move(run.context.state, record, cutovers.OPENED)
        outcome = summarize(record, run.journal, self.steps, cutovers.COMPLETED, run.warnings)
        cutovers.move(run.context.state, record, cutovers.COMPLETED, outcome.to_json())
        hit(FINISHED)
        run.tell(f"the cutover to {record.direction} is complete")
        return outcome

    def _do(self, run: Run, step: Step) -> None:
        run.check_going_on()
        run.journal.write(step.name, "before")
        run.tell(f"step {step.name}")
        if step.name == INTENT:
            run.undoable = False  # from here on it may stand, whatever we get to see of it
        run.journal.write(step.name, "after", step.do(run))
        if run.warnings:
            cutovers.keep_warnings(run.context.state, run.record, run.warnings)

    def _failed(self, run: Run, step: Step, error: VoyagerOpsError | psycopg.Error) -> None:
        """Undo and raise CutoverVoid, or raise that the command must be run again."""
        direction = run.record.direction
        if step.name == INTENT:
            try:
                run.undoable = not self._intent_stands(run, fresh=True)
            except VoyagerOpsError:
                run.undoable = False
        if not run.undoable:
            halted = CutoverError(
                f"the cutover to {direction} stopped in step {step.name!r}: {_words(error)}",
                state=f"the intent to open the {direction} stands, or may stand: there is only forward",
                next_step="mend that and run the command again; it goes on from this step",
            )
            halted.retryable = True
            raise halted from error
        resumable = isinstance(error, RetryableError) and self.context.stop.is_set() and run.clock_started is None
        if resumable or isinstance(error, Fenced):
            raise error
        void = error if isinstance(error, CutoverVoid) else CutoverVoid(f"step {step.name!r} failed: {_words(error)}")
        raise self._undo(run, void) from error

    def _intent_stands(self, run: Run, *, fresh: bool = False) -> bool:
        """Asked of the databases: what stands in either of them counts. Raises ConnectionFailed when one cannot be asked."""
        if not run.journal.begun(INTENT):
            return False
        record, migration = run.record, self.context.migration
        if not fresh:
            return run.old.intent_stands(record.direction, record.attempt) or metadata.intent_stands(
                run.new, migration, record.direction, record.attempt
            )
        with engine_of(self.context.old_db).side(self.context.old_db, "cutover") as old:
            found = old.intent_stands(record.direction, record.attempt)
        with self.context.new_db.connect("cutover") as connection:
            return metadata.intent_stands(connection, migration, record.direction, record.attempt) or found

    # -- backward ----------------------------------------------------------------------------------------------------------
    def _undo(self, run: Run, void: CutoverVoid) -> CutoverVoid:
        """Undo the steps in reverse; returns the error that says so. Raises RetryableError when undoing itself failed."""
        record, state = run.record, run.context.state
        cutovers.move(state, record, cutovers.UNDOING, {"reason": void.what})
        hit(UNDOING)
        run.undoable = False  # nothing calls off the undoing
        run.tell(f"undoing the cutover to {record.direction}: {void.what}")
        for step in reversed(self.steps):
            if run.journal.begun(step.name) and not run.journal.undone(step.name):
                run.journal.write(step.name, "undo_before")
                run.journal.write(step.name, "undo_after", self._undo_step(run, step))
        outcome = summarize(record, run.journal, self.steps, cutovers.UNDONE, run.warnings, void.what)
        cutovers.move(state, record, cutovers.UNDONE, outcome.to_json())
        return CutoverVoid(
            f"the cutover to {record.direction} was called off: {void.what}",
            state=void.state or "everything it did was undone; the migration is streaming as before",
            next_step=void.next_step or f"mend that, then: voyager-ops initiate cutover to {record.direction}",
        )

    def _undo_step(self, run: Run, step: Step) -> dict[str, object]:
        for left in range(UNDO_TRIES - 1, -1, -1):
            try:
                return step.undo(run)
            except (RetryableError, psycopg.OperationalError) as error:
                problem: Exception = error
            except VoyagerOpsError as error:
                if not error.retryable:
                    problem, left = error, 0
                else:
                    problem = error
            if not left:
                raise RetryableError(
                    f"the cutover to {run.record.direction} could not be undone, step {step.name!r}: {_words(problem)}",
                    state="what is left to undo is journaled; the writers of the old side may still be stopped",
                    next_step="mend that and run the command again: it goes on undoing",
                ) from problem
            time.sleep(UNDO_PAUSE_SECONDS)
        raise AssertionError("unreachable")


def _words(error: BaseException) -> str:
    return error.what if isinstance(error, VoyagerOpsError) else " ".join(str(error).split())


def _lock(session: CapturedSide, database: Database, migration: str) -> None:
    """Take the migration's cutover lock on ``database`` for ``session``'s life: one driver at a time, whatever the lease says."""
    deadline = time.monotonic() + LOCK_SECONDS
    while not session.lock("cutover", migration):
        if time.monotonic() >= deadline:
            raise Fenced(
                f"another driver holds the cutover of migration {migration!r} on the {database.side}",
                state="untouched by this process",
                next_step="let it finish; voyager-ops cutover status",
            )
        time.sleep(0.5)
