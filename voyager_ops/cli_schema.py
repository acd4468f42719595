"""Commands before the data: prepare, preflight, the schema, the dry run."""

from __future__ import annotations

from typing import Any, TextIO, get_args

import click

from voyager_ops.cli_common import command, ending, secret_from
from voyager_ops.cli_output import print_table
from voyager_ops.cli_runtime import App, execute
from voyager_ops.phases import analyze_schema as analyze_phase
from voyager_ops.phases import dry_run as dry_run_phase
from voyager_ops.phases import export_schema as export_phase
from voyager_ops.phases import import_schema as import_phase
from voyager_ops.phases import preflight as preflight_phase
from voyager_ops.phases import prepare as prepare_phase
from voyager_ops.phases.prepare import PLACEHOLDER, OracleForm

ORACLE_FORMS = get_args(OracleForm)


@click.group("prepare")
def prepare_group() -> None:
    """The exact SQL of users, rights, database and settings: printed, or run."""


def _prepare(side: str) -> None:
    @command(prepare_group, side, help=f"What the {side} needs.")
    @click.option("--print/--run", "print_only", default=True, help="Print the statements (default), or run them.")
    @click.option(
        "--form",
        type=click.Choice(["superuser", "non-superuser", "yb_superuser", *(ORACLE_FORMS if side == "source" else ())]),
        default=None,
        help="Rights of the migration user. Default: non-superuser; yb_superuser for a yugabytedb:// URL."
        + (" Oracle: what kind of server it is; default: cdb for a user called c##…, else non-cdb." if side == "source" else ""),
    )
    @click.option("--user", default=None, help="The migration user. Default: the user of the configured URL.")
    @click.option("--fall-back/--no-fall-back", default=None, help="Also what the way back needs. Default: as configured.")
    @click.option("--privileged-url-env", metavar="NAME", help="With --run: the environment variable with a superuser's URL.")
    def prepare(
        app: App, print_only: bool, form: Any, user: str | None, fall_back: bool | None, privileged_url_env: str | None
    ) -> None:
        execute(
            app,
            f"prepare {side}",
            lambda migration, progress: prepare_phase.run(
                migration,
                side,
                form=form,
                user=user,
                fall_back=fall_back,
                execute=not print_only,
                privileged_url=secret_from(app, privileged_url_env),
                stop=app.stop,
                progress=progress,
            ),
            show=_show_prepare,
        )


_prepare("source")
_prepare("target")


def _show_prepare(result: prepare_phase.PrepareResult, out: TextIO) -> None:
    out.write(f"-- prepare {result.side} ({result.form} form), user {result.user}\n")
    if any(item["outcome"] == "printed" and PLACEHOLDER in item["sql"] for item in result.statements):
        out.write(f"-- psql asks for {PLACEHOLDER} after: \\prompt 'password of {result.user}: ' password\n")
    oracle = result.form in ORACLE_FORMS
    if oracle and any(item["outcome"] == "printed" for item in result.statements):
        out.write(f"-- SQL*Plus asks for &&password after: ACCEPT password CHAR PROMPT 'password of {result.user}: ' HIDE\n")
    place: str | None = None
    for item in result.statements:
        if item["database"] != place:
            place = item["database"]
            out.write(_place_in_words(place, result.form))
        remark = "" if item["outcome"] == "printed" else f" [{item['outcome']}]"
        out.write(f"-- {item['why']}{remark}\n{item['sql']}{item.get('terminator', ';')}\n")
    if result.restart_needed:
        out.write("\n-- restart the server for changed settings to take effect\n")
    ending(result, out)


def _place_in_words(place: str, form: str) -> str:
    if form in ORACLE_FORMS:
        who = "as the master user" if form == "rds" else "as SYSDBA"
        if place:
            return f"\n-- {who}: ALTER SESSION SET CONTAINER = {place};\n"
        return f"\n-- {who}, in the " + ("pluggable database that holds the tables\n" if form == "cdb" else "database\n")
    return f"\n-- in database {place}\n" if place else "\n-- as a superuser, in any database\n"


@command(None, "preflight")
@click.option("--fall-back/--no-fall-back", default=None, help="Also what the way back needs. Default: as configured.")
def preflight(app: App, fall_back: bool | None) -> None:
    """Everything that would stop the migration later, with the statement that mends it."""
    execute(
        app,
        "preflight",
        lambda migration, progress: preflight_phase.run(
            migration, fall_back=fall_back, fail=False, stop=app.stop, progress=progress
        ),
        show=_show_preflight,
        status=lambda result: 0 if result.ok else 1,
    )


