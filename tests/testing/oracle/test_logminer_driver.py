"""LogMiner as a client meets it: python-oracledb's thin driver over TCP, Oracle's SQL, the SQL engine's tables."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import oracledb
import pytest

from tests.conftest import Database
from voyager_ops.testing.oracle.backend import PgEngine
from voyager_ops.testing.oracle.redo import RedoSettings
from voyager_ops.testing.oracle.server import Server

COLUMNS = (
    "SCN, SQL_REDO, OPERATION_CODE, TIMESTAMP, XID, CSF, TABLE_NAME, SEG_OWNER, OPERATION, ROW_ID, ROLLBACK, STATUS, INFO, SSN,"
    " THREAD#, DATA_OBJ#, DATA_OBJV#, DATA_OBJD#, START_SCN, COMMIT_SCN, SEQUENCE#, RS_ID, USERNAME, CLIENT_ID"
)
BUFFERED = (
    f"SELECT {COLUMNS} FROM V$LOGMNR_CONTENTS WHERE SCN > :1 AND SCN <= :2 AND SRC_CON_NAME = 'FREEPDB1'"
    " AND ((OPERATION_CODE IN (1,2,3,6,7,27,34,36,255,9,10,11,29,68,70,71,91,92,93)"
    " AND CASE WHEN OPERATION_CODE IN (6,7,36) THEN 1 WHEN USERNAME IS NULL OR USERNAME NOT IN ('NOBODY') THEN 1 ELSE 0 END = 1"
    " AND (SEG_OWNER IS NULL OR SEG_OWNER IN ('UNKNOWN','HR'))"
    " AND (TABLE_NAME IS NULL OR SEG_OWNER||'.'||TABLE_NAME IN ('HR.T','HR.U','HR.TYPES')))"
    " OR (OPERATION_CODE=5 AND INFO NOT LIKE 'INTERNAL DDL%'))"
)
LOGS = """
SELECT MIN(F.MEMBER) AS FILE_NAME, L.FIRST_CHANGE# FIRST_CHANGE, L.NEXT_CHANGE# NEXT_CHANGE, L.ARCHIVED, L.STATUS,
       'ONLINE' AS TYPE, L.SEQUENCE# AS SEQ, 'NO' AS DICT_START, 'NO' AS DICT_END, L.THREAD# AS THREAD
  FROM V$LOGFILE F, V$DATABASE D, V$LOG L
 WHERE (L.STATUS = 'CURRENT' OR (L.NEXT_CHANGE# >= :scn AND L.ARCHIVED = 'NO')) AND F.GROUP# = L.GROUP#
 GROUP BY F.GROUP#, L.FIRST_CHANGE#, L.NEXT_CHANGE#, L.STATUS, L.ARCHIVED, L.SEQUENCE#, L.THREAD#
UNION
SELECT A.NAME AS FILE_NAME, A.FIRST_CHANGE# FIRST_CHANGE, A.NEXT_CHANGE# NEXT_CHANGE, 'YES', NULL, 'ARCHIVED',
       A.SEQUENCE# AS SEQ, A.DICTIONARY_BEGIN, A.DICTIONARY_END, A.THREAD# AS THREAD
  FROM V$ARCHIVED_LOG A, V$DATABASE D
 WHERE A.NAME IS NOT NULL AND A.ARCHIVED = 'YES' AND A.STATUS = 'A' AND A.NEXT_CHANGE# > :scn
   AND A.DEST_ID IN (SELECT DEST_ID FROM V$ARCHIVE_DEST_STATUS WHERE STATUS = 'VALID' AND TYPE = 'LOCAL' AND ROWNUM = 1)
   AND A.RESETLOGS_CHANGE# = D.RESETLOGS_CHANGE# AND A.RESETLOGS_TIME = D.RESETLOGS_TIME
 ORDER BY 7
"""
SETTINGS = (
    "ALTER SESSION SET NLS_DATE_FORMAT='YYYY-MM-DD HH24:MI:SS' NLS_TIMESTAMP_FORMAT='YYYY-MM-DD HH24:MI:SS.FF9'"
    " NLS_TIMESTAMP_TZ_FORMAT='YYYY-MM-DD HH24:MI:SS.FF9 TZH:TZM' NLS_NUMERIC_CHARACTERS='.,'",
    "ALTER SESSION SET TIME_ZONE='00:00'",
)
ONLINE = "DBMS_LOGMNR.DICT_FROM_ONLINE_CATALOG + DBMS_LOGMNR.NO_ROWID_IN_STMT"


@dataclass
class Oracle:
    """A simulated Oracle with user HR and a user who may mine."""

    engine: PgEngine
    server: Server

    def connect(self, user: str = "hr") -> oracledb.Connection:
        return oracledb.connect(user=user, password="secret", dsn=self.server.dsn())

    def scn(self, connection: oracledb.Connection) -> int:
        ((scn,),) = connection.cursor().execute("SELECT CURRENT_SCN FROM V$DATABASE")
        return int(scn)


Make = Callable[..., Oracle]


@pytest.fixture(params=["19c", "23ai"])
def make(request: pytest.FixtureRequest, source_db: Database) -> Iterator[Make]:
    """Starts the server with redo settings of the test's choice."""
    made: list[Oracle] = []

    def build(**settings: Any) -> Oracle:
        size = settings.pop("max_string_size", 4000)
        engine = PgEngine(source_db.url, profile=request.param, max_string_size=size, redo=RedoSettings(**settings))
        for user in ("HR", "MINER"):
            engine.add_user(user, "secret", "DBA", "LOGMINING", "SELECT ANY TRANSACTION")
        server = Server(engine, profile=request.param).start()
        made.append(Oracle(engine, server))
        return made[-1]

    yield build
    for oracle in made:
        oracle.server.close()
        oracle.engine.close()


@dataclass
class Miner:
    connection: oracledb.Connection

    def __post_init__(self) -> None:
        for statement in SETTINGS:
            self.connection.cursor().execute(statement)

    def logs(self, scn: int) -> list[str]:
        return [row[0] for row in self.connection.cursor().execute(LOGS, scn=scn)]

    def block(self, text: str) -> None:
        self.connection.cursor().execute(f"BEGIN {text}; END;")

    def rows(self, first: int, last: int, options: str = ONLINE) -> list[dict[str, Any]]:
        for name in self.logs(first):
            self.block(f"sys.dbms_logmnr.add_logfile(LOGFILENAME=>'{name}', OPTIONS=>DBMS_LOGMNR.ADDFILE)")
        try:
            self.block(f"sys.dbms_logmnr.start_logmnr(startScn=>'{first + 1}', endScn=>'{last}', options=>{options})")
            cursor = self.connection.cursor()
            cursor.arraysize = 500
            cursor.execute(BUFFERED, [first, last])
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor]
        finally:
            self.block("SYS.DBMS_LOGMNR.END_LOGMNR()")

    def rows_while_logs_switch(self, first: int, last: int) -> list[dict[str, Any]]:
        """As ``rows``; an online log that is written over between its listing and its reading is asked for by its new name."""
        while True:
            try:
                return self.rows(first, last)
            except oracledb.DatabaseError as error:
                if error.args[0].code not in (310, 1291):
                    raise


def statements(rows: Sequence[dict[str, Any]]) -> list[str]:
    """SQL_REDO without START and COMMIT, continuation rows joined."""
    found, text = [], ""
    for row in rows:
        if row["OPERATION_CODE"] in (6, 7):
            continue
        text += row["SQL_REDO"] or ""
        if not row["CSF"]:
            found.append(text)
            text = ""
    return found


def test_interleaved_transactions_over_the_wire(make: Make) -> None:
    oracle = make()
    with oracle.connect() as one, oracle.connect() as two, oracle.connect("miner") as mining:
        cursor = one.cursor()
        cursor.execute("CREATE TABLE T (ID NUMBER(10) PRIMARY KEY, NAME VARCHAR2(4000), AMOUNT NUMBER(12,2))")
        cursor.execute("ALTER TABLE T ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS")
        start = oracle.scn(mining)
        cursor.executemany("INSERT INTO T VALUES (:1, :2, :3)", [(1, "it's", 1.5), (2, None, -0.25)])
        two.cursor().execute("INSERT INTO T VALUES (3, 'three', NULL)")
        cursor.execute("SAVEPOINT s")
        cursor.execute("UPDATE T SET NAME = 'undone' WHERE ID = 1")
        cursor.execute("ROLLBACK TO s")
        with pytest.raises(oracledb.IntegrityError, match="ORA-00001"):
            cursor.execute("INSERT INTO T VALUES (1, 'twice', 0)")
        two.commit()
        cursor.execute("DELETE FROM T WHERE ID = 2")
        one.commit()
        miner = Miner(mining)
        rows = miner.rows(start, oracle.scn(mining))
        ((object_id,),) = mining.cursor().execute(
            "SELECT OBJECT_ID FROM ALL_OBJECTS WHERE OWNER = 'HR' AND OBJECT_NAME = 'T' AND OBJECT_TYPE = 'TABLE'"
        )
        ((rowid,),) = one.cursor().execute("SELECT ROWID FROM T WHERE ID = 1")
        assert [(row["OPERATION"], row["ROLLBACK"], row["XID"] == rows[0]["XID"]) for row in rows] == [
            ("START", 0, True),
            ("INSERT", 0, True),
            ("INSERT", 0, True),
            ("START", 0, False),
            ("INSERT", 0, False),
            ("UPDATE", 0, True),
            ("UPDATE", 1, True),
            ("INSERT", 0, True),
            ("DELETE", 1, True),
            ("COMMIT", 0, False),
            ("DELETE", 0, True),
            ("COMMIT", 0, True),
        ]
        assert rows[1]["SQL_REDO"] == 'insert into "HR"."T"("ID","NAME","AMOUNT") values (\'1\',\'it\'\'s\',\'1.5\');'
        assert rows[2]["SQL_REDO"] == 'insert into "HR"."T"("ID","NAME","AMOUNT") values (\'2\',NULL,\'-.25\');'
        assert rows[10]["SQL_REDO"] == 'delete from "HR"."T" where "ID" = \'2\' and "NAME" IS NULL and "AMOUNT" = \'-.25\';'
        assert rows[1]["ROW_ID"] == rowid == rows[5]["ROW_ID"] == rows[6]["ROW_ID"]
        assert rows[1]["DATA_OBJ#"] == object_id
        assert isinstance(rows[0]["XID"], bytes)
        assert isinstance(rows[0]["TIMESTAMP"], datetime)
        assert rows[0]["USERNAME"] == "HR"
        with pytest.raises(oracledb.DatabaseError, match="ORA-01307"):
            miner.block("SYS.DBMS_LOGMNR.END_LOGMNR()")
        with pytest.raises(oracledb.DatabaseError, match="ORA-01306"):
            mining.cursor().execute(BUFFERED, [0, 1])


def test_every_type_over_the_wire(make: Make) -> None:
    oracle = make()
    with oracle.connect() as connection, oracle.connect("miner") as mining:
        cursor = connection.cursor()
        cursor.execute(
            "CREATE TABLE TYPES (ID NUMBER PRIMARY KEY, F FLOAT, BF BINARY_FLOAT, BD BINARY_DOUBLE, C CHAR(4), N NVARCHAR2(20),"
            " NC NCHAR(3), R RAW(8), D DATE, TS TIMESTAMP(9), TZ TIMESTAMP(3) WITH TIME ZONE, LT TIMESTAMP WITH LOCAL TIME ZONE,"
            " YM INTERVAL YEAR(3) TO MONTH, DS INTERVAL DAY(3) TO SECOND(2), L CLOB, B BLOB)"
        )
        cursor.execute("ALTER TABLE TYPES ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS")
        start = oracle.scn(mining)
        cursor.execute(
            "INSERT INTO TYPES VALUES (123456789012345678901234567890.5, 2.5, 1.5, 0.1, 'ab', N'é', N'x', HEXTORAW('00FF'),"
            " TO_DATE('2024-02-29 13:14:15', 'YYYY-MM-DD HH24:MI:SS'), TO_TIMESTAMP('2024-02-29 13:14:15.123456789',"
            " 'YYYY-MM-DD HH24:MI:SS.FF9'), TO_TIMESTAMP_TZ('2024-02-29 13:14:15.5 +05:30', 'YYYY-MM-DD HH24:MI:SS.FF TZH:TZM'),"
            " TO_TIMESTAMP_TZ('2024-02-29 13:14:15 +05:30', 'YYYY-MM-DD HH24:MI:SS TZH:TZM'), TO_YMINTERVAL('-1-2'),"
            " TO_DSINTERVAL('1 02:03:04.56'), EMPTY_CLOB(), HEXTORAW('0A0B'))"
        )
        cursor.execute("UPDATE TYPES SET L = :1", ["long " * 1000])
        connection.commit()
        rows = Miner(mining).rows(start, oracle.scn(mining))
        found = statements(rows)
        assert found[0] == (
            'insert into "HR"."TYPES"("ID","F","BF","BD","C","N","NC","R","D","TS","TZ","LT","YM","DS","L","B") values ('
            "'123456789012345678901234567890.5','2.5','1.5E+000','1.0000000000000001E-001','ab  ',UNISTR('\\00E9'),'x  ',"
            "HEXTORAW('00ff'),TO_DATE('2024-02-29 13:14:15', 'YYYY-MM-DD HH24:MI:SS'),"
            "TO_TIMESTAMP('2024-02-29 13:14:15.123456789'),TO_TIMESTAMP_TZ('2024-02-29 13:14:15.500000000 +05:30'),"
            "TO_TIMESTAMP('2024-02-29 07:44:15.000000000'),TO_YMINTERVAL('-001-02'),TO_DSINTERVAL('+001 02:03:04.56'),"
            "EMPTY_CLOB(),EMPTY_BLOB());"
        )
        assert [row["OPERATION_CODE"] for row in rows if row["OPERATION_CODE"] not in (6, 7) and not row["CSF"]] == [
            1,
            3,
            9,
            10,
            10,
        ]
        assert found[1].startswith('update "HR"."TYPES" set "B" = HEXTORAW(\'0a0b\') where "ID" = \'12345')
        assert found[3].endswith("dbms_lob.write(loc_c, 4000, 1, buf_c);\n")
        commit = next(row for row in rows if row["OPERATION_CODE"] == 7)["SCN"]
        ((text,),) = mining.cursor().execute("SELECT L FROM HR.TYPES AS OF SCN :1", [commit], fetch_lobs=False)
        assert text == "long " * 1000


def test_extended_strings_and_documents_over_the_wire(make: Make) -> None:
    oracle = make(max_string_size=32767)
    with oracle.connect() as connection, oracle.connect("miner") as mining:
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE U (ID NUMBER PRIMARY KEY, X XMLTYPE, W VARCHAR2(32767), C CLOB)")
        cursor.execute("ALTER TABLE U ADD SUPPLEMENTAL LOG DATA (PRIMARY KEY) COLUMNS")
        start = oracle.scn(mining)
        cursor.execute("INSERT INTO U VALUES (1, XMLTYPE('<a>1</a>'), RPAD('w', 10000, 'w'), RPAD('c', 2000, 'c'))")
        cursor.execute("SAVEPOINT s")
        cursor.execute("UPDATE U SET W = 'short', C = 'short'")
        cursor.execute("ROLLBACK TO s")
        cursor.execute("DELETE FROM U")
        connection.commit()
        rows = [row for row in Miner(mining).rows(start, oracle.scn(mining)) if not row["CSF"]]
        assert [(row["OPERATION_CODE"], row["ROLLBACK"], row["ROW_ID"] != "A" * 18) for row in rows] == [
            (6, 0, False),
            (1, 0, False),
            (91, 0, False),
            (92, 0, False),
            (93, 0, False),
            (9, 0, False),
            (10, 0, False),
            (68, 0, False),
            (70, 0, False),
            (71, 0, False),
            (3, 0, False),
            (3, 0, True),
            (3, 1, True),
            (2, 0, True),
            (7, 0, False),
        ]
        assert rows[1]["RS_ID"] == rows[2]["RS_ID"] == rows[5]["RS_ID"] != rows[3]["RS_ID"]


def test_ddl_and_truncate_over_the_wire(make: Make) -> None:
    oracle = make()
    with oracle.connect() as connection, oracle.connect("miner") as mining:
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE T (ID NUMBER PRIMARY KEY)")
        cursor.execute("INSERT INTO T VALUES (1)")
        connection.commit()
        start = oracle.scn(mining)
        cursor.execute("TRUNCATE TABLE T")
        cursor.execute("ALTER TABLE T ADD (NAME VARCHAR2(10))")
        cursor.execute("DROP TABLE T PURGE")
        ddl = [row for row in Miner(mining).rows(start, oracle.scn(mining)) if row["OPERATION_CODE"] == 5]
        assert [(row["SQL_REDO"], row["SEG_OWNER"], row["TABLE_NAME"]) for row in ddl] == [
            ("TRUNCATE TABLE T;", "HR", "T"),
            ("ALTER TABLE T ADD (NAME VARCHAR2(10));", "HR", "T"),
            ("DROP TABLE T PURGE;", "HR", "T"),
        ]


def test_a_miner_that_follows_writers_misses_and_repeats_nothing(make: Make) -> None:
    oracle = make(log_bytes=6_000, threads=2)
    with oracle.connect() as connection, oracle.connect("miner") as mining:
        connection.cursor().execute("CREATE TABLE T (ID NUMBER PRIMARY KEY, WRITER NUMBER)")
        connection.cursor().execute("ALTER TABLE T ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS")
        miner = Miner(mining)
        position = low = oracle.scn(mining)
        written: list[int] = []

        def write(number: int) -> None:
            with oracle.connect() as writer:
                cursor = writer.cursor()
                for at in range(60):
                    cursor.execute("INSERT INTO T VALUES (:1, :2)", [number * 1000 + at, number])
                    if at % 7 == 3:
                        writer.rollback()
                    elif at % 3:
                        writer.commit()
                        written.append(at)
                writer.commit()

        threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        open_rows: dict[bytes, list[str]] = {}
        starts: dict[bytes, int] = {}
        seen: list[str] = []
        done: set[bytes] = set()
        while True:
            finished = not any(thread.is_alive() for thread in threads)
            end = oracle.scn(mining)
            for row in miner.rows_while_logs_switch(min([low, *(scn - 1 for scn in starts.values())]), end):
                xid, code = row["XID"], row["OPERATION_CODE"]
                if row["SCN"] <= position or xid in done:
                    continue
                if code == 6:
                    starts[xid], open_rows[xid] = row["SCN"], []
                elif code == 1:
                    open_rows[xid].append(row["SQL_REDO"])
                elif code in (7, 36):
                    seen += open_rows.pop(xid) if code == 7 else []
                    starts.pop(xid)
                    done.add(xid)
            position = low = end
            if finished:
                break
        for thread in threads:
            thread.join()
        ids = sorted(int(sql.split("values ('")[1].split("'")[0]) for sql in seen)
        assert ids == [int(row[0]) for row in mining.cursor().execute("SELECT ID FROM HR.T ORDER BY ID")]
        assert len(written) > 30
        ((switches,),) = mining.cursor().execute("SELECT COUNT(*) FROM V$ARCHIVED_LOG")
        assert switches > 2


def test_who_has_a_transaction_open_and_wrote_to_what(make: Make) -> None:
    oracle = make()
    with oracle.connect() as connection, oracle.connect("miner") as other:
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE T (ID NUMBER PRIMARY KEY)")
        before = oracle.scn(other)
        cursor.execute("INSERT INTO T VALUES (1)")
        look = other.cursor()
        opened = look.execute(
            "SELECT S.SID, S.USERNAME, T.START_SCN, T.START_DATE, SYSDATE FROM GV$TRANSACTION T"
            " LEFT JOIN GV$SESSION S ON S.SADDR = T.SES_ADDR AND S.INST_ID = T.INST_ID ORDER BY T.START_SCN"
        ).fetchall()
        ((sid, user, start, since, now),) = opened
        assert user == "HR"
        assert start > before
        assert abs((now - since).total_seconds()) < 60
        locked = (
            "SELECT S.USERNAME, O.OBJECT_NAME FROM V$LOCKED_OBJECT L JOIN V$SESSION S ON S.SID = L.SESSION_ID"
            " JOIN ALL_OBJECTS O ON O.OBJECT_ID = L.OBJECT_ID WHERE L.LOCKED_MODE >= 3 AND L.SESSION_ID = :1"
        )
        assert look.execute(locked, [sid]).fetchall() == [("HR", "T")]
        connection.rollback()
        assert look.execute(locked, [sid]).fetchall() == []
        assert look.execute("SELECT COUNT(*) FROM V$TRANSACTION").fetchone() == (0,)


def test_the_database_is_administered(make: Make) -> None:
    oracle = make()
    with oracle.connect() as connection, oracle.connect("miner") as mining:
        cursor = connection.cursor()
        state = "SELECT LOG_MODE, SUPPLEMENTAL_LOG_DATA_MIN, SUPPLEMENTAL_LOG_DATA_PK, SUPPLEMENTAL_LOG_DATA_ALL FROM V$DATABASE"
        assert cursor.execute(state).fetchone() == ("ARCHIVELOG", "NO", "NO", "NO")
        cursor.execute("ALTER DATABASE ADD SUPPLEMENTAL LOG DATA")
        cursor.execute("ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (PRIMARY KEY) COLUMNS")
        assert cursor.execute(state).fetchone() == ("ARCHIVELOG", "YES", "YES", "NO")
        cursor.execute("CREATE TABLE T (ID NUMBER PRIMARY KEY, A NUMBER, B NUMBER)")
        start = oracle.scn(mining)
        cursor.execute("INSERT INTO T VALUES (1, 2, 3)")
        cursor.execute("UPDATE T SET A = 4")
        connection.commit()
        cursor.execute("ALTER SYSTEM SWITCH LOGFILE")
        archived = "SELECT NAME FROM V$ARCHIVED_LOG WHERE NAME IS NOT NULL"
        assert len(cursor.execute(archived).fetchall()) == 1
        miner = Miner(mining)
        assert statements(miner.rows(start, oracle.scn(mining)))[1] == (
            'update "HR"."T" set "A" = \'4\' where "ID" = \'1\' and "A" = \'2\';'
        )
        oracle.engine.recorder.logs.purge()
        assert cursor.execute(archived).fetchall() == []
        with pytest.raises(oracledb.DatabaseError, match="ORA-01291"):
            miner.rows(start, oracle.scn(mining))


def test_scns_and_moments_over_the_wire(make: Make) -> None:
    oracle = make()
    with oracle.connect() as connection:
        cursor = connection.cursor()
        scn = oracle.scn(connection)
        ((moment, now),) = cursor.execute("SELECT SCN_TO_TIMESTAMP(:1), SYSTIMESTAMP FROM DUAL", [scn])
        assert abs((now.replace(tzinfo=None) - moment).total_seconds()) < 30
        ((back,),) = cursor.execute("SELECT TIMESTAMP_TO_SCN(SYSTIMESTAMP) FROM DUAL")
        assert scn - 5 <= back <= oracle.scn(connection)
        for statement, error in (
            ("SELECT SCN_TO_TIMESTAMP(5) FROM DUAL", "ORA-08181"),
            ("SELECT SCN_TO_TIMESTAMP(99999999) FROM DUAL", "ORA-08181"),
            ("SELECT TIMESTAMP_TO_SCN(DATE '2001-01-01') FROM DUAL", "ORA-08180"),
        ):
            with pytest.raises(oracledb.DatabaseError, match=error):
                cursor.execute(statement).fetchall()
