"""The client's requests, read from the wire into plain records."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.lobs import LOCATOR_SIZE
from voyager_ops.testing.oracle.negotiation import FIELDS_12_2
from voyager_ops.testing.oracle.values import WireBind
from voyager_ops.testing.oracle.wire import Connection, ProtocolError

MESSAGE_PROTOCOL, MESSAGE_DATA_TYPES, MESSAGE_FUNCTION, MESSAGE_PIGGYBACK = 1, 2, 3, 17
MESSAGE_ONE_WAY, MESSAGE_FAST_AUTH, MESSAGE_ROW_DATA, MESSAGE_LOB_DATA = 26, 34, 7, 14
AUTH_MODE_SYSDBA = 0x20
FIELDS_WITH_TOKEN = 18  # version of fields from which a function's header has a token


class Function(IntEnum):
    """TTC functions that are carried out."""

    REEXECUTE = 4
    FETCH = 5
    LOGOFF = 9
    COMMIT = 14
    ROLLBACK = 15
    VERSION = 59
    REEXECUTE_AND_FETCH = 78
    EXECUTE = 94
    LOB_OP = 96
    CLOSE_CURSORS = 105
    AUTH_PHASE_TWO = 115
    AUTH_PHASE_ONE = 118
    SET_END_TO_END = 135
    PING = 147
    SET_SCHEMA = 152
    SET_KEY_VALUE = 154
    SESSION_STATE = 176
    PIPELINE_BEGIN = 199
    PIPELINE_END = 200


class Option(IntEnum):
    """Options of an execution."""

    PARSE = 0x01
    BIND = 0x08
    DEFINE = 0x10
    EXECUTE = 0x20
    FETCH = 0x40
    COMMIT = 0x100
    DESCRIBE = 0x20000
    BATCH_ERRORS = 0x80000


DML_ROW_COUNTS = 0x4000
SCROLLABLE = 0x02
REEXECUTE_COMMIT = 0x01
MAX_ALLOWED_CLOSES = 1 << 20


class LobOperation(IntEnum):
    GET_LENGTH = 0x0001
    READ = 0x0002
    TRIM = 0x0020
    WRITE = 0x0040
    CREATE_TEMPORARY = 0x0110
    FREE_TEMPORARY = 0x0111
    GET_CHUNK_SIZE = 0x4000
    OPEN = 0x8000
    CLOSE = 0x10000
    IS_OPEN = 0x11000


@dataclass(frozen=True, slots=True)
class AuthRequest:
    user: str
    mode: int
    pairs: dict[str, str]
    statements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExecuteRequest:
    """``iterations``: executions of a DML or block, rows to fetch of a query that is executed again."""

    options: int
    cursor: int
    sql: str | None
    prefetch: int
    iterations: int
    flags: int
    binds: list[WireBind] = field(default_factory=list)
    defines: list[WireBind] = field(default_factory=list)

    def has(self, option: Option) -> bool:
        return bool(self.options & option)


@dataclass(frozen=True, slots=True)
class LobRequest:
    operation: int
    locator: bytes
    source_offset: int
    dest_offset: int
    amount: int | None
    data: bytes


@dataclass(frozen=True, slots=True)
class EndToEnd:
    """Attributes of the session that the client changes; None: left as it is."""

    client_identifier: str | None
    module: str | None
    action: str | None
    client_info: str | None


class RequestReader:
    """Reads requests in the form that was negotiated (see ``replies.Replies`` for the two fields)."""

    def __init__(self, connection: Connection, field_version: int) -> None:
        self.connection = connection
        self.field_version = field_version
        self.converted_lengths = True

    def header(self, field_version: int | None = None) -> tuple[int, int, int]:
        """Function, sequence number and token of a function or piggyback (``field_version``: if not as agreed)."""
        function, sequence = self.connection.u8(), self.connection.u8()
        has_token = (field_version or self.field_version) >= FIELDS_WITH_TOKEN
        return function, sequence, self.connection.integer() if has_token else 0

    def _text(self, length: int) -> str:
        raw = self.connection.string() if self.converted_lengths else self.connection.take(length)
        return (raw or b"").decode("utf-8", "surrogateescape")

    def auth(self) -> AuthRequest:
        connection = self.connection
        has_user, length, mode = connection.u8(), connection.integer(), connection.integer()
        connection.u8()
        count = connection.integer()
        connection.take(2)
        user = self._text(length) if has_user and length else ""
        pairs: dict[str, str] = {}
        statements: list[str] = []
        for _ in range(count):
            key, value = connection.text().rstrip("\0"), connection.text()
            connection.integer()
            if key == "AUTH_ALTER_SESSION":
                statements.append(value.rstrip("\0"))
            pairs[key] = value
        return AuthRequest(user, mode, pairs, tuple(statements))

    def execute(self) -> ExecuteRequest:
        """All of an EXECUTE but its rows of bind values."""
        connection = self.connection
        options, cursor = connection.integer(), connection.integer()
        connection.u8()
        sql_length = connection.integer()
        connection.u8()
        connection.integer()
        connection.take(2)
        connection.integer()
        prefetch = connection.integer()
        connection.integer()
        connection.u8()
        bind_count = connection.integer()
        connection.take(6)
        define_count = connection.integer()
        connection.integer()
        connection.take(3)
        connection.integer()
        connection.u8()
        connection.skip_integers(2)
        connection.u8()
        connection.integer()
        connection.u8()
        if self.field_version >= FIELDS_12_2:
            connection.u8()
            connection.integer()
            connection.u8()
            connection.integer()
            connection.u8()
            if self.field_version > FIELDS_12_2:
                connection.u8()
                connection.integer()
        sql = self._text(sql_length) if sql_length else None
        more = [connection.integer() for _ in range(13)]
        defines: list[WireBind] = []
        binds: list[WireBind] = []
        if options & Option.DEFINE:
            defines = self._binds(define_count)
        else:
            binds = self._binds(bind_count)
        return ExecuteRequest(options, cursor, sql, prefetch, more[1], more[9], binds, defines)

    def _binds(self, count: int) -> list[WireBind]:
        connection = self.connection
        binds = []
        for _ in range(count):
            kind, flags = connection.u8(), connection.u8()
            connection.take(2)
            size, elements = connection.integer(), connection.integer()
            connection.integer()
            connection.counted()
            connection.skip_integers(2)
            form = connection.u8()
            connection.integer()
            if self.field_version >= FIELDS_12_2:
                connection.integer()
            binds.append(WireBind(kind, flags, size, elements, form))
        return binds

    def lob(self) -> LobRequest:
        connection = self.connection
        has_source, source_length = connection.u8(), connection.integer()
        connection.u8()
        connection.skip_integers(3)
        connection.take(3)
        operation = connection.integer()
        connection.take(2)
        source_offset, dest_offset = connection.integer(), connection.integer()
        has_amount = connection.u8()
        connection.take(6)
        locator = connection.take(source_length) if has_source else b""
        if operation == LobOperation.CREATE_TEMPORARY:
            connection.integer()
        data = b""
        if operation == LobOperation.WRITE:
            if connection.u8() != MESSAGE_LOB_DATA:
                raise ProtocolError("LOB data expected")
            data = connection.string() or b""
        amount = connection.integer() if has_amount else None
        return LobRequest(operation, locator, source_offset, dest_offset, amount, data)

    # -- piggybacks ---------------------------------------------------------------------------------------------------

    def cursors_to_close(self) -> list[int]:
        self.connection.u8()
        count = self.connection.integer()
        if count > MAX_ALLOWED_CLOSES:
            raise ProtocolError(f"{count} cursors to close")
        return [self.connection.integer() for _ in range(count)]

    def schema(self) -> str:
        self.connection.u8()
        return self.connection.text()

    def end_to_end(self) -> EndToEnd:
        connection = self.connection
        connection.take(2)
        connection.integer()
        present = [self._pointer() for _ in range(3)]  # identifier, module, action; then two that are not used
        self._pointer()
        self._pointer()
        present.append(self._pointer())  # client info; then two that are not used, and the operation's name
        self._pointer()
        self._pointer()
        operation = self._pointer()
        texts = [self._optional(pointer, length) for pointer, length in present]
        self._optional(*operation)
        return EndToEnd(texts[0], texts[1], texts[2], texts[3])

    def _pointer(self) -> tuple[int, int]:
        """A flag that something is given, and its length."""
        return self.connection.u8(), self.connection.integer()

    def _optional(self, pointer: int, length: int) -> str | None:
        if not pointer:
            return None
        return self._text(length) if length else ""

    def lobs_to_free(self) -> list[bytes]:
        connection = self.connection
        connection.u8()
        length = connection.integer()
        connection.u8()
        connection.skip_integers(3)
        connection.take(3)
        connection.integer()
        connection.u8()
        connection.skip_integers(3)
        connection.u8()
        for _ in range(3):
            connection.u8()
            connection.integer()
        data = connection.take(length)
        return [data[start : start + LOCATOR_SIZE] for start in range(0, length, LOCATOR_SIZE)]

    def key_values(self) -> None:
        """Application context, high availability settings: read, and nothing is done with them."""
        connection = self.connection
        connection.u8()
        length = connection.integer()
        connection.u8()
        count = connection.integer()
        connection.integer()
        connection.u8()
        self._text(length)
        for _ in range(count):
            connection.counted()
            connection.counted()
            connection.integer()


def unsupported(function: int) -> OracleError:
    """What the client gets for a function that is not simulated."""
    names = {128: "direct path load", 129: "direct path load", 130: "direct path load", 103: "distributed transactions"}
    names |= {104: "distributed transactions", 121: "advanced queuing", 122: "advanced queuing", 145: "advanced queuing"}
    names |= {125: "subscriptions", 187: "notifications", 162: "resident connection pooling", 163: "resident connection pooling"}
    return OracleError(3001, f"unimplemented feature ({names.get(function, f'TTC function {function}')})")
