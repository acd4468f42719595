"""PostgreSQL's rooms (``databases.base.Engine``)."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from psycopg import sql

from voyager_ops.changes.roots import RootMap
from voyager_ops.databases.base import CapturedSide, ChangeStream, Database, KeyFetcher, Splitter, Watch
from voyager_ops.databases.postgres import capture, catalog, metadata, old_transactions, sequences
from voyager_ops.databases.postgres.database import postgres, qualified
from voyager_ops.databases.postgres.left_behind import left_in_slot
from voyager_ops.databases.postgres.side import PostgresSide, PostgresWatch, marker_sql
from voyager_ops.databases.postgres.splitting import PostgresKeyFetcher, PostgresSplitter
from voyager_ops.databases.postgres.stream import SlotStream
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.results import ProgressSink
from voyager_ops.model.tables import QName, Table
from voyager_ops.model.tables import Sequence as SequenceFacts
from voyager_ops.state.lanes import read_lane


class PostgresEngine:
    """Stateless: every method is given what it works on."""

    def schema_names(self, schemas: Collection[str]) -> tuple[str, ...]:
        return tuple(schemas)

    def read_tables(
        self,
        database: Database,
        schemas: Collection[str],
        include: Iterable[str] = ("*",),
        exclude: Iterable[str] = (),
    ) -> list[Table]:
        with postgres(database).connect("catalog") as connection:
            return catalog.read_tables(connection, schemas, include, exclude)

    def read_sequences(self, database: Database, schemas: Collection[str]) -> list[SequenceFacts]:
        with postgres(database).connect("sequences") as connection:
            return sequences.read_standing(connection, schemas)

    def prepare(self, context: LaneContext, progress: ProgressSink, stop: threading.Event | None) -> None:
        capture.prepare(context, progress, stop)

    def teardown(self, context: LaneContext, progress: ProgressSink) -> list[str]:
        record = read_lane(context.state, context.lane)
        capture.teardown(context, progress)
        return [f"replication slot {record.slot}", f"publication {record.publication}", "replica identities put back"]

    def plan_teardown(self, context: LaneContext) -> list[str]:
        record = read_lane(context.state, context.lane)
        return [
            f"SELECT pg_drop_replication_slot('{record.slot}'); DROP PUBLICATION {record.publication}; replica identities as they"
            " were"
        ]

    def open_stream(self, context: LaneContext, roots: RootMap) -> ChangeStream:
        return SlotStream(context, roots)

    def watch(self, context: LaneContext, roots: RootMap) -> Watch:
        return PostgresWatch(context, roots)

    def left_behind(self, context: LaneContext) -> Iterator[QName]:
        return left_in_slot(context)

    def splitter(self, database: Database) -> Splitter:
        return PostgresSplitter(database)

    def key_fetcher(self, database: Database) -> KeyFetcher:
        return PostgresKeyFetcher(database)

    def wait_for_old_transactions(self, context: LaneContext, stop: threading.Event, progress: ProgressSink) -> None:
        old_transactions.wait_for_old_transactions(context, stop, progress)

    def side(self, database: Database, role: str) -> CapturedSide:
        return PostgresSide(database, role)

    def marker_sql(self, database: Database, kind: str) -> str:
        return marker_sql(database.migration, kind)

    def installed(self, database: Database) -> bool:
        with postgres(database).connect("check") as connection:
            return metadata.installed(connection)

    def remove_records(self, database: Database) -> list[str]:
        with postgres(database).connect("end migration") as connection:
            gone = metadata.drop(connection, database.migration)
        words = f"schema {metadata.SCHEMA}" if gone else f"our rows in schema {metadata.SCHEMA} (other migrations use it)"
        return [words]

    def count_rows(self, database: Database, tables: Sequence[Table]) -> Mapping[QName, int]:
        counts: dict[QName, int] = {}
        with postgres(database).connect("report") as connection:
            for table in tables:
                there = connection.execute(
                    "SELECT to_regclass(format('%%I.%%I', %s::text, %s::text)) IS NOT NULL", tuple(table.name)
                ).fetchone()
                if there and there[0]:
                    only = sql.SQL("") if table.partitioned else sql.SQL("ONLY ")
                    found = connection.execute(
                        sql.SQL("SELECT count(*) FROM {}{}").format(only, qualified(table.name))
                    ).fetchone()
                    counts[table.name] = int(found[0]) if found else 0
        return counts
