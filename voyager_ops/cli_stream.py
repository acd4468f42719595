"""Commands around the data: the streams, report, verification, archive, status, quarantine."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

import click

from voyager_ops.cli_common import command, ending
from voyager_ops.cli_output import metric_rows, print_table
from voyager_ops.cli_runtime import App, execute, stream_status
from voyager_ops.model.positions import Lane
from voyager_ops.model.results import Progress
from voyager_ops.phases import archive as archive_phase
from voyager_ops.phases import export_data, import_data
from voyager_ops.phases import quarantine as quarantine_phase
from voyager_ops.phases import report as report_phase
from voyager_ops.phases import status as status_phase
from voyager_ops.phases import verify as verify_phase
from voyager_ops.phases.report_rows import HEADINGS, compact


def register_data(export_group: click.Group, import_group: click.Group) -> None:
    """``export data from source|target`` and ``import data to target|source``."""
    exporting = _path(export_group, "data", "from", "Changes of one side into the change log; runs until its lane has ended.")
    importing = _path(import_group, "data", "to", "Snapshot and changes into one side; runs until its lane has ended.")
    for side, lane in (("source", Lane.FORWARD), ("target", Lane.FALLBACK)):
        _export(exporting, side, lane)
    for side, lane in (("target", Lane.FORWARD), ("source", Lane.FALLBACK)):
        _import(importing, side, lane)


def _path(group: click.Group, first: str, second: str, text: str) -> click.Group:
    outer, inner = click.Group(first, help=text), click.Group(second, help=text)
    group.add_command(outer)
    outer.add_command(inner)
    return inner


def _export(group: click.Group, side: str, lane: Lane) -> None:
    @command(group, side, help=f"Stream the {side}'s changes until its lane has ended; resumes where it was.")
    def export(app: App) -> None:
        execute(
            app,
            f"export data from {side}",
            lambda migration, progress: export_data.run(migration, lane, stop=app.stop, progress=progress),
            show=_show_stream,
            status=stream_status(app),
        )


def _import(group: click.Group, side: str, lane: Lane) -> None:
    text = "Load the snapshot and apply" if lane is Lane.FORWARD else "Apply"

    @command(group, side, help=f"{text} changes to the {side} until its lane has ended; resumes where it was.")
    def import_(app: App) -> None:
        execute(
            app,
            f"import data to {side}",
            lambda migration, progress: import_data.run(migration, lane, stop=app.stop, progress=progress),
            show=_show_stream,
            status=stream_status(app),
        )


def _show_stream(result: export_data.StreamResult, out: TextIO) -> None:
    out.write(f"the {result.lane} lane has ended\n" if result.completed else f"the {result.lane} lane goes on\n")
    rows = metric_rows(Progress(phase=result.phase, figures=result.totals))
    if rows:
        print_table(out, ["Metric", "Value"], rows)
    ending(result, out)


@click.group("get")
def get_group() -> None:
    """Reports."""


@command(get_group, "data-migration-report")
@click.option("--exact", is_flag=True, help="Count the rows of every table on both sides now.")
def data_migration_report(app: App, exact: bool) -> None:
    """Per table: snapshot rows, inserts, updates and deletes in each lane, final rows."""
    execute(
        app,
        "get data-migration-report",
        lambda migration, progress: report_phase.run(migration, exact=exact, stop=app.stop, progress=progress),
        show=_show_report,
        document=lambda result: result.tables,
    )


def _show_report(result: report_phase.DataMigrationReport, out: TextIO) -> None:
    if result.tables:
        print_table(out, HEADINGS, [compact(table) for table in result.tables])
    for form, path in result.files.items():
        out.write(f"report ({form}): {path}\n")
    ending(result, out)


@command(None, "verify")
@click.option("--parallelism", type=click.IntRange(1, 32), default=2, show_default=True, help="Tables compared at once.")
def verify(app: App, parallelism: int) -> None:
    """Compare every table of both sides, row by row."""
    execute(
        app,
        "verify",
        lambda migration, progress: verify_phase.run(
            migration, parallelism=parallelism, fail=False, stop=app.stop, progress=progress
        ),
        show=_show_verify,
        status=lambda result: 0 if result.equal else 1,
    )


def _show_verify(result: verify_phase.VerifyResult, out: TextIO) -> None:
    out.write(result.to_text() + "\n")
    ending(result, out)


@click.group("archive")
def archive_group() -> None:
    """Free the export directory of what has been applied."""


@command(archive_group, "changes")
@click.option("--move-to", type=click.Path(path_type=Path, file_okay=False), default=None, help="Move the segments there.")
@click.option("--delete", is_flag=True, help="Delete the segments.")
def archive_changes(app: App, move_to: Path | None, delete: bool) -> None:
    """Move away or delete the segments that every reader has applied."""
    if move_to is not None and delete:
        raise click.UsageError("give one of --move-to and --delete")
    execute(
        app,
        "archive changes",
        lambda migration, progress: archive_phase.run(
            migration, move_to=move_to, delete=delete, stop=app.stop, progress=progress
        ),
        show=_show_archive,
    )


def _show_archive(result: archive_phase.ArchiveChangesResult, out: TextIO) -> None:
    done = f"moved to {result.moved_to}" if result.moved_to else "deleted"
    for lane, what in result.lanes.items():
        out.write(f"{lane}: {what['segments']} segments ({what['bytes']} bytes) {done}\n")
    if not result.lanes:
        out.write("no lane has begun: there is nothing to archive\n")
    ending(result, out)


@command(None, "status")
def status(app: App) -> None:
    """Lanes, lag, streams: what a dashboard shows."""
    execute(
        app,
        "status",
        lambda migration, progress: status_phase.run(migration, stop=app.stop, progress=progress),
        show=_show_status,
    )


def _show_status(result: status_phase.StatusResult, out: TextIO) -> None:
    print_table(
        out,
        ["lane", "status", "lag (events)", "lag (s)", "captured", "bytes on disk"],
        [
            [
                name,
                x["status"],
                _known(x["lag"]["events"]),
                _known(x["lag"]["seconds"]),
                x["captured_changes"],
                x["bytes_on_disk"],
            ]
            for name, x in result.lanes.items()
        ],
    )
    print_table(
        out,
        ["process", "alive", "host", "pid"],
        [[role, "yes" if x["alive"] else "no", x["host"], x["pid"]] for role, x in result.processes.items()],
    )
    out.write(f"seam passed: {'yes' if result.seam_passed else 'no'}\n")
    ending(result, out)


def _known(value: object) -> object:
    return "unknown" if value is None else value


@click.group("quarantine")
def quarantine_group() -> None:
    """Changes that could not be applied (changes.on_error: quarantine)."""


def _quarantine(action: str, text: str) -> None:
    @command(quarantine_group, action, help=text)
    @click.option("--lane", type=click.Choice([str(lane) for lane in Lane]), default=str(Lane.FORWARD), show_default=True)
    def run(app: App, lane: str) -> None:
        execute(
            app,
            f"quarantine {action}",
            lambda migration, progress: quarantine_phase.run(
                migration, Lane(lane), retry=action == "retry", stop=app.stop, progress=progress
            ),
            show=_show_quarantine,
            status=lambda result: 1 if action == "retry" and result.count else 0,
        )


_quarantine("list", "What waits in quarantine.")
_quarantine("retry", "Apply what waits in quarantine, in order.")


def _show_quarantine(result: quarantine_phase.QuarantineResult, out: TextIO) -> None:
    for entry in result.entries:
        out.write("  ".join(f"{key}: {value}" for key, value in entry.items()) + "\n")
    out.write(f"{result.count} changes in quarantine\n")
    ending(result, out)
