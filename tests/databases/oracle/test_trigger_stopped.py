"""DDL on one table whose changes triggers capture: that one stops, the others stream on, whenever capture is killed."""

from __future__ import annotations

from pathlib import Path

import oracledb
import pytest

from tests.conftest import Database
from tests.databases.oracle.capture_kit import (
    Oracle,
    actual,
    capturing,
    ended,
    killed,
    replayed,
    transactions,
    wait_for_marker,
)
from tests.databases.oracle.test_trigger_capture import triggers
from tests.databases.oracle.test_trigger_crash import given, opened
from voyager_ops.databases.engines import engine_of
from voyager_ops.databases.oracle import trigger_capture
from voyager_ops.databases.oracle.notes import warnings_key
from voyager_ops.databases.oracle.prepare_sql import TRIGGER_VIEWS
from voyager_ops.databases.oracle.triggers import claims, install, reading
from voyager_ops.errors import PreconditionError, SourceChanged
from voyager_ops.failpoints import hit
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import Side
from voyager_ops.state.lanes import STREAMING, read_lane
from voyager_ops.state.stopped import AFTER_STOP, BEFORE_STOP, stopped_tables
from voyager_ops.testing.oracle import cursors

TABLES = (
    "CREATE TABLE A (ID NUMBER(10) CONSTRAINT A_PK PRIMARY KEY, NAME VARCHAR2(10))",
    "CREATE TABLE B (ID NUMBER(10) PRIMARY KEY, BODY CLOB)",
    "CREATE TABLE C (ID NUMBER(10) PRIMARY KEY, NAME VARCHAR2(10))",
)
POINTS = (
    BEFORE_STOP,
    AFTER_STOP,
    install.REMOVED,
    "changes.publish.fsynced",
    "changes.publish.published",
    claims.BEFORE_FORGET,
    claims.FORGOTTEN,
)


def trigger_of(oracle: Oracle, table: str) -> str:
    """Name of our trigger on a table of HR."""
    ((number,),) = oracle.rows(f"SELECT OBJECT_ID FROM ALL_OBJECTS WHERE OBJECT_NAME = '{table}' AND OBJECT_TYPE = 'TABLE'")
    return f"VOYAGER_OPS_T{number}"


def standing(context: LaneContext) -> set[str]:
    """Our triggers that are journaled as being there."""
    return {made.name for made in install.outstanding(context.state, Side.SOURCE) if made.kind == "TRIGGER"}


@pytest.mark.parametrize("point", POINTS)
def test_killed_around_the_stop_the_others_are_whole_and_the_one_ends_where_it_changed(
    oracle: Oracle, target_db: Database, tmp_path: Path, point: str
) -> None:
    oracle.many(*TABLES)
    context = triggers(oracle, target_db, tmp_path)
    with capturing(context) as running:
        oracle.many(*(f"INSERT INTO {name} (ID) VALUES (10)" for name in "ABC"))
        wait_for_marker(context, running)
    trigger = trigger_of(oracle, "A")
    oracle.execute("INSERT INTO B (ID, BODY) VALUES (1, 'open across')", session="long")
    oracle.many("ALTER TABLE A ADD (NICK VARCHAR2(10))", "INSERT INTO A VALUES (11, 'x', 'y')", "INSERT INTO C (ID) VALUES (11)")
    killed(oracle, target_db, tmp_path, point, "capture", capture="triggers")
    oracle.many("UPDATE A SET NICK = 'z'", "DELETE FROM A WHERE ID = 10", "UPDATE C SET NAME = 'on' WHERE ID = 10")
    oracle.commit("long")
    oracle.many("ALTER TABLE A DROP COLUMN NICK", "TRUNCATE TABLE A")
    with capturing(context) as running:
        wait_for_marker(context, running)
    positions = [position for position, _, _ in transactions(context)]
    assert positions == sorted(set(positions))
    assert replayed(context, "b") == actual(context, "b")
    assert replayed(context, "c") == actual(context, "c")
    assert set(replayed(context, "a")) == {(b"10",)}
    assert list(stopped_tables(context.state, context.lane)) == ["hr.a"]
    found = stopped_tables(context.state, context.lane)["hr.a"]
    assert positions[0] <= found.position < positions[-1]
    assert read_lane(context.state, context.lane).status == STREAMING
    assert trigger not in standing(context)
    assert list(engine_of(context.capture_db).left_behind(context)) == []


