"""Reading an Oracle side for verification (``verify.sides.Reader``): rows are streamed here as canonical text, and digested here.

Oracle cannot compute what PostgreSQL's hash functions give, and has no canonical text of its own; so each read is a SELECT of the
rows, whatever it boils them down to (of a table with LOBs two, of those whose LOBs are small and of the others: a row that goes
from one to the other meanwhile is seen twice or not at all, so it differs, and is looked at again). Memory: a batch of rows; of
those with large LOBs a megabyte of text, or one row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import oracledb
import pyarrow as pa

from voyager_ops.databases.base import Database
from voyager_ops.databases.oracle.binds import Binds, bindable
from voyager_ops.databases.oracle.database import oracle
from voyager_ops.databases.oracle.errors import PRIVILEGE, is_passing, message_of, ora_code
from voyager_ops.databases.oracle.names import qualified
from voyager_ops.databases.oracle.reading import LOB_ROWS, batch_rows, parts, where
from voyager_ops.databases.oracle.row_text import BucketSums, as_text, digests, numbers, row_texts, total, word_as_text
from voyager_ops.databases.oracle.splitting import OracleSplitter
from voyager_ops.databases.oracle.values import Plan
from voyager_ops.databases.postgres.hashing import Method
from voyager_ops.errors import PreconditionError, RetryableError
from voyager_ops.model.tables import Table
from voyager_ops.verify.digests import Buckets, Condition, Identity, Statements
from voyager_ops.verify.pairing import Pair

Row = tuple[Any, ...]
KEYS_PER_SELECT: Final = 100
LOB_BYTES: Final = 1 << 20
LOB_BATCH: Final = 1_000
"""Rows with LOBs are digested together up to so many bytes of text, or rows."""
_CANCELLED: Final = 1013


@dataclass(frozen=True)
class Batch:
    """Some rows: the texts of the pair's columns in their order, and where the key's are among them."""

    columns: list[Any]
    key: tuple[int, ...]

    def md5s(self) -> list[bytes]:
        return digests(row_texts(self.columns))

    def identities(self) -> list[bytes]:
        """md5 of what decides a row's bucket: its key, or all of it where there is none."""
        return digests(row_texts([self.columns[place] for place in self.key] or self.columns))

    def filter(self, mask: Any) -> Batch:
        return Batch([column.filter(mask) for column in self.columns], self.key)

    def keys(self) -> list[tuple[str, ...]]:
        return list(zip(*(self.columns[place].to_pylist() for place in self.key), strict=True))


