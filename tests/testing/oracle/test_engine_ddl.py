"""The simulator's DDL: what is recorded in the dictionary, and that states are what statements made them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import create_database, drop_database
from tests.testing.oracle.engine_kit import Session
from voyager_ops.testing.oracle.backend import PgEngine
from voyager_ops.testing.oracle.engine import OracleError, Timestamp
from voyager_ops.testing.postgres import Cluster


@pytest.fixture(scope="module")
def engine(source_cluster: Cluster) -> Iterator[PgEngine]:
    database = create_database(source_cluster)
    with PgEngine(database.url) as engine:
        yield engine
    drop_database(database)


@pytest.fixture
def app(engine: PgEngine) -> Iterator[Session]:
    """A DBA with an empty schema."""
    system = Session(engine, "SYSTEM")
    system.sql("CREATE USER APP IDENTIFIED BY app")
    system.sql("GRANT DBA TO APP")
    session = Session(engine, "APP")
    yield session
    session.close()
    system.sql("DROP USER APP CASCADE")
    system.close()


def test_every_type_in_the_dictionary(app: Session) -> None:
    types = {
        "NUMBER": ("NUMBER", 22, None, None),
        "NUMBER(5)": ("NUMBER", 22, 5, 0),
        "NUMBER(5,-2)": ("NUMBER", 22, 5, -2),
        "NUMBER(*,3)": ("NUMBER", 22, None, 3),
        "INTEGER": ("NUMBER", 22, None, 0),
        "FLOAT": ("FLOAT", 22, 126, None),
        "FLOAT(10)": ("FLOAT", 22, 10, None),
        "REAL": ("FLOAT", 22, 63, None),
        "BINARY_FLOAT": ("BINARY_FLOAT", 4, None, None),
        "BINARY_DOUBLE": ("BINARY_DOUBLE", 8, None, None),
        "VARCHAR2(10)": ("VARCHAR2", 10, None, None),
        "VARCHAR2(10 CHAR)": ("VARCHAR2", 40, None, None),
        "NVARCHAR2(10)": ("NVARCHAR2", 20, None, None),
        "CHAR": ("CHAR", 1, None, None),
        "NCHAR(5)": ("NCHAR", 10, None, None),
        "CLOB": ("CLOB", 4000, None, None),
        "NCLOB": ("NCLOB", 4000, None, None),
        "BLOB": ("BLOB", 4000, None, None),
        "BFILE": ("BFILE", 530, None, None),
        "RAW(16)": ("RAW", 16, None, None),
        "DATE": ("DATE", 7, None, None),
        "TIMESTAMP": ("TIMESTAMP(6)", 11, None, 6),
        "TIMESTAMP(0)": ("TIMESTAMP(0)", 7, None, 0),
        "TIMESTAMP(9) WITH TIME ZONE": ("TIMESTAMP(9) WITH TIME ZONE", 13, None, 9),
        "TIMESTAMP WITH LOCAL TIME ZONE": ("TIMESTAMP(6) WITH LOCAL TIME ZONE", 11, None, 6),
        "INTERVAL YEAR(4) TO MONTH": ("INTERVAL YEAR(4) TO MONTH", 5, 4, 0),
        "INTERVAL DAY(9) TO SECOND(3)": ("INTERVAL DAY(9) TO SECOND(3)", 11, 9, 3),
        "XMLTYPE": ("XMLTYPE", 2000, None, None),
        "ROWID": ("ROWID", 10, None, None),
        "UROWID(100)": ("UROWID", 100, None, None),
        "LONG": ("LONG", 0, None, None),
    }
    app.sql("CREATE TABLE T (" + ", ".join(f"C{n} {kind}" for n, kind in enumerate(types)) + ")")
    found = app.sql("SELECT DATA_TYPE, DATA_LENGTH, DATA_PRECISION, DATA_SCALE FROM USER_TAB_COLUMNS ORDER BY COLUMN_ID")
    assert found == list(types.values())
    assert app.sql("SELECT CHAR_LENGTH, CHAR_USED FROM USER_TAB_COLS WHERE COLUMN_NAME IN ('C10', 'C11') ORDER BY COLUMN_ID") == [
        (10, "B"),
        (10, "C"),
    ]
    assert app.sql("SELECT COUNT(*) FROM ALL_LOBS WHERE OWNER = 'APP'") == [(3,)]


def test_identity_virtual_invisible_and_default_columns(app: Session) -> None:
    app.sql(
        "CREATE TABLE T (ID NUMBER GENERATED ALWAYS AS IDENTITY (START WITH 10 INCREMENT BY 5), V VARCHAR2(5) DEFAULT ON NULL"
        " 'q',"
        " D NUMBER GENERATED ALWAYS AS (ID * 2) VIRTUAL, H NUMBER DEFAULT 7 INVISIBLE, W DATE AS (TO_DATE(V)) VIRTUAL)"
    )
    app.sql("ALTER SESSION SET NLS_DATE_FORMAT = 'YY'")
    app.sql("INSERT INTO T (V) VALUES ('21')")
    app.sql("INSERT INTO T VALUES (DEFAULT, '22')")
    assert app.sql("SELECT * FROM T ORDER BY 1")[0][:3] == (10, "21", 20)
    assert app.sql("SELECT ID, H FROM T ORDER BY 1") == [(10, 7), (15, 7)]
    assert app.error("INSERT INTO T (ID, V) VALUES (1, '23')")[0] == 32795
    assert app.error("INSERT INTO T (D) VALUES (1)")[0] == 54013
    rows = app.sql(
        "SELECT COLUMN_NAME, COLUMN_ID, HIDDEN_COLUMN, VIRTUAL_COLUMN, IDENTITY_COLUMN, DEFAULT_ON_NULL, DATA_DEFAULT FROM"
        " USER_TAB_COLS ORDER BY INTERNAL_COLUMN_ID"
    )
    assert [r[:6] for r in rows] == [
        ("ID", 1, "NO", "NO", "YES", "NO"),
        ("V", 2, "NO", "NO", "NO", "YES"),
        ("D", 3, "NO", "YES", "NO", "NO"),
        ("H", None, "YES", "NO", "NO", "NO"),
        ("W", 4, "NO", "YES", "NO", "NO"),
    ]
    assert [r[6] for r in rows[1:4]] == ["'q'", "ID * 2", "7"]
    ((sequence, kind, options),) = app.sql("SELECT SEQUENCE_NAME, GENERATION_TYPE, IDENTITY_OPTIONS FROM USER_TAB_IDENTITY_COLS")
    assert kind == "ALWAYS"
    assert "START WITH: 10, INCREMENT BY: 5" in options
    assert app.one("SELECT LAST_NUMBER FROM USER_SEQUENCES WHERE SEQUENCE_NAME = :1", sequence) == 110
    app.sql("ALTER TABLE T MODIFY (H VISIBLE)")
    assert app.sql("SELECT COLUMN_ID FROM USER_TAB_COLS WHERE COLUMN_NAME = 'H'") == [(5,)]


def test_null_gives_way_to_the_default_on_null(app: Session) -> None:
    app.sql("CREATE TABLE T (V VARCHAR2(5) DEFAULT ON NULL 'q', N NUMBER GENERATED BY DEFAULT ON NULL AS IDENTITY)")
    app.sql("INSERT INTO T VALUES (NULL, NULL)")
    app.sql("INSERT INTO T VALUES ('x', 5)")
    assert app.sql("SELECT V, N FROM T ORDER BY 1") == [("q", 1), ("x", 5)]


def test_columns_that_views_show(app: Session) -> None:
    app.sql("CREATE TABLE T (A NUMBER(4), B VARCHAR2(5), C DATE)")
    app.sql("CREATE VIEW V AS SELECT A, B FROM T WHERE A > 0")
    app.sql("CREATE VIEW W AS SELECT B || '!' AS X FROM V")
    app.sql("INSERT INTO T VALUES (1, 'abc', NULL)")
    app.sql("ALTER TABLE T MODIFY (A NUMBER(8), B VARCHAR2(20))")
    app.sql("INSERT INTO T VALUES (12345678, 'abcdefghij', NULL)")
    assert app.sql("SELECT V.A, W.X FROM V JOIN W ON W.X = V.B || '!' ORDER BY 1") == [(1, "abc!"), (12345678, "abcdefghij!")]
    app.sql("ALTER TABLE T DROP COLUMN C")
    assert app.one("SELECT COUNT(*) FROM W") == 2
    app.sql("ALTER TABLE T DROP COLUMN B")
    assert app.error("SELECT * FROM V") == (4063, 'view "APP.V" has errors')
    assert app.sql("SELECT OBJECT_NAME, STATUS FROM USER_OBJECTS ORDER BY 1") == [
        ("T", "VALID"),
        ("V", "INVALID"),
        ("W", "INVALID"),
    ]


def test_virtual_columns_without_a_type_have_that_of_their_expression(app: Session) -> None:
    app.sql(
        "CREATE TABLE T (ID NUMBER(6), A VARCHAR2(10 CHAR), B VARCHAR2(5), D DATE, N AS (ID * 2), U AS (UPPER(a)),"
        " AB AS (A || ', ' || B), E AS (D + 1), BB AS (B || '!') VIRTUAL, F AS (CASE WHEN ID > 1 THEN 'Y' END))"
    )
    app.sql("ALTER TABLE T ADD (L AS (LOWER(A)))")
    columns = "COLUMN_NAME, DATA_TYPE, DATA_LENGTH, CHAR_LENGTH, CHAR_USED"
    assert app.sql(f"SELECT {columns} FROM USER_TAB_COLS WHERE VIRTUAL_COLUMN = 'YES' ORDER BY INTERNAL_COLUMN_ID") == [
        ("N", "NUMBER", 22, 0, None),
        ("U", "VARCHAR2", 40, 10, "C"),
        ("AB", "VARCHAR2", 4000, 4000, "B"),
        ("E", "DATE", 7, 0, None),
        ("BB", "VARCHAR2", 6, 6, "B"),
        ("F", "VARCHAR2", 4000, 4000, "B"),
        ("L", "VARCHAR2", 40, 10, "C"),
    ]
    app.sql("INSERT INTO T (ID, A, B) VALUES (2, 'x', 'y')")
    assert app.sql("SELECT N, U, AB, E, BB, F, L FROM T") == [(4, "X", "x, y", None, "y!", "Y", "x")]


def test_constraints_and_their_states(app: Session) -> None:
    app.sql("CREATE TABLE P (ID NUMBER CONSTRAINT P_PK PRIMARY KEY, U NUMBER CONSTRAINT P_U UNIQUE DEFERRABLE)")
    app.sql(
        "CREATE TABLE C (ID NUMBER NOT NULL, PID NUMBER CONSTRAINT C_FK REFERENCES P (ID) ON DELETE CASCADE,"
        " A NUMBER CONSTRAINT C_CK CHECK (A > 0) DISABLE, CONSTRAINT C_FK2 FOREIGN KEY (ID) REFERENCES P NOVALIDATE)"
    )
    found = app.sql(
        "SELECT CONSTRAINT_NAME, CONSTRAINT_TYPE, STATUS, VALIDATED, DEFERRABLE, DELETE_RULE, R_CONSTRAINT_NAME, INDEX_NAME"
        " FROM USER_CONSTRAINTS"
        " WHERE GENERATED = 'USER NAME' ORDER BY 1"
    )
    assert found == [
        ("C_CK", "C", "DISABLED", "NOT VALIDATED", "NOT DEFERRABLE", None, None, None),
        ("C_FK", "R", "ENABLED", "VALIDATED", "NOT DEFERRABLE", "CASCADE", "P_PK", None),
        ("C_FK2", "R", "ENABLED", "NOT VALIDATED", "NOT DEFERRABLE", "NO ACTION", "P_PK", None),
        ("P_PK", "P", "ENABLED", "VALIDATED", "NOT DEFERRABLE", None, None, "P_PK"),
        ("P_U", "U", "ENABLED", "VALIDATED", "DEFERRABLE", None, None, "P_U"),
    ]
    assert app.sql("SELECT SEARCH_CONDITION, SEARCH_CONDITION_VC FROM USER_CONSTRAINTS WHERE GENERATED = 'GENERATED NAME'") == [
        ('"ID" IS NOT NULL', '"ID" IS NOT NULL')
    ]
    app.sql("INSERT INTO P VALUES (1, 1)")
    app.sql("INSERT INTO C VALUES (1, NULL, -5)")
    assert app.error("INSERT INTO C VALUES (2, 1, 1)") == (
        2291,
        "integrity constraint (APP.C_FK2) violated - parent key not found",
    )
    assert app.error("ALTER TABLE C ENABLE CONSTRAINT C_CK")[0] == 2293
    app.sql("ALTER TABLE C ENABLE NOVALIDATE CONSTRAINT C_CK")
    assert app.error("UPDATE C SET A = -6") == (2290, "check constraint (APP.C_CK) violated")
    assert app.error("DELETE FROM P")[0] == 2292
    assert app.error("ALTER TABLE P DISABLE CONSTRAINT P_PK")[0] == 2297
    app.sql("ALTER TABLE P DISABLE CONSTRAINT P_PK CASCADE")
    app.sql("INSERT INTO P VALUES (1, 2)")
    app.commit()
    assert app.sql("SELECT DISTINCT STATUS FROM USER_CONSTRAINTS WHERE CONSTRAINT_NAME IN ('P_PK', 'C_FK', 'C_FK2')") == [
        ("DISABLED",)
    ]
    assert app.error("ALTER TABLE P ENABLE CONSTRAINT P_PK")[0] == 2437
    assert app.error("ALTER TABLE C DROP CONSTRAINT NOSUCH")[0] == 2443
    app.sql("ALTER TABLE C DROP CONSTRAINT C_FK")
    assert app.error("DROP TABLE P")[0] == 2449
    app.sql("DROP TABLE P CASCADE CONSTRAINTS")
    assert app.sql("SELECT COUNT(*) FROM USER_CONSTRAINTS WHERE CONSTRAINT_TYPE = 'R'") == [(0,)]


def test_a_constraint_that_is_renamed_is_known_by_its_new_name(app: Session) -> None:
    app.sql("CREATE TABLE T (A NUMBER CONSTRAINT T_PK PRIMARY KEY, B NUMBER CONSTRAINT T_CK CHECK (B > 0))")
    app.sql("ALTER TABLE T RENAME CONSTRAINT T_CK TO T_POSITIVE")
    app.sql("ALTER TABLE T RENAME CONSTRAINT T_PK TO T_KEY")
    app.sql("INSERT INTO T VALUES (1, 1)")
    app.commit()
    assert app.error("UPDATE T SET B = 0") == (2290, "check constraint (APP.T_POSITIVE) violated")
    assert app.error("INSERT INTO T VALUES (1, 1)") == (1, "unique constraint (APP.T_KEY) violated")
    app.sql("ALTER TABLE T DROP CONSTRAINT T_POSITIVE")
    app.sql("ALTER TABLE T DROP PRIMARY KEY")
    app.sql("INSERT INTO T VALUES (1, 0)")


def test_the_states_of_not_null(app: Session) -> None:
    nullable = "SELECT COLUMN_NAME, NULLABLE FROM USER_TAB_COLS WHERE TABLE_NAME = 'T' ORDER BY COLUMN_ID"
    app.sql(
        "CREATE TABLE T (ID NUMBER NOT NULL, A NUMBER CONSTRAINT T_A NOT NULL DISABLE,"
        " B NUMBER CONSTRAINT T_B NOT NULL NOVALIDATE, C NUMBER CONSTRAINT T_C NOT NULL DEFERRABLE, D NUMBER PRIMARY KEY DISABLE)"
    )
    assert app.sql(nullable) == [("ID", "N"), ("A", "Y"), ("B", "Y"), ("C", "Y"), ("D", "Y")]
    app.sql("INSERT INTO T VALUES (1, NULL, 1, 1, NULL)")
    assert app.error("INSERT INTO T VALUES (NULL, 1, 1, 1, 1)")[0] == 1400
    assert app.error("INSERT INTO T VALUES (1, 1, NULL, 1, 1)") == (2290, "check constraint (APP.T_B) violated")
    assert app.error("UPDATE T SET C = NULL") == (2290, "check constraint (APP.T_C) violated")
    app.commit()
    assert app.error("ALTER TABLE T ENABLE CONSTRAINT T_A") == (2296, "cannot enable (APP.T_A) - null values found")
    app.sql("ALTER TABLE T ENABLE NOVALIDATE CONSTRAINT T_A")
    assert app.error("INSERT INTO T VALUES (1, NULL, 1, 1, 1)")[0] == 2290
    app.sql("UPDATE T SET A = 1")
    app.sql("ALTER TABLE T MODIFY CONSTRAINT T_A VALIDATE")
    app.sql("ALTER TABLE T MODIFY CONSTRAINT T_B ENABLE VALIDATE")
    assert app.sql(nullable)[1:4] == [("A", "N"), ("B", "N"), ("C", "Y")]
    assert app.error("INSERT INTO T VALUES (1, NULL, 1, 1, 1)")[0] == 1400
    app.sql("ALTER TABLE T DISABLE CONSTRAINT T_A")
    app.sql("ALTER TABLE T MODIFY (B NULL, C NULL)")
    app.sql("INSERT INTO T VALUES (1, NULL, NULL, NULL, 1)")
    app.commit()
    assert app.sql(nullable)[1:4] == [("A", "Y"), ("B", "Y"), ("C", "Y")]
    app.sql("ALTER TABLE T ADD (E NUMBER CONSTRAINT T_E NOT NULL DISABLE)")
    app.sql("ALTER TABLE T MODIFY (C CONSTRAINT T_C2 NOT NULL NOVALIDATE)")
    assert app.error("INSERT INTO T VALUES (1, 1, 1, NULL, 1, 1)")[0] == 2290
    app.sql("ALTER TABLE T RENAME CONSTRAINT T_C2 TO T_C3")
    app.sql("ALTER TABLE T DROP CONSTRAINT T_C3")
    app.sql("INSERT INTO T VALUES (1, 1, 1, NULL, 1, NULL)")
    assert app.sql(nullable)[3:] == [("C", "Y"), ("D", "Y"), ("E", "Y")]


def test_modify_null_does_not_drop_a_not_null_that_is_disabled(app: Session) -> None:
    app.sql("CREATE TABLE T (A NUMBER NOT NULL DISABLE)")
    assert app.error("ALTER TABLE T MODIFY A NULL")[0] == 1451
    assert app.sql("SELECT COUNT(*) FROM USER_CONSTRAINTS WHERE TABLE_NAME = 'T'") == [(1,)]
    app.sql("INSERT INTO T VALUES (NULL)")


def test_not_null_that_is_deferred_is_a_known_gap(app: Session) -> None:
    error = (3001, "unimplemented feature (simulator: NOT NULL that is looked at by COMMIT)")
    assert app.error("CREATE TABLE T (A NUMBER NOT NULL DEFERRABLE INITIALLY DEFERRED)") == error
    app.sql("CREATE TABLE T (A NUMBER CONSTRAINT T_A NOT NULL INITIALLY DEFERRED DISABLE)")
    app.sql("INSERT INTO T VALUES (NULL)")
    app.commit()
    assert app.error("ALTER TABLE T ENABLE NOVALIDATE CONSTRAINT T_A") == error


def test_a_foreign_key_to_a_deferrable_key_is_a_known_gap(app: Session) -> None:
    app.sql("CREATE TABLE PARENT (ID NUMBER CONSTRAINT PARENT_PK PRIMARY KEY DEFERRABLE)")
    assert app.error("CREATE TABLE CHILD (ID NUMBER REFERENCES PARENT (ID))")[0] == 3001
    app.sql("CREATE SEQUENCE NUMBERS")
    assert app.error("SELECT NUMBERS.CURRVAL FROM DUAL")[0] == 8002


def test_alter_table(app: Session) -> None:
    app.sql("CREATE TABLE T (A NUMBER(5), B VARCHAR2(5))")
    app.sql("INSERT INTO T VALUES (1, 'abc')")
    app.sql("ALTER TABLE T ADD (C DATE DEFAULT DATE '2020-01-01' NOT NULL, D NUMBER)")
    assert app.sql("SELECT * FROM T") == [(1, "abc", Timestamp(2020, 1, 1), None)]
    app.sql("ALTER TABLE T MODIFY (B VARCHAR2(10 CHAR) DEFAULT 'x' NOT NULL, A NUMBER(10,2))")
    assert app.sql("SELECT DATA_TYPE, CHAR_LENGTH, NULLABLE, DATA_DEFAULT FROM USER_TAB_COLUMNS WHERE COLUMN_NAME = 'B'") == [
        ("VARCHAR2", 10, "N", "'x'")
    ]
    assert app.error("ALTER TABLE T MODIFY (B VARCHAR2(2))")[0] == 1441
    assert app.error("ALTER TABLE T MODIFY (B NOT NULL)")[0] == 1442
    app.sql("ALTER TABLE T MODIFY (B NULL)")
    app.sql("ALTER TABLE T RENAME COLUMN D TO E")
    app.sql("ALTER TABLE T DROP COLUMN A")
    assert app.sql("SELECT COLUMN_NAME, COLUMN_ID FROM USER_TAB_COLUMNS ORDER BY 2") == [("B", 1), ("C", 2), ("E", 3)]
    app.sql("ALTER TABLE T RENAME TO U")
    app.sql("RENAME U TO W")
    assert app.sql("SELECT TABLE_NAME FROM USER_TABLES") == [("W",)]
    assert app.error("ALTER TABLE W ADD (B NUMBER)")[0] == 1430
    app.sql("TRUNCATE TABLE W")
    assert app.sql("SELECT * FROM W") == []


def test_indexes_of_every_kind(app: Session) -> None:
    app.sql("CREATE TABLE T (A NUMBER, B VARCHAR2(5), C DATE)")
    app.sql("CREATE UNIQUE INDEX T_U ON T (A, B)")
    app.sql("CREATE INDEX T_F ON T (UPPER(B), C DESC)")
    app.sql("CREATE BITMAP INDEX T_B ON T (B)")
    app.sql("CREATE INDEX T_R ON T (A) REVERSE INVISIBLE")
    assert app.sql("SELECT INDEX_NAME, INDEX_TYPE, UNIQUENESS, VISIBILITY FROM USER_INDEXES ORDER BY 1") == [
        ("T_B", "BITMAP", "NONUNIQUE", "VISIBLE"),
        ("T_F", "FUNCTION-BASED NORMAL", "NONUNIQUE", "VISIBLE"),
        ("T_R", "NORMAL/REV", "NONUNIQUE", "INVISIBLE"),
        ("T_U", "NORMAL", "UNIQUE", "VISIBLE"),
    ]
    assert app.sql("SELECT COLUMN_EXPRESSION, COLUMN_POSITION FROM USER_IND_EXPRESSIONS ORDER BY 2") == [
        ("UPPER(B)", 1),
        ('"C"', 2),
    ]
    assert app.sql("SELECT COLUMN_NAME, DESCEND FROM USER_IND_COLUMNS WHERE INDEX_NAME = 'T_U' ORDER BY COLUMN_POSITION") == [
        ("A", "ASC"),
        ("B", "ASC"),
    ]
    app.sql("INSERT INTO T (A, B) VALUES (1, 'x')")
    assert app.error("INSERT INTO T (A, B) VALUES (1, 'x')") == (1, "unique constraint (APP.T_U) violated")
    assert app.error("CREATE INDEX T_X ON T (B)")[0] == 1408
    app.sql("DROP INDEX T_U")
    app.sql("INSERT INTO T (A, B) VALUES (1, 'x')")
    assert app.error("CREATE UNIQUE INDEX T_U ON T (A, B)")[0] == 1452


def test_a_key_takes_an_index_that_is_there(app: Session) -> None:
    app.sql("CREATE TABLE DEPOT (ID NUMBER, CODE VARCHAR2(5), BAY NUMBER, NOTE VARCHAR2(9))")
    app.sql("CREATE UNIQUE INDEX DEPOT_PK ON DEPOT (BAY, ID)")
    app.sql("CREATE INDEX DEPOT_IX ON DEPOT (CODE, NOTE)")
    app.sql("ALTER TABLE DEPOT ADD (CONSTRAINT DEPOT_PK PRIMARY KEY (ID, BAY), CONSTRAINT DEPOT_U UNIQUE (CODE))")
    kept = [("DEPOT_PK", "DEPOT_PK"), ("DEPOT_U", "DEPOT_IX")]
    listed = "SELECT CONSTRAINT_NAME, INDEX_NAME FROM USER_CONSTRAINTS WHERE CONSTRAINT_TYPE IN ('P', 'U') ORDER BY 1"
    assert app.sql(listed) == kept
    assert app.sql("SELECT INDEX_NAME FROM USER_INDEXES ORDER BY 1") == [("DEPOT_IX",), ("DEPOT_PK",)]
    app.sql("INSERT INTO DEPOT VALUES (1, 'a', 1, NULL)")
    assert app.error("INSERT INTO DEPOT VALUES (2, 'a', 1, 'x')") == (1, "unique constraint (APP.DEPOT_U) violated")
    assert app.error("INSERT INTO DEPOT VALUES (1, 'b', 1, 'x')") == (1, "unique constraint (APP.DEPOT_PK) violated")
    app.sql("ALTER TABLE DEPOT DISABLE CONSTRAINT DEPOT_U")
    app.sql("ALTER TABLE DEPOT DROP CONSTRAINT DEPOT_PK")
    assert app.sql("SELECT INDEX_NAME FROM USER_INDEXES ORDER BY 1") == [("DEPOT_IX",), ("DEPOT_PK",)]
    assert app.error("INSERT INTO DEPOT VALUES (1, 'b', 1, 'x')")[0] == 1  # the index alone still sees to it
    app.sql("CREATE TABLE OTHER (ID NUMBER)")
    assert app.error("ALTER TABLE OTHER ADD CONSTRAINT DEPOT_IX PRIMARY KEY (ID)")[0] == 955
    assert app.error("ALTER TABLE OTHER ADD CONSTRAINT OTHER_PK PRIMARY KEY (ID) USING INDEX NOSUCH")[0] == 1418
    app.sql("ALTER TABLE OTHER ADD CONSTRAINT OTHER_PK PRIMARY KEY (ID) USING INDEX (CREATE INDEX OTHER_IX ON OTHER (ID))")
    assert ("OTHER_PK", "OTHER_IX") in app.sql(listed)


def test_bounds_of_partitions_are_printed_anew(app: Session) -> None:
    app.sql(
        "CREATE TABLE TOLL (D DATE) PARTITION BY RANGE (D) (PARTITION A VALUES LESS THAN"
        " (TO_DATE('01-APR-2021', 'DD-MON-YYYY', 'NLS_DATE_LANGUAGE = American')), PARTITION B VALUES LESS THAN"
        " (TO_DATE('2022-01-01 06:00:00','SYYYY-MM-DD HH24:MI:SS','NLS_CALENDAR=GREGORIAN')))"
    )
    assert app.sql("SELECT HIGH_VALUE FROM USER_TAB_PARTITIONS ORDER BY PARTITION_POSITION") == [
        ("TO_DATE(' 2021-04-01 00:00:00', 'SYYYY-MM-DD HH24:MI:SS', 'NLS_CALENDAR=GREGORIAN')",),
        ("TO_DATE(' 2022-01-01 06:00:00', 'SYYYY-MM-DD HH24:MI:SS', 'NLS_CALENDAR=GREGORIAN')",),
    ]


def test_dimensions_and_prebuilt_tables_of_materialized_views(app: Session) -> None:
    app.sql("CREATE TABLE PLACE (ID NUMBER, TOWN VARCHAR2(9), LAND VARCHAR2(9))")
    create = "CREATE DIMENSION GEO LEVEL PLACE IS (PLACE.ID) LEVEL LAND IS (PLACE.LAND) HIERARCHY UP (PLACE CHILD OF LAND)"
    app.sql(create)
    assert app.sql("SELECT OBJECT_TYPE, STATUS FROM USER_OBJECTS WHERE OBJECT_NAME = 'GEO'") == [("DIMENSION", "VALID")]
    assert app.error(create)[0] == 955
    app.sql("DROP DIMENSION GEO")
    assert app.error("DROP DIMENSION GEO")[0] == 30333
    query = "AS SELECT LAND, COUNT(*) N FROM PLACE GROUP BY LAND"
    assert app.error(f"CREATE MATERIALIZED VIEW LANDS ON PREBUILT TABLE {query}")[0] == 12059
    app.sql(f"CREATE TABLE LANDS {query}")
    app.sql(f"CREATE MATERIALIZED VIEW LANDS ON PREBUILT TABLE ENABLE QUERY REWRITE {query}")
    assert app.sql("SELECT BUILD_MODE, REWRITE_ENABLED FROM USER_MVIEWS") == [("PREBUILT", "Y")]
    assert app.sql("SELECT COLUMN_NAME FROM USER_TAB_COLS WHERE TABLE_NAME = 'LANDS' ORDER BY COLUMN_ID") == [("LAND",), ("N",)]


def test_partitions(app: Session) -> None:
    app.sql(
        "CREATE TABLE R (ID NUMBER, D DATE) PARTITION BY RANGE (D) INTERVAL (NUMTOYMINTERVAL(1, 'MONTH'))"
        " (PARTITION P0 VALUES LESS THAN (DATE '2020-01-01'), PARTITION P1 VALUES LESS THAN (MAXVALUE))"
    )
    app.sql(
        "CREATE TABLE L (ID NUMBER, G VARCHAR2(5)) PARTITION BY LIST (G) (PARTITION PA VALUES ('A', 'B'), PARTITION PD VALUES"
        " (DEFAULT))"
    )
    app.sql("CREATE TABLE H (ID NUMBER) PARTITION BY HASH (ID) PARTITIONS 4")
    app.sql(
        "CREATE TABLE X (ID NUMBER, D DATE, G VARCHAR2(5)) PARTITION BY RANGE (D) SUBPARTITION BY LIST (G) SUBPARTITION TEMPLATE"
        " (SUBPARTITION SA VALUES ('A'), SUBPARTITION SX VALUES (DEFAULT)) (PARTITION P0 VALUES LESS THAN (MAXVALUE))"
    )
    assert app.sql("SELECT TABLE_NAME, PARTITIONING_TYPE, SUBPARTITIONING_TYPE, INTERVAL FROM USER_PART_TABLES ORDER BY 1") == [
        ("H", "HASH", "NONE", None),
        ("L", "LIST", "NONE", None),
        ("R", "RANGE", "NONE", "NUMTOYMINTERVAL(1, 'MONTH')"),
        ("X", "RANGE", "LIST", None),
    ]
    assert app.sql("SELECT PARTITION_NAME, HIGH_VALUE FROM USER_TAB_PARTITIONS WHERE TABLE_NAME IN ('R', 'L') ORDER BY 1") == [
        ("P0", "TO_DATE(' 2020-01-01 00:00:00', 'SYYYY-MM-DD HH24:MI:SS', 'NLS_CALENDAR=GREGORIAN')"),
        ("P1", "MAXVALUE"),
        ("PA", "'A', 'B'"),
        ("PD", "DEFAULT"),
    ]
    assert app.sql("SELECT SUBPARTITION_NAME, HIGH_VALUE FROM USER_TAB_SUBPARTITIONS ORDER BY 1") == [
        ("P0_SA", "'A'"),
        ("P0_SX", "DEFAULT"),
    ]
    assert app.sql("SELECT NAME, COLUMN_NAME FROM USER_PART_KEY_COLUMNS ORDER BY 1") == [
        ("H", "ID"),
        ("L", "G"),
        ("R", "D"),
        ("X", "D"),
    ]
    assert app.one("SELECT COUNT(*) FROM USER_SEGMENTS WHERE SEGMENT_TYPE = 'TABLE PARTITION' AND SEGMENT_NAME = 'H'") == 4
    assert app.error("SELECT * FROM R PARTITION (P0)")[0] == 3001


def test_views_synonyms_and_comments(app: Session, engine: PgEngine) -> None:
    app.sql("CREATE TABLE T (ID NUMBER, V VARCHAR2(10))")
    app.sql("INSERT INTO T VALUES (1, 'one')")
    app.sql("CREATE VIEW V (A, B) AS SELECT ID, UPPER(V) FROM T WITH READ ONLY")
    app.sql("CREATE SYNONYM S FOR V")
    app.sql("CREATE PUBLIC SYNONYM APP_T FOR T")
    app.sql("CREATE MATERIALIZED VIEW MV REFRESH COMPLETE ON DEMAND AS SELECT COUNT(*) N FROM T")
    app.sql("COMMENT ON TABLE T IS 'it''s a table'")
    app.sql("COMMENT ON COLUMN T.V IS 'value'")
    app.commit()
    assert app.sql("SELECT * FROM S") == [(1, "ONE")]
    assert app.sql("SELECT N FROM MV") == [(1,)]
    assert app.sql("SELECT TEXT, READ_ONLY FROM USER_VIEWS") == [("SELECT ID, UPPER(V) FROM T WITH READ ONLY", "Y")]
    assert app.sql("SELECT MVIEW_NAME, REFRESH_METHOD, REFRESH_MODE FROM USER_MVIEWS") == [("MV", "COMPLETE", "DEMAND")]
    assert app.sql("SELECT COMMENTS FROM USER_TAB_COMMENTS WHERE TABLE_NAME = 'T'") == [("it's a table",)]
    assert app.sql("SELECT COMMENTS FROM USER_COL_COMMENTS WHERE TABLE_NAME = 'T' AND COLUMN_NAME = 'V'") == [("value",)]
    assert app.sql("SELECT REFERENCED_NAME FROM USER_DEPENDENCIES WHERE NAME = 'V' ORDER BY 1") == [("T",)]
    system = Session(engine, "SYSTEM")
    assert system.sql("SELECT ID FROM APP_T") == [(1,)]
    system.sql("CREATE VIEW APP.V2 AS SELECT V FROM T")  # names are looked up in the view's schema
    assert system.sql("SELECT * FROM APP.V2") == [("one",)]
    system.close()
    assert app.error("CREATE VIEW BAD AS SELECT NOSUCH FROM T")[0] == 904
    assert app.execute("CREATE FORCE VIEW BAD AS SELECT NOSUCH FROM T").warning
    assert app.error("SELECT * FROM BAD")[0] == 4063
    app.sql("DROP PUBLIC SYNONYM APP_T")


def test_views_that_cannot_be_queried_here_have_their_columns(app: Session) -> None:
    app.sql("CREATE TABLE BOX (ID NUMBER, DOC CLOB)")
    app.sql(
        "CREATE VIEW INSIDE AS SELECT B.ID, J.WEIGHT * 2 AS TWICE, J.NAME, CASE B.ID WHEN 1 THEN 'one' END WORD"
        " FROM BOX B, JSON_TABLE(B.DOC, '$' COLUMNS (WEIGHT NUMBER PATH '$.w', NAME VARCHAR2(9) PATH '$.n')) J"
    )
    app.sql("COMMENT ON COLUMN INSIDE.TWICE IS 'doubled'")
    names = [row[0] for row in app.sql("SELECT COLUMN_NAME FROM USER_TAB_COLS WHERE TABLE_NAME = 'INSIDE' ORDER BY COLUMN_ID")]
    assert names == ["ID", "TWICE", "NAME", "WORD"]
    app.sql("CREATE FUNCTION HEAVY (W NUMBER) RETURN NUMBER AS BEGIN RETURN W * 2; END;")
    app.sql("CREATE VIEW HEAVIER AS SELECT ID, HEAVY(ID) AS H FROM BOX")
    assert app.sql("SELECT STATUS FROM USER_OBJECTS WHERE OBJECT_NAME = 'HEAVIER'") == [("VALID",)]
    assert app.error("CREATE VIEW LIGHTER AS SELECT ID, LIGHT(ID) AS H FROM BOX")[0] == 904
    app.sql("CREATE TYPE CRATE AS OBJECT (ID NUMBER(4), LABEL VARCHAR2(20))")
    app.sql("CREATE VIEW CRATES OF CRATE WITH OBJECT OID (ID) AS SELECT CRATE(1, 'a').ID, 'a' FROM DUAL")
    assert app.sql("SELECT VIEW_TYPE FROM USER_VIEWS WHERE VIEW_NAME = 'CRATES'") == [("CRATE",)]
    found = app.sql(
        "SELECT COLUMN_NAME, DATA_TYPE, DATA_LENGTH FROM USER_TAB_COLS WHERE TABLE_NAME = 'CRATES' ORDER BY COLUMN_ID"
    )
    assert found == [("ID", "NUMBER", 22), ("LABEL", "VARCHAR2", 20)]


def test_plsql_units_and_triggers_are_kept_as_text(app: Session) -> None:
    app.sql("CREATE TABLE T (ID NUMBER)")
    app.sql(
        "CREATE OR REPLACE TRIGGER T_BI\n  BEFORE INSERT OR UPDATE OF ID ON T\n  FOR EACH ROW WHEN (NEW.ID > 0)\nBEGIN\n "
        " :NEW.ID := 1;\nEND;"
    )
    app.sql("CREATE PACKAGE P AS\n  PROCEDURE X;\nEND;")
    app.sql("CREATE OR REPLACE PACKAGE BODY P AS PROCEDURE X IS BEGIN NULL; END; END;")
    ((kind, event, status, body, when),) = app.sql(
        "SELECT TRIGGER_TYPE, TRIGGERING_EVENT, STATUS, TRIGGER_BODY, WHEN_CLAUSE FROM USER_TRIGGERS"
    )
    assert (kind, event, status, when) == ("BEFORE EACH ROW", "INSERT OR UPDATE", "ENABLED", "NEW.ID > 0")
    assert body == "BEGIN\n  :NEW.ID := 1;\nEND;"
    app.sql("ALTER TABLE T DISABLE ALL TRIGGERS")
    assert app.sql("SELECT STATUS FROM USER_TRIGGERS") == [("DISABLED",)]
    app.sql("ALTER TRIGGER T_BI ENABLE")
    assert app.sql("SELECT STATUS FROM USER_TRIGGERS") == [("ENABLED",)]
    assert app.sql("SELECT LINE, TEXT FROM USER_SOURCE WHERE NAME = 'P' AND TYPE = 'PACKAGE' ORDER BY LINE") == [
        (1, "PACKAGE P AS\n"),
        (2, "  PROCEDURE X;\n"),
        (3, "END;"),
    ]
    assert app.sql("SELECT OBJECT_TYPE FROM USER_OBJECTS WHERE OBJECT_NAME = 'P' ORDER BY 1") == [("PACKAGE",), ("PACKAGE BODY",)]


def test_types(app: Session) -> None:
    app.sql("CREATE TYPE ADDR AS OBJECT (STREET VARCHAR2(30), ZIP NUMBER(5), MEMBER FUNCTION F RETURN NUMBER)")
    app.sql("CREATE TYPE ADDRS AS TABLE OF ADDR")
    app.sql("CREATE TYPE PHONES AS VARRAY(5) OF VARCHAR2(20)")
    app.sql("CREATE TABLE T (ID NUMBER, A ADDR)")
    assert app.sql("SELECT TYPE_NAME, TYPECODE, ATTRIBUTES FROM USER_TYPES ORDER BY 1") == [
        ("ADDR", "OBJECT", 2),
        ("ADDRS", "COLLECTION", 0),
        ("PHONES", "COLLECTION", 0),
    ]
    assert app.sql("SELECT ATTR_NAME, ATTR_TYPE_NAME FROM USER_TYPE_ATTRS ORDER BY ATTR_NO") == [
        ("STREET", "VARCHAR2"),
        ("ZIP", "NUMBER"),
    ]
    assert app.sql("SELECT COLL_TYPE, UPPER_BOUND, ELEM_TYPE_NAME FROM USER_COLL_TYPES ORDER BY TYPE_NAME") == [
        ("TABLE", None, "ADDR"),
        ("VARYING ARRAY", 5, "VARCHAR2"),
    ]
    assert app.sql("SELECT DATA_TYPE, DATA_TYPE_OWNER FROM USER_TAB_COLUMNS WHERE COLUMN_NAME = 'A'") == [("ADDR", "APP")]


def test_types_under_others_and_collections_of_references(app: Session) -> None:
    app.sql("CREATE TYPE SHAPE AS OBJECT (NAME VARCHAR2(9), MEMBER FUNCTION AREA RETURN NUMBER) NOT FINAL")
    app.sql("CREATE TYPE CIRCLE UNDER SHAPE (RADIUS NUMBER, OVERRIDING MEMBER FUNCTION AREA RETURN NUMBER)")
    app.sql("CREATE TYPE SHAPES AS TABLE OF REF SHAPE")
    assert app.sql("SELECT ATTR_NAME, ATTR_NO, INHERITED FROM USER_TYPE_ATTRS WHERE TYPE_NAME = 'CIRCLE' ORDER BY ATTR_NO") == [
        ("NAME", 1, "YES"),
        ("RADIUS", 2, "NO"),
    ]
    assert app.sql("SELECT ATTRIBUTES, LOCAL_ATTRIBUTES, SUPERTYPE_NAME FROM USER_TYPES WHERE TYPE_NAME = 'CIRCLE'") == [
        (2, 1, "SHAPE")
    ]
    assert app.sql("SELECT ELEM_TYPE_MOD, ELEM_TYPE_NAME FROM USER_COLL_TYPES") == [("REF", "SHAPE")]


def test_supplemental_logging(app: Session) -> None:
    app.sql("CREATE TABLE T (ID NUMBER PRIMARY KEY, V NUMBER, SUPPLEMENTAL LOG GROUP G (V) ALWAYS)")
    app.sql("ALTER TABLE T ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS")
    assert app.error("ALTER TABLE T ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS")[0] == 32588
    assert app.sql("SELECT LOG_GROUP_TYPE, ALWAYS FROM USER_LOG_GROUPS ORDER BY 1") == [
        ("ALL COLUMN LOGGING", "ALWAYS"),
        ("USER LOG GROUP", "ALWAYS"),
    ]
    app.sql("ALTER TABLE T DROP SUPPLEMENTAL LOG DATA (ALL) COLUMNS")
    app.sql("ALTER TABLE T DROP SUPPLEMENTAL LOG GROUP G")
    assert app.sql("SELECT * FROM USER_LOG_GROUPS") == []


def test_create_table_as_select_and_other_kinds_of_tables(app: Session) -> None:
    app.sql("CREATE TABLE T (ID NUMBER(5), V VARCHAR2(7), D TIMESTAMP(3))")
    app.sql("INSERT INTO T (ID, V) VALUES (1, 'x')")
    app.sql("CREATE TABLE C AS SELECT ID, V, D, 'lit' L, ID + 1 N FROM T")
    assert app.sql("SELECT ID, V, L, N FROM C") == [(1, "x", "lit", 2)]
    assert app.sql(
        "SELECT DATA_TYPE, DATA_PRECISION, CHAR_LENGTH FROM USER_TAB_COLUMNS WHERE TABLE_NAME = 'C' ORDER BY COLUMN_ID"
    ) == [
        ("NUMBER", 5, 0),
        ("VARCHAR2", None, 7),
        ("TIMESTAMP(3)", None, 0),
        ("CHAR", None, 3),
        ("NUMBER", None, 0),
    ]
    app.sql("CREATE GLOBAL TEMPORARY TABLE G (ID NUMBER) ON COMMIT PRESERVE ROWS")
    app.sql("CREATE TABLE I (ID NUMBER PRIMARY KEY) ORGANIZATION INDEX")
    app.sql("CREATE TABLE E (ID NUMBER) ORGANIZATION EXTERNAL (TYPE ORACLE_LOADER DEFAULT DIRECTORY D LOCATION ('x'))")
    assert app.sql(
        "SELECT TABLE_NAME, TEMPORARY, DURATION, IOT_TYPE, EXTERNAL FROM USER_TABLES WHERE TABLE_NAME IN ('G', 'I',"
        " 'E') ORDER BY 1"
    ) == [
        ("E", "N", None, None, "YES"),
        ("G", "Y", "SYS$SESSION", None, "NO"),
        ("I", "N", None, "IOT", "NO"),
    ]


def test_as_in_storage_clauses_begins_no_query(app: Session) -> None:
    app.sql("CREATE TYPE NUMS AS TABLE OF NUMBER")
    lob = "STORAGE IN ROW CHUNK 8192 NOCACHE LOGGING STORAGE(INITIAL 106496 NEXT 1048576)"
    for number, (columns, storage) in enumerate(
        (
            ("C CLOB", f'LOB ("C") STORE AS SECUREFILE (TABLESPACE "USERS" ENABLE {lob})'),
            ("C CLOB", f'LOB ("C") STORE AS BASICFILE "SEG" (TABLESPACE "USERS" ENABLE {lob})'),
            ("X XMLTYPE", "XMLTYPE COLUMN X STORE AS SECUREFILE BINARY XML (TABLESPACE USERS) ALLOW NONSCHEMA"),
            ("X XMLTYPE", "XMLTYPE X STORE AS CLOB"),
            ("N NUMS", "NESTED TABLE N STORE AS N_ROWS ((PRIMARY KEY (NESTED_TABLE_ID, COLUMN_VALUE))) RETURN AS LOCATOR"),
            ("G SDO_GEOMETRY", "VARRAY G.SDO_ORDINATES STORE AS SECUREFILE LOB G_LOB (ENABLE STORAGE IN ROW)"),
        )
    ):
        app.sql(f"CREATE TABLE S{number} (ID NUMBER, {columns}) {storage}")
        assert app.sql(f"SELECT * FROM S{number}") == []
    app.sql("CREATE TABLE Q (ID, C) LOB (C) STORE AS (CACHE) AS SELECT 1, TO_CLOB('x') FROM DUAL")
    assert app.sql("SELECT ID FROM Q") == [(1,)]


def test_row_archival_is_a_known_gap(app: Session) -> None:
    assert app.error("CREATE TABLE T (ID NUMBER) ROW ARCHIVAL")[0] == 3001


def test_columns_of_create_table_as_select_may_have_constraints_and_defaults(app: Session) -> None:
    app.sql("CREATE TABLE T AS SELECT 1 A, 'x' B FROM DUAL")
    app.sql("CREATE TABLE C (K PRIMARY KEY, V DEFAULT 'y' CONSTRAINT V_FILLED NOT NULL) NOLOGGING AS SELECT A, B FROM T")
    assert app.error("INSERT INTO C VALUES (1, 'z')")[0] == 1
    assert app.error("INSERT INTO C VALUES (2, NULL)")[0] == 1400
    app.sql("INSERT INTO C (K) VALUES (2)")
    assert app.sql("SELECT * FROM C ORDER BY K") == [(1, "x"), (2, "y")]


def test_statistics_are_gathered_on_request(app: Session) -> None:
    app.sql("CREATE TABLE T (ID NUMBER)")
    app.sql("INSERT INTO T SELECT LEVEL FROM DUAL CONNECT BY LEVEL <= 250")
    app.commit()
    assert app.sql("SELECT NUM_ROWS, BLOCKS, LAST_ANALYZED FROM USER_TABLES") == [(None, None, None)]
    app.execute("BEGIN DBMS_STATS.GATHER_TABLE_STATS(OWNNAME => 'APP', TABNAME => 'T'); END;")
    assert app.sql("SELECT NUM_ROWS, BLOCKS FROM USER_TABLES WHERE LAST_ANALYZED IS NOT NULL") == [(250, 3)]


def test_privileges(app: Session, engine: PgEngine) -> None:
    app.sql("CREATE TABLE T (ID NUMBER)")
    app.sql("CREATE SEQUENCE S")
    app.sql("CREATE USER POOR IDENTIFIED BY pw")
    with pytest.raises(Exception, match="lacks CREATE SESSION"):
        Session(engine, "POOR")
    app.sql("GRANT CREATE SESSION TO POOR")
    poor = Session(engine, "POOR")
    assert poor.error("SELECT * FROM APP.T")[0] == 942
    assert poor.error("SELECT * FROM V$DATABASE")[0] == 942
    assert poor.error("SELECT * FROM DBA_TABLES")[0] == 942
    assert poor.error("SELECT APP.S.NEXTVAL FROM DUAL")[0] == 2289
    assert poor.error("CREATE TABLE X (ID NUMBER)")[0] == 1031
    assert poor.error("BEGIN SYS.DBMS_LOGMNR.END_LOGMNR(); END;")[0] == 6550
    app.sql("CREATE ROLE READER")
    app.sql("GRANT SELECT ON T TO READER")
    app.sql("GRANT READER TO POOR")
    app.sql("GRANT SELECT ON S TO POOR")
    app.sql("GRANT SELECT ON SYS.V_$DATABASE TO POOR")
    assert poor.sql("SELECT * FROM APP.T") == []
    assert poor.one("SELECT APP.S.NEXTVAL FROM DUAL") == 1
    assert poor.one("SELECT COUNT(*) FROM V$DATABASE") == 1
    assert poor.sql("SELECT TABLE_NAME FROM ALL_TABLES WHERE OWNER = 'APP'") == [("T",)]
    assert poor.error("UPDATE APP.T SET ID = 1")[0] == 1031
    assert poor.error("SELECT * FROM APP.T AS OF SCN 1")[0] == 1031
    assert poor.sql("SELECT GRANTED_ROLE FROM USER_ROLE_PRIVS") == [("READER",)]
    assert poor.sql("SELECT PRIVILEGE FROM SESSION_PRIVS") == [("CREATE SESSION",)]
    app.sql("REVOKE SELECT ON T FROM READER")
    assert poor.error("SELECT * FROM APP.T")[0] == 942
    app.sql("GRANT EXECUTE ON SYS.DBMS_LOGMNR TO POOR")
    assert poor.error("BEGIN SYS.DBMS_LOGMNR.END_LOGMNR(); END;")[0] == 1031
    assert app.error("REVOKE SELECT ON T FROM READER")[0] == 1927
    assert app.error("DROP USER POOR")[0] == 1940
    poor.close()
    app.sql("DROP USER POOR CASCADE")
    app.sql("DROP ROLE READER")


def test_passwords_and_locked_accounts(app: Session, engine: PgEngine) -> None:
    assert engine.password_of("APP") == "app"
    assert engine.password_of("NOBODY") is None
    app.sql('ALTER USER APP IDENTIFIED BY "Se cret"')
    assert engine.password_of("APP") == "Se cret"
    app.sql("ALTER USER APP ACCOUNT LOCK")
    with pytest.raises(Exception, match="locked"):
        engine.password_of("APP")
    app.sql("ALTER USER APP ACCOUNT UNLOCK PASSWORD EXPIRE")
    with pytest.raises(OracleError, match="ORA-28001: the password has expired"):
        Session(engine, "APP")
    app.sql("ALTER USER APP IDENTIFIED BY another")
    Session(engine, "APP").close()


def test_quoted_names_are_kept_and_others_folded(app: Session) -> None:
    app.sql('CREATE TABLE "Mixed" ("a b" NUMBER, C NUMBER)')
    app.sql('INSERT INTO "Mixed" ("a b", c) VALUES (1, 2)')
    assert app.sql('SELECT m."a b", m.C FROM "Mixed" m') == [(1, 2)]
    assert app.error("SELECT * FROM MIXED")[0] == 942
    assert app.sql("SELECT TABLE_NAME FROM USER_TABLES") == [("Mixed",)]


def test_the_public_sample_schemas_are_accepted(engine: PgEngine) -> None:
    """Every statement of HR, CO, OE and SH, written as their owners write them."""
    system = Session(engine, "SYSTEM")
    for user in ("HR", "CO", "OE", "SH", "PM"):
        system.sql(f"CREATE USER {user} IDENTIFIED BY x")
    for schema in ("hr", "co", "oe", "sh"):
        text = (Path(__file__).parents[2] / "schema" / "oracle" / "schemas" / f"{schema}.sql").read_text(encoding="utf-8")
        for statement in statements_of(text):
            system.sql(statement)
    assert system.one("SELECT COUNT(*) FROM DBA_OBJECTS WHERE STATUS = 'INVALID' AND OBJECT_TYPE = 'VIEW'") == 0
    system.close()


def statements_of(text: str) -> Iterator[str]:
    """As SQL*Plus cuts a script: PL/SQL ends with a line ``/``, everything else with a semicolon too."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.strip() == "/":
            if "".join(lines).strip():
                yield "\n".join(lines)
            lines = []
            continue
        lines.append(line)
        words = [w for text in lines if not text.lstrip().startswith("--") for w in text.upper().split()][:6]
        plsql = bool({"TRIGGER", "PROCEDURE", "FUNCTION", "PACKAGE", "BODY"} & set(words[1:5])) and words[0] == "CREATE"
        if line.rstrip().endswith(";") and not plsql:
            statement = "\n".join(x for x in lines if not x.lstrip().startswith("--")).strip().rstrip(";")
            if statement:
                yield statement
            lines = []
