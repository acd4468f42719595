from __future__ import annotations

import pytest

from voyager_ops.schema.rename import rename_schema, rename_text
from voyager_ops.schema.statements import parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CREATE TABLE s.s (s s.s)", 'CREATE TABLE "N".s (s "N".s)'),
        ("CREATE VIEW s.v AS SELECT s.id, s.s.id FROM s.s", 'CREATE VIEW "N".v AS SELECT s.id, "N".s.id FROM "N".s'),
        ("CREATE VIEW v AS SELECT s.f((x.s).a) FROM t x", 'CREATE VIEW v AS SELECT "N".f((x.s).a) FROM t x'),
        ("CREATE VIEW v AS SELECT 1 OPERATOR(s.+) 2", 'CREATE VIEW v AS SELECT 1 OPERATOR("N".+) 2'),
        ('CREATE VIEW v AS SELECT "S".a, \'s.b\' FROM "S".t', None),
        (
            "ALTER TABLE t ALTER a SET DEFAULT nextval('s.q'::regclass)",
            'ALTER TABLE t ALTER a SET DEFAULT nextval(\'"N"."q"\'::regclass)',
        ),
        ("SELECT 's.f(int)'::pg_catalog.regprocedure", 'SELECT \'"N"."f"(int)\'::pg_catalog.regprocedure'),
        ("SELECT 's'::regnamespace, 's'::regclass", "SELECT '\"N\"'::regnamespace, 's'::regclass"),
        ("ALTER SEQUENCE s.q OWNED BY s.s.id", 'ALTER SEQUENCE "N".q OWNED BY "N".s.id'),
        ("COMMENT ON SCHEMA s IS 's'", "COMMENT ON SCHEMA \"N\" IS 's'"),
        ("COMMENT ON COLUMN s.s.s IS 's.t'", "COMMENT ON COLUMN \"N\".s.s IS 's.t'"),
        ("CREATE EXTENSION x WITH SCHEMA s", 'CREATE EXTENSION x WITH SCHEMA "N"'),
        (
            "CREATE TRIGGER s AFTER INSERT ON s.t WHEN (new.s > 0) EXECUTE FUNCTION s.f('s.x')",
            'CREATE TRIGGER s AFTER INSERT ON "N".t WHEN (new.s > 0) EXECUTE FUNCTION "N".f(\'s.x\')',
        ),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE c AS 's.so', 's.f'", None),
    ],
)
def test_pairs(text: str, expected: str | None) -> None:
    assert rename_text(text, "s", "N")[0] == (expected or text)


def test_bodies_are_renamed_as_far_as_they_can_be_and_reported() -> None:
    statements = parse(
        "CREATE TABLE s.t (a int); CREATE FUNCTION s.f() RETURNS int LANGUAGE sql SET search_path TO 's', 'pg_temp'"
        " AS $$ SELECT s.a FROM s.t s; $$;"
        "CREATE FUNCTION s.g() RETURNS int LANGUAGE plpgsql AS $$ DECLARE r s.t%ROWTYPE; BEGIN"
        " PERFORM nextval('s.q'); SELECT s.a FROM s.t s INTO r; EXECUTE 'DELETE FROM s.t'; END $$;"
        "CREATE FUNCTION s.h() RETURNS int LANGUAGE plpython3u AS $$ plpy.execute('select s.t') $$"
    )
    renamed, findings = rename_schema(statements, "s", "N")
    assert renamed[1].text == (
        "CREATE FUNCTION \"N\".f() RETURNS int LANGUAGE sql SET search_path TO 'N', 'pg_temp' AS "
        '$_$ SELECT s.a FROM "N".t s; $_$'
    )
    assert 'DECLARE r "N".t%ROWTYPE; BEGIN PERFORM nextval(\'"N"."q"\'); SELECT s.a FROM "N".t s INTO r;' in renamed[2].text
    assert "'DELETE FROM s.t'" in renamed[2].text
    assert "s.t" in renamed[3].text
    assert [finding.code for finding in findings] == [
        "FUNCTION_BODY_RENAMED",
        "FUNCTION_BODY_RENAMED",
        "FUNCTION_BODY_NOT_RENAMED",
    ]
