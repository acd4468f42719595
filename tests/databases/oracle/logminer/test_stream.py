"""The stream over redo that was made up: whatever the windows, confirmations and crashes, every transaction once, in order.

The redo comes from a model of a database (transactions interleaved, rolled back, rolled back to a savepoint, several commits at
one SCN), not from a server; what a server prints is tested with the simulator.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.databases.oracle.model_kit import column, table
from voyager_ops.changes.writer import CapturedTransaction
from voyager_ops.databases.base import StreamCut
from voyager_ops.databases.oracle import positions
from voyager_ops.databases.oracle.frames import TableFrames
from voyager_ops.databases.oracle.logminer.logs import Choice, LogFile
from voyager_ops.databases.oracle.logminer.session import Incarnation, Mining
from voyager_ops.databases.oracle.logminer.stream import LogMinerStream, watermark_key
from voyager_ops.databases.oracle.logminer.tables import CapturedTables
from voyager_ops.databases.oracle.values import literal_decoder
from voyager_ops.databases.postgres.lsn import to_position
from voyager_ops.databases.postgres.pgoutput import Decoder
from voyager_ops.errors import SourceChanged, StreamLost
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import Lane, Position
from voyager_ops.state.store import State

T = table("HR", "T", 77, [column("ID", "NUMBER(10,0)"), column("TEXT", "VARCHAR2(50)")], ("id",))
UNRESOLVED = b"\xff\xff\xff\xff"
LIFE = (4711, 1)


@dataclass
class Redo:
    """Rows in redo order, as V$LOGMNR_CONTENTS has them, and what was committed: (SCN, texts of the changes that stand).
    ``lives``: SCNs of begin and end of each transaction."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    committed: list[tuple[int, list[str]]] = field(default_factory=list)
    lives: dict[bytes, list[int]] = field(default_factory=dict)
    scn: int = 1000

    def low(self, start: int) -> int:
        """As it is found when capture begins after ``start``: before everything that is open then."""
        open_ = [life[0] for life in self.lives.values() if life[0] <= start and (len(life) == 1 or life[1] > start)]
        return min([*open_, start]) - 1

    def row(self, operation: int, xid: bytes, sql: str = "", *, row_id: str = "", undo: int = 0, **more: Any) -> None:
        named = operation in (1, 2, 3, 5, 9, 255)
        self.rows.append(
            (
                self.scn,
                sql,
                operation,
                None,
                xid,
                0,
                more.get("table", "T" if named else None),
                more.get("owner", "HR" if named else None),
                row_id or None,
                undo,
                more.get("status", 0),
                more.get("info"),
                0,
                1,
                more.get("object", 77 if named else 0),
                f" 0x{len(self.rows):06x} ",
            )
        )


def _insert(number: int, text: str) -> str:
    return f'insert into "HR"."T"("ID","TEXT") values (\'{number}\',\'{text}\');'


def _history(seed: int, steps: int) -> Redo:
    """Up to four transactions at a time, each in its own undo slot."""
    chance = random.Random(seed)
    redo = Redo()
    sequence = 0
    slots: dict[int, dict[str, Any]] = {}
    for step in range(steps):
        redo.scn += chance.choice((0, 0, 1, 1, 1, 7))
        slot = chance.randrange(4)
        running = slots.get(slot)
        if running is None:
            sequence += 1
            xid = bytes([slot, 0, 1, 0]) + sequence.to_bytes(4, "little")
            slots[slot] = {"xid": xid, "done": [], "saved": 0}
            redo.row(6, xid, "set transaction read write;")
            redo.lives[xid] = [redo.scn]
            continue
        xid, done = running["xid"], running["done"]
        kind = chance.choices(("change", "commit", "rollback", "savepoint", "undo", "other"), (8, 3, 1, 1, 2, 1))[0]
        if kind == "change":
            done.append((f"R{step}", f"text {step}"))
            redo.row(1, xid, _insert(step, f"text {step}"), row_id=f"R{step}")
        elif kind == "savepoint":
            running["saved"] = len(done)
        elif kind == "undo":
            while len(done) > running["saved"]:
                row_id, _ = done.pop()
                redo.row(2, xid, 'delete from "HR"."T";', row_id=row_id, undo=1)
        elif kind == "other":
            redo.row(27, xid)
        else:
            del slots[slot]
            redo.lives[xid].append(redo.scn)
            if kind == "commit":
                redo.row(7, xid, "commit;")
                redo.committed.append((redo.scn, [text for _, text in done]))
            else:
                for row_id, _ in reversed(done):
                    redo.row(2, xid, 'delete from "HR"."T";', row_id=row_id, undo=1)
                redo.row(36, xid, "rollback;")
    redo.scn = redo.rows[-1][0]  # a window without any row would be read again for ever
    return redo


