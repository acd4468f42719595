"""Verification of equal tables next to md5 over ordered rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks import peers
from benchmarks.data import add_key, bare_target, bulk_source, fill
from benchmarks.engine import configuration, run_once
from benchmarks.report import Row, against_peer
from benchmarks.stage import Database, Stage, rounds

MUST = {"verify.narrow": 1.8, "verify.wide": 1.4}
LINES = [(name,) for name in MUST]


def run(stage: Stage, wanted: Callable[[str], bool]) -> Iterator[Row]:
    for name in MUST:
        if wanted(name):
            yield from one_table(stage, name)


def keyed_target(stage: Stage) -> Database:
    """A target that holds the same rows as the bulk source, with keys."""

    def make() -> Database:
        target = bare_target(stage, "loaded")
        for table in ("narrow", "wide"):
            fill(target, table, getattr(stage.sizes, table))
            add_key(target, table)
        return target

    made: Database = stage.once("bulk target", make)
    return made


def one_table(stage: Stage, name: str) -> Iterator[Row]:
    table = name.split(".")[1]
    source, target = bulk_source(stage), keyed_target(stage)
    rows = getattr(stage.sizes, table)

    def ours() -> float:
        config = configuration(stage, source, target, stage.fresh_directory("export"), tables={"include": [table]})
        result = run_once("verify", config)
        if not result["equal"] or result["rows"] != rows:
            raise RuntimeError(f"equal tables were not found equal: {result}")
        return float(rows / result["seconds"])

    def md5() -> float:
        return float(rows / peers.md5_chunks((source, target), table, 1, rows))

    found = rounds(stage, {"md5": md5, "ours": ours})
    yield against_peer(name, "rows/s", found["ours"], found["md5"], MUST[name])
