"""Commands of the cutover."""

from __future__ import annotations

from typing import TextIO

import click

from voyager_ops.cli_common import command, ending
from voyager_ops.cli_runtime import App, execute
from voyager_ops.phases import cutover, fall_back


@click.group("initiate")
def initiate_group() -> None:
    """Begin a cutover."""


@click.group("cutover")
def _initiate_cutover() -> None:
    """Move the application from one side to the other."""


@click.group("to")
def _to() -> None:
    """To which side."""


initiate_group.add_command(_initiate_cutover)
_initiate_cutover.add_command(_to)
_wait = click.option("--wait", is_flag=True, help="Stay until it is done or undone.")
_by = click.option("--by", default="", help="Who decided it, for the records. Default: the user who runs this.")


@command(_to, "target")
@click.option(
    "--prepare-for-fall-back/--no-prepare-for-fall-back",
    default=None,
    help="Keep the way back open (export data from target and import data to source must run). Default: as configured.",
)
@_wait
@_by
def to_target(app: App, prepare_for_fall_back: bool | None, wait: bool, by: str) -> None:
    """Open the target, once the application no longer writes to the source."""
    _initiate(app, "target", prepare_for_fall_back, wait, by)


@command(_to, "source")
@_wait
@_by
def to_source(app: App, wait: bool, by: str) -> None:
    """Fall back: open the source again, once the application no longer writes to the target."""
    _initiate(app, "source", None, wait, by)


def _initiate(app: App, direction: str, prepare_for_fall_back: bool | None, wait: bool, by: str) -> None:
    execute(
        app,
        f"initiate cutover to {direction}",
        lambda migration, progress: cutover.initiate(
            migration, direction, prepare_for_fall_back=prepare_for_fall_back, by=by, wait=wait, stop=app.stop, progress=progress
        ),
        show=_show_cutover,
        status=lambda result: _status(app, result, wait),
    )


def _status(app: App, result: cutover.CutoverResult, wait: bool) -> int:
    if result.status == "COMPLETED" or (result.status == "INITIATED" and not wait):
        return 0
    if app.signal:
        app.err.write("no longer waiting; the request stands (voyager-ops cutover status)\n")
        return 128 + app.signal
    return 1


def _show_cutover(result: cutover.CutoverResult, out: TextIO) -> None:
    out.write(f"cutover to {result.direction}: {result.status}\n")
    if result.write_stop_seconds is not None:
        out.write(f"write-stop: {result.write_stop_seconds:.1f} s\n")
    ending(result, out)


@click.group("cutover")
def cutover_group() -> None:
    """Where the cutovers stand, and calling one off."""


@command(cutover_group, "status")
def cutover_status(app: App) -> None:
    """NOT_INITIATED, INITIATED or COMPLETED, for each direction."""
    execute(
        app,
        "cutover status",
        lambda migration, _progress: cutover.status(migration),
        show=_show_status,
    )


@command(cutover_group, "abort")
@_by
def cutover_abort(app: App, by: str) -> None:
    """Call off the cutover under way: it is undone, and changes stream on. Not after the side has been opened."""
    execute(
        app,
        "cutover abort",
        lambda migration, _progress: cutover.abort(migration, by=by),
        show=_show_cutover,
    )


def _show_status(result: cutover.CutoverStatusResult, out: TextIO) -> None:
    out.write(f"cutover to target: {result.cutover_to_target}\ncutover to source: {result.cutover_to_source}\n")
    for direction, details in result.details.items():
        out.write(f"to {direction}: attempt {details['attempt']}, {details['record'].get('status', '')}\n")


@command(None, "fall-back")
def end_fall_back(app: App) -> None:
    """Stay on the target for good. Before the cutover: forget the way back, so that it can be begun anew."""
    execute(
        app,
        "end fall-back",
        lambda migration, progress: fall_back.end(migration, stop=app.stop, progress=progress),
        show=lambda result, out: ending(result, out),
    )
