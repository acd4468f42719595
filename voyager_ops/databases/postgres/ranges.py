"""Cutting a table into key ranges.

Ranges are only used over key types whose order is provably the same in the source server, in our own comparison of text values
(:func:`sort_key`) and in verification on the other server: integers, numeric, uuid, bytea, dates and timestamps, and text in a
binary collation. Of a composite key the longest such prefix serves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from psycopg import sql

from voyager_ops.databases.postgres.database import Connection, qualified
from voyager_ops.model.tables import Column, QName, Table

SortKey = tuple[Any, ...]

_INTEGERS = frozenset({20, 21, 23, 26})  # int8, int2, int4, oid
_UUID, _BYTEA, _DATE, _NUMERIC = 2950, 17, 1082, 1700
_TIMESTAMPS = frozenset({1114, 1184})
_TEXTS = frozenset({25, 1043})  # text, varchar; not bpchar, whose comparison ignores trailing blanks
_DATE_TEXT = re.compile(rb"(\d+)-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:\+00)?)?( BC)?")

ROWS_PER_POINT = 64
"""Sampled rows per wanted split point: the spread of a range cut from a uniform sample is 1/sqrt(64) of its size, an eighth."""

LEAST_BLOCKS = 64
"""Sampled blocks at least, of 8 KB: of a table of nine blocks a seventh is no block at all every fourth time."""

MOST_BLOCKS = 20_000
"""Sampled blocks at most (160 MB) for the sake of even ranges: where there are many, uneven ones keep nobody waiting."""


def orderable_column(column: Column) -> bool:
    """Whether the column's order is the same on every server and in :func:`sort_key`."""
    oid = column.base_oid
    if oid in _TEXTS:
        return column.collation_exact
    return oid in _INTEGERS or oid in _TIMESTAMPS or oid in (_UUID, _BYTEA, _DATE, _NUMERIC)


def range_columns(table: Table) -> tuple[Column, ...]:
    """The longest prefix of the key that ranges may be cut over; empty when there is none."""
    prefix: list[Column] = []
    for name in table.key:
        column = table.column(name)
        if not orderable_column(column):
            break
        prefix.append(column)
    return tuple(prefix)


def sampled_percent(pieces: int, rows: float, size: float, blocks: int = 0) -> float:
    """Of the table's blocks, for a sample of as many rows as the pieces want. ``rows``: the planner's estimate, 0 unknown;
    ``size``: bytes, 0 where the server does not say (its storage is not PostgreSQL's); ``blocks``: as many for each piece too."""
    wanted = 100.0 * pieces * ROWS_PER_POINT / (rows or max(size / 100.0, 1.0))
    least = 100.0 * max(LEAST_BLOCKS, min(blocks * pieces, MOST_BLOCKS)) * 8192 / size if size else 0.0
    return min(100.0, max(0.001, wanted, least))


def split_points(
    connection: Connection, physical: QName, columns: Sequence[str], pieces: int, *, blocks: int = 0
) -> list[list[str]]:
    """At most ``pieces - 1`` ascending key tuples (as text) that cut the physical table into ranges of similar size.

    From a block sample, so that a huge table is not read: costs about ``pieces * ROWS_PER_POINT`` rows or ``LEAST_BLOCKS``.
    Where rows lie in the order of the key, all those of a block are worth one: ``blocks`` for each piece make the ranges even.
    """
    if pieces < 2:
        return []
    row = connection.execute(
        "SELECT greatest(reltuples, 0)::float8, pg_relation_size(oid) FROM pg_class WHERE oid = to_regclass(%s)::oid",
        (qualified(physical).as_string(connection),),
    ).fetchone()
    if row is None:
        return []
    estimate, size = float(row[0]), float(row[1])
    percent = sampled_percent(pieces, estimate, size, blocks)
    names = sql.SQL(", ").join(sql.Identifier(name) for name in columns)
    texts = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in columns)
    query = sql.SQL(
        "WITH s AS MATERIALIZED (SELECT {names}, ntile({pieces}) OVER (ORDER BY {names}) AS voyager_tile"
        " FROM ONLY {table} TABLESAMPLE SYSTEM ({percent}))"
        " SELECT DISTINCT ON (voyager_tile) {texts} FROM s ORDER BY voyager_tile, {names}"
    ).format(names=names, texts=texts, pieces=sql.Literal(pieces), table=qualified(physical), percent=sql.Literal(percent))
    points = [[str(value) for value in item] for item in connection.execute(query)]
    return points[1:]  # the first tile begins at the least sampled key: that range is open below anyhow


