"""The gate: the lane that ends must have caught up, several readings in a row, before anybody's writes are stopped."""

from __future__ import annotations

import time
from typing import Any

from voyager_ops.cutover.context import CutoverContext, Finding, Reading, Run
from voyager_ops.cutover.steps.base import Step
from voyager_ops.errors import CutoverVoid

READING_SECONDS = 1.0


class LagGate(Step):
    name = "lag"

    def check(self, context: CutoverContext) -> list[Finding]:
        reading = context.lag()
        if passes(context, reading):
            return []
        return [Finding("warning", f"the lag is {words(reading)}, above the gate", "wait for the streams to catch up")]

    def plan(self, context: CutoverContext) -> list[str]:
        gate = context.config
        return [
            f"wait until the lag is at most {gate.lag_events} events and {gate.lag_seconds:g} s,"
            f" in {gate.lag_readings} readings running"
        ]

    def estimate(self, context: CutoverContext) -> float | None:
        return (context.config.lag_readings - 1) * READING_SECONDS if passes(context, context.lag()) else None

    def do(self, run: Run) -> dict[str, Any]:
        context = run.context
        deadline = time.monotonic() + context.config.deadline
        good = 0
        while True:
            run.check_going_on()
            reading = context.lag()
            good = good + 1 if passes(context, reading) else 0
            if good >= context.config.lag_readings:
                return {"events": reading[0], "seconds": reading[1], "readings": good}
            if time.monotonic() > deadline:
                raise CutoverVoid(
                    f"the lag did not pass the gate within {context.config.deadline:.0f} s; it is {words(reading)}",
                    state="nothing was changed; the migration is streaming",
                    next_step="wait until the streams have caught up, then ask for the cutover again",
                )
            if not good:
                run.tell(f"waiting for the lag to pass the gate; it is {words(reading)}")
            context.stop.wait(READING_SECONDS)


def passes(context: CutoverContext, reading: Reading) -> bool:
    """Unknown is never ready."""
    events, seconds = reading
    if events is None or seconds is None:
        return False
    return events <= context.config.lag_events and seconds <= context.config.lag_seconds


def words(reading: Reading) -> str:
    events, seconds = reading
    return "unknown" if events is None or seconds is None else f"{events} events, {seconds:.1f} s"
