"""Carrying sequences over to the side that is about to open, so that it hands out no value that was used before."""

from __future__ import annotations

from collections.abc import Callable, Collection
from collections.abc import Sequence as Listed
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import sql

from voyager_ops.databases.base import Database
from voyager_ops.databases.engines import engine_of
from voyager_ops.databases.postgres.catalog import read_sequences
from voyager_ops.databases.postgres.database import Connection, PostgresDatabase, qualified
from voyager_ops.databases.postgres.sequence_values import decide
from voyager_ops.errors import PreconditionError
from voyager_ops.failpoints import hit, register
from voyager_ops.model.tables import QName, Sequence, Table

BEFORE_MOVES = register("sequences.moves.before")
AFTER_MOVES = register("sequences.moves.after")

ROWS_WITHOUT_INDEX = 1_000_000
"""A column without an index is searched for its greatest value up to so many rows (some 0.1 s): this runs inside a write-stop."""

Rename = Callable[[QName], QName]
"""From a name on the side that closes to the name on the side that opens (``LaneContext.to_apply``)."""


@dataclass(frozen=True)
class SequenceMove:
    """What happens to one sequence. ``sql`` is '' when nothing does; ``problem`` says why it cannot be carried over."""

    origin: str
    sequence: str
    """On the side that opens; '' when it is missing there."""
    before: int = 0
    after: int = 0
    called: bool = False
    sql: str = ""
    note: str = ""
    problem: str = ""


def moves(
    from_db: Database,
    to_db: PostgresDatabase,
    schemas: Collection[str],
    rename: Rename,
    headroom: int,
    tables: Listed[Table] | None = None,
    without: Collection[QName] = (),
) -> list[SequenceMove]:
    """What carrying over would do now; reads only.

    ``schemas`` are those of ``from_db``; ``tables`` the migrated ones as named there: sequences owned by others are left alone
    (None: all are migrated), and so are those of ``without`` that cannot be carried over. ``headroom`` is in increments. A
    sequence is found on the other side by the column that owns it, else by its name.
    """
    with to_db.connect("sequences") as opened:
        return _moves(from_db, opened, schemas, rename, headroom, tables, without)


def plan(
    from_db: Database,
    to_db: PostgresDatabase,
    schemas: Collection[str],
    rename: Rename,
    headroom: int,
    tables: Listed[Table] | None = None,
    without: Collection[QName] = (),
) -> list[str]:
    """The exact statements :func:`carry_over` would run on ``to_db`` now, and as comments what stands in the way."""
    lines = []
    for move in moves(from_db, to_db, schemas, rename, headroom, tables, without):
        remark = move.problem or (move.note if move.sql else "")
        if remark:
            lines.append(f"-- {move.sequence or move.origin}: {remark}")
        if move.sql:
            lines.append(f"{move.sql};")
    return lines


def carry_over(
    from_db: Database,
    to_db: PostgresDatabase,
    schemas: Collection[str],
    rename: Rename,
    headroom: int,
    tables: Listed[Table] | None = None,
    without: Collection[QName] = (),
) -> list[SequenceMove]:
    """Set ``to_db``'s sequences (see :func:`moves`); harmless when repeated, since a sequence is never set back.

    Run it when nobody writes to ``from_db`` any more. Raises PreconditionError before anything is set when a sequence is missing
    or cannot hold the value, and when the user may not set one.
    """
    with to_db.connect("sequences") as opened:
        decided = _moves(from_db, opened, schemas, rename, headroom, tables, without)
        problems = [f"{move.origin}: {move.problem}" for move in decided if move.problem]
        if problems:
            raise PreconditionError(
                f"sequences cannot be carried over to the {to_db.side}: {'; '.join(problems)}",
                state="no sequence was set",
                next_step=f"create or alter these sequences on the {to_db.side}, then run the same command again",
            )
        hit(BEFORE_MOVES)
        try:
            with opened.transaction():
                for move in decided:
                    if move.sql:
                        opened.execute(move.sql.encode())
        except psycopg.errors.InsufficientPrivilege as error:
            raise PreconditionError(
                f"no right to set a sequence on the {to_db.side}: {error.diag.message_primary}",
                state="some sequences may have been set; none was set back, and setting them again is harmless",
                next_step="grant UPDATE on the schema's sequences to the migration user, then run the same command again",
            ) from None
        hit(AFTER_MOVES)
    return decided


