"""Values in messages: columns of fetched rows, OUT binds on their way out, IN binds on their way in."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from voyager_ops.testing.oracle import codec
from voyager_ops.testing.oracle.engine import Bind, BindValue, ColumnInfo, OracleError, TypeNumber, Value
from voyager_ops.testing.oracle.lobs import CHUNK_SIZE, LobStore
from voyager_ops.testing.oracle.wire import Connection, Writer

CHARACTER_TYPES = frozenset((TypeNumber.VARCHAR2, TypeNumber.CHAR, TypeNumber.LONG))
LONG_TYPES = frozenset((TypeNumber.LONG, TypeNumber.LONG_RAW))
LOB_TYPES = frozenset((TypeNumber.CLOB, TypeNumber.BLOB))
SIZED_TYPES = CHARACTER_TYPES | {TypeNumber.RAW, TypeNumber.LONG_RAW}
NOT_SUPPORTED = {
    TypeNumber.OBJECT: "object types",
    TypeNumber.JSON: "JSON values in Oracle's binary form",
    TypeNumber.VECTOR: "VECTOR values",
    TypeNumber.BFILE: "BFILE locators",
    TypeNumber.CURSOR: "cursors as values",
}
ARRAY_FLAG = 0x40
FORM_IMPLICIT, FORM_NCHAR = 1, 2
ESCAPE = 253

_SCALARS: dict[TypeNumber, Callable[[Any], bytes]] = {
    TypeNumber.NUMBER: codec.encode_number,
    TypeNumber.BINARY_INTEGER: codec.encode_number,
    TypeNumber.DATE: codec.encode_date,
    TypeNumber.TIMESTAMP: codec.encode_timestamp,
    TypeNumber.TIMESTAMP_LTZ: codec.encode_timestamp,
    TypeNumber.TIMESTAMP_TZ: codec.encode_timestamp_tz,
    TypeNumber.INTERVAL_DS: codec.encode_day_interval,
    TypeNumber.INTERVAL_YM: codec.encode_month_interval,
    TypeNumber.BINARY_DOUBLE: codec.encode_double,
    TypeNumber.BINARY_FLOAT: codec.encode_float,
    TypeNumber.RAW: bytes,
    TypeNumber.LONG_RAW: bytes,
    TypeNumber.BOOLEAN: lambda value: b"\x01\x01" if value else b"\x00",
}


@dataclass(frozen=True, slots=True)
class WireBind:
    """A bind (or define) as the client described it. ``type`` as a plain number: the client may name any."""

    type: int
    flags: int
    size: int
    max_elements: int
    form: int

    @property
    def is_array(self) -> bool:
        return bool(self.flags & ARRAY_FLAG)

    def bind(self) -> Bind:
        """For the engine. ORA-03001 for types that are not simulated."""
        kind = known_type(self.type)
        return Bind(kind, self.size, self.form == FORM_NCHAR, self.max_elements if self.is_array else 0)


def known_type(number: int) -> TypeNumber:
    """``number`` as a type that is simulated. ORA-03001 else."""
    try:
        kind = TypeNumber(number)
    except ValueError:
        raise OracleError(3001, f"unimplemented feature (type number {number})") from None
    if kind in NOT_SUPPORTED:
        raise OracleError(3001, f"unimplemented feature ({NOT_SUPPORTED[kind]})")
    return kind


# -- on the way out ---------------------------------------------------------------------------------------------------


def _character_encoder(form: int) -> Callable[[Any], bytes]:
    encoding = "utf-16-be" if form == FORM_NCHAR else "utf-8"
    return lambda value: str(value).encode(encoding)


def cell_writer(writer: Writer, column: ColumnInfo, define: WireBind | None, lobs: LobStore) -> Callable[[Value], None]:
    """What writes the values of ``column`` of fetched rows; ``define``: how the client asked for it, if it did."""
    kind = column.type
    form = FORM_NCHAR if column.national else FORM_IMPLICIT
    string = writer.string
    if kind in LOB_TYPES and define is not None and define.type not in (TypeNumber.CLOB, TypeNumber.BLOB):
        return _long_writer(writer, define.form)
    if kind in LONG_TYPES:
        return _long_writer(writer, form)
    if kind in LOB_TYPES:
        return lambda value: write_lob(writer, kind, value, lobs)
    if kind is TypeNumber.ROWID:
        return lambda value: _write_rowid(writer, value)
    if kind is TypeNumber.UROWID:
        return lambda value: _write_urowid(writer, value)
    encode = _character_encoder(form) if kind in CHARACTER_TYPES else _SCALARS.get(kind)
    if encode is None:
        known_type(kind)
        raise OracleError(3001, f"unimplemented feature (a column of type {kind.name})")

    def write(value: Value, encode: Callable[[Any], bytes] = encode) -> None:
        string(None if value is None else encode(value))

    return write


def _long_writer(writer: Writer, form: int) -> Callable[[Value], None]:
    encode = _character_encoder(form)

    def write(value: Value) -> None:
        if value is None:
            writer.string(None).integer(-1).integer(1405)
        else:
            writer.string(value if isinstance(value, bytes) else encode(value)).zeros(2)

    return write


def write_lob(writer: Writer, kind: TypeNumber, value: Value, lobs: LobStore) -> None:
    """A locator, with the length and chunk size that a client would else ask for."""
    if value is None:
        writer.integer(0)
        return
    if not isinstance(value, str | bytes):
        raise OracleError(932, f"inconsistent datatypes: expected {kind.name} got {type(value).__name__}")
    locator, lob = lobs.add(kind, value)
    writer.integer(len(locator)).integer(lob.length).integer(CHUNK_SIZE).string(locator)


def _write_rowid(writer: Writer, value: Value) -> None:
    if value is None:
        writer.u8(0)
        return
    rba, partition, block, slot = codec.rowid_parts(str(value))
    writer.u8(14).integer(rba).integer(partition).u8(0).integer(block).integer(slot)


def _write_urowid(writer: Writer, value: Value) -> None:
    if value is None:
        writer.u8(0)
        return
    image = bytes((1,)) + struct.pack(">IHIH", *codec.rowid_parts(str(value)))
    writer.string(bytes((len(image),))).string(image)


def write_out(writer: Writer, bind: WireBind, value: BindValue, lobs: LobStore) -> None:
    """The value of an OUT or returning bind. ORA-06502 when it does not fit into the client's buffer."""
    if bind.is_array:
        elements = value if isinstance(value, list) else []
        if len(elements) > bind.max_elements:
            raise OracleError(6513, "PL/SQL: index for PL/SQL table out of range for host language array")
        writer.integer(len(elements))
        for element in elements:
            _write_out_element(writer, bind, element, lobs)
        return
    if isinstance(value, list):
        raise OracleError(6550, "PLS-00418: array bind type must match PL/SQL table row type")
    _write_out_element(writer, bind, value, lobs)


