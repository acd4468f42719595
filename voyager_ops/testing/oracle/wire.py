"""The lowest layer: TNS packets over a socket, and the integers and byte strings of TTC messages within them.

TTC's own forms: a *universal integer* is a byte that counts the bytes that follow (0 to 8, big endian; bit 7 set for a
negative one); a *string* is a byte with its length, or 254 and chunks (universal integer and bytes, ended by 0); a
*counted string* has its length before it once more as a universal integer, and is only that 0 when empty or NULL.
"""

from __future__ import annotations

import socket
import struct
from enum import IntEnum

HEADER_SIZE = 8
DATA_FLAG_EOF = 0x0040
DATA_FLAG_END_OF_RESPONSE = 0x2000
LONG_STRING = 254
MAX_SHORT_STRING = 252
CHUNK_SIZE = 32767
NULL_LENGTHS = (0, 255)


class PacketType(IntEnum):
    CONNECT = 1
    ACCEPT = 2
    REFUSE = 4
    DATA = 6
    MARKER = 12


class MarkerType(IntEnum):
    BREAK = 1
    RESET = 2
    INTERRUPT = 3


class ConnectionEnded(Exception):
    """The client has closed its connection, or is gone."""


class ProtocolError(Exception):
    """The client sent what this server does not understand; the connection cannot go on."""


class MarkerReceived(Exception):
    """A marker came where data was expected: the client has given up the message that it was sending."""

    def __init__(self, kind: MarkerType) -> None:
        super().__init__(kind.name)
        self.kind = kind


class Writer:
    """A TTC message under construction. Methods return the writer."""

    __slots__ = ("data",)

    def __init__(self) -> None:
        self.data = bytearray()

    def u8(self, value: int) -> Writer:
        self.data.append(value & 0xFF)
        return self

    def u16(self, value: int) -> Writer:
        """Two bytes, big endian."""
        self.data += struct.pack(">H", value)
        return self

    def u16_little(self, value: int) -> Writer:
        self.data += struct.pack("<H", value)
        return self

    def u32(self, value: int) -> Writer:
        """Four bytes, big endian."""
        self.data += struct.pack(">I", value)
        return self

    def raw(self, value: bytes | bytearray | memoryview) -> Writer:
        self.data += value
        return self

    def integer(self, value: int) -> Writer:
        """A universal integer."""
        data = self.data
        sign = 0
        if value < 0:
            value, sign = -value, 0x80
        if value == 0:
            data.append(0)
        elif value < 1 << 8:
            data += bytes((1 | sign, value))
        elif value < 1 << 16:
            data.append(2 | sign)
            data += struct.pack(">H", value)
        elif value < 1 << 32:
            data.append(4 | sign)
            data += struct.pack(">I", value)
        else:
            data.append(8 | sign)
            data += struct.pack(">Q", value)
        return self

    def zeros(self, count: int) -> Writer:
        """``count`` zero bytes, which are as many universal integers 0 or empty strings."""
        self.data += bytes(count)
        return self

    def string(self, value: bytes | None) -> Writer:
        data = self.data
        if not value:
            data.append(0)
        elif len(value) <= MAX_SHORT_STRING:
            data.append(len(value))
            data += value
        else:
            data.append(LONG_STRING)
            for start in range(0, len(value), CHUNK_SIZE):
                chunk = value[start : start + CHUNK_SIZE]
                self.integer(len(chunk))
                data += chunk
            data.append(0)
        return self

    def counted(self, value: bytes | str | None) -> Writer:
        """A counted string; text as UTF-8."""
        if not value:
            self.data.append(0)
            return self
        raw = value.encode() if isinstance(value, str) else value
        return self.integer(len(raw)).string(raw)


