"""The gate that holds the fallback lane until the intent to open the target stands in the databases."""

from __future__ import annotations

from voyager_ops.databases.postgres import metadata
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import Side


def open_gate(context: LaneContext) -> bool:
    """Whether users' changes of the target may flow to the source: the intent to open the target stands on the apply side."""
    with context.apply_db.connect("gate") as connection:
        return metadata.installed(connection) and metadata.intent_stands(connection, context.migration, Side.TARGET)
