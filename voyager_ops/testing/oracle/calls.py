"""What a client's calls do: logon, execution, fetching, LOBs, transactions. Reads requests, writes answers, knows no packets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from voyager_ops.testing.oracle import negotiation, requests
from voyager_ops.testing.oracle.auth import PasswordExchange
from voyager_ops.testing.oracle.cursors import OPEN_CURSORS, Cursors, Execution
from voyager_ops.testing.oracle.engine import Engine, EngineSession, Login, OracleError, TypeNumber
from voyager_ops.testing.oracle.lobs import CHUNK_SIZE
from voyager_ops.testing.oracle.replies import MESSAGE_LOB_DATA, MESSAGE_PARAMETER, Replies
from voyager_ops.testing.oracle.requests import AuthRequest, Function, LobOperation, RequestReader
from voyager_ops.testing.oracle.wire import Connection, ConnectionEnded, ProtocolError, Writer
from voyager_ops.testing.oracle.wire_faults import Call, CallKind, Fault, WireFaults

CANCELLED = OracleError(1013, "user requested cancel of current operation")
ABORT_ON_ERROR = 2


@dataclass(frozen=True, slots=True)
class Environment:
    """What the calls of a session have to do with. ``given_up``: the client has broken off the call, or is gone."""

    engine: Engine
    faults: WireFaults
    connection: Connection
    reader: RequestReader
    replies: Replies
    address: tuple[str, int]
    service: str
    compress: bool
    given_up: Callable[[], bool]
    instance: int = 0


class Calls:
    """The calls of one session. Raises OracleError for what the client is told, ConnectionEnded when it is to get no answer."""

    def __init__(self, environment: Environment) -> None:
        self._env = environment
        self._connection = environment.connection
        self._reader = environment.reader
        self._replies = environment.replies
        self._first: AuthRequest | None = None
        self._exchange: PasswordExchange | None = None
        self._engine_session: EngineSession | None = None
        self._open_cursors: Cursors | None = None
        self._late_error: OracleError | None = None
        self._aborts_pipeline = self._pipeline_aborted = False
        self.user = ""
        self.failing_cursor = 0
        """The number of the cursor that the error just raised belongs to, else 0."""
        self.ended = False
        """Whether the client has logged off."""
        self._functions: dict[int, Callable[[Writer], None]] = {
            Function.AUTH_PHASE_ONE: self._auth_one,
            Function.AUTH_PHASE_TWO: self._auth_two,
            Function.EXECUTE: self._execute,
            Function.REEXECUTE: lambda writer: self._reexecute(writer, Function.REEXECUTE),
            Function.REEXECUTE_AND_FETCH: lambda writer: self._reexecute(writer, Function.REEXECUTE_AND_FETCH),
            Function.FETCH: self._fetch,
            Function.LOB_OP: self._lob,
            Function.COMMIT: self._commit,
            Function.ROLLBACK: self._rollback,
            Function.PING: self._ping,
            Function.VERSION: self._version,
            Function.LOGOFF: self._logoff,
            Function.PIPELINE_END: self._pipeline_end,
        }

    def carry_out(self, function: int, writer: Writer) -> None:
        """Read the rest of the request and answer it into ``writer``."""
        self.failing_cursor = 0
        late, self._late_error = self._late_error, None
        known = self._functions.get(function)
        if known is None or late is not None or (self._pipeline_aborted and function != Function.PIPELINE_END):
            self._connection.drain()
            raise late or (requests.unsupported(function) if known is None else CANCELLED)
        try:
            known(writer)
        except OracleError:
            self._pipeline_aborted = self._aborts_pipeline
            if self._engine_session is not None:
                self._replies.in_transaction = self._engine_session.in_transaction
            raise

    def piggyback(self, function: int) -> None:
        """What comes with a call, before it. Its error is the call's."""
        reader = self._reader
        if function == Function.CLOSE_CURSORS:
            self._cursors.close(reader.cursors_to_close())
        elif function == Function.SET_SCHEMA:
            name = reader.schema()
            self._later(lambda session: session.set_schema(name))
        elif function == Function.SET_END_TO_END:
            new = reader.end_to_end()
            self._later(lambda session: session.set_attributes(new.module, new.action, new.client_identifier, new.client_info))
        elif function == Function.LOB_OP:
            for locator in reader.lobs_to_free():
                self._cursors.lobs.free(locator)
        elif function == Function.SESSION_STATE:
            self._connection.integer()
        elif function == Function.SET_KEY_VALUE:
            reader.key_values()
        elif function == Function.PIPELINE_BEGIN:
            self._connection.integer()
            self._connection.u8()
            self._aborts_pipeline = self._connection.u8() == ABORT_ON_ERROR
            self._pipeline_aborted = False
        else:
            raise ProtocolError(f"a piggyback {function}")

    def cancel(self) -> None:
        if self._engine_session is not None:
            self._engine_session.cancel()

    def close(self) -> None:
        """End the session; what it has not committed is rolled back."""
        if self._open_cursors is not None:
            self._open_cursors.close_all()
        if self._engine_session is not None:
            self._engine_session.close()

    @property
    def _cursors(self) -> Cursors:
        if self._open_cursors is None:
            raise ProtocolError("a call before the logon")
        return self._open_cursors

    @property
    def _session(self) -> EngineSession:
        if self._engine_session is None:
            raise ProtocolError("a call before the logon")
        return self._engine_session

    def _later(self, change: Callable[[EngineSession], None]) -> None:
        try:
            change(self._session)
        except OracleError as error:
            self._late_error = error

    def _with_faults(self, call: Call, work: Callable[[], None]) -> None:
        """``work`` as the call's doing, unless a fault has been ordered for it."""
        fault = self._env.faults.before(call, self._env.given_up)
        if self._env.given_up():
            raise CANCELLED
        if fault is Fault.DROP:
            raise ConnectionEnded
        work()
        if fault is Fault.LOSE_REPLY:
            raise ConnectionEnded

    # -- logon --------------------------------------------------------------------------------------------------------

    def _auth_one(self, writer: Writer) -> None:
        request = self._reader.auth()
        self._first = request
        self.user = request.user[1:-1] if request.user.startswith('"') else request.user.upper()
        self._exchange = PasswordExchange(self._env.engine.password_of(self.user))
        self._replies.pairs(writer, self._exchange.challenge())
        self._replies.end_of_call(writer)

    def _auth_two(self, writer: Writer) -> None:
        request = self._reader.auth()
        if self._engine_session is not None:
            raise OracleError(3001, "unimplemented feature (change of password by the protocol)")
        first, exchange = self._first, self._exchange
        self._first = self._exchange = None
        if first is None or exchange is None or not exchange.verify(request.pairs):
            raise OracleError(1017, "invalid username/password; logon denied")
        login = Login(
            self.user,
            self._env.service,
            sysdba=bool(request.mode & requests.AUTH_MODE_SYSDBA),
            program=first.pairs.get("AUTH_PROGRAM_NM", ""),
            machine=first.pairs.get("AUTH_MACHINE", ""),
            os_user=first.pairs.get("AUTH_SID", ""),
            terminal=first.pairs.get("AUTH_TERMINAL", ""),
            process=first.pairs.get("AUTH_PID", ""),
            driver=request.pairs.get("SESSION_CLIENT_DRIVER_NAME", ""),
            address=self._env.address,
            instance=self._env.instance,
            statements=request.statements,
        )
        self._with_faults(Call(CallKind.LOGON, self.user), lambda: self._open(login))
        self._replies.pairs(writer, self._session_pairs(exchange))
        self._replies.end_of_call(writer)

    def _open(self, login: Login) -> None:
        self._engine_session = self._env.engine.open_session(login)
        self._open_cursors = Cursors(self._connection, self._engine_session, self._replies, compress=self._env.compress)

    def _session_pairs(self, exchange: PasswordExchange) -> list[tuple[str, str, int]]:
        engine = self._env.engine
        version = negotiation.version_number(engine.version, self._replies.field_version)
        pairs = {
            "AUTH_VERSION_STRING": "- Production",
            "AUTH_VERSION_SQL": "25",
            "AUTH_VERSION_NO": str(version),
            "AUTH_SESSION_ID": str(self._session.session_id),
            "AUTH_SERIAL_NUM": str(self._session.serial),
            "AUTH_SC_DBUNIQUE_NAME": engine.database_name,
            "AUTH_SC_REAL_DBUNIQUE_NAME": engine.database_name,
            "AUTH_SC_SERVICE_NAME": self._env.service,
            "AUTH_INSTANCENAME": engine.database_name,
            "AUTH_MAX_OPEN_CURSORS": str(OPEN_CURSORS),
            "AUTH_MAX_IDEN_LENGTH": "128",
            "AUTH_SC_SERVER_HOST": "simulator",
            "AUTH_SVR_RESPONSE": exchange.proof(),
        }
        return [(key, value, 0) for key, value in pairs.items()]

    def _version(self, writer: Writer) -> None:
        self._connection.discard()
        version = self._env.engine.version
        dotted = ".".join(map(str, version))
        banner = f"Oracle Database {version[0]}, release {dotted} (simulated by voyager-ops)".encode()
        writer.u8(MESSAGE_PARAMETER).integer(len(banner))
        if self._replies.converted_lengths:
            writer.string(banner)
        else:
            writer.raw(banner)
        writer.integer(negotiation.version_number(version, self._replies.field_version))
        self._replies.status(writer)

    # -- statements ---------------------------------------------------------------------------------------------------

    def _execute(self, writer: Writer) -> None:
        request = self._reader.execute()
        self._run(writer, lambda: self._cursors.read_execute(request))

    def _reexecute(self, writer: Writer, function: int) -> None:
        self._run(writer, lambda: self._cursors.read_reexecute(function))

    def _run(self, writer: Writer, read: Callable[[], Execution]) -> None:
        execution = read()
        self.failing_cursor = execution.cursor.number
        call = Call(CallKind.EXECUTE, self.user, execution.cursor.statement.text, execution.commits)
        self._with_faults(call, lambda: self._cursors.run(writer, execution))

    def _fetch(self, writer: Writer) -> None:
        number, count = self._connection.integer(), self._connection.integer()
        statement = self._cursors.get(number).statement.text
        self.failing_cursor = number
        call = Call(CallKind.FETCH, self.user, statement)
        self._with_faults(call, lambda: self._cursors.fetch(writer, number, count))

    def _commit(self, writer: Writer) -> None:
        self._with_faults(Call(CallKind.COMMIT, self.user, commits=True), self._session.commit)
        self._transaction_status(writer)

    def _rollback(self, writer: Writer) -> None:
        self._with_faults(Call(CallKind.ROLLBACK, self.user), self._session.rollback)
        self._transaction_status(writer)

    def _transaction_status(self, writer: Writer) -> None:
        self._replies.in_transaction = self._session.in_transaction
        self._replies.status(writer)

    def _ping(self, writer: Writer) -> None:
        self._with_faults(Call(CallKind.PING, self.user), lambda: None)
        self._replies.status(writer)

    def _logoff(self, writer: Writer) -> None:
        self._with_faults(Call(CallKind.LOGOFF, self.user), self.close)  # rolled back before the client hears of it
        self._replies.in_transaction = False
        self.ended = True
        self._replies.status(writer)

    def _pipeline_end(self, writer: Writer) -> None:
        self._connection.integer()
        self._pipeline_aborted = self._aborts_pipeline = False
        self._replies.status(writer)

    # -- LOBs ---------------------------------------------------------------------------------------------------------

    def _lob(self, writer: Writer) -> None:
        request = self._reader.lob()
        self._with_faults(Call(CallKind.LOB, self.user), lambda: self._carry_out_lob(writer, request))

    def _carry_out_lob(self, writer: Writer, request: requests.LobRequest) -> None:
        lobs = self._cursors.lobs
        operation = request.operation
        amount: int | None = request.amount
        if operation == LobOperation.CREATE_TEMPORARY:
            kind = TypeNumber.BLOB if request.dest_offset & 0xFF == TypeNumber.BLOB else TypeNumber.CLOB
            locator, _ = lobs.add(kind, b"" if kind is TypeNumber.BLOB else "", temporary=True)
            writer.u8(MESSAGE_PARAMETER).raw(locator).integer(negotiation.CHARSET_UTF8).u8(0)
            self._replies.end_of_call(writer)
            return
        lob = lobs.get(request.locator)
        flag: bool | None = None
        if operation == LobOperation.READ:
            data = lob.read(request.source_offset, request.amount or 0)
            amount = len(data) // lob.width
            if data:
                writer.u8(MESSAGE_LOB_DATA).string(data)
        elif operation == LobOperation.WRITE:
            lob.write(request.source_offset, request.data)
        elif operation == LobOperation.TRIM:
            lob.trim(request.amount or 0)
        elif operation == LobOperation.GET_LENGTH:
            amount = lob.length
        elif operation == LobOperation.GET_CHUNK_SIZE:
            amount = CHUNK_SIZE
        elif operation in (LobOperation.OPEN, LobOperation.CLOSE):
            if lob.open == (operation == LobOperation.OPEN):
                raise OracleError(22293 if lob.open else 22289, "LOB already opened" if lob.open else "LOB is not open")
            lob.open = not lob.open
        elif operation == LobOperation.IS_OPEN:
            flag = lob.open
        elif operation == LobOperation.FREE_TEMPORARY:
            lobs.free(request.locator)
        else:
            raise OracleError(3001, f"unimplemented feature (LOB operation {operation:#x})")
        writer.u8(MESSAGE_PARAMETER).raw(request.locator)
        if request.amount is not None and amount is not None:
            writer.integer(amount)
        if flag is not None:
            writer.u8(flag)
        self._replies.end_of_call(writer)
