"""The snapshot: one stream next to psql's COPY pipe, default parallelism next to pg_dump and pgcopydb, and many tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import peers
from benchmarks.data import bare_target, bulk_source, differing
from benchmarks.engine import configuration, run_once
from benchmarks.report import Row, against_peer, equal_contents, without_peer
from benchmarks.stage import Database, Stage, rounds
from voyager_ops.databases.postgres import metadata

FORMS = ("text", "binary")
TABLES = ("narrow", "wide")
ONE_STREAM = [f"snapshot.{table}.{form}" for table in TABLES for form in FORMS]
LINES = [*((name,) for name in ONE_STREAM), ("snapshot.both", "snapshot.both.pgcopydb")]
"""Names of lines, those together that one run measures."""


def run(stage: Stage, wanted: Callable[[str], bool]) -> Iterator[Row]:
    for name in ONE_STREAM:
        if wanted(name):
            yield from one_stream(stage, name)
    if wanted("snapshot.both") or wanted("snapshot.both.pgcopydb"):
        yield from both_tables(stage, dump=wanted("snapshot.both"), copydb=wanted("snapshot.both.pgcopydb"))


def forget(target: Database, tables: tuple[str, ...]) -> None:
    """Empty the tables and what we know to be loaded."""
    with target.connect() as connection:
        metadata.install(connection)
    target.run(f"TRUNCATE {', '.join(tables)}", "DELETE FROM voyager_ops.chunk")


def snapshot_seconds(
    stage: Stage, source: Database, target: Database, tables: tuple[str, ...], profile: Path | None = None, **options: Any
) -> dict[str, Any]:
    """Plan and copy in a process of its own; what it says."""
    config = configuration(
        stage, source, target, stage.fresh_directory("export"), tables={"include": list(tables)}, snapshot=options
    )
    result = run_once("snapshot", config, profile)
    if not result["complete"]:
        raise RuntimeError("the snapshot is not complete")
    return result


def one_stream(stage: Stage, name: str) -> Iterator[Row]:
    _, table, form = name.split(".")
    source, target = bulk_source(stage), bare_target(stage)
    rows = getattr(stage.sizes, table)

    def ours() -> float:
        return float(rows / snapshot_seconds(stage, source, target, (table,), parallelism=1, format=form)["seconds"])

    def psql() -> float:
        return float(rows / peers.psql_pipe(source, target, table, form))

    unequal: list[str] = []

    def check(variant: str) -> None:
        if variant == "ours":
            unequal.extend(differing(source, target, [table]))

    found = rounds(stage, {"psql": psql, "ours": ours}, lambda: forget(target, (table,)), check)
    yield against_peer(name, "rows/s", found["ours"], found["psql"], 0.95)
    yield equal_contents(name, 1 - len(unequal), 1)
    stage.drop(target)


def both_tables(stage: Stage, *, dump: bool, copydb: bool) -> Iterator[Row]:
    source, target = bulk_source(stage), bare_target(stage)
    rows = stage.sizes.narrow + stage.sizes.wide
    directory = stage.directory / "dump"
    variants: dict[str, Callable[[], float]] = {"ours": lambda: rows / snapshot_seconds(stage, source, target, TABLES)["seconds"]}
    if dump:
        variants["pg_dump | pg_restore"] = lambda: rows / peers.restore_sections(source, target, directory, ["data"])
    if copydb and peers.has_pgcopydb():
        variants["pgcopydb"] = lambda: rows / peers.pgcopydb(source, target, directory)
    unequal: list[str] = []

    def check(variant: str) -> None:
        if variant == "ours":
            unequal.extend(differing(source, target, list(TABLES)))

    found = rounds(stage, variants, lambda: forget(target, TABLES), check)
    if dump:
        yield against_peer("snapshot.both", "rows/s", found["ours"], found["pg_dump | pg_restore"], 1.8)
    if copydb:
        name = "snapshot.both.pgcopydb"
        if "pgcopydb" in found:
            yield against_peer(name, "rows/s", found["ours"], found["pgcopydb"], 1.2)
        else:
            yield without_peer(name, "rows/s", found["ours"], "pgcopydb is not installed")
    yield equal_contents("snapshot.both", len(TABLES) - len(unequal), len(TABLES))
    stage.drop(target)
