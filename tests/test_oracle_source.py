"""The two ways to an Oracle database for tests. The "real" one is a simulated Oracle too, reached as a real one would be."""

from __future__ import annotations

from collections.abc import Iterator

import oracledb
import pytest

from tests import oracle_source as module
from tests.oracle_source import DSN, SYSDBA_DSN, RealOracle, oracle_source
from voyager_ops.testing.oracle.redo import RedoSettings
from voyager_ops.testing.oracle.simulator import PRIVILEGES, Simulator
from voyager_ops.testing.postgres import Cluster

USERS = {"HR": PRIVILEGES}


@pytest.fixture
def simulator(source_cluster: Cluster) -> Iterator[Simulator]:
    with Simulator(cluster=source_cluster) as simulator:
        simulator.execute("ALTER DATABASE ADD SUPPLEMENTAL LOG DATA")
        yield simulator


@pytest.fixture
def named(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """The environment names it."""
    monkeypatch.setenv(DSN, f"127.0.0.1:{simulator.port}/FREEPDB1")
    monkeypatch.setenv(SYSDBA_DSN, f"{simulator.url('SYS')}?mode=sysdba")
    return simulator


def users(simulator: Simulator) -> set[str]:
    with simulator.connect() as connection, connection.cursor() as cursor:
        return {name for (name,) in cursor.execute("SELECT USERNAME FROM DBA_USERS").fetchall()}


def roles(simulator: Simulator) -> set[str]:
    with simulator.connect() as connection, connection.cursor() as cursor:
        return {name for (name,) in cursor.execute("SELECT ROLE FROM DBA_ROLES").fetchall() if name.startswith(module.OURS)}


def test_simulated_unless_named(source_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DSN, raising=False)
    monkeypatch.delenv(SYSDBA_DSN, raising=False)
    with oracle_source(source_cluster, USERS) as source:
        assert source.simulated
        source.execute("CREATE TABLE T (ID NUMBER)", user="HR")
        source.switch_logs()
        assert source.database("HR", "m").user == "HR"
        assert source.simulator.redo is not None


def test_users_are_made_in_the_one_that_is_named_and_dropped(named: Simulator, source_cluster: Cluster) -> None:
    before = users(named)
    with oracle_source(source_cluster, USERS) as source:
        assert not source.simulated
        assert users(named) == before | {"HR"}
        source.execute("CREATE TABLE T (ID NUMBER)", "INSERT INTO T VALUES (1)", user="HR")
        source.administer("GRANT SELECT ON HR.T TO SYSTEM")
        source.switch_logs()
        with source.database("HR", "m").connect("test") as connection, connection.cursor() as cursor:
            assert cursor.execute("SELECT ID FROM T").fetchall() == [(1,)]
        with pytest.raises(pytest.skip.Exception, match="needs the simulator"):
            _ = source.simulator
        forgotten = source.connect("HR")
    assert users(named) == before
    assert roles(named) == set()
    forgotten.close()


def test_a_killed_run_is_cleaned_up_after_and_nobody_elses_user_is_touched(named: Simulator, source_cluster: Cluster) -> None:
    real = RealOracle.named()
    assert real is not None
    real.create("HR", "left", PRIVILEGES)
    with oracle_source(source_cluster, USERS), pytest.raises(oracledb.DatabaseError):
        oracledb.connect(user="HR", password="left", dsn=named.dsn)
    named.execute('CREATE USER HR IDENTIFIED BY "theirs"')
    with pytest.raises(pytest.fail.Exception, match="HR that is not of these tests"), oracle_source(source_cluster, USERS):
        pass
    assert "HR" in users(named)


def test_what_only_the_simulator_has_is_skipped(named: Simulator, source_cluster: Cluster) -> None:
    with (
        pytest.raises(pytest.skip.Exception, match="settings of the redo"),
        oracle_source(source_cluster, USERS, settings=RedoSettings()),
    ):
        pass


def test_one_that_logs_too_little_is_refused(named: Simulator, source_cluster: Cluster) -> None:
    named.execute("ALTER DATABASE DROP SUPPLEMENTAL LOG DATA")
    with pytest.raises(pytest.fail.Exception, match="supplemental logging: NO"), oracle_source(source_cluster, USERS):
        pass


def test_one_that_does_not_answer_or_refuses_us_fails_every_test(
    named: Simulator, source_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {
        f"oracle://SYS:wrong@127.0.0.1:{named.port}/FREEPDB1?mode=sysdba": "ORA-01017",
        "oracle://SYS:oracle@127.0.0.1:9/FREEPDB1?mode=sysdba": "DPY-6005",
    }
    for url, code in wrong.items():
        monkeypatch.setenv(SYSDBA_DSN, url)
        for settings in (None, RedoSettings()):
            with pytest.raises(pytest.fail.Exception, match=code), oracle_source(source_cluster, USERS, settings=settings):
                pass


def test_users_that_a_test_makes_are_dropped_with_the_roles_of_their_schemas(named: Simulator, source_cluster: Cluster) -> None:
    before = users(named)
    everywhere = " CONTAINER = ALL"
    with oracle_source(source_cluster, {"HR": PRIVILEGES, "C##BOSS": ("DBA",)}, makes=("C##MIG", "LATER")) as source:
        source.administer(f'CREATE USER "C##MIG" IDENTIFIED BY "x"{everywhere}', root=True)
        source.administer('CREATE ROLE "HR_READER_ROLE"', 'GRANT "HR_READER_ROLE" TO "C##MIG"')
        with source.connect("C##BOSS") as connection, connection.cursor() as cursor:
            assert cursor.execute("SELECT COUNT(*) FROM DBA_ROLES WHERE ROLE = 'HR_READER_ROLE'").fetchall() == [(1,)]
    assert users(named) == before
    with named.connect() as connection, connection.cursor() as cursor:
        assert cursor.execute("SELECT ROLE FROM DBA_ROLES WHERE ROLE LIKE 'HR%' OR ROLE LIKE 'VO_%'").fetchall() == []


def test_the_url_keeps_what_is_said_beside_the_user(
    named: Simulator, source_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DSN, f"oracle://127.0.0.1:{named.port}/FREEPDB1?tcp_connect_timeout=7&cdb=no")
    with oracle_source(source_cluster, USERS) as source:
        database = source.database("HR", "m")
        assert database.address.options == {"tcp_connect_timeout": 7.0}
        assert (database.address.root, database.address.service) == ("no", "FREEPDB1")
        source.connect("HR").close()


def test_one_variable_alone_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DSN, "localhost:1521/FREEPDB1")
    monkeypatch.delenv(SYSDBA_DSN, raising=False)
    with pytest.raises(pytest.fail.Exception, match="together or not at all"):
        RealOracle.named()
