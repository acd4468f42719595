"""``voyager-ops-testing``: what the testing kit starts for you on this machine."""

from __future__ import annotations

import re
import signal
import threading
from types import FrameType
from typing import IO

import click

from voyager_ops.errors import VoyagerOpsError
from voyager_ops.testing.oracle.negotiation import PROFILES
from voyager_ops.testing.oracle.redo import RedoSettings
from voyager_ops.testing.oracle.simulator import Simulator

PLSQL = re.compile(
    r"(BEGIN|DECLARE|CREATE\s+(OR\s+REPLACE\s+)?((NON)?EDITIONABLE\s+)?(TRIGGER|PROCEDURE|FUNCTION|PACKAGE|TYPE))\b",
    re.IGNORECASE,
)


@click.group(help=__doc__)
def main() -> None:
    """The group of commands."""


@main.command()
@click.option(
    "--profile", type=click.Choice(sorted(PROFILES)), default="19c", show_default=True, help="Wire protocol and version."
)
@click.option("--port", default=0, help="Port on 127.0.0.1; default: any that is free.")
@click.option(
    "--user",
    "users",
    multiple=True,
    metavar="NAME[:PASSWORD]",
    help="A user with its schema; PASSWORD is random by default. Repeatable. SYS and SYSTEM (password oracle) are always there.",
)
@click.option("--script", "scripts", type=click.File("r"), multiple=True, help="File with statements, each ended by a line '/'.")
@click.option("--log-size", default=50, show_default=True, help="Size of an online redo log in MB.")
@click.option("--threads", default=1, show_default=True, help="Redo threads (RAC instances).")
@click.option("--rds", is_flag=True, help="As Amazon's RDS: its master user ADMIN (password oracle) instead of SYS and SYSTEM.")
def oracle(
    profile: str, port: int, users: tuple[str, ...], scripts: tuple[IO[str], ...], log_size: int, threads: int, rds: bool
) -> None:
    """Start a simulated Oracle, print how to connect to it, run until Ctrl-C.

    It is a simulation on an embedded PostgreSQL, for trying and testing; docs/oracle-simulator.md says what it cannot do.
    """
    given = dict(_user(text) for text in users)
    settings = RedoSettings(threads=threads, log_bytes=log_size << 20)
    stop = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    try:
        with Simulator(given, profile=profile, port=port, settings=settings, rds=rds) as simulator:
            for script in scripts:
                simulator.execute(*_statements(script.read()))
            click.echo(f"A simulated Oracle {profile} is listening. Not an Oracle database: for tests only.")
            click.echo(f"DSN      {simulator.dsn}{'' if rds else f'   (CDB$ROOT: {simulator.root_dsn})'}")
            for name in sorted(simulator.passwords, key=lambda name: (name in ("SYS", simulator.dba), name)):
                click.echo(f"user     {name}  password {simulator.passwords[name]}")
                click.echo(f"         {simulator.url(name)}")
            click.echo("Ctrl-C stops it and deletes everything.")
            stop.wait()
    except VoyagerOpsError as error:
        raise click.ClickException(str(error)) from error
    click.echo("Stopped.")


def _user(text: str) -> tuple[str, str]:
    name, _, password = text.partition(":")
    if not name:
        raise click.UsageError(f"--user {text!r}: NAME or NAME:PASSWORD")
    return name, password


def _statements(script: str) -> list[str]:
    """The statements of a script: each ends at a line with nothing but '/'; a closing ';' belongs only to PL/SQL."""
    parts = [part.strip() for part in re.split(r"(?m)^[ \t]*/[ \t]*$", script)]
    return [part if PLSQL.match(part) else part.rstrip(";").rstrip() for part in parts if part]


if __name__ == "__main__":
    main()
