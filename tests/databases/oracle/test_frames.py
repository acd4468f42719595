"""Oracle's changes as pgoutput frames: what is decoded from them is what the statements said."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.databases.oracle.logminer import redo_kit as kit
from tests.databases.oracle.model_kit import column, table
from voyager_ops.databases.oracle.frames import NotAChange, TableFrames, truncate_frame
from voyager_ops.databases.oracle.logminer.redo import parse
from voyager_ops.databases.oracle.values import literal_decoder
from voyager_ops.databases.postgres.pgoutput import Decoder
from voyager_ops.model.changes import DELETE, INSERT, TRUNCATE, UNCHANGED, UPDATE, Change
from voyager_ops.model.tables import Table

COLUMNS = [
    column("ID", "NUMBER(10,0)"),
    column("NAME", "VARCHAR2(50)"),
    column("AT", "DATE"),
    column("TOTAL", "NUMBER(10,0)", generated=True),
    column("AMOUNT", "NUMBER(12,2)"),
]
PLAIN = table("HR", "T", 77, COLUMNS, ("id",))
KEYLESS = table("HR", "LOG", 78, COLUMNS)
LARGE = table("HR", "DOCS", 79, [column("ID", "NUMBER(10,0)"), column("BODY", "CLOB"), column("NAME", "VARCHAR2(9)")], ("id",))


def _frames(of: Table) -> TableFrames:
    return TableFrames(of, str(of.name), literal_decoder)


def _decoded(frames: TableFrames, *encoded: bytes) -> list[Change]:
    decoder = Decoder()
    decoder.describe(frames.relation)
    return list(decoder.changes_of(b"".join(len(frame).to_bytes(4, "big") + frame for frame in encoded)))


def _one(of: Table, statement: str) -> Change:
    frames = _frames(of)
    change = _decoded(frames, frames.encode(frames.change(parse(statement))))[0]
    assert change.relation.oid == of.oid
    assert change.relation.name == of.name
    return change


ROW = [
    ("ID", "'7'"),
    ("NAME", "'it''s'"),
    ("AT", "TO_DATE('2024-02-29 13:14:15', 'YYYY-MM-DD HH24:MI:SS')"),
    ("AMOUNT", "'12.5'"),
]
VALUES = [b"7", b"it's", b"2024-02-29 13:14:15", b"12.50"]


def test_an_insert_with_a_generated_and_a_hidden_column() -> None:
    change = _one(PLAIN, kit.insert("HR", "T", [*ROW, ("TOTAL", "'3'"), ("SYS_NC00005$", "HEXTORAW('00')")]))
    assert (change.op, change.old, change.new) == (INSERT, None, VALUES)
    assert change.relation.columns == ("id", "name", "at", "amount")
    assert change.relation.key == (True, False, False, False)
    assert not change.relation.full


def test_an_update_of_a_keyed_table_has_an_old_image_only_when_the_key_changes() -> None:
    change = _one(PLAIN, kit.update("HR", "T", [("NAME", None)], ROW))
    assert (change.op, change.old, change.new) == (UPDATE, None, [b"7", None, *VALUES[2:]])
    change = _one(PLAIN, kit.update("HR", "T", [("ID", "'8'")], ROW))
    assert change.old is not None
    assert (change.old[0], change.new) == (b"7", [b"8", *VALUES[1:]])


def test_a_delete_of_a_keyed_table_needs_its_key_only() -> None:
    change = _one(PLAIN, kit.delete("HR", "T", [("ID", "'7'")]))
    assert change.op == DELETE
    assert change.old == [b"7", None, None, None]


def test_a_table_without_a_key_has_whole_old_images() -> None:
    change = _one(KEYLESS, kit.update("HR", "LOG", [("NAME", "'x'")], ROW))
    assert (change.old, change.new) == (VALUES, [b"7", b"x", *VALUES[2:]])
    assert change.relation.full
    assert _one(KEYLESS, kit.delete("HR", "LOG", ROW)).old == VALUES
    with pytest.raises(NotAChange, match="supplemental"):
        _one(KEYLESS, kit.delete("HR", "LOG", ROW[:2]))


def test_truncate() -> None:
    frames = _frames(PLAIN)
    change = _decoded(frames, truncate_frame(PLAIN.oid))[0]
    assert (change.op, change.relation.oid) == (TRUNCATE, PLAIN.oid)


@pytest.mark.parametrize(
    "statement",
    [
        kit.update("HR", "T", [("NAME", "'x'")], ROW[1:]),  # the key is missing
        kit.update("HR", "T", [("NAME", "'x'")], ROW[:2]),  # so are other columns
        kit.update("HR", "T", [("NAME", "'x'")], [("ID", None), *ROW[1:]]),
        kit.delete("HR", "T", ROW[1:]),
        'delete from "HR"."T";',
        kit.insert("HR", "T", [*ROW, ("NEW", "'1'")]),
        kit.insert("HR", "T", [("ID", "'x'")]),
        kit.insert("HR", "T", [("ID", "'1'"), ("NAME", "Unsupported Type")]),
        kit.insert("HR", "T", [("NAME", "'1'")]),
    ],
)
def test_what_is_no_change_of_the_table_is_refused(statement: str) -> None:
    with pytest.raises(NotAChange):
        _one(PLAIN, statement)


def test_columns_by_number_and_values_in_internal_form() -> None:
    """What LogMiner prints once its dictionary is no longer that of the redo."""
    frames = _frames(table("HR", "U", 80, [column("ID", "NUMBER(10,0)"), column("NAME", "VARCHAR2(9)")], ("id",)))
    statement = kit.insert("UNKNOWN", "OBJ# 80", [("COL 1", "HEXTORAW('c108')"), ("COL 2", "HEXTORAW('6162')")])
    assert frames.change(parse(statement)).new == [b"7", b"ab"]
    with pytest.raises(NotAChange):
        frames.change(parse(kit.insert("UNKNOWN", "OBJ# 80", [("COL 3", "HEXTORAW('c108')")])))


# -- large values ------------------------------------------------------------------------------------------------------
def test_large_values_are_marked_and_go_out_unchanged() -> None:
    frames = _frames(LARGE)
    insert = frames.change(parse(kit.insert("HR", "DOCS", [("ID", "'1'"), ("BODY", "EMPTY_CLOB()"), ("NAME", "'n'")])))
    assert (insert.new, insert.dirty) == ([b"1", b"", b"n"], {1})
    assert frames.change(parse(kit.insert("HR", "DOCS", [("ID", "'1'"), ("BODY", None)]))).dirty == set()
    assert frames.change(parse(kit.insert("HR", "DOCS", [("ID", "'1'")]))).dirty == {1}
    row: kit.Row = [("ID", "'1'"), ("NAME", "'n'")]
    update = frames.change(parse(kit.update("HR", "DOCS", [("NAME", "'m'")], row)))
    assert (update.new, update.dirty) == ([b"1", UNCHANGED, b"m"], set())
    assert _decoded(frames, frames.encode(update))[0].new == [b"1", UNCHANGED, b"m"]
    update = frames.change(parse(kit.update("HR", "DOCS", [("BODY", "'small'")], row)))
    assert (update.new, update.dirty) == ([b"1", UNCHANGED, b"n"], {1})
    update = frames.change(parse(kit.update("HR", "DOCS", [("BODY", None)], row)))
    assert (update.new, update.dirty) == ([b"1", None, b"n"], set())
    moved = frames.change(parse(kit.update("HR", "DOCS", [("ID", "'2'")], row)))
    assert (moved.old, moved.dirty) == ([b"1", None, None], {1})
    assert dict(moved.key_literals) == {"ID": "'2'"}
    touched = frames.touched("BODY", ("ID",), ("'1'",))
    assert (touched.dirty, touched.touch) == ({1, 2}, True)
    assert frames.touched("BODY", ("ID", "NAME"), ("'1'", "'n'")).dirty == {1}


def test_types_tell_which_reading_of_a_statement_is_right() -> None:
    frames = _frames(PLAIN)
    statement = 'insert into "HR"."T"("ID","NAME","AMOUNT") values (\'7\',\'a\',\'b\',\'3\');'
    assert frames.change(parse(statement, frames.accepts)).new == [b"7", b"a','b", None, b"3.00"]


def test_columns_that_a_line_end_parts_are_refused_not_taken_for_one() -> None:
    texts = table("HR", "W", 81, [column("ID", "NUMBER(9)"), column("A", "VARCHAR2(50)"), column("B", "VARCHAR2(50)")], ("id",))
    frames = _frames(texts)
    old = "where \"ID\" = '1' and \"A\" = 'x' and \"B\" = 'y';"
    whole = frames.change(parse(f'update "HR"."W" set "A" = \'a\', "B" = \'b\' {old}', frames.accepts))
    assert whole.new == [b"1", b"a", b"b"]
    for between in (",\n", ",  ", " ,"):
        with pytest.raises(ValueError, match="ways"):
            parse(f'update "HR"."W" set "A" = \'a\'{between}"B" = \'b\' {old}', frames.accepts)
    for between in (" or ", "  and ", "\nand "):
        with pytest.raises(ValueError, match="not separated"):
            parse(f'delete from "HR"."W" where "ID" = \'1\' and "A" = \'x\'{between}"B" = \'y\';', frames.accepts)


_texts = st.one_of(st.none(), kit.texts.filter(lambda text: 0 < len(text) <= 50))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(-(10**9), 10**9), _texts, _texts), min_size=1, max_size=5), st.data())
def test_any_row_comes_out_as_it_went_in(rows: list[tuple[int, str | None, str | None]], data: Any) -> None:
    frames = _frames(PLAIN)
    encoded = []
    expected = []
    for number, before, after in rows:

        def literal(text: str | None) -> str | None:
            if text is None:
                return None
            return kit.quoted(text) if data.draw(st.booleans()) else kit.unistr(text)

        old: kit.Row = [("ID", f"'{number}'"), ("NAME", literal(before)), ("AT", None), ("AMOUNT", None)]
        encoded.append(frames.encode(frames.change(parse(kit.update("HR", "T", [("NAME", literal(after))], old)))))
        expected.append([str(number).encode(), None if after is None else after.encode(), None, None])
    assert [change.new for change in _decoded(frames, *encoded)] == expected
