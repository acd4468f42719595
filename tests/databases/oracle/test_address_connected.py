"""Every way to name an instance, connected: in a URL and in an Airflow connection. By TLS too, through a proxy that speaks it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lane.test_tls import certificate
from tests.oracle_source import OracleSource, oracle_source
from voyager_ops.databases.oracle.address import to_url
from voyager_ops.databases.oracle.database import OracleDatabase
from voyager_ops.errors import ConnectionFailed, PreconditionError
from voyager_ops.hooks.connection import resolve
from voyager_ops.model.positions import Side
from voyager_ops.testing.postgres import HOST, Cluster

USER, PASSWORD = "MIG", "p@ss/w:rd#1"


@pytest.fixture(scope="module")
def oracle(source_cluster: Cluster) -> Iterator[OracleSource]:
    with oracle_source(source_cluster, {USER: ()}, passwords={USER: PASSWORD}) as source:
        if not source.address.service or source.address.options:
            pytest.skip("needs an Oracle that is named as host:port/service, without more")
        yield source


def descriptor(host: str, port: int, place: str, protocol: str = "TCP") -> str:
    return f"(DESCRIPTION=(ADDRESS=(PROTOCOL={protocol})(HOST={host})(PORT={port}))(CONNECT_DATA=({place})))"


def connect(url: str) -> None:
    """Through our own class, and look that the session is ours, not just a socket."""
    database = OracleDatabase.from_url(url, side=Side.SOURCE, migration="m")
    with contextlib.closing(database.connect("test")) as connection, connection.cursor() as cursor:
        statement = "SELECT SYS_CONTEXT('USERENV', 'SESSION_USER'), SYS_CONTEXT('USERENV', 'MODULE') FROM DUAL"
        assert cursor.execute(statement).fetchall() == [(USER, "voyager-ops/m")]


def entered(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> str:
    """The URL of an Airflow connection of type oracle with ``fields``."""
    extra = {"extra": json.dumps(fields.pop("extra"))} if "extra" in fields else {}
    connection = {"conn_type": "oracle", "login": USER, "password": PASSWORD, **fields, **extra}
    monkeypatch.setenv("AIRFLOW_CONN_ORACLE_FROM_TEST", json.dumps(connection))
    return resolve("oracle_from_test")


@pytest.mark.parametrize("way", ["service", "sid", "alias", "alias of a SID", "descriptor", "Easy Connect"])
def test_each_way_connects(oracle: OracleSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    host, port, pdb = oracle.address.host, oracle.address.port, oracle.address.service
    name = oracle.simulator.engine.database_name if way.lower().endswith("sid") else ""  # a pluggable database has none
    by_service, by_sid = descriptor(host, port, f"SERVICE_NAME={pdb}"), descriptor(host, port, f"SID={name}")
    (tmp_path / "tnsnames.ora").write_text(f"# ours\nprod_high = {by_service}\nOLD.WORLD =\n  {by_sid}\n")
    tns = str(tmp_path)
    at: dict[str, Any] = {"host": host, "port": port}
    url: dict[str, Any]
    airflow: dict[str, Any]
    url, airflow = {
        "service": ({**at, "service": pdb}, {**at, "extra": {"service_name": pdb}}),
        "sid": ({**at, "parameters": {"sid": name}}, {**at, "extra": {"sid": name}}),
        "alias": ({"parameters": {"dsn": "prod_high", "config_dir": tns}}, {"host": "PROD_HIGH", "extra": {"config_dir": tns}}),
        "alias of a SID": (
            {"parameters": {"dsn": "old.world", "config_dir": tns}},
            {"extra": {"dsn": "old.world", "config_dir": tns}},
        ),
        "descriptor": ({"parameters": {"dsn": by_service}}, {"extra": {"dsn": by_service}}),
        "Easy Connect": ({"parameters": {"dsn": f"{host}:{port}/{pdb}"}}, {"host": f"{host}:{port}/{pdb}"}),
    }[way]
    connect(to_url(user=USER, password=PASSWORD, **url))
    connect(entered(monkeypatch, **airflow))


def test_every_session_sees_archived_rows_too(oracle: OracleSource) -> None:
    """Of a table with ROW ARCHIVAL a snapshot would lack them, and their changes would find no row."""
    order = oracle.simulator.wire_faults.raise_error(1031, matching="^ALTER SESSION SET ROW ARCHIVAL VISIBILITY = ALL$")
    with pytest.raises(PreconditionError, match="ORA-01031"):
        oracle.database(USER, "m").connect("snapshot")
    assert order.fired == 1
    order = oracle.simulator.wire_faults.raise_error(406, matching="^ALTER SESSION SET ROW ARCHIVAL VISIBILITY = ALL$")
    oracle.database(USER, "m").connect("snapshot").close()  # COMPATIBLE is of a time that had none
    assert order.fired == 1


def test_an_instance_that_is_not_there_is_named(oracle: OracleSource, tmp_path: Path) -> None:
    host, port = oracle.address.host, oracle.address.port
    at: dict[str, Any] = {"host": host, "port": port}
    (tmp_path / "tnsnames.ora").write_text("prod = (DESCRIPTION=)\n")
    wrong: list[tuple[dict[str, Any], str]] = [
        ({**at, "service": "NOWHERE"}, rf"{host}:{port}/NOWHERE.*(DPY-6001|ORA-12514)"),
        ({**at, "parameters": {"sid": "NOWHERE"}}, rf"{host}:{port}:NOWHERE.*(DPY-6003|ORA-12505)"),
        ({"parameters": {"dsn": "absent", "config_dir": str(tmp_path)}}, "absent.*DPY-4000"),
    ]
    for url, message in wrong:
        with pytest.raises((ConnectionFailed, PreconditionError), match=message) as raised:
            connect(to_url(user=USER, password=PASSWORD, **url))
        assert PASSWORD not in str(raised.value)


@contextlib.contextmanager
def tls_before(address: tuple[str, int], certificate_and_key: Path) -> Iterator[int]:
    """A port on which TLS is spoken, and what comes out of it goes to ``address``: a TCPS listener."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_and_key)

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inside, outside = await asyncio.open_connection(*address)
        await asyncio.gather(copy(reader, outside), copy(inside, writer))

    async def end() -> None:
        server.close()
        served = asyncio.all_tasks() - {asyncio.current_task()}
        if served:  # the client has closed every connection
            await asyncio.wait(served, timeout=20)

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        server = asyncio.run_coroutine_threadsafe(asyncio.start_server(serve, HOST, 0, ssl=context), loop).result(30)
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


