"""The map of names: by itself, and through a conversion whose names PostgreSQL cannot have or would take for one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import Database
from tests.schema.oracle.kit import from_text
from tests.schema.oracle.test_samples import import_all
from voyager_ops.databases.oracle.name_map import Naming, distinct
from voyager_ops.databases.oracle.names import fold, too_long, unusable
from voyager_ops.databases.oracle.overrides import Overrides
from voyager_ops.errors import ConfigError, PreconditionError
from voyager_ops.schema.oracle.export import OracleOptions, export

NAMES = st.lists(
    st.text(st.sampled_from("aAbBéÉß\u0131\u0130_ "), min_size=1, max_size=4)
    | st.sampled_from(["ctid", "CTID", "x" * 70, "X" * 70, "é" * 40]),
    max_size=12,
)


@given(NAMES, st.booleans())
def test_every_name_has_one_of_its_own_that_postgresql_can_have(names: list[str], columns: bool) -> None:
    found = distinct(names, columns=columns)
    assert set(found) == set(names)
    assert len(set(found.values())) == len(found)
    assert not any(unusable(target, column=columns) for target in found.values())
    for name, target in found.items():  # folded wherever nobody else could be meant
        alone = [other for other in set(names) if fold(other) == fold(name)] == [name]
        assert not alone or unusable(fold(name), column=columns) or target == fold(name) or fold(name) in found.values()


@given(NAMES, NAMES)
def test_what_has_a_name_keeps_it(names: list[str], more: list[str]) -> None:
    before = distinct(names)
    after = distinct([*more, *names], before)
    assert {name: after[name] for name in names} == before
    assert len(set(after.values())) == len(after)


def test_upper_case_comes_first_whatever_the_order() -> None:
    for names in (["EMP", "emp", "Emp"], ["emp", "Emp", "EMP"]):
        found = distinct(names)
        assert (found["EMP"], found["Emp"]) == ("emp", "Emp")
        assert found["emp"].startswith("emp_")


def test_what_is_wanted_comes_before_all() -> None:
    wanted = {"Other": "emp"}
    assert distinct(["EMP", "Other"], wanted, own=wanted)["Other"] == "emp"
    with pytest.raises(ConfigError, match="A is to be called so already"):
        distinct(["A", "B"], {"A": "x", "B": "x"}, own={"A": "x", "B": "x"})


def test_a_map_of_a_version_that_folded_everything_is_made_anew_and_one_of_another_is_not_guessed_at(tmp_path: Path) -> None:
    file = tmp_path / "names.json"
    file.write_text('{"version": 1, "relations": {"A.EMP": {"target": "a.emp", "columns": {}}}, "sequences": {}}')
    dictionary = from_text('CREATE TABLE a.EMP (ID NUMBER);\nCREATE TABLE a."emp" (ID NUMBER);\n')
    for anew in (False, True):
        names = Naming(file=file).names(dictionary, anew=anew)
        assert names.at("A", "EMP") == ("a", "emp")
        assert names.at("A", "emp") != ("a", "emp")
    assert "there is no map" in Naming(file=file).disagreement((), lambda name, native: True)
    file.write_text("")
    with pytest.raises(PreconditionError, match="cannot be read") as refused:
        Naming(file=file).names(dictionary, anew=True)
    assert "remove it" in refused.value.next_step


LONG = "Größe" + "é" * 30
assert too_long(LONG)
OTHER = LONG + "é"
TEXT = f"""
CREATE TABLE a.EMP (ID NUMBER(9) PRIMARY KEY, "id" NUMBER(9), "{LONG}" VARCHAR2(20), "{OTHER}" NUMBER(9),
  CONSTRAINT c CHECK ("id" > ID));
CREATE TABLE a."emp" ("Id" NUMBER(9) PRIMARY KEY, BOSS NUMBER(9), CONSTRAINT f FOREIGN KEY (BOSS) REFERENCES a.EMP (ID));
CREATE TABLE a."{LONG}" (ID NUMBER(9) PRIMARY KEY);
CREATE TABLE a."{OTHER}" (ID NUMBER(9) PRIMARY KEY);
CREATE INDEX a.ix ON a.EMP ("id", "{LONG}");
CREATE INDEX a."ix" ON a.EMP (UPPER("{LONG}"));
CREATE VIEW a.v (A, "a", "{LONG}") AS
  SELECT q.ID, q."id", q."{LONG}" FROM (SELECT e.*, x.BOSS FROM a.EMP e JOIN a."emp" x ON x.BOSS = e.ID) q ORDER BY q."id";
CREATE VIEW a.w (N) AS WITH q AS (SELECT ID AS A, "id" AS "a" FROM a.EMP) SELECT A + "a" FROM q;
COMMENT ON COLUMN a.EMP."{LONG}" IS 'long';
"""


def test_a_schema_of_such_names(target_db: Database, tmp_path: Path) -> None:
    naming = Naming({"A.emp": "others"}, {"A.EMP.id": "second"})
    exported = export(from_text(TEXT), tmp_path / "schema", options=OracleOptions(overrides=Overrides(naming=naming)))
    assert not [finding for finding in exported.findings if finding.code.endswith("LEFT_OUT")]
    import_all(target_db, tmp_path)
    with target_db.connect() as connection:
        connection.execute("INSERT INTO a.emp VALUES (1, 10, 'x', 5), (2, 20, 'y', 6); INSERT INTO a.others VALUES (7, 2)")
        assert connection.execute("SELECT * FROM a.v").fetchall() == [(2, 20, "y")]
        assert connection.execute("SELECT n FROM a.w ORDER BY n").fetchall() == [(11,), (22,)]
        with pytest.raises(Exception, match='violates check constraint "c"'):
            connection.execute("INSERT INTO a.emp VALUES (3, 2, 'x', 5)")
