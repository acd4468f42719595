"""``verify``: every table of both sides compared, row by row through hashes computed by the servers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from voyager_ops.cutover.verified import remember_verified
from voyager_ops.databases.engines import engine_of
from voyager_ops.databases.postgres import metadata
from voyager_ops.errors import PreconditionError, VerificationFailed
from voyager_ops.migration import Migration
from voyager_ops.model.positions import FROM_SIDE, TO_SIDE, Lane, Position, Side
from voyager_ops.model.results import ProgressSink, silent
from voyager_ops.model.tables import matches
from voyager_ops.phases.base import finish, wait_until
from voyager_ops.phases.status import alive
from voyager_ops.state import cutovers
from voyager_ops.state.lanes import ENDED, NONE, read_lane
from voyager_ops.state.stopped import NEXT_STEP, StoppedTable, barring, leave_out, left_out
from voyager_ops.verify.report import TableVerification, VerificationReport, write_reports
from voyager_ops.verify.tables import verify_tables

SETTLE_SECONDS = 60.0
ALIVE_SECONDS = 30.0
MARKER = "verify"

VerifyResult = VerificationReport


def run(
    migration: Migration,
    *,
    parallelism: int = 2,
    fail: bool = True,
    after_cutover: bool = False,
    stop: threading.Event | None = None,
    progress: ProgressSink = silent,
) -> VerificationReport:
    """Compare all migrated tables; writes ``reports/verification-<time>.*``, recorded as ``phase/verify``.

    Rows that differ while changes flow are looked at again after the lag has passed them. A table that is stopped is not
    compared, and not equal; unless the configuration excludes it by now: it is then left out of the migration, for good.
    Raises VerificationFailed when rows differ or are undecided, unless ``fail`` is False; PreconditionError when there is no
    table to compare, for that proves nothing.

    ``after_cutover``: a side was opened, and where no lane brings the two together any more, its application may have written
    since: rows that differ then are a warning. (What the cutover moved was compared in its write-stop, before that.)
    """
    started = time.monotonic()
    stop = stop or threading.Event()
    lane = flowing_lane(migration)
    tables = migration.baseline(Side.SOURCE)
    if not tables:
        raise PreconditionError(
            f"no table to compare on the source (schemas {', '.join(migration.schemas(Side.SOURCE))})",
            state="nothing was changed",
            next_step="mend source.schemas and tables.include/exclude in the configuration",
        )
    stopped = _leave_out(migration, lane) if lane is not None else {}
    without = left_out(migration.state, Lane.FORWARD)
    tables = tuple(table for table in tables if str(table.name) not in without)
    if not tables:
        raise PreconditionError(
            f"no table is left to compare: {'; '.join(each.words for each in without.values())}",
            state="nothing was changed",
            next_step="end this migration (voyager-ops end migration), and start it anew",
        )
    report = verify_tables(
        migration.source,
        migration.target,
        [table for table in tables if str(table.name) not in stopped],
        migration.names,
        parallelism=parallelism,
        settle=_settle(migration, lane, stop) if lane is not None else None,
        stop=stop,
        progress=progress,
        position=read_lane(migration.state, lane).captured_position if lane is not None else "",
    )
    report.tables += [
        TableVerification(table=name, target_table=str(migration.names.to_target(table.name)), stopped=stopped[name].words)
        for table in tables
        if (name := str(table.name)) in stopped
    ]
    report.left_out = [each.words for each in without.values()]
    report.warnings += report.left_out
    migration.export_dir.create()
    files = write_reports(report, migration.export_dir.reports)
    ahead = lane is Lane.FORWARD and not migration.state.keys("phase/cutover/target")
    good = "voyager-ops initiate cutover to target" if ahead else "voyager-ops cutover status"
    report.next_step = good if report.equal else f"read {files[-1]}, mend the rows, and verify again"
    if stopped:
        report.next_step = NEXT_STEP
    apart = opened(migration) if lane is None else None
    if apart is not None and not report.equal:
        report.warnings.append(
            f"{report.verdict}. The {apart} has been open since the cutover and nothing brings the two sides together any more: "
            f"they may be what was written there since. What was there at the cutover had been compared in its write-stop"
        )
        report.next_step = f"nothing, if the application writes to the {apart}; else read {files[-1]}"
    finish(migration, report, started)
    if report.equal and lane is not None:
        remember_verified(migration.state, lane, Position(report.position))
    if fail and not report.equal and not (after_cutover and apart is not None):
        raise VerificationFailed(
            f"source and target are not equal: {report.verdict}",
            state="both databases are as they were: verification only reads",
            next_step=report.next_step,
        )
    return report


def _leave_out(migration: Migration, lane: Lane) -> dict[str, StoppedTable]:
    """Leave out what is stopped and excluded; what is stopped and still bars the cutover."""
    stopped = barring(migration.state, lane)
    patterns = migration.config.tables.exclude
    known = [table for table in migration.baseline(Side.SOURCE) if str(table.name) in stopped]
    wanted = [str(table.name) for table in known if matches(table.name, patterns) or matches(table.native_name, patterns)]
    if wanted:
        leave_out(migration.state, lane, wanted)
        stopped = barring(migration.state, lane)
    return stopped


def flowing_lane(migration: Migration) -> Lane | None:
    """The lane whose changes may still be on their way: the forward one until it ends, then the fallback one."""
    for lane in (Lane.FORWARD, Lane.FALLBACK):
        if read_lane(migration.state, lane).status not in {NONE, ENDED}:
            return lane
    return None


def opened(migration: Migration) -> Side | None:
    """The side that a completed cutover has opened last; None before the first one."""
    return next(
        (side for side in (Side.SOURCE, Side.TARGET) if cutovers.public_status(migration.state, side) == "COMPLETED"), None
    )


def _settle(migration: Migration, lane: Lane, stop: threading.Event) -> Callable[[], bool]:
    given_up = False

    def settle() -> bool:
        nonlocal given_up
        # A stream that was cut down is started again within seconds; one that nobody runs is not waited for twice.
        if given_up or not wait_until(lambda: all(alive(migration, lane)), stop=stop, seconds=ALIVE_SECONDS, poll=0.5):
            given_up = True
            return False
        captured = migration.database(FROM_SIDE[lane])
        with engine_of(captured).side(captured, "verify") as session:
            wanted = session.write_marker(MARKER)
        with migration.database(TO_SIDE[lane]).connect("verify") as connection:

            def arrived() -> bool:
                found = metadata.arrival(connection, migration.name, str(lane), MARKER)
                return found is not None and found[0] == wanted

            return wait_until(arrived, stop=stop, seconds=SETTLE_SECONDS, poll=0.1)

    return settle
