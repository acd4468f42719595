"""The beginning of a connection: which service, which packets, which version of the protocol, which capabilities."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from voyager_ops.testing.oracle.wire import HEADER_SIZE, Connection, ProtocolError, Writer

MAX_SDU = 65535
MIN_CONNECT, LARGE_CONNECT = 26, 54  # bytes of a CONNECT packet's body before its connect data, without and with a large SDU
ACCEPT_FAST_AUTH = 0x10000000
ACCEPT_END_OF_RESPONSE = 0x02000000
NETWORK_ENCRYPTION_DISABLED = 0x04
CHARSET_UTF8, CHARSET_UTF16 = 873, 2000
LENGTHS_ARE_CONVERTED = 0x02
# Versions of the fields in messages, by the release that brought them.
FIELDS_12_2, FIELDS_18_1_EXT_1, FIELDS_19_1_EXT_1, FIELDS_20_1, FIELDS_23_1 = 8, 11, 13, 14, 17
FIELDS_23_1_EXT_1, FIELDS_23_1_EXT_3, FIELDS_23_4 = 18, 20, 24
# Where a capability stands among a server's compile time capabilities, and what it is there.
COMPILE_CAPABILITIES = {0: 6, 4: 0xEA, 15: 0x29, 16: 0x90, 23: 0xCF, 27: 1, 37: 0xB8}
COMPILE_CAPABILITIES_SIZE, FIELD_VERSION_INDEX = 55, 7
RUNTIME_CAPABILITIES_SIZE, RUNTIME_COMPATIBILITY, RUNTIME_TTC = 13, (0, 2), 6
TTC_ZERO_COPY, TTC_32K = 0x01, 0x04
TTC4_INDEX, TTC4_END_OF_RESPONSE = 40, 0x20


@dataclass(frozen=True, slots=True)
class Profile:
    """How a release speaks. ``marker_errors``: an error is announced with a BREAK marker, as servers before 23ai do."""

    name: str
    field_version: int
    fast_auth: bool
    end_of_response: bool
    marker_errors: bool

    @property
    def protocol_version(self) -> int:
        return 319 if self.end_of_response else 318


PROFILES = {
    "19c": Profile("19c", FIELDS_19_1_EXT_1, fast_auth=False, end_of_response=False, marker_errors=True),
    "23ai": Profile("23ai", FIELDS_23_4, fast_auth=True, end_of_response=True, marker_errors=False),
}


@dataclass(frozen=True, slots=True)
class ConnectRequest:
    """What a CONNECT packet asks for. ``by_sid``: the name is a SID."""

    name: str
    by_sid: bool
    sdu: int


def read_connect(connection: Connection, body: bytes) -> ConnectRequest:
    """``body`` of a CONNECT packet; connect data that is too long for it is read from the packet that follows."""
    if len(body) < MIN_CONNECT:
        raise ProtocolError(f"a CONNECT packet of {len(body)} bytes")
    length, offset = struct.unpack(">HH", body[16:20])
    start = offset - HEADER_SIZE
    sdu = struct.unpack(">I", body[50:54])[0] if start >= LARGE_CONNECT else struct.unpack(">H", body[6:8])[0]
    if len(body) >= start + length:
        data = body[start : start + length]
    else:
        connection.next_data()
        data = connection.take(length)
    text = data.decode("utf-8", "replace")
    sdu = min(max(sdu, 512), MAX_SDU)
    for keyword in ("SERVICE_NAME", "SID"):
        found = re.search(rf"\(\s*{keyword}\s*=\s*([^)]*?)\s*\)", text, re.IGNORECASE)
        if found:
            return ConnectRequest(found[1], keyword == "SID", sdu)
    return ConnectRequest("", False, sdu)


def refusal(code: int) -> bytes:
    """The body of a REFUSE packet with a listener's error (12514: service, 12505: SID)."""
    text = f"(DESCRIPTION=(TMP=)(VSNNUM=0)(ERR={code})(ERROR_STACK=(ERROR=(CODE={code})(EMFI=4))))".encode()
    return bytes((0, 0)) + struct.pack(">H", len(text)) + text


def acceptance(profile: Profile, sdu: int) -> bytes:
    """The body of an ACCEPT packet."""
    flags = (ACCEPT_FAST_AUTH if profile.fast_auth else 0) | (ACCEPT_END_OF_RESPONSE if profile.end_of_response else 0)
    writer = Writer().u16(profile.protocol_version).u16(1)  # no out-of-band breaks: a break is a marker packet
    writer.raw(struct.pack(">HHHHH", min(sdu, 0xFFFF), 0xFFFF, 1, 0, 45))
    writer.u8(NETWORK_ENCRYPTION_DISABLED).u8(NETWORK_ENCRYPTION_DISABLED).zeros(8)
    writer.u32(sdu).u32(sdu).u8(0).u32(flags)
    if profile.end_of_response:
        writer.zeros(16)  # the connection's identifier
    return bytes(writer.data)


def read_protocol(connection: Connection) -> None:
    """The client's protocol message (its type is read already): versions and its name."""
    connection.u8()
    connection.skip_zero_terminated()
    connection.skip_zero_terminated()


def write_protocol(writer: Writer, profile: Profile, max_string_size: int) -> None:
    """The server's protocol message: character sets and capabilities."""
    compiled = bytearray(COMPILE_CAPABILITIES_SIZE)
    for index, value in COMPILE_CAPABILITIES.items():
        compiled[index] = value
    compiled[FIELD_VERSION_INDEX] = profile.field_version
    runtime = bytearray(RUNTIME_CAPABILITIES_SIZE)
    runtime[RUNTIME_COMPATIBILITY[0]] = RUNTIME_COMPATIBILITY[1]
    runtime[RUNTIME_TTC] = TTC_ZERO_COPY | (TTC_32K if max_string_size > 4000 else 0)
    national = bytes(9) + struct.pack(">H", CHARSET_UTF16) + bytes(2)
    writer.u8(1).u8(6).u8(0).raw(b"x86_64/Linux 2.4.xx\0").u16_little(CHARSET_UTF8).u8(1).u16_little(0)
    writer.u16(len(national)).raw(national).string(bytes(compiled)).string(bytes(runtime))


@dataclass(frozen=True, slots=True)
class ClientForm:
    """What the client says of itself: strings carry their own length in the messages; answers may end with a mark."""

    converted_lengths: bool
    end_of_response: bool


def read_data_types(connection: Connection) -> ClientForm:
    """The client's data types message (type read already)."""
    connection.take(4)
    converted = bool(connection.u8() & LENGTHS_ARE_CONVERTED)
    capabilities = connection.string() or b""
    connection.string()
    while connection.u16():
        if converted:
            connection.take(6)
        elif connection.u16():  # only a type that is converted has a representation
            connection.take(4)
    marks = len(capabilities) > TTC4_INDEX and bool(capabilities[TTC4_INDEX] & TTC4_END_OF_RESPONSE)
    return ClientForm(converted, marks)


def version_number(version: tuple[int, int, int, int, int], field_version: int) -> int:
    """The release as one integer, whose layout changed with 18c."""
    first, second, third, fourth, fifth = version
    if field_version >= FIELDS_18_1_EXT_1:
        return first << 24 | second << 16 | third << 12 | fourth << 4 | fifth
    return first << 24 | second << 20 | third << 12 | fourth << 8 | fifth
