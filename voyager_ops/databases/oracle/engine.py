"""Oracle's rooms (``databases.base.Engine``)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

import oracledb

from voyager_ops.changes.roots import RootMap
from voyager_ops.databases.base import CapturedSide, ChangeStream, Database, KeyFetcher, Splitter, Watch
from voyager_ops.databases.oracle import capture, catalog, metadata, sequences, transactions, trigger_capture
from voyager_ops.databases.oracle.database import oracle
from voyager_ops.databases.oracle.errors import translate
from voyager_ops.databases.oracle.names import fold, qualified, unfold
from voyager_ops.databases.oracle.side import OracleSide, OracleWatch, marker_sql
from voyager_ops.databases.oracle.splitting import OracleKeyFetcher, OracleSplitter
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.results import ProgressSink
from voyager_ops.model.tables import QName, Table
from voyager_ops.model.tables import Sequence as SequenceFacts

R = TypeVar("R")


class OracleEngine:
    """Stateless: every method is given what it works on."""

    def schema_names(self, schemas: Collection[str]) -> tuple[str, ...]:
        return tuple(fold(unfold(schema)) for schema in schemas)

    def read_tables(
        self,
        database: Database,
        schemas: Collection[str],
        include: Iterable[str] = ("*",),
        exclude: Iterable[str] = (),
    ) -> list[Table]:
        owners = [unfold(schema) for schema in schemas]
        overrides = oracle(database).overrides
        return _on(
            database,
            "catalog",
            lambda connection: catalog.read_tables(connection, owners, include, exclude, overrides),
            "the catalog could not be read",
        )

    def read_sequences(self, database: Database, schemas: Collection[str]) -> list[SequenceFacts]:
        return _on(
            database,
            "sequences",
            lambda connection: sequences.read_sequences(connection, schemas, oracle(database).overrides.naming),
            "the sequences could not be read",
        )

    def prepare(self, context: LaneContext, progress: ProgressSink, stop: threading.Event | None) -> None:
        _capture(context).prepare(context, progress, stop)

    def teardown(self, context: LaneContext, progress: ProgressSink) -> list[str]:
        return _capture(context).teardown(context, progress)

    def plan_teardown(self, context: LaneContext) -> list[str]:
        return _capture(context).plan_teardown(context)

    def open_stream(self, context: LaneContext, roots: RootMap) -> ChangeStream:
        return _capture(context).open_stream(context, roots)

    def watch(self, context: LaneContext, roots: RootMap) -> Watch:
        return OracleWatch(context)

    def left_behind(self, context: LaneContext) -> Iterator[QName]:
        return _capture(context).left_behind(context)

    def splitter(self, database: Database) -> Splitter:
        return OracleSplitter(database)

    def key_fetcher(self, database: Database) -> KeyFetcher:
        return OracleKeyFetcher(database)

    def wait_for_old_transactions(self, context: LaneContext, stop: threading.Event, progress: ProgressSink) -> None:
        transactions.wait_for_old_transactions(context, stop, progress)

    def side(self, database: Database, role: str) -> CapturedSide:
        return OracleSide(database, role)

    def marker_sql(self, database: Database, kind: str) -> str:
        return marker_sql(database.migration, kind)

    def installed(self, database: Database) -> bool:
        return _on(database, "check", metadata.installed, "our tables could not be looked for")

    def remove_records(self, database: Database) -> list[str]:
        return _on(
            database,
            "end migration",
            lambda connection: metadata.drop(connection, database.migration),
            "our tables could not be removed",
        )

    def count_rows(self, database: Database, tables: Sequence[Table]) -> Mapping[QName, int]:
        def count(connection: oracledb.Connection) -> dict[QName, int]:
            counts = {}
            with connection.cursor() as cursor:
                for table in tables:
                    row = cursor.execute(f"SELECT COUNT(*) FROM {qualified(*table.native_name)}").fetchone()  # noqa: S608 -- quoted
                    counts[table.name] = int(row[0])
            return counts

        return _on(database, "report", count, "rows could not be counted")


class _Capture(Protocol):
    """What a way of capture has to have; ``capture`` and ``trigger_capture`` are two."""

    def prepare(self, context: LaneContext, progress: ProgressSink, stop: threading.Event | None) -> None: ...
    def teardown(self, context: LaneContext, progress: ProgressSink) -> list[str]: ...
    def plan_teardown(self, context: LaneContext) -> list[str]: ...
    def open_stream(self, context: LaneContext, roots: RootMap) -> ChangeStream: ...
    def left_behind(self, context: LaneContext) -> Iterator[QName]: ...


def _capture(context: LaneContext) -> _Capture:
    """The way of capture that the lane was prepared with, else the one that is configured."""
    return trigger_capture if trigger_capture.chosen(context) else capture


def _on(database: Database, role: str, what: Callable[[oracledb.Connection], R], words: str) -> R:
    """``what`` on a session of its own; the driver's errors as ours."""
    connection = oracle(database).connect(role)
    try:
        return what(connection)
    except oracledb.Error as error:
        raise translate(
            error,
            f"{words} on the {database.side} {database.where}",
            "nothing was changed" if role != "end migration" else "everything done so far stays done",
            "mend what the server says (voyager-ops prepare source --print shows the grants), then run the command again",
        ) from error
    finally:
        connection.close()
