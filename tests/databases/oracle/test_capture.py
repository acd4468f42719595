"""Capture from a (simulated) Oracle: the real driver, LogMiner's rows of interleaved transactions, the capture loop itself."""

from __future__ import annotations

import time
from pathlib import Path

import oracledb
import pytest

from tests.conftest import Database
from tests.databases.oracle.capture_kit import (
    Oracle,
    actual,
    capturing,
    context_from,
    context_of,
    ended,
    replayed,
    transactions,
    wait_for_marker,
)
from voyager_ops.databases.engines import engine_of
from voyager_ops.databases.oracle import capture as capture_module
from voyager_ops.databases.oracle import supplemental
from voyager_ops.databases.oracle.logminer.stream import watermark_key
from voyager_ops.databases.oracle.notes import warnings_key
from voyager_ops.databases.oracle.positions import scn_of
from voyager_ops.databases.oracle.prepared import objects_key
from voyager_ops.databases.oracle.reading import current_scn
from voyager_ops.databases.postgres.lsn import from_position
from voyager_ops.errors import PreconditionError, SourceChanged, StreamLost
from voyager_ops.model.positions import Side
from voyager_ops.model.results import silent
from voyager_ops.state.lanes import ENDED, read_lane

TABLE = "CREATE TABLE T (ID NUMBER(10) PRIMARY KEY, NAME VARCHAR2(50), AT DATE, AMOUNT NUMBER(12,2))"


