"""The point of no return: the intent to open stands in both databases, then the new side is opened."""

from __future__ import annotations

from typing import Any

from psycopg import sql

from voyager_ops.cutover.context import CutoverContext, Run
from voyager_ops.cutover.steps.base import Step
from voyager_ops.databases.postgres import guard, guard_fence, metadata
from voyager_ops.failpoints import hit, register

BEFORE_INTENT = register("cutover.intent.before")
INTENT_ON_OLD = register("cutover.intent.old")
INTENT_ON_NEW = register("cutover.intent.new")
UNFENCED = register("cutover.open.unfenced")
MARKED = register("cutover.open.marked")


class Intent(Step):
    name = "intent"

    def plan(self, context: CutoverContext) -> list[str]:
        statement = sql.SQL(
            "INSERT INTO voyager_ops.intent (migration, direction, attempt, state) VALUES ({}, {}, …, {})"
        ).format(sql.Literal(context.migration), sql.Literal(str(context.direction)), sql.Literal(metadata.INTENDED))
        return [f"in both databases: {statement.as_string()}", "from here there is only forward"]

    def do(self, run: Run) -> dict[str, Any]:
        # On the sessions that hold the attempt's locks: a driver that lost them cannot write this.
        hit(BEFORE_INTENT)
        run.old.write_intent(run.record.direction, run.record.attempt)
        hit(INTENT_ON_OLD)
        metadata.write_intent(run.new, run.context.migration, run.record.direction, run.record.attempt)
        hit(INTENT_ON_NEW)
        return {}


class Open(Step):
    name = "open"

    def plan(self, context: CutoverContext) -> list[str]:
        words = [f"the {context.new_side} takes writes ({context.new_db.where}); the intent in both databases becomes 'opened'"]
        if guard_fence.fenced(context.state, context.new_side):
            words += guard_fence.plan_unfence(context.new_db, context.new_tables)
        return words

    def do(self, run: Run) -> dict[str, Any]:
        context = run.context
        # An import that was started again during the cutover has held triggers off anew; now nothing applies here any more.
        guard.restore(context.state, context.new_db, context.new_side)
        left = guard_fence.unfence(context.state, context.new_db, context.new_side)
        for words in left:
            run.warn(f"readers still hold it, it will be removed later: {words}")
        hit(UNFENCED)
        metadata.mark_opened(run.new, context.migration, run.record.direction, run.record.attempt)
        run.old.mark_opened(run.record.direction, run.record.attempt)
        hit(MARKED)
        run.tell(f"THE {str(context.new_side).upper()} IS OPEN: the application may write to {context.new_db.where}")
        return {"left": list(left)}
