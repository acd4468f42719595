"""The whole simulator: the real driver, the wire, the SQL engine, PostgreSQL."""

from __future__ import annotations

import datetime as dt
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import oracledb
import pyarrow as pa
import pytest

from voyager_ops.errors import PreconditionError
from voyager_ops.testing.oracle.simulator import Simulator
from voyager_ops.testing.oracle.wire_faults import CallKind
from voyager_ops.testing.postgres import Cluster

ALL_TYPES = """CREATE TABLE all_types (
    id NUMBER(10) PRIMARY KEY, n NUMBER, money NUMBER(12,2), v VARCHAR2(40 CHAR) NOT NULL, nv NVARCHAR2(20), c CHAR(5),
    d DATE, ts TIMESTAMP(9), tz TIMESTAMP(6) WITH TIME ZONE, lz TIMESTAMP(6) WITH LOCAL TIME ZONE,
    cl CLOB, ncl NCLOB, bl BLOB, r RAW(16), bf BINARY_FLOAT, bd BINARY_DOUBLE,
    ds INTERVAL DAY(9) TO SECOND(6), ym INTERVAL YEAR(9) TO MONTH)"""
ROW = (
    1,
    Decimal("12345678901234567890.123"),
    Decimal("-1.50"),
    "héllo 𝄞",
    "ünï",
    "ab   ",
    dt.datetime(2024, 2, 29, 13, 14, 15),
    dt.datetime(2024, 2, 29, 13, 14, 15, 123456),
    dt.datetime(2024, 1, 1),
    dt.datetime(2024, 1, 1, 12),
    "clob 𝄞" * 20_000,
    "nclob" * 10_000,
    bytes(range(256)) * 400,
    b"\xde\xad",
    1.5,
    1e300,
    dt.timedelta(days=-3, hours=4, microseconds=7),
    oracledb.IntervalYM(-2, -3),
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster("oracle-simulator", settings={"max_connections": "200", "max_locks_per_transaction": "256"}) as cluster:
        yield cluster


@pytest.fixture(scope="module", params=["19c", "23ai"])
def simulator(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[Simulator]:
    with Simulator({"hr": "secret", "sales": ""}, profile=request.param, cluster=cluster) as simulator:
        yield simulator


@pytest.fixture
def table(simulator: Simulator) -> Iterator[str]:
    simulator.execute("CREATE TABLE t (id NUMBER(10) PRIMARY KEY, name VARCHAR2(40))", user="hr")
    yield "t"  # sessions end before it is dropped: an open transaction would keep its lock
    simulator.execute("DROP TABLE t PURGE", user="hr")


@pytest.fixture
def connection(simulator: Simulator, table: str) -> Iterator[oracledb.Connection]:
    with simulator.connect("hr") as connection:
        yield connection


def test_every_type(simulator: Simulator, connection: oracledb.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oracledb.defaults, "fetch_decimals", True)
    cursor = connection.cursor()
    cursor.execute(ALL_TYPES)
    kinds = (
        [None] * 7 + [oracledb.DB_TYPE_TIMESTAMP] + [None] * 6 + [oracledb.DB_TYPE_BINARY_FLOAT, oracledb.DB_TYPE_BINARY_DOUBLE]
    )
    cursor.setinputsizes(*kinds, None, None)  # by itself the driver binds a datetime as DATE, a float as NUMBER
    placeholders = ", ".join(f":{n + 1}" for n in range(len(ROW)))
    cursor.execute(f"INSERT INTO all_types VALUES ({placeholders})", ROW)
    connection.commit()
    for _ in range(2):
        cursor.execute("SELECT * FROM all_types", fetch_lobs=False)
        assert cursor.fetchall() == [ROW]
    cursor = connection.cursor()
    cursor.parse("SELECT * FROM all_types t")
    found = {item.name: item.type_code for item in cursor.description or ()}
    assert found["NV"] is oracledb.DB_TYPE_NVARCHAR
    assert found["NCL"] is oracledb.DB_TYPE_NCLOB
    assert found["TZ"] is oracledb.DB_TYPE_TIMESTAMP_TZ
    assert found["BF"] is oracledb.DB_TYPE_BINARY_FLOAT
    simulator.execute("DROP TABLE all_types PURGE", user="hr")


def test_transactions(simulator: Simulator, connection: oracledb.Connection, table: str) -> None:
    cursor = connection.cursor()
    cursor.executemany("INSERT INTO t VALUES (:1, :2)", [(n, f"name {n}") for n in range(1000)])
    assert connection.transaction_in_progress
    with simulator.connect("hr") as other:
        assert other.cursor().execute("SELECT COUNT(*) FROM t").fetchone() == (0,)
        connection.commit()
        assert other.cursor().execute("SELECT COUNT(*) FROM t").fetchone() == (1000,)
    cursor.execute("DELETE FROM t WHERE id >= :limit", limit=10)
    assert cursor.rowcount == 990
    connection.rollback()
    table_read = pa.concat_tables([pa.table(part) for part in connection.fetch_df_batches("SELECT id, name FROM t", size=300)])
    assert table_read.num_rows == 1000


def test_long_binds_of_long_columns(connection: oracledb.Connection) -> None:
    with connection.cursor() as cursor:
        for kind, value, wire in (
            ("LONG RAW", b"\0ab" * 20_000, oracledb.DB_TYPE_LONG_RAW),
            ("LONG", "xyz" * 20_000, oracledb.DB_TYPE_LONG),
        ):
            cursor.execute(f"CREATE TABLE OLD_{kind[-3:]} (ID NUMBER, V {kind})")
            for number, size in enumerate((None, wire)):
                cursor.setinputsizes(None, size)
                cursor.execute(f"INSERT INTO OLD_{kind[-3:]} VALUES (:1, :2)", [number, value])
            assert cursor.execute(f"SELECT V FROM OLD_{kind[-3:]}").fetchall() == [(value,), (value,)]
            cursor.execute(f"CREATE TABLE NEW_{kind[-3:]} AS SELECT ID, TO_LOB(V) AS V FROM OLD_{kind[-3:]}")
            assert cursor.execute(f"SELECT DBMS_LOB.GETLENGTH(V) FROM NEW_{kind[-3:]}").fetchall() == [(60_000,), (60_000,)]


def test_batch_errors_and_returning(connection: oracledb.Connection, table: str) -> None:
    cursor = connection.cursor()
    rows = [(1, "a"), (1, "again"), (2, "x" * 41), (3, "c")]
    cursor.executemany("INSERT INTO t VALUES (:1, :2)", rows, batcherrors=True, arraydmlrowcounts=True)
    assert [(error.offset, error.code) for error in cursor.getbatcherrors()] == [(1, 1), (2, 12899)]
    assert cursor.getarraydmlrowcounts() == [1, 0, 0, 1]
    name = cursor.var(str)
    cursor.execute("UPDATE t SET name = UPPER(name) RETURNING name INTO :name", name=name)
    assert sorted(name.getvalue()) == ["A", "C"]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [("SELECT * FROM nothing", 942), ("SELECT nothing FROM t", 904), ("INSERT INTO t VALUES (NULL, 'x')", 1400)],
)
def test_errors(connection: oracledb.Connection, table: str, statement: str, expected: int) -> None:
    with pytest.raises(oracledb.DatabaseError) as error:
        connection.cursor().execute(statement)
    assert error.value.args[0].code == expected
    assert connection.cursor().execute("SELECT 1 FROM dual").fetchone() == (1,)


def test_lost_commit(simulator: Simulator, connection: oracledb.Connection, table: str) -> None:
    connection.cursor().execute("INSERT INTO t VALUES (1, 'x')")
    simulator.wire_faults.lose_commit_reply(user="hr")
    with pytest.raises(oracledb.DatabaseError, match="DPY-4011"):
        connection.commit()
    with simulator.connect("hr") as again:
        assert again.cursor().execute("SELECT COUNT(*) FROM t").fetchone() == (1,)


def test_a_lost_connection_is_rolled_back(simulator: Simulator, connection: oracledb.Connection, table: str) -> None:
    connection.cursor().execute("INSERT INTO t VALUES (1, 'x')")
    simulator.wire_faults.drop_connection(kinds=[CallKind.COMMIT], user="hr")
    with pytest.raises(oracledb.DatabaseError, match="DPY-4011"):
        connection.commit()
    with simulator.connect("hr") as again:
        assert again.cursor().execute("SELECT COUNT(*) FROM t").fetchone() == (0,)
        again.cursor().execute("INSERT INTO t VALUES (1, 'mine')")  # its row lock is gone too


def test_a_waiting_statement_is_cancelled(simulator: Simulator, connection: oracledb.Connection, table: str) -> None:
    connection.cursor().execute("INSERT INTO t VALUES (1, 'x')")
    with simulator.connect("hr") as other:
        other.call_timeout = 300
        with pytest.raises(oracledb.DatabaseError, match="DPY-4024"):
            other.cursor().execute("INSERT INTO t VALUES (1, 'waits')")
        timer = threading.Timer(0.3, other.cancel)
        other.call_timeout = 0
        timer.start()
        with pytest.raises(oracledb.DatabaseError, match="ORA-01013"):
            other.cursor().execute("INSERT INTO t VALUES (1, 'waits')")
        timer.join()
        assert other.cursor().execute("SELECT COUNT(*) FROM t").fetchone() == (0,)


CLIENT = """
import sys, oracledb
connection = oracledb.connect(user="hr", password="secret", dsn=sys.argv[1])
connection.cursor().execute("INSERT INTO t VALUES (2, 'mine')")
print("ready", flush=True)
connection.cursor().execute("INSERT INTO t VALUES (1, 'waits for ever')")
"""


def test_a_killed_client_that_waits_is_rolled_back(simulator: Simulator, connection: oracledb.Connection, table: str) -> None:
    connection.cursor().execute("INSERT INTO t VALUES (1, 'x')")
    before = simulator.server.connections
    with subprocess.Popen([sys.executable, "-c", CLIENT, simulator.dsn], stdout=subprocess.PIPE) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == b"ready\n"
        client.kill()
    deadline = time.monotonic() + 10
    while simulator.server.connections > before:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    connection.cursor().execute("INSERT INTO t VALUES (2, 'free again')")


def test_flashback(simulator: Simulator, connection: oracledb.Connection, table: str) -> None:
    cursor = connection.cursor()
    cursor.execute("INSERT INTO t VALUES (1, 'x')")
    connection.commit()
    with pytest.raises(oracledb.DatabaseError, match="ORA-00942"):  # who has no right to see a view is told there is none
        connection.cursor().execute("SELECT current_scn FROM v$database")
    with simulator.connect() as dba:
        (scn,) = dba.cursor().execute("SELECT current_scn FROM v$database").fetchone()
    cursor.execute("DELETE FROM t")
    connection.commit()
    assert connection.cursor().execute("SELECT COUNT(*) FROM t").fetchone() == (0,)
    assert connection.cursor().execute("SELECT id, name FROM t AS OF SCN :scn", scn=scn).fetchall() == [(1, "x")]
    assert connection.cursor().execute("SELECT name FROM t AS OF SCN :scn + 2 - 2 x ORDER BY x.id", scn=scn).fetchall() == [
        ("x",)
    ]
    for moment in ("SYSTIMESTAMP - INTERVAL '1' HOUR", "SYSDATE - 1 / 24", "(SYSTIMESTAMP - NUMTODSINTERVAL(1, 'HOUR')) x"):
        with pytest.raises(oracledb.DatabaseError, match="ORA-08180"):
            connection.cursor().execute(f"SELECT * FROM t AS OF TIMESTAMP {moment}")


def test_passwords_and_url(simulator: Simulator) -> None:
    assert simulator.password("HR") == "secret"
    assert len(simulator.password("sales")) >= 12
    assert simulator.url("hr") == f"oracle://hr:secret@127.0.0.1:{simulator.port}/FREEPDB1"
    simulator.connect().close()
    simulator.connect(root=True).close()
    with pytest.raises(oracledb.DatabaseError, match="ORA-01017"):
        oracledb.connect(user="hr", password="wrong", dsn=simulator.dsn)


def test_wrong_use() -> None:
    with pytest.raises(PreconditionError, match="profile"):
        Simulator(profile="11g")


SCRIPT = """
CREATE TABLE hr.made (id NUMBER(10) PRIMARY KEY);
/
INSERT INTO hr.made VALUES (7)
/
CREATE OR REPLACE TRIGGER hr.made_trigger BEFORE INSERT ON hr.made FOR EACH ROW
BEGIN
  :NEW.id := :NEW.id / 1;
END;
/
"""


def test_program(tmp_path: Path) -> None:
    script = tmp_path / "made.sql"
    script.write_text(SCRIPT, encoding="utf-8")
    command = [sys.executable, "-m", "voyager_ops.testing.cli", "oracle", "--profile", "23ai"]
    command += ["--user=hr:secret", "--user=other", f"--script={script}"]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert program.stdout is not None
        lines = [program.stdout.readline() for _ in range(2)]
        found = re.fullmatch(r"DSN +(\S+) .*\n", lines[1])
        assert found is not None, lines
        with oracledb.connect(user="hr", password="secret", dsn=found[1]) as connection:
            assert connection.version.startswith("23.")
            assert connection.cursor().execute("SELECT USER, id FROM made").fetchall() == [("HR", 7)]
            assert connection.cursor().execute("SELECT trigger_name FROM user_triggers").fetchall() == [("MADE_TRIGGER",)]
        program.send_signal(signal.SIGINT)
        rest = program.stdout.read()
        assert program.wait(30) == 0
    finally:
        program.kill()
        program.wait()
    assert "OTHER  password " in rest
    assert rest.endswith("Stopped.\n")