def test_inserts_updates_deletes_in_commit_order(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    oracle.many(TABLE, "INSERT INTO T (ID, NAME) VALUES (1, 'before')")
    context = context_of(oracle, target_db, tmp_path)
    with capturing(context) as running:
        oracle.execute(
            "INSERT INTO T VALUES (2, 'it''s', TO_DATE('2024-02-29 13:14:15', 'YYYY-MM-DD HH24:MI:SS'), 12.5)", session="b"
        )
        oracle.many(
            "INSERT INTO T (ID, NAME) VALUES (3, 'c')", "UPDATE T SET NAME = 'c2' WHERE ID = 3", "DELETE FROM T WHERE ID = 1"
        )
        oracle.execute("UPDATE T SET ID = 4 WHERE ID = 2", session="b")
        oracle.commit("b")
        wait_for_marker(context, running)
    found = transactions(context)
    assert [len(changes) for _, _, changes in found] == [3, 2]
    assert [position for position, _, _ in found] == sorted(position for position, _, _ in found)
    # The row that was there before is in no change but its deletion.
    assert found[0][2][2].old == [b"1", None, None, None]
    moved = found[1][2][1]
    assert moved.old == [b"2", None, None, None]
    assert moved.new == [b"4", b"it's", b"2024-02-29 13:14:15", b"12.50"]


def test_what_is_rolled_back_is_not_there(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    oracle.many(TABLE)
    context = context_of(oracle, target_db, tmp_path)
    with capturing(context) as running:
        oracle.execute("INSERT INTO T (ID, NAME) VALUES (1, 'a')")
        oracle.execute("SAVEPOINT S")
        oracle.execute("UPDATE T SET NAME = 'b' WHERE ID = 1")
        oracle.execute("INSERT INTO T (ID) VALUES (2)")
        oracle.execute("DELETE FROM T WHERE ID = 1")
        oracle.execute("ROLLBACK TO S")
        with pytest.raises(oracledb.IntegrityError):
            oracle.execute("INSERT INTO T (ID) SELECT 3 FROM DUAL UNION ALL SELECT 1 FROM DUAL")
        oracle.execute("INSERT INTO T (ID) VALUES (5)")
        oracle.commit()
        oracle.execute("INSERT INTO T (ID) VALUES (6)")
        oracle.rollback()
        wait_for_marker(context, running)
    assert set(replayed(context, "t")) == {(b"1",), (b"5",)}
    assert replayed(context, "t") == actual(context, "t")


def test_a_transaction_that_is_open_when_capture_begins_is_captured_whole(
    oracle: Oracle, target_db: Database, tmp_path: Path
) -> None:
    oracle.many(TABLE)
    oracle.execute("ALTER TABLE T ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS")
    oracle.execute("INSERT INTO T (ID, NAME) VALUES (1, 'long')", session="long")
    context = context_of(oracle, target_db, tmp_path)
    with capturing(context) as running:
        assert any("open since SCN" in text for text in running.said)
        wait_for_marker(context, running)
        oracle.execute("INSERT INTO T (ID, NAME) VALUES (2, 'later')", session="long")
        oracle.commit("long")
        wait_for_marker(context, running)
    assert [len(changes) for _, _, changes in transactions(context)] == [2]
    assert replayed(context, "t") == actual(context, "t")


def test_resuming_with_transactions_open(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    """Stopped and started while transactions are open; logs are switched and archived in between."""
    oracle.many(TABLE)
    context = context_of(oracle, target_db, tmp_path)
    positions = []
    for number in range(3):
        with capturing(context) as running:
            oracle.execute(f"INSERT INTO T (ID) VALUES ({100 + number})", session="long")
            oracle.many(f"INSERT INTO T (ID) VALUES ({number})")
            wait_for_marker(context, running)
            oracle.switch_logs()
            oracle.many(f"UPDATE T SET NAME = 'x' WHERE ID = {number}")
            wait_for_marker(context, running)
        positions.append(context.state.get(watermark_key(context)))
        oracle.many(f"INSERT INTO T (ID) VALUES ({200 + number})")  # nobody captures
    assert len({document["low_scn"] for document in positions if document}) == 1  # the long transaction holds it
    with capturing(context) as running:
        oracle.commit("long")
        wait_for_marker(context, running)
    assert replayed(context, "t") == actual(context, "t")
    assert len(replayed(context, "t")) == 9
    document = context.state.get(watermark_key(context))
    assert document is not None
    assert positions[0] is not None
    assert document["low_scn"] > positions[0]["low_scn"]


def test_truncate_is_captured_and_a_change_of_structure_ends_the_lane(
    oracle: Oracle, target_db: Database, tmp_path: Path
) -> None:
    oracle.many(TABLE, "INSERT INTO T (ID) VALUES (1)")
    context = context_of(oracle, target_db, tmp_path)

    def change() -> None:
        oracle.many("INSERT INTO T (ID) VALUES (2)", "TRUNCATE TABLE T", "INSERT INTO T (ID) VALUES (3)")
        oracle.many("CREATE INDEX T_NAME ON T (NAME)", "COMMENT ON TABLE T IS 'no concern of ours'")
        wait_for_marker(context)
        oracle.many("INSERT INTO T (ID) VALUES (4)", "ALTER TABLE T ADD (NICK VARCHAR2(10))", "INSERT INTO T (ID) VALUES (5)")

    error = ended(context, change)
    assert isinstance(error, SourceChanged)
    assert "NICK" in error.what
    assert set(replayed(context, "t")) == {(b"3",), (b"4",)}
    assert read_lane(context.state, context.lane).status == "failed"


@pytest.mark.parametrize("statement", ["ALTER TABLE T RENAME TO U", "RENAME T TO U"])
def test_a_table_that_is_renamed_ends_the_lane(oracle: Oracle, target_db: Database, tmp_path: Path, statement: str) -> None:
    oracle.many(TABLE)
    context = context_of(oracle, target_db, tmp_path)

    def change() -> None:
        oracle.many("INSERT INTO T (ID) VALUES (1)")
        wait_for_marker(context)
        oracle.many(statement)
        oracle.many("INSERT INTO U (ID) VALUES (2)")

    error = ended(context, change)
    assert isinstance(error, SourceChanged)
    assert set(replayed(context, "t")) == {(b"1",)}


def test_redo_from_before_a_change_of_structure_is_still_read(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    """LogMiner's dictionary is that of now: it prints numbers for columns, and values in internal form."""
    oracle.many(TABLE)
    context = context_of(oracle, target_db, tmp_path)
    with capturing(context) as running:
        wait_for_marker(context, running)
    oracle.many(
        "INSERT INTO T VALUES (7, 'it''s', TO_DATE('2024-02-29 13:14:15', 'YYYY-MM-DD HH24:MI:SS'), -12.5)",
        "INSERT INTO T (ID) VALUES (8)",
        "UPDATE T SET NAME = 'x' WHERE ID = 8",
        "DELETE FROM T WHERE ID = 8",
        "ALTER TABLE T ADD (NICK VARCHAR2(10))",
        "INSERT INTO T (ID) VALUES (9)",
    )
    error = ended(context, lambda: None)
    assert isinstance(error, SourceChanged)
    assert "NICK" in error.what
    assert list(replayed(context, "t").values()) == [
        {"id": b"7", "name": b"it's", "at": b"2024-02-29 13:14:15", "amount": b"-12.50"}
    ]


def test_purged_logs_are_the_end(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    redo = oracle.redo
    oracle.many(TABLE)
    context = context_of(oracle, target_db, tmp_path)
    with capturing(context) as running:
        wait_for_marker(context, running)
    oracle.many("INSERT INTO T (ID) VALUES (1)")
    for _ in range(5):
        oracle.switch_logs()
    gone = redo.logs.purge()
    with pytest.raises(StreamLost, match="redo log"):
        capture_module.prepare(context)
    with pytest.raises(StreamLost, match=r"deleted|no longer known") as raised, capturing(context):
        pass
    assert "RMAN: RESTORE ARCHIVELOG" in raised.value.next_step
    assert "voyager-ops end migration" in raised.value.next_step
    for log in gone:  # what it tells to do, where there is a backup
        log.deleted = log.lost = False
    with capturing(context) as running:
        wait_for_marker(context, running)
    assert replayed(context, "t") == actual(context, "t") != {}


def test_faults_of_mining_pass(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    redo = oracle.redo
    oracle.many(TABLE)
    context = context_of(oracle, target_db, tmp_path)
    with capturing(context) as running:
        redo.faults.fail("start_logmnr", 1291, "missing logfile", times=2)
        redo.faults.fail("add_logfile", 1284, "file cannot be opened")
        oracle.many("INSERT INTO T (ID) VALUES (1)")
        wait_for_marker(context, running)
        redo.faults.fail("V$LOGMNR_CONTENTS", 310, "archived log contains sequence 5; sequence 4 required")
        oracle.many("INSERT INTO T (ID) VALUES (2)")
        wait_for_marker(context, running)
        redo.faults.fail("V$LOGMNR_CONTENTS", 3113, "end-of-file on communication channel")
        oracle.many("INSERT INTO T (ID) VALUES (3)")
        wait_for_marker(context, running)
    assert replayed(context, "t") == actual(context, "t")
    assert any("connecting again" in text for text in running.said)


def test_rows_that_nobody_can_read_end_the_lane(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    redo = oracle.redo
    oracle.many(TABLE)
    context = context_of(oracle, target_db, tmp_path)
    table = context.tables[0]

    def write() -> None:
        oracle.many("INSERT INTO T (ID) VALUES (1)")
        xid = bytes(range(1, 9))
        redo.inject({"OPERATION_CODE": 34, "INFO": "a gap"})
        row = {"XID": xid, "SEG_OWNER": "HR", "TABLE_NAME": "T", "DATA_OBJ#": table.oid, "SQL_REDO": "Unsupported"}
        redo.inject({**row, "OPERATION_CODE": 255, "STATUS": 2, "INFO": "Object or Data type Unsupported"})
        redo.inject({"XID": xid, "OPERATION_CODE": 7})

    error = ended(context, write)
    assert isinstance(error, SourceChanged)
    assert "Object or Data type Unsupported" in error.what
    assert set(replayed(context, "t")) == {(b"1",)}
    assert "a gap" in str(context.state.get(warnings_key(context)))


def test_mining_in_the_root_for_a_table_in_a_pluggable_database(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    """A common user's mining session switches to CDB$ROOT, where the redo of every container is to be seen."""
    oracle.simulator.engine.add_user("C##MIG", "mig_pw", "DBA", "SET CONTAINER", "LOGMINING")
    oracle.many(TABLE)
    url = f"oracle://c%23%23mig:mig_pw@127.0.0.1:{oracle.simulator.port}/FREEPDB1"
    context = context_from(url, target_db.configured, tmp_path)
    with capturing(context) as running:
        oracle.many("INSERT INTO T (ID) VALUES (1)")
        row = {"SEG_OWNER": "HR", "TABLE_NAME": "T", "DATA_OBJ#": context.tables[0].oid, "SRC_CON_NAME": "OTHERPDB"}
        xid = bytes(range(1, 9))
        oracle.redo.inject(
            {**row, "XID": xid, "OPERATION_CODE": 1, "SQL_REDO": 'insert into "HR"."T"("ID") values (\'7\');', "ROW_ID": "X"}
        )
        oracle.redo.inject({"XID": xid, "OPERATION_CODE": 7, "SRC_CON_NAME": "OTHERPDB"})
        wait_for_marker(context, running)
    assert replayed(context, "t") == actual(context, "t")


def test_text_in_the_database_s_own_bytes_is_of_its_character_set(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    """LogMiner prints it so where its dictionary does not fit the redo. Taken for UTF-8 it would be other text."""
    redo = oracle.redo
    oracle.many("CREATE TABLE T (ID NUMBER(10) PRIMARY KEY, NAME VARCHAR2(20), NATIONAL NVARCHAR2(20))")
    context = context_of(oracle, target_db, tmp_path)
    capture_module.prepare(context)
    key = objects_key(context)
    prepared = context.state.get(key) or {}
    assert prepared["charsets"] == ["AL32UTF8", "AL16UTF16"]
    context.state.put(key, {**prepared, "charsets": ["WE8MSWIN1252", "UTF8"]})
    with capturing(context) as running:
        values = "HEXTORAW('c102'),HEXTORAW('c3a980'),HEXTORAW('6162')"
        row = {"OPERATION_CODE": 1, "STATUS": 2, "INFO": "Dictionary Version Mismatch", "ROW_ID": "A", "XID": bytes(range(1, 9))}
        sql = f'insert into "HR"."T"("COL 1","COL 2","COL 3") values ({values});'
        redo.inject({**row, "SEG_OWNER": "HR", "TABLE_NAME": "T", "DATA_OBJ#": context.tables[0].oid, "SQL_REDO": sql})
        redo.inject({"XID": bytes(range(1, 9)), "OPERATION_CODE": 7})
        wait_for_marker(context, running)
    assert list(replayed(context, "t").values()) == [{"id": b"1", "name": "Ã©€".encode(), "national": b"ab"}]


@pytest.mark.parametrize("capture", ["logminer", "triggers"])
def test_where_nobody_writes_capture_moves_on(oracle: Oracle, target_db: Database, tmp_path: Path, capture: str) -> None:
    """By its own heartbeat: what it has captured, and from where it would read again."""
    oracle.many(TABLE)
    context = context_of(oracle, target_db, tmp_path, capture=capture)
    with capturing(context) as running, context.capture_db.connect("test") as connection:
        for _ in range(3):
            now = current_scn(connection)
            deadline = time.monotonic() + 60

            def behind(now: int = now) -> bool:
                reached = [scn_of(from_position(read_lane(context.state, context.lane).captured_position))]
                if capture == "logminer":
                    reached.append(int((context.state.get(watermark_key(context)) or {})["low_scn"]))
                return min(reached) <= now

            while behind():
                assert running.error is None
                assert time.monotonic() < deadline, "nothing moves"
                time.sleep(0.05)
    assert transactions(context) == []


def test_without_a_flush_table(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    """As on a database that is open read-only, or where we may not create one: LAST_REDO_CHANGE# says how far there is redo."""
    oracle.many(TABLE)
    context = context_of(oracle, target_db, tmp_path)
    capture_module.prepare(context)
    key = objects_key(context)
    context.state.put(key, {**(context.state.get(key) or {}), "flush": False})
    with capturing(context) as running:
        oracle.many("INSERT INTO T (ID) VALUES (1)")
        wait_for_marker(context, running)
    assert replayed(context, "t") == actual(context, "t")


def test_preparing_refuses_what_cannot_work_and_teardown_puts_back(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    oracle.many(TABLE, "CREATE TABLE BAG (A CLOB)")
    context = context_of(oracle, target_db, tmp_path)
    with pytest.raises(PreconditionError, match="no primary key"):
        capture_module.prepare(context)
    oracle.many("DROP TABLE BAG")
    context = context_of(oracle, target_db, tmp_path / "two")
    capture_module.prepare(context)
    record = read_lane(context.state, context.lane)
    capture_module.prepare(context)  # again: as it was
    assert read_lane(context.state, context.lane) == record
    connection = context.capture_db.connect("test")
    assert supplemental.logged(connection, ("HR",)) == {("HR", "T")}
    assert capture_module.plan_teardown(context) == ['ALTER TABLE "HR"."T" DROP SUPPLEMENTAL LOG DATA (ALL) COLUMNS']
    assert engine_of(context.capture_db).teardown(context, silent) == ["supplemental logging of HR.T"]
    assert supplemental.logged(connection, ("HR",)) == set()
    assert supplemental.outstanding(context.state, Side.SOURCE) == []
    assert capture_module.teardown(context) == []
    assert read_lane(context.state, context.lane).status == ENDED
    with pytest.raises(PreconditionError, match="ended"):
        capture_module.prepare(context)
    connection.close()


def test_a_database_that_keeps_no_redo_is_refused(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    redo = oracle.redo
    oracle.many(TABLE)
    context = context_of(oracle, target_db, tmp_path)
    redo.administer("ALTER DATABASE NOARCHIVELOG")
    redo.administer("ALTER DATABASE DROP SUPPLEMENTAL LOG DATA")
    with pytest.raises(PreconditionError, match=r"NOARCHIVELOG.*supplemental") as found:
        capture_module.prepare(context)
    assert "STARTUP MOUNT; ALTER DATABASE ARCHIVELOG" in str(found.value)
    oracle.simulator.execute('CREATE USER RDSADMIN IDENTIFIED BY "of Amazon 1"')
    with pytest.raises(PreconditionError) as found:
        capture_module.prepare(context)
    assert "ALTER DATABASE" not in str(found.value)
    assert "automated backups" in str(found.value)
    assert "rdsadmin.rdsadmin_util.alter_supplemental_logging('ADD')" in str(found.value)


def test_a_table_in_use_is_waited_for(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    oracle.many(TABLE)
    oracle.execute("INSERT INTO T (ID) VALUES (1)", session="long")
    context = context_of(oracle, target_db, tmp_path)
    said: list[str] = []

    def hear(progress: object) -> None:
        message = getattr(progress, "message", "")
        said.append(message)
        if "not in use" in message:
            oracle.commit("long")

    capture_module.prepare(context, hear)
    assert any("not in use" in text for text in said)


def test_a_running_capture_does_not_need_the_first_logs_of_a_long_transaction(
    oracle: Oracle, target_db: Database, tmp_path: Path
) -> None:
    """It has them in its buffer; only a restart would need them, and it says so."""
    redo = oracle.redo
    oracle.many(TABLE)
    context = context_of(oracle, target_db, tmp_path)
    with capturing(context) as running:
        oracle.execute("INSERT INTO T (ID) VALUES (1)", session="long")
        oracle.many("INSERT INTO T (ID) VALUES (2)")
        wait_for_marker(context, running)
        for _ in range(4):
            oracle.switch_logs()
        wait_for_marker(context, running)
        redo.logs.purge()
        oracle.many("INSERT INTO T (ID) VALUES (3)")
        wait_for_marker(context, running)
        oracle.execute("INSERT INTO T (ID) VALUES (4)", session="long")
        oracle.commit("long")
        wait_for_marker(context, running)
        deadline = time.monotonic() + 20.0
        while not any("a restart could not resume it" in text for text in running.said) and time.monotonic() < deadline:
            time.sleep(0.1)
    assert replayed(context, "t") == actual(context, "t")
    assert any("a restart could not resume it" in text for text in running.said)


def test_what_is_left_behind(oracle: Oracle, target_db: Database, tmp_path: Path) -> None:
    oracle.many(TABLE)
    context = context_of(oracle, target_db, tmp_path)
    with capturing(context) as running:
        oracle.many("INSERT INTO T (ID) VALUES (1)")
        wait_for_marker(context, running)
    assert list(capture_module.left_behind(context)) == []
    oracle.many("INSERT INTO T (ID) VALUES (2)", "UPDATE T SET NAME = 'x'")
    assert [str(name) for name in capture_module.left_behind(context)] == ["hr.t"] * 3
