"""CPU cost of the change log, without a server: frames to segments, segments to changes.

Run: python -m benchmarks.micro_change_log [zstd]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from struct import pack

from voyager_ops.changes.arrived import Arrived
from voyager_ops.changes.assembler import Assembler
from voyager_ops.changes.log import ChangeLog
from voyager_ops.changes.writer import LogWriter
from voyager_ops.config import ChangesConfig
from voyager_ops.model.changes import Relation
from voyager_ops.model.positions import START, Lane
from voyager_ops.state.lanes import update_lane
from voyager_ops.state.store import State

TRANSACTIONS = 60_000
CHANGES = 3 * TRANSACTIONS


def relation(oid: int, name: str, columns: list[str]) -> bytes:
    head = b"R" + pack(">I", oid) + b"public\0" + name.encode() + b"\0d" + pack(">H", len(columns))
    return head + b"".join(bytes([i == 0]) + column.encode() + b"\0" + pack(">Ii", 25, -1) for i, column in enumerate(columns))


def row(*values: bytes) -> bytes:
    return pack(">H", len(values)) + b"".join(b"t" + pack(">I", len(value)) + value for value in values)


def frames() -> list[bytes]:
    """Transactions of two updates and an insert, four columns each at most."""
    result = []
    for number in range(TRANSACTIONS):
        result.append(b"B" + pack(">QqI", number * 100 + 50, 0, 1000 + number))
        if number == 0:
            result += [relation(1, "account", ["id", "balance", "pad"]), relation(2, "history", ["id", "a", "d", "at"])]
        update = b"U" + pack(">I", 1) + b"N" + row(b"%d" % (number % 1000), b"77", b"x" * 84)
        insert = b"I" + pack(">I", 2) + b"N" + row(b"%d" % number, b"5", b"1", b"2024-01-01 00:00:00.123456+00")
        result += [update, update, insert, b"C" + pack(">BQQq", 0, number * 100 + 50, number * 100 + 90, 0)]
    return result


def judge(described: Relation) -> tuple[str, frozenset[str]]:
    return str(described.name), frozenset()


def main(compression: str) -> None:
    directory = Path(tempfile.mkdtemp(prefix="voyager-ops-benchmark-"))
    state = State.open("benchmark", directory=directory)
    update_lane(state, Lane.FORWARD, status="prepared")
    config = ChangesConfig.model_validate({"disk_reserve": 1, "compression": compression})
    stream = frames()
    writer = LogWriter(state, directory, Lane.FORWARD, config)
    assembler = Assembler("benchmark", 1000, judge, writer.spill_path)
    began = time.process_time()
    for start in range(0, len(stream), 5000):  # about as many as are there at once
        for transaction in assembler.transactions(Arrived.of(stream[start : start + 5000])):
            writer.append(transaction)
            if writer.due(time.monotonic()):
                writer.publish()
    writer.publish()
    show("frames to published segments", time.process_time() - began)
    log = ChangeLog(state, directory, Lane.FORWARD)
    began = time.process_time()
    assert sum(1 for one in log.reader(START).read(0.0) for _ in one.changes) == CHANGES
    show("segments to decoded changes", time.process_time() - began)
    began = time.process_time()
    assert sum(one.count for one in log.reader(START).read(0.0)) == CHANGES
    show("segments to transactions, changes unread", time.process_time() - began)


def show(what: str, seconds: float) -> None:
    print(f"{what:45} {CHANGES / seconds / 1000:8.0f}k changes per CPU second")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "none")
