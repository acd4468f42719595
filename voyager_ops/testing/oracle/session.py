"""One client's connection from CONNECT to its end, in a thread of its own: packets, messages, breaks."""

from __future__ import annotations

import logging
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from voyager_ops.testing.oracle import negotiation, requests
from voyager_ops.testing.oracle.calls import CANCELLED, Calls, Environment
from voyager_ops.testing.oracle.engine import OracleError
from voyager_ops.testing.oracle.replies import MESSAGE_END_OF_RESPONSE, MESSAGE_TOKEN, Replies
from voyager_ops.testing.oracle.requests import RequestReader
from voyager_ops.testing.oracle.wire import (
    Connection,
    ConnectionEnded,
    MarkerReceived,
    MarkerType,
    PacketType,
    ProtocolError,
    Writer,
)

if TYPE_CHECKING:
    from voyager_ops.testing.oracle.server import Server

log = logging.getLogger(__name__)
NO_SERVICE, NO_SID = 12514, 12505


class Session:
    """``run`` is the thread's work; ``watch`` and ``shut`` are called by the server from other threads."""

    def __init__(self, server: Server, sock: socket.socket, address: tuple[str, int]) -> None:
        self._server = server
        self._profile = server.profile
        self._socket = sock
        self._address = address
        self._connection = Connection(sock)
        self._reader = RequestReader(self._connection, self._profile.field_version)
        self._replies = Replies(self._profile.field_version, server.engine.max_string_size)
        self._calls: Calls | None = None
        self._busy_since: float | None = None
        self._interrupted = False
        self._gone = False
        self._marks_end = self._profile.end_of_response

    # -- life ---------------------------------------------------------------------------------------------------------

    @property
    def user(self) -> str:
        """Who is logged on, or about to be."""
        return self._calls.user if self._calls is not None else ""

    def run(self) -> None:
        """Serve until the connection ends, whichever way; then the engine's session is closed (and so rolled back)."""
        try:
            service = self._accept()
            if service is not None:
                self._calls = Calls(self._environment(service))
                self._serve(self._calls)
        except ConnectionEnded:
            log.debug("connection of %s ended", self._address)
        except ProtocolError as error:
            log.warning("connection of %s: %s", self._address, error)
        except Exception:
            log.exception("connection of %s", self._address)
        finally:
            self._gone = True
            # The socket first: a client that is waiting sees its connection end at once, as with a real server's death.
            self._socket.close()
            if self._calls is not None:
                self._calls.close()

    def shut(self) -> None:
        """Break the connection off: what runs is cancelled, what waits wakes up."""
        self._gone = True
        with suppress(OSError):  # the client was faster
            self._socket.shutdown(socket.SHUT_RDWR)
        if self._calls is not None and self._busy_since is not None:
            self._calls.cancel()

    def watch(self, patience: float) -> None:
        """See whether a client whose call has been running for ``patience`` seconds is gone or breaks the call off."""
        since = self._busy_since
        if since is None or self._interrupted or self._gone or time.monotonic() - since < patience:
            return
        try:
            head = self._socket.recv(8, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            head = b""
        if not head:
            self._gone = True
        elif len(head) == 8 and head[4] == PacketType.MARKER:
            self._interrupted = True
        else:
            return
        if self._calls is not None and self._busy_since is not None:
            self._calls.cancel()

    def _given_up(self) -> bool:
        return self._gone or self._interrupted

    def _environment(self, service: str) -> Environment:
        server = self._server
        return Environment(
            server.engine,
            server.faults,
            self._connection,
            self._reader,
            self._replies,
            self._address,
            service,
            server.compress,
            self._given_up,
            server.instance,
        )

    def _accept(self) -> str | None:
        """The service that the client asks for, once it is accepted; None when it is refused."""
        kind, body = self._connection.read_packet()
        if kind != PacketType.CONNECT:
            raise ProtocolError(f"a packet of type {kind} instead of CONNECT")
        request = negotiation.read_connect(self._connection, body)
        known = {name.upper() for name in self._server.engine.services}
        if request.by_sid:
            known.add(self._server.engine.database_name.upper())
        if request.name.upper() not in known:
            self._connection.send_packet(PacketType.REFUSE, negotiation.refusal(NO_SID if request.by_sid else NO_SERVICE))
            return None
        self._connection.send_packet(PacketType.ACCEPT, negotiation.acceptance(self._profile, request.sdu))
        self._connection.large = True
        self._connection.sdu = request.sdu
        return request.name

    def _serve(self, calls: Calls) -> None:
        while not calls.ended:
            try:
                self._connection.next_data()
                self._message(calls)
            except MarkerReceived as marker:
                self._interrupted = False
                self._break(marker.kind)

    # -- breaks and errors --------------------------------------------------------------------------------------------

    def _break(self, kind: MarkerType) -> None:
        """The client has broken off: both sides reset, and the client gets the error of the cancelled call."""
        if kind is MarkerType.RESET:
            self._connection.send_marker(MarkerType.RESET)
        else:
            self._handshake()
        writer = Writer()
        self._replies.end_of_call(writer, CANCELLED)
        self._send(writer)

    def _handshake(self) -> None:
        """BREAK to the client, its RESET (what it had sent before is dropped), RESET back."""
        self._connection.send_marker(MarkerType.BREAK)
        while True:
            packet, body = self._connection.read_packet()
            if packet == PacketType.MARKER and body[2] == MarkerType.RESET:
                break
        self._connection.discard()
        self._connection.send_marker(MarkerType.RESET)

    def _send_error(self, writer: Writer, error: OracleError, cursor: int) -> None:
        if self._profile.marker_errors:
            self._handshake()
        self._replies.end_of_call(writer, error, cursor=cursor, row_count=error.row_count)
        self._send(writer)

    def _send(self, writer: Writer) -> None:
        if self._marks_end:
            writer.u8(MESSAGE_END_OF_RESPONSE)
        self._connection.send_message(writer.data, end_of_response=self._marks_end)

    # -- messages -----------------------------------------------------------------------------------------------------

    def _message(self, calls: Calls) -> None:
        connection = self._connection
        while True:
            kind = connection.u8()
            if kind == requests.MESSAGE_PIGGYBACK:
                function, _, _ = self._reader.header()
                calls.piggyback(function)
                continue
            if kind in (requests.MESSAGE_FUNCTION, requests.MESSAGE_ONE_WAY):
                function, sequence, token = self._reader.header()
                self._function(calls, function, sequence, token, Writer())
            elif kind == requests.MESSAGE_PROTOCOL:
                negotiation.read_protocol(connection)
                writer = Writer()
                negotiation.write_protocol(writer, self._profile, self._replies.max_string_size)
                self._send(writer)
            elif kind == requests.MESSAGE_DATA_TYPES:
                self._data_types()
                self._send(Writer().u8(requests.MESSAGE_DATA_TYPES).u16(0))
            elif kind == requests.MESSAGE_FAST_AUTH:
                self._fast_auth(calls)
            else:
                raise ProtocolError(f"a message of type {kind}")
            return

    def _data_types(self) -> None:
        form = negotiation.read_data_types(self._connection)
        self._reader.converted_lengths = self._replies.converted_lengths = form.converted_lengths
        self._marks_end = self._marks_end and form.end_of_response

    def _fast_auth(self, calls: Calls) -> None:
        """Protocol, data types and first part of the logon in one message, and so are the answers."""
        connection = self._connection
        connection.take(3)
        connection.u8()
        negotiation.read_protocol(connection)
        connection.take(5)
        field_version = connection.u8()  # of this message; what is agreed on comes with the answer
        connection.u8()
        self._data_types()
        connection.u8()
        function, sequence, token = self._reader.header(field_version)
        writer = Writer()
        negotiation.write_protocol(writer, self._profile, self._replies.max_string_size)
        writer.u8(requests.MESSAGE_DATA_TYPES).u16(0)
        self._function(calls, function, sequence, token, writer)

    def _function(self, calls: Calls, function: int, sequence: int, token: int, writer: Writer) -> None:
        self._replies.sequence = sequence
        if token:
            writer.u8(MESSAGE_TOKEN).integer(token)
        start = len(writer.data)
        error: OracleError | None = None
        self._busy_since = time.monotonic()
        try:
            calls.carry_out(function, writer)
        except OracleError as problem:
            error = problem
        except (ConnectionEnded, MarkerReceived, ProtocolError):
            raise
        except Exception as problem:  # a defect of the simulator must reach the test as an error of its own
            log.exception("function %d of %s", function, self._address)
            error = OracleError(600, f"internal error code, arguments: [{type(problem).__name__}], [{problem}]")
        finally:
            self._busy_since = None
        if self._interrupted:  # the marker is the next packet, and the answer to it is the answer to this call
            return
        if error is None:
            self._send(writer)
            return
        del writer.data[start:]
        self._send_error(writer, error, calls.failing_cursor)
