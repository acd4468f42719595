"""One session of the SQL engine: one PostgreSQL connection, Oracle's transactions and statements on it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg

from voyager_ops.testing.oracle import pg_values, session_settings, sql_ddl, sql_dml, sql_queries
from voyager_ops.testing.oracle.column_types import system_column
from voyager_ops.testing.oracle.engine import (
    Bind,
    BindValue,
    ColumnInfo,
    Login,
    OracleError,
    Result,
    Statement,
    StatementKind,
    TypeNumber,
)
from voyager_ops.testing.oracle.ora_errors import oracle_error
from voyager_ops.testing.oracle.plsql import run_block
from voyager_ops.testing.oracle.rewrite import Rewriter
from voyager_ops.testing.oracle.session_settings import Settings
from voyager_ops.testing.oracle.sql_syntax import check_words
from voyager_ops.testing.oracle.statement_parts import projection_texts, split_returning
from voyager_ops.testing.oracle.translate import Translator
from voyager_ops.testing.oracle.translated import Relation, Translated

if TYPE_CHECKING:
    from voyager_ops.testing.oracle.backend import PgEngine

SEARCH_PATH = 'pg_catalog, pg_temp, ora, "SYS"'


class SqlSession:
    """See ``EngineSession``."""

    def __init__(self, engine: PgEngine, login: Login, user: str, session_id: int, serial: int) -> None:
        self.engine = engine
        self.user = user
        self.login = login
        self.session_id = session_id
        self.serial = serial
        self.settings = Settings(schema=user)
        self.open = False
        """Whether PostgreSQL's transaction is open."""
        self.isolation = ""
        self._depth = 0
        self._closed = False
        self._running = threading.Event()
        self._cancelled = False
        self._reader: psycopg.Connection[Any] | None = None
        self.connection: psycopg.Connection[Any] = self._connect()
        self.recorder = engine.recorder.open_session(
            self.connection, user=user, session_id=session_id, serial=serial, thread=login.instance or None
        )
        self.connection.execute(
            "INSERT INTO ora.sessions VALUES (%s, %s, %s, %s, %s, %s, %s, %s, NULL, NULL, NULL, NULL, clock_timestamp() AT"
            " TIME ZONE 'UTC', pg_backend_pid(), %s, %s, %s)",
            (
                session_id,
                serial,
                user,
                login.program,
                login.machine,
                login.os_user,
                login.terminal,
                login.process,
                login.service,
                user,
                self.recorder.thread,
            ),
        )
        self.container = "CDB$ROOT" if login.service.upper() == engine.database_name.upper() else engine.service
        self.apply_settings()
        for statement in login.statements:
            session_settings.alter_session(self, statement)

    def _connect(self) -> psycopg.Connection[Any]:
        connection: psycopg.Connection[Any] = psycopg.connect(self.engine.dsn, autocommit=True)
        connection.execute(f"SET search_path TO {SEARCH_PATH}".encode())
        connection.execute("SET extra_float_digits = 1")
        connection.prepare_threshold = 3
        return connection

    @property
    def in_transaction(self) -> bool:
        """See ``EngineSession``."""
        return self.open

    # -- settings -----------------------------------------------------------------------------------------------------------

    def apply_settings(self, connection: psycopg.Connection[Any] | None = None) -> None:
        """Tell PostgreSQL (``ora.…`` settings) and the recorder."""
        values = session_settings.postgres_settings(self)
        target = connection or self.connection
        target.execute(
            "SELECT " + ", ".join(["set_config(%s, %s, false)"] * len(values)), [x for pair in values.items() for x in pair]
        )
        if connection is None:
            self.recorder.nls = self.settings.nls()
            if self._reader is not None:
                self.apply_settings(self._reader)

    def set_schema(self, name: str) -> None:
        """See ``EngineSession``."""
        if not self.engine.catalog.query('SELECT FROM ora."USERS" WHERE "USERNAME" = %s::text', name):
            raise OracleError(1435, "user does not exist")
        self.settings = replace(self.settings, schema=name)
        self.apply_settings()

    def set_attributes(
        self, module: str | None, action: str | None, client_identifier: str | None, client_info: str | None
    ) -> None:
        """See ``EngineSession``."""
        for column, value in (
            ("module", module),
            ("action", action),
            ("client_identifier", client_identifier),
            ("client_info", client_info),
        ):
            if value is not None:
                self.engine.catalog.query(
                    f"UPDATE ora.sessions SET {column} = %s WHERE sid = %s RETURNING 1", value, self.session_id
                )
                self.settings.context[column] = value
        if client_identifier is not None:
            self.recorder.client_identifier = client_identifier
        self.apply_settings()

    # -- transactions -------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        if not self.open:
            self.connection.execute(f"BEGIN {self.isolation}".encode())
            self.open = True

    def commit(self) -> None:
        """See ``EngineSession``."""
        if not self.open:
            return
        try:
            self.recorder.commit(lambda: self._end("COMMIT"))
        except psycopg.Error as error:
            if self.connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                self.connection.execute("ROLLBACK")
            self.open, self.isolation = False, ""
            found = oracle_error(error, "INSERT")
            if found.code in (1, 2290, 2291, 2292):
                raise OracleError(2091, f"transaction rolled back\nORA-{found.code:05}: {found.message}") from error
            raise found from error

    def rollback(self) -> None:
        """See ``EngineSession``."""
        if self.open:
            self.recorder.rollback(lambda: self._end("ROLLBACK"))

    def _end(self, how: str) -> None:
        self.connection.execute(how.encode())
        self.open, self.isolation = False, ""

    @contextlib.contextmanager
    def guarded(self) -> Iterator[None]:
        """A statement within the transaction: PostgreSQL undoes what fails, and the transaction goes on."""
        if not self.open:
            yield
            return
        self._depth += 1
        name = f"s{self._depth}"
        self.connection.execute(f"SAVEPOINT {name}".encode())
        try:
            yield
        except BaseException:
            if not self.connection.closed:
                self.connection.execute(f"ROLLBACK TO {name}".encode())
                self.connection.execute(f"RELEASE {name}".encode())
            raise
        else:
            self.connection.execute(f"RELEASE {name}".encode())
        finally:
            self._depth -= 1

    @contextlib.contextmanager
    def guarded_none(self) -> Iterator[None]:
        """Like ``guarded`` for a statement that ends savepoints itself."""
        self.connection.execute("SAVEPOINT s0")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK TO s0")
            raise

    def close(self) -> None:
        """See ``EngineSession``."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(psycopg.Error, OracleError):
            self.rollback()
        with contextlib.suppress(psycopg.Error, OracleError):
            self.recorder.close()
        with contextlib.suppress(psycopg.Error):
            self.engine.catalog.query("DELETE FROM ora.sessions WHERE sid = %s RETURNING 1", self.session_id)
        self.connection.close()
        if self._reader is not None:
            self._reader.close()

    def cancel(self) -> None:
        """See ``EngineSession``."""
        if self._running.is_set():
            for connection in (self.connection, self._reader):
                if connection is not None and not connection.closed:
                    with contextlib.suppress(psycopg.Error):
                        connection.cancel_safe(timeout=5)

    # -- statements -----------------------------------------------------------------------------------------------------------

    def execute(
        self,
        statement: Statement,
        binds: Sequence[Bind],
        rows: Sequence[Sequence[BindValue]],
        *,
        batch_errors: bool = False,
        row_counts: bool = False,
    ) -> Result:
        """See ``EngineSession``."""
        self._running.set()
        try:
            if statement.kind is StatementKind.QUERY:
                return self.query(statement, binds, rows[0] if rows else [])
            if statement.kind is StatementKind.DML:
                return sql_dml.dml(self, statement, binds, rows, batch_errors=batch_errors, row_counts=row_counts)
            if statement.kind is StatementKind.PLSQL:
                return run_block(self, statement, binds, rows)
            if statement.kind is StatementKind.DDL:
                return self.ddl(statement.text)
            return session_settings.other(self, statement.text)
        except psycopg.Error as error:
            raise oracle_error(error, statement.text.split(None, 1)[0].upper(), statement.text) from error
        except UnicodeError as error:
            raise OracleError(3001, "unimplemented feature (simulator: text that PostgreSQL cannot hold)") from error
        finally:
            self._running.clear()

    def describe(self, statement: Statement, binds: Sequence[Bind]) -> Sequence[ColumnInfo] | None:
        """See ``EngineSession``."""
        if statement.kind is StatementKind.QUERY:
            translated = self.translated(statement, binds or [Bind(TypeNumber.VARCHAR2)] * len(statement.bind_names))
            try:
                with self.guarded():
                    return self.describe_translated(translated)
            except psycopg.Error as error:
                raise oracle_error(error, "SELECT", statement.text) from error
        if statement.kind is StatementKind.DML:
            self.translated(statement, binds or [Bind(TypeNumber.VARCHAR2)] * len(statement.bind_names))
        return None

    def describe_translated(self, translated: Translated) -> list[ColumnInfo]:
        pgconn = self.connection.pgconn
        with self.connection.lock:
            for outcome in (pgconn.prepare(b"", translated.sql.encode()), pgconn.describe_prepared(b"")):
                if outcome.status not in (psycopg.pq.ExecStatus.COMMAND_OK,):
                    raise psycopg.errors.error_from_result(outcome, encoding="utf-8")
        return self.columns(outcome, translated)

    def columns(self, result: psycopg.pq.abc.PGresult, translated: Translated) -> list[ColumnInfo]:
        """How the columns of a result are described."""
        infos = []
        named = translated.names if len(translated.names) == result.nfields else []
        for number in range(result.nfields):
            name = (named[number] if named else "") or (result.fname(number) or b"").decode()
            table = result.ftable(number)
            known = self.engine.catalog.columns(table).get(result.ftablecol(number)) if table else None
            if known is not None:
                infos.append(known[0].info(name, known[1]))
            else:
                infos.append(system_column(name, result.ftype(number), result.fmod(number), self.engine.type_names))
        return infos

    def resolve(self, owner: str | None, name: str) -> Relation:
        return self.engine.catalog.resolve(self.settings.schema, self.user, owner, name)

    def translated(self, statement: Statement, binds: Sequence[Bind]) -> Translated:
        """The statement in PostgreSQL's SQL, from the cache when it is there; privileges are checked."""
        catalog = self.engine.catalog
        key = (statement.text, tuple((b.type, b.national) for b in binds), self.settings.schema, self.user, catalog.version)
        return self.engine.remember(key, lambda: self.translate(statement, binds))

    def translate(self, statement: Statement, binds: Sequence[Bind]) -> Translated:
        catalog = self.engine.catalog
        numbers = {start: index + 1 for start, _, index in statement.bind_spans}
        body, returning = split_returning(statement)
        modern = self.engine.version[0] >= 23
        check_words(body, several_rows=modern)
        prepared = Rewriter(body, lambda start: numbers[start]).run()
        translator = Translator(
            prepared,
            binds,
            self.resolve,
            lambda text: catalog.sequence(self.settings.schema, self.user, text),
            catalog.functions,
            booleans=modern,
        )
        extra = ""
        if returning:
            extra = Rewriter(returning, lambda start: numbers[start]).run().text
        translated = translator.translate(extra)
        if translated.kind == "SELECT" and translated.names:
            texts = projection_texts(body)
            starred = any(t == "*" or t.endswith(".*") for t in texts)
            if len(texts) == len(translated.names) and not starred:
                translated.names = [n or t for n, t in zip(translated.names, texts, strict=True)]
            elif "" in translated.names:
                translated.names = []
        self._check(translated)
        # Another text after every DDL statement: PostgreSQL's prepared statements do not survive a changed table.
        translated.sql += f" /* {catalog.version} */"
        return translated

    def _check(self, translated: Translated) -> None:
        catalog = self.engine.catalog
        for found in translated.relations:
            if found is translated.target:
                for privilege in {"MERGE": ("INSERT", "UPDATE")}.get(translated.kind, (translated.kind,)):
                    catalog.check(self.user, found, privilege)
            else:
                catalog.check(self.user, found, "SELECT", locking=translated.locks)
                if (
                    found.name == "V$LOGMNR_CONTENTS"
                    and self.user != "SYS"
                    and not {"LOGMINING", "SELECT ANY TRANSACTION"} & catalog.privileges(self.user)
                ):
                    raise OracleError(1031, "insufficient privileges")
            if translated.as_of is None or found.owner in (self.user, "SYS"):
                continue
            granted = "FLASHBACK" in catalog.granted(self.user, found.owner, found.name)
            if not granted and "FLASHBACK ANY TABLE" not in catalog.privileges(self.user):
                raise OracleError(1031, "insufficient privileges")

    def parameters(self, indexes: Sequence[int], binds: Sequence[Bind], row: Sequence[BindValue]) -> list[str | None]:
        offset = self.settings.offset
        values = []
        for index in indexes:
            value = row[index]
            if isinstance(value, list):
                raise OracleError(1484, "arrays can only be bound to PL/SQL statements")
            values.append(pg_values.encode(value, binds[index].type, offset))
        return values

    @contextlib.contextmanager
    def patience(self, seconds: float) -> Iterator[None]:
        if seconds <= 0:  # NOWAIT is PostgreSQL's own
            yield
            return
        self.connection.execute(f"SET lock_timeout = {int(seconds * 1000)}".encode())
        try:
            yield
        except psycopg.errors.LockNotAvailable as error:
            raise OracleError(30006, "resource busy; acquire with WAIT timeout expired") from error
        finally:
            self.connection.execute("SET lock_timeout = 0")

    # -- carried out elsewhere ------------------------------------------------------------------------------------------------

    def query(self, statement: Statement, binds: Sequence[Bind], row: Sequence[BindValue]) -> Result:
        return sql_queries.query(self, statement, binds, row)

    def ddl(self, text: str) -> Result:
        return sql_ddl.ddl(self, text)

    def reader(self) -> psycopg.Connection[Any]:
        """Another connection of the session: for AS OF, which may be anywhere else than its transaction."""
        if self._reader is None or self._reader.closed:
            self._reader = self._connect()
            self.apply_settings(self._reader)
        return self._reader
