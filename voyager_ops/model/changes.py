"""Changes and transactions as they leave the change log and enter apply.

Values are the bytes of each column's text form (UTF-8, the engine's canonical settings: UTC, ISO dates, hex bytea, shortest
exact floats), ``None`` for NULL and ``UNCHANGED`` for a large value the source did not send because the update left it as it was.
No Python object per typed value is ever made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

from voyager_ops.model.positions import Position
from voyager_ops.model.tables import QName


class Unchanged(Enum):
    """Singleton type of :data:`UNCHANGED`."""

    TOKEN = 0

    def __repr__(self) -> str:
        return "UNCHANGED"


UNCHANGED: Final = Unchanged.TOKEN

Value = bytes | None | Literal[Unchanged.TOKEN]
Row = tuple[Value, ...] | list[Value]

INSERT: Final = 73
UPDATE: Final = 85
DELETE: Final = 68
TRUNCATE: Final = 84


@dataclass(frozen=True, slots=True)
class Relation:
    """A physical table as the stream described it when the change was made. Compared by value, hashed once per object."""

    oid: int
    name: QName
    columns: tuple[str, ...]
    key: tuple[bool, ...]
    """Per column: part of the replica identity."""
    type_oids: tuple[int, ...]
    full: bool
    """Replica identity FULL: old images hold every column."""


@dataclass(slots=True)
class Change:
    """One row change, or one TRUNCATE of one physical table.

    ``old`` is the old image as sent (key columns only have values unless the identity is FULL), None when the update kept its key
    and the identity is not FULL. ``new`` is None for deletes and truncates. Both are as long as ``relation.columns``.
    """

    op: int
    relation: Relation
    old: Row | None
    new: Row | None
    truncated_with: tuple[Relation, ...] = ()
    """For TRUNCATE: all physical tables of the same statement, this one included."""


@dataclass(slots=True)
class RawChanges:
    """Changes as the stream sent them: frames of row operations and truncations, each after its length (u32), and the relations
    they name. ``count`` changes (a truncation counts once for each of its relations)."""

    data: bytes
    relations: Mapping[int, Relation]
    """By OID. Never changed: a new description makes a new mapping."""
    count: int


@dataclass(slots=True)
class Transaction:
    """A committed source transaction. ``changes`` may be read once, in order, and is decoded as it is read.

    Or a run of them, whose last one it is taken for, where a reader was told that runs will do: ``transactions`` says how many.
    """

    position: Position
    """Where the stream resumes once this transaction is applied (commit end)."""
    xid: int
    """Top-level transaction id, 64 bits."""
    committed_at: float
    """Unix seconds on the source's clock."""
    count: int
    """How many changes, -1 when not known beforehand."""
    changes: Iterator[Change]
    raw: Iterable[RawChanges] | None = None
    """The same, not decoded, where it can be had: either is read, not both."""
    transactions: int = 1
    parts: Callable[[], Iterator[Transaction]] | None = None
    """Of a run: its transactions, each by itself; instead of the run's own changes."""
