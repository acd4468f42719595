"""Large values in the redo: LOBs, XML documents, and strings and RAWs declared longer than 4,000 bytes.

A change of such a value is several rows. First the statement itself, with EMPTY_CLOB() for the value, when it changed other
columns too or put nothing out of the row; then, for each value that is too long to lie in the row, a group of LOB or 32K
rows; then one of XML rows per document; and last, with the row's ROW_ID for the first time, an UPDATE that sets the values
that do lie in the row, or an INTERNAL row without a statement. All but the last have no ROW_ID. This is how Oracle 26ai logs
it, by what users of it reported; an undo row is one only, with the row's ROW_ID.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from voyager_ops.testing.oracle.oracle_text import unistr
from voyager_ops.testing.oracle.recorder import RedoColumn
from voyager_ops.testing.oracle.redo_literals import BINARY_LOBS, LOBS, STANDARD_STRING, quoted

SELECT_LOB_LOCATOR, LOB_WRITE, LOB_TRIM = 9, 10, 11
XML_BEGIN, XML_WRITE, XML_END = 68, 70, 71
LONG_STRING_BEGIN, LONG_STRING_WRITE, LONG_STRING_END = 91, 92, 93
NOT_EXECUTABLE = "XML sql_redo not re-executable"
PIECE = 4000  # bytes of a value per LOB_WRITE row
IN_ROW = 3964  # bytes of a value that stays in the row; a CLOB has two per character

Fields: TypeAlias = Sequence[str | None]
"""A row as PostgreSQL's text of each field."""

_DECLARE = (
    "DECLARE \n loc_c CLOB; \n buf_c VARCHAR2(6174); \n loc_b BLOB; \n buf_b RAW(6174); \n loc_nc NCLOB; \n"
    " buf_nc NVARCHAR2(6174); \nBEGIN\n"
)


class Printed(NamedTuple):
    """One row of V$LOGMNR_CONTENTS before it is cut into rows of 4,000 bytes. ``sql`` is None for rows without a statement.

    ``own_row``: whether ROW_ID is the row's. ``record``: rows of one change with the same one share their RS_ID.
    """

    operation: int
    sql: str | None
    status: int = 0
    info: str | None = None
    own_row: bool = True
    record: int = 0


class Field(NamedTuple):
    """A column as a printer knows it. ``at``: index among a row's fields. ``name``: quoted.

    ``kind``: how a value gets into the redo: ``plain`` in the statement, else in rows of its own: ``lob``, ``xml``, ``string``.
    ``tested``: may stand in WHERE. ``empty``: what stands in the statement for a value that follows in rows of its own.
    """

    at: int
    column: RedoColumn
    name: str
    literal: Callable[[str], str]
    kind: str
    tested: bool
    empty: str

    def value(self, text: str) -> str | bytes:
        """The LOB or string; JSON and vectors as the bytes of their text."""
        value = self.column.decode(text)
        assert isinstance(value, str | bytes)
        return value.encode() if isinstance(value, str) and self.column.type in BINARY_LOBS else value

    def is_away(self, text: str | None) -> bool:
        """Whether the value is too long to lie in the row."""
        if text is None or len(text) * 2 <= IN_ROW:
            return False
        value = self.value(text)
        if isinstance(value, bytes):
            return len(value) > IN_ROW
        return (len(value) * 2 if self.kind == "lob" else len(value.encode())) > IN_ROW

    def is_inline(self, text: str | None) -> bool:
        """Whether the last row's UPDATE sets the value: it lies in the row, or is NULL."""
        if self.kind == "xml":
            return text is None
        return text is None or (not self.is_away(text) and bool(self.value(text)))

    def inline(self, text: str | None) -> str:
        """The literal of a value in the row."""
        if text is None:
            return "NULL"
        return _literal(self.value(text), national=self.column.national)


def kind_of(column: RedoColumn) -> str:
    """See ``Field.kind``."""
    if column.type in LOBS:
        return "lob"
    if column.type == "XMLTYPE":
        return "xml"
    return "string" if column.type in {"VARCHAR2", "NVARCHAR2", "RAW"} and column.length > STANDARD_STRING else "plain"


