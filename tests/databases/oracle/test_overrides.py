from __future__ import annotations

import pytest

from voyager_ops.databases.oracle.overrides import SKIP, Overrides
from voyager_ops.databases.oracle.types import OracleType
from voyager_ops.errors import ConfigError


@pytest.mark.parametrize(
    ("key", "ddl", "hit"),
    [
        ("NUMBER", "NUMBER", True),
        ("NUMBER", "NUMBER(10,0)", False),  # a NUMBER without precision is a type of its own
        ("number(10)", "NUMBER(10,0)", True),
        ("NUMBER(*,0)", "INTEGER", True),
        ("VARCHAR2", "VARCHAR2(20 CHAR)", True),
        ("VARCHAR2(20)", "VARCHAR2(20 CHAR)", True),
        ("VARCHAR2(21)", "VARCHAR2(20 CHAR)", False),
        ("timestamp", "TIMESTAMP(3)", True),
        ("TIMESTAMP(3)", "TIMESTAMP(3)", True),
        ("TIMESTAMP(3)", "TIMESTAMP(6)", False),
        ("timestamp", "TIMESTAMP(3) WITH TIME ZONE", False),
        ("raw(16)", "RAW(16)", True),
        ("FLOAT", "FLOAT(126)", True),
    ],
)
def test_which_types_a_key_means(key: str, ddl: str, hit: bool) -> None:
    wanted = Overrides(by_type={key: "text"}).of("O", "T", "C", OracleType.parse(ddl))
    assert wanted == ("text" if hit else "")


def test_the_more_special_wins() -> None:
    overrides = Overrides(
        by_type={"VARCHAR2": "text", "VARCHAR2(3)": "char(3)"}, by_column={"hr.emp.name": "varchar(9)", "HR.Emp.NAME": "jsonb"}
    )
    assert overrides.of("HR", "T", "C", OracleType.parse("VARCHAR2(3)")) == "char(3)"
    assert overrides.of("HR", "T", "C", OracleType.parse("VARCHAR2(4)")) == "text"
    assert overrides.of("HR", "EMP", "NAME", OracleType.parse("VARCHAR2(3)")) == "varchar(9)"
    assert overrides.of("HR", "Emp", "NAME", OracleType.parse("VARCHAR2(3)")) == "jsonb"


def test_the_column_goes_before_the_table_and_that_before_the_type() -> None:
    overrides = Overrides(
        by_type={"VARCHAR2(3)": "char(3)", "DATE": "date"},
        by_table={"hr.emp": {"varchar2": "text", "number(10)": "integer"}, "HR.Emp": {"VARCHAR2": "jsonb"}},
        by_column={"HR.EMP.NAME": "varchar(9)"},
    )
    word, number = OracleType.parse("VARCHAR2(3)"), OracleType.parse("NUMBER(10,0)")
    assert overrides.of("HR", "T", "C", word) == "char(3)"
    assert overrides.of("HR", "EMP", "C", word) == "text"  # though the type's key is the more special one
    assert overrides.of("HR", "Emp", "C", word) == "jsonb"
    assert overrides.of("HR", "EMP", "NAME", word) == "varchar(9)"
    assert (overrides.of("HR", "EMP", "N", number), overrides.of("HR", "T", "N", number)) == ("integer", "")
    assert overrides.of("HR", "EMP", "D", OracleType.parse("DATE")) == "date"


def test_a_key_in_upper_case_does_not_mean_a_name_in_lower_case() -> None:
    word = OracleType.parse("VARCHAR2(3)")
    overrides = Overrides(by_table={"HR.EMP": {"VARCHAR2": "jsonb"}}, by_column={"HR.EMP.NAME": SKIP, "HR.t.id": "char(3)"})
    assert [overrides.of("HR", *name, word) for name in (("EMP", "NAME"), ("emp", "NAME"), ("EMP", "name"), ("emp", "x"))] == [
        SKIP, "", "jsonb", "",
    ]  # fmt: skip
    assert [overrides.of("HR", *name, word) for name in (("T", "ID"), ("t", "ID"), ("t", "id"))] == ["char(3)"] * 3
    both = Overrides(by_column={"hr.emp.name": "char(3)", "HR.EMP.NAME": SKIP, "HR.emp.NAME": "jsonb"})
    assert [both.of("HR", name, "NAME", word) for name in ("EMP", "emp")] == [SKIP, "jsonb"]
    assert overrides.unknown({("HR", "emp", "NAME"), ("HR", "t", "ID")}) == ("HR.EMP.NAME",)
    assert overrides.unknown_of_tables([("HR", "emp", word)]) == (("HR.EMP", ""),)


def test_what_cannot_be_names_the_column() -> None:
    with pytest.raises(ConfigError, match=r"HR\.EMP\.ID: DATE cannot become 'bigint'"):
        Overrides(by_column={"HR.EMP.ID": "bigint"}).target("HR", "EMP", "ID", OracleType("DATE"))


def test_keys_that_name_no_column() -> None:
    overrides = Overrides(by_column={"HR.EMP.ID": "bigint", "HR.EMP.IDD": "bigint"})
    assert overrides.unknown({("HR", "EMP", "ID")}) == ("HR.EMP.IDD",)


def test_keys_that_name_no_table_or_no_type_of_it() -> None:
    columns = [("HR", "EMP", OracleType.parse("NUMBER(10,0)")), ("HR", "EMP", OracleType.parse("VARCHAR2(20 CHAR)"))]
    known = {"hr.emp": {"number(10)": "integer", "VARCHAR2": "text", "VARCHAR2(20)": "text"}}
    assert Overrides(by_table=known).unknown_of_tables(columns) == ()
    unknown = {"HR.EMPS": {"DATE": "date"}, "HR.EMP": {"NUMBER(10,0)": "integer", "NUMBER": "bigint", "DATE": "date"}}
    assert Overrides(by_table=unknown).unknown_of_tables(columns) == (
        ("HR.EMPS", ""),
        ("HR.EMP", "NUMBER"),
        ("HR.EMP", "DATE"),
    )
