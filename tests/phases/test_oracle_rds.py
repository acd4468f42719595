"""Amazon's RDS (simulated): ``prepare source --run`` by its master user, from nothing to a source that is fit and captured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import oracledb
import pytest

from tests.conftest import Database
from tests.phases.test_oracle_source import found
from tests.phases.test_whole import import_up_to_base, streaming, wait
from voyager_ops.config_file import parse_config
from voyager_ops.errors import PreconditionError
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Lane
from voyager_ops.phases import export_data, preflight, prepare, status, verify
from voyager_ops.testing.oracle.simulator import Simulator
from voyager_ops.testing.postgres import Cluster

PASSWORD = "p'ass w0rd"
RETENTION = "SELECT VALUE FROM RDSADMIN.RDS_CONFIGURATION WHERE NAME = 'archivelog retention hours'"


@pytest.fixture
def rds(source_cluster: Cluster) -> Iterator[Simulator]:
    """With a schema HR; archiving is on, by automated backups; nothing else is prepared."""
    with Simulator({"HR": ""}, rds=True, cluster=source_cluster) as simulator:
        simulator.execute(
            "CREATE TABLE REGIONS (ID NUMBER(9) PRIMARY KEY, NAME VARCHAR2(25))",
            "INSERT INTO REGIONS VALUES (1, 'Europe')",
            "CREATE SEQUENCE REGIONS_SEQ",
            user="HR",
        )
        yield simulator


@pytest.fixture
def make(rds: Simulator, target_db: Database, tmp_path: Path) -> Iterator[Callable[[], Migration]]:
    url = f"oracle://MIG:{quote(PASSWORD)}@{rds.url('HR').rpartition('@')[2]}"
    text = (
        f'name: hr\nexport_dir: {tmp_path}/hr\napprovers: [dba]\nsource:\n  url: "{url}"\n  schemas: [hr]\n'
        f"target: {{url: '{target_db.configured}'}}\ncutover: {{prepare_for_fall_back: false}}\nchanges: {{heartbeat: 300ms}}\n"
    )
    made: list[Migration] = []

    def build() -> Migration:
        made.append(Migration(parse_config(text)))
        return made[-1]

    yield build
    for migration in made:
        if "state" in vars(migration):
            migration.state.close()


def retention(rds: Simulator) -> str:
    with rds.connect() as connection, connection.cursor() as cursor:
        ((value,),) = cursor.execute(RETENTION).fetchall()
        return str(value)


def test_from_nothing_to_a_stream_of_changes(rds: Simulator, make: Callable[[], Migration]) -> None:
    migration = make()
    with pytest.raises(PreconditionError, match="cannot connect to the source"):
        preflight.run(migration)
    printed = prepare.run(migration, "source", form="rds", fall_back=True)
    ran = prepare.run(migration, "source", form="rds", fall_back=True, execute=True, privileged_url=rds.url())
    assert [item["sql"] for item in ran.statements] == [item["sql"] for item in printed.statements]
    assert {item["outcome"] for item in ran.statements} == {"run"}  # nobody has to close the database, as elsewhere
    assert retention(rds) == "72"
    again = prepare.run(migration, "source", form="rds", fall_back=True, execute=True, privileged_url=rds.url())
    repeated = [item["sql"] for item in again.statements if item["outcome"] == "run"]
    assert repeated
    assert all("FOR r IN" in text for text in repeated)  # the grants on every object, which new objects may want
    looked = preflight.run(migration)
    assert found(looked.checks, "error") == {}
    assert {
        "archivelog", "supplemental_minimal", "dbms_logmnr", "catalog_views", "privilege_logmining", "flashback", "select",
        "dictionary",
    } <= set(found(looked.checks, "ok"))  # fmt: skip
    assert "local_mining" not in found(looked.checks, "warning")  # there are no containers
    import_up_to_base(migration)
    export_data.prepare(migration)
    with streaming(make) as streams:
        streams.start(Lane.FORWARD)
        wait("the seam", lambda: status.seam_passed(migration) or bool(streams.results))
        rds.execute("INSERT INTO REGIONS VALUES (2, 'Asia')", "UPDATE REGIONS SET NAME = 'Afrika' WHERE ID = 1", user="HR")
        assert verify.run(migration).equal
        assert not streams.results


def test_a_longer_retention_is_left_alone(rds: Simulator, make: Callable[[], Migration]) -> None:
    rds.execute("BEGIN rdsadmin.rdsadmin_util.set_configuration(name => 'archivelog retention hours', value => '168'); END;")
    prepare.run(make(), "source", form="rds", execute=True, privileged_url=rds.url())
    assert retention(rds) == "168"


def test_another_form_is_refused_before_much_is_done(rds: Simulator, make: Callable[[], Migration]) -> None:
    with pytest.raises(PreconditionError, match="is not a container database"):
        prepare.run(make(), "source", form="cdb", execute=True, privileged_url=rds.url())
    with pytest.raises(PreconditionError, match="ALTER DATABASE ADD SUPPLEMENTAL LOG DATA failed: ORA-01031"):
        prepare.run(make(), "source", form="non-cdb", execute=True, privileged_url=rds.url())


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("ALTER DATABASE ADD SUPPLEMENTAL LOG DATA", 1031),
        ("ALTER SYSTEM SET undo_retention = 1", 1031),
        ("GRANT SELECT ON SYS.V_$DATABASE TO HR", 1031),
        ("GRANT EXECUTE ON DBMS_LOGMNR TO HR", 1031),
        ("GRANT ALTER SYSTEM TO HR", 1031),
        ("ALTER SESSION SET CONTAINER = CDB$ROOT", 65090),
        ("BEGIN rdsadmin.rdsadmin_util.grant_sys_object('V_$DATABASE', 'HR', 'SELECT'); END", 6550),
        ("BEGIN rdsadmin.rdsadmin_util.grant_sys_object('V_$DATABASE', 'hr', 'SELECT'); END;", 1917),
        ("BEGIN rdsadmin.rdsadmin_util.grant_sys_object('v_$database', 'HR', 'SELECT'); END;", 20199),
        ("BEGIN rdsadmin.rdsadmin_util.alter_supplemental_logging('REMOVE'); END;", 20199),
        ("BEGIN rdsadmin.rdsadmin_util.no_such_thing; END;", 6550),
    ],
)
def test_what_the_simulated_master_user_may_not_do(rds: Simulator, statement: str, code: int) -> None:
    with rds.connect() as connection, connection.cursor() as cursor:
        with pytest.raises(oracledb.DatabaseError) as caught:
            cursor.execute(statement)
        assert caught.value.args[0].code == code


def test_the_simulated_master_user_and_nobody_else(rds: Simulator) -> None:
    for user, mode in (("SYS", oracledb.AUTH_MODE_SYSDBA), ("SYSTEM", oracledb.AUTH_MODE_DEFAULT)):
        with pytest.raises(oracledb.DatabaseError, match="ORA-01017"):
            oracledb.connect(user=user, password="oracle", dsn=rds.dsn, mode=mode)
    with pytest.raises(oracledb.DatabaseError, match="ORA-01031"):
        rds.connect(mode=oracledb.AUTH_MODE_SYSDBA)
    with pytest.raises(oracledb.DatabaseError, match="PLS-00201"):
        rds.execute("BEGIN rdsadmin.rdsadmin_util.alter_supplemental_logging('ADD'); END;", user="HR")
    with rds.connect() as connection, connection.cursor() as cursor:  # what is not committed has no effect
        cursor.execute("BEGIN rdsadmin.rdsadmin_util.set_configuration('archivelog retention hours', 24); END;")
        connection.rollback()
    assert retention(rds) == "0"
    rds.execute("BEGIN rdsadmin.rdsadmin_util.grant_sys_object('V_$DATABASE', 'HR', 'SELECT'); END;", "GRANT LOGMINING TO HR")
    with rds.connect("HR") as connection, connection.cursor() as cursor:
        assert cursor.execute("SELECT CDB, LOG_MODE FROM V$DATABASE").fetchall() == [("NO", "ARCHIVELOG")]
