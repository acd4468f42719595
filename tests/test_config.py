"""One clear error for each way a configuration can be wrong, naming key and line."""

from __future__ import annotations

import pytest

from voyager_ops.config_file import parse_config
from voyager_ops.databases.oracle.types import OracleType
from voyager_ops.errors import ConfigError

GOOD = """\
name: shop
export_dir: /data/shop
source:
  url: postgresql://app:${SOURCE_DB_PASSWORD}@db.example:5432/shop
  schemas: [public]
target: {conn_id: shop_target, schema: store}
approvers: [dba, release]
tables: {exclude: ["public.tmp_*"]}
snapshot: {chunk_size: 64MB}
changes: {segment_age: 500ms}
cutover: {deadline: 2m}
"""
ENVIRONMENT = {"SOURCE_DB_PASSWORD": "geheim"}


def test_a_whole_file() -> None:
    config = parse_config(GOOD, environment=ENVIRONMENT)
    assert config.name == "shop"
    assert config.source.url is not None
    assert config.source.url.get_secret_value() == "postgresql://app:geheim@db.example:5432/shop"
    assert "geheim" not in repr(config)
    assert config.target.schema_name == "store"
    assert (config.snapshot.chunk_size, config.changes.segment_age, config.cutover.deadline) == (64 << 20, 0.5, 120.0)


ORACLE = """\
name: hr
export_dir: /data/hr
source:
  url: oracle://mig:${SOURCE_DB_PASSWORD}@db.example:1521/ORCLPDB1
  schemas: [HR]
target: {conn_id: hr_target}
changes: {capture: logminer}
types:
  by_type:
    NUMBER(10,0): bigint
    DATE: date
  by_column:
    HR.EMPLOYEES.SALARY: numeric(12,2)
    HR.EMPLOYEES.PHOTO: skip
  nul_characters: remove
  by_table:
    HR.JOBS:
      NUMBER(10,0): integer
schema: {plsql: ora2pg}
"""


def test_an_oracle_source() -> None:
    config = parse_config(ORACLE, environment=ENVIRONMENT)
    overrides = config.types.overrides()
    number = OracleType.parse("NUMBER(10)")
    assert overrides.of("HR", "T", "C", number) == "bigint"
    assert overrides.of("HR", "JOBS", "C", number) == "integer"
    assert overrides.of("HR", "EMPLOYEES", "SALARY", number) == "numeric(12,2)"
    assert overrides.target("HR", "EMPLOYEES", "PHOTO", OracleType("BFILE")) == "skip"
    assert overrides.with_policy(number).nul == "remove"
    assert config.changes.capture == "logminer"
    assert config.schema_conversion.plsql == "ora2pg"
    assert "geheim" not in repr(config)


