"""``get data-migration-report``: per table what was copied, captured and applied in each lane, and the rows there now."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from voyager_ops.changes.log import ChangeLog
from voyager_ops.databases.engines import engine_of
from voyager_ops.databases.postgres import metadata
from voyager_ops.migration import Migration
from voyager_ops.model.positions import TO_SIDE, Lane, Side
from voyager_ops.model.results import PhaseResult, Progress, ProgressSink, silent
from voyager_ops.model.tables import Table
from voyager_ops.phases.base import finish, last_result
from voyager_ops.phases.report_rows import Counts, TableFigures, row
from voyager_ops.state.lanes import NONE, read_lane
from voyager_ops.state.stopped import NEXT_STEP, stopped_tables

NAME = "data-migration-report"


@dataclass(kw_only=True)
class DataMigrationReport(PhaseResult):
    """``tables``: one flat dict per table (see report_rows.row); ``files``: the saved report, by format."""

    phase: str = "report"
    tables: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)


def run(
    migration: Migration,
    *,
    exact: bool = False,
    save: bool = True,
    stop: threading.Event | None = None,
    progress: ProgressSink = silent,
) -> DataMigrationReport:
    """Gather the report; ``exact`` counts the rows of every table on both sides now. ``save`` writes JSON and CSV into reports/.

    Without ``exact`` final rows are the last verification's where there is one, else arithmetics over what was copied and
    applied; each line says which.
    """
    started = time.monotonic()
    stop = stop or threading.Event()
    tables = migration.baseline(Side.SOURCE)
    begun = read_lane(migration.state, Lane.FORWARD).status != NONE
    snapshot = _snapshot_rows(migration)
    captured = {lane: _captured(migration, lane) for lane in Lane}
    applied = {lane: _applied(migration, lane) for lane in Lane}
    stopped = stopped_tables(migration.state, Lane.FORWARD)
    going = tuple(table for table in tables if str(table.name) not in stopped)  # one of the others may not be there any more
    counted = _count(migration, going, stop, progress) if exact else {}
    verified, verified_at = _verified(migration)
    result = DataMigrationReport()
    for table in tables:
        name = str(table.name)
        figures = TableFigures(
            table=name,
            target_table=str(migration.names.to_target(table.name)),
            exported_snapshot_rows=snapshot.get(name, 0),
            imported_snapshot_rows=snapshot.get(name, 0),
            captured={lane: captured[lane][name] for lane in Lane if name in captured[lane]},
            applied={lane: applied[lane][name] for lane in Lane if name in applied[lane]},
            counted=counted.get(name),
            verified=verified.get(name),
            verified_at=verified_at,
            started=begun,
            stopped=stopped[name].words if name in stopped else "",
        )
        result.tables.append(row(figures))
    if stopped:
        result.warnings += [each.words for each in stopped.values()]
    if not all(each.left_out_at for each in stopped.values()):
        result.next_step = NEXT_STEP
    if save:
        _save(migration, result)
    return finish(migration, result, started)


def _snapshot_rows(migration: Migration) -> dict[str, int]:
    """Rows of the chunks that are loaded (a chunk is exported and imported in one go), by source table."""
    with migration.target.connect("report") as connection:
        if not metadata.installed(connection):
            return {}
        rows = connection.execute(
            "SELECT table_name, sum(rows)::int8 FROM voyager_ops.chunk WHERE migration = %s GROUP BY table_name",
            (migration.name,),
        ).fetchall()
    return {str(name): int(count) for name, count in rows}


def _captured(migration: Migration, lane: Lane) -> dict[str, Counts]:
    totals = ChangeLog(migration.state, migration.export_dir.data, lane).totals()
    return {name: Counts(c.inserts, c.updates, c.deletes, c.truncates) for name, c in totals.tables.items()}


def _applied(migration: Migration, lane: Lane) -> dict[str, Counts]:
    if read_lane(migration.state, lane).status == NONE:
        return {}
    with migration.database(TO_SIDE[lane]).connect("report") as connection:
        if not metadata.installed(connection):
            return {}
        rows = connection.execute(
            "SELECT table_name, inserts, updates, deletes, truncates FROM voyager_ops.lane_table"
            " WHERE migration = %s AND lane = %s",
            (migration.name, str(lane)),
        ).fetchall()
    return {str(name): Counts(*(int(number) for number in numbers)) for name, *numbers in rows}


def _count(
    migration: Migration, tables: tuple[Table, ...], stop: threading.Event, progress: ProgressSink
) -> dict[str, dict[Side, int]]:
    counts: dict[str, dict[Side, int]] = {}
    for done, table in enumerate(tables):
        if stop.is_set():
            break
        progress(Progress(phase="report", message=f"counting {table.name}", done=done, total=len(tables), unit="tables"))
        there = replace(table, name=migration.names.to_target(table.name), native=None)
        source = engine_of(migration.source).count_rows(migration.source, [table])
        target = engine_of(migration.target).count_rows(migration.target, [there])
        found = ((Side.SOURCE, source.get(table.name)), (Side.TARGET, target.get(there.name)))
        counts[str(table.name)] = {side: rows for side, rows in found if rows is not None}
    return counts


def _verified(migration: Migration) -> tuple[dict[str, dict[Side, int]], str]:
    last = last_result(migration, "verify")
    if last is None:
        return {}, ""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(last["finished_at"]))
    found = {
        str(table["table"]): {Side.SOURCE: int(table["rows_source"]), Side.TARGET: int(table["rows_target"])}
        for table in last["tables"]
        if table["rows_source"] >= 0 and table["rows_target"] >= 0
    }
    return found, at


def _save(migration: Migration, result: DataMigrationReport) -> None:
    import pandas as pd  # here: it takes longer to import than all the rest, and every command would wait for it

    migration.export_dir.create()
    frame = pd.DataFrame(result.tables).convert_dtypes()
    writers: Mapping[str, Any] = {
        "json": lambda path: frame.to_json(path, orient="records", indent=2),
        "csv": lambda path: frame.to_csv(path, index=False),
    }
    for form, write in writers.items():
        path = migration.export_dir.reports / f"{NAME}.{form}"
        aside = path.with_name(path.name + ".part")
        write(aside)
        aside.replace(path)
        result.files[form] = str(path)
