"""Finding the change that cannot be applied: one transaction, halved under savepoints until the change is alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

from voyager_ops.databases.postgres.apply_errors import Conflict, next_step, show_key
from voyager_ops.errors import ApplyError
from voyager_ops.lane.collector import Collector
from voyager_ops.lane.held import marks
from voyager_ops.model.changes import DELETE, INSERT, TRUNCATE, UPDATE, Change, Transaction

PIECE = 512
_WORDS = {INSERT: "INSERT", UPDATE: "UPDATE", DELETE: "DELETE", TRUNCATE: "TRUNCATE"}


def apply_isolated(collector: Collector, transaction: Transaction, poisoned: Callable[[Change, ApplyError], None]) -> None:
    """Apply and commit one transaction, handing each change that fails on its own to ``poisoned``, which raises or puts it aside.

    Raises what ``poisoned`` raises, and Fenced or RetryableError; the caller rolls back then.
    """
    collector.transactions = 1
    collector.last = transaction.position
    tally, counts = collector.save_counts()
    tally.transactions, tally.committed_at = 1, transaction.committed_at
    collector.restore_counts((tally, counts))
    while piece := list(islice(transaction.changes, PIECE)):
        _try(collector, transaction, piece, poisoned)
    collector.commit()


def _try(
    collector: Collector, transaction: Transaction, changes: Sequence[Change], poisoned: Callable[[Change, ApplyError], None]
) -> None:
    saved = collector.save_counts()
    again = True
    while again:
        again = False
        collector.mark_savepoint()
        try:
            collector.add_changes(transaction, changes)
            collector.spill(transaction.position)
            collector.session.release_savepoint()
            return
        except Conflict:
            again = True
        except ApplyError as error:
            failure = error
        collector.session.rollback_to_savepoint()
        collector.reload_filter()
        collector.restore_counts(saved)
    if len(changes) == 1:
        tally, counts = collector.save_counts()
        tally.changes += 1
        tally.user_changes += 1
        collector.restore_counts((tally, counts))
        poisoned(changes[0], failure)
        return
    middle = len(changes) // 2
    for half in (changes[:middle], changes[middle:]):
        _try(collector, transaction, half, poisoned)


def described(collector: Collector, transaction: Transaction, change: Change, error: ApplyError) -> ApplyError:
    """The error of a change that is alone, saying which one it is."""
    table = collector.table_of(change)
    key = next((values for _, kind, values in marks(table, change) if kind == "key"), ())
    target = collector.session.tables[table.name]
    return ApplyError(
        f"{_WORDS[change.op]} of {change.relation.name} {show_key(target, key) if target.key else ''} in the transaction that"
        f" ends at {transaction.position} (xid {transaction.xid}) cannot be applied: {error.what}",
        state="that transaction was rolled back on the apply side; every transaction before it is applied",
        next_step=next_step(collector.context),
    )
