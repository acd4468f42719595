"""In which order pieces are copied, how even they are, and how keys are built meanwhile."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

from tests.conftest import Database
from tests.snapshot.test_copy import SMALL, make_context
from voyager_ops.model.tables import QName
from voyager_ops.snapshot.copy import copy_chunks
from voyager_ops.snapshot.order import in_order
from voyager_ops.snapshot.plan import Chunk, plan_chunks


def chunk(number: int, table: str, rows: int, size: int) -> Chunk:
    name = QName("public", table)
    return Chunk(number, 0, name, name, "key", None, None, number, rows, size)


def test_the_table_with_the_most_rows_comes_first_and_as_a_whole() -> None:
    plan = [
        chunk(1, "wide", 10, 900),
        chunk(2, "wide", 10, 800),
        chunk(3, "many", 30, 100),
        chunk(4, "many", 30, 200),
        chunk(5, "many", 30, 200),
        chunk(6, "unknown", 0, 5000),
        chunk(7, "empty", 0, 0),
    ]
    groups = [[each] for each in plan if each.chunk_id != 5]  # that one is loaded
    random.Random(1).shuffle(groups)
    assert [group[0].chunk_id for group in in_order(groups, plan)] == [4, 3, 6, 1, 2, 7]


def test_chunks_of_a_table_that_lies_in_the_order_of_its_key_are_even(
    source_db: Database, target_db: Database, tmp_path: Path
) -> None:
    """64 blocks for all ten chunks had them between a seventh and three times what they should hold."""
    schema = "CREATE TABLE t (id bigint PRIMARY KEY, v text)"
    rows = "INSERT INTO t SELECT i, repeat('x', 100) FROM generate_series(1, 200000) i; ANALYZE"
    context = make_context(source_db, target_db, tmp_path, schema, rows)
    (table,) = context.tables
    chunks = plan_chunks(context, SMALL.model_copy(update={"chunk_size": table.leaves[0].bytes // 10}))
    bounds = [0, *(int(each.lower[0]) for each in chunks if each.lower is not None), 200_000]
    sizes = [above - below for below, above in itertools.pairwise(bounds)]
    assert 10 <= len(sizes) <= 11
    assert max(sizes) < 2 * 200_000 / len(sizes)  # eight times the spread


def test_a_key_is_built_without_workers_while_more_than_its_table_is_to_be_copied(
    source_db: Database, target_db: Database, tmp_path: Path
) -> None:
    schema = "CREATE TABLE first (id bigint PRIMARY KEY, v text); CREATE TABLE last (id bigint PRIMARY KEY, v text)"
    rows = (
        "INSERT INTO first SELECT i, 'x' FROM generate_series(1, 9000) i;"
        " INSERT INTO last SELECT i, repeat('x', 1000) FROM generate_series(1, 2000) i; ANALYZE"
    )
    context = make_context(source_db, target_db, tmp_path, schema, rows)
    with target_db.connect() as connection:
        connection.execute("CREATE TABLE seen (name text, workers text)")
        connection.execute(
            "CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen"
            " SELECT object_identity, current_setting('max_parallel_maintenance_workers')"
            " FROM pg_event_trigger_ddl_commands() JOIN pg_constraint ON conrelid = objid WHERE contype = 'p'; END $$"
        )
        connection.execute("CREATE EVENT TRIGGER note ON ddl_command_end EXECUTE FUNCTION note()")
        usual = connection.execute("SHOW max_parallel_maintenance_workers").fetchone()
        assert usual is not None
        assert usual[0] != "0"
    plan_chunks(context, SMALL)
    assert copy_chunks(context, SMALL.model_copy(update={"parallelism": 1})).complete
    with target_db.connect() as connection:
        found = connection.execute("SELECT name, workers FROM seen ORDER BY 1").fetchall()
    assert found == [("public.first", "0"), ("public.last", usual[0])]
