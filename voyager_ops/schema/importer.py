"""``import schema``: the statements of one stage, each in a transaction of its own together with its ledger row.

Restartable at any statement. A statement that misses an object waits until others have been run; when a round over the waiting
ones creates nothing, what is left are errors.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from pglast import ast
from pglast.enums import AlterTableType
from psycopg import sql
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from voyager_ops.errors import PreconditionError, RetryableError, SchemaError
from voyager_ops.failpoints import hit, register
from voyager_ops.schema import layout
from voyager_ops.schema.filtering import references
from voyager_ops.schema.kinds import Kind, Stage
from voyager_ops.schema.layout import SchemaStatement
from voyager_ops.schema.ledger import CREATED_MEANWHILE, Key, Ledger
from voyager_ops.schema.names import Name, quoted, shown

BEFORE_STATEMENT = register("schema.import.before_statement")
BEFORE_COMMIT = register("schema.import.before_commit")
AFTER_STATEMENT = register("schema.import.after_statement")

# Something is not there yet: table, function, type or other object, schema, column; a materialized view without its rows; a
# dependent type without its definition; a constraint that a foreign key points at.
_MISSING = frozenset({"42P01", "42883", "42704", "3F000", "42703", "55000", "42809", "42P16", "42830", "42P17"})
_EXISTS = frozenset({"42P07", "42710", "42723", "42P06", "42701", "42712", "42P16"})
_REFUSED = "42501"
# What rows do not fulfil (any of class 23), and a foreign key to columns whose unique key is not there for that reason.
_ROWS, _NO_KEY = "23", "42830"
_PASSING = frozenset({"40001", "40P01", "55P03", "57P01", "57P02", "57P03", "57014"})

# What pg_dump itself sets, so that names, constants and bodies mean what they meant on the source; and no time limits.
_SETTINGS = (
    ("search_path", ""),
    ("check_function_bodies", "off"),
    ("statement_timeout", "0"),
    ("lock_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("client_encoding", "UTF8"),
    ("standard_conforming_strings", "on"),
    ("DateStyle", "ISO, YMD"),
    ("IntervalStyle", "postgres"),
    ("extra_float_digits", "3"),
    ("xmloption", "content"),
    ("client_min_messages", "warning"),
    ("default_tablespace", ""),
)


_SET_ALL = sql.SQL("SELECT {}").format(sql.SQL(", ").join(sql.SQL("pg_catalog.set_config(%s, %s, true)") for _ in _SETTINGS))


@dataclass(frozen=True)
class StatementError:
    """A statement that failed. ``excerpt`` is its beginning; ``hint`` what may help, from the server or from us."""

    file: str
    line: int
    kind: str
    excerpt: str
    sqlstate: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.file}, line {self.line}: [{self.sqlstate}] {self.message}{hint}: {self.excerpt}"


@dataclass(frozen=True)
class Progress:
    """Told before each statement (``finished`` False) and after it. ``position`` counts from 1 within the stage's ``total``."""

    stage: Stage
    kind: Kind
    file: str
    line: int
    position: int
    total: int
    finished: bool


@dataclass
class SchemaImport:
    """``executed`` now, ``already_done`` by an earlier run, ``existed`` outside our ledger (``ignore_exist``); ``left_out``: in
    words, what failed and does not count as an error (comments on objects that are not ours to comment on; what the rows of
    ``loose`` tables do not fulfil), tried again by the next run."""

    stage: Stage
    total: int = 0
    executed: int = 0
    already_done: int = 0
    existed: int = 0
    left_out: list[str] = field(default_factory=list)
    errors: list[StatementError] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "stage": self.stage.value}


class SchemaImportFailed(SchemaError):
    """``result`` holds every error and the counts."""

    def __init__(self, result: SchemaImport) -> None:
        self.result = result
        listed = "\n".join(f"  {error}" for error in result.errors[:50])
        more = f"\n  and {len(result.errors) - 50} more" if len(result.errors) > 50 else ""
        super().__init__(
            f"import schema, stage {result.stage.value}: {len(result.errors)} of {result.total} statements failed:"
            f"\n{listed}{more}" + "".join(f"\n  besides, {each}" for each in result.left_out),
            state=f"{result.executed + result.already_done + result.existed} statements of the stage are done and stay done",
            next_step="correct the files or the target and run import schema again: it goes on with what is left;"
            " --ignore-exist accepts objects that are there already",
        )


Callback = Callable[[Progress], None]


