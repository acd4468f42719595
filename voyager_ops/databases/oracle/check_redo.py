"""Preflight's checks of how long an Oracle source keeps redo and undo, against how long copying is reckoned to take. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil

from voyager_ops.databases.oracle import check_mends
from voyager_ops.databases.oracle.check_facts import OracleFacts, Plan
from voyager_ops.databases.postgres.ranges import range_columns
from voyager_ops.model.checks import Check, ok, warning
from voyager_ops.model.tables import Table

COPY_BYTES_PER_SECOND = 10 << 20
"""What one reader copies at the least: expected durations are reckoned with it."""
SMALL_REDO_LOG = 128 << 20
MANY_SWITCHES = 12.0
"""An hour."""
DAY = 86400.0
_LOST = "when capture is behind, or down, for longer than redo is kept, changes are lost and the migration begins anew"


def check_redo(facts: OracleFacts, tables: Sequence[Table], plan: Plan, subject: str) -> Iterator[Check]:
    """What mining asks of the redo logs."""
    redo = facts.redo
    yield _retention(facts, _copy_seconds(tables, plan), subject)
    busy = redo.switches_per_hour is not None and redo.switches_per_hour > MANY_SWITCHES
    if busy or (redo.smallest is not None and redo.smallest < SMALL_REDO_LOG):
        size = f"{redo.smallest >> 20} MB" if redo.smallest is not None else "of unknown size"
        rate = f", {redo.switches_per_hour:.0f} switches an hour" if redo.switches_per_hour is not None else ""
        message = f"the smallest redo log is {size}{rate}"
        breaks = "each switch makes capture begin mining anew: with many of them it falls behind under load"
        yield warning("redo_size", subject, message, breaks, check_mends.larger_logs(facts, _log_size(facts)))
    else:
        yield ok("redo_size", subject, "redo logs are large enough")
    if redo.open > max(redo.named, 1):
        yield warning(
            "redo_instances",
            subject,
            f"{redo.open} instances of a cluster write redo, of which the URL names {redo.named or 'none'}",
            "what one of them commits is captured only when every other has written redo since: one that nobody uses holds the"
            " others back",
            "name them all in the URL of the source (instances=host:port,host:port)",
        )
    elif redo.threads > 1:
        yield ok("redo_threads", subject, f"{redo.threads} redo threads (RAC) are mined together")


def _log_size(facts: OracleFacts) -> int:
    """Bytes of a redo log with which they are switched no more than :data:`MANY_SWITCHES` times an hour."""
    redo = facts.redo
    times = ceil((redo.switches_per_hour or 0) / MANY_SWITCHES)
    return max(check_mends.LOG_BYTES, max((size for _, _, size in redo.groups), default=0) * times)


def _retention(facts: OracleFacts, copying: float, subject: str) -> Check:
    """How long archived redo stays: seen, where some was deleted; else by the room that there is for it."""
    redo = facts.redo
    expected = max(DAY, 2 * copying)
    hours = ceil(expected / 3600)
    reckoned = f"copying the tables is reckoned to take {copying / 3600:.1f} h"
    if redo.kept_seconds is not None:
        if redo.kept_seconds >= expected:
            return ok("redo_retention", subject, f"archived redo is kept for some {redo.kept_seconds / 3600:.0f} h")
        message = f"archived redo is deleted after some {redo.kept_seconds / 3600:.0f} h; {reckoned}"
        return warning("redo_retention", subject, message, _LOST, check_mends.keep_redo(facts, hours))
    if redo.area is None or redo.bytes_per_hour is None:
        message = f"how long archived redo is kept is not known: none has been deleted, nor is its room known; {reckoned}"
        return warning("redo_retention", subject, message, _LOST, check_mends.keep_redo(facts, hours))
    wanted = redo.bytes_per_hour * hours
    if redo.area >= wanted:
        room = f"{redo.area / redo.bytes_per_hour:.0f} h" if redo.bytes_per_hour else "what there is"
        return ok("redo_retention", subject, f"no archived redo has been deleted, and the recovery area has room for {room}")
    holds = f"the recovery area ({_gb(redo.area)}) holds {redo.area / redo.bytes_per_hour:.0f} h of redo"
    message = f"{holds} at {_gb(redo.bytes_per_hour)} an hour; {reckoned}"
    breaks = f"when it is full, the database stands still (ORA-00257) or archived redo is deleted: {_LOST}"
    return warning("redo_retention", subject, message, breaks, check_mends.keep_redo(facts, hours))


def _gb(size: float) -> str:
    return f"{size / (1 << 30):.1f} GB"


def _copy_seconds(tables: Sequence[Table], plan: Plan) -> float:
    return sum(table.bytes for table in tables) / (COPY_BYTES_PER_SECOND * plan.parallelism)


def check_undo(facts: OracleFacts, tables: Sequence[Table], plan: Plan, subject: str) -> Iterator[Check]:
    """Whether undo reaches back as long as one moment is read."""
    longest = max(
        (min(table.bytes, plan.chunk_bytes) if range_columns(table) else table.bytes for table in tables),
        default=0,
    )
    needed = 2 * longest / COPY_BYTES_PER_SECOND
    if facts.undo_seconds is None:
        yield warning(
            "undo",
            subject,
            "how long undo is kept is not known",
            "parts of the snapshot may have to be copied again",
            check_mends.grant(facts, "SELECT ANY DICTIONARY"),
        )
    elif facts.undo_seconds < needed:
        yield warning(
            "undo",
            subject,
            f"undo is kept for {facts.undo_seconds} s; the largest part that is read at one moment is reckoned to take"
            f" {needed / 2:.0f} s",
            "ORA-01555: the part is copied again at a later moment, and may fail again",
            check_mends.longer_undo(facts, int(needed) + 1),
        )
    else:
        yield ok("undo", subject, f"undo is kept for {facts.undo_seconds} s")
