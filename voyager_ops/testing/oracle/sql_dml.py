"""DML carried out: one execution per row of binds, which may fail by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import psycopg

from voyager_ops.testing.oracle.engine import BatchError, Bind, BindValue, OracleError, Result, Statement, Value
from voyager_ops.testing.oracle.ora_errors import oracle_error
from voyager_ops.testing.oracle.sql_queries import decoded, run
from voyager_ops.testing.oracle.statement_parts import insert_all
from voyager_ops.testing.oracle.statements import parse

if TYPE_CHECKING:
    from voyager_ops.testing.oracle.sql_session import SqlSession


def dml(
    session: SqlSession,
    statement: Statement,
    binds: Sequence[Bind],
    rows: Sequence[Sequence[BindValue]],
    *,
    batch_errors: bool,
    row_counts: bool,
) -> Result:
    branches = insert_all(statement.text)
    if branches:
        if binds:
            raise OracleError(3001, "unimplemented feature (simulator: INSERT ALL with binds)")
        parts = [dml(session, parse(b), (), rows, batch_errors=False, row_counts=False) for b in branches]
        return Result(row_count=sum(p.row_count for p in parts))
    translated = session.translated(statement, binds)
    result = Result()
    returning: list[Sequence[Sequence[Value]]] | None = [] if statement.returning_binds else None
    if translated.target is not None and translated.target.owner == "SYS":
        raise OracleError(1031, "insufficient privileges")
    if translated.target is not None and translated.target.kind == "MATERIALIZED VIEW":
        raise OracleError(1732, "data manipulation operation not legal on this view")
    if translated.target is not None and translated.target.read_only:
        if translated.target.kind == "TABLE":
            where = f'"{translated.target.owner}"."{translated.target.name}"'
            raise OracleError(12081, f"update operation not allowed on table {where}")
        raise OracleError(42399, "cannot perform a DML operation on a read-only view")
    session.begin()
    code = translated.sql.encode()
    parameters = [session.parameters(translated.parameters, binds, row) for row in rows]
    if len(rows) > 1 and returning is None and not row_counts:
        try:
            with session.guarded(), session.recorder.statement():
                cursor = psycopg.RawCursor(session.connection)
                cursor.executemany(code, parameters)
                result.row_count = cursor.rowcount
            return result
        except psycopg.Error as error:
            if error.sqlstate is None or error.sqlstate[:2] in ("57", "40", "55"):
                raise  # not a row's fault
    counts: list[int] = []
    errors: list[BatchError] = []
    for offset, values in enumerate(parameters):
        try:
            with session.guarded(), session.recorder.statement():
                done = run(session.connection, translated.sql, values)
        except psycopg.Error as error:
            found = oracle_error(error, translated.kind)
            if not batch_errors or error.sqlstate is None:
                found.row_count = result.row_count
                raise found from error
            errors.append(BatchError(offset, found))
            counts.append(0)
            continue
        counts.append(done.rowcount)
        result.row_count += max(done.rowcount, 0)
        if returning is not None:
            assert done.pgresult is not None
            infos = session.columns(done.pgresult, translated)
            got = list(decoded(session, done.pgresult, infos))
            returning.append([[r[k] for r in got] for k in range(len(infos))])
    result.batch_errors = errors
    result.row_counts = counts if row_counts else []
    result.returning = returning
    return result
