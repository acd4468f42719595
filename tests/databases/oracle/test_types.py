from __future__ import annotations

import pytest

from voyager_ops.databases.oracle.targets import parse_target
from voyager_ops.databases.oracle.types import OracleType, reread, streamable, target_type, why_not
from voyager_ops.errors import ConfigError

TABLE = [
    # DATA_TYPE, length, precision, scale, CHAR_LENGTH, CHAR_USED, DDL, target
    ("NUMBER", 22, None, None, 0, "", "NUMBER", "numeric"),
    ("NUMBER", 22, 4, 0, 0, "", "NUMBER(4,0)", "smallint"),
    ("NUMBER", 22, 9, 0, 0, "", "NUMBER(9,0)", "integer"),
    ("NUMBER", 22, 18, 0, 0, "", "NUMBER(18,0)", "bigint"),
    ("NUMBER", 22, 19, 0, 0, "", "NUMBER(19,0)", "numeric(19,0)"),
    ("NUMBER", 22, 38, 0, 0, "", "NUMBER(38,0)", "numeric(38,0)"),
    ("NUMBER", 22, None, 0, 0, "", "INTEGER", "numeric(38,0)"),
    ("NUMBER", 22, None, 2, 0, "", "NUMBER(*,2)", "numeric(38,2)"),
    ("NUMBER", 22, 10, 2, 0, "", "NUMBER(10,2)", "numeric(10,2)"),
    ("NUMBER", 22, 3, 5, 0, "", "NUMBER(3,5)", "numeric(3,5)"),
    ("NUMBER", 22, 5, -2, 0, "", "NUMBER(5,-2)", "numeric(7,0)"),
    ("FLOAT", 22, 126, None, 0, "", "FLOAT(126)", "numeric"),
    ("BINARY_FLOAT", 4, None, None, 0, "", "BINARY_FLOAT", "real"),
    ("BINARY_DOUBLE", 8, None, None, 0, "", "BINARY_DOUBLE", "double precision"),
    ("VARCHAR2", 80, None, None, 20, "C", "VARCHAR2(20 CHAR)", "character varying(20)"),
    ("VARCHAR2", 20, None, None, 20, "B", "VARCHAR2(20)", "character varying(20)"),
    ("NVARCHAR2", 40, None, None, 20, "C", "NVARCHAR2(20)", "character varying(20)"),
    ("CHAR", 3, None, None, 3, "B", "CHAR(3)", "character(3)"),
    ("NCHAR", 6, None, None, 3, "C", "NCHAR(3)", "character(3)"),
    ("CLOB", 4000, None, None, 0, "", "CLOB", "text"),
    ("NCLOB", 4000, None, None, 0, "", "NCLOB", "text"),
    ("LONG", 0, None, None, 0, "", "LONG", "text"),
    ("RAW", 16, None, None, 0, "", "RAW(16)", "bytea"),
    ("LONG RAW", 0, None, None, 0, "", "LONG RAW", "bytea"),
    ("BLOB", 4000, None, None, 0, "", "BLOB", "bytea"),
    ("DATE", 7, None, None, 0, "", "DATE", "timestamp(0) without time zone"),
    ("TIMESTAMP(3)", 11, None, 3, 0, "", "TIMESTAMP(3)", "timestamp(3) without time zone"),
    ("TIMESTAMP(9)", 11, None, 9, 0, "", "TIMESTAMP(9)", "timestamp(6) without time zone"),
    ("TIMESTAMP(6) WITH TIME ZONE", 13, None, 6, 0, "", "TIMESTAMP(6) WITH TIME ZONE", "timestamp(6) with time zone"),
    ("TIMESTAMP(0) WITH LOCAL TIME ZONE", 11, None, 0, 0, "", "TIMESTAMP(0) WITH LOCAL TIME ZONE", "timestamp(0) with time zone"),
    ("INTERVAL YEAR(4) TO MONTH", 5, 4, 0, 0, "", "INTERVAL YEAR(4) TO MONTH", "interval"),
    ("INTERVAL DAY(2) TO SECOND(6)", 11, 2, 6, 0, "", "INTERVAL DAY(2) TO SECOND(6)", "interval"),
    ("ROWID", 10, None, None, 0, "", "ROWID", "text"),
    ("UROWID", 4000, None, None, 0, "", "UROWID", "text"),
    ("JSON", 8200, None, None, 0, "", "JSON", "jsonb"),
    ("BOOLEAN", 1, None, None, 0, "", "BOOLEAN", "boolean"),
    ("VECTOR", 8200, None, None, 0, "", "VECTOR", "double precision[]"),
]  # fmt: skip


