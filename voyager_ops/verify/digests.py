"""The statements verification reads with: digests of many rows, digests of buckets, keys of few rows, single rows by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from psycopg import sql

from voyager_ops.databases.postgres.hashing import Method, row_hash, row_md5, text_hash
from voyager_ops.databases.postgres.ranges import range_condition
from voyager_ops.model.positions import Side
from voyager_ops.verify.pairing import Pair

Identity = tuple[str | None, ...]
"""What a row is known by: its key's texts, or its md5 where there is no key."""


@dataclass(frozen=True)
class Buckets:
    """A cut of rows by a hash (the key's, or the row's where there is no key): by ``bits`` of it, from ``shift`` up."""

    shift: int
    bits: int


@dataclass(frozen=True)
class Condition:
    """Which rows of a pair: a range of the pair's ``ranged`` columns (text values; None is open), in these buckets only."""

    lower: tuple[str, ...] | None = None
    upper: tuple[str, ...] | None = None
    buckets: tuple[tuple[Buckets, tuple[int, ...]], ...] = ()

    @property
    def bounded(self) -> bool:
        """Whether it is a range of the table, not all of it."""
        return self.lower is not None or self.upper is not None

    def within(self, buckets: Buckets, which: Sequence[int]) -> Condition:
        """Narrowed to some buckets."""
        return replace(self, buckets=(*self.buckets, (buckets, tuple(which))))


EVERYTHING = Condition()


@dataclass(frozen=True)
class Statements:
    """The statements for one pair of tables. ``method`` is the servers' common one for texts (TEXT or MD5)."""

    pair: Pair
    method: Method
    seed: int

    def digest(self, side: Side, condition: Condition, method: Method) -> sql.Composed:
        """One row: count, sum of the row hashes."""
        return sql.SQL("SELECT count(*), coalesce(sum({}), 0)::text FROM {} WHERE {}").format(
            row_hash(self.pair.columns, self.pair.key, method, self.seed), self.pair.from_(side), self._where(condition)
        )

    def _identity(self) -> sql.Composed:
        """The number that decides a row's bucket: the same on both sides for rows that belong together."""
        return text_hash(self.pair.key or self.pair.names, self.method, self.seed + 1)

    def _bucket(self, buckets: Buckets) -> sql.Composed:
        return sql.SQL("(({} >> {}) & {})::int8").format(
            self._identity(), sql.Literal(buckets.shift), sql.Literal((1 << buckets.bits) - 1)
        )

    def bucket_digests(self, side: Side, condition: Condition, buckets: Buckets) -> sql.Composed:
        """Rows: bucket, count, sum of the row hashes in text form."""
        return sql.SQL("SELECT {}, count(*), sum({})::text FROM {} WHERE {} GROUP BY 1").format(
            self._bucket(buckets),
            text_hash(self.pair.names, self.method, self.seed),
            self.pair.from_(side),
            self._where(condition),
        )

    def _where(self, condition: Condition) -> sql.Composable:
        parts: list[sql.Composable] = [range_condition(self.pair.ranged, condition.lower, condition.upper)]
        for buckets, which in condition.buckets:
            parts.append(sql.SQL("{} = ANY ({}::int8[])").format(self._bucket(buckets), sql.Literal(list(which))))
        return sql.SQL(" AND ").join(parts)

    def rows(self, side: Side, condition: Condition) -> sql.Composed:
        """Rows: the key's texts then the row's md5; without a key the row's md5 and how many such rows there are."""
        names, table = self.pair.names, self.pair.from_(side)
        if not self.pair.key:
            return sql.SQL("SELECT {}, count(*) FROM {} WHERE {} GROUP BY 1").format(
                row_md5(names), table, self._where(condition)
            )
        return sql.SQL("SELECT {}, {} FROM {} WHERE {}").format(
            self.pair.key_texts(), row_md5(names), table, self._where(condition)
        )

    def by_digest(self, side: Side, digests: Sequence[str]) -> sql.Composed:
        """For a table without key: those rows that have one of these md5s. Rows: md5, count."""
        digest = row_md5(self.pair.names)
        return sql.SQL("SELECT {}, count(*) FROM {} WHERE {} = ANY ({}::text[]) GROUP BY 1").format(
            digest, self.pair.from_(side), digest, sql.Literal(list(digests))
        )

    def by_key(self, side: Side, keys: Sequence[Identity]) -> sql.Composed:
        """The rows of these keys that are there. Rows: place in ``keys`` (from 1), md5."""
        return self._by_key(side, keys, row_md5(self.pair.names))

    def column_digests(self, side: Side, keys: Sequence[Identity]) -> sql.Composed:
        """As :meth:`by_key`, with an md5 per column (NULL for NULL) in the order of ``pair.names``."""
        digests = [sql.SQL("md5({}::text)").format(sql.Identifier(name)) for name in self.pair.names]
        return self._by_key(side, keys, sql.SQL(", ").join(digests))

    def values(self, side: Side, keys: Sequence[Identity], limit: int) -> sql.Composed:
        """As :meth:`by_key`, with the text of every column, cut at ``limit`` characters."""
        texts = [sql.SQL("left({}::text, {})").format(sql.Identifier(name), sql.Literal(limit)) for name in self.pair.names]
        return self._by_key(side, keys, sql.SQL(", ").join(texts))

    def _by_key(self, side: Side, keys: Sequence[Identity], what: sql.Composed) -> sql.Composed:
        table = self.pair.table(side)
        places = range(len(self.pair.key))
        arrays = sql.SQL(", ").join(sql.SQL("{}::text[]").format(sql.Literal(list(column))) for column in zip(*keys, strict=True))
        wanted = sql.SQL(", ").join(sql.Identifier(f"voyager_key{place}") for place in places)
        # A type is in the words of the catalog's format_type, which quotes what needs quoting.
        equal = sql.SQL(" AND ").join(
            sql.SQL("voyager_table.{} = voyager_wanted.{}::{}").format(
                sql.Identifier(name),
                sql.Identifier(f"voyager_key{place}"),
                sql.SQL(table.column(name).type_sql),
            )
            for place, name in zip(places, self.pair.key, strict=True)
        )
        return sql.SQL(
            "SELECT voyager_place, {} FROM unnest({}) WITH ORDINALITY AS voyager_wanted ({}, voyager_place)"
            " JOIN {} AS voyager_table ON {}"
        ).format(what, arrays, wanted, self.pair.from_(side), equal)