class Log:
    """Stands for LogMiner over ``redo``: windows of SCNs; ids lack their sequence number where their START was not read."""

    def __init__(self, redo: Redo) -> None:
        self.database = SimpleNamespace(side="source", where="model")
        self.incarnation = Incarnation(*LIFE, redo.scn + 5)
        self.plain: Any = None
        self.held_back = ""
        self.offset_seconds = 0
        self._redo = redo
        self._start = 0

    def available(self) -> int:
        return self._redo.scn

    def choose(self, start: int, end: int) -> Choice:
        return Choice((LogFile(1, 1, 0, 1 << 63, "log", True),))

    def start(self, start: int, end: int) -> None:
        self._start = start

    def rows(self, low: int, high: int) -> Iterator[tuple[Any, ...]]:
        seen: set[bytes] = set()
        for row in self._redo.rows:
            if row[0] <= self._start or row[0] > high:
                continue
            if row[2] == 6:
                seen.add(row[4])
            if row[0] > low:
                yield row if row[4] in seen else (*row[:4], row[4][:4] + UNRESOLVED, *row[5:])

    def cut(self, why: str) -> StreamCut:
        return StreamCut(why)

    def close(self) -> None:
        pass


class World:
    """What survives a crash: the records, and the change log (``published``: end and texts of each transaction)."""

    def __init__(self, directory: Path, redo: Redo, low: int = 900, start: int = 900) -> None:
        self.directory = directory
        self.redo = redo
        self.state = State.open("m", directory=directory)
        self.published: list[tuple[int, list[str]]] = []
        self.captured: Position = positions.text(start, positions.LAST_ORDINAL)
        context = SimpleNamespace(migration="m", lane=Lane.FORWARD, state=self.state, tables=(T,), source_name=lambda name: name)
        self.context = cast("LaneContext", context)
        self.state.put(
            watermark_key(self.context), {"position": self.captured, "low_scn": low, "dbid": LIFE[0], "resetlogs": LIFE[1]}
        )

    def open(self, window: int) -> LogMinerStream:
        tables = CapturedTables([TableFrames(T, "hr.t", literal_decoder)], {}, {"HR.T": "T_PK"}, {"HR.T": ("HR", "C")})
        stream = LogMinerStream(self.context, cast("Mining", Log(self.redo)), tables)
        stream.window.size = window
        stream.begin(self.captured, lambda: self.directory / "spill")
        return stream


def _texts(transaction: CapturedTransaction) -> list[str]:
    decoder = Decoder()
    for frame in transaction.relations.values():
        decoder.describe(frame)
    changes = decoder.changes_of(b"".join(transaction.blocks))
    return [cast("bytes", change.new[1]).decode() for change in changes if change.new is not None]


