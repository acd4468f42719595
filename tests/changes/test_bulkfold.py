"""Folding all at once against folding one by one, and cells against values."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.lane.feed import raw_changes
from voyager_ops.changes import bulkfold
from voyager_ops.changes.cells import WIDE, Buffer, Cells
from voyager_ops.changes.netchange import FoldError, NetChange, TableFold
from voyager_ops.databases.postgres.apply_arrays import text_array
from voyager_ops.databases.postgres.pgoutput_bulk import Frames, blocks, cells
from voyager_ops.model.changes import DELETE, INSERT, UNCHANGED, UPDATE, Change, RawChanges, Relation, Row, Value
from voyager_ops.model.tables import QName

NAMES = ("a", "b", "c", "d")
VALUES: list[Value] = [None, b"", b"x", b"uuu", b"t\0\0\0\1u", b"y" * 70, b"z" * (WIDE + 1)]
Model = dict[tuple[Value, ...], tuple[Value, ...]]


def relation(key: Sequence[int]) -> Relation:
    return Relation(7, QName("public", "t"), NAMES, tuple(place in key for place in range(4)), (25,) * 4, False)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[int], Model, list[Change]]:
    """Key columns, rows that are there, and changes that may follow (as a source would send them)."""
    key = draw(st.sampled_from([[0], [2], [0, 1], [3, 0]]))
    described = relation(key)
    small = [b"1", b"22", b"3"]
    others = [place for place in range(4) if place not in key]
    keys = st.tuples(*(st.sampled_from(small) for _ in key))

    def row(values: tuple[Value, ...], holes: bool) -> list[Value]:
        made: list[Value] = [None] * 4
        for place, value in zip(key, values, strict=True):
            made[place] = value
        for place in others:
            made[place] = draw(st.sampled_from([*VALUES, UNCHANGED] if holes else VALUES))
        return made

    start: Model = {values: tuple(row(values, False)) for values in draw(st.lists(keys, unique=True, max_size=3))}
    rows = dict(start)
    changes = []
    only = draw(st.sampled_from([(INSERT,), (UPDATE,), (DELETE,), (INSERT, UPDATE, DELETE), (INSERT, UPDATE, DELETE)]))
    for _ in range(draw(st.integers(1, 14))):
        operation = draw(st.sampled_from(only))
        values = draw(keys)
        if (values in rows) == (operation == INSERT):
            continue
        if operation == DELETE:
            old: list[Value] = [None] * 4
            for place, value in zip(key, values, strict=True):
                old[place] = value
            changes.append(Change(DELETE, described, old, None))
            del rows[values]
            continue
        new = row(values, operation == UPDATE)
        changes.append(Change(operation, described, None, new))
        before = rows.get(values, (None,) * 4)
        rows[values] = tuple(was if value is UNCHANGED else value for value, was in zip(new, before, strict=True))
    return key, start, changes


def bulk(changes: Sequence[Change], key: Sequence[int], places: Sequence[int] = (0, 1, 2, 3)) -> NetChange | None:
    frames = Frames(Buffer([raw_changes(changes).data]))
    return bulkfold.fold(frames.buffer, frames.at, frames.operations, frames.kinds, places, 4, key)


def one_by_one(changes: Sequence[Change], key: Sequence[int]) -> NetChange:
    fold = TableFold(4, key, [place for place in range(4) if place not in key])
    for change in changes:
        if change.op == INSERT and change.new is not None:
            fold.insert(change.new)
        elif change.new is not None:
            fold.update(change.old, change.new, False)
        elif change.old is not None:
            fold.delete(change.old)
    return fold.net()


def plain(net: NetChange) -> dict[str, Any]:
    """A net change in an order of its own."""

    def rows(some: Sequence[Any]) -> list[str]:
        return sorted(repr(tuple(row)) for row in some)

    return {
        "deletes": rows(net.deletes),
        "updates": rows(net.updates),
        "inserts": rows(net.inserts),
        "partial": {present: rows(some) for present, some in net.partial.items()},
        "rest": (net.truncate, net.carried, net.removed, net.added),
    }


@settings(max_examples=400, deadline=None)
@given(histories())
def test_all_at_once_is_what_one_by_one_is(history: tuple[list[int], Model, list[Change]]) -> None:
    key, start, changes = history
    if not changes:
        return
    net = bulk(changes, key)
    assert net is not None
    assert plain(net) == plain(one_by_one(changes, key))
    rows = dict(start)
    for gone in net.deletes:
        del rows[tuple(gone)]
    changed = [*net.updates, *(row for some in net.partial.values() for row in some)]
    for there, new in [*((True, row) for row in changed), *((False, row) for row in net.inserts)]:
        values = tuple(new[place] for place in key)
        assert (values in rows) == there
        was = rows.get(values, (None,) * 4)
        rows[values] = tuple(before if value is UNCHANGED else value for value, before in zip(new, was, strict=True))
    expected = dict(start)
    for change in changes:
        values = tuple((change.new or change.old or [])[place] for place in key)
        if change.new is None:
            del expected[values]
        else:
            was = expected.get(values, (None,) * 4)
            expected[values] = tuple(b if v is UNCHANGED else v for v, b in zip(change.new, was, strict=True))
    assert rows == expected


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([INSERT, UPDATE, DELETE]), st.sampled_from([b"1", b"2"])), min_size=1, max_size=8))
def test_what_contradicts_itself_is_left_to_the_other(steps: list[tuple[int, bytes]]) -> None:
    described = relation([0])
    changes = [
        Change(DELETE, described, [value, None, None, None], None)
        if operation == DELETE
        else Change(operation, described, None, [value, b"v", None, b""])
        for operation, value in steps
    ]
    try:
        expected = one_by_one(changes, [0])
    except FoldError:
        assert bulk(changes, [0]) is None
        return
    net = bulk(changes, [0])  # stricter: it also sees what contradicts a row that came and went
    if net is not None:
        assert plain(net) == plain(expected)


def test_moved_keys_and_old_images_are_left_to_the_other() -> None:
    described = relation([0])
    new: Row = [b"1", b"v", None, None]
    old: Row = [b"0", None, None, None]
    assert bulk([Change(INSERT, described, None, new), Change(UPDATE, described, old, new)], [0]) is None
    assert bulk([Change(INSERT, described, None, [None, b"v", None, None])], [0]) is None
    assert bulk([Change(DELETE, described, new, None)], []) is None


def test_rows_without_a_key_that_only_come_are_taken_as_they_are() -> None:
    described = relation([])
    rows: list[Row] = [[b"1", None, b"x", b""]] * 3
    net = bulk([Change(INSERT, described, None, row) for row in rows], [])
    assert net is not None
    assert list(net.inserts) == rows


def test_columns_in_another_order() -> None:
    described = relation([0])
    net = bulk([Change(INSERT, described, None, [b"1", b"2", None, b"4"])], [1], (3, 0, 2))
    assert net is not None
    assert list(net.inserts) == [[b"4", b"1", None]]


any_value = st.one_of(st.none(), st.sampled_from(VALUES[1:]), st.binary(max_size=90))
rows_of_two = st.lists(st.lists(any_value, min_size=2, max_size=2))


@settings(max_examples=300, deadline=None)
@given(rows_of_two.filter(bool), st.data())
def test_columns_become_the_parameters_that_values_become(rows: list[list[Value]], data: st.DataObject) -> None:
    described = Relation(7, QName("public", "t"), ("a", "b"), (True, False), (25, 25), False)
    frames = Frames(Buffer([raw_changes([Change(INSERT, described, None, row) for row in rows]).data]))
    found = cells(frames.buffer, frames.at, 2)
    assert found is not None
    assert list(found) == rows
    some = found.take(np.array(data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=5)), np.int64))
    for table in (found, some, found.and_also(some), found.only([1, 0]), found[1:]):
        assert isinstance(table, Cells)
        expected = list(table)
        for early in (False, True):
            if early:
                table.encode()
            for column in range(2):
                assert table.array(column) == text_array([row[column] for row in expected])
    size = data.draw(st.integers(1, 300))
    pieces = list(found.slices(3, size))
    assert [row for piece in pieces for row in piece] == rows
    assert all(len(piece) == 1 or (len(piece) <= 3 and piece.sizes().sum() <= size) for piece in pieces)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=50), max_size=20), st.integers(1, 40))
def test_a_large_transaction_comes_in_blocks_of_whole_frames(values: list[bytes], piece: int) -> None:
    described = relation([0])
    data = raw_changes([Change(INSERT, described, None, [value, None, None, None]) for value in values]).data
    at = 0

    def read(size: int) -> bytes:
        nonlocal at
        block = data[at : at + min(size, piece)]
        at += len(block)
        return block

    found: list[RawChanges] = list(blocks(read, len(data), {7: described}))
    assert b"".join(block.data for block in found) == data
    assert sum(block.count for block in found) == len(values)
    assert sum(len(Frames(Buffer([block.data]))) for block in found) == len(values)


def test_rows_come_in_the_order_of_their_keys() -> None:
    """Whole numbers by size; what is next to a short value in the buffer does not count."""
    chance = random.Random(1)
    texts = [str(chance.randrange(10 ** (size - 1), 10**size)).encode() for size in range(1, 17) for _ in range(40)]
    chance.shuffle(texts)
    firsts = [texts[place % 7] for place in range(len(texts))]
    stored = [*firsts, *texts]
    buffer = Buffer([struct.pack(">i", len(text)) + text + chance.randbytes(20) for text in stored])
    ends = np.cumsum([len(text) + 24 for text in stored]) - 20
    starts = ends - [len(text) + 4 for text in stored]
    numbers = [int(text) for text in texts]
    half = len(texts)
    assert [numbers[place] for place in Cells(buffer, [starts[half:]], [ends[half:]]).order()] == sorted(numbers)
    pairs = Cells(buffer, [starts[:half], starts[half:]], [ends[:half], ends[half:]])
    found = [(numbers[place % 7], numbers[place]) for place in pairs.order()]
    assert found == sorted((numbers[place % 7], number) for place, number in enumerate(numbers))
