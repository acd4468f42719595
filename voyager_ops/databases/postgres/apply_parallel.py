"""Applying one batch over several connections (``changes.apply_parallelism``), exactly once all the same.

Rows are spread over *parts* by their key; each part has a connection, and a row of its own in ``voyager_ops.lane_position`` that
its transaction moves with its first statement. A batch goes through these points, each of them a barrier:

1. part 0 has taken its position: whoever else waits for it (``import schema``, ``quarantine retry``) has it all or not at all;
2. every part has run its statements without an error, or all are rolled back and nothing of the batch stands;
3. parts 1 … n-1 have committed;
4. part 0 commits, and with it the counters and arrivals of markers.

So part 0's position, which is all that anybody else reads, says what is applied *everywhere*, no part is ever behind it, and none
ahead of it by more than one batch. After a crash between 3 and 4 the positions tell which parts have the batch: the session that
opens then (:class:`Mending`) brings the others up to there in one transaction, with the number of parts that was recorded. The
number changes only when all stand at one position.

What cannot be spread (rows whose keys moved with values left behind, TRUNCATE, tables just now rewritten, anything sent in the
middle of a transaction, small batches) is one transaction of part 0's connection, which moves every part. Readers of the target
may see a batch half applied between 3 and 4: this is the documented option that relaxes I2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait

import psycopg

from voyager_ops.changes.netchange import NetChange, TableFold
from voyager_ops.databases.postgres import apply
from voyager_ops.databases.postgres.apply import ApplySession, hold_off_triggers, lock_name, take_lock
from voyager_ops.databases.postgres.apply_catalog import ApplyTable
from voyager_ops.databases.postgres.apply_errors import passing
from voyager_ops.databases.postgres.apply_parting import Parting, as_it_was, remember, undivided
from voyager_ops.databases.postgres.apply_pipeline import Pipeline, Statement
from voyager_ops.databases.postgres.apply_plan import Planned
from voyager_ops.databases.postgres.apply_position import Tally, part_positions
from voyager_ops.databases.postgres.database import Connection, unlock
from voyager_ops.errors import ApplyError, RetryableError
from voyager_ops.failpoints import hit, register
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import Position
from voyager_ops.model.tables import QName

BEFORE_PART_COMMIT = register("apply.part.before_commit")
AFTER_PART_COMMIT = register("apply.part.after_commit")
PARTS_COMMITTED = register("apply.parts_committed")
BEFORE_MENDED = register("apply.before_mended")
PARTS_CHANGED = register("apply.parts_changed")

FEWEST_ROWS = 1000
"""A batch of fewer rows is one transaction: several connections would cost more than they save."""
LOCK_TIMEOUT = "SET lock_timeout = '30s'"
"""Parts wait for each other, which no server can see: nothing may wait for a lock for ever."""


def open_session(context: LaneContext, start: Position, *, seam_passed: bool) -> ApplySession:
    """The session for what the positions say and the configuration wants: of one connection, of several, or one that mends.

    Raises as :meth:`ApplySession.open`.
    """
    wanted = context.changes.apply_parallelism
    first = session = ApplySession.open(context, start, seam_passed=seam_passed)
    try:
        positions = _positions(first)
        even = all(position == first.applied.position for position in positions)
        if even and len(positions) != wanted - 1:
            _set_parts(first, wanted)
        if not even or wanted > 1:
            first.connection.execute(LOCK_TIMEOUT)
            session = (ParallelSession if even else Mending)(context, first.connection)
            session.applied = first.applied
        if isinstance(session, ParallelSession):
            session.connect_parts()
    except BaseException:
        session.close()
        raise
    return session


def _positions(session: ApplySession) -> list[Position]:
    """Of parts 1 and up, once every transaction is over that could still move them."""
    context, connection = session.context, session.connection
    for part in part_positions(connection, context.migration, context.lane):
        take_lock(context, connection, part=part)
        unlock(connection, *lock_name(context, part))  # nobody takes it before us: part 0's lock comes first, and is ours
    return list(part_positions(connection, context.migration, context.lane).values())


def _set_parts(session: ApplySession, count: int) -> None:
    """Make it ``count`` parts, all at part 0's position, where the others stand too."""
    context, position = session.context, session.applied.position
    with session.connection.transaction():
        session.connection.execute(
            "DELETE FROM voyager_ops.lane_position WHERE migration = %s AND lane = %s AND part >= %s AND part > 0",
            (context.migration, str(context.lane), count),
        )
        session.connection.execute(
            "INSERT INTO voyager_ops.lane_position (migration, lane, part, position, seam_passed)"
            " SELECT %s, %s, p, %s, %s FROM generate_series(1, %s) p ON CONFLICT DO NOTHING",
            (context.migration, str(context.lane), position, session.applied.seam_passed, count - 1),
        )
        hit(PARTS_CHANGED)


