"""Tables and the changes that pile up on them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from benchmarks.stage import Database, Stage, run_program

CLIENTS = 4
MIX_SCHEMA = """
CREATE SEQUENCE mix_ids START 1000001;
CREATE TABLE mix_customers (id int PRIMARY KEY, email text NOT NULL UNIQUE, name varchar(60), balance numeric(14,2), since date,
 profile jsonb, active bool, seen timestamptz);
CREATE TABLE mix_orders (id bigint PRIMARY KEY, ref uuid NOT NULL UNIQUE, customer int, status varchar(12), note text,
 total numeric(14,2), tags text[], doc jsonb, placed timestamptz, changed timestamp, weight float8, flag bool);
CREATE TABLE mix_items (order_id bigint, line int, sku text, quantity int, price numeric(10,2), attributes jsonb,
 PRIMARY KEY (order_id, line));
"""
MIX_TABLES = "mix_customers, mix_orders, mix_items"
MIX_DATA = """
INSERT INTO mix_customers SELECT i, 'c' || i || '@example.com', 'customer ' || i, i / 3.0, date '2000-01-01' + i % 9000,
 jsonb_build_object('level', i % 5, 'city', 'city ' || i % 300), i % 2 = 0, now() FROM generate_series(1, {customers}) i;
INSERT INTO mix_orders SELECT i, gen_random_uuid(), i % {customers} + 1, 'open', 'a note about order number ' || i, i / 7.0,
 ARRAY['a', 'b' || i % 9], jsonb_build_object('n', i, 'lines', jsonb_build_array(i % 3, i % 5)), now(), now(), sqrt(i), true
 FROM generate_series(1, {orders}) i;
INSERT INTO mix_items SELECT i, 1, 'sku-' || i % 5000, i % 9 + 1, i / 11.0, '{{"colour": "red"}}'
 FROM generate_series(1, {orders}) i;
"""
MIX_SCRIPT = """\\set a random(1, {orders})
\\set b random(1, {orders})
\\set c random(1, {customers})
BEGIN;
INSERT INTO mix_orders SELECT nextval('mix_ids'), gen_random_uuid(), :c, 'new', 'a note about an order of customer ' || :c,
 :c / 7.0, ARRAY['n'], jsonb_build_object('n', :a, 'why', 'because of ' || :b), now(), now(), :a / 3.0, false;
INSERT INTO mix_items VALUES (currval('mix_ids'), 1, 'sku-' || :a, 3, 9.99, '{{"colour": "blue"}}'),
 (currval('mix_ids'), 2, 'sku-' || :b, 1, 0.99, NULL);
UPDATE mix_orders SET status = 'paid', total = total + 1, changed = now(), doc = doc || '{{"paid": true}}' WHERE id = :a;
UPDATE mix_customers SET balance = balance - 1, seen = now(), email = 'c' || :c || '.' || :a || '@example.com' WHERE id = :c;
DELETE FROM mix_orders WHERE id = :b;
COMMIT;
"""
MIX_CHANGES = 6
PGBENCH_TABLES = ["pgbench_accounts", "pgbench_branches", "pgbench_tellers", "pgbench_history"]
TPCB_CHANGES = 4


def tpcb_sides(scale: int) -> Callable[[Database, Database], None]:
    """pgbench's tables with their keys; rows on the source."""

    def make(source: Database, target: Database) -> None:
        pgbench_tables(source, scale, "dtgvp")
        pgbench_tables(target, scale, "dtp")

    return make


def pgbench_tables(database: Database, scale: int, steps: str) -> None:
    """``steps`` are pgbench's letters: d drop, t tables, g rows, v vacuum, p primary keys."""
    command = [database.program("pgbench"), "-i", "-q", "-s", str(scale), "-I", steps, database.name]
    run_program(command, database.environment)


