"""The same queries by two translations that were written apart: the simulator's own, and the one that views go through.
Where a real Oracle is named (tests/oracle_source.py) it answers instead of the simulator.

Both databases hold the same rows; the answers have to be the same. Where the order of rows is not told it is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import oracledb
import psycopg
import pytest

from tests.conftest import create_database, drop_database
from tests.oracle_source import oracle_source
from voyager_ops.databases.oracle.dictionary import read_dictionary
from voyager_ops.databases.oracle.overrides import Overrides
from voyager_ops.schema.oracle.convert import convert
from voyager_ops.schema.oracle.gate import translate_query
from voyager_ops.schema.oracle.output import Output
from voyager_ops.schema.oracle.source import NamesOf, Source
from voyager_ops.schema.oracle.tables import convert_tables
from voyager_ops.testing.oracle.simulator import PRIVILEGES
from voyager_ops.testing.postgres import Cluster

TABLES = (
    "CREATE TABLE employees (id NUMBER(6) PRIMARY KEY, first_name VARCHAR2(20), last_name VARCHAR2(25), salary NUMBER(8,2),"
    " dept NUMBER(4), hired DATE, boss NUMBER(6), code CHAR(4))",
    "CREATE TABLE departments (id NUMBER(4) PRIMARY KEY, name VARCHAR2(30), place NUMBER(4))",
)
EMPLOYEES = [
    (1, None, "King", None, 1, "2000-01-01", None, "a"),
    (2, "Al", "kong", "10.50", 1, "2001-02-28", 1, "ab"),
    (3, "bo", "Ab", "1000", 2, "1999-12-31", 1, None),
    (4, "Zoë", "X", "2500.75", 9, "2000-02-29", 2, "zz"),
    (5, "Al", "ab", "2500.75", None, "2004-08-31", 3, "ab"),
    (6, None, "King", "0.25", 2, "2000-01-01", 2, "zzzz"),
    (7, "bo", "kong", "1000", 3, "2001-01-31", 9, "b"),
]
DEPARTMENTS = [(1, "IT", 10), (2, "Sales", None), (3, None, 30), (4, "HR", 10)]
QUERIES = (
    "SELECT e.id, d.name FROM employees e, departments d WHERE e.dept = d.id (+) AND d.place (+) = 10",
    "SELECT e.id, m.last_name, d.name FROM employees e, employees m, departments d WHERE e.boss = m.id (+) AND m.dept = d.id (+)",
    "SELECT d.id, COUNT(e.id), SUM(NVL(e.salary, 0)), AVG(e.salary), MIN(e.last_name), MAX(e.code) FROM departments d"
    " LEFT JOIN employees e ON e.dept = d.id GROUP BY d.id",
    "SELECT first_name || last_name || code || id FROM employees",
    "SELECT id FROM employees WHERE code = 'ab'",
    "SELECT id FROM employees WHERE code || 'x' = 'ab  x'",
    "SELECT id FROM employees WHERE first_name NOT IN ('Al', 'bo') OR first_name = ''",
    "SELECT id, salary / dept, MOD(id, 4), dept / 2 FROM employees",
    "SELECT id FROM employees WHERE last_name > 'a' OR last_name BETWEEN 'K' AND 'Z'",
    "SELECT id, RANK() OVER (PARTITION BY dept ORDER BY salary DESC, id), SUM(salary) OVER (ORDER BY id) FROM employees",
    "SELECT id, hired - DATE '1999-01-01', ADD_MONTHS(hired, 6), LAST_DAY(hired), TRUNC(hired, 'Q'), hired + 1/3 FROM employees",
    "SELECT ROUND(MONTHS_BETWEEN(hired, DATE '1999-05-31'), 8) FROM employees",
    "SELECT dept, LISTAGG(last_name, ',') WITHIN GROUP (ORDER BY last_name, id) FROM employees GROUP BY dept",
    "SELECT id, LENGTH(code), SUBSTR(code, 2), SUBSTR(last_name, -2, 1), INITCAP(last_name), 'x' || salary FROM employees",
    "SELECT id, DECODE(dept, NULL, 'none', 1, 'one', 'more'), NVL2(first_name, 1, 0), COALESCE(first_name, code, 'q')"
    " FROM employees",
    "SELECT dept, boss, COUNT(*) FROM employees GROUP BY ROLLUP (dept, boss)",
    "SELECT dept, SUM(id) / COUNT(*), NVL(SUM(boss), 0) / 2, SUM(id) * SUM(id) FROM employees GROUP BY dept",
    "SELECT dept FROM employees MINUS SELECT id FROM departments",
    "SELECT id FROM departments INTERSECT SELECT dept FROM employees UNION SELECT place FROM departments",
    "SELECT e.id FROM employees e WHERE e.dept NOT IN (SELECT id FROM departments)",
    "SELECT t.n, t.s FROM (SELECT last_name n, SUM(salary) s FROM employees GROUP BY last_name ORDER BY last_name DESC) t"
    " WHERE ROWNUM <= 2",
    "SELECT id FROM employees WHERE salary BETWEEN 10 AND 2000 OR dept IS NULL AND boss > 1",
    "SELECT id FROM employees e WHERE EXISTS (SELECT NULL FROM departments d WHERE d.id = e.dept AND d.name LIKE '%a%')",
    "SELECT x.n FROM (SELECT last_name n, ROW_NUMBER() OVER (ORDER BY salary DESC NULLS LAST, id) r FROM employees) x"
    " WHERE x.r <= 3",
    "WITH big AS (SELECT dept d, COUNT(*) c FROM employees GROUP BY dept HAVING COUNT(*) > 1) SELECT d, c FROM big WHERE d > 1",
)


@pytest.fixture(scope="module")
def both(source_cluster: Cluster, target_cluster: Cluster) -> Iterator[tuple[oracledb.Cursor, psycopg.Connection, Source]]:
    database = create_database(target_cluster)
    with oracle_source(source_cluster, {"HR": PRIVILEGES}) as made, made.connect("HR") as oracle:
        cursor = oracle.cursor()
        cursor.outputtypehandler = _exact
        for statement in TABLES:
            cursor.execute(statement)
        cursor.executemany("INSERT INTO employees VALUES (:1, :2, :3, :4, :5, TO_DATE(:6, 'YYYY-MM-DD'), :7, :8)", EMPLOYEES)
        cursor.executemany("INSERT INTO departments VALUES (:1, :2, :3)", DEPARTMENTS)
        oracle.commit()
        dictionary = read_dictionary(oracle, ["HR"])
        source = Source(dictionary, Overrides())
        convert_tables(source, Output())
        with psycopg.connect(database.url, autocommit=True) as postgres:
            for text in convert(dictionary).statements:
                postgres.execute(text.encode())
            rows = postgres.cursor()
            rows.executemany("INSERT INTO hr.employees VALUES (%s, %s, %s, %s::numeric, %s, %s::timestamp, %s, %s)", EMPLOYEES)
            rows.executemany("INSERT INTO hr.departments VALUES (%s, %s, %s)", DEPARTMENTS)
            yield cursor, postgres, source
    drop_database(database)


def _exact(cursor: oracledb.Cursor, metadata: oracledb.FetchInfo) -> oracledb.Var | None:
    return cursor.var(Decimal, arraysize=cursor.arraysize) if metadata.type_code is oracledb.DB_TYPE_NUMBER else None


def _comparable(value: Any) -> str:
    if isinstance(value, (int, Decimal)):
        return f"{round(Decimal(value), 10).normalize():f}"
    return repr(value)


def _answer(rows: list[Any]) -> list[list[str]]:
    return sorted([_comparable(value) for value in row] for row in rows)


@pytest.mark.parametrize("query", QUERIES)
def test_both_answer_alike(query: str, both: tuple[oracledb.Cursor, psycopg.Connection, Source]) -> None:
    oracle, postgres, source = both
    translated = translate_query(query, names=NamesOf(source, "HR"), owner="HR").sql
    found = _answer(postgres.execute(translated.encode()).fetchall())
    assert found == _answer(oracle.execute(query).fetchall())
    assert found
