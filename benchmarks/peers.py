"""What the engine is measured against, run as its users run it."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.data import KEYS
from benchmarks.stage import Database, run_program, stopwatch

PGCOPYDB = "pgcopydb"
MD5_ROWS = 100_000


def psql_pipe(source: Database, target: Database, table: str, form: str) -> float:
    """Seconds of ``psql COPY TO STDOUT | psql COPY FROM STDIN``."""
    with stopwatch() as seconds:
        reader = subprocess.Popen(
            [source.program("psql"), "-XqAt", "-c", f"COPY {table} TO STDOUT (FORMAT {form})"],
            env=source.environment,
            stdout=subprocess.PIPE,
        )
        writer = subprocess.Popen(
            [target.program("psql"), "-Xq", "-c", f"COPY {table} FROM STDIN (FORMAT {form})"],
            env=target.environment,
            stdin=reader.stdout,
        )
        assert reader.stdout is not None
        reader.stdout.close()
        codes = writer.wait(), reader.wait()
    if codes != (0, 0):
        raise RuntimeError(f"psql | psql failed: {codes}")
    return seconds[0]


def restore_sections(source: Database, target: Database, directory: Path, sections: list[str]) -> float:
    """Seconds of ``pg_dump -Fd -j2`` and then ``pg_restore -j2``; not compressed, which is its fastest on two cores."""
    shutil.rmtree(directory, ignore_errors=True)
    parts = [f"--section={section}" for section in sections]
    dump = [source.program("pg_dump"), "-Fd", "-Z0", "-j2", "--no-publications", *parts, "-f", str(directory)]
    restore = [target.program("pg_restore"), "-j2", "--no-publications", *parts, "-d", target.name, str(directory)]
    with stopwatch() as seconds:
        run_program([*dump, "-n", "public"], source.environment)
        run_program(restore, target.environment, check="pre-data" not in sections)  # that one creates public, which is there
    shutil.rmtree(directory)
    return seconds[0]


def pgcopydb(source: Database, target: Database, directory: Path) -> float:
    """Seconds of ``pgcopydb copy table-data`` with 4 jobs and tables split at 200 MB."""
    shutil.rmtree(directory, ignore_errors=True)
    environment = {
        **source.environment,
        "PGCOPYDB_SOURCE_PGURI": source.url,
        "PGCOPYDB_TARGET_PGURI": target.url,
        "PGCOPYDB_SPLIT_TABLES_LARGER_THAN": "200MB",
    }
    with stopwatch() as seconds:
        run_program(
            [PGCOPYDB, "copy", "table-data", "--dir", str(directory), "--table-jobs", "4", "--not-consistent"], environment
        )
    return seconds[0]


def has_pgcopydb() -> bool:
    return shutil.which(PGCOPYDB) is not None


def md5_chunks(sides: tuple[Database, Database], table: str, first: int, last: int) -> float:
    """Seconds of md5 over the ordered rows' text, a query per chunk of keys, both sides at once; they must agree."""
    key = KEYS[table]
    found: list[list[str]] = [[], []]

    def side(number: int) -> None:
        with sides[number].connect() as connection:
            for start in range(first, last + 1, MD5_ROWS):
                query = (
                    f"SELECT md5(string_agg(t::text, '' ORDER BY {key})) FROM {table} t"
                    f" WHERE {key} >= {start} AND {key} < {start + MD5_ROWS}"
                )
                row = connection.execute(query.encode()).fetchone()
                assert row is not None
                found[number].append(row[0])

    with stopwatch() as seconds:
        threads = [threading.Thread(target=side, args=(number,)) for number in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if found[0] != found[1] or not found[0]:
        raise RuntimeError(f"md5 of {table}: the sides differ")
    return seconds[0]


def recvlogical(source: Database, slot: str, publication: str, end: str) -> float:
    """Seconds of ``pg_recvlogical`` with pgoutput to /dev/null, up to the position ``end``."""
    with stopwatch() as seconds:
        run_program(
            [
                source.program("pg_recvlogical"), "-d", source.name, "-S", slot, "--start", "-f", "/dev/null", "--no-loop",
                "-o", "proto_version=1", "-o", f"publication_names={publication}", "--endpos", end,
            ],
            source.environment,
        )  # fmt: skip
    return seconds[0]


class Subscription:
    """Native logical replication from a slot that exists, without the initial copy."""

    def __init__(self, source: Database, target: Database, slot: str, publication: str, *, binary: bool) -> None:
        self._target = target
        with target.connect() as connection:
            connection.execute(
                (
                    f"CREATE SUBSCRIPTION bench CONNECTION '{_conninfo(source)}' PUBLICATION {publication}"
                    f" WITH (slot_name = '{slot}', create_slot = false, copy_data = false, binary = {binary})"
                ).encode()
            )

    def drop(self) -> None:
        with self._target.connect() as connection:
            connection.execute("ALTER SUBSCRIPTION bench DISABLE")
            connection.execute("ALTER SUBSCRIPTION bench SET (slot_name = NONE)")
            connection.execute("DROP SUBSCRIPTION bench")


def _conninfo(database: Database) -> str:
    env = database.environment
    return (
        " ".join(
            f"{word}={env[name]}"
            for word, name in (("host", "PGHOST"), ("port", "PGPORT"), ("user", "PGUSER"), ("password", "PGPASSWORD"))
        )
        + f" dbname={database.name}"
    )


def wait_for(database: Database, query: str, *, seconds: float, alive: Callable[[], object] = lambda: None) -> None:
    """Until ``query`` is true on ``database``, asked every 10 ms; ``alive`` raises when there is nothing to wait for any more."""
    deadline = time.monotonic() + seconds
    with database.connect() as connection:
        while True:
            row = connection.execute(query.encode()).fetchone()
            if row and row[0]:
                return
            alive()
            if time.monotonic() > deadline:
                raise TimeoutError(f"not true after {seconds} s: {query}")
            time.sleep(0.01)