class Part:
    """A connection of its own. It does not know positions; what it is given begins with its compare-and-set."""

    def __init__(self, context: LaneContext, number: int) -> None:
        self.number = number
        self.connection: Connection = context.apply_db.connect("apply", settings=apply.SETTINGS)
        try:
            self.connection.execute(LOCK_TIMEOUT)
            hold_off_triggers(context, self.connection)
            take_lock(context, self.connection, part=number)
        except BaseException:
            self.connection.close()
            raise
        self.pipeline = Pipeline(self.connection)
        self.queue: list[Planned] = []

    def roll_back(self) -> None:
        if not self.connection.closed and self.connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            self.connection.execute("ROLLBACK")


class ParallelSession(ApplySession):
    """Part 0 is the session's own connection."""

    def __init__(self, context: LaneContext, connection: Connection) -> None:
        super().__init__(context, connection)
        self._parting = self._how(context.changes.apply_parallelism)
        self._others: list[Part] = []
        self._threads = ThreadPoolExecutor(self._parting.parts - 1, "apply-part")
        self._split: dict[int, tuple[NetChange, list[NetChange]]] = {}
        """By the fold's identity: what is to be spread, made ready before its turn."""
        self._sent = self._spread = False

    def _how(self, parts: int) -> Parting:
        tables = undivided(self.context, self.connection)
        remember(self.context, tables)
        return Parting(parts, tables)

    def connect_parts(self) -> None:
        for number in range(1, self._parting.parts):
            self._others.append(Part(self.context, number))

    def close(self) -> None:
        self._committer.shutdown(wait=True)
        self._threads.shutdown(wait=True)
        for part in self._others:
            part.connection.close()
        super().close()

    # -- a batch -----------------------------------------------------------------------------------------------------
    def begin(self, to: Position) -> None:
        self._sent = self._spread = False
        super().begin(to)

    def send(self) -> None:
        self._sent = self._sent or bool(self._queue)
        super().send()

    def savepoint(self) -> None:
        self._sent = True
        super().savepoint()

    def prepare(self, folds: Mapping[QName, TableFold]) -> None:
        self._split.clear()
        if not self._spreads(folds, {root: fold.bulk for root, fold in folds.items()}):
            super().prepare(folds)
            return
        for root, fold in folds.items():
            if fold.bulk is not None:
                pieces = self._parting.split(self.tables[root], fold.bulk)
                self._split[id(fold)] = (fold.bulk, pieces)
                for piece in pieces:
                    apply.encode(piece)

    def flush(self, folds: Mapping[QName, TableFold], *, strict: bool, more: bool = False) -> None:
        nets = {root: fold.net() for root, fold in folds.items() if fold}
        if not strict or more or self._sent or self._spread or not self._spreads(folds, nets):
            self._sent = True
            super().flush(folds, strict=strict, more=more)
            return
        self._spread = True
        for root, net in nets.items():
            table, fold = self.tables[root], folds[root]
            ready = self._split.get(id(fold))
            pieces = ready[1] if ready is not None and ready[0] is net else self._parting.split(table, net)
            for queue, piece in zip((self._queue, *(part.queue for part in self._others)), pieces, strict=True):
                queue.extend(self._planner.plan(table, piece, strict=True, rewrite=False))
            fold.clear()
        self._split.clear()

    def _spreads(self, folds: Mapping[QName, TableFold], nets: Mapping[QName, NetChange | None]) -> bool:
        """Whether all of it can be spread, and is worth it."""
        if any(fold.truncated or self.rewrites(root) for root, fold in folds.items() if fold):
            return False
        if any(net is not None and reads_rows(self.tables[root], net) for root, net in nets.items()):
            return False
        found = [net for net in nets.values() if net is not None]
        rows = sum(len(net.deletes) + len(net.updates) + len(net.inserts) + sum(map(len, net.partial.values())) for net in found)
        return rows >= FEWEST_ROWS

    def start_commit(self, tally: Tally) -> None:
        if not self._spread:
            self._queue.append(self._move("part > 0", len(self._others)))
            super().start_commit(tally)
            return
        for part in self._others:
            before = [Planned(Statement(b"BEGIN"), "begin"), self._move(f"part = {part.number}", 1)]
            if self._deferrable:
                before.append(Planned(Statement(b"SET CONSTRAINTS ALL DEFERRED"), "setting"))
            part.queue[:0] = before
        super().start_commit(tally)

    def _move(self, which: str, expect: int) -> Planned:
        return move(self.context, which, expect, self.applied.position, self._to)

    def _commit(self, queue: list[Planned]) -> None:
        if not self._spread:
            super()._commit(queue)
            return
        first = next(place for place, planned in enumerate(queue) if planned.what == "position") + 1
        self._run(queue[:first])
        self._all(self._run_part, lambda: self._run(queue[first:]))
        hit(apply.BEFORE_COMMIT)
        try:
            self._all(self._commit_part, lambda: None)
            hit(PARTS_COMMITTED)
            self._run([Planned(Statement(b"COMMIT"), "commit")])
        except Exception as error:
            # Whether the server has committed what it did not answer for cannot be told here: the next session looks.
            raise self._uneven(error) from error
        hit(apply.AFTER_COMMIT)

    def _all(self, job: Callable[[Part], None], ours: Callable[[], None]) -> None:
        """Do ``job`` for every other part, ``ours`` beside it, wait for all, and raise what the first that failed has raised."""
        futures: list[Future[None]] = [self._threads.submit(job, part) for part in self._others]
        try:
            ours()
        finally:
            wait(futures)
        for future in futures:
            future.result()

    def _run_part(self, part: Part) -> None:
        queue, part.queue = part.queue, []
        self._run_on(part.pipeline, queue)

    def _commit_part(self, part: Part) -> None:
        hit(BEFORE_PART_COMMIT)
        self._run_on(part.pipeline, [Planned(Statement(b"COMMIT"), "commit")])
        hit(AFTER_PART_COMMIT)

    def _uneven(self, error: Exception) -> RetryableError:
        return RetryableError(
            f"some of the connections that apply lane {self.context.lane} may have committed a batch, others not: {error}",
            state=f"the positions say which; all are brought up to {self._to} before anything else is applied",
            next_step="nothing: it is done when the command goes on, or is started again",
        )

    def rollback(self) -> None:
        if self._committing is not None:
            wait([self._committing[0]])
        try:
            for part in self._others:
                part.queue.clear()
                part.roll_back()
        except psycopg.OperationalError as error:
            raise passing(self.context, error) from error
        super().rollback()

    def pass_seam(self) -> None:
        super().pass_seam()
        self._parting = self._how(self._parting.parts)