def import_schema(
    connection: psycopg.Connection[Any],
    schema_dir: Path,
    stage: Stage,
    *,
    migration: str,
    manifest_path: Path | None = None,
    continue_on_error: bool = False,
    ignore_exist: bool = False,
    atomic_ddl: bool = True,
    loose: Collection[Name] = (),
    progress: Callback | None = None,
) -> SchemaImport:
    """Run the statements of ``stage`` that have not been run on this target for ``migration``.

    ``connection`` must be idle. ``continue_on_error`` runs all that can be run and raises at the end with every error;
    otherwise the first error ends the run. ``ignore_exist`` takes an object that exists, by whatever hand, as done. With
    ``atomic_ddl`` False (targets whose DDL commits by itself, YugabyteDB) each statement is announced in a transaction before;
    one that was announced, not finished, and now meets its own object, is done. ``loose``: tables of the target that nothing
    keeps in step with the others: keys from, to and on them that their rows do not fulfil are left out.
    Raises SchemaImportFailed; RetryableError when the server asks for another try.
    """
    if stage is Stage.ADVICE:
        raise PreconditionError(
            "advice files are for reading and are never imported", next_step="run what you need of them by hand"
        )
    if connection.info.transaction_status != TransactionStatus.IDLE:
        raise PreconditionError("the connection given to import schema is inside a transaction", state="nothing has been touched")
    items = [item for item in layout.read(schema_dir, manifest_path) if item.stage is stage]
    run = _Run(connection, stage, Ledger(connection, migration), atomic_ddl, ignore_exist, continue_on_error, loose, progress)
    return run.all(items)


def configure(connection: psycopg.Connection[Any]) -> None:
    """Settings under which statements mean what they meant to their author, until the transaction ends."""
    connection.execute(_SET_ALL, [part for setting in _SETTINGS for part in setting])


def _key(item: SchemaStatement) -> Key:
    return (item.statement.sha256, item.occurrence)


@dataclass
class _Run:
    connection: psycopg.Connection[Any]
    stage: Stage
    ledger: Ledger
    atomic_ddl: bool
    ignore_exist: bool
    continue_on_error: bool
    loose: Collection[Name]
    progress: Callback | None
    started: set[Key] = field(default_factory=set)
    position: int = 0

    def all(self, items: Sequence[SchemaStatement]) -> SchemaImport:
        result = SchemaImport(self.stage, total=len(items))
        try:
            with self.connection.transaction():
                self.ledger.create()
        except CREATED_MEANWHILE:
            with self.connection.transaction():
                self.ledger.create()
        with self.connection.transaction():
            done = self.ledger.done(self.stage)
            self.started = self.ledger.started(self.stage)
        left = [item for item in items if _key(item) not in done]
        result.already_done = self.position = len(items) - len(left)
        while left:
            waiting = self._round(left, result)
            if len(waiting) == len(left):
                for item, error in waiting:
                    if excuse := self._excuse_missing(item):
                        result.left_out.append(f"{excuse}: {error}")
                    else:
                        result.errors.append(error)
                break
            left = [item for item, _ in waiting]
            if result.errors and not self.continue_on_error:
                break
        if result.errors:
            raise SchemaImportFailed(result)
        return result

    def _round(self, items: Sequence[SchemaStatement], result: SchemaImport) -> list[tuple[SchemaStatement, StatementError]]:
        """Run each once; returns those that miss something. Other failures go into ``result``."""
        waiting: list[tuple[SchemaStatement, StatementError]] = []
        for item in items:
            self._tell(item, result, finished=False)
            try:
                error = self._one(item, result)
            except psycopg.Error as failure:
                error = _described(item, failure)
                if self.connection.closed or (failure.sqlstate or "") in _PASSING:
                    raise RetryableError(
                        f"import schema was interrupted at {error}",
                        state="finished statements are recorded; this one was rolled back",
                        next_step="run import schema again",
                    ) from failure
            if error is not None and (excuse := self._excuse(item, error)):
                result.left_out.append(f"{excuse}: {error}")
                error = None
            if error is None:
                self.position += 1
                self._tell(item, result, finished=True)
            elif error.sqlstate in _MISSING:
                waiting.append((item, error))
            else:
                result.errors.append(error)
                if not self.continue_on_error:
                    return waiting
        return waiting

    def _excuse(self, item: SchemaStatement, error: StatementError) -> str:
        """Why the statement may be left out; '' when it may not."""
        node = item.statement.node
        if error.sqlstate == _REFUSED and isinstance(node, ast.CommentStmt):
            # On a schema that was there before, say. Nothing depends on a comment.
            return "a comment was left out, the object's owner may set it"
        if error.sqlstate.startswith(_ROWS) or error.sqlstate == _NO_KEY:
            loose = next((name for name in references(node) if name in self.loose), None)
            if loose is None and self.loose and isinstance(node, ast.RefreshMatViewStmt):
                stopped = ", ".join(shown(name) for name in sorted(self.loose))
                return f"not refreshed, as what it reads may be stopped and not in step with the others (stopped: {stopped})"
            return f"left out, as table {shown(loose)} is stopped and not in step with the others" if loose else ""
        return ""

    def _excuse_missing(self, item: SchemaStatement) -> str:
        """Why the statement may be left out though what it names is not there at all; '' when it may not."""
        for name in references(item.statement.node):
            if name in self.loose and not self._has_relation(name):
                return f"left out, as table {shown(name)} is stopped, and no longer there"
        return ""

    def _one(self, item: SchemaStatement, result: SchemaImport) -> StatementError | None:
        statement, key = item.statement, _key(item)
        if statement.error is not None:
            return StatementError(
                statement.file, statement.line, item.kind.value, _excerpt(statement.text), "42601", statement.error
            )
        where = (statement.file, statement.line)
        if not self.atomic_ddl:
            with self.connection.transaction():
                self.ledger.begin(self.stage, key, *where)
        hit(BEFORE_STATEMENT)
        try:
            with self.connection.transaction():
                configure(self.connection)
                there = self._is_there(item)
                if not there:
                    self.connection.execute(statement.text.encode())
                self.ledger.finish(self.stage, key, *where)
                hit(BEFORE_COMMIT)
        except psycopg.Error as failure:
            own = not self.atomic_ddl and key in self.started
            if not (self.ignore_exist or own) or not _exists(item, failure):
                raise
            with self.connection.transaction():
                self.ledger.finish(self.stage, key, *where)
            there = True
        result.existed += there
        result.executed += not there
        hit(AFTER_STATEMENT)
        return None

    def _is_there(self, item: SchemaStatement) -> bool:
        """CREATE SCHEMA IF NOT EXISTS asks for a privilege even where the schema exists; so look first."""
        node = item.statement.node
        if not isinstance(node, ast.CreateSchemaStmt) or not node.if_not_exists:
            return False
        row = (
            self.connection.cursor(row_factory=tuple_row)
            .execute("SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = %s)", [node.schemaname])
            .fetchone()
        )
        return bool(row and row[0])

    def _has_relation(self, name: Name) -> bool:
        with self.connection.transaction():
            row = (
                self.connection.cursor(row_factory=tuple_row)
                .execute(
                    "SELECT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
                    " WHERE n.nspname = %s AND c.relname = %s)",
                    list(name),
                )
                .fetchone()
            )
        return bool(row and row[0])

    def _tell(self, item: SchemaStatement, result: SchemaImport, *, finished: bool) -> None:
        if self.progress is not None:
            where = item.statement
            position = self.position if finished else self.position + 1
            self.progress(Progress(self.stage, item.kind, where.file, where.line, position, result.total, finished))


