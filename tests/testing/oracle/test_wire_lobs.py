"""LOB locators: read and written in pieces, as strings, as binds; and what the store behind them does."""

from __future__ import annotations

from decimal import Decimal

import oracledb
import pytest

from tests.testing.oracle.scripted import ScriptedEngine
from voyager_ops.testing.oracle.engine import ColumnInfo, OracleError, Result, TypeNumber
from voyager_ops.testing.oracle.lobs import LobStore

TEXT = "aé𝄞" * 20_000
RAW = bytes(range(256)) * 300
COLUMNS = [
    ColumnInfo("ID", TypeNumber.NUMBER),
    ColumnInfo("C", TypeNumber.CLOB),
    ColumnInfo("N", TypeNumber.CLOB, national=True),
    ColumnInfo("B", TypeNumber.BLOB),
]
ROWS = [(Decimal(1), TEXT, TEXT, RAW), (Decimal(2), None, None, None), (Decimal(3), "short", "kürz", b"\x00")]
QUERY = "select id, c, n, b from t"


@pytest.fixture(autouse=True)
def table(engine: ScriptedEngine) -> None:
    engine.table(QUERY, COLUMNS, ROWS)


def test_locators(connection: oracledb.Connection) -> None:
    for _ in range(2):
        rows = connection.cursor().execute(QUERY).fetchall()
        _, text, national, raw = rows[0]
        assert (text.read(), national.read(), raw.read()) == (TEXT, TEXT, RAW)
        assert text.size() == len(TEXT.encode("utf-16-be")) // 2
        assert raw.read(257, 10) == RAW[256:266]
        assert text.read(5, 4) == "aé𝄞"
        assert text.getchunksize() == 8060
        assert rows[1] == (2, None, None, None)
        assert rows[2][2].read() == "kürz"


def test_strings(connection: oracledb.Connection) -> None:
    for arraysize in (1, 2, 100):
        cursor = connection.cursor()
        cursor.arraysize = arraysize
        for _ in range(2):
            cursor.execute(QUERY, fetch_lobs=False)
            assert cursor.fetchall() == ROWS


def test_strings_by_type_handler(connection: oracledb.Connection) -> None:
    def handler(cursor: oracledb.Cursor, metadata: oracledb.FetchInfo) -> object:
        if metadata.type_code is oracledb.DB_TYPE_CLOB:
            return cursor.var(oracledb.DB_TYPE_LONG, arraysize=cursor.arraysize)
        return None

    cursor = connection.cursor()
    cursor.outputtypehandler = handler
    assert cursor.execute(QUERY).fetchone()[1] == TEXT


def test_parsed_first(connection: oracledb.Connection) -> None:
    cursor = connection.cursor()
    cursor.parse(QUERY)
    assert [item.type_code for item in cursor.description or ()][1:3] == [oracledb.DB_TYPE_CLOB, oracledb.DB_TYPE_NCLOB]
    assert [row[1] and row[1].read() for row in cursor.execute(QUERY)] == [row[1] for row in ROWS]


def test_temporary_lobs(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    text, raw = connection.createlob(oracledb.DB_TYPE_CLOB), connection.createlob(oracledb.DB_TYPE_BLOB)
    text.write("x" * 70_000)
    text.write("é𝄞", 5)
    raw.write(RAW)
    assert (text.size(), raw.size()) == (70_000, len(RAW))
    text.trim(7)
    assert text.read() == "xxxxé𝄞"
    for lob in (text, raw):
        assert not lob.isopen()
        lob.open()
        assert lob.isopen()
        with pytest.raises(oracledb.DatabaseError, match="ORA-22293"):
            lob.open()
        lob.close()
    cursor = connection.cursor()
    cursor.execute("insert into log values (:1)", [text])
    cursor.execute("insert into log values (:1)", [raw])
    assert engine.sessions[-1].pending == ["xxxxé𝄞", RAW]


def test_large_strings_become_temporary_lobs_in_blocks(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    engine.scripts["begin p(:1); end;"] = lambda *_: Result()
    connection.cursor().execute("begin p(:1); end;", [TEXT])
    assert engine.sessions[-1].executed[-1][2] == [[TEXT]]


def test_temporary_lobs_are_freed(connection: oracledb.Connection) -> None:
    for _ in range(20):
        connection.createlob(oracledb.DB_TYPE_BLOB, b"x" * 100_000)
    connection.ping()


def test_the_store_forgets_the_oldest() -> None:
    store = LobStore(budget=1000)
    locators = [store.add(TypeNumber.BLOB, b"x" * 400)[0] for _ in range(3)]
    assert len(store) == 2
    assert store.get(locators[2]).value == b"x" * 400
    with pytest.raises(OracleError, match="ORA-22922"):
        store.get(locators[0])
    store.free(locators[1])
    store.free(locators[1])
    assert len(store) == 1
    large, lob = store.add(TypeNumber.BLOB, b"y" * 5000)
    assert store.get(large) is lob


def test_writing_beyond_the_end_pads() -> None:
    store = LobStore()
    _, raw = store.add(TypeNumber.BLOB, b"ab")
    raw.write(5, b"c")
    assert raw.value == b"ab\0\0c"
    _, text = store.add(TypeNumber.CLOB, "ab")
    text.write(5, "c".encode("utf-16-be"))
    assert text.value == "ab  c"
