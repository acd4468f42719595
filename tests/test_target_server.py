"""The target databases of tests on a server that is named: an embedded PostgreSQL here, reached as a YugabyteDB would be."""

from __future__ import annotations

import psycopg
import pytest

from tests.conftest import create_database, drop_database
from tests.target_server import DSN, NamedServer, target_server
from voyager_ops.databases.postgres.database import PostgresDatabase
from voyager_ops.model.positions import Side
from voyager_ops.testing.postgres import Cluster


def names(cluster: Cluster) -> tuple[set[str], set[str]]:
    """Databases and roles."""
    with psycopg.connect(cluster.dsn()) as connection:
        databases = connection.execute("SELECT datname FROM pg_database").fetchall()
        roles = connection.execute("SELECT rolname FROM pg_roles").fetchall()
    return {str(name) for (name,) in databases}, {str(name) for (name,) in roles}


def test_an_embedded_one_unless_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DSN, raising=False)
    with target_server("target") as server:
        assert not isinstance(server, NamedServer)
        assert create_database(server).configured.startswith("postgresql:")


@pytest.mark.parametrize("scheme", ["postgresql", "yugabytedb"])
def test_databases_and_roles_are_made_there_and_dropped(
    source_cluster: Cluster, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    before = names(source_cluster)
    monkeypatch.setenv(DSN, source_cluster.dsn().replace("postgresql:", f"{scheme}:"))
    with target_server("target") as server:
        database = create_database(server)
        assert database.name in names(source_cluster)[0] - before[0]
        server.create_user("its_owner")
        server.create_user("dropped_by_the_test")
        with database.connect() as connection:
            connection.execute(
                f'ALTER DATABASE "{database.name}" OWNER TO its_owner; CREATE TABLE t (); ALTER TABLE t OWNER TO its_owner'
            )
        with psycopg.connect(server.dsn(database.name, "its_owner")) as connection:
            assert connection.execute("SELECT current_user, current_database()").fetchall() == [("its_owner", database.name)]
        product = PostgresDatabase.from_url(database.configured, side=Side.TARGET, migration="m")
        assert product.kind == scheme
        product.connect("test").close()
        for reach in (server.stop, server.restart, lambda: server.data):
            with pytest.raises(pytest.skip.Exception, match="server of its own"):
                reach()
        drop_database(database)
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute("DROP ROLE dropped_by_the_test")
    assert names(source_cluster) == before


def test_one_that_does_not_answer_or_refuses_us_fails_every_test(
    source_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in ("yugabytedb://me:s3cret@127.0.0.1:9/x", source_cluster.dsn(password="s3cret")):
        monkeypatch.setenv(DSN, url)
        with pytest.raises(pytest.fail.Exception, match="does not answer") as failed, target_server("target"):
            pass
        assert "s3cret" not in str(failed.value)
