"""Queries carried out: what V$ views show is told first, AS OF reads on a connection of its own, rows are decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg

from voyager_ops.testing.oracle import pg_values
from voyager_ops.testing.oracle.engine import Bind, BindValue, ColumnInfo, OracleError, Result, Statement, Value
from voyager_ops.testing.oracle.recorder import VIEWS
from voyager_ops.testing.oracle.scn_functions import FUNCTIONS
from voyager_ops.testing.oracle.translated import Translated

if TYPE_CHECKING:
    from voyager_ops.testing.oracle.sql_session import SqlSession


def query(session: SqlSession, statement: Statement, binds: Sequence[Bind], row: Sequence[BindValue]) -> Result:
    translated = session.translated(statement, binds)
    parameters = session.parameters(translated.parameters, binds, row)
    views = {r.name for r in translated.relations if r.name in VIEWS}
    views |= {name for name in FUNCTIONS if name.lower() in translated.sql}
    if views:
        session.recorder.before_query(views)
    if "dbms_flashback__" in translated.sql:
        session.connection.execute("SELECT set_config('ora.scn', %s, false)", (str(session.engine.recorder.current_scn()),))
    if translated.as_of is not None:
        return _flashback(session, translated, binds, row, parameters)
    if translated.locks:
        session.begin()
    with session.patience(translated.wait), session.guarded():
        cursor = run(session.connection, translated.sql, parameters)
    return _result(session, cursor, translated)


def _flashback(
    session: SqlSession,
    translated: Translated,
    binds: Sequence[Bind],
    row: Sequence[BindValue],
    parameters: list[str | None],
) -> Result:
    assert translated.as_of is not None
    scn = _scn_of(session, translated, binds, row)
    tables = [(r.owner, r.name) for r in translated.relations if r.owner != "SYS"]
    reader = session.reader()
    with session.engine.recorder.as_of(scn, tables) as snapshot:
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            reader.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'".encode())
            cursor = run(reader, translated.sql, parameters)
        finally:
            reader.execute("ROLLBACK")
    return _result(session, cursor, translated)


def _scn_of(session: SqlSession, translated: Translated, binds: Sequence[Bind], row: Sequence[BindValue]) -> int:
    assert translated.as_of is not None
    values = session.parameters(translated.as_of_parameters, binds, row)
    outcome = run(session.connection, translated.as_of, values).fetchone()
    value = outcome[0] if outcome else None
    if value is None:
        raise OracleError(8181, "specified number is not a valid system change number")
    if translated.as_of_timestamp:
        moment = (
            pg_values.timestamp_tz(value)
            if str(value).isdigit() and len(str(value)) > 21
            else pg_values.date(str(value))
            if "-" in str(value)
            else pg_values.timestamp(str(value))
        )
        when = datetime(
            moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second, moment.nanoseconds // 1000
        )
        offset = moment.offset_minutes if moment.offset_minutes is not None else session.settings.offset
        when -= timedelta(minutes=offset)
        if when > datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=1):
            raise OracleError(8186, "invalid timestamp specified")
        return session.engine.recorder.scn_at(when)
    return int(value)


def _result(session: SqlSession, cursor: psycopg.Cursor[Any], translated: Translated) -> Result:
    outcome = cursor.pgresult
    assert outcome is not None
    infos = session.columns(outcome, translated)
    return Result(columns=infos, rows=decoded(session, outcome, infos))


def decoded(session: SqlSession, outcome: psycopg.pq.abc.PGresult, infos: Sequence[ColumnInfo]) -> Iterator[tuple[Value, ...]]:
    """The rows of a result, which is in memory."""
    decoders: list[Callable[[str], Value] | None] = [pg_values.decoder(i.type, session.settings.offset) for i in infos]
    decoders = [None if d is pg_values.text else d for d in decoders]
    get = outcome.get_value
    for number in range(outcome.ntuples):
        row: list[Value] = []
        for column, decode in enumerate(decoders):
            value = get(number, column)
            row.append(None if value is None else value.decode() if decode is None else decode(value.decode()))
        yield tuple(row)


def run(connection: psycopg.Connection[Any], statement: str, parameters: Sequence[str | None]) -> psycopg.Cursor[Any]:
    """Execute a translated statement, whose parameters are ``$1 …``."""
    return psycopg.RawCursor(connection).execute(statement.encode(), parameters)
