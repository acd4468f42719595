"""Triggers, rules and foreign keys: held off on the side that will be applied to, put back on the side that opens."""

from __future__ import annotations

from typing import Any

from voyager_ops.cutover.context import CutoverContext, Run
from voyager_ops.cutover.steps.base import Step
from voyager_ops.databases.postgres import guard
from voyager_ops.databases.postgres.database import postgres
from voyager_ops.failpoints import hit, register

HELD_OFF = register("cutover.guards.held_off")
RESTORED = register("cutover.guards.restored")
HELD_OFF_AGAIN = register("cutover.guards.undo.held_off")
UNDONE = register("cutover.guards.undone")


class Guards(Step):
    name = "guards"

    def plan(self, context: CutoverContext) -> list[str]:
        held = guard.plan_hold_off(postgres(context.old_db), context.old_tables) if context.reverse is not None else []
        back = guard.plan_restore(context.state, context.new_side)
        return [f"on the {context.old_side}: {sql}" for sql in held] + [f"on the {context.new_side}: {sql}" for sql in back]

    def estimate(self, context: CutoverContext) -> float | None:
        back = guard.plan_restore(context.state, context.new_side)
        # Validating reads whole tables; nothing measured says how long that takes here.
        return None if any(" VALIDATE " in sql for sql in back) else 0.02 * len(self.plan(context))

    def do(self, run: Run) -> dict[str, Any]:
        context = run.context
        held: tuple[str, ...] = ()
        if context.reverse is not None:
            held = guard.hold_off(context.state, postgres(context.old_db), context.old_tables, context.old_side).items
        hit(HELD_OFF)
        restored = guard.restore(context.state, context.new_db, context.new_side)
        hit(RESTORED)
        for name in restored.gone:
            run.warn(f"dropped by somebody while it was held off on the {context.new_side}, so not put back: {name}")
        return {"held_off": list(held), "restored": list(restored.items), "gone": list(restored.gone)}

    def undo(self, run: Run) -> dict[str, Any]:
        context = run.context
        held = guard.hold_off(context.state, context.new_db, context.new_tables, context.new_side)
        hit(HELD_OFF_AGAIN)
        restored = None
        if context.reverse is not None:
            restored = guard.restore(context.state, postgres(context.old_db), context.old_side)
        hit(UNDONE)
        return {"held_off": list(held.items), "restored": list(restored.items) if restored else []}
