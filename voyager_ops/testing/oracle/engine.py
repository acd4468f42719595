"""What the simulator's wire side and its engines agree on: values, statements, results, sessions.

The wire (``server``) turns the driver's messages into calls of an ``EngineSession`` and its results into messages. It
knows the types on the wire and nothing of SQL, but for what the protocol makes both ends find out for themselves: the
kind of a statement and its bind placeholders (``statements.parse``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Protocol, TypeAlias


class TypeNumber(IntEnum):
    """Oracle's type numbers on the wire."""

    VARCHAR2 = 1
    NUMBER = 2
    BINARY_INTEGER = 3
    LONG = 8
    ROWID = 11
    DATE = 12
    RAW = 23
    LONG_RAW = 24
    CHAR = 96
    BINARY_FLOAT = 100
    BINARY_DOUBLE = 101
    CURSOR = 102
    OBJECT = 109
    CLOB = 112
    BLOB = 113
    BFILE = 114
    JSON = 119
    VECTOR = 127
    TIMESTAMP = 180
    TIMESTAMP_TZ = 181
    INTERVAL_YM = 182
    INTERVAL_DS = 183
    UROWID = 208
    TIMESTAMP_LTZ = 231
    BOOLEAN = 252


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A DATE or any TIMESTAMP. ``year`` is Oracle's: -4712 to 9999 without 0, negative is BC.

    The fields are local ones: of the zone that ``offset_minutes`` (or ``region``) says for TIMESTAMP WITH TIME ZONE, of
    the session's zone for WITH LOCAL TIME ZONE, of no zone else (``offset_minutes`` is None). ``region``: name of the
    time zone when the value was stored by name; ``offset_minutes`` then says what it was at that moment.
    """

    year: int
    month: int
    day: int
    hour: int = 0
    minute: int = 0
    second: int = 0
    nanoseconds: int = 0
    offset_minutes: int | None = None
    region: str = ""


@dataclass(frozen=True, slots=True)
class DayInterval:
    """An INTERVAL DAY TO SECOND: all three fields carry the sign (all <= 0 or all >= 0); ``seconds`` within one day."""

    days: int
    seconds: int = 0
    nanoseconds: int = 0


@dataclass(frozen=True, slots=True)
class MonthInterval:
    """An INTERVAL YEAR TO MONTH, in months."""

    months: int


# str: all character types, CLOB, LONG, ROWID. bytes: RAW, BLOB, LONG RAW. float: BINARY_FLOAT and BINARY_DOUBLE.
# Decimal: NUMBER. The empty string and empty bytes are NULL in Oracle, but for a CLOB or BLOB.
Value: TypeAlias = str | bytes | Decimal | float | bool | Timestamp | DayInterval | MonthInterval | None
# A list is a PL/SQL array (index-by table) bind.
BindValue: TypeAlias = Value | list[Value]


class StatementKind(Enum):
    """What a statement is, by its first word."""

    QUERY = "query"  # SELECT, WITH
    DML = "dml"  # INSERT, UPDATE, DELETE, MERGE
    PLSQL = "plsql"  # BEGIN, DECLARE, CALL
    DDL = "ddl"  # CREATE, ALTER, DROP, GRANT, REVOKE, ANALYZE, AUDIT, COMMENT, TRUNCATE, …
    OTHER = "other"  # COMMIT, SET TRANSACTION, LOCK TABLE, SAVEPOINT, …


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement and its binds in the order in which the client sends values.

    ``bind_names``: upper case unless quoted, without the colon; one per occurrence, but one per name in PL/SQL. The last
    ``returning_binds`` of them stand after RETURNING … INTO and carry no values in. ``bind_spans``: where each occurrence
    of a placeholder stands in ``text`` (start, end, index into ``bind_names``), in the order of the text.
    """

    text: str
    kind: StatementKind
    bind_names: tuple[str, ...] = ()
    returning_binds: int = 0
    bind_spans: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """A column of a result. ``size``: bytes (character types, RAW; 0: the type's own).

    ``char_size``: characters (0: as ``size`` says). ``precision`` and ``scale`` as Oracle describes them.
    NUMBER without precision: precision 0, scale -127. TIMESTAMP(n): scale n. INTERVAL: precision leading digits, scale
    fractional digits. FLOAT(n): precision n (bits), scale -127.
    """

    name: str
    type: TypeNumber
    precision: int = 0
    scale: int = 0
    size: int = 0
    national: bool = False
    nullable: bool = True
    char_size: int = 0


