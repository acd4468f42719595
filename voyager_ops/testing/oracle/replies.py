"""Building blocks of the server's answers: status, error, description of columns, directions of binds, row counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from voyager_ops.testing.oracle.engine import BatchError, ColumnInfo, Direction, OracleError, TypeNumber
from voyager_ops.testing.oracle.negotiation import (
    CHARSET_UTF8,
    CHARSET_UTF16,
    FIELDS_12_2,
    FIELDS_20_1,
    FIELDS_23_1,
    FIELDS_23_1_EXT_3,
    FIELDS_23_4,
)
from voyager_ops.testing.oracle.values import CHARACTER_TYPES, FORM_IMPLICIT, FORM_NCHAR, LOB_TYPES
from voyager_ops.testing.oracle.wire import Writer

MESSAGE_ERROR, MESSAGE_ROW_HEADER, MESSAGE_ROW_DATA, MESSAGE_PARAMETER, MESSAGE_STATUS = 4, 6, 7, 8, 9
MESSAGE_IO_VECTOR, MESSAGE_LOB_DATA, MESSAGE_DESCRIBE, MESSAGE_END_OF_RESPONSE, MESSAGE_TOKEN = 11, 14, 16, 29, 33
MESSAGE_BIT_VECTOR = 21
TRANSACTION_IN_PROGRESS = 0x02
COMPILED_WITH_ERRORS = 0x20
NO_DATA_FOUND = OracleError(1403, "no data found")
ARRAY_DML_ERRORS = OracleError(24381, "error(s) in array DML")
SIZES = {
    TypeNumber.NUMBER: 22,
    TypeNumber.DATE: 7,
    TypeNumber.TIMESTAMP: 11,
    TypeNumber.TIMESTAMP_LTZ: 11,
    TypeNumber.TIMESTAMP_TZ: 13,
    TypeNumber.BINARY_FLOAT: 4,
    TypeNumber.BINARY_DOUBLE: 8,
    TypeNumber.INTERVAL_YM: 5,
    TypeNumber.INTERVAL_DS: 11,
    TypeNumber.CLOB: 4000,
    TypeNumber.BLOB: 4000,
    TypeNumber.ROWID: 10,
    TypeNumber.UROWID: 3950,
    TypeNumber.BOOLEAN: 4,
    TypeNumber.LONG: 0,
    TypeNumber.LONG_RAW: 0,
}
WIDE_SCALE = frozenset(
    (
        TypeNumber.NUMBER,
        TypeNumber.TIMESTAMP,
        TypeNumber.TIMESTAMP_TZ,
        TypeNumber.TIMESTAMP_LTZ,
        TypeNumber.INTERVAL_YM,
        TypeNumber.INTERVAL_DS,
    )
)


@dataclass(slots=True)
class Replies:
    """Writes parts of answers in the form that was negotiated; ``sequence`` and ``in_transaction`` change per call.

    ``converted_lengths``: see ``negotiation.ClientForm``.
    """

    field_version: int
    max_string_size: int
    converted_lengths: bool = True
    sequence: int = 0
    in_transaction: bool = False

    def _call_status(self) -> int:
        return TRANSACTION_IN_PROGRESS if self.in_transaction else 0

    def status(self, writer: Writer) -> None:
        writer.u8(MESSAGE_STATUS).integer(self._call_status()).integer(self.sequence)

    def pairs(self, writer: Writer, pairs: Sequence[tuple[str, str, int]]) -> None:
        """Keys and values of the logon."""
        writer.u8(MESSAGE_PARAMETER).integer(len(pairs))
        for key, value, flags in pairs:
            writer.counted(key).counted(value).integer(flags)

    def end_of_call(
        self,
        writer: Writer,
        error: OracleError | None = None,
        *,
        cursor: int = 0,
        row_count: int = 0,
        batch_errors: Sequence[BatchError] = (),
        warning: bool = False,
    ) -> None:
        """The error message, which ends every call that has to do with a cursor; without ``error`` it says success."""
        code = error.code if error else 0
        writer.u8(MESSAGE_ERROR).integer(self._call_status()).integer(self.sequence)
        writer.integer(row_count & 0xFFFFFFFF).integer(code & 0xFFFF).zeros(2).integer(cursor)
        writer.integer(error.position if error else 0)
        writer.zeros(5).u8(COMPILED_WITH_ERRORS if warning else 0)
        writer.zeros(5)  # row id
        writer.zeros(2).u8(self.sequence).zeros(3)
        self._batch_errors(writer, batch_errors)
        writer.integer(code).integer(row_count)
        if self.field_version >= FIELDS_20_1:
            writer.zeros(2)
        if error:
            writer.string(f"{error}\n".encode())

    def _batch_errors(self, writer: Writer, batch_errors: Sequence[BatchError]) -> None:
        count = len(batch_errors)
        if not count:
            writer.zeros(3)
            return
        packed = min(count, 253)
        writer.integer(count).u8(packed)
        for entry in batch_errors:
            writer.integer(entry.error.code)
        writer.integer(count).u8(packed)
        for entry in batch_errors:
            writer.integer(entry.offset)
        writer.integer(count).u8(0)
        for entry in batch_errors:
            text = f"{entry.error}\n".encode()
            writer.integer(len(text)).string(text).zeros(2)

    def parameters(self, writer: Writer, cursor: int, row_counts: Sequence[int] | None = None) -> None:
        """Return parameters: row counts of an array DML; clients that do not convert lengths expect the cursor's number."""
        if self.converted_lengths and row_counts is None:
            return
        writer.u8(MESSAGE_PARAMETER)
        if self.converted_lengths:
            writer.zeros(4)
        else:
            writer.integer(6).zeros(2).integer(cursor).zeros(6)
        if row_counts is not None:
            writer.integer(len(row_counts))
            for count in row_counts:
                writer.integer(count)

    def directions(self, writer: Writer, directions: Sequence[Direction]) -> None:
        count = len(directions)
        writer.u8(MESSAGE_IO_VECTOR).u8(0).integer(count % 256).integer(count // 256).integer(1).zeros(3)
        for direction in directions:
            writer.u8(direction.value)

    def row_header(self, writer: Writer, columns: int, rows: int) -> None:
        writer.u8(MESSAGE_ROW_HEADER).u8(0).integer(columns).integer(0).integer(rows).zeros(3)

    def describe(self, writer: Writer, columns: Sequence[ColumnInfo]) -> None:
        writer.u8(MESSAGE_DESCRIBE).string(bytes(4)).integer(0).integer(len(columns))
        if columns:
            writer.u8(0)
        for position, column in enumerate(columns):
            self._column(writer, position, column)
        writer.zeros(6)

    def _column(self, writer: Writer, position: int, column: ColumnInfo) -> None:
        character = column.type in CHARACTER_TYPES or column.type is TypeNumber.CLOB
        form = (FORM_NCHAR if column.national else FORM_IMPLICIT) if character else 0
        size = column.size or SIZES.get(column.type, self.max_string_size)
        if column.type in LOB_TYPES:
            size = SIZES[column.type]
        characters = column.char_size or (size // 2 if form == FORM_NCHAR else size if form else 0)
        writer.u8(column.type).u8(0x80).u8(column.precision)
        if column.type in WIDE_SCALE and not self.converted_lengths:
            writer.integer(column.scale)
        else:
            writer.u8(column.scale)
        charset = {0: 0, FORM_IMPLICIT: CHARSET_UTF8, FORM_NCHAR: CHARSET_UTF16}[form]
        writer.integer(size).zeros(4).integer(charset).u8(form).integer(characters)
        if self.field_version >= FIELDS_12_2:
            writer.integer(0)
        name = column.name.encode()
        writer.u8(column.nullable).u8(len(name)).counted(name).zeros(2).integer(position).integer(0)
        if self.field_version >= FIELDS_23_1:
            writer.zeros(2)
        if self.field_version >= FIELDS_23_1_EXT_3:
            writer.integer(0)
        if self.field_version >= FIELDS_23_4:
            writer.zeros(3)
