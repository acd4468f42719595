"""The change log without a database: what is written is read, from any position; damage, archive, disk, two writers."""

from __future__ import annotations

import errno
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from struct import pack
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voyager_ops import failpoints
from voyager_ops.changes.arrived import Arrived
from voyager_ops.changes.assembler import Assembler
from voyager_ops.changes.log import ChangeLog
from voyager_ops.changes.writer import CapturedTransaction, LogWriter
from voyager_ops.config import ChangesConfig
from voyager_ops.databases.postgres import lsn
from voyager_ops.errors import ChangeLogDamaged, DiskFull, Fenced
from voyager_ops.failpoints import FailpointError
from voyager_ops.model.changes import Relation, Transaction
from voyager_ops.model.positions import START, Lane
from voyager_ops.state.lanes import read_lane, update_lane
from voyager_ops.state.store import State


def relation_frame(oid: int, name: str, columns: list[str], schema: str = "public", types: int = 25) -> bytes:
    head = b"R" + pack(">I", oid) + schema.encode() + b"\0" + name.encode() + b"\0d" + pack(">H", len(columns))
    return head + b"".join(
        bytes([index == 0]) + column.encode() + b"\0" + pack(">Ii", types, -1) for index, column in enumerate(columns)
    )


def row(*values: bytes) -> bytes:
    return pack(">H", len(values)) + b"".join(b"t" + pack(">I", len(value)) + value for value in values)


def insert_frame(oid: int, *values: bytes) -> bytes:
    return b"I" + pack(">I", oid) + b"N" + row(*values)


def begin(number: int) -> bytes:
    return b"B" + pack(">QqI", number * 100 - 10, 0, number)


def commit(number: int) -> bytes:
    return b"C" + pack(">BQQq", 0, number * 100 - 10, number * 100, 0)