def _expected(redo: Redo, start: int = 0) -> list[tuple[int, list[str]]]:
    result = []
    scn, ordinal = -1, 0
    for at, texts in redo.committed:
        ordinal = ordinal + 1 if at == scn else 0
        scn = at
        end = positions.position(at, ordinal)
        if texts and end > positions.position(start, positions.LAST_ORDINAL if start else 0):
            result.append((end, texts))
    return result


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 1 << 32), st.integers(1, 150), st.data())
def test_every_transaction_once_and_in_order_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory, seed: int, steps: int, data: st.DataObject
) -> None:
    redo = _history(seed, steps)
    world = World(tmp_path_factory.mktemp("world"), redo)
    chance = random.Random(data.draw(st.integers(0, 1 << 32)))
    crashes = 0
    done = False
    while not done:
        stream = world.open(chance.choice((1, 2, 5, 20, 1000)))
        gathered: list[tuple[int, list[str]]] = []
        have = int(world.captured, 16)
        idle = 0
        while True:
            crash = crashes < 8 and chance.random() < 0.15
            for transaction in stream.transactions():
                if transaction.head.end > have:
                    assert transaction.head.xid == positions.scn_of(transaction.head.end)
                    gathered.append((transaction.head.end, _texts(transaction)))
                if chance.random() < 0.4 and gathered:
                    _publish(world, stream, gathered, tell=chance.random() < 0.8)
            if crash:
                crashes += 1
                break
            if gathered and chance.random() < 0.5:
                _publish(world, stream, gathered, tell=chance.random() < 0.8)
            position = stream.idle_position
            assert position is not None
            if not gathered and position > world.captured:
                world.captured = position
                if chance.random() < 0.8:
                    stream.confirm(position)
            stream.look_now()
            idle += 1
            if idle > 3 and int(position, 16) >= positions.position(redo.scn) and not gathered:
                done = True
                break
        stream.close()
    assert world.published == _expected(redo)
    world.state.close()


def _publish(world: World, stream: LogMinerStream, gathered: list[tuple[int, list[str]]], *, tell: bool) -> None:
    """``tell`` False: killed between publishing and confirming, or the confirmation was lost."""
    world.published += gathered
    world.captured = to_position(gathered[-1][0])
    gathered.clear()
    if tell:
        stream.confirm(world.captured)


def _drain(stream: LogMinerStream) -> list[tuple[int, list[str]]]:
    found = []
    for _ in range(1000):
        found += [(transaction.head.end, _texts(transaction)) for transaction in stream.transactions()]
        stream.look_now()
        if stream.idle_position is not None and int(stream.idle_position, 16) >= positions.position(stream.available()):
            return found
    raise AssertionError("the stream does not come to its end")


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 1 << 32), st.integers(1, 100), st.integers(1000, 1100))
def test_from_a_start_in_the_middle_only_what_commits_after_it_and_all_of_that(
    tmp_path_factory: pytest.TempPathFactory, seed: int, steps: int, start: int
) -> None:
    redo = _history(seed, steps)
    start = min(start, redo.scn)
    world = World(tmp_path_factory.mktemp("world"), redo, low=redo.low(start), start=start)
    stream = world.open(10)
    assert _drain(stream) == _expected(redo, start)
    stream.close()


def _one(tmp_path: Path, redo: Redo) -> LogMinerStream:
    return World(tmp_path, redo).open(1000)


XID = bytes(range(8))


def test_truncate_comes_with_its_transaction_and_other_ddl_stops_the_lane(tmp_path: Path) -> None:
    redo = Redo()
    redo.row(6, XID)
    redo.row(5, XID, "truncate table hr.t;", info="USER DDL (PlSql=0 RecDep=0)")
    redo.row(7, XID)
    redo.scn += 1
    redo.row(5, XID[::-1], "TRUNCATE TABLE T")  # without a beginning and an end of its own
    redo.scn += 1
    redo.row(5, XID, "alter table hr.t add constraint c check (id > 0)")
    redo.row(5, XID, "alter table hr.other drop column x", table="OTHER", object=78)
    redo.row(1, XID, _insert(1, "before"), row_id="A")
    redo.row(7, XID)
    redo.scn += 1
    redo.row(5, XID, "alter table hr.t drop column text")
    redo.row(1, XID, _insert(1, "after"), row_id="B")
    redo.row(7, XID)
    stream = _one(tmp_path, redo)
    given_: list[CapturedTransaction] = []
    with pytest.raises(SourceChanged, match="alter table hr.t drop column text".replace(".", r"\.")):
        given_.extend(stream.transactions())
    assert [transaction.counts for transaction in given_] == [[("hr.t", 84, 1)], [("hr.t", 84, 1)], [("hr.t", 73, 1)]]
    assert given_[-1].head.end == positions.position(1002)
    with pytest.raises(SourceChanged):
        list(stream.transactions())
    assert stream.idle_position is None


