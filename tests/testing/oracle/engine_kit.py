"""The SQL engine without the wire: statements as the wire hands them on, results as plain Python values."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from voyager_ops.testing.oracle.backend import PgEngine
from voyager_ops.testing.oracle.engine import (
    Bind,
    BindValue,
    ColumnInfo,
    DayInterval,
    Login,
    MonthInterval,
    OracleError,
    Result,
    Timestamp,
    TypeNumber,
    Value,
)
from voyager_ops.testing.oracle.sql_session import SqlSession
from voyager_ops.testing.oracle.statements import parse

_TYPES: Sequence[tuple[type, TypeNumber]] = (
    (bool, TypeNumber.BOOLEAN),
    (str, TypeNumber.VARCHAR2),
    (bytes, TypeNumber.RAW),
    (int, TypeNumber.NUMBER),
    (Decimal, TypeNumber.NUMBER),
    (float, TypeNumber.BINARY_DOUBLE),
    (DayInterval, TypeNumber.INTERVAL_DS),
    (MonthInterval, TypeNumber.INTERVAL_YM),
)


def bind_of(value: object) -> Bind:
    """The bind that the driver would make of ``value``; a Timestamp is TIMESTAMP, with an offset WITH TIME ZONE."""
    if isinstance(value, Timestamp):
        return Bind(TypeNumber.TIMESTAMP if value.offset_minutes is None else TypeNumber.TIMESTAMP_TZ)
    return Bind(next((number for kind, number in _TYPES if isinstance(value, kind)), TypeNumber.VARCHAR2))


class Session:
    """A session of ``user``; ``sql`` gives a query's rows, else the number of rows changed."""

    def __init__(self, engine: PgEngine, user: str) -> None:
        self.inner: SqlSession = engine.open_session(Login(user, engine.service))

    def execute(self, text: str, *values: Any, binds: Sequence[Bind] = ()) -> Result:
        row: list[BindValue] = [Decimal(v) if isinstance(v, int) and not isinstance(v, bool) else v for v in values]
        return self.inner.execute(parse(text), binds or [bind_of(v) for v in values], [row])

    def many(self, text: str, rows: Sequence[Sequence[BindValue]], **options: bool) -> Result:
        binds = [bind_of(next((r[n] for r in rows if r[n] is not None), None)) for n in range(len(rows[0]))]
        return self.inner.execute(parse(text), binds, rows, **options)

    def sql(self, text: str, *values: Any, binds: Sequence[Bind] = ()) -> Any:
        result = self.execute(text, *values, binds=binds)
        return [tuple(r) for r in result.rows] if result.columns is not None else result.row_count

    def one(self, text: str, *values: Any) -> Value:
        """The only value of a query."""
        value: Value
        ((value,),) = self.sql(text, *values)
        return value

    def columns(self, text: str) -> Sequence[ColumnInfo]:
        found = self.inner.describe(parse(text), ())
        assert found is not None
        return found

    def error(self, text: str, *values: Any) -> tuple[int, str]:
        """Number and message of the ORA- error that the statement must raise."""
        try:
            self.sql(text, *values)
        except OracleError as error:
            return error.code, error.message
        raise AssertionError(f"no error: {text}")

    def commit(self) -> None:
        self.inner.commit()

    def rollback(self) -> None:
        self.inner.rollback()

    def close(self) -> None:
        self.inner.close()
