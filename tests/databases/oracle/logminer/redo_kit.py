"""Printing SQL_REDO as LogMiner does, from literals; and strategies for them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

Row = list[tuple[str, str | None]]
"""Column and literal, None for NULL."""
Pairs = Sequence[tuple[str, str | None]]

_AWKWARD = [
    "'",
    "''",
    "', '",
    "','",
    " and ",
    " where ",
    '" = ',
    "IS NULL",
    '"C" = ',
    ") values (",
    "(",
    ")",
    ",",
    " || ",
    ";",
    ");",
    "\n",
]
texts = st.lists(
    st.one_of(st.sampled_from(_AWKWARD), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)),
    max_size=6,
).map("".join)


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def unistr(text: str) -> str:
    units = text.encode("utf-16-be")
    printed = "".join(
        chr(unit) if 32 <= unit < 127 and unit != 92 else f"\\{unit:04X}"
        for unit in (int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2))
    )
    pieces = [printed[at : at + 1000] for at in range(0, len(printed), 1000)] or [""]
    return " || ".join(f"UNISTR({quoted(piece)})" for piece in pieces)


def _date(moment: dt.datetime) -> str:
    return f"TO_DATE('{moment:%Y-%m-%d %H:%M:%S}', 'YYYY-MM-DD HH24:MI:SS')"


moments = st.datetimes(dt.datetime(1000, 1, 1), dt.datetime(9999, 12, 31))
literals: st.SearchStrategy[str] = st.one_of(
    texts.map(quoted),
    texts.map(unistr),
    st.decimals(allow_nan=False, allow_infinity=False).map(
        lambda number: f"'{number:f}'" if abs(number.adjusted()) < 40 else "'0'"
    ),
    moments.map(_date),
    moments.map(lambda moment: f"TO_TIMESTAMP('{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond:06d}')"),
    moments.map(lambda moment: f"TO_TIMESTAMP_TZ('{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond:06d} +05:30')"),
    st.binary(max_size=20).map(lambda data: f"HEXTORAW('{data.hex().upper()}')"),
    st.sampled_from(
        [
            "EMPTY_CLOB()",
            "EMPTY_BLOB()",
            "TO_YMINTERVAL('-03-06')",
            "TO_DSINTERVAL('+000001 02:03:04.560000000')",
            "/* JSON */ HEXTORAW('FF')",
            "/* JSON */EMPTY_BLOB()",
            "Nan",
            "-Inf",
            "1.5E+010",
            "-.5",
            "Unsupported Type",
            "TRUE",
        ]
    ),
)
names = st.text(st.characters(exclude_characters='"\0', exclude_categories=["Cs"]), min_size=1, max_size=10)


@st.composite
def rows(draw: Any, values: st.SearchStrategy[str | None] | None = None, most: int = 6) -> Row:
    columns = draw(st.lists(names, min_size=1, max_size=most, unique=True))
    return [(column, draw(values if values is not None else st.one_of(st.none(), literals))) for column in columns]


def insert(owner: str, table: str, row: Pairs, space: str = "") -> str:
    columns = ",".join(f'"{name}"' for name, _ in row)
    return f'insert into "{owner}"."{table}"{space}({columns}) values ({",".join(value or "NULL" for _, value in row)});'


def conditions(row: Pairs, alias: str = "") -> str:
    return " and ".join(f'{alias}"{name}" IS NULL' if value is None else f'{alias}"{name}" = {value}' for name, value in row)


def update(owner: str, table: str, new: Pairs, old: Pairs, alias: str = "") -> str:
    prefix = f"{alias}." if alias else ""
    settings = ", ".join(f'{prefix}"{name}" = {value or "NULL"}' for name, value in new)
    where = f" where {conditions(old, prefix)}" if old else ""
    return f'update "{owner}"."{table}"{" " + alias if alias else ""} set {settings}{where};'


def delete(owner: str, table: str, old: Pairs, alias: str = "") -> str:
    where = f" where {conditions(old, f'{alias}.' if alias else '')}" if old else ""
    return f'delete from "{owner}"."{table}"{" " + alias if alias else ""}{where};'


def pairs(names: Sequence[str], values: Sequence[str | None]) -> Row:
    return list(zip(names, values, strict=True))
