"""What the server says while changes are applied, as the errors of this package: which table, which keys, what now."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from voyager_ops.changes.netchange import Key
from voyager_ops.databases.postgres.apply_catalog import ApplyTable
from voyager_ops.databases.postgres.apply_plan import Planned
from voyager_ops.errors import ApplyError, RetryableError
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import Lane, Position
from voyager_ops.model.tables import QName

PASSING = ("08", "57P", "40001", "40P01", "55P03", "53300", "25006")
"""SQLSTATEs (or their first characters) of faults that pass: connections, restarts, serialization, deadlock, lock timeout,
too many connections, and a server that is read-only for a moment (fail-over)."""
ROLLED_BACK = "the target transaction was rolled back; every transaction before it is applied, this one not at all"
MOST_KEYS = 5
MOST_TEXT = 600


class Conflict(Exception):
    """Unique values moved between rows of the batch: do it again, the table's rows will be deleted first."""

    def __init__(self, root: QName) -> None:
        super().__init__(f"unique values moved between rows of {root}")
        self.root = root


def command(context: LaneContext) -> str:
    return "import data to target" if context.lane is Lane.FORWARD else "import data to source"


def is_passing(error: psycopg.Error) -> bool:
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate.startswith(PASSING)


def passing(context: LaneContext, error: psycopg.Error) -> RetryableError:
    text = " ".join(str(error.diag.message_primary or error).split())
    return RetryableError(
        f"applying to the {context.apply_db.side} database {context.apply_db.where} was interrupted: {text}",
        state="committed batches stand; the position says which",
        next_step=f"voyager-ops {command(context)} resumes where it was",
    )


def show_key(table: ApplyTable, key: Key) -> str:
    names = [table.columns[index].name for index in table.key] or [column.name for column in table.columns]
    values = (value.decode("utf-8", "replace") if isinstance(value, bytes) else repr(value) for value in key)
    text = ", ".join(f"{name}={value}" for name, value in zip(names, values, strict=False))
    return f"({text[:MOST_TEXT]})"


def show_keys(table: ApplyTable, keys: Sequence[Key]) -> str:
    shown = ", ".join(show_key(table, keys[place]) for place in range(min(len(keys), MOST_KEYS)))
    return shown + (f" and {len(keys) - MOST_KEYS} more" if len(keys) > MOST_KEYS else "")


def next_step(context: LaneContext) -> str:
    return (
        f"compare the rows on both sides (voyager-ops verify), mend the cause, then start voyager-ops {command(context)} again;"
        " or set changes.on_error: quarantine to put such changes aside"
    )


def apply_error(context: LaneContext, planned: Planned, error: psycopg.Error) -> ApplyError | RetryableError:
    """For a statement the server refused."""
    if is_passing(error):
        return passing(context, error)
    where = f"{planned.what} on {planned.table.name}" if planned.table else planned.what
    detail = f" ({error.diag.message_detail[:MOST_TEXT]})" if error.diag.message_detail else ""
    keys = f"; key {show_keys(planned.table, planned.keys)}" if planned.table and len(planned.keys) == 1 else ""
    return ApplyError(
        f"{where}, one of {max(len(planned.keys), 1)} rows, failed on the {context.apply_db.side} database"
        f" {context.apply_db.where}: {error.sqlstate} {error.diag.message_primary}{detail}{keys}",
        state=ROLLED_BACK,
        next_step=next_step(context),
    )


def counted_wrong(
    context: LaneContext, planned: Planned, counted: int, missing: Sequence[Key], after: Position, upto: Position
) -> ApplyError:
    """For a statement that met other rows than it must."""
    assert planned.table is not None
    which = f"; no row there for {show_keys(planned.table, missing)}" if missing else ""
    if not missing and len(planned.keys) <= MOST_KEYS:
        which = f"; rows {show_keys(planned.table, planned.keys)}"
    return ApplyError(
        f"{planned.what} on {planned.table.name} ({context.apply_db.side} database {context.apply_db.where}) met {counted} rows"
        f" instead of {planned.expect}, between positions {after or 'start'} and {upto}{which}: somebody else changed the table,"
        " or changes were lost",
        state=ROLLED_BACK,
        next_step=next_step(context),
    )


def value_missing(context: LaneContext, table: ApplyTable, key: Key) -> ApplyError:
    return ApplyError(
        f"a row of {table.name} ({context.apply_db.side} database {context.apply_db.where}) takes an unchanged large value from"
        f" the row with the key {show_key(table, key)}, which is not there",
        state=ROLLED_BACK,
        next_step=next_step(context),
    )


def fold_error(context: LaneContext, table: ApplyTable, key: Key, what: str, position: Position) -> ApplyError:
    """For changes of the stream that contradict each other."""
    return ApplyError(
        f"the stream contradicts itself at position {position}: {table.root}, key {show_key(table, key)}: {what}",
        state="nothing of this batch was written; every transaction before it is applied",
        next_step=next_step(context),
    )
