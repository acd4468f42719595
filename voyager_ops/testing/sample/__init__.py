"""A web shop to migrate: most of what PostgreSQL schemas are made of, with as many rows as wanted."""

from __future__ import annotations

from importlib.resources import files

import psycopg
from psycopg import sql

SCRIPTS = ("1_tables.sql", "2_data.sql", "3_rules.sql")


def load_sample(url: str, scale: float = 1.0) -> int:
    """Create the sample schema with its data in the empty database at ``url``, in one transaction; returns the rows made.

    ``scale`` 1.0 makes about 1.1 million rows, smaller ones proportionally fewer (with a few dozen a table at least). The
    rows are a function of ``scale`` alone. Needs a role that owns the database (the extensions are trusted ones), and
    PostgreSQL 15 or later. Raises psycopg.Error, with nothing created, when anything is in the way.
    """
    here = files(__name__)
    with psycopg.connect(url) as connection:
        connection.execute("SELECT set_config('sample.scale', %s, true)", (str(scale),))
        for script in SCRIPTS:
            connection.execute(here.joinpath(script).read_bytes())
        return sum(count_rows(connection).values())


def count_rows(connection: psycopg.Connection) -> dict[str, int]:
    """Exact rows of every table of schema public by name; a partitioned table counts once, with all its leaves."""
    names = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        " AND NOT relispartition ORDER BY relname"
    ).fetchall()
    counts = {}
    for (name,) in names:
        statement = sql.SQL("SELECT count(*) FROM public.{}").format(sql.Identifier(name))
        row = connection.execute(statement).fetchone()
        counts[name] = row[0] if row else 0
    return counts
