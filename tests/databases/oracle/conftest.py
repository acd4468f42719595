"""A simulated Oracle for tests of capture: one database per test, on the source's cluster."""

from __future__ import annotations

from collections.abc import Iterator

import oracledb
import pytest

from tests.databases.oracle.capture_kit import Oracle
from voyager_ops.testing.oracle.redo import RedoSettings
from voyager_ops.testing.oracle.simulator import PRIVILEGES, Simulator
from voyager_ops.testing.postgres import Cluster


@pytest.fixture
def oracle(source_cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Oracle]:
    """With users HR (the tables' owner) and MIG (the migration's), ARCHIVELOG and minimal supplemental logging.

    Parameter: the redo's settings.
    """
    settings: RedoSettings | None = getattr(request, "param", None)
    users = {"HR": "hr_pw", "MIG": "mig_pw"}
    with Simulator(users, cluster=source_cluster, privileges=(*PRIVILEGES, "DBA"), settings=settings) as simulator:
        made = Oracle(simulator)
        with oracledb.connect(user="SYSTEM", password="oracle", dsn=made.dsn) as system, system.cursor() as cursor:
            cursor.execute("ALTER DATABASE ADD SUPPLEMENTAL LOG DATA")
        yield made
        made.close()
