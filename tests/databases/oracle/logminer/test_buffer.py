"""The buffer of open transactions: what it gives back must be what a database that runs the statements would hold."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voyager_ops.databases.oracle.logminer.buffer import AmbiguousTransaction, Buffer, CannotUndo, Event
from voyager_ops.databases.oracle.logminer.rows import DELETE, INSERT, UPDATE, LogRow, RowsCut, assemble

XID = "0100020003000000"


def _buffer(directory: Path, memory: int = 1 << 30) -> Buffer:
    numbers = itertools.count()
    return Buffer(lambda: directory / f"spill{next(numbers)}", memory)


def _event(operation: int, row_id: str, sql: str = "", table: int = 0, scn: int = 10) -> Event:
    return Event(operation, table, scn, row_id, sql, 100 + table, 0, "")


def _undo(operation: int, row_id: str, table: int = 0) -> LogRow:
    return LogRow(20, "", operation, None, XID, "T", "O", row_id, True, 0, "", 1, 100 + table, "")


_steps = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), st.integers(0, 3)),
        st.tuples(st.just("update"), st.integers(0, 3)),
        st.tuples(st.just("delete"), st.integers(0, 3)),
        st.just(("savepoint", 0)),
        st.just(("rollback", 0)),
    ),
    max_size=40,
)


@settings(deadline=None)
@given(_steps, st.booleans())
def test_savepoint_rollbacks_leave_what_a_table_would_hold(
    tmp_path_factory: Any, steps: list[tuple[str, int]], spilled: bool
) -> None:
    """Run against a model: a table with four rows by ROW_ID, a stack of savepoints, and the redo that Oracle would write."""
    buffer = _buffer(tmp_path_factory.mktemp("buffer"), 1 if spilled else 1 << 30)
    buffer.start(XID)
    buffer.add(XID, _event(UPDATE, "OTHER", "first"))
    present: set[int] = set()
    done: list[tuple[int, int, str]] = []  # operation, row, text
    savepoints: list[int] = []
    for number, (kind, row) in enumerate(steps):
        row_id = f"ROW{row}"
        if kind == "savepoint":
            savepoints.append(len(done))
        elif kind == "rollback":
            keep = savepoints.pop() if savepoints else 0
            pending = buffer.find(XID)
            assert pending is not None
            while len(done) > keep:
                operation, undone, _ = done.pop()
                inverse = {INSERT: DELETE, DELETE: INSERT, UPDATE: UPDATE}[operation]
                pending.strike(_undo(inverse, f"ROW{undone}"))
                if operation == INSERT:
                    present.discard(undone)
                elif operation == DELETE:
                    present.add(undone)
        else:
            operation = {"insert": INSERT, "update": UPDATE, "delete": DELETE}[kind]
            if (operation == INSERT) == (row in present):
                continue
            present.add(row) if operation != DELETE else present.discard(row)
            done.append((operation, row, f"statement {number}\nwith ä line"))
            buffer.add(XID, _event(operation, row_id, done[-1][2]))
    pending = buffer.end(XID)
    assert pending is not None
    assert [(event.operation, event.row_id, event.sql) for event in pending.read()] == [
        (UPDATE, "OTHER", "first"),
        *((operation, f"ROW{row}", text) for operation, row, text in done),
    ]
    assert [event.sql for event in pending.read()][1:] == [text for _, _, text in done]  # it can be read again
    assert pending.live == len(done) + 1
    pending.close()


def test_an_undone_insert_takes_its_later_updates_with_it(tmp_path: Path) -> None:
    """A large value's insert comes as an insert and an update; its undo may come as one row."""
    buffer = _buffer(tmp_path)
    buffer.add(XID, _event(INSERT, "A", "kept"))
    buffer.add(XID, _event(INSERT, "B"))
    buffer.add(XID, _event(UPDATE, "B"))
    pending = buffer.find(XID)
    assert pending is not None
    pending.strike(_undo(DELETE, "B"))
    assert [event.sql for event in pending.read()] == ["kept"]
    with pytest.raises(CannotUndo):
        pending.strike(_undo(DELETE, "B"))
    with pytest.raises(CannotUndo):
        pending.strike(_undo(UPDATE, "A"))


def test_a_change_of_large_values_is_taken_back_by_one_row(tmp_path: Path) -> None:
    """Its rows have no ROW_ID but for the last, which may be an INTERNAL one."""
    nowhere = "AAAAAAAAAAAAAAAAAA"
    buffer = _buffer(tmp_path)

    def add(operation: int, row_id: str, sql: str, table: int = 0) -> None:
        buffer.add(XID, _event(operation, row_id, sql, table), large=table == 0)

    add(INSERT, nowhere, "kept")
    add(9, nowhere, "kept, locator")
    add(INSERT, "other", "another table", 1)
    add(0, "A", "kept, end")
    add(INSERT, nowhere, "insert")
    add(9, nowhere, "locator")
    add(UPDATE, "B", "inline")
    add(UPDATE, nowhere, "changed")
    add(9, nowhere, "locator again")
    add(0, "B", "end")
    pending = buffer.find(XID)
    assert pending is not None
    pending.strike(_undo(UPDATE, "B"))
    assert [event.sql for event in pending.read()][-3:] == ["insert", "locator", "inline"]
    pending.strike(_undo(DELETE, "B"))
    assert [event.sql for event in pending.read()] == ["kept", "kept, locator", "another table", "kept, end"]
    add(INSERT, nowhere, "not whole")
    assert pending.in_group(100)
    assert not pending.in_group(101)
    pending.strike(_undo(DELETE, "C"))  # a statement that failed before its last row
    pending.strike(_undo(DELETE, "other", 1))
    pending.strike(_undo(DELETE, "A"))
    assert pending.live == 0