def empty_value(column: RedoColumn) -> str:
    """See ``Field.empty``."""
    if column.type == "JSON":
        return "/* JSON */ EMPTY_BLOB()"
    return "EMPTY_BLOB()" if column.type in BINARY_LOBS or column.type == "RAW" else "EMPTY_CLOB()"


def is_trimmed(old: str | None, new: str | None) -> bool:
    """Whether a LOB was cut short, and not to nothing."""
    return bool(old and new and len(new) < len(old) and old.startswith(new) and new != "\\x")


def trim(field: Field, after: Fields, table: str, where: str) -> Iterator[Printed]:
    """The rows of DBMS_LOB.TRIM."""
    locator, _ = _variables(field)
    text = after[field.at]
    assert text is not None
    yield Printed(SELECT_LOB_LOCATOR, _locator(field, table, where))
    yield Printed(LOB_TRIM, f"\n  dbms_lob.trim({locator}, {len(field.value(text))});\n", own_row=False, record=1)


def written_away(field: Field, after: Fields, table: str, where: str, *, record: int) -> Iterator[Printed]:
    """The group of rows of a value out of the row."""
    text = after[field.at]
    assert text is not None
    value = field.value(text)
    if field.kind == "string":
        update = f"update {table} set {field.name} = :1 where {where}".replace("'", "''")
        declare = "DECLARE \n Stmt VARCHAR2(4000); \n buf_c VARCHAR2(32767); \nBEGIN\n"
        yield Printed(LONG_STRING_BEGIN, f"{declare} Stmt := '{update}';\n", own_row=False)
        write = f"\n buf_c := {_literal(value, national=False)}; \n execute immediate Stmt using buf_c;\n"
        yield Printed(LONG_STRING_WRITE, write, own_row=False, record=record)
        yield Printed(LONG_STRING_END, "END;\n", own_row=False, record=record)
        return
    locator, buffer = _variables(field)
    yield Printed(SELECT_LOB_LOCATOR, _locator(field, table, where), own_row=False)
    offset = 1
    for piece in _pieces(value):
        literal = _literal(piece, national=field.column.national)
        write = f"\n {buffer} := {literal}; \n  dbms_lob.write({locator}, {len(piece)}, {offset}, {buffer});\n"
        yield Printed(LOB_WRITE, write, own_row=False, record=record)
        offset += len(piece)


def document(field: Field, after: Fields, table: str, where: str, *, record: int) -> Iterator[Printed]:
    """The group of rows of an XML document."""
    text = after[field.at]
    assert text is not None
    xml = str(field.column.decode(text))
    preamble = f"XML DOC BEGIN:  select {field.name} from {table} where {where}"
    yield Printed(XML_BEGIN, preamble, 2, NOT_EXECUTABLE, own_row=False, record=record)
    size = len(xml.encode())
    written = f"'{xml}'" if size <= PIECE else f"HEXTORAW('{xml.encode().hex()}')"  # its quotes are not doubled
    yield Printed(XML_WRITE, f"XML_REDO := {written}\n amount: {size}", 2, NOT_EXECUTABLE, own_row=False, record=record)
    yield Printed(XML_END, None, own_row=False, record=record)


def _variables(field: Field) -> tuple[str, str]:
    suffix = "b" if field.column.type in BINARY_LOBS else "nc" if field.column.national else "c"
    return f"loc_{suffix}", f"buf_{suffix}"


def _locator(field: Field, table: str, where: str) -> str:
    locator, _ = _variables(field)
    return f"{_DECLARE} select {field.name} into {locator} from {table} where {where} for update;\n"


def _literal(value: str | bytes, *, national: bool) -> str:
    if isinstance(value, bytes):
        return f"HEXTORAW('{value.hex()}')"
    return unistr(value) if national and not value.isascii() else quoted(value)


def _pieces(value: str | bytes) -> Iterator[str | bytes]:
    """Of at most ``PIECE`` bytes; text is cut between characters."""
    if isinstance(value, bytes) or value.isascii():
        for at in range(0, len(value), PIECE):
            yield value[at : at + PIECE]
        return
    for at in range(0, len(value), PIECE // 4):
        yield value[at : at + PIECE // 4]
