"""The snapshot phase over large and many small tables, as a user runs it, next to pg_dump and pg_restore."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks import peers
from benchmarks.data import WIDE, add_key, differing, fill
from benchmarks.engine import configuration, run_once
from benchmarks.report import Row, against_peer, equal_contents
from benchmarks.stage import Database, Stage, rounds
from benchmarks.workloads import PGBENCH_TABLES, pgbench_tables

LINES = [("snapshot.many",)]


def run(stage: Stage, wanted: Callable[[str], bool]) -> Iterator[Row]:
    if wanted("snapshot.many"):
        yield from many_tables(stage)


def schema(stage: Stage, database: Database, steps: str) -> list[str]:
    """pgbench's tables, the wide one and the small ones; their names."""
    scale = max(1, stage.sizes.narrow // 50_000)
    pgbench_tables(database, scale, steps)
    names = [f"small_{number:03}" for number in range(stage.sizes.small_tables)]
    with database.connect() as connection:
        connection.execute(WIDE)
        for name in names:
            connection.execute(f"CREATE TABLE {name} (id int PRIMARY KEY, v text, at timestamptz, n numeric)".encode())
    return [*names, "wide", *PGBENCH_TABLES]


def many_tables(stage: Stage) -> Iterator[Row]:
    source = stage.create(stage.source("many"))
    tables = schema(stage, source, "dtgvp")
    fill(source, "wide", stage.sizes.wide)
    add_key(source, "wide")
    series = f"generate_series(1, {stage.sizes.small_rows}) i"
    for number in range(stage.sizes.small_tables):
        source.run(f"INSERT INTO small_{number:03} SELECT i, 'text ' || i, now(), i / 3.0 FROM {series}")
    source.run("VACUUM ANALYZE")
    rows = sum(int(source.value(f"SELECT count(*) FROM {table}")) for table in tables)
    keyed, keyless = stage.target("many"), stage.target("many_keyless")
    stage.create(keyed)
    schema(stage, keyed, "dtp")
    add_key(keyed, "wide")
    stage.create(keyless)
    peers.restore_sections(source, keyless, stage.directory / "dump", ["pre-data"])
    round_target = stage.target("many_round")
    unequal: list[str] = []

    def ours() -> float:
        stage.create(round_target, keyed)
        config = configuration(stage, source, round_target, stage.fresh_directory("export"))
        result = run_once("snapshot_phase", config)
        if not result["complete"]:
            raise RuntimeError("the snapshot is not complete")
        return float(rows / result["seconds"])

    def dump() -> float:
        stage.create(round_target, keyless)
        return rows / peers.restore_sections(source, round_target, stage.directory / "dump", ["data", "post-data"])

    def between() -> None:
        with source.connect() as connection:
            connection.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = 'many'")
            for (name,) in connection.execute("SELECT quote_ident(pubname) FROM pg_publication").fetchall():
                connection.execute(f"DROP PUBLICATION {name}".encode())

    def check(variant: str) -> None:
        if variant == "ours":
            unequal.extend(differing(source, round_target, tables))

    dump()  # not counted: the first run after filling, whichever it is, takes up to half as long again on a virtual machine
    found = rounds(stage, {"ours": ours, "pg_dump | pg_restore": dump}, between, check)
    yield against_peer("snapshot.many", "rows/s", found["ours"], found["pg_dump | pg_restore"], 1.5)
    yield equal_contents("snapshot.many", len(tables) - len(unequal), len(tables))
    for database in (source, keyed, keyless, round_target):
        stage.drop(database)
