"""Every right that ``prepare source`` gives is one that preflight looks for: without it, it names the statement that gives it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Database
from voyager_ops.config_file import parse_config
from voyager_ops.databases.oracle.prepare_sql import Form, Wanted, statements
from voyager_ops.errors import PreconditionError
from voyager_ops.migration import Migration
from voyager_ops.phases import prepare
from voyager_ops.phases.preflight_oracle import look
from voyager_ops.testing.oracle.engine import Login
from voyager_ops.testing.oracle.simulator import Simulator
from voyager_ops.testing.postgres import Cluster

GRANT = re.compile(r"GRANT (?P<what>.+?)(?P<on> ON \S+)? TO (?P<to>\S+)(?P<everywhere> CONTAINER = ALL)?")
CALL = re.compile(r"BEGIN\n  rdsadmin\.rdsadmin_util\.grant_sys_object\('(\w+)', '(\w+)', '(\w+)'\);\nEND;")


def run(simulator: Simulator, statement: str, form: Form) -> None:
    """By SYS; on RDS, where nobody is SYS, by the master user what is not of SYS."""
    who = "ADMIN" if form == "rds" and " ON SYS." not in statement else "SYS"
    simulator.engine.open_session(Login(who, simulator.engine.service)).ddl(statement)


def granted(simulator: Simulator, wanted: Wanted) -> Iterator[tuple[str, str, str]]:
    """(the statement, what takes away what it gives, what gives that again) of each single right."""
    for statement in statements(wanted):
        texts = [statement.sql]
        if statement.each is not None:
            with simulator.connect() as connection, connection.cursor() as cursor:
                rows = cursor.execute(statement.each.query.sql, dict(statement.each.query.binds)).fetchall()
            assert rows
            texts = [statement.each.statement.format(f'"{name}"') for (name,) in rows]
        for text in texts:
            if call := CALL.fullmatch(text):
                what = f"{call[3]} ON SYS.{call[1]}"
                yield text, f'REVOKE {what} FROM "{call[2]}"', f'GRANT {what} TO "{call[2]}"'
            elif found := GRANT.fullmatch(text):
                on = found["on"] or ""
                for what in found["what"].split(", "):
                    given = f"GRANT {what}{on} TO {found['to']}{found['everywhere'] or ''}"
                    yield given, f"REVOKE {what}{on} FROM {found['to']}", given
            else:
                assert "grant" not in text.lower(), text


CASES: list[tuple[Form, bool, bool]] = [
    *((form, mines, True) for form in ("cdb", "non-cdb", "rds") for mines in (True, False)),
    ("cdb", True, False),
]


@pytest.mark.parametrize(("form", "mines", "fall_back"), CASES)
def test_each_right_in_turn(
    form: Form, mines: bool, fall_back: bool, source_cluster: Cluster, target_db: Database, tmp_path: Path
) -> None:
    user = "C##MIG" if form == "cdb" else "MIG"
    with Simulator({"HR": ""}, rds=form == "rds", cluster=source_cluster) as simulator:
        simulator.execute(
            "CREATE TABLE REGIONS (ID NUMBER(9) PRIMARY KEY, NAME VARCHAR2(25))",
            "CREATE GLOBAL TEMPORARY TABLE SCRATCH (ID NUMBER)",
            "CREATE VIEW NAMES AS SELECT NAME FROM REGIONS",
            "CREATE SEQUENCE REGIONS_SEQ",
            user="HR",
        )
        place = simulator.url("HR").rpartition("@")[2]
        capture = "logminer" if mines else "triggers"
        migration = Migration(
            parse_config(
                f"name: hr\nexport_dir: {tmp_path}/hr\napprovers: [dba]\n"
                f'source:\n  url: "oracle://{user.replace("#", "%23")}:secret@{place}"\n  schemas: [hr]\n'
                f"target: {{url: '{target_db.configured}'}}\nchanges: {{capture: {capture}}}\n"
            )
        )
        privileged = simulator.url() if form == "rds" else simulator.url("SYS") + "?mode=sysdba"
        prepare.run(migration, "source", form=form, fall_back=fall_back, execute=True, privileged_url=privileged)
        migration.state.close()
        before = {check.id for check in look(migration, fall_back=fall_back)[1] if check.severity == "error"}
        assert before <= {"fall_back"}
        rights = list(granted(simulator, Wanted(form, user, ("HR",), fall_back, mines)))
        assert len(rights) > 7
        reads = [right for right in rights if right[0].startswith("GRANT SELECT ON ")]  # both roles', where there are two
        for statement, revoke, given in rights:
            again = [given]
            run(simulator, revoke, form)
            if fall_back and (statement in {read for read, _, _ in reads} or statement.startswith('GRANT "HR_READER_ROLE" ')):
                found = look(migration, fall_back=True)[1]
                assert not [check for check in found if check.id == "select" and check.severity != "ok"]
                run(simulator, given, form)
                for _, each, _ in reads:
                    run(simulator, each, form)
                statement = reads[0][0]
                again = [each for _, _, each in reads]
            if "CREATE SESSION" in statement:
                with pytest.raises(PreconditionError) as refused:
                    look(migration, fall_back=fall_back)
                assert refused.value.next_step == statement
            else:
                found = [check for check in look(migration, fall_back=fall_back)[1] if check.severity != "ok"]
                named = [check for check in found if statement in check.mend]
                assert named, (statement, [(check.id, check.mend) for check in found])
                assert all(check.breaks for check in named)
            for each in again:
                run(simulator, each, form)
        after = {check.id for check in look(migration, fall_back=fall_back)[1] if check.severity == "error"}
        assert after == before
