"""Rows with LOBs: small ones as values, the others by locators, together what locators alone give."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import oracledb
import pytest

from tests.databases.oracle.test_values import column
from tests.oracle_kit import OWNER, ShopOracle, shop_oracle
from voyager_ops.databases.engines import engine_of
from voyager_ops.databases.oracle import reading
from voyager_ops.databases.oracle.values import Plan
from voyager_ops.model.tables import Table
from voyager_ops.snapshot.plan import Chunk, Kind
from voyager_ops.snapshot.reading import Job
from voyager_ops.testing.postgres import Cluster

LIMIT = reading.INLINE_LOBS
WIDE = "\U0001f600"
"""Two units of UTF-16, four bytes of UTF-8."""
ROWS: list[tuple[str | None, str | None, bytes | None]] = [
    (None, None, None),
    ("", "", b""),
    ("", None, b"\x00"),
    (None, "", b""),
    ("a\tb\\\n\r", "é", b"\t\\\n"),
    ("x" * LIMIT, None, None),
    ("x" * LIMIT, None, b""),
    ("x" * (LIMIT + 1), None, None),
    ("x" * LIMIT, "", b"\xff"),
    (None, None, b"\x00\\" * (LIMIT // 2)),
    (None, None, b"\x00\\" * (LIMIT // 2) + b"\n"),
    ("é" * (LIMIT // 2), "日" * (LIMIT // 2 - 1), b"\x01"),
    ("é" * (LIMIT // 2), "日" * (LIMIT // 2), b"\x01"),
    *[(WIDE * (LIMIT // 2 + more), "y", b"z") for more in (-2, -1, 0, 1)],
    *[(WIDE * (LIMIT + more), None, None) for more in (-1, 0, 1)],
    *[(f"row {i} " * (i % 9), f"n{i}" if i % 3 else None, bytes([i % 256]) * (i % 5)) for i in range(300)],
]


@pytest.fixture(scope="module")
def oracle(source_cluster: Cluster) -> Iterator[ShopOracle]:
    with shop_oracle(source_cluster) as made:
        made.run(
            "CREATE TABLE LOOSE (N NUMBER(6), BODY CLOB, NATIONAL NCLOB, DATA BLOB)",
            "CREATE TABLE KEYED (N NUMBER(6) PRIMARY KEY, BODY CLOB, NATIONAL NCLOB, DATA BLOB)",
        )
        with made.session() as cursor:
            for table in ("LOOSE", "KEYED"):
                cursor.setinputsizes(None, oracledb.DB_TYPE_CLOB, oracledb.DB_TYPE_NCLOB, oracledb.DB_TYPE_BLOB)
                given = [(number, *(value or None for value in row)) for number, row in enumerate(ROWS)]
                cursor.executemany(f"INSERT INTO {table} VALUES (:1, :2, :3, :4)", given)
                for place, (name, function) in enumerate((("BODY", "CLOB"), ("NATIONAL", "CLOB"), ("DATA", "BLOB"))):
                    empty = [str(number) for number, row in enumerate(ROWS) if row[place] is not None and not row[place]]
                    cursor.execute(f"UPDATE {table} SET {name} = EMPTY_{function}() WHERE N IN ({', '.join(empty)})")
        yield made


def expected(number: int) -> bytes:
    texts = [None if value is None else value if isinstance(value, str) else "\\x" + value.hex() for value in ROWS[number]]
    escapes = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
    return "\t".join([str(number), *("\\N" if text is None else text.translate(escapes) for text in texts)]).encode()


class Reading:
    """A session of a reader at a moment of its own."""

    def __init__(self, oracle: ShopOracle, name: str) -> None:
        source = oracle.database("read")
        self.table: Table = next(
            table for table in engine_of(source).read_tables(source, [OWNER.lower()]) if table.name.name == name
        )
        self.connection = source.connect("snapshot")
        self.reader = reading.OracleReader(source, self.connection)
        self.scn = self.reader._scn = reading.current_scn(self.connection)
        self.plan = Plan(self.table.columns, "t")
        self.job = Job(self.table, self.table.name, self.table.columns, "text")

    def chunk(self, kind: Kind = "whole", lower: tuple[str, ...] | None = None, upper: tuple[str, ...] | None = None) -> Chunk:
        return Chunk(1, 0, self.table.name, self.table.name, kind, lower, upper, 0, 0, 0)

    def lines(self, chunk: Chunk) -> list[bytes]:
        return b"".join(self.reader._blocks(chunk, self.job, self.plan)).splitlines()

    def by_locators(self, chunk: Chunk) -> list[bytes]:
        statement, binds = reading.select(chunk, self.table, self.plan, self.scn)
        return b"".join(self.reader._lob_blocks(statement, binds, self.plan)).splitlines()


@pytest.fixture(params=["loose", "keyed"])
def read(oracle: ShopOracle, request: pytest.FixtureRequest) -> Iterator[Reading]:
    made = Reading(oracle, request.param)
    yield made
    made.connection.close()


def test_values_and_locators_give_the_same_lines(read: Reading) -> None:
    lines = read.lines(read.chunk())
    assert sorted(lines) == sorted(expected(number) for number in range(len(ROWS)))
    assert sorted(lines) == sorted(read.by_locators(read.chunk()))


def test_each_row_is_of_one_sort(read: Reading) -> None:
    small, large = reading.parts(read.plan, 1000)
    found = []
    for part in (small, large):
        statement, binds = reading.select(read.chunk(), read.table, read.plan, read.scn, part.condition)
        with read.connection.cursor() as cursor:
            found.append({int(row[0]) for row in cursor.execute(statement, binds.values)})
    assert found[0] | found[1] == set(range(len(ROWS)))
    assert not found[0] & found[1]
    assert {5, 6, 9, 11} <= found[0]
    assert {7, 8, 10, 12} <= found[1]
    assert (small.rows, large.rows) == (reading.INLINE_ROWS, 0)


def test_ranges_give_every_row_once(read: Reading) -> None:
    with read.connection.cursor() as cursor:
        cursor.execute(f"SELECT ROWIDTOCHAR(ROWID) FROM {OWNER}.{read.table.name.name} ORDER BY ROWID")
        places = [row[0] for row in cursor.fetchall()]
    cuts = [None, (places[3],), (places[14],), (places[200],), None]
    pieces = [read.lines(read.chunk("ctid", lower, upper)) for lower, upper in pairwise(cuts)]
    assert all(pieces)
    assert sorted(line for piece in pieces for line in piece) == sorted(expected(number) for number in range(len(ROWS)))
    if read.table.key:
        pieces = [read.lines(read.chunk("key", *bounds)) for bounds in ((None, ("8",)), (("8",), ("100",)), (("100",), None))]
        assert [len(piece) for piece in pieces] == [8, 92, len(ROWS) - 100]


def test_batches_of_values_are_bounded(read: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "INLINE_LOBS", 1 << 20)
    monkeypatch.setattr(reading, "INLINE_ROWS", 4)
    blocks = list(read.reader._blocks(read.chunk(), read.job, read.plan))
    assert max(block.count(b"\n") for block in blocks) == 4
    assert sum(block.count(b"\n") for block in blocks) == len(ROWS)


def test_how_rows_are_read() -> None:
    plain = Plan([column("NUMBER(10,0)"), column("VARCHAR2(10)")], "t")
    assert reading.parts(plain, 500) == (reading.Part("", 500),)
    both = reading.parts(Plan([column("NUMBER(10,0)"), column("CLOB", name="a"), column("XMLTYPE", name="x")], "t"), 100)
    size = 'NVL(DBMS_LOB.GETLENGTH(t."A"), 0) + NVL(DBMS_LOB.GETLENGTH(XMLSERIALIZE(CONTENT t."X" AS CLOB)), 0)'
    assert both == (reading.Part(f"{size} <= {LIMIT}", 100), reading.Part(f"{size} > {LIMIT}", 0))
    assert reading.parts(Plan([column("LONG"), column("CLOB")], "t"), 100) == (reading.Part("", 0),)


def test_conditions_are_joined() -> None:
    assert reading.where("", "") == ""
    assert reading.where("a = 1 OR b = 2", "") == " WHERE (a = 1 OR b = 2)"
    assert reading.where("a = 1 OR b = 2", "c > 3") == " WHERE (a = 1 OR b = 2) AND (c > 3)"


@pytest.mark.parametrize(
    ("profile", "types"), [("19c", ("XMLTYPE", "LONG")), ("23ai", ("XMLTYPE", "JSON", "VECTOR(2, FLOAT32)"))]
)
def test_documents_are_read_in_both_ways(
    source_cluster: Cluster, monkeypatch: pytest.MonkeyPatch, profile: str, types: tuple[str, ...]
) -> None:
    given = {
        "XMLTYPE": "XMLTYPE('<a>' || RPAD('x', :n, 'x') || '</a>')",
        "LONG": "RPAD('x', :n, 'x')",
        "JSON": "JSON('[\"' || RPAD('x', :n, 'x') || '\"]')",
        "VECTOR(2, FLOAT32)": "'[1, ' || :n || ']'",
    }
    monkeypatch.setattr(reading, "INLINE_LOBS", 60)
    with shop_oracle(source_cluster, profile) as oracle:
        for place, ddl in enumerate(types):
            oracle.run(f"CREATE TABLE T{place} (N NUMBER(6), C {ddl})", f"INSERT INTO T{place} VALUES (0, NULL)")
            with oracle.session() as cursor:
                for length in (1, 100):
                    cursor.execute(f"INSERT INTO T{place} VALUES (1, {given[ddl]})", n=length)
            read = Reading(oracle, f"t{place}")
            lines = read.lines(read.chunk())
            assert len(lines) == 3
            assert sorted(lines) == sorted(read.by_locators(read.chunk()))
            read.connection.close()
