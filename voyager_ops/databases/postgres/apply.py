"""Applying net changes to one database, exactly once: rows, counters, arrivals of markers and the position commit together.

One module: the session is one transaction's life, and the lock and the held-off triggers are what it is opened with.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace

import psycopg
from psycopg import sql

from voyager_ops.changes.cells import Cells
from voyager_ops.changes.netchange import Key, NetChange, TableFold
from voyager_ops.databases.postgres import apply_truncate
from voyager_ops.databases.postgres.apply_catalog import ApplyTable, read_apply_tables
from voyager_ops.databases.postgres.apply_errors import Conflict, apply_error, counted_wrong, passing, value_missing
from voyager_ops.databases.postgres.apply_pipeline import Pipeline, Statement, StatementError
from voyager_ops.databases.postgres.apply_plan import Planned, Planner
from voyager_ops.databases.postgres.apply_position import AppliedPosition, Arrival, Tally, counters, part_positions, read_position
from voyager_ops.databases.postgres.database import Connection, postgres, try_lock
from voyager_ops.errors import Fenced, PreconditionError, RetryableError
from voyager_ops.failpoints import hit, register
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.changes import Row
from voyager_ops.model.positions import START, Position
from voyager_ops.model.tables import QName

BEFORE_COMMIT = register("apply.before_commit")
AFTER_COMMIT = register("apply.after_commit")
BEFORE_SEAM_FLAG = register("apply.before_seam_flag")
AFTER_SEAM_FLAG = register("apply.after_seam_flag")

REWRITE_SECONDS = 60.0
"""A table whose unique values have just moved between rows has its rows deleted and inserted for so long."""
LOCK_SECONDS = 20.0

SETTINGS = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}
"""Rows are looked up by key through its index, also by a plan made while the table was still empty."""


class ApplySession:
    """One connection that applies a lane. Statements are queued and sent in one round trip where possible.

    Use: ``begin``, any of ``flush``/``truncate_*``, ``commit``; or ``rollback``. Raises ApplyError, Fenced, RetryableError,
    :class:`Conflict` (do the batch again: the session remembers which table to rewrite); after any of them call ``rollback``.
    """

    barrier: Position | None = None
    """Where the only batch that may be applied must end (see :mod:`voyager_ops.databases.postgres.apply_parallel`)."""

    def __init__(self, context: LaneContext, connection: Connection) -> None:
        self.context = context
        self.connection = connection
        self.tables: dict[QName, ApplyTable] = read_apply_tables(connection, context)
        self.applied = AppliedPosition(START)
        self._pipeline = Pipeline(connection)
        self._planner = Planner(self._fetch, postgres(context.apply_db).row_place)
        self._queue: list[Planned] = []
        self._rewriting: dict[QName, float] = {}
        self._to: Position = START
        self._savepoint = False
        self._deferrable = self._has_deferrable()
        self._truncates = postgres(context.apply_db).truncates
        self._committer = ThreadPoolExecutor(1, "apply-commit")
        self._committing: tuple[Future[None], Tally] | None = None

    @classmethod
    def open(
        cls,
        context: LaneContext,
        start: Position,
        *,
        seam_passed: bool,
        beside: bool = False,
        lock_seconds: float = LOCK_SECONDS,
    ) -> ApplySession:
        """Connect, take the lane's lock, hold off triggers and foreign keys, and read (or begin) the position at ``start``.

        ``beside``: a second session that does not move the position, for :meth:`begin_beside`; it takes no lock.
        """
        connection = context.apply_db.connect("apply", settings=SETTINGS)
        try:
            hold_off_triggers(context, connection)
            if not beside:
                take_lock(context, connection, lock_seconds)
            session = cls(context, connection)
            if not beside:
                connection.execute(
                    "INSERT INTO voyager_ops.lane_position (migration, lane, part, position, seam_passed)"
                    " VALUES (%s, %s, 0, %s, %s) ON CONFLICT DO NOTHING",
                    (context.migration, str(context.lane), start, seam_passed),
                )
                session.applied = read_position(connection, context.migration, context.lane, lock=True)
        except BaseException:
            connection.close()
            raise
        return session

    def close(self) -> None:
        """Wait for a commit under way, and disconnect."""
        self._committer.shutdown(wait=True)
        self.connection.close()

    # -- one target transaction --------------------------------------------------------------------------------------
    def begin(self, to: Position) -> None:
        """Start a transaction that moves the position from where it is to ``to``: its first statement, compare-and-set."""
        self._to = to
        self._queue.append(Planned(Statement(b"BEGIN"), "begin"))
        self._queue.append(
            Planned(
                Statement(
                    b"UPDATE voyager_ops.lane_position SET position = $4, updated_at = pg_catalog.clock_timestamp()"
                    b" WHERE migration = $1 AND lane = $2 AND part = 0 AND position = $3",
                    [value.encode() for value in (self.context.migration, self.context.lane, self.applied.position, to)],
                    [0] * 4,
                ),
                "position",
                expect=1,
            )
        )
        if self._deferrable:
            self._queue.append(Planned(Statement(b"SET CONSTRAINTS ALL DEFERRED"), "setting"))

    def begin_beside(self) -> None:
        """Start a transaction that leaves the position where it is, while nobody else can move it; marked as ours like others."""
        self.connection.execute("BEGIN")
        self.applied = read_position(self.connection, self.context.migration, self.context.lane, lock=True)
        self._to = self.applied.position
        if self._deferrable:
            self._queue.append(Planned(Statement(b"SET CONSTRAINTS ALL DEFERRED"), "setting"))

    def prepare(self, folds: Mapping[QName, TableFold]) -> None:
        """Make parameters of what was folded at once: what can be done while the batch before this one is being committed."""
        for root, fold in folds.items():
            if fold.bulk is not None and not self.rewrites(root):
                encode(fold.bulk)

    def flush(self, folds: Mapping[QName, TableFold], *, strict: bool, more: bool = False) -> None:
        """Queue what the folds hold and clear them. ``more``: it is sent now, and more of the same transaction follows."""
        emptied = [self.tables[root] for root, fold in folds.items() if fold.truncated]
        if emptied:
            self.send()
            for text in apply_truncate.empty_tables(self.connection, emptied, truncates=self._truncates):
                self._add(text, "truncate", emptied[0])
        for root, fold in folds.items():
            if not fold:
                continue
            self._plan(self.tables[root], fold.net(), strict=strict, rewrite=self.rewrites(root))
            fold.clear()

    def _plan(self, table: ApplyTable, net: NetChange, *, strict: bool, rewrite: bool) -> None:
        try:
            # As a list first: reading values from the target sends what is queued, and begins a new queue.
            planned = list(self._planner.plan(table, net, strict=strict, rewrite=rewrite))
        except LookupError as error:
            raise value_missing(self.context, table, error.args[0]) from None
        self._queue.extend(planned)

    def rewrites(self, root: QName) -> bool:
        """Whether the table's changed rows are deleted and inserted just now: its unique values have moved between rows."""
        return self._rewriting.get(root, 0.0) > time.monotonic()

    def truncate_leaf(self, table: ApplyTable, captured: QName) -> None:
        """Queue emptying of the physical table called ``captured`` on the capture side."""
        if captured == table.root:
            texts = apply_truncate.empty_tables(self.connection, [table], truncates=self._truncates)
        else:
            with self.context.capture_db.connect("apply") as capture:
                name = self.context.to_apply(captured)
                texts = [apply_truncate.empty_leaf(self.connection, capture, table, captured, name, truncates=self._truncates)]
        for text in texts:
            self._add(text, "truncate", table)

    def truncate_range(
        self, table: ApplyTable, captured: QName, columns: Sequence[str], lower: Sequence[str] | None, upper: Sequence[str] | None
    ) -> None:
        """Queue emptying of the range ``lower <= columns < upper`` of one physical table."""
        name = self.context.to_apply(captured)
        self._add(apply_truncate.empty_range(self.connection, table, name, columns, lower, upper), "truncate", table)

    def _add(self, text: sql.Composed, what: str, table: ApplyTable) -> None:
        self._queue.append(Planned(Statement(text.as_bytes(None), prepare=False), what, table))

    def send(self) -> None:
        """Run what is queued and check the counts."""
        queue, self._queue = self._queue, []
        if queue:
            self._run(queue)

    def _run(self, queue: list[Planned]) -> None:
        self._run_on(self._pipeline, queue)

    def _run_on(self, pipeline: Pipeline, queue: list[Planned]) -> None:
        try:
            results = pipeline.run([planned.statement for planned in queue])
        except StatementError as error:
            raise self._translate(queue[error.index], error.error) from error.error
        except psycopg.OperationalError as error:
            raise passing(self.context, error) from error
        for planned, result in zip(queue, results, strict=True):
            if planned.expect is not None and result.command_tuples != planned.expect:
                if planned.what == "position":
                    raise self._fenced()
                if pipeline is not self._pipeline:  # another thread has ours: which rows, is found when it is tried again
                    raise counted_wrong(self.context, planned, result.command_tuples or 0, (), self.applied.position, self._to)
                self._mismatch(planned, result.command_tuples or 0)

    def commit(self, tally: Tally) -> None:
        """Write the counters and arrivals, commit, and take the new position for ours."""
        self.start_commit(tally)
        self.settle()

    def start_commit(self, tally: Tally) -> None:
        """As :meth:`commit`, beside the caller, who may only :meth:`settle`, :meth:`rollback` or :meth:`close` meanwhile."""
        self._queue.extend(counters(self.context, self.applied, tally))
        queue, self._queue = self._queue, []
        self._committing = (self._committer.submit(self._commit, queue), tally)

    def _commit(self, queue: list[Planned]) -> None:
        self._run(queue)
        hit(BEFORE_COMMIT)
        self._run([Planned(Statement(b"COMMIT"), "commit")])
        hit(AFTER_COMMIT)

    def settle(self) -> None:
        """Wait for the commit under way, if any, and take the new position for ours. Raises what went wrong with it."""
        if self._committing is None:
            return
        future, tally = self._committing
        future.result()
        self._committing = None
        until = time.monotonic() + REWRITE_SECONDS
        self._rewriting = {root: min(end, until) for root, end in self._rewriting.items()}
        applied = self.applied
        self.applied = replace(
            applied,
            position=self._to,
            transactions=applied.transactions + tally.transactions,
            changes=applied.changes + tally.changes,
            user_changes=applied.user_changes + tally.user_changes,
            committed_at=tally.committed_at or applied.committed_at,
        )

    def put_aside(self, table: QName, keys: bytes, position: Position, error: str, change: bytes) -> None:
        """Queue a row of the quarantine; ``keys`` and ``change`` are JSON."""
        values = (self.context.migration, self.context.lane, str(table), position, error)
        self._queue.append(
            Planned(
                Statement(
                    b"INSERT INTO voyager_ops.quarantine (migration, lane, table_name, position, error, keys, change)"
                    b" VALUES ($1, $2, $3, $4, $5, $6, $7)",
                    [*(value.encode() for value in values), keys, change],
                    [0] * 7,
                ),
                "quarantine",
            )
        )

    def savepoint(self) -> None:
        """Queue a point to come back to with :meth:`rollback_to_savepoint`; only the last one counts."""
        self._queue.append(Planned(Statement(b"SAVEPOINT voyager_ops"), "savepoint"))
        self._savepoint = True

    def release_savepoint(self) -> None:
        self._savepoint = False
        self._queue.append(Planned(Statement(b"RELEASE SAVEPOINT voyager_ops"), "savepoint"))

    def rollback_to_savepoint(self) -> None:
        """Undo what was sent since the savepoint, which is gone then; forget what is queued."""
        self._queue.clear()
        self._savepoint = False
        self.connection.execute("ROLLBACK TO SAVEPOINT voyager_ops")
        self.connection.execute("RELEASE SAVEPOINT voyager_ops")

    def rollback(self) -> None:
        """Forget what was queued and roll back. Raises RetryableError when the connection is lost."""
        if self._committing is not None:
            wait([self._committing[0]])  # what it raised is known: settle() raised it
            self._committing = None
        self._queue.clear()
        self._savepoint = False
        self._roll_back()

    def _roll_back(self) -> None:
        if self.connection.closed:
            raise passing(self.context, psycopg.OperationalError("the connection was lost"))
        try:
            if self.connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                self.connection.execute("ROLLBACK")
        except psycopg.OperationalError as error:
            raise passing(self.context, error) from error

    def pass_seam(self) -> None:
        """Record that the seam point is passed; from then on statements are strict."""
        hit(BEFORE_SEAM_FLAG)
        count = self.connection.execute(
            "UPDATE voyager_ops.lane_position SET seam_passed = true, updated_at = clock_timestamp()"
            " WHERE migration = %s AND lane = %s AND part = 0 AND position = %s",
            (self.context.migration, str(self.context.lane), self.applied.position),
        ).rowcount
        if count != 1:
            raise self._fenced()
        hit(AFTER_SEAM_FLAG)
        self.applied = replace(self.applied, seam_passed=True)
        self._deferrable = self._has_deferrable()

    # -- inside ----------------------------------------------------------------------------------------------------
    def _has_deferrable(self) -> bool:
        row = self.connection.execute(
            "SELECT EXISTS (SELECT FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid"
            " JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE k.condeferrable AND n.nspname = ANY (%s))",
            (sorted({table.name.schema for table in self.tables.values()}),),
        ).fetchone()
        return bool(row and row[0])

    def _fetch(self, table: ApplyTable, keys: Sequence[Key], wanted: tuple[int, ...]) -> list[Row | None]:
        self.send()
        found: list[Row | None] = [None] * len(keys)
        try:
            (result,) = self._pipeline.run([self._planner.fetch_statement(table, keys, wanted)])
        except StatementError as error:
            planned = Planned(Statement(b""), "fetch", table, keys=keys)
            raise self._translate(planned, error.error) from error.error
        except psycopg.OperationalError as error:
            raise passing(self.context, error) from error
        for place in range(result.ntuples):
            ordinal = int(result.get_value(place, 0) or b"0")
            found[ordinal - 1] = [result.get_value(place, 1 + column) for column in range(len(wanted))]
        return found

    def _translate(self, planned: Planned, error: psycopg.Error) -> Exception:
        if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
            return passing(self.context, error)
        translated = apply_error(self.context, planned, error)
        if isinstance(translated, RetryableError) or planned.table is None:
            return translated
        now = time.monotonic()
        if error.sqlstate in ("23505", "23P01") and self._rewriting.get(planned.table.root, 0.0) <= now:
            self._rewriting[planned.table.root] = math.inf  # however long the batch takes: until it is committed
            return Conflict(planned.table.root)
        return translated

    def _fenced(self) -> Fenced:
        return Fenced(
            f"the position of lane {self.context.lane} on {self.context.apply_db.where} is no longer"
            f" {self.applied.position!r}: another process applies this lane",
            state="nothing of this batch was written",
            next_step="nothing: let the other process run, or stop it and start this command again",
        )

    def _mismatch(self, planned: Planned, counted: int) -> None:
        """Roll back (to the savepoint, if one is set), find out which rows are missing, and raise ApplyError."""
        assert planned.table is not None
        if self._savepoint:
            self.connection.execute("ROLLBACK TO SAVEPOINT voyager_ops")
        else:
            self._roll_back()
        keys: list[Key] = []
        if planned.table.key and planned.what in ("delete", "update"):
            wanted = [planned.keys[place] for place in range(len(planned.keys))]
            (result,) = self._pipeline.run([self._planner.missing(planned.table, wanted)])
            keys = [wanted[int(result.get_value(place, 0) or b"0") - 1] for place in range(result.ntuples)]
        raise counted_wrong(self.context, planned, counted, keys, self.applied.position, self._to)


