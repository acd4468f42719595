"""The simulator's SQL engine: queries and DML, transactions, flashback, the session, errors of statements."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest

from tests.testing.oracle.engine_kit import Session
from voyager_ops.testing.oracle.backend import PgEngine
from voyager_ops.testing.oracle.engine import Bind, BindValue, OracleError, Timestamp, TypeNumber

# -- queries -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def filled(app: Session) -> Session:
    app.sql("CREATE TABLE M (ID NUMBER PRIMARY KEY, V NUMBER)")
    app.many("INSERT INTO M VALUES (:1, :2)", [[Decimal(n), Decimal(n * 10)] for n in range(1, 6)])
    app.commit()
    return app


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("SELECT ID FROM M WHERE ROWNUM <= 2", 2),
        ("SELECT ID FROM M WHERE ROWNUM < 2", 1),
        ("SELECT COUNT(*) FROM M WHERE ROWNUM <= 3", [(3,)]),
        ("SELECT ID FROM (SELECT ID FROM M ORDER BY ID DESC) WHERE ROWNUM = 1", [(5,)]),
        (
            "SELECT X.* FROM (SELECT A.*, ROWNUM RN FROM (SELECT ID FROM M ORDER BY ID) A WHERE ROWNUM <= 4) X WHERE RN > 2",
            [(3, 3), (4, 4)],
        ),
        ("SELECT ID FROM M ORDER BY ID OFFSET 1 ROWS FETCH NEXT 2 ROWS ONLY", [(2,), (3,)]),
        ("SELECT ID FROM M ORDER BY ID DESC FETCH FIRST ROW ONLY", [(5,)]),
        ("SELECT LEVEL FROM DUAL CONNECT BY LEVEL <= 3", [(1,), (2,), (3,)]),
        ("SELECT A.ID, B.ID FROM M A, M B WHERE A.V = B.ID(+) AND A.ID <= 1", [(1, None)]),
        ("SELECT ID FROM M MINUS SELECT ID FROM M WHERE ID > 1", [(1,)]),
        ("SELECT LISTAGG(ID, ',') WITHIN GROUP (ORDER BY ID) FROM M", [("1,2,3,4,5",)]),
        ("WITH Q AS (SELECT MAX(ID) X FROM M) SELECT Q.*, M.V FROM Q JOIN M ON M.ID = Q.X", [(5, 50)]),
        ("SELECT ID FROM APP.M WHERE ID = '3'", [(3,)]),
        ("SELECT m.ID FROM m WHERE (ID, V) IN ((1, 10), (2, 99))", [(1,)]),
    ],
)
def test_queries(filled: Session, query: str, values: object) -> None:
    found = filled.sql(query)
    assert (len(found) if isinstance(values, int) else found) == values


def test_what_data_pump_writes_before_its_ddl_is_accepted(app: Session) -> None:
    app.sql("ALTER SESSION SET EVENTS '10150 TRACE NAME CONTEXT FOREVER, LEVEL 1'")
    app.sql("ALTER SESSION SET EVENTS = '22830 TRACE NAME CONTEXT FOREVER, LEVEL 192 '")
    app.sql("ALTER SESSION SET ROW ARCHIVAL VISIBILITY = ALL")
    assert app.error("ALTER SESSION SET EVENTS")[0] == 2248


def test_an_asterisk_gives_the_columns_of_using_once_and_first(app: Session) -> None:
    app.sql("CREATE TABLE D (NAME VARCHAR2(9), DNO NUMBER)")
    app.sql("CREATE TABLE E (ID NUMBER, DNO NUMBER)")
    app.sql("INSERT INTO D VALUES ('d', 7)")
    app.sql("INSERT INTO E VALUES (1, 7)")
    app.sql("CREATE VIEW V AS SELECT * FROM E JOIN D USING (DNO)")
    assert app.sql("SELECT * FROM V") == [(7, 1, "d")]
    assert [column.name for column in app.columns("SELECT * FROM V")] == ["DNO", "ID", "NAME"]
    assert app.sql("SELECT E.*, NAME FROM E JOIN D USING (DNO)") == [(1, 7, "d")]


def test_queries_of_with_may_name_their_columns(app: Session) -> None:
    app.sql("CREATE TABLE E (ID NUMBER)")
    app.sql("INSERT INTO E VALUES (1)")
    assert app.sql('WITH a AS (SELECT ID FROM E), b (x, "y") AS (SELECT ID, 2 FROM A) SELECT X, "y" FROM B') == [(1, 2)]


def test_rowids_stay_with_their_rows(filled: Session) -> None:
    ((first, text), (second, _)) = filled.sql("SELECT ROWID, ID FROM M WHERE ID <= 2 ORDER BY ID")
    assert len(first) == 18
    assert text == 1
    filled.sql("UPDATE M SET V = 0 WHERE ID = 1")
    assert filled.one("SELECT ROWID FROM M WHERE ID = 1") == first
    assert filled.sql("UPDATE M SET V = 1 WHERE ROWID = :1", first) == 1
    assert filled.sql("SELECT ID FROM M WHERE ROWID BETWEEN :1 AND :2 ORDER BY 1", first, second) == [(1,), (2,)]
    ((object_id,),) = filled.sql("SELECT DATA_OBJECT_ID FROM USER_OBJECTS WHERE OBJECT_NAME = 'M'")
    assert filled.one("SELECT DBMS_ROWID.ROWID_OBJECT(ROWID) FROM M WHERE ID = 1") == object_id


def test_blocks_cut_a_table_into_disjoint_ranges_of_rowids(app: Session) -> None:
    app.sql("CREATE TABLE T (N NUMBER)")
    app.many("INSERT INTO T VALUES (:1)", [[Decimal(n)] for n in range(2000)])
    app.commit()
    extents = app.sql(
        "SELECT O.DATA_OBJECT_ID, E.RELATIVE_FNO, E.BLOCK_ID, E.BLOCKS FROM DBA_EXTENTS E JOIN DBA_OBJECTS O"
        " ON O.OWNER = E.OWNER AND O.OBJECT_NAME = E.SEGMENT_NAME WHERE E.OWNER = 'APP' AND E.SEGMENT_NAME = 'T'"
    )
    assert len(extents) > 1
    seen = [
        row
        for number, file, block, blocks in extents
        for row in app.sql(
            "SELECT N FROM T WHERE ROWID BETWEEN DBMS_ROWID.ROWID_CREATE(1, :1, :2, :3, 0) AND DBMS_ROWID.ROWID_CREATE(1, :4,"
            " :5, :6, 32767)",
            number,
            file,
            block,
            number,
            file,
            block + blocks - 1,
        )
    ]
    assert sorted(seen) == [(n,) for n in range(2000)]


# -- DML -----------------------------------------------------------------------------------------------------------------


def test_array_dml_with_batch_errors_and_counts(filled: Session) -> None:
    rows: list[list[BindValue]] = [[Decimal(1), Decimal(0)], [Decimal(6), Decimal(0)], [None, Decimal(0)]]
    result = filled.many("INSERT INTO M VALUES (:1, :2)", rows, batch_errors=True, row_counts=True)
    assert [(e.offset, e.error.code) for e in result.batch_errors] == [(0, 1), (2, 1400)]
    assert list(result.row_counts) == [0, 1, 0]


def test_array_dml_that_fails_keeps_the_rows_before(filled: Session) -> None:
    rows = [[Decimal(7), Decimal(0)], [Decimal(8), Decimal(0)], [Decimal(1), Decimal(0)], [Decimal(9), Decimal(0)]]
    with pytest.raises(OracleError) as raised:
        filled.many("INSERT INTO M VALUES (:1, :2)", rows)
    assert (raised.value.code, raised.value.row_count) == (1, 2)
    assert filled.sql("SELECT ID FROM M WHERE ID > 5 ORDER BY 1") == [(7,), (8,)]


def test_returning(filled: Session) -> None:
    result = filled.execute("UPDATE M SET V = V + 1 WHERE ID <= :1 RETURNING ID, V INTO :a, :b", 2, None, None)
    assert result.row_count == 2
    assert result.returning is not None
    assert sorted(zip(*result.returning[0], strict=True)) == [(1, 11), (2, 21)]


def test_merge_with_all_its_clauses(filled: Session) -> None:
    count = filled.sql(
        "MERGE INTO M T USING (SELECT 1 ID, 5 V FROM DUAL UNION ALL SELECT 2, 6 FROM DUAL UNION ALL SELECT 7, 7 FROM DUAL"
        " UNION ALL"
        " SELECT 8, 8 FROM DUAL) S ON (T.ID = S.ID) WHEN MATCHED THEN UPDATE SET T.V = S.V DELETE WHERE T.ID = 2"
        " WHEN NOT MATCHED THEN INSERT (ID, V) VALUES (S.ID, S.V) WHERE S.ID = 7"
    )
    assert count == 3
    assert filled.sql("SELECT ID, V FROM M WHERE ID IN (1, 2, 7, 8) ORDER BY ID") == [(1, 5), (7, 7)]


def test_insert_all_and_from_a_query(filled: Session) -> None:
    assert filled.sql("INSERT ALL INTO M VALUES (20, 1) INTO M (ID) VALUES (21) SELECT 1 FROM DUAL") == 2
    assert filled.sql("INSERT INTO M (ID) SELECT ID + 100 FROM M WHERE ID >= 20") == 2
    assert filled.sql("DELETE M WHERE ID > 100") == 2
    assert filled.sql("DELETE FROM M WHERE ROWNUM <= 1") == 1


def test_sequences(app: Session) -> None:
    app.sql("CREATE SEQUENCE S START WITH 5 INCREMENT BY 10 CACHE 10")
    assert app.error("SELECT S.CURRVAL FROM DUAL")[0] == 8002
    assert [app.one("SELECT S.NEXTVAL FROM DUAL") for _ in range(2)] == [5, 15]
    assert app.one("SELECT APP.S.CURRVAL FROM DUAL") == 15
    assert app.one("SELECT LAST_NUMBER FROM USER_SEQUENCES") == 105
    assert app.error("SELECT NONE.NEXTVAL FROM DUAL")[0] == 2289


def test_unique_keys_are_looked_at_when_the_statement_has_changed_all_its_rows(app: Session) -> None:
    app.sql("CREATE TABLE P (ID NUMBER CONSTRAINT P_PK PRIMARY KEY, U NUMBER CONSTRAINT P_U UNIQUE, V NUMBER)")
    app.sql("CREATE UNIQUE INDEX P_V ON P (V)")
    app.many("INSERT INTO P VALUES (:1, :1, :1)", [[Decimal(n)] * 3 for n in range(1, 4)])
    app.commit()
    assert app.sql("UPDATE P SET ID = ID + 1, U = 4 - U, V = V + 1") == 3
    assert app.sql("SELECT ID, U, V FROM P ORDER BY 1") == [(2, 3, 2), (3, 2, 3), (4, 1, 4)]
    for column, name in (("ID", "P_PK"), ("U", "P_U"), ("V", "P_V")):
        assert app.error(f"UPDATE P SET {column} = 2 WHERE ID > 2") == (1, f"unique constraint (APP.{name}) violated")
    app.sql("SET CONSTRAINTS ALL DEFERRED")  # they are not deferrable
    assert app.error("INSERT INTO P VALUES (2, 9, 9)")[0] == 1
    app.rollback()
    app.sql("CREATE TABLE C (ID NUMBER REFERENCES P (ID), U NUMBER REFERENCES P (U))")
    assert app.error("UPDATE P SET ID = 1 WHERE ID = 2") == (1, "unique constraint (APP.P_PK) violated")
    assert app.error("INSERT INTO C (U) VALUES (7)")[0] == 2291
    app.sql("DROP INDEX P_V")
    assert app.sql("UPDATE P SET V = 1") == 3


def test_a_row_whose_redo_cannot_be_written_is_not_written_either(filled: Session, sql_engine: PgEngine) -> None:
    sql_engine.recorder.table_dropped("APP", "M")  # the recorder does not know the table any more
    with pytest.raises(KeyError):
        filled.sql("INSERT INTO M VALUES (10, 1)")
    assert filled.one("SELECT COUNT(*) FROM M") == 5


# -- transactions --------------------------------------------------------------------------------------------------------


def test_a_failed_statement_leaves_the_transaction_alone(filled: Session) -> None:
    filled.sql("INSERT INTO M VALUES (10, 1)")
    assert filled.error("INSERT INTO M VALUES (10, 2)") == (1, "unique constraint (APP.SYS_C" + _number(filled) + ") violated")
    assert filled.error("SELECT 1/0 FROM DUAL")[0] == 1476
    filled.commit()
    assert filled.one("SELECT V FROM M WHERE ID = 10") == 1


def _number(session: Session) -> str:
    ((name,),) = session.sql("SELECT CONSTRAINT_NAME FROM USER_CONSTRAINTS WHERE TABLE_NAME = 'M' AND CONSTRAINT_TYPE = 'P'")
    return str(name).removeprefix("SYS_C")


def test_savepoints(filled: Session) -> None:
    filled.sql("SAVEPOINT A")
    filled.sql("DELETE FROM M")
    filled.sql("ROLLBACK TO SAVEPOINT A")
    filled.sql("ROLLBACK TO A")
    assert filled.one("SELECT COUNT(*) FROM M") == 5
    assert filled.error("ROLLBACK TO NEVER")[0] == 1086
    assert filled.inner.in_transaction
    filled.rollback()
    assert not filled.inner.in_transaction


def test_ddl_commits(filled: Session) -> None:
    filled.sql("DELETE FROM M WHERE ID = 1")
    filled.sql("CREATE TABLE OTHER (N NUMBER)")
    filled.rollback()
    assert filled.one("SELECT COUNT(*) FROM M") == 4


def test_locks(filled: Session, sql_engine: PgEngine) -> None:
    other = Session(sql_engine, "APP")
    filled.sql("UPDATE M SET V = 1 WHERE ID = 1")
    assert other.error("SELECT * FROM M WHERE ID = 1 FOR UPDATE NOWAIT")[0] == 54
    assert other.error("SELECT * FROM M WHERE ID = 1 FOR UPDATE WAIT 1")[0] == 30006
    assert other.sql("SELECT ID FROM M FOR UPDATE SKIP LOCKED") == [(2,), (3,), (4,), (5,)]
    other.rollback()
    assert other.error("LOCK TABLE M IN EXCLUSIVE MODE NOWAIT")[0] == 54
    assert other.error("ALTER TABLE M ADD (X NUMBER)")[0] == 54
    other.close()


def test_a_deadlock_ends_one_statement(filled: Session, sql_engine: PgEngine) -> None:
    other = Session(sql_engine, "APP")
    filled.sql("UPDATE M SET V = 1 WHERE ID = 1")
    other.sql("UPDATE M SET V = 1 WHERE ID = 2")
    codes: list[int] = []

    def cross() -> None:
        try:
            other.sql("UPDATE M SET V = 2 WHERE ID = 1")
        except OracleError as error:
            codes.append(error.code)
        other.rollback()

    thread = threading.Thread(target=cross)
    thread.start()
    try:
        filled.sql("UPDATE M SET V = 2 WHERE ID = 2")
    except OracleError as error:
        codes.append(error.code)
    filled.rollback()
    thread.join(20)
    other.close()
    assert codes == [60]


def test_serializable_and_read_only(filled: Session, sql_engine: PgEngine) -> None:
    other = Session(sql_engine, "APP")
    filled.sql("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
    assert filled.one("SELECT V FROM M WHERE ID = 1") == 10
    other.sql("UPDATE M SET V = 11 WHERE ID = 1")
    other.commit()
    assert filled.one("SELECT V FROM M WHERE ID = 1") == 10
    assert filled.error("UPDATE M SET V = 12 WHERE ID = 1")[0] == 8177
    filled.rollback()
    filled.sql("SET TRANSACTION READ ONLY")
    assert filled.error("DELETE FROM M")[0] == 1456
    other.close()


def test_deferred_constraints_are_checked_by_commit(app: Session) -> None:
    app.sql("CREATE TABLE P (ID NUMBER PRIMARY KEY)")
    app.sql("CREATE TABLE C (ID NUMBER, CONSTRAINT C_FK FOREIGN KEY (ID) REFERENCES P DEFERRABLE INITIALLY DEFERRED)")
    app.sql("INSERT INTO C VALUES (1)")
    with pytest.raises(OracleError) as raised:
        app.commit()
    assert raised.value.code == 2091
    assert "ORA-02291" in raised.value.message
    assert app.one("SELECT COUNT(*) FROM C") == 0


def test_cancel(app: Session) -> None:
    timer = threading.Timer(0.5, app.inner.cancel)
    timer.start()
    assert app.error("SELECT COUNT(*) FROM DUAL CONNECT BY LEVEL <= 2000000000")[0] == 1013
    timer.join()


# -- flashback -----------------------------------------------------------------------------------------------------------


def test_as_of_scn_sees_what_was_committed_then(filled: Session) -> None:
    scn = int(str(filled.one("SELECT CURRENT_SCN FROM V$DATABASE")))
    filled.sql("UPDATE M SET V = -1")
    filled.commit()
    filled.sql("DELETE FROM M WHERE ID = 1")
    assert filled.sql("SELECT SUM(V) FROM M AS OF SCN :1", scn) == [(150,)]
    assert filled.sql(f"SELECT M.V FROM M AS OF SCN {scn} M WHERE M.ID = :1 AND ROWNUM <= 1", 1) == [(10,)]
    assert filled.sql("SELECT TO_CHAR(V, 'TM9') FROM M AS OF SCN TO_NUMBER(:s) WHERE ID = :1", str(scn), 2) == [("20",)]
    assert filled.one("SELECT SUM(V) FROM M") == -4
    assert filled.error("SELECT * FROM M AS OF SCN 99999999999")[0] == 8181


def test_scn_in_plsql(app: Session) -> None:
    result = app.execute("BEGIN :scn := DBMS_FLASHBACK.GET_SYSTEM_CHANGE_NUMBER; END;", 0)
    ((now,),) = app.sql("SELECT CURRENT_SCN FROM V$DATABASE")
    assert int(str(result.out[0])) < int(str(now))


# -- the session ---------------------------------------------------------------------------------------------------------


def test_nls_settings(app: Session) -> None:
    app.sql("ALTER SESSION SET NLS_DATE_FORMAT = 'YYYY/MM/DD' TIME_ZONE = '+02:00' NLS_TIMESTAMP_FORMAT = 'SS.FF2'")
    app.sql("CREATE TABLE T (D DATE, L TIMESTAMP WITH LOCAL TIME ZONE)")
    app.sql("INSERT INTO T VALUES ('2020/02/01', TIMESTAMP '2020-01-01 12:00:00 +00:00')")
    assert app.sql("SELECT D || '', TO_CHAR(L, 'HH24:MI TZH:TZM') FROM T WHERE D = '2020/02/01'") == [
        ("2020/02/01", "14:00 +02:00")
    ]
    assert app.one("SELECT TO_CHAR(TIMESTAMP '2020-01-01 00:00:07.125') FROM DUAL") == "07.12"
    app.sql("ALTER SESSION SET TIME_ZONE = '00:00'")
    assert app.sql("SELECT L FROM T") == [(Timestamp(2020, 1, 1, 12, 0, 0, 0, 0),)]


def test_current_schema(app: Session, sql_engine: PgEngine) -> None:
    app.sql("CREATE TABLE T (N NUMBER)")
    hr = Session(sql_engine, "HR")
    assert hr.error("SELECT * FROM APP.T")[0] == 942
    app.sql("GRANT SELECT ON T TO HR")
    assert hr.sql("SELECT * FROM APP.T") == []
    hr.sql("ALTER SESSION SET CURRENT_SCHEMA = APP")
    assert hr.sql("SELECT * FROM T") == []
    assert hr.error("INSERT INTO T VALUES (1)")[0] == 1031
    assert hr.error("ALTER SESSION SET CURRENT_SCHEMA = NOBODY")[0] == 1435
    hr.close()


def test_v_session_shows_who_is_there(app: Session) -> None:
    app.inner.set_attributes("voyager-ops/x", "capture", "client", None)
    assert app.sql("SELECT MODULE, ACTION, CLIENT_IDENTIFIER FROM V$SESSION WHERE SID = SYS_CONTEXT('USERENV', 'SID')") == [
        ("voyager-ops/x", "capture", "client")
    ]
    assert app.one("SELECT SYS_CONTEXT('USERENV', 'MODULE') FROM DUAL") == "voyager-ops/x"


@pytest.mark.parametrize(
    ("block", "code"),
    [
        ("BEGIN NULL; END;", 0),
        ("BEGIN EXECUTE IMMEDIATE 'CREATE TABLE X (N NUMBER)'; INSERT INTO X VALUES (1); COMMIT; END;", 0),
        ("BEGIN SELECT NOSUCH INTO :x FROM DUAL; END;", 6550),
        ("BEGIN SELECT 1 INTO :x FROM DUAL WHERE 1 = 0; END;", 1403),
        ("DECLARE N NUMBER; BEGIN N := 1; END;", 6550),
        ("BEGIN NO_SUCH_PROCEDURE(1); END;", 6550),
    ],
)
def test_blocks(app: Session, block: str, code: int) -> None:
    values = [None] if ":x" in block else []
    if code:
        assert app.error(block, *values)[0] == code
    else:
        app.execute(block, *values)


def test_out_binds_of_a_block(app: Session) -> None:
    binds = [Bind(TypeNumber.VARCHAR2, 10), Bind(TypeNumber.VARCHAR2, 10), Bind(TypeNumber.NUMBER)]
    result = app.execute("BEGIN SELECT 'a' || :x, 2 INTO :y, :z FROM DUAL; END;", "b", None, None, binds=binds)
    assert list(result.out) == [None, "ab", Decimal(2)]


@pytest.mark.parametrize(
    ("bind", "says"), [(Bind(TypeNumber.NUMBER), "character to number"), (Bind(TypeNumber.VARCHAR2, 2), "too small")]
)
def test_out_values_that_do_not_fit(app: Session, bind: Bind, says: str) -> None:
    with pytest.raises(OracleError, match=f"ORA-06502: PL/SQL: numeric or value error: .*{says}"):
        app.execute("BEGIN :x := 'abc'; END;", None, binds=[bind])


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("SELEC 1", 900),
        ("SELECT * FROM NOSUCH", 942),
        ("SELECT 1 FROM DUAL WHERE", 936),
        ("SELECT FROM DUAL", 936),
        ("SELECT (1 FROM DUAL", 907),
        ("SELECT 1 FROM DUAL WHERE 1 = 1 FOO BAR", 933),
        ("SELECT ID, COUNT(*) FROM C", 937),
        ("SELECT * FROM P PIVOT (COUNT(*) FOR ID IN (1, 2))", 3001),
        ("SELECT PID, COUNT(*) FROM C GROUP BY ID", 979),
        ("SELECT 1 FROM C WHERE COUNT(*) > 1", 934),
        ("SELECT 1 FROM DUAL UNION SELECT 1, 2 FROM DUAL", 1789),
        ("SELECT 1 FROM DUAL UNION SELECT 'a' FROM DUAL", 1790),
        ("SELECT TO_DATE('2020-01', 'YYYY-MM-DD') FROM DUAL", 1840),
        ("INSERT INTO C (PID, PID) VALUES (1, 2)", 957),
        ("UPDATE C SET V = 2", 54017),
        ("INSERT INTO C (V) VALUES (2)", 54013),
        ("UPDATE C SET ID = 2", 32796),
        ("UPDATE MV SET N = 1", 1732),
        ("ALTER TABLE P ADD UNIQUE (A)", 2261),
        ("ALTER TABLE C ADD FOREIGN KEY (PID) REFERENCES P", 2275),
        ("ALTER TABLE P DROP COLUMN ID", 12992),
        ("ALTER TABLE P MODIFY A VARCHAR2(9)", 1439),
        ("ALTER TABLE P FOO", 1735),
        ("ALTER TABLE P SPLIT PARTITION A AT (1) INTO (PARTITION B, PARTITION C)", 3001),
        ("GRANT FOO BAR TO APP", 990),
        ("GRANT FOO TO APP", 1919),
        ("BEGIN NO_SUCH(; END;", 6550),
        ("INSERT INTO DUAL VALUES ('Y')", 1031),
        ("SELECT \x01 FROM DUAL", 911),
        ("DROP TABLE NOSUCH", 942),
        ("DROP INDEX NOSUCH", 1418),
        ("ALTER TABLE NOSUCH ADD (X NUMBER)", 942),
        ("CREATE TABLE T (A NUMBR)", 902),
        ("CREATE TABLE T (A NUMBER, A NUMBER)", 957),
        ("CREATE TABLE T (A VARCHAR2)", 906),
        ("CREATE TABLE T (A NUMBER(39))", 1727),
        ("CREATE TABLE T (A VARCHAR2(5000))", 910),
        ("CREATE USER APP IDENTIFIED BY X", 1920),
        ("GRANT SELECT ON NOSUCH TO HR", 942),
        ("GRANT CREATE SESSION TO NOBODY", 1917),
    ],
)
def test_errors_of_statements(app: Session, statement: str, code: int) -> None:
    app.sql("CREATE TABLE P (ID NUMBER PRIMARY KEY, A NUMBER UNIQUE)")
    app.sql(
        "CREATE TABLE C (ID NUMBER GENERATED ALWAYS AS IDENTITY, PID NUMBER REFERENCES P, V NUMBER GENERATED ALWAYS AS (PID + 1))"
    )
    app.sql("CREATE MATERIALIZED VIEW MV AS SELECT COUNT(*) AS N FROM P")
    app.sql("INSERT INTO P VALUES (1, 1)")
    app.commit()
    assert app.error(statement)[0] == code
