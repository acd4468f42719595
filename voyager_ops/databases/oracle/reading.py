"""Reading pieces of Oracle's tables for the snapshot (``snapshot.reading.PieceReader``).

A moment is an SCN: every piece is read ``AS OF SCN`` its own, a table that must be read as one at one SCN for all of its pieces.
Nothing is locked; when undo no longer reaches back, or DDL went between, the piece is read again at a new SCN.

Rows go through Arrow batches to COPY's text, column by column. Of a table with LOBs only those rows do whose LOBs are small; the
others, which a second SELECT of the same SCN gives, go row by row, and a large LOB through its locator piece by piece, so that
memory does not grow with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import oracledb
import pyarrow as pa

from voyager_ops.databases.base import Database
from voyager_ops.databases.oracle import values
from voyager_ops.databases.oracle.binds import Binds
from voyager_ops.databases.oracle.copy_text import copy_lines, escape
from voyager_ops.databases.oracle.database import OracleDatabase, oracle
from voyager_ops.databases.oracle.errors import DEFINITION_CHANGED, OTHER_TABLE, SNAPSHOT_TOO_OLD, message_of, ora_code, translate
from voyager_ops.databases.oracle.names import qualified
from voyager_ops.databases.oracle.positions import LAST_ORDINAL, text
from voyager_ops.databases.postgres.ranges import range_columns
from voyager_ops.errors import RetryableError, VoyagerOpsError
from voyager_ops.model.positions import Position
from voyager_ops.model.tables import Column, QName, Table
from voyager_ops.snapshot.plan import Chunk
from voyager_ops.snapshot.reading import Job, Moment, Writer

BATCH_BYTES: Final = 4 << 20
"""Of a batch, by the table's average row: two batches are in memory at a time, each once more as text."""
BATCH_ROWS: Final = (100, 20_000)
LOB_ROWS: Final = 50
INLINE_LOBS: Final = 32 << 10
"""Characters and bytes of a row's LOBs together, up to which they are fetched as values, with the row.

Half a millisecond away from a (simulated) server, rows of one CLOB are read at 10,300 instead of 380 a second where it has 300
characters, 1,400 instead of 260 with 12,000, 1,300 instead of 440 with 30,000. Where the way costs nothing, values are the faster
ones up to some 10,000 characters only.
"""
INLINE_ROWS: Final = BATCH_BYTES // INLINE_LOBS
"""Rows with small LOBs a batch: these as bytes of UTF-8 are at most three times ``BATCH_BYTES``."""
LOB_PIECE: Final = 1 << 20
"""Characters or bytes of a LOB read at once."""
OUT_BYTES: Final = 1 << 20
_GONE: Final = frozenset({1410, 8103}) | DEFINITION_CHANGED
"""ROWID invalid, object no longer exists, definition changed: DDL went between (a TRUNCATE, a partition moved)."""
_LOBS: Final = (oracledb.DB_TYPE_CLOB, oracledb.DB_TYPE_NCLOB, oracledb.DB_TYPE_BLOB)
_PIECEWISE: Final = frozenset({"text", "varchar", "bytea"})
"""Targets (pg_type.typname) whose text may be put together from the texts of pieces."""

R = TypeVar("R")


def current_scn(connection: oracledb.Connection) -> int:
    with connection.cursor() as cursor:
        row = cursor.execute("SELECT CURRENT_SCN FROM V$DATABASE").fetchone()
    return int(row[0])


def moment_at(scn: int, *, keyed: bool) -> Moment:
    """What reading as of ``scn`` sees: every commit up to and with it. Of a keyed table a commit of that very SCN is applied once
    more, which changes nothing; of a multiset it must not be."""
    seen = scn if keyed else scn + 1
    return Moment(f"{seen}:{seen}:", Position(text(scn, LAST_ORDINAL)), str(scn))


def failed(error: oracledb.Error, what: str) -> VoyagerOpsError:
    """Of reading: the undo is too short, or DDL was in the way, is worth another try at a later moment."""
    code = ora_code(error)
    if code in _GONE or code in SNAPSHOT_TOO_OLD:
        hint = "" if code in _GONE else " (a longer UNDO_RETENTION, or a smaller snapshot.chunk_size, helps)"
        return RetryableError(f"{what}: {message_of(error)}{hint}", state="nothing of it was loaded")
    return translate(error, what, "nothing of it was loaded", "mend what the server says, then run the command again")