class Mending(ApplySession):
    """Brings the parts that missed a batch up to the others, in one transaction; :attr:`barrier` is where it ends."""

    def __init__(self, context: LaneContext, connection: Connection) -> None:
        super().__init__(context, connection)
        rows = connection.execute(
            "SELECT part, position FROM voyager_ops.lane_position WHERE migration = %s AND lane = %s ORDER BY part",
            (context.migration, str(context.lane)),
        ).fetchall()
        self._parting = Parting(len(rows), as_it_was(context, connection))
        self._ours = Position(rows[0][1])
        self.barrier: Position = Position(max(str(row[1]) for row in rows))
        self._late = [int(row[0]) for row in rows if row[1] != self.barrier]
        if self._late[0] != 0 or {row[1] for row in rows} != {self._ours, self.barrier}:
            raise self._impossible()

    def flush(self, folds: Mapping[QName, TableFold], *, strict: bool, more: bool = False) -> None:
        for root, fold in folds.items():
            if not fold:
                continue
            net = fold.net()
            if fold.truncated or reads_rows(self.tables[root], net):
                raise self._impossible()
            table, rewrite = self.tables[root], self.rewrites(root)
            pieces = self._parting.split(table, net)
            for part in self._late:
                self._plan(table, pieces[part], strict=strict, rewrite=rewrite)
            fold.clear()

    def start_commit(self, tally: Tally) -> None:
        if self._to != self.barrier:
            raise self._impossible()
        others = [part for part in self._late if part > 0]
        if others:
            which = f"part IN ({', '.join(map(str, others))})"
            self._queue.append(move(self.context, which, len(others), self.applied.position, self._to))
        hit(BEFORE_MENDED)
        super().start_commit(tally)

    def _impossible(self) -> ApplyError:
        return ApplyError(
            f"parts of lane {self.context.lane} stand at different positions, and what lies between {self._ours} and"
            f" {self.barrier} is not what was applied in parallel then",
            state=f"parts {self._late} have applied everything up to the first of these positions, the others up to the second",
            next_step="the change log or the positions were changed by hand: put them back, or end the migration and start anew",
        )


def reads_rows(table: ApplyTable, net: NetChange) -> bool:
    """Whether values must be read from the target before the changes can be applied, for which all before them must be sent."""
    return bool(net.carried or (table.must_rewrite and net.partial))


def move(context: LaneContext, which: str, expect: int, before: Position, after: Position) -> Planned:
    """Moves the positions of the parts that ``which`` (SQL of ours) names."""
    text = (
        "UPDATE voyager_ops.lane_position SET position = $4, updated_at = pg_catalog.clock_timestamp()"  # noqa: S608
        f" WHERE migration = $1 AND lane = $2 AND position = $3 AND {which}"
    )
    values = [value.encode() for value in (context.migration, context.lane, before, after)]
    return Planned(Statement(text.encode(), values, [0] * 4), "position", expect=expect)
