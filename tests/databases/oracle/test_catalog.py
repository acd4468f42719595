"""From dictionary rows to the model."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from voyager_ops.databases.oracle import dictionary_rows as rows
from voyager_ops.databases.oracle.catalog import tables_of
from voyager_ops.databases.oracle.dictionary import Dictionary
from voyager_ops.databases.oracle.overrides import Overrides
from voyager_ops.databases.oracle.types import OracleType
from voyager_ops.databases.postgres.ranges import range_columns
from voyager_ops.model.tables import QName, Table
from voyager_ops.model.tables_json import table_from_json, table_to_json


def column(table: str, name: str, data_type: str, number: int | None, **more: Any) -> rows.ColumnRow:
    return replace(rows.ColumnRow("HR", table, name, data_type, column_id=number, internal_column_id=number or 99), **more)


DICTIONARY = Dictionary(
    ("HR",),
    objects=(
        rows.ObjectRow("HR", "EMP", "TABLE", object_id=101),
        rows.ObjectRow("HR", "EMP", "TABLE PARTITION", "P1", object_id=102),
        rows.ObjectRow("HR", "Log", "TABLE", object_id=103),
    ),
    tables=(
        rows.TableRow("HR", "EMP", num_rows=1000, blocks=10, partitioned="YES"),
        rows.TableRow("HR", "Log"),
        rows.TableRow("HR", "TEMP", temporary="Y"),
        rows.TableRow("HR", "EXT"),
        rows.TableRow("HR", "MV"),
        rows.TableRow("HR", "EMPTY"),
    ),
    tab_cols=(
        column("EMP", "NAME", "VARCHAR2", 2, char_length=20, char_used="C", data_length=80),
        column("EMP", "ID", "NUMBER", 1, data_precision=10, data_scale=0, nullable="N", identity_column="YES"),
        column("EMP", "BIRTH", "DATE", 3),
        column("EMP", "UPPER_NAME", "VARCHAR2", 4, char_length=20, data_length=20, virtual_column="YES"),
        column("EMP", "SECRET", "NUMBER", None, hidden_column="YES", user_generated="YES"),
        column("EMP", "SYS_NC00006$", "VARCHAR2", None, hidden_column="YES", user_generated="NO", virtual_column="YES"),
        column("EMP", "CV", "CLOB", 5, data_length=4000),
        column("EMP", "PHOTO", "BFILE", 6),
        column("Log", "At", "TIMESTAMP(6)", 1, data_scale=6),
        column("TEMP", "ID", "NUMBER", 1),
        column("EXT", "ID", "NUMBER", 1),
        column("MV", "ID", "NUMBER", 1),
        column("EMPTY", "V", "NUMBER", 1, virtual_column="YES"),
    ),
    tab_identity_cols=(rows.IdentityRow("HR", "EMP", "ID", "BY DEFAULT", "ISEQ$$_1"),),
    constraints=(
        rows.ConstraintRow("HR", "EMP_PK", "P", "EMP", index_name="EMP_PK"),
        rows.ConstraintRow("HR", "EMP_NAME_UK", "U", "EMP", deferrable="DEFERRABLE", index_name="EMP_NAME_IX"),
        rows.ConstraintRow("HR", "EMP_OFF_UK", "U", "EMP", status="DISABLED"),
    ),
    cons_columns=(
        rows.ConstraintColumnRow("HR", "EMP_PK", "EMP", "ID", 1),
        rows.ConstraintColumnRow("HR", "EMP_NAME_UK", "EMP", "NAME", 2),
        rows.ConstraintColumnRow("HR", "EMP_NAME_UK", "EMP", "BIRTH", 1),
    ),
    indexes=(
        rows.IndexRow("HR", "EMP_PK", "NORMAL", "HR", "EMP", uniqueness="UNIQUE"),
        rows.IndexRow("HR", "EMP_FX", "FUNCTION-BASED NORMAL", "HR", "EMP", uniqueness="UNIQUE"),
        rows.IndexRow("HR", "EMP_IX", "NORMAL", "HR", "EMP"),
    ),
    ind_columns=(
        rows.IndexColumnRow("HR", "EMP_PK", "HR", "EMP", "ID", 1),
        rows.IndexColumnRow("HR", "EMP_FX", "HR", "EMP", "SYS_NC00006$", 1),
    ),
    mviews=(rows.MaterializedViewRow("HR", "MV", "SELECT 1 FROM DUAL"),),
    lobs=(rows.LobRow("HR", "EMP", "CV", "SYS_LOB1"),),
    external_tables=(rows.ExternalTableRow("HR", "EXT"),),
    segments=(
        rows.SegmentRow("HR", "EMP", "TABLE PARTITION", "P1", 65536),
        rows.SegmentRow("HR", "EMP", "TABLE PARTITION", "P2", 65536),
        rows.SegmentRow("HR", "SYS_LOB1", "LOBSEGMENT", "", 1000),
    ),
)  # fmt: skip


def emp(dictionary: Dictionary = DICTIONARY, overrides: Overrides | None = None) -> Table:
    return next(table for table in tables_of(dictionary, overrides=overrides) if table.name.name == "emp")


def test_what_is_migrated() -> None:
    assert [table.name for table in tables_of(DICTIONARY)] == [QName("hr", "Log"), QName("hr", "emp")]
    assert [table.name.name for table in tables_of(DICTIONARY, ["e*"])] == ["emp"]
    assert [table.name.name for table in tables_of(DICTIONARY, ["*"], ["HR.EMP"])] == ["Log"]


def test_a_table() -> None:
    table = emp()
    assert (table.oid, table.key, table.native, table.partitioned) == (101, ("id",), QName("HR", "EMP"), False)
    (leaf,) = table.leaves
    assert (leaf.name, leaf.native_name, leaf.oid, leaf.rows, leaf.bytes, leaf.has_key, leaf.replica_identity) == (
        QName("hr", "emp"), QName("HR", "EMP"), 101, 1000, 132072, True, "d",
    )  # fmt: skip
    assert [column.name for column in table.columns] == ["id", "name", "birth", "upper_name", "cv", "photo", "secret"]
    assert [column.name for column in table.data_columns] == ["id", "name", "birth", "cv", "photo", "secret"]
    id_, name, birth = table.columns[:3]
    assert (id_.type_sql, id_.type_oid, id_.not_null, id_.identity, id_.native) == ("bigint", 20, True, "d", "ID")
    assert OracleType.from_json(id_.native_type) == OracleType("NUMBER", precision=10, scale=0)
    assert (name.type_sql, name.type_name, name.collation_exact, name.toastable) == (
        "character varying(20)",
        "varchar",
        False,
        False,
    )
    assert birth.type_sql == "timestamp(0) without time zone"
    assert table.column("cv").toastable
    assert table.column("photo").type_sql == ""
    assert [(index.name.name, index.columns, index.deferrable) for index in table.unique_indexes] == [
        ("emp_name_uk", ("birth", "name"), True),
        ("emp_fx", (), False),
    ]
    assert table_from_json(table_to_json(table)) == table


def test_columns_that_were_set_unused_are_none() -> None:
    unused = rows.ColumnRow("HR", "EMP", "SYS_C00009_24010112:00:00$", "NUMBER", hidden_column="YES", user_generated="YES")
    assert emp(replace(DICTIONARY, tab_cols=(*DICTIONARY.tab_cols, unused))) == emp()


def test_ranges_only_over_orders_that_are_the_same() -> None:
    assert [column.name for column in range_columns(emp())] == ["id"]
    by_name = replace(emp(), key=("name",))
    assert range_columns(by_name) == ()


@pytest.mark.parametrize(
    "change", [{"status": "DISABLED"}, {"validated": "NOT VALIDATED"}, {"constraint_name": "OTHER", "constraint_type": "U"}]
)
def test_a_key_that_the_database_does_not_vouch_for_is_none(change: dict[str, str]) -> None:
    first = replace(DICTIONARY.constraints[0], **change)
    table = emp(replace(DICTIONARY, constraints=(first, *DICTIONARY.constraints[1:])))
    assert table.key == ()
    assert table.leaves[0].replica_identity == "f"


def test_overrides_and_columns_left_out() -> None:
    overrides = Overrides(by_type={"DATE": "date"}, by_column={"HR.EMP.PHOTO": "skip", "HR.EMP.ID": "integer"}, nul="remove")
    table = emp(overrides=overrides)
    assert table.column("birth").type_sql == "date"
    assert table.column("id").type_sql == "integer"
    assert "photo" not in [column.name for column in table.columns]
    assert OracleType.from_json(table.column("name").native_type).nul == "remove"


def test_without_segments_the_size_is_that_of_the_blocks() -> None:
    assert emp(replace(DICTIONARY, segments=())).leaves[0].bytes == 10 * 8192


def test_names_that_fold_to_one_are_kept_apart() -> None:
    more = (*DICTIONARY.tables, rows.TableRow("HR", "emp"))
    found = tables_of(replace(DICTIONARY, tables=more, tab_cols=(*DICTIONARY.tab_cols, column("emp", "ID", "NUMBER", 1))))
    assert {table.name.name: table.native_name.name for table in found}["emp"] == "EMP"
    assert [table.name.name for table in found if table.native_name.name == "emp"] == ["emp_" + sha256(b"emp").hexdigest()[:8]]
