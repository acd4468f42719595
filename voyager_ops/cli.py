"""``voyager-ops --config shop.yaml COMMAND``: the workflow's phases without Airflow."""

from __future__ import annotations

from pathlib import Path

import click

from voyager_ops import __version__
from voyager_ops.cli_cutover import cutover_group, initiate_group
from voyager_ops.cli_end import end_group
from voyager_ops.cli_runtime import CONFIG_ENV, App
from voyager_ops.cli_schema import analyze_schema, dry_run, export_group, import_group, preflight, prepare_group
from voyager_ops.cli_stream import archive_group, get_group, quarantine_group, register_data, status, verify


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar=CONFIG_ENV,
    help="The migration's YAML file.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, everything else on stderr.")
@click.option("--debug", is_flag=True, help="Show tracebacks, log more.")
@click.version_option(__version__, prog_name="voyager-ops")
@click.pass_context
def main(context: click.Context, config_path: Path | None, as_json: bool, debug: bool) -> None:
    """Live database migration with fall-back.

    \b
    Order of a migration:
      prepare source | prepare target   users and rights (--print or --run)
      preflight                         what would stop it later
      export schema, analyze-schema, import schema
      export data from source           streams; leave it running
      import data to target             snapshot, then streams; leave it running
      import schema --post-import-data  once the seam is passed
      export data from target, import data to source   the way back; leave them running
      verify
      initiate cutover to target
      initiate cutover to source        only to fall back
      end migration
    """
    context.obj = App(config_path=config_path, json=as_json, debug=debug)


register_data(export_group, import_group)
for command in (
    prepare_group,
    preflight,
    export_group,
    analyze_schema,
    import_group,
    get_group,
    verify,
    archive_group,
    initiate_group,
    cutover_group,
    end_group,
    dry_run,
    status,
    quarantine_group,
):
    main.add_command(command)


if __name__ == "__main__":
    main()