def _exists(item: SchemaStatement, failure: psycopg.Error) -> bool:
    """Whether the error says that what the statement makes is there."""
    sqlstate = failure.sqlstate or ""
    # Text search objects have no check of their own: the catalog's unique index speaks.
    if sqlstate in _EXISTS or (sqlstate == "23505" and failure.diag.schema_name == "pg_catalog"):
        return True
    commands: Any = item.statement.node.cmds or () if isinstance(item.statement.node, ast.AlterTableStmt) else ()
    kinds = {command.subtype for command in commands}
    attached = sqlstate == "42809" and kinds == {AlterTableType.AT_AttachPartition}
    return attached or (sqlstate == "55000" and kinds == {AlterTableType.AT_AddIdentity})


def _excerpt(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 200 else flat[:197] + "..."


def _described(item: SchemaStatement, failure: psycopg.Error) -> StatementError:
    statement = item.statement
    sqlstate = failure.sqlstate or ""
    message = failure.diag.message_primary or str(failure).strip()
    detail = f" {failure.diag.message_detail}" if failure.diag.message_detail else ""
    hint = failure.diag.message_hint or _hint(item, sqlstate)
    return StatementError(
        statement.file, statement.line, item.kind.value, _excerpt(statement.text), sqlstate, message + detail, hint
    )


def _hint(item: SchemaStatement, sqlstate: str) -> str:
    node = item.statement.node
    if isinstance(node, ast.CreateExtensionStmt):
        if sqlstate == _REFUSED:
            return f"have a superuser run CREATE EXTENSION {quoted(node.extname or '')} on the target, then import again"
        return f"install extension {node.extname} on the target's servers, or remove it and what needs it from the files"
    if sqlstate == _REFUSED:
        return "grant the target user what it lacks, run the statement as a superuser, or remove it from the file"
    if sqlstate in _EXISTS:
        return "it was not created by this import: drop it on the target, or import with --ignore-exist"
    if isinstance(node, ast.CreatePolicyStmt) and sqlstate == "42704":
        return "create the roles that the policy names on the target, or change them in the file"
    return ""
