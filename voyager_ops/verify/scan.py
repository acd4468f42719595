"""The first look at a table: digests of ranges on both sides at once, and the rows of those that differ narrowed down.

Nothing but digests, and the keys and digests of rows in a few small buckets, ever leaves a PostgreSQL server. (Oracle has no such
functions: its rows are streamed, and digested here.) Memory is bounded by ``PULL_ROWS`` rows a worker, whatever the size of the
table or the number of differences.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from voyager_ops.databases.postgres.hashing import Method
from voyager_ops.databases.postgres.ranges import sort_key
from voyager_ops.model.positions import Side
from voyager_ops.verify.digests import EVERYTHING, Buckets, Condition, Identity, Statements
from voyager_ops.verify.sides import BothSides

ROWS_PER_RANGE = 100_000
"""Rows a range: a tenth of a second of hashing on a narrow table, so little is repeated or locked against vacuum at a time."""
PULL_ROWS = 20_000
"""Keys and digests of at most about so many rows are read from each side at a time (about 5 MB of Python objects)."""
REFINE_ROWS = 64 * PULL_ROWS
ROWS_PER_BUCKET = 64
MAX_BITS = 14
"""At most 16,384 buckets a statement: a few megabytes here and in the server's hash table."""
HASH_BITS = 56
"""Bits of the hash used for narrowing down: four levels."""


@dataclass
class TableScan:
    """What the first look found. ``suspects`` are at most ``limit`` rows (``more`` when there were others) that differed."""

    statements: Statements
    method: Method
    limit: int
    exact: bool
    """Nothing changes while we look: a range that differs in binary and not in text proves the binary form too strict."""
    rows: dict[Side, int] = field(default_factory=lambda: {Side.SOURCE: 0, Side.TARGET: 0})
    ranges: int = 0
    ranges_differing: int = 0
    suspects: set[Identity] = field(default_factory=set)
    more: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def name(self) -> str:
        return f"table {self.statements.pair.source.name}"

    @property
    def room(self) -> int:
        return self.limit - len(self.suspects)


def plan_ranges(both: BothSides, scan: TableScan) -> list[Condition]:
    """Conditions that cut the table into ranges of about ``ROWS_PER_RANGE`` rows by the source's keys, open at both ends."""
    pair = scan.statements.pair
    columns = pair.ranged
    points: list[list[str]] = []
    if columns:
        points = both[Side.SOURCE].points(pair.source, [column.name for column in columns], ROWS_PER_RANGE)
    if not points:
        return [EVERYTHING]
    order = sort_key(columns)
    points.sort(key=lambda point: order([value.encode() for value in point]))
    bounds: list[tuple[str, ...] | None] = [None, *map(tuple, points), None]
    return [Condition(lower, upper) for lower, upper in pairwise(bounds)]


def scan_range(both: BothSides, scan: TableScan, condition: Condition) -> None:
    """Compare one range; rows that differ are added to the scan's suspects."""
    statements, method = scan.statements, scan.method
    source, target = both.run(lambda reader: reader.digest(statements, condition, method), on=scan.name)
    differs = source[0] != target[0]
    if differs and not narrow(both, scan, condition, max(source[0][0], target[0][0])) and scan.exact:
        scan.method = statements.method
    with scan.lock:  # only now: a range that was cut short is not done
        scan.rows[Side.SOURCE] += source[0][0]
        scan.rows[Side.TARGET] += target[0][0]
        scan.ranges += 1
        scan.ranges_differing += differs


def narrow(both: BothSides, scan: TableScan, condition: Condition, rows: int) -> bool:
    """Find the rows that differ (in text form) among the ``rows`` that meet ``condition``; False when there are none."""
    found = False
    for part in _small_parts(both, scan, condition, rows, 0):
        identities = _differing(both, scan, part)
        found = found or bool(identities)
        with scan.lock:
            for identity in identities:
                if scan.room <= 0:
                    scan.more = True
                    return True
                scan.suspects.add(identity)
    return found


def _small_parts(both: BothSides, scan: TableScan, condition: Condition, rows: int, shift: int) -> Iterator[Condition]:
    """Conditions of at most about ``PULL_ROWS`` rows each that hold every differing row under ``condition``."""
    if rows <= ROWS_PER_BUCKET or shift >= HASH_BITS:
        yield condition
        return
    bits = min(MAX_BITS, max(1, (rows // ROWS_PER_BUCKET).bit_length()))
    buckets = Buckets(shift, bits)
    statements = scan.statements
    source, target = both.run(lambda reader: reader.bucket_digests(statements, condition, buckets), on=scan.name)
    ours, theirs = ({bucket: (count, total) for bucket, count, total in side} for side in (source, target))
    differing = {
        bucket: max(ours.get(bucket, (0, ""))[0], theirs.get(bucket, (0, ""))[0])
        for bucket in sorted(ours.keys() | theirs.keys())
        if ours.get(bucket) != theirs.get(bucket)
    }
    if not differing:
        return
    total = sum(differing.values())
    if total > PULL_ROWS and total > len(differing) * ROWS_PER_BUCKET * 4 and shift + bits < HASH_BITS:
        # The buckets are still large: cut them finer. All in one more look when few of them differ; in groups when most do,
        # since the same finer cut over all of them would not single anything out.
        size = total if total <= rows // 4 else REFINE_ROWS
        for group, count in _groups(differing, size):
            yield from _small_parts(both, scan, condition.within(buckets, group), count, shift + bits)
    else:
        for group, _count in _groups(differing, PULL_ROWS):
            yield condition.within(buckets, group)


def _groups(sizes: Mapping[int, int], limit: int) -> Iterator[tuple[list[int], int]]:
    """Buckets in groups of at most ``limit`` rows (at least one bucket each), with the group's rows."""
    group: list[int] = []
    size = 0
    for bucket, count in sizes.items():
        if group and size + count > limit:
            yield group, size
            group, size = [], 0
        group.append(bucket)
        size += count
    yield group, size


def _differing(both: BothSides, scan: TableScan, condition: Condition) -> list[Identity]:
    source, target = both.run(lambda reader: reader.rows(scan.statements, condition), on=scan.name)
    ours, theirs = ({tuple(row[:-1]): row[-1] for row in side} for side in (source, target))
    return [identity for identity in {**ours, **theirs} if ours.get(identity) != theirs.get(identity)]
