"""Sequences and identities: the side that opens goes on where the other stopped, with headroom, never backwards."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from voyager_ops.cutover.context import CutoverContext, Run
from voyager_ops.cutover.steps.base import Step
from voyager_ops.databases.base import Database
from voyager_ops.databases.postgres import sequences
from voyager_ops.databases.postgres.database import PostgresDatabase
from voyager_ops.failpoints import hit, register
from voyager_ops.model.positions import Side
from voyager_ops.model.tables import QName
from voyager_ops.state.stopped import left_out

CARRIED = register("cutover.sequences.carried")
SECONDS_PER_SEQUENCE = 0.005


class Sequences(Step):
    """Nothing to undo: a sequence that is ahead on a side that is not open harms nobody, and is never set back."""

    name = "sequences"

    def _arguments(self, context: CutoverContext) -> tuple[Database, PostgresDatabase, list[str], sequences.Rename, int]:
        names = (QName(schema, "") for schema in context.schemas)
        old = [name.schema if context.direction is Side.TARGET else context.lane.names.to_target(name).schema for name in names]
        return (context.old_db, context.new_db, old, context.lane.to_apply, context.config.sequence_headroom)

    def plan(self, context: CutoverContext) -> list[str]:
        return sequences.plan(*self._arguments(context), context.old_tables, _without(context))

    def estimate(self, context: CutoverContext) -> float | None:
        return 0.1 + len(self.plan(context)) * SECONDS_PER_SEQUENCE

    def do(self, run: Run) -> dict[str, Any]:
        moves = sequences.carry_over(*self._arguments(run.context), run.context.old_tables, _without(run.context))
        hit(CARRIED)
        return {"moved": len(moves), "moves": [asdict(move) for move in moves]}


def _without(context: CutoverContext) -> set[QName]:
    """Tables that the migration goes on without: they may be gone from the side that opens, and their sequences with them."""
    return {QName.parse(name) for name in left_out(context.state, context.lane.lane)}
