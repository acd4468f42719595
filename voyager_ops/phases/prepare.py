"""``prepare source`` / ``prepare target``: the exact SQL of users, rights, database and settings; printed or run."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from voyager_ops.databases.postgres.database import Connection, PostgresDatabase, postgres
from voyager_ops.errors import ConfigError, PreconditionError
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Side
from voyager_ops.model.results import PhaseResult, Progress, ProgressSink, silent
from voyager_ops.phases.base import finish
from voyager_ops.phases.prepare_sql import Form, Fragment, Statement, Wanted, statements

PLACEHOLDER = ":'password'"
OracleForm = Literal["cdb", "non-cdb", "rds"]
"""As :data:`voyager_ops.databases.oracle.prepare_sql.Form`: named here so that Oracle's driver is not loaded for it."""


@dataclass(kw_only=True)
class PrepareResult(PhaseResult):
    """``statements``: dicts of ``sql`` (secrets as placeholders), ``why``, ``database`` ('' outside the migrated one),
    ``outcome`` (``printed``, ``run``, ``not needed``, ``left to you``). Of an Oracle source ``database`` is ``CDB$ROOT``, or ''
    where the tables are, and ``terminator`` is what SQL*Plus wants behind a statement."""

    phase: str = "prepare"
    side: str = ""
    form: str = ""
    user: str = ""
    statements: list[dict[str, Any]] = field(default_factory=list)
    restart_needed: bool = False


def run(
    migration: Migration,
    side: Side | str,
    *,
    form: Form | OracleForm | None = None,
    user: str | None = None,
    fall_back: bool | None = None,
    execute: bool = False,
    privileged_url: str | None = None,
    stop: threading.Event | None = None,
    progress: ProgressSink = silent,
) -> PrepareResult:
    """Compose the statements; with ``execute`` run those that are needed, as ``privileged_url``'s user.

    ``user``, database and password are those of the configuration's URL. ``fall_back``: also what the way back needs (None: as
    the configuration says). Raises PreconditionError when there is no privileged URL, or naming the statement that failed and how
    many before it are done.
    """
    started = time.monotonic()
    side = Side(side)
    fall_back = migration.wants_fall_back(fall_back)
    if migration.database(side).kind == "oracle":
        return _run_oracle(migration, form, user, fall_back, privileged_url if execute else None, execute, started, progress)
    database = postgres(migration.database(side))
    if form in get_args(OracleForm):
        raise ConfigError(f"--form {form} is for an Oracle source", key=str(side), next_step="leave --form out")
    parts = conninfo_to_dict(database.conninfo)
    wanted = Wanted(
        side=side,
        form=_postgres_form(form) or ("yb_superuser" if database.kind == "yugabytedb" else "non-superuser"),
        user=user or database.user,
        database=str(parts.get("dbname") or database.user),
        schemas=migration.schemas(side),
        fall_back=fall_back,
    )
    result = PrepareResult(side=str(side), form=wanted.form, user=wanted.user, next_step="voyager-ops preflight")
    if not execute:
        for statement in statements(wanted):
            result.statements.append(_shown(statement, wanted, "printed" if statement.run else "left to you"))
            result.restart_needed |= statement.restart
        result.seconds = round(time.monotonic() - started, 3)
        return result
    if privileged_url is None:
        raise _no_privileged_url(side)
    _Runner(
        wanted, result, PostgresDatabase.from_url(privileged_url, side=side, migration=migration.name), parts.get("password")
    ).run(progress)
    if result.restart_needed:
        result.warnings.append("settings were changed that take effect after a restart of the server")
    return finish(migration, result, started, key=f"prepare/{side}")


def _postgres_form(form: Form | OracleForm | None) -> Form | None:
    return None if form in (None, *get_args(OracleForm)) else cast(Form, form)


def _no_privileged_url(side: Side) -> PreconditionError:
    return PreconditionError(
        f"prepare {side} --run needs a privileged connection",
        state="nothing was changed",
        next_step="put a superuser's URL into an environment variable and name it with --privileged-url-env",
    )


