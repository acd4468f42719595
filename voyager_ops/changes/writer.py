"""Publishing segments: written aside, fsynced, renamed, then one row in state. The row is the truth.

One writer per lane. It takes the lane over in state before it cleans up after its predecessor, and a predecessor that still lives
finds that out in the very transaction in which it would have published.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from voyager_ops.changes.log import fsync_directory
from voyager_ops.changes.segment import SegmentFile, TransactionHead
from voyager_ops.config import ChangesConfig
from voyager_ops.databases.postgres import lsn
from voyager_ops.errors import DiskFull, Fenced
from voyager_ops.failpoints import hit, register
from voyager_ops.model.positions import Lane, Position
from voyager_ops.state import tables
from voyager_ops.state.lanes import read_lane, update_lane
from voyager_ops.state.store import State

BEFORE_FSYNC = register("changes.publish.before_fsync")
FSYNCED = register("changes.publish.fsynced")
RENAMED = register("changes.publish.renamed")
PUBLISHED = register("changes.publish.published")
ASIDE: Final = "tmp-"
_CHECK_BYTES: Final = 4 << 20
"""Free space is asked for once per so many bytes."""


@dataclass(slots=True)
class CapturedTransaction:
    """A whole transaction as capture hands it over. ``blocks`` hold its frames, each with its length before it: a list when they
    are in memory, an iterator when they come from a file.

    Or a run of ``transactions`` small ones that describe no relation: ``blocks`` are their records as the segment has them, heads
    and frames; ``head`` is the last one's with the changes and bytes of all, ``first`` where the first one ends.
    """

    head: TransactionHead
    blocks: list[bytes] | Iterator[bytes]
    used: Set[int]
    """Relations whose descriptions the changes need."""
    relations: Mapping[int, bytes]
    """Descriptions of those (and others) as they were when the transaction began."""
    redescribed: Sequence[int]
    """Relations which the transaction's own frames describe anew."""
    counts: Sequence[tuple[str, int, int]]
    """(source name of the root table, operation, changes); a pair may come more than once."""
    transactions: int = 1
    first: int = 0
    run: bool = False


