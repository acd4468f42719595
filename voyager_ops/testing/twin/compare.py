"""A comparison of the twin's two sides that shares nothing with the product's own: rows are fetched by plain drivers, brought to
one Python value each, and compared as multisets of digests."""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import oracledb
import psycopg
from psycopg import sql

from voyager_ops.testing.demo_watch import Digest
from voyager_ops.testing.twin.sessions import SCHEMA, connect_oracle

BATCH = 1000
MASK = "SYYYY-MM-DD HH24:MI:SS.FF9"
MOMENT = "CASE WHEN {0} < '0001-01-01' THEN '-' ELSE '' END || to_char({0}, 'YYYY-MM-DD HH24:MI:SS.US')"
BINARY_DOUBLE = struct.Struct(">d")
Normal = Callable[[Any], object]


@dataclass(frozen=True)
class _Column:
    """How a column is read on either side (``{}`` is its quoted name), and what makes the two equal."""

    name: str
    oracle: str
    postgres: str
    normal: Normal


def _number(value: Any) -> object:
    return None if value is None else str(Decimal(str(value)).normalize())


def _single(value: Any) -> object:
    return None if value is None else struct.pack(">f", float(value)) if value == value else "nan"


def _double(value: Any) -> object:
    return None if value is None else BINARY_DOUBLE.pack(float(value)) if value == value else "nan"


def _moment(value: Any) -> object:
    """`` 2026-01-02 03:04:05.000006000`` and ``2026-01-02 03:04:05.000006`` are the same; years before Christ carry a minus."""
    if value is None:
        return None
    moment, _, fraction = str(value).strip().lstrip("+").partition(".")
    return moment, fraction[:6]


def _padded(value: Any) -> object:
    return None if value is None else str(value).rstrip(" ") or None


def _text(value: Any) -> object:
    return None if value is None else str(value)


def _bytes(value: Any) -> object:
    return None if value is None else bytes(value)


def _seconds(value: Any) -> object:
    """``-02 03:04:05.000006789`` and its seconds as a number are the same microseconds."""
    if value is None or isinstance(value, Decimal):
        return None if value is None else int(value * 1_000_000)
    sign, days, hours, minutes, seconds = value[0], *re.split("[ :]", value[1:])
    total = ((int(days) * 24 + int(hours)) * 60 + int(minutes)) * 60 + Decimal(seconds)
    return int((-total if sign == "-" else total) * 1_000_000)


def _months(value: Any) -> object:
    if value is None:
        return None
    if isinstance(value, oracledb.IntervalYM):
        return value.years * 12 + value.months
    return int(value)


def _document(value: Any) -> object:
    """JSON by what it means: the order of keys does not count, the last of equal keys does."""

    def number(text: str) -> object:
        return f"number {(Decimal(text) + 0).normalize()}"

    return None if value is None else repr(json.loads(value, parse_int=number, parse_float=number, object_pairs_hook=_sorted))


def _sorted(pairs: list[tuple[str, Any]]) -> object:
    return sorted(dict(pairs).items())


def _vector(value: Any) -> object:
    """Text of Oracle's or an array of PostgreSQL's."""
    if value is None:
        return None
    return [BINARY_DOUBLE.pack(number) for number in map(float, json.loads(value) if isinstance(value, str) else value)]


_FORMS: dict[str, tuple[str, str, Normal]] = {
    "XMLTYPE": ("XMLSERIALIZE(CONTENT {} AS CLOB)", "{}", _text),
    "JSON": ("JSON_SERIALIZE({} RETURNING CLOB)", "{}::text", _document),
    "VECTOR": ("VECTOR_SERIALIZE({} RETURNING CLOB)", "{}", _vector),
    "ROWID": ("ROWIDTOCHAR({})", "{}", _text),
    "UROWID": ("CAST({} AS VARCHAR2(4000))", "{}", _text),  # the driver takes a row id of zeros for NULL
}


