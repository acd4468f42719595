from __future__ import annotations

import pytest

from voyager_ops.schema.classify import classify
from voyager_ops.schema.kinds import KINDS, Kind, Stage, kind_of_file
from voyager_ops.schema.statements import parse


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("CREATE SCHEMA s", Kind.SCHEMA, "s"),
        ("CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public", Kind.EXTENSION, "citext"),
        ("CREATE TYPE s.m AS ENUM ('a')", Kind.TYPE, "s.m"),
        ("CREATE TYPE s.m AS (a int)", Kind.TYPE, "s.m"),
        ("CREATE TYPE s.m AS RANGE (subtype = float8)", Kind.TYPE, "s.m"),
        ("CREATE TYPE s.m", Kind.TYPE, "s.m"),
        ("CREATE DOMAIN s.d AS text CHECK (VALUE <> '')", Kind.DOMAIN, "s.d"),
        ("ALTER DOMAIN s.d ADD CONSTRAINT c CHECK (VALUE <> '') NOT VALID", Kind.CONSTRAINT_NOT_VALID, "s.d"),
        ("CREATE FUNCTION s.f(a integer, OUT b text) RETURNS text LANGUAGE sql AS ''", Kind.FUNCTION, "s.f(pg_catalog.int4)"),
        ("CREATE PROCEDURE s.p() LANGUAGE sql AS ''", Kind.PROCEDURE, "s.p()"),
        ("CREATE AGGREGATE s.a(integer) (SFUNC = int4pl, STYPE = integer)", Kind.AGGREGATE, "s.a"),
        ("CREATE OPERATOR s.+ (FUNCTION = s.f, LEFTARG = integer)", Kind.OPERATOR, "s.+"),
        ("CREATE OPERATOR CLASS s.c FOR TYPE integer USING btree AS STORAGE integer", Kind.OPERATOR_CLASS, "s.c"),
        ("CREATE CAST (text AS s.m) WITH INOUT", Kind.CAST, "text AS s.m"),
        ('CREATE TEXT SEARCH CONFIGURATION s.c (PARSER = pg_catalog."default")', Kind.TEXT_SEARCH, "s.c"),
        ("ALTER TEXT SEARCH CONFIGURATION s.c ADD MAPPING FOR word WITH simple", Kind.TEXT_SEARCH, "s.c"),
        ("CREATE COLLATION s.c (provider = icu, locale = 'de')", Kind.COLLATION, "s.c"),
        ("CREATE SEQUENCE s.q", Kind.SEQUENCE, "s.q"),
        ("ALTER SEQUENCE s.q OWNED BY s.t.a", Kind.SEQUENCE, "s.q"),
        ("CREATE TABLE s.t (a int)", Kind.TABLE, "s.t"),
        ("ALTER TABLE ONLY s.t ADD CONSTRAINT p PRIMARY KEY (a)", Kind.TABLE, "p on s.t"),
        ("ALTER TABLE s.t ALTER COLUMN a ADD GENERATED ALWAYS AS IDENTITY", Kind.TABLE, "s.t"),
        ("ALTER TABLE ONLY s.t ALTER COLUMN a SET DEFAULT 1", Kind.TABLE, "s.t"),
        ("ALTER TABLE ONLY s.t ATTACH PARTITION s.p DEFAULT", Kind.PARTITION, "s.p"),
        ("ALTER TABLE ONLY s.t ADD CONSTRAINT u UNIQUE (a)", Kind.UNIQUE_CONSTRAINT, "u on s.t"),
        ("ALTER TABLE ONLY s.t ADD CONSTRAINT x EXCLUDE USING gist (a WITH &&)", Kind.EXCLUSION_CONSTRAINT, "x on s.t"),
        ("ALTER TABLE ONLY s.t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES s.u(a) NOT VALID", Kind.FOREIGN_KEY, "f on s.t"),
        ("ALTER TABLE s.t ADD CONSTRAINT c CHECK (a > 0)", Kind.CONSTRAINT, "c on s.t"),
        ("ALTER TABLE s.t ADD CONSTRAINT c CHECK (a > 0) NOT VALID", Kind.CONSTRAINT_NOT_VALID, "c on s.t"),
        ("CREATE UNIQUE INDEX i ON s.t (a)", Kind.UNIQUE_INDEX, "i on s.t"),
        ("CREATE INDEX i ON ONLY s.t (a)", Kind.INDEX, "i on s.t"),
        ("ALTER INDEX s.i ATTACH PARTITION s.j", Kind.INDEX, "s.j"),
        ("ALTER TABLE ONLY s.t REPLICA IDENTITY FULL", Kind.REPLICA_IDENTITY, "s.t"),
        ("ALTER TABLE s.t CLUSTER ON i", Kind.CLUSTER, "s.t"),
        ("CREATE VIEW s.v AS SELECT 1", Kind.VIEW, "s.v"),
        ("CREATE MATERIALIZED VIEW s.v AS SELECT 1 WITH NO DATA", Kind.MATERIALIZED_VIEW, "s.v"),
        ("CREATE TRIGGER g AFTER INSERT ON s.t EXECUTE FUNCTION s.f()", Kind.TRIGGER, "g on s.t"),
        ("ALTER TABLE s.t ENABLE ALWAYS TRIGGER g", Kind.TRIGGER, "s.t"),
        ("CREATE RULE r AS ON DELETE TO s.t DO INSTEAD NOTHING", Kind.RULE, "r on s.t"),
        ("ALTER TABLE s.t DISABLE RULE r", Kind.RULE, "s.t"),
        ("ALTER TABLE s.t FORCE ROW LEVEL SECURITY", Kind.POLICY, "s.t"),
        ("CREATE POLICY p ON s.t", Kind.POLICY, "p on s.t"),
        ("CREATE STATISTICS s.x ON a, b FROM s.t", Kind.STATISTICS, "s.x"),
        ("CREATE EVENT TRIGGER e ON sql_drop EXECUTE FUNCTION s.f()", Kind.EVENT_TRIGGER, "e"),
        ("COMMENT ON TABLE s.t IS 'x'", Kind.COMMENT, "s.t"),
        ("COMMENT ON CONSTRAINT c ON s.t IS 'x'", Kind.COMMENT_POST, "s.t.c"),
        ("COMMENT ON INDEX s.i IS 'x'", Kind.COMMENT_POST, "s.i"),
        ("CREATE SERVER z FOREIGN DATA WRAPPER w", Kind.FOREIGN_SERVER, "z"),
        ("CREATE FOREIGN TABLE s.t (a int) SERVER z", Kind.FOREIGN_TABLE, "s.t"),
        ("GRANT SELECT ON s.t TO PUBLIC", Kind.GRANT, ""),
    ],
)
def test_kind_and_name(text: str, kind: Kind, name: str) -> None:
    (statement,) = parse(text)
    assert statement.error is None
    found = classify(statement.node)
    assert (found.kind, found.name) == (kind, name)


@pytest.mark.parametrize(
    "text",
    [
        "SET statement_timeout = 0",
        "SELECT pg_catalog.set_config('search_path', '', false)",
        "COMMENT ON EXTENSION citext IS 'x'",
        "ALTER TABLE s.t OWNER TO joe",
    ],
)
def test_settings_of_the_dump_are_of_no_interest(text: str) -> None:
    assert classify(parse(text)[0].node).session


def test_secrets_are_left_out() -> None:
    found = classify(parse("CREATE USER MAPPING FOR joe SERVER z OPTIONS (password 'x')")[0].node)
    assert found.kind is Kind.OMITTED
    assert "password" in found.omit


def test_every_kind_has_a_file_of_its_own_and_is_found_by_it() -> None:
    paths = [info.path for info in KINDS.values()]
    assert len(set(paths)) == len(paths)
    assert all(kind_of_file(kind.info.path) is kind for kind in Kind)
    assert kind_of_file("tables/mine.sql") is Kind.TABLE
    assert kind_of_file("elsewhere/mine.sql") is None
    assert {kind.stage for kind in Kind} == set(Stage)
