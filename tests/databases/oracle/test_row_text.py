"""Rows as text and their digests, held against what a PostgreSQL server makes of the same values."""

from __future__ import annotations

import random
from collections import defaultdict

import pyarrow as pa
from psycopg import sql

from tests.conftest import Database
from voyager_ops.databases.oracle.row_text import BucketSums, as_text, digests, numbers, row_texts, total
from voyager_ops.databases.postgres.hashing import Method, row_md5, row_text, text_hash

AWKWARD = [
    None, "", " ", "a", "NULL", ",", "(", ")", '"', '""', "\\", "\\\\", "a b", "a\tb", "a\nb", "a\x0bb", "a\x0cb", "a\rb",
    "ünï", "日本", "\U0001f600", "\u00a0", "\u2028", "a,b", "(x)", "it's", '\\"', "x" * 3000, " x", "x ",
]  # fmt: skip


def large(values: list[str | None]) -> pa.Array:
    return pa.array(values, pa.large_string())


def test_a_record_of_texts_is_what_the_server_prints(target_db: Database) -> None:
    picked = random.Random(7)
    rows = [(each, picked.choice(AWKWARD), picked.choice(AWKWARD)) for each in AWKWARD for _ in range(5)]
    ours = row_texts([large([row[place] for row in rows]) for place in range(3)])
    with target_db.connect() as connection:
        connection.execute("CREATE TABLE t (n int, a text, b text, c text)")
        with connection.cursor().copy("COPY t FROM STDIN") as copy:
            for number, row in enumerate(rows):
                copy.write_row((number, *row))
        names = ("a", "b", "c")
        found = connection.execute(
            sql.SQL("SELECT {}, {}, {} FROM t ORDER BY n").format(
                row_text(names), row_md5(names), text_hash(names, Method.MD5, 0)
            )
        ).fetchall()
    assert ours.to_pylist() == [row[0] for row in found]
    md5s = digests(ours)
    assert [md5.hex() for md5 in md5s] == [row[1] for row in found]
    assert numbers(md5s).tolist() == [row[2] for row in found]
    assert total(numbers(md5s)) == sum(row[2] for row in found)


def test_one_column_and_no_rows() -> None:
    assert row_texts([large(["a", None, ""])]).to_pylist() == ["(a)", "()", '("")']
    assert digests(row_texts([large([])])) == []
    assert total(numbers([])) == 0


def test_slices_are_told_from_their_neighbours() -> None:
    whole = large(["a b", "c", None, "d,e"])
    assert row_texts([whole.slice(1, 2)]).to_pylist() == ["(c)", "()"]
    assert digests(row_texts([whole]).slice(3)) == digests(row_texts([large(["d,e"])]))


def test_what_a_cast_to_text_changes() -> None:
    assert as_text(large(["ab  ", "  ", None]), "bpchar").to_pylist() == ["ab", "", None]
    assert as_text(large(["t", "f", None]), "bool").to_pylist() == ["true", "false", None]
    assert as_text(large(["ab  "]), "varchar").to_pylist() == ["ab  "]


def test_sums_by_bucket_are_exact() -> None:
    picked = random.Random(1)
    expected: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    sums = BucketSums()
    for _ in range(5):
        values = [picked.randrange(-(2**63), 2**63) for _ in range(1000)]
        buckets = [picked.randrange(16) for _ in values]
        for bucket, value in zip(buckets, values, strict=True):
            expected[bucket][0] += 1
            expected[bucket][1] += value
        sums.add(numbers_of(buckets), numbers_of(values))
    sums.add(numbers_of([]), numbers_of([]))
    assert {bucket: [count, int(value)] for bucket, count, value in sums.rows()} == dict(expected)


def numbers_of(values: list[int]) -> object:
    import numpy as np

    return np.array(values, dtype=np.int64)