CHANGES = {
    "TRUNCATED": ("truncated", ["TRUNCATE TABLE {t}"]),
    "INDEXED": ("truncated", ["TRUNCATE TABLE {t}"]),
    "WIDER": ("its columns changed", ["ALTER TABLE {t} ADD (MORE NUMBER)"]),
    "NARROWER": ("its columns changed", ["ALTER TABLE {t} DROP COLUMN NAME"]),
    "RETYPED": ("types of its columns changed", ["ALTER TABLE {t} MODIFY (NAME VARCHAR2(100))"]),
    "KEYLESS": ("dropped or disabled", ["ALTER TABLE {t} DISABLE PRIMARY KEY"]),
    "GONE": ("it was dropped", ["DROP TABLE {t}"]),
    "RENAMED": ("it was renamed to HR.OTHER", ["ALTER TABLE {t} RENAME TO OTHER"]),
    "REPLACED": ("another table", ["DROP TABLE {t} PURGE", "CREATE TABLE {t} (ID NUMBER(10) PRIMARY KEY, NAME VARCHAR2(10))"]),
    "SWITCHED_OFF": ("trigger on it is disabled", ["ALTER TABLE {t} DISABLE ALL TRIGGERS"]),
    "OFF_AND_ON": ("for a while", ["ALTER TABLE {t} DISABLE ALL TRIGGERS", "ALTER TABLE {t} ENABLE ALL TRIGGERS"]),
    "COMPILED_ANEW": (
        "its columns changed",
        ["ALTER TABLE {t} DISABLE ALL TRIGGERS", "ALTER TABLE {t} ENABLE ALL TRIGGERS", "ALTER TABLE {t} ADD (MORE NUMBER)"],
    ),
    "UNWATCHED": ("trigger on it is gone", ["DROP TRIGGER MIG.{trigger}"]),
}


def test_whatever_triggers_do_not_see_stops_its_table_and_hinders_nobody(
    oracle: Oracle, target_db: Database, tmp_path: Path
) -> None:
    """After each kind of change the table is written to again, in its new form, once capture has noticed."""
    for name in CHANGES:
        body = f"CREATE TABLE {name} (ID NUMBER(10) PRIMARY KEY, NAME VARCHAR2(10))"
        oracle.many(f"{body} ORGANIZATION INDEX" if name == "INDEXED" else body)
    oracle.many(TABLES[2])
    context = triggers(oracle, target_db, tmp_path)
    with capturing(context) as running:
        oracle.many(*(f"INSERT INTO {name} VALUES (1, 'one')" for name in (*CHANGES, "C")))
        wait_for_marker(context, running)
    for name, (_, statements) in CHANGES.items():
        trigger = trigger_of(oracle, name)
        for statement in statements:
            filled = statement.format(t=name, trigger=trigger)
            oracle.source.administer(filled) if "TRIGGER MIG" in filled else oracle.many(filled)
    oracle.many("INSERT INTO C VALUES (2, 'on')")
    with capturing(context) as running:
        wait_for_marker(context, running)
        wait_for_marker(context, running)
        written = {"GONE": None, "RENAMED": "OTHER"}
        for name in CHANGES:
            if (table := written.get(name, name)) is not None:
                oracle.many(f"INSERT INTO {table} (ID) VALUES (3)")
        oracle.many(f"UPDATE RETYPED SET NAME = '{'x' * 100}'", "INSERT INTO C VALUES (3, 'on')")
        wait_for_marker(context, running)
    stopped = {name: each.statement for name, each in stopped_tables(context.state, context.lane).items()}
    assert {f"hr.{name.lower()}" for name in CHANGES} == set(stopped)
    for name, (how, _) in CHANGES.items():
        assert how in stopped[f"hr.{name.lower()}"]
        assert set(replayed(context, name.lower())) == {(b"1",)}, name
    assert replayed(context, "c") == actual(context, "c")
    assert len(standing(context)) == 2  # on C, and on our marker table
    engine_of(context.capture_db).teardown(context, lambda progress: None)
    assert install.outstanding(context.state, Side.SOURCE) == []