def test_rows_without_a_row_id_are_struck_out_last_first_within_their_table(tmp_path: Path) -> None:
    buffer = _buffer(tmp_path)
    for sql, table in (("1", 0), ("2", 0), ("3", 1)):
        buffer.add(XID, _event(INSERT, "AAAAAAAAAAAAAAAAAA", sql, table))
    pending = buffer.find(XID)
    assert pending is not None
    pending.strike(_undo(DELETE, "AAAAAAAAAAAAAAAAAA"))
    assert [event.sql for event in pending.read()] == ["1", "3"]


def test_the_largest_go_to_disk_and_files_go_away(tmp_path: Path) -> None:
    buffer = _buffer(tmp_path, 50_000)
    for number in range(100):
        buffer.add("A" * 16, _event(INSERT, f"R{number}", f"{number} " + "x" * 1000))
        buffer.add(f"{number:016X}", _event(INSERT, "R", "small"))
    assert len(list(tmp_path.iterdir())) >= 1
    big = buffer.end("A" * 16)
    assert big is not None
    assert len(big.events) < 100
    assert [event.sql.split()[0] for event in big.read()] == [str(number) for number in range(100)]
    big.close()
    assert len(buffer) == 100
    buffer.close()
    assert list(tmp_path.iterdir()) == []


def test_ids_without_a_sequence_number(tmp_path: Path) -> None:
    buffer = _buffer(tmp_path)
    buffer.start("0100020003000000")
    buffer.add("01000200FFFFFFFF", _event(INSERT, "A", "first"))
    buffer.add("0900090009000000", _event(INSERT, "A", "other"))
    ended = buffer.end("01000200FFFFFFFF")
    assert ended is not None
    assert [event.sql for event in ended.read()] == ["first"]
    # Known without the number first, with it later.
    buffer.add("01000200FFFFFFFF", _event(UPDATE, "A", "second", scn=30))
    buffer.add("0100020004000000", _event(UPDATE, "A", "third", scn=31))
    assert buffer.oldest() == 10
    ended = buffer.end("0100020004000000")
    assert ended is not None
    assert [event.sql for event in ended.read()] == ["second", "third"]
    assert buffer.end("01000200FFFFFFFF") is None


def test_an_id_that_fits_two_is_refused(tmp_path: Path) -> None:
    buffer = _buffer(tmp_path)
    buffer.add("0100020003000000", _event(INSERT, "A"))
    buffer.add("0100020004000000", _event(INSERT, "A"))
    with pytest.raises(AmbiguousTransaction):
        buffer.add("01000200FFFFFFFF", _event(INSERT, "A"))
    buffer.start("0100020005000000")  # the slot is taken: whoever had it is over
    assert len(buffer) == 0


def test_only_transactions_with_rows_hold_anything_back(tmp_path: Path) -> None:
    buffer = _buffer(tmp_path)
    buffer.start(XID)
    assert buffer.oldest() is None
    buffer.add(XID, _event(INSERT, "A", scn=17))
    buffer.add(XID, _event(INSERT, "B", scn=19))
    buffer.start(XID)  # seen again: it goes on
    assert buffer.oldest() == 17
    buffer.forget(XID)
    assert buffer.oldest() is None
    assert len(buffer) == 0


def _fetched(sql: str, csf: int, xid: bytes = b"\1\0\2\0\3\0\0\0", scn: int = 7) -> tuple[Any, ...]:
    return (scn, sql, 1, None, xid, csf, "T", "O", "R", 0, 0, None, 0, 1, 5, " 0x1 ")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=5))
def test_statements_cut_into_rows_are_put_together(statements: list[str]) -> None:
    cut = [
        _fetched(piece, 0 if at + 3 >= len(statement) else 1)
        for statement in statements
        for at, piece in ((at, statement[at : at + 3]) for at in range(0, len(statement), 3))
    ]
    rows = list(assemble(cut))
    assert [row.sql for row in rows] == statements
    assert {row.xid for row in rows} == {XID}


def test_a_statement_whose_rest_is_missing_is_refused() -> None:
    with pytest.raises(RowsCut):
        list(assemble([_fetched("a", 1)]))
    with pytest.raises(RowsCut):
        list(assemble([_fetched("a", 1), _fetched("b", 0, b"\2\0\2\0\3\0\0\0")]))