class OracleReader:
    """One session. The driver's calls block, so they run in a thread."""

    def __init__(self, database: OracleDatabase, connection: oracledb.Connection) -> None:
        self._database = database
        self._connection = connection
        self._scn = 0

    @classmethod
    async def open(cls, database: Database) -> OracleReader:
        known = oracle(database)
        return cls(known, await asyncio.to_thread(known.connect, "snapshot"))

    async def begin(self, job: Job, physical: QName, *, shared: bool = False) -> Moment:
        self._scn = await self._call(lambda: current_scn(self._connection), f"reading {job.table.name}")
        return moment_at(self._scn, keyed=bool(job.table.key))

    async def join(self, moment: Moment) -> None:
        self._scn = int(moment.token)

    async def copy(
        self, chunk: Chunk, job: Job, writer: Writer, on_bytes: Callable[[int], None], on_read: Callable[[], None]
    ) -> int:
        plan = values.Plan(job.columns, "t")
        blocks = self._blocks(chunk, job, plan)
        what = f"reading {job.table.name}"

        async def source() -> AsyncGenerator[bytes, None]:
            coming = asyncio.ensure_future(self._call(lambda: next(blocks, None), what))
            try:
                while (block := await asyncio.shield(coming)) is not None:
                    coming = asyncio.ensure_future(self._call(lambda: next(blocks, None), what))
                    on_bytes(len(block))
                    yield block
                on_read()
            finally:
                # A thread that still reads must be done before the session is used for anything else, or closed.
                if not coming.done():
                    self._interrupt()
                await asyncio.gather(coming, return_exceptions=True)

        columns = [column.name for column in job.columns]
        stream = source()
        try:
            status = await writer.copy_to_table(
                job.target.name, schema_name=job.target.schema, columns=columns, source=stream, format="text"
            )
        finally:
            await stream.aclose()
        return int(str(status).rpartition(" ")[2])

    async def end(self) -> None:
        self._scn = 0

    def terminate(self) -> None:
        try:
            self._connection.close()
        except oracledb.Error:
            return  # it was gone

    def _interrupt(self) -> None:
        try:
            self._connection.cancel()
        except oracledb.Error:
            return  # the session is gone, and with it what it was doing

    async def _call(self, what: Callable[[], R], words: str) -> R:
        try:
            return await asyncio.to_thread(what)
        except oracledb.Error as error:
            what_failed = f"{words} on the {self._database.side} {self._database.where}"
            if ora_code(error) in OTHER_TABLE:  # if that is DDL's doing, capture is about to stop the table
                raise RetryableError(f"{what_failed}: {message_of(error)}", state="nothing of it was loaded") from error
            raise failed(error, what_failed) from error

    # -- in a thread ---------------------------------------------------------------------------------------------------
    def _blocks(self, chunk: Chunk, job: Job, plan: values.Plan) -> Iterator[bytes]:
        for part in parts(plan, batch_rows(job.table, chunk.physical)):
            statement, binds = select(chunk, job.table, plan, self._scn, part.condition)
            if part.rows:
                yield from self._batches(statement, binds, plan, part.rows)
            else:
                yield from self._lob_blocks(statement, binds, plan)

    def _batches(self, statement: str, binds: Binds, plan: values.Plan, rows: int) -> Iterator[bytes]:
        for frame in self._connection.fetch_df_batches(
            statement, binds.values, size=rows, fetch_decimals=True, requested_schema=plan.schema
        ):
            batch = pa.table(frame)
            if batch.num_rows:
                yield copy_lines(plan.texts(batch))

    def _lob_blocks(self, statement: str, binds: Binds, plan: values.Plan) -> Iterator[bytes]:
        with self._connection.cursor() as cursor:
            cursor.arraysize = cursor.prefetchrows = LOB_ROWS
            cursor.execute(statement, binds.values, fetch_lobs=True, fetch_decimals=True)
            out: list[bytes] = []
            held = 0
            for row in cursor:
                for piece in line(plan, row):
                    out.append(piece)
                    held += len(piece)
                    if held >= OUT_BYTES:
                        yield b"".join(out)
                        out, held = [], 0
            if out:
                yield b"".join(out)


@dataclass(frozen=True)
class Part:
    """Rows that are read in the same way: ``rows`` at a time with all of their values, or (0) their LOBs by locators."""

    condition: str
    """On the row; '' for all of them."""
    rows: int


