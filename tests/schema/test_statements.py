from __future__ import annotations

import pytest

from voyager_ops.schema.statements import parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1; SELECT 2", ["SELECT 1", "SELECT 2"]),
        ("-- a;b\nSELECT ';' /* ; */ ;", ["SELECT ';'"]),
        ("CREATE RULE r AS ON INSERT TO t DO INSTEAD (SELECT 1; SELECT 2);SELECT 3", None),
        (
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; SELECT 3",
            None,
        ),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT t.case AS end FROM t; END; SELECT 3", None),
        ("CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $x$ BEGIN; END; $$;$$ $x$; SELECT 3", None),
        ("BEGIN; SELECT 1; COMMIT", ["BEGIN", "SELECT 1", "COMMIT"]),
        ("", []),
        (" ;; -- nothing\n;", []),
    ],
)
def test_split(text: str, expected: list[str] | None) -> None:
    found = parse(text)
    assert all(statement.error is None for statement in found)
    texts = [statement.text for statement in found]
    assert texts == expected if expected is not None else (len(texts) == 2 and texts[1] == "SELECT 3")


def test_a_bad_statement_does_not_hide_the_others() -> None:
    first, bad, last = parse("SELECT 'é';\n\nCREATE TABL x;\nSELECT 2;", file="tables/table.sql")
    assert (first.line, bad.line, last.line) == (1, 3, 4)
    assert first.error is None
    assert last.error is None
    assert bad.error is not None
    assert "TABL" in bad.error
    assert bad.file == "tables/table.sql"


def test_an_open_quote_is_reported_not_raised() -> None:
    (found,) = parse("SELECT 1; SELECT 'x")
    assert found.error is not None
    assert "unterminated" in found.error
