"""The cursors of a session: executing, describing and fetching, from a request that was read to the answer's message."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from voyager_ops.testing.oracle import statements
from voyager_ops.testing.oracle.engine import (
    BindValue,
    ColumnInfo,
    Direction,
    EngineSession,
    OracleError,
    Result,
    Statement,
    StatementKind,
    Value,
)
from voyager_ops.testing.oracle.lobs import LobStore
from voyager_ops.testing.oracle.replies import ARRAY_DML_ERRORS, MESSAGE_BIT_VECTOR, MESSAGE_ROW_DATA, NO_DATA_FOUND, Replies
from voyager_ops.testing.oracle.requests import DML_ROW_COUNTS, REEXECUTE_COMMIT, SCROLLABLE, ExecuteRequest, Function, Option
from voyager_ops.testing.oracle.requests import MESSAGE_ROW_DATA as ROW_DATA_REQUEST
from voyager_ops.testing.oracle.values import LOB_TYPES, LONG_TYPES, WireBind, cell_writer, read_row, write_out
from voyager_ops.testing.oracle.wire import Connection, ProtocolError, Writer

Row = list[BindValue]

OPEN_CURSORS = 300
"""As many may a session have, those included that its driver keeps for the statements that it has just run."""


@dataclass(slots=True)
class Cursor:
    """``rows`` is where the fetches are in the last execution's result; ``fetched`` counts them."""

    number: int
    statement: Statement
    binds: list[WireBind] = field(default_factory=list)
    defines: list[WireBind] = field(default_factory=list)
    directions: Sequence[Direction] = ()
    columns: Sequence[ColumnInfo] | None = None
    result: Result | None = None
    rows: Iterator[Sequence[Value]] | None = None
    fetched: int = 0

    def start(self, result: Result) -> None:
        self.finish()
        self.result = result
        self.columns = result.columns
        self.rows = iter(result.rows) if result.columns is not None else None
        self.fetched = 0

    def finish(self) -> None:
        """Give up the rows that were not fetched."""
        if self.result is not None:
            close: Callable[[], None] | None = getattr(self.result.rows, "close", None)
            if close is not None:
                close()
        self.result = self.rows = None


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution that was read from the wire: what to do with which cursor."""

    cursor: Cursor
    rows: list[Row]
    options: int
    fetch: int
    row_counts: bool = False
    parsed: bool = False
    described: bool = False

    @property
    def commits(self) -> bool:
        return bool(self.options & Option.COMMIT) or self.cursor.statement.text.strip().upper() == "COMMIT"


class Cursors:
    """All cursors of one session. ``compress``: repeated values of a column are sent once, as a real server does it."""

    def __init__(self, connection: Connection, session: EngineSession, replies: Replies, *, compress: bool) -> None:
        self._connection = connection
        self._session = session
        self._replies = replies
        self._compress = compress
        self._cursors: dict[int, Cursor] = {}
        self._next = 1
        self.lobs = LobStore()

    def __len__(self) -> int:
        return len(self._cursors)

    def close(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            cursor = self._cursors.pop(number, None)
            if cursor is not None:
                cursor.finish()

    def close_all(self) -> None:
        self.close(list(self._cursors))

    def get(self, number: int) -> Cursor:
        cursor = self._cursors.get(number)
        if cursor is None:
            raise OracleError(1001, "invalid cursor")
        return cursor

    # -- reading ------------------------------------------------------------------------------------------------------

    def read_execute(self, request: ExecuteRequest) -> Execution:
        """The rest of an EXECUTE: its cursor and bind values. ORA-01001 for a cursor that is not known."""
        if request.sql is not None:
            cursor = self._open(request.cursor, request.sql)
        else:
            try:
                cursor = self.get(request.cursor)
            except OracleError:
                self._connection.drain()
                raise
        rows: list[Row] = [[]]
        if request.has(Option.DEFINE):
            cursor.defines = request.defines
        elif request.has(Option.EXECUTE):
            cursor.binds = request.binds or cursor.binds  # a client may leave out what has not changed
            executions = 1 if cursor.statement.kind is StatementKind.QUERY else max(request.iterations, 1)
            rows = self._read_rows(cursor, executions, ())
        if request.flags & SCROLLABLE:
            raise OracleError(3001, "unimplemented feature (scrollable cursors)")
        fetch = request.prefetch if request.has(Option.FETCH) else 0
        if request.has(Option.DEFINE):
            fetch = request.iterations
        return Execution(
            cursor,
            rows,
            request.options,
            fetch,
            row_counts=bool(request.flags & DML_ROW_COUNTS),
            parsed=request.sql is not None,
            described=bool(request.options & Option.DESCRIBE),
        )

    def read_reexecute(self, function: int) -> Execution:
        """A REEXECUTE or REEXECUTE_AND_FETCH, with its bind values."""
        connection = self._connection
        number, iterations = connection.integer(), connection.integer()
        connection.integer()
        options = connection.integer()
        try:
            cursor = self.get(number)
        except OracleError:
            connection.drain()
            raise
        fetches = function == Function.REEXECUTE_AND_FETCH
        executions = 1 if cursor.statement.kind is StatementKind.QUERY else max(iterations, 1)
        rows = self._read_rows(cursor, executions, cursor.directions)
        commit = Option.COMMIT if options & REEXECUTE_COMMIT else 0
        return Execution(cursor, rows, Option.EXECUTE | commit, iterations if fetches else 0)

    def _open(self, number: int, sql: str) -> Cursor:
        if number:
            self.close([number])
        elif len(self._cursors) >= OPEN_CURSORS:
            self._connection.drain()
            raise OracleError(1000, "maximum open cursors exceeded")
        else:
            number = self._next
            self._next += 1
        cursor = Cursor(number, statements.parse(sql))
        self._cursors[number] = cursor
        return cursor

    def _read_rows(self, cursor: Cursor, count: int, directions: Sequence[Direction]) -> list[Row]:
        binds: list[WireBind | None] = list(cursor.binds)
        returning = cursor.statement.returning_binds
        if returning:
            binds[len(binds) - returning :] = [None] * returning
        for index, direction in enumerate(directions):
            if direction is Direction.OUT:
                binds[index] = None
        if not any(binds):
            return [[None] * len(binds) for _ in range(count)]
        plsql = cursor.statement.kind is StatementKind.PLSQL
        long_from = None if plsql else self._replies.max_string_size
        rows = []
        for _ in range(count):
            if self._connection.u8() != ROW_DATA_REQUEST:
                raise ProtocolError("row data expected")
            rows.append(read_row(self._connection, binds, self.lobs, long_from))
        return rows

    # -- carrying out -------------------------------------------------------------------------------------------------

    def run(self, writer: Writer, execution: Execution) -> None:
        """Carry ``execution`` out and write the answer. What OracleError it raises is of the cursor ``execution.cursor``."""
        cursor = execution.cursor
        if execution.options & Option.DEFINE:
            if cursor.rows is None:  # parsed and described only: how the values are wanted is said before they are
                self._replies.end_of_call(writer, cursor=cursor.number)
            else:
                self._send_rows(writer, cursor, execution.fetch)
            return
        if not execution.options & Option.EXECUTE:
            columns = self._session.describe(cursor.statement, [bind.bind() for bind in cursor.binds])
            self._after()
            if columns is not None:
                cursor.columns = columns
                self._replies.describe(writer, columns)
            self._replies.end_of_call(writer, cursor=cursor.number)
            return
        if len(cursor.binds) != len(cursor.statement.bind_names):
            raise OracleError(1008, "not all variables bound")
        if cursor.statement.kind is StatementKind.PLSQL:
            self._run_block(writer, execution)
            return
        previous = cursor.columns
        cursor.finish()
        result = self._session.execute(
            cursor.statement,
            [bind.bind() for bind in cursor.binds],
            execution.rows,
            batch_errors=bool(execution.options & Option.BATCH_ERRORS),
            row_counts=execution.row_counts,
        )
        if execution.options & Option.COMMIT:
            self._session.commit()
        self._after()
        cursor.start(result)
        if result.columns is not None:
            self._answer_query(writer, execution, previous)
        else:
            self._answer_dml(writer, execution, result)

    def fetch(self, writer: Writer, number: int, count: int) -> None:
        self._send_rows(writer, self.get(number), count)

    def _after(self) -> None:
        self._replies.in_transaction = self._session.in_transaction

    def _answer_query(self, writer: Writer, execution: Execution, previous: Sequence[ColumnInfo] | None) -> None:
        cursor = execution.cursor
        assert cursor.columns is not None
        fresh = execution.parsed or previous is None or list(previous) != list(cursor.columns)
        if fresh:
            cursor.defines = []
            self._replies.describe(writer, cursor.columns)
            self._replies.parameters(writer, cursor.number)
        # The client describes how it wants LOBs first: rows are not sent before that.
        wants_define = not cursor.defines and any(column.type in LOB_TYPES for column in cursor.columns)
        if execution.fetch == 0 or wants_define:
            self._replies.end_of_call(writer, cursor=cursor.number)
            return
        self._send_rows(writer, cursor, execution.fetch)

    def _answer_dml(self, writer: Writer, execution: Execution, result: Result) -> None:
        cursor = execution.cursor
        if result.returning is not None:
            binds = cursor.binds[len(cursor.binds) - cursor.statement.returning_binds :]
            for values_of_row in result.returning:
                writer.u8(MESSAGE_ROW_DATA)
                for bind, values in zip(binds, values_of_row, strict=True):
                    writer.integer(len(values))
                    for value in values:
                        write_out(writer, bind, value, self.lobs)
        self._replies.parameters(writer, cursor.number, result.row_counts if execution.row_counts else None)
        self._replies.end_of_call(
            writer,
            ARRAY_DML_ERRORS if result.batch_errors else None,
            cursor=cursor.number,
            row_count=result.row_count,
            batch_errors=result.batch_errors,
            warning=result.warning,
        )

    def _run_block(self, writer: Writer, execution: Execution) -> None:
        """PL/SQL: every row of binds is an execution of its own; the values of OUT binds come after the directions."""
        cursor = execution.cursor
        binds = [bind.bind() for bind in cursor.binds]
        out = Writer()
        result = Result()
        for done, row in enumerate(execution.rows):
            try:
                result = self._session.execute(cursor.statement, binds, [row])
            except OracleError as error:
                error.row_count = done
                raise
            cursor.directions = result.directions or [Direction.IN] * len(binds)
            if any(direction is not Direction.IN for direction in cursor.directions):
                out.u8(MESSAGE_ROW_DATA)
                for bind, direction, value in zip(cursor.binds, cursor.directions, result.out, strict=True):
                    if direction is not Direction.IN:
                        write_out(out, bind, value, self.lobs)
        if execution.options & Option.COMMIT:
            self._session.commit()
        self._after()
        if binds:
            self._replies.directions(writer, cursor.directions)
        writer.raw(out.data)
        row_count = max(result.row_count, len(execution.rows))
        self._replies.end_of_call(writer, cursor=cursor.number, row_count=row_count, warning=result.warning)

    # -- rows ---------------------------------------------------------------------------------------------------------

    def _send_rows(self, writer: Writer, cursor: Cursor, count: int) -> None:
        if cursor.rows is None or cursor.columns is None:
            raise OracleError(1002, "fetch out of sequence")
        columns = cursor.columns
        defines: Sequence[WireBind | None] = cursor.defines or [None] * len(columns)
        write = [cell_writer(writer, column, define, self.lobs) for column, define in zip(columns, defines, strict=True)]
        self._replies.row_header(writer, len(columns), count)
        rows = islice(cursor.rows, count)
        sent = self._compressed(writer, columns, write, rows) if self._compress else _plain(writer, write, rows)
        cursor.fetched += sent
        self._after()
        end = NO_DATA_FOUND if sent < count else None
        self._replies.end_of_call(writer, end, cursor=cursor.number, row_count=cursor.fetched)

    def _compressed(
        self,
        writer: Writer,
        columns: Sequence[ColumnInfo],
        write: Sequence[Callable[[Value], None]],
        rows: Iterator[Sequence[Value]],
    ) -> int:
        """Rows with a bit vector before each that repeats values of the one before: only what differs is sent."""
        never = frozenset(index for index, column in enumerate(columns) if column.type in LOB_TYPES | LONG_TYPES)
        previous: Sequence[Value] | None = None
        sent = 0
        for row in rows:
            changed = range(len(row))
            if previous is not None:
                before = previous
                differ = [i for i in changed if i in never or not _same(row[i], before[i])]
                if len(differ) < len(row):
                    vector = bytearray((len(row) + 7) // 8)
                    for index in differ:
                        vector[index // 8] |= 1 << index % 8
                    writer.u8(MESSAGE_BIT_VECTOR).integer(len(differ)).raw(vector).u8(MESSAGE_ROW_DATA)
                    for index in differ:
                        write[index](row[index])
                    previous = row
                    sent += 1
                    continue
            writer.u8(MESSAGE_ROW_DATA)
            for put, value in zip(write, row, strict=True):
                put(value)
            previous = row
            sent += 1
        return sent


def _plain(writer: Writer, write: Sequence[Callable[[Value], None]], rows: Iterator[Sequence[Value]]) -> int:
    data = writer.data
    sent = 0
    for row in rows:
        data.append(MESSAGE_ROW_DATA)
        for put, value in zip(write, row, strict=True):
            put(value)
        sent += 1
    return sent


def _same(one: Value, other: Value) -> bool:
    if isinstance(one, float):  # NaN is not equal to itself, and the two zeros are
        return isinstance(other, float) and repr(one) == repr(other)
    return type(one) is type(other) and one == other
