"""Preflight's checks of an Oracle source, over facts: what is found, what it breaks, what mends it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.databases.oracle.test_values import column
from voyager_ops.databases.oracle.check_facts import OracleFacts, Plan, RedoFacts
from voyager_ops.databases.oracle.checks import check_source
from voyager_ops.databases.oracle.types import OracleType
from voyager_ops.model.checks import Check, Severity
from voyager_ops.model.tables import Column, Leaf, QName, Table

GB = 1 << 30
REDO = RedoFacts(groups=((1, 1, GB), (1, 2, GB)), switches_per_hour=1.0, bytes_per_hour=GB, area=100 * GB)
FIT = OracleFacts(
    where="db:1521/PDB",
    user="C##MIG",
    version=(19, 24, 0, 0, 0),
    container="PDB",
    mines_in_root=True,
    log_mode="ARCHIVELOG",
    supplemental="YES",
    open_mode="READ WRITE",
    role="PRIMARY",
    privileges=frozenset({"CREATE SESSION", "CREATE TABLE", "SELECT ANY TABLE", "FLASHBACK ANY TABLE", "ALTER ANY TABLE"}),
    mining_privileges=frozenset({"LOGMINING", "SELECT ANY TRANSACTION"}),
    redo=REDO,
    undo_seconds=3600,
    default_tablespace="USERS",
    characterset="AL32UTF8",
    national_characterset="AL16UTF16",
)
PLAN = Plan(mines=True, fall_back=False, parallelism=4, chunk_bytes=128 << 20)


def table(*columns: Column, key: tuple[str, ...] = ("id",), name: str = "T", size: int = 1000) -> Table:
    native = QName("HR", name)
    folded = QName("hr", name.lower())
    all_columns = (column("NUMBER(9,0)", name="id"), *columns)
    return Table(folded, 1, all_columns, key, (Leaf(folded, 1, "d", "", 1, size, bool(key), native),), native=native)


def findings(facts: OracleFacts = FIT, tables: list[Table] | None = None, plan: Plan = PLAN) -> dict[str, Check]:
    """Errors and warnings by id, but for the remark that every version gets. Each says what mends it."""
    found = list(check_source(facts, [table()] if tables is None else tables, plan))
    assert [check.id for check in found if check.severity is not Severity.OK and not (check.breaks and check.mend)] == []
    return {check.id: check for check in found if check.severity is not Severity.OK and check.id != "version"}


def test_a_sound_source() -> None:
    assert findings() == {}


@pytest.mark.parametrize(
    ("change", "id_", "severity", "mend"),
    [
        ({"log_mode": "NOARCHIVELOG"}, "archivelog", "error", "ALTER DATABASE ARCHIVELOG"),
        ({"supplemental": "NO"}, "supplemental_minimal", "error", "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA"),
        ({"state_known": False}, "database_state", "error", "SELECT ANY DICTIONARY"),
        ({"role": "PHYSICAL STANDBY"}, "standby", "error", "primary"),
        ({"open_mode": "READ ONLY"}, "open_mode", "error", "READ WRITE"),
        ({"characterset": "US7ASCII"}, "encoding", "warning", "ASCIISTR"),
        ({"quota": False}, "quota", "error", 'ALTER USER "C##MIG" QUOTA 100M ON "USERS"'),
        ({"may_mine": False}, "dbms_logmnr", "error", 'GRANT EXECUTE ON SYS.DBMS_LOGMNR TO "C##MIG" CONTAINER = ALL'),
        ({"unreadable_views": ("V$LOG",)}, "catalog_views", "error", 'GRANT SELECT ANY DICTIONARY TO "C##MIG" CONTAINER = ALL'),
        ({"whole_dictionary": False}, "dictionary", "warning", 'GRANT SELECT ANY DICTIONARY TO "C##MIG" CONTAINER = ALL'),
        ({"mines_in_root": False}, "local_mining", "warning", "cdb_service"),
        ({"root_refused": "ORA-01031"}, "container", "error", "GRANT SET CONTAINER"),
        ({"mining_privileges": frozenset({"LOGMINING"})}, "privilege_select_any_transaction", "error", "SELECT ANY TRANSACTION"),
        ({"undo_seconds": 1}, "undo", "warning", "ALTER SYSTEM SET undo_retention = 21 -- the undo tablespace"),
        ({"undo_seconds": None}, "undo", "warning", 'GRANT SELECT ANY DICTIONARY TO "C##MIG"'),
        (
            {"redo": replace(REDO, groups=((1, 1, 50 << 20), (1, 2, 2 * GB), (1, 3, 50 << 20)))},
            "redo_size",
            "warning",
            "in CDB$ROOT: ALTER DATABASE ADD LOGFILE SIZE 2048M; ALTER DATABASE ADD LOGFILE SIZE 2048M;"
            " ALTER DATABASE DROP LOGFILE GROUP 1; ALTER DATABASE DROP LOGFILE GROUP 3 -- ",
        ),
        (
            {"redo": replace(REDO, groups=((1, 1, 50 << 20), (2, 2, 50 << 20)))},
            "redo_size",
            "warning",
            "ADD LOGFILE THREAD 1 SIZE 1024M; ALTER DATABASE ADD LOGFILE THREAD 2 SIZE 1024M; ",
        ),
        # Five times as many switches as there may be, of logs that are large already.
        ({"redo": replace(REDO, switches_per_hour=60.0)}, "redo_size", "warning", "ADD LOGFILE SIZE 5120M; "),
        # Which logs there are is not known.
        (
            {"redo": replace(REDO, groups=(), switches_per_hour=60.0)},
            "redo_size",
            "warning",
            f"in CDB$ROOT: {'; '.join(['ALTER DATABASE ADD LOGFILE SIZE 1024M'] * 3)} -- ",
        ),
        (
            {"redo": replace(REDO, kept_seconds=3600.0)},
            "redo_retention",
            "warning",
            "in RMAN, instead of what deletes it now: DELETE ARCHIVELOG ALL COMPLETED BEFORE 'SYSDATE - 1'",
        ),
        ({"redo": replace(REDO, kept_seconds=0.0)}, "redo_retention", "warning", "SYSDATE - 1'"),
        ({"redo": replace(REDO, area=None)}, "redo_retention", "warning", "29 GB of room"),
        (
            {"redo": replace(REDO, bytes_per_hour=None)},
            "redo_retention",
            "warning",
            "in RMAN, instead of what deletes it now: DELETE ARCHIVELOG ALL COMPLETED BEFORE 'SYSDATE - 1'",
        ),
        (
            {"redo": replace(REDO, bytes_per_hour=10 * GB)},
            "redo_retention",
            "warning",
            "in CDB$ROOT: ALTER SYSTEM SET db_recovery_file_dest_size = 288G SCOPE = BOTH",
        ),
        ({"hidden_rows": frozenset({("HR", "T")})}, "row_security", "error", "EXEMPT ACCESS POLICY"),
        ({"redacted": frozenset({("HR", "T")})}, "redaction", "error", "EXEMPT REDACTION POLICY"),
        ({"nologging": frozenset({("HR", "T")})}, "nologging", "warning", "FORCE LOGGING"),
        ({"clock_offset": 5.0}, "clock", "warning", "NTP"),
        ({"long_transactions": (("APP", 900.0),)}, "long_transactions", "warning", "committed"),
    ],
)
def test_each_fact_that_is_wrong(change: dict[str, Any], id_: str, severity: str, mend: str) -> None:
    tables = [table(size=100 << 20)]
    found = findings(replace(FIT, **change), tables)
    assert set(found) == {id_}
    assert found[id_].severity == severity
    assert found[id_].breaks
    assert mend
    assert mend in found[id_].mend


@pytest.mark.parametrize("charset", ["AL32UTF8", "UTF8", "WE8ISO8859P1", "WE8MSWIN1252"])
def test_character_sets_whose_bytes_are_known(charset: str) -> None:
    facts = replace(FIT, characterset=charset)
    assert findings(facts, [table(column("VARCHAR2(10)"), column("CLOB", name="d"))]) == {}


@pytest.mark.parametrize("charset", ["JA16SJIS", "ZHS16GBK", "WE8EBCDIC500"])
def test_character_sets_that_redo_as_bytes_cannot_be_read_in(charset: str) -> None:
    facts = replace(FIT, characterset=charset, privileges=FIT.privileges | {"CREATE SEQUENCE", "CREATE ANY TRIGGER"})
    found = findings(facts)
    assert set(found) == {"encoding"}
    assert found["encoding"].severity is Severity.WARNING
    assert charset in found["encoding"].message
    assert "not ASCII" in found["encoding"].breaks
    assert "no DDL" in found["encoding"].mend
    # Triggers give text that the server has converted.
    assert set(findings(facts, plan=replace(PLAN, mines=False))) == {"trigger_cost"}


@pytest.mark.parametrize("type_", ["NVARCHAR2(10)", "NCHAR(10)", "NCLOB"])
def test_the_national_character_set_of_the_driver_alone(type_: str) -> None:
    tables = [table(column(type_, name="n"), column("VARCHAR2(10)"))]
    assert findings(FIT, tables) == {}
    other = replace(FIT, national_characterset="UTF8")
    for plan in (PLAN, replace(PLAN, mines=False)):
        refused = findings(other, tables, plan)["national_encoding"]
        assert refused.severity is Severity.ERROR
        assert "is UTF8" in refused.message
        assert "HR.T.N" in refused.message
        assert "DPY-3012" in refused.breaks
        assert "?thick=true" in refused.mend
        assert "HR.T.N: skip" in refused.mend
    assert findings(replace(other, thin=False), tables) == {}
    assert findings(other, [table(column("VARCHAR2(10)"), column("CLOB", name="d"))]) == {}  # nothing is of it


def test_rights_come_from_roles_system_privileges_or_ownership() -> None:
    poor = replace(FIT, privileges=frozenset({"CREATE SESSION", "CREATE TABLE"}))
    assert {"select", "flashback", "supplemental_all"} == set(findings(poor))
    by_object = replace(poor, object_privileges={("HR", "T"): frozenset({"READ", "FLASHBACK", "ALTER"})})
    assert findings(by_object) == {}
    assert findings(replace(poor, user="HR")) == {}  # its own tables
    logged = replace(
        by_object, object_privileges={("HR", "T"): frozenset({"SELECT", "FLASHBACK"})}, logged=frozenset({("HR", "T")})
    )
    assert findings(logged) == {}
    assert "supplemental_all" in findings(replace(logged, logged=frozenset()))
    assert "supplemental_all" not in findings(replace(logged, logged=frozenset(), supplemental_all=True))


def test_where_mining_may_run() -> None:
    local = replace(FIT, mines_in_root=False)
    assert findings(replace(local, version=(21, 3))) == {}
    assert findings(replace(local, container=None)) == {}
    assert findings(replace(local, container="CDB$ROOT")) == {}


def test_what_the_way_back_wants() -> None:
    found = findings(plan=replace(PLAN, fall_back=True))
    sequences = {f"privilege_{what}_any_sequence" for what in ("create", "select", "alter")}
    assert set(found) == sequences | {f"write_back_{what}" for what in ("insert", "update", "delete")}
    poor = replace(FIT, privileges=FIT.privileges - {"ALTER ANY TABLE"}, logged=frozenset({("HR", "T")}))
    assert 'GRANT ALTER ON "HR"."T"' in findings(poor, plan=replace(PLAN, fall_back=True))["write_back_alter"].mend
    assert found["write_back_update"].mend.startswith('GRANT UPDATE ON "HR"."T" TO "C##MIG"')


def test_the_instances_of_a_cluster_are_to_be_named() -> None:
    two = replace(FIT, redo=replace(REDO, groups=((1, 1, GB), (2, 2, GB)), open=2))
    assert "instances=host:port" in findings(two)["redo_instances"].mend
    assert "names 1" in findings(replace(two, redo=replace(two.redo, named=1)))["redo_instances"].message
    assert findings(replace(two, redo=replace(two.redo, named=2))) == {}
    assert findings(replace(two, redo=replace(two.redo, open=1))) == {}


def test_capture_by_triggers_wants_other_things() -> None:
    bare = replace(FIT, log_mode="NOARCHIVELOG", supplemental="NO", mining_privileges=frozenset(), may_mine=False)
    by_triggers = replace(PLAN, mines=False)
    found = findings(bare, plan=by_triggers)
    assert set(found) == {"privilege_create_sequence", "privilege_create_any_trigger", "trigger_cost"}
    assert found["privilege_create_any_trigger"].mend == 'GRANT CREATE ANY TRIGGER TO "C##MIG" CONTAINER = ALL'
    fit = replace(FIT, privileges=FIT.privileges | {"CREATE SEQUENCE", "CREATE ANY TRIGGER"})
    assert set(findings(fit, plan=by_triggers)) == {"trigger_cost"}
    blind = replace(fit, unreadable_views=("V$TRANSACTION",), quota=False)
    assert set(findings(blind, plan=by_triggers)) >= {"catalog_views", "quota"}
    assert "QUOTA UNLIMITED" in findings(blind, plan=by_triggers)["quota"].mend


def test_tables_that_triggers_cannot_capture() -> None:
    by_triggers = replace(PLAN, mines=False)
    keyless = replace(table(), key=())
    assert findings(tables=[keyless], plan=by_triggers)["trigger_keys"].severity is Severity.ERROR
    assert findings(tables=[table(column("CLOB"))], plan=by_triggers)["trigger_large_values"].severity is Severity.WARNING
    wide = table(*(column("NUMBER", name=f"c{number}") for number in range(1000)))
    assert findings(tables=[wide], plan=by_triggers)["trigger_columns"].severity is Severity.ERROR


def unsupported(type_: OracleType) -> Column:
    return replace(column("NUMBER"), type_sql="", native_type=type_.to_json(), native="X", name="x")


def test_types() -> None:
    found = findings(
        tables=[table(unsupported(OracleType("BFILE"))), table(unsupported(OracleType("ADDRESS_T", owner="HR")), name="U")]
    )
    assert found["types"].severity == Severity.ERROR
    assert "skip" in found["types"].mend
    assert found["types"].mend.startswith("leave the table out")
    by_triggers = replace(PLAN, mines=False)
    assert "HR.T.X: skip" in findings(tables=[table(unsupported(OracleType("BFILE")))], plan=by_triggers)["types"].mend
    shapes = replace(column("VARCHAR2(10)"), native_type=OracleType("SDO_GEOMETRY").to_json(), type_sql="text")
    found = findings(tables=[table(shapes)])
    assert "Unsupported Type" in found["types_streamed"].breaks
    assert "capture: triggers" in found["types_streamed"].mend
    assert found["geometries"].severity == Severity.WARNING
    assert "types_streamed" not in findings(tables=[table(shapes)], plan=by_triggers)
    fine = findings(tables=[table(column("TIMESTAMP(9)"), column("TIMESTAMP(3) WITH TIME ZONE", name="z"))])
    assert set(fine) == {"fractions", "time_zones"}


@pytest.mark.parametrize("ddl", ["JSON", "VECTOR", "UROWID(100)"])
def test_types_that_logminer_is_said_not_to_write_out(ddl: str) -> None:
    found = findings(tables=[table(column(ddl))])
    assert found["types_doubted"].severity == Severity.WARNING
    assert "HR.T.C" in found["types_doubted"].message
    assert "types_doubted" not in findings(tables=[table(column(ddl))], plan=replace(PLAN, mines=False))


def test_keys() -> None:
    assert set(findings(tables=[table(key=())])) == {"primary_keys"}
    assert set(findings(tables=[table(column("CLOB"), key=())])) == {"primary_keys", "large_values_without_key"}
    assert set(findings(tables=[table(column("VARCHAR2(32767)"), key=())])) == {"primary_keys", "large_values_without_key"}
    assert findings(tables=[table(column("CLOB"))]) == {}
    assert "key_fractions" in findings(tables=[table(column("TIMESTAMP(9)"), key=("c",))])


@pytest.mark.parametrize(
    ("ddl", "target", "id_"),
    [
        ("TIMESTAMP(6)", "timestamp(3)", "key_fractions"),
        ("INTERVAL DAY(2) TO SECOND(9)", "", "key_fractions"),
        ("INTERVAL DAY(2) TO SECOND(6)", "", ""),
        ("NUMBER", "double precision", "key_types"),
        ("NUMBER(10,0)", "real", "key_types"),
        ("NUMBER", "numeric(20,2)", ""),  # a value with more decimals is refused when it comes
        ("BINARY_DOUBLE", "", ""),
        ("BINARY_DOUBLE", "real", "key_types"),
        ("VARCHAR2(5)", "char(5)", "key_types"),
        ("VARCHAR2(5)", "jsonb", "key_types"),
        ("CHAR(5)", "", ""),
    ],
)
def test_keys_that_the_target_would_not_tell_apart(ddl: str, target: str, id_: str) -> None:
    assert set(findings(tables=[table(column(ddl, target), key=("c",))])) == ({id_} if id_ else set())


@pytest.mark.parametrize(("version", "severity"), [((19, 1), "error"), ((23, 9), "warning")])
def test_long_names(version: tuple[int, ...], severity: str) -> None:
    facts = replace(FIT, version=version)
    for tables in ([table(name="T" * 31)], [table(column("NUMBER", name="c" * 31))], [table(column("NUMBER", name="é" * 16))]):
        assert findings(facts, tables)["names"].severity == severity
    assert findings(facts, [table(name="T" * 30)]) == {}
    assert "names" not in findings(facts, [table(name="T" * 31)], replace(PLAN, mines=False))


@pytest.mark.parametrize(("version", "severity"), [((19, 1), "error"), ((23, 9), "warning")])
def test_long_names_of_columns_that_are_left_out(version: tuple[int, ...], severity: str) -> None:
    name = "C" * 35
    facts = replace(FIT, version=version, long_named={("HR", "T"): (name,), ("HR", "OTHER"): (name,)})
    found = findings(facts)
    assert set(found) == {"names"}
    assert found["names"].severity == severity
    assert found["names"].message.endswith(f": HR.T.{name}")
    assert "migrated or not" in found["names"].breaks
    assert f'RENAME COLUMN "{name}" TO …, or leave the table out' in found["names"].mend
    # One that is migrated is named once; triggers have no such limit.
    assert findings(facts, [table(column("NUMBER", name=name))])["names"].message.count(name) == 1
    assert "names" not in findings(facts, plan=replace(PLAN, mines=False))


def test_durations_grow_with_the_tables() -> None:
    big = [table(size=10 << 40)]
    kept = replace(FIT, redo=RedoFacts(groups=((1, 1, GB),), kept_seconds=30 * 3600.0))
    assert findings(kept) == {}
    assert set(findings(kept, big)) == {"redo_retention"}
    # So does the room that redo wants meanwhile: 10 TB are 146 h of four readers, and 100 GB hold 100 h.
    assert "holds 100 h" in findings(tables=big)["redo_retention"].message
    assert findings(replace(FIT, redo=replace(REDO, bytes_per_hour=GB / 4)), big) == {}
    assert findings(replace(FIT, redo=replace(REDO, bytes_per_hour=0.0)), big) == {}
    # A table without a key that can be cut is read whole at one moment.
    assert "undo" in findings(tables=[table(key=(), size=100 << 30)])
    assert "undo" not in findings(tables=[table(size=100 << 30)])


@pytest.mark.parametrize(
    ("change", "id_", "mend"),
    [
        (
            {"may_mine": False},
            "dbms_logmnr",
            "BEGIN\n  rdsadmin.rdsadmin_util.grant_sys_object('DBMS_LOGMNR', 'MIG', 'EXECUTE');\nEND;",
        ),
        ({"unreadable_views": ("V$LOG",)}, "catalog_views", 'GRANT SELECT ANY DICTIONARY TO "MIG"'),
        (
            {"redo": replace(REDO, groups=((1, 1, 50 << 20), (1, 2, 50 << 20)))},
            "redo_size",
            "BEGIN rdsadmin.rdsadmin_util.add_logfile(bytes => 1073741824);"
            " rdsadmin.rdsadmin_util.add_logfile(bytes => 1073741824); END;"
            " BEGIN rdsadmin.rdsadmin_util.drop_logfile(grp => 1); END;"
            " BEGIN rdsadmin.rdsadmin_util.drop_logfile(grp => 2); END;",
        ),
        (
            {"redo": replace(REDO, area=None)},
            "redo_retention",
            "BEGIN rdsadmin.rdsadmin_util.set_configuration('archivelog retention hours', 24); COMMIT; END;",
        ),
        ({"undo_seconds": 1}, "undo", "parameter group"),
        ({"undo_seconds": None}, "undo", 'GRANT SELECT ANY DICTIONARY TO "MIG"'),
        ({"nologging": frozenset({("HR", "T")})}, "nologging", "rdsadmin_util.force_logging(p_enable => true)"),
        ({"log_mode": "NOARCHIVELOG"}, "archivelog", "automated backups"),
        ({"supplemental": "NO"}, "supplemental_minimal", "rdsadmin_util.alter_supplemental_logging('ADD')"),
    ],
)
def test_on_rds_its_own_procedures_mend(change: dict[str, Any], id_: str, mend: str) -> None:
    rds = replace(FIT, rds=True, user="MIG", container=None, mines_in_root=False)
    found = findings(replace(rds, **change), [table(size=100 << 20)])
    assert set(found) == {id_}
    assert mend in found[id_].mend
    assert "ALTER SYSTEM" not in found[id_].mend
    assert "ALTER DATABASE" not in found[id_].mend
    assert "ON SYS." not in found[id_].mend


def test_names_are_mended_by_renaming() -> None:
    long = "T" * 31
    assert f'ALTER TABLE "HR"."{long}" RENAME TO …' in findings(tables=[table(name=long)])["names"].mend
    column_ = table(column("NUMBER", name="c" * 31))
    assert f'ALTER TABLE "HR"."T" RENAME COLUMN "{"C" * 31}" TO …' in findings(tables=[column_])["names"].mend
