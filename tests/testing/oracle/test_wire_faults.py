"""Faults on order, and clients that die: what the client sees, what the database keeps, what the server frees."""

from __future__ import annotations

import contextlib
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import oracledb
import pytest

from tests.testing.oracle.scripted import ScriptedEngine
from voyager_ops.testing.oracle.engine import Result
from voyager_ops.testing.oracle.server import Server
from voyager_ops.testing.oracle.wire_faults import CallKind

ONE = "select 1 from dual"
INSERT = "insert into log values (:1)"


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def gone(error: pytest.ExceptionInfo[oracledb.Error]) -> bool:
    return str(error.value.args[0].full_code) == "DPY-4011"


def test_lost_reply_to_a_commit(server: Server, connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    order = server.faults.lose_commit_reply(at_commit=2)
    connection.cursor().execute(INSERT, ["first"])
    connection.commit()
    connection.cursor().execute(INSERT, ["second"])
    with pytest.raises(oracledb.DatabaseError) as error:
        connection.commit()
    assert gone(error)
    assert order.fired == 1
    assert engine.committed == ["first", "second"]
    assert not connection.is_healthy()
    with oracledb.connect(user="hr", password="hr_pw", dsn=server.dsn()) as again:
        again.cursor().execute(INSERT, ["third"])
        again.commit()
    assert engine.committed == ["first", "second", "third"]


def test_lost_reply_to_autocommit_and_to_the_statement(server: Server, engine: ScriptedEngine) -> None:
    def commit(session: object, binds: object, rows: object) -> Result:
        engine.sessions[-1].commit()
        return Result()

    engine.scripts["commit"] = commit
    for autocommit in (True, False):
        connection = oracledb.connect(user="hr", password="hr_pw", dsn=server.dsn())
        connection.autocommit = autocommit
        if not autocommit:
            connection.cursor().execute(INSERT, ["x"])
        server.faults.lose_commit_reply()
        statement, binds = (INSERT, ["x"]) if autocommit else ("commit", [])
        with pytest.raises(oracledb.DatabaseError) as error:
            connection.cursor().execute(statement, binds)
        assert gone(error)
    assert engine.committed == ["x", "x"]


def test_dropped_connection(server: Server, connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    order = server.faults.drop_connection(at_call=3, kinds=[CallKind.EXECUTE])
    cursor = connection.cursor()
    cursor.execute(INSERT, ["a"])
    connection.ping()
    cursor.execute(INSERT, ["b"])
    with pytest.raises(oracledb.DatabaseError) as error:
        cursor.execute(INSERT, ["c"])
    assert gone(error)
    assert order.fired == 1
    wait_for(lambda: engine.sessions[-1].closed)
    assert engine.committed == []


def test_dropped_logon(server: Server) -> None:
    server.faults.drop_connection(kinds=[CallKind.LOGON], user="hr")
    with pytest.raises(oracledb.DatabaseError):
        oracledb.connect(user="hr", password="hr_pw", dsn=server.dsn())
    oracledb.connect(user="hr", password="hr_pw", dsn=server.dsn()).close()


def test_injected_errors(server: Server, connection: oracledb.Connection) -> None:
    order = server.faults.raise_error(1555, matching=r"from\s+DUAL", message="snapshot too old", at_call=2, times=2)
    cursor = connection.cursor()
    assert cursor.execute(ONE).fetchone() == (1,)
    for _ in range(2):
        with pytest.raises(oracledb.DatabaseError, match="ORA-01555: snapshot too old"):
            cursor.execute(ONE)
    assert order.fired == 2
    assert cursor.execute(ONE).fetchone() == (1,)
    server.faults.raise_error(3113, times=None)
    with pytest.raises(oracledb.DatabaseError, match="ORA-03113"):
        cursor.execute(ONE)
    server.faults.clear()
    with oracledb.connect(user="hr", password="hr_pw", dsn=server.dsn()) as again:
        assert again.cursor().execute(ONE).fetchone() == (1,)


def test_stall(server: Server, connection: oracledb.Connection) -> None:
    server.faults.stall(0.3, matching="dual")
    before = time.monotonic()
    assert connection.cursor().execute(ONE).fetchone() == (1,)
    assert time.monotonic() - before >= 0.3
    order = server.faults.stall(60)

    def release() -> None:
        order.wait()
        server.faults.clear()

    thread = threading.Thread(target=release)
    thread.start()
    assert connection.cursor().execute(ONE).fetchone() == (1,)
    thread.join()
    server.faults.stall(60)
    connection.call_timeout = 200
    with pytest.raises(oracledb.DatabaseError, match="DPY-4024"):
        connection.cursor().execute(ONE)
    assert connection.cursor().execute(ONE).fetchone() == (1,)


def test_cancel(connection: oracledb.Connection, engine: ScriptedEngine) -> None:
    for _ in range(3):
        timer = threading.Timer(0.2, connection.cancel)
        timer.start()
        with pytest.raises(oracledb.DatabaseError, match="ORA-01013"):
            connection.cursor().execute("select wait from dual")
        timer.join()
        assert connection.cursor().execute(ONE).fetchone() == (1,)


def test_timeouts(connection: oracledb.Connection) -> None:
    connection.call_timeout = 150
    for _ in range(3):
        with pytest.raises(oracledb.DatabaseError, match="DPY-4024"):
            connection.cursor().execute("select wait from dual")
        assert connection.cursor().execute(ONE).fetchone() == (1,)


CLIENT = """
import sys, oracledb
connection = oracledb.connect(user="hr", password="hr_pw", dsn=sys.argv[1])
connection.cursor().execute("insert into log values (:1)", ["lost"])
print("ready", flush=True)
connection.cursor().execute(sys.argv[2])
sys.stdin.read()
"""


@pytest.mark.parametrize("statement", [ONE, "select wait from dual"])
def test_a_killed_client_is_rolled_back(server: Server, engine: ScriptedEngine, statement: str) -> None:
    command = [sys.executable, "-c", CLIENT, server.dsn(), statement]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == b"ready\n"
        assert server.connections == 1
        assert engine.sessions[-1].pending == ["lost"]
        client.kill()
        client.wait()
    wait_for(lambda: server.connections == 0)
    assert engine.sessions[-1].closed
    assert engine.committed == []


def test_drop_all(server: Server, engine: ScriptedEngine) -> None:
    connections = [oracledb.connect(user="hr", password="hr_pw", dsn=server.dsn()) for _ in range(5)]
    assert server.drop_connections("nobody") == 0
    assert server.drop_connections("HR") == 5
    for connection in connections:
        with pytest.raises(oracledb.Error):
            connection.ping()
    wait_for(lambda: server.connections == 0)
    assert all(session.closed for session in engine.sessions)


def test_many_connections_leave_nothing(engine: ScriptedEngine, profile: str) -> None:
    before = threading.active_count()
    with Server(engine, profile=profile) as server:
        connections = [oracledb.connect(user="hr", password="hr_pw", dsn=server.dsn()) for _ in range(60)]
        for connection in connections:
            assert connection.cursor().execute(ONE).fetchone() == (1,)
        for connection in connections[::2]:
            connection.close()
        wait_for(lambda: server.connections == 30)
    assert threading.active_count() == before
    assert all(session.closed for session in engine.sessions)
    with pytest.raises(oracledb.Error):
        connections[1].ping()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), 1)