@pytest.mark.parametrize(("data_type", "length", "precision", "scale", "char_length", "char_used", "ddl", "target"), TABLE)
def test_the_table(
    data_type: str, length: int, precision: int | None, scale: int | None, char_length: int, char_used: str, ddl: str, target: str
) -> None:
    type_ = OracleType.from_dictionary(data_type, length, precision, scale, char_length, char_used, None)
    assert type_.sql == ddl
    assert target_type(type_) == target
    assert OracleType.from_json(type_.to_json()) == type_
    assert OracleType.parse(type_.sql).sql == type_.sql
    assert streamable(type_, mined=True)
    parsed = parse_target(target)
    assert parsed is not None
    assert parsed.sql == target


def test_types_of_the_database_that_are_objects() -> None:
    xml = OracleType.from_dictionary("XMLTYPE", 2000, owner="PUBLIC")
    assert (target_type(xml), reread(xml), streamable(xml, mined=True)) == ("text", True, True)
    geometry = OracleType.from_dictionary("SDO_GEOMETRY", 1, owner="MDSYS")
    assert (target_type(geometry), reread(geometry)) == ("text", True)
    assert [streamable(geometry, mined=mined) for mined in (True, False)] == [False, True]


@pytest.mark.parametrize(
    ("data_type", "owner"), [("BFILE", None), ("ADDRESS_T", "HR"), ("ANYDATA", "SYS"), ("URITYPE", "SYS"), ("MLSLABEL", None)]
)
def test_what_has_no_counterpart_says_why(data_type: str, owner: str | None) -> None:
    type_ = OracleType.from_dictionary(data_type, 1, owner=owner)
    assert target_type(type_) is None
    assert why_not(type_)
    assert not streamable(type_, mined=True)


def test_a_users_type_named_like_a_built_in_one_is_not_it() -> None:
    assert target_type(OracleType.from_dictionary("XMLTYPE", 1, owner="HR")) is None


def test_identity_columns_are_integers() -> None:
    assert target_type(OracleType("NUMBER"), identity=True) == "bigint"
    assert target_type(OracleType("NUMBER", precision=28, scale=0), identity=True) == "bigint"
    assert target_type(OracleType("NUMBER", precision=9, scale=0), identity=True) == "integer"


def test_large_values_are_read_again() -> None:
    assert reread(OracleType("VARCHAR2", 32767, 32767, "B"))
    assert not reread(OracleType("VARCHAR2", 4000, 1000, "C"))
    assert reread(OracleType("RAW", 2001))
    assert not reread(OracleType("RAW", 2000))


@pytest.mark.parametrize(
    ("oracle", "override", "target"),
    [
        ("NUMBER", "bigint", "bigint"),
        ("NUMBER(10,0)", "int8", "bigint"),
        ("NUMBER(1,0)", "boolean", "boolean"),
        ("NUMBER(8,2)", "NUMERIC(12, 2)", "numeric(12,2)"),
        ("FLOAT(126)", "double precision", "double precision"),
        ("CHAR(10)", "varchar(10)", "character varying(10)"),
        ("VARCHAR2(20)", "text", "text"),
        ("CLOB", "jsonb", "jsonb"),
        ("RAW(16)", "uuid", "uuid"),
        ("DATE", "date", "date"),
        ("DATE", "timestamptz", "timestamp with time zone"),
        ("TIMESTAMP(9)", "timestamp(3)", "timestamp(3) without time zone"),
        ("XMLTYPE", "xml", "xml"),
        ("JSON", "json", "json"),
    ],
)
def test_overrides(oracle: str, override: str, target: str) -> None:
    assert target_type(OracleType.parse(oracle), override=override) == target


@pytest.mark.parametrize(
    ("oracle", "override"),
    [
        ("NUMBER", "bytea"),
        ("DATE", "integer"),
        ("RAW(32)", "uuid"),
        ("VARCHAR2(10)", "integer"),
        ("BFILE", "text"),
        ("NUMBER", "nonsense"),
        ("TIMESTAMP(6)", "timestamp(9)"),
        ("NUMBER", "numeric(10,2); DROP TABLE t"),
    ],
)
def test_overrides_that_cannot_be(oracle: str, override: str) -> None:
    with pytest.raises(ConfigError):
        target_type(OracleType.parse(oracle), override=override)


def test_spellings_mean_the_same() -> None:
    assert OracleType.parse("number(10)") == OracleType.parse("NUMBER(10,0)")
    assert OracleType.parse("integer").sql == OracleType.parse("number(*,0)").sql
    assert OracleType.parse("timestamp") == OracleType.parse("TIMESTAMP(6)")
    with pytest.raises(ValueError):
        OracleType.parse("NUMBER(x)")
