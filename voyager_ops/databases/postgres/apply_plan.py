"""From a table's net change to the statements that apply it, with what each must report back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar, cast, overload

from psycopg import sql

from voyager_ops.changes.cells import Cells
from voyager_ops.changes.netchange import Carried, Key, NetChange
from voyager_ops.databases.postgres import apply_sql
from voyager_ops.databases.postgres.apply_arrays import int_array, text_array
from voyager_ops.databases.postgres.apply_catalog import ApplyTable
from voyager_ops.databases.postgres.apply_pipeline import Statement
from voyager_ops.model.changes import UNCHANGED, Row

R = TypeVar("R", bound=Row | Key)
SLICE_BYTES = 32 << 20
"""Values sent in one statement, about: an array must stay far below the server's limit of 1 GiB for one value."""
SLICE_ROWS = 50_000


@dataclass(slots=True)
class Planned:
    """A statement with what it is for. ``expect``: rows it must count, None when any number will do."""

    statement: Statement
    what: str
    table: ApplyTable | None = None
    expect: int | None = None
    keys: Sequence[Key] = ()
    """Keys of the rows it is about, for messages."""


class Texts:
    """The texts of a table's statements, composed once per session."""

    def __init__(self) -> None:
        self._texts: dict[tuple[str, ApplyTable, tuple[int, ...]], bytes] = {}
        self._by_id: dict[tuple[str, int, tuple[int, ...]], bytes] = {}

    def get(self, kind: str, table: ApplyTable, columns: tuple[int, ...], compose: Callable[[], sql.Composed]) -> bytes:
        key = (kind, id(table), columns)
        text = self._by_id.get(key)
        if text is None:
            text = self._by_id[key] = compose().as_bytes(None)
            self._texts[(kind, table, columns)] = text  # keeps the table alive: its id stays its own
        return text


class Planner:
    """Plans for one session. ``fetch`` reads values from rows by key (in the same transaction, before they are changed):
    it is given a table, keys and column indexes, and returns a list of values per key, None for a key that has no row.
    ``row_place``: the system column that tells rows without a key apart."""

    def __init__(
        self, fetch: Callable[[ApplyTable, Sequence[Key], tuple[int, ...]], list[Row | None]], row_place: str = "ctid"
    ) -> None:
        self._fetch = fetch
        self._row_place = row_place
        self._texts = Texts()

    def plan(self, table: ApplyTable, net: NetChange, *, strict: bool, rewrite: bool) -> Iterator[Planned]:
        """Statements in order, TRUNCATE left to the caller. ``rewrite``: rows that change are deleted and inserted.

        Raises LookupError with a key as argument when the row that holds an UNCHANGED value is not there.
        """
        if net.removed or net.added:
            yield from self._multiset(table, net)
        everything = tuple(range(len(table.columns)))
        deletes, inserts, updates = net.deletes, net.inserts, net.updates
        partial = net.partial
        rewrite = bool(table.key) and (rewrite or table.must_rewrite)
        carried = net.carried
        if rewrite:
            key_of = _key_of(table)
            carried = carried + [Carried(row, key_of(row), True) for rows in partial.values() for row in rows]
            partial = {}
        if carried:
            completed = self._complete(table, carried)
            updates = _joined(updates, [row for row, item in zip(completed, carried, strict=True) if item.existed])
            inserts = _joined(inserts, [row for row, item in zip(completed, carried, strict=True) if not item.existed])
        if rewrite and updates:
            deletes = _joined(deletes, _keys_of(table, updates))
            inserts = _joined(inserts, updates)
            updates = []
        if rewrite and not strict:
            deletes = _joined(deletes, _keys_of(table, inserts))
        if deletes:
            text = self._texts.get("delete", table, (), lambda: apply_sql.delete(table))
            places = tuple(range(len(table.key)))
            for keys in slices(deletes, places):
                expect = len(keys) if strict else None
                yield Planned(_statement(text, keys, places), "delete", table, expect, LazyKeys(keys, places))
        if not strict and (updates or inserts) and not rewrite:
            text = self._texts.get("upsert", table, (), lambda: apply_sql.upsert(table))
            for rows in slices(_joined(updates, inserts), everything):
                yield Planned(_statement(text, rows, everything), "insert or update", table, None, self._keys(table, rows))
            updates, inserts = [], []
        if updates:
            yield from self._updates(table, updates, everything)
        for present, rows in partial.items():
            yield from self._updates(table, rows, present)
        if inserts:
            text = self._texts.get("insert", table, (), lambda: apply_sql.insert(table))
            for some in slices(inserts, everything):
                yield Planned(_statement(text, some, everything), "insert", table, len(some), self._keys(table, some))

    def missing(self, table: ApplyTable, keys: Sequence[Key]) -> Statement:
        """Ordinals of the keys that no row has."""
        text = self._texts.get("missing", table, (), lambda: apply_sql.missing(table))
        return _statement(text, keys, tuple(range(len(table.key))))

    def fetch_statement(self, table: ApplyTable, keys: Sequence[Key], wanted: tuple[int, ...]) -> Statement:
        text = self._texts.get("fetch", table, wanted, lambda: apply_sql.fetch(table, wanted))
        return _statement(text, keys, tuple(range(len(table.key))))

    # -- inside ----------------------------------------------------------------------------------------------------
    def _keys(self, table: ApplyTable, rows: Sequence[Row]) -> Sequence[Key]:
        return LazyKeys(rows, table.key or tuple(range(len(table.columns))))

    def _updates(self, table: ApplyTable, rows: Sequence[Row], present: tuple[int, ...]) -> Iterator[Planned]:
        if all(index in table.key for index in present):
            return  # nothing that could be set was sent: the row is as it was
        text = self._texts.get("update", table, present, lambda: apply_sql.update(table, present))
        for some in slices(rows, present):
            yield Planned(_statement(text, some, present), "update", table, len(some), self._keys(table, some))

    def _complete(self, table: ApplyTable, carried: Sequence[Carried]) -> list[Row]:
        """The rows with their UNCHANGED values read from the rows that hold them."""
        result: list[Row] = [list(item.row) for item in carried]
        groups: dict[tuple[int, ...], list[int]] = {}
        for place, item in enumerate(carried):
            holes = tuple(index for index, value in enumerate(item.row) if value is UNCHANGED)
            if holes:
                groups.setdefault(holes, []).append(place)
        for holes, places in groups.items():
            values = self._fetch(table, [carried[place].base for place in places], holes)
            for place, found in zip(places, values, strict=True):
                if found is None:
                    raise LookupError(carried[place].base)
                row = list(result[place])
                for index, value in zip(holes, found, strict=True):
                    row[index] = value
                result[place] = row
        return result

    def _multiset(self, table: ApplyTable, net: NetChange) -> Iterator[Planned]:
        everything = tuple(range(len(table.columns)))
        if net.removed:
            text = self._texts.get("delete rows", table, (), lambda: apply_sql.delete_whole_rows(table, self._row_place))
            yield _setting("on")
            for planned in _counted(text, "delete", table, net.removed, everything):
                planned.statement.prepare = False  # its plan is made under other settings
                yield planned
            yield _setting("off")
        once = [row for row, count in net.added if count == 1]
        if once:
            text = self._texts.get("insert", table, (), lambda: apply_sql.insert(table))
            for rows in slices(once, everything):
                yield Planned(_statement(text, rows, everything), "insert", table, len(rows), LazyKeys(rows, everything))
        many = [item for item in net.added if item[1] > 1]
        if many:
            text = self._texts.get("insert rows", table, (), lambda: apply_sql.insert_counted(table))
            yield from _counted(text, "insert", table, many, everything)


