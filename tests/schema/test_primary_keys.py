from __future__ import annotations

import pytest

from voyager_ops.schema.primary_keys import merge_primary_keys
from voyager_ops.schema.statements import parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "CREATE TABLE s.t (\n    a int\n); ALTER TABLE ONLY s.t ADD CONSTRAINT p PRIMARY KEY (a) INCLUDE (b)",
            ["CREATE TABLE s.t (\n    a int,\n    CONSTRAINT p PRIMARY KEY (a) INCLUDE (b)\n)"],
        ),
        (
            "CREATE TABLE c (\n)\nINHERITS (s.p); ALTER TABLE ONLY c ADD CONSTRAINT k PRIMARY KEY (a)",
            ["CREATE TABLE c (\n    CONSTRAINT k PRIMARY KEY (a)\n)\nINHERITS (s.p)"],
        ),
        (
            'CREATE TABLE "a(" ("b)" int DEFAULT (1 + (2)), CHECK ("b)" > 0))\nPARTITION BY LIST ("b)");'
            ' ALTER TABLE ONLY "a(" ADD CONSTRAINT k PRIMARY KEY ("b)") DEFERRABLE INITIALLY DEFERRED',
            [
                'CREATE TABLE "a(" ("b)" int DEFAULT (1 + (2)), CHECK ("b)" > 0),\n'
                '    CONSTRAINT k PRIMARY KEY ("b)") DEFERRABLE INITIALLY DEFERRED\n)\nPARTITION BY LIST ("b)")'
            ],
        ),
        (
            "CREATE TABLE t OF s.y; ALTER TABLE ONLY t ADD CONSTRAINT k PRIMARY KEY (a)",
            ["CREATE TABLE t OF s.y", "ALTER TABLE ONLY t ADD CONSTRAINT k PRIMARY KEY (a)"],
        ),
        (
            "CREATE TABLE t OF s.y WITH (fillfactor='70'); ALTER TABLE ONLY t ADD CONSTRAINT k PRIMARY KEY (a)",
            ["CREATE TABLE t OF s.y WITH (fillfactor='70')", "ALTER TABLE ONLY t ADD CONSTRAINT k PRIMARY KEY (a)"],
        ),
        (
            "CREATE TABLE s.p (a int) PARTITION BY LIST (a); CREATE TABLE s.c (a int);"
            "ALTER TABLE ONLY s.p ADD CONSTRAINT pk PRIMARY KEY (a); ALTER TABLE ONLY s.c ADD CONSTRAINT ck PRIMARY KEY (a);"
            "ALTER INDEX s.pk ATTACH PARTITION s.ck; ALTER INDEX s.other ATTACH PARTITION s.ck",
            [
                "CREATE TABLE s.p (a int,\n    CONSTRAINT pk PRIMARY KEY (a)\n) PARTITION BY LIST (a)",
                "CREATE TABLE s.c (a int,\n    CONSTRAINT ck PRIMARY KEY (a)\n)",
                "ALTER INDEX s.other ATTACH PARTITION s.ck",
            ],
        ),
        ("ALTER TABLE ONLY gone ADD CONSTRAINT k PRIMARY KEY (a)", ["ALTER TABLE ONLY gone ADD CONSTRAINT k PRIMARY KEY (a)"]),
    ],
)
def test_merge(text: str, expected: list[str]) -> None:
    merged = merge_primary_keys(parse(text))
    assert [statement.text for statement in merged] == expected
    assert all(statement.error is None for statement in merged)
