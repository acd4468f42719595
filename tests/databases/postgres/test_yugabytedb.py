"""What is done otherwise where the target is called a YugabyteDB. It is a PostgreSQL here: what only a YugabyteDB takes is not
run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Database
from tests.lane.feed import make_context
from tests.lane.stream import Stream
from voyager_ops.config import SnapshotConfig
from voyager_ops.databases.postgres.apply_catalog import read_apply_tables
from voyager_ops.databases.postgres.apply_sql import delete_whole_rows
from voyager_ops.databases.postgres.database import PostgresDatabase
from voyager_ops.errors import ApplyError
from voyager_ops.model.positions import Side
from voyager_ops.snapshot.copy import copy_chunks
from voyager_ops.snapshot.plan import plan_chunks

DDL = """
CREATE TABLE t (id int PRIMARY KEY, v text);
CREATE TABLE p (id int, at int, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);
"""
ROWS = "INSERT INTO t VALUES (1, 'a'), (2, 'b'); INSERT INTO p SELECT i, i FROM generate_series(0, 19) i;"
NO_TRUNCATE = """
CREATE FUNCTION refused() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'TRUNCATE was sent'; END$$;
DO $$DECLARE t regclass;
BEGIN
  FOR t IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP
    EXECUTE format('CREATE TRIGGER refused BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION public.refused()', t);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER refused', t);
  END LOOP;
END$$
"""


def called_yugabytedb(database: Database) -> str:
    return "yugabytedb://" + database.url.partition("://")[2]


@pytest.mark.parametrize("yugabytedb", [True, False])
def test_tables_are_emptied_by_what_its_transaction_takes_back(
    source_db: Database, target_db: Database, tmp_path: Path, yugabytedb: bool
) -> None:
    stream = Stream(
        source_db, target_db, tmp_path, DDL, ROWS, apply_url=called_yugabytedb(target_db) if yugabytedb else target_db.url
    )
    with target_db.connect() as connection:
        connection.execute(NO_TRUNCATE)
    batches = ("TRUNCATE t; INSERT INTO t VALUES (1, 'new')", "TRUNCATE p1", "INSERT INTO p VALUES (3, 3)", "TRUNCATE p")
    if yugabytedb:
        for batch in batches:
            stream.apply(batch)
    else:
        with pytest.raises(ApplyError, match="TRUNCATE was sent"):
            stream.apply(batches[0])


def test_a_table_that_is_copied_anew_as_a_whole_is_emptied_so(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    ddl = "CREATE TABLE keyless (v text); ALTER TABLE keyless REPLICA IDENTITY FULL"
    for database in (source_db, target_db):
        with database.connect() as connection:
            connection.execute(ddl)
    with source_db.connect() as connection:
        connection.execute("INSERT INTO keyless SELECT repeat('x', 500) || i FROM generate_series(1, 3000) i; ANALYZE keyless")
    with target_db.connect() as connection:
        connection.execute("INSERT INTO keyless VALUES ('left by an earlier try')")
        connection.execute(NO_TRUNCATE)
    context = make_context(source_db, target_db, tmp_path, apply_url=called_yugabytedb(target_db), seam_passed=False)
    config = SnapshotConfig(chunk_size=200_000)
    assert {chunk.kind for chunk in plan_chunks(context, config)} == {"ctid"}
    assert copy_chunks(context, config).complete
    with source_db.connect() as source, target_db.connect() as target:
        query = "SELECT count(*), count(DISTINCT v) FROM keyless"
        assert target.execute(query).fetchall() == source.execute(query).fetchall()


def test_rows_without_a_key_are_told_apart_by_what_it_has(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    for database in (source_db, target_db):
        with database.connect() as connection:
            connection.execute("CREATE TABLE keyless (v text)")
    context = make_context(source_db, target_db, tmp_path)
    with context.apply_db.connect("test") as connection:
        (table,) = read_apply_tables(connection, context).values()
    there = PostgresDatabase.from_url(called_yugabytedb(target_db), side=Side.TARGET, migration="m")
    text = delete_whole_rows(table, there.row_place).as_string()
    assert 'd."ybctid" = g.place' in text
    assert '"ctid"' not in text
    assert '"ctid"' in delete_whole_rows(table, context.apply_db.row_place).as_string()