def test_tls_with_a_wallet(oracle: OracleSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, others = tmp_path / "ours", tmp_path / "others"
    for directory in (ours, others):
        directory.mkdir()
        pem, secret = certificate(directory)
        (directory / "server.pem").write_bytes(pem + secret)
        (directory / "ewallet.pem").write_bytes(pem)
    pdb = oracle.address.service
    with tls_before((oracle.address.host, oracle.address.port), ours / "server.pem") as port:
        at: dict[str, Any] = {"host": HOST, "port": port}
        wallet = {"wallet_location": str(ours), "ssl_server_dn_match": "true", "ssl_server_cert_dn": "CN=voyager-ops test"}
        by_url = to_url(user=USER, password=PASSWORD, **at, service=pdb, parameters={"protocol": "tcps", **wallet})
        connect(by_url)
        dsn = descriptor(HOST, port, f"SERVICE_NAME={pdb}", "TCPS")
        connect(entered(monkeypatch, extra={"dsn": dsn, **wallet}))
        with pytest.raises(ConnectionFailed, match="CERTIFICATE_VERIFY_FAILED"):
            connect(entered(monkeypatch, extra={"dsn": dsn, **wallet, "wallet_location": str(others)}))
        with pytest.raises(ConnectionFailed, match="DPY-6002"):  # the name of the certificate is compared
            connect(by_url.replace("voyager-ops%20test", "another"))