def _write_out_element(writer: Writer, bind: WireBind, value: Value, lobs: LobStore) -> None:
    kind = known_type(bind.type)
    if kind in LOB_TYPES:
        write_lob(writer, kind, value, lobs)
        writer.integer(0)
        return
    if value is None:
        writer.string(None).integer(-1 if kind is TypeNumber.BOOLEAN else 0)
        return
    if kind in (*CHARACTER_TYPES, TypeNumber.ROWID, TypeNumber.UROWID):
        raw = _character_encoder(bind.form)(value)
    else:
        raw = _SCALARS[kind](value)
    if kind in SIZED_TYPES and len(raw) > max(bind.size, 1):
        raise OracleError(6502, "PL/SQL: numeric or value error: character string buffer too small")
    writer.string(raw).integer(0)


# -- on the way in ----------------------------------------------------------------------------------------------------


def read_row(connection: Connection, binds: list[WireBind | None], lobs: LobStore, long_from: int | None) -> list[BindValue]:
    """One row of bind values; None in ``binds`` where the client sends nothing.

    ``long_from``: values whose buffer is larger stand after all the others (not in PL/SQL: None).
    """
    row: list[BindValue] = [None] * len(binds)
    late: list[int] = []
    for index, bind in enumerate(binds):
        if bind is None:
            continue
        if bind.is_array:
            row[index] = [read_value(connection, bind, lobs) for _ in range(connection.integer())]
        elif long_from is not None and bind.size > long_from and bind.type in SIZED_TYPES:
            late.append(index)
        else:
            row[index] = read_value(connection, bind, lobs)
    for index in late:
        bind = binds[index]
        assert bind is not None
        row[index] = read_value(connection, bind, lobs)
    return row


def read_value(connection: Connection, bind: WireBind, lobs: LobStore) -> Value:
    """One value. What is not simulated is read off and is None: ``WireBind.bind`` refuses its type afterwards."""
    kind = bind.type
    if kind in (TypeNumber.CLOB, TypeNumber.BLOB, TypeNumber.BFILE):
        locator = connection.counted()
        return None if locator is None or kind == TypeNumber.BFILE else lobs.get(locator).value
    if kind == TypeNumber.BOOLEAN:
        length = connection.u8()
        if length == ESCAPE:
            connection.u8()
            return None
        return connection.take(length)[-1] == 1 if length else None
    if kind in NOT_SUPPORTED:
        _skip(connection, TypeNumber(kind))
        return None
    data = connection.string()
    if data is None:
        return None
    if kind in CHARACTER_TYPES:
        return data.decode("utf-16-be" if bind.form == FORM_NCHAR else "utf-8", "surrogatepass")
    decode = _DECODERS.get(kind)
    return data if decode is None else decode(data)


_DECODERS: dict[int, Callable[[bytes], Value]] = {
    TypeNumber.NUMBER: codec.decode_number,
    TypeNumber.BINARY_INTEGER: codec.decode_number,
    TypeNumber.DATE: codec.decode_timestamp,
    TypeNumber.TIMESTAMP: codec.decode_timestamp,
    TypeNumber.TIMESTAMP_TZ: codec.decode_timestamp,
    TypeNumber.TIMESTAMP_LTZ: codec.decode_timestamp,
    TypeNumber.BINARY_FLOAT: codec.decode_float,
    TypeNumber.BINARY_DOUBLE: codec.decode_float,
    TypeNumber.INTERVAL_DS: codec.decode_day_interval,
    TypeNumber.INTERVAL_YM: codec.decode_month_interval,
}


def _skip(connection: Connection, kind: TypeNumber) -> None:
    if kind is TypeNumber.CURSOR:
        if connection.integer():
            connection.integer()
    elif kind is TypeNumber.OBJECT:
        connection.counted()
        connection.counted()
        connection.counted()
        connection.integer()
        length = connection.integer()
        connection.integer()
        if length:
            connection.string()
    elif connection.integer():  # JSON and VECTOR: a locator made up by the client, and the data
        connection.string()
        connection.string()