def test_closing_ends_what_runs(engine: ScriptedEngine, profile: str) -> None:
    server = Server(engine, profile=profile).start()
    connection = oracledb.connect(user="hr", password="hr_pw", dsn=server.dsn())
    failed: list[oracledb.Error] = []

    def run() -> None:
        try:
            connection.cursor().execute("select wait from dual")
        except oracledb.Error as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    wait_for(lambda: bool(engine.sessions and engine.sessions[-1].executed))
    before = time.monotonic()
    server.close()
    server.close()
    thread.join()
    assert time.monotonic() - before < 5
    assert failed
    assert engine.sessions[-1].closed


def test_a_storm(engine: ScriptedEngine, profile: str) -> None:
    """Many clients, faults at random: whoever was told of a commit finds it, and nothing is left behind."""
    threads_before = threading.active_count()
    told: set[str] = set()
    end = time.monotonic() + 2

    def client(seed: int) -> None:
        chance = random.Random(seed)
        count = 0
        while time.monotonic() < end:
            with contextlib.suppress(oracledb.Error):
                connection = oracledb.connect(user="hr", password="hr_pw", dsn=server.dsn())
                connection.call_timeout = 500
                while time.monotonic() < end:
                    count += 1
                    value = f"{seed}-{count}"
                    connection.cursor().execute(INSERT, [value])
                    if chance.random() < 0.1:
                        connection.cursor().execute(ONE).fetchall()
                    connection.commit()
                    told.add(value)

    with Server(engine, profile=profile) as server:
        clients = [threading.Thread(target=client, args=(seed,)) for seed in range(6)]
        for one in clients:
            one.start()
        chance = random.Random(1)
        while time.monotonic() < end:
            at = chance.randint(1, 15)
            match chance.randrange(5):
                case 0:
                    server.faults.drop_connection(at_call=at)
                case 1:
                    server.faults.lose_commit_reply(at_commit=at)
                case 2:
                    server.faults.raise_error(12571, at_call=at)
                case 3:
                    server.faults.stall(0.7, at_call=at)
                case _:
                    server.drop_connections()
            time.sleep(0.02)
        for one in clients:
            one.join()
    assert len(told) > 50
    committed = [str(value) for value in engine.committed]
    assert len(committed) == len(set(committed))
    assert told <= set(committed)
    assert all(session.closed for session in engine.sessions)
    wait_for(lambda: threading.active_count() == threads_before)


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.1\r\n\r\n", b"", b"\x00\x08\x00\x00\x06\x00\x00\x00", b"\x00\x3a\x00\x00\x01" + bytes(53)]
)
def test_strangers(server: Server, garbage: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as stranger:
        stranger.sendall(garbage)
        stranger.shutdown(socket.SHUT_WR)
        stranger.settimeout(10)
        while stranger.recv(100):
            continue
    wait_for(lambda: server.connections == 0)
    oracledb.connect(user="hr", password="hr_pw", dsn=server.dsn()).close()