def range_condition(
    columns: Sequence[Column], lower: Sequence[str] | None, upper: Sequence[str] | None, alias: str = ""
) -> sql.Composed | sql.SQL:
    """``lower <= key < upper`` as a condition (``true`` when open at both ends); bounds are text values of ``columns``."""
    prefix = (alias,) if alias else ()
    names = sql.SQL(", ").join(sql.Identifier(*prefix, column.name) for column in columns)

    def bound(values: Sequence[str]) -> sql.Composed:
        return sql.SQL(", ").join(
            sql.SQL("{}::{}").format(sql.Literal(value), sql.SQL(_cast_type(column)))
            for column, value in zip(columns, values, strict=True)
        )

    parts = []
    if lower is not None:
        parts.append(sql.SQL("({}) >= ({})").format(names, bound(lower)))
    if upper is not None:
        parts.append(sql.SQL("({}) < ({})").format(names, bound(upper)))
    return sql.SQL(" AND ").join(parts) if parts else sql.SQL("true")


def _cast_type(column: Column) -> Any:
    """The base type's name; one of a closed list, hence safe to write out."""
    return f"pg_catalog.{_TYPE_NAMES[column.base_oid]}"


_TYPE_NAMES = {
    20: "int8",
    21: "int2",
    23: "int4",
    26: "oid",
    2950: "uuid",
    17: "bytea",
    1082: "date",
    1114: "timestamp",
    1184: "timestamptz",
    25: "text",
    1043: "text",
    1700: "numeric",
}


def sort_key(columns: Sequence[Column]) -> Callable[[Sequence[bytes]], SortKey]:
    """A function from text values of ``columns`` to a tuple that orders as the server does."""
    parsers = [_parser(column) for column in columns]
    if len(parsers) == 1:
        only = parsers[0]
        return lambda values: (only(values[0]),)
    return lambda values: tuple([parse(value) for parse, value in zip(parsers, values, strict=False)])


def _parser(column: Column) -> Callable[[bytes], Any]:
    oid = column.base_oid
    if oid in _INTEGERS:
        return int
    if oid == _NUMERIC:
        return _number
    if oid == _DATE or oid in _TIMESTAMPS:
        return _moment
    return _same  # uuid and bytea: lower-case hex of fixed width per byte; text in a binary collation: its bytes


def _same(value: bytes) -> bytes:
    return value


def _number(value: bytes) -> tuple[int | Decimal, ...]:
    """A numeric's text to a tuple that orders as the server does: NaN is the greatest, and 1.0 is 1.00."""
    place = _NOT_NUMBERS.get(value)
    return (0, Decimal(value.decode())) if place is None else (place,)


_NOT_NUMBERS = {b"-Infinity": -1, b"Infinity": 1, b"NaN": 2}


def _moment(value: bytes) -> tuple[int, ...]:
    """Date or timestamp text (ISO, UTC) to a tuple that orders in time; BC years count downwards, infinities are the ends."""
    if value == b"infinity":
        return (1,)
    if value == b"-infinity":
        return (-1,)
    found = _DATE_TEXT.fullmatch(value)
    if found is None:
        raise ValueError(f"not a date or timestamp of the session's format: {value!r}")
    year, month, day, hour, minute, second, fraction, before_christ = found.groups()
    micros = int((fraction or b"").ljust(6, b"0"))
    number = 1 - int(year) if before_christ else int(year)
    return (0, number, int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), micros)
