"""An Oracle database (simulated, or real: tests/oracle_source.py) for tests of capture, made anew for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.databases.oracle.capture_kit import USERS, Oracle
from tests.oracle_source import oracle_source
from voyager_ops.testing.oracle.redo import RedoSettings
from voyager_ops.testing.postgres import Cluster


@pytest.fixture
def oracle(source_cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Oracle]:
    """With users HR (the tables' owner) and MIG (the migration's), ARCHIVELOG and minimal supplemental logging.

    Parameter: the redo's settings, which only the simulator has.
    """
    settings: RedoSettings | None = getattr(request, "param", None)
    with oracle_source(source_cluster, USERS, settings=settings) as source:
        made = Oracle(source)
        try:
            yield made
        finally:
            made.close()
