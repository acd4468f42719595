"""The wire under test: both profiles, a scripted engine, the real driver. And the SQL engine without the wire."""

from __future__ import annotations

from collections.abc import Iterator

import oracledb
import pytest

from tests.conftest import create_database, drop_database
from tests.testing.oracle.engine_kit import Session
from tests.testing.oracle.scripted import ScriptedEngine
from voyager_ops.testing.oracle.backend import PgEngine
from voyager_ops.testing.oracle.server import Server
from voyager_ops.testing.postgres import Cluster

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


@pytest.fixture(scope="module")
def sql_engine(source_cluster: Cluster) -> Iterator[PgEngine]:
    database = create_database(source_cluster)
    with PgEngine(database.url, users={"HR": "hr"}) as engine:
        engine.add_user("APP", "app", "DBA")
        yield engine
    drop_database(database)


@pytest.fixture
def app(sql_engine: PgEngine) -> Iterator[Session]:
    session = Session(sql_engine, "APP")
    yield session
    session.rollback()
    for kind in ("MATERIALIZED VIEW", "TABLE", "SEQUENCE", "VIEW"):
        for (name,) in session.sql("SELECT OBJECT_NAME FROM USER_OBJECTS WHERE OBJECT_TYPE = :1", kind):
            if not name.startswith("ISEQ$$"):
                session.sql(f'DROP {kind} "{name}"' + (" CASCADE CONSTRAINTS" if kind == "TABLE" else ""))
    session.close()
