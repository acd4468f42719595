"""What a stream writes down for people, and for every other part: warnings, and the tables that it carries no further."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final

from voyager_ops.databases.oracle.logminer.problems import STATEMENT_SHOWN
from voyager_ops.databases.postgres.lsn import to_position
from voyager_ops.lane.context import LaneContext
from voyager_ops.state.stopped import StoppedTable, stop_tables

MOST: Final = 20
"""Warnings that are kept."""


def warnings_key(context: LaneContext) -> str:
    """Key of the document {texts}: what the stream found that people should know."""
    return f"oracle/{context.lane}/warnings"


class Notes:
    """Of one stream."""

    def __init__(self, context: LaneContext) -> None:
        self._context = context
        self._warned: set[str] = set()

    def warn(self, text: str) -> None:
        if text in self._warned or len(self._warned) >= MOST:
            return
        self._warned.add(text)
        self._context.state.put(warnings_key(self._context), {"texts": sorted(self._warned)})

    def stop(self, found: Iterable[tuple[str, int, str]]) -> None:
        """Write down durably, then say, that tables are stopped: the source's name, the last position (as a number) whose changes
        of it are captured, and what was done to it."""
        stopped = [
            StoppedTable(name, to_position(end), " ".join(what.split()).rstrip("; ")[:STATEMENT_SHOWN], time.time())
            for name, end, what in found
        ]
        stop_tables(self._context.state, self._context.lane, stopped)
        for each in stopped:
            self.warn(f"{each.words}; the other tables stream on")
