"""LOBs of many megabytes through the copy as it is in production: whole on the target, and never whole in memory."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import oracledb

from tests.conftest import Database
from tests.oracle_kit import shop_oracle
from voyager_ops.databases.oracle import reading
from voyager_ops.testing.postgres import Cluster

CHILD = """
import json, sys, tracemalloc
from pathlib import Path
from tests.databases.oracle.capture_kit import context_from
from voyager_ops.config import SnapshotConfig
from voyager_ops.databases.oracle import reading
from voyager_ops.databases.postgres import metadata
from voyager_ops.snapshot.copy import copy_chunks
from voyager_ops.snapshot.plan import plan_chunks

context = context_from(sys.argv[1], sys.argv[2], Path(sys.argv[3]), schema="shop")
with context.apply_db.connect("test") as connection:
    metadata.install(connection)
lengths = []
real = reading.OracleReader.copy

async def copy(self, chunk, job, writer, on_bytes, *more):
    def noted(count):
        lengths.append(count)
        on_bytes(count)
    return await real(self, chunk, job, writer, noted, *more)

reading.OracleReader.copy = copy
plan_chunks(context, SnapshotConfig())
copy_chunks(context, SnapshotConfig())  # imports what it needs
with context.apply_db.connect("test") as connection:
    connection.execute("TRUNCATE shop.docs, voyager_ops.chunk")
lengths.clear()
tracemalloc.start()
complete = copy_chunks(context, SnapshotConfig()).complete
peak = tracemalloc.get_traced_memory()[1]
print(json.dumps({"complete": complete, "lengths": lengths, "peak": peak}))
"""
CHARACTERS, BYTES = 24 << 20, 16 << 20
PIECE = "\U0001f600é\\\t"
"""Five units of UTF-16, eight bytes of UTF-8, ten in COPY's text. Pieces of a LOB end amid the first one."""
LARGEST_BLOCK = reading.OUT_BYTES + 3 * reading.LOB_PIECE
"""What was gathered, less than ``OUT_BYTES``, and one piece: three bytes a unit of UTF-16 at most, two a byte in hexadecimal."""


def test_large_lobs_go_through_in_blocks(source_cluster: Cluster, target_db: Database, tmp_path: Path) -> None:
    text = PIECE * (CHARACTERS // 5)
    data = random.Random(7).randbytes(BYTES)
    with target_db.connect() as connection:
        connection.execute("CREATE SCHEMA shop; CREATE TABLE shop.docs (id bigint PRIMARY KEY, body text, data bytea)")
    with shop_oracle(source_cluster) as oracle:
        oracle.run("CREATE TABLE DOCS (ID NUMBER(10) PRIMARY KEY, BODY CLOB, DATA BLOB)")
        with oracle.session() as cursor:
            cursor.setinputsizes(None, oracledb.DB_TYPE_CLOB, oracledb.DB_TYPE_BLOB)
            cursor.executemany("INSERT INTO DOCS VALUES (:1, :2, :3)", [(1, text, None), (2, "small", data)])
        # In a process of its own: the simulator has whole LOBs in its memory.
        child = subprocess.run(
            [sys.executable, "-c", CHILD, oracle.url, target_db.configured, str(tmp_path)],
            capture_output=True,
            timeout=300,
            check=False,
        )
    assert child.returncode == 0, child.stderr.decode()[-2000:]
    said = json.loads(child.stdout)
    assert said["complete"]
    with target_db.connect() as connection:
        rows = connection.execute("SELECT id, body FROM shop.docs ORDER BY id").fetchall()
        assert rows == [(1, text), (2, "small")]
        assert connection.execute("SELECT id, data FROM shop.docs ORDER BY id").fetchall() == [(1, None), (2, data)]
    assert max(said["lengths"]) <= LARGEST_BLOCK
    assert said["peak"] < sys.getsizeof(text) // 2
