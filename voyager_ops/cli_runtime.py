"""Running one phase from the command line: signals, log file, errors, exit status.

Exit status: 0 when the command did what it is for; 1 when it failed; 2 for wrong usage; 130 or 143 when it was stopped by
Ctrl-C or SIGTERM before it was complete (it resumes when started again); 3 when another command asked it to stop.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import logging.handlers
import os
import re
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

import click
import psycopg

from voyager_ops import cli_output
from voyager_ops.config_file import load_config
from voyager_ops.databases.secrets import passwords_in
from voyager_ops.errors import ConfigError, VoyagerOpsError
from voyager_ops.migration import Migration
from voyager_ops.model.results import ProgressSink

CONFIG_ENV = "VOYAGER_OPS_CONFIG"
LOG_BYTES, LOG_FILES = 10 << 20, 3
SHORTEST_SECRET = 4
STOPPED = 3
_URL_PASSWORD = re.compile(r"(://[^/\s:@]*:)[^@\s]+@")
LOG = logging.getLogger("voyager_ops.cli")
# Before there is a log file an error is told on stderr by _fail alone; without a handler logging would print it there again.
logging.getLogger("voyager_ops").addHandler(logging.NullHandler())


class Secrets(logging.Filter):
    """Takes every known secret, and the password of anything that looks like a URL, out of text."""

    def __init__(self) -> None:
        super().__init__()
        self._known: set[str] = set()

    def learn(self, url: str) -> None:
        """Remember the passwords in ``url``; not those so short that they would take words apart."""
        self._known |= {text for text in passwords_in(url) if len(text) >= SHORTEST_SECRET}

    def clean(self, text: str) -> str:
        for secret in self._known:
            text = text.replace(secret, "***")
        return _URL_PASSWORD.sub(r"\1***@", text)

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self.clean(record.getMessage()), None
        if record.exc_info:
            formatted = logging.Formatter().formatException(record.exc_info)
            record.exc_info, record.exc_text = None, self.clean(formatted)
        return True


@dataclass
class App:
    """What the options before the command say."""

    config_path: Path | None = None
    json: bool = False
    debug: bool = False
    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)
    secrets: Secrets = field(default_factory=Secrets)
    stop: threading.Event = field(default_factory=threading.Event)
    signal: int | None = None

    def migration(self) -> Migration:
        """The configured migration; raises ConfigError, touches nothing but the file."""
        if self.config_path is None:
            raise click.UsageError(f"no configuration: give --config FILE, or set {CONFIG_ENV}")
        config = load_config(self.config_path)
        for database in (config.source, config.target, config.state):
            if database.url is not None:
                self.secrets.learn(database.url.get_secret_value())
        return Migration(config, self._resolve)

    def _resolve(self, conn_id: str) -> str:
        try:
            # Importing Airflow sets up logging to what is stdout then; stdout is for the result alone.
            with contextlib.redirect_stdout(self.err):
                url: str = importlib.import_module("voyager_ops.hooks.connection").resolve(conn_id)
        except ModuleNotFoundError as error:
            raise ConfigError(
                f"the Airflow connection {conn_id!r} cannot be looked up: {error.name} is not installed",
                key="conn_id",
                next_step="give url: in the configuration, or run inside Airflow's environment",
            ) from None
        self.secrets.learn(url)
        return url


def execute(
    app: App,
    command: str,
    phase: Callable[[Migration, ProgressSink], Any],
    *,
    show: cli_output.Show,
    status: Callable[[Any], int] = lambda result: 0,
    document: Callable[[Any], Any] | None = None,
) -> None:
    """Run ``phase``, print its result (``show``, or as JSON ``document``), and exit with ``status`` of the result."""
    handler: logging.Handler | None = None
    try:
        migration = app.migration()
        handler = _log_file(app, migration, command)
        _catch_signals(app)
        LOG.info("%s begins", command)
        with cli_output.make_sink(app.err) as sink:
            result = phase(migration, sink)
        code = status(result)
        LOG.info("%s ends with exit status %s", command, code)
        if app.json:
            cli_output.print_json(app.out, document(result) if document is not None else result.to_json())
        else:
            show(result, app.out)
    except VoyagerOpsError as error:
        code = _fail(app, str(error), error)
    except psycopg.Error as error:
        words = error.diag.message_primary or " ".join(str(error).split()) or type(error).__name__
        code = _fail(app, f"a database refused: {words}\nNext: run the command again; it resumes where it was", error)
    except KeyboardInterrupt as error:
        code = _fail(app, "interrupted; run the same command to resume", error, 128 + signal.SIGINT)
    except click.ClickException:
        raise
    except BrokenPipeError:
        # Whoever read our output has gone (``… | head``): as a program ended by SIGPIPE, with nothing left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is flushed at exit goes nowhere
        sys.exit(128 + signal.SIGPIPE)
    except Exception as error:  # noqa: BLE001 - the last line of defence: an unforeseen error is logged whole and told in one line
        code = _fail(app, f"internal error: {type(error).__name__}: {error} (the traceback is in the command's log file)", error)
    finally:
        if handler is not None:
            logger = logging.getLogger("voyager_ops")
            logger.removeHandler(handler)
            logger.propagate = True
            handler.close()
    app.out.flush()
    sys.exit(code)


def _fail(app: App, text: str, error: BaseException, code: int = 1) -> int:
    text = app.secrets.clean(text)
    LOG.error("%s", text, exc_info=error)
    if app.debug:
        shown = logging.Formatter().formatException((type(error), error, error.__traceback__))
        app.err.write(app.secrets.clean(shown) + "\n")
    app.err.write(f"error: {text}\n")
    if app.json:
        failure: dict[str, Any] = {"type": type(error).__name__, "message": text}
        if isinstance(error, VoyagerOpsError):
            failure |= {"retryable": error.retryable, "state": error.state, "next_step": error.next_step}
        cli_output.print_json(app.out, {"error": failure})
    return code


def stream_status(app: App) -> Callable[[Any], int]:
    """Exit status of a streaming command: 0 only when its lane has ended."""

    def status(result: Any) -> int:
        if result.completed:
            return 0
        app.err.write("stopped before it was complete; run the same command to resume\n")
        return 128 + app.signal if app.signal else STOPPED

    return status


def _catch_signals(app: App) -> None:
    if threading.current_thread() is not threading.main_thread():
        return

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if app.stop.is_set():
            raise KeyboardInterrupt
        app.signal = number
        app.stop.set()
        app.err.write("\nstopping at the end of this step; once more to stop at once\n")

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)


def _log_file(app: App, migration: Migration, command: str) -> logging.Handler:
    migration.export_dir.create()
    path = migration.export_dir.logs / f"voyager-ops-{command.replace(' ', '-')}.log"
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(process)d %(threadName)s %(name)s: %(message)s"))
    handler.addFilter(app.secrets)
    logger = logging.getLogger("voyager_ops")
    logger.setLevel(logging.DEBUG if app.debug else logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    return handler
