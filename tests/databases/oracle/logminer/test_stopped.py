"""DDL rows on some of the captured tables, injected: which tables stop, and what of them is still given."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from tests.databases.oracle.logminer.test_stream import Log, Redo, T, World, _texts
from tests.databases.oracle.model_kit import table
from voyager_ops.databases.oracle import positions
from voyager_ops.databases.oracle.frames import TableFrames
from voyager_ops.databases.oracle.logminer.session import Mining
from voyager_ops.databases.oracle.logminer.stream import LogMinerStream, notices_key
from voyager_ops.databases.oracle.logminer.tables import CapturedTables
from voyager_ops.databases.oracle.values import literal_decoder
from voyager_ops.databases.postgres.lsn import to_position
from voyager_ops.errors import SourceChanged
from voyager_ops.state.stopped import StoppedTable, stop_tables, stopped_tables

ONE, TWO, THREE = b"\x01" * 8, b"\x02" * 8, b"\x03" * 8
NAMES = ("T", "U", "W", "X")
NUMBERS = {name: 77 + place for place, name in enumerate(NAMES)}


class Tables(World):
    """Four tables alike; T and U lie in cluster HR.C, X belongs to another user."""

    def open(self, window: int = 1000) -> LogMinerStream:
        frames = []
        for name in NAMES:
            owner = "APP" if name == "X" else "HR"
            each = table(owner, name, NUMBERS[name], T.columns, T.key)
            frames.append(TableFrames(each, str(each.name), literal_decoder))
        clusters = {"HR.T": ("HR", "C"), "HR.U": ("HR", "C")}
        stream = LogMinerStream(
            self.context, cast("Mining", Log(self.redo)), CapturedTables(frames, {}, {"HR.T": "T_PK"}, clusters)
        )
        stream.window.size = window
        stream.begin(self.captured, lambda: self.directory / "spill")
        return stream

    def stopped(self) -> dict[str, str]:
        return {name: each.statement for name, each in stopped_tables(self.state, self.context.lane).items()}


def _insert(redo: Redo, xid: bytes, name: str, number: int, text: str) -> None:
    owner = "APP" if name == "X" else "HR"
    sql = f'insert into "{owner}"."{name}"("ID","TEXT") values (\'{number}\',\'{text}\');'
    redo.row(1, xid, sql, row_id=f"{name}{number}", table=name, owner=owner, object=NUMBERS[name])


def _ddl(redo: Redo, sql: str, name: str, number: int = 0) -> None:
    redo.scn += 1
    redo.row(5, b"\x09" * 8, sql, table=name, object=number or NUMBERS.get(name, 0))
    redo.scn += 1


def _given(stream: LogMinerStream) -> list[str]:
    found = [text for transaction in stream.transactions() for text in _texts(transaction)]
    stream.look_now()
    return found


def test_what_committed_before_the_statement_is_given_and_nothing_after_it(tmp_path: Path) -> None:
    redo = Redo()
    _insert(redo, ONE, "T", 1, "T before")
    _insert(redo, TWO, "T", 2, "T across")  # as DDL with ONLINE lets it
    _insert(redo, TWO, "U", 2, "U across")
    redo.row(7, ONE)
    _ddl(redo, "alter table t drop column text", "T")
    redo.row(2, TWO, 'delete from "HR"."T";', row_id="T7", undo=1, table="T", object=77)  # of before mining began: no concern
    _insert(redo, TWO, "T", 3, "T after")
    redo.row(7, TWO)
    _ddl(redo, "truncate table t", "T")
    _insert(redo, THREE, "U", 4, "U after")
    redo.row(7, THREE)
    world = Tables(tmp_path, redo)
    stream = world.open()
    assert _given(stream) == ["T before", "U across", "U after"]
    assert world.stopped() == {"hr.t": "alter table t drop column text"}
    assert stopped_tables(world.state, world.context.lane)["hr.t"].position == positions.text(1001, positions.LAST_ORDINAL)
    # Nothing was published: all of it comes again, and the same, however it is cut.
    stream = world.open(1)
    again: list[str] = []
    while stream.idle_position is None or stream.idle_position < positions.text(redo.scn):
        again += _given(stream)
    assert again == ["T before", "U across", "U after"]


@pytest.mark.parametrize(
    ("sql", "name", "number", "expected"),
    [
        ("ALTER TABLE t EXCHANGE PARTITION p WITH TABLE u", "T", 77, ["hr.t", "hr.u"]),
        ("RENAME t TO v", "V", 0, ["hr.t"]),
        ("DROP USER hr CASCADE", "", 0, ["hr.t", "hr.u", "hr.w"]),
        ("TRUNCATE CLUSTER hr.c", "C", 99, ["hr.t", "hr.u"]),
        ("DROP TABLE t PURGE", "T", 77, ["hr.t"]),
        ("ALTER TABLE t DISABLE CONSTRAINT t_pk", "T", 77, ["hr.t"]),
        ("ALTER TABLE u DISABLE CONSTRAINT t_pk", "U", 78, []),
    ],
)
def test_every_table_that_a_statement_changes(tmp_path: Path, sql: str, name: str, number: int, expected: list[str]) -> None:
    redo = Redo()
    redo.row(6, ONE)
    _ddl(redo, sql, name, number)
    for each in NAMES:
        _insert(redo, ONE, each, 1, f"{'app' if each == 'X' else 'hr'}.{each.lower()}")
    redo.row(7, ONE)
    world = Tables(tmp_path, redo)
    given = _given(world.open())
    assert list(world.stopped()) == expected
    assert given == [name for name in ("hr.t", "hr.u", "hr.w", "app.x") if name not in expected]


def test_with_the_last_table_the_lane_ends_and_does_so_again(tmp_path: Path) -> None:
    redo = Redo()
    for name in NAMES:
        _insert(redo, ONE, name, 1, f"{name} before")
        redo.row(7, ONE)
        _ddl(redo, f"alter table {name} add (x number)", name)
    _insert(redo, ONE, "X", 2, "X after")
    redo.row(7, ONE)
    world = Tables(tmp_path, redo)
    given: list[str] = []
    stream = world.open()

    def publish() -> None:
        for transaction in stream.transactions():
            given.extend(_texts(transaction))
            world.captured = to_position(transaction.head.end)

    with pytest.raises(SourceChanged, match=r"table app\.x on the source changed"):
        publish()
    assert given == [f"{name} before" for name in NAMES]
    assert list(world.stopped()) == ["hr.t", "hr.u", "hr.w"]
    again = world.open()
    with pytest.raises(SourceChanged, match=r"table app\.x on the source changed"):
        _given(again)


def test_what_a_look_at_the_catalog_found_counts_from_the_scn_of_the_look(tmp_path: Path) -> None:
    redo = Redo()
    for scn in range(1000, 1006):
        redo.scn = scn
        _insert(redo, ONE, "T", scn, f"T {scn}")
        _insert(redo, ONE, "U", scn, f"U {scn}")
        redo.row(7, ONE)
    world = Tables(tmp_path, redo)
    world.state.put(notices_key(world.context), {"hr.t": {"scn": 1002, "how": "its primary key is gone"}})
    stream = world.open()
    assert [text for text in _given(stream) if text.startswith("T")] == ["T 1000", "T 1001", "T 1002"]
    assert world.stopped() == {"hr.t": "its primary key is gone"}


def test_of_two_commits_at_the_scn_of_the_end_the_first_counts_when_it_is_mined_again(tmp_path: Path) -> None:
    """As it is left by a table that was gone when large values of the second were to be read."""
    redo = Redo()
    for xid, number in ((ONE, 1), (TWO, 2), (THREE, 3)):
        _insert(redo, xid, "T", number, f"T {number}")
        _insert(redo, xid, "U", number, f"U {number}")
        redo.row(7, xid)
    redo.scn += 1
    _insert(redo, ONE, "T", 4, "T 4")
    redo.row(7, ONE)
    world = Tables(tmp_path, redo)
    gone = StoppedTable("hr.t", positions.text(1000, 1), "gone", 0.0)
    stop_tables(world.state, world.context.lane, [gone])
    assert _given(world.open()) == ["T 1", "U 1", "T 2", "U 2", "U 3"]