class OracleReader:
    """One session. Every method gives the rows that the statement of that name gives on PostgreSQL with ``Method.MD5``."""

    def __init__(self, database: Database) -> None:
        self._database = oracle(database)
        self._connection = self._database.connect("verify")

    # -- many rows ---------------------------------------------------------------------------------------------------------
    def digest(self, statements: Statements, condition: Condition, method: Method) -> list[Row]:
        _only_md5(method)
        count = summed = 0
        for batch in self._batches(statements.pair, condition):
            hashed = numbers(batch.md5s())
            count += len(hashed)
            summed += total(hashed)
        return [(count, str(summed))]

    def bucket_digests(self, statements: Statements, condition: Condition, buckets: Buckets) -> list[Row]:
        sums = BucketSums()
        for batch in self._batches(statements.pair, condition):
            sums.add(_buckets(numbers(batch.identities()), buckets), numbers(batch.md5s()))
        return list(sums.rows())

    def rows(self, statements: Statements, condition: Condition) -> list[Row]:
        found: list[Row] = []
        counted: Counter[str] = Counter()
        for batch in self._batches(statements.pair, condition):
            md5s = [md5.hex() for md5 in batch.md5s()]
            if batch.key:
                found += [(*key, md5) for key, md5 in zip(batch.keys(), md5s, strict=True)]
            else:
                counted.update(md5s)
        return found or list(counted.items())

    def by_digest(self, statements: Statements, digests: Sequence[str]) -> list[Row]:
        wanted = set(digests)
        counted: Counter[str] = Counter()
        for batch in self._batches(statements.pair, Condition()):
            counted.update(digest for md5 in batch.md5s() if (digest := md5.hex()) in wanted)
        return list(counted.items())

    # -- rows by key -------------------------------------------------------------------------------------------------------
    def by_key(self, statements: Statements, keys: Sequence[Identity]) -> list[Row]:
        return self._by_key(statements.pair, keys, lambda batch: [(md5.hex(),) for md5 in batch.md5s()])

    def column_digests(self, statements: Statements, keys: Sequence[Identity]) -> list[Row]:
        return self._by_key(statements.pair, keys, _column_digests)

    def values(self, statements: Statements, keys: Sequence[Identity], limit: int) -> list[Row]:
        def cut(batch: Batch) -> list[Row]:
            texts = ([None if value is None else value[:limit] for value in column.to_pylist()] for column in batch.columns)
            return list(zip(*texts, strict=True))

        return self._by_key(statements.pair, keys, cut)

    def _by_key(self, pair: Pair, keys: Sequence[Identity], what: Callable[[Batch], list[Row]]) -> list[Row]:
        columns = [pair.source.column(name) for name in pair.key]
        types = [pair.target.column(name).type_name for name in pair.key]
        # Keys come as ``::text`` has them, or, out of the change log, in the type's own form (char(n) padded).
        places = {
            tuple(word_as_text(value or "", name) for value, name in zip(key, types, strict=True)): place
            for place, key in enumerate(keys, 1)
        }
        found: list[Row] = []
        if not all(bindable(column) for column in columns):
            for batch in self._batches(pair, Condition()):
                found += _placed(batch, places, what)
            return found
        wanted = list(places)
        for start in range(0, len(wanted), KEYS_PER_SELECT):
            binds = Binds()
            conditions = [f"({binds.key(columns, key, 't')})" for key in wanted[start : start + KEYS_PER_SELECT]]
            for batch in self._read(pair, " OR ".join(conditions), binds):
                found += _placed(batch, places, what)
        return found

    # -- reading -----------------------------------------------------------------------------------------------------------
    def _batches(self, pair: Pair, condition: Condition) -> Iterator[Batch]:
        binds = Binds()
        within = binds.range(pair.ranged, condition.lower, condition.upper, "t")
        for batch in self._read(pair, within, binds):
            for buckets, which in condition.buckets:
                placed = _buckets(numbers(batch.identities()), buckets)
                batch = batch.filter(pa.array([bucket in set(which) for bucket in placed.tolist()], pa.bool_()))
            yield batch

    def _read(self, pair: Pair, condition: str, binds: Binds) -> Iterator[Batch]:
        columns = [pair.source.column(name) for name in pair.names]
        types = [pair.target.column(name).type_name for name in pair.names]
        plan = Plan(columns, "t")
        key = tuple(pair.names.index(name) for name in pair.key)
        source = f"SELECT {plan.select_list} FROM {qualified(*pair.source.native_name)} t"  # noqa: S608 -- quoted names
        for part in parts(plan, batch_rows(pair.source, pair.source.name)):
            statement = source + where(condition, part.condition)
            read = self._texts(plan, statement, binds, part.rows) if part.rows else self._lob_texts(plan, statement, binds)
            for texts in read:
                yield Batch([as_text(column, name) for column, name in zip(texts, types, strict=True)], key)

    def _texts(self, plan: Plan, statement: str, binds: Binds, rows: int) -> Iterator[list[Any]]:
        for frame in self._connection.fetch_df_batches(
            statement, binds.values, size=rows, fetch_decimals=True, requested_schema=plan.schema
        ):
            batch = pa.table(frame)
            if batch.num_rows:
                yield plan.texts(batch)

    def _lob_texts(self, plan: Plan, statement: str, binds: Binds) -> Iterator[list[Any]]:
        with self._connection.cursor() as cursor:
            cursor.arraysize = cursor.prefetchrows = LOB_ROWS
            cursor.execute(statement, binds.values, fetch_lobs=True, fetch_decimals=True)
            rows: list[list[str | None]] = []
            held = 0
            for row in cursor:
                texts = plan.row([value.read() if isinstance(value, oracledb.LOB) else value for value in row])
                rows.append([None if value is None else value.decode() for value in texts])
                held += sum(len(value) for value in texts if value is not None)
                if held >= LOB_BYTES or len(rows) >= LOB_BATCH:
                    yield _columns(rows)
                    rows, held = [], 0
            if rows:
                yield _columns(rows)

    # -- the rest ----------------------------------------------------------------------------------------------------------
    def points(self, table: Table, columns: Sequence[str], rows_per_range: int) -> list[list[str]]:
        found: list[list[str]] = []
        with OracleSplitter(self._database) as splitter:
            for leaf in table.leaves:
                rows = leaf.rows if leaf.rows > 0 else leaf.bytes // 100
                keys = [table.column(name) for name in columns]
                found += [list(point) for point in splitter.key_points(leaf, keys, -(-rows // rows_per_range))]
        return found

    def explained(self, error: Exception) -> tuple[type[PreconditionError] | type[RetryableError], str] | None:
        if not isinstance(error, oracledb.Error):
            return None
        if ora_code(error) in PRIVILEGE:
            return PreconditionError, message_of(error)
        if is_passing(error) or ora_code(error) == _CANCELLED:
            return RetryableError, message_of(error)
        return None

    def cancel(self) -> None:
        try:
            self._connection.cancel()
        except oracledb.Error:
            return  # the session is gone, and with it what it was doing

    def close(self) -> None:
        try:
            self._connection.close()
        except oracledb.Error:
            return  # it was gone


def _columns(rows: list[list[str | None]]) -> list[Any]:
    return [pa.array(list(column), pa.large_string()) for column in zip(*rows, strict=True)]


def _only_md5(method: Method) -> None:
    if method is not Method.MD5:
        raise ValueError(f"digests by {method} are computed by PostgreSQL servers only")


def _buckets(hashed: Any, buckets: Buckets) -> Any:
    return (hashed >> buckets.shift) & ((1 << buckets.bits) - 1)


def _placed(batch: Batch, places: dict[tuple[str, ...], int], what: Callable[[Batch], list[Row]]) -> list[Row]:
    rows = zip(batch.keys(), what(batch), strict=True)
    return [(places[key], *row) for key, row in rows if key in places]


def _column_digests(batch: Batch) -> list[Row]:
    columns = []
    for column in batch.columns:
        md5s = iter(digests(column.drop_null()))
        columns.append([next(md5s).hex() if valid else None for valid in column.is_valid().to_pylist()])
    return list(zip(*columns, strict=True))
