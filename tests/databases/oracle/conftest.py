"""An Oracle database (simulated, or real: tests/oracle_source.py) for tests of capture, made anew for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.databases.oracle.capture_kit import USERS, Oracle
from tests.oracle_source import oracle_source
from voyager_ops.testing.oracle.redo import RedoSettings
from voyager_ops.testing.postgres import Cluster


@pytest.fixture
def oracle_profile() -> str:
    """The form of the simulated database that :func:`oracle` makes; a test that wants another parametrizes it."""
    return "19c"


@pytest.fixture
def oracle(source_cluster: Cluster, oracle_profile: str, request: pytest.FixtureRequest) -> Iterator[Oracle]:
    """With users HR (the tables' owner) and MIG (the migration's), ARCHIVELOG and minimal supplemental logging.

    Parameter: the redo's settings, which only the simulator has.
    """
    settings: RedoSettings | None = getattr(request, "param", None)
    with oracle_source(source_cluster, USERS, profile=oracle_profile, settings=settings) as source:
        if not source.simulated and oracle_profile != "19c":
            pytest.skip("a real Oracle has one form: once is enough")
        made = Oracle(source)
        try:
            yield made
        finally:
            made.close()
