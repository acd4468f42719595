"""The dictionary read through the real driver from a (simulated) Oracle which was given the sample schemas as DDL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.oracle_source import OracleSource, oracle_source
from tests.schema.oracle.kit import from_text, read_ddl, statements
from tests.schema.oracle.spoken_of import not_spoken_of
from tests.schema.oracle.test_convert import NOT_NULLS
from tests.schema.oracle.test_samples import SCHEMAS, import_all
from voyager_ops.config_file import parse_config
from voyager_ops.databases.oracle.dictionary import Dictionary, read_dictionary
from voyager_ops.errors import PreconditionError
from voyager_ops.migration import Migration
from voyager_ops.phases import analyze_schema, export_schema, import_schema
from voyager_ops.schema.oracle.convert import convert
from voyager_ops.schema.oracle.export import export
from voyager_ops.testing.postgres import Cluster

USERS = {
    **dict.fromkeys(("HR", "OE", "SH", "PM", "ERP", "NULLS"), ("DBA", "UNLIMITED TABLESPACE")),
    "PLAIN": ("CREATE TABLE", "UNLIMITED TABLESPACE"),
}


@pytest.fixture(scope="module")
def source(source_cluster: Cluster) -> Iterator[OracleSource]:
    with oracle_source(source_cluster, USERS) as source:
        for name in ("hr", "oe", "sh"):
            source.execute(*statements((SCHEMAS / f"{name}.sql").read_text(encoding="utf-8")), user=name.upper())
        yield source


@pytest.mark.parametrize("names", [["hr"], ["sh"], ["hr", "oe"]], ids="+".join)
def test_what_is_read_converts_as_what_was_written(names: list[str], source: OracleSource) -> None:
    with source.connect("HR") as connection:
        read = read_dictionary(connection, [name.upper() for name in names])
    assert read.missing == ()
    assert read.version[0] == 19 or not source.simulated
    written = read_ddl(*(SCHEMAS / f"{name}.sql" for name in names))
    found, wanted = convert(read), convert(written)
    assert sorted(found.statements) == sorted(wanted.statements)
    codes = {(finding.code, finding.object_name) for finding in found.findings}
    assert codes == {(finding.code, finding.object_name) for finding in wanted.findings}


def test_rows_come_back_from_csv_as_they_were_read(source: OracleSource, tmp_path: Path) -> None:
    with source.connect("HR") as connection:
        read = read_dictionary(connection, ["HR", "OE", "SH"])
    read.to_csv(tmp_path)
    assert Dictionary.from_csv(tmp_path) == read
    assert Dictionary.from_csv(tmp_path, ["HR"]).tables == tuple(row for row in read.tables if row.owner == "HR")


def test_a_schema_that_is_not_there_is_told(source: OracleSource) -> None:
    with source.connect("HR") as connection, pytest.raises(PreconditionError, match="no schema NOBODY"):
        read_dictionary(connection, ["HR", "NOBODY"])


def test_an_ordinary_user_reads_its_own_schema(source: OracleSource) -> None:
    with source.connect("PLAIN") as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (id NUMBER(9) PRIMARY KEY, note VARCHAR2(10) DEFAULT 'x' NOT NULL)")
        read = read_dictionary(connection, ["PLAIN"])
    assert "segments" in read.missing
    text = "\n".join(convert(read).statements)
    assert "note character varying(10) DEFAULT 'x' NOT NULL" in text
    assert "PRIMARY KEY (id)" in text


def test_the_states_of_not_null(source: OracleSource) -> None:
    source.execute(NOT_NULLS.format("").rstrip(";"), user="NULLS")
    with source.connect("NULLS") as connection:
        read = read_dictionary(connection, ["NULLS"])
    written = from_text(NOT_NULLS.format("nulls."))
    for dictionary in (read, written):
        assert {row.column_name: row.nullable for row in dictionary.tab_cols} == {
            "ID": "N", "NN": "Y", "S": "Y", "D": "Y", "N": "Y"
        }  # fmt: skip
    found, wanted = convert(read), convert(written)
    assert sorted(found.statements) == sorted(wanted.statements)
    codes = {(finding.code, finding.object_name) for finding in found.findings}
    assert codes == {(finding.code, finding.object_name) for finding in wanted.findings}


def test_an_enterprise_schema(source: OracleSource, target_db: Database, tmp_path: Path) -> None:
    source.execute(*statements((SCHEMAS / "erp.sql").read_text(encoding="utf-8")), user="ERP")
    with source.connect("ERP") as connection:
        dictionary = read_dictionary(connection, ["ERP"])
    exported = export(dictionary, tmp_path / "schema")
    assert not_spoken_of(dictionary, exported) == []
    import_all(target_db, tmp_path)
    found = {(finding.code, finding.object_name) for finding in exported.findings}
    assert found >= {
        ("CHECK_LEFT_OUT", "erp.company.company_doc_json"),
        ("NOT_SUBPARTITIONED", "erp.gl_entry"),
        ("NOT_PARTITIONED", "erp.gl_line"),
        ("NOT_PARTITIONED", "erp.part_virt"),
        ("COLUMN_LEFT_OUT", "erp.contact.phones"),
        ("INDEX_INVISIBLE", "erp.address.address_inv"),
        ("INDEX_LEFT_OUT", "erp.child.child_txt"),
        ("VIEW_LEFT_OUT", "erp.v_tree"),
        ("VIEW_CHECK_OPTION", "erp.w_on_agg"),
        ("RENAMED", "erp.ck_a"),
    }
    with target_db.connect() as connection:
        connection.execute(
            "INSERT INTO erp.address_type VALUES ('INV', 'Invoice');"
            "INSERT INTO erp.company (code, name, employees) VALUES ('acme', 'Acmé', 80);"
            "INSERT INTO erp.address (company_id, valid_from, valid_to) VALUES (1000, '2020-01-01', '2020-03-01');"
            "INSERT INTO erp.parent (id, region, grp) VALUES (1, 'EU', 'ab');"
            "INSERT INTO erp.child (id, parent_id, qty, price, grp) VALUES (1, 1, 2.5, 1.2000, 'ab'), (0.5, 1, NULL, NULL, NULL)"
        )
        company = connection.execute("SELECT name_upper, status_text, size_class, rate::text FROM erp.company").fetchall()
        assert company == [("ACMÉ", "Active", "MEDIUM", "0.0750")]
        assert connection.execute("SELECT period_days::text FROM erp.address").fetchall() == [("60",)]
        child = connection.execute("SELECT total::text, vat::text, label, flag FROM erp.child ORDER BY id DESC").fetchall()
        assert child == [("3", "0.57", "C1", "N"), (None, None, "C1", "N")]
        types = connection.execute("SELECT q, p, f, n, i FROM erp.v_types ORDER BY i DESC").fetchall()
        assert types == [(3, "1.2", "1.20", None, "1"), (None, None, None, None, ".5")]
        null = connection.execute("SELECT kind, closed IS NULL, txt FROM erp.v_null ORDER BY kind").fetchall()
        assert null == [("A", True, None), ("B", False, None), ("C", True, None)]


def test_the_phases_from_a_simulated_oracle_to_a_target(source: OracleSource, target_db: Database, tmp_path: Path) -> None:
    migration = Migration(
        parse_config(
            f"name: hr\nexport_dir: {tmp_path}/hr\napprovers: [dba]\n"
            f"source:\n  url: {source.url('HR')}\n  schemas: [hr]\n"
            f"target: {{url: '{target_db.configured}', schema: people}}\ncutover: {{prepare_for_fall_back: false}}\n"
            "tables: {exclude: [job_history]}\nschema: {try_on_target: true}\n"
        )
    )
    try:
        exported = export_schema.run(migration)
        assert exported.source_version == 19 or not source.simulated
        assert {finding["code"] for finding in exported.findings} >= {"PLSQL", "VIEW_READ_ONLY"}
        assert not {finding["code"] for finding in exported.findings} & {"NOT_TRIED", "STATEMENT_LEFT_OUT"}
        analysis = analyze_schema.run(migration)
        assert analysis.blocking == 0
        assert {item["code"] for item in analysis.left_out} == {"PLSQL"}
        import_schema.run(migration)
    finally:
        migration.state.close()
    with target_db.connect() as connection:
        found = connection.execute("SELECT to_regclass('people.employees'), to_regclass('people.job_history')").fetchone()
    assert found is not None
    assert found[0] is not None
    assert found[1] is None
