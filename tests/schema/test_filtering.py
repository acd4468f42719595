from __future__ import annotations

from voyager_ops.schema.filtering import leave_out
from voyager_ops.schema.statements import parse

SCHEMA = """
CREATE TABLE s.a (id int); CREATE TABLE s.b (id int DEFAULT nextval('s.shared'::regclass)); CREATE TABLE s.part (id int);
CREATE SEQUENCE s.a_id; ALTER SEQUENCE s.a_id OWNED BY s.a.id; CREATE SEQUENCE s.shared; ALTER SEQUENCE s.shared OWNED BY s.a.id;
ALTER TABLE ONLY s.b ALTER COLUMN id SET DEFAULT nextval('s.shared'::regclass);
ALTER TABLE ONLY s.a ATTACH PARTITION s.part DEFAULT;
CREATE INDEX a_i ON s.a (id); CREATE INDEX b_i ON s.b (id); CREATE INDEX part_i ON s.part (id);
ALTER INDEX s.a_i ATTACH PARTITION s.part_i;
COMMENT ON INDEX s.a_i IS 'x'; COMMENT ON COLUMN s.a.id IS 'x';
ALTER TABLE ONLY s.b ADD CONSTRAINT fk FOREIGN KEY (id) REFERENCES s.a (id);
CREATE FUNCTION s.f() RETURNS SETOF s.a LANGUAGE sql AS 'SELECT 1';
CREATE VIEW s.v AS SELECT * FROM s.a; CREATE VIEW s.vv AS SELECT * FROM s.v; CREATE VIEW s.vf AS SELECT s.f();
CREATE VIEW s.ok AS SELECT * FROM s.b;
CREATE TRIGGER g AFTER INSERT ON s.b EXECUTE FUNCTION s.f();
CREATE VIEW s.elsewhere AS SELECT * FROM other.t;
"""


def test_what_hangs_on_a_table_goes_with_it_and_dependants_are_reported() -> None:
    kept, findings = leave_out(parse(SCHEMA), exclude={("s", "a")}, outside_schemas={"other"})
    assert [statement.text for statement in kept] == [
        "CREATE TABLE s.b (id int DEFAULT nextval('s.shared'::regclass))",
        "CREATE TABLE s.part (id int)",
        "CREATE SEQUENCE s.shared",
        "ALTER TABLE ONLY s.b ALTER COLUMN id SET DEFAULT nextval('s.shared'::regclass)",
        "CREATE INDEX b_i ON s.b (id)",
        "CREATE INDEX part_i ON s.part (id)",
        "CREATE VIEW s.ok AS SELECT * FROM s.b",
    ]
    assert {finding.object_name for finding in findings} == {
        *("s.f()", "s.v", "s.vv", "s.vf", "s.elsewhere"),
        *("fk on s.b", "g on s.b", "s.part"),
    }


def test_include_names_the_only_tables() -> None:
    kept, _ = leave_out(parse(SCHEMA), include={("s", "b")})
    assert [s.text for s in kept if s.text.startswith("CREATE TABLE")] == [
        "CREATE TABLE s.b (id int DEFAULT nextval('s.shared'::regclass))"
    ]


def test_without_filters_nothing_changes() -> None:
    statements = parse(SCHEMA)
    assert leave_out(statements) == (statements, [])
