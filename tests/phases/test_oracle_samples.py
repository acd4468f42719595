"""The twin's samples of every type through the phases: snapshot, changes under way, two comparisons of both sides."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.oracle_kit import OWNER, USER, ShopOracle, migrations, shop_oracle
from tests.phases.test_whole import streaming, wait
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Lane
from voyager_ops.phases import export_data, export_schema, import_schema, preflight, status, verify
from voyager_ops.testing.postgres import Cluster
from voyager_ops.testing.twin import load_samples
from voyager_ops.testing.twin.compare import twin_digests
from voyager_ops.testing.twin.samples import SAMPLES, change_sample, delete_sample, insert_sample
from voyager_ops.testing.twin.sessions import open_session

ROUNDS = 150
CONFIG = "changes: {{heartbeat: 300ms, capture: {capture}}}\ncutover: {{prepare_for_fall_back: false}}\n"


@pytest.fixture(params=["19c", "23ai"])
def oracle(source_cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[ShopOracle]:
    with shop_oracle(source_cluster, request.param) as made:
        made.admin(f"GRANT CREATE SEQUENCE, CREATE ANY TRIGGER TO {USER}")  # what capture by triggers takes besides
        load_samples(made.source.url(OWNER), 0.01)
        yield made


@pytest.fixture
def make(oracle: ShopOracle, target_db: Database, tmp_path: Path) -> Iterator[Callable[[str], Migration]]:
    with migrations(oracle, target_db, tmp_path) as build:
        yield lambda capture: build(CONFIG.format(capture=capture))


@pytest.mark.parametrize("capture", ["logminer", "triggers"])
def test_every_type(oracle: ShopOracle, make: Callable[[str], Migration], target_db: Database, capture: str) -> None:
    migration = make(capture)
    assert preflight.run(migration).errors == 0
    export_schema.run(migration)
    import_schema.run(migration, "base")
    export_data.prepare(migration)
    rng = random.Random(5)
    application = open_session(oracle.source.url(OWNER))
    changed = 0
    with streaming(lambda: make(capture)) as streams:
        streams.start(Lane.FORWARD)
        wait("the seam", lambda: status.seam_passed(migration) or bool(streams.results))
        for action, times in ((insert_sample, ROUNDS), (change_sample, ROUNDS), (delete_sample, ROUNDS // 3)):
            for _ in range(times):
                changed += action(application, rng)
            application.commit()
        assert verify.run(migration).equal
        assert not streams.results
    there = {table for table in SAMPLES if application.has(table)}
    application.close()
    assert changed > 2 * ROUNDS
    digests = twin_digests(oracle.source.url(OWNER), target_db.url)
    assert {table: pair for table, pair in digests.items() if pair[0] != pair[1]} == {}
    assert digests.keys() == there
