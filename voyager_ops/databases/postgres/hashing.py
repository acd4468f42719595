"""One number per row, whose sums over a set of rows are compared on both sides.

Two rows are equal when every column's text form is. The text form is slow to make, so the first look uses faster ones, each
exactly as strict or stricter:

* A type whose own hash is that of its text (``HASH_EXACT``) is hashed as it is, by ``hash_record_extended``.
* Of other built-in types the *binary* form (what COPY BINARY sends), put together by ``record_send``, is hashed as one byte
  string, where the binary form determines the text (``BINARY_EXACT``): it keeps the scale of a numeric, the months and days of
  an interval, the sign of a zero, the blanks of a json. It may be stricter than the text (a NaN's payload), so a mismatch is
  looked at again in text before anything is called different.
* All else is hashed as text.

``hash_record_extended(row)`` over columns as they are would not do: it calls 1.0 and 1.00 equal, folds an int8 into 32 bits (1
and 2^32 are one), and is linear in the hashes of the columns, so that its sum stays the same when two rows swap their values of
one column. Hence ``HASH_EXACT`` has only types whose whole value is hashed, and the seed is another one for each row, made of
its key (``row_seed``): what a value adds to the sum depends on the row it is in. Where no such seed is to be had cheaply (no
key, or one of other types) the whole row is hashed as one byte string, which is not linear in its columns.

Measured on PostgreSQL 15 (2 cores, ranges of 300,000 rows of pgbench_accounts, one side, thousand rows/s): seeded by key 3,500;
all of it through ``record_send`` 2,100; md5(string_agg(t::text)) 900; reading alone 9,000. Of 20 mixed columns (at 2.3 GHz):
through ``record_send`` 378, the text form through hashtextextended 233, md5(string_agg(t::text)) 171.

Chance of missing a difference: the hash has 64 bits and a seed chosen anew for each verification, so two different sets of rows
have the same sum with probability 2^-64 whatever the data; of a million ranges a day that differ, one would be missed in some
fifty thousand million years.
Two columns of one row that have swapped their values: the factors of columns m apart (31^m) differ by a multiple of 2^(5 + the
power of two in m), by 2 where m is odd; so for columns less than 1,600 apart 2^-49 at worst.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from psycopg import sql

from voyager_ops.databases.postgres.database import Connection
from voyager_ops.model.tables import Column

SETTINGS: Final = {"jit": "off", "lc_monetary": "C"}
"""Of verification's sessions: compiling a query of a tenth of a second costs more than it saves; money prints by locale."""

BINARY_EXACT: Final = {
    16: "bool", 17: "bytea", 18: '"char"', 19: "name", 20: "int8", 21: "int2", 23: "int4", 25: "text", 26: "oid", 114: "json",
    600: "point", 601: "lseg", 602: "path", 603: "box", 604: "polygon", 628: "line", 650: "cidr", 700: "float4", 701: "float8",
    718: "circle", 774: "macaddr8", 790: "money", 829: "macaddr", 869: "inet", 1042: "bpchar", 1043: "varchar", 1082: "date",
    1083: "time", 1114: "timestamp", 1184: "timestamptz", 1186: "interval", 1266: "timetz", 1560: "bit", 1562: "varbit",
    1700: "numeric", 2950: "uuid", 3220: "pg_lsn", 3614: "tsvector", 3802: "jsonb", 3904: "int4range", 3906: "numrange",
    3908: "tsrange", 3910: "tstzrange", 3912: "daterange", 3926: "int8range", 5069: "xid8",
}  # fmt: skip
"""Built-in types (OID: name) whose binary form determines the text form and holds nothing that differs between servers, which
the reg* types and everything user-defined do (OIDs)."""

HASH_EXACT: Final = frozenset({16, 17, 18, 19, 21, 23, 25, 26, 1042, 1043, 1082, 2950})
"""Those of them whose hash function takes all of what the text form shows: bool, bytea, "char", name, int2, int4, text, oid,
bpchar (without its padding, as its text form), varchar, date, uuid. Texts in the collation "C": others may call different
ones equal."""

_BPCHAR: Final = 1042
_TEXT: Final = 25
_COLLATABLE: Final = frozenset({25, 1042, 1043})
_INTEGERS: Final = {21: 16, 23: 32, 20: 64}
"""OID of an integer type: its bits."""


class Method(Enum):
    """How a row becomes a number."""

    BINARY = "binary"
    TEXT = "text"
    MD5 = "md5"
    """For two servers whose hash functions give different values (another byte order, another version)."""


@dataclass(frozen=True, slots=True)
class HashedColumn:
    """A column compared on both sides. ``cast`` is the SQL type it is cast to for the binary form; '' none is needed. ``oid``
    is the type it has then, 0 one that is only known in binary (an array)."""

    name: str
    cast: str
    oid: int = 0


def hashed_column(source: Column, target: Column) -> HashedColumn:
    """How the column, called the same on both sides, is brought into one form: in binary where that is exact, else as text."""
    cast = _binary_cast(source, target)
    return HashedColumn(source.name, cast, _TEXT if cast == "text" else 0 if source.array_of else source.base_oid)


def _binary_cast(source: Column, target: Column) -> str:
    if source.base_oid != target.base_oid:
        return "text"
    if source.array_of:
        # A domain over an array has no plain name to cast to; arrays of user types carry their element's OID.
        exact = source.array_of in BINARY_EXACT and source.builtin and target.builtin
        return "" if exact else "text"
    if source.base_oid not in BINARY_EXACT:
        return "text"
    if source.base_oid == _BPCHAR and source.type_sql != target.type_sql:
        return "text"  # padded to different lengths: the text form drops the padding
    if source.builtin and target.builtin:
        return ""
    return BINARY_EXACT[source.base_oid]  # a domain: its own OID is part of the binary form