class LogWriter:
    """Gathers whole transactions in commit order into a segment, and publishes it. Not for several threads."""

    def __init__(self, state: State, data_dir: Path, lane: Lane, config: ChangesConfig) -> None:
        self._state = state
        self._data_dir = data_dir
        self._directory = data_dir / str(lane)
        self._lane = lane
        self._config = config
        self._token = uuid.uuid4().hex
        self._owner = f"capture-writer/{lane}"
        self._file: SegmentFile | None = None
        self._name = ""
        self._described: set[int] = set()
        self._opened_at = 0.0
        self._first = self._last = 0
        self._transactions = self._changes = 0
        self._counts: dict[tuple[str, int], int] = defaultdict(int)
        self._checked_at = 0
        self._xid = 0
        self._witness: TransactionHead | None = None
        self._take_over()
        record = read_lane(state, lane)
        self.published: Position = record.captured_position
        """Everything before it is durable: what the source may forget."""
        self.published_user_changes = 0
        """Changes of users' tables published by this writer."""
        self.published_transactions = 0
        self._sequence = self._last_sequence()

    def _take_over(self) -> None:
        """Claim the lane, then delete what a predecessor left unpublished: its slot still holds all of that."""
        self._state.put(self._owner, {"token": self._token, "since": time.time()})
        self._make_room()
        segment = tables.segment
        with self._state.begin() as connection:
            published = set(
                connection.execute(
                    sa.select(segment.c.file).where(
                        segment.c.migration == self._state.migration, segment.c.lane == str(self._lane)
                    )
                ).scalars()
            )
        for path in self._directory.iterdir():
            if path.is_file() and f"{self._lane}/{path.name}" not in published:
                path.unlink(missing_ok=True)

    def _last_sequence(self) -> int:
        segment = tables.segment
        with self._state.begin() as connection:
            return int(
                connection.execute(
                    sa.select(sa.func.coalesce(sa.func.max(segment.c.sequence), 0)).where(
                        segment.c.migration == self._state.migration, segment.c.lane == str(self._lane)
                    )
                ).scalar_one()
            )

    # -- room on disk ----------------------------------------------------------------------------------------------
    def _make_room(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)

    def check_room(self) -> None:
        """Raise DiskFull when less than the reserve is free."""
        free = shutil.disk_usage(self._directory).free
        if free < self._config.disk_reserve:
            raise self.disk_full(f"{free >> 20} MB are free, {self._config.disk_reserve >> 20} MB must stay free")

    def disk_full(self, why: str) -> DiskFull:
        return DiskFull(
            f"no room for another segment of lane {self._lane} in {self._directory}: {why}",
            state=f"nothing is lost: everything up to {self.published or 'the start'} is published, the database keeps the rest",
            next_step="make room (voyager-ops archive changes lets go of what is applied), or lower changes.disk_reserve; "
            "capture goes on by itself while it runs, else start it again",
        )

    def spill_path(self) -> Path:
        """A file for a transaction that does not fit in memory; deleted by whoever takes over."""
        self.check_room()
        return self._directory / f"{ASIDE}{self._token}.spill"

    # -- gathering -------------------------------------------------------------------------------------------------
    @property
    def open(self) -> bool:
        """Something is gathered and not published."""
        return self._file is not None

    def append(self, transaction: CapturedTransaction) -> None:
        """Add one transaction. Raises DiskFull; then :meth:`discard` and stream again from :attr:`published`."""
        try:
            file = self._file or self._open(transaction)
            head = transaction.head
            if not transaction.used <= self._described:
                needed = sorted(transaction.used - self._described)
                file.relations([transaction.relations[key] for key in needed])
                self._described.update(needed)
            if transaction.redescribed:
                self._described.update(transaction.redescribed)
            blocks = transaction.blocks
            if transaction.run and isinstance(blocks, list):
                file.records(blocks, head.length)
            else:
                file.transaction(head, blocks if isinstance(blocks, list) else self._watched(blocks))
        except OSError as error:
            raise self.translate(error) from error
        self._last = head.end
        self._witness = head
        self._transactions += transaction.transactions
        self._changes += head.count
        self._xid = max(self._xid, head.xid)
        for name, operation, count in transaction.counts:
            self._counts[name, operation] += count

    def forget_description(self, relation: int) -> None:
        """The relation was described anew in a transaction that was not appended."""
        self._described.discard(relation)

    def _watched(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        for block in blocks:
            self._checked_at += len(block)
            if self._checked_at >= _CHECK_BYTES:
                self._checked_at = 0
                self.check_room()
            yield block

    def _open(self, transaction: CapturedTransaction) -> SegmentFile:
        self.check_room()
        self._name = f"{self._sequence + 1:012d}-{self._token[:8]}.segment"
        header = {
            "kind": "pgoutput",
            "migration": self._state.migration,
            "lane": str(self._lane),
            "sequence": self._sequence + 1,
            "first_position": lsn.to_position(transaction.first or transaction.head.end),
            "xid_reference": transaction.head.xid,
        }
        self._file = SegmentFile(self._directory / (ASIDE + self._name), header, self._config.compression)
        self._opened_at = time.monotonic()
        self._first = transaction.first or transaction.head.end
        self._described.clear()
        self._counts.clear()
        self._transactions = self._changes = self._checked_at = 0
        return self._file

    def due(self, now: float, ages: int = 1) -> bool:
        """Whether what is gathered is big enough, or ``ages`` times ``segment_age`` old. ``now`` is of the monotonic clock."""
        return self._file is not None and (
            self._file.body_bytes >= self._config.segment_size or now - self._opened_at >= self._config.segment_age * ages
        )

    # -- publishing ------------------------------------------------------------------------------------------------
    def publish(self) -> Position:
        """Make what is gathered durable and visible; returns :attr:`published`. Nothing gathered: does nothing.

        Raises DiskFull, and Fenced when another writer has taken the lane; nothing was published then.
        """
        file = self._file
        if file is None:
            return self.published
        last = lsn.to_position(self._last)
        hit(BEFORE_FSYNC)
        try:
            checksum = file.finish({"last_position": last, "transactions": self._transactions, "changes": self._changes})
            hit(FSYNCED)
            os.rename(file.path, self._directory / self._name)
            fsync_directory(self._directory)
        except FileNotFoundError:
            with self._state.begin() as connection:
                self._still_ours(connection)  # whoever took over has cleaned up after us
            raise
        except OSError as error:
            raise self.translate(error) from error
        hit(RENAMED)
        with self._state.begin() as connection:
            self._still_ours(connection)
            connection.execute(
                tables.segment.insert().values(
                    migration=self._state.migration,
                    lane=str(self._lane),
                    sequence=self._sequence + 1,
                    file=f"{self._lane}/{self._name}",
                    first_position=lsn.to_position(self._first),
                    last_position=last,
                    transactions=self._transactions,
                    changes=self._changes,
                    bytes=file.bytes,
                    checksum=checksum,
                    created_at=time.time(),
                )
            )
            self._add_counts(connection)
            witness = self._witness
            assert witness is not None
            update_lane(
                self._state,
                self._lane,
                connection,
                captured_position=last,
                xid_reference=self._xid,
                info={"witness": [witness.end, witness.xid, witness.committed_at]},
            )
        hit(PUBLISHED)
        self._sequence += 1
        self.published_user_changes += sum(self._counts.values())
        self.published_transactions += self._transactions
        self._file = None
        self.published = last
        return last

    def advance(self, position: Position) -> None:
        """Record that everything before ``position`` is captured (idle, or all was dropped); nothing may be gathered."""
        if self._file is not None or position <= self.published:
            return
        with self._state.begin() as connection:
            self._still_ours(connection)
            update_lane(self._state, self._lane, connection, captured_position=position)
        self.published = position

    def discard(self) -> None:
        """Throw away what is gathered (the source sends it again)."""
        if self._file is not None:
            self._file.abandon()
            self._file = None

    def _still_ours(self, connection: sa.Connection) -> None:
        value = self._state.locked(self._owner, connection)
        if value is None or value["token"] != self._token:
            raise Fenced(
                f"another process captures lane {self._lane} of migration {self._state.migration!r} now",
                state="this process published nothing further",
                next_step="nothing: the other process carries on",
            )

    def _add_counts(self, connection: sa.Connection) -> None:
        per_table: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(_COLUMNS.values(), 0))
        for (name, operation), count in self._counts.items():
            per_table[name][_COLUMNS[operation]] += count
        table = tables.captured
        for name, counts in per_table.items():
            where = (
                table.c.migration == self._state.migration,
                table.c.lane == str(self._lane),
                table.c.table_name == name,
            )
            added = {column: table.c[column] + count for column, count in counts.items()}
            if not connection.execute(table.update().where(*where).values(**added)).rowcount:
                connection.execute(
                    table.insert().values(migration=self._state.migration, lane=str(self._lane), table_name=name, **counts)
                )

    def translate(self, error: OSError) -> OSError | DiskFull:
        """DiskFull for the errors that mean it, any other as it is."""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return self.disk_full(os.strerror(error.errno))
        return error


_COLUMNS: Final = {73: "inserts", 85: "updates", 68: "deletes", 84: "truncates"}
"""Operation to column of ``captured``."""
