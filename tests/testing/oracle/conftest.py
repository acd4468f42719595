"""The wire under test: both profiles, a scripted engine, the real driver."""

from __future__ import annotations

from collections.abc import Iterator

import oracledb
import pytest

from tests.testing.oracle.scripted import ScriptedEngine
from voyager_ops.testing.oracle.server import Server

VERSIONS = {"19c": (19, 24, 0, 0, 0), "23ai": (23, 9, 0, 25, 7)}


@pytest.fixture(params=["19c", "23ai"])
def profile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def engine(profile: str) -> ScriptedEngine:
    return ScriptedEngine(VERSIONS[profile])


@pytest.fixture
def server(engine: ScriptedEngine, profile: str) -> Iterator[Server]:
    with Server(engine, profile=profile) as server:
        yield server
    assert server.connections == 0


@pytest.fixture
def connection(server: Server) -> Iterator[oracledb.Connection]:
    with oracledb.connect(user="hr", password="hr_pw", dsn=server.dsn()) as connection:
        yield connection