def _moves(
    from_db: Database,
    opened: Connection,
    schemas: Collection[str],
    rename: Rename,
    headroom: int,
    tables: Listed[Table] | None,
    without: Collection[QName],
) -> list[SequenceMove]:
    there = engine_of(from_db).read_sequences(from_db, schemas)
    here = read_standing(opened, {rename(QName(schema, "")).schema for schema in schemas})
    by_owner = {sequence.owner: sequence for sequence in here if sequence.owner}
    by_name = {sequence.name: sequence for sequence in here}
    migrated = (
        None if tables is None else {name for table in tables for name in (table.name, *(leaf.name for leaf in table.leaves))}
    )
    result = []
    for sequence in there:
        other: Sequence | None = None
        if sequence.owner is not None:
            if migrated is not None and sequence.owner[0] not in migrated:
                continue
            other = by_owner.get((rename(sequence.owner[0]), sequence.owner[1]))
        other = other or by_name.get(rename(sequence.name))
        if other is None:
            move = SequenceMove(str(sequence.name), "", problem="it is missing on the side that opens")
        else:
            move = _move(opened, sequence, other, headroom)
        if not (move.problem and sequence.owner is not None and sequence.owner[0] in without):
            result.append(move)
    return result


def _move(opened: Connection, sequence: Sequence, other: Sequence, headroom: int) -> SequenceMove:
    extreme, unread = _extreme(opened, other)
    decision = decide(sequence, other, extreme, headroom)
    names, note = (str(sequence.name), str(other.name)), "; ".join(filter(None, (decision.note, unread)))
    if decision.standing is None:
        return SequenceMove(*names, other.last_value, other.last_value, other.is_called, note=note, problem=decision.problem)
    statement = sql.SQL("SELECT pg_catalog.setval({}::pg_catalog.regclass, {}, {})").format(
        sql.Literal(qualified(other.name).as_string(opened)),
        sql.Literal(decision.standing.last),
        sql.Literal(decision.standing.called),
    )
    return SequenceMove(
        *names,
        other.last_value,
        decision.standing.last,
        decision.standing.called,
        sql=statement.as_string(opened),
        note=note,
    )


def read_standing(connection: Connection, schemas: Collection[str]) -> list[Sequence]:
    """The schemas' sequences. Values come from the sequences themselves: the catalog's view of one that was set but never called
    shows its start."""
    listed = read_sequences(connection, schemas)
    if not listed:
        return []
    parts = [
        sql.SQL("SELECT {}, last_value, is_called FROM {}").format(sql.Literal(place), qualified(sequence.name))
        for place, sequence in enumerate(listed)
    ]
    values: dict[int, tuple[Any, ...]] = {int(row[0]): row[1:] for row in connection.execute(sql.SQL(" UNION ALL ").join(parts))}
    return [replace(sequence, last_value=values[place][0], is_called=values[place][1]) for place, sequence in enumerate(listed)]


_COLUMN = """
SELECT c.reltuples::int8, t.oid IN (20, 21, 23, 1700),
    EXISTS (
        SELECT FROM pg_index i
        WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL AND i.indkey[0] = a.attnum
    )
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
WHERE n.nspname = %s AND c.relname = %s AND a.attname = %s
"""


def _extreme(connection: Connection, sequence: Sequence) -> tuple[int | None, str]:
    """The furthest value in the column that owns ``sequence``, and what could not be read."""
    if sequence.owner is None or sequence.cycle:
        return None, ""
    table, column = sequence.owner
    row = connection.execute(_COLUMN, (*table, column)).fetchone()
    if row is None or not row[1]:
        return None, ""
    if not row[2] and row[0] > ROWS_WITHOUT_INDEX:
        return None, f"{table}.{column} has no index: its values were not looked at"
    found = connection.execute(
        sql.SQL("SELECT {}({}) FROM {}").format(
            sql.SQL("max" if sequence.increment > 0 else "min"), sql.Identifier(column), qualified(table)
        )
    ).fetchone()
    if found is None or found[0] is None:
        return None, ""
    value = Decimal(found[0])
    if not value.is_finite():
        return None, f"{table}.{column} holds {value}: its values were not looked at"
    whole = int(value)  # a fraction of a numeric column is rounded away from the sequence's beginning
    return (whole if whole == value else whole + (1 if sequence.increment > 0 else -1)), ""
