"""DDL carried out in a transaction of its own: the engine's tables, the dictionary, and what the recorder has to know."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import psycopg

from voyager_ops.testing.oracle import session_settings
from voyager_ops.testing.oracle.ddl import Ddl
from voyager_ops.testing.oracle.ddl_context import Context
from voyager_ops.testing.oracle.engine import ColumnInfo, OracleError, Result, Statement, StatementKind
from voyager_ops.testing.oracle.ora_errors import oracle_error
from voyager_ops.testing.oracle.rewrite import Rewriter
from voyager_ops.testing.oracle.tokens import tokenize
from voyager_ops.testing.oracle.translate import Translator

if TYPE_CHECKING:
    from voyager_ops.testing.oracle.sql_session import SqlSession


_PATIENCE = "800ms"  # how long DDL waits for a lock before ORA-00054; Oracle's readers would not be in its way, ours are


def ddl(session: SqlSession, text: str) -> Result:
    """Commit, carry out, record, commit."""
    recorder = session.engine.recorder
    words = [word.upper() for word in text.split(None, 2)[:2]]
    if words == ["ALTER", "SESSION"]:  # to the client it is DDL like any other
        return session_settings.alter_session(session, text)
    if words in (["ALTER", "SYSTEM"], ["ALTER", "DATABASE"]):
        return session_settings.alter_system(session, text)
    session.commit()
    session.connection.execute("BEGIN")
    session.open = True
    try:
        session.connection.execute(f"SET LOCAL lock_timeout = '{_PATIENCE}'".encode())
        catalog = session.engine.catalog
        context = Context(
            session.connection,
            session.user,
            session.settings.schema,
            partial(_expression, session),
            session.engine.max_string_size > 4000,
        )
        carrier = Ddl(
            context,
            partial(_describe_text, session),
            lambda p: p in catalog.privileges(session.user),
            session.settings.length_semantics,
            modern=session.engine.version[0] >= 23,
        )
        with session.recorder.statement(), catalog.seen_by(session.connection):
            outcome = carrier.run(text)
        catalog.changed()
        for owner, name in outcome.dropped:
            recorder.table_dropped(owner, name)
        for owner, name in outcome.changed:
            table = catalog.redo_table(owner, name, context.connection)
            if table is not None:
                recorder.table_changed(context.connection, table)
        session.recorder.ddl(text, outcome.owner, outcome.name, outcome.kind)
        session.commit()
    except BaseException:
        if session.open and not session.connection.closed:
            session.rollback()
        raise
    finally:
        session.engine.catalog.changed()
    return Result(warning=outcome.warning)


def _expression(session: SqlSession, text: str) -> str:
    """An expression of DDL in PostgreSQL's SQL."""
    catalog = session.engine.catalog
    prepared = Rewriter(text, _no_binds).run()
    return Translator(
        prepared,
        (),
        session.resolve,
        lambda name: catalog.sequence(session.settings.schema, session.user, name),
        catalog.functions,
    ).expression()


def _describe_text(session: SqlSession, text: str, schema: str) -> tuple[str, list[ColumnInfo]]:
    own, session.settings = session.settings, replace(session.settings, schema=schema)
    try:
        return _describe_query(session, text)
    finally:
        session.settings = own


def _describe_query(session: SqlSession, text: str) -> tuple[str, list[ColumnInfo]]:
    for token in tokenize(text):
        if token.kind == "bind":
            _no_binds(token.start)
    statement = Statement(text, StatementKind.QUERY)
    translated = session.translate(statement, ())
    try:
        infos = session.describe_translated(translated)
        return translated.sql, [replace(info, name="") for info in infos] if translated.unnamed else infos
    except psycopg.Error as error:
        raise oracle_error(error) from error


def _no_binds(start: int) -> int:
    raise OracleError(1027, "bind variables not allowed for data definition operations", start)
