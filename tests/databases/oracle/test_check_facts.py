"""The facts that preflight judges, read through the real driver from a (simulated) Oracle."""

from __future__ import annotations

import psycopg
import pytest

from tests.databases.oracle.capture_kit import Oracle
from voyager_ops.databases.oracle.check_facts import OracleFacts, read_facts
from voyager_ops.testing.oracle.redo import RedoSettings


def facts(oracle: Oracle) -> OracleFacts:
    return read_facts(oracle.source.database("MIG", "m"), ("HR",), mines=True)


def online_groups(oracle: Oracle) -> list[tuple[int]]:
    with oracle.simulator.connect() as connection, connection.cursor() as cursor:
        return list(cursor.execute("SELECT GROUP# FROM V$LOG ORDER BY THREAD#, GROUP#").fetchall())


@pytest.mark.parametrize(
    "oracle", [RedoSettings(threads=2), RedoSettings(threads=2, destinations=3)], indirect=True, ids=["one copy", "three copies"]
)
def test_a_log_counts_once_and_threads_side_by_side(oracle: Oracle) -> None:
    for threads in (*[(1, 2)] * 12, *[(2,)] * 12):
        oracle.redo.switch_logs(threads)
    found = facts(oracle).redo
    assert found.threads == 2
    assert [group for _, group, _ in found.groups] == [int(group) for (group,) in online_groups(oracle)]
    assert found.smallest == min(size for _, _, size in found.groups) > 0
    assert found.switches_per_hour == 24 / 24  # of the busier one
    with oracle.simulator.connect() as connection, connection.cursor() as cursor:
        rows = cursor.execute("SELECT BLOCKS * BLOCK_SIZE FROM V$ARCHIVED_LOG WHERE DEST_ID = 1").fetchall()
    assert len(rows) == 36
    assert found.bytes_per_hour == sum(int(size) for (size,) in rows) / 24


@pytest.mark.parametrize("oracle", [RedoSettings(recovery_area=True)], indirect=True)
def test_how_long_archived_redo_stays(oracle: Oracle) -> None:
    redo = oracle.redo
    redo.switch_logs()
    kept = facts(oracle).redo
    assert kept.kept_seconds is None  # nothing has been deleted yet
    assert kept.area == 50 << 30
    redo.logs.purge()
    assert facts(oracle).redo.kept_seconds == 0.0
    redo.switch_logs()
    kept = facts(oracle).redo
    assert kept.kept_seconds is not None
    assert 0 <= kept.kept_seconds < 3600


def test_the_recovery_area(oracle: Oracle) -> None:
    simulator = oracle.simulator
    assert facts(oracle).redo.area == 50 << 30
    with psycopg.connect(simulator.engine.dsn, autocommit=True) as connection:
        for name, value in (("db_recovery_file_dest_size", "0"), ("db_recovery_file_dest", "")):
            (before,) = connection.execute("SELECT value FROM ora.parameters WHERE name = %s", (name,)).fetchone() or ("",)
            connection.execute("UPDATE ora.parameters SET value = %s WHERE name = %s", (value, name))
            assert facts(oracle).redo.area is None
            connection.execute("UPDATE ora.parameters SET value = %s WHERE name = %s", (before, name))
    oracle.redo.switch_logs()  # archived, but not there
    assert facts(oracle).redo.area is None


def test_the_user_and_the_kind_of_server(oracle: Oracle) -> None:
    found = facts(oracle)
    assert found.default_tablespace == "USERS" or not oracle.simulated
    assert found.default_tablespace
    assert found.thin
    assert not found.rds


def test_rds_is_known_by_its_user(oracle: Oracle) -> None:
    oracle.simulator.execute('CREATE USER RDSADMIN IDENTIFIED BY "of Amazon 1"')
    assert facts(oracle).rds


def test_columns_with_names_too_long_for_logminer(oracle: Oracle) -> None:
    fits, long, wide = "N" * 30, "L" * 35, "é" * 16
    oracle.execute(f'CREATE TABLE HR.LONG_NAMES (ID NUMBER PRIMARY KEY, {fits} NUMBER, {long} NUMBER, "{wide}" NUMBER)')
    oracle.execute("CREATE INDEX HR.LONG_NAMES_UPPER ON HR.LONG_NAMES (UPPER(" + long + "))")
    assert facts(oracle).long_named == {("HR", "LONG_NAMES"): (long, wide)}
