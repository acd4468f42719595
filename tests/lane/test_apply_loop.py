"""The apply loop on real databases, fed with transactions made by hand."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Database
from tests.lane.feed import START, Feed, make_context, run_apply
from voyager_ops import failpoints
from voyager_ops.config import ChangesConfig
from voyager_ops.databases.postgres import metadata
from voyager_ops.databases.postgres.apply import AppliedPosition, ApplySession, Tally, hold_off_triggers, read_position
from voyager_ops.errors import ApplyError, Fenced, PreconditionError
from voyager_ops.failpoints import FailpointError
from voyager_ops.lane import quarantine
from voyager_ops.lane.apply_loop import ApplyLoop
from voyager_ops.model.positions import Lane, Position
from voyager_ops.model.results import silent
from voyager_ops.state.lanes import read_lane
from voyager_ops.state.stopped import StoppedTable, leave_out, stop_tables

TABLES = """
CREATE TABLE items (id bigint PRIMARY KEY, code text UNIQUE, note text, n integer);
CREATE TABLE nokey (a integer, b text);
"""


@pytest.fixture
def feed(source_db: Database, target_db: Database, tmp_path: Path) -> Feed:
    for database in (source_db, target_db):
        with database.connect() as connection:
            connection.execute(TABLES)
    return Feed(make_context(source_db, target_db, tmp_path))


def rows(database: Database, query: str) -> list[tuple[object, ...]]:
    with database.connect() as connection:
        return connection.execute(query).fetchall()


def test_inserts_updates_deletes(feed: Feed, target_db: Database) -> None:
    feed.commit(feed.insert("items", id=1, code="a", note="x", n=1), feed.insert("items", id=2, code="b"))
    feed.commit(feed.update("items", id=1, code="a", note="y", n=2), feed.insert("nokey", a=1, b="q"))
    last = feed.commit(feed.delete("items", id=2))
    run_apply(feed)
    assert rows(target_db, "SELECT * FROM items") == [(1, "a", "y", 2)]
    assert rows(target_db, "SELECT * FROM nokey") == [(1, "q")]
    with target_db.connect() as connection:
        applied = read_position(connection, "m", feed.context.lane)
    assert (applied.position, applied.transactions, applied.changes, applied.user_changes) == (last, 3, 5, 5)
    feed.commit(feed.update("items", id=1, code="z", note="y", n=3))
    feed.commit(feed.delete("items", id=1))
    run_apply(feed)
    assert rows(target_db, "SELECT * FROM items") == []


def test_a_missing_row_is_an_error_and_nothing_of_the_transaction_is_applied(feed: Feed, target_db: Database) -> None:
    feed.commit(feed.insert("items", id=1, code="a"))
    feed.commit(feed.insert("items", id=5, code="e"), feed.update("items", id=7, code="x"))
    with pytest.raises(ApplyError, match=r"UPDATE of public.items \(id=7\)"):
        run_apply(feed)
    assert rows(target_db, "SELECT id FROM items") == [(1,)]


@pytest.mark.parametrize(
    "statement", ["DROP TABLE nokey", "ALTER TABLE nokey DROP COLUMN b", "ALTER TABLE nokey ADD PRIMARY KEY (a)"]
)
def test_a_table_that_is_left_out_may_be_dropped_or_replaced(feed: Feed, target_db: Database, statement: str) -> None:
    """The others are applied; of it, nothing that was still on its way."""
    feed.commit(feed.insert("items", id=1), feed.insert("nokey", a=1, b="q"))
    with target_db.connect() as connection:
        connection.execute(statement.encode())
    stop_tables(feed.context.state, Lane.FORWARD, [StoppedTable("public.nokey", Position("F" * 16), "ALTER TABLE", 0.0)])
    with pytest.raises(PreconditionError, match=r"table public\.nokey"):
        run_apply(feed)
    leave_out(feed.context.state, Lane.FORWARD, ["public.nokey"])
    run_apply(feed)
    feed.commit(feed.insert("nokey", a=2, b="q"), feed.insert("items", id=2))
    run_apply(feed)
    assert rows(target_db, "SELECT id FROM items ORDER BY 1") == [(1,), (2,)]
    if not statement.startswith("DROP"):
        assert rows(target_db, "SELECT a FROM nokey") == []


def applied(feed: Feed) -> AppliedPosition:
    with feed.context.apply_db.connect("test") as connection:
        return read_position(connection, "m", feed.context.lane)


def test_markers_become_arrivals_with_the_counters_of_their_moment(feed: Feed, target_db: Database) -> None:
    feed.commit(feed.insert("items", id=1))
    at = feed.commit(feed.marker("marker", "abc"))
    feed.commit(feed.insert("items", id=2), feed.marker("heartbeat", "h1"), feed.insert("items", id=3))
    feed.commit(feed.marker("canary", "other", migration="another"))
    run_apply(feed)
    with target_db.connect() as connection:
        assert metadata.arrival(connection, "m", "forward", "marker") == ("abc", at, 1)
        heartbeat = metadata.arrival(connection, "m", "forward", "heartbeat")
        assert heartbeat is not None
        assert (heartbeat[0], heartbeat[2]) == ("h1", 2)
        assert metadata.arrival(connection, "m", "forward", "canary") is None
    assert (applied(feed).changes, applied(feed).user_changes) == (6, 3)
    assert rows(target_db, "SELECT table_name, inserts FROM voyager_ops.lane_table") == [("public.items", 3)]


def test_a_large_transaction_is_applied_in_pieces_but_at_once(feed: Feed, target_db: Database) -> None:
    context = replace(feed.context, changes=ChangesConfig(batch_changes=100))
    feed.context = context
    feed.commit(feed.insert("items", id=0, code="before"))
    feed.commit(
        *(feed.insert("items", id=i, code=f"c{i}") for i in range(1, 1001)),
        *(feed.update("items", id=i, code=f"d{i}", n=i) for i in range(1, 1001)),
        *(feed.delete("items", id=i) for i in range(1, 1000)),
    )
    feed.commit(feed.insert("items", id=2000, code="after"))
    failpoints.configure("apply.before_commit=error")
    with pytest.raises(FailpointError):
        run_apply(feed)
    failpoints.configure()
    assert rows(target_db, "SELECT id FROM items") == []
    run_apply(feed)
    assert rows(target_db, "SELECT id, code FROM items ORDER BY 1") == [(0, "before"), (1000, "d1000"), (2000, "after")]
    assert applied(feed).changes == 3001


@pytest.mark.parametrize("point", ["apply.before_commit", "apply.after_commit"])
@pytest.mark.parametrize("action", ["error", "retryable"])
def test_cut_short_around_a_commit(feed: Feed, target_db: Database, point: str, action: str) -> None:
    for number in range(1, 6):
        feed.commit(feed.insert("items", id=number, code=str(number)), feed.marker("marker", str(number)))
    failpoints.configure(f"{point}={action}@3")
    if action == "error":
        with pytest.raises(FailpointError):
            run_apply(feed)
    failpoints.configure(f"{point}={action}@3" if action == "retryable" else "")
    run_apply(feed)
    failpoints.configure()
    assert rows(target_db, "SELECT count(*) FROM items") == [(5,)]
    assert applied(feed).transactions == 5


def test_of_two_loops_only_one_writes(feed: Feed) -> None:
    first = ApplySession.open(feed.context, START, seam_passed=True)
    try:
        with pytest.raises(Fenced, match="another session applies"):
            ApplySession.open(feed.context, START, seam_passed=True, lock_seconds=0.3)
        # Should the lock ever fail, the position is the fence.
        second = ApplySession.open(feed.context, START, seam_passed=True, beside=True)
        second.applied = first.applied
        first.begin(Position(f"{32:016X}"))
        first.commit(Tally(transactions=1))
        second.begin(Position(f"{32:016X}"))
        with pytest.raises(Fenced, match="no longer"):
            second.commit(Tally(transactions=1))
        second.close()
    finally:
        first.close()
    assert applied(feed).transactions == 1


def test_a_session_that_is_cut_off_is_opened_again(feed: Feed, target_db: Database) -> None:
    feed.commit(feed.insert("items", id=1), feed.marker("marker", "1"))
    position = feed.commit(feed.insert("items", id=2))
    cut: list[int] = []

    def sever() -> None:
        with target_db.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE 'voyager-ops/m/apply%'"
            )

    stop = threading.Event()

    def empty() -> None:
        if applied(feed).position < position:
            return
        if not cut:
            cut.append(1)
            sever()
            feed.commit(feed.insert("items", id=3))
        elif applied(feed).transactions == 3:
            stop.set()

    feed.on_empty = empty
    ApplyLoop(feed.context, stop, None, silent, feed.reader).run()
    assert rows(target_db, "SELECT id FROM items ORDER BY 1") == [(1,), (2,), (3,)]


def test_the_gate_holds_user_changes_and_lets_markers_pass(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    for database in (source_db, target_db):
        with database.connect() as connection:
            connection.execute(TABLES)
    feed = Feed(make_context(source_db, target_db, tmp_path, lane=Lane.FALLBACK))
    feed.commit(feed.marker("heartbeat", "1"))
    held_before = feed.commit(feed.marker("heartbeat", "2"))
    feed.commit(feed.marker("heartbeat", "3"), feed.insert("items", id=1))
    feed.commit(feed.marker("heartbeat", "4"))
    asked: list[float] = []
    stop = threading.Event()
    seen: list[str] = []

    def gate() -> bool:
        asked.append(time.monotonic())
        if len(asked) == 5:
            assert applied(feed).position == held_before
            seen.append(read_lane(feed.context.state, Lane.FALLBACK).error)
        return len(asked) > 5

    feed.on_empty = stop.set
    ApplyLoop(feed.context, stop, None, silent, feed.reader, gate=gate).run()
    assert seen == ["rows were written on the target before it was opened: tables public.items"]
    assert read_lane(feed.context.state, Lane.FALLBACK).error == ""
    assert rows(source_db, "SELECT id FROM items") == [(1,)]
    assert applied(feed).transactions == 4


# -- quarantine ------------------------------------------------------------------------------------------------------------
@pytest.fixture
def tolerant(feed: Feed) -> Feed:
    feed.context = replace(feed.context, changes=ChangesConfig(on_error="quarantine"))
    return feed


def test_the_poisonous_change_and_what_depends_on_it_wait(tolerant: Feed, target_db: Database) -> None:
    feed = tolerant
    with target_db.connect() as connection:
        connection.execute("ALTER TABLE items ADD CHECK (n < 100)")
    for number in range(1, 20):
        feed.commit(feed.insert("items", id=number, code=f"c{number}", n=number))
    feed.commit(
        feed.insert("nokey", a=1),
        feed.update("items", id=3, code="c3", n=500),
        feed.update("items", id=4, code="c4", n=44),
        feed.marker("marker", "the batch ends here: together with what follows, the net change would be harmless"),
    )
    feed.commit(feed.update("items", id=3, code="free", n=33))  # a later change of its key
    feed.commit(feed.update("items", {"id": 3}, id=300, code="free", n=34))  # moves it
    feed.commit(feed.update("items", id=300, code="free", n=35))  # of the key it moved to
    feed.commit(feed.insert("items", id=77, code="free"))  # of a unique value it holds
    feed.commit(feed.update("items", id=5, code="c5", n=55), feed.insert("nokey", a=2))
    run_apply(feed)
    assert rows(target_db, "SELECT id, n FROM items WHERE id IN (3, 4, 5, 77, 300) ORDER BY 1") == [(3, 3), (4, 44), (5, 55)]
    assert rows(target_db, "SELECT a FROM nokey ORDER BY 1") == [(1,), (2,)]
    assert quarantine.count(feed.context) == 5
    entries = quarantine.list_entries(feed.context)
    assert "23514" in entries[0].error
    assert entries[0].table == "public.items"
    assert entries[2].keys == [["3"], ["300"]]
    assert {entry.error for entry in entries[1:]} == {"depends on a change that is in quarantine"}
    last = applied(feed)
    assert last.position == feed.transactions[-1][0]
    assert last.changes == sum(len(changes) for _, changes in feed.transactions)
    # Still poisonous: nothing moves.
    assert quarantine.retry(feed.context).applied == 0
    # Later runs know what waits.
    feed.commit(feed.update("items", id=300, code="free", n=36))
    run_apply(feed)
    assert quarantine.count(feed.context) == 6
    with target_db.connect() as connection:
        connection.execute("ALTER TABLE items DROP CONSTRAINT items_n_check")
        connection.execute("DELETE FROM voyager_ops.quarantine WHERE change::text LIKE '%\"77\"%'")
    result = quarantine.retry(feed.context)
    assert (result.applied, result.left) == (5, 0)
    assert rows(target_db, "SELECT code, n FROM items WHERE id = 300") == [("free", 36)]
    assert applied(feed).position == feed.transactions[-1][0]
    feed.commit(feed.update("items", id=300, code="free", n=37))
    run_apply(feed)
    assert quarantine.count(feed.context) == 0
    assert rows(target_db, "SELECT n FROM items WHERE id = 300") == [(37,)]


@pytest.mark.parametrize("point", ["apply.before_quarantine", "apply.after_quarantine", "apply.before_commit"])
def test_cut_short_while_a_change_is_put_aside(tolerant: Feed, target_db: Database, point: str) -> None:
    feed = tolerant
    with target_db.connect() as connection:
        connection.execute("ALTER TABLE items ADD CHECK (n < 100)")
    feed.commit(feed.insert("items", id=1, n=1), feed.insert("items", id=2, n=200), feed.insert("items", id=3, n=3))
    failpoints.configure(f"{point}=error")
    with pytest.raises(FailpointError):
        run_apply(feed)
    failpoints.configure()
    assert quarantine.count(feed.context) == 0
    run_apply(feed)
    assert quarantine.count(feed.context) == 1
    assert rows(target_db, "SELECT id FROM items ORDER BY 1") == [(1,), (3,)]


@pytest.mark.parametrize("point", ["quarantine.retry.before_commit", "quarantine.retry.after_commit"])
def test_cut_short_while_applying_again(tolerant: Feed, target_db: Database, point: str) -> None:
    feed = tolerant
    with target_db.connect() as connection:
        connection.execute("ALTER TABLE items ADD CHECK (n < 100)")
    feed.commit(feed.insert("items", id=1, n=200))
    run_apply(feed)
    with target_db.connect() as connection:
        connection.execute("ALTER TABLE items DROP CONSTRAINT items_n_check")
    failpoints.configure(f"{point}=error")
    with pytest.raises(FailpointError):
        quarantine.retry(feed.context)
    failpoints.configure()
    quarantine.retry(feed.context)
    assert quarantine.count(feed.context) == 0
    assert rows(target_db, "SELECT n FROM items") == [(200,)]


def test_without_the_right_to_hold_off_triggers_nothing_is_applied(
    feed: Feed, source_db: Database, target_db: Database, tmp_path: Path
) -> None:
    target_db.cluster.create_user("plain_" + target_db.name)
    user = "plain_" + target_db.name
    with target_db.connect() as connection:
        for schema in ("public", "voyager_ops"):
            name = psycopg.sql.Identifier(schema)
            who = psycopg.sql.Identifier(user)
            connection.execute(psycopg.sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(name, who))
            connection.execute(psycopg.sql.SQL("GRANT ALL ON ALL TABLES IN SCHEMA {} TO {}").format(name, who))
    url = target_db.cluster.dsn(target_db.name, user=user)
    plain = Feed(make_context(source_db, target_db, tmp_path, apply_url=url))
    plain.commit(plain.insert("items", id=1))
    with pytest.raises(PreconditionError, match="session_replication_role"):
        run_apply(plain)
    with target_db.connect() as connection:
        connection.execute(
            psycopg.sql.SQL("GRANT SET ON PARAMETER session_replication_role TO {}").format(psycopg.sql.Identifier(user))
        )
    run_apply(plain)
    assert rows(target_db, "SELECT id FROM items") == [(1,)]


def test_when_triggers_are_held_off_on_the_tables_no_right_is_needed(feed: Feed) -> None:
    feed.context.state.put("guard/target", {"mode": "tables"})
    with feed.context.apply_db.connect("test") as connection:
        hold_off_triggers(feed.context, connection)
        assert connection.execute("SHOW session_replication_role").fetchone() == ("origin",)


def test_a_run_that_is_described_anew_or_holds_a_marker_is_taken_apart(feed: Feed, target_db: Database) -> None:
    """The marker's arrival names its own transaction's position, not that of the last one of its run."""
    feed.commit(feed.insert("items", id=1, code="a"))
    feed.commit(feed.insert("items", id=2, code="b"))
    marked = feed.commit(feed.marker("marker", "first"))
    feed.commit(feed.insert("items", id=3, code="c"))
    other = feed.insert("items", id=4, code="d")
    turned = replace(
        other.relation,
        columns=tuple(reversed(other.relation.columns)),
        key=tuple(reversed(other.relation.key)),
        type_oids=tuple(reversed(other.relation.type_oids)),
    )
    assert other.new is not None
    feed.commit(replace(other, relation=turned, new=list(reversed(other.new))))
    run_apply(feed)
    assert rows(target_db, "SELECT id, code FROM items ORDER BY 1") == [(1, "a"), (2, "b"), (3, "c"), (4, "d")]
    assert rows(target_db, "SELECT position, user_changes FROM voyager_ops.arrival") == [(marked, 2)]