class Log:
    """A writer fed with made-up transactions; transaction n ends at position n * 100."""

    def __init__(self, directory: Path, **config: object) -> None:
        self.directory = directory
        self.state = State.open("m", directory=directory)
        update_lane(self.state, Lane.FORWARD, status="prepared")
        self.config = ChangesConfig.model_validate({"disk_reserve": 1, **config})
        self.open()

    def open(self) -> None:
        self.writer = LogWriter(self.state, self.directory, Lane.FORWARD, self.config)
        self.assembler = Assembler("m", 1 << 33, self._judge, self.writer.spill_path, memory=1 << 16)

    @staticmethod
    def _judge(relation: Relation) -> tuple[str, frozenset[str]]:
        return str(relation.name), frozenset()

    def send(self, number: int, *frames: bytes) -> None:
        for frame in (begin(number), *frames, commit(number)):
            transaction = self.assembler.feed(frame)
            if transaction is not None:
                self.take(transaction)

    def take(self, transaction: CapturedTransaction) -> None:
        for relation in self.assembler.dropped_redescriptions:
            self.writer.forget_description(relation)
        self.assembler.dropped_redescriptions.clear()
        self.writer.append(transaction)

    def read(self, after: int = 0) -> list[tuple[int, list[object]]]:
        reader = ChangeLog(self.state, self.directory, Lane.FORWARD).reader(lsn.to_position(after) if after else START)
        return [
            (lsn.from_position(one.position) // 100, [(change.relation.name.name, change.new) for change in one.changes])
            for one in reader.read(0.0)
        ]

    def files(self) -> list[Path]:
        return sorted((self.directory / "forward").iterdir())


ITEM = relation_frame(7, "item", ["id", "v"])


@pytest.fixture(params=["none", "zstd"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Log:
    return Log(tmp_path, compression=request.param)


def fill(log: Log, numbers: range = range(1, 7)) -> None:
    for number in numbers:
        log.send(number, ITEM, insert_frame(7, b"%d" % number, b"x"))
        if number % 2 == 0:
            log.writer.publish()


def test_reads_from_any_position_and_skips_what_is_not_read(log: Log) -> None:
    fill(log)
    for after in range(7):
        assert log.read(after * 100) == [(number, [("item", [b"%d" % number, b"x"])]) for number in range(after + 1, 7)]
    reader = ChangeLog(log.state, log.directory, Lane.FORWARD).reader(START)
    assert [one.xid - (1 << 33) for one in reader.read(0.0)] == [1, 2, 3, 4, 5, 6]
    assert lsn.from_position(reader.position) == 600
    fill(log, range(7, 9))
    kept = list(reader.read(0.0))
    assert [next(iter(one.changes)).new for one in kept] == [[b"7", b"x"], [b"8", b"x"]]
    assert list(reader.read(0.01)) == []


def test_a_large_transaction_is_spilled_and_others_stay_small(log: Log) -> None:
    value = b"z" * 1000
    log.send(1, ITEM, *(insert_frame(7, b"%d" % number, value) for number in range(9000)))
    log.send(2, insert_frame(7, b"last", b""))
    log.writer.publish()
    assert [path.suffix for path in log.files()] == [".segment"]
    reader = ChangeLog(log.state, log.directory, Lane.FORWARD).reader(START)
    sizes = []
    for one in reader.read(0.0):
        sizes.append(one.count)
        if one.count > 1:
            next(one.changes)  # and the rest is left unread
    assert sizes == [9000, 1]
    assert [len(changes) for _, changes in log.read()] == [9000, 1]


def test_relations_described_anew_inside_a_transaction(log: Log) -> None:
    renamed = relation_frame(7, "item", ["id", "w"])
    log.send(1, ITEM, insert_frame(7, b"1", b"x"))
    log.send(2, insert_frame(7, b"2", b"x"), renamed, insert_frame(7, b"3", b"x"))
    log.send(3, insert_frame(7, b"4", b"x"))
    log.writer.publish()
    log.send(4, insert_frame(7, b"5", b"x"))
    log.writer.publish()
    reader = ChangeLog(log.state, log.directory, Lane.FORWARD).reader
    columns = [[change.relation.columns[1] for change in one.changes] for one in reader(START).read(0.0)]
    assert columns == [["v"], ["v", "w"], ["w"], ["w"]]
    for after in (100, 200, 300):
        assert [[change.relation.columns[1] for change in one.changes] for one in reader(lsn.to_position(after)).read(0.0)] == (
            columns[after // 100 :]
        )


def test_totals_and_counts(log: Log) -> None:
    fill(log)
    totals = ChangeLog(log.state, log.directory, Lane.FORWARD).totals()
    assert (totals.segments, totals.transactions, totals.changes, totals.user_changes) == (3, 6, 6, 6)
    assert totals.tables["public.item"].inserts == 6
    assert totals.bytes_on_disk == sum(path.stat().st_size for path in log.files())
    assert lsn.from_position(read_lane(log.state, Lane.FORWARD).captured_position) == 600


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (flip, "checksum"),
        (lambda path: path.write_bytes(path.read_bytes()[:-20]), "bytes where"),
        (Path.unlink, "not there"),
    ],
)
def test_a_damaged_segment_is_named_and_nothing_of_it_is_read(log: Log, harm: Callable[[Path], object], message: str) -> None:
    fill(log)
    harm(log.files()[1])
    reader = ChangeLog(log.state, log.directory, Lane.FORWARD).reader(START)
    transactions = reader.read(0.0)
    assert [lsn.from_position(next(transactions).position) for _ in range(2)] == [100, 200]
    with pytest.raises(ChangeLogDamaged, match=message) as caught:
        next(transactions)
    assert str(log.files()[1].parent) in str(caught.value)


@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize("point", ["", "changes.archive.copied", "changes.archive.marked", "changes.archive.deleted"])
def test_archive_lets_go_of_what_is_applied_only(log: Log, tmp_path: Path, moved: bool, point: str) -> None:
    fill(log)
    change_log = ChangeLog(log.state, log.directory, Lane.FORWARD)
    target = tmp_path / "archive" if moved else None
    if point:
        failpoints.configure(f"{point}=error")
        try:
            with pytest.raises(FailpointError):
                change_log.archive(lsn.to_position(450), target)
        finally:
            failpoints.configure()
    change_log.archive(lsn.to_position(450), target)
    assert len(log.files()) == 1
    assert change_log.archive(lsn.to_position(450), target).left == 1
    assert log.read(400) == [(5, [("item", [b"5", b"x"])]), (6, [("item", [b"6", b"x"])])]
    assert change_log.totals().segments == 1
    assert change_log.totals().changes == 6
    if target is not None:
        assert len([path for path in target.iterdir() if path.suffix == ".segment" and not path.name.startswith("tmp-")]) == 2
    with pytest.raises(ChangeLogDamaged, match="archive changes"):
        log.read(100)


def test_an_orphan_is_deleted_by_the_next_writer(log: Log) -> None:
    fill(log)
    for point in ("changes.publish.before_fsync", "changes.publish.fsynced", "changes.publish.renamed"):
        log.send(7, ITEM, insert_frame(7, b"7", b"x"))
        failpoints.configure(f"{point}=error")
        try:
            with pytest.raises(FailpointError):
                log.writer.publish()
        finally:
            failpoints.configure()
        assert len(log.files()) == 4
        log.open()
        assert len(log.files()) == 3
    log.send(7, ITEM, insert_frame(7, b"7", b"x"))
    log.writer.publish()
    assert [number for number, _ in log.read()] == [1, 2, 3, 4, 5, 6, 7]


def test_a_superseded_writer_publishes_nothing(log: Log) -> None:
    fill(log)
    log.send(7, ITEM, insert_frame(7, b"7", b"old"))
    old = log.writer
    log.open()
    with pytest.raises(Fenced):
        old.publish()
    old.discard()
    with pytest.raises(Fenced):
        old.advance(lsn.to_position(900))
    assert [number for number, _ in log.read()] == [1, 2, 3, 4, 5, 6]


def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(tmp_path)
    fill(log)
    log.config = ChangesConfig(disk_reserve=1 << 60)
    log.open()
    with pytest.raises(DiskFull, match="must stay free"):
        log.send(7, ITEM, insert_frame(7, b"7", b"x"))
    log.config = ChangesConfig(disk_reserve=1)
    log.open()

    def full(*_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    log.send(7, ITEM, insert_frame(7, b"7", b"x"))
    with monkeypatch.context() as patch:
        patch.setattr("voyager_ops.changes.writer.os.rename", full)
        with pytest.raises(DiskFull, match="No space left"):
            log.writer.publish()
    log.open()
    log.send(7, ITEM, insert_frame(7, b"7", b"x"))
    log.writer.publish()
    assert [number for number, _ in log.read()] == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("compression", ["none", "zstd"])
@pytest.mark.parametrize("most", [1, 3, 1000])
def test_runs_of_transactions_are_the_transactions_in_a_row(tmp_path: Path, compression: str, most: int) -> None:
    log = Log(tmp_path, compression=compression)
    wider = relation_frame(7, "item", ["id", "v", "more"])
    for number in range(1, 30):
        described = [ITEM] if number == 1 else [wider] if number == 15 else []
        columns = [b"%d" % number, b"x", b"y"] if number >= 15 else [b"%d" % number, b"x"]
        log.send(number, *described, *(insert_frame(7, *columns) for _ in range(number % 4 + 1)))
        if number == 20:
            log.writer.publish()
    log.writer.publish()
    one_by_one = log.read()

    def rows(transaction: Transaction) -> list[object]:
        return [(change.relation.name.name, change.new) for change in transaction.changes]

    seen, longest = [], 1
    reader = ChangeLog(log.state, log.directory, Lane.FORWARD).reader(lsn.to_position(300))
    reader.run_changes = most
    for run in reader.read(0.0):
        parts = [run] if run.parts is None else list(run.parts())
        assert (len(parts), parts[-1].position) == (run.transactions, run.position)
        assert sum(part.count for part in parts) == run.count
        longest = max(longest, len(parts))
        decoded = [(lsn.from_position(part.position) // 100, rows(part)) for part in parts]
        if run.parts is not None:
            assert rows(run) == [row for _, found in decoded for row in found]
        seen += decoded
    assert seen == one_by_one[3:]
    assert (longest > 1) == (most > 1)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_frames_in_any_portions_make_the_log_that_frames_one_by_one_make(data: st.DataObject, tmp_path_factory: Any) -> None:
    """Runs of small transactions, described anew, empty, large, of our own and dropped: cut wherever the stream pauses."""
    stream: list[bytes] = [begin(1), ITEM, insert_frame(7, b"1", b"x"), commit(1)]
    own = relation_frame(9, "marker", ["migration", "v"], schema="voyager_ops")
    position = relation_frame(10, "lane_position", ["migration", "v"], schema="voyager_ops")
    number = 1
    for what in data.draw(st.lists(st.sampled_from("iiiuueprmlo"), max_size=25)):
        number += 1
        frames = {
            "i": [insert_frame(7, b"%d" % number, b"y")],
            "u": [b"U" + insert_frame(7, b"1", b"z")[1:], b"U" + insert_frame(7, b"2", b"")[1:]],
            "e": [],
            "p": [position, insert_frame(10, b"m", b"1"), insert_frame(7, b"9", b"echo")],
            "r": [relation_frame(7, "item", ["id", "v", f"w{number}"]), insert_frame(7, b"%d" % number, b"1", b"2")],
            "m": [own, insert_frame(9, b"m", b"v")],
            "l": [insert_frame(7, b"%d" % number, b"l" * 500)] * 200,
            "o": [own, insert_frame(9, b"another", b"v")],
        }[what]
        stream += [begin(number), *frames, commit(number)]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    have = data.draw(st.integers(0, 3))
    found = []
    patch = pytest.MonkeyPatch()
    patch.setattr("voyager_ops.changes.assembler._FEW", data.draw(st.sampled_from([1, 16])))
    patch.setattr("voyager_ops.changes.assembler._AGAIN", data.draw(st.sampled_from([1, 4, 256])))
    for portions in (None, [0, *cuts, len(stream)]):
        log = Log(tmp_path_factory.mktemp("log"))
        log.assembler = Assembler("m", 1 << 33, log._judge, log.writer.spill_path, memory=1 << 14, runs_after=have * 100)
        if portions is None:
            transactions = []
            for frame in stream:
                if (one_alone := log.assembler.feed(frame)) is not None:
                    log.take(one_alone)
                    transactions.append(one_alone)
        else:
            transactions = []
            for start, end in pairwise(portions):
                for one in log.assembler.transactions(Arrived.of(stream[start:end])):
                    assert one.transactions == 1 or one.first > have * 100
                    log.take(one)
                    transactions.append(one)
        log.writer.publish()
        ends = (log.assembler.last_end, log.assembler.last_kept, log.assembler.inside)
        assert ends[0] == number * 100
        found.append((log.read(), log.writer.published_user_changes, sum(one.transactions for one in transactions), ends))
    patch.undo()
    assert found[0] == found[1]