def _run_oracle(
    migration: Migration,
    form: Form | OracleForm | None,
    user: str | None,
    fall_back: bool,
    privileged_url: str | None,
    execute: bool,
    started: float,
    progress: ProgressSink,
) -> PrepareResult:
    from voyager_ops.databases.oracle.database import oracle  # with its driver, only where one is used
    from voyager_ops.databases.oracle.names import owner_names
    from voyager_ops.databases.oracle.prepare_sql import statements as oracle_statements
    from voyager_ops.phases.prepare_oracle import Runner, shown, wanted_for

    if form is not None and form not in get_args(OracleForm):
        raise ConfigError(
            f"--form {form} is for PostgreSQL", key="source", next_step=f"choose one of {', '.join(get_args(OracleForm))}"
        )
    database = oracle(migration.source)
    wanted = wanted_for(
        database,
        tuple(owner_names(migration.config.source.schemas).values()),
        form=cast(OracleForm, form),
        user=user,
        fall_back=fall_back,
        mines=migration.config.changes.capture == "logminer",
    )
    result = PrepareResult(side="source", form=wanted.form, user=wanted.user, next_step="voyager-ops preflight")
    if not execute:
        for statement in oracle_statements(wanted):
            result.statements.append(shown(statement, "printed" if statement.run else "left to you"))
        result.seconds = round(time.monotonic() - started, 3)
        return result
    if privileged_url is None:
        raise _no_privileged_url(Side.SOURCE)
    result.statements = Runner(wanted, privileged_url, migration.name, database.address.password).run(progress)
    left = [item["sql"] for item in result.statements if item["outcome"] == "left to you"]
    if left:
        result.warnings.append(f"left to you: {'; '.join(left)}")
    return finish(migration, result, started, key="prepare/source")


def _shown(statement: Statement, wanted: Wanted, outcome: str) -> dict[str, Any]:
    return {
        "sql": statement.sql.as_string(None),
        "why": statement.why,
        "database": "" if statement.maintenance else wanted.database,
        "outcome": outcome,
    }


def _headline(statement: Statement) -> str:
    """The statement where it fits a line, else what it is for; the whole of it is in the result."""
    text = statement.sql.as_string(None)
    return statement.why if "\n" in text else text


class _Runner:
    def __init__(self, wanted: Wanted, result: PrepareResult, privileged: PostgresDatabase, password: Any) -> None:
        self.wanted = wanted
        self.result = result
        self.privileged = privileged
        self.password = password

    def run(self, progress: ProgressSink) -> None:
        done = 0
        maintenance = self._connect(self.privileged)
        inside: Connection | None = None
        try:
            for statement in statements(self.wanted):
                if statement.maintenance:
                    connection = maintenance
                else:
                    connection = inside = inside or self._inside()
                outcome = self._one(connection, statement, done)
                done += outcome == "run"
                self.result.statements.append(_shown(statement, self.wanted, outcome))
                self.result.restart_needed |= outcome == "run" and statement.restart
                progress(Progress(phase="prepare", message=f"{outcome}: {_headline(statement)}"))
            maintenance.execute("SELECT pg_reload_conf() FROM pg_roles WHERE rolname = current_user AND rolsuper")
        finally:
            maintenance.close()
            if inside is not None:
                inside.close()

    def _inside(self) -> Connection:
        conninfo = make_conninfo(self.privileged.conninfo, dbname=self.wanted.database)
        return self._connect(PostgresDatabase(self.wanted.side, self.privileged.migration, conninfo, self.privileged.kind))

    def _connect(self, database: PostgresDatabase) -> Connection:
        connection = database.connect("prepare")
        connection.add_notice_handler(self._notice)
        return connection

    def _notice(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        """What the server warns of (a GRANT that granted nothing, say) is for whoever runs this."""
        if diagnostic.severity_nonlocalized == "WARNING" and diagnostic.message_primary:
            self.result.warnings.append(diagnostic.message_primary)

    def _one(self, connection: Connection, statement: Statement, done: int) -> str:
        if not statement.run:
            return "left to you"
        try:
            if statement.unless is not None:
                row = connection.execute(statement.unless).fetchone()
                if row and row[0]:
                    return "not needed"
            connection.execute(self._with_password(connection, statement))
        except psycopg.Error as error:
            raise PreconditionError(
                f"prepare {self.wanted.side}: {statement.sql.as_string(None)} failed:"
                f" {error.diag.message_primary or type(error).__name__}",
                state=f"{done} statements before it are done, and are skipped when run again",
                next_step="mend it, or run the statement by hand; then this command again",
            ) from None
        return "run"

    def _with_password(self, connection: Connection, statement: Statement) -> Fragment:
        if not statement.has_password:
            return statement.sql
        if not self.password:
            raise ConfigError(
                "a password is wanted for the user to create",
                key=f"{self.wanted.side}.url",
                next_step="give the user's password in the URL (by an environment variable)",
            )
        # The verifier, made here: neither the server's log nor its statistics ever see the password.
        verifier = connection.pgconn.encrypt_password(str(self.password).encode(), self.wanted.user.encode(), b"scram-sha-256")
        text = statement.sql.as_string(connection)
        before, _, after = text.partition(PLACEHOLDER)
        return sql.SQL(before) + sql.Literal(verifier.decode()) + sql.SQL(after)