@pytest.mark.parametrize(
    ("old", "new", "key", "line", "says"),
    [
        ("DATE: date", "DATE: integer", "types.by_type", 9, "DATE cannot become 'integer'"),
        ("DATE: date", "DATE: nonsense", "types.by_type.DATE", 11, "'nonsense' is not a type"),
        ("DATE: date", "NUMBER(x): bigint", "types.by_type.NUMBER(x)", 11, "not the name of an Oracle type"),
        ("HR.EMPLOYEES.PHOTO: skip", "EMPLOYEES.PHOTO: skip", "types.by_column.EMPLOYEES.PHOTO", 14, "OWNER.TABLE.COLUMN"),
        ("numeric(12,2)", "numerik", "types.by_column.HR.EMPLOYEES.SALARY", 13, "not a type"),
        ("HR.JOBS", "JOBS", "types.by_table.JOBS", 17, "OWNER.TABLE is wanted"),
        ("HR.JOBS", "HR.JOBS.ID", "types.by_table.HR.JOBS.ID", 17, "OWNER.TABLE is wanted"),
        ("0): integer", "0): date", "types.by_table", 16, "HR.JOBS: NUMBER(10,0) cannot become 'date'"),
        ("0): integer", "0): skip", "types.by_table.HR.JOBS.NUMBER(10,0)", 18, "'skip' is not a type"),
        ("nul_characters: remove", "nul_characters: keep", "types.nul_characters", 15, "'refuse', 'remove' or 'replace'"),
        ("capture: logminer", "capture: polling", "changes.capture", 7, "'logminer' or 'triggers'"),
        ("plsql: ora2pg", "plsql: maybe", "schema.plsql", 19, "'keep' or 'ora2pg'"),
        ("conn_id: hr_target", "url: 'oracle://u:p@h/S'", "target", 6, "postgresql:// or yugabytedb://"),
        ("db.example:1521/ORCLPDB1", "db.example:1521/ORCLPDB1?sid=X", "source.url", 4, "more than one way"),
    ],
)
def test_each_mistake_with_oracle_is_named(old: str, new: str, key: str, line: int, says: str) -> None:
    assert old in ORACLE
    with pytest.raises(ConfigError) as caught:
        parse_config(ORACLE.replace(old, new), file="hr.yaml", environment=ENVIRONMENT)
    assert (caught.value.key, caught.value.line) == (key, line)
    assert says in str(caught.value)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "key", "line", "says"),
    [
        ("approvers:", "aprovers:", "aprovers", 7, "unknown key"),
        ("  schemas: [public]\n", "", "source.schemas", 3, "missing"),
        ("schemas: [public]", "schemas: public", "source.schemas", 5, "a list is wanted"),
        ("schemas: [public]", "schemas: []", "source.schemas", 5, "at least 1"),
        ("chunk_size: 64MB", "chunk_size: 64XB", "snapshot.chunk_size", 9, "64MB or 2GB"),
        ("500ms", "soon", "changes.segment_age", 10, "duration"),
        ("conn_id: shop_target", "conn_id: x, url: 'postgresql://h/d'", "target", 6, "exactly one"),
        ("postgresql://app", "mysql://app", "source", 3, "postgresql://"),
        ("name: shop", "name: Shop 1", "name", 1, "lower-case"),
        ("[public]", "[public, other]", "target", 6, "single source schema"),
        ("cutover: {deadline: 2m}", "cutover: {quiesce: maybe}", "cutover.quiesce", 11, "'manual' or 'enforce'"),
        ("name: shop", "name: shop\nstate: {url: 'sqlite:////tmp/geheim'}", "state.url", 2, "postgresql://"),
        ("name: shop", "name: shop\nname: other", "name", 2, "given twice"),
    ],
)
def test_each_mistake_is_named(old: str, new: str, key: str, line: int, says: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        parse_config(GOOD.replace(old, new), file="shop.yaml", environment=ENVIRONMENT)
    assert (caught.value.key, caught.value.line) == (key, line)
    assert says in str(caught.value)
    assert f"shop.yaml, line {line}" in str(caught.value)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "target", "same"),
    [
        ("postgresql://a:1@h/d", "postgresql://b:2@H:5432/d", True),
        ("postgresql://a@h/d", "postgresql://a@h/e", False),
        ("postgresql://a@h:5432/d", "postgresql://a@h:5433/d", False),
        ("postgresql://a@h,i/d", "postgresql://a@h:5432,i:5432/d", False),  # preflight asks the servers who they are
    ],
)
def test_source_must_not_be_target(source: str, target: str, same: bool) -> None:
    text = f"name: x\nexport_dir: /x\nsource: {{url: '{source}', schemas: [s]}}\ntarget: {{url: '{target}'}}\n"
    if same:
        with pytest.raises(ConfigError, match="same database") as caught:
            parse_config(text)
        assert (caught.value.key, caught.value.line) == ("target", 4)
    else:
        parse_config(text)


@pytest.mark.parametrize("password", ["ge/heim", "12/heim", "ge%heim", "ge heim", "ge@heim/x", "ge:heim/\u2100"])
def test_a_password_that_is_not_encoded_is_not_told(password: str) -> None:
    text = f"name: x\nexport_dir: /x\nsource:\n  url: 'postgresql://a:{password}@h/d'\n  schemas: [s]\ntarget: {{conn_id: t}}\n"
    with pytest.raises(ConfigError, match=r"not a valid database URL .*%2F") as caught:
        parse_config(text)
    assert (caught.value.key, caught.value.line) == ("source.url", 4)
    assert "heim" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["postgresql://a:x#[?y@h/d", "postgresql://a:p\u2100w@h/d", "postgresql://a@h:1,i:2/d", "yugabytedb:///d?host=/x"]
)
def test_what_libpq_can_read_is_accepted(url: str) -> None:
    config = parse_config(f"name: x\nexport_dir: /x\nsource: {{conn_id: t, schemas: [s]}}\ntarget: {{url: '{url}'}}\n")
    assert config.target.url is not None