def _show_preflight(result: preflight_phase.PreflightResult, out: TextIO) -> None:
    for check in result.checks:
        out.write(f"{check['severity']:7}  {check['id']}: {check['subject']}: {check['message']}\n")
        if check["severity"] != "ok":
            for label in ("breaks", "mend"):
                if check[label]:
                    out.write(f"         {'otherwise' if label == 'breaks' else 'mend'}: {check[label]}\n")
    result.warnings = []
    ending(result, out)


@click.group("export")
def export_group() -> None:
    """Schema and changes out of a database."""


@click.group("import")
def import_group() -> None:
    """Schema, snapshot and changes into a database."""


@command(export_group, "schema")
@click.option("--start-clean", is_flag=True, help="Discard edits made to the files of an earlier export.")
def export_schema(app: App, start_clean: bool) -> None:
    """The source's schema as SQL files, one per object type."""
    execute(
        app,
        "export schema",
        lambda migration, progress: export_phase.run(migration, start_clean=start_clean, stop=app.stop, progress=progress),
        show=_show_export,
    )


def _show_export(result: export_phase.ExportSchemaResult, out: TextIO) -> None:
    print_table(out, ["object type", "statements"], sorted(result.counts.items()), f"schema in {result.directory}")
    ending(result, out)


@command(None, "analyze-schema")
@click.option("--target-version", default=None, help="YugabyteDB's version, to leave out what it no longer lacks.")
def analyze_schema(app: App, target_version: str | None) -> None:
    """What in the exported schema needs a person before it is imported."""
    execute(
        app,
        "analyze-schema",
        lambda migration, progress: analyze_phase.run(migration, target_version=target_version, stop=app.stop, progress=progress),
        show=_show_analysis,
        status=lambda result: 1 if result.blocking else 0,
    )


def _show_analysis(result: analyze_phase.AnalyzeSchemaResult, out: TextIO) -> None:
    if result.issues:
        print_table(
            out,
            ["issue", "object", "file", "line", "reason"],
            [[i["id"], i["object_name"], i["file"], i["line"], i["reason"]] for i in result.issues],
        )
    out.write(f"{result.issue_count} issues, {result.blocking} of them block the import\n")
    if result.left_out:
        out.write(f"{len(result.left_out)} objects or parts of them were left out by the export: the reports name them\n")
    for form, path in result.reports.items():
        out.write(f"report ({form}): {path}\n")
    ending(result, out)


@command(import_group, "schema")
@click.option(
    "--post-import-data",
    is_flag=True,
    help="Unique keys where missing, indexes, foreign keys, triggers: once the seam is passed.",
)
@click.option("--ignore-exist", is_flag=True, help="Take objects that are there already as done.")
@click.option("--continue-on-error", is_flag=True, help="Run all that can be run; report every error at the end.")
def import_schema(app: App, post_import_data: bool, ignore_exist: bool, continue_on_error: bool) -> None:
    """The schema files into the target; restartable at any statement."""
    execute(
        app,
        "import schema",
        lambda migration, progress: import_phase.run(
            migration,
            "post" if post_import_data else "base",
            ignore_exist=ignore_exist,
            continue_on_error=continue_on_error,
            stop=app.stop,
            progress=progress,
        ),
        show=_show_import,
    )


def _show_import(result: import_phase.ImportSchemaResult, out: TextIO) -> None:
    out.write(
        f"{result.total} statements: {result.executed} executed, {result.already_done} done before,"
        f" {result.existed} existed already\n"
    )
    ending(result, out)


@command(None, "dry-run")
def dry_run(app: App) -> None:
    """Preflight, schema and analysis into a scratch directory, drift and estimates; touches nothing."""
    execute(
        app,
        "dry-run",
        lambda migration, progress: dry_run_phase.run(migration, stop=app.stop, progress=progress),
        show=_show_dry_run,
        status=lambda result: 1 if result.errors or result.blocking else 0,
    )


def _show_dry_run(result: dry_run_phase.DryRunResult, out: TextIO) -> None:
    for check in result.preflight["checks"]:
        if check["severity"] != "ok":
            out.write(f"{check['severity']:7}  {check['id']}: {check['subject']}: {check['message']}\n")
    out.write(f"schema: {sum(result.schema_counts.values())} statements, {result.issue_count} issues ({result.blocking} block)\n")
    if result.drift is None:
        out.write("drift: this is the first dry run\n")
    else:
        for kind, names in result.drift.items():
            out.write(f"drift: {len(names)} {kind}\n" + "".join(f"  {name}\n" for name in names))
    estimates = result.estimates
    out.write(
        f"{estimates['tables']} tables, about {estimates['rows']} rows, {estimates['bytes']} bytes; snapshot about"
        f" {estimates['snapshot_seconds']} s (rate from {estimates['rate_from']})\n"
    )
    ending(result, out)
