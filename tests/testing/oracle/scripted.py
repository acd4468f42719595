"""A small engine in memory for tests of the wire: statements do what a test's script says, and a list is the database."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from decimal import Decimal

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
    Value,
)

Rows = Sequence[Sequence[BindValue]]
Script = Callable[["ScriptedSession", Sequence[Bind], Rows], Result]


class ScriptedSession:
    """``insert into log values (:1)`` adds to the transaction, ``commit`` moves it to ``engine.committed``."""

    def __init__(self, engine: ScriptedEngine, login: Login, number: int) -> None:
        self.engine = engine
        self.login = login
        self.session_id = number
        self.serial = number * 7
        self.pending: list[BindValue] = []
        self.schema = login.user
        self.attributes: dict[str, str | None] = {}
        self.cancelled = threading.Event()
        self.closed = False
        self.executed: list[tuple[Statement, Sequence[Bind], Rows]] = []

    @property
    def in_transaction(self) -> bool:
        return bool(self.pending)

    def describe(self, statement: Statement, binds: Sequence[Bind]) -> Sequence[ColumnInfo] | None:
        if statement.kind is not StatementKind.QUERY:
            return None
        return self.execute(statement, binds, [[None] * len(binds)]).columns

    def execute(
        self,
        statement: Statement,
        binds: Sequence[Bind],
        rows: Rows,
        *,
        batch_errors: bool = False,
        row_counts: bool = False,
    ) -> Result:
        self.executed.append((statement, binds, rows))
        script = _echo if statement.text.endswith(" from echo") else self.engine.scripts.get(statement.text.replace(" )", ")"))
        if script is None:
            raise OracleError(942, f'table or view "{statement.text}" does not exist', position=7)
        return script(self, binds, rows)

    def commit(self) -> None:
        self.engine.committed += self.pending
        self.pending = []

    def rollback(self) -> None:
        self.pending = []

    def set_schema(self, name: str) -> None:
        if name.upper() == "NOBODY":
            raise OracleError(1435, "user does not exist")
        self.schema = name

    def set_attributes(
        self, module: str | None, action: str | None, client_identifier: str | None, client_info: str | None
    ) -> None:
        new = {"module": module, "action": action, "client_identifier": client_identifier, "client_info": client_info}
        self.attributes |= {key: value for key, value in new.items() if value is not None}

    def cancel(self) -> None:
        self.cancelled.set()

    def close(self) -> None:
        self.rollback()
        self.closed = True


class ScriptedEngine:
    """Users HR (password hr_pw) and LOCKED; service SIM."""

    def __init__(self, version: tuple[int, int, int, int, int] = (19, 24, 0, 0, 0), max_string_size: int = 32767) -> None:
        self.version = version
        self.services = frozenset(("SIM",))
        self.database_name = "SIMDB"
        self.max_string_size = max_string_size
        self.passwords = {"HR": "hr_pw", "lower": "pass wörd"}
        self.sessions: list[ScriptedSession] = []
        self.committed: list[BindValue] = []
        self.scripts: dict[str, Script] = {
            "select 1 from dual": lambda *_: Result([ColumnInfo("1", TypeNumber.NUMBER, scale=-127)], iter([(Decimal(1),)])),
            "insert into log values (:1)": _insert,
            "select count(*) from log": _count,
            "select wait from dual": _wait,
        }
        self._numbers = itertools.count(101)

    def password_of(self, user: str) -> str | None:
        if user == "LOCKED":
            raise OracleError(28000, "the account is locked")
        return self.passwords.get(user)

    def open_session(self, login: Login) -> ScriptedSession:
        session = ScriptedSession(self, login, next(self._numbers))
        self.sessions.append(session)
        return session

    def table(self, statement: str, columns: Sequence[ColumnInfo], rows: Sequence[Sequence[Value]]) -> None:
        """Let ``statement`` be a query with this result."""
        self.scripts[statement] = lambda *_: Result(list(columns), iter(list(rows)))


def _echo(session: ScriptedSession, binds: Sequence[Bind], rows: Rows) -> Result:
    """Every bind comes back as a column of its type."""
    columns = [
        ColumnInfo(f"C{i}", bind.type, scale=-127 if bind.type is TypeNumber.NUMBER else 0, national=bind.national)
        for i, bind in enumerate(binds)
    ]
    return Result(columns, iter([tuple(value for value in row if not isinstance(value, list)) for row in rows]))


def _insert(session: ScriptedSession, binds: Sequence[Bind], rows: Rows) -> Result:
    session.pending += [row[0] for row in rows]
    return Result(row_count=len(rows), row_counts=[1] * len(rows))


def _count(session: ScriptedSession, binds: Sequence[Bind], rows: Rows) -> Result:
    total = len(session.engine.committed) + len(session.pending)
    return Result([ColumnInfo("COUNT(*)", TypeNumber.NUMBER)], iter([(Decimal(total),)]))


def _wait(session: ScriptedSession, binds: Sequence[Bind], rows: Rows) -> Result:
    session.cancelled.clear()
    if session.cancelled.wait(30):
        raise OracleError(1013, "user requested cancel of current operation")
    return Result([ColumnInfo("WAIT", TypeNumber.NUMBER)], iter([(Decimal(1),)]))
