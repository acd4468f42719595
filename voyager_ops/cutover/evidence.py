"""What an approval rests on, as data: recorded when it was given, compared when the cutover begins."""

from __future__ import annotations

from typing import Any

from voyager_ops.cutover.context import CutoverContext
from voyager_ops.lane import quarantine
from voyager_ops.state.lanes import PREPARED, STREAMING, read_lane
from voyager_ops.state.stopped import barring, left_out

WORDS = {
    "quiesce": "how writers are stopped",
    "fall_back": "whether there is a way back",
    "verification": "the verification",
    "post_import": "the post-import schema",
    "lane": "the lane that ends",
    "reverse": "the lane that goes on",
    "quarantined": "changes in quarantine",
    "tables": "the tables",
    "stopped": "tables that are stopped",
    "left_out": "tables that are left out",
}


def collect(context: CutoverContext) -> dict[str, Any]:
    """The evidence as it is now; JSON-able, equal as long as nothing an approver was shown has changed."""
    verification = context.state.get("phase/verify") or {}
    post = context.state.get("phase/import_schema/post") or {}
    return {
        "quiesce": context.config.quiesce,
        "fall_back": context.reverse is not None,
        "verification": [verification.get("finished_at"), verification.get("equal")],
        "post_import": post.get("finished_at"),
        "lane": [read_lane(context.state, context.lane.lane).status, read_lane(context.state, context.lane.lane).error],
        "reverse": read_lane(context.state, context.reverse.lane).status if context.reverse is not None else None,
        "quarantined": quarantine.count(context.lane),
        "tables": sorted(str(context.lane.source_name(table.name)) for table in context.lane.tables),
        "stopped": sorted(barring(context.state, context.lane.lane)),
        "left_out": sorted(left_out(context.state, context.lane.lane)),
    }


def changed(recorded: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """In words: what is no longer as it was recorded, but for the better: a newer verification that found both sides equal, and
    a lane that was about to stream and does now, take nothing away."""
    better = {
        "verification": now["verification"][1] is True,
        "reverse": (recorded.get("reverse"), now["reverse"]) == (PREPARED, STREAMING),
    }
    return [words for key, words in WORDS.items() if recorded.get(key) != now.get(key) and not better.get(key)]
