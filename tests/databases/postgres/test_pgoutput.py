"""The codec alone: widening of transaction ids, frames cut anywhere, frames that are not what they must be."""

from __future__ import annotations

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.changes.test_log import insert_frame, relation_frame
from voyager_ops.databases.postgres import lsn, pgoutput
from voyager_ops.errors import ChangeLogDamaged
from voyager_ops.model.changes import UNCHANGED


@given(st.integers(3, 1 << 50), st.integers(-(1 << 31) + 1, (1 << 31) - 1))
def test_widening_finds_the_id_near_the_reference(reference: int, away: int) -> None:
    assert pgoutput.widen((reference + away) & 0xFFFFFFFF, reference) == reference + away


@given(st.integers(3, 1 << 40), st.lists(st.integers(-1000, 1 << 30), max_size=30))
def test_a_moving_reference_follows_any_number_of_wraps(first: int, steps: list[int]) -> None:
    reference = real = first
    for step in steps:
        real = max(3, real + step)
        reference = pgoutput.widen(real & 0xFFFFFFFF, reference)
        assert reference == real


@given(st.integers(0, (1 << 64) - 1), st.integers(0, (1 << 64) - 1))
def test_positions_order_as_lsns_do(one: int, other: int) -> None:
    assert lsn.from_position(lsn.to_position(one)) == one == lsn.parse(lsn.to_text(one))
    assert (lsn.to_position(one) < lsn.to_position(other)) == (one < other)


values = st.lists(st.lists(st.binary(max_size=40), min_size=2, max_size=2), max_size=20)


@given(values, st.integers(1, 60))
def test_frames_may_be_handed_out_in_pieces_of_any_size(rows: list[list[bytes]], piece: int) -> None:
    decoder = pgoutput.Decoder()
    decoder.describe(relation_frame(5, "t", ["a", "b"]))
    frames = [insert_frame(5, *row) for row in rows]
    data = b"".join(pack(">I", len(frame)) + frame for frame in frames)
    at = 0

    def read(size: int) -> bytes:
        nonlocal at
        block = data[at : at + min(size, piece)]
        at += len(block)
        return block

    assert [change.new for change in decoder.changes(read, len(data))] == rows


def test_every_kind_of_value_and_old_image() -> None:
    decoder = pgoutput.Decoder()
    decoder.describe(relation_frame(5, "t", ["a", "b", "c"]))
    new = pack(">H", 3) + b"t" + pack(">I", 1) + b"1" + b"n" + b"u"
    key = pack(">H", 3) + b"t" + pack(">I", 1) + b"0" + b"n" + b"n"
    frames = [
        b"U" + pack(">I", 5) + b"N" + new,
        b"U" + pack(">I", 5) + b"K" + key + b"N" + new,
        b"U" + pack(">I", 5) + b"O" + key + b"N" + new,
        b"D" + pack(">I", 5) + b"K" + key,
    ]
    data = b"".join(pack(">I", len(frame)) + frame for frame in frames)
    seen = [(change.op, change.old, change.new) for change in decoder.changes(lambda _: data, len(data))]
    after, before = [b"1", None, UNCHANGED], [b"0", None, None]
    assert seen == [(85, None, after), (85, before, after), (85, before, after), (68, before, None)]


def test_columns_left_out_are_left_out_of_relation_and_rows() -> None:
    decoder = pgoutput.Decoder()
    decoder.describe(pgoutput.leave_out(relation_frame(5, "t", ["a", "b", "c"]), {"b"}))
    frame = insert_frame(5, b"1", b"2", b"3")
    data = pack(">I", len(frame)) + frame
    (change,) = decoder.changes(lambda _: data, len(data))
    assert (change.relation.columns, change.relation.key, change.new) == (("a", "c"), (True, False), [b"1", b"3"])


@pytest.mark.parametrize("cut", [2, 9])
def test_a_block_that_ends_too_soon_is_damage(cut: int) -> None:
    decoder = pgoutput.Decoder()
    decoder.describe(relation_frame(5, "t", ["a"]))
    frame = insert_frame(5, b"1")
    data = (pack(">I", len(frame)) + frame)[:-cut]
    pieces = [data, b""]
    with pytest.raises(ChangeLogDamaged):
        list(decoder.changes(lambda _: pieces.pop(0), len(data) + cut))
