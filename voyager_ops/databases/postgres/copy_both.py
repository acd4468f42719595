"""The bytes of a replication connection: as libpq hands them over, message by message, or from its socket, all that is there.

Of every message libpq and psycopg make two copies and three objects. So once libpq has connected (and agreed on everything else),
a session that nothing encrypts is read and written here, from START_REPLICATION on, which libpq does not know of. Behind TLS or
GSSAPI it stays with libpq.
"""

from __future__ import annotations

import os
import select
import socket
from itertools import accumulate
from struct import Struct
from typing import Final, NamedTuple, Protocol

import numpy as np
import psycopg
from psycopg import pq

from voyager_ops.changes.cells import Places

BUFFER: Final = 4 << 20
"""Bytes taken in at once; what is one larger message is taken in whole."""
_SIZE: Final = Struct(">I").unpack_from
_HEAD: Final = Struct(">cI").pack
_KIND: Final = 5
"""Bytes before a message's payload: its kind and its length, which counts itself."""
_DATA, _ENDS, _COMPLETE, _ERROR, _NOTICE, _SETTING, _COPIES = b"dcCENSW"
_IGNORED: Final = frozenset((_NOTICE, _SETTING))


class Ended(Exception):
    """The server has ended the stream, or the connection is lost; with the words that say why."""


class Refused(NamedTuple):
    """What the server answered instead of streaming."""

    sqlstate: str
    message: str


class Payloads(NamedTuple):
    """Where the payloads of CopyData messages begin and end in ``data``."""

    data: bytes
    at: Places
    ends: Places


class CopyBoth(Protocol):
    """A replication connection. Every method raises :class:`Ended`."""

    def start(self, statement: bytes) -> Refused | None:
        """Run START_REPLICATION; when it was refused, it may be tried again."""

    def fill(self) -> None:
        """Take in what has arrived, without waiting."""

    def payloads(self) -> Payloads | None:
        """All messages that are here whole, once; None when there are none."""

    def send(self, payload: bytes) -> None: ...

    def close(self) -> None: ...


def copy_both(pgconn: pq.abc.PGconn) -> CopyBoth:
    """For a connected session that is idle. The caller closes ``pgconn`` after it."""
    return LibpqCopy(pgconn) if pgconn.ssl_in_use or pgconn.used_gssapi else SocketCopy(pgconn.socket)


class LibpqCopy:
    """See :class:`CopyBoth`."""

    def __init__(self, pgconn: pq.abc.PGconn) -> None:
        self._pgconn = pgconn
        self._ended = ""
        # libpq's buffer grows to the largest message and stays so: a read then takes what is there, not 16 KB (8 % less CPU).
        pgconn.exec_(b"SELECT pg_catalog.repeat(' ', 1048576)")

    def start(self, statement: bytes) -> Refused | None:
        result = self._pgconn.exec_(statement)
        if result.status == pq.ExecStatus.COPY_BOTH:
            return None
        state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
        return Refused(state, result.error_message.decode("utf-8", "replace").strip())

    def fill(self) -> None:
        try:
            # Also when the socket has nothing: a TLS layer may hold bytes which the socket no longer shows.
            self._pgconn.consume_input()
        except psycopg.OperationalError as error:
            raise Ended(str(error)) from None

    def payloads(self) -> Payloads | None:
        if self._ended:
            raise Ended(self._ended)
        get = self._pgconn.get_copy_data
        found: list[bytes] = []
        while True:
            try:
                size, data = get(1)
            except psycopg.OperationalError as error:
                raise Ended(str(error)) from None
            if size > 0:
                found.append(bytes(data))
            elif size == 0:
                break
            else:  # libpq tells it once
                result = self._pgconn.get_result()
                message = result.error_message.decode("utf-8", "replace") if result else ""
                self._ended = message or "the server ended the stream"
                break
        if not found:
            if self._ended:
                raise Ended(self._ended)
            return None
        sizes = np.array(list(map(len, found)), np.int64)
        ends = np.array(list(accumulate(map(len, found))), np.int64)
        return Payloads(b"".join(found), ends - sizes, ends)

    def send(self, payload: bytes) -> None:
        try:
            self._pgconn.put_copy_data(payload)
            self._pgconn.flush()
        except psycopg.OperationalError as error:
            raise Ended(str(error)) from None

    def close(self) -> None:
        return None