class Connection:
    """One client's socket: reads and writes packets, and reads the message whose DATA packets are coming in.

    Reading raises ConnectionEnded, MarkerReceived or ProtocolError. ``large`` (set once the connection is accepted): packet
    lengths have four bytes.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.large = False
        self.sdu = 8192
        self.data_flags = 0
        self._body = b""
        self._position = 0

    # -- packets ------------------------------------------------------------------------------------------------------

    def read_packet(self) -> tuple[int, bytes]:
        """The next packet: its type and its body (after the header of eight bytes)."""
        header = self._receive(HEADER_SIZE)
        length = int(struct.unpack(">I", header[:4])[0] if self.large else struct.unpack(">H", header[:2])[0])
        if length < HEADER_SIZE:
            raise ProtocolError(f"a packet of {length} bytes")
        return header[4], self._receive(length - HEADER_SIZE)

    def next_data(self) -> None:
        """Go to the next DATA packet, wherever the reader was."""
        kind, body = self.read_packet()
        if kind == PacketType.MARKER:
            self.discard()
            raise MarkerReceived(MarkerType(body[2]))
        if kind != PacketType.DATA:
            raise ProtocolError(f"a packet of type {kind} within a message")
        self.data_flags = struct.unpack(">H", body[:2])[0]
        if self.data_flags & DATA_FLAG_EOF:
            raise ConnectionEnded
        self._body, self._position = body, 2

    def discard(self) -> None:
        """Drop what is left of the current packet."""
        self._body, self._position = b"", 0

    def drain(self) -> None:
        """Drop the rest of a message whose length is not known: what is left here and what comes without a pause."""
        self.discard()
        previous = self.socket.gettimeout()
        self.socket.settimeout(0.05)
        try:
            while self.socket.recv(1, socket.MSG_PEEK):
                self.socket.settimeout(previous)
                kind, _ = self.read_packet()
                if kind == PacketType.MARKER:
                    return
                self.socket.settimeout(0.05)
        except TimeoutError:
            return
        except OSError as error:
            raise ConnectionEnded from error
        finally:
            self.socket.settimeout(previous)

    def send_message(self, data: bytes | bytearray, *, end_of_response: bool) -> None:
        """Send a message in as many DATA packets as it takes; the last one is flagged when ``end_of_response``."""
        size = self.sdu - HEADER_SIZE - 2
        view = memoryview(data)
        out = bytearray()
        for start in range(0, max(len(view), 1), size):
            chunk = view[start : start + size]
            last = start + size >= len(view)
            out += self._header(PacketType.DATA, len(chunk) + 2)
            out += struct.pack(">H", DATA_FLAG_END_OF_RESPONSE if end_of_response and last else 0)
            out += chunk
        self._send(out)

    def send_packet(self, kind: PacketType, body: bytes | bytearray) -> None:
        """Send one packet of any type but DATA."""
        self._send(self._header(kind, len(body)) + body)

    def send_marker(self, kind: MarkerType) -> None:
        self.send_packet(PacketType.MARKER, bytes((1, 0, kind)))

    def _header(self, kind: PacketType, length: int) -> bytes:
        if self.large:
            return struct.pack(">IBBH", length + HEADER_SIZE, kind, 0, 0)
        return struct.pack(">HHBBH", length + HEADER_SIZE, 0, kind, 0, 0)

    def _send(self, data: bytes | bytearray) -> None:
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise ConnectionEnded from error

    def _receive(self, count: int) -> bytes:
        out = bytearray(count)
        view = memoryview(out)
        done = 0
        try:
            while done < count:
                got = self.socket.recv_into(view[done:])
                if got == 0:
                    raise ConnectionEnded
                done += got
        except OSError as error:
            raise ConnectionEnded from error
        return bytes(out)

    # -- reading a message --------------------------------------------------------------------------------------------

    @property
    def more(self) -> bool:
        """Whether anything is left in the current packet."""
        return self._position < len(self._body)

    @property
    def rest(self) -> bytes:
        """What is left in the current packet."""
        return self._body[self._position :]

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes of the message, over packets' borders."""
        end = self._position + count
        if end <= len(self._body):
            found = self._body[self._position : end]
            self._position = end
            return found
        out = bytearray(self._body[self._position :])
        while len(out) < count:
            self.next_data()
            wanted = self._position + count - len(out)
            out += self._body[self._position : wanted]
            self._position = min(wanted, len(self._body))
        return bytes(out)

    def u8(self) -> int:
        position = self._position
        if position < len(self._body):
            self._position = position + 1
            return self._body[position]
        return self.take(1)[0]

    def u16(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def integer(self) -> int:
        """A universal integer."""
        length = self.u8()
        if length & 0x80:
            return -int.from_bytes(self.take(length & 0x7F), "big")
        return int.from_bytes(self.take(length), "big") if length else 0

    def string(self) -> bytes | None:
        length = self.u8()
        if length in NULL_LENGTHS:
            return None
        if length != LONG_STRING:
            return self.take(length)
        out = bytearray()
        while count := self.integer():
            out += self.take(count)
        return bytes(out)

    def counted(self) -> bytes | None:
        return self.string() if self.integer() else None

    def text(self) -> str:
        """A counted string as UTF-8; '' for NULL."""
        return (self.counted() or b"").decode()

    def skip_zero_terminated(self) -> None:
        while self.u8() != 0:
            continue

    def skip_integers(self, count: int) -> None:
        for _ in range(count):
            self.integer()
