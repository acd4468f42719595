"""A forward lane whose snapshot is copied chunk by chunk, with statements on the source in between.

Each test says what happens on the source between which chunks; the lane then runs to its seam point and beyond, and the two
databases must hold the same rows.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import Database
from voyager_ops.config import ChangesConfig, SnapshotConfig
from voyager_ops.databases.postgres import capture, metadata
from voyager_ops.databases.postgres.apply import read_position
from voyager_ops.databases.postgres.catalog import read_tables
from voyager_ops.databases.postgres.database import PostgresDatabase
from voyager_ops.lane.apply_loop import apply
from voyager_ops.lane.capture_loop import capture as run_capture
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import Lane, Side
from voyager_ops.model.results import silent
from voyager_ops.model.tables import NameMap
from voyager_ops.snapshot.copy import copy_chunks
from voyager_ops.snapshot.done import snapshot_complete
from voyager_ops.snapshot.old_transactions import wait_for_old_transactions
from voyager_ops.snapshot.plan import Chunk, plan_chunks
from voyager_ops.state.store import State

PATIENCE_SECONDS = 30.0


class SeamLane:
    """The lane of one test."""

    def __init__(
        self, source_db: Database, target_db: Database, directory: Path, setup: str, later: str, chunk_size: int
    ) -> None:
        self.source_db, self.target_db = source_db, target_db
        with source_db.connect() as connection:
            connection.execute(setup)
            connection.execute("ANALYZE")
            connection.execute(later)
        with target_db.connect() as connection:
            connection.execute(setup)
            for (name,) in connection.execute(
                "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'public'"
            ).fetchall():
                connection.execute(f"TRUNCATE {name} CASCADE")
        source = PostgresDatabase.from_url(source_db.url, side=Side.SOURCE, migration="seam")
        target = PostgresDatabase.from_url(target_db.configured, side=Side.TARGET, migration="seam")
        self.later = later
        with source.connect("test") as connection:
            tables = tuple(read_tables(connection, ["public"]))
        self.context = LaneContext(
            "seam",
            Lane.FORWARD,
            source,
            target,
            tables,
            NameMap(),
            State.open("seam", directory=directory),
            directory,
            ChangesConfig(heartbeat=0.2),
        )
        self.snapshot = SnapshotConfig(chunk_size=chunk_size, bins=1000, parallelism=1)
        self.chunks: list[Chunk] = []

    def prepare(self) -> None:
        capture.prepare(self.context)

    def plan(self) -> list[Chunk]:
        wait_for_old_transactions(self.context, threading.Event())
        self.chunks = plan_chunks(self.context, self.snapshot)
        return self.chunks

    def source(self, *statements: str) -> None:
        """Run the statements on the source as one transaction."""
        with self.source_db.connect() as connection, connection.transaction():
            for statement in statements:
                connection.execute(statement)

    def copy(self, chunks: list[Chunk]) -> None:
        for number in sorted({chunk.bin for chunk in chunks}):
            assert copy_chunks(self.context, self.snapshot, bin=number).complete

    def of(self, name: str) -> list[Chunk]:
        """The chunks of one physical table, in key order."""
        return [chunk for chunk in self.chunks if chunk.physical.name == name]

    @contextmanager
    def streaming(self) -> Iterator[None]:
        """Capture and apply run; on leaving, all that was committed on the source has been applied."""
        assert snapshot_complete(self.context)
        stop = threading.Event()
        errors: list[BaseException] = []

        def guarded(loop: object) -> None:
            try:
                loop()  # type: ignore[operator]
            except BaseException as error:  # noqa: BLE001 -- raised again in the test's own thread
                errors.append(error)
                stop.set()

        def build_unique() -> None:
            if self.later:
                with self.target_db.connect() as connection:
                    connection.execute(self.later)

        loops = (
            lambda: run_capture(self.context, stop, None, silent),
            lambda: apply(self.context, stop, None, silent, at_seam=build_unique, gate=None),
        )
        threads = [threading.Thread(target=guarded, args=(loop,)) for loop in loops]
        for thread in threads:
            thread.start()
        try:
            self._caught_up(errors)
            yield
            self._caught_up(errors)
        finally:
            stop.set()
            for thread in threads:
                thread.join(PATIENCE_SECONDS)
            if errors:
                raise errors[0]

    def _caught_up(self, errors: list[BaseException]) -> None:
        with self.source_db.connect() as connection:
            marker = metadata.write_marker(connection, "seam", "marker")
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self.context.apply_db.connect("test") as connection:
            while not errors and time.monotonic() < deadline:
                arrived = metadata.arrival(connection, "seam", "forward", "marker")
                if arrived and arrived[0] == marker and read_position(connection, "seam", Lane.FORWARD).seam_passed:
                    return
                time.sleep(0.05)
        if not errors:
            raise TimeoutError("the marker did not arrive")

    def differences(self) -> dict[str, tuple[list[str], list[str]]]:
        """Tables whose rows differ: what only the source has, what only the target has."""
        found = {}
        for table in self.context.tables:
            rows = []
            for database in (self.source_db, self.target_db):
                with database.connect() as connection:
                    rows.append(sorted(str(row[0]) for row in connection.execute(f'SELECT t::text FROM "{table.name.name}" t')))
            if rows[0] != rows[1]:
                only = [[row[:80] for row in rows[side] if row not in rows[1 - side]] for side in (0, 1)]
                found[table.name.name] = (only[0], only[1])
        return found
