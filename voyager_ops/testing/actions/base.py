"""What all actions share: their type, how they pick rows and run statements."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, LiteralString

import psycopg
from psycopg import sql

CURRENCIES = ("USD", "JPY", "GBP", "CHF")
Connection = psycopg.Connection[tuple[Any, ...]]
Action = Callable[[Connection, random.Random], int]


def run(connection: Connection, statement: LiteralString, *values: object) -> int:
    """Execute it and return how many rows it changed."""
    return connection.execute(statement, values).rowcount


def pick(
    connection: Connection, rng: random.Random, table: str, key: str, condition: LiteralString = "true", *, keep: bool = False
) -> Any:
    """The key of some row near a random place in the key order that fulfils the condition, or None.

    ``keep``: nobody deletes the row, or changes its key, until the transaction ends.
    """
    statement = sql.SQL(
        "SELECT {key} FROM {table} WHERE {key} >= (SELECT (%s::float8 * max({key}))::bigint FROM {table}) AND "
        + condition
        + " ORDER BY {key} LIMIT 1"
        + (" FOR KEY SHARE" if keep else "")
    ).format(key=sql.Identifier(key), table=sql.Identifier(table))
    row = connection.execute(statement, (rng.random(),)).fetchone()
    return None if row is None else row[0]


def text(rng: random.Random, length: int) -> str:
    """Text that does not compress well."""
    return rng.randbytes(length // 2).hex()
