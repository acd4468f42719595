"""The public sample schemas: PostgreSQL accepts every statement, and every object is converted or named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.conftest import Database
from tests.schema.oracle.kit import read_ddl
from voyager_ops.databases.oracle.dictionary import Dictionary
from voyager_ops.databases.oracle.names import fold
from voyager_ops.schema.analyze import analyze
from voyager_ops.schema.export import SchemaExport
from voyager_ops.schema.importer import import_schema
from voyager_ops.schema.kinds import IMPORT_STAGES, Kind
from voyager_ops.schema.layout import read
from voyager_ops.schema.oracle.export import OracleOptions, export
from voyager_ops.schema.report import write_reports

SCHEMAS = Path(__file__).parent / "schemas"
# Parts of something else, which is converted or named itself.
PARTS = {"LOB", "TABLE PARTITION", "TABLE SUBPARTITION"}


def dictionary_of(names: Sequence[str]) -> Dictionary:
    return read_ddl(*(SCHEMAS / f"{name}.sql" for name in names))


def import_all(database: Database, directory: Path) -> int:
    """Import every stage; returns how many statements were run."""
    with psycopg.connect(database.url, row_factory=dict_row) as connection:
        done = [import_schema(connection, directory / "schema", stage, migration="m") for stage in IMPORT_STAGES]
    assert all(result.executed == result.total for result in done)
    return sum(result.executed for result in done)


def not_spoken_of(dictionary: Dictionary, exported: SchemaExport) -> list[str]:
    """Objects of the dictionary that are in no statement and in no finding."""
    statements = read(exported.directory)
    text = "\n".join(item.statement.text.replace('"', "") for item in statements)
    named = {finding.object_name for finding in exported.findings}
    named |= {name.rpartition(".")[2] for name in named}
    missing = []
    for row in dictionary.objects:
        name = fold(row.object_name)
        identity = any(item.sequence_name == row.object_name for item in dictionary.tab_identity_cols)
        if row.object_type in PARTS or identity or f".{name}" in text or name in named or f" {name} " in text:
            continue
        missing.append(f"{row.object_type} {row.owner}.{row.object_name}")
    return missing


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
    assert '"HR.EMPLOYEES"' in names
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
