"""Transactions of the batch under way whose changes are still as the stream sent them, and how they become net changes.

Nothing is decoded as they come: only the two marks of our own marker table are looked for among their bytes. When the batch is to
be sent, all changes of a table are folded at once (:mod:`voyager_ops.changes.bulkfold`), or one by one where that cannot be.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np

from voyager_ops.changes.cells import Buffer, Places
from voyager_ops.databases.postgres.metadata import SCHEMA
from voyager_ops.databases.postgres.pgoutput_bulk import Frames
from voyager_ops.model.changes import DELETE, INSERT, UPDATE, RawChanges, Relation, Transaction

BULK_BYTES = 8 << 20
"""So many bytes end a batch, or are sent in the middle of a transaction: joined, encoded and in libpq's hands they are held about
four times over."""


@dataclass(slots=True)
class Pending:
    """What was taken, in order. ``relations`` are the descriptions that all of it is read with."""

    owners: list[Transaction] = field(default_factory=list)
    blocks: list[RawChanges] = field(default_factory=list)
    size: int = 0
    relations: dict[int, Relation] = field(default_factory=dict)
    marks: tuple[bytes, ...] = ()
    """What a change of a table of ours begins with."""
    _learnt: Mapping[int, Relation] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.blocks)

    def fits(self, raw: RawChanges) -> bool:
        """Whether the block names the relations as those before it do; takes in what it describes."""
        if raw.relations is self._learnt:
            return True
        known = self.relations
        if self.blocks and any(known.get(oid, relation) != relation for oid, relation in raw.relations.items()):
            return False
        self._learnt = raw.relations
        self.relations = {**(known if self.blocks else {}), **raw.relations}
        self.marks = tuple(
            bytes((operation,)) + oid.to_bytes(4, "big")
            for oid, relation in self.relations.items()
            if relation.name.schema == SCHEMA
            for operation in (INSERT, UPDATE, DELETE)
        )
        return True

    def marked(self, raw: RawChanges) -> bool:
        """Whether the block may hold a marker (bytes that look like one may also be part of a value)."""
        return any(mark in raw.data for mark in self.marks)

    def take(self, transaction: Transaction, raw: RawChanges) -> None:
        self.owners.append(transaction)
        self.blocks.append(raw)
        self.size += len(raw.data)

    def clear(self) -> None:
        self.owners.clear()
        self.blocks.clear()
        self.size = 0

    def taken(self) -> Iterator[tuple[Transaction, RawChanges]]:
        """All of it, which is forgotten before the first is handed out."""
        pairs = list(zip(self.owners, self.blocks, strict=True))
        self.clear()
        return iter(pairs)


class Batch:
    """All that is pending in one buffer, split by relation."""

    def __init__(self, pending: Pending) -> None:
        self.frames = Frames(Buffer([block.data for block in pending.blocks]))
        self.relations = pending.relations
        self._ends = list(accumulate(len(block.data) for block in pending.blocks))
        self._owners = list(pending.owners)

    @property
    def rows_only(self) -> bool:
        """Nothing but inserts, updates and deletes."""
        operations = self.frames.operations
        return bool(((operations == INSERT) | (operations == UPDATE) | (operations == DELETE)).all())

    def by_relation(self) -> Iterator[tuple[Relation, Places]]:
        """Each relation with the numbers of its frames, in order; not our own tables."""
        oids = self.frames.relations
        order = np.argsort(oids, kind="stable")
        bounds = np.flatnonzero(np.diff(oids[order])) + 1
        for places in np.split(order, bounds):
            relation = self.relations[int(oids[places[0]])]
            if relation.name.schema != SCHEMA:
                yield relation, places

    def owner(self, frame: int) -> Transaction:
        """The transaction of a frame."""
        return self._owners[bisect_right(self._ends, int(self.frames.at[frame]))]

    def one(self, frame: int) -> RawChanges:
        """A frame by itself."""
        at = int(self.frames.at[frame])
        end = int(self.frames.at[frame + 1]) - 4 if frame + 1 < len(self.frames) else self.frames.buffer.size
        return RawChanges(self.frames.buffer.data[at - 4 : end], self.relations, 1)
