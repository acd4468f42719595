"""``prepare source`` and ``preflight`` with an Oracle source (simulated, or real: tests/oracle_source.py), from a schema to a
source that is fit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.conftest import Database
from tests.oracle_source import OracleSource, oracle_source
from voyager_ops.config_file import parse_config
from voyager_ops.errors import ConfigError, PreconditionError
from voyager_ops.migration import Migration
from voyager_ops.phases import preflight, prepare
from voyager_ops.testing.postgres import Cluster

USER, PASSWORD = "C##MIG", "p'ass w0rd"


@pytest.fixture
def oracle(source_cluster: Cluster) -> Iterator[OracleSource]:
    """With a schema HR; the migration's user is not there yet."""
    with oracle_source(source_cluster, {"HR": ("RESOURCE", "UNLIMITED TABLESPACE")}, makes=(USER,)) as source:
        source.execute(
            "CREATE TABLE REGIONS (ID NUMBER(9) PRIMARY KEY, NAME VARCHAR2(25))", "CREATE SEQUENCE REGIONS_SEQ", user="HR"
        )
        yield source


@pytest.fixture
def migration(oracle: OracleSource, target_db: Database, tmp_path: Path) -> Iterator[Migration]:
    text = (
        f"name: hr\nexport_dir: {tmp_path}/hr\napprovers: [dba]\n"
        f'source:\n  url: "{oracle.url(USER, PASSWORD)}"\n  schemas: [hr]\n'
        f"target: {{url: '{target_db.configured}'}}\ncutover: {{prepare_for_fall_back: false}}\n"
    )
    found = Migration(parse_config(text))
    yield found
    if "state" in vars(found):
        found.state.close()


def found(checks: list[dict[str, Any]], severity: str) -> dict[str, dict[str, Any]]:
    return {check["id"]: check for check in checks if check["severity"] == severity}


def test_prepared_and_looked_at(oracle: OracleSource, migration: Migration) -> None:
    with pytest.raises(PreconditionError, match="cannot connect to the source"):
        preflight.run(migration)
    printed = prepare.run(migration, "source", fall_back=False)
    assert printed.form == "cdb"
    with pytest.raises(PreconditionError, match="privileged connection"):
        prepare.run(migration, "source", fall_back=False, execute=True)
    ran = prepare.run(migration, "source", fall_back=False, execute=True, privileged_url=oracle.privileged_url)
    assert [item["sql"] for item in ran.statements] == [item["sql"] for item in printed.statements]
    for result in (printed, ran):
        assert PASSWORD not in str(result.to_json())
        assert '"&&password"' in str(result.to_json())
    again = prepare.run(migration, "source", fall_back=False, execute=True, privileged_url=oracle.privileged_url)
    repeated = [item["sql"] for item in again.statements if item["outcome"] == "run"]
    assert repeated
    assert all(text.startswith("BEGIN") for text in repeated)  # the grants on every object, which new objects may want
    # The user it made, with that password, is all that preflight wants.
    looked = preflight.run(migration)
    assert found(looked.checks, "error") == {}
    of_the_server = {"undo", "redo_retention", "encoding"} if oracle.simulated else set()
    assert of_the_server | {
        "select", "flashback", "dbms_logmnr", "catalog_views", "archivelog", "supplemental_minimal", "supplemental_all", "types",
        "names", "privilege_logmining", "dictionary", "national_encoding", "target_empty",
    } <= set(found(looked.checks, "ok"))  # fmt: skip