@pytest.mark.parametrize(
    ("sql", "table", "number"),
    [
        ("ALTER TABLE hr.t RENAME TO u", "U", 77),  # the row names what the table is called now
        ("ALTER TABLE hr.t RENAME TO u", "U", 0),
        ("RENAME t TO u", "U", 0),
        ("RENAME u TO t", "U", 0),
        ("ALTER TABLE hr.other EXCHANGE PARTITION p WITH TABLE t", "OTHER", 78),
        ("ALTER TABLE t DISABLE CONSTRAINT t_pk", "T", 77),
        ("DROP USER hr CASCADE", "", 0),
        ("TRUNCATE CLUSTER hr.c", "C", 79),
        ("DROP CLUSTER c INCLUDING TABLES CASCADE CONSTRAINTS", "C", 0),
    ],
)
def test_ddl_on_a_table_by_another_name_stops_the_lane(tmp_path: Path, sql: str, table: str, number: int) -> None:
    redo = Redo()
    redo.row(5, XID, sql, table=table, object=number)
    with pytest.raises(SourceChanged, match=sql.replace(".", r"\.")):
        list(_one(tmp_path, redo).transactions())


@pytest.mark.parametrize(
    ("sql", "more", "words"),
    [
        ("Unsupported", {"operation": 255, "status": 2, "info": "Unsupported"}, "does not support"),
        (_insert(1, "x"), {"status": 2, "info": "something is not right"}, "not valid"),
        ('insert into "HR"."T"("ID","GONE") values (\'1\',\'2\');', {}, "GONE"),
        ('insert into "HR"."T"("ID") values (\'x\');', {}, "ID"),
        ("insert nonsense;", {}, "insert"),
    ],
)
def test_a_row_that_cannot_be_read_is_shown(tmp_path: Path, sql: str, more: dict[str, Any], words: str) -> None:
    redo = Redo()
    redo.row(1, XID[::-1], _insert(9, "good"), row_id="A")
    redo.row(7, XID[::-1])
    redo.row(more.pop("operation", 1), XID, sql, row_id="ROWIDROWID", **more)
    redo.row(7, XID)
    stream = _one(tmp_path, redo)
    given_: list[list[str]] = []
    with pytest.raises(SourceChanged) as caught:
        given_.extend(map(_texts, stream.transactions()))
    assert given_ == [["good"]]
    assert words in caught.value.what
    assert "ROWIDROWID" in caught.value.what
    assert sql in caught.value.what


def test_what_is_rolled_back_need_not_be_readable(tmp_path: Path) -> None:
    redo = Redo()
    redo.row(255, XID, "Unsupported", row_id="A", status=2, info="Unsupported")
    redo.row(36, XID)
    assert list(_one(tmp_path, redo).transactions()) == []


def test_redo_of_before_a_ddl_is_read_by_object_and_column_numbers(tmp_path: Path) -> None:
    redo = Redo()
    sql = 'insert into "UNKNOWN"."OBJ# 77"("COL 1","COL 2") values (HEXTORAW(\'c102\'),HEXTORAW(\'6162\'));'
    redo.row(1, XID, sql, row_id="A", owner="UNKNOWN", table="OBJ# 77", status=2, info="Dictionary Version Mismatch")
    redo.row(1, XID, sql.replace("77", "99"), row_id="B", owner="UNKNOWN", table="OBJ# 99", object=99)  # not ours
    redo.row(7, XID)
    assert [_texts(transaction) for transaction in _one(tmp_path, redo).transactions()] == [["ab"]]


