"""A schema with one of everything: what is created, what is named, and that PostgreSQL takes all of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import Database
from tests.schema.oracle.kit import from_text
from tests.schema.oracle.spoken_of import not_spoken_of
from tests.schema.oracle.test_samples import dictionary_of, import_all
from voyager_ops.databases.oracle import dictionary_rows as rows
from voyager_ops.databases.oracle.overrides import Overrides
from voyager_ops.errors import PreconditionError
from voyager_ops.schema.findings import Finding
from voyager_ops.schema.oracle.convert import Converted, convert
from voyager_ops.schema.oracle.export import OracleOptions, export
from voyager_ops.schema.oracle.programs import measured
from voyager_ops.schema.oracle.trial import Ordered, trial


@pytest.fixture(scope="module")
def nasty() -> Converted:
    return convert(dictionary_of(["nasty"]))


def _found(converted: Converted) -> dict[tuple[str, str], str]:
    return {(finding.code, finding.object_name): finding.message for finding in converted.findings}


def _statement(converted: Converted, beginning: str) -> str:
    found = [" ".join(text.split()) for text in converted.statements if " ".join(text.split()).startswith(beginning)]
    assert len(found) == 1, (beginning, found)
    return found[0]


def test_everything_is_accepted_and_nothing_forgotten(target_db: Database, tmp_path: Path) -> None:
    dictionary = dictionary_of(["nasty"])
    exported = export(dictionary, tmp_path / "schema")
    assert not_spoken_of(dictionary, exported) == []
    import_all(target_db, tmp_path)
    with target_db.connect() as connection:
        connection.execute(
            "INSERT INTO app.people (first_name, last_name, code) VALUES (NULL, 'B', 'x');"
            "INSERT INTO app.by_both VALUES (1, '2019-05-05', 1), (2, '2021-05-05', 7), (3, '2021-05-05', NULL);"
            "INSERT INTO app.by_two VALUES (10, 'M'), (10, 'n'), (11, 'a');"
            "INSERT INTO app.by_nullable VALUES (1, NULL); INSERT INTO app.by_range VALUES (1, '2031-01-01')"
        )
        people = connection.execute("SELECT id, full_name FROM app.v_first").fetchall()
        assert people == [(42, " B")]
        parts = connection.execute("SELECT tableoid::regclass::text, count(*) FROM app.by_both GROUP BY 1 ORDER BY 1").fetchall()
        assert parts == [("app.by_both_p1_one", 1), ("app.by_both_p2_rest", 2)]
        two = connection.execute('SELECT tableoid::regclass::text FROM app.by_two ORDER BY a, b COLLATE "C"').fetchall()
        assert two == [("app.by_two_p1",), ("app.by_two_p2",), ("app.by_two_p3",)]
        connection.execute(
            "INSERT INTO app.by_interval_list VALUES (1, '2019-05-05', 1), (2, '2031-05-05', 1);"
            "INSERT INTO app.by_interval_hash VALUES (1, '2019-05-05'), (2, '2031-05-05');"
            "INSERT INTO app.by_list_range VALUES (1, '2019-05-05', 'NY'), (2, '2031-05-05', NULL);"
            "INSERT INTO app.by_zone VALUES (1, '2019-05-05'), (2, '2031-05-05')"
        )
        places = connection.execute(
            "SELECT tableoid::regclass::text FROM app.by_interval_list UNION ALL SELECT tableoid::regclass::text"
            " FROM app.by_list_range UNION ALL SELECT tableoid::regclass::text FROM app.by_zone"
        ).fetchall()
        assert [place for (place,) in places] == [
            "app.by_interval_list_p1_one",
            "app.by_interval_list_rest_rest",
            "app.by_list_range_east_old",
            "app.by_list_range_rest_young",
            "app.by_zone_p1",
            "app.by_zone_p2",
        ]
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO app.people (last_name, code) VALUES ('C', 'x'), ('C', 'x')")


def test_names_are_quoted_shortened_and_kept_apart(nasty: Converted) -> None:
    assert '"Id" integer NOT NULL, "select" character varying(10)' in _statement(nasty, 'CREATE TABLE app."Mixed Case"')
    assert "CREATE UNIQUE INDEX people_idx ON app.people((upper(last_name)), first_name DESC)" in nasty.statements
    found = _found(nasty)
    assert "called people_idx" in found[("RENAMED", "app.people")]
    long = "an_unusually_long_name_of_a_constraint_that_was_made_u_8ec85f6c"
    assert f"CONSTRAINT {long} CHECK (line > 0)" in _statement(nasty, "CREATE TABLE app.order_lines")
    assert any(code == "RENAMED" and name.startswith("app.a_table_whose_name_is_far_too_long") for code, name in found)
    columns = nasty.names["columns"]["APP"]["Mixed Case"]
    assert columns["USER_NAME"] == "user_name"
    assert columns["Id"] == "Id"


def test_columns_that_every_table_of_postgresql_has_get_other_names(target_db: Database, tmp_path: Path) -> None:
    dictionary = from_text("CREATE TABLE a.t (id NUMBER(9) PRIMARY KEY, ctid NUMBER, xmin DATE, oid NUMBER(9), tableoid NUMBER);")
    exported = export(dictionary, tmp_path / "schema")
    renamed = {finding.object_name for finding in exported.findings if finding.code == "RENAMED"}
    assert renamed == {"a.t.ctid_0f5087fe", "a.t.xmin_94a414fa", "a.t.tableoid_9fba8752"}
    import_all(target_db, tmp_path)
    with target_db.connect() as connection:
        connection.execute("INSERT INTO a.t (id, oid) VALUES (1, 2)")


@pytest.mark.parametrize(
    ("code", "name", "words"),
    [
        ("COLUMN_LEFT_OUT", "app.types.bfi", "BFILE"),
        ("TYPE_CHANGED", "app.types.ts9", "the last three are lost"),
        ("TYPE_CHANGED", "app.types.ri", "point nowhere"),
        ("DEFAULT_LEFT_OUT", "app.Mixed Case.odd", "depends on Oracle's settings"),
        ("CHECK_LEFT_OUT", "app.Mixed Case.mixed_odd", "depends on Oracle's settings"),
        ("CONSTRAINT_DISABLED", "app.Mixed Case.mixed_off", "disabled"),
        ("VIRTUAL_COLUMN", "app.people.age", "NEXT_DAY"),
        ("VIRTUAL_COLUMN", "app.people.odd_one", "a text becomes a date"),
        ("VIRTUAL_STORED", "app.people.full_name", "stored"),
        ("INVISIBLE_COLUMN", "app.people.secret", "invisible"),
        ("KEY_IMMEDIATE", "app.people.people_pk", "at once"),
        ("KEY_AS_UNIQUE", "app.order_lines.order_lines_pk", "not validated"),
        ("UNIQUE_WITH_NULL", "app.people.people_region", "way back"),
        ("NOT_PARTITIONED", "app.unkeyed", "lacks the partition key"),
        ("NOT_PARTITIONED", "app.by_text", "binary order"),
        ("NOT_PARTITIONED", "app.by_system", "SYSTEM"),
        ("NOT_PARTITIONED", "app.by_odd", "depends on today's date"),
        ("PARTITIONS_ON_DEMAND", "app.by_range", "by_range_rest"),
        ("TEMPORARY_TABLE", "app.scratch", "Each session"),
        ("SEQUENCE_LEFT_OUT", "app.far", "no bigint"),
        ("INDEX_LEFT_OUT", "app.people.people_char", "same value for ever"),
        ("INDEX_TYPE", "app.people.people_bit", "bitmap"),
        ("VIEW_LEFT_OUT", "app.v_aged", "AGE is not known"),
        ("VIEW_LEFT_OUT", "app.v_on_aged", "APP.V_AGED, which is not converted"),
        ("VIEW_LEFT_OUT", "app.v_tree", "CONNECT BY"),
        ("VIEW_LEFT_OUT", "app.v_loop", "not converted"),
        ("VIEW_CHECK_OPTION", "app.v_sum", "CHECK OPTION"),
        ("TYPE_LEFT_OUT", "app.shape", "BFILE"),
        ("SYNONYM", "app.remote_people", "ELSEWHERE"),
        ("SYNONYM", "public.everybody", "search_path"),
        ("OBJECT_LEFT_OUT", "app.elsewhere", "postgres_fdw"),
        ("GRANTS", "app", "2 grants"),
    ],
)
def test_what_is_not_as_it_was_is_named(nasty: Converted, code: str, name: str, words: str) -> None:
    assert words in _found(nasty)[(code, name)]


def test_what_hangs_on_what_is_left_out_is_not_made(nasty: Converted) -> None:
    text = "\n".join(nasty.statements)
    for gone in ("v_aged", "v_on_aged", "v_tree", "v_loop", "remote_people", "left out", "app.files", "app.far", "scratch"):
        assert gone not in text
    kept = "\n".join(text for _, text in nasty.kept)
    assert "CREATE TEMPORARY TABLE scratch" in kept
    assert "ON COMMIT PRESERVE ROWS" in kept
    assert "CONNECT BY PRIOR id = boss" in kept


def test_sequences_and_identities_go_on_where_they_were(nasty: Converted) -> None:
    assert _statement(nasty, "CREATE SEQUENCE app.people_seq").endswith(
        "START WITH 42 INCREMENT BY 1 MAXVALUE 1000000 CACHE 100 CYCLE"
    )
    assert _statement(nasty, "CREATE SEQUENCE app.down") == "CREATE SEQUENCE app.down START WITH -5 INCREMENT BY -1 CACHE 20"
    assert "MINVALUE -5" in _statement(nasty, "CREATE SEQUENCE app.wide")
    assert "id bigint GENERATED ALWAYS AS IDENTITY (START WITH 500 INCREMENT BY 1 CACHE 20) NOT NULL" in _statement(
        nasty, "CREATE TABLE app.types"
    )


def test_an_identity_keeps_all_options_of_its_sequence(target_db: Database, tmp_path: Path) -> None:
    d = from_text(
        "CREATE TABLE a.up (id NUMBER(9) GENERATED ALWAYS AS IDENTITY, x NUMBER(4));\n"
        "CREATE TABLE a.down (id NUMBER(18) GENERATED BY DEFAULT AS IDENTITY, x NUMBER(4));\n"
        "CREATE TABLE a.in_order (id NUMBER(18) GENERATED BY DEFAULT AS IDENTITY, x NUMBER(4));\n"
        "CREATE TABLE a.bare (id NUMBER(18) GENERATED BY DEFAULT AS IDENTITY, x NUMBER(4));\n",
    )
    of = {row.table_name: row.sequence_name for row in d.tab_identity_cols}
    options: dict[str, dict[str, Any]] = {
        of["UP"]: {"min_value": 7, "increment_by": 3, "max_value": 1000, "cycle_flag": "Y", "cache_size": 50, "last_number": 22},
        of["DOWN"]: {"min_value": -100, "increment_by": -1, "max_value": 5, "cache_size": 0, "last_number": 5},
        of["IN_ORDER"]: {"order_flag": "Y", "cache_size": 20, "last_number": 21},
        of["BARE"]: {},
    }
    d = replace(d, sequences=tuple(replace(row, **options[row.sequence_name]) for row in d.sequences))
    export(d, tmp_path / "schema")
    import_all(target_db, tmp_path)
    with target_db.connect() as connection:
        made = connection.execute(
            "SELECT tablename, s.start_value, s.increment_by, s.min_value, s.max_value, s.cycle, s.cache_size FROM pg_tables t"
            " JOIN pg_sequences s ON format('%I.%I', s.schemaname, s.sequencename) ="
            " pg_get_serial_sequence(format('%I.%I', t.schemaname, tablename), 'id') WHERE t.schemaname = 'a'"
        ).fetchall()
    assert sorted(made) == [
        ("bare", 1, 1, 1, 2**63 - 1, False, 20),
        ("down", 5, -1, -100, 5, False, 1),
        ("in_order", 21, 1, 1, 2**63 - 1, False, 1),  # every session of PostgreSQL has a cache of its own
        ("up", 22, 3, 7, 1000, True, 50),
    ]


def test_a_number_that_refers_to_an_identity_has_its_type(nasty: Converted) -> None:
    assert "order_id bigint NOT NULL" in _statement(nasty, "CREATE TABLE app.order_lines")
    assert _statement(nasty, "ALTER TABLE app.order_lines ADD CONSTRAINT order_lines_order").endswith(
        "REFERENCES app.orders (id) ON DELETE CASCADE"
    )


def test_constraint_states(nasty: Converted) -> None:
    assert _statement(nasty, 'ALTER TABLE app."Mixed Case" ADD CONSTRAINT mixed_later').endswith("NOT VALID")
    assert _statement(nasty, "ALTER TABLE app.people ADD CONSTRAINT people_boss").endswith("DEFERRABLE INITIALLY DEFERRED")
    assert _statement(nasty, "ALTER TABLE app.people ADD CONSTRAINT people_code").endswith("DEFERRABLE INITIALLY DEFERRED")
    assert "CONSTRAINT people_pk PRIMARY KEY (id)" in _statement(nasty, "CREATE TABLE app.people")


def test_the_inventory_weighs_programs(nasty: Converted) -> None:
    body = next(program for program in nasty.programs if program.kind == "PACKAGE BODY")
    assert dict(body.constructs) | {"transaction control": 1, "dynamic SQL": 1} == dict(body.constructs)
    assert (body.complexity, body.routines) == ("medium", 2)
    assert body.to_json()["constructs"]["autonomous transaction"] == 1


def test_compound_triggers_weigh_more_than_their_statements() -> None:
    text = "CREATE TRIGGER t FOR INSERT ON x COMPOUND TRIGGER\nAFTER STATEMENT IS BEGIN NULL; END AFTER STATEMENT; END;"
    program = measured("A", "T", "TRIGGER", text)
    assert (dict(program.constructs), program.score) == ({"compound trigger": 1}, 8)


def test_types_that_the_configuration_wants(tmp_path: Path) -> None:
    dictionary = from_text(
        "CREATE TABLE a.t (id NUMBER(9) NOT NULL, big NUMBER, day DATE, gone CLOB, CONSTRAINT t_pk PRIMARY KEY (id));"
        "\nCREATE TABLE a.u (t_id NUMBER, CONSTRAINT u_t FOREIGN KEY (t_id) REFERENCES a.t (id));"
    )
    wanted = Overrides(by_type={"DATE": "date"}, by_column={"A.T.BIG": "bigint", "A.T.GONE": "skip", "A.U.T_ID": "numeric"})
    converted = convert(dictionary, overrides=wanted)
    assert "big bigint, day date, CONSTRAINT" in _statement(converted, "CREATE TABLE a.t")
    found = _found(converted)
    assert "types.by_column" in found[("COLUMN_LEFT_OUT", "a.t.gone")]
    # The configuration's word goes before what would let the foreign key be.
    assert "PostgreSQL has no foreign keys between them" in found[("CONSTRAINT_LEFT_OUT", "a.u.u_t")]


def test_a_generated_number_has_no_zeros_at_its_end(target_db: Database, tmp_path: Path) -> None:
    dictionary = from_text("CREATE TABLE a.t (price NUMBER(9,2), half NUMBER AS (price / 2), whole NUMBER AS (price * 2.00));")
    export(dictionary, tmp_path / "schema")
    import_all(target_db, tmp_path)
    with target_db.connect() as connection:
        found = connection.execute("INSERT INTO a.t VALUES (2.50), (3.00) RETURNING half::text, whole::text").fetchall()
    assert found == [("1.25", "5"), ("1.5", "6")]


def test_a_foreign_key_that_is_not_validated_ties_no_type() -> None:
    text = (
        "CREATE TABLE a.t (id NUMBER(9) NOT NULL, CONSTRAINT t_pk PRIMARY KEY (id));"
        "\nCREATE TABLE a.u (t_id NUMBER, CONSTRAINT u_t FOREIGN KEY (t_id) REFERENCES a.t (id){});"
    )
    converted = convert(from_text(text.format(" NOVALIDATE")))
    assert "t_id numeric" in _statement(converted, "CREATE TABLE a.u")
    assert "PostgreSQL has no foreign keys between them" in _found(converted)[("CONSTRAINT_LEFT_OUT", "a.u.u_t")]
    assert "t_id integer" in _statement(convert(from_text(text.format(""))), "CREATE TABLE a.u")


def test_an_invisible_index_is_made_and_named() -> None:
    dictionary = from_text("CREATE TABLE a.t (id NUMBER(9));\nCREATE INDEX a.t_id ON a.t (id);")
    hidden = tuple(replace(row, visibility="INVISIBLE") for row in dictionary.indexes)
    converted = convert(replace(dictionary, indexes=hidden))
    assert "CREATE INDEX t_id ON a.t(id)" in converted.statements
    assert "invisible on the source" in _found(converted)[("INDEX_INVISIBLE", "a.t.t_id")]


def test_rows_that_are_archived_are_named() -> None:
    dictionary = from_text("CREATE TABLE a.t (id NUMBER(9));")
    state = rows.ColumnRow("A", "T", "ORA_ARCHIVE_STATE", "VARCHAR2", hidden_column="YES", user_generated="NO")
    converted = convert(replace(dictionary, tab_cols=(*dictionary.tab_cols, state)))
    assert "archive" not in _statement(converted, "CREATE TABLE a.t")
    assert "the target shows them to everybody" in _found(converted)[("ROW_ARCHIVAL", "a.t")]


def test_an_index_that_serves_a_key_in_another_order_is_made_too(target_db: Database, tmp_path: Path) -> None:
    """Oracle takes an index for a key that has its columns in any order, or begins with them; a key here makes its own."""
    dictionary = from_text(
        "CREATE TABLE a.stock (item NUMBER(9) NOT NULL, depot NUMBER(9) NOT NULL, bay NUMBER(9), code VARCHAR2(9),"
        " CONSTRAINT stock_pk PRIMARY KEY (item, depot), CONSTRAINT stock_u UNIQUE (code));\n"
        "CREATE INDEX a.stock_ix ON a.stock (depot, item);\nCREATE INDEX a.stock_cx ON a.stock (code, bay);"
    )
    served = {"STOCK_PK": "STOCK_IX", "STOCK_U": "STOCK_CX"}
    dictionary = replace(
        dictionary,
        constraints=tuple(replace(row, index_name=served.get(row.constraint_name, "")) for row in dictionary.constraints),
        indexes=tuple(row for row in dictionary.indexes if row.index_name not in served),
    )
    exported = export(dictionary, tmp_path / "schema")
    assert not_spoken_of(dictionary, exported) == []
    import_all(target_db, tmp_path)
    with target_db.connect() as connection:
        found = connection.execute("SELECT indexdef FROM pg_indexes WHERE schemaname = 'a' ORDER BY indexname").fetchall()
    assert [row[0].partition(" USING ")[2] for row in found] == [
        "btree (code, bay)",
        "btree (depot, item)",
        "btree (item, depot)",
        "btree (code)",
    ]


def test_a_unique_index_of_columns_that_are_not_null_says_nothing_of_null() -> None:
    text = "CREATE TABLE a.t (x NUMBER(9) NOT NULL, y NUMBER(9) {});\nCREATE UNIQUE INDEX a.t_xy ON a.t (x, y);"
    assert "UNIQUE_WITH_NULL" not in {finding.code for finding in convert(from_text(text.format("NOT NULL"))).findings}
    assert "UNIQUE_WITH_NULL" in {finding.code for finding in convert(from_text(text.format(""))).findings}


NOT_NULLS = """CREATE TABLE {0}t (id NUMBER(9) NOT NULL, nn NUMBER(9) CONSTRAINT t_nn NOT NULL DISABLE,
  s VARCHAR2(9) CONSTRAINT t_s NOT NULL NOVALIDATE, d NUMBER(9) CONSTRAINT t_d NOT NULL DEFERRABLE,
  n NUMBER(9) CONSTRAINT t_n NOT NULL DEFERRABLE NOVALIDATE);"""


def test_a_not_null_is_what_its_state_makes_of_it(target_db: Database, tmp_path: Path) -> None:
    dictionary = from_text(NOT_NULLS.format("a."))
    assert {row.column_name: row.nullable for row in dictionary.tab_cols} == {
        "ID": "N", "NN": "Y", "S": "Y", "D": "Y", "N": "Y"
    }  # fmt: skip
    converted = convert(dictionary)
    assert {key: text for key, text in _found(converted).items() if key[0].startswith(("CONSTRAINT", "CHECK"))} == {
        ("CONSTRAINT_DISABLED", "a.t.t_nn"): "the check is disabled on the source and not created on the target",
        ("CHECK_IMMEDIATE", "a.t.t_d"): "NOT NULL is checked at once on the target: PostgreSQL does not defer it",
        ("CHECK_IMMEDIATE", "a.t.t_n"): "NOT NULL is checked at once on the target: PostgreSQL does not defer it",
    }
    export(dictionary, tmp_path / "schema")
    import_all(target_db, tmp_path)
    with target_db.connect() as connection:
        mandatory = connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'a.t'::regclass AND attnum > 0 AND attnotnull"
        )
        assert sorted(name for (name,) in mandatory) == ["d", "id"]
        checks = connection.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'a.t'::regclass AND contype = 'c'"
            " ORDER BY 1"
        )
        assert checks.fetchall() == [
            ("t_n", "CHECK ((NOT (n IS NULL))) NOT VALID"),
            ("t_s", "CHECK ((NOT (s IS NULL))) NOT VALID"),
        ]


def test_a_check_that_is_not_null_is_not_said_to_be_deferred() -> None:
    converted = convert(from_text('CREATE TABLE a.t (id NUMBER(9), CONSTRAINT t_ck CHECK ("ID" IS NOT NULL));'))
    assert "CHECK_IMMEDIATE" not in {finding.code for finding in converted.findings}
    assert "id integer NOT NULL" in _statement(converted, "CREATE TABLE a.t")


def test_a_generated_text_of_a_date(target_db: Database, tmp_path: Path) -> None:
    dictionary = from_text(
        "CREATE TABLE a.t (at DATE, period VARCHAR2(7) AS (TO_CHAR(at, 'YYYY-MM')), t VARCHAR2(6) AS (TO_CHAR(at, 'HH24MISS')));"
    )
    export(dictionary, tmp_path / "schema")
    import_all(target_db, tmp_path)
    with target_db.connect() as connection:
        found = connection.execute("INSERT INTO a.t VALUES ('0987-03-01 04:05:06'), (NULL) RETURNING period, t").fetchall()
    assert found == [("0987-03", "040506"), (None, None)]


def test_names_that_become_one_beside_tables(target_db: Database, tmp_path: Path) -> None:
    dictionary = from_text(
        'CREATE TABLE a.t (id NUMBER(9) PRIMARY KEY, n NUMBER, CONSTRAINT ck CHECK (n > 0), CONSTRAINT "ck" CHECK (n < 9));\n'
        "CREATE TABLE a.u (id NUMBER(9), CONSTRAINT t_pkey PRIMARY KEY (id));\n"
        'CREATE SYNONYM a.s FOR a.t;\nCREATE SYNONYM a."s" FOR a.t;\n'
        'CREATE TYPE a.p AS OBJECT (x NUMBER);\nCREATE TYPE a."p" AS OBJECT (y NUMBER, "Z" TIMESTAMP WITH TIME ZONE);'
    )
    exported = export(dictionary, tmp_path / "schema")
    import_all(target_db, tmp_path)
    found = {(finding.code, finding.object_name) for finding in exported.findings}
    assert found >= {("RENAMED", "a.ck"), ("RENAMED", "a.t_pkey"), ("SYNONYM", "a.s"), ("SYNONYM", "a.s_043a7187")}
    assert {f"a.{name}" for name in ("p_148de9c5", "s_043a7187")} <= {name for code, name in found if code == "RENAMED"}


def test_a_sequence_whose_name_is_too_long_gets_a_shorter_one_as_does_what_asks_it() -> None:
    name = "a_sequence_" + "x" * 60
    converted = convert(from_text(f"CREATE SEQUENCE a.{name};\nCREATE TABLE a.t (id NUMBER(9) DEFAULT a.{name}.NEXTVAL);"))
    found = _found(converted)
    ((_, target),) = found
    assert len(target.removeprefix("a.")) == 63
    assert any(target in statement and "NEXTVAL" in statement.upper() for statement in converted.statements)


def test_what_nobody_thought_of_is_refused_alone() -> None:
    converted = convert(
        from_text(
            "CREATE TABLE a.t (id NUMBER(9));\nCREATE VIEW a.odd (x) AS SELECT id FROM t WHERE id = ALL (SELECT FROM t);"
            "\nCREATE VIEW a.good (x) AS SELECT id FROM t;"
        )
    )
    assert "not understood (StopIteration)" in _found(converted)[("VIEW_LEFT_OUT", "a.odd")]
    assert _statement(converted, "CREATE VIEW a.good")


def test_an_index_of_moments_is_one(target_db: Database, tmp_path: Path) -> None:
    dictionary = from_text(
        "CREATE TABLE a.t (at TIMESTAMP WITH TIME ZONE, d DATE);\n"
        'CREATE INDEX a.t_at ON a.t (SYS_EXTRACT_UTC("AT"));\nCREATE INDEX a.t_d ON a.t (TRUNC("D",\'fmmm\'));'
    )
    assert "CREATE INDEX t_at ON a.t(at)" in convert(dictionary).statements
    export(dictionary, tmp_path / "schema")
    import_all(target_db, tmp_path)


def test_check_option_stays_where_postgresql_can_write(target_db: Database, tmp_path: Path) -> None:
    dictionary = from_text(
        "CREATE TABLE a.t (id NUMBER(9) PRIMARY KEY, n NUMBER);\n"
        "CREATE VIEW a.v1 (id) AS SELECT id FROM t WHERE id > 5 WITH CHECK OPTION;\n"
        "CREATE VIEW a.v2 (id) AS SELECT id FROM v1 WITH CHECK OPTION;\n"
        "CREATE VIEW a.w1 (m) AS SELECT MAX(id) FROM t WITH CHECK OPTION;\n"
        "CREATE VIEW a.w2 (m) AS SELECT m FROM w1 WITH CHECK OPTION;\n"
        "CREATE VIEW a.w3 (one) AS SELECT 1 FROM t WITH CHECK OPTION;"
    )
    exported = export(dictionary, tmp_path / "schema")
    left_out = {finding.object_name for finding in exported.findings if finding.code == "VIEW_CHECK_OPTION"}
    assert left_out == {"a.w1", "a.w2", "a.w3"}
    import_all(target_db, tmp_path)


def test_partitions_stay_where_only_the_sub_partitions_cannot() -> None:
    converted = convert(
        from_text(
            "CREATE TABLE a.t (id NUMBER(9) NOT NULL, at DATE NOT NULL, cur CHAR(3), CONSTRAINT t_pk PRIMARY KEY (id, at))"
            " PARTITION BY RANGE (at) SUBPARTITION BY LIST (cur)"
            " SUBPARTITION TEMPLATE (SUBPARTITION eur VALUES ('EUR'), SUBPARTITION rest VALUES (DEFAULT))"
            " (PARTITION p1 VALUES LESS THAN (DATE '2020-01-01'), PARTITION p2 VALUES LESS THAN (MAXVALUE));"
        )
    )
    assert "lacks the partition key (CUR)" in _found(converted)[("NOT_SUBPARTITIONED", "a.t")]
    assert [text for text in converted.statements if "PARTITION OF" in text] == [
        "CREATE TABLE a.t_p1 PARTITION OF a.t FOR VALUES FROM (MINVALUE) TO ('2020-01-01 00:00:00')",
        "CREATE TABLE a.t_p2 PARTITION OF a.t FOR VALUES FROM ('2020-01-01 00:00:00') TO (MAXVALUE)",
    ]


def test_evidence_of_a_scratch_export_is_not_in_its_way(tmp_path: Path) -> None:
    export(dictionary_of(["hr"]), tmp_path / "schema", manifest_path=tmp_path / "manifest.json", start_clean=True)
    assert (tmp_path / "schema_evidence" / "names.json").exists()
    assert not list((tmp_path / "schema").rglob("*.csv"))


def test_edited_files_are_not_overwritten(tmp_path: Path) -> None:
    dictionary = dictionary_of(["hr"])
    export(dictionary, tmp_path / "schema")
    (tmp_path / "schema" / "views" / "view.sql").write_text("SELECT 1;\n")
    with pytest.raises(PreconditionError, match="edits"):
        export(dictionary, tmp_path / "schema")
    export(dictionary, tmp_path / "schema", start_clean=True)


def test_what_the_target_refuses_is_left_out_and_named(target_db: Database, tmp_path: Path) -> None:
    # A table of Oracle 23ai may have 4096 columns, one of PostgreSQL 1600.
    many = ", ".join(f"c{number} NUMBER(9)" for number in range(1601))
    dictionary = from_text(
        f"CREATE TABLE a.t (id NUMBER(9) NOT NULL, CONSTRAINT t_pk PRIMARY KEY (id));\nCREATE TABLE a.first ({many});"
        "\nCREATE VIEW a.second (x) AS SELECT c1 FROM first;"
    )

    def attempt(ordered: Ordered) -> tuple[Ordered, list[Finding]]:
        with psycopg.connect(target_db.url, autocommit=True) as connection:
            return trial(connection, ordered)

    exported = export(dictionary, tmp_path / "schema", options=OracleOptions(attempt=attempt))
    refused = {f.object_name: f.message for f in exported.findings if f.code == "STATEMENT_LEFT_OUT"}
    assert set(refused) == {"a.first", "a.second"}
    assert "[54011]" in refused["a.first"]
    assert "-- CREATE TABLE a.first" in (tmp_path / "schema" / "advice" / "omitted.sql").read_text()
    with target_db.connect() as connection:
        assert connection.execute("SELECT to_regnamespace('a')").fetchone() == (None,)
    import_all(target_db, tmp_path)
    again = export(dictionary, tmp_path / "schema", start_clean=True, options=OracleOptions(attempt=attempt))
    assert {"NOT_TRIED"} == {f.code for f in again.findings if f.code in ("NOT_TRIED", "STATEMENT_LEFT_OUT")}
