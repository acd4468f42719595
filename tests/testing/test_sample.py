"""The sample schema loads as promised, everywhere, and is the same every time."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql

from tests.conftest import Database, create_database, drop_database
from voyager_ops.testing.postgres import Cluster
from voyager_ops.testing.sample import count_rows, load_sample
from voyager_ops.testing.workload import check_ledger


def fingerprint(connection: psycopg.Connection) -> dict[str, str]:
    """A hash of all rows of every table, as text."""
    result = {}
    for name in count_rows(connection):
        statement = sql.SQL(
            "SELECT md5(COALESCE(string_agg(r, E'\\n' ORDER BY r COLLATE \"C\"), ''))"
            " FROM (SELECT t::text AS r FROM {} AS t) AS s"
        ).format(sql.Identifier(name))
        row = connection.execute(statement).fetchone()
        assert row is not None
        result[name] = row[0]
    return result


def scalar(connection: psycopg.Connection, statement: str) -> object:
    row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return row[0]


def test_what_the_schema_is_made_of(source_db: Database) -> None:
    rows = load_sample(source_db.url, 0.01)
    with source_db.connect() as connection:
        counts = count_rows(connection)
        assert sum(counts.values()) == rows
        assert len(counts) >= 12
        assert min(counts.values()) >= 20
        expected = {
            "SELECT count(*) FROM pg_partitioned_table": 3,
            "SELECT count(*) FROM pg_class WHERE relispartition AND relkind = 'r'": 9,
            "SELECT count(*) FROM pg_matviews WHERE ispopulated": 1,
            "SELECT count(*) FROM pg_views WHERE schemaname = 'public'": 3,
            "SELECT count(*) FROM pg_constraint WHERE contype = 'x'": 1,
            "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND NOT convalidated": 0,
            "SELECT count(*) FROM pg_trigger WHERE tgenabled = 'A' AND NOT tgisinternal": 1,
            "SELECT count(*) FROM pg_trigger WHERE tgenabled = 'D' AND NOT tgisinternal": 1,
            "SELECT count(*) FROM pg_attribute WHERE attgenerated = 's'": 3,
            "SELECT count(DISTINCT attidentity) FROM pg_attribute WHERE attidentity <> ''": 2,
            "SELECT count(*) FROM pg_class AS c WHERE relkind = 'S' AND NOT EXISTS"
            " (SELECT FROM pg_depend WHERE objid = c.oid AND deptype IN ('a', 'i'))": 2,
            "SELECT count(*) FROM pg_class AS c WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            " AND NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = c.oid AND contype = 'p')": 1,
            "SELECT count(*) FROM pg_proc WHERE prokind = 'p' AND pronamespace = 'public'::regnamespace": 1,
        }
        assert {statement: scalar(connection, statement) for statement in expected} == expected
        assert all(
            scalar(connection, f"SELECT count(*) FROM {leaf}")
            for leaf in ("events_2026_q1", "events_2026_q2_eu", "events_2026_q2_rest", "events_2026_q3", "events_other")
        )
        assert scalar(connection, "SELECT count(*) FROM page_views") != scalar(
            connection, "SELECT count(*) FROM (SELECT DISTINCT * FROM page_views) AS d"
        )
        assert scalar(connection, "SELECT sum(pg_relation_size(reltoastrelid)) > 0 FROM pg_class WHERE relname = 'documents'")
    check_ledger(source_db.url)


def test_sequences_are_ahead_of_the_rows(source_db: Database) -> None:
    load_sample(source_db.url, 0.01)
    with source_db.connect() as connection:
        for statement in (
            "INSERT INTO customers (email, username, name) VALUES ('a', 'a', 'a')",
            "INSERT INTO products (sku, category_id, title, price) VALUES ('a', 1, 'a', 1)",
            'INSERT INTO "Product Category" ("Name") VALUES (\'a\')',
            "INSERT INTO documents (title) VALUES ('a')",
            "INSERT INTO orders (customer_id, external_ref) VALUES (1, gen_random_uuid())",
            "INSERT INTO invoices (order_id, amount) SELECT max(id), 1 FROM orders",
            "INSERT INTO audit_log (what) VALUES ('a')",
            "INSERT INTO journal (debit, credit, amount) VALUES (1, 2, 1)",
            "INSERT INTO seats (venue, place) VALUES (-1, -1)",
            "INSERT INTO survey_answers DEFAULT VALUES",
        ):
            assert connection.execute(statement.encode()).rowcount == 1


def test_same_rows_every_time_and_on_postgresql_15(
    source_db: Database, target_db: Database, system_clusters: tuple[Cluster, Cluster]
) -> None:
    older = create_database(system_clusters[0])
    try:
        seen = []
        for database in (source_db, target_db, older):
            load_sample(database.url, 0.01)
            with database.connect() as connection:
                seen.append(fingerprint(connection))
        assert seen[0] == seen[1] == seen[2]
    finally:
        drop_database(older)


def test_scale(source_db: Database, target_db: Database) -> None:
    small, large = load_sample(source_db.url, 0.01), load_sample(target_db.url, 0.05)
    assert 4 < large / small < 6


def test_all_or_nothing(source_db: Database) -> None:
    with source_db.connect() as connection:
        connection.execute("CREATE TABLE seats (mine int)")
        with pytest.raises(psycopg.errors.DuplicateTable):
            load_sample(source_db.url, 0.01)
        assert count_rows(connection) == {"seats": 0}
        assert scalar(connection, "SELECT count(*) FROM pg_extension WHERE extname = 'citext'") == 0