def test_a_table_that_is_empty_may_be_truncated(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    oracle.many(*TABLES)
    context = triggers(oracle, target_db, tmp_path)
    with capturing(context) as running:
        oracle.many("TRUNCATE TABLE A", "INSERT INTO A VALUES (1, 'one')")
        wait_for_marker(context, running)
    assert stopped_tables(context.state, context.lane) == {}
    assert replayed(context, "a") == actual(context, "a")


def test_children_that_a_truncation_empties_stop_too(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    oracle.many(*TABLES, "CREATE TABLE CHILD (ID NUMBER(10) PRIMARY KEY, A NUMBER(10) REFERENCES A (ID) ON DELETE CASCADE)")
    context = triggers(oracle, target_db, tmp_path)
    with capturing(context) as running:
        oracle.many("INSERT INTO A VALUES (1, 'one')", "INSERT INTO CHILD VALUES (1, 1)")
        wait_for_marker(context, running)
        oracle.many("TRUNCATE TABLE A CASCADE")
        wait_for_marker(context, running)
    assert sorted(stopped_tables(context.state, context.lane)) == ["hr.a", "hr.child"]


def test_a_partition_that_was_made_since_is_watched_also_after_a_restart(
    oracle: Oracle, target_db: Database, tmp_path: Path
) -> None:
    oracle.many(
        TABLES[2],
        "CREATE TABLE P (ID NUMBER(10) PRIMARY KEY, N NUMBER) PARTITION BY RANGE (ID) (PARTITION ONE VALUES LESS THAN (10))",
    )
    context = triggers(oracle, target_db, tmp_path)
    with capturing(context) as running:
        oracle.many("ALTER TABLE P ADD PARTITION TWO VALUES LESS THAN (20)", "INSERT INTO P VALUES (15, 1)")
        wait_for_marker(context, running)
    assert stopped_tables(context.state, context.lane) == {}
    oracle.many("ALTER TABLE P DROP PARTITION TWO")
    with capturing(context) as running:
        wait_for_marker(context, running)
    found = stopped_tables(context.state, context.lane)["hr.p"]
    assert found.statement == "its partition TWO was truncated, moved, exchanged or dropped"
    assert set(replayed(context, "p")) == {(b"15",)}


ORDINARY = ("CREATE ANY TRIGGER", *(f"SELECT ON SYS.{view}" for view in TRIGGER_VIEWS))
"""Rights of a user that has no role, but for those on tables."""


def make_ordinary(oracle: Oracle, *tables: str) -> None:
    """Of MIG a user that sees what is granted to it."""
    rights = [f"{right} ON HR.{name}" for name in tables for right in ("SELECT", "FLASHBACK")]
    oracle.source.administer("REVOKE DBA FROM MIG", *(f"GRANT {right} TO MIG" for right in (*ORDINARY, *rights)))


def test_partitions_and_indexes_are_watched_of_tables_that_may_only_be_read(
    oracle: Oracle, target_db: Database, tmp_path: Path
) -> None:
    """ALL_OBJECTS does not show them: prepare wants the DBA_ views, and a right that is taken away stops no table."""
    oracle.many(
        TABLES[2],
        "CREATE TABLE I (ID NUMBER(10) PRIMARY KEY, N NUMBER) ORGANIZATION INDEX",
        "CREATE TABLE P (ID NUMBER(10) PRIMARY KEY, N NUMBER) PARTITION BY RANGE (ID)"
        " (PARTITION ONE VALUES LESS THAN (10), PARTITION TWO VALUES LESS THAN (20))",
    )
    make_ordinary(oracle, "C", "I", "P")
    context = triggers(oracle, target_db, tmp_path)
    with pytest.raises(PreconditionError, match=r"(?s)index of HR.I .*index of HR.P .*SELECT ANY DICTIONARY"):
        trigger_capture.prepare(context)
    assert install.outstanding(context.state, Side.SOURCE) == []
    oracle.source.administer("GRANT SELECT ANY DICTIONARY TO MIG")
    with capturing(context) as running:
        oracle.many(*(f"INSERT INTO {name} VALUES (1, 1)" for name in "IP"))
        wait_for_marker(context, running)
    oracle.source.administer("REVOKE SELECT ANY DICTIONARY FROM MIG")
    error = ended(context, lambda: oracle.many("INSERT INTO C VALUES (1, 'one')"))
    assert isinstance(error, PreconditionError), error
    assert "no longer see the partitions, or the index, of HR." in error.what
    assert stopped_tables(context.state, context.lane) == {}
    oracle.source.administer("GRANT SELECT ANY DICTIONARY TO MIG")
    oracle.many("TRUNCATE TABLE I", "ALTER TABLE P DROP PARTITION TWO", "INSERT INTO C VALUES (2, 'two')")
    with capturing(context) as running:
        wait_for_marker(context, running)
    stopped = {name: each.statement for name, each in stopped_tables(context.state, context.lane).items()}
    assert stopped == {
        "hr.i": "it was truncated, moved, exchanged or dropped",
        "hr.p": "its partition TWO was truncated, moved, exchanged or dropped",
    }
    assert replayed(context, "c") == actual(context, "c")


def test_without_the_dictionary_a_table_that_is_dropped_is_told_from_one_that_may_no_longer_be_read(
    oracle: Oracle, target_db: Database, tmp_path: Path
) -> None:
    oracle.many(*TABLES)
    make_ordinary(oracle, "A", "B", "C")
    context = triggers(oracle, target_db, tmp_path)
    with capturing(context) as running:
        oracle.many("INSERT INTO A (ID) VALUES (1)")
        wait_for_marker(context, running)
        oracle.many("DROP TABLE A", "INSERT INTO C (ID) VALUES (1)")
        wait_for_marker(context, running)
    assert [each.statement for each in stopped_tables(context.state, context.lane).values()] == ["it was dropped"]
    oracle.source.administer(*(f"REVOKE {right} ON HR.C FROM MIG" for right in ("SELECT", "FLASHBACK")))
    error = ended(context, lambda: oracle.many("INSERT INTO B (ID) VALUES (1)"))
    assert isinstance(error, PreconditionError), error
    assert "may no longer see HR.C" in error.what
    assert list(stopped_tables(context.state, context.lane)) == ["hr.a"]


@pytest.mark.parametrize("statement", ["DROP TABLE B PURGE", "ALTER TABLE B DROP COLUMN BODY", "TRUNCATE TABLE B"])
def test_a_table_that_changes_while_its_large_values_are_read_ends_before_them(
    oracle: Oracle, target_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    oracle.many(*TABLES)
    context = triggers(oracle, target_db, tmp_path)
    done: list[str] = []

    def change(point: str) -> None:
        if point == reading.BEFORE_LARGE and not done and oracle.rows("SELECT 1 FROM C WHERE ID = 2"):
            done.append(point)
            oracle.many(statement)
        hit(point)

    monkeypatch.setattr(reading, "hit", change)
    with capturing(context) as running:
        oracle.many("INSERT INTO B VALUES (1, 'read')")
        wait_for_marker(context, running)
        oracle.many("INSERT INTO B VALUES (2, 'not read')", "INSERT INTO C (ID) VALUES (2)")
        wait_for_marker(context, running)
    assert done
    assert list(stopped_tables(context.state, context.lane)) == ["hr.b"]
    assert set(replayed(context, "b")) == {(b"1",)}
    assert replayed(context, "c") == actual(context, "c")
    assert "table hr.b is stopped" in str(context.state.get(warnings_key(context)))


def test_what_was_given_and_not_published_before_the_stop_comes_again_but_for_large_values(
    oracle: Oracle, target_db: Database, tmp_path: Path
) -> None:
    """Those are read from the table, which is another one by then: it ends before them."""
    oracle.many(*TABLES)
    context = triggers(oracle, target_db, tmp_path)
    trigger_capture.prepare(context)
    stream = opened(context, tmp_path)
    oracle.many("INSERT INTO A VALUES (1, 'one')", "INSERT INTO B VALUES (1, 'one')", "INSERT INTO C VALUES (1, 'one')")
    (first,) = given(stream)
    oracle.many("ALTER TABLE A DROP COLUMN NAME", "ALTER TABLE B DROP COLUMN BODY", "INSERT INTO C VALUES (2, 'two')")
    (second,) = given(stream)
    stream.close()
    stopped = stopped_tables(context.state, context.lane)
    assert set(stopped) == {"hr.a", "hr.b"}
    with capturing(context) as running:
        wait_for_marker(context, running)
    assert set(replayed(context, "a")) == {(b"1",)}
    assert replayed(context, "b") == {}
    assert set(replayed(context, "c")) == {(b"1",), (b"2",)}
    again = stopped_tables(context.state, context.lane)
    assert again["hr.a"] == stopped["hr.a"]
    assert again["hr.b"].position < stopped["hr.b"].position
    assert first.head.end < second.head.end


def test_with_the_last_table_the_lane_ends(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    oracle.many(TABLES[0], TABLES[2])
    context = triggers(oracle, target_db, tmp_path)

    def change() -> None:
        oracle.many("INSERT INTO A (ID) VALUES (1)", "INSERT INTO C (ID) VALUES (1)")
        wait_for_marker(context)
        oracle.many("TRUNCATE TABLE A", "INSERT INTO C (ID) VALUES (2)")
        wait_for_marker(context)
        oracle.many("ALTER TABLE C DROP COLUMN NAME")

    error = ended(context, change)
    assert isinstance(error, SourceChanged), error
    assert "hr.c (its columns changed)" in error.what
    assert set(replayed(context, "a")) == {(b"1",)}
    assert set(replayed(context, "c")) == {(b"1",), (b"2",)}
    oracle.many("INSERT INTO C (ID) VALUES (3)")  # nothing of ours is in the way
    again = ended(context, lambda: None)
    assert isinstance(again, SourceChanged), again
    assert "hr.c (its columns changed)" in again.what


def test_our_own_table_is_not_to_be_touched(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    oracle.many(*TABLES)
    context = triggers(oracle, target_db, tmp_path)

    def change() -> None:
        oracle.source.administer("ALTER TABLE MIG.VOYAGER_OPS_MARKER DISABLE ALL TRIGGERS")
        oracle.many("INSERT INTO C (ID) VALUES (1)")

    error = ended(context, change)
    assert isinstance(error, SourceChanged), error
    assert "VOYAGER_OPS_MARKER" in error.what
    assert stopped_tables(context.state, context.lane) == {}


def test_a_right_that_was_taken_away_stops_no_table(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    oracle.many(*TABLES)
    rights = [f"{right} ON HR.{name} {{}} MIG" for name in "ABC" for right in ("SELECT", "FLASHBACK")]
    oracle.source.administer("REVOKE DBA FROM MIG", *(f"GRANT {one.format('TO')}" for one in rights))
    oracle.source.administer(*(f"GRANT {right} TO MIG" for right in ("SELECT_CATALOG_ROLE", "CREATE ANY TRIGGER")))
    context = triggers(oracle, target_db, tmp_path)
    with capturing(context) as running:
        oracle.many("INSERT INTO B VALUES (1, 'read')")
        wait_for_marker(context, running)
    of_b = [one for one in rights if "HR.B" in one]

    def taken_away() -> None:
        oracle.source.administer(*(f"REVOKE {one.format('FROM')}" for one in of_b))
        oracle.many("INSERT INTO B VALUES (2, 'not yet')", "INSERT INTO A (ID) VALUES (2)")

    error = ended(context, taken_away)
    assert isinstance(error, PreconditionError), error
    assert "prepare source --print" in str(error)
    assert stopped_tables(context.state, context.lane) == {}
    oracle.source.administer(*(f"GRANT {one.format('TO')}" for one in of_b))
    with capturing(context) as running:
        wait_for_marker(context, running)
    assert stopped_tables(context.state, context.lane) == {}
    for name in "abc":
        assert replayed(context, name) == actual(context, name)


def test_a_trigger_that_is_in_use_is_removed_later(
    oracle: Oracle, target_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    oracle.many(*TABLES)
    context = triggers(oracle, target_db, tmp_path)
    monkeypatch.setattr("voyager_ops.databases.oracle.triggers.stream._RELEASE_AGAIN_SECONDS", 0.0)
    busy: list[str] = []
    run = install.Installer._run

    def refuse(self: install.Installer, statement: str, *rest: object, **options: object) -> bool:
        if statement.startswith("DROP TRIGGER") and len(busy) < 2:
            busy.append(statement)
            raise install._Busy
        return run(self, statement, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(install.Installer, "_run", refuse)
    with capturing(context) as running:
        oracle.many("INSERT INTO A VALUES (1, 'one')")
        wait_for_marker(context, running)
        trigger = trigger_of(oracle, "A")
        oracle.many("TRUNCATE TABLE A")
        for _ in range(3):
            wait_for_marker(context, running)
    assert len(busy) == 2
    assert trigger not in standing(context)


def test_more_tables_in_a_batch_than_a_session_may_have_cursors(
    oracle: Oracle, target_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many as the driver keeps for statements that it has run, and a few."""
    assert oracle.simulator  # whose limit is made smaller
    names = [f"M{number}" for number in range(40)]
    for name in names:
        oracle.execute(f"CREATE TABLE {name} (ID NUMBER(10) PRIMARY KEY, BODY CLOB)")
    context = triggers(oracle, target_db, tmp_path)
    trigger_capture.prepare(context)
    monkeypatch.setattr(cursors, "OPEN_CURSORS", 30)
    with oracle.source.connect("HR") as session:
        open_ones = [session.cursor() for _ in range(31)]
        for number, cursor in enumerate(open_ones[:-1]):
            cursor.execute(f"SELECT {number} FROM DUAL")
        with pytest.raises(oracledb.DatabaseError, match="ORA-01000"):
            open_ones[-1].execute("SELECT 30 FROM DUAL")
    for name in names:
        oracle.execute(f"INSERT INTO {name} VALUES (1, '{name}')")
    oracle.commit()
    with capturing(context) as running:
        wait_for_marker(context, running)
    (one, *_) = transactions(context)
    assert len({change.relation.name for change in one[2]}) == len(names)
    for name in names:
        assert replayed(context, name.lower()) == actual(context, name.lower())
