"""COPY's text of whole columns, read back by a server."""

from __future__ import annotations

import random

import pyarrow as pa

from tests.conftest import Database
from voyager_ops.databases.oracle.copy_text import copy_lines, escape

AWKWARD = [
    None,
    "",
    "\\N",
    "\\",
    "\\\\",
    "\t",
    "\n",
    "\r\n",
    "\\t",
    "\\.",
    "a\tb\nc\\d",
    "plain",
    "日本\U0001f600",
    " ",
    "\x01\x7f",
    "'",
]


def test_every_value_comes_back(target_db: Database) -> None:
    picked = random.Random(3)
    rows = [(each, picked.choice(AWKWARD), picked.choice(AWKWARD)) for each in AWKWARD for _ in range(3)]
    columns = [pa.array([row[place] for row in rows], pa.large_string()) for place in range(3)]
    lines = copy_lines(columns)
    one_by_one = b"".join(b"\t".join(escape(None if value is None else value.encode()) for value in row) + b"\n" for row in rows)
    assert lines == one_by_one
    with target_db.connect() as connection:
        connection.execute("CREATE TABLE t (n bigint GENERATED ALWAYS AS IDENTITY, a text, b text, c text)")
        with connection.cursor().copy("COPY t (a, b, c) FROM STDIN") as copy:
            copy.write(lines)
        assert connection.execute("SELECT a, b, c FROM t ORDER BY n").fetchall() == rows


def test_a_slice_and_a_single_column() -> None:
    column = pa.array(["a\tb", None, "c"], pa.large_string())
    assert copy_lines([column.slice(1)]) == b"\\N\nc\n"
    assert copy_lines([column.slice(0, 0)]) == b""
    assert copy_lines([pa.chunked_array([column, column])]) == b"a\\tb\n\\N\nc\n" * 2
