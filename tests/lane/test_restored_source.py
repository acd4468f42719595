"""A server put back to an earlier state together with its slot: noticed, however far its log has come since."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.changes.kit import Running, changes_of, forward, make_migration, running
from tests.conftest import Database, create_database
from voyager_ops.databases.postgres import lsn
from voyager_ops.errors import StreamLost
from voyager_ops.lane.context import LaneContext
from voyager_ops.state.lanes import read_lane
from voyager_ops.testing.postgres import Cluster


@pytest.fixture
def server() -> Iterator[Cluster]:
    with Cluster("restored") as cluster:
        yield cluster


@pytest.fixture
def restorable(server: Cluster, target_db: Database, tmp_path: Path) -> tuple[Database, LaneContext, Callable[[], None]]:
    """The source, its lane with the rows 1 to 10 published, and what puts the server back to when it had 5."""
    source = create_database(server)
    with source.connect() as connection:
        connection.execute("CREATE TABLE item (id int PRIMARY KEY, filler text)")
        # A beat is a transaction to see again, too, and moves on the log of a server that was put back: none in these tests.
        context = forward(make_migration(tmp_path, source, target_db, heartbeat=3600))
        with running(context) as loop:
            write(connection, range(1, 6))
            loop.caught_up(connection)
    server.stop()
    copy = tmp_path / "disk"
    shutil.copytree(server.data, copy)
    server.start()
    with source.connect() as connection, running(context) as loop:
        write(connection, range(6, 11))
        loop.caught_up(connection)
    assert written(context) == list(range(1, 11))

    def restore() -> None:
        server.stop("immediate")
        owner = server.data.stat()
        shutil.rmtree(server.data)
        shutil.copytree(copy, server.data)
        for path in (server.data, *server.data.rglob("*")):
            shutil.chown(path, owner.st_uid, owner.st_gid)
        server.start()

    return source, context, restore


def write(connection: psycopg.Connection, ids: range) -> None:
    for id_ in ids:
        connection.execute("INSERT INTO item VALUES (%s, 'f')", (id_,))


def written(context: LaneContext) -> list[int]:
    return [int(new[0]) for transaction in changes_of(context) for _, _, _, new in transaction]


def past(connection: psycopg.Connection, context: LaneContext) -> bool:
    row = connection.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone()
    assert row is not None
    return lsn.parse_position(row[0]) > read_lane(context.state, context.lane).captured_position


def failure(context: LaneContext) -> BaseException:
    loop = Running(context)
    loop._thread.start()
    return loop.failure()


def test_whose_log_has_passed_our_position(restorable: tuple[Database, LaneContext, Callable[[], None]]) -> None:
    source, context, restore = restorable
    restore()
    with source.connect() as connection:
        assert not past(connection, context)
        write(connection, range(101, 2000))
        assert past(connection, context)
    error = failure(context)
    assert isinstance(error, StreamLost)
    assert "put back to an earlier state" in str(error)
    assert written(context) == list(range(1, 11)), "nothing of the other history was published"
    assert read_lane(context.state, context.lane).status == "failed"


def test_that_wrote_nothing_of_ours_since(restorable: tuple[Database, LaneContext, Callable[[], None]]) -> None:
    source, context, restore = restorable
    restore()
    with source.connect() as connection:
        connection.execute("CREATE TABLE elsewhere AS SELECT repeat('x', 100) FROM generate_series(1, 20000)")
        assert past(connection, context)
    error = failure(context)
    assert isinstance(error, StreamLost)
    assert "put back to an earlier state" in str(error)


def test_a_server_that_only_crashed_is_no_other(
    server: Cluster, restorable: tuple[Database, LaneContext, Callable[[], None]]
) -> None:
    source, context, _ = restorable
    with running(context) as loop:
        with source.connect() as connection:
            active = "SELECT EXISTS (SELECT FROM pg_replication_slots WHERE active)"
            loop.wait(lambda: connection.execute(active).fetchone() == (True,))
            write(connection, range(11, 15))
        server.restart("immediate")
        with source.connect() as connection:
            write(connection, range(15, 20))
            loop.caught_up(connection)
    with source.connect() as connection, running(context) as loop:
        loop.caught_up(connection)
        write(connection, range(20, 22))
        loop.caught_up(connection)
    assert written(context) == list(range(1, 22))
