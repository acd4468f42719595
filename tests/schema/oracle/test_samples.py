"""Schemas after the public samples, shortened: PostgreSQL accepts every statement, and every object is converted or named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pglast.stream import RawStream
from psycopg.rows import dict_row

from tests.conftest import Database
from tests.schema.oracle.kit import read_ddl
from tests.schema.oracle.spoken_of import missing, not_spoken_of
from voyager_ops.databases.oracle.dictionary import Dictionary
from voyager_ops.schema.analyze import analyze
from voyager_ops.schema.importer import import_schema
from voyager_ops.schema.kinds import IMPORT_STAGES, Kind
from voyager_ops.schema.layout import read
from voyager_ops.schema.oracle.export import OracleOptions, export
from voyager_ops.schema.report import write_reports

SCHEMAS = Path(__file__).parent / "schemas"


def dictionary_of(names: Sequence[str]) -> Dictionary:
    return read_ddl(*(SCHEMAS / f"{name}.sql" for name in names))


def import_all(database: Database, directory: Path) -> int:
    """Import every stage; returns how many statements were run."""
    with psycopg.connect(database.url, row_factory=dict_row) as connection:
        done = [import_schema(connection, directory / "schema", stage, migration="m") for stage in IMPORT_STAGES]
    assert all(result.executed == result.total for result in done)
    return sum(result.executed for result in done)


@pytest.mark.parametrize("names", [["hr"], ["co"], ["sh"], ["hr", "oe"], ["hr", "co", "sh", "oe"]], ids="+".join)
def test_sample_schemas(names: list[str], target_db: Database, tmp_path: Path) -> None:
    dictionary = dictionary_of(names)
    exported = export(dictionary, tmp_path / "schema")
    assert not_spoken_of(dictionary, exported) == []
    assert import_all(target_db, tmp_path) > 10
    report = analyze(tmp_path / "schema", target_kind="postgresql")
    assert report.blocking == 0
    assert len(report.findings) == len(exported.findings)
    written = write_reports(report, tmp_path / "reports")
    for kind in ("json", "html", "txt"):
        text = written[kind].read_text(encoding="utf-8")
        assert all(finding.object_name.replace('"', "&quot;") in text for finding in exported.findings), kind
    assert f"left out {report.left_out} objects" in written["txt"].read_text()


@pytest.mark.parametrize("names", [["hr", "oe"], ["sh"], ["nasty"]], ids="+".join)
def test_whatever_is_lost_is_noticed(names: list[str], tmp_path: Path) -> None:
    """The check above, checked: without any one of the statements, or of the findings that leave something out, it complains."""
    dictionary = dictionary_of(names)
    exported = export(dictionary, tmp_path / "schema")
    nodes: list[Any] = [item.statement.node for item in read(exported.directory)]
    advice = (exported.directory / "advice" / "grant.sql").read_text() if names != ["sh"] else ""
    advice += (exported.directory / "advice" / "omitted.sql").read_text() if names == ["nasty"] else ""
    assert missing(dictionary, nodes, exported.findings, advice) == []
    named = {finding.object_name for finding in exported.findings}
    for node in nodes:
        what = type(node).__name__
        part = what == "CreateStmt" and node.partbound is not None
        synonym = what == "ViewStmt" and f"{node.view.schemaname}.{node.view.relname}" in named
        if part or synonym or what in ("NoneType", "CreateSchemaStmt", "RefreshMatViewStmt"):
            continue
        rest = [other for other in nodes if other is not node]
        assert missing(dictionary, rest, exported.findings, advice) != [], RawStream()(node)
    gone = {finding.object_name for finding in exported.findings if finding.code.endswith(("_LEFT_OUT", "_TABLE", "_DISABLED"))}
    for name in gone - {"app"}:
        others = [finding for finding in exported.findings if finding.object_name != name]
        assert name.rpartition(".")[0] in gone or missing(dictionary, nodes, others, advice) != [], name
    if advice:
        assert missing(dictionary, nodes, exported.findings, "") != []


def test_hr_has_its_keys_view_and_order(target_db: Database, tmp_path: Path) -> None:
    export(dictionary_of(["hr"]), tmp_path / "schema")
    import_all(target_db, tmp_path)
    with target_db.connect() as connection:
        connection.execute(
            "INSERT INTO hr.regions VALUES (1, 'Europe'); INSERT INTO hr.countries VALUES ('CH', 'Switzerland', 1);"
            "INSERT INTO hr.locations VALUES (1, 'a', 'b', 'Bern', NULL, 'CH');"
            "INSERT INTO hr.departments VALUES (1, 'IT', NULL, 1); INSERT INTO hr.jobs VALUES ('P', 'Programmer', 1, 2);"
            "INSERT INTO hr.employees VALUES (1, 'A', 'B', 'e', NULL, '2020-01-01 10:00:01', 'P', 10.5, NULL, NULL, 1)"
        )
        found = connection.execute("SELECT last_name, city, region_name FROM hr.emp_details_view").fetchall()
        assert found == [("B", "Bern", "Europe")]
        assert connection.execute("SELECT nextval('hr.employees_seq')").fetchone() == (207,)
        constraints = connection.execute(
            "SELECT contype::text, count(*) FROM pg_constraint WHERE connamespace = 'hr'::regnamespace AND contype <> 'n'"
            " GROUP BY contype ORDER BY contype"
        ).fetchall()
        assert constraints == [("c", 2), ("f", 10), ("p", 7), ("u", 1)]
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            connection.execute("INSERT INTO hr.countries VALUES ('XX', 'Nowhere', 9)")
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute("UPDATE hr.employees SET salary = 0")


def test_programs_are_kept_and_listed(tmp_path: Path) -> None:
    exported = export(dictionary_of(["hr"]), tmp_path / "schema")
    text = (tmp_path / "schema" / "advice" / "plsql.sql").read_text()
    assert "-- CREATE OR REPLACE PROCEDURE hr.secure_dml" in text
    assert all(line.startswith("--") or not line for line in text.splitlines())
    work = {finding.object_name: finding.message for finding in exported.findings if finding.code == "PLSQL"}
    assert set(work) == {"hr.add_job_history", "hr.secure_dml", "hr.secure_employees", "hr.update_job_history"}
    assert "complexity low" in work["hr.secure_dml"]
    assert exported.counts[Kind.PLSQL.value] == 4


def test_the_map_of_names_and_the_evidence_are_kept(tmp_path: Path) -> None:
    dictionary = dictionary_of(["hr"])
    export(dictionary, tmp_path / "schema")
    kept = tmp_path / "metainfo" / "schema"
    names = (kept / "names.json").read_text()
    assert '"EMPLOYEES": "employees"' in names
    assert Dictionary.from_csv(kept / "dictionary") == dictionary
    assert '"HR"' in (kept / "plsql.json").read_text()


def test_a_schema_goes_under_another_name(target_db: Database, tmp_path: Path) -> None:
    export(dictionary_of(["hr"]), tmp_path / "schema", rename_to="people", exclude_tables=[("hr", "job_history")])
    import_all(target_db, tmp_path)
    with target_db.connect() as connection:
        found = connection.execute("SELECT to_regclass('people.employees'), to_regclass('people.job_history')").fetchone()
        assert found is not None
        assert found[0] is not None
        assert found[1] is None


def test_options_default_to_keeping() -> None:
    assert OracleOptions().plsql == "keep"
