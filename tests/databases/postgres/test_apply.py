"""Every shape of statement that apply makes, from a real stream: SQL on the source, the same rows on the target after it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Database, create_database, drop_database
from tests.lane.feed import run_apply
from tests.lane.stream import Stream
from voyager_ops.databases.postgres.apply import read_position
from voyager_ops.errors import ApplyError
from voyager_ops.testing.postgres import Cluster

LARGE = "(SELECT string_agg(md5(i::text || '{}'), '') FROM generate_series(1, 400) i)"
"""About 12 kB that do not compress away: stored outside the row, and left out of the log when unchanged."""


def large(seed: str) -> str:
    return LARGE.format(seed)


@dataclass(frozen=True)
class Case:
    ddl: str
    data: str
    runs: tuple[tuple[str, ...], ...]
    """Batches of transactions."""
    full: tuple[str, ...] = ()
    target_ddl: str | None = None


UNIQUE = "CREATE TABLE t (id int PRIMARY KEY, u int UNIQUE, note text, big text);"
UNIQUE_ROWS = f"INSERT INTO t SELECT i, i, 'n' || i, {large('x')} || i FROM generate_series(1, 5) i;"
PARTS = """
CREATE TABLE p (id int, at date, note text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE p2 (note text, gone int, at date NOT NULL, id int NOT NULL);
ALTER TABLE p2 DROP COLUMN gone;
ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
"""
PART_ROWS = "INSERT INTO p SELECT i, '2020-06-01'::date + i * 50, 'n' FROM generate_series(1, 10) i;"

CASES = {
    "composite key": Case(
        'CREATE TABLE "Odd ""Name" (b text COLLATE "C", "A" int, v text, PRIMARY KEY ("A", b));',
        """INSERT INTO "Odd ""Name" SELECT 'b' || i, i % 3, 'v' FROM generate_series(1, 9) i;""",
        (
            ("""UPDATE "Odd ""Name" SET v = v || 'x' WHERE "A" = 1""", """DELETE FROM "Odd ""Name" WHERE b = 'b3'"""),
            ("""UPDATE "Odd ""Name" SET "A" = "A" + 10, b = b || '!' WHERE "A" = 2""",),
        ),
    ),
    "only a key": Case(
        "CREATE TABLE t (a int, b int, PRIMARY KEY (a, b));",
        "INSERT INTO t VALUES (1, 1), (2, 2);",
        (("DELETE FROM t WHERE a = 1; INSERT INTO t VALUES (1, 1)", "UPDATE t SET a = 3 WHERE a = 2"),),
    ),
    "swap of two": Case(
        UNIQUE,
        UNIQUE_ROWS,
        (("UPDATE t SET u = -1 WHERE id = 1; UPDATE t SET u = 1 WHERE id = 2; UPDATE t SET u = 2 WHERE id = 1",),),
    ),
    "ring of three, then again": Case(
        UNIQUE,
        UNIQUE_ROWS,
        (
            ("UPDATE t SET u = -u; UPDATE t SET u = id % 3 + 1 WHERE id <= 3; UPDATE t SET u = id WHERE id > 3",),
            ("UPDATE t SET u = -u; UPDATE t SET u = (id + 1) % 3 + 1 WHERE id <= 3; UPDATE t SET u = -u WHERE id > 3",),
        ),
    ),
    "swap with keys that move": Case(
        UNIQUE,
        UNIQUE_ROWS,
        (
            (
                "UPDATE t SET u = -1, id = 11 WHERE id = 1; UPDATE t SET u = 1, id = 1 WHERE id = 2;"
                "UPDATE t SET u = 2, id = 2 WHERE id = 11",
            ),
        ),
    ),
    "value handed on after a delete": Case(
        UNIQUE, UNIQUE_ROWS, (("DELETE FROM t WHERE id = 1", "UPDATE t SET u = 1 WHERE id = 2", "INSERT INTO t VALUES (9, 2)"),)
    ),
    "partial unique index": Case(
        UNIQUE + "ALTER TABLE t DROP CONSTRAINT t_u_key; CREATE UNIQUE INDEX one ON t (note) WHERE u > 0;",
        UNIQUE_ROWS,
        (
            (
                "UPDATE t SET u = -u WHERE id = 1; UPDATE t SET note = 'n1' WHERE id = 2; "
                "UPDATE t SET u = 5, note = 'n2' WHERE id = 1",
            ),
        ),
    ),
    "unique expression": Case(
        UNIQUE + "CREATE UNIQUE INDEX one ON t (lower(note));",
        UNIQUE_ROWS,
        (
            (
                "UPDATE t SET note = 'zz' WHERE id = 1; UPDATE t SET note = 'N1' WHERE id = 2; "
                "UPDATE t SET note = 'N2' WHERE id = 1",
            ),
        ),
    ),
    "deferrable unique": Case(
        "CREATE TABLE t (id int PRIMARY KEY, u int UNIQUE DEFERRABLE, v int);",
        "INSERT INTO t SELECT i, i, i FROM generate_series(1, 5) i;",
        (("UPDATE t SET u = 6 - u",),),
    ),
    "deferrable key": Case(
        "CREATE TABLE t (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, v text);",
        "INSERT INTO t SELECT i, 'v' || i FROM generate_series(1, 5) i;",
        (("UPDATE t SET id = 6 - id", "DELETE FROM t WHERE id = 3; UPDATE t SET v = 'w' WHERE id = 2"),),
        full=("t",),
    ),
    "exclusion": Case(
        "CREATE TABLE t (id int PRIMARY KEY, during int4range, EXCLUDE USING gist (during WITH &&));",
        "INSERT INTO t VALUES (1, '[1,5)'), (2, '[5,9)');",
        (
            (
                "UPDATE t SET during = '[20,21)' WHERE id = 1; UPDATE t SET during = '[1,5)' WHERE id = 2;"
                "UPDATE t SET during = '[5,9)' WHERE id = 1",
            ),
        ),
    ),
    "large values stay": Case(
        UNIQUE,
        UNIQUE_ROWS,
        (
            ("UPDATE t SET note = 'm'", f"UPDATE t SET big = {large('y')} WHERE id = 2", "UPDATE t SET note = 'o' WHERE id = 2"),
            ("UPDATE t SET id = id + 100", "UPDATE t SET id = id + 100, note = 'moved' WHERE id > 103"),
            (
                "UPDATE t SET id = id - 1 WHERE id = 101; UPDATE t SET id = 101 WHERE id = 102; "
                "UPDATE t SET id = 102 WHERE id = 100",
            ),
        ),
    ),
    "full identity with a key": Case(
        UNIQUE,
        UNIQUE_ROWS,
        (("UPDATE t SET note = 'm' WHERE id < 4", "UPDATE t SET id = id + 10", "DELETE FROM t WHERE id = 12"),),
        full=("t",),
    ),
    "rows without a key": Case(
        "CREATE TABLE k (a int, b numeric, j json, p point, big text);",
        f"INSERT INTO k SELECT i % 3, 1.0, '{{}}', '(1,2)', {large('k')} FROM generate_series(1, 9) i; "
        "INSERT INTO k VALUES (NULL), (NULL);"
        "INSERT INTO k (a, b) VALUES (1, 1.00);",
        (
            ("DELETE FROM k WHERE ctid = (SELECT min(ctid) FROM k WHERE a = 1)", "INSERT INTO k SELECT * FROM k WHERE a = 2"),
            ("UPDATE k SET a = 7 WHERE ctid IN (SELECT ctid FROM k WHERE a = 0 LIMIT 2)",),
            (
                "DELETE FROM k WHERE b = 1.00 AND b::text = '1.00'",
                "DELETE FROM k WHERE ctid = (SELECT min(ctid) FROM k WHERE a IS NULL)",
            ),
            ("INSERT INTO k (a) VALUES (4), (4), (4); DELETE FROM k WHERE a = 4; INSERT INTO k (a) VALUES (4)",),
        ),
    ),
    "rows without a key in partitions": Case(
        "CREATE TABLE k (a int, v text) PARTITION BY LIST (a); CREATE TABLE k1 PARTITION OF k FOR VALUES IN (1);"
        "CREATE TABLE k2 PARTITION OF k DEFAULT;",
        "INSERT INTO k SELECT i % 3, 'v' FROM generate_series(1, 12) i;",
        (("UPDATE k SET a = 2 WHERE a = 1", "DELETE FROM k WHERE a = 0", "INSERT INTO k VALUES (1, 'x'), (1, 'x')"),),
    ),
    "identity always and generated": Case(
        "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text, g text GENERATED ALWAYS AS (v || '!') STORED);"
        "CREATE TABLE s (k text PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY, v text);",
        "INSERT INTO t (v) VALUES ('a'), ('b'); INSERT INTO s (k) VALUES ('a'), ('b');",
        (
            ("INSERT INTO t (v) VALUES ('c'); UPDATE t SET v = 'z' WHERE id = 1", "UPDATE s SET v = 'y' WHERE k = 'a'"),
            ("UPDATE s SET n = DEFAULT WHERE k = 'b'; INSERT INTO s (k) VALUES ('c'); DELETE FROM s WHERE k = 'a'",),
        ),
    ),
    "partitions": Case(
        PARTS,
        PART_ROWS,
        (
            (
                "UPDATE p SET note = 'm' WHERE id < 5; DELETE FROM p WHERE id = 6",
                "INSERT INTO p VALUES (50, '2021-02-02', 'new')",
            ),
            ("UPDATE p SET at = at + 180 WHERE at < '2020-12-01'", "UPDATE p2 SET note = 'direct'"),
        ),
    ),
    "partitioned on one side only": Case(
        PARTS,
        PART_ROWS,
        (("UPDATE p SET at = at + 180 WHERE at < '2020-12-01'", "DELETE FROM p WHERE id = 8", "TRUNCATE p1"),),
        target_ddl="CREATE TABLE p (id int, at date, note text, PRIMARY KEY (id, at));",
    ),
    "truncate": Case(
        UNIQUE + PARTS + "CREATE TABLE child (id int PRIMARY KEY, t int REFERENCES t);",
        UNIQUE_ROWS + PART_ROWS + "INSERT INTO child VALUES (1, 1);",
        (
            ("INSERT INTO p VALUES (60, '2020-05-05', 'x'); TRUNCATE p; INSERT INTO p VALUES (1, '2021-05-05', 'after')",),
            ("INSERT INTO p VALUES (70, '2020-05-05', 'x')", "UPDATE p SET note = 'q'; TRUNCATE p2"),
            ("TRUNCATE t, child; INSERT INTO t VALUES (1, 1)",),
            ("INSERT INTO child VALUES (5, 1); ALTER TABLE child DROP CONSTRAINT child_t_fkey; TRUNCATE t",),
        ),
    ),
    "citext key and enum": Case(
        "CREATE EXTENSION citext; CREATE TYPE mood AS ENUM ('Sad one', 'ok');"
        "CREATE TABLE t (k citext PRIMARY KEY, m mood UNIQUE); CREATE TABLE e (m mood, d date, PRIMARY KEY (m, d));",
        "INSERT INTO t VALUES ('Abc', 'ok'); INSERT INTO e VALUES ('ok', '2020-01-01');",
        (("UPDATE t SET k = 'aBC'", "UPDATE t SET m = 'Sad one'", "UPDATE e SET m = 'Sad one'", "DELETE FROM e"),),
    ),
    "numeric key of another scale": Case(
        "CREATE TABLE t (k numeric PRIMARY KEY, v int);",
        "INSERT INTO t VALUES (1.0, 1), (2, 2);",
        (("DELETE FROM t WHERE k = 1; INSERT INTO t VALUES (1.00, 5)", "UPDATE t SET k = 2.000 WHERE k = 2"),),
    ),
    "long key": Case(
        "CREATE TABLE t (k text PRIMARY KEY, v int); ALTER TABLE t ALTER k SET STORAGE EXTERNAL;",
        f"INSERT INTO t SELECT substr({large('k')}, 1, 2600), 1; INSERT INTO t VALUES ('b', 1);",
        (("UPDATE t SET v = 2", "UPDATE t SET k = 'c' || substr(k, 2) WHERE length(k) > 9"),),
    ),
    "inheritance": Case(
        "CREATE TABLE parent (id int PRIMARY KEY, v text); CREATE TABLE heir (PRIMARY KEY (id)) INHERITS (parent);",
        "INSERT INTO parent VALUES (1, 'p'); INSERT INTO heir VALUES (1, 'h'), (2, 'h');",
        (("UPDATE ONLY parent SET v = 'q'; DELETE FROM heir WHERE id = 1", "TRUNCATE ONLY parent"),),
    ),
    "triggers do not act": Case(
        "CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE log (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text);"
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO public.log (v) VALUES (NEW.v);"
        "RETURN NEW; END$$; CREATE TRIGGER n BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION note();",
        "INSERT INTO t VALUES (1, 'a');",
        (("UPDATE t SET v = 'b'; INSERT INTO t VALUES (2, 'c')",),),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_target_follows(name: str, source_db: Database, target_db: Database, tmp_path: Path) -> None:
    case = CASES[name]
    stream = Stream(source_db, target_db, tmp_path, case.ddl, case.data, full=case.full, target_ddl=case.target_ddl)
    for batch in case.runs:
        stream.apply(*batch)
    # One more time from the beginning, transaction by transaction: the batches must not have mattered.
    with target_db.connect() as connection:
        position = read_position(connection, "m", stream.feed.context.lane)
    assert position.position == stream.feed.transactions[-1][0]
    assert position.user_changes == sum(len(changes) for _, changes in stream.feed.transactions)


TYPES = {
    "smallint": ["-32768", "32767"],
    "bigint": ["-9223372036854775808", "9223372036854775807"],
    "numeric": ["'NaN'", "'-Infinity'", "1e-1000", "1.00", "-0.000", "9" * 500],
    "numeric(10,3)": ["1.5", "-9999999.999"],
    "real": ["'-0'", "'1.17549435e-38'", "'NaN'", "'Infinity'", "3.4028235e38"],
    "double precision": ["'-0'", "5e-324", "1.7976931348623157e308", "0.1", "'-Infinity'"],
    "money": ["'-92233720368547758.08'", "'1.5'"],
    "boolean": ["true", "false"],
    "char(5)": ["'ab'", "'     '", "''"],
    '"char"': ["'x'", "''"],
    "varchar(8)": ["'ab  '", "''"],
    "text": ["''", "'NULL'", "E'a\\nb\\tc\\\\ \"q\" \\''", "repeat('😀', 2000)", "'{\"a\",b}'"],
    "name": ["'aName'"],
    "bytea": ["''", "'\\x00ff5c27'", "decode(repeat('00ff', 5000), 'hex')"],
    "date": ["'4713-01-01 BC'", "'infinity'", "'-infinity'", "'5874897-12-31'"],
    "time": ["'24:00:00'", "'00:00:00.000001'"],
    "timetz": ["'23:59:60+15:59'"],
    "timestamp": ["'infinity'", "'4713-01-01 00:00:00 BC'", "'294276-12-31 23:59:59.999999'"],
    "timestamptz": ["'infinity'", "'0001-01-01 00:00:00+00 BC'", "'2026-03-29 02:30:00+02'"],
    "timestamp(0)": ["'2026-01-01 00:00:59'"],
    "interval": ["'1 day'", "'24 hours'", "'-178000000 years'", "'1 mon -1 day 00:00:00.000001'"],
    "uuid": ["'00000000-0000-0000-0000-000000000000'"],
    "json": ['\'{"b": 1,  "a":2}\'', "'null'"],
    "jsonb": ['\'{"b": 1.00, "a": "\\u00e9"}\'', "'null'", "'[]'"],
    "inet": ["'10.0.0.1/8'", "'::1'"],
    "cidr": ["'10.0.0.0/8'"],
    "macaddr8": ["'08:00:2b:01:02:03:04:05'"],
    "bit": ["B'1'"],
    "bit(9)": ["B'101010101'"],
    "varbit": ["B''", "B'1110'"],
    "int4range": ["'empty'", "'[1,5)'", "'(,)'"],
    "nummultirange": ["'{}'", "'{[1.0,2.00],(3,)}'"],
    "point": ["'(1e-300,-0)'"],
    "path": ["'[(1,2),(3,4)]'"],
    "polygon": ["'((0,0),(1,1),(1,0))'"],
    "tsvector": ["'a:1A b''c:2'"],
    "tsquery": ["'a & !b'"],
    "int[]": ["'{}'", "'{1,NULL,3}'", "'[2:3][0:1]={{1,2},{3,4}}'"],
    "text[]": ["array['', 'NULL', null, '\"', 'a,b', E'\\\\']"],
    "date[]": ["'{infinity,2020-01-01}'"],
    "public.mood": ["'Sad, \"one\"'"],
    "public.mood[]": ["array['ok', null, 'Sad, \"one\"']::public.mood[]"],
    'public."Pair"': ["row(null, '')", "row(1, '(\",\\')"],
    'public."Pair"[]': ["array[row(1, 'a,b'), null]::public.\"Pair\"[]"],
    "public.positive": ["7"],
    "public.words": ["array['a b', '']"],
    "public.citext": ["'MiXed'"],
    "public.hstore": ['\'a=>1, "b c"=>NULL, ""=>""\''],
    "public.ltree": ["'Top.Science'"],
    "pg_lsn": ["'FFFFFFFF/FFFFFFFF'"],
    "regclass": ["'pg_catalog.pg_class'"],
    "oid": ["4294967295"],
}
TYPES_DDL = """
CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION ltree;
CREATE TYPE mood AS ENUM ('Sad, "one"', 'ok');
CREATE TYPE "Pair" AS (n int, "T x" text);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN words AS text[];
"""


def type_zoo(types: dict[str, list[str]]) -> tuple[str, list[str]]:
    """DDL of one table with a column per type, and transactions that insert and update every value of each."""
    columns = ", ".join(f"c{number} {name}" for number, name in enumerate(types))
    ddl = TYPES_DDL + f"CREATE TABLE zoo (id int PRIMARY KEY, {columns}); CREATE TABLE bare ({columns});"
    transactions = ["INSERT INTO zoo (id) SELECT generate_series(1, 10)"]
    for place in range(6):
        chosen = {f"c{number}": values[place] for number, values in enumerate(types.values()) if place < len(values)}
        names, texts = ", ".join(chosen), ", ".join(chosen.values())
        transactions.append(f"INSERT INTO zoo (id, {names}) VALUES ({100 + place}, {texts})")
        transactions.append(f"INSERT INTO bare ({names}) VALUES ({texts}), ({texts})")
        sets = ", ".join(f"{column} = {value}" for column, value in chosen.items())
        transactions.append(f"UPDATE zoo SET {sets} WHERE id = {place + 1}")
    return ddl, transactions


def test_every_type_survives_exactly(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    ddl, transactions = type_zoo(TYPES)
    stream = Stream(source_db, target_db, tmp_path, ddl)
    stream.apply(*transactions)
    # A whole row is found again by the text of all of these.
    stream.apply("DELETE FROM bare WHERE ctid IN (SELECT min(ctid) FROM bare GROUP BY bare::text)")
    with target_db.connect() as connection:
        assert connection.execute("SELECT count(*) FROM bare").fetchone() == (6,)


def test_xml_survives_exactly(system_clusters: tuple[Cluster, Cluster], tmp_path: Path) -> None:
    source, target = (create_database(cluster) for cluster in system_clusters)
    ddl, transactions = type_zoo({**TYPES, "xml": ["'<a>x</a>'", "'text only'", "'<?xml version=\"1.0\"?><b/>'"]})
    Stream(source, target, tmp_path, ddl).apply(*transactions)
    for database in (source, target):
        drop_database(database)


def test_a_value_of_a_hundred_megabytes(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    stream = Stream(source_db, target_db, tmp_path, "CREATE TABLE t (id int PRIMARY KEY, v text, n int);")
    stream.run(
        "INSERT INTO t VALUES (1, repeat('0123456789', 10000000), 1);"
        "INSERT INTO t VALUES (2, repeat('x', 2000000), 1), (3, repeat('y', 2000000), 1)"
    )
    stream.pull()
    run_apply(stream.feed)
    stream.run("UPDATE t SET n = 2, id = id + 10")
    stream.pull()
    run_apply(stream.feed)
    query = "SELECT id, n, length(v), md5(v) FROM t ORDER BY id"
    with source_db.connect() as source, target_db.connect() as target:
        assert target.execute(query).fetchall() == source.execute(query).fetchall()


def test_a_value_that_does_not_fit_is_an_error_not_cut(source_db: Database, target_db: Database, tmp_path: Path) -> None:
    stream = Stream(
        source_db,
        target_db,
        tmp_path,
        "CREATE TABLE t (id int PRIMARY KEY, v varchar(10));",
        target_ddl="CREATE TABLE t (id int PRIMARY KEY, v varchar(3));",
    )
    with pytest.raises(ApplyError, match=r"INSERT of public.t \(id=2\).*22001"):
        stream.apply("INSERT INTO t VALUES (1, 'abc')", "INSERT INTO t VALUES (2, 'abcd')")
    with target_db.connect() as connection:
        assert connection.execute("SELECT id FROM t").fetchall() == [(1,)]