def _column(column: HashedColumn) -> sql.Composable:
    name = sql.Identifier(column.name)
    if not column.cast:
        return name
    return sql.SQL("({}::pg_catalog.{})").format(name, sql.SQL(_literal_type(column.cast)))


def _literal_type(name: str) -> str:
    return "text" if name == "text" else next(known for known in BINARY_EXACT.values() if known == name)


def row_text(names: Sequence[str]) -> sql.Composed:
    """The canonical text of the columns as one unambiguous text: NULL and '' differ, and no value can imitate a border."""
    if not names:
        return sql.SQL("{}").format(sql.Literal(""))
    return sql.SQL("ROW({})::text").format(sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in names))


def text_hash(names: Sequence[str], method: Method, seed: int) -> sql.Composed:
    """A bigint from the canonical text of the columns."""
    if method is Method.MD5:
        return sql.SQL("('x' || left(md5({}), 16))::bit(64)::int8").format(row_text(names))
    return sql.SQL("hashtextextended({}, {})").format(row_text(names), sql.Literal(seed))


def row_hash(columns: Sequence[HashedColumn], key: Sequence[str], method: Method, seed: int) -> sql.Composed:
    """A bigint from all of ``columns``, never NULL where the ``key`` is not. ``key``: names of columns whose values no two rows
    of the source share; () for none."""
    if method is not Method.BINARY or not columns:
        return text_hash([column.name for column in columns], method, seed)
    own = row_seed(columns, key, seed)
    if own is None:
        return sql.SQL("hash_record_extended(ROW({}), {})").format(_sent(columns), sql.Literal(seed))
    fields = [_exact(column) for column in columns if column.oid in HASH_EXACT]
    others = [column for column in columns if column.oid not in HASH_EXACT]
    if others:
        fields.append(_sent(others))
    return sql.SQL("hash_record_extended(ROW({}), {})").format(sql.SQL(", ").join(fields), own)


def row_seed(columns: Sequence[HashedColumn], key: Sequence[str], seed: int) -> sql.Composed | None:
    """A bigint that is another one for each value of ``key`` (surely of integers; else as surely as 64 bits of hash): of a key
    that is an integer, two integers of at most 32 bits, a uuid or a text. None for other keys."""
    of = {column.name: column for column in columns}
    parts = [of[name] for name in key if name in of]
    bits = [_INTEGERS.get(part.oid, 0) for part in parts]
    if len(parts) != len(key) or not parts or (0 in bits and len(parts) > 1) or sum(bits) > 64:
        return None
    if 0 not in bits:
        numbers = [sql.SQL("{}::pg_catalog.int8").format(sql.Identifier(part.name)) for part in parts]
        number = numbers[0]
        if len(numbers) == 2:
            number = sql.SQL("(({} << 32) | ({} & {}))").format(*numbers, sql.Literal(2**32 - 1))
        return sql.SQL("({} # {}::pg_catalog.int8)").format(number, sql.Literal(seed)) if len(numbers) <= 2 else None
    function = {2950: "uuid_hash_extended", 25: "hashtextextended", 1043: "hashtextextended"}.get(parts[0].oid)
    return sql.SQL("{}({}, {})").format(sql.SQL(function), _exact(parts[0]), sql.Literal(seed)) if function else None


def _exact(column: HashedColumn) -> sql.Composable:
    return sql.SQL('{} COLLATE "C"').format(_column(column)) if column.oid in _COLLATABLE else _column(column)


def _sent(columns: Sequence[HashedColumn]) -> sql.Composed:
    return sql.SQL("record_send(ROW({}))").format(sql.SQL(", ").join(_column(column) for column in columns))


def row_md5(names: Sequence[str]) -> sql.Composed:
    """128 bits of the canonical text: what single rows are compared by. Depends on no server's own hash function."""
    return sql.SQL("md5({})").format(row_text(names))


_PROBE = sql.SQL(
    "SELECT hash_record_extended(ROW(record_send(ROW(true, -7::int8, 1.50::numeric, 'wörter'::text, '1 day 2 hours'::interval,"
    " '\\x00ff'::bytea, '-0'::float8, '{{1,NULL}}'::int4[], '{{\"a\": 1.0}}'::jsonb, NULL::uuid)),"
    " true, '\\x00ff'::bytea, 'c'::\"char\", 'n'::name, -2::int2, -4::int4, 'wörter'::text COLLATE \"C\", 26::oid,"
    " 'wörter '::char(9) COLLATE \"C\", 'v'::varchar COLLATE \"C\", '2026-02-28'::date, {uuid}, NULL::text), -42 # 7::int8),"
    " uuid_hash_extended({uuid}, 42), hashtextextended('wörter', 42)"
).format(uuid=sql.SQL("'00010203-0405-0607-0809-0a0b0c0d0e0f'::uuid"))


def common_method(source: Connection, target: Connection) -> Method:
    """The fastest method in which both servers give the same number for the same row; found by asking both for a known row."""
    first, second = source.execute(_PROBE).fetchone(), target.execute(_PROBE).fetchone()
    assert first is not None
    assert second is not None
    if first == second:
        return Method.BINARY
    return Method.TEXT if first[-1] == second[-1] else Method.MD5
