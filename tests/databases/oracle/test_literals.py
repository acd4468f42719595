"""Any text and any bytes, written as LogMiner writes them, come back as they were."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.databases.oracle.test_values import column
from voyager_ops.databases.oracle.literals import UnsupportedRedo, parse, unistr
from voyager_ops.databases.oracle.values import literal_decoder

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
DECODE_TEXT = literal_decoder(column("VARCHAR2(4000)"))
DECODE_NATIONAL = literal_decoder(column("NVARCHAR2(2000)"))
DECODE_BYTES = literal_decoder(column("RAW(2000)"))


@given(TEXTS)
def test_quoted_text(text: str) -> None:
    assert DECODE_TEXT("'" + text.replace("'", "''") + "'") == text.encode()


def as_unistr(text: str) -> str:
    """As LogMiner writes national text: what is not printable ASCII as UTF-16 code units."""
    units = text.encode("utf-16-be")
    pieces = []
    for at in range(0, len(units), 2):
        unit = int.from_bytes(units[at : at + 2], "big")
        character = chr(unit)
        pieces.append({"'": "''", "\\": "\\\\"}.get(character, character) if 32 <= unit < 127 else f"\\{unit:04X}")
    return f"UNISTR('{''.join(pieces)}')"


@given(TEXTS, st.integers(0, 20))
def test_national_text_whole_and_in_pieces(text: str, at: int) -> None:
    assert DECODE_NATIONAL(as_unistr(text)) == text.encode()
    first, rest = text[:at], text[at:]
    if first and rest:
        assert DECODE_NATIONAL(f"{as_unistr(first)} || {as_unistr(rest)}") == text.encode()
        assert DECODE_NATIONAL(f"{as_unistr(first)}||'{rest.replace(chr(39), chr(39) * 2)}'") == text.encode()


@given(st.binary(min_size=1))
def test_bytes(data: bytes) -> None:
    assert DECODE_BYTES(f"HEXTORAW('{data.hex().upper()}')") == b"\\x" + data.hex().encode()
    assert DECODE_BYTES(f"HEXTORAW('{data.hex()}')") == b"\\x" + data.hex().encode()


def test_quotes_that_oracle_forgot_to_double() -> None:
    assert DECODE_TEXT("'it's'") == b"it's"
    assert DECODE_TEXT("'a || 'b'") == b"a || 'b"


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "UNISTR('a\\zz')",
        "CHR(233)",
        "CHR()",
        "'a'||NULL",
        "q'[a]'",
        "NCHR(1046)",
        "UNISTR('",
        "HEXTORAW(00)",
        "HEXTORAW('0')",
        "TO_DATE(SYSDATE)",
        "f(1)",
        "UNISTR('\\D83D')",
    ],
)
def test_what_is_no_literal(wrong: str) -> None:
    with pytest.raises(ValueError):
        parse(wrong)


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        ("CHR(10)", "\n"),
        ("'a'||chr(39)||'b'", "a'b"),
        ("'a' || CHR(50089)", "aé"),
        ("'a'||''||'b'", "ab"),
        ("'a''||''b'", "a'||'b"),
        ("'CHR(10)'", "CHR(10)"),
        ("'TIMESTAMP ''x'''", "TIMESTAMP 'x'"),
        ("'DATE '", "DATE "),
    ],
)
def test_pieces(literal: str, text: str) -> None:
    assert DECODE_TEXT(literal) == text.encode()


def test_what_logminer_does_not_write() -> None:
    with pytest.raises(UnsupportedRedo):
        parse("Unsupported Type")


def test_unistr() -> None:
    assert unistr(r"\0041\\0041\00e9") == "A\\0041é"