def test_an_undo_of_what_was_never_seen_stops_the_lane(tmp_path: Path) -> None:
    redo = Redo()
    redo.row(1, XID, _insert(1, "x"), row_id="A")
    redo.row(2, XID, "", row_id="B", undo=1)
    redo.row(7, XID)
    with pytest.raises(SourceChanged, match="takes back"):
        list(_one(tmp_path, redo).transactions())


def test_records_that_do_not_fit_the_database_are_refused(tmp_path: Path) -> None:
    world = World(tmp_path, Redo())
    world.captured = positions.text(5000)
    with pytest.raises(StreamLost, match="restored from a copy"):
        world.open(10)
    world.captured = positions.text(1000)
    document = world.state.get(watermark_key(world.context)) or {}
    world.state.put(watermark_key(world.context), {**document, "resetlogs": 2})
    with pytest.raises(StreamLost, match="RESETLOGS"):
        world.open(10)
    world.state.put(watermark_key(world.context), {**document, "position": positions.text(1001)})
    with pytest.raises(StreamLost, match="records"):
        world.open(10)
    world.state.delete(watermark_key(world.context))
    with pytest.raises(StreamLost, match="records"):
        world.open(10)


def test_a_long_transaction_holds_the_watermark_and_an_idle_one_does_not(tmp_path: Path) -> None:
    redo = Redo()
    redo.row(6, b"\x09" * 8)  # begins, and never does anything to our tables
    redo.scn += 10
    redo.row(1, b"\x08" * 8, _insert(1, "long"), row_id="A")
    redo.scn += 10
    redo.row(1, XID, _insert(2, "short"), row_id="B")
    redo.row(7, XID)
    redo.scn += 10
    redo.row(6, XID[::-1])
    stream = _one(tmp_path, redo)
    assert [_texts(transaction) for transaction in stream.transactions()] == [["short"]]
    stream.confirm(positions.text(1020))
    assert stream.low_watermark(positions.position(1030, 0xFFFF)) == 1009
    redo.scn += 1
    redo.row(7, b"\x08" * 8)
    assert _drain(stream) == [(positions.position(1031), ["long"])]
    assert stream.low_watermark(positions.position(1030, 0xFFFF)) == 1009
    stream.confirm(positions.text(1031, 0xFFFF))
    assert stream.low_watermark(positions.position(1031, 0xFFFF)) == 1030


def test_a_transaction_that_only_takes_back_what_was_never_seen_holds_nothing_back(tmp_path: Path) -> None:
    redo = Redo()
    for number, xid in ((1, XID), (2, b"\x08" * 8)):
        redo.scn += 10
        redo.row(1, xid, _insert(number, f"text {number}"), row_id=f"R{number}")
        redo.row(7, xid)
        redo.scn += 10
        redo.row(2, b"\x09" * 8, 'delete from "HR"."T";', row_id="R0", undo=1)
        redo.row(7, b"\x09" * 8)
    stream = _one(tmp_path, redo)
    given = stream.transactions()
    first = next(given)
    stream.confirm(to_position(first.head.end))  # as the loop does between two of one window
    assert stream.low_watermark(first.head.end) == 900
    assert [_texts(each) for each in given] == [["text 2"]]


def test_a_large_transaction_goes_through_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from voyager_ops.databases.oracle import gathering
    from voyager_ops.databases.oracle.logminer import stream as module

    redo = Redo()
    for number in range(300):
        redo.row(1, XID, _insert(number, f"text {number}"), row_id=f"R{number}")
    for number in range(299, 199, -1):
        redo.row(2, XID, "", row_id=f"R{number}", undo=1)
    redo.row(7, XID)
    monkeypatch.setattr(gathering, "MEMORY", 1000)
    monkeypatch.setattr(module, "_BUFFER_BYTES", 20_000)
    stream = _one(tmp_path, redo)
    found = list(stream.transactions())
    assert len(found) == 1
    assert len(list(tmp_path.glob("spill*"))) == 1  # what was buffered is gone, what was built is there until it is read
    assert _texts(found[0]) == [f"text {number}" for number in range(200)]
    assert found[0].head.count == 200
    assert list(tmp_path.glob("spill*")) == []
