"""The change log of a lane: what was published, reading it, and letting go of what is applied."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from voyager_ops.changes.reader import Reader
from voyager_ops.errors import PreconditionError
from voyager_ops.failpoints import hit, register
from voyager_ops.model.positions import Lane, Position
from voyager_ops.state import tables
from voyager_ops.state.lanes import read_lane
from voyager_ops.state.store import State

COPIED = register("changes.archive.copied")
MARKED = register("changes.archive.marked")
DELETED = register("changes.archive.deleted")


@dataclass(frozen=True)
class TableCounts:
    """Changes captured of one table (its root), in physical rows and, for truncates, physical tables."""

    inserts: int = 0
    updates: int = 0
    deletes: int = 0
    truncates: int = 0

    @property
    def total(self) -> int:
        return self.inserts + self.updates + self.deletes + self.truncates


@dataclass(frozen=True)
class LogTotals:
    """``changes`` counts markers too, ``user_changes`` and ``tables`` (by the source's root name) do not.
    ``segments`` and ``bytes_on_disk`` are of what is still in the export directory."""

    segments: int
    bytes_on_disk: int
    transactions: int
    changes: int
    tables: dict[str, TableCounts] = field(default_factory=dict)

    @property
    def user_changes(self) -> int:
        return sum(counts.total for counts in self.tables.values())


@dataclass(frozen=True)
class ArchiveResult:
    """What one call let go of; ``left`` segments are not applied yet."""

    segments: int
    bytes: int
    left: int


class ChangeLog:
    """Segments of one lane. Cheap to make; safe to use from several processes (the writer is :class:`~.writer.LogWriter`)."""

    def __init__(self, state: State, data_dir: Path, lane: Lane) -> None:
        self._state = state
        self._data_dir = data_dir
        self._lane = lane

    def captured_position(self) -> Position:
        """Everything before it is in published segments, or touched no table of ours."""
        return read_lane(self._state, self._lane).captured_position

    def reader(self, after: Position) -> Reader:
        """Transactions whose position is greater than ``after``, in order."""
        return Reader(self._state, self._data_dir, self._lane, after)

    def totals(self) -> LogTotals:
        segment, captured = tables.segment, tables.captured
        mine = (segment.c.migration == self._state.migration, segment.c.lane == str(self._lane))
        held = sa.case((segment.c.removed_at.is_(None), 1), else_=0)
        with self._state.begin() as connection:
            row = connection.execute(
                sa.select(
                    sa.func.coalesce(sa.func.sum(held), 0),
                    sa.func.coalesce(sa.func.sum(held * segment.c.bytes), 0),
                    sa.func.coalesce(sa.func.sum(segment.c.transactions), 0),
                    sa.func.coalesce(sa.func.sum(segment.c.changes), 0),
                ).where(*mine)
            ).one()
            counts = {
                item.table_name: TableCounts(item.inserts, item.updates, item.deletes, item.truncates)
                for item in connection.execute(
                    sa.select(captured).where(captured.c.migration == self._state.migration, captured.c.lane == str(self._lane))
                )
            }
        return LogTotals(int(row[0]), int(row[1]), int(row[2]), int(row[3]), counts)

    def archive(self, applied: Position, move_to: Path | None) -> ArchiveResult:
        """Delete (or move to a directory) the segments that lie wholly at or before ``applied``; may be cut short and repeated.

        ``applied`` is what the apply side says it has, never what was captured. Raises PreconditionError when ``move_to`` cannot
        be written.
        """
        segment = tables.segment
        mine = (segment.c.migration == self._state.migration, segment.c.lane == str(self._lane))
        with self._state.begin() as connection:
            held = list(
                connection.execute(sa.select(segment).where(*mine, segment.c.removed_at.is_(None)).order_by(segment.c.sequence))
            )
            gone = list(
                connection.execute(
                    sa.select(segment.c.file).where(*mine, segment.c.removed_at.is_not(None), segment.c.last_position <= applied)
                )
            )
        directory = self._data_dir / str(self._lane)
        present = {f"{self._lane}/{path.name}" for path in directory.iterdir()} if directory.is_dir() else set()
        for row in gone:
            if row.file in present:  # marked by a run that was cut short before it deleted the file
                (self._data_dir / row.file).unlink(missing_ok=True)
        ready = [row for row in held if row.last_position <= applied]
        for row in ready:
            self._let_go(row, move_to)
        return ArchiveResult(len(ready), sum(row.bytes for row in ready), len(held) - len(ready))

    def _let_go(self, row: sa.Row[Any], move_to: Path | None) -> None:
        """Copy, then mark, then delete: whatever is cut short leaves a file too many, never one too few."""
        path = self._data_dir / row.file
        destination = ""
        if move_to is not None:
            destination = str(self._copy(path, move_to))
        hit(COPIED)
        segment = tables.segment
        with self._state.begin() as connection:
            connection.execute(
                segment.update()
                .where(
                    segment.c.migration == self._state.migration,
                    segment.c.lane == str(self._lane),
                    segment.c.sequence == row.sequence,
                )
                .values(archived_to=destination, removed_at=time.time())
            )
        hit(MARKED)
        path.unlink(missing_ok=True)
        hit(DELETED)

    def _copy(self, path: Path, directory: Path) -> Path:
        target = directory / path.name
        aside = directory / f"tmp-{path.name}"
        try:
            directory.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, aside)
            with open(aside, "rb") as stream:
                os.fsync(stream.fileno())
            os.replace(aside, target)
            fsync_directory(directory)
        except OSError as error:
            raise PreconditionError(
                f"segment {path} cannot be moved to {directory}: {error.strerror or error}",
                state="the segment is where it was and still counts as held",
                next_step="make room or mend the rights of that directory, then run archive changes again",
            ) from None
        return target

    def segments(self) -> Iterator[Path]:
        """Files that are still held, in order."""
        segment = tables.segment
        with self._state.begin() as connection:
            rows = connection.execute(
                sa.select(segment.c.file)
                .where(
                    segment.c.migration == self._state.migration,
                    segment.c.lane == str(self._lane),
                    segment.c.removed_at.is_(None),
                )
                .order_by(segment.c.sequence)
            ).all()
        return (self._data_dir / row.file for row in rows)


def fsync_directory(path: Path) -> None:
    """Make a rename in it durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