def parts(plan: values.Plan, rows: int) -> tuple[Part, ...]:
    """How the rows of a table are read; together they are all of them, each of them once. ``rows`` a batch without LOBs.

    A locator costs a round trip per LOB, a value none; but a batch of values is in memory as a whole.
    """
    if not plan.has_lobs:
        return (Part("", rows),)
    size = plan.lob_size
    if not size:
        return (Part("", 0),)
    return Part(f"{size} <= {INLINE_LOBS}", min(rows, INLINE_ROWS)), Part(f"{size} > {INLINE_LOBS}", 0)


def where(*conditions: str) -> str:
    """All of them that say anything, as a WHERE clause."""
    said = [f"({condition})" for condition in conditions if condition]
    return f" WHERE {' AND '.join(said)}" if said else ""


def select(chunk: Chunk, table: Table, plan: values.Plan, scn: int, also: str = "") -> tuple[str, Binds]:
    """The statement that reads a chunk, or those of its rows that meet the condition ``also``, and its binds."""
    binds = Binds()
    native = next((leaf.native_name for leaf in table.leaves if leaf.name == chunk.physical), table.native_name)
    statement = f"SELECT {plan.select_list} FROM {qualified(*native)} AS OF SCN {binds.add(scn)} t"  # noqa: S608 -- quoted names and binds
    condition = ""
    if chunk.kind == "key":
        condition = binds.range(range_columns(table), chunk.lower, chunk.upper, "t")
    elif chunk.kind == "ctid":
        condition = places(binds, chunk.lower, chunk.upper)
    return statement + where(condition, also), binds


def places(binds: Binds, lower: tuple[str, ...] | None, upper: tuple[str, ...] | None) -> str:
    """A condition on where rows lie: from one row id up to another, without it."""
    parts = []
    if lower is not None:
        parts.append(f"t.ROWID >= CHARTOROWID({binds.add(lower[0])})")
    if upper is not None:
        parts.append(f"t.ROWID < CHARTOROWID({binds.add(upper[0])})")
    return " AND ".join(parts)


def batch_rows(table: Table, physical: QName) -> int:
    """Rows of about ``BATCH_BYTES``, by the optimizer's statistics where there are any."""
    leaf = next((leaf for leaf in table.leaves if leaf.name == physical), None)
    width = max(100, leaf.bytes // leaf.rows) if leaf is not None and leaf.rows > 0 and leaf.bytes > 0 else 500
    return min(max(BATCH_BYTES // width, BATCH_ROWS[0]), BATCH_ROWS[1])


# -- rows with LOBs ----------------------------------------------------------------------------------------------------
def line(plan: values.Plan, row: tuple[Any, ...]) -> Iterator[bytes]:
    """A row's COPY line in pieces; its LOBs as locators, of which no more than a piece is in memory at a time."""
    for place, column in enumerate(plan.columns):
        if place:
            yield b"\t"
        value = row[place]
        if isinstance(value, oracledb.LOB):
            yield from lob_pieces(column, value)
        else:
            yield escape(values.text_of(column, value))
    yield b"\n"


def lob_pieces(column: Column, lob: oracledb.LOB) -> Iterator[bytes]:
    """A LOB's text as COPY has it. Large ones in pieces where the target's text allows it."""
    size = lob.size()
    if size <= LOB_PIECE or column.type_name not in _PIECEWISE:
        yield escape(values.text_of(column, lob.read() if size else _empty(lob), size))
        return
    binary = lob.type is oracledb.DB_TYPE_BLOB
    at = 1
    while at <= size:
        piece = _piece(lob, at, min(LOB_PIECE, size - at + 1))
        encoded = values.text_of(column, piece, 1)
        assert encoded is not None
        # Of bytea in hexadecimal the mark stands once, in front.
        yield escape(encoded[2:] if binary and at > 1 else encoded)
        at += len(piece) if binary else len(piece.encode("utf-16-be")) // 2


def _empty(lob: oracledb.LOB) -> str | bytes:
    return b"" if lob.type is oracledb.DB_TYPE_BLOB else ""


def _piece(lob: oracledb.LOB, at: int, amount: int) -> Any:
    """So many characters as Oracle counts them (UTF-16 units), one less where that would cut one in two."""
    try:
        return lob.read(at, amount)
    except UnicodeDecodeError:
        return lob.read(at, amount - 1)