class LazyKeys(Sequence[Key]):
    """Keys of rows, made only when a message needs them."""

    def __init__(self, rows: Sequence[Row | Key], key: Sequence[int]) -> None:
        self._rows = rows
        self._key = key

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> Key: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Key]: ...
    def __getitem__(self, place: int | slice) -> Key | Sequence[Key]:
        if isinstance(place, slice):
            return LazyKeys(self._rows[place], self._key)
        row = self._rows[place]
        return tuple(row[index] for index in self._key)


def _counted(
    text: bytes, what: str, table: ApplyTable, items: Sequence[tuple[Row, int]], columns: tuple[int, ...]
) -> Iterator[Planned]:
    """Statements over whole rows, each with a number of how many."""
    start = 0
    for rows in slices([row for row, _ in items], columns):
        counts = [count for _, count in items[start : start + len(rows)]]
        start += len(rows)
        statement = _statement(text, rows, columns)
        yield Planned(Statement(text, [*statement.params, int_array(counts)]), what, table, sum(counts), LazyKeys(rows, columns))


def _setting(value: str) -> Planned:
    """Whole rows are found by a hash join over a scan, all other rows through the key's index."""
    text = b"SELECT pg_catalog.set_config(name, $1, true) FROM unnest(ARRAY['enable_hashjoin', 'enable_seqscan']) name"
    return Planned(Statement(text, [value.encode()], [0]), "setting")


def _key_of(table: ApplyTable) -> Callable[[Row], Key]:
    return lambda row: tuple(row[index] for index in table.key)


def _keys_of(table: ApplyTable, rows: Sequence[Row]) -> Sequence[Row | Key]:
    if isinstance(rows, Cells):
        return rows.only(table.key)
    return list(map(_key_of(table), rows))


def _joined(some: Sequence[R], others: Sequence[R]) -> Sequence[R]:
    """One sequence of both, by column where both are."""
    if not some or not others:
        return some or others
    if isinstance(some, Cells) and isinstance(others, Cells):
        return cast("Sequence[R]", some.and_also(others))
    return [*some, *others]


def _statement(text: bytes, rows: Sequence[Row | Key], columns: Sequence[int]) -> Statement:
    if isinstance(rows, Cells):
        return Statement(text, [rows.array(index) for index in columns])
    transposed = list(zip(*rows, strict=True))
    return Statement(text, [text_array(transposed[index]) for index in columns])


def slices(rows: Sequence[R], columns: Sequence[int]) -> Iterator[Sequence[R]]:
    """``rows`` in order, in pieces of bounded size in rows and bytes."""
    if isinstance(rows, Cells):
        yield from cast("Iterator[Sequence[R]]", rows.slices(SLICE_ROWS, SLICE_BYTES))
        return
    for start in range(0, len(rows), SLICE_ROWS):
        piece = rows[start : start + SLICE_ROWS] if len(rows) > SLICE_ROWS else rows
        if _bytes_of(piece) <= SLICE_BYTES:
            yield piece
            continue
        held: list[R] = []
        size = 0
        for row in piece:
            own = sum(len(value) for value in row if isinstance(value, bytes))
            if held and size + own > SLICE_BYTES:
                yield held
                held, size = [], 0
            held.append(row)
            size += own
        yield held


def _bytes_of(rows: Sequence[Row | Key]) -> int:
    try:
        return sum(map(len, filter(None, chain.from_iterable(rows))))  # type: ignore[arg-type]
    except TypeError:  # some are UNCHANGED
        return sum(len(value) for row in rows for value in row if isinstance(value, bytes))
