"""What every command shares: the options it may be given, and turning its result into text."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any, TextIO

import click

from voyager_ops.cli_runtime import App
from voyager_ops.errors import PreconditionError
from voyager_ops.model.results import PhaseResult


def command(group: click.Group | None, name: str, **settings: Any) -> Callable[[Callable[..., None]], click.Command]:
    """A leaf command which is given the :class:`App` first, and takes ``--json`` after its name too."""

    def decorate(function: Callable[..., None]) -> click.Command:
        @click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
        @functools.wraps(function)
        def wrapped(*, as_json: bool, **options: Any) -> None:
            app = click.get_current_context().find_object(App)
            assert app is not None
            app.json = app.json or as_json
            function(app, **options)

        made: click.Command = click.command(name, **settings)(wrapped)  # type: ignore[no-untyped-call]  # click decorates any
        if group is not None:
            group.add_command(made)
        return made

    return decorate


def ending(result: PhaseResult, out: TextIO) -> None:
    """Warnings and the next step, which close every result."""
    for text in result.warnings:
        out.write(f"warning: {text}\n")
    if result.next_step:
        out.write(f"next: {result.next_step}\n")


def secret_from(app: App, variable: str | None) -> str | None:
    """The URL in an environment variable that was named on the command line (secrets never stand there themselves)."""
    if variable is None:
        return None
    if variable not in os.environ:
        raise PreconditionError(
            f"the environment variable {variable} is not set",
            state="nothing was changed",
            next_step=f"export {variable}=… (the URL of a privileged user) and run the command again",
        )
    app.secrets.learn(os.environ[variable])
    return os.environ[variable]
