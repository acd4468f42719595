"""Nothing begins unless everything a cutover needs is there and has been seen to work."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Literal

from voyager_ops.cutover.context import CutoverContext, Finding, Run
from voyager_ops.cutover.roles import EXPORT_ROLE, IMPORT_ROLE
from voyager_ops.cutover.steps.base import Step
from voyager_ops.databases.base import Database
from voyager_ops.databases.engines import engine_of
from voyager_ops.databases.postgres import metadata
from voyager_ops.databases.postgres.apply import read_position
from voyager_ops.databases.postgres.database import postgres
from voyager_ops.databases.postgres.guard_grants import writer_grants
from voyager_ops.errors import ConnectionFailed, CutoverVoid
from voyager_ops.failpoints import hit, register
from voyager_ops.lane import quarantine
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import Side
from voyager_ops.state.lanes import FAILED, NONE, read_lane
from voyager_ops.state.processes import is_alive
from voyager_ops.state.stopped import LEFT_OUT_STEP, NEXT_STEP, stopped_tables

CHECKED = register("cutover.preflight.checked")
CANARY_BACK = register("cutover.preflight.canary")

CANARY_SECONDS = 60.0
LONG_TRANSACTION_SECONDS = 30.0


class Preflight(Step):
    name = "preflight"

    def check(self, context: CutoverContext) -> list[Finding]:
        unreachable = list(_unreachable(context))
        if unreachable:
            return unreachable
        return [
            *_streams(context, context.lane),
            *_target_ready(context),
            *_verified(context),
            *_reverse_lane(context),
            *_grants(context),
            *_open_transactions(context),
        ]

    def plan(self, context: CutoverContext) -> list[str]:
        if context.reverse is None:
            return ["no canary: nothing flows back" + _no_way_back(context)]
        return [
            f"on the {context.new_side}: {engine_of(context.new_db).marker_sql(context.new_db, 'canary')}",
            f"wait until it has arrived on the {context.old_side}",
        ]

    def estimate(self, context: CutoverContext) -> float | None:
        return 2.0 if context.reverse is not None else 0.5

    def do(self, run: Run) -> dict[str, Any]:
        context = run.context
        findings = self.check(context)
        errors = [finding for finding in findings if finding.severity == "error"]
        if errors:
            raise CutoverVoid(
                f"not ready for a cutover to {context.direction}:\n" + "\n".join(f"  * {finding}" for finding in errors),
                state="nothing was changed; the migration is streaming",
                next_step="mend these, then ask for the cutover again",
            )
        for finding in findings:
            run.warn(str(finding))
        hit(CHECKED)
        if context.reverse is None:
            if context.direction is Side.TARGET:
                run.warn("no fall-back is prepared: once the target is open there is no way back to the source")
            return {"canary": None, "warnings": [str(finding) for finding in findings]}
        seconds = _canary(run, context.reverse)
        hit(CANARY_BACK)
        return {"canary": seconds, "warnings": [str(finding) for finding in findings]}


def _no_way_back(context: CutoverContext) -> str:
    return "; no fall-back is prepared: there is no way back" if context.direction is Side.TARGET else ""


def _canary(run: Run, reverse: LaneContext) -> float:
    """Write on the side to be opened and see it arrive on the other: the way back works, end to end. Returns seconds."""
    context = run.context
    started = time.monotonic()
    canary = metadata.write_marker(run.new, context.migration, "canary")
    with reverse.apply_db.connect("cutover check") as old:

        def arrived() -> bool:
            found = metadata.arrival(old, context.migration, str(reverse.lane), "canary")
            return found is not None and found[0] == canary

        words = f"waiting for the canary to arrive on the {context.old_side}"
        came = run.wait_for(arrived, lambda: words, seconds=CANARY_SECONDS)
    if not came:
        raise CutoverVoid(
            f"a canary written on the {context.new_side} has not arrived on the {context.old_side} in {CANARY_SECONDS:.0f} s:"
            " the way back does not flow. Its apply says why (somebody may have written to the target already)",
            state="nothing was changed; the migration is streaming",
            next_step=f"voyager-ops {EXPORT_ROLE[reverse.lane]}; voyager-ops {IMPORT_ROLE[reverse.lane]}; then ask again",
        )
    return round(time.monotonic() - started, 3)


def _unreachable(context: CutoverContext) -> Iterator[Finding]:
    databases: tuple[Database, ...] = (context.old_db, context.new_db)
    for database in databases:
        try:
            installed = engine_of(database).installed(database)
        except ConnectionFailed as error:
            yield Finding("error", error.what, error.next_step)
            continue
        if not installed:
            yield Finding("error", f"the {database.side} knows nothing of this migration yet", "start the streams first")


def _streams(context: CutoverContext, lane: LaneContext) -> Iterator[Finding]:
    record = read_lane(context.state, lane.lane)
    export, apply = EXPORT_ROLE[lane.lane], IMPORT_ROLE[lane.lane]
    if record.status == NONE:
        yield Finding("error", f"the {lane.lane} lane was never started", f"voyager-ops {export}; voyager-ops {apply}")
        return
    if record.status == FAILED or record.error:
        yield Finding("error", f"the {lane.lane} lane has failed: {record.error}", f"voyager-ops {export}")
    for role in (export, apply):
        if not is_alive(context.state, role):
            yield Finding("error", f"`{role}` is not running", f"voyager-ops {role}")
    for stopped in stopped_tables(context.state, lane.lane).values():
        if stopped.left_out_at:
            yield Finding("warning", stopped.words, LEFT_OUT_STEP)
        else:
            yield Finding("error", stopped.words, NEXT_STEP)
    held = quarantine.count(lane)
    if held:
        yield Finding(
            "error",
            f"{held} changes of the {lane.lane} lane wait in quarantine",
            f"mend the cause (quarantine list), then voyager-ops quarantine retry --lane {lane.lane}",
        )


def _target_ready(context: CutoverContext) -> Iterator[Finding]:
    with context.new_db.connect("cutover check") as connection:
        if not read_position(connection, context.migration, context.lane.lane).seam_passed:
            yield Finding(
                "error",
                f"the {context.new_side} has not passed the seam point of its data yet",
                "wait for it: voyager-ops status",
            )
    if context.direction is Side.TARGET and context.state.get("phase/import_schema/post") is None:
        yield Finding(
            "error",
            "indexes, foreign keys and triggers of the target are not built",
            "voyager-ops import schema --post-import-data",
        )


def _verified(context: CutoverContext) -> Iterator[Finding]:
    found = context.state.get("phase/verify")
    # The way back is not barred by an old verification: every change since is compared during the cutover.
    severity: Literal["error", "warning"] = "error" if context.direction is Side.TARGET else "warning"
    if found is None:
        yield Finding(severity, "the two databases have never been compared as a whole", "voyager-ops verify")
    elif not found.get("equal"):
        yield Finding(
            "error", "the last verification found differences", "voyager-ops verify names them; mend them and verify again"
        )
    elif time.time() - float(found.get("finished_at") or 0) > context.config.verification_max_age:
        age = (time.time() - float(found.get("finished_at") or 0)) / 3600
        yield Finding(severity, f"the last verification is {age:.1f} h old", "voyager-ops verify")


def _reverse_lane(context: CutoverContext) -> Iterator[Finding]:
    if context.reverse is not None:
        yield from _streams(context, context.reverse)


def _grants(context: CutoverContext) -> Iterator[Finding]:
    """The user must be able to write where the reverse lane will apply, to fence what closes, and to mend what opens."""
    if context.config.quiesce == "enforce" and context.old_db.kind == "oracle":
        yield Finding(
            "error",
            f"cutover.quiesce: enforce cannot stop the writers of an Oracle {context.old_side}",
            "set cutover.quiesce to manual, and stop the application's writes when you are told to",
        )
        return
    if context.reverse is not None:
        for missing in writer_grants(postgres(context.old_db), context.old_tables):
            yield Finding("error", f"the migration user of the {context.old_side} lacks {missing}", missing.statement)
    if context.config.quiesce == "enforce":
        for missing in writer_grants(postgres(context.old_db), context.old_tables, owner=True):
            if missing.right == "OWNERSHIP":
                yield Finding("error", f"cutover.quiesce: enforce wants {missing}", missing.statement)


def _open_transactions(context: CutoverContext) -> Iterator[Finding]:
    with engine_of(context.old_db).side(context.old_db, "cutover check") as session:
        for message, mend in session.obstacles(context.old_tables, LONG_TRANSACTION_SECONDS):
            yield Finding("warning", message, mend)
