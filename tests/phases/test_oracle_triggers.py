"""A whole migration from a simulated Oracle that gives no rights to LogMiner: changes captured by triggers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.oracle_kit import USER, ShopOracle, migrations, shop_oracle
from tests.phases.test_oracle import SCHEMA, Writer, fill
from tests.phases.test_whole import NO_BACKUP, streaming, wait
from voyager_ops.config_file import parse_config
from voyager_ops.errors import ConfigError
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Lane, Side
from voyager_ops.phases import cutover, end_migration, export_data, export_schema, import_schema, preflight, status, verify
from voyager_ops.testing.postgres import Cluster

CONFIG = (
    "changes: {heartbeat: 300ms, capture: triggers}\ntables: {exclude: [shop.plain]}\n"
    "cutover: {deadline: 60s, prepare_for_fall_back: false}\nsnapshot: {chunk_size: 64KB}\n"
)


@pytest.fixture
def oracle(source_cluster: Cluster) -> Iterator[ShopOracle]:
    with shop_oracle(source_cluster) as made:
        made.admin(
            f"REVOKE LOGMINING FROM {USER}",
            f"REVOKE SELECT ANY TRANSACTION FROM {USER}",
            f"REVOKE EXECUTE_CATALOG_ROLE FROM {USER}",
            f"REVOKE ALTER ANY TABLE FROM {USER}",
            f"REVOKE LOCK ANY TABLE FROM {USER}",
        )
        made.run(*SCHEMA)
        fill(made)
        yield made


@pytest.fixture
def make(oracle: ShopOracle, target_db: Database, tmp_path: Path) -> Iterator[Callable[..., Migration]]:
    with migrations(oracle, target_db, tmp_path) as build:
        yield lambda more=CONFIG: build(more)


def test_a_whole_migration_under_writes(oracle: ShopOracle, make: Callable[..., Migration]) -> None:
    migration = make()
    checks = preflight.run(migration, fail=False).checks
    missing = {check["id"]: check["mend"] for check in checks if check["severity"] == "error"}
    assert set(missing) == {"privilege_create_sequence", "privilege_create_any_trigger"}
    oracle.admin(*missing.values())
    assert preflight.run(migration).errors == 0
    export_schema.run(migration)
    import_schema.run(migration, "base")
    export_data.prepare(migration)
    writer = Writer(oracle)
    writer.start()
    try:
        with streaming(make) as streams:
            streams.start(Lane.FORWARD)
            wait("the seam", lambda: status.seam_passed(make()))
            import_schema.run(migration, "post")
            rounds = writer.rounds
            wait("writes", lambda: writer.rounds > rounds + 20)
            assert not any(isinstance(result, Exception) for result in streams.results.values()), streams.results
            assert verify.run(migration).equal
            writer.stop()
            wait("a caught up stream", lambda: status.lag(migration).events == 0)
            assert cutover.run(migration, Side.TARGET, by="test").status == "COMPLETED"
            assert not any(isinstance(result, Exception) for result in streams.results.values()), streams.results
    finally:
        writer.stop()
    assert writer.rounds > 20
    assert verify.run(migration).equal
    end_migration.run(migration, **NO_BACKUP)
    assert oracle.ours("SELECT OBJECT_NAME FROM ALL_OBJECTS WHERE OBJECT_NAME LIKE 'VOYAGER%'") == []
    oracle.run("INSERT INTO PARENT (ID) VALUES (999999)")


def test_postgresql_has_no_triggers_to_capture_by(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"changes(.|\n)*capture: triggers is for an Oracle source"):
        parse_config(
            f"name: shop\nexport_dir: {tmp_path}\nsource: {{url: 'postgresql://a@h/one', schemas: [s]}}\n"
            "target: {url: 'postgresql://a@h/two'}\nchanges: {capture: triggers}\n"
        )


def test_postgresql_behind_a_connection_is_not_captured_by_triggers(tmp_path: Path) -> None:
    """What the connection is shows only when it is looked up: an error then, rather than a setting that nobody obeys."""
    file = tmp_path / "m.yaml"
    file.write_text(
        "name: m\nexport_dir: out\nsource: {conn_id: there, schemas: [s]}\n"
        "target: {url: 'postgresql://a@h/two'}\nchanges:\n  capture: triggers\n"
    )
    migration = Migration.load(file, lambda _: "postgresql://a@h/one")
    with pytest.raises(ConfigError, match=r"m\.yaml(.|\n)*triggers is for an Oracle source") as raised:
        _ = migration.source
    assert raised.value.line == 6  # the line of capture
    assert Migration.load(file, lambda _: "oracle://a:b@h/one").source.kind == "oracle"