class Direction(Enum):
    """Where the values of a PL/SQL bind go; the engine finds out."""

    IN = 32
    OUT = 16
    IN_OUT = 48


@dataclass(frozen=True, slots=True)
class Bind:
    """What the client says of a bind: its type and the size of its buffer in bytes. ``array_size``: > 0 for a PL/SQL array."""

    type: TypeNumber
    size: int = 0
    national: bool = False
    array_size: int = 0


class OracleError(Exception):
    """An error with its ORA- number. ``message`` without the number; ``position``: offset in the statement's text.

    ``row_count``: rows an array DML had changed before the row that failed (they stay changed, as Oracle has it).
    """

    def __init__(self, code: int, message: str, position: int = 0, row_count: int = 0) -> None:
        super().__init__(f"ORA-{code:05}: {message}")
        self.code = code
        self.message = message
        self.position = position
        self.row_count = row_count


@dataclass(frozen=True, slots=True)
class BatchError:
    """The error of one row of an array DML with batch errors; ``offset`` of the row, from 0."""

    offset: int
    error: OracleError


@dataclass(slots=True)
class Result:
    """What a statement gave.

    A query: ``columns`` and ``rows`` (read lazily, across later statements, commits and rollbacks of the session; closed
    with ``close()`` if they have one; may raise OracleError). Else ``columns`` is None.
    DML: ``row_count``; with batch errors ``batch_errors``; with wanted row counts ``row_counts`` (one per row of binds);
    with RETURNING ``returning``: per row of binds, per returning bind, the values.
    PL/SQL: ``directions`` and ``out``, one per bind (``out`` of an IN bind is not looked at).
    ``warning``: ORA-24344, an object was created with compilation errors.
    """

    columns: Sequence[ColumnInfo] | None = None
    rows: Iterable[Sequence[Value]] = ()
    row_count: int = 0
    directions: Sequence[Direction] = ()
    out: Sequence[BindValue] = ()
    returning: Sequence[Sequence[Sequence[Value]]] | None = None
    batch_errors: Sequence[BatchError] = ()
    row_counts: Sequence[int] = ()
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Login:
    """Who opens a session, and what the client said of itself. ``statements``: its ALTER SESSION statements of the logon."""

    user: str
    service: str
    sysdba: bool = False
    program: str = ""
    machine: str = ""
    os_user: str = ""
    terminal: str = ""
    process: str = ""
    driver: str = ""
    address: tuple[str, int] = ("", 0)
    instance: int = 0
    """Of a cluster, which one was reached; 0: any."""
    statements: tuple[str, ...] = field(default=())


class EngineSession(Protocol):
    """One session. Called from one thread at a time, but for ``cancel``. Every method may raise OracleError."""

    session_id: int
    serial: int

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        ...

    def describe(self, statement: Statement, binds: Sequence[Bind]) -> Sequence[ColumnInfo] | None:
        """The columns of a query without executing it; checks any other statement (where that is possible): None."""
        ...

    def execute(
        self,
        statement: Statement,
        binds: Sequence[Bind],
        rows: Sequence[Sequence[BindValue]],
        *,
        batch_errors: bool = False,
        row_counts: bool = False,
    ) -> Result:
        """Execute once per row of ``rows`` (at least one; each as long as ``binds``, None for returning and OUT binds)."""
        ...

    def commit(self) -> None: ...

    def rollback(self) -> None: ...

    def set_schema(self, name: str) -> None:
        """``connection.current_schema = name``."""
        ...

    def set_attributes(
        self, module: str | None, action: str | None, client_identifier: str | None, client_info: str | None
    ) -> None:
        """What V$SESSION shows of the client; None leaves as it is."""
        ...

    def cancel(self) -> None:
        """From another thread: end the running statement with ORA-01013, or do nothing."""
        ...

    def close(self) -> None:
        """End the session; an open transaction is rolled back. May be called again. Raises nothing."""
        ...


class Engine(Protocol):
    """A database that sessions can be opened on. Called from many threads."""

    version: tuple[int, int, int, int, int]
    services: frozenset[str]
    """Upper case; a connection to any other gets ORA-12514."""
    database_name: str
    max_string_size: int
    """Bytes: 4000 or 32767 (MAX_STRING_SIZE=EXTENDED)."""

    def password_of(self, user: str) -> str | None:
        """The password of ``user`` (folded as Oracle folds it), None when there is no such user; ORA-28000 when locked."""
        ...

    def open_session(self, login: Login) -> EngineSession:
        """A session of ``login.user``, whose password was right. ORA-01045 without CREATE SESSION."""
        ...
