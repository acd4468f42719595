"""The tables that are measured: narrow, wide, many small ones."""

from __future__ import annotations

from benchmarks.stage import Database, Stage

NARROW = """CREATE TABLE narrow (aid int NOT NULL, bid int NOT NULL, abalance int NOT NULL, filler char(84) NOT NULL)"""
WIDE = """CREATE TABLE wide (id bigint NOT NULL, i int, code varchar(20), note text, amount numeric(14,2), s smallint, f float8,
 flag bool, at timestamptz, local timestamp, day date, span interval, u uuid, j jsonb, words text[], numbers int[], raw bytea,
 address inet, ratio numeric, spare text)"""
NARROW_ROWS = "SELECT i, i % 100 + 1, 0, 'filler of ' || i FROM generate_series({first}, {last}) i"
WIDE_ROWS = """SELECT i, i % 1000, 'code ' || i % 9999, 'some words about row number ' || i || repeat(' and more', i % 12),
 (i % 100000) / 7.0, i % 30000, sqrt(i), i % 3 = 0, timestamptz '2020-01-01 00:00Z' + i * interval '1 second',
 timestamp '2020-01-01' + i * interval '1 minute', date '2000-01-01' + i % 9000, i % 100 * interval '1 hour',
 md5(i::text)::uuid, jsonb_build_object('id', i, 'tags', jsonb_build_array('a', i % 10, null), 'name', 'n' || i),
 ARRAY['x' || i % 50, 'y,"z"', NULL], ARRAY[i % 10, i % 20, i % 30], decode(md5(i::text), 'hex'),
 ('10.' || i % 250 || '.' || i % 240 || '.1')::inet, i / 3.0, CASE WHEN i % 5 > 0 THEN 'spare ' || i END
 FROM generate_series({first}, {last}) i"""
KEYS = {"narrow": "aid", "wide": "id"}
STEP = 500_000
"""Rows an INSERT: bounds the memory of generate_series and of the statement."""


def fill(database: Database, table: str, rows: int, first: int = 1) -> None:
    """Insert ``rows`` rows, numbered from ``first``."""
    query = NARROW_ROWS if table == "narrow" else WIDE_ROWS
    for start in range(first, first + rows, STEP):
        last = min(first + rows, start + STEP) - 1
        database.run(f"INSERT INTO {table} {query.format(first=start, last=last)}")


def add_key(database: Database, table: str) -> None:
    database.run(f"ALTER TABLE {table} ADD PRIMARY KEY ({KEYS[table]})", f"VACUUM ANALYZE {table}")


def bulk_source(stage: Stage) -> Database:
    """Narrow and wide tables with their keys."""

    def make() -> Database:
        database = stage.create(stage.source("bulk"))
        for table, ddl, rows in (("narrow", NARROW, stage.sizes.narrow), ("wide", WIDE, stage.sizes.wide)):
            database.run(ddl)
            fill(database, table, rows)
            add_key(database, table)
        return database

    made: Database = stage.once("bulk source", make)
    return made


def bare_target(stage: Stage, name: str = "bulk") -> Database:
    """The same tables without rows or indexes: whoever loads them pays for no index."""
    database = stage.create(stage.target(name))
    database.run(NARROW, WIDE)
    return database


def differing(source: Database, target: Database, tables: list[str]) -> list[str]:
    """Tables whose rows differ, by an order-independent hash of each row's text."""
    found = []
    for table in tables:
        query = f"SELECT count(*) || ':' || coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM {table} t"
        if source.value(query) != target.value(query):
            found.append(table)
    return found