def pgbench(source: Database, transactions: int, script: Path | None = None) -> None:
    """So many transactions in all, as fast as they go, not flushed one by one."""
    command = [*pgbench_command(source, script), "-t", str(max(1, transactions // CLIENTS))]
    run_program(command, {**source.environment, "PGOPTIONS": "-c synchronous_commit=off"})


def pgbench_command(source: Database, script: Path | None = None) -> list[str]:
    kind = ["-b", "tpcb-like"] if script is None else ["-f", str(script)]
    return [source.program("pgbench"), "-n", "-c", str(CLIENTS), "-j", "1", *kind]


def paced(source: Database, changes_per_second: float, seconds: float) -> subprocess.Popen[bytes]:
    """TPC-B at a steady rate, in the background."""
    rate = changes_per_second / TPCB_CHANGES
    command = [*pgbench_command(source), "-R", f"{rate:g}", "-T", f"{max(1, round(seconds))}"]
    environment = {**source.environment, "PGOPTIONS": "-c synchronous_commit=off"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def mix_counts(stage: Stage) -> dict[str, int]:
    return {"orders": max(1000, stage.sizes.changes), "customers": max(200, stage.sizes.changes // 8)}


def mix_sides(stage: Stage) -> Callable[[Database, Database], None]:
    def make(source: Database, target: Database) -> None:
        for database in (source, target):
            database.run(MIX_SCHEMA)
        source.run(MIX_DATA.format(**mix_counts(stage)))

    return make


def mix_script(stage: Stage) -> Path:
    path = stage.directory / "mix.sql"
    path.write_text(MIX_SCRIPT.format(**mix_counts(stage)), encoding="utf-8")
    return path


def simple_sides(tables: int, rows: int, *, unique: bool = True) -> Callable[[Database, Database], None]:
    """``tables`` tables t0, t1, … of ``rows`` rows: id, v, a code (unique), a pad."""
    code = "code int UNIQUE" if unique else "code int"

    def make(source: Database, target: Database) -> None:
        for number in range(tables):
            for database in (source, target):
                database.run(f"CREATE TABLE t{number} (id int PRIMARY KEY, v bigint NOT NULL, {code}, pad text)")
            source.run(f"INSERT INTO t{number} SELECT i, 0, i, 'some more text' FROM generate_series(1, {rows}) i")

    return make


def in_procedure(source: Database, body: str) -> None:
    """Run a PL/pgSQL block that commits as it goes."""
    with source.connect() as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute(f"DO $block$ BEGIN {body} END $block$".encode())


def hot_row(source: Database, changes: int) -> None:
    """All changes on one row, 100 a transaction."""
    in_procedure(
        source,
        f"FOR i IN 1..{changes // 100} LOOP"
        " FOR j IN 1..100 LOOP UPDATE t0 SET v = v + 1 WHERE id = 1; END LOOP; COMMIT; END LOOP;",
    )


def each_another_row(source: Database, tables: int, rows: int) -> None:
    """Every row of every table once, a transaction holding one row of each."""
    updates = " ".join(f"UPDATE t{number} SET v = v + 1 WHERE id = i;" for number in range(tables))
    in_procedure(source, f"FOR i IN 1..{rows} LOOP {updates} COMMIT; END LOOP;")


def pairs(source: Database, count: int, *, swap: bool) -> None:
    """``count`` transactions of three updates on a pair of rows, which exchange the pair's unique codes or something else."""
    column = "code" if swap else "v"
    in_procedure(
        source,
        f"FOR i IN 1..{count} LOOP UPDATE t0 SET {column} = -i WHERE id = 2 * i;"
        f" UPDATE t0 SET {column} = 2 * i WHERE id = 2 * i - 1;"
        f" UPDATE t0 SET {column} = 2 * i - 1 WHERE id = 2 * i; COMMIT; END LOOP;",
    )


def one_large_transaction(source: Database, rows: int) -> None:
    """Insert ``rows`` wide rows into t0 in a single transaction, and change all of them in another."""
    source.run(
        f"INSERT INTO t0 SELECT i, i, NULL, repeat(md5(i::text), 10) FROM generate_series(1000000, {1_000_000 + rows - 1}) i",
        "UPDATE t0 SET v = v + 1, pad = pad || 'x' WHERE id >= 1000000",
    )
