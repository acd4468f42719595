"""The statements of ``prepare source`` for each kind of Oracle server, as text."""

from __future__ import annotations

import pytest

from voyager_ops.databases.oracle.prepare_sql import Form, Statement, Wanted, statements, supplemental_logging


def made(form: Form, user: str = "C##MIG", *, fall_back: bool = True, mines: bool = True) -> list[Statement]:
    return list(statements(Wanted(form, user, ("HR", "Odd Name"), fall_back, mines)))


def texts(found: list[Statement]) -> list[str]:
    return [statement.sql for statement in found]


def test_a_container_database() -> None:
    found = made("cdb")
    sql = texts(found)
    for wanted in (
        "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA",
        'CREATE USER "C##MIG" IDENTIFIED BY "&&password" CONTAINER = ALL',
        'GRANT CREATE SESSION TO "C##MIG" CONTAINER = ALL',
        'GRANT SET CONTAINER TO "C##MIG" CONTAINER = ALL',
        'GRANT FLASHBACK ANY TABLE TO "C##MIG" CONTAINER = ALL',
        'GRANT LOGMINING TO "C##MIG" CONTAINER = ALL',
        'GRANT SELECT ANY TRANSACTION TO "C##MIG" CONTAINER = ALL',
        'GRANT SELECT ANY DICTIONARY TO "C##MIG" CONTAINER = ALL',
        'GRANT EXECUTE ON SYS.DBMS_LOGMNR TO "C##MIG" CONTAINER = ALL',
        'CREATE ROLE "HR_READER_ROLE"',
        'GRANT "HR_READER_ROLE" TO "C##MIG"',
        'CREATE ROLE "HR_WRITER_ROLE"',
        'GRANT CREATE ANY SEQUENCE TO "HR_WRITER_ROLE"',
        'GRANT ALTER ANY SEQUENCE TO "HR_WRITER_ROLE"',
        'GRANT "Odd Name_WRITER_ROLE" TO "C##MIG"',
    ):
        assert wanted in sql
    by_sql = {statement.sql: statement for statement in found}
    assert by_sql['GRANT LOGMINING TO "C##MIG" CONTAINER = ALL'].place == "root"
    assert by_sql['CREATE ROLE "HR_READER_ROLE"'].place == "database"
    archiving = next(statement for statement in found if "ARCHIVELOG" in statement.sql)
    assert not archiving.run
    # Our own tables are where the migrated ones are.
    assert [statement.place for statement in found if "QUOTA" in statement.sql] == ["database"]


def test_a_database_without_containers() -> None:
    sql = "\n".join(texts(made("non-cdb", "MIG")))
    assert "CONTAINER" not in sql
    assert 'CREATE USER "MIG" IDENTIFIED BY "&&password"' in sql
    assert {statement.place for statement in made("non-cdb", "MIG")} == {"database"}


def test_rds() -> None:
    sql = texts(made("rds", "MIG"))
    assert "BEGIN\n  rdsadmin.rdsadmin_util.set_configuration('archivelog retention hours', 72);\n  COMMIT;\nEND;" in sql
    assert "BEGIN\n  rdsadmin.rdsadmin_util.alter_supplemental_logging('ADD');\nEND;" in sql
    assert "BEGIN\n  rdsadmin.rdsadmin_util.grant_sys_object('DBMS_LOGMNR', 'MIG', 'EXECUTE');\nEND;" in sql
    assert not any("ON SYS." in text or "CONTAINER" in text or "ALTER SYSTEM" in text for text in sql)


def test_blocks_and_what_run_makes_of_them() -> None:
    found = made("cdb")
    reader = next(item for item in found if item.each and "READER_ROLE" in item.each.statement and "HR" in item.each.statement)
    assert reader.terminator == "\n/"
    assert all(item.sql.endswith("END;") == (item.terminator == "\n/") for item in made("rds"))
    assert reader.sql.startswith("BEGIN\n  FOR r IN (SELECT OBJECT_NAME FROM DBA_OBJECTS WHERE OWNER = 'HR'")
    assert """EXECUTE IMMEDIATE 'GRANT SELECT' || ' ON "HR"."' || r.OBJECT_NAME || '" TO "HR_READER_ROLE"';""" in reader.sql
    assert reader.each is not None
    assert reader.each.statement.format('"EMP"') == 'GRANT SELECT ON "HR"."EMP" TO "HR_READER_ROLE"'
    writer = next(item for item in found if item.each and "INSERT" in item.each.statement)
    assert "EXECUTE IMMEDIATE 'GRANT SELECT, INSERT, UPDATE, DELETE, ALTER' || ' ON \"HR\".\"' ||" in writer.sql


@pytest.mark.parametrize("form", ["cdb", "non-cdb", "rds"])
@pytest.mark.parametrize("fall_back", [False, True])
@pytest.mark.parametrize("mines", [False, True])
def test_no_right_is_given_twice_nor_one_that_no_check_looks_for(form: Form, fall_back: bool, mines: bool) -> None:
    found = made(form, fall_back=fall_back, mines=mines)
    rights = [(right.name, right.on or right.to) for statement in found for right in statement.rights]
    assert len(rights) == len(set(rights))
    for statement in found:
        is_grant = "GRANT " in statement.sql.replace("grant_sys_object", "GRANT ")
        assert not is_grant or statement.rights or "_ROLE" in statement.sql or "DBMS_LOGMNR" in statement.sql, statement.sql
        assert all(right.breaks for right in statement.rights)
    assert ("ALTER", "HR") in rights or (not mines and not fall_back)


def test_names_with_quotes_do_not_break_out() -> None:
    found = list(statements(Wanted("cdb", "C##M'IG", ("H'R", "{0}"), True)))
    block = next(item for item in found if item.each and "WRITER" in item.sql)
    assert "WHERE OWNER = 'H''R'" in block.sql
    assert """' ON "H''R"."' || r.OBJECT_NAME || '" TO "H''R_WRITER_ROLE"'""" in block.sql
    braces = next(item for item in found if item.each and "WRITER" in item.sql and "{0}" in item.sql)
    assert braces.each is not None
    assert braces.each.statement.format('"T"') == 'GRANT SELECT, INSERT, UPDATE, DELETE, ALTER ON "{0}"."T" TO "{0}_WRITER_ROLE"'


@pytest.mark.parametrize("form", ["cdb", "non-cdb", "rds"])
def test_only_what_is_asked_for(form: Form) -> None:
    assert not any("WRITER" in text for text in texts(made(form, fall_back=False)))
    by_triggers = "\n".join(texts(made(form, mines=False)))
    for mining in ("LOGMNR", "SUPPLEMENTAL", "ARCHIVELOG", "archivelog", "LOGMINING", "TRANSACTION"):
        assert mining not in by_triggers
    for wanted in ("CREATE ANY TRIGGER", "CREATE SEQUENCE", "QUOTA UNLIMITED"):
        assert wanted in by_triggers
    assert "DROP ANY TRIGGER" not in by_triggers  # they are in the user's own schema


def test_everything_says_why_and_can_be_repeated() -> None:
    for statement in (*made("cdb"), *made("rds", "MIG")):
        assert statement.why
        assert statement.unless is not None or statement.each is not None or not statement.run, statement.sql
        if statement.unless is not None:
            for name in statement.unless.binds:
                assert f":{name}" in statement.unless.sql


def test_supplemental_logging() -> None:
    assert supplemental_logging("HR", "EMP") == 'ALTER TABLE "HR"."EMP" ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS'