class SocketCopy:
    """See :class:`CopyBoth`."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=os.dup(descriptor))
        self._socket.setblocking(False)
        self._buffer = bytearray(BUFFER)
        self._held = 0
        """Bytes in it."""
        self._lost = ""
        """Why there will be no more than that."""

    def start(self, statement: bytes) -> Refused | None:
        self._write(_HEAD(b"Q", len(statement) + 5) + statement + b"\0")
        refused: Refused | None = None
        while True:
            try:
                kind, body = self._message()
            except Ended:
                if refused is not None:  # it refused the session, and has closed it
                    raise Ended(refused.message) from None
                raise
            if kind == _COPIES:
                return None
            if kind == _ERROR:
                refused = _refused(body)
            elif kind not in _IGNORED and refused is not None:
                return refused  # ready for another statement

    def fill(self) -> None:
        while self._held < len(self._buffer) and not self._lost:
            try:
                with memoryview(self._buffer) as view:
                    size = self._socket.recv_into(view[self._held :])
            except BlockingIOError:
                return
            except OSError as error:
                self._lost = error.strerror or str(error)
                return
            if not size:
                self._lost = "the server closed the connection"
                return
            self._held += size

    def payloads(self) -> Payloads | None:
        starts = self._whole()
        if not starts:
            if self._lost:
                raise Ended(self._lost)
            return None
        end = starts.pop()
        with memoryview(self._buffer) as view:
            data = bytes(view[:end])
            view[: self._held - end] = bytes(view[end : self._held])
        self._held -= end
        if len(self._buffer) > BUFFER >= self._held:  # it held one large message
            self._buffer = self._buffer[:BUFFER]
        at = np.array(starts, np.int64)
        ends = np.append(at[1:], end)
        strange = np.flatnonzero(np.frombuffer(data, np.uint8)[at] != _DATA)
        if len(strange):
            for place in strange.tolist():
                kind, body = data[at[place]], data[at[place] + _KIND : ends[place]]
                if kind in _IGNORED:
                    continue
                self._lost = _refused(body).message if kind == _ERROR else "the server ended the stream"
                if kind not in (_ERROR, _ENDS, _COMPLETE):  # the latter is all that a server says which is shut down
                    self._lost = f"the server sent a message of kind {kind} in a stream"
                at, ends = at[:place], ends[:place]
                self._held = 0
                break
            data_only = np.frombuffer(data, np.uint8)[at] == _DATA
            at, ends = at[data_only], ends[data_only]
        return Payloads(data, at + _KIND, ends)

    def _whole(self) -> list[int]:
        """Where each message begins that is here whole, and where the last one ends; empty when there is none."""
        data, held, at = self._buffer, self._held, 0
        starts: list[int] = []
        append = starts.append
        last = held - _KIND
        after = 0
        while at <= last:
            after = at + 1 + _SIZE(data, at + 1)[0]
            if after > held:
                break
            append(at)
            at = after
        if starts:
            append(at)
        elif after > len(data):
            self._buffer = data + bytes(after - len(data))
        return starts

    def _message(self) -> tuple[int, bytes]:
        """One message, waited for: its kind and its payload."""
        while not (starts := self._whole()):
            if self._lost:
                raise Ended(self._lost)
            self._wait(select.POLLIN)
            self.fill()
        end = starts[1]
        kind, body = self._buffer[0], bytes(self._buffer[_KIND:end])
        self._buffer[: self._held - end] = self._buffer[end : self._held]
        self._held -= end
        return kind, body

    def send(self, payload: bytes) -> None:
        self._write(_HEAD(b"d", len(payload) + 4) + payload)

    def _write(self, data: bytes) -> None:
        try:
            while data:
                try:
                    data = data[self._socket.send(data) :]
                except BlockingIOError:
                    self._wait(select.POLLOUT)
        except OSError as error:
            raise Ended(error.strerror or str(error)) from None

    def _wait(self, event: int) -> None:
        poll = select.poll()  # select() knows no descriptor from 1,024 on
        poll.register(self._socket, event)
        poll.poll()

    def close(self) -> None:
        self._socket.close()


def _refused(body: bytes) -> Refused:
    """Of the fields of an error: a letter, a text, a zero byte each."""
    fields = {field[:1]: field[1:].decode("utf-8", "replace") for field in body.split(b"\0") if field}
    severity = fields.get(b"S", "ERROR")
    return Refused(fields.get(b"C", ""), f"{severity}:  {fields.get(b'M', 'no reason given')}")
