"""What a client does with statements, cursors and transactions, in both profiles."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

import oracledb
import pytest

from tests.testing.oracle.scripted import Rows, ScriptedEngine, ScriptedSession
from voyager_ops.testing.oracle.engine import (
    BatchError,
    Bind,
    ColumnInfo,
    Direction,
    OracleError,
    Result,
    TypeNumber,
    Value,
)
from voyager_ops.testing.oracle.server import Server

ONE = "select 1 from dual"
NUMBER = ColumnInfo("N", TypeNumber.NUMBER, scale=-127)


def code(error: pytest.ExceptionInfo[oracledb.Error]) -> int:
    return int(error.value.args[0].code)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# -- logon ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "password", "expected"),
    [("hr", "wrong", 1017), ("hr", "HR_PW", 1017), ("nobody", "hr_pw", 1017), ("locked", "x", 28000), ("hr", "h" * 300, 1017)],
)
def test_logon_is_refused(server: Server, user: str, password: str, expected: int) -> None:
    with pytest.raises(oracledb.DatabaseError) as error:
        oracledb.connect(user=user, password=password, dsn=server.dsn())
    assert code(error) == expected


def test_unknown_service_and_sid(server: Server) -> None:
    with pytest.raises(oracledb.DatabaseError, match="ORA-12514"):
        oracledb.connect(user="hr", password="hr_pw", dsn=server.dsn("NOPE"))
    with pytest.raises(oracledb.DatabaseError, match="ORA-12505"):
        oracledb.connect(user="hr", password="hr_pw", host="127.0.0.1", port=server.port, sid="NOPE")


def test_logon(server: Server, engine: ScriptedEngine) -> None:
    descriptor = (
        f"(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=127.0.0.1)(PORT={server.port}))(CONNECT_DATA=(SERVICE_NAME=sim))"
        f"(SECURITY=(MY_WALLET_DIRECTORY=/{'long/' * 60})))"
    )
    for parameters in ({"dsn": server.dsn()}, {"dsn": descriptor}, {"host": "127.0.0.1", "port": server.port, "sid": "simdb"}):
        with oracledb.connect(user='"lower"', password="pass wörd", program="test-program", **parameters) as connection:
            assert connection.thin
            assert connection.version == ".".join(map(str, engine.version))
            assert connection.session_id == engine.sessions[-1].session_id
            login = engine.sessions[-1].login
            assert (login.user, login.program, login.sysdba) == ("lower", "test-program", False)
            assert login.statements[0].startswith("ALTER SESSION SET TIME_ZONE=")
            assert "python-oracledb" in login.driver
    with oracledb.connect(user="hr", password="hr_pw", dsn=server.dsn(), mode=oracledb.AUTH_MODE_SYSDBA):
        assert engine.sessions[-1].login.sysdba


# -- queries ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arraysize", [1, 2, 99, 100, 101, 5000])
@pytest.mark.parametrize("prefetch", [0, 2, 100])
def test_fetch_in_pieces(connection: oracledb.Connection, engine: ScriptedEngine, arraysize: int, prefetch: int) -> None:
    rows = [(Decimal(n),) for n in range(100)]
    engine.table("select n from t", [NUMBER], rows)
    cursor = connection.cursor()
    cursor.arraysize, cursor.prefetchrows = arraysize, prefetch
    for _ in range(2):
        assert cursor.execute("select n from t").fetchall() == [(n,) for n in range(100)]
        assert cursor.rowcount == 100
    assert cursor.execute("select n from t").fetchmany(3) == [(0,), (1,), (2,)]


@pytest.mark.parametrize("compress", [True, False])
def test_repeated_values(engine: ScriptedEngine, profile: str, compress: bool) -> None:
    columns = [ColumnInfo(name, TypeNumber.VARCHAR2, size=40) for name in "ABCDEFGHIJ"]
    rows: list[tuple[Value, ...]] = [
        tuple(None if n % 7 == 0 else f"{column}{n // (1 + index)}" for index, column in enumerate("ABCDEFGHIJ"))
        for n in range(300)
    ]
    rows += [rows[-1]] * 5
    engine.table("select * from t", columns, rows)
    with (
        Server(engine, profile=profile, compress=compress) as server,
        oracledb.connect(user="hr", password="hr_pw", dsn=server.dsn()) as connection,
    ):
        cursor = connection.cursor()
        cursor.arraysize = 50
        assert cursor.execute("select * from t").fetchall() == rows


def test_row_that_is_larger_than_packets(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    columns = [ColumnInfo(f"C{n}", TypeNumber.VARCHAR2, size=32767) for n in range(50)]
    rows = [tuple(f"{n}-" * 8000 for n in range(50))] * 3
    engine.table("select * from wide", columns, rows)
    assert connection.cursor().execute("select * from wide").fetchall() == rows


@pytest.mark.parametrize("sdu", [512, 1000, 65535, 2_000_000])
def test_sizes_of_packets(server: Server, engine: ScriptedEngine, sdu: int) -> None:
    rows = [(Decimal(n), "x" * (n * 7 % 3000)) for n in range(300)]
    engine.table("select * from t", [NUMBER, ColumnInfo("V", TypeNumber.VARCHAR2, size=4000)], rows)
    with oracledb.connect(user="hr", password="hr_pw", dsn=server.dsn(), sdu=sdu) as connection:
        assert [text or "" for _, text in connection.cursor().execute("select * from t")] == [text for _, text in rows]
        values = [(text,) for _, text in rows]
        connection.cursor().executemany("insert into log values (:1)", values)
        assert engine.sessions[-1].pending == [text or None for (text,) in values]


def test_an_error_while_fetching(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    def rows() -> Iterator[Sequence[Value]]:
        for n in range(150):
            yield (Decimal(n),)
        raise OracleError(1555, "snapshot too old")

    engine.scripts["select n from t"] = lambda *_: Result([NUMBER], rows())
    cursor = connection.cursor()
    cursor.arraysize = 100
    cursor.execute("select n from t")
    assert len(cursor.fetchmany(100)) == 100
    with pytest.raises(oracledb.DatabaseError) as error:
        cursor.fetchmany(100)
    assert code(error) == 1555
    assert cursor.execute(ONE).fetchone() == (1,)


def test_rows_are_closed(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    closed = []

    def rows() -> Iterator[Sequence[Value]]:
        try:
            while True:
                yield (Decimal(1),)
        finally:
            closed.append(True)

    engine.scripts["select n from t"] = lambda *_: Result([NUMBER], rows())
    connection.cursor().execute("select n from t").fetchone()
    connection.cursor().execute("select n from t").fetchone()
    assert closed == [True]
    connection.close()
    wait_for(lambda: closed == [True, True])


def test_columns_that_change_between_executions(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    engine.table("select * from t", [NUMBER], [(Decimal(1),)])
    cursor = connection.cursor()
    assert cursor.execute("select * from t").fetchall() == [(1,)]
    engine.table("select * from t", [NUMBER, ColumnInfo("V", TypeNumber.VARCHAR2, size=5)], [(Decimal(1), "new")])
    assert cursor.execute("select * from t").fetchall() == [(1, "new")]


def test_statement_cache_is_emptied(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    connection.stmtcachesize = 2
    for round_trip in range(2):
        for n in range(20):
            engine.table(f"select {n} from t", [NUMBER], [(Decimal(n + round_trip),)])
            assert connection.cursor().execute(f"select {n} from t").fetchall() == [(n + round_trip,)]


def test_many_binds_and_a_long_statement(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    values = [f"value {n}" for n in range(300)]
    statement = f"select {', '.join(f':{n + 1}' for n in range(300))} /* {'x' * 100_000} */ from echo"
    assert list(connection.cursor().execute(statement, values).fetchone()) == values


def test_long_binds_stand_last(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    long, longer = "x" * 32768, "y" * 100_000
    cursor = connection.cursor()
    cursor.setinputsizes(oracledb.DB_TYPE_LONG, None, oracledb.DB_TYPE_LONG, None)
    assert cursor.execute("select :1, :2, :3, :4 from echo", [long, 1, longer, "z"]).fetchone() == (long, 1, longer, "z")


def test_bind_types_that_change(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    for value in ("a", 1, "b" * 500, None, b"raw", 2.5):
        assert connection.cursor().execute("select :1 from echo", [value]).fetchone() == (value,)


def test_missing_bind(connection: oracledb.Connection) -> None:
    with pytest.raises(oracledb.DatabaseError):
        connection.cursor().execute("select :1, :2 from echo", [1])


def test_error_position(connection: oracledb.Connection) -> None:
    with pytest.raises(oracledb.DatabaseError, match="does not exist") as error:
        connection.cursor().execute("select nothing")
    assert (code(error), error.value.args[0].offset) == (942, 7)
    assert connection.cursor().execute(ONE).fetchone() == (1,)


# -- DML --------------------------------------------------------------------------------------------------------------


def test_transactions(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    cursor = connection.cursor()
    cursor.execute("insert into log values (:1)", ["a"])
    assert (cursor.rowcount, connection.transaction_in_progress, engine.committed) == (1, True, [])
    connection.rollback()
    assert not connection.transaction_in_progress
    cursor.executemany("insert into log values (:1)", [(str(n),) for n in range(10_000)])
    assert cursor.rowcount == 10_000
    connection.commit()
    assert engine.committed == [str(n) for n in range(10_000)]
    connection.autocommit = True
    cursor.execute("insert into log values (:1)", ["auto"])
    cursor.execute("insert into log values (:1)", ["again"])
    assert engine.committed[-2:] == ["auto", "again"]


def test_end_of_a_session_rolls_back(server: Server, engine: ScriptedEngine) -> None:
    with oracledb.connect(user="hr", password="hr_pw", dsn=server.dsn()) as connection:
        connection.cursor().execute("insert into log values (:1)", ["a"])
    assert engine.committed == []
    assert engine.sessions[-1].closed


def test_array_dml_with_errors_and_counts(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    problems = [
        BatchError(1, OracleError(1, "unique constraint (HR.PK) violated")),
        BatchError(300, OracleError(1400, "é" * 200)),
    ]

    def insert(session: ScriptedSession, binds: Sequence[Bind], rows: Rows) -> Result:
        return Result(
            row_count=len(rows) - 2, batch_errors=problems, row_counts=[0 if n in (1, 300) else 1 for n in range(len(rows))]
        )

    engine.scripts["insert into t values (:1)"] = insert
    cursor = connection.cursor()
    cursor.executemany("insert into t values (:1)", [(n,) for n in range(400)], batcherrors=True, arraydmlrowcounts=True)
    assert cursor.rowcount == 398
    assert [(e.offset, e.code, e.message.split("\n")[0]) for e in cursor.getbatcherrors()] == [
        (1, 1, "ORA-00001: unique constraint (HR.PK) violated"),
        (300, 1400, f"ORA-01400: {'é' * 200}"),
    ]
    assert sum(cursor.getarraydmlrowcounts()) == 398


def test_thousands_of_batch_errors(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    engine.scripts["insert into t values (:1)"] = lambda session, binds, rows: Result(
        batch_errors=[BatchError(n, OracleError(1, f"row {n}")) for n in range(len(rows))]
    )
    cursor = connection.cursor()
    for count in (1, 252, 253, 254, 255, 3000):
        cursor.executemany("insert into t values (:1)", [(n,) for n in range(count)], batcherrors=True)
        assert [e.offset for e in cursor.getbatcherrors()] == list(range(count))


def test_array_dml_that_fails_says_how_far_it_came(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    def insert(session: ScriptedSession, binds: Sequence[Bind], rows: Rows) -> Result:
        raise OracleError(1, "unique constraint (HR.PK) violated", row_count=3)

    engine.scripts["insert into t values (:1)"] = insert
    cursor = connection.cursor()
    with pytest.raises(oracledb.IntegrityError) as error:
        cursor.executemany("insert into t values (:1)", [(n,) for n in range(10)])
    assert (code(error), cursor.rowcount) == (1, 3)


def test_returning(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    statement = "update t set n = n + 1 where n < :1 returning n, v into :2, :3"

    def update(session: ScriptedSession, binds: Sequence[Bind], rows: Rows) -> Result:
        assert [bind.type for bind in binds] == [TypeNumber.NUMBER, TypeNumber.NUMBER, TypeNumber.VARCHAR2]
        returning: list[list[list[Value]]] = [[[Decimal(n) for n in range(3)], ["a", None, "ü" * 20]] for _ in rows]
        return Result(row_count=3 * len(rows), returning=returning)

    engine.scripts[statement] = update
    cursor = connection.cursor()
    number, text = cursor.var(int), cursor.var(str, 60)
    for _ in range(2):
        cursor.execute(statement, [3, number, text])
        assert (number.getvalue(), text.getvalue()) == ([0, 1, 2], ["a", None, "ü" * 20])
    numbers, texts = cursor.var(int, arraysize=2), cursor.var(str, 60, arraysize=2)
    cursor.setinputsizes(None, numbers, texts)
    cursor.executemany(statement, [(1,), (2,)])
    assert [numbers.getvalue(n) for n in range(2)] == [[0, 1, 2]] * 2


# -- PL/SQL -----------------------------------------------------------------------------------------------------------


def block(session: ScriptedSession, binds: Sequence[Bind], rows: Rows) -> Result:
    (row,) = rows
    given = row[0]
    assert isinstance(given, Decimal)
    out: list[Value] = [None, f"got {given}", given + 1]
    return Result(directions=[Direction.IN, Direction.OUT, Direction.IN_OUT], out=out)


def test_blocks(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    statement = "begin p(:a, :b, :c); end;"
    engine.scripts[statement] = block
    cursor = connection.cursor()
    text, number = cursor.var(str), cursor.var(int)
    for given in (1, 2, 3):
        number.setvalue(0, 100)
        cursor.execute(statement, a=given, b=text, c=number)
        assert (text.getvalue(), number.getvalue()) == (f"got {given}", given + 1)
    assert engine.sessions[-1].executed[-1][2][0][2] == 100


def test_block_for_many_rows(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    statement = "begin p(:1, :2, :3); end;"

    def only_out(session: ScriptedSession, binds: Sequence[Bind], rows: Rows) -> Result:
        return Result(directions=[Direction.IN, Direction.OUT, Direction.OUT], out=block(session, binds, rows).out)

    engine.scripts[statement] = only_out
    cursor = connection.cursor()
    text, number = cursor.var(str, arraysize=5), cursor.var(int, arraysize=5)
    cursor.setinputsizes(None, text, number)
    cursor.executemany(statement, [(n,) for n in range(5)])
    assert text.values == [f"got {n}" for n in range(5)]
    assert number.values == list(range(1, 6))


def test_block_arrays(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    def reverse(session: ScriptedSession, binds: Sequence[Bind], rows: Rows) -> Result:
        given = rows[0][0]
        assert isinstance(given, list)
        assert binds[0].array_size == 5
        return Result(directions=[Direction.IN_OUT], out=[[*given[::-1], "more"]])

    engine.scripts["begin reverse(:1); end;"] = reverse
    cursor = connection.cursor()
    array = cursor.arrayvar(str, 5)
    array.setvalue(0, ["a", "b"])
    cursor.execute("begin reverse(:1); end;", [array])
    assert array.getvalue() == ["b", "a", "more"]


def test_out_values_of_all_kinds(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    values: list[Value] = ["é", b"\x00\xff", Decimal("1E-130"), True, "c" * 70_000, b"b" * 40_000, None, None, 1.5]
    kinds = [oracledb.DB_TYPE_NVARCHAR, oracledb.DB_TYPE_RAW, oracledb.DB_TYPE_NUMBER, oracledb.DB_TYPE_BOOLEAN]
    kinds += [oracledb.DB_TYPE_CLOB, oracledb.DB_TYPE_BLOB, oracledb.DB_TYPE_BOOLEAN, oracledb.DB_TYPE_CLOB]
    kinds += [oracledb.DB_TYPE_BINARY_DOUBLE]
    statement = f"begin p({', '.join(f':{n + 1}' for n in range(len(kinds)))}); end;"
    engine.scripts[statement] = lambda *_: Result(directions=[Direction.OUT] * len(kinds), out=values)
    cursor = connection.cursor()
    variables = [cursor.var(kind) for kind in kinds]
    for _ in range(2):
        cursor.execute(statement, variables)
        found = [variable.getvalue() for variable in variables]
        found = [value.read() if isinstance(value, oracledb.LOB) else value for value in found]
        assert found[:2] + found[3:] == values[:2] + values[3:]


def test_out_value_that_is_too_long(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    engine.scripts["begin p(:1); end;"] = lambda *_: Result(directions=[Direction.OUT], out=["x" * 11])
    cursor = connection.cursor()
    with pytest.raises(oracledb.DatabaseError) as error:
        cursor.execute("begin p(:1); end;", [cursor.var(str, 2)])
    assert code(error) == 6502


def test_created_with_compilation_errors(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    engine.scripts["create procedure p as begin nonsense end;"] = lambda *_: Result(warning=True)
    cursor = connection.cursor()
    cursor.execute("create procedure p as begin nonsense end;")
    assert cursor.warning is not None
    assert cursor.warning.full_code == "DPY-7000"


# -- the rest ---------------------------------------------------------------------------------------------------------


def test_session_attributes(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    connection.module, connection.action = "voyager-ops/demo", "reader"
    connection.client_identifier, connection.clientinfo, connection.dbop = "me", "info", "op"
    connection.current_schema = "SALES"
    connection.ping()
    connection.cursor().execute(ONE)
    session = engine.sessions[-1]
    assert session.attributes == {
        "module": "voyager-ops/demo",
        "action": "reader",
        "client_identifier": "me",
        "client_info": "info",
    }
    assert session.schema == "SALES"
    connection.current_schema = "NOBODY"
    with pytest.raises(oracledb.DatabaseError) as error:
        connection.cursor().execute(ONE)
    assert code(error) == 1435
    connection.current_schema = "HR"
    assert connection.cursor().execute(ONE).fetchone() == (1,)


def test_what_is_not_simulated_is_refused(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    with pytest.raises(oracledb.DatabaseError, match="direct path") as error:
        connection.direct_path_load("HR", "T", ["A"], [(1,)])
    assert code(error) == 3001
    cursor = connection.cursor()
    cursor.setinputsizes(oracledb.DB_TYPE_JSON)
    with pytest.raises(oracledb.DatabaseError, match="JSON") as error:
        cursor.execute("select :1, :2 from echo", [{"a": 1}, "after"])
    assert code(error) == 3001
    with pytest.raises(oracledb.DatabaseError, match="cursors"):
        connection.cursor().execute("begin p(:1); end;", [connection.cursor()])
    with pytest.raises(oracledb.DatabaseError, match="scrollable"):
        connection.cursor(scrollable=True).execute(ONE)
    with pytest.raises(oracledb.DatabaseError, match="distributed"):
        connection.tpc_begin(connection.xid(1, "a", "b"))
    assert connection.cursor().execute(ONE).fetchone() == (1,)


def test_a_defect_of_the_engine_is_an_internal_error(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    engine.table("select wrong from t", [ColumnInfo("X", TypeNumber.DATE)], [("not a date",)])
    with pytest.raises(oracledb.DatabaseError) as error:
        connection.cursor().execute("select wrong from t")
    assert code(error) == 600
    assert not connection.is_healthy()  # the driver takes an internal error for the end of the session


def test_a_client_that_breaks_its_own_request_off(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    """The driver finds out while it writes that a value has no Oracle form, and breaks the half written request off."""
    for value in (1e300, "after"):
        cursor = connection.cursor()
        if isinstance(value, float):
            with pytest.raises(oracledb.Error, match="DPY"):
                cursor.executemany("insert into log values (:1)", [(1,)] * 5000 + [(value,)])
        else:
            cursor.executemany("insert into log values (:1)", [(value,)])
    connection.commit()
    assert engine.committed == ["after"]


def test_pool(server: Server, engine: ScriptedEngine) -> None:
    pool = oracledb.create_pool(user="hr", password="hr_pw", dsn=server.dsn(), min=2, max=4, increment=1)
    for _ in range(3):
        connections = [pool.acquire() for _ in range(4)]
        for n, one in enumerate(connections):
            one.cursor().execute("insert into log values (:1)", [str(n)])
        for one in connections:
            one.close()
    pool.close()
    assert len(engine.sessions) == 4
    assert engine.committed == []


def test_asyncio(server: Server, engine: ScriptedEngine) -> None:
    engine.table("select n from t", [NUMBER, ColumnInfo("C", TypeNumber.CLOB)], [(Decimal(n), "x" * n) for n in range(500)])

    async def one(number: int) -> int:
        async with oracledb.connect_async(user="hr", password="hr_pw", dsn=server.dsn()) as connection:
            with pytest.raises(oracledb.DatabaseError, match="ORA-00942"):
                await connection.execute("select nothing")
            await connection.executemany("insert into log values (:1)", [(str(number),)] * 100)
            await connection.commit()
            rows = await connection.fetchall("select n from t", arraysize=30, fetch_lobs=False)
            assert [len(text or "") for _, text in rows] == list(range(500))
            return len(rows)

    async def several() -> list[int]:
        return await asyncio.gather(*(one(n) for n in range(5)))

    assert asyncio.run(several()) == [500] * 5
    assert len(engine.committed) == 500


def test_pipeline(server: Server, engine: ScriptedEngine) -> None:
    async def run() -> list[oracledb.PipelineOpResult]:
        async with oracledb.connect_async(user="hr", password="hr_pw", dsn=server.dsn()) as connection:
            pipeline = oracledb.create_pipeline()
            pipeline.add_fetchall(ONE)
            pipeline.add_fetchall("select nothing")
            pipeline.add_executemany("insert into log values (:1)", [("a",), ("b",)])
            pipeline.add_commit()
            found: list[oracledb.PipelineOpResult] = await connection.run_pipeline(pipeline, continue_on_error=True)
            return found

    results = asyncio.run(run())
    assert results[0].rows == [(1,)]
    assert results[1].error is not None
    assert results[1].error.code == 942
    assert engine.committed == ["a", "b"]