def hold_off_triggers(context: LaneContext, connection: Connection) -> None:
    """Foreign keys and triggers do not act in this session, unless the guard holds them off on the tables themselves.

    Raises PreconditionError when neither is the case.
    """
    guard = context.state.get(f"guard/{context.apply_db.side}") or {}
    if guard.get("mode") == "tables":
        return
    try:
        connection.execute("SET session_replication_role = replica")
    except psycopg.errors.InsufficientPrivilege:
        raise PreconditionError(
            f"user {context.apply_db.user!r} may not set session_replication_role on the {context.apply_db.side}, and triggers"
            " and foreign keys of its tables are not held off either: applying would run the application's triggers again",
            state="nothing was applied",
            next_step=f"voyager-ops prepare {context.apply_db.side} --print shows the grant (GRANT SET ON PARAMETER)",
        ) from None


def encode(net: NetChange) -> None:
    """Make the parameters of rows that stand in columns."""
    for rows in (net.deletes, net.updates, net.inserts):
        if isinstance(rows, Cells):
            rows.encode()


def take_lock(context: LaneContext, connection: Connection, seconds: float = LOCK_SECONDS, part: int = 0) -> None:
    """The early fence: one session per lane (and part). A session that was cut off may hold it for a moment."""
    deadline = time.monotonic() + seconds
    while not try_lock(connection, *lock_name(context, part)):
        if time.monotonic() >= deadline:
            raise Fenced(
                f"another session applies lane {context.lane} to {context.apply_db.where}",
                state="nothing was written by this process",
                next_step="let it run; or end it, and start this command again",
            )
        time.sleep(0.25)


def lock_name(context: LaneContext, part: int = 0) -> list[str]:
    return ["apply", context.migration, str(context.lane), *([str(part)] if part else [])]


__all__ = ["AppliedPosition", "ApplySession", "Arrival", "Conflict", "Tally", "part_positions", "read_position"]
