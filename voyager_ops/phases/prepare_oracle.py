"""``prepare source`` for an Oracle database: printed, or run by a privileged user."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import oracledb

from voyager_ops.databases.oracle.database import CONTAINER, OracleDatabase
from voyager_ops.databases.oracle.errors import message_of
from voyager_ops.databases.oracle.names import quote, unfold
from voyager_ops.databases.oracle.prepare_sql import PLACEHOLDER, Each, Form, Place, Query, Statement, Wanted, statements
from voyager_ops.errors import ConfigError, PreconditionError
from voyager_ops.model.positions import Side
from voyager_ops.model.results import Progress, ProgressSink

_PRIVILEGED: Final[dict[Form, str]] = {
    "cdb": "a common user (SYS with ?mode=sysdba, or C##…)",
    "non-cdb": "a DBA",
    "rds": "the instance's master user",
}


def wanted_for(
    database: OracleDatabase, owners: tuple[str, ...], *, form: Form | None, user: str | None, fall_back: bool, mines: bool
) -> Wanted:
    """What to prepare. Without a form it is a container database's when the user is a common one."""
    name = (user or database.user).strip('"')
    if not name:
        raise ConfigError("no user is named", key="source.url", next_step="give the migration user in the URL, or --user")
    default: Form = "cdb" if name.upper().startswith("C##") else "non-cdb"
    return Wanted(form or default, unfold(name), owners, fall_back, mines)


def shown(statement: Statement, outcome: str) -> dict[str, Any]:
    """As PrepareResult has it; ``terminator`` is what SQL*Plus wants behind the statement."""
    return {
        "sql": statement.sql,
        "why": statement.why,
        "database": "CDB$ROOT" if statement.place == "root" else "",
        "outcome": outcome,
        "terminator": statement.terminator,
    }


class Runner:
    """Runs what is needed, in sessions of a privileged user: one in the root and one where the tables are."""

    def __init__(self, wanted: Wanted, privileged_url: str, migration: str, password: str) -> None:
        self._wanted = wanted
        database = OracleDatabase.from_url(privileged_url, side=Side.SOURCE, migration=migration)
        if wanted.form == "cdb" and database.address.root == "auto":
            database = replace(database, address=replace(database.address, root="switch"))
        self._privileged = database
        self._password = password
        self._sessions: dict[Place, oracledb.Connection] = {}

    def run(self, progress: ProgressSink) -> list[dict[str, Any]]:
        """Every statement with its outcome (``run``, ``not needed``, ``left to you``).

        Raises PreconditionError naming the statement that failed and how many before it are done.
        """
        result: list[dict[str, Any]] = []
        done = 0
        try:
            self._check_form()
            for statement in statements(self._wanted):
                outcome = self._one(statement, done)
                done += outcome == "run"
                result.append(shown(statement, outcome))
                progress(Progress(phase="prepare", message=f"{outcome}: {statement.sql}"))
        finally:
            for session in self._sessions.values():
                session.close()
        return result

    def _session(self, place: Place) -> oracledb.Connection:
        if place not in self._sessions:
            try:
                self._sessions[place] = self._privileged.connect("prepare", root=place == "root")
            except PreconditionError as error:
                who = _PRIVILEGED[self._wanted.form]
                raise PreconditionError(
                    f"prepare source: the privileged user was refused: {error.what}",
                    state="nothing was changed",
                    next_step=f"look at the privileged URL, user and password; for this form it must be that of {who}",
                ) from None
        return self._sessions[place]

    def _check_form(self) -> None:
        with self._session("database").cursor() as cursor:
            row = cursor.execute(CONTAINER).fetchone()
        container_database = row is not None and row[0] is not None
        if self._wanted.form == "cdb" and not container_database:
            raise PreconditionError(
                f"the source {self._privileged.where} is not a container database",
                state="nothing was changed",
                next_step="--form non-cdb, and a user whose name does not begin with C##",
            )
        if self._wanted.form == "non-cdb" and container_database and row is not None and row[1] == "CDB$ROOT":
            raise PreconditionError(
                f"the source {self._privileged.where} is the root of a container database",
                state="nothing was changed",
                next_step="give the service of the pluggable database that holds the tables",
            )

    def _one(self, statement: Statement, done: int) -> str:
        session = self._session(statement.place)
        try:
            with session.cursor() as cursor:
                if statement.unless is not None and _fetch(cursor, statement.unless):
                    return "not needed"
                if not statement.run:
                    return "left to you"
                if statement.each is not None:
                    for each in _expanded(cursor, statement.each):
                        cursor.execute(each)
                else:
                    cursor.execute(self._with_password(statement))
        except oracledb.Error as error:
            raise PreconditionError(
                f"prepare source: {statement.sql} failed: {message_of(error)}",
                state=f"{done} statements before it are done, and are skipped when run again",
                next_step="mend it, or run the statement by hand; then this command again",
            ) from None
        return "run"

    def _with_password(self, statement: Statement) -> str:
        if not statement.has_password:
            return statement.sql
        if not self._password:
            raise ConfigError(
                "a password is wanted for the user to create",
                key="source.url",
                next_step="give the user's password in the URL (by an environment variable)",
            )
        if '"' in self._password:
            raise ConfigError(
                'a password with " in it cannot be given to an Oracle user', key="source.url", next_step="choose another"
            )
        return statement.sql.replace(PLACEHOLDER, f'"{self._password}"')


def _fetch(cursor: oracledb.Cursor, query: Query) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = cursor.execute(query.sql, dict(query.binds)).fetchall()
    return rows


def _expanded(cursor: oracledb.Cursor, each: Each) -> list[str]:
    return [each.statement.format(quote(str(row[0]))) for row in _fetch(cursor, each.query)]
