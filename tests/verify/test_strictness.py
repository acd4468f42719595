"""What equal means, type by type, on real servers: the text form decides."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.verify.conftest import Two
from voyager_ops.testing.postgres import Cluster
from voyager_ops.verify.report import TableVerification

PRELUDE = """
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN cents AS numeric(20, 4);
CREATE DOMAIN short_text AS varchar(10);
CREATE TYPE span AS (amount numeric, unit text);
CREATE TYPE numrange_own AS RANGE (subtype = numeric);
"""
SKEW = "CREATE TYPE only_here AS ENUM ('x'); CREATE TABLE only_here_too (a int); DROP TABLE only_here_too;"
"""Run on one side first, so that OIDs of user types differ between the two."""

DIFFERENT = [
    ("numeric", "1.0", "1.00"),
    ("numeric", "0", "0.0"),
    ("interval", "'1 day'", "'24 hours'"),
    ("interval", "'1 month'", "'30 days'"),
    ("float8", "'0'", "'-0'"),
    ("float4", "'0'", "'-0'"),
    ("float8", "0.1", "0.30000000000000004 - 0.2"),
    ("jsonb", "'{\"a\": 1.0}'", "'{\"a\": 1.00}'"),
    ("json", "'{\"a\":1}'", "'{\"a\": 1}'"),
    ("text", "''", "NULL"),
    ("text", "'a'", "'a '"),
    ("text", "'é'", "U&'e\\0301'"),
    ("varchar(10)", "'NULL'", "NULL"),
    ("char(5)", "'a'", "'b'"),
    ("bytea", "'\\x00'", "'\\x0000'"),
    ("bytea", "''", "NULL"),
    ("bigint", "-1", "4294967295"),
    ("bigint", "0", "4294967297"),
    ("smallint", "1", "2"),
    ("bool", "true", "NULL"),
    ("uuid", "'00000000-0000-0000-0000-000000000000'", "'00000000-0000-0000-0000-000000000001'"),
    ("timestamptz", "'2024-01-01 00:00:00+00'", "'2024-01-01 00:00:00.000001+00'"),
    ("timestamptz", "'infinity'", "'-infinity'"),
    ("timetz", "'10:00:00+00'", "'12:00:00+02'"),
    ("date", "'0001-01-01'", "'0001-01-01 BC'"),
    ("int[]", "'{1,2}'", "'{2,1}'"),
    ("int[]", "'{1,2}'", "'[0:1]={1,2}'"),
    ("int[]", "'{}'", "NULL"),
    ("text[]", "'{NULL}'", "'{\"NULL\"}'"),
    ("text[]", "'{\"a,b\"}'", "'{a,b}'"),
    ("numeric[]", "'{1.0}'", "'{1.00}'"),
    ("inet", "'10.0.0.1'", "'10.0.0.1/24'"),
    ("cidr", "'10.0.0.0/8'", "'10.0.0.0/16'"),
    ("macaddr", "'08:00:2b:01:02:03'", "'08:00:2b:01:02:04'"),
    ("bit(3)", "B'101'", "B'100'"),
    ("varbit", "B'10'", "B'100'"),
    ("money", "'1.00'", "'1.01'"),
    ("oid", "1", "2"),
    ("point", "'(0,1)'", "'(-0,1)'"),
    ("tsvector", "'a:1'::tsvector", "'a:2'::tsvector"),
    ("tsquery", "'a & b'::tsquery", "'a | b'::tsquery"),
    ("int4range", "'[1,3)'", "'[1,4)'"),
    ("numrange", "'[1.0,2]'", "'[1.00,2]'"),
    ("tstzrange", "'[2024-01-01,2024-01-02)'", "'(2024-01-01,2024-01-02)'"),
    ("int4multirange", "'{[1,3)}'", "'{[1,4)}'"),
    ("regtype", "'int4'", "'int8'"),
    ("name", "'a'", "'b'"),
    ('"char"', "'a'", "'b'"),
    ("pg_lsn", "'0/1'", "'0/2'"),
    ("jsonpath", "'$.a'", "'$.b'"),
    ("mood", "'sad'", "'ok'"),
    ("mood[]", "'{sad}'", "'{ok}'"),
    ("cents", "1.0000", "1.0001"),
    ("short_text", "'a'", "'a '"),
    ("span", "ROW(1.0, 'm')", "ROW(1.00, 'm')"),
    ("span[]", "ARRAY[ROW(1.0, 'm')::span]", "ARRAY[ROW(1.00, 'm')::span]"),
    ("numrange_own", "'[1.0,2]'", "'[1.00,2]'"),
]
EQUAL = [
    ("numeric", "1.10", "'1.10'"),
    ("numeric", "'NaN'", "'NaN'"),
    ("float8", "'NaN'", "'NaN'"),
    ("float8", "0.1", "1e-1"),
    ("interval", "'1 day 2 hours'", "'1 day 120 minutes'"),
    ("jsonb", '\'{"a":1,"b":2}\'', '\'{"b":2, "a":1}\''),
    ("timestamptz", "'2024-01-01 02:00:00+02'", "'2024-01-01 00:00:00+00'"),
    ("char(5)", "'a'", "'a  '"),
    ("mood", "'sad'", "'sad'"),
    ("mood[]", "'{sad,NULL}'", "'{sad,NULL}'"),
    ("cents", "1", "1.0000"),
    ("short_text", "'a'", "'a'"),
    ("span", "ROW(1.0, NULL)", "ROW(1.0, NULL)"),
    ("span[]", "ARRAY[ROW(1.0, 'm')::span]", "ARRAY[ROW(1.0, 'm')::span]"),
    ("numrange_own", "'[1.0,2]'", "'[1.0,2]'"),
    ("regtype", "'mood'", "'mood'"),
    ("money", "'1.00'", "'1'"),
    # One null taken out again: the array keeps its null bitmap in one place and not in the other.
    ("int[]", "array_remove('{1,NULL,2}'::int[], NULL)", "'{1,2}'"),
]


def _verify(two: Two, cases: list[tuple[str, str, str]]) -> list[TableVerification]:
    two.on_target(SKEW)
    two.both(PRELUDE)
    for run, second_row in ((two.on_source, 1), (two.on_target, 2)):
        script = []
        for place, case in enumerate(cases):
            script.append(f"CREATE TABLE t{place:03} (id int PRIMARY KEY, v {case[0]}, w text DEFAULT 'w')")
            for key, value in ((1, case[1]), (2, case[second_row]), (3, case[1])):
                script.append(f"INSERT INTO t{place:03} VALUES ({key}, {value})")
        run(";".join(script))
    return two.verify().tables


def _check_all(two: Two) -> None:
    for case, table in zip([*DIFFERENT, *EQUAL], _verify(two, [*DIFFERENT, *EQUAL]), strict=True):
        found = [(row.key, str(row.kind), row.columns) for row in table.differences]
        expected = [({"id": "2"}, "different", ["v"])] if case in DIFFERENT else []
        assert (case, found) == (case, expected)
        assert table.equal is (case in EQUAL)
        assert (table.rows_source, table.rows_target) == (3, 3)


def test_every_type_is_as_strict_as_its_text(two: Two) -> None:
    _check_all(two)


def test_every_type_between_versions(
    system_clusters: tuple[Cluster, Cluster], source_cluster: Cluster, make_two: Callable[[Cluster, Cluster], Two]
) -> None:
    _check_all(make_two(system_clusters[0], source_cluster))


def test_columns_of_other_types_are_compared_as_text(two: Two) -> None:
    two.on_source("CREATE TABLE t (id int PRIMARY KEY, n int, c char(3), d numeric(6,2))")
    two.on_target("CREATE TABLE t (id bigint PRIMARY KEY, n numeric, c char(6), d numeric(6,2))")
    two.both("INSERT INTO t VALUES (1, 5, 'ab', 1), (2, NULL, NULL, NULL)")
    assert two.verify_one().equal
    two.on_target("UPDATE t SET n = 5.0 WHERE id = 1")
    (row,) = two.verify_one().differences
    assert (row.key, row.columns) == ({"id": "1"}, ["n"])


KEYS = {
    "int": ("k int PRIMARY KEY", "i"),
    "bigint": ("k bigint PRIMARY KEY", "i * 4294967296 + 100 - i"),
    "bigint, folded into one": ("k bigint PRIMARY KEY", "CASE i WHEN 1 THEN 1 WHEN 100 THEN 4294967296 ELSE i END"),
    "smallint and int": ("k smallint, l int, PRIMARY KEY (l, k)", "i % 7, i"),
    "two ints, negative": ("k int, l int, PRIMARY KEY (k, l)", "-i, i"),
    "int and bigint": ("k int, l bigint, PRIMARY KEY (k, l)", "i % 7, i"),
    "three ints": ("k int, l int, m int, PRIMARY KEY (k, l, m)", "1, 2, i"),
    "uuid": ("k uuid PRIMARY KEY", "md5(i::text)::uuid"),
    "text": ("k text PRIMARY KEY", "'key ' || i"),
    "text and varchar": ("k text, l varchar(9), PRIMARY KEY (k, l)", "'key', 'l' || i"),
    "char": ("k char(9) PRIMARY KEY", "'key' || i"),
    "numeric": ("k numeric PRIMARY KEY", "i / 7.0"),
    "enum": ("k mood, l int, PRIMARY KEY (k, l)", "'ok', i"),
    "domain": ("k whole PRIMARY KEY", "i"),
    "none": ("k int, l int", "i, 1"),
}
"""Kinds of keys: their DDL, and values made of i."""


@pytest.mark.parametrize("kind", KEYS)
def test_values_swapped_between_rows_or_columns_are_seen(two: Two, kind: str) -> None:
    """A sum of hashes that are sums over columns would not see them."""
    ddl, key = KEYS[kind]
    two.both(
        f"CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN whole AS int; CREATE TABLE t ({ddl}, i int, a int, b int, c text)"
    )
    two.both(f"INSERT INTO t SELECT {key}, i, i, 1000 + i, 'c' || i FROM generate_series(1, 100) i")
    assert two.verify().method == "binary"
    assert two.verify_one().equal
    two.on_target("UPDATE t SET a = 101 - a, c = 'c' || 101 - i WHERE i IN (1, 100); UPDATE t SET a = b, b = a WHERE i = 50")
    table = two.verify_one()
    if kind == "none":
        assert (table.different, table.missing_on_source, table.missing_on_target) == (0, 3, 3)
    else:
        assert sorted(row.columns for row in table.differences) == [["a", "b"], ["a", "c"], ["a", "c"]]
        assert (table.different, table.missing_on_source, table.missing_on_target) == (3, 0, 0)


def test_a_row_for_another_of_nothing_but_its_key_is_seen(two: Two) -> None:
    """As many rows on both sides, and all columns but the key NULL: nothing but the key's own hash tells them apart."""
    two.both("CREATE TABLE t (id int PRIMARY KEY, a text, b numeric); INSERT INTO t SELECT i FROM generate_series(1, 9) i")
    two.on_target("UPDATE t SET id = 10 WHERE id = 5")
    table = two.verify_one()
    assert (table.different, table.missing_on_source, table.missing_on_target) == (0, 1, 1)


@pytest.mark.parametrize("columns", ["a text, b text", "a varchar, b char(3)"])
def test_borders_between_columns_cannot_be_imitated(two: Two, columns: str) -> None:
    two.both(f"CREATE TABLE t (id int PRIMARY KEY, {columns})")
    two.on_source("INSERT INTO t VALUES (1, 'x,', 'y'), (2, NULL, ''), (3, '\"', '\\')")
    two.on_target("INSERT INTO t VALUES (1, 'x', ',y'), (2, '', NULL), (3, '\"', '\\')")
    assert [row.key["id"] for row in two.verify_one().differences] == ["1", "2"]