def _column(name: str, data_type: str) -> _Column:
    kind = data_type.split("(")[0].strip()
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        if "LOCAL TIME ZONE" in data_type:
            oracle = f"TO_CHAR({{}}, '{MASK}')"  # the session is in UTC
        elif "TIME ZONE" in data_type:
            oracle = f"TO_CHAR(SYS_EXTRACT_UTC({{}}), '{MASK}')"
        elif kind == "DATE":
            oracle = f"TO_CHAR(CAST({{}} AS TIMESTAMP(9)), '{MASK}')"
        else:
            oracle = f"TO_CHAR({{}}, '{MASK}')"
        return _Column(name, oracle, MOMENT, _moment)
    if data_type.startswith("INTERVAL YEAR"):
        return _Column(name, "{}", "extract(year FROM {0}) * 12 + extract(month FROM {0})", _months)
    if data_type.startswith("INTERVAL DAY"):
        return _Column(name, "TO_CHAR({})", "extract(epoch FROM {})", _seconds)
    if kind in _FORMS:
        return _Column(name, *_FORMS[kind])
    normals: dict[str, Normal] = {
        "NUMBER": _number,
        "FLOAT": _number,
        "BINARY_FLOAT": _single,
        "BINARY_DOUBLE": _double,
        "CHAR": _padded,
        "NCHAR": _padded,
        "RAW": _bytes,
        "LONG RAW": _bytes,
        "BLOB": _bytes,
    }
    return _Column(name, "{}", "{}", normals.get(kind, _text))


def twin_digests(oracle_url: str, postgres_url: str) -> dict[str, tuple[Digest, Digest]]:
    """(source, target) per table of the twin, by its Oracle name. Nothing may write meanwhile."""
    result = {}
    source = connect_oracle(oracle_url)
    try:
        with psycopg.connect(postgres_url, options="-c timezone=UTC") as target:
            for table, columns in _tables(source).items():
                result[table] = (
                    _digest(_oracle_rows(source, table, columns), columns),
                    _digest(_postgres_rows(target, table, columns), columns),
                )
    finally:
        source.close()
    return result


def _tables(source: oracledb.Connection) -> dict[str, list[_Column]]:
    tables: dict[str, list[_Column]] = {}
    with source.cursor() as cursor:
        cursor.execute(
            "SELECT C.TABLE_NAME, C.COLUMN_NAME, C.DATA_TYPE FROM USER_TAB_COLS C"
            " JOIN USER_TABLES T ON T.TABLE_NAME = C.TABLE_NAME"
            " WHERE C.USER_GENERATED = 'YES' AND C.VIRTUAL_COLUMN = 'NO' ORDER BY C.TABLE_NAME, C.INTERNAL_COLUMN_ID"
        )
        for table, column, data_type in cursor.fetchall():
            tables.setdefault(table, []).append(_column(column, data_type))
    return tables


def _oracle_rows(source: oracledb.Connection, table: str, columns: list[_Column]) -> Iterator[tuple[Any, ...]]:
    def as_text(cursor: oracledb.Cursor, metadata: oracledb.FetchInfo) -> Any:
        if metadata.type_code is oracledb.DB_TYPE_NUMBER:
            return cursor.var(str, 255, cursor.arraysize)  # as a float it would lose digits
        return None

    with source.cursor() as cursor:
        cursor.outputtypehandler = as_text
        cursor.arraysize = BATCH
        listed = ", ".join(column.oracle.format(f'"{column.name}"') for column in columns)
        cursor.execute(f'SELECT {listed} FROM "{table}"', fetch_lobs=False)
        yield from cursor


def _postgres_rows(target: psycopg.Connection, table: str, columns: list[_Column]) -> Iterator[tuple[Any, ...]]:
    def fold(name: str) -> str:
        return name.lower() if name == name.upper() else name

    listed = sql.SQL(", ").join(sql.SQL(column.postgres).format(sql.Identifier(fold(column.name))) for column in columns)
    with target.cursor(name="twin") as cursor:
        cursor.itersize = BATCH
        cursor.execute(sql.SQL("SELECT {} FROM {}").format(listed, sql.Identifier(fold(SCHEMA), fold(table))))
        yield from cursor


def _digest(rows: Iterator[tuple[Any, ...]], columns: list[_Column]) -> Digest:
    count = total = 0
    normals = [column.normal for column in columns]
    for row in rows:
        values = repr(tuple(normal(value) for normal, value in zip(normals, row, strict=True))).encode()
        total = (total + int.from_bytes(hashlib.blake2b(values, digest_size=16).digest(), "big")) % (1 << 128)
        count += 1
    return Digest(count, total)