def test_each_missing_thing_is_named_with_what_mends_it(oracle: OracleSource, migration: Migration) -> None:
    ran = prepare.run(migration, "source", fall_back=True, execute=True, privileged_url=oracle.privileged_url)
    assert {'CREATE ROLE "HR_WRITER_ROLE"', 'GRANT "HR_WRITER_ROLE" TO "C##MIG"'} <= {item["sql"] for item in ran.statements}
    assert not any(check["id"].startswith("write_back") for check in preflight.run(migration, fall_back=True, fail=False).checks
                   if check["severity"] == "error")  # fmt: skip
    oracle.administer(
        'REVOKE LOGMINING FROM "C##MIG" CONTAINER = ALL',
        'REVOKE SELECT ANY TRANSACTION FROM "C##MIG" CONTAINER = ALL',
        'REVOKE FLASHBACK ANY TABLE FROM "C##MIG" CONTAINER = ALL',
        'REVOKE CREATE TABLE FROM "C##MIG" CONTAINER = ALL',
        root=True,
    )
    oracle.administer(
        'REVOKE "HR_READER_ROLE" FROM "C##MIG"',
        'REVOKE "HR_WRITER_ROLE" FROM "C##MIG"',
    )
    oracle.execute(
        "CREATE TABLE KEYLESS (A NUMBER, DOC CLOB)",
        "CREATE TABLE ODD (ID NUMBER PRIMARY KEY, F BFILE, AT TIMESTAMP(9))",
        "CREATE TABLE A_NAME_OF_MORE_THAN_THIRTY_BYTES (ID NUMBER PRIMARY KEY)",
        user="HR",
    )
    of_a_simulator: set[str] = set()
    if oracle.simulated:  # nothing of a real database is changed
        oracle.administer("ALTER DATABASE DROP SUPPLEMENTAL LOG DATA")
        of_a_simulator = {"supplemental_minimal"}
    result = preflight.run(migration, fail=False)
    errors = found(result.checks, "error")
    wanted = of_a_simulator | {
        "privilege_logmining", "privilege_select_any_transaction", "privilege_create_table", "flashback", "select",
        "supplemental_all", "large_values_without_key", "types",
    }  # fmt: skip
    # Neither of the first two can be used without LOGMINING on the simulator; long names are captured since 23ai.
    assert wanted <= set(errors) <= wanted | {"dbms_logmnr", "catalog_views", "names"}
    assert not oracle.simulated or len(errors) == len(wanted) + 3
    assert errors["privilege_logmining"]["mend"] == 'GRANT LOGMINING TO "C##MIG" CONTAINER = ALL'
    for mend in ('GRANT "HR_READER_ROLE" TO "C##MIG"', 'GRANT SELECT ON "HR"."KEYLESS" TO "HR_READER_ROLE"'):
        assert mend in errors["select"]["mend"]
    assert 'ALTER TABLE "HR"."KEYLESS" ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS' in errors["supplemental_all"]["mend"]
    assert "HR.KEYLESS (DOC)" in errors["large_values_without_key"]["message"]
    assert "HR.ODD.F: skip" in errors["types"]["mend"]
    assert {"primary_keys", "fractions"} <= set(found(result.checks, "warning"))
    assert "names" in {check["id"] for check in result.checks if check["severity"] != "ok"}
    assert all(check["breaks"] for check in result.checks if check["severity"] != "ok")
    assert all(check["mend"] for check in result.checks if check["severity"] != "ok" and check["subject"].startswith("source"))
    with pytest.raises(PreconditionError, match="GRANT LOGMINING"):
        preflight.run(migration)


def test_a_user_without_any_right_is_told_everything_at_once(oracle: OracleSource, migration: Migration) -> None:
    oracle.administer(
        f'CREATE USER "C##MIG" IDENTIFIED BY "{PASSWORD}" CONTAINER = ALL',
        'GRANT CREATE SESSION TO "C##MIG" CONTAINER = ALL',
        root=True,
    )
    errors = found(preflight.run(migration, fail=False).checks, "error")
    assert {"catalog", "database_state", "quota", "privilege_create_table", "privilege_logmining", "dbms_logmnr"} <= set(errors)


def test_a_form_that_the_server_is_not(oracle: OracleSource, migration: Migration) -> None:
    with pytest.raises(ConfigError, match="is for PostgreSQL"):
        prepare.run(migration, "source", form="superuser")
    with pytest.raises(ConfigError, match="is for an Oracle source"):
        prepare.run(migration, "target", form="rds")
    assert prepare.run(migration, "source", form="rds", user="mig").user == "MIG"


def test_a_target_that_cannot_hold_every_text(oracle: OracleSource, migration: Migration, target_db: Database) -> None:
    with psycopg.connect(target_db.cluster.dsn(), autocommit=True) as connection:
        name = sql.Identifier(target_db.name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'").format(name))
    prepare.run(migration, "source", fall_back=False, execute=True, privileged_url=oracle.privileged_url)
    errors = found(preflight.run(migration, fail=False).checks, "error")
    assert set(errors) == {"encoding"}
    assert errors["encoding"]["message"] == "the target is in LATIN1"
    assert "ENCODING 'UTF8'" in errors["encoding"]["mend"]
