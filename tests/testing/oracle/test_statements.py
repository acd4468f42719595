"""Kinds and binds, found as the driver finds them (checked against the driver's own answer)."""

from __future__ import annotations

import oracledb
import pytest

from tests.testing.oracle.scripted import ScriptedEngine
from voyager_ops.testing.oracle.engine import StatementKind
from voyager_ops.testing.oracle.server import Server
from voyager_ops.testing.oracle.statements import parse

CASES = [
    ("select :a, :b, :a from t", StatementKind.QUERY, ("A", "B", "A"), 0),
    ("begin p(:a, :b, :a); end;", StatementKind.PLSQL, ("A", "B"), 0),
    ("declare x number := 1; begin x := :x; end;", StatementKind.PLSQL, ("X",), 0),
    ("call p(:1)", StatementKind.PLSQL, ("1",), 0),
    ("insert into t values (:1, ':no', q'[it's :no]', nq'{:no}', :2)", StatementKind.DML, ("1", "2"), 0),
    ("update t set a = :new where b = :old returning a, b into :c, :d", StatementKind.DML, ("NEW", "OLD", "C", "D"), 2),
    ("select 1 /* :no */ from t -- :no\nwhere x = :yes", StatementKind.QUERY, ("YES",), 0),
    ('select :"Mixed Case", ":no" from t', StatementKind.QUERY, ("Mixed Case",), 0),
    ("select json_object('a': b, 'c' :d) from t where x = :y", StatementKind.QUERY, ("Y",), 0),
    ("select :a_1$#, t.b from t", StatementKind.QUERY, ("A_1$#",), 0),
    ("/* hint */ with q as (select 1 from dual) select * from q where :x = 1", StatementKind.QUERY, ("X",), 0),
    ("(select 1 from dual where :x = 1)", StatementKind.QUERY, ("X",), 0),
    ("create trigger t before insert on x begin :new.a := 1; end;", StatementKind.DDL, (), 0),
    ("commit", StatementKind.OTHER, (), 0),
    ("lock table t in exclusive mode", StatementKind.OTHER, (), 0),
    ("select 'unclosed q''s' from t where a = :x", StatementKind.QUERY, ("X",), 0),
    ("merge into t using (select :a as a from dual) s on (t.a = s.a)", StatementKind.DML, ("A",), 0),
    ("select to_char(d, 'HH24:MI:SS'), : spaced from t", StatementKind.QUERY, ("SPACED",), 0),
]


@pytest.mark.parametrize(("text", "kind", "names", "returning"), CASES)
def test_parse(text: str, kind: StatementKind, names: tuple[str, ...], returning: int) -> None:
    statement = parse(text)
    assert (statement.kind, statement.bind_names, statement.returning_binds) == (kind, names, returning)
    assert sorted({index for _, _, index in statement.bind_spans}) == list(range(len(names)))
    for start, end, index in statement.bind_spans:
        assert text[start] == ":"
        assert names[index] in (text[start:end].lstrip(": ").upper(), text[start:end].lstrip(": ").strip('"'))


def test_the_driver_finds_the_same() -> None:
    with Server(ScriptedEngine()) as server, oracledb.connect(user="hr", password="hr_pw", dsn=server.dsn()) as connection:
        for text, _, names, _ in CASES:
            cursor = connection.cursor()
            cursor.prepare(text)
            assert cursor.bindnames() == list(dict.fromkeys(names)), text
