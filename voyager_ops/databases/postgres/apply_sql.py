"""The texts of apply's set-based statements. Every value travels in text[] parameters, one per column, and is cast on the server
by the apply side's own types; every identifier is quoted by composition.

Casts name the type without its modifiers, so that a value which does not fit its column is an error instead of being cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from psycopg import sql

from voyager_ops.databases.postgres.apply_catalog import ApplyTable
from voyager_ops.databases.postgres.database import qualified

COMMA = sql.SQL(", ")
AND = sql.SQL(" AND ")


def _column(table: ApplyTable, index: int) -> sql.Identifier:
    return sql.Identifier(table.columns[index].name)


def _value(table: ApplyTable, index: int) -> sql.Composed:
    """The parameter's element for a column, cast to the column's type."""
    name = sql.Identifier("u", f"a{index}")
    return sql.SQL("{}::{}").format(name, sql.Identifier(*table.columns[index].type))


def _unnest(indexes: Iterable[int], extra: Sequence[str] = (), ordinality: bool = False) -> sql.Composed:
    """``unnest($1::text[], …) AS u (a3, …)``: parameters in the order of ``indexes``, then int4[] ones named by ``extra``."""
    names = [f"a{index}" for index in indexes]
    arrays = [sql.SQL(f"${place}::pg_catalog.text[]") for place in range(1, len(names) + 1)]
    for name in extra:
        names.append(name)
        arrays.append(sql.SQL(f"${len(names)}::pg_catalog.int4[]"))
    if ordinality:
        names.append("i")
    return sql.SQL("unnest({}){} AS u ({})").format(
        COMMA.join(arrays),
        sql.SQL(" WITH ORDINALITY" if ordinality else ""),
        COMMA.join(sql.Identifier(name) for name in names),
    )


def _only(table: ApplyTable) -> sql.Composed:
    """A plain table may have inheritance children, which are tables of their own."""
    return sql.SQL("{}{}").format(sql.SQL("" if table.partitioned else "ONLY "), qualified(table.name))


def _match(table: ApplyTable) -> sql.Composed:
    return AND.join(
        sql.SQL("t.{} OPERATOR({}.{}) {}").format(
            _column(table, index),
            sql.Identifier(operator.schema),
            sql.SQL(operator.name),  # checked to consist of operator characters
            _value(table, index),
        )
        for index, operator in zip(table.key, table.equality, strict=True)
    )


def _insert_into(table: ApplyTable, count: bool = False) -> sql.Composed:
    everything = range(len(table.columns))
    return sql.SQL("INSERT INTO {} ({}){} SELECT {} FROM {}").format(
        qualified(table.name),
        COMMA.join(_column(table, index) for index in everything),
        sql.SQL(" OVERRIDING SYSTEM VALUE" if any(column.identity for column in table.columns) else ""),
        COMMA.join(_value(table, index) for index in everything),
        _unnest(everything, ("n",) if count else ()),
    )


def insert(table: ApplyTable) -> sql.Composed:
    """Parameters: every column."""
    return _insert_into(table)


def insert_counted(table: ApplyTable) -> sql.Composed:
    """Parameters: every column, then how many of each row."""
    return sql.SQL("{}, pg_catalog.generate_series(1, u.n)").format(_insert_into(table, count=True))


def upsert(table: ApplyTable) -> sql.Composed:
    """Parameters: every column."""
    action: sql.Composable = sql.SQL("DO NOTHING")
    if table.settable:
        action = sql.SQL("DO UPDATE SET {}").format(
            COMMA.join(sql.SQL("{0} = EXCLUDED.{0}").format(_column(table, index)) for index in table.settable)
        )
    return sql.SQL("{} ON CONFLICT ({}) {}").format(
        _insert_into(table), COMMA.join(_column(table, index) for index in table.key), action
    )


def update(table: ApplyTable, present: Sequence[int]) -> sql.Composed:
    """Parameters: the columns of ``present``, the key's among them."""
    return sql.SQL("UPDATE {} AS t SET {} FROM {} WHERE {}").format(
        _only(table),
        COMMA.join(
            sql.SQL("{} = {}").format(_column(table, index), _value(table, index)) for index in present if index not in table.key
        ),
        _unnest(present),
        _match(table),
    )


def delete(table: ApplyTable) -> sql.Composed:
    """Parameters: the key's columns, in key order."""
    return sql.SQL("DELETE FROM {} AS t USING {} WHERE {}").format(_only(table), _unnest(table.key), _match(table))


def fetch(table: ApplyTable, wanted: Sequence[int]) -> sql.Composed:
    """The columns ``wanted`` of rows by key, each row after the ordinal of its key (from 1). Parameters: the key's columns.

    Columns are not cast: the server's own output functions make their text, as they do in the stream.
    """
    return sql.SQL("SELECT u.i, {} FROM {} JOIN {} AS t ON {}").format(
        COMMA.join(sql.SQL("t.{}").format(_column(table, index)) for index in wanted),
        _unnest(table.key, ordinality=True),
        _only(table),
        _match(table),
    )


def missing(table: ApplyTable) -> sql.Composed:
    """Ordinals of the keys that no row has. Parameters: the key's columns."""
    return sql.SQL("SELECT u.i FROM {} WHERE NOT EXISTS (SELECT FROM {} AS t WHERE {}) ORDER BY 1").format(
        _unnest(table.key, ordinality=True), _only(table), _match(table)
    )


def delete_whole_rows(table: ApplyTable, place: str) -> sql.Composed:
    """As many physical rows as asked of each whole row, equal by the text of all columns. Parameters: every column, then counts.

    Text also compares NULLs and types that have no equality; both texts are made by this server, in this session. ``place``: the
    system column that tells rows apart.
    """
    everything = range(len(table.columns))
    ours = COMMA.join(_value(table, index) for index in everything)
    theirs = COMMA.join(sql.SQL("t.{}").format(_column(table, index)) for index in everything)
    return sql.SQL(
        "DELETE FROM {only} AS d USING ("
        "SELECT f.place, f.part FROM ("
        "SELECT h.place, h.part, w.n, pg_catalog.row_number() OVER (PARTITION BY w.whole) AS number"
        " FROM (SELECT t.{place} AS place, t.tableoid AS part, ROW({theirs})::pg_catalog.text AS whole FROM {only} AS t) AS h"
        " JOIN (SELECT ROW({ours})::pg_catalog.text AS whole, u.n FROM {unnest}) AS w ON w.whole = h.whole"
        ") AS f WHERE f.number <= f.n"
        ") AS g WHERE d.{place} = g.place AND d.tableoid = g.part"
    ).format(only=_only(table), theirs=theirs, ours=ours, unnest=_unnest(everything, ("n",)), place=sql.Identifier(place))
